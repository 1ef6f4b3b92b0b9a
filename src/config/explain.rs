//! What `lockbox config check` says: every value in force, where it is from, and what is allowed but
//! worth a second thought.

use super::{BeyondLoopback, Callers, Config, Database, DatabaseStandby, Durability};
use core::fmt;
use core::time::Duration;

/// One value in force.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Setting {
    /// The key, dotted.
    pub key: String,
    /// The value as TOML.
    pub value: String,
    /// The file, the variable, or `default`.
    pub origin: String,
}

/// A configuration in words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// Every value in force, in the order of the keys.
    pub settings: Vec<Setting>,
    /// What is allowed, but worth a second thought.
    pub warnings: Vec<String>,
}

impl Config {
    /// What is in force, and where it is from. Holds no secret because a [`Config`] holds none.
    pub fn explain(&self) -> Explanation {
        let mut settings = Vec::new();
        if let Ok(table) = toml::Table::try_from(self) {
            flatten(self, "", &toml::Value::Table(table), &mut settings);
        }
        settings.sort_by(|a, b| a.key.cmp(&b.key));
        Explanation { settings, warnings: warnings(self) }
    }
}

fn flatten(config: &Config, path: &str, value: &toml::Value, settings: &mut Vec<Setting>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(config, &path, value, settings);
            }
        }
        leaf => settings.push(Setting {
            key: path.to_owned(),
            value: leaf.to_string(),
            origin: config.origins.of(path).to_owned(),
        }),
    }
}

fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |when: bool, text: String| {
        if when {
            warnings.push(text);
        }
    };
    let Config { authority, sidecar, ext_authz, operations, log, identity, .. } = config;
    warn(
        sidecar.callers == Callers::TrustLoopback,
        "`sidecar.callers` is `trust-loopback`: every process of this host, and everything a proxy on it lets \
         through, may ask about `sidecar.loopback_workload` without proof"
            .to_owned(),
    );
    warn(
        log.durability == Durability::Process,
        "`log.durability` is `process`: a power cut can lose the record of the last allows".to_owned(),
    );
    let listeners = [
        ("authority", authority.listen, authority.beyond_loopback),
        ("sidecar", sidecar.listen, sidecar.beyond_loopback),
        ("ext_authz", ext_authz.listen, ext_authz.beyond_loopback),
        ("operations", operations.listen, operations.beyond_loopback),
    ];
    for (section, listen, beyond) in listeners {
        warn(
            !listen.ip().is_loopback() && beyond == BeyondLoopback::TlsIsTerminatedInFront,
            format!("`{section}.listen` is {listen} without TLS: only what is in front of it keeps others out"),
        );
    }
    let nobody = identity.tokens_file.is_none() && identity.jwt.is_empty() && identity.oidc.is_none();
    warn(nobody, "`identity` has no `tokens_file`, no `jwt` and no `oidc`: nobody can sign in".to_owned());
    warn(
        sidecar.unix_socket.is_some() && identity.unix_peers.is_empty(),
        "`sidecar.unix_socket` is set, but `identity.unix_peers` names nobody who may use it".to_owned(),
    );
    let folders = ["policies.dir", "policies.schema"].map(|key| config.origins.of(key));
    warn(
        (config.policies.bundle.is_some() || config.policies.bundle_url.is_some()) && folders != ["default"; 2],
        "`policies.dir` and `policies.schema` have no meaning beside a bundle".to_owned(),
    );
    warn(
        matches!(authority.database, Database::Postgres(_)) && authority.standby() == DatabaseStandby::None,
        "`authority.database_standby` is `none`: if another server ever takes over from this one, changes that were \
         acknowledged can be lost, and the server that was replaced can go on giving leases"
            .to_owned(),
    );
    warn(
        authority.respond_within.get() > Duration::from_secs(12 * 3600),
        "`authority.respond_within` is longer than the usual 12 h".to_owned(),
    );
    warn(
        authority.grant_longest.get() > Duration::from_secs(4 * 3600),
        "`authority.grant_longest` is longer than the usual 4 h".to_owned(),
    );
    warnings
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.settings.iter().map(|setting| setting.key.len()).max().unwrap_or(0);
        for Setting { key, value, origin } in &self.settings {
            writeln!(f, "{key:width$} = {value}  ({origin})")?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}
