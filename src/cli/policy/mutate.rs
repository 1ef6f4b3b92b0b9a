//! `lockbox policy mutate`: which small mistakes in the policies nothing would notice.

use super::super::Exit;
use super::super::error::CliError;
use super::super::output::{Format, Output, Tone};
use super::super::progress::Progress;
use crate::policy::mutate::{Against, Attacked, Counts, MutationReport, Outcome, Settings, attack, mutants};
use crate::policy::{Layout, PolicySet, Sources, cases};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Of a mistake longer than this the text shows the beginning.
const LINES_SHOWN: usize = 8;

/// Make every small mistake in the policies, one at a time, and say which no test notices.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox policy mutate --policy require-clearance-for-export --threshold 100\n\nA mistake that nothing notices is either the same set in other words (proved where there is a solver), or\na test that is missing. The score is what is noticed of what could be. Exit code 3 when policies or suites\ndo not load, 4 when the suites fail already or the score is below the threshold."
)]
pub(super) struct Args {
    /// A folder of policies, or one with `policies/`, `schemas/` and `tests/` in it.
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Only mistakes in this policy; may be repeated.
    #[arg(long, value_name = "ID")]
    policy: Vec<String>,
    /// The least score, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    threshold: Option<u8>,
    /// How many threads try mistakes; without it as many as there are processors.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: Option<u32>,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let Args { dir, policy, threshold, threads } = args;
    output.takes(&[Format::Text, Format::Json])?;
    let layout = Layout::find(&dir);
    let sources = Sources::read(&layout.policies, &layout.schema)?;
    let set = PolicySet::from_sources(&sources)?;
    let only = wanted(&set, policy)?;
    if !cases::run_dir(&set, &layout.tests, &|_| true)?.is_good() {
        let help = format!("the tests fail already: `lockbox policy test {}` says which", dir.display());
        output.note(&help);
        return Ok(Exit::ProofFailed);
    }
    let processors = || std::thread::available_parallelism().map_or(1, core::num::NonZero::get);
    let workers = threads.map_or_else(processors, |threads| usize::try_from(threads).unwrap_or(1));
    let mutants = mutants(&set, &sources, &|id| only.is_empty() || only.contains(id));
    let mut progress = Progress::through("mutate", mutants.len(), "mutants");
    let notices = |changed: &PolicySet| noticed(changed, &layout.tests);
    let attacked = attack(&set, mutants, Settings { workers }, &notices, &mut |done| {
        progress.tell(u64::try_from(done).unwrap_or(u64::MAX));
    });
    progress.end();
    let report = MutationReport::of(set.digest(), Against::Tests, "types", attacked);
    let json = serde_json::to_value(&report).map_err(CliError::failed)?;
    output.answer(&json, || shown(&report, output))?;
    Ok(verdict(&report, threshold, output))
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

/// The first test that says other than it should.
fn noticed(set: &PolicySet, tests: &Path) -> Option<String> {
    match cases::run_dir(set, tests, &|_| true) {
        Ok(report) => report.suites.iter().find_map(|suite| {
            let test = suite.tests.iter().find(|test| !test.failures.is_empty())?;
            Some(format!("{}: {}", suite.name, test.name))
        }),
        // A suite that names the policy that is gone.
        Err(error) => Some(error.findings.first().map(|finding| finding.message.clone()).unwrap_or_default()),
    }
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
    text.push_str(&format!("score {}", output.paint(&format!("{} %", report.score), tone)));
    text
}

fn survivor(one: &Attacked, output: &Output) -> String {
    let mutant = &one.mutant;
    let place = if mutant.line > 0 {
        format!("{}:{}:{}", mutant.file, mutant.line, mutant.column)
    } else {
        mutant.file.clone()
    };
    let head = format!("{}: {}", output.paint("not noticed", Tone::Bad), mutant.kind.in_words());
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
    text
}
