//! The store in PostgreSQL, for many authorities at once: transactions are serialized by the lock on the row
//! of the revision, and nothing is remembered here that another process could make untrue.
//!
//! **No lease from a deposed primary.** After a failover the replaced primary may live on, cut off, and go on
//! answering reads from a record that no longer grows; a lease based on it could outlive a revocation. Two
//! rules together close that:
//!
//! 1. All connections lead to one start of one server (`pool`). What grants leases is read only if that has
//!    not changed by the end of the read, and a connection to another server is believed only after that
//!    server has proven itself.
//! 2. A proof ([`super::Store::prove_primary`]) is a commit of its own with `synchronous_commit = on`. The
//!    primary acknowledges it only after its synchronous standby has written it to disk. A standby stops
//!    receiving from the old primary before it becomes the primary itself, and takes commits only then. So an
//!    acknowledgement that arrives after the proof was asked for says: at a moment after that, no other server
//!    had taken a commit yet. What is read from this server after that moment, or was read before it, lacks
//!    nothing that had been committed when the renewal arrived.
//!
//! It needs `synchronous_standby_names` to be set, so that every standby that may be promoted is one that has to
//! acknowledge. Without that a proof says only that this server takes commits; so it is demanded, unless the
//! settings say that there is no standby ([`Standby::None`]). Whoever cancels a commit that waits for the standby
//! (`pg_cancel_backend`) takes that promise away, from PostgreSQL's own commits as well.
//!
//! Invariant: a transaction that was not committed, or in which anything failed, leaves nothing.

mod connect;
mod fault;
mod listen;
mod notes;
mod open;
mod outbox;
mod pool;
mod read;
mod settings;
mod write;

use super::{Changes, Item, ItemPage, Revision, Store, StoreError, Transaction};
use crate::domain::Timestamp;
use async_trait::async_trait;
use core::sync::atomic::AtomicU64;
use core::time::Duration;
use listen::Listening;
use pool::Pool;
use read::Consistent;
pub(super) use read::searched;
pub use settings::{PostgresHost, PostgresSettings, PostgresTls, Standby};
use sqlx::PgConnection;
use sqlx::migrate::Migration;
use std::sync::Arc;
use tokio::sync::Mutex;
use write::PostgresTransaction;

/// How often it is looked whether somebody else is connected, and how long lies between.
const ALONE_LOOKS: u32 = 20;
const ALONE_LOOK_EVERY: Duration = Duration::from_millis(100);

/// The store in PostgreSQL.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pool: Arc<Pool>,
    begin_max: Duration,
    /// Held by this process's transaction under way, so that at most one of its connections waits for the lock.
    turn: Arc<Mutex<()>>,
    /// The lowest AccessRequest number that was not given out by this process, whether committed or not. Other
    /// processes raise what is stored; the higher of both counts.
    next_number: AtomicU64,
    listening: Listening,
    /// The newest step of the schema that this program knows.
    program: i64,
}

impl PostgresStore {
    /// Connects to the primary and brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no host is a primary that takes commits, or the schema is for newer
    /// programs only; [`StoreError::Corrupt`] when the database is another program's.
    pub async fn open(settings: PostgresSettings) -> Result<Self, StoreError> {
        Self::open_with(settings, open::steps()).await
    }

    async fn open_with(settings: PostgresSettings, steps: Vec<Migration>) -> Result<Self, StoreError> {
        let program = steps.iter().map(|step| step.version).max().unwrap_or_default();
        let pool = Pool::new(&settings)?;
        let mut held = pool.acquire().await?;
        open::bring_up_to_date(held.connection(), steps).await?;
        // Its session was let wait for longer than others may.
        drop(held);
        let listening = Listening::start(Arc::clone(&pool));
        let shared = Shared {
            pool,
            begin_max: Duration::from_millis(settings.begin_ms_max),
            turn: Arc::default(),
            next_number: AtomicU64::new(0),
            listening,
            program,
        };
        let store = Self { shared: Arc::new(shared) };
        store.standing().await?;
        Ok(store)
    }

    /// Waits for the transaction under way, then closes the connections that nobody uses. A store that is only
    /// dropped loses nothing.
    pub async fn close(self) {
        self.shared.listening.stop();
        let _over = tokio::time::timeout(self.shared.begin_max, self.shared.turn.lock()).await;
        self.shared.pool.close();
    }

    /// Whether no other session of an authority is in the database, as far as this user may see. The session of a
    /// process that has just ended may last a moment longer, so it is looked several times.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is one, or the database cannot be asked.
    pub async fn alone(settings: &PostgresSettings) -> Result<(), StoreError> {
        let mut held = Pool::new(settings)?.acquire().await?;
        for _ in 0..ALONE_LOOKS {
            let query = read::Query::new(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND application_name = 'lockbox' AND pid <> pg_backend_pid()",
            );
            let others: Vec<(i64,)> = held.rows(query).await.map_err(|error| held.failed(error))?;
            if others == [(0,)] {
                return Ok(());
            }
            tokio::time::sleep(ALONE_LOOK_EVERY).await;
        }
        Err(StoreError::Unavailable("an authority is connected to the database: stop all of them first".to_owned()))
    }

    /// A connection to the primary, for one long transaction.
    pub(super) async fn lone_connection(&self) -> Result<PgConnection, StoreError> {
        Ok(self.shared.pool.connect().await?.0)
    }

    async fn transaction(&self, now: Timestamp) -> Result<PostgresTransaction, StoreError> {
        let begin_max = self.shared.begin_max;
        let begun = PostgresTransaction::begin(Arc::clone(&self.shared), now);
        tokio::time::timeout(begin_max, begun).await.unwrap_or_else(|_elapsed| {
            Err(StoreError::Unavailable(format!(
                "the transaction before this one has not ended within {} ms: the database is slow or overloaded",
                begin_max.as_millis()
            )))
        })
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn begin(&self, now: Timestamp) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(self.transaction(now).await?))
    }

    async fn changes_since(&self, epoch: u64, number: u64, limit: u32) -> Result<Changes, StoreError> {
        let mut consistent = Consistent::begin(&self.shared).await?;
        let changes = read::changes_since(&mut consistent, epoch, number, limit).await?;
        consistent.end().await?;
        Ok(changes)
    }

    async fn snapshot(&self) -> Result<(Vec<Item>, Revision), StoreError> {
        let mut consistent = Consistent::begin(&self.shared).await?;
        let snapshot = read::snapshot(&mut consistent).await?;
        consistent.end().await?;
        Ok(snapshot)
    }

    async fn items_after(&self, key: Option<&str>, limit: u32) -> Result<ItemPage, StoreError> {
        let mut consistent = Consistent::begin(&self.shared).await?;
        let page = read::items_after(&mut consistent, key, limit).await?;
        consistent.end().await?;
        Ok(page)
    }

    async fn moved(&self) {
        self.shared.listening.heard().await;
    }

    async fn raise_time_floor(&self, now: Timestamp) -> Result<(), StoreError> {
        Box::new(self.transaction(now).await?).commit().await.map(drop)
    }

    async fn prune_tombstones(&self, up_to: u64, now: Timestamp) -> Result<(), StoreError> {
        self.transaction(now).await?.prune_tombstones(up_to).await
    }

    async fn prove_primary(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut held = self.shared.pool.acquire().await?;
        let pool = Arc::clone(&self.shared.pool);
        let proof = pool.servers().prove(held.connection()).await.inspect_err(|_| held.deposed())?;
        held.still_current()?;
        held.keep();
        Ok(Some(proof.at))
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.standing().await.map(drop)
    }
}

#[cfg(test)]
mod tests;
