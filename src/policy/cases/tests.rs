//! Tests of suites: the shipped ones pass and cover every condition; wrong ones say what is wrong.

use super::super::testing::shipped;
use super::super::{PolicySet, Sources};
use super::{CaseReport, Suite, run_cases, run_dir, suite_schema};
use std::path::Path;

fn here(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn run(text: &str) -> Result<CaseReport, String> {
    let suite = Suite::parse("suite.yaml", text).map_err(|error| error.to_string())?;
    run_cases(shipped(), &[("suite.yaml".to_owned(), suite)], &|_| true).map_err(|error| error.to_string())
}

#[test]
fn the_shipped_suites_pass_and_cover_every_policy_and_condition() {
    let report = run_dir(shipped(), &here("tests/policies"), &|_| true).unwrap();
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
    let missing = run_dir(&set, &here("tests/policies"), &|_| true).unwrap().coverage.missing();
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
