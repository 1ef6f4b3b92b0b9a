//! Random operations, on a database and on the reference model side by side: every answer is the same.
//! A failure prints the shortest sequence that shows it, and the seed.

use super::fixtures::{at, engineer, event, gone, in_state, item, page, person, tenant, tenant_id};
use super::{postgres, sqlite};
use crate::domain::{AccessRequest, AccessRequestId, Notice, NoticeKind, Recipient, StateName};
use crate::store::{AccessRequestFilter, KeptAnswer, MemoryStore, Store, StoreError, Transaction};
use core::fmt::Debug;
use proptest::collection::vec;
use proptest::prelude::*;

const HOUR_MS: i64 = 3_600_000;

#[derive(Debug, Clone)]
enum Write {
    NextId,
    AccessRequest { number: u64, state: usize, version: u64, before: Option<u64> },
    Tenant { name: u8, version: u64, before: Option<u64> },
    Engineer { name: u8, version: u64, before: Option<u64> },
    RemoveEngineer { name: u8, before: u64 },
    Event { number: u64 },
    Notice { tenant: u8 },
    Keep { caller: u8, key: u8, hours: i64 },
    Item { key: u8, content: Option<u8> },
}

#[derive(Debug, Clone)]
enum Op {
    Transaction { writes: Vec<Write>, commit: bool, ms: i64 },
    Prune(u64),
    RaiseTimeFloor(i64),
}

fn write() -> impl Strategy<Value = Write> {
    let version = || 0..4_u64;
    let before = || proptest::option::of(0..3_u64);
    prop_oneof![
        1 => Just(Write::NextId),
        4 => (1001..1005_u64, 0..10_usize, version(), before())
            .prop_map(|(number, state, version, before)| Write::AccessRequest { number, state, version, before }),
        4 => (1001..1005_u64, 0..10_usize)
            .prop_map(|(number, state)| Write::AccessRequest { number, state, version: 1, before: None }),
        2 => (0..3_u8, version(), before()).prop_map(|(name, version, before)| Write::Tenant { name, version, before }),
        2 => (0..3_u8, version(), before())
            .prop_map(|(name, version, before)| Write::Engineer { name, version, before }),
        1 => (0..3_u8, version()).prop_map(|(name, before)| Write::RemoveEngineer { name, before }),
        1 => (1001..1005_u64).prop_map(|number| Write::Event { number }),
        2 => (0..2_u8).prop_map(|tenant| Write::Notice { tenant }),
        1 => (0..2_u8, 0..2_u8, 0..60_i64).prop_map(|(caller, key, hours)| Write::Keep { caller, key, hours }),
        6 => (0..4_u8, proptest::option::of(any::<u8>())).prop_map(|(key, content)| Write::Item { key, content }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (vec(write(), 0..5), prop::bool::weighted(0.8), -5..50_i64)
            .prop_map(|(writes, commit, ms)| Op::Transaction { writes, commit, ms }),
        1 => (0..12_u64).prop_map(Op::Prune),
        1 => (-5..50_i64).prop_map(Op::RaiseTimeFloor),
    ]
}

/// What was answered, as text; of an error its kind, for the words differ.
fn answer<T: Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(StoreError::Conflict(what)) => format!("conflict {what}"),
        Err(StoreError::Corrupt { .. }) => "corrupt".to_owned(),
        Err(StoreError::Unavailable(_)) => "unavailable".to_owned(),
        Err(StoreError::Unknown(_)) => "unknown".to_owned(),
    }
}

fn access_request(number: u64, state: usize, version: u64) -> AccessRequest {
    let tenant = tenant(if number.is_multiple_of(2) { "contoso" } else { "fabrikam" }, true);
    AccessRequest { version, ..in_state(number, &tenant, StateName::ALL[state]) }
}

async fn do_write(transaction: &mut dyn Transaction, write: &Write) -> String {
    match write.clone() {
        // Which id it is, `ids_are_never_given_twice` holds; one that was not committed may come again after a
        // restart, which the model does not go through.
        Write::NextId => answer(transaction.next_access_request_id().await.map(|_| ())),
        Write::AccessRequest { number, state, version, before } => {
            answer(transaction.put_access_request(&access_request(number, state, version), before).await)
        }
        Write::Tenant { name, version, before } => {
            let after = crate::domain::Tenant { version, ..tenant(&format!("t{name}"), true) };
            answer(transaction.put_tenant(&after, before).await)
        }
        Write::Engineer { name, version, before } => {
            let after = crate::domain::Engineer { version, ..engineer(&format!("e{name}")) };
            answer(transaction.put_engineer(&after, before).await)
        }
        Write::RemoveEngineer { name, before } => {
            answer(transaction.remove_engineer(&person(&format!("e{name}")), before).await)
        }
        Write::Event { number } => answer(transaction.add_event(&event(&access_request(number, 0, 1))).await),
        Write::Notice { tenant } => {
            let tenant = tenant_id(&format!("t{tenant}"));
            let notice = Notice {
                kind: NoticeKind::Denied,
                to: Recipient::Person(person("ana")),
                tenant,
                access_request: None,
                at: at(0),
            };
            answer(transaction.add_notice(&notice).await)
        }
        Write::Keep { caller, key, hours } => {
            let access_request = AccessRequestId::new(1001);
            let kept = KeptAnswer { asked: [key; 32], access_request, at: at(hours * HOUR_MS) };
            answer(transaction.keep_answer(&person(&format!("c{caller}")), &format!("k{key}"), &kept).await)
        }
        Write::Item { key, content } => {
            let key = format!("i{key}");
            answer(transaction.put_item(content.map_or_else(|| gone(&key), |byte| item(&key, &[byte]))).await)
        }
    }
}

async fn do_op(store: &dyn Store, op: &Op) -> Vec<String> {
    match op {
        Op::Prune(up_to) => vec![answer(store.prune_tombstones(*up_to, at(0)).await)],
        Op::RaiseTimeFloor(ms) => vec![answer(store.raise_time_floor(at(*ms)).await)],
        Op::Transaction { writes, commit, ms } => {
            let mut transaction = store.begin(at(*ms)).await.unwrap();
            let mut answers = Vec::new();
            for write in writes {
                answers.push(do_write(&mut *transaction, write).await);
            }
            answers.push(answer(transaction.access_requests(&AccessRequestFilter::default(), page(None, 3)).await));
            answers.push(answer(transaction.internal_grants(&tenant_id("contoso")).await));
            answers.push(answer(transaction.revision().await));
            if *commit {
                answers.push(answer(transaction.commit().await));
            }
            answers
        }
    }
}

/// Everything a store can be asked.
pub(super) async fn everything(store: &dyn Store) -> Vec<String> {
    let mut answers = vec![answer(store.revision().await), answer(store.snapshot().await)];
    for number in 0..14 {
        for limit in [0, 2, 100] {
            answers.push(answer(store.changes_since(1, number, limit).await));
        }
    }
    for state in StateName::ALL.into_iter().map(Some).chain([None]) {
        for now in [None, Some(at(2 * HOUR_MS)), Some(at(13 * HOUR_MS))] {
            for (known_to_customer, tenant) in [(false, None), (true, Some(tenant_id("contoso")))] {
                let filter = AccessRequestFilter { state, now, known_to_customer, tenant, ..Default::default() };
                answers.push(answer(store.access_requests(&filter, page(None, 2)).await));
                answers.push(answer(store.access_requests(&filter, page(Some(AccessRequestId::new(1003)), 5)).await));
            }
        }
    }
    for hours in [0, 2, 13] {
        answers.push(answer(store.lapsed(at(hours * HOUR_MS), 2).await));
    }
    for number in 1001..1005 {
        answers.push(answer(store.access_request(AccessRequestId::new(number)).await));
        answers.push(answer(store.events(AccessRequestId::new(number)).await));
    }
    answers.push(answer(store.tenants(page(Some(tenant_id("t0")), 5)).await));
    answers.push(answer(store.engineers(page(None, 2)).await));
    answers.push(answer(store.outbox(None, page(None, 3)).await));
    answers.push(answer(store.outbox(Some(&tenant_id("t1")), page(Some(4), 3)).await));
    for (caller, key) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        answers.push(answer(store.kept_answer(&person(&format!("c{caller}")), &format!("k{key}")).await));
    }
    answers
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn the_file_answers_as_the_model_does(ops in vec(op(), 1..12)) {
        runtime().block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let mut file = sqlite(&directory).await;
            let memory = MemoryStore::new();
            for (number, op) in ops.iter().enumerate() {
                prop_assert_eq!(do_op(&file, op).await, do_op(&memory, op).await, "{:?}", op);
                prop_assert_eq!(everything(&file).await, everything(&memory).await, "after {:?}", op);
                if number % 5 == 4 {
                    file.close().await;
                    file = sqlite(&directory).await;
                }
            }
            Ok(())
        })?;
    }
}

#[test]
fn the_server_answers_as_the_model_does() {
    let database = postgres::Database::new();
    let config = ProptestConfig { cases: 12, source_file: Some(file!()), ..ProptestConfig::default() };
    proptest!(config, |(ops in vec(op(), 1..12))| {
        database.clear();
        runtime().block_on(async {
            // Two processes take turns.
            let servers = [database.open().await, database.open().await];
            let memory = MemoryStore::new();
            for (op, server) in ops.iter().zip(servers.iter().cycle()) {
                prop_assert_eq!(do_op(server, op).await, do_op(&memory, op).await, "{:?}", op);
                prop_assert_eq!(everything(server).await, everything(&memory).await, "after {:?}", op);
            }
            Ok(())
        })?;
    });
}
