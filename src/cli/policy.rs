//! `lockbox policy`: the policy workbench, one file a verb.

mod check;
mod coverage;
mod diff;
mod explain;
mod fmt;
mod init;
mod mutate;
mod prove;
mod push;
mod shadow;
mod sign;
mod test;
mod verify;

use super::Exit;
use super::error::CliError;
use super::output::Output;
use clap::Subcommand;

/// Edit, test, prove and ship Cedar policies.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lockbox policy check\n  lockbox policy test --coverage --threshold 100")]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Args),
    Diff(diff::Args),
    Fmt(fmt::Args),
    Mutate(mutate::Args),
    Coverage(coverage::Args),
    Explain(explain::Args),
    Prove(prove::Args),
    Test(test::Args),
    Sign(sign::Args),
    Shadow(shadow::Args),
    Init(init::Args),
    Push(push::Args),
    Verify(verify::Args),
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    match args.verb {
        Verb::Check(args) => check::run(args, output),
        Verb::Diff(args) => diff::run(args, output),
        Verb::Fmt(args) => fmt::run(args, output),
        Verb::Mutate(args) => mutate::run(args, output),
        Verb::Coverage(args) => coverage::run(args, output),
        Verb::Explain(args) => explain::run(args, output),
        Verb::Prove(args) => prove::run(args, output),
        Verb::Test(args) => test::run(args, output),
        Verb::Sign(args) => sign::run(args, output),
        Verb::Shadow(args) => shadow::run(args, output),
        Verb::Init(args) => init::run(args, output),
        Verb::Push(args) => push::run(args, output),
        Verb::Verify(args) => verify::run(args, output),
    }
}

#[cfg(test)]
mod tests;
