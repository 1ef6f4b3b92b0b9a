//! The program's own log: lines for people, or JSON for programs, on standard error.

use crate::config::{LogFormat, Telemetry};
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Why the log cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter says nothing that can be understood.
    #[error("`telemetry.filter` is wrong: {0}; write for instance `info`")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// There is a log already; a process has one.
    #[error("the log is started already")]
    Twice,
}

/// Starts the log of this process. With the filter `off` nothing is installed, so that a span or an
/// event costs one comparison.
///
/// # Errors
/// [`TelemetryError`] when the filter is wrong, or when the log is started already.
pub fn init(settings: &Telemetry) -> Result<(), TelemetryError> {
    let Telemetry { log_format, filter } = settings;
    let filter = EnvFilter::try_new(filter)?;
    if filter.max_level_hint() == Some(tracing::level_filters::LevelFilter::OFF) {
        return Ok(());
    }
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log_format {
        LogFormat::Human => builder.with_ansi(colour()).with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
    };
    started.map_err(|_| TelemetryError::Twice)
}

/// Colour is for a terminal, and for nobody who said `NO_COLOR`.
fn colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(filter: &str) -> Telemetry {
        Telemetry { filter: filter.to_owned(), ..Telemetry::default() }
    }

    #[test]
    fn off_installs_nothing_and_a_wrong_filter_is_an_error() {
        assert!(init(&settings("off")).is_ok());
        assert!(!tracing::dispatcher::has_been_set(), "`off` must cost nothing");
        assert!(matches!(init(&settings("lockbox=loud")), Err(TelemetryError::Filter(_))));
    }
}
