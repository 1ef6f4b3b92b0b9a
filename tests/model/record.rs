//! The authority's record, what is written into it, and what is true of each Grant, which no part of the
//! protocol can see: that is what the properties judge by.

/// An epoch and a revision in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Point {
    pub(crate) epoch: u8,
    pub(crate) revision: u8,
}

/// A Grant by its number; every approval makes another.
pub(crate) type GrantNumber = u8;

/// The record. One question is asked, so one Grant at most is live for it; which one stands for the whole
/// state, and for its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    pub(crate) at: Point,
    pub(crate) live: Option<GrantNumber>,
    /// The revision at which `live` was written last.
    pub(crate) written: u8,
}

/// The record that the model begins with, and that is the backup: one live Grant.
pub(crate) const FIRST: Record = Record { at: Point { epoch: 1, revision: 1 }, live: Some(0), written: 1 };

impl Record {
    /// Commits another state.
    pub(crate) fn commit(&mut self, live: Option<GrantNumber>) {
        self.at.revision += 1;
        self.written = self.at.revision;
        self.live = live;
    }
}

/// What is true of a Grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    Live,
    /// Revoked this many ticks of true time ago (L and more are the same), and that was not undone.
    Revoked(u8),
    /// Its revocation was answered `effective`.
    Over,
    /// A `recover` that ended it was answered `effective`.
    Past,
}

/// What is true of every Grant there ever was.
pub(crate) type Fates = Vec<Fate>;

/// Which Grants a change ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Ended {
    One(GrantNumber),
    /// All before this number: a `recover`.
    AllBefore(GrantNumber),
}

impl Ended {
    fn holds(self, number: usize) -> bool {
        match self {
            Self::One(one) => usize::from(one) == number,
            Self::AllBefore(end) => number < usize::from(end),
        }
    }

    /// They end now.
    pub(crate) fn commit(self, fates: &mut Fates) {
        for (number, fate) in fates.iter_mut().enumerate() {
            if self.holds(number) && *fate == Fate::Live {
                *fate = Fate::Revoked(0);
            }
        }
    }

    /// That they have ended is answered `effective`.
    pub(crate) fn answer(self, fates: &mut Fates) {
        for (number, fate) in fates.iter_mut().enumerate() {
            if self.holds(number) {
                *fate = if matches!(self, Self::One(_)) { Fate::Over } else { Fate::Past };
            }
        }
    }
}
