//! One AccessRequest: what is asked, what an answer would mean, the answer, what became of it, and what
//! was touched.

use super::Console;
use super::answer::{Shown, page, see_other};
use super::form::Form;
use super::frame::Frame;
use super::provider::{self, Deeds};
use super::shown::{AccessLine, Choice, Entry, Given, durations, has_agreed, may_try, until};
use super::trouble::{Trouble, refused};
use super::visit::{Visit, is_customer};
use crate::domain::{
    AccessRequest, ActionName, Command, ContentPath, ContentScope, Person, Refusal, Role, State, StateName, Step,
    Tenant, Terms, Timestamp,
};
use crate::manage_requests::{ManageError, Stepped};
use askama::Template;
use axum::http::StatusCode;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many accesses are shown with a request; the API has them all.
const ACCESSES_MAX: usize = 200;
/// What an approver can choose.
struct AnswerForm {
    version: u64,
    comment: String,
    durations: Vec<Choice>,
    actions: Vec<Choice>,
    contents: Vec<Choice>,
    /// Content to narrow to, where the whole workload is asked for.
    only: String,
    whole_workload: bool,
    /// What approving would allow, in a sentence.
    would_allow: String,
    /// How many approvers it takes, and how many have agreed.
    quorum: u32,
    agreed: usize,
}

#[derive(Template)]
#[template(path = "console/request.html")]
struct RequestPage<'a> {
    f: &'a Frame,
    id: String,
    engineer: String,
    tenant: String,
    workload: String,
    service_request: String,
    reason: String,
    reason_text: String,
    asked_actions: String,
    asked_contents: Vec<String>,
    asked_duration: String,
    submitted_at: Timestamp,
    reviewed_by: String,
    review_comment: String,
    reviewed_at: Option<Timestamp>,
    state: StateName,
    until: Option<Timestamp>,
    unknowns: Vec<String>,
    answer: Option<AnswerForm>,
    /// What one of the provider's people can do.
    deeds: Option<Deeds>,
    /// The version a revocation binds to, where the person may revoke.
    revoke: Option<(u64, String)>,
    agreed_already: bool,
    given: Option<Given>,
    decided_by: Option<String>,
    decided_comment: Option<String>,
    history: Vec<Entry>,
    accesses: Vec<AccessLine>,
    accesses_shown: bool,
    accesses_failed: bool,
    /// What has just been done.
    done: Option<String>,
    /// What went wrong with the form.
    problem: Option<String>,
    /// Whether what was written was kept over a sign-in.
    kept: bool,
}

/// `GET /requests/{id}`.
pub(super) async fn show(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?.clone();
    let draft = console.take_draft(&person.id, &visit.path, visit.now).await?;
    let kept = draft.is_some();
    shown(&console, &visit, draft.unwrap_or_default(), None, kept, StatusCode::OK).await
}

async fn shown(
    console: &Console,
    visit: &Visit,
    form: Form,
    problem: Option<String>,
    kept: bool,
    status: StatusCode,
) -> Shown {
    let person = visit.person()?;
    let request = console.manage().get(person, visit.access_request()?).await?;
    let tenant = console.manage().tenant(person, &request.asked.tenant).await.ok();
    let words = visit.words();
    let frame = visit.frame(words.say_with("request-title", &[("id", request.id.to_string().into())]));
    let events = console.manage().events(person, request.id).await?;
    let (accesses, accesses_shown, accesses_failed) = accesses(console, &frame, person, &request).await;
    let approver = is_customer(person) && person.roles.has(Role::Approver) && may_try(&request, person);
    let named = tenant.as_ref().is_some_and(|tenant| tenant.names_approver(&person.id));
    let agreed_already = has_agreed(&request, &person.id);
    let answerable = request.state_name() == StateName::Notified && approver && named && !agreed_already;
    let answer = match (&tenant, answerable) {
        (Some(tenant), true) => Some(answer_form(console, &frame, &request, tenant, &form)),
        _ => None,
    };
    let revocable = request.state_name() == StateName::Active && approver && named;
    let review = request.review();
    let decided = request.decided();
    let template = RequestPage {
        f: &frame,
        id: request.id.to_string(),
        engineer: request.engineer.to_string(),
        tenant: request.asked.tenant.to_string(),
        workload: words.workload(&request.asked.workload),
        service_request: request.asked.service_request.to_string(),
        reason: frame.sided(&format!("reason-{}", request.asked.reason.code.as_str())),
        reason_text: request.asked.reason.text.clone(),
        asked_actions: words.actions(&request.asked.scope.actions),
        asked_contents: words.contents(&request.asked.scope, &request.asked.workload),
        asked_duration: words.duration(request.asked.duration),
        submitted_at: request.submitted_at,
        reviewed_by: review.map_or_else(String::new, |review| review.by.to_string()),
        review_comment: review.and_then(|review| review.comment.clone()).unwrap_or_default(),
        reviewed_at: review.map(|review| review.at),
        state: request.state_name(),
        until: until(&request),
        unknowns: unknowns(&frame, &request),
        answer,
        deeds: Deeds::of(console, person, &request, &form, visit.now).await?,
        revoke: revocable.then(|| (request.version, form.get("comment").to_owned())),
        agreed_already,
        given: request.grant().map(|grant| Given::of(grant, words)),
        decided_by: decided.map(|decided| decided.by.to_string()),
        decided_comment: decided.and_then(|decided| decided.comment.clone()),
        history: events.iter().map(|event| Entry::of(event, &frame)).collect(),
        accesses,
        accesses_shown,
        accesses_failed,
        done: done(&frame, visit.query.get("done"), &request),
        problem,
        kept,
    };
    page(&frame, status, &template)
}

/// What is not known when an answer is asked for: said, so that nobody has to find out.
fn unknowns(f: &Frame, request: &AccessRequest) -> Vec<String> {
    let mut all = Vec::new();
    if request.state_name() != StateName::Notified || f.provider() {
        return all;
    }
    if request.asked.scope.content == ContentScope::Workload {
        all.push(f.t("unknown-content"));
    } else {
        all.push(f.t("unknown-items"));
    }
    all.push(f.t("unknown-start"));
    all
}

/// What was just done, in one sentence that says exactly what.
fn done(f: &Frame, what: &str, request: &AccessRequest) -> Option<String> {
    match (what, &request.state) {
        ("approved", State::Active { grant, .. }) => {
            let given = Given::of(grant, f.words);
            Some(f.words.say_with(
                "done-approved",
                &[
                    ("engineer", request.engineer.as_str().into()),
                    ("actions", given.actions.into()),
                    ("contents", f.words.list(given.contents).into()),
                    ("until", f.time(&grant.window.expires_at).into()),
                ],
            ))
        }
        ("approved", State::Notified { .. }) => Some(f.t("done-agreed")),
        ("denied", State::Denied { .. }) => Some(f.t("done-denied")),
        ("revoked", State::Revoked { .. }) => Some(f.t("done-revoked")),
        _ => provider::done(f, what, request),
    }
}

async fn accesses(
    console: &Console,
    f: &Frame,
    person: &Person,
    request: &AccessRequest,
) -> (Vec<AccessLine>, bool, bool) {
    if request.grant().is_none() || console.manage().get_for_accesses(person, request.id).await.is_err() {
        return (Vec::new(), false, false);
    }
    let (history, id, since) = (console.api.history.clone(), request.id, request.submitted_at);
    // Reads files: on a thread that may wait for a disk.
    let read = tokio::task::spawn_blocking(move || history.under(id, since, 0, ACCESSES_MAX)).await;
    let Ok(Ok((touched, _))) = read else { return (Vec::new(), true, true) };
    let window = request.grant().map(|grant| {
        let ended = grant.ended.as_ref().map(|ended| ended.at);
        (grant.window.starts_at, ended.unwrap_or(grant.window.expires_at))
    });
    (touched.iter().filter_map(|touched| AccessLine::of(touched, window, f.words)).collect(), true, false)
}

fn answer_form(console: &Console, f: &Frame, request: &AccessRequest, tenant: &Tenant, form: &Form) -> AnswerForm {
    let (agreed, quorum) = match &request.state {
        State::Notified { consents, .. } => (consents.len(), tenant.quorum),
        _ => (0, tenant.quorum),
    };
    let last = match &request.state {
        State::Notified { consents, .. } => consents.last().map(|consent| consent.terms.clone()),
        _ => None,
    };
    let last = last.unwrap_or_default();
    let longest = request.asked.duration.min(tenant.grant_longest(console.manage().defaults()));
    let longest = last.duration.map_or(longest, |agreed| agreed.min(longest));
    let actions = last.actions.unwrap_or_else(|| request.asked.scope.actions.clone());
    let content = last.content.unwrap_or_else(|| request.asked.scope.content.clone());
    let filled = !form.fields().is_empty();
    let chosen = |name: &str, value: &str| !filled || form.all(name).any(|given| given == value);
    let words = f.words;
    let scope = crate::domain::Scope { actions: actions.clone(), content: content.clone() };
    AnswerForm {
        version: request.version,
        comment: form.get("comment").to_owned(),
        durations: durations(words, longest, form.get("duration")),
        actions: actions
            .iter()
            .map(|name| Choice {
                value: name.to_string(),
                said: words.action(name),
                chosen: chosen("action", name.as_str()),
            })
            .collect(),
        contents: content
            .paths()
            .map(|path| Choice {
                value: path.to_string(),
                said: words.content(path),
                chosen: chosen("content", path.as_str()),
            })
            .collect(),
        only: form.get("only").to_owned(),
        whole_workload: content == ContentScope::Workload,
        would_allow: words.say_with(
            "would-allow",
            &[
                ("engineer", request.engineer.as_str().into()),
                ("actions", words.actions(&actions).into()),
                ("contents", words.list(words.contents(&scope, &request.asked.workload)).into()),
                ("duration", words.duration(longest).into()),
            ],
        ),
        quorum,
        agreed,
    }
}

/// `POST /requests/{id}/approve`.
pub(super) async fn approve(console: Arc<Console>, visit: Visit) -> Shown {
    let terms = match terms(&console, &visit).await? {
        Ok(terms) => terms,
        Err(problem) => return again(&console, &visit, problem, StatusCode::UNPROCESSABLE_ENTITY).await,
    };
    stepped(&console, &visit, Command::Approve(terms), "approved").await
}

/// `POST /requests/{id}/deny`.
pub(super) async fn deny(console: Arc<Console>, visit: Visit) -> Shown {
    stepped(&console, &visit, Command::Deny, "denied").await
}

/// `POST /requests/{id}/revoke`.
pub(super) async fn revoke(console: Arc<Console>, visit: Visit) -> Shown {
    stepped(&console, &visit, Command::Revoke, "revoked").await
}

/// What an approver has chosen; or what is wrong with it, in words.
async fn terms(console: &Console, visit: &Visit) -> Result<Result<Terms, String>, Trouble> {
    let person = visit.person()?;
    let request = console.manage().get(person, visit.access_request()?).await?;
    let (form, words) = (&visit.form, visit.words());
    let Ok(duration) = form.text("duration").map(crate::domain::parse_duration).transpose() else {
        return Ok(Err(words.say("wrong-duration")));
    };
    let actions: Result<BTreeSet<ActionName>, _> = form.all("action").map(ActionName::parse).collect();
    let chosen: Vec<&str> = form.all("content").chain(form.lines("only")).collect();
    let contents: Result<BTreeSet<ContentPath>, _> = chosen.into_iter().map(ContentPath::parse).collect();
    let (Ok(actions), Ok(contents)) = (actions, contents) else {
        return Ok(Err(words.say("wrong-content")));
    };
    if actions.is_empty() {
        return Ok(Err(words.say("wrong-no-action")));
    }
    let named = request.asked.scope.content.paths().count() > 0;
    if named && contents.is_empty() {
        // Read by a person, nothing chosen is "nothing"; it must not mean "everything".
        return Ok(Err(words.say("wrong-no-content")));
    }
    let content = (!contents.is_empty()).then(|| ContentScope::from_paths(contents));
    Ok(Ok(Terms { duration, actions: Some(actions), content }))
}

pub(super) async fn stepped(console: &Console, visit: &Visit, command: Command, done: &str) -> Shown {
    let person = visit.person()?;
    let id = visit.access_request()?;
    let comment = visit.form.text("comment").map(str::to_owned);
    let ends = matches!(command, Command::Revoke | Command::Close);
    let step = Step { command, comment, seen_version: Some(visit.seen_version()?) };
    let taken = console.manage().step(person, id, &step).await;
    console.api.count(step.command.act().as_str(), &taken);
    match taken {
        Ok(Stepped { revision, .. }) => {
            if ends {
                console.manage().effective(revision).await;
            } else {
                console.api.delivered(revision).await;
            }
            see_other(&format!("/requests/{id}?done={done}"))
        }
        Err(error @ ManageError::Refused(_)) if !matches!(error, ManageError::Refused(Refusal::NotEligible(_))) => {
            let frame = visit.frame(String::new());
            let problem = refused(&frame, &error);
            let status = match &error {
                ManageError::Refused(Refusal::IllegalStep { .. } | Refusal::AlreadyApproved(_)) => StatusCode::CONFLICT,
                ManageError::Refused(Refusal::StaleVersion { .. }) => StatusCode::PRECONDITION_FAILED,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            again(console, visit, problem, status).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The page once more, with what was written and what is wrong.
pub(super) async fn again(console: &Console, visit: &Visit, problem: String, status: StatusCode) -> Shown {
    shown(console, visit, visit.form.clone(), Some(problem), false, status).await
}
