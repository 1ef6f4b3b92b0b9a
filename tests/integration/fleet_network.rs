//! What a network does to packets between a sidecar's host and its authority: the last allow is measured against L.

use crate::app::{Settings, TestApp};
use crate::ca::Ca;
use crate::edge::Edge;
use crate::host::Host;
use crate::postgres::Database;
use crate::steps::{ana_reads, wish, wish_for};
use crate::watch::{L, Watch, held, revoke};
use lockbox::clock::{Clock as _, SystemClock};
use std::time::Duration;

/// The other authority over the record listens where the host reaches it; the demo's own stays on loopback.
fn reached_from(host: &Host, app: &TestApp, ca: &Ca, database: &Database) -> Edge {
    let listen = format!("{}:0", host.ours);
    let tls = ca.listener(&ca.server_at(host.ours));
    let at = [("authority.database", database.url()), ("authority.listen", listen), ("authority.tls", tls)];
    Edge::authority(app, &at.each_ref().map(|(key, value)| (*key, value.as_str())))
}

/// Asks until the reason is this one, for as long as a new connection may take where packets are lost.
#[track_caller]
fn comes_to(app: &TestApp, edge: &Edge, reason: &str) {
    for _ in 0..2400 {
        if edge.reason(app, &ana_reads()) == reason {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("it never came to `{reason}`; {}", edge.reason(app, &ana_reads()));
}

#[test]
fn whatever_packets_are_lost_no_allow_is_later_than_the_lease() {
    let (host, ca, database) = (Host::new(), Ca::new(), Database::new());
    let settings = Settings::of(&[("LOCKBOX_AUTHORITY__DATABASE", &database.url())]).and_sidecar("edge-1");
    let app = TestApp::start_process(settings);
    let authority = reached_from(&host, &app, &ca, &database);
    let address = authority.address("authority");
    let (url, root, port) = (format!("https://{address}"), ca.path("ca.pem"), address.port());
    let edge = Edge::sidecar_on(&host, &app, "edge-1", &url, &[("sidecar.authority_ca_file", &root)]);
    let asked = ("output", format!("tcp dport {port}"));
    let answered = ("input", format!("tcp sport {port}"));
    let all = [
        ("both ways", vec![asked.clone(), answered.clone()]),
        ("only what the sidecar sends", vec![asked.clone()]),
        ("only what the authority answers", vec![answered.clone()]),
    ];
    for (what, lost) in all {
        let id = app.granted(&wish());
        edge.becomes(&app, &ana_reads(), "grant_active");
        let watch = Watch::on(&app, &edge);
        host.loses(&lost);
        revoke(&app.authority("csilla"), &id, "?wait=false");
        let committed = SystemClock.boot();
        // Another change is answered effective while the sidecar cannot hear of anything.
        let other = app.granted(&wish_for("contoso", "exchange", &["read"], &["mailbox/bert@contoso.example"], "PT1H"));
        assert_eq!(revoke(&app.authority("csilla"), &other, "")["effective"], true);
        let effective = SystemClock.boot();
        edge.becomes(&app, &ana_reads(), "lease_expired");
        host.loses_nothing();
        edge.becomes(&app, &ana_reads(), "grant_revoked");
        let (last, reasons) = watch.end();
        held(&format!("lost {what}"), last, committed, L);
        held(&format!("lost {what}, after the answer effective"), last, effective, Duration::ZERO);
        // A renewal that was under way is still answered where only the sidecar's own packets are lost.
        assert!(reasons.ends_with(&["lease_expired".to_owned(), "grant_revoked".to_owned()]), "{what}: {reasons:?}");
    }
    // Every fifth packet, in both directions.
    let some = |(chain, packets): &(&'static str, String)| (*chain, format!("{packets} numgen random mod 5 == 0"));
    host.loses(&[some(&asked), some(&answered)]);
    for _ in 0..3 {
        let id = app.granted(&wish());
        comes_to(&app, &edge, "grant_active");
        let watch = Watch::on(&app, &edge);
        revoke(&app.authority("csilla"), &id, "?wait=false");
        let committed = SystemClock.boot();
        comes_to(&app, &edge, "grant_revoked");
        held("every fifth packet lost", watch.end().0, committed, L);
    }
}
