//! Bounds and relations between settings, and the errors about them: which source, which key, what it
//! is, what is allowed.

use super::{BeyondLoopback, Origins};
use core::fmt::Display;
use core::ops::RangeInclusive;
use std::net::SocketAddr;

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: `{key}` {message}")]
pub struct Problem {
    /// The file, the environment variable or `default`.
    pub origin: String,
    /// The key, dotted: `lease.hold_ms`.
    pub key: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// Why a configuration is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or not readable.
    #[error("cannot read the configuration `{path}`: {cause}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        cause: String,
    },
    /// The file is not TOML.
    #[error("`{path}` is not TOML: {cause}")]
    NotToml {
        /// The file.
        path: String,
        /// Where and why.
        cause: String,
    },
    /// Values that cannot be used; never empty.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Collects problems, so that an operator sees all of them at once.
pub(super) struct Checker<'a> {
    origins: &'a Origins,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(origins: &'a Origins) -> Self {
        Self { origins, problems: Vec::new() }
    }

    pub(super) fn finish(self) -> Result<(), ConfigError> {
        if self.problems.is_empty() { Ok(()) } else { Err(ConfigError::Invalid(self.problems)) }
    }

    /// States that `key` is wrong.
    pub(super) fn wrong(&mut self, key: &str, message: impl Into<String>) {
        let origin = self.origins.of(key).to_owned();
        self.problems.push(Problem { origin, key: key.to_owned(), message: message.into() });
    }

    /// `got` must lie in `allowed`, both ends included.
    pub(super) fn range<T: PartialOrd + Display>(&mut self, key: &str, got: T, allowed: RangeInclusive<T>) {
        if !allowed.contains(&got) {
            self.wrong(key, format!("is {got}: allowed is {} to {}", allowed.start(), allowed.end()));
        }
    }

    /// A name must have its canonical form.
    pub(super) fn name<T>(&mut self, key: &str, parsed: Result<T, crate::domain::NameError>) {
        if let Err(error) = parsed {
            self.wrong(key, format!("is wrong: {error}"));
        }
    }

    /// A listener without TLS stays on this host, unless the operator says what protects it.
    pub(super) fn listener(&mut self, key: &str, listen: SocketAddr, beyond: BeyondLoopback) {
        if !listen.ip().is_loopback() && beyond == BeyondLoopback::Refuse {
            let section = key.split('.').next().unwrap_or_default();
            self.wrong(
                key,
                format!(
                    "is {listen}, which other hosts can reach, and this listener has no TLS: use a loopback address, or \
                     say `{section}.beyond_loopback = \"tls-is-terminated-in-front\"` when something in front of it does"
                ),
            );
        }
    }

    /// Two listeners cannot have one address; port 0 takes a free one each.
    pub(super) fn distinct_listeners(&mut self, listeners: &[(&str, SocketAddr)]) {
        for (index, (key, address)) in listeners.iter().enumerate() {
            let twin = listeners.iter().take(index).find(|(_, other)| other == address && address.port() != 0);
            if let Some((other, _)) = twin {
                self.wrong(key, format!("is {address}, which `{other}` has already"));
            }
        }
    }
}
