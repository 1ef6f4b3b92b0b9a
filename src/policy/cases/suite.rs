//! The form of a suite, for reading and for writing. Knows nothing of what becomes of it; times are
//! text here, instants or relative to the suite's `now` (`-10m`, `+2h`).
//!
//! Every field that may be left out is left out again when a suite is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a caller or a directory states, by name.
pub type StatedCase = BTreeMap<String, serde_json::Value>;

/// A suite of policy tests: who and what there is, and what is expected of it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// What the suite is about.
    pub name: String,
    /// The instant of the questions, RFC 3339 in UTC; a test may state another.
    pub now: String,
    /// Engineers by nickname.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub engineers: BTreeMap<String, EngineerCase>,
    /// People who act on AccessRequests and settings, by nickname.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub people: BTreeMap<String, PersonCase>,
    /// Tenants by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: BTreeMap<String, TenantCase>,
    /// Content by nickname.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub content: BTreeMap<String, ContentCase>,
    /// Grants, and AccessRequests without one, by nickname: what questions about content need.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub grants: BTreeMap<String, GrantCase>,
    /// AccessRequests as the policies for people see them, by nickname.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub access_requests: BTreeMap<String, AccessRequestCase>,
    /// The tests.
    pub tests: Vec<TestCase>,
}

/// An engineer of the directory.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineerCase {
    /// His id.
    pub id: String,
    /// His teams.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub teams: BTreeSet<String>,
    /// His clearance; absent when nobody stated one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clearance: Option<i64>,
    /// His country; absent when nobody stated one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Whether he is suspended.
    #[serde(default, skip_serializing_if = "is_no")]
    pub suspended: bool,
    /// Whether the directory lacks him.
    #[serde(default, skip_serializing_if = "is_no")]
    pub unknown: bool,
    /// Further facts that the schema declares.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: StatedCase,
}

/// A person: of the provider, or of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonCase {
    /// His id.
    pub id: String,
    /// His roles: `engineer`, `reviewer`, `approver`, `tenant_admin`, `auditor`, `operator`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<String>,
    /// The tenant he belongs to; absent for the provider's people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantCase {
    /// Whether lockbox is on.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub lockbox: bool,
    /// Further facts that the schema declares.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: StatedCase,
}

impl Default for TenantCase {
    fn default() -> Self {
        Self { lockbox: true, attributes: StatedCase::new() }
    }
}

/// Content.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentCase {
    /// Whose.
    pub tenant: String,
    /// Where.
    pub workload: String,
    /// Its path, `type/id[/type/id…]`; absent for the workload as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What the caller states about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stated: StatedCase,
}

/// A Grant, or an AccessRequest that has none.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantCase {
    /// The engineer's nickname.
    pub engineer: String,
    /// The tenant.
    pub tenant: String,
    /// The workload.
    pub workload: String,
    /// The actions.
    pub actions: BTreeSet<String>,
    /// The content paths; none for the whole workload.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub content: BTreeSet<String>,
    /// `customer` or `internal`.
    #[serde(default = "customer", skip_serializing_if = "is_customer")]
    pub approval: String,
    /// The state of its AccessRequest; `active` unless stated.
    #[serde(default = "active", skip_serializing_if = "is_active")]
    pub state: String,
    /// The first instant of its window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The first instant after its window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Until when the customer has time to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub respond_by: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// The service request behind it.
    #[serde(default = "service_request", skip_serializing_if = "is_service_request")]
    pub service_request: String,
}

impl Default for GrantCase {
    fn default() -> Self {
        Self {
            engineer: String::new(),
            tenant: String::new(),
            workload: String::new(),
            actions: BTreeSet::new(),
            content: BTreeSet::new(),
            approval: customer(),
            state: active(),
            from: None,
            until: None,
            respond_by: None,
            ended: None,
            service_request: service_request(),
        }
    }
}

/// An AccessRequest as the policies for people see it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessRequestCase {
    /// The nickname of the person or engineer who asks for access.
    pub engineer: String,
    /// The tenant.
    pub tenant: String,
    /// The nicknames of those who are named in the tenant's settings now.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub approvers: BTreeSet<String>,
    /// The nickname of who reviewed it; absent while nobody has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<String>,
    /// Whether the customer has been told of it.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub known_to_customer: bool,
}

impl Default for AccessRequestCase {
    fn default() -> Self {
        Self {
            engineer: String::new(),
            tenant: String::new(),
            approvers: BTreeSet::new(),
            reviewer: None,
            known_to_customer: true,
        }
    }
}

/// One test: one question for each action.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// What it shows.
    pub name: String,
    /// Another instant than the suite's, also relative to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// Whether the guard stands before the policies, as in a sidecar. Without it the policies are asked
    /// by themselves, with the one Grant of the test (or none) exactly as it is.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub guard: bool,
    /// The question.
    pub ask: AskCase,
    /// What is expected of each action; what is not listed is expected to be denied.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub expect: BTreeMap<String, Expected>,
    /// Ids of policies that must have decided: the allows if any is expected, else the denials.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub because: BTreeSet<String>,
    /// The reason: of the denials if any is expected, else of the allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Default for TestCase {
    fn default() -> Self {
        Self {
            name: String::new(),
            now: None,
            guard: true,
            ask: AskCase::default(),
            expect: BTreeMap::new(),
            because: BTreeSet::new(),
            reason: None,
        }
    }
}

/// The question of a test: an engineer about content, or a person about something to act on.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskCase {
    /// The engineer's nickname, in a question about content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engineer: Option<String>,
    /// The content's nickname.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The person's nickname, in a question about something to act on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The nickname of the AccessRequest that the person acts on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_request: Option<String>,
    /// The tenant that the person acts on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The nickname of the person whose entry of the engineer directory the person acts on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Whether the person acts on all of them: lists, and the whole outbox.
    #[serde(default, skip_serializing_if = "is_no")]
    pub system: bool,
    /// The actions, each a question.
    pub actions: BTreeSet<String>,
    /// The nicknames of what there is in the record.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub grants: BTreeSet<String>,
    /// What the caller states about the circumstances.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: StatedCase,
    /// What the caller states about the engineer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub engineer_stated: StatedCase,
    /// What the caller states about the action.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub action_stated: StatedCase,
    /// The service request the caller states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_request: Option<String>,
}

/// What is expected of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    /// Allowed.
    Allow,
    /// Denied.
    Deny,
}

fn yes() -> bool {
    true
}

fn customer() -> String {
    "customer".to_owned()
}

fn active() -> String {
    "active".to_owned()
}

fn service_request() -> String {
    "SR-1".to_owned()
}

// Serde asks these with a reference to the field.
fn is_yes(truth: &bool) -> bool {
    *truth
}

fn is_no(truth: &bool) -> bool {
    !*truth
}

fn is_customer(approval: &str) -> bool {
    approval == customer()
}

fn is_active(state: &str) -> bool {
    state == active()
}

fn is_service_request(text: &str) -> bool {
    text == service_request()
}
