//! `[lease]`: the numbers behind "no allow later than L after a change" (SAFETY.md §2).

use super::check::Checker;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long a sidecar may go on without news of the authority. Every sidecar and the authority must
/// have the same numbers: the authority waits them out before it calls a revocation effective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Lease {
    /// L: the longest lease, from the moment a renewal is sent, in ms, 200 to 60000.
    pub lease_ms: u64,
    /// H: how long the authority may hold its answer while nothing changes, in ms; at least 10 and less than half of L · (1 - ρ).
    pub hold_ms: u64,
    /// ρ: how far a clock may run fast or slow, as a fraction, 0.0001 to 0.5.
    pub drift_rate_max: f64,
}

impl Default for Lease {
    fn default() -> Self {
        Self { lease_ms: 3000, hold_ms: 500, drift_rate_max: 0.1 }
    }
}

impl Lease {
    pub(super) fn check(&self, check: &mut Checker<'_>) {
        check.range("lease.lease_ms", self.lease_ms, 200..=60_000);
        check.range("lease.drift_rate_max", self.drift_rate_max, 0.0001..=0.5);
        // One lost renewal must not cost the lease, so two holds have to fit into it.
        let usable_ms =
            std::time::Duration::from_millis(self.lease_ms).as_secs_f64() * 1000.0 * (1.0 - self.drift_rate_max);
        let two_holds_ms = std::time::Duration::from_millis(self.hold_ms).as_secs_f64() * 2000.0;
        if self.hold_ms < 10 || two_holds_ms >= usable_ms || usable_ms.is_nan() {
            check.wrong(
                "lease.hold_ms",
                format!(
                    "is {}: allowed is 10 to less than {:.0}, half of `lease_ms` ({}) · (1 - `drift_rate_max` ({}))",
                    self.hold_ms,
                    usable_ms / 2.0,
                    self.lease_ms,
                    self.drift_rate_max
                ),
            );
        }
    }
}
