//! The attack: each mutant is made into a set and put to what should notice it, on several threads.

use super::Mutant;
use super::apart::Missing;
use crate::policy::exchange::{Strict, Unloadable};
use crate::policy::load::PolicySet;
use crate::policy::symbolic::STACK_BYTES;
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
#[derive(Debug, Clone, Serialize)]
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
    Survived {
        /// The question that shows the difference, where one was found.
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<Box<Missing>>,
        /// Whether it allows what the policies deny; `None` when that is not known.
        #[serde(skip_serializing_if = "Option::is_none")]
        allows_more: Option<bool>,
        /// Why it could not be told from the same set in other words, where it could not.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        undecided: Vec<String>,
    },
}

impl Outcome {
    /// A mutant of which nothing else is known.
    pub fn survived() -> Self {
        Self::Survived { missing: None, allows_more: None, undecided: Vec::new() }
    }

    /// Whether nothing noticed it.
    pub fn is_survived(&self) -> bool {
        matches!(self, Self::Survived { .. })
    }
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

/// Tries a mutant that loads: given the set with it.
pub type Judge<'a> = Box<dyn FnMut(&PolicySet, &Mutant) -> Outcome + 'a>;

/// Puts every mutant to a judge, one of which is made for each thread. `told` hears how many are done.
/// The order is that of the mutants.
///
/// # Errors
/// The system's, when no thread can be started.
pub fn attack<'a>(
    set: &PolicySet,
    mutants: Vec<Mutant>,
    settings: Settings,
    judge: &(dyn Fn() -> Judge<'a> + Sync),
    told: &mut dyn FnMut(usize),
) -> std::io::Result<Vec<Attacked>> {
    let strict = Strict::of(&set.schema);
    let next = AtomicUsize::new(0);
    let (send, receive) = channel();
    let mut found: Vec<(usize, Outcome)> = Vec::with_capacity(mutants.len());
    std::thread::scope(|scope| {
        for number in 0..settings.workers.clamp(1, WORKERS_MAX) {
            let send = send.clone();
            let (next, mutants, strict) = (&next, &mutants, &strict);
            let work = move || {
                let mut judge = judge();
                while let Some((number, mutant)) = take(next, mutants) {
                    // Refused only when nobody listens any more.
                    if send.send((number, outcome(set, mutant, strict, &mut judge))).is_err() {
                        break;
                    }
                }
            };
            let thread = std::thread::Builder::new().name(format!("mutate-{number}")).stack_size(STACK_BYTES);
            thread.spawn_scoped(scope, work)?;
        }
        drop(send);
        for one in receive {
            found.push(one);
            told(found.len());
        }
        Ok::<_, std::io::Error>(())
    })?;
    found.sort_by_key(|(number, _)| *number);
    Ok(mutants.into_iter().zip(found).map(|(mutant, (_, outcome))| Attacked { mutant, outcome }).collect())
}

fn take<'a>(next: &AtomicUsize, mutants: &'a [Mutant]) -> Option<(usize, &'a Mutant)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    Some((number, mutants.get(number)?))
}

fn outcome(set: &PolicySet, mutant: &Mutant, strict: &Strict, judge: &mut Judge<'_>) -> Outcome {
    match set.exchanged(&mutant.policy, mutant.made.as_ref(), strict) {
        Err(Unloadable::Invalid(why)) => Outcome::Invalid { why },
        Err(Unloadable::Canary(why)) => Outcome::Refused { why },
        Ok(_) if is_same(set, mutant) => Outcome::Equivalent { how: "by its types".to_owned() },
        Ok(changed) => judge(&changed, mutant),
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
