//! The form of a suite. Unknown keys are refused with the nearest known one; times are instants or
//! relative to the suite's `now` (`-10m`, `+2h`).

use super::super::finding::{Finding, LoadError};
use crate::domain::{Attributes, Timestamp, Value};
use core::time::Duration;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A suite of policy tests: who and what there is, and what is expected of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// What the suite is about.
    pub name: String,
    /// The instant of the questions, RFC 3339 in UTC; a test may state another.
    pub now: String,
    /// Engineers by nickname.
    #[serde(default)]
    pub engineers: BTreeMap<String, EngineerCase>,
    /// Tenants by id.
    #[serde(default)]
    pub tenants: BTreeMap<String, TenantCase>,
    /// Content by nickname.
    #[serde(default)]
    pub content: BTreeMap<String, ContentCase>,
    /// Grants, and AccessRequests without one, by nickname.
    #[serde(default)]
    pub grants: BTreeMap<String, GrantCase>,
    /// The tests.
    pub tests: Vec<TestCase>,
}

/// An engineer of the directory.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineerCase {
    /// His id.
    pub id: String,
    /// His teams.
    #[serde(default)]
    pub teams: BTreeSet<String>,
    /// His clearance; absent when nobody stated one.
    pub clearance: Option<i64>,
    /// His country; absent when nobody stated one.
    pub country: Option<String>,
    /// Whether he is suspended.
    #[serde(default)]
    pub suspended: bool,
    /// Whether the directory lacks him.
    #[serde(default)]
    pub unknown: bool,
    /// Further facts that the schema declares.
    #[serde(default)]
    pub attributes: BTreeMap<String, serde_json::Value>,
}

/// A tenant.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantCase {
    /// Whether lockbox is on.
    #[serde(default = "yes")]
    pub lockbox: bool,
    /// Further facts that the schema declares.
    #[serde(default)]
    pub attributes: BTreeMap<String, serde_json::Value>,
}

/// Content.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentCase {
    /// Whose.
    pub tenant: String,
    /// Where.
    pub workload: String,
    /// Its path, `type/id[/type/id…]`; absent for the workload as a whole.
    pub id: Option<String>,
    /// What the caller states about it.
    #[serde(default)]
    pub stated: BTreeMap<String, serde_json::Value>,
}

/// A Grant, or an AccessRequest that has none.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
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
    #[serde(default)]
    pub content: BTreeSet<String>,
    /// `customer` or `internal`.
    #[serde(default = "customer")]
    pub approval: String,
    /// The state of its AccessRequest; `active` unless stated.
    #[serde(default = "active")]
    pub state: String,
    /// The first instant of its window.
    pub from: Option<String>,
    /// The first instant after its window.
    pub until: Option<String>,
    /// Until when the customer has time to answer.
    pub respond_by: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// The service request behind it.
    #[serde(default = "service_request")]
    pub service_request: String,
}

/// One test: one question for each action.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// What it shows.
    pub name: String,
    /// Another instant than the suite's, also relative to it.
    pub now: Option<String>,
    /// The question.
    pub ask: AskCase,
    /// What is expected of each action; what is not listed is expected to be denied.
    #[serde(default)]
    pub expect: BTreeMap<String, Expected>,
    /// Ids of policies that must have decided: the allows if any is expected, else the denials.
    #[serde(default)]
    pub because: BTreeSet<String>,
    /// The reason: of the denials if any is expected, else of the allows.
    pub reason: Option<String>,
}

/// The question of a test.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskCase {
    /// The engineer's nickname.
    pub engineer: String,
    /// The content's nickname.
    pub content: String,
    /// The actions, each a question.
    pub actions: BTreeSet<String>,
    /// The nicknames of what there is in the record.
    #[serde(default)]
    pub grants: BTreeSet<String>,
    /// What the caller states about the circumstances.
    #[serde(default)]
    pub context: BTreeMap<String, serde_json::Value>,
    /// What the caller states about the engineer.
    #[serde(default)]
    pub engineer_stated: BTreeMap<String, serde_json::Value>,
    /// What the caller states about the action.
    #[serde(default)]
    pub action_stated: BTreeMap<String, serde_json::Value>,
    /// The service request the caller states.
    pub service_request: Option<String>,
}

/// What is expected of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
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

impl Suite {
    /// Reads a suite.
    ///
    /// # Errors
    /// [`LoadError`] with the place and, for an unknown key, the nearest known one.
    pub fn parse(file: &str, text: &str) -> Result<Self, LoadError> {
        serde_saphyr::from_str(text).map_err(|error| {
            let said = error.without_snippet().to_string();
            let mut finding = Finding::file("suite-invalid", file, said.clone(), help(&said));
            if let Some(place) = error.location() {
                let lines =
                    text.split_inclusive('\n').take(usize::try_from(place.line()).unwrap_or(1).saturating_sub(1));
                let before: usize = lines.map(str::len).sum();
                let column = usize::try_from(place.column()).unwrap_or(1).saturating_sub(1);
                finding = finding.at(text, before + column, 1);
            }
            finding.into()
        })
    }
}

/// For an unknown key, the nearest known one: the message names it in backticks, then the known ones.
fn help(said: &str) -> String {
    let nearest = said.strip_prefix("unknown field `").and_then(|rest| {
        let (unknown, rest) = rest.split_once('`')?;
        let known = rest.split_once("expected ")?.1.trim_start_matches("one of ");
        let known = known.split(" at line ").next()?.split([',', ' ']).map(|name| name.trim_matches('`'));
        known.filter(|name| !name.is_empty()).min_by_key(|name| strsim::damerau_levenshtein(unknown, name))
    });
    match nearest {
        Some(known) => format!("write `{known}`, if that is meant"),
        None => "correct it; schemas/policy-suite.schema.json describes suites".to_owned(),
    }
}

/// The JSON Schema of suites, as checked in.
pub fn suite_schema() -> String {
    let schema = schemars::schema_for!(Suite);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// An instant, or one relative to `now`: `-10m`, `+1h30m`, `+250ms`.
pub(super) fn instant(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let Some(rest) = text.strip_prefix(['+', '-']) else {
        return text.parse().map_err(|error: crate::domain::TimeError| error.to_string());
    };
    let wrong = || format!("`{text}` is neither an instant nor relative like `-10m` or `+1h30m`");
    let mut total: u64 = 0;
    let mut number = String::new();
    let mut unit = String::new();
    for c in rest.chars().chain(['0']) {
        if c.is_ascii_digit() && !unit.is_empty() {
            let ms = match unit.as_str() {
                "d" => 86_400_000,
                "h" => 3_600_000,
                "m" => 60_000,
                "s" => 1_000,
                "ms" => 1,
                _ => return Err(wrong()),
            };
            let amount: u64 = number.parse().map_err(|_| wrong())?;
            total = amount.checked_mul(ms).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
            number.clear();
            unit.clear();
        }
        if c.is_ascii_digit() { number.push(c) } else { unit.push(c) }
    }
    if number != "0" || rest.is_empty() {
        return Err(wrong());
    }
    let by = Duration::from_millis(total);
    Ok(if text.starts_with('-') { now.minus(by) } else { now.plus(by) })
}

/// Values of a suite as the domain has them.
pub(super) fn attributes(values: &BTreeMap<String, serde_json::Value>) -> Result<Attributes, String> {
    values.iter().map(|(name, value)| Ok((name.clone(), self::value(value)?))).collect()
}

fn value(json: &serde_json::Value) -> Result<Value, String> {
    use serde_json::Value as Json;
    Ok(match json {
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => {
            Value::Long(number.as_i64().ok_or_else(|| format!("`{number}` is not a whole number"))?)
        }
        Json::String(text) => Value::String(text.clone()),
        Json::Array(values) => Value::Set(values.iter().map(value).collect::<Result<_, _>>()?),
        Json::Object(fields) => Value::Record(
            fields.iter().map(|(name, field)| Ok((name.clone(), value(field)?))).collect::<Result<_, String>>()?,
        ),
        Json::Null => return Err("null is not a value: leave the key out".to_owned()),
    })
}
