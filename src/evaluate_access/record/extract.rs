//! An extract of a record: who decided what about whom, for those the access concerns. What only replay needs (facts,
//! circumstances, explanations) stays in the sidecar's log; so an extract is small, and its size is bounded.

use super::{RECORD_VERSION, Recorded};
use serde::Serialize;

#[derive(Serialize)]
struct Extract<'r> {
    v: u32,
    id: &'r str,
    at: String,
    caller: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    now_ms: Option<(i64, i64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<ExtractedQuestion>,
    decision: &'static str,
    reason: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_request: Option<&'r str>,
    policy_revision: &'r str,
    state_revision: u64,
}

#[derive(Serialize)]
struct ExtractedQuestion {
    engineer: String,
    action: String,
    tenant: String,
    workload: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_request: Option<String>,
}

impl Recorded {
    /// The extract, in the form of a record: [`Recorded::parse`] reads it.
    pub fn extract(&self) -> String {
        let question = self.question.as_ref().map(|question| ExtractedQuestion {
            engineer: question.engineer.to_string(),
            action: question.action.to_string(),
            tenant: question.tenant.to_string(),
            workload: question.workload.to_string(),
            content: question.content.as_ref().map(ToString::to_string),
            service_request: question.service_request.as_ref().map(ToString::to_string),
        });
        let extract = Extract {
            v: RECORD_VERSION,
            id: &self.id,
            at: self.at.to_string(),
            caller: &self.caller,
            now_ms: self.now.map(|now| (now.earliest.as_ms(), now.latest.as_ms())),
            question,
            decision: if self.allowed { "allow" } else { "deny" },
            reason: &self.reason,
            grant: self.grant.as_deref(),
            access_request: self.access_request.as_deref(),
            policy_revision: &self.policy_revision,
            state_revision: self.state_revision,
        };
        // Texts and numbers always have a JSON form.
        serde_json::to_string(&extract).unwrap_or_default()
    }
}
