//! What is kept and shown: history, notices, accesses, lists without gaps; and that looking changes nothing.

use crate::app::TestApp;
use crate::steps::{ADELE, ana_reads, eventually, question, wish};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn items(list: &Value) -> &Vec<Value> {
    list["items"].as_array().unwrap_or_else(|| panic!("no list: {list}"))
}

#[test]
fn the_history_names_who_did_what_when_and_how_he_proved_it() {
    let app = TestApp::start();
    let id = app.granted(&wish());
    app.end("ana", &id, "close").is(200);
    let history = app.authority("csilla").get(&format!("/v1/access-requests/{id}/events")).is(200).json();
    let told: Vec<_> = items(&history)
        .iter()
        .map(|event| {
            format!(
                "{} {} {} {}",
                event["version"],
                event["kind"].as_str().unwrap(),
                event["by"].as_str().unwrap(),
                event["state"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "1 submitted ana@provider.example submitted",
            "2 review_approved rita@provider.example notified",
            "3 approved csilla@contoso.example active",
            "4 closed ana@provider.example closed",
        ]
    );
    for event in items(&history) {
        assert_eq!(event["authentication"]["method"], "token", "{event}");
        assert_eq!(event["authentication"]["address"], "127.0.0.1", "{event}");
        assert!(event["at"].as_str().unwrap().ends_with('Z'));
    }
    assert_eq!(items(&history)[1]["comment"], "looked at");
}

#[test]
fn everybody_whom_it_concerns_is_told() {
    let app = TestApp::start();
    let outbox = |who: &str, id: &str| -> BTreeSet<String> {
        let listed = app.authority(who).get("/v1/outbox?limit=1000").is(200).json();
        let of_it = items(&listed).iter().filter(|notice| notice["access_request"] == id);
        of_it.map(|notice| format!("{} {}", notice["kind"].as_str().unwrap(), notice["to"].as_str().unwrap())).collect()
    };
    let set = |told: &[&str]| -> BTreeSet<String> { told.iter().map(|told| (*told).to_owned()).collect() };
    let (csilla, dora, ana) = ("csilla@contoso.example", "dora@contoso.example", "ana@provider.example");
    let all = |kind: &str, to: &[&str]| -> Vec<String> { to.iter().map(|to| format!("{kind} {to}")).collect() };

    let id = app.submit("ana", &wish());
    assert_eq!(outbox("otto", &id), set(&[]), "nothing is told before the review");
    app.review("rita", &id, "approve").is(200);
    let mut wanted: BTreeSet<String> = all("pending", &[csilla, dora]).into_iter().collect();
    assert_eq!(outbox("otto", &id), wanted);
    app.approve("csilla", &id, &json!({})).is(200);
    wanted.extend(all("approved", &[ana, csilla]));
    wanted.extend(all("no_longer_needed", &[dora]));
    assert_eq!(outbox("otto", &id), wanted);
    app.end("ana", &id, "close").is(200);
    wanted.extend(all("ended", &[ana, csilla, dora]));
    assert_eq!(outbox("otto", &id), wanted);
    assert_eq!(outbox("csilla", &id), wanted, "the customer sees his own");
    assert_eq!(outbox("felix", &id), set(&[]), "and nobody else's");

    let denied = app.pending(&wish());
    app.deny("csilla", &denied).is(200);
    assert!(outbox("otto", &denied).is_superset(&set(&["denied ana@provider.example"])));
    let rejected = app.submit("ana", &wish());
    app.review("rita", &rejected, "reject").is(200);
    assert_eq!(outbox("otto", &rejected), set(&["rejected ana@provider.example"]));
    let withdrawn = app.pending(&wish());
    app.end("ana", &withdrawn, "withdraw").is(200);
    assert!(outbox("otto", &withdrawn).is_superset(&all("withdrawn", &[csilla, dora]).into_iter().collect()));
}

#[test]
fn the_customer_sees_what_was_touched_and_nobody_else_does() {
    let app = TestApp::start();
    let id = app.granted(&wish());
    let allowed = app.becomes(&ana_reads(), "grant_active");
    let denied = app.denied(&question("ana", "export", "contoso", "exchange", ADELE), "out_of_scope");
    let path = format!("/v1/access-requests/{id}/accesses");
    for who in ["csilla", "dora", "olga"] {
        let listed = app.authority(who).get(&path).is(200).json();
        let find = |id: &Value| items(&listed).iter().find(|access| access["decision_id"] == *id).cloned();
        let touched = find(&allowed["decision_id"]).expect("the allow is there as soon as it was given");
        assert_eq!(
            (touched["decision"].as_str(), touched["action"].as_str(), touched["content"].as_str()),
            (Some("allow"), Some("read"), Some(ADELE))
        );
        assert_eq!(touched["caller"], "exchange-frontend");
        let tried = find(&denied["decision_id"]).expect("what was tried is there too");
        assert_eq!((tried["decision"].as_str(), tried["reason"].as_str()), (Some("deny"), Some("out_of_scope")));
    }
    for (who, status) in [("ana", 403), ("rita", 403), ("otto", 403), ("felix", 404), ("ben", 404)] {
        assert_eq!(app.authority(who).get(&path).status, status, "{who}");
    }
    let first = app.authority("csilla").get(&format!("{path}?limit=1")).is(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = app.authority("csilla").get(&format!("{path}?cursor={cursor}")).is(200).json();
    let all = app.authority("csilla").get(&path).is(200).json();
    assert_eq!(items(&first).len() + items(&rest).len(), items(&all).len());
}

#[test]
fn a_list_has_no_gaps_and_nothing_twice() {
    let app = TestApp::start();
    let mut made: Vec<String> =
        (0..23).map(|number| app.submit(if number % 3 == 0 { "ben" } else { "ana" }, &wish())).collect();
    made.reverse();
    for limit in [1, 2, 5, 22, 23, 24] {
        let mut seen = Vec::new();
        let mut query = format!("limit={limit}");
        loop {
            let page = app.authority("rita").get(&format!("/v1/access-requests?{query}")).is(200).json();
            assert!(items(&page).len() <= limit);
            seen.extend(items(&page).iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            // Somebody asks in between: what is new is newer than the page, and moves nothing.
            if seen.len() < 4 && limit == 2 {
                app.submit("ben", &wish());
            }
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            query = format!("limit={limit}&cursor={cursor}");
        }
        assert!(seen.ends_with(&made), "{limit}: {seen:?}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "nothing twice");
    }
    let own = app.authority("ana").get("/v1/access-requests?limit=1000").is(200).json();
    assert!(items(&own).iter().all(|item| item["engineer"] == "ana@provider.example") && items(&own).len() == 15);
    for wrong in
        ["limit=0", "limit=1001", "limit=-1", "limit=x", "cursor=x", "state=open", "since=yesterday", "tenant=A"]
    {
        app.authority("rita").get(&format!("/v1/access-requests?{wrong}")).refused(400, "query parameter");
    }
}

#[test]
fn lists_are_filtered_by_what_time_has_made() {
    let app = TestApp::start();
    let active = app.granted(&wish());
    let denied = app.pending(&wish());
    app.deny("csilla", &denied).is(200);
    for (state, id) in [("active", &active), ("denied", &denied)] {
        let listed =
            app.authority("csilla").get(&format!("/v1/access-requests?state={state}&tenant=contoso")).is(200).json();
        assert_eq!(items(&listed).iter().map(|item| item["id"].as_str().unwrap()).collect::<Vec<_>>(), [id]);
    }
}

#[test]
fn every_answer_carries_the_id_of_its_request() {
    let app = TestApp::start();
    let id = "req/7 ~ x";
    for (client, path, status) in [
        (app.authority("csilla"), "/v1/tenants", 200),
        (app.authority(""), "/v1/tenants", 401),
        (app.authority("exchange-frontend"), "/v1/tenants", 403),
        (app.authority("csilla"), "/v1/tenants/nobody", 404),
        (app.authority("csilla"), "/v1/access-requests?limit=x", 400),
        (app.sidecar(""), "/v1/authorize", 405),
        (app.sidecar(""), "/nowhere", 404),
        (app.operations(), "/livez", 200),
    ] {
        let reply = client.with("X-Request-ID", id).get(path).is(status);
        assert_eq!(reply.header("x-request-id"), Some(id), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        let made = client.get(path);
        assert_eq!(made.header("x-request-id").map(str::len), Some(36), "{path}");
    }
    let broken = app.sidecar("exchange-frontend").with("X-Request-ID", id).post_bytes("/v1/authorize", b"{").is(400);
    assert_eq!(broken.header("x-request-id"), Some(id));
}

#[test]
fn looking_changes_nothing() {
    let app = TestApp::start();
    let id = app.pending(&wish());
    let standing = |app: &TestApp| {
        let metrics = app.operations().get("/metrics").text();
        let revision = metrics.lines().find(|line| line.starts_with("lockbox_state_revision ")).map(str::to_owned);
        revision.unwrap_or_else(|| panic!("no revision among the metrics: {metrics}"))
    };
    let shown = app.show("csilla", &id).json();
    app.becomes(&ana_reads(), "approval_pending");
    let before = eventually("it is quiet", || (standing(&app), standing(&app)), |(one, two)| one == two).0;
    for who in ["csilla", "dora", "rita", "ana", "olga"] {
        for step in ["", "/review", "/approve", "/deny", "/withdraw", "/close", "/revoke", "/events", "/accesses"] {
            for method in ["GET", "HEAD"] {
                // What a mail scanner does with every address that it finds.
                let path = format!("/v1/access-requests/{id}{step}?verdict=approve&comment=x");
                let reply = app.authority(who).with("If-Match", "\"2\"").send(method, &path, None);
                assert!(matches!(reply.status, 200 | 400 | 403 | 405), "{method} {path}: {}", reply.status);
                assert!(method == "GET" || reply.body.is_empty(), "a HEAD has no body");
            }
        }
    }
    assert_eq!(standing(&app), before, "the record has moved");
    assert_eq!(app.show("csilla", &id).json(), shown);
}
