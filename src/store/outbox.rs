//! The outbox's port: notices that were written with the step they tell of, how far each has come, and
//! the timers that will write more.

use super::StoreError;
use crate::domain::{AccessRequestId, Notice, Recipient, TenantId, Timer, TimerKind, Timestamp};
use crate::store::Page;
use async_trait::async_trait;

/// How far a notice has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It waits for its first or next attempt.
    Waiting,
    /// The recipient's side has taken it.
    Sent,
    /// When its turn came there was nothing to tell any more, such as of a request that had been answered.
    Moot,
    /// It was given up; a person may send it again.
    Dead,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Sent, Self::Moot, Self::Dead];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Moot => "moot",
            Self::Dead => "dead",
        }
    }

    /// The state of that name, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// The way a notice goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Mail, to a person.
    Mail,
    /// A call, to a program.
    Webhook,
}

impl Channel {
    /// The way to a recipient.
    pub fn to(recipient: &Recipient) -> Self {
        match recipient {
            Recipient::Person(_) => Self::Mail,
            Recipient::Webhook(_) => Self::Webhook,
        }
    }

    /// The name in the store and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }
}

/// The delivery of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// How far it has come.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next; once it is sent or dead, when that was.
    pub at: Timestamp,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// A notice as the outbox holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its number, from 1, in the order of writing.
    pub number: u64,
    /// The notice.
    pub notice: Notice,
    /// How far it has come.
    pub delivery: Delivery,
}

/// How full the outbox is, for the metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Notices that wait.
    pub waiting: u64,
    /// Notices that were given up.
    pub dead: u64,
}

/// Reading the outbox and the timers.
#[async_trait]
pub trait Outbox {
    /// The outbox, newest first; of one tenant, or of all.
    async fn outbox(&self, tenant: Option<&TenantId>, page: Page<u64>) -> Result<Vec<OutboxEntry>, StoreError>;
    /// One entry.
    async fn outbox_entry(&self, number: u64) -> Result<Option<OutboxEntry>, StoreError>;
    /// Entries of a channel that wait and are due by `now`, longest due first.
    async fn outbox_due(&self, channel: Channel, now: Timestamp, limit: u32) -> Result<Vec<OutboxEntry>, StoreError>;
    /// How full it is.
    async fn outbox_counts(&self) -> Result<OutboxCounts, StoreError>;
    /// Timers that are due by `now`, longest due first.
    async fn timers_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Timer>, StoreError>;
    /// When the timer of this kind is due, if it has not fired.
    async fn timer(&self, of: AccessRequestId, kind: TimerKind) -> Result<Option<Timer>, StoreError>;
}
