//! Values that many facts have in common, each held once: a million tenants have a few plans and regions.

use core::hash::Hash;
use std::collections::HashSet;
use std::sync::Arc;

/// How many different values are kept before it is looked which of them nobody has any more.
const LOOK_AT: usize = 1_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Shared<T> {
    held: HashSet<Arc<T>>,
    look_at: usize,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { held: HashSet::new(), look_at: LOOK_AT }
    }
}

impl<T: Eq + Hash> Shared<T> {
    /// The same value, as others have it if any does.
    pub(super) fn one(&mut self, value: Arc<T>) -> Arc<T> {
        if let Some(held) = self.held.get(&value) {
            return Arc::clone(held);
        }
        if self.held.len() >= self.look_at {
            self.held.retain(|held| Arc::strong_count(held) > 1);
            // Where most are different from each other, it pays to look ever more seldom.
            self.look_at = LOOK_AT.max(self.held.len().saturating_mul(2));
        }
        self.held.insert(Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_held_once_and_what_nobody_has_goes() {
        let mut shared = Shared::default();
        let first = shared.one(Arc::new(7));
        assert!(Arc::ptr_eq(&first, &shared.one(Arc::new(7))));
        for number in 0..10 * LOOK_AT {
            shared.one(Arc::new(number));
        }
        assert!(shared.held.len() <= LOOK_AT && shared.held.contains(&7), "{}", shared.held.len());
        let all: Vec<_> = (0..10 * LOOK_AT).map(|number| shared.one(Arc::new(number))).collect();
        assert_eq!(shared.held.len(), all.len());
    }
}
