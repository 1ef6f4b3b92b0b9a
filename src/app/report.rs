//! How the process is: readiness with its reasons, and the numbers that are read when they are asked
//! for rather than counted along the way.

use super::Shared;
use super::authority::Record;
use super::sidecar::Beside;
use crate::accesses::{Courier, Standing};
use crate::clock::{Boot, Clock};
use crate::decision_log::{DecisionLog, LogState};
use crate::domain::Reason;
use crate::evaluate_access::Observer;
use crate::http::operations::{Check, Readiness};
use crate::policy::{BundleInUse, PolicyHandle, PolicyStatus, ShadowOutcome, ShadowPolicies, ShadowStatus};
use crate::renewal::{Fleet, FromRecord, PolicyFetch, Renewer};
use crate::state::State;
use crate::store::Store;
use crate::telemetry::Metrics;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::Arc;

/// How often the database is asked whether it answers.
const PING_EVERY: Duration = Duration::from_secs(1);

/// Counts answers.
pub(super) struct Counting(pub(super) Arc<Metrics>);

impl Observer for Counting {
    fn decided(&self, reason: Reason, took: Duration) {
        self.0.decided(reason, took);
    }

    fn cache(&self, hit: bool) {
        if hit {
            self.0.cache.hits.inc()
        } else {
            self.0.cache.misses.inc()
        };
    }

    fn shadow(&self, outcome: ShadowOutcome) {
        let counters = &self.0.shadow;
        match outcome {
            ShadowOutcome::Same => &counters.same,
            ShadowOutcome::NewlyAllowed => &counters.newly_allowed,
            ShadowOutcome::NewlyDenied => &counters.newly_denied,
            ShadowOutcome::ReasonChanged => &counters.reason_changed,
            ShadowOutcome::Error => &counters.error,
        }
        .inc();
    }
}

/// Whether the database answers, asked now and then so that readiness need not wait for it.
pub(super) struct StoreWell(Arc<AtomicBool>, tokio::task::JoinHandle<()>);

impl StoreWell {
    pub(super) fn watching(store: Arc<dyn Store>) -> Self {
        let well = Arc::new(AtomicBool::new(true));
        let noted = Arc::clone(&well);
        let watching = tokio::spawn(async move {
            loop {
                noted.store(store.ping().await.is_ok(), Ordering::Relaxed);
                tokio::time::sleep(PING_EVERY).await;
            }
        });
        Self(well, watching)
    }
}

impl Drop for StoreWell {
    fn drop(&mut self) {
        self.1.abort();
    }
}

/// What is reported on.
pub(super) struct Report {
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    policies: Arc<PolicyHandle>,
    fetch: Option<Arc<PolicyFetch>>,
    adopt: Option<Arc<FromRecord>>,
    shadow: Option<Arc<ShadowPolicies>>,
    beside: Option<Answering>,
    store: Option<StoreWell>,
    fleet: Option<Arc<Fleet>>,
}

/// What a sidecar is reported on.
struct Answering {
    state: Arc<State>,
    log: Arc<DecisionLog>,
    renewer: Arc<Renewer>,
    courier: Arc<Courier>,
}

/// The policies in use, and who signed them.
fn in_use(status: &PolicyStatus) -> String {
    let Some(BundleInUse { name, signed_by, created_at, file: _ }) = &status.bundle else {
        return status.digest.clone();
    };
    let name = name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
    format!("{}, bundle{name} signed by {signed_by} at {created_at}", status.digest)
}

impl Report {
    pub(super) fn of(shared: &Shared, record: Option<&Record>, beside: Option<&Beside>) -> Self {
        let answering = |beside: &Beside| Answering {
            state: Arc::clone(&beside.state),
            log: Arc::clone(&beside.log),
            renewer: Arc::clone(&beside.renewer),
            courier: Arc::clone(&beside.courier),
        };
        Self {
            clock: Arc::clone(&shared.clock),
            metrics: Arc::clone(&shared.metrics),
            policies: Arc::clone(&shared.policies),
            fetch: shared.fetch.clone(),
            adopt: record.and_then(|record| record.adopt.clone()),
            shadow: shared.shadow.clone(),
            beside: beside.map(answering),
            store: record.map(|record| StoreWell::watching(Arc::clone(&record.store))),
            fleet: record.map(|record| Arc::clone(&record.fleet)),
        }
    }

    pub(super) fn readiness(&self) -> Readiness {
        let mut checks = Vec::new();
        checks.extend(self.beside.as_ref().map(|beside| self.state_check(beside)));
        checks.push(self.policy_check());
        checks.extend(self.beside.as_ref().map(log_check));
        checks.extend(self.beside.as_ref().map(accesses_check));
        checks.extend(self.store.as_ref().map(store_check));
        checks.extend(self.fleet.as_ref().map(|fleet| fleet_check(fleet)));
        checks.extend(self.shadow_check());
        Readiness::of(checks)
    }

    /// How the shadow stands, for information: it decides nothing, so it is never a reason.
    fn shadow_check(&self) -> Option<Check> {
        let detail = match self.shadow.as_ref()?.status() {
            ShadowStatus { digest: Some(digest), error: None } => format!("{digest} is compared with"),
            ShadowStatus { digest: Some(digest), error: Some(error) } => {
                format!("{digest} is compared with: the files cannot be used: {error}")
            }
            ShadowStatus { digest: None, error: Some(error) } => format!("nothing is compared with: {error}"),
            ShadowStatus { digest: None, error: None } => "not read yet".to_owned(),
        };
        Some(Check { name: "shadow_policies", ok: true, detail })
    }

    fn state_check(&self, beside: &Answering) -> Check {
        let (boot, standing) = (self.clock.boot(), beside.state.standing());
        let (ok, detail) = match standing.lease {
            None => (false, "no news from the authority yet: every question is denied".to_owned()),
            Some(lease) if !lease.holds(boot) => {
                (false, format!("no news from the authority for {:?}: every question is denied", lease.age(boot)))
            }
            Some(lease) => {
                let (revision, epoch) = (standing.revision, standing.epoch);
                (true, format!("revision {revision} of epoch {epoch}, lease for {:?} more", lease.left(boot)))
            }
        };
        let detail = match beside.renewer.failure() {
            Some(why) => format!("{detail}; the last renewal failed: {why}"),
            None => detail,
        };
        Check { name: "state", ok, detail }
    }

    fn policy_check(&self) -> Check {
        let boot = self.clock.boot().since(Boot::default());
        let status = self.policies.status();
        let (ok, detail) = match (self.policies.current(boot), &status.last_error) {
            (Err(stale), error) => {
                let why = error.as_ref().map(ToString::to_string).unwrap_or_default();
                (false, format!("{stale}: every question is denied. {why}"))
            }
            // Still answering, by the last good set; told here so that nobody has to search for it.
            (Ok(_), Some(error)) => {
                (true, format!("{} stays in use: the files cannot be used: {error}", status.digest))
            }
            (Ok(_), None) => (true, in_use(&status)),
        };
        // Whoever does not hand out bundles denies nobody anything; told, so that it is no surprise later.
        let unfetched = self.fetch.as_ref().and_then(|fetch| fetch.failure());
        let detail = match unfetched {
            Some(error) => format!("{detail}; {error}"),
            None => detail,
        };
        let detail = match self.adopt.as_ref().and_then(|adopt| adopt.failure()) {
            Some(why) => format!("{detail}; the bundle that the record demands cannot be used here: {why}"),
            None => detail,
        };
        Check { name: "policies", ok, detail }
    }

    /// The metrics, with what is only read now.
    pub(super) fn metrics(&self) -> String {
        if let Some(Answering { state: memory, log, courier, .. }) = &self.beside {
            self.metrics.accesses.behind.set(courier.standing().behind);
            let (boot, standing, counts) = (self.clock.boot(), memory.standing(), memory.counts());
            let state = &self.metrics.state;
            state.revision.set(standing.revision);
            state.epoch.set(standing.epoch);
            state.grants.set(i64::try_from(counts.accesses).unwrap_or(i64::MAX));
            state.tenants.set(i64::try_from(counts.tenants).unwrap_or(i64::MAX));
            if let Some(lease) = standing.lease {
                state.age_seconds.set(lease.age(boot).as_secs_f64());
                state.lease_left_seconds.set(lease.left(boot).as_secs_f64());
            }
            let health = log.health();
            let log = &self.metrics.log;
            log.queue.set(i64::try_from(health.queue_depth).unwrap_or(i64::MAX));
            log.carry(health.records, health.bytes, health.syncs, health.errors);
        }
        self.metrics.render()
    }
}

fn log_check(beside: &Answering) -> Check {
    let health = beside.log.health();
    let (ok, detail) = match health.state {
        LogState::Ok => (true, format!("{} records since the start", health.records)),
        LogState::Failing { reason, .. } => (false, format!("{reason}: every question is denied")),
    };
    Check { name: "decision_log", ok, detail }
}

/// How far the authority is told, for information: an answer does not wait for it.
fn accesses_check(beside: &Answering) -> Check {
    let Standing { told, behind, failure } = beside.courier.standing();
    let mut detail = match behind {
        0 => format!("told up to record {told}, the last one"),
        behind => format!("told up to record {told}, {behind} behind"),
    };
    if let Some(why) = failure {
        detail = format!("{detail}; it is tried again: {why}");
    }
    Check { name: "accesses", ok: true, detail }
}

fn store_check(store: &StoreWell) -> Check {
    let ok = store.0.load(Ordering::Relaxed);
    let detail = if ok { "answers" } else { "does not answer: no command is taken" };
    Check { name: "store", ok, detail: detail.to_owned() }
}

/// An authority that may give no leases is of no use to a sidecar: a load balancer takes it out.
fn fleet_check(fleet: &Fleet) -> Check {
    match fleet.may_lease() {
        Ok(()) => Check { name: "fleet", ok: true, detail: format!("{} sidecars heard lately", fleet.heard().len()) },
        Err(error) => Check { name: "fleet", ok: false, detail: error.to_string() },
    }
}
