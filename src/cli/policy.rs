//! `lockbox policy`: the policy workbench: what would not load, and what the suites say.

use super::Exit;
use super::error::CliError;
use super::output::{Output, Tone};
use crate::policy::cases::{CaseReport, Coverage, TestReport, test_dir};
use crate::policy::{CheckReport, Finding, Severity, check};
use clap::Subcommand;
use regex::Regex;
use std::path::PathBuf;

/// Check and test Cedar policies.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lockbox policy check\n  lockbox policy test --coverage --threshold 100")]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say everything that keeps the policies from loading, and what loads but is hardly meant.
    #[command(
        after_help = "Example:\n  lockbox policy check policies\n\nExit code 3 when the policies do not load; warnings are no failure."
    )]
    Check {
        /// A folder of policies, or one with `policies/` and `schemas/` in it.
        #[arg(value_name = "DIR", default_value = ".")]
        dir: PathBuf,
    },
    /// Run the test suites (`*.yaml`), and print what fails.
    #[command(
        after_help = "Example:\n  lockbox policy test --run 'device' --coverage\n\nExit code 3 when policies or suites do not load, 4 when a test fails, none matches, or the coverage is\nbelow the threshold."
    )]
    Test {
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
    },
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    match args.verb {
        Verb::Check { dir } => {
            let report = check(&dir);
            let json = serde_json::to_value(&report).map_err(CliError::failed)?;
            output.answer(&json, || checked(&report, output))?;
            Ok(if report.is_good() { Exit::Fine } else { Exit::PoliciesInvalid })
        }
        Verb::Test { dir, run, coverage, threshold } => {
            let report = test_dir(&dir, &|name| run.as_ref().is_none_or(|run| run.is_match(name)))?;
            let json = serde_json::to_value(&report).map_err(CliError::failed)?;
            output.answer(&json, || tested(&report, coverage, output))?;
            Ok(verdict(&report, threshold, output))
        }
    }
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

fn checked(report: &CheckReport, output: &Output) -> String {
    let mut text: String = report.findings.iter().map(|finding| format!("{}\n\n", found(finding, output))).collect();
    let warnings = report.findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
    let errors = report.findings.len().saturating_sub(warnings);
    text.push_str(&match &report.digest {
        Some(digest) => format!(
            "{}: {} policies, {warnings} warnings\nrevision {digest}",
            output.paint("fine", Tone::Good),
            report.policies
        ),
        None => {
            format!("{}: {errors} errors, {warnings} warnings", output.paint("the policies do not load", Tone::Bad))
        }
    });
    text
}

/// A finding with its excerpt and caret, its severity in colour.
fn found(finding: &Finding, output: &Output) -> String {
    let tone = match finding.severity {
        Severity::Warning => Tone::Open,
        Severity::Error => Tone::Bad,
    };
    let text = finding.to_string();
    match text.split_once(": ") {
        Some((severity, rest)) => format!("{}: {rest}", output.paint(severity, tone)),
        None => text,
    }
}

fn tested(report: &CaseReport, coverage: bool, output: &Output) -> String {
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

#[cfg(test)]
mod tests {
    use super::super::output::{ColorWhen, Format};
    use super::*;
    use clap::Parser;
    use std::path::Path;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        args: Args,
    }

    fn ends(words: &[&str]) -> Result<Exit, CliError> {
        let args = Only::try_parse_from([&["x"], words].concat()).unwrap().args;
        run(args, &Output::new(Format::Text, ColorWhen::Never))
    }

    const HERE: &str = env!("CARGO_MANIFEST_DIR");

    /// A copy of the shipped files with one of them changed.
    fn changed(file: &str, from: &str, to: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for below in ["policies", "schemas", "tests/policies"] {
            std::fs::create_dir_all(dir.path().join(below)).unwrap();
            for entry in std::fs::read_dir(Path::new(HERE).join(below)).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_file() {
                    std::fs::copy(entry.path(), dir.path().join(below).join(entry.file_name())).unwrap();
                }
            }
        }
        let path = dir.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "`{from}` is not in {file}");
        std::fs::write(path, text.replacen(from, to, 1)).unwrap();
        dir
    }

    #[test]
    fn the_shipped_policies_are_fine_and_their_suites_pass() {
        assert_eq!(ends(&["check", HERE]).unwrap(), Exit::Fine);
        assert_eq!(ends(&["test", HERE, "--threshold", "100"]).unwrap(), Exit::Fine);
    }

    #[test]
    fn what_does_not_load_ends_with_3_and_shows_the_place() {
        let dir = changed("policies/guardrails.cedar", "context.device_managed", "context.device_managd");
        let path = dir.path().to_str().unwrap();
        assert_eq!(ends(&["check", path]).unwrap(), Exit::PoliciesInvalid);
        assert_eq!(ends(&["test", path]).unwrap_err().exit(), Exit::PoliciesInvalid);
        let text = checked(&check(dir.path()), &Output::new(Format::Text, ColorWhen::Never));
        assert!(text.contains("guardrails.cedar:") && text.contains("^^^"), "{text}");
        assert!(text.ends_with("warnings") && text.contains("the policies do not load"), "{text}");
    }

    #[test]
    fn a_failed_test_ends_with_4_and_says_which() {
        let dir = changed("policies/guardrails.cedar", "!context.device_managed", "context.device_managed");
        assert_eq!(ends(&["test", dir.path().to_str().unwrap()]).unwrap(), Exit::ProofFailed);
        let report = test_dir(dir.path(), &|_| true).unwrap();
        let text = tested(&report, false, &Output::new(Format::Text, ColorWhen::Never));
        assert!(text.contains("FAILED") && text.contains("expected"), "{text}");
    }

    #[test]
    fn too_few_tests_end_with_4() {
        assert_eq!(ends(&["test", HERE, "--run", "no such test"]).unwrap(), Exit::ProofFailed);
        assert_eq!(ends(&["test", HERE, "--run", "device"]).unwrap(), Exit::Fine);
        assert_eq!(ends(&["test", HERE, "--run", "device", "--threshold", "100"]).unwrap(), Exit::ProofFailed);
    }
}
