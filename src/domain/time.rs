//! Instants and durations: milliseconds since the epoch in UTC, and their text forms (RFC 3339 for
//! instants, ISO 8601 for durations). Parsing is strict; there is no local time and no leap second.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

/// An instant, in whole milliseconds since 1970-01-01T00:00:00Z.
///
/// Invariant: between the years 0001 and 9999, so that it always has an RFC 3339 form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// 0001-01-01T00:00:00Z in milliseconds.
const FIRST_MS: i64 = -62_135_596_800_000;
/// 9999-12-31T23:59:59.999Z in milliseconds, less one day of room for RFC 3339 offsets.
const LAST_MS: i64 = 253_402_214_399_999;

/// Text that is not an instant or a duration of the form asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not RFC 3339 in UTC, or outside the years 0001 to 9999.
    #[error("`{0}` is not an RFC 3339 time in UTC such as `2026-11-22T09:30:00Z`")]
    Instant(String),
    /// Not an ISO 8601 duration of at least a second made of days, hours, minutes and seconds.
    #[error("`{0}` is not an ISO 8601 duration of days, hours, minutes and seconds such as `PT2H`")]
    Duration(String),
}

impl Timestamp {
    /// The instant `ms` milliseconds after the epoch, clamped to the years 0001 to 9999.
    pub fn from_ms(ms: i64) -> Self {
        Self(ms.clamp(FIRST_MS, LAST_MS))
    }

    /// Milliseconds since the epoch.
    pub fn as_ms(self) -> i64 {
        self.0
    }

    /// This instant and `duration` more; stops at the year 9999.
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_ms(self.0.saturating_add(duration_ms(duration)))
    }

    /// This instant and `duration` less; stops at the year 0001.
    pub fn minus(self, duration: Duration) -> Self {
        Self::from_ms(self.0.saturating_sub(duration_ms(duration)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with three decimals: `2026-11-22T09:30:00.123Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let wrong = || TimeError::Instant(text.to_owned());
        // jiff takes more forms (offsets, spaces, leap seconds): the canonical shape is checked first.
        let shaped = (20..=30).contains(&text.len()) && text.as_bytes().get(10) == Some(&b'T') && text.ends_with('Z');
        if !shaped || text.as_bytes().get(17..19) == Some(b"60") {
            return Err(wrong());
        }
        let instant: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
        let ms = instant.as_millisecond();
        if (FIRST_MS..=LAST_MS).contains(&ms) { Ok(Self(ms)) } else { Err(wrong()) }
    }
}

/// A duration in whole milliseconds; one of more than 584 million years is the longest there is.
pub fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn duration_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Reads an ISO 8601 duration (`PT2H`, `PT1H30M`, `P1D`); years, months, weeks, fractions, signs and
/// less than a second are refused.
///
/// # Errors
/// [`TimeError::Duration`] with the text.
pub fn parse_duration(text: &str) -> Result<Duration, TimeError> {
    let wrong = || TimeError::Duration(text.to_owned());
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b"PTDHMS".contains(&b));
    if !plain || text.len() > 24 || !text.starts_with('P') {
        return Err(wrong());
    }
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    if span.get_years() != 0 || span.get_months() != 0 || span.get_weeks() != 0 {
        return Err(wrong());
    }
    let whole = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    match u64::try_from(whole.as_secs()) {
        Ok(seconds) if seconds >= 1 => Ok(Duration::from_secs(seconds)),
        _ => Err(wrong()),
    }
}

/// The ISO 8601 form of a duration in whole seconds: `PT2H`, `PT1H30M`, `PT0S` for less than one.
pub fn format_duration(duration: Duration) -> String {
    use core::fmt::Write as _;
    let (hours, minutes, seconds) = (duration.as_secs() / 3600, duration.as_secs() / 60 % 60, duration.as_secs() % 60);
    let mut text = String::from("PT");
    for (amount, unit) in [(hours, 'H'), (minutes, 'M'), (seconds, 'S')] {
        if amount > 0 {
            let _infallible = write!(text, "{amount}{unit}");
        }
    }
    if text.len() == 2 {
        text.push_str("0S");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_survives_its_text_form() {
        for text in ["2026-11-22T09:30:00.123Z", "0001-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z"] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
        assert_eq!("2026-11-22T09:30:00Z".parse::<Timestamp>().unwrap().as_ms(), 1_795_339_800_000);
    }

    #[test]
    fn what_is_not_rfc_3339_in_utc_is_refused() {
        for text in [
            "",
            "now",
            "2026-11-22",
            "2026-11-22 09:30:00Z",
            "2026-11-22T09:30:00+01:00",
            "2026-11-22T23:59:60Z",
            "10000-01-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2025-06-27T18:03-07:00",
            "2026-11-22t09:30:00z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_whole_seconds_from_one_second_up() {
        for (text, seconds) in [("PT1S", 1), ("PT2H", 7200), ("PT1H30M", 5400), ("P1D", 86_400), ("PT90S", 90)] {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_secs(seconds), "{text}");
        }
        for text in ["", "PT", "PT0S", "PT0.5S", "-PT1H", "P1Y", "P1M", "P1W", "2h", "PT1H ", "PT99999999999999999999S"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(format_duration(Duration::from_secs(5400)), "PT1H30M");
        assert_eq!(format_duration(Duration::from_millis(5)), "PT0S");
    }

    #[test]
    fn arithmetic_stops_at_the_ends_of_time() {
        let last = Timestamp::from_ms(i64::MAX);
        assert_eq!(last.plus(Duration::from_secs(u64::MAX)), last);
        assert_eq!(Timestamp::from_ms(0).since(last), Duration::ZERO);
        assert_eq!(Timestamp::from_ms(1500).since(Timestamp::from_ms(500)), Duration::from_secs(1));
    }
}
