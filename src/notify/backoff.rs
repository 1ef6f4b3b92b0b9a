//! When what was refused is tried again, and when it is given up. Reads no clock and waits for nothing.

use crate::clock::Ids;
use crate::config::{Mail, Webhooks};
use core::time::Duration;

/// Waits that double from the first to the longest, and an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub first: Duration,
    /// No wait is longer.
    pub longest: Duration,
    /// After so many failures it is given up.
    pub attempts_max: u32,
}

impl From<&Mail> for Backoff {
    fn from(mail: &Mail) -> Self {
        Self::new(mail.retry_first_s, mail.retry_longest_s, mail.attempts_max)
    }
}

impl From<&Webhooks> for Backoff {
    fn from(webhooks: &Webhooks) -> Self {
        Self::new(webhooks.retry_first_s, webhooks.retry_longest_s, webhooks.attempts_max)
    }
}

impl Backoff {
    fn new(first_s: u64, longest_s: u64, attempts_max: u32) -> Self {
        Self { first: Duration::from_secs(first_s), longest: Duration::from_secs(longest_s), attempts_max }
    }

    /// How long to wait after the `failures`th failure, the first being 1; `None` when it is given up.
    /// `chance` spreads the waits over their second half, so that what failed together does not come back
    /// together: 0 gives the shortest, `u32::MAX` the longest.
    pub fn wait(&self, failures: u32, chance: u32) -> Option<Duration> {
        if failures >= self.attempts_max {
            return None;
        }
        let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).and_then(|times| self.first.checked_mul(times));
        let whole = doubled.unwrap_or(self.longest).min(self.longest);
        let part = u128::from(chance).saturating_mul((whole / 2).as_nanos()) / u128::from(u32::MAX);
        Some((whole / 2).saturating_add(Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX))))
    }

    /// The same, with a chance drawn from `ids`. Without entropy the wait is the longest that it could be.
    pub fn wait_by_chance(&self, failures: u32, ids: &dyn Ids) -> Option<Duration> {
        let mut bytes = [0; 4];
        let drawn = ids.fill(&mut bytes).map(|()| u32::from_le_bytes(bytes));
        self.wait(failures, drawn.unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededIds;
    use proptest::prelude::*;

    const USUAL: Backoff =
        Backoff { first: Duration::from_secs(15), longest: Duration::from_secs(1800), attempts_max: 30 };

    #[test]
    fn waits_double_to_the_longest_and_then_it_is_given_up() {
        let longest = |failures| USUAL.wait(failures, u32::MAX).map(|wait| wait.as_secs());
        let waits: Vec<u64> = (1..10).filter_map(longest).collect();
        assert_eq!(waits, [15, 30, 60, 120, 240, 480, 960, 1800, 1800]);
        assert_eq!((longest(29), longest(30), longest(u32::MAX)), (Some(1800), None, None));
        assert_eq!(USUAL.wait(2, 0), Some(Duration::from_secs(15)));
        let once = Backoff { attempts_max: 1, ..USUAL };
        assert_eq!(once.wait(1, 0), None);
    }

    #[test]
    fn the_defaults_try_as_long_as_a_customer_has_to_answer_and_not_longer() {
        for usual in [Backoff::from(&Mail::default()), Backoff::from(&Webhooks::default())] {
            assert_eq!(usual, USUAL);
            let total: Duration = (1..30).filter_map(|failures| usual.wait(failures, u32::MAX)).sum();
            assert!((10 * 3600..12 * 3600).contains(&total.as_secs()), "{total:?}");
        }
    }

    #[test]
    fn what_failed_together_comes_back_apart() {
        let ids = SeededIds::new(7);
        let waits: std::collections::BTreeSet<_> = (0..100).map(|_| USUAL.wait_by_chance(5, &ids)).collect();
        assert!(waits.len() > 90, "{}", waits.len());
    }

    proptest! {
        #[test]
        fn a_wait_is_between_half_and_whole_whatever_the_numbers(
            first in 1_u64..=3600, longest in 1_u64..=86_400, failures in 1_u32.., chance: u32,
        ) {
            let backoff = Backoff { attempts_max: u32::MAX, ..Backoff::new(first, first.max(longest), 1) };
            if let Some(wait) = backoff.wait(failures, chance) {
                prop_assert!(wait <= backoff.longest && wait >= backoff.first / 2);
            }
        }
    }
}
