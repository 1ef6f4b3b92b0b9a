//! Who is waited for: runs of sidecars, other authorities' rows, the register; and a snapshot while changes commit.

use super::super::members::Members;
use super::super::peers::{PeerRow, Peers};
use super::super::registry::{EMBEDDED, Registry};
use super::{facts, request, world};
use crate::clock::{Boot, Clock, SteppedClock};
use crate::domain::{Attributes, PersonId, TenantFacts, TenantId, Timestamp};
use crate::renewal::{Body, Piece, Renew as _, RenewError, RenewRequest};
use crate::state::{LeaseSettings, StateItem};
use crate::store::{Item, MemoryStore, Note, NoteKind, Store};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

const OVER: Duration = Duration::from_millis(3300);

fn lagging(members: &Members, number: u64, boot: Boot) -> Vec<String> {
    members.lagging(1, number, boot).into_iter().map(|((_, incarnation), _)| incarnation).collect()
}

#[test]
fn a_run_is_waited_for_until_it_acknowledges_or_its_lease_is_over() {
    let (mut members, at) = (Members::new(OVER), Boot::from_ms);
    let hear = |members: &mut Members, request: RenewRequest, at: Boot| {
        members.hear(&request, at);
        members.acknowledge(&request);
    };
    hear(&mut members, request("s", "old", None), at(0));
    hear(&mut members, request("s", "new", Some((1, 7))), at(1000));
    assert_eq!(lagging(&members, 7, at(1000)), ["old"], "a run acknowledges for itself alone");
    assert_eq!(lagging(&members, 8, at(1000)), ["new", "old"]);
    hear(&mut members, request("s", "new", Some((1, 9))), at(2000));
    // Played again, or late: what was acknowledged stays so, and it is heard.
    hear(&mut members, request("s", "new", Some((1, 5))), at(3000));
    assert_eq!(lagging(&members, 9, at(3000)), ["old"]);
    assert_eq!(lagging(&members, 9, at(3299)), ["old"]);
    assert!(lagging(&members, 9, at(3300)).is_empty(), "its last lease is over");
    assert_eq!(lagging(&members, 10, at(6299)), ["new"]);
    assert_eq!(members.lagging(2, 1, at(6299)).len(), 1, "a later epoch is later, whatever its number");
    assert_eq!(members.shown(at(6299)).len(), 2, "operators still see it");
}

#[test]
fn runs_of_before_are_counted_on_until_their_leases_are_over() {
    let mut members = Members::new(OVER);
    assert!(!members.unknown(Boot::from_ms(5)));
    members.others_before(Boot::from_ms(1000), OVER);
    assert!(members.unknown(Boot::from_ms(4299)) && !members.unknown(Boot::from_ms(4300)));
}

struct Two {
    store: Arc<dyn Store>,
    clock: Arc<SteppedClock>,
    own: Peers,
    other: Peers,
}

fn two() -> Two {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let clock = Arc::new(SteppedClock::at(Timestamp::from_ms(0)));
    let peers = |name: &str| {
        let clock = Arc::clone(&clock) as Arc<dyn Clock>;
        Peers::new(Arc::clone(&store), clock, LeaseSettings::default(), name.to_owned())
    };
    Two { own: peers("own"), other: peers("other"), store: Arc::clone(&store), clock }
}

impl Two {
    async fn waits_for(&self, number: u64, has: &[&str]) -> Vec<String> {
        self.own.unsettled(1, number, |(_, incarnation)| has.contains(&incarnation.as_str())).await.unwrap()
    }
}

fn row(observed: u64, laggards: &[(&str, Option<(u64, u64)>)]) -> PeerRow {
    let laggards = laggards.iter().map(|(run, holds)| ("s".to_owned(), (*run).to_owned(), *holds)).collect();
    PeerRow { epoch: 1, observed, laggards, ..PeerRow::default() }
}

#[tokio::test]
async fn another_authority_is_waited_for_until_its_row_says_that_its_sidecars_know() {
    let two = two();
    two.own.write(row(0, &[("own", None)])).await.unwrap();
    assert!(two.waits_for(5, &[]).await.is_empty(), "an authority does not wait for its own row");
    two.other.write(row(4, &[])).await.unwrap();
    assert_eq!(two.waits_for(5, &[]).await, ["other"], "it has not seen the revision");
    two.other.write(row(5, &[("a", None), ("b", Some((1, 4))), ("c", Some((1, 5)))])).await.unwrap();
    assert_eq!(two.waits_for(5, &["a"]).await, ["other"], "b has not acknowledged anywhere");
    assert!(two.waits_for(5, &["a", "b"]).await.is_empty(), "both have, here");
    two.other.write(PeerRow { more: true, ..row(9, &[]) }).await.unwrap();
    assert_eq!(two.waits_for(5, &[]).await, ["other"], "it has more laggards than it can name");
    let note = Note { kind: NoteKind::Authority, key: "other".to_owned(), document: "{}".to_owned(), expires_at: None };
    two.store.put_note(note).await.unwrap();
    assert_eq!(two.waits_for(5, &[]).await, ["other"], "a row that cannot be read is waited for");
}

#[tokio::test]
async fn a_row_that_stands_still_is_outwaited_and_one_that_moves_never() {
    let two = two();
    // Twice L on the slowest clock, seen from the fastest: 6 s · 1.1 / 0.9.
    let over = LeaseSettings::default().outwaited(Duration::from_secs(6));
    two.other.write(row(0, &[])).await.unwrap();
    assert_eq!(two.waits_for(5, &[]).await, ["other"]);
    assert!(two.other.listed());
    two.clock.advance(Duration::from_secs(3));
    assert!(!two.other.listed(), "it gives leases for as long as one lasts after its row");
    two.clock.advance(over - Duration::from_secs(3) - Duration::from_millis(1));
    assert_eq!(two.waits_for(5, &[]).await, ["other"]);
    two.clock.advance(Duration::from_millis(1));
    assert!(two.waits_for(5, &[]).await.is_empty(), "every lease under it is over");
    two.other.write(row(0, &[])).await.unwrap();
    assert_eq!(two.waits_for(5, &[]).await, ["other"], "it is back");
    two.clock.advance(over.saturating_mul(2));
    two.own.bury().await.unwrap();
    assert!(two.store.notes(NoteKind::Authority, "").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_sidecar_is_registered_once_and_one_that_was_taken_off_gets_nothing() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (here, there) = (Registry::new(Arc::clone(&store)), Registry::new(Arc::clone(&store)));
    here.admit(EMBEDDED, Timestamp::from_ms(1)).await.unwrap();
    assert!(!here.any(), "the one within needs no entry");
    here.admit("s", Timestamp::from_ms(5)).await.unwrap();
    there.admit("s", Timestamp::from_ms(9)).await.unwrap();
    assert_eq!(there.all().await.unwrap()["s"].at_ms, 5, "it was registered elsewhere");
    let by = PersonId::parse("olga@provider.example").unwrap();
    assert!(!there.admit_again("nobody").await.unwrap());
    assert!(!there.remove("nobody", &by, Timestamp::from_ms(20)).await.unwrap());
    assert!(there.remove("s", &by, Timestamp::from_ms(20)).await.unwrap());
    here.refresh(Boot::default()).await.unwrap();
    let refused = here.admit("s", Timestamp::from_ms(21)).await;
    assert!(matches!(&refused, Err(RenewError::Refused(why)) if why.contains(by.as_str())), "{refused:?}");
    assert!(here.admit_again("s").await.unwrap());
    here.admit("s", Timestamp::from_ms(22)).await.unwrap();
    let late = Registry::new(store);
    late.refresh(Boot::default()).await.unwrap();
    assert!(late.any(), "one is registered, whoever heard it");
}

#[tokio::test]
async fn who_was_taken_off_stays_off_through_an_upgrade_and_back() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    // As versions before the list of those who were taken off have written it.
    let document = r#"{"at_ms":5,"removed":[20,"olga@provider.example"]}"#.to_owned();
    let before = Note { kind: NoteKind::Sidecar, key: "s".to_owned(), document, expires_at: None };
    store.put_note(before.clone()).await.unwrap();
    let (here, there) = (Registry::new(Arc::clone(&store)), Registry::new(Arc::clone(&store)));
    for registry in [&here, &there] {
        registry.refresh(Boot::default()).await.unwrap();
    }
    for _ in 0..2 {
        let refused = here.admit("s", Timestamp::from_ms(21)).await;
        assert!(matches!(&refused, Err(RenewError::Refused(why)) if why.contains("olga")), "{refused:?}");
        here.refresh(Boot::default()).await.unwrap();
    }
    there.refresh(Boot::default()).await.unwrap();
    there.admits("s").unwrap_err();
    assert!(here.admit_again("s").await.unwrap());
    here.admit("s", Timestamp::from_ms(22)).await.unwrap();
    let kept = async || store.note(NoteKind::Sidecar, "s").await.unwrap().unwrap();
    assert_eq!(kept().await.document, r#"{"at_ms":5}"#);
    let by = PersonId::parse("olga@provider.example").unwrap();
    assert!(here.remove("s", &by, Timestamp::from_ms(20)).await.unwrap());
    assert_eq!(kept().await, before, "versions before read it too");
}

/// More than two pages of a snapshot, and a change of each kind between any two pieces.
#[tokio::test]
async fn a_snapshot_while_changes_commit_is_the_record() {
    let world = world();
    let name = |number: u32| TenantId::parse(&format!("t{number:05}")).unwrap();
    let tenant = |number, lockbox| {
        StateItem::Tenant(TenantFacts { id: name(number), lockbox, attributes: Attributes::new().into() })
    };
    let put = |item: StateItem| {
        let encoded = item.encode().unwrap();
        Item { key: encoded.key, payload: Some(encoded.payload), digest: encoded.digest }
    };
    let commit = async |items: Vec<Item>| {
        let mut transaction = world.store.begin(Timestamp::from_ms(0)).await.unwrap();
        for item in items {
            transaction.put_item(item).await.unwrap();
        }
        transaction.commit().await.unwrap()
    };
    commit((0..4500).map(|number| put(tenant(number, true))).collect()).await;
    let answer = world.fleet.renew(request("s", "1", None)).await.unwrap();
    let Body::Snapshot(mut pieces) = answer.body else { panic!("a sidecar that holds nothing is told everything") };
    let (mut held, mut round) = (BTreeMap::new(), 0);
    let end = loop {
        match pieces.next().await.unwrap() {
            Piece::Items(items) => held.extend(items.into_iter().map(|item| (item.key.to_string(), item.payload))),
            Piece::End(end) => break end,
        }
        round += 1;
        let gone = Item { key: StateItem::tenant_key(&name(round)), payload: None, digest: 0 };
        let late = put(tenant(9000 + round, true));
        commit(vec![gone, put(tenant(4400 + round, false)), put(tenant(100 + round, false)), late, put(facts(true))])
            .await;
        // Another renewal brings the mirror up meanwhile.
        world.fleet.renew(request("other", "1", None)).await.unwrap();
    };
    assert!(round >= 3, "it came in {round} pieces");
    held.retain(|_, payload| payload.is_some());
    // What was committed after the last piece of items is not in it; its revision says so.
    let (mut record, revision) = world.store.snapshot().await.unwrap();
    assert_eq!(end.revision + 1, revision.number);
    let last = [100 + round, 4400 + round, 9000 + round, round].map(|number| StateItem::tenant_key(&name(number)));
    record.retain(|item| !last.contains(&item.key));
    held.retain(|key, _| !last.contains(key));
    let record: BTreeMap<_, _> = record.into_iter().map(|item| (item.key, item.payload.map(Arc::from))).collect();
    assert_eq!(held, record);
}
