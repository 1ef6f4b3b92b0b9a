//! Many authorities over one record, and what networks and machines do to them: the last allow is measured against L.

use crate::app::{Settings, TestApp};
use crate::edge::Edge;
use crate::postgres::{Database, Server, USER};
use crate::proxy::{Proxy, Way};
use crate::steps::{ana_reads, eventually, wish, wish_for};
use crate::watch::{L, Watch, held, revoke};
use lockbox::clock::{Clock as _, SystemClock};
use rustix::process::Signal;
use serde_json::json;
use std::time::Duration;

fn on(database: &Database) -> Settings {
    Settings::of(&[("LOCKBOX_AUTHORITY__DATABASE", &database.url())]).and_sidecar("edge-1").and_sidecar("edge-2")
}

fn url(address: impl std::fmt::Display) -> String {
    format!("http://{address}")
}

/// Another authority over the record of `app`.
fn second(app: &TestApp, database: &str) -> Edge {
    Edge::authority(app, &[("authority.database", database)])
}

#[test]
fn a_revocation_at_one_authority_is_effective_at_the_sidecars_of_another() {
    let database = Database::new();
    let app = TestApp::start_process(on(&database));
    let other = second(&app, &database.url());
    let edge = Edge::sidecar(&app, "edge-1", &url(other.address("authority")), &[]);
    edge.becomes(&app, &ana_reads(), "no_grant");
    for _ in 0..3 {
        let id = app.granted(&wish());
        edge.becomes(&app, &ana_reads(), "grant_active");
        assert_eq!(revoke(&app.authority("csilla"), &id, "")["effective"], true);
        assert_eq!(edge.reason(&app, &ana_reads()), "grant_revoked", "it was answered effective");
    }
    // The other way round: the other authority revokes, and the sidecar of this one denies.
    let id = app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    let csilla = app.client(other.address("authority"), "csilla");
    assert_eq!(revoke(&csilla, &id, "")["effective"], true);
    app.denied(&ana_reads(), "grant_revoked");
    let fleet = eventually(
        "both see both",
        || app.authority("otto").get("/v1/fleet").is(200).json(),
        |fleet| fleet["sidecars"].to_string().contains("edge-1") && fleet["authorities"].as_array().unwrap().len() == 2,
    );
    assert!(fleet["sidecars"].to_string().contains("embedded"), "{fleet}");
}

#[test]
fn an_authority_dies_and_its_sidecars_go_on_with_another() {
    let database = Database::new();
    let app = TestApp::start_process(on(&database));
    let mut first = second(&app, &database.url());
    let both = format!("[\"{}\"]", url(app.addresses.authority));
    let edge = Edge::sidecar(&app, "edge-1", &url(first.address("authority")), &[("sidecar.authority_urls", &both)]);
    let id = app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    let watch = Watch::on(&app, &edge);
    first.kill();
    // Longer than a lease: without the other authority it would deny by then.
    std::thread::sleep(L + Duration::from_millis(700));
    let (_, reasons) = watch.end();
    assert_eq!(reasons, ["grant_active"], "the workload noticed");
    let watch = Watch::on(&app, &edge);
    let revoked = revoke(&app.authority("csilla"), &id, "");
    let answered = SystemClock.boot();
    assert_eq!(revoked["effective"], true);
    std::thread::sleep(Duration::from_millis(300));
    held("after the death of an authority", watch.end().0, answered, Duration::ZERO);
}

#[test]
fn an_authority_that_says_nothing_costs_its_sidecars_nothing() {
    let app = TestApp::start_process(Settings::default().and_sidecar("edge-1"));
    let ways = [Proxy::to(app.addresses.authority), Proxy::to(app.addresses.authority)];
    let second = format!("[\"{}\"]", url(ways[1].address));
    let edge = Edge::sidecar(&app, "edge-1", &url(ways[0].address), &[("sidecar.authority_urls", &second)]);
    let id = app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    let watch = Watch::on(&app, &edge);
    // Each in turn, whichever it renews from: connections stay open and answer nothing for longer than a lease.
    for way in &ways {
        way.set(Way::Held);
        std::thread::sleep(L + Duration::from_millis(700));
        way.set(Way::Open);
    }
    let (_, reasons) = watch.end();
    assert_eq!(reasons, ["grant_active"], "the workload noticed");
    assert_eq!(revoke(&app.authority("csilla"), &id, "")["effective"], true);
    assert_eq!(edge.reason(&app, &ana_reads()), "grant_revoked");
}

#[test]
fn bytes_that_are_held_back_and_let_go_bring_no_access_back() {
    let app = TestApp::start_with(Settings::default().and_sidecar("edge-1"));
    let proxy = Proxy::to(app.addresses.authority);
    let edge = Edge::sidecar(&app, "edge-1", &url(proxy.address), &[]);
    for way in [Way::Held, Way::Cut] {
        let id = app.granted(&wish());
        edge.becomes(&app, &ana_reads(), "grant_active");
        let watch = Watch::on(&app, &edge);
        proxy.set(way);
        revoke(&app.authority("csilla"), &id, "?wait=false");
        let committed = SystemClock.boot();
        // Another change is answered effective while the sidecar cannot hear of anything.
        let other = app.granted(&wish_for("contoso", "exchange", &["read"], &["mailbox/bert@contoso.example"], "PT1H"));
        assert_eq!(revoke(&app.authority("csilla"), &other, "")["effective"], true);
        let effective = SystemClock.boot();
        proxy.set(Way::Open);
        edge.becomes(&app, &ana_reads(), "grant_revoked");
        let (last, reasons) = watch.end();
        held("cut off", last, committed, L);
        held("cut off, after the answer effective", last, effective, Duration::ZERO);
        assert!(reasons.contains(&"lease_expired".to_owned()), "{way:?}: {reasons:?}");
    }
}

#[test]
fn killed_between_commit_and_push_an_authority_has_still_revoked() {
    let mut app = TestApp::start_process(Settings::default().and_sidecar("edge-1"));
    let port = app.addresses.authority.port();
    let edge = Edge::sidecar(&app, "edge-1", &url(app.addresses.authority), &[]);
    for _ in 0..2 {
        let id = app.granted(&wish());
        edge.becomes(&app, &ana_reads(), "grant_active");
        let watch = Watch::on(&app, &edge);
        revoke(&app.authority("csilla"), &id, "?wait=false");
        let committed = SystemClock.boot();
        app.kill();
        app.start_at(port);
        edge.becomes(&app, &ana_reads(), "grant_revoked");
        held("kill -9 after the commit", watch.end().0, committed, L);
    }
}

#[test]
fn a_failover_of_the_database_loses_no_revocation_and_gives_no_lease_from_before() {
    let names = "synchronous_standby_names=next";
    let mut primary = Server::start(&[names]);
    // Its own standby is not there yet: until then nothing could be committed.
    let standby = Server::standby_of(&primary, "next", &["hot_standby=on", "synchronous_standby_names="]);
    crate::postgres::sql(primary.socket(), "postgres", "CREATE DATABASE lockbox TEMPLATE template0");
    let hosts = format!("{},{}", primary.socket().display(), standby.socket().display());
    let database = format!("postgres://{USER}@/lockbox?host={hosts}");
    let settings = Settings::of(&[
        ("LOCKBOX_AUTHORITY__DATABASE", database.as_str()),
        ("LOCKBOX_AUTHORITY__DATABASE_STANDBY", "none"),
        ("LOCKBOX_AUTHORITY__DATABASE_STATEMENT_MS_MAX", "1000"),
    ]);
    let app = TestApp::start_process(settings.and_sidecar("edge-1"));
    let other = Edge::authority(
        &app,
        &[
            ("authority.database", &database),
            ("authority.database_standby", "none"),
            ("authority.database_statement_ms_max", "1000"),
        ],
    );
    let both = format!("[\"{}\"]", url(app.addresses.authority));
    let edge = Edge::sidecar(&app, "edge-1", &url(other.address("authority")), &[("sidecar.authority_urls", &both)]);
    let kept = app.granted(&wish());
    let revoked = app.granted(&wish_for("contoso", "exchange", &["read"], &[], "PT1H"));
    edge.becomes(&app, &ana_reads(), "grant_active");
    assert_eq!(revoke(&app.authority("csilla"), &revoked, "")["effective"], true);
    let watch = Watch::on(&app, &edge);
    primary.kill();
    standby.promote();
    let csilla = app.authority("csilla");
    let path = format!("/v1/access-requests/{revoked}");
    let after = eventually("the record answers again", || csilla.get(&path), |reply| reply.status == 200).json();
    assert_eq!(after["state"], "revoked", "what was answered is not lost");
    edge.becomes(&app, &ana_reads(), "grant_active");
    let ended = eventually(
        "a revocation is taken again",
        || csilla.post(&format!("/v1/access-requests/{kept}/revoke"), &json!({})),
        |reply| reply.status == 200 || reply.status == 409,
    );
    let answered = SystemClock.boot();
    assert!(ended.status == 409 || ended.json()["effective"] == true, "{}", ended.text());
    edge.becomes(&app, &ana_reads(), "grant_revoked");
    held("after a failover", watch.end().0, answered, if ended.status == 200 { Duration::ZERO } else { L });
}

#[test]
fn a_database_that_stalls_for_half_a_minute_is_outlived() {
    let database = Database::of(Server::start(&[]));
    let server = database.server.as_ref().unwrap();
    let app = TestApp::start_process(on(&database));
    let edge = Edge::sidecar(&app, "edge-1", &url(app.addresses.authority), &[]);
    let id = app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    let watch = Watch::on(&app, &edge);
    let began = SystemClock.boot();
    server.signal_all(Signal::STOP);
    let path = format!("/v1/access-requests/{id}/revoke");
    let csilla = app.authority("csilla");
    csilla.post(&path, &json!({})).refused(503, "");
    edge.becomes(&app, &ana_reads(), "lease_expired");
    std::thread::sleep(Duration::from_secs(30).saturating_sub(SystemClock.boot().since(began)));
    let (last, reasons) = watch.end();
    held("a database that stalls", last, began, L);
    assert_eq!(reasons, ["grant_active", "lease_expired"]);
    assert_eq!(app.ask(&ana_reads()).is(200).json()["reason"], "lease_expired");
    server.signal_all(Signal::CONT);
    // Whether the first attempt was committed is not known to anybody but the database.
    let ended =
        eventually("a revocation is taken again", || csilla.post(&path, &json!({})), |reply| reply.status < 500);
    assert!(ended.status == 200 || ended.status == 409, "{}", ended.text());
    edge.becomes(&app, &ana_reads(), "grant_revoked");
}

#[test]
fn a_sidecar_that_reads_slowly_holds_nobody_up_and_is_ready_when_it_has_everything() {
    let app = TestApp::start_with(Settings::default().and_sidecar("edge-1").and_sidecar("edge-2"));
    let settings = json!({ "entitlement": "e5", "lockbox": true, "approvers": ["csilla@contoso.example"] });
    for number in 0..400 {
        let path = format!("/v1/tenants/tenant-{number}");
        let put = app.authority("otto").json("PUT", &path, &settings);
        assert!(put.status < 300, "{}", put.text());
    }
    let proxy = Proxy::to(app.addresses.authority);
    proxy.set(Way::Slow);
    let slow = Edge::sidecar(&app, "edge-1", &url(proxy.address), &[]);
    let other = Edge::sidecar(&app, "edge-2", &url(app.addresses.authority), &[]);
    for _ in 0..2 {
        let id = app.granted(&wish());
        other.becomes(&app, &ana_reads(), "grant_active");
        assert_eq!(slow.reason(&app, &ana_reads()), "not_ready", "it has a part of the record");
        assert_eq!(revoke(&app.authority("csilla"), &id, "")["effective"], true);
        assert_eq!(other.reason(&app, &ana_reads()), "grant_revoked");
    }
    assert_eq!(slow.reason(&app, &ana_reads()), "not_ready", "it has a part of the record");
    proxy.set(Way::Open);
    slow.becomes(&app, &ana_reads(), "grant_revoked");
}
