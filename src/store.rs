//! The store's ports: what the use cases need of a database, and nothing of how it is done.
//!
//! Every write happens in a [`Transaction`]; transactions are serialized by one lock that is taken
//! when they begin, so what one reads is still true when it commits. The revision is counted under
//! that lock: there is no revision that becomes visible after a later one.
//!
//! Invariant: only the adapters below name a database, and none of them decides anything.

use crate::domain::{
    AccessRequest, AccessRequestId, Engineer, Event, Notice, PersonId, StateName, Tenant, TenantId, Timer, TimerKind,
    Timestamp, WorkloadName,
};
pub use accesses::{ACCESS_BYTES_MAX, ACCESS_PAGE_MAX, AccessKey, Accesses, NoAccessKey, ToldAccess};
use async_trait::async_trait;
pub use memory::MemoryStore;
pub use moving::{Moved, move_record};
pub use notes::{Note, NoteKind, Notes};
pub use outbox::{Channel, Delivery, DeliveryState, Outbox, OutboxCounts, OutboxEntry};
pub use postgres::{PostgresHost, PostgresSettings, PostgresStore, PostgresTls, Standby};
pub use sqlite::{BackedUp, SqliteSettings, SqliteStore};

mod accesses;
mod document;
mod memory;
mod moving;
mod notes;
mod outbox;
mod postgres;
mod rows;
mod sqlite;
#[cfg(test)]
mod suite;

/// How long an answer is kept at least, in milliseconds (24 h).
const KEPT_MS_MIN: i64 = 24 * 3600 * 1000;
/// How many outlived answers go with each new one, so that they cannot pile up.
const KEPT_DROPPED_MAX: u32 = 10;

/// Where the authority's record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision {
    /// Counts restores of the database; revisions of different epochs do not compare.
    pub epoch: u64,
    /// Counts committed changes within the epoch.
    pub number: u64,
    /// Sum (wrapping) of the digests of all items that sidecars hold at this revision.
    pub state_hash: u128,
    /// The authority's time never goes below this again, whatever the wall clock says. Where several authorities
    /// share a record, each learns here of a floor that another one raised whose clock is ahead: it is in every
    /// revision that is read or committed, so nothing else has to tell of it.
    pub time_floor: Timestamp,
}

impl Revision {
    /// The epoch after this one, begun at `now`: the second it begins in, so that a record which is restored twice
    /// from one backup does not begin the same epoch twice. Sidecars would take the second for the first.
    fn next_epoch(&self, now: Timestamp) -> u64 {
        let second = u64::try_from(now.as_ms()).unwrap_or(0) / 1000;
        self.epoch.saturating_add(1).max(second)
    }
}

/// One thing sidecars hold, opaque to the store: a key, and its content or that it is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is, such as `tenant/contoso`; unique.
    pub key: String,
    /// Its encoded content; `None` once it is gone (a tombstone, kept so that others learn of it).
    pub payload: Option<Vec<u8>>,
    /// The digest of key and content that counts in the state hash; 0 for a tombstone.
    pub digest: u128,
}

/// What changed after a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// These items, ordered by the revision of their last change, up to `revision`.
    Since {
        /// The items; the newest content of each.
        items: Vec<Item>,
        /// Where the record stands with them.
        revision: Revision,
    },
    /// Too long ago (tombstones have been dropped) or another epoch: ask for a snapshot.
    TooOld,
}

/// A slice of everything that sidecars hold or held, for whoever keeps a copy of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPage {
    /// Items by key, tombstones too, each with the revision of its last change.
    pub items: Vec<(Item, u64)>,
    /// Tombstones of this revision and below have been dropped.
    pub tombstone_floor: u64,
}

/// Which AccessRequests to list. `None` does not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessRequestFilter {
    /// Of this tenant.
    pub tenant: Option<TenantId>,
    /// By this engineer.
    pub engineer: Option<PersonId>,
    /// In this workload.
    pub workload: Option<WorkloadName>,
    /// In this state, as stored or (for `expired`, `ended`) as time has made it by `now`.
    pub state: Option<StateName>,
    /// Submitted at or after.
    pub since: Option<Timestamp>,
    /// This text, in any case, in its id, its engineer, its service request or its reason.
    pub text: Option<String>,
    /// Only what the customer has been told of.
    pub known_to_customer: bool,
    /// The instant that time-made states are judged at.
    pub now: Option<Timestamp>,
}

/// The most entries of a list that are shown at once.
pub const LIST_MAX: u32 = 1000;
/// The most that are read: one more, which tells that there is more.
const PAGE_MAX: u32 = LIST_MAX + 1;

/// A slice of a list, newest AccessRequest (or smallest name) first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<K> {
    /// Continue after this key; `None` starts at the beginning.
    pub after: Option<K>,
    /// At most this many, 1 to [`LIST_MAX`] and one.
    pub limit: u32,
}

/// The answer kept for an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// SHA-256 of what was asked; the same key with another question is an error.
    pub asked: [u8; 32],
    /// The AccessRequest that was made.
    pub access_request: AccessRequestId,
    /// When; kept for 24 hours at least.
    pub at: Timestamp,
}

/// A fault of the store. A caller denies or answers 503; nothing is half done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The row is not at the version the transaction read: a pair assertion, for it holds the lock.
    #[error("the stored version of `{0}` is not the one that was read")]
    Conflict(String),
    /// What is stored cannot be read.
    #[error("stored {what} is not readable: {why}")]
    Corrupt {
        /// Which row.
        what: String,
        /// Why.
        why: String,
    },
    /// The database does not answer as it should.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The connection was lost within a commit: the change was made, or not.
    #[error(
        "the connection to the store was lost while the change was being committed: whether it was is not known; look \
         again before you repeat it ({0})"
    )]
    Unknown(String),
}

/// The answer to whoever goes on after a failure within a transaction.
fn given_up() -> StoreError {
    StoreError::Unavailable("something failed in this transaction before: begin another".to_owned())
}

/// Reading, by anybody at any time.
#[async_trait]
pub trait Reads {
    /// Where the record stands.
    async fn revision(&self) -> Result<Revision, StoreError>;
    /// One AccessRequest as stored; the reader judges what time has made of it.
    async fn access_request(&self, id: AccessRequestId) -> Result<Option<AccessRequest>, StoreError>;
    /// AccessRequests, newest (highest id) first.
    async fn access_requests(
        &self,
        filter: &AccessRequestFilter,
        page: Page<AccessRequestId>,
    ) -> Result<Vec<AccessRequest>, StoreError>;
    /// AccessRequests whose time has run out by `now` but which are stored as if it had not, oldest first.
    async fn lapsed(&self, now: Timestamp, limit: u32) -> Result<Vec<AccessRequestId>, StoreError>;
    /// AccessRequests that nothing can follow any more, submitted before `submitted_before`, whose item (key
    /// `prefix` and the number of the id) is not a tombstone yet; lowest id first.
    async fn retirable(
        &self,
        prefix: &str,
        submitted_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<AccessRequestId>, StoreError>;
    /// The history of one AccessRequest, oldest first.
    async fn events(&self, id: AccessRequestId) -> Result<Vec<Event>, StoreError>;
    /// One tenant.
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError>;
    /// Tenants by name.
    async fn tenants(&self, page: Page<TenantId>) -> Result<Vec<Tenant>, StoreError>;
    /// The settings history of one tenant, oldest first.
    async fn tenant_events(&self, id: &TenantId) -> Result<Vec<Event>, StoreError>;
    /// One engineer.
    async fn engineer(&self, id: &PersonId) -> Result<Option<Engineer>, StoreError>;
    /// Engineers by name.
    async fn engineers(&self, page: Page<PersonId>) -> Result<Vec<Engineer>, StoreError>;
    /// The answer kept for a key of a caller, if there is one.
    async fn kept_answer(&self, caller: &PersonId, key: &str) -> Result<Option<KeptAnswer>, StoreError>;
}

/// A store: reads, transactions, and the items for sidecars.
#[async_trait]
pub trait Store: Reads + Outbox + Notes + Accesses + Send + Sync {
    /// Begins a transaction, waiting for the one before it to end. `now` is the authority's time; a
    /// commit raises the time floor to it.
    async fn begin(&self, now: Timestamp) -> Result<Box<dyn Transaction>, StoreError>;
    /// Items changed after `number` of `epoch`, read together with the revision they lead to. At most
    /// `limit`; with more than that the answer is [`Changes::TooOld`].
    async fn changes_since(&self, epoch: u64, number: u64, limit: u32) -> Result<Changes, StoreError>;
    /// All items (no tombstones) and the revision they were read at, in one consistent read.
    async fn snapshot(&self) -> Result<(Vec<Item>, Revision), StoreError>;
    /// Items whose key comes after `key`, tombstones too, at most `limit`, by key. Pages read one after the other
    /// are of different moments: what [`Store::changes_since`] the revision before the first one tells makes them
    /// whole.
    async fn items_after(&self, key: Option<&str>, limit: u32) -> Result<ItemPage, StoreError>;
    /// Waits until the store says that somebody, perhaps another process, may have moved the record. A hint that
    /// may be late, lost or for nothing; for ever where the store has none to give.
    async fn moved(&self) {
        core::future::pending().await
    }
    /// Whether other processes may use the record at the same time.
    fn is_shared(&self) -> bool {
        false
    }
    /// Raises the time floor without a change, so that a clock set back at the next start cannot
    /// bring a lapsed grant to life.
    async fn raise_time_floor(&self, now: Timestamp) -> Result<(), StoreError>;
    /// Drops the tombstones of revision `up_to` and below. Whoever is behind it is then answered
    /// [`Changes::TooOld`], so keep it well below the revision of the slowest sidecar.
    async fn prune_tombstones(&self, up_to: u64, now: Timestamp) -> Result<(), StoreError>;
    /// Proves that the server this store reads from was still the one that takes commits, at some moment after
    /// the call. A lease may rest on what the store tells only together with it: of a database that can be
    /// replaced by another server (a failover), the replaced one goes on answering reads from a record that no
    /// longer grows. Call it after the renewal has arrived, and before the read that answers it or beside it,
    /// never after; one proof serves every renewal that had arrived when it was called. Tells what the server's clock
    /// showed then, which is the time of all who share the record; `None` for a store that is one file or one
    /// process, which has no clock of its own and is proven by its own checks.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without the proof: grant nothing.
    async fn prove_primary(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }
    /// Whether the database answers; for `/readyz`.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// One change: dropped without [`Transaction::commit`], nothing of it has happened.
#[async_trait]
pub trait Transaction: Reads + Send + Sync {
    /// The id for the next AccessRequest; not given out again, a gap is no harm.
    async fn next_access_request_id(&mut self) -> Result<AccessRequestId, StoreError>;
    /// Writes an AccessRequest. `before` is the version that was read (`None`: it is new); exactly one
    /// row must change, else [`StoreError::Conflict`].
    async fn put_access_request(&mut self, after: &AccessRequest, before: Option<u64>) -> Result<(), StoreError>;
    /// Writes a tenant, guarded like an AccessRequest.
    async fn put_tenant(&mut self, after: &Tenant, before: Option<u64>) -> Result<(), StoreError>;
    /// Writes an engineer, guarded like an AccessRequest.
    async fn put_engineer(&mut self, after: &Engineer, before: Option<u64>) -> Result<(), StoreError>;
    /// Removes an engineer at the version that was read.
    async fn remove_engineer(&mut self, id: &PersonId, before: u64) -> Result<(), StoreError>;
    /// The AccessRequests stored as `active` whose Grant is of internal review alone, for the switch.
    async fn internal_grants(&self, tenant: &TenantId) -> Result<Vec<AccessRequestId>, StoreError>;
    /// Adds to the history.
    async fn add_event(&mut self, event: &Event) -> Result<(), StoreError>;
    /// Adds to the outbox.
    async fn add_notice(&mut self, notice: &Notice) -> Result<(), StoreError>;
    /// Moves a notice on. `attempts` is the count that was read; another one is [`StoreError::Conflict`].
    async fn put_delivery(&mut self, number: u64, after: &Delivery, attempts: u32) -> Result<(), StoreError>;
    /// Starts a timer, in place of the one of its kind.
    async fn put_timer(&mut self, timer: &Timer) -> Result<(), StoreError>;
    /// Takes a timer away; gives whether it was there, so that of two who fire it one does.
    async fn remove_timer(&mut self, of: AccessRequestId, kind: TimerKind) -> Result<bool, StoreError>;
    /// Keeps an answer for a key of a caller.
    async fn keep_answer(&mut self, caller: &PersonId, key: &str, kept: &KeptAnswer) -> Result<(), StoreError>;
    /// Writes an item for sidecars: it gets the revision that this transaction commits as, and the
    /// state hash loses the old digest and gains the new one. The last write of a key counts.
    async fn put_item(&mut self, item: Item) -> Result<(), StoreError>;
    /// Commits as the first revision of the next epoch, which is higher, and one that never was: what sidecars hold of the one before is then worth nothing.
    /// For after a restore, whose record may be older than what they have been told.
    async fn raise_epoch(&mut self) -> Result<(), StoreError>;
    /// Makes it so. The revision is one higher if an item was written or the epoch raised, else as before.
    async fn commit(self: Box<Self>) -> Result<Revision, StoreError>;
}
