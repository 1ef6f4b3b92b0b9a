//! The judge: guard and policies together. An allow needs both, and is made here and nowhere else: a
//! [`Permit`] can only be had from [`judge`].

use super::explain::Denial;
use super::facts::{Parts, Unaskable};
use super::guard::{self, Refused, guard, upcoming};
use super::slice::{Chosen, Slice};
use super::time_use::TimeUse;
use super::{Facts, Now, PolicySet};
use crate::domain::{Access, Approval, Decision, Evaluation, GrantRef, Nearest, Reason, Timestamp};
use cedar_policy::{Entities, Request};
use std::sync::Arc;

/// The most instants one question is put to the policies at.
const INSTANTS_MAX: usize = 8;

/// Proof that guard and policies allow a question. There is no other way to come by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    access: Arc<Access>,
    grant: GrantRef,
    policies: Vec<String>,
}

impl Permit {
    /// The AccessRequest whose Grant allows it.
    pub fn access(&self) -> &Arc<Access> {
        &self.access
    }
}

/// A judged question. Can only be had from [`judge`], or as a denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    decision: Decision,
    permit: Option<Permit>,
    boundary: Option<Timestamp>,
    cacheable: bool,
    considered: Vec<Arc<Access>>,
    dropped: usize,
}

impl Judged {
    /// A denial that was not judged: the lease ran out, nothing is loaded yet, and the like. A reason
    /// that would allow becomes `policy_error`.
    pub fn denied(reason: Reason, message: impl Into<String>) -> Self {
        let reason = if reason.allows() { Reason::PolicyError } else { reason };
        Self {
            decision: Decision::deny(reason, message),
            permit: None,
            boundary: None,
            cacheable: false,
            considered: Vec::new(),
            dropped: 0,
        }
    }

    /// The Decision.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// The Decision, for keeping.
    pub fn into_decision(self) -> Decision {
        self.decision
    }

    /// The proof behind an allow; present exactly if the Decision allows.
    pub fn permit(&self) -> Option<&Permit> {
        self.permit.as_ref()
    }

    /// The next instant at which the answer may change by time alone; `None`: never.
    pub fn boundary(&self) -> Option<Timestamp> {
        self.boundary
    }

    /// Whether the answer may be kept until the boundary.
    pub fn cacheable(&self) -> bool {
        self.cacheable
    }

    /// The AccessRequests that were looked at: for the record.
    pub fn considered(&self) -> &[Arc<Access>] {
        &self.considered
    }

    /// How many stated attributes were dropped because the schema does not let the caller state them.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The answer holds no longer than until policies that read the time so may say something else.
    fn until(&mut self, time: &TimeUse, now: Now) {
        // In order, so the first that lies ahead is the next.
        let next = time.literals.iter().find_map(|literal| upcoming(*literal, now));
        self.boundary = self.boundary.into_iter().chain(next).min();
        self.cacheable &= !time.opaque;
    }

    fn deny(mut self, refused: Refused) -> Self {
        self.decision = Decision { nearest: refused.nearest, ..Decision::deny(refused.reason, refused.message) };
        self.permit = None;
        self
    }

    fn allow(mut self, permit: Permit) -> Self {
        let reason = match permit.access.approval {
            Some(Approval::Internal) => Reason::LockboxOff,
            _ => Reason::GrantActive,
        };
        self.decision = Decision {
            reason,
            message: String::new(),
            nearest: None,
            grant: Some(permit.grant.clone()),
            policies: permit.policies.clone(),
            policy_reason: None,
        };
        self.permit = Some(permit);
        self
    }
}

/// What the policies say of one question under one Grant.
enum Ruling {
    Permitted(Vec<String>),
    Denied(Box<Decision>),
}

/// Answers one question from the facts at `now`.
pub fn judge(policies: &PolicySet, question: &Evaluation, facts: &Facts<'_>, now: Now) -> Judged {
    judge_watched(policies, question, facts, now, &mut |_, _| {})
}

/// The same, and `seen` is shown every question that is put to the policies on the way.
pub(crate) fn judge_watched(
    policies: &PolicySet,
    question: &Evaluation,
    facts: &Facts<'_>,
    now: Now,
    seen: &mut impl FnMut(&Request, &Entities),
) -> Judged {
    let mut judged = Judged::denied(Reason::PolicyError, "The question was not judged.");
    judged.cacheable = true;
    if let Some(message) = foreign(policies, question) {
        return judged.deny(Refused { reason: Reason::NotInSchema, message, nearest: None });
    }
    let Some(slice) = policies.content_slice(question.action.as_str()) else {
        return judged.deny(not_in_schema("action", question.action.as_str(), policies.actions()));
    };
    let guarded = guard(question, facts, now);
    judged.boundary = guarded.boundary;
    judged.considered = relevant(question, facts);
    let candidates = match guarded.outcome {
        Ok(candidates) => candidates,
        Err(refused) => return judged.deny(refused),
    };
    let (Some(tenant), Some(engineer)) = (facts.tenant, facts.engineer) else {
        // The guard has refused both before; nothing is allowed on facts that are not there.
        return judged;
    };
    let parts = match policies.kept_parts(question, engineer, tenant, slice) {
        Ok(parts) => parts,
        Err(why) => return judged.deny(unaskable(why)),
    };
    let asked = slice.asked(policies, question, &parts);
    let time = asked.time();
    judged.until(&time, now);
    judged.dropped = parts.dropped;
    let mut first: Option<Decision> = None;
    for access in &candidates {
        let asking = Asking { policies, slice, asked: &asked, question, parts: &parts, now };
        let mut ruling = rule(&asking, &time, access, &mut judged.dropped, seen);
        if matches!(&ruling, Ok(Ruling::Denied(denied)) if is_by_default(denied)) && *time != slice.time {
            // Denied because nothing permits it. Which permit came closest is a matter of all of them, so this
            // is explained at an instant that stands for the same time with all of them.
            ruling = rule(&asking, &slice.time, access, &mut judged.dropped, seen);
        }
        match ruling {
            Ok(Ruling::Permitted(ids)) if !engineer.suspended => {
                return match permit(access, ids, now) {
                    Some(permit) => judged.allow(permit),
                    None => judged.deny(broken()),
                };
            }
            // No policy forbade it: the guard does.
            Ok(Ruling::Permitted(_)) => return judged.deny(guard::suspended(question)),
            Ok(Ruling::Denied(denied)) if denied.reason == Reason::PolicyError => {
                judged.decision = *denied;
                return judged;
            }
            Ok(Ruling::Denied(denied)) => {
                first.get_or_insert(*denied);
            }
            Err(why) => return judged.deny(unaskable(why)),
        }
    }
    let Some(decision) = first else { return judged.deny(broken()) };
    if is_by_default(&decision) {
        judged.until(&slice.time, now);
    }
    judged.decision = decision;
    judged
}

/// The pair of the guard, checked once more where the Permit is made.
fn permit(access: &Arc<Access>, policies: Vec<String>, now: Now) -> Option<Permit> {
    let (grant, window) = (access.grant.clone()?, access.window?);
    let live = access.ended_at.is_none() && window.contains(now.earliest) && window.contains(now.latest);
    live.then(|| Permit {
        access: access.clone(),
        grant: GrantRef { id: grant, access_request: access.id, expires_at: window.expires_at },
        policies,
    })
}

/// Whether a question was denied because no policy permits it.
fn is_by_default(decision: &Decision) -> bool {
    decision.reason == Reason::PolicyDenied && decision.policies.is_empty()
}

fn broken() -> Refused {
    Refused {
        reason: Reason::PolicyError,
        message: "The guard and the policies do not agree; tell an operator.".to_owned(),
        nearest: None,
    }
}

/// What is the same for all Grants that a question is put to the policies with.
struct Asking<'a> {
    policies: &'a PolicySet,
    slice: &'a Slice,
    asked: &'a Chosen<'a>,
    question: &'a Evaluation,
    parts: &'a Parts,
    now: Now,
}

/// Asks the policies at every instant that it may now be. All must permit.
fn rule(
    asking: &Asking<'_>,
    time: &TimeUse,
    access: &Arc<Access>,
    dropped: &mut usize,
    seen: &mut impl FnMut(&Request, &Entities),
) -> Result<Ruling, Unaskable> {
    let Asking { policies, slice, asked, question, parts, now } = *asking;
    let mut ids = Vec::new();
    let own = parts.dropped;
    for instant in instants(time, access, now) {
        let (context, unread) = policies.context(question, Some(access), instant)?;
        *dropped = own + unread;
        let request =
            Request::new(parts.principal.clone(), slice.action.clone(), parts.resource.clone(), context, None)
                .map_err(|error| Unaskable::Facts(error.to_string()))?;
        seen(&request, &parts.entities);
        let said = asked.answer(&policies.authorizer, &request, &parts.entities);
        if let Some(error) = said.error {
            let mut denied = Decision::deny(
                Reason::PolicyError,
                "A policy could not be evaluated, so nothing is allowed: the owner of the policy has to correct it.",
            );
            denied.nearest = Some(nearest(access, error));
            return Ok(Ruling::Denied(Box::new(denied)));
        }
        if !said.allows {
            let denied = policy_denied(policies, (slice, asked), access, said.policies, (&request, &parts.entities));
            return Ok(Ruling::Denied(Box::new(denied)));
        }
        ids = said.policies;
    }
    Ok(Ruling::Permitted(ids))
}

/// The instants that stand for all that it may now be: between two boundaries the answer is one.
fn instants(time: &TimeUse, access: &Access, now: Now) -> Vec<Timestamp> {
    if time.opaque {
        let mut both = vec![now.earliest, now.latest];
        both.dedup();
        return both;
    }
    let starts = access.window.map_or(now.earliest, |window| window.starts_at);
    let before = time.literals.iter().copied().take_while(|literal| *literal <= now.earliest).last();
    let mut instants = vec![before.map_or(starts, |literal| literal.max(starts))];
    let within = time.literals.iter().copied().filter(|literal| now.earliest < *literal && *literal <= now.latest);
    instants.extend(within.take(INSTANTS_MAX));
    if instants.len() > INSTANTS_MAX {
        // More boundaries than can be tried in so short a time: an instant past the Grant permits nothing.
        instants.push(access.window.map_or(now.latest, |window| window.expires_at));
    }
    instants
}

fn nearest(access: &Access, failed: String) -> Nearest {
    Nearest { access_request: Some(access.id), grant: access.grant.clone(), failed }
}

fn policy_denied(
    policies: &PolicySet,
    (slice, asked): (&Slice, &Chosen<'_>),
    access: &Access,
    ids: Vec<String>,
    request: (&Request, &Entities),
) -> Decision {
    let forbid = ids.first().map(|id| asked.conditions_with(id));
    let Denial { failed, message, reason } = policies.denial((slice, forbid), request, &ids);
    Decision {
        nearest: Some(nearest(access, failed)),
        policy_reason: reason,
        policies: ids,
        ..Decision::deny(Reason::PolicyDenied, message)
    }
}

fn unaskable(why: Unaskable) -> Refused {
    match why {
        Unaskable::Stated(wrong) => {
            Refused { reason: Reason::NotInSchema, message: format!("{wrong}."), nearest: None }
        }
        Unaskable::Facts(why) => Refused {
            reason: Reason::PolicyError,
            message: format!(
                "Nothing is allowed: {why}. An operator has to correct the directory entry or the schema."
            ),
            nearest: None,
        },
    }
}

fn relevant(question: &Evaluation, facts: &Facts<'_>) -> Vec<Arc<Access>> {
    let own = |access: &&Arc<Access>| {
        access.engineer == question.engineer && access.tenant == question.tenant && access.workload == question.workload
    };
    facts.accesses.iter().filter(own).cloned().collect()
}

/// What of the question the schema does not declare, as a message.
fn foreign(policies: &PolicySet, question: &Evaluation) -> Option<String> {
    let words = &policies.vocabulary;
    if !words.workloads.contains(question.workload.as_str()) {
        return Some(not_in_schema("workload", question.workload.as_str(), policies.workloads()).message);
    }
    let kind =
        question.content.iter().flat_map(|path| path.types()).find(|kind| !words.content_types.contains(*kind))?;
    Some(not_in_schema("content type", kind, policies.content_types()).message)
}

fn not_in_schema<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Refused {
    let known: Vec<&str> = known.collect();
    let message = format!("The schema declares no {what} `{name}`; it declares {}.", known.join(", "));
    Refused { reason: Reason::NotInSchema, message, nearest: None }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
