//! `lockbox policy check`: what would not load, and what loads but is hardly meant.

use super::super::Exit;
use super::super::error::CliError;
use super::super::output::{Format, Output, Tone};
use crate::policy::{CheckReport, Finding, Severity, check};
use std::path::PathBuf;

/// Say everything that keeps the policies from loading, and what loads but is hardly meant.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox policy check policies\n\nExit code 3 when the policies do not load; warnings are no failure."
)]
pub(super) struct Args {
    /// A folder of policies, or one with `policies/` and `schemas/` in it.
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let Args { dir } = args;
    output.takes(&[Format::Text, Format::Json])?;
    let report = check(&dir);
    let json = serde_json::to_value(&report).map_err(CliError::failed)?;
    output.answer(&json, || shown(&report, output))?;
    Ok(if report.is_good() { Exit::Fine } else { Exit::PoliciesInvalid })
}

pub(super) fn shown(report: &CheckReport, output: &Output) -> String {
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
