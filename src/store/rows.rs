//! Rows as both databases give them, and the values they stand for: one place that checks each row
//! against the columns it was found by.
//!
//! Invariant: nothing here touches a database; a row that is not whole is [`StoreError::Corrupt`].

use super::accesses::{AccessKey, ToldAccess};
use super::document::{self, Columns, corrupt, instant};
use super::{
    Delivery, DeliveryState, Item, KeptAnswer, Note, NoteKind, OutboxEntry, PAGE_MAX, Page, Revision, StoreError,
};
use crate::domain::{
    AccessRequest, AccessRequestId, Engineer, PersonId, StateName, Tenant, TenantId, Timer, TimerKind, Timestamp,
};
use sqlx::{Database, Encode, QueryBuilder, Type};
use uuid::Uuid;

/// The most notes that are listed.
pub(super) const NOTES_MAX: i64 = 1000;
/// The most events one AccessRequest, or one tenant's settings, are shown with.
pub(super) const EVENTS_MAX: i64 = 10_000;

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

/// Reads it, in either database.
pub(super) const STANDING: &str =
    "SELECT epoch, number, state_hash, time_floor_ms, tombstone_floor, next_number FROM revision WHERE one = 1";

/// Epoch, number, hash, time floor, tombstone floor, next number.
pub(super) type StandingRow = (i64, i64, Vec<u8>, i64, i64, i64);

impl Standing {
    /// What stands in until it has been read.
    pub(super) fn unread() -> Self {
        let revision = Revision { epoch: 0, number: 0, state_hash: 0, time_floor: Timestamp::from_ms(i64::MIN) };
        Self { revision, tombstone_floor: 0, next_number: 0 }
    }

    /// What the row says.
    pub(super) fn of(row: Option<StandingRow>) -> Result<Self, StoreError> {
        let (epoch, number, hash, floor_ms, tombstone_floor, next_number) =
            row.ok_or_else(|| corrupt("revision", "its row is missing"))?;
        let revision = Revision {
            epoch: counted("revision", epoch)?,
            number: counted("revision", number)?,
            state_hash: digest("revision", &hash)?,
            time_floor: instant(floor_ms).map_err(|why| corrupt("revision", why))?,
        };
        let (tombstone_floor, next_number) = (counted("revision", tombstone_floor)?, counted("revision", next_number)?);
        Ok(Self { revision, tombstone_floor, next_number })
    }

    /// Whether changes after `number` of `epoch` can still be told.
    pub(super) fn tells(&self, epoch: u64, number: u64) -> bool {
        epoch == self.revision.epoch && number <= self.revision.number && number >= self.tombstone_floor
    }
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

/// The columns of an [`AccessRequestRow`], in its order.
pub(super) const ACCESS_REQUEST: &str = "SELECT id, version, tenant, engineer, workload, state, submitted_at_ms, \
    due_at_ms, known_to_customer, approval, document FROM access_request WHERE ";

pub(super) type AccessRequestRow =
    (i64, i64, String, String, String, String, i64, Option<i64>, bool, Option<String>, String);

pub(super) fn access_request(row: AccessRequestRow) -> Result<AccessRequest, StoreError> {
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

pub(super) fn ids(rows: impl IntoIterator<Item = i64>) -> Result<Vec<AccessRequestId>, StoreError> {
    rows.into_iter().map(|id| counted("AccessRequest id", id).map(AccessRequestId::new)).collect()
}

/// The condition of a filter, but for its text. Where time has made a state, the stored one does not count.
pub(super) fn filtered<DB: Database>(query: &mut QueryBuilder<DB>, filter: &super::AccessRequestFilter)
where
    String: for<'q> Encode<'q, DB> + Type<DB>,
    i64: for<'q> Encode<'q, DB> + Type<DB>,
    bool: for<'q> Encode<'q, DB> + Type<DB>,
{
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
    if filter.known_to_customer {
        query.push(" AND known_to_customer = ").push_bind(true);
    }
    let Some(state) = filter.state else { return };
    let named = |query: &mut QueryBuilder<DB>, name: StateName| {
        query.push("state = ").push_bind(name.as_str().to_owned());
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

/// Key, payload, digest.
pub(super) type ItemRow = (String, Option<Vec<u8>>, Vec<u8>);

pub(super) fn item((key, payload, stored): ItemRow) -> Result<Item, StoreError> {
    let digest = digest(&key, &stored)?;
    Ok(Item { key, payload, digest })
}

/// All live items, if they add up. The other half of a pair: the hash was kept by adding and subtracting,
/// here it is summed.
pub(super) fn added_up(rows: Vec<ItemRow>, revision: Revision) -> Result<(Vec<Item>, Revision), StoreError> {
    let items = rows.into_iter().map(item).collect::<Result<Vec<_>, _>>()?;
    let sum = items.iter().fold(0_u128, |sum, item| sum.wrapping_add(item.digest));
    if sum == revision.state_hash {
        Ok((items, revision))
    } else {
        Err(corrupt("items", "they do not add up to the state hash"))
    }
}

/// Key, payload, digest, revision of the last change.
pub(super) type NumberedRow = (String, Option<Vec<u8>>, Vec<u8>, i64);

/// An item with the revision of its last change.
pub(super) fn numbered((key, payload, digest, revision): NumberedRow) -> Result<(Item, u64), StoreError> {
    let revision = counted("item", revision)?;
    Ok((item((key, payload, digest))?, revision))
}

/// Id, version, document.
pub(super) type VersionedRow = (String, i64, String);

/// A document found by its key and version.
fn versioned<D: document::Document>(
    what: &str,
    (id, version, document): VersionedRow,
    key: impl Fn(&D) -> (&str, u64),
) -> Result<D, StoreError> {
    let what = format!("{what} {id}");
    let read: D = document::read(&what, &document)?;
    let (read_id, read_version) = key(&read);
    if read_id == id && stored(read_version) == version {
        Ok(read)
    } else {
        Err(corrupt(&what, "its columns are not those of its document"))
    }
}

pub(super) fn tenant(row: VersionedRow) -> Result<Tenant, StoreError> {
    versioned("tenant", row, |tenant: &Tenant| (tenant.id.as_str(), tenant.version))
}

pub(super) fn engineer(row: VersionedRow) -> Result<Engineer, StoreError> {
    versioned("engineer", row, |engineer: &Engineer| (engineer.id.as_str(), engineer.version))
}

pub(super) fn documents<D: document::Document>(
    what: &str,
    rows: impl IntoIterator<Item = String>,
) -> Result<Vec<D>, StoreError> {
    rows.into_iter().map(|document| document::read(what, &document)).collect()
}

pub(super) fn kept_answer((asked, access_request, at_ms): (Vec<u8>, i64, i64)) -> Result<KeptAnswer, StoreError> {
    let asked = asked.try_into().map_err(|_| corrupt("kept answer", "a SHA-256 has 32 bytes"))?;
    let access_request = AccessRequestId::new(counted("kept answer", access_request)?);
    let at = instant(at_ms).map_err(|why| corrupt("kept answer", why))?;
    Ok(KeptAnswer { asked, access_request, at })
}

/// The columns of an [`EntryRow`], in its order.
pub(super) const ENTRY: &str = "SELECT number, document, state, attempts, at_ms, last_error FROM outbox WHERE ";

pub(super) type EntryRow = (i64, String, String, i64, i64, Option<String>);

pub(super) fn entry(
    (number, document, state, attempts, at_ms, last_error): EntryRow,
) -> Result<OutboxEntry, StoreError> {
    let what = format!("notice {number}");
    let delivery = Delivery {
        state: DeliveryState::parse(&state).ok_or_else(|| corrupt(&what, "its state is not known"))?,
        attempts: u32::try_from(attempts).map_err(|_| corrupt(&what, "its attempts are no count"))?,
        at: instant(at_ms).map_err(|why| corrupt(&what, why))?,
        last_error,
    };
    Ok(OutboxEntry { number: counted(&what, number)?, notice: document::read(&what, &document)?, delivery })
}

/// AccessRequest, kind, due.
pub(super) type TimerRow = (i64, String, i64);

pub(super) fn timer((id, kind, at_ms): TimerRow) -> Result<Timer, StoreError> {
    let what = format!("timer of LBX-{id}");
    Ok(Timer {
        access_request: AccessRequestId::new(counted(&what, id)?),
        kind: TimerKind::parse(&kind).ok_or_else(|| corrupt(&what, "its kind is not known"))?,
        at: instant(at_ms).map_err(|why| corrupt(&what, why))?,
    })
}

/// Key, document, expiry.
pub(super) type NoteRow = (String, String, Option<i64>);

pub(super) fn note(kind: NoteKind, (key, document, expires_at_ms): NoteRow) -> Result<Note, StoreError> {
    let expires_at = expires_at_ms.map(instant).transpose().map_err(|why| corrupt(kind.as_str(), why))?;
    Ok(Note { kind, key, document, expires_at })
}

/// Decision, time, sidecar, sequence number, document.
pub(super) type AccessRow = (Vec<u8>, i64, String, i64, String);

pub(super) fn access(
    of: AccessRequestId,
    (id, at_ms, sidecar, sequence, document): AccessRow,
) -> Result<ToldAccess, StoreError> {
    let what = format!("access of {of}");
    let decision_id = Uuid::from_slice(&id).map_err(|why| corrupt(&what, why))?;
    let at = instant(at_ms).map_err(|why| corrupt(&what, why))?;
    let sequence = counted(&what, sequence)?;
    Ok(ToldAccess { access_request: of, key: AccessKey { at, decision_id }, sidecar, sequence, document })
}
