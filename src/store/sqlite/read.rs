//! Reading: the queries, the same for the store and for a transaction.

use super::super::rows::{
    self, ACCESS_REQUEST, AccessRequestRow, EVENTS_MAX, ItemRow, NumberedRow, STANDING, Standing, StandingRow, limited,
    stored,
};
use super::super::{AccessRequestFilter, Changes, Item, ItemPage, KeptAnswer, Page, Reads, Revision, StoreError};
use super::Lend;
use super::fault::fault;
use crate::domain::{AccessRequest, AccessRequestId, Engineer, Event, PersonId, Tenant, TenantId, Timestamp};
use async_trait::async_trait;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

/// Reads where the record stands.
pub(super) async fn standing(connection: &mut SqliteConnection) -> Result<Standing, StoreError> {
    let row: Option<StandingRow> = sqlx::query_as(STANDING).fetch_optional(connection).await.map_err(fault)?;
    Standing::of(row)
}

/// The condition of a filter.
fn filtered(query: &mut QueryBuilder<Sqlite>, filter: &AccessRequestFilter) {
    rows::filtered(query, filter);
    if let Some(text) = &filter.text {
        // Compared as SQLite lowers: ASCII letters only, which is what names are made of.
        query.push(" AND instr(lower('lbx-' || id || ' ' || engineer || ' ' || (document ->> '$.service_request') || ' ' || (document ->> '$.reason_text')), lower(");
        query.push_bind(text.clone()).push(")) > 0");
    }
}

/// The AccessRequests stored as `active` by internal review alone.
pub(super) async fn internal_grants(
    connection: &mut SqliteConnection,
    tenant: &TenantId,
) -> Result<Vec<AccessRequestId>, StoreError> {
    let rows: Vec<i64> = sqlx::query_scalar(
        "SELECT id FROM access_request WHERE tenant = ? AND state = 'active' AND approval = 'internal' ORDER BY id",
    )
    .bind(tenant.as_str())
    .fetch_all(connection)
    .await
    .map_err(fault)?;
    rows::ids(rows)
}

/// What changed since a revision; the connection is in a read transaction.
pub(super) async fn changes_since(
    connection: &mut SqliteConnection,
    epoch: u64,
    number: u64,
    limit: u32,
) -> Result<Changes, StoreError> {
    let standing = standing(connection).await?;
    if !standing.tells(epoch, number) {
        return Ok(Changes::TooOld);
    }
    let rows: Vec<ItemRow> =
        sqlx::query_as("SELECT key, payload, digest FROM item WHERE revision > ? ORDER BY revision, key LIMIT ?")
            .bind(stored(number))
            .bind(i64::from(limit).saturating_add(1))
            .fetch_all(connection)
            .await
            .map_err(fault)?;
    if rows.len() > usize::try_from(limit).unwrap_or(usize::MAX) {
        return Ok(Changes::TooOld);
    }
    let items = rows.into_iter().map(rows::item).collect::<Result<_, _>>()?;
    Ok(Changes::Since { items, revision: standing.revision })
}

/// All items; the connection is in a read transaction.
pub(super) async fn snapshot(connection: &mut SqliteConnection) -> Result<(Vec<Item>, Revision), StoreError> {
    let Standing { revision, .. } = standing(connection).await?;
    let rows: Vec<ItemRow> =
        sqlx::query_as("SELECT key, payload, digest FROM item WHERE payload IS NOT NULL ORDER BY key")
            .fetch_all(connection)
            .await
            .map_err(fault)?;
    rows::added_up(rows, revision)
}

/// A slice of all items, tombstones too; the connection is in a read transaction.
pub(super) async fn items_after(
    connection: &mut SqliteConnection,
    key: Option<&str>,
    limit: u32,
) -> Result<ItemPage, StoreError> {
    let Standing { tombstone_floor, .. } = standing(connection).await?;
    let rows: Vec<NumberedRow> =
        sqlx::query_as("SELECT key, payload, digest, revision FROM item WHERE key > ? ORDER BY key LIMIT ?")
            .bind(key.unwrap_or_default())
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await
            .map_err(fault)?;
    let items = rows.into_iter().map(rows::numbered).collect::<Result<_, _>>()?;
    Ok(ItemPage { items, tombstone_floor })
}

#[async_trait]
impl<L: Lend> Reads for L {
    async fn revision(&self) -> Result<Revision, StoreError> {
        Ok(standing(&mut *self.lend().await?).await?.revision)
    }

    async fn access_request(&self, id: AccessRequestId) -> Result<Option<AccessRequest>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(ACCESS_REQUEST);
        query.push("id = ").push_bind(stored(id.number()));
        let row = query
            .build_query_as()
            .fetch_optional(&mut **self.lend().await?)
            .await
            .map_err(|error| self.fault(error))?;
        row.map(rows::access_request).transpose()
    }

    async fn access_requests(
        &self,
        filter: &AccessRequestFilter,
        page: Page<AccessRequestId>,
    ) -> Result<Vec<AccessRequest>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(ACCESS_REQUEST);
        let after = page.after.map_or(i64::MAX, |after| stored(after.number()));
        query.push("id < ").push_bind(after);
        filtered(&mut query, filter);
        query.push(" ORDER BY id DESC LIMIT ").push_bind(limited(&page));
        let rows: Vec<AccessRequestRow> =
            query.build_query_as().fetch_all(&mut **self.lend().await?).await.map_err(|error| self.fault(error))?;
        rows.into_iter().map(rows::access_request).collect()
    }

    async fn lapsed(&self, now: Timestamp, limit: u32) -> Result<Vec<AccessRequestId>, StoreError> {
        let rows: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM access_request WHERE due_at_ms <= ? ORDER BY due_at_ms, id LIMIT ?")
                .bind(now.as_ms())
                .bind(i64::from(limit))
                .fetch_all(&mut **self.lend().await?)
                .await
                .map_err(|error| self.fault(error))?;
        rows::ids(rows)
    }

    async fn retirable(
        &self,
        prefix: &str,
        submitted_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<AccessRequestId>, StoreError> {
        let rows: Vec<i64> = sqlx::query_scalar(
            "SELECT access_request.id FROM access_request \
             JOIN item ON item.key = ? || access_request.id AND item.payload IS NOT NULL \
             WHERE state NOT IN ('submitted', 'notified', 'active') AND submitted_at_ms < ? \
             ORDER BY access_request.id LIMIT ?",
        )
        .bind(prefix)
        .bind(submitted_before.as_ms())
        .bind(i64::from(limit))
        .fetch_all(&mut **self.lend().await?)
        .await
        .map_err(|error| self.fault(error))?;
        rows::ids(rows)
    }

    async fn events(&self, id: AccessRequestId) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query_scalar("SELECT document FROM event WHERE access_request = ? ORDER BY number LIMIT ?")
            .bind(stored(id.number()))
            .bind(EVENTS_MAX)
            .fetch_all(&mut **self.lend().await?)
            .await
            .map_err(|error| self.fault(error))?;
        rows::documents(&format!("event of {id}"), rows)
    }

    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        let row = sqlx::query_as("SELECT id, version, document FROM tenant WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(&mut **self.lend().await?)
            .await
            .map_err(|error| self.fault(error))?;
        row.map(rows::tenant).transpose()
    }

    async fn tenants(&self, page: Page<TenantId>) -> Result<Vec<Tenant>, StoreError> {
        let rows: Vec<_> = sqlx::query_as("SELECT id, version, document FROM tenant WHERE id > ? ORDER BY id LIMIT ?")
            .bind(page.after.as_ref().map_or("", TenantId::as_str))
            .bind(limited(&page))
            .fetch_all(&mut **self.lend().await?)
            .await
            .map_err(|error| self.fault(error))?;
        rows.into_iter().map(rows::tenant).collect()
    }

    async fn tenant_events(&self, id: &TenantId) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query_scalar(
            "SELECT document FROM event WHERE access_request IS NULL AND tenant = ? ORDER BY number LIMIT ?",
        )
        .bind(id.as_str())
        .bind(EVENTS_MAX)
        .fetch_all(&mut **self.lend().await?)
        .await
        .map_err(|error| self.fault(error))?;
        rows::documents(&format!("event of tenant {id}"), rows)
    }

    async fn engineer(&self, id: &PersonId) -> Result<Option<Engineer>, StoreError> {
        let row = sqlx::query_as("SELECT id, version, document FROM engineer WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(&mut **self.lend().await?)
            .await
            .map_err(|error| self.fault(error))?;
        row.map(rows::engineer).transpose()
    }

    async fn engineers(&self, page: Page<PersonId>) -> Result<Vec<Engineer>, StoreError> {
        let rows: Vec<_> =
            sqlx::query_as("SELECT id, version, document FROM engineer WHERE id > ? ORDER BY id LIMIT ?")
                .bind(page.after.as_ref().map_or("", PersonId::as_str))
                .bind(limited(&page))
                .fetch_all(&mut **self.lend().await?)
                .await
                .map_err(|error| self.fault(error))?;
        rows.into_iter().map(rows::engineer).collect()
    }

    async fn kept_answer(&self, caller: &PersonId, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
        let row: Option<(Vec<u8>, i64, i64)> =
            sqlx::query_as("SELECT asked, access_request, at_ms FROM kept_answer WHERE caller = ? AND key = ?")
                .bind(caller.as_str())
                .bind(key)
                .fetch_optional(&mut **self.lend().await?)
                .await
                .map_err(|error| self.fault(error))?;
        row.map(rows::kept_answer).transpose()
    }
}
