//! The Decision: the answer to an Evaluation, with its reason and what came nearest to an allow.

use super::{AccessRequestId, GrantId, Timestamp};

/// Why a Decision is what it is (DESIGN.md §2). The first two allow, all others deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A live Grant approved by the customer covers the question.
    GrantActive,
    /// The tenant's lockbox is off and a live, internally reviewed Grant covers the question.
    LockboxOff,
    /// Nothing was ever asked for.
    NoGrant,
    /// An AccessRequest waits for review or for the customer.
    ApprovalPending,
    /// The reviewer or the customer refused.
    RequestDenied,
    /// The customer did not answer in time.
    RequestExpired,
    /// The Grant's window has not begun.
    GrantNotYetActive,
    /// The Grant's window is over.
    GrantExpired,
    /// The customer ended the Grant.
    GrantRevoked,
    /// The engineer closed the AccessRequest.
    GrantClosed,
    /// Tenant and workload match, action or content does not.
    OutOfScope,
    /// A `forbid` applies, or no `permit` does.
    PolicyDenied,
    /// A policy could not be evaluated.
    PolicyError,
    /// Workload, action, content type or an attribute is not what the schema declares.
    NotInSchema,
    /// A name is not in its canonical form.
    MalformedName,
    /// Two statements about the resource contradict each other.
    ContradictoryResource,
    /// There is no such tenant.
    UnknownTenant,
    /// The sidecar has had no news from the authority for too long.
    LeaseExpired,
    /// The sidecar has no state or no valid policies yet.
    NotReady,
    /// The Decision could not be recorded.
    AuditUnavailable,
}

impl Reason {
    /// Every reason, in the order of the contract.
    pub const ALL: [Self; 20] = [
        Self::GrantActive,
        Self::LockboxOff,
        Self::NoGrant,
        Self::ApprovalPending,
        Self::RequestDenied,
        Self::RequestExpired,
        Self::GrantNotYetActive,
        Self::GrantExpired,
        Self::GrantRevoked,
        Self::GrantClosed,
        Self::OutOfScope,
        Self::PolicyDenied,
        Self::PolicyError,
        Self::NotInSchema,
        Self::MalformedName,
        Self::ContradictoryResource,
        Self::UnknownTenant,
        Self::LeaseExpired,
        Self::NotReady,
        Self::AuditUnavailable,
    ];

    /// Whether a Decision with this reason allows.
    pub fn allows(self) -> bool {
        matches!(self, Self::GrantActive | Self::LockboxOff)
    }

    /// The reason on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GrantActive => "grant_active",
            Self::LockboxOff => "lockbox_off",
            Self::NoGrant => "no_grant",
            Self::ApprovalPending => "approval_pending",
            Self::RequestDenied => "request_denied",
            Self::RequestExpired => "request_expired",
            Self::GrantNotYetActive => "grant_not_yet_active",
            Self::GrantExpired => "grant_expired",
            Self::GrantRevoked => "grant_revoked",
            Self::GrantClosed => "grant_closed",
            Self::OutOfScope => "out_of_scope",
            Self::PolicyDenied => "policy_denied",
            Self::PolicyError => "policy_error",
            Self::NotInSchema => "not_in_schema",
            Self::MalformedName => "malformed_name",
            Self::ContradictoryResource => "contradictory_resource",
            Self::UnknownTenant => "unknown_tenant",
            Self::LeaseExpired => "lease_expired",
            Self::NotReady => "not_ready",
            Self::AuditUnavailable => "audit_unavailable",
        }
    }

    /// The reason of that name, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// Its place in [`Reason::ALL`], for tables of counters.
    pub fn index(self) -> usize {
        self as usize
    }
}

/// The Grant behind an allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRef {
    /// The Grant.
    pub id: GrantId,
    /// Its AccessRequest.
    pub access_request: AccessRequestId,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What came closest to an allow, and the condition that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// The AccessRequest; `None` when a policy, not a Grant, stood in the way.
    pub access_request: Option<AccessRequestId>,
    /// Its Grant, if it has one.
    pub grant: Option<GrantId>,
    /// The condition that failed, as a person would say it.
    pub failed: String,
}

/// The answer to an Evaluation, before it has a number, a time and a record.
///
/// Invariant: `grant` is present exactly if the reason allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Why; also says whether it allows.
    pub reason: Reason,
    /// For a denial: a sentence that a person can act on. Empty for an allow.
    pub message: String,
    /// For a denial: what came nearest.
    pub nearest: Option<Nearest>,
    /// For an allow: the Grant.
    pub grant: Option<GrantRef>,
    /// The `@id`s of the policies that decided.
    pub policies: Vec<String>,
    /// The `@reason` of the forbidding policy, if it has one.
    pub policy_reason: Option<String>,
}

impl Decision {
    /// A denial with nothing near it.
    pub fn deny(reason: Reason, message: impl Into<String>) -> Self {
        debug_assert!(!reason.allows(), "a denial needs a reason that denies");
        Self { reason, message: message.into(), nearest: None, grant: None, policies: Vec::new(), policy_reason: None }
    }

    /// Whether it allows.
    pub fn allows(&self) -> bool {
        self.reason.allows()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own_and_two_allow() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(reason));
            assert_eq!(Reason::ALL.get(reason.index()), Some(&reason));
        }
        assert_eq!(Reason::ALL.into_iter().filter(|reason| reason.allows()).count(), 2);
    }
}
