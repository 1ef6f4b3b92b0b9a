//! Who decides: three different people, what they saw, once. And when several try in one moment, one.

use crate::app::{Settings, TestApp};
use crate::steps::{ADELE, ana_reads, question, wish, wish_for};
use crate::wire::Reply;
use lockbox::domain::Role;
use serde_json::json;
use std::sync::Barrier;

#[test]
fn nobody_is_two_of_the_three() {
    // ana reviews too, and both would also answer for contoso; each under a token for it.
    let app = TestApp::start_with(
        Settings::default()
            .and_person("ana-reviews", "ana@provider.example", &[Role::Engineer, Role::Reviewer], None)
            .and_person("ana-approves", "ana@provider.example", &[Role::Approver], Some("contoso"))
            .and_person("rita-approves", "rita@provider.example", &[Role::Approver], Some("contoso")),
    );
    let id = app.submit("ana", &wish());
    app.review("ana-reviews", &id, "approve").refused(403, "did not ask himself");
    app.review("rita", &id, "approve").is(200);
    let approvers = json!({ "approvers": ["ana@provider.example", "rita@provider.example", "csilla@contoso.example"] });
    app.set_tenant("csilla", "contoso", &approvers).is(200);
    for who in ["rita", "ana-reviews", "ana-approves", "rita-approves"] {
        app.approve(who, &id, &json!({})).is(403);
    }
    app.becomes(&ana_reads(), "approval_pending");
}

#[test]
fn a_twin_of_an_approver_is_somebody_else() {
    let rights = [Role::Approver, Role::TenantAdmin];
    let app = TestApp::start_with(
        Settings::default()
            .and_person("plus", "csilla+lockbox@contoso.example", &rights, Some("contoso"))
            .and_person("elsewhere", "csilla@fabrikam.example", &rights, Some("contoso"))
            .and_person("short", "csilla", &rights, Some("contoso"))
            .and_person("of-another", "csilla@contoso.example", &rights, Some("fabrikam"))
            .and_person("of-provider", "csilla@contoso.example", &[Role::Engineer, Role::Auditor], None)
            .and_person("no-approver", "dora@contoso.example", &[Role::TenantAdmin], Some("contoso")),
    );
    let id = app.pending(&wish());
    for (who, status) in [
        ("plus", 403),
        ("elsewhere", 403),
        ("short", 403),
        ("of-another", 404),
        ("of-provider", 403),
        ("no-approver", 403),
    ] {
        let refused = app.approve(who, &id, &json!({}));
        assert_eq!(refused.status, status, "{who}: {}", refused.text());
    }
    assert_eq!(app.show("csilla", &id).state(), "notified");
}

#[test]
fn an_approver_who_is_struck_off_cannot_approve_what_he_saw_before() {
    let app = TestApp::start();
    let id = app.pending(&wish());
    app.show("dora", &id).is(200);
    app.set_tenant("csilla", "contoso", &json!({ "approvers": ["csilla@contoso.example"] })).is(200);
    app.approve("dora", &id, &json!({})).is(403);
    app.deny("dora", &id).is(403);
}

#[test]
fn an_approval_may_narrow() {
    let app = TestApp::start();
    let wide = wish_for("contoso", "exchange", &["read", "search", "export"], &[], "PT4H");
    let id = app.pending(&wide);
    let terms = json!({ "actions": ["read"], "content": [ADELE], "duration": "PT10M", "comment": "this much" });
    let grant = app.approve("csilla", &id, &terms).is(200).json()["grant"].clone();
    assert_eq!((&grant["actions"], &grant["content"]), (&json!(["read"]), &json!([ADELE])));
    app.becomes(&ana_reads(), "grant_active");
    for (action, content) in
        [("search", ADELE), ("export", ADELE), ("read", "mailbox/bela@contoso.example"), ("read", "")]
    {
        app.denied(&question("ana", action, "contoso", "exchange", content), "out_of_scope");
    }
    // The record keeps what was asked beside what was given.
    let shown = app.show("ana", &id).json();
    assert_eq!((&shown["actions"], &shown["duration"]), (&json!(["export", "read", "search"]), &json!("PT4H")));
}

#[test]
fn an_approval_never_widens() {
    let app = TestApp::start();
    let id = app.pending(&wish());
    for terms in [
        json!({ "duration": "PT3H" }),
        json!({ "actions": ["read", "export"] }),
        json!({ "actions": [] }),
        json!({ "content": ["mailbox/bela@contoso.example"] }),
        json!({ "content": [ADELE, "mailbox/bela@contoso.example"] }),
    ] {
        app.approve("csilla", &id, &terms).refused(422, "");
    }
    // Read by a person an empty list is "nothing"; it must never come to mean "everything".
    app.approve("csilla", &id, &json!({ "content": [] })).refused(400, "content");
    app.approve("csilla", &id, &json!({ "Duration": "PT1H" })).refused(400, "did you mean `duration`");
    assert_eq!(app.show("csilla", &id).json()["version"], 2, "nothing has changed");
}

#[test]
fn an_answer_binds_to_what_was_looked_at() {
    let app = TestApp::start();
    let id = app.pending(&wish());
    for step in ["approve", "deny"] {
        let path = format!("/v1/access-requests/{id}/{step}");
        app.authority("csilla").post(&path, &json!({})).refused(428, "If-Match");
        for stale in ["\"1\"", "\"3\"", "7"] {
            let stale = app.authority("csilla").with("If-Match", stale).post(&path, &json!({}));
            assert_eq!(stale.refused(412, "look at it again")["version"], 2);
        }
        for nonsense in ["*", "\"two\"", "W/\"2\"", "\"2\", \"3\""] {
            app.authority("csilla").with("If-Match", nonsense).post(&path, &json!({})).refused(400, "If-Match");
        }
        app.authority("csilla").with("If-Match", "\"2\"").with("If-Match", "\"2\"").post(&path, &json!({})).is(400);
    }
    assert_eq!(app.show("csilla", &id).state(), "notified");
}

#[test]
fn a_step_that_comes_too_late_names_state_and_command() {
    let app = TestApp::start();
    let closed = app.granted(&wish());
    app.end("ana", &closed, "close").is(200);
    let withdrawn = app.pending(&wish());
    app.end("ana", &withdrawn, "withdraw").is(200);
    let denied = app.pending(&wish());
    app.deny("csilla", &denied).is(200);
    for (id, version, state) in [(&closed, 4, "closed"), (&withdrawn, 3, "withdrawn"), (&denied, 3, "denied")] {
        let problem = app.approve_version("csilla", id, version, &json!({})).refused(409, state);
        assert_eq!((problem["state"].as_str(), problem["command"].as_str()), (Some(state), Some("approve")));
        assert_eq!(problem["access_request"], id.as_str());
        for (who, how) in [("ana", "withdraw"), ("ana", "close"), ("rita", "close"), ("csilla", "revoke")] {
            let problem = app.end(who, id, how).refused(409, state);
            assert_eq!((problem["state"].as_str(), problem["command"].as_str()), (Some(state), Some(how)));
        }
        app.review("rita", id, "approve").refused(409, state);
    }
    let early = app.submit("ana", &wish());
    app.end("ana", &early, "close").refused(409, "`submitted`");
}

#[test]
fn of_a_hundred_approvals_at_once_one_counts() {
    let app = TestApp::start();
    let id = app.pending(&wish());
    let (approvals, denials) = (90, 10);
    let together = Barrier::new(approvals + denials);
    let replies: Vec<(usize, Reply)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..approvals + denials)
            .map(|number| {
                let (app, id, together) = (&app, &id, &together);
                scope.spawn(move || {
                    together.wait();
                    let who = if number % 2 == 0 { "csilla" } else { "dora" };
                    (number, if number < approvals { app.approve(who, id, &json!({})) } else { app.deny(who, id) })
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let won: Vec<_> = replies.iter().filter(|(_, reply)| reply.status == 200).collect();
    assert_eq!(won.len(), 1, "exactly one wins");
    for (number, reply) in replies.iter().filter(|(_, reply)| reply.status != 200) {
        assert!(matches!(reply.status, 409 | 412), "{number}: {} {}", reply.status, reply.text());
    }
    let shown = app.show("csilla", &id).json();
    assert_eq!((shown["version"].as_u64(), &shown["state"]), (Some(3), &won[0].1.json()["state"]));
    let events = app.authority("csilla").get(&format!("/v1/access-requests/{id}/events")).json();
    assert_eq!(events["items"].as_array().unwrap().len(), 3, "{events}");
}

#[test]
fn approve_and_withdraw_race_and_one_of_them_is_true() {
    let app = TestApp::start();
    for _ in 0..8 {
        let id = app.pending(&wish());
        let together = Barrier::new(2);
        let (approved, withdrawn) = std::thread::scope(|scope| {
            let approving = scope.spawn(|| {
                together.wait();
                app.approve("csilla", &id, &json!({})).status
            });
            together.wait();
            let withdrawn = app.end("ana", &id, "withdraw").status;
            (approving.join().unwrap(), withdrawn)
        });
        let state = app.show("ana", &id).state();
        match (approved, withdrawn) {
            (200, 409) => assert_eq!(state, "active"),
            (409 | 412, 200) => assert_eq!(state, "withdrawn"),
            both => panic!("{both:?} and it is `{state}`"),
        }
    }
}

#[test]
fn a_key_makes_one_request_however_often_it_is_sent() {
    let app = TestApp::start();
    let keyed = |who: &str, key: &str| app.authority(who).with("Idempotency-Key", key);
    let first = keyed("ana", "k-1").post("/v1/access-requests", &wish()).is(201).json();
    let again = keyed("ana", "k-1").post("/v1/access-requests", &wish()).is(201).json();
    assert_eq!(first["id"], again["id"]);
    let other = wish_for("contoso", "exchange", &["read"], &[ADELE], "PT1H");
    keyed("ana", "k-1").post("/v1/access-requests", &other).refused(422, "Idempotency-Key");
    // A key is one person's own.
    let bens = keyed("ben", "k-1").post("/v1/access-requests", &wish()).is(201).json();
    assert_ne!(bens["id"], first["id"]);
    let together = Barrier::new(8);
    let ids: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    together.wait();
                    keyed("ana", "k-2").post("/v1/access-requests", &wish()).is(201).json()["id"].to_string()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 1, "{ids:?}");
    for bad in ["", &"k".repeat(256)] {
        keyed("ana", bad).post("/v1/access-requests", &wish()).is(400);
    }
}
