//! cvc5 behind Cedar's symbolic compiler. The only code that starts a solver.
//!
//! A query has a limit of its own (`--tlimit-per`; `--tlimit` would end the process in the middle of
//! later work), and a watch outside the process, because a solver may overlook its own limit. After
//! any trouble the process is replaced: what it says next would answer another question.
//!
//! The compiler takes for granted that every entity a question names is there; Lockbox denies on
//! every evaluation error, which is what an entity that is missing leads to.

use super::super::PolicySet;
use super::claim::{Claim, as_permit};
use super::environment::Environment;
use super::realism;
use super::witness::Witness;
use super::{How, Means, Verdict};
use cedar_policy::{Effect, Entities, Policy, PolicyId, PolicySet as CedarSet, Request};
use cedar_policy_symcc::err::{EncodeError, Error, SolverError};
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy, CompiledPolicySet, Env};
use core::time::Duration;
use std::process::Stdio;

/// How much longer than its own limit a solver may take before it is stopped from outside.
const GRACE: Duration = Duration::from_secs(2);

type Compiler = CedarSymCompiler<LocalSolver>;
/// What went wrong; boxed, because it is large and rare.
type Trouble = Box<Error>;

/// A solver process, started when first asked and replaced after trouble.
pub(super) struct Session {
    runtime: tokio::runtime::Runtime,
    compiler: Option<Compiler>,
    program: String,
    version: String,
    limit: Duration,
}

impl core::fmt::Debug for Session {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Session").field("program", &self.program).field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// What a query came to.
enum Answer<T> {
    Is(T),
    Unknown(String),
}

impl Session {
    /// Finds the solver and asks it for its version.
    pub(super) fn open(limit: Duration) -> Result<Self, String> {
        let named = std::env::var("CVC5").ok().filter(|program| !program.is_empty());
        let program = named.clone().unwrap_or_else(|| "cvc5".to_owned());
        let said = std::process::Command::new(&program).arg("--version").stdin(Stdio::null()).output();
        let said = said.map_err(|error| match named {
            Some(program) => format!("`{program}`, which CVC5 names, cannot be started: {error}"),
            None => "`cvc5` is not on the PATH: install it (Debian: `apt install cvc5`) or name it by CVC5".to_owned(),
        })?;
        let text = String::from_utf8_lossy(&said.stdout);
        let version = text.lines().next().unwrap_or_default().trim_start_matches("This is ").trim().to_owned();
        if !said.status.success() || !version.contains("cvc5") {
            return Err(format!("`{program} --version` does not answer as cvc5 does"));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("the solver cannot be talked to: {error}"))?;
        let version = version.split(" [").next().unwrap_or_default().to_owned();
        Ok(Self { runtime, compiler: None, program, version, limit })
    }

    pub(super) fn means(&self) -> Means {
        Means::Solver { version: self.version.clone(), program: self.program.clone() }
    }

    pub(super) fn decide(&mut self, set: &PolicySet, environment: &Environment, claim: &Claim<'_>) -> Verdict {
        let decided = match claim {
            Claim::NeverErrors(policy) => self.never_errors(set, environment, policy, claim),
            _ => self.implied(set, environment, claim),
        };
        match decided {
            Ok(Answer::Is(verdict)) => verdict,
            Ok(Answer::Unknown(why)) => Verdict::Unknown(why),
            Err(error) => {
                self.compiler = None;
                Verdict::Unknown(in_words(&error))
            }
        }
    }

    /// Whether a claim holds, without a question that shows why not.
    pub(super) fn holds(&mut self, set: &PolicySet, at: &Environment, claim: &Claim<'_>) -> Option<bool> {
        let pairs = pairs(claim)?;
        for (lower, upper) in pairs {
            let asked = compiled(set, at, &lower).and_then(|low| {
                let high = compiled(set, at, &upper)?;
                self.ask(async |compiler| compiler.check_implies_opt(&low, &high).await)
            });
            match asked {
                Ok(Answer::Is(true)) => {}
                Ok(Answer::Is(false)) => return Some(false),
                Ok(Answer::Unknown(_)) | Err(_) => return None,
            }
        }
        Some(true)
    }

    /// Every other claim is that one set allows no more than another.
    fn implied(&mut self, set: &PolicySet, at: &Environment, claim: &Claim<'_>) -> Result<Answer<Verdict>, Trouble> {
        let mut how = How::PermitByPermit;
        let Some(pairs) = pairs(claim) else {
            return Ok(Answer::Unknown("a policy could not be taken apart for the question".to_owned()));
        };
        for (lower, upper) in pairs {
            if self.permit_by_permit(set, at, &lower, &upper)? {
                continue;
            }
            how = How::AsAWhole;
            let (low, high) = (compiled(set, at, &lower)?, compiled(set, at, &upper)?);
            match self.ask(async |compiler| compiler.check_implies_opt(&low, &high).await)? {
                Answer::Is(true) => continue,
                Answer::Is(false) => {}
                Answer::Unknown(why) => return Ok(Answer::Unknown(why)),
            }
            return self.counterexample(set, at, claim, (&lower, &upper));
        }
        Ok(Answer::Is(Verdict::Holds(how)))
    }

    /// Whether each permit of `lower` is covered by one of `upper`: small queries, and the forbids of
    /// `lower` only help. What is not settled so is left to the query as a whole.
    fn permit_by_permit(
        &mut self,
        set: &PolicySet,
        at: &Environment,
        lower: &CedarSet,
        upper: &CedarSet,
    ) -> Result<bool, Trouble> {
        if upper.policies().any(|policy| policy.effect() == Effect::Forbid) {
            return Ok(false);
        }
        let here = |policy: &&Policy| policy.get_valid_request_envs(&set.schema).any(|own| own == at.request);
        let wide: Result<Vec<CompiledPolicy>, Trouble> =
            upper.policies().filter(here).map(|policy| compiled_policy(set, at, policy)).collect();
        let wide = wide?;
        for permit in lower.policies().filter(|policy| policy.effect() == Effect::Permit).filter(here) {
            let narrow = compiled_policy(set, at, permit)?;
            let mut covered = false;
            for wide in &wide {
                let asked = self.ask(async |compiler| compiler.check_matches_implies_opt(&narrow, wide).await)?;
                covered = matches!(asked, Answer::Is(true));
                if covered {
                    break;
                }
            }
            if !covered {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A question that `lower` allows and `upper` does not, in the narrowest world that has one.
    fn counterexample(
        &mut self,
        set: &PolicySet,
        at: &Environment,
        claim: &Claim<'_>,
        (lower, upper): (&CedarSet, &CedarSet),
    ) -> Result<Answer<Verdict>, Trouble> {
        let about: Vec<&Policy> = lower.policies().chain(upper.policies()).collect();
        let high = compiled(set, at, upper)?;
        let worlds = realism::worlds(set, at, &about);
        for world in worlds.into_iter().chain([Vec::new()]) {
            let mut named = lower.clone();
            for policy in world {
                if named.add(policy).is_err() {
                    continue;
                }
            }
            let low = compiled(set, at, &named)?;
            let asked = self.ask(async |compiler| compiler.check_implies_with_counterexample_opt(&low, &high).await)?;
            let Answer::Is(Some(found)) = asked else { continue };
            if let Some(witness) = checked(set, at, claim, &found) {
                return Ok(Answer::Is(Verdict::Fails(Box::new(witness))));
            }
        }
        Ok(Answer::Unknown("the solver refutes it, but shows no question that does".to_owned()))
    }

    fn never_errors(
        &mut self,
        set: &PolicySet,
        at: &Environment,
        policy: &Policy,
        claim: &Claim<'_>,
    ) -> Result<Answer<Verdict>, Trouble> {
        let policy = compiled_policy(set, at, policy)?;
        let asked = self.ask(async |compiler| compiler.check_never_errors_with_counterexample_opt(&policy).await)?;
        Ok(match asked {
            Answer::Is(None) => Answer::Is(Verdict::Holds(How::PermitByPermit)),
            Answer::Is(Some(found)) => match checked(set, at, claim, &found) {
                Some(witness) => Answer::Is(Verdict::Fails(Box::new(witness))),
                None => Answer::Unknown("the solver refutes it, but shows no question that does".to_owned()),
            },
            Answer::Unknown(why) => Answer::Unknown(why),
        })
    }

    /// One query, within its limit.
    fn ask<T>(&mut self, query: impl AsyncFnOnce(&mut Compiler) -> Result<T, Error>) -> Result<Answer<T>, Trouble> {
        let mut compiler = match self.compiler.take() {
            Some(compiler) => compiler,
            None => self.start()?,
        };
        let watch = self.limit.saturating_add(GRACE);
        // The timer needs the runtime around it when it is made, not only when it is polled.
        let asked = self.runtime.block_on(async { tokio::time::timeout(watch, query(&mut compiler)).await });
        match asked {
            Ok(Ok(answer)) => {
                self.compiler = Some(compiler);
                Ok(Answer::Is(answer))
            }
            Ok(Err(Error::SolverUnknown)) => {
                self.compiler = Some(compiler);
                Ok(Answer::Unknown(format!("the solver gave up within {} s", self.limit.as_secs())))
            }
            Ok(Err(error)) => Err(Box::new(error)),
            Err(_elapsed) => {
                Ok(Answer::Unknown(format!("the solver did not answer within {} s and was stopped", watch.as_secs())))
            }
        }
    }

    fn start(&self) -> Result<Compiler, Trouble> {
        let mut command = tokio::process::Command::new(&self.program);
        let limit = format!("--tlimit-per={}", self.limit.as_millis());
        command.args(["--lang", "smt", &limit]).kill_on_drop(true);
        let _inside = self.runtime.enter();
        let solver = LocalSolver::from_command(&mut command).map_err(Error::from)?;
        CedarSymCompiler::new(solver).map_err(Box::new)
    }
}

/// Pairs of sets, the first of which must allow no more than the second; `None` when a policy cannot be
/// rewritten for it.
fn pairs(claim: &Claim<'_>) -> Option<Vec<(CedarSet, CedarSet)>> {
    let single = |policy: &Policy| CedarSet::from_policies([as_permit(policy)?]).ok();
    Some(match claim {
        Claim::Implies { lower, upper } => vec![((*lower).clone(), (*upper).clone())],
        Claim::Equivalent { one, other } => {
            vec![((*one).clone(), (*other).clone()), ((*other).clone(), (*one).clone())]
        }
        Claim::AlwaysDenies(set) => vec![((*set).clone(), always("forbid")?)],
        Claim::NeverMatches(policy) => vec![(single(policy)?, always("forbid")?)],
        Claim::AlwaysMatches(policy) => vec![(always("permit")?, single(policy)?)],
        Claim::MatchesImplies { narrow, wide } => vec![(single(narrow)?, single(wide)?)],
        Claim::MatchesEquivalent { one, other } => {
            vec![(single(one)?, single(other)?), (single(other)?, single(one)?)]
        }
        Claim::NeverErrors(_) => return None,
    })
}

/// A set of one policy that always applies.
fn always(effect: &str) -> Option<CedarSet> {
    let policy = Policy::parse(Some(PolicyId::new("always")), format!("{effect} (principal, action, resource);"));
    CedarSet::from_policies([policy.ok()?]).ok()
}

fn compiled(set: &PolicySet, at: &Environment, policies: &CedarSet) -> Result<CompiledPolicySet, Trouble> {
    CompiledPolicySet::compile(policies, &at.request, &set.schema).map_err(Box::new)
}

fn compiled_policy(set: &PolicySet, at: &Environment, policy: &Policy) -> Result<CompiledPolicy, Trouble> {
    CompiledPolicy::compile(policy, &at.request, &set.schema).map_err(Box::new)
}

fn checked(set: &PolicySet, at: &Environment, claim: &Claim<'_>, found: &Env) -> Option<Witness> {
    let refutes = |request: &Request, entities: &Entities| claim.refuted_by(request, entities);
    Witness::of(set, at, (&found.request, &found.entities), &refutes)
}

fn in_words(error: &Error) -> String {
    match error {
        Error::SolverError(SolverError::Io(error)) | Error::EncodeError(EncodeError::Io(error)) => {
            format!("the solver ended in the middle of a query: {error}")
        }
        Error::SolverError(error) => format!("the solver failed: {error}"),
        Error::CompileError(error) => format!("the symbolic compiler cannot say it: {error}"),
        other => other.to_string(),
    }
}
