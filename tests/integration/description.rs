//! The description of the API against the running process: every example is taken by the endpoint it is
//! an example for, and every answer is one that is described. So neither can drift from the other.

use crate::app::write_private;
use lockbox::app::App;
use lockbox::clock::SystemIds;
use lockbox::config::Config;
use lockbox::demo::{self, Demo};
use lockbox::domain::{Caller, CallerName};
use lockbox::identity::tokens::{Entry, hash, render};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::runtime::Runtime;
use ureq::Agent;

/// A demo in a folder of its own, on ports that were free.
struct Running {
    runtime: Runtime,
    app: Option<App>,
    cast: Demo,
    agent: Agent,
    dir: tempfile::TempDir,
}

/// The token of the sidecar `edge-1`.
const SIDECAR_TOKEN: &str = "lbx_of_a_sidecar_that_is_described";

/// An answer.
struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: Value,
}

impl Running {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (cast, config) = demo::prepare(dir.path(), &SystemIds).unwrap();
        let ports = ["AUTHORITY", "SIDECAR", "OPERATIONS", "EXT_AUTHZ"]
            .map(|role| (format!("LOCKBOX_{role}__LISTEN"), "127.0.0.1:0".to_owned()));
        let config = Config::load(Some(&config), ports).unwrap();
        // Beside the cast, a sidecar that would renew from here.
        let entry = Entry {
            sha256: hash(SIDECAR_TOKEN),
            caller: Caller::Sidecar { name: CallerName::parse("edge-1").unwrap() },
        };
        let tokens = dir.path().join("tokens.toml");
        write_private(&tokens, &format!("{}\n{}", cast.token_file().unwrap(), render(&[entry])));
        let runtime = Runtime::new().unwrap();
        let app = runtime.block_on(App::start(config)).unwrap();
        runtime.block_on(demo::enter(dir.path(), &cast, &app)).unwrap();
        let agent = Agent::config_builder().http_status_as_error(false).build().into();
        Self { runtime, app: Some(app), cast, agent, dir }
    }

    fn base(&self, listener: &str) -> String {
        let addresses = self.app.as_ref().unwrap().addresses;
        match listener {
            "authority" => format!("http://{}", addresses.authority),
            "sidecar" => format!("http://{}", addresses.sidecar),
            _ => format!("http://{}", addresses.operations),
        }
    }

    fn call(&self, listener: &str, method: &str, path: &str, who: &str, body: Option<&Value>) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(method.to_uppercase().as_str())
            .uri(format!("{}{path}", self.base(listener)));
        if !who.is_empty() {
            let token = if who == "edge-1" { SIDECAR_TOKEN } else { self.cast.token(who) };
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if path.ends_with("/approve") || path.ends_with("/deny") {
            request = request.header("if-match", "\"2\"");
        }
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        match body {
            Some(_) => request = request.header("content-type", "application/json"),
            // What takes something else than JSON is sent nothing of it.
            None if path.starts_with("/v1/policies/bundle") => {
                request = request.header("content-type", "application/gzip");
            }
            None => {}
        }
        let mut response = self.agent.run(request.body(bytes).unwrap()).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            self.runtime.block_on(app.stop());
        }
    }
}

/// Who calls an operation so that it is read at all, and whom or what it is about.
fn caller(id: &str) -> (&'static str, &'static str) {
    match id {
        "requests_submit" | "requests_withdraw" | "requests_close" => ("ana", "LBX-1001"),
        "requests_review" => ("rita", "LBX-1001"),
        _ if id.starts_with("requests_") => ("csilla", "LBX-1001"),
        "settings_add_tenant" => ("otto", "newcomer"),
        "settings_change_tenant" => ("csilla", "contoso"),
        _ if id.starts_with("settings_tenant") => ("otto", "contoso"),
        "settings_put_engineer" | "settings_remove_engineer" => ("otto", "zoe@provider.example"),
        _ if id.starts_with("settings_") => ("otto", "ana@provider.example"),
        "reload_policies" | "bundle_policies" | "bundle_push" => ("otto", ""),
        "fleet_renew" | "told_take" => ("edge-1", ""),
        _ if id.starts_with("fleet_") => ("otto", "edge-1"),
        "ask_authorize" | "authzen_evaluation" | "authzen_evaluations" => ("exchange-frontend", ""),
        _ => ("", ""),
    }
}

/// One operation: method, path, and what is said of it.
struct Operation<'d> {
    method: &'d str,
    path: &'d str,
    said: &'d Value,
}

impl Operation<'_> {
    fn id(&self) -> &str {
        self.said["operationId"].as_str().unwrap()
    }

    fn listener(&self) -> &'static str {
        let what = self.said["servers"][0]["description"].as_str().unwrap();
        ["authority", "sidecar"].into_iter().find(|role| what.contains(role)).unwrap_or("operations")
    }

    /// In the order of an AccessRequest's life, then the rest, what removes last.
    fn order(&self) -> usize {
        // A sidecar is registered by its first renewal.
        let life = ["requests_submit", "requests_review", "requests_approve", "fleet_renew"];
        let last = if self.method == "delete" { 6 } else { 5 };
        life.iter().position(|id| *id == self.id()).unwrap_or(last)
    }
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().iter();
        all.extend(methods.map(|(method, said)| Operation { method, path, said }));
    }
    all.sort_by_key(Operation::order);
    all
}

fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(target) => document.pointer(target.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// An answer is one that the operation describes: status, headers, members.
#[track_caller]
fn described(document: &Value, operation: &Operation<'_>, answer: &Answer) {
    let id = operation.id();
    let said = &operation.said["responses"][answer.status.to_string()];
    assert!(said.is_object(), "{id} answered {}, which is not described: {}", answer.status, answer.body);
    let said = resolved(document, said);
    for name in said["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
        let needless = name == "Retry-After" && answer.status != 503;
        assert!(needless || answer.headers.contains_key(name.as_str()), "{id}: {} without `{name}`", answer.status);
    }
    let kind = answer.headers.get("content-type").map(|kind| kind.to_str().unwrap().split(';').next().unwrap());
    let Some(kind) = kind else { return assert!(said["content"].is_null(), "{id}: no body") };
    let schema = resolved(document, &said["content"][kind]["schema"]);
    assert!(schema.is_object(), "{id}: `{kind}` is not described for {}", answer.status);
    let (Some(members), Some(properties)) = (answer.body.as_object(), schema["properties"].as_object()) else { return };
    if kind != "application/problem+json" {
        let unknown: Vec<_> = members.keys().filter(|name| !properties.contains_key(*name)).collect();
        assert!(unknown.is_empty(), "{id}: {unknown:?} in the answer and not in the description");
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(members.contains_key(name.as_str().unwrap()), "{id}: {name} is described as always there");
    }
}

#[test]
fn every_example_is_taken_and_every_answer_is_described() {
    let running = Running::start();
    let document = running.call("authority", "get", "/openapi.json", "", None).body;
    let of_sidecar = running.call("sidecar", "get", "/openapi.json", "", None).body;
    assert!(document == of_sidecar && document["openapi"] == "3.1.0");
    let mut examples = 0;
    for operation in operations(&document) {
        let (who, what) = caller(operation.id());
        let path = operation.path.replace("{id}", what).replace("{name}", what).replace("{number}", "1");
        let body = &operation.said["requestBody"];
        let example = body["content"]["application/json"].get("example");
        let is_json = body["content"]["application/json"].is_object();
        assert_eq!(is_json, example.is_some(), "{}", operation.id());
        assert!(body.is_null() || is_json || operation.id() == "bundle_push", "{}", operation.id());
        let answer = running.call(operation.listener(), operation.method, &path, who, example);
        described(&document, &operation, &answer);
        // The demo's policies are from a folder, so there is no bundle to hand out, and none is taken; and it has one sidecar, its own.
        let expected = match operation.id() {
            "bundle_policies" | "fleet_remove" | "fleet_admit" => answer.status == 404,
            "fleet_renew" => answer.status == 403,
            _ => false,
        };
        let taken = !matches!(answer.status, 400 | 401 | 403 | 404 | 422);
        assert!(taken || expected, "{}: {}", operation.id(), answer.body);
        let Some(example) = example else { continue };
        examples += 1;
        // Other versions of AuthZEN and of renewals may say more.
        if operation.id().starts_with("authzen_") || operation.id() == "fleet_renew" {
            continue;
        }
        let mut more = example.clone();
        more["no_such_member"] = json!(1);
        let refused = running.call(operation.listener(), operation.method, &path, who, Some(&more));
        assert_eq!(refused.status, 400, "{} reads what is not described: {}", operation.id(), refused.body);
        described(&document, &operation, &refused);
    }
    assert!(examples >= 12, "only {examples} examples were tried");
}

#[test]
fn the_filters_of_lists_are_the_described_ones() {
    let running = Running::start();
    let document = running.call("authority", "get", "/openapi.json", "", None).body;
    let mut lists = 0;
    for operation in operations(&document).into_iter().filter(|operation| operation.method == "get") {
        let parameters = operation.said["parameters"].as_array().unwrap();
        let query: BTreeSet<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        if query.is_empty() {
            continue;
        }
        let (who, what) = caller(operation.id());
        let path = format!("{}?no_such_filter=1", operation.path.replace("{id}", what));
        let answer = running.call(operation.listener(), "get", &path, who, None);
        let detail = answer.body["detail"].as_str().unwrap().to_owned();
        let known: BTreeSet<&str> = detail.rsplit("knows ").next().unwrap().split(", ").collect();
        assert_eq!((answer.status, known), (400, query), "{}: {detail}", operation.id());
        lists += 1;
    }
    assert!(lists >= 5, "only {lists} lists were tried");
}

#[test]
fn an_operator_reloads_policies_and_nobody_else_does() {
    let running = Running::start();
    let reload = |who: &str| running.call("sidecar", "post", "/v1/policies/reload", who, None);
    for who in ["ana", "rita", "olga", "csilla", "felix", "exchange-frontend"] {
        assert_eq!(reload(who).status, 403, "{who}");
    }
    assert_eq!(reload("").status, 401);
    let before = reload("otto");
    assert_eq!((before.status, &before.body["changed"]), (200, &json!(false)));

    // The files are also looked at in the background, so who takes them in first is open.
    let more = running.dir.path().join("policies/more.cedar");
    let policy = "@id(\"nobody-deletes\") forbid (principal, action == Lockbox::Action::\"delete\", resource is Lockbox::Content);\n";
    std::fs::write(&more, policy).unwrap();
    let after = reload("otto");
    assert_eq!(after.status, 200, "{}", after.body);
    assert_ne!(after.body["policy_revision"], before.body["policy_revision"]);

    std::fs::write(&more, "permit (").unwrap();
    let refused = reload("otto");
    assert_eq!(refused.status, 422);
    assert_eq!(refused.body["policy_revision"], after.body["policy_revision"], "the last good set stays");
    let finding = &refused.body["findings"][0];
    assert!(finding["file"].as_str().unwrap().ends_with("more.cedar"), "{finding}");
    assert_eq!(finding["line"], 1);
}
