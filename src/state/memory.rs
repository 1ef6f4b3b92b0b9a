//! The maps of the sidecar's memory, and the hash that shows whether they are what the authority has.

use super::Known;
use super::item::{BundleDemand, StateItem};
use super::shared::Shared;
use crate::domain::{
    Access, AccessRequestId, Attributes, Engineer, Evaluation, PersonId, TenantFacts, TenantId, WorkloadName,
};
use std::collections::HashMap;
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
    tenants: HashMap<TenantId, Held<TenantFacts>>,
    engineers: HashMap<PersonId, Held<Engineer>>,
    accesses: HashMap<AccessRequestId, Held<Access>>,
    by_subject: HashMap<Subject, Vec<Arc<Access>>>,
    bundle: Option<Held<BundleDemand>>,
    /// The attributes of tenants.
    attributes: Shared<Attributes>,
}

/// An item with the digest it counts with.
#[derive(Debug)]
struct Held<T> {
    fact: Arc<T>,
    digest: u128,
}

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
            tenant: self.tenants.get(&question.tenant).map(|held| Arc::clone(&held.fact)),
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
                self.tenants.insert(tenant.id.clone(), Held::new(tenant, digest)).map(|held| held.digest)
            }
            StateItem::Engineer(engineer) => {
                self.engineers.insert(engineer.id.clone(), Held::new(engineer, digest)).map(|held| held.digest)
            }
            StateItem::Access(access) => {
                let before = self.remove_access(access.id);
                let held = Held::new(access, digest);
                self.by_subject.entry(subject(&held.fact)).or_default().push(Arc::clone(&held.fact));
                self.accesses.insert(held.fact.id, held);
                before
            }
            StateItem::Bundle(bundle) => self.bundle.replace(Held::new(bundle, digest)).map(|held| held.digest),
        };
        self.hash = self.hash.wrapping_sub(before.unwrap_or(0)).wrapping_add(digest);
    }

    fn remove(&mut self, key: &str) {
        let digest = match key.split_once('/') {
            Some(("tenant", id)) => self.tenants.remove(id).map(|held| held.digest),
            Some(("engineer", id)) => self.engineers.remove(id).map(|held| held.digest),
            Some(("policies", "bundle")) => self.bundle.take().map(|held| held.digest),
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
        Some(held.digest)
    }
}

impl<T> Held<T> {
    fn new(fact: T, digest: u128) -> Self {
        Self { fact: Arc::new(fact), digest }
    }
}

fn subject(access: &Access) -> Subject {
    (access.engineer.clone(), access.tenant.clone(), access.workload.clone())
}
