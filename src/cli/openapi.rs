//! `lockbox openapi`: the description of the API, as the router makes it.

use super::error::CliError;
use super::{Exit, output::Output};

/// Print the OpenAPI description of the API.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lockbox openapi > schemas/openapi.json")]
pub(super) struct Args {}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let Args {} = args;
    output.print(&crate::http::openapi::text())?;
    Ok(Exit::Fine)
}
