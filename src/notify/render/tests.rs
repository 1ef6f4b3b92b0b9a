//! What is said is golden text, reviewed as a diff; what must never be said is tried with texts of somebody
//! who wants it said.

mod stories;

use super::super::story::{Receipt, Rendered, Side, Story};
use super::{mail, webhook};
use crate::domain::{Approval, Ending, Language, NoticeKind, Recipient, State, WebhookName};
use core::fmt::Write as _;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use stories::{PAGE, everyday, grant, half_agreed, nasty, person, request, sides, story};

/// Every mail there is, of these words.
fn every(words: &stories::Words) -> Vec<(String, Story)> {
    let mut all = Vec::new();
    for language in Language::ALL {
        for kind in NoticeKind::ALL {
            for side in [Side::Customer, Side::Provider] {
                let name = format!("{} {} {side:?}", language.as_str(), kind.as_str());
                all.push((name, story(words, kind, side, language)));
            }
        }
    }
    all
}

fn golden(name: &str, text: &str) {
    insta::with_settings!(
        { snapshot_path => "../../../tests/golden", prepend_module_to_snapshot => false, omit_expression => true },
        { insta::assert_snapshot!(name, text) }
    );
}

/// A story that differs from that of its kind, with a name.
fn variants(language: Language) -> Vec<(&'static str, Story)> {
    let words = everyday();
    let of = |kind| story(&words, kind, Side::Customer, language);
    let mut other = of(NoticeKind::Pending);
    other.notice.to = Recipient::Person(person("security@contoso.example"));
    let mut two = of(NoticeKind::Reminder);
    two.tenant.quorum = 2;
    two.request = Some(half_agreed(&words));
    let mut late = of(NoticeKind::Pending);
    late.request = Some(request(&words, NoticeKind::Denied));
    let mut off = of(NoticeKind::Approved);
    let internal = |ended| crate::domain::Grant { approval: Approval::Internal, ..grant(&words, ended) };
    if let Some(State::Active { decided, grant, .. }) = off.request.as_mut().map(|request| &mut request.state) {
        (*decided, *grant) = (None, internal(None));
    }
    let mut no = of(NoticeKind::NoLongerNeeded);
    no.request = Some(request(&words, NoticeKind::Denied));
    let mut switched = of(NoticeKind::Ended);
    if let Some(State::Closed { decided, grant, .. }) = switched.request.as_mut().map(|request| &mut request.state) {
        (*decided, *grant) = (None, internal(Some(Ending::Revoked)));
    }
    switched.receipt = Some(Receipt { readable: true, ..Receipt::default() });
    let mut unread = of(NoticeKind::Ended);
    if let Some(State::Closed { grant: at, .. }) = unread.request.as_mut().map(|request| &mut request.state) {
        *at = grant(&words, Some(Ending::Ended));
    }
    unread.receipt = Some(Receipt::default());
    let mut gone = of(NoticeKind::Pending);
    gone.request = None;
    let mut settings = of(NoticeKind::NobodyCanApprove);
    (settings.request, settings.notice.access_request) = (None, None);
    vec![
        ("pending, to somebody who cannot answer", other),
        ("reminder, one of two has agreed to less", two),
        ("pending, but decided meanwhile", late),
        ("approved, lockbox is off", off),
        ("no longer needed, rejected", no),
        ("ended by the switch, nothing touched", switched),
        ("ended by the clock, receipt cannot be read", unread),
        ("nothing is known of the request", gone),
        ("nobody can approve, by a change of settings", settings),
    ]
}

#[test]
fn every_mail_in_every_language() {
    for language in Language::ALL {
        let mut text = String::new();
        let mut add = |name: &str, Rendered { subject, text: body, .. }: Rendered| {
            writeln!(text, "==== {name}\nSubject: {subject}\n\n{body}").unwrap();
        };
        for kind in NoticeKind::ALL {
            for side in sides(kind) {
                let story = story(&everyday(), kind, *side, language);
                add(&format!("{} to the {side:?}", kind.as_str()).to_lowercase(), mail(&story));
            }
        }
        for (name, story) in variants(language) {
            add(name, mail(&story));
        }
        golden(&format!("mail.{}", language.as_str()), &text);
    }
}

#[test]
fn the_html_of_a_mail() {
    let story = story(&everyday(), NoticeKind::Pending, Side::Customer, Language::Hungarian);
    golden("mail.html", &mail(&story).html);
}

/// What a reader of the HTML sees, in words one space apart.
fn visible(html: &str) -> String {
    let body = html.split_once("</head>").unwrap().1;
    let inline = Regex::new(r"</?(strong|bdi)>").unwrap().replace_all(body, "");
    let text = Regex::new(r"<[^>]*>").unwrap().replace_all(&inline, " ");
    let mut text = text.into_owned();
    for (entity, c) in [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")] {
        text = text.replace(entity, c);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_html_says_all_that_the_text_says() {
    let more = variants(Language::English).into_iter().map(|(name, story)| (name.to_owned(), story));
    for (name, story) in every(&everyday()).into_iter().chain(more).chain(every(&nasty())) {
        let Rendered { text, html, .. } = mail(&story);
        let seen = visible(&html);
        // A word that a quote has no room for is broken there.
        let seen = seen.replace(' ', "");
        for line in text.lines().filter(|line| !line.chars().all(|c| c == '-')) {
            let marked = line.strip_prefix("> ").or(line.trim_start().strip_prefix("- ")).unwrap_or(line);
            let words: String = marked.split_whitespace().collect();
            assert!(seen.contains(&words), "{name}: `{line}` is not in\n{html}");
        }
    }
}

#[test]
fn no_mail_holds_a_link_or_markup_of_anybody() {
    let ours: BTreeSet<&str> =
        "!doctype html head meta title body div h1 h2 p ul li strong bdi blockquote br".split(' ').collect();
    let tag = Regex::new("<[^>]*>").unwrap();
    let name_of = Regex::new(r"^</?([^\s/>]*)").unwrap();
    for (name, story) in every(&nasty()).into_iter().chain(every(&everyday())) {
        let Rendered { subject, text, html } = mail(&story);
        for found in tag.find_iter(&html) {
            let element = name_of.captures(found.as_str()).unwrap()[1].to_owned();
            assert!(ours.contains(element.as_str()), "{name}: {element}");
            let fetches = ["href", "src", "url(", "http", "action", " on"];
            assert!(!fetches.iter().any(|never| found.as_str().contains(never)), "{name}: {}", found.as_str());
        }
        for part in [&subject, &text, &html] {
            let rest = part.replace(PAGE, "").to_lowercase();
            for never in ["://", "www.", "evil.example", "\u{202e}", "\u{2066}", "\u{200b}", "\u{7}", "\u{1b}"] {
                assert!(!rest.contains(never), "{name}: {never:?} in\n{part}");
            }
        }
        // Nothing but what is quoted looks like an address that does something.
        for line in text.lines().filter(|line| !line.starts_with("> ")) {
            for never in ["/sign-in", "/approve", "/deny", "/requests"] {
                assert!(!line.contains(never), "{name}: {line}");
            }
        }
        assert!(subject.starts_with("LBX-1001: ") && subject.chars().count() <= 120, "{name}: {subject}");
        assert!(text.len().max(html.len()) < 256 * 1024, "{name}: {} {}", text.len(), html.len());
    }
}

#[test]
fn what_people_wrote_is_marked_line_by_line() {
    for (name, story) in every(&nasty()) {
        let text = mail(&story).text;
        for line in text.lines() {
            let theirs =
                ["alert(1)", "Subject: x", "7*7", "1 January 2030", "EVIL[.]"].iter().any(|it| line.contains(it));
            assert!(!theirs || line.starts_with("> "), "{name}: {line}");
        }
    }
}

/// The members of an object in the description of the API.
fn described<'a>(api: &'a Value, schema: &str) -> &'a Value {
    &api["components"]["schemas"][schema]
}

/// Holds a value against its description: nothing that is not described, and nothing missing.
fn fits(api: &Value, schema: &Value, value: &Value, place: &str) {
    let schema = match schema["$ref"].as_str() {
        Some(named) => described(api, named.rsplit('/').next().unwrap()),
        None => schema,
    };
    if let Some(one_of) = schema["oneOf"].as_array() {
        let there = one_of.iter().find(|one| one["type"] != "null").unwrap();
        if !value.is_null() {
            fits(api, there, value, place);
        }
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| fits(api, &schema["items"], item, place)),
        Value::Object(members) => {
            for (name, member) in members {
                let known = &schema["properties"][name];
                assert!(!known.is_null(), "{place}.{name} is not described");
                fits(api, known, member, &format!("{place}.{name}"));
            }
            for required in schema["required"].as_array().into_iter().flatten() {
                assert!(members.contains_key(required.as_str().unwrap()), "{place} has no {required}");
            }
        }
        _ => assert!(!schema["type"].is_null(), "{place}"),
    }
}

#[test]
fn a_webhook_shows_an_access_request_as_the_api_does() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/openapi.json");
    let api: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut seen = BTreeSet::new();
    let consents = |mut story: Story| {
        story.request = Some(half_agreed(&everyday()));
        (String::new(), story)
    };
    let more = consents(story(&everyday(), NoticeKind::Reminder, Side::Customer, Language::English));
    for (name, story) in every(&nasty()).into_iter().chain(every(&everyday())).chain([more]) {
        let (event, body) = webhook(&story);
        assert!(body.len() < 256 * 1024, "{name}: {}", body.len());
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&body["event"], &body["id"]), (&event.into(), &"17".into()));
        assert!(event.ends_with(story.notice.kind.as_str()), "{event}");
        fits(&api, described(&api, "AccessRequestBody"), &body["access_request"], "access_request");
        seen.extend(body["access_request"].as_object().unwrap().keys().cloned());
    }
    let all = described(&api, "AccessRequestBody")["properties"].as_object().unwrap().keys().cloned();
    let never = ["effective", "effective_at"];
    assert_eq!(seen, all.filter(|name| !never.contains(&name.as_str())).collect());
}

#[test]
fn the_body_of_a_webhook() {
    let mut story = story(&everyday(), NoticeKind::Ended, Side::Customer, Language::English);
    story.notice.to = Recipient::Webhook(WebhookName::parse("siem").unwrap());
    let (_, body) = webhook(&story);
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&body).unwrap()).unwrap();
    golden("webhook", &pretty);
    story.receipt = Some(Receipt::default());
    let body: Value = serde_json::from_str(&webhook(&story).1).unwrap();
    assert_eq!(body["receipt"], serde_json::json!({"readable": false}));
}
