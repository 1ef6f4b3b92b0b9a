//! Reading: the queries, the same for the store and for a transaction. Every row is checked against
//! the columns it was found by.

use super::super::document::{self, Columns, corrupt, instant};
use super::super::{AccessRequestFilter, Changes, Item, ItemPage, KeptAnswer, Page, Reads, Revision, StoreError};
use super::Lend;
use super::fault::fault;
use crate::domain::{
    AccessRequest, AccessRequestId, Engineer, Event, PersonId, StateName, Tenant, TenantId, Timestamp,
};
use async_trait::async_trait;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

/// The most entries a page may have.
const PAGE_MAX: u32 = 1000;
/// The most notes that are listed.
pub(super) const NOTES_MAX: i64 = 1000;
/// The most events one AccessRequest, or one tenant's settings, are shown with.
const EVENTS_MAX: i64 = 10_000;

/// The one row that says where the record stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// The revision and what belongs to it.
    pub(super) revision: Revision,
    /// Tombstones up to here are gone.
    pub(super) tombstone_floor: u64,
    /// The number of the next AccessRequest.
    pub(super) next_number: u64,
}

impl Standing {
    /// What stands in until it has been read.
    pub(super) fn unread() -> Self {
        let revision = Revision { epoch: 0, number: 0, state_hash: 0, time_floor: Timestamp::from_ms(i64::MIN) };
        Self { revision, tombstone_floor: 0, next_number: 0 }
    }
}

/// Reads where the record stands.
pub(super) async fn standing(connection: &mut SqliteConnection) -> Result<Standing, StoreError> {
    let row: Option<(i64, i64, Vec<u8>, i64, i64, i64)> = sqlx::query_as(
        "SELECT epoch, number, state_hash, time_floor_ms, tombstone_floor, next_number FROM revision WHERE one = 1",
    )
    .fetch_optional(connection)
    .await
    .map_err(fault)?;
    let (epoch, number, hash, floor_ms, tombstone_floor, next_number) =
        row.ok_or_else(|| corrupt("revision", "its row is missing"))?;
    let revision = Revision {
        epoch: counted("revision", epoch)?,
        number: counted("revision", number)?,
        state_hash: digest("revision", &hash)?,
        time_floor: instant(floor_ms).map_err(|why| corrupt("revision", why))?,
    };
    let (tombstone_floor, next_number) = (counted("revision", tombstone_floor)?, counted("revision", next_number)?);
    Ok(Standing { revision, tombstone_floor, next_number })
}

/// A number as the database holds it. Beyond `i64` nothing is stored, so nothing is found.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as it is stored, which is never below zero.
pub(super) fn counted(what: &str, number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| corrupt(what, format!("{number} is below zero")))
}

/// A digest as it is stored.
pub(super) fn digest(what: &str, bytes: &[u8]) -> Result<u128, StoreError> {
    <[u8; 16]>::try_from(bytes).map(u128::from_be_bytes).map_err(|_| corrupt(what, "a digest has 16 bytes"))
}

/// How many rows a page may have.
pub(super) fn limited<K>(page: &Page<K>) -> i64 {
    i64::from(page.limit.clamp(1, PAGE_MAX))
}

const ACCESS_REQUEST: &str = "SELECT id, version, tenant, engineer, workload, state, submitted_at_ms, due_at_ms, \
    known_to_customer, approval, document FROM access_request WHERE ";

type AccessRequestRow = (i64, i64, String, String, String, String, i64, Option<i64>, bool, Option<String>, String);

fn access_request(row: AccessRequestRow) -> Result<AccessRequest, StoreError> {
    let (id, version, tenant, engineer, workload, state, submitted_at, due_at, known, approval, document) = row;
    let what = format!("AccessRequest LBX-{id}");
    let read: AccessRequest = document::read(&what, &document)?;
    let columns = Columns::of(&read);
    let same = stored(read.id.number()) == id
        && stored(read.version) == version
        && read.asked.tenant.as_str() == tenant
        && read.engineer.as_str() == engineer
        && read.asked.workload.as_str() == workload
        && columns.state.as_str() == state
        && read.submitted_at.as_ms() == submitted_at
        && columns.due_at.map(Timestamp::as_ms) == due_at
        && columns.known_to_customer == known
        && columns.approval.map(|approval| approval.as_str()) == approval.as_deref();
    if same { Ok(read) } else { Err(corrupt(&what, "its columns are not those of its document")) }
}

/// The condition of a filter. Where time has made a state, the stored one does not count.
fn filtered(query: &mut QueryBuilder<Sqlite>, filter: &AccessRequestFilter) {
    for (column, value) in [
        ("tenant", filter.tenant.as_ref().map(TenantId::as_str)),
        ("engineer", filter.engineer.as_ref().map(PersonId::as_str)),
        ("workload", filter.workload.as_ref().map(|workload| workload.as_str())),
    ] {
        if let Some(value) = value {
            query.push(" AND ").push(column).push(" = ").push_bind(value.to_owned());
        }
    }
    if let Some(since) = filter.since {
        query.push(" AND submitted_at_ms >= ").push_bind(since.as_ms());
    }
    if let Some(text) = &filter.text {
        // Compared as SQLite lowers: ASCII letters only, which is what names are made of.
        query.push(" AND instr(lower('lbx-' || id || ' ' || engineer || ' ' || (document ->> '$.service_request') || ' ' || (document ->> '$.reason_text')), lower(");
        query.push_bind(text.clone()).push(")) > 0");
    }
    if filter.known_to_customer {
        query.push(" AND known_to_customer = 1");
    }
    let Some(state) = filter.state else { return };
    let named = |query: &mut QueryBuilder<Sqlite>, name: StateName| {
        query.push("state = ").push_bind(name.as_str());
    };
    query.push(" AND ");
    match (state, filter.now) {
        (StateName::Notified | StateName::Active, Some(now)) => {
            named(query, state);
            query.push(" AND due_at_ms > ").push_bind(now.as_ms());
        }
        (StateName::Expired | StateName::Ended, Some(now)) => {
            let before = if state == StateName::Expired { StateName::Notified } else { StateName::Active };
            query.push("(");
            named(query, state);
            query.push(" OR (");
            named(query, before);
            query.push(" AND due_at_ms <= ").push_bind(now.as_ms()).push("))");
        }
        _ => named(query, state),
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
    rows.into_iter().map(|id| counted("AccessRequest id", id).map(AccessRequestId::new)).collect()
}

type ItemRow = (String, Option<Vec<u8>>, Vec<u8>);

fn item((key, payload, stored): ItemRow) -> Result<Item, StoreError> {
    let digest = digest(&key, &stored)?;
    Ok(Item { key, payload, digest })
}

/// What changed since a revision; the connection is in a read transaction.
pub(super) async fn changes_since(
    connection: &mut SqliteConnection,
    epoch: u64,
    number: u64,
    limit: u32,
) -> Result<Changes, StoreError> {
    let Standing { revision, tombstone_floor, .. } = standing(connection).await?;
    if epoch != revision.epoch || number > revision.number || number < tombstone_floor {
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
    let items = rows.into_iter().map(item).collect::<Result<_, _>>()?;
    Ok(Changes::Since { items, revision })
}

/// All items; the connection is in a read transaction.
pub(super) async fn snapshot(connection: &mut SqliteConnection) -> Result<(Vec<Item>, Revision), StoreError> {
    let Standing { revision, .. } = standing(connection).await?;
    let rows: Vec<ItemRow> =
        sqlx::query_as("SELECT key, payload, digest FROM item WHERE payload IS NOT NULL ORDER BY key")
            .fetch_all(connection)
            .await
            .map_err(fault)?;
    let items = rows.into_iter().map(item).collect::<Result<Vec<_>, _>>()?;
    // The other half of the pair: the hash was kept by adding and subtracting, here it is summed.
    let sum = items.iter().fold(0_u128, |sum, item| sum.wrapping_add(item.digest));
    if sum == revision.state_hash {
        Ok((items, revision))
    } else {
        Err(corrupt("items", "they do not add up to the state hash"))
    }
}

/// A slice of all items, tombstones too; the connection is in a read transaction.
pub(super) async fn items_after(
    connection: &mut SqliteConnection,
    key: Option<&str>,
    limit: u32,
) -> Result<ItemPage, StoreError> {
    let Standing { tombstone_floor, .. } = standing(connection).await?;
    let rows: Vec<(String, Option<Vec<u8>>, Vec<u8>, i64)> =
        sqlx::query_as("SELECT key, payload, digest, revision FROM item WHERE key > ? ORDER BY key LIMIT ?")
            .bind(key.unwrap_or_default())
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await
            .map_err(fault)?;
    let numbered = |(key, payload, digest, revision)| {
        let revision = counted("item", revision)?;
        Ok((item((key, payload, digest))?, revision))
    };
    Ok(ItemPage { items: rows.into_iter().map(numbered).collect::<Result<_, StoreError>>()?, tombstone_floor })
}

/// A document found by its key and version.
fn versioned<D: document::Document>(
    what: &str,
    row: Option<(String, i64, String)>,
    key: impl Fn(&D) -> (&str, u64),
) -> Result<Option<D>, StoreError> {
    let Some((id, version, document)) = row else {
        return Ok(None);
    };
    let what = format!("{what} {id}");
    let read: D = document::read(&what, &document)?;
    let (read_id, read_version) = key(&read);
    if read_id == id && stored(read_version) == version {
        Ok(Some(read))
    } else {
        Err(corrupt(&what, "its columns are not those of its document"))
    }
}

fn tenant(row: Option<(String, i64, String)>) -> Result<Option<Tenant>, StoreError> {
    versioned("tenant", row, |tenant: &Tenant| (tenant.id.as_str(), tenant.version))
}

fn engineer(row: Option<(String, i64, String)>) -> Result<Option<Engineer>, StoreError> {
    versioned("engineer", row, |engineer: &Engineer| (engineer.id.as_str(), engineer.version))
}

fn documents<D: document::Document>(what: &str, rows: Vec<String>) -> Result<Vec<D>, StoreError> {
    rows.iter().map(|document| document::read(what, document)).collect()
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
        row.map(access_request).transpose()
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
        rows.into_iter().map(access_request).collect()
    }

    async fn lapsed(&self, now: Timestamp, limit: u32) -> Result<Vec<AccessRequestId>, StoreError> {
        let rows: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM access_request WHERE due_at_ms <= ? ORDER BY due_at_ms, id LIMIT ?")
                .bind(now.as_ms())
                .bind(i64::from(limit))
                .fetch_all(&mut **self.lend().await?)
                .await
                .map_err(|error| self.fault(error))?;
        rows.into_iter().map(|id| counted("AccessRequest id", id).map(AccessRequestId::new)).collect()
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
        rows.into_iter().map(|id| counted("AccessRequest id", id).map(AccessRequestId::new)).collect()
    }

    async fn events(&self, id: AccessRequestId) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query_scalar("SELECT document FROM event WHERE access_request = ? ORDER BY number LIMIT ?")
            .bind(stored(id.number()))
            .bind(EVENTS_MAX)
            .fetch_all(&mut **self.lend().await?)
            .await
            .map_err(|error| self.fault(error))?;
        documents(&format!("event of {id}"), rows)
    }

    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        let row = sqlx::query_as("SELECT id, version, document FROM tenant WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(&mut **self.lend().await?)
            .await
            .map_err(|error| self.fault(error))?;
        tenant(row)
    }

    async fn tenants(&self, page: Page<TenantId>) -> Result<Vec<Tenant>, StoreError> {
        let rows: Vec<_> = sqlx::query_as("SELECT id, version, document FROM tenant WHERE id > ? ORDER BY id LIMIT ?")
            .bind(page.after.as_ref().map_or("", TenantId::as_str))
            .bind(limited(&page))
            .fetch_all(&mut **self.lend().await?)
            .await
            .map_err(|error| self.fault(error))?;
        rows.into_iter().filter_map(|row| tenant(Some(row)).transpose()).collect()
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
        documents(&format!("event of tenant {id}"), rows)
    }

    async fn engineer(&self, id: &PersonId) -> Result<Option<Engineer>, StoreError> {
        let row = sqlx::query_as("SELECT id, version, document FROM engineer WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(&mut **self.lend().await?)
            .await
            .map_err(|error| self.fault(error))?;
        engineer(row)
    }

    async fn engineers(&self, page: Page<PersonId>) -> Result<Vec<Engineer>, StoreError> {
        let rows: Vec<_> =
            sqlx::query_as("SELECT id, version, document FROM engineer WHERE id > ? ORDER BY id LIMIT ?")
                .bind(page.after.as_ref().map_or("", PersonId::as_str))
                .bind(limited(&page))
                .fetch_all(&mut **self.lend().await?)
                .await
                .map_err(|error| self.fault(error))?;
        rows.into_iter().filter_map(|row| engineer(Some(row)).transpose()).collect()
    }

    async fn kept_answer(&self, caller: &PersonId, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
        let row: Option<(Vec<u8>, i64, i64)> =
            sqlx::query_as("SELECT asked, access_request, at_ms FROM kept_answer WHERE caller = ? AND key = ?")
                .bind(caller.as_str())
                .bind(key)
                .fetch_optional(&mut **self.lend().await?)
                .await
                .map_err(|error| self.fault(error))?;
        let Some((asked, access_request, at_ms)) = row else {
            return Ok(None);
        };
        let asked = asked.try_into().map_err(|_| corrupt("kept answer", "a SHA-256 has 32 bytes"))?;
        let access_request = AccessRequestId::new(counted("kept answer", access_request)?);
        let at = instant(at_ms).map_err(|why| corrupt("kept answer", why))?;
        Ok(Some(KeptAnswer { asked, access_request, at }))
    }
}
