//! Tests in the form of `cedar run-tests`, read from a directory as they lie there.

use super::super::super::testing::shipped;
use super::super::{Cases, run_cases};

const ENTITIES: &str = r#"[
  {"uid": {"type": "Lockbox::Engineer", "id": "ana"}, "attrs": {"suspended": true}, "parents": []},
  {"uid": {"type": "Lockbox::Tenant", "id": "contoso"}, "attrs": {"lockbox": true}, "parents": []},
  {"uid": {"type": "Lockbox::Content", "id": "inbox"}, "parents": [], "attrs": {
    "tenant": {"__entity": {"type": "Lockbox::Tenant", "id": "contoso"}},
    "workload": {"__entity": {"type": "Lockbox::Workload", "id": "exchange"}}}}
]"#;

const TESTS: &str = r#"[{
  "name": "suspended",
  "request": {
    "principal": "Lockbox::Engineer::\"ana\"",
    "action": "Lockbox::Action::\"read\"",
    "resource": {"type": "Lockbox::Content", "id": "inbox"},
    "context": {"now": {"__extn": {"fn": "datetime", "arg": "2026-11-22T09:30:00Z"}}}
  },
  "entities": "entities.json",
  "decision": "deny",
  "reason": ["stop-suspended-engineer"],
  "num_errors": 0
}]"#;

/// What a directory with these tests says, after one change of their text.
fn said(from: &str, to: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    assert!(TESTS.contains(from), "`{from}` is not in the tests");
    std::fs::write(dir.path().join("tests.json"), TESTS.replacen(from, to, 1)).unwrap();
    std::fs::write(dir.path().join("entities.json"), ENTITIES).unwrap();
    match Cases::read(shipped(), dir.path()) {
        Ok(cases) => run_cases(shipped(), &cases, &|_| true).to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn tests_of_cedar_run_beside_suites() {
    let good = said("", "");
    assert!(good.contains("tests.json") && good.contains("ok     suspended"), "{good}");
    assert!(good.contains("1 passed, 0 failed"), "{good}");
    let inline = said("\"entities.json\"", ENTITIES);
    assert!(inline.contains("1 passed, 0 failed"), "{inline}");
    // A file of entities is no file of tests.
    assert!(!good.contains("entities.json"), "{good}");
}

#[test]
fn what_is_not_as_expected_fails_with_what_decided() {
    let allowed = said("\"deny\"", "\"allow\"");
    assert!(allowed.contains("FAILED suspended") && allowed.contains("expected: allow"), "{allowed}");
    assert!(allowed.contains("decided:  stop-suspended-engineer: principal.suspended"), "{allowed}");
    let errors = said("\"num_errors\": 0", "\"num_errors\": 1");
    assert!(errors.contains("expected: deny with 1 errors") && errors.contains("got:      deny with 0"), "{errors}");
    let because = said("[\"stop-suspended-engineer\"]", "[\"refuse-unmanaged-device\"]");
    assert!(because.contains("expected: deny because of `refuse-unmanaged-device`"), "{because}");
}

#[test]
fn wrong_tests_of_cedar_are_refused_with_their_place() {
    for (from, to, expected) in [
        ("\"decision\"", "\"decison\"", "unknown field `decison`"),
        ("entities.json", "none.json", "the entities in `none.json`"),
        ("stop-suspended-engineer", "stop", "there is no policy `stop`"),
        ("Lockbox::Action::\\\"read\\\"", "read", "`read` is no entity"),
        ("Lockbox::Action::\\\"read\\\"", "Lockbox::Action::\\\"fly\\\"", "Lockbox::Action::\"fly\""),
        ("\"now\": {", "\"never\": {", "the context"),
        ("\"Lockbox::Content\"", "\"Lockbox::Tenant\"", "the request"),
    ] {
        let error = said(from, to);
        assert!(error.contains("error[suite-invalid]") && error.contains(expected), "{to}: {error}");
        assert!(error.contains("tests.json:"), "the place is missing: {error}");
    }
}
