//! Numbers of the listeners and of each route. A route asks for its handles once, when the router is
//! built; a call then touches atomics only.

use super::Histogram;
use core::sync::atomic::Ordering;
use core::time::Duration;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// The class of an HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusClass {
    /// 100 to 199.
    Informational,
    /// 200 to 299.
    Success,
    /// 300 to 399.
    Redirection,
    /// 400 to 499.
    ClientError,
    /// Everything else: 500 and above.
    ServerError,
}

impl StatusClass {
    const NAMES: [&'static str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

    /// The class of a status code.
    pub fn of(status: u16) -> Self {
        match status {
            100..=199 => Self::Informational,
            200..=299 => Self::Success,
            300..=399 => Self::Redirection,
            400..=499 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    method: &'static str,
    route: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: &'static str,
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Listener {
    listener: &'static str,
}

/// A handle of its own on one member of a family. `get_or_create` gives a read lock on the family;
/// held over a second call, by a temporary in the same statement, it would wait for itself for ever.
pub(super) fn handle<S, M, C>(family: &Family<S, M, C>, labels: &S) -> M
where
    S: Clone + core::hash::Hash + Eq,
    M: Clone,
    C: MetricConstructor<M>,
{
    family.get_or_create(labels).clone()
}

/// Families of the HTTP numbers, from which handles are drawn.
#[derive(Debug, Default)]
pub(super) struct Families {
    calls: Family<Call, Counter>,
    took: Family<Route, Histogram>,
    open: Family<Listener, Gauge>,
    accepted: Family<Listener, Counter>,
    refused: Family<Listener, Counter>,
}

impl Families {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Calls answered, by route pattern and class of status", self.calls.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a call to its answer",
            Unit::Seconds,
            self.took.clone(),
        );
        registry.register("connections_open", "Connections open now", self.open.clone());
        registry.register("connections_accepted", "Connections taken", self.accepted.clone());
        registry.register(
            "connections_refused",
            "Connections refused because the limit was reached",
            self.refused.clone(),
        );
    }

    pub(super) fn route(&self, method: &'static str, route: &'static str) -> RouteMetrics {
        RouteMetrics {
            calls: StatusClass::NAMES.map(|status| handle(&self.calls, &Call { method, route, status })),
            took: handle(&self.took, &Route { method, route }),
        }
    }

    pub(super) fn listener(&self, listener: &'static str) -> ListenerMetrics {
        let labels = Listener { listener };
        ListenerMetrics {
            open: handle(&self.open, &labels),
            accepted: handle(&self.accepted, &labels),
            refused: handle(&self.refused, &labels),
        }
    }
}

/// The numbers of one route.
#[derive(Debug, Clone)]
pub struct RouteMetrics {
    calls: [Counter; 5],
    took: Histogram,
}

impl RouteMetrics {
    /// Counts one answer.
    pub fn answered(&self, status: u16, took: Duration) {
        if let Some(counter) = self.calls.get(StatusClass::of(status) as usize) {
            counter.inc();
        }
        self.took.observe(took);
    }
}

/// The numbers of one listener.
#[derive(Debug, Clone)]
pub struct ListenerMetrics {
    open: Gauge,
    accepted: Counter,
    refused: Counter,
}

impl ListenerMetrics {
    /// Takes over what the listener has counted since it began.
    pub fn carry(&self, open: usize, accepted: u64, refused: u64) {
        self.open.set(i64::try_from(open).unwrap_or(i64::MAX));
        self.accepted.inner().store(accepted, Ordering::Relaxed);
        self.refused.inner().store(refused, Ordering::Relaxed);
    }
}
