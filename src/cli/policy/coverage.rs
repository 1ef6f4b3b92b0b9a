//! `lockbox policy coverage`: by which tests each policy and condition decides, as text, as JSON, or in
//! the source itself as a page that stands alone.

mod page;

use super::super::Exit;
use super::super::error::CliError;
use super::super::output::{Format, Output, Tone};
use crate::policy::cases::{CaseReport, Covered, CoveredCondition, cover_dir};
use regex::Regex;
use serde_json::json;
use std::path::PathBuf;

/// Show by which tests each policy and each condition decides.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox policy coverage\n  lockbox policy coverage policies --output html --out coverage.html\n\nA condition is covered when it has decided an allow in one test and a deny in another. Exit code 3 when\npolicies or suites do not load, 4 when a test fails: what it covers is not what is meant. A threshold\nis kept by `lockbox policy test --threshold`."
)]
pub(super) struct Args {
    /// A folder of policies, or one with `policies/`, `schemas/` and `tests/` in it.
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Only tests whose `suite: test` matches.
    #[arg(long, value_name = "REGEX")]
    run: Option<Regex>,
    /// Write it to this file; without it to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How a condition, or a policy as a whole, is seen to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Decides {
    Never,
    Allow,
    Deny,
    Both,
}

impl Decides {
    fn of(allow: bool, deny: bool) -> Self {
        match (allow, deny) {
            (false, false) => Self::Never,
            (true, false) => Self::Allow,
            (false, true) => Self::Deny,
            (true, true) => Self::Both,
        }
    }

    fn of_condition(condition: &CoveredCondition) -> Self {
        Self::of(!condition.allowed.is_empty(), !condition.denied.is_empty())
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Both => "both",
        }
    }

    /// For a person.
    fn said(self) -> &'static str {
        match self {
            Self::Never => "never decided",
            Self::Allow => "decided an allow, never a deny",
            Self::Deny => "decided a deny, never an allow",
            Self::Both => "decided both an allow and a deny",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::Never => Tone::Bad,
            Self::Allow | Self::Deny => Tone::Open,
            Self::Both => Tone::Good,
        }
    }
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let Args { dir, run, out } = args;
    output.takes(&[Format::Text, Format::Json, Format::Html])?;
    let (report, files) = cover_dir(&dir, &|name| run.as_ref().is_none_or(|run| run.is_match(name)))?;
    let text = match output.format() {
        Format::Html => page::page(&report, files).map_err(CliError::failed)?,
        Format::Json => {
            let (covered, total) = counts(&report);
            let json = json!({
                "percent": report.coverage.percent(), "covered": covered, "total": total,
                "passed": report.passed, "failed": report.failed,
                "missing": report.coverage.missing(), "policies": report.coverage.policies,
            });
            serde_json::to_string_pretty(&json).map_err(CliError::failed)?
        }
        // A file has no colours.
        _ => shown(&report, &|text, tone| if out.is_none() { output.paint(text, tone) } else { text.to_owned() }),
    };
    match &out {
        None => output.print(&text)?,
        Some(path) => {
            std::fs::write(path, text + "\n")
                .map_err(|error| CliError::failed(format!("cannot write `{}`: {error}", path.display())))?;
            output.note(&format!("{} % covered: see {}", report.coverage.percent(), path.display()));
        }
    }
    if !report.is_good() {
        output.note(&format!("{} tests passed, {} failed: see `lockbox policy test`", report.passed, report.failed));
    }
    Ok(if report.is_good() { Exit::Fine } else { Exit::ProofFailed })
}

/// How many policies and conditions are covered, and how many there are.
fn counts(report: &CaseReport) -> (usize, usize) {
    let total = report.coverage.total();
    (total.saturating_sub(report.coverage.missing().len()), total)
}

fn shown(report: &CaseReport, paint: &dyn Fn(&str, Tone) -> String) -> String {
    let mut text = String::new();
    for (id, covered) in &report.coverage.policies {
        text.push_str(&of_policy(id, covered, paint));
    }
    let (covered, total) = counts(report);
    let percent = report.coverage.percent();
    let tone = if covered == total { Tone::Good } else { Tone::Open };
    text.push_str(&paint(&format!("{percent} %"), tone));
    text.push_str(&format!(": {covered} of {total} policies and conditions covered"));
    text
}

fn of_policy(id: &str, covered: &Covered, paint: &dyn Fn(&str, Tone) -> String) -> String {
    let effect = if covered.permits { "permit" } else { "forbid" };
    let said = match covered.decided.len() {
        0 => paint("never decided", Tone::Bad),
        1 => "decided in 1 test".to_owned(),
        tests => format!("decided in {tests} tests"),
    };
    let mut text = format!("{effect} {id}: {said}\n");
    for condition in &covered.conditions {
        let decides = Decides::of_condition(condition);
        let word = paint(&format!("{:<5}", decides.as_str()), decides.tone());
        let (allow, deny) = (condition.allowed.len(), condition.denied.len());
        text.push_str(&format!("  {word}  {allow:>3} allow {deny:>3} deny  {}\n", condition.text));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
