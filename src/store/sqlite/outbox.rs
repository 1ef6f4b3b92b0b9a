//! Reading the outbox and the timers in the file.

use super::super::rows::{self, ENTRY, EntryRow, TimerRow, counted, limited, stored};
use super::super::{Channel, Outbox, OutboxCounts, OutboxEntry, Page, StoreError};
use super::SqliteStore;
use super::fault::fault;
use crate::domain::{AccessRequestId, TenantId, Timer, TimerKind, Timestamp};
use async_trait::async_trait;
use sqlx::sqlite::SqliteArguments;
use sqlx::{QueryBuilder, Sqlite};

impl SqliteStore {
    async fn entries(&self, mut query: QueryBuilder<Sqlite>) -> Result<Vec<OutboxEntry>, StoreError> {
        let rows: Vec<EntryRow> = query.build_query_as().fetch_all(&self.shared.readers).await.map_err(fault)?;
        rows.into_iter().map(rows::entry).collect()
    }

    async fn timers(
        &self,
        query: sqlx::query::QueryAs<'_, Sqlite, TimerRow, SqliteArguments>,
    ) -> Result<Vec<Timer>, StoreError> {
        query.fetch_all(&self.shared.readers).await.map_err(fault)?.into_iter().map(rows::timer).collect()
    }
}

#[async_trait]
impl Outbox for SqliteStore {
    async fn outbox(&self, tenant: Option<&TenantId>, page: Page<u64>) -> Result<Vec<OutboxEntry>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(ENTRY);
        query.push("number < ").push_bind(page.after.map_or(i64::MAX, stored));
        if let Some(tenant) = tenant {
            query.push(" AND tenant = ").push_bind(tenant.as_str().to_owned());
        }
        query.push(" ORDER BY number DESC LIMIT ").push_bind(limited(&page));
        self.entries(query).await
    }

    async fn outbox_entry(&self, number: u64) -> Result<Option<OutboxEntry>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(ENTRY);
        query.push("number = ").push_bind(stored(number));
        Ok(self.entries(query).await?.pop())
    }

    async fn outbox_due(&self, channel: Channel, now: Timestamp, limit: u32) -> Result<Vec<OutboxEntry>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(ENTRY);
        query.push("state = 'waiting' AND channel = ").push_bind(channel.as_str());
        query.push(" AND at_ms <= ").push_bind(now.as_ms());
        query.push(" ORDER BY at_ms, number LIMIT ").push_bind(i64::from(limit));
        self.entries(query).await
    }

    async fn outbox_counts(&self) -> Result<OutboxCounts, StoreError> {
        let (waiting, dead): (i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM outbox WHERE state = 'waiting'), \
             (SELECT count(*) FROM outbox WHERE state = 'dead')",
        )
        .fetch_one(&self.shared.readers)
        .await
        .map_err(fault)?;
        Ok(OutboxCounts { waiting: counted("outbox", waiting)?, dead: counted("outbox", dead)? })
    }

    async fn timers_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Timer>, StoreError> {
        let query = sqlx::query_as(
            "SELECT access_request, kind, at_ms FROM timer WHERE at_ms <= ? ORDER BY at_ms, access_request, kind LIMIT ?",
        );
        self.timers(query.bind(now.as_ms()).bind(i64::from(limit))).await
    }

    async fn timer(&self, of: AccessRequestId, kind: TimerKind) -> Result<Option<Timer>, StoreError> {
        let query =
            sqlx::query_as("SELECT access_request, kind, at_ms FROM timer WHERE access_request = ? AND kind = ?");
        Ok(self.timers(query.bind(stored(of.number())).bind(kind.as_str())).await?.pop())
    }
}
