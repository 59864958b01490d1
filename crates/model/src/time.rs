//! Instants, their uncertainty and the zone as it was written.
//!
//! Inside the house a time is microseconds since 1970-01-01T00:00:00Z. How it was written, and how far
//! it may be off, is kept beside it: a slip of nine hours names the wrong person.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A point in time: microseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// The instant so many microseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The instant `seconds` later (or earlier), held at the ends of the range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The instant at which a wall clock in `zone` shows `civil`.
    ///
    /// # Errors
    /// [`BadTime`] where the wall clock never shows it or shows it twice (a change to or from summer
    /// time), or out of range: such a time is refused rather than guessed.
    pub fn from_civil(civil: DateTime, zone: &Zone) -> Result<Self, BadTime> {
        let ambiguous = zone.rules()?.to_ambiguous_timestamp(civil);
        let timestamp = ambiguous.unambiguous().map_err(|_| BadTime::Ambiguous(civil.to_string()))?;
        Ok(Self(timestamp.as_microsecond()))
    }

    /// As RFC 3339 with the offset that `zone` has then, such as `2014-06-30T09:00:00+09:00`.
    #[must_use]
    pub fn in_zone(self, zone: &Zone) -> String {
        let Ok(timestamp) = Timestamp::from_microsecond(self.0) else { return self.0.to_string() };
        match zone.rules() {
            Ok(rules) => {
                let zoned = timestamp.to_zoned(rules);
                format!("{}", timestamp.display_with_offset(zoned.offset()))
            }
            Err(_) => timestamp.to_string(),
        }
    }

    /// The civil date and time that a clock in `zone` shows.
    #[must_use]
    pub fn civil(self, zone: &Zone) -> Option<DateTime> {
        let timestamp = Timestamp::from_microsecond(self.0).ok()?;
        Some(timestamp.to_zoned(zone.rules().ok()?).datetime())
    }
}

impl fmt::Display for Instant {
    /// RFC 3339 in UTC, ending in `Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => timestamp.fmt(f),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl FromStr for Instant {
    type Err = BadTime;
    /// Reads RFC 3339 with an offset or `Z`; a time without one is refused.
    fn from_str(text: &str) -> Result<Self, BadTime> {
        let timestamp: Timestamp = text.trim().parse().map_err(|_| BadTime::Text(text.to_owned()))?;
        Ok(Self(timestamp.as_microsecond()))
    }
}

impl Serialize for Instant {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How far a time may be off: the true instant lies within the time plus or minus this many microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uncertainty(u64);

impl Uncertainty {
    /// Exact as far as the source says.
    pub const NONE: Self = Self(0);

    /// So many microseconds either way.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// So many seconds either way.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds either way.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Both uncertainties together: they add up, which is the careful answer.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// A time zone as written: an IANA name, or an offset such as `+09:00`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(String);

impl Zone {
    /// Coordinated Universal Time.
    #[must_use]
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    /// Japan.
    #[must_use]
    pub fn tokyo() -> Self {
        Self("Asia/Tokyo".to_owned())
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn rules(&self) -> Result<TimeZone, BadTime> {
        zone_rules(&self.0).ok_or_else(|| BadTime::Zone(self.0.clone()))
    }
}

/// The rules behind a zone's name; `JST`, `Z` and fixed offsets are understood, other abbreviations are not,
/// because most of them mean several zones.
fn zone_rules(text: &str) -> Option<TimeZone> {
    match text {
        "UTC" | "Z" | "GMT" => return Some(TimeZone::UTC),
        "JST" => return TimeZone::get("Asia/Tokyo").ok(),
        _ => {}
    }
    if let Some(rest) = text.strip_prefix(['+', '-']) {
        let digits: String = rest.chars().filter(|c| *c != ':').collect();
        if !digits.bytes().all(|b| b.is_ascii_digit()) || !matches!(digits.len(), 2 | 4) {
            return None;
        }
        let hours: i32 = digits[..2].parse().ok()?;
        let minutes: i32 = if digits.len() == 4 { digits[2..].parse().ok()? } else { 0 };
        if hours > 14 || minutes > 59 {
            return None;
        }
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let offset = jiff::tz::Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()?;
        return Some(TimeZone::fixed(offset));
    }
    if text.contains('/') { TimeZone::get(text).ok() } else { None }
}

impl FromStr for Zone {
    type Err = BadTime;
    fn from_str(text: &str) -> Result<Self, BadTime> {
        let text = text.trim();
        if zone_rules(text).is_some() { Ok(Self(text.to_owned())) } else { Err(BadTime::Zone(text.to_owned())) }
    }
}

impl TryFrom<String> for Zone {
    type Error = BadTime;
    fn try_from(text: String) -> Result<Self, BadTime> {
        text.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.0
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A time that cannot be placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadTime {
    /// Not a time with an offset.
    #[error("`{0}` is not a time with an offset (RFC 3339)")]
    Text(String),
    /// Not a zone, or an abbreviation that means several.
    #[error("`{0}` is not a time zone (use an IANA name such as `Asia/Tokyo`, or an offset such as `+09:00`)")]
    Zone(String),
    /// The wall clock never shows it, or shows it twice.
    #[error("`{0}` does not name one instant in that zone")]
    Ambiguous(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokyo_is_nine_hours_ahead() {
        let civil: DateTime = "2014-06-30T09:00:00".parse().unwrap();
        let instant = Instant::from_civil(civil, &Zone::tokyo()).unwrap();
        assert_eq!(instant.to_string(), "2014-06-30T00:00:00Z");
        assert_eq!(instant.in_zone(&Zone::tokyo()), "2014-06-30T09:00:00+09:00");
        assert_eq!(instant.in_zone(&"JST".parse().unwrap()), "2014-06-30T09:00:00+09:00");
        assert_eq!("2014-06-30T09:00:00+09:00".parse::<Instant>().unwrap(), instant);
    }

    #[test]
    fn a_time_that_happens_twice_is_refused() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        assert!(Instant::from_civil("2014-10-26T02:30:00".parse().unwrap(), &berlin).is_err());
        assert!(Instant::from_civil("2014-03-30T02:30:00".parse().unwrap(), &berlin).is_err());
        assert!("2014-06-30T09:00:00".parse::<Instant>().is_err());
    }

    #[test]
    fn zones() {
        for good in ["UTC", "+09:00", "-0330", "+09", "JST", "Asia/Tokyo"] {
            assert!(good.parse::<Zone>().is_ok(), "{good}");
        }
        for bad in ["", "CST", "IST", "+25:00", "+9", "Tokyo", "Asia/Edo"] {
            assert!(bad.parse::<Zone>().is_err(), "{bad}");
        }
    }
}
