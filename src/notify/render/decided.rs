//! The letters about decisions: approved, rejected by either side, expired, withdrawn.

use super::letter::Letter;
use super::pen::Pen;
use crate::domain::{AccessRequest, Decided, Grant, PersonId, Review, State, Timestamp};

/// To the customer: access was given.
pub(super) fn approved(pen: &Pen<'_>, request: &AccessRequest) -> Letter {
    let mut letter = pen.letter("mail-approved", None, false);
    match request.decided() {
        Some(decided) => letter.paragraph(pen.by_at("mail-approved-by", decided.by.as_str(), decided.at)),
        None => letter.paragraph(pen.say("mail-approved-off")),
    }
    if let Some(grant) = request.grant() {
        pen.may(&mut letter, "mail-may", grant);
        given(pen, &mut letter, "mail-given", request, grant);
    }
    pen.in_short(&mut letter, request);
    if request.grant().is_some_and(|grant| grant.ended.is_none()) {
        letter.paragraph(pen.say("mail-can-end"));
    }
    pen.look(&mut letter);
    letter
}

/// To the engineer: what he may do now.
pub(super) fn approved_engineer(pen: &Pen<'_>, request: &AccessRequest) -> Letter {
    let mut letter = pen.letter("mail-approved-engineer", None, false);
    match request.decided() {
        Some(decided) => letter.paragraph(pen.by_at("mail-approved-by", decided.by.as_str(), decided.at)),
        None => letter.paragraph(pen.say("mail-approved-off-engineer")),
    }
    if let Some(grant) = request.grant() {
        pen.may(&mut letter, "mail-you-may", grant);
        if grant.ended.is_none() {
            letter.paragraph(pen.say("mail-close"));
        }
        given(pen, &mut letter, "mail-given-you", request, grant);
    }
    pen.in_short(&mut letter, request);
    pen.look(&mut letter);
    letter
}

/// What exactly is given, and what was said with it.
fn given(pen: &Pen<'_>, letter: &mut Letter, title: &str, request: &AccessRequest, grant: &Grant) {
    letter.section(pen.say(title));
    letter.line(pen.say("mail-actions"), pen.actions(&grant.scope.actions));
    letter.several(pen.say("mail-content"), pen.contents(&grant.scope, &grant.workload));
    let (from, until) = (grant.window.starts_at, grant.window.expires_at);
    let lasts = pen.duration(until.since(from));
    let window = pen.say_with("mail-window-is", &[("span", pen.span(from, until).into()), ("duration", lasts.into())]);
    letter.line(pen.say("mail-window"), window);
    if grant.scope != request.asked.scope || until.since(from) < request.asked.duration {
        letter.item(pen.say("mail-less"));
    }
    pen.comment(letter, "mail-comment", request.decided().and_then(|decided| decided.comment.as_deref()));
}

/// Who decided, and what he said.
fn decision(pen: &Pen<'_>, letter: &mut Letter, by: &PersonId, at: Timestamp, comment: Option<&str>) {
    letter.section(pen.say("mail-decision"));
    letter.line(pen.say("mail-decided-by"), pen.by_at("mail-by-at", by.as_str(), at));
    pen.comment(letter, "mail-comment", comment);
}

/// The customer's decision, if there is one.
fn answered(pen: &Pen<'_>, letter: &mut Letter, request: &AccessRequest) {
    if let Some(Decided { by, at, comment, .. }) = request.decided() {
        decision(pen, letter, by, *at, comment.as_deref());
    }
}

/// The customer said no.
pub(super) fn denied(pen: &Pen<'_>, request: &AccessRequest, engineer: bool) -> Letter {
    let headline = if engineer { "mail-denied-engineer" } else { "mail-denied" };
    let mut letter = pen.letter(headline, None, false);
    if let Some(decided) = request.decided() {
        letter.strong(pen.by_at("mail-denied-by", decided.by.as_str(), decided.at));
    }
    if engineer {
        letter.paragraph(pen.say("mail-denied-next"));
    }
    answered(pen, &mut letter, request);
    pen.in_short(&mut letter, request);
    pen.look(&mut letter);
    letter
}

/// To the other approvers: somebody has decided.
pub(super) fn no_longer_needed(pen: &Pen<'_>, request: &AccessRequest) -> Letter {
    let mut letter = pen.letter("mail-no-longer-needed", None, false);
    match request.decided() {
        Some(decided) => {
            let denied = matches!(request.state, State::Denied { .. });
            let key = if denied { "mail-no-longer-denied" } else { "mail-no-longer-approved" };
            letter.paragraph(pen.by_at(key, decided.by.as_str(), decided.at));
        }
        None => letter.paragraph(pen.say_with("mail-no-longer-else", &[("state", pen.state(request).into())])),
    }
    if let Some(grant) = request.grant() {
        pen.may(&mut letter, "mail-may", grant);
    }
    answered(pen, &mut letter, request);
    pen.in_short(&mut letter, request);
    pen.look(&mut letter);
    letter
}

/// To the engineer: the provider's own review said no.
pub(super) fn rejected(pen: &Pen<'_>, request: &AccessRequest) -> Letter {
    let mut letter = pen.letter("mail-rejected", None, false);
    if let Some(Review { by, at, comment }) = request.review() {
        letter.strong(pen.by_at("mail-rejected-by", by.as_str(), *at));
        letter.paragraph(pen.say("mail-rejected-next"));
        decision(pen, &mut letter, by, *at, comment.as_deref());
    }
    pen.in_short(&mut letter, request);
    pen.look(&mut letter);
    letter
}

/// Nobody answered in time.
pub(super) fn expired(pen: &Pen<'_>, request: &AccessRequest, engineer: bool) -> Letter {
    let (headline, next) = if engineer {
        ("mail-expired-engineer", "mail-expired-next-engineer")
    } else {
        ("mail-expired", "mail-expired-next")
    };
    let mut letter = pen.letter(headline, None, false);
    if let Some(at) = request.respond_by() {
        letter.strong(pen.say_with("mail-expired-at", &[("at", pen.time(at).into())]));
    }
    letter.paragraph(pen.say(next));
    pen.in_short(&mut letter, request);
    pen.look(&mut letter);
    letter
}

/// The engineer took it back.
pub(super) fn withdrawn(pen: &Pen<'_>, request: &AccessRequest) -> Letter {
    let mut letter = pen.letter("mail-withdrawn", None, false);
    if let State::Withdrawn { at, .. } = &request.state {
        let args = [("engineer", pen.engineer(request).into()), ("at", pen.time(*at).into())];
        letter.paragraph(pen.say_with("mail-withdrawn-at", &args));
    }
    pen.in_short(&mut letter, request);
    pen.look(&mut letter);
    letter
}
