//! The store in an SQLite file: one connection that writes, a few that read, WAL, a sync for every
//! commit. One process alone may use the file; a second one waits for it a while and is then refused.
//!
//! Invariant: a transaction that was not committed, or in which anything failed, leaves nothing.

mod accesses;
mod backup;
mod fault;
mod notes;
pub(super) mod open;
mod outbox;
mod read;
mod write;

use super::{Changes, Item, ItemPage, Revision, Store, StoreError, Transaction};
use crate::domain::Timestamp;
use async_trait::async_trait;
pub use backup::BackedUp;
use core::ops::DerefMut;
use core::sync::atomic::AtomicU64;
use core::time::Duration;
use fault::fault;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{ConnectOptions as _, SqliteConnection, SqlitePool};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;
use write::SqliteTransaction;

/// How an SQLite store behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteSettings {
    /// How long [`Store::begin`] and a reader wait for their turn, in milliseconds. Of it, half may be
    /// spent waiting for another process's lock.
    pub begin_ms_max: u64,
    /// How many reads run side by side.
    pub readers_max: u32,
    /// The most pages (of 4 KiB) the file may have; `None` leaves it to the disk.
    pub pages_max: Option<u32>,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self { begin_ms_max: 10_000, readers_max: 4, pages_max: None }
    }
}

/// The store in an SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    settings: SqliteSettings,
    identity: open::FileIdentity,
    _claim: open::Claim,
    /// The one connection that writes. `None` after a fault of it: the next transaction connects anew.
    writer: Arc<Mutex<Option<SqliteConnection>>>,
    readers: SqlitePool,
    /// Does nothing but stay: SQLite deletes the write-ahead log with the last connection that has read,
    /// and the one that writes may be closed after a fault.
    anchor: Mutex<Option<SqliteConnection>>,
    /// The lowest AccessRequest number that was not given out by this process, whether committed or not.
    next_number: AtomicU64,
}

/// Lends a connection to read with: the pool's, or a transaction's own.
#[async_trait]
trait Lend: Send + Sync {
    /// A connection, for one read.
    async fn lend(&self) -> Result<Box<dyn DerefMut<Target = SqliteConnection> + Send + '_>, StoreError>;

    /// The error for one of the driver's; a transaction notes that it has failed.
    fn fault(&self, error: sqlx::Error) -> StoreError {
        fault(error)
    }
}

#[async_trait]
impl Lend for SqliteStore {
    async fn lend(&self) -> Result<Box<dyn DerefMut<Target = SqliteConnection> + Send + '_>, StoreError> {
        Ok(Box::new(self.shared.readers.acquire().await.map_err(fault)?))
    }
}

impl SqliteStore {
    /// Opens the database file, and makes it (mode 0600) if there is none. The schema is brought up
    /// to date in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a damaged file or another program's; [`StoreError::Unavailable`]
    /// for a file that is out of reach, locked, or made by a newer version of this program, and for
    /// an SQLite library with known loss of commits (SAFETY.md §5).
    pub async fn open(path: &Path, settings: SqliteSettings) -> Result<Self, StoreError> {
        let bound = Duration::from_millis(settings.begin_ms_max);
        let (writer, identity, claim) = open::open(path, &settings).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(settings.readers_max.max(1))
            .acquire_timeout(bound)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(open::reading(path, &settings))
            .await
            .map_err(fault)?;
        let mut anchor = open::reading(path, &settings).connect().await.map_err(fault)?;
        let standing = read::standing(&mut anchor).await?;
        let shared = Shared {
            path: path.to_path_buf(),
            settings,
            identity,
            _claim: claim,
            writer: Arc::new(Mutex::new(Some(writer))),
            readers,
            anchor: Mutex::new(Some(anchor)),
            next_number: AtomicU64::new(standing.next_number),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Whether no other process has the file open.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when one has.
    pub async fn alone(path: &Path) -> Result<(), StoreError> {
        sqlx::Connection::close(open::alone(path).await?).await.map_err(fault)
    }

    /// Waits for the transaction under way, then closes the connections and folds the write-ahead log
    /// into the file. A store that is only dropped loses nothing; the log is then read at the next open.
    pub async fn close(self) {
        self.shared.readers.close().await;
        // The writer last: it alone can fold the log.
        for slot in [&self.shared.anchor, &*self.shared.writer] {
            if let Some(connection) = slot.lock().await.take() {
                let _closed_anyway = sqlx::Connection::close(connection).await;
            }
        }
    }

    async fn begun(&self, now: Timestamp) -> Result<SqliteTransaction, StoreError> {
        let shared = &self.shared;
        let mut writer = Arc::clone(&shared.writer).lock_owned().await;
        shared.identity.check()?;
        if writer.is_none() {
            let connection = open::writing(&shared.path, &shared.settings).connect().await.map_err(fault)?;
            // A deleted file would have been made anew, and empty.
            shared.identity.check()?;
            *writer = Some(connection);
        }
        SqliteTransaction::begin(writer, Arc::clone(shared), now).await
    }

    async fn transaction(&self, now: Timestamp) -> Result<SqliteTransaction, StoreError> {
        let ms_max = self.shared.settings.begin_ms_max;
        tokio::time::timeout(Duration::from_millis(ms_max), self.begun(now)).await.unwrap_or_else(|_elapsed| {
            Err(StoreError::Unavailable(format!(
                "the transaction before this one has not ended within {ms_max} ms: the disk is slow or it is overloaded"
            )))
        })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn begin(&self, now: Timestamp) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(self.transaction(now).await?))
    }

    async fn changes_since(&self, epoch: u64, number: u64, limit: u32) -> Result<Changes, StoreError> {
        // A file that is gone takes no revocation: sidecars must not be told that nothing has changed.
        self.shared.identity.check()?;
        let mut consistent = self.shared.readers.begin().await.map_err(fault)?;
        read::changes_since(&mut consistent, epoch, number, limit).await
    }

    async fn snapshot(&self) -> Result<(Vec<Item>, Revision), StoreError> {
        self.shared.identity.check()?;
        let mut consistent = self.shared.readers.begin().await.map_err(fault)?;
        read::snapshot(&mut consistent).await
    }

    async fn items_after(&self, key: Option<&str>, limit: u32) -> Result<ItemPage, StoreError> {
        self.shared.identity.check()?;
        let mut consistent = self.shared.readers.begin().await.map_err(fault)?;
        read::items_after(&mut consistent, key, limit).await
    }

    async fn raise_time_floor(&self, now: Timestamp) -> Result<(), StoreError> {
        Box::new(self.transaction(now).await?).commit().await.map(drop)
    }

    async fn prune_tombstones(&self, up_to: u64, now: Timestamp) -> Result<(), StoreError> {
        self.transaction(now).await?.prune_tombstones(up_to).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.shared.identity.check()?;
        let mut connection = self.lend().await?;
        read::standing(&mut connection).await.map(drop)
    }
}
