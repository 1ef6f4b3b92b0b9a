//! How fast the file is, on the machine at hand: run by name, with its output shown.
#![expect(clippy::disallowed_methods, reason = "measures how long something takes, and decides nothing by it")]

use super::fixtures::{at, event, in_state, item, submitted, tenant, then};
use super::sqlite;
use crate::domain::{AccessRequest, AccessRequestId, Command, Notice, NoticeKind, StateName, Timestamp};
use crate::store::{Item, Store as _};
use std::time::Instant;

/// An active AccessRequest of another number; made once, for making is not what is measured.
fn numbered(active: &AccessRequest, number: u64) -> AccessRequest {
    let mut renumbered = active.clone();
    renumbered.id = AccessRequestId::new(number);
    if let crate::domain::State::Active { grant, .. } = &mut renumbered.state {
        grant.access_request = renumbered.id;
    }
    renumbered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn one_close_after_the_other() {
    const CLOSES: u64 = 2000;
    let directory = tempfile::tempdir_in(".").unwrap();
    let contoso = tenant("contoso", true);
    let store = sqlite(&directory).await;
    let active = in_state(1, &contoso, StateName::Active);
    let mut transaction = store.begin(at(0)).await.unwrap();
    for number in 1..=CLOSES {
        transaction.put_access_request(&numbered(&active, number), None).await.unwrap();
        transaction.put_item(item(&format!("grant/{number}"), &[7; 400])).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let closed = then(&active, Command::Close, &contoso, 200_000);
    let mut took_us = Vec::new();
    for number in 1..=CLOSES {
        let after = numbered(&closed, number);
        let notice = |to: &str| Notice {
            kind: NoticeKind::Ended,
            to: crate::domain::Recipient::Person(super::fixtures::person(to)),
            tenant: contoso.id.clone(),
            access_request: Some(after.id),
            at: at(0),
        };
        let began = Instant::now();
        let mut transaction = store.begin(at(0)).await.unwrap();
        let before = transaction.access_request(AccessRequestId::new(number)).await.unwrap().unwrap();
        let after = AccessRequest { id: before.id, ..closed.clone() };
        transaction.put_access_request(&renumbered_end(&after), Some(before.version)).await.unwrap();
        transaction.add_event(&event(&after)).await.unwrap();
        transaction.add_notice(&notice("ana")).await.unwrap();
        transaction.add_notice(&notice("csilla")).await.unwrap();
        let gone = Item { key: format!("grant/{number}"), payload: None, digest: 0 };
        transaction.put_item(gone).await.unwrap();
        transaction.commit().await.unwrap();
        took_us.push(began.elapsed().as_micros());
    }
    let total_us: u128 = took_us.iter().sum();
    took_us.sort_unstable();
    let at_share = |share: usize| took_us[took_us.len() * share / 100];
    println!(
        "{CLOSES} closes: {} a second, p50 {} µs, p99 {} µs",
        u128::from(CLOSES) * 1_000_000 / total_us,
        at_share(50),
        at_share(99)
    );
}

fn renumbered_end(closed: &AccessRequest) -> AccessRequest {
    let mut renumbered = closed.clone();
    if let crate::domain::State::Closed { grant, .. } = &mut renumbered.state {
        grant.access_request = renumbered.id;
    }
    renumbered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn opening_with_a_hundred_thousand_items() {
    const ITEMS: usize = 100_000;
    let directory = tempfile::tempdir_in(".").unwrap();
    let store = sqlite(&directory).await;
    let mut transaction = store.begin(Timestamp::from_ms(0)).await.unwrap();
    for number in 0..ITEMS {
        transaction.put_item(item(&format!("grant/{number:08}"), &[7; 400])).await.unwrap();
    }
    transaction.commit().await.unwrap();
    store.close().await;
    for _ in 0..3 {
        let began = Instant::now();
        let store = sqlite(&directory).await;
        let opened = began.elapsed();
        let (items, revision) = store.snapshot().await.unwrap();
        assert_eq!((items.len(), revision.number), (ITEMS, 1));
        println!("opened in {opened:?}, with a snapshot of {ITEMS} items in {:?}", began.elapsed());
        let _ = store.ping().await;
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn a_hundred_thousand_accesses() {
    use crate::store::{AccessKey, Accesses as _, ToldAccess};
    const ACCESSES: u64 = 100_000;
    let directory = tempfile::tempdir_in(".").unwrap();
    let store = sqlite(&directory).await;
    let contoso = tenant("contoso", true);
    let mut transaction = store.begin(at(0)).await.unwrap();
    transaction.put_tenant(&contoso, None).await.unwrap();
    transaction.put_access_request(&submitted(1001, &contoso, 0), None).await.unwrap();
    transaction.commit().await.unwrap();
    let of = AccessRequestId::new(1001);
    let told = |number: u64| ToldAccess {
        access_request: of,
        key: AccessKey {
            at: at(i64::try_from(number).unwrap()),
            decision_id: uuid::Uuid::from_u128((u128::from(number) << 80) | (7 << 76) | u128::from(number * 7919)),
        },
        sidecar: "beside-exchange-17".to_owned(),
        sequence: number + 1,
        document: "x".repeat(460),
    };
    let all: Vec<_> = (0..ACCESSES).map(told).collect();
    let began = Instant::now();
    for batch in all.chunks(100) {
        store.put_accesses(batch).await.unwrap();
    }
    println!("{ACCESSES} accesses told by the hundred: {:?}", began.elapsed());
    let began = Instant::now();
    for batch in all.chunks(100) {
        assert_eq!(store.put_accesses(batch).await.unwrap(), 0);
    }
    println!("told again: {:?}", began.elapsed());
    let began = Instant::now();
    let (mut after, mut read) = (None, 0);
    while let Some(last) = {
        let page = store.accesses(of, after, 1000).await.unwrap();
        read += page.len();
        page.last().map(|told| told.key)
    } {
        after = Some(last);
    }
    println!("read back by the thousand, {read}: {:?}", began.elapsed());
    store.close().await;
    let bytes = std::fs::metadata(directory.path().join("lockbox.db")).unwrap().len();
    println!("{} bytes an access on disk", bytes / ACCESSES);
}
