//! `[sidecar]`: who may ask, where, and how much at once.

use super::check::Checker;
use super::{BeyondLoopback, Tls, Url};
use crate::domain::{CallerName, TenantId, WorkloadName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The most tenants that a sidecar names: each of its renewals names all of them, and authorities take so many.
const TENANTS_MAX: usize = 10_000;
/// The most authorities a sidecar knows.
const AUTHORITIES_MAX: usize = 8;

/// The settings of the role sidecar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sidecar {
    /// Where JSON, AuthZEN and forward-auth listen. Port 0 takes a free port.
    pub listen: SocketAddr,
    /// What to do about an address that other hosts can reach, where this listener has no TLS of its own.
    pub beyond_loopback: BeyondLoopback,
    /// The listener's own TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// A Unix socket that answers the same; its callers prove themselves by their user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unix_socket: Option<PathBuf>,
    /// The address callers use, for the AuthZEN metadata; without one it is made from `listen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<Url>,
    /// The workloads this sidecar answers about; empty means every workload of the schema. It is sent nothing of others.
    pub workloads: Vec<String>,
    /// The tenants this sidecar answers about; empty means every tenant. It is sent nothing of others.
    pub tenants: Vec<String>,
    /// Its name among sidecars, where it renews from another process; must be the one its token or certificate proves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How callers on the network prove who they are.
    pub callers: Callers,
    /// With `callers = "trust-loopback"`: the one workload that such callers may ask about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loopback_workload: Option<String>,
    /// The authority to renew from, with `--role sidecar`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_url: Option<Url>,
    /// Further authorities over the same record, at most 8 in all. When one is slow the next one is asked as well.
    pub authority_urls: Vec<Url>,
    /// The file with the token for the authority, readable for its owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_token_file: Option<PathBuf>,
    /// The roots that the authority's certificate must come from, PEM; without it those of the public web.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_ca_file: Option<PathBuf>,
    /// The certificate by which this sidecar proves itself, PEM, in place of a token or beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_certificate_file: Option<PathBuf>,
    /// Its key, PEM, readable for its owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_key_file: Option<PathBuf>,
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
            tls: None,
            unix_socket: None,
            public_url: None,
            workloads: Vec::new(),
            tenants: Vec::new(),
            name: None,
            callers: Callers::Tokens,
            loopback_workload: None,
            authority_url: None,
            authority_urls: Vec::new(),
            authority_token_file: None,
            authority_ca_file: None,
            authority_certificate_file: None,
            authority_key_file: None,
            body_bytes_max: 256 * 1024,
            batch_max: 100,
            authzen: Authzen::default(),
        }
    }
}

impl Sidecar {
    pub(super) fn check(&self, check: &mut Checker<'_>) {
        if self.tls.is_none() {
            check.listener("sidecar.listen", self.listen, self.beyond_loopback);
        }
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
        if self.tenants.len() > TENANTS_MAX {
            let why = format!("names {}: allowed is up to {TENANTS_MAX}; leave it out for all", self.tenants.len());
            check.wrong("sidecar.tenants", why);
        }
        for tenant in &self.tenants {
            check.name("sidecar.tenants", TenantId::parse(tenant));
        }
        if let Some(name) = &self.name {
            check.name("sidecar.name", CallerName::parse(name));
        }
        self.check_authorities(check);
        self.authzen.check(check);
    }
}

impl Sidecar {
    /// The authorities to renew from, in order.
    pub fn authorities(&self) -> impl Iterator<Item = &Url> {
        self.authority_url.iter().chain(&self.authority_urls)
    }

    fn check_authorities(&self, check: &mut Checker<'_>) {
        let count = self.authorities().count();
        check.range("sidecar.authority_urls", count, 0..=AUTHORITIES_MAX);
        for url in self.authorities().filter(|url| !url.is_private()) {
            let why = format!(
                "has `{}`, which would carry the token unprotected: use `https://`, or a loopback address",
                url.as_str()
            );
            check.wrong("sidecar.authority_url", why);
        }
        let (certificate, key) = (&self.authority_certificate_file, &self.authority_key_file);
        let proved = self.authority_token_file.is_some() || certificate.is_some();
        if count > 0 && !proved {
            check.wrong(
                "sidecar.authority_url",
                "needs a proof beside it: `sidecar.authority_token_file`, or `sidecar.authority_certificate_file`",
            );
        }
        if count == 0 && proved {
            let given = if certificate.is_some() { "certificate" } else { "token" };
            check.wrong(&format!("sidecar.authority_{given}_file"), "needs `sidecar.authority_url` beside it");
        }
        if certificate.is_some() != key.is_some() {
            let why = "and `sidecar.authority_key_file` belong together";
            check.wrong("sidecar.authority_certificate_file", why);
        }
    }
}

impl Authzen {
    fn check(&self, check: &mut Checker<'_>) {
        if self.subject_types.is_empty() || self.subject_types.iter().any(String::is_empty) {
            check.wrong("sidecar.authzen.subject_types", "names no subject type: nobody could be asked about");
        }
        for (kind, prefix) in &self.resource_prefix {
            let canonical = prefix.split_once('/').is_some_and(|(tenant, workload)| {
                TenantId::parse(tenant).is_ok() && WorkloadName::parse(workload).is_ok()
            });
            if !canonical {
                let key = format!("sidecar.authzen.resource_prefix.{kind}");
                check.wrong(&key, format!("is `{prefix}`: allowed is `tenant/workload`, such as `contoso/exchange`"));
            }
        }
    }
}
