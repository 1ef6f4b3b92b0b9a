//! Laying files out: nothing is lost, twice is once, and what is no policy stays as it is.

use super::*;
use std::os::unix::fs::PermissionsExt;

const UGLY: &str = "// why\n@id(\"x\")   permit(principal,action,\n\n resource) // beside\nwhen{ context has a&&context.a };\n// at the end\n";

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.cedar");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

#[test]
fn the_shipped_policies_are_laid_out() {
    let files = policy_files(&here("policies")).unwrap();
    assert!(files.len() > 5, "{files:?}");
    for path in files {
        let formatted = formatted(&path).unwrap();
        assert!(formatted.fine, "{}:\n{}\nrun `lockbox policy fmt`", path.display(), formatted.diff.join("\n"));
    }
}

#[test]
fn comments_stay_and_twice_is_once() {
    let (_dir, path) = file(UGLY);
    let first = formatted(&path).unwrap();
    assert!(!first.fine && first.diff.iter().any(|line| line.starts_with("- @id(\"x\")   permit")), "{first:#?}");
    assert_eq!(comments(&first.text), ["why", "beside", "at the end"]);
    write(&path, &first.text).unwrap();
    assert!(formatted(&path).unwrap().fine);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn permissions_and_links_stay() {
    let (dir, path) = file(UGLY);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    let link = dir.path().join("link.cedar");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    write(&link, &formatted(&link).unwrap().text).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(formatted(&path).unwrap().fine);
}

#[test]
fn what_cannot_be_written_stays_as_it_was() {
    let (_dir, path) = file(UGLY);
    let beside = path.with_file_name(format!(".a.cedar.{}.new", std::process::id()));
    std::fs::create_dir(&beside).unwrap();
    assert!(write(&path, "permit (principal, action, resource);\n").is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), UGLY);
}

#[test]
fn what_is_no_policy_is_a_finding() {
    for (text, code) in [
        ("permit (", "policy-syntax"),
        ("permit (principal, action, resource) when { 1 + };", "policy-syntax"),
        ("\u{7}", "not-text"),
    ] {
        let (_dir, path) = file(text);
        assert_eq!(formatted(&path).unwrap_err().findings[0].code, code, "{text}");
    }
    let (dir, path) = file("// nothing yet\n");
    assert!(formatted(&path).unwrap().fine);
    std::fs::remove_file(path).unwrap();
    assert_eq!(policy_files(dir.path()).unwrap_err().findings[0].code, "set-empty");
    assert_eq!(formatted(&dir.path().join("none.cedar")).unwrap_err().findings[0].code, "unreadable");
}

#[test]
fn a_comment_is_told_from_a_string() {
    assert_eq!(comments("a \"// no\" // yes\n\"\\\"//\" / / // two // three"), ["yes", "two // three"]);
}

#[test]
fn only_what_differs_is_shown() {
    assert_eq!(differing("a\nb\nc\nd\n", "a\nc\nx\nd\n"), ["- b", "+ x"]);
    assert_eq!(differing("a", "a\n"), ["~ only line ends, or the last of them, differ"]);
    let many: String = (0..100).map(|line| format!("{line}\n")).collect();
    assert_eq!(differing("", &many).last().unwrap(), "~ and 60 more lines");
}
