//! The lease: for how long a sidecar may answer from its memory without news, and within which
//! bounds it then knows the authority's time. Everything is reckoned on CLOCK_BOOTTIME from the
//! moment the renewal was *sent*, so whatever the network, NTP or the scheduler do, a change that
//! the sidecar does not know of is at most L old (SAFETY.md §2).

use crate::clock::Boot;
use crate::domain::{Timestamp, whole_ms};
use core::time::Duration;

/// How leases are reckoned. Both sides must agree on L and ρ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseSettings {
    /// L: no allow is given later than this after a change it contradicts.
    pub lease: Duration,
    /// H: how long the authority may hold a renewal back while nothing changes.
    pub hold: Duration,
    /// ρ, in millionths: no clock runs faster or slower than true time by more than this share.
    pub drift_ppm_max: u32,
}

impl Default for LeaseSettings {
    /// L = 3 s, H = 0.5 s, ρ = 0.1 (SAFETY.md §2).
    fn default() -> Self {
        Self { lease: Duration::from_secs(3), hold: Duration::from_millis(500), drift_ppm_max: 100_000 }
    }
}

const MILLION: u128 = 1_000_000;

impl LeaseSettings {
    /// L(1 + ρ): after this long on the authority's clock, no sidecar that has not renewed since can
    /// hold a lease.
    pub fn certainly_over(&self) -> Duration {
        scaled(self.lease, MILLION.saturating_add(self.rho()), MILLION)
    }

    /// (1 − ρ)·L: what a sidecar has of a lease, on its own clock.
    pub fn usable(&self) -> Duration {
        scaled(self.lease, MILLION.saturating_sub(self.rho()), MILLION)
    }

    /// L in milliseconds and ρ in millionths, for two sides to compare.
    pub fn reckoned(&self) -> (u64, u32) {
        (whole_ms(self.lease), self.drift_ppm_max)
    }

    /// How long to wait here until `duration` has certainly passed on another machine's clock: (1 + ρ)/(1 − ρ).
    pub fn outwaited(&self, duration: Duration) -> Duration {
        scaled(duration, MILLION.saturating_add(self.rho()), MILLION.saturating_sub(self.rho()))
    }

    /// These with a longer lease and a worse clock, where others reckon with such.
    #[must_use]
    pub fn at_least(self, (lease_ms, drift_ppm_max): (u64, u32)) -> Self {
        let lease = self.lease.max(Duration::from_millis(lease_ms));
        Self { lease, drift_ppm_max: self.drift_ppm_max.max(drift_ppm_max), ..self }
    }

    fn rho(&self) -> u128 {
        u128::from(self.drift_ppm_max)
    }
}

/// One lease, from one renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// b0: when the renewal was sent.
    sent: Boot,
    /// When its answer was here.
    received: Boot,
    /// The authority's time when it had the renewal.
    authority_received: Timestamp,
    /// The authority's time when it answered.
    authority_answered: Timestamp,
    settings: LeaseSettings,
}

impl Lease {
    /// The lease of a renewal sent at `sent` and answered at `received`, with the authority's two times.
    pub fn new(
        sent: Boot,
        received: Boot,
        authority_received: Timestamp,
        authority_answered: Timestamp,
        settings: LeaseSettings,
    ) -> Self {
        Self { sent, received, authority_received, authority_answered, settings }
    }

    /// The first instant at which it no longer holds: b0 + (1 − ρ)·L.
    pub fn end(&self) -> Boot {
        self.sent.plus(self.settings.usable())
    }

    /// Whether it holds at `boot`.
    pub fn holds(&self, boot: Boot) -> bool {
        self.sent <= boot && boot < self.end()
    }

    /// How long it still holds.
    pub fn left(&self, boot: Boot) -> Duration {
        self.end().since(boot)
    }

    /// How long ago the authority was last heard of.
    pub fn age(&self, boot: Boot) -> Duration {
        boot.since(self.sent)
    }

    /// The authority's time is not later than this: both clocks are taken at their worst.
    pub fn latest(&self, boot: Boot) -> Timestamp {
        let rho = self.settings.rho();
        let elapsed = scaled(boot.since(self.sent), MILLION.saturating_add(rho), MILLION.saturating_sub(rho));
        // One millisecond for what the two roundings to milliseconds may have hidden.
        self.authority_received.plus(elapsed).plus(Duration::from_millis(1))
    }

    /// The authority's time is not earlier than this.
    pub fn earliest(&self, boot: Boot) -> Timestamp {
        let rho = self.settings.rho();
        let elapsed = scaled(boot.since(self.received), MILLION.saturating_sub(rho), MILLION.saturating_add(rho));
        self.authority_answered.plus(elapsed)
    }
}

/// `duration · numerator / denominator`, rounded down; a denominator of 0 cannot be (ρ < 1 is checked
/// with the configuration) and would give no time at all.
fn scaled(duration: Duration, numerator: u128, denominator: u128) -> Duration {
    let ns = duration.as_nanos().saturating_mul(numerator).checked_div(denominator).unwrap_or(0);
    Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    #[test]
    fn a_lease_ends_reckoned_from_when_the_renewal_was_sent() {
        let lease = Lease::new(Boot::from_ms(1000), Boot::from_ms(1500), at(0), at(400), LeaseSettings::default());
        assert_eq!(lease.end(), Boot::from_ms(1000 + 2700));
        assert!(lease.holds(Boot::from_ms(3699)) && !lease.holds(Boot::from_ms(3700)));
        assert!(!lease.holds(Boot::from_ms(999)), "a boot clock that is before the renewal is another machine's");
        assert_eq!(LeaseSettings::default().certainly_over(), Duration::from_millis(3300));
    }

    proptest! {
        /// Two clocks anywhere within ±ρ of true time: the bounds hold at every instant.
        #[test]
        fn the_authoritys_time_lies_within_the_bounds(
            sidecar_ppm in 900_000u64..=1_100_000, authority_ppm in 900_000u64..=1_100_000,
            there_ms in 0u64..2000, held_ms in 0u64..1000, back_ms in 0u64..2000, then_ms in 0u64..10_000,
        ) {
            let sidecar = |true_ms: u64| Boot::from_ns(true_ms * sidecar_ppm);
            let authority = |true_ms: u64| at(i64::try_from(true_ms * authority_ppm / 1_000_000).unwrap());
            let (got, answered) = (there_ms, there_ms + held_ms);
            let back = answered + back_ms;
            let lease = Lease::new(sidecar(0), sidecar(back), authority(got), authority(answered), LeaseSettings::default());
            let now = back + then_ms;
            prop_assert!(lease.latest(sidecar(now)) >= authority(now));
            prop_assert!(lease.earliest(sidecar(now)) <= authority(now));
        }

        /// Where the lease still holds on the sidecar's clock, less than L(1+ρ) passed on the authority's.
        #[test]
        fn the_authority_outwaits_every_lease(sidecar_ppm in 900_000u64..=1_100_000, authority_ppm in 900_000u64..=1_100_000, now in 0u64..10_000) {
            let settings = LeaseSettings::default();
            let lease = Lease::new(Boot::from_ns(0), Boot::from_ns(0), at(0), at(0), settings);
            if lease.holds(Boot::from_ns(now * sidecar_ppm)) {
                prop_assert!(Duration::from_nanos(now * authority_ppm) < settings.certainly_over());
            }
        }
    }
}
