//! Notes: a small keyed place for what is no part of the record and that all authorities must share:
//! sessions, drafts, a person's choices, passkeys, bundles of policies. Losing one is a nuisance, never an access.

use super::StoreError;
use crate::domain::Timestamp;
use async_trait::async_trait;

/// What a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteKind {
    /// Somebody is signed in; the key is the SHA-256 of his cookie.
    Session,
    /// What somebody had written when his session was over.
    Draft,
    /// What a person has chosen, such as his language; the key is his id.
    Preference,
    /// A passkey of a person; the key begins with his id.
    Passkey,
    /// What a passkey has been asked for; the key begins with that of the session.
    Challenge,
    /// What an authority says of itself to the others.
    Authority,
    /// The sidecars an authority has heard, for operators; the key is that of the authority.
    Members,
    /// A sidecar that is registered; the key is its name.
    Sidecar,
    /// That a sidecar was taken off the list; the key is its name.
    RemovedSidecar,
    /// A bundle of policies that was pushed; the key is the SHA-256 of its bytes.
    Bundle,
    /// How long the longest leases are that were given over this record.
    Lease,
}

impl NoteKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Session,
        Self::Draft,
        Self::Preference,
        Self::Passkey,
        Self::Challenge,
        Self::Authority,
        Self::Members,
        Self::Sidecar,
        Self::RemovedSidecar,
        Self::Bundle,
        Self::Lease,
    ];

    /// The name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Draft => "draft",
            Self::Preference => "preference",
            Self::Passkey => "passkey",
            Self::Challenge => "challenge",
            Self::Authority => "authority",
            Self::Members => "members",
            Self::Sidecar => "sidecar",
            Self::RemovedSidecar => "removed_sidecar",
            Self::Bundle => "bundle",
            Self::Lease => "lease",
        }
    }
}

/// A note. The document is the writer's own; the store does not look into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is.
    pub kind: NoteKind,
    /// Its key within the kind.
    pub key: String,
    /// Its content.
    pub document: String,
    /// From when it counts as gone; `None`: until it is taken.
    pub expires_at: Option<Timestamp>,
}

/// The notes. Whoever reads one judges by himself whether it has expired.
#[async_trait]
pub trait Notes {
    /// The note under a key.
    async fn note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError>;
    /// The notes of a kind whose key begins with `prefix`, by key; at most 1000.
    async fn notes(&self, kind: NoteKind, prefix: &str) -> Result<Vec<Note>, StoreError>;
    /// The notes of a kind whose key comes after `after`, by key; at most `limit`.
    async fn notes_after(&self, kind: NoteKind, after: &str, limit: u32) -> Result<Vec<Note>, StoreError>;
    /// Writes a note, in place of what was under its key.
    async fn put_note(&self, note: Note) -> Result<(), StoreError>;
    /// Takes a note away and gives it; of two who take it, one gets it.
    async fn take_note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError>;
    /// Takes a note away if it still reads so; false if it is gone, or says something else by now.
    async fn drop_note(&self, note: &Note) -> Result<bool, StoreError>;
    /// Takes away what has expired by `now`; gives how many.
    async fn prune_notes(&self, now: Timestamp) -> Result<u64, StoreError>;
}
