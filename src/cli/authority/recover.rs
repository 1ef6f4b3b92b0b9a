//! `lockbox authority recover`: after a restore, before the first start.

use super::super::error::CliError;
use super::super::output::Output;
use super::super::progress::Progress;
use super::{file, stands};
use crate::app::record;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Database};
use crate::domain::{Authentication, Person, PersonId, Role, StateName};
use crate::manage_requests::{Recovered, recover};
use crate::store::{AccessRequestFilter, Page, PostgresStore, SqliteStore, Store};
use serde_json::json;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: super::super::config::Source,
    /// Who does it, for the history.
    #[arg(long, value_name = "ID", default_value = "operator")]
    operator: String,
    /// Do it; without this it is only said what would be done.
    #[arg(long)]
    yes: bool,
}

/// Runs the verb.
pub(super) async fn run(args: Args, output: &Output) -> Result<(), CliError> {
    let id = PersonId::parse(&args.operator).map_err(|error| CliError::Usage(format!("`--operator`: {error}")))?;
    let config = args.config.load()?;
    let store = opened(&config).await?;
    if !args.yes {
        let active = active(store.as_ref()).await?;
        return Err(CliError::Usage(format!(
            "this would revoke all active Grants ({active}) and begin a new epoch, so that no sidecar goes on with what it \
             was told before; nothing has been changed: say `--yes` to do it"
        )));
    }
    // Whoever may do this has the host and the database in his hands; no proof of a person is checked.
    let authentication = Authentication { method: "peer", strength: None, address: None };
    let by = Person { id, roles: [Role::Operator].into_iter().collect(), tenant: None, authentication };
    let mut progress = None;
    let now = SystemClock.wall();
    let done = recover(store.as_ref(), &by, now, config.authority.defaults(), |done, all| {
        let progress = progress.get_or_insert_with(|| Progress::through("recover", all, "Grants"));
        progress.tell(u64::try_from(done).unwrap_or(u64::MAX));
    });
    let done = done.await;
    if let Some(mut progress) = progress {
        progress.end();
    }
    let Recovered { before, after, revoked, ended } = done.map_err(CliError::failed)?;
    let json = json!({ "before": stands(before), "after": stands(after), "revoked": revoked, "ended": ended });
    output.answer(&json, || {
        format!(
            "recovered  epoch {} → {}, revision {} → {}\nrevoked    {revoked} Grants ({ended} more had run out)\n\
             next       start the authority; every sidecar takes up the new epoch with its first renewal",
            before.epoch, after.epoch, before.number, after.number
        )
    })
}

/// The record, if no authority runs on it where that can be told.
async fn opened(config: &Config) -> Result<Arc<dyn Store>, CliError> {
    match (file(config)?, &config.authority.database) {
        (Some(path), _) => SqliteStore::alone(path).await.map_err(CliError::failed)?,
        (None, Database::Postgres(postgres)) => {
            let settings = record::settings(&config.authority, postgres).map_err(CliError::failed)?;
            PostgresStore::alone(&settings).await.map_err(CliError::failed)?;
        }
        (None, Database::Sqlite(_)) => {}
    }
    record::open(config).await.map_err(CliError::failed)
}

async fn active(store: &dyn Store) -> Result<String, CliError> {
    let filter = AccessRequestFilter { state: Some(StateName::Active), ..AccessRequestFilter::default() };
    let some = store.access_requests(&filter, Page { after: None, limit: 1000 }).await.map_err(CliError::failed)?;
    Ok(if some.len() < 1000 { some.len().to_string() } else { "1000 or more".to_owned() })
}
