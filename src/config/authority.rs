//! `[authority]`: the AccessRequests, the Grants and the tenants' settings.

use super::check::Checker;
use super::{BeyondLoopback, Database, IsoDuration, Tls, Url};
use crate::domain::Defaults;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The settings of the role authority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Authority {
    /// Where the API and the page listen. Port 0 takes a free port.
    pub listen: SocketAddr,
    /// What to do about an address that other hosts can reach, where this listener has no TLS of its own.
    pub beyond_loopback: BeyondLoopback,
    /// The listener's own TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The address people use, for links; without one it is made from `listen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<Url>,
    /// The SQLite file, relative to the working directory.
    pub database: Database,
    /// How long a customer has to answer, from the notification. ISO 8601, `PT1M` to `P7D`; tenants may only tighten it.
    pub respond_within: IsoDuration,
    /// The longest Grant. ISO 8601, `PT1S` to `P1D`; tenants may only tighten it.
    pub grant_longest: IsoDuration,
    /// When approvers are reminded, from the notification; sooner in proportion for a tenant that gives them less
    /// time. ISO 8601, below `respond_within`; half of it if not set (6 h).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remind_after: Option<IsoDuration>,
    /// When they are reminded for the last time, below `respond_within`; five sixths of it if not set (10 h).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remind_again_after: Option<IsoDuration>,
    /// From when a tenant's fallback approvers are told, and may answer, below `respond_within`; five sixths of it
    /// if not set (10 h).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalate_after: Option<IsoDuration>,
}

impl Default for Authority {
    /// 12 h to answer and 4 h of access are the field's own numbers (DOMAIN.md).
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8180)),
            beyond_loopback: BeyondLoopback::Refuse,
            tls: None,
            public_url: None,
            database: Database::default(),
            respond_within: IsoDuration::from_secs(12 * 3600),
            grant_longest: IsoDuration::from_secs(4 * 3600),
            remind_after: None,
            remind_again_after: None,
            escalate_after: None,
        }
    }
}

impl Authority {
    /// The limits and times of the lifecycle. Reminders at 6 h and 10 h of 12 h are DOMAIN.md's; the fallback
    /// approvers are called together with the last one.
    pub fn defaults(&self) -> Defaults {
        let all = self.respond_within.get();
        let or = |set: Option<IsoDuration>, share: core::time::Duration| set.map_or(share, IsoDuration::get);
        Defaults {
            respond_within: all,
            grant_longest: self.grant_longest.get(),
            remind_after: or(self.remind_after, all / 2),
            remind_again_after: or(self.remind_again_after, all / 6 * 5),
            escalate_after: or(self.escalate_after, all / 6 * 5),
        }
    }

    pub(super) fn check(&self, check: &mut Checker<'_>) {
        if self.tls.is_none() {
            check.listener("authority.listen", self.listen, self.beyond_loopback);
        }
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
        for (key, got) in [
            ("authority.remind_after", self.remind_after),
            ("authority.remind_again_after", self.remind_again_after),
            ("authority.escalate_after", self.escalate_after),
        ] {
            if let Some(got) = got.filter(|got| *got >= self.respond_within) {
                let [got, all] = [got, self.respond_within].map(String::from);
                check.wrong(key, format!("is {got}: it must be below `authority.respond_within`, which is {all}"));
            }
        }
    }
}
