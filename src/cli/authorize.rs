//! `lockbox authorize`: asks a running sidecar one question and prints the answer with its reason.

use super::Exit;
use super::connect::Connect;
use super::error::CliError;
use super::output::{self, Output, Tone};
use crate::clock::{Clock as _, SystemClock};
use serde_json::{Map, Value, json};

/// Ask a running sidecar whether an engineer may do something, and why.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lockbox authorize --engineer ana@provider.example --tenant contoso --workload exchange \\\n    --action read --content mailbox/adele@contoso.example\n\nExit code 0 for allow, 5 for deny. Asking is recorded like any other question."
)]
pub(super) struct Args {
    /// The engineer.
    #[arg(long)]
    engineer: String,
    /// The tenant whose content it is.
    #[arg(long)]
    tenant: String,
    /// The workload that holds the content.
    #[arg(long)]
    workload: String,
    /// What is to be done, such as `read`.
    #[arg(long)]
    action: String,
    /// The content; without it the whole workload of the tenant.
    #[arg(long, value_name = "TYPE/ID")]
    content: Option<String>,
    /// The support case.
    #[arg(long, value_name = "SR")]
    service_request: Option<String>,
    /// A further fact for the policies, such as `device_managed=true`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = fact)]
    context: Vec<(String, Value)>,
    #[command(flatten)]
    connect: Connect,
}

/// `key=value`, where the value is JSON if it can be, else text.
pub(super) fn fact(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not `KEY=VALUE`"))?;
    Ok((key.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))))
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let client = args.connect.sidecar(&args.workload)?;
    let answer = client.post("/v1/authorize", &question(&args)?, &[])?.body;
    let allowed = match output::text(&answer, "/decision") {
        Some("allow") => true,
        Some("deny") => false,
        _ => return Err(CliError::failed("the sidecar gave no decision: is this Lockbox?")),
    };
    output.answer(&answer, || shown(&answer, allowed, output))?;
    Ok(if allowed { Exit::Fine } else { Exit::Denied })
}

fn question(args: &Args) -> Result<Value, CliError> {
    let Args { engineer, tenant, workload, action, content, service_request, context, connect: _ } = args;
    let mut body = Map::new();
    for (name, value) in [("engineer", engineer), ("action", action), ("tenant", tenant), ("workload", workload)] {
        body.insert(name.to_owned(), Value::from(value.as_str()));
    }
    if let Some(content) = content {
        let Some((kind, id)) = content.split_once('/') else {
            return Err(CliError::Usage(format!(
                "`{content}` is not `TYPE/ID`, such as `mailbox/adele@contoso.example`"
            )));
        };
        body.insert("content".to_owned(), json!({ "type": kind, "id": id }));
    }
    if let Some(service_request) = service_request {
        body.insert("service_request".to_owned(), Value::from(service_request.as_str()));
    }
    if !context.is_empty() {
        body.insert("context".to_owned(), Value::Object(context.iter().cloned().collect()));
    }
    Ok(Value::Object(body))
}

fn shown(answer: &Value, allowed: bool, output: &Output) -> String {
    let text = |path: &str| output::text(answer, path).map(str::to_owned);
    let (word, tone) = if allowed { ("allow", Tone::Good) } else { ("deny", Tone::Bad) };
    let reason = text("/reason").unwrap_or_default();
    let head = format!("{} ({reason})", output.paint(word, tone));
    let now = SystemClock.wall();
    let rest = output::pairs(&[
        ("because", text("/message")),
        ("grant", text("/grant/id")),
        ("request", text("/grant/access_request").or_else(|| text("/nearest/access_request"))),
        ("until", text("/grant/expires_at").map(|at| output::instant(&at, now))),
        ("nearest", text("/nearest/failed")),
        ("policies", output::list(answer, "/policies")),
        ("decision", text("/decision_id")),
    ]);
    format!("{head}\n{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_json_where_they_can_be() {
        assert_eq!(fact("device_managed=true").unwrap(), ("device_managed".to_owned(), json!(true)));
        assert_eq!(fact("country=hu=x").unwrap().1, json!("hu=x"));
        assert!(fact("alone").is_err());
    }

    #[test]
    fn an_answer_is_shown_with_what_came_nearest() {
        let output = Output::new(output::Format::Text, output::ColorWhen::Never);
        let answer = json!({"decision": "deny", "reason": "out_of_scope", "message": "ask for write", "decision_id": "d",
                            "nearest": {"access_request": "LBX-1001", "failed": "action"}, "policies": []});
        assert_eq!(
            shown(&answer, false, &output),
            "deny (out_of_scope)\nbecause   ask for write\nrequest   LBX-1001\nnearest   action\ndecision  d"
        );
    }
}
