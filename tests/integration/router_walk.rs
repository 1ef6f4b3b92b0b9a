//! Every route of every table, called by everybody who may not: anonymously, in each role, and with
//! another tenant's ids. A new row is walked without anybody having to think of it.

use crate::app::TestApp;
use crate::steps::{wish, wish_for};
use crate::wire::{Client, Reply};
use lockbox::http::operations::operations_table;
use lockbox::http::router::{authority_table, sidecar_table};
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A row of a table, as far as a caller sees it.
#[derive(Clone)]
struct Route {
    listener: &'static str,
    method: &'static str,
    path: &'static str,
}

/// The most routes that nobody need prove anything for. May only shrink.
const OPEN_ROUTES_MAX: usize = 8;

/// Everybody there is; nobody first.
const EVERYBODY: [&str; 10] =
    ["", "ana", "ben", "rita", "olga", "otto", "csilla", "dora", "felix", "exchange-frontend"];

fn routes() -> Vec<Route> {
    let authority = authority_table().into_iter().map(|row| ("authority", row.method, row.path));
    let sidecar = sidecar_table().into_iter().map(|row| ("sidecar", row.method, row.path));
    let operations = operations_table().into_iter().map(|row| ("operations", row.method, row.path));
    let all = authority.chain(sidecar).chain(operations);
    all.map(|(listener, method, path)| Route { listener, method, path }).collect()
}

fn client(app: &TestApp, listener: &str, who: &str) -> Client {
    match listener {
        "authority" => app.authority(who),
        "sidecar" => app.sidecar(who),
        _ => app.client(app.addresses.operations, who),
    }
}

fn call(app: &TestApp, route: &Route, who: &str, id: &str, body: &serde_json::Value) -> Reply {
    let client = client(app, route.listener, who).with("X-Request-ID", "walk");
    let path = route.path.replace("{id}", id);
    match route.method {
        "GET" | "DELETE" => client.send(route.method, &path, None),
        method => client.json(method, &path, body),
    }
}

#[test]
fn nobody_gets_anything_without_proof_but_the_short_list() {
    let app = TestApp::start();
    let mut open = BTreeSet::new();
    for route in routes() {
        for id in ["LBX-1001", "contoso", "ana@provider.example", "%00"] {
            let reply = call(&app, &route, "", id, &json!({}));
            if reply.status == 401 {
                assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"lockbox\""));
                assert_eq!(reply.json()["type"], "urn:lockbox:problem:unauthenticated");
            } else {
                assert_eq!(reply.status, 200, "{} {}: {}", route.method, route.path, reply.text());
                open.insert(format!("{} {} {}", route.listener, route.method, route.path));
            }
        }
    }
    assert!(open.len() <= OPEN_ROUTES_MAX, "more is open than was: {open:#?}");
    golden("open_routes", &(open.into_iter().collect::<Vec<_>>().join("\n") + "\n"));
}

#[test]
fn every_role_gets_what_the_table_of_rights_says() {
    let app = TestApp::start();
    // Waits for contoso, so that every step but review meets the state it is for; nobody's step changes
    // it, because each binds to a version that is not there.
    let id = app.pending(&wish());
    let mut text = format!("{:<48}", "");
    for who in EVERYBODY {
        write!(text, "{:>9}", if who.is_empty() { "nobody" } else { who.split("-front").next().unwrap() }).unwrap();
    }
    text.push('\n');
    for route in routes() {
        let target = match route.path {
            path if path.contains("tenants") => "contoso",
            path if path.contains("engineers") => "ana@provider.example",
            _ => &id,
        };
        write!(text, "{:<48}", format!("{:<6} {}", route.method, route.path)).unwrap();
        for who in EVERYBODY {
            write!(text, "{:>9}", harmless(&app, &route, who, target).status).unwrap();
        }
        text.push('\n');
    }
    assert_eq!(app.show("csilla", &id).json()["version"], 2, "the walk changed something");
    golden("roles_by_route", &text);
}

/// Calls a route so that the right to it shows, and nothing changes whoever calls.
fn harmless(app: &TestApp, route: &Route, who: &str, target: &str) -> Reply {
    let stale = client(app, route.listener, who).with("If-Match", "\"77\"");
    let path = route.path.replace("{id}", target);
    let body = match (route.method, route.path) {
        // Right in form, refused in substance: a window that no tenant allows.
        ("POST", "/v1/access-requests") => wish_for("contoso", "exchange", &["read"], &[], "PT23H"),
        ("POST", path) if path.ends_with("/review") => json!({ "verdict": "approve" }),
        ("PATCH", _) => json!({ "lockbox": true }),
        // Is there already: adding it again changes nothing.
        ("PUT", "/v1/tenants/{id}") => json!({ "entitlement": "e5" }),
        _ => json!({}),
    };
    match route.method {
        // Somebody who may do it would: he is asked to do it to somebody who is not there.
        "DELETE" if who == "otto" => stale.send("DELETE", &path.replace("ana@", "nobody@"), None),
        "DELETE" => stale.send("DELETE", &path, None),
        "GET" => stale.get(&path),
        method => stale.json(method, &path, &body),
    }
}

#[test]
fn another_tenants_ids_answer_like_ids_that_nobody_has() {
    let app = TestApp::start();
    let ours = app.granted(&wish());
    let waiting = app.pending(&wish());
    let early = app.submit("ana", &wish());
    let mut compared = 0;
    for route in routes().iter().filter(|route| route.path.contains("{id}")) {
        let (who, known, unknown): (&[&str], Vec<&str>, &str) = match route.path {
            path if path.contains("tenants") => (&["felix"], vec!["contoso"], "nobody-at-all"),
            path if path.contains("engineers") => {
                (&["felix", "csilla", "ben", "rita"], vec!["ana@provider.example"], "zoe@provider.example")
            }
            _ => (&["felix", "ben"], vec![&ours, &waiting, &early], "LBX-9999"),
        };
        for who in who {
            for id in &known {
                for (header, value) in [("X-Nothing", ""), ("If-Match", "\"1\""), ("If-Match", "\"3\"")] {
                    let ask = |id: &str| {
                        let client = client(&app, route.listener, who).with("X-Request-ID", "same").with(header, value);
                        let path = route.path.replace("{id}", id);
                        match route.method {
                            "GET" | "DELETE" => client.send(route.method, &path, None),
                            method => client.json(method, &path, &body_for(route.path)),
                        }
                    };
                    let (theirs, nobodys) = (ask(id), ask(unknown));
                    let what = format!("{} {} as {who} with {id}", route.method, route.path);
                    assert_eq!(
                        (theirs.status, nobodys.status),
                        (404, 404),
                        "{what}: {} {}",
                        theirs.text(),
                        nobodys.text()
                    );
                    assert_eq!(theirs.body, nobodys.body, "{what}");
                    assert_eq!(without_date(&theirs), without_date(&nobodys), "{what}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 100, "the walk is shorter than it was: {compared}");
}

fn body_for(path: &str) -> serde_json::Value {
    if path.ends_with("/review") { json!({ "verdict": "approve" }) } else { json!({}) }
}

fn without_date(reply: &Reply) -> Vec<&(String, String)> {
    reply.headers.iter().filter(|(name, _)| name != "date").collect()
}

#[test]
fn a_body_or_a_filter_that_names_another_tenant_tells_nothing_either() {
    let app = TestApp::start();
    app.granted(&wish());
    for who in ["felix", "csilla", "rita"] {
        let tried = |tenant: &str| {
            let wish = wish_for(tenant, "exchange", &["read"], &[], "PT1H");
            let reply = app.authority(who).with("X-Request-ID", "same").post("/v1/access-requests", &wish);
            (reply.status, reply.body)
        };
        assert_eq!(tried("contoso"), tried("nobody-at-all"), "{who} learns which tenants there are");
    }
    for who in ["felix", "ben"] {
        for filter in ["tenant=contoso", "engineer=ana@provider.example", "tenant=contoso&state=active"] {
            let listed = app.authority(who).get(&format!("/v1/access-requests?{filter}")).is(200);
            assert_eq!(listed.json(), json!({ "items": [] }), "{who} {filter}");
        }
    }
    for tenant in ["fabrikam", "nobody-at-all"] {
        let listed = app.authority("csilla").get(&format!("/v1/access-requests?tenant={tenant}")).is(200);
        assert_eq!(listed.json(), json!({ "items": [] }));
    }
    // A misspelt filter must not widen a list.
    app.authority("olga").get("/v1/access-requests?tennant=contoso").refused(400, "tenant");
    app.authority("olga").get("/v1/access-requests?tenant=contoso&tenant=fabrikam").refused(400, "twice");
}

#[test]
fn paths_and_methods_that_are_not_there_are_not_there() {
    let app = TestApp::start();
    for (listener, who) in [("authority", "otto"), ("sidecar", "exchange-frontend"), ("operations", "")] {
        let client = client(&app, listener, who);
        for path in ["/v1", "/v1/access-requests/", "/v1/../metrics", "//v1/tenants", "/v1/tenants/contoso/x"] {
            client.get(path).is(404);
        }
        // Each listener has its own table only.
        let foreign = if listener == "operations" { "/v1/tenants" } else { "/metrics" };
        client.get(foreign).is(404);
    }
    for route in routes() {
        let path = route.path.replace("{id}", "x");
        for method in ["OPTIONS", "TRACE", "PROPFIND"] {
            client(&app, route.listener, "otto").send(method, &path, None).is(405);
        }
    }
}

#[track_caller]
fn golden(name: &str, text: &str) {
    insta::with_settings!({ snapshot_path => "../golden", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}
