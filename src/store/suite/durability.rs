//! What a file must survive: being closed and opened again, a process killed in the middle of
//! committing, and hands that change its rows.

use super::fixtures::{at, event, in_state, item, page, submitted, tenant, then};
use super::sqlite;
use crate::domain::{AccessRequest, Command, Notice, NoticeKind, State, StateName, Verdict};
use crate::store::{
    AccessRequestFilter, Item, Outbox as _, Reads as _, SqliteSettings, SqliteStore, Store as _, StoreError,
};
use sqlx::{Connection as _, SqliteConnection};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

/// Names the database to the process that is going to be killed.
const CHILD: &str = "LOCKBOX_TEST_STORE_CHILD";

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let contoso = tenant("contoso", true);
    let active = in_state(1001, &contoso, StateName::Active);
    let store = sqlite(&directory).await;
    let mut transaction = store.begin(at(7)).await.unwrap();
    let id = transaction.next_access_request_id().await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    transaction.put_access_request(&active, None).await.unwrap();
    transaction.add_event(&event(&active)).await.unwrap();
    transaction.put_item(item("tenant/contoso", b"1")).await.unwrap();
    let revision = transaction.commit().await.unwrap();
    let all = store.snapshot().await.unwrap();
    store.prune_tombstones(1, at(7)).await.unwrap();
    drop(store);
    // Once closed in order, once dropped as a crash would.
    for close in [true, false] {
        let store = sqlite(&directory).await;
        assert_eq!(store.revision().await.unwrap(), revision);
        assert_eq!(store.snapshot().await.unwrap(), all);
        assert_eq!(store.tenant(&contoso.id).await.unwrap().as_ref(), Some(&contoso));
        assert_eq!(store.access_request(active.id).await.unwrap().as_ref(), Some(&active));
        assert_eq!(store.events(active.id).await.unwrap(), [event(&active)]);
        assert!(store.begin(at(0)).await.unwrap().next_access_request_id().await.unwrap() > id);
        if close {
            store.close().await;
        }
    }
}

/// Commits until it is killed, and says after each commit which revision it was told.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn commit_until_killed() {
    let Ok(path) = std::env::var(CHILD) else { return };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let fabrikam = tenant("fabrikam", false);
        let store = SqliteStore::open(Path::new(&path), SqliteSettings::default()).await.unwrap();
        for _ in 0..10_000 {
            let mut transaction = store.begin(at(0)).await.unwrap();
            let id = transaction.next_access_request_id().await.unwrap();
            drop(transaction);
            let new = submitted(id.number(), &fabrikam, 0);
            let active = then(&new, Command::Review(Verdict::Approve), &fabrikam, 1);
            let closed = then(&active, Command::Close, &fabrikam, 2);
            for (before, after) in [(None, new), (Some(1), active), (Some(2), closed)] {
                let mut transaction = store.begin(at(0)).await.unwrap();
                transaction.put_access_request(&after, before).await.unwrap();
                transaction.add_event(&event(&after)).await.unwrap();
                transaction.add_notice(&notice(&after)).await.unwrap();
                transaction.put_item(grant_item(&after)).await.unwrap();
                let revision = transaction.commit().await.unwrap();
                println!("committed {}", revision.number);
            }
        }
    });
}

fn notice(of: &AccessRequest) -> Notice {
    let (kind, to) = (NoticeKind::Ended, crate::domain::Recipient::Person(of.engineer.clone()));
    let tenant = of.asked.tenant.clone();
    Notice { kind, to, tenant, access_request: Some(of.id), at: of.submitted_at }
}

/// Live exactly while the AccessRequest is active; its content is the version.
fn grant_item(of: &AccessRequest) -> Item {
    let live = item(&format!("grant/{}", of.id), &of.version.to_be_bytes());
    if matches!(of.state, State::Active { .. }) { live } else { Item { payload: None, digest: 0, ..live } }
}

#[tokio::test]
async fn a_killed_process_loses_no_acknowledged_commit_and_leaves_no_half() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lockbox.db");
    let mut before = 0;
    for acknowledged in [1, 2, 3, 5, 8, 13, 21, 34, 55, 89] {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::suite::durability::commit_until_killed", "--ignored", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The harness writes its own words on the same line as the first.
        let told = |line: String| line.rsplit_once("committed ").and_then(|(_, number)| number.parse::<u64>().ok());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).filter_map(told);
        let last = lines.nth(acknowledged - 1).unwrap();
        child.kill().unwrap();
        let last = lines.last().unwrap_or(last);
        child.wait().unwrap();
        before = agrees(&sqlite(&directory).await, before, last).await;
    }
}

/// Nothing that was acknowledged is missing, at most one commit more than that is there, and every
/// transaction is there as a whole. Answers the revision.
async fn agrees(store: &SqliteStore, before: u64, acknowledged: u64) -> u64 {
    let (items, revision) = store.snapshot().await.unwrap();
    let number = revision.number;
    assert!(number == acknowledged || number == acknowledged + 1, "{acknowledged} acknowledged, {number} there");
    assert!(number > before);
    let mut all = Vec::new();
    while let found = store
        .access_requests(&AccessRequestFilter::default(), page(all.last().map(|of: &AccessRequest| of.id), 1000))
        .await
        .unwrap()
        && !found.is_empty()
    {
        all.extend(found);
    }
    let versions: u64 = all.iter().map(|of| of.version).sum();
    assert_eq!(versions, number, "one revision for each version");
    let mut live = Vec::new();
    for of in &all {
        let versions: Vec<_> = store.events(of.id).await.unwrap().iter().map(|event| event.version).collect();
        assert_eq!(versions, (1..=of.version).collect::<Vec<_>>(), "one event for each version");
        live.extend(Some(grant_item(of)).filter(|item| item.payload.is_some()));
    }
    live.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(items, live, "sidecars hold the Grants of exactly the active ones");
    let newest = store.outbox(None, page(None, 1)).await.unwrap();
    assert_eq!(newest.first().map(|entry| entry.number), Some(number), "one notice for each version");
    number
}

/// Changes the file behind the store's back.
async fn tamper(path: &Path, sql: &'static str) -> Result<(), sqlx::Error> {
    let url = format!("sqlite://{}", path.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let done = sqlx::raw_sql(sql).execute(&mut connection).await.map(|done| assert!(done.rows_affected() > 0, "{sql}"));
    connection.close().await.unwrap();
    done
}

async fn tampered(sql: &'static str) -> (tempfile::TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(&directory).await;
    let contoso = tenant("contoso", true);
    let active = in_state(1001, &contoso, StateName::Active);
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    transaction.put_access_request(&active, None).await.unwrap();
    transaction.add_event(&event(&active)).await.unwrap();
    transaction.put_item(item("a", b"1")).await.unwrap();
    transaction.commit().await.unwrap();
    tamper(&directory.path().join("lockbox.db"), sql).await.unwrap();
    (directory, store)
}

#[tokio::test]
async fn a_changed_access_request_is_corrupt_and_never_a_wider_grant() {
    for sql in [
        "UPDATE access_request SET tenant = 'fabrikam'",
        "UPDATE access_request SET engineer = 'ben@provider.example'",
        "UPDATE access_request SET state = 'notified'",
        "UPDATE access_request SET due_at_ms = due_at_ms + 1",
        "UPDATE access_request SET version = 99",
        "UPDATE access_request SET approval = 'internal'",
        "UPDATE access_request SET known_to_customer = 0",
        "UPDATE access_request SET document = ''",
        "UPDATE access_request SET document = '[]'",
        "UPDATE access_request SET document = substr(document, 1, 300)",
        "UPDATE access_request SET document = json_set(document, '$.more', 1)",
        "UPDATE access_request SET document = json_set(document, '$.state.more', 1)",
        "UPDATE access_request SET document = json_set(document, '$.engineer', 'Ana@provider.example')",
        "UPDATE access_request SET document = json_set(document, '$.engineer', 'rita@provider.example'), \
         engineer = 'rita@provider.example'",
        "UPDATE access_request SET document = json_set(document, '$.state.decided.by', 'ana@provider.example')",
        "UPDATE access_request SET document = json_set(document, '$.state.decided.by', 'rita@provider.example')",
        "UPDATE access_request SET document = json_set(document, '$.state.decided', json('null'))",
        "UPDATE access_request SET document = json_set(document, '$.state.decided.authentication.method', 'none')",
        "UPDATE access_request SET document = json_set(document, '$.state.grant.actions[0]', 'delete')",
        "UPDATE access_request SET document = json_set(document, '$.state.grant.actions', json('[]'))",
        "UPDATE access_request SET document = json_set(document, '$.state.grant.content', json('[]'))",
        "UPDATE access_request SET document = json_set(document, '$.state.grant.content[0]', 'mailbox/other')",
        "UPDATE access_request SET document = json_set(document, '$.state.grant.expires_at', 1795999999999), \
         due_at_ms = 1795999999999",
        "UPDATE access_request SET document = json_set(document, '$.submitted_at', 9000000000000000000), \
         submitted_at_ms = 9000000000000000000",
        "UPDATE access_request SET document = json_set(document, '$.state.name', 'closed'), state = 'closed', \
         due_at_ms = NULL",
    ] {
        let (_directory, store) = tampered(sql).await;
        let read = store.access_request(submitted(1001, &tenant("contoso", true), 0).id).await;
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{sql}: {read:?}");
        let text = read.unwrap_err().to_string();
        assert!(text.contains("LBX-1001"), "{text}");
    }
}

#[tokio::test]
async fn changed_settings_items_and_revisions_are_corrupt() {
    for sql in [
        "UPDATE tenant SET document = json_set(document, '$.entitlement', 'none')",
        "UPDATE tenant SET document = json_set(document, '$.quorum', 0)",
        "UPDATE tenant SET document = json_set(document, '$.attributes.plan', 1.5)",
        "UPDATE tenant SET version = 2",
    ] {
        let (_directory, store) = tampered(sql).await;
        let read = store.tenant(&tenant("contoso", true).id).await;
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{sql}: {read:?}");
    }
    for sql in ["UPDATE item SET digest = zeroblob(16)", "DELETE FROM item"] {
        let (_directory, store) = tampered(sql).await;
        let read = store.snapshot().await;
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{sql}: {read:?}");
    }
}

#[tokio::test]
async fn the_history_and_the_revision_cannot_be_turned_back() {
    let (directory, store) = tampered("UPDATE item SET revision = revision").await;
    for sql in [
        "UPDATE event SET document = '{}'",
        "DELETE FROM event",
        "UPDATE revision SET number = 0",
        "UPDATE revision SET epoch = 0",
        "UPDATE revision SET time_floor_ms = 0",
        "UPDATE revision SET next_number = 1",
        "DELETE FROM revision",
    ] {
        assert!(tamper(&directory.path().join("lockbox.db"), sql).await.is_err(), "{sql}");
    }
    assert_eq!(store.revision().await.unwrap().number, 1);
}
