//! What the lifecycle's policies see of a person and of what he wants to do something to, made into
//! entities. The one place where they are built: for the authority's own questions, and for suites.

use super::super::PolicySet;
use super::super::asked::Asked;
use super::super::facts::uid;
use super::Subject;
use crate::domain::{Person, PersonId, TenantFacts};
use cedar_policy::{Context, Entity, EntityTypeName, EntityUid, Request, RestrictedExpression};
use std::collections::{BTreeSet, HashMap, HashSet};

/// What the policies see of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SubjectFacts {
    /// A tenant.
    Tenant(TenantFacts),
    /// An AccessRequest.
    AccessRequest(RequestFacts),
    /// An entry of the engineer directory.
    Engineer(PersonId),
    /// All of them.
    System,
}

/// What the policies see of an AccessRequest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestFacts {
    /// Its id.
    pub(crate) id: String,
    /// Who asks for access.
    pub(crate) engineer: PersonId,
    /// Whose content it is about.
    pub(crate) tenant: TenantFacts,
    /// Who is named in the tenant's settings now.
    pub(crate) approvers: BTreeSet<PersonId>,
    /// Who reviewed it, once somebody has.
    pub(crate) reviewer: Option<PersonId>,
    /// Whether the customer has been told of it.
    pub(crate) known_to_customer: bool,
}

impl From<Subject<'_>> for SubjectFacts {
    fn from(subject: Subject<'_>) -> Self {
        match subject {
            Subject::Tenant(tenant) => Self::Tenant(tenant.into()),
            Subject::AccessRequest(request, tenant) => Self::AccessRequest(RequestFacts {
                id: request.id.to_string(),
                engineer: request.engineer.clone(),
                // The settings are those of now, whatever they were when access was asked for.
                tenant: TenantFacts { id: request.asked.tenant.clone(), ..tenant.into() },
                approvers: tenant.approvers.union(&tenant.fallback_approvers).cloned().collect(),
                reviewer: request.review().map(|review| review.by.clone()),
                known_to_customer: request.is_known_to_customer(),
            }),
            Subject::Engineer(id) => Self::Engineer(id.clone()),
            Subject::System => Self::System,
        }
    }
}

impl PolicySet {
    /// The question whether a person may do something; an error when the schema has no such question.
    pub(crate) fn put(&self, person: &Person, action: &str, subject: &SubjectFacts) -> Result<Asked, String> {
        let (resource, entities) = self.subject(person, subject)?;
        let slice = self.slices.get(action, resource.type_name());
        let slice = slice.ok_or_else(|| format!("the schema declares no action `{action}` on it"))?;
        let entities = slice.base.clone().add_entities(entities, None).map_err(|why| why.to_string())?;
        let principal = uid(&self.names.person, person.id.as_str());
        let request = Request::new(principal, slice.action.clone(), resource, Context::empty(), None);
        Ok(Asked { request: request.map_err(|why| why.to_string())?, entities })
    }

    /// The resource, and the entities of the question without the actions.
    pub(super) fn subject(&self, person: &Person, subject: &SubjectFacts) -> Result<(EntityUid, Vec<Entity>), String> {
        let names = &self.names;
        let mut entities = vec![self.person(person)?];
        let resource = match subject {
            SubjectFacts::System => {
                let system = uid(&names.system, "lockbox");
                entities.push(Entity::with_uid(system.clone()));
                system
            }
            SubjectFacts::Tenant(tenant) => {
                entities.push(self.settings(tenant)?);
                uid(&names.tenant, tenant.id.as_str())
            }
            SubjectFacts::Engineer(id) => {
                let resource = uid(&names.person, id.as_str());
                if *id != person.id {
                    let no_roles = ("roles".to_owned(), RestrictedExpression::new_set([]));
                    entities.push(entity(resource.clone(), [no_roles])?);
                }
                resource
            }
            SubjectFacts::AccessRequest(request) => {
                entities.push(self.settings(&request.tenant)?);
                let resource = uid(&names.access_request, &request.id);
                entities.push(self.access_request(resource.clone(), request)?);
                resource
            }
        };
        Ok((resource, entities))
    }

    fn person(&self, person: &Person) -> Result<Entity, String> {
        let names = &self.names;
        let roles = person.roles.iter().map(|role| reference(&names.role, role.as_str()));
        let mut values = vec![("roles".to_owned(), RestrictedExpression::new_set(roles))];
        if let Some(tenant) = &person.tenant {
            values.push(("tenant".to_owned(), reference(&names.tenant, tenant.as_str())));
        }
        entity(uid(&names.person, person.id.as_str()), values)
    }

    fn settings(&self, tenant: &TenantFacts) -> Result<Entity, String> {
        self.tenant(tenant).map_err(|why| why.to_string())
    }

    fn access_request(&self, own: EntityUid, request: &RequestFacts) -> Result<Entity, String> {
        let names = &self.names;
        let person = |id: &PersonId| reference(&names.person, id.as_str());
        let mut values = vec![
            ("engineer".to_owned(), person(&request.engineer)),
            ("tenant".to_owned(), reference(&names.tenant, request.tenant.id.as_str())),
            ("approvers".to_owned(), RestrictedExpression::new_set(request.approvers.iter().map(person))),
            ("known_to_customer".to_owned(), RestrictedExpression::new_bool(request.known_to_customer)),
        ];
        if let Some(reviewer) = &request.reviewer {
            values.push(("reviewer".to_owned(), person(reviewer)));
        }
        entity(own, values)
    }
}

fn reference(kind: &EntityTypeName, id: &str) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(uid(kind, id))
}

fn entity(own: EntityUid, values: impl IntoIterator<Item = (String, RestrictedExpression)>) -> Result<Entity, String> {
    let values: HashMap<String, RestrictedExpression> = values.into_iter().collect();
    Entity::new(own, values, HashSet::new()).map_err(|why| why.to_string())
}
