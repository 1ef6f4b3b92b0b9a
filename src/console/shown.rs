//! AccessRequests, events and accesses as a page shows them: words instead of names, in the reader's
//! language.

use super::frame::Frame;
use super::visit::is_customer;
use crate::accesses::Touched;
use crate::domain::{
    AccessRequest, Actor, Ending, Event, EventKind, Grant, Person, PersonId, State, StateName, Timestamp,
    format_duration,
};
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
    /// What may be done: under the Grant, where there is one, else as asked.
    pub(super) actions: String,
    /// On which content, shortened.
    pub(super) contents: String,
}

/// How many pieces of content a list names.
const CONTENTS_MAX: usize = 2;

/// The first pieces of content, and how many more there are.
pub(super) fn shortened(mut contents: Vec<String>, max: usize, words: &Words) -> Vec<String> {
    let more = contents.len().saturating_sub(max);
    if more > 0 {
        contents.truncate(max);
        contents.push(words.say_with("more-contents", &[("count", more.into())]));
    }
    contents
}

/// The longest reason in a list, in characters.
const REASON_CHARS_MAX: usize = 160;
/// From which length on a text folds, in characters and lines: what matters must fit a phone's screen.
const QUOTE_CHARS_MAX: usize = 280;
const QUOTE_LINES_MAX: usize = 6;

/// What somebody has written, with its beginning where it is long.
pub(super) struct Quote {
    /// All of it.
    pub(super) text: String,
    /// Its beginning, if that is not all.
    pub(super) short: Option<String>,
}

impl Quote {
    pub(super) fn of(text: &str) -> Self {
        let lines: Vec<&str> = text.split_inclusive('\n').take(QUOTE_LINES_MAX).collect();
        let mut short: String = lines.concat().chars().take(QUOTE_CHARS_MAX).collect();
        let folds = short.len() < text.len();
        short.truncate(short.trim_end().len());
        short.push('…');
        Self { text: text.to_owned(), short: folds.then_some(short) }
    }
}

impl Line {
    pub(super) fn of(request: &AccessRequest, words: &Words) -> Self {
        let text = &request.asked.reason.text;
        let mut reason: String = text.chars().take(REASON_CHARS_MAX).map(|c| if c == '\n' { ' ' } else { c }).collect();
        if reason.len() < text.len() {
            reason.push('…');
        }
        let scope = request.grant().map_or(&request.asked.scope, |grant| &grant.scope);
        let contents = shortened(words.contents(scope, &request.asked.workload), CONTENTS_MAX, words);
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
            actions: words.actions(&scope.actions),
            contents: contents.join(", "),
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
    pub(super) comment: Option<Quote>,
}

impl Entry {
    pub(super) fn of(event: &Event, f: &Frame) -> Self {
        let customer = f.person.as_ref().is_some_and(is_customer);
        let (by, proof) = match &event.by {
            Actor::Clock => (None, None),
            Actor::Person { id, authentication } => {
                let method = f.words.find(&format!("method-{}", authentication.method), &[]);
                let address = authentication.address.as_deref().map(|address| f.t1("proof-from", "address", address));
                let parts = [
                    method.or_else(|| Some(authentication.method.to_owned())),
                    authentication.strength.clone(),
                    address,
                ];
                let proof: Vec<String> = parts.into_iter().flatten().collect();
                (Some(id.to_string()), Some(proof.join(", ")))
            }
        };
        // Where the provider's people sit is the business of those who audit them, not of a customer.
        let proof = proof.filter(|_| !customer || of_customer(event.kind));
        Self {
            at: event.at,
            what: f.t(&format!("event-{}", event.kind.as_str())),
            by,
            proof,
            comment: event.comment.as_deref().map(Quote::of),
        }
    }
}

/// Whether a step is one of the customer's own.
fn of_customer(kind: EventKind) -> bool {
    use EventKind::{Approved, Consented, Denied, Revoked, TenantChanged};
    matches!(kind, Consented | Approved | Denied | Revoked | TenantChanged)
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
