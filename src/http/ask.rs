//! `POST /v1/authorize`: the native question.

use super::call::{Answered, Call, answer, forbidden};
use super::json::JsonError;
use super::members::Members;
use super::problem::Problem;
use super::router::SidecarApi;
use super::wire::DecisionBody;
use crate::domain::{Evaluation, WorkloadName};
use crate::evaluate_access::{Stated, Unaskable};
use axum::http::StatusCode;
use std::sync::Arc;

/// Answers one question.
pub(super) async fn authorize(api: Arc<SidecarApi>, call: Call) -> Answered {
    let (caller, workload) = call.workload()?;
    let json = call.json()?;
    let asked = stated(Members::of(&json, "the body")?)?.parse();
    must_be_own(workload, &asked)?;
    let answered = api.evaluate.evaluate(caller, &asked).await?;
    Ok(answer(StatusCode::OK, &DecisionBody::of(&answered)))
}

/// A caller asks about its own workload only. A workload that is no canonical name is nobody's; the
/// question is then denied, which tells the caller more than a refusal would.
pub(super) fn must_be_own(workload: &WorkloadName, asked: &Result<Evaluation, Unaskable>) -> Result<(), Problem> {
    match asked {
        Ok(question) if question.workload != *workload => {
            Err(forbidden("a caller may ask about its own workload only"))
        }
        _ => Ok(()),
    }
}

fn stated<'j>(mut body: Members<'j, '_>) -> Result<Stated<'j>, JsonError> {
    let mut content = None;
    if let Some(mut part) = body.optional_object("content")? {
        content = Some((part.required_str("type")?, part.required_str("id")?));
        part.finish_refusing_unknown()?;
    }
    let stated = Stated {
        engineer: body.required_str("engineer")?,
        action: body.required_str("action")?,
        tenant: body.required_str("tenant")?,
        workload: body.required_str("workload")?,
        content,
        service_request: body.optional_str("service_request")?,
        context: body.optional_attributes("context")?,
        ..Stated::default()
    };
    body.finish_refusing_unknown()?;
    Ok(stated)
}
