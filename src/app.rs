//! The wiring: from a configuration to a running process and back to a stopped one. With its files the only place
//! that names every concrete type; it decides nothing.

mod authority;
mod background;
mod letters;
mod parts;
pub mod record;
mod report;
mod sidecar;

use crate::accesses::{Courier, InProcess};
use crate::clock::{Boot, Clock, Ids, SystemClock, SystemIds};
use crate::config::Config;
use crate::console::LocalPerson;
use crate::decision_log::{self, DecisionLog};
use crate::domain::NameError;
use crate::http::call::Doorkeeper;
use crate::http::edge::Edge;
use crate::http::listen::{ListenError, Listener};
use crate::http::operations::{OperationsApi, operations_table};
use crate::http::router::{AuthorityApi, Row, mount};
use crate::http::serve::{Bounds, Counts, Stopped, serve};
use crate::identity::Identity;
use crate::policy::{LoadError, PolicyHandle, ShadowPolicies};
use crate::renewal::{Adopt, EMBEDDED, PolicyFetch, Renew, RenewError};
use crate::state::State;
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;
use crate::tls::TlsError;
use authority::Record;
use axum::Router;
use background::Background;
use core::time::Duration;
use sidecar::Beside;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

/// How long a stop waits for the authority to be told of the last answers.
const TELL_MAX: Duration = Duration::from_secs(1);

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
    /// The authorities cannot be asked as configured.
    #[error("{0}")]
    Renewal(#[from] RenewError),
    /// TLS cannot be had as configured.
    #[error("TLS cannot be had: {0}")]
    Tls(#[from] TlsError),
    /// A role lacks what it needs.
    #[error("{0}")]
    Role(String),
    /// Something cannot be had from the operating system.
    #[error("{0}")]
    System(String),
}

/// Which halves of the system a process is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    /// Authority and sidecar, joined in memory.
    #[default]
    All,
    /// AccessRequests, Grants, tenants; answers the renewals of sidecars elsewhere.
    Authority,
    /// Answers evaluations; renews from authorities elsewhere.
    Sidecar,
}

/// Where the process listens; as configured for what it is not, or not yet.
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
    /// What it has as an authority.
    pub authority: Option<RunningAuthority>,
    sidecar: Option<RunningSidecar>,
    policies: Arc<PolicyHandle>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<Stopped>>,
    background: Background,
}

/// The authority of a running process, for what is prepared before the first call (the demo).
#[derive(Clone)]
pub struct RunningAuthority {
    /// The record.
    pub store: Arc<dyn Store>,
    /// The lifecycle.
    pub api: Arc<AuthorityApi>,
}

/// The sidecar of a running process.
struct RunningSidecar {
    state: Arc<State>,
    log: Arc<DecisionLog>,
    courier: Arc<Courier>,
}

/// What both roles share while they are put together.
struct Shared {
    config: Config,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    metrics: Arc<Metrics>,
    policies: Arc<PolicyHandle>,
    fetch: Option<Arc<PolicyFetch>>,
    shadow: Option<Arc<ShadowPolicies>>,
    identity: Arc<Identity>,
    /// This run of the process; unique.
    run: String,
}

/// The listeners that are started, and what stops them.
struct Listening {
    addresses: Addresses,
    listeners: Vec<JoinHandle<Stopped>>,
    stop: watch::Sender<bool>,
    background: Background,
}

impl App {
    /// Starts everything that `config` asks for, authority and sidecar in one process.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_as(Role::All, config, Vec::new()).await
    }

    /// Starts what a role is, with people whose sign-in the page offers with one button: for a demo.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub async fn start_as(role: Role, config: Config, local: Vec<LocalPerson>) -> Result<Self, StartError> {
        let shared = Shared::prepare(config).await?;
        let mut on = Listening {
            addresses: shared.configured(),
            listeners: Vec::new(),
            stop: watch::channel(false).0,
            background: Background::default(),
        };
        let mut record = None;
        if role != Role::Sidecar {
            record = Some(Record::open(&shared, local).await?);
        }
        let beside = match (role, &record) {
            (Role::Authority, _) => None,
            (_, Some(record)) => {
                let teller = InProcess { intake: Arc::clone(&record.intake), sidecar: EMBEDDED };
                let adopt = record.adopt.clone().map(|adopt| adopt as Arc<dyn Adopt>);
                Some(Beside::open(&shared, Arc::clone(&record.fleet) as Arc<dyn Renew>, Arc::new(teller), adopt)?)
            }
            (_, None) => {
                let (authority, teller) = sidecar::remote(&shared)?;
                Some(Beside::open(&shared, authority, teller, sidecar::adopting(&shared))?)
            }
        };
        let authority = match &record {
            Some(record) => {
                let own = beside.as_ref().map(|beside| Arc::clone(&beside.courier));
                Some(record.listen(&shared, own, &mut on).await?)
            }
            None => None,
        };
        if let Some(beside) = &beside {
            beside.listen(&shared, &mut on).await?;
        }
        shared.operations(record.as_ref(), beside.as_ref(), &mut on).await?;
        on.background.keep(&shared);
        if let (Some(record), Some(api)) = (&record, &authority) {
            on.background.keep_authority(&shared, record, api);
        }
        let Listening { addresses, listeners, stop, background } = on;
        info!(?role, authority = %addresses.authority, sidecar = %addresses.sidecar, operations = %addresses.operations, "listening");
        let Shared { clock, metrics, policies, .. } = shared;
        let authority = authority.zip(record).map(|(api, record)| RunningAuthority { store: record.store, api });
        let sidecar = beside.map(|Beside { state, log, courier, .. }| RunningSidecar { state, log, courier });
        Ok(Self { addresses, authority, sidecar, policies, clock, metrics, stop, listeners, background })
    }

    /// The revision that its sidecar decides by; `None` where it is none.
    pub fn decides_by(&self) -> Option<u64> {
        self.sidecar.as_ref().map(|sidecar| sidecar.state.standing().revision)
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
        if let Some(RunningSidecar { log, courier, .. }) = self.sidecar {
            // Nothing depends on it: what is not told now is told after the next start.
            if let Err(error) = courier.caught_up(TELL_MAX).await {
                info!(%error, "the authority is not told of everything yet; it will be after the next start");
            }
            // The log is closed before its relay ends, so that whoever still waits is told.
            if tokio::task::spawn_blocking(move || log.close()).await.is_err() {
                warn!("the decision log did not close cleanly; its tail is checked at the next start");
            }
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
        let grace = Duration::from_secs(config.policies.grace_s);
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
        let run = ids.uuid(clock.wall()).hyphenated().to_string();
        Ok(Self { config, clock, ids, metrics, policies, fetch, shadow, identity, run })
    }

    fn configured(&self) -> Addresses {
        let Config { authority, sidecar, operations, ext_authz, .. } = &self.config;
        Addresses {
            authority: authority.listen,
            sidecar: sidecar.listen,
            operations: operations.listen,
            ext_authz: ext_authz.listen,
        }
    }

    fn mounted<S: Send + Sync + 'static>(&self, table: Vec<Row<S>>, api: &Arc<S>, body_bytes_max: u64) -> Router {
        let body = parts::body(&self.config, body_bytes_max);
        let door = Arc::new(Doorkeeper { identity: Arc::clone(&self.identity), body });
        mount(table, api, &door, &self.clock, &self.metrics)
    }

    fn serving(&self, name: &'static str, listener: Listener, router: Router, on: &mut Listening) {
        let edge = Edge::around(router, Arc::clone(&self.clock), Arc::clone(&self.ids));
        let bounds: Bounds = parts::bounds(&self.config);
        let counts = Arc::new(Counts::default());
        on.background.count(self.metrics.listener(name), Arc::clone(&counts));
        on.listeners.push(tokio::spawn(serve(listener, edge, bounds, counts, on.stop.subscribe())));
    }

    async fn operations(
        &self,
        record: Option<&Record>,
        beside: Option<&Beside>,
        on: &mut Listening,
    ) -> Result<(), StartError> {
        let listener = Listener::tcp(self.config.operations.listen).await?;
        on.addresses.operations = listener.address().unwrap_or(self.config.operations.listen);
        let report = Arc::new(report::Report::of(self, record, beside));
        let (ready, counted) = (Arc::clone(&report), report);
        let api = OperationsApi {
            readiness: Box::new(move || ready.readiness()),
            metrics: Box::new(move || counted.metrics()),
        };
        let router = self.mounted(operations_table(), &Arc::new(api), self.config.limits.body_bytes_max);
        self.serving("operations", listener, router, on);
        Ok(())
    }
}
