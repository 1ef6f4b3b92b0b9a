//! How the use cases' errors become problem documents.

use super::problem::{Cause, Problem};
use crate::accesses::HistoryError;
use crate::evaluate_access::AuditUnavailable;
use crate::manage_requests::ManageError;
use crate::policy::NotTaken;

impl From<ManageError> for Problem {
    fn from(error: ManageError) -> Self {
        let detail = error.to_string();
        match error {
            ManageError::NotFound(_) => Self::not_found(),
            ManageError::Forbidden(_) => Self::new(Cause::Forbidden, detail),
            ManageError::Refused(refusal) => refusal.into(),
            ManageError::Setting(refusal) => refusal.into(),
            ManageError::StaleVersion { current, .. } => {
                Self::new(Cause::PreconditionFailed, detail).with("version", current)
            }
            ManageError::NotInSchema { .. } => Self::new(Cause::Unprocessable, detail).with("reason", "not_in_schema"),
            ManageError::KeyReused | ManageError::UnknownTimeZone(_) => Self::new(Cause::Unprocessable, detail),
            ManageError::Bundle(NotTaken::Folder | NotTaken::Other) => Self::new(Cause::Conflict, detail),
            ManageError::Bundle(NotTaken::Refused(error)) => {
                let findings = serde_json::to_value(&error.findings).unwrap_or_default();
                let why = "the bundle is not taken: what was in use stays";
                Self::new(Cause::Unprocessable, why).with("findings", findings)
            }
            ManageError::NoPolicies(_) => Self::new(Cause::NotReady, detail),
            ManageError::Store(error) => error.into(),
            ManageError::Defect(_) => {
                tracing::error!(error = detail, "a command failed by a defect; nothing was changed");
                Self::internal()
            }
        }
    }
}

impl From<HistoryError> for Problem {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Behind(behind) => Self::new(Cause::AuditUnavailable, behind.to_string()),
            HistoryError::Store(error) => error.into(),
        }
    }
}

impl From<AuditUnavailable> for Problem {
    fn from(error: AuditUnavailable) -> Self {
        Self::new(Cause::AuditUnavailable, error.to_string())
            .with("decision", "deny")
            .with("reason", "audit_unavailable")
    }
}
