//! The strict JSON reader: bytes to a borrowed tree, or an error that says where.
//!
//! Refused are duplicate member names at any depth, more than [`DEPTH_MAX`] levels, text that is not
//! UTF-8, lone surrogates, numbers outside an IEEE double, bytes after the value, and an empty body
//! (I-JSON, RFC 7493). Each of them has let two readers of one body see two questions.
//!
//! Invariant: nothing is repaired, and no member is dropped silently.

use core::fmt;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor};
use std::borrow::Cow;

/// The deepest nesting of arrays and objects, the outermost counting as one.
pub const DEPTH_MAX: usize = 32;

/// Up to this many members names are compared pairwise, which needs no allocation; above it they are sorted.
const PAIRWISE_MAX: usize = 16;

/// A JSON value that borrows from the body wherever a text has no escapes.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction or exponent that fits 64 bits.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object in the order it came. Invariant: names are unique.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// A body that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Nothing was sent.
    #[error("the body is empty: send a JSON object")]
    Empty,
    /// Not strict JSON.
    #[error("the body is not valid JSON: {0}")]
    Syntax(String),
    /// A member is missing, unknown, or of the wrong kind.
    #[error("{path} {why}")]
    Shape {
        /// Which member, such as `` `content.type` ``, or what the whole is.
        path: String,
        /// What is wrong with it and what it should be.
        why: String,
    },
}

impl<'a> Json<'a> {
    /// Reads one JSON value that is the whole of `bytes`.
    ///
    /// # Errors
    /// [`JsonError::Empty`] and [`JsonError::Syntax`], which names line and column.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        if bytes.is_empty() {
            return Err(JsonError::Empty);
        }
        // Checked once for the whole: the reader then need not check every text for itself.
        let text = str::from_utf8(bytes)
            .map_err(|error| JsonError::Syntax(format!("it is not UTF-8 at byte {}", error.valid_up_to())))?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let syntax = |error: serde_json::Error| JsonError::Syntax(error.to_string());
        let json = Level(0).deserialize(&mut reader).map_err(syntax)?;
        reader.end().map_err(syntax)?;
        Ok(json)
    }

    /// The member of that name; `None` also for what is no object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// What kind of value this is, with its article, for errors: `an array`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// Text of a caller as it may stand in an error: escapes for what is not plain ASCII, 80 characters at most.
pub(super) fn shown(text: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() || c == ' ';
    text.chars().take(80).flat_map(|c| if plain(c) { vec![c] } else { c.escape_unicode().collect() }).collect()
}

/// Reads the value below this many arrays and objects.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.0 < DEPTH_MAX {
            Ok(Self(self.0.saturating_add(1)))
        } else {
            Err(E::custom(format_args!("nested deeper than {DEPTH_MAX} levels")))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        #[expect(clippy::cast_precision_loss, reason = "past 64 bits a number is a double and known to be rounded")]
        let rounded = value as f64;
        Ok(i64::try_from(value).map_or(Json::Number(rounded), Json::Integer))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
        if value.is_finite() {
            Ok(Json::Number(value))
        } else {
            Err(E::invalid_value(Unexpected::Float(value), &"a number within an IEEE double"))
        }
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let below = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(below)? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let below = self.deeper()?;
        let mut members: Vec<(Cow<'de, str>, Json<'de>)> = Vec::with_capacity(8);
        let twice = |name: &str| A::Error::custom(format_args!("member `{}` appears twice", shown(name)));
        while let Some(name) = map.next_key_seed(Name)? {
            if members.len() < PAIRWISE_MAX && members.iter().any(|(known, _)| *known == name) {
                return Err(twice(&name));
            }
            members.push((name, map.next_value_seed(below)?));
        }
        if members.len() > PAIRWISE_MAX {
            let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
            names.sort_unstable();
            let pairs = names.iter().zip(names.iter().skip(1));
            if let Some((name, _)) = pairs.into_iter().find(|(one, other)| one == other) {
                return Err(twice(name));
            }
        }
        Ok(Json::Object(members))
    }
}

/// Reads a member's name.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
