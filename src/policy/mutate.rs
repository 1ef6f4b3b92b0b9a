//! Mutation: each policy with one small mistake in it, as an edit might make it, and whether anything
//! notices. What no test notices is either the same set in other words, or a test that is missing.
//!
//! | part | what it does |
//! |---|---|
//! | `expressions`, `generate` | every mutant of every policy |
//! | `places` | where in the file it is, and how the lines look |
//! | `attack`, `report` | puts each mutant to what should notice it; the score |
//! | `apart` | a survivor told from the same set in other words, by a solver where there is one |
//! | `synthesize` | the tests that are missing, written down |
//!
//! Invariant: a mutant counts as noticed only where something really says other than it should.

mod apart;
mod attack;
mod expressions;
mod generate;
mod places;
mod report;
mod synthesize;
#[cfg(test)]
mod tests;

pub use apart::{Apart, Missing};
pub use attack::{Attacked, Judge, Outcome, Settings, attack};
pub use generate::mutants;
pub use report::{Against, Counts, MutationReport};
pub use synthesize::{Synthesized, synthesize};

use serde::Serialize;

/// What kind of mistake a mutant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One of several conditions is gone.
    Condition,
    /// One of several alternatives is gone.
    Alternative,
    /// A `!` is gone.
    Negation,
    /// `<` for `<=`, `==` for `!=`, and the like.
    Comparison,
    /// `containsAny` for `containsAll`, and the like.
    Set,
    /// A `has` is taken for true.
    Guard,
    /// One element of a set is gone.
    Element,
    /// One branch of an `if` always.
    Branch,
    /// A part of the scope is wider.
    Scope,
    /// One action of several is gone from the scope.
    Action,
    /// A `when` or `unless` is gone.
    Clause,
    /// `unless` for `when`, or the other way.
    Swap,
    /// `permit` for `forbid`, or the other way.
    Effect,
    /// The policy is gone.
    Policy,
}

impl Kind {
    /// What the mistake is, for a person.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Condition => "a condition is gone",
            Self::Alternative => "an alternative is gone",
            Self::Negation => "a negation is gone",
            Self::Comparison => "a comparison is another",
            Self::Set => "a set is compared otherwise",
            Self::Guard => "a `has` is taken for true",
            Self::Element => "an element is gone",
            Self::Branch => "one branch is always taken",
            Self::Scope => "the scope is wider",
            Self::Action => "an action is gone from the scope",
            Self::Clause => "a whole clause is gone",
            Self::Swap => "`when` and `unless` are swapped",
            Self::Effect => "`permit` and `forbid` are swapped",
            Self::Policy => "the whole policy is gone",
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Condition => "condition",
            Self::Alternative => "alternative",
            Self::Negation => "negation",
            Self::Comparison => "comparison",
            Self::Set => "set",
            Self::Guard => "guard",
            Self::Element => "element",
            Self::Branch => "branch",
            Self::Scope => "scope",
            Self::Action => "action",
            Self::Clause => "clause",
            Self::Swap => "swap",
            Self::Effect => "effect",
            Self::Policy => "policy",
        }
    }
}

/// One policy with one mistake in it.
#[derive(Debug, Clone, Serialize)]
pub struct Mutant {
    /// A name that stays the same while policy and mistake do: `policy/kind/digest`.
    pub id: String,
    /// The policy.
    pub policy: String,
    /// Its file.
    pub file: String,
    /// The line of the mistake, from 1; 0 when its place was not found.
    pub line: usize,
    /// The column in characters, from 1; 0 when its place was not found.
    pub column: usize,
    /// What kind of mistake it is.
    pub kind: Kind,
    /// What is changed, as Cedar shows it.
    pub before: String,
    /// What stands there instead; empty when it is gone.
    pub after: String,
    /// The lines before with `-`, and after with `+`.
    pub excerpt: Vec<String>,
    /// The policy with the mistake; `None` when it is gone.
    #[serde(skip)]
    pub(crate) made: Option<cedar_policy::Policy>,
}
