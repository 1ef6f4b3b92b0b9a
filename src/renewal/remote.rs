//! The way to the authorities, where there are several: one is asked, and when it is slow the next one as well.
//! Whoever answers first is asked first from then on.
//!
//! Invariant: of a renewal that was sent to several, one answer is taken. The others are given up with their
//! connections' streams, so none can come later.

use super::protocol::{Renew, RenewAnswer, RenewError, RenewRequest};
use super::ways::{Ways, nobody};
use crate::state::LeaseSettings;
use crate::tls::ClientFiles;
use async_trait::async_trait;
use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::JoinSet;

/// How a sidecar reaches its authorities.
#[derive(Debug, Clone)]
pub struct RemoteSettings {
    /// The addresses, `https://host:8180`.
    pub urls: Vec<String>,
    /// TLS.
    pub files: ClientFiles,
    /// The token it proves itself with, if it is not its certificate.
    pub token_file: Option<PathBuf>,
    /// The name it has for itself.
    pub named: Option<String>,
    /// L, H and ρ.
    pub lease: LeaseSettings,
}

/// See the module.
pub struct Remote {
    ways: Ways,
    hedge_after: Duration,
}

impl Remote {
    /// The way to these authorities; nothing is connected yet. Which one is asked first follows from `chance`, so
    /// that a fleet spreads over them.
    ///
    /// # Errors
    /// [`RenewError::Unreachable`] for an address that is none, or none at all.
    pub fn new(settings: RemoteSettings, chance: u64) -> Result<Self, RenewError> {
        let Waits { attempt_max, hedge_after } = Waits::within(settings.lease);
        Ok(Self { ways: Ways::new(settings, attempt_max, chance)?, hedge_after })
    }
}

/// How long is waited for an authority.
struct Waits {
    /// Until its attempt is given up.
    attempt_max: Duration,
    /// Until the next one is asked as well.
    hedge_after: Duration,
}

impl Waits {
    fn within(lease: LeaseSettings) -> Self {
        let spare = lease.usable().saturating_sub(lease.hold);
        // One lost renewal must not cost the lease: half of what is left is for the next one.
        let attempt_max = lease.hold.saturating_add(spare / 2);
        Self { attempt_max, hedge_after: lease.hold.saturating_add(spare / 8) }
    }
}

#[async_trait]
impl Renew for Remote {
    async fn renew(&self, request: RenewRequest) -> Result<RenewAnswer, RenewError> {
        let mut order = self.ways.in_order();
        let mut asked = JoinSet::new();
        let mut ask_next = |asked: &mut JoinSet<_>| {
            if let Some((place, link)) = order.next() {
                let (link, request) = (Arc::clone(link), request.clone());
                asked.spawn(async move { (place, link.renew(request).await) });
            }
        };
        ask_next(&mut asked);
        let mut failure = None;
        loop {
            let ended = tokio::time::timeout(self.hedge_after, asked.join_next()).await;
            match ended {
                Ok(Some(Ok((place, Ok(answer))))) => {
                    self.ways.answered(place);
                    return Ok(answer);
                }
                Ok(Some(Ok((_, Err(error))))) => {
                    failure.get_or_insert(error);
                    ask_next(&mut asked);
                }
                Ok(Some(Err(defect))) => {
                    failure.get_or_insert(RenewError::Unreachable(defect.to_string()));
                    ask_next(&mut asked);
                }
                Ok(None) => {
                    return Err(failure.unwrap_or_else(nobody));
                }
                // Slow: the next one is asked as well.
                Err(_elapsed) => ask_next(&mut asked),
            }
        }
    }
}

#[cfg(test)]
mod tests;
