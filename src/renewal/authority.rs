//! The authority's side of renewal: answers sidecars, knows what each has acknowledged, and says
//! when a change can no longer be contradicted by any of them.

use super::protocol::{Body, Renew, RenewAnswer, RenewError, RenewRequest, WireItem};
use crate::clock::{AuthorityTime, Boot, Clock};
use crate::manage_requests::Effects;
use crate::state::{FirstUse, FirstUses, LeaseSettings};
use crate::store::{Changes, Item, Revision, Store};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// A delta longer than this is sent as a snapshot.
const CHANGES_MAX: u32 = 10_000;

/// One sidecar, as the authority sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetMember {
    /// Which run of it.
    pub incarnation: String,
    /// The epoch and revision it has acknowledged.
    pub holds: Option<(u64, u64)>,
    /// The digest of the policies it decides by.
    pub policy_digest: String,
    /// The sequence number of its last recorded Decision.
    pub log_sequence: Option<u64>,
    /// When its last renewal was answered, or came in if it is being answered.
    pub heard: Boot,
}

/// The authority's side.
pub struct Fleet {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    time: Arc<AuthorityTime>,
    settings: LeaseSettings,
    members: Mutex<BTreeMap<String, FleetMember>>,
    /// A hint that the record has moved: wakes renewals that are held back. Never read as a fact.
    committed: watch::Sender<u64>,
    /// A hint that somebody has acknowledged something.
    acknowledged: watch::Sender<u64>,
    /// First uses that sidecars have told of and that are not on record yet.
    first_uses: FirstUses,
    used: Notify,
}

impl Fleet {
    /// A fleet without members.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        time: Arc<AuthorityTime>,
        settings: LeaseSettings,
    ) -> Self {
        let members = Mutex::new(BTreeMap::new());
        let (committed, acknowledged) = (watch::Sender::new(0), watch::Sender::new(0));
        let (first_uses, used) = (FirstUses::default(), Notify::new());
        Self { store, clock, time, settings, members, committed, acknowledged, first_uses, used }
    }

    /// Waits until a sidecar tells of first uses, and gives them. One task may wait.
    pub async fn first_uses(&self) -> Vec<FirstUse> {
        loop {
            let told = self.first_uses.take(usize::MAX);
            if !told.is_empty() {
                return told;
            }
            self.used.notified().await;
        }
    }

    /// The sidecars heard of, by name.
    pub fn members(&self) -> BTreeMap<String, FleetMember> {
        self.lock().clone()
    }

    /// The sidecars that might still answer from before `revision`.
    pub fn lagging(&self, revision: Revision, boot: Boot) -> Vec<String> {
        let over = self.settings.certainly_over();
        let lags = |member: &FleetMember| {
            let behind = member.holds.is_some_and(|(epoch, number)| {
                epoch < revision.epoch || (epoch == revision.epoch && number < revision.number)
            });
            // One that says it holds nothing may be waiting for an answer read before the change.
            (behind || member.holds.is_none()) && boot.since(member.heard) < over
        };
        self.lock().iter().filter(|(_, member)| lags(member)).map(|(name, _)| name.clone()).collect()
    }

    /// Notes what the renewal acknowledges. Before the record is read: a change that commits after
    /// this finds the sidecar among those it has to wait for.
    fn hear(&self, request: &RenewRequest) {
        let member = FleetMember {
            incarnation: request.incarnation.clone(),
            holds: request.holds,
            policy_digest: request.policy_digest.clone(),
            log_sequence: request.log_sequence,
            heard: self.clock.boot(),
        };
        self.lock().insert(request.sidecar.clone(), member);
        self.acknowledged.send_modify(|count| *count = count.wrapping_add(1));
    }

    async fn lacking(&self, holds: Option<(u64, u64)>) -> Result<(Body, Revision), RenewError> {
        if let Some((epoch, number)) = holds
            && let Changes::Since { items, revision } = self.store.changes_since(epoch, number, CHANGES_MAX).await?
        {
            return Ok((Body::Changes(items.into_iter().map(WireItem::from).collect()), revision));
        }
        let (items, revision) = self.store.snapshot().await?;
        Ok((Body::Snapshot(items.into_iter().map(WireItem::from).collect()), revision))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, FleetMember>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Effects for Fleet {
    /// Answers the renewals that are held back.
    fn committed(&self, revision: Revision) {
        self.committed.send_replace(revision.number);
    }

    /// Each sidecar has acknowledged `revision`, or its lease is certainly over: L(1 + ρ) at the most.
    async fn effective(&self, revision: Revision) {
        let mut acknowledged = self.acknowledged.subscribe();
        let began = self.clock.boot();
        let longest = self.settings.certainly_over();
        loop {
            let boot = self.clock.boot();
            if boot.since(began) >= longest || self.lagging(revision, boot).is_empty() {
                return;
            }
            let left = longest.saturating_sub(boot.since(began));
            // Woken by an acknowledgement, or when the longest lease is over; either way it looks again.
            let _woken = tokio::time::timeout(left, acknowledged.changed()).await;
        }
    }
}

#[async_trait]
impl Renew for Fleet {
    async fn renew(&self, request: RenewRequest) -> Result<RenewAnswer, RenewError> {
        let received_at = self.time.now();
        let mut committed = self.committed.subscribe();
        self.hear(&request);
        if !request.first_uses.is_empty() {
            self.first_uses.wait(request.first_uses.clone());
            self.used.notify_one();
        }
        let (mut body, mut revision) = self.lacking(request.holds).await?;
        if body == Body::Changes(Vec::new()) {
            // The record was read after the renewal came, so "nothing new" is true of that moment and
            // the lease it gives is right even if the answer is held back.
            let held = tokio::time::timeout(self.settings.hold, committed.changed()).await;
            if held.is_ok() {
                (body, revision) = self.lacking(request.holds).await?;
            }
        }
        let answered_at = self.time.now();
        let (epoch, number, state_hash) = (revision.epoch, revision.number, revision.state_hash);
        Ok(RenewAnswer { nonce: request.nonce, epoch, revision: number, state_hash, received_at, answered_at, body })
    }
}

impl From<Item> for WireItem {
    fn from(item: Item) -> Self {
        Self { key: item.key, payload: item.payload }
    }
}
