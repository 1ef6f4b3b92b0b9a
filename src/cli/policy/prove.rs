//! `lockbox policy prove`: each invariant proved, or the question that breaks it.

use super::super::Exit;
use super::super::error::CliError;
use super::super::output::{Format, Output, Tone};
use crate::clock::{Clock, SystemClock};
#[cfg(feature = "prove")]
use crate::policy::prove::write_evidence;
use crate::policy::prove::{Outcome, Proof, ProofReport, prove};
use crate::policy::symbolic::{How, Limits, Prover, Wanted, on_deep_stack};
use crate::policy::{Layout, PolicySet, Sources};
use clap::ValueEnum;
use core::time::Duration;
use regex::Regex;
use std::path::{Path, PathBuf};

/// Prove the invariants, or print the questions that break them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox policy prove policies --evidence proof\n\nAn invariant is a `permit` in `invariant/*.cedar` with `@invariant(\"sentence\")` and `@direction(\"at-most\")`\n(the policies allow nothing beyond it) or `\"at-least\"` (they allow at least this). The solver is cvc5, named by\nCVC5 or found on the PATH. Without one, questions are tried: that refutes, and never proves.\n\nExit code 3 when the policies do not load; 4 when an invariant is broken or not proved. With\n`--solver none` what is merely not refuted is no failure."
)]
pub(super) struct Args {
    /// A folder of policies, or one with `policies/` and `schemas/` in it.
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Only invariants whose `@id` matches.
    #[arg(long, value_name = "REGEX")]
    invariant: Option<Regex>,
    /// Leave SMT-LIB scripts and the report here, for an auditor to run again.
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    means: MeansArgs,
}

/// How claims about policies are decided.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct MeansArgs {
    /// Use a solver where there is one, or none at all.
    #[arg(long, value_enum, default_value_t = SolverWanted::Auto)]
    solver: SolverWanted,
    /// How many seconds the solver may think about one query.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// How many questions to try for one claim where there is no solver.
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    questions: u32,
}

/// Proves all invariants of `dir` and leaves the evidence in `evidence`; says nothing on standard output.
pub(super) fn prove_into(dir: &Path, evidence: &Path, means: MeansArgs, output: &Output) -> Result<Exit, CliError> {
    on_deep_stack(|| {
        let layout = Layout::find(dir);
        let sources = Sources::read(&layout.policies, &layout.schema)?;
        let set = PolicySet::from_sources(&sources)?;
        let mut prover = means.prover(output);
        let mut told = |proof: &Proof| {
            if proof.outcome != Outcome::Proved {
                output.note(&line(proof, Duration::ZERO, output));
            }
        };
        let report = prove(&set, &sources, &mut prover, &|_| true, &mut told)?;
        leave(evidence, &set, &sources, &prover, &report, output)?;
        Ok(if report.is_proved() { Exit::Fine } else { Exit::ProofFailed })
    })?
}

/// Whether a solver is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SolverWanted {
    /// Where there is one.
    Auto,
    /// No.
    None,
}

impl MeansArgs {
    /// The prover to use, with a loud note when it cannot prove.
    pub(super) fn prover(self, output: &Output) -> Prover {
        let prover = self.silent_prover();
        if !prover.proves() {
            output.note(&format!("NO PROOF: there is no solver, so this is an {}", prover.means()));
        }
        prover
    }

    /// The prover to use, where it has been said whether it can prove.
    pub(super) fn silent_prover(self) -> Prover {
        let Self { solver, timeout, questions } = self;
        let limits = Limits {
            query: Duration::from_secs(timeout),
            questions_max: usize::try_from(questions).unwrap_or(usize::MAX),
        };
        let wanted = match solver {
            SolverWanted::Auto => Wanted::Best,
            SolverWanted::None => Wanted::Enumeration,
        };
        Prover::find(limits, wanted)
    }

    /// Whether enumeration was asked for, not only fallen back to.
    pub(super) fn asked_to_enumerate(self) -> bool {
        self.solver == SolverWanted::None
    }
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    output.takes(&[Format::Text, Format::Json])?;
    on_deep_stack(|| proved(args, output))?
}

fn proved(args: Args, output: &Output) -> Result<Exit, CliError> {
    let Args { dir, invariant, evidence, means } = args;
    let layout = Layout::find(&dir);
    let sources = Sources::read(&layout.policies, &layout.schema)?;
    let set = PolicySet::from_sources(&sources)?;
    let mut prover = means.prover(output);
    let began = SystemClock.boot();
    let mut since = began;
    let mut unsaid = None;
    let wanted = |id: &str| invariant.as_ref().is_none_or(|regex| regex.is_match(id));
    // Each is told when it is known: a big set takes minutes.
    let mut told = |proof: &Proof| {
        let now = SystemClock.boot();
        let lasted = now.since(core::mem::replace(&mut since, now));
        if !output.is_json()
            && let Err(error) = output.print(&line(proof, lasted, output))
        {
            unsaid = Some(error);
        }
    };
    let report = prove(&set, &sources, &mut prover, &wanted, &mut told)?;
    if let Some(error) = unsaid {
        return Err(error);
    }
    if report.proofs.is_empty() {
        return Err(CliError::Usage("no invariant matches: nothing was tried".to_owned()));
    }
    if let Some(dir) = evidence {
        leave(&dir, &set, &sources, &prover, &report, output)?;
    }
    let json = serde_json::to_value(&report).map_err(CliError::failed)?;
    output.answer(&json, || shown(&report, SystemClock.boot().since(began), output))?;
    let good = report.is_proved() || (means.asked_to_enumerate() && report.is_unbroken());
    Ok(if good { Exit::Fine } else { Exit::ProofFailed })
}

/// Writes the scripts, and says what an auditor can do with them.
#[cfg(feature = "prove")]
fn leave(
    dir: &Path,
    set: &PolicySet,
    sources: &Sources,
    prover: &Prover,
    report: &ProofReport,
    output: &Output,
) -> Result<(), CliError> {
    let failed = |error| CliError::failed(format!("cannot write the evidence to `{}`: {error}", dir.display()));
    let evidence = write_evidence(dir, set, sources, prover, report).map_err(failed)?;
    let files = evidence.scripts.iter().filter(|script| script.file.is_some()).count();
    output.note(&format!("{files} scripts in `{}`: each must be answered with `unsat`, by `cvc5 FILE`", dir.display()));
    Ok(())
}

#[cfg(not(feature = "prove"))]
fn leave(
    dir: &Path,
    _set: &PolicySet,
    _sources: &Sources,
    _prover: &Prover,
    _report: &ProofReport,
    _output: &Output,
) -> Result<(), CliError> {
    let dir = dir.display();
    Err(CliError::failed(format!("nothing is left in `{dir}`: this program was built without the feature `prove`")))
}

/// One promise and what became of it.
fn line(proof: &Proof, lasted: Duration, output: &Output) -> String {
    let (word, tone) = match proof.outcome {
        Outcome::Proved => ("PROVED", Tone::Good),
        Outcome::Broken => ("BROKEN", Tone::Bad),
        Outcome::NotRefuted => ("NOT REFUTED", Tone::Open),
        Outcome::Unknown => ("UNKNOWN", Tone::Bad),
    };
    let how: Vec<&str> = proof.how.iter().map(|how| How::as_str(*how)).collect();
    let how = match proof.outcome {
        Outcome::Proved => format!("{} kinds of questions, {}", proof.environments, how.join(" and ")),
        Outcome::NotRefuted => format!("{} questions tried, which proves nothing", proof.tried),
        Outcome::Broken | Outcome::Unknown => format!("{} kinds of questions", proof.environments),
    };
    let seconds = lasted.as_secs_f64();
    let mut text = format!("{} {}: {}\n  {how}; {seconds:.2} s", output.paint(word, tone), proof.id, proof.sentence);
    for why in &proof.undecided {
        text.push_str(&format!("\n  {why}"));
    }
    // One question shows what is wrong; the others are in the JSON.
    if let Some(broken) = proof.broken.first() {
        let because = if broken.because.is_empty() { "no policy".to_owned() } else { broken.because.join(", ") };
        text.push_str(&format!("\n  the policies {} this, because of {because}:", broken.decision));
        for line in broken.question.to_string().lines() {
            text.push_str(&format!("\n    {line}"));
        }
        let others = proof.broken.len() - 1;
        if others > 0 {
            text.push_str(&format!("\n  and {others} more kinds of questions break it (--output json)"));
        }
    }
    text
}

fn shown(report: &ProofReport, lasted: Duration, output: &Output) -> String {
    let proved = report.proofs.iter().filter(|proof| proof.outcome == Outcome::Proved).count();
    let tone = if report.is_proved() { Tone::Good } else { Tone::Bad };
    let sum = output.paint(&format!("{proved} of {} proved", report.proofs.len()), tone);
    let mut text =
        format!("{sum} in {:.2} s by {}\nrevision {}", lasted.as_secs_f64(), report.means, report.policy_revision);
    if !report.never_allowed.is_empty() {
        text.push_str(&format!("\nnote: never allowed: {}", report.never_allowed.join(", ")));
    }
    text
}
