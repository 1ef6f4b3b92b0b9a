//! `lockbox policy mutate`: which small mistakes in the policies nothing would notice.

use super::super::Exit;
use super::super::error::CliError;
use super::super::output::{Format, Output, Tone};
use super::super::progress::Progress;
use super::prove::MeansArgs;

use crate::policy::cases::{Cases, first_failure};
use crate::policy::mutate::{
    Against, Apart, Attacked, Counts, Judge, Missing, MutationReport, Outcome, Settings, attack, mutants, synthesize,
};
use crate::policy::prove::Invariant;
use crate::policy::{Layout, PolicySet, Sources};
use clap::ValueEnum;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Of a mistake longer than this the text shows the beginning.
const LINES_SHOWN: usize = 8;

/// Make every small mistake in the policies, one at a time, and say which no test notices.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox policy mutate --policy require-clearance-for-export --threshold 100\n\nA mistake that nothing notices is the same set in other words (proved, where there is a solver), or a test\nthat is missing: the question is shown. The score is what is noticed of what could be. Against invariants,\nit says what they leave open; what allows MORE is marked. Exit code 3 when policies or suites do not load, 4\nwhen the suites fail already or the score is below the threshold."
)]
pub(super) struct Args {
    /// A folder of policies, or one with `policies/`, `schemas/` and `tests/` in it.
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// What should notice the mistakes.
    #[arg(long, value_enum, default_value_t = Wanted::Tests)]
    against: Wanted,
    /// Only mistakes in this policy; may be repeated.
    #[arg(long, value_name = "ID")]
    policy: Vec<String>,
    /// The least score, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    threshold: Option<u8>,
    /// How many threads try mistakes; without it as many as there are processors.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: Option<u32>,
    /// Write the tests that are missing here, as YAML for a person to confirm; what YAML cannot say, as JSON beside it.
    #[arg(long, value_name = "FILE")]
    synthesize: Option<PathBuf>,
    /// Overwrite what is there.
    #[arg(long, requires = "synthesize")]
    force: bool,
    #[command(flatten)]
    means: MeansArgs,
}

/// What should notice mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// The suites.
    Tests,
    /// The invariants.
    Invariants,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let Args { dir, against, policy, threshold, threads, synthesize, force, means } = args;
    output.takes(&[Format::Text, Format::Json])?;
    if let Some(path) = &synthesize {
        // Before the work, not after it.
        free(path, force)?;
    }
    let layout = Layout::find(&dir);
    let sources = Sources::read(&layout.policies, &layout.schema)?;
    let set = PolicySet::from_sources(&sources)?;
    let only = wanted(&set, policy)?;
    let mutants = mutants(&set, &sources, &|id| only.is_empty() || only.contains(id));
    let processors = || std::thread::available_parallelism().map_or(1, core::num::NonZero::get);
    let workers = threads.map_or_else(processors, |threads| usize::try_from(threads).unwrap_or(1));
    let mut progress = Progress::through("mutate", mutants.len(), "mistakes");
    let mut told = |done| progress.tell(u64::try_from(done).unwrap_or(u64::MAX));
    // The first prover says so when it cannot prove; those of the threads need not say it again.
    let by = means.prover(output).means().to_string();
    let attacked = match against {
        Wanted::Tests => {
            let cases = Cases::read(&set, &layout.tests)?;
            if let Some(test) = first_failure(&set, &cases) {
                output.note(&format!(
                    "the tests fail without any mistake, the first is `{test}`: see `lockbox policy test`"
                ));
                return Ok(Exit::ProofFailed);
            }
            let judge = || against_tests(&set, &cases, means);
            attack(&set, mutants, Settings { workers }, &judge, &mut told)
        }
        Wanted::Invariants => {
            let invariants = Invariant::all(&sources, &set)?;
            let judge = || against_invariants(&set, &invariants, means);
            attack(&set, mutants, Settings { workers }, &judge, &mut told)
        }
    };
    progress.end();
    let against = match against {
        Wanted::Tests => Against::Tests,
        Wanted::Invariants => Against::Invariants,
    };
    let report = MutationReport::of(set.digest(), against, &by, attacked.map_err(CliError::failed)?);
    let json = serde_json::to_value(&report).map_err(CliError::failed)?;
    output.answer(&json, || shown(&report, output))?;
    if let Some(path) = &synthesize {
        written(&set, &report, path, force, output)?;
    }
    Ok(verdict(&report, threshold, output))
}

/// Where the tests are written: the suites, and what they cannot say.
fn places(path: &Path, suites: usize) -> Vec<PathBuf> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let numbered = (2..=suites).map(|number| path.with_file_name(format!("{stem}-{number}.yaml")));
    [path.to_owned()].into_iter().chain(numbered).collect()
}

fn free(path: &Path, force: bool) -> Result<(), CliError> {
    if path.exists() && !force {
        let path = path.display();
        return Err(CliError::Usage(format!("`{path}` is there already: name another file, or say `--force`")));
    }
    Ok(())
}

fn written(
    set: &PolicySet,
    report: &MutationReport,
    path: &Path,
    force: bool,
    output: &Output,
) -> Result<(), CliError> {
    let made = synthesize(set, &report.mutants);
    if made.is_empty() {
        output.note("no test is missing that could be written down");
        return Ok(());
    }
    let mut files = Vec::new();
    for (suite, path) in made.suites.iter().zip(places(path, made.suites.len())) {
        files.push((path, made.yaml(suite).map_err(CliError::failed)?));
    }
    if !made.cedar.is_empty() {
        files.push((path.with_extension("json"), serde_json::to_string_pretty(&made.cedar).map_err(CliError::failed)?));
    }
    for (path, _) in &files {
        free(path, force)?;
    }
    for (path, text) in &files {
        let failed = |error| CliError::failed(format!("cannot write `{}`: {error}", path.display()));
        std::fs::write(path, text).map_err(failed)?;
    }
    let names: Vec<String> = files.iter().map(|(path, _)| format!("`{}`", path.display())).collect();
    let (tests, names) = (made.len(), names.join(", "));
    output.note(&format!("{tests} tests, which notice {} mistakes, are in {names}: confirm each", made.noticed));
    Ok(())
}

fn against_tests<'a>(set: &'a PolicySet, cases: &'a Cases, means: MeansArgs) -> Judge<'a> {
    let mut apart = None;
    Box::new(move |changed, mutant| match first_failure(changed, cases) {
        Some(by) => Outcome::Noticed { by },
        None => apart.get_or_insert_with(|| Apart::by(means.silent_prover())).tell(set, changed, mutant),
    })
}

fn against_invariants<'a>(set: &'a PolicySet, invariants: &'a [Invariant], means: MeansArgs) -> Judge<'a> {
    let mut apart = Apart::by(means.silent_prover());
    Box::new(move |changed, mutant| apart.against(set, changed, mutant, invariants))
}

/// The policies that are asked for; each must be there.
fn wanted(set: &PolicySet, ids: Vec<String>) -> Result<BTreeSet<String>, CliError> {
    for id in &ids {
        if set.policy(id).is_none() {
            let nearest =
                set.policies().map(|info| &info.id).min_by_key(|known| strsim::damerau_levenshtein(id, known));
            let nearest = nearest.map(|known| format!(": did you mean `{known}`?")).unwrap_or_default();
            return Err(CliError::Usage(format!("there is no policy `{id}`{nearest}")));
        }
    }
    Ok(ids.into_iter().collect())
}

fn verdict(report: &MutationReport, threshold: Option<u8>, output: &Output) -> Exit {
    let enough = threshold.is_none_or(|least| report.score >= usize::from(least));
    if !enough {
        output.note(&format!("the score is {} %, the threshold is {} %", report.score, threshold.unwrap_or_default()));
    }
    if enough { Exit::Fine } else { Exit::ProofFailed }
}

pub(super) fn shown(report: &MutationReport, output: &Output) -> String {
    let mut text: String = report.survivors().map(|one| format!("{}\n\n", survivor(one, output))).collect();
    let Counts { mutants, invalid, noticed, equivalent, survived } = report.counts;
    let refused = report.mutants.iter().filter(|one| matches!(one.outcome, Outcome::Refused { .. })).count();
    text.push_str(&format!(
        "{mutants} mistakes: {noticed} noticed ({refused} of them at load), {survived} not noticed, {invalid} that the schema does not \
         allow, {equivalent} that change nothing\n"
    ));
    let tone = if survived == 0 { Tone::Good } else { Tone::Bad };
    let score = output.paint(&format!("{} %", report.score), tone);
    text.push_str(&format!("score {score} against {}; told apart by {}", report.against.as_str(), report.means));
    text
}

fn survivor(one: &Attacked, output: &Output) -> String {
    let mutant = &one.mutant;
    let place = if mutant.line > 0 {
        format!("{}:{}:{}", mutant.file, mutant.line, mutant.column)
    } else {
        mutant.file.clone()
    };
    let more = matches!(one.outcome, Outcome::Survived { allows_more: Some(true), .. });
    let more = if more { output.paint(" (allows MORE)", Tone::Bad) } else { String::new() };
    let head = format!("{}{more}: {}", output.paint("not noticed", Tone::Bad), mutant.kind.in_words());
    let mut text = format!("{head}\n  --> {place} ({})", mutant.id);
    for line in mutant.excerpt.iter().take(LINES_SHOWN) {
        let tone = if line.starts_with('+') { Tone::Good } else { Tone::Bad };
        text.push_str(&format!("\n  {}", output.paint(line, tone)));
    }
    if let Some(more) = mutant.excerpt.len().checked_sub(LINES_SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!("\n  {}", output.paint(&format!("and {more} more lines"), Tone::Faint)));
    }
    if mutant.excerpt.is_empty() {
        text.push_str(&format!("\n  - {}\n  + {}", mutant.before, mutant.after));
    }
    if let Outcome::Survived { missing, undecided, .. } = &one.outcome {
        text.extend(missing.iter().map(|missing| question(missing)));
        text.extend(undecided.iter().map(|why| format!("\n  it may be the same set: {why}")));
    }
    text
}

/// The question that is missing, as a person reads it.
fn question(missing: &Missing) -> String {
    let (now, then) = if missing.allowed { ("allow", "deny") } else { ("deny", "allow") };
    let because = if missing.because.is_empty() { "no policy".to_owned() } else { missing.because.join(", ") };
    let mut text = format!(
        "\n  a test would notice: the policies {now} this (because of {because}), the mistake makes them {then} it:"
    );
    for line in missing.question.to_string().lines() {
        text.push_str(&format!("\n    {line}"));
    }
    text
}
