//! `/v1/access-requests`: submit, list, show, history, and every step.

use super::call::{Answered, Call, answer, with_etag};
use super::json::{Json, JsonError};
use super::members::Members;
use super::problem::{Cause, Problem};
use super::router::AuthorityApi;
use super::wire::{AccessBody, AccessRequestBody, EventBody, ListBody};
use crate::domain::{
    AccessRequestId, ActionName, Command, ContentPath, ContentScope, Justification, NameError, PersonId, ReasonCode,
    Role, Scope, ServiceRequest, StateName, Step, Submission, TenantId, Terms, Verdict, WorkloadName, parse_duration,
};
use crate::manage_requests::{AccessRequestQuery, Idempotency};
use crate::store::{AccessKey, Page};
use axum::http::{HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The most names in one list of a body.
const NAMES_MAX: usize = 64;

/// `POST /v1/access-requests`.
pub(super) async fn submit(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let json = call.json()?;
    let asked = submission(&json)?;
    let once = match call.header("idempotency-key")? {
        Some(key) if (1..=255).contains(&key.len()) => {
            Some(Idempotency { key: key.to_owned(), asked: Sha256::digest(call.body()).into() })
        }
        Some(_) => return Err(Problem::new(Cause::MalformedRequest, "`Idempotency-Key` has 1 to 255 characters")),
        None => None,
    };
    let made = api.manage.submit(call.person()?, asked, once).await;
    api.count("submit", &made);
    let made = made?;
    let mut response = with_etag(answer(StatusCode::CREATED, &AccessRequestBody::from(&made)), made.version);
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/access-requests/{}", made.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// `GET /v1/access-requests`.
pub(super) async fn list(api: Arc<AuthorityApi>, call: Call) -> Answered {
    call.refuse_unknown_query(&["tenant", "state", "engineer", "workload", "since", "q", "cursor", "limit"])?;
    let state = |text: &str| StateName::parse(text).ok_or_else(known_states);
    let query = AccessRequestQuery {
        tenant: call.query_as("tenant", TenantId::parse)?,
        state: call.query_as("state", state)?,
        engineer: call.query_as("engineer", PersonId::parse)?,
        workload: call.query_as("workload", WorkloadName::parse)?,
        since: call.since()?,
        text: call.query_as("q", search_text)?,
    };
    let page = Page { after: call.query_as("cursor", AccessRequestId::parse)?, limit: call.limit()? };
    let listed = api.manage.list(call.person()?, query, page).await?;
    let items: Vec<_> = listed.items.iter().map(AccessRequestBody::from).collect();
    Ok(answer(StatusCode::OK, &ListBody { items, next_cursor: listed.next.map(|id| id.to_string()) }))
}

/// The longest text to search for, in bytes: the longest name that can be found.
const SEARCH_BYTES_MAX: usize = 128;

fn search_text(text: &str) -> Result<String, &'static str> {
    if text.len() <= SEARCH_BYTES_MAX { Ok(text.to_owned()) } else { Err("must have 128 bytes at most") }
}

fn known_states() -> String {
    let known: Vec<_> = StateName::ALL.iter().map(|state| state.as_str()).collect();
    format!("must be one of {}", known.join(", "))
}

/// `GET /v1/access-requests/{id}`.
pub(super) async fn show(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let request = api.manage.get(call.person()?, call.access_request()?).await?;
    Ok(with_etag(answer(StatusCode::OK, &AccessRequestBody::from(&request)), request.version))
}

/// `GET /v1/access-requests/{id}/events`.
pub(super) async fn events(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let person = call.person()?;
    let mut events = api.manage.events(person, call.access_request()?).await?;
    if person.tenant.is_none() && !person.roles.has(Role::Auditor) {
        // Which passkeys the customer's people have is not the business of who asks for access.
        events.iter_mut().for_each(|event| event.evidence = None);
    }
    let items: Vec<_> = events.iter().map(EventBody::from).collect();
    Ok(answer(StatusCode::OK, &ListBody { items, next_cursor: None }))
}

/// `GET /v1/access-requests/{id}/accesses`.
pub(super) async fn accesses(api: Arc<AuthorityApi>, call: Call) -> Answered {
    call.refuse_unknown_query(&["cursor", "limit"])?;
    let request = api.manage.get_for_accesses(call.person()?, call.access_request()?).await?;
    let after = call.query_as("cursor", str::parse::<AccessKey>)?;
    let limit = usize::try_from(call.limit()?).unwrap_or(100);
    let (touched, next) = api.history.under(request.id, after, limit).await?;
    let items: Vec<_> = touched.iter().map(AccessBody::from).collect();
    Ok(answer(StatusCode::OK, &ListBody { items, next_cursor: next.map(|key| key.to_string()) }))
}

/// `POST …/review`.
pub(super) async fn review(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let json = call.json()?;
    let mut body = Members::of(&json, "the body")?;
    let verdict = match body.required_str("verdict")? {
        "approve" => Verdict::Approve,
        "reject" => Verdict::Reject,
        _ => return Err(body.refuse("verdict", "must be `approve` or `reject`").into()),
    };
    let comment = body.optional_str("comment")?.map(str::to_owned);
    body.finish_refusing_unknown()?;
    stepped(api, &call, Command::Review(verdict), comment, false).await
}

/// `POST …/approve`: binds to the version that the approver saw.
pub(super) async fn approve(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let json = call.json()?;
    let mut body = Members::of(&json, "the body")?;
    let comment = body.optional_str("comment")?.map(str::to_owned);
    let terms = Terms {
        duration: body
            .optional_str("duration")?
            .map(|text| parse_duration(text).map_err(|error| body.refuse("duration", error.to_string())))
            .transpose()?,
        actions: actions(&mut body)?,
        content: content(&mut body)?,
    };
    if terms.content == Some(ContentScope::Workload) {
        // Read by a person, an empty list of content is "nothing"; it would mean "everything".
        return Err(body.refuse("content", "must name content; leave it out to approve what was asked").into());
    }
    body.finish_refusing_unknown()?;
    stepped(api, &call, Command::Approve(terms), comment, true).await
}

/// `POST …/deny`: binds to the version that the approver saw.
pub(super) async fn deny(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let comment = only_comment(&call)?;
    stepped(api, &call, Command::Deny, comment, true).await
}

/// `POST …/withdraw`.
pub(super) async fn withdraw(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let comment = only_comment(&call)?;
    stepped(api, &call, Command::Withdraw, comment, false).await
}

/// `POST …/close`.
pub(super) async fn close(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let comment = only_comment(&call)?;
    stepped(api, &call, Command::Close, comment, false).await
}

/// `POST …/revoke`.
pub(super) async fn revoke(api: Arc<AuthorityApi>, call: Call) -> Answered {
    let comment = only_comment(&call)?;
    stepped(api, &call, Command::Revoke, comment, false).await
}

async fn stepped(
    api: Arc<AuthorityApi>,
    call: &Call,
    command: Command,
    comment: Option<String>,
    bound: bool,
) -> Answered {
    let (person, id) = (call.person()?, call.access_request()?);
    let ends = matches!(command, Command::Close | Command::Revoke);
    let seen_version = call.if_match()?;
    if bound && seen_version.is_none() {
        // Who may not know of it learns nothing from this either.
        api.manage.get(person, id).await?;
        let why = "send `If-Match` with the ETag of the AccessRequest as it was looked at";
        return Err(Problem::new(Cause::PreconditionRequired, why));
    }
    // To be looked at before anything is changed.
    let waits = ends.then(|| call.waits()).transpose()?;
    let act = command.act().as_str();
    let stepped = api.manage.step(person, id, &Step { command, comment, seen_version, evidence: None }).await;
    api.count(act, &stepped);
    let stepped = stepped?;
    let mut body = AccessRequestBody::from(&stepped.after);
    match waits {
        Some(waits) => (body.effective, body.effective_at) = api.effect(waits, stepped.revision).await,
        None => api.delivered(stepped.revision).await,
    }
    Ok(with_etag(answer(StatusCode::OK, &body), stepped.after.version))
}

fn only_comment(call: &Call) -> Result<Option<String>, Problem> {
    if call.body().is_empty() {
        return Ok(None);
    }
    let json = call.json()?;
    let mut body = Members::of(&json, "the body")?;
    let comment = body.optional_str("comment")?.map(str::to_owned);
    body.finish_refusing_unknown()?;
    Ok(comment)
}

fn submission(json: &Json<'_>) -> Result<Submission, Problem> {
    let mut body = Members::of(json, "the body")?;
    let mut reason = body.required_object("reason")?;
    let code = ReasonCode::parse(reason.required_str("code")?).ok_or_else(|| {
        let known: Vec<_> = ReasonCode::ALL.iter().map(|code| code.as_str()).collect();
        reason.refuse("code", format!("must be one of {}", known.join(", ")))
    })?;
    let text = reason.required_str("text")?.to_owned();
    reason.finish_refusing_unknown()?;
    let duration = body.required_str("duration")?;
    let duration = parse_duration(duration).map_err(|error| body.refuse("duration", error.to_string()))?;
    let actions = actions(&mut body)?.ok_or_else(|| body.refuse("actions", "is missing"))?;
    let content = content(&mut body)?.unwrap_or(ContentScope::Workload);
    let asked = Submission {
        tenant: named(&mut body, "tenant", TenantId::parse)?,
        workload: named(&mut body, "workload", WorkloadName::parse)?,
        service_request: named(&mut body, "service_request", ServiceRequest::parse)?,
        reason: Justification { code, text },
        duration,
        scope: Scope { actions, content },
    };
    body.finish_refusing_unknown()?;
    Ok(asked)
}

fn named<T>(
    body: &mut Members<'_, '_>,
    name: &'static str,
    parse: impl Fn(&str) -> Result<T, NameError>,
) -> Result<T, JsonError> {
    let text = body.required_str(name)?;
    parse(text).map_err(|error| body.refuse(name, error.to_string()))
}

fn actions(body: &mut Members<'_, '_>) -> Result<Option<BTreeSet<ActionName>>, JsonError> {
    let Some(names) = body.optional_strs("actions", NAMES_MAX)? else { return Ok(None) };
    let parsed: Result<BTreeSet<_>, NameError> = names.into_iter().map(ActionName::parse).collect();
    parsed.map(Some).map_err(|error| body.refuse("actions", error.to_string()))
}

fn content(body: &mut Members<'_, '_>) -> Result<Option<ContentScope>, JsonError> {
    let Some(paths) = body.optional_strs("content", NAMES_MAX)? else { return Ok(None) };
    let parsed: Result<BTreeSet<_>, NameError> = paths.into_iter().map(ContentPath::parse).collect();
    parsed.map(|paths| Some(ContentScope::from_paths(paths))).map_err(|error| body.refuse("content", error.to_string()))
}
