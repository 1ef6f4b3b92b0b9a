//! One step in the life of an AccessRequest: `match (state, command)`, and the hard rules that no
//! policy can lift (SAFETY.md §4): requester ≠ reviewer ≠ approver, an approver of the tenant at the
//! moment he decides, narrowing only, one version. The clock is judged first, so a step that comes
//! too late meets the state that time has already made.

use super::super::{
    Actor, Approval, ContentScope, Ended, Ending, Event, EventKind, Grant, Person, Role, Scope, Terms, Window,
};
use super::{
    AccessRequest, Act, Command, Consent, Decided, Defaults, EVIDENCE_BYTES_MAX, GrantId, Refusal, Review, State, Step,
    TEXT_BYTES_MAX, Tenant, Timestamp, Verdict, bounded_duration, sized,
};
use std::collections::BTreeSet;

/// What a step is judged by, read once and in the same transaction.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The tenant's settings now.
    pub tenant: &'a Tenant,
    /// The provider's limits.
    pub defaults: Defaults,
    /// The one `now` of this operation.
    pub now: Timestamp,
    /// The id for a Grant, should one arise.
    pub grant_id: &'a GrantId,
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The AccessRequest as it now is.
    pub after: AccessRequest,
    /// What happened.
    pub event: Event,
}

/// A time that ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// The customer's time to answer.
    Expired,
    /// The Grant's window.
    Ended,
}

impl AccessRequest {
    /// The transition that time alone has made by `now`, if it has.
    pub fn lapse(&self, now: Timestamp) -> Option<Transition> {
        match &self.state {
            State::Notified { review, respond_by, .. } if now >= *respond_by => {
                let state = State::Expired { review: review.clone(), at: *respond_by };
                Some(self.becomes(state, EventKind::Expired, Actor::Clock, *respond_by, None))
            }
            State::Active { review, decided, grant } if now >= grant.window.expires_at => {
                let at = grant.window.expires_at;
                let grant = ended(grant, Ending::Ended, at, None);
                let state = State::Ended { review: review.clone(), decided: decided.clone(), grant };
                Some(self.becomes(state, EventKind::Ended, Actor::Clock, at, None))
            }
            _ => None,
        }
    }

    /// The end of a Grant because the record it stands in was restored: it may have been ended since the copy was
    /// made, and nobody here can know. Not a decision of the customer, so no role is asked for; `None` where there
    /// is nothing to end. A window that has run out ends by that.
    pub fn recover(&self, by: &Person, why: &str, now: Timestamp) -> Option<Transition> {
        let State::Active { review, decided, grant } = &self.state else { return None };
        if let Some(lapsed) = self.lapse(now) {
            return Some(lapsed);
        }
        let grant = ended(grant, Ending::Revoked, now, Some(by));
        let state = State::Revoked { review: review.clone(), decided: decided.clone(), grant };
        Some(self.becomes(state, EventKind::Revoked, Actor::of(by), now, Some(why.to_owned())))
    }

    /// Takes one step.
    ///
    /// # Errors
    /// [`Refusal`], naming the state and the command; nothing has changed then.
    pub fn apply(&self, step: &Step, by: &Person, on: Circumstances<'_>) -> Result<Transition, Refusal> {
        if let Some(lapsed) = self.lapse(on.now) {
            return lapsed.after.apply(step, by, on);
        }
        debug_assert!(on.tenant.id == self.asked.tenant, "judged by the settings of its own tenant");
        sized("comment", step.comment.as_deref().unwrap_or_default().len(), 0, TEXT_BYTES_MAX, "bytes")?;
        sized("evidence", step.evidence.as_deref().unwrap_or_default().len(), 0, EVIDENCE_BYTES_MAX, "bytes")?;
        // Before the version: "it has expired" helps more than "look again".
        if !self.has_step(step.command.act()) {
            return Err(self.illegal(step.command.act()));
        }
        if let Some(seen) = step.seen_version.filter(|seen| *seen != self.version) {
            return Err(Refusal::StaleVersion { id: self.id, current: self.version, seen });
        }
        match (&self.state, &step.command) {
            (State::Submitted, Command::Review(verdict)) => self.reviewed(*verdict, step, by, on),
            (State::Notified { review, notified_at, respond_by, consents }, Command::Approve(terms)) => {
                self.may_answer(by, review, *notified_at, on)?;
                let agreed = self.agree(consents, terms, step, by, on)?;
                if agreed.len() < usize::try_from(on.tenant.quorum).unwrap_or(usize::MAX) {
                    let state = State::Notified {
                        review: review.clone(),
                        notified_at: *notified_at,
                        respond_by: *respond_by,
                        consents: agreed,
                    };
                    return Ok(self.stepped(state, EventKind::Consented, step, by, on));
                }
                let decided = Decided::by(by, step, on.now);
                let state = State::Active {
                    review: review.clone(),
                    decided: Some(decided),
                    grant: self.granted(agreed.last().map(|consent| &consent.terms), Approval::Customer, on),
                };
                Ok(self.stepped(state, EventKind::Approved, step, by, on))
            }
            (State::Notified { review, notified_at, .. }, Command::Deny) => {
                self.may_answer(by, review, *notified_at, on)?;
                let state = State::Denied { review: review.clone(), decided: Decided::by(by, step, on.now) };
                Ok(self.stepped(state, EventKind::Denied, step, by, on))
            }
            (State::Submitted | State::Notified { .. }, Command::Withdraw) => {
                self.must_be_requester(by)?;
                let notified = matches!(self.state, State::Notified { .. });
                let state = State::Withdrawn { review: self.review().cloned(), notified, at: on.now };
                Ok(self.stepped(state, EventKind::Withdrawn, step, by, on))
            }
            (State::Active { .. }, Command::Close | Command::Revoke | Command::SwitchOn) => self.end(step, by, on),
            _ => Err(self.illegal(step.command.act())),
        }
    }

    /// Whether the state has such a step at all, whoever takes it.
    fn has_step(&self, act: Act) -> bool {
        match (&self.state, act) {
            (State::Submitted, Act::Review | Act::Withdraw) => true,
            (State::Notified { .. }, Act::Approve | Act::Deny | Act::Withdraw) => true,
            (State::Active { .. }, Act::Close | Act::Revoke) => true,
            (State::Active { grant, .. }, Act::SwitchOn) => grant.approval == Approval::Internal,
            _ => false,
        }
    }

    fn illegal(&self, act: Act) -> Refusal {
        Refusal::IllegalStep { id: self.id, state: self.state_name(), act }
    }

    fn reviewed(
        &self,
        verdict: Verdict,
        step: &Step,
        by: &Person,
        on: Circumstances<'_>,
    ) -> Result<Transition, Refusal> {
        if !by.is_provider(Role::Reviewer) {
            return Err(Refusal::NotEligible("only a reviewer of the provider can review"));
        }
        if by.id == self.engineer {
            return Err(Refusal::NotEligible("nobody reviews his own AccessRequest"));
        }
        let review = Review { by: by.id.clone(), at: on.now, comment: step.comment.clone() };
        let (state, kind) = match verdict {
            Verdict::Reject => (State::Rejected { review }, EventKind::ReviewRejected),
            Verdict::Approve if on.tenant.lockbox => {
                let respond_by = on.now.plus(on.tenant.respond_within(on.defaults));
                let state = State::Notified { review, notified_at: on.now, respond_by, consents: Vec::new() };
                (state, EventKind::ReviewApproved)
            }
            Verdict::Approve => {
                let grant = self.granted(None, Approval::Internal, on);
                (State::Active { review, decided: None, grant }, EventKind::Approved)
            }
        };
        Ok(self.stepped(state, kind, step, by, on))
    }

    /// Eligibility is judged now, not when the AccessRequest was made.
    fn may_answer(
        &self,
        by: &Person,
        review: &Review,
        notified_at: Timestamp,
        on: Circumstances<'_>,
    ) -> Result<(), Refusal> {
        if by.id == self.engineer || by.id == review.by {
            return Err(Refusal::NotEligible("the requester and the reviewer can never answer for the customer"));
        }
        if !by.is_of(&self.asked.tenant, Role::Approver) || !on.tenant.names_approver(&by.id) {
            return Err(Refusal::NotEligible("only an approver named in the tenant's settings can answer"));
        }
        if !on.tenant.may_answer(&by.id, notified_at, on.now, on.defaults) {
            return Err(Refusal::NotEligible("a fallback approver can answer once the approvers have not, in time"));
        }
        Ok(())
    }

    fn must_be_requester(&self, by: &Person) -> Result<(), Refusal> {
        if by.id == self.engineer && by.is_provider(Role::Engineer) {
            Ok(())
        } else {
            Err(Refusal::NotEligible("only the engineer who asked can take it back"))
        }
    }

    /// The agreements with one more; refused when it is not the approver's first or widens.
    fn agree(
        &self,
        consents: &[Consent],
        terms: &Terms,
        step: &Step,
        by: &Person,
        on: Circumstances<'_>,
    ) -> Result<Vec<Consent>, Refusal> {
        // An approver who has since lost the right no longer counts towards the quorum.
        let standing = consents.iter().filter(|consent| on.tenant.names_approver(&consent.decided.by));
        let mut agreed: Vec<Consent> = standing.cloned().collect();
        if agreed.iter().any(|consent| consent.decided.by == by.id) {
            return Err(Refusal::AlreadyApproved(by.id.clone()));
        }
        let terms = self.narrowed(consents.last().map(|consent| &consent.terms), terms, on)?;
        agreed.push(Consent { decided: Decided::by(by, step, on.now), terms });
        Ok(agreed)
    }

    /// What was agreed so far, narrowed by `wanted`; all three parts are then stated.
    fn narrowed(&self, before: Option<&Terms>, wanted: &Terms, on: Circumstances<'_>) -> Result<Terms, Refusal> {
        let (duration, scope) = self.offered(before, on.tenant, on.defaults);
        let narrowed = Terms {
            duration: Some(wanted.duration.unwrap_or(duration)),
            actions: Some(wanted.actions.clone().unwrap_or_else(|| scope.actions.clone())),
            content: Some(wanted.content.clone().unwrap_or_else(|| scope.content.clone())),
        };
        if wanted.duration.is_some_and(|wanted| wanted > duration) {
            return Err(Refusal::Wider("`duration`"));
        }
        if let Some(duration) = wanted.duration {
            bounded_duration(duration, on.tenant, on.defaults)?;
        }
        let no_actions = BTreeSet::new();
        let actions = wanted.actions.as_ref().unwrap_or(&scope.actions);
        if !actions.is_subset(&scope.actions) {
            return Err(Refusal::Wider("`actions`"));
        }
        if *actions == no_actions {
            return Err(Refusal::Size { what: "actions", min: 1, max: scope.actions.len(), unit: "names" });
        }
        if wanted.content.as_ref().is_some_and(|wanted| !scope.content.contains(wanted)) {
            return Err(Refusal::Wider("`content`"));
        }
        Ok(narrowed)
    }

    /// What an approval without narrowing would give now: what was asked, within what the approvers before
    /// have agreed to and today's limits.
    pub fn on_offer(&self, tenant: &Tenant, defaults: Defaults) -> (core::time::Duration, Scope) {
        let agreed = match &self.state {
            State::Notified { consents, .. } => consents.last().map(|consent| &consent.terms),
            _ => None,
        };
        self.offered(agreed, tenant, defaults)
    }

    fn offered(&self, before: Option<&Terms>, tenant: &Tenant, defaults: Defaults) -> (core::time::Duration, Scope) {
        let asked = self.asked.duration.min(tenant.grant_longest(defaults));
        let duration = before.and_then(|terms| terms.duration).map_or(asked, |agreed| agreed.min(asked));
        let actions = before.and_then(|terms| terms.actions.clone());
        let content: Option<ContentScope> = before.and_then(|terms| terms.content.clone());
        let scope = Scope {
            actions: actions.unwrap_or_else(|| self.asked.scope.actions.clone()),
            content: content.unwrap_or_else(|| self.asked.scope.content.clone()),
        };
        (duration, scope)
    }

    fn granted(&self, terms: Option<&Terms>, approval: Approval, on: Circumstances<'_>) -> Grant {
        let (duration, scope) = self.offered(terms, on.tenant, on.defaults);
        Grant {
            id: on.grant_id.clone(),
            access_request: self.id,
            engineer: self.engineer.clone(),
            tenant: self.asked.tenant.clone(),
            workload: self.asked.workload.clone(),
            scope,
            window: Window { starts_at: on.now, expires_at: on.now.plus(duration) },
            approval,
            service_request: self.asked.service_request.clone(),
            ended: None,
        }
    }

    fn end(&self, step: &Step, by: &Person, on: Circumstances<'_>) -> Result<Transition, Refusal> {
        let State::Active { review, decided, grant } = &self.state else {
            return Err(self.illegal(step.command.act()));
        };
        let (review, decided) = (review.clone(), decided.clone());
        let customer = by.is_of(&self.asked.tenant, Role::Approver) && on.tenant.names_approver(&by.id);
        match step.command {
            Command::Close => {
                let own = by.id == self.engineer && by.is_provider(Role::Engineer);
                if !own && !by.is_provider(Role::Reviewer) {
                    return Err(Refusal::NotEligible("only the engineer who asked, or a reviewer, can close"));
                }
                let grant = ended(grant, Ending::Closed, on.now, Some(by));
                Ok(self.stepped(State::Closed { review, decided, grant }, EventKind::Closed, step, by, on))
            }
            Command::Revoke if !customer => {
                Err(Refusal::NotEligible("only an approver named in the tenant's settings can revoke"))
            }
            _ => {
                let grant = ended(grant, Ending::Revoked, on.now, Some(by));
                Ok(self.stepped(State::Revoked { review, decided, grant }, EventKind::Revoked, step, by, on))
            }
        }
    }

    fn stepped(&self, state: State, kind: EventKind, step: &Step, by: &Person, on: Circumstances<'_>) -> Transition {
        let mut taken = self.becomes(state, kind, Actor::of(by), on.now, step.comment.clone());
        taken.event.evidence.clone_from(&step.evidence);
        taken
    }

    fn becomes(&self, state: State, kind: EventKind, by: Actor, at: Timestamp, comment: Option<String>) -> Transition {
        let after = Self { version: self.version.saturating_add(1), state, ..self.clone() };
        let event = Event {
            at,
            kind,
            by,
            access_request: Some(after.id),
            tenant: Some(after.asked.tenant.clone()),
            state: Some(after.state_name()),
            version: after.version,
            comment,
            detail: None,
            evidence: None,
        };
        Transition { after, event }
    }
}

impl Decided {
    fn by(person: &Person, step: &Step, now: Timestamp) -> Self {
        Self {
            by: person.id.clone(),
            at: now,
            comment: step.comment.clone(),
            authentication: person.authentication.clone(),
        }
    }
}

fn ended(grant: &Grant, how: Ending, at: Timestamp, by: Option<&Person>) -> Grant {
    Grant { ended: Some(Ended { at, how, by: by.map(|person| person.id.clone()) }), ..grant.clone() }
}
