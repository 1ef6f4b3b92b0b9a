//! Which sidecars are registered. One is registered by its first renewal, before its first lease: its token or its
//! certificate is what admits it. An operator may take one that is lost off the list, and let it in again.
//!
//! Who was taken off is read once a beat, so it is kept apart from all who are registered: few beside many.

use super::protocol::RenewError;
use crate::domain::{PersonId, Timestamp};
use crate::store::{Note, NoteKind, Store, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

/// The sidecar in the authority's own process; it needs no entry.
pub const EMBEDDED: &str = "embedded";
/// How many entries are read at a time.
const PAGE: u32 = 1_000;

/// A registered sidecar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Registered {
    /// When it was, in milliseconds since the epoch.
    pub(super) at_ms: i64,
}

/// That a sidecar was taken off the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// When, in milliseconds since the epoch.
    pub at_ms: i64,
    /// By whom.
    pub by: String,
}

/// See the module.
pub(super) struct Registry {
    store: Arc<dyn Store>,
    /// Those of whose registration this authority knows; there may be more.
    known: RwLock<BTreeSet<String>>,
    /// All who were taken off, as the list was read last.
    removed: RwLock<BTreeMap<String, Removed>>,
}

impl Registry {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: RwLock::default(), removed: RwLock::default() }
    }

    /// Whether any is known to be registered.
    pub(super) fn any(&self) -> bool {
        !self.known.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// All that are registered, by name.
    pub(super) async fn all(&self) -> Result<BTreeMap<String, Registered>, StoreError> {
        self.listed(NoteKind::Sidecar).await
    }

    /// All that were taken off the list, by name.
    pub(super) fn removed(&self) -> BTreeMap<String, Removed> {
        self.removed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads anew who was taken off, and whether any is registered.
    pub(super) async fn refresh(&self) -> Result<(), StoreError> {
        let removed = self.listed(NoteKind::RemovedSidecar).await?;
        *self.removed.write().unwrap_or_else(PoisonError::into_inner) = removed;
        if !self.any() {
            let first = self.store.notes_after(NoteKind::Sidecar, "", 1).await?;
            self.known.write().unwrap_or_else(PoisonError::into_inner).extend(first.into_iter().map(|note| note.key));
        }
        Ok(())
    }

    /// Lets a sidecar in; one that is not registered is, now.
    pub(super) async fn admit(&self, name: &str, now: Timestamp) -> Result<(), RenewError> {
        if name == EMBEDDED {
            return Ok(());
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).contains(name);
        if !known {
            if self.store.note(NoteKind::Sidecar, name).await?.is_none() {
                self.put(NoteKind::Sidecar, name, &Registered { at_ms: now.as_ms() }).await?;
            }
            self.known.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        }
        self.admits(name)
    }

    /// Whether a sidecar may be heard, as the list was read last; one that is not registered may.
    pub(super) fn admits(&self, name: &str) -> Result<(), RenewError> {
        match self.removed.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            None => Ok(()),
            Some(Removed { by, .. }) => Err(RenewError::Refused(format!(
                "the sidecar `{name}` was taken off the list by {by}: `lockbox fleet admit {name}` lets it in again"
            ))),
        }
    }

    /// Takes a sidecar off the list; false if there is none of that name.
    pub(super) async fn remove(&self, name: &str, by: &PersonId, now: Timestamp) -> Result<bool, StoreError> {
        if self.store.note(NoteKind::Sidecar, name).await?.is_none() {
            return Ok(false);
        }
        let removed = Removed { at_ms: now.as_ms(), by: by.to_string() };
        self.put(NoteKind::RemovedSidecar, name, &removed).await?;
        self.removed.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), removed);
        Ok(true)
    }

    /// Lets a sidecar in again; false if there is none of that name.
    pub(super) async fn admit_again(&self, name: &str) -> Result<bool, StoreError> {
        self.store.take_note(NoteKind::RemovedSidecar, name).await?;
        self.removed.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(self.store.note(NoteKind::Sidecar, name).await?.is_some())
    }

    async fn put<T: Serialize + Sync>(&self, kind: NoteKind, name: &str, entry: &T) -> Result<(), StoreError> {
        let document = serde_json::to_string(entry).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        self.store.put_note(Note { kind, key: name.to_owned(), document, expires_at: None }).await
    }

    /// Every note of a kind, page by page.
    async fn listed<T: DeserializeOwned>(&self, kind: NoteKind) -> Result<BTreeMap<String, T>, StoreError> {
        let mut read = BTreeMap::new();
        let mut after = String::new();
        loop {
            let page = self.store.notes_after(kind, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(read) };
            after.clone_from(&last.key);
            for note in page {
                let parsed = serde_json::from_str(&note.document).map_err(|error| StoreError::Corrupt {
                    what: format!("sidecar `{}`", note.key),
                    why: error.to_string(),
                })?;
                read.insert(note.key, parsed);
            }
        }
    }
}
