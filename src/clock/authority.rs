//! The authority's time, held to never run backwards. Where one authority alone keeps the record it is the wall
//! clock, starting no earlier than the time floor that the store has kept and advancing at least as CLOCK_BOOTTIME
//! does. Where many keep it together it is the database's clock, of which each is told whenever it reads.

use super::{Boot, Clock};
use crate::domain::Timestamp;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How far behind our reckoning the database's clock may be and still be believed: what a slow answer and two
/// clocks that differ by a fifth can make. Farther behind, it was set back.
const SLACK: Duration = Duration::from_millis(50);
/// See [`SLACK`]: this share of the time since it was last told, as a divisor.
const SLACK_SHARE: u32 = 5;

/// A source of the authority's time.
pub struct AuthorityTime {
    clock: Arc<dyn Clock>,
    reckoning: Mutex<Reckoning>,
}

#[derive(Debug, Clone, Copy)]
struct Reckoning {
    /// It was at least this at that instant.
    mark: (Timestamp, Boot),
    /// The latest that was given out.
    given: Timestamp,
    /// Whether the database has told its time: the wall clock counts no more.
    told: bool,
}

impl AuthorityTime {
    /// Time that never shows less than `floor`.
    pub fn starting_at(floor: Timestamp, clock: Arc<dyn Clock>) -> Self {
        let reckoning = Mutex::new(Reckoning { mark: (floor, clock.boot()), given: floor, told: false });
        Self { clock, reckoning }
    }

    /// The authority's time now. Never less than an earlier answer.
    pub fn now(&self) -> Timestamp {
        let mut reckoning = self.reckoning();
        let boot = self.clock.boot();
        let reckoned = reckoning.at(boot);
        let wall = if reckoning.told { reckoned } else { self.clock.wall() };
        if wall > reckoned {
            reckoning.mark = (wall, boot);
        }
        // Where the wall is behind, the mark stays: reckoning on from it, roundings cannot add up to a delay.
        reckoning.given = reckoning.given.max(wall.max(reckoned));
        reckoning.given
    }

    /// The database's clock showed `told` at some instant from `asked` to `answered`. Gives what the authority's
    /// time was then: no less than the database's, and more where that was set back.
    pub fn told(&self, told: Timestamp, asked: Boot, answered: Boot) -> Timestamp {
        let mut reckoning = self.reckoning();
        let reckoned = reckoning.at(asked);
        let slack = SLACK.saturating_add(asked.since(reckoning.mark.1) / SLACK_SHARE);
        let first = !reckoning.told;
        reckoning.told = true;
        if told >= reckoned || (!first && told.plus(slack) >= reckoned) {
            reckoning.mark = (told, answered);
            return told;
        }
        reckoned
    }

    /// Somebody has written down that it is at least `floor`.
    pub fn at_least(&self, floor: Timestamp) {
        let mut reckoning = self.reckoning();
        let boot = self.clock.boot();
        if floor > reckoning.at(boot) {
            reckoning.mark = (floor, boot);
        }
    }

    fn reckoning(&self) -> MutexGuard<'_, Reckoning> {
        self.reckoning.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reckoning {
    fn at(&self, boot: Boot) -> Timestamp {
        self.mark.0.plus(boot.since(self.mark.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SteppedClock;

    fn started() -> (Timestamp, Arc<SteppedClock>) {
        let start = Timestamp::from_ms(1_000_000);
        (start, Arc::new(SteppedClock::at(start)))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn time_never_runs_backwards_and_never_stands_still() {
        let (start, clock) = started();
        let time = AuthorityTime::starting_at(start.plus(seconds(5)), clock.clone());
        assert_eq!(time.now(), start.plus(seconds(5)));
        clock.set_wall(start.minus(seconds(3600)));
        clock.advance(seconds(10));
        assert_eq!(time.now(), start.plus(seconds(15)));
        clock.set_wall(start.plus(seconds(3600)));
        assert_eq!(time.now(), start.plus(seconds(3600)));
        clock.set_wall(start);
        for _ in 0..1000 {
            clock.advance(Duration::from_micros(1500));
            time.now();
        }
        assert_eq!(time.now(), start.plus(Duration::from_millis(3_601_500)));
    }

    #[test]
    fn two_machines_half_a_minute_apart_go_by_the_databases_clock() {
        let (start, clock) = started();
        let ahead = AuthorityTime::starting_at(start, clock.clone());
        let behind_clock = Arc::new(SteppedClock::at(start.minus(seconds(30))));
        let behind = AuthorityTime::starting_at(Timestamp::from_ms(0), behind_clock.clone());
        let database = start.plus(seconds(7));
        for (time, clock) in [(&ahead, &clock), (&behind, &behind_clock)] {
            assert_eq!(time.told(database, clock.boot(), clock.boot()), database);
            clock.advance(seconds(1));
            assert_eq!(time.now(), database.plus(seconds(1)));
        }
        // A machine that runs fast is held back by what it is told, and never shows less than it has shown.
        clock.set_rates(1_000_000, 1_100_000);
        let mut shown = ahead.now();
        for second in 1..20 {
            clock.advance(seconds(1));
            let told = database.plus(seconds(1 + second));
            assert_eq!(ahead.told(told, clock.boot(), clock.boot()), told);
            assert!(ahead.now() >= shown);
            shown = ahead.now();
        }
        assert!(shown <= database.plus(seconds(20)).plus(Duration::from_millis(200)), "{shown}");
    }

    #[test]
    fn a_database_that_is_set_back_brings_no_time_back() {
        let (start, clock) = started();
        let time = AuthorityTime::starting_at(start, clock.clone());
        time.told(start, clock.boot(), clock.boot());
        clock.advance(seconds(10));
        let reckoned = time.told(start.minus(seconds(3600)), clock.boot(), clock.boot());
        assert_eq!((reckoned, time.now()), (start.plus(seconds(10)), start.plus(seconds(10))));
        time.at_least(start.plus(seconds(60)));
        assert_eq!(time.now(), start.plus(seconds(60)));
    }
}
