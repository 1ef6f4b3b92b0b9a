//! `[authority]`: the AccessRequests, the Grants and the tenants' settings.

use super::check::Checker;
use super::{BeyondLoopback, Database, IsoDuration, Url};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The settings of the role authority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Authority {
    /// Where the API and the page listen. Port 0 takes a free port.
    pub listen: SocketAddr,
    /// What to do about an address that other hosts can reach: this listener has no TLS of its own.
    pub beyond_loopback: BeyondLoopback,
    /// The address people use, for links; without one it is made from `listen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<Url>,
    /// The SQLite file, relative to the working directory.
    pub database: Database,
    /// How long a customer has to answer, from the notification. ISO 8601, `PT1M` to `P7D`; tenants may only tighten it.
    pub respond_within: IsoDuration,
    /// The longest Grant. ISO 8601, `PT1S` to `P1D`; tenants may only tighten it.
    pub grant_longest: IsoDuration,
}

impl Default for Authority {
    /// 12 h to answer and 4 h of access are the field's own numbers (DOMAIN.md).
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8180)),
            beyond_loopback: BeyondLoopback::Refuse,
            public_url: None,
            database: Database::default(),
            respond_within: IsoDuration::from_secs(12 * 3600),
            grant_longest: IsoDuration::from_secs(4 * 3600),
        }
    }
}

impl Authority {
    pub(super) fn check(&self, check: &mut Checker<'_>) {
        check.listener("authority.listen", self.listen, self.beyond_loopback);
        let bounds = [
            ("authority.respond_within", self.respond_within, 60, 7 * 86_400),
            ("authority.grant_longest", self.grant_longest, 1, 86_400),
        ];
        for (key, got, least, most) in bounds {
            let (least, most) = (IsoDuration::from_secs(least), IsoDuration::from_secs(most));
            if got < least || got > most {
                let [got, least, most] = [got, least, most].map(String::from);
                check.wrong(key, format!("is {got}: allowed is {least} to {most}"));
            }
        }
    }
}
