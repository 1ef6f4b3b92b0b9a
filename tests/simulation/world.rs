//! A world: a record, one authority or two, two or three sidecars, what goes wrong between them, and who watches.

use super::authority::Machine;
use super::chance::{Chance, Trace};
use super::model::{Model, Permitted, QUESTIONS, Truth};
use super::network::{Link, Weather};
use super::record::{Database, Way};
use super::sidecar::{Run, Start};
use super::tasks::Tasks;
use super::time::{Gate, NodeClock, TrueTime};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use lockbox::clock::{AuthorityTime, Clock as _};
use lockbox::decision_log::DecisionLog;
use lockbox::domain::{TenantId, Timestamp};
use lockbox::evaluate_access::{Answer, AuditUnavailable};
use lockbox::renewal::View;
use lockbox::store::Revision;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use tokio::sync::watch;

/// Clocks may run as wrong as ρ says.
const RATES: [u32; 3] = [900_000, 1_000_000, 1_100_000];
/// 2026-11-22T09:30:00Z.
const START_MS: i64 = 1_795_339_800_000;

/// A place where a sidecar runs.
pub(crate) struct Host {
    pub(crate) clock: Arc<NodeClock>,
    pub(crate) view: View,
}

/// See the module.
pub(crate) struct World {
    pub(crate) time: TrueTime,
    pub(crate) chance: Chance,
    pub(crate) trace: Trace,
    pub(crate) tasks: Tasks,
    pub(crate) database: Arc<Database>,
    pub(crate) machines: Vec<Arc<Machine>>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) runs: Mutex<Vec<Arc<Run>>>,
    pub(crate) model: tokio::sync::Mutex<Model>,
    /// Breaks all connections.
    pub(crate) reset: watch::Sender<u64>,
    log: Arc<DecisionLog>,
    incarnations: Mutex<u64>,
    weather: Mutex<Weather>,
    calm: AtomicBool,
    /// Until when no message passes between a sidecar and an authority.
    cuts: Mutex<BTreeMap<(usize, usize), Duration>>,
    /// Until when what authorities say to a sidecar is held.
    holds: Mutex<BTreeMap<usize, Duration>>,
    checked: Mutex<Checked>,
}

#[derive(Default)]
struct Checked {
    truth: Truth,
    authority: Option<Arc<AuthorityTime>>,
    failure: Option<String>,
    allows: u64,
    effective: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn new(seed: u64, log: Arc<DecisionLog>, whole_trace: bool) -> Arc<Self> {
        let (time, chance) = (TrueTime::begin(), Chance::new(seed));
        let clock = || {
            let rates = (chance.pick(&RATES), chance.pick(&RATES));
            Arc::new(NodeClock::new(time, Timestamp::from_ms(START_MS), rates))
        };
        let shared = chance.hit(500);
        let database = Arc::new(Database::new(shared.then(clock)));
        let machine = |_| Arc::new(Machine::new(clock(), Way::new(Arc::clone(&database), chance.branch())));
        let machines = (0..if shared { 2 } else { 1 }).map(machine).collect();
        let narrow = View { tenants: BTreeSet::from([TenantId::parse("contoso").unwrap()]), ..View::default() };
        let view = |host| if host == 1 && chance.hit(500) { narrow.clone() } else { View::default() };
        let hosts = (0..2 + chance.below(2)).map(|host| Host { clock: clock(), view: view(host) }).collect();
        Arc::new(Self {
            time,
            trace: Trace::new(whole_trace),
            tasks: Tasks::default(),
            database,
            machines,
            hosts,
            runs: Mutex::default(),
            model: tokio::sync::Mutex::default(),
            reset: watch::Sender::new(0),
            log,
            incarnations: Mutex::new(0),
            weather: Mutex::new(Weather::of(&chance)),
            calm: AtomicBool::new(false),
            cuts: Mutex::default(),
            holds: Mutex::default(),
            checked: Mutex::default(),
            chance,
        })
    }

    pub(crate) fn note(&self, what: &str) {
        self.trace.add(self.time.now(), what);
    }

    /// What a clock shows that runs right.
    pub(crate) fn right_time(&self) -> Timestamp {
        Timestamp::from_ms(START_MS).plus(self.time.now())
    }

    pub(crate) fn weather(&self) -> Weather {
        *lock(&self.weather)
    }

    pub(crate) fn cut(&self, sidecar: usize, machine: usize, lasts: Duration) {
        lock(&self.cuts).insert((sidecar, machine), self.time.now() + lasts);
    }

    pub(crate) fn is_cut(&self, sidecar: usize, machine: usize) -> bool {
        lock(&self.cuts).get(&(sidecar, machine)).is_some_and(|until| self.time.now() < *until)
    }

    pub(crate) fn hold(&self, sidecar: usize, lasts: Duration) {
        lock(&self.holds).insert(sidecar, self.time.now() + lasts);
    }

    pub(crate) fn is_held(&self, sidecar: usize) -> bool {
        lock(&self.holds).get(&sidecar).is_some_and(|until| self.time.now() < *until)
    }

    /// The network is as it should be, and what hangs on it is broken off.
    pub(crate) fn clear_up(&self) {
        self.calm.store(true, Ordering::Relaxed);
        *lock(&self.weather) = Weather::calm();
        lock(&self.cuts).clear();
        lock(&self.holds).clear();
        self.reset.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Whether nothing goes wrong any more.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// Starts a run of a sidecar beside those that are there.
    pub(crate) fn start_run(self: &Arc<Self>, sidecar: usize) {
        let incarnation = {
            let mut last = lock(&self.incarnations);
            *last += 1;
            *last
        };
        let host = &self.hosts[sidecar];
        let link = Link {
            world: Arc::clone(self),
            sidecar,
            heard: Arc::default(),
            first: self.chance.pick(&[0, 1]).into(),
            chance: self.chance.branch(),
            before: Mutex::default(),
        };
        let link = Link { first: (link.first.into_inner() % self.machines.len()).into(), ..link };
        let run = Run::start(Start {
            sidecar,
            incarnation,
            view: host.view.clone(),
            clock: Arc::clone(&host.clock),
            gate: Arc::<Gate>::default(),
            link,
            log: Arc::clone(&self.log),
            tasks: self.tasks.clone(),
        });
        self.note(&format!("sidecar {} is up", run.name));
        lock(&self.runs).push(Arc::new(run));
    }

    /// Ends the runs of a sidecar that `ends` says.
    pub(crate) fn end_runs(&self, ends: impl Fn(&Run) -> bool) {
        lock(&self.runs).retain(|run| !ends(run));
    }

    pub(crate) fn runs_now(&self) -> Vec<Arc<Run>> {
        lock(&self.runs).clone()
    }

    /// Something is committed at this very instant; gives its place in the history.
    pub(crate) fn changed(&self, what: &str, revision: Revision, model: &Model) -> usize {
        let permitted: Permitted = model.permitted();
        self.note(&format!("committed ({}, {}): {what}", revision.epoch, revision.number));
        self.database.hint();
        lock(&self.checked).truth.changed(self.time.now(), permitted)
    }

    pub(crate) fn effective(&self, place: usize) {
        self.note(&format!("effective: change {place}"));
        let mut checked = lock(&self.checked);
        checked.truth.effective(place);
        checked.effective += 1;
    }

    /// Another authority tells the time from now on.
    pub(crate) fn authority_is(&self, time: Arc<AuthorityTime>) {
        if self.database.clock.is_some() {
            return;
        }
        let now = self.time.now();
        let mut checked = lock(&self.checked);
        if let Some(before) = checked.authority.replace(time) {
            checked.truth.jumps(now, before.now());
        }
    }

    /// The authority's time is set forward now, or may be.
    pub(crate) fn jumps(&self) {
        let now = self.time.now();
        let mut checked = lock(&self.checked);
        if let Some(before) = self.authority_time(&checked) {
            checked.truth.jumps(now, before);
        }
    }

    fn authority_time(&self, checked: &Checked) -> Option<Timestamp> {
        let database = self.database.clock.as_ref().map(|clock| clock.wall());
        database.or_else(|| checked.authority.as_ref().map(|time| time.now()))
    }

    /// What has gone wrong, if something has.
    pub(crate) fn failure(&self) -> Option<String> {
        lock(&self.checked).failure.clone()
    }

    pub(crate) fn fail(&self, why: String) {
        self.note(&format!("WRONG: {why}"));
        lock(&self.checked).failure.get_or_insert(why);
    }

    /// How many allows were checked, and how many changes were answered as effective.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let checked = lock(&self.checked);
        (checked.allows, checked.effective)
    }

    /// The place of the last change, and of the last that is effective.
    pub(crate) fn places(&self) -> (usize, usize) {
        lock(&self.checked).truth.places()
    }

    /// Every sidecar that runs is asked the questions that `which` says, and each answer is checked. Gives who
    /// allowed what.
    pub(crate) fn ask(&self, which: impl Fn(usize) -> bool) -> Vec<(usize, String, [bool; 4])> {
        let runs: Vec<_> = self.runs_now().into_iter().filter(|run| run.answers()).collect();
        let questions: Vec<usize> = (0..QUESTIONS.len()).filter(|question| which(*question)).collect();
        let ask = |run| questions.iter().map(move |question| Box::pin(Run::ask(run, *question)) as Asked<'_>);
        let answers = at_once(runs.iter().map(Arc::as_ref).flat_map(ask).collect());
        let (mut said, mut line) = (Vec::new(), String::new());
        for (run, answers) in runs.iter().zip(answers.chunks(questions.len().max(1))) {
            let mut allowed = [false; 4];
            line.push_str(&format!("  {} ", run.name));
            for (question, answer) in questions.iter().zip(answers) {
                allowed[*question] = self.check(run, *question, answer);
                line.push_str(if allowed[*question] { ["a", "b", "c", "d"][*question] } else { "-" });
            }
            said.push((run.sidecar, run.name.clone(), allowed));
        }
        self.note(&line);
        said
    }

    fn check(&self, run: &Run, question: usize, answer: &Result<Answer, AuditUnavailable>) -> bool {
        let Ok(answer) = answer else {
            self.fail("the log failed".to_owned());
            return false;
        };
        let decision = answer.decision();
        let Some(grant) = decision.grant.as_ref().filter(|_| decision.allows()) else { return false };
        let mut checked = lock(&self.checked);
        checked.allows += 1;
        let authority = self.authority_time(&checked).unwrap_or(Timestamp::from_ms(i64::MAX));
        let judged = checked.truth.allowed(self.time.now(), question, grant.access_request, authority);
        drop(checked);
        let judged = if run.has_heard() { judged } else { Err("it was never told everything".to_owned()) };
        if let Err(why) = judged {
            self.fail(format!("{} to {:?}: {why}", run.name, QUESTIONS[question]));
        }
        true
    }
}

type Asked<'a> = Pin<Box<dyn Future<Output = Result<Answer, AuditUnavailable>> + Send + 'a>>;

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for all without letting simulated time go on: only the log's own thread is waited for.
fn at_once(mut asked: Vec<Asked<'_>>) -> Vec<Result<Answer, AuditUnavailable>> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut answers: Vec<Option<_>> = asked.iter().map(|_| None).collect();
    loop {
        for (asked, answer) in asked.iter_mut().zip(&mut answers).filter(|(_, answer)| answer.is_none()) {
            if let Poll::Ready(given) = asked.as_mut().poll(&mut context) {
                *answer = Some(given);
            }
        }
        if answers.iter().all(Option::is_some) {
            return answers.into_iter().flatten().collect();
        }
        std::thread::park();
    }
}
