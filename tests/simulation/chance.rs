//! Chance that follows from a seed alone, and the trace of a run: what happened when, with a hash over all of it.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// How many events a trace keeps to be shown; its hash counts all.
const SHOWN_MAX: usize = 160;

/// The SplitMix64 sequence (Steele, Lea and Flood, 2014).
#[derive(Debug)]
pub(crate) struct Chance(Mutex<u64>);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// A sequence of its own, so that what one part draws does not move what another one does.
    pub(crate) fn branch(&self) -> Self {
        Self::new(self.next())
    }

    fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A duration that follows from the instant alone, whoever asks first.
    pub(crate) fn ms_at(&self, now: Duration, to: u64) -> Duration {
        let state = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Self::new(state ^ u64::try_from(now.as_nanos()).unwrap()).ms(0, to)
    }

    /// A number below `below`; 0 for 0.
    pub(crate) fn below(&self, below: u64) -> u64 {
        self.next().checked_rem(below).unwrap_or(0)
    }

    /// Whether something happens that does `per_mille` times of a thousand.
    pub(crate) fn hit(&self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    pub(crate) fn ms(&self, from: u64, to: u64) -> Duration {
        Duration::from_micros(1000 * from + self.below(1000 * (to - from) + 1))
    }

    pub(crate) fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// What happened.
#[derive(Debug)]
pub(crate) struct Trace(Mutex<Events>);

#[derive(Debug)]
struct Events {
    hash: u64,
    shown: VecDeque<String>,
    whole: bool,
}

impl Trace {
    /// With `whole`, everything is kept and shown.
    pub(crate) fn new(whole: bool) -> Self {
        Self(Mutex::new(Events { hash: 0xcbf2_9ce4_8422_2325, shown: VecDeque::new(), whole }))
    }

    pub(crate) fn add(&self, at: Duration, what: &str) {
        let line = format!("{:>9.3} s  {what}", at.as_secs_f64());
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // FNV-1a.
        let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        events.hash = line.bytes().fold(events.hash, step);
        if !events.whole && events.shown.len() >= SHOWN_MAX {
            events.shown.pop_front();
        }
        events.shown.push_back(line);
    }

    pub(crate) fn hash(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).hash
    }

    pub(crate) fn shown(&self) -> String {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.shown.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}
