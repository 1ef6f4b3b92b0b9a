//! Running suites: each action of each test is one question to [`judge()`].

use super::super::finding::{Finding, LoadError};
use super::super::load::PolicySet;
use super::super::{Facts, Now, judge};
use super::coverage::{Coverage, Tally};
use super::suite::{self, Expected, GrantCase, Suite, TestCase};
use crate::domain::{
    Access, AccessRequestId, ActionName, Approval, ContentPath, ContentScope, Decision, Engineer, Evaluation, GrantId,
    NameError, PersonId, Scope, ServiceRequest, StateName, TenantFacts, TenantId, Timestamp, Window, WorkloadName,
};
use core::fmt;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

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

/// Runs suites against a set: the tests whose `suite: test` name `only` accepts.
///
/// # Errors
/// [`LoadError`] when a suite names what it does not define, or nothing that is a name.
pub fn run_cases(
    set: &PolicySet,
    suites: &[(String, Suite)],
    only: &dyn Fn(&str) -> bool,
) -> Result<CaseReport, LoadError> {
    let mut tally = Tally::of(set);
    let mut reports = Vec::new();
    for (file, suite) in suites {
        let wrong = |why: String| LoadError::from(Finding::file("suite-invalid", file, why, "correct it in the suite"));
        let world = World::of(suite).map_err(&wrong)?;
        let mut tests = Vec::new();
        for test in suite.tests.iter().filter(|test| only(&format!("{}: {}", suite.name, test.name))) {
            let failures = world.run(set, test, &mut tally).map_err(|why| wrong(format!("`{}`: {why}", test.name)))?;
            tests.push(TestReport { name: test.name.clone(), failures });
        }
        reports.push(SuiteReport { file: file.clone(), name: suite.name.clone(), tests });
    }
    let all = || reports.iter().flat_map(|suite| &suite.tests);
    let passed = all().filter(|test| test.failures.is_empty()).count();
    let failed = all().count() - passed;
    Ok(CaseReport { passed, failed, coverage: tally.coverage(), suites: reports })
}

/// A suite's definitions, made into facts.
struct World<'a> {
    now: Timestamp,
    suite: &'a Suite,
    engineers: BTreeMap<&'a str, Engineer>,
    tenants: BTreeMap<&'a str, TenantFacts>,
    grants: BTreeMap<&'a str, Arc<Access>>,
}

fn named(error: NameError) -> String {
    error.to_string()
}

fn missing(what: &str, name: &str) -> String {
    format!("there is no {what} `{name}` in the suite")
}

impl<'a> World<'a> {
    fn of(suite: &'a Suite) -> Result<Self, String> {
        let now = suite.now.parse().map_err(|error: crate::domain::TimeError| error.to_string())?;
        let mut world =
            Self { now, suite, engineers: BTreeMap::new(), tenants: BTreeMap::new(), grants: BTreeMap::new() };
        for (name, case) in &suite.engineers {
            let engineer = Engineer {
                id: PersonId::parse(&case.id).map_err(named)?,
                version: 1,
                teams: case.teams.clone(),
                clearance: case.clearance,
                country: case.country.clone(),
                suspended: case.suspended,
                attributes: suite::attributes(&case.attributes)?,
            };
            world.engineers.insert(name, engineer);
        }
        for (name, case) in &suite.tenants {
            let id = TenantId::parse(name).map_err(named)?;
            let facts = TenantFacts { id, lockbox: case.lockbox, attributes: suite::attributes(&case.attributes)? };
            world.tenants.insert(name, facts);
        }
        for (number, (name, case)) in (AccessRequestId::FIRST..).zip(&suite.grants) {
            let access = world.access(number, case).map_err(|why| format!("grant `{name}`: {why}"))?;
            world.grants.insert(name, Arc::new(access));
        }
        Ok(world)
    }

    fn access(&self, number: u64, case: &GrantCase) -> Result<Access, String> {
        let at = |text: &Option<String>| text.as_ref().map(|text| suite::instant(text, self.now)).transpose();
        let engineer = self.engineers.get(case.engineer.as_str()).ok_or_else(|| missing("engineer", &case.engineer))?;
        let state = StateName::parse(&case.state).ok_or_else(|| format!("`{}` is no state", case.state))?;
        let window = match (at(&case.from)?, at(&case.until)?) {
            (Some(starts_at), Some(expires_at)) => Some(Window { starts_at, expires_at }),
            (None, None) => None,
            _ => return Err("`from` and `until` go together".to_owned()),
        };
        if state == StateName::Active && window.is_none() {
            return Err("an active one needs `from` and `until`".to_owned());
        }
        let approval = Approval::parse(&case.approval).ok_or_else(|| format!("`{}` is no approval", case.approval))?;
        let actions: Result<_, NameError> = case.actions.iter().map(|action| ActionName::parse(action)).collect();
        let content: Result<_, NameError> = case.content.iter().map(|path| ContentPath::parse(path)).collect();
        let grant = GrantId::parse(&format!("00000000-0000-0000-0000-{number:012x}")).map_err(named)?;
        Ok(Access {
            id: AccessRequestId::new(number),
            engineer: engineer.id.clone(),
            tenant: TenantId::parse(&case.tenant).map_err(named)?,
            workload: WorkloadName::parse(&case.workload).map_err(named)?,
            service_request: ServiceRequest::parse(&case.service_request).map_err(named)?,
            state,
            scope: Scope {
                actions: actions.map_err(named)?,
                content: ContentScope::from_paths(content.map_err(named)?),
            },
            approval: window.map(|_| approval),
            grant: window.map(|_| grant),
            window,
            respond_by: at(&case.respond_by)?,
            ended_at: at(&case.ended)?,
        })
    }

    fn run(&self, set: &PolicySet, test: &TestCase, tally: &mut Tally<'_>) -> Result<Vec<Failure>, String> {
        let now = test.now.as_ref().map_or(Ok(self.now), |text| suite::instant(text, self.now))?;
        let engineer =
            self.engineers.get(test.ask.engineer.as_str()).ok_or_else(|| missing("engineer", &test.ask.engineer))?;
        let unknown = self.suite.engineers.get(&test.ask.engineer).is_some_and(|case| case.unknown);
        let grants: Result<Vec<Arc<Access>>, String> = test
            .ask
            .grants
            .iter()
            .map(|name| self.grants.get(name.as_str()).cloned().ok_or_else(|| missing("grant", name)))
            .collect();
        let grants = grants?;
        if let Some(action) = test.expect.keys().find(|action| !test.ask.actions.contains(*action)) {
            return Err(format!("`{action}` is expected but not asked"));
        }
        if let Some(id) = test.because.iter().find(|id| set.policy(id).is_none()) {
            return Err(format!("there is no policy `{id}`"));
        }
        let mut failures = Vec::new();
        for action in &test.ask.actions {
            let question = self.question(test, engineer, action)?;
            let tenant = self.tenants.get(question.tenant.as_str());
            let facts = Facts { tenant, engineer: (!unknown).then_some(engineer), accesses: &grants };
            let judged = judge(set, &question, &facts, Now::exactly(now));
            tally.count(&question, &facts, now);
            failures.extend(judged_wrong(test, action, judged.decision()).map(|(expected, got)| Failure {
                question: shown(&question, now),
                expected,
                got,
                decided_by: judged.decision().nearest.as_ref().map(|near| near.failed.clone()).unwrap_or_default(),
            }));
        }
        Ok(failures)
    }

    fn question(&self, test: &TestCase, engineer: &Engineer, action: &str) -> Result<Evaluation, String> {
        let ask = &test.ask;
        let content = self.suite.content.get(&ask.content).ok_or_else(|| missing("content", &ask.content))?;
        let path = content.id.as_ref().map(|id| ContentPath::parse(id)).transpose().map_err(named)?;
        let service_request = ask.service_request.as_ref().map(|text| ServiceRequest::parse(text));
        Ok(Evaluation {
            service_request: service_request.transpose().map_err(named)?,
            context: suite::attributes(&ask.context)?,
            engineer_stated: suite::attributes(&ask.engineer_stated)?,
            action_stated: suite::attributes(&ask.action_stated)?,
            content_stated: suite::attributes(&content.stated)?,
            ..Evaluation::new(
                engineer.id.clone(),
                ActionName::parse(action).map_err(named)?,
                TenantId::parse(&content.tenant).map_err(named)?,
                WorkloadName::parse(&content.workload).map_err(named)?,
                path,
            )
        })
    }
}

/// What was expected and what came, where they differ.
fn judged_wrong(test: &TestCase, action: &str, decision: &Decision) -> Option<(String, String)> {
    let allowed = test.expect.get(action) == Some(&Expected::Allow);
    let any = |wanted: bool| {
        test.ask.actions.iter().any(|action| (test.expect.get(action) == Some(&Expected::Allow)) == wanted)
    };
    let verdict = |allows: bool| if allows { "allow" } else { "deny" };
    let got = format!("{} ({})", verdict(decision.allows()), decision.reason.as_str());
    if decision.allows() != allowed {
        return Some((verdict(allowed).to_owned(), got));
    }
    if let Some(reason) = test.reason.as_ref().filter(|_| !allowed || !any(false))
        && reason != decision.reason.as_str()
    {
        return Some((format!("{} ({reason})", verdict(allowed)), got));
    }
    let because = test.because.iter().find(|id| !decision.policies.contains(id)).filter(|_| allowed || !any(true));
    because.map(|id| {
        (format!("{} because of `{id}`", verdict(allowed)), format!("{got} because of {:?}", decision.policies))
    })
}

fn shown(question: &Evaluation, now: Timestamp) -> String {
    let path = question.content.as_ref().map(|path| format!("/{path}")).unwrap_or_default();
    format!("{} {} {}/{}{path} at {now}", question.engineer, question.action, question.tenant, question.workload)
}
