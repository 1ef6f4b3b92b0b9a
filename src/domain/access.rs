//! What a sidecar holds of AccessRequests and tenants: the few facts that a Decision is made from.
//! A summary of the record, never the record itself: no comments, no people beyond the engineer.

use super::{
    AccessRequest, AccessRequestId, Approval, Attributes, Ending, Grant, GrantId, PersonId, Scope, ServiceRequest,
    State, StateName, Tenant, TenantId, Timestamp, Window, WorkloadName,
};
use std::sync::Arc;

/// One AccessRequest as the data path knows it, with its Grant if it has one.
///
/// Invariant: `grant`, `window` and `approval` are all present or all absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The AccessRequest.
    pub id: AccessRequestId,
    /// Who asked.
    pub engineer: PersonId,
    /// Whose content.
    pub tenant: TenantId,
    /// Where.
    pub workload: WorkloadName,
    /// The support case behind it.
    pub service_request: ServiceRequest,
    /// Where it stands; a time that ran out may not show yet, so the window is asked as well.
    pub state: StateName,
    /// The Grant's scope if there is one, else what was asked.
    pub scope: Scope,
    /// Whose approval stands behind the Grant.
    pub approval: Option<Approval>,
    /// The Grant.
    pub grant: Option<GrantId>,
    /// The Grant's window.
    pub window: Option<Window>,
    /// Until when the customer has time to answer.
    pub respond_by: Option<Timestamp>,
    /// When it came to its end, by whatever.
    pub ended_at: Option<Timestamp>,
}

/// The facts of a tenant that a Decision may depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantFacts {
    /// Which tenant.
    pub id: TenantId,
    /// Whether its approval is needed before its content is touched.
    pub lockbox: bool,
    /// Further facts that the schema declares; whoever holds many tenants lets them share what is the same.
    pub attributes: Arc<Attributes>,
}

impl From<&AccessRequest> for Access {
    fn from(request: &AccessRequest) -> Self {
        let grant = request.grant();
        Self {
            id: request.id,
            engineer: request.engineer.clone(),
            tenant: request.asked.tenant.clone(),
            workload: request.asked.workload.clone(),
            service_request: request.asked.service_request.clone(),
            state: request.state_name(),
            scope: grant.map_or_else(|| request.asked.scope.clone(), |grant| grant.scope.clone()),
            approval: grant.map(|grant| grant.approval),
            grant: grant.map(|grant| grant.id.clone()),
            window: grant.map(|grant| grant.window),
            respond_by: request.respond_by(),
            ended_at: ended_at(&request.state),
        }
    }
}

impl From<&Grant> for Access {
    /// The AccessRequest behind a Grant, as far as the Grant tells.
    fn from(grant: &Grant) -> Self {
        let state = grant.ended.as_ref().map_or(StateName::Active, |ended| match ended.how {
            Ending::Closed => StateName::Closed,
            Ending::Revoked => StateName::Revoked,
            Ending::Ended => StateName::Ended,
        });
        Self {
            id: grant.access_request,
            engineer: grant.engineer.clone(),
            tenant: grant.tenant.clone(),
            workload: grant.workload.clone(),
            service_request: grant.service_request.clone(),
            state,
            scope: grant.scope.clone(),
            approval: Some(grant.approval),
            grant: Some(grant.id.clone()),
            window: Some(grant.window),
            respond_by: None,
            ended_at: grant.ended.as_ref().map(|ended| ended.at),
        }
    }
}

impl From<&Tenant> for TenantFacts {
    fn from(tenant: &Tenant) -> Self {
        Self { id: tenant.id.clone(), lockbox: tenant.lockbox, attributes: tenant.attributes.clone().into() }
    }
}

/// When a state ended its AccessRequest; `None` while something can follow.
fn ended_at(state: &State) -> Option<Timestamp> {
    match state {
        State::Submitted | State::Notified { .. } | State::Active { .. } => None,
        State::Rejected { review } => Some(review.at),
        State::Denied { decided, .. } => Some(decided.at),
        State::Expired { at, .. } | State::Withdrawn { at, .. } => Some(*at),
        State::Closed { grant, .. } | State::Revoked { grant, .. } | State::Ended { grant, .. } => {
            grant.ended.as_ref().map(|ended| ended.at)
        }
    }
}
