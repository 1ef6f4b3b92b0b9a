//! The numbers for Prometheus. Everything on the decision path is a handle that was looked up when
//! the process began; only what changes rarely (a policy digest) is looked up when it happens.

mod accesses;

pub use accesses::{AccessMetrics, AccessOutcome};

use super::Histogram;
use super::http::{Families, ListenerMetrics, RouteMetrics, handle};
use crate::domain::Reason;
use core::time::Duration;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::{AtomicU64, Ordering};

/// The `Content-Type` of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    decision: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lifecycle {
    act: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Digest {
    digest: String,
}

/// How a command of the lifecycle ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifecycleOutcome {
    /// It took place.
    Done,
    /// A rule or a policy refused it.
    Refused,
    /// Somebody else was first.
    Conflict,
    /// It could not be carried out.
    Failed,
}

impl LifecycleOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
        }
    }
}

/// How an attempt to send a notice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeOutcome {
    /// The recipient's side took it.
    Sent,
    /// There was nothing to tell any more.
    Moot,
    /// It failed and is tried again.
    Failed,
    /// It failed and was given up.
    Dead,
}

impl NoticeOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Moot => "moot",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NoticeLabels {
    channel: &'static str,
    outcome: &'static str,
}

/// The outbox.
#[derive(Debug, Clone, Default)]
struct OutboxMetrics {
    attempts: Family<NoticeLabels, Counter>,
    waiting: Gauge<u64, AtomicU64>,
    dead: Gauge<u64, AtomicU64>,
}

/// The decision cache.
#[derive(Debug, Clone, Default)]
pub struct CacheMetrics {
    /// Decisions found.
    pub hits: Counter,
    /// Decisions made because none was found.
    pub misses: Counter,
}

/// Answers compared with those of shadow policies.
#[derive(Debug, Clone)]
pub struct ShadowMetrics {
    /// Verdict and reason are the same.
    pub same: Counter,
    /// Denied, and the shadow would allow.
    pub newly_allowed: Counter,
    /// Allowed, and the shadow would deny.
    pub newly_denied: Counter,
    /// The same verdict for another reason.
    pub reason_changed: Counter,
    /// The shadow failed.
    pub error: Counter,
}

impl ShadowMetrics {
    fn of(family: &Family<Outcome, Counter>) -> Self {
        let counter = |outcome| handle(family, &Outcome { outcome });
        Self {
            same: counter("same"),
            newly_allowed: counter("newly_allowed"),
            newly_denied: counter("newly_denied"),
            reason_changed: counter("reason_changed"),
            error: counter("error"),
        }
    }
}

/// The decision log.
#[derive(Debug, Clone, Default)]
pub struct LogMetrics {
    /// Records written.
    pub records: Counter,
    /// Bytes written.
    pub bytes: Counter,
    /// Times the disk was waited for.
    pub syncs: Counter,
    /// Failures to write or to sync.
    pub errors: Counter,
    /// Records that wait now.
    pub queue: Gauge,
}

impl LogMetrics {
    /// Takes over what the log has counted since it was opened.
    pub fn carry(&self, records: u64, bytes: u64, syncs: u64, errors: u64) {
        for (counter, total) in
            [(&self.records, records), (&self.bytes, bytes), (&self.syncs, syncs), (&self.errors, errors)]
        {
            counter.inner().store(total, Ordering::Relaxed);
        }
    }
}

/// The sidecar's memory of the authority's state. `age_seconds` and `lease_left_seconds` are set by
/// whoever renders, from the clock.
#[derive(Debug, Clone, Default)]
pub struct StateMetrics {
    /// Time since the renewal that the state is from was sent, in seconds.
    pub age_seconds: Gauge<f64, AtomicU64>,
    /// What is left of the lease, in seconds; 0 when there is none.
    pub lease_left_seconds: Gauge<f64, AtomicU64>,
    /// The authority's revision.
    pub revision: Gauge<u64, AtomicU64>,
    /// The authority's epoch.
    pub epoch: Gauge<u64, AtomicU64>,
    /// Live Grants in memory.
    pub grants: Gauge,
    /// Tenants in memory.
    pub tenants: Gauge,
}

/// Every number of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: [Counter; Reason::ALL.len()],
    evaluation: Histogram,
    policy: Family<Digest, Gauge>,
    shadow_policy: Family<Digest, Gauge>,
    reloads_ok: Counter,
    reloads_failed: Counter,
    lifecycle: Family<Lifecycle, Counter>,
    http: Families,
    outbox: OutboxMetrics,
    /// The decision cache.
    pub cache: CacheMetrics,
    /// The decision log.
    pub log: LogMetrics,
    /// The sidecar's memory.
    pub state: StateMetrics,
    /// Answers compared with those of shadow policies.
    pub shadow: ShadowMetrics,
    /// Accesses told and taken.
    pub accesses: AccessMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(env!("CARGO_PKG_VERSION"))
    }
}

impl Metrics {
    /// All numbers at zero, for a binary of this version.
    pub fn new(version: &str) -> Self {
        let mut registry = Registry::with_prefix("lockbox");
        registry.register("build", "The running binary", Info::new([("version", version.to_owned())]));
        let decisions = Family::<DecisionLabels, Counter>::default();
        registry.register("decisions", "Decisions, by reason", decisions.clone());
        let reloads = Family::<Outcome, Counter>::default();
        registry.register("policy_reloads", "Attempts to take up changed policies", reloads.clone());
        let shadow = Family::<Outcome, Counter>::default();
        let help = "Decisions compared with those of the shadow policies";
        registry.register("shadow_decisions", help, shadow.clone());
        let metrics = Self {
            decisions: Reason::ALL.map(|reason| {
                let decision = if reason.allows() { "allow" } else { "deny" };
                handle(&decisions, &DecisionLabels { decision, reason: reason.as_str() })
            }),
            evaluation: Histogram::default(),
            policy: Family::default(),
            shadow_policy: Family::default(),
            shadow: ShadowMetrics::of(&shadow),
            reloads_ok: handle(&reloads, &Outcome { outcome: "ok" }),
            reloads_failed: handle(&reloads, &Outcome { outcome: "failed" }),
            lifecycle: Family::default(),
            http: Families::default(),
            outbox: OutboxMetrics::default(),
            cache: CacheMetrics::default(),
            log: LogMetrics::default(),
            state: StateMetrics::default(),
            accesses: AccessMetrics::default(),
            registry: Registry::default(),
        };
        metrics.register(&mut registry);
        Self { registry, ..metrics }
    }

    fn register(&self, registry: &mut Registry) {
        let seconds = || Unit::Seconds;
        let help = "Time from a parsed question to its Decision";
        registry.register_with_unit("evaluation_duration", help, seconds(), self.evaluation.clone());
        registry.register("policy_info", "The policy set in force, by digest", self.policy.clone());
        let help = "The policy set that is compared with, by digest";
        registry.register("shadow_policy_info", help, self.shadow_policy.clone());
        registry.register("lifecycle_commands", "Commands on AccessRequests and tenants", self.lifecycle.clone());
        self.http.register(registry);
        self.accesses.register(registry);
        let OutboxMetrics { attempts, waiting, dead } = self.outbox.clone();
        registry.register("notices", "Attempts to send a notice, by how they ended", attempts);
        registry.register("outbox_waiting", "Notices that wait to be sent", waiting);
        registry.register("outbox_dead", "Notices that were given up", dead);

        let CacheMetrics { hits, misses } = self.cache.clone();
        registry.register("cache_hits", "Decisions found in the cache", hits);
        registry.register("cache_misses", "Decisions not found in the cache", misses);

        let LogMetrics { records, bytes, syncs, errors, queue } = self.log.clone();
        registry.register("decision_log_records", "Records written to the decision log", records);
        registry.register_with_unit("decision_log_written", "Bytes written to the decision log", Unit::Bytes, bytes);
        registry.register("decision_log_syncs", "Times the decision log waited for the disk", syncs);
        registry.register("decision_log_errors", "Failures to write or sync the decision log", errors);
        registry.register("decision_log_queue_records", "Records that wait for the disk now", queue);

        let StateMetrics { age_seconds, lease_left_seconds, revision, epoch, grants, tenants } = self.state.clone();
        registry.register_with_unit("state_age", "Time since the state was asked for", seconds(), age_seconds);
        registry.register_with_unit("lease_left", "What is left of the lease", seconds(), lease_left_seconds);
        registry.register("state_revision", "The authority's revision in memory", revision);
        registry.register("state_epoch", "The authority's epoch in memory", epoch);
        registry.register("state_grants", "Live Grants in memory", grants);
        registry.register("state_tenants", "Tenants in memory", tenants);
    }

    /// Counts one Decision and how long it took. Atomics only.
    pub fn decided(&self, reason: Reason, took: Duration) {
        if let Some(counter) = self.decisions.get(reason.index()) {
            counter.inc();
        }
        self.evaluation.observe(took);
    }

    /// A policy set is in force from now on.
    pub fn policies_loaded(&self, digest: &str) {
        self.reloads_ok.inc();
        self.policy.clear();
        self.policy.get_or_create(&Digest { digest: digest.to_owned() }).set(1);
    }

    /// Answers are compared with those of this policy set from now on.
    pub fn shadow_loaded(&self, digest: &str) {
        self.shadow_policy.clear();
        self.shadow_policy.get_or_create(&Digest { digest: digest.to_owned() }).set(1);
    }

    /// A changed policy set was not taken up.
    pub fn policies_refused(&self) {
        self.reloads_failed.inc();
    }

    /// Counts one command; `act` is its name in the contract (`submit`, `review`, `set_tenant`, …).
    pub fn commanded(&self, act: &'static str, outcome: LifecycleOutcome) {
        self.lifecycle.get_or_create(&Lifecycle { act, outcome: outcome.as_str() }).inc();
    }

    /// Counts an attempt to send a notice.
    pub fn noticed(&self, channel: &'static str, outcome: NoticeOutcome) {
        self.outbox.attempts.get_or_create(&NoticeLabels { channel, outcome: outcome.as_str() }).inc();
    }

    /// How full the outbox is.
    pub fn outbox(&self, waiting: u64, dead: u64) {
        self.outbox.waiting.set(waiting);
        self.outbox.dead.set(dead);
    }

    /// The handles of one route; `route` is the pattern, never the path of a call.
    pub fn route(&self, method: &'static str, route: &'static str) -> RouteMetrics {
        self.http.route(method, route)
    }

    /// The handles of one listener.
    pub fn listener(&self, listener: &'static str) -> ListenerMetrics {
        self.http.listener(listener)
    }

    /// Everything as OpenMetrics text, which Prometheus reads.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _infallible = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests;
