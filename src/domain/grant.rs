//! Grants: what an approval creates. A Grant ends by the clock, by its engineer, by its customer, or
//! by the switch; what ended it is kept, and ending one never ends another.

use super::{AccessRequestId, GrantId, PersonId, Scope, ServiceRequest, TenantId, Timestamp, WorkloadName};

/// A half-open window of time: `starts_at <= now < expires_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first instant within.
    pub starts_at: Timestamp,
    /// The first instant after.
    pub expires_at: Timestamp,
}

impl Window {
    /// Whether `now` lies within.
    pub fn contains(self, now: Timestamp) -> bool {
        self.starts_at <= now && now < self.expires_at
    }
}

/// Whose approval stands behind a Grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// The customer's: good whether the tenant's lockbox is on or off.
    Customer,
    /// The provider's internal review alone: good only while the tenant's lockbox is off.
    Internal,
}

impl Approval {
    /// The name on the wire and in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Internal => "internal",
        }
    }

    /// The approval of that name, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Customer, Self::Internal].into_iter().find(|approval| approval.as_str() == text)
    }
}

/// What ended a Grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The engineer (or a reviewer) closed it: the problem is fixed.
    Closed,
    /// The customer revoked it, or turned lockbox on.
    Revoked,
    /// Its window ran out.
    Ended,
}

impl Ending {
    /// The name on the wire: that of the AccessRequest's state.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Revoked => "revoked",
            Self::Ended => "ended",
        }
    }

    /// The ending of that name, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Closed, Self::Revoked, Self::Ended].into_iter().find(|ending| ending.as_str() == text)
    }
}

/// The end of a Grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// By what.
    pub how: Ending,
    /// By whom; `None` for the clock.
    pub by: Option<PersonId>,
}

/// A Grant: for one engineer, one tenant, one workload, one scope, one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The AccessRequest it came from.
    pub access_request: AccessRequestId,
    /// Who may.
    pub engineer: PersonId,
    /// Whose content.
    pub tenant: TenantId,
    /// Where.
    pub workload: WorkloadName,
    /// What.
    pub scope: Scope,
    /// When.
    pub window: Window,
    /// By whose approval.
    pub approval: Approval,
    /// The service request behind it.
    pub service_request: ServiceRequest,
    /// Its end, when it came before or with the window's.
    pub ended: Option<Ended>,
}

impl Grant {
    /// Whether it has not been ended and `now` lies in its window.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && self.window.contains(now)
    }
}
