//! A database server that is killed, stopped, stalled, full, tampered with, or gone in the middle of a
//! transaction: each is said in words, nothing that was acknowledged is lost, and nothing is half done.

use super::fixtures::{at, event, item, page, submitted, tenant};
use super::postgres::{Database, Server, own, settings, sql};
use crate::store::{AccessRequestFilter, PostgresSettings, PostgresStore, Reads as _, Store, StoreError};
use core::time::Duration;
use rustix::process::Signal;
use std::path::Path;

/// How often something is asked again until a server is back.
const TRIES_MAX: u32 = 1000;

pub(super) fn impatient(settings: PostgresSettings) -> PostgresSettings {
    PostgresSettings { connect_ms_max: 300, statement_ms_max: 300, begin_ms_max: 600, ..settings }
}

#[track_caller]
pub(super) fn unavailable<T>(result: Result<T, StoreError>, says: &str) {
    match result {
        Err(StoreError::Unavailable(text)) => assert!(text.contains(says), "{text}"),
        Err(other) => panic!("not unavailable: {other}"),
        Ok(_) => panic!("it worked, where `{says}` was to be said"),
    }
}

/// Commits an AccessRequest, its event and its item.
pub(super) async fn commit_one(store: &dyn Store) -> Result<(u64, u64), StoreError> {
    let contoso = tenant("contoso", true);
    let mut transaction = store.begin(at(0)).await?;
    let id = transaction.next_access_request_id().await?;
    let new = submitted(id.number(), &contoso, 0);
    transaction.put_access_request(&new, None).await?;
    transaction.add_event(&event(&new)).await?;
    transaction.put_item(item(&format!("access/{id}"), &[7; 500])).await?;
    transaction.commit().await.map(|revision| (revision.number, id.number()))
}

/// Does it again until the server is back.
pub(super) async fn until_it_works<T>(what: impl AsyncFn() -> Result<T, StoreError>) -> T {
    for tried in 0.. {
        match what().await {
            Ok(done) => return done,
            Err(error) => assert!(tried < TRIES_MAX, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    unreachable!()
}

/// That all of these are there, that nothing is half there, and at most `unknown` more than was acknowledged.
pub(super) async fn is_whole(store: &dyn Store, acknowledged: &[(u64, u64)], unknown: usize) {
    let (items, revision) = store.snapshot().await.unwrap();
    let filter = AccessRequestFilter::default();
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let some = store.access_requests(&filter, page(after, 1000)).await.unwrap();
        let Some(last) = some.last() else { break };
        after = Some(last.id);
        all.extend(some);
    }
    assert_eq!((items.len(), u64::try_from(items.len()).unwrap()), (all.len(), revision.number));
    for of in &all {
        assert_eq!(store.events(of.id).await.unwrap().len(), 1);
    }
    assert!(all.len() >= acknowledged.len() && all.len() <= acknowledged.len() + unknown, "{} in all", all.len());
    for (number, id) in acknowledged {
        assert!(*number <= revision.number);
        let read = store.access_request(crate::domain::AccessRequestId::new(*id)).await.unwrap();
        assert!(read.is_some(), "LBX-{id} was acknowledged as revision {number} and is lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_no_acknowledged_commit_and_leaves_no_half() {
    let mut database = Database::of(Server::start(&[]));
    let store = database.open().await;
    let (mut acknowledged, mut unknown) = (Vec::new(), 0);
    for round in 1..=4 {
        let mut left = 10 * round;
        loop {
            match commit_one(&store).await {
                Ok(done) => acknowledged.push(done),
                Err(_) => break,
            }
            left -= 1;
            if left == 0 {
                // In the middle of what comes next.
                let committing = commit_one(&store);
                let killing = async { database.server.as_mut().unwrap().kill() };
                match tokio::join!(committing, killing).0 {
                    Ok(done) => acknowledged.push(done),
                    Err(_) => unknown += 1,
                }
            }
        }
        database.server.as_mut().unwrap().up();
        until_it_works(async || store.ping().await).await;
        is_whole(&store, &acknowledged, unknown).await;
    }
    assert!(acknowledged.len() >= 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_and_started_is_found_again() {
    let mut database = Database::of(Server::start(&[]));
    let store = PostgresStore::open(impatient(database.settings())).await.unwrap();
    let first = commit_one(&store).await.unwrap();
    // What came before is told at once.
    store.moved().await;
    database.server.as_mut().unwrap().stop();
    for result in [store.ping().await, store.revision().await.map(drop), store.prove_primary().await.map(drop)] {
        assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    }
    assert!(matches!(commit_one(&store).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.changes_since(1, 0, 10).await, Err(StoreError::Unavailable(_))));
    database.server.as_mut().unwrap().up();
    // The hint comes from the connection that listens, which has come back by itself.
    store.moved().await;
    let second = until_it_works(async || commit_one(&store).await).await;
    is_whole(&store, &[first, second], 0).await;
    store.prove_primary().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stalls_is_not_waited_for() {
    let database = Database::of(Server::start(&[]));
    let server = database.server.as_ref().unwrap();
    let store = PostgresStore::open(impatient(database.settings())).await.unwrap();
    let first = commit_one(&store).await.unwrap();
    let contoso = tenant("contoso", true);
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    server.signal_all(Signal::STOP);
    unavailable(transaction.commit().await, "does not answer");
    unavailable(store.ping().await, "does not answer");
    unavailable(store.prove_primary().await, "does not answer");
    unavailable(store.begin(at(0)).await, "");
    unavailable(store.changes_since(1, 0, 10).await, "does not answer");
    server.signal_all(Signal::CONT);
    let second = until_it_works(async || commit_one(&store).await).await;
    is_whole(&store, &[first, second], 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_not_answered_is_of_unknown_outcome() {
    let database = Database::new();
    let store = PostgresStore::open(impatient(database.settings())).await.unwrap();
    // What happens within COMMIT takes longer than is waited for.
    database.sql(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.6); RETURN NULL; END'; \
         CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON tenant DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    let contoso = tenant("contoso", true);
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    let committed = transaction.commit().await.unwrap_err();
    assert!(matches!(&committed, StoreError::Unknown(_)), "{committed:?}");
    assert!(committed.to_string().contains("whether it was is not known; look again"), "{committed}");
    // It was: who looks again sees it.
    until_it_works(async || match store.tenant(&contoso.id).await? {
        Some(found) => {
            assert_eq!(found, contoso);
            Ok(())
        }
        None => Err(StoreError::Unavailable("not yet".to_owned())),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_ended_undoes_its_transaction_alone() {
    let database = Database::new();
    let store = database.open().await;
    let contoso = tenant("contoso", true);
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
    let refused = transaction.put_tenant(&tenant("fabrikam", true), None).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    unavailable(transaction.commit().await, "begin another");
    assert!(until_it_works(async || store.tenant(&contoso.id).await).await.is_none());
    commit_one(&store).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_waits_its_turn_but_not_for_ever_whoever_is_before_it() {
    let database = Database::new();
    let [here, there] = [(); 2].map(|()| impatient(database.settings()));
    let (here, there) = (PostgresStore::open(here).await.unwrap(), PostgresStore::open(there).await.unwrap());
    let first = here.begin(at(0)).await.unwrap();
    unavailable(here.begin(at(0)).await, "has not ended within");
    // Of the two bounds the server may say either first: that of the lock, or that of the statement.
    let given_up = there.begin(at(0)).await.map(drop).unwrap_err().to_string();
    assert!(given_up.contains("has not ended within") || given_up.contains("gave the statement up"), "{given_up}");
    drop(first);
    there.begin(at(0)).await.unwrap().commit().await.unwrap();
    here.begin(at(0)).await.unwrap().commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_wait_for_a_connection_but_not_for_ever() {
    let database = Database::new();
    let few = PostgresSettings { connections_max: 2, begin_ms_max: 300, ..database.settings() };
    let store = PostgresStore::open(few).await.unwrap();
    let other = database.open().await;
    // Another program holds the table that both connections then wait for.
    let mut holder = sqlx::postgres::PgConnectOptions::new_without_pgpass()
        .socket(&database.socket)
        .username(super::postgres::USER)
        .database(&database.name);
    holder = holder.port(super::postgres::PORT);
    let mut holder = sqlx::ConnectOptions::connect(&holder).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE item IN ACCESS EXCLUSIVE MODE").execute(&mut holder).await.unwrap();
    let waiting = || {
        let store = store.clone();
        tokio::spawn(async move { store.snapshot().await.map(drop) })
    };
    let (first, second) = (waiting(), waiting());
    while database.sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'item'::regclass") != "2" {
        tokio::task::yield_now().await;
    }
    unavailable(store.ping().await, "overloaded");
    other.ping().await.unwrap();
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
    for read in [first, second] {
        let _answered_or_cut_off = read.await.unwrap();
    }
    until_it_works(async || store.ping().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_fails_the_transaction_as_a_whole() {
    let server = Server::start(&[]);
    let space = server.socket().join("small");
    std::fs::create_dir(&space).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=24m,mode=0777", "tmpfs"])
        .arg(&space)
        .output();
    if !mounted.is_ok_and(|mounted| mounted.status.success()) {
        println!("NOT TRIED: a full disk under PostgreSQL, for this user may not mount a small file system");
        return;
    }
    own(&space);
    let database = Database::of(server);
    sql(&database.socket, "postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", space.display()));
    sql(&database.socket, "postgres", &format!("ALTER DATABASE {} SET TABLESPACE small", database.name));
    let store = database.open().await;
    let ballast = space.join("ballast");
    let mut acknowledged = vec![commit_one(&store).await.unwrap()];
    // All but what is left after this: the disk is full after some more commits, not after thousands.
    let _full = std::fs::write(&ballast, vec![0; 64 << 20]);
    let full = loop {
        match commit_one(&store).await {
            Ok(done) => acknowledged.push(done),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 10_000, "the disk is full before that");
    };
    unavailable::<()>(Err(full), "is full");
    is_whole(&store, &acknowledged, 0).await;
    std::fs::remove_file(&ballast).unwrap();
    acknowledged.push(until_it_works(async || commit_one(&store).await).await);
    is_whole(&store, &acknowledged, 0).await;
    store.close().await;
    drop(database);
    let unmounted = std::process::Command::new("umount").args(["-l"]).arg(&space).status();
    assert!(unmounted.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_commits_another_is_told_of() {
    let database = Database::new();
    let (here, there) = (database.open().await, database.open().await);
    // The hint of the connection itself comes first; after it, only a commit gives one.
    there.moved().await;
    let quiet = tokio::time::timeout(Duration::from_millis(50), there.moved()).await;
    here.raise_time_floor(at(1)).await.unwrap();
    commit_one(&here).await.unwrap();
    there.moved().await;
    assert!(quiet.is_err(), "nothing had moved");
    // A connection that is lost comes back, and says so.
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()");
    there.moved().await;
    commit_one(&here).await.unwrap();
    there.moved().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_and_the_revision_cannot_be_turned_back() {
    let database = Database::new();
    let store = database.open().await;
    commit_one(&store).await.unwrap();
    for statement in [
        "UPDATE event SET document = '{}'",
        "DELETE FROM event",
        "TRUNCATE event",
        "UPDATE revision SET number = 0",
        "UPDATE revision SET epoch = 0",
        "UPDATE revision SET time_floor_ms = time_floor_ms - 1",
        "UPDATE revision SET next_number = 1",
        "DELETE FROM revision",
        "TRUNCATE revision",
    ] {
        let tried = std::panic::catch_unwind(|| database.sql(statement));
        assert!(tried.is_err(), "{statement}");
    }
    assert_eq!(store.revision().await.unwrap().number, 1);
    database.sql("UPDATE access_request SET tenant = 'fabrikam'");
    let read = store.access_request(crate::domain::AccessRequestId::new(1001)).await;
    assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{read:?}");
    database.sql("UPDATE item SET digest = decode(repeat('01', 16), 'hex')");
    assert!(matches!(store.snapshot().await, Err(StoreError::Corrupt { .. })));
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    let database = Database::new();
    database.sql("CREATE TABLE bookmarks (url TEXT)");
    let refused = PostgresStore::open(database.settings()).await;
    assert!(matches!(&refused, Err(StoreError::Corrupt { why, .. }) if why.contains("another program")), "{refused:?}");
    assert_eq!(database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "1");
    let nowhere = PostgresSettings { database: "nowhere".to_owned(), ..database.settings() };
    unavailable(PostgresStore::open(nowhere).await, "create it");
    let nobody = settings(&[Path::new("/no/such/folder")], "lockbox");
    unavailable(PostgresStore::open(impatient(nobody)).await, "does not answer");
}
