//! First uses: under which Grants content was touched since this process began, so that the customer
//! can be told of the first time. Only a hint: a restart tells of a later use again, and the
//! authority takes the first it hears of.

use crate::domain::{AccessRequestId, Timestamp};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError, RwLock};

/// How many Grants are remembered; above it the memory begins anew, and some are told of twice.
const KNOWN_MAX: usize = 100_000;
/// How many uses wait to be told at most.
const WAITING_MAX: usize = 10_000;

/// A first use: of which AccessRequest's Grant, and when.
pub type FirstUse = (AccessRequestId, Timestamp);

/// See the module.
#[derive(Debug, Default)]
pub struct FirstUses {
    known: RwLock<HashSet<AccessRequestId>>,
    waiting: Mutex<Vec<FirstUse>>,
}

impl FirstUses {
    /// Notes a use. All but the first of a Grant cost one look-up.
    pub fn note(&self, of: AccessRequestId, at: Timestamp) {
        if self.known.read().unwrap_or_else(PoisonError::into_inner).contains(&of) {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        if known.insert(of) {
            self.wait(vec![(of, at)]);
        }
    }

    /// What has not been told yet, at most `limit`; it is taken.
    pub fn take(&self, limit: usize) -> Vec<FirstUse> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = waiting.len().min(limit);
        waiting.drain(..taken).collect()
    }

    /// Puts back what could not be told.
    pub fn wait(&self, uses: Vec<FirstUse>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let room = WAITING_MAX.saturating_sub(waiting.len());
        waiting.extend(uses.into_iter().take(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_told_once_and_again_only_if_telling_failed() {
        let uses = FirstUses::default();
        let (first, second) = (AccessRequestId::new(1001), AccessRequestId::new(1002));
        let at = Timestamp::from_ms;
        uses.note(first, at(1));
        uses.note(first, at(2));
        uses.note(second, at(3));
        let told = uses.take(1);
        assert_eq!(told, [(first, at(1))]);
        uses.wait(told);
        assert_eq!(uses.take(10), [(second, at(3)), (first, at(1))]);
        uses.note(first, at(9));
        assert!(uses.take(10).is_empty());
    }
}
