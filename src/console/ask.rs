//! An engineer asks for access: the form, and what is wrong with it. The form carries a key, so that a
//! second click makes no second AccessRequest.

use super::Console;
use super::answer::{Shown, page, see_other};
use super::form::Form;
use super::frame::Frame;
use super::session::secret;
use super::shown::{Choice, Wrong, durations};
use super::trouble::{Trouble, refused};
use super::visit::Visit;
use crate::domain::{
    ActionName, ContentPath, ContentScope, Justification, ReasonCode, Refusal, Role, Scope, ServiceRequest, Submission,
    TenantId, WorkloadName, parse_duration,
};
use crate::manage_requests::{Idempotency, ManageError};
use crate::words::{Arg, Words};
use askama::Template;
use axum::http::StatusCode;
use core::time::Duration;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How long is offered first.
const USUAL: Duration = Duration::from_secs(3600);
/// The longest key, in characters, as for the API.
const KEY_MAX: usize = 255;

#[derive(Template)]
#[template(path = "console/ask.html")]
struct AskPage<'a> {
    f: &'a Frame,
    key: String,
    tenant: String,
    service_request: String,
    reason_text: String,
    content: String,
    workloads: Vec<Choice>,
    reasons: Vec<Choice>,
    durations: Vec<Choice>,
    actions: Vec<Choice>,
    wrong: Vec<Wrong>,
    problem: Option<String>,
    kept: bool,
}

impl AskPage<'_> {
    /// Why a field was not taken.
    fn wrong(&self, field: &str) -> Option<&str> {
        self.wrong.iter().find(|wrong| wrong.field == field).map(|wrong| wrong.why.as_str())
    }
}

/// What was refused of a form.
#[derive(Default)]
struct Returned {
    form: Form,
    wrong: Vec<Wrong>,
    problem: Option<String>,
    kept: bool,
}

/// `GET /requests/new`.
pub(super) async fn show(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?;
    if !person.is_provider(Role::Engineer) {
        return Err(Trouble::Forbidden);
    }
    let draft = console.take_draft(&person.id, &visit.path, visit.now).await?;
    let kept = draft.is_some();
    let returned = Returned { form: draft.unwrap_or_default(), kept, ..Returned::default() };
    shown(&console, &visit, returned, StatusCode::OK)
}

fn shown(console: &Console, visit: &Visit, returned: Returned, status: StatusCode) -> Shown {
    let Returned { form, wrong, problem, kept } = returned;
    let words = visit.words();
    let frame = visit.frame(words.say("ask"));
    let key = match form.text("key") {
        Some(key) => key.to_owned(),
        None => secret(console)?,
    };
    let workload = |name: String| Choice {
        said: WorkloadName::parse(&name).map_or_else(|_| name.clone(), |name| words.workload(&name)),
        chosen: form.get("workload") == name,
        value: name,
    };
    let action = |name: String| Choice {
        said: ActionName::parse(&name).map_or_else(|_| name.clone(), |name| words.action(&name)),
        chosen: form.all("action").any(|given| given == name),
        value: name,
    };
    let reason = |code: ReasonCode| Choice {
        value: code.as_str().to_owned(),
        said: frame.sided(&format!("reason-{}", code.as_str())),
        chosen: form.get("reason_code") == code.as_str(),
    };
    let longest = console.manage().defaults().grant_longest;
    let usual = crate::domain::format_duration(USUAL.min(longest));
    let template = AskPage {
        f: &frame,
        key,
        tenant: form.get("tenant").to_owned(),
        service_request: form.get("service_request").to_owned(),
        reason_text: form.get("reason_text").to_owned(),
        content: form.get("content").to_owned(),
        workloads: console.manage().workloads()?.into_iter().map(workload).collect(),
        reasons: ReasonCode::ALL.into_iter().map(reason).collect(),
        durations: durations(words, longest, form.text("duration").unwrap_or(&usual)),
        actions: console.manage().actions()?.into_iter().map(action).collect(),
        wrong,
        problem,
        kept,
    };
    page(&frame, status, &template)
}

/// `POST /requests`.
pub(super) async fn submit(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?;
    if !person.is_provider(Role::Engineer) {
        return Err(Trouble::Forbidden);
    }
    let key = visit.form.text("key").filter(|key| key.len() <= KEY_MAX).ok_or(Trouble::BadForm)?;
    let words = visit.words();
    let back = |wrong, problem: String, status| {
        let returned = Returned { form: visit.form.clone(), wrong, problem: Some(problem), kept: false };
        shown(&console, &visit, returned, status)
    };
    let asked = match submission(&visit.form, words) {
        Ok(asked) => asked,
        Err(wrong) => return back(wrong, words.say("not-sent"), StatusCode::UNPROCESSABLE_ENTITY),
    };
    let once = Idempotency { key: key.to_owned(), asked: digest(&visit.form) };
    let made = console.manage().submit(person, asked, Some(once)).await;
    console.api.count("submit", &made);
    let error = match made {
        Ok(made) => return see_other(&format!("/requests/{}?done=submitted", made.id)),
        Err(error) => error,
    };
    let why = refused(&visit.frame(String::new()), &error);
    match (&error, field_of(&error)) {
        (ManageError::NotFound(_), Some(field)) => {
            let wrong = vec![Wrong { field, why: words.say("wrong-no-tenant") }];
            back(wrong, words.say("not-sent"), StatusCode::UNPROCESSABLE_ENTITY)
        }
        (_, Some(field)) => back(vec![Wrong { field, why }], words.say("not-sent"), StatusCode::UNPROCESSABLE_ENTITY),
        (ManageError::Forbidden(_) | ManageError::Refused(Refusal::NotEligible(_)), None) => {
            back(Vec::new(), words.say("may-not-ask"), StatusCode::FORBIDDEN)
        }
        (ManageError::KeyReused, None) => {
            // Came back to and changed after it was sent: a new key, and his word that he means another.
            let fields = visit.form.fields().iter().filter(|(name, _)| name != "key").cloned().collect();
            let problem = Some(words.say("sent-already"));
            let returned = Returned { form: Form::of(fields), problem, ..Returned::default() };
            shown(&console, &visit, returned, StatusCode::CONFLICT)
        }
        _ => Err(error.into()),
    }
}

/// What is asked, so that the same key with another question is noticed; without what changes with the
/// session.
fn digest(form: &Form) -> [u8; 32] {
    let fields = form.fields().iter().filter(|(name, _)| name != "csrf" && name != "key");
    let mut digest = Sha256::new();
    for (name, value) in fields {
        digest = digest.chain_update(name).chain_update([0]).chain_update(value).chain_update([0]);
    }
    digest.finalize().into()
}

/// What the form asks for; or everything that is wrong with it.
fn submission(form: &Form, words: &Words) -> Result<Submission, Vec<Wrong>> {
    let mut all = Vec::new();
    let mut wrong = |field, key: &str, text: &str| {
        all.push(Wrong { field, why: words.say_with(key, &[("text", Arg::from(text))]) });
    };
    let field = |name: &str| form.get(name).trim().to_owned();
    let tenant = TenantId::parse(&field("tenant")).map_err(|_| wrong("tenant", "wrong-tenant", &field("tenant")));
    let workload =
        WorkloadName::parse(&field("workload")).map_err(|_| wrong("workload", "wrong-workload", &field("workload")));
    let service_request = ServiceRequest::parse(&field("service_request"))
        .map_err(|_| wrong("service_request", "wrong-service-request", &field("service_request")));
    let code = ReasonCode::parse(&field("reason_code"))
        .ok_or_else(|| wrong("reason_code", "wrong-reason", &field("reason_code")));
    let text = form.text("reason_text").ok_or_else(|| wrong("reason_text", "wrong-no-reason", ""));
    let duration = parse_duration(&field("duration")).map_err(|_| wrong("duration", "wrong-limit", &field("duration")));
    let actions: BTreeSet<ActionName> = form.all("action").filter_map(|name| ActionName::parse(name).ok()).collect();
    if actions.is_empty() || actions.len() != form.all("action").collect::<BTreeSet<_>>().len() {
        wrong("action", "wrong-no-action-asked", "");
    }
    let mut paths = BTreeSet::new();
    for line in form.lines("content") {
        match ContentPath::parse(line) {
            Ok(path) => drop(paths.insert(path)),
            Err(_) => {
                wrong("content", "wrong-path", line);
                break;
            }
        }
    }
    match (tenant, workload, service_request, code, text, duration) {
        (Ok(tenant), Ok(workload), Ok(service_request), Ok(code), Ok(text), Ok(duration)) if all.is_empty() => {
            let reason = Justification { code, text: text.to_owned() };
            let scope = Scope { actions, content: ContentScope::from_paths(paths) };
            Ok(Submission { tenant, workload, service_request, reason, duration, scope })
        }
        _ => Err(all),
    }
}

/// The field that a refusal is about; none where it is about the whole.
fn field_of(error: &ManageError) -> Option<&'static str> {
    match error {
        ManageError::NotFound(_) => Some("tenant"),
        ManageError::NotInSchema { what: "workload", .. } => Some("workload"),
        ManageError::NotInSchema { what: "action", .. } => Some("action"),
        ManageError::NotInSchema { .. } => Some("content"),
        ManageError::Refused(Refusal::Duration { .. }) => Some("duration"),
        ManageError::Refused(Refusal::Size { what, .. }) => match *what {
            "actions" => Some("action"),
            "content" => Some("content"),
            _ => Some("reason_text"),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Language;

    fn form(changed: &[(&str, &str)]) -> Form {
        let mut fields = vec![
            ("tenant", "contoso"),
            ("workload", "exchange"),
            ("service_request", "SR-1042"),
            ("reason_code", "emergency"),
            ("reason_text", " mail is stuck "),
            ("duration", "PT1H"),
            ("action", "read"),
            ("action", "search"),
            ("content", "mailbox/adele@contoso.example\nmailbox/bela@contoso.example"),
        ];
        for (name, value) in changed {
            fields.retain(|(known, _)| known != name);
            fields.push((name, value));
        }
        Form::of(fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn read(changed: &[(&str, &str)]) -> Result<Submission, Vec<&'static str>> {
        submission(&form(changed), Words::of(Language::English))
            .map_err(|all| all.iter().map(|wrong| wrong.field).collect())
    }

    #[test]
    fn what_is_written_is_what_is_asked() {
        let asked = read(&[]).unwrap();
        assert_eq!((asked.scope.actions.len(), asked.scope.content.paths().count()), (2, 2));
        assert_eq!((asked.reason.text.as_str(), asked.duration), ("mail is stuck", Duration::from_secs(3600)));
        assert_eq!(read(&[("content", " \n")]).unwrap().scope.content, ContentScope::Workload);
    }

    #[test]
    fn every_field_that_is_wrong_is_named() {
        for (field, value, named) in [
            ("tenant", "Contoso", "tenant"),
            ("workload", "", "workload"),
            ("service_request", "SR 1", "service_request"),
            ("reason_code", "because", "reason_code"),
            ("reason_text", "  ", "reason_text"),
            ("duration", "2h", "duration"),
            ("action", "READ", "action"),
            ("content", "mailbox/adele@contoso.example\nmailbox", "content"),
        ] {
            assert_eq!(read(&[(field, value)]), Err(vec![named]), "{field} {value}");
        }
        assert_eq!(read(&[("tenant", ""), ("duration", "")]), Err(vec!["tenant", "duration"]));
        // One action that cannot be read must not leave the others as if they were all.
        let some =
            Form::of(form(&[]).fields().iter().cloned().chain([("action".to_owned(), "?".to_owned())]).collect());
        assert!(submission(&some, Words::of(Language::English)).is_err());
    }

    #[test]
    fn the_same_question_has_the_same_digest_in_another_session() {
        assert_eq!(digest(&form(&[("csrf", "a"), ("key", "k")])), digest(&form(&[("csrf", "b"), ("key", "k")])));
        assert_ne!(digest(&form(&[])), digest(&form(&[("duration", "PT2H")])));
    }
}
