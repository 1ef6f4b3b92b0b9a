//! `lockbox policy check`: what would not load, and what loads but is hardly meant. For people, for
//! programs (JSON, SARIF 2.1.0) and as annotations of a GitHub workflow.

mod github;
mod sarif;

use super::super::Exit;
use super::super::error::CliError;
use super::super::output::{Format, Output, Tone};
use crate::clock::{Boot, Clock, SystemClock};
use crate::policy::symbolic::{Limits, Prover, Wanted, on_deep_stack};
use crate::policy::{CheckReport, Finding, RULES, Severity, check, rule};
use core::time::Duration;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

/// Say everything that keeps the policies from loading, and what loads but is hardly meant.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox policy check policies\n  lockbox policy check --deny-warnings --output sarif > check.sarif\n  lockbox policy check --explain forbid-can-error\n\nExit code 3 when policies or suites do not load, and with --deny-warnings also when there is a warning.\ndocs/policy-rules.md lists the rules."
)]
pub(super) struct Args {
    /// A folder of policies, or one with `policies/`, `schemas/` and `tests/` in it.
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Count warnings as errors.
    #[arg(long)]
    deny_warnings: bool,
    /// Leave out the lints that take a solver (cvc5, named by CVC5 or found on the PATH).
    #[arg(long)]
    no_solver: bool,
    /// How many seconds the solver may think about one query.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Print what a rule means, and check nothing.
    #[arg(long, value_name = "CODE", conflicts_with_all = ["dir", "deny_warnings", "no_solver"])]
    explain: Option<String>,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let Args { dir, deny_warnings, no_solver, timeout, explain } = args;
    output.takes(&[Format::Text, Format::Json, Format::Sarif, Format::Github])?;
    if let Some(code) = explain {
        return explained(&code, output);
    }
    let report = on_deep_stack(|| {
        let limits = Limits { query: Duration::from_secs(timeout), ..Limits::default() };
        let mut prover = (!no_solver).then(|| Prover::find(limits, Wanted::Best));
        let mut looking = Looking::begin();
        let report = check(&dir, prover.as_mut(), &mut |policy| looking.at(policy));
        looking.end();
        report
    })?;
    answer(&report, output)?;
    let fine = report.is_good() && (report.is_clean() || !deny_warnings);
    Ok(if fine { Exit::Fine } else { Exit::PoliciesInvalid })
}

/// Which policy the solver is busy with: one line on a terminal, from the second second on.
struct Looking {
    began: Boot,
    said: bool,
}

impl Looking {
    fn begin() -> Self {
        Self { began: SystemClock.boot(), said: false }
    }

    fn at(&mut self, policy: &str) {
        if std::io::stderr().is_terminal() && SystemClock.boot().since(self.began) >= Duration::from_secs(1) {
            self.said = true;
            let _lost = write!(std::io::stderr(), "\r\x1b[2Kproving: {policy} (--no-solver skips this)");
        }
    }

    fn end(&self) {
        if self.said {
            let _lost = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

fn answer(report: &CheckReport, output: &Output) -> Result<(), CliError> {
    let root = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    match output.format() {
        Format::Sarif => {
            let sarif = sarif::document(report, &root);
            output.print(&serde_json::to_string_pretty(&sarif).map_err(CliError::failed)?)
        }
        Format::Github => {
            let lines: Vec<String> = report.findings.iter().map(|finding| github::annotation(finding, &root)).collect();
            if lines.is_empty() { Ok(()) } else { output.print(&lines.join("\n")) }
        }
        _ => {
            let json = serde_json::to_value(report).map_err(CliError::failed)?;
            output.answer(&json, || shown(report, output))
        }
    }
}

fn explained(code: &str, output: &Output) -> Result<Exit, CliError> {
    let Some(rule) = rule(code) else {
        let nearest = RULES.iter().min_by_key(|rule| strsim::damerau_levenshtein(code, rule.code));
        let nearest = nearest.map(|rule| rule.code).unwrap_or_default();
        return Err(CliError::Usage(format!("there is no rule `{code}`: did you mean `{nearest}`?")));
    };
    let severity = severity(rule.severity);
    let json = serde_json::json!({
        "code": rule.code, "severity": severity, "what": rule.what, "why": rule.why, "remedy": rule.remedy,
    });
    output.answer(&json, || format!("{severity}[{}]: {}\n\n{}\n\n{}", rule.code, rule.what, rule.why, rule.remedy))?;
    Ok(Exit::Fine)
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// A file as tools that know only the checkout name it: relative to `root`, with `/`.
fn relative(file: &str, root: &Path) -> Option<String> {
    use std::path::Component;
    let path = Path::new(file);
    let below = if path.is_absolute() { path.strip_prefix(root).ok()? } else { path };
    let mut parts: Vec<&str> = Vec::new();
    for part in below.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::CurDir => {}
            // `a/../b` is `b` only where `a` is no link; what leads out of the root cannot be named.
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

pub(super) fn shown(report: &CheckReport, output: &Output) -> String {
    let mut text: String = report.findings.iter().map(|finding| format!("{}\n\n", found(finding, output))).collect();
    let warnings = report.findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
    let errors = report.findings.len().saturating_sub(warnings);
    if let Some(first) = report.not_run.first() {
        let codes: Vec<&str> = report.not_run.iter().map(|not| not.code).collect();
        text.push_str(&format!("{}: {} ({})\n", output.paint("not run", Tone::Open), codes.join(", "), first.why));
    }
    for what in &report.undecided {
        text.push_str(&format!("{}: {what}\n", output.paint("undecided", Tone::Open)));
    }
    text.push_str(&match &report.digest {
        Some(digest) if errors == 0 => format!(
            "{}: {} policies, {warnings} warnings\nrevision {digest}",
            output.paint("fine", Tone::Good),
            report.policies
        ),
        Some(_) => {
            format!("{}: {errors} errors", output.paint("the policies load, but their suites do not", Tone::Bad))
        }
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

#[cfg(test)]
mod tests;
