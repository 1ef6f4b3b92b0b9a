//! Where keys come from, how long they count, and which are none.

use super::super::super::keys::{KeyFile, KeyUrl};
use super::*;

#[test]
fn keys_expire_and_other_keys_are_passed_over() {
    let with = |more: Value| {
        let mut more = more;
        more["kid"] = json!("rsa-1");
        Issuer::publishing(&[jwk(&rsa(), Algorithm::RS256, more), jwk(&ec(), Algorithm::ES256, json!({"kid": "ec-1"}))])
    };
    let token = signed(json!({}));
    for (more, part) in [
        (json!({"exp": NOW_S}), "not valid now"),
        (json!({"exp": NOW_S - 1}), "not valid now"),
        (json!({"nbf": NOW_S + 1}), "not valid now"),
        (json!({"exp": (NOW_S + 9).to_string()}), "does not publish"),
        (json!({"use": "enc"}), "does not publish"),
        (json!({"key_ops": ["sign"]}), "does not publish"),
        (json!({"alg": "HS256"}), "does not publish"),
        (json!({"alg": "RS512"}), "not the key's"),
        (json!({"n": "AQAB"}), "does not publish"),
        (json!({"kty": "oct", "k": "AAAA"}), "does not publish"),
    ] {
        let why = why(&jwts(&with(more.clone())), &token);
        assert!(why.contains(part), "{more}: {why}");
    }
    assert!(jwts(&with(json!({"exp": NOW_S + 1}))).verify(&token, now(), boot()).is_ok());
}

#[test]
fn key_sets_that_are_none_are_refused() {
    let twins = json!({"keys": [jwk(&ec(), Algorithm::ES256, json!({"kid": "a"})), jwk(&rsa(), Algorithm::RS256, json!({"kid": "a"}))]});
    for set in [json!({}), json!([]), json!({"keys": []}), json!({"keys": [{"kty": "oct", "k": "x"}]}), twins] {
        let issuer = Issuer::default();
        issuer.publish(Some(set.clone()));
        let jwts = Jwts::new(settings(), Box::new(issuer)).unwrap();
        assert!(matches!(jwts.tend(boot()), Some(Tended::KeysKept(_))), "{set}");
        assert_eq!(why(&jwts, &signed(json!({}))), "the issuer's keys are not known or too old");
    }
}

#[test]
fn an_unknown_key_asks_for_one_fetch_and_not_too_soon() {
    let issuer = Issuer::publishing(&[jwk(&ec(), Algorithm::ES256, json!({"kid": "ec-1"}))]);
    let jwts = jwts(&issuer);
    let token = signed(json!({}));
    let after = |seconds: u64| boot().plus(Duration::from_secs(seconds));
    assert_eq!(jwts.tend(after(29)), None);
    for _ in 0..100 {
        assert!(jwts.verify(&token, now(), after(29)).is_err());
        assert_eq!(jwts.tend(after(29)), None);
    }
    let rolled = json!({"keys": [jwk(&rsa(), Algorithm::RS256, json!({"kid": "rsa-1"}))]});
    issuer.publish(Some(rolled));
    assert_eq!(jwts.tend(after(30)), Some(Tended::KeysLoaded(1)));
    assert!(jwts.verify(&token, now(), after(30)).is_ok());
    assert_eq!((jwts.tend(after(329)), issuer.asked()), (None, 2));
    assert_eq!((jwts.tend(after(330)), issuer.asked()), (Some(Tended::KeysLoaded(1)), 3));
}

#[test]
fn a_dead_issuer_keeps_the_old_keys_for_a_while_and_then_none() {
    let issuer = both_keys();
    let jwts = jwts(&issuer);
    issuer.publish(None);
    let token = signed(json!({"exp": NOW_S + 100_000}));
    let after = |seconds: u64| boot().plus(Duration::from_secs(seconds));
    assert!(matches!(jwts.tend(after(3000)), Some(Tended::KeysKept(why)) if why.contains("down")));
    assert!(jwts.verify(&token, now(), after(3599)).is_ok());
    assert_eq!(jwts.verify(&token, now(), after(3600)).unwrap_err().why, "the issuer's keys are not known or too old");
}

#[test]
fn settings_that_would_open_a_door_are_refused() {
    let of = |change: fn(&mut JwtSettings)| {
        let mut settings = settings();
        change(&mut settings);
        Jwts::new(settings, Box::new(Issuer::default())).err()
    };
    assert_eq!(of(|s| s.leeway_s = 61), Some(JwtSettingsError::Leeway));
    assert_eq!(of(|s| s.issuer.clear()), Some(JwtSettingsError::Empty("issuer")));
    assert_eq!(of(|s| s.audience.clear()), Some(JwtSettingsError::Empty("audience")));
    assert_eq!(of(|s| s.algorithms.clear()), Some(JwtSettingsError::Empty("algorithms")));
    assert_eq!(of(|s| s.refresh_min = Duration::ZERO), Some(JwtSettingsError::Refresh));
    assert_eq!(of(|s| s.keep = Duration::from_secs(1)), Some(JwtSettingsError::Refresh));
    assert_eq!(of(|_| ()), None);
}

#[test]
fn claims_may_lie_deeper_and_roles_be_called_otherwise() {
    let settings = JwtSettings {
        roles_claim: "/realm_access/roles".into(),
        roles: BTreeMap::from([("Lockbox.Approve".to_owned(), Role::Approver)]),
        ..settings()
    };
    let jwts = Jwts::new(settings, Box::new(both_keys())).unwrap();
    jwts.tend(boot());
    let token = signed(json!({"realm_access": {"roles": ["Lockbox.Approve", "operator"]}}));
    let person = jwts.verify(&token, now(), boot()).unwrap();
    assert_eq!(person.roles.iter().collect::<Vec<_>>(), [Role::Approver]);
}

#[test]
fn keys_come_from_files_and_safe_addresses_only() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json!({"keys": [jwk(&ec(), Algorithm::ES256, json!({}))]}).to_string()).unwrap();
    let jwts = Jwts::new(settings(), Box::new(KeyFile(file.path().to_owned()))).unwrap();
    assert_eq!(jwts.tend(boot()), Some(Tended::KeysLoaded(1)));
    std::fs::write(file.path(), vec![b' '; 300_000]).unwrap();
    assert!(matches!(KeyFile(file.path().to_owned()).fetch(), Err(KeySetError::Shape(_))));
    for good in ["https://login.example/keys", "http://127.0.0.1:9/keys", "http://[::1]/keys", "http://localhost/"] {
        assert!(KeyUrl::new(good).is_ok(), "{good}");
    }
    for bad in [
        "http://login.example/keys",
        "http://127.0.0.1.evil.example/",
        "file:///etc/passwd",
        "keys",
        "",
        "ftp://127.0.0.1/",
    ] {
        assert!(KeyUrl::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn keys_are_fetched_over_http_and_redirects_are_not_followed() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let source = KeyUrl::new(&format!("http://{}/keys", listener.local_addr().unwrap())).unwrap();
    let server = std::thread::spawn(move || {
        for answer in
            ["200 OK\r\nContent-Length: 2\r\n\r\n{}", "302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"]
        {
            let (mut stream, _) = listener.accept().unwrap();
            let _head = stream.read(&mut [0; 4096]).unwrap();
            write!(stream, "HTTP/1.1 {answer}").unwrap();
        }
    });
    assert_eq!(source.fetch().unwrap(), b"{}");
    assert!(matches!(source.fetch(), Err(KeySetError::Unreadable { .. })));
    server.join().unwrap();
}
