//! `policy check`: everything that would be refused at load, and cheap lints about what loads but is
//! probably not meant.

mod characters;
mod lints;
mod proofs;
mod suites;

use super::files::{Layout, SourceFile, Sources};
use super::finding::{Finding, Severity};
use super::load::PolicySet;
use super::symbolic::{Means, Prover};
use core::fmt;
use lints::Places;
use serde::Serialize;
use std::path::Path;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The findings: errors first, then by place.
    pub findings: Vec<Finding>,
    /// The policy revision; absent when the set does not load.
    pub digest: Option<String>,
    /// How many policies there are; 0 when the set does not load.
    pub policies: usize,
    /// The lints that did not run, and why.
    pub not_run: Vec<NotRun>,
    /// What the solver left open.
    pub undecided: Vec<String>,
}

/// A lint that did not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotRun {
    /// Its code.
    pub code: &'static str,
    /// Why not.
    pub why: String,
}

impl CheckReport {
    /// Whether the set loads and its suites can be run.
    pub fn is_good(&self) -> bool {
        self.digest.is_some() && self.findings.iter().all(|finding| finding.severity == Severity::Warning)
    }

    /// Whether there is nothing to complain of at all.
    pub fn is_clean(&self) -> bool {
        self.digest.is_some() && self.findings.is_empty()
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}\n")?;
        }
        let count = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        match &self.digest {
            Some(digest) => write!(f, "{} policies, {warnings} warnings; revision {digest}", self.policies),
            None => write!(f, "{errors} errors, {warnings} warnings: the set does not load"),
        }
    }
}

/// Checks the set in or around a directory, and the suites beside it; with a solver also what only a
/// proof can tell. `told` hears of each policy that is looked at with it.
pub fn check(dir: &Path, prover: Option<&mut Prover>, told: &mut dyn FnMut(&str)) -> CheckReport {
    let layout = Layout::find(dir);
    match Sources::read(&layout.policies, &layout.schema) {
        Ok(sources) => checked(&sources, Some(&layout), prover, told),
        Err(error) => refused(error.findings),
    }
}

/// Checks a set that has been read.
pub fn check_sources(sources: &Sources, prover: Option<&mut Prover>) -> CheckReport {
    checked(sources, None, prover, &mut |_| {})
}

fn checked(
    sources: &Sources,
    layout: Option<&Layout>,
    prover: Option<&mut Prover>,
    told: &mut dyn FnMut(&str),
) -> CheckReport {
    let mut findings: Vec<Finding> = files(sources).flat_map(characters::look).collect();
    findings.extend(files(sources).filter_map(carriage_returns));
    let mut report = match PolicySet::from_sources(sources) {
        Ok(set) => {
            let places = Places::of(sources);
            findings.extend(lints::look(&set, &places));
            findings.extend(layout.into_iter().flat_map(|layout| suites::look(&set, layout)));
            let digest = Some(set.digest().to_owned());
            let mut report = CheckReport { digest, policies: set.policies().count(), ..refused(findings) };
            match prover {
                Some(prover) if prover.proves() => {
                    let proved = proofs::look(&set, &places, prover, told);
                    report.findings.extend(proved.findings);
                    report.undecided = proved.undecided;
                }
                prover => report.not_run = not_run(prover.as_deref()),
            }
            report
        }
        Err(error) => {
            findings.extend(error.findings);
            refused(findings)
        }
    };
    let place = |finding: &Finding| (finding.file.clone(), finding.line, finding.column, finding.code);
    report.findings.sort_by_cached_key(|finding| (core::cmp::Reverse(finding.severity), place(finding)));
    report.findings.dedup();
    report
}

fn files(sources: &Sources) -> impl Iterator<Item = &SourceFile> {
    [&sources.schema].into_iter().chain(&sources.policies).chain(&sources.invariants)
}

fn refused(findings: Vec<Finding>) -> CheckReport {
    CheckReport { findings, digest: None, policies: 0, not_run: Vec::new(), undecided: Vec::new() }
}

fn not_run(prover: Option<&Prover>) -> Vec<NotRun> {
    let why = match prover.map(Prover::means) {
        Some(Means::Enumeration { why }) => format!("it takes a solver: {why}"),
        _ => "it takes a solver, and none was wanted".to_owned(),
    };
    proofs::CODES.iter().map(|code| NotRun { code, why: why.clone() }).collect()
}

fn carriage_returns(file: &SourceFile) -> Option<Finding> {
    let crlf = file.text.contains('\r');
    crlf.then(|| {
        Finding::file("line-ends", &file.name, "the file has carriage returns", "save it with LF line ends").warning()
    })
}

#[cfg(test)]
mod tests;
