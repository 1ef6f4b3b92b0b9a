//! Policies: loaded, refused, asked. Everything that knows Cedar is here and below.
//!
//! | part | what it does |
//! |---|---|
//! | `files`, `schema`, `load`, `canary` | from a directory to a [`PolicySet`], or to all [`Finding`]s |
//! | `bundle`, `origin`, `watch` | signed sets in one file; where the set in use is from, and its exchange |
//! | `slice`, `time_use`, `explain` | what a set is made of, found once |
//! | `shadow` | a second set, compared and never answering |
//! | `guard` | which live Grants cover a question: plain Rust, no Cedar |
//! | `facts`, `stated` | from the domain to Cedar |
//! | `asked` | a question in Cedar's terms, and the slice that answers it |
//! | `judge` | guard and policies together; the only maker of an allow |
//! | `format` | the one layout of policy files |
//! | `mutate`, `exchange` | the set attacked: which small wrong edits no test notices |
//!
//! Invariant: no other module names Cedar. Invariant: nothing here reads a clock; `now` is given.
//! Invariant: a fault is a denial or a refusal to load, never an allow.

mod asked;
pub mod bundle;
mod canary;
pub mod cases;
mod check;
mod depth;
pub mod diff;
mod exchange;
mod explain;
mod facts;
mod files;
mod finding;
mod format;
mod guard;
mod judge;
mod kept;
mod lifecycle;
mod load;
pub mod mutate;
mod origin;
pub mod prove;
mod rules;
mod schema;
mod shadow;
mod slice;
mod stated;
pub mod symbolic;
#[cfg(test)]
mod testing;
mod time_use;
mod watch;

pub use check::{CheckReport, NotRun, check, check_sources};
pub use explain::{Explanation, PolicyStanding, Read, Standing};
pub use files::{Layout, SourceFile, Sources};
pub use finding::{Finding, LoadError, Severity};
pub use format::{Formatted, formatted, policy_files, write as write_formatted};
pub use guard::{Guarded, Refused, guard};
pub use judge::{Judged, Permit, judge};
pub use lifecycle::{Deed, Forbidden, Subject};
pub use load::{PolicyInfo, PolicySet, load};
pub use origin::{BundleFile, BundleInUse, Origin, SignedBundle};
pub use rules::{RULES, Rule, rule, rules_page};
pub use shadow::{ShadowOutcome, ShadowPolicies, ShadowStatus, ShadowVerdict, Shadowed};
pub use slice::Slice;
pub use time_use::TimeUse;
pub use watch::{HandedOver, NotTaken, PoliciesStale, PolicyHandle, PolicyStatus, Reloaded};

use crate::domain::{Access, Engineer, TenantFacts, Timestamp};
use std::sync::Arc;

/// What is known for one question. References only: looking facts up costs no copies.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The tenant asked about; `None` when there is no such tenant.
    pub tenant: Option<&'a TenantFacts>,
    /// The engineer who asks; `None` when he is not in the directory.
    pub engineer: Option<&'a Engineer>,
    /// AccessRequests that may matter; those of others are passed over.
    pub accesses: &'a [Arc<Access>],
}

/// The time of one question, as exactly as it is known: not before `earliest`, not after `latest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// It is this late at least.
    pub earliest: Timestamp,
    /// It is no later than this.
    pub latest: Timestamp,
}

impl Now {
    /// A time that is known exactly.
    pub fn exactly(now: Timestamp) -> Self {
        Self { earliest: now, latest: now }
    }
}
