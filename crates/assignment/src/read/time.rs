//! Times as tables and access servers write them.

use jiff::civil::{Date, DateTime, Time};
use model::time::BadTime;
use model::{Instant, Zone};

/// Why a text is no instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimeFault {
    /// Not a time.
    Text,
    /// A wall clock's time, and nobody said where the wall stands.
    NoZone,
    /// The wall clock never shows it, or twice.
    Twice,
}

/// RFC 3339 with an offset; or `2026-06-01 09:00[:00]`, with `/` for `-` or `T` for the blank, by the declared zone.
pub(crate) fn read_time(text: &str, zone: Option<&Zone>) -> Result<Instant, TimeFault> {
    if let Some(civil) = read_civil(text) {
        return by_wall_clock(civil, zone.ok_or(TimeFault::NoZone)?);
    }
    text.parse().map_err(|_| TimeFault::Text)
}

/// The instant at which a clock of that zone shows `civil`.
pub(crate) fn by_wall_clock(civil: DateTime, zone: &Zone) -> Result<Instant, TimeFault> {
    Instant::from_civil(civil, zone).map_err(|e| match e {
        BadTime::Ambiguous(_) => TimeFault::Twice,
        _ => TimeFault::Text,
    })
}

fn read_civil(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let mut parts = date.split(['-', '/']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    let date = Date::new(year.parse().ok()?, digits(month)?, digits(day)?).ok()?;
    Some(DateTime::from_parts(date, read_clock(time.trim())?))
}

/// `9:00`, `09:00:00`, `09:00:00.123456`.
pub(crate) fn read_clock(text: &str) -> Option<Time> {
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = text.split(':');
    let (hour, minute, second) =
        (digits(parts.next()?)?, digits(parts.next()?)?, parts.next().map_or(Some(0), digits)?);
    let exact = fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || !exact {
        return None;
    }
    let nanos = if fraction.is_empty() { 0 } else { format!("{fraction:0<9}").parse().ok()? };
    Time::new(hour, minute, second, nanos).ok()
}

/// One or two digits.
pub(crate) fn digits(text: &str) -> Option<i8> {
    let plain = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_however_written() {
        let tokyo = Zone::tokyo();
        let wanted: Instant = "2026-06-01T00:00:00Z".parse().unwrap();
        for text in [
            "2026-06-01T09:00:00+09:00",
            "2026-06-01 09:00:00+09:00",
            "2026-06-01T00:00:00Z",
            "2026-06-01 09:00:00",
            "2026/06/01 9:00",
            "2026/6/1 9:00:00",
            "2026-06-01T09:00:00.000000",
        ] {
            assert_eq!(read_time(text, Some(&tokyo)), Ok(wanted), "{text}");
        }
        // An offset in the row is better than the declared zone.
        assert_eq!(read_time("2026-06-01T02:00:00+02:00", Some(&tokyo)), Ok(wanted));
        assert_eq!(read_time("2026-06-01 09:00:00", None), Err(TimeFault::NoZone));
        for bad in [
            "",
            "2026-06-01",
            "26/06/01 09:00",
            "2026-06-31 09:00",
            "2026-06-01 24:00",
            "2026-06-01 9",
            "x 9:00",
            "2026-06-01 09:00:60",
        ] {
            assert_eq!(read_time(bad, Some(&tokyo)), Err(TimeFault::Text), "{bad}");
        }
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        assert_eq!(read_time("2026-10-25 02:30:00", Some(&berlin)), Err(TimeFault::Twice));
    }
}
