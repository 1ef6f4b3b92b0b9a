//! `lockbox bench`: measures this program on this machine, beside the floor, in one run.

mod client;
mod floor;
mod http;
mod server;

use super::error::CliError;
use super::{Exit, output::Output};

/// Measure.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox bench http                                  all variants beside the floor, 1, 16 and 64 connections\n  lockbox bench http --connections 16 --rounds 5      a quicker, steadier look"
)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Decisions over HTTP, side by side with a bare endpoint of the same stack (the floor).
    ///
    /// Each variant is a process of its own on one core; the load comes from this process on another.
    /// The variants take turns; medians over the rounds are printed, and each variant's share of the floor.
    #[command(
        after_help = "Example:\n  lockbox bench http --connections 1,16,64 --seconds 2 --rounds 3\n\nshare = requests/s of the variant ÷ requests/s of the floor, median over the rounds."
    )]
    Http(http::Args),
    /// The floor itself: parses a question, answers JSON of the size of a decision, decides nothing.
    #[command(hide = true, after_help = "Example:\n  lockbox bench floor")]
    Floor,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    match args.what {
        What::Http(args) => http::run(&args, output),
        What::Floor => floor::run(),
    }
}
