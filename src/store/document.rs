//! Documents: how the domain's values are written in a database, as JSON through mirror types.
//! Reading goes through the domain's own constructors and checks what the domain promises, so that
//! a row somebody changed by hand is [`StoreError::Corrupt`], never a panic and never a wider Grant.
//!
//! Invariant: what is written has been read back and compared first; nothing here touches a database.

mod access_request;
mod settings;

use super::StoreError;
use crate::domain::{
    AccessRequestId, ActionName, Approval, ContentPath, ContentScope, Ending, Entitlement, EventKind, GrantId,
    Language, NoticeKind, PersonId, ReasonCode, Recipient, ServiceRequest, StateName, TenantId, TimeZoneName,
    Timestamp, WebhookName, WorkloadName,
};
pub(super) use access_request::Columns;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A value that has a document.
pub(super) trait Document: Sized + PartialEq {
    /// Its form in the document.
    type Mirror: Serialize + DeserializeOwned;

    /// The value's form in the document.
    fn mirror(&self) -> Self::Mirror;

    /// The value of that form, or why there is none.
    fn parse(mirror: Self::Mirror) -> Result<Self, String>;
}

/// The document of a value. `what` names it in the error.
///
/// # Errors
/// [`StoreError::Corrupt`] when the document would not read back as the same value.
pub(super) fn write<D: Document>(what: &str, value: &D) -> Result<String, StoreError> {
    let text = serde_json::to_string(&value.mirror()).map_err(|error| corrupt(what, error))?;
    if read::<D>(what, &text)? == *value {
        Ok(text)
    } else {
        Err(corrupt(what, "it would not read back as it was written"))
    }
}

/// The value of a document. `what` names it in the error.
///
/// # Errors
/// [`StoreError::Corrupt`] when it is not such a document or breaks a promise of the domain.
pub(super) fn read<D: Document>(what: &str, text: &str) -> Result<D, StoreError> {
    let mirror = serde_json::from_str(text).map_err(|error| corrupt(what, error))?;
    D::parse(mirror).map_err(|why| corrupt(what, why))
}

/// The error for something stored that cannot be read.
pub(super) fn corrupt(what: &str, why: impl ToString) -> StoreError {
    StoreError::Corrupt { what: what.to_owned(), why: why.to_string() }
}

/// A value with exactly one text form.
trait Canonical: Sized {
    /// The value with this text form.
    fn from_text(text: &str) -> Result<Self, String>;
    /// Its text form.
    fn text(&self) -> Cow<'_, str>;
}

/// A canonical value as text in a document.
struct Text<T>(T);

impl<T: Canonical> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text())
    }
}

impl<'de, T: Canonical> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        T::from_text(&text).map(Self).map_err(D::Error::custom)
    }
}

macro_rules! canonical {
    (names: $($name:ty),+; words: $($word:ty),+) => {
        $(impl Canonical for $name {
            fn from_text(text: &str) -> Result<Self, String> {
                Self::parse(text).map_err(|error| error.to_string())
            }

            fn text(&self) -> Cow<'_, str> {
                Cow::Borrowed(self.as_str())
            }
        })+
        $(impl Canonical for $word {
            fn from_text(text: &str) -> Result<Self, String> {
                Self::parse(text).ok_or_else(|| format!("`{}` is no {}", text.escape_debug(), stringify!($word)))
            }

            fn text(&self) -> Cow<'_, str> {
                Cow::Borrowed(self.as_str())
            }
        })+
    };
}

canonical!(
    names: PersonId, TenantId, WorkloadName, ActionName, ServiceRequest, GrantId, ContentPath, WebhookName, TimeZoneName;
    words: StateName, EventKind, NoticeKind, ReasonCode, Approval, Ending, Entitlement, Language
);

/// What tells a webhook from a person, whose id has no colon.
const WEBHOOK: &str = "webhook:";

impl Canonical for Recipient {
    fn from_text(text: &str) -> Result<Self, String> {
        match text.strip_prefix(WEBHOOK) {
            Some(name) => WebhookName::from_text(name).map(Self::Webhook),
            None => PersonId::from_text(text).map(Self::Person),
        }
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }
}

impl Canonical for AccessRequestId {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }
}

/// An instant as milliseconds in a document; one outside the domain's years is refused, not clamped.
#[derive(Clone, Copy)]
struct Ms(Timestamp);

impl Serialize for Ms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.as_ms())
    }
}

impl<'de> Deserialize<'de> for Ms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        instant(i64::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

/// The instant `ms` milliseconds after the epoch.
pub(super) fn instant(ms: i64) -> Result<Timestamp, String> {
    let instant = Timestamp::from_ms(ms);
    if instant.as_ms() == ms { Ok(instant) } else { Err(format!("{ms} ms is no instant of the years 1 to 9999")) }
}

fn texts<'a, T: Clone + 'a>(values: impl IntoIterator<Item = &'a T>) -> Vec<Text<T>> {
    values.into_iter().cloned().map(Text).collect()
}

fn set<T: Ord>(texts: Vec<Text<T>>) -> BTreeSet<T> {
    texts.into_iter().map(|text| text.0).collect()
}

/// The paths of a content scope; none for the whole workload.
fn paths(content: &ContentScope) -> Vec<Text<ContentPath>> {
    texts(content.paths())
}
