//! Each lint with a policy that it is about, and one that it is not.

use super::super::testing::with;
use super::*;

const NOTED: &str = "@id(\"x\") @reason(\"r\") @advice(\"a\") @owner(\"o\")";
const SCOPE: &str =
    "(principal is Lockbox::Engineer, action == Lockbox::Action::\"read\", resource is Lockbox::Content)";

fn codes(policy: &str) -> Vec<&'static str> {
    check_sources(&with(policy), None).findings.into_iter().map(|finding| finding.code).collect()
}

fn noted(rest: &str) -> Vec<&'static str> {
    codes(&format!("{NOTED} {rest}"))
}

#[test]
fn the_shipped_set_has_no_finding() {
    let report = check_sources(&Sources::shipped(), None);
    assert_eq!(report.findings, Vec::new(), "{report}");
    assert!(report.not_run.len() == proofs::CODES.len() && report.undecided.is_empty());
    assert!(report.is_good() && report.is_clean());
    let here = check(Path::new(env!("CARGO_MANIFEST_DIR")), None, &mut |_| {});
    assert!(here.is_clean(), "{here}");
}

#[test]
fn annotations_that_are_missing() {
    let policy = format!("@id(\"x\") @owner(\"o\") forbid {SCOPE} when {{ principal.suspended }};");
    assert_eq!(codes(&policy), ["annotation-missing"; 2]);
}

#[test]
fn reasons_of_two_meanings() {
    let two = |reason: &str, advice: &str| {
        codes(&format!(
            "{NOTED} forbid {SCOPE} when {{ principal.suspended }};\n@id(\"y\") @reason(\"{reason}\") @advice(\"{advice}\") @owner(\"o\") forbid {SCOPE} when {{ resource.tenant.lockbox }};"
        ))
    };
    assert_eq!(two("r", "b"), ["reason-ambiguous"]);
    assert_eq!(two("r", "a"), [""; 0]);
    assert_eq!(two("s", "b"), [""; 0]);
}

#[test]
fn forbids_that_compute() {
    let condition = "principal has clearance && principal.clearance + 1 < 3";
    assert_eq!(noted(&format!("forbid {SCOPE} when {{ {condition} }};")), ["forbid-can-error"]);
    let granted = format!("permit {SCOPE} when {{ context has grant && {condition} }};");
    assert_eq!(noted(&granted), [""; 0]);
}

#[test]
fn policies_that_cannot_apply() {
    assert_eq!(noted(&format!("forbid {SCOPE} when {{ false }};")), ["policy-never-applies"]);
    let wrong = SCOPE.replace("is Lockbox::Content", "is Lockbox::Tenant");
    assert_eq!(noted(&format!("forbid {wrong} when {{ principal.suspended }};")), ["policy-never-applies"; 2]);
    let list = |other: &str| {
        SCOPE.replace(
            "== Lockbox::Action::\"read\"",
            &format!("in [Lockbox::Action::\"read\", Lockbox::Action::\"{other}\"]"),
        )
    };
    assert_eq!(noted(&format!("forbid {} when {{ principal.suspended }};", list("submit"))), ["action-never-matches"]);
    assert_eq!(noted(&format!("forbid {} when {{ principal.suspended }};", list("export"))), [""; 0]);
    assert_eq!(noted(&format!("forbid {} when {{ principal.suspended }};", list("content_access"))), [""; 0]);
}

#[test]
fn permits_that_the_guard_does_not_let_through_alone() {
    assert_eq!(noted(&format!("permit {SCOPE} when {{ resource.tenant.lockbox }};")), ["permit-without-grant"]);
    assert_eq!(noted(&format!("permit {SCOPE} when {{ context has grant }};")), [""; 0]);
    let lifecycle = "permit (principal is Lockbox::Person, action == Lockbox::Action::\"submit\", resource);";
    assert_eq!(noted(lifecycle), [""; 0]);
}

#[test]
fn time_that_is_read_in_odd_ways() {
    let condition = |condition: &str| noted(&format!("forbid {SCOPE} when {{ context has grant && {condition} }};"));
    assert_eq!(condition("context.now.toTime() < duration(\"6h\")"), ["time-opaque"]);
    let date = "datetime(\"2026-11-22\")";
    assert_eq!(condition(&format!("context.grant.starts_at < {date}")), ["time-without-now"]);
    assert_eq!(condition(&format!("{date} < context.grant.expires_at")), ["time-without-now"]);
    assert_eq!(condition(&format!("context.grant.starts_at < {date} && context.now < {date}")), [""; 0]);
    assert_eq!(condition(&format!("context.now < {date}")), [""; 0]);
}

#[test]
fn findings_point_at_their_policy_and_are_bounded() {
    let one = format!(
        "\n\n@id(\"x\") @reason(\"r\") @advice(\"a\") @owner(\"o\")\nforbid {SCOPE}\nwhen {{ context.now.toTime() < duration(\"6h\") }};"
    );
    let report = check_sources(&with(&one), None);
    let places: Vec<_> = report.findings.iter().map(|found| (found.line, found.column, found.end_column)).collect();
    assert_eq!(places, [(5, 8, 19)]);
    assert!(report.is_good() && !report.is_clean());
}

#[test]
fn odd_characters_are_told_even_where_the_set_does_not_load() {
    let policy = format!("// sc\u{043e}pe\n{NOTED} forbid {SCOPE} when {{ principal.nobody }};");
    assert_eq!(codes(&policy), ["policy-invalid", "text-mixed-scripts"]);
    assert_eq!(codes(&format!("{NOTED}\r\nforbid {SCOPE} when {{ principal.suspended }};")), ["line-ends"]);
}

#[test]
fn suites_are_checked_with_the_policies() {
    let dir = tempfile::tempdir().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for below in ["policies", "schemas"] {
        std::fs::create_dir_all(dir.path().join(below)).unwrap();
        for entry in std::fs::read_dir(here.join(below)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), dir.path().join(below).join(entry.file_name())).unwrap();
            }
        }
    }
    let codes = || check(dir.path(), None, &mut |_| {}).findings.iter().map(|finding| finding.code).collect::<Vec<_>>();
    assert_eq!(codes(), ["tests-missing"]);
    let suite = dir.path().join("tests/a.yaml");
    std::fs::create_dir_all(suite.parent().unwrap()).unwrap();
    std::fs::write(&suite, "name: a\nnow: 2026-11-22T09:30:00Z\ntestss: []\n").unwrap();
    assert_eq!(codes(), ["suite-invalid"]);
    assert!(!check(dir.path(), None, &mut |_| {}).is_good());
    std::fs::write(&suite, "name: a\nnow: 2026-11-22T09:30:00Z\ntests: []\n").unwrap();
    assert_eq!(codes(), [""; 0]);
}
