//! For how long leases may be out there that nobody in this process gave, kept in the record: whoever lowers
//! `[lease]` and starts anew still has to wait for what was given before, by the numbers of then.
//!
//! Invariant: where one authority alone uses the record, no lease is given before its length is noted there. Where
//! several do, each says its own in its row (see [`super::peers`]), and a note tells of the time before they did.

use crate::domain::whole_ms;
use crate::store::{Note, NoteKind, Store, StoreError};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The key of the only note of its kind.
const KEY: &str = "longest";

/// What is noted.
#[derive(Debug, Serialize, Deserialize)]
struct Noted {
    /// L(1 + ρ) in milliseconds.
    certainly_over_ms: u64,
}

/// See the module.
pub(super) struct Longest {
    store: Arc<dyn Store>,
    /// L(1 + ρ) of the leases that this process gives, in whole milliseconds.
    own: Duration,
}

impl Longest {
    pub(super) fn new(store: Arc<dyn Store>, certainly_over: Duration) -> Self {
        // Rounded up: what is noted is never shorter than what was given.
        let own = Duration::from_millis(whole_ms(certainly_over).saturating_add(1));
        Self { store, own }
    }

    /// Notes that leases are given from now on. Gives after how long all of before are certainly over.
    pub(super) async fn begin(&self) -> Result<Duration, StoreError> {
        let before = self.noted().await?;
        let longest = before.unwrap_or_default().max(self.own);
        if !self.store.is_shared() && before != Some(longest) {
            self.note(longest).await?;
        }
        Ok(longest)
    }

    /// Notes that all leases of before are over: to be called that long after [`Self::begin`].
    pub(super) async fn settle(&self) -> Result<(), StoreError> {
        if self.store.is_shared() {
            return self.store.take_note(NoteKind::Lease, KEY).await.map(drop);
        }
        if self.noted().await? == Some(self.own) { Ok(()) } else { self.note(self.own).await }
    }

    async fn noted(&self) -> Result<Option<Duration>, StoreError> {
        let Some(note) = self.store.note(NoteKind::Lease, KEY).await? else { return Ok(None) };
        let noted: Noted = serde_json::from_str(&note.document).map_err(|error| StoreError::Corrupt {
            what: "length of the longest lease".to_owned(),
            why: error.to_string(),
        })?;
        Ok(Some(Duration::from_millis(noted.certainly_over_ms)))
    }

    async fn note(&self, longest: Duration) -> Result<(), StoreError> {
        let noted = Noted { certainly_over_ms: whole_ms(longest) };
        let document = serde_json::to_string(&noted).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        self.store.put_note(Note { kind: NoteKind::Lease, key: KEY.to_owned(), document, expires_at: None }).await
    }
}
