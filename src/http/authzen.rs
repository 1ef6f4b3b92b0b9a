//! AuthZEN Authorization API 1.0: evaluation, evaluations, metadata (certification levels Basic, Batch,
//! Discovery). Unknown members are ignored, as the standard demands; a denial is 200.

mod batch;
mod entities;

pub(super) use batch::{DecisionDocuments, evaluations};

use super::ask::must_be_own;
use super::call::{Answered, Call, answer};
use super::router::SidecarApi;
use crate::evaluate_access::Answer;
use axum::http::{HeaderValue, StatusCode, header};
use entities::Entities;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// When the decision context (reason, message, approval) is in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IncludeContext {
    /// In every answer.
    Always,
    /// In denials.
    OnDeny,
    /// Never; some interop harnesses compare answers to the letter.
    Never,
}

/// How AuthZEN's open vocabulary maps to ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthzenSettings {
    /// See [`IncludeContext`].
    pub include_context: IncludeContext,
    /// The subject types that are engineers.
    pub subject_types: Vec<String>,
    /// Resource types whose ids lack `tenant/workload/`, and what to put before them.
    pub resource_prefix: BTreeMap<String, String>,
    /// The most questions in one batch.
    pub batch_max: usize,
    /// The base of the endpoints' addresses; never taken from a request.
    pub public_url: String,
}

/// The answer's wire form.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct DecisionDocument {
    /// Whether it is allowed.
    decision: bool,
    /// Why, and what it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context>,
}

#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
struct Context {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluated_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_for_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<Approval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ItemError>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Approval {
    id: String,
    approved_until: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ItemError {
    status: u16,
    message: String,
}

impl DecisionDocument {
    fn of(answer: &Answer, include: IncludeContext) -> Self {
        let decision = answer.decision();
        let allowed = decision.allows();
        let included = match include {
            IncludeContext::Always => true,
            IncludeContext::OnDeny => !allowed,
            IncludeContext::Never => false,
        };
        let context = included.then(|| Context {
            reason: Some(decision.reason.as_str()),
            message: (!decision.message.is_empty()).then(|| decision.message.clone()),
            evaluation_id: Some(answer.decision_id.as_hyphenated().to_string()),
            evaluated_at: Some(answer.evaluated_at.to_string()),
            valid_for_ms: allowed.then(|| u64::try_from(answer.valid_for.as_millis()).unwrap_or(0)),
            approval: decision
                .grant
                .as_ref()
                .map(|grant| Approval { id: grant.id.to_string(), approved_until: grant.expires_at.to_string() }),
            error: None,
        });
        Self { decision: allowed, context }
    }

    fn failed(status: u16, message: String) -> Self {
        let context = Context { error: Some(ItemError { status, message }), ..Context::default() };
        Self { decision: false, context: Some(context) }
    }
}

/// `POST /access/v1/evaluation`.
pub(super) async fn evaluation(api: Arc<SidecarApi>, call: Call) -> Answered {
    let json = call.json()?;
    let entities = Entities::of(&json, "the body")?;
    one(&api, &call, &entities).await
}

/// Answers one question from `entities` as a plain decision.
async fn one(api: &SidecarApi, call: &Call, entities: &Entities<'_, '_>) -> Answered {
    let (caller, workload) = call.workload()?;
    let asked = entities.question(&api.authzen)?;
    must_be_own(workload, &asked)?;
    let answered = api.evaluate.evaluate(caller, &asked).await?;
    Ok(answer(StatusCode::OK, &DecisionDocument::of(&answered, api.authzen.include_context)))
}

/// What this decision point can do.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Metadata {
    policy_decision_point: String,
    access_evaluation_endpoint: String,
    access_evaluations_endpoint: String,
}

/// `GET /.well-known/authzen-configuration`.
pub(super) async fn metadata(api: Arc<SidecarApi>, _call: Call) -> Answered {
    let base = api.authzen.public_url.trim_end_matches('/').to_owned();
    let document = Metadata {
        access_evaluation_endpoint: format!("{base}/access/v1/evaluation"),
        access_evaluations_endpoint: format!("{base}/access/v1/evaluations"),
        policy_decision_point: base,
    };
    let mut response = answer(StatusCode::OK, &document);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    Ok(response)
}
