//! What an issuer says of itself (OpenID Connect Discovery 1.0): where to send people, where to exchange a
//! code, where its keys are. Read in the background together with the keys, and never believed about
//! anything that the configuration pins.

use super::super::keys::{KeySetError, KeySource, set_from};
use super::super::wire::{Answer, Wire, is_private};
use arc_swap::ArcSwapOption;
use serde_json::Value;
use std::sync::Arc;

/// Where the description is, below the issuer.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// What of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) end_session_endpoint: Option<String>,
    jwks_uri: String,
    /// Answers name their issuer (RFC 9207): one that does not is not its.
    pub(super) iss_in_answers: bool,
    /// The client's secret goes into the body, for the issuer knows no other way.
    pub(super) secret_in_body: bool,
}

impl Metadata {
    /// Reads a description that must be of `issuer`, to the letter.
    pub(super) fn parse(bytes: &[u8], issuer: &str, with_secret: bool) -> Result<Self, String> {
        let all: Value = serde_json::from_slice(bytes).map_err(|_| "it is not JSON".to_owned())?;
        if all.get("issuer").and_then(Value::as_str) != Some(issuer) {
            return Err(format!("its `issuer` is not `{issuer}` to the letter"));
        }
        let endpoint = |name: &str| match all.get(name).and_then(Value::as_str) {
            None => Err(format!("it has no `{name}`")),
            Some(url) if is_private(url) && !url.contains('#') => Ok(url.to_owned()),
            Some(_) => Err(format!("its `{name}` is neither https nor a loopback address")),
        };
        // Absent means what the standard says by default, which suits in each case.
        let lists = |name: &str, wanted: &str, default: bool| match all.get(name).map(Value::as_array) {
            None => default,
            Some(listed) => listed.is_some_and(|listed| listed.iter().any(|one| one == wanted)),
        };
        if !lists("response_types_supported", "code", true) {
            return Err("it does not offer the response type `code`".to_owned());
        }
        if !lists("code_challenge_methods_supported", "S256", true) {
            return Err("it does not offer PKCE with `S256`".to_owned());
        }
        let methods = "token_endpoint_auth_methods_supported";
        let secret_in_body = !lists(methods, "client_secret_basic", true);
        if with_secret && secret_in_body && !lists(methods, "client_secret_post", false) {
            return Err("it takes a client's secret in no way that is known here".to_owned());
        }
        let iss_in_answers = match all.get("authorization_response_iss_parameter_supported") {
            None | Some(Value::Bool(false)) => false,
            Some(_) => true,
        };
        Ok(Self {
            authorization_endpoint: endpoint("authorization_endpoint")?,
            token_endpoint: endpoint("token_endpoint")?,
            end_session_endpoint: endpoint("end_session_endpoint").ok(),
            jwks_uri: endpoint("jwks_uri")?,
            iss_in_answers,
            secret_in_body,
        })
    }
}

/// The description last read, and where it is from.
pub(super) struct Discovery {
    issuer: String,
    with_secret: bool,
    wire: Arc<dyn Wire>,
    metadata: ArcSwapOption<Metadata>,
}

impl Discovery {
    pub(super) fn new(issuer: String, with_secret: bool, wire: Arc<dyn Wire>) -> Self {
        Self { issuer, with_secret, wire, metadata: ArcSwapOption::empty() }
    }

    /// `None` before it was read for the first time.
    pub(super) fn metadata(&self) -> Option<Arc<Metadata>> {
        self.metadata.load_full()
    }

    fn read(&self) -> Result<Metadata, String> {
        let url = format!("{}{WELL_KNOWN}", self.issuer.trim_end_matches('/'));
        match self.wire.get(&url).map_err(|error| format!("`{url}`: {error}"))? {
            Answer { status: 200, body } => Metadata::parse(&body, &self.issuer, self.with_secret),
            Answer { status, .. } => Err(format!("`{url}` answers {status}")),
        }
    }
}

/// The keys lead the way: whenever they are due, so is the description that says where they are.
pub(super) struct DiscoveredKeys(pub(super) Arc<Discovery>);

impl KeySource for DiscoveredKeys {
    fn fetch(&self) -> Result<Vec<u8>, KeySetError> {
        let metadata = self.0.read().map_err(KeySetError::Description)?;
        let keys = set_from(&*self.0.wire, &metadata.jwks_uri)?;
        self.0.metadata.store(Some(Arc::new(metadata)));
        Ok(keys)
    }
}
