//! Writing: one transaction on the one connection that writes. The lock is taken when it begins.
//!
//! Invariant: after any failure within it, a transaction can only be dropped, and its connection with
//! it: SQLite may have rolled back by itself, and what follows would be committed one by one.

use super::super::document::{self, Columns};
use super::super::rows::{self, Standing, stored};
use super::super::{
    Channel, Delivery, Item, KEPT_DROPPED_MAX, KEPT_MS_MIN, KeptAnswer, Revision, StoreError, Transaction, given_up,
};
use super::fault::fault;
use super::read;
use super::{Lend, Shared};
use crate::domain::{
    AccessRequest, AccessRequestId, Engineer, Event, Notice, PersonId, Tenant, TenantId, Timer, TimerKind, Timestamp,
};
use async_trait::async_trait;
use core::ops::DerefMut;
use core::sync::atomic::{AtomicBool, Ordering};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection};
use std::sync::Arc;
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard};

/// The one connection that writes, while it is ours.
type Writer = OwnedMutexGuard<Option<SqliteConnection>>;
type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

/// A transaction under way.
pub(super) struct SqliteTransaction {
    /// The connection, behind a second lock only because reads share the transaction.
    writer: Mutex<Option<Writer>>,
    shared: Arc<Shared>,
    now: Timestamp,
    begun: Standing,
    /// The state hash with the items written so far; `None` while none was.
    hash: Option<u128>,
    next_number: u64,
    next_epoch: bool,
    /// Whether something failed or is under way: a call that was given up half way counts as failed.
    failed: AtomicBool,
    /// Whether there is nothing left to roll back.
    over: bool,
}

#[async_trait]
impl Lend for SqliteTransaction {
    async fn lend(&self) -> Result<Box<dyn DerefMut<Target = SqliteConnection> + Send + '_>, StoreError> {
        if self.failed.load(Ordering::Acquire) {
            return Err(given_up());
        }
        let writer = self.writer.lock().await;
        match MutexGuard::try_map(writer, |writer| writer.as_mut()?.as_mut()) {
            Ok(connection) => Ok(Box::new(connection)),
            Err(_none) => Err(given_up()),
        }
    }

    fn fault(&self, error: sqlx::Error) -> StoreError {
        self.failed.store(true, Ordering::Release);
        fault(error)
    }
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let failed = *self.failed.get_mut();
        let Some(mut writer) = self.writer.get_mut().take() else {
            return;
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if !failed => {
                // The task holds the connection, so the next transaction waits until this one is undone.
                runtime.spawn(async move {
                    if let Some(connection) = writer.as_mut()
                        && sqlx::query("ROLLBACK").execute(connection).await.is_err()
                    {
                        *writer = None;
                    }
                });
            }
            // Closing the connection rolls back whatever SQLite has not rolled back itself.
            _ => *writer = None,
        }
    }
}

impl SqliteTransaction {
    /// Takes the database's lock and reads where the record stands.
    pub(super) async fn begin(writer: Writer, shared: Arc<Shared>, now: Timestamp) -> Result<Self, StoreError> {
        // Made before the lock is asked for, so that a call given up half way rolls back too.
        let mut this = Self {
            writer: Mutex::new(Some(writer)),
            shared,
            now,
            begun: Standing::unread(),
            hash: None,
            next_number: 0,
            next_epoch: false,
            failed: AtomicBool::new(true),
            over: false,
        };
        let connection = connection(&mut this.writer)?;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await.map_err(fault)?;
        this.begun = read::standing(connection).await?;
        this.next_number = this.begun.next_number.max(this.shared.next_number.load(Ordering::Acquire));
        this.failed = AtomicBool::new(false);
        Ok(this)
    }

    /// Whether nothing has failed yet.
    fn goes_on(&mut self) -> Result<(), StoreError> {
        if *self.failed.get_mut() { Err(given_up()) } else { Ok(()) }
    }

    /// Does one thing; unless it is done to its end, the transaction has failed.
    pub(super) async fn execute(&mut self, query: Query<'_>) -> Result<u64, StoreError> {
        self.goes_on()?;
        *self.failed.get_mut() = true;
        let done = query.execute(connection(&mut self.writer)?).await.map_err(fault)?;
        *self.failed.get_mut() = false;
        Ok(done.rows_affected())
    }

    async fn execute_on_one(&mut self, what: &str, query: Query<'_>) -> Result<(), StoreError> {
        match self.execute(query).await? {
            1 => Ok(()),
            _ => {
                *self.failed.get_mut() = true;
                Err(StoreError::Conflict(what.to_owned()))
            }
        }
    }

    /// The document to write; what cannot be written fails the transaction.
    fn document<D: document::Document>(&mut self, what: &str, value: &D) -> Result<String, StoreError> {
        self.goes_on()?;
        document::write(what, value).inspect_err(|_| *self.failed.get_mut() = true)
    }

    /// A version only ever rises.
    fn rising(&mut self, what: &str, after: u64, before: Option<u64>) -> Result<(), StoreError> {
        self.goes_on()?;
        if after > before.unwrap_or(0) {
            return Ok(());
        }
        *self.failed.get_mut() = true;
        Err(StoreError::Conflict(what.to_owned()))
    }

    /// Drops the tombstones up to a revision and commits.
    pub(super) async fn prune_tombstones(mut self, up_to: u64) -> Result<(), StoreError> {
        let up_to = stored(up_to.min(self.begun.revision.number));
        self.execute(sqlx::query("DELETE FROM item WHERE payload IS NULL AND revision <= ?").bind(up_to)).await?;
        let raise = sqlx::query("UPDATE revision SET tombstone_floor = max(tombstone_floor, ?) WHERE one = 1");
        self.execute_on_one("revision", raise.bind(up_to)).await?;
        Box::new(self).commit().await.map(drop)
    }
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn next_access_request_id(&mut self) -> Result<AccessRequestId, StoreError> {
        let id = AccessRequestId::new(self.next_number);
        self.next_number = self.next_number.saturating_add(1);
        self.shared.next_number.store(self.next_number, Ordering::Release);
        Ok(id)
    }

    async fn put_access_request(&mut self, after: &AccessRequest, before: Option<u64>) -> Result<(), StoreError> {
        let what = after.id.to_string();
        self.rising(&what, after.version, before)?;
        let document = self.document(&what, after)?;
        let Columns { state, due_at, known_to_customer, approval } = Columns::of(after);
        let query = match before {
            None => sqlx::query(
                "INSERT INTO access_request (version, tenant, engineer, workload, state, submitted_at_ms, due_at_ms, \
                 known_to_customer, approval, document, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
                 ON CONFLICT DO NOTHING",
            ),
            Some(_) => sqlx::query(
                "UPDATE access_request SET version = ?, tenant = ?, engineer = ?, workload = ?, state = ?, \
                 submitted_at_ms = ?, due_at_ms = ?, known_to_customer = ?, approval = ?, document = ? \
                 WHERE id = ? AND version = ?",
            ),
        };
        let query = query
            .bind(stored(after.version))
            .bind(after.asked.tenant.as_str())
            .bind(after.engineer.as_str())
            .bind(after.asked.workload.as_str())
            .bind(state.as_str())
            .bind(after.submitted_at.as_ms())
            .bind(due_at.map(Timestamp::as_ms))
            .bind(known_to_customer)
            .bind(approval.map(|approval| approval.as_str()))
            .bind(document)
            .bind(stored(after.id.number()));
        self.execute_on_one(&what, bound(query, before)).await
    }

    async fn put_tenant(&mut self, after: &Tenant, before: Option<u64>) -> Result<(), StoreError> {
        self.rising(after.id.as_str(), after.version, before)?;
        let document = self.document(after.id.as_str(), after)?;
        let query = match before {
            None => "INSERT INTO tenant (version, document, id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            Some(_) => "UPDATE tenant SET version = ?, document = ? WHERE id = ? AND version = ?",
        };
        let query = sqlx::query(query).bind(stored(after.version)).bind(document).bind(after.id.as_str());
        self.execute_on_one(after.id.as_str(), bound(query, before)).await
    }

    async fn put_engineer(&mut self, after: &Engineer, before: Option<u64>) -> Result<(), StoreError> {
        self.rising(after.id.as_str(), after.version, before)?;
        let document = self.document(after.id.as_str(), after)?;
        let query = match before {
            None => "INSERT INTO engineer (version, document, id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            Some(_) => "UPDATE engineer SET version = ?, document = ? WHERE id = ? AND version = ?",
        };
        let query = sqlx::query(query).bind(stored(after.version)).bind(document).bind(after.id.as_str());
        self.execute_on_one(after.id.as_str(), bound(query, before)).await
    }

    async fn remove_engineer(&mut self, id: &PersonId, before: u64) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM engineer WHERE id = ? AND version = ?");
        self.execute_on_one(id.as_str(), query.bind(id.as_str()).bind(stored(before))).await
    }

    async fn internal_grants(&self, tenant: &TenantId) -> Result<Vec<AccessRequestId>, StoreError> {
        let mut connection = self.lend().await?;
        read::internal_grants(&mut connection, tenant).await.inspect_err(|_| self.failed.store(true, Ordering::Release))
    }

    async fn add_event(&mut self, event: &Event) -> Result<(), StoreError> {
        let document = self.document("event", event)?;
        let query = sqlx::query("INSERT INTO event (access_request, tenant, document) VALUES (?, ?, ?)")
            .bind(event.access_request.map(|id| stored(id.number())))
            .bind(event.tenant.as_ref().map(TenantId::as_str))
            .bind(document);
        self.execute_on_one("event", query).await
    }

    async fn add_notice(&mut self, notice: &Notice) -> Result<(), StoreError> {
        let document = self.document("notice", notice)?;
        let query = sqlx::query("INSERT INTO outbox (tenant, document, at_ms, channel) VALUES (?, ?, ?, ?)");
        let query = query
            .bind(notice.tenant.as_str())
            .bind(document)
            .bind(notice.at.as_ms())
            .bind(Channel::to(&notice.to).as_str());
        self.execute_on_one("notice", query).await
    }

    async fn put_delivery(&mut self, number: u64, after: &Delivery, attempts: u32) -> Result<(), StoreError> {
        let query = sqlx::query(
            "UPDATE outbox SET state = ?, attempts = ?, at_ms = ?, last_error = ? WHERE number = ? AND attempts = ?",
        )
        .bind(after.state.as_str())
        .bind(i64::from(after.attempts))
        .bind(after.at.as_ms())
        .bind(after.last_error.clone())
        .bind(stored(number))
        .bind(i64::from(attempts));
        self.execute_on_one(&format!("notice {number}"), query).await
    }

    async fn put_timer(&mut self, timer: &Timer) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO timer (access_request, kind, at_ms) VALUES (?, ?, ?) \
             ON CONFLICT (access_request, kind) DO UPDATE SET at_ms = excluded.at_ms",
        );
        let query = query.bind(stored(timer.access_request.number())).bind(timer.kind.as_str());
        self.execute_on_one("timer", query.bind(timer.at.as_ms())).await
    }

    async fn remove_timer(&mut self, of: AccessRequestId, kind: TimerKind) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM timer WHERE access_request = ? AND kind = ?");
        Ok(self.execute(query.bind(stored(of.number())).bind(kind.as_str())).await? > 0)
    }

    async fn keep_answer(&mut self, caller: &PersonId, key: &str, kept: &KeptAnswer) -> Result<(), StoreError> {
        let outlived = kept.at.as_ms().saturating_sub(KEPT_MS_MIN);
        let drop_outlived = sqlx::query(
            "DELETE FROM kept_answer WHERE (caller, key) IN \
             (SELECT caller, key FROM kept_answer WHERE at_ms <= ? ORDER BY at_ms, caller, key LIMIT ?)",
        );
        self.execute(drop_outlived.bind(outlived).bind(i64::from(KEPT_DROPPED_MAX))).await?;
        let keep = sqlx::query(
            "INSERT INTO kept_answer (caller, key, asked, access_request, at_ms) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (caller, key) DO UPDATE SET asked = excluded.asked, \
             access_request = excluded.access_request, at_ms = excluded.at_ms WHERE at_ms <= ?",
        )
        .bind(caller.as_str())
        .bind(key)
        .bind(kept.asked.as_slice())
        .bind(stored(kept.access_request.number()))
        .bind(kept.at.as_ms())
        .bind(outlived);
        self.execute_on_one("kept answer", keep).await
    }

    async fn put_item(&mut self, item: Item) -> Result<(), StoreError> {
        let Item { key, payload, digest } = item;
        // A tombstone counts nothing, whatever the writer says.
        let digest = if payload.is_some() { digest } else { 0 };
        let before: Option<Vec<u8>> = sqlx::query_scalar("SELECT digest FROM item WHERE key = ?")
            .bind(&key)
            .fetch_optional(&mut **self.lend().await?)
            .await
            .map_err(|error| self.fault(error))?;
        let before = match before {
            Some(bytes) => rows::digest(&key, &bytes).inspect_err(|_| *self.failed.get_mut() = true)?,
            None => 0,
        };
        let hash = self.hash.unwrap_or(self.begun.revision.state_hash);
        let query = sqlx::query(
            "INSERT INTO item (key, payload, digest, revision) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE \
             SET payload = excluded.payload, digest = excluded.digest, revision = excluded.revision",
        )
        .bind(&key)
        .bind(payload)
        .bind(digest.to_be_bytes().to_vec())
        .bind(stored(self.begun.revision.number.saturating_add(1)));
        self.execute_on_one(&key, query).await?;
        self.hash = Some(hash.wrapping_sub(before).wrapping_add(digest));
        Ok(())
    }

    async fn raise_epoch(&mut self) -> Result<(), StoreError> {
        self.next_epoch = true;
        Ok(())
    }

    async fn commit(mut self: Box<Self>) -> Result<Revision, StoreError> {
        let begun = self.begun.revision;
        let after = Revision {
            epoch: begun.epoch.saturating_add(u64::from(self.next_epoch)),
            number: begun.number.saturating_add(u64::from(self.hash.is_some() || self.next_epoch)),
            state_hash: self.hash.unwrap_or(begun.state_hash),
            time_floor: begun.time_floor.max(self.now),
        };
        let query = sqlx::query(
            "UPDATE revision SET epoch = ?, number = ?, state_hash = ?, time_floor_ms = ?, next_number = ? \
             WHERE one = 1 AND epoch = ? AND number = ?",
        )
        .bind(stored(after.epoch))
        .bind(stored(after.number))
        .bind(after.state_hash.to_be_bytes().to_vec())
        .bind(after.time_floor.as_ms())
        .bind(stored(self.next_number))
        .bind(stored(begun.epoch))
        .bind(stored(begun.number));
        self.execute_on_one("revision", query).await?;
        self.shared.identity.check()?;
        *self.failed.get_mut() = true;
        sqlx::query("COMMIT").execute(connection(&mut self.writer)?).await.map_err(fault)?;
        self.over = true;
        Ok(after)
    }
}

fn connection(writer: &mut Mutex<Option<Writer>>) -> Result<&mut SqliteConnection, StoreError> {
    writer.get_mut().as_mut().and_then(|writer| writer.as_mut()).ok_or_else(given_up)
}

fn bound(query: Query<'_>, before: Option<u64>) -> Query<'_> {
    match before {
        Some(before) => query.bind(stored(before)),
        None => query,
    }
}
