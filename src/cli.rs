//! The command line: what may be said, in which form it is answered, and with which exit code.
//!
//! Invariant: a secret never comes from an argument, because arguments are visible to every process of
//! the host; it comes from a file or from the environment.

mod authority;
mod authorize;
mod bench;
mod client;
mod completions;
mod config;
mod connect;
mod error;
mod files;
mod fleet;
mod lines;
mod log;
mod openapi;
mod output;
mod policy;
mod progress;
mod replay;
mod request;
mod serve;
mod tenant;
mod version;

use clap::{Parser, Subcommand};
use error::CliError;
use output::{ColorWhen, Format, Output};
use std::process::ExitCode;

/// How the program ends; scripts rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It was done; for `authorize`: allowed.
    Fine = 0,
    /// It could not be done.
    Failed = 1,
    /// It was not said right.
    Usage = 2,
    /// The policies are invalid.
    PoliciesInvalid = 3,
    /// A policy test or a proof failed.
    ProofFailed = 4,
    /// `authorize`: denied.
    Denied = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Customer Lockbox: no engineer reads a customer's content unless the customer said yes.
#[derive(Debug, Parser)]
#[command(
    name = "lockbox",
    version,
    propagate_version = true,
    after_help = "Try it, without any setup:\n  lockbox serve --demo\n\nExit codes: 0 fine (allow), 1 failed, 2 usage, 3 policies \
                  invalid, 4 tests or proof failed, 5 denied"
)]
struct Cli {
    /// For people, or for programs.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// When to use colour; `auto` means on a terminal, unless `NO_COLOR` is set.
    #[arg(long, global = true, value_enum, default_value_t = ColorWhen::Auto)]
    color: ColorWhen,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the authority, a sidecar, or both.
    Serve(serve::Args),
    /// Ask a running sidecar whether an engineer may do something, and why.
    Authorize(authorize::Args),
    /// Ask for access, and give, refuse or end it.
    Request(request::Args),
    /// Look at tenants, and change their settings.
    Tenant(tenant::Args),
    /// Look at the authorities and sidecars, and take away what is lost.
    Fleet(fleet::Args),
    /// Edit, test, prove and ship Cedar policies.
    Policy(policy::Args),
    /// Back up the record, recover it after a restore, or move it to a database server.
    Authority(authority::Args),
    /// Read the decision log.
    Log(log::Args),
    /// Decide recorded questions again, and print what changes.
    Replay(replay::Args),
    /// Check the configuration, show it, or make a token.
    Config(config::Args),
    /// Print the OpenAPI description of the API.
    Openapi(openapi::Args),
    /// Print a completion script for a shell.
    Completions(completions::Args),
    /// Measure.
    Bench(bench::Args),
    /// Print the version.
    Version(version::Args),
}

/// Runs the program on the arguments of the process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers; everything else is said on standard error.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Fine };
            let _nobody_listens = error.print();
            return exit.into();
        }
    };
    let Cli { output, color, command } = cli;
    let output = Output::new(output, color);
    match dispatch(command, &output) {
        Ok(exit) => exit.into(),
        Err(error) => {
            output.error(&error);
            error.exit().into()
        }
    }
}

fn dispatch(command: Command, output: &Output) -> Result<Exit, CliError> {
    if !matches!(command, Command::Policy(_)) {
        output.takes(&[Format::Text, Format::Json])?;
    }
    match command {
        Command::Serve(args) => serve::run(args, output),
        Command::Authorize(args) => authorize::run(args, output),
        Command::Request(args) => request::run(args, output),
        Command::Tenant(args) => tenant::run(args, output),
        Command::Fleet(args) => fleet::run(args, output),
        Command::Policy(args) => policy::run(args, output),
        Command::Authority(args) => authority::run(args, output),
        Command::Log(args) => log::run(args, output),
        Command::Replay(args) => replay::run(args, output),
        Command::Config(args) => config::run(args, output),
        Command::Openapi(args) => openapi::run(args, output),
        Command::Completions(args) => completions::run(args, output),
        Command::Bench(args) => bench::run(args, output),
        Command::Version(args) => version::run(args, output),
    }
}

#[cfg(test)]
mod tests;
