//! `lockbox policy push`: a signed bundle to the authority, and through it to the whole fleet.

use super::super::Exit;
use super::super::client::ClientError;
use super::super::connect::Connect;
use super::super::error::CliError;
use super::super::output::{Format, Output, Tone, pairs, text};
use super::super::progress::while_waiting;
use crate::policy::bundle::BUNDLE_BYTES_MAX;
use serde_json::Value;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Push a signed bundle through the authority to every sidecar; answers when none can decide by what was before.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lockbox policy push policies.tar.gz --token-file otto.token\n  lockbox policy push policies.tar.gz --no-wait --output json\n\nExit code 3 when the bundle is refused: nothing has changed then."
)]
pub(super) struct Args {
    /// The bundle, as `lockbox policy sign` writes it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Answer at once; it is effective at the time that is named.
    #[arg(long = "no-wait", action = clap::ArgAction::SetFalse)]
    wait: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Runs the verb.
pub(super) fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    output.takes(&[Format::Text, Format::Json])?;
    let Args { file, wait, connect } = args;
    let bytes = read(&file)?;
    let client = connect.authority()?;
    let path = format!("/v1/policies/bundle{}", if wait { "" } else { "?wait=false" });
    // A sidecar that cannot take it is waited for as long as its lease may last.
    let what = "pushed; waiting until no sidecar can decide by other policies any more";
    let answered = while_waiting(what, || client.put_file(&path, "application/gzip", bytes));
    let answer = answered.map_err(refused)?.body;
    output.answer(&answer, || shown(&answer, output))?;
    Ok(Exit::Fine)
}

/// The file; one that is too large is left to the authority to refuse.
fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let unreadable = |error| CliError::failed(format!("cannot read `{}`: {error}", path.display()));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(BUNDLE_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// What the authority says against the bundle, rather than against who brings it.
fn refused(error: ClientError) -> CliError {
    let findings = match &error {
        ClientError::Problem { status: 413, .. } => String::new(),
        ClientError::Problem { status: 422, document } => listed(document),
        _ => return error.into(),
    };
    CliError::BundleRefused { client: error, findings }
}

fn listed(document: &Value) -> String {
    let findings = document.get("findings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let line = |finding: &Value| {
        let member = |path| text(finding, path).unwrap_or("-");
        format!("\nerror[{}]: {}\n  = {}", member("/code"), member("/message"), member("/help"))
    };
    let lines: String = findings.iter().map(line).collect();
    // Text of a server is shown, not obeyed.
    lines.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

fn shown(answer: &Value, output: &Output) -> String {
    let member = |path: &str| text(answer, path).map(str::to_owned);
    let effective = answer.get("effective").and_then(Value::as_bool) == Some(true);
    let at = member("/effective_at").unwrap_or_default();
    let says = if effective {
        output.paint("yes: no sidecar of the fleet decides by other policies any more", Tone::Good)
    } else {
        output.paint(&format!("not yet; from {at} on it certainly is"), Tone::Open)
    };
    pairs(&[
        ("bundle", member("/digest")),
        ("name", member("/name")),
        ("signed by", member("/signed_by")),
        ("signed at", member("/signed_at")),
        ("policies", member("/policy_revision")),
        ("effective", Some(says)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_said_against_the_bundle_ends_with_3_and_the_rest_with_1() {
        let found = json!({ "findings": [{ "code": "bundle-older", "message": "too\u{1b} old", "help": "sign it" }] });
        let problem = |status, document: &Value| ClientError::Problem { status, document: document.clone() };
        let old = refused(problem(422, &found));
        assert_eq!(old.exit(), Exit::PoliciesInvalid);
        assert!(old.to_string().ends_with("\nerror[bundle-older]: too  old\n  = sign it"), "{old}");
        assert_eq!(refused(problem(413, &Value::Null)).exit(), Exit::PoliciesInvalid);
        for status in [400, 401, 403, 409, 503] {
            assert_eq!(refused(problem(status, &Value::Null)).exit(), Exit::Failed, "{status}");
        }
    }
}
