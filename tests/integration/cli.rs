//! The command line against a running Lockbox: what it prints for people and for programs, and its exit
//! codes, which scripts rely on.

use crate::app::TestApp;
use crate::process::lockbox;
use crate::steps::ADELE;
use serde_json::{Value, json};
use std::process::Output;

/// Runs a client verb in the demo's folder as `who`.
fn run(app: &TestApp, who: &str, args: &[&str]) -> Output {
    let mut command = lockbox();
    command.args(args).arg("--demo-dir").arg(app.dir());
    if !who.is_empty() {
        command.args(["--as", who]);
    }
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn ends_with(app: &TestApp, who: &str, args: &[&str], code: i32) -> String {
    let output = run(app, who, args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn json_of(app: &TestApp, who: &str, args: &[&str]) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["--output", "json"]).collect();
    serde_json::from_str(&ends_with(app, who, &args, 0)).unwrap()
}

const AUTHORIZE: [&str; 11] = [
    "authorize",
    "--engineer",
    "ana@provider.example",
    "--tenant",
    "contoso",
    "--workload",
    "exchange",
    "--action",
    "read",
    "--content",
    ADELE,
];

const SUBMIT: [&str; 18] = [
    "request",
    "submit",
    "--tenant",
    "contoso",
    "--workload",
    "exchange",
    "--service-request",
    "SR-1042",
    "--reason",
    "customer_initiated_support",
    "--text",
    "mailbox does not sync",
    "--duration",
    "PT2H",
    "--action",
    "read",
    "--content",
    ADELE,
];

#[test]
fn the_story_on_the_command_line() {
    let app = TestApp::start();
    let denied = ends_with(&app, "", &AUTHORIZE, 5);
    assert!(denied.starts_with("deny (no_grant)"), "{denied}");

    let id = json_of(&app, "ana", &SUBMIT)["id"].as_str().unwrap().to_owned();
    let listed = json_of(&app, "ana", &["request", "list", "--state", "submitted"]);
    assert_eq!(listed["items"][0]["id"], id.as_str());
    assert!(ends_with(&app, "rita", &["request", "list"], 0).contains(&id));
    assert!(ends_with(&app, "ana", &["request", "show", &id], 0).contains("mailbox does not sync"));
    let reviewed = json_of(&app, "rita", &["request", "review", &id, "--verdict", "approve", "--comment", "needed"]);
    assert_eq!(reviewed["state"], "notified");
    ends_with(&app, "csilla", &["request", "approve", &id, "--if-version", "1"], 1);
    ends_with(&app, "felix", &["request", "approve", &id], 1);
    let approved =
        json_of(&app, "csilla", &["request", "approve", &id, "--duration", "PT30M", "--comment", "go ahead"]);
    assert_eq!((&approved["state"], &approved["decided"]["comment"]), (&json!("active"), &json!("go ahead")));
    app.becomes(&crate::steps::ana_reads(), "grant_active");
    let allowed = ends_with(&app, "", &AUTHORIZE, 0);
    assert!(allowed.starts_with("allow (grant_active)") && allowed.contains(&id), "{allowed}");
    let as_json: Vec<&str> = AUTHORIZE.iter().copied().chain(["--output", "json"]).collect();
    let allowed: Value = serde_json::from_str(&ends_with(&app, "exchange-frontend", &as_json, 0)).unwrap();
    assert_eq!((&allowed["decision"], &allowed["grant"]["access_request"]), (&json!("allow"), &json!(id)));

    let closed = json_of(&app, "ana", &["request", "close", &id, "--comment", "fixed"]);
    assert_eq!((&closed["state"], &closed["effective"]), (&json!("closed"), &json!(true)));
    assert!(ends_with(&app, "", &AUTHORIZE, 5).starts_with("deny (grant_closed)"));
    let shown = json_of(&app, "csilla", &["request", "show", &id, "--events"]);
    // That content was touched is told by the sidecar in its own time.
    let steps = shown["events"].as_array().unwrap().iter().filter(|event| event["kind"] != "first_used");
    assert_eq!(steps.count(), 4);
}

#[test]
fn settings_on_the_command_line() {
    let app = TestApp::start();
    let tenants = json_of(&app, "otto", &["tenant", "list"]);
    let names: Vec<_> =
        tenants["items"].as_array().unwrap().iter().map(|tenant| tenant["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["contoso", "fabrikam"]);
    assert!(ends_with(&app, "csilla", &["tenant", "show", "contoso"], 0).contains("csilla@contoso.example"));
    let set = json_of(&app, "felix", &["tenant", "set", "fabrikam", "--lockbox", "on", "--grant-longest", "PT1H"]);
    assert_eq!(
        (&set["lockbox"], &set["limits"]["grant_longest"], &set["effective"]),
        (&json!(true), &json!("PT1H"), &json!(true))
    );
    ends_with(&app, "felix", &["tenant", "set", "contoso", "--lockbox", "off"], 1);
    ends_with(&app, "felix", &["tenant", "set", "fabrikam", "--grant-longest", "PT9H"], 1);
}

#[test]
fn what_cannot_be_done_is_said_on_standard_error_with_a_code() {
    let app = TestApp::start();
    for (who, args, code, words) in [
        ("ana", &["request", "show", "LBX-9999"][..], 1, "there is no such thing"),
        ("ana", &["request", "review", "LBX-9999", "--verdict", "perhaps"], 2, "approve"),
        ("nobody", &["request", "list"], 2, "the demo has nobody called `nobody`"),
        ("ana", &["request", "lst"], 2, "list"),
        ("", &["authorize", "--engineer", "ana@provider.example"], 2, "--tenant"),
        ("sharepoint-frontend", &AUTHORIZE, 1, "its own workload"),
        ("ana", &["request", "list", "--authority", "http://127.0.0.1:1"], 1, "127.0.0.1:1"),
        ("ana", &["request", "list", "--authority", "http://lockbox.example"], 2, "https://"),
    ] {
        let output = run(&app, who, args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", told(&output));
        assert!(output.stdout.is_empty(), "{args:?}: nothing on standard output: {}", told(&output));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(words), "{args:?}: `{said}` does not say `{words}`");
        assert!(!said.contains(app.demo.token("ana")), "a token was printed");
    }
}

#[test]
fn every_verb_helps() {
    for verb in [
        "serve",
        "authorize",
        "request",
        "tenant",
        "policy",
        "log",
        "replay",
        "config",
        "openapi",
        "completions",
        "bench",
        "version",
    ] {
        let output = lockbox().args([verb, "--help"]).output().unwrap();
        assert!(output.status.success() && told(&output).contains("lockbox"), "{verb}: {}", told(&output));
    }
    assert!(told(&lockbox().arg("--version").output().unwrap()).contains(env!("CARGO_PKG_VERSION")));
}
