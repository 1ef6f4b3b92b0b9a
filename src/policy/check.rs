//! `policy check`: everything that would be refused at load, and cheap lints about what loads but is
//! probably not meant.

use super::files::{Layout, SourceFile, Sources};
use super::finding::{Finding, Severity};
use super::load::PolicySet;
use cedar_policy::pst::{BinaryOp, Clause, Expr};
use cedar_policy::{Effect, Policy};
use core::fmt;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The findings: errors first, then by place.
    pub findings: Vec<Finding>,
    /// The policy revision; absent when the set does not load.
    pub digest: Option<String>,
    /// How many policies there are; 0 when the set does not load.
    pub policies: usize,
}

impl CheckReport {
    /// Whether the set loads.
    pub fn is_good(&self) -> bool {
        self.digest.is_some()
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

/// Checks the set in or around a directory.
pub fn check(dir: &Path) -> CheckReport {
    let layout = Layout::find(dir);
    match Sources::read(&layout.policies, &layout.schema) {
        Ok(sources) => check_sources(&sources),
        Err(error) => refused(error.findings),
    }
}

/// Checks a set that has been read.
pub fn check_sources(sources: &Sources) -> CheckReport {
    match PolicySet::from_sources(sources) {
        Ok(set) => {
            let mut findings = lint(&set, sources);
            findings.sort_by(|a, b| (&a.file, a.line, a.code).cmp(&(&b.file, b.line, b.code)));
            CheckReport { findings, digest: Some(set.digest().to_owned()), policies: set.policies().count() }
        }
        Err(error) => refused(error.findings),
    }
}

fn refused(findings: Vec<Finding>) -> CheckReport {
    CheckReport { findings, digest: None, policies: 0 }
}

fn lint(set: &PolicySet, sources: &Sources) -> Vec<Finding> {
    let mut findings = Vec::new();
    for policy in set.cedar().policies() {
        let id = policy.id().to_string();
        let Some(info) = set.policy(&id) else { continue };
        let Some(file) = sources.policies.iter().find(|file| file.name == info.file) else {
            continue;
        };
        let mut warn = |code, message: String, help: &str| {
            let finding = Finding::file(code, &file.name, message, help).warning();
            findings.push(finding.at_text(&file.text, &format!("@id(\"{id}\")")));
        };
        for (key, given) in [("reason", &info.reason), ("advice", &info.advice), ("owner", &info.owner)] {
            if given.is_none() {
                warn(
                    "annotation-missing",
                    format!("`{id}` has no `@{key}`"),
                    "write it: a denial is answered with it, or it says whom to ask",
                );
            }
        }
        if policy.get_valid_request_envs(&set.schema).next().is_none() {
            warn(
                "policy-never-applies",
                format!("`{id}` can never apply"),
                "its scope and conditions exclude each other: correct or delete it",
            );
        }
        if policy.effect() == Effect::Forbid && computes(policy) {
            warn(
                "forbid-can-error",
                format!("`{id}` computes, and a forbid that overflows does not forbid"),
                "compare without arithmetic; Lockbox denies on every error, so an overflow stops everybody",
            );
        }
        if super::TimeUse::of(policy).opaque {
            warn(
                "time-opaque",
                format!("`{id}` reads `context.now` in a way whose next change cannot be foreseen"),
                "compare it with a `datetime` literal or the Grant's window: answers can then be kept",
            );
        }
    }
    findings.extend(sources.policies.iter().filter_map(no_newline));
    findings
}

fn no_newline(file: &SourceFile) -> Option<Finding> {
    let crlf = file.text.contains('\r');
    crlf.then(|| {
        Finding::file("line-ends", &file.name, "the file has carriage returns", "save it with LF line ends").warning()
    })
}

/// Whether a policy does arithmetic, which can overflow.
fn computes(policy: &Policy) -> bool {
    let Ok(pst) = policy.to_pst() else { return true };
    pst.body().clauses().iter().any(|clause| {
        let (Clause::When(condition) | Clause::Unless(condition)) = clause;
        reckons(condition)
    })
}

fn reckons(expr: &Expr) -> bool {
    let any = |parts: &[&Arc<Expr>]| parts.iter().any(|part| reckons(part));
    match expr {
        Expr::Literal(_) | Expr::Var(_) | Expr::Slot(_) => false,
        Expr::UnaryOp { op, expr } => *op == cedar_policy::pst::UnaryOp::Neg || reckons(expr),
        Expr::BinaryOp { op, left, right } => {
            let overflows = [BinaryOp::Add, BinaryOp::Sub, BinaryOp::Mul, BinaryOp::Offset, BinaryOp::DurationSince];
            overflows.contains(op) || any(&[left, right])
        }
        Expr::GetAttr { expr, .. } | Expr::HasAttr { expr, .. } | Expr::Like { expr, .. } => reckons(expr),
        Expr::Is { expr, in_expr, .. } => reckons(expr) || in_expr.as_ref().is_some_and(|expr| reckons(expr)),
        Expr::IfThenElse { cond, then_expr, else_expr } => any(&[cond, then_expr, else_expr]),
        Expr::Set(elements) => elements.iter().any(|expr| reckons(expr)),
        Expr::Record(fields) => fields.values().any(|expr| reckons(expr)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::with;
    use super::*;

    fn codes(policy: &str) -> Vec<&'static str> {
        check_sources(&with(policy)).findings.into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn the_shipped_set_has_no_finding() {
        let report = check_sources(&Sources::shipped());
        assert_eq!(report.findings, Vec::new(), "{report}");
        assert!(report.is_good());
    }

    #[test]
    fn what_loads_but_is_hardly_meant_is_warned_of() {
        let noted = "@id(\"x\") @reason(\"r\") @advice(\"a\") @owner(\"o\")";
        let scope =
            "(principal is Lockbox::Engineer, action == Lockbox::Action::\"read\", resource is Lockbox::Content)";
        assert_eq!(
            codes(&format!("@id(\"x\") @owner(\"o\") forbid {scope} when {{ principal.suspended }};")),
            ["annotation-missing"; 2]
        );
        let computing =
            format!("{noted} forbid {scope} when {{ principal has clearance && principal.clearance + 1 < 3 }};");
        assert_eq!(codes(&computing), ["forbid-can-error"]);
        let hours = format!("{noted} forbid {scope} when {{ context.now.toTime() < duration(\"6h\") }};");
        assert_eq!(codes(&hours), ["time-opaque"]);
    }
}
