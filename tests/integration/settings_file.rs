//! Settings of tenants as a file, by the command line against a running authority: what it writes it
//! takes again without a change, what the file says is made so and nothing else, and what somebody else
//! changed meanwhile is left alone.

use crate::app::TestApp;
use crate::process::lockbox;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Output, Stdio};
use std::sync::Arc;

const ASKED: &str = "tenants:\n  contoso:\n    lockbox: off\n";

/// Runs `lockbox tenant …` as `who`, with `file` on its standard input.
fn tenant(app: &TestApp, who: &str, args: &[&str], file: &str) -> Output {
    let mut command = lockbox();
    command.arg("tenant").args(args).args(["--as", who, "--demo-dir"]).arg(app.dir());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _it_may_not_read = child.stdin.take().unwrap().write_all(file.as_bytes());
    child.wait_with_output().unwrap()
}

/// The same with its exit code checked: what it said on both outputs.
#[track_caller]
fn says(app: &TestApp, who: &str, args: &[&str], file: &str, code: i32) -> (String, String) {
    let output = tenant(app, who, args, file);
    let (out, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(code), "{args:?}: {out}{error}");
    (out, error)
}

#[track_caller]
fn applied(app: &TestApp, who: &str, file: &str, more: &[&str], code: i32) -> Value {
    let args: Vec<&str> = ["apply", "-", "--output", "json"].iter().chain(more).copied().collect();
    serde_json::from_str(&says(app, who, &args, file, code).0).unwrap()
}

fn settings(app: &TestApp, id: &str) -> Value {
    app.authority("otto").get(&format!("/v1/tenants/{id}")).is(200).json()
}

#[test]
fn what_is_exported_is_applied_without_a_change() {
    let app = TestApp::start();
    app.set_tenant("csilla", "contoso", &json!({ "limits": { "grant_longest": "PT1H" } })).is(200);
    app.set_tenant("otto", "contoso", &json!({ "attributes": { "region": "eu", "tags": ["null", "0755"] } })).is(200);
    app.set_tenant("csilla", "contoso", &json!({ "webhooks": { "siem": "https://siem.contoso.example/" } })).is(200);
    let before = (settings(&app, "contoso"), settings(&app, "fabrikam"));
    let file = app.dir().join("tenants.yaml");
    let path = file.to_str().unwrap();
    says(&app, "otto", &["export", "--output-file", path], "", 0);
    let (written, _) = says(&app, "otto", &["export"], "", 0);
    assert_eq!(written, std::fs::read_to_string(&file).unwrap());
    let (out, _) = says(&app, "otto", &["apply", path], "", 0);
    assert!(out.contains("contoso: as the file says") && out.ends_with("\nnothing to change\n"), "{out}");
    let (as_json, _) = says(&app, "otto", &["export", "--tenant", "contoso", "--output", "json"], "", 0);
    assert_eq!(applied(&app, "otto", &as_json, &["--dry-run"], 0)["changes"], 0);
    // Whatever the authority shows of a tenant and lets be changed is in the file.
    let as_json: Value = serde_json::from_str(&as_json).unwrap();
    let mut shown: Vec<&String> = before.0.as_object().unwrap().keys().collect();
    shown.retain(|name| !["id", "version", "changed_at", "alarms"].contains(&name.as_str()));
    let written = as_json["tenants"]["contoso"].as_object().unwrap();
    assert_eq!(written.keys().collect::<BTreeSet<_>>(), shown.into_iter().collect());
    assert_eq!(before, (settings(&app, "contoso"), settings(&app, "fabrikam")), "no new version");

    // An administrator of one tenant sees his own, what the provider decides included, and takes it back.
    let (own, _) = says(&app, "csilla", &["export"], "", 0);
    assert!(own.contains("  contoso:\n    entitlement: e5\n") && !own.contains("fabrikam"), "{own}");
    app.set_tenant("csilla", "contoso", &json!({ "quorum": 2, "limits": { "respond_within": "PT1H" } })).is(200);
    let back = applied(&app, "csilla", &own, &["--yes"], 0);
    assert_eq!((&back["changes"], &back["tenants"][0]["outcome"]), (&json!(1), &json!("changed")));
    let now = settings(&app, "contoso");
    let without = |tenant: &Value| {
        let mut tenant = tenant.clone();
        tenant.as_object_mut().unwrap().retain(|name, _| name != "version" && name != "changed_at");
        tenant
    };
    assert_eq!(without(&now), without(&before.0));
}

#[test]
fn what_the_file_says_is_made_so_once_and_the_rest_stays() {
    let app = TestApp::start();
    let file = "
tenants:
  contoso:
    approvers: [csilla@contoso.example, emil@contoso.example]
    limits: { grant_longest: PT60M }
    fallback_approvers: [dora@contoso.example]
    webhooks: { siem: https://siem.contoso.example/lockbox }
    language: hu
    time_zone: Europe/Budapest
  fabrikam: { lockbox: on }
";
    let before = settings(&app, "contoso");
    let planned = applied(&app, "otto", file, &["--dry-run"], 4);
    assert_eq!((&planned["changes"], &planned["tenants"][1]["outcome"]), (&json!(2), &json!("would_change")));
    assert_eq!(before, settings(&app, "contoso"), "a dry run changes nothing");
    let (_, error) = says(&app, "csilla", &["apply", "-"], file, 1);
    assert!(error.contains("standard input:10: there is no tenant `fabrikam` that you may see"), "{error}");
    assert_eq!(before, settings(&app, "contoso"), "nothing is changed before everything is known");

    let own = file.replace("  fabrikam: { lockbox: on }\n", "");
    let (_, error) = says(&app, "csilla", &["apply", "-"], &own, 2);
    assert!(error.contains("`contoso`: approvers loses dora@contoso.example") && error.contains("--yes"), "{error}");
    assert_eq!(before, settings(&app, "contoso"));
    let (out, _) = says(&app, "csilla", &["apply", "-", "--yes"], &own, 0);
    for line in [
        "  - approvers: dora@contoso.example",
        "  + approvers: emil@contoso.example",
        "  ~ limits.grant_longest: the provider's -> PT1H",
        "1 of 1 tenants changed",
    ] {
        assert!(out.lines().any(|said| said == line), "{out}");
    }
    let now = settings(&app, "contoso");
    assert_eq!(now["approvers"], json!(["csilla@contoso.example", "emil@contoso.example"]));
    assert_eq!(now["limits"]["own"], json!(["grant_longest"]));
    assert_eq!((&now["language"], &now["time_zone"]), (&json!("hu"), &json!("Europe/Budapest")));
    assert_eq!(now["fallback_approvers"], json!(["dora@contoso.example"]));
    assert_eq!(now["webhooks"], json!({ "siem": "https://siem.contoso.example/lockbox" }));
    assert_eq!((&now["lockbox"], &now["notify"], &now["quorum"]), (&before["lockbox"], &before["notify"], &json!(1)));
    let again = applied(&app, "csilla", &own, &[], 0);
    assert_eq!((&again["changes"], &again["tenants"][0]["outcome"]), (&json!(0), &json!("unchanged")));
    assert_eq!(settings(&app, "contoso"), now, "no new version");

    let switched = applied(&app, "felix", "tenants:\n  fabrikam: { lockbox: on }\n", &["--yes"], 0);
    assert_eq!((&switched["tenants"][0]["effective"], &switched["refused"]), (&json!(true), &json!(0)));
}

#[test]
fn what_one_tenant_is_refused_does_not_keep_the_next_from_being_done() {
    let app = TestApp::start();
    let file = "
tenants:
  contoso: { lockbox: off }
  fabrikam: { attributes: { region: us } }
";
    let done = applied(&app, "otto", file, &["--yes"], 1);
    let outcomes: Vec<&Value> = done["tenants"].as_array().unwrap().iter().map(|tenant| &tenant["outcome"]).collect();
    assert_eq!(outcomes, [&json!("refused"), &json!("changed")], "{done}");
    assert!(done["tenants"][0]["error"].as_str().unwrap().contains("HTTP 403"), "{done}");
    assert_eq!(settings(&app, "contoso")["lockbox"], true);
    let (_, error) = says(&app, "csilla", &["apply", "-"], "tenants:\n  contoso: { quorum: 9 }\n", 1);
    assert_eq!(error, "", "the authority's refusal is part of the answer");
}

#[test]
fn tenants_are_added_only_on_demand_and_only_by_operators() {
    let app = TestApp::start();
    let file = "tenants:\n  northwind: { entitlement: add_on, lockbox: on, approvers: [nora@northwind.example] }\n";
    let (_, error) = says(&app, "otto", &["apply", "-"], file, 1);
    assert!(error.contains("there is no tenant `northwind` that you may see: `--create`"), "{error}");
    let (_, error) = says(&app, "otto", &["apply", "-"], "tenants:\n  contosso: {}\n", 1);
    assert!(error.contains("standard input:2: ") && error.contains("write `contoso`, if that is meant"), "{error}");
    assert_eq!(applied(&app, "csilla", file, &["--create"], 1)["tenants"][0]["outcome"], "refused");
    app.authority("otto").get("/v1/tenants/northwind").is(404);
    assert_eq!(applied(&app, "otto", file, &["--create", "--dry-run"], 4)["tenants"][0]["outcome"], "would_add");
    assert_eq!(applied(&app, "otto", file, &["--create"], 0)["tenants"][0]["outcome"], "added");
    assert_eq!(settings(&app, "northwind")["lockbox"], true);
    assert_eq!(applied(&app, "otto", file, &["--create"], 0)["changes"], 0);
}

#[test]
fn a_change_in_between_is_left_alone() {
    let app = Arc::new(TestApp::start());
    let other = Arc::clone(&app);
    let between = move || {
        other.set_tenant("csilla", "contoso", &json!({ "notify": ["desk@contoso.example"] })).is(200);
    };
    let proxy = relay(app.addresses.authority, b"PATCH /v1/tenants/contoso", between);
    let url = format!("http://{proxy}");
    let refused = applied(&app, "csilla", ASKED, &["--yes", "--authority", &url], 1);
    let error = refused["tenants"][0]["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("somebody changed it meanwhile"), "{refused}");
    let now = settings(&app, "contoso");
    assert_eq!((&now["lockbox"], &now["notify"]), (&json!(true), &json!(["desk@contoso.example"])));
    let done = applied(&app, "csilla", ASKED, &["--yes"], 0);
    assert_eq!(done["tenants"][0]["outcome"], "changed", "the second run does it");
    assert_eq!(settings(&app, "contoso")["notify"], json!(["desk@contoso.example"]), "and loses nothing");
}

/// A way to the authority on which `then` happens right before what holds `mark` arrives there.
fn relay(authority: SocketAddr, mark: &'static [u8], then: impl Fn() + Send + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, then) = (client.unwrap(), then.clone());
            let server = TcpStream::connect(authority).unwrap();
            let (mut answers, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
            std::thread::spawn(move || forward(client, server, mark, then));
        }
    });
    address
}

fn forward(mut client: TcpStream, mut server: TcpStream, mark: &[u8], then: impl Fn()) {
    let (mut seen, mut part) = (Vec::new(), [0; 4096]);
    let mut happened = false;
    while let Ok(read @ 1..) = client.read(&mut part) {
        seen.extend_from_slice(&part[..read]);
        if !happened && seen.windows(mark.len()).any(|window| window == mark) {
            happened = true;
            then();
        }
        server.write_all(&part[..read]).unwrap();
    }
    let _it_has_ended = server.shutdown(Shutdown::Write);
}
