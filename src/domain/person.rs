//! Who is calling: a person with roles, a workload service, or a sidecar. Made only by the identity
//! layer from a proof; everything behind it believes this and nothing in a body.

use super::{CallerName, PersonId, TenantId, WorkloadName};

/// A role of a person (DESIGN.md §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Support engineer of the provider: asks for access.
    Engineer,
    /// Internal reviewer of the provider.
    Reviewer,
    /// Approver of one tenant.
    Approver,
    /// Administrator of one tenant's settings.
    TenantAdmin,
    /// Reads everything, of one tenant or (provider side) of all.
    Auditor,
    /// Runs the system; never decides on access.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] =
        [Self::Engineer, Self::Reviewer, Self::Approver, Self::TenantAdmin, Self::Auditor, Self::Operator];

    /// The role's name on the wire and in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Engineer => "engineer",
            Self::Reviewer => "reviewer",
            Self::Approver => "approver",
            Self::TenantAdmin => "tenant_admin",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }

    /// The role of that name, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// A set of roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// Whether the role is among them.
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// The roles in order.
    pub fn iter(&self) -> impl Iterator<Item = Role> {
        self.0.iter().copied()
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        let mut roles: Vec<Role> = roles.into_iter().collect();
        roles.sort_unstable();
        roles.dedup();
        Self(roles)
    }
}

/// How somebody proved who he is; kept in every record of what he decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// `token` or `jwt`, later also sign-in methods.
    pub method: &'static str,
    /// The issuer's statement of strength (`acr`), if it made one.
    pub strength: Option<String>,
    /// The network address the call came from, if there is one.
    pub address: Option<String>,
}

/// A signed-in person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: PersonId,
    /// What he may be.
    pub roles: Roles,
    /// The tenant he belongs to; `None` for the provider's people.
    pub tenant: Option<TenantId>,
    /// How he proved it.
    pub authentication: Authentication,
}

impl Person {
    /// Whether he has `role` on the provider's side.
    pub fn is_provider(&self, role: Role) -> bool {
        self.tenant.is_none() && self.roles.has(role)
    }

    /// Whether he has `role` for `tenant`.
    pub fn is_of(&self, tenant: &TenantId, role: Role) -> bool {
        self.tenant.as_ref() == Some(tenant) && self.roles.has(role)
    }
}

/// Who made a call, proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A workload service; it may ask about its own workload only.
    Workload {
        /// Its name in the record.
        name: CallerName,
        /// The one workload it may ask about.
        workload: WorkloadName,
    },
    /// A person.
    Person(Person),
    /// A registered sidecar.
    Sidecar {
        /// Its name.
        name: CallerName,
    },
}
