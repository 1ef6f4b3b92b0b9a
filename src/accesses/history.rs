//! What was decided under an AccessRequest, read back: the one source for the API, the page and the receipts.

use super::courier::{Courier, NotCaughtUp};
use crate::domain::AccessRequestId;
use crate::evaluate_access::Recorded;
use crate::store::{ACCESS_PAGE_MAX, AccessKey, Store, StoreError, ToldAccess};
use core::time::Duration;
use std::sync::Arc;
use tracing::warn;

/// How long a reader waits for the sidecar of this process to have told all it has answered.
const CAUGHT_UP_MAX: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Clone)]
pub struct History {
    store: Arc<dyn Store>,
    own: Option<Arc<Courier>>,
}

/// One Decision under an AccessRequest.
#[derive(Debug, Clone)]
pub struct Touched {
    /// The sidecar that made it.
    pub sidecar: String,
    /// Its place in the list.
    pub key: AccessKey,
    /// The extract of its record.
    pub record: Recorded,
}

/// What was decided cannot be read in full.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The sidecar of this process has answers that are not told yet: what could be shown would lack them.
    #[error(transparent)]
    Behind(#[from] NotCaughtUp),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl History {
    /// The history in a store. `own` is the courier of the sidecar in this process, if there is one: its answers are
    /// shown as soon as they were given. Those of sidecars elsewhere are shown as soon as they are told.
    pub fn new(store: Arc<dyn Store>, own: Option<Arc<Courier>>) -> Self {
        Self { store, own }
    }

    /// Decisions under `id`, by when they were made, beginning after `after`, at most `limit`; and the place to
    /// continue after if there are more.
    ///
    /// # Errors
    /// [`HistoryError`] when they cannot be read, or some are known to be missing.
    pub async fn under(
        &self,
        id: AccessRequestId,
        after: Option<AccessKey>,
        limit: usize,
    ) -> Result<(Vec<Touched>, Option<AccessKey>), HistoryError> {
        if let Some(own) = &self.own {
            own.caught_up(CAUGHT_UP_MAX).await?;
        }
        let (mut found, mut after): (Vec<Touched>, _) = (Vec::new(), after);
        loop {
            // One more than is wanted tells whether there are more.
            let wanted = limit.saturating_add(1).saturating_sub(found.len());
            let asked = u32::try_from(wanted).unwrap_or(u32::MAX).min(ACCESS_PAGE_MAX);
            let page = self.store.accesses(id, after, asked).await?;
            let whole = page.len() < usize::try_from(asked).unwrap_or(usize::MAX);
            after = page.last().map(|told| told.key);
            found.extend(page.into_iter().filter_map(read));
            if found.len() > limit {
                found.truncate(limit);
                let next = found.last().map(|touched| touched.key);
                return Ok((found, next));
            }
            if whole {
                return Ok((found, None));
            }
        }
    }
}

/// A record this program cannot read is another version's.
fn read(told: ToldAccess) -> Option<Touched> {
    match Recorded::parse(told.document.as_bytes()) {
        Ok(record) => Some(Touched { sidecar: told.sidecar, key: told.key, record }),
        Err(error) => {
            warn!(%error, decision = %told.key.decision_id, "an access that was told cannot be read and is not shown");
            None
        }
    }
}
