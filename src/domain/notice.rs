//! Notices: what has to be told to whom after a transition. They are kept in the outbox in the same
//! transaction as the transition; sending them is somebody else's work.
//!
//! Invariant: a Notice carries no link that signs in or approves (DOMAIN.md).

use super::{
    AccessRequest, AccessRequestId, EventKind, PersonId, Tenant, TenantId, TimerKind, Timestamp, Transition,
    WebhookName,
};
use core::fmt;
use std::collections::BTreeSet;

/// What a Notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeKind {
    /// To the approvers: an AccessRequest waits for them.
    Pending,
    /// To the approvers: it still waits for them.
    Reminder,
    /// To the approvers: it still waits, and this is the last time they are told.
    LastReminder,
    /// To the fallback approvers: the approvers have not answered, so they may.
    Escalated,
    /// To both sides: it was approved.
    Approved,
    /// To both sides: it was denied.
    Denied,
    /// To the other approvers: somebody has decided, they need not.
    NoLongerNeeded,
    /// To the customer: content was touched under the Grant for the first time.
    FirstUse,
    /// To the engineer: the internal review rejected it.
    Rejected,
    /// To both sides: nobody answered in time.
    Expired,
    /// To the approvers: it was taken back.
    Withdrawn,
    /// To both sides: the access ended.
    Ended,
    /// To the tenant's addresses: lockbox is on and too few people can approve.
    NobodyCanApprove,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Pending,
        Self::Reminder,
        Self::LastReminder,
        Self::Escalated,
        Self::Approved,
        Self::Denied,
        Self::NoLongerNeeded,
        Self::FirstUse,
        Self::Rejected,
        Self::Expired,
        Self::Withdrawn,
        Self::Ended,
        Self::NobodyCanApprove,
    ];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Reminder => "reminder",
            Self::LastReminder => "last_reminder",
            Self::Escalated => "escalated",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::NoLongerNeeded => "no_longer_needed",
            Self::FirstUse => "first_use",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Ended => "ended",
            Self::NobodyCanApprove => "nobody_can_approve",
        }
    }

    /// The kind of that name, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Who is told: a person by mail, or a program of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recipient {
    /// A person's id or a notification address of the tenant's settings, never text from a request.
    Person(PersonId),
    /// A webhook of the tenant's settings, by its name.
    Webhook(WebhookName),
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => id.fmt(f),
            Self::Webhook(name) => write!(f, "webhook:{name}"),
        }
    }
}

/// One thing to tell one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What about.
    pub kind: NoticeKind,
    /// To whom.
    pub to: Recipient,
    /// Which tenant.
    pub tenant: TenantId,
    /// Which AccessRequest; `None` for an alarm about settings.
    pub access_request: Option<AccessRequestId>,
    /// Since when it waits to be sent.
    pub at: Timestamp,
}

/// What a transition has to be told to whom.
pub fn notices(transition: &Transition, tenant: &Tenant) -> Vec<Notice> {
    let after = &transition.after;
    let engineer = || std::iter::once(Recipient::Person(after.engineer.clone()));
    let at = transition.event.at;
    let both = |kind| told(kind, engineer().chain(customer(tenant)), after, at);
    match transition.event.kind {
        EventKind::ReviewApproved => {
            let fallback = tenant.needs_fallback().then(|| people(&tenant.fallback_approvers)).into_iter().flatten();
            let mut told = told(NoticeKind::Pending, customer(tenant).chain(fallback), after, at);
            if tenant.nobody_can_approve() {
                told.extend(
                    alarm(tenant, at).into_iter().map(|notice| Notice { access_request: Some(after.id), ..notice }),
                );
            }
            told
        }
        EventKind::ReviewRejected => told(NoticeKind::Rejected, engineer(), after, at),
        EventKind::Approved => decided(NoticeKind::Approved, transition, tenant),
        EventKind::Denied => decided(NoticeKind::Denied, transition, tenant),
        EventKind::Expired => both(NoticeKind::Expired),
        EventKind::Withdrawn if after.is_known_to_customer() => {
            told(NoticeKind::Withdrawn, customer(tenant), after, at)
        }
        EventKind::Closed | EventKind::Revoked | EventKind::Ended => both(NoticeKind::Ended),
        EventKind::Submitted
        | EventKind::Consented
        | EventKind::Withdrawn
        | EventKind::FirstUsed
        | EventKind::TenantChanged
        | EventKind::EngineerChanged
        | EventKind::EngineerRemoved
        | EventKind::PoliciesPushed => Vec::new(),
    }
}

/// The decision to both sides; the approvers who were asked too are told that they need not answer.
fn decided(kind: NoticeKind, transition: &Transition, tenant: &Tenant) -> Vec<Notice> {
    let (after, at) = (&transition.after, transition.event.at);
    let decider = after.decided().map(|decided| &decided.by);
    let Some(decider) = decider else {
        // Lockbox is off: nobody of the customer was asked, all are told.
        let engineer = std::iter::once(Recipient::Person(after.engineer.clone()));
        return told(kind, engineer.chain(customer(tenant)), after, at);
    };
    let others: Vec<Recipient> = people(&tenant.approvers)
        .filter(|person| !matches!(person, Recipient::Person(id) if id == decider || *id == after.engineer || tenant.notify.contains(id)))
        .collect();
    let sides = [after.engineer.clone(), decider.clone()].into_iter().map(Recipient::Person);
    let mut all = told(kind, sides.chain(people(&tenant.notify)).chain(webhooks(tenant)), after, at);
    all.extend(told(NoticeKind::NoLongerNeeded, others.into_iter(), after, at));
    all
}

/// What a timer has to tell to whom.
pub fn reminder(kind: TimerKind, about: &AccessRequest, tenant: &Tenant, at: Timestamp) -> Vec<Notice> {
    match kind {
        TimerKind::Reminder => told(NoticeKind::Reminder, customer(tenant), about, at),
        TimerKind::LastReminder => told(NoticeKind::LastReminder, customer(tenant), about, at),
        TimerKind::Escalation if tenant.needs_fallback() => Vec::new(),
        TimerKind::Escalation if tenant.fallback_approvers.is_empty() => Vec::new(),
        TimerKind::Escalation => {
            told(NoticeKind::Escalated, people(&tenant.fallback_approvers).chain(webhooks(tenant)), about, at)
        }
    }
}

/// That content was touched under a Grant for the first time.
pub fn first_use(about: &AccessRequest, tenant: &Tenant, at: Timestamp) -> Vec<Notice> {
    told(NoticeKind::FirstUse, customer(tenant), about, at)
}

/// The alarm for a tenant with lockbox on and too few approvers; empty when nobody is to be told.
pub fn alarm(tenant: &Tenant, at: Timestamp) -> Vec<Notice> {
    let notice = |to: Recipient| Notice {
        kind: NoticeKind::NobodyCanApprove,
        to,
        tenant: tenant.id.clone(),
        access_request: None,
        at,
    };
    // A set union: whoever is both an approver and an address hears it once.
    let all: BTreeSet<Recipient> = customer(tenant).chain(people(&tenant.fallback_approvers)).collect();
    all.into_iter().map(notice).collect()
}

fn people(ids: &BTreeSet<PersonId>) -> impl Iterator<Item = Recipient> {
    ids.iter().cloned().map(Recipient::Person)
}

fn webhooks(tenant: &Tenant) -> impl Iterator<Item = Recipient> {
    tenant.webhooks.keys().cloned().map(Recipient::Webhook)
}

/// Everybody at the customer who hears of what happens.
fn customer(tenant: &Tenant) -> impl Iterator<Item = Recipient> {
    people(&tenant.approvers).chain(people(&tenant.notify)).chain(webhooks(tenant))
}

fn told(kind: NoticeKind, to: impl Iterator<Item = Recipient>, about: &AccessRequest, at: Timestamp) -> Vec<Notice> {
    let all: BTreeSet<Recipient> = to.collect();
    let notice = |to| Notice { kind, to, tenant: about.asked.tenant.clone(), access_request: Some(about.id), at };
    all.into_iter().map(notice).collect()
}
