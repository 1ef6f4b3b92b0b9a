//! The demo's people, who submit, approve and revoke under load.

use super::super::error::CliError;
use serde_json::{Value, json};
use std::path::Path;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct People {
    /// What the demo has written of itself.
    demo: Value,
}

impl People {
    /// Those of the demo in `dir`, which runs.
    pub(super) fn of(dir: &Path) -> Result<Self, CliError> {
        let text = std::fs::read_to_string(dir.join("demo.json"))?;
        Ok(Self { demo: serde_json::from_str(&text).map_err(CliError::failed)? })
    }

    /// What is written at a JSON pointer.
    pub(super) fn text(&self, pointer: &str) -> Result<&str, CliError> {
        let text = self.demo.pointer(pointer).and_then(Value::as_str);
        text.ok_or_else(|| CliError::failed(format!("demo.json has no text at `{pointer}`")))
    }

    /// An AccessRequest taken through review and approval: its Grant allows the question of the load.
    pub(super) fn granted(&self) -> Result<String, CliError> {
        let asked = json!({
            "tenant": "contoso", "workload": "exchange", "service_request": "SR-1042", "duration": "PT4H",
            "actions": ["read"], "reason": { "code": "customer_initiated_support", "text": "load" },
            "content": ["mailbox/adele@contoso.example"],
        });
        let made = self.post("ana", "", None, &asked)?;
        let id = made.get("id").and_then(Value::as_str);
        let id = id.ok_or_else(|| CliError::failed(format!("it was not submitted: {made}")))?;
        self.post("rita", &format!("/{id}/review"), None, &json!({ "verdict": "approve" }))?;
        self.post("csilla", &format!("/{id}/approve"), Some("\"2\""), &json!({}))?;
        Ok(id.to_owned())
    }

    /// Revokes it, and waits until that is effective.
    pub(super) fn revoke(&self, id: &str) -> Result<(), CliError> {
        let answer = self.post("csilla", &format!("/{id}/revoke"), None, &json!({}))?;
        match answer.get("effective").and_then(Value::as_bool) {
            Some(true) => Ok(()),
            _ => Err(CliError::failed(format!("it was not answered effective: {answer}"))),
        }
    }

    fn post(&self, who: &str, path: &str, version: Option<&str>, body: &Value) -> Result<Value, CliError> {
        let authority = self.text("/authority")?;
        let token = self.text(&format!("/people/{who}/token"))?;
        let mut call = ureq::post(format!("{authority}/v1/access-requests{path}"))
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", "application/json");
        if let Some(version) = version {
            call = call.header("If-Match", version);
        }
        let text = call.send(body.to_string()).map_err(CliError::failed)?.body_mut().read_to_string();
        serde_json::from_str(&text.map_err(CliError::failed)?).map_err(CliError::failed)
    }
}
