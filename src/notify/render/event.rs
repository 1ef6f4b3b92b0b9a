//! The body of a webhook: the event, and the AccessRequest as the API shows it, so that one reader serves
//! both. Names here are a contract (docs/operators.md); new ones may come, none goes.

use super::super::story::{Receipt, Story, TOUCHES_MAX};
use crate::domain::{
    AccessRequest, ActionName, Authentication, ContentPath, Decided, Grant, NoticeKind, Review, State, Timestamp,
    format_duration,
};
use serde_json::{Map, Value, json};

/// The name of an event.
pub(super) fn name(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Pending => "access_request.pending",
        NoticeKind::Reminder => "access_request.reminder",
        NoticeKind::LastReminder => "access_request.last_reminder",
        NoticeKind::Escalated => "access_request.escalated",
        NoticeKind::Approved => "access_request.approved",
        NoticeKind::Denied => "access_request.denied",
        NoticeKind::NoLongerNeeded => "access_request.no_longer_needed",
        NoticeKind::FirstUse => "access_request.first_use",
        NoticeKind::Rejected => "access_request.rejected",
        NoticeKind::Expired => "access_request.expired",
        NoticeKind::Withdrawn => "access_request.withdrawn",
        NoticeKind::Ended => "access_request.ended",
        NoticeKind::NobodyCanApprove => "tenant.nobody_can_approve",
    }
}

/// The document.
pub(super) fn body(story: &Story) -> String {
    let notice = &story.notice;
    let members = [
        ("id", Some(story.number.to_string().into())),
        ("event", Some(name(notice.kind).into())),
        ("at", Some(instant(notice.at))),
        ("tenant", Some(notice.tenant.as_str().into())),
        ("access_request", story.request.as_ref().map(access_request)),
        ("receipt", story.receipt.as_ref().map(receipt)),
    ];
    object(members).to_string()
}

/// An object of the members that there are.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect::<Map<String, Value>>())
}

fn instant(at: Timestamp) -> Value {
    at.to_string().into()
}

fn access_request(request: &AccessRequest) -> Value {
    let asked = &request.asked;
    let approvals: Vec<Value> = match &request.state {
        State::Notified { consents, .. } => consents.iter().map(|consent| decided(&consent.decided)).collect(),
        _ => Vec::new(),
    };
    object([
        ("id", Some(request.id.to_string().into())),
        ("version", Some(request.version.into())),
        ("state", Some(request.state_name().as_str().into())),
        ("tenant", Some(asked.tenant.as_str().into())),
        ("workload", Some(asked.workload.as_str().into())),
        ("engineer", Some(request.engineer.as_str().into())),
        ("service_request", Some(asked.service_request.as_str().into())),
        ("reason", Some(json!({"code": asked.reason.code.as_str(), "text": asked.reason.text}))),
        ("duration", Some(format_duration(asked.duration).into())),
        ("actions", Some(actions(&asked.scope.actions))),
        ("content", Some(contents(asked.scope.content.paths()))),
        ("submitted_at", Some(instant(request.submitted_at))),
        ("reviewed", request.review().map(reviewed)),
        ("respond_by", request.respond_by().map(instant)),
        ("approvals", (!approvals.is_empty()).then(|| approvals.into())),
        ("decided", request.decided().map(decided)),
        ("grant", request.grant().map(grant)),
    ])
}

fn reviewed(review: &Review) -> Value {
    object([
        ("by", Some(review.by.as_str().into())),
        ("at", Some(instant(review.at))),
        ("comment", review.comment.clone().map(Value::from)),
    ])
}

fn decided(decided: &Decided) -> Value {
    let Authentication { method, strength, address } = &decided.authentication;
    let authentication = object([
        ("method", Some((*method).into())),
        ("strength", strength.clone().map(Value::from)),
        ("address", address.clone().map(Value::from)),
    ]);
    object([
        ("by", Some(decided.by.as_str().into())),
        ("at", Some(instant(decided.at))),
        ("comment", decided.comment.clone().map(Value::from)),
        ("authentication", Some(authentication)),
    ])
}

fn grant(grant: &Grant) -> Value {
    let ended = grant.ended.as_ref().map(|ended| {
        object([
            ("at", Some(instant(ended.at))),
            ("how", Some(ended.how.as_str().into())),
            ("by", ended.by.as_ref().map(|by| by.as_str().into())),
        ])
    });
    json!({
        "id": grant.id.as_str(),
        "actions": actions(&grant.scope.actions),
        "content": contents(grant.scope.content.paths()),
        "approval": grant.approval.as_str(),
        "starts_at": instant(grant.window.starts_at),
        "expires_at": instant(grant.window.expires_at),
        "ended": ended,
    })
}

fn receipt(receipt: &Receipt) -> Value {
    let Receipt { allowed, refused, touched, more, readable } = receipt;
    if !readable {
        return json!({"readable": false});
    }
    let lines = touched.iter().take(TOUCHES_MAX).map(|touch| {
        object([
            ("action", Some(touch.action.as_str().into())),
            ("workload", Some(touch.workload.as_str().into())),
            ("content", touch.content.as_ref().map(|content| content.as_str().into())),
            ("first", Some(instant(touch.first))),
            ("last", Some(instant(touch.last))),
            ("times", Some(touch.times.into())),
        ])
    });
    json!({
        "readable": true,
        "allowed": allowed,
        "refused": refused,
        "touched": lines.collect::<Vec<_>>(),
        "more": *more || touched.len() > TOUCHES_MAX,
    })
}

fn actions<'a>(names: impl IntoIterator<Item = &'a ActionName>) -> Value {
    names.into_iter().map(|name| name.as_str()).collect()
}

fn contents<'a>(paths: impl IntoIterator<Item = &'a ContentPath>) -> Value {
    paths.into_iter().map(|path| path.as_str()).collect()
}
