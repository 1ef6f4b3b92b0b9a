//! AuthZEN 1.0: the certification's levels Basic, Batch and Discovery case by case (AUTHZEN.md §4.3), and
//! what it leaves out: both short-circuit semantics, errors of items, bounds.

use crate::app::{Settings, TestApp};
use crate::steps::wish_for;
use crate::wire::{Client, Reply};
use lockbox::domain::Role;
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";

/// The fixture of AUTHZEN.md §4.2: alice and bob have real Grants for the whole workload, the rules are
/// policies, and `user` and `record` are mapped by configuration alone.
struct Fixture {
    app: TestApp,
    _policies: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let (policies, settings) = certified();
        let app = TestApp::start_with(settings);
        for (who, facts, actions) in [
            ("alice", json!({ "teams": ["writers"] }), &["read", "write", "delete"][..]),
            ("bob", json!({}), &["read", "write", "delete"][..]),
        ] {
            app.authority("otto").json("PUT", &format!("/v1/engineers/{who}"), &facts).is(201);
            let id = app.submit(who, &wish_for("contoso", "records", actions, &[], "PT1H"));
            app.review("rita", &id, "approve").is(200);
            app.approve("csilla", &id, &json!({})).is(200);
        }
        let fixture = Self { app, _policies: policies };
        for who in ["alice", "bob"] {
            let allowed = |reply: &Reply| reply.json()["decision"] == true;
            crate::steps::eventually(who, || fixture.evaluate(&core(who, "read", "record-1")), allowed);
        }
        fixture
    }

    fn client(&self) -> Client {
        self.app.sidecar("records-frontend")
    }

    fn evaluate(&self, body: &Value) -> Reply {
        self.client().post(EVALUATION, body)
    }

    #[track_caller]
    fn decides(&self, case: &str, body: &Value, wanted: bool) {
        let reply = self.evaluate(body);
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some("application/json")),
            "{case}: {}",
            reply.text()
        );
        let answer = reply.json();
        assert_eq!(answer["decision"], wanted, "{case}: {answer}");
        assert!(answer.get("context").is_none_or(Value::is_object), "{case}: {answer}");
    }

    /// The decisions of a batch.
    #[track_caller]
    fn batch(&self, case: &str, body: &Value) -> Vec<bool> {
        let answer = self.client().post(EVALUATIONS, body).is(200).json();
        assert!(answer.get("decision").is_none(), "{case}: {answer}");
        let items = answer["evaluations"].as_array().unwrap_or_else(|| panic!("{case}: {answer}"));
        items.iter().map(|item| item["decision"].as_bool().unwrap_or_else(|| panic!("{case}: {answer}"))).collect()
    }
}

fn certified() -> (TempDir, Settings) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixture = root.join("tests/integration/certification");
    let policies = TempDir::new().unwrap();
    for (from, name) in [
        (root.join("policies"), "access.cedar"),
        (root.join("policies"), "lifecycle.cedar"),
        (fixture.clone(), "guardrails.cedar"),
    ] {
        std::fs::copy(from.join(name), policies.path().join(name)).unwrap();
    }
    let settings = Settings::of(&[
        ("LOCKBOX_POLICIES__DIR", policies.path().to_str().unwrap()),
        ("LOCKBOX_POLICIES__SCHEMA", fixture.join("lockbox.cedarschema").to_str().unwrap()),
        ("LOCKBOX_SIDECAR__PUBLIC_URL", "https://pdp.example"),
        ("LOCKBOX_SIDECAR__BATCH_MAX", "20"),
    ]);
    let settings = settings
        .and_toml("[sidecar.authzen]\nsubject_types = [\"user\"]\nresource_prefix = { record = \"contoso/records\" }\n")
        .and_caller("records-frontend", "records")
        .and_person("alice", "alice", &[Role::Engineer], None)
        .and_person("bob", "bob", &[Role::Engineer], None);
    (policies, settings)
}

fn core(subject: &str, action: &str, resource: &str) -> Value {
    json!({ "subject": user(subject), "action": { "name": action }, "resource": record(resource) })
}

fn user(id: &str) -> Value {
    json!({ "type": "user", "id": id })
}

fn record(id: &str) -> Value {
    json!({ "type": "record", "id": id })
}

fn with(mut body: Value, pointer: &str, properties: Value) -> Value {
    body[pointer]["properties"] = properties;
    body
}

fn archived(id: &str) -> Value {
    json!({ "type": "record", "id": id, "properties": { "status": "archived" } })
}

fn admin(id: &str) -> Value {
    json!({ "type": "user", "id": id, "properties": { "role": "admin" } })
}

#[test]
fn basic_core() {
    let pdp = Fixture::new();
    let rule_1 = core("alice", "read", "record-1");
    pdp.decides("c-2-2-1", &rule_1, true);
    pdp.decides("rule 2", &core("alice", "write", "record-1"), true);
    pdp.decides("rule 3", &core("bob", "read", "record-1"), true);
    pdp.decides("c-2-2-2", &core("bob", "write", "record-1"), false);
    let mut with_context = rule_1.clone();
    with_context["context"] = json!({ "time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1" });
    pdp.decides("c-2-2-3", &with_context, true);
    let mut more = with(
        with(rule_1.clone(), "subject", json!({ "department": "Sales", "role": "manager" })),
        "action",
        json!({ "method": "GET" }),
    );
    more["resource"]["properties"] =
        json!({ "status": "active", "owner": "bob", "weight": 1.5, "deep": { "x": [1, null] } });
    pdp.decides("c-2-2-8", &more, true);
    let mut future = rule_1.clone();
    future["foo"] = json!("bar");
    future["futureField"] = json!({ "nested": true });
    pdp.decides("c-2-2-9", &future, true);

    for missing in [
        "/subject",
        "/action",
        "/resource",
        "/subject/type",
        "/subject/id",
        "/action/name",
        "/resource/type",
        "/resource/id",
    ] {
        let mut body = rule_1.clone();
        let (parent, name) = missing.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        let member = missing.trim_start_matches('/').replace('/', ".");
        assert_eq!(pdp.evaluate(&body).refused(400, "missing")["member"], member, "c-2-4-1, c-2-4-2");
    }
    let bytes = rule_1.to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "text/json"] {
        pdp.client().post_bytes_as("POST", EVALUATION, kind, bytes.as_bytes()).refused(400, "application/json");
    }
    pdp.client().post_bytes_as("POST", EVALUATION, "application/json; charset=utf-8", bytes.as_bytes()).is(200);
    pdp.client().post_bytes(EVALUATION, b"{\"subject\": ").refused(400, "JSON");
    pdp.client().post_bytes(EVALUATION, b"").refused(400, "empty");
    for (member, wrong) in [
        ("subject", json!("alice")),
        ("subject", json!(["user", "alice"])),
        ("resource", json!(7)),
        ("context", json!("x")),
    ] {
        let mut body = rule_1.clone();
        body[member] = wrong;
        assert_eq!(pdp.evaluate(&body).refused(400, "object")["member"], member, "c-2-4-6");
    }
    let mut body = rule_1.clone();
    body["action"]["name"] = json!(7);
    assert_eq!(pdp.evaluate(&body).refused(400, "string")["member"], "action.name", "c-2-4-6");

    let told =
        pdp.client().with("X-Request-ID", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716").post(EVALUATION, &rule_1).is(200);
    assert_eq!(told.header("x-request-id"), Some("bfe9eb29-ab87-4ca3-be83-a1d5d8305716"), "c-2-5-1");
    for _ in 0..5 {
        pdp.decides("c-2-6", &rule_1, true);
        pdp.decides("c-2-6", &core("bob", "write", "record-1"), false);
    }
}

#[test]
fn basic_properties() {
    let pdp = Fixture::new();
    for id in ["record-1", "record-2"] {
        let write = |who: Value| json!({ "subject": who, "action": { "name": "write" }, "resource": archived(id) });
        pdp.decides("c-2-2-4", &write(user("alice")), false);
        pdp.decides("c-2-2-5", &write(admin("bob")), true);
        pdp.decides("c-2-2-5", &write(admin("alice")), true);
    }
    let delete = |soft: Value| with(core("alice", "delete", "record-1"), "action", json!({ "soft": soft }));
    pdp.decides("c-2-2-6", &delete(json!(true)), true);
    pdp.decides("c-2-2-7", &delete(json!(false)), false);
    pdp.decides("stated of another type than declared", &delete(json!("true")), false);
    pdp.decides("not stated at all", &core("alice", "delete", "record-1"), false);
}

#[test]
fn batch_core_and_properties() {
    let pdp = Fixture::new();
    let items = |items: Value, defaults: Value| {
        let mut body = defaults;
        body["evaluations"] = items;
        body
    };
    let read = json!({ "subject": user("alice"), "action": { "name": "read" } });
    let two = json!([{ "resource": record("record-1") }, { "resource": record("record-2") }]);
    assert_eq!(pdp.batch("c-3-2-1", &items(two, read.clone())).len(), 2);
    let bob = json!({ "subject": user("bob"), "resource": record("record-1") });
    let actions = json!([{ "action": { "name": "read" } }, { "action": { "name": "write" } }]);
    assert_eq!(pdp.batch("c-3-2-2", &items(actions, bob)), [true, false]);
    let write = json!({ "subject": user("alice"), "action": { "name": "write" } });
    let active = json!({ "type": "record", "id": "record-1", "properties": { "status": "active" } });
    let both = json!([{ "resource": active }, { "resource": archived("record-2") }]);
    assert_eq!(pdp.batch("c-3-2-3", &items(both, write)), [true, false]);
    let second = json!({ "action": { "name": "write" }, "resource": archived("record-2") });
    let who = json!([{ "subject": user("alice") }, { "subject": admin("bob") }]);
    assert_eq!(pdp.batch("c-3-2-4", &items(who, second)), [false, true]);
    let whole = json!([core("alice", "read", "record-1"), core("bob", "write", "record-1")]);
    assert_eq!(pdp.batch("c-3-2-5", &items(whole, json!({}))), [true, false]);
    let mut dated = core("alice", "read", "record-1");
    dated["context"] = json!({ "time": "2025-06-27T18:03-07:00" });
    let override_context = json!([{}, { "context": { "time": "2025-06-27T18:03-07:00", "source": "batch-override" } }]);
    assert_eq!(pdp.batch("c-3-2-6", &items(override_context, dated)).len(), 2);
    let first = json!({ "subject": user("alice"), "action": { "name": "write" }, "resource": active });
    assert_eq!(pdp.batch("c-3-2-7", &items(json!([{}, { "resource": archived("record-2") }]), first)), [true, false]);
    let order: Vec<Value> =
        (0..20).map(|n| core(if n % 3 == 0 { "alice" } else { "bob" }, "write", "record-1")).collect();
    let wanted: Vec<bool> = (0..20).map(|n| n % 3 == 0).collect();
    assert_eq!(pdp.batch("c-3-3", &items(json!(order), json!({}))), wanted);
    let mut all = items(json!([{ "resource": record("record-1") }, {}]), read);
    all["options"] = json!({ "evaluations_semantic": "execute_all", "future": 1 });
    assert_eq!(pdp.batch("c-3-4-1", &all), [true, false]);
    for empty in [None, Some(json!([]))] {
        let mut one = core("alice", "read", "record-1");
        if let Some(empty) = empty {
            one["evaluations"] = empty;
        }
        let answer = pdp.client().post(EVALUATIONS, &one).is(200).json();
        assert_eq!((&answer["decision"], answer.get("evaluations")), (&json!(true), None), "c-3-4-2, c-3-4-3");
    }
    pdp.client().post(EVALUATIONS, &json!({ "evaluations": [] })).refused(400, "missing");
}

#[test]
fn a_member_of_an_item_replaces_the_default_whole() {
    let pdp = Fixture::new();
    // Were properties merged, bob would still be the admin of the default.
    let body = json!({ "subject": admin("bob"), "action": { "name": "write" }, "resource": record("record-1"),
                       "evaluations": [{}, { "subject": user("bob") }, { "resource": archived("record-2") }] });
    assert_eq!(pdp.batch("replaced", &body), [true, false, true]);
}

#[test]
fn the_semantics_stop_where_they_should() {
    let pdp = Fixture::new();
    let (yes, no, bad) =
        (json!({ "subject": user("alice") }), json!({ "subject": user("bob") }), json!({ "subject": 7 }));
    let ask = |semantic: &str, items: &[&Value]| {
        let body = json!({ "action": { "name": "write" }, "resource": record("record-1"), "evaluations": items,
                           "options": { "evaluations_semantic": semantic } });
        pdp.batch(semantic, &body)
    };
    let items = [&yes, &no, &bad, &yes, &no];
    assert_eq!(ask("execute_all", &items), [true, false, false, true, false]);
    assert_eq!(ask("deny_on_first_deny", &items), [true, false]);
    assert_eq!(ask("deny_on_first_deny", &[&yes, &bad, &yes]), [true, false], "an error is a denial");
    assert_eq!(ask("deny_on_first_deny", &[&bad]), [false]);
    assert_eq!(ask("deny_on_first_deny", &[&yes, &yes]), [true, true]);
    assert_eq!(ask("permit_on_first_permit", &items), [true]);
    assert_eq!(ask("permit_on_first_permit", &[&no, &bad, &yes, &no]), [false, false, true], "an error is no permit");
    assert_eq!(ask("permit_on_first_permit", &[&bad, &no, &bad]), [false, false, false]);
    assert_eq!(ask("permit_on_first_permit", &[&bad, &yes, &bad]), [false, true]);
    assert_eq!(ask("permit_on_first_permit", &[&no, &no]), [false, false]);
}

#[test]
fn errors_of_items_and_of_the_whole() {
    let pdp = Fixture::new();
    let one = core("alice", "read", "record-1");
    let other = json!({ "resource": { "type": "record", "id": "record-1", "properties": [] } });
    let body = json!({ "subject": one["subject"], "action": one["action"], "evaluations": [one, {}, 7, other] });
    let answer = pdp.client().post(EVALUATIONS, &body).is(200).json();
    assert_eq!(answer["evaluations"][0]["decision"], true);
    for (index, words) in [(1, "`resource` is missing"), (2, "evaluations[2]"), (3, "properties")] {
        let item = &answer["evaluations"][index];
        let message = item["context"]["error"]["message"].as_str().unwrap_or_else(|| panic!("{answer}"));
        assert_eq!((&item["decision"], &item["context"]["error"]["status"]), (&json!(false), &json!(400)));
        assert!(message.contains(words), "{message}");
    }
    for (options, words) in [
        (json!({ "evaluations_semantic": "first_wins" }), "execute_all"),
        (json!({ "evaluations_semantic": "EXECUTE_ALL" }), "execute_all"),
        (json!({ "evaluations_semantic": 1 }), "string"),
        (json!([]), "object"),
    ] {
        pdp.client().post(EVALUATIONS, &json!({ "evaluations": [one], "options": options })).refused(400, words);
    }
    pdp.client().post(EVALUATIONS, &json!({ "evaluations": { "0": one } })).refused(400, "array");
    pdp.client().post(EVALUATIONS, &json!({ "evaluations": vec![&one; 21] })).refused(400, "20 items at most");
    pdp.client().post(EVALUATIONS, &json!({ "evaluations": vec![&one; 20] })).is(200);
    pdp.app.sidecar("").post(EVALUATIONS, &json!({ "evaluations": [one] })).is(401);
}

#[test]
fn names_that_are_nobodys_are_a_denial_with_a_reason() {
    let pdp = Fixture::new();
    for (pointer, value, reason) in [
        ("/subject/type", json!("group"), "not_in_schema"),
        ("/subject/id", json!("Alice"), "malformed_name"),
        ("/subject/id", json!("mallory"), "no_grant"),
        ("/action/name", json!("burn"), "not_in_schema"),
        ("/resource/type", json!("spaceship"), "malformed_name"),
        ("/resource/id", json!("record-1/../record-2"), "malformed_name"),
        ("/resource/id", json!("record-1."), "malformed_name"),
    ] {
        let mut body = core("alice", "read", "record-1");
        *body.pointer_mut(pointer).unwrap() = value;
        let answer = pdp.evaluate(&body).is(200).json();
        assert_eq!(
            (answer["decision"].as_bool(), &answer["context"]["reason"]),
            (Some(false), &json!(reason)),
            "{body}"
        );
    }
    let contradicting = with(core("alice", "read", "record-1"), "resource", json!({ "tenant": "fabrikam" }));
    assert_eq!(pdp.evaluate(&contradicting).is(200).json()["context"]["reason"], "contradictory_resource");
    let agreeing =
        with(core("alice", "read", "record-1"), "resource", json!({ "tenant": "contoso", "workload": "records" }));
    pdp.decides("said twice and the same", &agreeing, true);
    let foreign = json!({ "subject": user("alice"), "action": { "name": "read" }, "resource": { "type": "workload", "id": "contoso/exchange" } });
    pdp.evaluate(&foreign).refused(403, "its own workload");
}

#[test]
fn an_allow_says_what_it_rests_on_and_a_denial_what_is_missing() {
    let pdp = Fixture::new();
    let context = pdp.evaluate(&core("alice", "read", "record-1")).json()["context"].clone();
    assert_eq!(context["reason"], "grant_active");
    for member in ["evaluation_id", "evaluated_at"] {
        assert!(context[member].is_string(), "{context}");
    }
    assert!(context["approval"]["id"].is_string() && context["approval"]["approved_until"].is_string());
    let denied = pdp.evaluate(&core("bob", "write", "record-1")).json()["context"].clone();
    assert_eq!(denied["reason"], "policy_denied");
    assert!(denied["message"].as_str().unwrap().contains("writers") && denied.get("approval").is_none());
}

#[test]
fn discovery() {
    let pdp = Fixture::new();
    let path = "/.well-known/authzen-configuration";
    let reply = pdp.app.sidecar("").get(path).is(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert!(reply.header("cache-control").unwrap().contains("max-age"));
    let told = reply.json();
    assert_eq!(told["policy_decision_point"], "https://pdp.example");
    assert_eq!(told["access_evaluation_endpoint"], "https://pdp.example/access/v1/evaluation");
    assert_eq!(told["access_evaluations_endpoint"], "https://pdp.example/access/v1/evaluations");
    for (name, value) in told.as_object().unwrap() {
        assert!(
            value.as_str().is_some_and(|url| url.starts_with("https://pdp.example")),
            "{name}: nothing is null, empty or elsewhere"
        );
    }
    let poisoned =
        pdp.app.sidecar("").with("X-Forwarded-Host", "evil.example").with("X-Forwarded-Proto", "http").get(path);
    assert_eq!(poisoned.json(), told, "addresses come from configuration, never from a request");
}
