//! What goes on beside the listeners: renewing, sweeping, looking at policy files and proofs. Each
//! task may be dropped at any point without harm.

use super::Shared;
use super::authority::Record;
use crate::clock::Boot;
use crate::http::router::AuthorityApi;
use crate::http::serve::Counts;
use crate::identity::Tended;
use crate::manage_requests::ManageError;
use crate::policy::{BundleInUse, Reloaded, ShadowPolicies};
use crate::renewal::{Adopt as _, FetchError, Fetched, FromRecord, PolicyFetch};
use crate::telemetry::{ListenerMetrics, Metrics};
use crate::tls::{self, ServerTls};
use core::future::Future;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

/// How often lapsed times are recorded and the time floor is raised.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// How often token file and keys are looked at.
const TEND_EVERY: Duration = Duration::from_secs(2);
/// After how long a first use that the store did not take is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often a listener's counts are carried into the metrics.
const COUNT_EVERY: Duration = Duration::from_millis(500);

/// The tasks; dropped with it.
#[derive(Default)]
pub(super) struct Background(JoinSet<()>);

impl Background {
    pub(super) fn spawn<T>(&mut self, task: impl Future<Output = T> + Send + 'static) {
        self.0.spawn(async move {
            task.await;
        });
    }

    /// Carries a listener's counts into the metrics.
    pub(super) fn count(&mut self, metrics: ListenerMetrics, counts: Arc<Counts>) {
        self.spawn(async move {
            loop {
                let (open, accepted) = (counts.open.load(Ordering::Relaxed), counts.accepted.load(Ordering::Relaxed));
                metrics.carry(open, accepted, counts.over_cap.load(Ordering::Relaxed));
                tokio::time::sleep(COUNT_EVERY).await;
            }
        });
    }

    /// The tasks that keep things current, whatever the role.
    pub(super) fn keep(&mut self, shared: &Shared) {
        let identity = Arc::clone(&shared.identity);
        self.repeat_blocking(TEND_EVERY, move || identity.tend().iter().for_each(tended));
        self.keep_policies(shared);
        if let Some(fetch) = &shared.fetch {
            self.keep_fetching(shared, Arc::clone(fetch));
        }
        if let Some(shadow) = &shared.shadow {
            self.keep_shadow(shared, Arc::clone(shadow));
        }
    }

    /// Those of an authority.
    pub(super) fn keep_authority(&mut self, shared: &Shared, record: &Record, api: &Arc<AuthorityApi>) {
        let authority = Arc::clone(api);
        self.spawn(async move { authority.manage.keep_swept(SWEEP_EVERY).await });
        let fleet = Arc::clone(&record.fleet);
        self.spawn(async move { fleet.keep().await });
        self.keep_first_uses(record, Arc::clone(api));
        if let Some(adopt) = record.adopt.clone() {
            self.keep_adopting(shared, record, adopt);
        }
        if let Some(oidc) = record.oidc.clone() {
            // By itself, so that an issuer that is slow to answer does not hold up the token file.
            let clock = Arc::clone(&record.clock);
            self.repeat_blocking(TEND_EVERY, move || oidc.tend(clock.boot()).iter().for_each(tended));
        }
    }

    /// Takes up a listener's certificate when its files change.
    pub(super) fn keep_tls(&mut self, listener: &'static str, tls: Arc<ServerTls>) {
        self.repeat_blocking(TEND_EVERY, move || match tls.tend() {
            tls::Tended::Unchanged => {}
            tls::Tended::Taken => info!(listener, "a new certificate is in force"),
            tls::Tended::Kept(error) => {
                warn!(listener, %error, "the certificate changed and cannot be used; the last good one stays")
            }
        });
    }

    /// Writes down first uses as sidecars tell of them.
    fn keep_first_uses(&mut self, record: &Record, authority: Arc<AuthorityApi>) {
        let fleet = Arc::clone(&record.fleet);
        self.spawn(async move {
            loop {
                let mut kept = Vec::new();
                for (id, at) in fleet.first_uses().await {
                    match authority.manage.first_used(id, at).await {
                        Ok(_) => {}
                        // The sidecar has forgotten it: it is kept here until the store takes it.
                        Err(ManageError::Store(error)) => {
                            warn!(%id, %error, "that a Grant was used cannot be noted now; it is tried again");
                            kept.push((id, at));
                        }
                        Err(error) => {
                            warn!(%id, %error, "that a Grant was used is not noted; its customer is not told of it");
                        }
                    }
                }
                if !kept.is_empty() {
                    tokio::time::sleep(AGAIN_AFTER).await;
                    fleet.used(kept);
                }
            }
        });
    }

    /// Takes up bundles that were pushed to other authorities. What sidecars may decide by does not rest on it: they
    /// are told by the record what to adopt.
    fn keep_adopting(&mut self, shared: &Shared, record: &Record, adopt: Arc<FromRecord>) {
        let every = Duration::from_millis(shared.config.policies.poll_ms);
        let fleet = Arc::clone(&record.fleet);
        self.spawn(async move {
            let mut told_of = None;
            loop {
                // Whoever cannot read the record gives no leases, and says so elsewhere.
                if let Ok(Some(demand)) = fleet.demanded().await {
                    let failure = adopt.adopt(&demand).await.err();
                    if let Some(why) = failure.as_ref().filter(|_| failure != told_of) {
                        error!(why, digest = demand.digest, "the bundle that the record demands cannot be used here");
                    }
                    told_of = failure;
                }
                tokio::time::sleep(every).await;
            }
        });
    }

    fn keep_policies(&mut self, shared: &Shared) {
        let (policies, metrics) = (Arc::clone(&shared.policies), Arc::clone(&shared.metrics));
        let clock = Arc::clone(&shared.clock);
        let every = Duration::from_millis(shared.config.policies.poll_ms);
        let (told_of, loaded) = (Mutex::new(None), Mutex::new(policies.status().digest));
        self.repeat_blocking(every, move || {
            let found = policies.poll(clock.boot().since(Boot::default()));
            // The files are looked at twice a second; what is wrong with them is told once.
            let failure = match &found {
                Reloaded::Failed(error) => Some(error.to_string()),
                _ => None,
            };
            let mut told_of = told_of.lock().unwrap_or_else(PoisonError::into_inner);
            if failure.is_none() || *told_of != failure {
                told(&found, &metrics);
            }
            *told_of = failure;
            // Whoever had them reloaded, by file, by signal or over HTTP.
            let digest = policies.status().digest;
            let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
            if *loaded != digest {
                metrics.policies_loaded(&digest);
                *loaded = digest;
            }
        });
    }

    /// Fetches the bundle; the next look at the policies takes it up.
    fn keep_fetching(&mut self, shared: &Shared, fetch: Arc<PolicyFetch>) {
        let metrics = Arc::clone(&shared.metrics);
        let every = Duration::from_millis(shared.config.policies.poll_ms);
        let told_of = Mutex::new(fetch.failure());
        self.repeat_blocking(every, move || {
            let found = fetch.fetch();
            let failure = found.as_ref().err().cloned();
            let mut told_of = told_of.lock().unwrap_or_else(PoisonError::into_inner);
            if failure.is_none() || *told_of != failure {
                fetched(&found, &metrics);
            }
            *told_of = failure;
        });
    }

    /// The shadow is read now for the first time: a start never waits for it.
    fn keep_shadow(&mut self, shared: &Shared, shadow: Arc<ShadowPolicies>) {
        let (clock, metrics) = (Arc::clone(&shared.clock), Arc::clone(&shared.metrics));
        let every = Duration::from_millis(shared.config.policies.poll_ms);
        let told_of = Mutex::new(None);
        self.repeat_blocking(every, move || {
            let failure = match shadow.poll(clock.boot().since(Boot::default())) {
                Reloaded::Failed(error) => Some(error.to_string()),
                Reloaded::Swapped { digest } => {
                    info!(digest, "answers are compared with those of new shadow policies");
                    metrics.shadow_loaded(&digest);
                    None
                }
                Reloaded::Unchanged | Reloaded::Changing => None,
            };
            let mut told_of = told_of.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(error) = failure.as_ref().filter(|_| *told_of != failure) {
                warn!(error, "the shadow policies cannot be used; answers do not depend on them");
            }
            *told_of = failure;
        });
    }

    /// Repeats what reads files, on a thread that may wait for a disk.
    fn repeat_blocking(&mut self, every: Duration, work: impl Fn() + Send + Sync + 'static) {
        let work = Arc::new(work);
        self.spawn(async move {
            loop {
                let work = Arc::clone(&work);
                if tokio::task::spawn_blocking(move || work()).await.is_err() {
                    error!("a task in the background panicked; it is tried again");
                }
                tokio::time::sleep(every).await;
            }
        });
    }
}

/// Tells what became of the policies.
pub(super) fn told(reloaded: &Reloaded, metrics: &Metrics) {
    match reloaded {
        Reloaded::Unchanged | Reloaded::Changing => {}
        Reloaded::Swapped { digest } => info!(digest, "new policies are in use"),
        Reloaded::Failed(error) => {
            metrics.policies_refused();
            error!(%error, "the policy files cannot be used; the last good set stays until the grace is over");
        }
    }
}

/// Tells what became of a fetch.
pub(super) fn fetched(found: &Result<Fetched, FetchError>, metrics: &Metrics) {
    match found {
        Ok(Fetched::Unchanged) => {}
        Ok(Fetched::Taken(bundle)) => {
            let BundleInUse { name, signed_by, created_at, file } = bundle.as_ref();
            info!(?name, signed_by, %created_at, digest = file.digest, "a bundle was fetched and is kept");
        }
        Err(FetchError::Refused { url, error }) => {
            metrics.policies_refused();
            error!(url, %error, "the bundle that was fetched is not taken; the one that is kept stays");
        }
        Err(error) => warn!(%error, "the one that is kept stays"),
    }
}

fn tended(found: &Tended) {
    match found {
        Tended::TokensLoaded(count) => info!(count, "the token file changed and is in force"),
        Tended::KeysLoaded(count) => info!(count, "the key set was read"),
        Tended::TokensKept(why) => warn!(why, "the token file changed and cannot be used; the last good one stays"),
        Tended::KeysKept(why) => warn!(why, "the key set cannot be read; the last good one stays for a while"),
    }
}
