//! A TOML text under examination: typed access to its keys that notes what is wrong with each, and where, and goes on.

use jiff::civil::{Date, DateTime, Time};
use model::problem::{Code, Place, Problem};
use model::time::{BadTime, Instant, Zone};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::code;
use crate::nearest::nearest;

/// The longest text that a roster may hold, in characters.
const LONGEST_TEXT: usize = 200;

/// The text, where its lines begin, and what was found wrong so far.
pub(crate) struct Sheet<'t> {
    file: &'t str,
    line_starts: Vec<usize>,
    /// The zone of dates that carry none.
    pub(crate) zone: Option<Zone>,
    /// What stops the roster.
    pub(crate) errors: Vec<Problem>,
    /// What does not.
    pub(crate) notes: Vec<Problem>,
}

/// Where something stands: its line and its dotted key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    line: u64,
    field: String,
}

/// One table, its keys known to be allowed.
pub(crate) struct Section<'a> {
    pub(crate) spot: Spot,
    entries: Vec<(&'a str, Item<'a>)>,
}

/// One value and where it stands.
#[derive(Clone)]
pub(crate) struct Item<'a> {
    value: &'a DeValue<'a>,
    pub(crate) spot: Spot,
}

/// Which end of a period a date without a time stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The day's first instant.
    From,
    /// The day's last, written as the next day's first: 「3月31日まで」 holds the 31st.
    Until,
}

impl<'t> Sheet<'t> {
    /// The sheet over `text`, as the file of that name holds it.
    pub(crate) fn new(file: &'t str, text: &str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, line_starts, zone: None, errors: Vec::new(), notes: Vec::new() }
    }

    /// The line, from 1, that the byte at `offset` stands on.
    fn line_at(&self, offset: usize) -> u64 {
        self.line_starts.partition_point(|start| *start <= offset) as u64
    }

    /// The spot's line as messages about another line name it: `roster.toml:12`.
    pub(crate) fn line_of(&self, spot: &Spot) -> String {
        format!("{}:{}", self.file, spot.line)
    }

    fn problem(&self, code: &'static Code, spot: &Spot, value: Option<&str>) -> Problem {
        let place = Place::file(self.file).line(spot.line);
        let place = if spot.field.is_empty() { place } else { place.field(&spot.field) };
        let problem = Problem::new(code, place);
        match value {
            Some(value) => problem.with_value(value),
            None => problem,
        }
    }

    /// Notes an error.
    pub(crate) fn error(&mut self, code: &'static Code, spot: &Spot, value: Option<&str>) {
        let problem = self.problem(code, spot, value);
        self.errors.push(problem);
    }

    /// Notes something remarkable that stops nothing.
    pub(crate) fn note(&mut self, code: &'static Code, spot: &Spot, value: Option<&str>) {
        let problem = self.problem(code, spot, value);
        self.notes.push(problem);
    }

    /// Notes a fault of syntax, as the TOML reader describes it.
    pub(crate) fn syntax(&mut self, fault: &toml::de::Error) {
        let line = fault.span().map_or(1, |span| self.line_at(span.start));
        self.error(&code::NOT_TOML, &Spot { line, field: String::new() }, Some(fault.message()));
    }

    /// The table, after a look at each of its keys: what is not among `known` is an error that names the nearest.
    pub(crate) fn section<'a>(
        &mut self,
        table: &'a DeTable<'a>,
        spot: Spot,
        known: &'static [&'static str],
    ) -> Section<'a> {
        let mut entries = Vec::with_capacity(table.len());
        for (key, value) in table {
            let name: &str = key.get_ref();
            let field = if spot.field.is_empty() { name.to_owned() } else { format!("{}.{name}", spot.field) };
            let line = self.line_at(key.span().start);
            if known.contains(&name) {
                entries.push((name, Item { value: value.get_ref(), spot: Spot { line, field } }));
            } else {
                // A place stands in logs: a key that is no bare key of TOML is shown where values are, and only there.
                let is_bare = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
                let spot = Spot { line, field: if is_bare { field } else { spot.field.clone() } };
                let near = nearest(name, known.iter().copied()).unwrap_or_default();
                self.error(&code::UNKNOWN_KEY, &spot, Some(&arrow(name, near)));
            }
        }
        Section { spot, entries }
    }

    /// The item under `key`; its absence is an error.
    pub(crate) fn required<'a>(&mut self, section: &Section<'a>, key: &str) -> Option<Item<'a>> {
        let item = section.optional(key);
        if item.is_none() {
            let spot = section.spot.below(key);
            self.error(&code::MISSING_KEY, &spot, None);
        }
        item
    }

    fn wrong_type<T>(&mut self, item: &Item<'_>, wanted: &str) -> Option<T> {
        self.error(&code::WRONG_TYPE, &item.spot, Some(&arrow(item.value.type_str(), wanted)));
        None
    }

    /// A text: not empty, at most 200 characters, nothing in it that could break a line or turn it round.
    pub(crate) fn text<'a>(&mut self, item: &Item<'a>) -> Option<&'a str> {
        let DeValue::String(text) = item.value else { return self.wrong_type(item, "string") };
        let text: &str = text;
        let fault = if text.trim().is_empty() {
            &code::EMPTY_TEXT
        } else if text.chars().any(breaks_or_turns) {
            &code::CONTROL_CHARACTER
        } else if text.chars().count() > LONGEST_TEXT {
            &code::LONG_TEXT
        } else {
            return Some(text);
        };
        self.error(fault, &item.spot, Some(text));
        None
    }

    /// A text that the type itself reads; `code` where it cannot.
    pub(crate) fn parsed<T: std::str::FromStr>(&mut self, item: &Item<'_>, code: &'static Code) -> Option<T> {
        let text = self.text(item)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.error(code, &item.spot, Some(text));
        }
        parsed
    }

    /// One of the words given.
    pub(crate) fn word<T: Copy>(&mut self, item: &Item<'_>, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(item)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let near = nearest(text, words.iter().map(|(word, _)| *word)).unwrap_or_default();
            self.error(&code::UNKNOWN_WORD, &item.spot, Some(&arrow(text, near)));
        }
        found
    }

    /// The items of a list, each with its own line.
    pub(crate) fn list<'a>(&mut self, item: &Item<'a>) -> Vec<Item<'a>> {
        let DeValue::Array(array) = item.value else {
            return self.wrong_type(item, "array").unwrap_or_default();
        };
        array.iter().map(|value| self.element(value, &item.spot)).collect()
    }

    /// The items of a list, or the one item that stands for a list of one.
    pub(crate) fn one_or_list<'a>(&mut self, item: &Item<'a>) -> Vec<Item<'a>> {
        if matches!(item.value, DeValue::Array(_)) { self.list(item) } else { vec![item.clone()] }
    }

    fn element<'a>(&self, value: &'a Spanned<DeValue<'a>>, list: &Spot) -> Item<'a> {
        Item {
            value: value.get_ref(),
            spot: Spot { line: self.line_at(value.span().start), field: list.field.clone() },
        }
    }

    /// A whole number, in any of TOML's notations.
    pub(crate) fn whole_number(item: &Item<'_>) -> Option<Result<u32, String>> {
        match item.value {
            DeValue::Integer(written) => {
                Some(u32::from_str_radix(written.as_str(), written.radix()).map_err(|_| written.to_string()))
            }
            _ => None,
        }
    }

    /// The table under the item.
    pub(crate) fn table<'a>(&mut self, item: &Item<'a>, known: &'static [&'static str]) -> Option<Section<'a>> {
        let DeValue::Table(table) = item.value else { return self.wrong_type(item, "table") };
        Some(self.section(table, item.spot.clone(), known))
    }

    /// The tables of a list of tables (`[[key]]`), each with the line of its heading.
    pub(crate) fn tables<'a>(
        &mut self,
        section: &Section<'a>,
        key: &str,
        known: &'static [&'static str],
    ) -> Vec<Section<'a>> {
        let Some(item) = section.optional(key) else { return Vec::new() };
        let items = self.list(&item);
        items.iter().filter_map(|item| self.table(item, known)).collect()
    }

    /// An instant, written as a date with time and offset, or as one without in the roster's zone. A date alone stands
    /// for the whole day: its beginning or its end, as `end` says.
    pub(crate) fn instant(&mut self, item: &Item<'_>, end: End) -> Option<Instant> {
        let written = match item.value {
            DeValue::Datetime(written) => written.to_string(),
            DeValue::String(_) => self.text(item)?.to_owned(),
            _ => return self.wrong_type(item, "date"),
        };
        let fault = match read_instant(&written, end, self.zone.as_ref()) {
            Ok(instant) => return Some(instant),
            Err(fault) => fault,
        };
        self.error(fault, &item.spot, Some(&written));
        None
    }
}

/// The instant that `written` names, or what is wrong with it.
fn read_instant(written: &str, end: End, zone: Option<&Zone>) -> Result<Instant, &'static Code> {
    // Only what begins as ISO 8601's extended form is looked at: readers of dates take many another form too.
    if !written.is_ascii() || written.as_bytes().get(4) != Some(&b'-') || written.as_bytes().get(7) != Some(&b'-') {
        return Err(&code::BAD_DATE);
    }
    let civil = if written.len() == 10 {
        let day: Date = written.parse().map_err(|_| &code::BAD_DATE)?;
        let day = match end {
            End::From => day,
            End::Until => day.tomorrow().map_err(|_| &code::BAD_DATE)?,
        };
        DateTime::from_parts(day, Time::midnight())
    } else if let Ok(instant) = written.parse::<Instant>() {
        return Ok(instant);
    } else {
        // A civil reader would pass over an offset that it finds; here an offset that did not make an instant is wrong.
        let time_of_day = written.get(10..).unwrap_or_default();
        if time_of_day.contains(['+', '-', 'Z', 'z', '[']) {
            return Err(&code::BAD_DATE);
        }
        written.parse().map_err(|_| &code::BAD_DATE)?
    };
    let zone = zone.ok_or(&code::NO_ZONE)?;
    Instant::from_civil(civil, zone).map_err(|fault| match fault {
        BadTime::Zone(_) => &code::BAD_ZONE,
        _ => &code::BAD_DATE,
    })
}

impl Spot {
    /// The top of the file.
    pub(crate) fn top() -> Self {
        Self { line: 1, field: String::new() }
    }

    /// The same line, one key further down.
    pub(crate) fn below(&self, key: &str) -> Self {
        let field = if self.field.is_empty() { key.to_owned() } else { format!("{}.{key}", self.field) };
        Self { line: self.line, field }
    }
}

impl<'a> Section<'a> {
    /// The item under `key`, if there is one.
    pub(crate) fn optional(&self, key: &str) -> Option<Item<'a>> {
        self.entries.iter().find(|(name, _)| *name == key).map(|(_, item)| item.clone())
    }
}

/// What was written, and what it should have been.
pub(crate) fn arrow(written: &str, wanted: &str) -> String {
    format!("{written} → {wanted}")
}

/// Whether the character could begin a new line, hide, or turn the direction of what follows it: control characters,
/// Unicode's own line and paragraph separators, and the bidirectional controls (UAX #9, table 2 of section 2).
fn breaks_or_turns(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{061c}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_alone_is_the_whole_day() {
        let tokyo = Zone::tokyo();
        let read = |text, end| read_instant(text, end, Some(&tokyo)).map(|i| i.to_string());
        assert_eq!(read("2026-03-31", End::From).as_deref(), Ok("2026-03-30T15:00:00Z"));
        assert_eq!(read("2026-03-31", End::Until).as_deref(), Ok("2026-03-31T15:00:00Z"));
        assert_eq!(read("2026-03-31T09:00:00", End::Until).as_deref(), Ok("2026-03-31T00:00:00Z"));
        assert_eq!(read("2026-03-31T09:00:00+01:00", End::Until).as_deref(), Ok("2026-03-31T08:00:00Z"));
    }

    #[test]
    fn what_is_no_date_is_refused_and_no_zone_is_assumed() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        for bad in [
            "",
            "20260331",
            "2026-3-31",
            "2026-02-30",
            "2026-03-31T25:00:00",
            "2026-03-31T09:00:00+99:00",
            "26-03-31",
            "2026/03/31",
            "来月末",
            "9999-99-99",
            "2026-03-29T02:30:00",
        ] {
            assert_eq!(read_instant(bad, End::From, Some(&berlin)).unwrap_err().code, "roster-bad-date", "{bad}");
        }
        for naked in ["2026-03-31", "2026-03-31T09:00:00"] {
            assert_eq!(read_instant(naked, End::From, None).unwrap_err().code, "roster-date-without-zone");
        }
    }
}
