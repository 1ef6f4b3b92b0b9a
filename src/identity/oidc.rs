//! Signing in by OpenID Connect: the authorization code flow with PKCE, of one pinned issuer. The protocol
//! only: it knows no pages, no cookies and no sessions.
//!
//! The ID token goes through the same verifier as every other JWT (`jwt`, `keys`), so that issuer,
//! audience, algorithms and keys are pinned in one place; this adds what ties it to one sign-in.
//!
//! Invariant: no code, token or secret is logged, kept or put into an error. Beginning reads memory only;
//! finishing exchanges the code, and blocks on that.

mod discovery;
mod error;
mod flow;
mod settings;
mod token;

pub use error::OidcError;
pub use flow::{Begun, CallbackQuery, Flow};
pub use settings::{OidcSettings, OidcSettingsError};

use super::jwt::{JwtSettings, Jwts};
use super::wire::{Answer, HttpWire, Wire, read_bounded};
use super::{Tended, refused};
use crate::clock::{Boot, Ids};
use crate::domain::{Authentication, Person, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use core::time::Duration;
use discovery::{DiscoveredKeys, Discovery, Metadata};
use serde_json::Value;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

/// The `typ` of an ID token; an access token is none.
const ID_TOKEN_KINDS: &[&str] = &["jwt"];
/// The longest client secret, in bytes.
const SECRET_BYTES_MAX: u64 = 4096;

/// Somebody who proved to the issuer who he is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Who, by method `oidc`, with the strength that the issuer states; without an address.
    pub person: Person,
    /// When he proved it. `None`: the issuer did not say, so it never counts as recent.
    pub authenticated_at: Option<Timestamp>,
}

/// A client of one issuer.
pub struct OidcClient {
    settings: OidcSettings,
    discovery: Arc<Discovery>,
    jwts: Jwts,
    wire: Arc<dyn Wire>,
}

impl OidcClient {
    /// A client that knows nothing of its issuer until it was tended once.
    ///
    /// # Errors
    /// [`OidcSettingsError`].
    pub fn new(settings: OidcSettings) -> Result<Self, OidcSettingsError> {
        let wire = match &settings.ca_file {
            None => HttpWire::new(),
            Some(path) => HttpWire::trusting(path).map_err(|why| OidcSettingsError::Certificates(why.to_string()))?,
        };
        Self::over(settings, Arc::new(wire))
    }

    fn over(settings: OidcSettings, wire: Arc<dyn Wire>) -> Result<Self, OidcSettingsError> {
        if let Some(path) = &settings.client_secret_file {
            // Read again for each exchange, so that a new one counts at once; here only to say it early.
            secret_of(path).map_err(OidcSettingsError::Secret)?;
        }
        let tokens = JwtSettings { kinds: ID_TOKEN_KINDS, ..settings.tokens.clone() };
        let with_secret = settings.client_secret_file.is_some();
        let discovery = Arc::new(Discovery::new(tokens.issuer.clone(), with_secret, Arc::clone(&wire)));
        let jwts = Jwts::new(tokens, Box::new(DiscoveredKeys(Arc::clone(&discovery))))?;
        Ok(Self { settings, discovery, jwts, wire })
    }

    /// Reads the issuer's description and keys when they are due. Blocks; belongs where
    /// [`super::Identity::tend`] is called.
    pub fn tend(&self, boot: Boot) -> Option<Tended> {
        self.jwts.tend(boot)
    }

    /// Begins a sign-in. With `max_age` the issuer must have seen proof no longer ago than that, in whole
    /// seconds; zero asks it to demand proof now.
    ///
    /// # Errors
    /// [`OidcError::NotReady`], [`OidcError::NoEntropy`].
    pub fn begin(
        &self,
        ids: &dyn Ids,
        max_age: Option<Duration>,
        now: Timestamp,
        boot: Boot,
    ) -> Result<Begun, OidcError> {
        let metadata = self.metadata(boot)?;
        let flow = Flow::begin(ids, now, max_age)?;
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([
            ("response_type", "code"),
            ("client_id", self.client_id()),
            ("redirect_uri", &self.settings.redirect_uri),
            ("scope", &self.scope()),
            ("state", &flow.state),
            ("nonce", &flow.nonce),
            ("code_challenge", &flow.challenge()),
            ("code_challenge_method", "S256"),
        ]);
        if let Some(max_age) = max_age {
            query.append_pair("max_age", &max_age.as_secs().to_string());
            if max_age.as_secs() == 0 {
                // Says the same in the words of issuers that pass over `max_age=0`.
                query.append_pair("prompt", "login");
            }
        }
        Ok(Begun { url: with_query(&metadata.authorization_endpoint, &query.finish()), flow })
    }

    /// Finishes the sign-in that `flow` began, with what the issuer sent along. Blocks on the exchange.
    ///
    /// # Errors
    /// [`OidcError`]; the flow is then of no further use.
    pub fn finish(
        &self,
        flow: &Flow,
        query: &CallbackQuery,
        now: Timestamp,
        boot: Boot,
    ) -> Result<SignedIn, OidcError> {
        let metadata = self.metadata(boot)?;
        let leeway = Duration::from_secs(self.settings.tokens.leeway_s);
        let code = query.code_for(flow, &self.settings.tokens.issuer, metadata.iss_in_answers)?;
        if !flow.is_open(now, leeway) {
            return Err(OidcError::TooLate);
        }
        let id_token = self.exchange(&metadata, code, flow)?;
        let claims = self.verified(&id_token, now, boot)?;
        token::check(&claims, self.client_id(), flow, now, leeway)?;
        let authenticated_at = token::authenticated_at(&claims, flow, now, leeway)?;
        let mut person = self.jwts.person(&claims)?;
        person.authentication = Authentication { method: "oidc", strength: token::strength(&claims), address: None };
        Ok(SignedIn { person, authenticated_at })
    }

    /// Where to send somebody who also wants to sign out at the issuer, if it has such a place.
    pub fn end_session_url(&self) -> Option<String> {
        let metadata = self.discovery.metadata()?;
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("client_id", self.client_id());
        Some(with_query(metadata.end_session_endpoint.as_ref()?, &query.finish()))
    }

    fn client_id(&self) -> &str {
        &self.settings.tokens.audience
    }

    fn scope(&self) -> String {
        let more = self.settings.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid");
        core::iter::once("openid").chain(more).collect::<Vec<_>>().join(" ")
    }

    fn metadata(&self, boot: Boot) -> Result<Arc<Metadata>, OidcError> {
        self.discovery.metadata().filter(|_| self.jwts.has_keys(boot)).ok_or(OidcError::NotReady)
    }

    /// The claims of a token; when its key is unknown the keys are read anew first, unless that was just done.
    fn verified(&self, id_token: &str, now: Timestamp, boot: Boot) -> Result<Value, OidcError> {
        match self.jwts.claims(id_token, now, boot) {
            Err(_) if matches!(self.jwts.tend(boot), Some(Tended::KeysLoaded(_))) => {
                Ok(self.jwts.claims(id_token, now, boot)?)
            }
            claims => Ok(claims?),
        }
    }

    /// The ID token for `code`.
    fn exchange(&self, metadata: &Metadata, code: &str, flow: &Flow) -> Result<String, OidcError> {
        let secret = self.settings.client_secret_file.as_deref().map(secret_of).transpose()?;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.settings.redirect_uri),
            ("code_verifier", &flow.verifier),
        ]);
        let authorization = match &secret {
            Some(secret) if !metadata.secret_in_body => Some(basic(self.client_id(), secret)),
            Some(secret) => {
                form.extend_pairs([("client_id", self.client_id()), ("client_secret", secret)]);
                None
            }
            None => {
                form.append_pair("client_id", self.client_id());
                None
            }
        };
        let url = &metadata.token_endpoint;
        let answer = self.wire.post_form(url, authorization.as_deref(), &form.finish());
        let Answer { status, body } = answer.map_err(|why| OidcError::Exchange(format!("`{url}`: {why}")))?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status == 200 {
            let id_token = body.get("id_token").and_then(Value::as_str);
            return id_token.map(str::to_owned).ok_or(refused("there is none in the answer").into());
        }
        match body.get("error").and_then(Value::as_str) {
            Some("invalid_client" | "unauthorized_client") => Err(OidcError::Client),
            Some("invalid_grant") => Err(OidcError::Code),
            _ => Err(OidcError::Exchange(format!("`{url}` answers {status}"))),
        }
    }
}

/// `client_secret_basic`: both parts are form-encoded before they are joined (RFC 6749 §2.3.1).
fn basic(client_id: &str, secret: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(secret))))
}

fn with_query(endpoint: &str, query: &str) -> String {
    format!("{endpoint}{}{query}", if endpoint.contains('?') { '&' } else { '?' })
}

/// The secret in a file that nobody else may read.
fn secret_of(path: &Path) -> Result<String, OidcError> {
    let wrong = |why: String| OidcError::Secret { path: path.display().to_string(), why };
    let metadata = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(wrong(format!("it is open to others (mode {mode:04o}): run `chmod 600` on it")));
    }
    let bytes = read_bounded(path, SECRET_BYTES_MAX).map_err(wrong)?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not text".to_owned()))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(wrong("it is empty".to_owned())),
        secret if secret.bytes().all(|b| (0x20..0x7f).contains(&b)) => Ok(secret.to_owned()),
        _ => Err(wrong("it has other than visible ASCII characters".to_owned())),
    }
}

#[cfg(test)]
mod tests;
