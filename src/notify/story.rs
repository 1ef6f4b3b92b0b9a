//! What a notice is about, gathered when it is sent: a mail says how things are then, not how they were
//! when it was written down.

use crate::domain::{
    AccessRequest, ActionName, ContentPath, Defaults, Language, Notice, Tenant, Timestamp, WorkloadName,
};
use crate::words::Zone;

/// Everything a mail or a webhook may tell.
#[derive(Debug, Clone)]
pub struct Story {
    /// The notice.
    pub notice: Notice,
    /// Its number in the outbox.
    pub number: u64,
    /// The tenant's settings now.
    pub tenant: Tenant,
    /// The provider's limits.
    pub defaults: Defaults,
    /// The AccessRequest now; `None` for an alarm about settings.
    pub request: Option<AccessRequest>,
    /// What was touched; for [`crate::domain::NoticeKind::Ended`] and `FirstUse`.
    pub receipt: Option<Receipt>,
    /// Which side the recipient is on.
    pub side: Side,
    /// The language he reads.
    pub language: Language,
    /// The zone he reads times in.
    pub zone: Zone,
    /// The address of the page, without a path; mails name it, and it is no link that does anything.
    pub page: String,
}

/// Which side somebody is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The customer's people and programs.
    Customer,
    /// The provider's.
    Provider,
}

/// How many lines a receipt has at most; the page has the rest.
pub(super) const TOUCHES_MAX: usize = 50;

/// What was touched under a Grant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// How often access was allowed.
    pub allowed: u64,
    /// How often it was refused.
    pub refused: u64,
    /// What was touched, first use first; each action on each content once.
    pub touched: Vec<Touch>,
    /// Whether there was more than is listed or counted.
    pub more: bool,
    /// Whether the record could be read; if not, the page has it later.
    pub readable: bool,
}

/// One action on one content, however often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// The action.
    pub action: ActionName,
    /// Where.
    pub workload: WorkloadName,
    /// On what; `None` for the workload as a whole.
    pub content: Option<ContentPath>,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// How often.
    pub times: u64,
}

/// A mail as its recipient reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The subject.
    pub subject: String,
    /// The plain part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}
