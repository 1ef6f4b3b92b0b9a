//! The authority: which sidecars it has heard, what they have acknowledged, and when it says `effective`.

use crate::design::{Design, Joining, Members, Recovery, Start};
use crate::record::{Ended, Point, Record};
use crate::sidecar::{Body, Renewal};
use crate::ticks::{Rate, certainly_over};

/// A sidecar that was heard of within L(1 + ρ).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Member {
    /// Its name, and which run of it.
    pub(crate) who: (u8, u8),
    pub(crate) holds: Option<Point>,
    /// Ticks ago.
    pub(crate) heard: u8,
}

/// A change that is not answered `effective` yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Waiting {
    pub(crate) at: Point,
    pub(crate) ended: Ended,
    /// Ticks since the commit; `None` when L(1 + ρ) has passed.
    pub(crate) since: Option<u8>,
}

/// Why a change is effective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Because {
    Acknowledged,
    WaitedOut,
}

/// One run of the authority.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Authority {
    pub(crate) members: Vec<Member>,
    /// By sidecar: whether a renewal that is still waited for is received and its answer not read yet.
    pub(crate) received: Vec<bool>,
    /// Ticks since its start; `None` when L(1 + ρ) has passed.
    pub(crate) up: Option<u8>,
    pub(crate) waiting: Option<Waiting>,
    /// What it read some time before; only a wrong design has it.
    pub(crate) read_before: Option<Record>,
}

impl Authority {
    /// A run that knows of nobody.
    pub(crate) fn started(sidecars: usize, up: Option<u8>) -> Self {
        Self { members: Vec::new(), received: vec![false; sidecars], up, waiting: None, read_before: None }
    }

    /// Takes note of a renewal, before the record is read for it.
    pub(crate) fn hear(&mut self, renewal: &Renewal, same_name: bool, design: Design) {
        let name = if same_name { 0 } else { renewal.sidecar };
        let run = if design.members == Members::ByName { 0 } else { renewal.incarnation };
        let who = (name, run);
        self.members.retain(|member| member.who != who);
        self.members.push(Member { who, holds: renewal.holds, heard: 0 });
        self.members.sort();
        if renewal.waited_for {
            self.received[usize::from(renewal.sidecar)] = true;
        }
    }

    /// Whether the change that waits is effective, and why.
    pub(crate) fn effective(&self, design: Design) -> Option<Because> {
        let waiting = self.waiting.as_ref()?;
        if waiting.since.is_none() {
            return Some(Because::WaitedOut);
        }
        let knows_all = self.up.is_none() || design.start == Start::BelievesNobodyIsThere;
        let recovery = matches!(waiting.ended, Ended::AllBefore(_));
        let counts = knows_all && !(recovery && design.recovery == Recovery::WaitsALease);
        let lags = |member: &Member| match member.holds {
            None => design.joining == Joining::Lags,
            Some(held) => held < waiting.at,
        };
        (counts && !self.members.iter().any(lags)).then_some(Because::Acknowledged)
    }

    /// One tick.
    pub(crate) fn age(&mut self, rate: Rate, lease: u8) {
        let older = |age: u8| Some(age + 1).filter(|age| !certainly_over(*age, rate, lease));
        self.members = self
            .members
            .drain(..)
            .filter_map(|member| older(member.heard).map(|heard| Member { heard, ..member }))
            .collect();
        // In one order, so that equal authorities are the same state.
        self.members.sort();
        self.up = self.up.and_then(older);
        if let Some(waiting) = &mut self.waiting {
            waiting.since = waiting.since.and_then(older);
        }
    }
}

/// What a record has to say to who holds `holds`.
pub(crate) fn lacking(record: &Record, holds: Option<Point>) -> Body {
    match holds {
        Some(held) if held.epoch == record.at.epoch && held.revision <= record.at.revision => {
            if held.revision < record.written { Body::Changes } else { Body::Nothing }
        }
        _ => Body::Snapshot,
    }
}
