//! What the program says about itself: its own log on standard error, and numbers for Prometheus.
//!
//! Invariant: nothing here decides anything, and nothing here names a person, a tenant, a token or
//! content: labels are drawn from closed sets.

mod histogram;
mod http;
mod logs;
mod metrics;

pub use histogram::Histogram;
pub use http::{ListenerMetrics, RouteMetrics, StatusClass};
pub use logs::{TelemetryError, init};
pub use metrics::{
    AccessMetrics, AccessOutcome, CONTENT_TYPE, CacheMetrics, LifecycleOutcome, LogMetrics, Metrics, NoticeOutcome,
    ShadowMetrics, StateMetrics,
};
