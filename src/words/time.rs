//! Times and durations as a language writes them.

use super::{Arg, Words};
use crate::domain::{TimeZoneName, Timestamp};
use core::time::Duration;
use jiff::tz::TimeZone;

/// A time zone that times are shown in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of that name; universal time if the database has none.
    pub fn named(name: &TimeZoneName) -> Self {
        Self::find(name.as_str()).unwrap_or(Self::utc())
    }

    /// The zone of that name, if the database has one.
    pub fn find(name: &str) -> Option<Self> {
        let name = TimeZoneName::parse(name).ok()?;
        TimeZone::get(name.as_str()).ok().map(Self)
    }

    /// Universal time.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}

const DAY_S: u64 = 24 * HOUR_S;
const HOUR_S: u64 = 60 * MINUTE_S;
const MINUTE_S: u64 = 60;

impl Words {
    /// An instant to the minute, with the zone's abbreviation: `22 November 2026, 10:30 (CET)`.
    pub fn instant(&self, at: Timestamp, zone: &Zone) -> String {
        self.civil("instant", at, zone)
    }

    /// The day of an instant.
    pub fn date(&self, at: Timestamp, zone: &Zone) -> String {
        self.civil("date", at, zone)
    }

    /// The time of day, `10:30`.
    pub fn time_of_day(&self, at: Timestamp, zone: &Zone) -> String {
        zoned(at, zone).strftime("%H:%M").to_string()
    }

    fn civil(&self, key: &str, at: Timestamp, zone: &Zone) -> String {
        let zoned = zoned(at, zone);
        let month = self.say(&format!("month-{}", zoned.month()));
        self.say_with(
            key,
            &[
                ("year", Arg::from(zoned.year().to_string())),
                ("month", Arg::from(month)),
                ("day", Arg::from(zoned.day().to_string())),
                ("time", Arg::from(zoned.strftime("%H:%M").to_string())),
                ("zone", Arg::from(zoned.strftime("%Z").to_string())),
            ],
        )
    }

    /// A duration in its two largest units: `2 hours 30 minutes`. Below a minute in seconds; rounded down.
    pub fn duration(&self, duration: Duration) -> String {
        let seconds = duration.as_secs();
        let parts = [
            ("duration-days", seconds / DAY_S),
            ("duration-hours", seconds % DAY_S / HOUR_S),
            ("duration-minutes", seconds % HOUR_S / MINUTE_S),
            ("duration-seconds", if seconds < MINUTE_S { seconds } else { 0 }),
        ];
        let mut said = parts.iter().filter(|(_, count)| *count > 0);
        let one = |(key, count): &(&str, u64)| self.say_with(key, &[("count", Arg::from(*count))]);
        match (said.next().map(one), said.next().map(one)) {
            (None, _) => one(&("duration-seconds", 0)),
            (Some(only), None) => only,
            (Some(larger), Some(smaller)) => {
                self.say_with("duration-joined", &[("larger", larger.into()), ("smaller", smaller.into())])
            }
        }
    }
}

fn zoned(at: Timestamp, zone: &Zone) -> jiff::Zoned {
    let instant = jiff::Timestamp::from_millisecond(at.as_ms()).unwrap_or_default();
    instant.to_zoned(zone.0.clone())
}
