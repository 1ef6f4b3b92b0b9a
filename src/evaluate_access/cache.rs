//! The decision cache (SAFETY.md §1). The key holds all that an answer was made from: epoch, state
//! revision and hash, policy digest, the whole question. A hit counts only before the next instant at which
//! time alone could change the answer, and for a brief while at most.
//!
//! Invariant: what the cache gives is what judging again would give. There is no invalidation: a
//! changed state or policy is another key.

use super::record::tail_of;
use crate::clock::Boot;
use crate::domain::{Evaluation, Timestamp};
use crate::policy::{Judged, Now, ShadowOutcome};
use crate::state::Standing;
use core::hash::{BuildHasher, Hash, Hasher};
use core::time::Duration;
use moka::sync::Cache;
use std::sync::Arc;

/// How much is cached, and for how long at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSettings {
    /// The most entries.
    pub entries_max: u64,
    /// The longest an entry counts, from when it was judged; never sliding.
    pub ttl: Duration,
}

/// A Decision, and what is needed to give it again.
///
/// Invariant: only the policies make a [`Judged`] that allows, so only they make this.
#[derive(Debug)]
pub(super) struct Judgement {
    pub(super) judged: Judged,
    /// The part of the record that is the same each time.
    pub(super) tail: Box<[u8]>,
    /// How the shadow policies' answer differs; `None` where there are none.
    pub(super) shadow: Option<ShadowOutcome>,
    /// The next instant at which time alone may change the answer, or the shadow's.
    pub(super) boundary: Option<Timestamp>,
}

impl Judgement {
    /// A judgement made without facts; never cached.
    pub(super) fn without_facts(judged: Judged, question: &Evaluation) -> Self {
        let tail = tail_of(question, judged.decision(), None, None).into();
        Self { judged, tail, shadow: None, boundary: None }
    }
}

/// All that an answer is made from, as bytes, with their hash.
#[derive(Debug, Clone)]
pub(super) struct Key {
    bytes: Arc<[u8]>,
    hash: u64,
    standing: Standing,
}

impl Key {
    pub(super) fn of(question: &Evaluation, standing: Standing, policy_revision: &str) -> Self {
        let mut bytes = Vec::with_capacity(384);
        bytes.extend_from_slice(&standing.epoch.to_le_bytes());
        bytes.extend_from_slice(&standing.revision.to_le_bytes());
        bytes.extend_from_slice(&standing.hash.to_le_bytes());
        bytes.extend_from_slice(policy_revision.as_bytes());
        question.write_canonical(&mut bytes);
        let hash = FIXED.hash_one(&bytes);
        Self { bytes: bytes.into(), hash, standing }
    }

    /// Whether it belongs to this standing of the state.
    pub(super) fn is_at(&self, standing: Standing) -> bool {
        self.standing.same_facts(standing)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.bytes == other.bytes
    }
}

impl Eq for Key {}

impl Hash for Key {
    /// The hash made once; equality compares every byte.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Keyed by random bytes of the process, so that nobody can choose questions that collide.
static FIXED: std::sync::LazyLock<std::hash::RandomState> = std::sync::LazyLock::new(std::hash::RandomState::new);

/// Passes on the hash that a [`Key`] already has.
#[derive(Debug, Clone, Copy, Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        debug_assert!(false, "a key writes its hash as one u64");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type BuildAlreadyHashed = core::hash::BuildHasherDefault<AlreadyHashed>;

struct Entry {
    judgement: Arc<Judgement>,
    judged_at: Boot,
    judged_for: Now,
}

pub(super) struct DecisionCache {
    entries: Cache<Key, Arc<Entry>, BuildAlreadyHashed>,
    ttl: Duration,
}

impl DecisionCache {
    pub(super) fn new(settings: CacheSettings) -> Self {
        let entries = Cache::builder()
            .max_capacity(settings.entries_max)
            // Frees memory; whether an entry still counts is judged on our own clock below.
            .time_to_live(settings.ttl.saturating_mul(2))
            .build_with_hasher(BuildAlreadyHashed::default());
        Self { entries, ttl: settings.ttl }
    }

    pub(super) fn get(&self, key: &Key, now: Now, boot: Boot) -> Option<Arc<Judgement>> {
        let entry = self.entries.get(key)?;
        let brief = boot >= entry.judged_at && boot.since(entry.judged_at) < self.ttl;
        let before_boundary = entry.judgement.boundary.is_none_or(|boundary| now.latest < boundary);
        // A renewal may set either bound back; what had begun or ended by the old ones must have by the new.
        let onwards = now.earliest >= entry.judged_for.earliest && now.latest >= entry.judged_for.latest;
        (brief && before_boundary && onwards).then(|| Arc::clone(&entry.judgement))
    }

    pub(super) fn put(&self, key: Key, judgement: &Arc<Judgement>, now: Now, boot: Boot) {
        if judgement.judged.cacheable() {
            let entry = Entry { judgement: Arc::clone(judgement), judged_at: boot, judged_for: now };
            self.entries.insert(key, Arc::new(entry));
        }
    }
}
