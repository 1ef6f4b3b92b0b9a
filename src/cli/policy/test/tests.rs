//! `policy test` in its forms, and what makes it run again.

use super::super::tests::{HERE, changed, ends, ends_as};
use super::*;
use crate::cli::output::ColorWhen;
use std::path::Path;

fn plain() -> Output {
    Output::new(Format::Text, ColorWhen::Never)
}

fn broken() -> CaseReport {
    let dir = changed("policies/guardrails.cedar", "!context.device_managed", "context.device_managed");
    test_dir(dir.path(), &|name| name.contains("device")).unwrap()
}

#[test]
fn a_tree_shows_failures_below_their_test() {
    let text = forms::tree(&broken(), true, &plain());
    for line in [
        "what no Grant can lift  2 of 3 failed  ",
        "├─ FAILED an unmanaged device\n│         question    ",
        "│         expected    deny",
        "├─ ok     a device that is not compliant\n",
        "└─ FAILED a good device\n          question    ",
        "not covered: ",
        "\n1 passed, 2 failed; ",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("content access under a Grant"), "a suite without a test that was run: {text}");
}

#[test]
fn junit_names_suites_tests_and_failures() {
    let xml = forms::junit(&broken()).unwrap();
    for part in [
        "<testsuites name=\"lockbox policy test\" tests=\"3\" skipped=\"0\" failures=\"2\" errors=\"0\">",
        "<testsuite name=\"what no Grant can lift\" tests=\"3\"",
        "<testcase name=\"a device that is not compliant\" classname=\"what no Grant can lift\"",
        "<failure message=\"expected deny",
        "got         allow (grant_active)",
    ] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
    assert_eq!(xml.matches("<testcase ").count(), 3, "{xml}");
}

#[test]
fn every_form_ends_alike() {
    let dir = changed("policies/guardrails.cedar", "!context.device_managed", "context.device_managed");
    for form in [Format::Text, Format::Json, Format::Tree, Format::Junit] {
        assert_eq!(ends_as(form, &["test", HERE, "--run", "device"]).unwrap(), Exit::Fine);
        assert_eq!(ends_as(form, &["test", dir.path().to_str().unwrap()]).unwrap(), Exit::ProofFailed);
    }
    assert_eq!(ends_as(Format::Sarif, &["test", HERE]).unwrap_err().exit(), Exit::Usage);
    assert_eq!(ends_as(Format::Junit, &["test", HERE, "--watch"]).unwrap_err().exit(), Exit::Usage);
    assert_eq!(ends(&["test", "/no/such/folder"]).unwrap_err().exit(), Exit::PoliciesInvalid);
}

#[test]
fn any_edit_of_policies_schema_or_tests_is_seen_and_nothing_else() {
    let dir = changed("policies/guardrails.cedar", "!context.device_managed", "!context.device_managed");
    let before = fingerprint(dir.path());
    let written = |file: &str, text: &str| std::fs::write(dir.path().join(file), text).unwrap();
    let read = |file: &str| std::fs::read_to_string(dir.path().join(file)).unwrap();
    written("notes.txt", "nothing to do with it");
    written("policies/access.cedar", &read("policies/access.cedar"));
    assert_eq!(fingerprint(dir.path()), before, "the content is the same");
    for file in ["policies/access.cedar", "schemas/lockbox.cedarschema", "tests/policies/access.yaml"] {
        let text = read(file);
        written(file, &format!("{text}\n"));
        assert_ne!(fingerprint(dir.path()), before, "{file}");
        written(file, &text);
        assert_eq!(fingerprint(dir.path()), before, "{file}");
    }
    written("tests/policies/more.yaml", "name: more");
    assert_ne!(fingerprint(dir.path()), before, "a new file");
    assert_eq!(fingerprint(Path::new("/no/such/folder")), fingerprint(Path::new("/no/such/folder")));
}
