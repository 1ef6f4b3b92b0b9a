//! What is said: a [`Story`] as a mail, or as the body of a webhook.
//!
//! Invariant: nothing that a requester or reviewer wrote is in a subject; in the text it is quoted line by
//! line, in the HTML escaped, and in neither can it become a link.
//! Invariant: no mail holds a link. The page's address is there as text, without a path: a mail that leads
//! to a request by a link teaches people to follow links in mails that look like this one. The number of
//! the request finds it.

mod access;
mod asked;
mod decided;
mod event;
mod letter;
mod pen;
mod plain;

use super::story::{Rendered, Side, Story};
use crate::domain::NoticeKind;
use letter::Letter;
use pen::Pen;

/// A mail as its recipient reads it.
pub fn mail(story: &Story) -> Rendered {
    let pen = Pen::of(story);
    let mut letter = written(&pen, story);
    pen.small_print(&mut letter);
    letter.rendered(story.language)
}

/// The name of the event, and a JSON document of what happened.
pub fn webhook(story: &Story) -> (&'static str, String) {
    (event::name(story.notice.kind), event::body(story))
}

fn written(pen: &Pen<'_>, story: &Story) -> Letter {
    let kind = story.notice.kind;
    let Some(request) = &story.request else {
        return match kind {
            NoticeKind::NobodyCanApprove => access::nobody_can_approve(pen),
            _ => pen.without_details(),
        };
    };
    let engineer = story.side == Side::Provider;
    match kind {
        NoticeKind::Pending => asked::pending(pen, request),
        NoticeKind::Reminder => asked::reminder(pen, request),
        NoticeKind::LastReminder => asked::last_reminder(pen, request),
        NoticeKind::Escalated => asked::escalated(pen, request),
        NoticeKind::Approved if engineer => decided::approved_engineer(pen, request),
        NoticeKind::Approved => decided::approved(pen, request),
        NoticeKind::Denied => decided::denied(pen, request, engineer),
        NoticeKind::NoLongerNeeded => decided::no_longer_needed(pen, request),
        NoticeKind::Rejected => decided::rejected(pen, request),
        NoticeKind::Expired => decided::expired(pen, request, engineer),
        NoticeKind::Withdrawn => decided::withdrawn(pen, request),
        NoticeKind::FirstUse => access::first_use(pen, request),
        NoticeKind::Ended => access::ended(pen, request, engineer),
        NoticeKind::NobodyCanApprove => access::nobody_can_approve(pen),
    }
}

#[cfg(test)]
mod tests;
