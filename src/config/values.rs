//! Types of settings that have a form of their own. Each refuses at load what it could not use later.

use crate::domain::{format_duration, parse_duration};
use core::time::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A duration written in ISO 8601, such as `PT12H`; at least a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("format" = "duration"))]
pub struct IsoDuration(Duration);

impl IsoDuration {
    /// A duration of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The duration.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for IsoDuration {
    type Error = crate::domain::TimeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        parse_duration(&text).map(Self)
    }
}

impl From<IsoDuration> for String {
    fn from(duration: IsoDuration) -> Self {
        format_duration(duration.0)
    }
}

/// An `http://` or `https://` address without credentials, query, fragment or closing slash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("format" = "uri"))]
pub struct Url(String);

impl Url {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what is sent there is protected, or never leaves this host.
    pub fn is_private(&self) -> bool {
        let Some(rest) = self.0.strip_prefix("http://") else {
            return true;
        };
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        matches!(host, "localhost" | "127.0.0.1") || rest.starts_with("[::1]")
    }
}

impl TryFrom<String> for Url {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.starts_with('/')) else {
            return Err(format!("`{text}` is not an address that begins with `https://` or `http://`"));
        };
        if rest.contains('@') {
            return Err("an address holds no user name or password: name a `*_file` instead".to_owned());
        }
        if rest.contains(['?', '#', ' ']) || rest.ends_with('/') || rest.chars().any(char::is_control) {
            return Err(format!("`{text}` must have no query, no fragment, no space and no closing `/`"));
        }
        Ok(Self(text))
    }
}

impl From<Url> for String {
    fn from(url: Url) -> Self {
        url.0
    }
}

/// A numeric user id of this host, written as the key of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Uid(u32);

impl Uid {
    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<String> for Uid {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse() {
            // One spelling a number: `007` and `7` would be two entries for one peer.
            Ok(uid) if u32::to_string(&uid) == text => Ok(Self(uid)),
            _ => Err(format!("`{text}` is not a numeric user id such as `1001`")),
        }
    }
}

impl From<Uid> for String {
    fn from(uid: Uid) -> Self {
        uid.0.to_string()
    }
}

/// Whether a listener without TLS may have an address that other hosts can reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BeyondLoopback {
    /// It may not: only a loopback address is accepted.
    #[default]
    Refuse,
    /// It may: something in front of it (a proxy, a mesh, a pod's own network) encrypts and shields it.
    TlsIsTerminatedInFront,
}
