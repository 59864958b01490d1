//! Tables of AS numbers: which autonomous system announces which addresses, as others publish it.
//!
//! Two forms are read, both row by row from any [`BufRead`]: ranges (`start,end,asn,name`) and pyasn's `.dat`
//! (`prefix<TAB>asn`). A row that cannot be read is told with its line, the others go on. Rows that contradict each
//! other (one range, two systems; two ranges that overlap in part) are *both* left out: an address under them belongs
//! to nobody that the table can name, and nothing is sent on a guess.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Bound;

use ipnet::IpNet;
use model::address::Address;
use model::problem::{Code, Place, Problem};

use crate::asn::Asn;
use crate::code;
use crate::lines::{Lines, NumberedLine};
use crate::prefix;

/// No line of such a table is longer, in bytes.
const LONGEST_LINE: usize = 65_536;
/// So many problems are described; beyond that they are counted only.
const MOST_TOLD: usize = 1_000;

/// Address ranges and the systems that announce them.
#[derive(Debug, Clone, Default)]
pub struct AsnTable {
    pub(crate) v4: Vec<Range<Ipv4Addr>>,
    pub(crate) v6: Vec<Range<Ipv6Addr>>,
    /// Each name once.
    names: Vec<Box<str>>,
}

/// A table and what was wrong with its rows.
#[derive(Debug, Clone, Default)]
pub struct TableRead {
    /// The rows that stand.
    pub table: AsnTable,
    /// Rows that were read, whatever became of them; comments, blank lines and the heading are none.
    pub rows: u64,
    /// Rows that were left out; a heading that cannot be used counts as one, and no row is read after it.
    pub refused: u64,
    /// Why, row by row, in the order of the lines; the first thousand of them.
    pub problems: Vec<Problem>,
    /// Rows that stand although something about them is remarkable; the first thousand.
    pub notes: Vec<Problem>,
}

/// The table's source failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{file}` after line {line}: {source}")]
pub struct TableUnreadable {
    /// The file's name.
    pub file: String,
    /// The last line that could be read.
    pub line: u64,
    /// What the source said.
    pub source: io::Error,
}

/// Addresses from the first to the last, both included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range<A> {
    pub(crate) first: A,
    pub(crate) last: A,
    pub(crate) asn: Asn,
    /// The index of its name.
    name: Option<u32>,
    line: u32,
}

impl AsnTable {
    /// Reads ranges: `start,end,asn` or `start,end,asn,name` in UTF-8, IPv4 and IPv6 mixed. A first row with the word
    /// `start` in it is a heading and sets the columns' order; other columns that it names are passed over. Lines
    /// beginning with `#` are comments. AS 0 says that a range is not routed.
    ///
    /// # Errors
    /// [`TableUnreadable`] where the source fails; what is wrong with rows stands in [`TableRead`].
    pub fn read_ranges(file: &str, source: impl BufRead) -> Result<TableRead, TableUnreadable> {
        let mut reading = Reading::new(file);
        let mut columns: Option<Columns> = None;
        let mut lines = Lines::new(source, LONGEST_LINE);
        let mut splitter = Splitter::new();
        while let Some((line, bytes)) = next_line(file, &mut lines)? {
            let Some(bytes) = bytes else {
                reading.read.rows += 1;
                reading.refuse(&code::TABLE_LONG_LINE, line, None, None);
                continue;
            };
            if bytes.is_empty() || bytes.starts_with(b"#") {
                continue;
            }
            let Some(fields) = splitter.split(bytes) else {
                reading.read.rows += 1;
                reading.refuse(&code::TABLE_COLUMNS, line, None, None);
                continue;
            };
            let columns = match &columns {
                Some(columns) => columns,
                None => match Columns::from_first_row(&fields) {
                    FirstRow::Data => columns.insert(Columns::UNTITLED),
                    FirstRow::Heading(titled) => {
                        columns = Some(titled);
                        continue;
                    }
                    FirstRow::BadHeading => {
                        reading.refuse(&code::TABLE_HEADING, line, None, std::str::from_utf8(bytes).ok());
                        break;
                    }
                },
            };
            reading.range_row(line, &fields, columns);
        }
        Ok(reading.finish(Overlap::MayCross))
    }

    /// Reads pyasn's `.dat`: a prefix, a tab (or blanks), a number; `;` begins a comment.
    ///
    /// # Errors
    /// [`TableUnreadable`] where the source fails; what is wrong with rows stands in [`TableRead`].
    pub fn read_pyasn(file: &str, source: impl BufRead) -> Result<TableRead, TableUnreadable> {
        let mut reading = Reading::new(file);
        let mut lines = Lines::new(source, LONGEST_LINE);
        while let Some((line, bytes)) = next_line(file, &mut lines)? {
            let Some(bytes) = bytes else {
                reading.read.rows += 1;
                reading.refuse(&code::TABLE_LONG_LINE, line, None, None);
                continue;
            };
            let content = bytes.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
            if !content.is_empty() {
                reading.prefix_row(line, &String::from_utf8_lossy(content));
            }
        }
        Ok(reading.finish(Overlap::Nested))
    }

    /// How many ranges it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names, each once; a range knows its name's place among them.
    pub(crate) fn names(&self) -> &[Box<str>] {
        &self.names
    }
}

impl<A> Range<A> {
    /// The place of its name among the table's.
    pub(crate) fn name_index(&self) -> Option<usize> {
        usize::try_from(self.name?).ok()
    }
}

/// Whether ranges can overlap in part; prefixes never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overlap {
    MayCross,
    Nested,
}

/// Which column holds what.
struct Columns {
    start: usize,
    end: usize,
    asn: usize,
    name: Option<usize>,
    /// How many a row has: at least, at most.
    count: (usize, usize),
}

enum FirstRow {
    Data,
    Heading(Columns),
    BadHeading,
}

impl Columns {
    const UNTITLED: Self = Self { start: 0, end: 1, asn: 2, name: Some(3), count: (3, 4) };

    fn from_first_row(fields: &Fields<'_>) -> FirstRow {
        let titles: Vec<String> =
            fields.iter().map(|field| String::from_utf8_lossy(field).to_ascii_lowercase()).collect();
        if !titles.iter().any(|title| title == "start") {
            return FirstRow::Data;
        }
        let place = |wanted: &str| {
            let mut places = titles.iter().enumerate().filter(|(_, title)| *title == wanted).map(|(place, _)| place);
            match (places.next(), places.next()) {
                (place, None) => Ok(place),
                _ => Err(()),
            }
        };
        match (place("start"), place("end"), place("asn"), place("name")) {
            (Ok(Some(start)), Ok(Some(end)), Ok(Some(asn)), Ok(name)) => {
                FirstRow::Heading(Self { start, end, asn, name, count: (titles.len(), titles.len()) })
            }
            _ => FirstRow::BadHeading,
        }
    }
}

/// So many columns are told apart; no table of AS numbers has more.
const MOST_COLUMNS: usize = 64;

/// Splits lines of CSV (RFC 4180), one by one: a row is one line, and a stray quote cannot swallow the rows after it.
struct Splitter {
    reader: csv_core::Reader,
    text: Vec<u8>,
    ends: [usize; MOST_COLUMNS],
}

/// The fields of one line.
struct Fields<'s> {
    text: &'s [u8],
    ends: &'s [usize],
}

impl Splitter {
    fn new() -> Self {
        Self { reader: csv_core::Reader::new(), text: Vec::new(), ends: [0; MOST_COLUMNS] }
    }

    /// The fields; none where the line holds more than one row or too many columns.
    fn split(&mut self, line: &[u8]) -> Option<Fields<'_>> {
        use csv_core::ReadRecordResult::{InputEmpty, Record};
        self.reader.reset();
        // Unquoted text is never longer than quoted; one byte of room tells "all read" from "no room left".
        self.text.resize(line.len() + 1, 0);
        let (result, _, written, ended) = self.reader.read_record(line, &mut self.text, &mut self.ends);
        if result != InputEmpty {
            return None;
        }
        let (text, ends) = (self.text.get_mut(written..)?, self.ends.get_mut(ended..)?);
        let (result, _, more_written, more_ended) = self.reader.read_record(&[], text, ends);
        if result != Record {
            return None;
        }
        Some(Fields { text: self.text.get(..written + more_written)?, ends: self.ends.get(..ended + more_ended)? })
    }
}

impl Fields<'_> {
    fn get(&self, place: usize) -> Option<&[u8]> {
        let end = *self.ends.get(place)?;
        let start = place.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.get(start..end).map(<[u8]>::trim_ascii)
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|place| self.get(place))
    }
}

/// A table being read.
struct Reading<'f> {
    file: &'f str,
    read: TableRead,
    known_names: HashMap<Box<str>, u32>,
}

impl<'f> Reading<'f> {
    fn new(file: &'f str) -> Self {
        Self { file, read: TableRead::default(), known_names: HashMap::new() }
    }

    fn problem(&self, code: &'static Code, line: u64, field: Option<&str>, value: Option<&str>) -> Problem {
        let place = Place::file(self.file).line(line);
        let place = if let Some(field) = field { place.field(field) } else { place };
        let problem = Problem::new(code, place);
        if let Some(value) = value { problem.with_value(value) } else { problem }
    }

    /// Leaves a row out.
    fn refuse(&mut self, code: &'static Code, line: u64, field: Option<&str>, value: Option<&str>) {
        self.read.refused += 1;
        if self.read.problems.len() < MOST_TOLD {
            let problem = self.problem(code, line, field, value);
            self.read.problems.push(problem);
        }
    }

    fn note(&mut self, code: &'static Code, line: u64, field: &str) {
        if self.read.notes.len() < MOST_TOLD {
            let problem = self.problem(code, line, Some(field), None);
            self.read.notes.push(problem);
        }
    }

    fn range_row(&mut self, line: u64, fields: &Fields<'_>, columns: &Columns) {
        self.read.rows += 1;
        if fields.len() < columns.count.0 || fields.len() > columns.count.1 {
            return self.refuse(&code::TABLE_COLUMNS, line, None, Some(&fields.len().to_string()));
        }
        let text = |place: usize| String::from_utf8_lossy(fields.get(place).unwrap_or_default());
        let (first, last, asn) = (text(columns.start), text(columns.end), text(columns.asn));
        let Ok(from) = first.parse::<Address>() else {
            return self.refuse(&code::TABLE_ADDRESS, line, Some("start"), Some(&first));
        };
        let Ok(to) = last.parse::<Address>() else {
            return self.refuse(&code::TABLE_ADDRESS, line, Some("end"), Some(&last));
        };
        let Ok(asn) = asn.parse::<Asn>() else {
            return self.refuse(&code::TABLE_ASN, line, Some("asn"), Some(&asn));
        };
        let name = columns.name.and_then(|place| fields.get(place)).filter(|name| !name.is_empty());
        if name.is_some_and(|name| std::str::from_utf8(name).is_err()) {
            self.note(&code::TABLE_NAME, line, "name");
        }
        let name = name.and_then(|name| self.name_index(&String::from_utf8_lossy(name)));
        match (from.ip(), to.ip()) {
            (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
                self.read.table.v4.push(Range { first, last, asn, name, line: short(line) });
            }
            (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
                self.read.table.v6.push(Range { first, last, asn, name, line: short(line) });
            }
            _ => self.refuse(&code::TABLE_ORDER, line, Some("end"), Some(&format!("{first} – {last}"))),
        }
    }

    fn prefix_row(&mut self, line: u64, content: &str) {
        self.read.rows += 1;
        let mut words = content.split_ascii_whitespace();
        let (Some(net), Some(asn), None) = (words.next(), words.next(), words.next()) else {
            return self.refuse(&code::TABLE_COLUMNS, line, None, Some(content));
        };
        let Ok(net) = prefix::read(net) else {
            return self.refuse(&code::TABLE_ADDRESS, line, Some("prefix"), Some(net));
        };
        let Ok(asn) = asn.parse::<Asn>() else {
            return self.refuse(&code::TABLE_ASN, line, Some("asn"), Some(asn));
        };
        let line = short(line);
        match net {
            IpNet::V4(net) => {
                let (first, last) = (net.network(), net.broadcast());
                self.read.table.v4.push(Range { first, last, asn, name: None, line });
            }
            IpNet::V6(net) => {
                let (first, last) = (net.network(), net.broadcast());
                self.read.table.v6.push(Range { first, last, asn, name: None, line });
            }
        }
    }

    /// The index under which the name is kept, once for all rows that have it.
    fn name_index(&mut self, name: &str) -> Option<u32> {
        if let Some(index) = self.known_names.get(name) {
            return Some(*index);
        }
        let index = u32::try_from(self.read.table.names.len()).ok()?;
        self.read.table.names.push(name.into());
        self.known_names.insert(name.into(), index);
        Some(index)
    }

    fn finish(mut self, overlap: Overlap) -> TableRead {
        let mut v4 = std::mem::take(&mut self.read.table.v4);
        let mut v6 = std::mem::take(&mut self.read.table.v6);
        self.settle(&mut v4, overlap);
        self.settle(&mut v6, overlap);
        self.read.table.v4 = v4;
        self.read.table.v6 = v6;
        self.read.problems.sort_by_key(|problem| problem.place.line);
        self.read
    }

    /// Sorts the ranges and leaves out those that contradict each other; what is said twice stays once.
    fn settle<A: Ord + Copy + Into<IpAddr>>(&mut self, ranges: &mut Vec<Range<A>>, overlap: Overlap) {
        // An outer range comes before those inside it; of equal ones the first of the file.
        ranges.sort_by(|a, b| a.first.cmp(&b.first).then(b.last.cmp(&a.last)).then(a.line.cmp(&b.line)));
        let mut wrong = contradicting(ranges);
        if overlap == Overlap::MayCross {
            for (one, other) in wrong.iter_mut().zip(crossing(ranges)) {
                *one = one.or(other);
            }
        }
        let mut judged = wrong.into_iter();
        let mut refused = Vec::new();
        ranges.retain(|range| match judged.next().flatten() {
            Some(fault) => {
                refused.push((*range, fault));
                false
            }
            None => true,
        });
        ranges.dedup_by(|later, earlier| (later.first, later.last) == (earlier.first, earlier.last));
        for (range, (code, other)) in refused {
            let (first, last): (IpAddr, IpAddr) = (range.first.into(), range.last.into());
            let told = format!("{first} – {last} {} ≠ {}:{other}", range.asn, self.file);
            self.refuse(code, range.line.into(), None, Some(&told));
        }
    }
}

/// Lines beyond four thousand million are all called the last one that can be counted.
fn short(line: u64) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

/// What is wrong with a range, and the line of the other that says so.
type Fault = (&'static Code, u32);

/// For each of the sorted ranges, whether an equal one has another number.
fn contradicting<A: Ord + Copy>(sorted: &[Range<A>]) -> Vec<Option<Fault>> {
    let mut faults = Vec::with_capacity(sorted.len());
    for group in sorted.chunk_by(|a, b| a.first == b.first && a.last == b.last) {
        let differing = group.iter().find(|other| group.first().is_some_and(|first| first.asn != other.asn));
        for range in group {
            // Whoever differs from the differing one is held against it, and it against the first.
            let other = differing.and_then(|other| if range.asn == other.asn { group.first() } else { Some(other) });
            faults.push(other.map(|other| (&code::TABLE_CONTRADICTION, other.line)));
        }
    }
    faults
}

/// For each of the sorted ranges, whether another begins or ends inside it without lying inside it whole.
fn crossing<A: Ord + Copy>(sorted: &[Range<A>]) -> Vec<Option<Fault>> {
    let mut faults: Vec<Option<Fault>> = vec![None; sorted.len()];
    let lie_apart = sorted.windows(2).all(|pair| matches!(pair, [a, b] if a.last < b.first));
    if lie_apart {
        return faults;
    }
    // Those that begin earlier and end inside: the ends of all that began earlier.
    let mut ends: BTreeMap<A, u32> = BTreeMap::new();
    let mut at = 0;
    for group in sorted.chunk_by(|a, b| a.first == b.first) {
        for range in group {
            // One that ends where this one ends lies around it: the end itself is no crossing.
            let end = ends.range(range.first..range.last).next();
            if let (Some((_, line)), Some(fault)) = (end, faults.get_mut(at)) {
                *fault = Some((&code::TABLE_CROSSING, *line));
            }
            at += 1;
        }
        ends.extend(group.iter().map(|range| (range.last, range.line)));
    }
    // Those that begin inside and end later: the beginnings of all that end later, the latest end first.
    let mut by_end: Vec<usize> = (0..sorted.len()).collect();
    let end_of = |index: &usize| sorted.get(*index).map(|range| range.last);
    by_end.sort_by_key(|index| std::cmp::Reverse(end_of(index)));
    let mut beginnings: BTreeMap<A, u32> = BTreeMap::new();
    for group in by_end.chunk_by(|a, b| end_of(a) == end_of(b)) {
        for index in group {
            let (Some(range), Some(fault)) = (sorted.get(*index), faults.get_mut(*index)) else { continue };
            if range.first < range.last {
                let inside = (Bound::Excluded(range.first), Bound::Included(range.last));
                if let Some((_, line)) = beginnings.range(inside).next() {
                    *fault = fault.or(Some((&code::TABLE_CROSSING, *line)));
                }
            }
        }
        beginnings.extend(group.iter().filter_map(|index| sorted.get(*index)).map(|range| (range.first, range.line)));
    }
    faults
}

/// The next line without the blanks around it; no bytes where it is too long.
fn next_line<'l, R: BufRead>(file: &str, lines: &'l mut Lines<R>) -> Result<Option<NumberedLine<'l>>, TableUnreadable> {
    let line = lines.line();
    let next = lines.next_line().map_err(|source| TableUnreadable { file: file.to_owned(), line, source })?;
    Ok(next.map(|(line, bytes)| (line, bytes.map(<[u8]>::trim_ascii))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranges(text: &str) -> TableRead {
        AsnTable::read_ranges("asn.csv", text.as_bytes()).unwrap()
    }

    fn told(problems: &[Problem]) -> Vec<String> {
        let tell = |p: &Problem| {
            let field = p.place.field.as_deref().unwrap_or("-");
            format!("{} {field} {} {}", p.place.line.unwrap(), p.code.code, p.value_for_submitter().unwrap_or("-"))
        };
        problems.iter().map(tell).collect()
    }

    fn rows(table: &AsnTable) -> Vec<String> {
        let v4 = table.v4.iter().map(|r| (r.first.to_string(), r.last.to_string(), r.asn, r.name_index()));
        let v6 = table.v6.iter().map(|r| (r.first.to_string(), r.last.to_string(), r.asn, r.name_index()));
        let name = |place: Option<usize>| place.map_or("-", |place| &table.names[place]);
        v4.chain(v6).map(|(a, b, asn, place)| format!("{a}-{b} {asn} {}", name(place))).collect()
    }

    #[test]
    fn ranges_with_and_without_heading() {
        let plain = "198.18.0.0,198.18.15.255,64496,\"Hokuto, Inc.\"\n2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,4200000000,港\n198.19.0.0,198.19.0.255,AS64497\n";
        let read = ranges(plain);
        let want = [
            "198.18.0.0-198.18.15.255 AS64496 Hokuto, Inc.",
            "198.19.0.0-198.19.0.255 AS64497 -",
            "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff AS4200000000 港",
        ];
        assert_eq!(rows(&read.table), want);
        assert_eq!((read.rows, read.refused, read.problems.len()), (3, 0, 0));
        let titled = "\u{feff}ASN,Name,country,start,end\r\n# note\r\n\r\n64496,Hokuto,JP,198.18.0.0,198.18.15.255\r\n";
        assert_eq!(rows(&ranges(titled).table), ["198.18.0.0-198.18.15.255 AS64496 Hokuto"]);
        assert_eq!(rows(&ranges("\u{feff}198.18.0.0,198.18.0.0,1").table), ["198.18.0.0-198.18.0.0 AS1 -"]);
        assert!(ranges("").table.is_empty());
    }

    #[test]
    fn bad_rows_are_told_with_their_line_and_the_others_go_on() {
        let read = ranges(
            "start,end,asn,name\n198.18.0.0,198.18.0.255,64496,a\n\n198.18.1.999,198.18.1.255,64496,a\n198.18.2.0,x,64496,a\n\
             198.18.3.255,198.18.3.0,64496,a\n198.18.4.0,2001:db8::1,64496,a\n198.18.5.0,198.18.5.255,4294967296,a\n\
             198.18.6.0,198.18.6.255,64496\n198.18.7.0,198.18.7.255,64496,\"unclosed\n198.18.8.0,198.18.8.255,64496,b\n",
        );
        assert_eq!(
            told(&read.problems),
            [
                "4 start asn-table-address 198.18.1.999",
                "5 end asn-table-address x",
                "6 end asn-table-order 198.18.3.255 – 198.18.3.0",
                "7 end asn-table-order 198.18.4.0 – 2001:db8::1",
                "8 asn asn-table-asn 4294967296",
                "9 - asn-table-columns 3",
            ]
        );
        assert_eq!((read.rows, read.refused, read.table.len()), (9, 6, 3));
    }

    #[test]
    fn a_heading_without_its_columns_reads_nothing() {
        for bad in ["start,asn,name\n198.18.0.0,64496,a\n", "start,end,asn,end\n1.1.1.1,1.1.1.1,1,1.1.1.1\n"] {
            let read = ranges(bad);
            assert_eq!(read.problems[0].code.code, "asn-table-heading");
            assert!(read.table.is_empty());
        }
    }

    #[test]
    fn the_examples_bring_their_codes_about() {
        for code in
            crate::CODES.iter().filter(|code| code.code.starts_with("asn-table-") && code.example.contains('\n'))
        {
            let bytes = code.example.replace("(bytes that are not UTF-8)", "\u{1}");
            let bytes: Vec<u8> = bytes.bytes().map(|b| if b == 1 { 0xff } else { b }).collect();
            let read = AsnTable::read_ranges("asn.csv", bytes.as_slice()).unwrap();
            assert!(read.problems.iter().chain(&read.notes).any(|p| p.code == *code), "{}", code.code);
        }
    }

    #[test]
    fn contradictions_name_each_other_and_neither_is_used() {
        let read = ranges(
            "198.18.0.0,198.18.0.255,64496,a\n198.18.0.0,198.18.0.255,64497,b\n198.18.0.0,198.18.15.255,64498,c\n",
        );
        assert_eq!(
            told(&read.problems),
            [
                "1 - asn-table-contradiction 198.18.0.0 – 198.18.0.255 AS64496 ≠ asn.csv:2",
                "2 - asn-table-contradiction 198.18.0.0 – 198.18.0.255 AS64497 ≠ asn.csv:1",
            ]
        );
        assert_eq!(rows(&read.table), ["198.18.0.0-198.18.15.255 AS64498 c"]);
        // Said twice alike is said once.
        assert_eq!(ranges("198.18.0.0,198.18.0.255,1,a\n198.18.0.0,198.18.0.255,1,a\n").table.len(), 1);
        let crossing = ranges("198.18.0.0,198.18.0.9,1\n198.18.0.5,198.18.0.20,2\n198.18.0.6,198.18.0.8,3\n");
        assert_eq!(crossing.refused, 2);
        assert_eq!(rows(&crossing.table), ["198.18.0.6-198.18.0.8 AS3 -"]);
    }

    #[test]
    fn pyasn_tables() {
        let text = "; IP-ASN32-DAT file\n; Original\n\n198.18.0.0/15\t64496\n198.18.1.0/24\t4200000001 ; inner\n2001:db8::/32\t64497\n\
                    198.18.0.1/15\t1\n198.18.0.0\t1\n198.18.0.0/15\n198.18.0.0/15\tx\n203.0.113.0/24\t{64496,64497}\n";
        let read = AsnTable::read_pyasn("ipasn.dat", text.as_bytes()).unwrap();
        assert_eq!(
            rows(&read.table),
            [
                "198.18.0.0-198.19.255.255 AS64496 -",
                "198.18.1.0-198.18.1.255 AS4200000001 -",
                "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff AS64497 -"
            ]
        );
        assert_eq!(
            told(&read.problems),
            [
                "7 prefix asn-table-address 198.18.0.1/15",
                "8 prefix asn-table-address 198.18.0.0",
                "9 - asn-table-columns 198.18.0.0/15",
                "10 asn asn-table-asn x",
                "11 asn asn-table-asn {64496,64497}",
            ]
        );
    }

    #[test]
    fn a_binary_file_costs_bounded_memory() {
        let mut bytes = vec![b'x'; 3 * LONGEST_LINE];
        bytes.extend_from_slice(b"\n198.18.0.0,198.18.0.255,64496,a\n");
        bytes.extend("x\n".repeat(5_000).bytes());
        let read = AsnTable::read_ranges("asn.csv", io::BufReader::with_capacity(100, bytes.as_slice())).unwrap();
        assert_eq!(told(&read.problems)[0], "1 - asn-table-long-line -");
        assert_eq!((read.refused, read.problems.len(), read.table.len()), (5_001, MOST_TOLD, 1));
    }

    #[test]
    fn a_name_that_is_not_utf8_is_remarked_and_kept() {
        let read = AsnTable::read_ranges("asn.csv", &b"198.18.0.0,198.18.0.255,64496,H\xf4tel\n"[..]).unwrap();
        assert_eq!(told(&read.notes), ["1 name asn-table-name -"]);
        assert_eq!(rows(&read.table), ["198.18.0.0-198.18.0.255 AS64496 H\u{fffd}tel"]);
    }

    proptest! {
        // Small numbers, so that ranges often touch, nest and cross.
        #[test]
        fn what_stands_never_crosses_and_nothing_else_is_left_out(
            pairs in proptest::collection::vec((0_u8..24, 0_u8..12, 1_u32..3), 0..14)
        ) {
            let text: String = pairs
                .iter()
                .map(|(first, more, asn)| format!("198.18.0.{first},198.18.0.{},{asn}\n", first + more))
                .collect();
            let read = ranges(&text);
            let contradicts = |a: &(u8, u8, u32), b: &(u8, u8, u32)| {
                let (a1, a2, b1, b2) = (a.0, a.0 + a.1, b.0, b.0 + b.1);
                let crosses = (a1 < b1 && b1 <= a2 && a2 < b2) || (b1 < a1 && a1 <= b2 && b2 < a2);
                crosses || ((a1, a2) == (b1, b2) && a.2 != b.2)
            };
            let mut want: Vec<(u8, u8, u32)> =
                pairs.iter().filter(|a| !pairs.iter().any(|b| contradicts(a, b))).copied().collect();
            prop_assert_eq!(read.refused as usize, pairs.len() - want.len());
            want.sort_unstable();
            want.dedup();
            let mut got: Vec<(u8, u8, u32)> = read
                .table
                .v4
                .iter()
                .map(|r| (r.first.octets()[3], r.last.octets()[3] - r.first.octets()[3], r.asn.number()))
                .collect();
            got.sort_unstable();
            prop_assert_eq!(got, want);
        }

        #[test]
        fn no_bytes_make_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let read = AsnTable::read_ranges("x", bytes.as_slice()).unwrap();
            prop_assert!(read.table.len() as u64 + read.refused <= read.rows + 1);
            prop_assert!(AsnTable::read_pyasn("x", bytes.as_slice()).is_ok());
        }
    }
}
