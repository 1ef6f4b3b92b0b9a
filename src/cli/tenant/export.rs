//! `lockbox tenant export`: the settings of tenants as a file that `lockbox tenant apply` takes.

use super::super::Exit;
use super::super::client::{Client, escaped};
use super::super::error::CliError;
use super::super::output::Output;
use super::file::{of_tenant, to_json, to_yaml};
use super::path;
use serde_json::Value;
use std::path::PathBuf;

/// The most pages of tenants that are read, 1000 to a page.
const PAGES_MAX: usize = 100;

/// Write the settings of tenants as a file that `lockbox tenant apply` takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox tenant export > tenants.yaml\n  lockbox tenant export --tenant contoso --output-file contoso.yaml"
)]
pub(super) struct Args {
    /// Only this tenant; may be repeated. Without it, all that you may see.
    #[arg(long = "tenant", value_name = "ID")]
    tenants: Vec<String>,
    /// Write here, and not to standard output.
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
}

/// Runs the verb.
pub(super) fn run(args: Args, client: &Client, output: &Output) -> Result<Exit, CliError> {
    let Args { tenants, output_file } = args;
    let bodies = if tenants.is_empty() {
        all(client)?
    } else {
        let one = |id: &String| client.get(&path(id)).map(|answer| answer.body);
        tenants.iter().map(one).collect::<Result<Vec<_>, _>>()?
    };
    let settings = |tenant: &Value| {
        let id = tenant.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        (id, of_tenant(tenant))
    };
    let settings: Vec<_> = bodies.iter().map(settings).collect();
    let text = if output.is_json() {
        serde_json::to_string_pretty(&to_json(&settings)).map_err(CliError::failed)?
    } else {
        to_yaml(&settings).map_err(CliError::failed)?
    };
    match output_file {
        None => output.print(&text)?,
        Some(file) => {
            let text = if text.ends_with('\n') { text } else { text + "\n" };
            let failed = |error| CliError::failed(format!("cannot write {}: {error}", file.display()));
            std::fs::write(&file, text).map_err(failed)?;
            output.note(&format!("wrote {} tenants to {}", settings.len(), file.display()));
        }
    }
    Ok(Exit::Fine)
}

/// Every tenant that the caller may see.
fn all(client: &Client) -> Result<Vec<Value>, CliError> {
    let (mut tenants, mut place) = (Vec::new(), "/v1/tenants?limit=1000".to_owned());
    for _ in 0..PAGES_MAX {
        let mut page = client.get(&place)?.body;
        if let Some(items) = page.get_mut("items").and_then(Value::as_array_mut) {
            tenants.append(items);
        }
        match page.get("next_cursor").and_then(Value::as_str) {
            None => return Ok(tenants),
            Some(next) => place = format!("/v1/tenants?limit=1000&cursor={}", escaped(next)),
        }
    }
    Err(CliError::failed("there are too many tenants for one file: name some with `--tenant`"))
}
