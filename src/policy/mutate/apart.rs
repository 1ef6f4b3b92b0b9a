//! A mutant that nothing noticed: the same set in other words, or the question that is missing. Asked
//! of a solver where there is one, in the request environments that the mistake can touch.
//!
//! Invariant: only a solver's proof makes a mutant equivalent; what is merely not refuted survives.

use super::{Mutant, Outcome};
use crate::policy::load::PolicySet;
use crate::policy::prove::{Direction, Invariant};
use crate::policy::symbolic::{Claim, Environment, Prover, Verdict, Witness};
use cedar_policy::{Authorizer, Decision, PolicyId};
use serde::Serialize;

/// A question that the policies and the mutant answer differently: the test that is missing.
#[derive(Debug, Clone, Serialize)]
pub struct Missing {
    /// The kind of question.
    pub environment: String,
    /// The question.
    pub question: Witness,
    /// Whether the policies allow it as they are; the mutant says the contrary.
    pub allowed: bool,
    /// The policies that decide it as they are.
    pub because: Vec<String>,
}

/// Tells mutants apart. Holds a solver process where there is one.
#[derive(Debug)]
pub struct Apart {
    prover: Prover,
}

/// What is known of a mutant in the environments it touches.
#[derive(Default)]
struct Found {
    missing: Option<Box<Missing>>,
    undecided: Vec<String>,
}

impl Apart {
    /// By these means.
    pub fn by(prover: Prover) -> Self {
        Self { prover }
    }

    /// Whether the mutant is the same set; if not, a question that shows it.
    pub fn tell(&mut self, set: &PolicySet, changed: &PolicySet, mutant: &Mutant) -> Outcome {
        let mut found = Found::default();
        for at in touched(set, mutant) {
            let (Some(one), Some(other)) = (slice(set, &at), slice(changed, &at)) else { continue };
            let whole = Claim::Equivalent { one, other };
            let alone = self.alone(set, mutant, &at).filter(|verdict| match verdict {
                Verdict::Holds(_) => true,
                Verdict::Fails(witness) => whole.refuted_by(witness.request(), witness.entities()),
                Verdict::NotRefuted(_) | Verdict::Unknown(_) => false,
            });
            match alone.unwrap_or_else(|| self.prover.decide(set, &at, &whole)) {
                Verdict::Holds(_) => {}
                Verdict::Fails(witness) => {
                    found.missing = Some(Box::new(Missing::of(set, &at, *witness)));
                    break;
                }
                Verdict::NotRefuted(tried) => found.undecided.push(format!("{at}: {tried} questions answered alike")),
                Verdict::Unknown(why) => found.undecided.push(format!("{at}: {why}")),
            }
        }
        let Found { missing, undecided } = found;
        match missing {
            Some(missing) => {
                let allows_more = if missing.allowed { None } else { Some(true) };
                Outcome::Survived { missing: Some(missing), allows_more, undecided: Vec::new() }
            }
            None if undecided.is_empty() => Outcome::Equivalent { how: "proved".to_owned() },
            None => Outcome::Survived { missing: None, allows_more: None, undecided },
        }
    }

    /// What becomes of the claim that the policy by itself applies to the same: a far smaller question, and
    /// where it holds, or the other policies let its answer through, there is no other to ask.
    fn alone(&mut self, set: &PolicySet, mutant: &Mutant, at: &Environment) -> Option<Verdict> {
        if !self.prover.proves() {
            return None;
        }
        let one = set.cedar().policy(&PolicyId::new(&mutant.policy))?;
        let other = mutant.made.as_ref().filter(|made| made.effect() == one.effect())?;
        Some(self.prover.decide(set, at, &Claim::MatchesEquivalent { one, other }))
    }

    /// Which invariant the mutant breaks; if none does, whether it is the same set, or allows more.
    pub fn against(
        &mut self,
        set: &PolicySet,
        changed: &PolicySet,
        mutant: &Mutant,
        invariants: &[Invariant],
    ) -> Outcome {
        let touched = touched(set, mutant);
        for at in &touched {
            let Some(own) = slice(changed, at) else { continue };
            for invariant in invariants.iter().filter(|invariant| invariant.environments.contains(at)) {
                let (lower, upper) = match invariant.direction {
                    Direction::AtMost => (own, &invariant.policies),
                    Direction::AtLeast => (&invariant.policies, own),
                };
                if self.prover.holds(set, at, &Claim::Implies { lower, upper }) == Some(false) {
                    return Outcome::Noticed { by: invariant.id.clone() };
                }
            }
        }
        match self.tell(set, changed, mutant) {
            Outcome::Survived { missing, undecided, .. } => {
                let allows_more = self.allows_more(set, changed, &touched);
                Outcome::Survived { missing, allows_more, undecided }
            }
            told => told,
        }
    }

    fn allows_more(&mut self, set: &PolicySet, changed: &PolicySet, touched: &[Environment]) -> Option<bool> {
        let mut unknown = false;
        for at in touched {
            let (Some(upper), Some(lower)) = (slice(set, at), slice(changed, at)) else { continue };
            match self.prover.holds(set, at, &Claim::Implies { lower, upper }) {
                Some(true) => {}
                Some(false) => return Some(true),
                None => unknown = true,
            }
        }
        (!unknown).then_some(false)
    }
}

impl Missing {
    fn of(set: &PolicySet, at: &Environment, question: Witness) -> Self {
        let response = Authorizer::new().is_authorized(question.request(), set.cedar(), question.entities());
        let mut because: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        because.sort_unstable();
        let allowed = response.decision() == Decision::Allow;
        Self { environment: at.to_string(), question, allowed, because }
    }

    /// Whether the question shows that this set is another, too.
    pub(super) fn notices(&self, changed: &PolicySet) -> bool {
        let request = self.question.request();
        let response = Authorizer::new().is_authorized(request, changed.cedar(), self.question.entities());
        (response.decision() == Decision::Allow) != self.allowed
    }
}

/// The policies of an environment.
fn slice<'a>(set: &'a PolicySet, at: &Environment) -> Option<&'a cedar_policy::PolicySet> {
    set.slices.get(at.action(), at.request.resource()).map(|slice| &slice.policies)
}

/// The environments in which the policy applies, or the mistaken one does: in all others nothing changes.
fn touched(set: &PolicySet, mutant: &Mutant) -> Vec<Environment> {
    let own = set.cedar().policy(&PolicyId::new(&mutant.policy));
    let mut touched = Vec::new();
    for policy in own.into_iter().chain(&mutant.made) {
        for at in Environment::of(policy, &set.schema) {
            if !touched.contains(&at) {
                touched.push(at);
            }
        }
    }
    touched
}
