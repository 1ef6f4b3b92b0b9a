//! The settings of a tenant: what its administrator changes, section by section, and what everybody else
//! of both sides reads.

mod fields;
mod history;

use super::Console;
use super::answer::{Shown, page, see_other};
use super::form::Form;
use super::frame::Frame;
use super::shown::{Choice, Wrong};
use super::trouble::{Trouble, refused};
use super::visit::Visit;
use crate::domain::{Entitlement, Language, PersonId, Role, Tenant};
use crate::manage_requests::ManageError;
use crate::words::Words;
use askama::Template;
use axum::http::StatusCode;
use core::time::Duration;
use fields::{Section, field_of, limit_choices};
pub(super) use history::Change;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many entries of the history a page shows, newest first.
const HISTORY_MAX: usize = 50;

/// The name of the one form that is the provider's.
const ENTITLEMENT: &str = "entitlement";

/// A section that was refused, as it was written.
#[derive(Default)]
pub(super) struct Returned {
    section: Option<Section>,
    form: Form,
    wrong: Vec<Wrong>,
    /// What is wrong with the whole.
    problem: Option<String>,
    /// What is saved now, where somebody else has changed it meanwhile.
    now: Vec<String>,
    /// Whether what was written was kept over a sign-in.
    kept: bool,
}

#[derive(Template)]
#[template(path = "console/settings.html")]
struct SettingsPage<'a> {
    f: &'a Frame,
    id: String,
    version: u64,
    /// Whether the reader is of this tenant.
    own: bool,
    editable: bool,
    /// What can be bought, where the reader may set it.
    entitlements: Vec<Choice>,
    /// What was bought, in words.
    entitlement: String,
    lockbox: bool,
    nobody: bool,
    approvers: String,
    fallback_approvers: String,
    notify: String,
    webhooks: String,
    quorum: String,
    approver_count: usize,
    respond_within: Vec<Choice>,
    grant_longest: Vec<Choice>,
    languages: Vec<Choice>,
    time_zone: String,
    /// The section that was saved just now.
    done: String,
    returned: Returned,
    history: Vec<Change>,
    history_cut: bool,
}

impl Returned {
    /// A form as it was written before signing in anew.
    pub(super) fn kept(form: Form) -> Self {
        Self { section: Section::parse(form.get("section")), form, kept: true, ..Self::default() }
    }

    /// The provider's form, refused.
    pub(super) fn refused(form: Form, problem: String) -> Self {
        Self { form, problem: Some(problem), ..Self::default() }
    }
}

impl SettingsPage<'_> {
    /// Why a field was not taken.
    fn wrong(&self, field: &str) -> Option<&str> {
        self.returned.wrong.iter().find(|wrong| wrong.field == field).map(|wrong| wrong.why.as_str())
    }

    /// What is wrong with a section as a whole.
    fn problem(&self, section: &str) -> Option<&str> {
        let here = self.returned.section.map_or(ENTITLEMENT, Section::as_str);
        self.returned.problem.as_deref().filter(|_| here == section)
    }
}

/// `GET /settings`: of the reader's own tenant.
pub(super) async fn own(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?.clone();
    let Some(id) = &person.tenant else { return see_other("/tenants") };
    let tenant = console.manage().tenant(&person, id).await?;
    let returned = match console.take_draft(&person.id, &visit.path, visit.now).await? {
        Some(form) => Returned::kept(form),
        None => Returned::default(),
    };
    shown(&console, &visit, &tenant, returned, StatusCode::OK).await
}

/// The settings of a tenant, with a section as it was written.
pub(super) async fn shown(
    console: &Console,
    visit: &Visit,
    tenant: &Tenant,
    returned: Returned,
    status: StatusCode,
) -> Shown {
    let person = visit.person()?;
    let own = person.tenant.is_some();
    let words = visit.words();
    let title = if own {
        words.say("settings")
    } else {
        words.say_with("settings-of", &[("tenant", tenant.id.as_str().into())])
    };
    let frame = visit.frame(title);
    let events = console.manage().tenant_events(person, &tenant.id).await?;
    let history = events.iter().rev().take(HISTORY_MAX).map(|event| Change::of(event, &frame)).collect();
    let defaults = console.manage().defaults();
    let written = |section: Section, field: &str| {
        let here = returned.section == Some(section) && returned.form.has(field);
        here.then(|| returned.form.get(field))
    };
    let text = |section, field, now: String| written(section, field).map_or(now, str::to_owned);
    let limits = tenant.limits;
    let template = SettingsPage {
        f: &frame,
        id: tenant.id.to_string(),
        version: tenant.version,
        own,
        editable: person.is_of(&tenant.id, Role::TenantAdmin),
        entitlements: if person.is_provider(Role::Operator) {
            entitlements(words, returned.form.text(ENTITLEMENT).unwrap_or(tenant.entitlement.as_str()))
        } else {
            Vec::new()
        },
        entitlement: words.say(&format!("entitlement-{}", tenant.entitlement.as_str())),
        lockbox: tenant.lockbox,
        nobody: tenant.nobody_can_approve(),
        approvers: text(Section::Approvers, "approvers", lines(&tenant.approvers)),
        fallback_approvers: text(Section::Approvers, "fallback_approvers", lines(&tenant.fallback_approvers)),
        notify: text(Section::Notify, "notify", lines(&tenant.notify)),
        webhooks: text(Section::Webhooks, "webhooks", hooks(tenant)),
        quorum: text(Section::Approvers, "quorum", tenant.quorum.to_string()),
        approver_count: tenant.approvers.len(),
        respond_within: limit_choices(
            words,
            defaults.respond_within,
            limits.respond_within,
            written(Section::Limits, "respond_within"),
        ),
        grant_longest: limit_choices(
            words,
            defaults.grant_longest,
            limits.grant_longest,
            written(Section::Limits, "grant_longest"),
        ),
        languages: languages(written(Section::Language, "language").unwrap_or(tenant.language.as_str())),
        time_zone: text(Section::Language, "time_zone", tenant.time_zone.to_string()),
        done: visit.query.get("done").to_owned(),
        history,
        history_cut: events.len() > HISTORY_MAX,
        returned,
    };
    page(&frame, status, &template)
}

fn lines(people: &BTreeSet<PersonId>) -> String {
    people.iter().map(PersonId::as_str).collect::<Vec<_>>().join("\n")
}

fn languages(chosen: &str) -> Vec<Choice> {
    let choice = |language: Language| Choice {
        value: language.as_str().to_owned(),
        said: Words::of(language).say("language-name"),
        chosen: language.as_str() == chosen,
    };
    Language::ALL.into_iter().map(choice).collect()
}

fn entitlements(words: &Words, chosen: &str) -> Vec<Choice> {
    let choice = |entitlement: Entitlement| Choice {
        value: entitlement.as_str().to_owned(),
        said: words.say(&format!("entitlement-{}", entitlement.as_str())),
        chosen: entitlement.as_str() == chosen,
    };
    Entitlement::ALL.into_iter().map(choice).collect()
}

/// `POST /settings/approvers`.
pub(super) async fn approvers(console: Arc<Console>, visit: Visit) -> Shown {
    save(&console, &visit, Section::Approvers).await
}

/// `POST /settings/notify`.
pub(super) async fn notify(console: Arc<Console>, visit: Visit) -> Shown {
    save(&console, &visit, Section::Notify).await
}

/// `POST /settings/limits`.
pub(super) async fn limits(console: Arc<Console>, visit: Visit) -> Shown {
    save(&console, &visit, Section::Limits).await
}

/// `POST /settings/language`.
pub(super) async fn language(console: Arc<Console>, visit: Visit) -> Shown {
    save(&console, &visit, Section::Language).await
}

/// `POST /settings/webhooks`.
pub(super) async fn webhooks(console: Arc<Console>, visit: Visit) -> Shown {
    save(&console, &visit, Section::Webhooks).await
}

async fn save(console: &Console, visit: &Visit, section: Section) -> Shown {
    let person = visit.person()?;
    let id = person.tenant.as_ref().ok_or(Trouble::Forbidden)?;
    let tenant = console.manage().tenant(person, id).await?;
    let returned = |wrong, problem, now| {
        let form = visit.form.clone();
        Returned { section: Some(section), form, wrong, problem: Some(problem), now, kept: false }
    };
    let change = match section.change(&visit.form, visit.words()) {
        Ok(change) => change,
        Err(wrong) => {
            let back = returned(wrong, visit.words().say("not-saved"), Vec::new());
            return shown(console, visit, &tenant, back, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
    };
    match console.manage().change_tenant(person, id, change, Some(visit.seen_version()?)).await {
        Ok((_, revision)) => {
            console.api.delivered(revision).await;
            let name = section.as_str();
            see_other(&format!("/settings?done={name}#{name}"))
        }
        Err(error) => {
            // What is there now, for somebody else may have changed it.
            let tenant = console.manage().tenant(person, id).await?;
            let why = refused(&visit.frame(String::new()), &error);
            let (back, status) = match (&error, field_of(&error)) {
                (_, Some(field)) => {
                    let problem = visit.words().say("not-saved");
                    (returned(vec![Wrong { field, why }], problem, Vec::new()), StatusCode::UNPROCESSABLE_ENTITY)
                }
                (ManageError::StaleVersion { .. }, None) => {
                    (returned(Vec::new(), why, now(section, &tenant, visit.words())), StatusCode::PRECONDITION_FAILED)
                }
                _ => return Err(error.into()),
            };
            shown(console, visit, &tenant, back, status).await
        }
    }
}

/// What of a section is saved now, one line a setting.
fn now(section: Section, tenant: &Tenant, words: &Words) -> Vec<String> {
    let listed = |people: &BTreeSet<PersonId>| lines(people).replace('\n', ", ");
    let limit = |own: Option<Duration>| own.map_or_else(|| words.say("limit-as-provider"), |own| words.duration(own));
    let all = match section {
        Section::Approvers => vec![
            ("approvers", listed(&tenant.approvers)),
            ("fallback_approvers", listed(&tenant.fallback_approvers)),
            ("quorum", tenant.quorum.to_string()),
        ],
        Section::Notify => vec![("notify", listed(&tenant.notify))],
        Section::Limits => vec![
            ("respond_within", limit(tenant.limits.respond_within)),
            ("grant_longest", limit(tenant.limits.grant_longest)),
        ],
        Section::Language => vec![
            ("language", Words::of(tenant.language).say("language-name")),
            ("time_zone", tenant.time_zone.to_string()),
        ],
        Section::Webhooks => vec![("webhooks", hooks(tenant).replace('\n', ", "))],
    };
    let said = |(name, value): (&str, String)| {
        let value = if value.is_empty() { words.say("nobody") } else { value };
        words.say_with(
            "setting-set",
            &[("setting", words.say(&format!("setting-{name}")).into()), ("value", value.into())],
        )
    };
    all.into_iter().map(said).collect()
}

fn hooks(tenant: &Tenant) -> String {
    tenant.webhooks.iter().map(|(name, url)| format!("{name} {url}")).collect::<Vec<_>>().join("\n")
}
