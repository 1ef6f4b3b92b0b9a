//! The reference model's data: maps and lists, and what the ports ask of them, without any index.

use super::super::{
    AccessRequestFilter, Changes, Item, ItemPage, KEPT_DROPPED_MAX, KEPT_MS_MIN, KeptAnswer, Note, NoteKind,
    OutboxEntry, PAGE_MAX, Page, Revision, StoreError, ToldAccess,
};
use crate::domain::{
    AccessRequest, AccessRequestId, Approval, Engineer, Event, PersonId, State, StateName, Tenant, TenantId, Timer,
    TimerKind, Timestamp,
};
use std::collections::BTreeMap;

/// Everything a store holds.
#[derive(Debug, Clone)]
pub(super) struct Data {
    pub(super) revision: Revision,
    pub(super) access_requests: BTreeMap<AccessRequestId, AccessRequest>,
    pub(super) tenants: BTreeMap<TenantId, Tenant>,
    pub(super) engineers: BTreeMap<PersonId, Engineer>,
    pub(super) events: Vec<Event>,
    pub(super) outbox: Vec<OutboxEntry>,
    pub(super) timers: BTreeMap<(AccessRequestId, TimerKind), Timer>,
    pub(super) notes: BTreeMap<(NoteKind, String), Note>,
    pub(super) kept_answers: BTreeMap<(PersonId, String), KeptAnswer>,
    pub(super) accesses: BTreeMap<uuid::Uuid, ToldAccess>,
    /// By key: the item, and the revision of its last change.
    items: BTreeMap<String, (Item, u64)>,
    tombstone_floor: u64,
}

impl Data {
    /// Nothing.
    pub(super) fn new() -> Self {
        let time_floor = Timestamp::from_ms(i64::MIN);
        Self {
            revision: Revision { epoch: 1, number: 0, state_hash: 0, time_floor },
            access_requests: BTreeMap::new(),
            tenants: BTreeMap::new(),
            engineers: BTreeMap::new(),
            events: Vec::new(),
            outbox: Vec::new(),
            timers: BTreeMap::new(),
            notes: BTreeMap::new(),
            kept_answers: BTreeMap::new(),
            accesses: BTreeMap::new(),
            items: BTreeMap::new(),
            tombstone_floor: 0,
        }
    }

    pub(super) fn access_requests(
        &self,
        filter: &AccessRequestFilter,
        page: Page<AccessRequestId>,
    ) -> Vec<AccessRequest> {
        let newest_first = self.access_requests.values().rev();
        newest_first
            .filter(|of| page.after.is_none_or(|after| of.id < after))
            .filter(|of| passes(of, filter))
            .take(limit(&page))
            .cloned()
            .collect()
    }

    pub(super) fn lapsed(&self, now: Timestamp, limit: u32) -> Vec<AccessRequestId> {
        let due = self.access_requests.values().filter_map(|of| Some((due_at(of)?, of.id)));
        let mut due: Vec<_> = due.filter(|(due_at, _)| *due_at <= now).collect();
        due.sort();
        due.into_iter().map(|(_, id)| id).take(usize::try_from(limit).unwrap_or(usize::MAX)).collect()
    }

    pub(super) fn retirable(&self, prefix: &str, submitted_before: Timestamp, limit: u32) -> Vec<AccessRequestId> {
        let held = |id: AccessRequestId| {
            self.items.get(&format!("{prefix}{}", id.number())).is_some_and(|(item, _)| item.payload.is_some())
        };
        let over = |of: &&AccessRequest| of.state_name().is_final() && of.submitted_at < submitted_before;
        let ids = self.access_requests.values().filter(over).map(|of| of.id).filter(|id| held(*id));
        ids.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect()
    }

    pub(super) fn events(&self, of: impl Fn(&Event) -> bool) -> Vec<Event> {
        self.events.iter().filter(|event| of(event)).cloned().collect()
    }

    pub(super) fn internal_grants(&self, tenant: &TenantId) -> Vec<AccessRequestId> {
        let internal = |of: &&AccessRequest| {
            let active_internally =
                matches!(&of.state, State::Active { grant, .. } if grant.approval == Approval::Internal);
            of.asked.tenant == *tenant && active_internally
        };
        self.access_requests.values().filter(internal).map(|of| of.id).collect()
    }

    pub(super) fn keep_answer(&mut self, caller: &PersonId, key: &str, kept: &KeptAnswer) -> Result<(), StoreError> {
        let is_outlived = |old: &KeptAnswer| old.at.as_ms() <= kept.at.as_ms().saturating_sub(KEPT_MS_MIN);
        let mut outlived: Vec<_> = self
            .kept_answers
            .iter()
            .filter(|(_, old)| is_outlived(old))
            .map(|(place, old)| (old.at, place.clone()))
            .collect();
        outlived.sort();
        for (_, place) in outlived.into_iter().take(usize::try_from(KEPT_DROPPED_MAX).unwrap_or(0)) {
            self.kept_answers.remove(&place);
        }
        let place = (caller.clone(), key.to_owned());
        if self.kept_answers.get(&place).is_some_and(|old| !is_outlived(old)) {
            return Err(StoreError::Conflict("kept answer".to_owned()));
        }
        self.kept_answers.insert(place, kept.clone());
        Ok(())
    }

    pub(super) fn put_item(&mut self, item: Item, number: u64) {
        let digest = if item.payload.is_some() { item.digest } else { 0 };
        self.items.insert(item.key.clone(), (Item { digest, ..item }, number));
    }

    pub(super) fn items_after(&self, key: Option<&str>, limit: u32) -> ItemPage {
        let items = self.items.iter().filter(|(name, _)| key.is_none_or(|key| name.as_str() > key));
        let items = items.take(usize::try_from(limit).unwrap_or(usize::MAX)).map(|(_, item)| item.clone()).collect();
        ItemPage { items, tombstone_floor: self.tombstone_floor }
    }

    /// The sum of the digests, taken anew: no arithmetic to get wrong.
    pub(super) fn state_hash(&self) -> u128 {
        self.items.values().fold(0, |sum, (item, _)| sum.wrapping_add(item.digest))
    }

    pub(super) fn live_items(&self) -> Vec<Item> {
        self.items.values().map(|(item, _)| item).filter(|item| item.payload.is_some()).cloned().collect()
    }

    pub(super) fn changes_since(&self, epoch: u64, number: u64, limit: u32) -> Changes {
        if epoch != self.revision.epoch || number > self.revision.number || number < self.tombstone_floor {
            return Changes::TooOld;
        }
        let mut changed: Vec<_> = self.items.values().filter(|(_, changed)| *changed > number).collect();
        if changed.len() > usize::try_from(limit).unwrap_or(usize::MAX) {
            return Changes::TooOld;
        }
        changed.sort_by(|(a, a_changed), (b, b_changed)| (a_changed, &a.key).cmp(&(b_changed, &b.key)));
        let items = changed.into_iter().map(|(item, _)| item.clone()).collect();
        Changes::Since { items, revision: self.revision }
    }

    pub(super) fn prune_tombstones(&mut self, up_to: u64) {
        let up_to = up_to.min(self.revision.number);
        self.items.retain(|_, (item, changed)| item.payload.is_some() || *changed > up_to);
        self.tombstone_floor = self.tombstone_floor.max(up_to);
    }

    /// Events and kept answers name AccessRequests that exist.
    pub(super) fn references_hold(&self) -> Result<(), StoreError> {
        let mut named = self
            .events
            .iter()
            .filter_map(|event| event.access_request)
            .chain(self.kept_answers.values().map(|kept| kept.access_request))
            .chain(self.timers.keys().map(|(id, _)| *id));
        if named.all(|id| self.access_requests.contains_key(&id)) {
            Ok(())
        } else {
            let why = "it names an AccessRequest that is not stored".to_owned();
            Err(StoreError::Corrupt { what: "transaction".to_owned(), why })
        }
    }
}

/// Writes under a version guard.
pub(super) fn put<K: Ord, V: Clone>(
    into: &mut BTreeMap<K, V>,
    what: &str,
    key: K,
    after: &V,
    before: Option<u64>,
    version: impl Fn(&V) -> u64,
) -> Result<(), StoreError> {
    if into.get(&key).map(&version) != before || version(after) <= before.unwrap_or(0) {
        return Err(StoreError::Conflict(what.to_owned()));
    }
    into.insert(key, after.clone());
    Ok(())
}

/// A page of things by name.
pub(super) fn named<K: Ord, V: Clone>(of: &BTreeMap<K, V>, page: &Page<K>) -> Vec<V> {
    of.iter()
        .filter(|(key, _)| page.after.as_ref().is_none_or(|after| *key > after))
        .take(limit(page))
        .map(|(_, value)| value.clone())
        .collect()
}

/// How many things a page may have.
pub(super) fn limit<K>(page: &Page<K>) -> usize {
    usize::try_from(page.limit.clamp(1, PAGE_MAX)).unwrap_or(1)
}

fn due_at(of: &AccessRequest) -> Option<Timestamp> {
    match &of.state {
        State::Notified { respond_by, .. } => Some(*respond_by),
        State::Active { grant, .. } => Some(grant.window.expires_at),
        _ => None,
    }
}

fn passes(of: &AccessRequest, filter: &AccessRequestFilter) -> bool {
    // What the domain makes of it at `now` is what the filter asks for.
    let state: StateName = match filter.now.and_then(|now| of.lapse(now)) {
        Some(lapsed) => lapsed.after.state_name(),
        None => of.state_name(),
    };
    filter.tenant.as_ref().is_none_or(|tenant| of.asked.tenant == *tenant)
        && filter.engineer.as_ref().is_none_or(|engineer| of.engineer == *engineer)
        && filter.workload.as_ref().is_none_or(|workload| of.asked.workload == *workload)
        && filter.state.is_none_or(|wanted| wanted == state)
        && filter.since.is_none_or(|since| of.submitted_at >= since)
        && filter.text.as_ref().is_none_or(|text| holds(of, text))
        && (!filter.known_to_customer || of.is_known_to_customer())
}

fn holds(of: &AccessRequest, text: &str) -> bool {
    let searched = format!("{} {} {} {}", of.id, of.engineer, of.asked.service_request, of.asked.reason.text);
    searched.to_ascii_lowercase().contains(&text.to_ascii_lowercase())
}
