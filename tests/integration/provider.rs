//! A real OpenID Connect provider (`tests/browser/provider.mjs`) as a process of its own, with the demo's
//! cast, and as much of a browser as signing in there takes.

use crate::node::{browser_dir, node_modules_are_there};
use lockbox::demo::PEOPLE;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// How many addresses a browser is sent on to at most.
const STEPS_MAX: usize = 20;

/// A running provider; ends with the value.
pub(crate) struct Provider {
    child: Child,
    // Held for its end: the people's file goes when the provider does.
    people: TempDir,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

impl Provider {
    /// Starts it on a free port; `None`, said loudly, where there is no node.
    pub(crate) fn start() -> Option<Self> {
        Self::start_at("127.0.0.1")
    }

    /// The same by this name of the loopback address.
    pub(crate) fn start_at(host: &str) -> Option<Self> {
        if !node_modules_are_there("signing in") {
            return None;
        }
        let people = tempfile::tempdir().unwrap();
        let path = people.path().join("people.json");
        std::fs::write(&path, json!({ "people": cast() }).to_string()).unwrap();
        let mut node = Command::new("node");
        node.arg(browser_dir().join("provider.mjs"))
            .args(["--host", host, "--people"])
            .arg(&path)
            .stderr(Stdio::null());
        // It ends when its input does: also when this process is killed.
        let mut child = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).expect("the provider says where it listens");
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        let (issuer, client_id, client_secret) = (text("issuer"), text("client_id"), text("client_secret"));
        Some(Self { child, people, issuer, client_id, client_secret })
    }

    /// A folder that goes when the provider does.
    pub(crate) fn dir(&self) -> &Path {
        self.people.path()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _nobody_asks = self.child.wait();
    }
}

fn cast() -> Map<String, Value> {
    let person = |(name, id, roles, tenant): &(&str, &str, &[lockbox::domain::Role], Option<&str>)| {
        let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        ((*name).to_owned(), json!({ "id": id, "roles": roles, "tenant": tenant }))
    };
    PEOPLE.iter().map(person).collect()
}

/// Follows redirects and keeps the cookies of one host; no more.
#[derive(Default)]
pub(crate) struct Browser {
    cookies: BTreeMap<String, String>,
}

/// Where following redirects led.
#[derive(Debug)]
pub(crate) enum Led {
    /// Off the provider, to this address.
    Back(String),
    /// To a page of the provider.
    Page { url: String, status: u16 },
}

impl Browser {
    /// Opens `url` and goes where it is sent, until a page or an address with `back` at its beginning.
    pub(crate) fn open(&mut self, url: &str, back: &str) -> Led {
        self.follow(url, None, back)
    }

    /// Sends the form of the page at `url`.
    pub(crate) fn submit(&mut self, url: &str, form: &str, back: &str) -> Led {
        self.follow(url, Some(form), back)
    }

    fn follow(&mut self, url: &str, mut form: Option<&str>, back: &str) -> Led {
        let mut url = url.to_owned();
        for _ in 0..STEPS_MAX {
            if url.starts_with(back) {
                return Led::Back(url);
            }
            let (status, location) = self.ask(&url, form.take());
            match location {
                Some(location) if location.starts_with('/') => {
                    let host: String = url.split_inclusive('/').take(3).collect();
                    url = format!("{}{location}", host.trim_end_matches('/'));
                }
                Some(location) => url = location,
                None => return Led::Page { url, status },
            }
        }
        panic!("sent on and on, at last to {url}");
    }

    fn ask(&mut self, url: &str, form: Option<&str>) -> (u16, Option<String>) {
        let config = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build();
        let agent = ureq::Agent::from(config);
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let response = match form {
            None => agent.get(url).header("cookie", &cookies).call(),
            Some(form) => {
                agent.post(url).header("cookie", &cookies).content_type("application/x-www-form-urlencoded").send(form)
            }
        };
        let response = response.unwrap();
        for set in response.headers().get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = response.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
        (response.status().as_u16(), location)
    }
}
