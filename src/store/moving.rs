//! Moving the record from an SQLite file to an empty PostgreSQL database, in one transaction there: the same ids,
//! revision, state hash, epoch, numbers and notes, or nothing.
//!
//! Invariant: the file is only read until the database has committed, and only then marked, so that there is never a
//! moment in which no authority could start on either. A move that was cut off is done again; one that was cut off
//! between the two finds its own work and marks the file.

mod tables;

use super::document::corrupt;
use super::rows::{STANDING, Standing, StandingRow};
use super::sqlite::open;
use super::{PostgresSettings, PostgresStore, Revision, SqliteSettings, SqliteStore, StoreError};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use std::path::Path;
use tables::TABLES;

/// A record that was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Where it stands.
    pub revision: Revision,
    /// How many rows of each table it has.
    pub rows: Vec<(&'static str, u64)>,
    /// Whether an earlier move had copied it already, so that only the file was to be marked.
    pub found_there: bool,
}

/// Moves the record in the file at `from`. `told` hears how many rows of how many have been copied.
///
/// # Errors
/// [`StoreError`]; the database is as before then, and the file is not marked. An authority that has the file open, and
/// a database that is not empty, are refused.
pub async fn move_record(
    from: &Path,
    to: PostgresSettings,
    mut told: impl FnMut(u64, u64) + Send,
) -> Result<Moved, StoreError> {
    let unavailable = |text: String| StoreError::Unavailable(text);
    if !from.is_file() {
        return Err(unavailable(format!("there is no file `{}`", from.display())));
    }
    // Whoever has it open is refused before the schema is brought up to date, and again for good.
    open::alone(from).await?.close().await.map_err(read_failed)?;
    SqliteStore::open(from, SqliteSettings::default()).await?.close().await;
    let mut source = open::alone(from).await?;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut source).await.map_err(read_failed)?;
    let (standing, counts) = source_of(&mut source).await?;
    let total = counts.iter().map(|(_, count)| count).sum();
    let store = PostgresStore::open(to).await?;
    let mut target = store.lone_connection().await?;
    sqlx::raw_sql("BEGIN; LOCK TABLE revision IN ACCESS EXCLUSIVE MODE")
        .execute(&mut target)
        .await
        .map_err(write_failed)?;
    let (before, there) = target_of(&mut target).await?;
    let found_there = !is_empty(before, &there);
    if found_there {
        if (before, &there) != (standing, &counts) {
            return Err(unavailable(format!(
                "the database is not empty: it is at revision {} of epoch {}; name a new one",
                before.1, before.0
            )));
        }
    } else {
        let mut done = 0;
        for table in TABLES {
            done = (table.copy)(&mut source, &mut target, done, &mut |done| told(done, total)).await?;
        }
        tables::stand(&mut source, &mut target).await?;
    }
    // The other half of the pair: what is there now is counted and summed, not taken from what was written.
    let (after, copied) = target_of(&mut target).await?;
    if (after, &copied) != (standing, &counts) || sum(&mut target).await? != after.2 {
        return Err(corrupt("the copied record", "it is not the same as the one in the file"));
    }
    sqlx::raw_sql("COMMIT").execute(&mut target).await.map_err(|error| {
        unavailable(format!("whether the database has committed is not known: do it again, which is safe ({error})"))
    })?;
    open::mark_moved(&mut source).await?;
    sqlx::raw_sql("COMMIT").execute(&mut source).await.map_err(read_failed)?;
    source.close().await.map_err(read_failed)?;
    store.close().await;
    let (epoch, number, state_hash, time_floor, _, _) = after;
    Ok(Moved {
        revision: Revision { epoch, number, state_hash, time_floor: crate::domain::Timestamp::from_ms(time_floor) },
        rows: copied,
        found_there,
    })
}

/// Epoch, number, hash, floor, tombstone floor, next number.
type Stands = (u64, u64, u128, i64, u64, u64);
type Counts = Vec<(&'static str, u64)>;

fn stands(row: Option<StandingRow>) -> Result<Stands, StoreError> {
    let Standing { revision, tombstone_floor, next_number } = Standing::of(row)?;
    let Revision { epoch, number, state_hash, time_floor } = revision;
    Ok((epoch, number, state_hash, time_floor.as_ms(), tombstone_floor, next_number))
}

/// A database that was just made: nothing in it, and never moved on.
fn is_empty((epoch, number, ..): Stands, counts: &Counts) -> bool {
    epoch == 1 && number == 0 && counts.iter().all(|(_, count)| *count == 0)
}

async fn source_of(source: &mut SqliteConnection) -> Result<(Stands, Counts), StoreError> {
    let row = sqlx::query_as(STANDING).fetch_optional(&mut *source).await.map_err(read_failed)?;
    let mut counts = Counts::new();
    for table in TABLES {
        let count: i64 = sqlx::query_scalar(table.count).fetch_one(&mut *source).await.map_err(read_failed)?;
        counts.push((table.name, u64::try_from(count).unwrap_or_default()));
    }
    Ok((stands(row)?, counts))
}

async fn target_of(target: &mut PgConnection) -> Result<(Stands, Counts), StoreError> {
    let row = sqlx::query_as(STANDING).fetch_optional(&mut *target).await.map_err(write_failed)?;
    let mut counts = Counts::new();
    for table in TABLES {
        let count: i64 = sqlx::query_scalar(table.count).fetch_one(&mut *target).await.map_err(write_failed)?;
        counts.push((table.name, u64::try_from(count).unwrap_or_default()));
    }
    Ok((stands(row)?, counts))
}

/// The sum of the digests of all items.
async fn sum(target: &mut PgConnection) -> Result<u128, StoreError> {
    let digests: Vec<(String, Vec<u8>)> = sqlx::query_as("SELECT key, digest FROM item WHERE payload IS NOT NULL")
        .fetch_all(target)
        .await
        .map_err(write_failed)?;
    digests.iter().try_fold(0_u128, |sum, (key, digest)| Ok(sum.wrapping_add(super::rows::digest(key, digest)?)))
}

fn read_failed(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(format!("the file cannot be read or marked: {error}"))
}

fn write_failed(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(format!("the database cannot be written: {error}"))
}
