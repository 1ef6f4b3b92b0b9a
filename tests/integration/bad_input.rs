//! Questions and commands that are wrong in every way that has fooled somebody (SAFETY.md §1, §6): each
//! is refused with the status and words it should have, and none is ever an allow.

use crate::app::TestApp;
use crate::steps::{ADELE, ana_reads, wish};
use crate::wire::{Client, raw};
use serde_json::{Value, json};

/// A Lockbox in which the right question is allowed, so that a wrong one could be.
fn open_app() -> (TestApp, Client) {
    let app = TestApp::start();
    app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    let client = app.sidecar("exchange-frontend");
    (app, client)
}

const RIGHT: &str = r#"{"engineer":"ana@provider.example","action":"read","tenant":"contoso","workload":"exchange","content":{"type":"mailbox","id":"adele@contoso.example"}}"#;

/// The right question with a piece of its text replaced.
fn changed(from: &str, to: &str) -> Vec<u8> {
    assert!(RIGHT.contains(from), "`{from}` is not in the question");
    RIGHT.replacen(from, to, 1).into_bytes()
}

#[test]
fn bodies_that_are_no_question() {
    let (_app, client) = open_app();
    client.post_bytes("/v1/authorize", RIGHT.as_bytes()).is(200);
    let with_context = |context: &str| changed("}}", &format!(r#"}},"context":{context}}}"#));
    let (deep, deepest) =
        (format!("{}1{}", "[".repeat(31), "]".repeat(31)), format!("{}1{}", "[".repeat(40), "]".repeat(40)));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "empty"),
        (b" ".to_vec(), "JSON"),
        (b"null".to_vec(), "must be an object"),
        (b"[]".to_vec(), "must be an object"),
        (b"\"x\"".to_vec(), "must be an object"),
        (RIGHT.as_bytes()[..RIGHT.len() - 1].to_vec(), "JSON"),
        (RIGHT.as_bytes()[..40].to_vec(), "JSON"),
        (format!("{RIGHT}{RIGHT}").into_bytes(), "JSON"),
        (format!("{RIGHT}x").into_bytes(), "JSON"),
        (format!("\u{feff}{RIGHT}").into_bytes(), "JSON"),
        (format!("// yes\n{RIGHT}").into_bytes(), "JSON"),
        (changed("\"read\"", "'read'"), "JSON"),
        (changed("\"read\",", "\"read\",,"), "JSON"),
        // A derived struct would take an array for an object.
        (br#"["ana@provider.example","read","contoso","exchange"]"#.to_vec(), "must be an object, not an array"),
        (
            changed(r#"{"type":"mailbox","id":"adele@contoso.example"}"#, r#"["mailbox","adele@contoso.example"]"#),
            "`content` must be an object, not an array",
        ),
        // The last duplicate would win silently.
        (changed("{\"engineer\"", "{\"tenant\":\"fabrikam\",\"engineer\""), "appears twice"),
        (changed("\"type\"", "\"id\":\"bela\",\"type\""), "appears twice"),
        (with_context(r#"{"a":1,"a":1}"#), "appears twice"),
        (with_context(r#"{"a":{"b":{"c":1,"c":2}}}"#), "appears twice"),
        (with_context(r#"{"a":[{"b":1,"b":2}]}"#), "appears twice"),
        (changed("{\"engineer\"", "{\"ten\\u0061nt\":\"fabrikam\",\"engineer\""), "appears twice"),
        // Not I-JSON.
        (changed("read", "re\\ud800ad"), "JSON"),
        (changed("read", "re\\udc00\\ud800ad"), "JSON"),
        ([changed("read\"", "re")[..60].to_vec(), vec![0xff, 0xfe]].concat(), "UTF-8"),
        (with_context("{\"a\":1e400}"), "JSON"),
        (with_context("{\"a\":NaN}"), "JSON"),
        (with_context("{\"a\":01}"), "JSON"),
        (with_context(&format!("{{\"a\":{deepest}}}")), "JSON"),
        (with_context(&format!("{{\"a\":{}}}", "[".repeat(100_000))), "JSON"),
        // Members that are not what they should be, each named.
        (changed("\"read\"", "7"), "`action` must be a string, not a number"),
        (changed("\"read\"", "null"), "`action` is missing"),
        (changed("\"read\"", "[\"read\"]"), "`action` must be a string, not an array"),
        (changed("\"adele@contoso.example\"", "7"), "`content.id` must be a string, not a number"),
        (changed("\"type\":\"mailbox\",", ""), "`content.type` is missing"),
        (changed("\"engineer\"", "\"enginer\""), "`engineer` is missing"),
        (changed("{\"engineer\"", "{\"enginer\":1,\"engineer\""), "did you mean `engineer`"),
        (changed("\"type\"", "\"typ\":1,\"type\""), "did you mean `type`"),
        (changed("\"engineer\"", "\"Engineer\""), "`engineer` is missing"),
        (with_context("[]"), "`context` must be an object, not an array"),
        (with_context("{\"a\":0.5}"), "whole number"),
        (with_context("{\"a\":18446744073709551616}"), "whole number"),
        (with_context(&format!("{{\"a\":[{}]}}", vec!["1"; 300].join(","))), "one too many"),
    ];
    for (body, words) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        let reply = client.post_bytes("/v1/authorize", &body);
        assert_eq!(reply.status, 400, "{shown}: {}", reply.text());
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(words), "{shown}: `{detail}` does not say `{words}`");
        assert!(detail.is_ascii() || detail.contains('…'), "{detail}");
    }
    let nested = client.post_bytes("/v1/authorize", &with_context(&format!("{{\"a\":{deep}}}")));
    assert!(matches!(nested.status, 200 | 400), "{}", nested.text());
}

#[test]
fn bodies_that_are_too_much_or_of_another_kind() {
    let (app, client) = open_app();
    let padded = |length: usize| format!("{RIGHT}{}", " ".repeat(length - RIGHT.len()));
    let max = 256 * 1024;
    client.post_bytes("/v1/authorize", padded(max).as_bytes()).is(200);
    client.post_bytes("/v1/authorize", padded(max + 1).as_bytes()).refused(413, "262144 bytes at most");
    app.authority("ana").post_bytes("/v1/access-requests", padded(64 * 1024 + 1).as_bytes()).refused(413, "65536");
    for kind in ["text/plain", "application/json5", "application/jsonp", "application/problem+json", "*/*", "json", ""]
    {
        client.post_bytes_as("POST", "/v1/authorize", kind, RIGHT.as_bytes()).refused(400, "Content-Type");
        app.authority("ana").post_bytes_as("POST", "/v1/access-requests", kind, b"{}").refused(400, "Content-Type");
    }
    client.send("POST", "/v1/authorize", Some(RIGHT.as_bytes())).refused(400, "Content-Type");
    client
        .with("Content-Type", "application/json")
        .post_bytes("/v1/authorize", RIGHT.as_bytes())
        .refused(400, "Content-Type");
    client
        .with("Content-Encoding", "gzip")
        .post_bytes("/v1/authorize", RIGHT.as_bytes())
        .refused(400, "Content-Encoding");
}

#[test]
fn bodies_that_break_off_or_lie_about_their_length() {
    let (app, _) = open_app();
    let token = app.demo.token("exchange-frontend");
    let head = format!(
        "POST /v1/authorize HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    );
    let send = |rest: &[u8]| raw(app.addresses.sidecar, &[head.as_bytes(), rest].concat(), false);
    let chunk = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{RIGHT}\r\n0\r\n\r\n", RIGHT.len());
    assert_eq!(send(chunk.as_bytes()).unwrap().json()["reason"], "grant_active", "chunks are as good");
    let endless =
        format!("Transfer-Encoding: chunked\r\n\r\n{}", format!("{:x}\r\n{}\r\n", 65536, " ".repeat(65536)).repeat(6));
    let length = RIGHT.len();
    for (what, rest, statuses) in [
        ("a length above the bound", "Content-Length: 999999999999\r\n\r\n".to_owned(), &[413][..]),
        ("chunks without end", endless, &[413]),
        ("shorter than it is", format!("Content-Length: {}\r\n\r\n{RIGHT}", length - 5), &[400]),
        ("two lengths", format!("Content-Length: {length}\r\nContent-Length: {}\r\n\r\n{RIGHT}", length - 1), &[400]),
        ("no number", format!("Content-Length: -1\r\n\r\n{RIGHT}"), &[400]),
        ("a chunk that is none", format!("Transfer-Encoding: chunked\r\n\r\nzz\r\n{RIGHT}"), &[400]),
    ] {
        // Where the head itself is broken the connection may just end.
        if let Ok(reply) = send(rest.as_bytes()) {
            assert!(statuses.contains(&reply.status), "{what}: {} {}", reply.status, reply.text());
        }
    }
    app.becomes(&ana_reads(), "grant_active");
}

/// Well-formed texts that are not the canonical form of any name: twins by case, look-alikes, ways up and
/// around, and what nobody sees.
const NOT_CANONICAL: [(&str, &[&str]); 6] = [
    (
        "/engineer",
        &[
            "Ana@provider.example",
            "ana@provider.example.",
            "ana@provider.example ",
            " ana@provider.example",
            "\u{430}na@provider.example",
            "ana@provider.example\u{200b}",
            "ana\u{202e}@provider.example",
            "ana@provider.example\u{0}",
            "ana..x@provider.example",
            "ana%40provider.example",
            "",
            "ana@provider.example\n",
            "a\u{301}na@provider.example",
        ],
    ),
    (
        "/tenant",
        &[
            "Contoso",
            "contoso.",
            "contoso ",
            "c\u{43e}ntoso",
            "contoso\u{200d}",
            "contoso/",
            "contoso/exchange",
            "../contoso",
            "con_toso",
            "",
        ],
    ),
    ("/action", &["Read", "read ", "rea\u{217e}", "read\u{0}", "read;export", "*", ""]),
    (
        "/content/id",
        &[
            "Adele@contoso.example",
            "adele@contoso.example.",
            "adele@contoso.example/",
            "./adele@contoso.example",
            "../mailbox/adele@contoso.example",
            "adele@contoso.example/..",
            "adele@contoso.example%2Fmessage%2F7",
            "adele@contoso.example/message",
            "adele@contoso.example//7",
            "adele@contoso.example\\message\\7",
            "\u{ff41}dele@contoso.example",
            "adele@contoso.example\u{feff}",
            "\u{202e}adele@contoso.example",
            "",
        ],
    ),
    (
        "/content/type",
        &["Mailbox", "mailbox ", "mailbox/..", "mailbox/adele@contoso.example/message", "", "mail\u{200b}box"],
    ),
    ("/service_request", &["SR 1042", "SR-1042\u{7}", "SR-1042.", ""]),
];

#[test]
fn names_that_are_not_canonical_are_denied_and_never_folded() {
    let (app, client) = open_app();
    for (pointer, values) in NOT_CANONICAL {
        for value in values {
            let mut body = ana_reads();
            body["service_request"] = json!("SR-1042");
            *body.pointer_mut(pointer).unwrap() = json!(value);
            let answer = client.post("/v1/authorize", &body).is(200).json();
            assert_eq!(
                (&answer["decision"], &answer["reason"]),
                (&json!("deny"), &json!("malformed_name")),
                "{pointer} {value:?}: {answer}"
            );
            assert!(answer["message"].as_str().unwrap().is_ascii(), "shown as escapes: {answer}");
        }
    }
    // A workload that is nobody's name tells more as a denial than as a refusal.
    for value in ["Exchange", "exchange.", "\u{435}xchange"] {
        let mut body = ana_reads();
        body["workload"] = json!(value);
        assert_eq!(client.post("/v1/authorize", &body).is(200).json()["reason"], "malformed_name");
    }
    app.becomes(&ana_reads(), "grant_active");
}

#[test]
fn names_that_the_schema_does_not_declare() {
    let (_app, client) = open_app();
    for (pointer, value, reason) in [
        ("/action", "burn", "not_in_schema"),
        ("/action", "content_access", "not_in_schema"),
        ("/action", "approve", "not_in_schema"),
        ("/content/type", "spaceship", "not_in_schema"),
        ("/content/id", "adele@contoso.example/spaceship/7", "not_in_schema"),
        ("/tenant", "nobody", "unknown_tenant"),
        ("/engineer", "mallory@provider.example", "no_grant"),
    ] {
        let mut body = ana_reads();
        *body.pointer_mut(pointer).unwrap() = json!(value);
        let answer = client.post("/v1/authorize", &body).is(200).json();
        assert_eq!(
            (&answer["decision"], &answer["reason"]),
            (&json!("deny"), &json!(reason)),
            "{pointer} {value}: {answer}"
        );
    }
    let mut body = ana_reads();
    body["workload"] = json!("teams");
    client.post("/v1/authorize", &body).refused(403, "its own workload");
    let mut body = ana_reads();
    body["context"] = json!({ "device_managed": "yes" });
    let answer = client.post("/v1/authorize", &body).is(200).json();
    assert_eq!((&answer["decision"], &answer["reason"]), (&json!("deny"), &json!("not_in_schema")), "{answer}");
}

#[test]
fn a_resource_that_contradicts_itself_is_denied() {
    let (_app, client) = open_app();
    let ask = |id: &str, properties: Value| {
        let body = json!({ "subject": { "type": "engineer", "id": "ana@provider.example" }, "action": { "name": "read" },
                           "resource": { "type": "mailbox", "id": id, "properties": properties } });
        client.post("/access/v1/evaluation", &body).is(200).json()
    };
    let right = "contoso/exchange/adele@contoso.example";
    assert_eq!(ask(right, json!({}))["decision"], true);
    assert_eq!(ask(right, json!({ "tenant": "contoso", "workload": "exchange" }))["decision"], true);
    for properties in
        [json!({ "tenant": "fabrikam" }), json!({ "workload": "sharepoint" }), json!({ "tenant": "Contoso" })]
    {
        let answer = ask(right, properties);
        assert_eq!(
            (&answer["decision"], &answer["context"]["reason"]),
            (&json!(false), &json!("contradictory_resource"))
        );
    }
    for id in [
        "contoso",
        "contoso/exchange",
        "/exchange/adele@contoso.example",
        "contoso//adele@contoso.example",
        "contoso/exchange/",
        "",
    ] {
        assert_eq!(ask(id, json!({}))["context"]["reason"], "malformed_name", "{id}");
    }
}

#[test]
fn commands_are_read_as_strictly_as_questions() {
    let app = TestApp::start();
    let ana = app.authority("ana");
    for (pointer, value, status, words) in [
        ("/tenant", json!("Contoso"), 400, "canonical"),
        ("/tenant", json!("nobody"), 404, ""),
        ("/workload", json!("teams"), 422, "not in the schema"),
        ("/actions", json!([]), 422, "actions"),
        ("/actions", json!(["burn"]), 422, "not in the schema"),
        ("/actions", json!("read"), 400, "array"),
        ("/content", json!(["spaceship/7"]), 422, "not in the schema"),
        ("/content", json!(["mailbox/../x"]), 400, "canonical"),
        ("/duration", json!("2h"), 400, "duration"),
        ("/duration", json!("PT0S"), 400, "duration"),
        ("/duration", json!("PT5H"), 422, "PT4H"),
        ("/duration", json!("P10000Y"), 400, "duration"),
        ("/duration", json!("PT99999999999999999999S"), 400, "duration"),
        ("/reason/code", json!("because"), 400, "customer_initiated_support"),
        ("/reason/text", json!("  "), 422, "reason.text"),
        ("/reason/text", json!("x".repeat(5000)), 422, "4096"),
        ("/service_request", json!("a\r\nBcc: x"), 400, "canonical"),
        ("/engineer", json!("ben@provider.example"), 400, "not known"),
        ("/state", json!("active"), 400, "not known"),
    ] {
        let mut body = wish();
        match body.pointer_mut(pointer) {
            Some(member) => *member = value.clone(),
            None => body[pointer.trim_start_matches('/')] = value.clone(),
        }
        let reply = ana.post("/v1/access-requests", &body);
        assert_eq!(reply.status, status, "{pointer} {value}: {}", reply.text());
        assert!(reply.text().contains(words), "{pointer} {value}: {}", reply.text());
    }
    assert_eq!(ana.get("/v1/access-requests").json()["items"], json!([]), "nothing was made");
    let id = app.submit("ana", &wish());
    for id in [
        &format!("{id}%20"),
        "LBX-01001",
        "lbx-1001",
        "%2e%2e",
        "LBX-1001%2Fapprove",
        "1001",
        "LBX-18446744073709551616",
    ] {
        app.show("ana", id).is(404);
    }
    assert_eq!(app.show("ana", &id).json()["content"], json!([ADELE]));
}
