//! `lockbox bench fleet`: one authority as a process of its own, and as many sidecars as are asked for in this one,
//! each with the real protocol over a connection of its own. Measures how long a revocation takes to arrive, what a
//! sidecar costs the authority, and what a large record costs both.

mod crowd;

use super::super::error::CliError;
use super::super::{Exit, output, output::Output};
use super::people::People;
use super::server::Server;
use super::world::World;
use crate::clock::{Boot, Clock as _, SystemClock};
use core::time::Duration;
use crowd::Crowd;
use serde_json::{Value, json};
use std::path::Path;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Sidecars at once.
    #[arg(long, default_value_t = 1000)]
    sidecars: usize,
    /// Revocations, one after the other.
    #[arg(long, default_value_t = 50)]
    changes: usize,
    /// Tenants in the record beside the demo's.
    #[arg(long, default_value_t = 0)]
    tenants: usize,
    /// Live Grants in the record.
    #[arg(long, default_value_t = 0)]
    grants: u64,
    /// Let each sidecar be for one tenant, and hold nothing of the others.
    #[arg(long)]
    scoped: bool,
    /// The record: an empty PostgreSQL database, `postgres://…`; a SQLite file of its own if none is named.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// For how long the idle fleet is watched, in seconds.
    #[arg(long, default_value_t = 10)]
    idle_seconds: u64,
    /// The core of the authority; the sidecars run on the next one.
    #[arg(long, default_value_t = 0)]
    core: usize,
}

/// Measures and prints.
pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    super::http::pin_to(args.core + 1)?;
    super::super::files::raise_open_files();
    let dir = std::env::temp_dir().join(format!("lockbox-bench-fleet-{}", std::process::id()));
    let measured = measure(args, output, &dir);
    let _left_for_the_system = std::fs::remove_dir_all(&dir);
    let report = measured?;
    output.answer(&report, || table(&report))?;
    Ok(Exit::Fine)
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The value below which this share of the sorted values lies.
fn at(sorted: &[f64], percent: usize) -> f64 {
    sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied().unwrap_or(f64::NAN)
}

fn spread(mut values: Vec<f64>) -> Value {
    values.sort_unstable_by(f64::total_cmp);
    json!({ "p50": at(&values, 50), "p99": at(&values, 99), "max": at(&values, 100), "count": values.len() })
}

fn measure(args: &Args, output: &Output, dir: &Path) -> Result<Value, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    output.note(&format!("filling a record with {} tenants and {} Grants", args.tenants, args.grants));
    let began = SystemClock.boot();
    let world = World::prepare(dir, args.database.clone())?;
    runtime.block_on(world.fill(args.tenants, args.grants))?;
    let filled = SystemClock.boot().since(began);
    let began = SystemClock.boot();
    let variables = world.variables();
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let server = Server::lockbox(args.core, dir, &variables)?;
    let started = SystemClock.boot().since(began);
    let people = People::of(dir)?;
    let alone_mib = server.rss_mib();
    output.note("one sidecar takes a snapshot of everything");
    let (snapshot, held_mib) = runtime.block_on(async {
        let before = own_rss_mib();
        let began = SystemClock.boot();
        let one = Crowd::start(&world, &people, 1, false)?;
        one.all_hold(1).await?;
        let held = own_rss_mib() - before;
        one.stop().await;
        Ok::<_, CliError>((SystemClock.boot().since(began), held))
    })?;
    output.note(&format!("{} sidecars join", args.sidecars));
    runtime.block_on(async {
        let began = SystemClock.boot();
        let crowd = Crowd::start(&world, &people, args.sidecars, args.scoped)?;
        crowd.all_hold(1).await?;
        let joined = SystemClock.boot().since(began);
        let (cpu, own) = (server.cpu_seconds(), own_cpu_seconds());
        let began = SystemClock.boot();
        tokio::time::sleep(Duration::from_secs(args.idle_seconds)).await;
        let idle_s = SystemClock.boot().since(began).as_secs_f64();
        let count = args.sidecars as f64;
        let idle_us = (server.cpu_seconds() - cpu) * 1e6 / idle_s / count;
        let idle_own_us = (own_cpu_seconds() - own) * 1e6 / idle_s / count;
        let (mut delivered, mut effective) = (Vec::new(), Vec::new());
        let cpu = server.cpu_seconds();
        for change in 1..=args.changes {
            output.note(&format!("revocation {change} of {}", args.changes));
            let (arrived, answered) = revoke(&people, &crowd).await?;
            delivered.extend(arrived.iter().map(|took| ms(*took)));
            effective.push(ms(answered));
        }
        let changes_cpu_ms = (server.cpu_seconds() - cpu) * 1000.0 / args.changes.max(1) as f64;
        let report = json!({
            "sidecars": args.sidecars, "tenants": args.tenants, "grants": args.grants, "scoped": args.scoped,
            "fill_s": filled.as_secs_f64(), "authority_ready_s": started.as_secs_f64(), "authority_alone_mib": alone_mib,
            "snapshot_s": snapshot.as_secs_f64(), "sidecar_holds_mib": held_mib, "all_joined_s": joined.as_secs_f64(),
            "authority_mib": server.rss_mib(), "idle_cpu_us_per_sidecar_second": idle_us,
            "sidecar_idle_cpu_us_per_second": idle_own_us, "cpu_ms_per_change": changes_cpu_ms,
            "delivered_ms": spread(delivered), "effective_ms": spread(effective),
        });
        crowd.stop().await;
        Ok(report)
    })
}

/// One revocation: when each sidecar had it, and when the call was answered, from when it was sent.
async fn revoke(people: &People, crowd: &Crowd) -> Result<(Vec<Duration>, Duration), CliError> {
    let id = {
        let people = people.clone();
        tokio::task::spawn_blocking(move || people.granted()).await.map_err(CliError::failed)??
    };
    let before = crowd.settled().await?;
    let caller = people.clone();
    let began = SystemClock.boot();
    let answered = tokio::task::spawn_blocking(move || {
        caller.revoke(&id)?;
        Ok::<Boot, CliError>(SystemClock.boot())
    });
    let answered = answered.await.map_err(CliError::failed)??;
    let arrived = crowd.arrivals(before + 1).await?;
    Ok((arrived.into_iter().map(|at| at.since(began)).collect(), answered.since(began)))
}

fn own_rss_mib() -> f64 {
    super::server::rss_mib("self")
}

fn own_cpu_seconds() -> f64 {
    super::server::cpu_seconds("self")
}

fn table(report: &Value) -> String {
    let number = |path: &str| report.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let row = |what: &str, value: String| vec![what.to_owned(), value];
    let three = |name: &str| {
        let of = |percent: &str| number(&format!("/{name}/{percent}"));
        format!("{:.1} / {:.1} / {:.1} ms", of("p50"), of("p99"), of("max"))
    };
    let rows = vec![
        row(
            "sidecars, tenants, Grants",
            format!("{}, {}, {}", number("/sidecars"), number("/tenants"), number("/grants")),
        ),
        row("authority: start to ready, with its own sidecar", format!("{:.2} s", number("/authority_ready_s"))),
        row(
            "authority: memory alone, with all sidecars",
            format!("{:.0}, {:.0} MiB", number("/authority_alone_mib"), number("/authority_mib")),
        ),
        row(
            "one sidecar: snapshot of everything",
            format!("{:.2} s, {:.0} MiB", number("/snapshot_s"), number("/sidecar_holds_mib")),
        ),
        row("all sidecars joined", format!("{:.2} s", number("/all_joined_s"))),
        row("authority: CPU a sidecar, idle", format!("{:.0} µs a second", number("/idle_cpu_us_per_sidecar_second"))),
        row("sidecar: CPU, idle", format!("{:.0} µs a second", number("/sidecar_idle_cpu_us_per_second"))),
        row("revocation at a sidecar, p50 / p99 / max", three("delivered_ms")),
        row("revocation answered effective, p50 / p99 / max", three("effective_ms")),
        row("authority: CPU a revocation and its approval", format!("{:.0} ms", number("/cpu_ms_per_change"))),
    ];
    output::table(&["what", "measured"], rows)
}
