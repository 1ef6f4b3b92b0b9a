//! The page of `policy coverage`: each policy as it is written, every condition marked with how it is
//! seen to decide, and below it the tests that show so. One file without scripts; it fetches nothing.

use super::{Decides, counts};
use crate::policy::cases::{CaseReport, Covered, MarkedFile, Piece, Span};
use askama::Template;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Template)]
#[template(path = "coverage.html")]
struct Page {
    percent: usize,
    covered: usize,
    total: usize,
    passed: usize,
    failing: Vec<String>,
    missing: Vec<Link>,
    policies: Vec<Line>,
    files: Vec<File>,
}

/// What is not covered, and where it stands.
struct Link {
    to: String,
    policy: String,
    condition: String,
    said: &'static str,
}

/// A policy in the table of contents.
struct Line {
    id: String,
    effect: &'static str,
    covered: usize,
    conditions: usize,
    tests: usize,
    whole: bool,
}

struct File {
    name: String,
    parts: Vec<Part>,
}

enum Part {
    Between(String),
    Policy(Policy),
}

struct Policy {
    id: String,
    effect: &'static str,
    decided: Vec<Suite>,
    tests: usize,
    spans: Vec<Marked>,
    conditions: Vec<Condition>,
}

/// A piece of source; `class` is empty for what is no condition.
struct Marked {
    text: String,
    class: &'static str,
    said: &'static str,
    numbers: Vec<usize>,
}

struct Condition {
    number: usize,
    text: String,
    class: &'static str,
    said: &'static str,
    placed: bool,
    allowed: Vec<Suite>,
    denied: Vec<Suite>,
    allows: usize,
    denies: usize,
}

/// Tests of one suite.
struct Suite {
    name: String,
    tests: Vec<String>,
}

/// The page, as HTML.
pub(super) fn page(report: &CaseReport, files: Vec<MarkedFile>) -> Result<String, askama::Error> {
    let (covered, total) = counts(report);
    let failing = report.suites.iter().flat_map(|suite| {
        let failed = suite.tests.iter().filter(|test| !test.failures.is_empty());
        failed.map(|test| format!("{}: {}", suite.name, test.name))
    });
    let page = Page {
        percent: report.coverage.percent(),
        covered,
        total,
        passed: report.passed,
        failing: failing.collect(),
        missing: report.coverage.policies.iter().flat_map(|(id, covered)| missing(id, covered)).collect(),
        policies: report.coverage.policies.iter().map(|(id, covered)| line(id, covered)).collect(),
        files: files.into_iter().map(|file| of_file(file, &report.coverage.policies)).collect(),
    };
    page.render()
}

fn effect(covered: &Covered) -> &'static str {
    if covered.permits { "permit" } else { "forbid" }
}

fn missing(id: &str, covered: &Covered) -> Vec<Link> {
    let mut missing = Vec::new();
    if covered.decided.is_empty() {
        let (policy, condition) = (id.to_owned(), "the policy as a whole".to_owned());
        missing.push(Link { to: id.to_owned(), policy, condition, said: Decides::Never.said() });
    }
    for (number, condition) in (1..).zip(&covered.conditions) {
        let decides = Decides::of_condition(condition);
        if decides != Decides::Both {
            let (to, policy) = (format!("{id}-{number}"), id.to_owned());
            missing.push(Link { to, policy, condition: condition.text.clone(), said: decides.said() });
        }
    }
    missing
}

fn line(id: &str, covered: &Covered) -> Line {
    let both = |condition: &&_| Decides::of_condition(condition) == Decides::Both;
    let (conditions, done) = (covered.conditions.len(), covered.conditions.iter().filter(both).count());
    Line {
        id: id.to_owned(),
        effect: effect(covered),
        covered: done,
        conditions,
        tests: covered.decided.len(),
        whole: done == conditions && !covered.decided.is_empty(),
    }
}

fn of_file(file: MarkedFile, policies: &BTreeMap<String, Covered>) -> File {
    let nothing = Covered::default();
    let parts = file.pieces.into_iter().map(|piece| match piece {
        Piece::Between(text) => Part::Between(text),
        Piece::Policy { id, spans, unplaced } => {
            let covered = policies.get(&id).unwrap_or(&nothing);
            Part::Policy(of_policy(id, covered, spans, &unplaced))
        }
    });
    File { parts: parts.collect(), name: file.name }
}

fn of_policy(id: String, covered: &Covered, spans: Vec<Span>, unplaced: &[usize]) -> Policy {
    let conditions = covered.conditions.iter().enumerate().map(|(index, condition)| {
        let decides = Decides::of_condition(condition);
        Condition {
            number: index + 1,
            text: condition.text.clone(),
            class: decides.as_str(),
            said: decides.said(),
            placed: !unplaced.contains(&index),
            allows: condition.allowed.len(),
            denies: condition.denied.len(),
            allowed: by_suite(&condition.allowed),
            denied: by_suite(&condition.denied),
        }
    });
    Policy {
        effect: effect(covered),
        tests: covered.decided.len(),
        decided: by_suite(&covered.decided),
        spans: spans.into_iter().map(|span| of_span(span, covered)).collect(),
        conditions: conditions.collect(),
        id,
    }
}

/// A span that states several conditions decides as little as the least of them.
fn of_span(span: Span, covered: &Covered) -> Marked {
    let stated = || span.conditions.iter().filter_map(|index| covered.conditions.get(*index));
    let (class, said) = match stated().count() {
        0 => ("", ""),
        _ => {
            let allow = stated().all(|condition| !condition.allowed.is_empty());
            let decides = Decides::of(allow, stated().all(|condition| !condition.denied.is_empty()));
            (decides.as_str(), decides.said())
        }
    };
    Marked { class, said, numbers: span.conditions.iter().map(|index| index + 1).collect(), text: span.text }
}

/// Names as `suite: test`, put together by suite.
fn by_suite(names: &BTreeSet<String>) -> Vec<Suite> {
    let mut suites: Vec<Suite> = Vec::new();
    for name in names {
        let (suite, test) = name.split_once(": ").unwrap_or(("", name));
        match suites.last_mut().filter(|last| last.name == suite) {
            Some(last) => last.tests.push(test.to_owned()),
            None => suites.push(Suite { name: suite.to_owned(), tests: vec![test.to_owned()] }),
        }
    }
    suites
}
