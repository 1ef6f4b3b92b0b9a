//! A JSON object as attributes of the domain: whole values only, and not too many of them.

use super::json::{Json, JsonError, shown};
use super::members::quoted;
use crate::domain::{Attributes, Value};
use std::borrow::Cow;

/// The most values, nested ones counted, in one set of attributes.
const ATTRIBUTES_MAX: usize = 256;
/// The longest text or name in attributes, in bytes.
const ATTRIBUTE_BYTES_MAX: usize = 4096;

/// A JSON object as attributes. A member that is `null` is absent.
///
/// # Errors
/// [`JsonError::Shape`] with the path below `path`: no object, a fraction or a number of more than 64
/// bits (a rounded number could open a policy), a `null` in an array, or more than 256 values or 4 KiB
/// of text in one.
pub fn attributes(json: &Json<'_>, path: &str) -> Result<Attributes, JsonError> {
    let at = At { parent: None, step: Step::Name(path) };
    match json {
        Json::Object(members) => record(members, &at, &mut 0),
        other => Err(at.refuse(&format!("must be an object, not {}", other.kind()))),
    }
}

/// Where a value stands, as a chain on the stack: it becomes text only when there is an error.
struct At<'p> {
    parent: Option<&'p At<'p>>,
    step: Step<'p>,
}

enum Step<'p> {
    Name(&'p str),
    Index(usize),
}

impl At<'_> {
    fn path(&self) -> String {
        match (&self.parent, &self.step) {
            (None, Step::Name(name)) => (*name).to_owned(),
            (Some(parent), Step::Name(name)) => format!("{}.{}", parent.path(), shown(name)),
            (parent, Step::Index(index)) => format!("{}[{index}]", parent.map(At::path).unwrap_or_default()),
        }
    }

    fn refuse(&self, why: &str) -> JsonError {
        JsonError::Shape { path: quoted(&self.path()), why: why.to_owned() }
    }
}

fn record(members: &[(Cow<'_, str>, Json<'_>)], at: &At<'_>, count: &mut usize) -> Result<Attributes, JsonError> {
    let mut attributes = Attributes::new();
    for (name, value) in members {
        if *value == Json::Null {
            continue;
        }
        let at = At { parent: Some(at), step: Step::Name(name) };
        let value = value_of(value, &at, count)?;
        attributes.insert(bounded(name, &at)?, value);
    }
    Ok(attributes)
}

fn value_of(json: &Json<'_>, at: &At<'_>, count: &mut usize) -> Result<Value, JsonError> {
    *count = count.saturating_add(1);
    if *count > ATTRIBUTES_MAX {
        return Err(at.refuse(&format!("is one too many: there may be {ATTRIBUTES_MAX} values at most")));
    }
    match json {
        Json::Null => Err(at.refuse("must not be null")),
        Json::Bool(value) => Ok(Value::Bool(*value)),
        Json::Integer(value) => Ok(Value::Long(*value)),
        Json::Number(_) => Err(at.refuse("must be a whole number of at most 64 bits: policies know no fractions")),
        Json::String(text) => bounded(text, at).map(Value::String),
        Json::Array(items) => {
            let values = items.iter().enumerate().map(|(index, item)| {
                let at = At { parent: Some(at), step: Step::Index(index) };
                value_of(item, &at, count)
            });
            values.collect::<Result<_, _>>().map(Value::Set)
        }
        Json::Object(members) => record(members, at, count).map(Value::Record),
    }
}

fn bounded(text: &str, at: &At<'_>) -> Result<String, JsonError> {
    if text.len() > ATTRIBUTE_BYTES_MAX {
        return Err(at.refuse(&format!("must have {ATTRIBUTE_BYTES_MAX} bytes at most")));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_keep_whole_values_and_refuse_what_would_be_rounded() {
        let of = |body: &str| {
            let json = Json::parse(body.as_bytes()).unwrap();
            attributes(json.get("context").unwrap(), "context").map_err(|error| error.to_string())
        };
        let kept = of(r#"{"context":{"managed":true,"risk":-3,"tags":["a",{"x":1}],"gone":null}}"#).unwrap();
        let tags = Value::Set(vec![
            Value::String("a".to_owned()),
            Value::Record(Attributes::from([("x".to_owned(), Value::Long(1))])),
        ]);
        let wanted = [("managed", Value::Bool(true)), ("risk", Value::Long(-3)), ("tags", tags)];
        assert_eq!(kept, wanted.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        for (body, path) in [
            (r#"{"context":{"a":{"b":[1,0.5]}}}"#, "`context.a.b[1]` must be a whole number"),
            (r#"{"context":{"a":1e3}}"#, "`context.a` must be a whole number"),
            (r#"{"context":{"a":[null]}}"#, "`context.a[0]` must not be null"),
            (r#"{"context":[]}"#, "`context` must be an object, not an array"),
        ] {
            assert!(of(body).unwrap_err().starts_with(path), "{body}: {:?}", of(body));
        }
        let items = vec!["1"; ATTRIBUTES_MAX].join(",");
        assert!(of(&format!(r#"{{"context":{{"a":[{items}]}}}}"#)).unwrap_err().contains("one too many"));
        let long = "x".repeat(ATTRIBUTE_BYTES_MAX + 1);
        assert!(of(&format!(r#"{{"context":{{"a":"{long}"}}}}"#)).unwrap_err().contains("4096 bytes"));
        assert!(of(&format!(r#"{{"context":{{"{long}":1}}}}"#)).unwrap_err().contains("4096 bytes"));
    }
}
