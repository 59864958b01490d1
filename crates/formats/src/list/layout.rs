//! How a list is laid out: its delimiter, its heading, what each column means and how that was found.

use std::ops::Range;

use model::Text;
use model::problem::{Code, Place, Problem};

use super::cell::{endpoint, is_name, is_nothing, is_url, name_and_port, refang, without_formula};
use super::headings::{Heading, Meaning, plain, understand};
use super::mapping::{MAPPING_COLUMN_MISSING, Mapping};
use super::rows::{Delimiter, Row, Rows};
use crate::civil::{self, Habit};
use crate::fields::{BAD_TIME, BAD_ZONE, COLUMNS, Column, RECORD, extra_key};
use crate::text::{Decoded, Encoding, fold, line_from};

/// What our own CSV calls its first column.
const OURS: [&str; 2] = [RECORD, "記録番号"];

/// How many rows are looked at.
const SAMPLE: usize = 40;

/// A list's layout.
pub(super) struct Layout {
    pub(super) delimiter: Delimiter,
    /// The heading's line, if there is one.
    pub(super) heading_line: Option<u64>,
    /// The heading as written, to recognise it when it comes again.
    pub(super) heading_raw: Option<String>,
    /// Where the rows begin in the text.
    pub(super) body: usize,
    /// How many cells a row has.
    pub(super) width: usize,
    /// Columns in the file's order.
    pub(super) columns: Vec<Planned>,
    /// The zone that the time's heading names.
    pub(super) zone: Option<String>,
    /// Lines above the rows that are none: titles, comments.
    pub(super) above: Vec<u64>,
    /// Whether a line that begins with `#` is a remark: not in our own CSV, where the sender's own number may begin so.
    pub(super) comments: bool,
    /// Whether cells stand as `="…"`.
    pub(super) formulas: bool,
    /// Whether it is our own CSV for spreadsheets, in which an apostrophe keeps texts from becoming formulas, numbers or dates.
    pub(super) apostrophes: bool,
    /// What the columns behind the last one hold in every row.
    pub(super) constants: Vec<String>,
    /// How the columns were understood.
    pub(super) found_by: &'static str,
}

/// A column as it will be read.
pub(super) struct Planned {
    /// Its heading as written, or its number where it has none.
    pub(super) name: String,
    pub(super) role: Role,
    /// Whether no table knew the heading.
    pub(super) unknown: bool,
}

/// What is done with a column's cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// The column means this.
    Means(Meaning),
    /// Kept in `extra` under this key.
    Key(String),
    /// Kept in `extra` inside [`COLUMNS`] under this name.
    Named(String),
    /// Says again what the column at this index says; where it differs the file is refused.
    Again(usize),
}

impl Planned {
    /// What the preview says the column was taken for.
    pub(super) fn taken_for(&self) -> String {
        match &self.role {
            Role::Means(meaning) => meaning.name().into_owned(),
            Role::Key(key) => key.clone(),
            Role::Named(name) => format!("{COLUMNS}.{name}"),
            Role::Again(first) => format!("= {}", first + 1),
        }
    }
}

/// What a line above the rows is.
struct Line {
    place: Range<usize>,
    number: u64,
    /// Its cells, with a comment mark taken off.
    cells: Vec<String>,
    comment: bool,
}

/// Whether a line begins with a mark that people put before remarks.
pub(super) fn is_comment(raw: &str) -> bool {
    let raw = raw.trim_start();
    raw.starts_with(['#', '※', '＃']) || raw.starts_with("//")
}

impl Layout {
    /// Finds the layout of a list.
    ///
    /// # Errors
    /// A [`Problem`] of the whole file: no column of addresses or of times, two columns that could both be the infected address,
    /// a column that the mapping names and the file lacks.
    pub(super) fn find(file: &str, decoded: &Decoded<'_>, mapping: &Mapping) -> Result<Self, Problem> {
        let text = &*decoded.text;
        let mut from = 0;
        let mut above = Vec::new();
        for number in 0..mapping.skip_lines {
            if from < text.len() {
                above.push(number as u64 + 1);
                from = line_from(text, from).1;
            }
        }
        let delimiter = match mapping.delimiter {
            Some(delimiter) => delimiter,
            None => best_delimiter(text, from, mapping),
        };
        let (lines, body, sample) = head(decoded, from, delimiter, mapping);
        let heading = if mapping.no_heading { None } else { pick_heading(&lines, &sample, mapping) };
        let chosen = heading.and_then(|index| lines.get(index));
        // Below a heading everything is a row or says what it is; without one, rows begin where something looks like one.
        let body = chosen.map_or(body, |line| line_from(text, line.place.end).1);
        above.extend(lines.iter().take(heading.unwrap_or(lines.len())).map(|line| line.number));
        let (width, names) = match chosen {
            Some(line) => (line.cells.len(), line.cells.clone()),
            None => {
                let width = sample.iter().map(Vec::len).max().unwrap_or(0);
                (width, vec![String::new(); width])
            }
        };
        let line = chosen.map(|line| line.number);
        let place = || {
            let place = Place::file(file);
            line.map_or(place.clone(), |line| place.line(line))
        };
        let ours = names.first().is_some_and(|name| OURS.contains(&name.trim_matches(['\u{FEFF}', '"'])));
        let has_our_keys = names.iter().any(|name| name.trim_matches('"').starts_with("extra.noroshi."));
        let mut layout = Self {
            delimiter,
            heading_line: line,
            heading_raw: chosen.and_then(|line| text.get(line.place.clone())).map(str::to_owned),
            body,
            width,
            columns: Vec::new(),
            zone: None,
            above,
            comments: !ours,
            // Our own never writes them, but a text in it may hold one.
            formulas: !has_our_keys && has_formulas(text, from),
            apostrophes: has_our_keys
                && (decoded.has_mark()
                    || decoded.encoding != Encoding::Utf8
                    || chosen
                        .is_some_and(|line| text.get(line.place.end..).is_some_and(|rest| rest.starts_with('\r')))),
            constants: mapping.constants.iter().map(|(_, text)| text.clone()).collect(),
            found_by: "",
        };
        let headings = layout.name_columns(&names, mapping).map_err(|missing| {
            Problem::new(&MAPPING_COLUMN_MISSING, Place::file(mapping.file.as_str()).field(missing))
        })?;
        layout.plan(headings, &sample, mapping, &place)?;
        Ok(layout)
    }

    /// The headings with what the mapping says of them.
    fn name_columns(&self, names: &[String], mapping: &Mapping) -> Result<Vec<(Heading, Word)>, String> {
        let mut headings: Vec<(Heading, Word)> = names.iter().map(|name| (understand(name), Word::Table)).collect();
        for (name, meaning) in &mapping.columns {
            let by_name = headings.iter().position(|(heading, _)| plain(&heading.written) == plain(name));
            let by_number =
                || name.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).filter(|n| *n < headings.len());
            let index = by_name.or_else(by_number).ok_or_else(|| name.clone())?;
            if let Some((heading, word)) = headings.get_mut(index) {
                heading.meaning.clone_from(meaning);
                *word = Word::Mapping;
            }
        }
        headings.extend(mapping.constants.iter().map(constant));
        Ok(headings)
    }

    /// The layout of records that have names for their fields: columns are what the mapping names, in its order.
    ///
    /// # Errors
    /// Where the mapping names nobody, or no time.
    pub(super) fn of_records(columns: &[(String, Meaning)], mapping: &Mapping) -> Result<Self, Problem> {
        let mut layout = Self {
            delimiter: Delimiter::Byte(b'\t'),
            heading_line: Some(1),
            heading_raw: None,
            body: 0,
            width: columns.len(),
            columns: Vec::new(),
            zone: None,
            above: Vec::new(),
            comments: false,
            formulas: false,
            apostrophes: false,
            constants: mapping.constants.iter().map(|(_, text)| text.clone()).collect(),
            found_by: "mapping",
        };
        let heading = |(name, meaning): &(String, Meaning)| Heading {
            written: name.clone(),
            meaning: Some(meaning.clone()),
            zone: None,
        };
        let headings = columns.iter().map(|column| (heading(column), Word::Mapping));
        let headings: Vec<_> = headings.chain(mapping.constants.iter().map(constant)).collect();
        let place = || Place::file(mapping.file.as_str()).field("columns");
        let named = columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" | ");
        let has = |wanted: fn(&Meaning) -> bool| {
            headings.iter().any(|(heading, _)| heading.meaning.as_ref().is_some_and(wanted))
        };
        if !has(is_whom) {
            return Err(Problem::new(&NO_ADDRESS_COLUMN, place()).with_value(&named));
        }
        if !has(is_when) {
            return Err(Problem::new(&NO_TIME_COLUMN, place()).with_value(&named));
        }
        layout.assign(headings, false, &place)?;
        Ok(layout)
    }

    fn plan(
        &mut self,
        mut headings: Vec<(Heading, Word)>,
        sample: &[Vec<String>],
        mapping: &Mapping,
        place: &dyn Fn() -> Place,
    ) -> Result<(), Problem> {
        let by_name = headings.iter().filter(|(heading, _)| heading.meaning.is_some()).count();
        let named: String = headings.iter().map(|(h, _)| h.written.as_str()).collect::<Vec<_>>().join(" | ");
        let has = |headings: &[(Heading, Word)], wanted: &dyn Fn(&Meaning) -> bool| {
            headings.iter().any(|(heading, _)| heading.meaning.as_ref().is_some_and(wanted))
        };
        let content = Content { sample, habit: &mapping.habit };
        let mut inferred = what_of_an_end(&mut headings, &content);
        // What no heading names is looked for in the cells.
        if !has(&headings, &is_whom) {
            let found: Vec<usize> = free(&headings).filter(|index| content.is_addresses(*index)).collect();
            match found[..] {
                [] => return Err(Problem::new(&NO_ADDRESS_COLUMN, place()).with_value(&named)),
                [one] => {
                    inferred = true;
                    set(&mut headings, one, Meaning::SourceEndpoint);
                }
                _ => {
                    let columns = found.iter().map(|i| (i + 1).to_string()).collect::<Vec<_>>().join(", ");
                    return Err(Problem::new(&TWO_ADDRESS_COLUMNS, place()).with_value(&columns));
                }
            }
        }
        // 「時刻」 over whole times is the time.
        let clock = position(&headings, &|meaning| *meaning == Meaning::Clock);
        if !has(&headings, &is_when)
            && let Some(clock) = clock.filter(|index| content.is_times(*index))
        {
            set(&mut headings, clock, Meaning::Column(Column::Time));
        }
        if !has(&headings, &is_when) {
            let found: Vec<usize> = free(&headings).filter(|index| content.is_times(*index)).collect();
            match found[..] {
                [] => {
                    let dates: Vec<usize> = free(&headings).filter(|index| content.is_dates(*index)).collect();
                    let clocks: Vec<usize> = free(&headings).filter(|index| content.shows_clocks(*index)).collect();
                    let (date, clock) = match (&dates[..], &clocks[..]) {
                        ([], _) => return Err(Problem::new(&NO_TIME_COLUMN, place()).with_value(&named)),
                        ([date], [clock]) => (*date, *clock),
                        // A file of times without an hour says so row by row, if that is the column.
                        ([date], []) => {
                            set(&mut headings, *date, Meaning::Column(Column::Time));
                            return self.assign(headings, true, place);
                        }
                        _ => {
                            let columns = dates.iter().chain(&clocks).map(|i| (i + 1).to_string());
                            let columns = columns.collect::<Vec<_>>().join(", ");
                            return Err(Problem::new(&TWO_TIME_COLUMNS, place()).with_value(&columns));
                        }
                    };
                    set(&mut headings, date, Meaning::Date);
                    set(&mut headings, clock, Meaning::Clock);
                    inferred = true;
                }
                [one] => {
                    inferred = true;
                    set(&mut headings, one, Meaning::Column(Column::Time));
                }
                _ => {
                    let columns = found.iter().map(|i| (i + 1).to_string()).collect::<Vec<_>>().join(", ");
                    return Err(Problem::new(&TWO_TIME_COLUMNS, place()).with_value(&columns));
                }
            }
        }
        self.date_and_clock(&mut headings, &content);
        // A port is taken from its place only where no heading says anything at all: right after the address.
        let no_heading = headings.iter().take(self.width).all(|(heading, _)| heading.written.is_empty());
        if no_heading && let Some(address) = position(&headings, &is_whom) {
            let next = address + 1;
            // Of two such columns side by side one is the other end's, and nobody knows which.
            if headings.get(next).is_some_and(|(h, w)| h.meaning.is_none() && *w == Word::Table)
                && content.is_ports(next)
                && !content.is_ports(next + 1)
            {
                set(&mut headings, next, Meaning::Column(Column::SourcePort));
            }
        }
        self.found_by = match (by_name, inferred) {
            (0, _) => "content",
            (_, true) => "heading, content",
            (_, false) => "heading",
        };
        self.assign(headings, inferred, place)
    }

    /// `date` and `time` side by side are one time; a lone `date` that holds whole times is the time.
    fn date_and_clock(&self, headings: &mut [(Heading, Word)], content: &Content<'_>) {
        let date = position(headings, &|meaning| *meaning == Meaning::Date);
        let clock = position(headings, &|meaning| *meaning == Meaning::Clock);
        let time = position(headings, &|meaning| *meaning == Meaning::Column(Column::Time));
        match (date, clock, time) {
            (Some(_), None, Some(time)) if content.is_clocks(time) => set(headings, time, Meaning::Clock),
            (Some(date), None, None) => {
                // The time of day may stand under a heading that no table knows.
                let clocks: Vec<usize> = free(headings).filter(|index| content.shows_clocks(*index)).collect();
                match clocks[..] {
                    [clock] if content.is_dates(date) => set(headings, clock, Meaning::Clock),
                    _ => set(headings, date, Meaning::Column(Column::Time)),
                }
            }
            // Whole times stand beside it: the date is one more field.
            (Some(date), _, Some(_)) => {
                if let Some((heading, _)) = headings.get_mut(date) {
                    heading.meaning = None;
                }
            }
            (None, Some(clock), Some(_)) => {
                if let Some((heading, _)) = headings.get_mut(clock) {
                    heading.meaning = None;
                }
            }
            _ => {}
        }
    }

    /// Gives every column its role; nothing is left without one.
    fn assign(
        &mut self,
        headings: Vec<(Heading, Word)>,
        inferred: bool,
        place: &dyn Fn() -> Place,
    ) -> Result<(), Problem> {
        if self.found_by.is_empty() {
            self.found_by = if inferred { "heading, content" } else { "heading" };
        }
        let mut zones: Vec<String> = Vec::new();
        for (index, (heading, _)) in headings.into_iter().enumerate() {
            let number = index + 1;
            let unnamed = heading.written.is_empty();
            let name = if unnamed { format!("column {number}") } else { heading.written };
            if let Some(zone) = heading.zone.filter(|zone| !zones.contains(zone)) {
                zones.push(zone);
            }
            let unknown = heading.meaning.is_none();
            let kept = |columns: &[Planned]| kept_role(&name, number, unnamed, columns);
            let role = match heading.meaning {
                None => kept(&self.columns),
                Some(Meaning::Other(key)) => {
                    let taken = self.columns.iter().any(|c| c.role == Role::Key(key.clone()));
                    if taken { kept(&self.columns) } else { Role::Key(key) }
                }
                Some(meaning) => {
                    let earlier = self.columns.iter().position(|column| claims_the_same(&column.role, &meaning));
                    match earlier.and_then(|at| Some((at, self.columns.get(at)?))) {
                        None => Role::Means(meaning),
                        // Two names for the malware, two other ends: the second is one more field. Who and when is said once.
                        Some((_, first)) if !says_who_or_when(&meaning) && plain(&first.name) != plain(&name) => {
                            kept(&self.columns)
                        }
                        Some((at, _)) => Role::Again(at),
                    }
                }
            };
            self.columns.push(Planned { name, role, unknown });
        }
        // Two headings that name two zones: nobody knows which.
        if let [_, other, ..] = &zones[..] {
            return Err(Problem::new(&BAD_ZONE, place()).with_value(other));
        }
        self.zone = zones.pop();
        Ok(())
    }
}

/// Whether the column says whom a row is about.
fn is_whom(meaning: &Meaning) -> bool {
    matches!(
        meaning,
        Meaning::SourceEndpoint
            | Meaning::Column(Column::SourceIp | Column::SourceFqdn | Column::SourceUrl | Column::SourceAccount)
    )
}

/// Whether the column says when.
fn is_when(meaning: &Meaning) -> bool {
    matches!(meaning, Meaning::Column(Column::Time) | Meaning::Date | Meaning::Epoch)
}

/// A column that holds the same in every row.
fn constant((meaning, text): &(Meaning, String)) -> (Heading, Word) {
    let heading = Heading { written: format!("= {text}"), meaning: Some(meaning.clone()), zone: None };
    (heading, Word::Mapping)
}

/// Whether two columns of that meaning could name another person, or let the row go further than it may.
fn says_who_or_when(meaning: &Meaning) -> bool {
    !matches!(
        meaning,
        Meaning::DestinationEndpoint
            | Meaning::Column(
                Column::DestinationIp
                    | Column::DestinationPort
                    | Column::DestinationFqdn
                    | Column::DestinationUrl
                    | Column::Malware
                    | Column::SourceAsn
                    | Column::Reference
            )
    )
}

/// 「送信元」 or 「C2」 by itself does not say what of that end stands in its column; the cells do. Whether anything was found out.
fn what_of_an_end(headings: &mut [(Heading, Word)], content: &Content<'_>) -> bool {
    let mut found_out = false;
    for (index, (heading, word)) in headings.iter_mut().enumerate() {
        let (is_other_end, name, url) = match heading.meaning {
            Some(Meaning::SourceEndpoint) => (false, Column::SourceFqdn, Column::SourceUrl),
            Some(Meaning::DestinationEndpoint) => (true, Column::DestinationFqdn, Column::DestinationUrl),
            _ => continue,
        };
        let some = |is: &dyn Fn(&str) -> bool| content.any(index, is);
        let any_address = some(&is_address);
        if *word == Word::Mapping || any_address && !is_other_end || !some(&|_| true) {
            continue;
        }
        heading.meaning = if content.mostly(index, |cell| is_name(&refang(cell))) {
            Some(Meaning::Column(name))
        } else if content.mostly(index, |cell| is_url(&refang(cell))) {
            Some(Meaning::Column(url))
        } else if some(&|cell| endpoint(&refang(cell)).is_err_and(|code| code.code != "bad-address"))
            || any_address
            || is_other_end && some(&|cell| name_and_port(&refang(cell)).is_some() || is_url(&refang(cell)))
        {
            continue;
        } else {
            None
        };
        found_out = true;
    }
    found_out
}

/// Whether any of the first lines holds a cell as `="…"`.
fn has_formulas(text: &str, from: usize) -> bool {
    let mut at = from;
    for _ in 0..SAMPLE {
        let (end, next) = line_from(text, at);
        let line = text.get(at..end).unwrap_or_default();
        let after_delimiter = |(found, _): (usize, &str)| {
            found
                .checked_sub(1)
                .and_then(|before| line.as_bytes().get(before))
                .is_none_or(|b| matches!(b, b',' | b'\t' | b';' | b'|'))
        };
        if line.match_indices("=\"").any(after_delimiter) {
            return true;
        }
        at = next;
    }
    false
}

/// Whether a column of that role already says what `meaning` says.
fn claims_the_same(role: &Role, meaning: &Meaning) -> bool {
    let address = |meaning: &Meaning| match meaning {
        Meaning::SourceEndpoint | Meaning::Column(Column::SourceIp) => 1,
        Meaning::DestinationEndpoint | Meaning::Column(Column::DestinationIp) => 2,
        Meaning::Epoch | Meaning::Column(Column::Time) => 3,
        _ => 0,
    };
    matches!(role, Role::Means(other) if other == meaning || (address(other) != 0 && address(other) == address(meaning)))
}

/// Where an unknown column is kept, under a name that no other column has.
fn kept_role(name: &str, number: usize, unnamed: bool, columns: &[Planned]) -> Role {
    let taken = |role: &Role| columns.iter().any(|column| column.role == *role);
    let wanted = if unnamed { format!("column_{number}") } else { name.to_owned() };
    let mut role = extra_key(&wanted).map_or_else(|| Role::Named(wanted.clone()), Role::Key);
    let mut times = 1;
    while taken(&role) {
        times += 1;
        role = match role {
            Role::Named(_) => Role::Named(format!("{wanted} ({times})")),
            _ => Role::Key(format!("{}_{times}", extra_key(&wanted).unwrap_or_default())),
        };
    }
    role
}

/// Who said what a column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Table,
    Mapping,
}

fn free(headings: &[(Heading, Word)]) -> impl Iterator<Item = usize> + '_ {
    headings
        .iter()
        .enumerate()
        .filter(|(_, (heading, word))| heading.meaning.is_none() && *word == Word::Table)
        .map(|(index, _)| index)
}

fn position(headings: &[(Heading, Word)], wanted: &dyn Fn(&Meaning) -> bool) -> Option<usize> {
    headings.iter().position(|(heading, _)| heading.meaning.as_ref().is_some_and(wanted))
}

fn set(headings: &mut [(Heading, Word)], index: usize, meaning: Meaning) {
    if let Some((heading, _)) = headings.get_mut(index) {
        heading.meaning = Some(meaning);
    }
}

/// What the cells of the first rows look like.
struct Content<'s> {
    sample: &'s [Vec<String>],
    habit: &'s Habit,
}

impl Content<'_> {
    /// Whether any cell of the column that holds anything is so.
    fn any(&self, index: usize, is: impl Fn(&str) -> bool) -> bool {
        let cells = self.sample.iter().filter_map(|row| row.get(index)).map(|cell| fold(cell));
        cells.into_iter().any(|cell| !is_nothing(&cell) && is(&cell))
    }

    /// Whether at least four in five of the column's cells that hold anything are so.
    fn mostly(&self, index: usize, is: impl Fn(&str) -> bool) -> bool {
        let cells: Vec<_> = self
            .sample
            .iter()
            .filter_map(|row| row.get(index))
            .map(|cell| fold(cell))
            .filter(|c| !is_nothing(c))
            .collect();
        let good = cells.iter().filter(|cell| is(cell)).count();
        good > 0 && good * 5 >= cells.len() * 4
    }

    fn is_addresses(&self, index: usize) -> bool {
        self.mostly(index, is_address)
    }

    fn is_times(&self, index: usize) -> bool {
        self.mostly(index, |cell| is_time(cell, self.habit))
    }

    fn is_dates(&self, index: usize) -> bool {
        self.mostly(index, |cell| {
            civil::read(cell, self.habit).is_err_and(|code| code.code != BAD_TIME.code && code.code != BAD_ZONE.code)
        })
    }

    fn is_clocks(&self, index: usize) -> bool {
        self.mostly(index, |cell| is_clock(cell, self.habit))
    }

    /// As [`Content::is_clocks`], for a column that no heading calls a time: four digits by themselves may as well be a port.
    fn shows_clocks(&self, index: usize) -> bool {
        self.mostly(index, |cell| cell.contains([':', '時']) && is_clock(cell, self.habit))
    }

    fn is_ports(&self, index: usize) -> bool {
        self.mostly(index, |cell| cell.bytes().all(|b| b.is_ascii_digit()) && cell.len() <= 5)
    }
}

fn is_address(cell: &str) -> bool {
    endpoint(&refang(cell)).is_ok() || matches!(cell, "0.0.0.0" | "::")
}

/// A time that can be read, or one that is refused for a reason that only a time can have.
fn is_time(cell: &str, habit: &Habit) -> bool {
    match civil::read(cell, habit) {
        Ok(_) => true,
        Err(code) => !matches!(code.code, "bad-time" | "time-without-hour"),
    }
}

fn is_clock(cell: &str, habit: &Habit) -> bool {
    civil::read(cell, habit).is_err() && civil::read(&format!("2014-06-30 {cell}"), &Habit::default()).is_ok()
}

/// The lines above the first row of data, where that begins, and the cells of the first rows of data.
fn head(
    decoded: &Decoded<'_>,
    from: usize,
    delimiter: Delimiter,
    mapping: &Mapping,
) -> (Vec<Line>, usize, Vec<Vec<String>>) {
    let text = &*decoded.text;
    let mut lines = Vec::new();
    let mut cursor = decoded.cursor();
    let mut rows = Rows::new(text, from, delimiter, None);
    let mut sample: Vec<Vec<String>> = Vec::new();
    let mut body = from;
    // A mapping that says there is no heading says that rows begin at once.
    let mut began = mapping.no_heading;
    loop {
        let at = rows.next_at();
        let Some(row) = rows.next() else {
            if sample.is_empty() && !began {
                body = text.len();
            }
            break;
        };
        if row.is_blank() {
            continue;
        }
        let comment = is_comment(row.raw());
        if !began {
            if comment || !is_data(&row, mapping) {
                if lines.len() >= SAMPLE {
                    // Nothing like a row in forty lines: what follows is read as rows, and rejected as such.
                    body = at;
                    began = true;
                } else {
                    let number = cursor.to(row.place.start).1;
                    lines.push(Line { place: row.place.clone(), number, cells: cells_of(&row, delimiter), comment });
                    continue;
                }
            } else {
                body = at;
                began = true;
            }
        }
        if !comment {
            sample.push(row.cells().map(|cell| without_formula(cell).to_owned()).collect());
        }
        if sample.len() >= SAMPLE {
            break;
        }
    }
    // No row looked like data, but there is a heading: what follows it are rows, each of which will say what is wrong.
    if sample.is_empty()
        && let Some(index) = pick_heading(&lines, &sample, mapping)
    {
        let after = lines.iter().skip(index + 1);
        sample = after.filter(|line| !line.comment).map(|line| line.cells.clone()).collect();
    }
    (lines, body, sample)
}

/// A row holds an address, or a time, or something refused that is nearly one; a heading holds none.
fn is_data(row: &Row<'_>, mapping: &Mapping) -> bool {
    row.cells().any(|cell| {
        let cell = fold(without_formula(cell));
        is_address(&cell)
            || (cell.matches('.').count() == 3 && cell.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
            || endpoint(&refang(&cell)).is_err_and(|code| code.code != "bad-address")
            || (cell.starts_with(|c: char| c.is_ascii_digit()) && civil::read(&cell, &mapping.habit).is_ok())
    })
}

/// The cells of a line that may be a heading; a comment's mark comes off first.
fn cells_of(row: &Row<'_>, delimiter: Delimiter) -> Vec<String> {
    let raw = row.raw().trim_start();
    if !is_comment(raw) {
        return row.cells().map(|cell| without_formula(cell).to_owned()).collect();
    }
    let bare = raw.trim_start_matches(['#', '※', '＃', '/']).trim_start_matches(' ');
    let mut rows = Rows::new(bare, 0, delimiter, None);
    rows.next().map(|row| row.cells().map(str::to_owned).collect()).unwrap_or_default()
}

/// The line that names the columns: the one with the most headings that are known, the last of equals, and one that is no comment
/// before one that is. Where none is known, the line right above the rows if it has as many cells as they have.
fn pick_heading(lines: &[Line], sample: &[Vec<String>], mapping: &Mapping) -> Option<usize> {
    let mapped: Vec<String> = mapping.columns.iter().map(|(name, _)| plain(name)).collect();
    let known = |line: &Line| {
        line.cells.iter().filter(|cell| understand(cell).meaning.is_some() || mapped.contains(&plain(cell))).count()
    };
    let width = sample.iter().map(Vec::len).max();
    // `IP` alone in a title above five columns names no columns.
    let fits = |line: &Line| width.is_none_or(|width| line.cells.len() * 2 > width);
    let best = |comment: bool| {
        let candidates = lines.iter().enumerate().filter(|(_, line)| line.comment == comment && fits(line));
        candidates.map(|(i, line)| (known(line), i)).filter(|(known, _)| *known > 0).max().map(|(_, i)| i)
    };
    best(false).or_else(|| best(true)).or_else(|| {
        let last = lines.len().checked_sub(1)?;
        let line = lines.get(last)?;
        (!line.comment && line.cells.len() > 1 && Some(line.cells.len()) == width).then_some(last)
    })
}

/// The delimiter under which most cells of the first rows mean something.
fn best_delimiter(text: &str, from: usize, mapping: &Mapping) -> Delimiter {
    let mut best = (0, Delimiter::None);
    for delimiter in Delimiter::ALL {
        let mut rows = Rows::new(text, from, delimiter, None);
        let mut score = 0;
        for _ in 0..SAMPLE {
            let Some(row) = rows.next() else { break };
            let cells = cells_of(&row, delimiter);
            score += cells.iter().filter(|cell| means_something(cell, mapping)).count();
        }
        if score > best.0 {
            best = (score, delimiter);
        }
    }
    best.1
}

fn means_something(cell: &str, mapping: &Mapping) -> bool {
    let folded = fold(cell);
    is_address(&folded)
        || is_time(&folded, &mapping.habit)
        || is_clock(&folded, &mapping.habit)
        || understand(cell).meaning.is_some()
        || mapping.columns.iter().any(|(name, _)| plain(name) == plain(cell))
}

/// No column holds addresses.
pub(super) static NO_ADDRESS_COLUMN: Code = Code {
    code: "no-address-column",
    text: Text { ja: "IPアドレスの列が見つかりません", en: "no column of addresses was found" },
    help: Text {
        ja: "見出しを「IPアドレス」とするか、マッピングファイルの [columns] で列の意味を指定してください",
        en: "call the column `IP address`, or say in a mapping file under [columns] what each column means",
    },
    example: "色,時刻\n赤,2014-06-30 09:00:00",
};

/// No column holds times.
pub(super) static NO_TIME_COLUMN: Code = Code {
    code: "no-time-column",
    text: Text { ja: "日時の列が見つかりません", en: "no column of times was found" },
    help: Text {
        ja: "アドレスだけでは利用者を特定できません。「日時」の列を加えるか、マッピングファイルの [columns] で列の意味を指定してください",
        en: "an address alone finds no subscriber: add a column `time`, or say in a mapping file under [columns] which one it is",
    },
    example: "IPアドレス,ポート\n192.0.2.1,1234",
};

/// Two columns could each be the infected address.
pub(super) static TWO_ADDRESS_COLUMNS: Code = Code {
    code: "two-address-columns",
    text: Text {
        ja: "アドレスの列が複数あり、どれが感染端末か見出しから分かりません",
        en: "several columns hold addresses and no heading says which is the infected one",
    },
    help: Text {
        ja: "見出し（送信元IP・接続先IPなど）を付けるか、マッピングファイルの [columns] で指定してください",
        en: "add headings such as `source ip` and `destination ip`, or say it in a mapping file under [columns]",
    },
    example: "192.0.2.1,198.51.100.1,2014-06-30 09:00:00",
};

/// Two columns could each be the time.
pub(super) static TWO_TIME_COLUMNS: Code = Code {
    code: "two-time-columns",
    text: Text {
        ja: "日時の列が複数あり、どれが観測日時か見出しから分かりません",
        en: "several columns hold times and no heading says which is the time of the observation",
    },
    help: Text {
        ja: "観測日時の列の見出しを「日時」とするか、マッピングファイルの [columns] で指定してください",
        en: "call the column of the observation `time`, or say it in a mapping file under [columns]",
    },
    example: "192.0.2.1,2014-06-30 09:00:00,2014-07-01 10:00:00",
};

/// What this file can utter.
pub(super) static CODES: [&Code; 4] = [&NO_ADDRESS_COLUMN, &NO_TIME_COLUMN, &TWO_ADDRESS_COLUMNS, &TWO_TIME_COLUMNS];
