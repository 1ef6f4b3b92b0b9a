//! Events: the history of an AccessRequest and of settings, one entry for each thing that happened.

use super::{AccessRequestId, Authentication, Person, PersonId, StateName, TenantId, Timestamp};

/// Who made something happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A person, with the strength of his proof.
    Person {
        /// Who.
        id: PersonId,
        /// How he proved it.
        authentication: Authentication,
    },
    /// The clock: a time ran out.
    Clock,
}

impl Actor {
    /// The person as an actor.
    pub fn of(person: &Person) -> Self {
        Self::Person { id: person.id.clone(), authentication: person.authentication.clone() }
    }

    /// The person's id; `None` for the clock.
    pub fn id(&self) -> Option<&PersonId> {
        match self {
            Self::Person { id, .. } => Some(id),
            Self::Clock => None,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// An engineer asked for access.
    Submitted,
    /// The internal review let it through to the customer.
    ReviewApproved,
    /// The internal review ended it.
    ReviewRejected,
    /// One approver of several agreed.
    Consented,
    /// The customer approved, or with lockbox off the review sufficed: a Grant exists.
    Approved,
    /// Content was touched under the Grant for the first time.
    FirstUsed,
    /// The customer refused.
    Denied,
    /// The customer did not answer in time.
    Expired,
    /// The engineer took it back.
    Withdrawn,
    /// The engineer is done.
    Closed,
    /// The customer ended the access.
    Revoked,
    /// The window ran out.
    Ended,
    /// Settings of a tenant changed.
    TenantChanged,
    /// An entry of the engineer directory changed.
    EngineerChanged,
    /// An entry of the engineer directory was removed.
    EngineerRemoved,
    /// A bundle of policies was pushed.
    PoliciesPushed,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Submitted,
        Self::ReviewApproved,
        Self::ReviewRejected,
        Self::Consented,
        Self::Approved,
        Self::FirstUsed,
        Self::Denied,
        Self::Expired,
        Self::Withdrawn,
        Self::Closed,
        Self::Revoked,
        Self::Ended,
        Self::TenantChanged,
        Self::EngineerChanged,
        Self::EngineerRemoved,
        Self::PoliciesPushed,
    ];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::ReviewApproved => "review_approved",
            Self::ReviewRejected => "review_rejected",
            Self::Consented => "consented",
            Self::Approved => "approved",
            Self::FirstUsed => "first_used",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Closed => "closed",
            Self::Revoked => "revoked",
            Self::Ended => "ended",
            Self::TenantChanged => "tenant_changed",
            Self::EngineerChanged => "engineer_changed",
            Self::EngineerRemoved => "engineer_removed",
            Self::PoliciesPushed => "policies_pushed",
        }
    }

    /// The kind of that name, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One entry of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// By whom.
    pub by: Actor,
    /// Which AccessRequest; `None` for settings.
    pub access_request: Option<AccessRequestId>,
    /// Which tenant; `None` for the engineer directory and for policies.
    pub tenant: Option<TenantId>,
    /// The state it led to; `None` for settings.
    pub state: Option<StateName>,
    /// The version it led to.
    pub version: u64,
    /// What the person said.
    pub comment: Option<String>,
    /// What changed, in one line a person can read.
    pub detail: Option<String>,
    /// What proves that the person confirmed it with a passkey, as JSON; kept, never judged here.
    pub evidence: Option<String>,
}
