//! The rules for several authorities over one record: the right ones, and those that somebody could have got
//! wrong, of which a wrong design leaves out one.

/// When an authority may answer renewals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MayAnswer {
    /// Less than G after it sent the last write of its row that it knows is there.
    WhileFresh,
    /// Less than G after it learnt that the write is there.
    WhileFreshSinceConfirmed,
    /// From its first write on, for ever.
    OnceWritten,
    /// Without a row too.
    Always,
}

/// What a row says while none of its authority's sidecars lags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// The revision of the record that was read before its sidecars were looked at.
    RevisionReadBefore,
    /// The revision of the record that was read after its sidecars were looked at.
    RevisionReadAfter,
    /// That nothing lags, whatever the revision.
    Everything,
}

/// How an authority that does not refresh its row any more stops counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dead {
    /// Who revokes has seen its row unchanged for G(1 + ρ)/(1 − ρ) + L(1 + ρ).
    Outlasted,
    /// Who revokes has seen its row unchanged for L(1 + ρ) only.
    OutlastedWithoutG,
    /// Its row is taken away, at any time, which is waited out for L(1 + ρ) as any loss is.
    Removed,
}

/// A design of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) may_answer: MayAnswer,
    pub(crate) says: Says,
    /// Whether who revokes looks at the rows of others.
    pub(crate) are_looked_at: bool,
    /// Whether every write of a row changes it, though it says the same.
    pub(crate) are_counted: bool,
    pub(crate) dead: Dead,
    /// Whether a sidecar is noted before the record is read for it.
    pub(crate) hears_first: bool,
    /// Whether one that has just started says nothing new in its row for L(1 + ρ).
    pub(crate) start_waits: bool,
    /// Whether a row that is gone holds who revokes up for L(1 + ρ), or counts for nothing at once.
    pub(crate) loss_is_waited_out: bool,
    /// Whether an authority finds its own row in the same read as the record, or does not answer.
    pub(crate) own_is_looked_at: bool,
}

/// What the model finds nothing wrong with.
pub(crate) const RIGHT: Rows = Rows {
    may_answer: MayAnswer::WhileFresh,
    says: Says::RevisionReadBefore,
    are_looked_at: true,
    are_counted: true,
    dead: Dead::Outlasted,
    hears_first: true,
    start_waits: true,
    loss_is_waited_out: true,
    own_is_looked_at: true,
};

/// Another right way, without G: who finds a row old takes it away, and an authority without a row of its own in
/// what it reads does not answer.
pub(crate) const REMOVING: Rows = Rows { may_answer: MayAnswer::OnceWritten, dead: Dead::Removed, ..RIGHT };
