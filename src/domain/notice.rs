//! Notices: what has to be told to whom after a transition. They are kept in the outbox in the same
//! transaction as the transition; sending them is somebody else's work.
//!
//! Invariant: a Notice carries no link that signs in or approves (DOMAIN.md).

use super::{AccessRequest, AccessRequestId, EventKind, PersonId, Tenant, TenantId, Timestamp, Transition};

/// What a Notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeKind {
    /// To the approvers: an AccessRequest waits for them.
    Pending,
    /// To the engineer and the approvers: it was approved.
    Approved,
    /// To the engineer and the approvers: it was denied.
    Denied,
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
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Approved,
        Self::Denied,
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
            Self::Approved => "approved",
            Self::Denied => "denied",
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

/// One thing to tell one person or address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What about.
    pub kind: NoticeKind,
    /// To whom: a person's id or a notification address of the tenant's settings, never text from a request.
    pub to: PersonId,
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
    let customer = || tenant.approvers.iter().chain(&tenant.notify).cloned();
    let engineer = || std::iter::once(after.engineer.clone());
    let at = transition.event.at;
    match transition.event.kind {
        EventKind::ReviewApproved => {
            let mut told = told(NoticeKind::Pending, customer(), after, at);
            if tenant.nobody_can_approve() {
                told.extend(
                    alarm(tenant, at).into_iter().map(|notice| Notice { access_request: Some(after.id), ..notice }),
                );
            }
            told
        }
        EventKind::ReviewRejected => told(NoticeKind::Rejected, engineer(), after, at),
        EventKind::Approved => told(NoticeKind::Approved, engineer().chain(customer()), after, at),
        EventKind::Denied => told(NoticeKind::Denied, engineer().chain(customer()), after, at),
        EventKind::Expired => told(NoticeKind::Expired, engineer().chain(customer()), after, at),
        EventKind::Withdrawn if after.is_known_to_customer() => told(NoticeKind::Withdrawn, customer(), after, at),
        EventKind::Closed | EventKind::Revoked | EventKind::Ended => {
            told(NoticeKind::Ended, engineer().chain(customer()), after, at)
        }
        EventKind::Submitted
        | EventKind::Consented
        | EventKind::Withdrawn
        | EventKind::TenantChanged
        | EventKind::EngineerChanged
        | EventKind::EngineerRemoved => Vec::new(),
    }
}

/// The alarm for a tenant with lockbox on and too few approvers; empty when nobody is to be told.
pub fn alarm(tenant: &Tenant, at: Timestamp) -> Vec<Notice> {
    let notice = |to: &PersonId| Notice {
        kind: NoticeKind::NobodyCanApprove,
        to: to.clone(),
        tenant: tenant.id.clone(),
        access_request: None,
        at,
    };
    // A set union: whoever is both an approver and an address hears it once.
    tenant.notify.union(&tenant.approvers).map(notice).collect()
}

fn told(kind: NoticeKind, to: impl Iterator<Item = PersonId>, about: &AccessRequest, at: Timestamp) -> Vec<Notice> {
    let mut people: Vec<PersonId> = to.collect();
    people.sort();
    people.dedup();
    let notice = |to| Notice { kind, to, tenant: about.asked.tenant.clone(), access_request: Some(about.id), at };
    people.into_iter().map(notice).collect()
}
