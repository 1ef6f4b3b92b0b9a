//! The record of a Decision: one JSON object with everything that replay and audit need, the question
//! and the facts that decided included; never a body, a token or a cookie. Every text a caller chose
//! passes through JSON escaping.

mod extract;
mod shadow;

pub use shadow::RecordedShadow;

use super::question::Unaskable;
use crate::domain::{Access, CallerName, Decision, Evaluation, NameError, Timestamp};
use crate::policy::{Now, ShadowVerdict};
use crate::state::{FactsRef, ItemError, Known, StateItem, WireValue};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shadow::ShadowPart;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// The version of the record's form; a reader refuses others.
pub(super) const RECORD_VERSION: u32 = 1;
/// The most AccessRequests recorded with a Decision: the live ones, then the newest.
const ACCESSES_MAX: usize = 32;

/// What differs from answer to answer, however often the same judgement is given.
pub(super) struct Head<'a> {
    pub(super) decision_id: Uuid,
    pub(super) evaluated_at: Timestamp,
    pub(super) now: Option<Now>,
    pub(super) caller: &'a CallerName,
    pub(super) cached: bool,
    pub(super) epoch: u64,
    pub(super) state_revision: u64,
    pub(super) policy_revision: &'a str,
}

impl Head<'_> {
    /// The whole record. The head has canonical names, numbers and hexadecimal digits only, none of
    /// which JSON escapes, so it is written as it is.
    pub(super) fn with_tail(&self, tail: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        let mut out = Vec::with_capacity(tail.len().saturating_add(384));
        let Self { decision_id, evaluated_at, caller, cached, epoch, state_revision, policy_revision, .. } = self;
        let _infallible = write!(
            out,
            "{{\"v\":{RECORD_VERSION},\"id\":\"{}\",\"at\":\"{evaluated_at}\",\"caller\":\"{caller}\",\"cached\":{cached},\
             \"epoch\":{epoch},\"state_revision\":{state_revision},\"policy_revision\":\"{policy_revision}\"",
            decision_id.as_hyphenated(),
        );
        if let Some(now) = self.now {
            let _infallible = write!(out, ",\"now_ms\":[{},{}]", now.earliest.as_ms(), now.latest.as_ms());
        }
        out.push(b',');
        out.extend_from_slice(tail.strip_prefix(b"{").unwrap_or(b"}"));
        out
    }
}

#[derive(Serialize)]
struct Tail<'a> {
    #[serde(flatten)]
    asked: Asked,
    #[serde(flatten)]
    answer: AnswerPart<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<FactsPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<ShadowPart<'a>>,
}

#[derive(Serialize)]
enum Asked {
    #[serde(rename = "question")]
    Question(Box<QuestionPart>),
    #[serde(rename = "stated")]
    Stated(BTreeMap<&'static str, String>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuestionPart {
    engineer: String,
    action: String,
    tenant: String,
    workload: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service_request: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    context: BTreeMap<String, WireValue>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    engineer_stated: BTreeMap<String, WireValue>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    action_stated: BTreeMap<String, WireValue>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    content_stated: BTreeMap<String, WireValue>,
}

#[derive(Serialize)]
struct AnswerPart<'a> {
    decision: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_request: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    policies: &'a [String],
}

/// Facts in the very bytes that the authority hashed.
#[derive(Serialize)]
struct FactsPart {
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    engineer: Option<Box<RawValue>>,
    accesses: BTreeMap<String, Box<RawValue>>,
}

/// The part of a record that is the same each time a judgement is given.
pub(super) fn tail_of(
    question: &Evaluation,
    decision: &Decision,
    known: Option<&Known>,
    shadow: Option<&ShadowVerdict>,
) -> Vec<u8> {
    to_bytes(&Tail {
        asked: Asked::Question(Box::new(QuestionPart::of(question))),
        answer: AnswerPart::of(decision),
        facts: known.map(FactsPart::of),
        shadow: shadow.map(ShadowPart::of),
    })
}

/// The same for a question that could not be asked.
pub(super) fn tail_of_refusal(unaskable: &Unaskable, decision: &Decision) -> Vec<u8> {
    to_bytes(&Tail {
        asked: Asked::Stated(unaskable.stated.iter().cloned().collect()),
        answer: AnswerPart::of(decision),
        facts: None,
        shadow: None,
    })
}

/// Maps with text keys, texts and numbers always have a JSON form; an empty tail would make the
/// record unreadable, and the log refuses nothing it cannot read.
fn to_bytes(tail: &Tail<'_>) -> Vec<u8> {
    serde_json::to_vec(tail).unwrap_or_else(|_| b"{}".to_vec())
}

impl QuestionPart {
    fn of(question: &Evaluation) -> Self {
        Self {
            engineer: question.engineer.to_string(),
            action: question.action.to_string(),
            tenant: question.tenant.to_string(),
            workload: question.workload.to_string(),
            content: question.content.as_ref().map(ToString::to_string),
            service_request: question.service_request.as_ref().map(ToString::to_string),
            context: WireValue::record(&question.context),
            engineer_stated: WireValue::record(&question.engineer_stated),
            action_stated: WireValue::record(&question.action_stated),
            content_stated: WireValue::record(&question.content_stated),
        }
    }

    pub(super) fn into_question(self) -> Result<Evaluation, NameError> {
        use crate::domain::{ActionName, ContentPath, PersonId, ServiceRequest, TenantId, WorkloadName};
        Ok(Evaluation {
            engineer: PersonId::parse(&self.engineer)?,
            action: ActionName::parse(&self.action)?,
            tenant: TenantId::parse(&self.tenant)?,
            workload: WorkloadName::parse(&self.workload)?,
            content: self.content.as_deref().map(ContentPath::parse).transpose()?,
            service_request: self.service_request.as_deref().map(ServiceRequest::parse).transpose()?,
            context: WireValue::attributes(self.context),
            engineer_stated: WireValue::attributes(self.engineer_stated),
            action_stated: WireValue::attributes(self.action_stated),
            content_stated: WireValue::attributes(self.content_stated),
        })
    }
}

impl<'a> AnswerPart<'a> {
    fn of(decision: &'a Decision) -> Self {
        let nearest = decision.nearest.as_ref();
        let grant = decision.grant.as_ref();
        Self {
            decision: if decision.allows() { "allow" } else { "deny" },
            reason: decision.reason.as_str(),
            message: &decision.message,
            grant: grant
                .map(|grant| &grant.id)
                .or(nearest.and_then(|near| near.grant.as_ref()))
                .map(ToString::to_string),
            access_request: grant
                .map(|grant| grant.access_request)
                .or(nearest.and_then(|near| near.access_request))
                .map(|id| id.to_string()),
            policies: &decision.policies,
        }
    }
}

impl FactsPart {
    fn of(known: &Known) -> Self {
        let mut accesses: Vec<&Arc<Access>> = known.accesses.iter().collect();
        accesses.sort_by_key(|access| (access.ended_at.is_some(), std::cmp::Reverse(access.id)));
        accesses.truncate(ACCESSES_MAX);
        let raw = |facts: FactsRef<'_>| {
            let payload = facts.payload().ok().and_then(|payload| String::from_utf8(payload).ok());
            payload.and_then(|payload| RawValue::from_string(payload).ok())
        };
        Self {
            tenant: known.tenant.as_deref().and_then(|tenant| raw(FactsRef::Tenant(tenant))),
            engineer: known.engineer.as_deref().and_then(|engineer| raw(FactsRef::Engineer(engineer))),
            accesses: accesses
                .into_iter()
                .filter_map(|access| raw(FactsRef::Access(access)).map(|raw| (access.id.to_string(), raw)))
                .collect(),
        }
    }
}

/// A recorded Decision, read back.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The decision id.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
    /// Who asked.
    pub caller: String,
    /// The bounds of the authority's time it was judged at; `None` where there was no lease.
    pub now: Option<Now>,
    /// The question; `None` for one that could not be asked.
    pub question: Option<Evaluation>,
    /// Whether it allowed.
    pub allowed: bool,
    /// The reason.
    pub reason: String,
    /// The Grant, or the one that came nearest.
    pub grant: Option<String>,
    /// Its AccessRequest.
    pub access_request: Option<String>,
    /// The policies that decided.
    pub policies: Vec<String>,
    /// The digest of the policies it was made by.
    pub policy_revision: String,
    /// The revision of the state it was made from.
    pub state_revision: u64,
    /// What was known; `None` where nothing was looked up.
    pub known: Option<Known>,
    /// What shadow policies said; `None` where there were none.
    pub shadow: Option<RecordedShadow>,
}

/// A record that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Not such a JSON object.
    #[error("it is not a decision record: {0}")]
    Form(#[from] serde_json::Error),
    /// From another version of the form.
    #[error("it has record version {0}, this program reads {RECORD_VERSION}")]
    Version(u64),
    /// A name in it is not canonical.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A fact in it cannot be read.
    #[error(transparent)]
    Fact(#[from] ItemError),
    /// A time in it is not one.
    #[error(transparent)]
    Time(#[from] crate::domain::TimeError),
}

#[derive(Deserialize)]
struct Version {
    v: u64,
}

#[derive(Deserialize)]
struct Whole<'a> {
    id: String,
    at: String,
    caller: String,
    now_ms: Option<(i64, i64)>,
    question: Option<QuestionPart>,
    decision: String,
    reason: String,
    grant: Option<String>,
    access_request: Option<String>,
    #[serde(default)]
    policies: Vec<String>,
    policy_revision: String,
    state_revision: u64,
    #[serde(borrow)]
    facts: Option<FactsRead<'a>>,
    shadow: Option<RecordedShadow>,
}

#[derive(Deserialize)]
pub(super) struct FactsRead<'a> {
    #[serde(borrow)]
    tenant: Option<&'a RawValue>,
    #[serde(borrow)]
    engineer: Option<&'a RawValue>,
    #[serde(borrow)]
    accesses: BTreeMap<String, &'a RawValue>,
}

impl Recorded {
    /// Reads a record's bytes.
    ///
    /// # Errors
    /// [`RecordError`]; a record of another version is told as such.
    pub fn parse(payload: &[u8]) -> Result<Self, RecordError> {
        let version: Version = serde_json::from_slice(payload)?;
        if version.v != u64::from(RECORD_VERSION) {
            return Err(RecordError::Version(version.v));
        }
        let whole: Whole<'_> = serde_json::from_slice(payload)?;
        let question = whole.question.map(QuestionPart::into_question).transpose()?;
        let known = match (whole.facts, &question) {
            (Some(facts), Some(question)) => Some(facts.into_known(question)?),
            _ => None,
        };
        let now = whole.now_ms.map(|(earliest, latest)| Now {
            earliest: Timestamp::from_ms(earliest),
            latest: Timestamp::from_ms(latest),
        });
        Ok(Self {
            id: whole.id,
            at: whole.at.parse()?,
            caller: whole.caller,
            now,
            question,
            allowed: whole.decision == "allow",
            reason: whole.reason,
            grant: whole.grant,
            access_request: whole.access_request,
            policies: whole.policies,
            policy_revision: whole.policy_revision,
            state_revision: whole.state_revision,
            known,
            shadow: whole.shadow,
        })
    }
}

impl FactsRead<'_> {
    pub(super) fn into_known(self, question: &Evaluation) -> Result<Known, ItemError> {
        let mut known = Known::default();
        let tenant = self.tenant.map(|raw| (StateItem::tenant_key(&question.tenant), raw));
        let engineer = self.engineer.map(|raw| (StateItem::engineer_key(&question.engineer), raw));
        let accesses = self.accesses.into_iter().map(|(id, raw)| (format!("access/{id}"), raw));
        for (key, raw) in tenant.into_iter().chain(engineer).chain(accesses) {
            match StateItem::decode(&key, raw.get().as_bytes())?.0 {
                StateItem::Tenant(tenant) => known.tenant = Some(Arc::new(tenant)),
                StateItem::Engineer(engineer) => known.engineer = Some(Arc::new(engineer)),
                StateItem::Access(access) => known.accesses.push(Arc::new(access)),
                // No key above is its.
                StateItem::Bundle(_) => {}
            }
        }
        Ok(known)
    }
}
