//! What an operator sets: the sections of `lockbox.toml`, read with the environment on top, checked
//! before anything starts.
//!
//! Invariant: nothing here opens a socket, reads a secret or reads the process's environment; the
//! environment is a parameter. A [`Config`] that exists has passed every check of this module.

mod authority;
mod cache;
mod check;
mod console;
mod database;
mod explain;
mod ext_authz;
mod identity;
mod lease;
mod limits;
mod load;
mod log;
mod mail;
mod oidc;
mod operations;
mod policies;
mod sidecar;
mod telemetry;
mod tls;
mod values;
mod webhooks;

pub use authority::{Authority, DatabaseStandby};
pub use cache::Cache;
pub use check::{ConfigError, Problem};
pub use console::Console;
pub use database::{Database, DatabaseHost, Postgres};
pub use explain::{Explanation, Setting};
pub use ext_authz::ExtAuthz;
pub use identity::{Algorithm, CertificateRule, Claims, Identity, Jwt, UnixPeer};
pub use lease::Lease;
pub use limits::Limits;
pub use load::Origins;
pub use log::{Durability, Log};
pub use mail::{Mail, MailLanguage, MailTls};
pub use oidc::{CALLBACK_PATH, Oidc};
pub use operations::Operations;
pub use policies::{EvidenceKind, Policies};
pub use sidecar::{Authzen, Callers, IncludeContext, Sidecar};
pub use telemetry::{LogFormat, Telemetry};
pub use tls::Tls;
pub use values::{BeyondLoopback, IsoDuration, Uid, Url};
pub use webhooks::{Network, Webhooks};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Every setting of every role. The wiring takes it apart field by field, so that a setting nobody
/// uses is a compiler warning.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "lockbox.toml")]
pub struct Config {
    /// The authority: who asked, who approved, and the tenants' settings.
    pub authority: Authority,
    /// The authority's web page.
    pub console: Console,
    /// The sidecar: answers evaluations from memory.
    pub sidecar: Sidecar,
    /// The sidecar's Envoy listener.
    pub ext_authz: ExtAuthz,
    /// Health, readiness, metrics and version, for every role.
    pub operations: Operations,
    /// The Cedar policies and the schema.
    pub policies: Policies,
    /// The decision cache.
    pub cache: Cache,
    /// How long a sidecar may go on without news.
    pub lease: Lease,
    /// The decision log.
    pub log: Log,
    /// How callers prove who they are.
    pub identity: Identity,
    /// Notices as mail.
    pub mail: Mail,
    /// Notices as signed calls to the tenants' systems.
    pub webhooks: Webhooks,
    /// Limits of every listener.
    pub limits: Limits,
    /// The program's own log.
    pub telemetry: Telemetry,
    /// Where each value came from; not itself a setting.
    #[serde(skip)]
    pub origins: Origins,
}

impl Config {
    /// The JSON Schema of `lockbox.toml`, as it is checked in under `schemas/`.
    pub fn schema() -> String {
        let schema = schemars::schema_for!(Self);
        let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
        text.push('\n');
        text
    }

    /// What is in force, as a `lockbox.toml` that would give the same. Shows no secret because a
    /// configuration holds none, only the names of files.
    ///
    /// # Errors
    /// [`toml::ser::Error`] when a value has no TOML form.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }

    fn check(&self, check: &mut check::Checker<'_>) {
        self.authority.check(check);
        self.console.check(&self.identity, check);
        self.sidecar.check(check);
        self.ext_authz.check(check);
        self.operations.check(check);
        self.policies.check(self.sidecar.authority_certificate_file.is_some(), check);
        self.cache.check(check);
        self.lease.check(check);
        self.log.check(check);
        self.identity.check(&self.authority, check);
        self.mail.check(check);
        self.webhooks.check(check);
        self.limits.check(check);
        self.telemetry.check(check);
        check.distinct_listeners(&[
            ("authority.listen", self.authority.listen),
            ("sidecar.listen", self.sidecar.listen),
            ("ext_authz.listen", self.ext_authz.listen),
            ("operations.listen", self.operations.listen),
        ]);
    }
}

#[cfg(test)]
mod tests;
