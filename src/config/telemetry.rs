//! `[telemetry]`: the program's own log, which is not the decision log.

use super::check::Checker;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the program talks about itself, on standard error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// For people or for programs.
    pub log_format: LogFormat,
    /// What is said: `off`, `error`, `warn`, `info`, `debug`, `trace`, or a list such as `info,lockbox::renewal=debug`.
    pub filter: String,
}

/// The form of the program's own log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// A line a person reads; coloured on a terminal only.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { log_format: LogFormat::Human, filter: "info".to_owned() }
    }
}

impl Telemetry {
    pub(super) fn check(&self, check: &mut Checker<'_>) {
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.filter) {
            check.wrong("telemetry.filter", format!("is `{}`: {error}; write for instance `info`", self.filter));
        }
    }
}
