//! Single scenes that chance comes upon too rarely: each is one design decision, and fails without it.

use super::model::{Change, Model};
use super::record::{Database, Way};
use super::time::{NodeClock, TrueTime};
use super::{authority::commit, chance::Chance, sidecar};
use core::time::Duration;
use lockbox::clock::{AuthorityTime, Boot, Clock, SystemClock};
use lockbox::domain::{StateName, Timestamp};
use lockbox::manage_requests::Effects as _;
use lockbox::renewal::{Body, Fleet, Own, Piece, Renew as _, RenewError, RenewRequest, View};
use lockbox::state::{Lease, LeaseSettings, Memory, State, StateItem};
use lockbox::store::Revision;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const SECOND: Duration = Duration::from_secs(1);
const NOW_MS: i64 = 1_795_339_800_000;

fn clock() -> Arc<NodeClock> {
    Arc::new(NodeClock::new(TrueTime::begin(), Timestamp::from_ms(NOW_MS), (1_000_000, 1_000_000)))
}

/// An authority over a record of its own clock.
struct Scene {
    database: Arc<Database>,
    model: Model,
}

struct Up {
    fleet: Arc<Fleet>,
    way: Arc<Way>,
}

impl Scene {
    fn new(shared: bool) -> Self {
        Self { database: Arc::new(Database::new(shared.then(clock))), model: Model::default() }
    }

    async fn up(&self, id: &str) -> Up {
        let way = Arc::new(Way::new(Arc::clone(&self.database), Chance::new(1)));
        let clock = clock() as Arc<dyn Clock>;
        let time = Arc::new(AuthorityTime::starting_at(Timestamp::from_ms(NOW_MS), Arc::clone(&clock)));
        let own = Own { id: id.to_owned(), address: id.to_owned() };
        let fleet = Fleet::new(Arc::clone(&way) as _, clock, time, LeaseSettings::default(), own);
        fleet.prepare().await.unwrap();
        Up { fleet: Arc::new(fleet), way }
    }

    async fn change(&mut self, change: Change) -> Revision {
        let now = Timestamp::from_ms(NOW_MS);
        let mut items: Vec<_> = self.model.make(change, now);
        if matches!(change, Change::Grant(..)) {
            items.extend(self.model.first().into_iter().map(Ok));
        }
        commit(&self.database.now(), now, items, false).await.unwrap()
    }
}

fn request(sidecar: &str, incarnation: &str, nonce: u64, holds: Option<(u64, u64)>) -> RenewRequest {
    RenewRequest {
        sidecar: sidecar.to_owned(),
        incarnation: incarnation.to_owned(),
        nonce,
        holds,
        view: View::default(),
        lease: LeaseSettings::default().reckoned(),
        policy_digest: String::new(),
        log_sequence: None,
        first_uses: Vec::new(),
    }
}

/// Renews until the end of the answer; gives the revision it leads to.
async fn renewed(fleet: &Fleet, request: RenewRequest) -> Result<u64, RenewError> {
    match fleet.renew(request).await?.body {
        Body::Changes(_, end) => Ok(end.revision),
        Body::Snapshot(mut pieces) => loop {
            if let Piece::End(end) = pieces.next().await? {
                return Ok(end.revision);
            }
        },
    }
}

/// How long `effective` takes in true time.
async fn effective_after(fleet: &Fleet, revision: Revision) -> Duration {
    let began = TrueTime::begin();
    fleet.effective(revision).await;
    began.now()
}

#[tokio::test(start_paused = true)]
async fn an_end_waits_for_leases_that_were_given_before_a_restart() {
    let mut scene = Scene::new(false);
    scene.change(Change::Grant(0, 60_000)).await;
    let before = scene.up("first").await;
    renewed(&before.fleet, request("s", "1", 1, None)).await.unwrap();
    drop(before);
    // Killed and up again at once: it has heard nobody, but `s` holds a lease for almost three seconds yet.
    let after = scene.up("second").await;
    let revision = scene.change(Change::End(0, StateName::Revoked)).await;
    assert!(effective_after(&after.fleet, revision).await >= 3 * SECOND);
}

/// The backup was made before the sidecar came, and before the authority that gave it its lease was listed.
#[tokio::test(start_paused = true)]
async fn an_end_waits_for_leases_that_a_restored_record_does_not_know_of() {
    for shared in [false, true] {
        let mut scene = Scene::new(shared);
        scene.change(Change::Grant(0, 60_000)).await;
        let backup = scene.database.now().copy();
        let before = scene.up("first").await;
        renewed(&before.fleet, request("s", "1", 1, None)).await.unwrap();
        drop(before);
        scene.database.restore(&backup);
        let now = Timestamp::from_ms(NOW_MS);
        let recovered = commit(&scene.database.now(), now, scene.model.end_all(now), true).await.unwrap();
        let after = scene.up("second").await;
        assert!(effective_after(&after.fleet, recovered).await >= 3 * SECOND, "shared: {shared}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_run_does_not_acknowledge_for_another_of_the_same_name() {
    let mut scene = Scene::new(false);
    scene.change(Change::Grant(0, 60_000)).await;
    let up = scene.up("only").await;
    // Until then it counts on leases of before its start, whoever acknowledges what.
    tokio::time::sleep(4 * SECOND).await;
    renewed(&up.fleet, request("s", "old", 1, None)).await.unwrap();
    let revision = scene.change(Change::End(0, StateName::Revoked)).await;
    let held = renewed(&up.fleet, request("s", "new", 1, None)).await.unwrap();
    let up_to = Some((revision.epoch, held));
    renewed(&up.fleet, request("s", "new", 2, up_to)).await.unwrap();
    assert!(effective_after(&up.fleet, revision).await >= 2 * SECOND, "the old run has not said that it knows");
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_nobody_can_see_gives_no_lease() {
    let mut scene = Scene::new(true);
    scene.change(Change::Grant(0, 60_000)).await;
    let up = scene.up("unseen").await;
    renewed(&up.fleet, request("s", "1", 1, None)).await.unwrap();
    // Nothing keeps its row fresh; the record itself can be read all the time.
    tokio::time::sleep(4 * SECOND).await;
    up.fleet.status().await.unwrap();
    let refused = renewed(&up.fleet, request("s", "1", 2, None)).await;
    assert!(matches!(&refused, Err(RenewError::Unlisted(why)) if why.contains("write to the record")), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_answered_was_read_after_the_renewal_came() {
    let mut scene = Scene::new(true);
    let first = scene.change(Change::Grant(0, 60_000)).await;
    let up = scene.up("only").await;
    let holds = Some((first.epoch, first.number));
    // Nobody tells this authority of what another one has committed.
    let revision = scene.change(Change::End(0, StateName::Revoked)).await;
    assert_eq!(renewed(&up.fleet, request("s", "1", 1, holds)).await.unwrap(), revision.number);
    // One that cannot read the record has nothing to say.
    up.way.cut(true);
    renewed(&up.fleet, request("s", "1", 2, holds)).await.unwrap_err();
}

/// Wherever the way to the record hangs: a look that has begun before a renewal came is none for it.
#[tokio::test(start_paused = true)]
async fn a_look_that_was_under_way_does_not_count() {
    for steps in 1..8 {
        let mut scene = Scene::new(true);
        let first = scene.change(Change::Grant(0, 60_000)).await;
        let up = scene.up("only").await;
        let renew = |nonce| {
            let (fleet, holds) = (Arc::clone(&up.fleet), Some((first.epoch, first.number)));
            tokio::spawn(async move { renewed(&fleet, request("s", "1", nonce, holds)).await.unwrap() })
        };
        // Registered, so that the look is what comes first.
        renew(1).await.unwrap();
        up.way.steps_left.store(steps, Ordering::Relaxed);
        let under_way = renew(2);
        tokio::time::sleep(SECOND / 10).await;
        let revision = scene.change(Change::End(0, StateName::Revoked)).await;
        let after = renew(3);
        tokio::time::sleep(SECOND / 10).await;
        up.way.still.open();
        assert_eq!(after.await.unwrap(), revision.number, "hung at step {steps}");
        assert!(under_way.await.unwrap() <= revision.number);
    }
}

fn grant_of(model: &mut Model) -> Vec<StateItem> {
    let mut items = model.first();
    items.extend(model.make(Change::Grant(0, 600_000), Timestamp::from_ms(NOW_MS)).into_iter().map(Result::unwrap));
    items
}

fn memory(items: &[StateItem], epoch: u64, revision: u64) -> Memory {
    let items: Vec<_> = items.iter().map(|item| (item.clone(), item.encode().unwrap().digest)).collect();
    let hash = items.iter().fold(0_u128, |sum, (_, digest)| sum.wrapping_add(*digest));
    Memory::from_snapshot(items, epoch, revision, hash).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_cached_of_one_epoch_is_no_answer_in_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, state) = (clock(), Arc::new(State::default()));
    let evaluate = sidecar::data_path(Arc::clone(&state), Arc::clone(&clock) as _, sidecar::log(dir.path()), 1);
    let lease = || {
        let (boot, wall) = (clock.boot(), clock.wall());
        Lease::new(boot, boot, wall, wall, LeaseSettings::default())
    };
    let mut model = Model::default();
    let items = grant_of(&mut model);
    state.replace(memory(&items, 1, 7), lease());
    assert!(sidecar::asked(&evaluate, 0).await.unwrap().decision().allows());
    // The record was restored, and has come to the same revision with another content.
    let without: Vec<_> = items.into_iter().filter(|item| !matches!(item, StateItem::Access(_))).collect();
    state.replace(memory(&without, 2, 7), lease());
    assert!(!sidecar::asked(&evaluate, 0).await.unwrap().decision().allows());
}

/// L is true time: a clock at the slow end of what ρ admits must not stretch it.
#[tokio::test(start_paused = true)]
async fn a_slow_clock_holds_no_lease_for_longer_than_l() {
    let dir = tempfile::tempdir().unwrap();
    let slow = (1_000_000, 900_000);
    let clock = Arc::new(NodeClock::new(TrueTime::begin(), Timestamp::from_ms(NOW_MS), slow));
    let state = Arc::new(State::default());
    let evaluate = sidecar::data_path(Arc::clone(&state), Arc::clone(&clock) as _, sidecar::log(dir.path()), 1);
    let (boot, wall) = (clock.boot(), clock.wall());
    let lease = Lease::new(boot, boot, wall, wall, LeaseSettings::default());
    state.replace(memory(&grant_of(&mut Model::default()), 1, 7), lease);
    tokio::time::sleep(3 * SECOND - SECOND / 100).await;
    assert!(sidecar::asked(&evaluate, 0).await.unwrap().decision().allows());
    tokio::time::sleep(SECOND / 100).await;
    assert!(!sidecar::asked(&evaluate, 0).await.unwrap().decision().allows());
}

#[test]
fn a_memory_never_goes_back() {
    let items = grant_of(&mut Model::default());
    let mut memory = memory(&items, 1, 7);
    let hash = items.iter().fold(0_u128, |sum, item| sum.wrapping_add(item.encode().unwrap().digest));
    assert!(memory.apply(Vec::new(), 6, hash).is_err());
    assert!(memory.apply(Vec::new(), 7, hash).is_ok());
}

/// Tells the parent what the clock shows; see below.
#[test]
#[ignore = "started by the_boot_clock_counts_through_suspend"]
fn shows_the_boot_clock() {
    println!("boot {}", SystemClock.boot().as_ns());
}

/// In a time namespace whose CLOCK_BOOTTIME is a day ahead, as after a day of suspend, CLOCK_MONOTONIC is not.
#[test]
fn the_boot_clock_counts_through_suspend() {
    let own = std::env::current_exe().unwrap();
    let mut unshare = std::process::Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--time", "--fork", "--boottime", "86400"]).arg(own);
    unshare.args(["--exact", "directed::shows_the_boot_clock", "--ignored", "--nocapture"]);
    let told = unshare.output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let told = told.ok().and_then(|told| told.split_once("boot ")?.1.lines().next()?.parse().ok());
    let Some(told) = told.map(Boot::from_ns) else {
        // Where namespaces are forbidden the clock's name in src/clock.rs is all there is.
        return eprintln!("NOT TRIED: this machine gives no time namespace");
    };
    assert!(told.since(SystemClock.boot()) > Duration::from_secs(86_000), "{told:?}");
}
