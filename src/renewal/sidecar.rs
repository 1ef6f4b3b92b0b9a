//! The sidecar's side of renewal: asks again and again, takes what comes into its memory if it is
//! whole, and only then believes it for as long as the lease says. Policies that an answer demands are put into use
//! before it is taken ([`Adopt`]); adopting may outlast the lease that the answer would have given, which is reckoned
//! from when the renewal was sent.

use super::adopt::Adopt;
use super::protocol::{Body, End, Piece, Pieces, Renew, RenewAnswer, RenewError, RenewRequest, WireItem};
use super::view::View;
use crate::clock::{Backoff, Boot, Clock};
use crate::state::{BundleDemand, Change, Diverged, ItemError, Lease, LeaseSettings, Memory, State, StateItem};
use core::hash::{BuildHasher as _, BuildHasherDefault};
use core::time::Duration;
use std::hash::DefaultHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
    /// What it is for.
    pub view: View,
    /// How long it waits after a failure at first; each further one doubles it, up to a sixth of L.
    pub retry: Duration,
    /// Tells the digest of its policies and the sequence number of its last recorded Decision.
    pub report: Box<dyn Fn() -> (String, Option<u64>) + Send + Sync>,
    /// Puts into use what the record demands; `None` where policies are not from the authority, and nothing binds.
    pub adopt: Option<Arc<dyn Adopt>>,
}

/// Keeps a [`State`] in step with the authority.
pub struct Renewer {
    authority: Arc<dyn Renew>,
    state: Arc<State>,
    clock: Arc<dyn Clock>,
    settings: RenewerSettings,
    nonce: AtomicU64,
    failure: Mutex<Option<String>>,
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
    #[error("the policies that the record demands cannot be used here, so there is no lease: {0}")]
    NotAdopted(String),
}

impl Renewer {
    /// A renewer that has not asked yet.
    pub fn new(authority: Arc<dyn Renew>, state: Arc<State>, clock: Arc<dyn Clock>, settings: RenewerSettings) -> Self {
        // No two runs count through the same numbers: what was said to the one before is no answer to this one.
        let nonce = AtomicU64::new(BuildHasherDefault::<DefaultHasher>::default().hash_one(&settings.incarnation));
        Self { authority, state, clock, settings, nonce, failure: Mutex::default() }
    }

    /// Why the last renewal was not taken; `None` when it was.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Renews until the task is dropped.
    pub async fn run(&self) {
        let chance = self.nonce.load(Ordering::Relaxed);
        let mut backoff = Backoff::new(self.settings.retry, self.settings.lease.lease / 6, chance);
        loop {
            let failure = self.renew_once().await.err().map(|error| error.to_string());
            let pause = match (&failure, self.failure()) {
                (None, None) => None,
                (None, Some(_)) => {
                    backoff.succeeded();
                    info!("the authority answers again");
                    None
                }
                (Some(error), before) => {
                    if before.as_ref() != Some(error) {
                        warn!(%error, "not renewed; what is known is believed until the lease ends");
                    }
                    Some(backoff.failed())
                }
            };
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Asks once, and takes what comes.
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
            view: self.settings.view.clone(),
            lease: self.settings.lease.reckoned(),
            policy_digest,
            log_sequence,
            first_uses: self.state.first_uses().take(FIRST_USES_MAX),
        };
        let told = request.first_uses.clone();
        let sent = self.clock.boot();
        let answer = self.authority.renew(request).await.inspect_err(|_| self.state.first_uses().wait(told))?;
        if answer.nonce != nonce {
            return Err(NotTaken::WrongNonce);
        }
        self.take(answer, sent).await
    }

    async fn take(&self, answer: RenewAnswer, sent: Boot) -> Result<(), NotTaken> {
        let RenewAnswer { nonce: _, epoch: offered, received_at, body } = answer;
        let held = self.state.standing().epoch;
        if offered < held {
            return Err(NotTaken::OldEpoch { held, offered });
        }
        let lease = |end: &End| Lease::new(sent, self.clock.boot(), received_at, end.answered_at, self.settings.lease);
        match body {
            Body::Changes(..) if offered != held => Err(NotTaken::ForeignChanges { held, offered }),
            Body::Changes(items, end) => {
                let changes: Result<Vec<Change>, ItemError> = items.iter().map(decoded).collect();
                let changes = changes?;
                self.adopt(demanded(&changes)).await?;
                Ok(self.state.apply(changes, end.revision, end.state_hash, lease(&end))?)
            }
            Body::Snapshot(pieces) => {
                let (memory, end) = whole(pieces, offered).await?;
                let standing = self.state.standing();
                if offered == standing.epoch && end.revision < standing.revision {
                    let (held, offered) = (standing.revision, end.revision);
                    return Err(Diverged::Backwards { held, offered }.into());
                }
                self.adopt(memory.bundle()).await?;
                info!(epoch = offered, revision = end.revision, items = ?memory.counts(), "took a snapshot");
                self.state.replace(memory, lease(&end));
                Ok(())
            }
        }
    }

    /// What is demanded is in use when this returns well.
    async fn adopt(&self, demand: Option<&BundleDemand>) -> Result<(), NotTaken> {
        let (Some(adopt), Some(demand)) = (&self.settings.adopt, demand) else { return Ok(()) };
        adopt.adopt(demand).await.map_err(NotTaken::NotAdopted)
    }
}

/// What changes demand.
fn demanded(changes: &[Change]) -> Option<&BundleDemand> {
    changes.iter().rev().find_map(|(_, item)| match item {
        Some((StateItem::Bundle(demand), _)) => Some(demand),
        _ => None,
    })
}

/// Builds a memory piece by piece.
async fn whole(mut pieces: Box<dyn Pieces>, epoch: u64) -> Result<(Memory, End), NotTaken> {
    let mut memory = Memory::of_epoch(epoch);
    loop {
        match pieces.next().await? {
            Piece::Items(items) => {
                for item in &items {
                    memory.take(decoded(item)?);
                }
            }
            Piece::End(end) => {
                memory.stands_at(end.revision, end.state_hash)?;
                return Ok((memory, end));
            }
        }
    }
}

fn decoded(item: &WireItem) -> Result<Change, ItemError> {
    let fact = item.payload.as_deref().map(|payload| StateItem::decode(&item.key, payload)).transpose()?;
    Ok((item.key.to_string(), fact))
}
