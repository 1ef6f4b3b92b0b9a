//! The reference model: what every store must do, in the plainest way. A transaction works on a copy
//! of everything, and a commit puts the copy in its place. For tests, and for trying things out.
//!
//! Invariant: nothing survives the process, and nothing here is fast.

mod accesses;
mod data;
mod outbox;

use super::{
    AccessRequestFilter, Changes, Delivery, Item, ItemPage, KeptAnswer, Page, Reads, Revision, Store, StoreError,
    Transaction, given_up,
};
use crate::domain::{
    AccessRequest, AccessRequestId, Engineer, Event, Notice, PersonId, Tenant, TenantId, Timer, TimerKind, Timestamp,
};
use async_trait::async_trait;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use data::Data;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// How long a transaction waits for the one before it, in milliseconds.
const BEGIN_MS_MAX: u64 = 10_000;

/// The store in memory.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    committed: Arc<RwLock<Data>>,
    /// Held by the transaction under way.
    turn: Arc<Mutex<()>>,
    /// The lowest AccessRequest number that was not given out, whether committed or not.
    next_number: Arc<AtomicU64>,
    begin_ms_max: u64,
    shared: bool,
}

struct MemoryTransaction {
    store: MemoryStore,
    now: Timestamp,
    data: Data,
    item_written: bool,
    next_epoch: bool,
    failed: bool,
    _turn: OwnedMutexGuard<()>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store that waits 10 s for a transaction to end.
    pub fn new() -> Self {
        Self::with_begin_ms_max(BEGIN_MS_MAX)
    }

    /// An empty store that waits this many milliseconds for a transaction to end.
    pub fn with_begin_ms_max(begin_ms_max: u64) -> Self {
        Self {
            committed: Arc::new(RwLock::new(Data::new())),
            turn: Arc::default(),
            next_number: Arc::new(AtomicU64::new(AccessRequestId::FIRST)),
            begin_ms_max,
            shared: false,
        }
    }

    /// The same store, said to be shared with other processes ([`Store::is_shared`]).
    pub fn shared(self) -> Self {
        Self { shared: true, ..self }
    }

    /// A store of its own with what is committed in this one: a backup, or a copy that lags behind.
    pub fn copy(&self) -> Self {
        let copy = Self { shared: self.shared, ..Self::with_begin_ms_max(self.begin_ms_max) };
        copy.next_number.store(self.next_number.load(Ordering::Acquire), Ordering::Release);
        *copy.committed.write().unwrap_or_else(PoisonError::into_inner) = self.data();
        copy
    }

    /// A copy of what is committed. A panic elsewhere cannot have left it half written: it is only
    /// ever replaced as a whole.
    fn data(&self) -> Data {
        self.committed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn transaction(&self, now: Timestamp) -> Result<MemoryTransaction, StoreError> {
        let bound = Duration::from_millis(self.begin_ms_max);
        let turn = tokio::time::timeout(bound, Arc::clone(&self.turn).lock_owned()).await.map_err(|_elapsed| {
            StoreError::Unavailable(format!(
                "the transaction before this one has not ended within {} ms",
                self.begin_ms_max
            ))
        })?;
        let data = self.data();
        Ok(MemoryTransaction {
            store: self.clone(),
            now,
            data,
            item_written: false,
            next_epoch: false,
            failed: false,
            _turn: turn,
        })
    }
}

/// Reads of a type, from the data it shows.
macro_rules! reads {
    ($for:ty, |$this:ident| $data:expr) => {
        #[async_trait]
        impl Reads for $for {
            async fn revision(&self) -> Result<Revision, StoreError> {
                let $this = self;
                Ok($data?.revision)
            }

            async fn access_request(&self, id: AccessRequestId) -> Result<Option<AccessRequest>, StoreError> {
                let $this = self;
                Ok($data?.access_requests.get(&id).cloned())
            }

            async fn access_requests(
                &self,
                filter: &AccessRequestFilter,
                page: Page<AccessRequestId>,
            ) -> Result<Vec<AccessRequest>, StoreError> {
                let $this = self;
                Ok($data?.access_requests(filter, page))
            }

            async fn lapsed(&self, now: Timestamp, limit: u32) -> Result<Vec<AccessRequestId>, StoreError> {
                let $this = self;
                Ok($data?.lapsed(now, limit))
            }

            async fn retirable(
                &self,
                prefix: &str,
                submitted_before: Timestamp,
                limit: u32,
            ) -> Result<Vec<AccessRequestId>, StoreError> {
                let $this = self;
                Ok($data?.retirable(prefix, submitted_before, limit))
            }

            async fn events(&self, id: AccessRequestId) -> Result<Vec<Event>, StoreError> {
                let $this = self;
                Ok($data?.events(|event| event.access_request == Some(id)))
            }

            async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
                let $this = self;
                Ok($data?.tenants.get(id).cloned())
            }

            async fn tenants(&self, page: Page<TenantId>) -> Result<Vec<Tenant>, StoreError> {
                let $this = self;
                Ok(data::named(&$data?.tenants, &page))
            }

            async fn tenant_events(&self, id: &TenantId) -> Result<Vec<Event>, StoreError> {
                let $this = self;
                let of_settings = |event: &Event| event.access_request.is_none() && event.tenant.as_ref() == Some(id);
                Ok($data?.events(of_settings))
            }

            async fn engineer(&self, id: &PersonId) -> Result<Option<Engineer>, StoreError> {
                let $this = self;
                Ok($data?.engineers.get(id).cloned())
            }

            async fn engineers(&self, page: Page<PersonId>) -> Result<Vec<Engineer>, StoreError> {
                let $this = self;
                Ok(data::named(&$data?.engineers, &page))
            }

            async fn kept_answer(&self, caller: &PersonId, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
                let $this = self;
                Ok($data?.kept_answers.get(&(caller.clone(), key.to_owned())).cloned())
            }
        }
    };
}

reads!(MemoryStore, |this| Ok::<_, StoreError>(this.data()));
reads!(MemoryTransaction, |this| if this.failed { Err(given_up()) } else { Ok(&this.data) });

#[async_trait]
impl Store for MemoryStore {
    fn is_shared(&self) -> bool {
        self.shared
    }

    async fn begin(&self, now: Timestamp) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(self.transaction(now).await?))
    }

    async fn changes_since(&self, epoch: u64, number: u64, limit: u32) -> Result<Changes, StoreError> {
        Ok(self.data().changes_since(epoch, number, limit))
    }

    async fn snapshot(&self) -> Result<(Vec<Item>, Revision), StoreError> {
        let data = self.data();
        Ok((data.live_items(), data.revision))
    }

    async fn items_after(&self, key: Option<&str>, limit: u32) -> Result<ItemPage, StoreError> {
        Ok(self.data().items_after(key, limit))
    }

    async fn raise_time_floor(&self, now: Timestamp) -> Result<(), StoreError> {
        self.begin(now).await?.commit().await.map(drop)
    }

    async fn prune_tombstones(&self, up_to: u64, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.transaction(now).await?;
        transaction.data.prune_tombstones(up_to);
        Box::new(transaction).commit().await.map(drop)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl MemoryTransaction {
    /// Does one thing; if it fails, nothing more can be done but to drop the transaction.
    fn write<T>(&mut self, write: impl FnOnce(&mut Data) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.failed {
            return Err(given_up());
        }
        write(&mut self.data).inspect_err(|_| self.failed = true)
    }
}

#[async_trait]
impl Transaction for MemoryTransaction {
    async fn next_access_request_id(&mut self) -> Result<AccessRequestId, StoreError> {
        Ok(AccessRequestId::new(self.store.next_number.fetch_add(1, Ordering::AcqRel)))
    }

    async fn put_access_request(&mut self, after: &AccessRequest, before: Option<u64>) -> Result<(), StoreError> {
        let what = after.id.to_string();
        self.write(|data| data::put(&mut data.access_requests, &what, after.id, after, before, |of| of.version))
    }

    async fn put_tenant(&mut self, after: &Tenant, before: Option<u64>) -> Result<(), StoreError> {
        let what = after.id.as_str();
        self.write(|data| data::put(&mut data.tenants, what, after.id.clone(), after, before, |of| of.version))
    }

    async fn put_engineer(&mut self, after: &Engineer, before: Option<u64>) -> Result<(), StoreError> {
        let what = after.id.as_str();
        self.write(|data| data::put(&mut data.engineers, what, after.id.clone(), after, before, |of| of.version))
    }

    async fn remove_engineer(&mut self, id: &PersonId, before: u64) -> Result<(), StoreError> {
        self.write(|data| match data.engineers.get(id) {
            Some(stored) if stored.version == before => {
                data.engineers.remove(id);
                Ok(())
            }
            _ => Err(StoreError::Conflict(id.to_string())),
        })
    }

    async fn internal_grants(&self, tenant: &TenantId) -> Result<Vec<AccessRequestId>, StoreError> {
        if self.failed { Err(given_up()) } else { Ok(self.data.internal_grants(tenant)) }
    }

    async fn add_event(&mut self, event: &Event) -> Result<(), StoreError> {
        self.write(|data| {
            data.events.push(event.clone());
            Ok(())
        })
    }

    async fn add_notice(&mut self, notice: &Notice) -> Result<(), StoreError> {
        self.write(|data| {
            data.add_notice(notice);
            Ok(())
        })
    }

    async fn put_delivery(&mut self, number: u64, after: &Delivery, attempts: u32) -> Result<(), StoreError> {
        self.write(|data| data.put_delivery(number, after, attempts))
    }

    async fn put_timer(&mut self, timer: &Timer) -> Result<(), StoreError> {
        self.write(|data| {
            data.timers.insert((timer.access_request, timer.kind), *timer);
            Ok(())
        })
    }

    async fn remove_timer(&mut self, of: AccessRequestId, kind: TimerKind) -> Result<bool, StoreError> {
        self.write(|data| Ok(data.timers.remove(&(of, kind)).is_some()))
    }

    async fn keep_answer(&mut self, caller: &PersonId, key: &str, kept: &KeptAnswer) -> Result<(), StoreError> {
        self.write(|data| data.keep_answer(caller, key, kept))
    }

    async fn put_item(&mut self, item: Item) -> Result<(), StoreError> {
        let number = self.store.data().revision.number.saturating_add(1);
        self.write(|data| {
            data.put_item(item, number);
            Ok(())
        })?;
        self.item_written = true;
        Ok(())
    }

    async fn raise_epoch(&mut self) -> Result<(), StoreError> {
        self.next_epoch = true;
        Ok(())
    }

    async fn commit(mut self: Box<Self>) -> Result<Revision, StoreError> {
        let (now, next_epoch) = (self.now, self.next_epoch);
        let written = self.item_written || self.next_epoch;
        let revision = self.write(|data| {
            data.references_hold()?;
            let number = data.revision.number.saturating_add(u64::from(written));
            let time_floor = data.revision.time_floor.max(now);
            let before = data.revision;
            let epoch = if next_epoch { before.next_epoch(now) } else { before.epoch };
            data.revision = Revision { epoch, number, time_floor, state_hash: data.state_hash() };
            Ok(data.revision)
        })?;
        let mut committed = self.store.committed.write().unwrap_or_else(PoisonError::into_inner);
        *committed = std::mem::replace(&mut self.data, Data::new());
        Ok(revision)
    }
}
