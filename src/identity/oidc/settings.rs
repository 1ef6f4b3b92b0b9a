//! What is pinned about the issuer and about this client, and how the configuration says it.

use super::super::jwt::{JwtSettings, JwtSettingsError};
use super::super::keys::algorithm;
use super::OidcError;
use crate::config;
use crate::domain::Role;
use core::time::Duration;
use std::path::PathBuf;

/// The issuer, this client, and where people come back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcSettings {
    /// Issuer, client id (as the audience), algorithms, claims, leeway and how often keys are read.
    pub tokens: JwtSettings,
    /// The file with the client's secret; `None`: a public client, which PKCE alone protects.
    pub client_secret_file: Option<PathBuf>,
    /// What is asked for; `openid` is always.
    pub scopes: Vec<String>,
    /// Where people come back to, as it is registered with the issuer.
    pub redirect_uri: String,
    /// The only certificate authorities that the issuer is believed by; `None`: the usual ones.
    pub ca_file: Option<PathBuf>,
}

/// Settings that must not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcSettingsError {
    /// About tokens.
    #[error(transparent)]
    Tokens(#[from] JwtSettingsError),
    /// The secret cannot be used.
    #[error(transparent)]
    Secret(OidcError),
    /// The certificates cannot be used.
    #[error("{0}")]
    Certificates(String),
}

impl OidcSettings {
    /// The settings of `[identity.oidc]`, for people who use this Lockbox at `public_url`.
    pub fn of(oidc: &config::Oidc, public_url: &config::Url) -> Self {
        let config::Oidc {
            issuer,
            client_id,
            client_secret_file,
            scopes,
            algorithms,
            ca_file,
            leeway_s,
            refresh_s,
            keep_s,
            claims: config::Claims { person, roles, tenant, role_names },
        } = oidc;
        // What names no role of ours was refused with the configuration.
        let role = |(theirs, ours): (&String, &String)| Some((theirs.clone(), Role::parse(ours)?));
        let tokens = JwtSettings {
            algorithms: algorithms.iter().filter_map(|name| algorithm(&format!("{name:?}"))).collect(),
            person_claim: person.clone(),
            roles_claim: roles.clone(),
            tenant_claim: tenant.clone(),
            roles: role_names.iter().filter_map(role).collect(),
            leeway_s: *leeway_s,
            refresh: Duration::from_secs(*refresh_s),
            keep: Duration::from_secs(*keep_s),
            ..JwtSettings::of(issuer, client_id)
        };
        Self {
            tokens,
            client_secret_file: client_secret_file.clone(),
            scopes: scopes.clone(),
            redirect_uri: format!("{}{}", public_url.as_str(), config::CALLBACK_PATH),
            ca_file: ca_file.clone(),
        }
    }
}
