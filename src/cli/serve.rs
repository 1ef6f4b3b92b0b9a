//! `lockbox serve`: what may be said. The wiring is in `app`.

use super::error::CliError;
use super::{Exit, output::Output};
use clap::ValueEnum;
use std::path::PathBuf;

/// Which half of the system this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Role {
    /// Both in one process.
    All,
    /// AccessRequests, Grants, tenants.
    Authority,
    /// Answers evaluations.
    Sidecar,
}

/// Run the authority, a sidecar, or both.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lockbox serve --demo                           try it, without any setup\n  lockbox serve --config lockbox.toml            both roles\n  lockbox serve --role sidecar --config s.toml   a sidecar beside a workload")]
pub(super) struct Args {
    /// Which half of the system this process is.
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
    /// The configuration; without it defaults and `LOCKBOX_SECTION__KEY` variables.
    #[arg(long, value_name = "FILE", env = "LOCKBOX_CONFIG")]
    config: Option<PathBuf>,
    /// Make two tenants, people and tokens, and print a walk-through. Never for real content.
    #[arg(long)]
    demo: bool,
    /// Where the demo keeps its files.
    #[arg(long, value_name = "DIR", default_value = ".lockbox-demo")]
    demo_dir: PathBuf,
}

/// Runs the verb.
pub(super) fn run(args: Args, _output: &Output) -> Result<Exit, CliError> {
    let Args { role: _, config: _, demo: _, demo_dir: _ } = args;
    Err(CliError::not_wired("serve"))
}
