//! Webhooks, called at a receiver of another make over https: that it can prove who called and what was
//! said, and that a receiver can neither send the call elsewhere nor hold it up.

use crate::python::Program;
use lockbox::clock::{SeededIds, SystemIds};
use lockbox::config::{Network, Webhooks};
use lockbox::domain::Timestamp;
use lockbox::notify::{Delivery, SendError, WebhookSender};
use lockbox::policy::bundle::{PrivateKey, put_whole};
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;

fn now() -> Timestamp {
    Timestamp::from_ms(1_795_339_800_123)
}

struct Receiver {
    dir: TempDir,
    program: Program,
}

impl Receiver {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = Program::start("webhook_receiver", &json!({"dir": dir.path()}));
        let key = PrivateKey::generate(&SeededIds::new(5)).unwrap().to_pem().unwrap();
        put_whole(&dir.path().join("key.pem"), key.as_bytes(), 0o600).unwrap();
        Self { dir, program }
    }

    fn settings(&self) -> Webhooks {
        Webhooks {
            signing_key_file: Some(self.dir.path().join("key.pem")),
            ca_file: Some(self.dir.path().join("ca.pem")),
            allow_networks: vec![Network::try_from("127.0.0.0/8".to_owned()).unwrap()],
            ..Webhooks::default()
        }
    }

    fn sender(&self, settings: &Webhooks) -> WebhookSender {
        let sender = WebhookSender::new(settings, Arc::new(SystemIds)).unwrap().unwrap();
        std::fs::write(self.dir.path().join("jwks.json"), sender.key_set()).unwrap();
        sender
    }

    fn delivery(&self, path: &str) -> Delivery {
        Delivery {
            url: format!("https://127.0.0.1:{}{path}", self.program.said["port"]),
            body: json!({"event": "pending", "reason": "Árvíztűrő\r\ntükörfúrógép"}).to_string(),
            id: "notice-17".into(),
            event: "pending".into(),
        }
    }

    async fn refused(&self, path: &str) -> SendError {
        self.sender(&self.settings()).send(&self.delivery(path), now()).await.unwrap_err()
    }

    fn got(&self, number: u32) -> Option<Value> {
        let text = std::fs::read(self.dir.path().join(format!("{number}.json"))).ok()?;
        Some(serde_json::from_slice(&text).unwrap())
    }
}

#[tokio::test]
async fn a_receiver_can_prove_who_called_and_what_was_said() {
    let receiver = Receiver::start();
    let sender = receiver.sender(&receiver.settings());
    for _ in 0..2 {
        sender.send(&receiver.delivery("/200?tenant=contoso&x=%C3%A1"), now()).await.unwrap();
    }
    let [first, second] = [1, 2].map(|number| receiver.got(number).unwrap());
    for got in [&first, &second] {
        assert_eq!((&got["problem"], &got["method"]), (&Value::Null, &json!("POST")), "{got:#}");
        assert_eq!(got["problem_of_another_body"], "the digest is not that of the body");
        assert_eq!(got["path"], "/200?tenant=contoso&x=%C3%A1");
        assert_eq!(got["headers"]["webhook-id"], "notice-17");
        assert_eq!(got["headers"]["lockbox-event"], "pending");
        assert_eq!(got["headers"]["content-type"], "application/json");
        let body: Value = serde_json::from_str(got["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["reason"], "Árvíztűrő\r\ntükörfúrógép");
        assert!(got["headers"].get("authorization").is_none() && got["headers"].get("cookie").is_none());
    }
    // What is sent again has its id, and a nonce of its own.
    assert_ne!(first["headers"]["signature-input"], second["headers"]["signature-input"]);
}

#[tokio::test]
async fn another_key_proves_nothing() {
    let receiver = Receiver::start();
    let sender = receiver.sender(&receiver.settings());
    let other = PrivateKey::generate(&SeededIds::new(6)).unwrap().to_pem().unwrap();
    let path = receiver.dir.path().join("other.pem");
    put_whole(&path, other.as_bytes(), 0o600).unwrap();
    let settings = Webhooks { signing_key_file: Some(path), ..receiver.settings() };
    let stranger = WebhookSender::new(&settings, Arc::new(SystemIds)).unwrap().unwrap();
    stranger.send(&receiver.delivery("/200"), now()).await.unwrap();
    assert_eq!(receiver.got(1).unwrap()["problem"], "no such key");
    // The same, when it claims the other's name.
    let claimed = stranger.key_set().replace(&kid(&stranger), &kid(&sender));
    std::fs::write(receiver.dir.path().join("jwks.json"), sender.key_set()).unwrap();
    assert_ne!(claimed, sender.key_set());
    std::fs::write(receiver.dir.path().join("jwks.json"), claimed).unwrap();
    sender.send(&receiver.delivery("/200"), now()).await.unwrap();
    assert_eq!(receiver.got(2).unwrap()["problem"], "the signature is not by that key over this");
}

fn kid(sender: &WebhookSender) -> String {
    let set: Value = serde_json::from_str(&sender.key_set()).unwrap();
    set["keys"][0]["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn success_gone_and_everything_else_are_told_apart() {
    let receiver = Receiver::start();
    for path in ["/200", "/202", "/204"] {
        receiver.sender(&receiver.settings()).send(&receiver.delivery(path), now()).await.unwrap();
    }
    for (path, permanent) in [("/410", true), ("/400", false), ("/404", false), ("/429", false), ("/500", false)] {
        let error = receiver.refused(path).await;
        assert_eq!(error.permanent, permanent, "{path}: {error}");
        assert!(error.why.contains(path.trim_start_matches('/')), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let receiver = Receiver::start();
    let error = receiver.refused("/302").await;
    assert!(!error.permanent && error.why.contains("302") && error.why.contains("not followed"), "{error}");
    assert!(receiver.got(1).is_some() && receiver.got(2).is_none());
}

#[tokio::test]
async fn a_receiver_cannot_hold_a_delivery_up() {
    let receiver = Receiver::start();
    let hasty = receiver.sender(&Webhooks { timeout_ms: 1000, ..receiver.settings() });
    let error = hasty.send(&receiver.delivery("/hang"), now()).await.unwrap_err();
    assert!(!error.permanent && error.why.contains("timeout"), "{error}");
    // A body without end is not read: its status is all that counts.
    receiver.sender(&receiver.settings()).send(&receiver.delivery("/endless"), now()).await.unwrap();
}

#[tokio::test]
async fn an_address_of_this_host_is_only_called_when_the_operator_allows_it() {
    let receiver = Receiver::start();
    let strict = receiver.sender(&Webhooks { allow_networks: Vec::new(), ..receiver.settings() });
    for host in ["127.0.0.1", "localhost"] {
        let delivery = receiver.delivery("/200");
        let url = delivery.url.replace("127.0.0.1", host);
        let error = strict.send(&Delivery { url, ..delivery }, now()).await.unwrap_err();
        assert!(!error.permanent && error.why.contains("webhooks.allow_networks"), "{host}: {error}");
    }
    assert!(receiver.got(1).is_none());
}

#[tokio::test]
async fn a_receiver_that_cannot_prove_who_it_is_gets_nothing() {
    let (receiver, stranger) = (Receiver::start(), Receiver::start());
    let browsers = Webhooks { ca_file: None, ..receiver.settings() };
    let other = Webhooks { ca_file: Some(stranger.dir.path().join("ca.pem")), ..receiver.settings() };
    for settings in [browsers, other] {
        let error = receiver.sender(&settings).send(&receiver.delivery("/200"), now()).await.unwrap_err();
        assert!(!error.permanent && error.why.contains("certificate"), "{error}");
    }
    assert!(receiver.got(1).is_none());
}
