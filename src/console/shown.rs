//! AccessRequests, events and accesses as a page shows them: words instead of names, in the reader's
//! language.

use super::frame::Frame;
use super::visit::is_customer;
use crate::domain::{
    AccessRequest, Actor, Ending, Event, EventKind, Grant, Person, PersonId, State, StateName, Timestamp,
    format_duration,
};
use crate::evaluate_access::Touched;
use crate::words::Words;
use core::time::Duration;

/// A choice of a form.
pub(super) struct Choice {
    /// Its value.
    pub(super) value: String,
    /// Its words.
    pub(super) said: String,
    /// Whether it is made.
    pub(super) chosen: bool,
}

/// A field that cannot be taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Its name in the form.
    pub(super) field: &'static str,
    /// Why, in a sentence.
    pub(super) why: String,
}

/// The windows that are offered, in minutes.
const OFFERED_MIN: [u64; 6] = [15, 30, 60, 120, 180, 240];

/// The windows up to the longest, which is first, and chosen where nothing else is.
pub(super) fn durations(words: &Words, longest: Duration, chosen: &str) -> Vec<Choice> {
    let offered = OFFERED_MIN.map(|minutes| Duration::from_secs(minutes.saturating_mul(60))).into_iter();
    let mut all: Vec<Duration> = offered.filter(|shorter| *shorter < longest).collect();
    all.push(longest);
    all.reverse();
    let choice = |duration: Duration| {
        let value = format_duration(duration);
        let chosen = value == chosen || (chosen.is_empty() && duration == longest);
        Choice { value, said: words.duration(duration), chosen }
    };
    all.into_iter().map(choice).collect()
}

/// An AccessRequest in a list.
pub(super) struct Line {
    /// Its id.
    pub(super) id: String,
    /// Who asks.
    pub(super) engineer: String,
    /// Whose content.
    pub(super) tenant: String,
    /// Where.
    pub(super) workload: String,
    /// The service request.
    pub(super) service_request: String,
    /// What for, shortened.
    pub(super) reason: String,
    /// Where it stands.
    pub(super) state: StateName,
    /// When it was submitted.
    pub(super) submitted_at: Timestamp,
    /// When the clock ends the state: the time to answer or the access.
    pub(super) until: Option<Timestamp>,
    /// How long access is asked for.
    pub(super) duration: String,
}

/// The longest reason in a list, in characters.
const REASON_CHARS_MAX: usize = 120;

impl Line {
    pub(super) fn of(request: &AccessRequest, words: &Words) -> Self {
        let text = &request.asked.reason.text;
        let mut reason: String = text.chars().take(REASON_CHARS_MAX).collect();
        if reason.len() < text.len() {
            reason.push('…');
        }
        Self {
            id: request.id.to_string(),
            engineer: request.engineer.to_string(),
            tenant: request.asked.tenant.to_string(),
            workload: words.workload(&request.asked.workload),
            service_request: request.asked.service_request.to_string(),
            reason,
            state: request.state_name(),
            submitted_at: request.submitted_at,
            until: until(request),
            duration: words.duration(request.asked.duration),
        }
    }
}

/// When the clock ends the state of an AccessRequest.
pub(super) fn until(request: &AccessRequest) -> Option<Timestamp> {
    match &request.state {
        State::Notified { respond_by, .. } => Some(*respond_by),
        State::Active { grant, .. } => Some(grant.window.expires_at),
        _ => None,
    }
}

/// What a Grant gives, in words.
pub(super) struct Given {
    /// What may be done.
    pub(super) actions: String,
    /// On which content.
    pub(super) contents: Vec<String>,
    /// From when.
    pub(super) starts_at: Timestamp,
    /// Until when.
    pub(super) expires_at: Timestamp,
    /// For how long.
    pub(super) duration: String,
    /// When it ended, and the message that says how.
    pub(super) ended: Option<(Timestamp, &'static str)>,
}

impl Given {
    pub(super) fn of(grant: &Grant, words: &Words) -> Self {
        let how = |how: Ending| match how {
            Ending::Closed => "ended-closed",
            Ending::Revoked => "ended-revoked",
            Ending::Ended => "ended-window",
        };
        Self {
            actions: words.actions(&grant.scope.actions),
            contents: words.contents(&grant.scope, &grant.workload),
            starts_at: grant.window.starts_at,
            expires_at: grant.window.expires_at,
            duration: words.duration(grant.window.expires_at.since(grant.window.starts_at)),
            ended: grant.ended.as_ref().map(|ended| (ended.at, how(ended.how))),
        }
    }
}

/// One entry of a history.
pub(super) struct Entry {
    /// When.
    pub(super) at: Timestamp,
    /// What happened.
    pub(super) what: String,
    /// By whom; nobody for the clock.
    pub(super) by: Option<String>,
    /// How he proved who he is, and from where.
    pub(super) proof: Option<String>,
    /// What he said.
    pub(super) comment: Option<String>,
}

impl Entry {
    pub(super) fn of(event: &Event, f: &Frame) -> Self {
        let customer = f.person.as_ref().is_some_and(is_customer);
        let (by, proof) = match &event.by {
            Actor::Clock => (None, None),
            Actor::Person { id, authentication } => {
                let method = f.words.find(&format!("method-{}", authentication.method), &[]);
                let parts = [
                    Some(method.as_deref().unwrap_or(authentication.method)),
                    authentication.strength.as_deref(),
                    authentication.address.as_deref(),
                ];
                let proof: Vec<&str> = parts.into_iter().flatten().collect();
                (Some(id.to_string()), Some(proof.join(", ")))
            }
        };
        // Where a proof came from is the business of those who audit it, not of the other side.
        let proof = proof.filter(|_| !customer || event.kind != EventKind::Submitted);
        Self {
            at: event.at,
            what: f.t(&format!("event-{}", event.kind.as_str())),
            by,
            proof,
            comment: event.comment.clone(),
        }
    }
}

/// One access, or attempt at one.
pub(super) struct AccessLine {
    /// When.
    pub(super) at: Timestamp,
    /// What was asked.
    pub(super) action: String,
    /// About what.
    pub(super) content: String,
    /// Whether it was allowed.
    pub(super) allowed: bool,
    /// Where on the timeline it lies, in per mille of the window.
    pub(super) place: i64,
}

impl AccessLine {
    /// An access under a Grant with this window.
    pub(super) fn of(touched: &Touched, window: Option<(Timestamp, Timestamp)>, words: &Words) -> Option<Self> {
        let record = &touched.record;
        let question = record.question.as_ref()?;
        let place = window.map_or(0, |(from, to)| {
            let all = to.as_ms().saturating_sub(from.as_ms()).max(1);
            record.at.as_ms().saturating_sub(from.as_ms()).saturating_mul(1000).checked_div(all).unwrap_or(0)
        });
        let content = question.content.as_ref();
        Some(Self {
            at: record.at,
            action: words.action(&question.action),
            content: content.map_or_else(|| words.workload(&question.workload), |content| words.content(content)),
            allowed: record.allowed,
            place: place.clamp(0, 1000),
        })
    }
}

/// Who of several has agreed, who has not, as a page for an approver needs it.
pub(super) fn has_agreed(request: &AccessRequest, person: &PersonId) -> bool {
    matches!(&request.state, State::Notified { consents, .. } if consents.iter().any(|consent| consent.decided.by == *person))
}

/// Whether this person may try to answer: named now, neither requester nor reviewer. What he may do is
/// judged again when he does it.
pub(super) fn may_try(request: &AccessRequest, person: &Person) -> bool {
    person.id != request.engineer && request.review().is_none_or(|review| review.by != person.id)
}
