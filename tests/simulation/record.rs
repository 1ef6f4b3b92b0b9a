//! The record as an authority reaches it: the reference store behind a way that is slow, stands still, is cut, or
//! leads to a copy that lags behind. It can be backed up and restored.

use super::chance::Chance;
use super::time::{Gate, NodeClock, TrueTime};
use async_trait::async_trait;
use lockbox::clock::Clock as _;
use lockbox::domain::{
    AccessRequest, AccessRequestId, Engineer, Event, PersonId, Tenant, TenantId, Timer, TimerKind, Timestamp,
};
use lockbox::store::{
    AccessKey, AccessRequestFilter, Accesses, Changes, Channel, Item, ItemPage, KeptAnswer, MemoryStore, Note,
    NoteKind, Notes, Outbox, OutboxCounts, OutboxEntry, Page, Reads, Revision, Store, StoreError, ToldAccess,
    Transaction,
};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The database.
pub(crate) struct Database {
    store: Mutex<MemoryStore>,
    moved: watch::Sender<u64>,
    /// The clock that authorities go by; `None` where one alone has it as a file.
    pub(crate) clock: Option<Arc<NodeClock>>,
}

impl Database {
    pub(crate) fn new(clock: Option<Arc<NodeClock>>) -> Self {
        Self { store: Mutex::new(MemoryStore::new()), moved: watch::Sender::new(0), clock }
    }

    pub(crate) fn now(&self) -> MemoryStore {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn restore(&self, backup: &MemoryStore) {
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = backup.copy();
    }

    /// Hints to other authorities that the record has moved.
    pub(crate) fn hint(&self) {
        self.moved.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// An authority's way to it.
pub(crate) struct Way {
    database: Arc<Database>,
    chance: Chance,
    time: TrueTime,
    slow_ms_max: u64,
    faults: Mutex<Faults>,
    /// After so many steps it hangs.
    pub(crate) steps_left: AtomicI64,
    /// Closed: nothing is answered, and nothing is refused either.
    pub(crate) still: Arc<Gate>,
}

#[derive(Default)]
struct Faults {
    cut: bool,
    lagging: Option<MemoryStore>,
}

impl Way {
    pub(crate) fn new(database: Arc<Database>, chance: Chance) -> Self {
        let slow_ms_max = chance.pick(&[0, 2, 20]);
        Self {
            database,
            chance,
            time: TrueTime::begin(),
            slow_ms_max,
            faults: Mutex::default(),
            steps_left: AtomicI64::new(0),
            still: Arc::default(),
        }
    }

    pub(crate) fn cut(&self, cut: bool) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).cut = cut;
    }

    /// Leads reads to a copy of now until it is told otherwise: a primary that was deposed.
    pub(crate) fn lag(&self, lags: bool) {
        let copy = lags.then(|| self.database.now().copy());
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).lagging = copy;
    }

    fn lags(&self) -> Option<MemoryStore> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).lagging.clone()
    }

    async fn takes_a_while(&self) {
        if self.steps_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.still.close();
        }
        if self.slow_ms_max > 0 {
            tokio::time::sleep(self.chance.ms_at(self.time.now(), self.slow_ms_max)).await;
        }
        self.still.opened().await;
    }

    /// The store that takes commits.
    async fn primary(&self) -> Result<MemoryStore, StoreError> {
        self.takes_a_while().await;
        if self.faults.lock().unwrap_or_else(PoisonError::into_inner).cut {
            return Err(StoreError::Unavailable("simulated".to_owned()));
        }
        Ok(self.database.now())
    }

    /// The store that reads are answered from.
    async fn readable(&self) -> Result<MemoryStore, StoreError> {
        let primary = self.primary().await?;
        Ok(self.lags().unwrap_or(primary))
    }
}

#[async_trait]
impl Reads for Way {
    async fn revision(&self) -> Result<Revision, StoreError> {
        let given = self.readable().await?.revision().await;
        self.takes_a_while().await;
        given
    }
    async fn access_request(&self, id: AccessRequestId) -> Result<Option<AccessRequest>, StoreError> {
        self.readable().await?.access_request(id).await
    }
    async fn access_requests(
        &self,
        filter: &AccessRequestFilter,
        page: Page<AccessRequestId>,
    ) -> Result<Vec<AccessRequest>, StoreError> {
        self.readable().await?.access_requests(filter, page).await
    }
    async fn lapsed(&self, now: Timestamp, limit: u32) -> Result<Vec<AccessRequestId>, StoreError> {
        self.readable().await?.lapsed(now, limit).await
    }
    async fn retirable(&self, prefix: &str, at: Timestamp, limit: u32) -> Result<Vec<AccessRequestId>, StoreError> {
        self.readable().await?.retirable(prefix, at, limit).await
    }
    async fn events(&self, id: AccessRequestId) -> Result<Vec<Event>, StoreError> {
        self.readable().await?.events(id).await
    }
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        self.readable().await?.tenant(id).await
    }
    async fn tenants(&self, page: Page<TenantId>) -> Result<Vec<Tenant>, StoreError> {
        self.readable().await?.tenants(page).await
    }
    async fn tenant_events(&self, id: &TenantId) -> Result<Vec<Event>, StoreError> {
        self.readable().await?.tenant_events(id).await
    }
    async fn engineer(&self, id: &PersonId) -> Result<Option<Engineer>, StoreError> {
        self.readable().await?.engineer(id).await
    }
    async fn engineers(&self, page: Page<PersonId>) -> Result<Vec<Engineer>, StoreError> {
        self.readable().await?.engineers(page).await
    }
    async fn kept_answer(&self, caller: &PersonId, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
        self.readable().await?.kept_answer(caller, key).await
    }
}

#[async_trait]
impl Outbox for Way {
    async fn outbox(&self, tenant: Option<&TenantId>, page: Page<u64>) -> Result<Vec<OutboxEntry>, StoreError> {
        self.readable().await?.outbox(tenant, page).await
    }
    async fn outbox_entry(&self, number: u64) -> Result<Option<OutboxEntry>, StoreError> {
        self.readable().await?.outbox_entry(number).await
    }
    async fn outbox_due(&self, channel: Channel, now: Timestamp, limit: u32) -> Result<Vec<OutboxEntry>, StoreError> {
        self.readable().await?.outbox_due(channel, now, limit).await
    }
    async fn outbox_counts(&self) -> Result<OutboxCounts, StoreError> {
        self.readable().await?.outbox_counts().await
    }
    async fn timers_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Timer>, StoreError> {
        self.readable().await?.timers_due(now, limit).await
    }
    async fn timer(&self, of: AccessRequestId, kind: TimerKind) -> Result<Option<Timer>, StoreError> {
        self.readable().await?.timer(of, kind).await
    }
}

/// What sidecars tell of accesses takes no part in what is simulated.
#[async_trait]
impl Accesses for Way {
    async fn put_accesses(&self, told: &[ToldAccess]) -> Result<u64, StoreError> {
        self.primary().await?.put_accesses(told).await
    }
    async fn accesses(
        &self,
        of: AccessRequestId,
        after: Option<AccessKey>,
        limit: u32,
    ) -> Result<Vec<ToldAccess>, StoreError> {
        self.primary().await?.accesses(of, after, limit).await
    }
}

#[async_trait]
impl Notes for Way {
    async fn note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        let given = self.primary().await?.note(kind, key).await;
        self.takes_a_while().await;
        given
    }
    async fn notes(&self, kind: NoteKind, prefix: &str) -> Result<Vec<Note>, StoreError> {
        let given = self.primary().await?.notes(kind, prefix).await;
        self.takes_a_while().await;
        given
    }
    async fn notes_after(&self, kind: NoteKind, after: &str, limit: u32) -> Result<Vec<Note>, StoreError> {
        let given = self.primary().await?.notes_after(kind, after, limit).await;
        self.takes_a_while().await;
        given
    }
    async fn put_note(&self, note: Note) -> Result<(), StoreError> {
        self.primary().await?.put_note(note).await?;
        self.takes_a_while().await;
        Ok(())
    }
    async fn take_note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        self.primary().await?.take_note(kind, key).await
    }
    async fn drop_note(&self, note: &Note) -> Result<bool, StoreError> {
        self.primary().await?.drop_note(note).await
    }
    async fn prune_notes(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.primary().await?.prune_notes(now).await
    }
}

#[async_trait]
impl Store for Way {
    async fn begin(&self, now: Timestamp) -> Result<Box<dyn Transaction>, StoreError> {
        self.primary().await?.begin(now).await
    }
    async fn changes_since(&self, epoch: u64, number: u64, limit: u32) -> Result<Changes, StoreError> {
        let given = self.readable().await?.changes_since(epoch, number, limit).await;
        self.takes_a_while().await;
        given
    }
    async fn snapshot(&self) -> Result<(Vec<Item>, Revision), StoreError> {
        self.readable().await?.snapshot().await
    }
    async fn items_after(&self, key: Option<&str>, limit: u32) -> Result<ItemPage, StoreError> {
        // Few at a time, so that changes come in between.
        let given = self.readable().await?.items_after(key, limit.min(2)).await;
        self.takes_a_while().await;
        given
    }
    async fn moved(&self) {
        if !self.is_shared() {
            return core::future::pending().await;
        }
        let _hint = self.database.moved.subscribe().changed().await;
        self.takes_a_while().await;
    }
    async fn prove_primary(&self) -> Result<Option<Timestamp>, StoreError> {
        self.primary().await?;
        if self.lags().is_some() {
            return Err(StoreError::Unavailable("it is no primary any more".to_owned()));
        }
        let told = self.database.clock.as_ref().map(|clock| clock.wall());
        self.takes_a_while().await;
        Ok(told)
    }
    fn is_shared(&self) -> bool {
        self.database.clock.is_some()
    }
    async fn raise_time_floor(&self, now: Timestamp) -> Result<(), StoreError> {
        self.primary().await?.raise_time_floor(now).await
    }
    async fn prune_tombstones(&self, up_to: u64, now: Timestamp) -> Result<(), StoreError> {
        self.primary().await?.prune_tombstones(up_to, now).await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.primary().await.map(drop)
    }
}
