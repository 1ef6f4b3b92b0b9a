//! `lockbox policy`: the policy workbench.

use super::error::CliError;
use super::{Exit, output::Output};
use clap::Subcommand;
use std::path::PathBuf;

/// Check and test Cedar policies.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lockbox policy check\n  lockbox policy test --cases tests/policies")]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

/// Where the policies are.
#[derive(Debug, clap::Args)]
struct Sources {
    /// The folder with the `*.cedar` files.
    #[arg(long, value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
    /// The Cedar schema.
    #[arg(long, value_name = "FILE", default_value = "schemas/lockbox.cedarschema")]
    schema: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Parse and validate the policies against the schema.
    #[command(after_help = "Example:\n  lockbox policy check --policies policies")]
    Check {
        #[command(flatten)]
        sources: Sources,
    },
    /// Run the test cases and print those that fail.
    #[command(after_help = "Example:\n  lockbox policy test --cases tests/policies")]
    Test {
        #[command(flatten)]
        sources: Sources,
        /// The folder with the `*.yaml` cases.
        #[arg(long, value_name = "DIR", default_value = "tests/policies")]
        cases: PathBuf,
    },
}

/// Runs the verb.
pub(super) fn run(args: Args, _output: &Output) -> Result<Exit, CliError> {
    match args.verb {
        Verb::Check { sources: Sources { policies: _, schema: _ } } => Err(CliError::not_wired("policy check")),
        Verb::Test { sources: Sources { policies: _, schema: _ }, cases: _ } => Err(CliError::not_wired("policy test")),
    }
}
