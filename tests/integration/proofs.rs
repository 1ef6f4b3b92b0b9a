//! `policy prove` with a solver that is missing, dies, hangs or is something else: said clearly, never
//! taken for a proof, and with the right exit code.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

fn prove(cvc5: &str, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockbox"));
    command.args(["policy", "prove", ".", "--invariant", "within-window", "--questions", "50"]).args(words);
    let Output { status, stdout, stderr } =
        command.current_dir(env!("CARGO_MANIFEST_DIR")).env("CVC5", cvc5).output().unwrap();
    (status.code(), format!("{}{}", String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap()))
}

/// A program that says it is cvc5, and then does `then`.
fn impostor(dir: &Path, then: &str) -> String {
    let path = dir.join("cvc5");
    std::fs::write(
        &path,
        format!("#!/bin/sh\n[ \"$1\" = --version ] && echo 'This is cvc5 version 9' && exit\n{then}\n"),
    )
    .unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn without_a_solver_nothing_is_proved_and_it_is_said_loudly() {
    let (exit, said) = prove("/no/such/solver", &[]);
    assert_eq!(exit, Some(4), "{said}");
    assert!(said.contains("NO PROOF") && said.contains("`/no/such/solver`, which CVC5 names"), "{said}");
    assert!(said.contains("NOT REFUTED within-window") && !said.contains("PROVED within-window"), "{said}");
    let (exit, said) = prove("/no/such/solver", &["--solver", "none"]);
    assert_eq!(exit, Some(0), "what was asked for is no failure: {said}");
    assert!(said.contains("0 of 1 proved"), "{said}");
}

#[test]
fn something_else_is_not_taken_for_a_solver() {
    let (exit, said) = prove("/bin/true", &[]);
    assert_eq!(exit, Some(4), "{said}");
    assert!(said.contains("does not answer as cvc5 does"), "{said}");
}

#[cfg(feature = "prove")]
#[test]
fn a_solver_that_dies_or_hangs_or_babbles_leaves_the_promise_undecided() {
    let dir = tempfile::tempdir().unwrap();
    for (then, why) in [
        ("exit 3", "the solver"),
        ("exec sleep 600", "did not answer within 3 s and was stopped"),
        ("while read line; do echo unknown; done", "the solver gave up within 1 s"),
        ("while read line; do echo maybe; done", "the solver failed"),
    ] {
        let (exit, said) = prove(&impostor(dir.path(), then), &["--timeout", "1"]);
        assert_eq!(exit, Some(4), "{then}: {said}");
        assert!(said.contains("UNKNOWN within-window") && said.contains(why), "{then}: {said}");
        assert!(said.contains("0 of 1 proved"), "{then}: {said}");
    }
}
