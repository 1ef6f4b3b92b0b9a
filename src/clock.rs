//! The edge of time and chance: the wall clock, the clock since boot, and the source of ids and
//! secrets. Everything else takes `now` as a parameter and ids from an [`Ids`].
//!
//! Invariant: no other file reads a clock or draws a random number. Nothing here waits.

mod authority;
mod backoff;

pub use authority::AuthorityTime;
pub use backoff::Backoff;

use crate::domain::Timestamp;
use core::time::Duration;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// An instant on `CLOCK_BOOTTIME`, in nanoseconds since the machine started. It counts through
/// suspend, never steps, and means nothing on another machine or after a restart of this one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Boot(u64);

impl Boot {
    /// The instant `ns` nanoseconds after the machine started.
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// The instant `ms` milliseconds after the machine started.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the machine started.
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// This instant and `duration` more; stops at the end of the range (584 years).
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration_ns(duration)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn duration_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Reads both clocks. A use case reads each once and hands the instants down.
pub trait Clock: Send + Sync {
    /// The time of day. May step either way at any moment; leases never rest on it.
    fn wall(&self) -> Timestamp;
    /// The time since boot. Leases rest on it.
    fn boot(&self) -> Boot;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the Clock that everybody else is sent to")]
        let now = SystemTime::now();
        let ms = match now.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        };
        Timestamp::from_ms(ms)
    }

    fn boot(&self) -> Boot {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        // The kernel counts up from zero: a negative part cannot be, and would read as no time passed.
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
        Boot(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
    }
}

/// A clock that stands still until it is told otherwise, for tests and simulations. Wall and boot are
/// set independently; [`SteppedClock::advance`] moves both, each at its own rate.
#[derive(Debug)]
pub struct SteppedClock(Mutex<Stepped>);

#[derive(Debug, Clone, Copy)]
struct Stepped {
    wall_ns: i128,
    boot_ns: u64,
    wall_ppm: u32,
    boot_ppm: u32,
}

/// Parts per million of a clock that runs right.
const RIGHT_PPM: u32 = 1_000_000;

impl SteppedClock {
    /// A clock that shows `wall`, one hour after boot, and runs right.
    pub fn at(wall: Timestamp) -> Self {
        let wall_ns = i128::from(wall.as_ms()).saturating_mul(1_000_000);
        let boot_ns = Boot::from_ms(3_600_000).as_ns();
        Self(Mutex::new(Stepped { wall_ns, boot_ns, wall_ppm: RIGHT_PPM, boot_ppm: RIGHT_PPM }))
    }

    /// Lets `duration` of true time pass: each clock moves by that much times its rate.
    pub fn advance(&self, duration: Duration) {
        let mut hands = self.hands();
        let moved = |ppm: u32| duration.as_nanos().saturating_mul(u128::from(ppm)) / u128::from(RIGHT_PPM);
        hands.wall_ns = hands.wall_ns.saturating_add(i128::try_from(moved(hands.wall_ppm)).unwrap_or(i128::MAX));
        hands.boot_ns = hands.boot_ns.saturating_add(u64::try_from(moved(hands.boot_ppm)).unwrap_or(u64::MAX));
    }

    /// Steps the wall clock, either way, as NTP or an administrator might.
    pub fn set_wall(&self, wall: Timestamp) {
        self.hands().wall_ns = i128::from(wall.as_ms()).saturating_mul(1_000_000);
    }

    /// Moves the boot clock alone; only forward in nature.
    pub fn set_boot(&self, boot: Boot) {
        self.hands().boot_ns = boot.as_ns();
    }

    /// The rates of both clocks in parts per million of true time: 900000 is a clock that runs at 0.9.
    pub fn set_rates(&self, wall_ppm: u32, boot_ppm: u32) {
        let mut hands = self.hands();
        (hands.wall_ppm, hands.boot_ppm) = (wall_ppm, boot_ppm);
    }

    fn hands(&self) -> MutexGuard<'_, Stepped> {
        // Plain numbers are whole even if a holder panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for SteppedClock {
    fn wall(&self) -> Timestamp {
        let ms = self.hands().wall_ns.div_euclid(1_000_000);
        Timestamp::from_ms(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    fn boot(&self) -> Boot {
        Boot(self.hands().boot_ns)
    }
}

/// The operating system gave no random bytes. Nothing that needs a secret goes on without them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes: {0}")]
pub struct NoEntropy(String);

/// Where ids and secrets come from.
pub trait Ids: Send + Sync {
    /// A new UUID of version 7 whose time part is `now`: ids sort by the millisecond they were made
    /// in. Unique, but no secret.
    fn uuid(&self, now: Timestamp) -> Uuid;

    /// Fills `bytes` with what nobody can guess, for tokens, nonces and keys.
    ///
    /// # Errors
    /// [`NoEntropy`]; `bytes` are of no use then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy>;

    /// A secret of 256 bits.
    ///
    /// # Errors
    /// [`NoEntropy`].
    fn secret(&self) -> Result<[u8; 32], NoEntropy> {
        let mut bytes = [0; 32];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// Real ids: a generator of the thread for UUIDs (no system call), the operating system for secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn uuid(&self, now: Timestamp) -> Uuid {
        // Before 1970 version 7 has no form; such a clock gets the epoch, and the id is still unique.
        let ms = u64::try_from(now.as_ms()).unwrap_or(0);
        let nanoseconds = u32::try_from(ms % 1000).unwrap_or(0).saturating_mul(1_000_000);
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, ms / 1000, nanoseconds))
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        getrandom::fill(bytes).map_err(|error| NoEntropy(error.to_string()))
    }
}

/// Ids that are the same in every run of a test, and distinct within it. Never outside tests: its
/// secrets are known to everybody.
#[derive(Debug)]
pub struct SeededIds(AtomicU64);

impl SeededIds {
    /// Ids that follow from `seed` alone.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number of the SplitMix64 sequence (Steele, Lea and Flood, 2014).
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Ids for SeededIds {
    fn uuid(&self, now: Timestamp) -> Uuid {
        let mut random = [0; 10];
        for (to, from) in random.iter_mut().zip(self.next().to_le_bytes().into_iter().chain(self.next().to_le_bytes()))
        {
            *to = from;
        }
        let ms = u64::try_from(now.as_ms()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        for chunk in bytes.chunks_mut(8) {
            for (to, from) in chunk.iter_mut().zip(self.next().to_le_bytes()) {
                *to = from;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_runs_forward_and_shows_this_century() {
        let (wall, boot) = (SystemClock.wall(), SystemClock.boot());
        assert!(wall > "2026-01-01T00:00:00Z".parse().unwrap() && boot > Boot::default());
        assert!(SystemClock.boot() >= boot);
    }

    #[test]
    fn a_stepped_clock_moves_only_when_told_and_each_hand_at_its_rate() {
        let start: Timestamp = "2026-11-22T09:30:00Z".parse().unwrap();
        let clock = SteppedClock::at(start);
        let boot = clock.boot();
        clock.advance(Duration::from_secs(10));
        assert_eq!(
            (clock.wall(), clock.boot()),
            (start.plus(Duration::from_secs(10)), boot.plus(Duration::from_secs(10)))
        );

        clock.set_rates(1_100_000, 900_000);
        clock.advance(Duration::from_secs(10));
        assert_eq!(clock.wall().since(start), Duration::from_secs(21));
        assert_eq!(clock.boot().since(boot), Duration::from_secs(19));

        clock.set_wall(start.minus(Duration::from_secs(3600)));
        assert_eq!(clock.boot().since(boot), Duration::from_secs(19));
        clock.set_boot(Boot::from_ms(7));
        assert_eq!((clock.boot().as_ns(), clock.wall()), (7_000_000, start.minus(Duration::from_secs(3600))));
    }

    #[test]
    fn boot_arithmetic_stops_at_its_ends() {
        let last = Boot::from_ns(u64::MAX);
        assert_eq!(last.plus(Duration::from_secs(u64::MAX)), last);
        assert_eq!(Boot::from_ms(1).since(last), Duration::ZERO);
        assert_eq!(Boot::from_ms(u64::MAX), last);
    }

    #[test]
    fn ids_are_version_7_of_the_given_instant_and_distinct() {
        let now = Timestamp::from_ms(1_795_339_800_123);
        let seeded = SeededIds::new(7);
        for ids in [&SystemIds as &dyn Ids, &seeded] {
            let made: std::collections::BTreeSet<Uuid> = (0..1000).map(|_| ids.uuid(now)).collect();
            assert_eq!(made.len(), 1000);
            for id in made {
                assert_eq!((id.get_version_num(), id.as_u128() >> 80), (7, 1_795_339_800_123));
            }
            assert_eq!(ids.uuid(Timestamp::from_ms(-5)).as_u128() >> 80, 0);
        }
    }

    #[test]
    fn seeded_ids_repeat_and_system_secrets_do_not() {
        let now = Timestamp::from_ms(0);
        let (a, b) = (SeededIds::new(1), SeededIds::new(1));
        assert_eq!((a.uuid(now), a.secret()), (b.uuid(now), b.secret()));
        assert_ne!(SeededIds::new(2).secret(), SeededIds::new(1).secret());
        assert_ne!(SystemIds.secret().unwrap(), SystemIds.secret().unwrap());
    }
}
