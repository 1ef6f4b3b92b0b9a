//! The small world of questions about AccessRequests, tenants and the directory: who asks, with which
//! roles, about whose.

use super::super::super::PolicySet;
use super::super::super::facts::uid;
use super::super::environment::Environment;
use super::super::realism::TENANTS;
use super::World;
use cedar_policy::{Context, Entities, Entity, EntityTypeName, EntityUid, Request, RestrictedExpression};
use std::collections::{HashMap, HashSet};

const PERSON: &str = "csilla@contoso.example";
const OTHER: &str = "dora@contoso.example";
const ROLES: [&str; 6] = ["approver", "engineer", "reviewer", "tenant_admin", "auditor", "operator"];

/// What may differ, in the order of `choices`.
#[derive(Debug, Clone, Copy)]
enum Thing {
    Roles,
    PersonTenant,
    ResourceTenant,
    ResourceEngineer,
    Reviewer,
    Approvers,
    KnownToCustomer,
    ResourcePerson,
}

pub(super) struct Lifecycle<'a> {
    set: &'a PolicySet,
    at: &'a Environment,
    things: Vec<(Thing, usize)>,
}

impl<'a> Lifecycle<'a> {
    pub(super) fn new(set: &'a PolicySet, at: &'a Environment) -> Self {
        let mut things = vec![(Thing::Roles, ROLES.len() + 2), (Thing::PersonTenant, 3)];
        match at.request.resource().basename() {
            "AccessRequest" => things.extend([
                (Thing::ResourceTenant, 2),
                (Thing::ResourceEngineer, 2),
                (Thing::Reviewer, 3),
                (Thing::Approvers, 3),
                (Thing::KnownToCustomer, 2),
            ]),
            "Tenant" => things.push((Thing::ResourceTenant, 2)),
            "Person" => things.push((Thing::ResourcePerson, 2)),
            _ => {}
        }
        Self { set, at, things }
    }

    fn chosen(&self, chosen: &[usize], wanted: Thing) -> usize {
        let same = |thing: &Thing| core::mem::discriminant(thing) == core::mem::discriminant(&wanted);
        self.things.iter().zip(chosen).find(|((thing, _), _)| same(thing)).map_or(0, |(_, choice)| *choice)
    }

    fn person(&self, id: &str) -> RestrictedExpression {
        reference(&self.set.names.person, id)
    }

    fn resource(&self, chosen: &[usize]) -> Option<(EntityUid, Vec<Entity>)> {
        let names = &self.set.names;
        let tenant = *TENANTS.get(self.chosen(chosen, Thing::ResourceTenant))?;
        let settings = |id: &str| {
            let on = [("lockbox".to_owned(), RestrictedExpression::new_bool(true))];
            entity(uid(&names.tenant, id), on)
        };
        match self.at.request.resource().basename() {
            "AccessRequest" => {
                let own = uid(&names.access_request, "LBX-1001");
                let engineer = if self.chosen(chosen, Thing::ResourceEngineer) == 0 { OTHER } else { PERSON };
                let approvers: &[&str] = match self.chosen(chosen, Thing::Approvers) {
                    0 => &[PERSON],
                    1 => &[],
                    _ => &[OTHER],
                };
                let known = self.chosen(chosen, Thing::KnownToCustomer) == 0;
                let mut values = vec![
                    ("engineer".to_owned(), self.person(engineer)),
                    ("tenant".to_owned(), reference(&names.tenant, tenant)),
                    (
                        "approvers".to_owned(),
                        RestrictedExpression::new_set(approvers.iter().map(|person| self.person(person))),
                    ),
                    ("known_to_customer".to_owned(), RestrictedExpression::new_bool(known)),
                ];
                let reviewer = [None, Some(OTHER), Some(PERSON)].get(self.chosen(chosen, Thing::Reviewer))?;
                values.extend(reviewer.map(|reviewer| ("reviewer".to_owned(), self.person(reviewer))));
                Some((own.clone(), vec![entity(own, values)?, settings(TENANTS[0])?, settings(TENANTS[1])?]))
            }
            "Tenant" => Some((uid(&names.tenant, tenant), vec![settings(TENANTS[0])?, settings(TENANTS[1])?])),
            "Person" if self.chosen(chosen, Thing::ResourcePerson) == 0 => {
                let own = uid(&names.person, OTHER);
                let none = [("roles".to_owned(), RestrictedExpression::new_set([]))];
                Some((own.clone(), vec![entity(own, none)?]))
            }
            "Person" => Some((uid(&names.person, PERSON), Vec::new())),
            _ => {
                let own = uid(&names.system, "lockbox");
                Some((own.clone(), vec![Entity::with_uid(own)]))
            }
        }
    }
}

impl World for Lifecycle<'_> {
    fn choices(&self) -> Vec<usize> {
        self.things.iter().map(|(_, count)| *count).collect()
    }

    fn question(&mut self, chosen: &[usize]) -> Option<(Request, Entities)> {
        let names = &self.set.names;
        let slice = self.set.slices.get(self.at.action(), self.at.request.resource())?;
        let roles: Vec<&str> = match self.chosen(chosen, Thing::Roles) {
            0 => ROLES.to_vec(),
            1 => Vec::new(),
            one => vec![*ROLES.get(one - 2)?],
        };
        let roles = roles.into_iter().map(|role| reference(&names.role, role));
        let mut values = vec![("roles".to_owned(), RestrictedExpression::new_set(roles))];
        let tenant = [Some(TENANTS[0]), None, Some(TENANTS[1])];
        let tenant = tenant.get(self.chosen(chosen, Thing::PersonTenant))?;
        values.extend(tenant.map(|tenant| ("tenant".to_owned(), reference(&names.tenant, tenant))));
        let principal = uid(&names.person, PERSON);
        let (resource, mut entities) = self.resource(chosen)?;
        entities.push(entity(principal.clone(), values)?);
        let entities = slice.base.clone().add_entities(entities, None).ok()?;
        let request = Request::new(principal, slice.action.clone(), resource, Context::empty(), None).ok()?;
        Some((request, entities))
    }
}

fn reference(kind: &EntityTypeName, id: &str) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(uid(kind, id))
}

fn entity(own: EntityUid, values: impl IntoIterator<Item = (String, RestrictedExpression)>) -> Option<Entity> {
    let values: HashMap<String, RestrictedExpression> = values.into_iter().collect();
    Entity::new(own, values, HashSet::new()).ok()
}
