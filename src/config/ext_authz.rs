//! `[ext_authz]`: Envoy's external authorization over gRPC.

use super::BeyondLoopback;
use super::check::Checker;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The Envoy listener of a sidecar. Accepted and checked in this version; nothing listens on it yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExtAuthz {
    /// Where `envoy.service.auth.v3.Authorization` listens, once it does. Port 0 takes a free port.
    pub listen: SocketAddr,
    /// What to do about an address that other hosts can reach: this listener has no TLS of its own.
    pub beyond_loopback: BeyondLoopback,
}

impl Default for ExtAuthz {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8182)), beyond_loopback: BeyondLoopback::Refuse }
    }
}

impl ExtAuthz {
    pub(super) fn check(&self, check: &mut Checker<'_>) {
        check.listener("ext_authz.listen", self.listen, self.beyond_loopback);
    }
}
