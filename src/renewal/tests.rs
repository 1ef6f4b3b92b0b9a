//! Renewal over the reference store: what comes through is believed, what is not whole is not, and a
//! change is called effective only when nobody can contradict it any more.

use super::*;
use crate::clock::{AuthorityTime, Clock, SystemClock};
use crate::domain::{Attributes, TenantFacts, TenantId, Timestamp};
use crate::manage_requests::Effects as _;
use crate::state::{LeaseSettings, State, StateItem};
use crate::store::{Item, MemoryStore, Revision, Store};
use async_trait::async_trait;
use core::time::Duration;
use std::sync::{Arc, Mutex};

mod adoption;
mod fleet;
mod lowered;
mod mirror;

/// A lease short enough to be waited out.
const SETTINGS: LeaseSettings =
    LeaseSettings { lease: Duration::from_millis(300), hold: Duration::from_millis(50), drift_ppm_max: 100_000 };

/// A renewal of a run that holds this.
pub(super) fn request(sidecar: &str, incarnation: &str, holds: Option<(u64, u64)>) -> RenewRequest {
    RenewRequest {
        sidecar: sidecar.to_owned(),
        incarnation: incarnation.to_owned(),
        nonce: 1,
        holds,
        view: View::default(),
        lease: SETTINGS.reckoned(),
        policy_digest: String::new(),
        log_sequence: None,
        first_uses: Vec::new(),
    }
}

struct World {
    store: Arc<dyn Store>,
    fleet: Arc<Fleet>,
    clock: Arc<dyn Clock>,
}

fn world() -> World {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let time = Arc::new(AuthorityTime::starting_at(Timestamp::from_ms(0), Arc::clone(&clock)));
    let fleet = Arc::new(Fleet::new(Arc::clone(&store), Arc::clone(&clock), time, SETTINGS, Own::default()));
    World { store, fleet, clock }
}

fn facts(lockbox: bool) -> StateItem {
    let id = TenantId::parse("contoso").unwrap();
    StateItem::Tenant(TenantFacts { id, lockbox, attributes: Attributes::new().into() })
}

/// Commits an item; nobody is told.
async fn put(store: &dyn Store, item: &StateItem) -> Revision {
    let mut transaction = store.begin(Timestamp::from_ms(0)).await.unwrap();
    let encoded = item.encode().unwrap();
    let item = Item { key: encoded.key, payload: Some(encoded.payload), digest: encoded.digest };
    transaction.put_item(item).await.unwrap();
    transaction.commit().await.unwrap()
}

impl World {
    async fn change(&self, lockbox: bool) -> Revision {
        self.write(&facts(lockbox)).await
    }

    async fn write(&self, item: &StateItem) -> Revision {
        let revision = put(self.store.as_ref(), item).await;
        self.fleet.committed(revision);
        revision
    }

    fn sidecar(&self, authority: Arc<dyn Renew>) -> (Arc<State>, Arc<Renewer>) {
        self.sidecar_that(authority, None)
    }

    fn sidecar_that(&self, authority: Arc<dyn Renew>, adopt: Option<Arc<dyn Adopt>>) -> (Arc<State>, Arc<Renewer>) {
        let state = Arc::new(State::default());
        let settings = RenewerSettings {
            sidecar: "beside-exchange".to_owned(),
            incarnation: "1".to_owned(),
            view: View::default(),
            lease: SETTINGS,
            retry: Duration::from_millis(1),
            report: Box::new(|| ("sha256:0".to_owned(), None)),
            adopt,
        };
        (Arc::clone(&state), Arc::new(Renewer::new(authority, state, Arc::clone(&self.clock), settings)))
    }
}

/// Waits until `holds`, looking again and again; the bound ends a broken test, it decides nothing.
async fn until(holds: impl Fn() -> bool) {
    for _ in 0..5000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("it did not come to hold");
}

#[tokio::test]
async fn a_change_is_effective_when_the_sidecar_has_it() {
    let world = world();
    world.change(true).await;
    let (state, renewer) = world.sidecar(Arc::clone(&world.fleet) as Arc<dyn Renew>);
    let running = tokio::spawn(async move { renewer.run().await });
    until(|| state.standing().revision == 1).await;
    assert!(state.standing().now(world.clock.boot()).is_some(), "it holds a lease");
    for number in 2..20 {
        let revision = world.change(number % 2 == 0).await;
        world.fleet.effective(revision).await;
        assert_eq!(state.standing().revision, number, "effective, and the sidecar does not have it");
    }
    running.abort();
}

#[tokio::test]
async fn where_nobody_listens_a_change_is_effective_at_once() {
    let world = world();
    let revision = world.change(true).await;
    assert!(!world.fleet.any_lags(revision, world.clock.boot()));
    world.fleet.effective(revision).await;
}

#[tokio::test]
async fn a_silent_sidecar_is_outwaited() {
    let world = world();
    world.change(true).await;
    let (state, renewer) = world.sidecar(Arc::clone(&world.fleet) as Arc<dyn Renew>);
    let running = tokio::spawn(async move { renewer.run().await });
    until(|| state.standing().revision == 1).await;
    running.abort();
    let _cancelled = running.await;
    let revision = world.change(false).await;
    world.fleet.effective(revision).await;
    let boot = world.clock.boot();
    assert!(state.standing().revision == 2 || state.standing().now(boot).is_none(), "it could still contradict");
    assert!(!world.fleet.any_lags(revision, boot));
}

/// Answers as it is told, to show what a sidecar does not take.
struct Forging(Mutex<Vec<Forged>>);

/// An answer; its nonce is what it is off by.
#[derive(Clone)]
struct Forged {
    nonce: u64,
    epoch: u64,
    whole: bool,
    items: Vec<WireItem>,
    revision: u64,
    state_hash: u128,
}

/// A snapshot of one piece.
struct AtOnce(Vec<Piece>);

#[async_trait]
impl Pieces for AtOnce {
    async fn next(&mut self) -> Result<Piece, RenewError> {
        Ok(self.0.remove(0))
    }
}

#[async_trait]
impl Renew for Forging {
    async fn renew(&self, request: RenewRequest) -> Result<RenewAnswer, RenewError> {
        let forged = self.0.lock().unwrap().pop();
        let Forged { nonce, epoch, whole, items, revision, state_hash } =
            forged.ok_or_else(|| RenewError::Unreachable("no more".to_owned()))?;
        let now = SystemClock.wall();
        let end = End { revision, state_hash, answered_at: now };
        let body = match whole {
            true => Body::Snapshot(Box::new(AtOnce(vec![Piece::Items(items), Piece::End(end)]))),
            false => Body::Changes(items, end),
        };
        Ok(RenewAnswer { nonce: request.nonce.wrapping_add(nonce), epoch, received_at: now, body })
    }
}

fn snapshot(epoch: u64, revision: u64, state_hash: u128, items: Vec<WireItem>) -> Forged {
    Forged { nonce: 0, epoch, whole: true, items, revision, state_hash }
}

fn changes(epoch: u64, revision: u64, state_hash: u128, items: Vec<WireItem>) -> Forged {
    Forged { whole: false, ..snapshot(epoch, revision, state_hash, items) }
}

fn wire() -> (Vec<WireItem>, u128) {
    let encoded = facts(true).encode().unwrap();
    (vec![WireItem { key: encoded.key.into(), payload: Some(encoded.payload.into()) }], encoded.digest)
}

async fn after(answers: Vec<Forged>) -> Arc<State> {
    let forging = Arc::new(Forging(Mutex::new(answers.into_iter().rev().collect())));
    let (state, renewer) = world().sidecar(Arc::clone(&forging) as Arc<dyn Renew>);
    let running = tokio::spawn(async move { renewer.run().await });
    until(|| forging.0.lock().unwrap().is_empty()).await;
    // One more round trip, so that the last answer has been taken or not.
    tokio::time::sleep(Duration::from_millis(20)).await;
    running.abort();
    let _cancelled = running.await;
    state
}

#[tokio::test]
async fn what_is_not_whole_is_not_believed() {
    let (items, hash) = wire();
    let good = || snapshot(3, 7, hash, items.clone());
    let believed = |state: &State| state.standing().now(SystemClock.boot()).is_some();
    assert!(believed(&*after(vec![good()]).await), "the good one is taken");

    let wrong_hash = snapshot(3, 7, hash.wrapping_add(1), items.clone());
    assert!(!believed(&*after(vec![wrong_hash]).await), "a snapshot that does not add up");
    let other_nonce = Forged { nonce: 1, ..good() };
    assert!(!believed(&*after(vec![other_nonce]).await), "an answer to another renewal");
    let damaged = vec![WireItem { key: "tenant/Contoso".into(), payload: items[0].payload.clone() }];
    assert!(!believed(&*after(vec![snapshot(3, 7, hash, damaged)]).await), "a name that is none");

    let lost = changes(3, 9, hash.wrapping_add(5), Vec::new());
    assert!(!believed(&*after(vec![good(), lost]).await), "changes that do not add up end the lease");
    for older in [snapshot(3, 6, hash, items.clone()), snapshot(2, 90, hash, items.clone())] {
        let state = after(vec![good(), older]).await;
        assert_eq!((state.standing().epoch, state.standing().revision), (3, 7), "it never goes back");
    }
    let foreign = changes(4, 8, hash, items.clone());
    assert_eq!(after(vec![good(), foreign]).await.standing().revision, 7, "changes of another epoch");
    let restored = snapshot(4, 1, hash, items.clone());
    assert_eq!(after(vec![good(), restored]).await.standing().epoch, 4, "a whole snapshot of a new epoch is taken");
}
