//! Proofs that must be refused by the running server, beside those that are taken (SAFETY.md §6). The keys
//! were made for this file and prove nothing anywhere else.

use crate::app::{Settings, TestApp};
use crate::steps::{ana_reads, eventually, wish};
use crate::wire::Client;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use lockbox::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The issuer's key.
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgrcTkOvtYrScvEOzY\n\
jOzm86hfxm32ypR3aXPchGoZO2ehRANCAATgIoSwoOCI8skap5doaBGGBkKXD9zw\n\
ZhVJlpKbR6aXRbOdN0luRUA2Koc1bJj2C0md9FC6PTWH0a+UwUJorRPX\n\
-----END PRIVATE KEY-----\n\
";
/// Somebody else's.
const OTHER: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglCyHQ2kj1p7Jjrma\n\
NMJdTnwqtlyPx0ndbUTHUfxuBLGhRANCAASbKXPx9Mji3ZuIhDx5Ajy2rzC7wjxV\n\
U5Wgl/xNtwC3aCeznIk72QET0mhIYRzntYQvjsLU+CiC9awTrbT8L+lA\n\
-----END PRIVATE KEY-----\n\
";

#[test]
fn what_proves_nothing_is_refused_and_says_so_without_repeating_it() {
    let app = TestApp::start();
    let token = app.demo.token("csilla").to_owned();
    let anonymous = app.authority("");
    let authorization = |value: &str| anonymous.with("Authorization", value);
    for (what, client) in [
        ("nothing", anonymous.clone()),
        ("an empty header", authorization("")),
        ("garbage", authorization("Bearer garbage")),
        ("no token", authorization("Bearer")),
        ("a blank token", authorization("Bearer  ")),
        ("another scheme", authorization(&format!("Basic {token}"))),
        ("a token alone", authorization(&token)),
        ("a token cut short", authorization(&format!("Bearer {}", &token[..token.len() - 1]))),
        ("a token with more", authorization(&format!("Bearer {token}x"))),
        ("two tokens", authorization(&format!("Bearer {token}, Bearer {token}"))),
        (
            "the same header twice",
            authorization(&format!("Bearer {token}")).with("Authorization", &format!("Bearer {token}")),
        ),
        (
            "two people",
            authorization(&format!("Bearer {token}"))
                .with("Authorization", &format!("Bearer {}", app.demo.token("otto"))),
        ),
        ("a huge one", authorization(&format!("Bearer {}", "x".repeat(9000)))),
        ("another header", anonymous.with("X-Authorization", &format!("Bearer {token}"))),
        ("a cookie", anonymous.with("Cookie", &format!("token={token}"))),
    ] {
        let reply = client.get("/v1/tenants");
        assert_eq!(reply.status, 401, "{what}: {}", reply.text());
        assert!(!reply.text().contains(&token) && !reply.text().contains("garbage"), "{what}: {}", reply.text());
    }
    anonymous.get(&format!("/v1/tenants?access_token={token}")).is(401);
    // The scheme has no case (RFC 9110).
    authorization(&format!("bearer {token}")).get("/v1/tenants").is(200);
}

#[test]
fn the_body_of_whoever_is_nobody_is_not_read() {
    let app = TestApp::start();
    // A body that would be refused for itself, were it looked at.
    for who in ["", "csilla"] {
        let reply = app.sidecar(who).post_bytes_as("POST", "/v1/authorize", "text/plain", &vec![b'x'; 400_000]);
        assert_eq!(reply.status, if who.is_empty() { 401 } else { 403 });
    }
}

#[test]
fn a_caller_asks_about_its_own_workload_only() {
    let app = TestApp::start();
    for caller in ["sharepoint-frontend", "onedrive-frontend"] {
        app.sidecar(caller).post("/v1/authorize", &ana_reads()).refused(403, "its own workload");
    }
    for person in ["ana", "csilla", "otto"] {
        app.sidecar(person).post("/v1/authorize", &ana_reads()).refused(403, "workload service");
    }
    app.authority("exchange-frontend").post("/v1/access-requests", &wish()).refused(403, "person");
}

/// A Lockbox that takes the JWTs of one issuer.
struct Issuer {
    app: TestApp,
    _keys: TempDir,
}

impl Issuer {
    fn start() -> Self {
        let keys = TempDir::new().unwrap();
        let path = keys.path().join("jwks.json");
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key(KEY), Algorithm::ES256).unwrap()).unwrap();
        jwk["kid"] = json!("one");
        std::fs::write(&path, json!({ "keys": [jwk] }).to_string()).unwrap();
        let settings = Settings::default().and_toml(&format!(
            "[[identity.jwt]]\nissuer = \"https://login.example\"\naudience = \"lockbox\"\nalgorithms = [\"ES256\"]\n\
             jwks_file = \"{}\"\nleeway_s = 5\nclaims = {{ tenant = \"tenant\" }}\n",
            path.display()
        ));
        let issuer = Self { app: TestApp::start_with(settings), _keys: keys };
        eventually(
            "the keys are read",
            || issuer.status(&sign(&header(), &claims(json!({})), KEY)),
            |status| *status == 200,
        );
        issuer
    }

    fn as_bearer_of(&self, token: &str) -> Client {
        Client::with_token(self.app.addresses.authority, token)
    }

    fn status(&self, token: &str) -> u16 {
        self.as_bearer_of(token).get("/v1/tenants").status
    }
}

fn key(pem: &str) -> EncodingKey {
    EncodingKey::from_ec_pem(pem.as_bytes()).unwrap()
}

fn now_s() -> i64 {
    SystemClock.wall().as_ms() / 1000
}

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "one", "typ": "JWT" })
}

/// Good claims of csilla, changed; `null` takes one out.
fn claims(change: Value) -> Value {
    let mut claims = json!({ "iss": "https://login.example", "aud": "lockbox", "sub": "csilla@contoso.example",
        "tenant": "contoso", "roles": ["approver", "tenant_admin"], "acr": "phr", "exp": now_s() + 600 });
    let all = claims.as_object_mut().unwrap();
    for (name, value) in change.as_object().unwrap() {
        all.insert(name.clone(), value.clone());
    }
    all.retain(|_, value| !value.is_null());
    claims
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn sign(header: &Value, claims: &Value, pem: &str) -> String {
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key(pem), Algorithm::ES256).unwrap();
    format!("{signed}.{signature}")
}

#[test]
fn a_good_token_approves_and_the_record_says_how_he_proved_himself() {
    let issuer = Issuer::start();
    let id = issuer.app.pending(&wish());
    let csilla = issuer.as_bearer_of(&sign(&header(), &claims(json!({})), KEY)).with("If-Match", "\"2\"");
    let approved = csilla.post(&format!("/v1/access-requests/{id}/approve"), &json!({})).is(200).json();
    let authentication = &approved["decided"]["authentication"];
    assert_eq!((&authentication["method"], &authentication["strength"]), (&json!("jwt"), &json!("phr")));
    // The same person by another proof is the same person.
    issuer.app.end("csilla", &id, "revoke").is(200);
}

#[test]
fn bad_tokens_are_refused_one_by_one() {
    let issuer = Issuer::start();
    let good = sign(&header(), &claims(json!({})), KEY);
    let by_public_key = |alg: &str| {
        let public = serde_json::to_vec(&Jwk::from_encoding_key(&key(KEY), Algorithm::ES256).unwrap()).unwrap();
        let signed = format!("{}.{}", part(&json!({ "alg": alg, "kid": "one" })), part(&claims(json!({}))));
        let secret = EncodingKey::from_secret(&public);
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &secret, Algorithm::HS256).unwrap();
        format!("{signed}.{signature}")
    };
    let unsigned = |alg: &str| format!("{}.{}.", part(&json!({ "alg": alg })), part(&claims(json!({}))));
    let mut bad = vec![
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("HS256 with the public key", by_public_key("HS256")),
        ("HS256 that says ES256", by_public_key("ES256")),
        ("another's key", sign(&header(), &claims(json!({})), OTHER)),
        ("an unknown key", sign(&json!({ "alg": "ES256", "kid": "two" }), &claims(json!({})), KEY)),
        ("a key that is a path", sign(&json!({ "alg": "ES256", "kid": "../../../dev/null" }), &claims(json!({})), KEY)),
        (
            "a key that it brings along",
            sign(&json!({ "alg": "ES256", "kid": "x", "jku": "http://127.0.0.1:1/" }), &claims(json!({})), OTHER),
        ),
        (
            "a critical extension",
            sign(&json!({ "alg": "ES256", "kid": "one", "crit": ["x"] }), &claims(json!({})), KEY),
        ),
        ("cut short", good[..good.len() - 2].to_owned()),
        ("with more", format!("{good}.x")),
    ];
    for (what, change) in [
        ("another issuer", json!({ "iss": "https://login.example/" })),
        ("another audience", json!({ "aud": "mail" })),
        ("no audience", json!({ "aud": null })),
        ("no expiry", json!({ "exp": null })),
        ("an expiry that is text", json!({ "exp": (now_s() + 600).to_string() })),
        ("long over", json!({ "exp": now_s() - 3600 })),
        ("not yet", json!({ "nbf": now_s() + 3600 })),
        ("nobody", json!({ "sub": null })),
        ("a case twin", json!({ "sub": "Csilla@contoso.example" })),
        ("a tenant in a list", json!({ "tenant": ["contoso"] })),
    ] {
        bad.push((what, sign(&header(), &claims(change), KEY)));
    }
    for (what, token) in bad {
        assert_eq!(issuer.status(&token), 401, "{what}");
    }
    assert_eq!(issuer.status(&good), 200, "and the good one still is");
}

#[test]
fn what_a_token_says_of_roles_goes_no_further_than_the_settings() {
    let issuer = Issuer::start();
    let id = issuer.app.pending(&wish());
    let approve = |change: Value| {
        let client = issuer.as_bearer_of(&sign(&header(), &claims(change), KEY)).with("If-Match", "\"2\"");
        client.post(&format!("/v1/access-requests/{id}/approve"), &json!({})).status
    };
    assert_eq!(approve(json!({ "sub": "eva@contoso.example" })), 403, "not named by the tenant");
    assert_eq!(approve(json!({ "tenant": "fabrikam" })), 404, "of another tenant");
    assert_eq!(approve(json!({ "roles": ["owner", "root"] })), 404, "of no role that is known here");
    assert_eq!(approve(json!({ "tenant": null, "roles": ["approver", "operator"] })), 403, "of the provider");
    assert_eq!(approve(json!({})), 200);
}
