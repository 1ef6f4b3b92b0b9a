//! `lockbox tenant`: a customer's settings: the switch, who approves, and limits; one by one, or as a file.

mod apply;
mod diff;
mod export;
mod fields;
mod file;
mod node;
mod set;

use super::Exit;
use super::client::escaped;
use super::connect::Connect;
use super::error::CliError;
use super::output::{self, Output};
use clap::Subcommand;
use serde_json::Value;

/// Look at tenants, and change their settings.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lockbox tenant list\n  lockbox tenant set contoso --lockbox on")]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the tenants you may see.
    #[command(after_help = "Example:\n  lockbox tenant list --output json")]
    List,
    /// Show one tenant's settings.
    #[command(after_help = "Example:\n  lockbox tenant show contoso")]
    Show {
        /// The tenant.
        id: String,
    },
    /// Change what is named; the rest stays.
    Set(set::Args),
    /// Write the settings of tenants as a file.
    Export(export::Args),
    /// Make the settings of tenants what a file says.
    Apply(apply::Args),
    /// Print the JSON Schema of such files, for editors.
    #[command(after_help = "Example:\n  lockbox tenant schema > tenants.schema.json")]
    Schema,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    if matches!(args.verb, Verb::Schema) {
        output.print(&file::schema())?;
        return Ok(Exit::Fine);
    }
    let client = args.connect.authority()?;
    match args.verb {
        Verb::List => {
            let answer = client.get("/v1/tenants")?.body;
            output.answer(&answer, || rows(&answer))?;
        }
        Verb::Show { id } => {
            let answer = client.get(&path(&id))?.body;
            output.answer(&answer, || detail(&answer))?;
        }
        Verb::Set(set) => {
            let answer = set::run(set, &client)?;
            output.answer(&answer, || detail(&answer))?;
        }
        Verb::Export(args) => return export::run(args, &client, output),
        Verb::Apply(args) => return apply::run(args, &client, output),
        Verb::Schema => {}
    }
    Ok(Exit::Fine)
}

fn path(id: &str) -> String {
    format!("/v1/tenants/{}", escaped(id))
}

fn switch(tenant: &Value) -> String {
    match tenant.get("lockbox").and_then(Value::as_bool) {
        Some(true) => "on".to_owned(),
        Some(false) => "off".to_owned(),
        None => "-".to_owned(),
    }
}

fn rows(list: &Value) -> String {
    let items = list.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |tenant: &Value, path| output::text(tenant, path).unwrap_or("-").to_owned();
    let row = |tenant: &Value| {
        let approvers = output::list(tenant, "/approvers").unwrap_or_else(|| "-".to_owned());
        vec![text(tenant, "/id"), text(tenant, "/entitlement"), switch(tenant), approvers]
    };
    output::table(&["TENANT", "ENTITLEMENT", "LOCKBOX", "APPROVERS"], items.iter().map(row).collect())
}

fn detail(tenant: &Value) -> String {
    let text = |path: &str| output::text(tenant, path).map(str::to_owned);
    let number = |name: &str| tenant.get(name).filter(|value| value.is_number()).map(ToString::to_string);
    output::pairs(&[
        ("tenant", text("/id")),
        ("entitlement", text("/entitlement")),
        ("lockbox", Some(switch(tenant))),
        ("approvers", output::list(tenant, "/approvers")),
        ("notify", output::list(tenant, "/notify")),
        ("quorum", number("quorum")),
        ("respond within", text("/limits/respond_within")),
        ("grant longest", text("/limits/grant_longest")),
        ("version", number("version")),
        ("effective", tenant.get("effective").map(ToString::to_string)),
    ])
}

#[cfg(test)]
mod tests;
