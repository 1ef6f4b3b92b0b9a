//! Policies from signed bundles: by path, and from another Lockbox's authority. Whose are taken, what
//! stays otherwise, and that a restart needs nobody.

use crate::app::{Settings, TestApp, token_of, write_private};
use crate::steps::{ana_reads, eventually, wish};
use lockbox::app::App;
use lockbox::clock::{Clock as _, SeededIds, SystemClock};
use lockbox::config::Config;
use lockbox::policy::bundle::{Contents, PrivateKey, TestsShown, put_whole, sign};
use lockbox::policy::{SourceFile, Sources};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// A guardrail that denies what the shipped policies allow.
const NO_READING: &str = "@id(\"no-reading\") @reason(\"r\") @advice(\"a\") @owner(\"o\") forbid \
                          (principal is Lockbox::Engineer, action == Lockbox::Action::\"read\", resource is Lockbox::Content);";

pub(crate) fn key(seed: u64) -> PrivateKey {
    PrivateKey::generate(&SeededIds::new(seed)).unwrap()
}

/// The shipped set, signed so many seconds from now.
pub(crate) fn shipped(signed_s: u64, key: &PrivateKey) -> Vec<u8> {
    signed(&Sources::shipped(), signed_s, key)
}

pub(crate) fn stricter(signed_s: u64, key: &PrivateKey) -> Vec<u8> {
    let mut sources = Sources::shipped();
    sources.policies.push(SourceFile { name: "policies/no-reading.cedar".to_owned(), text: NO_READING.into() });
    signed(&sources, signed_s, key)
}

fn signed(sources: &Sources, signed_s: u64, key: &PrivateKey) -> Vec<u8> {
    let created_at = SystemClock.wall().plus(Duration::from_secs(signed_s));
    let tests = Some(TestsShown { suites: 1, passed: 1, failed: 0, covered: 1, coverable: 1 });
    sign(Contents { sources, suites: Vec::new(), tests, evidence: None, name: Some("story".into()), created_at }, key)
        .unwrap()
}

/// A bundle, and the key that is trusted.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new(bundle: &[u8]) -> Self {
        let place = Self(TempDir::new().unwrap());
        put_whole(&place.at("key.pub"), key(1).public().to_pem().unwrap().as_bytes(), 0o644).unwrap();
        place.put(bundle);
        place
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn put(&self, bundle: &[u8]) {
        put_whole(&self.at("b.tar.gz"), bundle, 0o644).unwrap();
    }

    pub(crate) fn settings(&self) -> Settings {
        let trusted = format!("[\"{}\"]", self.at("key.pub").display());
        Settings::of(&[
            ("LOCKBOX_POLICIES__BUNDLE", self.at("b.tar.gz").to_str().unwrap()),
            ("LOCKBOX_POLICIES__TRUSTED_KEYS", &trusted),
            ("LOCKBOX_POLICIES__REQUIRE_EVIDENCE", "[\"tests\"]"),
            ("LOCKBOX_POLICIES__KEEP_DIR", self.at("kept").to_str().unwrap()),
        ])
    }
}

fn reload(app: &TestApp) -> (u16, Value) {
    let reply = app.sidecar("otto").post_nothing("/v1/policies/reload");
    (reply.status, reply.json())
}

fn policies_check(app: &TestApp) -> String {
    let ready = app.operations().get("/readyz").json();
    let check = ready["checks"].as_array().unwrap().iter().find(|check| check["name"] == "policies").cloned();
    check.unwrap()["detail"].as_str().unwrap().to_owned()
}

#[test]
fn a_bundle_decides_and_nothing_else_takes_its_place() {
    let place = Place::new(&shipped(0, &key(1)));
    let mut app = TestApp::start_with(place.settings());
    app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    let says = policies_check(&app);
    assert!(says.contains("bundle `story` signed by") && says.contains(&key(1).public().id()), "{says}");

    let earlier = std::fs::read(place.at("b.tar.gz")).unwrap();
    place.put(&stricter(10, &key(2)));
    let (status, refused) = reload(&app);
    assert_eq!((status, &refused["findings"][0]["code"]), (422, &json!("bundle-untrusted")), "{refused}");
    app.becomes(&ana_reads(), "grant_active");

    place.put(&stricter(20, &key(1)));
    let denied = app.becomes(&ana_reads(), "policy_denied");
    assert_eq!(denied["policies"], json!(["no-reading"]));

    // The earlier file is put back: its signature is good, and it is too old.
    place.put(&earlier);
    let (status, refused) = reload(&app);
    assert_eq!((status, &refused["findings"][0]["code"]), (422, &json!("bundle-older")), "{refused}");
    app.denied(&ana_reads(), "policy_denied");

    // Signed anew it is what somebody with the key wants.
    place.put(&shipped(30, &key(1)));
    app.becomes(&ana_reads(), "grant_active");
    app.restart();
    app.becomes(&ana_reads(), "grant_active");
}

#[track_caller]
fn does_not_start(settings: &Settings, says: &str) {
    let dir = TempDir::new().unwrap();
    let (_, path) = lockbox::demo::prepare(dir.path(), &SeededIds::new(3)).unwrap();
    let ports = crate::app::free_ports();
    let config = Config::load(Some(&path), settings.env.iter().cloned().chain(ports)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let error = runtime.block_on(App::start(config)).err().expect("it started").to_string();
    assert!(error.contains(says), "{error}");
}

#[test]
fn without_a_good_bundle_nothing_starts() {
    let place = Place::new(&shipped(0, &key(2)));
    does_not_start(&place.settings(), "bundle-untrusted");
    let bytes = shipped(0, &key(1));
    std::fs::write(place.at("b.tar.gz"), &bytes[..bytes.len() / 2]).unwrap();
    does_not_start(&place.settings(), "bundle-damaged");
    std::fs::remove_file(place.at("b.tar.gz")).unwrap();
    does_not_start(&place.settings(), "bundle-unreadable");
    std::fs::create_dir(place.at("b.tar.gz")).unwrap();
    does_not_start(&place.settings(), "a signed bundle is a file");
}

/// A sidecar's own place: its token, the keys it trusts, what it keeps.
fn fetching(place: &Path, authority: &TestApp, trusted: &PrivateKey) -> Settings {
    write_private(&place.join("token"), &token_of("edge-1"));
    put_whole(&place.join("key.pub"), trusted.public().to_pem().unwrap().as_bytes(), 0o644).unwrap();
    let url = format!("http://{}/v1/policies/bundle", authority.addresses.authority);
    Settings::of(&[
        ("LOCKBOX_POLICIES__BUNDLE_URL", &url),
        ("LOCKBOX_POLICIES__BUNDLE_TOKEN_FILE", place.join("token").to_str().unwrap()),
        ("LOCKBOX_POLICIES__TRUSTED_KEYS", &format!("[\"{}\"]", place.join("key.pub").display())),
        ("LOCKBOX_POLICIES__KEEP_DIR", place.join("kept").to_str().unwrap()),
        ("LOCKBOX_POLICIES__POLL_MS", "50"),
    ])
}

#[test]
fn an_authority_hands_its_bundle_to_sidecars_and_operators() {
    let place = Place::new(&shipped(0, &key(1)));
    let app = TestApp::start_with(place.settings().and_sidecar("edge-1"));
    let path = "/v1/policies/bundle";
    for who in ["edge-1", "otto"] {
        let reply = app.authority(who).get(path).is(200);
        assert_eq!(reply.body, std::fs::read(place.at("b.tar.gz")).unwrap(), "{who}");
        assert_eq!(reply.header("content-type"), Some("application/gzip"));
        let tag = reply.header("etag").unwrap().to_owned();
        let known = app.authority(who).with("If-None-Match", &tag).get(path).is(304);
        assert!(known.body.is_empty() && known.header("etag") == Some(&tag));
        app.authority(who).with("If-None-Match", "\"other\"").get(path).is(200);
    }
    for who in ["ana", "rita", "olga", "csilla", "exchange-frontend"] {
        assert_eq!(app.authority(who).get(path).status, 403, "{who}");
    }
    assert_eq!(app.authority("").get(path).status, 401);
    let folder = TestApp::start();
    let nothing = folder.authority("otto").get(path).is(404).json();
    assert!(nothing["detail"].as_str().unwrap().contains("from a folder"), "{nothing}");
}

#[test]
fn a_sidecar_fetches_verifies_keeps_and_starts_alone() {
    let place = Place::new(&shipped(0, &key(1)));
    let authority = TestApp::start_with(place.settings().and_sidecar("edge-1"));
    let edge = TempDir::new().unwrap();
    let settings = fetching(edge.path(), &authority, &key(1));
    let mut sidecar = TestApp::start_with(settings);
    sidecar.granted(&wish());
    sidecar.becomes(&ana_reads(), "grant_active");
    let kept = edge.path().join("kept/policies.tar.gz");
    assert_eq!(std::fs::read(&kept).unwrap(), std::fs::read(place.at("b.tar.gz")).unwrap());

    place.put(&stricter(10, &key(1)));
    sidecar.becomes(&ana_reads(), "policy_denied");

    // Away: what is kept decides, also after a restart; told, and ready.
    let (address, newer) = (authority.addresses.authority, std::fs::read(&kept).unwrap());
    drop(authority);
    let told = |check: &String| check.contains("cannot be fetched") && check.contains(&address.to_string());
    eventually("the authority's absence is told", || policies_check(&sidecar), told);
    sidecar.restart();
    sidecar.becomes(&ana_reads(), "policy_denied");
    assert_eq!(std::fs::read(&kept).unwrap(), newer);
    assert_eq!(sidecar.operations().get("/readyz").status, 200);
}

#[test]
fn what_an_authority_hands_over_is_only_used_if_the_sidecar_trusts_it() {
    let place = Place::new(&shipped(0, &key(1)));
    let authority = TestApp::start_with(place.settings().and_sidecar("edge-1"));
    let edge = TempDir::new().unwrap();
    let settings = fetching(edge.path(), &authority, &key(2));
    does_not_start(&settings, "bundle-unreadable");
    assert!(!edge.path().join("kept/policies.tar.gz").exists());

    // Kept is a newer one of the key that it trusts: the authority's changes nothing.
    std::fs::create_dir_all(edge.path().join("kept")).unwrap();
    std::fs::write(edge.path().join("kept/policies.tar.gz"), shipped(60, &key(2))).unwrap();
    let sidecar = TestApp::start_with(settings);
    let told = |check: &String| check.contains("is not taken") && check.contains("bundle-untrusted");
    eventually("the refusal is told", || policies_check(&sidecar), told);
    put_whole(&edge.path().join("key.pub"), key(1).public().to_pem().unwrap().as_bytes(), 0o644).unwrap();
    // Trusted now, and too old: that holds whoever signed what was in use.
    let told = |check: &String| check.contains("is not taken") && check.contains("bundle-older");
    eventually("the older one is refused", || policies_check(&sidecar), told);
    place.put(&shipped(120, &key(1)));
    eventually(
        "the authority's is taken",
        || policies_check(&sidecar),
        |check| check.contains(&format!("signed by {}", key(1).public().id())) && !check.contains("is not taken"),
    );
}
