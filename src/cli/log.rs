//! `lockbox log`: reads the decision log; never writes it.

mod entry;
mod export;
mod tail;
#[cfg(test)]
mod tests;

use super::error::CliError;
use super::{Exit, output::Output};
use crate::decision_log::Records;
use clap::Subcommand;
use std::path::{Path, PathBuf};

/// Read the decision log.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox log tail decisions --follow\n  lockbox log export decisions --tenant contoso > decisions.jsonl"
)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

/// Which log.
#[derive(Debug, clap::Args)]
struct Which {
    /// The folder of the segments, or one segment; without it what the configuration says.
    #[arg(value_name = "DIR", conflicts_with = "config")]
    log: Option<PathBuf>,
    #[command(flatten)]
    config: super::config::Source,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the last Decisions, and go on with new ones if asked.
    #[command(after_help = "Example:\n  lockbox log tail -n 20 --follow\n  lockbox log tail decisions --output json")]
    Tail {
        #[command(flatten)]
        source: Which,
        /// How many.
        #[arg(long, short = 'n', default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100_000))]
        lines: u32,
        /// Go on with new ones.
        #[arg(long, short)]
        follow: bool,
    },
    /// Print records as they are, each a line of JSON.
    #[command(after_help = "Example:\n  lockbox log export decisions --since 2026-11-22T00:00:00Z > decisions.jsonl")]
    Export {
        #[command(flatten)]
        source: Which,
        #[command(flatten)]
        filter: entry::Filter,
    },
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    match args.verb {
        Verb::Tail { source, lines, follow } => {
            let path = source.path()?;
            let mut out = std::io::stdout().lock();
            tail::run(&path, lines, follow, &mut out, output)
        }
        Verb::Export { source, filter } => {
            let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
            export::run(&mut open(&source.path()?)?, &filter, &mut out, output)
        }
    }
}

impl Which {
    fn path(self) -> Result<PathBuf, CliError> {
        match self.log {
            Some(path) => Ok(path),
            None => Ok(self.config.load()?.log.dir),
        }
    }
}

/// The records of a log.
pub(super) fn open(path: &Path) -> Result<Records, CliError> {
    Records::open(path).map_err(CliError::failed)
}
