//! Shadow policies, as an operator uses them: a second folder, answers that do not change, numbers, records
//! and a verb that tell what would.

use crate::app::{Settings, TestApp};
use crate::process::lockbox;
use crate::steps::{ana_reads, eventually, wish};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

const NO_READING: &str = "@id(\"no-reading\") @reason(\"r\") @advice(\"a\") @owner(\"o\") forbid \
                          (principal is Lockbox::Engineer, action == Lockbox::Action::\"read\", resource is Lockbox::Content);";

fn fill(dir: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["access.cedar", "guardrails.cedar", "lifecycle.cedar"] {
        std::fs::copy(root.join("policies").join(name), dir.join(name)).unwrap();
    }
    std::fs::copy(root.join("schemas/lockbox.cedarschema"), dir.join("lockbox.cedarschema")).unwrap();
    std::fs::write(dir.join("no-reading.cedar"), NO_READING).unwrap();
}

fn count(app: &TestApp, outcome: &str) -> u64 {
    let text = app.operations().get("/metrics").text();
    let name = format!("lockbox_shadow_decisions_total{{outcome=\"{outcome}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

fn shadow_check(app: &TestApp) -> Value {
    let ready = app.operations().get("/readyz").is(200).json();
    let check = ready["checks"].as_array().unwrap().iter().find(|check| check["name"] == "shadow_policies").cloned();
    check.unwrap()
}

#[test]
fn a_shadow_is_told_of_and_never_answers() {
    let next = TempDir::new().unwrap();
    let mut app = TestApp::start_with(Settings::of(&[("LOCKBOX_POLICIES__SHADOW", next.path().to_str().unwrap())]));
    app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    // There is nothing yet to compare with: counted, told, and no reason not to be ready.
    eventually("faults are counted", || count(&app, "error"), |errors| *errors > 0);
    let nothing = eventually(
        "the shadow was looked at",
        || shadow_check(&app),
        |check| check["detail"].as_str().unwrap().contains("nothing is compared with"),
    );
    assert_eq!(nothing["ok"], json!(true));

    fill(next.path());
    eventually(
        "the shadow is compared with",
        || shadow_check(&app),
        |check| check["detail"].as_str().unwrap().ends_with("is compared with"),
    );
    let asked = || (app.ask(&ana_reads()).is(200).json(), count(&app, "newly_denied"));
    let (answer, _) = eventually("what would be denied is counted", asked, |(_, denied)| *denied > 0);
    assert_eq!((&answer["decision"], &answer["policies"]), (&json!("allow"), &json!(["content-access-with-grant"])));

    // A broken shadow changes nothing either.
    std::fs::write(next.path().join("broken.cedar"), "permit (").unwrap();
    eventually(
        "the broken shadow is told",
        || shadow_check(&app),
        |check| check["detail"].as_str().unwrap().contains("the files cannot be used"),
    );
    assert_eq!(app.ask(&ana_reads()).is(200).json()["decision"], json!("allow"));

    app.restart();
    let log = app.dir().join("decisions");
    let mut verb = lockbox();
    let said = verb.args(["policy", "shadow", "--output", "json"]).arg(&log).output().unwrap();
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    let report: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert!(report["changed"]["newly_denied"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["changed"]["newly_allowed"], json!(0));
    let first = &report["changes"][0];
    assert_eq!(
        (&first["before"]["reason"], &first["after"]["reason"]),
        (&json!("grant_active"), &json!("policy_denied"))
    );
    assert_eq!(first["after"]["policies"], json!(["no-reading"]));
    assert!(report["not_replayable"]["no_shadow"].as_u64().unwrap() > 0, "what was asked before: {report}");
}
