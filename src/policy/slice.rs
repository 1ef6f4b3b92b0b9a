//! Slices: the policies that can matter for one request environment, found once at load. Cedar
//! evaluates every policy it is given, so what cannot apply is taken out before, not during, a question.
//!
//! Leaving a policy out is sound because Cedar's type checker says that it is false in every
//! well-typed question of the environment, and all questions here are well typed.

use super::explain::Condition;
use super::time_use::TimeUse;
use cedar_policy::entities_errors::EntitiesError;
use cedar_policy::{Entities, EntityTypeName, EntityUid, Policy, PolicyId, RequestEnv, Schema};
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
}

impl Slice {
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
}

/// Slices by action and resource type; each action here has one principal type.
#[derive(Debug, Default, Clone)]
pub(crate) struct Slices {
    by_action: HashMap<String, Vec<(EntityTypeName, Arc<Slice>)>>,
}

impl Slices {
    /// Slices the policies by all environments of the schema.
    pub(crate) fn cut(policies: &cedar_policy::PolicySet, schema: &Schema, base: &Entities) -> Result<Self, Uncut> {
        let mut sets: HashMap<Environment, Vec<Policy>> = HashMap::new();
        for environment in schema.request_envs() {
            sets.entry(Environment::of(&environment)).or_default();
        }
        for policy in policies.policies() {
            for environment in policy.get_valid_request_envs(schema) {
                sets.entry(Environment::of(&environment)).or_default().push(policy.clone());
            }
        }
        let mut by_action: HashMap<String, Vec<(EntityTypeName, Arc<Slice>)>> = HashMap::new();
        for (environment, policies) in sets {
            let slice = Slice {
                time: TimeUse::of(policies.iter()),
                action: environment.action.clone(),
                policies: cedar_policy::PolicySet::from_policies(policies).map_err(Box::new)?,
                base: looked_up(base, &environment.action)?,
                conditions: OnceLock::new(),
            };
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
            let policies: Vec<Policy> = others.chain(comes.cloned()).collect();
            *slice = Arc::new(Slice {
                time: TimeUse::of(policies.iter()),
                action: slice.action.clone(),
                policies: cedar_policy::PolicySet::from_policies(policies).map_err(Box::new)?,
                base: slice.base.clone(),
                conditions: OnceLock::new(),
            });
        }
        Ok(Self { by_action })
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
