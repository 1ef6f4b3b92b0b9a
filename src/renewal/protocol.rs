//! The messages of a renewal, and the port that carries them.

use crate::domain::Timestamp;
use crate::state::FirstUse;
use crate::store::StoreError;
use async_trait::async_trait;

/// What a sidecar sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewRequest {
    /// Which sidecar; from its proved identity.
    pub sidecar: String,
    /// Which run of it: a restart is another incarnation, and acknowledges nothing of the one before.
    pub incarnation: String,
    /// Ties the answer to this renewal; never used twice.
    pub nonce: u64,
    /// The epoch and revision it holds; `None` when it holds nothing. This is also its
    /// acknowledgement: it can no longer answer from anything older.
    pub holds: Option<(u64, u64)>,
    /// The digest of the policies it decides by, for the operator's eyes.
    pub policy_digest: String,
    /// The sequence number of its last recorded Decision, for the operator's eyes.
    pub log_sequence: Option<u64>,
    /// Under which Grants content was touched for the first time, as far as this run of it knows.
    pub first_uses: Vec<FirstUse>,
}

/// What the authority answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewAnswer {
    /// The nonce of the renewal.
    pub nonce: u64,
    /// The epoch of the record.
    pub epoch: u64,
    /// The revision that the answer leads to.
    pub revision: u64,
    /// The state hash at that revision.
    pub state_hash: u128,
    /// The authority's time when it had the renewal, before it read the record.
    pub received_at: Timestamp,
    /// The authority's time when it answered.
    pub answered_at: Timestamp,
    /// What the sidecar lacks.
    pub body: Body,
}

/// What a sidecar lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// What changed since the revision it holds; nothing, most of the time.
    Changes(Vec<WireItem>),
    /// Everything.
    Snapshot(Vec<WireItem>),
}

/// An item on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireItem {
    /// Its key.
    pub key: String,
    /// Its encoded content; `None` when it is gone.
    pub payload: Option<Vec<u8>>,
}

/// Why there is no answer. The sidecar keeps the lease it has, and no longer.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// The authority's record cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The authority cannot be reached.
    #[error("the authority cannot be reached: {0}")]
    Unreachable(String),
}

/// Carries a renewal to the authority and its answer back.
#[async_trait]
pub trait Renew: Send + Sync {
    /// One round trip; may take H longer than the network does.
    async fn renew(&self, request: RenewRequest) -> Result<RenewAnswer, RenewError>;
}
