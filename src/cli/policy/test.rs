//! `lockbox policy test`: runs the suites, and says what fails and what no test decides by.

use super::super::Exit;
use super::super::error::CliError;
use super::super::output::{Format, Output, Tone};
use crate::policy::cases::{CaseReport, Coverage, TestReport, test_dir};
use regex::Regex;
use std::path::PathBuf;

/// Run the test suites (`*.yaml`), and print what fails.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox policy test --run 'device' --coverage\n\nExit code 3 when policies or suites do not load, 4 when a test fails, none matches, or the coverage is\nbelow the threshold."
)]
pub(super) struct Args {
    /// A folder of policies, or one with `policies/`, `schemas/` and `tests/` in it.
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Only tests whose `suite: test` matches.
    #[arg(long, value_name = "REGEX")]
    run: Option<Regex>,
    /// Say which policies and conditions no test decides by.
    #[arg(long)]
    coverage: bool,
    /// The least share of policies and conditions that tests must cover, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    threshold: Option<u8>,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let Args { dir, run, coverage, threshold } = args;
    output.takes(&[Format::Text, Format::Json])?;
    let report = test_dir(&dir, &|name| run.as_ref().is_none_or(|run| run.is_match(name)))?;
    let json = serde_json::to_value(&report).map_err(CliError::failed)?;
    output.answer(&json, || shown(&report, coverage, output))?;
    Ok(verdict(&report, threshold, output))
}

fn verdict(report: &CaseReport, threshold: Option<u8>, output: &Output) -> Exit {
    if report.passed == 0 && report.failed == 0 {
        output.note("no test matches: nothing was tried");
    }
    let covered = percent(&report.coverage);
    let enough = threshold.is_none_or(|least| covered >= usize::from(least));
    if !enough {
        let least = threshold.unwrap_or_default();
        output.note(&format!("{covered} % of policies and conditions are covered, the threshold is {least} %"));
    }
    if report.is_good() && enough { Exit::Fine } else { Exit::ProofFailed }
}

/// Rounded down, so that 100 means all.
fn percent(coverage: &Coverage) -> usize {
    let total = coverage.total();
    let covered = total.saturating_sub(coverage.missing().len());
    covered.saturating_mul(100).checked_div(total).unwrap_or(100)
}

pub(super) fn shown(report: &CaseReport, coverage: bool, output: &Output) -> String {
    let mut text = String::new();
    for suite in report.suites.iter().filter(|suite| !suite.tests.is_empty()) {
        text.push_str(&format!("{} ({})\n", suite.name, suite.file));
        suite.tests.iter().for_each(|test| text.push_str(&outcome(test, output)));
    }
    if coverage {
        for missing in report.coverage.missing() {
            text.push_str(&format!("{} {missing}\n", output.paint("not covered:", Tone::Open)));
        }
    }
    let tone = if report.is_good() { Tone::Good } else { Tone::Bad };
    let sum = output.paint(&format!("{} passed, {} failed", report.passed, report.failed), tone);
    let (covered, total) = (percent(&report.coverage), report.coverage.total());
    text.push_str(&format!("{sum}; {covered} % of {total} policies and conditions covered"));
    text
}

fn outcome(test: &TestReport, output: &Output) -> String {
    if test.failures.is_empty() {
        return format!("  {} {}\n", output.paint("ok    ", Tone::Good), test.name);
    }
    let mut text = format!("  {} {}\n", output.paint("FAILED", Tone::Bad), test.name);
    for failure in &test.failures {
        let lines = [
            ("question", &failure.question),
            ("expected", &failure.expected),
            ("got", &failure.got),
            ("decided by", &failure.decided_by),
        ];
        for (name, said) in lines.into_iter().filter(|(_, said)| !said.is_empty()) {
            text.push_str(&format!("    {name:<10}  {said}\n"));
        }
    }
    text
}
