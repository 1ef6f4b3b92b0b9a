//! What the API sends: the wire forms of domain values (DESIGN.md §2–3), and their description for
//! OpenAPI. Domain types never serialize themselves.

use crate::domain::{AccessRequest, Actor, Decided, Defaults, Engineer, Event, Grant, Review, Tenant, format_duration};
use crate::evaluate_access::{Answer, Touched};
use crate::state::WireValue;
use crate::store::OutboxEntry;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A list, and where it continues.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListBody<T> {
    /// The items.
    pub items: Vec<T>,
    /// Pass as `cursor` to continue; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Why access is asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonBody {
    /// One of the reason codes.
    pub code: &'static str,
    /// In the engineer's words.
    pub text: String,
}

/// A review or a decision.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecidedBody {
    /// By whom.
    pub by: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// What he said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// How he proved who he is: method, strength, address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<AuthenticationBody>,
}

/// How somebody proved who he is.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthenticationBody {
    /// `token` or `jwt`.
    pub method: &'static str,
    /// The issuer's `acr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strength: Option<String>,
    /// The network address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// The end of a Grant.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndedBody {
    /// When.
    pub at: String,
    /// `closed`, `revoked` or `ended`.
    pub how: &'static str,
    /// By whom; absent for the clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A Grant.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantBody {
    /// Its id.
    pub id: String,
    /// The actions it allows.
    pub actions: Vec<String>,
    /// The content it allows; empty for the whole workload.
    pub content: Vec<String>,
    /// `customer`, or `internal` where lockbox was off.
    pub approval: &'static str,
    /// The first instant within.
    pub starts_at: String,
    /// The first instant after.
    pub expires_at: String,
    /// Its end; null while it has none.
    pub ended: Option<EndedBody>,
}

/// An AccessRequest.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessRequestBody {
    /// `LBX-` and a number.
    pub id: String,
    /// Counts the changes; the ETag.
    pub version: u64,
    /// Its state.
    pub state: &'static str,
    /// Whose content.
    pub tenant: String,
    /// Where.
    pub workload: String,
    /// Who asks.
    pub engineer: String,
    /// The support case.
    pub service_request: String,
    /// Why.
    pub reason: ReasonBody,
    /// For how long, ISO 8601.
    pub duration: String,
    /// The actions asked for.
    pub actions: Vec<String>,
    /// The content asked for; empty for the whole workload.
    pub content: Vec<String>,
    /// When he asked.
    pub submitted_at: String,
    /// The internal review.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<DecidedBody>,
    /// Until when the customer has time to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub respond_by: Option<String>,
    /// Who has approved so far, where it takes several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<DecidedBody>,
    /// The customer's decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<DecidedBody>,
    /// The Grant, live or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantBody>,
    /// After close, revoke and the switch: whether no sidecar can still allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective: Option<bool>,
    /// After close, revoke and the switch: from when no sidecar can still allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_at: Option<String>,
}

/// One entry of a history.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventBody {
    /// When.
    pub at: String,
    /// What happened.
    pub kind: &'static str,
    /// By whom; `clock` where a time ran out.
    pub by: String,
    /// How he proved who he is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<AuthenticationBody>,
    /// The state it led to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    /// The version it led to.
    pub version: u64,
    /// What the person said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A tenant's limits as they are in force, and whether they are its own.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsBody {
    /// How long its approvers have to answer, ISO 8601.
    pub respond_within: String,
    /// The longest window of a Grant, ISO 8601.
    pub grant_longest: String,
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
    /// Who else is told.
    pub notify: Vec<String>,
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
    /// After a change of the switch: whether no sidecar can still decide by the old setting.
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
    /// To whom.
    pub to: String,
    /// Which tenant.
    pub tenant: String,
    /// Which AccessRequest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_request: Option<String>,
}

/// One Decision under an AccessRequest.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessBody {
    /// The decision id.
    pub decision_id: String,
    /// When.
    pub at: String,
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// Why.
    pub reason: String,
    /// What was to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// To which content; absent for the workload as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Who asked the sidecar.
    pub caller: String,
}

/// The Grant behind an allow.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantRefBody<'a> {
    /// The Grant.
    pub id: &'a str,
    /// Its AccessRequest.
    pub access_request: String,
    /// When it ends.
    pub expires_at: String,
}

/// What came closest to an allow.
#[derive(Debug, Serialize, ToSchema)]
pub struct NearestBody<'a> {
    /// The AccessRequest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_request: Option<String>,
    /// Its Grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<&'a str>,
    /// The condition that failed.
    pub failed: &'a str,
}

/// The answer to a question.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionBody<'a> {
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// Why, as a code.
    pub reason: &'static str,
    /// What a person can do about a denial.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub message: &'a str,
    /// Names this answer in the decision log.
    pub decision_id: String,
    /// When it was decided.
    pub evaluated_at: String,
    /// The Grant behind an allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantRefBody<'a>>,
    /// What came closest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<NearestBody<'a>>,
    /// How long it may be relied on, in milliseconds from when it was asked; 0 for a denial.
    pub valid_for_ms: u64,
    /// The policies that decided.
    pub policies: &'a [String],
    /// The `@reason` of the forbidding policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_reason: Option<&'a str>,
    /// The digest of the policies.
    pub policy_revision: &'a str,
    /// The revision of the state.
    pub state_revision: u64,
}

impl<'a> DecisionBody<'a> {
    /// The wire form of an answer.
    pub fn of(answer: &'a Answer) -> Self {
        let decision = answer.decision();
        Self {
            decision: if decision.allows() { "allow" } else { "deny" },
            reason: decision.reason.as_str(),
            message: &decision.message,
            decision_id: answer.decision_id.as_hyphenated().to_string(),
            evaluated_at: answer.evaluated_at.to_string(),
            grant: decision.grant.as_ref().map(|grant| GrantRefBody {
                id: grant.id.as_str(),
                access_request: grant.access_request.to_string(),
                expires_at: grant.expires_at.to_string(),
            }),
            nearest: decision.nearest.as_ref().map(|nearest| NearestBody {
                access_request: nearest.access_request.map(|id| id.to_string()),
                grant: nearest.grant.as_ref().map(crate::domain::GrantId::as_str),
                failed: &nearest.failed,
            }),
            valid_for_ms: u64::try_from(answer.valid_for.as_millis()).unwrap_or(0),
            policies: &decision.policies,
            policy_reason: decision.policy_reason.as_deref(),
            policy_revision: answer.policy_revision(),
            state_revision: answer.state_revision,
        }
    }
}

impl From<&Review> for DecidedBody {
    fn from(review: &Review) -> Self {
        let (by, at) = (review.by.to_string(), review.at.to_string());
        Self { by, at, comment: review.comment.clone(), authentication: None }
    }
}

impl From<&Decided> for DecidedBody {
    fn from(decided: &Decided) -> Self {
        Self {
            by: decided.by.to_string(),
            at: decided.at.to_string(),
            comment: decided.comment.clone(),
            authentication: Some((&decided.authentication).into()),
        }
    }
}

impl From<&crate::domain::Authentication> for AuthenticationBody {
    fn from(of: &crate::domain::Authentication) -> Self {
        Self { method: of.method, strength: of.strength.clone(), address: of.address.clone() }
    }
}

impl From<&Grant> for GrantBody {
    fn from(grant: &Grant) -> Self {
        Self {
            id: grant.id.to_string(),
            actions: texts(&grant.scope.actions),
            content: texts(grant.scope.content.paths()),
            approval: grant.approval.as_str(),
            starts_at: grant.window.starts_at.to_string(),
            expires_at: grant.window.expires_at.to_string(),
            ended: grant.ended.as_ref().map(|ended| EndedBody {
                at: ended.at.to_string(),
                how: ended.how.as_str(),
                by: ended.by.as_ref().map(ToString::to_string),
            }),
        }
    }
}

impl From<&AccessRequest> for AccessRequestBody {
    fn from(request: &AccessRequest) -> Self {
        let asked = &request.asked;
        let approvals = match &request.state {
            crate::domain::State::Notified { consents, .. } => {
                consents.iter().map(|consent| (&consent.decided).into()).collect()
            }
            _ => Vec::new(),
        };
        Self {
            id: request.id.to_string(),
            version: request.version,
            state: request.state_name().as_str(),
            tenant: asked.tenant.to_string(),
            workload: asked.workload.to_string(),
            engineer: request.engineer.to_string(),
            service_request: asked.service_request.to_string(),
            reason: ReasonBody { code: asked.reason.code.as_str(), text: asked.reason.text.clone() },
            duration: format_duration(asked.duration),
            actions: texts(&asked.scope.actions),
            content: texts(asked.scope.content.paths()),
            submitted_at: request.submitted_at.to_string(),
            reviewed: request.review().map(Into::into),
            respond_by: request.respond_by().map(|at| at.to_string()),
            approvals,
            decided: request.decided().map(Into::into),
            grant: request.grant().map(Into::into),
            effective: None,
            effective_at: None,
        }
    }
}

impl From<&Event> for EventBody {
    fn from(event: &Event) -> Self {
        let (by, authentication) = match &event.by {
            Actor::Person { id, authentication } => (id.to_string(), Some(authentication.into())),
            Actor::Clock => ("clock".to_owned(), None),
        };
        Self {
            at: event.at.to_string(),
            kind: event.kind.as_str(),
            by,
            authentication,
            state: event.state.map(crate::domain::StateName::as_str),
            version: event.version,
            comment: event.comment.clone(),
            detail: event.detail.clone(),
        }
    }
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
            notify: texts(&tenant.notify),
            quorum: tenant.quorum,
            limits: LimitsBody {
                respond_within: format_duration(tenant.respond_within(defaults)),
                grant_longest: format_duration(tenant.grant_longest(defaults)),
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
        }
    }
}

impl From<&Touched> for AccessBody {
    fn from(touched: &Touched) -> Self {
        let record = &touched.record;
        let question = record.question.as_ref();
        Self {
            decision_id: record.id.clone(),
            at: record.at.to_string(),
            decision: if record.allowed { "allow" } else { "deny" },
            reason: record.reason.clone(),
            action: question.map(|question| question.action.to_string()),
            content: question.and_then(|question| question.content.as_ref()).map(ToString::to_string),
            caller: record.caller.clone(),
        }
    }
}

fn texts<T: ToString>(names: impl IntoIterator<Item = T>) -> Vec<String> {
    names.into_iter().map(|name| name.to_string()).collect()
}
