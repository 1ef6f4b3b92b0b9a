//! The data path: one question in, one recorded Decision out.
//!
//! Invariant: an [`Answer`] exists only after its record does; an allow only if the policies gave a
//! permit. Each question is decided from one reading of both clocks, of the policies and of the state; an allow that took
//! a while to be recorded is looked at again before it is given.

mod cache;
mod history;
mod question;
mod record;
mod skim;
mod stands;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use cache::CacheSettings;
pub use history::{History, HistoryError, Touched};
pub use question::{Stated, Unaskable};
pub use record::{RecordError, Recorded, RecordedShadow};
pub use skim::Skimmed;

use crate::clock::{Boot, Clock, Ids};
use crate::decision_log::{AppendError, DecisionLog, Durability};
use crate::domain::{CallerName, Decision, Evaluation, Reason, Timestamp};
use crate::policy::{Facts, Judged, Now, PolicyHandle, PolicySet, ShadowOutcome, ShadowPolicies, judge};
use crate::state::{Known, Standing, State};
use cache::{DecisionCache, Judgement, Key};
use core::time::Duration;
use record::{Head, tail_of, tail_of_refusal};
use stands::{overtaken, valid_for};
use std::sync::Arc;
use uuid::Uuid;

/// How often an answer is made anew because the state moved away under it while it was being written.
const OVERTAKEN_MAX: usize = 4;
/// Told of every answer, for metrics.
pub trait Observer: Send + Sync {
    /// A question was answered with `reason`, `took` after it came in.
    fn decided(&self, reason: Reason, took: Duration);
    /// The cache had the answer, or not.
    fn cache(&self, hit: bool);
    /// An answer was compared with that of the shadow policies.
    fn shadow(&self, outcome: ShadowOutcome);
}

/// The parts a question passes through.
pub struct EvaluateAccess {
    state: Arc<State>,
    policies: Arc<PolicyHandle>,
    shadow: Option<Arc<ShadowPolicies>>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    log: Arc<DecisionLog>,
    cache: Option<DecisionCache>,
    durability: Durability,
    observer: Arc<dyn Observer>,
}

/// What the data path is made of.
pub struct Parts {
    /// The sidecar's memory.
    pub state: Arc<State>,
    /// The policies.
    pub policies: Arc<PolicyHandle>,
    /// Policies that are asked beside them and never answer.
    pub shadow: Option<Arc<ShadowPolicies>>,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Where decision ids come from.
    pub ids: Arc<dyn Ids>,
    /// The decision log.
    pub log: Arc<DecisionLog>,
    /// The decision cache; `None` is off.
    pub cache: Option<CacheSettings>,
    /// What an allow waits for.
    pub durability: Durability,
    /// Who is told of answers.
    pub observer: Arc<dyn Observer>,
}

/// A Decision that is on record.
#[derive(Debug, Clone)]
pub struct Answer {
    judgement: Arc<Judgement>,
    /// Its id, in the record and in the answer.
    pub decision_id: Uuid,
    /// When it was made: the sidecar's time of day, within what it knows of the authority's.
    pub evaluated_at: Timestamp,
    /// How long the caller may rely on it, reckoned from when he asked; 0 for a denial.
    pub valid_for: Duration,
    /// The revision of the state it was made from.
    pub state_revision: u64,
    standing: Standing,
    policies: Option<Arc<PolicySet>>,
}

impl Answer {
    /// The digest of the policies it was made by; empty when there were none.
    pub fn policy_revision(&self) -> &str {
        self.policies.as_deref().map_or("", PolicySet::digest)
    }

    /// The Decision.
    pub fn decision(&self) -> &Decision {
        self.judgement.judged.decision()
    }
}

/// There is no answer: the Decision could not be recorded. The caller is told `audit_unavailable`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the decision cannot be recorded: {0}")]
pub struct AuditUnavailable(#[from] AppendError);

/// The instants and the standing that all questions of one call share.
struct Moment {
    boot: Boot,
    wall: Timestamp,
    standing: Standing,
    now: Option<Now>,
}

/// A Decision on its way to the record.
struct Unrecorded {
    judgement: Arc<Judgement>,
    decision_id: Uuid,
    evaluated_at: Timestamp,
    valid_for: Duration,
    standing: Standing,
    policies: Option<Arc<PolicySet>>,
    record: Vec<u8>,
}

impl EvaluateAccess {
    /// The data path over these parts.
    pub fn new(parts: Parts) -> Self {
        let Parts { state, policies, shadow, clock, ids, log, cache, durability, observer } = parts;
        let cache = cache.map(DecisionCache::new);
        Self { state, policies, shadow, clock, ids, log, cache, durability, observer }
    }

    /// Answers one question.
    ///
    /// # Errors
    /// [`AuditUnavailable`] when the Decision cannot be recorded; the caller must be denied.
    pub async fn evaluate(
        &self,
        caller: &CallerName,
        asked: &Result<Evaluation, Unaskable>,
    ) -> Result<Answer, AuditUnavailable> {
        let began = self.clock.boot();
        for _ in 0..OVERTAKEN_MAX {
            let unrecorded = self.decide(caller, asked, self.clock.boot());
            let durability = self.durability_for(unrecorded.judgement.judged.decision().allows());
            let (record, mut answer) = unrecorded.split();
            let appended = self.log.append(record, durability).await;
            if appended.is_ok() && !self.stands(&mut answer, asked) {
                continue;
            }
            self.observe(&answer, appended.is_ok(), began);
            appended?;
            return Ok(answer);
        }
        let moment = self.moment(self.clock.boot(), self.state.standing());
        let (record, answer) = self.unrecorded(caller, Arc::new(overtaken(asked)), &moment, None, false).split();
        let appended = self.log.append(record, Durability::Process).await;
        self.observe(&answer, appended.is_ok(), began);
        appended?;
        Ok(answer)
    }

    /// Answers questions in order, all at one instant and one state, until `stop` says so after an
    /// answer. Questions after that are neither decided nor recorded.
    ///
    /// # Errors
    /// [`AuditUnavailable`] when the Decisions cannot be recorded; then none is answered.
    pub async fn evaluate_all(
        &self,
        caller: &CallerName,
        asked: &[Result<Evaluation, Unaskable>],
        stop: impl Fn(&Decision) -> bool,
    ) -> Result<Vec<Answer>, AuditUnavailable> {
        if asked.is_empty() {
            // A batch of nothing but errors: there is nothing to decide, and nothing to record.
            return Ok(Vec::new());
        }
        let began = self.clock.boot();
        for _ in 0..OVERTAKEN_MAX {
            let (records, mut answers) = self.decide_all(caller, asked, &stop);
            if answers.is_empty() {
                return Ok(answers);
            }
            let allows = answers.iter().any(|answer| answer.decision().allows());
            let appended = self.log.append_all(records, self.durability_for(allows)).await;
            if appended.is_ok() && !answers.iter_mut().zip(asked).all(|(answer, asked)| self.stands(answer, asked)) {
                continue;
            }
            for answer in &answers {
                self.observe(answer, appended.is_ok(), began);
            }
            appended?;
            return Ok(answers);
        }
        let moment = self.moment(self.clock.boot(), self.state.standing());
        let denied =
            asked.iter().map(|asked| self.unrecorded(caller, Arc::new(overtaken(asked)), &moment, None, false).split());
        let (records, answers): (Vec<_>, Vec<_>) = denied.unzip();
        self.log.append_all(records, Durability::Process).await?;
        Ok(answers)
    }

    fn decide_all(
        &self,
        caller: &CallerName,
        asked: &[Result<Evaluation, Unaskable>],
        stop: impl Fn(&Decision) -> bool,
    ) -> (Vec<Vec<u8>>, Vec<Answer>) {
        let boot = self.clock.boot();
        let policies = self.policies.current(boot.since(Boot::default())).ok();
        let (standing, known) = self.state.look(asked.iter().filter_map(|asked| asked.as_ref().ok()));
        let moment = self.moment(boot, standing);
        let (mut known, mut records, mut answers) = (known.into_iter(), Vec::new(), Vec::new());
        for asked in asked {
            let judgement = match asked {
                Err(unaskable) => Arc::new(refused(unaskable)),
                Ok(question) => {
                    let known = known.next().unwrap_or_default();
                    Arc::new(self.judge(question, &moment, policies.as_deref(), &known))
                }
            };
            let (record, answer) = self.unrecorded(caller, judgement, &moment, policies.clone(), false).split();
            let stopped = stop(answer.decision());
            records.push(record);
            answers.push(answer);
            if stopped {
                break;
            }
        }
        (records, answers)
    }

    fn durability_for(&self, allows: bool) -> Durability {
        // A denial that a crash forgets opens nothing; it is on disk within 100 ms (SAFETY.md §3).
        if allows { self.durability } else { Durability::Process }
    }

    fn observe(&self, answer: &Answer, recorded: bool, began: Boot) {
        let reason = if recorded { answer.decision().reason } else { Reason::AuditUnavailable };
        self.observer.decided(reason, self.clock.boot().since(began));
        if let Some(grant) = answer.decision().grant.as_ref().filter(|_| recorded && answer.decision().allows()) {
            self.state.first_uses().note(grant.access_request, answer.evaluated_at);
        }
        if let Some(outcome) = answer.judgement.shadow {
            self.observer.shadow(outcome);
        }
    }

    fn decide(&self, caller: &CallerName, asked: &Result<Evaluation, Unaskable>, boot: Boot) -> Unrecorded {
        let policies = self.policies.current(boot.since(Boot::default())).ok();
        let question = match asked {
            Ok(question) => question,
            Err(unaskable) => {
                let moment = self.moment(boot, self.state.standing());
                return self.unrecorded(caller, Arc::new(refused(unaskable)), &moment, policies, false);
            }
        };
        let cache = self.cache.as_ref().zip(policies.as_ref());
        let mut key = None;
        if let Some((cache, policies)) = cache {
            let moment = self.moment(boot, self.state.standing());
            let asked = Key::of(question, moment.standing, policies.digest());
            let hit = moment.now.and_then(|now| cache.get(&asked, now, boot));
            self.observer.cache(hit.is_some());
            if let Some(judgement) = hit {
                return self.unrecorded(caller, judgement, &moment, Some(Arc::clone(policies)), true);
            }
            key = Some(asked);
        }
        let (standing, known) = self.state.look_one(question);
        let moment = self.moment(boot, standing);
        let judgement = Arc::new(self.judge(question, &moment, policies.as_deref(), &known));
        if let (Some((cache, policies)), Some(now)) = (cache, moment.now) {
            // The state may have moved since the look-up: the judgement goes under what it was made from.
            let key = key.filter(|key| key.is_at(standing));
            let key = key.unwrap_or_else(|| Key::of(question, standing, policies.digest()));
            cache.put(key, &judgement, now, boot);
        }
        self.unrecorded(caller, judgement, &moment, policies, false)
    }

    fn moment(&self, boot: Boot, standing: Standing) -> Moment {
        let now = standing.now(boot).map(|(earliest, latest)| Now { earliest, latest });
        Moment { boot, wall: self.clock.wall(), standing, now }
    }

    fn judge(&self, question: &Evaluation, moment: &Moment, policies: Option<&PolicySet>, known: &Known) -> Judgement {
        let Some(policies) = policies else {
            let message = "the sidecar has no valid policies; its /readyz says why";
            return Judgement::without_facts(Judged::denied(Reason::NotReady, message), question);
        };
        let Some(now) = moment.now else {
            let (reason, message) = if moment.standing.lease.is_some() {
                (Reason::LeaseExpired, "the sidecar has had no news from the authority for too long; ask again shortly")
            } else {
                (Reason::NotReady, "the sidecar has not heard from the authority yet; ask again shortly")
            };
            return Judgement::without_facts(Judged::denied(reason, message), question);
        };
        let facts =
            Facts { tenant: known.tenant.as_deref(), engineer: known.engineer.as_deref(), accesses: &known.accesses };
        let judged = judge(policies, question, &facts, now);
        // After the judgement, from the same facts: it is compared with, and not looked at again.
        let boot = moment.boot.since(Boot::default());
        let shadow = self.shadow.as_ref().map(|shadow| shadow.compare(&judged, question, &facts, now, boot));
        let verdict = shadow.as_ref().and_then(|shadowed| shadowed.verdict.as_ref());
        let tail = tail_of(question, judged.decision(), Some(known), verdict).into();
        let boundaries = [judged.boundary(), shadow.as_ref().and_then(|shadowed| shadowed.boundary)];
        let boundary = boundaries.into_iter().flatten().min();
        Judgement { judged, tail, shadow: shadow.map(|shadowed| shadowed.outcome), boundary }
    }

    fn unrecorded(
        &self,
        caller: &CallerName,
        judgement: Arc<Judgement>,
        moment: &Moment,
        policies: Option<Arc<PolicySet>>,
        cached: bool,
    ) -> Unrecorded {
        let evaluated_at = match moment.now {
            Some(now) => moment.wall.clamp(now.earliest.min(now.latest), now.latest),
            None => moment.wall,
        };
        let decision_id = self.ids.uuid(evaluated_at);
        let head = Head {
            decision_id,
            evaluated_at,
            now: moment.now,
            caller,
            cached,
            epoch: moment.standing.epoch,
            state_revision: moment.standing.revision,
            policy_revision: policies.as_deref().map_or("", PolicySet::digest),
        };
        let record = head.with_tail(&judgement.tail);
        let valid_for = valid_for(judgement.judged.decision(), moment);
        let standing = moment.standing;
        Unrecorded { judgement, decision_id, evaluated_at, valid_for, standing, policies, record }
    }
}

impl Unrecorded {
    /// The record, and the answer that may be given once it is written.
    fn split(self) -> (Vec<u8>, Answer) {
        let Self { judgement, decision_id, evaluated_at, valid_for, standing, policies, record } = self;
        let state_revision = standing.revision;
        (record, Answer { judgement, decision_id, evaluated_at, valid_for, state_revision, standing, policies })
    }
}

fn refused(unaskable: &Unaskable) -> Judgement {
    let judged = Judged::denied(unaskable.reason, unaskable.message.clone());
    let tail = tail_of_refusal(unaskable, judged.decision()).into();
    Judgement { judged, tail, shadow: None, boundary: None }
}
