//! A question that refutes a claim: as a security engineer would write it down, and as a test.
//!
//! What a solver finds is tidied first: dates as dates, only the entities the question reaches. It is
//! then built anew against the schema and evaluated once more, so that nothing is shown that Cedar
//! itself would not say.

use super::super::PolicySet;
use super::environment::Environment;
use crate::domain::Timestamp;
use cedar_policy::{Context, Entities, EntityUid, Request};
use core::fmt::{self, Write as _};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

/// A question that refutes a claim.
#[derive(Debug, Clone)]
pub struct Witness {
    request: Request,
    entities: Entities,
    told: Told,
}

/// The question as JSON, in the form of Cedar's own tools.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    principal: EntityUid,
    action: EntityUid,
    resource: EntityUid,
    context: Json,
    entities: Vec<Json>,
}

impl Witness {
    /// The question, if it refutes when it is built against the schema and evaluated.
    pub(super) fn of(
        set: &PolicySet,
        environment: &Environment,
        (request, entities): (&Request, &Entities),
        refutes: &dyn Fn(&Request, &Entities) -> bool,
    ) -> Option<Self> {
        let action = environment.request.action().clone();
        let told = Told {
            principal: request.principal()?.clone(),
            resource: request.resource()?.clone(),
            context: dated(request.context()?.to_json_value().ok()?),
            entities: entities.to_json_value().ok()?.as_array()?.iter().cloned().map(dated).collect(),
            action,
        };
        let reached = Told { entities: reached(&told), ..told.clone() };
        let built = |told: &Told| told.build(set).ok().filter(|(request, entities)| refutes(request, entities));
        let told =
            [reached, told].into_iter().find(|told| built(told).is_some())?.minimal(&|told| built(told).is_some());
        let (request, entities) = built(&told)?;
        Some(Self { request, entities, told })
    }

    /// The request.
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// The entities.
    pub(crate) fn entities(&self) -> &Entities {
        &self.entities
    }

    /// As a test in the form of `cedar run-tests`.
    pub fn to_cedar_test(&self, name: &str, allow: bool, reason: &[String]) -> Json {
        let Told { principal, action, resource, context, entities } = &self.told;
        json!({
            "name": name,
            "request": {
                "principal": principal.to_string(),
                "action": action.to_string(),
                "resource": resource.to_string(),
                "context": context,
            },
            "entities": entities,
            "decision": if allow { "allow" } else { "deny" },
            "reason": reason,
            "num_errors": 0,
        })
    }
}

impl Told {
    /// The same without what makes no difference: `refutes` goes on refuting.
    fn minimal(mut self, refutes: &dyn Fn(&Self) -> bool) -> Self {
        let names = |record: Option<&Json>| -> Vec<String> {
            record.and_then(Json::as_object).map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
        };
        for name in names(Some(&self.context)) {
            let mut fewer = self.clone();
            if without(Some(&mut fewer.context), &name) && refutes(&fewer) {
                self = fewer;
            }
        }
        for at in 0..self.entities.len() {
            for name in names(self.entities.get(at).and_then(|entity| entity.get("attrs"))) {
                let mut fewer = self.clone();
                let attributes = fewer.entities.get_mut(at).and_then(|entity| entity.get_mut("attrs"));
                if without(attributes, &name) && refutes(&fewer) {
                    self = fewer;
                }
            }
        }
        self
    }

    fn build(&self, set: &PolicySet) -> Result<(Request, Entities), String> {
        let context = Context::from_json_value(self.context.clone(), Some((&set.schema, &self.action)))
            .map_err(|error| error.to_string())?;
        let (principal, resource) = (self.principal.clone(), self.resource.clone());
        let request = Request::new(principal, self.action.clone(), resource, context, Some(&set.schema))
            .map_err(|error| error.to_string())?;
        let entities = Entities::from_json_value(Json::Array(self.entities.clone()), Some(&set.schema))
            .map_err(|error| error.to_string())?;
        Ok((request, entities))
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { principal, action, resource, context, entities } = &self.told;
        write!(f, "{} {} {}", short(principal), action.id().unescaped(), short(resource))?;
        for (name, value) in context.as_object().into_iter().flatten() {
            match value.as_object().filter(|_| plain(value)) {
                Some(fields) => {
                    write!(f, "\n  context.{name}:")?;
                    let width = fields.keys().map(String::len).max().unwrap_or(0);
                    for (name, value) in fields {
                        write!(f, "\n    {name:<width$}  {}", shown(value))?;
                    }
                }
                None => write!(f, "\n  context.{name} = {}", shown(value))?,
            }
        }
        for entity in entities {
            write!(f, "{}", described(entity))?;
        }
        Ok(())
    }
}

impl Serialize for Witness {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Told { principal, action, resource, context, entities } = &self.told;
        json!({
            "principal": principal.to_string(),
            "action": action.to_string(),
            "resource": resource.to_string(),
            "context": context,
            "entities": entities,
        })
        .serialize(to)
    }
}

/// Takes a member out of a record, whose order stays that of the names.
fn without(record: Option<&mut Json>, name: &str) -> bool {
    record.and_then(Json::as_object_mut).is_some_and(|fields| {
        let taken = fields.remove(name).is_some();
        fields.sort_keys();
        taken
    })
}

fn short(uid: &EntityUid) -> String {
    format!("{}::\"{}\"", uid.type_name().basename(), uid.id().unescaped())
}

/// An entity with something to say of it.
fn described(entity: &Json) -> String {
    let list = |key: &str| entity.get(key).and_then(Json::as_array).cloned().unwrap_or_default();
    let attributes = entity.get("attrs").and_then(Json::as_object).cloned().unwrap_or_default();
    let parents = list("parents");
    if attributes.is_empty() && parents.is_empty() {
        return String::new();
    }
    let mut text = format!("\n  {}", entity.get("uid").map(shown).unwrap_or_default());
    if !parents.is_empty() {
        let parents: Vec<String> = parents.iter().map(shown).collect();
        let _infallible = write!(text, " in [{}]", parents.join(", "));
    }
    if !attributes.is_empty() {
        let _infallible = write!(text, " {}", shown(&Json::Object(attributes)));
    }
    text
}

fn pointed(value: &Json) -> Option<(&str, &str)> {
    let value = value.get("__entity").unwrap_or(value);
    let fields = value.as_object().filter(|fields| fields.len() == 2)?;
    Some((fields.get("type")?.as_str()?, fields.get("id")?.as_str()?))
}

/// Whether it is a record of attributes, not a value that JSON writes as an object.
fn plain(value: &Json) -> bool {
    value.get("__extn").is_none() && pointed(value).is_none()
}

fn shown(value: &Json) -> String {
    if let Some(call) = value.get("__extn") {
        let argument = call.get("arg").and_then(Json::as_str).map(str::to_owned);
        return argument.unwrap_or_else(|| call.to_string());
    }
    if let Some((kind, id)) = pointed(value) {
        return format!("{}::\"{id}\"", kind.rsplit("::").next().unwrap_or(kind));
    }
    match value {
        Json::Object(fields) => {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {}", shown(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Json::Array(values) => format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// The same with each `datetime(…).offset(…)` of a solver as the date it is.
fn dated(value: Json) -> Json {
    match value {
        Json::Object(fields) => {
            if let Some(call) = fields.get("__extn") {
                return match instant(call) {
                    Some(at) => json!({ "__extn": { "fn": "datetime", "arg": at } }),
                    None => Json::Object(fields),
                };
            }
            let mut fields: Map<String, Json> = fields.into_iter().map(|(name, value)| (name, dated(value))).collect();
            fields.sort_keys();
            Json::Object(fields)
        }
        Json::Array(values) => {
            let mut values: Vec<Json> = values.into_iter().map(dated).collect();
            values.sort_by_cached_key(Json::to_string);
            Json::Array(values)
        }
        other => other,
    }
}

/// The instant of an offset from the epoch, where RFC 3339 has a name for it.
fn instant(call: &Json) -> Option<String> {
    if call.get("fn")?.as_str()? != "offset" {
        return None;
    }
    let arguments = call.get("args")?.as_array()?;
    let argument = |at: usize| arguments.get(at)?.get("__extn")?.get("arg")?.as_str();
    let from: Timestamp = match argument(0)? {
        "1970-01-01" => Timestamp::from_ms(0),
        other => other.parse().ok()?,
    };
    let ms: i64 = argument(1)?.strip_suffix("ms")?.parse().ok()?;
    let ms = from.as_ms().checked_add(ms)?;
    let at = Timestamp::from_ms(ms);
    // Beyond the years of four digits there is no date to write.
    (at.as_ms() == ms).then(|| at.to_string())
}

/// The entities that the question refers to, over any number of steps, without actions.
fn reached(told: &Told) -> Vec<Json> {
    let mut reached: BTreeSet<(String, String)> = [&told.principal, &told.resource]
        .map(|uid| (uid.type_name().to_string(), uid.id().unescaped().to_owned()))
        .into();
    mentioned(&told.context, &mut reached);
    let known = |entity: &Json, reached: &BTreeSet<(String, String)>| {
        let uid = entity.get("uid").and_then(pointed);
        uid.is_some_and(|(kind, id)| reached.contains(&(kind.to_owned(), id.to_owned())))
    };
    loop {
        let before = reached.len();
        for entity in &told.entities {
            if known(entity, &reached) {
                mentioned(entity, &mut reached);
            }
        }
        if reached.len() == before {
            break;
        }
    }
    let is_action = |entity: &Json| {
        let uid = entity.get("uid").and_then(pointed);
        uid.is_some_and(|(kind, _)| kind == told.action.type_name().to_string())
    };
    told.entities.iter().filter(|entity| known(entity, &reached) && !is_action(entity)).cloned().collect()
}

fn mentioned(value: &Json, found: &mut BTreeSet<(String, String)>) {
    if let Some((kind, id)) = pointed(value) {
        found.insert((kind.to_owned(), id.to_owned()));
    }
    match value {
        Json::Object(fields) => fields.values().for_each(|value| mentioned(value, found)),
        Json::Array(values) => values.iter().for_each(|value| mentioned(value, found)),
        _ => {}
    }
}
