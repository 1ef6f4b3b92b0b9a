//! Who may know of what, and the question to the policies who may do what.

use super::{ManageError, ManageRequests};
use crate::clock::Boot;
use crate::domain::{AccessRequest, Person, PersonId, Role, TenantId};
use crate::policy::{Deed, PolicySet, Subject};
use std::sync::Arc;

/// Which AccessRequests a person may know of, as the store can filter them. The policies are asked
/// about each one as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Concern {
    /// All of them: the provider's reviewers, auditors and operators.
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
    let has_any = |roles: &[Role]| roles.iter().any(|role| person.roles.has(*role));
    match &person.tenant {
        Some(tenant) if has_any(&[Role::Approver, Role::TenantAdmin, Role::Auditor]) => Concern::Tenant(tenant.clone()),
        Some(_) => Concern::Nothing,
        None if has_any(&[Role::Reviewer, Role::Auditor, Role::Operator]) => Concern::All,
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

/// The rule that no policy can widen: which side and which role a deed needs at least. Who asked,
/// reviewed or is named in the settings is the domain's business where the step is taken.
fn within_rule(person: &Person, deed: Deed, subject: Subject<'_>) -> bool {
    let provider = |roles: &[Role]| roles.iter().any(|role| person.is_provider(*role));
    let of_tenant = |roles: &[Role]| match subject {
        Subject::Tenant(tenant) => roles.iter().any(|role| person.is_of(&tenant.id, *role)),
        Subject::AccessRequest(request, _) => roles.iter().any(|role| person.is_of(&request.asked.tenant, *role)),
        Subject::Engineer(_) | Subject::System => false,
    };
    match deed {
        Deed::Submit => provider(&[Role::Engineer]),
        Deed::Review => provider(&[Role::Reviewer]),
        Deed::Approve | Deed::Deny | Deed::Revoke => of_tenant(&[Role::Approver]),
        Deed::Withdraw => provider(&[Role::Engineer]),
        Deed::Close => provider(&[Role::Engineer, Role::Reviewer]),
        Deed::View => matches!(subject, Subject::AccessRequest(request, _) if concerns(person, request)),
        Deed::ViewAccesses => {
            provider(&[Role::Auditor]) || of_tenant(&[Role::Approver, Role::TenantAdmin, Role::Auditor])
        }
        Deed::ConfigureTenant => of_tenant(&[Role::TenantAdmin]),
        Deed::EntitleTenant => provider(&[Role::Operator]),
        Deed::ViewTenant => {
            provider(&[Role::Reviewer, Role::Auditor, Role::Operator])
                || of_tenant(&[Role::Approver, Role::TenantAdmin, Role::Auditor])
        }
        Deed::ListTenants => provider(&[Role::Reviewer, Role::Auditor, Role::Operator]),
        Deed::ManageEngineer => provider(&[Role::Operator]),
        Deed::ViewEngineer => {
            let own =
                matches!(subject, Subject::Engineer(id) if *id == person.id) && person.is_provider(Role::Engineer);
            own || provider(&[Role::Operator, Role::Auditor])
        }
        Deed::ListEngineers => provider(&[Role::Operator, Role::Auditor]),
        Deed::ViewOutbox => match subject {
            Subject::System => provider(&[Role::Operator, Role::Auditor]),
            _ => of_tenant(&[Role::Approver, Role::TenantAdmin, Role::Auditor]),
        },
    }
}

impl ManageRequests {
    pub(super) fn policies_now(&self) -> Result<Arc<PolicySet>, ManageError> {
        let boot = self.clock.boot().since(Boot::default());
        self.policies.current(boot).map_err(|stale| ManageError::NoPolicies(stale.to_string()))
    }

    /// The workloads that the schema has.
    ///
    /// # Errors
    /// [`ManageError::NoPolicies`].
    pub fn workloads(&self) -> Result<Vec<String>, ManageError> {
        Ok(self.policies_now()?.workloads().map(str::to_owned).collect())
    }

    /// The actions on content that the schema has.
    ///
    /// # Errors
    /// [`ManageError::NoPolicies`].
    pub fn actions(&self) -> Result<Vec<String>, ManageError> {
        Ok(self.policies_now()?.actions().map(str::to_owned).collect())
    }

    /// Asks the hard rule, and the lifecycle policies, whether `person` may do `deed`. Policies can only
    /// narrow the rule: a careless `permit` gives nobody a right.
    ///
    /// # Errors
    /// [`ManageError::Forbidden`] with the policy's advice.
    pub(super) fn may(&self, person: &Person, deed: Deed, subject: Subject<'_>) -> Result<(), ManageError> {
        if !within_rule(person, deed, subject) {
            let advice = self.policies_now()?.may(person, deed, subject).err();
            let advice =
                advice.map_or_else(|| "This person's roles do not reach that far.".to_owned(), |no| no.to_string());
            return Err(ManageError::Forbidden(advice));
        }
        self.policies_now()?
            .may(person, deed, subject)
            .map_err(|forbidden| ManageError::Forbidden(forbidden.to_string()))
    }

    /// The same where a person who may not must not learn that it exists.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] of `what`.
    pub(super) fn may_know(
        &self,
        person: &Person,
        deed: Deed,
        subject: Subject<'_>,
        what: &'static str,
    ) -> Result<(), ManageError> {
        match self.may(person, deed, subject) {
            Err(ManageError::Forbidden(_)) => Err(ManageError::NotFound(what)),
            asked => asked,
        }
    }
}
