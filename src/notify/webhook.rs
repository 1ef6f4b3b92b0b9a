//! Webhooks: a notice as a signed HTTP call to a tenant's own system.
//!
//! Where it goes is a tenant's choice, so a tenant could try to have this host call into networks that
//! only this host reaches.
//! Invariant: the address that was looked at is the address that is connected to (`addresses`); redirects
//! are not followed, no proxy is asked, and nothing of an answer but its status is read or kept.
//! Invariant: what is sent is signed, over where it goes and every byte of it (`sign`).

mod addresses;
mod sign;

use super::{SendError, small_file};
use crate::clock::Ids;
use crate::config::Webhooks;
use crate::domain::{Timestamp, webhook_url_refused};
use crate::policy::bundle::{KeyError, PrivateKey};
use addresses::Checked;
use core::fmt;
use core::time::Duration;
use sign::{Signed, key_id, key_set, sign};
use std::path::Path;
use std::sync::Arc;
use ureq::Agent;
use ureq::http::Request;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;

/// The largest body, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// The longest id and name of an event, in bytes.
const NAME_BYTES_MAX: usize = 128;
/// The longest head of an answer that is read, in bytes; its body is not read at all.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The largest file of certificates, in bytes.
const CA_BYTES_MAX: u64 = 1024 * 1024;

/// Why no webhook can be called at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The key that deliveries are signed with.
    #[error("`webhooks.signing_key_file`: {0}")]
    Key(#[from] KeyError),
    /// The certificates of the authorities.
    #[error("`webhooks.ca_file` `{path}` cannot be used: {why}")]
    Authorities {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
}

/// One call to one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Where it goes, as the tenant's settings have it.
    pub url: String,
    /// A JSON document.
    pub body: String,
    /// What names the notice: the same each time it is tried.
    pub id: String,
    /// What happened, such as `pending`.
    pub event: String,
}

/// A way to every receiver.
pub struct WebhookSender {
    agent: Agent,
    key: Arc<PrivateKey>,
    key_id: String,
    ids: Arc<dyn Ids>,
}

impl fmt::Debug for WebhookSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookSender({})", self.key_id)
    }
}

impl WebhookSender {
    /// A way out with the key of the configuration; `None` when it names none.
    ///
    /// # Errors
    /// [`WebhookError`] naming the setting.
    pub fn new(config: &Webhooks, ids: Arc<dyn Ids>) -> Result<Option<Self>, WebhookError> {
        let Webhooks {
            signing_key_file,
            allow_networks,
            ca_file,
            timeout_ms,
            attempts_max: _,
            retry_first_s: _,
            retry_longest_s: _,
        } = config;
        let Some(key) = signing_key_file else { return Ok(None) };
        let key = PrivateKey::read(key)?;
        let roots = match ca_file {
            None => RootCerts::WebPki,
            Some(path) => {
                authorities(path).map_err(|why| WebhookError::Authorities { path: path.display().to_string(), why })?
            }
        };
        let settings = Agent::config_builder()
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            // Each call looks its receiver up anew: what a name meant yesterday is no reason to call there.
            .max_idle_connections(0)
            .max_response_header_size(HEAD_BYTES_MAX)
            .timeout_global(Some(Duration::from_millis(*timeout_ms)))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .user_agent(concat!("lockbox/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = Agent::with_parts(settings, DefaultConnector::default(), Checked::new(allow_networks.clone()));
        Ok(Some(Self { agent, key_id: key_id(&key.public()), key: Arc::new(key), ids }))
    }

    /// The public key as a JWK set (RFC 7517), for `/.well-known/lockbox-webhook-keys`.
    pub fn key_set(&self) -> String {
        key_set(&self.key.public())
    }

    /// Makes one call. Answers of 2xx are success; the body of an answer is not read.
    ///
    /// # Errors
    /// [`SendError`]: permanent when the receiver answers 410 (it is gone and says so), or this can never be
    /// called; every other answer and failure may be better the next time.
    pub async fn send(&self, delivery: &Delivery, now: Timestamp) -> Result<(), SendError> {
        let request = self.request(delivery, now)?;
        let agent = self.agent.clone();
        let host = request.uri().host().unwrap_or_default().to_owned();
        // The client blocks; its own time limit ends the thread, also when nobody waits for it any more.
        let called = tokio::task::spawn_blocking(move || agent.run(request).map(|answer| answer.status().as_u16()));
        let called = called.await.map_err(|_| SendError::temporary(format!("the call to `{host}` was given up")))?;
        match called {
            Ok(200..=299) => Ok(()),
            Ok(410) => Err(SendError::permanent(format!("`{host}` answers 410: it takes no more deliveries"))),
            Ok(status @ 300..=399) => {
                Err(SendError::temporary(format!("`{host}` answers {status}: redirects are not followed")))
            }
            Ok(status) => Err(SendError::temporary(format!("`{host}` answers {status}"))),
            Err(error) => Err(SendError::temporary(format!("`{host}` cannot be called: {error}"))),
        }
    }

    fn request(&self, delivery: &Delivery, now: Timestamp) -> Result<Request<String>, SendError> {
        let Delivery { url, body, id, event } = delivery;
        if let Some(why) = webhook_url_refused(url) {
            return Err(SendError::permanent(format!("the webhook's URL {why}")));
        }
        let plain = |name: &str| {
            let fine = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            fine && (1..=NAME_BYTES_MAX).contains(&name.len())
        };
        if !plain(id) || !plain(event) || body.len() > BODY_BYTES_MAX {
            return Err(SendError::permanent("the delivery has no plain id and event, or is too long"));
        }
        let mut nonce = [0; 16];
        self.ids.fill(&mut nonce).map_err(|error| SendError::temporary(error.to_string()))?;
        let Signed { digest, input, signature } = sign(delivery, &self.key, &self.key_id, now, nonce);
        Request::post(url)
            .header("content-type", sign::CONTENT_TYPE)
            .header("webhook-id", id)
            .header("lockbox-event", event)
            .header("content-digest", digest)
            .header("signature-input", input)
            .header("signature", signature)
            .body(body.clone())
            .map_err(|error| SendError::permanent(format!("no request can be made: {error}")))
    }
}

fn authorities(path: &Path) -> Result<RootCerts, String> {
    let pem = small_file(path, CA_BYTES_MAX)?;
    let items: Result<Vec<PemItem<'static>>, ureq::Error> = parse_pem(&pem).collect();
    let certificates = items.map_err(|error| error.to_string())?.into_iter().filter_map(|item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<Certificate<'static>> = certificates.collect();
    if certificates.is_empty() {
        return Err("it holds no certificate in PEM".to_owned());
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

#[cfg(test)]
mod tests;
