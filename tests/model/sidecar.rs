//! A sidecar as the protocol sees it: what it holds, for how long it believes it, and which answers it takes.

use crate::design::{Anchor, Answering, Design};
use crate::record::{GrantNumber, Point};
use crate::ticks::{Rate, leased_out};

/// What a sidecar holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Memory {
    pub(crate) at: Point,
    pub(crate) live: Option<GrantNumber>,
    /// Whether the hash was right; if not, it holds nothing that it would say it holds.
    pub(crate) whole: bool,
}

/// A renewal that is not answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Outstanding {
    /// How long ago it was sent, on the clock that leases are reckoned on; `None`: longer ago than a lease lasts.
    pub(crate) sent: Option<u8>,
    /// Whether it is the first of this run.
    pub(crate) first: bool,
}

/// One run of a sidecar, until the next takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Sidecar {
    pub(crate) incarnation: u8,
    pub(crate) memory: Option<Memory>,
    /// How long ago, on the clock that leases are reckoned on, the lease began; `None` when it is over.
    pub(crate) lease: Option<u8>,
    pub(crate) outstanding: Option<Outstanding>,
    pub(crate) has_asked: bool,
    /// An allow that was judged and is being recorded.
    pub(crate) judged: Option<GrantNumber>,
}

/// A renewal on its way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Renewal {
    pub(crate) sidecar: u8,
    pub(crate) incarnation: u8,
    pub(crate) holds: Option<Point>,
    /// Whether its sidecar still waits for the answer.
    pub(crate) waited_for: bool,
}

/// What an answer brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Body {
    /// Changes, and there are none.
    Nothing,
    /// Changes that make the state what it is.
    Changes,
    Snapshot,
}

/// An answer on its way. `live` is the state, and its hash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Answer {
    pub(crate) sidecar: u8,
    /// Whether it answers the first renewal of a run.
    pub(crate) first: bool,
    pub(crate) at: Point,
    pub(crate) live: Option<GrantNumber>,
    pub(crate) body: Body,
}

/// What a sidecar makes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Taken,
    OlderEpoch,
    LowerRevision,
    ForeignChanges,
    /// The hash is not right: the lease ends, and a snapshot is needed.
    Diverged,
}

impl Sidecar {
    /// A run that knows nothing.
    pub(crate) fn started(incarnation: u8) -> Self {
        Self { incarnation, memory: None, lease: None, outstanding: None, has_asked: false, judged: None }
    }

    /// What it says it holds, which is also its acknowledgement.
    pub(crate) fn holds(&self) -> Option<Point> {
        self.memory.filter(|memory| memory.whole).map(|memory| memory.at)
    }

    /// The Grant that it would allow by at this moment.
    pub(crate) fn allows(&self) -> Option<GrantNumber> {
        self.lease.and(self.memory).filter(|memory| memory.whole).and_then(|memory| memory.live)
    }

    /// The Grants of all the allows that may be given at this moment.
    pub(crate) fn given(&self, design: Design) -> impl Iterator<Item = GrantNumber> {
        let as_judged = self.judged.filter(|_| design.answering == Answering::AsJudged);
        self.allows().into_iter().chain(as_judged)
    }

    /// What it makes of an answer.
    pub(crate) fn verdict(&self, answer: &Answer, design: Design) -> Verdict {
        let Some(held) = self.memory else {
            return if answer.body == Body::Snapshot { Verdict::Taken } else { Verdict::ForeignChanges };
        };
        if design.older_epoch_is_refused && answer.at.epoch < held.at.epoch {
            return Verdict::OlderEpoch;
        }
        if answer.body != Body::Snapshot && answer.at.epoch != held.at.epoch {
            return Verdict::ForeignChanges;
        }
        let lower = answer.at.epoch == held.at.epoch && answer.at.revision < held.at.revision;
        if lower && design.lower_revision_is_refused {
            return Verdict::LowerRevision;
        }
        if answer.body == Body::Nothing && answer.live != held.live {
            return Verdict::Diverged;
        }
        Verdict::Taken
    }

    /// Makes of an answer what there is to make of it; the renewal is answered.
    pub(crate) fn take(&mut self, answer: &Answer, design: Design, rate: Rate, lease: u8) {
        let Some(outstanding) = self.outstanding.take() else { return };
        match self.verdict(answer, design) {
            Verdict::Taken => {
                self.memory = Some(Memory { at: answer.at, live: answer.live, whole: true });
                let began = if design.anchor == Anchor::Sent { outstanding.sent } else { Some(0) };
                self.lease = began.filter(|age| !leased_out(*age, rate, lease, design.lease_is_shortened));
            }
            Verdict::Diverged => {
                self.memory = self.memory.map(|memory| Memory { at: answer.at, whole: false, ..memory });
                self.lease = None;
            }
            Verdict::OlderEpoch | Verdict::LowerRevision | Verdict::ForeignChanges => {}
        }
    }

    /// One tick of the clock that leases are reckoned on.
    pub(crate) fn age(&mut self, design: Design, rate: Rate, lease: u8) {
        let older = |age: Option<u8>| {
            age.map(|age| age + 1).filter(|age| !leased_out(*age, rate, lease, design.lease_is_shortened))
        };
        self.lease = older(self.lease);
        if let Some(outstanding) = &mut self.outstanding {
            outstanding.sent = older(outstanding.sent);
        }
    }
}
