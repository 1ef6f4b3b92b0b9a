//! `lockbox tenant set`: changes what is named, of one tenant.

use super::super::client::Client;
use super::super::error::CliError;
use super::path;
use clap::ValueEnum;
use serde_json::{Map, Value, json};

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// Change what is named; the rest stays.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox tenant set contoso --lockbox on\n  lockbox tenant set contoso --grant-longest PT1H --quorum 2\n  lockbox tenant set contoso --approver csilla@contoso.example --approver dora@contoso.example"
)]
pub(super) struct Args {
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

/// Asks for the change; the tenant as it then is.
pub(super) fn run(set: Args, client: &Client) -> Result<Value, CliError> {
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

fn change(set: Args) -> Value {
    let Args { id: _, lockbox, entitlement, approvers, notify, quorum, respond_within, grant_longest, if_version: _ } =
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
