//! Tokens that must be refused, one by one, beside the one that is taken. The keys are made for these
//! tests and prove nothing anywhere else.

use super::super::keys::{KeySetError, KeySource};
use super::*;
use jsonwebtoken::EncodingKey;
use jsonwebtoken::jwk::Jwk;
use serde_json::json;
use std::sync::atomic::AtomicUsize;

mod key_sets;

const RSA: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC1bELbsOlCw+bd\n\
8EXDW7RGpsoAn/VqprPf2SVfUPTduwDaFPj2AilDbTLYGiy69VSBQLCipPqpzoCp\n\
bmAPju/1mWnxvqjTNCyNyZsFfhAQAJ5GM2pdAy8JK7q/SgTGRKxs7fGYvkfHg20g\n\
tGHqn82dtM8X8W6fBDo5nAaFgqZDNz4RrtkmO7zHw06Y3j89FwYDtDspId8ZY9A5\n\
71XkZRYDl6eRngA8RXaznA0CAqHaOnZTlpz2K2cl5mH3BgH8C8XWZQHgZ2noLP7G\n\
ocihRAIvECyi1Tz1HoGTaoMo4HdzJAkOabuhPlXyKueIXS6HU7EGrpW08V/DH85+\n\
/eSIEC0ZAgMBAAECggEAN7WtWCHclxRqBdfczE8SLinUWNnFtkDHdmMLP1gwQRBG\n\
BDGxe3WRbzOOi96JwsVH9ELFmsQXduJDDwQmOlDVrbC04DeARw676bQxRr/9tbRC\n\
5eKu9C3gmSvU9h2IFswKuI5ehF1V1FWuwn6xnKcCsD1P5JXONsVJDdy0AfZrELNW\n\
0HcdFhsOvuhvE4RsXKCaNFzmFK9taiLiZBzJsgEiAK2fciQjrFBOXw4G88UtCDGY\n\
GXCGPD8i8ifpc5BjOghjfbSLPkPsGtGLCY6hkMZ9BjOQjRLOqHAB9z6Nkf4/w4yX\n\
mXODvklj53fyTwqujSM1LS6cgk0Z2gA0W1eEDuelCwKBgQDm2ChiFYq7MdYPV9sf\n\
gF5DShGiz3/6CVBdIBfWrlXOAHrqlwq4FYaqkFGv6GGmxxEgUJA+O/tBUYSqRiyW\n\
CSFGR+qx39YbFX9gm91Oi/csV71o8Ou+R71kXEXPdACGbvroT7PUcRlPTjBUnQUW\n\
Kv+gMmvOzkAd8BZtUF778xNplwKBgQDJMWXHP4CPlQi0hXnCgxctOWbTvHXVwKMW\n\
GWANCcScK0oS10fEYIYEBaveXX/E7Iu77jfqVbOfDIOcXEbrMjnc9TrN9BLbunS0\n\
7f9+WIqq2US5S0AlZKO/OXb1BV42GwWT5KliIYH0lcwIAhhtImuBlnwjl6tYq23/\n\
J6oAmZIUzwKBgQDSMVyEAw1xae15xwuU4XPzXUw1rS7gYv6z7PcH2XHzw2golyOB\n\
fshCImre+39/Np+XhwPwRvl+/lUIHiGW8/VCY1WGZUQ1IRv8wa9/R97ml3W2Sji9\n\
5+DBs2s1fHDF9+OrCHe8Jsde+Nj1EoyBJOHh4kdb5V1oZSZmntn+G9U/PQKBgC0e\n\
V83EDuekK2yYVkLptQPeUJIBPIewCKLHFAQ4gY/oIVdyUdTXNJaoUu+uFh4qUffW\n\
J1H04DA11Tn2c60A+Xr0v7g6GRSPjuaYTOifoJFJ4iCPoJYCKLqUf3nZN1R44NpW\n\
uCmajBM2mKffGG04/9Ty02oD9FgRMby7v2MdDWZ/AoGBANz6gq8guDoK6o86CE8I\n\
fNdaslvjCpmnuYqveW9VPCJSsI/bJ6i1yu4Q+OqH3tDnr9Z0JcZ1LRaNBMOuCVf5\n\
yAPrFytG4N9UvGAsN2se8/XN8uriswaIMSOsYZSclzSYM19ldPyO7ahqRLV+hkiV\n\
6FTKqo9mPclU5YVQD0lIdJ1W\n\
-----END PRIVATE KEY-----\n\
";
const EC: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgIl343ZpnqfZIXMP+\n\
eprkjMfo+RY5Kja9sgbom4mdS+KhRANCAARTyx52N8FVafy0tgONu9suNhaDzRFK\n\
oqOQz6SbCedRBNYDqLfoWYyjpvIt+SGHlGQ4YHmNghViXuEGNdIdP51W\n\
-----END PRIVATE KEY-----\n\
";

const NOW_S: i64 = 1_795_339_800;

fn now() -> Timestamp {
    Timestamp::from_ms(NOW_S * 1000)
}

fn boot() -> Boot {
    Boot::from_ms(1_000_000)
}

pub(in crate::identity) fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap()
}

pub(in crate::identity) fn ec() -> EncodingKey {
    EncodingKey::from_ec_pem(EC.as_bytes()).unwrap()
}

/// A public key as its issuer would publish it.
pub(in crate::identity) fn jwk(key: &EncodingKey, algorithm: Algorithm, more: Value) -> Value {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap();
    jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    jwk
}

/// A key set that can be exchanged, made unreadable, and counts how often it was asked for.
#[derive(Clone, Default)]
struct Issuer(Arc<(Mutex<Option<Value>>, AtomicUsize)>);

impl Issuer {
    fn publishing(keys: &[Value]) -> Self {
        let issuer = Self::default();
        issuer.publish(Some(json!({ "keys": keys })));
        issuer
    }

    fn publish(&self, set: Option<Value>) {
        *self.0.0.lock().unwrap() = set;
    }

    fn asked(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

impl KeySource for Issuer {
    fn fetch(&self) -> Result<Vec<u8>, KeySetError> {
        self.0.1.fetch_add(1, Ordering::SeqCst);
        let set = self.0.0.lock().unwrap().clone();
        let down = KeySetError::Unreadable { from: "test".into(), why: "down".into() };
        set.map(|set| set.to_string().into_bytes()).ok_or(down)
    }
}

fn settings() -> JwtSettings {
    JwtSettings { tenant_claim: Some("tenant".into()), ..JwtSettings::of("https://login.example", "lockbox") }
}

fn both_keys() -> Issuer {
    Issuer::publishing(&[
        jwk(&rsa(), Algorithm::RS256, json!({"kid": "rsa-1", "use": "sig"})),
        jwk(&ec(), Algorithm::ES256, json!({"kid": "ec-1"})),
    ])
}

fn jwts(issuer: &Issuer) -> Jwts {
    let jwts = Jwts::new(settings(), Box::new(issuer.clone())).unwrap();
    assert!(matches!(jwts.tend(boot()), Some(Tended::KeysLoaded(_))));
    jwts
}

fn claims(change: Value) -> Value {
    let mut claims = json!({
        "iss": "https://login.example", "aud": "lockbox", "sub": "csilla@contoso.example", "tenant": "contoso",
        "roles": ["approver", "unheard_of"], "acr": "phr", "exp": NOW_S + 300, "nbf": NOW_S - 300,
    });
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}

pub(in crate::identity) fn encode(header: &Value, claims: &Value, key: &EncodingKey, algorithm: Algorithm) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), key, algorithm).unwrap();
    format!("{signed}.{signature}")
}

fn signed(change: Value) -> String {
    encode(&json!({"alg": "RS256", "kid": "rsa-1"}), &claims(change), &rsa(), Algorithm::RS256)
}

fn why(jwts: &Jwts, token: &str) -> &'static str {
    jwts.verify(token, now(), boot()).unwrap_err().why
}

#[test]
fn a_good_token_speaks_for_its_person() {
    let jwts = jwts(&both_keys());
    let by_ec =
        encode(&json!({"alg": "ES256", "kid": "ec-1", "typ": "at+JWT"}), &claims(json!({})), &ec(), Algorithm::ES256);
    for token in [signed(json!({})), by_ec, signed(json!({"aud": ["other", "lockbox"], "roles": "approver x"}))] {
        let person = jwts.verify(&token, now(), boot()).unwrap();
        assert_eq!(person.id.as_str(), "csilla@contoso.example");
        assert_eq!(person.roles.iter().collect::<Vec<_>>(), [Role::Approver]);
        assert!(person.is_of(&TenantId::parse("contoso").unwrap(), Role::Approver));
        let authentication = Authentication { method: "jwt", strength: Some("phr".into()), address: None };
        assert_eq!(person.authentication, authentication);
    }
}

#[test]
fn the_algorithm_is_pinned_to_configuration_and_key() {
    let jwts = jwts(&both_keys());
    let public = jwk(&rsa(), Algorithm::RS256, json!({}));
    // The classic: sign with HMAC, using the public key (in whatever form) as the secret.
    for secret in [RSA.as_bytes(), public["n"].as_str().unwrap().as_bytes(), public.to_string().as_bytes()] {
        let key = EncodingKey::from_secret(secret);
        let token = encode(&json!({"alg": "HS256", "kid": "rsa-1"}), &claims(json!({})), &key, Algorithm::HS256);
        assert_eq!(why(&jwts, &token), "the token's algorithm is not taken");
        let lying = encode(&json!({"alg": "RS256", "kid": "rsa-1"}), &claims(json!({})), &key, Algorithm::HS256);
        assert_eq!(why(&jwts, &lying), "the token's signature does not hold");
    }
    for none in ["none", "None", "NONE", "", "rs256", "RS512"] {
        let token = encode(&json!({"alg": none, "kid": "rsa-1"}), &claims(json!({})), &rsa(), Algorithm::RS256);
        assert_eq!(why(&jwts, &token), "the token's algorithm is not taken", "{none}");
    }
    let unsigned = signed(json!({})).rsplit_once('.').unwrap().0.to_owned() + ".";
    assert_eq!(why(&jwts, &unsigned), "the token's signature does not hold");
    let crossed = encode(&json!({"alg": "ES256", "kid": "rsa-1"}), &claims(json!({})), &ec(), Algorithm::ES256);
    assert_eq!(why(&jwts, &crossed), "the token's algorithm is not the key's");
    let hmac = JwtSettings { algorithms: vec![Algorithm::RS256, Algorithm::HS256], ..settings() };
    let refused = Jwts::new(hmac, Box::new(both_keys())).err();
    assert_eq!(refused, Some(JwtSettingsError::Algorithm(Algorithm::HS256)));
}

#[test]
fn a_key_id_is_only_looked_up() {
    let jwts = jwts(&both_keys());
    for kid in ["../../../../dev/null", "file:///etc/passwd", "rsa-1' OR '1'='1", "", "rsa-1\u{0}", "RSA-1"] {
        let token = encode(&json!({"alg": "RS256", "kid": kid}), &claims(json!({})), &rsa(), Algorithm::RS256);
        assert!(why(&jwts, &token).contains("does not publish"), "{kid}");
    }
    let odd = encode(&json!({"alg": "RS256", "kid": 1}), &claims(json!({})), &rsa(), Algorithm::RS256);
    assert_eq!(why(&jwts, &odd), "the token's `kid` is not a string");
    // Two keys and no `kid`: there would be a choice. With one key there is none.
    let nameless = encode(&json!({"alg": "ES256"}), &claims(json!({})), &ec(), Algorithm::ES256);
    assert!(why(&jwts, &nameless).contains("does not publish"));
    let alone = self::jwts(&Issuer::publishing(&[jwk(&ec(), Algorithm::ES256, json!({"kid": "ec-1"}))]));
    assert!(alone.verify(&nameless, now(), boot()).is_ok());
    // A key that the token brings along is not looked at.
    let brought =
        json!({"alg": "RS256", "kid": "other", "jwk": jwk(&rsa(), Algorithm::RS256, json!({})), "jku": "http://x"});
    assert!(why(&jwts, &encode(&brought, &claims(json!({})), &rsa(), Algorithm::RS256)).contains("does not publish"));
}

#[test]
fn every_claim_must_be_right_and_of_the_right_type() {
    let jwts = jwts(&both_keys());
    for (change, part) in [
        (json!({"iss": null}), "another issuer"),
        (json!({"iss": "https://login.example/"}), "another issuer"),
        (json!({"iss": ["https://login.example"]}), "another issuer"),
        (json!({"aud": null}), "another audience"),
        (json!({"aud": "lockbox2"}), "another audience"),
        (json!({"aud": []}), "another audience"),
        (json!({"aud": {"lockbox": true}}), "another audience"),
        (json!({"exp": null}), "no `exp`"),
        (json!({"exp": NOW_S - 31}), "expired"),
        (json!({"exp": (NOW_S + 300).to_string()}), "`exp` is not a whole number"),
        (json!({"exp": f64::from(i32::MAX) + 0.5}), "`exp` is not a whole number"),
        (json!({"exp": 1e15}), "`exp` is not a whole number"),
        (json!({"exp": [NOW_S + 300]}), "`exp` is not a whole number"),
        (json!({"exp": true}), "`exp` is not a whole number"),
        (json!({"exp": -1}), "`exp` is not a whole number"),
        (json!({"exp": u64::MAX}), "`exp` is not a whole number"),
        (json!({"nbf": NOW_S + 31}), "not valid yet"),
        (json!({"nbf": "0"}), "`nbf` is not a whole number"),
        (json!({"nbf": 0.5}), "`nbf` is not a whole number"),
        (json!({"sub": null}), "names no person"),
        (json!({"sub": 7}), "names no person"),
        (json!({"sub": "Csilla@contoso.example"}), "names no person"),
        (json!({"sub": "csilla@contoso.example\u{200b}"}), "names no person"),
        (json!({"tenant": ["contoso"]}), "tenant is not a canonical name"),
        (json!({"tenant": "Contoso"}), "tenant is not a canonical name"),
    ] {
        let why = why(&jwts, &signed(change.clone()));
        assert!(why.contains(part), "{change}: {why}");
    }
    // Within the leeway on both sides, and at its very edges.
    assert!(jwts.verify(&signed(json!({"exp": NOW_S - 29})), now(), boot()).is_ok());
    assert!(jwts.verify(&signed(json!({"exp": NOW_S - 30})), now(), boot()).is_err());
    assert!(jwts.verify(&signed(json!({"nbf": NOW_S + 30})), now(), boot()).is_ok());
    assert!(
        jwts.verify(&signed(json!({"nbf": null, "acr": 7})), now(), boot()).unwrap().authentication.strength.is_none()
    );
    assert!(jwts.verify(&signed(json!({"tenant": null})), now(), boot()).unwrap().tenant.is_none());
}

#[test]
fn the_clock_that_judges_is_the_one_handed_in() {
    let jwts = jwts(&both_keys());
    let token = signed(json!({}));
    let at = |seconds: i64| jwts.verify(&token, Timestamp::from_ms(seconds * 1000), boot()).is_ok();
    assert!(at(NOW_S + 329) && !at(NOW_S + 330) && at(NOW_S - 330) && !at(NOW_S - 331));
}

#[test]
fn damaged_tokens_are_refused() {
    let jwts = jwts(&both_keys());
    let good = signed(json!({}));
    let (header, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let other = signed(json!({"sub": "other"}));
    let other_payload = other.split('.').nth(1).unwrap();
    for bad in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        header,
        rest,
        &format!("{good}."),
        &format!("{good}.x"),
        &format!(".{payload}.{signature}"),
        &format!("{header}.{other_payload}.{signature}"),
        &format!("{header}.{payload}.{signature}=="),
        &format!("{header}.{payload}."),
        &good.replace('.', ".."),
    ] {
        assert!(jwts.verify(bad, now(), boot()).is_err(), "{bad}");
    }
    for header in [
        json!({"alg": "RS256", "kid": "rsa-1", "crit": ["b64"], "b64": false}),
        json!({"alg": "RS256", "kid": "rsa-1", "typ": "logout+jwt"}),
        json!({"alg": "RS256", "kid": "rsa-1", "typ": 1}),
        json!({"kid": "rsa-1"}),
        json!(["RS256"]),
    ] {
        assert!(
            jwts.verify(&encode(&header, &claims(json!({})), &rsa(), Algorithm::RS256), now(), boot()).is_err(),
            "{header}"
        );
    }
}
