//! `lockbox bench`: measures this program on this machine, beside the floor, in one run.

mod client;
mod fleet;
mod floor;
mod http;
mod people;
mod server;
mod world;

use super::error::CliError;
use super::{Exit, output::Output};

/// Measure.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox bench http                                  all variants beside the floor, 1, 16 and 64 connections\n  lockbox bench http --connections 16 --rounds 5      a quicker, steadier look\n  lockbox bench fleet --sidecars 1000                 how fast a revocation arrives everywhere"
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
        after_help = "Example:\n  lockbox bench http --connections 1,16,64 --seconds 2 --rounds 3\n  lockbox bench http --tenants 1000000 --grants 100000\n\nshare = requests/s of the variant ÷ requests/s of the floor, median over the rounds."
    )]
    Http(http::Args),
    /// One authority and many sidecars with the real protocol: how fast a revocation arrives, and what it costs.
    ///
    /// The authority is a process of its own on one core; the sidecars run in this one on another, each over a
    /// connection of its own.
    #[command(
        after_help = "Example:\n  lockbox bench fleet --sidecars 1000 --changes 50\n  lockbox bench fleet --sidecars 100 --tenants 1000000 --grants 100000 --scoped"
    )]
    Fleet(fleet::Args),
    /// The floor itself: parses a question, answers JSON of the size of a decision, decides nothing.
    #[command(hide = true, after_help = "Example:\n  lockbox bench floor")]
    Floor,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    match args.what {
        What::Http(args) => http::run(&args, output),
        What::Fleet(args) => fleet::run(&args, output),
        What::Floor => floor::run(),
    }
}
