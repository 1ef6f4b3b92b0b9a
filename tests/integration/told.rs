//! Who is told of what, from a person's step to the mail server and the program that is called: the whole
//! way, with a mail server and a receiver of another make.

use crate::app::{Settings, TestApp};
use crate::python::Program;
use crate::steps::{ana_reads, eventually, wish};
use lockbox::clock::SeededIds;
use lockbox::policy::bundle::{PrivateKey, put_whole};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

/// The world outside: a mail server and a receiver of webhooks.
pub(crate) struct Outside {
    dir: TempDir,
    mail: Program,
    hooks: Program,
}

impl Outside {
    pub(crate) fn there() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [mail, hooks] = ["mail", "hooks"].map(|name| dir.path().join(name));
        std::fs::create_dir_all(&mail).unwrap();
        std::fs::create_dir_all(&hooks).unwrap();
        let server = json!({"dir": mail, "tls": "tls", "users": {"lockbox": "correct horse"}});
        let key = PrivateKey::generate(&SeededIds::new(5)).unwrap().to_pem().unwrap();
        put_whole(&hooks.join("key.pem"), key.as_bytes(), 0o600).unwrap();
        std::fs::write(mail.join("password"), "correct horse\n").unwrap();
        Self {
            mail: Program::start("smtp_server", &server),
            hooks: Program::start("webhook_receiver", &json!({"dir": hooks})),
            dir,
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        let (mail, hooks) = (self.dir.path().join("mail"), self.dir.path().join("hooks"));
        let (mail, hooks) = (mail.display(), hooks.display());
        Settings::default().and_toml(&format!(
            "[mail]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"tls\"\nca_file = \"{mail}/ca.pem\"\nusername = \"lockbox\"\n\
             password_file = \"{mail}/password\"\nfrom = \"lockbox@provider.example\"\nretry_first_s = 1\nattempts_max = 2\n\n\
             [webhooks]\nsigning_key_file = \"{hooks}/key.pem\"\nca_file = \"{hooks}/ca.pem\"\n\
             allow_networks = [\"127.0.0.0/8\"]\n",
            self.mail.said["port"]
        ))
    }

    fn hook(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.hooks.said["port"])
    }

    fn got(&self, what: &str) -> Vec<Value> {
        let read = |number: u32| std::fs::read(self.dir.path().join(what).join(format!("{number}.json"))).ok();
        (1..).map_while(read).map(|text| serde_json::from_slice(&text).unwrap()).collect()
    }

    /// Mails so far: recipient, subject, plain text.
    pub(crate) fn mails(&self) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mail =
            |mail: &Value| (text(&mail["to"][0]), text(&mail["headers"]["Subject"]), text(&mail["parts"][0]["text"]));
        self.got("mail").iter().map(mail).collect()
    }
}

fn outbox(app: &TestApp) -> Vec<Value> {
    app.authority("otto").get("/v1/outbox").is(200).json()["items"].as_array().unwrap().clone()
}

fn all_done(app: &TestApp) -> Vec<Value> {
    let none_waits = |items: &Vec<Value>| !items.is_empty() && items.iter().all(|item| item["state"] != "waiting");
    eventually("nothing waits in the outbox", || outbox(app), none_waits)
}

fn keys_for(path: &Path, app: &TestApp) {
    let keys = app.client(app.addresses.authority, "").get("/.well-known/lockbox-webhook-keys").is(200).json();
    std::fs::write(path, keys.to_string()).unwrap();
}

#[test]
fn the_story_is_told_to_those_it_concerns_in_their_language_and_to_their_program() {
    let outside = Outside::there();
    let app = TestApp::start_with(outside.settings());
    keys_for(&outside.dir.path().join("hooks/jwks.json"), &app);
    let settings = json!({
        "language": "hu", "time_zone": "Europe/Budapest", "notify": ["security@contoso.example"],
        "webhooks": { "siem": outside.hook("/200") },
    });
    app.set_tenant("csilla", "contoso", &settings).is(200);
    let id = app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    eventually(
        "the first use is on record",
        || app.show("csilla", &id).text(),
        |_| {
            let events = app.authority("csilla").get(&format!("/v1/access-requests/{id}/events")).is(200).json();
            events["items"].as_array().unwrap().iter().any(|event| event["kind"] == "first_used")
        },
    );
    app.end("ana", &id, "close").is(200);
    all_done(&app);
    let mails = outside.mails();
    let of = |who: &str| -> Vec<&str> {
        let of = mails.iter().filter(|(to, ..)| to == who);
        of.map(|(_, subject, _)| subject.as_str()).collect()
    };
    for (_, subject, text) in &mails {
        assert!(subject.contains(&id) && text.contains(&id), "each names its request: {subject}\n{text}");
    }
    // Pending may be moot by the time it is sent, for the test answers faster than anybody would.
    assert!(of("csilla@contoso.example").len() >= 3, "decided, first use, receipt: {mails:#?}");
    assert!(of("dora@contoso.example").len() >= 3, "no longer needed, first use, receipt");
    assert!(of("security@contoso.example").len() >= 3);
    assert_eq!(of("ana@provider.example").len(), 2, "approved, ended: {mails:#?}");
    let receipt = mails.iter().rfind(|(to, ..)| to == "csilla@contoso.example").unwrap();
    assert!(receipt.2.contains("adele@contoso.example"), "the receipt names what was touched: {}", receipt.2);
    assert!(mails.iter().any(
        |(to, _, text)| to == "csilla@contoso.example" && text.contains("Europe/Budapest") || text.contains("CET")
    ));
    let calls = outside.got("hooks");
    let events: Vec<&str> = calls.iter().filter_map(|call| call["headers"]["lockbox-event"].as_str()).collect();
    assert!(events.len() >= 3, "{events:?}");
    for call in &calls {
        assert_eq!(call["problem"], Value::Null, "signed by a published key: {call:#}");
    }
}

#[test]
fn what_cannot_be_delivered_is_tried_again_given_up_seen_and_sent_again() {
    let outside = Outside::there();
    let app = TestApp::start_with(outside.settings());
    keys_for(&outside.dir.path().join("hooks/jwks.json"), &app);
    app.set_tenant(
        "csilla",
        "contoso",
        &json!({ "webhooks": { "gone": outside.hook("/410"), "busy": outside.hook("/503") } }),
    )
    .is(200);
    let id = app.submit("ana", &wish());
    app.review("rita", &id, "approve").is(200);
    let tried = |items: &Vec<Value>| {
        let is = |name: &str, state: &str| {
            items.iter().any(|item| {
                item["to"] == format!("webhook:{name}") && item["state"] == state && item["last_error"] != Value::Null
            })
        };
        is("gone", "dead") && is("busy", "waiting")
    };
    let items = eventually("both were tried", || outbox(&app), tried);
    let hook = |name: &str| items.iter().find(|item| item["to"] == format!("webhook:{name}")).unwrap().clone();
    assert_eq!((hook("gone")["state"].as_str(), hook("gone")["attempts"].as_u64()), (Some("dead"), Some(1)));
    // The defaults of webhooks try for hours: it still waits, and says why.
    let busy = hook("busy");
    assert!(busy["last_error"].as_str().unwrap().contains("503"), "{busy}");
    let metrics = || app.operations().get("/metrics").is(200).text();
    let metrics = eventually("dead letters are counted", metrics, |text| text.contains("lockbox_outbox_dead 1"));
    assert!(metrics.contains("lockbox_notices_total{channel=\"webhook\",outcome=\"dead\"} 1"));
    let number = hook("gone")["number"].as_u64().unwrap();
    let path = format!("/v1/outbox/{number}/send-again");
    app.authority("dora").post(&path, &json!({})).is(403);
    app.authority("felix").post(&path, &json!({})).is(404);
    app.authority("ana").post(&path, &json!({})).is(404);
    app.set_tenant("csilla", "contoso", &json!({ "webhooks": { "gone": outside.hook("/200") } })).is(200);
    assert_eq!(app.authority("csilla").post(&path, &json!({})).is(200).json()["state"], "waiting");
    eventually(
        "it is sent this time",
        || outbox(&app),
        |items| items.iter().any(|item| item["number"] == number && item["state"] == "sent"),
    );
}
