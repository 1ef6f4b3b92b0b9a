//! `[lease]` is lowered: what was given before, or is given by others, is waited for by the numbers it was given with.
//! And what an authority must know lately before it gives leases.

use super::super::peers::{PeerRow, Peers};
use super::super::registry::STALE_MAX;
use super::{facts, put, request};
use crate::clock::{AuthorityTime, Clock, SteppedClock};
use crate::domain::{PersonId, Timestamp};
use crate::manage_requests::Effects as _;
use crate::renewal::{Fleet, Own, Renew as _, RenewError, RenewRequest};
use crate::state::LeaseSettings;
use crate::store::{MemoryStore, NoteKind, Revision, SqliteSettings, SqliteStore, Store};
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::Arc;

/// L = 60 s, ρ = 0.1: after 66 s all of them are over.
const LONG: LeaseSettings =
    LeaseSettings { lease: Duration::from_secs(60), hold: Duration::from_millis(10), drift_ppm_max: 100_000 };
/// L = 3 s, ρ = 0.1.
const SHORT: LeaseSettings = LeaseSettings { lease: Duration::from_secs(3), ..LONG };

/// A first renewal of a sidecar that reckons so.
fn asks(sidecar: &str, settings: LeaseSettings) -> RenewRequest {
    RenewRequest { lease: settings.reckoned(), ..request(sidecar, "1", None) }
}

struct Host {
    store: Arc<dyn Store>,
    clock: Arc<SteppedClock>,
}

impl Host {
    fn of(store: MemoryStore) -> Self {
        Self { store: Arc::new(store), clock: Arc::new(SteppedClock::at(Timestamp::from_ms(0))) }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as Arc<dyn Clock>
    }

    async fn authority(&self, settings: LeaseSettings, run: &str) -> Fleet {
        let time = Arc::new(AuthorityTime::starting_at(Timestamp::from_ms(0), self.clock()));
        let own = Own { id: run.to_owned(), address: String::new() };
        let fleet = Fleet::new(Arc::clone(&self.store), self.clock(), time, settings, own);
        fleet.prepare().await.unwrap();
        fleet
    }

    async fn change(&self, lockbox: bool) -> Revision {
        put(self.store.as_ref(), &facts(lockbox)).await
    }

    /// Whether a change is effective by now.
    async fn is_effective(&self, fleet: &Fleet, revision: Revision) -> bool {
        // Its naps are tokio's, which pass by themselves here; the clock that it goes by is stepped.
        tokio::time::timeout(Duration::from_millis(200), fleet.effective(revision)).await.is_ok()
    }
}

#[tokio::test(start_paused = true)]
async fn who_starts_with_a_shorter_lease_waits_for_the_longer_ones_of_before() {
    let host = Host::of(MemoryStore::new());
    let before = host.authority(LONG, "before").await;
    host.change(true).await;
    before.renew(asks("s", LONG)).await.unwrap();
    drop(before);

    let after = host.authority(SHORT, "after").await;
    let refused = after.renew(asks("s", LONG)).await.map(drop);
    assert!(matches!(&refused, Err(RenewError::Refused(why)) if why.contains("[lease]")), "{refused:?}");
    let revoked = host.change(false).await;
    assert!(after.certainly_effective_at().await >= Timestamp::from_ms(66_000));
    for seconds in [4, 61] {
        host.clock.advance(Duration::from_secs(seconds));
        assert!(!host.is_effective(&after, revoked).await, "the sidecar may still hold a lease of before");
    }
    // Started anew in between, it still knows.
    let again = host.authority(SHORT, "again").await;
    assert!(!host.is_effective(&again, revoked).await);
    host.clock.advance(Duration::from_millis(1_100));
    assert!(host.is_effective(&after, revoked).await, "all of them are over");
    assert!(!host.is_effective(&again, revoked).await, "this one does not know when the last was given");
    host.clock.advance(Duration::from_secs(66));
    assert!(host.is_effective(&again, revoked).await);
}

#[tokio::test(start_paused = true)]
async fn once_the_longer_leases_are_over_a_start_waits_for_the_shorter_ones_alone() {
    let host = Host::of(MemoryStore::new());
    host.change(true).await;
    host.authority(LONG, "before").await;
    let after = host.authority(SHORT, "after").await;
    host.clock.advance(Duration::from_secs(67));
    let noted = async || host.store.notes(NoteKind::Lease, "").await.unwrap().pop().unwrap().document;
    assert!(noted().await.contains("66001"));
    let _kept_until = tokio::time::timeout(Duration::from_millis(1_500), after.keep()).await;
    assert!(noted().await.contains("3301"), "{}", noted().await);
    let next = host.authority(SHORT, "next").await;
    let at = next.certainly_effective_at().await.since(Timestamp::from_ms(67_000));
    assert!(at < Duration::from_secs(4), "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn another_authority_is_waited_for_by_the_lease_that_it_reckons_with() {
    let host = Host::of(MemoryStore::new().shared());
    let peers = |settings, name: &str| Peers::new(Arc::clone(&host.store), host.clock(), settings, name.to_owned());
    let (own, other) = (peers(SHORT, "own"), peers(LONG, "other"));
    let began = host.clock.boot();
    other.write(PeerRow { epoch: 1, ..PeerRow::default() }).await.unwrap();
    let waits = async || own.unsettled(1, 5, |_| false).await.unwrap();
    assert_eq!(waits().await, ["other"]);
    assert_eq!(own.certainly_over(began).await, Duration::from_secs(66), "the longest that anybody reckons with");
    // Twice L on the slowest clock, seen from the fastest.
    let over = LONG.outwaited(Duration::from_secs(120));
    host.clock.advance(over - Duration::from_millis(1));
    assert_eq!(waits().await, ["other"]);
    host.clock.advance(Duration::from_millis(1));
    assert!(waits().await.is_empty());
}

#[tokio::test]
async fn while_nobody_can_be_asked_the_longest_lease_that_there_can_be_is_reckoned_with() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("lockbox.db"), SqliteSettings::default()).await.unwrap();
    let clock = Arc::new(SteppedClock::at(Timestamp::from_ms(0)));
    let (shared, dyn_clock) = (Arc::new(store.clone()), Arc::clone(&clock) as Arc<dyn Clock>);
    let peers = Peers::new(shared, dyn_clock, SHORT, "own".to_owned());
    peers.write(PeerRow::default()).await.unwrap();
    let before = clock.boot();
    assert_eq!(peers.certainly_over(before).await, SHORT.certainly_over());
    store.close().await;
    assert_eq!(peers.certainly_over(before).await, SHORT.certainly_over(), "they have been asked since");
    clock.advance(Duration::from_secs(1));
    assert_eq!(peers.certainly_over(clock.boot()).await, Duration::from_secs(90));
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_while_it_is_buried_stays() {
    let host = Host::of(MemoryStore::new().shared());
    let peers = |name: &str| Peers::new(Arc::clone(&host.store), host.clock(), SHORT, name.to_owned());
    let (own, other) = (peers("own"), peers("other"));
    other.write(PeerRow::default()).await.unwrap();
    let found = own.rows().await.unwrap().pop().unwrap();
    // The second try says something else than the first, whatever became of that.
    other.write(PeerRow::default()).await.unwrap();
    assert_ne!(own.rows().await.unwrap().pop().unwrap().row.beat, found.row.beat);
    assert!(!host.store.drop_note(&found.note).await.unwrap(), "it is not as it was found");
    assert_eq!(own.rows().await.unwrap().len(), 1);

    // The one that is back writes while the other one is about to bury it.
    host.clock.advance(SHORT.outwaited(SHORT.lease.saturating_mul(4)));
    let nobody_writes = host.store.begin(Timestamp::from_ms(0)).await.unwrap();
    let mut back = pin!(other.write(PeerRow::default()));
    let mut burial = pin!(own.bury());
    let mut context = Context::from_waker(Waker::noop());
    assert!(back.as_mut().poll(&mut context).is_pending() && burial.as_mut().poll(&mut context).is_pending());
    drop(nobody_writes);
    back.await.unwrap();
    burial.await.unwrap();
    assert_eq!(own.rows().await.unwrap().pop().unwrap().row, other.last().unwrap());
}

/// A write whose answer is never heard was made, or not: the next one is told from it either way.
#[tokio::test(start_paused = true)]
async fn every_try_to_say_that_one_is_there_says_another_number() {
    let host = Host::of(MemoryStore::new().shared());
    let peers = Peers::new(Arc::clone(&host.store), host.clock(), SHORT, "own".to_owned());
    peers.write(PeerRow::default()).await.unwrap();
    {
        let _nobody_else_writes = host.store.begin(Timestamp::from_ms(0)).await.unwrap();
        let mut given_up = pin!(peers.write(PeerRow::default()));
        assert!(matches!(given_up.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    }
    peers.write(PeerRow::default()).await.unwrap();
    assert_eq!(peers.last().unwrap().beat, 3);
}

#[tokio::test(start_paused = true)]
async fn who_cannot_read_the_list_of_the_removed_gives_no_leases_after_a_while() {
    let host = Host::of(MemoryStore::new().shared());
    let fleet = host.authority(SHORT, "own").await;
    fleet.renew(asks("s", SHORT)).await.unwrap();
    host.clock.advance(STALE_MAX);
    let peers = fleet.peers.as_ref().unwrap();
    peers.write(PeerRow::default()).await.unwrap();
    let refused = fleet.renew(asks("s", SHORT)).await.map(drop);
    assert!(matches!(&refused, Err(RenewError::Unlisted(why)) if why.contains("taken off")), "{refused:?}");
    fleet.status().await.unwrap();
    fleet.renew(asks("s", SHORT)).await.unwrap();

    // An entry that another version wrote takes off whom it names, and nobody else.
    let olga = PersonId::parse("olga@provider.example").unwrap();
    fleet.remove("s", &olga).await.unwrap().unwrap();
    let mut note = host.store.note(NoteKind::RemovedSidecar, "s").await.unwrap().unwrap();
    note.document = r#"{"of":"another version"}"#.to_owned();
    host.store.put_note(note).await.unwrap();
    fleet.status().await.unwrap();
    let refused = fleet.renew(asks("s", SHORT)).await.map(drop);
    assert!(matches!(&refused, Err(RenewError::Refused(why)) if why.contains("cannot be read")), "{refused:?}");
    fleet.renew(asks("t", SHORT)).await.unwrap();
}

/// One that cannot take what is demanded asks again and again: it is heard, it never knows, and its lease is over.
#[tokio::test(start_paused = true)]
async fn who_is_heard_and_never_knows_is_waited_for_as_long_as_a_lease_lasts() {
    let host = Host::of(MemoryStore::new().shared());
    let fleet = host.authority(SHORT, "own").await;
    let revoked = host.change(false).await;
    let mut effective = pin!(fleet.effective(revoked));
    for _ in 0..4 {
        fleet.members().hear(&asks("s", SHORT), host.clock.boot());
        let by_now = tokio::time::timeout(Duration::from_millis(200), effective.as_mut()).await;
        assert!(by_now.is_err(), "it may still hold a lease");
        host.clock.advance(Duration::from_millis(825));
    }
    fleet.members().hear(&asks("s", SHORT), host.clock.boot());
    tokio::time::timeout(Duration::from_millis(200), effective).await.expect("L(1 + ρ) is over");
}
