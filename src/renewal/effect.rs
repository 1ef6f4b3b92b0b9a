//! When a change is effective: when nobody can answer from before it any more, whichever authority gave the lease.

use super::authority::{Fleet, PEERS_EVERY};
use crate::clock::Boot;
use crate::domain::Timestamp;
use crate::manage_requests::Effects;
use crate::store::Revision;
use async_trait::async_trait;
use core::time::Duration;

impl Fleet {
    async fn settled_elsewhere(&self, revision: Revision) -> bool {
        let Some(peers) = &self.peers else { return true };
        let Revision { epoch, number, .. } = revision;
        let here = |id: &_| self.members().has(id, epoch, number);
        match peers.unsettled(epoch, number, here).await {
            Ok(unsettled) => unsettled.is_empty(),
            // Nobody can be asked: the longest lease's end is waited for.
            Err(_) => false,
        }
    }

    /// How long after `since` no lease is left that anybody had given by then.
    async fn certainly_over(&self, since: Boot) -> Duration {
        let elsewhere = match &self.peers {
            Some(peers) => peers.certainly_over(since).await,
            None => Duration::ZERO,
        };
        let before = self.members().unknown_for(since);
        self.settings.certainly_over().max(elsewhere).max(before)
    }

    /// From when on whatever is committed now is certainly effective, though nobody waits for it.
    pub async fn certainly_effective_at(&self) -> Timestamp {
        let over = self.certainly_over(self.clock.boot()).await;
        self.now().plus(over)
    }
}

#[async_trait]
impl Effects for Fleet {
    /// Answers the renewals that are held back.
    fn committed(&self, _revision: Revision) {
        self.wake();
    }

    /// Each sidecar has acknowledged `revision`, or its lease is certainly over: L(1 + ρ) at the most, the longest that
    /// anybody reckons with.
    async fn effective(&self, revision: Revision) {
        let mut acknowledged = self.acknowledged.subscribe();
        let began = self.clock.boot();
        loop {
            let boot = self.clock.boot();
            let unknown = self.members().unknown(boot);
            if !unknown && !self.any_lags(revision, boot) && self.settled_elsewhere(revision).await {
                return;
            }
            let longest = self.certainly_over(began).await;
            if boot.since(began) >= longest {
                return;
            }
            let left = longest.saturating_sub(boot.since(began));
            let nap = if unknown || self.peers.is_some() { left.min(PEERS_EVERY) } else { left };
            // Woken by an acknowledgement, or when the longest lease is over; either way it looks again.
            let _woken = tokio::time::timeout(nap, acknowledged.changed()).await;
        }
    }
}
