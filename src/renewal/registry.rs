//! Which sidecars are registered. One is registered by its first renewal, before its first lease: its token or its
//! certificate is what admits it. An operator may take one that is lost off the list, and let it in again.
//!
//! Whether it was is told by its own entry, as ever. Beside it stands a list of those who were, which is read once a
//! beat: few beside many.

use super::protocol::RenewError;
use crate::clock::Boot;
use crate::domain::{PersonId, Timestamp};
use crate::store::{Note, NoteKind, Store, StoreError};
use core::time::Duration;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The sidecar in the authority's own process; it needs no entry.
pub const EMBEDDED: &str = "embedded";
/// How old the list of those who were taken off may be while leases are given, where others may change it: three of
/// its readings, which go once a second.
pub(super) const STALE_MAX: Duration = Duration::from_secs(3);
/// How many entries are read at a time.
const PAGE: u32 = 1_000;

/// A registered sidecar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Registered {
    /// When it was, in milliseconds since the epoch.
    pub(super) at_ms: i64,
    /// That it was taken off the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) removed: Option<Removed>,
}

/// That a sidecar was taken off the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, String)", into = "(i64, String)")]
pub struct Removed {
    /// When, in milliseconds since the epoch.
    pub at_ms: i64,
    /// By whom.
    pub by: String,
}

impl From<(i64, String)> for Removed {
    fn from((at_ms, by): (i64, String)) -> Self {
        Self { at_ms, by }
    }
}

impl From<Removed> for (i64, String) {
    fn from(removed: Removed) -> Self {
        (removed.at_ms, removed.by)
    }
}

/// See the module.
pub(super) struct Registry {
    store: Arc<dyn Store>,
    /// Those whose entries this authority has read or written; there may be more.
    known: RwLock<BTreeSet<String>>,
    /// Whether there is any, whoever heard it.
    any: AtomicBool,
    /// All who were taken off, as the list was read last.
    removed: RwLock<TakenOff>,
}

/// The list of those who were taken off.
#[derive(Default)]
struct TakenOff {
    by_name: BTreeMap<String, Removed>,
    /// When the last reading of it began.
    read: Option<Boot>,
}

impl Registry {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: RwLock::default(), any: AtomicBool::default(), removed: RwLock::default() }
    }

    /// Whether the list of those who were taken off is one of the last [`STALE_MAX`].
    pub(super) fn is_current(&self, boot: Boot) -> bool {
        let read = self.removed.read().unwrap_or_else(PoisonError::into_inner).read;
        read.is_some_and(|read| boot.since(read) < STALE_MAX)
    }

    /// Whether any is known to be registered.
    pub(super) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// All that are registered, by name.
    pub(super) async fn all(&self) -> Result<BTreeMap<String, Registered>, StoreError> {
        self.listed(NoteKind::Sidecar, parsed).await
    }

    /// Reads anew who was taken off, and whether any is registered; it is `boot` now.
    pub(super) async fn refresh(&self, boot: Boot) -> Result<(), StoreError> {
        let by_name =
            self.listed(NoteKind::RemovedSidecar, |note| Ok(parsed(note).unwrap_or_else(|_| unreadable()))).await?;
        *self.removed.write().unwrap_or_else(PoisonError::into_inner) = TakenOff { by_name, read: Some(boot) };
        if !self.any() {
            let first = self.store.notes_after(NoteKind::Sidecar, "", 1).await?;
            self.any.store(!first.is_empty(), Ordering::Relaxed);
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
            match self.entry(name).await? {
                None => self.put(NoteKind::Sidecar, name, &Registered { at_ms: now.as_ms(), removed: None }).await?,
                // One that an authority of an older version took off is in its own entry only.
                Some(Registered { removed: Some(removed), .. }) => self.list(name, removed).await?,
                Some(Registered { removed: None, .. }) => {}
            }
            self.known.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
            self.any.store(true, Ordering::Relaxed);
        }
        self.admits(name)
    }

    /// Whether a sidecar may be heard, as the list was read last; one that is not registered may.
    pub(super) fn admits(&self, name: &str) -> Result<(), RenewError> {
        match self.removed.read().unwrap_or_else(PoisonError::into_inner).by_name.get(name) {
            None => Ok(()),
            Some(Removed { by, .. }) => Err(RenewError::Refused(format!(
                "the sidecar `{name}` was taken off the list by {by}: `lockbox fleet admit {name}` lets it in again"
            ))),
        }
    }

    /// Takes a sidecar off the list; false if there is none of that name.
    pub(super) async fn remove(&self, name: &str, by: &PersonId, now: Timestamp) -> Result<bool, StoreError> {
        let Some(entry) = self.entry(name).await? else { return Ok(false) };
        let removed = Removed { at_ms: now.as_ms(), by: by.to_string() };
        self.put(NoteKind::Sidecar, name, &Registered { removed: Some(removed.clone()), ..entry }).await?;
        self.list(name, removed).await?;
        Ok(true)
    }

    /// Lets a sidecar in again; false if there is none of that name.
    pub(super) async fn admit_again(&self, name: &str) -> Result<bool, StoreError> {
        let Some(entry) = self.entry(name).await? else { return Ok(false) };
        self.put(NoteKind::Sidecar, name, &Registered { removed: None, ..entry }).await?;
        self.store.take_note(NoteKind::RemovedSidecar, name).await?;
        self.removed.write().unwrap_or_else(PoisonError::into_inner).by_name.remove(name);
        Ok(true)
    }

    /// Puts one that was taken off among those who were.
    async fn list(&self, name: &str, removed: Removed) -> Result<(), StoreError> {
        self.put(NoteKind::RemovedSidecar, name, &removed).await?;
        self.removed.write().unwrap_or_else(PoisonError::into_inner).by_name.insert(name.to_owned(), removed);
        Ok(())
    }

    async fn entry(&self, name: &str) -> Result<Option<Registered>, StoreError> {
        self.store.note(NoteKind::Sidecar, name).await?.as_ref().map(parsed).transpose()
    }

    async fn put<T: Serialize + Sync>(&self, kind: NoteKind, name: &str, entry: &T) -> Result<(), StoreError> {
        let document = serde_json::to_string(entry).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        self.store.put_note(Note { kind, key: name.to_owned(), document, expires_at: None }).await
    }

    /// Every note of a kind, page by page.
    async fn listed<T>(
        &self,
        kind: NoteKind,
        parsed: impl Fn(&Note) -> Result<T, StoreError>,
    ) -> Result<BTreeMap<String, T>, StoreError> {
        let mut read = BTreeMap::new();
        let mut after = String::new();
        loop {
            let page = self.store.notes_after(kind, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(read) };
            after.clone_from(&last.key);
            for note in page {
                let entry = parsed(&note)?;
                read.insert(note.key, entry);
            }
        }
    }
}

/// Of another version, perhaps: that it stands in the list is enough.
fn unreadable() -> Removed {
    Removed { at_ms: 0, by: "somebody whose name cannot be read".to_owned() }
}

fn parsed<T: DeserializeOwned>(note: &Note) -> Result<T, StoreError> {
    serde_json::from_str(&note.document)
        .map_err(|error| StoreError::Corrupt { what: format!("sidecar `{}`", note.key), why: error.to_string() })
}
