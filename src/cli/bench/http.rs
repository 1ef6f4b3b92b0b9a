//! `lockbox bench http`: variants in turn, medians, shares of the floor.

use super::super::error::CliError;
use super::super::{Exit, output, output::Output};
use super::client::{Measured, load};
use super::server::Server;
use super::world::World;
use serde_json::json;

/// Name, settings.
type Variant = (&'static str, &'static [(&'static str, &'static str)]);

/// What is measured beside the floor.
const VARIANTS: &[Variant] = &[
    ("cached, process-durable", &[("LOCKBOX_LOG__DURABILITY", "process")]),
    ("cached, on disk", &[("LOCKBOX_LOG__DURABILITY", "disk")]),
    ("uncached, process-durable", UNCACHED),
];
const UNCACHED: &[(&str, &str)] = &[("LOCKBOX_LOG__DURABILITY", "process"), ("LOCKBOX_CACHE__ENABLED", "false")];

/// What to measure.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Connections at once; several numbers, one after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1usize, 16, 64])]
    connections: Vec<usize>,
    /// How long each variant is loaded in each round.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How often each variant has its turn.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Tenants in the record of one variant more, beside the demo's.
    #[arg(long, default_value_t = 0)]
    tenants: usize,
    /// Live Grants in the record of that variant.
    #[arg(long, default_value_t = 0)]
    grants: u64,
    /// The core of the server; the load runs on the next one.
    #[arg(long, default_value_t = 0)]
    core: usize,
}

/// One variant in one round.
struct Turn {
    measured: Measured,
    cpu_us: f64,
    rss_mib: f64,
}

/// Measures and prints.
pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let pid = std::process::id().to_string();
    pin_to(args.core + 1)?;
    let dirs = std::env::temp_dir().join(format!("lockbox-bench-{pid}"));
    let measured = measure(args, output, &dirs);
    let _left_for_the_system = std::fs::remove_dir_all(&dirs);
    measured
}

/// Keeps this process on one core, so that it does not take from the server on another.
pub(super) fn pin_to(core: usize) -> Result<(), CliError> {
    let (core, pid) = (core.to_string(), std::process::id().to_string());
    std::process::Command::new("taskset")
        .args(["-a", "-p", "-c", &core, &pid])
        .stdout(std::process::Stdio::null())
        .status()
        .map(drop)
        .map_err(|error| CliError::failed(format!("cannot pin to a core with `taskset` (util-linux): {error}")))
}

fn measure(args: &Args, output: &Output, dirs: &std::path::Path) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut servers = vec![("floor", Server::floor(args.core)?)];
    for (name, settings) in VARIANTS {
        let dir = dirs.join(name.replace([' ', ','], "-"));
        servers.push((name, Server::lockbox(args.core, &dir, settings)?));
    }
    if args.tenants > 0 || args.grants > 0 {
        output.note(&format!("filling a record with {} tenants and {} Grants", args.tenants, args.grants));
        let dir = dirs.join("full");
        let world = World::prepare(&dir, None)?;
        runtime.block_on(world.fill(args.tenants, args.grants))?;
        servers.push(("uncached, full record", Server::lockbox(args.core, &dir, UNCACHED)?));
    }
    let mut rows = Vec::new();
    let mut reports = Vec::new();
    for &connections in &args.connections {
        let mut turns: Vec<Vec<Turn>> = servers.iter().map(|_| Vec::new()).collect();
        for round in 1..=args.rounds {
            for ((name, server), turns) in servers.iter().zip(&mut turns) {
                output.note(&format!("{connections} connections, round {round} of {}: {name}", args.rounds));
                let before = server.cpu_seconds();
                let measured = runtime.block_on(load(server.address, &server.request, connections, args.seconds))?;
                let cpu_us = (server.cpu_seconds() - before) * 1e6 / (measured.answers as f64 * 1.1).max(1.0);
                turns.push(Turn { measured, cpu_us, rss_mib: server.rss_mib() });
            }
        }
        let floor = turns.first().map(Vec::as_slice).unwrap_or_default();
        for ((name, _), turns) in servers.iter().zip(&turns) {
            let share = median(
                turns.iter().zip(floor).map(|(turn, floor)| turn.measured.per_second / floor.measured.per_second),
            );
            let p99 = median(turns.iter().zip(floor).map(|(turn, floor)| turn.measured.p99_us / floor.measured.p99_us));
            let of = |read: fn(&Turn) -> f64| median(turns.iter().map(read));
            let (per_second, p50_us, p99_us) =
                (of(|t| t.measured.per_second), of(|t| t.measured.p50_us), of(|t| t.measured.p99_us));
            let (cpu_us, rss_mib) = (of(|t| t.cpu_us), of(|t| t.rss_mib));
            rows.push(vec![
                connections.to_string(),
                (*name).to_owned(),
                format!("{per_second:.0}"),
                format!("{share:.2}"),
                format!("{p50_us:.0}"),
                format!("{p99_us:.0}"),
                format!("{p99:.1} x"),
                format!("{cpu_us:.1}"),
                format!("{rss_mib:.1}"),
            ]);
            reports.push(json!({
                "connections": connections, "variant": name, "requests_per_second": per_second, "share_of_floor": share,
                "p50_us": p50_us, "p99_us": p99_us, "p99_of_floor": p99, "cpu_us_per_request": cpu_us, "rss_mib": rss_mib,
            }));
        }
    }
    let heading =
        ["connections", "variant", "requests/s", "share", "p50 µs", "p99 µs", "p99/floor", "CPU µs", "RSS MiB"];
    output.answer(&json!({ "rounds": args.rounds, "seconds": args.seconds, "rows": reports }), || {
        output::table(&heading, rows)
    })?;
    Ok(Exit::Fine)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
