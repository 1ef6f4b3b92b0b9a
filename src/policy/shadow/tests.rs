//! Tests of shadow policies by themselves: when they are there, and how they stand.

use super::super::bundle::{Contents, PrivateKey, put_whole, sign};
use super::super::testing::with;
use super::super::{SourceFile, Sources};
use super::*;
use crate::clock::SeededIds;
use std::path::Path;

const MORE: &str =
    "@id(\"more\") forbid (principal is Lockbox::Engineer, action == Lockbox::Action::\"delete\", resource);";

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn write(dir: &Path, sources: &Sources) {
    let put = |dir: &Path, file: &SourceFile| std::fs::write(dir.join(file.last_name()), file.text.as_bytes()).unwrap();
    std::fs::create_dir_all(dir.join("invariant")).unwrap();
    put(dir, &sources.schema);
    sources.policies.iter().for_each(|file| put(dir, file));
    sources.invariants.iter().for_each(|file| put(&dir.join("invariant"), file));
}

#[test]
fn a_shadow_may_come_later_and_stays_when_its_files_go() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("next");
    let shadow = ShadowPolicies::at(dir.clone());
    assert_eq!(shadow.status(), ShadowStatus { digest: None, error: None });
    assert!(matches!(shadow.poll(at(1)), Reloaded::Failed(_)));
    assert!(shadow.status().error.is_some());

    write(&dir, &with("@id(\"more\") permit ("));
    assert!(matches!(shadow.poll(at(2)), Reloaded::Failed(_)));
    let first = shadow.status().error.unwrap();
    assert!(matches!(shadow.poll(at(3)), Reloaded::Failed(_)));
    assert!(Arc::ptr_eq(&first, &shadow.status().error.unwrap()), "what failed is not compiled twice a second");

    write(&dir, &with(MORE));
    assert_eq!(shadow.poll(at(4)), Reloaded::Swapped { digest: with(MORE).digest() });
    assert_eq!(shadow.status(), ShadowStatus { digest: Some(with(MORE).digest()), error: None });
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(matches!(shadow.poll(at(1_000_000)), Reloaded::Failed(_)));
    let status = shadow.status();
    assert!(status.error.is_some() && status.digest == Some(with(MORE).digest()));
    assert!(shadow.handle.get().unwrap().current(at(9_000_000)).is_ok(), "no grace ends what decides nothing");
}

#[test]
fn a_bundle_of_anybody_s_may_be_a_shadow() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("next.tar.gz");
    let (sources, key) = (with(MORE), PrivateKey::generate(&SeededIds::new(9)).unwrap());
    let created_at = Timestamp::from_ms(0);
    let contents =
        Contents { sources: &sources, suites: Vec::new(), tests: None, evidence: None, name: None, created_at };
    put_whole(&path, &sign(contents, &key).unwrap(), 0o644).unwrap();
    let shadow = ShadowPolicies::at(path);
    assert_eq!(shadow.poll(at(1)), Reloaded::Swapped { digest: sources.digest() });
}

#[test]
fn every_outcome_has_its_place_and_a_name_of_its_own() {
    for (index, outcome) in ShadowOutcome::ALL.into_iter().enumerate() {
        assert_eq!(outcome.index(), index);
    }
    let names: std::collections::BTreeSet<_> = ShadowOutcome::ALL.map(ShadowOutcome::as_str).into();
    assert_eq!(names.len(), ShadowOutcome::ALL.len());
}
