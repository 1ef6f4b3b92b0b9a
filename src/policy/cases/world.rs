//! A suite's definitions, made into facts. Names are looked up here, so that a test that names what the
//! suite does not define is refused with that name.

use super::suite::{AccessRequestCase, EngineerCase, GrantCase, PersonCase, Suite};
use super::values::{attributes, instant};
use crate::domain::{
    Access, AccessRequestId, ActionName, Approval, Authentication, ContentPath, ContentScope, Engineer, GrantId,
    NameError, Person, PersonId, Role, Scope, ServiceRequest, StateName, TenantFacts, TenantId, Timestamp, Window,
    WorkloadName,
};
use crate::policy::lifecycle::RequestFacts;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A suite and its definitions as facts, by nickname.
pub(super) struct World<'a> {
    pub(super) now: Timestamp,
    pub(super) suite: &'a Suite,
    engineers: BTreeMap<&'a str, Engineer>,
    people: BTreeMap<&'a str, Person>,
    tenants: BTreeMap<&'a str, TenantFacts>,
    grants: BTreeMap<&'a str, Arc<Access>>,
    access_requests: BTreeMap<&'a str, RequestFacts>,
}

pub(super) fn named(error: NameError) -> String {
    error.to_string()
}

pub(super) fn missing(what: &str, name: &str) -> String {
    format!("there is no {what} `{name}` in the suite")
}

fn found<'m, T>(map: &'m BTreeMap<&str, T>, what: &str, name: &str) -> Result<&'m T, String> {
    map.get(name).ok_or_else(|| missing(what, name))
}

impl<'a> World<'a> {
    pub(super) fn of(suite: &'a Suite) -> Result<Self, String> {
        let mut world = Self {
            now: suite.now.parse().map_err(|error: crate::domain::TimeError| error.to_string())?,
            suite,
            engineers: BTreeMap::new(),
            people: BTreeMap::new(),
            tenants: BTreeMap::new(),
            grants: BTreeMap::new(),
            access_requests: BTreeMap::new(),
        };
        for (name, case) in &suite.engineers {
            world.engineers.insert(name, engineer(case).map_err(|why| format!("engineer `{name}`: {why}"))?);
        }
        for (name, case) in &suite.people {
            world.people.insert(name, person(case).map_err(|why| format!("person `{name}`: {why}"))?);
        }
        for (name, case) in &suite.tenants {
            let id = TenantId::parse(name).map_err(named)?;
            let facts = TenantFacts { id, lockbox: case.lockbox, attributes: attributes(&case.attributes)?.into() };
            world.tenants.insert(name, facts);
        }
        for (number, (name, case)) in (AccessRequestId::FIRST..).zip(&suite.grants) {
            let access = world.access(number, case).map_err(|why| format!("grant `{name}`: {why}"))?;
            world.grants.insert(name, Arc::new(access));
        }
        for (number, (name, case)) in (AccessRequestId::FIRST..).zip(&suite.access_requests) {
            let facts = world.request(number, case).map_err(|why| format!("access request `{name}`: {why}"))?;
            world.access_requests.insert(name, facts);
        }
        Ok(world)
    }

    pub(super) fn engineer(&self, name: &str) -> Result<&Engineer, String> {
        found(&self.engineers, "engineer", name)
    }

    /// Whether the directory lacks the engineer.
    pub(super) fn is_unknown(&self, name: &str) -> bool {
        self.suite.engineers.get(name).is_some_and(|case| case.unknown)
    }

    pub(super) fn person(&self, name: &str) -> Result<&Person, String> {
        found(&self.people, "person", name)
    }

    /// The id of a person or an engineer.
    pub(super) fn who(&self, name: &str) -> Result<PersonId, String> {
        let person = self.people.get(name).map(|person| &person.id);
        let id = person.or_else(|| self.engineers.get(name).map(|engineer| &engineer.id));
        id.cloned().ok_or_else(|| missing("person or engineer", name))
    }

    pub(super) fn tenant(&self, id: &str) -> Option<&TenantFacts> {
        self.tenants.get(id)
    }

    pub(super) fn known_tenant(&self, id: &str) -> Result<&TenantFacts, String> {
        found(&self.tenants, "tenant", id)
    }

    pub(super) fn grant(&self, name: &str) -> Result<Arc<Access>, String> {
        found(&self.grants, "grant", name).cloned()
    }

    pub(super) fn access_request(&self, name: &str) -> Result<&RequestFacts, String> {
        found(&self.access_requests, "access request", name)
    }

    fn request(&self, number: u64, case: &AccessRequestCase) -> Result<RequestFacts, String> {
        Ok(RequestFacts {
            id: AccessRequestId::new(number).to_string(),
            engineer: self.who(&case.engineer)?,
            tenant: self.known_tenant(&case.tenant)?.clone(),
            approvers: case.approvers.iter().map(|name| self.who(name)).collect::<Result<_, _>>()?,
            reviewer: case.reviewer.as_ref().map(|name| self.who(name)).transpose()?,
            known_to_customer: case.known_to_customer,
        })
    }

    fn access(&self, number: u64, case: &GrantCase) -> Result<Access, String> {
        let at = |text: &Option<String>| text.as_ref().map(|text| instant(text, self.now)).transpose();
        let engineer = self.engineer(&case.engineer)?;
        let state = StateName::parse(&case.state).ok_or_else(|| format!("`{}` is no state", case.state))?;
        let window = match (at(&case.from)?, at(&case.until)?) {
            (Some(starts_at), Some(expires_at)) => Some(Window { starts_at, expires_at }),
            (None, None) => None,
            _ => return Err("`from` and `until` go together".to_owned()),
        };
        if state == StateName::Active && window.is_none() {
            return Err("an active one needs `from` and `until`".to_owned());
        }
        let approval = Approval::parse(&case.approval).ok_or_else(|| format!("`{}` is no approval", case.approval))?;
        let actions: Result<_, NameError> = case.actions.iter().map(|action| ActionName::parse(action)).collect();
        let content: Result<_, NameError> = case.content.iter().map(|path| ContentPath::parse(path)).collect();
        let grant = GrantId::parse(&format!("00000000-0000-0000-0000-{number:012x}")).map_err(named)?;
        Ok(Access {
            id: AccessRequestId::new(number),
            engineer: engineer.id.clone(),
            tenant: TenantId::parse(&case.tenant).map_err(named)?,
            workload: WorkloadName::parse(&case.workload).map_err(named)?,
            service_request: ServiceRequest::parse(&case.service_request).map_err(named)?,
            state,
            scope: Scope {
                actions: actions.map_err(named)?,
                content: ContentScope::from_paths(content.map_err(named)?),
            },
            approval: window.map(|_| approval),
            grant: window.map(|_| grant),
            window,
            respond_by: at(&case.respond_by)?,
            ended_at: at(&case.ended)?,
        })
    }
}

fn engineer(case: &EngineerCase) -> Result<Engineer, String> {
    Ok(Engineer {
        id: PersonId::parse(&case.id).map_err(named)?,
        version: 1,
        teams: case.teams.clone(),
        clearance: case.clearance,
        country: case.country.clone(),
        suspended: case.suspended,
        attributes: attributes(&case.attributes)?,
    })
}

fn person(case: &PersonCase) -> Result<Person, String> {
    let roles = case.roles.iter().map(|name| {
        let known = || Role::ALL.map(Role::as_str).join(", ");
        Role::parse(name).ok_or_else(|| format!("`{name}` is no role: the roles are {}", known()))
    });
    Ok(Person {
        id: PersonId::parse(&case.id).map_err(named)?,
        roles: roles.collect::<Result<_, _>>()?,
        tenant: case.tenant.as_ref().map(|id| TenantId::parse(id)).transpose().map_err(named)?,
        authentication: Authentication { method: "suite", strength: None, address: None },
    })
}
