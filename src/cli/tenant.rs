//! `lockbox tenant`: a customer's settings: the switch, who approves, and limits.

use super::Exit;
use super::client::{Client, escaped};
use super::connect::Connect;
use super::error::CliError;
use super::output::{self, Output};
use clap::{Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

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
    Set(Set),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// What to change.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox tenant set contoso --lockbox on\n  lockbox tenant set contoso --grant-longest PT1H --quorum 2\n  lockbox tenant set contoso --approver csilla@contoso.example --approver dora@contoso.example"
)]
struct Set {
    /// The tenant.
    id: String,
    /// Whether the customer's approval is needed before its content is touched.
    #[arg(long, value_enum)]
    lockbox: Option<Switch>,
    /// Operator: what the customer bought: e5, add_on or none.
    #[arg(long)]
    entitlement: Option<String>,
    /// All who may approve; may be repeated.
    #[arg(long = "approver", value_name = "PERSON")]
    approvers: Vec<String>,
    /// All addresses that are told beside the approvers; may be repeated.
    #[arg(long, value_name = "ADDRESS")]
    notify: Vec<String>,
    /// How many distinct approvers it takes.
    #[arg(long)]
    quorum: Option<u32>,
    /// How long approvers have to answer; only tighter than the provider's (ISO 8601).
    #[arg(long, value_name = "PT6H")]
    respond_within: Option<String>,
    /// The longest Grant; only tighter than the provider's (ISO 8601).
    #[arg(long, value_name = "PT1H")]
    grant_longest: Option<String>,
    /// Only if the settings still have this version; without it, as they are at this moment.
    #[arg(long, value_name = "N")]
    if_version: Option<u64>,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
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
            let answer = set_it(&client, set)?;
            output.answer(&answer, || detail(&answer))?;
        }
    }
    Ok(Exit::Fine)
}

fn path(id: &str) -> String {
    format!("/v1/tenants/{}", escaped(id))
}

fn set_it(client: &Client, set: Set) -> Result<Value, CliError> {
    let (id, if_version) = (set.id.clone(), set.if_version);
    let body = change(set);
    if body.as_object().is_none_or(Map::is_empty) {
        return Err(CliError::Usage("name what to change, for instance `--lockbox on`".to_owned()));
    }
    let etag = match if_version {
        Some(version) => Some(format!("\"{version}\"")),
        None => client.get(&path(&id))?.etag,
    };
    let headers: Vec<(&str, &str)> = etag.iter().map(|etag| ("if-match", etag.as_str())).collect();
    Ok(client.call("PATCH", &path(&id), Some(&body), &headers)?.body)
}

fn change(set: Set) -> Value {
    let Set { id: _, lockbox, entitlement, approvers, notify, quorum, respond_within, grant_longest, if_version: _ } =
        set;
    let limits: Map<String, Value> = [("respond_within", respond_within), ("grant_longest", grant_longest)]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name.to_owned(), json!(value))))
        .collect();
    let members = [
        ("lockbox", lockbox.map(|switch| json!(matches!(switch, Switch::On)))),
        ("entitlement", entitlement.map(|entitlement| json!(entitlement))),
        ("approvers", (!approvers.is_empty()).then(|| json!(approvers))),
        ("notify", (!notify.is_empty()).then(|| json!(notify))),
        ("quorum", quorum.map(|quorum| json!(quorum))),
        ("limits", (!limits.is_empty()).then(|| Value::Object(limits))),
    ];
    Value::Object(members.into_iter().filter_map(|(name, value)| value.map(|value| (name.to_owned(), value))).collect())
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
