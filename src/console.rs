//! The web page: what the customer's people and the provider's do with AccessRequests in a browser.
//! Rendered here, works without script; nothing comes from anywhere else.
//!
//! Invariant: it decides nothing. Every command goes through [`ManageRequests`] with the person who is
//! signed in, just as the API's does. Nothing changes on GET or HEAD. A change needs the session's own
//! token in the form, from a page of the same origin.

mod account;
mod answer;
mod ask;
mod assets;
mod choices;
mod fleet;
mod form;
mod frame;
mod lists;
mod oidc;
mod outbox;
mod passkeys;
mod provider;
mod request;
mod respond;
mod router;
mod session;
mod settings;
mod shown;
mod sign_in;
mod switch;
mod tenants;
mod trouble;
mod visit;

use crate::clock::{Clock, Ids};
use crate::http::router::AuthorityApi;
use crate::identity::Identity;
use crate::identity::oidc::OidcClient;
use crate::manage_requests::ManageRequests;
use crate::store::Store;
use core::time::Duration;
pub use outbox::{Message, Messages};
pub use router::{Door, Row, mount, table};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Somebody with a local token whose sign-in the page may offer with one button. A demo has such.
#[derive(Debug, Clone)]
pub struct LocalPerson {
    /// His id.
    pub id: String,
    /// His roles, for people.
    pub roles: Vec<String>,
    /// His tenant.
    pub tenant: Option<String>,
    /// His token.
    pub token: String,
}

/// How long sessions last.
#[derive(Debug, Clone, Copy)]
pub struct SessionBounds {
    /// Without a click.
    pub idle: Duration,
    /// At most.
    pub longest: Duration,
    /// Since the proof, for what needs a fresh one.
    pub proof: Duration,
}

/// What the page is made of.
pub struct Parts {
    /// The authority's endpoints work with the same.
    pub api: Arc<AuthorityApi>,
    /// Where sessions and drafts are kept.
    pub store: Arc<dyn Store>,
    /// Proves tokens.
    pub identity: Arc<Identity>,
    /// Signs people in at their issuer.
    pub oidc: Option<Arc<OidcClient>>,
    /// Whether a local token signs somebody in.
    pub token_sign_in: bool,
    /// The clock that the issuer's times are held against.
    pub clock: Arc<dyn Clock>,
    /// Where secrets come from.
    pub ids: Arc<dyn Ids>,
    /// How long sessions last.
    pub sessions: SessionBounds,
    /// The address that people use, if it is configured.
    pub public_url: Option<String>,
    /// Whose sign-in is offered with one button; empty but in a demo.
    pub local: Vec<LocalPerson>,
    /// Makes the messages that are read on the page, where none are sent.
    pub messages: Option<Arc<dyn Messages>>,
}

/// The web page.
pub struct Console {
    api: Arc<AuthorityApi>,
    store: Arc<dyn Store>,
    identity: Arc<Identity>,
    oidc: Option<Arc<OidcClient>>,
    token_sign_in: bool,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    sessions: SessionBounds,
    public_url: Option<String>,
    local: Vec<LocalPerson>,
    exchanges: Semaphore,
    messages: Option<Arc<dyn Messages>>,
}

impl Console {
    /// The page over these parts.
    pub fn new(parts: Parts) -> Self {
        let Parts { api, store, identity, oidc, token_sign_in, clock, ids, sessions, public_url, local, messages } =
            parts;
        let exchanges = Semaphore::new(oidc::EXCHANGES_MAX);
        Self { api, store, identity, oidc, token_sign_in, clock, ids, sessions, public_url, local, exchanges, messages }
    }

    fn manage(&self) -> &ManageRequests {
        &self.api.manage
    }
}
