//! How the process is: readiness with its reasons, and the numbers that are read when they are asked
//! for rather than counted along the way.

use crate::clock::{Boot, Clock};
use crate::decision_log::{DecisionLog, LogState};
use crate::domain::Reason;
use crate::evaluate_access::Observer;
use crate::http::operations::{Check, Readiness};
use crate::policy::{BundleInUse, PolicyHandle, PolicyStatus, ShadowOutcome, ShadowPolicies, ShadowStatus};
use crate::renewal::PolicyFetch;
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
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) policies: Arc<PolicyHandle>,
    pub(super) fetch: Option<Arc<PolicyFetch>>,
    pub(super) shadow: Option<Arc<ShadowPolicies>>,
    pub(super) state: Arc<State>,
    pub(super) log: Arc<DecisionLog>,
    pub(super) store: StoreWell,
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
    pub(super) fn readiness(&self) -> Readiness {
        let mut checks = vec![self.state_check(), self.policy_check(), self.log_check(), self.store_check()];
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

    fn state_check(&self) -> Check {
        let (boot, standing) = (self.clock.boot(), self.state.standing());
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
        Check { name: "policies", ok, detail }
    }

    fn log_check(&self) -> Check {
        let health = self.log.health();
        let (ok, detail) = match health.state {
            LogState::Ok => (true, format!("{} records since the start", health.records)),
            LogState::Failing { reason, .. } => (false, format!("{reason}: every question is denied")),
        };
        Check { name: "decision_log", ok, detail }
    }

    fn store_check(&self) -> Check {
        let ok = self.store.0.load(Ordering::Relaxed);
        let detail = if ok { "answers" } else { "does not answer: no command is taken" };
        Check { name: "store", ok, detail: detail.to_owned() }
    }

    /// The metrics, with what is only read now.
    pub(super) fn metrics(&self) -> String {
        let (boot, standing, counts) = (self.clock.boot(), self.state.standing(), self.state.counts());
        let state = &self.metrics.state;
        state.revision.set(standing.revision);
        state.epoch.set(standing.epoch);
        state.grants.set(i64::try_from(counts.accesses).unwrap_or(i64::MAX));
        state.tenants.set(i64::try_from(counts.tenants).unwrap_or(i64::MAX));
        if let Some(lease) = standing.lease {
            state.age_seconds.set(lease.age(boot).as_secs_f64());
            state.lease_left_seconds.set(lease.left(boot).as_secs_f64());
        }
        self.carry_log();
        self.metrics.render()
    }

    fn carry_log(&self) {
        let health = self.log.health();
        let log = &self.metrics.log;
        log.queue.set(i64::try_from(health.queue_depth).unwrap_or(i64::MAX));
        log.carry(health.records, health.bytes, health.syncs, health.errors);
    }
}
