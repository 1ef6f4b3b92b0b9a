//! `policy prove`: each promise (invariant) holds for every question, or here is the question that
//! breaks it. Proved as well: no forbid errors, because a forbid that errors does not forbid.
//!
//! Invariant: without a solver nothing is said to be proved.

#[cfg(feature = "prove")]
mod evidence;
mod invariant;
#[cfg(test)]
mod tests;

#[cfg(feature = "prove")]
pub use evidence::{Evidence, write_evidence};
pub use invariant::{Direction, Invariant};

use super::symbolic::{Claim, Environment, How, Means, Prover, Verdict, Witness};
use super::{LoadError, PolicySet, Sources};
use cedar_policy::{Authorizer, Decision, Effect};
use serde::Serialize;
use std::collections::BTreeSet;

/// What proving found.
#[derive(Debug, Clone, Serialize)]
pub struct ProofReport {
    /// How claims were decided.
    pub means: Means,
    /// The policy revision.
    pub policy_revision: String,
    /// The promises, in the order of their files; the built-in one last.
    pub proofs: Vec<Proof>,
    /// Actions that no question is allowed; told, and no failure.
    pub never_allowed: Vec<String>,
}

/// One promise, and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Proof {
    /// The invariant's `@id`.
    pub id: String,
    /// Its file; empty for the built-in one.
    pub file: String,
    /// The promise in a sentence.
    pub sentence: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How it was proved, where it was.
    pub how: BTreeSet<How>,
    /// How many request environments it speaks of.
    pub environments: usize,
    /// The question that breaks it, for each environment with one.
    pub broken: Vec<Broken>,
    /// Why it is undecided, for each environment that is.
    pub undecided: Vec<String>,
    /// How many questions were tried, where there was no solver.
    pub tried: usize,
}

/// What became of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds for every well-formed question.
    Proved,
    /// A question breaks it.
    Broken,
    /// Questions were tried, and none breaks it. That is no proof.
    NotRefuted,
    /// Undecided.
    Unknown,
}

/// A question that breaks a promise.
#[derive(Debug, Clone, Serialize)]
pub struct Broken {
    /// The kind of question.
    pub environment: String,
    /// The question.
    pub question: Witness,
    /// What the policies say to it: `allow` or `deny`.
    pub decision: &'static str,
    /// The policies that decided.
    pub because: Vec<String>,
    /// The question as a test that passes once the policies are right, for `cedar run-tests` and for suites.
    pub test: serde_json::Value,
}

impl ProofReport {
    /// Whether every promise is proved.
    pub fn is_proved(&self) -> bool {
        self.proofs.iter().all(|proof| proof.outcome == Outcome::Proved)
    }

    /// Whether no promise is broken or undecided: all that can be had without a solver.
    pub fn is_unbroken(&self) -> bool {
        self.proofs.iter().all(|proof| matches!(proof.outcome, Outcome::Proved | Outcome::NotRefuted))
    }
}

/// Proves the invariants of a set that `wanted` accepts by id. `told` hears of each when it is done.
///
/// # Errors
/// [`LoadError`] when an invariant cannot be read, or there is none.
pub fn prove(
    set: &PolicySet,
    sources: &Sources,
    prover: &mut Prover,
    wanted: &dyn Fn(&str) -> bool,
    told: &mut dyn FnMut(&Proof),
) -> Result<ProofReport, LoadError> {
    let invariants = Invariant::all(sources, set)?;
    let mut proofs = Vec::new();
    for invariant in invariants.iter().filter(|invariant| wanted(&invariant.id)) {
        let proof = one(set, prover, invariant);
        told(&proof);
        proofs.push(proof);
    }
    if wanted(NO_FORBID_ERRS) {
        let proof = no_forbid_errs(set, prover);
        told(&proof);
        proofs.push(proof);
    }
    // A solver that has just failed to answer would be waited for once more for every kind of question.
    let answers = prover.proves() && proofs.iter().all(|proof| proof.undecided.is_empty());
    let never_allowed = if answers { never_allowed(set, prover) } else { Vec::new() };
    Ok(ProofReport { means: prover.means().clone(), policy_revision: set.digest().to_owned(), proofs, never_allowed })
}

/// The name of the promise that needs no file.
pub const NO_FORBID_ERRS: &str = "no-forbid-errs";

impl Proof {
    fn of(id: &str, file: &str, sentence: &str) -> Self {
        Self {
            id: id.to_owned(),
            file: file.to_owned(),
            sentence: sentence.to_owned(),
            outcome: Outcome::Proved,
            how: BTreeSet::new(),
            environments: 0,
            broken: Vec::new(),
            undecided: Vec::new(),
            tried: 0,
        }
    }

    fn add(&mut self, set: &PolicySet, at: &Environment, verdict: Verdict, expected: Decision) {
        self.environments += 1;
        match verdict {
            Verdict::Holds(how) => {
                self.how.insert(how);
            }
            Verdict::Fails(witness) => {
                self.outcome = Outcome::Broken;
                self.broken.push(Broken::of(set, at, *witness, &self.id, expected));
            }
            Verdict::NotRefuted(tried) => {
                self.tried += tried;
                if self.outcome == Outcome::Proved {
                    self.outcome = Outcome::NotRefuted;
                }
            }
            Verdict::Unknown(why) => {
                self.undecided.push(format!("{at}: {why}"));
                if self.outcome != Outcome::Broken {
                    self.outcome = Outcome::Unknown;
                }
            }
        }
    }
}

impl Broken {
    fn of(set: &PolicySet, at: &Environment, question: Witness, id: &str, expected: Decision) -> Self {
        let response = Authorizer::new().is_authorized(question.request(), set.cedar(), question.entities());
        let mut because: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        because.sort_unstable();
        let test = question.to_cedar_test(&format!("{id}: {at}"), expected == Decision::Allow, &[]);
        let decision = if response.decision() == Decision::Allow { "allow" } else { "deny" };
        Self { environment: at.to_string(), question, decision, because, test }
    }
}

fn one(set: &PolicySet, prover: &mut Prover, invariant: &Invariant) -> Proof {
    let mut proof = Proof::of(&invariant.id, &invariant.file, &invariant.sentence);
    for at in &invariant.environments {
        let (lower, upper) = match invariant.direction {
            Direction::AtMost => (set.cedar(), &invariant.policies),
            Direction::AtLeast => (&invariant.policies, set.cedar()),
        };
        let expected = match invariant.direction {
            Direction::AtMost => Decision::Deny,
            Direction::AtLeast => Decision::Allow,
        };
        let verdict = prover.decide(set, at, &Claim::Implies { lower, upper });
        proof.add(set, at, verdict, expected);
    }
    proof
}

fn no_forbid_errs(set: &PolicySet, prover: &mut Prover) -> Proof {
    let mut proof = Proof::of(NO_FORBID_ERRS, "", "Every forbid can be evaluated: one that errors would not forbid.");
    let mut forbids: Vec<_> = set.cedar().policies().filter(|policy| policy.effect() == Effect::Forbid).collect();
    forbids.sort_by_key(|policy| policy.id().to_string());
    for forbid in forbids {
        for at in Environment::of(forbid, &set.schema) {
            let verdict = prover.decide(set, &at, &Claim::NeverErrors(forbid));
            proof.add(set, &at, verdict, Decision::Deny);
        }
    }
    proof
}

fn never_allowed(set: &PolicySet, prover: &mut Prover) -> Vec<String> {
    let nothing = Claim::AlwaysDenies(set.cedar());
    let all = Environment::all(&set.schema);
    all.iter().filter(|at| prover.holds(set, at, &nothing) == Some(true)).map(ToString::to_string).collect()
}
