//! What the log tells of itself: readiness with a reason, and the numbers behind the metrics.
//!
//! Reading it takes the queue's lock for a moment and never waits for the disk.

use std::sync::atomic::{AtomicU64, Ordering};

use super::queue::{Refusal, Shared};

/// Running totals since open. Written with relaxed ordering: each is true on its own, they are no consistent whole.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) records: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) batches: AtomicU64,
    pub(super) syncs: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) stalls: AtomicU64,
    pub(super) last_sequence: AtomicU64,
    pub(super) segments: AtomicU64,
}

impl Counters {
    pub(super) fn new(last_sequence: u64) -> Counters {
        Counters { last_sequence: AtomicU64::new(last_sequence), ..Counters::default() }
    }

    pub(super) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}

/// Whether records are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogState {
    /// They are.
    Ok,
    /// They are refused, so that everything must be denied.
    Failing {
        /// What went wrong, for a person.
        reason: String,
        /// Wall time at which it began, milliseconds UTC; None once the log is closed.
        since_ms: Option<u64>,
    },
}

/// The log at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether records are taken.
    pub state: LogState,
    /// Records written since open.
    pub records: u64,
    /// Bytes of frames written since open.
    pub bytes: u64,
    /// Batches written since open: `records / batches` is what group commit saves.
    pub batches: u64,
    /// Successful syncs of segments since open.
    pub syncs: u64,
    /// Failed writes, syncs and attempts at a new segment since open.
    pub errors: u64,
    /// Times the watchdog gave up on the disk since open.
    pub stalls: u64,
    /// Records queued or being written.
    pub queue_depth: usize,
    /// How long the oldest of these waits, milliseconds.
    pub oldest_wait_ms: u64,
    /// The last record written; 0 while there is none.
    pub last_sequence: u64,
    /// Segment files.
    pub segments: u64,
}

pub(super) fn health(shared: &Shared) -> Health {
    let (refusal, queue_depth, oldest_wait_ms) = shared.standing();
    let state = match refusal {
        None => LogState::Ok,
        Some(Refusal::Failing { reason, since_ms }) => LogState::Failing { reason, since_ms: Some(since_ms) },
        Some(Refusal::Stalled { since_ms }) => LogState::Failing {
            reason: "the disk of the decision log does not answer".to_owned(),
            since_ms: Some(since_ms),
        },
        Some(Refusal::Closed) => LogState::Failing { reason: "the decision log is closed".to_owned(), since_ms: None },
    };
    let counters = &shared.counters;
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Health {
        state,
        records: read(&counters.records),
        bytes: read(&counters.bytes),
        batches: read(&counters.batches),
        syncs: read(&counters.syncs),
        errors: read(&counters.errors),
        stalls: read(&counters.stalls),
        queue_depth,
        oldest_wait_ms,
        last_sequence: read(&counters.last_sequence),
        segments: read(&counters.segments),
    }
}
