//! The authority's side: judges what a sidecar tells, and keeps it.
//!
//! Invariant: a sidecar is believed that it decided so, and nothing else: its name is the proved one, and what it tells
//! of must be about an AccessRequest as the record has it.

use crate::domain::{AccessRequest, AccessRequestId, CallerName, GrantId};
use crate::evaluate_access::{RecordError, Recorded};
use crate::store::{AccessKey, Store, StoreError, ToldAccess};
use crate::telemetry::{AccessOutcome, Metrics};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tracing::warn;
use uuid::Uuid;

/// The longest code of a reason, and digest of policies, in bytes.
const WORD_BYTES_MAX: usize = 128;

/// What became of what was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Kept now.
    pub stored: u64,
    /// Kept before.
    pub known: u64,
    /// Not kept: about no AccessRequest of the record.
    pub dropped: u64,
}

/// How many batches are taken at a time: thousands of sidecars tell at once after an outage, and renewals and commands
/// need the database as well. Who waits here for too long tells again.
const BATCHES_MAX: usize = 2;

/// Why nothing of it was taken.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// A record cannot be read.
    #[error("record {place} (number {sequence}): {why}")]
    Unreadable {
        /// Which one of those told, from 0.
        place: usize,
        /// Its number in the sidecar's log.
        sequence: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A record is of another version.
    #[error("{0}: upgrade the authority before its sidecars")]
    Version(RecordError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// See the module.
pub struct Intake {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    turns: Semaphore,
}

impl Intake {
    /// An intake into this store.
    pub fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics, turns: Semaphore::new(BATCHES_MAX) }
    }

    /// Takes what `sidecar`, whose name is proved, tells: each record with its number in that sidecar's log.
    ///
    /// # Errors
    /// [`IntakeError`]; nothing was kept then.
    pub async fn take(&self, sidecar: &str, entries: &[(u64, &[u8])]) -> Result<Taken, IntakeError> {
        let mut read = Vec::with_capacity(entries.len());
        for (place, (sequence, record)) in entries.iter().enumerate() {
            let unreadable = |why: String| IntakeError::Unreadable { place, sequence: *sequence, why };
            let recorded = Recorded::parse(record).map_err(|error| match error {
                RecordError::Version(_) => IntakeError::Version(error),
                other => unreadable(other.to_string()),
            })?;
            let decision_id = shaped(&recorded).map_err(unreadable)?;
            read.push((*sequence, decision_id, recorded));
        }
        // It is never closed, so that this is a turn.
        let _turn = self.turns.acquire().await;
        let mut requests: BTreeMap<AccessRequestId, Option<AccessRequest>> = BTreeMap::new();
        let (mut told, mut dropped) = (Vec::with_capacity(read.len()), 0_u64);
        for (sequence, decision_id, recorded) in read {
            match self.concerned(&recorded, &mut requests).await? {
                Ok(access_request) => told.push(ToldAccess {
                    access_request,
                    key: AccessKey { at: recorded.at, decision_id },
                    sidecar: sidecar.to_owned(),
                    sequence,
                    document: recorded.extract(),
                }),
                Err(why) => {
                    dropped = dropped.saturating_add(1);
                    warn!(
                        sidecar,
                        sequence,
                        decision = recorded.id,
                        why,
                        "an access that a sidecar tells of is not kept"
                    );
                }
            }
        }
        let stored = self.store.put_accesses(&told).await?;
        let known = u64::try_from(told.len()).unwrap_or(u64::MAX).saturating_sub(stored);
        for (outcome, count) in
            [(AccessOutcome::Stored, stored), (AccessOutcome::Known, known), (AccessOutcome::Dropped, dropped)]
        {
            self.metrics.accesses.taken(outcome, count);
        }
        Ok(Taken { stored, known, dropped })
    }

    /// How many batches could be taken beside those that are.
    #[cfg(test)]
    pub(super) fn turns_left(&self) -> usize {
        self.turns.available_permits()
    }

    /// The AccessRequest that a record is about; or why it is about none.
    async fn concerned(
        &self,
        recorded: &Recorded,
        requests: &mut BTreeMap<AccessRequestId, Option<AccessRequest>>,
    ) -> Result<Result<AccessRequestId, &'static str>, StoreError> {
        let named = recorded.access_request.as_deref().map(AccessRequestId::parse);
        let Some(Ok(id)) = named else { return Ok(Err("it names no AccessRequest")) };
        if let std::collections::btree_map::Entry::Vacant(place) = requests.entry(id) {
            place.insert(self.store.access_request(id).await?);
        }
        let Some(Some(request)) = requests.get(&id) else { return Ok(Err("there is no such AccessRequest")) };
        Ok(about(recorded, request).map(|()| id))
    }
}

/// A record has what the domain's names bound; the few texts that have no type are bounded here.
fn shaped(recorded: &Recorded) -> Result<Uuid, String> {
    let id = Uuid::try_parse(&recorded.id).ok().filter(|id| id.as_hyphenated().to_string() == recorded.id);
    let id = id.ok_or("its `id` is no lower-case UUID")?;
    CallerName::parse(&recorded.caller).map_err(|error| error.to_string())?;
    if let Some(grant) = &recorded.grant {
        GrantId::parse(grant).map_err(|error| error.to_string())?;
    }
    let word = |text: &str| text.len() <= WORD_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    for (name, text) in [("reason", &recorded.reason), ("policy_revision", &recorded.policy_revision)] {
        if !word(text) {
            return Err(format!("its `{name}` is longer than {WORD_BYTES_MAX} bytes, or not plain ASCII"));
        }
    }
    Ok(id)
}

/// Whether a record can be of this AccessRequest. One of another person, tenant or workload is none; nor is one that
/// was judged before it was submitted: after a restore its number may have been given out again.
fn about(recorded: &Recorded, request: &AccessRequest) -> Result<(), &'static str> {
    let Some(question) = &recorded.question else { return Err("it answers no question") };
    let asked = &request.asked;
    if question.engineer != request.engineer || question.tenant != asked.tenant || question.workload != asked.workload {
        return Err("its AccessRequest is about somebody or something else");
    }
    // The sidecar's time of day may be wrong; what it knew of the authority's time is not.
    let judged_at = recorded.now.map_or(recorded.at, |now| now.latest);
    if judged_at < request.submitted_at { Err("it is from before its AccessRequest") } else { Ok(()) }
}
