//! How far something long has come: one line on standard error, from the second second on, and only on
//! a terminal. It leaves nothing behind.

use crate::clock::{Boot, Clock, SystemClock};
use core::time::Duration;
use std::io::{IsTerminal as _, Write as _};

/// What lasts no longer shows no progress.
const QUIET: Duration = Duration::from_secs(1);
/// How often the line is renewed.
const EVERY: Duration = Duration::from_millis(200);

/// How far something that knows its size in bytes has come.
pub(super) struct Progress {
    what: &'static str,
    total_bytes: u64,
    began: Boot,
    said: Option<Boot>,
    wanted: bool,
}

impl Progress {
    pub(super) fn of(what: &'static str, total_bytes: u64) -> Self {
        Self { what, total_bytes, began: SystemClock.boot(), said: None, wanted: std::io::stderr().is_terminal() }
    }

    /// How long it has lasted.
    pub(super) fn lasted(&self) -> Duration {
        SystemClock.boot().since(self.began)
    }

    /// Says so, if it is time.
    pub(super) fn tell(&mut self, done_bytes: u64) {
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
            let line = line(self.what, done_bytes, self.total_bytes, now.since(self.began));
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

fn line(what: &str, done_bytes: u64, total_bytes: u64, lasted: Duration) -> String {
    let percent = done_bytes.saturating_mul(100).checked_div(total_bytes).unwrap_or(100).min(100);
    let ms = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX).max(1);
    let per_second = done_bytes.saturating_mul(1000) / ms;
    format!("{what}: {percent} % of {} MB, {} MB/s", total_bytes / 1_000_000, per_second / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_share_and_rate() {
        let second = Duration::from_secs(1);
        assert_eq!(line("replay", 50_000_000, 200_000_000, second), "replay: 25 % of 200 MB, 50 MB/s");
        assert_eq!(line("replay", 0, 0, Duration::ZERO), "replay: 100 % of 0 MB, 0 MB/s");
        assert!(line("replay", 300, 200, second).contains("100 %"), "a live log grows");
    }
}
