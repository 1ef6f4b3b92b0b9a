//! A careless policy edit, `permit(principal, action, resource);`, pushed to a running process: it opens
//! neither content (the guard) nor commands and settings (the rule behind every right).

use crate::app::TestApp;
use crate::steps::{ana_reads, wish};
use serde_json::json;

const CARELESS: &str =
    "@id(\"oops\") @reason(\"r\") @advice(\"a\") @owner(\"o\") permit (principal, action, resource);\n";

#[test]
fn a_permit_for_everybody_gives_nobody_a_right() {
    let app = TestApp::start();
    let id = app.submit("ana", &wish());
    // The files are also looked at in the background, so who takes them in is open: the revision tells that they are.
    let revision = || app.sidecar("otto").post_nothing("/v1/policies/reload").is(200).json()["policy_revision"].clone();
    let before = revision();
    std::fs::write(app.dir().join("policies/oops.cedar"), CARELESS).unwrap();
    assert_ne!(revision(), before);

    app.becomes(&ana_reads(), "approval_pending");
    let contoso = "/v1/tenants/contoso";
    for (who, method, path, body, status) in [
        ("felix", "PATCH", contoso, json!({ "lockbox": false }), 404),
        ("ana", "PATCH", contoso, json!({ "lockbox": false }), 404),
        ("dora", "PATCH", contoso, json!({ "lockbox": false }), 403),
        ("otto", "PATCH", contoso, json!({ "lockbox": false }), 403),
        ("rita", "PATCH", contoso, json!({ "approvers": ["rita@provider.example"] }), 403),
        ("csilla", "PATCH", contoso, json!({ "entitlement": "none" }), 403),
        ("ana", "PUT", "/v1/engineers/ana@provider.example", json!({ "clearance": 9 }), 403),
        ("rita", "PUT", "/v1/engineers/ana@provider.example", json!({ "clearance": 9 }), 404),
    ] {
        let reply = app.authority(who).json(method, path, &body);
        assert_eq!(reply.status, status, "{who} {method} {path} {body}: {}", reply.text());
    }
    assert_eq!(app.show("csilla", &id).status, 404, "the customer has not been told of it yet");
    assert_eq!(app.show("ben", &id).status, 404);
    assert_eq!(app.review("ana", &id, "approve").status, 403);
    let settings = app.authority("csilla").get(contoso).is(200).json();
    assert_eq!((&settings["lockbox"], &settings["entitlement"]), (&json!(true), &json!("e5")));
}
