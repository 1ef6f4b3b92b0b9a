//! `lockbox policy test`: runs the suites, and says what fails and what no test decides by.

mod forms;
mod watch;

use super::super::Exit;
use super::super::error::CliError;
use super::super::output::{Format, Output, Tone};
use crate::clock::{Clock as _, SystemClock};
use crate::policy::cases::{CaseReport, Failure, TestReport, fingerprint, test_dir};
use regex::Regex;
use std::path::PathBuf;

/// Run the test suites (`*.yaml`, and `*.json` as `cedar run-tests` takes it), and print what fails.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox policy test --run 'device' --coverage\n  lockbox policy test --watch --output tree\n  lockbox policy test --output junit > policy-tests.xml\n\nExit code 3 when policies or suites do not load, 4 when a test fails, none matches, or the coverage is\nbelow the threshold."
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
    /// Run again whenever the content of a file has changed, until interrupted.
    #[arg(long)]
    watch: bool,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    output.takes(&[Format::Text, Format::Json, Format::Tree, Format::Junit])?;
    if !args.watch {
        return once(&args, output);
    }
    if !matches!(output.format(), Format::Text | Format::Tree) {
        return Err(CliError::Usage("`--watch` is for people: use it with `text` or `tree`".to_owned()));
    }
    output.note(&format!("watching {}: Ctrl-C ends it", args.dir.display()));
    watch::on_change(
        || fingerprint(&args.dir),
        || {
            output.note(&format!("\n{}", SystemClock.wall()));
            // What cannot be used now may be put right with the next edit.
            once(&args, output).map(|_| ()).or_else(|error| match error {
                CliError::Policies(_) => {
                    output.error(&error);
                    Ok(())
                }
                other => Err(other),
            })
        },
        watch::wait,
    )?;
    Ok(Exit::Fine)
}

fn once(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let Args { dir, run, coverage, threshold, watch: _ } = args;
    let report = test_dir(dir, &|name| run.as_ref().is_none_or(|run| run.is_match(name)))?;
    match output.format() {
        Format::Tree => output.print(&forms::tree(&report, *coverage, output))?,
        Format::Junit => output.print(&forms::junit(&report).map_err(CliError::failed)?)?,
        _ => {
            let json = serde_json::to_value(&report).map_err(CliError::failed)?;
            output.answer(&json, || shown(&report, *coverage, output))?;
        }
    }
    Ok(verdict(&report, *threshold, output))
}

fn verdict(report: &CaseReport, threshold: Option<u8>, output: &Output) -> Exit {
    if report.passed == 0 && report.failed == 0 {
        output.note("no test matches: nothing was tried");
    }
    let covered = report.coverage.percent();
    let enough = threshold.is_none_or(|least| covered >= usize::from(least));
    if !enough {
        let least = threshold.unwrap_or_default();
        output.note(&format!("{covered} % of policies and conditions are covered, the threshold is {least} %"));
    }
    if report.is_good() && enough { Exit::Fine } else { Exit::ProofFailed }
}

pub(super) fn shown(report: &CaseReport, coverage: bool, output: &Output) -> String {
    let mut text = String::new();
    for suite in report.suites.iter().filter(|suite| !suite.tests.is_empty()) {
        text.push_str(&format!("{} ({})\n", suite.name, suite.file));
        suite.tests.iter().for_each(|test| text.push_str(&outcome(test, output)));
    }
    text.push_str(&summary(report, coverage, output));
    text
}

/// How it ended; before that what is not covered, if that is wanted.
fn summary(report: &CaseReport, coverage: bool, output: &Output) -> String {
    let mut text = String::new();
    if coverage {
        for missing in report.coverage.missing() {
            text.push_str(&format!("{} {missing}\n", output.paint("not covered:", Tone::Open)));
        }
    }
    let tone = if report.is_good() { Tone::Good } else { Tone::Bad };
    let sum = output.paint(&format!("{} passed, {} failed", report.passed, report.failed), tone);
    let (covered, total) = (report.coverage.percent(), report.coverage.total());
    text.push_str(&format!("{sum}; {covered} % of {total} policies and conditions covered"));
    text
}

fn outcome(test: &TestReport, output: &Output) -> String {
    let mut text = format!("  {} {}\n", verdict_of(test, output), test.name);
    for line in test.failures.iter().flat_map(lines) {
        text.push_str(&format!("    {line}\n"));
    }
    text
}

fn verdict_of(test: &TestReport, output: &Output) -> String {
    if test.failures.is_empty() { output.paint("ok    ", Tone::Good) } else { output.paint("FAILED", Tone::Bad) }
}

/// A failure, each part in a line of its own.
fn lines(failure: &Failure) -> Vec<String> {
    let parts = [
        ("question", &failure.question),
        ("expected", &failure.expected),
        ("got", &failure.got),
        ("decided by", &failure.decided_by),
    ];
    let said = parts.into_iter().filter(|(_, said)| !said.is_empty());
    said.map(|(name, said)| format!("{name:<10}  {said}")).collect()
}

#[cfg(test)]
mod tests;
