//! `lockbox authority`: what is done to the record from the authority's own host: a backup, the recovery after a
//! restore, and the move to a database server.

mod backup;
mod moving;
mod recover;

use super::error::CliError;
use super::{Exit, output::Output};
use crate::config::{Config, Database};
use crate::store::Revision;
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::Path;

/// Back up the record, recover it after a restore, or move it to a database server.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox authority backup /backup/lockbox.db --config lockbox.toml\n  lockbox authority recover --config lockbox.toml --yes"
)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a copy of the SQLite file while the authority runs, and check it.
    #[command(after_help = "Example:\n  lockbox authority backup /backup/lockbox.db --config lockbox.toml")]
    Backup(backup::Args),
    /// After a restore: revoke every active Grant and begin a new epoch.
    #[command(
        after_help = "Example:\n  lockbox authority recover --config lockbox.toml --operator otto@provider.example --yes"
    )]
    Recover(recover::Args),
    /// Move everything from an SQLite file to an empty PostgreSQL database.
    #[command(after_help = "Example:\n  lockbox authority move --from lockbox.db --config new.toml")]
    Move(moving::Args),
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match args.verb {
        Verb::Backup(args) => runtime.block_on(backup::run(args, output))?,
        Verb::Recover(args) => runtime.block_on(recover::run(args, output))?,
        Verb::Move(args) => runtime.block_on(moving::run(args, output))?,
    }
    Ok(Exit::Fine)
}

/// Where a record stands, for programs.
fn stands(revision: Revision) -> Value {
    let Revision { epoch, number, state_hash, time_floor } = revision;
    json!({
        "epoch": epoch,
        "revision": number,
        "state_hash": format!("{state_hash:032x}"),
        "time_floor": time_floor.to_string(),
    })
}

/// The file of the configuration. One that is not there is not made.
fn file(config: &Config) -> Result<Option<&Path>, CliError> {
    match &config.authority.database {
        Database::Sqlite(path) if path.is_file() => Ok(Some(path)),
        Database::Sqlite(path) => Err(CliError::Failed(format!("there is no database `{}`", path.display()))),
        Database::Postgres(_) => Ok(None),
    }
}
