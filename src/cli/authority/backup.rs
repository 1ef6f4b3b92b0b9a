//! `lockbox authority backup`: a copy of the SQLite file, of one moment, while the authority goes on.

use super::super::error::CliError;
use super::super::output::Output;
use super::super::progress::Progress;
use super::{file, stands};
use crate::config::Database;
use crate::store::{BackedUp, SqliteStore};
use core::time::Duration;
use serde_json::json;
use std::path::PathBuf;

/// How often it is looked how far the copy has come.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The copy; what is there is replaced once the new one is whole.
    #[arg(value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    config: super::super::config::Source,
}

/// Runs the verb.
pub(super) async fn run(args: Args, output: &Output) -> Result<(), CliError> {
    let config = args.config.load()?;
    let Some(from) = file(&config)? else {
        let Database::Postgres(postgres) = &config.authority.database else { return Ok(()) };
        return Err(CliError::Failed(format!(
            "the record is in PostgreSQL, which makes its own backups: `pg_dump --format=custom --file={} {}` for a copy of \
             one moment, or `pg_basebackup` with archived logs to restore to any moment; see \"Backup and recovery\" in \
             docs/operators.md",
            args.to.display(),
            postgres.name,
        )));
    };
    let bytes = std::fs::metadata(from).map_or(0, |found| found.len());
    let mut progress = Progress::of("backup", bytes);
    let unfinished = SqliteStore::unfinished(&args.to);
    let copying = SqliteStore::backup(from, &args.to);
    tokio::pin!(copying);
    let done = loop {
        tokio::select! {
            done = &mut copying => break done,
            () = tokio::time::sleep(LOOK_EVERY) => {
                progress.tell(std::fs::metadata(&unfinished).map_or(0, |found| found.len()));
            }
        }
    };
    progress.end();
    let BackedUp { revision, items, bytes } = done.map_err(CliError::failed)?;
    let json = json!({ "file": args.to, "bytes": bytes, "items": items, "stands": stands(revision) });
    output.answer(&json, || {
        format!(
            "backed up  {}\nstands     epoch {}, revision {}\nchecked    {items} items add up to the state hash {:032x}",
            args.to.display(),
            revision.epoch,
            revision.number,
            revision.state_hash,
        )
    })
}
