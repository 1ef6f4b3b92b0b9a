//! `lockbox authority move`: from an SQLite file to a PostgreSQL database, with nothing lost.

use super::super::error::CliError;
use super::super::output::Output;
use super::super::progress::Progress;
use super::stands;
use crate::app::record;
use crate::config::Database;
use crate::store::{Moved, move_record};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The SQLite file; it is kept, and marked as moved.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    #[command(flatten)]
    config: super::super::config::Source,
}

/// Runs the verb.
pub(super) async fn run(args: Args, output: &Output) -> Result<(), CliError> {
    let config = args.config.load()?;
    let Database::Postgres(postgres) = &config.authority.database else {
        return Err(CliError::Usage(
            "the configuration names no `postgres://` address in `authority.database`: give the one that the authority \
             will run with"
                .to_owned(),
        ));
    };
    let settings = record::settings(&config.authority, postgres).map_err(CliError::failed)?;
    let mut progress = None;
    let done = move_record(&args.from, settings, |done, all| {
        let all = usize::try_from(all).unwrap_or(usize::MAX);
        progress.get_or_insert_with(|| Progress::through("move", all, "rows")).tell(done);
    });
    let done = done.await;
    if let Some(mut progress) = progress {
        progress.end();
    }
    let Moved { revision, rows, found_there } = done.map_err(CliError::failed)?;
    let counts: Map<String, Value> = rows.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
    let json = json!({ "stands": stands(revision), "rows": counts, "found_there": found_there });
    output.answer(&json, || {
        let all: u64 = rows.iter().map(|(_, count)| count).sum();
        let how = if found_there { "an earlier move had copied it" } else { "copied and compared" };
        format!(
            "moved      {} to {}\nstands     epoch {}, revision {}, state hash {:032x}\nrows       {all} ({how})\n\
             next       start the authority with the new configuration; `{}` is an old copy now",
            args.from.display(),
            config.authority.database,
            revision.epoch,
            revision.number,
            revision.state_hash,
            args.from.display(),
        )
    })
}
