//! A sidecar's run: the production renewer, memory and data path, cache and log included.

use super::model::{QUESTIONS, person};
use super::network::Link;
use super::tasks::{Task, Tasks};
use super::time::{Gate, NodeClock};
use core::time::Duration;
use lockbox::clock::{Clock, SeededIds};
use lockbox::decision_log::{DecisionLog, Durability, LogClock, Settings};
use lockbox::domain::{CallerName, Evaluation, Reason, Value};
use lockbox::evaluate_access::{Answer, AuditUnavailable, CacheSettings, EvaluateAccess, Observer, Parts, Unaskable};
use lockbox::policy::{Origin, PolicyHandle, ShadowOutcome};
use lockbox::renewal::{Renewer, RenewerSettings, View};
use lockbox::state::{LeaseSettings, State};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

static POLICIES: LazyLock<Arc<PolicyHandle>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let origin = Origin::Directory { dir: root.join("policies"), schema: root.join("schemas/lockbox.cedarschema") };
    Arc::new(PolicyHandle::open(origin, Duration::from_secs(u64::MAX / 2), Duration::ZERO).unwrap())
});

static ASKED: LazyLock<Vec<Result<Evaluation, Unaskable>>> = LazyLock::new(|| {
    let asked = |(engineer, tenant): (&str, &str)| {
        let names = (person(engineer).to_string(), tenant);
        let stated = lockbox::evaluate_access::Stated {
            engineer: &names.0,
            action: "read",
            tenant: names.1,
            workload: "exchange",
            content: Some(("mailbox", "adele@contoso.example")),
            context: BTreeMap::from([("device_managed".to_owned(), Value::Bool(true))]),
            ..Default::default()
        };
        stated.parse()
    };
    QUESTIONS.into_iter().map(asked).collect()
});

static CALLER: LazyLock<CallerName> = LazyLock::new(|| CallerName::parse("exchange-frontend").unwrap());

struct Unheard;

impl Observer for Unheard {
    fn decided(&self, _reason: Reason, _took: Duration) {}
    fn cache(&self, _hit: bool) {}
    fn shadow(&self, _outcome: ShadowOutcome) {}
}

/// Time that stands: how long a real disk takes must not matter here.
struct LogTime;

impl LogClock for LogTime {
    fn wall_ms(&self) -> u64 {
        1
    }

    fn boot_ms(&self) -> u64 {
        1
    }
}

/// A log for all sidecars of some runs.
pub(crate) fn log(dir: &Path) -> Arc<DecisionLog> {
    Arc::new(DecisionLog::open(dir, Settings::default(), Arc::new(LogTime)).unwrap().0)
}

/// The data path over a memory.
pub(crate) fn data_path(state: Arc<State>, clock: Arc<dyn Clock>, log: Arc<DecisionLog>, ids: u64) -> EvaluateAccess {
    EvaluateAccess::new(Parts {
        state,
        policies: Arc::clone(&POLICIES),
        shadow: None,
        clock,
        ids: Arc::new(SeededIds::new(ids)),
        log,
        cache: Some(CacheSettings { entries_max: 1000, ttl: Duration::from_secs(1) }),
        durability: Durability::Process,
        observer: Arc::new(Unheard),
    })
}

/// Asks one of the questions.
pub(crate) async fn asked(of: &EvaluateAccess, question: usize) -> Result<Answer, AuditUnavailable> {
    of.evaluate(&CALLER, &ASKED[question]).await
}

/// See the module.
pub(crate) struct Run {
    pub(crate) sidecar: usize,
    pub(crate) name: String,
    pub(crate) gate: Arc<Gate>,
    /// Whether a whole snapshot has come to this run.
    pub(crate) heard: Arc<AtomicBool>,
    evaluate: EvaluateAccess,
    tasks: Tasks,
    renewing: Task,
}

/// What a run is started with.
pub(crate) struct Start {
    pub(crate) sidecar: usize,
    pub(crate) incarnation: u64,
    pub(crate) view: View,
    pub(crate) clock: Arc<NodeClock>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) link: Link,
    pub(crate) log: Arc<DecisionLog>,
    pub(crate) tasks: Tasks,
}

impl Run {
    pub(crate) fn start(start: Start) -> Self {
        let Start { sidecar, incarnation, view, clock, gate, link, log, tasks } = start;
        let (state, heard) = (Arc::new(State::default()), Arc::clone(&link.heard));
        let clock = clock as Arc<dyn Clock>;
        let settings = RenewerSettings {
            sidecar: format!("s{sidecar}"),
            incarnation: incarnation.to_string(),
            lease: LeaseSettings::default(),
            view,
            retry: Duration::from_millis(50),
            report: Box::new(|| ("sha256:0".to_owned(), None)),
            adopt: None,
        };
        let renewer = Renewer::new(Arc::new(link), Arc::clone(&state), Arc::clone(&clock), settings);
        let renewing = tasks.spawn(gate.behind(async move { renewer.run().await }));
        let evaluate = data_path(state, clock, log, incarnation);
        Self { sidecar, name: format!("s{sidecar}-{incarnation}"), gate, heard, evaluate, tasks, renewing }
    }

    /// A process that is stopped answers nothing.
    pub(crate) fn answers(&self) -> bool {
        !self.gate.is_closed()
    }

    pub(crate) fn has_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    pub(crate) async fn ask(&self, question: usize) -> Result<Answer, AuditUnavailable> {
        asked(&self.evaluate, question).await
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.tasks.abort(self.renewing);
    }
}
