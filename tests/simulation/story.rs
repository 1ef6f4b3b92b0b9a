//! What happens in a world: it comes up, things are changed and go wrong as the seed has it, all is put right again,
//! and then everything must work.

use super::authority::{Dies, commit, recover};
use super::model::{Change, Model, QUESTIONS};
use super::world::World;
use core::time::Duration;
use lockbox::clock::Clock as _;
use lockbox::domain::StateName;
use lockbox::store::MemoryStore;
use std::sync::Arc;

const SECOND: Duration = Duration::from_secs(1);
/// How long things go wrong.
const BAD_FOR: Duration = Duration::from_secs(8);
/// How long after all is well a new Grant may take to be allowed everywhere, and its end to be effective.
const WELL_WITHIN: Duration = Duration::from_millis(4500);
const HOUR_MS: i64 = 3_600_000;

/// A backup, and what was true then.
type Backup = (MemoryStore, Model);

/// The whole story. What went wrong is in the world.
pub(crate) async fn play(world: &Arc<World>) {
    let mut backup = first_record(world).await;
    for place in 0..world.machines.len() {
        start_authority(world, place, Duration::ZERO);
    }
    for sidecar in 0..world.hosts.len() {
        world.start_run(sidecar);
    }
    pass(world, SECOND).await;
    // The first backup knows nothing of any sidecar.
    while world.time.now() < BAD_FOR && world.failure().is_none() {
        happen(world, &mut backup).await;
        pass(world, world.chance.ms(1, 500)).await;
    }
    if world.failure().is_none() {
        all_is_well(world).await;
    }
}

async fn first_record(world: &World) -> Backup {
    let (store, mut model) = (world.database.now(), world.model.lock().await);
    let now = world.machines[0].clock.wall();
    let mut items: Vec<_> = model.first().into_iter().map(Ok).collect();
    for question in 0..QUESTIONS.len() {
        items.extend(model.make(Change::Grant(question, 3_600_000), now));
    }
    let committed = commit(&store, now, items, false).await.unwrap();
    world.changed("the first record", committed, &model);
    (store.copy(), model.clone())
}

/// Lets time pass, and asks every now and then: most often one question, sometimes all.
async fn pass(world: &Arc<World>, lasts: Duration) {
    let until = world.time.now() + lasts;
    loop {
        let all = world.chance.hit(80);
        let question = world.chance.below(QUESTIONS.len() as u64) as usize;
        world.ask(|asked| all || asked == question);
        let left = until.saturating_sub(world.time.now());
        if left.is_zero() || world.failure().is_some() {
            return;
        }
        tokio::time::sleep(left.min(world.chance.ms(20, 200))).await;
    }
}

/// Asks four times a second until `holds` says of the answers that all is as it should be; gives up after a while, with
/// what it says is missing.
async fn comes_to_hold(world: &Arc<World>, holds: impl Fn(&[(usize, String, [bool; 4])]) -> Result<(), String>) {
    let until = world.time.now() + WELL_WITHIN;
    loop {
        let Err(missing) = holds(&world.ask(|_| true)) else { return };
        if world.time.now() >= until {
            return world.fail(format!("within {WELL_WITHIN:?} after all is well: {missing}"));
        }
        tokio::time::sleep(SECOND / 4).await;
    }
}

fn start_authority(world: &Arc<World>, place: usize, after: Duration) {
    world.machines[place].start(world, format!("a{place}"), after);
}

fn write(world: &Arc<World>, change: Change, dies: bool) {
    let place = world.chance.below(world.machines.len() as u64) as usize;
    let machine = Arc::clone(&world.machines[place]);
    if let Some(authority) = machine.running() {
        let up_after = world.chance.ms(0, 2500);
        let dies = dies.then(|| Dies { machine, name: format!("a{place}"), up_after });
        authority.spawn(Arc::clone(&authority).write(Arc::clone(world), change, dies));
    }
}

fn change(world: &World) -> Change {
    let question = world.chance.below(4) as usize;
    match world.chance.below(12) {
        0..4 => Change::Grant(question, world.chance.pick(&[500, 1500, 3000, 6000, 3_600_000, 3_600_000])),
        4..8 => Change::End(question, world.chance.pick(&[StateName::Closed, StateName::Revoked])),
        8 => Change::Retire(question),
        9 => Change::Suspend(question % 2, world.chance.hit(500)),
        10 => Change::Switch(world.chance.hit(500)),
        _ => Change::Grant(question, 3_600_000),
    }
}

/// One thing happens.
async fn happen(world: &Arc<World>, backup: &mut Backup) {
    let chance = &world.chance;
    let (sidecar, place) =
        (chance.below(world.hosts.len() as u64) as usize, chance.below(world.machines.len() as u64) as usize);
    let lasts = chance.ms(50, chance.pick(&[500, 2000, 5000]));
    match chance.below(30) {
        0..12 => write(world, change(world), false),
        12..15 => {
            // Cut off just before an end.
            (0..world.machines.len()).for_each(|place| world.cut(sidecar, place, lasts + 3 * SECOND));
            world.note(&format!("s{sidecar} is cut off"));
            pass(world, Duration::from_millis(10)).await;
            write(world, Change::End(chance.below(4) as usize, StateName::Revoked), false);
        }
        15 => world.cut(sidecar, place, lasts),
        16 => world.hold(sidecar, lasts),
        17 => write(world, change(world), true),
        18..26 => break_machine(world, sidecar, place, lasts),
        26 => {
            let model = world.model.lock().await.clone();
            *backup = (world.database.now().copy(), model);
            world.note("backed up");
        }
        27 => {
            if chance.hit(500) {
                (0..world.machines.len()).for_each(|place| world.cut(sidecar, place, 3 * SECOND));
                world.note(&format!("s{sidecar} is cut off"));
            }
            restore(world, backup).await;
        }
        _ => step_clock(world),
    }
}

/// Something of a machine stops, dies or loses its record for a while.
fn break_machine(world: &Arc<World>, sidecar: usize, place: usize, lasts: Duration) {
    let machine = Arc::clone(&world.machines[place]);
    let later = |what: &str, undo: Box<dyn FnOnce() + Send>| {
        world.note(&format!("{what} for {lasts:?}"));
        world.tasks.spawn(async move {
            tokio::time::sleep(lasts).await;
            undo();
        });
    };
    match world.chance.below(9) {
        0 => {
            machine.gate.close();
            later(&format!("authority {place} stands still"), Box::new(move || machine.gate.open()));
        }
        1 => {
            machine.kill();
            world.note(&format!("authority {place} is killed"));
            start_authority(world, place, lasts);
        }
        2 => {
            machine.way.cut(true);
            later(&format!("authority {place} has no record"), Box::new(move || machine.way.cut(false)));
        }
        3 => {
            machine.way.still.close();
            later(&format!("the record of authority {place} hangs"), Box::new(move || machine.way.still.open()));
        }
        4 if world.database.clock.is_some() => {
            machine.way.lag(true);
            later(&format!("authority {place} reads a copy"), Box::new(move || machine.way.lag(false)));
        }
        5 | 6 => {
            let runs: Vec<_> = world.runs_now().into_iter().filter(|run| run.sidecar == sidecar).collect();
            runs.iter().for_each(|run| run.gate.close());
            let undo = move || runs.iter().for_each(|run| run.gate.open());
            later(&format!("s{sidecar} stands still"), Box::new(undo));
        }
        7 => {
            world.end_runs(|run| run.sidecar == sidecar);
            world.start_run(sidecar);
        }
        _ => {
            // The new run is up while the old one still answers.
            let old: Vec<_> = world.runs_now().into_iter().filter(|run| run.sidecar == sidecar).collect();
            let names: Vec<_> = old.iter().map(|run| run.name.clone()).collect();
            world.start_run(sidecar);
            let world_then = Arc::clone(world);
            later(
                &format!("{names:?} stays beside its next run"),
                Box::new(move || world_then.end_runs(|run| names.contains(&run.name))),
            );
        }
    }
}

fn step_clock(world: &World) {
    let by_ms = world.chance.pick(&[HOUR_MS, -HOUR_MS, 87_660 * HOUR_MS, -87_660 * HOUR_MS]);
    if let Some(clock) = &world.database.clock
        && world.chance.hit(300)
        && by_ms > 0
    {
        world.note(&format!("the database's clock is stepped by {by_ms} ms"));
        world.jumps();
        return clock.step(by_ms);
    }
    let clocks = world.machines.iter().map(|machine| &machine.clock).chain(world.hosts.iter().map(|host| &host.clock));
    let clocks: Vec<_> = clocks.collect();
    let which = world.chance.below(clocks.len() as u64) as usize;
    world.note(&format!("clock {which} is stepped by {by_ms} ms"));
    world.jumps();
    clocks[which].step(by_ms);
}

/// The authorities are stopped, the record is put back to the backup, recovered, and they are started again.
async fn restore(world: &Arc<World>, (store, before): &Backup) {
    world.machines.iter().for_each(|machine| machine.kill());
    // It takes a moment, and whoever does it has looked at the clock.
    tokio::time::sleep(SECOND).await;
    let mut model = world.model.lock().await;
    world.database.restore(store);
    let now = world.right_time();
    let (recovered, _) = recover(world, &world.database.now(), before.restored(&model), now).await;
    *model = recovered;
    for place in 0..world.machines.len() {
        start_authority(world, place, world.chance.ms(0, 2000));
    }
}

/// All is put right; what is given is then allowed everywhere soon, and what is ended is effective soon.
async fn all_is_well(world: &Arc<World>) {
    world.note("all is put right");
    world.clear_up();
    for (place, machine) in world.machines.iter().enumerate() {
        machine.gate.open();
        machine.way.cut(false);
        machine.way.lag(false);
        machine.way.still.open();
        if machine.running().is_none() {
            start_authority(world, place, Duration::ZERO);
        }
    }
    world.runs_now().iter().for_each(|run| run.gate.open());
    // What hung is awake again, and what was cut off has asked again.
    tokio::time::sleep(2 * SECOND).await;
    // Whoever waited to write has written.
    drop(world.model.lock().await);
    let before = world.places();
    for change in [Change::Suspend(0, false), Change::Suspend(1, false), Change::Switch(false)] {
        write(world, change, false);
    }
    (0..4).for_each(|question| write(world, Change::Grant(question, 3_600_000), false));
    comes_to_hold(world, |answers| {
        let shown = |sidecar: usize, question: usize| world.hosts[sidecar].view.shows_tenant(QUESTIONS[question].1);
        let wrong = |(sidecar, _, allowed): &&(usize, String, [bool; 4])| {
            (0..4).any(|question| shown(*sidecar, question) != allowed[question])
        };
        if world.places().0 != before.0 + 7 {
            return Err("not all is written".to_owned());
        }
        answers.iter().find(wrong).map_or(Ok(()), |(_, name, allowed)| Err(format!("{name} allows {allowed:?}")))
    })
    .await;
    let before = world.places();
    (0..4).for_each(|question| write(world, Change::End(question, StateName::Revoked), false));
    comes_to_hold(world, |answers| {
        let (committed, effective) = world.places();
        let denied = answers.iter().all(|(.., allowed)| *allowed == [false; 4]);
        let done = committed == before.0 + 4 && effective == committed && denied;
        if done { Ok(()) } else { Err(format!("change {effective} of {committed} is effective, was {before:?}")) }
    })
    .await;
}
