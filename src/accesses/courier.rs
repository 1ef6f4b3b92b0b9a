//! The courier: a task beside a sidecar's answers that tells the authority of them, batch by batch, each again until it
//! is taken. An outage is caught up afterwards, from the log.

use super::tell::{Entry, Tell, TellError};
use super::trail::{Gathered, Trail};
use crate::clock::Backoff;
use crate::decision_log::DecisionLog;
use crate::telemetry::Metrics;
use core::time::Duration;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};
use tracing::{debug, error, info, warn};

/// How often the log is looked at for what is new.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The pause after a first failure, and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// What a courier works with.
pub struct CourierParts {
    /// The log, for how far it is written.
    pub log: Arc<DecisionLog>,
    /// Its directory.
    pub dir: PathBuf,
    /// The way to the authority.
    pub teller: Arc<dyn Tell>,
    /// The epoch of the authority's record as the sidecar last learned it; 0 while it has not.
    pub epoch: Box<dyn Fn() -> u64 + Send + Sync>,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
    /// Spreads the pauses of a fleet that lost its authority.
    pub chance: u64,
}

/// How a courier stands, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Everything up to this record is told.
    pub told: u64,
    /// Records of the log beyond it; most of them concern no AccessRequest.
    pub behind: u64,
    /// Why it cannot go on at present.
    pub failure: Option<String>,
}

/// The sidecar of this process has not told all it has answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{behind} records of the decision log are not taken over yet{why}: try again")]
pub struct NotCaughtUp {
    behind: u64,
    why: String,
}

/// See the module.
pub struct Courier {
    parts: CourierParts,
    told: watch::Sender<u64>,
    hurried: Notify,
    failure: Mutex<Option<String>>,
}

impl Courier {
    /// A courier that has not begun.
    pub fn new(parts: CourierParts) -> Self {
        Self { parts, told: watch::Sender::new(0), hurried: Notify::new(), failure: Mutex::default() }
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        let (told, written) = (*self.told.borrow(), self.parts.log.health().last_sequence);
        Standing { told, behind: written.saturating_sub(told), failure: self.failure().clone() }
    }

    /// Waits until everything that was answered before this was called is told, at most so long.
    ///
    /// # Errors
    /// `NotCaughtUp` when that takes longer.
    pub async fn caught_up(&self, at_most: Duration) -> Result<(), NotCaughtUp> {
        let written = self.parts.log.health().last_sequence;
        let mut told = self.told.subscribe();
        if *told.borrow() >= written {
            return Ok(());
        }
        self.hurried.notify_one();
        match tokio::time::timeout(at_most, told.wait_for(|told| *told >= written)).await {
            Ok(Ok(_)) => Ok(()),
            _ => {
                let Standing { behind, failure, .. } = self.standing();
                Err(NotCaughtUp { behind, why: failure.map(|why| format!(" ({why})")).unwrap_or_default() })
            }
        }
    }

    /// Tells until the task is dropped, which it may be at any point: what was not told then is in the log.
    pub async fn run(&self) {
        let mut trail = Trail::in_dir(self.parts.dir.clone());
        let (first, longest) = PAUSES;
        let mut backoff = Backoff::new(first, longest, self.parts.chance);
        loop {
            let gathered;
            (trail, gathered) = self.gathered(trail).await;
            let Some(gathered) = gathered else {
                tokio::time::sleep(backoff.failed()).await;
                continue;
            };
            self.report_lost(gathered.lost);
            while let Err(why) = self.tell(&gathered.entries).await {
                self.failed(why);
                tokio::time::sleep(backoff.failed()).await;
            }
            backoff.succeeded();
            self.succeeded();
            let moved = gathered.end.sequence != *self.told.borrow();
            trail = self.passed(trail, gathered).await;
            if !moved {
                let _sooner_or_later = tokio::time::timeout(LOOK_EVERY, self.hurried.notified()).await;
            }
        }
    }

    /// Looks at what is new in the log, on a thread that may wait for a disk.
    async fn gathered(&self, mut trail: Trail) -> (Trail, Option<Gathered>) {
        let (written, epoch) = (self.parts.log.health().last_sequence, (self.parts.epoch)());
        let dir = self.parts.dir.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let gathered = trail.gather(written, epoch);
            (trail, gathered)
        });
        match looked.await {
            Ok((trail, Ok(gathered))) => (trail, Some(gathered)),
            Ok((trail, Err(why))) => {
                self.failed(format!("the decision log cannot be read: {why}"));
                (trail, None)
            }
            Err(defect) => {
                self.failed(format!("reading the decision log ended by a defect: {defect}"));
                (Trail::in_dir(dir), None)
            }
        }
    }

    /// Tells of these; of what is refused as a whole the halves, so that one record holds up no others.
    async fn tell(&self, entries: &[Entry]) -> Result<(), String> {
        let mut parts = vec![entries];
        while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
            match (self.parts.teller.tell(part).await, part) {
                (Ok(taken), _) => {
                    let told = taken.stored.saturating_add(taken.known);
                    self.parts.metrics.accesses.told(told, taken.dropped);
                    if taken.dropped > 0 {
                        warn!(
                            count = taken.dropped,
                            "the authority keeps some accesses not: it knows no such AccessRequest"
                        );
                    }
                }
                (Err(TellError::Later(why)), _) => return Err(why),
                (Err(TellError::Never(why)), [one]) => {
                    self.parts.metrics.accesses.refused.inc();
                    error!(
                        why,
                        sequence = one.sequence,
                        "the authority does not take an access; it stays in the log only"
                    );
                }
                (Err(TellError::Never(why)), several) => {
                    debug!(why, count = several.len(), "refused together; told in two halves");
                    let (before, after) = several.split_at(several.len() / 2);
                    parts.push(after);
                    parts.push(before);
                }
            }
        }
        Ok(())
    }

    /// Puts down that everything up to there is told.
    async fn passed(&self, mut trail: Trail, gathered: Gathered) -> Trail {
        let sequence = gathered.end.sequence;
        let dir = self.parts.dir.clone();
        let kept = tokio::task::spawn_blocking(move || {
            let kept = trail.keep(&gathered.end);
            (trail, kept)
        });
        let trail = match kept.await {
            Ok((trail, Ok(()))) => trail,
            Ok((trail, Err(why))) => {
                // Nothing is lost by it: after the next start the same is told again.
                warn!(%why, "how far the decision log is told cannot be kept");
                trail
            }
            Err(_defect) => Trail::in_dir(dir),
        };
        self.told.send_replace(sequence);
        trail
    }

    fn report_lost(&self, lost: u64) {
        if lost > 0 {
            self.parts.metrics.accesses.lost.inc_by(lost);
            warn!(
                records = lost,
                "segments of the decision log went before they were told; it goes on with the oldest"
            );
        }
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Told once for each outage, not once for each attempt.
    fn failed(&self, why: String) {
        if self.failure().is_none() {
            warn!(why, "accesses cannot be told; they stay in the decision log until they can");
        }
        *self.failure() = Some(why);
    }

    fn succeeded(&self) {
        if self.failure().take().is_some() {
            info!("accesses are told again");
        }
    }
}
