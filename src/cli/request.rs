//! `lockbox request`: the life of an AccessRequest, for every person in it.

mod show;
mod verify;

use super::Exit;
use super::client::{Answer, Client, escaped};
use super::connect::Connect;
use super::error::CliError;
use super::output::Output;
use super::progress::while_waiting;
use crate::clock::{Clock as _, Ids as _, SystemClock, SystemIds};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

/// Ask for access, and give, refuse or end it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples, in the order of a request's life (in a demo; elsewhere with `--token-file` for `--as`):\n  lockbox request submit --tenant contoso --workload exchange --service-request SR-1042 \\\n    --reason customer_initiated_support --text 'mailbox does not sync' --duration PT2H --action read --as ana\n  lockbox request review LBX-1001 --verdict approve --as rita\n  lockbox request approve LBX-1001 --comment 'go ahead' --as csilla\n  lockbox request close LBX-1001 --as ana"
)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Engineer: ask for access.
    Submit(Submit),
    /// List AccessRequests that concern you.
    List(List),
    /// Show one, and its history.
    Show(Show),
    /// Reviewer: let it go to the customer, or not.
    Review(Review),
    /// Approver: give access, as asked or less.
    Approve(Approve),
    /// Approver: refuse.
    Deny(Decide),
    /// Engineer: take it back before it is decided.
    #[command(after_help = "Example:\n  lockbox request withdraw LBX-1001")]
    Withdraw(End),
    /// Engineer or reviewer: done; the access ends at once.
    #[command(after_help = "Example:\n  lockbox request close LBX-1001")]
    Close(End),
    /// Approver: end the access at once.
    #[command(after_help = "Example:\n  lockbox request revoke LBX-1001")]
    Revoke(End),
    /// Auditor or approver: check what a passkey signed against the record.
    VerifyApproval(VerifyApproval),
}

/// What the engineer asks for.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox request submit --tenant contoso --workload exchange --service-request SR-1042 \\\n    --reason customer_initiated_support --text 'mailbox does not sync' --duration PT2H --action read \\\n    --content mailbox/adele@contoso.example"
)]
struct Submit {
    /// The tenant whose content it is.
    #[arg(long)]
    tenant: String,
    /// The workload that holds the content.
    #[arg(long)]
    workload: String,
    /// The support case.
    #[arg(long, value_name = "SR")]
    service_request: String,
    /// customer_initiated_support, provider_initiated_service, response_to_alert, legal_request or emergency.
    #[arg(long, value_name = "CODE")]
    reason: String,
    /// Why, in your own words; the customer reads it.
    #[arg(long)]
    text: String,
    /// How long, from the approval (ISO 8601).
    #[arg(long, value_name = "PT2H")]
    duration: String,
    /// What is to be done; may be repeated.
    #[arg(long = "action", value_name = "ACTION", required = true)]
    actions: Vec<String>,
    /// The content; may be repeated. Without it the whole workload of the tenant.
    #[arg(long, value_name = "TYPE/ID")]
    content: Vec<String>,
    /// A second call with the same key makes no second AccessRequest; without it a new one each time.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// Which to list.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lockbox request list --tenant contoso --state notified")]
struct List {
    /// Of this tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// In this state.
    #[arg(long)]
    state: Option<String>,
    /// Of this engineer.
    #[arg(long)]
    engineer: Option<String>,
    /// For this workload.
    #[arg(long)]
    workload: Option<String>,
    /// Submitted at or after this instant (RFC 3339, UTC).
    #[arg(long)]
    since: Option<String>,
    /// At most so many.
    #[arg(long)]
    limit: Option<u32>,
    /// Go on where a list ended.
    #[arg(long)]
    cursor: Option<String>,
}

/// Which to show.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lockbox request show LBX-1001 --events")]
struct Show {
    /// The AccessRequest, such as LBX-1001.
    id: String,
    /// Also what happened to it, step by step.
    #[arg(long)]
    events: bool,
}

/// Which to verify.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It ends with 0 if a passkey confirmed at least one approval and all that is shown of it holds; else with 1.\n\nExample:\n  lockbox request verify-approval LBX-1001"
)]
struct VerifyApproval {
    /// The AccessRequest, such as LBX-1001.
    id: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Verdict {
    Approve,
    Reject,
}

/// The internal review.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lockbox request review LBX-1001 --verdict approve --comment 'needed for SR-1042'")]
struct Review {
    /// The AccessRequest, such as LBX-1001.
    id: String,
    /// Whether the customer is asked.
    #[arg(long, value_enum)]
    verdict: Verdict,
    /// What the record says.
    #[arg(long)]
    comment: Option<String>,
}

/// The customer's yes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox request approve LBX-1001 --comment 'go ahead'\n  lockbox request approve LBX-1001 --duration PT30M --content mailbox/adele@contoso.example"
)]
struct Approve {
    #[command(flatten)]
    decide: Decide,
    /// Shorter than asked (ISO 8601).
    #[arg(long, value_name = "PT1H")]
    duration: Option<String>,
    /// Only these actions; may be repeated.
    #[arg(long = "action", value_name = "ACTION")]
    actions: Vec<String>,
    /// Only this content; may be repeated.
    #[arg(long, value_name = "TYPE/ID")]
    content: Vec<String>,
}

/// The customer's decision.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lockbox request deny LBX-1001 --comment 'not without a ticket'")]
struct Decide {
    /// The AccessRequest, such as LBX-1001.
    id: String,
    /// What the record says.
    #[arg(long)]
    comment: Option<String>,
    /// Only if it still has this version, as `request show` printed it; without it, as it is at this moment.
    #[arg(long, value_name = "N")]
    if_version: Option<u64>,
}

/// An end.
#[derive(Debug, clap::Args)]
struct End {
    /// The AccessRequest, such as LBX-1001.
    id: String,
    /// What the record says.
    #[arg(long)]
    comment: Option<String>,
    /// Do not wait until no sidecar can allow it any more; say from when none can.
    #[arg(long = "no-wait", action = clap::ArgAction::SetFalse)]
    wait: bool,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let client = args.connect.authority()?;
    let answer = match args.verb {
        Verb::Submit(submit) => submit_it(&client, submit)?,
        Verb::List(list) => return list_them(&client, list, output),
        Verb::Show(show) => return show_it(&client, &show, output),
        Verb::VerifyApproval(verify) => return verify_it(&client, &verify.id, output),
        Verb::Review(Review { id, verdict, comment }) => {
            let verdict = if matches!(verdict, Verdict::Approve) { "approve" } else { "reject" };
            let body = said(comment, vec![("verdict", json!(verdict))]);
            client.post(&path(&id, "/review"), &body, &[])?
        }
        Verb::Approve(Approve { decide, duration, actions, content }) => {
            let narrowed = [
                duration.map(|duration| ("duration", json!(duration))),
                (!actions.is_empty()).then(|| ("actions", json!(actions))),
                (!content.is_empty()).then(|| ("content", json!(content))),
            ];
            decide_it(&client, decide, "/approve", narrowed.into_iter().flatten().collect())?
        }
        Verb::Deny(decide) => decide_it(&client, decide, "/deny", Vec::new())?,
        Verb::Withdraw(end) => end_it(&client, end, "/withdraw")?,
        Verb::Close(end) => end_it(&client, end, "/close")?,
        Verb::Revoke(end) => end_it(&client, end, "/revoke")?,
    };
    output.answer(&answer.body, || show::detail(&answer.body, SystemClock.wall(), output))?;
    Ok(Exit::Fine)
}

fn path(id: &str, rest: &str) -> String {
    format!("/v1/access-requests/{}{rest}", escaped(id))
}

fn said(comment: Option<String>, more: Vec<(&str, Value)>) -> Value {
    let comment = comment.map(|comment| ("comment", json!(comment)));
    Value::Object(more.into_iter().chain(comment).map(|(name, value)| (name.to_owned(), value)).collect())
}

fn submit_it(client: &Client, submit: Submit) -> Result<Answer, CliError> {
    let Submit { tenant, workload, service_request, reason, text, duration, actions, content, idempotency_key } =
        submit;
    let mut body = json!({
        "tenant": tenant, "workload": workload, "service_request": service_request,
        "reason": { "code": reason, "text": text }, "duration": duration, "actions": actions,
    });
    if let (false, Some(object)) = (content.is_empty(), body.as_object_mut()) {
        object.insert("content".to_owned(), json!(content));
    }
    let key = idempotency_key.unwrap_or_else(|| SystemIds.uuid(SystemClock.wall()).to_string());
    Ok(client.post("/v1/access-requests", &body, &[("idempotency-key", &key)])?)
}

/// The decision binds to a version: the one that was named, or the one that is there now.
fn decide_it(client: &Client, decide: Decide, step: &str, more: Vec<(&str, Value)>) -> Result<Answer, CliError> {
    let Decide { id, comment, if_version } = decide;
    let etag = match if_version {
        Some(version) => format!("\"{version}\""),
        None => {
            let seen = client.get(&path(&id, ""))?.etag;
            seen.ok_or_else(|| CliError::failed("the authority gave no version: name it with `--if-version`"))?
        }
    };
    Ok(client.post(&path(&id, step), &said(comment, more), &[("if-match", &etag)])?)
}

fn end_it(client: &Client, end: End, step: &str) -> Result<Answer, CliError> {
    let End { id, comment, wait } = end;
    let query = if wait { "" } else { "?wait=false" };
    let path = path(&id, &format!("{step}{query}"));
    // A sidecar that cannot be reached is waited for as long as its lease may last.
    let what = "it has ended; waiting until no sidecar can allow it any more";
    Ok(while_waiting(what, || client.post(&path, &said(comment, Vec::new()), &[]))?)
}

fn list_them(client: &Client, list: List, output: &Output) -> Result<Exit, CliError> {
    let List { tenant, state, engineer, workload, since, limit, cursor } = list;
    let filters = [
        ("tenant", tenant),
        ("state", state),
        ("engineer", engineer),
        ("workload", workload),
        ("since", since),
        ("limit", limit.map(|limit| limit.to_string())),
        ("cursor", cursor),
    ];
    let query: Vec<String> = filters
        .iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={}", escaped(value))))
        .collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let answer = client.get(&format!("/v1/access-requests{mark}{}", query.join("&")))?.body;
    output.answer(&answer, || show::rows(&answer, SystemClock.wall(), output))?;
    Ok(Exit::Fine)
}

fn verify_it(client: &Client, id: &str, output: &Output) -> Result<Exit, CliError> {
    let request = client.get(&path(id, ""))?.body;
    let events = client.get(&path(id, "/events"))?.body;
    let (answer, text, fine) = verify::examined(&request, &events, output);
    output.answer(&answer, || text)?;
    Ok(if fine { Exit::Fine } else { Exit::Failed })
}

fn show_it(client: &Client, show: &Show, output: &Output) -> Result<Exit, CliError> {
    let mut answer = client.get(&path(&show.id, ""))?.body;
    if show.events {
        let events = client.get(&path(&show.id, "/events"))?.body;
        if let Some(object) = answer.as_object_mut() {
            object.insert("events".to_owned(), events.get("items").cloned().unwrap_or(events));
        }
    }
    output.answer(&answer, || show::detail(&answer, SystemClock.wall(), output))?;
    Ok(Exit::Fine)
}
