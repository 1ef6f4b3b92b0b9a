//! What settings do to a story: the switch, entitlement, limits, quorum, and what is known of engineers.

use crate::app::TestApp;
use crate::steps::{ADELE, ana_reads, question, wish, wish_for};
use serde_json::{Value, json};

const FELIX_SITE: &str = "mailbox/felicia@fabrikam.example";

fn fabrikam_wish() -> Value {
    wish_for("fabrikam", "exchange", &["read"], &[FELIX_SITE], "PT1H")
}

fn ana_reads_fabrikam() -> Value {
    question("ana", "read", "fabrikam", "exchange", FELIX_SITE)
}

#[test]
fn where_lockbox_is_off_the_review_alone_opens_and_the_switch_closes() {
    let app = TestApp::start();
    app.denied(&ana_reads_fabrikam(), "no_grant");
    let id = app.submit("ana", &fabrikam_wish());
    app.becomes(&ana_reads_fabrikam(), "approval_pending");
    let active = app.review("rita", &id, "approve").is(200).json();
    assert_eq!((active["state"].as_str(), active["grant"]["approval"].as_str()), (Some("active"), Some("internal")));
    assert!(active.get("decided").is_none(), "no customer decided: {active}");
    app.becomes(&ana_reads_fabrikam(), "lockbox_off");

    let switched = app.set_tenant("felix", "fabrikam", &json!({ "lockbox": true })).is(200).json();
    assert_eq!((switched["lockbox"].as_bool(), switched["effective"].as_bool()), (Some(true), Some(true)));
    app.denied(&ana_reads_fabrikam(), "grant_revoked");
    let revoked = app.show("felix", &id).is(200).json();
    assert_eq!(
        (revoked["state"].as_str(), revoked["grant"]["ended"]["by"].as_str()),
        (Some("revoked"), Some("felix@fabrikam.example"))
    );

    // Turned off again, what was ended stays ended.
    app.set_tenant("felix", "fabrikam", &json!({ "lockbox": false })).is(200);
    app.denied(&ana_reads_fabrikam(), "grant_revoked");
}

#[test]
fn the_switch_leaves_what_the_customer_granted() {
    let app = TestApp::start();
    app.granted(&wish());
    app.set_tenant("csilla", "contoso", &json!({ "lockbox": false })).is(200);
    app.set_tenant("csilla", "contoso", &json!({ "lockbox": true })).is(200);
    app.becomes(&ana_reads(), "grant_active");
}

#[test]
fn only_an_administrator_of_the_tenant_turns_the_switch() {
    let app = TestApp::start();
    for (who, status) in [
        ("ana", 404),
        ("rita", 403),
        ("olga", 403),
        ("otto", 403),
        ("dora", 403),
        ("felix", 404),
        ("exchange-frontend", 403),
        ("", 401),
    ] {
        let refused = app.set_tenant(who, "contoso", &json!({ "lockbox": false }));
        assert_eq!(refused.status, status, "{who}: {}", refused.text());
    }
    assert_eq!(app.authority("csilla").get("/v1/tenants/contoso").json()["lockbox"], true);
}

#[test]
fn without_the_plan_there_is_no_switch() {
    let app = TestApp::start();
    let otto = app.authority("otto");
    let made = otto.json("PUT", "/v1/tenants/litware", &json!({ "entitlement": "none" })).is(201).json();
    assert_eq!((made["lockbox"].as_bool(), made["entitlement"].as_str()), (Some(false), Some("none")));
    otto.json("PUT", "/v1/tenants/northwind", &json!({ "entitlement": "none", "lockbox": true })).refused(409, "E5");
    // What makes lockbox possible may not be taken away beneath it.
    app.set_tenant("otto", "contoso", &json!({ "entitlement": "none" })).refused(409, "entitlement");
    app.set_tenant("csilla", "contoso", &json!({ "entitlement": "e5" })).refused(403, "operator");
    for bought in ["add_on", "e5"] {
        app.set_tenant("otto", "contoso", &json!({ "entitlement": bought })).is(200);
    }
}

#[test]
fn limits_only_tighten_and_bind_at_once() {
    let app = TestApp::start();
    let limits = |longest: Value| json!({ "limits": { "grant_longest": longest } });
    for wide in ["PT5H", "P2D"] {
        app.set_tenant("csilla", "contoso", &limits(json!(wide))).refused(422, "tightened");
    }
    for nonsense in ["", "4h", "PT0S", "-PT1H", "P1M"] {
        let refused = app.set_tenant("csilla", "contoso", &limits(json!(nonsense)));
        assert!(matches!(refused.status, 400 | 422), "{nonsense}: {}", refused.text());
    }
    let too_late = app.pending(&wish());
    app.set_tenant("csilla", "contoso", &limits(json!("PT30M"))).is(200);
    let refused = app.authority("ana").post("/v1/access-requests", &wish());
    refused.refused(422, "PT30M");
    // What was asked before is approved within what is allowed now.
    let grant = app.approve("csilla", &too_late, &json!({})).is(200).json()["grant"].clone();
    let at = |text: &Value| text.as_str().unwrap().parse::<lockbox::domain::Timestamp>().unwrap().as_ms();
    assert_eq!(at(&grant["expires_at"]) - at(&grant["starts_at"]), 30 * 60 * 1000);
    let back = app.set_tenant("csilla", "contoso", &limits(Value::Null)).is(200).json();
    assert_eq!(back["limits"]["grant_longest"], "PT4H");
}

#[test]
fn settings_bind_to_the_version_that_was_looked_at() {
    let app = TestApp::start();
    let csilla = app.authority("csilla");
    let seen = csilla.get("/v1/tenants/contoso").is(200).header("etag").unwrap().to_owned();
    let bound = csilla.with("If-Match", &seen);
    bound.json("PATCH", "/v1/tenants/contoso", &json!({ "notify": ["desk@contoso.example"] })).is(200);
    bound.json("PATCH", "/v1/tenants/contoso", &json!({ "notify": [] })).refused(412, "look at it again");
}

#[test]
fn two_approvers_where_the_customer_wants_two() {
    let app = TestApp::start();
    app.set_tenant("csilla", "contoso", &json!({ "quorum": 3 })).refused(422, "quorum");
    app.set_tenant("csilla", "contoso", &json!({ "quorum": 2 })).is(200);
    let id = app.pending(&wish());
    let first = app.approve("csilla", &id, &json!({ "duration": "PT1H" })).is(200).json();
    assert_eq!((first["state"].as_str(), first["approvals"].as_array().unwrap().len()), (Some("notified"), 1));
    app.becomes(&ana_reads(), "approval_pending");
    app.approve_version("csilla", &id, 3, &json!({})).refused(409, "csilla@contoso.example");
    // The second may narrow what the first agreed to, and never widen it.
    app.approve_version("dora", &id, 3, &json!({ "duration": "PT2H" })).refused(422, "narrow");
    let second = app.approve_version("dora", &id, 3, &json!({ "duration": "PT30M" })).is(200).json();
    assert_eq!(second["state"], "active");
    app.becomes(&ana_reads(), "grant_active");
    assert_eq!(second["decided"]["by"], "dora@contoso.example");
}

#[test]
fn a_consent_of_somebody_who_lost_the_right_does_not_count() {
    let app = TestApp::start();
    app.set_tenant("csilla", "contoso", &json!({ "quorum": 2 })).is(200);
    let id = app.pending(&wish());
    app.approve("dora", &id, &json!({})).is(200);
    app.set_tenant("csilla", "contoso", &json!({ "approvers": ["csilla@contoso.example", "eva@contoso.example"] }))
        .is(200);
    let still = app.approve_version("csilla", &id, 3, &json!({})).is(200);
    assert_eq!(still.state(), "notified");
    app.approve_version("dora", &id, 4, &json!({})).is(403);
    app.becomes(&ana_reads(), "approval_pending");
}

#[test]
fn a_suspended_engineer_is_denied_at_once_and_his_grant_stays() {
    let app = TestApp::start();
    let id = app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    let facts = |suspended: bool| json!({ "teams": ["exchange-oncall"], "clearance": 3, "country": "HU", "suspended": suspended });
    app.put_engineer("ana", &facts(true)).is(200);
    let denied = app.denied(&ana_reads(), "policy_denied");
    assert_eq!(denied["policies"], json!(["stop-suspended-engineer"]));
    assert_eq!(denied["policy_reason"], "engineer_suspended");
    assert_eq!(app.show("csilla", &id).state(), "active", "the record is not touched");
    app.authority("ana").post("/v1/access-requests", &wish()).refused(403, "suspended");
    app.put_engineer("ana", &facts(false)).is(200);
    app.becomes(&ana_reads(), "grant_active");
}

#[test]
fn a_removed_engineer_is_allowed_nothing() {
    let app = TestApp::start();
    app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    let gone = app.authority("otto").send("DELETE", "/v1/engineers/ana@provider.example", None).is(204);
    assert!(gone.body.is_empty());
    let denied = app.ask(&ana_reads()).is(200).json();
    assert_eq!(denied["decision"], "deny", "{denied}");
    app.authority("ana").post("/v1/access-requests", &wish()).refused(403, "directory");
}

#[test]
fn a_guardrail_closes_what_a_grant_opens() {
    let app = TestApp::start();
    app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    let mut unmanaged = ana_reads();
    unmanaged["context"] = json!({ "device_managed": false });
    let denied = app.denied(&unmanaged, "policy_denied");
    assert_eq!(denied["policies"], json!(["refuse-unmanaged-device"]));
    // A Grant, a clock or a tenant that the caller states is never believed.
    for said in
        [json!({ "grant": { "id": "x" } }), json!({ "now": "2020-01-01T00:00:00Z" }), json!({ "tenant": "fabrikam" })]
    {
        let mut asked = question("ben", "read", "contoso", "exchange", ADELE);
        asked["context"] = said;
        app.denied(&asked, "no_grant");
    }
}

#[test]
fn nobody_left_to_approve_is_an_alarm() {
    let app = TestApp::start();
    app.set_tenant("csilla", "contoso", &json!({ "notify": ["desk@contoso.example"] })).is(200);
    let alarmed = app.set_tenant("csilla", "contoso", &json!({ "approvers": [] })).is(200).json();
    assert!(alarmed["alarms"][0].as_str().unwrap().contains("too few people can approve"));
    let outbox = app.authority("otto").get("/v1/outbox").is(200).json();
    assert_eq!(
        (outbox["items"][0]["kind"].as_str(), outbox["items"][0]["to"].as_str()),
        (Some("nobody_can_approve"), Some("desk@contoso.example"))
    );
    let id = app.pending(&wish());
    app.approve("csilla", &id, &json!({})).is(403);
}
