//! HTTP Message Signatures (RFC 9421) with Ed25519 over a delivery, with the digest of its body (RFC 9530),
//! and the public key as a JWK set (RFC 7517, RFC 8037).

use super::Delivery;
use crate::domain::Timestamp;
use crate::policy::bundle::{PrivateKey, PublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// The content type of every delivery.
pub(super) const CONTENT_TYPE: &str = "application/json";
/// What the signature is for: one of another purpose, by the same key, is none here (RFC 9421 §2.3).
const TAG: &str = "lockbox-webhook";
/// The label of the signature among others that somebody on the way might add.
const LABEL: &str = "lockbox";

/// The headers that make a delivery a signed one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signed {
    /// `Content-Digest`.
    pub(super) digest: String,
    /// `Signature-Input`.
    pub(super) input: String,
    /// `Signature`.
    pub(super) signature: String,
}

/// Signs method, URL, body, type, id and event of a delivery, as made at `now`.
pub(super) fn sign(delivery: &Delivery, key: &PrivateKey, key_id: &str, now: Timestamp, nonce: [u8; 16]) -> Signed {
    let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(delivery.body.as_bytes())));
    let components = [
        ("@method", "POST"),
        ("@target-uri", &delivery.url),
        ("content-digest", &digest),
        ("content-type", CONTENT_TYPE),
        ("webhook-id", &delivery.id),
        ("lockbox-event", &delivery.event),
    ];
    let created = now.as_ms().div_euclid(1000);
    let nonce = URL_SAFE_NO_PAD.encode(nonce);
    let parameters = format!("created={created};keyid=\"{key_id}\";alg=\"ed25519\";nonce=\"{nonce}\";tag=\"{TAG}\"");
    let (parameters, base) = base(&components, &parameters);
    let signature = STANDARD.encode(key.sign(base.as_bytes()));
    Signed { input: format!("{LABEL}={parameters}"), signature: format!("{LABEL}=:{signature}:"), digest }
}

/// The signature parameters with the list of what is covered, and the text that is signed (RFC 9421 §2.5).
/// Values are single lines: a URL without spaces, tokens, and what this file made.
fn base(components: &[(&str, &str)], parameters: &str) -> (String, String) {
    let names: Vec<String> = components.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let parameters = format!("({});{parameters}", names.join(" "));
    let mut base: String = components.iter().map(|(name, value)| format!("\"{name}\": {value}\n")).collect();
    base.push_str(&format!("\"@signature-params\": {parameters}"));
    (parameters, base)
}

/// The name of a key: its JWK thumbprint (RFC 7638).
pub(super) fn key_id(key: &PublicKey) -> String {
    let canonical = format!("{{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"{}\"}}", x(key));
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical.as_bytes()))
}

/// The key as a JWK set.
pub(super) fn key_set(key: &PublicKey) -> String {
    let id = key_id(key);
    let key = serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": x(key), "kid": id, "use": "sig"});
    serde_json::json!({ "keys": [key] }).to_string()
}

fn x(key: &PublicKey) -> String {
    URL_SAFE_NO_PAD.encode(key.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::OpenOptionsExt as _;

    /// `test-key-ed25519` of RFC 9421, appendix B.1.4.
    fn key() -> PrivateKey {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n\
                   -----END PRIVATE KEY-----\n";
        std::io::Write::write_all(&mut file, pem.as_bytes()).unwrap();
        PrivateKey::read(&path).unwrap()
    }

    /// RFC 9421, appendix B.2.6. Ed25519 has one signature for one text and key, so it can be compared.
    #[test]
    fn the_example_of_the_standard_is_signed_as_in_the_standard() {
        let components = [
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("@method", "POST"),
            ("@path", "/foo"),
            ("@authority", "example.com"),
            ("content-type", "application/json"),
            ("content-length", "18"),
        ];
        let (parameters, base) = base(&components, "created=1618884473;keyid=\"test-key-ed25519\"");
        assert_eq!(
            parameters,
            "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
             ;created=1618884473;keyid=\"test-key-ed25519\""
        );
        assert!(base.ends_with(&format!("\"content-length\": 18\n\"@signature-params\": {parameters}")), "{base}");
        assert_eq!(
            STANDARD.encode(key().sign(base.as_bytes())),
            "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
        );
    }

    #[test]
    fn a_delivery_is_signed_over_where_it_goes_and_every_byte() {
        let delivery = Delivery {
            url: "https://contoso.example/hook?x=1".into(),
            body: "{\"hello\": \"world\"}".into(),
            id: "notice-17".into(),
            event: "pending".into(),
        };
        let at = |delivery: &Delivery, now| sign(delivery, &key(), "k", Timestamp::from_ms(now), [7; 16]);
        let signed = at(&delivery, 1_618_884_473_999);
        // RFC 9530, appendix D has the digest of this very body.
        assert_eq!(signed.digest, "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:");
        assert_eq!(
            signed.input,
            "lockbox=(\"@method\" \"@target-uri\" \"content-digest\" \"content-type\" \"webhook-id\" \"lockbox-event\")\
             ;created=1618884473;keyid=\"k\";alg=\"ed25519\";nonce=\"BwcHBwcHBwcHBwcHBwcHBw\";tag=\"lockbox-webhook\""
        );
        assert_eq!(signed, at(&delivery, 1_618_884_473_000));
        let mut signatures = std::collections::BTreeSet::from([signed.signature]);
        for other in [
            Delivery { url: "https://contoso.example/hook?x=2".into(), ..delivery.clone() },
            Delivery { body: "{\"hello\": \"World\"}".into(), ..delivery.clone() },
            Delivery { id: "notice-18".into(), ..delivery.clone() },
            Delivery { event: "ended".into(), ..delivery.clone() },
        ] {
            assert!(signatures.insert(at(&other, 1_618_884_473_999).signature), "{other:?}");
        }
        assert!(signatures.insert(at(&delivery, 1_618_884_474_000).signature));
    }

    #[test]
    fn the_key_is_published_under_its_thumbprint() {
        // RFC 8037, appendix A.2 and A.3.
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
                   -----END PUBLIC KEY-----\n";
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pub");
        std::fs::write(&path, pem).unwrap();
        let key = PublicKey::read(&path).unwrap();
        assert_eq!(key_id(&key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let set: serde_json::Value = serde_json::from_str(&key_set(&key)).unwrap();
        assert_eq!(set["keys"][0]["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(set["keys"][0]["kid"], key_id(&key));
        assert!(set["keys"][0].get("d").is_none() && set["keys"].as_array().unwrap().len() == 1);
    }
}
