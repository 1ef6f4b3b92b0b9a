//! `[identity]`: how callers prove who they are. Without any of it nobody can: nothing is open.

use super::check::Checker;
use super::{Uid, Url};
use crate::domain::{CallerName, WorkloadName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The accepted proofs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// The file of token hashes, as `lockbox config token` writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_file: Option<PathBuf>,
    /// The issuers whose JWTs are accepted; at most 16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jwt: Vec<Jwt>,
    /// The callers of the Unix socket, by user id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unix_peers: BTreeMap<Uid, UnixPeer>,
}

/// An issuer of JWTs, pinned: audience, algorithms and keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// The `iss` that must be there, to the letter.
    pub issuer: String,
    /// The `aud` that must be there.
    pub audience: String,
    /// The accepted signatures; all asymmetric.
    pub algorithms: Vec<Algorithm>,
    /// The keys as a JWK set in a file. Either this or `jwks_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_file: Option<PathBuf>,
    /// The keys as a JWK set behind an address. Either this or `jwks_file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<Url>,
    /// How far the issuer's clock may be off, in s, 0 to 300.
    #[serde(default = "leeway")]
    pub leeway_s: u64,
    /// Which claim says what.
    #[serde(default)]
    pub claims: Claims,
}

/// RFC 7519 §4.1.4 speaks of "no more than a few minutes"; half a minute covers hosts with NTP.
fn leeway() -> u64 {
    30
}

/// Which claim of a JWT says what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Claims {
    /// The person's immutable id.
    pub person: String,
    /// His roles, a list of strings.
    pub roles: String,
    /// The tenant he belongs to; absent for the provider's people.
    pub tenant: String,
    /// The workload, for a service.
    pub workload: String,
}

impl Default for Claims {
    fn default() -> Self {
        let [person, roles, tenant, workload] = ["sub", "roles", "tenant", "workload"].map(str::to_owned);
        Self { person, roles, tenant, workload }
    }
}

/// A signature algorithm (RFC 7518, RFC 8037). No symmetric one: whoever checks could then also sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names are those of RFC 7518 and RFC 8037")]
pub enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

/// A workload service that calls over the Unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnixPeer {
    /// Its name in the record.
    pub name: String,
    /// The one workload it may ask about.
    pub workload: String,
}

impl Identity {
    pub(super) fn check(&self, check: &mut Checker<'_>) {
        if self.jwt.len() > 16 {
            check.wrong("identity.jwt", format!("has {} issuers: allowed are at most 16", self.jwt.len()));
        }
        for (index, jwt) in self.jwt.iter().enumerate() {
            jwt.check(&format!("identity.jwt.{index}"), check);
            if self.jwt.iter().take(index).any(|other| other.issuer == jwt.issuer) {
                check.wrong("identity.jwt", format!("names the issuer `{}` twice", jwt.issuer));
            }
        }
        for (uid, UnixPeer { name, workload }) in &self.unix_peers {
            let key = format!("identity.unix_peers.{}", uid.get());
            check.name(&key, CallerName::parse(name));
            check.name(&key, WorkloadName::parse(workload));
        }
    }
}

impl Jwt {
    fn check(&self, key: &str, check: &mut Checker<'_>) {
        if self.issuer.is_empty() || self.audience.is_empty() {
            check.wrong(key, "needs `issuer` and `audience`: without them a token for another service would do");
        }
        if self.algorithms.is_empty() {
            check.wrong(key, "names no algorithm in `algorithms`: no token could be accepted");
        }
        if self.jwks_file.is_some() == self.jwks_url.is_some() {
            check.wrong(key, "needs either `jwks_file` or `jwks_url`");
        }
        if self.jwks_url.as_ref().is_some_and(|url| !url.is_private()) {
            check.wrong(key, "would fetch keys unprotected: `jwks_url` needs `https://`, or a loopback address");
        }
        if self.leeway_s > 300 {
            check.wrong(key, format!("has `leeway_s` {}: allowed is 0 to 300", self.leeway_s));
        }
    }
}
