//! The provider's side: an engineer's own AccessRequests, the reviewer's queue, and what each of them can
//! do with one: review, withdraw, close.

use super::Console;
use super::answer::{Shown, page};
use super::form::Form;
use super::frame::Frame;
use super::request::{again, stepped};
use super::shown::Line;
use super::trouble::Trouble;
use super::visit::Visit;
use crate::domain::{
    AccessRequest, Command, Person, PersonId, Role, State, StateName, Tenant, TenantId, Timestamp, Verdict,
};
use crate::manage_requests::AccessRequestQuery;
use crate::store::Page;
use askama::Template;
use axum::http::StatusCode;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What counts as lately.
const LATELY: Duration = Duration::from_secs(30 * 24 * 3600);
/// How many of an engineer's AccessRequests are counted.
const COUNTED_MAX: u32 = 100;
/// How many that wait for review are read; the oldest of them are shown.
const WAITING_MAX: u32 = 500;
/// How many that wait for review are shown.
const QUEUE_MAX: usize = 20;
/// How many others are shown.
const OTHERS_MAX: u32 = 25;

/// How much an engineer has asked for lately.
pub(super) struct Lately {
    /// How many, this one among them.
    pub(super) count: usize,
    /// Whether there are more than that.
    pub(super) more: bool,
    /// How many were refused, by whichever side.
    pub(super) refused: usize,
    /// How many give him access now.
    pub(super) active: usize,
}

/// What a reviewer judges by, beside what is asked.
pub(super) struct Judging {
    /// What the engineer has asked for lately.
    pub(super) lately: Lately,
    /// Whether the tenant will be asked.
    pub(super) lockbox: bool,
    /// How many of the tenant's people can approve.
    pub(super) approvers: usize,
    /// How many have to.
    pub(super) quorum: u32,
    /// Whether too few can.
    pub(super) nobody: bool,
}

/// What one of the provider's people can do with an AccessRequest.
pub(super) struct Deeds {
    /// The version it binds to.
    pub(super) version: u64,
    /// What was written.
    pub(super) comment: String,
    /// Review it, with what to judge by.
    pub(super) review: Option<Judging>,
    /// It waits for review, but not by whoever asked.
    pub(super) asked_himself: bool,
    /// Take it back.
    pub(super) withdraw: bool,
    /// End the access.
    pub(super) close: bool,
}

impl Deeds {
    /// What `person` can try; what he may is judged when he does it.
    pub(super) async fn of(
        console: &Console,
        person: &Person,
        request: &AccessRequest,
        form: &Form,
        now: Timestamp,
    ) -> Result<Option<Self>, Trouble> {
        let own = person.is_provider(Role::Engineer) && request.engineer == person.id;
        let reviewer = person.is_provider(Role::Reviewer);
        let submitted = request.state_name() == StateName::Submitted;
        let review = if reviewer && submitted && request.engineer != person.id {
            let tenant = console.manage().tenant(person, &request.asked.tenant).await?;
            Some(Judging::of(lately(console, person, &request.engineer, now).await?, &tenant))
        } else {
            None
        };
        let deeds = Self {
            version: request.version,
            comment: form.get("comment").to_owned(),
            review,
            asked_himself: reviewer && submitted && request.engineer == person.id,
            withdraw: own && matches!(request.state_name(), StateName::Submitted | StateName::Notified),
            close: (own || reviewer) && request.state_name() == StateName::Active,
        };
        let any = deeds.review.is_some() || deeds.asked_himself || deeds.withdraw || deeds.close;
        Ok(any.then_some(deeds))
    }
}

impl Judging {
    fn of(lately: Lately, tenant: &Tenant) -> Self {
        Self {
            lately,
            lockbox: tenant.lockbox,
            approvers: tenant.approvers.union(&tenant.fallback_approvers).count(),
            quorum: tenant.quorum,
            nobody: tenant.nobody_can_approve(),
        }
    }
}

async fn lately(console: &Console, person: &Person, engineer: &PersonId, now: Timestamp) -> Result<Lately, Trouble> {
    let query = AccessRequestQuery {
        engineer: Some(engineer.clone()),
        since: Some(now.minus(LATELY)),
        ..AccessRequestQuery::default()
    };
    let listed = console.manage().list(person, query, Page { after: None, limit: COUNTED_MAX }).await?;
    let of = |states: &[StateName]| listed.items.iter().filter(|one| states.contains(&one.state_name())).count();
    Ok(Lately {
        count: listed.items.len(),
        more: listed.next.is_some(),
        refused: of(&[StateName::Rejected, StateName::Denied, StateName::Revoked]),
        active: of(&[StateName::Active]),
    })
}

/// One that waits for review.
struct Waiting {
    line: Line,
    actions: String,
    contents: Vec<String>,
    judging: Judging,
    asked_himself: bool,
}

/// A reviewer's part of the start page.
struct Queue {
    /// The oldest first.
    waiting: Vec<Waiting>,
    /// How many more wait.
    more: usize,
    /// What is with the customers, or open to engineers.
    others: Vec<Line>,
}

#[derive(Template)]
#[template(path = "console/provider_home.html")]
struct HomePage<'a> {
    f: &'a Frame,
    queue: Option<Queue>,
    /// An engineer's own: those that something can still follow, and the latest others.
    own: Option<(Vec<Line>, Vec<Line>)>,
}

/// `GET /` of reviewers and engineers.
pub(super) async fn home(console: &Console, visit: &Visit) -> Shown {
    let person = visit.person()?;
    let reviewer = person.is_provider(Role::Reviewer);
    let frame = visit.frame(visit.words().say(if reviewer { "nav-review" } else { "nav-own" }));
    let queue = if reviewer { Some(queue(console, visit, &frame).await?) } else { None };
    let own = if person.is_provider(Role::Engineer) { Some(own(console, person, &frame).await?) } else { None };
    page(&frame, StatusCode::OK, &HomePage { f: &frame, queue, own })
}

async fn queue(console: &Console, visit: &Visit, f: &Frame) -> Result<Queue, Trouble> {
    let person = visit.person()?;
    let listed = async |state, limit| {
        let query = AccessRequestQuery { state: Some(state), ..AccessRequestQuery::default() };
        console.manage().list(person, query, Page { after: None, limit }).await
    };
    let submitted = listed(StateName::Submitted, WAITING_MAX).await?.items;
    let mut tenants: BTreeMap<TenantId, Tenant> = BTreeMap::new();
    let mut waiting = Vec::new();
    for request in submitted.iter().rev().take(QUEUE_MAX) {
        let id = &request.asked.tenant;
        if !tenants.contains_key(id) {
            tenants.insert(id.clone(), console.manage().tenant(person, id).await?);
        }
        let Some(tenant) = tenants.get(id) else { continue };
        waiting.push(Waiting {
            line: Line::of(request, f.words),
            actions: f.words.actions(&request.asked.scope.actions),
            contents: f.words.contents(&request.asked.scope, &request.asked.workload),
            judging: Judging::of(lately(console, person, &request.engineer, visit.now).await?, tenant),
            asked_himself: request.engineer == person.id,
        });
    }
    let mut others: Vec<Line> = Vec::new();
    for state in [StateName::Notified, StateName::Active] {
        others.extend(listed(state, OTHERS_MAX).await?.items.iter().map(|request| Line::of(request, f.words)));
    }
    others.sort_by_key(|line| line.until);
    Ok(Queue { more: submitted.len().saturating_sub(waiting.len()), waiting, others })
}

async fn own(console: &Console, person: &Person, f: &Frame) -> Result<(Vec<Line>, Vec<Line>), Trouble> {
    let query = AccessRequestQuery { engineer: Some(person.id.clone()), ..AccessRequestQuery::default() };
    let listed = console.manage().list(person, query, Page { after: None, limit: OTHERS_MAX }).await?;
    let open = |line: &Line| matches!(line.state, StateName::Submitted | StateName::Notified | StateName::Active);
    Ok(listed.items.iter().map(|request| Line::of(request, f.words)).partition(open))
}

/// `POST /requests/{id}/review`.
pub(super) async fn review(console: Arc<Console>, visit: Visit) -> Shown {
    let verdict = match visit.form.get("verdict") {
        "approve" => Verdict::Approve,
        "reject" => Verdict::Reject,
        _ => return Err(Trouble::BadForm),
    };
    if verdict == Verdict::Reject && visit.form.text("comment").is_none() {
        // Whoever may not know of it learns nothing from this: the page is shown by the same rules.
        let problem = visit.words().say("wrong-no-reason-to-reject");
        return again(&console, &visit, problem, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    stepped(&console, &visit, Command::Review(verdict), "reviewed").await
}

/// `POST /requests/{id}/withdraw`.
pub(super) async fn withdraw(console: Arc<Console>, visit: Visit) -> Shown {
    stepped(&console, &visit, Command::Withdraw, "withdrawn").await
}

/// `POST /requests/{id}/close`.
pub(super) async fn close(console: Arc<Console>, visit: Visit) -> Shown {
    stepped(&console, &visit, Command::Close, "closed").await
}

/// What was just done, in one sentence that says exactly what.
pub(super) fn done(f: &Frame, what: &str, request: &AccessRequest) -> Option<String> {
    match (what, &request.state) {
        ("submitted", State::Submitted) => Some(f.t("done-submitted")),
        ("reviewed", State::Notified { respond_by, .. }) => Some(f.t1("done-passed-on", "until", f.time(respond_by))),
        ("reviewed", State::Active { grant, .. }) => {
            Some(f.t1("done-review-gave-access", "until", f.time(&grant.window.expires_at)))
        }
        ("reviewed", State::Rejected { .. }) => Some(f.t("done-review-rejected")),
        ("withdrawn", State::Withdrawn { .. }) => Some(f.t("done-withdrawn")),
        ("closed", State::Closed { .. }) => Some(f.t("done-closed")),
        _ => None,
    }
}
