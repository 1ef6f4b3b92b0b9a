//! Slices: the policies that can matter for one request environment, found once at load. Cedar
//! evaluates every policy it is given, so what cannot apply is taken out before, not during, a question.
//!
//! Leaving a policy out is sound because Cedar's type checker says that it is false in every
//! well-typed question of the environment, and all questions here are well typed.
//!
//! Within a slice the `index` files policies under what they `demand` of a question (a tenant, a
//! workload, an engineer or team, content), so that a question is put only to those that can matter.

mod demand;
mod index;

pub(crate) use index::Chosen;

use super::explain::Condition;
use super::time_use::TimeUse;
use cedar_policy::entities_errors::EntitiesError;
use cedar_policy::{Entities, EntityTypeName, EntityUid, Policy, PolicyId, RequestEnv, Schema};
use demand::Demand;
use index::Index;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

/// The policies of one request environment, and what is needed to ask them.
#[derive(Debug)]
pub struct Slice {
    /// How they read the time.
    pub time: TimeUse,
    pub(crate) action: EntityUid,
    pub(crate) policies: cedar_policy::PolicySet,
    /// The action entities: without them a `forbid (action in …)` vanishes silently. Other actions
    /// that are in no group are left out: without ancestors and attributes there is nothing to look up.
    pub(crate) base: Entities,
    conditions: OnceLock<Vec<Condition>>,
    first_conditions: OnceLock<Vec<Condition>>,
    index: Index,
}

/// A policy, and what has been read from it once for all slices that it is in.
#[derive(Debug)]
struct Filed {
    policy: Policy,
    time: TimeUse,
    demands: Vec<Demand>,
}

impl Filed {
    fn of(policy: &Policy) -> Self {
        let Ok(pst) = policy.to_pst() else {
            // What cannot be read demands nothing, so it is asked every time.
            return Self { policy: policy.clone(), time: TimeUse::unreadable(), demands: Vec::new() };
        };
        Self { policy: policy.clone(), time: TimeUse::of(&pst), demands: demand::demands(&pst) }
    }
}

impl Slice {
    fn of(filed: &[Arc<Filed>], action: EntityUid, base: Entities) -> Result<Self, Uncut> {
        let whole = filed.iter().map(|filed| filed.policy.clone());
        Ok(Self {
            time: TimeUse::together(filed.iter().map(|filed| &filed.time)),
            policies: cedar_policy::PolicySet::from_policies(whole).map_err(Box::new)?,
            conditions: OnceLock::new(),
            first_conditions: OnceLock::new(),
            index: Index::of(filed)?,
            action,
            base,
        })
    }

    /// How many policies there are.
    pub fn len(&self) -> usize {
        self.policies.num_of_policies()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// The conditions of its policies, taken apart when first asked for.
    pub(crate) fn conditions(&self) -> &[Condition] {
        self.conditions.get_or_init(|| Condition::of_all(self.policies.policies()))
    }

    /// The first of them, as many as an explanation looks at.
    pub(crate) fn first_conditions(&self) -> &[Condition] {
        self.first_conditions.get_or_init(|| Condition::first_of(self.policies.policies()))
    }
}

/// Slices by action and resource type; each action here has one principal type.
#[derive(Debug, Default, Clone)]
pub(crate) struct Slices {
    by_action: HashMap<String, Vec<(EntityTypeName, Arc<Slice>)>>,
}

impl Slices {
    /// Slices the policies by all environments of the schema.
    pub(crate) fn cut(policies: &cedar_policy::PolicySet, schema: &Schema, base: &Entities) -> Result<Self, Uncut> {
        let mut sets: HashMap<Environment, Vec<Arc<Filed>>> = HashMap::new();
        for environment in schema.request_envs() {
            sets.entry(Environment::of(&environment)).or_default();
        }
        for policy in policies.policies() {
            let filed = Arc::new(Filed::of(policy));
            for environment in policy.get_valid_request_envs(schema) {
                sets.entry(Environment::of(&environment)).or_default().push(Arc::clone(&filed));
            }
        }
        let mut by_action: HashMap<String, Vec<(EntityTypeName, Arc<Slice>)>> = HashMap::new();
        for (environment, policies) in sets {
            let base = looked_up(base, &environment.action)?;
            let slice = Slice::of(&policies, environment.action.clone(), base)?;
            let name = environment.action.id().unescaped().to_owned();
            by_action.entry(name).or_default().push((environment.resource, Arc::new(slice)));
        }
        Ok(Self { by_action })
    }

    /// The same slices with the policy of that id exchanged, or taken out: slices that it is not in and
    /// does not come into are shared, not cut anew.
    pub(crate) fn exchanged(&self, id: &PolicyId, policy: Option<&Policy>, schema: &Schema) -> Result<Self, Uncut> {
        let applies: HashSet<Environment> = policy
            .iter()
            .flat_map(|policy| policy.get_valid_request_envs(schema))
            .map(|e| Environment::of(&e))
            .collect();
        let mut by_action = self.by_action.clone();
        for (resource, slice) in by_action.values_mut().flatten() {
            let comes = policy.filter(|_| {
                applies
                    .iter()
                    .any(|environment| environment.action == slice.action && environment.resource == *resource)
            });
            if comes.is_none() && slice.policies.policy(id).is_none() {
                continue;
            }
            let others = slice.policies.policies().filter(|other| other.id() != id).cloned();
            let policies: Vec<Arc<Filed>> =
                others.chain(comes.cloned()).map(|policy| Arc::new(Filed::of(&policy))).collect();
            *slice = Arc::new(Slice::of(&policies, slice.action.clone(), slice.base.clone())?);
        }
        Ok(Self { by_action })
    }

    /// Every question is put to the whole slice again: what the index is compared with.
    #[cfg(test)]
    pub(crate) fn without_index(&mut self) {
        for (_, slice) in self.by_action.values_mut().flatten() {
            let slice = Arc::get_mut(slice).unwrap();
            slice.index = Index::none(slice);
        }
    }

    /// The slice of an action on a type of resource.
    pub(crate) fn get(&self, action: &str, resource: &EntityTypeName) -> Option<&Slice> {
        self.by_action.get(action)?.iter().find(|(kind, _)| kind == resource).map(|(_, slice)| &**slice)
    }
}

/// A set that cannot be sliced.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Uncut {
    /// Two policies of one name.
    #[error(transparent)]
    Policies(#[from] Box<cedar_policy::PolicySetError>),
    /// The actions do not make a store.
    #[error(transparent)]
    Actions(#[from] Box<EntitiesError>),
}

/// The actions of `base` that are in a group, and `action`.
fn looked_up(base: &Entities, action: &EntityUid) -> Result<Entities, Box<EntitiesError>> {
    let grouped = |uid: &EntityUid| base.ancestors(uid).is_some_and(|mut above| above.next().is_some());
    let kept = base.iter().filter(|entity| entity.uid() == *action || grouped(&entity.uid())).cloned();
    Entities::from_entities(kept, None).map_err(Box::new)
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Environment {
    principal: EntityTypeName,
    action: EntityUid,
    resource: EntityTypeName,
}

impl Environment {
    fn of(environment: &RequestEnv) -> Self {
        Self {
            principal: environment.principal().clone(),
            action: environment.action().clone(),
            resource: environment.resource().clone(),
        }
    }
}

#[cfg(test)]
mod tests;
