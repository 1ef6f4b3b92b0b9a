//! The sweeper: records what time has made, which every reader sees anyway. It may die at any point.

use super::{ManageError, ManageRequests};
use std::time::Duration;
use tracing::warn;

/// At most this many AccessRequests are settled in one sweep.
const SWEEP_MAX: u32 = 1000;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// AccessRequests whose time had run out.
    pub settled: usize,
}

impl ManageRequests {
    /// Records every time that has run out, and raises the store's time floor.
    ///
    /// # Errors
    /// [`ManageError`] when the store does not do as it should; what was settled so far stays.
    pub async fn sweep(&self) -> Result<Swept, ManageError> {
        let now = self.time.now();
        let mut swept = Swept::default();
        for id in self.store.lapsed(now, SWEEP_MAX).await? {
            swept.settled += usize::from(self.settle(id).await?);
        }
        self.store.raise_time_floor(now).await?;
        Ok(swept)
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
