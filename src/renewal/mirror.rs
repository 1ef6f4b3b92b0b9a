//! The authority's copy of what sidecars hold: kept in step by what changed, never by reading all again. It is
//! what a thousand renewals are answered from with one look at the record.
//!
//! Invariant: it says nothing of its own. Whoever answers from it has brought it up to the record first.

use super::protocol::WireItem;
use super::view::{Place, View};
use crate::domain::TenantId;
use crate::store::{Item, Revision};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

/// How many views' sums are kept: twice as many as the sidecars that an authority is reckoned to answer
/// (docs/operators.md, "How many nodes"). Above it, one makes room for another, and is summed anew when it is asked for.
pub(super) const VIEWS_MAX: usize = 50_000;

/// How many revisions back changes are told one by one; whoever is farther behind is sent everything.
pub(super) const KEPT: u64 = 20_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    revision: Option<Revision>,
    /// What changed at this revision and below is not told apart any more.
    floor: u64,
    items: BTreeMap<Arc<str>, Held>,
    /// The keys of what changed above the floor.
    by_revision: BTreeSet<(u64, Arc<str>)>,
    /// The keys of what every view of tenants shows.
    everywhere: BTreeSet<Arc<str>>,
    /// The keys of the AccessRequests for each tenant's content, in order.
    accesses_of: HashMap<TenantId, Vec<Arc<str>>>,
    /// The sum of everything; asked for at each look at the record.
    whole: u128,
    /// The sums of what other views show.
    sums: HashMap<View, u128>,
}

#[derive(Debug, Clone)]
struct Held {
    payload: Option<Arc<[u8]>>,
    digest: u128,
    revision: u64,
    /// Where it belongs; kept when it is gone. `None` where that was never known.
    place: Option<Place>,
}

/// The mirror is not what the record is: one of them is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Differs;

impl Mirror {
    /// Where it stands; `None` while it is empty.
    pub(super) fn revision(&self) -> Option<Revision> {
        self.revision
    }

    /// An empty mirror that items are put into; what changed up to `floor` is not told apart.
    pub(super) fn begin(floor: u64) -> Self {
        Self { floor, ..Self::default() }
    }

    /// Puts an item that last changed at `revision`.
    pub(super) fn put(&mut self, item: Item, revision: u64) {
        let Item { key, payload, digest } = item;
        let key: Arc<str> = key.into();
        let place = payload.as_deref().map(|payload| Place::of(&key, payload));
        let before = self.items.get(&key).map(|held| (held.digest, held.revision, held.place.clone()));
        let (was, last, had) = before.map_or((0, None, None), |(was, last, had)| (was, Some(last), Some(had)));
        // A key keeps its place for ever: an AccessRequest never changes hands.
        let place = had.clone().flatten().or(place);
        self.index(&key, had, place.as_ref());
        self.whole = self.whole.wrapping_sub(was).wrapping_add(digest);
        for (view, sum) in &mut self.sums {
            if view.shows(&key, place.as_ref()) {
                *sum = sum.wrapping_sub(was).wrapping_add(digest);
            }
        }
        if let Some(last) = last {
            self.by_revision.remove(&(last, Arc::clone(&key)));
        }
        if revision > self.floor {
            self.by_revision.insert((revision, Arc::clone(&key)));
        } else if payload.is_none() {
            self.take_away(&key);
            return;
        }
        self.items.insert(key, Held { payload: payload.map(Into::into), digest, revision, place });
    }

    /// Says that it has now all that leads to `revision`.
    ///
    /// # Errors
    /// [`Differs`] when its sum is not the record's state hash; it is then of no use.
    pub(super) fn stands_at(&mut self, revision: Revision) -> Result<(), Differs> {
        if self.whole != revision.state_hash {
            return Err(Differs);
        }
        self.revision = Some(revision);
        self.forget(revision.number.saturating_sub(KEPT));
        Ok(())
    }

    /// Tells no longer apart what changed at `up_to` and below.
    fn forget(&mut self, up_to: u64) {
        if up_to <= self.floor {
            return;
        }
        let kept = self.by_revision.split_off(&(up_to.saturating_add(1), Arc::from("")));
        for (_, key) in core::mem::replace(&mut self.by_revision, kept) {
            if self.items.get(&key).is_some_and(|held| held.payload.is_none()) {
                self.take_away(&key);
            }
        }
        self.floor = up_to;
    }

    /// Finds a key by its place from now on; `before` is the place it had, if it was there.
    fn index(&mut self, key: &Arc<str>, before: Option<Option<Place>>, place: Option<&Place>) {
        if before.as_ref().is_some_and(|before| before.as_ref() == place) {
            return;
        }
        if let Some(before) = before {
            self.unindex(key, before.as_ref());
        }
        match place {
            None | Some(Place::Everywhere) => drop(self.everywhere.insert(Arc::clone(key))),
            // Found by the tenant's name.
            Some(Place::Tenant) => {}
            Some(Place::Access(of)) => {
                let keys = self.accesses_of.entry(of.0.clone()).or_insert_with(|| Vec::with_capacity(1));
                if let Err(at) = keys.binary_search(key) {
                    keys.insert(at, Arc::clone(key));
                }
            }
        }
    }

    fn unindex(&mut self, key: &Arc<str>, place: Option<&Place>) {
        match place {
            None | Some(Place::Everywhere) => drop(self.everywhere.remove(key)),
            Some(Place::Tenant) => {}
            Some(Place::Access(of)) => {
                let Some(keys) = self.accesses_of.get_mut(&of.0) else { return };
                if let Ok(at) = keys.binary_search(key) {
                    keys.remove(at);
                }
                if keys.is_empty() {
                    self.accesses_of.remove(&of.0);
                }
            }
        }
    }

    fn take_away(&mut self, key: &Arc<str>) {
        let place = self.items.remove(key).and_then(|held| held.place);
        self.unindex(key, place.as_ref());
    }

    /// The keys of all that a view of tenants may show, found without a look at anybody else's; `None` for a view of
    /// every tenant.
    pub(super) fn keys_of(&self, view: &View) -> Option<Vec<Arc<str>>> {
        if view.tenants.is_empty() {
            return None;
        }
        let mut keys: Vec<Arc<str>> = self.everywhere.iter().cloned().collect();
        for tenant in &view.tenants {
            let own = self.items.get_key_value(format!("tenant/{tenant}").as_str());
            keys.extend(own.map(|(key, _)| Arc::clone(key)));
            keys.extend(self.accesses_of.get(tenant).into_iter().flatten().cloned());
        }
        Some(keys)
    }

    /// An item that is there, if a view shows it.
    pub(super) fn present(&self, key: &Arc<str>, view: &View) -> Option<WireItem> {
        self.shown(key, view).filter(|item| item.payload.is_some())
    }

    /// The content of one item, if it is there.
    pub(super) fn payload(&self, key: &str) -> Option<Arc<[u8]>> {
        self.items.get(key)?.payload.clone()
    }

    /// The sum of the digests of what a view shows.
    pub(super) fn sum(&mut self, view: &View) -> u128 {
        if view.is_whole() {
            return self.whole;
        }
        if let Some(sum) = self.sums.get(view) {
            return *sum;
        }
        let add = |sum: u128, (key, held): (&Arc<str>, &Held)| {
            if view.shows(key, held.place.as_ref()) { sum.wrapping_add(held.digest) } else { sum }
        };
        let sum = match self.keys_of(view) {
            Some(keys) => keys.iter().filter_map(|key| self.items.get_key_value(key)).fold(0, add),
            None => self.items.iter().fold(0, add),
        };
        if self.sums.len() >= VIEWS_MAX {
            // Whichever comes first: who loses his sum costs one look at what is his.
            if let Some(one) = self.sums.keys().next().cloned() {
                self.sums.remove(&one);
            }
        }
        self.sums.insert(view.clone(), sum);
        sum
    }

    /// How many sums are kept.
    #[cfg(test)]
    pub(super) fn sums_kept(&self) -> usize {
        self.sums.len()
    }

    /// What a view shows of the changes after `number`, oldest first; `None` when they are not all known any more,
    /// or more than `limit`.
    pub(super) fn since(&self, number: u64, view: &View, limit: usize) -> Option<Vec<WireItem>> {
        let revision = self.revision?;
        if number < self.floor || number > revision.number {
            return None;
        }
        let later = self.by_revision.range((number.saturating_add(1), Arc::from(""))..);
        let items: Vec<WireItem> =
            later.filter_map(|(_, key)| self.shown(key, view)).take(limit.saturating_add(1)).collect();
        (items.len() <= limit).then_some(items)
    }

    /// At most `looked_at` items after `key`: those that are there and that a view shows, and the key to go on
    /// after; `None` at the end.
    pub(super) fn page(
        &self,
        after: Option<&Arc<str>>,
        view: &View,
        looked_at: usize,
    ) -> (Vec<WireItem>, Option<Arc<str>>) {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut last = None;
        let range = self.items.range::<Arc<str>, _>((from, Bound::Unbounded)).take(looked_at);
        let mut seen = 0_usize;
        let mut items = Vec::new();
        for (key, held) in range {
            seen = seen.saturating_add(1);
            last = Some(Arc::clone(key));
            if held.payload.is_some() {
                items.extend(self.shown(key, view));
            }
        }
        (items, last.filter(|_| seen == looked_at))
    }

    fn shown(&self, key: &Arc<str>, view: &View) -> Option<WireItem> {
        let held = self.items.get(key)?;
        let shows = view.shows(key, held.place.as_ref());
        shows.then(|| WireItem { key: Arc::clone(key), payload: held.payload.clone() })
    }
}
