//! Tests of bundles: what is signed is read back, the same bytes each time; whatever else somebody may
//! send is refused, with the reason.

use super::archive::{Files, MANIFEST, SIGNATURE, pack, unpack};
use super::*;
use crate::clock::SeededIds;
use crate::domain::Timestamp;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::Write as _;
use std::sync::LazyLock;

mod files;

const NOW_MS: i64 = 1_795_339_800_000;

fn key(seed: u64) -> PrivateKey {
    PrivateKey::generate(&SeededIds::new(seed)).unwrap()
}

fn tests_passed() -> TestsShown {
    TestsShown { suites: 1, passed: 3, failed: 0, covered: 8, coverable: 9 }
}

fn proved(revision: String) -> Evidence {
    let holds = invariant_ids(&Sources::shipped());
    assert!(holds.len() >= 6, "{holds:?}");
    let proof = ProofShown { revision, solver: "cvc5 1.0.3".to_owned(), holds, open: Vec::new() };
    Evidence { files: vec![("never-mixed/read.smt2".to_owned(), b"(check-sat)\n".to_vec())], proof }
}

fn contents(sources: &Sources) -> Contents<'_> {
    Contents {
        sources,
        suites: vec![("access.yaml".to_owned(), b"name: x\n".to_vec())],
        tests: Some(tests_passed()),
        evidence: Some(proved(sources.digest())),
        name: Some("2026.11.1".to_owned()),
        created_at: Timestamp::from_ms(NOW_MS),
    }
}

static SHIPPED: LazyLock<Vec<u8>> = LazyLock::new(|| sign(contents(&Sources::shipped()), &key(1)).unwrap());

fn read(bytes: &[u8]) -> Result<Bundle, BundleError> {
    Bundle::from_bytes("b.tar.gz", bytes, Some(&[key(2).public(), key(1).public()]))
}

#[track_caller]
fn refused(bytes: &[u8], code: &str, says: &str) {
    let error = read(bytes).unwrap_err();
    assert!(error.code() == code && error.to_string().contains(says), "{}: {error}", error.code());
}

/// The shipped bundle with its files changed, its manifest as it was.
fn with(change: impl FnOnce(&mut Files)) -> Vec<u8> {
    let mut files = unpack(&SHIPPED).unwrap();
    change(&mut files);
    pack(&files).unwrap()
}

/// The shipped bundle with its manifest changed, and signed again.
fn manifest_with(from: &str, to: &str) -> Vec<u8> {
    with(|files| {
        let text = String::from_utf8(files[MANIFEST].clone()).unwrap();
        assert!(text.contains(from), "{text}");
        let text = text.replacen(from, to, 1);
        files.insert(SIGNATURE.to_owned(), key(1).sign(text.as_bytes()).to_vec());
        files.insert(MANIFEST.to_owned(), text.into_bytes());
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn what_is_signed_is_read_back() {
    let bundle = read(&SHIPPED).unwrap();
    assert_eq!(bundle.signed_by(), Some(key(1).public().id().as_str()));
    let manifest = bundle.manifest();
    assert_eq!((manifest.created_at.as_ms(), manifest.name.as_deref()), (NOW_MS, Some("2026.11.1")));
    assert_eq!(manifest.revision, Sources::shipped().digest());
    let (sources, shipped) = (Sources::from_bundle(&bundle).unwrap(), Sources::shipped());
    assert_eq!(sources.digest(), shipped.digest());
    assert_eq!((sources.policies.len(), sources.invariants.len()), (shipped.policies.len(), shipped.invariants.len()));
    assert_eq!(sources.schema.name, "b.tar.gz/schemas/lockbox.cedarschema");
    assert_eq!(bundle.suites().collect::<Vec<_>>(), [("b.tar.gz/tests/access.yaml".to_owned(), &b"name: x\n"[..])]);
    assert_eq!(bundle.file("evidence/never-mixed/read.smt2"), Some(&b"(check-sat)\n"[..]));
    bundle.shows(Require { tests: true, proof: true }).unwrap();
    crate::policy::PolicySet::from_sources(&sources).unwrap();
}

#[test]
fn the_same_contents_give_the_same_bytes() {
    assert_eq!(*SHIPPED, sign(contents(&Sources::shipped()), &key(1)).unwrap());
    let shipped = Sources::shipped();
    let later = Contents { created_at: Timestamp::from_ms(NOW_MS + 1), ..contents(&shipped) };
    assert_ne!(*SHIPPED, sign(later, &key(1)).unwrap());
    // Where the files lay makes no difference.
    let mut moved = Sources::shipped();
    for file in &mut moved.policies {
        file.name = format!("/somewhere/else/{}", file.last_name());
    }
    assert_eq!(*SHIPPED, sign(contents(&moved), &key(1)).unwrap());
}

#[test]
fn only_a_trusted_key_s_signature_counts() {
    let error = Bundle::from_bytes("b", &SHIPPED, Some(&[key(2).public()])).unwrap_err();
    assert_eq!(error.code(), "bundle-untrusted");
    let said = error.to_string();
    assert!(said.contains(&key(1).public().id()) && said.contains(&key(2).public().id()), "{said}");
    assert_eq!(Bundle::from_bytes("b", &SHIPPED, Some(&[])).unwrap_err().code(), "bundle-untrusted");
    // A key's id in the manifest is only a name: another's signature under it is none.
    let forged = with(|files| {
        let signature = key(3).sign(&files[MANIFEST]);
        files.insert(SIGNATURE.to_owned(), signature.to_vec());
    });
    refused(&forged, "bundle-signature", "changed after it was signed");
    for signature in [vec![], vec![0; 63], vec![0; 64], vec![255; 64]] {
        let bytes = with(|files| drop(files.insert(SIGNATURE.to_owned(), signature)));
        assert!(read(&bytes).is_err());
    }
    let unasked = Bundle::from_bytes("b", &SHIPPED, None).unwrap();
    assert_eq!(unasked.signed_by(), None);
}

#[test]
fn files_must_be_those_of_the_manifest() {
    let policy = "policies/access.cedar";
    refused(&with(|files| files.get_mut(policy).unwrap().push(b'\n')), "bundle-form", "not the file that the manifest");
    refused(&with(|files| drop(files.remove(policy))), "bundle-form", "is not there");
    refused(&with(|files| drop(files.remove("tests/access.yaml"))), "bundle-form", "is not there");
    for more in ["policies/zz.cedar", "policies/a.cedar", "evidence/a", "tests/zz.yaml"] {
        refused(&with(|files| drop(files.insert(more.to_owned(), vec![]))), "bundle-form", "is not listed");
    }
    refused(&with(|files| drop(files.remove(MANIFEST))), "bundle-form", "no `manifest.json`");
    refused(&with(|files| drop(files.remove(SIGNATURE))), "bundle-form", "no `manifest.sig`");
}

#[test]
fn the_manifest_must_be_ours() {
    refused(&manifest_with("\"format\": 1", "\"format\": 2"), "bundle-format", "has the format 2");
    refused(&manifest_with("\"format\": 1", "\"format\": 1, \"more\": 2"), "bundle-form", "more");
    refused(&manifest_with("\"format\": 1", "\"format\": 1, \"name\": \"x\""), "bundle-form", "duplicate");
    refused(&manifest_with("2026.11.1", "2026\\u001b[31m"), "bundle-form", "signs that it should not have");
    refused(&manifest_with("2026-11-22", "2026-13-22"), "bundle-form", "RFC 3339");
    let revision = Sources::shipped().digest();
    let other = manifest_with(&revision, &format!("sha256:{}", "0".repeat(64)));
    let error = Sources::from_bundle(&read(&other).unwrap()).unwrap_err();
    assert_eq!(error.findings[0].code, "bundle-revision");
}

#[test]
fn evidence_counts_when_it_is_there_good_and_of_this_revision() {
    let (tests, proof) = (Require { tests: true, proof: false }, Require { tests: false, proof: true });
    let shipped = Sources::shipped();
    let bundle_of = |contents: Contents<'_>| read(&sign(contents, &key(1)).unwrap()).unwrap();
    let bare = bundle_of(Contents { tests: None, evidence: None, ..contents(&shipped) });
    bare.shows(Require::default()).unwrap();
    assert!(bare.shows(tests).is_err() && bare.shows(proof).is_err());
    let failed = TestsShown { failed: 1, ..tests_passed() };
    assert!(bundle_of(Contents { tests: Some(failed), ..contents(&shipped) }).shows(tests).is_err());
    let none = TestsShown { passed: 0, ..tests_passed() };
    assert!(bundle_of(Contents { tests: Some(none), ..contents(&shipped) }).shows(tests).is_err());

    let mut evidence = proved(shipped.digest());
    let left_out = evidence.proof.holds.pop().unwrap();
    let error =
        bundle_of(Contents { evidence: Some(evidence.clone()), ..contents(&shipped) }).shows(proof).unwrap_err();
    assert!(error.to_string().contains(&left_out), "{error}");
    evidence.proof.holds.push(left_out);
    evidence.proof.open.push("another".to_owned());
    assert!(bundle_of(Contents { evidence: Some(evidence), ..contents(&shipped) }).shows(proof).is_err());

    let stale = Contents { evidence: Some(proved("sha256:older".to_owned())), ..contents(&shipped) };
    let error = sign(stale, &key(1)).unwrap_err();
    assert!(error.to_string().contains("prove them again"), "{error}");
    let without = Sources { invariants: Vec::new(), ..Sources::shipped() };
    let nothing = ProofShown { holds: Vec::new(), ..proved(without.digest()).proof };
    let evidence = Some(Evidence { files: Vec::new(), proof: nothing });
    assert!(bundle_of(Contents { evidence, ..contents(&without) }).shows(proof).is_err());
}

/// A tar archive with one entry of this kind, path and size claim.
fn tar_with(kind: tar::EntryType, path: &[u8], size: u64, bytes: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    let mut tar = tar::Builder::new(Vec::new());
    tar.append(&header, bytes).unwrap();
    gzip(&tar.into_inner().unwrap())
}

#[test]
fn archives_that_would_do_something_else_are_refused() {
    use tar::EntryType;
    let kinds = [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Directory,
        EntryType::Char,
        EntryType::Fifo,
        EntryType::GNULongName,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
        EntryType::GNUSparse,
    ];
    for kind in kinds {
        refused(&tar_with(kind, b"policies/a.cedar", 0, b""), "bundle-form", "is no plain file");
    }
    let paths = [
        "/etc/passwd",
        "../a.cedar",
        "policies/../../a.cedar",
        "policies//a.cedar",
        "policies/./a.cedar",
        "./manifest.json",
        "policies/.a.cedar",
        "policies/a.cedar/",
        "policies/a b.cedar",
        "policies\\a.cedar",
        "policies/a.txt",
        "policies/sub/a.cedar",
        "POLICIES/a.cedar",
        "tests/a.sh",
        "evidence",
        "evidence/",
        "other",
        "",
    ];
    for path in paths {
        refused(&tar_with(EntryType::Regular, path.as_bytes(), 0, b""), "bundle-form", "has no place in a bundle");
    }
    refused(&tar_with(EntryType::Regular, b"policies/\xff.cedar", 0, b""), "bundle-form", "is no UTF-8");
    refused(&tar_with(EntryType::Regular, b"policies/a.cedar", 2 << 20, b""), "bundle-form", "is larger than");
    refused(&tar_with(EntryType::Regular, b"policies/a.cedar", 8192, b"short"), "bundle-damaged", "");
}

#[test]
fn what_the_archive_hides_beside_its_files_is_refused() {
    let tar_of = |mode, times| {
        let mut tar = tar::Builder::new(Vec::new());
        for _ in 0..times {
            let mut header = tar::Header::new_ustar();
            header.set_path("policies/a.cedar").unwrap();
            header.set_size(1);
            header.set_mode(mode);
            header.set_mtime(0);
            header.set_uid(0);
            header.set_gid(0);
            header.set_cksum();
            tar.append(&header, &b"x"[..]).unwrap();
        }
        tar.into_inner().unwrap()
    };
    refused(&gzip(&tar_of(0o644, 2)), "bundle-form", "is there twice");
    refused(&gzip(&tar_of(0o4755, 1)), "bundle-form", "more than its files");
    let mut behind = tar_of(0o644, 1);
    behind.extend_from_slice(b"permit(principal, action, resource);");
    refused(&gzip(&behind), "bundle-form", "more than its files");
    let mut behind = SHIPPED.clone();
    behind.extend_from_slice(&gzip(b"more"));
    refused(&behind, "bundle-damaged", "behind its end");
}

#[test]
fn what_is_too_large_is_not_unpacked() {
    // 64 MiB of zeros in some hundred KB: the signature could only be looked at behind them.
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    bomb.write_all(&vec![0; (64 << 20) + 1]).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    refused(&bomb, "bundle-too-large", "unpacks to more");
    refused(&vec![0; (32 << 20) + 1], "bundle-too-large", "larger than 32 MiB");
    let many: Files = (0..20_000).map(|number| (format!("evidence/{number}"), Vec::new())).collect();
    assert_eq!(pack(&many).unwrap_err().code(), "bundle-too-large");
}

#[test]
fn names_that_other_systems_read_otherwise_are_not_signed() {
    for name in ["a b.cedar", "é.cedar", ".hidden.cedar", &format!("{}.cedar", "a".repeat(100))] {
        let mut sources = Sources::shipped();
        sources.policies[0].name = format!("policies/{name}");
        let error = sign(Contents { evidence: None, ..contents(&sources) }, &key(1)).unwrap_err();
        assert!(error.to_string().contains("has no place in a bundle"), "{name}: {error}");
    }
    let shipped = Sources::shipped();
    assert!(sign(Contents { name: Some("a\nb".to_owned()), ..contents(&shipped) }, &key(1)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A bundle that was cut or changed anywhere is refused, or is the same bundle still (gzip's own
    /// header has bits that nobody reads).
    #[test]
    fn a_changed_bundle_is_never_another_one(at in any::<prop::sample::Index>(), mask in 1u8.., cut in any::<bool>()) {
        let mut bytes = SHIPPED.clone();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= mask }
        match read(&bytes) {
            Ok(bundle) => prop_assert_eq!(bundle, read(&SHIPPED).unwrap()),
            Err(_) => prop_assert!(read(&SHIPPED).is_ok()),
        }
    }

    #[test]
    fn whatever_is_read_is_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(read(&bytes).is_err());
        prop_assert!(read(&gzip(&bytes)).is_err());
    }
}
