//! A restart in the middle of the story, in order and by `kill -9`: nothing is lost, nothing opens.

use crate::app::{Settings, TestApp};
use crate::steps::{ADELE, ana_reads, question, wish, wish_for};
use serde_json::json;

/// The story with a restart between any two steps.
pub(crate) fn interrupted(mut app: TestApp, again: impl Fn(&mut TestApp)) {
    app.denied(&ana_reads(), "no_grant");
    let id = app.submit("ana", &wish());
    again(&mut app);
    app.becomes(&ana_reads(), "approval_pending");
    app.review("rita", &id, "approve").is(200);
    again(&mut app);
    app.becomes(&ana_reads(), "approval_pending");
    let approved = app.approve("csilla", &id, &json!({ "duration": "PT1H" })).is(200).json();
    again(&mut app);
    let allowed = app.becomes(&ana_reads(), "grant_active");
    assert_eq!(
        (&allowed["grant"]["id"], &allowed["grant"]["expires_at"]),
        (&approved["grant"]["id"], &approved["grant"]["expires_at"])
    );
    app.end("ana", &id, "close").is(200);
    app.denied(&ana_reads(), "grant_closed");
    again(&mut app);
    app.becomes(&ana_reads(), "grant_closed");

    let shown = app.show("csilla", &id).is(200).json();
    assert_eq!((shown["state"].as_str(), shown["version"].as_u64()), (Some("closed"), Some(4)));
    let events = app.authority("olga").get(&format!("/v1/access-requests/{id}/events")).json();
    let steps = events["items"].as_array().unwrap().iter().filter(|event| event["kind"] != "first_used");
    let kinds: Vec<_> = steps.map(|event| event["version"].as_u64().unwrap()).collect();
    assert_eq!(kinds, [1, 2, 3, 4], "{events}");
    let accesses = app.authority("csilla").get(&format!("/v1/access-requests/{id}/accesses")).is(200).json();
    let reasons: Vec<_> =
        accesses["items"].as_array().unwrap().iter().map(|access| access["reason"].as_str().unwrap()).collect();
    assert!(reasons.contains(&"grant_active") && reasons.contains(&"grant_closed"), "{reasons:?}");
    // The next id is new: a number is never given twice.
    assert_ne!(app.submit("ana", &wish()), id);
}

#[test]
fn the_story_goes_on_after_a_restart_in_order() {
    interrupted(TestApp::start(), TestApp::restart);
}

#[test]
fn the_story_goes_on_after_kill_9() {
    interrupted(TestApp::start_process(Settings::default()), TestApp::kill_and_restart);
}

#[test]
fn a_process_that_is_asked_to_end_ends_in_order() {
    let mut app = TestApp::start_process(Settings::default());
    let id = app.granted(&wish());
    app.restart();
    assert_eq!(app.show("csilla", &id).is(200).state(), "active");
    app.becomes(&ana_reads(), "grant_active");
}

#[test]
fn what_ran_out_while_nobody_was_there_is_over() {
    let mut app = TestApp::start_process(Settings::default());
    let brief = app.granted(&wish_for("contoso", "exchange", &["read"], &[ADELE], "PT1S"));
    let expires_at = app.show("csilla", &brief).json()["grant"]["expires_at"].as_str().unwrap().to_owned();
    app.kill();
    let expires_at: lockbox::domain::Timestamp = expires_at.parse().unwrap();
    crate::steps::eventually(
        "it has run out",
        || lockbox::clock::Clock::wall(&lockbox::clock::SystemClock),
        |now| *now >= expires_at,
    );
    app.restart();
    app.becomes(&ana_reads(), "grant_expired");
    assert_eq!(app.show("csilla", &brief).state(), "ended");
    // Denied before the first renewal as well: no answer of this process was ever an allow.
    app.denied(&question("ana", "read", "contoso", "exchange", ADELE), "grant_expired");
}

#[test]
fn a_key_is_remembered_over_a_kill() {
    let mut app = TestApp::start_process(Settings::default());
    let submit = |app: &TestApp| {
        app.authority("ana").with("Idempotency-Key", "once").post("/v1/access-requests", &wish()).is(201).json()["id"]
            .clone()
    };
    let made = submit(&app);
    app.kill_and_restart();
    assert_eq!(submit(&app), made);
}
