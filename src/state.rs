//! The sidecar's memory: tenants, engineers and AccessRequests as the authority last told, the
//! revision they stand at, and the lease that says for how long they may be believed.
//!
//! Invariant: nothing here asks anybody or waits for anything but a short lock. What is read
//! together was true together: one revision, one lease, one set of facts.

mod item;
mod lease;
mod memory;
mod shared;
#[cfg(test)]
mod tests;
mod uses;

pub use item::{BundleDemand, EncodedItem, FactsRef, ItemError, StateItem, WireValue};
pub use lease::{Lease, LeaseSettings};
pub use memory::{Change, Counts, Diverged, Memory};
pub use uses::{FirstUse, FirstUses};

use crate::clock::Boot;
use crate::domain::{Access, Engineer, Evaluation, TenantFacts, Timestamp};
use std::sync::{Arc, PoisonError, RwLock};

/// Where the memory stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The epoch of the authority's record.
    pub epoch: u64,
    /// The revision the memory is at.
    pub revision: u64,
    /// The state hash there: two records that were restored apart may share epoch and revision, not this.
    pub hash: u128,
    /// How long it may be believed; `None` before the first full renewal.
    pub lease: Option<Lease>,
}

/// What the memory knows for one question.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The tenant, if there is such a one.
    pub tenant: Option<Arc<TenantFacts>>,
    /// The engineer, if the directory has him.
    pub engineer: Option<Arc<Engineer>>,
    /// His AccessRequests for that tenant and workload, in no order.
    pub accesses: Vec<Arc<Access>>,
}

/// The memory behind a lock that is held for a look-up or a change, never for a Decision.
#[derive(Debug, Default)]
pub struct State {
    inner: RwLock<Inner>,
    first_uses: FirstUses,
}

#[derive(Debug, Default)]
struct Inner {
    memory: Memory,
    lease: Option<Lease>,
}

impl State {
    /// Where the memory stands now.
    pub fn standing(&self) -> Standing {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).standing()
    }

    /// What the memory knows for each question, all at one standing.
    pub fn look<'q>(&self, questions: impl Iterator<Item = &'q Evaluation>) -> (Standing, Vec<Known>) {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        (inner.standing(), questions.map(|question| inner.memory.known(question)).collect())
    }

    /// What the memory knows for one question.
    pub fn look_one(&self, question: &Evaluation) -> (Standing, Known) {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        (inner.standing(), inner.memory.known(question))
    }

    /// Under which Grants content was touched.
    pub fn first_uses(&self) -> &FirstUses {
        &self.first_uses
    }

    /// How much it holds.
    pub fn counts(&self) -> Counts {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).memory.counts()
    }

    /// Takes changes that lead to `revision`, and the lease that came with them.
    ///
    /// # Errors
    /// [`Diverged`] when the memory is then not what the authority has: the lease is gone, and only
    /// a snapshot helps.
    pub fn apply(&self, changes: Vec<Change>, revision: u64, hash: u128, lease: Lease) -> Result<(), Diverged> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let applied = inner.memory.apply(changes, revision, hash);
        inner.lease = applied.is_ok().then_some(lease);
        applied
    }

    /// Takes a whole memory in place of the one before.
    pub fn replace(&self, memory: Memory, lease: Lease) {
        let before = {
            let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
            inner.lease = Some(lease);
            core::mem::replace(&mut inner.memory, memory)
        };
        // Freed after the lock is: a large memory takes a while.
        drop(before);
    }

    /// Believes nothing until the next renewal.
    pub fn forget_lease(&self) {
        self.inner.write().unwrap_or_else(PoisonError::into_inner).lease = None;
    }
}

impl Inner {
    fn standing(&self) -> Standing {
        Standing {
            epoch: self.memory.epoch(),
            revision: self.memory.revision(),
            hash: self.memory.hash(),
            lease: self.lease,
        }
    }
}

impl Standing {
    /// Whether the memory holds the same at both; the lease may be another.
    pub fn same_facts(&self, other: Self) -> bool {
        (self.epoch, self.revision, self.hash) == (other.epoch, other.revision, other.hash)
    }

    /// The bounds of the authority's time at `boot`, if the lease holds then.
    pub fn now(&self, boot: Boot) -> Option<(Timestamp, Timestamp)> {
        self.lease.filter(|lease| lease.holds(boot)).map(|lease| (lease.earliest(boot), lease.latest(boot)))
    }
}
