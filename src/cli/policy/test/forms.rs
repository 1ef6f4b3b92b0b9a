//! Results of policy tests in forms of their own: a tree for people, JUnit's XML for build servers.

use super::super::super::output::{Output, Tone};
use super::{lines, summary, verdict_of};
use crate::policy::cases::{CaseReport, SuiteReport, TestReport};
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

/// Suites with their tests as a tree, failures below their test.
pub(super) fn tree(report: &CaseReport, coverage: bool, output: &Output) -> String {
    let mut text = String::new();
    for suite in tried(report) {
        let failed = suite.tests.iter().filter(|test| !test.failures.is_empty()).count();
        let count = match failed {
            0 => output.paint(&format!("{} passed", suite.tests.len()), Tone::Good),
            failed => output.paint(&format!("{failed} of {} failed", suite.tests.len()), Tone::Bad),
        };
        let file = output.paint(&suite.file, Tone::Faint);
        text.push_str(&format!("{}  {count}  {file}\n", suite.name));
        for (number, test) in suite.tests.iter().enumerate() {
            let (branch, below) = if number + 1 == suite.tests.len() { ("└─", "  ") } else { ("├─", "│ ") };
            text.push_str(&format!("{branch} {} {}\n", verdict_of(test, output), test.name));
            for line in test.failures.iter().flat_map(lines) {
                text.push_str(&format!("{below}        {line}\n"));
            }
        }
        text.push('\n');
    }
    text.push_str(&summary(report, coverage, output));
    text
}

/// JUnit's XML: a suite a `testsuite`, a test a `testcase`.
pub(super) fn junit(report: &CaseReport) -> Result<String, SerializeError> {
    let mut all = Report::new("lockbox policy test");
    for suite in tried(report) {
        let mut shown = TestSuite::new(&*suite.name);
        shown.extra.insert("file".into(), (&*suite.file).into());
        shown.add_test_cases(suite.tests.iter().map(|test| case(suite, test)));
        all.add_test_suite(shown);
    }
    all.to_string()
}

fn case(suite: &SuiteReport, test: &TestReport) -> TestCase {
    let status = match test.failures.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let mut failed = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let said: Vec<String> = test.failures.iter().map(|failure| lines(failure).join("\n")).collect();
            failed
                .set_message(format!("expected {}, got {}", first.expected, first.got))
                .set_type("policy")
                .set_description(said.join("\n\n"));
            failed
        }
    };
    let mut case = TestCase::new(&*test.name, status);
    case.set_classname(&*suite.name);
    case.extra.insert("file".into(), (&*suite.file).into());
    case
}

/// The suites of which some test was run.
fn tried(report: &CaseReport) -> impl Iterator<Item = &SuiteReport> {
    report.suites.iter().filter(|suite| !suite.tests.is_empty())
}
