//! The words of a Customer Lockbox and the rules that hold between them: names, scopes, tenants,
//! engineers, AccessRequests, Grants, Evaluations and Decisions.
//!
//! Invariant: nothing here does any I/O, waits, reads a clock, serializes, or knows HTTP, SQL or
//! Cedar. `now` is always a parameter. Every other module may name this one; it names none of them.

mod access;
mod access_request;
mod address;
mod attribute;
mod cause;
mod decision;
mod engineer;
mod evaluation;
mod event;
mod grant;
mod language;
mod names;
mod notice;
mod person;
mod scope;
mod tenant;
mod time;
mod timer;

pub use access::{Access, TenantFacts};
pub use access_request::{
    AccessRequest, Act, Circumstances, Command, Consent, Decided, Lapse, Refusal, Review, State, StateName, Step,
    Submission, Transition, Verdict,
};
pub use address::{mail_address_refused, webhook_url_refused};
pub use attribute::{Attributes, Value};
pub use cause::in_full;
pub use decision::{Decision, GrantRef, Nearest, Reason};
pub use engineer::Engineer;
pub use evaluation::Evaluation;
pub use event::{Actor, Event, EventKind};
pub use grant::{Approval, Ended, Ending, Grant, Window};
pub use language::Language;
pub use names::{
    AccessRequestId, ActionName, CallerName, ContentPath, GrantId, NameError, PersonId, ServiceRequest, TenantId,
    TimeZoneName, WebhookName, WorkloadName,
};
pub use notice::{Notice, NoticeKind, Recipient, alarm, first_use, notices, reminder};
pub use person::{Authentication, Caller, Person, Role, Roles};
pub use scope::{ContentScope, Scope, ScopeMiss, Terms};
pub use tenant::{Defaults, Entitlement, Limits, Tenant, TenantChange, TenantRefusal};
pub use time::{TimeError, Timestamp, format_duration, parse_duration, whole_ms};
pub use timer::{Timer, TimerKind, timers};

/// Why an AccessRequest was made, as a code and in the engineer's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Justification {
    /// The class of reason; the customer sees it translated.
    pub code: ReasonCode,
    /// At most 4 KiB of the engineer's own words (SAFETY: mail templates rely on the bound).
    pub text: String,
}

/// The classes of reason an engineer may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasonCode {
    /// The customer opened a service request.
    CustomerInitiatedSupport,
    /// The provider acts on its own, for instance to repair a service.
    ProviderInitiatedService,
    /// An alert of the provider's monitoring.
    ResponseToAlert,
    /// An order of a court or an authority.
    LegalRequest,
    /// Harm is imminent; a signal to people, never a shortcut.
    Emergency,
}

impl ReasonCode {
    /// Every code, in the order of the contract.
    pub const ALL: [Self; 5] = [
        Self::CustomerInitiatedSupport,
        Self::ProviderInitiatedService,
        Self::ResponseToAlert,
        Self::LegalRequest,
        Self::Emergency,
    ];

    /// The code on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CustomerInitiatedSupport => "customer_initiated_support",
            Self::ProviderInitiatedService => "provider_initiated_service",
            Self::ResponseToAlert => "response_to_alert",
            Self::LegalRequest => "legal_request",
            Self::Emergency => "emergency",
        }
    }

    /// The code named `text`, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }
}
