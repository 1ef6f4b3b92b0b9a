//! Running what has been made ready: every question is asked, and what is not as expected is reported.

use super::super::load::PolicySet;
use super::Cases;
use super::coverage::{Coverage, Tally};
use super::prepare::ReadyTest;
use core::fmt;
use serde::Serialize;

/// What running suites found.
#[derive(Debug, Clone, Serialize)]
pub struct CaseReport {
    /// The suites, in the order of their files.
    pub suites: Vec<SuiteReport>,
    /// How many tests passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// Which conditions some test decided by.
    pub coverage: Coverage,
}

/// One suite.
#[derive(Debug, Clone, Serialize)]
pub struct SuiteReport {
    /// Its file.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Its tests.
    pub tests: Vec<TestReport>,
}

/// One test.
#[derive(Debug, Clone, Serialize)]
pub struct TestReport {
    /// Its name.
    pub name: String,
    /// What was not as expected; empty when it passed.
    pub failures: Vec<Failure>,
}

/// One question that was not answered as expected.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// The question, as a person reads it.
    pub question: String,
    /// What was expected.
    pub expected: String,
    /// What was answered.
    pub got: String,
    /// The condition that decided; empty for an allow.
    pub decided_by: String,
}

impl CaseReport {
    /// Whether all passed, and there was something to pass.
    pub fn is_good(&self) -> bool {
        self.failed == 0 && self.passed > 0
    }
}

impl fmt::Display for CaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for suite in &self.suites {
            writeln!(f, "{} ({})", suite.name, suite.file)?;
            for test in &suite.tests {
                writeln!(f, "  {} {}", if test.failures.is_empty() { "ok    " } else { "FAILED" }, test.name)?;
                for failure in &test.failures {
                    writeln!(f, "    question: {}", failure.question)?;
                    writeln!(f, "    expected: {}", failure.expected)?;
                    writeln!(f, "    got:      {}", failure.got)?;
                    if !failure.decided_by.is_empty() {
                        writeln!(f, "    decided:  {}", failure.decided_by)?;
                    }
                }
            }
        }
        write!(f, "{} passed, {} failed; {}", self.passed, self.failed, self.coverage)
    }
}

/// Runs the tests whose `suite: test` name `only` accepts against a set.
pub fn run_cases(set: &PolicySet, cases: &Cases, only: &dyn Fn(&str) -> bool) -> CaseReport {
    let mut tally = Tally::of(set);
    let mut reports = Vec::new();
    for suite in &cases.suites {
        let mut tests = Vec::new();
        for test in &suite.tests {
            let name = format!("{}: {}", suite.name, test.name);
            if only(&name) {
                tests.push(TestReport { name: test.name.clone(), failures: run(set, test, &name, &mut tally) });
            }
        }
        reports.push(SuiteReport { file: suite.file.clone(), name: suite.name.clone(), tests });
    }
    let all = || reports.iter().flat_map(|suite| &suite.tests);
    let passed = all().filter(|test| test.failures.is_empty()).count();
    let failed = all().count() - passed;
    CaseReport { passed, failed, coverage: tally.coverage(), suites: reports }
}

fn run(set: &PolicySet, test: &ReadyTest, name: &str, tally: &mut Tally<'_>) -> Vec<Failure> {
    let mut failures = Vec::new();
    for question in &test.questions {
        let answer = question.put.ask(set, &mut |request, entities| tally.count(name, request, entities));
        failures.extend(question.expected.differs(&answer).map(|(expected, got)| Failure {
            question: question.shown.clone(),
            expected,
            got,
            decided_by: question.put.decided_by(set, &answer),
        }));
    }
    failures
}

/// The name (`suite: test`) of the first test that a set of the same schema does not pass. Nothing is
/// read, counted or explained on the way: this is asked once for each of hundreds of mutants.
pub fn first_failure(set: &PolicySet, cases: &Cases) -> Option<String> {
    let fails = |test: &ReadyTest| {
        test.questions
            .iter()
            .any(|question| question.expected.differs(&question.put.ask(set, &mut |_, _| {})).is_some())
    };
    cases.suites.iter().find_map(|suite| {
        let test = suite.tests.iter().find(|test| fails(test))?;
        Some(format!("{}: {}", suite.name, test.name))
    })
}
