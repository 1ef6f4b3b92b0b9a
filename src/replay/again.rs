//! One record decided again. What was said before is remembered by its bytes: logs repeat themselves,
//! and reading question and facts takes longer than judging them.
//!
//! Invariant: a remembered Decision is used only for the same bytes of question and facts, and only
//! where time alone cannot have changed it since. Memory is bounded; what is forgotten is read again.

use super::tally::{After, Before, Tally};
use crate::decision_log::Record;
use crate::domain::{Decision, Evaluation, PersonId, TenantId, Timestamp};
use crate::evaluate_access::{RecordError, Skimmed};
use crate::policy::{Facts, Now, PolicySet, judge};
use crate::state::Known;
use std::collections::HashMap;

/// How many bytes of questions and facts each worker remembers, and as many of facts alone.
const REMEMBERED_BYTES_MAX: usize = 16 << 20;
/// What one entry takes beside its bytes, roughly: what is read from them is a few times as large.
const ENTRY_FACTOR: usize = 4;

/// One worker: decides records again, and counts.
pub(super) struct Again<'a> {
    policies: &'a PolicySet,
    tally: Tally,
    asked: Remembered<Asked>,
    known: Remembered<(TenantId, PersonId, Known)>,
    key: Vec<u8>,
}

/// A question with its facts, and what was last decided.
struct Asked {
    question: Evaluation,
    known: Known,
    decided: Option<Decided>,
}

/// A Decision, and the instants it holds at.
struct Decided {
    decision: Decision,
    judged_for: Now,
    boundary: Option<Timestamp>,
}

impl Decided {
    /// The rule of the decision cache: not before, and not from the boundary on.
    fn holds_at(&self, now: Now) -> bool {
        let onwards = now.earliest >= self.judged_for.earliest && now.latest >= self.judged_for.latest;
        onwards && self.boundary.is_none_or(|boundary| now.latest < boundary)
    }
}

/// Why a record is not decided again.
enum Not {
    Readable(RecordError),
    Replayable(&'static str),
}

impl From<RecordError> for Not {
    fn from(error: RecordError) -> Self {
        Self::Readable(error)
    }
}

impl<'a> Again<'a> {
    pub(super) fn by(policies: &'a PolicySet, changes_max: usize) -> Self {
        let tally = Tally::keeping(changes_max);
        Self { policies, tally, asked: Remembered::new(), known: Remembered::new(), key: Vec::new() }
    }

    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }

    /// Decides one record again.
    pub(super) fn decide(&mut self, record: &Record) {
        match self.try_decide(record) {
            Ok(()) => {}
            Err(Not::Readable(why)) => self.tally.unreadable(record, why.to_string()),
            Err(Not::Replayable(cause)) => self.tally.not_replayable(cause),
        }
    }

    fn try_decide(&mut self, record: &Record) -> Result<(), Not> {
        let skimmed = Skimmed::parse(&record.payload)?;
        let Some(question) = skimmed.question_bytes() else { return Err(Not::Replayable("stated_only")) };
        let Some(now) = skimmed.now() else { return Err(Not::Replayable("no_lease")) };
        let Some(facts) = skimmed.facts_bytes() else { return Err(Not::Replayable("no_facts")) };
        self.key.clear();
        self.key.extend_from_slice(question);
        // No JSON text has this byte, so no other pair makes the same key.
        self.key.push(0);
        self.key.extend_from_slice(facts);
        if !self.asked.has(&self.key) {
            let asked = self.read(&skimmed, facts)?;
            self.asked.put(&self.key, asked);
        }
        let Some(asked) = self.asked.get(&self.key) else { return Ok(()) };
        if !asked.decided.as_ref().is_some_and(|decided| decided.holds_at(now)) {
            let Asked { question, known, .. } = &*asked;
            let accesses = &known.accesses;
            let facts = Facts { tenant: known.tenant.as_deref(), engineer: known.engineer.as_deref(), accesses };
            let judged = judge(self.policies, question, &facts, now);
            // An answer that must not be kept holds at no other instant.
            let boundary = if judged.cacheable() { judged.boundary() } else { Some(now.latest) };
            asked.decided = Some(Decided { judged_for: now, boundary, decision: judged.into_decision() });
        }
        let Some(decided) = &asked.decided else { return Ok(()) };
        let before = Before {
            sequence: record.sequence,
            id: &skimmed.id,
            at: &skimmed.at,
            allowed: skimmed.allowed(),
            reason: &skimmed.reason,
        };
        let after = After::of(&decided.decision);
        Ok(self.tally.compared(&before, || skimmed.policies(), &asked.question, &after)?)
    }

    fn read(&mut self, skimmed: &Skimmed<'_>, facts: &[u8]) -> Result<Asked, Not> {
        let question = skimmed.question()?.ok_or(Not::Replayable("stated_only"))?;
        let same = |(tenant, engineer, _): &&mut (TenantId, PersonId, Known)| {
            *tenant == question.tenant && *engineer == question.engineer
        };
        let known = match self.known.get(facts).filter(same) {
            Some((_, _, known)) => known.clone(),
            None => {
                let known = skimmed.known(&question)?.ok_or(Not::Replayable("no_facts"))?;
                self.known.put(facts, (question.tenant.clone(), question.engineer.clone(), known.clone()));
                known
            }
        };
        Ok(Asked { question, known, decided: None })
    }
}

/// Values by bytes, all forgotten at once when they become too many.
struct Remembered<T> {
    entries: HashMap<Box<[u8]>, T>,
    bytes: usize,
}

impl<T> Remembered<T> {
    fn new() -> Self {
        Self { entries: HashMap::new(), bytes: 0 }
    }

    fn has(&self, key: &[u8]) -> bool {
        self.entries.contains_key(key)
    }

    fn get(&mut self, key: &[u8]) -> Option<&mut T> {
        self.entries.get_mut(key)
    }

    fn put(&mut self, key: &[u8], value: T) {
        if self.bytes > REMEMBERED_BYTES_MAX {
            self.entries.clear();
            self.bytes = 0;
        }
        self.bytes = self.bytes.saturating_add(key.len().saturating_mul(ENTRY_FACTOR));
        self.entries.insert(key.into(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut remembered = Remembered::new();
        let large = vec![7_u8; REMEMBERED_BYTES_MAX / ENTRY_FACTOR / 4];
        for number in 0..40_u8 {
            let mut key = large.clone();
            key.push(number);
            remembered.put(&key, number);
            assert_eq!(remembered.get(&key), Some(&mut number.clone()));
            assert!(remembered.entries.len() <= 6, "{}", remembered.entries.len());
        }
    }

    #[test]
    fn a_decision_holds_until_its_boundary_and_not_before_it_was_made() {
        let at = |earliest, latest| Now { earliest: Timestamp::from_ms(earliest), latest: Timestamp::from_ms(latest) };
        let decision = Decision::deny(crate::domain::Reason::NoGrant, "no");
        let mut decided = Decided { decision, judged_for: at(10, 12), boundary: Some(Timestamp::from_ms(20)) };
        for (now, holds) in
            [(at(10, 12), true), (at(15, 19), true), (at(15, 20), false), (at(9, 12), false), (at(10, 11), false)]
        {
            assert_eq!(decided.holds_at(now), holds, "{now:?}");
        }
        decided.boundary = None;
        assert!(decided.holds_at(at(1000, 1000)));
    }
}
