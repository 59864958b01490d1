//! Dates and times as people and programs write them, in Japanese and English.
//!
//! INVARIANT: what can be read in two ways is refused, with a code that says which two: a slip of a day or of nine hours names
//! the wrong person. Nothing here assumes a zone.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::fmt::strtime::BrokenDownTime;
use model::problem::Code;
use model::sighting::Flags;
use model::{Instant, Text, Uncertainty, Zone};

use crate::fields::{BAD_TIME, BAD_ZONE};

/// A time as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written<'a> {
    /// What the clock showed.
    pub shown: Shown,
    /// The zone beside it: `JST`, `UTC`, `Z`, an offset, an IANA name; none where there is none.
    pub zone: Option<&'a str>,
    /// How far it may be off by the way it is written.
    pub uncertainty: Uncertainty,
    /// What is remarkable about the way it is written.
    pub flags: Flags,
}

/// What a time says before its zone is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// A wall clock.
    Clock(DateTime),
    /// A count since 1970-01-01T00:00:00Z, which needs no zone.
    Instant(Instant),
}

/// What a mapping file says about how times are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Habit {
    /// The form of all times.
    pub form: Option<Form>,
    /// Whether a year of two digits is 20xx; without that word it is refused.
    pub two_digit_years_are_20xx: bool,
}

/// The form of all times in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Seconds since 1970-01-01T00:00:00Z.
    EpochSeconds,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    EpochMillis,
    /// Days since 1899-12-30, of a wall clock: what a spreadsheet has behind a date (ECMA-376 part 1, 18.17.4.1).
    ExcelSerial,
    /// A `strptime` format, as `jiff::fmt::strtime` has it.
    Strptime(String),
}

/// Reads a time; `text` is folded to ASCII where it can be ([`crate::text::fold`]).
///
/// # Errors
/// The code of the first fault.
pub fn read<'a>(text: &'a str, habit: &Habit) -> Result<Written<'a>, &'static Code> {
    match &habit.form {
        Some(Form::EpochSeconds) => epoch(text, 1_000_000).ok_or(&BAD_TIME),
        Some(Form::EpochMillis) => epoch(text, 1_000).ok_or(&BAD_TIME),
        Some(Form::ExcelSerial) => excel_serial(text).ok_or(&BAD_TIME),
        Some(Form::Strptime(format)) => by_format(text, format, habit),
        None => free(text, habit),
    }
}

/// The instant that is meant: a wall clock needs its zone, and nothing lies after `latest`.
///
/// # Errors
/// [`NO_TIME_ZONE`], [`TIME_AMBIGUOUS`], [`TIME_IN_FUTURE`].
pub fn place(shown: Shown, zone: Option<&Zone>, latest: Instant) -> Result<Instant, &'static Code> {
    let instant = match shown {
        Shown::Instant(instant) => instant,
        Shown::Clock(clock) => Instant::from_civil(clock, zone.ok_or(&NO_TIME_ZONE)?).map_err(|_| &TIME_AMBIGUOUS)?,
    };
    if instant > latest { Err(&TIME_IN_FUTURE) } else { Ok(instant) }
}

/// A time in whichever of the usual forms.
fn free<'a>(text: &'a str, habit: &Habit) -> Result<Written<'a>, &'static Code> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 5 && excel_serial(text).is_some() {
        return Err(&TIME_EXCEL_SERIAL);
    }
    if digits == text.len() || (digits == 10 && text.as_bytes().get(10) == Some(&b'.')) {
        return match (digits, text.len()) {
            (10, _) => epoch(text, 1_000_000).ok_or(&BAD_TIME),
            (13, _) => epoch(text, 1_000).ok_or(&BAD_TIME),
            // Eight digits that are no day are some other number.
            (8, _) => Err(Scan { rest: text }.date(habit).map_or_else(|code| code, |_| &TIME_WITHOUT_HOUR)),
            (12 | 14, _) => Scan { rest: text }.all(habit),
            _ => Err(&BAD_TIME),
        };
    }
    Scan { rest: text }.all(habit)
}

fn epoch(text: &str, unit: i64) -> Option<Written<'_>> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let micros = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    let below = if fraction.is_empty() {
        0
    } else {
        let nanos: i64 = format!("{fraction:0<9.9}").parse().ok()?;
        nanos * (unit / 1_000) / 1_000_000
    };
    Some(Written {
        shown: Shown::Instant(Instant::from_micros(micros.checked_add(below)?)),
        zone: None,
        uncertainty: Uncertainty::NONE,
        flags: Flags::none(),
    })
}

/// `41820.375`: five digits (1927 to 2173), a point, the part of the day, to the millisecond.
fn excel_serial(text: &str) -> Option<Written<'_>> {
    let (days, part) = text.split_once('.')?;
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // `51000.0` is a port that a program made a number of; a date without a time of day has no point.
    if days.len() != 5 || !all_digits(days) || !all_digits(part) || part.len() > 17 || part == "0" {
        return None;
    }
    let days: i64 = days.parse().ok()?;
    let day_in_millis = format!("0.{part}").parse::<f64>().ok()? * 86_400_000.0;
    #[allow(clippy::cast_possible_truncation, reason = "between 0 and the milliseconds of a day")]
    let span = jiff::Span::new().try_days(days).ok()?.try_milliseconds(day_in_millis.round() as i64).ok()?;
    let shown = jiff::civil::date(1899, 12, 30).at(0, 0, 0, 0).checked_add(span).ok()?;
    Some(Written { shown: Shown::Clock(shown), zone: None, uncertainty: Uncertainty::NONE, flags: Flags::none() })
}

fn by_format<'a>(text: &'a str, format: &str, habit: &Habit) -> Result<Written<'a>, &'static Code> {
    let parts = BrokenDownTime::parse(format, text).map_err(|_| &BAD_TIME)?;
    let mut flags = Flags::none();
    let mut date = parts.to_date().map_err(|_| &BAD_TIME)?;
    if format.contains("%y") {
        if !habit.two_digit_years_are_20xx {
            return Err(&TWO_DIGIT_YEAR);
        }
        let year = 2000 + date.year().rem_euclid(100);
        date = Date::new(year, date.month(), date.day()).map_err(|_| &BAD_TIME)?;
        flags = flags.and(Flags::TWO_DIGIT_YEAR);
    }
    let hour = parts.hour().ok_or(&TIME_WITHOUT_HOUR)?;
    let nanos = parts.subsec_nanosecond().unwrap_or(0);
    let time =
        Time::new(hour, parts.minute().unwrap_or(0), parts.second().unwrap_or(0), nanos).map_err(|_| &BAD_TIME)?;
    let shown = date.to_datetime(time);
    let uncertainty = match (parts.minute(), parts.second()) {
        (None, _) => Uncertainty::from_seconds(3_600),
        (_, None) => Uncertainty::from_seconds(60),
        _ => Uncertainty::NONE,
    };
    let shown = match parts.offset() {
        Some(offset) => {
            let instant = offset.to_timestamp(shown).map_err(|_| &BAD_TIME)?;
            Shown::Instant(Instant::from_micros(instant.as_microsecond()))
        }
        None => Shown::Clock(shown),
    };
    Ok(Written { shown, zone: None, uncertainty, flags })
}

/// Reads from the left.
struct Scan<'a> {
    rest: &'a str,
}

/// Zones as people write them beside a time, and how the house calls them.
const ZONE_WORDS: [(&str, &str); 8] = [
    ("日本標準時", "JST"),
    ("日本時間", "JST"),
    ("協定世界時", "UTC"),
    ("世界標準時", "UTC"),
    ("世界時", "UTC"),
    ("JST", "JST"),
    ("UTC", "UTC"),
    ("GMT", "UTC"),
];

/// The zone that a word or an offset beside a time or in a heading means: `JST`, `(UTC)`, `UTC+9`, `+0900`, `日本時間`,
/// `Asia/Tokyo`. An abbreviation that means several zones is none.
#[must_use]
pub fn zone_word(text: &str) -> Option<&str> {
    let text = text.trim().trim_matches(['(', ')', '[', ']']).trim();
    let word = |word: &str| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    for (written, name) in ZONE_WORDS {
        if word(written) {
            return match text.get(written.len()..)?.trim() {
                "" => Some(name),
                // `UTC+9`: the offset says it all. `JST+9` would say it twice.
                offset if name == "UTC" => offset_word(offset),
                "+9" | "+09:00" | "+0900" | "+09" => Some(name),
                _ => None,
            };
        }
    }
    match text {
        "Z" | "z" => Some("Z"),
        _ => offset_word(text).or_else(|| (text.contains('/') && text.parse::<Zone>().is_ok()).then_some(text)),
    }
}

/// An offset as the model reads it; `+9` is written for `+09:00` after `UTC` only, so it is taken from a table.
fn offset_word(text: &str) -> Option<&str> {
    const SHORT: [(&str, &str); 4] = [("+9", "+09:00"), ("+8", "+08:00"), ("+0", "+00:00"), ("+1", "+01:00")];
    if let Some((_, full)) = SHORT.iter().find(|(short, _)| *short == text) {
        return Some(full);
    }
    // Every offset in use is whole quarters of an hour.
    let quarter = matches!(text.len(), 3) || ["00", "15", "30", "45"].iter().any(|minutes| text.ends_with(minutes));
    (text.starts_with(['+', '-']) && quarter && text.parse::<Zone>().is_ok()).then_some(text)
}

impl<'a> Scan<'a> {
    fn all(mut self, habit: &Habit) -> Result<Written<'a>, &'static Code> {
        let before = self.zone_before();
        let (date, mut flags) =
            if self.has_month_name() { (self.date_with_month_name()?, Flags::none()) } else { self.date(habit)? };
        self.weekday(date)?;
        self.between();
        let (mut shown, uncertainty, more) = self.time(date)?;
        flags = flags.and(more);
        self.year_at_the_end(&mut shown);
        let after = match self.rest.trim() {
            "" => None,
            // `09:00-09:30` is a span of time sooner than the Marquesas: an offset to the west needs seconds before it (RFC 3339, 5.6).
            span if span.starts_with('-') && uncertainty >= Uncertainty::from_seconds(60) => return Err(&BAD_TIME),
            zone => Some(zone_word(zone).ok_or_else(|| zone_fault(zone))?),
        };
        match (before, after) {
            (Some(one), Some(other)) if one != other => Err(&BAD_ZONE),
            (before, after) => Ok(Written { shown: Shown::Clock(shown), zone: after.or(before), uncertainty, flags }),
        }
    }

    fn eat(&mut self, word: &str) -> bool {
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn eat_any(&mut self, chars: &[char]) -> Option<char> {
        let first = self.rest.chars().next().filter(|c| chars.contains(c))?;
        self.rest = self.rest.get(first.len_utf8()..)?;
        Some(first)
    }

    fn spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// A number of at most `most` digits, and how many there were.
    fn number(&mut self, most: usize) -> Option<(i32, usize)> {
        let digits = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        let number = number.parse().ok()?;
        self.rest = rest;
        Some((number, digits))
    }

    fn zone_before(&mut self) -> Option<&'a str> {
        for (written, name) in ZONE_WORDS {
            if self.eat(written) {
                self.rest = self.rest.trim_start_matches([' ', ':', ',']);
                return Some(name);
            }
        }
        None
    }

    /// `2014-06-30`, `2014/6/30`, `2014.6.30`, `2014年6月30日`, `20140630`, `平成26年6月30日`, `H26.6.30`.
    fn date(&mut self, habit: &Habit) -> Result<(Date, Flags), &'static Code> {
        if let Some(era) = self.era() {
            return Ok((self.date_of_era(era)?, Flags::none()));
        }
        let apostrophe = self.eat("'");
        let all_digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if matches!(all_digits, 8 | 12 | 14) && !apostrophe {
            let (year, _) = self.number(4).ok_or(&BAD_TIME)?;
            let (month, _) = self.number(2).ok_or(&BAD_TIME)?;
            let (day, _) = self.number(2).ok_or(&BAD_TIME)?;
            return Ok((date_of(year, month, day)?, Flags::none()));
        }
        let (first, first_digits) = self.number(4).ok_or(&BAD_TIME)?;
        self.spaces();
        let separator = self.eat_any(&['-', '/', '.', '年', '月']).ok_or(&BAD_TIME)?;
        self.spaces();
        let (second, _) = self.number(2).ok_or(&BAD_TIME)?;
        self.spaces();
        if separator == '月' {
            return Err(&TIME_WITHOUT_YEAR);
        }
        let again = if separator == '年' { '月' } else { separator };
        if self.eat_any(&[again]).is_none() {
            // `6/30 09:00`
            return Err(if first_digits <= 2 && separator != '年' { &TIME_WITHOUT_YEAR } else { &BAD_TIME });
        }
        self.spaces();
        let (third, third_digits) = self.number(4).ok_or(&BAD_TIME)?;
        if separator == '年' {
            self.spaces();
            if !self.eat("日") {
                return Err(&BAD_TIME);
            }
        }
        match (first_digits, third_digits) {
            (4, 1 | 2) => Ok((date_of(first, second, third)?, Flags::none())),
            (1 | 2, 4) => Err(&DAY_OR_MONTH),
            (2, 1 | 2) if habit.two_digit_years_are_20xx => {
                Ok((date_of(2000 + first, second, third)?, Flags::TWO_DIGIT_YEAR))
            }
            (1 | 2, 1 | 2) => Err(&TWO_DIGIT_YEAR),
            _ => Err(&BAD_TIME),
        }
    }

    fn era(&mut self) -> Option<&'static Era> {
        let rest = self.rest;
        let (era, name) = ERAS
            .iter()
            .find_map(|era| era.names.iter().find(|name| rest.starts_with(**name)).map(|name| (era, *name)))?;
        let after = rest.get(name.len()..)?.trim_start();
        // A letter is an era only right before a year.
        if !after.starts_with(|c: char| c.is_ascii_digit() || c == '元') {
            return None;
        }
        self.rest = after;
        Some(era)
    }

    fn date_of_era(&mut self, era: &Era) -> Result<Date, &'static Code> {
        let year = if self.eat("元") { 1 } else { self.number(2).ok_or(&BAD_TIME)?.0 };
        self.spaces();
        let separator = self.eat_any(&['年', '.', '/', '-']).ok_or(&BAD_TIME)?;
        self.spaces();
        let (month, _) = self.number(2).ok_or(&BAD_TIME)?;
        self.spaces();
        self.eat_any(&[if separator == '年' { '月' } else { separator }]).ok_or(&BAD_TIME)?;
        self.spaces();
        let (day, _) = self.number(2).ok_or(&BAD_TIME)?;
        self.spaces();
        if separator == '年' && !self.eat("日") {
            return Err(&BAD_TIME);
        }
        let (from, to) = (era.from, era.to);
        let date = date_of(i32::from(from.0) - 1 + year, month, day)?;
        let day = (date.year(), date.month(), date.day());
        if year == 0 || day < from || day > to { Err(&TIME_OUTSIDE_ERA) } else { Ok(date) }
    }

    /// A weekday in brackets or after a comma must be the date's: where they differ, one of the two is a slip.
    fn weekday(&mut self, date: Date) -> Result<(), &'static Code> {
        self.spaces();
        let bracket = self.eat_any(&['(', '[', '<']);
        let Some((name, weekday)) = WEEKDAYS.iter().find(|(name, _)| self.rest.starts_with(name)) else {
            return if bracket.is_some() { Err(&BAD_TIME) } else { Ok(()) };
        };
        self.rest = self.rest.get(name.len()..).unwrap_or_default();
        for ending in ["曜日", "曜", "祝", "・祝", ","] {
            self.eat(ending);
        }
        if bracket.is_some() && self.eat_any(&[')', ']', '>']).is_none() {
            return Err(&BAD_TIME);
        }
        if *weekday == date.weekday() { Ok(()) } else { Err(&WEEKDAY_DISAGREES) }
    }

    /// What stands between a date and a time.
    fn between(&mut self) {
        self.spaces();
        if matches!(self.rest.as_bytes(), [b'T' | b't' | b'_' | b'-' | b':' | b',', next, ..] if next.is_ascii_digit() || *next == b' ')
        {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        self.spaces();
    }

    /// `09:00:00.123`, `9:00`, `9時0分0秒`, `午後1時5分`, `1:05 PM`, `090000`, `24:00`.
    fn time(&mut self, date: Date) -> Result<(DateTime, Uncertainty, Flags), &'static Code> {
        if self.rest.trim().is_empty() || zone_word(self.rest).is_some() {
            return Err(&TIME_WITHOUT_HOUR);
        }
        let mut half = self.half_of_day();
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (hour, _) = self.number(2).ok_or(&BAD_TIME)?;
        let minute;
        let mut second = None;
        let mut nanos = 0;
        if matches!(digits, 4 | 6) {
            minute = self.number(2);
            second = if digits == 6 { self.number(2) } else { None };
            nanos = if second.is_some() { self.fraction()? } else { 0 };
        } else {
            self.spaces();
            match self.eat_any(&[':', '時']) {
                Some(':') => {
                    // Two digits after a colon, always: `09:0` is a time that was cut off.
                    let two = |n: Option<(i32, usize)>| n.filter(|n| n.1 == 2).ok_or(&BAD_TIME).map(Some);
                    minute = two(self.number(2))?;
                    if self.eat(":") {
                        second = two(self.number(2))?;
                        nanos = self.fraction()?;
                    }
                }
                Some(_) => {
                    self.spaces();
                    minute = self.number(2);
                    self.spaces();
                    if minute.is_some() && !self.eat("分") {
                        return Err(&BAD_TIME);
                    }
                    self.spaces();
                    second = if minute.is_some() { self.number(2) } else { None };
                    if second.is_some() {
                        nanos = self.fraction()?;
                        self.spaces();
                        if !self.eat("秒") {
                            return Err(&BAD_TIME);
                        }
                    }
                }
                None => return Err(&BAD_TIME),
            }
        }
        self.spaces();
        if half.is_none() {
            half = self.half_of_day();
        }
        let uncertainty = match (minute, second) {
            (None, _) => Uncertainty::from_seconds(3_600),
            (_, None) => Uncertainty::from_seconds(60),
            _ => Uncertainty::NONE,
        };
        let (minute, second) = (minute.map_or(0, |m| m.0), second.map_or(0, |s| s.0));
        let hour = match (half, hour) {
            (None, hour) => hour,
            (Some(Half::Morning), 12) => 0,
            (Some(Half::Morning), 0..=11) => hour,
            (Some(Half::Afternoon), 12) => 12,
            (Some(Half::Afternoon), 0..=11) => hour + 12,
            _ => return Err(&BAD_TIME),
        };
        if hour == 24 && minute == 0 && second == 0 && nanos == 0 {
            let next = date.tomorrow().map_err(|_| &BAD_TIME)?;
            return Ok((next.to_datetime(Time::midnight()), uncertainty, Flags::END_OF_DAY));
        }
        // A leap second: our seconds have no room for it, so it is one off.
        let (second, uncertainty) =
            if second == 60 { (59, uncertainty.plus(Uncertainty::from_seconds(1))) } else { (second, uncertainty) };
        let small = |n: i32| i8::try_from(n).map_err(|_| &BAD_TIME);
        let time = Time::new(small(hour)?, small(minute)?, small(second)?, nanos).map_err(|_| &BAD_TIME)?;
        Ok((date.to_datetime(time), uncertainty, Flags::none()))
    }

    fn half_of_day(&mut self) -> Option<Half> {
        const WORDS: [(&str, Half); 10] = [
            ("午前", Half::Morning),
            ("午後", Half::Afternoon),
            ("A.M.", Half::Morning),
            ("P.M.", Half::Afternoon),
            ("a.m.", Half::Morning),
            ("p.m.", Half::Afternoon),
            ("AM", Half::Morning),
            ("PM", Half::Afternoon),
            ("am", Half::Morning),
            ("pm", Half::Afternoon),
        ];
        let half = WORDS.iter().find(|(word, _)| self.eat(word)).map(|(_, half)| *half);
        self.spaces();
        half
    }

    /// A fraction of a second in nanoseconds; digits beyond are dropped.
    fn fraction(&mut self) -> Result<i32, &'static Code> {
        if !matches!(self.rest.as_bytes(), [b'.' | b',', next, ..] if next.is_ascii_digit()) {
            return Ok(0);
        }
        let rest = self.rest.get(1..).unwrap_or_default();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (fraction, rest) = rest.split_at_checked(digits).ok_or(&BAD_TIME)?;
        self.rest = rest;
        let mut nanos = 0;
        for place in 0..9 {
            let digit = fraction.as_bytes().get(place).map_or(0, |b| i32::from(b - b'0'));
            nanos = nanos * 10 + digit;
        }
        Ok(nanos)
    }

    fn has_month_name(&self) -> bool {
        self.rest.bytes().any(|b| b.is_ascii_alphabetic())
            && self.rest.split(|c: char| !c.is_ascii_alphabetic()).any(|word| month_named(word).is_some())
    }

    /// `30 Jun 2014`, `30-Jun-2014`, `30/Jun/2014`, `Jun 30, 2014`, `Mon, 30 Jun 2014` (RFC 5322, 3.3), `Mon Jun 30 09:00:00 2014`.
    fn date_with_month_name(&mut self) -> Result<Date, &'static Code> {
        let named = WEEKDAYS.iter().find(|(name, _)| name.is_ascii() && self.rest.starts_with(name));
        if named.is_some() {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).trim_start_matches([',', ' ']);
        }
        let mut day = self.number(2).map(|(day, _)| day);
        self.rest = self.rest.trim_start_matches([' ', '-', '/']);
        let letters = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = self.rest.split_at_checked(letters).ok_or(&BAD_TIME)?;
        let month = month_named(word).ok_or(&BAD_TIME)?;
        self.rest = rest.trim_start_matches([' ', '-', '/', '.']);
        if day.is_none() {
            day = self.number(2).map(|(day, _)| day);
            self.rest = self.rest.trim_start_matches([',', ' ']);
        }
        let day = day.ok_or(&BAD_TIME)?;
        let year = match self.rest.bytes().take_while(u8::is_ascii_digit).count() {
            4 => self.number(4).ok_or(&BAD_TIME)?.0,
            // `Mon Jun 30 09:00:00 2014` has it at the end.
            _ if self.rest.as_bytes().get(2) == Some(&b':') => year_last(self.rest).ok_or(&TIME_WITHOUT_YEAR)?,
            2 => return Err(&TWO_DIGIT_YEAR),
            _ => return Err(&TIME_WITHOUT_YEAR),
        };
        let date = date_of(year, month, day)?;
        match named {
            Some((_, weekday)) if *weekday != date.weekday() => Err(&WEEKDAY_DISAGREES),
            _ => Ok(date),
        }
    }

    /// The year of `Mon Jun 30 09:00:00 2014` has been read already.
    fn year_at_the_end(&mut self, shown: &mut DateTime) {
        let rest = self.rest.trim_end();
        if year_last(rest) == Some(i32::from(shown.year())) && rest.len() >= 4 {
            self.rest = rest.get(..rest.len() - 4).unwrap_or_default();
        }
    }
}

#[derive(Clone, Copy)]
enum Half {
    Morning,
    Afternoon,
}

/// An era, its names, its first and its last day (Era Name Act; Cabinet Orders 1 of 1989 and 143 of 2019).
struct Era {
    names: &'static [&'static str],
    from: (i16, i8, i8),
    to: (i16, i8, i8),
}

const ERAS: [Era; 3] = [
    Era { names: &["令和", "㋿", "R", "r"], from: (2019, 5, 1), to: (9999, 12, 31) },
    Era { names: &["平成", "㍻", "H", "h"], from: (1989, 1, 8), to: (2019, 4, 30) },
    Era { names: &["昭和", "㍼", "S", "s"], from: (1926, 12, 25), to: (1989, 1, 7) },
];

const WEEKDAYS: [(&str, Weekday); 14] = [
    ("月", Weekday::Monday),
    ("火", Weekday::Tuesday),
    ("水", Weekday::Wednesday),
    ("木", Weekday::Thursday),
    ("金", Weekday::Friday),
    ("土", Weekday::Saturday),
    ("日", Weekday::Sunday),
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];

fn month_named(word: &str) -> Option<i32> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let lower = word.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| *month == lower || (lower.len() == 3 && month.starts_with(&lower)))?;
    i32::try_from(at + 1).ok()
}

/// The four digits that `text` ends in, after a space.
fn year_last(text: &str) -> Option<i32> {
    let (_, last) = text.trim_end().rsplit_once(' ').unwrap_or(("", text));
    (last.len() == 4 && last.bytes().all(|b| b.is_ascii_digit())).then(|| last.parse().ok())?
}

fn date_of(year: i32, month: i32, day: i32) -> Result<Date, &'static Code> {
    let date = i16::try_from(year).ok().zip(i8::try_from(month).ok()).zip(i8::try_from(day).ok());
    let ((year, month), day) = date.ok_or(&BAD_TIME)?;
    Date::new(year, month, day).map_err(|_| &BAD_TIME)
}

/// What follows a time and is no zone: letters are an abbreviation that means several, or nothing that we know.
fn zone_fault(text: &str) -> &'static Code {
    let word = text.trim_matches(['(', ')', '[', ']']);
    if !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'/' | b'_' | b'+' | b'-')) {
        &BAD_ZONE
    } else {
        &BAD_TIME
    }
}

/// A wall clock that nobody said the zone of.
pub static NO_TIME_ZONE: Code = Code {
    code: "no-time-zone",
    text: Text {
        ja: "日時のタイムゾーンが分かりません", en: "nothing says in which time zone the times are"
    },
    help: Text {
        ja: "`--timezone Asia/Tokyo` のように指定するか、マッピングファイルに zone を書いてください。9時間ずれると別の利用者を特定してしまうため、推測しません",
        en: "say `--timezone Asia/Tokyo`, or `zone` in a mapping file; it is never guessed, since a slip of nine hours names the wrong person",
    },
    example: "IP,日時\n192.0.2.1,2014-06-30 09:00:00",
};

/// A wall clock that shows the time twice or never.
pub static TIME_AMBIGUOUS: Code = Code {
    code: "time-ambiguous",
    text: Text {
        ja: "夏時間の切替えにより、その時刻が2回あるか、存在しません",
        en: "a change to or from summer time makes this time happen twice or never",
    },
    help: Text {
        ja: "時差を付けて記載してください（例: +01:00）",
        en: "write the time with its offset, such as +01:00",
    },
    example: "2014-10-26 02:30:00 Europe/Berlin",
};

/// A time that has not come yet.
pub static TIME_IN_FUTURE: Code = Code {
    code: "time-in-future",
    text: Text {
        ja: "受領時刻より後（未来）の日時です", en: "the time lies after the file was received"
    },
    help: Text {
        ja: "年・月・タイムゾーンの誤りがないか確認してください", en: "check year, month and time zone"
    },
    example: "2999-06-30 09:00:00",
};

/// A date without a time of day.
pub static TIME_WITHOUT_HOUR: Code = Code {
    code: "time-without-hour",
    text: Text { ja: "日付だけで時刻がありません", en: "a date without a time of day" },
    help: Text {
        ja: "アドレスは時刻ごとに別の利用者に割り当てられます。時刻まで記載してください",
        en: "an address changes hands within a day; give the time as well",
    },
    example: "2014-06-30",
};

/// A month and day without a year.
pub static TIME_WITHOUT_YEAR: Code = Code {
    code: "time-without-year",
    text: Text { ja: "年がありません", en: "a date without a year" },
    help: Text {
        ja: "年を4桁で記載してください（例: 2014/06/30 09:00:00）",
        en: "give the year with four digits, such as 2014/06/30 09:00:00",
    },
    example: "6/30 09:00",
};

/// A year of two digits, which nobody said how to read.
pub static TWO_DIGIT_YEAR: Code = Code {
    code: "two-digit-year",
    text: Text {
        ja: "年が2桁で、西暦か元号か、年の位置も定まりません",
        en: "a year of two digits can be read in several ways",
    },
    help: Text {
        ja: "4桁で書き直すか、マッピングファイルに two_digit_years = \"20xx\" と指定してください（年/月/日の順、2000年代として読みます）",
        en: "write four digits, or say `two_digit_years = \"20xx\"` in a mapping file (read as year, month, day of this century)",
    },
    example: "14/06/30 09:00",
};

/// Day first or month first.
pub static DAY_OR_MONTH: Code = Code {
    code: "time-day-or-month",
    text: Text { ja: "日と月のどちらが先か定まりません", en: "day or month may come first" },
    help: Text {
        ja: "`2014/06/30` の順に直すか、マッピングファイルの time_format で指定してください（例: time_format = \"%m/%d/%Y %H:%M:%S\"）",
        en: "write `2014/06/30`, or give the form in a mapping file, such as time_format = \"%d/%m/%Y %H:%M:%S\"",
    },
    example: "06/07/2014 09:00:00",
};

/// The number behind a spreadsheet's date.
pub static TIME_EXCEL_SERIAL: Code = Code {
    code: "time-excel-serial",
    text: Text {
        ja: "表計算ソフトの日付シリアル値です。数える起点が2通りあり（1900年・1904年）、日時が定まりません",
        en: "a spreadsheet's serial number, which counts from 1900 or from 1904",
    },
    help: Text {
        ja: "列の表示形式を yyyy/mm/dd hh:mm:ss にして保存し直すか、1900年起点ならマッピングファイルに time_format = \"excel\" と指定してください",
        en: "show the column as yyyy/mm/dd hh:mm:ss and save again, or, if it counts from 1900, say `time_format = \"excel\"` in a mapping file",
    },
    example: "41820.375",
};

/// A date that its era does not have.
pub static TIME_OUTSIDE_ERA: Code = Code {
    code: "time-outside-era",
    text: Text { ja: "その元号の期間にない日付です", en: "a date that the Japanese era does not have" },
    help: Text { ja: "西暦4桁で記載してください", en: "give the year with four digits of the common era" },
    example: "平成32年6月30日 9時0分",
};

/// A weekday that is not the date's.
pub static WEEKDAY_DISAGREES: Code = Code {
    code: "weekday-disagrees",
    text: Text { ja: "曜日が日付と一致しません", en: "the weekday is not that of the date" },
    help: Text {
        ja: "日付と曜日のどちらが正しいか、元の記録を確認してください",
        en: "look up in the source's own records which of the two is right",
    },
    example: "2014年6月30日(火) 9時0分",
};

/// What this file can utter.
pub static CODES: &[&Code] = &[
    &NO_TIME_ZONE,
    &TIME_AMBIGUOUS,
    &TIME_IN_FUTURE,
    &TIME_WITHOUT_HOUR,
    &TIME_WITHOUT_YEAR,
    &TWO_DIGIT_YEAR,
    &DAY_OR_MONTH,
    &TIME_EXCEL_SERIAL,
    &TIME_OUTSIDE_ERA,
    &WEEKDAY_DISAGREES,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fold;

    fn clock(text: &str) -> String {
        match read(&fold(text), &Habit::default()) {
            Ok(Written { shown: Shown::Clock(shown), zone, .. }) => format!("{shown} {}", zone.unwrap_or("-")),
            Ok(Written { shown: Shown::Instant(instant), .. }) => instant.to_string(),
            Err(code) => code.code.to_owned(),
        }
    }

    #[test]
    fn the_usual_forms() {
        for (text, want) in [
            ("2014-06-30T09:00:00+09:00", "2014-06-30T09:00:00 +09:00"),
            ("2014-06-30T00:00:00Z", "2014-06-30T00:00:00 Z"),
            ("2014-06-30 09:00:00", "2014-06-30T09:00:00 -"),
            ("2014/06/30 09:00:00.125", "2014-06-30T09:00:00.125 -"),
            ("2014/6/30 9:00:00 JST", "2014-06-30T09:00:00 JST"),
            ("2014/06/30 09:00:00 (JST)", "2014-06-30T09:00:00 JST"),
            ("2014/06/30 00:00:00 UTC", "2014-06-30T00:00:00 UTC"),
            ("2014/06/30 09:00:00 UTC+9", "2014-06-30T09:00:00 +09:00"),
            ("2014/06/30 09:00:00 +0900", "2014-06-30T09:00:00 +0900"),
            ("2014-06-30 05:30:00-03:30", "2014-06-30T05:30:00 -03:30"),
            ("2014-06-30 09:00:00[Asia/Tokyo]", "2014-06-30T09:00:00 Asia/Tokyo"),
            ("２０１４年６月３０日　９時０分０秒", "2014-06-30T09:00:00 -"),
            ("2014年6月30日(月) 9時5分", "2014-06-30T09:05:00 -"),
            ("2014年06月30日 月曜日 09:05:01", "2014-06-30T09:05:01 -"),
            ("日本時間 2014年6月30日 午後1時5分", "2014-06-30T13:05:00 JST"),
            ("平成26年6月30日 9時0分0秒", "2014-06-30T09:00:00 -"),
            ("平成２６年６月３０日（月）９：００", "2014-06-30T09:00:00 -"),
            ("H26.6.30 09:00:00", "2014-06-30T09:00:00 -"),
            ("令和元年5月1日 0:00", "2019-05-01T00:00:00 -"),
            ("R1/5/1 00:00:00", "2019-05-01T00:00:00 -"),
            ("昭和64年1月7日 23:59:59", "1989-01-07T23:59:59 -"),
            ("20140630090000", "2014-06-30T09:00:00 -"),
            ("20140630T090000Z", "2014-06-30T09:00:00 Z"),
            ("20140630 0900", "2014-06-30T09:00:00 -"),
            ("2014-06-30 24:00", "2014-07-01T00:00:00 -"),
            ("2014-12-31 24:00:00", "2015-01-01T00:00:00 -"),
            ("2016-12-31 23:59:60", "2016-12-31T23:59:59 -"),
            ("2014/06/30 1:05:00 PM", "2014-06-30T13:05:00 -"),
            ("2014/06/30 12:05:00 am", "2014-06-30T00:05:00 -"),
            ("Mon, 30 Jun 2014 09:00:00 +0900", "2014-06-30T09:00:00 +0900"),
            ("30/Jun/2014:09:00:00 +0900", "2014-06-30T09:00:00 +0900"),
            ("30-Jun-2014 09:00:00", "2014-06-30T09:00:00 -"),
            ("Jun 30, 2014 09:00:00 UTC", "2014-06-30T09:00:00 UTC"),
            ("Mon Jun 30 09:00:00 2014", "2014-06-30T09:00:00 -"),
            ("1404086400", "2014-06-30T00:00:00Z"),
            ("1404086400.5", "2014-06-30T00:00:00.5Z"),
            ("1404086400250", "2014-06-30T00:00:00.25Z"),
        ] {
            assert_eq!(clock(text), want, "{text}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for (text, want) in [
            ("2014-06-30", "time-without-hour"),
            ("20140630", "time-without-hour"),
            ("12345678", "bad-time"),
            ("2014年6月30日", "time-without-hour"),
            ("2014年6月30日(月)", "time-without-hour"),
            ("2014-06-30 JST", "time-without-hour"),
            ("06/30 09:00", "time-without-year"),
            ("6月30日 9時0分", "time-without-year"),
            ("Jun 30 09:00:00", "time-without-year"),
            ("06/07/2014 09:00:00", "time-day-or-month"),
            ("30.06.2014 09:00", "time-day-or-month"),
            ("14/06/30 09:00", "two-digit-year"),
            ("'14/06/30 09:00", "two-digit-year"),
            ("14年6月30日 9時0分", "two-digit-year"),
            ("30-Jun-14 09:00:00", "two-digit-year"),
            ("平成32年6月30日 9時0分", "time-outside-era"),
            ("平成0年6月30日 9時0分", "time-outside-era"),
            ("令和元年4月30日 9時0分", "time-outside-era"),
            ("2014年6月30日(火) 9時0分", "weekday-disagrees"),
            ("Tue, 30 Jun 2014 09:00:00 +0900", "weekday-disagrees"),
            ("2014-06-30 09:00:00 CST", "bad-zone"),
            ("JST 2014-06-30 09:00:00 UTC", "bad-zone"),
            ("2014-06-30 09", "bad-time"),
            ("2014-06-30 09:0", "bad-time"),
            ("2014-06-30 09:00:0", "bad-time"),
            ("2014-06-30 24:01", "bad-time"),
            ("2014-06-30 25:00", "bad-time"),
            ("2014-06-31 09:00", "bad-time"),
            ("2014-06-30 09:60", "bad-time"),
            ("2014-06-30 9時頃", "bad-time"),
            ("2014-06-30 09:00-09:30", "bad-time"),
            ("2014-06-30 09:00:00-09:05", "bad-time"),
            ("41820.375", "time-excel-serial"),
            ("41820", "bad-time"),
            ("51234.", "bad-time"),
            ("", "bad-time"),
            ("昨日", "bad-time"),
            ("2014-06-30 13:00 PM", "bad-time"),
        ] {
            assert_eq!(clock(text), want, "{text}");
        }
    }

    #[test]
    fn uncertainty_and_flags_say_how_it_was_written() {
        let habit = Habit::default();
        assert_eq!(read("2014-06-30 09:00", &habit).unwrap().uncertainty, Uncertainty::from_seconds(60));
        assert_eq!(read("2014年6月30日 9時", &habit).unwrap().uncertainty, Uncertainty::from_seconds(3_600));
        assert_eq!(read("2014-06-30 09:00:00", &habit).unwrap().uncertainty, Uncertainty::NONE);
        assert_eq!(read("2014-06-30 24:00:00", &habit).unwrap().flags, Flags::END_OF_DAY);
        assert_eq!(read("2016-12-31 23:59:60", &habit).unwrap().uncertainty, Uncertainty::from_seconds(1));
    }

    #[test]
    fn a_mapping_says_how_to_read_what_is_refused_otherwise() {
        let years = Habit { form: None, two_digit_years_are_20xx: true };
        let written = read("14/06/30 09:00:00", &years).unwrap();
        assert_eq!(written.shown, Shown::Clock("2014-06-30T09:00:00".parse().unwrap()));
        assert_eq!(written.flags, Flags::TWO_DIGIT_YEAR);
        let form = |text: &str| Habit { form: Some(Form::Strptime(text.to_owned())), ..Habit::default() };
        let written = read("06/07/2014 09:00", &form("%d/%m/%Y %H:%M")).unwrap();
        assert_eq!(written.shown, Shown::Clock("2014-07-06T09:00:00".parse().unwrap()));
        assert_eq!(written.uncertainty, Uncertainty::from_seconds(60));
        let written = read("06/07/2014 09:00:00 +0900", &form("%d/%m/%Y %H:%M:%S %z")).unwrap();
        assert_eq!(written.shown, Shown::Instant("2014-07-06T00:00:00Z".parse().unwrap()));
        assert_eq!(read("14/06/30 09:00", &form("%y/%m/%d %H:%M")).unwrap_err().code, "two-digit-year");
        assert_eq!(read("2014-06-30", &form("%Y-%m-%d")).unwrap_err().code, "time-without-hour");
        let excel = Habit { form: Some(Form::ExcelSerial), ..Habit::default() };
        for (serial, clock) in [
            ("41820.375", "2014-06-30T09:00:00"),
            ("41821.52425925926", "2014-07-01T12:34:56"),
            ("41820.99999999999", "2014-07-01T00:00:00"),
        ] {
            assert_eq!(read(serial, &excel).unwrap().shown, Shown::Clock(clock.parse().unwrap()), "{serial}");
        }
        assert!(read("41820", &excel).is_err() && read("2014-06-30 09:00", &excel).is_err());
        let millis = Habit { form: Some(Form::EpochMillis), ..Habit::default() };
        assert_eq!(
            read("1404086400250", &millis).unwrap().shown,
            Shown::Instant("2014-06-30T00:00:00.25Z".parse().unwrap())
        );
        assert!(read("2014-06-30 09:00", &millis).is_err());
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[0-9 :/年月日時分秒TZ+.()-]{0,30}|.{0,30}") {
            let _ = read(&fold(&text), &Habit { form: None, two_digit_years_are_20xx: true });
        }
    }
}
