//! Attributes that a caller or a directory states, made into Cedar values by what the schema
//! declares. A name it does not declare is dropped and counted; a value of another type is an error.
//!
//! Invariant: nothing that the schema gives to another source is ever taken from here.

use super::schema::{Extension, Members, Source, Type};
use crate::domain::{Attributes, Value};
use cedar_policy::{EntityId, EntityUid, RestrictedExpression};

/// A stated value that is not of the declared type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` must be {expected}: correct what states it, or leave it out")]
pub(crate) struct WrongType {
    /// Which attribute, as `content.sensitivity`.
    pub(crate) path: String,
    /// What the schema declares, in words.
    pub(crate) expected: String,
}

/// Attribute values ready for Cedar, in the order of their names.
#[derive(Debug, Default)]
pub(crate) struct Stated {
    /// Names and values.
    pub(crate) values: Vec<(String, RestrictedExpression)>,
    /// How many names the schema does not let this source state.
    pub(crate) dropped: usize,
}

impl Stated {
    /// Takes the attributes that `members` lets `source` state.
    pub(crate) fn take(
        &mut self,
        place: &str,
        attributes: &Attributes,
        members: &Members,
        source: Source,
    ) -> Result<(), WrongType> {
        for (name, value) in attributes {
            match members.get(name).filter(|member| member.source == source) {
                Some(member) => {
                    let value = cedar(value, &member.kind, &mut self.dropped)
                        .map_err(|wrong| wrong.within(&format!("{place}.{name}")))?;
                    self.values.push((name.clone(), value));
                }
                None => self.dropped += 1,
            }
        }
        Ok(())
    }
}

/// What is wrong, before it is known where.
struct Mismatch {
    path: String,
    expected: String,
}

impl Mismatch {
    fn of(expected: impl Into<String>) -> Self {
        Self { path: String::new(), expected: expected.into() }
    }

    fn within(self, place: &str) -> WrongType {
        WrongType { path: format!("{place}{}", self.path), expected: self.expected }
    }
}

fn cedar(value: &Value, kind: &Type, dropped: &mut usize) -> Result<RestrictedExpression, Mismatch> {
    Ok(match (kind, value) {
        (Type::Bool, Value::Bool(truth)) => RestrictedExpression::new_bool(*truth),
        (Type::Long, Value::Long(number)) => RestrictedExpression::new_long(*number),
        (Type::String, Value::String(text)) => RestrictedExpression::new_string(text.clone()),
        (Type::Set(element), Value::Set(values)) => {
            let values: Result<Vec<_>, _> = values.iter().map(|value| cedar(value, element, dropped)).collect();
            RestrictedExpression::new_set(values?)
        }
        (Type::Record(members), Value::Record(attributes)) => return record(attributes, members, dropped),
        (Type::Entity { name, choices }, Value::String(id)) => {
            if let Some(choices) = choices.as_ref().filter(|choices| !choices.contains(id)) {
                let choices: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
                return Err(Mismatch::of(format!("one of {}", choices.join(", "))));
            }
            RestrictedExpression::new_entity_uid(EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id)))
        }
        (Type::Extension(kind), Value::String(text)) => return extension(*kind, text),
        _ => return Err(Mismatch::of(in_words(kind))),
    })
}

fn record(attributes: &Attributes, members: &Members, dropped: &mut usize) -> Result<RestrictedExpression, Mismatch> {
    let mut fields = Vec::with_capacity(attributes.len());
    for (name, value) in attributes {
        match members.get(name) {
            Some(member) => {
                let value = cedar(value, &member.kind, dropped)
                    .map_err(|wrong| Mismatch { path: format!(".{name}{}", wrong.path), ..wrong })?;
                fields.push((name.clone(), value));
            }
            None => *dropped += 1,
        }
    }
    if let Some((name, member)) =
        members.iter().find(|(name, member)| member.required && !attributes.contains_key(*name))
    {
        return Err(Mismatch { path: format!(".{name}"), expected: format!("present, {}", in_words(&member.kind)) });
    }
    RestrictedExpression::new_record(fields).map_err(|_| Mismatch::of("a record without duplicates"))
}

/// Cedar parses these when the context is built, and would then fail the question; so the form is tried first.
fn extension(kind: Extension, text: &str) -> Result<RestrictedExpression, Mismatch> {
    let value = match kind {
        Extension::Datetime => RestrictedExpression::new_datetime(text),
        Extension::Duration => RestrictedExpression::new_duration(text),
        Extension::Decimal => RestrictedExpression::new_decimal(text),
        Extension::Ip => RestrictedExpression::new_ip(text),
    };
    match cedar_policy::Context::from_pairs([("value".to_owned(), value.clone())]) {
        Ok(_) => Ok(value),
        Err(_) => Err(Mismatch::of(in_words(&Type::Extension(kind)))),
    }
}

fn in_words(kind: &Type) -> String {
    match kind {
        Type::Bool => "true or false".to_owned(),
        Type::Long => "a whole number".to_owned(),
        Type::String => "a text".to_owned(),
        Type::Extension(Extension::Datetime) => "a time such as `2026-11-22T09:30:00Z`".to_owned(),
        Type::Extension(Extension::Duration) => "a duration such as `2h30m`".to_owned(),
        Type::Extension(Extension::Decimal) => "a decimal such as `0.5`, as a text".to_owned(),
        Type::Extension(Extension::Ip) => "an address such as `192.0.2.7`".to_owned(),
        Type::Set(element) => format!("a list, each element {}", in_words(element)),
        Type::Record(_) => "a record".to_owned(),
        Type::Entity { .. } => "a name, as a text".to_owned(),
    }
}
