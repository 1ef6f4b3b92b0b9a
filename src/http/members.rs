//! Reading the members of a JSON object by name: each is asked for as what it must be, every error
//! names the path, and at the end what nobody asked for is refused (own endpoints) or let be (AuthZEN).
//!
//! An explicit `null` where a member may be absent is absent (I-JSON). Where it is required, it is
//! missing. An array is never taken for an object.

use super::json::{Json, JsonError, shown};
use crate::domain::{Attributes, Value};
use std::borrow::Cow;

/// The most values, nested ones counted, in one set of attributes.
const ATTRIBUTES_MAX: usize = 256;
/// The longest text or name in attributes, in bytes.
const ATTRIBUTE_BYTES_MAX: usize = 4096;

/// The members of one object, and which of them have been asked for.
#[derive(Debug)]
#[must_use = "finish it, so that unknown members are refused or knowingly ignored"]
pub struct Members<'j, 'a> {
    members: &'j [(Cow<'a, str>, Json<'a>)],
    /// Empty for the body itself, `content` below it.
    path: String,
    asked: Vec<&'static str>,
}

impl<'j, 'a> Members<'j, 'a> {
    /// The members of `json`, which errors call `whole` (`the body`).
    ///
    /// # Errors
    /// [`JsonError::Shape`] when it is no object.
    pub fn of(json: &'j Json<'a>, whole: &'static str) -> Result<Self, JsonError> {
        Self::at(json, String::new(), whole)
    }

    /// The members of `json`, which stands at `path` (such as `evaluations[3]`).
    ///
    /// # Errors
    /// [`JsonError::Shape`] when it is no object.
    pub fn below(json: &'j Json<'a>, path: String) -> Result<Self, JsonError> {
        Self::at(json, path, "the body")
    }

    fn at(json: &'j Json<'a>, path: String, whole: &'static str) -> Result<Self, JsonError> {
        match json {
            Json::Object(members) => Ok(Self {
                members,
                path,
                asked: Vec::with_capacity(12),
            }),
            other => {
                let path = if path.is_empty() {
                    whole.to_owned()
                } else {
                    quoted(&path)
                };
                Err(JsonError::Shape {
                    path,
                    why: format!("must be an object, not {}", other.kind()),
                })
            }
        }
    }

    /// The path of a member of this object.
    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// An error about a member, for what only the caller can judge: `why` follows the path.
    pub fn refuse(&self, name: &str, why: impl Into<String>) -> JsonError {
        JsonError::Shape {
            path: quoted(&self.path_of(name)),
            why: why.into(),
        }
    }

    fn wrong(&self, name: &str, wanted: &str, got: &Json<'_>) -> JsonError {
        self.refuse(name, format!("must be {wanted}, not {}", got.kind()))
    }

    fn missing(&self, name: &str, wanted: &str) -> JsonError {
        self.refuse(name, format!("is missing: it must be {wanted}"))
    }

    /// The member, whatever it is; `None` when absent or null.
    pub fn optional(&mut self, name: &'static str) -> Option<&'j Json<'a>> {
        self.asked.push(name);
        let found = self.members.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        found.filter(|value| **value != Json::Null)
    }

    /// Whether the member is there and is `null`: the one way to tell "set to nothing" in a PATCH.
    pub fn is_null(&mut self, name: &'static str) -> bool {
        self.asked.push(name);
        self.members
            .iter()
            .any(|(key, value)| key == name && *value == Json::Null)
    }

    /// A text that may be absent.
    ///
    /// # Errors
    /// [`JsonError::Shape`] when it is something else.
    pub fn optional_str(&mut self, name: &'static str) -> Result<Option<&'j str>, JsonError> {
        match self.optional(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, "a string", other)),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// [`JsonError::Shape`] when it is absent or something else.
    pub fn required_str(&mut self, name: &'static str) -> Result<&'j str, JsonError> {
        self.optional_str(name)?.ok_or_else(|| self.missing(name, "a string"))
    }

    /// A truth value that may be absent.
    ///
    /// # Errors
    /// [`JsonError::Shape`] when it is something else.
    pub fn optional_bool(&mut self, name: &'static str) -> Result<Option<bool>, JsonError> {
        match self.optional(name) {
            None => Ok(None),
            Some(Json::Bool(value)) => Ok(Some(*value)),
            Some(other) => Err(self.wrong(name, "a boolean", other)),
        }
    }

    /// A whole number that may be absent.
    ///
    /// # Errors
    /// [`JsonError::Shape`] when it is something else, or has a fraction, an exponent or more than 64 bits.
    pub fn optional_integer(&mut self, name: &'static str) -> Result<Option<i64>, JsonError> {
        match self.optional(name) {
            None => Ok(None),
            Some(Json::Integer(value)) => Ok(Some(*value)),
            Some(Json::Number(_)) => Err(self.refuse(name, "must be a whole number of at most 64 bits")),
            Some(other) => Err(self.wrong(name, "a whole number", other)),
        }
    }

    /// An object that may be absent.
    ///
    /// # Errors
    /// [`JsonError::Shape`] when it is something else.
    pub fn optional_object(&mut self, name: &'static str) -> Result<Option<Self>, JsonError> {
        match self.optional(name) {
            None => Ok(None),
            Some(json) => Self::below(json, self.path_of(name)).map(Some),
        }
    }

    /// An object.
    ///
    /// # Errors
    /// [`JsonError::Shape`] when it is absent or something else.
    pub fn required_object(&mut self, name: &'static str) -> Result<Self, JsonError> {
        self.optional_object(name)?
            .ok_or_else(|| self.missing(name, "an object"))
    }

    /// An array that may be absent.
    ///
    /// # Errors
    /// [`JsonError::Shape`] when it is something else or has more than `items_max` items.
    pub fn optional_array(
        &mut self,
        name: &'static str,
        items_max: usize,
    ) -> Result<Option<&'j [Json<'a>]>, JsonError> {
        match self.optional(name) {
            None => Ok(None),
            Some(Json::Array(items)) if items.len() > items_max => Err(self.refuse(
                name,
                format!("must have {items_max} items at most, not {}", items.len()),
            )),
            Some(Json::Array(items)) => Ok(Some(items)),
            Some(other) => Err(self.wrong(name, "an array", other)),
        }
    }

    /// An array of texts that may be absent.
    ///
    /// # Errors
    /// [`JsonError::Shape`] when it or an item is something else, or there are more than `items_max`.
    pub fn optional_strs(&mut self, name: &'static str, items_max: usize) -> Result<Option<Vec<&'j str>>, JsonError> {
        let Some(items) = self.optional_array(name, items_max)? else {
            return Ok(None);
        };
        let texts = items.iter().enumerate().map(|(index, item)| match item {
            Json::String(text) => Ok(text.as_ref()),
            other => Err(self.wrong(&format!("{name}[{index}]"), "a string", other)),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// An object of attributes; absent is none.
    ///
    /// # Errors
    /// [`JsonError::Shape`] as of [`attributes`].
    pub fn optional_attributes(&mut self, name: &'static str) -> Result<Attributes, JsonError> {
        match self.optional(name) {
            None => Ok(Attributes::new()),
            Some(json) => attributes(json, &self.path_of(name)),
        }
    }

    /// Ends the reading: a member nobody asked for is an error that names the nearest known one.
    ///
    /// # Errors
    /// [`JsonError::Shape`] with the first unknown member.
    pub fn finish_refusing_unknown(self) -> Result<(), JsonError> {
        let unknown = self
            .members
            .iter()
            .find(|(name, _)| !self.asked.contains(&name.as_ref()));
        let Some((name, _)) = unknown else { return Ok(()) };
        let mut near: Vec<_> = self
            .asked
            .iter()
            .map(|known| (strsim::damerau_levenshtein(&shown(name), known), known))
            .collect();
        near.sort_unstable();
        let hint = match near.first() {
            Some((distance, known)) if *distance <= 3 => format!("is not known; did you mean `{known}`?"),
            _ => "is not known".to_owned(),
        };
        Err(self.refuse(&shown(name), hint))
    }

    /// Ends the reading and lets unknown members be, as AuthZEN demands.
    pub fn finish_ignoring_unknown(self) {}
}

fn quoted(path: &str) -> String {
    format!("`{path}`")
}

/// A JSON object as attributes. A member that is `null` is absent.
///
/// # Errors
/// [`JsonError::Shape`] with the path below `path`: no object, a fraction or a number of more than 64
/// bits (a rounded number could open a policy), a `null` in an array, or more than 256 values or 4 KiB
/// of text in one.
pub fn attributes(json: &Json<'_>, path: &str) -> Result<Attributes, JsonError> {
    let at = At {
        parent: None,
        step: Step::Name(path),
    };
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
        JsonError::Shape {
            path: quoted(&self.path()),
            why: why.to_owned(),
        }
    }
}

fn record(members: &[(Cow<'_, str>, Json<'_>)], at: &At<'_>, count: &mut usize) -> Result<Attributes, JsonError> {
    let mut attributes = Attributes::new();
    for (name, value) in members {
        if *value == Json::Null {
            continue;
        }
        let at = At {
            parent: Some(at),
            step: Step::Name(name),
        };
        let value = value_of(value, &at, count)?;
        attributes.insert(bounded(name, &at)?, value);
    }
    Ok(attributes)
}

fn value_of(json: &Json<'_>, at: &At<'_>, count: &mut usize) -> Result<Value, JsonError> {
    *count = count.saturating_add(1);
    if *count > ATTRIBUTES_MAX {
        return Err(at.refuse(&format!(
            "is one too many: there may be {ATTRIBUTES_MAX} values at most"
        )));
    }
    match json {
        Json::Null => Err(at.refuse("must not be null")),
        Json::Bool(value) => Ok(Value::Bool(*value)),
        Json::Integer(value) => Ok(Value::Long(*value)),
        Json::Number(_) => Err(at.refuse("must be a whole number of at most 64 bits: policies know no fractions")),
        Json::String(text) => bounded(text, at).map(Value::String),
        Json::Array(items) => {
            let values = items.iter().enumerate().map(|(index, item)| {
                let at = At {
                    parent: Some(at),
                    step: Step::Index(index),
                };
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

    fn read<T>(body: &str, read: impl FnOnce(Members<'_, '_>) -> Result<T, JsonError>) -> Result<T, String> {
        let json = Json::parse(body.as_bytes()).unwrap();
        Members::of(&json, "the body")
            .and_then(read)
            .map_err(|error| error.to_string())
    }

    fn content_type(body: &str) -> Result<Option<String>, String> {
        read(body, |mut members| {
            let engineer = members.optional_str("engineer")?;
            let Some(mut content) = members.optional_object("content")? else {
                return Ok(engineer.map(str::to_owned));
            };
            let kind = content.required_str("type")?.to_owned();
            content.finish_refusing_unknown()?;
            members.finish_refusing_unknown()?;
            Ok(Some(kind))
        })
    }

    #[test]
    fn errors_name_the_path_and_what_it_should_be() {
        for (body, message) in [
            ("[]", "the body must be an object, not an array"),
            ("null", "the body must be an object, not null"),
            (r#"{"content":[]}"#, "`content` must be an object, not an array"),
            (r#"{"content":"x"}"#, "`content` must be an object, not a string"),
            (
                r#"{"content":{"type":[]}}"#,
                "`content.type` must be a string, not an array",
            ),
            (
                r#"{"content":{"type":null}}"#,
                "`content.type` is missing: it must be a string",
            ),
            (r#"{"content":{}}"#, "`content.type` is missing: it must be a string"),
            (r#"{"engineer":7}"#, "`engineer` must be a string, not a number"),
            (
                r#"{"content":{"type":"a","typ":1}}"#,
                "`content.typ` is not known; did you mean `type`?",
            ),
            (
                r#"{"content":{"type":"a"},"enginer":1}"#,
                "`enginer` is not known; did you mean `engineer`?",
            ),
            (r#"{"content":{"type":"a"},"zzzzzzzz":1}"#, "`zzzzzzzz` is not known"),
        ] {
            assert_eq!(content_type(body).unwrap_err(), message, "{body}");
        }
        assert_eq!(
            content_type(r#"{"content":{"type":"mailbox"},"engineer":null}"#)
                .unwrap()
                .unwrap(),
            "mailbox"
        );
        assert_eq!(content_type(r#"{"content":null}"#).unwrap(), None);
    }

    #[test]
    fn kinds_are_not_converted_into_each_other() {
        let integer = |body: &str| read(body, |mut members| members.optional_integer("n"));
        assert_eq!(integer(r#"{"n":5}"#), Ok(Some(5)));
        assert!(integer(r#"{"n":5.0}"#).unwrap_err().contains("whole number"));
        assert!(
            integer(r#"{"n":18446744073709551615}"#)
                .unwrap_err()
                .contains("64 bits")
        );
        assert!(integer(r#"{"n":"5"}"#).unwrap_err().contains("not a string"));
        let boolean = |body: &str| read(body, |mut members| members.optional_bool("b"));
        assert_eq!((boolean(r#"{"b":true}"#), boolean("{}")), (Ok(Some(true)), Ok(None)));
        assert!(boolean(r#"{"b":1}"#).unwrap_err().contains("must be a boolean"));
        let texts = |body: &str| read(body, |mut m| Ok(m.optional_strs("t", 2)?.map(|texts| texts.join("+"))));
        assert_eq!(texts(r#"{"t":["a","b"]}"#).unwrap().unwrap(), "a+b");
        assert_eq!(
            texts(r#"{"t":["a",1]}"#).unwrap_err(),
            "`t[1]` must be a string, not a number"
        );
        assert_eq!(
            texts(r#"{"t":["a","b","c"]}"#).unwrap_err(),
            "`t` must have 2 items at most, not 3"
        );
        assert!(texts(r#"{"t":{}}"#).unwrap_err().contains("must be an array"));
        assert_eq!(
            read(r#"{"n":null}"#, |mut m| Ok((m.is_null("n"), m.is_null("x")))),
            Ok((true, false))
        );
    }

    #[test]
    fn unknown_members_are_ignored_only_where_it_is_said() {
        let ignoring = read(r#"{"future":1}"#, |mut members| {
            members.optional("known");
            members.finish_ignoring_unknown();
            Ok(())
        });
        assert_eq!(ignoring, Ok(()));
    }

    #[test]
    fn attributes_keep_whole_values_and_refuse_what_would_be_rounded() {
        let of = |body: &str| read(body, |mut members| members.optional_attributes("context"));
        let kept = of(r#"{"context":{"managed":true,"risk":-3,"tags":["a",{"x":1}],"gone":null}}"#).unwrap();
        let tags = Value::Set(vec![
            Value::String("a".to_owned()),
            Value::Record(Attributes::from([("x".to_owned(), Value::Long(1))])),
        ]);
        let wanted = [
            ("managed", Value::Bool(true)),
            ("risk", Value::Long(-3)),
            ("tags", tags),
        ];
        assert_eq!(
            kept,
            wanted
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()
        );
        for (body, path) in [
            (
                r#"{"context":{"a":{"b":[1,0.5]}}}"#,
                "`context.a.b[1]` must be a whole number",
            ),
            (r#"{"context":{"a":1e3}}"#, "`context.a` must be a whole number"),
            (r#"{"context":{"a":[null]}}"#, "`context.a[0]` must not be null"),
            (r#"{"context":[]}"#, "`context` must be an object, not an array"),
        ] {
            assert!(of(body).unwrap_err().starts_with(path), "{body}: {:?}", of(body));
        }
        let items = vec!["1"; ATTRIBUTES_MAX].join(",");
        assert!(
            of(&format!(r#"{{"context":{{"a":[{items}]}}}}"#))
                .unwrap_err()
                .contains("one too many")
        );
        let long = "x".repeat(ATTRIBUTE_BYTES_MAX + 1);
        assert!(
            of(&format!(r#"{{"context":{{"a":"{long}"}}}}"#))
                .unwrap_err()
                .contains("4096 bytes")
        );
        assert!(
            of(&format!(r#"{{"context":{{"{long}":1}}}}"#))
                .unwrap_err()
                .contains("4096 bytes")
        );
    }
}
