//! What is refused before anything is connected to. Calls that arrive are tried against a receiver of
//! another make, in tests/integration/webhooks.rs.

use super::*;
use crate::clock::SeededIds;

fn sender() -> WebhookSender {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key.pem");
    let key = PrivateKey::generate(&SeededIds::new(3)).unwrap();
    crate::policy::bundle::put_whole(&path, key.to_pem().unwrap().as_bytes(), 0o600).unwrap();
    let config = Webhooks { signing_key_file: Some(path), ..Webhooks::default() };
    WebhookSender::new(&config, Arc::new(SeededIds::new(4))).unwrap().unwrap()
}

fn delivery() -> Delivery {
    Delivery {
        url: "https://127.0.0.1:1/hook".into(),
        body: "{}".into(),
        id: "notice-17".into(),
        event: "pending".into(),
    }
}

async fn refused(delivery: Delivery) -> SendError {
    sender().send(&delivery, Timestamp::from_ms(1_795_339_800_123)).await.unwrap_err()
}

#[tokio::test]
async fn what_can_never_be_called_is_refused_for_good() {
    for url in ["http://contoso.example/", "https://me@contoso.example/", "https://contoso.example"] {
        assert!(refused(Delivery { url: url.into(), ..delivery() }).await.permanent, "{url}");
    }
    for name in ["", "a b", "a\r\nx: y", "é", &"x".repeat(129)] {
        assert!(refused(Delivery { id: name.into(), ..delivery() }).await.permanent, "{name}");
        assert!(refused(Delivery { event: name.into(), ..delivery() }).await.permanent, "{name}");
    }
    assert!(refused(Delivery { body: "x".repeat(BODY_BYTES_MAX + 1), ..delivery() }).await.permanent);
}

#[tokio::test]
async fn a_private_address_is_refused_by_number_and_by_name() {
    for host in ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "[::ffff:7f00:1]"] {
        let error = refused(Delivery { url: format!("https://{host}:1/"), ..delivery() }).await;
        let said = error.why.contains("webhooks.allow_networks") || error.why.contains("has a host");
        assert!(said, "{host}: {error}");
    }
}

#[test]
fn without_a_key_nothing_is_sent_and_a_key_of_others_is_none() {
    assert!(WebhookSender::new(&Webhooks::default(), Arc::new(SeededIds::new(4))).unwrap().is_none());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key.pem");
    std::fs::write(&path, PrivateKey::generate(&SeededIds::new(3)).unwrap().to_pem().unwrap()).unwrap();
    let config = Webhooks { signing_key_file: Some(path.clone()), ..Webhooks::default() };
    let error = WebhookSender::new(&config, Arc::new(SeededIds::new(4))).unwrap_err().to_string();
    assert!(error.contains("webhooks.signing_key_file") && error.contains("chmod 600"), "{error}");
    let config = Webhooks { signing_key_file: None, ca_file: Some(path), ..Webhooks::default() };
    assert!(WebhookSender::new(&config, Arc::new(SeededIds::new(4))).unwrap().is_none());
}

#[test]
fn a_sender_shows_its_public_key_only() {
    let shown = format!("{:?} {}", sender(), sender().key_set());
    let secret = PrivateKey::generate(&SeededIds::new(3)).unwrap().to_pem().unwrap();
    let secret = secret.lines().nth(1).unwrap();
    assert!(!shown.contains(secret) && shown.contains("Ed25519"), "{shown}");
}
