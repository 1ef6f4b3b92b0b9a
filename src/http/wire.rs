//! What the API sends: the wire forms of domain values (DESIGN.md §2–3), and their description for
//! OpenAPI. Domain types never serialize themselves.

mod decision;
mod settings;

pub use decision::{DecisionBody, GrantRefBody, NearestBody};
pub use settings::{EngineerBody, LimitsBody, NoticeBody, TenantBody};

use crate::accesses::Touched;
use crate::domain::{AccessRequest, Actor, Decided, Event, Grant, Review, format_duration};
use serde::Serialize;
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
    /// The issuer's `acr`; ends in `passkey` where one confirmed the step.
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
    /// What proves that he confirmed it with a passkey, as JSON; for the approver's own side and auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
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
    /// The sidecar that decided; `embedded` for the one in an authority's own process.
    pub sidecar: String,
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
            evidence: event.evidence.clone(),
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
            sidecar: touched.sidecar.clone(),
        }
    }
}

fn texts<T: ToString>(names: impl IntoIterator<Item = T>) -> Vec<String> {
    names.into_iter().map(|name| name.to_string()).collect()
}
