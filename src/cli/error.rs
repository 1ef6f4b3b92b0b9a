//! Why a command did not do what it was asked, and with which exit code that ends.

use super::Exit;
use super::client::ClientError;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// Said in a way that cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// Could not be done.
    #[error("{0}")]
    Failed(String),
    /// A server could not be asked, or did not do it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The authority does not take the bundle.
    #[error("{client}{findings}")]
    BundleRefused {
        /// What it said.
        client: ClientError,
        /// What it found, each on lines of its own.
        findings: String,
    },
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The policies, or the suites that try them, cannot be used.
    #[error("the policies cannot be used:\n{0}")]
    Policies(#[from] crate::policy::LoadError),
    /// The answer could not be written.
    #[error("cannot write the answer: {0}")]
    Output(#[from] std::io::Error),
}

impl CliError {
    /// What cannot be done, with the cause.
    pub(super) fn failed(what: impl core::fmt::Display) -> Self {
        Self::Failed(what.to_string())
    }

    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Policies(_) | Self::BundleRefused { .. } => Exit::PoliciesInvalid,
            Self::Failed(_) | Self::Client(_) | Self::Config(_) | Self::Output(_) => Exit::Failed,
        }
    }
}
