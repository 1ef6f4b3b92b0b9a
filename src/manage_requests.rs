//! Every command of the lifecycle, and the settings: load, judge, write, tell. Each command is one
//! transaction that writes state, Grant, event, notices and the next revision, or nothing.
//!
//! Invariant: who may do what is asked twice, of the policies and of the domain; both must agree.
//! Nothing here knows HTTP, and nothing reads a clock but through [`AuthorityTime`].

mod bundles;
mod read;
mod recover;
mod requests;
mod rights;
mod settings;
mod sweep;
mod told;

pub use bundles::{PushedBundle, kept_bundle};
pub use read::{AccessRequestQuery, Listed};
pub use recover::{Recovered, recover};
pub use requests::{Idempotency, Stepped};
pub use settings::EngineerEntry;
pub use sweep::Swept;

use crate::clock::{AuthorityTime, Clock, Ids};
use crate::domain::{
    Defaults, Event, GrantId, NameError, Notice, Refusal, Tenant, TenantRefusal, Transition, notices, timers,
};
use crate::policy::{NotTaken, PolicyHandle};
use crate::state::{ItemError, StateItem};
use crate::store::{Item, Revision, Store, StoreError, Transaction};
use async_trait::async_trait;
use std::sync::Arc;

/// What has to happen outside the record when it has moved.
#[async_trait]
pub trait Effects: Send + Sync {
    /// The record has moved; tell those who wait for it.
    fn committed(&self, revision: Revision);
    /// Waits until no sidecar can contradict `revision` any more.
    async fn effective(&self, revision: Revision);
}

/// The lifecycle and the settings.
pub struct ManageRequests {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    time: Arc<AuthorityTime>,
    ids: Arc<dyn Ids>,
    policies: Arc<PolicyHandle>,
    effects: Arc<dyn Effects>,
    defaults: Defaults,
}

/// What the lifecycle is made of.
pub struct Parts {
    /// The record.
    pub store: Arc<dyn Store>,
    /// Both clocks; for the age of policies.
    pub clock: Arc<dyn Clock>,
    /// The authority's time.
    pub time: Arc<AuthorityTime>,
    /// Where Grant ids come from.
    pub ids: Arc<dyn Ids>,
    /// The policies.
    pub policies: Arc<PolicyHandle>,
    /// What has to happen when the record has moved.
    pub effects: Arc<dyn Effects>,
    /// The provider's limits.
    pub defaults: Defaults,
}

/// Why a command was not carried out. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// There is none, or none that this person may know of: the two must not be told apart.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The person may know of it but not do this.
    #[error("{0}")]
    Forbidden(String),
    /// The domain's rules refuse it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The rules of settings refuse it.
    #[error(transparent)]
    Setting(#[from] TenantRefusal),
    /// Somebody changed the settings since they were looked at.
    #[error("`{what}` is at version {current}, not {seen}: look at it again, then change it")]
    StaleVersion {
        /// What.
        what: String,
        /// The version now.
        current: u64,
        /// The version in `If-Match`.
        seen: u64,
    },
    /// Something named is not in the schema.
    #[error("{what} `{name}` is not in the schema; it has {known}")]
    NotInSchema {
        /// Workload, action or content type.
        what: &'static str,
        /// The name.
        name: String,
        /// What there is.
        known: String,
    },
    /// No such zone in the IANA database.
    #[error("there is no time zone `{0}`; take a name of the IANA database, such as `Europe/Budapest`")]
    UnknownTimeZone(String),
    /// The same `Idempotency-Key` with another question.
    #[error("`Idempotency-Key` was used before for another AccessRequest: take a new key")]
    KeyReused,
    /// The bundle is not taken.
    #[error(transparent)]
    Bundle(#[from] NotTaken),
    /// No policies to judge by.
    #[error("no valid policies are loaded: {0}")]
    NoPolicies(String),
    /// The store does not do as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An item or id cannot be made: a defect, told rather than hidden.
    #[error("{0}")]
    Defect(String),
}

impl From<ItemError> for ManageError {
    fn from(error: ItemError) -> Self {
        Self::Defect(error.to_string())
    }
}

impl From<NameError> for ManageError {
    fn from(error: NameError) -> Self {
        Self::Defect(error.to_string())
    }
}

impl ManageRequests {
    /// The lifecycle over these parts.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, clock, time, ids, policies, effects, defaults } = parts;
        Self { store, clock, time, ids, policies, effects, defaults }
    }

    /// The provider's limits.
    pub fn defaults(&self) -> Defaults {
        self.defaults
    }

    fn fresh_grant_id(&self) -> Result<GrantId, ManageError> {
        Ok(GrantId::parse(&self.ids.uuid(self.time.now()).hyphenated().to_string())?)
    }

    async fn commit(&self, transaction: Box<dyn Transaction>) -> Result<Revision, ManageError> {
        let revision = transaction.commit().await?;
        self.effects.committed(revision);
        Ok(revision)
    }
}

/// Writes what a transition made: state, event, notices, timers, and what sidecars have to know.
async fn write_transition(
    transaction: &mut dyn Transaction,
    transition: &Transition,
    before: u64,
    tenant: &Tenant,
    defaults: Defaults,
) -> Result<(), ManageError> {
    let after = &transition.after;
    for timer in timers(after, tenant, defaults) {
        transaction.put_timer(&timer).await?;
    }
    transaction.put_access_request(after, Some(before)).await?;
    write_told(transaction, &transition.event, &notices(transition, tenant)).await?;
    write_item(transaction, &StateItem::Access(after.into())).await
}

async fn write_told(transaction: &mut dyn Transaction, event: &Event, notices: &[Notice]) -> Result<(), ManageError> {
    transaction.add_event(event).await?;
    for notice in notices {
        transaction.add_notice(notice).await?;
    }
    Ok(())
}

async fn write_item(transaction: &mut dyn Transaction, item: &StateItem) -> Result<(), ManageError> {
    let encoded = item.encode()?;
    let item = Item { key: encoded.key, payload: Some(encoded.payload), digest: encoded.digest };
    Ok(transaction.put_item(item).await?)
}

async fn write_tombstone(transaction: &mut dyn Transaction, key: String) -> Result<(), ManageError> {
    Ok(transaction.put_item(Item { key, payload: None, digest: 0 }).await?)
}

fn no_access_request() -> ManageError {
    ManageError::NotFound("AccessRequest")
}

#[cfg(test)]
mod tests;
