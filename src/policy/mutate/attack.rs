//! The attack: each mutant is made into a set and put to what should notice it, on several threads.

use super::Mutant;
use crate::policy::exchange::{Strict, Unloadable};
use crate::policy::load::PolicySet;
use cedar_policy::pst::{PrincipalConstraint, ResourceConstraint};
use cedar_policy::{Policy, PolicyId, RequestEnv};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

/// The most threads.
const WORKERS_MAX: usize = 64;

/// How a set is attacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many threads try mutants, 1 to 64.
    pub workers: usize,
}

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It is not valid under the schema: nobody can make this mistake and load the set.
    Invalid {
        /// What validation says.
        why: String,
    },
    /// The policies are valid, but the set is refused at load.
    Refused {
        /// Why.
        why: String,
    },
    /// Something says other than it should.
    Noticed {
        /// What does: the test, as `suite: test`, or the invariant.
        by: String,
    },
    /// It is the same set in other words.
    Equivalent {
        /// How that is known.
        how: String,
    },
    /// Nothing noticed it, and it is not known to be the same set.
    Survived,
}

/// A mutant, and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Attacked {
    /// The mutant.
    #[serde(flatten)]
    pub mutant: Mutant,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Puts every mutant to `notices`, which says what noticed that the set is another. `told` hears how
/// many are done. The order is that of the mutants.
pub fn attack(
    set: &PolicySet,
    mutants: Vec<Mutant>,
    settings: Settings,
    notices: &(dyn Fn(&PolicySet) -> Option<String> + Sync),
    told: &mut dyn FnMut(usize),
) -> Vec<Attacked> {
    let strict = Strict::of(&set.schema);
    let next = AtomicUsize::new(0);
    let (send, receive) = channel();
    let mut found: Vec<(usize, Outcome)> = Vec::with_capacity(mutants.len());
    std::thread::scope(|scope| {
        for _ in 0..settings.workers.clamp(1, WORKERS_MAX) {
            let send = send.clone();
            scope.spawn(|| {
                let send = send;
                while let Some((number, mutant)) = take(&next, &mutants) {
                    // Refused only when nobody listens any more.
                    if send.send((number, outcome(set, mutant, &strict, notices))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        for one in receive {
            found.push(one);
            told(found.len());
        }
    });
    found.sort_by_key(|(number, _)| *number);
    mutants.into_iter().zip(found).map(|(mutant, (_, outcome))| Attacked { mutant, outcome }).collect()
}

fn take<'a>(next: &AtomicUsize, mutants: &'a [Mutant]) -> Option<(usize, &'a Mutant)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    Some((number, mutants.get(number)?))
}

fn outcome(
    set: &PolicySet,
    mutant: &Mutant,
    strict: &Strict,
    notices: &(dyn Fn(&PolicySet) -> Option<String> + Sync),
) -> Outcome {
    match set.exchanged(&mutant.policy, mutant.made.as_ref(), strict) {
        Err(Unloadable::Invalid(why)) => Outcome::Invalid { why },
        Err(Unloadable::Canary(why)) => Outcome::Refused { why },
        Ok(_) if is_same(set, mutant) => Outcome::Equivalent { how: "the types say so".to_owned() },
        Ok(changed) => match notices(&changed) {
            Some(by) => Outcome::Noticed { by },
            None => Outcome::Survived,
        },
    }
}

/// Whether the types alone show that the mutant is the same: only the scope differs, in constraints that
/// are constant in each request environment (`is`, and whatever is said of the action), and both apply
/// to the same environments. In these both scopes are then true, and in all others false.
fn is_same(set: &PolicySet, mutant: &Mutant) -> bool {
    let Some(made) = &mutant.made else { return false };
    let Some(own) = set.cedar().policy(&PolicyId::new(&mutant.policy)) else { return false };
    let (Ok(one), Ok(other)) = (own.to_pst(), made.to_pst()) else { return false };
    let (one, other) = (one.body(), other.body());
    let principal = one.principal == other.principal
        || [&one.principal, &other.principal]
            .into_iter()
            .all(|at| matches!(at, PrincipalConstraint::Any | PrincipalConstraint::Is(_)));
    let resource = one.resource == other.resource
        || [&one.resource, &other.resource]
            .into_iter()
            .all(|at| matches!(at, ResourceConstraint::Any | ResourceConstraint::Is(_)));
    one.effect == other.effect
        && one.clauses() == other.clauses()
        && principal
        && resource
        && applies(set, own) == applies(set, made)
}

fn applies(set: &PolicySet, policy: &Policy) -> BTreeSet<(String, String, String)> {
    let text = |environment: RequestEnv| {
        (environment.principal().to_string(), environment.action().to_string(), environment.resource().to_string())
    };
    policy.get_valid_request_envs(&set.schema).map(text).collect()
}
