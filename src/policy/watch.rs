//! Reload: the set in use, exchanged whole or not at all. The files are read and compared by content
//! on every poll, so that links swapped behind a directory and edits without a new time are seen.
//!
//! A bundle may also be handed over, and is then in use at once ([`PolicyHandle::judge`], [`PolicyHandle::take`]).
//!
//! A bad set keeps the last good one for a grace and no longer: then nobody may be allowed anything by
//! policies that somebody has tried to replace. Time is that since boot: it runs on in suspend and
//! cannot be set.

pub use handed::{HandedOver, NotTaken};

use super::finding::LoadError;
use super::load::PolicySet;
use super::origin::{BundleInUse, Fingerprint, Found, Newest, Origin};
use arc_swap::ArcSwap;
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

/// How the policies in use stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyStatus {
    /// The policy revision in use.
    pub digest: String,
    /// When it was loaded, since boot.
    pub loaded_at: Duration,
    /// When the files were last compared with it, since boot.
    pub checked_at: Duration,
    /// Since when the files have not been loadable, since boot.
    pub failing_since: Option<Duration>,
    /// Why.
    pub last_error: Option<Arc<LoadError>>,
    /// How often a set was exchanged.
    pub reloads: u64,
    /// The bundle they are from; `None` where they are from a directory.
    pub bundle: Option<BundleInUse>,
}

/// What one poll or reload found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reloaded {
    /// The files are those in use.
    Unchanged,
    /// A new set is in use.
    Swapped {
        /// Its revision.
        digest: String,
    },
    /// The files change while they are read: the next poll will see what becomes of them.
    Changing,
    /// The files cannot be loaded; the last good set stays until the grace is over.
    Failed(Arc<LoadError>),
}

/// The policies must not be used any more: they failed to load, or were not compared, for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the policies have not been valid for longer than the grace of {} s", .grace.as_secs())]
pub struct PoliciesStale {
    /// The grace.
    pub grace: Duration,
}

#[derive(Debug)]
struct InUse {
    set: Arc<PolicySet>,
    status: PolicyStatus,
}

/// The policies in use. Reading is one atomic load; nobody waits for a reload.
#[derive(Debug)]
pub struct PolicyHandle {
    origin: Origin,
    grace: Duration,
    in_use: ArcSwap<InUse>,
    polling: Mutex<Polling>,
}

/// What one look at the files leaves for the next.
#[derive(Debug)]
struct Polling {
    /// The digest of the files that failed last, so that they are not compiled on every poll.
    failed: Option<String>,
    /// The bytes that the set in use is from.
    seen: Option<Fingerprint>,
    /// How new a bundle must be.
    newest: Newest,
}

impl PolicyHandle {
    /// Loads the first set.
    ///
    /// # Errors
    /// [`LoadError`]: without a good set there is nothing to keep.
    pub fn open(origin: Origin, grace: Duration, boot: Duration) -> Result<Self, LoadError> {
        let mut newest = Newest::open(&origin)?;
        let Found { sources, bundle, fingerprint } = origin.read()?;
        newest.admits(&origin, bundle.as_ref())?;
        let set = Arc::new(PolicySet::from_sources(&sources)?);
        newest.raise(bundle.as_ref());
        let in_use = ArcSwap::from_pointee(fresh(set, bundle, boot, 0));
        let polling = Mutex::new(Polling { failed: None, seen: fingerprint, newest });
        Ok(Self { origin, grace, in_use, polling })
    }

    /// The policies in use.
    ///
    /// # Errors
    /// [`PoliciesStale`] once the grace is over, and when nobody has polled for as long.
    pub fn current(&self, boot: Duration) -> Result<Arc<PolicySet>, PoliciesStale> {
        let in_use = self.in_use.load();
        let since = in_use.status.failing_since.unwrap_or(in_use.status.checked_at);
        if boot.saturating_sub(since) <= self.grace {
            Ok(in_use.set.clone())
        } else {
            Err(PoliciesStale { grace: self.grace })
        }
    }

    /// How they stand.
    pub fn status(&self) -> PolicyStatus {
        self.in_use.load().status.clone()
    }

    /// Compares the files with the set in use and exchanges it when they differ and are good. To be
    /// called twice a second; files that failed are not tried again until they change.
    pub fn poll(&self, boot: Duration) -> Reloaded {
        self.look(boot, false)
    }

    /// The same by hand: files that failed are tried once more.
    pub fn reload(&self, boot: Duration) -> Reloaded {
        self.look(boot, true)
    }

    fn look(&self, boot: Duration, again: bool) -> Reloaded {
        // One at a time: of two reloads the later read must win.
        let mut polling = self.polling.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use = self.in_use.load_full();
        if polling.seen.is_some() && self.origin.fingerprint() == polling.seen {
            polling.failed = None;
            polling.newest.raise(in_use.status.bundle.as_ref());
            self.keep(&in_use, boot, None);
            return Reloaded::Unchanged;
        }
        let read = self.origin.read().and_then(|found| {
            polling.newest.admits(&self.origin, found.bundle.as_ref())?;
            Ok(found)
        });
        let Found { sources, bundle, fingerprint } = match read {
            Ok(found) => found,
            Err(error) => {
                polling.failed = None;
                return self.fail(error, boot);
            }
        };
        let digest = sources.digest();
        if digest == in_use.status.digest {
            polling.failed = None;
            polling.seen = fingerprint;
            // The same policies may have been signed anew.
            polling.newest.raise(bundle.as_ref());
            let in_use = InUse { set: in_use.set.clone(), status: PolicyStatus { bundle, ..in_use.status.clone() } };
            self.keep(&in_use, boot, None);
            return Reloaded::Unchanged;
        }
        let known_bad = !again && polling.failed.as_ref() == Some(&digest);
        if let Some(error) = in_use.status.last_error.clone().filter(|_| known_bad) {
            self.keep(&in_use, boot, Some(error.clone()));
            return Reloaded::Failed(error);
        }
        // A half-written file may be valid by chance: only what reads the same twice is taken. A bundle
        // cannot be: its manifest names every byte.
        if fingerprint.is_none()
            && self.origin.read().map(|second| second.sources.digest()).ok().as_ref() != Some(&digest)
        {
            let error = in_use.status.last_error.clone();
            let since = in_use.status.failing_since.or(Some(boot));
            self.store(&in_use, PolicyStatus { failing_since: since, last_error: error, ..in_use.status.clone() });
            return Reloaded::Changing;
        }
        match PolicySet::from_sources(&sources) {
            Ok(set) => {
                polling.failed = None;
                polling.seen = fingerprint;
                // Noted before it is used: after a crash in between this same bundle is still new enough.
                polling.newest.raise(bundle.as_ref());
                let reloads = in_use.status.reloads.saturating_add(1);
                self.in_use.store(Arc::new(fresh(Arc::new(set), bundle, boot, reloads)));
                Reloaded::Swapped { digest }
            }
            Err(error) => {
                polling.failed = Some(digest);
                self.fail(error, boot)
            }
        }
    }

    fn fail(&self, error: LoadError, boot: Duration) -> Reloaded {
        let in_use = self.in_use.load_full();
        let error = Arc::new(error);
        self.keep(&in_use, boot, Some(error.clone()));
        Reloaded::Failed(error)
    }

    /// Keeps the set in use, and notes how its files stand.
    fn keep(&self, in_use: &InUse, boot: Duration, error: Option<Arc<LoadError>>) {
        let failing_since = error.as_ref().map(|_| in_use.status.failing_since.unwrap_or(boot));
        self.store(
            in_use,
            PolicyStatus { checked_at: boot, failing_since, last_error: error, ..in_use.status.clone() },
        );
    }

    fn store(&self, in_use: &InUse, status: PolicyStatus) {
        self.in_use.store(Arc::new(InUse { set: in_use.set.clone(), status }));
    }
}

fn fresh(set: Arc<PolicySet>, bundle: Option<BundleInUse>, boot: Duration, reloads: u64) -> InUse {
    let status = PolicyStatus {
        digest: set.digest().to_owned(),
        loaded_at: boot,
        checked_at: boot,
        failing_since: None,
        last_error: None,
        reloads,
        bundle,
    };
    InUse { set, status }
}

#[cfg(test)]
mod bundles;
mod handed;
#[cfg(test)]
mod tests;
