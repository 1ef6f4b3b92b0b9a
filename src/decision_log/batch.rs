//! The acknowledgement of one batch: an outcome stored once, and the tasks to wake for it.
//!
//! It knows nothing of bytes or files. The first outcome is the last word: a batch given up as stalled is never acknowledged later.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::Durability;
use super::relay::Board;

/// Tasks of one batch that wait for the same thing.
#[derive(Default)]
struct Group {
    outcome: AtomicU8,
    wakers: Mutex<Vec<Waker>>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Outcome {
    Pending = 0,
    Done = 1,
    Unavailable = 2,
    Stalled = 3,
    Closed = 4,
}

/// The acknowledgement that the tasks of one batch share.
#[derive(Default)]
pub(super) struct Batch {
    process: Group,
    disk: Group,
}

impl Batch {
    /// Takes over the wakers of a batch that leaves the queue, one list for each durability.
    pub(super) fn hold(&self, process: Vec<Waker>, disk: Vec<Waker>) {
        *lock(&self.process.wakers) = process;
        *lock(&self.disk.wakers) = disk;
    }

    /// Replaces the waker in `slot`, unless the batch was settled meanwhile.
    pub(super) fn renew(&self, durability: Durability, slot: usize, waker: &Waker) {
        renew(&mut lock(&self.group(durability).wakers), slot, waker);
    }

    fn group(&self, durability: Durability) -> &Group {
        match durability {
            Durability::Process => &self.process,
            Durability::Disk => &self.disk,
        }
    }

    pub(super) fn outcome(&self, durability: Durability) -> Outcome {
        match self.group(durability).outcome.load(Ordering::Acquire) {
            0 => Outcome::Pending,
            1 => Outcome::Done,
            3 => Outcome::Stalled,
            4 => Outcome::Closed,
            _ => Outcome::Unavailable,
        }
    }

    /// Settles what still waits and has it woken; the first outcome stays. Gives back an empty list for use by a later batch.
    pub(super) fn settle(&self, durability: Durability, outcome: Outcome, board: &Board) -> Vec<Waker> {
        let group = self.group(durability);
        // A batch that was given up as stalled stays so, though its bytes may reach the disk after all.
        let _first_stays =
            group.outcome.compare_exchange(Outcome::Pending as u8, outcome as u8, Ordering::AcqRel, Ordering::Acquire);
        let wakers = std::mem::take(&mut *lock(&group.wakers));
        board.settled(wakers)
    }

    pub(super) fn settle_all(&self, outcome: Outcome, board: &Board) {
        self.settle(Durability::Process, outcome, board);
        self.settle(Durability::Disk, outcome, board);
    }
}

/// Replaces the waker in `slot`, if it is still waited for.
pub(super) fn renew(wakers: &mut [Waker], slot: usize, waker: &Waker) {
    if let Some(held) = wakers.get_mut(slot) {
        held.clone_from(waker);
    }
}

/// Locks whatever happened before: no code in this module leaves something half changed when it panics.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
