//! `[sidecar]`: who may ask, where, and how much at once.

use super::check::Checker;
use super::{BeyondLoopback, Url};
use crate::domain::WorkloadName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The settings of the role sidecar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sidecar {
    /// Where JSON, AuthZEN and forward-auth listen. Port 0 takes a free port.
    pub listen: SocketAddr,
    /// What to do about an address that other hosts can reach: this listener has no TLS of its own.
    pub beyond_loopback: BeyondLoopback,
    /// A Unix socket that answers the same; its callers prove themselves by their user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unix_socket: Option<PathBuf>,
    /// The address callers use, for the AuthZEN metadata; without one it is made from `listen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<Url>,
    /// The workloads this sidecar answers about; empty means every workload of the schema.
    pub workloads: Vec<String>,
    /// How callers on the network prove who they are.
    pub callers: Callers,
    /// With `callers = "trust-loopback"`: the one workload that such callers may ask about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loopback_workload: Option<String>,
    /// The authority to renew from, when it runs in another process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_url: Option<Url>,
    /// The file with the token for that authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_token_file: Option<PathBuf>,
    /// The longest body of a question or a batch, in bytes, 1024 to 16777216.
    pub body_bytes_max: u64,
    /// The most questions in one batch, 1 to 1000.
    pub batch_max: u32,
    /// What AuthZEN leaves to the implementer.
    pub authzen: Authzen,
}

/// How callers on the network prove who they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Callers {
    /// A bearer token or a JWT, from everybody.
    #[default]
    Tokens,
    /// No proof from a loopback address: everything that runs on this host may ask about
    /// `loopback_workload`. A proof that is shown must hold all the same.
    TrustLoopback,
}

/// What AuthZEN 1.0 leaves to the implementer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Authzen {
    /// When a response carries a context (reason, evaluation id, approval).
    pub include_context: IncludeContext,
    /// The subject types that mean an engineer.
    pub subject_types: Vec<String>,
    /// For resource types whose ids name no tenant and workload: the `tenant/workload` to put before them.
    pub resource_prefix: BTreeMap<String, String>,
}

/// When an AuthZEN response carries a context.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncludeContext {
    /// In every response.
    #[default]
    Always,
    /// In denials.
    OnDeny,
    /// In none, for clients that compare whole responses.
    Never,
}

impl Default for Authzen {
    fn default() -> Self {
        Self {
            include_context: IncludeContext::Always,
            subject_types: vec!["engineer".to_owned()],
            resource_prefix: BTreeMap::new(),
        }
    }
}

impl Default for Sidecar {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8181)),
            beyond_loopback: BeyondLoopback::Refuse,
            unix_socket: None,
            public_url: None,
            workloads: Vec::new(),
            callers: Callers::Tokens,
            loopback_workload: None,
            authority_url: None,
            authority_token_file: None,
            body_bytes_max: 256 * 1024,
            batch_max: 100,
            authzen: Authzen::default(),
        }
    }
}

impl Sidecar {
    pub(super) fn check(&self, check: &mut Checker<'_>) {
        check.listener("sidecar.listen", self.listen, self.beyond_loopback);
        check.range("sidecar.body_bytes_max", self.body_bytes_max, 1024..=16 * 1024 * 1024);
        check.range("sidecar.batch_max", self.batch_max, 1..=1000);
        if self.callers == Callers::TrustLoopback && !self.listen.ip().is_loopback() {
            check.wrong("sidecar.callers", "is `trust-loopback`, which needs a loopback address in `sidecar.listen`");
        }
        match (self.callers, &self.loopback_workload) {
            (Callers::TrustLoopback, None) => check.wrong(
                "sidecar.callers",
                "is `trust-loopback`, which needs `sidecar.loopback_workload`: a caller is bound to one workload",
            ),
            (Callers::Tokens, Some(_)) => {
                check.wrong(
                    "sidecar.loopback_workload",
                    "has a meaning only with `sidecar.callers = \"trust-loopback\"`",
                );
            }
            _ => {}
        }
        for workload in self.workloads.iter().chain(&self.loopback_workload) {
            check.name("sidecar.workloads", WorkloadName::parse(workload));
        }
        match (&self.authority_url, &self.authority_token_file) {
            (Some(_), None) => check.wrong("sidecar.authority_url", "needs `sidecar.authority_token_file` beside it"),
            (None, Some(_)) => check.wrong("sidecar.authority_token_file", "needs `sidecar.authority_url` beside it"),
            _ => {}
        }
        if self.authority_url.as_ref().is_some_and(|url| !url.is_private()) {
            check.wrong(
                "sidecar.authority_url",
                "would carry the token unprotected: use `https://`, or a loopback address",
            );
        }
        self.authzen.check(check);
    }
}

impl Authzen {
    fn check(&self, check: &mut Checker<'_>) {
        if self.subject_types.is_empty() || self.subject_types.iter().any(String::is_empty) {
            check.wrong("sidecar.authzen.subject_types", "names no subject type: nobody could be asked about");
        }
        for (kind, prefix) in &self.resource_prefix {
            let canonical = prefix.split_once('/').is_some_and(|(tenant, workload)| {
                crate::domain::TenantId::parse(tenant).is_ok() && WorkloadName::parse(workload).is_ok()
            });
            if !canonical {
                let key = format!("sidecar.authzen.resource_prefix.{kind}");
                check.wrong(&key, format!("is `{prefix}`: allowed is `tenant/workload`, such as `contoso/exchange`"));
            }
        }
    }
}
