//! A database that is locked, read-only, full, gone, damaged, foreign or newer: each is said in words,
//! and nothing is half done.

use super::fixtures::{at, event, item, page, submitted, tenant};
use super::sqlite;
use crate::domain::AccessRequestId;
use crate::store::{AccessRequestFilter, MemoryStore, Reads as _, SqliteSettings, SqliteStore, Store, StoreError};
use sqlx::{Connection as _, SqliteConnection};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

/// Names the database to the process that may only read it.
const CHILD: &str = "LOCKBOX_TEST_STORE_READ_ONLY";

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", path.display())).await.unwrap()
}

async fn opened(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, SqliteSettings { begin_ms_max: 200, ..SqliteSettings::default() }).await
}

fn unavailable<T>(result: Result<T, StoreError>, says: &str) {
    match result {
        Err(StoreError::Unavailable(text)) => assert!(text.contains(says), "{text}"),
        Err(other) => panic!("not unavailable: {other}"),
        Ok(_) => panic!("it worked, where `{says}` was to be said"),
    }
}

fn corrupt<T>(result: Result<T, StoreError>, says: &str) {
    match result {
        Err(error @ StoreError::Corrupt { .. }) => assert!(error.to_string().contains(says), "{error}"),
        Err(other) => panic!("not corrupt: {other}"),
        Ok(_) => panic!("it worked, where `{says}` was to be said"),
    }
}

#[tokio::test]
async fn a_transaction_waits_its_turn_but_not_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let file = opened(&directory.path().join("lockbox.db")).await.unwrap();
    let memory = MemoryStore::with_begin_ms_max(50);
    for store in [&file as &dyn Store, &memory] {
        let first = store.begin(at(0)).await.unwrap();
        unavailable(store.begin(at(0)).await, "has not ended within");
        unavailable(store.raise_time_floor(at(0)).await, "has not ended within");
        drop(first);
        store.begin(at(0)).await.unwrap().commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_second_authority_is_refused_until_the_first_lets_go() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lockbox.db");
    let first = opened(&path).await.unwrap();
    unavailable(opened(&path).await, "another authority has");
    let link = directory.path().join("also.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    unavailable(opened(&link).await, "another authority has");
    // The refused ones have taken nothing from it.
    first.raise_time_floor(at(5)).await.unwrap();
    drop(first);
    opened(&path).await.unwrap().raise_time_floor(at(6)).await.unwrap();
}

#[tokio::test]
async fn another_process_with_the_lock_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lockbox.db");
    let store = opened(&path).await.unwrap();
    let mut other = raw(&path).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    unavailable(store.begin(at(0)).await, "locked by another process");
    store.ping().await.unwrap();
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    store.begin(at(0)).await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_fails_the_transaction_as_a_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lockbox.db");
    let contoso = tenant("contoso", true);
    let settings = SqliteSettings { pages_max: Some(60), ..SqliteSettings::default() };
    let store = SqliteStore::open(&path, settings).await.unwrap();
    let write = async |store: &SqliteStore| {
        let mut transaction = store.begin(at(0)).await?;
        let id = transaction.next_access_request_id().await?;
        let new = submitted(id.number(), &contoso, 0);
        transaction.put_access_request(&new, None).await?;
        transaction.add_event(&event(&new)).await?;
        transaction.put_item(item(&id.to_string(), &[7; 500])).await?;
        transaction.commit().await.map(|revision| revision.number)
    };
    let mut acknowledged = 0;
    let full = loop {
        match write(&store).await {
            Ok(number) => acknowledged = number,
            Err(error) => break error,
        }
        assert!(acknowledged < 10_000, "60 pages are full before that");
    };
    unavailable::<()>(Err(full), "full");
    unavailable(write(&store).await, "full");
    let whole = async |store: &SqliteStore, number: u64| {
        let (items, revision) = store.snapshot().await.unwrap();
        let all = store.access_requests(&AccessRequestFilter::default(), page(None, 1000)).await.unwrap();
        let count = u64::try_from(all.len()).unwrap();
        assert_eq!((revision.number, items.len(), count), (number, all.len(), number));
        for of in &all {
            assert_eq!(store.events(of.id).await.unwrap().len(), 1);
        }
    };
    whole(&store, acknowledged).await;
    store.close().await;
    let store = sqlite(&directory).await;
    whole(&store, acknowledged).await;
    write(&store).await.unwrap();
    whole(&store, acknowledged + 1).await;
}

#[tokio::test]
async fn a_file_that_was_deleted_or_replaced_takes_no_commit() {
    for (victim, replaced) in [("lockbox.db", false), ("lockbox.db", true), ("lockbox.db-wal", false)] {
        let directory = tempfile::tempdir().unwrap();
        let store = sqlite(&directory).await;
        let mut transaction = store.begin(at(0)).await.unwrap();
        transaction.put_tenant(&tenant("contoso", true), None).await.unwrap();
        let gone = directory.path().join(victim);
        if replaced {
            std::fs::rename(&gone, directory.path().join("aside")).unwrap();
            std::fs::copy(directory.path().join("aside"), &gone).unwrap();
        } else {
            std::fs::remove_file(&gone).unwrap();
        }
        unavailable(transaction.commit().await, "deleted or replaced");
        // Neither are sidecars told that nothing has changed: their leases run out instead.
        unavailable(store.changes_since(1, 0, 10).await, "deleted or replaced");
        unavailable(store.snapshot().await, "deleted or replaced");
        unavailable(store.begin(at(0)).await, victim);
        unavailable(store.ping().await, victim);
    }
}

#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(&directory).await;
    store.raise_time_floor(at(0)).await.unwrap();
    let mut seen = 0;
    for file in std::fs::read_dir(directory.path()).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        seen += 1;
    }
    assert_eq!(seen, 4, "the database, its log, the log's index, and the claim");
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.db");
    let mut other = raw(&path).await;
    sqlx::raw_sql("CREATE TABLE bookmarks (url TEXT)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    corrupt(opened(&path).await, "another program");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let text = directory.path().join("notes.txt");
    std::fs::write(&text, "buy milk\n".repeat(1000)).unwrap();
    corrupt(opened(&text).await, "not an SQLite database");
    assert_eq!(std::fs::read_to_string(&text).unwrap(), "buy milk\n".repeat(1000));
    unavailable(opened(directory.path()).await, "is not a file");
    unavailable(opened(&directory.path().join("no/such/place.db")).await, "cannot be used");
    let empty = directory.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    opened(&empty).await.unwrap();
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lockbox.db");
    sqlite(&directory).await.close().await;
    let mut newer = raw(&path).await;
    let step = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                VALUES (9999, 'later', 1, x'00', 0)";
    sqlx::raw_sql(step).execute(&mut newer).await.unwrap();
    newer.close().await.unwrap();
    unavailable(opened(&path).await, "newer version");
}

#[tokio::test]
async fn a_changed_schema_and_damaged_pages_are_corrupt() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lockbox.db");
    let store = sqlite(&directory).await;
    let mut transaction = store.begin(at(0)).await.unwrap();
    for number in 1001..1101 {
        transaction.put_access_request(&submitted(number, &tenant("contoso", true), 0), None).await.unwrap();
    }
    transaction.commit().await.unwrap();
    store.close().await;
    let whole = std::fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    // All pages but the first, which holds the schema.
    damaged.iter_mut().skip(4096).for_each(|byte| *byte ^= 0x5a);
    std::fs::write(&path, &damaged).unwrap();
    corrupt(opened(&path).await, "database file");
    std::fs::write(&path, whole).unwrap();
    opened(&path).await.unwrap().close().await;
    let mut raw = raw(&path).await;
    sqlx::raw_sql("UPDATE _sqlx_migrations SET checksum = x'00'").execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    corrupt(opened(&path).await, "not the one this program knows");
}

/// Opens the database it is told of and says what came of it.
#[test]
#[ignore = "run by the test below, as a user who may only read"]
fn open_read_only() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let opened = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { opened(Path::new(&path)).await?.raise_time_floor(at(0)).await });
    println!("came of it: {opened:?}");
}

#[tokio::test]
async fn a_file_or_directory_that_may_only_be_read_is_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lockbox.db");
    sqlite(&directory).await.close().await;
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(&path, 0o444);
    for (name, directory_mode) in [("lockbox.db", 0o777), ("lockbox.db", 0o555), ("new.db", 0o555)] {
        mode(directory.path(), directory_mode);
        // The binary may lie where only its owner may look, so it is run as a copy.
        let copy = std::env::temp_dir().join(format!("lockbox-read-only-{}", std::process::id()));
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        mode(&copy, 0o755);
        let mut child = std::process::Command::new(&copy);
        child.args(["--exact", "store::suite::faults::open_read_only", "--ignored", "--nocapture"]);
        child.env(CHILD, directory.path().join(name));
        if rustix::process::geteuid().is_root() {
            child.uid(65_534).gid(65_534);
        }
        let said = String::from_utf8(child.output().unwrap().stdout).unwrap();
        std::fs::remove_file(copy).unwrap();
        let clear =
            said.contains("read-only") || said.contains("cannot be opened") || said.contains("ermission denied");
        assert!(said.contains("came of it: Err(Unavailable(") && clear, "{name} {directory_mode:o}: {said}");
    }
    mode(directory.path(), 0o755);
    mode(&path, 0o600);
    let store = sqlite(&directory).await;
    assert!(store.access_request(AccessRequestId::new(1)).await.unwrap().is_none());
}
