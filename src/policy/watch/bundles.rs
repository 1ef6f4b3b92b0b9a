//! Tests of policies that are from a bundle: whose is taken, when, and what stays in use otherwise.

use super::super::bundle::{Contents, PrivateKey, Require, TestsShown, put_whole, sign};
use super::super::testing::with;
use super::super::{Origin, SignedBundle, Sources};
use super::{NotTaken, PolicyHandle, Reloaded};
use crate::clock::SeededIds;
use crate::domain::Timestamp;
use core::time::Duration;
use std::path::Path;
use tempfile::TempDir;

const GRACE: Duration = Duration::from_secs(60);
const MORE: &str =
    "@id(\"more\") forbid (principal is Lockbox::Engineer, action == Lockbox::Action::\"delete\", resource);";

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn key(seed: u64) -> PrivateKey {
    PrivateKey::generate(&SeededIds::new(seed)).unwrap()
}

fn bundle(sources: &Sources, created_at_ms: i64, key: &PrivateKey) -> Vec<u8> {
    let tests = Some(TestsShown { suites: 1, passed: 1, failed: 0, covered: 1, coverable: 1 });
    let created_at = Timestamp::from_ms(created_at_ms);
    sign(Contents { sources, suites: Vec::new(), tests, evidence: None, name: None, created_at }, key).unwrap()
}

struct Place(TempDir);

impl Place {
    /// A place where the keys 1 and 2 are trusted, and the shipped set is there, signed at 1000 ms by key 1.
    fn new() -> Self {
        let place = Self(TempDir::new().unwrap());
        place.trust(1, &key(1));
        place.trust(2, &key(2));
        place.put(&bundle(&Sources::shipped(), 1000, &key(1)));
        place
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    fn trust(&self, number: u64, key: &PrivateKey) {
        let pem = key.public().to_pem().unwrap();
        put_whole(&self.dir().join(format!("{number}.pub")), pem.as_bytes(), 0o644).unwrap();
    }

    fn put(&self, bytes: &[u8]) {
        put_whole(&self.dir().join("b.tar.gz"), bytes, 0o644).unwrap();
    }

    fn origin(&self) -> SignedBundle {
        let keys = ["1.pub", "2.pub"].map(|name| self.dir().join(name)).to_vec();
        let (path, keep_dir) = (self.dir().join("b.tar.gz"), Some(self.dir().to_owned()));
        SignedBundle { path, trusted_keys: keys, require: Require { tests: true, proof: false }, keep_dir }
    }

    fn open(&self) -> Result<PolicyHandle, String> {
        let opened = PolicyHandle::open(Origin::Bundle(self.origin()), GRACE, at(0));
        opened.map_err(|error| error.findings[0].code.to_owned())
    }
}

#[track_caller]
fn failed(reloaded: Reloaded, code: &str) {
    match reloaded {
        Reloaded::Failed(error) => assert_eq!(error.findings[0].code, code, "{error}"),
        other => panic!("{other:?} where `{code}` was expected"),
    }
}

#[test]
fn a_newer_bundle_is_taken_and_its_signer_is_told() {
    let place = Place::new();
    let handle = place.open().unwrap();
    assert_eq!(handle.status().bundle.unwrap().signed_by, key(1).public().id());
    assert_eq!(handle.poll(at(1)), Reloaded::Unchanged);
    place.put(&bundle(&with(MORE), 2000, &key(2)));
    assert_eq!(handle.poll(at(2)), Reloaded::Swapped { digest: with(MORE).digest() });
    let status = handle.status();
    assert_eq!(handle.current(at(2)).unwrap().digest(), with(MORE).digest());
    let bundle_in_use = status.bundle.unwrap();
    assert_eq!((bundle_in_use.signed_by, bundle_in_use.created_at.as_ms()), (key(2).public().id(), 2000));
    // The same policies, signed anew.
    place.put(&bundle(&with(MORE), 3000, &key(1)));
    assert_eq!(handle.poll(at(3)), Reloaded::Unchanged);
    assert_eq!(handle.status().bundle.unwrap().created_at.as_ms(), 3000);
    assert_eq!((handle.status().reloads, handle.status().checked_at), (1, at(3)));
}

#[test]
fn with_a_key_nothing_but_a_bundle_it_signed_is_taken() {
    let place = Place::new();
    let handle = place.open().unwrap();
    let good = handle.status().digest;
    let path = place.dir().join("b.tar.gz");
    place.put(&bundle(&with(MORE), 2000, &key(3)));
    failed(handle.poll(at(1)), "bundle-untrusted");
    failed(handle.poll(at(2)), "bundle-untrusted");
    assert_eq!(place.open().unwrap_err(), "bundle-untrusted");
    place.put(b"text");
    failed(handle.poll(at(3)), "bundle-damaged");
    std::fs::remove_file(&path).unwrap();
    failed(handle.poll(at(4)), "bundle-unreadable");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("a.cedar"), MORE).unwrap();
    failed(handle.poll(at(5)), "bundle-unreadable");
    assert_eq!(place.open().unwrap_err(), "bundle-unreadable");
    assert_eq!(handle.current(at(61)).unwrap().digest(), good, "the last good set stays for the grace");
    assert!(handle.current(at(62)).is_err(), "and no longer");
}

#[test]
fn a_half_written_bundle_keeps_the_last_good_one() {
    let place = Place::new();
    let handle = place.open().unwrap();
    let (old, new) = (handle.status().digest, bundle(&with(MORE), 2000, &key(1)));
    for length in (0..new.len()).step_by(new.len() / 50) {
        std::fs::write(place.dir().join("b.tar.gz"), &new[..length]).unwrap();
        failed(handle.poll(at(1)), "bundle-damaged");
        assert_eq!(handle.current(at(1)).unwrap().digest(), old);
    }
    std::fs::write(place.dir().join("b.tar.gz"), &new).unwrap();
    assert!(matches!(handle.poll(at(2)), Reloaded::Swapped { .. }));
    assert!(handle.status().last_error.is_none() && handle.status().failing_since.is_none());
}

#[test]
fn an_older_bundle_is_refused_also_after_a_restart() {
    let place = Place::new();
    let old = bundle(&Sources::shipped(), 1000, &key(1));
    let handle = place.open().unwrap();
    place.put(&bundle(&with(MORE), 2000, &key(1)));
    assert!(matches!(handle.poll(at(1)), Reloaded::Swapped { .. }));
    place.put(&old);
    failed(handle.poll(at(2)), "bundle-older");
    failed(handle.reload(at(3)), "bundle-older");
    assert_eq!(handle.current(at(3)).unwrap().digest(), with(MORE).digest());
    drop(handle);
    assert_eq!(place.open().unwrap_err(), "bundle-older");
    // Signed anew, the earlier policies may come back.
    place.put(&bundle(&Sources::shipped(), 2000, &key(1)));
    assert_eq!(place.open().unwrap().status().digest, Sources::shipped().digest());
    std::fs::write(place.dir().join("newest-bundle"), "yesterday").unwrap();
    assert_eq!(place.open().unwrap_err(), "bundle-note");
    std::fs::remove_file(place.dir().join("newest-bundle")).unwrap();
    place.put(&old);
    assert!(place.open().is_ok(), "whoever deletes the note says that any bundle will do");
}

#[test]
fn a_bundle_that_is_handed_over_is_judged_as_one_that_lies_there_and_in_use_at_once() {
    let place = Place::new();
    let handle = place.open().unwrap();
    let shipped = handle.status().digest;
    let refused = |bytes: Vec<u8>| match handle.judge(bytes) {
        Err(NotTaken::Refused(error)) => error.findings[0].code,
        other => panic!("{:?}", other.map(|handed| handed.policy_revision().to_owned())),
    };
    assert_eq!(refused(bundle(&with(MORE), 2000, &key(3))), "bundle-untrusted");
    assert_eq!(refused(bundle(&with(MORE), 900, &key(1))), "bundle-older");
    assert_eq!(refused(b"text".to_vec()), "bundle-damaged");
    assert_eq!(refused(bundle(&with("@id(\"more\") permit ("), 2000, &key(1))), "policy-syntax");
    let handed = handle.judge(bundle(&with(MORE), 2000, &key(2))).unwrap();
    assert_eq!((handle.status().digest, handed.policy_revision()), (shipped, &*with(MORE).digest()), "only judged");
    let later = handle.judge(bundle(&with(MORE), 3000, &key(1))).unwrap();
    handle.take(handed, at(1)).unwrap();
    assert_eq!(handle.current(at(1)).unwrap().digest(), with(MORE).digest());
    assert_eq!(std::fs::read(place.dir().join("b.tar.gz")).unwrap(), bundle(&with(MORE), 2000, &key(2)));
    assert_eq!(handle.poll(at(2)), Reloaded::Unchanged, "it lies where it is looked for");
    let between = handle.judge(bundle(&Sources::shipped(), 2500, &key(1))).unwrap();
    // The same policies, signed anew; and one that was judged before that and is older than it.
    handle.take(later, at(3)).unwrap();
    assert_eq!((handle.status().reloads, handle.status().bundle.unwrap().created_at.as_ms()), (1, 3000));
    assert!(
        matches!(handle.take(between, at(4)), Err(NotTaken::Refused(error)) if error.findings[0].code == "bundle-older")
    );
    drop(handle);
    assert_eq!(place.open().unwrap().status().digest, with(MORE).digest());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (dir, schema) = (root.join("policies"), root.join("schemas/lockbox.cedarschema"));
    let folder = PolicyHandle::open(Origin::Directory { dir, schema }, GRACE, at(0)).unwrap();
    assert_eq!(folder.judge(b"text".to_vec()).err(), Some(NotTaken::Folder));
}

#[test]
fn a_bundle_that_cannot_be_kept_is_not_used() {
    let place = Place::new();
    let handle = place.open().unwrap();
    let handed = handle.judge(bundle(&with(MORE), 2000, &key(1))).unwrap();
    // A folder stands where the file is to go.
    std::fs::remove_file(place.dir().join("b.tar.gz")).unwrap();
    std::fs::create_dir(place.dir().join("b.tar.gz")).unwrap();
    let unkept = handle.take(handed, at(1));
    assert!(
        matches!(&unkept, Err(NotTaken::Refused(error)) if error.findings[0].code == "bundle-unkept"),
        "{unkept:?}"
    );
    assert_eq!(handle.status().digest, Sources::shipped().digest());
}

#[test]
fn keys_are_exchanged_without_a_restart() {
    let place = Place::new();
    let handle = place.open().unwrap();
    // The new key comes, the bundle follows, the old key goes.
    place.trust(2, &key(3));
    assert_eq!(handle.poll(at(1)), Reloaded::Unchanged);
    place.put(&bundle(&with(MORE), 2000, &key(3)));
    assert!(matches!(handle.poll(at(2)), Reloaded::Swapped { .. }));
    place.trust(1, &key(4));
    assert_eq!(handle.poll(at(3)), Reloaded::Unchanged);
    assert!(handle.status().last_error.is_none());
    // A key that is taken back takes what it signed with it, after the grace.
    place.trust(2, &key(5));
    failed(handle.poll(at(4)), "bundle-untrusted");
    assert!(handle.current(at(64)).is_ok() && handle.current(at(65)).is_err());
    std::fs::write(place.dir().join("2.pub"), "no key").unwrap();
    failed(handle.poll(at(66)), "bundle-key");
}

#[test]
fn a_bundle_without_the_evidence_asked_for_is_refused() {
    let place = Place::new();
    let require = Require { tests: true, proof: true };
    let opened = PolicyHandle::open(Origin::Bundle(SignedBundle { require, ..place.origin() }), GRACE, at(0));
    assert_eq!(opened.unwrap_err().findings[0].code, "bundle-evidence");
}

#[test]
fn a_signed_bundle_whose_policies_do_not_load_is_refused() {
    let place = Place::new();
    let handle = place.open().unwrap();
    let broken = with("@id(\"more\") permit (");
    place.put(&bundle(&broken, 2000, &key(1)));
    failed(handle.poll(at(1)), "policy-syntax");
    failed(handle.poll(at(2)), "policy-syntax");
    assert_eq!(handle.current(at(2)).unwrap().digest(), Sources::shipped().digest());
    // What was never in use is no measure of how new a bundle must be.
    place.put(&bundle(&with(MORE), 1500, &key(1)));
    assert!(matches!(handle.poll(at(3)), Reloaded::Swapped { .. }));
}
