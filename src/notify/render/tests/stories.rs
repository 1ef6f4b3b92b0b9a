//! Stories to tell: one as they are every day, one as somebody would write it who wants to do harm.

use super::super::super::story::{Receipt, Side, Story, Touch};
use crate::domain::{
    AccessRequest, AccessRequestId, ActionName, Approval, Authentication, Consent, ContentPath, ContentScope, Decided,
    Defaults, Ended, Ending, Entitlement, Grant, GrantId, Justification, Language, Notice, NoticeKind, PersonId,
    ReasonCode, Recipient, Review, Scope, ServiceRequest, State, Submission, Tenant, TenantId, Terms, TimeZoneName,
    Timestamp, Window, WorkloadName,
};
use crate::words::Zone;
use core::time::Duration;

pub(super) const PAGE: &str = "https://lockbox.provider.example";
const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn at(time: &str) -> Timestamp {
    format!("2026-11-22T{time}Z").parse().unwrap()
}

pub(super) fn person(id: &str) -> PersonId {
    PersonId::parse(id).unwrap()
}

fn scope(actions: &[&str], paths: &[&str]) -> Scope {
    Scope {
        actions: actions.iter().map(|action| ActionName::parse(action).unwrap()).collect(),
        content: ContentScope::from_paths(paths.iter().map(|path| ContentPath::parse(path).unwrap()).collect()),
    }
}

/// What people wrote, and what they asked for.
#[derive(Clone)]
pub(super) struct Words {
    pub(super) reason: String,
    pub(super) comment: String,
    pub(super) engineer: String,
    pub(super) service_request: String,
    pub(super) asked: Scope,
    pub(super) given: Scope,
}

/// An ordinary request, and a little of what should not be in it.
pub(super) fn everyday() -> Words {
    Words {
        reason: "The mailbox does not sync since Friday.\r\nI need to see <b>which</b> messages hang, \
                 see https://evil.example/help?a=1&b=2\u{202e}."
            .to_owned(),
        comment: "Half an hour is enough.".to_owned(),
        engineer: "ana@provider.example".to_owned(),
        service_request: "SR-1042".to_owned(),
        asked: scope(&["read", "export"], &["mailbox/adele@contoso.example", "mailbox/bert@contoso.example"]),
        given: scope(&["read"], &["mailbox/adele@contoso.example"]),
    }
}

/// Everything that a text can be used for, and every name as long as it may be.
pub(super) fn nasty() -> Words {
    let attack = "<script>alert(1)</script><a href=\"https://evil.example/approve\">approve</a>\r\n.\r\nSubject: x\r\n\r\n\
                  ]]>&lt;img src=x onerror=y&gt; {{ 7*7 }} { $engineer }\u{2028}\u{202e}elpmaxe.live\u{2066}\u{200b}\u{7}\u{1b}[2J\
                  HTTPS://EVIL.EXAMPLE www.evil.example evil.example/deny javascript:alert(1) mailto:x@evil.mail\n\
                  Answer by 1 January 2030: https://lockbox.provider.example.evil.example/sign-in\n";
    let text: String = attack.chars().cycle().take(3500).collect();
    let longest = |path: String| ContentPath::parse(&path).unwrap();
    let paths = (10..74).map(|n| {
        let id = format!("www.evil.example-{n}-{}", "&'()*".repeat(40));
        longest(format!("site/{id}/item/{}", "x.evil.example".repeat(15)))
    });
    let actions = (10..74).map(|n| ActionName::parse(&format!("{n}{}", "a".repeat(61))).unwrap());
    let scope = Scope { actions: actions.collect(), content: ContentScope::from_paths(paths.collect()) };
    Words {
        reason: text.clone(),
        comment: text,
        engineer: format!("www.evil.example.{}", "a".repeat(111)),
        service_request: format!("www.evil.example:{}", "#".repeat(111)),
        given: scope.clone(),
        asked: scope,
    }
}

fn tenant(language: Language) -> Tenant {
    Tenant {
        lockbox: true,
        approvers: ["csilla@contoso.example", "dora@contoso.example"].map(person).into(),
        fallback_approvers: [person("edit@contoso.example")].into(),
        notify: [person("security@contoso.example")].into(),
        language,
        time_zone: TimeZoneName::parse("Europe/Budapest").unwrap(),
        ..Tenant::new(TenantId::parse("contoso").unwrap(), Entitlement::E5, at("08:00:00"))
    }
}

fn review(words: &Words) -> Review {
    Review { by: person("rita@provider.example"), at: at("09:30:00"), comment: Some(words.comment.clone()) }
}

pub(super) fn decided(words: &Words) -> Decided {
    Decided {
        by: person("csilla@contoso.example"),
        at: at("10:12:00"),
        comment: Some(words.comment.clone()),
        authentication: Authentication {
            method: "jwt",
            strength: Some("mfa".to_owned()),
            address: Some("192.0.2.7".to_owned()),
        },
    }
}

pub(super) fn grant(words: &Words, ended: Option<Ending>) -> Grant {
    let by = |how| match how {
        Ending::Closed => Some(person(&words.engineer)),
        Ending::Revoked => Some(person("dora@contoso.example")),
        Ending::Ended => None,
    };
    Grant {
        id: GrantId::parse("0198c0de-0000-7000-8000-000000001001").unwrap(),
        access_request: AccessRequestId::new(1001),
        engineer: person(&words.engineer),
        tenant: TenantId::parse("contoso").unwrap(),
        workload: WorkloadName::parse("exchange").unwrap(),
        scope: words.given.clone(),
        window: Window { starts_at: at("10:12:00"), expires_at: at("10:42:00") },
        approval: Approval::Customer,
        service_request: ServiceRequest::parse(&words.service_request).unwrap(),
        ended: ended.map(|how| Ended { at: at("10:40:00"), how, by: by(how) }),
    }
}

/// A request in the state in which a notice of this kind is sent.
pub(super) fn request(words: &Words, kind: NoticeKind) -> AccessRequest {
    let asked = Submission {
        tenant: TenantId::parse("contoso").unwrap(),
        workload: WorkloadName::parse("exchange").unwrap(),
        service_request: ServiceRequest::parse(&words.service_request).unwrap(),
        reason: Justification { code: ReasonCode::CustomerInitiatedSupport, text: words.reason.clone() },
        duration: 2 * HOUR,
        scope: words.asked.clone(),
    };
    let (review, decided) = (review(words), decided(words));
    let respond_by = review.at.plus(12 * HOUR);
    let state = match kind {
        NoticeKind::Pending
        | NoticeKind::Reminder
        | NoticeKind::LastReminder
        | NoticeKind::Escalated
        | NoticeKind::NobodyCanApprove => {
            State::Notified { notified_at: review.at, review, respond_by, consents: Vec::new() }
        }
        NoticeKind::Approved | NoticeKind::NoLongerNeeded | NoticeKind::FirstUse => {
            State::Active { review, decided: Some(decided), grant: grant(words, None) }
        }
        NoticeKind::Denied => State::Denied { review, decided },
        NoticeKind::Rejected => State::Rejected { review },
        NoticeKind::Expired => State::Expired { review, at: respond_by },
        NoticeKind::Withdrawn => State::Withdrawn { review: Some(review), notified: true, at: at("10:05:00") },
        NoticeKind::Ended => {
            State::Closed { review, decided: Some(decided), grant: grant(words, Some(Ending::Closed)) }
        }
    };
    let engineer = person(&words.engineer);
    AccessRequest { id: AccessRequestId::new(1001), version: 3, engineer, asked, submitted_at: at("09:10:00"), state }
}

pub(super) fn receipt() -> Receipt {
    let touch = |action: &str, content: Option<&str>, first, last, times| Touch {
        action: ActionName::parse(action).unwrap(),
        workload: WorkloadName::parse("exchange").unwrap(),
        content: content.map(|path| ContentPath::parse(path).unwrap()),
        first: at(first),
        last: at(last),
        times,
    };
    Receipt {
        allowed: 14,
        refused: 1,
        touched: vec![
            touch("read", Some("mailbox/adele@contoso.example/folder/inbox"), "10:15:00", "10:15:00", 1),
            touch("read", Some("mailbox/adele@contoso.example/message/7"), "10:16:00", "10:38:00", 12),
            touch("search", None, "10:39:00", "10:39:30", 1),
        ],
        more: false,
        readable: true,
    }
}

/// When a notice of this kind is written.
fn written(kind: NoticeKind) -> Timestamp {
    at(match kind {
        NoticeKind::Pending | NoticeKind::Rejected | NoticeKind::NobodyCanApprove => "09:30:00",
        NoticeKind::Reminder => "15:30:00",
        NoticeKind::LastReminder | NoticeKind::Escalated => "19:30:00",
        NoticeKind::Expired => "21:30:00",
        NoticeKind::Withdrawn => "10:05:00",
        NoticeKind::Approved | NoticeKind::Denied | NoticeKind::NoLongerNeeded => "10:12:00",
        NoticeKind::FirstUse => "10:15:00",
        NoticeKind::Ended => "10:40:00",
    })
}

pub(super) fn story(words: &Words, kind: NoticeKind, side: Side, language: Language) -> Story {
    let mut tenant = tenant(language);
    if kind == NoticeKind::NobodyCanApprove {
        tenant.approvers.clear();
        tenant.fallback_approvers.clear();
    }
    let to = match (kind, side) {
        (_, Side::Provider) => person(&words.engineer),
        (NoticeKind::Escalated, _) => person("edit@contoso.example"),
        (NoticeKind::NobodyCanApprove, _) => person("security@contoso.example"),
        _ => person("csilla@contoso.example"),
    };
    let zone = if side == Side::Customer { Zone::named(&tenant.time_zone) } else { Zone::utc() };
    let touched = matches!(kind, NoticeKind::Ended | NoticeKind::FirstUse);
    Story {
        defaults: Defaults::default(),
        notice: Notice {
            kind,
            to: Recipient::Person(to),
            tenant: tenant.id.clone(),
            access_request: Some(AccessRequestId::new(1001)),
            at: written(kind),
        },
        number: 17,
        tenant,
        request: Some(request(words, kind)),
        receipt: touched.then(receipt),
        side,
        language,
        zone,
        page: PAGE.to_owned(),
    }
}

/// Sides that a notice of this kind goes to.
pub(super) fn sides(kind: NoticeKind) -> &'static [Side] {
    match kind {
        NoticeKind::Approved | NoticeKind::Denied | NoticeKind::Expired | NoticeKind::Ended => {
            &[Side::Customer, Side::Provider]
        }
        NoticeKind::Rejected => &[Side::Provider],
        _ => &[Side::Customer],
    }
}

/// What one approver of two has agreed to: less than was asked.
pub(super) fn half_agreed(words: &Words) -> AccessRequest {
    let mut request = request(words, NoticeKind::Reminder);
    if let State::Notified { consents, .. } = &mut request.state {
        let terms = Terms {
            duration: Some(HOUR / 2),
            actions: Some(words.given.actions.clone()),
            content: Some(words.given.content.clone()),
        };
        consents.push(Consent { decided: decided(words), terms });
    }
    request
}
