//! The guard: which live Grants cover a question, in plain Rust and before any policy is asked. No
//! policy can open what this does not (SAFETY.md §1); policies only narrow it.
//!
//! Invariant: no Cedar here, no clock, and time is an interval: a Grant counts only if it is live at
//! both ends of what the time may be.

use super::{Facts, Now};
use crate::domain::{
    Access, Approval, Evaluation, Nearest, Reason, ScopeMiss, StateName, TenantFacts, Timestamp, Window,
};
use std::cmp::Reverse;
use std::sync::Arc;

/// The most Grants one question is put to the policies with.
const CANDIDATES_MAX: usize = 16;

/// What the guard says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guarded {
    /// The live Grants that cover the question, best first, or why there is none.
    pub outcome: Result<Vec<Arc<Access>>, Refused>,
    /// The next instant at which this may change by time alone.
    pub boundary: Option<Timestamp>,
}

/// Why no Grant covers a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub reason: Reason,
    /// What a person can do.
    pub message: String,
    /// The AccessRequest that came closest.
    pub nearest: Option<Nearest>,
}

/// Where one AccessRequest stands towards a question. The order is the order of nearness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// Over, since when.
    Past(Timestamp, Past),
    /// Waits; whether it would cover the question.
    Waiting { covers: bool },
    /// Approved for later; whether it would cover the question.
    Early { covers: bool },
    /// Live, but for something else.
    Elsewhere(Miss),
    /// Live and covers.
    Covers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Past {
    Unanswered,
    Refused,
    Closed,
    RanOut,
    Switched,
    Revoked,
}

/// A content miss is nearer than an action miss: the action at least was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Miss {
    Action,
    Content,
}

/// Which Grants cover the question at `now`. Tenant and engineer must be known.
pub fn guard(question: &Evaluation, facts: &Facts<'_>, now: Now) -> Guarded {
    let own = || facts.accesses.iter().filter(|access| concerns(access, question));
    let boundary = boundary(own(), now);
    let guarded = |outcome| Guarded { outcome, boundary };
    let Some(tenant) = facts.tenant.filter(|tenant| tenant.id == question.tenant) else {
        return guarded(Err(refused(
            Reason::UnknownTenant,
            format!("There is no tenant `{}`: check its name.", question.tenant),
        )));
    };
    let Some(engineer) = facts.engineer.filter(|engineer| engineer.id == question.engineer) else {
        return guarded(Err(refused(
            Reason::NoGrant,
            format!(
                "`{}` is not in the engineer directory: an operator has to enter the engineer first.",
                question.engineer
            ),
        )));
    };
    let standings = own().filter_map(|access| Some((standing(access, question, tenant, now)?, access)));
    let mut live = Vec::new();
    let mut nearest: Option<(Standing, &Arc<Access>)> = None;
    for (standing, access) in standings {
        if standing == Standing::Covers {
            live.push(access.clone());
        }
        if nearest.is_none_or(|(best, at)| (standing, access.id) > (best, at.id)) {
            nearest = Some((standing, access));
        }
    }
    if engineer.suspended && live.is_empty() {
        return guarded(Err(suspended(question)));
    }
    if live.is_empty() {
        return guarded(Err(match nearest {
            Some((standing, access)) => explained(standing, access, question, now),
            None => refused(
                Reason::NoGrant,
                format!(
                    "`{}` has no Grant for {} of tenant `{}`: submit an AccessRequest.",
                    question.engineer, question.workload, question.tenant
                ),
            ),
        }));
    }
    let stated = question.service_request.as_ref();
    live.sort_by_key(|access| {
        let other_case = stated.is_some_and(|stated| *stated != access.service_request);
        (other_case, Reverse(access.window.map(|window| window.expires_at)), access.id)
    });
    live.truncate(CANDIDATES_MAX);
    guarded(Ok(live))
}

/// The denial of a suspended engineer, for whom the guardrail policy is not the only stop.
pub(crate) fn suspended(question: &Evaluation) -> Refused {
    refused(
        Reason::PolicyDenied,
        format!("`{}` is suspended and allowed nothing: another engineer has to take over.", question.engineer),
    )
}

/// Whether a Grant is live at every instant that it may now be.
fn is_live(window: Window, now: Now) -> bool {
    window.starts_at <= now.earliest && now.latest < window.expires_at
}

fn concerns(access: &Access, question: &Evaluation) -> bool {
    access.engineer == question.engineer && access.tenant == question.tenant && access.workload == question.workload
}

fn standing(access: &Access, question: &Evaluation, tenant: &TenantFacts, now: Now) -> Option<Standing> {
    let covers = access.scope.covers(&question.action, question.content.as_ref());
    let ended = access.ended_at.or(access.window.map(|window| window.expires_at)).unwrap_or(now.earliest);
    Some(match access.state {
        StateName::Withdrawn => return None,
        StateName::Submitted => Standing::Waiting { covers: covers.is_ok() },
        StateName::Notified => match access.respond_by {
            Some(respond_by) if now.latest < respond_by => Standing::Waiting { covers: covers.is_ok() },
            late => Standing::Past(late.unwrap_or(ended), Past::Unanswered),
        },
        StateName::Rejected | StateName::Denied => Standing::Past(ended, Past::Refused),
        StateName::Expired => Standing::Past(ended, Past::Unanswered),
        StateName::Closed => Standing::Past(ended, Past::Closed),
        StateName::Revoked => Standing::Past(ended, Past::Revoked),
        StateName::Ended => Standing::Past(ended, Past::RanOut),
        StateName::Active => {
            let (Some(window), Some(approval), Some(_)) = (access.window, access.approval, &access.grant) else {
                // A Grant without a window allows nothing.
                return None;
            };
            if let Some(at) = access.ended_at {
                Standing::Past(at, Past::Revoked)
            } else if now.latest >= window.expires_at {
                Standing::Past(window.expires_at, Past::RanOut)
            } else if approval == Approval::Internal && tenant.lockbox {
                Standing::Past(window.starts_at, Past::Switched)
            } else if !is_live(window, now) {
                Standing::Early { covers: covers.is_ok() }
            } else {
                match covers {
                    Ok(()) => Standing::Covers,
                    Err(ScopeMiss::Action) => Standing::Elsewhere(Miss::Action),
                    Err(ScopeMiss::Content) => Standing::Elsewhere(Miss::Content),
                }
            }
        }
    })
}

fn refused(reason: Reason, message: String) -> Refused {
    Refused { reason, message, nearest: None }
}

fn explained(standing: Standing, access: &Access, question: &Evaluation, now: Now) -> Refused {
    let id = access.id;
    let again = "submit a new AccessRequest if access is still needed.";
    let starts = access.window.map_or(now.earliest, |window| window.starts_at);
    let (reason, failed, message) = match standing {
        Standing::Elsewhere(Miss::Action) | Standing::Covers => {
            let approved: Vec<&str> = access.scope.actions.iter().map(|action| action.as_str()).collect();
            let failed = format!("`{}` is not among the approved actions ({})", question.action, approved.join(", "));
            let message = format!("The Grant of {id} does not cover this: {failed}. Submit an AccessRequest for it.");
            (Reason::OutOfScope, failed, message)
        }
        Standing::Elsewhere(Miss::Content) => {
            let asked =
                question.content.as_ref().map_or("the workload as a whole".to_owned(), |path| format!("`{path}`"));
            let failed = format!("{asked} is not within the approved content");
            let message = format!("The Grant of {id} does not cover this: {failed}. Submit an AccessRequest for it.");
            (Reason::OutOfScope, failed, message)
        }
        Standing::Early { .. } => {
            let failed = format!("the Grant begins at {starts}");
            (
                Reason::GrantNotYetActive,
                failed.clone(),
                format!("The Grant of {id} is not active yet: {failed}. Wait until then."),
            )
        }
        Standing::Waiting { .. } => {
            let (failed, until) = match access.respond_by {
                Some(respond_by) if access.state == StateName::Notified => {
                    ("the customer has not approved yet", format!(" until {respond_by}"))
                }
                _ => ("the internal review is not done yet", String::new()),
            };
            let whom = if access.state == StateName::Notified { "for the customer" } else { "for internal review" };
            (
                Reason::ApprovalPending,
                failed.to_owned(),
                format!("{id} waits {whom}{until}: ask again once it is approved."),
            )
        }
        Standing::Past(at, past) => past_explained(past, at, id, again),
    };
    let nearest = Nearest { access_request: Some(id), grant: access.grant.clone(), failed };
    Refused { reason, message, nearest: Some(nearest) }
}

fn past_explained(
    past: Past,
    at: Timestamp,
    id: crate::domain::AccessRequestId,
    again: &str,
) -> (Reason, String, String) {
    let (reason, what) = match past {
        Past::Unanswered => (Reason::RequestExpired, "expired without an answer of the customer"),
        Past::Refused => (Reason::RequestDenied, "was refused"),
        Past::Closed => (Reason::GrantClosed, "was closed"),
        Past::RanOut => (Reason::GrantExpired, "has run out"),
        Past::Revoked => (Reason::GrantRevoked, "was revoked"),
        Past::Switched => {
            let failed = "the tenant's lockbox is on, and the Grant has no approval of the customer".to_owned();
            let message = format!("{id} was approved while the tenant's lockbox was off; it is on now: {again}");
            return (Reason::GrantRevoked, failed, message);
        }
    };
    (reason, format!("it {what} at {at}"), format!("{id} {what} at {at}: {again}"))
}

/// The next instant at which one of these AccessRequests begins, ends or lapses.
fn boundary<'a>(accesses: impl Iterator<Item = &'a Arc<Access>>, now: Now) -> Option<Timestamp> {
    let instants = accesses.flat_map(|access| {
        let (starts, expires) = access.window.map(|window| (window.starts_at, window.expires_at)).unzip();
        [starts, expires, access.respond_by].into_iter().flatten()
    });
    instants.filter_map(|instant| upcoming(instant, now)).min()
}

/// When an instant's passing may next change an answer. While the time is not known to be before or
/// after it, the very next moment may.
pub(crate) fn upcoming(instant: Timestamp, now: Now) -> Option<Timestamp> {
    if instant > now.latest {
        Some(instant)
    } else if instant > now.earliest {
        Some(now.latest.plus(core::time::Duration::from_millis(1)))
    } else {
        None
    }
}
