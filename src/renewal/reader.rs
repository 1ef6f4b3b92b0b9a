//! Looks at the record for renewals. One look serves everybody who asked before it began, so a thousand
//! sidecars that are woken by one commit cost one query.
//!
//! Invariant: what is answered was read after the renewal came, from the record itself. A look that was under
//! way by then does not count for it.

use super::mirror::{KEPT, Mirror};
use super::protocol::RenewError;
use crate::clock::{AuthorityTime, Boot, Clock};
use crate::domain::Timestamp;
use crate::store::{Changes, Revision, Store, StoreError};
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many changes are read one by one; with more than that everything is read anew.
const CHANGES_MAX: u32 = 100_000;
/// How many items are read at a time.
const PAGE: u32 = 5_000;
/// How long after one look the next one begins, where each costs the database a commit on two disks: a thousand
/// renewals a second then need 200 of them, and news is late by no more than this.
const PACE: Duration = Duration::from_millis(5);
/// How often everything is read anew, when what had changed meanwhile was too much to be told.
const LOADS_MAX: usize = 3;

/// What a look has found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Where the record stands.
    pub(super) revision: Revision,
    /// What the authority's time was by the database's clock, if it has one.
    pub(super) told: Option<Timestamp>,
}

/// See the module.
pub(super) struct Reader {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    time: Arc<AuthorityTime>,
    /// How long after one look the next one begins at the earliest.
    pace: Duration,
    mirror: Mutex<Mirror>,
    /// Held by whoever looks.
    turn: tokio::sync::Mutex<()>,
    looks: Mutex<Looks>,
}

/// The looks so far, counted from 1.
#[derive(Default)]
struct Looks {
    begun: u64,
    /// The last that ended, and how.
    ended: u64,
    /// When the last one began.
    at: Option<Boot>,
    last: Option<Result<Look, String>>,
}

impl Reader {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, time: Arc<AuthorityTime>) -> Self {
        let (mirror, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        let pace = if store.is_shared() { PACE } else { Duration::ZERO };
        Self { store, clock, time, pace, mirror, turn, looks: Mutex::default() }
    }

    /// The mirror as it stands.
    pub(super) fn mirror(&self) -> MutexGuard<'_, Mirror> {
        self.mirror.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the mirror up to the record as it is after this call began.
    pub(super) async fn look(&self) -> Result<Look, RenewError> {
        let before = self.looks().begun;
        let _turn = self.turn.lock().await;
        {
            let looks = self.looks();
            if looks.ended > before {
                // Begun after we asked, and ended: it was ours as well.
                let failed = |why: &String| StoreError::Unavailable(why.clone()).into();
                return looks
                    .last
                    .as_ref()
                    .map_or_else(|| Err(unread().into()), |last| last.as_ref().copied().map_err(failed));
            }
        }
        self.at_its_pace().await;
        {
            // Whoever has asked by now is served by this one.
            let mut looks = self.looks();
            looks.begun = looks.begun.saturating_add(1);
            looks.at = Some(self.clock.boot());
        }
        let looked = self.look_now().await;
        let mut looks = self.looks();
        looks.ended = looks.begun;
        looks.last = Some(looked.as_ref().copied().map_err(ToString::to_string));
        Ok(looked?)
    }

    async fn at_its_pace(&self) {
        let last = self.looks().at;
        let since = last.map_or(self.pace, |at| self.clock.boot().since(at));
        let wait = self.pace.saturating_sub(since);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    async fn look_now(&self) -> Result<Look, StoreError> {
        let asked = self.clock.boot();
        let told = self.store.prove_primary().await?;
        let told = told.map(|told| self.time.told(told, asked, self.clock.boot()));
        let revision = self.brought_up().await?;
        self.time.at_least(revision.time_floor);
        Ok(Look { revision, told })
    }

    async fn brought_up(&self) -> Result<Revision, StoreError> {
        let stands = self.mirror().revision();
        if let Some(at) = stands
            && let Changes::Since { items, revision } =
                self.store.changes_since(at.epoch, at.number, CHANGES_MAX).await?
        {
            let mut mirror = self.mirror();
            for item in items {
                mirror.put(item, revision.number);
            }
            if mirror.stands_at(revision).is_ok() {
                return Ok(revision);
            }
            // A damaged mirror is made anew; a damaged record is found out then.
        }
        for _ in 0..LOADS_MAX {
            if let Some(loaded) = self.load().await? {
                return Ok(loaded);
            }
        }
        Err(StoreError::Unavailable("the record changes faster than it can be read".to_owned()))
    }

    /// Reads everything, page by page, and then what has changed since the first of them; `None` when that is no
    /// longer known.
    async fn load(&self) -> Result<Option<Revision>, StoreError> {
        let first = self.store.revision().await?;
        let mut page = self.store.items_after(None, PAGE).await?;
        let mut mirror = Mirror::begin(page.tombstone_floor.max(first.number.saturating_sub(KEPT)));
        while let Some(last) = page.items.last().map(|(item, _)| item.key.clone()) {
            for (item, revision) in page.items {
                mirror.put(item, revision);
            }
            page = self.store.items_after(Some(&last), PAGE).await?;
        }
        let changes = self.store.changes_since(first.epoch, first.number, CHANGES_MAX).await?;
        let Changes::Since { items, revision } = changes else { return Ok(None) };
        for item in items {
            mirror.put(item, revision.number);
        }
        let damaged = |_| StoreError::Corrupt {
            what: "items".to_owned(),
            why: "they do not add up to the state hash".to_owned(),
        };
        mirror.stands_at(revision).map_err(damaged)?;
        *self.mirror() = mirror;
        Ok(Some(revision))
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unread() -> StoreError {
    StoreError::Unavailable("the record has not been read yet".to_owned())
}

#[cfg(test)]
mod tests;
