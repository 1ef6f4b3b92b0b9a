//! The port that carries accesses from a sidecar to an authority, and their form on the wire.

use super::intake::{Intake, IntakeError, Taken};
use async_trait::async_trait;
use std::sync::Arc;

/// The most records of one telling.
pub const RECORDS_MAX: usize = 100;
/// The most bytes of the records of one telling. With what is around them it fits an authority's default limit of a
/// body, 64 KiB.
pub(super) const BYTES_MAX: usize = 48 * 1024;

/// One record on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the sidecar's log.
    pub sequence: u64,
    /// The record, or an extract of it: a JSON object.
    pub record: String,
}

/// Why something was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TellError {
    /// Not now: nobody answers, or the answer is that it has to wait. The same is told again later.
    #[error("{0}")]
    Later(String),
    /// This is not taken, however often it is told; a part of it may be.
    #[error("{0}")]
    Never(String),
}

/// Carries accesses to an authority.
#[async_trait]
pub trait Tell: Send + Sync {
    /// Tells of these; what they were taken as.
    ///
    /// # Errors
    /// [`TellError`]; some may have been taken nevertheless.
    async fn tell(&self, entries: &[Entry]) -> Result<Taken, TellError>;
}

/// Entries as the JSON that `POST /v1/accesses` takes.
pub fn said(entries: &[Entry]) -> Vec<u8> {
    let one = |entry: &Entry| format!("{{\"sequence\":{},\"record\":{}}}", entry.sequence, entry.record);
    let records: Vec<String> = entries.iter().map(one).collect();
    format!("{{\"records\":[{}]}}", records.join(",")).into_bytes()
}

/// The way to the authority in the same process.
pub struct InProcess {
    /// The authority's side.
    pub intake: Arc<Intake>,
    /// The name of the sidecar that tells.
    pub sidecar: &'static str,
}

#[async_trait]
impl Tell for InProcess {
    async fn tell(&self, entries: &[Entry]) -> Result<Taken, TellError> {
        let entries: Vec<_> = entries.iter().map(|entry| (entry.sequence, entry.record.as_bytes())).collect();
        self.intake.take(self.sidecar, &entries).await.map_err(|error| match error {
            IntakeError::Store(error) => TellError::Later(error.to_string()),
            IntakeError::Unreadable { .. } | IntakeError::Version { .. } => TellError::Never(error.to_string()),
        })
    }
}
