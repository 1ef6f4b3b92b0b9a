//! `lockbox request verify-approval`: holds what the record says of an approval against what a passkey
//! signed. All is checked here; the authority is only asked for the record.

use crate::cli::output::{self, Output, Tone};
use crate::domain::{ActionName, ContentPath, ContentScope, Scope, Timestamp};
use crate::identity::approval::{Evidence, Recorded, Unproven};
use core::time::Duration;
use serde_json::{Value, json};

/// What became of one approval.
enum Outcome {
    Verified(Evidence),
    NotConfirmed,
    Failed(String),
}

/// Every approval of the AccessRequest, and whether none failed and at least one was verified.
pub(super) fn examined(request: &Value, events: &Value, output: &Output) -> (Value, String, bool) {
    let events = events.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let approvals = events.iter().filter(|event| matches!(kind(event), "consented" | "approved"));
    let (mut said, mut lines, mut verified, mut failed) = (Vec::new(), Vec::new(), 0_usize, 0_usize);
    for event in approvals {
        let [at, by] = ["/at", "/by"].map(|path| output::text(event, path).unwrap_or("-"));
        let mut entry = json!({ "at": at, "by": by, "event": kind(event), "version": event.get("version") });
        let (name, tone, line) = match outcome(request, event) {
            Outcome::Verified(evidence) => {
                verified = verified.saturating_add(1);
                insert(&mut entry, "origin", json!(evidence.origin));
                insert(&mut entry, "credential_id", json!(evidence.credential_id));
                insert(&mut entry, "public_key_sha256", json!(evidence.fingerprint()));
                let key = format!("\n  at {}, key SHA-256 {}", evidence.origin, evidence.fingerprint());
                ("verified", Tone::Good, format!("verified by passkey{key}"))
            }
            Outcome::NotConfirmed => ("not_confirmed", Tone::Faint, "not confirmed by passkey".to_owned()),
            Outcome::Failed(why) => {
                failed = failed.saturating_add(1);
                insert(&mut entry, "why", json!(why));
                ("failed", Tone::Bad, format!("FAILED: {why}"))
            }
        };
        insert(&mut entry, "outcome", json!(name));
        lines.push(format!("{at}  {}  {by}: {}", kind(event), output.paint(&clean(&line), tone)));
        said.push(entry);
    }
    if lines.is_empty() {
        lines.push("nobody has approved it".to_owned());
    }
    let fine = failed == 0 && verified > 0;
    let id = output::text(request, "/id");
    (json!({ "access_request": id, "approvals": said, "verified": fine }), lines.join("\n"), fine)
}

/// Text of a server is shown, not obeyed.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

fn kind(event: &Value) -> &str {
    output::text(event, "/kind").unwrap_or_default()
}

fn outcome(request: &Value, event: &Value) -> Outcome {
    let strength = output::text(event, "/authentication/strength").unwrap_or_default();
    let claimed = strength.rsplit('+').next() == Some("passkey");
    match event.get("evidence").and_then(Value::as_str) {
        Some(evidence) => match held(request, event, evidence) {
            Ok(evidence) => Outcome::Verified(evidence),
            Err(why) => Outcome::Failed(why.to_string()),
        },
        None if claimed => Outcome::Failed(
            "the record says that a passkey confirmed it, and shows no evidence; ask as an auditor or one of the tenant"
                .to_owned(),
        ),
        None => Outcome::NotConfirmed,
    }
}

fn held(request: &Value, event: &Value, evidence: &str) -> Result<Evidence, Unproven> {
    let text = |of: &'_ Value, path: &str| output::text(of, path).map(str::to_owned).unwrap_or_default();
    let evidence = Evidence::parse(evidence)?;
    let granted = match request.get("grant").filter(|grant| !grant.is_null()) {
        Some(grant) => Some(granted(grant).ok_or(Unproven::Form("the grant cannot be read"))?),
        None if kind(event) == "approved" => return Err(Unproven::Differs("grant")),
        None => None,
    };
    let [id, tenant, workload, engineer] = ["/id", "/tenant", "/workload", "/engineer"].map(|path| text(request, path));
    evidence.verify(&Recorded {
        access_request: &id,
        version: event.get("version").and_then(Value::as_u64).unwrap_or_default(),
        tenant: &tenant,
        workload: &workload,
        engineer: &engineer,
        person: &text(event, "/by"),
        comment: output::text(event, "/comment"),
        granted,
    })?;
    Ok(evidence)
}

/// For how long and what was granted.
fn granted(grant: &Value) -> Option<(Duration, Scope)> {
    let instant = |path: &str| output::text(grant, path)?.parse::<Timestamp>().ok();
    let texts = |name: &str| -> Option<Vec<&str>> { grant.get(name)?.as_array()?.iter().map(Value::as_str).collect() };
    let duration = instant("/expires_at")?.since(instant("/starts_at")?);
    let actions = texts("actions")?.into_iter().map(ActionName::parse).collect::<Result<_, _>>().ok()?;
    let content = texts("content")?.into_iter().map(ContentPath::parse).collect::<Result<_, _>>().ok()?;
    Some((duration, Scope { actions, content: ContentScope::from_paths(content) }))
}

fn insert(entry: &mut Value, name: &str, value: Value) {
    if let Some(entry) = entry.as_object_mut() {
        entry.insert(name.to_owned(), value);
    }
}
