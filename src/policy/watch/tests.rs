//! Tests of reloading: what is taken, what is refused, and what is still in use afterwards.

use super::super::{Origin, SourceFile, Sources};
use super::{PolicyHandle, Reloaded};
use core::time::Duration;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const GRACE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn write(dir: &Path, files: &[SourceFile]) {
    fs::create_dir_all(dir).unwrap();
    for file in files {
        fs::write(dir.join(file.name.rsplit('/').next().unwrap()), file.text.as_bytes()).unwrap();
    }
}

/// The shipped set in a directory, and the file that holds its guardrails.
fn shipped() -> (TempDir, PolicyHandle) {
    let dir = TempDir::new().unwrap();
    let sources = Sources::shipped();
    write(&dir.path().join("policies"), &sources.policies);
    write(&dir.path().join("policies/invariant"), &sources.invariants);
    write(dir.path(), &[sources.schema]);
    let handle = open(dir.path());
    (dir, handle)
}

fn open(dir: &Path) -> PolicyHandle {
    let origin = Origin::Directory { dir: dir.join("policies"), schema: dir.join("lockbox.cedarschema") };
    PolicyHandle::open(origin, GRACE, at(0)).unwrap()
}

fn failed(reloaded: Reloaded, code: &str) {
    match reloaded {
        Reloaded::Failed(error) => assert!(error.findings.iter().any(|finding| finding.code == code), "{error}"),
        other => panic!("{other:?} where `{code}` was expected"),
    }
}

#[test]
fn an_edit_is_taken_and_the_revision_tells() {
    let (dir, handle) = shipped();
    let before = handle.current(at(1)).unwrap();
    assert_eq!(before.digest(), Sources::shipped().digest(), "the digest does not depend on where the files lie");
    assert_eq!(handle.poll(at(1)), Reloaded::Unchanged);
    fs::write(
        dir.path().join("policies/more.cedar"),
        "@id(\"more\") forbid (principal is Lockbox::Engineer, action == Lockbox::Action::\"delete\", resource);",
    )
    .unwrap();
    assert!(matches!(handle.poll(at(2)), Reloaded::Swapped { .. }));
    let after = handle.current(at(2)).unwrap();
    assert_ne!(before.digest(), after.digest());
    assert_eq!((handle.status().loaded_at, handle.status().reloads), (at(2), 1));
}

#[test]
fn a_bad_set_keeps_the_last_good_one_for_the_grace_and_not_longer() {
    let (dir, handle) = shipped();
    let good = handle.status().digest;
    let guardrails = dir.path().join("policies/guardrails.cedar");
    let text = fs::read_to_string(&guardrails).unwrap();
    fs::write(&guardrails, text.get(..text.len() / 2).unwrap()).unwrap();
    failed(handle.poll(at(10)), "policy-syntax");
    failed(handle.poll(at(69)), "policy-syntax");
    assert_eq!(handle.current(at(70)).unwrap().digest(), good);
    assert_eq!(handle.status().failing_since, Some(at(10)));
    assert!(handle.current(at(71)).is_err());
    fs::write(&guardrails, text).unwrap();
    assert_eq!(handle.poll(at(80)), Reloaded::Unchanged);
    assert!(handle.current(at(80)).is_ok() && handle.status().last_error.is_none());
}

#[test]
fn a_set_that_nobody_compares_any_more_is_not_used() {
    let (_dir, handle) = shipped();
    assert!(handle.current(at(60)).is_ok());
    assert!(handle.current(at(61)).is_err());
}

#[test]
fn files_gone_unreadable_or_strange_are_refused_one_by_one() {
    let (dir, handle) = shipped();
    let policies = dir.path().join("policies");
    let odd = policies.join("odd.cedar");
    let cases: [(&str, &dyn Fn()); 6] = [
        ("byte-order-mark", &|| fs::write(&odd, b"\xef\xbb\xbf// x").unwrap()),
        ("not-text", &|| fs::write(&odd, [0x80, 0xff]).unwrap()),
        ("not-text", &|| fs::write(&odd, b"// a\0b").unwrap()),
        ("file-too-large", &|| fs::File::create(&odd).unwrap().set_len(100 << 20).unwrap()),
        ("unreadable", &|| {
            fs::remove_file(&odd).unwrap();
            std::os::unix::fs::symlink("nowhere", &odd).unwrap();
        }),
        ("not-a-file", &|| {
            fs::remove_file(&odd).unwrap();
            std::os::unix::fs::symlink("/dev/zero", &odd).unwrap();
        }),
    ];
    for (second, (code, make)) in (1..).zip(cases) {
        make();
        failed(handle.poll(at(second)), code);
    }
    fs::remove_file(&odd).unwrap();
    assert_eq!(handle.poll(at(20)), Reloaded::Unchanged);
    fs::rename(policies.join("guardrails.cedar"), policies.join("guardrails.txt")).unwrap();
    failed(handle.poll(at(21)), "canary");
    fs::remove_file(dir.path().join("lockbox.cedarschema")).unwrap();
    failed(handle.poll(at(22)), "unreadable");
    assert!(handle.current(at(22)).is_ok());
}

#[test]
fn a_lost_permission_is_seen_unless_nothing_is_forbidden_to_us() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, handle) = shipped();
    let file = dir.path().join("policies/guardrails.cedar");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&file).is_ok() {
        // The superuser reads everything: there is nothing to see.
        assert_eq!(handle.poll(at(1)), Reloaded::Unchanged);
    } else {
        failed(handle.poll(at(1)), "unreadable");
    }
}

#[test]
fn links_swapped_behind_the_directory_are_followed() {
    let dir = TempDir::new().unwrap();
    let sources = Sources::shipped();
    write(dir.path(), &[sources.schema]);
    let policies = dir.path().join("policies");
    write(&policies.join("..one"), &sources.policies);
    write(&policies.join("..two"), &sources.policies);
    let more =
        "@id(\"more\") forbid (principal is Lockbox::Engineer, action == Lockbox::Action::\"delete\", resource);";
    let access = policies.join("..two/access.cedar");
    fs::write(&access, fs::read_to_string(&access).unwrap() + more).unwrap();
    std::os::unix::fs::symlink("..one", policies.join("..data")).unwrap();
    for name in ["access.cedar", "guardrails.cedar", "lifecycle.cedar"] {
        std::os::unix::fs::symlink(Path::new("..data").join(name), policies.join(name)).unwrap();
    }
    let handle = open(dir.path());
    assert_eq!(handle.poll(at(1)), Reloaded::Unchanged);
    std::os::unix::fs::symlink("..two", policies.join("..next")).unwrap();
    fs::rename(policies.join("..next"), policies.join("..data")).unwrap();
    assert!(matches!(handle.poll(at(2)), Reloaded::Swapped { .. }));
    assert!(handle.current(at(2)).unwrap().policy("more").is_some());
}
