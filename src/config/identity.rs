//! `[identity]`: how callers prove who they are. Without any of it nobody can: nothing is open.

use super::check::Checker;
use super::{Authority, Oidc, Uid, Url};
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
    /// The issuer whose JWTs are accepted; this version takes one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jwt: Vec<Jwt>,
    /// Where people sign in to the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<Oidc>,
    /// The callers of the Unix socket, by user id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unix_peers: BTreeMap<Uid, UnixPeer>,
    /// Who is proved by a client certificate that a listener's `tls.client_ca_file` has signed. The first rule that fits
    /// one of its names counts; a certificate that no rule names proves nobody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateRule>,
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
    /// How far the issuer's clock may be off, in s, 0 to 60.
    #[serde(default = "leeway")]
    pub leeway_s: u64,
    /// How often the keys are read anew, in s, 1 to 86400.
    #[serde(default = "refresh")]
    pub refresh_s: u64,
    /// The least time between two readings, whatever tokens ask for, in s, 1 to `refresh_s`.
    #[serde(default = "refresh_min")]
    pub refresh_s_min: u64,
    /// How long keys stay in force when they cannot be read any more, in s, `refresh_s` to 604800.
    #[serde(default = "keep")]
    pub keep_s: u64,
    /// Which claim says what.
    #[serde(default)]
    pub claims: Claims,
}

/// RFC 7519 §4.1.4 speaks of "no more than a few minutes"; half a minute covers hosts with NTP.
pub(super) fn leeway() -> u64 {
    30
}

pub(super) fn refresh() -> u64 {
    300
}

fn refresh_min() -> u64 {
    30
}

pub(super) fn keep() -> u64 {
    3600
}

/// Which claim of a JWT says what. A name that begins with `/` is a path (`/realm_access/roles`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Claims {
    /// The person's immutable id.
    pub person: String,
    /// His roles: a list of texts, or one text with roles between spaces.
    pub roles: String,
    /// The tenant he belongs to; without this setting the issuer is the provider's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The issuer's names of roles to ours; what is not named here is nothing. Empty: the issuer uses ours.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub role_names: BTreeMap<String, String>,
}

impl Default for Claims {
    fn default() -> Self {
        Self { person: "sub".to_owned(), roles: "roles".to_owned(), tenant: None, role_names: BTreeMap::new() }
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

/// Whom a client certificate proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateRule {
    /// A name of the certificate (subject alternative name): a SPIFFE URI or another, or a DNS name. One `*` at its end
    /// stands for anything without `/`.
    pub name: String,
    /// The caller's name in the record; `*` in it stands for what the other one stood for.
    pub id: String,
    /// The one workload a service may ask about. Without it the caller is a sidecar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
}

impl CertificateRule {
    fn check(&self, key: &str, check: &mut Checker<'_>) {
        let stem = self.name.strip_suffix('*').unwrap_or(&self.name);
        if stem.is_empty() || stem.contains('*') {
            check.wrong(
                key,
                format!("has the name `{}`: a name may end in one `*`, and must not be that alone", self.name),
            );
        }
        let starred = self.name.ends_with('*');
        if self.id.matches('*').count() > usize::from(starred) {
            check.wrong(key, format!("has the id `{}`: it may have one `*`, and only if `name` ends in one", self.id));
        } else if starred && !self.id.contains('*') {
            check
                .wrong(key, format!("proves everybody under `{}` to be `{}`: put a `*` into `id`", self.name, self.id));
        }
        check.name(key, CallerName::parse(&self.id.replace('*', "x")));
        if let Some(workload) = &self.workload {
            check.name(key, WorkloadName::parse(workload));
        }
    }
}

impl Identity {
    pub(super) fn check(&self, authority: &Authority, check: &mut Checker<'_>) {
        if self.jwt.len() > 1 {
            check.wrong("identity.jwt", format!("has {} issuers: this version takes one", self.jwt.len()));
        }
        for (index, jwt) in self.jwt.iter().enumerate() {
            jwt.check(&format!("identity.jwt.{index}"), check);
        }
        if let Some(oidc) = &self.oidc {
            oidc.check(authority, check);
        }
        for (index, rule) in self.certificates.iter().enumerate() {
            rule.check(&format!("identity.certificates.{index}"), check);
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
        check.range(&format!("{key}.leeway_s"), self.leeway_s, 0..=60);
        check.range(&format!("{key}.refresh_s"), self.refresh_s, 1..=86_400);
        check.range(&format!("{key}.refresh_s_min"), self.refresh_s_min, 1..=self.refresh_s);
        check.range(&format!("{key}.keep_s"), self.keep_s, self.refresh_s..=604_800);
        self.claims.check(key, check);
    }
}

impl Claims {
    pub(super) fn check(&self, key: &str, check: &mut Checker<'_>) {
        for (name, claim) in [("person", &self.person), ("roles", &self.roles)] {
            if claim.is_empty() {
                check.wrong(&format!("{key}.claims.{name}"), "must not be empty");
            }
        }
        for (theirs, ours) in &self.role_names {
            if crate::domain::Role::parse(ours).is_none() {
                let known = crate::domain::Role::ALL.map(crate::domain::Role::as_str).join(", ");
                check.wrong(&format!("{key}.claims.role_names.{theirs}"), format!("is `{ours}`: allowed is {known}"));
            }
        }
    }
}
