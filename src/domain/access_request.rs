//! The AccessRequest: its life from `submitted` to one of the ends. States carry their facts;
//! [`AccessRequest::apply`] is the one place where a state changes.

mod apply;
mod state;
#[cfg(test)]
mod table;

use super::{
    AccessRequestId, Defaults, Engineer, Grant, GrantId, Justification, PersonId, Scope, ServiceRequest, Tenant,
    TenantId, Terms, Timestamp, WorkloadName, format_duration,
};
pub use apply::{Circumstances, Lapse, Transition};
use core::time::Duration;
pub use state::{Consent, Decided, Review, State, StateName, Verdict};

/// The longest reason text and comment, in bytes (SAFETY.md §4).
const TEXT_BYTES_MAX: usize = 4096;
/// The most actions, and the most content paths, one AccessRequest may name.
const SCOPE_NAMES_MAX: usize = 64;
/// The longest evidence of a confirmation, in bytes: what is signed may be as long as a form, escaped.
const EVIDENCE_BYTES_MAX: usize = 128 * 1024;

/// What an engineer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Whose content.
    pub tenant: TenantId,
    /// Where.
    pub workload: WorkloadName,
    /// The support case.
    pub service_request: ServiceRequest,
    /// Why.
    pub reason: Justification,
    /// For how long, from the approval.
    pub duration: Duration,
    /// What.
    pub scope: Scope,
}

/// One engineer's wish to reach one tenant's content in one workload, and all that became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRequest {
    /// Its id.
    pub id: AccessRequestId,
    /// Counts the changes, from 1; what `ETag` and `If-Match` carry.
    pub version: u64,
    /// Who asks.
    pub engineer: PersonId,
    /// What he asks for.
    pub asked: Submission,
    /// When he asked.
    pub submitted_at: Timestamp,
    /// Where it stands.
    pub state: State,
}

/// What somebody does with an AccessRequest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The provider's own review.
    Review(Verdict),
    /// The customer's yes, perhaps to less than was asked.
    Approve(Terms),
    /// The customer's no.
    Deny,
    /// The engineer takes it back before it is decided.
    Withdraw,
    /// The problem is fixed: the access ends.
    Close,
    /// The customer ends the access.
    Revoke,
    /// The customer turned lockbox on: a Grant of internal review alone ends.
    SwitchOn,
}

/// The name of a [`Command`], for tables and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// See [`Command::Review`].
    Review,
    /// See [`Command::Approve`].
    Approve,
    /// See [`Command::Deny`].
    Deny,
    /// See [`Command::Withdraw`].
    Withdraw,
    /// See [`Command::Close`].
    Close,
    /// See [`Command::Revoke`].
    Revoke,
    /// See [`Command::SwitchOn`].
    SwitchOn,
}

impl Act {
    /// The command's name on the wire and in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Withdraw => "withdraw",
            Self::Close => "close",
            Self::Revoke => "revoke",
            Self::SwitchOn => "switch_on",
        }
    }
}

impl Command {
    /// The command's name.
    pub fn act(&self) -> Act {
        match self {
            Self::Review(_) => Act::Review,
            Self::Approve(_) => Act::Approve,
            Self::Deny => Act::Deny,
            Self::Withdraw => Act::Withdraw,
            Self::Close => Act::Close,
            Self::Revoke => Act::Revoke,
            Self::SwitchOn => Act::SwitchOn,
        }
    }
}

/// A command by a person, bound to what he saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What he does.
    pub command: Command,
    /// What he says.
    pub comment: Option<String>,
    /// The version he saw (`If-Match`); must be the current one. `None` where he need not have looked.
    pub seen_version: Option<u64>,
    /// What proves that he confirmed it with a passkey; checked before, kept with the event.
    pub evidence: Option<String>,
}

/// Why a step or a submission is refused. Nothing changes then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The state has no such step.
    #[error("{id} is `{state}`: it cannot be {}", done(*.act))]
    IllegalStep {
        /// Which AccessRequest.
        id: AccessRequestId,
        /// Its state now.
        state: StateName,
        /// What was tried.
        act: Act,
    },
    /// Somebody changed it since it was looked at.
    #[error("{id} is at version {current}, not {seen}: look at it again, then decide")]
    StaleVersion {
        /// Which AccessRequest.
        id: AccessRequestId,
        /// The version now.
        current: u64,
        /// The version in `If-Match`.
        seen: u64,
    },
    /// The person may not do this.
    #[error("{0}")]
    NotEligible(&'static str),
    /// An approver has agreed already.
    #[error("`{0}` has approved already; it takes another approver to reach the quorum")]
    AlreadyApproved(PersonId),
    /// The approval would allow more than was asked.
    #[error("an approval may only narrow: {0} is more than was asked")]
    Wider(&'static str),
    /// The window is too long or empty.
    #[error("`duration` must be from PT1S to {}, the longest of tenant `{tenant}`", format_duration(*.longest))]
    Duration {
        /// Whose limit.
        tenant: TenantId,
        /// The limit.
        longest: Duration,
    },
    /// Too much of something, or nothing.
    #[error("`{what}` must have from {min} to {max} {unit}")]
    Size {
        /// The member.
        what: &'static str,
        /// The least.
        min: usize,
        /// The most.
        max: usize,
        /// Of what.
        unit: &'static str,
    },
}

fn done(act: Act) -> &'static str {
    match act {
        Act::Review => "reviewed",
        Act::Approve => "approved",
        Act::Deny => "denied",
        Act::Withdraw => "withdrawn",
        Act::Close => "closed",
        Act::Revoke => "revoked",
        Act::SwitchOn => "ended by the switch",
    }
}

impl AccessRequest {
    /// A new AccessRequest.
    ///
    /// # Errors
    /// [`Refusal`] when the engineer is suspended or something asked for is out of bounds.
    pub fn submit(
        id: AccessRequestId,
        engineer: &Engineer,
        asked: Submission,
        tenant: &Tenant,
        defaults: Defaults,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        if engineer.suspended {
            return Err(Refusal::NotEligible("a suspended engineer cannot ask for access"));
        }
        sized("reason.text", asked.reason.text.trim().len(), 1, TEXT_BYTES_MAX, "bytes")?;
        sized("actions", asked.scope.actions.len(), 1, SCOPE_NAMES_MAX, "names")?;
        sized("content", asked.scope.content.paths().count(), 0, SCOPE_NAMES_MAX, "paths")?;
        bounded_duration(asked.duration, tenant, defaults)?;
        Ok(Self { id, version: 1, engineer: engineer.id.clone(), asked, submitted_at: now, state: State::Submitted })
    }

    /// The name of its state. A time that ran out shows only after [`AccessRequest::lapse`].
    pub fn state_name(&self) -> StateName {
        self.state.name()
    }

    /// Its Grant, live or ended, if it ever had one.
    pub fn grant(&self) -> Option<&Grant> {
        match &self.state {
            State::Active { grant, .. }
            | State::Closed { grant, .. }
            | State::Revoked { grant, .. }
            | State::Ended { grant, .. } => Some(grant),
            _ => None,
        }
    }

    /// The internal review, once there was one.
    pub fn review(&self) -> Option<&Review> {
        match &self.state {
            State::Submitted => None,
            State::Withdrawn { review, .. } => review.as_ref(),
            State::Rejected { review }
            | State::Notified { review, .. }
            | State::Denied { review, .. }
            | State::Expired { review, .. }
            | State::Active { review, .. }
            | State::Closed { review, .. }
            | State::Revoked { review, .. }
            | State::Ended { review, .. } => Some(review),
        }
    }

    /// The customer's decision, once there was one; none where lockbox was off.
    pub fn decided(&self) -> Option<&Decided> {
        match &self.state {
            State::Denied { decided, .. } => Some(decided),
            State::Active { decided, .. }
            | State::Closed { decided, .. }
            | State::Revoked { decided, .. }
            | State::Ended { decided, .. } => decided.as_ref(),
            _ => None,
        }
    }

    /// Until when the customer has time to answer, once he was notified.
    pub fn respond_by(&self) -> Option<Timestamp> {
        match &self.state {
            State::Notified { respond_by, .. } => Some(*respond_by),
            State::Expired { at, .. } => Some(*at),
            _ => None,
        }
    }

    /// Whether the customer has been told of it; before, it is the provider's own matter.
    pub fn is_known_to_customer(&self) -> bool {
        match &self.state {
            State::Submitted | State::Rejected { .. } => false,
            State::Withdrawn { notified, .. } => *notified,
            _ => true,
        }
    }
}

fn sized(what: &'static str, size: usize, min: usize, max: usize, unit: &'static str) -> Result<(), Refusal> {
    if (min..=max).contains(&size) { Ok(()) } else { Err(Refusal::Size { what, min, max, unit }) }
}

fn bounded_duration(wanted: Duration, tenant: &Tenant, defaults: Defaults) -> Result<(), Refusal> {
    let longest = tenant.grant_longest(defaults);
    if wanted >= Duration::from_secs(1) && wanted <= longest {
        Ok(())
    } else {
        Err(Refusal::Duration { tenant: tenant.id.clone(), longest })
    }
}
