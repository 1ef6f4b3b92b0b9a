//! `[operations]`: `/livez`, `/readyz`, `/metrics` and `/version`, for every role.

use super::BeyondLoopback;
use super::check::Checker;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The operations listener. It asks for no proof and shows no names of people or tenants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Operations {
    /// Where it listens. Port 0 takes a free port.
    pub listen: SocketAddr,
    /// What to do about an address that other hosts can reach: this listener has no TLS of its own.
    pub beyond_loopback: BeyondLoopback,
}

impl Default for Operations {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9180)), beyond_loopback: BeyondLoopback::Refuse }
    }
}

impl Operations {
    pub(super) fn check(&self, check: &mut Checker<'_>) {
        check.listener("operations.listen", self.listen, self.beyond_loopback);
    }
}
