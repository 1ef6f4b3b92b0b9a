//! The verbs of the workbench, run as the command line runs them.

use super::*;
use crate::cli::output::{ColorWhen, Format};
use crate::policy::cases::test_dir;
use crate::policy::check;
use clap::Parser;
use std::path::Path;

#[derive(Parser)]
pub(super) struct Only {
    #[command(flatten)]
    pub(super) args: Args,
}

/// Runs a verb as the command line does.
pub(super) fn ends(words: &[&str]) -> Result<Exit, CliError> {
    ends_as(Format::Text, words)
}

/// Runs a verb with another form of output.
pub(super) fn ends_as(format: Format, words: &[&str]) -> Result<Exit, CliError> {
    let args = Only::try_parse_from([&["x"], words].concat()).unwrap().args;
    run(args, &Output::new(format, ColorWhen::Never))
}

pub(super) const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// A copy of the shipped files with one of them changed.
pub(super) fn changed(file: &str, from: &str, to: &str) -> tempfile::TempDir {
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
    assert_eq!(ends(&["check", HERE, "--no-solver"]).unwrap(), Exit::Fine);
    assert_eq!(ends(&["test", HERE, "--threshold", "100"]).unwrap(), Exit::Fine);
}

#[test]
fn what_does_not_load_ends_with_3_and_shows_the_place() {
    let dir = changed("policies/guardrails.cedar", "context.device_managed", "context.device_managd");
    let path = dir.path().to_str().unwrap();
    assert_eq!(ends(&["check", path, "--no-solver"]).unwrap(), Exit::PoliciesInvalid);
    assert_eq!(ends(&["test", path]).unwrap_err().exit(), Exit::PoliciesInvalid);
    let text = check::shown(&check(dir.path(), None, &mut |_| {}), &Output::new(Format::Text, ColorWhen::Never));
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

/// Runs a verb on paths of a directory.
fn ends_in(dir: &Path, words: &[&str]) -> Result<Exit, CliError> {
    let at = |word: &&str| match word.strip_prefix("./") {
        Some(name) => dir.join(name).display().to_string(),
        None => (*word).to_owned(),
    };
    let words: Vec<String> = words.iter().map(at).collect();
    ends(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn what_is_signed_is_verified_and_by_whom() {
    let dir = tempfile::tempdir().unwrap();
    let does = |words: &[&str]| ends_in(dir.path(), words);
    assert_eq!(does(&["sign", "--generate-key", "./a"]).unwrap(), Exit::Fine);
    assert_eq!(does(&["sign", "--generate-key", "./b"]).unwrap(), Exit::Fine);
    assert!(does(&["sign", "--generate-key", "./a"]).is_err(), "a key is never overwritten");
    assert_eq!(does(&["sign", HERE, "--key", "./a", "--out", "./p.tar.gz", "--name", "1"]).unwrap(), Exit::Fine);
    assert_eq!(does(&["verify", "./p.tar.gz", "--trust", "./b.pub", "--trust", "./a.pub"]).unwrap(), Exit::Fine);
    assert_eq!(does(&["verify", "./p.tar.gz", "--trust", "./a.pub", "--require-tests"]).unwrap(), Exit::Fine);
    for words in [
        &["verify", "./p.tar.gz", "--trust", "./b.pub"][..],
        &["verify", "./p.tar.gz", "--trust", "./a"],
        &["verify", "./p.tar.gz", "--trust", "./a.pub", "--require-proof"],
        &["verify", "./none", "--trust", "./a.pub"],
        &["sign", HERE, "--key", "./a.pub", "--out", "./q.tar.gz"],
        &["sign", HERE, "--key", "./a", "--evidence", "./none", "--out", "./q.tar.gz"],
        &["sign", HERE, "--key", "./a", "--name", "a\nb", "--out", "./q.tar.gz"],
    ] {
        assert_eq!(does(words).unwrap_err().exit(), Exit::Failed, "{words:?}");
    }
    assert!(!dir.path().join("q.tar.gz").exists());
}

#[test]
fn what_does_not_load_or_fails_its_tests_is_not_signed() {
    let keys = tempfile::tempdir().unwrap();
    assert_eq!(ends_in(keys.path(), &["sign", "--generate-key", "./a"]).unwrap(), Exit::Fine);
    let signed = |dir: &tempfile::TempDir| {
        let dir = dir.path().to_str().unwrap();
        ends_in(keys.path(), &["sign", dir, "--key", "./a", "--out", "./p.tar.gz"])
    };
    let broken = changed("policies/guardrails.cedar", "context.device_managed", "context.device_managd");
    assert_eq!(signed(&broken).unwrap_err().exit(), Exit::PoliciesInvalid);
    let failing = changed("policies/guardrails.cedar", "!context.device_managed", "context.device_managed");
    assert_eq!(signed(&failing).unwrap(), Exit::ProofFailed);
    assert!(!keys.path().join("p.tar.gz").exists());
}

#[test]
fn proofs_of_another_revision_are_not_signed() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(ends_in(dir.path(), &["sign", "--generate-key", "./a"]).unwrap(), Exit::Fine);
    std::fs::create_dir(dir.path().join("proofs")).unwrap();
    let words = ["sign", HERE, "--key", "./a", "--out", "./p.tar.gz", "--evidence", "./proofs"];
    let prove = |revision: &str, holds: &[&str]| {
        let proofs: Vec<_> = holds.iter().map(|id| serde_json::json!({ "id": id, "outcome": "proved" })).collect();
        let means = serde_json::json!({ "by": "solver", "version": "cvc5 1.0.3", "program": "cvc5" });
        let proof = serde_json::json!({ "policy_revision": revision, "means": means, "proofs": proofs });
        std::fs::write(dir.path().join("proofs/proof.json"), proof.to_string()).unwrap();
        ends_in(dir.path(), &words).unwrap()
    };
    assert_eq!(prove("sha256:other", &[]), Exit::ProofFailed);
    assert_eq!(prove(&check(Path::new(HERE), None, &mut |_| {}).digest.unwrap(), &["grant-required"]), Exit::Fine);
    let verify = ["verify", "./p.tar.gz", "--trust", "./a.pub"];
    assert_eq!(ends_in(dir.path(), &verify).unwrap(), Exit::Fine);
    assert!(ends_in(dir.path(), &[&verify[..], &["--require-proof"]].concat()).is_err(), "five are not proved");
}

#[cfg(feature = "prove")]
#[test]
fn what_is_proved_on_the_spot_is_in_the_bundle() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(ends_in(dir.path(), &["sign", "--generate-key", "./a"]).unwrap(), Exit::Fine);
    let sign = ["sign", HERE, "--key", "./a", "--out", "./p.tar.gz", "--prove"];
    assert_eq!(
        ends_in(dir.path(), &[&sign[..], &["--solver", "none", "--questions", "5"]].concat()).unwrap(),
        Exit::ProofFailed
    );
    assert!(!dir.path().join("p.tar.gz").exists());
    if std::process::Command::new("cvc5").arg("--version").output().is_err() {
        return;
    }
    assert_eq!(ends_in(dir.path(), &sign).unwrap(), Exit::Fine);
    let verify = ["verify", "./p.tar.gz", "--trust", "./a.pub", "--require-proof", "--require-tests"];
    assert_eq!(ends_in(dir.path(), &verify).unwrap(), Exit::Fine);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3, "two keys and the bundle");
}

#[test]
fn files_are_laid_out_or_said_to_be_not() {
    assert_eq!(ends(&["fmt", "--check", HERE]).unwrap(), Exit::Fine);
    let dir = changed("policies/guardrails.cedar", "when { principal.suspended }", "when {principal.suspended}");
    let path = dir.path().to_str().unwrap();
    assert_eq!(ends(&["fmt", "--check", path]).unwrap(), Exit::Failed);
    assert_eq!(ends(&["fmt", path]).unwrap(), Exit::Fine);
    assert_eq!(ends(&["fmt", "--check", path]).unwrap(), Exit::Fine);
    let broken = dir.path().join("policies/broken.cedar");
    std::fs::write(&broken, "permit (").unwrap();
    assert_eq!(ends(&["fmt", path]).unwrap(), Exit::PoliciesInvalid);
    assert_eq!(std::fs::read_to_string(&broken).unwrap(), "permit (");
    assert_eq!(ends(&["fmt", "/no/such/place"]).unwrap(), Exit::PoliciesInvalid);
}

#[test]
fn a_mistake_that_no_test_notices_lowers_the_score() {
    let words = ["mutate", HERE, "--policy", "refuse-unmanaged-device", "--solver", "none", "--threshold"];
    assert_eq!(ends(&[&words[..], &["100"]].concat()).unwrap(), Exit::Fine);
    let dir = changed("tests/policies/guardrails.yaml", "name: a good device", "name: a good device, twice");
    let path = dir.path().to_str().unwrap();
    let mistyped = ends(&["mutate", path, "--policy", "refuse-unmanaged-devise"]).unwrap_err();
    assert!(mistyped.to_string().contains("did you mean `refuse-unmanaged-device`?"), "{mistyped}");
    let suite = dir.path().join("tests/policies/guardrails.yaml");
    let text = std::fs::read_to_string(&suite).unwrap();
    let (before, after) = text.split_once("  - name: a good device").unwrap();
    let (_, after) = after.split_once("\n  - name").unwrap();
    std::fs::write(&suite, format!("{before}  - name{after}")).unwrap();
    let words = ["mutate", path, "--policy", "refuse-unmanaged-device", "--solver", "none", "--threshold"];
    assert_eq!(ends(&[&words[..], &["100"]].concat()).unwrap(), Exit::ProofFailed);
    assert_eq!(ends(&[&words[..], &["50"]].concat()).unwrap(), Exit::Fine);
}
