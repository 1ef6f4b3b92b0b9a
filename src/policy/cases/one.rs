//! One question with the facts behind it, as `policy explain` is asked: what `POST /v1/authorize` takes,
//! and beside it what a sidecar would know. It becomes a suite of one test, so that it is checked and
//! asked exactly as suites are.

use super::suite::{AskCase, ContentCase, EngineerCase, GrantCase, StatedCase, Suite, TenantCase, TestCase};
use crate::domain::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The name of the one test.
pub const QUESTION: &str = "question";

/// A question about content, and the facts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionCase {
    /// Who wants to.
    pub engineer: String,
    /// What.
    pub action: String,
    /// Whose content.
    pub tenant: String,
    /// Where.
    pub workload: String,
    /// Which content; absent for the workload as a whole.
    #[serde(default)]
    pub content: Option<ContentName>,
    /// The support case.
    #[serde(default)]
    pub service_request: Option<String>,
    /// What the caller states about the circumstances.
    #[serde(default)]
    pub context: StatedCase,
    /// What a sidecar would know.
    #[serde(default)]
    pub facts: FactsCase,
}

/// Content, as `POST /v1/authorize` names it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentName {
    /// Its type, such as `mailbox`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id, with what lies below (`adele@contoso.example/message/7`).
    pub id: String,
}

/// What a sidecar would know. What is left out is known to be the plainest: the engineer is in the
/// directory and not suspended, lockbox is on, there is no Grant.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FactsCase {
    /// The instant of the question, RFC 3339.
    pub now: Option<String>,
    /// The engineer, as in a suite but without `id`.
    pub engineer: Map<String, Value>,
    /// The tenant, as in a suite.
    pub tenant: TenantCase,
    /// Grants and AccessRequests, as in a suite; `engineer`, `tenant`, `workload` and `actions` are those
    /// of the question unless stated.
    pub grants: Vec<Map<String, Value>>,
    /// What the caller states about the engineer.
    pub engineer_stated: StatedCase,
    /// What the caller states about the action.
    pub action_stated: StatedCase,
    /// What the caller states about the content.
    pub content_stated: StatedCase,
}

impl QuestionCase {
    /// Reads a question.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// The same question with a live Grant that covers just it, for an hour from now.
    #[must_use]
    pub fn granted(mut self) -> Self {
        let mut grant = Map::new();
        grant.insert("from".to_owned(), Value::from("-1m"));
        grant.insert("until".to_owned(), Value::from("+1h"));
        if let Some(path) = self.path() {
            grant.insert("content".to_owned(), Value::from(vec![path]));
        }
        self.facts.grants.push(grant);
        self
    }

    fn path(&self) -> Option<String> {
        self.content.as_ref().map(|content| format!("{}/{}", content.kind, content.id))
    }

    /// The suite that asks it, at `now` unless the facts say when; without the guard, if so wanted.
    ///
    /// # Errors
    /// What of the facts is not as in a suite.
    pub fn suite(&self, now: Timestamp, guard: bool) -> Result<Suite, String> {
        let facts = &self.facts;
        let engineer: EngineerCase =
            completed(&facts.engineer, "facts.engineer", &[("id", self.engineer.as_str().into())])?;
        let mut engineers = BTreeMap::from([(self.engineer.clone(), engineer)]);
        let mut grants = BTreeMap::new();
        for (number, stated) in (1..).zip(&facts.grants) {
            let defaults = [
                ("engineer", Value::from(self.engineer.as_str())),
                ("tenant", Value::from(self.tenant.as_str())),
                ("workload", Value::from(self.workload.as_str())),
                ("actions", Value::from(vec![self.action.as_str()])),
            ];
            let grant: GrantCase = completed(stated, &format!("facts.grants[{}]", number - 1), &defaults)?;
            let unknown = || EngineerCase { id: grant.engineer.clone(), ..EngineerCase::default() };
            engineers.entry(grant.engineer.clone()).or_insert_with(unknown);
            grants.insert(format!("grant {number}"), grant);
        }
        let content = ContentCase {
            tenant: self.tenant.clone(),
            workload: self.workload.clone(),
            id: self.path(),
            stated: facts.content_stated.clone(),
        };
        let ask = AskCase {
            engineer: Some(self.engineer.clone()),
            content: Some("content".to_owned()),
            actions: BTreeSet::from([self.action.clone()]),
            grants: grants.keys().cloned().collect(),
            context: self.context.clone(),
            engineer_stated: facts.engineer_stated.clone(),
            action_stated: facts.action_stated.clone(),
            service_request: self.service_request.clone(),
            ..AskCase::default()
        };
        Ok(Suite {
            name: QUESTION.to_owned(),
            now: facts.now.clone().unwrap_or_else(|| now.to_string()),
            engineers,
            tenants: BTreeMap::from([(self.tenant.clone(), facts.tenant.clone())]),
            content: BTreeMap::from([("content".to_owned(), content)]),
            grants,
            tests: vec![TestCase { name: QUESTION.to_owned(), guard, ask, ..TestCase::default() }],
            ..Suite::default()
        })
    }
}

/// What is stated, completed by defaults, in the form of a suite.
fn completed<T: DeserializeOwned>(
    stated: &Map<String, Value>,
    place: &str,
    defaults: &[(&str, Value)],
) -> Result<T, String> {
    let mut all = stated.clone();
    for (name, value) in defaults {
        all.entry(*name).or_insert_with(|| value.clone());
    }
    serde_json::from_value(Value::Object(all)).map_err(|error| format!("`{place}`: {error}"))
}
