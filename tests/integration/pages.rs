//! Every route of the page, tried as whoever should not get what he wants: without the form's token, from
//! another site, not signed in, with another tenant's ids; and that looking changes nothing. A new row of
//! the table is walked without anybody having to think of it, or fails for want of an errand.

pub(crate) mod world;

use crate::app::TestApp;
use crate::steps::wish;
use lockbox::console::{Door, Row, table};
use lockbox::domain::AccessRequestId;
use serde_json::json;
use std::collections::BTreeMap;
use world::{Browser, EVERYBODY, Record, SESSION, World, cookie, send};

fn posts() -> Vec<Row> {
    table().into_iter().filter(|row| row.method == "POST").collect()
}

fn gets() -> Vec<Row> {
    table().into_iter().filter(|row| row.method == "GET").collect()
}

fn browsers(app: &TestApp) -> BTreeMap<&'static str, Browser> {
    EVERYBODY.into_iter().map(|who| (who, Browser::of(app, who))).chain([("", Browser::of_nobody(app))]).collect()
}

fn borrowed<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[test]
fn no_form_is_taken_without_its_token_or_from_elsewhere_and_with_both_it_is() {
    let app = TestApp::start();
    let record = Record::of(&app);
    let world = World::make(&app, &record);
    let browsers = browsers(&app);
    let before = record.all();
    for row in posts() {
        let (who, path, fields) = world.errand(&app, &row);
        let (browser, fields) = (&browsers[who], borrowed(&fields));
        let own = browser.client.with("Sec-Fetch-Site", "same-origin");
        for csrf in [None, Some(""), Some("x"), Some(browsers["ben"].csrf.as_str())] {
            let all: Vec<_> = fields.iter().copied().chain(csrf.map(|csrf| ("csrf", csrf))).collect();
            let refused = send(&own, &path, &all);
            assert_eq!(refused.status, 400, "POST {path} with token {csrf:?}: {}", refused.text());
            assert_eq!(cookie(&refused, SESSION), None, "POST {path} opened a session");
        }
        let all: Vec<_> = fields.iter().copied().chain([("csrf", browser.csrf.as_str())]).collect();
        for (name, value) in [
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Sec-Fetch-Site", "none"),
            ("Origin", "https://evil.example"),
            ("Origin", "null"),
        ] {
            let refused = send(&browser.client.with(name, value), &path, &all);
            assert_eq!(refused.status, 403, "POST {path} with {name}: {value}: {}", refused.text());
            assert_eq!(cookie(&refused, SESSION), None, "POST {path} opened a session");
        }
    }
    assert_eq!(record.all(), before, "a form that was refused changed something");
    // The same errands are right but for that: each is taken, and does something.
    for row in posts() {
        let (who, path, fields) = world.errand(&app, &row);
        let before = record.all();
        let taken = browsers[who].post(&path, &borrowed(&fields));
        // Nobody issues proofs here, and a demo at a number has no site that passkeys could be for.
        let absent =
            ["/sign-in/oidc", "/requests/{id}/passkey-challenge", "/account/passkeys", "/account/passkeys/challenge"];
        let expected = match row.path {
            path if absent.contains(&path) => 404,
            // Shows what an answer would mean.
            "/requests/{id}/look" => 200,
            _ => 303,
        };
        assert_eq!(taken.status, expected, "POST {path} as {who}: {}", taken.text());
        let changed = record.all() != before;
        let changes = row.door != Door::Anyone && expected == 303 && row.path != "/account/passkeys/remove";
        assert_eq!(changed, changes, "POST {path} as {who}: did it change the record?");
    }
}

#[test]
fn nobody_who_is_not_signed_in_gets_past_the_door() {
    let app = TestApp::start();
    let record = Record::of(&app);
    let world = World::make(&app, &record);
    let nobody = Browser::of_nobody(&app);
    let before = record.all();
    let mut tried = 0;
    for row in table().iter().filter(|row| row.door != Door::Anyone) {
        let reply = if row.method == "POST" {
            let (_, path, fields) = world.errand(&app, row);
            nobody.post(&path, &borrowed(&fields))
        } else {
            nobody.get(&row.path.replace("{id}", &world.ids["approve"]).replace("{number}", "1"))
        };
        assert_eq!(reply.status, 303, "{} {}: {}", row.method, row.path, reply.text());
        let to = reply.header("location").unwrap();
        assert!(to.starts_with("/sign-in?return=%2F"), "{} {} leads to {to}", row.method, row.path);
        tried += 1;
    }
    assert!(tried >= 25, "the walk is shorter than it was: {tried}");
    assert_eq!(record.all(), before);
}

/// A page without the instant it was made at.
fn timeless(page: &str) -> String {
    let (before, rest) = page.split_once("data-now=\"").unwrap();
    format!("{before}{}", rest.split_once('"').unwrap().1)
}

#[test]
fn another_tenants_ids_are_like_ids_that_nobody_has() {
    let app = TestApp::start();
    let record = Record::of(&app);
    let world = World::make(&app, &record);
    let browsers = browsers(&app);
    let before = record.all();
    let mut compared = 0;
    for row in table().iter().filter(|row| row.path.contains("{id}") || row.path.contains("{number}")) {
        let (who, known, unknown): (&[&str], Vec<&str>, &str) = match row.path {
            path if path.starts_with("/tenants") => (&["felix", "csilla"], vec!["contoso"], "nobody-at-all"),
            path if path.starts_with("/outbox") => (&["felix"], vec![&world.ids["send-again"]], "99999"),
            _ => {
                let ids = ["approve", "deny", "revoke", "close", "review", "withdraw"];
                (&["felix", "ben"], ids.iter().map(|name| world.ids[name].as_str()).collect(), "LBX-9999")
            }
        };
        for who in who {
            for id in &known {
                // Her own tenant is no secret to her.
                let id = if *who == "csilla" { "fabrikam" } else { id };
                let ask = |id: &str| {
                    let path = row.path.replace("{id}", id).replace("{number}", id);
                    let browser = &browsers[who];
                    let reply = if row.method == "POST" {
                        let fields =
                            [("version", "2"), ("verdict", "reject"), ("action", "read"), ("entitlement", "e5")];
                        browser.post(&path, &fields)
                    } else {
                        browser.get(&path)
                    };
                    (
                        reply.status,
                        timeless(&reply.text()).replace(id, "THAT"),
                        reply.header("location").map(str::to_owned),
                    )
                };
                let (theirs, nobodys) = (ask(id), ask(unknown));
                assert_eq!(theirs.0, 404, "{} {} as {who} with {id}: {}", row.method, row.path, theirs.1);
                assert_eq!(theirs, nobodys, "{} {} as {who} with {id}", row.method, row.path);
                compared += 1;
            }
        }
    }
    assert!(compared > 80, "the walk is shorter than it was: {compared}");
    assert_eq!(record.all(), before);
}

#[test]
fn looking_changes_nothing_whoever_looks() {
    let app = TestApp::start();
    let record = Record::of(&app);
    let world = World::make(&app, &record);
    let browsers = browsers(&app);
    let before = record.all();
    for row in gets() {
        for browser in browsers.values() {
            let targets: Vec<&str> = match row.path {
                path if path.starts_with("/tenants/") => vec!["contoso", "fabrikam"],
                path if path.contains("{number}") => vec![&world.ids["send-again"]],
                _ => world.ids.values().map(String::as_str).collect(),
            };
            for id in targets {
                let path = row.path.replace("{id}", id).replace("{number}", id);
                for method in ["GET", "HEAD"] {
                    let reply = browser.client.send(method, &path, None);
                    assert!(reply.status < 500, "{method} {path}: {}", reply.text());
                }
            }
        }
    }
    // Nor does a step in an address.
    for path in ["/requests/LBX-1002/approve?version=2", "/settings/approvers", "/outbox/1/send-again", "/sign-out"] {
        browsers["csilla"].get(path).is(405);
    }
    assert_eq!(record.all(), before);
}

#[test]
fn a_form_that_is_sent_twice_asks_once() {
    let app = TestApp::start();
    let ana = Browser::of(&app, "ana");
    let fields = |reason| {
        [
            ("key", "k"),
            ("tenant", "contoso"),
            ("workload", "exchange"),
            ("service_request", "SR-1"),
            ("reason_code", "emergency"),
            ("reason_text", reason),
            ("duration", "PT1H"),
            ("action", "read"),
        ]
    };
    let first = ana.post("/requests", &fields("stuck")).is(303);
    let again = ana.post("/requests", &fields("stuck")).is(303);
    assert_eq!(first.header("location"), again.header("location"));
    // Signed in anew, with another token of the form: still the same.
    let anew = Browser::of(&app, "ana").post("/requests", &fields("stuck")).is(303);
    assert_eq!(first.header("location"), anew.header("location"));
    let other = ana.post("/requests", &fields("<b>other</b>")).is(409).text();
    assert!(
        other.contains("&lt;b&gt;other&lt;/b&gt;") || other.contains("&#60;b&#62;other"),
        "what was written is there"
    );
    assert!(!other.contains("<b>other"), "and it is text");
    assert!(!other.contains("name=\"key\" value=\"k\""), "under a key of its own");
    let listed = app.authority("ana").get("/v1/access-requests").is(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

#[test]
fn what_was_given_up_is_found_and_sent_again_by_those_who_run_it() {
    let app = TestApp::start();
    let record = Record::of(&app);
    let world = World::make(&app, &record);
    let number = &world.ids["send-again"];
    let path = format!("/outbox/{number}/send-again");
    let count =
        |who: &str, address: &str| Browser::of(&app, who).get(address).is(200).text().matches("class=\"card\"").count();
    assert_eq!(count("csilla", "/outbox?state=dead"), 1);
    assert!(count("csilla", "/outbox") > 1);
    assert_eq!(count("felix", "/outbox?state=dead"), 0);
    let dora = Browser::of(&app, "dora");
    let shown = dora.get("/outbox?state=dead").is(200).text();
    assert!(!shown.contains("<no>") && shown.contains("such mailbox"), "{shown}");
    assert!(!shown.contains(&path), "an approver without the settings has no button");
    dora.post(&path, &[]).is(403);
    for who in ["ana", "rita", "olga"] {
        assert_eq!(Browser::of(&app, who).get("/outbox").status, 403, "{who}");
    }
    let otto = Browser::of(&app, "otto");
    assert!(otto.get("/outbox?state=dead").is(200).text().contains(&path));
    otto.post(&path, &[]).is(303);
    assert_eq!(count("otto", "/outbox?state=dead"), 0);
    let listed = app.authority("otto").get("/v1/outbox").is(200).json();
    let entry =
        listed["items"].as_array().unwrap().iter().find(|entry| entry["number"].as_u64() == number.parse().ok());
    let delivery = entry.unwrap_or(&json!(null));
    assert!(delivery.to_string().contains("waiting"), "{delivery}");
}

#[test]
fn a_request_that_is_named_twice_is_one() {
    // The ids in the walk above are what the pages have: this one spelling and no other.
    let app = TestApp::start();
    let id = app.submit("ana", &wish());
    assert_eq!(AccessRequestId::parse(&id).unwrap().to_string(), id);
    let ana = Browser::of(&app, "ana");
    ana.get(&format!("/requests/{id}")).is(200);
    for twin in [id.to_lowercase(), id.replace('-', "-0"), format!("{id}%20")] {
        ana.get(&format!("/requests/{twin}")).is(404);
    }
}
