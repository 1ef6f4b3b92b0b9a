//! Lists of AccessRequests: what waits for somebody, and all that concern him, with filters.

use super::answer::{Shown, page, see_other};
use super::frame::Frame;
use super::shown::Line;
use super::trouble::Trouble;
use super::visit::{Visit, has_any, is_customer};
use super::{Console, provider};
use crate::domain::{AccessRequestId, PersonId, Role, StateName, TenantId, Timestamp, WorkloadName};
use crate::manage_requests::AccessRequestQuery;
use crate::store::Page;
use askama::Template;
use axum::http::StatusCode;
use std::sync::Arc;

/// How many entries a page of a list has.
const PAGE: u32 = 25;

#[derive(Template)]
#[template(path = "console/pending.html")]
struct PendingPage<'a> {
    f: &'a Frame,
    pending: Vec<Line>,
    active: Vec<Line>,
    /// Whether more wait, or are given, than are shown.
    more_pending: bool,
    more_active: bool,
    /// Whether nobody could answer.
    nobody: bool,
    lockbox: bool,
}

/// `GET /`: what waits for whoever is signed in.
pub(super) async fn home(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?;
    match &person.tenant {
        Some(tenant) => pending(&console, &visit, tenant).await,
        None if has_any(person, &[Role::Reviewer, Role::Engineer]) => provider::home(&console, &visit).await,
        None => see_other("/requests"),
    }
}

async fn pending(console: &Console, visit: &Visit, tenant: &TenantId) -> Shown {
    let person = visit.person()?;
    let frame = visit.frame(visit.words().say("pending"));
    let lines = async |state| -> Result<(Vec<Line>, bool), Trouble> {
        let query = AccessRequestQuery { state: Some(state), ..AccessRequestQuery::default() };
        let listed = console.manage().list(person, query, Page { after: None, limit: PAGE }).await?;
        let mut lines: Vec<Line> = listed.items.iter().map(|request| Line::of(request, frame.words)).collect();
        // What runs out first is on top.
        lines.sort_by_key(|line| line.until);
        Ok((lines, listed.next.is_some()))
    };
    let (pending, more_pending) = lines(StateName::Notified).await?;
    let (active, more_active) = lines(StateName::Active).await?;
    let settings = console.manage().tenant(person, tenant).await?;
    let template = PendingPage {
        f: &frame,
        pending,
        active,
        more_pending,
        more_active,
        nobody: settings.nobody_can_approve(),
        lockbox: settings.lockbox,
    };
    page(&frame, StatusCode::OK, &template)
}

#[derive(Template)]
#[template(path = "console/requests.html")]
struct RequestsPage<'a> {
    f: &'a Frame,
    lines: Vec<Line>,
    /// The filters as they were given.
    q: String,
    state: String,
    workload: String,
    engineer: String,
    tenant: String,
    since: String,
    states: Vec<(String, String)>,
    workloads: Vec<(String, String)>,
    /// Whether any filter is set.
    filtered: bool,
    /// Whether one of those that fold away is set.
    narrowed: bool,
    /// A filter that cannot be read.
    wrong: bool,
    /// The address of the next page.
    next: Option<String>,
    provider: bool,
}

/// `GET /requests`.
pub(super) async fn all(console: Arc<Console>, visit: Visit) -> Shown {
    let person = visit.person()?;
    let frame = visit.frame(visit.words().say("requests"));
    let field = |name: &str| visit.query.get(name).trim().to_owned();
    let names = ["q", "state", "workload", "engineer", "tenant", "since"];
    let [q, state, workload, engineer, tenant, since] = names.map(field);
    let mut wrong = false;
    let query = AccessRequestQuery {
        tenant: read(&tenant, &mut wrong, |text| TenantId::parse(text).ok()),
        state: read(&state, &mut wrong, StateName::parse),
        engineer: read(&engineer, &mut wrong, |text| PersonId::parse(text).ok()),
        workload: read(&workload, &mut wrong, |text| WorkloadName::parse(text).ok()),
        since: read(&since, &mut wrong, day),
        text: read(&q, &mut wrong, |text| (text.len() <= 128).then(|| text.to_owned())),
    };
    let after = AccessRequestId::parse(visit.query.get("cursor")).ok();
    // A filter that cannot be read matches nothing: it must not widen the list.
    let (lines, next) = if wrong {
        (Vec::new(), None)
    } else {
        let listed = console.manage().list(person, query, Page { after, limit: PAGE }).await?;
        (listed.items.iter().map(|request| Line::of(request, frame.words)).collect(), listed.next)
    };
    let given = [&q, &state, &workload, &engineer, &tenant, &since];
    let next = next.map(|cursor| {
        let mut address = form_urlencoded::Serializer::new(String::from("/requests?"));
        for (name, value) in names.iter().zip(given).filter(|(_, value)| !value.is_empty()) {
            address.append_pair(name, value);
        }
        address.append_pair("cursor", &cursor.to_string()).finish()
    });
    let known = console.manage().workloads()?;
    let named = |name: &str| {
        let said = WorkloadName::parse(name).map_or_else(|_| name.to_owned(), |name| frame.words.workload(&name));
        (name.to_owned(), said)
    };
    let workloads = known.iter().map(|name| named(name)).collect();
    let states = StateName::ALL.into_iter().filter(|state| !is_customer(person) || known_to_customers(*state));
    let states = states.map(|state| (state.as_str().to_owned(), frame.state(&state))).collect();
    let filtered = given.iter().any(|value| !value.is_empty());
    let narrowed = [&state, &workload, &engineer, &tenant, &since].iter().any(|value| !value.is_empty());
    let provider = !is_customer(person);
    // A field for a date takes nothing else.
    let since = if day(&since).is_some() { since } else { String::new() };
    let template = RequestsPage {
        f: &frame,
        lines,
        q,
        state,
        workload,
        engineer,
        tenant,
        since,
        states,
        workloads,
        filtered,
        narrowed,
        wrong,
        next,
        provider,
    };
    page(&frame, StatusCode::OK, &template)
}

/// The beginning of a day.
fn day(text: &str) -> Option<Timestamp> {
    format!("{text}T00:00:00Z").parse().ok()
}

fn known_to_customers(state: StateName) -> bool {
    !matches!(state, StateName::Submitted | StateName::Rejected)
}

fn read<T>(text: &str, wrong: &mut bool, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    if text.is_empty() {
        return None;
    }
    let parsed = parse(text);
    *wrong |= parsed.is_none();
    parsed
}
