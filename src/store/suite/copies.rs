//! Copies of the record: the backup of a file in use, and the move to a database server, cut off at every place
//! that matters.

use super::fixtures::{at, event, gone, in_state, item, page, person, tenant, tenant_id};
use super::postgres::Database;
use super::random::everything;
use super::server_faults::{commit_one, is_whole};
use super::sqlite;
use crate::domain::{AccessRequestId, Notice, Recipient, StateName, Timer, TimerKind};
use crate::store::{
    Channel, Delivery, DeliveryState, KeptAnswer, Note, NoteKind, Notes as _, PostgresStore, Reads as _,
    SqliteSettings, SqliteStore, Store as _, StoreError, move_record,
};
use sqlx::{Connection as _, SqliteConnection};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_under_load_is_of_one_moment_and_replaces_the_last_one_only_when_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (directory.path().join("lockbox.db"), directory.path().join("copy.db"));
    let store = sqlite(&directory).await;
    let committing = async {
        let mut acknowledged = Vec::new();
        for _ in 0..60 {
            acknowledged.push(commit_one(&store).await.unwrap());
        }
        acknowledged
    };
    let backing_up = async {
        let mut made = Vec::new();
        for _ in 0..5 {
            made.push(SqliteStore::backup(&from, &to).await.unwrap());
        }
        made
    };
    let (acknowledged, made) = tokio::join!(committing, backing_up);
    assert!(made.is_sorted_by_key(|made| made.revision.number));
    let last = made.last().unwrap();
    let copy = SqliteStore::open(&to, SqliteSettings::default()).await.unwrap();
    let of_then: Vec<_> = acknowledged.iter().filter(|(number, _)| *number <= last.revision.number).copied().collect();
    is_whole(&copy, &of_then, 0).await;
    assert_eq!((copy.revision().await.unwrap(), of_then.len()), (last.revision, last.items));
    copy.close().await;
    assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    // A database in use is no place for one, by whatever name.
    let link = directory.path().join("also.db");
    std::os::unix::fs::symlink(&from, &link).unwrap();
    for place in [&from, &link, &directory.path().join("lockbox.db-wal")] {
        let refused = SqliteStore::backup(&from, place).await;
        let said = refused.unwrap_err().to_string();
        assert!(said.contains("is no place for a backup") && said.contains(place.to_str().unwrap()), "{said}");
    }
    let other = directory.path().join("other.db");
    let in_use = SqliteStore::open(&other, SqliteSettings::default()).await.unwrap();
    let said = SqliteStore::backup(&from, &other).await.unwrap_err().to_string();
    assert!(said.contains("a database in use"), "{said}");
    in_use.close().await;
    commit_one(&store).await.unwrap();
    // A record that does not add up is no backup; the one of before stays.
    let before = std::fs::read(&to).unwrap();
    store.close().await;
    spoil(&from, "UPDATE item SET digest = x'00000000000000000000000000000001'").await;
    let refused = SqliteStore::backup(&from, &to).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    assert_eq!(std::fs::read(&to).unwrap(), before);
    assert!(!SqliteStore::unfinished(&to).exists());
}

async fn spoil(path: &Path, statement: &'static str) {
    let mut raw = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::raw_sql(statement).execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
}

/// A file with something in every table.
async fn full(directory: &tempfile::TempDir) -> SqliteStore {
    let store = sqlite(directory).await;
    let contoso = tenant("contoso", true);
    let mut transaction = store.begin(at(5)).await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    transaction.put_engineer(&super::fixtures::engineer("ana@provider.example"), None).await.unwrap();
    for (number, state) in (1001..).zip(StateName::ALL) {
        let of = in_state(number, &contoso, state);
        transaction.put_access_request(&of, None).await.unwrap();
        transaction.add_event(&event(&of)).await.unwrap();
        transaction.put_item(item(&format!("access/{number}"), &number.to_be_bytes())).await.unwrap();
        let (kind, to) = (crate::domain::NoticeKind::Ended, Recipient::Person(person("csilla")));
        let notice = Notice { kind, to, tenant: contoso.id.clone(), access_request: Some(of.id), at: at(1) };
        transaction.add_notice(&notice).await.unwrap();
        transaction.put_timer(&Timer { access_request: of.id, kind: TimerKind::Reminder, at: at(9) }).await.unwrap();
    }
    let kept = KeptAnswer { asked: [7; 32], access_request: AccessRequestId::new(1001), at: at(1) };
    transaction.keep_answer(&person("c0"), "k0", &kept).await.unwrap();
    transaction.commit().await.unwrap();
    let mut transaction = store.begin(at(6)).await.unwrap();
    for key in ["access/1001", "access/1002"] {
        transaction.put_item(gone(key)).await.unwrap();
    }
    let later = Delivery { state: DeliveryState::Dead, attempts: 3, at: at(50), last_error: Some("no\0".to_owned()) };
    transaction.put_delivery(3, &Delivery { last_error: Some("451 later".to_owned()), ..later }, 0).await.unwrap();
    transaction.raise_epoch().await.unwrap();
    transaction.commit().await.unwrap();
    for kind in NoteKind::ALL {
        let note = Note { kind, key: "k".to_owned(), document: "{\"a\": 1}".to_owned(), expires_at: Some(at(99)) };
        store.put_note(note).await.unwrap();
    }
    store
}

/// Everything of a record, as text.
async fn told(store: &dyn crate::store::Store) -> Vec<String> {
    let mut all = everything(store).await;
    for kind in NoteKind::ALL {
        all.push(format!("{:?}", store.notes(kind, "").await.unwrap()));
    }
    all.push(format!("{:?}", store.timers_due(at(1000), 100).await.unwrap()));
    all.push(format!("{:?}", store.outbox(None, page(None, 100)).await.unwrap()));
    all.push(format!("{:?}", store.outbox_due(Channel::Mail, at(1000), 100).await.unwrap()));
    all.push(format!("{:?}", store.items_after(None, 100).await.unwrap()));
    all.push(format!("{:?}", store.tenant_events(&tenant_id("contoso")).await.unwrap()));
    all.push(format!("{:?}", store.begin(at(0)).await.unwrap().next_access_request_id().await.unwrap()));
    all
}

#[track_caller]
fn says<T: core::fmt::Debug>(result: Result<T, StoreError>, part: &str) {
    let text = result.unwrap_err().to_string();
    assert!(text.contains(part), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_was_moved_answers_as_before_and_its_file_is_not_started_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lockbox.db");
    let database = Database::new();
    let store = full(&directory).await;
    let before = told(&store).await;
    says(move_record(&file, database.settings(), |_, _| ()).await, "stop the authority first");
    store.close().await;
    // Where somebody has begun already, nothing is mixed in.
    let used = Database::new();
    let other = used.open().await;
    commit_one(&other).await.unwrap();
    says(move_record(&file, used.settings(), |_, _| ()).await, "not empty");
    says(move_record(&directory.path().join("none.db"), database.settings(), |_, _| ()).await, "no file");
    let mut last = (0, 0);
    let moved = move_record(&file, database.settings(), |done, all| last = (done, all)).await.unwrap();
    assert!(!moved.found_there && last.0 == last.1 && last.1 > 30, "{moved:?} {last:?}");
    let server = database.open().await;
    assert_eq!(told(&server).await, before);
    server.raise_time_floor(at(10)).await.unwrap();
    says(SqliteStore::open(&file, SqliteSettings::default()).await, "was moved to a database server");
    says(move_record(&file, database.settings(), |_, _| ()).await, "was moved to a database server");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_was_cut_off_is_done_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lockbox.db");
    let database = Database::new();
    let store = full(&directory).await;
    let before = told(&store).await;
    store.close().await;
    // In the middle of the copying: the database undoes it, and the file is as it was.
    let begun = tokio::sync::Notify::new();
    tokio::select! {
        biased;
        () = begun.notified() => {}
        _ = move_record(&file, database.settings(), |_, _| begun.notify_one()) => panic!("it was not cut off"),
    }
    let empty: PostgresStore = database.open().await;
    assert_eq!(empty.revision().await.unwrap().number, 0);
    empty.close().await;
    let store = sqlite(&directory).await;
    assert_eq!(told(&store).await, before, "the file is still the record");
    store.close().await;
    move_record(&file, database.settings(), |_, _| ()).await.unwrap();
    // Between the commit and the mark: the same is found there, and only the mark is made.
    spoil(&file, "PRAGMA application_id = 0x4c424f58").await;
    let again = move_record(&file, database.settings(), |_, _| ()).await.unwrap();
    assert!(again.found_there);
    says(SqliteStore::open(&file, SqliteSettings::default()).await, "was moved");
    assert_eq!(told(&database.open().await).await, before);
}
