//! `policy diff` as the command line runs it: folders, git revisions, and what is neither.

use super::*;
use crate::cli::output::ColorWhen;
use clap::Parser;
use std::process::Command;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

#[derive(Parser)]
struct Only {
    #[command(flatten)]
    args: Args,
}

fn ends(words: &[&str]) -> Result<Exit, CliError> {
    let words = [&["x"], words, &["--solver", "none", "--questions", "60"]].concat();
    run(Only::try_parse_from(words).unwrap().args, &Output::new(Format::Text, ColorWhen::Never))
}

fn git(dir: &Path, words: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=a", "-c", "user.email=a@provider.example", "-c", "commit.gpgsign=false"]);
    let done = command.args(words).current_dir(dir).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A copy of the shipped files below `sub`, in a repository of its own.
fn repository(sub: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for below in ["policies", "policies/invariant", "schemas"] {
        let target = dir.path().join(sub).join(below);
        std::fs::create_dir_all(&target).unwrap();
        for entry in std::fs::read_dir(Path::new(HERE).join(below)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), target.join(entry.file_name())).unwrap();
            }
        }
    }
    git(dir.path(), &["init", "-q", "."]);
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "-q", "-m", "first"]);
    dir
}

fn edit(dir: &Path, from: &str, to: &str) {
    let path = dir.join("policies/access.cedar");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

fn opened(here: &Path, named: &str) -> Result<Sources, CliError> {
    revision::open(here, named, None)
}

#[test]
fn what_is_newly_allowed_ends_with_1() {
    let dir = repository("");
    let path = dir.path().to_str().unwrap();
    assert_eq!(ends(&[HERE, path]).unwrap(), Exit::Fine);
    edit(dir.path(), "context.grant.engineer == principal &&", "");
    assert_eq!(ends(&[HERE, path]).unwrap(), Exit::Failed);
    assert_eq!(ends(&[path, HERE]).unwrap(), Exit::Fine);
    edit(dir.path(), "permit (", "permit ((");
    assert_eq!(ends(&[HERE, path]).unwrap_err().exit(), Exit::PoliciesInvalid);
}

#[test]
fn revisions_are_read_without_touching_the_work_tree() {
    for sub in ["", "deep/er"] {
        let dir = repository(sub);
        let here = dir.path().join(sub);
        let first = opened(&here, "HEAD").unwrap();
        assert_eq!(first.digest(), Sources::shipped().digest());
        edit(&here, "context.grant.engineer == principal &&", "");
        assert_eq!(opened(&here, "HEAD").unwrap(), first, "the work tree is not the revision");
        git(dir.path(), &["commit", "-q", "-a", "-m", "second"]);
        assert_ne!(opened(&here, "HEAD").unwrap().digest(), first.digest());
        let folder = if sub.is_empty() { "policies".to_owned() } else { format!("{sub}/policies") };
        let named = opened(dir.path(), &format!("HEAD~1:{folder}")).unwrap();
        assert_eq!(named.digest(), first.digest());
        assert!(named.policies.iter().all(|file| file.name.starts_with("HEAD~1:")), "{:?}", named.policies.first());
    }
}

#[test]
fn what_is_neither_a_folder_nor_a_revision_is_told() {
    let dir = repository("");
    let wrong = |named: &str, part: &str| {
        let error = opened(dir.path(), named).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        error.exit()
    };
    assert_eq!(wrong("no-such-branch", "neither a folder nor a git revision"), Exit::Usage);
    assert_eq!(wrong("--output=x", "neither a folder nor a git revision"), Exit::Usage);
    assert_eq!(wrong("HEAD:nowhere", "no folder `nowhere`"), Exit::Usage);
    let bare = tempfile::tempdir().unwrap();
    let error = opened(bare.path(), "HEAD").unwrap_err();
    assert!(error.to_string().contains("no git repository around"), "{error}");
    edit(dir.path(), "permit (", "permit ((");
    git(dir.path(), &["commit", "-q", "-a", "-m", "broken"]);
    let broken = opened(dir.path(), "HEAD").unwrap();
    assert!(crate::policy::PolicySet::from_sources(&broken).is_err());
}
