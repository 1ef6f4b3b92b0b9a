//! The numbers about accesses: how far a sidecar is with telling, and what an authority has taken.

use super::super::http::handle;
use super::Outcome;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

/// What became of an access that an authority was told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessOutcome {
    /// It is kept.
    Stored,
    /// It was kept already.
    Known,
    /// It is about no AccessRequest of the record.
    Dropped,
}

/// Accesses, on both sides.
#[derive(Debug, Clone)]
pub struct AccessMetrics {
    told: Counter,
    told_dropped: Counter,
    /// A sidecar's accesses that the authority does not take.
    pub refused: Counter,
    /// Records of a sidecar that went before they were looked at.
    pub lost: Counter,
    /// Records of a sidecar's log that are not looked at or not told yet.
    pub behind: Gauge<u64, AtomicU64>,
    taken: [Counter; 3],
    families: [Family<Outcome, Counter>; 2],
}

impl Default for AccessMetrics {
    fn default() -> Self {
        let [told, taken] = [Family::<Outcome, Counter>::default(), Family::default()];
        let of = |family, outcome| handle(family, &Outcome { outcome });
        Self {
            told: of(&told, "kept"),
            told_dropped: of(&told, "dropped"),
            refused: of(&told, "refused"),
            lost: Counter::default(),
            behind: Gauge::default(),
            taken: [of(&taken, "stored"), of(&taken, "known"), of(&taken, "dropped")],
            families: [told, taken],
        }
    }
}

impl AccessMetrics {
    /// A sidecar has told of some; the authority keeps so many, and has no use for so many.
    pub fn told(&self, kept: u64, dropped: u64) {
        self.told.inc_by(kept);
        self.told_dropped.inc_by(dropped);
    }

    /// An authority was told of some.
    pub fn taken(&self, outcome: AccessOutcome, count: u64) {
        let [stored, known, dropped] = &self.taken;
        match outcome {
            AccessOutcome::Stored => stored,
            AccessOutcome::Known => known,
            AccessOutcome::Dropped => dropped,
        }
        .inc_by(count);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let [told, taken] = self.families.clone();
        registry.register("accesses_told", "Accesses that the authority was told of, by what became of them", told);
        registry.register("accesses_taken", "Accesses that sidecars have told of, by what became of them", taken);
        let help = "Records of the decision log that went before they were told";
        registry.register("accesses_lost_records", help, self.lost.clone());
        let help = "Records of the decision log that are not looked at or not told yet";
        registry.register("accesses_behind_records", help, self.behind.clone());
    }
}
