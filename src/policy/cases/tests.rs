//! Tests of suites: the shipped ones pass and cover every condition; wrong ones say what is wrong.

mod explained;
mod json;

use super::super::testing::shipped;
use super::super::{PolicySet, Sources};
use super::{CaseReport, Cases, Suite, first_failure, run_cases, suite_schema};
use std::path::Path;

fn here(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn run_shipped(set: &PolicySet) -> CaseReport {
    run_cases(set, &Cases::read(set, &here("tests/policies")).unwrap(), &|_| true)
}

fn run(text: &str) -> Result<CaseReport, String> {
    let suite = Suite::parse("suite.yaml", text).map_err(|error| error.to_string())?;
    let cases = Cases::of(shipped(), &[("suite.yaml".to_owned(), suite)]).map_err(|error| error.to_string())?;
    Ok(run_cases(shipped(), &cases, &|_| true))
}

#[test]
fn the_shipped_suites_pass_and_cover_every_policy_and_condition() {
    let report = run_shipped(shipped());
    assert!(report.is_good(), "{report}");
    assert_eq!(report.coverage.missing(), Vec::<String>::new(), "{report}");
    assert!(report.passed > 30 && report.coverage.total() > 15, "{report}");
}

#[test]
fn the_shipped_files_are_the_embedded_ones() {
    let read = Sources::read(&here("policies"), &here("schemas/lockbox.cedarschema")).unwrap();
    assert_eq!(read.digest(), Sources::shipped().digest());
}

#[test]
fn the_schema_of_suites_is_checked_in() {
    let path = here("schemas/policy-suite.schema.json");
    if std::env::var_os("LOCKBOX_REGENERATE").is_some() {
        std::fs::write(&path, suite_schema()).unwrap();
    }
    let help = "run the tests once with LOCKBOX_REGENERATE=1";
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), suite_schema(), "{help}");
}

#[test]
fn a_policy_without_its_test_is_reported() {
    let mut sources = Sources::shipped();
    let guardrails = sources.policies.iter_mut().find(|file| file.name.ends_with("guardrails.cedar")).unwrap();
    let more = "\n@id(\"stop-weak-sign-in\") forbid (principal, action == Lockbox::Action::\"read\", resource is Lockbox::Content) when { context has authentication_strength && context.authentication_strength < 2 };";
    guardrails.text = format!("{}{more}", guardrails.text).into();
    let set = PolicySet::from_sources(&sources).unwrap();
    let missing = run_shipped(&set).coverage.missing();
    assert!(missing.iter().any(|what| what == "stop-weak-sign-in"), "{missing:?}");
}

const SMALL: &str = "
name: small
now: 2026-11-22T09:30:00Z
engineers: { ana: { id: ana@provider.example } }
tenants: { contoso: {} }
content: { inbox: { tenant: contoso, workload: exchange } }
grants: { live: { engineer: ana, tenant: contoso, workload: exchange, actions: [read], from: -10m, until: +2h } }
tests:
  - name: one
    ask: { engineer: ana, content: inbox, actions: [read, modify], grants: [live], context: { device_managed: true } }
";

#[test]
fn what_is_not_listed_is_expected_to_be_denied() {
    let report = run(SMALL).unwrap();
    assert_eq!((report.passed, report.failed), (0, 1));
    let text = report.to_string();
    for line in [
        "FAILED one",
        "question: ana@provider.example read contoso/exchange at 2026-11-22T09:30:00.000Z",
        "expected: deny",
        "got:      allow (grant_active)",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let good = run(&format!("{SMALL}    expect: {{ read: allow }}\n    reason: out_of_scope\n")).unwrap();
    assert!(good.is_good(), "{good}");
}

#[test]
fn a_wrong_expectation_shows_the_condition_that_decided() {
    let text = SMALL.replace("device_managed: true", "device_managed: false");
    let report = run(&format!("{text}    expect: {{ read: allow }}\n")).unwrap().to_string();
    assert!(report.contains("decided:  refuse-unmanaged-device: "), "{report}");
}

#[test]
fn wrong_suites_are_refused_with_what_to_do() {
    for (from, to, expected) in [
        ("grants: [live]", "grant: [live]", "write `grants`"),
        ("engineers:", "enginers:", "write `engineers`"),
        ("-10m", "10m", "`10m` is not an RFC 3339 time"),
        ("+2h", "+2", "neither an instant nor relative"),
        ("+2h", "+h", "neither an instant nor relative"),
        ("grants: [live]", "grants: [dead]", "no grant `dead`"),
        ("content: inbox", "content: outbox", "no content `outbox`"),
        ("now: 2026-11-22T09:30:00Z", "", "now"),
        ("tenants: { contoso: {} }", "tenants: { Contoso: {} }", "`Contoso`"),
    ] {
        let error = run(&SMALL.replace(from, to)).unwrap_err();
        assert!(error.contains(expected), "{to}: {error}");
    }
    let unknown = run(&format!("{SMALL}    because: [no-such-policy]\n")).unwrap_err();
    assert!(unknown.contains("no policy `no-such-policy`"), "{unknown}");
}

#[test]
fn without_the_guard_the_set_itself_answers() {
    let other = SMALL.replace("ana: {", "ben: { id: ben@provider.example }, ana: {");
    let other = other.replace("ask: { engineer: ana", "guard: false\n    ask: { engineer: ben");
    assert!(run(&other).unwrap().is_good());
    let alone = SMALL.replace("ask: {", "guard: false\n    ask: {");
    let report = run(&format!("{alone}    expect: {{ modify: allow }}\n    because: [content-access-with-grant]\n"));
    let text = report.unwrap().to_string();
    for line in [
        "ana@provider.example modify contoso/exchange at 2026-11-22T09:30:00.000Z, without the guard",
        "got:      deny\n    decided:  content-access-with-grant: context.grant.actions.contains(action)",
        "got:      allow\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn what_the_guard_refuses_covers_nothing() {
    let covered = |text: &str| {
        let coverage = run(text).unwrap().coverage;
        let access = &coverage.policies["content-access-with-grant"];
        (access.decided.len(), access.conditions.iter().filter(|condition| !condition.denied.is_empty()).count())
    };
    let late = SMALL.replace("  - name: one", "  - name: one\n    now: +2h");
    assert_eq!(covered(&late), (0, 0));
    assert_eq!(covered(&late.replace("ask: {", "guard: false\n    ask: {")), (0, 2));
    assert_eq!(covered(SMALL), (1, 0));
}

const PERSON: &str = "
name: people
now: 2026-11-22T09:30:00Z
people: { ana: { id: ana, roles: [engineer] }, csilla: { id: csilla, tenant: contoso, roles: [approver] } }
tenants: { contoso: {} }
access_requests: { one: { engineer: ana, tenant: contoso, approvers: [csilla] } }
tests:
  - name: one
    ask: { person: csilla, access_request: one, actions: [approve, view, review] }
    expect: { approve: allow, view: allow }
";

#[test]
fn people_are_asked_about_as_the_authority_asks() {
    assert!(run(PERSON).unwrap().is_good());
    let text = run(&PERSON.replace("approvers: [csilla]", "approvers: []")).unwrap().to_string();
    assert!(text.contains("question: csilla approve access request `one`"), "{text}");
    assert!(text.contains("decided:  let-approver-answer: resource.approvers.contains(principal)"), "{text}");
    for (from, to, expected) in [
        ("access_request: one", "access_request: two", "no access request `two`"),
        ("access_request: one", "system: true", "no action `approve` on it"),
        ("access_request: one,", "", "`ask` names either `engineer` and `content`, or `person` and one of"),
        ("access_request: one", "access_request: one, system: true", "`ask` names either"),
        ("access_request: one", "access_request: one, content: x", "`ask` names either"),
        ("access_request: one", "access_request: one, grants: [x]", "leave them out"),
        ("roles: [approver]", "roles: [boss]", "`boss` is no role: the roles are engineer, reviewer"),
        ("engineer: ana", "engineer: eva", "no person or engineer `eva`"),
        ("    expect:", "    reason: no_grant\n    expect:", "name the policies in `because` instead"),
    ] {
        let error = run(&PERSON.replace(from, to)).unwrap_err();
        assert!(error.contains(expected), "{to}: {error}");
    }
}

#[test]
fn a_suite_that_is_written_is_the_suite_that_is_read() {
    for text in [SMALL, PERSON].map(str::to_owned).into_iter().chain(
        ["access", "guardrails", "lifecycle"]
            .map(|name| std::fs::read_to_string(here(&format!("tests/policies/{name}.yaml"))).unwrap()),
    ) {
        let suite = Suite::parse("suite.yaml", &text).unwrap();
        let written = suite.to_yaml(|test| (test.name == "one").then(|| "confirm me\ntwice".to_owned())).unwrap();
        assert_eq!(Suite::parse("written.yaml", &written).unwrap(), suite, "{written}");
        assert_eq!(text.contains("name: one\n"), written.contains("  # confirm me\n  # twice\n  - name: one\n"));
        assert!(!written.contains("unknown: false") && !written.contains("guard: true"), "{written}");
    }
}

#[test]
fn a_mutant_is_noticed_by_the_first_test_that_fails() {
    let cases = Cases::read(shipped(), &here("tests/policies")).unwrap();
    assert_eq!(first_failure(shipped(), &cases), None);
    let mut sources = Sources::shipped();
    let access = sources.policies.iter_mut().find(|file| file.name.ends_with("access.cedar")).unwrap();
    access.text = access.text.replace("context.grant.engineer == principal &&", "").into();
    let set = PolicySet::from_sources(&sources).unwrap();
    let test = first_failure(&set, &cases).unwrap();
    assert_eq!(test, "content access under a Grant: the policies alone refuse another engineer's Grant");
}
