//! `lockbox completions`: a script that completes the command line in a shell.

use super::error::CliError;
use super::{Cli, Exit, output::Output};
use clap::CommandFactory as _;
use clap_complete::Shell;

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lockbox completions bash > /etc/bash_completion.d/lockbox")]
pub(super) struct Args {
    /// Which shell.
    shell: Shell,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "lockbox", &mut script);
    output.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}
