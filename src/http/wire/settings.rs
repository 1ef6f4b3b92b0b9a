//! The wire forms of settings: tenants, engineers, and the outbox.

use super::texts;
use crate::domain::{Defaults, Engineer, Limits, Tenant, format_duration};
use crate::state::WireValue;
use crate::store::OutboxEntry;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A tenant's limits as they are in force, and whether they are its own.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsBody {
    /// How long its approvers have to answer, ISO 8601.
    pub respond_within: String,
    /// The longest window of a Grant, ISO 8601.
    pub grant_longest: String,
    /// Which of them are the tenant's own; the others are the provider's.
    pub own: Vec<&'static str>,
}

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantBody {
    /// Which.
    pub id: String,
    /// Counts the changes; the ETag.
    pub version: u64,
    /// `e5`, `add_on` or `none`.
    pub entitlement: &'static str,
    /// Whether its approval is needed.
    pub lockbox: bool,
    /// Who may approve.
    pub approvers: Vec<String>,
    /// Who may approve once the approvers have let most of their time go by.
    pub fallback_approvers: Vec<String>,
    /// Who else is told.
    pub notify: Vec<String>,
    /// Where programs are told of the same: name and URL.
    pub webhooks: BTreeMap<String, String>,
    /// The language of mails, `en` or `hu`.
    pub language: &'static str,
    /// The zone that mails state times in.
    pub time_zone: String,
    /// How many approvers it takes.
    pub quorum: u32,
    /// The limits in force.
    pub limits: LimitsBody,
    /// Further facts for policies.
    #[schema(value_type = Object)]
    pub attributes: BTreeMap<String, WireValue>,
    /// When the settings last changed.
    pub changed_at: String,
    /// What is wrong with the settings, for a person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<&'static str>,
    /// After a change of switch, approvers, quorum or facts: whether no sidecar can still decide by the old ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective: Option<bool>,
    /// From when no sidecar can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_at: Option<String>,
}

/// An engineer.
#[derive(Debug, Serialize, ToSchema)]
pub struct EngineerBody {
    /// Who.
    pub id: String,
    /// Counts the changes; the ETag.
    pub version: u64,
    /// Teams.
    pub teams: Vec<String>,
    /// Clearance level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clearance: Option<i64>,
    /// Country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Whether he is allowed nothing.
    pub suspended: bool,
    /// Further facts for policies.
    #[schema(value_type = Object)]
    pub attributes: BTreeMap<String, WireValue>,
    /// After a change: whether no sidecar can still decide by the old entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective: Option<bool>,
    /// From when no sidecar can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_at: Option<String>,
}

/// A notice in the outbox.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeBody {
    /// Its number.
    pub number: u64,
    /// Since when it waits.
    pub at: String,
    /// What it is about.
    pub kind: &'static str,
    /// To whom: a person's id, or `webhook:` and a name.
    pub to: String,
    /// Which tenant.
    pub tenant: String,
    /// Which AccessRequest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_request: Option<String>,
    /// `waiting`, `sent` or `dead`.
    pub state: &'static str,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, or when it was sent or given up.
    pub state_at: String,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

impl TenantBody {
    /// The wire form of a tenant, with the limits in force under the provider's `defaults`.
    pub fn of(tenant: &Tenant, defaults: Defaults) -> Self {
        Self {
            id: tenant.id.to_string(),
            version: tenant.version,
            entitlement: tenant.entitlement.as_str(),
            lockbox: tenant.lockbox,
            approvers: texts(&tenant.approvers),
            fallback_approvers: texts(&tenant.fallback_approvers),
            notify: texts(&tenant.notify),
            webhooks: tenant.webhooks.iter().map(|(name, url)| (name.to_string(), url.clone())).collect(),
            language: tenant.language.as_str(),
            time_zone: tenant.time_zone.to_string(),
            quorum: tenant.quorum,
            limits: LimitsBody {
                respond_within: format_duration(tenant.respond_within(defaults)),
                grant_longest: format_duration(tenant.grant_longest(defaults)),
                own: own_limits(tenant.limits),
            },
            attributes: WireValue::record(&tenant.attributes),
            changed_at: tenant.changed_at.to_string(),
            alarms: if tenant.nobody_can_approve() {
                vec!["lockbox is on and too few people can approve: every AccessRequest will expire"]
            } else {
                Vec::new()
            },
            effective: None,
            effective_at: None,
        }
    }
}

fn own_limits(limits: Limits) -> Vec<&'static str> {
    let Limits { respond_within, grant_longest } = limits;
    let own = [("respond_within", respond_within), ("grant_longest", grant_longest)];
    own.into_iter().filter(|(_, limit)| limit.is_some()).map(|(name, _)| name).collect()
}

impl From<&Engineer> for EngineerBody {
    fn from(engineer: &Engineer) -> Self {
        Self {
            id: engineer.id.to_string(),
            version: engineer.version,
            teams: engineer.teams.iter().cloned().collect(),
            clearance: engineer.clearance,
            country: engineer.country.clone(),
            suspended: engineer.suspended,
            attributes: WireValue::record(&engineer.attributes),
            effective: None,
            effective_at: None,
        }
    }
}

impl From<&OutboxEntry> for NoticeBody {
    fn from(entry: &OutboxEntry) -> Self {
        Self {
            number: entry.number,
            at: entry.notice.at.to_string(),
            kind: entry.notice.kind.as_str(),
            to: entry.notice.to.to_string(),
            tenant: entry.notice.tenant.to_string(),
            access_request: entry.notice.access_request.map(|id| id.to_string()),
            state: entry.delivery.state.as_str(),
            attempts: entry.delivery.attempts,
            state_at: entry.delivery.at.to_string(),
            last_error: entry.delivery.last_error.clone(),
        }
    }
}
