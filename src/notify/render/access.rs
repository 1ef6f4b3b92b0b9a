//! The letters about access itself: the first use, the end with its receipt, and the alarm that nobody
//! can give any.

use super::super::story::{Receipt, TOUCHES_MAX, Touch};
use super::letter::Letter;
use super::pen::Pen;
use crate::domain::{AccessRequest, Approval, Ended, Ending, Grant, PersonId};

/// Content was touched for the first time.
pub(super) fn first_use(pen: &Pen<'_>, request: &AccessRequest) -> Letter {
    let mut letter = pen.letter("mail-first-use", None, false);
    letter.paragraph(pen.say_with("mail-first-use-intro", &[("engineer", pen.engineer(request).into())]));
    let receipt = pen.story.receipt.as_ref().filter(|receipt| receipt.readable);
    match receipt.and_then(|receipt| receipt.touched.first()) {
        Some(touch) => {
            let when = pen.time(touch.first);
            let content = pen.content(touch.content.as_ref(), &touch.workload);
            letter.section(pen.say("mail-first-touch"));
            let args =
                [("action", pen.action(&touch.action).into()), ("content", content.into()), ("when", when.into())];
            letter.item(pen.say_with("mail-touch", &args));
        }
        None => letter.paragraph(pen.say("mail-receipt-later")),
    }
    if let Some(grant) = request.grant() {
        match &grant.ended {
            None => {
                let until = pen.time(grant.window.expires_at);
                letter.strong(pen.say_with("mail-may-go-on", &[("until", until.into())]));
            }
            Some(ended) => {
                letter.strong(pen.say_with("mail-over-already", &[("at", pen.time(ended.at).into())]));
            }
        }
    }
    pen.in_short(&mut letter, request);
    pen.look(&mut letter);
    letter
}

/// The access is over; to the customer with a receipt.
pub(super) fn ended(pen: &Pen<'_>, request: &AccessRequest, engineer: bool) -> Letter {
    let headline = if engineer { "mail-ended-engineer" } else { "mail-ended" };
    let mut letter = pen.letter(headline, None, false);
    if let Some((grant, ended)) = request.grant().and_then(|grant| Some((grant, grant.ended.as_ref()?))) {
        letter.paragraph(how(pen, request, grant, ended));
    }
    letter.strong(pen.say(if engineer { "mail-ended-you" } else { "mail-ended-nobody" }));
    if !engineer {
        // The engineer knows what he did; what was touched is the customer's to know.
        letter.section(pen.say("mail-receipt"));
        lasted(pen, &mut letter, request);
        receipt(pen, &mut letter);
    }
    pen.in_short(&mut letter, request);
    pen.look(&mut letter);
    letter
}

fn how(pen: &Pen<'_>, request: &AccessRequest, grant: &Grant, ended: &Ended) -> String {
    let by = ended.by.as_ref().map(PersonId::as_str);
    match ended.how {
        Ending::Closed => pen.by_at("mail-ended-closed", by.unwrap_or(request.engineer.as_str()), ended.at),
        Ending::Revoked => {
            // Turning lockbox on ends what nobody of the customer approved, and is kept in the same way.
            let internal = grant.approval == Approval::Internal;
            let key = if internal { "mail-ended-switched" } else { "mail-ended-revoked" };
            pen.by_at(key, by.unwrap_or(grant.tenant.as_str()), ended.at)
        }
        Ending::Ended => pen.say_with("mail-ended-window", &[("at", pen.time(ended.at).into())]),
    }
}

/// How long it was open, which may be less than was given.
fn lasted(pen: &Pen<'_>, letter: &mut Letter, request: &AccessRequest) {
    let Some(grant) = request.grant() else { return };
    let from = grant.window.starts_at;
    let until = grant.ended.as_ref().map_or(grant.window.expires_at, |ended| ended.at);
    let args = [("span", pen.span(from, until).into()), ("duration", pen.duration(until.since(from)).into())];
    letter.line(pen.say("mail-receipt-lasted"), pen.say_with("mail-window-is", &args));
}

fn receipt(pen: &Pen<'_>, letter: &mut Letter) {
    let Some(receipt) = pen.story.receipt.as_ref().filter(|receipt| receipt.readable) else {
        letter.item(pen.say("mail-receipt-later"));
        return;
    };
    let Receipt { allowed, refused, touched, more, readable: _ } = receipt;
    let count = |count: &u64| {
        if *more { pen.say_with("mail-receipt-at-least", &[("count", count.into())]) } else { count.to_string() }
    };
    if *allowed == 0 && !more {
        letter.item(pen.say("mail-receipt-none"));
    } else {
        letter.line(pen.say("mail-receipt-allowed"), count(allowed));
    }
    if *refused > 0 {
        letter.line(pen.say("mail-receipt-refused"), count(refused));
    }
    for touch in touched.iter().take(TOUCHES_MAX) {
        letter.item(line(pen, touch));
    }
    if *more || touched.len() > TOUCHES_MAX {
        letter.item(pen.say("mail-receipt-more"));
    }
}

fn line(pen: &Pen<'_>, touch: &Touch) -> String {
    let content = pen.content(touch.content.as_ref(), &touch.workload);
    let when = pen.span(touch.first, touch.last);
    let [action, content, when] =
        [("action", pen.action(&touch.action).into()), ("content", content.into()), ("when", when.into())];
    if touch.times == 1 {
        pen.say_with("mail-touch", &[action, content, when])
    } else {
        pen.say_with("mail-touch-times", &[action, content, when, ("count", touch.times.into())])
    }
}

/// Lockbox is on and too few people can approve.
pub(super) fn nobody_can_approve(pen: &Pen<'_>) -> Letter {
    let tenant = &pen.story.tenant;
    let mut letter = pen.letter("mail-nobody", None, true);
    letter.strong(pen.say_with("mail-nobody-intro", &[("tenant", tenant.id.as_str().into())]));
    letter.section(pen.say("mail-nobody-facts"));
    let named = tenant.approvers.union(&tenant.fallback_approvers).count();
    letter.line(pen.say("mail-nobody-named"), named.to_string());
    letter.line(pen.say("mail-nobody-needed"), tenant.quorum.max(1).to_string());
    let request = pen.story.request.as_ref();
    if let Some((request, until)) = request.and_then(|request| Some((request, request.respond_by()?))) {
        let args = [("id", request.id.to_string().into()), ("until", pen.time(until).into())];
        letter.line(pen.say("mail-nobody-waits"), pen.say_with("mail-nobody-waits-is", &args));
    }
    letter.section(pen.say("mail-nobody-how"));
    letter.item(pen.say_with("mail-nobody-steps", &[("page", (&pen.story.page).into())]));
    letter.item(pen.say("mail-nobody-or"));
    letter
}
