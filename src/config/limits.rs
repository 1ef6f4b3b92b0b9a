//! `[limits]`: what every listener puts up with. SAFETY.md §5: without them a slow client costs as much as a busy one.

use super::check::Checker;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits of each listener, and of the end of the process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The most open connections a listener has, 1 to 1000000; further ones are refused.
    pub connections_max: u32,
    /// How long a head may take to arrive, in ms, 10 to 600000.
    pub header_timeout_ms: u64,
    /// How long a body may take to arrive, in ms, 10 to 600000.
    pub body_timeout_ms: u64,
    /// The longest body outside the sidecar's own limit, in bytes, 1024 to 16777216.
    pub body_bytes_max: u64,
    /// How long open calls may go on after the process was told to end, in ms, 0 to 600000.
    pub shutdown_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            header_timeout_ms: 5000,
            body_timeout_ms: 10_000,
            body_bytes_max: 64 * 1024,
            shutdown_ms_max: 10_000,
        }
    }
}

impl Limits {
    pub(super) fn check(&self, check: &mut Checker<'_>) {
        check.range("limits.connections_max", self.connections_max, 1..=1_000_000);
        check.range("limits.header_timeout_ms", self.header_timeout_ms, 10..=600_000);
        check.range("limits.body_timeout_ms", self.body_timeout_ms, 10..=600_000);
        check.range("limits.body_bytes_max", self.body_bytes_max, 1024..=16 * 1024 * 1024);
        check.range("limits.shutdown_ms_max", self.shutdown_ms_max, 0..=600_000);
    }
}
