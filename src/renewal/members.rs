//! The sidecars an authority has heard: what each has acknowledged, and until when it may still answer from
//! something older.
//!
//! Invariant: a run of a sidecar is forgotten only when its last lease is certainly over, whatever other runs
//! have the same name; and what it has acknowledged never goes back.

use super::protocol::RenewRequest;
use super::view::View;
use crate::clock::Boot;
use core::time::Duration;
use std::collections::BTreeMap;

/// How long a run that says nothing any more is still shown to operators.
const SHOWN_FOR: Duration = Duration::from_secs(600);
/// The most runs that are remembered for being shown; above it all whose leases are over go.
const MEMBERS_MAX: usize = 200_000;

/// One run of one sidecar, as an authority sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetMember {
    /// Its name.
    pub sidecar: String,
    /// Which run of it.
    pub incarnation: String,
    /// The epoch and revision it has acknowledged.
    pub holds: Option<(u64, u64)>,
    /// What it is for.
    pub view: View,
    /// The digest of the policies it decides by.
    pub policy_digest: String,
    /// The sequence number of its last recorded Decision.
    pub log_sequence: Option<u64>,
    /// When its last renewal came.
    pub heard: Boot,
}

/// A run by name and incarnation.
pub(super) type RunId = (String, String);

/// Whether who holds this can answer from nothing older than a revision. Revisions of other epochs say nothing.
pub(super) fn acknowledges(holds: Option<(u64, u64)>, epoch: u64, number: u64) -> bool {
    holds.is_some_and(|(held, revision)| held == epoch && revision >= number)
}

/// See the module.
#[derive(Debug)]
pub(super) struct Members {
    /// L(1 + ρ).
    certainly_over: Duration,
    /// Runs nobody knows may hold leases until then: those of before this process.
    unknown_until: Option<Boot>,
    runs: BTreeMap<RunId, FleetMember>,
}

impl Members {
    pub(super) fn new(certainly_over: Duration) -> Self {
        Self { certainly_over, unknown_until: None, runs: BTreeMap::new() }
    }

    /// Counts on sidecars that were given leases before this process began, until these are over.
    pub(super) fn others_before(&mut self, boot: Boot, certainly_over: Duration) {
        self.unknown_until = Some(boot.plus(certainly_over));
    }

    /// Notes that a run renews. Before the record is read for it: a change that commits after this finds it among
    /// those it has to wait for.
    pub(super) fn hear(&mut self, request: &RenewRequest, boot: Boot) {
        let id = (request.sidecar.clone(), request.incarnation.clone());
        let known = self.runs.get(&id);
        let holds = known.and_then(|known| known.holds);
        let member = FleetMember {
            sidecar: request.sidecar.clone(),
            incarnation: request.incarnation.clone(),
            holds,
            view: request.view.clone(),
            policy_digest: request.policy_digest.clone(),
            log_sequence: known.and_then(|known| known.log_sequence).max(request.log_sequence),
            heard: boot,
        };
        self.runs.insert(id, member);
        if self.runs.len() > MEMBERS_MAX {
            self.runs.retain(|_, member| boot.since(member.heard) < self.certainly_over);
        }
    }

    /// Notes what a renewal acknowledges, once it is known that the record has come so far: what it held of a record
    /// that was since restored acknowledges nothing.
    pub(super) fn acknowledge(&mut self, request: &RenewRequest) {
        if let Some(member) = self.runs.get_mut(&(request.sidecar.clone(), request.incarnation.clone())) {
            // Renewals overtake each other on the way, and may be played again: what was acknowledged once stays so.
            member.holds = member.holds.max(request.holds);
        }
    }

    /// The runs that might still answer from before a revision, and what they hold.
    pub(super) fn lagging(&self, epoch: u64, number: u64, boot: Boot) -> Vec<(RunId, Option<(u64, u64)>)> {
        let lagging = self.runs.iter().filter(|(_, member)| self.lags(member, epoch, number, boot));
        lagging.map(|(id, member)| (id.clone(), member.holds)).collect()
    }

    /// Whether there is any such run; asked at each of thousands of acknowledgements, so none is named.
    pub(super) fn any_lags(&self, epoch: u64, number: u64, boot: Boot) -> bool {
        self.runs.values().any(|member| self.lags(member, epoch, number, boot))
    }

    fn lags(&self, member: &FleetMember, epoch: u64, number: u64, boot: Boot) -> bool {
        // One that says it holds nothing may be waiting for an answer read before the change.
        !acknowledges(member.holds, epoch, number) && boot.since(member.heard) < self.certainly_over
    }

    /// Whether sidecars of before this process may hold leases.
    pub(super) fn unknown(&self, boot: Boot) -> bool {
        !self.unknown_for(boot).is_zero()
    }

    /// For how long after `boot` they may.
    pub(super) fn unknown_for(&self, boot: Boot) -> Duration {
        self.unknown_until.map(|until| until.since(boot)).unwrap_or_default()
    }

    /// Whether a run has acknowledged a revision here.
    pub(super) fn has(&self, id: &RunId, epoch: u64, number: u64) -> bool {
        self.runs.get(id).is_some_and(|member| acknowledges(member.holds, epoch, number))
    }

    /// Those heard lately, by name; what is silent for long is forgotten.
    pub(super) fn shown(&mut self, boot: Boot) -> Vec<FleetMember> {
        let keep = SHOWN_FOR.max(self.certainly_over);
        self.runs.retain(|_, member| boot.since(member.heard) < keep);
        self.runs.values().cloned().collect()
    }
}
