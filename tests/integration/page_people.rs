//! Who decides, as in `people.rs`, asked through the page: a browser of a few lines that keeps cookies and
//! sends the forms it was given. Page and API are one authority: what one of them has done, the other knows.

use crate::app::{Settings, TestApp};
use crate::steps::{ADELE, wish};
use crate::wire::{Client, Reply};
use lockbox::domain::Role;
use serde_json::json;
use std::sync::Barrier;

/// A session of somebody at the page.
struct Page {
    client: Client,
    cookies: Vec<(String, String)>,
}

impl Page {
    /// Signs in with the token of `who`, as the sign-in page's form does.
    fn of(app: &TestApp, who: &str) -> Self {
        let mut page = Self { client: app.authority(""), cookies: Vec::new() };
        let csrf = field(&page.get("/sign-in").is(200), "csrf");
        let token = match app.demo.token(who) {
            "" => crate::app::token_of(who),
            token => token.to_owned(),
        };
        let signed_in = page.post("/sign-in/token", &[("csrf", &csrf), ("return", "/"), ("token", &token)]);
        assert_eq!(signed_in.is(303).header("location"), Some("/"));
        page
    }

    fn client(&self) -> Client {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.client.with("Cookie", &pairs.join("; "))
    }

    fn get(&mut self, path: &str) -> Reply {
        let reply = self.client().get(path);
        self.keep(reply)
    }

    fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let reply = self.send(path, fields);
        self.keep(reply)
    }

    /// A form, as a page of the authority sends it; cookies stay as they are.
    fn send(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let client = self.client().with("Sec-Fetch-Site", "same-origin");
        client.post_bytes_as("POST", path, "application/x-www-form-urlencoded", body.as_bytes())
    }

    fn keep(&mut self, reply: Reply) -> Reply {
        for (_, set) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        reply
    }

    /// The secret of this session's forms, from any page of it.
    fn csrf(&mut self) -> String {
        field(&self.get("/requests").is(200), "csrf")
    }

    /// Answers an AccessRequest at the version given, with all that ana's wish names.
    fn answer(&mut self, id: &str, how: &str, version: &str, comment: &str) -> Reply {
        let csrf = self.csrf();
        self.send(&format!("/requests/{id}/{how}"), &fields(&csrf, version, comment))
    }
}

fn fields<'a>(csrf: &'a str, version: &'a str, comment: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("csrf", csrf),
        ("version", version),
        ("comment", comment),
        ("duration", "PT2H"),
        ("action", "read"),
        ("content", ADELE),
    ]
}

/// The value of a hidden field of a page.
fn field(reply: &Reply, name: &str) -> String {
    let text = reply.text();
    let (_, rest) =
        text.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name}: {text}"));
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn an_answer_that_comes_too_late_changes_nothing_and_keeps_what_was_written() {
    let app = TestApp::start();
    let mut csilla = Page::of(&app, "csilla");
    let closed = app.granted(&wish());
    app.end("ana", &closed, "close").is(200);
    let withdrawn = app.pending(&wish());
    app.end("ana", &withdrawn, "withdraw").is(200);
    let denied = app.pending(&wish());
    app.deny("dora", &denied).is(200);
    let revoked = app.granted(&wish());
    app.end("csilla", &revoked, "revoke").is(200);
    for (id, versions, state) in [
        (&closed, ["2", "4"], "closed"),
        (&withdrawn, ["2", "3"], "withdrawn"),
        (&denied, ["2", "3"], "denied"),
        (&revoked, ["2", "4"], "revoked"),
    ] {
        let before = app.show("csilla", id).json();
        assert_eq!(before["state"], state);
        for version in versions {
            for how in ["approve", "deny"] {
                let reply = csilla.answer(id, how, version, "written in vain");
                assert!(matches!(reply.status, 409 | 412), "{how} of a {state} one: {} {}", reply.status, reply.text());
                let text = reply.text();
                assert!(text.contains("written in vain") && text.contains("role=\"alert\""), "{text}");
            }
        }
        assert_eq!(app.show("csilla", id).json(), before, "{state} it stays");
    }
}

#[test]
fn what_has_expired_is_not_approved() {
    // A minute is the shortest that settings allow; a tenant may allow itself less.
    let app = TestApp::start();
    app.set_tenant("csilla", "contoso", &json!({ "limits": { "respond_within": "PT1S" } })).is(200);
    let id = app.pending(&wish());
    let mut csilla = Page::of(&app, "csilla");
    crate::steps::eventually("it expires", || app.show("csilla", &id).state(), |state| state == "expired");
    for version in ["2", "3"] {
        let reply = csilla.answer(&id, "approve", version, "late");
        assert!(matches!(reply.status, 409 | 412), "{} {}", reply.status, reply.text());
        assert!(reply.text().contains("late"));
    }
    assert_eq!(app.show("csilla", &id).state(), "expired");
}

#[test]
fn of_two_hundred_approvals_by_one_person_one_counts() {
    let app = TestApp::start();
    let id = app.pending(&wish());
    let mut csilla = Page::of(&app, "csilla");
    let csrf = csilla.csrf();
    let (all, at_once) = (200, 50);
    let together = Barrier::new(at_once);
    let replies: Vec<Reply> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..at_once)
            .map(|_| {
                let (csilla, csrf, id, together) = (&csilla, &csrf, &id, &together);
                scope.spawn(move || {
                    together.wait();
                    let path = format!("/requests/{id}/approve");
                    (0..all / at_once).map(|_| csilla.send(&path, &fields(csrf, "2", "yes"))).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(replies.len(), all);
    // Each of them is told of the one approval, which is his.
    for reply in &replies {
        assert_eq!(reply.status, 303, "{}", reply.text());
        assert_eq!(reply.header("location"), Some(format!("/requests/{id}?done=approved").as_str()));
    }
    let shown = app.show("csilla", &id).json();
    assert_eq!((shown["version"].as_u64(), shown["state"].as_str()), (Some(3), Some("active")));
    let events = app.authority("csilla").get(&format!("/v1/access-requests/{id}/events")).json();
    assert_eq!(events["items"].as_array().unwrap().len(), 3, "{events}");
}

#[test]
fn page_and_api_race_and_one_of_them_counts() {
    let app = TestApp::start();
    let mut csilla = Page::of(&app, "csilla");
    let csrf = csilla.csrf();
    for _ in 0..8 {
        let id = app.pending(&wish());
        let together = Barrier::new(2);
        let (page, api) = std::thread::scope(|scope| {
            let page = scope.spawn(|| {
                together.wait();
                csilla.send(&format!("/requests/{id}/approve"), &fields(&csrf, "2", "by page"))
            });
            together.wait();
            let api = app.deny("dora", &id);
            (page.join().unwrap(), api)
        });
        let shown = app.show("csilla", &id).json();
        assert_eq!(shown["version"], 3, "{shown}");
        match (page.status, api.status) {
            (303, 409 | 412) => assert_eq!(shown["state"], "active"),
            (409 | 412, 200) => {
                assert_eq!(shown["state"], "denied");
                // The one who came too late learns whose answer it is, and has his own words back.
                assert!(page.text().contains("dora@contoso.example answered on"), "{}", page.text());
                assert!(page.text().contains("by page"), "{}", page.text());
            }
            both => panic!("{both:?}: {} {}", page.text(), api.text()),
        }
    }
}

#[test]
fn an_answer_binds_to_what_was_looked_at() {
    let app = TestApp::start();
    app.set_tenant("csilla", "contoso", &json!({ "quorum": 2 })).is(200);
    let id = app.pending(&wish());
    let mut dora = Page::of(&app, "dora");
    let seen = field(&dora.get(&format!("/requests/{id}")).is(200), "version");
    assert_eq!(seen, "2");
    // csilla agrees, to less: what dora looked at is no longer what she would agree to.
    app.approve("csilla", &id, &json!({ "duration": "PT10M" })).is(200);
    let stale = dora.answer(&id, "approve", &seen, "to what I saw");
    assert_eq!(stale.status, 412, "{}", stale.text());
    assert!(stale.text().contains("10 minutes") && stale.text().contains("to what I saw"), "{}", stale.text());
    assert_eq!(app.show("csilla", &id).state(), "notified");
    // What she saw is in the form; without it, or with nonsense there, nothing is done.
    for version in ["", "two", "-2", "99999999999999999999"] {
        assert_eq!(dora.answer(&id, "approve", version, "x").status, 400, "{version}");
    }
    for version in ["1", "2", "4"] {
        assert_eq!(dora.answer(&id, "deny", version, "x").status, 412, "{version}");
    }
    assert_eq!(app.show("csilla", &id).json()["version"], 3);
}

#[test]
fn nobody_is_two_of_the_three() {
    // ana and rita would also answer for contoso, under a token for it; by name they are among its approvers.
    let app = TestApp::start_with(
        Settings::default()
            .and_person("ana-approves", "ana@provider.example", &[Role::Approver], Some("contoso"))
            .and_person("rita-approves", "rita@provider.example", &[Role::Approver], Some("contoso"))
            .and_person("plus", "csilla+lockbox@contoso.example", &[Role::Approver], Some("contoso"))
            .and_person("no-approver", "dora@contoso.example", &[Role::TenantAdmin], Some("contoso")),
    );
    let approvers = json!({ "approvers": ["ana@provider.example", "rita@provider.example", "csilla@contoso.example"] });
    app.set_tenant("csilla", "contoso", &approvers).is(200);
    let id = app.pending(&wish());
    for who in ["ana-approves", "rita-approves", "plus", "no-approver"] {
        let mut page = Page::of(&app, who);
        let shown = page.get(&format!("/requests/{id}")).is(200).text();
        assert!(!shown.contains(&format!("/requests/{id}/approve")), "{who} is offered no answer");
        for how in ["approve", "deny"] {
            let reply = page.answer(&id, how, "2", "let me");
            assert_eq!(reply.status, 403, "{who} {how}: {}", reply.text());
        }
    }
    for who in ["ana", "rita", "olga", "otto"] {
        let reply = Page::of(&app, who).answer(&id, "approve", "2", "let me");
        assert!(matches!(reply.status, 403 | 404), "{who}: {} {}", reply.status, reply.text());
    }
    assert_eq!(app.show("csilla", &id).json()["version"], 2);
    let mut csilla = Page::of(&app, "csilla");
    csilla.answer(&id, "approve", "2", "fine").is(303);
    assert_eq!(app.show("csilla", &id).state(), "active");
}

#[test]
fn an_approver_who_is_struck_off_cannot_answer_what_he_saw_before() {
    let app = TestApp::start();
    let id = app.pending(&wish());
    let mut dora = Page::of(&app, "dora");
    let seen = field(&dora.get(&format!("/requests/{id}")).is(200), "version");
    app.set_tenant("csilla", "contoso", &json!({ "approvers": ["csilla@contoso.example"] })).is(200);
    for how in ["approve", "deny"] {
        let reply = dora.answer(&id, how, &seen, "as I saw it");
        assert_eq!(reply.status, 403, "{}", reply.text());
        assert!(reply.text().contains("as I saw it"), "what was written is shown");
    }
    assert_eq!(app.show("csilla", &id).state(), "notified");
}

#[test]
fn anothers_request_answers_exactly_like_one_that_is_not_there() {
    let app = TestApp::start();
    let (there, given) = (app.pending(&wish()), app.granted(&wish()));
    let mut felix = Page::of(&app, "felix");
    let csrf = felix.csrf();
    let unknown = "LBX-987654";
    let asked = |felix: &Page, id: &str, how: &str| {
        let path = format!("/requests/{id}{how}");
        let reply =
            if how.is_empty() { felix.client().get(&path) } else { felix.send(&path, &fields(&csrf, "2", "mine?")) };
        // The page names the address it was asked for, and when; nothing else may differ.
        let text = reply.text().replace(id, "ID");
        let (before, after) = text.split_once("data-now=\"").unwrap();
        let after = after.split_once('"').unwrap().1;
        let headers: Vec<_> = reply.headers.iter().filter(|(name, _)| !changes(name)).cloned().collect();
        (reply.status, format!("{before}{after}"), headers)
    };
    for how in ["", "/look", "/approve", "/deny", "/revoke"] {
        let nothing = asked(&felix, unknown, how);
        assert_eq!(nothing.0, 404, "{how}: {}", nothing.1);
        for id in [&there, &given] {
            assert_eq!(asked(&felix, id, how), nothing, "{how} of {id}");
        }
    }
    for address in ["LBX-0", "LBX-1001x", "lbx-1001", "1001", "LBX-01001"] {
        assert_eq!(felix.client().get(&format!("/requests/{address}")).status, 404, "{address}");
    }
    assert_eq!(app.show("csilla", &there).json()["version"], 2);
}

/// Headers that differ between any two answers.
fn changes(name: &str) -> bool {
    matches!(name, "date" | "content-length" | "x-request-id" | "traceparent")
}
