//! `lockbox serve`: starts the process that the configuration describes, and ends it in order.

use super::error::CliError;
use super::files::raise_open_files;
use super::{Exit, output::Output};
use crate::app::{self, Addresses, App};
use crate::clock::SystemIds;
use crate::config::Config;
use crate::demo::{self, Demo};
use crate::telemetry;
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use tokio::signal::unix::{SignalKind, signal};
use tracing::warn;

/// Which half of the system this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Role {
    /// Both in one process.
    All,
    /// AccessRequests, Grants, tenants.
    Authority,
    /// Answers evaluations.
    Sidecar,
}

impl From<Role> for app::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::All => Self::All,
            Role::Authority => Self::Authority,
            Role::Sidecar => Self::Sidecar,
        }
    }
}

/// Run the authority, a sidecar, or both.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox serve --demo                           try it, without any setup\n  lockbox serve --config lockbox.toml            both roles\n  lockbox serve --role sidecar --config side.toml    beside a workload service; the authority is elsewhere\n\nSIGHUP reads the policy files anew; SIGTERM and SIGINT stop in order."
)]
pub(super) struct Args {
    /// Which half of the system this process is.
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
    /// The configuration; without it defaults and `LOCKBOX_SECTION__KEY` variables.
    #[arg(long, value_name = "FILE", env = "LOCKBOX_CONFIG")]
    config: Option<PathBuf>,
    /// Make two tenants, people and tokens, and print a walk-through. Never for real content.
    #[arg(long, conflicts_with = "config")]
    demo: bool,
    /// Where the demo keeps its files.
    #[arg(long, value_name = "DIR", default_value = ".lockbox-demo")]
    demo_dir: PathBuf,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let Args { role, config, demo, demo_dir } = args;
    if demo && role != Role::All {
        return Err(CliError::Usage("the demo is both roles in one process: leave `--role` out".to_owned()));
    }
    let played = demo.then(|| demo::prepare(&demo_dir, &SystemIds)).transpose().map_err(CliError::failed)?;
    let path = played.as_ref().map(|(_, config)| config.clone()).or(config);
    let config = Config::load(path.as_deref(), std::env::vars())?;
    telemetry::init(&config.telemetry).map_err(CliError::failed)?;
    let (open, wanted) = (raise_open_files(), u64::from(config.limits.connections_max));
    if let Some(open) = open.filter(|open| *open < wanted) {
        warn!(
            "the system lets this process open {open} files, fewer than the {wanted} connections of `limits.connections_max`: \
             raise what it allows (`ulimit -Hn`, `LimitNOFILE=`)"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let local = played.as_ref().map(|(demo, _)| demo.local()).unwrap_or_default();
        let app = App::start_as(role.into(), config, local).await.map_err(CliError::failed)?;
        if let Some((demo, _)) = &played {
            introduce(&demo_dir, demo, &app, output).await?;
        } else {
            tell(role, &app, output)?;
        }
        until_stopped(&app).await?;
        app.stop().await;
        Ok(Exit::Fine)
    })
}

async fn introduce(dir: &Path, demo: &Demo, app: &App, output: &Output) -> Result<(), CliError> {
    let walk_through = demo::enter(dir, demo, app).await.map_err(CliError::failed)?;
    output.answer(&demo::document(demo, &app.addresses), || {
        format!(
            "Lockbox demo. Everything is in `{}`; Ctrl-C stops it, the next start goes on where this one ended.\n\
             authority http://{}   sidecar http://{}   operations http://{}\n\n\
             The story of a customer lockbox, to paste into another terminal:\n\n{walk_through}",
            dir.display(),
            app.addresses.authority,
            app.addresses.sidecar,
            app.addresses.operations,
        )
    })
}

/// Says where it listens; whoever configured port 0 learns it here.
fn tell(role: Role, app: &App, output: &Output) -> Result<(), CliError> {
    let Addresses { authority, sidecar, operations, ext_authz: _ } = app.addresses;
    let authority = (role != Role::Sidecar).then(|| authority.to_string());
    let sidecar = (role != Role::Authority).then(|| sidecar.to_string());
    let said = serde_json::json!({"authority": authority, "sidecar": sidecar, "operations": operations.to_string()});
    output.answer(&said, || {
        let lines = [
            ("authority", authority.clone()),
            ("sidecar", sidecar.clone()),
            ("operations", Some(operations.to_string())),
        ];
        let lines = lines.into_iter().filter_map(|(name, address)| Some(format!("{name:<11} {}", address?)));
        lines.collect::<Vec<_>>().join("\n")
    })
}

async fn until_stopped(app: &App) -> Result<(), CliError> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut reload = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = interrupted.recv() => return Ok(()),
            _ = terminated.recv() => return Ok(()),
            _ = reload.recv() => app.reload_policies(),
        }
    }
}
