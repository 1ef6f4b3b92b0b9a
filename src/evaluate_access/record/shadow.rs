//! What shadow policies said to a question, as a member of its record. Records of before there were
//! any have none.

use crate::policy::ShadowVerdict;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
pub(super) struct ShadowPart<'a> {
    revision: &'a str,
    decision: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    policies: &'a [String],
}

impl<'a> ShadowPart<'a> {
    pub(super) fn of(verdict: &'a ShadowVerdict) -> Self {
        let ShadowVerdict { revision, allowed, reason, policies } = verdict;
        Self { revision, decision: if *allowed { "allow" } else { "deny" }, reason: reason.as_str(), policies }
    }
}

/// What shadow policies said, read back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedShadow {
    /// Their revision.
    pub revision: String,
    /// `allow` or `deny`.
    pub decision: String,
    /// The reason.
    pub reason: String,
    /// The policies that decided.
    #[serde(default)]
    pub policies: Vec<String>,
}
