//! Bundles pushed through the authority: when the call answers `effective`, no sidecar of the fleet decides by what
//! was before; one that cannot take what is demanded denies, and says why.

use crate::app::{Settings, TestApp, token_of, write_private};
use crate::bundles::{Place, key, shipped, stricter};
use crate::edge::Edge;
use crate::postgres::Database;
use crate::process::lockbox;
use crate::steps::{ana_reads, eventually, wish};
use crate::wire::Reply;
use lockbox::policy::bundle::{PrivateKey, put_whole};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

const PATH: &str = "/v1/policies/bundle";

/// An authority that trusts the keys 1 and 2, and uses the shipped set.
fn authority(place: &Place) -> TestApp {
    TestApp::start_with(trusting(place))
}

fn trusting(place: &Place) -> Settings {
    trust(&place.at("second.pub"), &key(2));
    let trusted = format!("[\"{}\", \"{}\"]", place.at("key.pub").display(), place.at("second.pub").display());
    let mut settings = place.settings().and_sidecar("edge-1").and_sidecar("edge-2");
    let keys = settings.env.iter_mut().find(|(name, _)| name.ends_with("TRUSTED_KEYS")).unwrap();
    keys.1 = trusted;
    settings
}

fn trust(file: &Path, key: &PrivateKey) {
    put_whole(file, key.public().to_pem().unwrap().as_bytes(), 0o644).unwrap();
}

fn url(app: &TestApp) -> String {
    format!("http://{}", app.addresses.authority)
}

/// A sidecar that trusts the key 1 and looks for policies by itself so seldom that it never does here.
fn edge(app: &TestApp, dir: &Path) -> Edge {
    edge_of(app, &url(app), dir)
}

/// The same behind this authority.
fn edge_of(app: &TestApp, authority: &str, dir: &Path) -> Edge {
    write_private(&dir.join("token"), &token_of("edge-1"));
    trust(&dir.join("key.pub"), &key(1));
    let at = |name: &str| dir.join(name).display().to_string();
    let settings = [
        ("policies.bundle_url", &*format!("{authority}{PATH}")),
        ("policies.bundle_token_file", &*at("token")),
        ("policies.trusted_keys", &*format!("[\"{}\"]", at("key.pub"))),
        ("policies.keep_dir", &*at("kept")),
        ("policies.poll_ms", "60000"),
    ];
    Edge::sidecar(app, "edge-1", authority, &settings)
}

fn push_as(app: &TestApp, who: &str, query: &str, bundle: &[u8]) -> Reply {
    app.authority(who).post_bytes_as("PUT", &format!("{PATH}{query}"), "application/gzip", bundle)
}

fn push(app: &TestApp, bundle: &[u8]) -> Value {
    push_as(app, "otto", "", bundle).is(200).json()
}

fn check(edge: &Edge, name: &str) -> Value {
    let ready = edge.readiness();
    ready["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).cloned().unwrap()
}

#[test]
fn what_is_pushed_decides_the_very_next_question_after_the_answer() {
    let place = Place::new(&shipped(0, &key(1)));
    let app = authority(&place);
    let dir = TempDir::new().unwrap();
    let edge = edge(&app, dir.path());
    app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    for round in 1..4 {
        let bundle = stricter(20 * round, &key(1));
        let pushed = push(&app, &bundle);
        assert_eq!((&pushed["effective"], &pushed["name"]), (&json!(true), &json!("story")), "{pushed}");
        assert_eq!(edge.reason(&app, &ana_reads()), "policy_denied", "it was answered effective");
        app.denied(&ana_reads(), "policy_denied");
        let shown = check(&edge, "policies")["detail"].as_str().unwrap().to_owned();
        assert!(shown.contains(pushed["policy_revision"].as_str().unwrap()), "{shown}");
        // Kept where either keeps its own, and handed out by its digest.
        assert!(std::fs::read(place.at("b.tar.gz")).unwrap() == bundle);
        assert!(std::fs::read(dir.path().join("kept/policies.tar.gz")).unwrap() == bundle);
        let by_digest = format!("{PATH}?digest={}", pushed["digest"].as_str().unwrap());
        assert!(app.authority("edge-1").get(&by_digest).is(200).body == bundle);

        push(&app, &shipped(20 * round + 10, &key(1)));
        assert_eq!(edge.reason(&app, &ana_reads()), "grant_active", "and back again");
        // In use nowhere any more, and kept for who has not come so far.
        assert!(app.authority("edge-1").get(&by_digest).is(200).body == bundle);
    }
    let denied = push(&app, &stricter(90, &key(1)));
    assert_eq!(edge.reason(&app, &ana_reads()), "policy_denied");
    let mut tail = lockbox();
    tail.args(["log", "tail", "-n", "1", "--output", "json"]).arg(edge.dir().join("decisions"));
    let recorded = String::from_utf8(tail.output().unwrap().stdout).unwrap();
    assert!(recorded.contains(denied["policy_revision"].as_str().unwrap()), "{recorded}");
    push(&app, &shipped(95, &key(1)));
    let at_once = push_as(&app, "otto", "?wait=false", &stricter(100, &key(1))).is(200).json();
    assert_eq!(at_once["effective"], false);
    assert!(at_once["effective_at"].as_str().is_some(), "{at_once}");
    edge.becomes(&app, &ana_reads(), "policy_denied");
    let unknown = format!("{PATH}?digest={}", "0".repeat(64));
    app.authority("edge-1").get(&unknown).is(404);
}

#[test]
fn a_sidecar_that_does_not_trust_it_denies_and_says_why_until_it_does() {
    let place = Place::new(&shipped(0, &key(1)));
    let app = authority(&place);
    let dir = TempDir::new().unwrap();
    let edge = edge(&app, dir.path());
    let folder = Edge::sidecar(&app, "edge-2", &url(&app), &[]);
    app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    folder.becomes(&app, &ana_reads(), "grant_active");

    let pushed = push(&app, &stricter(10, &key(2)));
    assert_eq!(pushed["effective"], true, "nobody can be waited for longer than his lease lasts");
    assert_eq!(edge.reason(&app, &ana_reads()), "lease_expired");
    let state = check(&edge, "state");
    assert_eq!(state["ok"], false, "{state}");
    let why = state["detail"].as_str().unwrap();
    assert!(why.contains("demands") && why.contains("bundle-untrusted") && why.contains(PATH), "{why}");
    assert_eq!(folder.reason(&app, &ana_reads()), "grant_active", "policies of its own are its own");

    trust(&dir.path().join("key.pub"), &key(2));
    edge.becomes(&app, &ana_reads(), "policy_denied");
    assert_eq!(check(&edge, "state")["ok"], true);
}

#[test]
fn a_sidecar_that_starts_adopts_what_is_demanded_before_it_allows() {
    let place = Place::new(&shipped(0, &key(1)));
    let app = authority(&place);
    let dir = TempDir::new().unwrap();
    let mut edge = edge(&app, dir.path());
    app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    edge.kill();
    assert_eq!(push(&app, &stricter(10, &key(2)))["effective"], true);

    // It starts with the bundle that it has kept, which is good and is not what is demanded.
    edge.kill_and_restart(&[]);
    let why = |state: &Value| state["detail"].as_str().unwrap().contains("bundle-untrusted");
    eventually("it says why it has no lease", || check(&edge, "state"), why);
    assert_eq!(edge.reason(&app, &ana_reads()), "not_ready");
    trust(&dir.path().join("key.pub"), &key(2));
    let answered = eventually("it has a lease", || edge.reason(&app, &ana_reads()), |reason| reason != "not_ready");
    assert_eq!(answered, "policy_denied");
    edge.kill_and_restart(&[]);
    let answered = eventually("it has a lease", || edge.reason(&app, &ana_reads()), |reason| reason != "not_ready");
    assert_eq!(answered, "policy_denied");
}

#[test]
fn what_is_refused_changes_nothing() {
    let place = Place::new(&shipped(60, &key(1)));
    let app = authority(&place);
    app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    let stands = || {
        let revision = app.authority("otto").get("/v1/fleet").is(200).json()["revision"].as_u64();
        let served = app.authority("otto").get(PATH).is(200).header("etag").unwrap().to_owned();
        (revision, served, std::fs::read(place.at("b.tar.gz")).unwrap())
    };
    let before = stands();
    let cut = stricter(70, &key(1));
    for (bundle, code) in [
        (stricter(70, &key(3)), "bundle-untrusted"),
        (stricter(10, &key(1)), "bundle-older"),
        (b"no bundle".to_vec(), "bundle-damaged"),
        (cut[..cut.len() / 2].to_vec(), "bundle-damaged"),
        (Vec::new(), "bundle-damaged"),
    ] {
        let refused = push_as(&app, "otto", "", &bundle).refused(422, "what was in use stays");
        assert_eq!(refused["findings"][0]["code"], code, "{refused}");
    }
    let large = vec![0; (32 << 20) + 1];
    push_as(&app, "otto", "", &large).refused(413, "33554432");
    app.authority("otto").json("PUT", PATH, &json!({})).refused(400, "application/gzip");
    push_as(&app, "otto", "?wiat=false", &stricter(70, &key(1))).refused(400, "wait");
    for who in ["ana", "rita", "olga", "csilla", "edge-1", "exchange-frontend"] {
        push_as(&app, who, "", &stricter(70, &key(1))).refused(403, "only an operator");
    }
    assert_eq!(push_as(&app, "", "", &stricter(70, &key(1))).status, 401);
    assert!(stands() == before, "something has changed");
    assert_eq!(app.ask(&ana_reads()).json()["reason"], "grant_active");
    let folder = TestApp::start();
    push_as(&folder, "otto", "", &stricter(70, &key(1))).refused(409, "from a folder");
}

#[test]
fn what_was_pushed_survives_a_restart_of_the_authority() {
    let place = Place::new(&shipped(0, &key(1)));
    let mut app = authority(&place);
    app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    push(&app, &stricter(10, &key(1)));
    app.denied(&ana_reads(), "policy_denied");
    app.restart();
    app.becomes(&ana_reads(), "policy_denied");
}

#[test]
fn what_is_pushed_at_one_authority_decides_at_the_sidecars_of_another() {
    let (database, here, there) = (Database::new(), Place::new(&shipped(0, &key(1))), Place::new(&shipped(0, &key(1))));
    let mut settings = trusting(&here);
    settings.env.push(("LOCKBOX_AUTHORITY__DATABASE".to_owned(), database.url()));
    let app = TestApp::start_process(settings);
    let at = |name: &str| there.at(name).display().to_string();
    let other = Edge::authority(
        &app,
        &[
            ("authority.database", &database.url()),
            ("policies.bundle", &at("b.tar.gz")),
            ("policies.trusted_keys", &format!("[\"{}\"]", at("key.pub"))),
            ("policies.keep_dir", &at("kept")),
        ],
    );
    let dir = TempDir::new().unwrap();
    let edge = edge_of(&app, &format!("http://{}", other.address("authority")), dir.path());
    app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    for round in 1..4 {
        let pushed = push(&app, &stricter(20 * round, &key(1)));
        assert_eq!(pushed["effective"], true, "{pushed}");
        assert_eq!(edge.reason(&app, &ana_reads()), "policy_denied", "it was answered effective");
        // The other authority has taken it from the record, and judges commands by it.
        let digest = pushed["policy_revision"].as_str().unwrap();
        eventually("it uses it too", || check(&other, "policies").to_string(), |shown| shown.contains(digest));
        push(&app, &shipped(20 * round + 10, &key(1)));
        assert_eq!(edge.reason(&app, &ana_reads()), "grant_active", "and back again");
    }
}

#[test]
fn an_operator_pushes_by_command_and_a_refusal_ends_with_3() {
    let place = Place::new(&shipped(0, &key(1)));
    let app = authority(&place);
    let token = place.at("otto.token");
    write_private(&token, app.demo.token("otto"));
    let run = |bundle: &[u8], more: &[&str]| {
        std::fs::write(place.at("pushed.tar.gz"), bundle).unwrap();
        let mut command = lockbox();
        command.args(["policy", "push"]).arg(place.at("pushed.tar.gz")).args(["--authority", &url(&app)]);
        let output = command.arg("--token-file").arg(&token).args(more).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, said, _) = run(&stricter(10, &key(1)), &[]);
    assert_eq!(code, Some(0));
    assert!(said.contains("effective  yes") && said.contains("name       story"), "{said}");
    let (code, said, _) = run(&stricter(20, &key(1)), &["--no-wait", "--output", "json"]);
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &answer["effective"]), (Some(0), &json!(false)));
    let (code, _, complaint) = run(&stricter(30, &key(3)), &[]);
    assert_eq!(code, Some(3));
    assert!(complaint.contains("error[bundle-untrusted]") && complaint.contains("= have it signed"), "{complaint}");
    let (code, _, complaint) = run(&stricter(5, &key(1)), &["--output", "json"]);
    let problem: Value = serde_json::from_str(&complaint).unwrap();
    assert_eq!((code, &problem["findings"][0]["code"]), (Some(3), &json!("bundle-older")), "{complaint}");
    write_private(&token, app.demo.token("rita"));
    let (code, _, complaint) = run(&stricter(40, &key(1)), &[]);
    assert!(code == Some(1) && complaint.contains("HTTP 403"), "{complaint}");
}
