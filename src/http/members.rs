//! Reading the members of a JSON object by name: each is asked for as what it must be, every error
//! names the path, and at the end what nobody asked for is refused (own endpoints) or let be (AuthZEN).
//!
//! An explicit `null` where a member may be absent is absent (I-JSON). Where it is required, it is
//! missing. An array is never taken for an object.

use super::attributes::attributes;
use super::json::{Json, JsonError, shown};
use crate::domain::Attributes;
use std::borrow::Cow;

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
            Json::Object(members) => Ok(Self { members, path, asked: Vec::with_capacity(12) }),
            other => {
                let path = if path.is_empty() { whole.to_owned() } else { quoted(&path) };
                Err(JsonError::Shape { path, why: format!("must be an object, not {}", other.kind()) })
            }
        }
    }

    /// The path of a member of this object.
    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// An error about a member, for what only the caller can judge: `why` follows the path.
    pub fn refuse(&self, name: &str, why: impl Into<String>) -> JsonError {
        JsonError::Shape { path: quoted(&self.path_of(name)), why: why.into() }
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
        self.members.iter().any(|(key, value)| key == name && *value == Json::Null)
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
        self.optional_object(name)?.ok_or_else(|| self.missing(name, "an object"))
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
            Some(Json::Array(items)) if items.len() > items_max => {
                Err(self.refuse(name, format!("must have {items_max} items at most, not {}", items.len())))
            }
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
        let unknown = self.members.iter().find(|(name, _)| !self.asked.contains(&name.as_ref()));
        let Some((name, _)) = unknown else { return Ok(()) };
        let mut near: Vec<_> =
            self.asked.iter().map(|known| (strsim::damerau_levenshtein(&shown(name), known), known)).collect();
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

pub(super) fn quoted(path: &str) -> String {
    format!("`{path}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(body: &str, read: impl FnOnce(Members<'_, '_>) -> Result<T, JsonError>) -> Result<T, String> {
        let json = Json::parse(body.as_bytes()).unwrap();
        Members::of(&json, "the body").and_then(read).map_err(|error| error.to_string())
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
            (r#"{"content":{"type":[]}}"#, "`content.type` must be a string, not an array"),
            (r#"{"content":{"type":null}}"#, "`content.type` is missing: it must be a string"),
            (r#"{"content":{}}"#, "`content.type` is missing: it must be a string"),
            (r#"{"engineer":7}"#, "`engineer` must be a string, not a number"),
            (r#"{"content":{"type":"a","typ":1}}"#, "`content.typ` is not known; did you mean `type`?"),
            (r#"{"content":{"type":"a"},"enginer":1}"#, "`enginer` is not known; did you mean `engineer`?"),
            (r#"{"content":{"type":"a"},"zzzzzzzz":1}"#, "`zzzzzzzz` is not known"),
        ] {
            assert_eq!(content_type(body).unwrap_err(), message, "{body}");
        }
        assert_eq!(content_type(r#"{"content":{"type":"mailbox"},"engineer":null}"#).unwrap().unwrap(), "mailbox");
        assert_eq!(content_type(r#"{"content":null}"#).unwrap(), None);
    }

    #[test]
    fn kinds_are_not_converted_into_each_other() {
        let integer = |body: &str| read(body, |mut members| members.optional_integer("n"));
        assert_eq!(integer(r#"{"n":5}"#), Ok(Some(5)));
        assert!(integer(r#"{"n":5.0}"#).unwrap_err().contains("whole number"));
        assert!(integer(r#"{"n":18446744073709551615}"#).unwrap_err().contains("64 bits"));
        assert!(integer(r#"{"n":"5"}"#).unwrap_err().contains("not a string"));
        let boolean = |body: &str| read(body, |mut members| members.optional_bool("b"));
        assert_eq!((boolean(r#"{"b":true}"#), boolean("{}")), (Ok(Some(true)), Ok(None)));
        assert!(boolean(r#"{"b":1}"#).unwrap_err().contains("must be a boolean"));
        let texts = |body: &str| read(body, |mut m| Ok(m.optional_strs("t", 2)?.map(|texts| texts.join("+"))));
        assert_eq!(texts(r#"{"t":["a","b"]}"#).unwrap().unwrap(), "a+b");
        assert_eq!(texts(r#"{"t":["a",1]}"#).unwrap_err(), "`t[1]` must be a string, not a number");
        assert_eq!(texts(r#"{"t":["a","b","c"]}"#).unwrap_err(), "`t` must have 2 items at most, not 3");
        assert!(texts(r#"{"t":{}}"#).unwrap_err().contains("must be an array"));
        assert_eq!(read(r#"{"n":null}"#, |mut m| Ok((m.is_null("n"), m.is_null("x")))), Ok((true, false)));
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
}
