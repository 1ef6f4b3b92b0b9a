//! `[cache]`: the decision cache. It can make nothing allowed that is not: revision, policies and the
//! whole question are in its key.

use super::check::Checker;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The decision cache of a sidecar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// Whether Decisions are kept at all.
    pub enabled: bool,
    /// The most Decisions kept, 1 to 10000000.
    pub entries_max: u64,
    /// The longest a Decision is kept, in ms, 1 to 1000: an upper bound under lease and Grant, never sliding.
    pub ttl_ms_max: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self { enabled: true, entries_max: 100_000, ttl_ms_max: 1000 }
    }
}

impl Cache {
    pub(super) fn check(&self, check: &mut Checker<'_>) {
        check.range("cache.entries_max", self.entries_max, 1..=10_000_000);
        check.range("cache.ttl_ms_max", self.ttl_ms_max, 1..=1000);
    }
}
