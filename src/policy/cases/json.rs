//! Tests in the form of `cedar run-tests`: requests and entities in Cedar's own JSON, put to the policies
//! by themselves. Everything is checked against the schema before anything is asked.

use super::super::PolicySet;
use super::super::asked::Asked;
use super::super::finding::{Finding, LoadError};
use super::prepare::{ReadySuite, ReadyTest};
use super::question::{Expectation, Put, Question};
use super::suite::Expected;
use crate::domain::in_full;
use cedar_policy::{Context, Entities, EntityUid, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// One test as `cedar run-tests` reads it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JsonCase {
    /// What it shows.
    #[serde(default)]
    pub name: String,
    /// The request.
    pub request: JsonRequest,
    /// The entities, or the name of a file with them beside the file of the test.
    pub entities: Value,
    /// What is expected.
    pub decision: Expected,
    /// Ids of policies that must be among those that decided.
    #[serde(default)]
    pub reason: BTreeSet<String>,
    /// How many policies must fail to evaluate.
    #[serde(default)]
    pub num_errors: usize,
}

/// The request of a [`JsonCase`]: entities as `Lockbox::Action::"read"` or as `{"type": …, "id": …}`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JsonRequest {
    /// Who.
    pub principal: Value,
    /// What.
    pub action: Value,
    /// To what.
    pub resource: Value,
    /// The circumstances.
    #[serde(default = "nothing")]
    pub context: Value,
}

fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Whether a JSON file is a store of entities that tests refer to, not tests.
pub(super) fn is_entities(text: &str) -> bool {
    matches!(serde_json::from_str(text), Ok(Value::Array(all))
        if !all.is_empty() && all.iter().all(|one| one.get("uid").is_some()))
}

/// Reads a file of tests and makes them ready; `beside` reads a file of entities by its name.
pub(super) fn prepare(
    set: &PolicySet,
    file: &str,
    text: &str,
    beside: &dyn Fn(&str) -> Result<String, String>,
) -> Result<ReadySuite, LoadError> {
    let cases: Vec<JsonCase> = serde_json::from_str(text).map_err(|error| {
        let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
        let offset = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
        let help = "write an array of tests as `cedar run-tests` takes them";
        LoadError::from(Finding::file("suite-invalid", file, error.to_string(), help).at(text, offset, 1))
    })?;
    let (mut tests, mut findings) = (Vec::new(), Vec::new());
    for (number, case) in cases.iter().enumerate() {
        let name = if case.name.is_empty() { format!("test {}", number + 1) } else { case.name.clone() };
        match question(set, case, beside) {
            Ok(question) => tests.push(ReadyTest { name, questions: vec![question] }),
            Err(why) => findings.push(
                Finding::file("suite-invalid", file, format!("`{name}`: {why}"), "correct it in the test")
                    .at_text(text, &format!("\"{}\"", case.name)),
            ),
        }
    }
    let name = Path::new(file).file_name().map_or_else(|| file.to_owned(), |name| name.to_string_lossy().into_owned());
    if findings.is_empty() {
        Ok(ReadySuite { file: file.to_owned(), name, tests })
    } else {
        Err(LoadError { findings })
    }
}

fn question(
    set: &PolicySet,
    case: &JsonCase,
    beside: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Question, String> {
    if let Some(id) = case.reason.iter().find(|id| set.policy(id).is_none()) {
        return Err(format!("there is no policy `{id}`"));
    }
    let (principal, action, resource) =
        (uid(&case.request.principal)?, uid(&case.request.action)?, uid(&case.request.resource)?);
    let context = Context::from_json_value(case.request.context.clone(), Some((&set.schema, &action)))
        .map_err(|error| format!("the context: {}", in_full(&error)))?;
    let entities = match &case.entities {
        Value::String(name) => {
            let text = beside(name).map_err(|why| format!("the entities in `{name}`: {why}"))?;
            Entities::from_json_str(&text, Some(&set.schema))
        }
        entities => Entities::from_json_value(entities.clone(), Some(&set.schema)),
    };
    let entities = entities.map_err(|error| format!("the entities: {}", in_full(&error)))?;
    let shown = format!("{principal} {action} {resource}");
    let name = action.id().unescaped().to_owned();
    let request = Request::new(principal, action, resource, context, Some(&set.schema));
    let request = request.map_err(|error| format!("the request: {}", in_full(&error)))?;
    let key = format!("json {} {}", serde_json::json!(case.request), canonical(&entities));
    let put = Put::Plain(Box::new(Asked { request, entities }));
    let expected = Expectation {
        allowed: case.decision == Expected::Allow,
        reason: None,
        because: case.reason.clone(),
        errors: Some(case.num_errors),
    };
    Ok(Question { action: name, shown, key, put, expected })
}

/// The entities as text, the same whatever their order.
fn canonical(entities: &Entities) -> String {
    let mut all: Vec<String> =
        entities.iter().filter_map(|entity| entity.to_json_value().ok().map(|json| json.to_string())).collect();
    all.sort_unstable();
    all.join(" ")
}

fn uid(value: &Value) -> Result<EntityUid, String> {
    match value {
        Value::String(text) => text.parse().map_err(|error| format!("`{text}` is no entity: {}", in_full(&error))),
        other => EntityUid::from_json(other.clone()).map_err(|error| format!("`{other}` is no entity: {error}")),
    }
}
