//! `[console]`: the web page of the authority, and how long somebody stays signed in to it.

use super::Identity;
use super::check::Checker;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The settings of the web page. The defaults follow OWASP's session management: half an hour of
/// silence, a working day at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Console {
    /// After how long without a click somebody must sign in again, in s, 60 to `session_s_max`.
    pub session_idle_s: u64,
    /// How long a session lasts at most, in s, 60 to 86400.
    pub session_s_max: u64,
    /// How long ago somebody may have proved who he is to approve, to revoke or to use the switch, in s, 30 to
    /// `session_s_max`; else he is asked again, and what he wrote is kept.
    pub proof_s_max: u64,
    /// Whether a local token also signs somebody in to the page. Without it `[identity.oidc]` is the only way.
    pub token_sign_in: bool,
}

impl Default for Console {
    fn default() -> Self {
        Self { session_idle_s: 30 * 60, session_s_max: 8 * 3600, proof_s_max: 10 * 60, token_sign_in: true }
    }
}

impl Console {
    pub(super) fn check(&self, identity: &Identity, check: &mut Checker<'_>) {
        check.range("console.session_s_max", self.session_s_max, 60..=86_400);
        check.range("console.session_idle_s", self.session_idle_s, 60..=self.session_s_max);
        check.range("console.proof_s_max", self.proof_s_max, 30..=self.session_s_max);
        if !self.token_sign_in && identity.oidc.is_none() {
            check.wrong(
                "console.token_sign_in",
                "is off, and without `[identity.oidc]` nobody could sign in to the page",
            );
        }
    }
}
