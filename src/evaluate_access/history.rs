//! What was decided under an AccessRequest: read back from the decision log, for approvers and
//! auditors. The log is the only record of it, so nothing can be shown that is not in it.

use super::record::Recorded;
use crate::decision_log::{ReadError, Records};
use crate::domain::{AccessRequestId, Timestamp};
use std::path::PathBuf;

/// The log, for reading.
#[derive(Debug, Clone)]
pub struct History {
    dir: PathBuf,
}

/// One Decision under an AccessRequest.
#[derive(Debug, Clone)]
pub struct Touched {
    /// Its number in the log.
    pub sequence: u64,
    /// The record.
    pub record: Recorded,
}

/// The log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// See [`ReadError`].
    #[error(transparent)]
    Log(#[from] ReadError),
}

impl History {
    /// The history in a log directory.
    pub fn in_dir(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Decisions under `id` made at or after `since`, in the order of the log, beginning after record
    /// `after`, at most `limit`; and the number to continue after if there may be more. Reads files:
    /// not for a thread of the runtime.
    ///
    /// # Errors
    /// [`HistoryError`] when the log cannot be read.
    pub fn under(
        &self,
        id: AccessRequestId,
        since: Timestamp,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<Touched>, Option<u64>), HistoryError> {
        // Looked for in the raw bytes first: parsing every record of a busy log would take far longer.
        let needle = format!("\"access_request\":\"{id}\"");
        let finder = |payload: &[u8]| payload.windows(needle.len()).any(|window| window == needle.as_bytes());
        let mut found = Vec::new();
        for record in Records::open_from(&self.dir, after.saturating_add(1))? {
            let record = record?;
            if record.sequence <= after || !finder(&record.payload) {
                continue;
            }
            // A record this program cannot read is another version's; the reader of the log tells of it.
            let Ok(read) = Recorded::parse(&record.payload) else { continue };
            if read.at < since || read.access_request.as_deref() != Some(id.to_string().as_str()) {
                continue;
            }
            if found.len() == limit {
                let next = found.last().map(|touched: &Touched| touched.sequence);
                return Ok((found, next));
            }
            found.push(Touched { sequence: record.sequence, record: read });
        }
        Ok((found, None))
    }
}
