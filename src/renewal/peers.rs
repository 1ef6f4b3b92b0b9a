//! Other authorities over the same record. Each says there, in a row of its own, up to which revision the
//! sidecars that it answers have come; whoever ends an access looks at all of them.
//!
//! An authority may give leases only while its row is fresh. So one that nobody can see gives none, and one that
//! is gone is waited for only as long as its last leases may hold.
//!
//! Invariant: no row is believed to be over before every lease that was given under it is; each says with which
//! L and ρ its authority reckons, which is another one while `[lease]` is being changed.

use super::members::{RunId, acknowledges};
use crate::clock::{Boot, Clock};
use crate::state::LeaseSettings;
use crate::store::{Note, NoteKind, Store, StoreError};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// No L(1 + ρ) is longer than this: `lease.lease_ms` is 60 s and `lease.drift_rate_max` 0.5 at the most.
const LONGEST: Duration = Duration::from_secs(90);
/// How many sidecars that lag behind a row names; with more, it says so and they are waited for.
const LAGGARDS_MAX: usize = 200;

/// The name of a sidecar, its run, and the epoch and revision it holds.
type Laggard = (String, String, Option<(u64, u64)>);

/// What an authority says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PeerRow {
    /// Counts its attempts to be written: one that does not rise is an authority that is gone.
    pub(super) beat: u64,
    /// L in milliseconds and ρ in millionths of the leases given under it; `None` by a version that did not say.
    #[serde(default)]
    pub(super) lease: Option<(u64, u32)>,
    /// Where it listens, for people.
    pub(super) address: String,
    /// The version of the program, for people.
    #[serde(default)]
    pub(super) version: String,
    /// The epoch of the record it has read.
    pub(super) epoch: u64,
    /// The revision it has read: what it answers from now on is no older.
    pub(super) observed: u64,
    /// The sidecars that may still answer from before it, and what they hold.
    pub(super) laggards: Vec<Laggard>,
    /// Whether there are more of them.
    pub(super) more: bool,
}

/// See the module.
pub(super) struct Peers {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    settings: LeaseSettings,
    /// This authority's own key.
    own: String,
    /// How often it was tried to write the row. A try whose outcome is not known may have been written: the next one
    /// says another number, so that it is seen to be alive.
    tries: AtomicU64,
    /// What was last written, and when the writing began.
    written: Mutex<Option<(PeerRow, Boot)>>,
    /// Each other authority's beat, and since when it is seen.
    seen: Mutex<BTreeMap<String, (u64, Boot)>>,
    /// When the rows were last asked for, and the longest L(1 + ρ) that they tell of.
    longest: Mutex<Option<(Boot, Duration)>>,
}

/// A row as it was found.
pub(super) struct Found {
    /// What it says.
    pub(super) row: PeerRow,
    /// For how long it has not changed.
    pub(super) unchanged: Duration,
    /// The row as it is kept.
    pub(super) note: Note,
}

impl Found {
    /// The key of the authority whose it is.
    pub(super) fn key(&self) -> &str {
        &self.note.key
    }
}

impl PeerRow {
    pub(super) fn telling(&mut self, laggards: Vec<(RunId, Option<(u64, u64)>)>) {
        self.more = laggards.len() > LAGGARDS_MAX;
        self.laggards = laggards
            .into_iter()
            .take(LAGGARDS_MAX)
            .map(|((sidecar, incarnation), holds)| (sidecar, incarnation, holds))
            .collect();
    }

    /// Whether no sidecar that it answers can contradict a revision; `elsewhere` tells whether a run has
    /// acknowledged it to somebody else.
    fn settled(&self, epoch: u64, number: u64, elsewhere: impl Fn(&RunId) -> bool) -> bool {
        acknowledges(Some((self.epoch, self.observed)), epoch, number)
            && !self.more
            && self.laggards.iter().all(|(sidecar, incarnation, holds)| {
                acknowledges(*holds, epoch, number) || elsewhere(&(sidecar.clone(), incarnation.clone()))
            })
    }
}

impl Peers {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, settings: LeaseSettings, own: String) -> Self {
        let (written, seen, longest) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { store, clock, settings, own, tries: AtomicU64::new(0), written, seen, longest }
    }

    /// How long after its last fresh row an authority may give leases: as long as a lease.
    fn listed_for(&self) -> Duration {
        self.settings.lease
    }

    /// Whether leases may be given now.
    pub(super) fn listed(&self) -> bool {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.as_ref().is_some_and(|(_, began)| self.clock.boot().since(*began) < self.listed_for())
    }

    /// What the row says that was last written.
    pub(super) fn last(&self) -> Option<PeerRow> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(row, _)| row.clone())
    }

    /// Writes this authority's row.
    pub(super) async fn write(&self, mut row: PeerRow) -> Result<(), StoreError> {
        let began = self.clock.boot();
        row.beat = self.tries.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        row.lease = Some(self.settings.reckoned());
        let document = serde_json::to_string(&row).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let note = Note { kind: NoteKind::Authority, key: self.own.clone(), document, expires_at: None };
        self.store.put_note(note).await?;
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = Some((row, began));
        Ok(())
    }

    /// The rows of all authorities, this one's too, by key.
    pub(super) async fn rows(&self) -> Result<Vec<Found>, StoreError> {
        // A row is seen when the look at it has ended, and unchanged for no longer than until the last one began.
        let asked = self.clock.boot();
        let notes = self.store.notes(NoteKind::Authority, "").await?;
        let boot = self.clock.boot();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|key, _| notes.iter().any(|note| note.key == *key));
        let found = notes.into_iter().map(|note| {
            // One that cannot be read is another version's: it is waited for, as any that says nothing.
            let row: PeerRow = serde_json::from_str(&note.document).unwrap_or_default();
            let (beat, since) = seen.entry(note.key.clone()).or_insert((row.beat, boot));
            if *beat != row.beat {
                (*beat, *since) = (row.beat, boot);
            }
            Found { row, unchanged: asked.since(*since), note }
        });
        let found: Vec<Found> = found.collect();
        let longest = found.iter().map(|found| self.reckoning(&found.row).certainly_over()).max();
        *self.longest.lock().unwrap_or_else(PoisonError::into_inner) = Some((asked, longest.unwrap_or_default()));
        Ok(found)
    }

    /// After how long no lease that an authority gave before `since` is left, by what their rows have said since; as long
    /// as the configuration allows at the most, while they cannot be read.
    pub(super) async fn certainly_over(&self, since: Boot) -> Duration {
        let told = || {
            let longest = *self.longest.lock().unwrap_or_else(PoisonError::into_inner);
            longest.filter(|(asked, _)| *asked >= since).map(|(_, longest)| longest)
        };
        match told() {
            Some(longest) => longest,
            None => self.rows().await.ok().and_then(|_| told()).unwrap_or(LONGEST),
        }
    }

    /// How leases given under a row are reckoned with: at their worst, where it reckons otherwise than this one.
    fn reckoning(&self, row: &PeerRow) -> LeaseSettings {
        row.lease.map_or(self.settings, |theirs| self.settings.at_least(theirs))
    }

    /// The other authorities some of whose sidecars might still contradict a revision.
    pub(super) async fn unsettled(
        &self,
        epoch: u64,
        number: u64,
        elsewhere: impl Fn(&RunId) -> bool,
    ) -> Result<Vec<String>, StoreError> {
        let waits = |found: &Found| {
            found.key() != self.own
                && found.unchanged < self.over_after(&found.row)
                && !found.row.settled(epoch, number, &elsewhere)
        };
        Ok(self.rows().await?.into_iter().filter(waits).map(|found| found.note.key).collect())
    }

    /// Takes away the rows of authorities that are gone for good.
    pub(super) async fn bury(&self) -> Result<(), StoreError> {
        for found in self.rows().await? {
            let over = self.over_after(&found.row).saturating_mul(2);
            // Only as it was found: one that is back by now has written another.
            if found.key() != self.own && found.unchanged >= over && self.store.drop_note(&found.note).await? {
                tracing::info!(authority = %found.row.address, "the row of an authority that is gone was taken away");
            }
        }
        Ok(())
    }

    /// After this long without a change, seen from here, no lease given under a row is left: its authority's
    /// clock may be the slowest and this one the fastest. It gives leases for as long as a lease after its last row.
    fn over_after(&self, row: &PeerRow) -> Duration {
        let reckoning = self.reckoning(row);
        reckoning.outwaited(reckoning.lease.saturating_mul(2))
    }
}
