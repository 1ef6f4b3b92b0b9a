//! A sign-in against an issuer that the test plays: the one way that works, and every way that must not.

use super::super::jwt::tests::{ec, encode, jwk, rsa};
use super::super::wire::WireError;
use super::*;
use crate::clock::SeededIds;
use crate::domain::{Role, TenantId};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Mutex;

mod answers;
mod issuers;
mod tokens;

const ISSUER: &str = "https://login.example/tenant/";
const NOW_S: i64 = 1_795_339_800;
const SECRET: &str = "s3cret:with/odd signs";

fn now() -> Timestamp {
    Timestamp::from_ms(NOW_S * 1000)
}

fn boot() -> Boot {
    Boot::from_ms(1_000_000)
}

/// What was posted to the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Posted {
    url: String,
    authorization: Option<String>,
    form: BTreeMap<String, String>,
}

/// An issuer within this process.
#[derive(Default)]
struct Issuer {
    description: Mutex<Value>,
    keys: Mutex<Vec<Value>>,
    answer: Mutex<Option<(u16, String)>>,
    posted: Mutex<Vec<Posted>>,
    asked: Mutex<Vec<String>>,
}

impl Issuer {
    fn new() -> Arc<Self> {
        let issuer = Self::default();
        *issuer.description.lock().unwrap() = description(json!({}));
        *issuer.keys.lock().unwrap() = vec![
            jwk(&rsa(), Algorithm::RS256, json!({"kid": "rsa-1", "use": "sig"})),
            jwk(&ec(), Algorithm::ES256, json!({"kid": "ec-1"})),
        ];
        Arc::new(issuer)
    }

    fn describes(&self, change: Value) {
        *self.description.lock().unwrap() = description(change);
    }

    fn answers(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = Some((status, body.to_owned()));
    }

    fn gives(&self, id_token: &str) {
        let body = json!({"access_token": "unused", "token_type": "Bearer", "id_token": id_token});
        self.answers(200, &body.to_string());
    }

    fn posted(&self) -> Posted {
        self.posted.lock().unwrap().last().unwrap().clone()
    }
}

impl Wire for Issuer {
    fn get(&self, url: &str) -> Result<Answer, WireError> {
        self.asked.lock().unwrap().push(url.to_owned());
        let body = match url {
            "https://login.example/tenant/.well-known/openid-configuration" => self.description.lock().unwrap().clone(),
            "https://login.example/keys" => json!({"keys": *self.keys.lock().unwrap()}),
            _ => return Ok(Answer { status: 404, body: Vec::new() }),
        };
        if body.is_null() {
            return Err(WireError("down".to_owned()));
        }
        Ok(Answer { status: 200, body: body.to_string().into_bytes() })
    }

    fn post_form(&self, url: &str, authorization: Option<&str>, form: &str) -> Result<Answer, WireError> {
        let form = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        let posted = Posted { url: url.to_owned(), authorization: authorization.map(str::to_owned), form };
        self.posted.lock().unwrap().push(posted);
        let (status, body) = self.answer.lock().unwrap().clone().ok_or(WireError("down".to_owned()))?;
        Ok(Answer { status, body: body.into_bytes() })
    }
}

fn changed(mut whole: Value, change: Value) -> Value {
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => whole.as_object_mut().unwrap().remove(name),
            value => whole.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    whole
}

fn description(change: Value) -> Value {
    let whole = json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://login.example/authorize?tenant=1",
        "token_endpoint": "https://login.example/token",
        "jwks_uri": "https://login.example/keys",
        "end_session_endpoint": "https://login.example/logout",
        "authorization_response_iss_parameter_supported": true,
    });
    changed(whole, change)
}

fn settings() -> OidcSettings {
    let tokens = JwtSettings { tenant_claim: Some("tenant".into()), ..JwtSettings::of(ISSUER, "lockbox") };
    OidcSettings {
        tokens,
        client_secret_file: None,
        scopes: vec!["openid".into(), "profile".into()],
        redirect_uri: "https://lockbox.example/sign-in/callback".into(),
        ca_file: None,
    }
}

fn client_with(settings: OidcSettings, issuer: &Arc<Issuer>) -> OidcClient {
    let wire: Arc<dyn Wire> = Arc::<Issuer>::clone(issuer);
    let client = OidcClient::over(settings, wire).unwrap();
    assert_eq!(client.tend(boot()), Some(Tended::KeysLoaded(2)));
    client
}

fn client(issuer: &Arc<Issuer>) -> OidcClient {
    client_with(settings(), issuer)
}

fn begin(client: &OidcClient, max_age: Option<Duration>) -> Begun {
    client.begin(&SeededIds::new(7), max_age, now(), boot()).unwrap()
}

fn query_of(url: &str) -> BTreeMap<String, String> {
    let (_, query) = url.split_once('?').unwrap();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn claims(flow: &Flow, change: Value) -> Value {
    let whole = json!({
        "iss": ISSUER, "aud": "lockbox", "sub": "csilla@contoso.example", "tenant": "contoso", "nonce": flow.nonce,
        "roles": ["approver", "unheard_of"], "acr": "phr", "amr": ["pwd", "otp"],
        "iat": NOW_S, "exp": NOW_S + 300, "auth_time": NOW_S - 20,
    });
    changed(whole, change)
}

fn id_token(flow: &Flow, change: Value) -> String {
    encode(&json!({"alg": "RS256", "kid": "rsa-1"}), &claims(flow, change), &rsa(), Algorithm::RS256)
}

fn answer_to(flow: &Flow) -> CallbackQuery {
    let (code, state) = (Some("c0de".to_owned()), Some(flow.state.clone()));
    CallbackQuery { code, state, iss: Some(ISSUER.to_owned()), error: None }
}

/// What a sign-in comes to when the issuer gives this ID token for the right code.
fn finished(change: impl Fn(&Flow) -> String, max_age: Option<Duration>) -> Result<SignedIn, OidcError> {
    let issuer = Issuer::new();
    let client = client(&issuer);
    let Begun { flow, .. } = begin(&client, max_age);
    issuer.gives(&change(&flow));
    client.finish(&flow, &answer_to(&flow), now(), boot())
}
