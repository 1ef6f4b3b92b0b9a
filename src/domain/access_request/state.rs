//! The states of an AccessRequest, each with the facts that hold in it.

use super::super::{Authentication, Grant, PersonId, Terms, Timestamp};
use core::fmt;

/// What the internal review said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The customer may be asked.
    Approve,
    /// The customer is not bothered.
    Reject,
}

impl Verdict {
    /// The verdict on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

/// The internal review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// By whom.
    pub by: PersonId,
    /// When.
    pub at: Timestamp,
    /// What he said.
    pub comment: Option<String>,
}

/// The customer's decision. Never a service account: the person, and how strongly he proved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// By whom.
    pub by: PersonId,
    /// When.
    pub at: Timestamp,
    /// What he said.
    pub comment: Option<String>,
    /// How he proved who he is.
    pub authentication: Authentication,
}

/// One approver's agreement where it takes several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Who agreed, and when.
    pub decided: Decided,
    /// To what. Each later consent is at most as wide, so everybody agreed to the last terms.
    pub terms: Terms,
}

/// Where an AccessRequest stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Waits for the internal review.
    Submitted,
    /// Ended by the internal review.
    Rejected {
        /// The review.
        review: Review,
    },
    /// Waits for the customer.
    Notified {
        /// The review.
        review: Review,
        /// When the customer was told.
        notified_at: Timestamp,
        /// The first instant at which it is too late to answer.
        respond_by: Timestamp,
        /// The agreements so far, fewer than the quorum.
        consents: Vec<Consent>,
    },
    /// The customer refused.
    Denied {
        /// The review.
        review: Review,
        /// The refusal.
        decided: Decided,
    },
    /// The customer did not answer.
    Expired {
        /// The review.
        review: Review,
        /// When the time ran out.
        at: Timestamp,
    },
    /// The engineer took it back.
    Withdrawn {
        /// The review, if there was one.
        review: Option<Review>,
        /// Whether the customer had been told.
        notified: bool,
        /// When.
        at: Timestamp,
    },
    /// A Grant exists.
    Active {
        /// The review.
        review: Review,
        /// The customer's decision; `None` where lockbox was off.
        decided: Option<Decided>,
        /// The Grant. Invariant: not ended.
        grant: Grant,
    },
    /// The engineer was done.
    Closed {
        /// The review.
        review: Review,
        /// The customer's decision.
        decided: Option<Decided>,
        /// The Grant. Invariant: ended by [`super::super::Ending::Closed`].
        grant: Grant,
    },
    /// The customer ended the access.
    Revoked {
        /// The review.
        review: Review,
        /// The customer's decision.
        decided: Option<Decided>,
        /// The Grant. Invariant: ended by [`super::super::Ending::Revoked`].
        grant: Grant,
    },
    /// The window ran out.
    Ended {
        /// The review.
        review: Review,
        /// The customer's decision.
        decided: Option<Decided>,
        /// The Grant. Invariant: ended by [`super::super::Ending::Ended`].
        grant: Grant,
    },
}

/// The name of a [`State`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateName {
    /// See [`State::Submitted`].
    Submitted,
    /// See [`State::Rejected`].
    Rejected,
    /// See [`State::Notified`].
    Notified,
    /// See [`State::Denied`].
    Denied,
    /// See [`State::Expired`].
    Expired,
    /// See [`State::Withdrawn`].
    Withdrawn,
    /// See [`State::Active`].
    Active,
    /// See [`State::Closed`].
    Closed,
    /// See [`State::Revoked`].
    Revoked,
    /// See [`State::Ended`].
    Ended,
}

impl StateName {
    /// Every state, in the order of the contract.
    pub const ALL: [Self; 10] = [
        Self::Submitted,
        Self::Rejected,
        Self::Notified,
        Self::Denied,
        Self::Expired,
        Self::Withdrawn,
        Self::Active,
        Self::Closed,
        Self::Revoked,
        Self::Ended,
    ];

    /// The state on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Rejected => "rejected",
            Self::Notified => "notified",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Active => "active",
            Self::Closed => "closed",
            Self::Revoked => "revoked",
            Self::Ended => "ended",
        }
    }

    /// The state of that name, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }

    /// Whether nothing can follow.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Submitted | Self::Notified | Self::Active)
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl State {
    /// The state's name.
    pub fn name(&self) -> StateName {
        match self {
            Self::Submitted => StateName::Submitted,
            Self::Rejected { .. } => StateName::Rejected,
            Self::Notified { .. } => StateName::Notified,
            Self::Denied { .. } => StateName::Denied,
            Self::Expired { .. } => StateName::Expired,
            Self::Withdrawn { .. } => StateName::Withdrawn,
            Self::Active { .. } => StateName::Active,
            Self::Closed { .. } => StateName::Closed,
            Self::Revoked { .. } => StateName::Revoked,
            Self::Ended { .. } => StateName::Ended,
        }
    }
}
