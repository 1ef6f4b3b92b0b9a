//! Adoption: the record demands a bundle of policies, and whoever takes bundles from the authority uses it before
//! it says that it has the revision which demands it.
//!
//! Invariant: **adopted, then acknowledged.** An answer that names a bundle which is not in use is not taken until
//! it is: no new lease, and the old one is over after L at the most. So a change of policies that was pushed is
//! effective when a revocation would be: when each sidecar has acknowledged its revision, or after L(1 + ρ).
//! Invariant: a demand is met by the bundle it names or by one that was signed later, and by nothing else. What was
//! signed later is what the holder of the key wants now, however it has come here.
//! Invariant: a demand makes nothing trusted. The bundle is verified here as one that was found would be.

use super::policies::PolicyFetch;
use crate::clock::{Boot, Clock};
use crate::manage_requests::kept_bundle;
use crate::policy::{NotTaken, PolicyHandle};
use crate::state::BundleDemand;
use crate::store::Store;
use async_trait::async_trait;
use std::sync::{Arc, Mutex, PoisonError};

/// Puts into use what the record demands.
#[async_trait]
pub trait Adopt: Send + Sync {
    /// When this returns well, no question that is asked from now on is decided by policies of before the demand.
    ///
    /// # Errors
    /// Why it cannot be adopted, for people.
    async fn adopt(&self, demand: &BundleDemand) -> Result<(), String>;
}

/// Whether the policies in use are what is demanded.
fn met(policies: &PolicyHandle, demand: &BundleDemand) -> bool {
    policies
        .status()
        .bundle
        .is_some_and(|bundle| bundle.file.digest == demand.digest || bundle.created_at > demand.signed_at)
}

/// Verifies what was handed over as the bundle that is demanded, and uses it.
pub(super) fn take(
    policies: &PolicyHandle,
    demand: &BundleDemand,
    bytes: Vec<u8>,
    clock: &dyn Clock,
) -> Result<(), NotTaken> {
    let handed = policies.judge(bytes)?;
    if handed.bundle().file.digest != demand.digest {
        return Err(NotTaken::Other);
    }
    policies.take(handed, clock.boot().since(Boot::default())).map(drop)
}

/// Of a sidecar that fetches its policies: asks for the bundle where it asks for others.
pub struct FromUrl {
    /// How.
    pub fetch: Arc<PolicyFetch>,
    /// The policies in use.
    pub policies: Arc<PolicyHandle>,
    /// When that is.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Adopt for FromUrl {
    async fn adopt(&self, demand: &BundleDemand) -> Result<(), String> {
        if met(&self.policies, demand) {
            return Ok(());
        }
        let (fetch, policies, clock) = (Arc::clone(&self.fetch), Arc::clone(&self.policies), Arc::clone(&self.clock));
        let wanted = demand.clone();
        let adopting = tokio::task::spawn_blocking(move || fetch.adopt(&wanted, &policies, &*clock)).await;
        adopting.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

/// Of an authority: takes the bundle from the record, where whichever authority it was pushed to has put it.
pub struct FromRecord {
    store: Arc<dyn Store>,
    policies: Arc<PolicyHandle>,
    clock: Arc<dyn Clock>,
    failure: Mutex<Option<String>>,
}

impl FromRecord {
    /// Nothing is demanded yet.
    pub fn new(store: Arc<dyn Store>, policies: Arc<PolicyHandle>, clock: Arc<dyn Clock>) -> Self {
        Self { store, policies, clock, failure: Mutex::default() }
    }

    /// Why what is demanded is not in use; `None` when it is.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn adopt_it(&self, demand: &BundleDemand) -> Result<(), String> {
        let kept = kept_bundle(&*self.store, &demand.digest).await.map_err(|error| error.to_string())?;
        let bytes = kept.ok_or_else(|| format!("the record has no bundle {}: push it again", demand.digest))?;
        let (policies, clock, wanted) = (Arc::clone(&self.policies), Arc::clone(&self.clock), demand.clone());
        let adopting = tokio::task::spawn_blocking(move || take(&policies, &wanted, bytes, &*clock)).await;
        adopting.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Adopt for FromRecord {
    async fn adopt(&self, demand: &BundleDemand) -> Result<(), String> {
        let adopted = if met(&self.policies, demand) { Ok(()) } else { self.adopt_it(demand).await };
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = adopted.as_ref().err().cloned();
        adopted
    }
}
