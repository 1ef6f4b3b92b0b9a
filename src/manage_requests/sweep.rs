//! The sweeper: records what time has made, which every reader sees anyway, and takes from the
//! sidecars what they need no longer. It may die at any point.

use super::{ManageError, ManageRequests, write_tombstone};
use crate::domain::Timestamp;
use crate::state::StateItem;
use std::time::Duration;
use tracing::warn;

/// At most this many AccessRequests are settled, and as many retired, in one sweep.
const SWEEP_MAX: u32 = 1000;
/// How long after its submission an ended AccessRequest stays with the sidecars, so that a denial can
/// say that it was closed or denied rather than that there is none.
const EXPLAINED_FOR: Duration = Duration::from_secs(48 * 3600);
/// How many revisions back a sidecar may be and still be told of what is gone.
const TOMBSTONES_KEPT: u64 = 10_000;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// AccessRequests whose time had run out.
    pub settled: usize,
    /// Ended AccessRequests that sidecars hold no longer.
    pub retired: usize,
    /// Timers that told somebody something.
    pub fired: usize,
}

impl ManageRequests {
    /// Records every time that has run out, retires what ended long ago, and raises the store's time
    /// floor.
    ///
    /// # Errors
    /// [`ManageError`] when the store does not do as it should; what was done so far stays.
    pub async fn sweep(&self) -> Result<Swept, ManageError> {
        let now = self.time.now();
        let mut swept = Swept::default();
        for id in self.store.lapsed(now, SWEEP_MAX).await? {
            swept.settled += usize::from(self.settle(id).await?);
        }
        swept.fired = self.fire_timers().await?;
        self.store.prune_notes(now).await?;
        swept.retired = self.retire(now).await?;
        self.store.raise_time_floor(now).await?;
        Ok(swept)
    }

    async fn retire(&self, now: Timestamp) -> Result<usize, ManageError> {
        let before = now.minus(EXPLAINED_FOR);
        let over = self.store.retirable(StateItem::ACCESS_PREFIX, before, SWEEP_MAX).await?;
        if over.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.store.begin(now).await?;
        for id in &over {
            write_tombstone(transaction.as_mut(), StateItem::access_key(*id)).await?;
        }
        let revision = self.commit(transaction).await?;
        let kept_from = revision.number.saturating_sub(TOMBSTONES_KEPT);
        if kept_from > 0 {
            self.store.prune_tombstones(kept_from, now).await?;
        }
        Ok(over.len())
    }

    /// Sweeps until the task is dropped.
    pub async fn keep_swept(&self, every: Duration) {
        loop {
            if let Err(error) = self.sweep().await {
                warn!(%error, "the sweep was cut short; readers still see what time has made");
            }
            tokio::time::sleep(every).await;
        }
    }
}
