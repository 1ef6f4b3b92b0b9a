//! Values that many facts have in common, each held once: a million tenants have a few plans and regions, and all
//! Grants are a few hundred engineers' for a few workloads.

use crate::domain::{Attributes, PersonId, WorkloadName};
use core::hash::Hash;
use std::collections::HashSet;
use std::sync::Arc;

/// How many different values are kept before it is looked which of them nobody has any more.
const LOOK_AT: usize = 1_000;

/// A value whose clones are one in memory.
pub(super) trait Counted: Clone + Eq + Hash {
    /// How many clones there are.
    fn holders(&self) -> usize;
}

/// See the module.
#[derive(Debug)]
pub(super) struct Shared<T> {
    held: HashSet<T>,
    look_at: usize,
}

impl Counted for Arc<Attributes> {
    fn holders(&self) -> usize {
        Arc::strong_count(self)
    }
}

impl Counted for PersonId {
    fn holders(&self) -> usize {
        self.holders()
    }
}

impl Counted for WorkloadName {
    fn holders(&self) -> usize {
        self.holders()
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { held: HashSet::new(), look_at: LOOK_AT }
    }
}

impl<T: Counted> Shared<T> {
    /// The same value, as others have it if any does.
    pub(super) fn one(&mut self, value: T) -> T {
        if let Some(held) = self.held.get(&value) {
            return held.clone();
        }
        if self.held.len() >= self.look_at {
            self.held.retain(|held| held.holders() > 1);
            // Where most are different from each other, it pays to look ever more seldom.
            self.look_at = LOOK_AT.max(self.held.len().saturating_mul(2));
        }
        self.held.insert(value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Value;

    fn attributes(number: usize) -> Arc<Attributes> {
        Arc::new(Attributes::from([("number".to_owned(), Value::Long(i64::try_from(number).unwrap()))]))
    }

    #[test]
    fn equal_values_are_held_once_and_what_nobody_has_goes() {
        let mut shared = Shared::default();
        let first = shared.one(attributes(7));
        assert!(Arc::ptr_eq(&first, &shared.one(attributes(7))));
        for number in 0..10 * LOOK_AT {
            shared.one(attributes(number));
        }
        assert!(shared.held.len() <= LOOK_AT && shared.held.contains(&first), "{}", shared.held.len());
        let all: Vec<_> = (0..10 * LOOK_AT).map(|number| shared.one(attributes(number))).collect();
        assert_eq!(shared.held.len(), all.len());
        let names = ["ana@provider.example"; 2].map(|name| PersonId::parse(name).unwrap());
        let mut shared = Shared::default();
        let names = names.map(|name| shared.one(name));
        assert_eq!(names[0].holders(), 3);
    }
}
