//! `lockbox bench`: measures a running sidecar from outside.

use super::connect::Connect;
use super::error::CliError;
use super::{Exit, output::Output};
use clap::Subcommand;

/// Measure.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lockbox bench http --connections 32 --seconds 10")]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Ask a running sidecar as fast as it answers, and print rate and latency.
    #[command(after_help = "Example:\n  lockbox bench http --connections 32 --seconds 10")]
    Http {
        /// How many connections ask at once.
        #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        connections: u32,
        /// How long.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
        seconds: u32,
    },
}

/// Runs the verb.
pub(super) fn run(args: Args, _output: &Output) -> Result<Exit, CliError> {
    let Args { verb: Verb::Http { connections: _, seconds: _ }, connect: _ } = args;
    Err(CliError::not_wired("bench http"))
}
