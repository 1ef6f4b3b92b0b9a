//! `lockbox fleet`: the authorities and the sidecars, who holds what, and what to do about one that is lost.

use super::Exit;
use super::client::escaped;
use super::connect::Connect;
use super::error::CliError;
use super::output::{self, Output, Tone};
use clap::Subcommand;
use core::time::Duration;
use serde_json::Value;

/// Look at the authorities and sidecars, and take away what is lost.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lockbox fleet status\n  lockbox fleet remove exchange-17")]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show every authority and every sidecar: revision, policies, age of the lease, last record.
    #[command(after_help = "Examples:\n  lockbox fleet status\n  lockbox fleet status --not-current --output json")]
    Status {
        /// Only sidecars that are not up to date.
        #[arg(long)]
        not_current: bool,
    },
    /// Take a sidecar off the list: it gets no lease any more, whatever it shows.
    #[command(after_help = "Example:\n  lockbox fleet remove exchange-17")]
    Remove {
        /// Its name.
        name: String,
    },
    /// Let a sidecar in again.
    #[command(after_help = "Example:\n  lockbox fleet admit exchange-17")]
    Admit {
        /// Its name.
        name: String,
    },
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let client = args.connect.authority()?;
    match args.verb {
        Verb::Status { not_current } => {
            let mut answer = client.get("/v1/fleet")?.body;
            if let Some(sidecars) = answer.get_mut("sidecars").and_then(Value::as_array_mut).filter(|_| not_current) {
                sidecars.retain(|sidecar| output::text(sidecar, "/state") != Some("current"));
            }
            output.answer(&answer, || shown(&answer, output))?;
        }
        Verb::Remove { name } => {
            let answer = client.call("DELETE", &path(&name, ""), None, &[])?.body;
            output.answer(&answer, || {
                let at = output::text(&answer, "/effective_at").unwrap_or("-");
                format!("`{name}` gets no lease any more; from {at} on it certainly has none\nIt comes back with `lockbox fleet admit {name}`.")
            })?;
        }
        Verb::Admit { name } => {
            client.call("POST", &path(&name, "/admit"), None, &[])?;
            output.answer(&serde_json::json!({ "name": name }), || format!("`{name}` may renew again"))?;
        }
    }
    Ok(Exit::Fine)
}

fn path(name: &str, rest: &str) -> String {
    format!("/v1/fleet/sidecars/{}{rest}", escaped(name))
}

fn shown(fleet: &Value, output: &Output) -> String {
    let items = |name: &str| fleet.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().to_vec();
    let (authorities, sidecars) = (items("authorities"), items("sidecars"));
    let number = |name: &str| fleet.get(name).map(ToString::to_string).unwrap_or_default();
    let head = format!("record: revision {} of epoch {}", number("revision"), number("epoch"));
    let authorities =
        output::table(&["AUTHORITY", "VERSION", "REVISION", "SILENT"], authorities.iter().map(authority).collect());
    let counted = counts(&sidecars, output);
    if sidecars.is_empty() {
        return format!("{head}\n\n{authorities}\n\n{counted}");
    }
    let columns = ["SIDECAR", "STATE", "REVISION", "LEASE AGE", "POLICIES", "LAST RECORD", "FOR", "AUTHORITY"];
    let sidecars = output::table(&columns, sidecars.iter().map(sidecar).collect());
    format!("{head}\n\n{authorities}\n\n{sidecars}\n\n{counted}")
}

fn text(value: &Value, path: &str) -> String {
    output::text(value, path).unwrap_or("-").to_owned()
}

fn revision(value: &Value) -> String {
    let number = |name: &str| value.get(name).and_then(Value::as_u64);
    number("epoch")
        .zip(number("revision"))
        .map_or_else(|| "-".to_owned(), |(epoch, number)| format!("{epoch}:{number}"))
}

fn age(value: &Value, name: &str) -> String {
    let ms = value.get(name).and_then(Value::as_u64);
    ms.map_or_else(
        || "-".to_owned(),
        |ms| if ms < 10_000 { format!("{ms} ms") } else { output::spoken(Duration::from_millis(ms)) },
    )
}

fn authority(authority: &Value) -> Vec<String> {
    let own = authority.get("own").and_then(Value::as_bool) == Some(true);
    let name = format!("{}{}", text(authority, "/address"), if own { " (this one)" } else { "" });
    vec![name, text(authority, "/version"), revision(authority), age(authority, "silent_ms")]
}

fn sidecar(sidecar: &Value) -> Vec<String> {
    let short =
        |digest: String| digest.strip_prefix("sha256:").map_or(digest.clone(), |hex| hex.chars().take(12).collect());
    let only = [output::list(sidecar, "/tenants"), output::list(sidecar, "/workloads")];
    let only: Vec<String> = only.into_iter().flatten().filter(|names| !names.is_empty()).collect();
    let only = if only.is_empty() { "all".to_owned() } else { only.join(" / ") };
    let record = sidecar.get("log_sequence").map_or_else(|| "-".to_owned(), ToString::to_string);
    vec![
        text(sidecar, "/name"),
        text(sidecar, "/state"),
        revision(sidecar),
        age(sidecar, "lease_age_ms"),
        short(text(sidecar, "/policy_revision")),
        record,
        only,
        text(sidecar, "/authority"),
    ]
}

/// How many sidecars are in which state, the worst first.
fn counts(sidecars: &[Value], output: &Output) -> String {
    if sidecars.is_empty() {
        return "no sidecars".to_owned();
    }
    let states = [
        ("behind", Tone::Bad),
        ("silent", Tone::Bad),
        ("removed", Tone::Faint),
        ("unheard", Tone::Open),
        ("current", Tone::Good),
    ];
    let told = states.into_iter().filter_map(|(state, tone)| {
        let count = sidecars.iter().filter(|sidecar| output::text(sidecar, "/state") == Some(state)).count();
        (count > 0).then(|| output.paint(&format!("{count} {state}"), tone))
    });
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sidecar_is_one_line_and_the_states_are_counted() {
        let told = json!({
            "name": "edge-1", "state": "behind", "epoch": 1, "revision": 7, "lease_age_ms": 431,
            "policy_revision": "sha256:0123456789abcdef", "log_sequence": 12, "workloads": ["exchange"], "tenants": [],
            "authority": "10.0.0.1:8180",
        });
        let line = ["edge-1", "behind", "1:7", "431 ms", "0123456789ab", "12", "exchange", "10.0.0.1:8180"];
        assert_eq!(sidecar(&told), line);
        let unheard = json!({ "name": "edge-2", "state": "unheard", "workloads": [], "tenants": [] });
        assert_eq!(sidecar(&unheard), ["edge-2", "unheard", "-", "-", "-", "-", "all", "-"]);
        let output = Output::new(super::super::Format::Text, super::super::ColorWhen::Never);
        assert_eq!(counts(&[told, unheard], &output), "1 behind, 1 unheard");
        assert_eq!(counts(&[], &output), "no sidecars");
    }
}
