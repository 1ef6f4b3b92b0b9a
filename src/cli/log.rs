//! `lockbox log`: reads the decision log; never writes it.

use super::error::CliError;
use super::{Exit, output::Output};
use clap::Subcommand;
use std::path::PathBuf;

/// Read the decision log.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox log tail --log decisions --follow\n  lockbox log export --log decisions > decisions.jsonl"
)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the last Decisions, and go on with new ones if asked.
    #[command(after_help = "Example:\n  lockbox log tail --lines 20 --follow")]
    Tail {
        /// The folder of the segments.
        #[arg(long, value_name = "DIR", default_value = "decisions")]
        log: PathBuf,
        /// How many.
        #[arg(long, short = 'n', default_value_t = 10)]
        lines: usize,
        /// Go on with new ones.
        #[arg(long, short)]
        follow: bool,
    },
    /// Print every record as a line of JSON.
    #[command(after_help = "Example:\n  lockbox log export --since 2026-11-22T00:00:00Z > decisions.jsonl")]
    Export {
        /// The folder of the segments.
        #[arg(long, value_name = "DIR", default_value = "decisions")]
        log: PathBuf,
        /// Only what was decided at or after this instant (RFC 3339, UTC).
        #[arg(long, value_name = "INSTANT")]
        since: Option<String>,
        /// Only what was decided before this instant (RFC 3339, UTC).
        #[arg(long, value_name = "INSTANT")]
        until: Option<String>,
    },
}

/// Runs the verb.
pub(super) fn run(args: Args, _output: &Output) -> Result<Exit, CliError> {
    match args.verb {
        Verb::Tail { log: _, lines: _, follow: _ } => Err(CliError::not_wired("log tail")),
        Verb::Export { log: _, since: _, until: _ } => Err(CliError::not_wired("log export")),
    }
}
