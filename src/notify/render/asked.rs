//! The letters that ask for an answer: everything that a decision needs is in them.

use super::letter::Letter;
use super::pen::Pen;
use crate::domain::{AccessRequest, ContentScope, Recipient, State, StateName};

/// Somebody asks for access.
pub(super) fn pending(pen: &Pen<'_>, request: &AccessRequest) -> Letter {
    asking(pen, request, "mail-pending", "mail-pending-intro")
}

/// Nobody has answered so far.
pub(super) fn reminder(pen: &Pen<'_>, request: &AccessRequest) -> Letter {
    asking(pen, request, "mail-reminder", "mail-reminder-intro")
}

/// Nobody has answered, and it is the last time that this is said.
pub(super) fn last_reminder(pen: &Pen<'_>, request: &AccessRequest) -> Letter {
    asking(pen, request, "mail-last-reminder", "mail-reminder-intro")
}

/// The approvers have not answered, so somebody else may.
pub(super) fn escalated(pen: &Pen<'_>, request: &AccessRequest) -> Letter {
    asking(pen, request, "mail-escalated", "mail-escalated-intro")
}

fn asking(pen: &Pen<'_>, request: &AccessRequest, headline: &str, intro: &str) -> Letter {
    let waits = request.state_name() == StateName::Notified;
    let respond_by = request.respond_by().filter(|_| waits);
    let mut letter = pen.letter(headline, respond_by, false);
    let asked = &request.asked;
    letter.paragraph(pen.say_with(
        intro,
        &[("engineer", pen.engineer(request).into()), ("workload", pen.workload(&asked.workload).into())],
    ));
    match respond_by {
        Some(until) => {
            let left = pen.duration(until.since(pen.story.notice.at));
            letter.strong(pen.say_with("mail-answer-by", &[("until", pen.time(until).into()), ("left", left.into())]));
            letter.strong(would_allow(pen, request));
        }
        None => letter.strong(pen.say_with("mail-meanwhile", &[("state", pen.state(request).into())])),
    }
    facts(pen, &mut letter, request);
    unknowns(pen, &mut letter, request);
    if waits {
        how(pen, &mut letter);
    }
    letter
}

/// What an approval would give now.
fn would_allow(pen: &Pen<'_>, request: &AccessRequest) -> String {
    let (longest, scope) = request.on_offer(&pen.story.tenant, pen.story.defaults);
    pen.say_with(
        "mail-would-allow",
        &[
            ("engineer", pen.engineer(request).into()),
            ("actions", pen.actions(&scope.actions).into()),
            ("contents", pen.contents_in_sentence(&scope, &request.asked.workload).into()),
            ("duration", pen.duration(longest).into()),
        ],
    )
}

fn facts(pen: &Pen<'_>, letter: &mut Letter, request: &AccessRequest) {
    let asked = &request.asked;
    letter.section(pen.say("mail-asked"));
    letter.line(pen.say("mail-who"), pen.engineer(request));
    letter.line(pen.say("mail-why"), pen.why(request));
    pen.comment(letter, "mail-in-own-words", Some(&asked.reason.text));
    letter.line(pen.say("mail-where"), pen.workload(&asked.workload));
    letter.several(pen.say("mail-content"), pen.contents(&asked.scope, &asked.workload));
    letter.line(pen.say("mail-actions"), pen.actions(&asked.scope.actions));
    letter.line(pen.say("mail-how-long"), pen.duration(asked.duration));
    letter.line(pen.say("mail-submitted"), pen.time(request.submitted_at));
    if let Some(review) = request.review() {
        letter.line(pen.say("mail-reviewed"), pen.by_at("mail-by-at", review.by.as_str(), review.at));
        pen.comment(letter, "mail-reviewer-says", review.comment.as_deref());
    }
    let quorum = pen.story.tenant.quorum;
    if let (State::Notified { consents, .. }, true) = (&request.state, quorum > 1) {
        let so_far = pen.say_with("mail-quorum-is", &[("quorum", quorum.into()), ("agreed", consents.len().into())]);
        letter.line(pen.say("mail-quorum"), so_far);
    }
}

/// What nobody can know yet: said, so that nobody has to find out.
fn unknowns(pen: &Pen<'_>, letter: &mut Letter, request: &AccessRequest) {
    letter.section(pen.say("mail-unknown"));
    letter.item(match &request.asked.scope.content {
        ContentScope::Workload => {
            pen.say_with("mail-unknown-content", &[("workload", pen.workload(&request.asked.workload).into())])
        }
        ContentScope::Paths(_) => pen.say("mail-unknown-items"),
    });
    letter.item(pen.say("mail-unknown-start"));
}

fn how(pen: &Pen<'_>, letter: &mut Letter) {
    let answers = match &pen.story.notice.to {
        Recipient::Person(id) => pen.story.tenant.names_approver(id),
        Recipient::Webhook(_) => true,
    };
    letter.section(pen.say("mail-how"));
    letter.item(pen.at_page("mail-how-steps"));
    if !answers {
        letter.item(pen.say("mail-how-others"));
    }
    letter.item(pen.say("mail-how-no-link"));
}
