//! The authority's time: the wall clock, held to never run backwards. It starts no earlier than the
//! time floor that the store has kept, and after that advances at least as CLOCK_BOOTTIME does.

use super::{Boot, Clock};
use crate::domain::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};

/// A source of the authority's time.
pub struct AuthorityTime {
    clock: Arc<dyn Clock>,
    mark: Mutex<(Timestamp, Boot)>,
}

impl AuthorityTime {
    /// Time that never shows less than `floor`.
    pub fn starting_at(floor: Timestamp, clock: Arc<dyn Clock>) -> Self {
        let mark = Mutex::new((floor, clock.boot()));
        Self { clock, mark }
    }

    /// The authority's time now. Never less than an earlier answer.
    pub fn now(&self) -> Timestamp {
        let mut mark = self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, then) = *mark;
        let boot = self.clock.boot();
        let (wall, reckoned) = (self.clock.wall(), before.plus(boot.since(then)));
        if wall <= reckoned {
            // The mark stays: reckoning on from it, roundings cannot add up to a delay.
            return reckoned;
        }
        *mark = (wall, boot);
        wall
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SteppedClock;
    use core::time::Duration;

    #[test]
    fn time_never_runs_backwards_and_never_stands_still() {
        let start = Timestamp::from_ms(1_000_000);
        let clock = Arc::new(SteppedClock::at(start));
        let time = AuthorityTime::starting_at(start.plus(Duration::from_secs(5)), clock.clone());
        assert_eq!(time.now(), start.plus(Duration::from_secs(5)));
        clock.set_wall(start.minus(Duration::from_secs(3600)));
        clock.advance(Duration::from_secs(10));
        assert_eq!(time.now(), start.plus(Duration::from_secs(15)));
        clock.set_wall(start.plus(Duration::from_secs(3600)));
        assert_eq!(time.now(), start.plus(Duration::from_secs(3600)));
        clock.set_wall(start);
        for _ in 0..1000 {
            clock.advance(Duration::from_micros(1500));
            time.now();
        }
        assert_eq!(time.now(), start.plus(Duration::from_millis(3_601_500)));
    }
}
