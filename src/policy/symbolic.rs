//! Claims about policies over *all* questions of a request environment, and what becomes of them:
//! proved by a solver, refuted by a [`Witness`], or neither.
//!
//! | part | what it does |
//! |---|---|
//! | `environment` | the kinds of questions the schema knows |
//! | `claim` | what can be claimed, and whether one question refutes it |
//! | `solver` | cvc5 behind Cedar's symbolic compiler (feature `prove`) |
//! | `realism`, `witness` | counterexamples that a person can read and paste as a test |
//! | `bounded` | without a solver: many questions tried; refutes, never proves |
//!
//! Invariant: a witness is shown only after evaluating it has refuted the claim once more.
//! Invariant: `Holds` is said by a solver alone.

mod bounded;
mod claim;
mod environment;
#[cfg(feature = "prove")]
mod evidence;
#[cfg_attr(not(feature = "prove"), expect(dead_code, reason = "only a solver has to be told what is real"))]
mod realism;
#[cfg(feature = "prove")]
mod solver;
#[cfg(test)]
mod tests;
mod witness;

pub(crate) use claim::Claim;
pub(crate) use environment::Environment;
#[cfg(feature = "prove")]
pub(crate) use evidence::script;
pub use witness::Witness;

use super::PolicySet;
use core::fmt;
use core::time::Duration;
use serde::Serialize;

/// How much stack work on policies may take: Cedar walks expressions recursively.
pub(crate) const STACK_BYTES: usize = 256 << 20;

/// What may be spent on one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long the solver may think about one query.
    pub query: Duration,
    /// How many questions are tried for one claim where there is no solver.
    pub questions_max: usize,
}

impl Default for Limits {
    /// 20 s a query (the study's sets of up to 37 policies took 2 s as a whole); 5,000 questions.
    fn default() -> Self {
        Self { query: Duration::from_secs(20), questions_max: 5_000 }
    }
}

/// Which means to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wanted {
    /// A solver where there is one, else enumeration.
    #[default]
    Best,
    /// Enumeration in any case.
    Enumeration,
}

/// How claims are decided here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Means {
    /// A solver: claims are proved or refuted.
    Solver {
        /// Its version, as it says.
        version: String,
        /// The program.
        program: String,
    },
    /// Questions are tried: claims may be refuted and are never proved.
    Enumeration {
        /// Why there is no solver.
        why: String,
    },
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Solver { version, program } => write!(f, "{version} ({program})"),
            Self::Enumeration { why } => write!(f, "enumeration, which refutes but never proves: {why}"),
        }
    }
}

/// How a claim was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Each permit by itself.
    PermitByPermit,
    /// The whole set at once.
    AsAWhole,
}

impl How {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PermitByPermit => "permit by permit",
            Self::AsAWhole => "as a whole",
        }
    }
}

/// What became of a claim in one environment.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Proved for every well-formed question.
    Holds(How),
    /// Refuted by this question.
    Fails(Box<Witness>),
    /// This many questions were tried, and none refutes it.
    NotRefuted(usize),
    /// Neither, and why: the solver gave up, died, or cannot say it.
    Unknown(String),
}

impl Verdict {
    /// Whether it is proved.
    pub fn holds(&self) -> bool {
        matches!(self, Self::Holds(_))
    }

    /// The question that refutes it.
    pub fn witness(&self) -> Option<&Witness> {
        match self {
            Self::Fails(witness) => Some(witness),
            _ => None,
        }
    }
}

/// Decides claims. Holds a solver process where there is one.
#[derive(Debug)]
pub struct Prover {
    limits: Limits,
    means: Means,
    #[cfg(feature = "prove")]
    session: Option<solver::Session>,
}

impl Prover {
    /// A prover with the means there are: `$CVC5`, then `cvc5` on the PATH, else enumeration.
    pub fn find(limits: Limits, wanted: Wanted) -> Self {
        if wanted == Wanted::Enumeration {
            return Self::without(limits, "asked for".to_owned());
        }
        #[cfg(feature = "prove")]
        return match solver::Session::open(limits.query) {
            Ok(session) => Self { limits, means: session.means(), session: Some(session) },
            Err(why) => Self::without(limits, why),
        };
        #[cfg(not(feature = "prove"))]
        Self::without(limits, "this program was built without the feature `prove`".to_owned())
    }

    fn without(limits: Limits, why: String) -> Self {
        let means = Means::Enumeration { why };
        Self {
            limits,
            means,
            #[cfg(feature = "prove")]
            session: None,
        }
    }

    /// How claims are decided here.
    pub fn means(&self) -> &Means {
        &self.means
    }

    /// Whether claims can be proved here.
    pub fn proves(&self) -> bool {
        matches!(self.means, Means::Solver { .. })
    }

    /// Decides a claim in one environment. `set` gives the schema and the names of its world.
    pub(crate) fn decide(&mut self, set: &PolicySet, environment: &Environment, claim: &Claim<'_>) -> Verdict {
        #[cfg(feature = "prove")]
        if let Some(session) = &mut self.session {
            return session.decide(set, environment, claim);
        }
        bounded::decide(set, environment, claim, self.limits.questions_max)
    }

    /// Whether a claim holds, without looking for a question a person can read; `None` when that cannot
    /// be said. Cheaper than [`Prover::decide`] where most claims are refuted.
    pub(crate) fn holds(&mut self, set: &PolicySet, environment: &Environment, claim: &Claim<'_>) -> Option<bool> {
        #[cfg(feature = "prove")]
        if let Some(session) = &mut self.session {
            return session.holds(set, environment, claim);
        }
        match bounded::decide(set, environment, claim, self.limits.questions_max) {
            Verdict::Fails(_) => Some(false),
            _ => None,
        }
    }
}

/// Does work on policies on a thread with a stack that is large enough for big sets.
///
/// # Errors
/// The system's, when no thread can be started; a panic of the work is passed on.
pub fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("policies".to_owned()).stack_size(STACK_BYTES);
        match thread.spawn_scoped(scope, work)?.join() {
            Ok(done) => Ok(done),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
