//! The ways to the authorities over one record: which of them is asked first, and which ones after it.

use super::link::Link;
use super::protocol::RenewError;
use super::remote::RemoteSettings;
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// See the module.
pub(super) struct Ways {
    links: Vec<Arc<Link>>,
    /// Which one is asked first.
    first: AtomicUsize,
}

impl Ways {
    /// The ways to these authorities, an attempt on each of at most so long; nothing is connected yet. Which one is
    /// asked first follows from `chance`, so that a fleet spreads over them.
    pub(super) fn new(settings: RemoteSettings, attempt_max: Duration, chance: u64) -> Result<Self, RenewError> {
        let RemoteSettings { urls, files, token_file, named, lease: _ } = settings;
        let link =
            |url: &String| Link::new(url, files.clone(), token_file.clone(), named.clone(), attempt_max).map(Arc::new);
        let links: Vec<_> = urls.iter().map(link).collect::<Result<_, _>>()?;
        let count = u64::try_from(links.len()).unwrap_or(u64::MAX);
        let first = chance.checked_rem(count).ok_or_else(nobody)?;
        Ok(Self { links, first: AtomicUsize::new(usize::try_from(first).unwrap_or(0)) })
    }

    /// Each once, with its place, from the one that is asked first.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (usize, &Arc<Link>)> {
        let first = self.first.load(Ordering::Relaxed);
        self.links.iter().enumerate().cycle().skip(first).take(self.links.len())
    }

    /// The one at this place has answered: it is asked first from now on.
    pub(super) fn answered(&self, place: usize) {
        self.first.store(place, Ordering::Relaxed);
    }
}

/// What is said where there is none to ask.
pub(super) fn nobody() -> RenewError {
    RenewError::Unreachable("no address is given".to_owned())
}
