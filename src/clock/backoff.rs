//! How long to wait after failures: doubling, bounded, and not the same for everybody, so that a fleet that lost its
//! authority does not come back all at once.

use core::time::Duration;

/// The pauses of one caller.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
    chance: u64,
}

impl Backoff {
    /// Pauses from `first` up to `longest`, spread by `chance`, which is another number for each caller.
    pub fn new(first: Duration, longest: Duration, chance: u64) -> Self {
        let longest = longest.max(first);
        Self { first, longest, next: first, chance }
    }

    /// Begins anew with the first pause.
    pub fn succeeded(&mut self) {
        self.next = self.first;
    }

    /// The pause after one more failure: half of it certain, half by chance.
    pub fn failed(&mut self) -> Duration {
        let whole = self.next;
        self.next = self.next.saturating_mul(2).min(self.longest);
        self.chance = self.chance.wrapping_add(1);
        // A multiplicative hash (Knuth): neighbouring numbers give pauses that are far apart.
        let share = u32::try_from(self.chance.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40).unwrap_or(0);
        whole / 2 + (whole / 2).saturating_mul(share) / (1 << 24)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew_after_a_success() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(50), ms(500), 0);
        for (round, whole) in [50, 100, 200, 400, 500, 500].into_iter().enumerate() {
            let pause = backoff.failed();
            assert!(pause >= ms(whole / 2) && pause <= ms(whole), "{round}: {pause:?}");
        }
        backoff.succeeded();
        assert!(backoff.failed() <= ms(50));
        let pauses: std::collections::BTreeSet<_> =
            (0..100).map(|seed| Backoff::new(ms(400), ms(400), seed).failed()).collect();
        assert!(pauses.len() > 90, "a fleet spreads");
    }
}
