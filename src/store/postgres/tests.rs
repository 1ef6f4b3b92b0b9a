//! Programs of different versions on one database, forth and back.

use super::open::{step, steps};
use super::*;
use crate::store::Reads as _;
use crate::store::suite::postgres::Database;
use sqlx::migrate::Migration;

/// A step that only adds.
fn expanding() -> Migration {
    step(2, "a column nobody must fill", "ALTER TABLE tenant ADD COLUMN colour TEXT; CREATE TABLE extra (id BIGINT)")
}

/// A step that takes away what programs below it need.
fn contracting() -> Migration {
    step(3, "no engineers", "DROP TABLE engineer; UPDATE schema_compat SET oldest_program = 3")
}

fn newer(more: &[Migration]) -> Vec<Migration> {
    let mut all = steps();
    all.extend_from_slice(more);
    all
}

#[track_caller]
fn refused<T>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::Unavailable(text)) => assert!(text.contains("run the newer version"), "{text}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a program ran on a schema that is not for it"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_program_goes_on_after_an_expanding_step_and_refuses_after_a_contracting_one() {
    let database = Database::new();
    let now = Timestamp::from_ms(1_795_339_800_000);
    let old = PostgresStore::open(database.settings()).await.unwrap();
    let middle = PostgresStore::open_with(database.settings(), newer(&[expanding()])).await.unwrap();
    for store in [&old, &middle, &PostgresStore::open(database.settings()).await.unwrap()] {
        store.raise_time_floor(now).await.unwrap();
        store.changes_since(1, 0, 10).await.unwrap();
        store.prove_primary().await.unwrap();
    }
    let new = PostgresStore::open_with(database.settings(), newer(&[expanding(), contracting()])).await.unwrap();
    new.raise_time_floor(now).await.unwrap();
    for store in [&old, &middle] {
        refused(store.begin(now).await);
        refused(store.changes_since(1, 0, 10).await);
        refused(store.revision().await);
        refused(store.ping().await);
    }
    refused(PostgresStore::open(database.settings()).await);
    refused(PostgresStore::open_with(database.settings(), newer(&[expanding()])).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_not_change_the_schema_can_use_it_and_a_changed_step_is_corrupt() {
    let database = Database::new();
    drop(PostgresStore::open(database.settings()).await.unwrap());
    let role = format!("user_of_{}", database.name);
    database.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
    ));
    let settings = PostgresSettings { user: role.clone(), ..database.settings() };
    let store = PostgresStore::open(settings).await.unwrap();
    store.raise_time_floor(Timestamp::from_ms(1_795_339_800_000)).await.unwrap();
    store.prove_primary().await.unwrap();
    store.close().await;
    database.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    database.sql("UPDATE _sqlx_migrations SET checksum = '\\x00'");
    let changed = PostgresStore::open(database.settings()).await;
    assert!(matches!(changed, Err(StoreError::Corrupt { .. })), "{changed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_make_one_schema() {
    let database = Database::new();
    let starting: Vec<_> = (0..6).map(|_| tokio::spawn(PostgresStore::open(database.settings()))).collect();
    for started in starting {
        assert_eq!(started.await.unwrap().unwrap().revision().await.unwrap().number, 0);
    }
}
