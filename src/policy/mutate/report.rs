//! What an attack found: every mutant with its outcome, the counts, and the score.

use super::{Attacked, Outcome};
use serde::Serialize;

/// What the mutants are put to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Against {
    /// The suites.
    Tests,
    /// The invariants.
    Invariants,
}

impl Against {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tests => "tests",
            Self::Invariants => "invariants",
        }
    }
}

/// What an attack found.
#[derive(Debug, Clone, Serialize)]
pub struct MutationReport {
    /// The digest of the policies that were attacked.
    pub policy_revision: String,
    /// What the mutants were put to.
    pub against: Against,
    /// How mutants that nothing notices were told from the same set in other words.
    pub means: String,
    /// How many mutants became what.
    pub counts: Counts,
    /// Noticed, of those that could be: percent, rounded down, so that 100 means all.
    pub score: usize,
    /// Every mutant, by policy and place.
    pub mutants: Vec<Attacked>,
}

/// How many mutants became what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All.
    pub mutants: usize,
    /// Not valid under the schema.
    pub invalid: usize,
    /// Noticed, by a test, an invariant or the load.
    pub noticed: usize,
    /// The same set in other words.
    pub equivalent: usize,
    /// Noticed by nothing, and not known to be the same set.
    pub survived: usize,
}

impl MutationReport {
    /// Counts the outcomes.
    pub fn of(policy_revision: &str, against: Against, means: &str, mutants: Vec<Attacked>) -> Self {
        let mut counts = Counts { mutants: mutants.len(), ..Counts::default() };
        for one in &mutants {
            match one.outcome {
                Outcome::Invalid { .. } => counts.invalid += 1,
                Outcome::Refused { .. } | Outcome::Noticed { .. } => counts.noticed += 1,
                Outcome::Equivalent { .. } => counts.equivalent += 1,
                Outcome::Survived { .. } => counts.survived += 1,
            }
        }
        let (policy_revision, means) = (policy_revision.to_owned(), means.to_owned());
        Self { policy_revision, against, means, counts, score: counts.score(), mutants }
    }

    /// The mutants that survived.
    pub fn survivors(&self) -> impl Iterator<Item = &Attacked> {
        self.mutants.iter().filter(|one| one.outcome.is_survived())
    }
}

impl Counts {
    fn score(&self) -> usize {
        let able = self.noticed + self.survived;
        (self.noticed * 100).checked_div(able).unwrap_or(100)
    }
}
