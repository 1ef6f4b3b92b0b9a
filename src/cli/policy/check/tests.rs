//! `policy check` as the command line runs it: exit codes, forms, and input of every bad kind.

use super::*;
use crate::cli::output::ColorWhen;
use std::os::unix::fs::{PermissionsExt as _, symlink};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn ends(dir: &Path, deny_warnings: bool, form: Format) -> Result<Exit, CliError> {
    let args = Args { dir: dir.to_owned(), deny_warnings, explain: None, no_solver: true, timeout: 5 };
    run(args, &Output::new(form, ColorWhen::Never))
}

/// A copy of the shipped files.
fn copy() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for below in ["policies", "schemas", "tests/policies"] {
        std::fs::create_dir_all(dir.path().join(below)).unwrap();
        for entry in std::fs::read_dir(Path::new(HERE).join(below)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), dir.path().join(below).join(entry.file_name())).unwrap();
            }
        }
    }
    dir
}

/// What the check says of the shipped files after `change`, and that it ends with 3.
fn said(change: impl FnOnce(&Path)) -> String {
    let dir = copy();
    change(dir.path());
    assert_eq!(ends(dir.path(), false, Format::Text).unwrap(), Exit::PoliciesInvalid);
    shown(&check(dir.path(), None, &mut |_| {}), &Output::new(Format::Text, ColorWhen::Never))
}

#[test]
fn every_form_is_answered_and_others_are_refused() {
    for form in [Format::Text, Format::Json, Format::Sarif, Format::Github] {
        assert_eq!(ends(Path::new(HERE), true, form).unwrap(), Exit::Fine);
    }
    assert_eq!(ends(Path::new(HERE), false, Format::Junit).unwrap_err().exit(), Exit::Usage);
}

#[test]
fn warnings_end_with_3_only_where_they_are_denied() {
    let dir = copy();
    let text = "@id(\"x\") forbid (principal is Lockbox::Engineer, action, resource is Lockbox::Content) when { principal.suspended };";
    std::fs::write(dir.path().join("policies/x.cedar"), text).unwrap();
    assert_eq!(ends(dir.path(), false, Format::Text).unwrap(), Exit::Fine);
    assert_eq!(ends(dir.path(), true, Format::Sarif).unwrap(), Exit::PoliciesInvalid);
}

#[test]
fn a_rule_is_explained() {
    let explain = |code: &str| {
        let args = Args {
            dir: PathBuf::new(),
            deny_warnings: false,
            explain: Some(code.to_owned()),
            no_solver: true,
            timeout: 5,
        };
        run(args, &Output::new(Format::Text, ColorWhen::Never))
    };
    assert_eq!(explain("forbid-can-error").unwrap(), Exit::Fine);
    let unknown = explain("forbid-can-eror").unwrap_err();
    assert_eq!(unknown.exit(), Exit::Usage);
    assert!(unknown.to_string().contains("`forbid-can-error`"), "{unknown}");
}

#[test]
fn bad_input_is_told_with_what_to_do() {
    let nowhere = Path::new("/no/such/folder");
    assert_eq!(ends(nowhere, false, Format::Text).unwrap(), Exit::PoliciesInvalid);
    let text = shown(&check(nowhere, None, &mut |_| {}), &Output::new(Format::Text, ColorWhen::Never));
    assert!(text.contains("there is no such directory") && text.contains("check the path"), "{text}");

    let large = said(|dir| {
        let file = std::fs::File::create(dir.join("policies/large.cedar")).unwrap();
        file.set_len(100 << 20).unwrap();
    });
    assert!(large.contains("file-too-large") && large.contains("split it"), "{large}");

    let binary = said(|dir| std::fs::write(dir.join("policies/b.cedar"), [0x7f, b'E', b'L', b'F', 0, 0xff]).unwrap());
    assert!(binary.contains("not-text"), "{binary}");

    let dangling = said(|dir| symlink("nowhere", dir.join("policies/link.cedar")).unwrap());
    assert!(dangling.contains("leads to nothing"), "{dangling}");

    let a_directory = said(|dir| std::fs::create_dir_all(dir.join("policies/x/y.cedar")).unwrap());
    assert!(a_directory.contains("policies-in-subdirectory"), "{a_directory}");

    let a_file = copy();
    let text = shown(
        &check(&a_file.path().join("policies/access.cedar"), None, &mut |_| {}),
        &Output::new(Format::Text, ColorWhen::Never),
    );
    assert!(text.contains("not a directory"), "{text}");

    let a_suite = said(|dir| std::fs::write(dir.join("tests/policies/broken.yaml"), "name: [").unwrap());
    assert!(a_suite.contains("suite-invalid") && a_suite.contains("their suites do not"), "{a_suite}");
}

#[test]
fn what_may_not_be_read_is_told_as_such() {
    let dir = copy();
    let file = dir.path().join("policies/access.cedar");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything; so there is nothing to see then.
    if std::fs::read(&file).is_ok() {
        assert_eq!(ends(dir.path(), false, Format::Text).unwrap(), Exit::Fine);
        return;
    }
    let text = shown(&check(dir.path(), None, &mut |_| {}), &Output::new(Format::Text, ColorWhen::Never));
    assert!(text.contains("this user may not read the file") && text.contains("chmod"), "{text}");
}
