//! One AccessRequest: what is asked, what an answer would mean, the answer, what became of it, and what
//! was touched.

use super::Console;
use super::answer::{Shown, page};
use super::choices::{AnswerForm, answer_form, sentence};
use super::form::Form;
use super::frame::Frame;
use super::provider::{self, Deeds};
pub(super) use super::respond::{again, approve, deny, look, revoke, stepped};
use super::shown::{AccessLine, Entry, Given, Quote, has_agreed, may_try, until};
use super::visit::{Visit, is_customer};
use crate::domain::{AccessRequest, ContentScope, Person, Role, State, StateName, Timestamp};
use askama::Template;
use axum::http::StatusCode;
use std::sync::Arc;

/// How many accesses are shown with a request; the API has them all.
const ACCESSES_MAX: usize = 200;
/// How many pieces of content are shown before the others fold away: what matters fits a phone.
const CONTENTS_SHOWN: usize = 6;
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
    reason_text: Quote,
    asked_actions: String,
    /// The first pieces of content, and the others, which fold away.
    asked_contents: Vec<String>,
    more_contents: Vec<String>,
    asked_duration: String,
    reviewed_by: String,
    review_comment: Option<Quote>,
    reviewed_at: Option<Timestamp>,
    state: StateName,
    until: Option<Timestamp>,
    /// Whether it has not been decided.
    open: bool,
    /// Whether no content is named, so that all of it is asked for.
    whole_workload: bool,
    unknowns: Vec<String>,
    answer: Option<AnswerForm>,
    /// What one of the provider's people can do.
    deeds: Option<Deeds>,
    /// The version a revocation binds to, where the person may revoke.
    revoke: Option<(u64, String)>,
    agreed_already: bool,
    given: Option<Given>,
    decided_by: Option<String>,
    decided_comment: Option<Quote>,
    history: Vec<Entry>,
    accesses: Vec<AccessLine>,
    accesses_shown: bool,
    accesses_failed: bool,
    /// What the timeline spans.
    accesses_between: Option<(Timestamp, Timestamp)>,
    /// What has just been done.
    done: Option<String>,
    /// What went wrong with the form.
    problem: Option<String>,
    /// Whether the page is about what the choices would allow.
    looked: bool,
    /// Whether what was written was kept over a sign-in.
    kept: bool,
    /// What was written, where there is no form any more to hold it.
    written: Option<String>,
}

/// What comes with a page: the form as it was filled in, what was wrong with it, and whether it was kept
/// over a sign-in.
#[derive(Default)]
pub(super) struct Said {
    pub(super) form: Form,
    pub(super) problem: Option<String>,
    pub(super) kept: bool,
    /// Whether he wanted to see what it would allow.
    pub(super) looked: bool,
}

/// `GET /requests/{id}`.
pub(super) async fn show(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?.clone();
    let draft = console.take_draft(&person.id, &visit.path, visit.now).await?;
    let said = Said { kept: draft.is_some(), form: draft.unwrap_or_default(), ..Said::default() };
    shown(&console, &visit, said, StatusCode::OK).await
}

/// The page of the AccessRequest in the path, as it stands now.
pub(super) async fn shown(console: &Console, visit: &Visit, said: Said, status: StatusCode) -> Shown {
    let Said { form, problem, kept, looked } = said;
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
    let passkey = answerable && console.offers_passkey(person).await?;
    let answer = match (&tenant, answerable) {
        (Some(tenant), true) => Some(AnswerForm { passkey, ..answer_form(console, &frame, &request, tenant, &form) }),
        _ => None,
    };
    let revocable = request.state_name() == StateName::Active && approver && named;
    let review = request.review();
    let decided = request.decided();
    let mut asked_contents = words.contents(&request.asked.scope, &request.asked.workload);
    let more_contents = asked_contents.split_off(CONTENTS_SHOWN.min(asked_contents.len()));
    let deeds = Deeds::of(console, person, &request, &form, visit.now).await?;
    // A comment on an approval is not one on a revocation.
    let (written, on_revocation) = match form.text("comment").map(str::to_owned) {
        comment if revocable && !form.has("action") => (None, comment),
        comment => (comment.filter(|_| answer.is_none() && deeds.is_none()), None),
    };
    let template = RequestPage {
        f: &frame,
        id: request.id.to_string(),
        engineer: request.engineer.to_string(),
        tenant: request.asked.tenant.to_string(),
        workload: words.workload(&request.asked.workload),
        service_request: request.asked.service_request.to_string(),
        reason: frame.sided(&format!("reason-{}", request.asked.reason.code.as_str())),
        reason_text: Quote::of(&request.asked.reason.text),
        asked_actions: words.actions(&request.asked.scope.actions),
        asked_contents,
        more_contents,
        asked_duration: words.duration(request.asked.duration),
        reviewed_by: review.map_or_else(String::new, |review| review.by.to_string()),
        review_comment: review.and_then(|review| review.comment.as_deref()).map(Quote::of),
        reviewed_at: review.map(|review| review.at),
        state: request.state_name(),
        until: until(&request),
        open: matches!(request.state_name(), StateName::Submitted | StateName::Notified),
        whole_workload: request.asked.scope.content == ContentScope::Workload,
        unknowns: unknowns(&frame, &request),
        answer,
        deeds,
        revoke: revocable.then(|| (request.version, on_revocation.unwrap_or_default())),
        agreed_already,
        given: request.grant().map(|grant| Given::of(grant, words)),
        decided_by: decided.map(|decided| decided.by.to_string()),
        decided_comment: decided.and_then(|decided| decided.comment.as_deref()).map(Quote::of),
        history: events.iter().map(|event| Entry::of(event, &frame)).collect(),
        accesses,
        accesses_shown,
        accesses_failed,
        accesses_between: span(&request),
        done: done(&frame, visit.query.get("done"), &request),
        problem,
        kept,
        looked,
        written,
    };
    page(&frame, status, &template)
}

/// What is not known when an answer is asked for: said, so that nobody has to find out.
fn unknowns(f: &Frame, request: &AccessRequest) -> Vec<String> {
    let mut all = Vec::new();
    if request.state_name() != StateName::Notified || f.provider() {
        return all;
    }
    all.push(f.t("unknown-items"));
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
                    ("contents", sentence(given.contents, f.words).into()),
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

/// From when until when there was, or is, access.
fn span(request: &AccessRequest) -> Option<(Timestamp, Timestamp)> {
    let grant = request.grant()?;
    let ended = grant.ended.as_ref().map(|ended| ended.at);
    Some((grant.window.starts_at, ended.unwrap_or(grant.window.expires_at)))
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
    let read = console.api.history.under(request.id, None, ACCESSES_MAX).await;
    let Ok((touched, _)) = read else { return (Vec::new(), true, true) };
    let window = span(request);
    (touched.iter().filter_map(|touched| AccessLine::of(touched, window, f.words)).collect(), true, false)
}
