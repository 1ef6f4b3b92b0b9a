//! The source's story, from "nobody can read it" to "it is over", and the ways it ends otherwise.

use crate::app::TestApp;
use crate::steps::{ADELE, ana_reads, eventually, question, wish, wish_for};
use serde_json::json;

#[test]
fn a_customer_lends_a_key_and_gets_it_back() {
    let app = TestApp::start();
    app.denied(&ana_reads(), "no_grant");

    let id = app.submit("ana", &wish());
    app.becomes(&ana_reads(), "approval_pending");
    // Before the provider has looked at it, it is the provider's own matter.
    app.show("csilla", &id).refused(404, "there is no such thing");

    let reviewed = app.review("rita", &id, "approve").is(200);
    assert_eq!(reviewed.header("etag"), Some("\"2\""));
    let reviewed = reviewed.json();
    assert_eq!(
        (reviewed["state"].as_str(), reviewed["reviewed"]["by"].as_str()),
        (Some("notified"), Some("rita@provider.example"))
    );
    assert!(reviewed["respond_by"].is_string() && reviewed.get("grant").is_none());
    app.becomes(&ana_reads(), "approval_pending");

    let approved = app.approve("csilla", &id, &json!({ "comment": "go ahead", "duration": "PT1H" })).is(200).json();
    assert_eq!((approved["state"].as_str(), approved["version"].as_u64()), (Some("active"), Some(3)));
    assert_eq!(approved["decided"]["by"], "csilla@contoso.example");
    assert_eq!(approved["decided"]["comment"], "go ahead");
    assert_eq!(approved["decided"]["authentication"]["method"], "token");
    assert_eq!(approved["decided"]["authentication"]["address"], "127.0.0.1");
    let grant = &approved["grant"];
    assert!(grant["ended"].is_null() && grant["approval"] == "customer");
    assert_eq!(seconds_between(&grant["starts_at"], &grant["expires_at"]), 3600);

    let allowed = app.becomes(&ana_reads(), "grant_active");
    assert_eq!((&allowed["grant"]["id"], &allowed["grant"]["expires_at"]), (&grant["id"], &grant["expires_at"]));
    assert_eq!(allowed["grant"]["access_request"], id.as_str());
    assert_eq!(allowed["policies"], json!(["content-access-with-grant"]));
    assert!((1..=1000).contains(&allowed["valid_for_ms"].as_u64().unwrap()), "{allowed}");

    let closed = app.end("ana", &id, "close").is(200).json();
    assert_eq!((closed["state"].as_str(), closed["effective"].as_bool()), (Some("closed"), Some(true)));
    assert_eq!(closed["grant"]["ended"]["how"], "closed");
    let denied = app.denied(&ana_reads(), "grant_closed");
    assert_eq!(denied["nearest"]["access_request"], id.as_str());
}

fn seconds_between(from: &serde_json::Value, to: &serde_json::Value) -> i64 {
    let at = |text: &serde_json::Value| text.as_str().unwrap().parse::<lockbox::domain::Timestamp>().unwrap().as_ms();
    (at(to) - at(from)) / 1000
}

#[test]
fn a_grant_opens_what_it_names_and_nothing_beside_it() {
    let app = TestApp::start();
    app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    let below = format!("{ADELE}/message/7");
    app.becomes(&question("ana", "read", "contoso", "exchange", &below), "grant_active");
    let other = "mailbox/bela@contoso.example";
    for (engineer, action, tenant, workload, content, reason) in [
        ("ana", "read", "contoso", "exchange", other, "out_of_scope"),
        ("ana", "read", "contoso", "exchange", "mailbox/adele@contoso.example.evil", "out_of_scope"),
        ("ana", "read", "contoso", "exchange", "", "out_of_scope"),
        ("ana", "export", "contoso", "exchange", ADELE, "out_of_scope"),
        ("ben", "read", "contoso", "exchange", ADELE, "no_grant"),
        ("ana", "read", "fabrikam", "exchange", ADELE, "no_grant"),
        ("ana", "read", "contoso", "sharepoint", "site/x", "no_grant"),
        ("ana", "read", "contoso", "onedrive", "drive/x", "no_grant"),
        ("ana", "read", "nobody", "exchange", ADELE, "unknown_tenant"),
    ] {
        app.denied(&question(engineer, action, tenant, workload, content), reason);
    }
}

#[test]
fn the_customer_says_no() {
    let app = TestApp::start();
    let id = app.pending(&wish());
    let denied = app.deny("dora", &id).is(200).json();
    assert_eq!(
        (denied["state"].as_str(), denied["decided"]["by"].as_str()),
        (Some("denied"), Some("dora@contoso.example"))
    );
    app.becomes(&ana_reads(), "request_denied");
    app.approve_version("csilla", &id, 3, &json!({})).refused(409, "`denied`");
}

#[test]
fn the_reviewer_says_no_and_the_customer_never_hears_of_it() {
    let app = TestApp::start();
    let id = app.submit("ana", &wish());
    assert_eq!(app.review("rita", &id, "reject").is(200).state(), "rejected");
    app.becomes(&ana_reads(), "request_denied");
    app.show("csilla", &id).is(404);
    assert_eq!(app.show("ana", &id).is(200).state(), "rejected");
}

#[test]
fn the_engineer_takes_it_back() {
    let app = TestApp::start();
    for (who_withdraws_when, reviewed) in [("before the review", false), ("after it", true)] {
        let id = app.submit("ana", &wish());
        if reviewed {
            app.review("rita", &id, "approve").is(200);
        }
        app.end("ben", &id, "withdraw").is(404);
        assert_eq!(app.end("ana", &id, "withdraw").is(200).state(), "withdrawn", "{who_withdraws_when}");
        app.review("rita", &id, "approve").refused(409, "`withdrawn`");
        app.becomes(&ana_reads(), "no_grant");
    }
}

#[test]
fn the_customer_takes_the_key_back_and_it_is_gone_everywhere_at_once() {
    let app = TestApp::start();
    let id = app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    app.end("ana", &id, "revoke").refused(403, "approver");
    app.end("felix", &id, "revoke").is(404);
    let revoked = app.end("dora", &id, "revoke").is(200).json();
    assert_eq!((revoked["state"].as_str(), revoked["effective"].as_bool()), (Some("revoked"), Some(true)));
    app.denied(&ana_reads(), "grant_revoked");
}

#[test]
fn who_does_not_wait_is_told_when_it_is_certain() {
    let app = TestApp::start();
    let id = app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    let path = format!("/v1/access-requests/{id}/revoke?wait=false");
    let revoked = app.authority("csilla").post_nothing(&path).is(200).json();
    assert_eq!(revoked["effective"], false);
    assert!(revoked["effective_at"].as_str().unwrap() > revoked["grant"]["ended"]["at"].as_str().unwrap());
    app.becomes(&ana_reads(), "grant_revoked");
}

#[test]
fn a_wrong_wait_is_refused_before_anything_is_changed() {
    let app = TestApp::start();
    let id = app.granted(&wish());
    let csilla = app.authority("csilla");
    csilla.post_nothing(&format!("/v1/access-requests/{id}/revoke?wait=0")).refused(400, "`true` or `false`");
    assert_eq!(app.show("csilla", &id).state(), "active");
    csilla.json("PATCH", "/v1/tenants/contoso?wait=no", &json!({ "lockbox": false })).refused(400, "`wait`");
    assert_eq!(csilla.get("/v1/tenants/contoso").json()["lockbox"], true);
    let otto = app.authority("otto");
    otto.json("PUT", "/v1/engineers/ana@provider.example?wait=", &json!({ "suspended": true })).is(200);
    otto.json("PUT", "/v1/engineers/ana@provider.example?wait=1", &json!({})).refused(400, "`wait`");
    otto.json("DELETE", "/v1/engineers/ana@provider.example?wait=1", &json!({})).refused(400, "`wait`");
    assert_eq!(otto.get("/v1/engineers/ana@provider.example").is(200).json()["suspended"], true);
}

#[test]
fn a_window_closes_by_itself() {
    let app = TestApp::start();
    let id = app.granted(&wish_for("contoso", "exchange", &["read"], &[ADELE], "PT2S"));
    let mut allowed = 0;
    // From the approval on it is allowed until it is not, and never again.
    eventually(
        "the window closes",
        || app.ask(&ana_reads()).is(200).json(),
        |answer| {
            let reason = answer["reason"].as_str().unwrap();
            assert!(matches!(reason, "approval_pending" | "grant_active" | "grant_expired"), "{answer}");
            reason == "grant_expired"
        },
    );
    for _ in 0..20 {
        allowed += u32::from(app.ask(&ana_reads()).reason() == "grant_active");
    }
    assert_eq!(allowed, 0, "what has expired stays expired");
    let ended =
        eventually("the record says so", || app.show("csilla", &id).is(200).json(), |shown| shown["state"] == "ended");
    assert_eq!(ended["grant"]["ended"]["how"], "ended");
    assert!(ended["grant"]["ended"].get("by").is_none(), "the clock ended it: {ended}");
    app.end("ana", &id, "close").refused(409, "`ended`");
}

#[test]
fn overlapping_grants_do_not_end_each_other() {
    let app = TestApp::start();
    let first = app.granted(&wish());
    let second = app.granted(&wish_for("contoso", "exchange", &["read", "search"], &[ADELE], "PT1H"));
    let whole = app.granted(&wish_for("contoso", "exchange", &["read"], &[], "PT1H"));
    app.becomes(&question("ana", "read", "contoso", "exchange", ""), "grant_active");
    app.end("ana", &first, "close").is(200);
    app.becomes(&ana_reads(), "grant_active");
    app.end("ana", &whole, "close").is(200);
    let allowed = app.becomes(&ana_reads(), "grant_active");
    assert_eq!(allowed["grant"]["access_request"], second.as_str());
    app.end("csilla", &second, "revoke").is(200);
    assert_eq!(app.ask(&ana_reads()).json()["decision"], "deny");
}
