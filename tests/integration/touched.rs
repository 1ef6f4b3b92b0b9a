//! What sidecars elsewhere allow is seen by the customer: in the API, on the page, in the receipt; later where the
//! authority or the sidecar was away, and once however often it is told. And nobody tells what he may not.

use crate::app::{Settings, TestApp};
use crate::edge::Edge;
use crate::pages::world::Browser;
use crate::steps::{ADELE, ana_reads, eventually, question, wish};
use crate::told::Outside;
use lockbox::clock::{Clock as _, Ids as _, SystemClock, SystemIds};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn url(app: &TestApp) -> String {
    format!("http://{}", app.addresses.authority)
}

fn authority() -> TestApp {
    TestApp::start_with(Settings::default().and_sidecar("edge-1").and_sidecar("edge-2").and_sidecar("embedded"))
}

fn accesses(app: &TestApp, id: &str) -> Vec<Value> {
    let listed = app.authority("csilla").get(&format!("/v1/access-requests/{id}/accesses?limit=1000")).is(200).json();
    assert!(listed.get("next_cursor").is_none(), "more than these tests make: {listed}");
    listed["items"].as_array().unwrap().clone()
}

fn ids(accesses: &[Value]) -> Vec<&str> {
    accesses.iter().map(|access| access["decision_id"].as_str().unwrap()).collect()
}

/// Asks an edge and gives the decision id.
fn decided(edge: &Edge, app: &TestApp, question: &Value, reason: &str) -> String {
    let answer = edge.ask(app, question).is(200).json();
    assert_eq!(answer["reason"], reason, "{answer}");
    answer["decision_id"].as_str().unwrap().to_owned()
}

#[track_caller]
fn all_told(app: &TestApp, id: &str, decisions: &[String]) -> Vec<Value> {
    let told = eventually(
        "everything is told",
        || accesses(app, id),
        |told| decisions.iter().all(|decision| ids(told).contains(&decision.as_str())),
    );
    let seen = ids(&told);
    assert_eq!(seen.len(), seen.iter().collect::<BTreeSet<_>>().len(), "something is there twice: {seen:?}");
    assert!(told.is_sorted_by_key(|access| access["at"].as_str().unwrap().to_owned()), "in one order: {told:?}");
    told
}

fn metric(app: &TestApp, edge: &Edge, line: &str) -> bool {
    app.client(edge.address("operations"), "").get("/metrics").is(200).text().lines().any(|known| known == line)
}

#[test]
fn what_any_sidecar_decided_is_in_one_list_and_on_the_page() {
    let app = authority();
    let [one, two] = ["edge-1", "edge-2"].map(|name| Edge::sidecar(&app, name, &url(&app), &[]));
    let id = app.granted(&wish());
    let exports = question("ana", "export", "contoso", "exchange", ADELE);
    let mut decisions = Vec::new();
    for edge in [&one, &two, &one] {
        edge.becomes(&app, &ana_reads(), "grant_active");
        decisions.push(decided(edge, &app, &ana_reads(), "grant_active"));
        decisions.push(decided(edge, &app, &exports, "out_of_scope"));
    }
    // Of the sidecar in the authority's process what was answered is there at once.
    let own = app.becomes(&ana_reads(), "grant_active")["decision_id"].as_str().unwrap().to_owned();
    assert!(ids(&accesses(&app, &id)).contains(&own.as_str()));
    decisions.push(own.clone());
    let told = all_told(&app, &id, &decisions);
    let by = |decision: &String| told.iter().find(|access| access["decision_id"] == **decision).unwrap();
    assert_eq!(by(&own)["sidecar"], "embedded");
    for (place, sidecar) in ["edge-1", "edge-1", "edge-2", "edge-2", "edge-1", "edge-1"].into_iter().enumerate() {
        let access = by(&decisions[place]);
        let (decision, reason) = if place % 2 == 0 { ("allow", "grant_active") } else { ("deny", "out_of_scope") };
        assert_eq!((&access["sidecar"], &access["decision"]), (&json!(sidecar), &json!(decision)), "{access}");
        assert_eq!((&access["reason"], &access["content"]), (&json!(reason), &json!(ADELE)), "{access}");
        assert_eq!(access["caller"], "exchange-frontend");
    }
    // Page by page it is the same list.
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/access-requests/{id}/accesses?limit=2&cursor={cursor}");
        let page = app.authority("olga").get(&path).is(200).json();
        paged.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(paged, accesses(&app, &id));
    for wrong in ["17", "x", "1-2"] {
        let path = format!("/v1/access-requests/{id}/accesses?cursor={wrong}");
        app.authority("csilla").get(&path).refused(400, "next_cursor");
    }
    let page = Browser::of(&app, "csilla").get(&format!("/requests/{id}")).is(200).text();
    assert_eq!(page.matches("<span class=\"outcome ").count(), told.len(), "each is a line of the page");
    assert!(page.matches("<span class=\"outcome denied").count() >= 3, "what was tried is there too");
    let detail = one.readiness()["checks"].to_string();
    assert!(one.readiness()["ready"] == true && detail.contains("told up to record"), "{detail}");
    eventually("nothing is behind", || metric(&app, &one, "lockbox_accesses_behind_records 0"), |caught_up| *caught_up);
}

#[test]
fn what_was_decided_while_the_authority_was_away_is_told_when_it_is_back() {
    let mut app = TestApp::start_process(Settings::default().and_sidecar("edge-1"));
    let port = app.addresses.authority.port();
    let edge = Edge::sidecar(&app, "edge-1", &url(&app), &[]);
    let id = app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    app.kill();
    // The lease goes on for a while.
    let decisions: Vec<_> = (0..25).map(|_| decided(&edge, &app, &ana_reads(), "grant_active")).collect();
    let behind = |checks: &Value| checks.to_string().contains("it is tried again");
    let readiness = eventually("it says that it is behind", || edge.readiness()["checks"].clone(), behind);
    let check = readiness.as_array().unwrap().iter().find(|check| check["name"] == "accesses").unwrap();
    assert_eq!(check["ok"], true, "nobody is denied for it: {check}");
    app.start_at(port);
    let told = all_told(&app, &id, &decisions);
    assert!(told.iter().all(|access| access["sidecar"] == "edge-1"), "{told:?}");
    eventually(
        "it is told",
        || edge.readiness().to_string(),
        |text| text.contains("the last one") && !text.contains("tried again"),
    );
}

#[test]
fn what_a_sidecar_that_was_killed_had_decided_is_told_after_its_restart_once() {
    let mut app = TestApp::start_process(Settings::default().and_sidecar("edge-1"));
    let port = app.addresses.authority.port();
    let mut edge = Edge::sidecar(&app, "edge-1", &url(&app), &[]);
    let id = app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    // Nobody can be told now, so that the sidecar dies with what it has not told.
    app.kill();
    let mut decisions: Vec<_> = (0..5).map(|_| decided(&edge, &app, &ana_reads(), "grant_active")).collect();
    // Some it has tried to tell, the last one it has not looked at yet.
    eventually("it has tried", || edge.readiness().to_string(), |text| text.contains("it is tried again"));
    decisions.push(decided(&edge, &app, &ana_reads(), "grant_active"));
    edge.kill();
    app.start_at(port);
    assert!(
        decisions.iter().all(|decision| !ids(&accesses(&app, &id)).contains(&decision.as_str())),
        "told by a dead one"
    );
    edge.kill_and_restart(&[]);
    let first = all_told(&app, &id, &decisions).len();
    // Without its place it tells everything again, and adds nothing.
    edge.kill();
    std::fs::remove_file(edge.dir().join("decisions/accesses-told.json")).unwrap();
    edge.kill_and_restart(&[]);
    edge.becomes(&app, &ana_reads(), "grant_active");
    let last = decided(&edge, &app, &ana_reads(), "grant_active");
    all_told(&app, &id, std::slice::from_ref(&last));
    let again = |sample: &str| {
        let metrics = app.operations().get("/metrics").is(200).text();
        let line = metrics.lines().find(|line| line.contains(sample)).unwrap().to_owned();
        line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()
    };
    assert!(again("lockbox_accesses_taken_total{outcome=\"known\"}") >= first, "it was told again");
    assert!(
        decisions.iter().all(|decision| ids(&accesses(&app, &id)).iter().filter(|id| *id == decision).count() == 1)
    );
}

/// A record as a sidecar has it.
fn record(access_request: &str, changes: &[(&str, Value)]) -> Value {
    let mut record = json!({
        "v": 1, "id": SystemIds.uuid(SystemClock.wall()).to_string(), "at": "2099-11-22T10:16:00.000Z", "caller": "exchange-frontend",
        "cached": false, "question": { "engineer": "ana@provider.example", "action": "read", "tenant": "contoso",
            "workload": "exchange", "content": ADELE },
        "decision": "allow", "reason": "grant_active", "access_request": access_request,
        "policy_revision": "sha256:0", "state_revision": 1,
    });
    for (pointer, value) in changes {
        *record.pointer_mut(pointer).unwrap() = value.clone();
    }
    record
}

#[test]
fn nobody_tells_what_he_may_not_and_garbage_is_told_apart() {
    let app = authority();
    let id = app.granted(&wish());
    let tell = |who: &str, records: Vec<Value>| {
        let numbered = |record: Value| json!({ "sequence": 7, "record": record });
        let records: Vec<Value> = records.into_iter().map(numbered).collect();
        app.authority(who).post("/v1/accesses", &json!({ "records": records }))
    };
    for (who, status) in [("", 401), ("ana", 403), ("otto", 403), ("csilla", 403), ("exchange-frontend", 403)] {
        assert_eq!(tell(who, vec![record(&id, &[])]).status, status, "{who}");
    }
    tell("embedded", vec![record(&id, &[])]).refused(403, "another name");
    assert!(accesses(&app, &id).is_empty());
    // Whatever a record says of itself, it is shown under the name that was proved.
    let mut forged = record(&id, &[]);
    forged["sidecar"] = json!("edge-2");
    let first = forged["id"].as_str().unwrap().to_owned();
    let taken = |stored, known, dropped| json!({ "stored": stored, "known": known, "dropped": dropped });
    assert_eq!(tell("edge-1", vec![forged.clone()]).is(200).json(), taken(1, 0, 0));
    assert_eq!(tell("edge-2", vec![forged]).is(200).json(), taken(0, 1, 0));
    let shown = accesses(&app, &id);
    assert_eq!((ids(&shown), &shown[0]["sidecar"]), (vec![first.as_str()], &json!("edge-1")));
    // Of another tenant, another person, an AccessRequest that is not there, or from before there was one.
    let foreign = vec![
        record(&id, &[("/question/tenant", json!("fabrikam"))]),
        record(&id, &[("/question/engineer", json!("ben@provider.example"))]),
        record("LBX-9999", &[]),
        record(&id, &[("/at", json!("2020-01-01T00:00:00Z"))]),
    ];
    assert_eq!(tell("edge-1", foreign).is(200).json(), taken(0, 0, 4));
    let sidecar = app.authority("edge-1");
    for (body, words) in [
        (&b"{"[..], "not valid JSON"),
        (b"[]", "must be an object"),
        (b"{}", "`records`"),
        (br#"{"records":{}}"#, "must be an array"),
        (br#"{"records":[[7,{}]]}"#, "must be an object"),
        (br#"{"records":[{"sequence":0,"record":{}}]}"#, "1 or more"),
        (br#"{"records":[{"sequence":1}]}"#, "record"),
        (br#"{"records":[{"sequence":1,"record":[]}]}"#, "must be an object"),
        (br#"{"records":[{"sequence":1,"record":{},"record":{}}]}"#, "record"),
        (br#"{"records":[{"sequence":1,"record":{}}]}"#, "record 0 (number 1)"),
        (br#"{"records":[],"sidecar":"edge-2"}"#, "sidecar"),
    ] {
        sidecar.post_bytes("/v1/accesses", body).refused(400, words);
    }
    tell("edge-1", vec![record(&id, &[("/id", json!("x"))])]).refused(400, "`id`");
    tell("edge-1", vec![record(&id, &[("/v", json!(2))])]).refused(409, "upgrade the authority");
    tell("edge-1", (0..101).map(|_| record(&id, &[])).collect()).refused(400, "100 items at most");
    let long = record(&id, &[("/reason", json!("x".repeat(70_000)))]);
    assert_eq!(tell("edge-1", vec![long]).status, 413);
    assert_eq!(tell("edge-1", vec![]).is(200).json(), taken(0, 0, 0));
    // What was taken off the list may be in other hands.
    let renewal = json!({ "protocol": 1, "incarnation": "1", "nonce": 1, "holds": null, "lease_ms": 3000, "drift_ppm_max": 100_000 });
    sidecar.post("/v1/renew", &renewal).is(200);
    app.authority("otto").send("DELETE", "/v1/fleet/sidecars/edge-1", None).is(200);
    tell("edge-1", vec![record(&id, &[])]).refused(403, "taken off the list");
    assert_eq!(ids(&accesses(&app, &id)), [first.as_str()]);
}

#[test]
fn the_receipt_names_what_a_sidecar_elsewhere_has_allowed() {
    let outside = Outside::there();
    let app = TestApp::start_with(outside.settings().and_sidecar("edge-1"));
    let edge = Edge::sidecar(&app, "edge-1", &url(&app), &[]);
    let id = app.granted(&wish());
    edge.becomes(&app, &ana_reads(), "grant_active");
    // The last access and the end in one moment: the receipt waits for it.
    let mut count = accesses(&app, &id).len();
    let last = decided(&edge, &app, &ana_reads(), "grant_active");
    app.end("ana", &id, "close").is(200);
    let receipts = || {
        let of_csilla = outside.mails().into_iter().filter(|(to, ..)| to == "csilla@contoso.example");
        of_csilla.map(|(_, _, text)| text).filter(|text| text.contains("closed")).collect::<Vec<_>>()
    };
    let receipt = eventually("the receipt has come", receipts, |texts| !texts.is_empty()).remove(0);
    let told = accesses(&app, &id);
    assert!(ids(&told).contains(&last.as_str()));
    count = told.iter().filter(|access| access["decision"] == "allow").count().max(count);
    assert!(receipt.contains("adele@contoso.example"), "{receipt}");
    assert!(receipt.contains(&format!("{count} ")), "{count} in {receipt}");
}

#[test]
fn an_authority_alone_shows_what_it_was_told_and_needs_no_log() {
    let mut app = TestApp::start_process(Settings::default().and_sidecar("edge-1").and_sidecar("edge-2"));
    let id = app.granted(&wish());
    let own = app.becomes(&ana_reads(), "grant_active")["decision_id"].as_str().unwrap().to_owned();
    let before = accesses(&app, &id);
    assert!(ids(&before).contains(&own.as_str()));
    app.kill();
    let database = app.dir().join("lockbox.db");
    let nowhere = app.dir().join("no/such/log");
    let settings = [("authority.database", database.to_str().unwrap()), ("log.dir", nowhere.to_str().unwrap())];
    let alone = Edge::authority(&app, &settings);
    let address = alone.address("authority");
    let path = format!("/v1/access-requests/{id}/accesses");
    let shown = || app.client(address, "csilla").get(&path).is(200).json()["items"].as_array().unwrap().clone();
    assert_eq!(shown(), before, "what the sidecar beside the authority had told stays");
    let edge = Edge::sidecar(&app, "edge-1", &format!("http://{address}"), &[]);
    edge.becomes(&app, &ana_reads(), "grant_active");
    let decision = decided(&edge, &app, &ana_reads(), "grant_active");
    eventually("it is told", shown, |shown| ids(shown).contains(&decision.as_str()));
    assert!(!nowhere.exists());
    let checks = alone.readiness()["checks"].to_string();
    assert!(!checks.contains("\"accesses\""), "it has nothing to tell: {checks}");
}
