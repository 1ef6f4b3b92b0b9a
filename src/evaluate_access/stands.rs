//! Whether an answer may still be given once it is on record. Writing takes a while, in which the sidecar may have
//! acknowledged that the Grant has ended or that other policies are in use, and its lease or the Grant may have run
//! out.

use super::cache::Judgement;
use super::{Answer, EvaluateAccess, Moment, Unaskable, refused};
use crate::clock::Boot;
use crate::domain::{Decision, Evaluation, GrantId, Reason};
use crate::policy::Judged;
use core::time::Duration;

/// The longest an answer may be relied on without asking again, in milliseconds (SAFETY.md §2).
const VALID_MS_MAX: u64 = 1000;

impl EvaluateAccess {
    /// Whether an answer stands: a denial always, an allow while lease and Grant last, and what is known now still
    /// allows it by the same Grant. How long it may be relied on is reckoned from now.
    pub(super) fn stands(&self, answer: &mut Answer, asked: &Result<Evaluation, Unaskable>) -> bool {
        if !answer.decision().allows() {
            return true;
        }
        let (Some(grant), Ok(question)) = (&answer.decision().grant, asked) else { return false };
        let boot = self.clock.boot();
        let moment = self.moment(boot, self.state.standing());
        let in_time = moment.now.is_some_and(|now| now.latest < grant.expires_at);
        let unmoved = moment.standing.same_facts(answer.standing) && self.by_policies_in_use(answer, boot);
        let stands = in_time && (unmoved || self.allows_by(question, boot, &grant.id));
        if stands {
            answer.valid_for = answer.valid_for.min(valid_for(answer.decision(), &moment));
        }
        stands
    }

    /// Whether the policies that decided are those in use. They are looked at before the state is when a question is
    /// decided, so a demand for others may have been acknowledged in between, at a state that has not moved since.
    fn by_policies_in_use(&self, answer: &Answer, boot: Boot) -> bool {
        let in_use = self.policies.current(boot.since(Boot::default())).ok();
        in_use.zip(answer.policies.as_ref()).is_some_and(|(in_use, by)| in_use.digest() == by.digest())
    }

    /// Whether the state as it is now allows by this Grant.
    fn allows_by(&self, question: &Evaluation, boot: Boot, grant: &GrantId) -> bool {
        let policies = self.policies.current(boot.since(Boot::default())).ok();
        let (standing, known) = self.state.look_one(question);
        let judgement = self.judge(question, &self.moment(boot, standing), policies.as_deref(), &known);
        let decision = judgement.judged.decision();
        decision.allows() && decision.grant.as_ref().is_some_and(|by| by.id == *grant)
    }
}

/// What is said when the state has moved away under each answer while it was being written.
pub(super) fn overtaken(asked: &Result<Evaluation, Unaskable>) -> Judgement {
    let message = "what is known changes faster than an answer can be recorded; ask again";
    match asked {
        Ok(question) => Judgement::without_facts(Judged::denied(Reason::LeaseExpired, message), question),
        Err(unaskable) => refused(unaskable),
    }
}

/// The least of what the lease, the Grant and the bound leave.
pub(super) fn valid_for(decision: &Decision, moment: &Moment) -> Duration {
    let (Some(grant), Some(lease), Some(now)) = (&decision.grant, moment.standing.lease, moment.now) else {
        return Duration::ZERO;
    };
    let grant_left = grant.expires_at.since(now.latest);
    lease.left(moment.boot).min(grant_left).min(Duration::from_millis(VALID_MS_MAX))
}
