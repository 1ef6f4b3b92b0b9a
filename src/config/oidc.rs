//! `[identity.oidc]`: how people sign in to the page, by OpenID Connect.

use super::check::Checker;
use super::{Algorithm, Authority, Claims};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where people come back to, below `authority.public_url`.
pub const CALLBACK_PATH: &str = "/sign-in/callback";

/// The issuer that people sign in at, and what this client is there. The address to register with the
/// issuer is `authority.public_url` followed by `/sign-in/callback`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// The issuer, to the letter: its description is read from `/.well-known/openid-configuration` below it.
    pub issuer: String,
    /// This client's id at the issuer.
    pub client_id: String,
    /// The file with the client's secret, readable by its owner only. Without it the client is a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// What is asked for; claims often need more than `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The accepted signatures of ID tokens; all asymmetric.
    pub algorithms: Vec<Algorithm>,
    /// The only certificate authorities that the issuer is believed by, as PEM; without it the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// How far the issuer's clock may be off, in s, 0 to 60.
    #[serde(default = "super::identity::leeway")]
    pub leeway_s: u64,
    /// How often the issuer's description and keys are read anew, in s, 30 to 86400.
    #[serde(default = "super::identity::refresh")]
    pub refresh_s: u64,
    /// How long they stay in force when they cannot be read any more, in s, `refresh_s` to 604800.
    #[serde(default = "super::identity::keep")]
    pub keep_s: u64,
    /// Which claim says what.
    #[serde(default)]
    pub claims: Claims,
}

fn scopes() -> Vec<String> {
    vec!["openid".to_owned()]
}

impl Oidc {
    pub(super) fn check(&self, authority: &Authority, check: &mut Checker<'_>) {
        const KEY: &str = "identity.oidc";
        if !is_issuer(&self.issuer) {
            let wrong =
                "must be the issuer's https address without query and fragment (http on a loopback address only)";
            check.wrong("identity.oidc.issuer", format!("is `{}`: it {wrong}", self.issuer));
        }
        if self.client_id.is_empty() || !self.client_id.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            check.wrong("identity.oidc.client_id", "must be the id that the issuer gave this client, in visible ASCII");
        }
        if self.algorithms.is_empty() {
            check.wrong(KEY, "names no algorithm in `algorithms`: no ID token could be accepted");
        }
        let token = |scope: &String| {
            !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
        };
        if !self.scopes.iter().all(token) {
            check.wrong("identity.oidc.scopes", "must list scopes one by one, without spaces and quotes");
        }
        match &authority.public_url {
            None => check.wrong(KEY, "needs `authority.public_url`: the issuer must know where to send people back to"),
            Some(url) if !url.is_private() => {
                check.wrong(KEY, "needs an `authority.public_url` with https (http on a loopback address only)");
            }
            Some(_) => {}
        }
        check.range("identity.oidc.leeway_s", self.leeway_s, 0..=60);
        check.range("identity.oidc.refresh_s", self.refresh_s, 30..=86_400);
        check.range("identity.oidc.keep_s", self.keep_s, self.refresh_s..=604_800);
        self.claims.check(KEY, check);
    }
}

/// An issuer as OpenID Connect Discovery wants it; a closing slash is part of it.
fn is_issuer(text: &str) -> bool {
    let plain = super::Url::try_from(text.trim_end_matches('/').to_owned());
    plain.is_ok_and(|url| url.is_private()) && text.bytes().all(|b| b.is_ascii_graphic())
}
