//! Reading the outbox and the timers.

use super::super::rows::{self, ENTRY, EntryRow, TimerRow, counted, limited, stored};
use super::super::{Channel, Outbox, OutboxCounts, OutboxEntry, Page, StoreError};
use super::PostgresStore;
use super::read::Query;
use crate::domain::{AccessRequestId, TenantId, Timer, TimerKind, Timestamp};
use async_trait::async_trait;

impl PostgresStore {
    async fn entries(&self, query: Query) -> Result<Vec<OutboxEntry>, StoreError> {
        self.ask::<EntryRow>(query).await?.into_iter().map(rows::entry).collect()
    }

    async fn timers(&self, query: Query) -> Result<Vec<Timer>, StoreError> {
        self.ask::<TimerRow>(query).await?.into_iter().map(rows::timer).collect()
    }
}

#[async_trait]
impl Outbox for PostgresStore {
    async fn outbox(&self, tenant: Option<&TenantId>, page: Page<u64>) -> Result<Vec<OutboxEntry>, StoreError> {
        let mut query = Query::new(ENTRY);
        query.push("number < ").push_bind(page.after.map_or(i64::MAX, stored));
        if let Some(tenant) = tenant {
            query.push(" AND tenant = ").push_bind(tenant.as_str().to_owned());
        }
        query.push(" ORDER BY number DESC LIMIT ").push_bind(limited(&page));
        self.entries(query).await
    }

    async fn outbox_entry(&self, number: u64) -> Result<Option<OutboxEntry>, StoreError> {
        let mut query = Query::new(ENTRY);
        query.push("number = ").push_bind(stored(number));
        Ok(self.entries(query).await?.pop())
    }

    async fn outbox_due(&self, channel: Channel, now: Timestamp, limit: u32) -> Result<Vec<OutboxEntry>, StoreError> {
        let mut query = Query::new(ENTRY);
        query.push("state = 'waiting' AND channel = ").push_bind(channel.as_str());
        query.push(" AND at_ms <= ").push_bind(now.as_ms());
        query.push(" ORDER BY at_ms, number LIMIT ").push_bind(i64::from(limit));
        self.entries(query).await
    }

    async fn outbox_counts(&self) -> Result<OutboxCounts, StoreError> {
        let query = Query::new(
            "SELECT (SELECT count(*) FROM outbox WHERE state = 'waiting'), \
             (SELECT count(*) FROM outbox WHERE state = 'dead')",
        );
        let (waiting, dead) = self.ask::<(i64, i64)>(query).await?.into_iter().next().unwrap_or_default();
        Ok(OutboxCounts { waiting: counted("outbox", waiting)?, dead: counted("outbox", dead)? })
    }

    async fn timers_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Timer>, StoreError> {
        let mut query = Query::new("SELECT access_request, kind, at_ms FROM timer WHERE at_ms <= ");
        query.push_bind(now.as_ms());
        query.push(" ORDER BY at_ms, access_request, kind LIMIT ").push_bind(i64::from(limit));
        self.timers(query).await
    }

    async fn timer(&self, of: AccessRequestId, kind: TimerKind) -> Result<Option<Timer>, StoreError> {
        let mut query = Query::new("SELECT access_request, kind, at_ms FROM timer WHERE access_request = ");
        query.push_bind(stored(of.number())).push(" AND kind = ").push_bind(kind.as_str());
        Ok(self.timers(query).await?.pop())
    }
}
