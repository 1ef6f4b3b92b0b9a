//! Which sidecars are registered. One is registered by its first renewal, before its first lease: its token or its
//! certificate is what admits it. An operator may take one that is lost off the list, and let it in again.

use super::protocol::RenewError;
use crate::domain::{PersonId, Timestamp};
use crate::store::{Note, NoteKind, Store, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The sidecar in the authority's own process; it needs no entry.
pub const EMBEDDED: &str = "embedded";
/// How many entries are read at a time.
const PAGE: u32 = 1_000;

/// A registered sidecar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// When it was, in milliseconds since the epoch.
    pub at_ms: i64,
    /// When it was taken off the list, and by whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<(i64, String)>,
}

/// See the module.
pub(super) struct Registry {
    store: Arc<dyn Store>,
    known: RwLock<BTreeMap<String, Registered>>,
}

impl Registry {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: RwLock::default() }
    }

    /// Whether any is registered.
    pub(super) fn any(&self) -> bool {
        !self.known.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// All, by name.
    pub(super) fn all(&self) -> BTreeMap<String, Registered> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the list anew.
    pub(super) async fn refresh(&self) -> Result<(), StoreError> {
        let mut read = BTreeMap::new();
        let mut after = String::new();
        loop {
            let page = self.store.notes_after(NoteKind::Sidecar, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.key);
            for note in page {
                read.insert(note.key.clone(), parsed(&note)?);
            }
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// Lets a sidecar in; one that is not registered is, now.
    pub(super) async fn admit(&self, name: &str, now: Timestamp) -> Result<(), RenewError> {
        if name == EMBEDDED {
            return Ok(());
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let entry = match known {
            Some(entry) => entry,
            None => match self.store.note(NoteKind::Sidecar, name).await? {
                Some(note) => parsed(&note)?,
                None => self.put(name, Registered { at_ms: now.as_ms(), removed: None }).await?,
            },
        };
        let removed = entry.removed.clone();
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), entry);
        refused_if(name, removed)
    }

    /// Whether a sidecar may be heard, as the list was read last; one that is not registered may.
    pub(super) fn admits(&self, name: &str) -> Result<(), RenewError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        refused_if(name, known.get(name).and_then(|entry| entry.removed.clone()))
    }

    /// Takes a sidecar off the list, or lets it in again; `None` if there is none of that name.
    pub(super) async fn set_removed(
        &self,
        name: &str,
        removed: Option<(&PersonId, Timestamp)>,
    ) -> Result<Option<Registered>, StoreError> {
        let Some(note) = self.store.note(NoteKind::Sidecar, name).await? else { return Ok(None) };
        let removed = removed.map(|(by, at)| (at.as_ms(), by.to_string()));
        let entry = self.put(name, Registered { removed, ..parsed(&note)? }).await?;
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), entry.clone());
        Ok(Some(entry))
    }

    async fn put(&self, name: &str, entry: Registered) -> Result<Registered, StoreError> {
        let document = serde_json::to_string(&entry).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let note = Note { kind: NoteKind::Sidecar, key: name.to_owned(), document, expires_at: None };
        self.store.put_note(note).await?;
        Ok(entry)
    }
}

fn refused_if(name: &str, removed: Option<(i64, String)>) -> Result<(), RenewError> {
    match removed {
        None => Ok(()),
        Some((_, by)) => Err(RenewError::Refused(format!(
            "the sidecar `{name}` was taken off the list by {by}: `lockbox fleet admit {name}` lets it in again"
        ))),
    }
}

fn parsed(note: &Note) -> Result<Registered, StoreError> {
    serde_json::from_str(&note.document)
        .map_err(|error| StoreError::Corrupt { what: format!("sidecar `{}`", note.key), why: error.to_string() })
}
