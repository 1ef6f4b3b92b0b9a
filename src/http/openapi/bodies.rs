//! What the API takes: descriptions of the bodies, each with an example. The bodies themselves are read
//! by the endpoints' own strict readers; a test sends every example through the real endpoint, so that
//! description and reader cannot drift. Nothing here reads anything.

mod sidecars;

pub use sidecars::{AccessTold, AccessesTold, Held, QuestionRecorded, RecordTold, Renewal};

use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Further facts: booleans, whole numbers, texts, lists and objects of these.
pub type Facts = BTreeMap<String, Value>;

/// Why access is asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonGiven {
    /// One of the reason codes.
    pub code: &'static str,
    /// In the engineer's words.
    pub text: &'static str,
}

/// An AccessRequest to be made.
#[derive(Debug, Serialize, ToSchema)]
pub struct Submission {
    /// Whose content.
    pub tenant: &'static str,
    /// Where.
    pub workload: &'static str,
    /// The support case.
    pub service_request: &'static str,
    /// Why.
    pub reason: ReasonGiven,
    /// For how long, ISO 8601, from `PT1S` to the tenant's longest.
    pub duration: &'static str,
    /// The actions, at most 64.
    #[schema(min_items = 1, max_items = 64)]
    pub actions: Vec<&'static str>,
    /// The content, `type/id[/type/id…]`, at most 64; absent for the whole workload of the tenant.
    #[schema(max_items = 64)]
    pub content: Option<Vec<&'static str>>,
}

/// The internal reviewer's step.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewStep {
    /// `approve` or `reject`.
    pub verdict: &'static str,
    /// What he says.
    pub comment: Option<&'static str>,
}

/// The customer's yes. What is named narrows what was asked; nothing widens it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApproveStep {
    /// What the approver says.
    pub comment: Option<&'static str>,
    /// A shorter window, ISO 8601.
    pub duration: Option<&'static str>,
    /// Fewer actions.
    #[schema(max_items = 64)]
    pub actions: Option<Vec<&'static str>>,
    /// Less content; not empty.
    #[schema(min_items = 1, max_items = 64)]
    pub content: Option<Vec<&'static str>>,
}

/// A step with nothing but a comment; the body may be left out.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommentStep {
    /// What the person says.
    pub comment: Option<&'static str>,
}

/// A tenant's own limits; they may only be tighter than the provider's. `null` goes back to those.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantLimits {
    /// How long its approvers have to answer, ISO 8601.
    pub respond_within: Option<&'static str>,
    /// The longest window of a Grant, ISO 8601.
    pub grant_longest: Option<&'static str>,
}

/// Settings of a tenant; what is left out stays as it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantSettings {
    /// `e5`, `add_on` or `none`; an operator's to set.
    pub entitlement: Option<&'static str>,
    /// The switch: whether the tenant's approval is needed.
    pub lockbox: Option<bool>,
    /// Who may approve, at most 200.
    #[schema(max_items = 200)]
    pub approvers: Option<Vec<&'static str>>,
    /// Who may approve once the approvers have let most of their time go by, at most 200.
    #[schema(max_items = 200)]
    pub fallback_approvers: Option<Vec<&'static str>>,
    /// Who else is told, at most 200.
    #[schema(max_items = 200)]
    pub notify: Option<Vec<&'static str>>,
    /// Where programs are told of the same: name and `https` URL, at most 10.
    pub webhooks: Option<BTreeMap<&'static str, &'static str>>,
    /// The language of mails, `en` or `hu`.
    pub language: Option<&'static str>,
    /// The zone that mails state times in, a name of the IANA database.
    pub time_zone: Option<&'static str>,
    /// How many approvers it takes.
    #[schema(minimum = 1)]
    pub quorum: Option<u32>,
    /// Its own limits.
    pub limits: Option<TenantLimits>,
    /// Further facts for policies.
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<Facts>,
}

/// What is known of an engineer; it replaces all that was.
#[derive(Debug, Serialize, ToSchema)]
pub struct EngineerFacts {
    /// Teams, at most 200.
    #[schema(max_items = 200)]
    pub teams: Option<Vec<&'static str>>,
    /// Clearance level.
    pub clearance: Option<i64>,
    /// Country.
    pub country: Option<&'static str>,
    /// Whether he is allowed nothing.
    pub suspended: Option<bool>,
    /// Further facts for policies.
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<Facts>,
}

/// A piece of content.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContentAsked {
    /// Its type, as the schema declares it.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its id; what lies below goes on with `/type/id`.
    pub id: &'static str,
}

/// A question: may this engineer do this now?
#[derive(Debug, Serialize, ToSchema)]
pub struct Question {
    /// Who wants to.
    pub engineer: &'static str,
    /// What.
    pub action: &'static str,
    /// Whose content.
    pub tenant: &'static str,
    /// Where; the caller's own workload.
    pub workload: &'static str,
    /// Which content; absent for the workload as a whole.
    pub content: Option<ContentAsked>,
    /// The support case.
    pub service_request: Option<&'static str>,
    /// The circumstances, as far as the schema declares them.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Facts>,
}

/// AuthZEN: who wants to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuthzenSubject {
    /// `engineer`, or what the configuration names beside it.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The engineer.
    pub id: &'static str,
    /// Stated about him.
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Facts>,
}

/// AuthZEN: what.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuthzenAction {
    /// The action.
    pub name: &'static str,
    /// Stated about it.
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Facts>,
}

/// AuthZEN: to which content.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuthzenResource {
    /// The type of the content, or `workload`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `tenant/workload/id`; of a `workload`, `tenant/workload`.
    pub id: &'static str,
    /// Stated about it; a `tenant` or `workload` here must be the one of the id.
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Facts>,
}

/// AuthZEN Access Evaluation request. Members it does not know are ignored.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthzenEvaluation {
    /// Who wants to.
    pub subject: AuthzenSubject,
    /// What.
    pub action: AuthzenAction,
    /// To which content.
    pub resource: AuthzenResource,
    /// The circumstances; `service_request` is the support case.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Facts>,
}

/// AuthZEN: one of many questions; what it leaves out is taken from the whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthzenItem {
    /// Who wants to.
    pub subject: Option<AuthzenSubject>,
    /// What.
    pub action: Option<AuthzenAction>,
    /// To which content.
    pub resource: Option<AuthzenResource>,
    /// The circumstances.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Facts>,
}

/// AuthZEN: how many questions are answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthzenOptions {
    /// `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`.
    pub evaluations_semantic: Option<&'static str>,
}

/// AuthZEN Access Evaluations request: defaults, and questions.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthzenEvaluations {
    /// The default subject.
    pub subject: Option<AuthzenSubject>,
    /// The default action.
    pub action: Option<AuthzenAction>,
    /// The default resource.
    pub resource: Option<AuthzenResource>,
    /// The default circumstances.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Facts>,
    /// The questions; without any, the whole is one question.
    pub evaluations: Option<Vec<AuthzenItem>>,
    /// How they are answered.
    pub options: Option<AuthzenOptions>,
}

const ANA: &str = "ana@provider.example";
const ADELE: &str = "mailbox/adele@contoso.example";

fn managed() -> Facts {
    Facts::from([("device_managed".to_owned(), Value::Bool(true))])
}

fn subject() -> AuthzenSubject {
    AuthzenSubject { kind: "engineer", id: ANA, properties: None }
}

fn action() -> AuthzenAction {
    AuthzenAction { name: "read", properties: None }
}

fn mailbox(id: &'static str) -> AuthzenResource {
    AuthzenResource { kind: "mailbox", id, properties: None }
}

fn settings_example() -> TenantSettings {
    TenantSettings {
        entitlement: Some("e5"),
        lockbox: Some(true),
        approvers: Some(vec!["csilla@contoso.example", "dora@contoso.example"]),
        fallback_approvers: Some(vec!["security@contoso.example"]),
        notify: Some(vec!["security@contoso.example"]),
        webhooks: Some(BTreeMap::from([("siem", "https://siem.contoso.example/lockbox")])),
        language: Some("hu"),
        time_zone: Some("Europe/Budapest"),
        quorum: Some(1),
        limits: Some(TenantLimits { respond_within: Some("PT6H"), grant_longest: Some("PT2H") }),
        attributes: Some(Facts::from([("plan".to_owned(), Value::from("E5"))])),
    }
}

/// The example of a body: a value of its type, without what it leaves out.
pub fn example(name: &str) -> Option<Value> {
    let mut example = match name {
        "Submission" => json!(Submission {
            tenant: "contoso",
            workload: "exchange",
            service_request: "SR-1042",
            reason: ReasonGiven { code: "customer_initiated_support", text: "mailbox does not sync" },
            duration: "PT2H",
            actions: vec!["read"],
            content: Some(vec![ADELE]),
        }),
        "ReviewStep" => json!(ReviewStep { verdict: "approve", comment: Some("the case needs it") }),
        "ApproveStep" => json!(ApproveStep {
            comment: Some("one hour will do"),
            duration: Some("PT1H"),
            actions: Some(vec!["read"]),
            content: Some(vec![ADELE]),
        }),
        "CommentStep" => json!(CommentStep { comment: Some("the mailbox syncs again") }),
        "Renewal" => json!(sidecars::renewal()),
        "AccessesTold" => json!(sidecars::accesses_told()),
        "TenantSettings" => json!(settings_example()),
        "EngineerFacts" => json!(EngineerFacts {
            teams: Some(vec!["exchange-oncall"]),
            clearance: Some(3),
            country: Some("HU"),
            suspended: Some(false),
            attributes: None,
        }),
        "Question" => json!(Question {
            engineer: ANA,
            action: "read",
            tenant: "contoso",
            workload: "exchange",
            content: Some(ContentAsked { kind: "mailbox", id: "adele@contoso.example" }),
            service_request: Some("SR-1042"),
            context: Some(managed()),
        }),
        "AuthzenEvaluation" => json!(AuthzenEvaluation {
            subject: subject(),
            action: action(),
            resource: mailbox("contoso/exchange/adele@contoso.example"),
            context: Some(managed()),
        }),
        "AuthzenEvaluations" => json!(AuthzenEvaluations {
            subject: Some(subject()),
            action: Some(action()),
            resource: None,
            context: Some(managed()),
            evaluations: Some(
                ["contoso/exchange/adele@contoso.example", "contoso/exchange/bela@contoso.example"]
                    .map(|id| AuthzenItem { subject: None, action: None, resource: Some(mailbox(id)), context: None })
                    .into(),
            ),
            options: Some(AuthzenOptions { evaluations_semantic: Some("execute_all") }),
        }),
        _ => return None,
    };
    without_nulls(&mut example);
    Some(example)
}

/// The example for one operation: what a tenant's administrator may change is not what an operator may
/// enter, and an example that nobody may send is none.
pub fn example_for(method: &str, name: &str) -> Option<Value> {
    let mut example = example(name)?;
    if let ("PATCH", "TenantSettings", Some(members)) = (method, name, example.as_object_mut()) {
        members.retain(|name, _| !matches!(name.as_str(), "entitlement" | "attributes"));
    }
    Some(example)
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}
