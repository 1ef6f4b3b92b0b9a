//! The wiring: from a configuration to a running process and back to a stopped one. The only file
//! that names every concrete type; it decides nothing.

mod background;
mod letters;
mod parts;
pub mod record;
mod report;

use crate::clock::{AuthorityTime, Boot, Clock, Ids, SystemClock, SystemIds};
use crate::config::Config;
use crate::console::{self, Console, LocalPerson};
use crate::decision_log::{self, DecisionLog};
use crate::domain::NameError;
use crate::evaluate_access::{self, EvaluateAccess, History};
use crate::http::call::Doorkeeper;
use crate::http::edge::Edge;
use crate::http::listen::{ListenError, Listener};
use crate::http::operations::{OperationsApi, operations_table};
use crate::http::router::{AuthorityApi, SidecarApi, authority_table, mount, sidecar_table};
use crate::http::serve::{Bounds, Counts, Stopped, serve};
use crate::identity::Identity;
use crate::identity::oidc::OidcClient;
use crate::manage_requests::{self, ManageRequests};
use crate::notify::{Backoff, Mailer, Postman, WebhookSender};
use crate::policy::{LoadError, PolicyHandle, ShadowPolicies};
use crate::renewal::{Fleet, PolicyFetch, Renewer, RenewerSettings};
use crate::state::State;
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;
use axum::Router;
use background::Background;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

/// The sidecar's name where it runs in one process with its authority.
const EMBEDDED: &str = "embedded";

/// Why the process did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The policies cannot be used.
    #[error("the policies cannot be used:\n{0}")]
    Policies(#[from] LoadError),
    /// The database cannot be used.
    #[error("the database `{path}` cannot be used: {error}")]
    Store {
        /// Which file or address.
        path: String,
        /// Why.
        error: StoreError,
    },
    /// The decision log cannot be used.
    #[error("the decision log cannot be used: {0}")]
    Log(#[from] decision_log::OpenError),
    /// A listener cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A name in the configuration is not canonical.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Something about identities cannot be used.
    #[error("{0}")]
    Identity(String),
    /// Notices cannot be sent as configured.
    #[error("{0}")]
    Notices(String),
    /// Something cannot be had from the operating system.
    #[error("{0}")]
    System(String),
}

/// Where the process listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The authority.
    pub authority: SocketAddr,
    /// The sidecar.
    pub sidecar: SocketAddr,
    /// Operations.
    pub operations: SocketAddr,
    /// Where Envoy will be answered; nothing listens there yet.
    pub ext_authz: SocketAddr,
}

/// A running process.
pub struct App {
    /// Where it listens.
    pub addresses: Addresses,
    /// The record, for what is prepared before the first call (the demo).
    pub store: Arc<dyn Store>,
    /// The lifecycle.
    pub authority: Arc<AuthorityApi>,
    log: Arc<DecisionLog>,
    policies: Arc<PolicyHandle>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<Stopped>>,
    background: Background,
}

/// What all parts share while they are put together.
struct Shared {
    config: Config,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    metrics: Arc<Metrics>,
    policies: Arc<PolicyHandle>,
    fetch: Option<Arc<PolicyFetch>>,
    shadow: Option<Arc<ShadowPolicies>>,
    identity: Arc<Identity>,
    oidc: Option<Arc<OidcClient>>,
    store: Arc<dyn Store>,
    time: Arc<AuthorityTime>,
    fleet: Arc<Fleet>,
    state: Arc<State>,
    log: Arc<DecisionLog>,
    local: Vec<LocalPerson>,
}

impl App {
    /// Starts everything that `config` asks for, authority and sidecar in one process.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, Vec::new()).await
    }

    /// The same, with people whose sign-in the page offers with one button: for a demo.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub async fn start_with(config: Config, local: Vec<LocalPerson>) -> Result<Self, StartError> {
        let mut shared = Shared::prepare(config).await?;
        shared.local = local;
        let mut background = Background::default();
        background.spawn(shared.log.relay());
        let (listeners, addresses, authority, stop) = shared.listen(&mut background).await?;
        background.keep(&shared, &authority);
        shared.spawn_renewer(&mut background)?;
        info!(authority = %addresses.authority, sidecar = %addresses.sidecar, operations = %addresses.operations, "listening");
        let Shared { clock, metrics, policies, store, log, .. } = shared;
        Ok(Self { addresses, store, authority, log, policies, clock, metrics, stop, listeners, background })
    }

    /// Reads the policy files anew, as `SIGHUP` asks.
    pub fn reload_policies(&self) {
        let reloaded = self.policies.reload(self.clock.boot().since(Boot::default()));
        background::told(&reloaded, &self.metrics);
    }

    /// Stops: no new connections, requests in flight are answered, the log is written out.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for listener in self.listeners {
            match listener.await {
                Ok(Stopped { connections_cut: 0, .. }) => {}
                Ok(stopped) => warn!(?stopped, "some connections did not end in time"),
                Err(error) => warn!(%error, "a listener ended by a defect"),
            }
        }
        // The log is closed before its relay ends, so that whoever still waits is told.
        let log = Arc::clone(&self.log);
        if tokio::task::spawn_blocking(move || log.close()).await.is_err() {
            warn!("the decision log did not close cleanly; its tail is checked at the next start");
        }
        drop(self.background);
        info!("stopped; every answer given is on record");
    }
}

impl Shared {
    async fn prepare(config: Config) -> Result<Self, StartError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn Ids> = Arc::new(SystemIds);
        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")));
        let boot = clock.boot().since(Boot::default());
        let grace = core::time::Duration::from_secs(config.policies.grace_s);
        let (origin, fetch) = parts::policies(&config)?;
        let fetch = fetch.map(Arc::new);
        if let Some(fetch) = fetch.clone() {
            // Before the first look; what was kept will do when nobody answers.
            let fetched = tokio::task::spawn_blocking(move || fetch.fetch()).await;
            let fetched = fetched.map_err(|error| StartError::System(error.to_string()))?;
            background::fetched(&fetched, &metrics);
        }
        let policies = Arc::new(PolicyHandle::open(origin, grace, boot)?);
        metrics.policies_loaded(&policies.status().digest);
        let shadow = config.policies.shadow.clone().map(|path| Arc::new(ShadowPolicies::at(path)));
        let identity = Arc::new(parts::identity(&config, &clock)?);
        let oidc = parts::oidc(&config)?;
        let store = record::open(&config).await?;
        let unusable = |error| StartError::Store { path: config.authority.database.to_string(), error };
        let floor = store.revision().await.map_err(unusable)?.time_floor.plus(background::SWEEP_EVERY);
        let time = Arc::new(AuthorityTime::starting_at(floor, Arc::clone(&clock)));
        let lease = parts::lease(&config);
        let fleet = Arc::new(Fleet::new(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&time), lease));
        let (log, recovery) =
            DecisionLog::open(&config.log.dir, parts::log(&config), Arc::new(parts::LogTime(Arc::clone(&clock))))?;
        info!(?recovery, "the decision log is open");
        let (state, log) = (Arc::new(State::default()), Arc::new(log));
        Ok(Self {
            config,
            clock,
            ids,
            metrics,
            policies,
            fetch,
            shadow,
            identity,
            oidc,
            store,
            time,
            fleet,
            state,
            log,
            local: Vec::new(),
        })
    }

    async fn listen(
        &self,
        background: &mut Background,
    ) -> Result<(Vec<JoinHandle<Stopped>>, Addresses, Arc<AuthorityApi>, watch::Sender<bool>), StartError> {
        let Config { authority, sidecar, operations, ext_authz, .. } = &self.config;
        let at_authority = Listener::tcp(authority.listen).await?;
        let at_sidecar = Listener::tcp(sidecar.listen).await?;
        let at_operations = Listener::tcp(operations.listen).await?;
        let addresses = Addresses {
            authority: at_authority.address().unwrap_or(authority.listen),
            sidecar: at_sidecar.address().unwrap_or(sidecar.listen),
            operations: at_operations.address().unwrap_or(operations.listen),
            ext_authz: ext_authz.listen,
        };
        let (mail, webhooks) = parts::ways(&self.config, &self.ids)?;
        let no_keys = || r#"{"keys":[]}"#.to_owned();
        let keys = webhooks.as_ref().map_or_else(no_keys, |(sender, _)| sender.key_set());
        let (authority_api, sidecar_api) = (self.authority_api(keys), self.sidecar_api(&addresses));
        let postman = Arc::new(self.postman(mail, webhooks, &addresses));
        let messages = letters::read_here(&postman);
        background.spawn(async move { postman.run().await });
        let door = |bytes_max| {
            Arc::new(Doorkeeper { identity: Arc::clone(&self.identity), body: parts::body(&self.config, bytes_max) })
        };
        let limits = &self.config.limits;
        let authority_router = self.mounted(authority_table(), &authority_api, &door(limits.body_bytes_max));
        let authority_router = console::mount(authority_router, &self.console(&authority_api, messages));
        let sidecar_router = self.mounted(sidecar_table(), &sidecar_api, &door(sidecar.body_bytes_max));
        let api = Arc::new(self.operations_api());
        let operations_router = self.mounted(operations_table(), &api, &door(limits.body_bytes_max));
        let (stop, stopping) = watch::channel(false);
        let mut listeners = vec![
            self.serving("authority", at_authority, authority_router, &stopping, background),
            self.serving("sidecar", at_sidecar, sidecar_router.clone(), &stopping, background),
            self.serving("operations", at_operations, operations_router, &stopping, background),
        ];
        if let Some(path) = &sidecar.unix_socket {
            listeners.push(self.serving("sidecar-unix", Listener::unix(path)?, sidecar_router, &stopping, background));
        }
        Ok((listeners, addresses, authority_api, stop))
    }

    fn mounted<S: Send + Sync + 'static>(
        &self,
        table: Vec<crate::http::router::Row<S>>,
        api: &Arc<S>,
        door: &Arc<Doorkeeper>,
    ) -> Router {
        mount(table, api, door, &self.clock, &self.metrics)
    }

    fn serving(
        &self,
        name: &'static str,
        listener: Listener,
        router: Router,
        stopping: &watch::Receiver<bool>,
        background: &mut Background,
    ) -> JoinHandle<Stopped> {
        let edge = Edge::around(router, Arc::clone(&self.clock), Arc::clone(&self.ids));
        let bounds: Bounds = parts::bounds(&self.config);
        let counts = Arc::new(Counts::default());
        background.count(self.metrics.listener(name), Arc::clone(&counts));
        tokio::spawn(serve(listener, edge, bounds, counts, stopping.clone()))
    }

    fn postman(
        &self,
        mail: Option<(Mailer, Backoff)>,
        webhooks: Option<(WebhookSender, Backoff)>,
        addresses: &Addresses,
    ) -> Postman {
        Postman {
            store: Arc::clone(&self.store),
            time: Arc::clone(&self.time),
            ids: Arc::clone(&self.ids),
            history: History::in_dir(self.config.log.dir.clone()),
            metrics: Arc::clone(&self.metrics),
            mail,
            webhooks,
            page: parts::page(&self.config, addresses),
            language: self.config.mail.language.into(),
            defaults: self.config.authority.defaults(),
        }
    }

    fn authority_api(&self, webhook_keys: String) -> Arc<AuthorityApi> {
        let manage = ManageRequests::new(manage_requests::Parts {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            time: Arc::clone(&self.time),
            ids: Arc::clone(&self.ids),
            policies: Arc::clone(&self.policies),
            effects: Arc::clone(&self.fleet) as Arc<dyn manage_requests::Effects>,
            defaults: self.config.authority.defaults(),
        });
        Arc::new(AuthorityApi {
            manage,
            time: Arc::clone(&self.time),
            policies: Arc::clone(&self.policies),
            history: History::in_dir(self.config.log.dir.clone()),
            certainly_effective: parts::lease(&self.config).certainly_over(),
            metrics: Arc::clone(&self.metrics),
            webhook_keys,
        })
    }

    fn console(&self, api: &Arc<AuthorityApi>, messages: Option<Arc<dyn console::Messages>>) -> Arc<Console> {
        Arc::new(Console::new(console::Parts {
            api: Arc::clone(api),
            store: Arc::clone(&self.store),
            identity: Arc::clone(&self.identity),
            oidc: self.oidc.clone(),
            token_sign_in: self.config.console.token_sign_in,
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            sessions: parts::sessions(&self.config),
            public_url: self.config.authority.public_url.as_ref().map(|url| url.as_str().to_owned()),
            local: self.local.clone(),
            messages,
        }))
    }

    fn sidecar_api(&self, addresses: &Addresses) -> Arc<SidecarApi> {
        let evaluate = EvaluateAccess::new(evaluate_access::Parts {
            state: Arc::clone(&self.state),
            policies: Arc::clone(&self.policies),
            shadow: self.shadow.clone(),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            log: Arc::clone(&self.log),
            cache: parts::cache(&self.config),
            durability: parts::durability(&self.config),
            observer: Arc::new(report::Counting(Arc::clone(&self.metrics))),
        });
        Arc::new(SidecarApi {
            evaluate,
            authzen: parts::authzen(&self.config, addresses),
            policies: Arc::clone(&self.policies),
            clock: Arc::clone(&self.clock),
        })
    }

    fn operations_api(&self) -> OperationsApi {
        let report = report::Report {
            clock: Arc::clone(&self.clock),
            metrics: Arc::clone(&self.metrics),
            policies: Arc::clone(&self.policies),
            fetch: self.fetch.clone(),
            shadow: self.shadow.clone(),
            state: Arc::clone(&self.state),
            log: Arc::clone(&self.log),
            store: report::StoreWell::watching(Arc::clone(&self.store)),
        };
        let report = Arc::new(report);
        let (ready, counted) = (Arc::clone(&report), report);
        OperationsApi { readiness: Box::new(move || ready.readiness()), metrics: Box::new(move || counted.metrics()) }
    }

    fn spawn_renewer(&self, background: &mut Background) -> Result<(), StartError> {
        let incarnation = self.ids.uuid(self.clock.wall()).hyphenated().to_string();
        let (policies, log) = (Arc::clone(&self.policies), Arc::clone(&self.log));
        let settings = RenewerSettings {
            sidecar: EMBEDDED.to_owned(),
            incarnation,
            lease: parts::lease(&self.config),
            retry: core::time::Duration::from_millis(50),
            report: Box::new(move || (policies.status().digest, Some(log.health().last_sequence))),
        };
        let authority = Arc::clone(&self.fleet) as Arc<dyn crate::renewal::Renew>;
        let renewer = Renewer::new(authority, Arc::clone(&self.state), Arc::clone(&self.clock), settings);
        background.spawn(async move { renewer.run().await });
        Ok(())
    }
}
