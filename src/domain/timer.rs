//! Timers: what the clock has to do for an AccessRequest before its time runs out. They are written
//! in the same transaction as the step that starts them; whoever fires one judges anew whether it still
//! matters, so a timer that is left behind does no harm.

use super::{AccessRequest, AccessRequestId, Defaults, State, Tenant, Timestamp};
use core::time::Duration;

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// Remind the approvers.
    Reminder,
    /// Remind them for the last time.
    LastReminder,
    /// Tell the fallback approvers, who may answer from then on.
    Escalation,
}

impl TimerKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Reminder, Self::LastReminder, Self::Escalation];

    /// The name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reminder => "reminder",
            Self::LastReminder => "last_reminder",
            Self::Escalation => "escalation",
        }
    }

    /// The kind of that name, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One timer. An AccessRequest has at most one of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timer {
    /// For which AccessRequest.
    pub access_request: AccessRequestId,
    /// What for.
    pub kind: TimerKind,
    /// When it is due.
    pub at: Timestamp,
}

/// The timers that a step has started: those of a request that now waits for the customer.
pub fn timers(after: &AccessRequest, tenant: &Tenant, defaults: Defaults) -> Vec<Timer> {
    let State::Notified { notified_at, respond_by, consents, .. } = &after.state else { return Vec::new() };
    if !consents.is_empty() {
        // They run since the notification.
        return Vec::new();
    }
    let timer = |(kind, after_notification): (TimerKind, Duration)| Timer {
        access_request: after.id,
        kind,
        at: notified_at.plus(tenant.scaled(after_notification, defaults)),
    };
    let all = [
        (TimerKind::Reminder, defaults.remind_after),
        (TimerKind::LastReminder, defaults.remind_again_after),
        (TimerKind::Escalation, defaults.escalate_after),
    ];
    all.into_iter().map(timer).filter(|timer| timer.at < *respond_by).collect()
}
