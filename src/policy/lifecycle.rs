//! Who may do what with AccessRequests and settings: `lifecycle.cedar`, asked about a person. The
//! hard rules stand in the domain as well; a test compares both over the whole matrix.
//!
//! Invariant: whether a step is possible in the present state is not asked here, only who may take it.

mod subject;

use super::PolicySet;
use crate::domain::{AccessRequest, Act, Person, PersonId, Tenant};
use cedar_policy::Decision;

pub(crate) use subject::{RequestFacts, SubjectFacts};

/// What a person wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// Ask for access to a tenant's content.
    Submit,
    /// Review an AccessRequest.
    Review,
    /// Approve an AccessRequest.
    Approve,
    /// Deny an AccessRequest.
    Deny,
    /// Take an AccessRequest back.
    Withdraw,
    /// Close an AccessRequest.
    Close,
    /// Revoke a Grant.
    Revoke,
    /// See an AccessRequest and its history.
    View,
    /// See what was done under a Grant.
    ViewAccesses,
    /// Change a tenant's switch, approvers, addresses, quorum and limits.
    ConfigureTenant,
    /// Change what a tenant bought and the facts about it.
    EntitleTenant,
    /// See a tenant's settings.
    ViewTenant,
    /// List tenants.
    ListTenants,
    /// Enter, change or remove an entry of the engineer directory.
    ManageEngineer,
    /// See an entry of the engineer directory.
    ViewEngineer,
    /// List the engineer directory.
    ListEngineers,
    /// See the outbox: of a tenant, or all of it.
    ViewOutbox,
}

impl Deed {
    /// Every deed.
    pub const ALL: [Self; 17] = [
        Self::Submit,
        Self::Review,
        Self::Approve,
        Self::Deny,
        Self::Withdraw,
        Self::Close,
        Self::Revoke,
        Self::View,
        Self::ViewAccesses,
        Self::ConfigureTenant,
        Self::EntitleTenant,
        Self::ViewTenant,
        Self::ListTenants,
        Self::ManageEngineer,
        Self::ViewEngineer,
        Self::ListEngineers,
        Self::ViewOutbox,
    ];

    /// The action's name in the schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Review => "review",
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Withdraw => "withdraw",
            Self::Close => "close",
            Self::Revoke => "revoke",
            Self::View => "view",
            Self::ViewAccesses => "view_accesses",
            Self::ConfigureTenant => "configure_tenant",
            Self::EntitleTenant => "entitle_tenant",
            Self::ViewTenant => "view_tenant",
            Self::ListTenants => "list_tenants",
            Self::ManageEngineer => "manage_engineer",
            Self::ViewEngineer => "view_engineer",
            Self::ListEngineers => "list_engineers",
            Self::ViewOutbox => "view_outbox",
        }
    }
}

impl From<Act> for Deed {
    fn from(act: Act) -> Self {
        match act {
            Act::Review => Self::Review,
            Act::Approve => Self::Approve,
            Act::Deny => Self::Deny,
            Act::Withdraw => Self::Withdraw,
            Act::Close => Self::Close,
            Act::Revoke => Self::Revoke,
            // The switch ends Grants as part of changing the settings.
            Act::SwitchOn => Self::ConfigureTenant,
        }
    }
}

/// What it is done to.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A tenant.
    Tenant(&'a Tenant),
    /// An AccessRequest, and its tenant's settings now.
    AccessRequest(&'a AccessRequest, &'a Tenant),
    /// An entry of the engineer directory.
    Engineer(&'a PersonId),
    /// All of them: lists, and the whole outbox.
    System,
}

/// A person may not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{advice}")]
pub struct Forbidden {
    /// The policies that forbid it; empty when none permits it.
    pub policies: Vec<String>,
    /// What a person can do instead.
    pub advice: String,
}

impl PolicySet {
    /// Whether a person may do something, by `lifecycle.cedar`.
    ///
    /// # Errors
    /// [`Forbidden`] when no policy permits it, one forbids it, or one cannot be evaluated.
    pub fn may(&self, person: &Person, deed: Deed, subject: Subject<'_>) -> Result<(), Forbidden> {
        let fault = |why: &dyn core::fmt::Display| Forbidden {
            policies: Vec::new(),
            advice: format!("Nobody may do this while the policies cannot be asked: {why}"),
        };
        let asked = self.put(person, deed.as_str(), &subject.into()).map_err(|why| fault(&why))?;
        let (Some(slice), Some(response)) = (self.slice_of(&asked.request), self.ask(&asked)) else {
            return Err(fault(&"the question has no answer"));
        };
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(fault(error));
        }
        if response.decision() == Decision::Allow {
            return Ok(());
        }
        let policies: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        let advice = self.denial((slice, None), (&asked.request, &asked.entities), &policies).message;
        Err(Forbidden { policies, advice })
    }

    /// The entities of a lifecycle question, for validation in tests.
    #[cfg(test)]
    pub(crate) fn lifecycle_entities(
        &self,
        person: &Person,
        subject: Subject<'_>,
    ) -> Result<cedar_policy::Entities, String> {
        let (_, entities) = self.subject(person, &subject.into())?;
        cedar_policy::Entities::from_entities(entities, Some(&self.schema)).map_err(|why| format!("{why:?}"))
    }
}

#[cfg(test)]
mod tests;
