//! Writing: one transaction on one connection. The row of the revision is locked when it begins, by
//! whichever process it is, so revisions commit in their order.
//!
//! Invariant: after any failure within it, a transaction can only be dropped, and its connection with it.

use super::super::document::{self, Columns};
use super::super::rows::{self, Standing, stored};
use super::super::{
    Channel, Delivery, Item, KEPT_DROPPED_MAX, KEPT_MS_MIN, KeptAnswer, Revision, StoreError, Transaction, given_up,
};
use super::Shared;
use super::fault::certainly_undone;
use super::pool::{Held, Query};
use super::read::{self, STANDING, searched, standing_of};
use crate::domain::{
    AccessRequest, AccessRequestId, Engineer, Event, Notice, PersonId, Tenant, TenantId, Timer, TimerKind, Timestamp,
};
use async_trait::async_trait;
use core::sync::atomic::{AtomicBool, Ordering};
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// A transaction under way.
pub(super) struct PostgresTransaction {
    /// The connection, behind a lock only because reads share the transaction; `None` once it is over.
    held: Mutex<Option<Held>>,
    shared: Arc<Shared>,
    turn: Option<OwnedMutexGuard<()>>,
    now: Timestamp,
    begun: Standing,
    /// The state hash with the items written so far; `None` while none was.
    hash: Option<u128>,
    next_number: u64,
    next_epoch: bool,
    /// Whether something failed or is under way: a call that was given up half way counts as failed.
    failed: AtomicBool,
}

impl Drop for PostgresTransaction {
    fn drop(&mut self) {
        let failed = *self.failed.get_mut();
        let Some(mut held) = self.held.get_mut().take() else {
            return;
        };
        let turn = self.turn.take();
        if let (false, Ok(runtime)) = (failed, tokio::runtime::Handle::try_current()) {
            // The task keeps the turn, so the next transaction waits until this one is undone.
            runtime.spawn(async move {
                match held.say("ROLLBACK").await {
                    Ok(()) => held.keep(),
                    Err(error) => drop(held.failed(error)),
                }
                drop(turn);
            });
        }
        // A connection that is closed is rolled back by the server.
    }
}

impl PostgresTransaction {
    /// Waits for its turn in this process and for the lock that all processes share, and reads where the record
    /// stands.
    pub(super) async fn begin(shared: Arc<Shared>, now: Timestamp) -> Result<Self, StoreError> {
        let turn = Arc::clone(&shared.turn).lock_owned().await;
        let mut held = shared.pool.acquire().await?;
        held.say("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await.map_err(|error| held.failed(error))?;
        let mut query = read::Query::new(STANDING);
        query.push(" FOR UPDATE");
        // Who waits for the lock is not cut off by the bound of a statement, but by that of a beginning.
        let rows = query.build_query_as().fetch_all(held.connection()).await;
        let rows = rows.map_err(|error| held.failed(error))?;
        let begun = standing_of(&held, rows, shared.program)?;
        let next_number = begun.next_number.max(shared.next_number.load(Ordering::Acquire));
        Ok(Self {
            held: Mutex::new(Some(held)),
            shared,
            turn: Some(turn),
            now,
            begun,
            hash: None,
            next_number,
            next_epoch: false,
            failed: AtomicBool::new(false),
        })
    }

    /// Asks within the transaction; unless it is answered to its end, the transaction has failed.
    pub(super) async fn ask<O>(&self, query: read::Query) -> Result<Vec<O>, StoreError>
    where
        O: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut slot = self.held.lock().await;
        let Some(held) = slot.as_mut().filter(|_| !self.failed.load(Ordering::Acquire)) else {
            return Err(given_up());
        };
        self.failed.store(true, Ordering::Release);
        let rows = held.rows(query).await.map_err(|error| held.failed(error))?;
        self.failed.store(false, Ordering::Release);
        Ok(rows)
    }

    /// Where the record stood when the transaction began: the lock keeps it there.
    pub(super) async fn standing(&self) -> Result<Standing, StoreError> {
        if self.failed.load(Ordering::Acquire) { Err(given_up()) } else { Ok(self.begun) }
    }

    /// Whether nothing has failed yet.
    fn goes_on(&mut self) -> Result<(), StoreError> {
        if *self.failed.get_mut() { Err(given_up()) } else { Ok(()) }
    }

    fn held(&mut self) -> Result<&mut Held, StoreError> {
        self.held.get_mut().as_mut().ok_or_else(given_up)
    }

    /// Does one thing; unless it is done to its end, the transaction has failed.
    pub(super) async fn execute(&mut self, query: Query<'_>) -> Result<u64, StoreError> {
        self.goes_on()?;
        *self.failed.get_mut() = true;
        let held = self.held()?;
        let done = held.execute(query).await.map_err(|error| held.failed(error))?;
        *self.failed.get_mut() = false;
        Ok(done)
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
        self.execute(sqlx::query("DELETE FROM item WHERE payload IS NULL AND revision <= $1").bind(up_to)).await?;
        let raise = sqlx::query("UPDATE revision SET tombstone_floor = greatest(tombstone_floor, $1) WHERE one = 1");
        self.execute_on_one("revision", raise.bind(up_to)).await?;
        Box::new(self).commit().await.map(drop)
    }
}

#[async_trait]
impl Transaction for PostgresTransaction {
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
                 known_to_customer, approval, searched, document, id) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
            ),
            Some(_) => sqlx::query(
                "UPDATE access_request SET version = $1, tenant = $2, engineer = $3, workload = $4, state = $5, \
                 submitted_at_ms = $6, due_at_ms = $7, known_to_customer = $8, approval = $9, searched = $10, \
                 document = $11 WHERE id = $12 AND version = $13",
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
            .bind(searched(after))
            .bind(document)
            .bind(stored(after.id.number()));
        self.execute_on_one(&what, bound(query, before)).await
    }

    async fn put_tenant(&mut self, after: &Tenant, before: Option<u64>) -> Result<(), StoreError> {
        self.rising(after.id.as_str(), after.version, before)?;
        let document = self.document(after.id.as_str(), after)?;
        let query = match before {
            None => "INSERT INTO tenant (version, document, id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            Some(_) => "UPDATE tenant SET version = $1, document = $2 WHERE id = $3 AND version = $4",
        };
        let query = sqlx::query(query).bind(stored(after.version)).bind(document).bind(after.id.as_str());
        self.execute_on_one(after.id.as_str(), bound(query, before)).await
    }

    async fn put_engineer(&mut self, after: &Engineer, before: Option<u64>) -> Result<(), StoreError> {
        self.rising(after.id.as_str(), after.version, before)?;
        let document = self.document(after.id.as_str(), after)?;
        let query = match before {
            None => "INSERT INTO engineer (version, document, id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            Some(_) => "UPDATE engineer SET version = $1, document = $2 WHERE id = $3 AND version = $4",
        };
        let query = sqlx::query(query).bind(stored(after.version)).bind(document).bind(after.id.as_str());
        self.execute_on_one(after.id.as_str(), bound(query, before)).await
    }

    async fn remove_engineer(&mut self, id: &PersonId, before: u64) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM engineer WHERE id = $1 AND version = $2");
        self.execute_on_one(id.as_str(), query.bind(id.as_str()).bind(stored(before))).await
    }

    async fn internal_grants(&self, tenant: &TenantId) -> Result<Vec<AccessRequestId>, StoreError> {
        let mut query = read::Query::new("SELECT id FROM access_request WHERE tenant = ");
        query.push_bind(tenant.as_str().to_owned());
        query.push(" AND state = 'active' AND approval = 'internal' ORDER BY id");
        rows::ids(self.ask::<(i64,)>(query).await?.into_iter().map(|(id,)| id))
    }

    async fn add_event(&mut self, event: &Event) -> Result<(), StoreError> {
        let document = self.document("event", event)?;
        let query = sqlx::query(
            "INSERT INTO event (number, access_request, tenant, document) \
             VALUES ((SELECT coalesce(max(number), 0) + 1 FROM event), $1, $2, $3)",
        )
        .bind(event.access_request.map(|id| stored(id.number())))
        .bind(event.tenant.as_ref().map(TenantId::as_str))
        .bind(document);
        self.execute_on_one("event", query).await
    }

    async fn add_notice(&mut self, notice: &Notice) -> Result<(), StoreError> {
        let document = self.document("notice", notice)?;
        let query = sqlx::query(
            "INSERT INTO outbox (number, tenant, document, at_ms, channel) \
             VALUES ((SELECT coalesce(max(number), 0) + 1 FROM outbox), $1, $2, $3, $4)",
        );
        let query = query
            .bind(notice.tenant.as_str())
            .bind(document)
            .bind(notice.at.as_ms())
            .bind(Channel::to(&notice.to).as_str());
        self.execute_on_one("notice", query).await
    }

    async fn put_delivery(&mut self, number: u64, after: &Delivery, attempts: u32) -> Result<(), StoreError> {
        let query = sqlx::query(
            "UPDATE outbox SET state = $1, attempts = $2, at_ms = $3, last_error = $4 \
             WHERE number = $5 AND attempts = $6",
        )
        .bind(after.state.as_str())
        .bind(i64::from(after.attempts))
        .bind(after.at.as_ms())
        // What another program said may hold anything; PostgreSQL's texts hold no NUL.
        .bind(after.last_error.as_ref().map(|said| said.replace('\0', "\u{fffd}")))
        .bind(stored(number))
        .bind(i64::from(attempts));
        self.execute_on_one(&format!("notice {number}"), query).await
    }

    async fn put_timer(&mut self, timer: &Timer) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO timer (access_request, kind, at_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (access_request, kind) DO UPDATE SET at_ms = excluded.at_ms",
        );
        let query = query.bind(stored(timer.access_request.number())).bind(timer.kind.as_str());
        self.execute_on_one("timer", query.bind(timer.at.as_ms())).await
    }

    async fn remove_timer(&mut self, of: AccessRequestId, kind: TimerKind) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM timer WHERE access_request = $1 AND kind = $2");
        Ok(self.execute(query.bind(stored(of.number())).bind(kind.as_str())).await? > 0)
    }

    async fn keep_answer(&mut self, caller: &PersonId, key: &str, kept: &KeptAnswer) -> Result<(), StoreError> {
        let outlived = kept.at.as_ms().saturating_sub(KEPT_MS_MIN);
        let drop_outlived = sqlx::query(
            "DELETE FROM kept_answer WHERE (caller, key) IN \
             (SELECT caller, key FROM kept_answer WHERE at_ms <= $1 ORDER BY at_ms, caller, key LIMIT $2)",
        );
        self.execute(drop_outlived.bind(outlived).bind(i64::from(KEPT_DROPPED_MAX))).await?;
        let keep = sqlx::query(
            "INSERT INTO kept_answer (caller, key, asked, access_request, at_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (caller, key) DO UPDATE SET asked = excluded.asked, \
             access_request = excluded.access_request, at_ms = excluded.at_ms WHERE kept_answer.at_ms <= $6",
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
        let mut query = read::Query::new("SELECT digest FROM item WHERE key = ");
        query.push_bind(key.clone());
        let before = match self.ask::<(Vec<u8>,)>(query).await?.pop() {
            Some((bytes,)) => rows::digest(&key, &bytes).inspect_err(|_| *self.failed.get_mut() = true)?,
            None => 0,
        };
        let hash = self.hash.unwrap_or(self.begun.revision.state_hash);
        let query = sqlx::query(
            "INSERT INTO item (key, payload, digest, revision) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO UPDATE \
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
            epoch: if self.next_epoch { begun.next_epoch(self.now) } else { begun.epoch },
            number: begun.number.saturating_add(u64::from(self.hash.is_some() || self.next_epoch)),
            state_hash: self.hash.unwrap_or(begun.state_hash),
            time_floor: begun.time_floor.max(self.now),
        };
        let query = sqlx::query(
            "UPDATE revision SET epoch = $1, number = $2, state_hash = $3, time_floor_ms = $4, next_number = $5 \
             WHERE one = 1 AND epoch = $6 AND number = $7",
        )
        .bind(stored(after.epoch))
        .bind(stored(after.number))
        .bind(after.state_hash.to_be_bytes().to_vec())
        .bind(after.time_floor.as_ms())
        .bind(stored(self.next_number))
        .bind(stored(begun.epoch))
        .bind(stored(begun.number));
        self.execute_on_one("revision", query).await?;
        *self.failed.get_mut() = true;
        let Some(mut held) = self.held.get_mut().take() else {
            return Err(given_up());
        };
        match held.say("COMMIT").await {
            Ok(()) => {
                held.keep();
                Ok(after)
            }
            Err(error) if certainly_undone(&error) => Err(held.failed(error)),
            Err(error) => Err(StoreError::Unknown(held.failed(error).to_string())),
        }
    }
}

fn bound(query: Query<'_>, before: Option<u64>) -> Query<'_> {
    match before {
        Some(before) => query.bind(stored(before)),
        None => query,
    }
}
