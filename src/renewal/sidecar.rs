//! The sidecar's side of renewal: asks again and again, takes what comes into its memory if it is
//! whole, and only then believes it for as long as the lease says.

use super::protocol::{Body, Renew, RenewAnswer, RenewError, RenewRequest, WireItem};
use crate::clock::{Boot, Clock};
use crate::state::{Change, Diverged, ItemError, Lease, LeaseSettings, Memory, State, StateItem};
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::{info, warn};

/// How many first uses one renewal tells of.
const FIRST_USES_MAX: usize = 1000;

/// What a sidecar tells of itself, and how it asks.
pub struct RenewerSettings {
    /// Its name.
    pub sidecar: String,
    /// Which run of it this is.
    pub incarnation: String,
    /// L, H and ρ.
    pub lease: LeaseSettings,
    /// How long it waits after a failure.
    pub retry: Duration,
    /// Tells the digest of its policies and the sequence number of its last recorded Decision.
    pub report: Box<dyn Fn() -> (String, Option<u64>) + Send + Sync>,
}

/// Keeps a [`State`] in step with the authority.
pub struct Renewer {
    authority: Arc<dyn Renew>,
    state: Arc<State>,
    clock: Arc<dyn Clock>,
    settings: RenewerSettings,
    nonce: AtomicU64,
}

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error(transparent)]
    NoAnswer(#[from] RenewError),
    #[error("the answer is not to this renewal")]
    WrongNonce,
    #[error("the authority's epoch {offered} is behind {held}")]
    OldEpoch { held: u64, offered: u64 },
    #[error("changes of epoch {offered} do not follow on epoch {held}")]
    ForeignChanges { held: u64, offered: u64 },
    #[error(transparent)]
    Unreadable(#[from] ItemError),
    #[error(transparent)]
    Diverged(#[from] Diverged),
}

impl Renewer {
    /// A renewer that has not asked yet.
    pub fn new(authority: Arc<dyn Renew>, state: Arc<State>, clock: Arc<dyn Clock>, settings: RenewerSettings) -> Self {
        Self { authority, state, clock, settings, nonce: AtomicU64::new(1) }
    }

    /// Renews until the task is dropped.
    pub async fn run(&self) {
        let mut failing = false;
        loop {
            match self.renew_once().await {
                Ok(()) if failing => {
                    failing = false;
                    info!("the authority answers again");
                }
                Ok(()) => {}
                Err(error) => {
                    if !failing {
                        warn!(%error, "not renewed; what is known is believed until the lease ends");
                    }
                    failing = true;
                    tokio::time::sleep(self.settings.retry).await;
                }
            }
        }
    }

    async fn renew_once(&self) -> Result<(), NotTaken> {
        let standing = self.state.standing();
        let holds = standing.lease.map(|_| (standing.epoch, standing.revision));
        let (policy_digest, log_sequence) = (self.settings.report)();
        let nonce = self.nonce.fetch_add(1, Ordering::Relaxed);
        let request = RenewRequest {
            sidecar: self.settings.sidecar.clone(),
            incarnation: self.settings.incarnation.clone(),
            nonce,
            holds,
            policy_digest,
            log_sequence,
            first_uses: self.state.first_uses().take(FIRST_USES_MAX),
        };
        let told = request.first_uses.clone();
        let sent = self.clock.boot();
        let answer = self.authority.renew(request).await.inspect_err(|_| self.state.first_uses().wait(told))?;
        let received = self.clock.boot();
        if answer.nonce != nonce {
            return Err(NotTaken::WrongNonce);
        }
        self.take(answer, sent, received)
    }

    fn take(&self, answer: RenewAnswer, sent: Boot, received: Boot) -> Result<(), NotTaken> {
        let standing = self.state.standing();
        let (held, offered) = (standing.epoch, answer.epoch);
        let lease = Lease::new(sent, received, answer.received_at, answer.answered_at, self.settings.lease);
        if offered < held {
            return Err(NotTaken::OldEpoch { held, offered });
        }
        match answer.body {
            Body::Changes(_) if offered != held => Err(NotTaken::ForeignChanges { held, offered }),
            Body::Changes(items) => {
                let changes: Result<Vec<Change>, ItemError> = items.into_iter().map(decoded).collect();
                Ok(self.state.apply(changes?, answer.revision, answer.state_hash, lease)?)
            }
            Body::Snapshot(_) if offered == held && answer.revision < standing.revision => {
                let (held, offered) = (standing.revision, answer.revision);
                Err(Diverged::Backwards { held, offered }.into())
            }
            Body::Snapshot(items) => {
                let whole: Result<Vec<_>, ItemError> = items
                    .into_iter()
                    .filter_map(|item| item.payload.map(|payload| StateItem::decode(&item.key, &payload)))
                    .collect();
                let memory = Memory::from_snapshot(whole?, offered, answer.revision, answer.state_hash)?;
                info!(epoch = offered, revision = answer.revision, items = ?memory.counts(), "took a snapshot");
                self.state.replace(memory, lease);
                Ok(())
            }
        }
    }
}

fn decoded(item: WireItem) -> Result<Change, ItemError> {
    let fact = item.payload.map(|payload| StateItem::decode(&item.key, &payload)).transpose()?;
    Ok((item.key, fact))
}
