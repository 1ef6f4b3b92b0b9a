//! Style as a test: which module may name which, how long a file and a function may be, and what must
//! not be left lying about. Reads the sources as text; knows nothing of the program.

#![expect(clippy::unwrap_used, reason = "tests panic to fail")]

mod tidy {
    //! The checks; each takes text and gives complaints, so that each can be shown a bad example.
    pub(crate) mod imports;
    pub(crate) mod policies;
    pub(crate) mod text;
}

use std::path::{Path, PathBuf};
use tidy::{imports, policies, text};

/// Folders that hold nothing of ours, or what tools make.
const SKIPPED: [&str; 5] = ["target", ".git", ".lockbox-demo", "node_modules", "corpus"];

/// Files that are longer than they should be. May only shrink: who makes one short takes it from here.
const STILL_TOO_LONG: [&str; 0] = [];
/// Kinds of files whose text is looked at.
const TEXTS: [&str; 14] =
    ["rs", "toml", "md", "cedar", "cedarschema", "yaml", "yml", "json", "sh", "sql", "html", "ftl", "txt", "service"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let kind = entry.file_type().unwrap();
        // In a second work tree `.git` is a file.
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        if kind.is_dir() {
            walk(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

/// Every file below `dir`, as path relative to the root and text; files that are no text are left out.
fn files(dir: &str) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    walk(&root().join(dir), &mut paths);
    paths.sort();
    let relative = |path: &Path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    paths.iter().filter_map(|path| Some((relative(path), std::fs::read_to_string(path).ok()?))).collect()
}

fn rust_files() -> Vec<(String, String)> {
    ["src", "tests", "benches"].into_iter().flat_map(files).filter(|(path, _)| path.ends_with(".rs")).collect()
}

#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaint(s):\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn imports_go_down_only() {
    let sources = files("src");
    assert!(sources.len() > 10, "the sources are not where they should be");
    let complaints = sources.iter().flat_map(|(path, source)| imports::complaints(path, source));
    none(&complaints.collect::<Vec<_>>());
}

#[test]
fn files_and_functions_are_short() {
    let sources = rust_files();
    let mut complaints: Vec<String> = sources.iter().flat_map(|(path, source)| text::too_long(path, source)).collect();
    for known in STILL_TOO_LONG {
        let before = complaints.len();
        complaints.retain(|complaint| !(complaint.starts_with(known) && complaint.ends_with("more than 400")));
        if complaints.len() == before && root().join(known).exists() {
            complaints.push(format!("{known} is short now: take it from the list"));
        }
    }
    none(&complaints);
    let mut lengths: Vec<usize> = sources.iter().map(|(_, source)| source.lines().count()).collect();
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(0);
    assert!(median <= 160, "the median file has {median} lines; the aim is 120");
}

#[test]
fn every_source_says_what_it_holds() {
    none(&rust_files().iter().filter_map(|(path, source)| text::headless(path, source)).collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_lying_about() {
    let here = "tests/tidy";
    let texts = files("").into_iter().filter(|(path, _)| {
        let known = TEXTS.iter().any(|kind| path.ends_with(&format!(".{kind}")));
        (known || !path.contains('.') || path.starts_with('.')) && !path.starts_with(here)
    });
    none(&texts.flat_map(|(path, text)| text::leftovers(&path, &text)).collect::<Vec<_>>());
}

#[test]
fn every_policy_has_an_id_of_its_own_and_a_case() {
    let of = |dir: &str, kind: &str| -> Vec<(String, String)> {
        files(dir).into_iter().filter(|(path, _)| path.ends_with(kind)).collect()
    };
    let mut cases = of("tests/policies", ".yaml");
    cases.extend(of("tests/policies", ".yml"));
    let complaints = policies::complaints(&of("policies", ".cedar"), &cases);
    // Invariants are proved, not tried.
    let exempt = |complaint: &String| complaint.contains("no case") && complaint.starts_with("policies/invariant/");
    none(&complaints.into_iter().filter(|complaint| !exempt(complaint)).collect::<Vec<_>>());
}

#[test]
fn modules_are_files_with_the_module_s_name() {
    let complaints: Vec<String> =
        rust_files().into_iter().map(|(path, _)| path).filter(|path| path.ends_with("/mod.rs")).collect();
    none(&complaints);
}

#[test]
fn every_design_mutant_still_applies_and_names_a_test() {
    let tests: String =
        files("tests/simulation").into_iter().filter(|(path, _)| path.ends_with(".rs")).map(|(_, text)| text).collect();
    let mutants: Vec<_> = files("tests/mutants").into_iter().filter(|(path, _)| path.ends_with(".patch")).collect();
    assert!(mutants.len() > 10, "the mutants are not where they should be");
    let mut complaints = Vec::new();
    for (path, text) in mutants {
        let named = text.lines().find_map(|line| line.strip_prefix("Caught by: ")).unwrap_or_default();
        let function = named.rsplit("::").next().unwrap_or_default();
        if !tests.contains(&format!("fn {function}()")) {
            complaints.push(format!("{path}: there is no test `{named}`"));
        }
        let applied = std::process::Command::new("git")
            .current_dir(root())
            .args(["apply", "--check", &path])
            .output()
            .expect("git must be there to try whether patches apply");
        if !applied.status.success() {
            complaints.push(format!("{path}: {}", String::from_utf8_lossy(&applied.stderr).trim()));
        }
    }
    none(&complaints);
}
