//! `lockbox replay`: decides recorded questions again, under other policies.

use super::error::CliError;
use super::{Exit, output::Output};
use std::path::PathBuf;

/// Decide recorded questions again, and print what changes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox replay decisions --policies policies.new\n\nExit code 4 when a Decision changes."
)]
pub(super) struct Args {
    /// The folder of the segments.
    log: PathBuf,
    /// The policies to decide under.
    #[arg(long, value_name = "DIR")]
    policies: PathBuf,
    /// The Cedar schema.
    #[arg(long, value_name = "FILE", default_value = "schemas/lockbox.cedarschema")]
    schema: PathBuf,
}

/// Runs the verb.
pub(super) fn run(args: Args, _output: &Output) -> Result<Exit, CliError> {
    let Args { log: _, policies: _, schema: _ } = args;
    Err(CliError::not_wired("replay"))
}
