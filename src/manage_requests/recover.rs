//! After a restore: the record is older than what happened, so every Grant in it may have been ended since.

use super::requests::tenant_of;
use super::{ManageError, write_transition};
use crate::domain::{AccessRequest, AccessRequestId, Defaults, Person, StateName, Timestamp};
use crate::store::{AccessRequestFilter, Page, Revision, Store, Transaction};

/// What is said of each Grant that is ended.
const WHY: &str =
    "the record was restored from a backup: what was granted before it may have been ended since, so all of it ends";
/// How many are read at once.
const AT_ONCE: u32 = 500;

/// What a recovery did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// Where the record stood.
    pub before: Revision,
    /// Where it stands: the first revision of the next epoch.
    pub after: Revision,
    /// How many Grants were revoked.
    pub revoked: usize,
    /// How many had run out by then.
    pub ended: usize,
}

/// Ends every active Grant and begins the next epoch, in one transaction. What waits for an answer goes on waiting.
/// `told` hears how far it has come: how many were ended, of how many.
///
/// # Errors
/// [`ManageError`]; nothing was written then.
pub async fn recover(
    store: &dyn Store,
    by: &Person,
    now: Timestamp,
    defaults: Defaults,
    mut told: impl FnMut(usize, usize) + Send,
) -> Result<Recovered, ManageError> {
    let mut transaction = store.begin(now).await?;
    let before = transaction.revision().await?;
    // A time of the restored record is never behind the one it was last told.
    let now = now.max(before.time_floor);
    let active = active(transaction.as_ref()).await?;
    let (mut revoked, mut ended) = (0, 0);
    for stored in &active {
        let Some(transition) = stored.recover(by, WHY, now) else { continue };
        let tenant = tenant_of(transaction.as_ref(), stored).await?;
        write_transition(transaction.as_mut(), &transition, stored.version, &tenant, defaults).await?;
        match transition.after.state_name() {
            StateName::Revoked => revoked += 1,
            _ => ended += 1,
        }
        told(revoked + ended, active.len());
    }
    transaction.raise_epoch().await?;
    let after = transaction.commit().await?;
    Ok(Recovered { before, after, revoked, ended })
}

/// All that are stored as active, whatever time has made of them.
async fn active(transaction: &dyn Transaction) -> Result<Vec<AccessRequest>, ManageError> {
    let filter = AccessRequestFilter { state: Some(StateName::Active), ..AccessRequestFilter::default() };
    let (mut all, mut after) = (Vec::new(), None::<AccessRequestId>);
    loop {
        let some = transaction.access_requests(&filter, Page { after, limit: AT_ONCE }).await?;
        let Some(last) = some.last() else { return Ok(all) };
        after = Some(last.id);
        all.extend(some);
    }
}
