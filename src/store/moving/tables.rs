//! Each table as it is copied: a page of rows is read by its key, and written as one statement.

use super::super::StoreError;
use super::super::postgres::searched;
use super::super::rows::{self, AccessRequestRow};
use super::{read_failed, write_failed};
use core::pin::Pin;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder, Row as _, SqliteConnection};

/// How many rows go at once: a statement may have 65,535 values, and a row has at most 12.
const AT_ONCE: i64 = 1000;

/// Hears how many rows have been copied.
pub(super) type Told<'a> = &'a mut (dyn FnMut(u64) + Send);
type Copying<'a> = Pin<Box<dyn Future<Output = Result<u64, StoreError>> + Send + 'a>>;

/// A table of the record.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) count: &'static str,
    pub(super) copy: for<'a> fn(&'a mut SqliteConnection, &'a mut PgConnection, u64, Told<'a>) -> Copying<'a>,
}

/// A row that goes from one database to the other.
trait Copied: for<'r> FromRow<'r, SqliteRow> + Send + Unpin + Sized {
    /// The highest `rowid` of the table: SQLite's own key of every row, from 1.
    const NEWEST: &'static str;
    /// The rows after one `rowid`, up to another.
    const SELECT: &'static str;
    const INSERT: &'static str;
    fn push(rows: &[Self], query: &mut QueryBuilder<Postgres>) -> Result<(), StoreError>;
}

fn copy<'a, R: Copied + Sync + 'static>(
    source: &'a mut SqliteConnection,
    target: &'a mut PgConnection,
    mut done: u64,
    told: Told<'a>,
) -> Copying<'a> {
    Box::pin(async move {
        let newest: i64 = sqlx::query_scalar(R::NEWEST).fetch_one(&mut *source).await.map_err(read_failed)?;
        let mut from: i64 = 0;
        while from < newest {
            let to = from.saturating_add(AT_ONCE);
            let page: Vec<R> =
                sqlx::query_as(R::SELECT).bind(from).bind(to).fetch_all(&mut *source).await.map_err(read_failed)?;
            from = to;
            if page.is_empty() {
                continue;
            }
            let mut query = QueryBuilder::new(R::INSERT);
            R::push(&page, &mut query)?;
            query.build().execute(&mut *target).await.map_err(write_failed)?;
            done = done.saturating_add(u64::try_from(page.len()).unwrap_or(u64::MAX));
            told(done);
        }
        Ok(done)
    })
}

macro_rules! tables {
    ($($name:ident as $row:ident($($of:ident: $type:ty),+)),+ $(,)?) => {
        $(struct $row { $($of: $type),+ }

        impl<'r> FromRow<'r, SqliteRow> for $row {
            fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
                Ok(Self { $($of: row.try_get(stringify!($of))?),+ })
            }
        }

        impl Copied for $row {
            const NEWEST: &'static str = concat!("SELECT coalesce(max(rowid), 0) FROM ", stringify!($name));
            const SELECT: &'static str = concat!(
                "SELECT ", tables!(@names $($of)+), " FROM ",
                stringify!($name),
                " WHERE rowid > ? AND rowid <= ? ORDER BY rowid"
            );
            const INSERT: &'static str =
                concat!("INSERT INTO ", stringify!($name), " (", tables!(@names $($of)+), ") ");

            fn push(rows: &[Self], query: &mut QueryBuilder<Postgres>) -> Result<(), StoreError> {
                query.push_values(rows, |mut values, row| {
                    $(values.push_bind(row.$of.clone());)+
                });
                Ok(())
            }
        })+

        /// Every table but that of the revision, those that others refer to first.
        pub(super) const TABLES: &[Table] = &[
            Table {
                name: "access_request",
                count: "SELECT count(*) FROM access_request",
                copy: copy::<AccessRequestRow>,
            },
            $(Table {
                name: stringify!($name),
                count: concat!("SELECT count(*) FROM ", stringify!($name)),
                copy: copy::<$row>,
            }),+
        ];
    };
    (@names $first:ident $($rest:ident)*) => { concat!(stringify!($first) $(, ", ", stringify!($rest))*) };
}

tables!(
    tenant as TenantRow(id: String, version: i64, document: String),
    engineer as EngineerRow(id: String, version: i64, document: String),
    event as EventRow(number: i64, access_request: Option<i64>, tenant: Option<String>, document: String),
    outbox as OutboxRow(
        number: i64, tenant: String, document: String, state: String, channel: String, attempts: i64, at_ms: i64,
        last_error: Option<String>
    ),
    timer as TimerRow(access_request: i64, kind: String, at_ms: i64),
    kept_answer as KeptAnswerRow(caller: String, key: String, asked: Vec<u8>, access_request: i64, at_ms: i64),
    note as NoteRow(kind: String, key: String, document: String, expires_at_ms: Option<i64>),
    item as ItemRow(key: String, payload: Option<Vec<u8>>, digest: Vec<u8>, revision: i64),
);

/// The one with a column that a file does not have.
impl Copied for AccessRequestRow {
    const SELECT: &'static str = "SELECT id, version, tenant, engineer, workload, state, submitted_at_ms, due_at_ms, \
        known_to_customer, approval, document FROM access_request WHERE rowid > ? AND rowid <= ? ORDER BY rowid";
    const NEWEST: &'static str = "SELECT coalesce(max(rowid), 0) FROM access_request";
    const INSERT: &'static str = "INSERT INTO access_request (id, version, tenant, engineer, workload, state, \
        submitted_at_ms, due_at_ms, known_to_customer, approval, document, searched) ";

    fn push(rows: &[Self], query: &mut QueryBuilder<Postgres>) -> Result<(), StoreError> {
        // Read as it will be read there: a row that is not whole is found now.
        let read = rows.iter().map(|row| rows::access_request(row.clone())).collect::<Result<Vec<_>, _>>()?;
        query.push_values(rows.iter().cloned().zip(&read), |mut values, (row, read)| {
            let (id, version, tenant, engineer, workload, state, submitted, due, known, approval, document) = row;
            values.push_bind(id).push_bind(version).push_bind(tenant).push_bind(engineer).push_bind(workload);
            values.push_bind(state).push_bind(submitted).push_bind(due).push_bind(known).push_bind(approval);
            values.push_bind(document).push_bind(searched(read));
        });
        Ok(())
    }
}

/// Makes the new record stand where the old one does.
pub(super) async fn stand(source: &mut SqliteConnection, target: &mut PgConnection) -> Result<(), StoreError> {
    let (epoch, number, hash, floor, tombstones, next): super::StandingRow =
        sqlx::query_as(super::STANDING).fetch_one(source).await.map_err(read_failed)?;
    sqlx::query(
        "UPDATE revision SET epoch = $1, number = $2, state_hash = $3, time_floor_ms = $4, tombstone_floor = $5, \
         next_number = $6 WHERE one = 1",
    )
    .bind(epoch)
    .bind(number)
    .bind(hash)
    .bind(floor)
    .bind(tombstones)
    .bind(next)
    .execute(target)
    .await
    .map(drop)
    .map_err(write_failed)
}
