//! The sidecar's half of a process: its memory, its decision log, and how it is kept in step.

use super::{Listening, Shared, StartError, parts, report};
use crate::accesses::{Courier, CourierParts, Tell};
use crate::config::Config;
use crate::decision_log::DecisionLog;
use crate::domain::{TenantId, WorkloadName};
use crate::evaluate_access::{self, EvaluateAccess};
use crate::http::listen::Listener;
use crate::http::router::{SidecarApi, sidecar_table};
use crate::renewal::{
    Adopt, EMBEDDED, FromUrl, Remote, RemoteSettings, Renew, Renewer, RenewerSettings, Telling, View,
};
use crate::state::State;
use crate::tls::ClientFiles;
use core::time::Duration;
use std::sync::Arc;
use tracing::info;

/// The pause after a first failure to renew.
const RETRY: Duration = Duration::from_millis(50);

/// The sidecar while it is put together.
pub(super) struct Beside {
    pub(super) state: Arc<State>,
    pub(super) log: Arc<DecisionLog>,
    pub(super) renewer: Arc<Renewer>,
    /// Tells the authority of accesses.
    pub(super) courier: Arc<Courier>,
}

/// A part of a random number, by which a fleet spreads.
fn chance(shared: &Shared) -> u64 {
    shared.run.bytes().rev().take(6).fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

/// How renewals go, and what is told of accesses.
type Ways = (Arc<dyn Renew>, Arc<dyn Tell>);

/// The ways to authorities elsewhere: of renewals, and of accesses.
pub(super) fn remote(shared: &Shared) -> Result<Ways, StartError> {
    let sidecar = &shared.config.sidecar;
    let urls: Vec<String> = sidecar.authorities().map(|url| url.as_str().to_owned()).collect();
    if urls.is_empty() {
        let why = "the role sidecar renews from an authority: set `sidecar.authority_url`, or `sidecar.authority_urls`";
        return Err(StartError::Role(why.to_owned()));
    }
    let settings = RemoteSettings {
        urls,
        files: authority_files(&shared.config),
        token_file: sidecar.authority_token_file.clone(),
        named: sidecar.name.clone(),
        lease: parts::lease(&shared.config),
    };
    let teller = Telling::new(settings.clone(), chance(shared))?;
    Ok((Arc::new(Remote::new(settings, chance(shared))?), Arc::new(teller)))
}

/// How a sidecar by itself adopts what the record demands: by fetching it, where it fetches its policies at all.
pub(super) fn adopting(shared: &Shared) -> Option<Arc<dyn Adopt>> {
    let fetch = Arc::clone(shared.fetch.as_ref()?);
    Some(Arc::new(FromUrl { fetch, policies: Arc::clone(&shared.policies), clock: Arc::clone(&shared.clock) }))
}

/// TLS on the way to the authority.
pub(super) fn authority_files(config: &Config) -> ClientFiles {
    let sidecar = &config.sidecar;
    ClientFiles {
        ca: sidecar.authority_ca_file.clone(),
        identity: sidecar.authority_certificate_file.clone().zip(sidecar.authority_key_file.clone()),
    }
}

fn view(config: &Config) -> Result<View, StartError> {
    let workloads = config.sidecar.workloads.iter().map(|name| WorkloadName::parse(name));
    let tenants = config.sidecar.tenants.iter().map(|name| TenantId::parse(name));
    Ok(View { workloads: workloads.collect::<Result<_, _>>()?, tenants: tenants.collect::<Result<_, _>>()? })
}

impl Beside {
    pub(super) fn open(
        shared: &Shared,
        authority: Arc<dyn Renew>,
        teller: Arc<dyn Tell>,
        adopt: Option<Arc<dyn Adopt>>,
    ) -> Result<Self, StartError> {
        let config = &shared.config;
        let time = Arc::new(parts::LogTime(Arc::clone(&shared.clock)));
        let (log, recovery) = DecisionLog::open(&config.log.dir, parts::log(config), time)?;
        info!(?recovery, "the decision log is open");
        let (state, log) = (Arc::new(State::default()), Arc::new(log));
        let (policies, written) = (Arc::clone(&shared.policies), Arc::clone(&log));
        let settings = RenewerSettings {
            sidecar: EMBEDDED.to_owned(),
            incarnation: shared.run.clone(),
            view: view(config)?,
            lease: parts::lease(config),
            retry: RETRY,
            report: Box::new(move || (policies.status().digest, Some(written.health().last_sequence))),
            adopt,
        };
        let renewer = Renewer::new(authority, Arc::clone(&state), Arc::clone(&shared.clock), settings);
        let held = Arc::clone(&state);
        let courier = Courier::new(CourierParts {
            log: Arc::clone(&log),
            dir: config.log.dir.clone(),
            teller,
            epoch: Box::new(move || held.standing().epoch),
            metrics: Arc::clone(&shared.metrics),
            chance: chance(shared),
        });
        Ok(Self { state, log, renewer: Arc::new(renewer), courier: Arc::new(courier) })
    }

    /// Starts what the sidecar listens on, and its renewals.
    pub(super) async fn listen(&self, shared: &Shared, on: &mut Listening) -> Result<(), StartError> {
        on.background.spawn(self.log.relay());
        let renewer = Arc::clone(&self.renewer);
        on.background.spawn(async move { renewer.run().await });
        let courier = Arc::clone(&self.courier);
        on.background.spawn(async move { courier.run().await });
        let sidecar = &shared.config.sidecar;
        let tls = parts::tls("sidecar", sidecar.tls.as_ref(), on)?;
        let listener = Listener::tcp(sidecar.listen).await?.secured(tls);
        on.addresses.sidecar = listener.address().unwrap_or(sidecar.listen);
        let router = shared.mounted(sidecar_table(), &self.api(shared, on), sidecar.body_bytes_max);
        shared.serving("sidecar", listener, router.clone(), on);
        if let Some(path) = &sidecar.unix_socket {
            shared.serving("sidecar-unix", Listener::unix(path)?, router, on);
        }
        Ok(())
    }

    fn api(&self, shared: &Shared, on: &Listening) -> Arc<SidecarApi> {
        let evaluate = EvaluateAccess::new(evaluate_access::Parts {
            state: Arc::clone(&self.state),
            policies: Arc::clone(&shared.policies),
            shadow: shared.shadow.clone(),
            clock: Arc::clone(&shared.clock),
            ids: Arc::clone(&shared.ids),
            log: Arc::clone(&self.log),
            cache: parts::cache(&shared.config),
            durability: parts::durability(&shared.config),
            observer: Arc::new(report::Counting(Arc::clone(&shared.metrics))),
        });
        Arc::new(SidecarApi {
            evaluate,
            authzen: parts::authzen(&shared.config, &on.addresses),
            policies: Arc::clone(&shared.policies),
            clock: Arc::clone(&shared.clock),
        })
    }
}
