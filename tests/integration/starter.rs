//! A policy repository as `lockbox policy init` begins it: it passes what its own build server asks of it.

use crate::process::lockbox;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn runs(dir: &Path, program: &str, args: &[&str]) -> Output {
    let own = Path::new(env!("CARGO_BIN_EXE_lockbox")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<PathBuf> = std::iter::once(own.to_owned()).chain(std::env::split_paths(&path)).collect();
    let mut command = Command::new(program);
    command.args(args).current_dir(dir).env("PATH", std::env::join_paths(path).unwrap()).env("HOME", dir);
    for (name, value) in [("NAME", "ci"), ("EMAIL", "ci@provider.example")] {
        command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    command.env_remove("GITHUB_ACTIONS").output().unwrap()
}

#[track_caller]
fn fine(said: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(said.status.success(), "{}\n{}\n{}", said.status, text(&said.stdout), text(&said.stderr));
}

#[test]
fn what_is_begun_passes_its_own_build_server() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("policies-of-ours");
    fine(&lockbox().args(["policy", "init"]).arg(&dir).output().unwrap());
    fine(&runs(&dir, "lockbox", &["policy", "check"]));
    fine(&runs(&dir, "lockbox", &["policy", "test"]));
    let again = lockbox().args(["policy", "init"]).arg(&dir).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("ci.sh"));

    fine(&runs(&dir, "sh", &["-n", "ci.sh"]));
    let has = |program: &str, args: &[&str]| {
        Command::new(program).args(args).output().is_ok_and(|said| said.status.success())
    };
    let verbs = ["fmt", "mutate", "prove", "diff"];
    let all = verbs.iter().all(|verb| runs(&dir, "lockbox", &["policy", verb, "--help"]).status.success());
    if !all || !has("git", &["--version"]) || !has("cvc5", &["--version"]) {
        eprintln!("!!! ci.sh was NOT run: it needs `git`, `cvc5` and {verbs:?}");
        return;
    }
    fine(&runs(&dir, "git", &["init", "--quiet", "--initial-branch", "main"]));
    fine(&runs(&dir, "git", &["add", "--all"]));
    fine(&runs(&dir, "git", &["commit", "--quiet", "--message", "Begin"]));
    fine(&runs(&dir, "sh", &["ci.sh", "main"]));
}
