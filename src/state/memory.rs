//! The maps of the sidecar's memory, and the hash that shows whether they are what the authority has.

use super::Known;
use super::item::{BundleDemand, StateItem};
use super::shared::Shared;
use crate::domain::{
    Access, AccessRequestId, Attributes, Engineer, Evaluation, PersonId, TenantFacts, TenantId, WorkloadName,
};
use core::borrow::Borrow;
use core::hash::{Hash, Hasher};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Whose AccessRequests, for which tenant and workload.
type Subject = (PersonId, TenantId, WorkloadName);

/// A changed item by its key, with the digest it counts with; `None` when it is gone.
pub type Change = (String, Option<(StateItem, u128)>);

/// What a sidecar holds at one revision.
#[derive(Debug, Default)]
pub struct Memory {
    epoch: u64,
    revision: u64,
    hash: u128,
    tenants: HashSet<ById>,
    engineers: HashMap<PersonId, Held<Engineer>>,
    accesses: HashMap<AccessRequestId, Held<Access>>,
    by_subject: HashMap<Subject, Vec<Arc<Access>>>,
    bundle: Option<Held<BundleDemand>>,
    attributes: Shared<Arc<Attributes>>,
    people: Shared<PersonId>,
    workloads: Shared<WorkloadName>,
}

/// An item with the digest it counts with.
#[derive(Debug)]
struct Held<T> {
    fact: Arc<T>,
    /// In two halves: as one number its alignment would cost eight bytes of each.
    digest: (u64, u64),
}

/// A tenant that is found by his id, which is not kept a second time beside it: there may be a million.
#[derive(Debug)]
struct ById(Held<TenantFacts>);

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        self.0.fact.id.as_str()
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.fact.id.as_str().hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.fact.id == other.0.fact.id
    }
}

impl Eq for ById {}

/// How much a memory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Tenants.
    pub tenants: usize,
    /// Engineers.
    pub engineers: usize,
    /// AccessRequests, live or lately ended.
    pub accesses: usize,
}

/// The memory is not what the authority has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Diverged {
    /// The hashes differ: a change was lost, doubled or altered.
    #[error("at revision {revision} the state hash differs from the authority's: a snapshot is needed")]
    Hash {
        /// Where.
        revision: u64,
    },
    /// The authority went back without a new epoch.
    #[error("the authority is at revision {offered}, behind {held}: run `lockbox authority recover` after a restore")]
    Backwards {
        /// What the sidecar holds.
        held: u64,
        /// What it was offered.
        offered: u64,
    },
}

impl Memory {
    /// An empty memory of a record's epoch, to be filled.
    pub fn of_epoch(epoch: u64) -> Self {
        Self { epoch, ..Self::default() }
    }

    /// A memory from a whole snapshot.
    ///
    /// # Errors
    /// [`Diverged::Hash`] when the items are not what the hash says.
    pub fn from_snapshot(
        items: impl IntoIterator<Item = (StateItem, u128)>,
        epoch: u64,
        revision: u64,
        hash: u128,
    ) -> Result<Self, Diverged> {
        let mut memory = Self::of_epoch(epoch);
        for (item, digest) in items {
            memory.put(item, digest);
        }
        memory.stands_at(revision, hash)?;
        Ok(memory)
    }

    /// Takes one item; the last that is taken of a key counts.
    pub fn take(&mut self, (key, item): Change) {
        match item {
            None => self.remove(&key),
            Some((item, digest)) => self.put(item, digest),
        }
    }

    /// Says that everything that leads to `revision` has been taken.
    ///
    /// # Errors
    /// [`Diverged::Hash`] when what it holds is not what the hash says; it is then not to be believed.
    pub fn stands_at(&mut self, revision: u64, hash: u128) -> Result<(), Diverged> {
        self.revision = revision;
        if self.hash == hash { Ok(()) } else { Err(Diverged::Hash { revision }) }
    }

    /// The epoch of the record it was told from.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The revision it stands at.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The sum of the digests of what it holds.
    pub fn hash(&self) -> u128 {
        self.hash
    }

    /// How much it holds.
    pub fn counts(&self) -> Counts {
        Counts { tenants: self.tenants.len(), engineers: self.engineers.len(), accesses: self.accesses.len() }
    }

    /// The bundle of policies that the record demands, if it demands one.
    pub fn bundle(&self) -> Option<&BundleDemand> {
        self.bundle.as_ref().map(|held| held.fact.as_ref())
    }

    /// What it knows for a question.
    pub fn known(&self, question: &Evaluation) -> Known {
        // Cloned names are reference counts, not copies.
        let subject = (question.engineer.clone(), question.tenant.clone(), question.workload.clone());
        Known {
            tenant: self.tenants.get(question.tenant.as_str()).map(|ById(held)| Arc::clone(&held.fact)),
            engineer: self.engineers.get(&question.engineer).map(|held| Arc::clone(&held.fact)),
            accesses: self.by_subject.get(&subject).cloned().unwrap_or_default(),
        }
    }

    /// Takes changes that lead to `revision`.
    ///
    /// # Errors
    /// [`Diverged`]; the memory is then not to be believed.
    pub fn apply(&mut self, changes: Vec<Change>, revision: u64, hash: u128) -> Result<(), Diverged> {
        if revision < self.revision {
            return Err(Diverged::Backwards { held: self.revision, offered: revision });
        }
        for change in changes {
            self.take(change);
        }
        self.stands_at(revision, hash)
    }

    fn put(&mut self, item: StateItem, digest: u128) {
        let before = match item {
            StateItem::Tenant(mut tenant) => {
                tenant.attributes = self.attributes.one(tenant.attributes);
                self.tenants.replace(ById(Held::new(tenant, digest))).map(|ById(held)| held.digest())
            }
            StateItem::Engineer(engineer) => {
                self.engineers.insert(engineer.id.clone(), Held::new(engineer, digest)).map(|held| held.digest())
            }
            StateItem::Access(mut access) => {
                access.engineer = self.people.one(access.engineer);
                access.workload = self.workloads.one(access.workload);
                let before = self.remove_access(access.id);
                let held = Held::new(access, digest);
                // Most have one: the room for more that a first push makes would be wasted a hundred thousand times.
                let theirs = self.by_subject.entry(subject(&held.fact)).or_insert_with(|| Vec::with_capacity(1));
                theirs.push(Arc::clone(&held.fact));
                self.accesses.insert(held.fact.id, held);
                before
            }
            StateItem::Bundle(bundle) => self.bundle.replace(Held::new(bundle, digest)).map(|held| held.digest()),
        };
        self.hash = self.hash.wrapping_sub(before.unwrap_or(0)).wrapping_add(digest);
    }

    fn remove(&mut self, key: &str) {
        let digest = match key.split_once('/') {
            Some(("tenant", id)) => self.tenants.take(id).map(|ById(held)| held.digest()),
            Some(("engineer", id)) => self.engineers.remove(id).map(|held| held.digest()),
            Some(("policies", "bundle")) => self.bundle.take().map(|held| held.digest()),
            Some(("access", id)) => AccessRequestId::parse(id).ok().and_then(|id| self.remove_access(id)),
            _ => None,
        };
        self.hash = self.hash.wrapping_sub(digest.unwrap_or(0));
    }

    fn remove_access(&mut self, id: AccessRequestId) -> Option<u128> {
        let held = self.accesses.remove(&id)?;
        let subject = subject(&held.fact);
        if let Some(others) = self.by_subject.get_mut(&subject) {
            others.retain(|access| access.id != id);
            if others.is_empty() {
                self.by_subject.remove(&subject);
            }
        }
        Some(held.digest())
    }
}

impl<T> Held<T> {
    fn new(fact: T, digest: u128) -> Self {
        // Both halves, each without loss.
        #[expect(clippy::cast_possible_truncation, reason = "the halves of a number")]
        let halves = ((digest >> 64) as u64, digest as u64);
        Self { fact: Arc::new(fact), digest: halves }
    }

    fn digest(&self) -> u128 {
        u128::from(self.digest.0) << 64 | u128::from(self.digest.1)
    }
}

fn subject(access: &Access) -> Subject {
    (access.engineer.clone(), access.tenant.clone(), access.workload.clone())
}
