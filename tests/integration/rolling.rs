//! A rolling upgrade, and the way back: authorities and sidecars of two versions over one record, replaced one by one.
//! `tests/rolling/run REVISION` runs it with a program of another revision; `tests/run` with one that is the same.

use crate::app::{Settings, TestApp};
use crate::edge::Edge;
use crate::postgres::Database;
use crate::process::Version;
use crate::steps::{ana_reads, wish};
use crate::watch::{Watch, held, revoke};
use lockbox::clock::{Clock as _, SystemClock};
use std::time::Duration;

#[test]
fn versions_beside_each_other_revoke_for_each_other() {
    let database = Database::new();
    let settings = Settings::of(&[("LOCKBOX_AUTHORITY__DATABASE", &database.url())]);
    let app = TestApp::start_process(settings.and_sidecar("edge-1").and_sidecar("edge-2"));
    let mut other = Edge::authority(&app, &[("authority.database", &database.url())]);
    let urls = [app.addresses.authority, other.address("authority")].map(|address| format!("http://{address}"));
    let beside = |name: &str, first: usize| {
        let second = format!("[\"{}\"]", urls[1 - first]);
        Edge::sidecar(&app, name, &urls[first], &[("sidecar.authority_urls", &second)])
    };
    let (stays, mut replaced) = (beside("edge-1", 1), beside("edge-2", 0));
    for version in [Version::Other, Version::This, Version::Other] {
        let kept = app.granted(&wish());
        stays.becomes(&app, &ana_reads(), "grant_active");
        let watch = Watch::on(&app, &stays);
        other.replace_by(version);
        replaced.replace_by(version);
        replaced.becomes(&app, &ana_reads(), "grant_active");
        let (_, reasons) = watch.end();
        assert_eq!(reasons, ["grant_active"], "{version:?}: a workload noticed that another process was replaced");
        revoke(&app.authority("csilla"), &kept, "");
        for authority in [app.authority("csilla"), app.client(other.address("authority"), "csilla")] {
            let id = app.granted(&wish());
            for edge in [&stays, &replaced] {
                edge.becomes(&app, &ana_reads(), "grant_active");
            }
            let watches = [&stays, &replaced].map(|edge| Watch::on(&app, edge));
            assert_eq!(revoke(&authority, &id, "")["effective"], true, "{version:?}");
            let answered = SystemClock.boot();
            for edge in [&stays, &replaced] {
                assert_eq!(edge.reason(&app, &ana_reads()), "grant_revoked", "{version:?}: it was answered effective");
            }
            for watch in watches {
                held("two versions", watch.end().0, answered, Duration::ZERO);
            }
        }
    }
}
