//! What an authenticator says is taken when all of it fits, and refused for each thing that does not.

use super::software::Software;
use super::*;
use serde_json::{Value, json};

const CHALLENGE: &[u8] = b"what was asked";

fn site() -> Site {
    Site::of("https://lockbox.example").unwrap()
}

fn registration(software: &Software, change: impl Fn(&mut Value)) -> Result<Registered, Refused> {
    let mut client_data = software.client_data("webauthn.create", CHALLENGE);
    change(&mut client_data);
    registered(&site(), CHALLENGE, client_data.to_string().as_bytes(), &software.data(true))
}

fn assertion(software: &Software, change: impl Fn(&mut Value)) -> Result<u32, Refused> {
    let key = registration(software, |_| {})
        .unwrap_or_else(|_| registration(&Software::of(Algorithm::Es256, site()), |_| {}).unwrap())
        .key;
    let mut client_data = software.client_data("webauthn.get", CHALLENGE);
    change(&mut client_data);
    let client_data = client_data.to_string().into_bytes();
    let authenticator_data = software.data(false);
    let signature = software.sign(&client_data, &authenticator_data);
    asserted(&site(), CHALLENGE, &key, &Assertion { client_data, authenticator_data, signature })
}

#[test]
fn every_algorithm_registers_and_confirms() {
    for algorithm in Algorithm::ALL {
        let software = Software::of(algorithm, site());
        let made = registration(&software, |_| {}).unwrap();
        assert_eq!((made.credential_id.as_slice(), made.counter), (b"credential".as_slice(), 1));
        assert_eq!(made.key.algorithm, algorithm);
        assert_eq!(assertion(&software, |_| {}), Ok(1), "{algorithm:?}");
        // Another key of the same kind, and another byte of anything, is refused.
        let other = registration(&Software::of(algorithm, site()), |_| {}).unwrap().key;
        let good = software.assert(CHALLENGE);
        assert_eq!(asserted(&site(), CHALLENGE, &other, &good), Err(Refused::Signature));
        let mut changed = good.clone();
        *changed.signature.last_mut().unwrap() ^= 1;
        assert_eq!(asserted(&site(), CHALLENGE, &made.key, &changed), Err(Refused::Signature));
        let mut changed = good.clone();
        *changed.authenticator_data.last_mut().unwrap() ^= 1;
        assert_eq!(asserted(&site(), CHALLENGE, &made.key, &changed), Err(Refused::Signature));
        let mut changed = good;
        changed.client_data.push(b' ');
        assert_eq!(asserted(&site(), CHALLENGE, &made.key, &changed), Err(Refused::Signature));
    }
}

#[test]
fn what_the_browser_says_has_to_fit() {
    type Change = fn(&mut Value);
    let cases: [(Change, Refused); 8] = [
        (|said| said["type"] = json!("payment.get"), Refused::Type),
        (|said| said["challenge"] = json!("b3RoZXI"), Refused::Challenge),
        (|said| said["challenge"] = json!(""), Refused::Challenge),
        (|said| said["origin"] = json!("https://lockbox.example.evil.example"), Refused::Origin),
        (|said| said["origin"] = json!("http://lockbox.example"), Refused::Origin),
        (|said| said["crossOrigin"] = json!(true), Refused::Origin),
        (|said| said["origin"] = Value::Null, Refused::ClientData),
        (|said| said["padding"] = json!("x".repeat(PART_BYTES_MAX)), Refused::TooLong),
    ];
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let software = Software::of(algorithm, site());
        for (change, refused) in cases {
            assert_eq!(registration(&software, change), Err(refused));
            assert_eq!(assertion(&software, change), Err(refused));
        }
        // One is not taken for the other.
        assert_eq!(registration(&software, |said| said["type"] = json!("webauthn.get")), Err(Refused::Type));
        assert_eq!(assertion(&software, |said| said["type"] = json!("webauthn.create")), Err(Refused::Type));
    }
    let twice = br#"{"type":"webauthn.create","challenge":"x","challenge":"y","origin":"z"}"#;
    assert_eq!(registered(&site(), CHALLENGE, twice, &[]), Err(Refused::ClientData));
}

#[test]
fn what_the_authenticator_says_has_to_fit() {
    let with = |change: fn(&mut Software)| {
        let mut software = Software::of(Algorithm::Es256, site());
        change(&mut software);
        (registration(&software, |_| {}), assertion(&software, |_| {}))
    };
    let refused = |why| (Err(why), Err(why));
    assert_eq!(with(|software| software.flags = VERIFIED), refused(Refused::NotPresent));
    assert_eq!(with(|software| software.flags = PRESENT), refused(Refused::NotVerified));
    assert_eq!(with(|software| software.flags = 0), refused(Refused::NotPresent));
    assert_eq!(with(|software| software.site.rp_id = "example".to_owned()), refused(Refused::RpId));
    assert_eq!(with(|software| software.id.clear()).0, Err(Refused::NoCredential));
    assert_eq!(with(|software| software.id = vec![1; 1024]).0, Err(Refused::NoCredential));

    let software = Software::of(Algorithm::Es256, site());
    let client_data = software.client_data("webauthn.create", CHALLENGE).to_string();
    let made = |data: &[u8]| registered(&site(), CHALLENGE, client_data.as_bytes(), data);
    let whole = software.data(true);
    for length in 0..whole.len() {
        assert!(made(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
    }
    assert_eq!(made(&software.data(false)), Err(Refused::NoCredential));
    assert_eq!(made(&[whole.as_slice(), &[0xa0]].concat()), Err(Refused::AuthenticatorData), "no extensions said");
    let mut other_key = whole.clone();
    let at = whole.len() - 77 + 4;
    assert_eq!(other_key[at], 0x26, "the algorithm");
    other_key[at] = 0x38;
    assert_eq!(made(&other_key), Err(Refused::Key));
    assert_eq!(made(&vec![0; PART_BYTES_MAX + 1]), Err(Refused::TooLong));
    // A signature over data that were never looked into proves nothing.
    let mut short = software.assert(CHALLENGE);
    short.authenticator_data.truncate(36);
    short.signature = software.sign(&short.client_data, &short.authenticator_data);
    let key = made(&whole).unwrap().key;
    assert_eq!(asserted(&site(), CHALLENGE, &key, &short), Err(Refused::AuthenticatorData));
}

#[test]
fn a_key_of_another_kind_is_no_key() {
    let software = Software::of(Algorithm::EdDsa, site());
    let key = registration(&software, |_| {}).unwrap().key;
    let named_wrong = PublicKey { algorithm: Algorithm::Es256, ..key };
    assert_eq!(asserted(&site(), CHALLENGE, &named_wrong, &software.assert(CHALLENGE)), Err(Refused::Key));
}

#[test]
fn a_counter_only_goes_on() {
    for (before, now, fine) in [(0, 0, true), (0, 1, true), (1, 2, true), (1, 1, false), (2, 1, false), (1, 0, false)] {
        assert_eq!(counted(before, now).is_ok(), fine, "{now} after {before}");
    }
}

#[test]
fn sites_are_where_browsers_have_passkeys() {
    let of = |url| Site::of(url).map(|site| (site.origin, site.rp_id));
    let some = |origin: &str, rp_id: &str| Some((origin.to_owned(), rp_id.to_owned()));
    assert_eq!(of("https://Lockbox.Example/"), some("https://lockbox.example", "lockbox.example"));
    assert_eq!(of("https://lockbox.example:443"), some("https://lockbox.example", "lockbox.example"));
    assert_eq!(of("https://lockbox.example:8443"), some("https://lockbox.example:8443", "lockbox.example"));
    assert_eq!(of("http://localhost:18180"), some("http://localhost:18180", "localhost"));
    for url in [
        "http://lockbox.example",
        "https://127.0.0.1",
        "http://[::1]:80",
        "https://",
        "lockbox",
        "ftp://x",
        "https://a:b",
    ] {
        assert_eq!(of(url), None, "{url}");
    }
}
