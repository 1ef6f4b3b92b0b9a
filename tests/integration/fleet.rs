//! Roles apart: an authority and sidecars as processes of their own, joined by HTTP/2.

use crate::app::{Settings, TestApp, token_of, write_private};
use crate::edge::Edge;
use crate::steps::{ana_reads, eventually, question, wish, wish_for};
use crate::watch::{Watch, revoke};
use crate::wire::Client;
use lockbox::domain::{Caller, CallerName};
use lockbox::identity::tokens::{Entry, hash, render};
use serde_json::{Value, json};
use std::time::Duration;

fn url(app: &TestApp) -> String {
    format!("http://{}", app.addresses.authority)
}

/// An authority (with its embedded sidecar) that knows two sidecars elsewhere.
fn authority() -> TestApp {
    TestApp::start_with(Settings::default().and_sidecar("edge-1").and_sidecar("edge-2"))
}

fn fleet(app: &TestApp) -> Value {
    app.authority("otto").get("/v1/fleet").is(200).json()
}

fn told<'f>(fleet: &'f Value, name: &str) -> Vec<&'f Value> {
    fleet["sidecars"].as_array().unwrap().iter().filter(|sidecar| sidecar["name"] == name).collect()
}

#[test]
fn a_sidecar_elsewhere_allows_what_was_granted_and_nothing_after_the_answer_effective() {
    let app = authority();
    let edge = Edge::sidecar(&app, "edge-1", &url(&app), &[]);
    edge.becomes(&app, &ana_reads(), "no_grant");
    for _ in 0..5 {
        let id = app.granted(&wish());
        edge.becomes(&app, &ana_reads(), "grant_active");
        let revoked = app.end("csilla", &id, "revoke").is(200).json();
        assert_eq!(revoked["effective"], true);
        assert_eq!(edge.reason(&app, &ana_reads()), "grant_revoked", "it was answered effective");
    }
    let shown = fleet(&app);
    let edge_1 = told(&shown, "edge-1");
    assert_eq!(edge_1.len(), 1, "{shown}");
    assert_eq!((edge_1[0]["revision"].as_u64(), &edge_1[0]["state"]), (shown["revision"].as_u64(), &json!("current")));
    assert!(edge_1[0]["policy_revision"].as_str().unwrap().starts_with("sha256:"), "{shown}");
    assert!(edge_1[0]["log_sequence"].as_u64().unwrap() > 0, "{shown}");
    let own = format!("{}", app.addresses.authority);
    assert_eq!(shown["authorities"][0]["address"], own.as_str(), "not the port 0 that was configured");
    assert_eq!(app.authority("csilla").get("/v1/fleet").status, 403);
}

#[test]
fn without_the_authority_a_sidecar_denies_when_its_lease_is_over_and_comes_back_with_it() {
    let mut app = TestApp::start_process(Settings::default().and_sidecar("edge-1"));
    let port = app.addresses.authority.port();
    let edge = Edge::sidecar(&app, "edge-1", &url(&app), &[]);
    app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    app.kill();
    edge.becomes(&app, &ana_reads(), "lease_expired");
    let state = edge.readiness()["checks"].to_string();
    assert!(state.contains("every question is denied") && state.contains(&port.to_string()), "{state}");
    app.start_at(port);
    edge.becomes(&app, &ana_reads(), "grant_active");
}

#[test]
fn a_stopped_sidecar_is_outwaited_and_denies_when_it_goes_on() {
    use rustix::process::Signal;
    let app = authority();
    let edge = Edge::sidecar(&app, "edge-1", &url(&app), &[]);
    let id = app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    edge.signal(Signal::STOP);
    let path = format!("/v1/access-requests/{id}/revoke");
    let at_once = app.authority("csilla").post(&format!("{path}?wait=false"), &json!({})).is(200).json();
    assert_eq!(at_once["effective"], false);
    assert!(at_once["effective_at"].as_str().is_some(), "{at_once}");
    // Another change waits for the stopped one, and not for ever.
    let other = app.granted(&wish_for("contoso", "exchange", &["read"], &["mailbox/bert@contoso.example"], "PT1H"));
    assert_eq!(app.end("csilla", &other, "revoke").is(200).json()["effective"], true);
    edge.signal(Signal::CONT);
    let first = edge.reason(&app, &ana_reads());
    assert!(["lease_expired", "grant_revoked"].contains(&first.as_str()), "{first}");
    edge.becomes(&app, &ana_reads(), "grant_revoked");
}

#[test]
fn a_restarted_authority_counts_on_leases_that_it_does_not_know_of() {
    let mut app = TestApp::start_process(Settings::default().and_sidecar("edge-1"));
    let port = app.addresses.authority.port();
    let edge = Edge::sidecar(&app, "edge-1", &url(&app), &[]);
    let id = app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    // The sidecar goes on with its lease while the authority it had is dead and the new one has not heard it yet.
    edge.signal(rustix::process::Signal::STOP);
    app.kill();
    app.start_at(port);
    assert_eq!(app.end("csilla", &id, "revoke").is(200).json()["effective"], true);
    edge.signal(rustix::process::Signal::CONT);
    let first = edge.reason(&app, &ana_reads());
    assert!(["lease_expired", "grant_revoked"].contains(&first.as_str()), "{first}");
}

#[test]
fn a_sidecar_for_one_tenant_and_workload_is_sent_nothing_else() {
    let app = authority();
    let edge = Edge::sidecar(
        &app,
        "edge-1",
        &url(&app),
        &[("sidecar.tenants", "[\"contoso\"]"), ("sidecar.workloads", "[\"exchange\"]")],
    );
    app.granted(&wish());
    app.granted(&wish_for("contoso", "sharepoint", &["read"], &[], "PT1H"));
    edge.becomes(&app, &ana_reads(), "grant_active");
    let elsewhere = question("ana", "read", "contoso", "sharepoint", "site/team");
    assert_eq!(edge.reason(&app, &elsewhere), "no_grant");
    assert_eq!(app.becomes(&elsewhere, "grant_active")["decision"], "allow", "the sidecar for everything allows it");
    assert_eq!(edge.reason(&app, &question("ana", "read", "fabrikam", "exchange", "")), "unknown_tenant");
    let metrics = app.client(edge.address("operations"), "").get("/metrics").is(200);
    let metrics = String::from_utf8(metrics.body).unwrap();
    for line in ["lockbox_state_tenants 1", "lockbox_state_grants 1"] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let shown = fleet(&app);
    assert_eq!(told(&shown, "edge-1")[0]["tenants"], json!(["contoso"]));
}

#[test]
fn a_lost_sidecar_is_taken_off_the_list_and_may_come_back() {
    let app = authority();
    let edge = Edge::sidecar(&app, "edge-1", &url(&app), &[]);
    app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    let path = "/v1/fleet/sidecars/edge-1";
    assert_eq!(app.authority("csilla").send("DELETE", path, None).status, 403);
    for (method, path, why) in [
        ("DELETE", "nobody", "no sidecar `nobody` was ever heard of"),
        ("POST", "nobody/admit", "no sidecar `nobody` was ever heard of"),
        ("DELETE", "embedded", "`embedded` is the sidecar within the authority"),
    ] {
        let said = app.authority("otto").send(method, &format!("/v1/fleet/sidecars/{path}"), None).is(404).json();
        assert!(said["detail"].as_str().unwrap().starts_with(why), "{said}");
    }
    let removed = app.authority("otto").send("DELETE", path, None).is(200).json();
    assert!(removed["effective_at"].as_str().is_some(), "{removed}");
    edge.becomes(&app, &ana_reads(), "lease_expired");
    let why = edge.readiness().to_string();
    assert!(why.contains("taken off the list") && why.contains("otto"), "{why}");
    let shown = fleet(&app);
    assert_eq!(told(&shown, "edge-1")[0]["state"], "removed", "{shown}");
    assert_eq!(app.authority("otto").post_nothing(&format!("{path}/admit")).status, 204);
    edge.becomes(&app, &ana_reads(), "grant_active");
}

#[test]
fn what_is_no_sidecar_of_ours_gets_no_lease() {
    let app = authority();
    let renewal = |more: Value| {
        let mut renewal = json!({
            "protocol": 1, "incarnation": "1", "nonce": 1, "holds": null, "lease_ms": 3000, "drift_ppm_max": 100_000,
        });
        for (name, value) in more.as_object().unwrap() {
            renewal[name] = value.clone();
        }
        renewal
    };
    let renew = |who: &str, more: Value| app.authority(who).post("/v1/renew", &renewal(more));
    let description = app.authority("").get("/openapi.json").is(200).json();
    let example = &description["paths"]["/v1/renew"]["post"]["requestBody"]["content"]["application/json"]["example"];
    let mut fresh = example.clone();
    fresh["holds"] = Value::Null;
    app.authority("edge-1").post("/v1/renew", &fresh).is(200);
    let whole = String::from_utf8(renew("edge-1", json!({})).is(200).body).unwrap();
    // Two pieces of a body whose length nobody knows at its start.
    assert!(whole.lines().any(|line| line.starts_with("{\"end\":") && line.ends_with("\"items\":4}}")), "{whole}");
    assert!(whole.contains("tenant/contoso") && whole.contains("tenant/fabrikam"), "{whole}");
    for (who, status) in [("", 401), ("ana", 403), ("otto", 403), ("exchange-frontend", 403)] {
        assert_eq!(renew(who, json!({})).status, status, "{who}");
    }
    renew("edge-1", json!({ "sidecar": "edge-2" })).refused(400, "`edge-2`, with the proof of `edge-1`");
    renew("edge-1", json!({ "protocol": 2 })).refused(400, "upgrade the older");
    renew("edge-1", json!({ "lease_ms": 60_000 })).refused(403, "the same `[lease]` on both");
    renew("edge-1", json!({ "holds": { "epoch": 9, "revision": 1 } })).refused(409, "authority recover");
    renew("edge-1", json!({ "holds": { "epoch": 1, "revision": 1_000_000 } })).refused(409, "authority recover");
    renew("edge-1", json!({ "tenants": ["Contoso"] })).refused(400, "Contoso");
    renew("edge-1", json!({ "incarnation": "" })).refused(400, "incarnation");
    renew("edge-1", json!({ "policy_digest": "d".repeat(129) })).refused(400, "policy_digest");
    // The largest that a sidecar says: as many tenants as its settings may name, with the longest names, after a busy start.
    let tenants: Vec<String> = (0..10_000).map(|number| format!("{number:0>63}")).collect();
    let uses: Vec<Value> =
        (0..1_000).map(|of| json!([format!("LBX-{}", u64::MAX - of), 1_790_000_000_000_u64])).collect();
    renew("edge-1", json!({ "tenants": tenants, "first_uses": uses })).is(200);
    app.authority("edge-1").post_bytes("/v1/renew", b"{").refused(400, "EOF");
    // Played again, an old renewal acknowledges nothing that was not; its sidecar is still known to hold what it holds.
    let held = |revision: Option<u64>| json!({ "holds": revision.map(|revision| json!({ "epoch": 1, "revision": revision })) });
    let current = fleet(&app)["revision"].as_u64().unwrap();
    renew("edge-2", held(Some(current))).is(200);
    renew("edge-2", held(Some(current - 1))).is(200);
    let shown = eventually("edge-2 is shown", || fleet(&app), |shown| !told(shown, "edge-2").is_empty());
    assert_eq!(told(&shown, "edge-2")[0]["revision"].as_u64(), Some(current), "{shown}");
}

#[test]
fn a_token_is_exchanged_while_everything_runs() {
    let app = authority();
    let edge = Edge::sidecar(&app, "edge-1", &url(&app), &[]);
    let id = app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    let watch = Watch::on(&app, &edge);
    let knows = |token: &str, known: bool| {
        let asks = || Client::with_token(app.addresses.authority, token).send("POST", "/v1/renew", None).status;
        eventually("the authority has read its tokens", asks, |status| (*status != 401) == known);
    };
    let (old, new) = (token_of("edge-1"), token_of("edge-1-next"));
    let entry = |token: &str| {
        let caller = Caller::Sidecar { name: CallerName::parse("edge-1").unwrap() };
        render(&[Entry { sha256: hash(token), caller }])
    };
    let before = std::fs::read_to_string(app.tokens_file()).unwrap();
    write_private(&app.tokens_file(), &format!("{before}\n{}", entry(&new)));
    knows(&new, true);
    write_private(&edge.dir().join("token"), &new);
    write_private(&app.tokens_file(), &before.replace(&entry(&old), &entry(&new)));
    knows(&old, false);
    // For longer than a lease, so that it lives by the new one alone.
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(watch.end().1, ["grant_active"], "the workload noticed");
    revoke(&app.authority("csilla"), &id, "");
    assert_eq!(edge.reason(&app, &ana_reads()), "grant_revoked");
}
