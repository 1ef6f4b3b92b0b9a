//! `lockbox version`: which build this is.

use super::error::CliError;
use super::{Exit, output::Output};

/// Print the version.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lockbox version --output json")]
pub(super) struct Args {}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let Args {} = args;
    let version = env!("CARGO_PKG_VERSION");
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    output.answer(&serde_json::json!({ "version": version, "target": target }), || {
        format!("lockbox {version} ({target})")
    })?;
    Ok(Exit::Fine)
}
