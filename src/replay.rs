//! Replay: recorded questions decided again by other policies, from the facts and at the time bounds
//! that were recorded with them. Says what would change; changes nothing and reads no clock.
//!
//! Invariant: a record that cannot be decided again is counted with its cause, never passed over.

mod again;
mod shadow;
mod tally;
#[cfg(test)]
mod tests;

pub use shadow::{ShadowReport, shadowed};
pub use tally::{Change, Changed, Counts, Report, Unreadable, Verdict};

use crate::decision_log::{ReadError, Record, Records};
use crate::policy::PolicySet;
use again::Again;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tally::Tally;

/// Records handed to a worker at a time: enough that the hand-over costs nothing beside the judging.
const BATCH: usize = 128;
/// Batches that wait for each worker.
const WAITING_PER_WORKER: usize = 4;
/// The most workers.
const WORKERS_MAX: usize = 64;

/// How a log is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many threads judge, 1 to 64.
    pub workers: usize,
    /// How many changed Decisions are kept; the counts are of all.
    pub changes_max: usize,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// A thread panicked: a defect, and no count is to be trusted.
    #[error("a record made a thread of the replay panic: this is a defect of Lockbox, report it with the log")]
    Panicked,
}

/// Decides what `records` hold again, by `policies`. `told` hears now and then how many bytes are read.
/// A damaged log ends it early; the report is then of what came before, and says so.
///
/// # Errors
/// [`ReplayError`].
pub fn replay(
    records: &mut Records,
    policies: &PolicySet,
    settings: Settings,
    told: &mut dyn FnMut(u64),
) -> Result<Report, ReplayError> {
    let workers = settings.workers.clamp(1, WORKERS_MAX);
    let (send, receive) = sync_channel::<Vec<Record>>(workers.saturating_mul(WAITING_PER_WORKER));
    let receive = Arc::new(Mutex::new(receive));
    std::thread::scope(|scope| {
        let started: Result<Vec<_>, std::io::Error> = (0..workers)
            .map(|number| {
                let receive = Arc::clone(&receive);
                let work = move || work(&receive, policies, settings.changes_max);
                std::thread::Builder::new().name(format!("replay-{number}")).spawn_scoped(scope, work)
            })
            .collect();
        // The workers alone hold the receiving end: should all of them be gone, sending fails.
        drop(receive);
        // Dropped in any case, so that workers that did start come to an end.
        let damaged = match &started {
            Ok(_) => read(records, send, told),
            Err(_) => {
                drop(send);
                None
            }
        };
        let mut whole = Tally::keeping(settings.changes_max);
        for worker in started? {
            whole.add(worker.join().map_err(|_| ReplayError::Panicked)?);
        }
        Ok(whole.report(policies.digest(), damaged))
    })
}

/// Reads to the end, or to the first damage.
fn read(records: &mut Records, send: SyncSender<Vec<Record>>, told: &mut dyn FnMut(u64)) -> Option<ReadError> {
    let mut damaged = None;
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        let more = loop {
            match records.next() {
                Some(Ok(record)) => batch.push(record),
                Some(Err(error)) => {
                    damaged = Some(error);
                    break false;
                }
                None => break false,
            }
            if batch.len() == BATCH {
                break true;
            }
        };
        // Refused only when all workers are gone, which their joins tell.
        if send.send(batch).is_err() || !more {
            return damaged;
        }
        told(records.read_bytes());
    }
}

fn work(receive: &Mutex<Receiver<Vec<Record>>>, policies: &PolicySet, changes_max: usize) -> Tally {
    let mut again = Again::by(policies, changes_max);
    loop {
        // Held while waiting: whoever waits behind could only wait as well.
        let batch = receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = batch else { return again.into_tally() };
        batch.iter().for_each(|record| again.decide(record));
    }
}
