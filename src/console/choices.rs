//! What an approver can choose when he answers, and what he has chosen: never more than was asked.

use super::Console;
use super::form::Form;
use super::frame::Frame;
use super::shown::{Choice, durations, shortened};
use super::trouble::Trouble;
use super::visit::Visit;
use crate::domain::{
    AccessRequest, ActionName, ContentPath, ContentScope, Scope, State, Tenant, Terms, WorkloadName, parse_duration,
};
use crate::words::Words;
use core::time::Duration;
use std::collections::BTreeSet;

/// What an approver can choose.
pub(super) struct AnswerForm {
    /// The version he looks at, which his answer binds to.
    pub(super) version: u64,
    pub(super) comment: String,
    pub(super) durations: Vec<Choice>,
    pub(super) actions: Vec<Choice>,
    pub(super) contents: Vec<Choice>,
    /// Content to narrow to, where the whole workload is asked for.
    pub(super) only: String,
    /// How such content is written; nothing where content is named already.
    pub(super) only_hint: Option<String>,
    /// Whether he could confirm it by a passkey.
    pub(super) passkey: bool,
    /// Whether he has chosen already, so that the choices stand open.
    pub(super) chosen: bool,
    /// What approving would allow, in a sentence: as asked, or as he has chosen.
    pub(super) would_allow: String,
    /// How many approvers it takes, and how many have agreed.
    pub(super) quorum: u32,
    pub(super) agreed: usize,
}

/// The form in which `request` is answered, filled in as `form` was.
pub(super) fn answer_form(
    console: &Console,
    f: &Frame,
    request: &AccessRequest,
    tenant: &Tenant,
    form: &Form,
) -> AnswerForm {
    let agreed = match &request.state {
        State::Notified { consents, .. } => consents.len(),
        _ => 0,
    };
    let (longest, offered) = request.on_offer(tenant, console.manage().defaults());
    let filled = !form.fields().is_empty();
    let choice = |field: &str, value: &str, said: String| Choice {
        value: value.to_owned(),
        said,
        chosen: !filled || form.all(field).any(|given| given == value),
    };
    let words = f.words;
    let (scope, duration) = picked(form, &offered, longest);
    AnswerForm {
        version: request.version,
        comment: form.get("comment").to_owned(),
        durations: durations(words, longest, form.get("duration")),
        actions: offered.actions.iter().map(|name| choice("action", name.as_str(), words.action(name))).collect(),
        contents: offered.content.paths().map(|path| choice("content", path.as_str(), words.content(path))).collect(),
        only: form.get("only").to_owned(),
        only_hint: (offered.content == ContentScope::Workload).then(|| only_hint(f, &request.asked.workload)),
        passkey: false,
        chosen: filled,
        would_allow: words.say_with(
            "would-allow",
            &[
                ("engineer", request.engineer.as_str().into()),
                ("actions", words.actions(&scope.actions).into()),
                ("contents", sentence(words.contents(&scope, &request.asked.workload), words).into()),
                ("duration", words.duration(duration).into()),
            ],
        ),
        quorum: tenant.quorum,
        agreed,
    }
}

/// How many pieces of content a sentence names; more make none that can be read, and are listed beside it.
const CONTENTS_SAID: usize = 6;

/// Pieces of content within a sentence.
pub(super) fn sentence(contents: Vec<String>, words: &Words) -> String {
    if contents.len() <= CONTENTS_SAID {
        return words.list(contents);
    }
    shortened(contents, CONTENTS_SAID, words).join(", ")
}

/// What a form leaves of a scope and a duration; what it does not say, or not in a readable way, stays.
fn picked(form: &Form, all: &Scope, longest: Duration) -> (Scope, Duration) {
    let duration = form.text("duration").and_then(|text| parse_duration(text).ok());
    let actions: BTreeSet<ActionName> = form.all("action").filter_map(|name| ActionName::parse(name).ok()).collect();
    let named = form.all("content").chain(form.lines("only"));
    let content: BTreeSet<ContentPath> = named.filter_map(|path| ContentPath::parse(path).ok()).collect();
    let scope = Scope {
        actions: if actions.is_empty() { all.actions.clone() } else { actions },
        content: if content.is_empty() { all.content.clone() } else { ContentScope::from_paths(content) },
    };
    (scope, duration.unwrap_or(longest).min(longest))
}

/// How content of a workload is written, by an example.
fn only_hint(f: &Frame, workload: &WorkloadName) -> String {
    let example = f.words.find(&format!("content-example-{workload}"), &[]);
    f.t1("only-content-hint", "example", example.unwrap_or_else(|| f.t("content-example")))
}

/// What an approver has chosen; or what is wrong with it, in words.
pub(super) async fn terms(console: &Console, visit: &Visit) -> Result<Result<Terms, String>, Trouble> {
    let person = visit.person()?;
    let request = console.manage().get(person, visit.access_request()?).await?;
    let (form, words) = (&visit.form, visit.words());
    let Ok(duration) = form.text("duration").map(parse_duration).transpose() else {
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
