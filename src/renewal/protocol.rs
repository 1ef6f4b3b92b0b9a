//! The messages of a renewal, and the port that carries them.

use super::view::View;
use crate::domain::Timestamp;
use crate::state::FirstUse;
use crate::store::StoreError;
use async_trait::async_trait;
use std::sync::Arc;

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
    /// What it is for, and all that it is sent.
    pub view: View,
    /// L and ρ as it reckons by: an authority that would outwait a shorter lease gives it none.
    pub lease: (u64, u32),
    /// The digest of the policies it decides by, for the operator's eyes.
    pub policy_digest: String,
    /// The sequence number of its last recorded Decision, for the operator's eyes.
    pub log_sequence: Option<u64>,
    /// Under which Grants content was touched for the first time, as far as this run of it knows.
    pub first_uses: Vec<FirstUse>,
}

/// What the authority answers.
pub struct RenewAnswer {
    /// The nonce of the renewal.
    pub nonce: u64,
    /// The epoch of the record.
    pub epoch: u64,
    /// The authority's time is not later than this was when it had the renewal, before it read the record.
    pub received_at: Timestamp,
    /// What the sidecar lacks.
    pub body: Body,
}

/// What a sidecar lacks.
pub enum Body {
    /// What changed since the revision it holds; nothing, most of the time.
    Changes(Vec<WireItem>, End),
    /// Everything, piece by piece.
    Snapshot(Box<dyn Pieces>),
}

/// Where an answer leads to, known once all of it has been said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The revision that the answer leads to.
    pub revision: u64,
    /// The state hash at that revision, of what the sidecar's view shows.
    pub state_hash: u128,
    /// The authority's time when it answered.
    pub answered_at: Timestamp,
}

/// An item on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireItem {
    /// Its key.
    pub key: Arc<str>,
    /// Its encoded content; `None` when it is gone.
    pub payload: Option<Arc<[u8]>>,
}

/// The next piece of a snapshot.
pub enum Piece {
    /// Some more items. The last that is said of a key counts: it may have changed on the way.
    Items(Vec<WireItem>),
    /// That was all.
    End(End),
}

/// A snapshot under way. Neither side ever holds it twice.
#[async_trait]
pub trait Pieces: Send {
    /// The next piece; after [`Piece::End`] there is none.
    async fn next(&mut self) -> Result<Piece, RenewError>;
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
    /// The authority answers, but what it says is no renewal.
    #[error("the authority's answer cannot be read: {0}")]
    Garbled(String),
    /// The authority gives this sidecar no lease, and says why.
    #[error("{0}")]
    Refused(String),
    /// The record stands before what the sidecar was told: it was restored, or is another.
    #[error(
        "the record is at revision {offered:?}, before {held:?} that the sidecar holds (epoch, revision): after a restore run `lockbox authority recover`"
    )]
    Behind {
        /// What the sidecar holds.
        held: (u64, u64),
        /// Where the record is.
        offered: (u64, u64),
    },
    /// The authority has not been able to say lately, where all authorities look, that it gives leases.
    #[error("this authority may give no leases now: {0}")]
    Unlisted(String),
}

/// Carries a renewal to the authority and its answer back.
#[async_trait]
pub trait Renew: Send + Sync {
    /// One round trip; may take H longer than the network does.
    async fn renew(&self, request: RenewRequest) -> Result<RenewAnswer, RenewError>;
}
