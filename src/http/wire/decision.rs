//! The wire form of an answer on the data path.

use crate::evaluate_access::Answer;
use serde::Serialize;
use utoipa::ToSchema;

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
