//! Reading: the queries, the same for the store and for a transaction; and reads of several statements that
//! show one moment.

use super::super::rows::{
    self, ACCESS_REQUEST, AccessRequestRow, EVENTS_MAX, ItemRow, Standing, StandingRow, VersionedRow, limited, stored,
};
use super::super::{AccessRequestFilter, Changes, Item, ItemPage, KeptAnswer, Page, Reads, Revision, StoreError};
use super::connect::is_primary;
use super::open::may_run;
use super::pool::Held;
use super::write::PostgresTransaction;
use super::{PostgresStore, Shared};
use crate::domain::{AccessRequest, AccessRequestId, Engineer, Event, PersonId, Tenant, TenantId, Timestamp};
use async_trait::async_trait;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder};
use std::sync::Arc;

/// A query that is put together.
pub(super) type Query = QueryBuilder<Postgres>;

/// Where the record stands; whether the server replays another one's changes, or was made read-only; and the oldest
/// program that may run on the schema. One statement, so that each is true of the same moment.
pub(super) const STANDING: &str = "SELECT epoch, number, state_hash, time_floor_ms, tombstone_floor, next_number, \
    pg_is_in_recovery(), current_setting('default_transaction_read_only')::boolean, \
    (SELECT oldest_program FROM schema_compat) FROM revision WHERE one = 1";

/// The columns of [`STANDING`].
pub(super) type PrimaryRow = (i64, i64, Vec<u8>, i64, i64, i64, bool, bool, Option<i64>);

/// What the row says, if it is the primary's and may be believed by this program.
pub(super) fn standing_of(held: &Held, rows: Vec<PrimaryRow>, program: i64) -> Result<Standing, StoreError> {
    let Some((epoch, number, hash, floor_ms, tombstone_floor, next_number, recovering, read_only, oldest)) =
        rows.into_iter().next()
    else {
        return Standing::of(None::<StandingRow>);
    };
    is_primary(recovering, read_only).inspect_err(|_| held.deposed())?;
    may_run(oldest.unwrap_or(i64::MAX), program)?;
    Standing::of(Some((epoch, number, hash, floor_ms, tombstone_floor, next_number)))
}

/// Several reads that show one moment of the primary.
pub(super) struct Consistent {
    held: Held,
    standing: Standing,
}

impl Consistent {
    pub(super) async fn begin(shared: &Arc<Shared>) -> Result<Self, StoreError> {
        let mut held = shared.pool.acquire().await?;
        let begun = held.say("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await;
        begun.map_err(|error| held.failed(error))?;
        let rows = held.rows(Query::new(STANDING)).await.map_err(|error| held.failed(error))?;
        let standing = standing_of(&held, rows, shared.program)?;
        Ok(Self { held, standing })
    }

    async fn rows<O>(&mut self, query: Query) -> Result<Vec<O>, StoreError>
    where
        O: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        self.held.rows(query).await.map_err(|error| self.held.failed(error))
    }

    /// Ends it. Only then may what was read be used.
    pub(super) async fn end(mut self) -> Result<(), StoreError> {
        self.held.say("COMMIT").await.map_err(|error| self.held.failed(error))?;
        self.held.still_current()?;
        self.held.keep();
        Ok(())
    }
}

/// What changed since a revision.
pub(super) async fn changes_since(
    consistent: &mut Consistent,
    epoch: u64,
    number: u64,
    limit: u32,
) -> Result<Changes, StoreError> {
    if !consistent.standing.tells(epoch, number) {
        return Ok(Changes::TooOld);
    }
    let mut query = Query::new("SELECT key, payload, digest FROM item WHERE revision > ");
    query.push_bind(stored(number)).push(" ORDER BY revision, key LIMIT ");
    query.push_bind(i64::from(limit).saturating_add(1));
    let found: Vec<ItemRow> = consistent.rows(query).await?;
    if found.len() > usize::try_from(limit).unwrap_or(usize::MAX) {
        return Ok(Changes::TooOld);
    }
    let items = found.into_iter().map(rows::item).collect::<Result<_, _>>()?;
    Ok(Changes::Since { items, revision: consistent.standing.revision })
}

/// All items.
pub(super) async fn snapshot(consistent: &mut Consistent) -> Result<(Vec<Item>, Revision), StoreError> {
    let query = Query::new("SELECT key, payload, digest FROM item WHERE payload IS NOT NULL ORDER BY key");
    rows::added_up(consistent.rows(query).await?, consistent.standing.revision)
}

/// A slice of all items, tombstones too.
pub(super) async fn items_after(
    consistent: &mut Consistent,
    key: Option<&str>,
    limit: u32,
) -> Result<ItemPage, StoreError> {
    let mut query = Query::new("SELECT key, payload, digest, revision FROM item WHERE key > ");
    query.push_bind(key.unwrap_or_default().to_owned()).push(" ORDER BY key LIMIT ").push_bind(i64::from(limit));
    let items = consistent.rows(query).await?.into_iter().map(rows::numbered).collect::<Result<_, _>>()?;
    Ok(ItemPage { items, tombstone_floor: consistent.standing.tombstone_floor })
}

impl PostgresStore {
    /// Asks on any connection.
    pub(super) async fn ask<O>(&self, query: Query) -> Result<Vec<O>, StoreError>
    where
        O: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut held = self.shared.pool.acquire().await?;
        let rows = held.rows(query).await.map_err(|error| held.failed(error))?;
        held.keep();
        Ok(rows)
    }

    /// Where the record stands, on the primary.
    pub(super) async fn standing(&self) -> Result<Standing, StoreError> {
        let mut held = self.shared.pool.acquire().await?;
        let rows = held.rows(Query::new(STANDING)).await.map_err(|error| held.failed(error))?;
        let standing = standing_of(&held, rows, self.shared.program)?;
        held.still_current()?;
        held.keep();
        Ok(standing)
    }
}

/// The condition of a filter.
fn filtered(query: &mut Query, filter: &AccessRequestFilter) {
    rows::filtered(query, filter);
    if let Some(text) = &filter.text {
        query.push(" AND strpos(searched, ").push_bind(searchable(text)).push(") > 0");
    }
}

/// What is searched: small letters, ASCII only, which is what names are made of. PostgreSQL's texts hold no NUL.
fn searchable(text: &str) -> String {
    text.to_ascii_lowercase().replace('\0', " ")
}

/// The text that a list is searched in.
pub(in crate::store) fn searched(of: &AccessRequest) -> String {
    let AccessRequest { id, engineer, asked, .. } = of;
    searchable(&format!("{id} {engineer} {} {}", asked.service_request, asked.reason.text))
}

fn first<T>(rows: Vec<T>) -> Option<T> {
    rows.into_iter().next()
}

/// Reads of a type, by what it asks.
macro_rules! reads {
    ($for:ty) => {
        #[async_trait]
        impl Reads for $for {
            async fn revision(&self) -> Result<Revision, StoreError> {
                Ok(self.standing().await?.revision)
            }

            async fn access_request(&self, id: AccessRequestId) -> Result<Option<AccessRequest>, StoreError> {
                let mut query = Query::new(ACCESS_REQUEST);
                query.push("id = ").push_bind(stored(id.number()));
                first(self.ask(query).await?).map(rows::access_request).transpose()
            }

            async fn access_requests(
                &self,
                filter: &AccessRequestFilter,
                page: Page<AccessRequestId>,
            ) -> Result<Vec<AccessRequest>, StoreError> {
                let mut query = Query::new(ACCESS_REQUEST);
                let after = page.after.map_or(i64::MAX, |after| stored(after.number()));
                query.push("id < ").push_bind(after);
                filtered(&mut query, filter);
                query.push(" ORDER BY id DESC LIMIT ").push_bind(limited(&page));
                let found: Vec<AccessRequestRow> = self.ask(query).await?;
                found.into_iter().map(rows::access_request).collect()
            }

            async fn lapsed(&self, now: Timestamp, limit: u32) -> Result<Vec<AccessRequestId>, StoreError> {
                let mut query = Query::new("SELECT id FROM access_request WHERE due_at_ms <= ");
                query.push_bind(now.as_ms()).push(" ORDER BY due_at_ms, id LIMIT ").push_bind(i64::from(limit));
                rows::ids(self.ask::<(i64,)>(query).await?.into_iter().map(|(id,)| id))
            }

            async fn retirable(
                &self,
                prefix: &str,
                submitted_before: Timestamp,
                limit: u32,
            ) -> Result<Vec<AccessRequestId>, StoreError> {
                let mut query = Query::new("SELECT access_request.id FROM access_request JOIN item ON item.key = ");
                query.push_bind(prefix.to_owned());
                query.push(" || access_request.id AND item.payload IS NOT NULL");
                query.push(" WHERE state NOT IN ('submitted', 'notified', 'active') AND submitted_at_ms < ");
                query.push_bind(submitted_before.as_ms()).push(" ORDER BY access_request.id LIMIT ");
                query.push_bind(i64::from(limit));
                rows::ids(self.ask::<(i64,)>(query).await?.into_iter().map(|(id,)| id))
            }

            async fn events(&self, id: AccessRequestId) -> Result<Vec<Event>, StoreError> {
                let mut query = Query::new("SELECT document FROM event WHERE access_request = ");
                query.push_bind(stored(id.number())).push(" ORDER BY number LIMIT ").push_bind(EVENTS_MAX);
                let found = self.ask::<(String,)>(query).await?;
                rows::documents(&format!("event of {id}"), found.into_iter().map(|(document,)| document))
            }

            async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
                let mut query = Query::new("SELECT id, version, document FROM tenant WHERE id = ");
                query.push_bind(id.as_str().to_owned());
                first(self.ask(query).await?).map(rows::tenant).transpose()
            }

            async fn tenants(&self, page: Page<TenantId>) -> Result<Vec<Tenant>, StoreError> {
                let mut query = Query::new("SELECT id, version, document FROM tenant WHERE id > ");
                query.push_bind(page.after.as_ref().map_or("", TenantId::as_str).to_owned());
                query.push(" ORDER BY id LIMIT ").push_bind(limited(&page));
                self.ask::<VersionedRow>(query).await?.into_iter().map(rows::tenant).collect()
            }

            async fn tenant_events(&self, id: &TenantId) -> Result<Vec<Event>, StoreError> {
                let mut query = Query::new("SELECT document FROM event WHERE access_request IS NULL AND tenant = ");
                query.push_bind(id.as_str().to_owned()).push(" ORDER BY number LIMIT ").push_bind(EVENTS_MAX);
                let found = self.ask::<(String,)>(query).await?;
                rows::documents(&format!("event of tenant {id}"), found.into_iter().map(|(document,)| document))
            }

            async fn engineer(&self, id: &PersonId) -> Result<Option<Engineer>, StoreError> {
                let mut query = Query::new("SELECT id, version, document FROM engineer WHERE id = ");
                query.push_bind(id.as_str().to_owned());
                first(self.ask(query).await?).map(rows::engineer).transpose()
            }

            async fn engineers(&self, page: Page<PersonId>) -> Result<Vec<Engineer>, StoreError> {
                let mut query = Query::new("SELECT id, version, document FROM engineer WHERE id > ");
                query.push_bind(page.after.as_ref().map_or("", PersonId::as_str).to_owned());
                query.push(" ORDER BY id LIMIT ").push_bind(limited(&page));
                self.ask::<VersionedRow>(query).await?.into_iter().map(rows::engineer).collect()
            }

            async fn kept_answer(&self, caller: &PersonId, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
                let mut query = Query::new("SELECT asked, access_request, at_ms FROM kept_answer WHERE caller = ");
                query.push_bind(caller.as_str().to_owned()).push(" AND key = ").push_bind(key.to_owned());
                first(self.ask(query).await?).map(rows::kept_answer).transpose()
            }
        }
    };
}

reads!(PostgresStore);
reads!(PostgresTransaction);
