//! Between the tasks that append and the thread that writes: one lock, one open batch, one acknowledgement per batch.
//!
//! A task encodes its record straight into the open batch's bytes, so that the writer has nothing left to do but one `write`. A batch is
//! acknowledged by storing its outcome once and waking its tasks; beside the payload an append allocates nothing. Nothing here blocks:
//! the lock is only ever held for copying, and every refusal is immediate.
//!
//! Invariant: whatever was queued is acknowledged, failed, or still counted in `in_flight`; nobody waits for a batch that nobody holds.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::batch::{Batch, Outcome, lock, renew};
use super::framing::{FRAME_HEADER_BYTES, Prepared};
use super::health::Counters;
use super::relay::Board;
use super::{AppendError, Durability, LogClock};

/// Most payload bytes in one `append_all`: bounds how long the lock is held for copying.
pub(super) const APPEND_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why nothing is taken at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A write or sync failed, and no new segment could be opened since.
    Failing {
        reason: String,
        since_ms: u64,
    },
    /// The disk does not answer.
    Stalled {
        since_ms: u64,
    },
    Closed,
}

/// The records that wait for the writer, already in their final bytes.
#[derive(Default)]
pub(super) struct Open {
    pub(super) bytes: Vec<u8>,
    pub(super) batch: Arc<Batch>,
    process_wakers: Vec<Waker>,
    disk_wakers: Vec<Waker>,
    pub(super) records: usize,
    /// Up to the end of the last record that asks for `Process`, for a rewrite that must keep those but need not keep the rest.
    pub(super) process_end: usize,
    pub(super) process_records: usize,
    pub(super) wants_disk: bool,
    /// Boot time at which the first record came.
    since_ms: u64,
}

impl Open {
    fn wakers(&mut self, durability: Durability) -> &mut Vec<Waker> {
        match durability {
            Durability::Process => &mut self.process_wakers,
            Durability::Disk => &mut self.disk_wakers,
        }
    }

    /// From here on the batch itself is where its tasks are found.
    fn hand_over_wakers(&mut self) {
        let disk = std::mem::take(&mut self.disk_wakers);
        self.batch.hold(std::mem::take(&mut self.process_wakers), disk);
    }

    /// Empties it for reuse and keeps the buffers, unless an unusual burst has blown them up.
    pub(super) fn recycle(&mut self, process_wakers: Vec<Waker>, disk_wakers: Vec<Waker>) {
        const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        bytes.shrink_to(KEPT_BYTES_MAX);
        *self = Open { bytes, process_wakers, disk_wakers, ..Open::default() };
    }
}

struct Writing {
    batch: Arc<Batch>,
    records: usize,
    since_ms: u64,
}

struct Queue {
    open: Open,
    writing: Option<Writing>,
    next_sequence: u64,
    refusal: Option<Refusal>,
    sleeping: bool,
    closing: bool,
    ended: bool,
}

/// What the writer is to do next.
pub(super) enum Work {
    Batch,
    /// Nothing came in the time given.
    Timeout,
    /// Nothing is left and nothing will come.
    Close,
}

/// Where a queued record finds its acknowledgement.
pub(super) struct Ticket {
    pub(super) batch: Arc<Batch>,
    pub(super) sequence: u64,
    slot: usize,
}

/// What tasks, writer and watchdog share.
pub(super) struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    pub(super) board: Board,
    pub(super) clock: Arc<dyn LogClock>,
    pub(super) counters: Counters,
    in_flight_max: usize,
    stall_ms_max: u64,
}

impl Shared {
    pub(super) fn new(clock: Arc<dyn LogClock>, in_flight_max: usize, stall_ms_max: u64, next_sequence: u64) -> Shared {
        let queue = Queue {
            open: Open::default(),
            writing: None,
            next_sequence,
            refusal: None,
            sleeping: false,
            closing: false,
            ended: false,
        };
        let counters = Counters::new(next_sequence - 1);
        Shared {
            queue: Mutex::new(queue),
            work: Condvar::new(),
            board: Board::default(),
            clock,
            counters,
            in_flight_max,
            stall_ms_max,
        }
    }

    /// Queues records as one unit, with consecutive numbers.
    pub(super) fn enqueue(
        &self,
        payloads: &[Vec<u8>],
        durability: Durability,
        waker: &Waker,
    ) -> Result<Ticket, AppendError> {
        let bytes: usize = payloads.iter().map(Vec::len).sum();
        if bytes > APPEND_BYTES_MAX {
            return Err(AppendError::BatchTooLarge { bytes });
        }
        // The usual single record stays off the heap.
        let mut one = None;
        let mut many = Vec::new();
        for payload in payloads {
            let prepared = Prepared::new(payload).ok_or(AppendError::PayloadSize { bytes: payload.len() })?;
            if payloads.len() == 1 {
                one = Some(prepared);
            } else {
                many.push(prepared);
            }
        }
        if payloads.is_empty() {
            return Err(AppendError::PayloadSize { bytes: 0 });
        }
        let mut queue = lock(&self.queue);
        match &queue.refusal {
            None => {}
            Some(Refusal::Failing { .. }) => return Err(AppendError::Unavailable),
            Some(Refusal::Stalled { .. }) => return Err(AppendError::Stalled),
            Some(Refusal::Closed) => return Err(AppendError::Closed),
        }
        if queue.in_flight() + payloads.len() > self.in_flight_max {
            return Err(AppendError::Overloaded);
        }
        if queue.open.records == 0 {
            queue.open.since_ms = self.clock.boot_ms();
        }
        let sequence = queue.next_sequence;
        let open = &mut queue.open;
        open.bytes.reserve(bytes + payloads.len() * FRAME_HEADER_BYTES);
        for ((number, payload), prepared) in (sequence..).zip(payloads).zip(one.into_iter().chain(many)) {
            prepared.frame(payload, number, &mut open.bytes);
        }
        open.records += payloads.len();
        match durability {
            Durability::Process => {
                open.process_end = open.bytes.len();
                open.process_records = open.records;
            }
            Durability::Disk => open.wants_disk = true,
        }
        let slot = open.wakers(durability).len();
        open.wakers(durability).push(waker.clone());
        let batch = Arc::clone(&open.batch);
        queue.next_sequence += payloads.len() as u64;
        let wake = std::mem::take(&mut queue.sleeping);
        drop(queue);
        if wake && !self.board.nudge() {
            self.work.notify_one();
        }
        Ok(Ticket { batch, sequence, slot })
    }

    /// The outcome of a ticket; `waker` is the one to wake if it is still pending.
    pub(super) fn poll(&self, ticket: &Ticket, durability: Durability, waker: &Waker) -> Outcome {
        let outcome = ticket.batch.outcome(durability);
        if outcome != Outcome::Pending {
            return outcome;
        }
        // Rare: polled before the batch was settled, perhaps by another task than before.
        let mut queue = lock(&self.queue);
        if Arc::ptr_eq(&queue.open.batch, &ticket.batch) {
            renew(queue.open.wakers(durability), ticket.slot, waker);
        } else {
            drop(queue);
            ticket.batch.renew(durability, ticket.slot, waker);
        }
        // Settled in between: its list of wakers may have been taken before ours was in it.
        ticket.batch.outcome(durability)
    }

    /// The writer's only wait. `open` comes empty, for its buffers, and returns with the batch to write.
    pub(super) fn take(&self, open: &mut Open, wait: Option<Duration>) -> Work {
        let mut queue = lock(&self.queue);
        queue.writing = None;
        if matches!(queue.refusal, Some(Refusal::Stalled { .. })) {
            queue.refusal = None;
        }
        let mut waited = false;
        loop {
            if queue.open.records > 0 {
                std::mem::swap(&mut queue.open, open);
                open.hand_over_wakers();
                queue.writing =
                    Some(Writing { batch: Arc::clone(&open.batch), records: open.records, since_ms: open.since_ms });
                return Work::Batch;
            }
            if queue.closing {
                return Work::Close;
            }
            if waited {
                return Work::Timeout;
            }
            queue.sleeping = true;
            let idle = |queue: &mut Queue| queue.open.records == 0 && !queue.closing;
            queue = match wait {
                None => self.work.wait_while(queue, idle).unwrap_or_else(PoisonError::into_inner),
                Some(limit) => {
                    // The limit holds for the whole wait: wake-ups for nothing must not put off a sync or a new attempt.
                    let waited_for = self.work.wait_timeout_while(queue, limit, idle);
                    let (queue, timeout) = waited_for.unwrap_or_else(PoisonError::into_inner);
                    waited = timeout.timed_out();
                    queue
                }
            };
            queue.sleeping = false;
        }
    }

    /// Wakes the writer if it sleeps.
    pub(super) fn wake_writer(&self) {
        self.work.notify_one();
    }

    /// From now on refuses, fails what is queued, and takes numbers back: the next record accepted will be `next_sequence`.
    pub(super) fn fail(&self, reason: String, next_sequence: u64) {
        let since_ms = self.clock.wall_ms();
        let mut queue = lock(&self.queue);
        queue.next_sequence = next_sequence;
        if !queue.closing {
            queue.refusal = Some(Refusal::Failing { reason, since_ms });
        }
        let open = std::mem::take(&mut queue.open);
        drop(queue);
        settle_open(open, Outcome::Unavailable, &self.board);
    }

    /// A new segment is open: takes records again.
    pub(super) fn recovered(&self) {
        let mut queue = lock(&self.queue);
        if matches!(queue.refusal, Some(Refusal::Failing { .. })) {
            queue.refusal = None;
        }
    }

    /// Refuses from now on; what is queued is still written.
    pub(super) fn begin_close(&self) {
        let mut queue = lock(&self.queue);
        queue.closing = true;
        queue.refusal = Some(Refusal::Closed);
        queue.sleeping = false;
        drop(queue);
        self.work.notify_one();
    }

    /// The writer is gone, in order or by a panic: nothing may go on waiting for it.
    pub(super) fn writer_ended(&self) {
        let mut queue = lock(&self.queue);
        queue.closing = true;
        queue.ended = true;
        queue.refusal = Some(Refusal::Closed);
        let open = std::mem::take(&mut queue.open);
        let writing = queue.writing.take();
        drop(queue);
        settle_open(open, Outcome::Closed, &self.board);
        if let Some(writing) = writing {
            writing.batch.settle_all(Outcome::Closed, &self.board);
        }
        self.board.end();
    }

    /// The watchdog's look: when the oldest record waits too long, whatever waits fails and whatever comes is refused until the disk
    /// answers. What is not yet with the disk is dropped, and its numbers with it.
    pub(super) fn watch(&self) {
        // In case the relay's runtime is busy elsewhere.
        self.board.flush();
        let mut queue = lock(&self.queue);
        if queue.open.records > 0 {
            self.work.notify_one();
        }
        if queue.in_flight() == 0 || queue.refusal.is_some() && queue.refusal != Some(Refusal::Closed) {
            return;
        }
        let now_ms = self.clock.boot_ms();
        if now_ms.saturating_sub(queue.oldest_ms()) <= self.stall_ms_max {
            return;
        }
        if queue.refusal.is_none() {
            queue.refusal = Some(Refusal::Stalled { since_ms: self.clock.wall_ms() });
        }
        queue.next_sequence -= queue.open.records as u64;
        let open = std::mem::take(&mut queue.open);
        let writing = queue.writing.as_ref().map(|writing| Arc::clone(&writing.batch));
        drop(queue);
        self.counters.stalls.fetch_add(1, Ordering::Relaxed);
        settle_open(open, Outcome::Stalled, &self.board);
        if let Some(batch) = writing {
            batch.settle_all(Outcome::Stalled, &self.board);
        }
    }

    /// Whether the writer has ended.
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.queue).ended
    }

    /// Whether records are taken, how many wait, and for how many milliseconds the oldest does.
    pub(super) fn standing(&self) -> (Option<Refusal>, usize, u64) {
        let queue = lock(&self.queue);
        let depth = queue.in_flight();
        let oldest_wait_ms = if depth == 0 { 0 } else { self.clock.boot_ms().saturating_sub(queue.oldest_ms()) };
        (queue.refusal.clone(), depth, oldest_wait_ms)
    }
}

impl Queue {
    fn in_flight(&self) -> usize {
        self.open.records + self.writing.as_ref().map_or(0, |writing| writing.records)
    }

    /// Only meaningful while something is in flight.
    fn oldest_ms(&self) -> u64 {
        self.writing.as_ref().map_or(self.open.since_ms, |writing| writing.since_ms)
    }
}

/// Settles a batch that never reached the writer.
fn settle_open(mut open: Open, outcome: Outcome, board: &Board) {
    open.hand_over_wakers();
    open.batch.settle_all(outcome, board);
}
