//! The rules of the protocol that somebody could have got wrong: the right way of each, and the wrong
//! ones. A wrong design differs from the right one in exactly one rule, so that what it breaks is known.

/// From when on a lease is reckoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Sent,
    Received,
}

/// Which of the sidecar's clocks a lease is reckoned on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaseClock {
    /// CLOCK_BOOTTIME.
    Boot,
    /// CLOCK_MONOTONIC, which stands still in suspend.
    Monotonic,
}

/// When the authority reads the record for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    AfterReceipt,
    /// From what it read some time before: a cache, or a replica that lags.
    Before,
}

/// What ties an answer to a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nonce {
    /// Never used twice, by any run of any sidecar.
    NeverAgain,
    /// Counts from 1 in every run of a sidecar.
    CountedFromStart,
    Missing,
}

/// What the authority takes for one sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Members {
    /// Every run of every sidecar.
    ByIncarnation,
    /// What carries the same name: the run heard of last stands for those before.
    ByName,
}

/// What a sidecar that holds nothing yet means for `effective`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joining {
    /// It may be waiting for an answer that was read before the change.
    Lags,
    Ignored,
}

/// What an authority does that has just started and knows of no sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// For L(1 + ρ) no acknowledgement counts: sidecars it does not know may hold leases of the run before.
    WaitsALease,
    BelievesNobodyIsThere,
}

/// When `recover` is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// After L(1 + ρ), whatever is acknowledged: who restores one backup twice counts epoch and revision anew,
    /// so an acknowledgement may be of the other history.
    WaitsALease,
    /// As any other change.
    ByAcknowledgement,
}

/// The epoch that `recover` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Epochs {
    /// One more than the restored record says.
    PlusOne,
    /// One that was never used before, not even in what the restore undid.
    NeverAgain,
}

/// When an allow counts as given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answering {
    /// It is judged again, or compared with the lease and the revision, when its record is on disk.
    LooksAgain,
    /// As judged, however long recording it took.
    AsJudged,
}

/// A design of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Design {
    pub(crate) anchor: Anchor,
    pub(crate) clock: LeaseClock,
    /// Whether the lease is (1 − ρ)·L on the sidecar's clock, or L.
    pub(crate) lease_is_shortened: bool,
    pub(crate) older_epoch_is_refused: bool,
    pub(crate) lower_revision_is_refused: bool,
    pub(crate) reading: Reading,
    pub(crate) nonce: Nonce,
    pub(crate) members: Members,
    pub(crate) joining: Joining,
    pub(crate) start: Start,
    pub(crate) recovery: Recovery,
    pub(crate) epochs: Epochs,
    pub(crate) answering: Answering,
}

/// What the model finds nothing wrong with.
pub(crate) const RIGHT: Design = Design {
    anchor: Anchor::Sent,
    clock: LeaseClock::Boot,
    lease_is_shortened: true,
    older_epoch_is_refused: true,
    lower_revision_is_refused: true,
    reading: Reading::AfterReceipt,
    nonce: Nonce::NeverAgain,
    members: Members::ByIncarnation,
    joining: Joining::Lags,
    start: Start::WaitsALease,
    recovery: Recovery::WaitsALease,
    epochs: Epochs::PlusOne,
    answering: Answering::LooksAgain,
};
