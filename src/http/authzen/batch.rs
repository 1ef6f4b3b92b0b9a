//! `POST /access/v1/evaluations`: many questions at one instant and one state, with the three
//! semantics. An item that is no question is an error of that item, and no allow.

use super::entities::Entities;
use super::{DecisionDocument, one};
use crate::domain::{Decision, Evaluation, WorkloadName};
use crate::evaluate_access::Unaskable;
use crate::http::call::{Answered, Call, answer};
use crate::http::json::{Json, JsonError};
use crate::http::members::Members;
use crate::http::problem::Problem;
use crate::http::router::SidecarApi;
use axum::http::StatusCode;
use serde::Serialize;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Semantic {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

impl Semantic {
    /// Whether nothing is to be answered after this.
    fn stops_at(self, decision: &Decision) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !decision.allows(),
            Self::PermitOnFirstPermit => decision.allows(),
        }
    }
}

/// The answers, in the order of the questions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::http) struct DecisionDocuments {
    evaluations: Vec<DecisionDocument>,
}

/// An item: a question, or why it is none (status and message).
type Item = Result<Result<Evaluation, Unaskable>, (u16, String)>;

/// Answers many questions.
pub(in crate::http) async fn evaluations(api: Arc<SidecarApi>, call: Call) -> Answered {
    let json = call.json()?;
    let defaults = Entities::of(&json, "the body")?;
    let mut members = Members::of(&json, "the body")?;
    let items = members.optional_array("evaluations", api.authzen.batch_max)?.unwrap_or_default();
    let semantic = semantic(&mut members)?;
    members.finish_ignoring_unknown();
    if items.is_empty() {
        // Without items it is one question, answered as one.
        return one(&api, &call, &defaults).await;
    }
    let (_, workload) = call.workload()?;
    let items: Vec<Item> =
        items.iter().enumerate().map(|(index, json)| item(&api, workload, json, index, defaults)).collect();
    Ok(answer(StatusCode::OK, &DecisionDocuments { evaluations: answered(&api, &call, items, semantic).await? }))
}

fn item(api: &SidecarApi, workload: &WorkloadName, json: &Json<'_>, index: usize, defaults: Entities<'_, '_>) -> Item {
    let bad = |error: JsonError| (400, error.to_string());
    let entities = Entities::of_item(json, format!("evaluations[{index}]"), defaults).map_err(bad)?;
    let asked = entities.question(&api.authzen).map_err(bad)?;
    match &asked {
        Ok(question) if question.workload != *workload => {
            Err((403, "a caller may ask about its own workload only".to_owned()))
        }
        _ => Ok(asked),
    }
}

async fn answered(
    api: &SidecarApi,
    call: &Call,
    mut items: Vec<Item>,
    semantic: Semantic,
) -> Result<Vec<DecisionDocument>, Problem> {
    let (caller, _) = call.workload()?;
    if semantic == Semantic::DenyOnFirstDeny
        && let Some(first_error) = items.iter().position(Result::is_err)
    {
        // An error counts as a denial: nothing after it is asked.
        items.truncate(first_error.saturating_add(1));
    }
    let mut errors: Vec<Option<(u16, String)>> = Vec::with_capacity(items.len());
    let mut questions = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Ok(question) => {
                errors.push(None);
                questions.push(question);
            }
            Err(error) => errors.push(Some(error)),
        }
    }
    let answers = api.evaluate.evaluate_all(caller, &questions, |decision| semantic.stops_at(decision)).await?;
    // The last question may be the one to stop at; then errors behind it are not answered either.
    let stopped = answers.last().is_some_and(|last| semantic.stops_at(last.decision()));
    let mut answers = answers.iter();
    let mut documents = Vec::with_capacity(errors.len());
    for error in errors {
        match error {
            Some((status, message)) => documents.push(DecisionDocument::failed(status, message)),
            None => match answers.next() {
                Some(answer) => documents.push(DecisionDocument::of(answer, api.authzen.include_context)),
                None => break,
            },
        }
        if stopped && answers.len() == 0 {
            break;
        }
    }
    Ok(documents)
}

fn semantic(members: &mut Members<'_, '_>) -> Result<Semantic, JsonError> {
    let Some(mut options) = members.optional_object("options")? else { return Ok(Semantic::ExecuteAll) };
    let semantic = match options.optional_str("evaluations_semantic")? {
        None | Some("execute_all") => Semantic::ExecuteAll,
        Some("deny_on_first_deny") => Semantic::DenyOnFirstDeny,
        Some("permit_on_first_permit") => Semantic::PermitOnFirstPermit,
        Some(_) => {
            let why = "must be `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`";
            return Err(options.refuse("evaluations_semantic", why));
        }
    };
    options.finish_ignoring_unknown();
    Ok(semantic)
}
