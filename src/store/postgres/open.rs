//! Bringing the schema up to date, in the presence of programs that are older or newer.
//!
//! A step either **expands** (adds what older programs do not look at) or **contracts** (takes away what they
//! need). An older program goes on working after a newer one has expanded the schema, and can start again on it:
//! so an upgrade rolls, and can be rolled back. A contracting step raises `schema_compat.oldest_program` to
//! its own number; every program below it refuses from then on, also one that is running.

use super::super::StoreError;
use super::super::document::corrupt;
use super::fault::fault;
use sqlx::migrate::{Migrate as _, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{PgConnection, SqlSafeStr as _};

/// The schema's steps. Embedded, and never changed once released: their checksums are in the database.
pub(super) fn steps() -> Vec<Migration> {
    vec![step(1, "init", include_str!("../migrations/postgres/0001_init.sql"))]
}

pub(super) fn step(version: i64, description: &'static str, sql: &'static str) -> Migration {
    Migration::new(version, description.into(), MigrationType::Simple, sql.into_sql_str(), false)
}

/// That a program of this step may run on a schema for that one and newer.
pub(super) fn may_run(oldest_program: i64, program: i64) -> Result<(), StoreError> {
    if oldest_program <= program {
        return Ok(());
    }
    Err(StoreError::Unavailable(format!(
        "the database has been changed for versions of this program that know schema {oldest_program}; this one knows \
         schema {program} only: run the newer version, or restore a backup"
    )))
}

/// Runs what is missing of the schema, if this program may run on it at all.
pub(super) async fn bring_up_to_date(connection: &mut PgConnection, steps: Vec<Migration>) -> Result<(), StoreError> {
    let program = steps.iter().map(|step| step.version).max().unwrap_or_default();
    look(connection, program).await?;
    if nothing_is_missing(connection, &steps).await? {
        return Ok(());
    }
    // Another process may be at it, and a step may take its time.
    sqlx::raw_sql("SET statement_timeout = 0; SET lock_timeout = 0").execute(&mut *connection).await.map_err(fault)?;
    let mut migrator = Migrator::with_migrations(steps);
    migrator.set_ignore_missing(true);
    // `run` borrows in a way that no task on another thread can; this is the same behind it.
    migrator.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::VersionMismatch(version) => changed(version),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => fault(error),
        other => StoreError::Unavailable(other.to_string()),
    })?;
    look(connection, program).await
}

fn changed(version: i64) -> StoreError {
    corrupt("database", format!("its schema {version} is not the one this program knows"))
}

/// Refuses a database of newer programs, and one of another program.
async fn look(connection: &mut PgConnection, program: i64) -> Result<(), StoreError> {
    let (ours, migrated, tables): (bool, bool, i64) = sqlx::query_as(
        "SELECT to_regclass('schema_compat') IS NOT NULL, to_regclass('_sqlx_migrations') IS NOT NULL, \
         (SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace)",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(fault)?;
    if ours {
        let oldest: Option<i64> = sqlx::query_scalar("SELECT oldest_program FROM schema_compat WHERE one = 1")
            .fetch_optional(connection)
            .await
            .map_err(fault)?;
        return may_run(oldest.ok_or_else(|| corrupt("schema_compat", "its row is missing"))?, program);
    }
    // Steps are run one after the other, each as a whole: the table of steps alone is a beginning of ours.
    if tables > i64::from(migrated) {
        return Err(corrupt("database", "it holds the tables of another program: make a database of its own"));
    }
    Ok(())
}

/// Whether every step has been run. A user that may not change the schema can then be used.
async fn nothing_is_missing(connection: &mut PgConnection, steps: &[Migration]) -> Result<bool, StoreError> {
    let migrated: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await
        .map_err(fault)?;
    if !migrated {
        return Ok(false);
    }
    let applied = connection
        .list_applied_migrations("_sqlx_migrations")
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    for step in steps {
        match applied.iter().find(|applied| applied.version == step.version) {
            Some(applied) if applied.checksum == step.checksum => {}
            Some(_) => return Err(changed(step.version)),
            None => return Ok(false),
        }
    }
    Ok(true)
}
