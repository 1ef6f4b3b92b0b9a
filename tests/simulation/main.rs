//! The production core under a seeded simulator: real fleets, renewers, memories, leases, decision paths and caches;
//! only the network, the way to the record, the clocks and the passing of time are simulated. A run is wholly
//! determined by its seed.
//!
//! ```text
//! cargo test --test simulation                                            200 seeds, as tests/run does
//! LOCKBOX_SIM_SEED=4711 cargo test --test simulation one_seed -- --nocapture     one seed with its whole trace
//! LOCKBOX_SIM_SEEDS=10000 cargo test --release --test simulation many_seeds -- --ignored --nocapture
//!     LOCKBOX_SIM_FROM=N begins at seed N
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stderr,
    reason = "tests panic to fail, and count small things"
)]

mod authority;
mod chance;
mod directed;
mod model;
mod network;
mod record;
mod sidecar;
mod story;
mod tasks;
mod time;
mod world;

use lockbox::decision_log::DecisionLog;
use std::sync::Arc;
use world::World;

/// How many seeds an ordinary run of the tests tries.
const SEEDS: u64 = 200;
/// How many seeds share a log, so that it does not fill the disk.
const SEEDS_OF_A_LOG: u64 = 100;

/// How a run ended.
struct Ended {
    hash: u64,
    allows: u64,
    effective: u64,
    failure: Option<String>,
    trace: String,
}

fn run(seed: u64, log: &Arc<DecisionLog>, whole_trace: bool) -> Ended {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(seed, Arc::clone(log), whole_trace);
        world.tasks.beside(story::play(&world)).await;
        let (allows, effective) = world.counts();
        // Tasks refer to the world, and it to them.
        world.end_runs(|_| true);
        world.machines.iter().for_each(|machine| machine.kill());
        world.tasks.abort_all();
        let (hash, trace) = (world.trace.hash(), world.trace.shown());
        Ended { hash, allows, effective, failure: world.failure(), trace }
    })
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[track_caller]
fn must_hold(seed: u64, ended: &Ended) {
    if let Some(failure) = &ended.failure {
        panic!("{}\n\nseed {seed}: {failure}\nLOCKBOX_SIM_SEED={seed} shows its whole trace", ended.trace);
    }
}

fn seeds(from: u64, count: u64, told: bool) -> (u64, u64) {
    let (mut allows, mut effective) = (0, 0);
    let mut of_log = None;
    for seed in from..from + count {
        if (seed - from).is_multiple_of(SEEDS_OF_A_LOG) {
            let dir = tempfile::tempdir().unwrap();
            of_log = Some((sidecar::log(dir.path()), dir));
            if told {
                println!("seed {seed}: {allows} allows were right so far");
            }
        }
        let (log, _dir) = of_log.as_ref().unwrap();
        let ended = run(seed, log, false);
        must_hold(seed, &ended);
        allows += ended.allows;
        effective += ended.effective;
    }
    (allows, effective)
}

#[test]
fn no_allow_is_stale_whatever_goes_wrong() {
    let (allows, effective) = seeds(1, SEEDS, false);
    // A simulation in which nothing is ever allowed would find nothing.
    assert!(allows > 50 * SEEDS && effective > 5 * SEEDS, "{allows} allows, {effective} effective");
}

/// Seeds that have found a defect: a restored record knew of no sidecar, and ends were called effective while leases
/// of before the restore still held; and a record that was restored twice from one backup began the same epoch twice.
#[test]
fn what_has_gone_wrong_once_does_not_again() {
    let dir = tempfile::tempdir().unwrap();
    let log = sidecar::log(dir.path());
    for seed in [16, 25, 304, 623, 907] {
        must_hold(seed, &run(seed, &log, false));
    }
}

#[test]
fn a_seed_is_always_the_same_run() {
    for seed in 1..6 {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [first, second] = dirs.each_ref().map(|dir| run(seed, &sidecar::log(dir.path()), true));
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.hash, second.hash, "seed {seed}");
    }
}

#[test]
fn one_seed() {
    let Some(seed) = variable("LOCKBOX_SIM_SEED") else { return };
    let dir = tempfile::tempdir().unwrap();
    let ended = run(seed, &sidecar::log(dir.path()), true);
    println!("{}\n{} allows, {} effective", ended.trace, ended.allows, ended.effective);
    must_hold(seed, &ended);
}

#[test]
#[ignore = "takes minutes: see the head of this file"]
fn many_seeds() {
    let (from, count) = (variable("LOCKBOX_SIM_FROM").unwrap_or(1), variable("LOCKBOX_SIM_SEEDS").unwrap_or(10_000));
    let (allows, effective) = seeds(from, count, true);
    println!("{count} seeds from {from}: {allows} allows were right, {effective} ends were effective");
}
