//! How far something long has come: one line on standard error, from the second second on, and only on
//! a terminal. It leaves nothing behind.

use super::output::spoken;
use crate::clock::{Boot, Clock, SystemClock};
use crate::domain::whole_ms;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{IsTerminal as _, Write as _};

/// What lasts no longer shows no progress.
const QUIET: Duration = Duration::from_secs(1);
/// How often the line is renewed.
const EVERY: Duration = Duration::from_millis(200);

/// How far something that knows its size has come.
pub(super) struct Progress {
    what: &'static str,
    total: u64,
    /// What is counted; `None` for bytes.
    things: Option<&'static str>,
    began: Boot,
    said: Option<Boot>,
    wanted: bool,
}

impl Progress {
    /// Of something that reads bytes.
    pub(super) fn of(what: &'static str, total_bytes: u64) -> Self {
        Self::new(what, total_bytes, None)
    }

    /// Of something that goes through `things`, named in the plural.
    pub(super) fn through(what: &'static str, total: usize, things: &'static str) -> Self {
        Self::new(what, u64::try_from(total).unwrap_or(u64::MAX), Some(things))
    }

    fn new(what: &'static str, total: u64, things: Option<&'static str>) -> Self {
        let wanted = std::io::stderr().is_terminal();
        Self { what, total, things, began: SystemClock.boot(), said: None, wanted }
    }

    /// How long it has lasted.
    pub(super) fn lasted(&self) -> Duration {
        SystemClock.boot().since(self.began)
    }

    /// Says so, if it is time.
    pub(super) fn tell(&mut self, done: u64) {
        if !self.wanted {
            return;
        }
        let now = SystemClock.boot();
        let due = match self.said {
            None => now.since(self.began) >= QUIET,
            Some(said) => now.since(said) >= EVERY,
        };
        if due {
            self.said = Some(now);
            let line = line(self.what, done, self.total, self.things, now.since(self.began));
            let _lost = write!(std::io::stderr(), "\r\x1b[2K{line}");
        }
    }

    /// Takes the line away.
    pub(super) fn end(&mut self) {
        if self.said.take().is_some() {
            let _lost = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

/// Does what may have to wait for others, and says for how long it has, and may at most.
pub(super) fn while_waiting<T>(what: &str, work: impl FnOnce() -> T) -> T {
    if !std::io::stderr().is_terminal() {
        return work();
    }
    let done = AtomicBool::new(false);
    let began = SystemClock.boot();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut said = false;
            while !done.load(Ordering::Acquire) {
                std::thread::sleep(EVERY / 4);
                let lasted = SystemClock.boot().since(began);
                if lasted >= QUIET {
                    said = true;
                    let _lost = write!(std::io::stderr(), "\r\x1b[2K{what}: {} s", lasted.as_secs());
                }
            }
            if said {
                let _lost = write!(std::io::stderr(), "\r\x1b[2K");
            }
        });
        let got = work();
        done.store(true, Ordering::Release);
        got
    })
}

fn line(what: &str, done: u64, total: u64, things: Option<&str>, lasted: Duration) -> String {
    let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100).min(100);
    let ms = whole_ms(lasted).max(1);
    let per_second = done.saturating_mul(1000) / ms;
    let left_ms = total.saturating_sub(done).saturating_mul(ms).checked_div(done);
    let left = left_ms.map(|ms| format!(", {} left", spoken(Duration::from_millis(ms)))).unwrap_or_default();
    match things {
        Some(things) => format!("{what}: {percent} % of {total} {things}, {per_second}/s{left}"),
        None => format!("{what}: {percent} % of {} MB, {} MB/s{left}", total / 1_000_000, per_second / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_share_rate_and_what_is_left() {
        let second = Duration::from_secs(1);
        assert_eq!(line("replay", 50_000_000, 200_000_000, None, second), "replay: 25 % of 200 MB, 50 MB/s, 3 s left");
        assert_eq!(line("replay", 0, 0, None, Duration::ZERO), "replay: 100 % of 0 MB, 0 MB/s");
        assert!(line("replay", 300, 200, None, second).contains("100 %"), "a live log grows");
        let mutants = line("mutate", 20, 320, Some("mutants"), Duration::from_secs(10));
        assert_eq!(mutants, "mutate: 6 % of 320 mutants, 2/s, 2 min 30 s left");
    }
}
