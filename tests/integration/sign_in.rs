//! Signing in to the page: the whole way over a real provider, and every way that must not lead in.

use crate::app::{Settings, TestApp};
use crate::provider::Led;
use crate::steps::wish;
use crate::window::{FLOW, PUBLIC_URL, SESSION, Window, csrf, onward, set_cookies, settings, site};
use crate::wire::Reply;
use lockbox::store::NoteKind;
use serde_json::{Value, json};

const CSILLA: &str = "csilla@contoso.example";
const DORA: &str = "dora@contoso.example";
const STRENGTH: &str = "urn:lockbox:test:two-factors";

/// The attributes of the cookie `name` that an answer sets.
#[track_caller]
fn attributes(reply: &Reply, name: &str) -> Vec<String> {
    let set: Vec<&str> = set_cookies(reply).into_iter().filter(|set| set.starts_with(&format!("{name}="))).collect();
    assert_eq!(set.len(), 1, "{name} is set once: {:?}", reply.headers);
    let mut attributes: Vec<String> = set[0].split("; ").skip(1).map(str::to_owned).collect();
    attributes.sort();
    attributes
}

#[track_caller]
fn says(reply: &Reply, words: &str) {
    assert!(reply.text().contains(words), "{} does not say `{words}`: {}", reply.status, reply.text());
}

/// Where a form that was sent leads to.
fn location(reply: &Reply) -> &str {
    reply.header("location").unwrap_or_default()
}

/// As if so long had passed since the sessions were opened, used and proved; in seconds.
fn age(app: &TestApp, opened_s: i64, seen_s: i64, proved_s: i64) {
    app.change_notes(NoteKind::Session, |session| {
        for (name, seconds) in [("opened_ms", opened_s), ("seen_ms", seen_s), ("authenticated_ms", proved_s)] {
            session[name] = json!(session[name].as_i64().unwrap() - seconds * 1000);
        }
    });
}

#[test]
fn who_signs_in_at_the_issuer_is_in_and_the_record_says_how() {
    let Some((app, provider)) = site(&[]) else { return };
    let id = app.pending(&wish());
    let mut window = Window::on(&app);
    let leaving = window.leave(&format!("/requests/{id}"), false).is(200);
    assert!(onward(&leaving).starts_with(&format!("{}/auth?", provider.issuer)), "{}", onward(&leaving));
    // Chromium holds the way that a form leads to against this, third parties' included: so it leads nowhere.
    assert!(leaving.header("content-security-policy").unwrap().contains("form-action 'self';"));
    assert_eq!(attributes(&leaving, FLOW), ["HttpOnly", "Max-Age=600", "Path=/", "SameSite=Lax", "Secure"]);
    let back = window.prove(&leaving, CSILLA);

    let arrived = window.arrive(&back).is(200);
    assert_eq!(attributes(&arrived, SESSION), ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]);
    assert_eq!(attributes(&arrived, FLOW)[1], "Max-Age=0");
    assert_eq!(arrived.header("cache-control"), Some("no-store"));
    assert_eq!(onward(&arrived), format!("/requests/{id}"));

    let page = window.get(&onward(&arrived)).is(200);
    says(&page, CSILLA);
    let fields = [("version", "2"), ("action", "read"), ("content", "mailbox/adele@contoso.example")];
    let sent = window.post(&format!("/requests/{id}"), &format!("/requests/{id}/approve"), &fields).is(303);
    let page = window.get(location(&sent)).is(200);
    says(&page, &format!("(by sign-in service, {STRENGTH}, from 127.0.0.1)"));
    let approved = app.show("csilla", &id).json();
    let authentication = json!({ "method": "oidc", "strength": STRENGTH, "address": "127.0.0.1" });
    assert_eq!(approved["decided"]["authentication"], authentication);
    assert_eq!(approved["decided"]["by"], CSILLA);
}

#[test]
fn a_sign_in_gives_a_new_session_and_ends_the_one_before() {
    let Some((app, _provider)) = site(&[]) else { return };
    let mut window = Window::on(&app);
    // What somebody else put there is not taken for a session, then or later.
    window.cookies.insert(SESSION.to_owned(), "A".repeat(43));
    says(&window.sign_in(CSILLA), CSILLA);
    let first = window.cookies[SESSION].clone();
    assert_ne!(first, "A".repeat(43));
    window.elsewhere = Default::default();
    says(&window.sign_in(DORA), DORA);
    assert_ne!(window.cookies[SESSION], first);
    window.cookies.insert(SESSION.to_owned(), first);
    assert_eq!(location(&window.get("/").is(303)), "/sign-in?return=%2F", "the first session is over");
}

#[test]
fn an_answer_is_good_for_one_sign_in_of_one_browser() {
    let Some((app, _provider)) = site(&[]) else { return };
    let (mut mine, mut other) = (Window::on(&app), Window::on(&app));
    let leaving = mine.leave("/", false).is(200);
    let flow = mine.cookies[FLOW].clone();
    let back = mine.prove(&leaving, CSILLA);

    // In a browser that has begun none, and in one that has begun another: login CSRF.
    let refused = "belongs to no sign-in that was begun in this browser";
    says(&other.arrive(&back).is(400), refused);
    other.leave("/", false).is(200);
    says(&other.arrive(&back).is(400), refused);
    assert!(!other.cookies.contains_key(SESSION));
    assert!(other.cookies.contains_key(FLOW), "and its own sign-in goes on");
    // Said twice is not said.
    says(&mine.arrive(&format!("{back}&state=x")).is(400), refused);
    says(&mine.arrive(&format!("{back}&code=x")).is(400), refused);
    let elsewhere = back.replace("iss=http%3A%2F%2F127.0.0.1", "iss=http%3A%2F%2F127.0.0.2");
    says(&mine.arrive(&elsewhere).is(400), "did not come from your sign-in service");

    mine.arrive(&back).is(200);
    assert!(mine.cookies.contains_key(SESSION));
    let session = mine.cookies[SESSION].clone();
    // Opened twice, as by going back; and the same code again by somebody who kept all.
    says(&mine.arrive(&back).is(400), refused);
    mine.cookies.insert(FLOW.to_owned(), flow);
    says(&mine.arrive(&back).is(400), "was used already");
    assert_eq!(mine.cookies[SESSION], session);
    says(&mine.get("/").is(200), CSILLA);

    // What is no flow is none.
    for junk in ["", "x", "e30", &"A".repeat(2000)] {
        other.cookies.insert(FLOW.to_owned(), junk.to_owned());
        says(&other.arrive(&back).is(400), refused);
    }
}

#[test]
fn no_other_site_can_begin_a_sign_in() {
    let Some((app, _provider)) = site(&[]) else { return };
    let mut window = Window::on(&app);
    let token = csrf(&window.get("/sign-in"));
    let csrf = ("csrf", token.as_str());
    let from = |site| [("Sec-Fetch-Site", site)];
    for (fields, headers, status) in [
        (&[][..], &from("same-origin")[..], 400),
        (&[("csrf", "x")], &from("same-origin"), 400),
        (&[csrf], &from("cross-site"), 403),
        (&[csrf], &from("same-site"), 403),
        (&[csrf], &[("Origin", "https://evil.example")], 403),
        (&[csrf], &[("Origin", "null")], 403),
        (&[csrf], &[("Origin", PUBLIC_URL)], 200),
    ] {
        let reply = window.post_with("/sign-in/oidc", fields, headers).is(status);
        assert_eq!(
            set_cookies(&reply).iter().any(|set| set.starts_with(FLOW)),
            status == 200,
            "{fields:?} {headers:?}"
        );
    }
    window.get("/sign-in/oidc").is(405);
}

#[test]
fn nobody_is_sent_to_another_site_afterwards() {
    let Some((app, _provider)) = site(&[]) else { return };
    for foreign in ["https://evil.example/", "//evil.example/", "/\\evil.example", "/sign-out"] {
        let mut window = Window::on(&app);
        let leaving = window.leave(foreign, false).is(200);
        let back = window.prove(&leaving, CSILLA);
        assert_eq!(onward(&window.arrive(&back).is(200)), "/", "{foreign}");
    }
    // Nor by a cookie that was changed on the way.
    let mut window = Window::on(&app);
    let leaving = window.leave("/requests", false).is(200);
    let back = window.prove(&leaving, CSILLA);
    let mut away = decoded(&window.cookies[FLOW]);
    assert_eq!(away["back"], "/requests");
    away["back"] = json!("https://evil.example/");
    window.cookies.insert(FLOW.to_owned(), encoded(&away));
    assert_eq!(onward(&window.arrive(&back).is(200)), "/");
}

fn decoded(cookie: &str) -> Value {
    use base64::Engine as _;
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(cookie).unwrap()).unwrap()
}

fn encoded(away: &Value) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(away.to_string())
}

#[test]
fn an_old_proof_is_asked_for_anew_of_the_same_person_and_nothing_written_is_lost() {
    let Some((app, _provider)) = site(&[]) else { return };
    let id = app.pending(&wish());
    let (page, approve) = (format!("/requests/{id}"), format!("/requests/{id}/approve"));
    let mut window = Window::on(&app);
    window.sign_in(CSILLA);
    age(&app, 0, 0, 11 * 60);
    let fields = [
        ("version", "2"),
        ("action", "read"),
        ("content", "mailbox/adele@contoso.example"),
        ("comment", "only <this> mailbox"),
    ];
    let sent = window.post(&page, &approve, &fields).is(303);
    let again = format!("/sign-in?return=%2Frequests%2F{id}&again=1");
    assert_eq!(location(&sent), again);
    says(&window.get(&again).is(200), "Confirm that it is you");
    assert_eq!(app.show("csilla", &id).state(), "notified");

    // Somebody else comes back: nothing changes, and he sees nothing of what was written.
    let session = window.cookies[SESSION].clone();
    let leaving = window.leave(&page, true).is(200);
    assert!(onward(&leaving).contains("max_age=0"), "{}", onward(&leaving));
    let known_there = std::mem::take(&mut window.elsewhere);
    let back = window.prove(&leaving, DORA);
    window.elsewhere = known_there;
    let refused = window.arrive(&back).is(403);
    says(&refused, "You came back as dora@contoso.example");
    says(&refused, &again.replace('&', "&#38;"));
    assert_eq!(window.cookies[SESSION], session);
    assert!(!window.cookies.contains_key(FLOW), "this answer is spent");
    let mut dora = Window::on(&app);
    dora.sign_in(DORA);
    assert!(!dora.get(&page).is(200).text().contains("only &#60;this&#62; mailbox"));

    // The same person: signed in there, and asked all the same.
    let leaving = window.leave(&page, true).is(200);
    let back = window.prove(&leaving, CSILLA);
    let arrived = window.arrive(&back).is(200);
    assert_ne!(window.cookies[SESSION], session);
    let shown = window.get(&onward(&arrived)).is(200);
    says(&shown, "only &#60;this&#62; mailbox");
    let sent = window.post_with(
        &approve,
        &[&[("csrf", csrf(&shown).as_str())], &fields[..]].concat(),
        &[("Sec-Fetch-Site", "same-origin")],
    );
    assert_eq!(location(&sent.is(303)), format!("{page}?done=approved"));
    assert_eq!(app.show("csilla", &id).json()["decided"]["comment"], "only <this> mailbox");
}

#[test]
fn a_proof_that_nobody_dated_is_never_a_fresh_one() {
    let Some((app, _provider)) = site(&[]) else { return };
    let id = app.pending(&wish());
    let mut window = Window::on(&app);
    window.sign_in(CSILLA);
    // As from an issuer that sends no `auth_time`.
    app.change_notes(NoteKind::Session, |session| session["authenticated_ms"] = Value::Null);
    window.get(&format!("/requests/{id}")).is(200);
    let sent = window.post(&format!("/requests/{id}"), &format!("/requests/{id}/deny"), &[("version", "2")]).is(303);
    assert_eq!(location(&sent), format!("/sign-in?return=%2Frequests%2F{id}&again=1"));
    assert_eq!(app.show("csilla", &id).state(), "notified");
}

#[test]
fn a_session_ends_by_silence_and_by_its_age() {
    let Some((app, _provider)) = site(&[]) else { return };
    let mut window = Window::on(&app);
    window.sign_in(CSILLA);
    let half_an_hour = 30 * 60;
    age(&app, 0, half_an_hour - 20, 0);
    window.get("/").is(200);
    // That visit was a sign of life.
    age(&app, 0, half_an_hour - 20, 0);
    window.get("/").is(200);
    age(&app, 0, half_an_hour, 0);
    assert_eq!(
        location(&window.get("/requests?state=active").is(303)),
        "/sign-in?return=%2Frequests%3Fstate%3Dactive&again=1"
    );

    window.elsewhere = Default::default();
    window.sign_in(CSILLA);
    age(&app, 8 * 3600 - 20, 0, 0);
    window.get("/").is(200);
    age(&app, 20, 0, 0);
    assert_eq!(location(&window.get("/").is(303)), "/sign-in?return=%2F&again=1");
    // Whoever comes now need not be the one before: he says so, and is asked nothing about him.
    let page = window.get("/sign-in?return=%2F&again=1").is(200);
    says(&page, "<a href=\"/sign-in\">Sign in as somebody else</a>");
}

#[test]
fn signing_out_ends_the_session_and_offers_to_sign_out_there() {
    let Some((app, provider)) = site(&[]) else { return };
    let mut window = Window::on(&app);
    window.sign_in(CSILLA);
    let session = window.cookies[SESSION].clone();
    let out = window.post("/", "/sign-out", &[]).is(303);
    assert_eq!(attributes(&out, SESSION), ["HttpOnly", "Max-Age=0", "Path=/", "SameSite=Strict", "Secure"]);
    assert!(!window.cookies.contains_key(SESSION));
    let page = window.get(location(&out)).is(200);
    says(&page, "You are signed out here.");
    says(&page, &format!("<a href=\"{}/session/end?client_id=", provider.issuer));
    window.cookies.insert(SESSION.to_owned(), session);
    window.get("/").is(303);

    // Somebody with a session is not told otherwise by an address.
    window.sign_in_passing();
    assert!(!window.get("/sign-in?out=oidc").is(200).text().contains("You are signed out"));
}

impl Window {
    /// Signs in where the issuer knows him still, and does not ask.
    fn sign_in_passing(&mut self) {
        let leaving = self.leave("/", false).is(200);
        let Led::Back(url) = self.elsewhere.open(&onward(&leaving), PUBLIC_URL) else { panic!("asked without need") };
        self.arrive(url.strip_prefix(PUBLIC_URL).unwrap()).is(200);
    }
}

#[test]
fn tokens_can_be_turned_off_for_the_page() {
    let Some((app, _provider)) = site(&[]) else { return };
    let mut window = Window::on(&app);
    let page = window.get("/sign-in").is(200);
    says(&page, "<details><summary>Sign in with a token</summary>");
    let token = app.demo.token("csilla").to_owned();
    window.post("/sign-in", "/sign-in/token", &[("token", &token)]).is(303);
    window.get("/").is(200);

    let Some((app, _provider)) = site(&[("LOCKBOX_CONSOLE__TOKEN_SIGN_IN", "false")]) else { return };
    let mut window = Window::on(&app);
    let page = window.get("/sign-in").is(200);
    assert!(!page.text().contains("oken"), "{}", page.text());
    let token = app.demo.token("csilla").to_owned();
    window.post("/sign-in", "/sign-in/token", &[("token", &token)]).is(404);
    app.authority("csilla").get("/v1/access-requests").is(200);
    says(&window.sign_in(CSILLA), CSILLA);
    // Nor does a session that a token had opened go on.
    app.change_notes(NoteKind::Session, |session| {
        session["method"] = json!("token");
        session["token"] = json!(lockbox::identity::tokens::hex(&lockbox::identity::tokens::hash(&token)));
    });
    window.get("/").is(303);
}

#[test]
fn what_goes_wrong_there_is_said_here() {
    let Some((app, provider)) = site(&[]) else { return };
    let mut window = Window::on(&app).in_language("hu");
    let leaving = window.leave("/", false).is(200);
    let back = window.prove_by(&leaving, "cancel=1");
    says(&window.arrive(&back).is(403), "A bejelentkezési szolgáltatás nem engedte be (access_denied).");
    assert!(!window.cookies.contains_key(FLOW));

    let wrong = settings(&provider, &[("LOCKBOX_IDENTITY__OIDC__ISSUER", "http://127.0.0.1:9")]);
    let app = TestApp::start_with(wrong);
    let unheard = Window::on(&app).leave("/requests", false).is(503);
    says(&unheard, "cannot be reached right now");
    says(&unheard, "href=\"/sign-in?return=%2Frequests\"");

    let app = TestApp::start_with(Settings::default());
    let mut window = Window::on(&app);
    assert!(!window.get("/sign-in").is(200).text().contains("/sign-in/oidc"));
    window.post("/sign-in", "/sign-in/oidc", &[]).is(404);
    window.get("/sign-in/callback?code=x&state=y").is(404);
}
