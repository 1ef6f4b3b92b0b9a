//! The page as a browser opens it, with as much of a browser as its rules about cookies take, and the whole
//! way to the provider and back.

use crate::app::{Settings, TestApp, write_private};
use crate::provider::{Browser, Led, Provider};
use crate::steps::eventually;
use crate::wire::{Client, Reply};
use std::collections::BTreeMap;

/// Where the issuer sends people back to; nothing listens there, the test carries them over.
pub(crate) const PUBLIC_URL: &str = "http://127.0.0.1:18180";
/// The cookie of a session.
pub(crate) const SESSION: &str = "__Host-lockbox";
/// The cookie of a sign-in on its way.
pub(crate) const FLOW: &str = "__Host-lockbox-flow";

/// An app that signs people in at a provider; `None` without node.
pub(crate) fn site(more: &[(&str, &str)]) -> Option<(TestApp, Provider)> {
    let provider = Provider::start()?;
    let app = TestApp::start_with(settings(&provider, more));
    // The issuer's description is read in the background.
    eventually("signing in", || Window::on(&app).leave("/", false).status, |status| *status == 200);
    Some((app, provider))
}

/// The settings of an app whose people sign in at this provider. The secret lies beside the people's file.
pub(crate) fn settings(provider: &Provider, more: &[(&str, &str)]) -> Settings {
    let secret = provider.dir().join("secret");
    write_private(&secret, &provider.client_secret);
    let env = [
        ("LOCKBOX_AUTHORITY__PUBLIC_URL", PUBLIC_URL),
        ("LOCKBOX_IDENTITY__OIDC__ISSUER", &provider.issuer),
        ("LOCKBOX_IDENTITY__OIDC__CLIENT_ID", &provider.client_id),
        ("LOCKBOX_IDENTITY__OIDC__CLIENT_SECRET_FILE", secret.to_str().unwrap()),
        ("LOCKBOX_IDENTITY__OIDC__ALGORITHMS", "[\"ES256\"]"),
        ("LOCKBOX_IDENTITY__OIDC__CLAIMS__TENANT", "tenant"),
    ];
    Settings::of(&[&env, more].concat())
}

/// A window of a browser of its own.
pub(crate) struct Window {
    client: Client,
    pub(crate) cookies: BTreeMap<String, String>,
    /// The same browser at the provider.
    pub(crate) elsewhere: Browser,
}

impl Window {
    pub(crate) fn on(app: &TestApp) -> Self {
        Self {
            client: Client::anonymous(app.addresses.authority).with("Accept", "text/html"),
            cookies: BTreeMap::new(),
            elsewhere: Browser::default(),
        }
    }

    pub(crate) fn in_language(mut self, tag: &str) -> Self {
        self.client = self.client.with("Accept-Language", tag);
        self
    }

    fn with_cookies(&self, sent: impl Fn(&str) -> bool) -> Client {
        let pairs = self.cookies.iter().filter(|(name, _)| sent(name));
        let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { self.client.clone() } else { self.client.with("Cookie", &pairs.join("; ")) }
    }

    fn keep(&mut self, reply: Reply) -> Reply {
        for set in set_cookies(&reply) {
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            if set.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }

    /// Opens a page from one of this site.
    pub(crate) fn get(&mut self, path: &str) -> Reply {
        let reply = self.with_cookies(|_| true).get(path);
        self.keep(reply)
    }

    /// Is sent here by another site: only cookies that are not `Strict` come along.
    pub(crate) fn arrive(&mut self, path: &str) -> Reply {
        let reply = self.with_cookies(|name| name == FLOW).get(path);
        self.keep(reply)
    }

    /// Sends the form of the page at `page`, with its token.
    pub(crate) fn post(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        let csrf = csrf(&self.get(page)).to_owned();
        self.post_with(path, &[&[("csrf", csrf.as_str())], fields].concat(), &[("Sec-Fetch-Site", "same-origin")])
    }

    /// Sends exactly these fields and headers.
    pub(crate) fn post_with(&mut self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Reply {
        let client = headers.iter().fold(self.with_cookies(|_| true), |client, (name, value)| client.with(name, value));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let reply = client.post_bytes_as("POST", path, "application/x-www-form-urlencoded", body.as_bytes());
        self.keep(reply)
    }

    /// Begins a sign-in; gives the page that leads to the provider.
    pub(crate) fn leave(&mut self, back: &str, again: bool) -> Reply {
        let fields = [("return", back), ("again", "1")];
        self.post("/sign-in", "/sign-in/oidc", &fields[..if again { 2 } else { 1 }])
    }

    /// Proves at the provider who he is; gives path and query of the address that leads back here.
    #[track_caller]
    pub(crate) fn prove(&mut self, leaving: &Reply, person: &str) -> String {
        self.prove_by(leaving, &format!("login={person}"))
    }

    /// The same with any form of the provider's page.
    #[track_caller]
    pub(crate) fn prove_by(&mut self, leaving: &Reply, form: &str) -> String {
        let led = self.elsewhere.open(&onward(leaving), PUBLIC_URL);
        let Led::Page { url, status: 200 } = led else { panic!("nobody was asked: {led:?}") };
        let led = self.elsewhere.submit(&url, form, PUBLIC_URL);
        let Led::Back(url) = led else { panic!("not sent back: {led:?}") };
        url.strip_prefix(PUBLIC_URL).unwrap().to_owned()
    }

    /// Signs in, from the page of it to the page after it.
    #[track_caller]
    pub(crate) fn sign_in(&mut self, person: &str) -> Reply {
        let leaving = self.leave("/", false).is(200);
        let back = self.prove(&leaving, person);
        let arrived = self.arrive(&back).is(200);
        let next = onward(&arrived);
        self.get(&next).is(200)
    }
}

/// The token of the forms of a page.
#[track_caller]
pub(crate) fn csrf(reply: &Reply) -> String {
    between(&reply.text(), "name=\"csrf\" value=\"", "\"").expect("a form").to_owned()
}

/// Where a page leads by itself.
#[track_caller]
pub(crate) fn onward(reply: &Reply) -> String {
    let text = reply.text();
    let url = between(&text, "http-equiv=\"refresh\" content=\"0; url=", "\"").expect("a page that goes on");
    assert!(text.contains(&format!("<a class=\"button\" href=\"{url}\">")), "and by a link: {text}");
    assert!(!text.contains("<form"), "no form, for its token would be no good: {text}");
    url.replace("&#38;", "&")
}

/// What stands between two texts.
pub(crate) fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    text.split_once(before)?.1.split_once(after).map(|(between, _)| between)
}

/// Every cookie that an answer sets.
pub(crate) fn set_cookies(reply: &Reply) -> Vec<&str> {
    reply.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str()).collect()
}
