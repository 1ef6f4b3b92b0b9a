//! The verbs of the workbench, run as the command line runs them.

use super::*;
use crate::cli::output::{ColorWhen, Format};
use crate::policy::cases::test_dir;
use crate::policy::check;
use clap::Parser;
use std::path::Path;

#[derive(Parser)]
struct Only {
    #[command(flatten)]
    args: Args,
}

fn ends(words: &[&str]) -> Result<Exit, CliError> {
    let args = Only::try_parse_from([&["x"], words].concat()).unwrap().args;
    run(args, &Output::new(Format::Text, ColorWhen::Never))
}

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// A copy of the shipped files with one of them changed.
fn changed(file: &str, from: &str, to: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for below in ["policies", "schemas", "tests/policies"] {
        std::fs::create_dir_all(dir.path().join(below)).unwrap();
        for entry in std::fs::read_dir(Path::new(HERE).join(below)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), dir.path().join(below).join(entry.file_name())).unwrap();
            }
        }
    }
    let path = dir.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "`{from}` is not in {file}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
    dir
}

#[test]
fn the_shipped_policies_are_fine_and_their_suites_pass() {
    assert_eq!(ends(&["check", HERE]).unwrap(), Exit::Fine);
    assert_eq!(ends(&["test", HERE, "--threshold", "100"]).unwrap(), Exit::Fine);
}

#[test]
fn what_does_not_load_ends_with_3_and_shows_the_place() {
    let dir = changed("policies/guardrails.cedar", "context.device_managed", "context.device_managd");
    let path = dir.path().to_str().unwrap();
    assert_eq!(ends(&["check", path]).unwrap(), Exit::PoliciesInvalid);
    assert_eq!(ends(&["test", path]).unwrap_err().exit(), Exit::PoliciesInvalid);
    let text = check::shown(&check(dir.path()), &Output::new(Format::Text, ColorWhen::Never));
    assert!(text.contains("guardrails.cedar:") && text.contains("^^^"), "{text}");
    assert!(text.ends_with("warnings") && text.contains("the policies do not load"), "{text}");
}

#[test]
fn a_failed_test_ends_with_4_and_says_which() {
    let dir = changed("policies/guardrails.cedar", "!context.device_managed", "context.device_managed");
    assert_eq!(ends(&["test", dir.path().to_str().unwrap()]).unwrap(), Exit::ProofFailed);
    let report = test_dir(dir.path(), &|_| true).unwrap();
    let text = test::shown(&report, false, &Output::new(Format::Text, ColorWhen::Never));
    assert!(text.contains("FAILED") && text.contains("expected"), "{text}");
}

#[test]
fn too_few_tests_end_with_4() {
    assert_eq!(ends(&["test", HERE, "--run", "no such test"]).unwrap(), Exit::ProofFailed);
    assert_eq!(ends(&["test", HERE, "--run", "device"]).unwrap(), Exit::Fine);
    assert_eq!(ends(&["test", HERE, "--run", "device", "--threshold", "100"]).unwrap(), Exit::ProofFailed);
}
