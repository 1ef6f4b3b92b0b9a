//! The authority's half of a process: the record, its fleet, its page and its notices.

use super::background::SWEEP_EVERY;
use super::{Listening, Shared, StartError, letters, parts, record};
use crate::accesses::{Courier, History, Intake};
use crate::clock::{AuthorityTime, Clock};
use crate::config::Config;
use crate::console::{self, Console, LocalPerson};
use crate::http::listen::Listener;
use crate::http::router::{AuthorityApi, authority_table};
use crate::identity::oidc::OidcClient;
use crate::manage_requests::{self, ManageRequests};
use crate::notify::{Backoff, Mailer, Postman, WebhookSender};
use crate::renewal::{Fleet, FromRecord, Own};
use crate::store::Store;
use core::time::Duration;
use std::sync::Arc;

/// How long after an end its receipt is made where there are sidecars elsewhere.
const RECEIPT_AFTER: Duration = Duration::from_secs(2);

/// The ways that notices go, each if it is configured.
type Ways = (Option<(Mailer, Backoff)>, Option<(WebhookSender, Backoff)>);

/// The authority while it is put together.
pub(super) struct Record {
    pub(super) store: Arc<dyn Store>,
    pub(super) time: Arc<AuthorityTime>,
    pub(super) fleet: Arc<Fleet>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) oidc: Option<Arc<OidcClient>>,
    /// Takes what sidecars tell of accesses.
    pub(super) intake: Arc<Intake>,
    /// Takes up what was pushed to another authority; `None` where policies are from a folder.
    pub(super) adopt: Option<Arc<FromRecord>>,
    local: Vec<LocalPerson>,
}

impl Record {
    pub(super) async fn open(shared: &Shared, local: Vec<LocalPerson>) -> Result<Self, StartError> {
        let config = &shared.config;
        let oidc = parts::oidc(config)?;
        let store = record::open(config).await?;
        let unusable = |error| StartError::Store { path: config.authority.database.to_string(), error };
        let mut floor = store.revision().await.map_err(unusable)?.time_floor;
        if !store.is_shared() {
            // What time it was when the floor was last raised is not known to be the last it was.
            floor = floor.plus(SWEEP_EVERY);
        }
        let time = Arc::new(AuthorityTime::starting_at(floor, Arc::clone(&shared.clock)));
        let own = Own { id: shared.run.clone(), address: parts::own_address(config) };
        let (clock, lease) = (Arc::clone(&shared.clock), parts::lease(config));
        let fleet = Arc::new(Fleet::new(Arc::clone(&store), clock, Arc::clone(&time), lease, own));
        fleet.prepare().await?;
        let intake = Arc::new(Intake::new(Arc::clone(&store), Arc::clone(&shared.metrics)));
        let bundled = shared.policies.status().bundle.is_some();
        let (policies, clock) = (Arc::clone(&shared.policies), Arc::clone(&shared.clock));
        let adopt = bundled.then(|| Arc::new(FromRecord::new(Arc::clone(&store), policies, clock)));
        Ok(Self { store, time, fleet, clock: Arc::clone(&shared.clock), oidc, intake, adopt, local })
    }

    /// Starts what the authority listens on. `own` is the courier of the sidecar in this process, if there is one.
    pub(super) async fn listen(
        &self,
        shared: &Shared,
        own: Option<Arc<Courier>>,
        on: &mut Listening,
    ) -> Result<Arc<AuthorityApi>, StartError> {
        let history = History::new(Arc::clone(&self.store), own);
        let Config { authority, limits, .. } = &shared.config;
        let tls = parts::tls("authority", authority.tls.as_ref(), on)?;
        let listener = Listener::tcp(authority.listen).await?.secured(tls);
        on.addresses.authority = listener.address().unwrap_or(authority.listen);
        if authority.public_url.is_none() {
            self.fleet.listens_at(on.addresses.authority.to_string());
        }
        let (mail, webhooks) = parts::ways(&shared.config, &shared.ids)?;
        let no_keys = || r#"{"keys":[]}"#.to_owned();
        let keys = webhooks.as_ref().map_or_else(no_keys, |(sender, _)| sender.key_set());
        let api = self.api(shared, history.clone(), keys);
        let postman = Arc::new(self.postman(shared, history, (mail, webhooks), on));
        let messages = letters::read_here(&postman);
        on.background.spawn(async move { postman.run().await });
        let router = shared.mounted(authority_table(), &api, limits.body_bytes_max);
        let router = console::mount(router, &self.console(shared, &api, messages));
        shared.serving("authority", listener, router, on);
        Ok(api)
    }

    fn postman(&self, shared: &Shared, history: History, (mail, webhooks): Ways, on: &Listening) -> Postman {
        Postman {
            store: Arc::clone(&self.store),
            time: Arc::clone(&self.time),
            ids: Arc::clone(&shared.ids),
            history,
            settle: self.settle(),
            metrics: Arc::clone(&shared.metrics),
            mail,
            webhooks,
            page: parts::page(&shared.config, &on.addresses),
            language: shared.config.mail.language.into(),
            defaults: shared.config.authority.defaults(),
        }
    }

    /// A sidecar elsewhere looks at its log five times a second; the one in this process is waited for by the reader.
    fn settle(&self) -> Box<dyn Fn() -> Duration + Send + Sync> {
        let fleet = Arc::clone(&self.fleet);
        Box::new(move || if fleet.has_others() { RECEIPT_AFTER } else { Duration::ZERO })
    }

    fn api(&self, shared: &Shared, history: History, webhook_keys: String) -> Arc<AuthorityApi> {
        let manage = ManageRequests::new(manage_requests::Parts {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&shared.clock),
            time: Arc::clone(&self.time),
            ids: Arc::clone(&shared.ids),
            policies: Arc::clone(&shared.policies),
            effects: Arc::clone(&self.fleet) as Arc<dyn manage_requests::Effects>,
            defaults: shared.config.authority.defaults(),
        });
        Arc::new(AuthorityApi {
            manage,
            fleet: Arc::clone(&self.fleet),
            time: Arc::clone(&self.time),
            policies: Arc::clone(&shared.policies),
            history,
            intake: Arc::clone(&self.intake),
            metrics: Arc::clone(&shared.metrics),
            webhook_keys,
        })
    }

    fn console(
        &self,
        shared: &Shared,
        api: &Arc<AuthorityApi>,
        messages: Option<Arc<dyn console::Messages>>,
    ) -> Arc<Console> {
        Arc::new(Console::new(console::Parts {
            api: Arc::clone(api),
            store: Arc::clone(&self.store),
            identity: Arc::clone(&shared.identity),
            oidc: self.oidc.clone(),
            token_sign_in: shared.config.console.token_sign_in,
            clock: Arc::clone(&shared.clock),
            ids: Arc::clone(&shared.ids),
            sessions: parts::sessions(&shared.config),
            public_url: shared.config.authority.public_url.as_ref().map(|url| url.as_str().to_owned()),
            local: self.local.clone(),
            messages,
        }))
    }
}
