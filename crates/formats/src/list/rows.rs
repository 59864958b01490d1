//! Text cut into rows and cells: where each begins, whatever stands between them.

use std::io::Cursor;
use std::ops::Range;

use crate::csv::rows::is_well_quoted;
use crate::text::{fold, line_from};

/// What stands between two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delimiter {
    /// Nothing: one column.
    None,
    /// One character, with quoting as in RFC 4180: comma, tab, semicolon, pipe.
    Byte(u8),
    /// The full-width comma `，` or the enumeration comma `、`.
    WideComma,
    /// Two or more spaces, a tab or a full-width space: columns that somebody aligned.
    WideSpaces,
    /// Any run of spaces; a date and a time of day side by side are one cell.
    Spaces,
}

impl Delimiter {
    /// In the order in which they are tried; of two that explain a file equally well the earlier is taken.
    pub(super) const ALL: [Self; 8] = [
        Self::None,
        Self::Byte(b'\t'),
        Self::Byte(b','),
        Self::Byte(b';'),
        Self::Byte(b'|'),
        Self::WideComma,
        Self::WideSpaces,
        Self::Spaces,
    ];

    /// Its name in a mapping file.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Byte(b'\t') => "tab",
            Self::Byte(b';') => "semicolon",
            Self::Byte(b'|') => "pipe",
            Self::Byte(_) => "comma",
            Self::WideComma => "full-width-comma",
            Self::WideSpaces => "wide-spaces",
            Self::Spaces => "spaces",
        }
    }

    /// The delimiter that a mapping file calls `text`, by name or by itself.
    pub(super) fn named(text: &str) -> Option<Self> {
        match text {
            "," => Some(Self::Byte(b',')),
            "\t" => Some(Self::Byte(b'\t')),
            ";" => Some(Self::Byte(b';')),
            "|" => Some(Self::Byte(b'|')),
            "，" | "、" => Some(Self::WideComma),
            " " | "space" => Some(Self::Spaces),
            name => Self::ALL.into_iter().find(|delimiter| delimiter.name() == name),
        }
    }
}

/// How many lines one row may span: a quoted cell may hold line ends, but not the rest of the file.
const MOST_LINES: usize = 64;

/// Reads rows one after the other.
pub(super) struct Rows<'t> {
    text: &'t str,
    delimiter: Delimiter,
    /// Where the next row begins.
    at: usize,
    /// How many cells a row has; what spans lines and has another number is a quote that was never closed.
    expected: Option<usize>,
    /// For lines with a quote in them.
    quoted: Option<csv::Reader<Cursor<&'t [u8]>>>,
    record: csv::StringRecord,
    cells: Vec<Range<usize>>,
    in_record: bool,
}

/// One row.
pub(super) struct Row<'r> {
    /// Where it begins in the text, and where it ends, without its line end.
    pub(super) place: Range<usize>,
    /// Whether a quote was opened and not closed; the row is then its first line only, and has no cells.
    pub(super) unclosed: bool,
    text: &'r str,
    record: Option<&'r csv::StringRecord>,
    cells: &'r [Range<usize>],
}

impl<'r> Row<'r> {
    /// A row of cells that never were a line of text.
    pub(super) const fn of_cells(cells: &'r csv::StringRecord) -> Self {
        Self { place: 0..0, unclosed: false, text: "", record: Some(cells), cells: &[] }
    }

    /// The cell at `index`, as written but without its quotes; empty where the row is shorter.
    pub(super) fn cell(&self, index: usize) -> &'r str {
        match self.record {
            Some(record) => record.get(index).unwrap_or_default(),
            None => self.cells.get(index).and_then(|cell| self.text.get(cell.clone())).unwrap_or_default(),
        }
    }

    /// The row from the cell at `index` on: where cells stand between spaces, the last one is free text.
    pub(super) fn rest_of(&self, index: usize) -> &'r str {
        match (self.record, self.cells.get(index)) {
            (None, Some(cell)) => self.text.get(cell.start..self.place.end).unwrap_or_default(),
            _ => self.cell(index),
        }
    }

    /// How many cells it has.
    pub(super) fn len(&self) -> usize {
        self.record.map_or(self.cells.len(), csv::StringRecord::len)
    }

    /// All cells.
    pub(super) fn cells(&self) -> impl Iterator<Item = &'r str> {
        (0..self.len()).map(|index| self.cell(index))
    }

    /// The row as written.
    pub(super) fn raw(&self) -> &'r str {
        self.text.get(self.place.clone()).unwrap_or_default()
    }

    /// Whether a quote that is open in it may be closed behind the end of the text: in none of the few lines that are left it is.
    pub(super) fn may_go_on(&self) -> bool {
        let rest = self.text.get(self.place.start..).unwrap_or_default();
        rest.bytes().filter(|b| matches!(b, b'\n' | b'\r')).take(MOST_LINES + 1).count() <= MOST_LINES
    }

    /// Whether nothing stands in any cell.
    pub(super) fn is_blank(&self) -> bool {
        !self.unclosed && self.cells().all(|cell| cell.trim().is_empty())
    }
}

impl<'t> Rows<'t> {
    /// The rows of `text` from the byte `from` on, which begins a line.
    pub(super) fn new(text: &'t str, from: usize, delimiter: Delimiter, expected: Option<usize>) -> Self {
        Self {
            text,
            delimiter,
            at: from,
            expected,
            quoted: None,
            record: csv::StringRecord::new(),
            cells: Vec::new(),
            in_record: false,
        }
    }

    /// Where the row after the last one begins.
    pub(super) const fn next_at(&self) -> usize {
        self.at
    }

    /// The next row, blank ones too.
    pub(super) fn next(&mut self) -> Option<Row<'_>> {
        if self.at >= self.text.len() {
            return None;
        }
        let start = self.at;
        let (end, next) = line_from(self.text, start);
        let line = self.text.get(start..end).unwrap_or_default();
        self.in_record = false;
        let mut place = start..end;
        let mut unclosed = false;
        self.at = next;
        match self.delimiter {
            Delimiter::Byte(byte) if line.contains('"') => {
                self.cells.clear();
                match self.quoted_row(byte, start) {
                    Some((end, next)) => {
                        place = start..end;
                        self.at = next;
                        self.in_record = true;
                    }
                    None => unclosed = true,
                }
            }
            delimiter => split(line, start, delimiter, &mut self.cells),
        }
        let record = self.in_record.then_some(&self.record);
        Some(Row { place, unclosed, text: self.text, record, cells: &self.cells })
    }

    /// Reads the row that begins at `start` by the rules of RFC 4180 and says where it ends and the next begins; none where its
    /// quote is not closed.
    fn quoted_row(&mut self, delimiter: u8, start: usize) -> Option<(usize, usize)> {
        let text = self.text;
        let reader = self.quoted.get_or_insert_with(|| {
            csv::ReaderBuilder::new()
                .delimiter(delimiter)
                .has_headers(false)
                .flexible(true)
                .from_reader(Cursor::new(text.as_bytes()))
        });
        let start_byte = u64::try_from(start).ok()?;
        // After CRLF the reader stands between the two.
        let here = reader.position().byte();
        let right_here = here == start_byte
            || (here + 1 == start_byte && text.as_bytes().get(start.wrapping_sub(1)) == Some(&b'\n') && start > 1);
        if !right_here {
            let mut place = csv::Position::new();
            place.set_byte(start_byte);
            reader.seek(place).ok()?;
        }
        if !reader.read_record(&mut self.record).ok()? {
            return None;
        }
        let after = usize::try_from(reader.position().byte()).ok()?;
        let raw = text.get(start..after)?;
        let row = raw.strip_suffix('\n').unwrap_or(raw);
        let row = row.strip_suffix('\r').unwrap_or(row);
        let between = raw.ends_with('\r') && text.as_bytes().get(after) == Some(&b'\n');
        let lines = row.bytes().filter(|b| matches!(b, b'\n' | b'\r')).count();
        // A stray quote here and another one lines below would make one row of all between them.
        let fits = lines <= MOST_LINES && self.expected.is_none_or(|cells| cells == self.record.len());
        if lines > 0 && !(fits && is_well_quoted(row, delimiter)) {
            return None;
        }
        // A quote left open on the last line.
        if lines == 0 && after == text.len() && open_quote(row, delimiter) {
            return None;
        }
        Some((start + row.len(), after + usize::from(between)))
    }
}

/// Whether the last cell of the line opens a quote and does not close it.
fn open_quote(line: &str, delimiter: u8) -> bool {
    let mut inside = false;
    let mut cell_begins = true;
    for byte in line.bytes() {
        match byte {
            b'"' if inside || cell_begins => inside = !inside,
            _ if byte == delimiter && !inside => {
                cell_begins = true;
                continue;
            }
            _ => {}
        }
        // After a closing quote another one doubles it.
        cell_begins = byte == b'"' && !inside;
    }
    inside
}

fn split(line: &str, start: usize, delimiter: Delimiter, cells: &mut Vec<Range<usize>>) {
    cells.clear();
    match delimiter {
        Delimiter::None => cells.push(start..start + line.len()),
        Delimiter::Byte(byte) => {
            let mut from = start;
            for (at, _) in line.bytes().enumerate().filter(|(_, b)| *b == byte) {
                cells.push(from..start + at);
                from = start + at + 1;
            }
            cells.push(from..start + line.len());
        }
        Delimiter::WideComma => {
            let mut from = start;
            for (at, comma) in line.match_indices(['，', '、']) {
                cells.push(from..start + at);
                from = start + at + comma.len();
            }
            cells.push(from..start + line.len());
        }
        Delimiter::WideSpaces | Delimiter::Spaces => {
            spaced(line, start, delimiter == Delimiter::WideSpaces, cells);
            if delimiter == Delimiter::Spaces {
                join_times(line, start, cells);
            }
        }
    }
}

/// Cells between runs of spaces; with `wide`, between runs of two or more, tabs and full-width spaces.
fn spaced(line: &str, start: usize, wide: bool, cells: &mut Vec<Range<usize>>) {
    let mut cell: Option<Range<usize>> = None;
    let mut gap_at = 0;
    for (at, c) in line.char_indices() {
        if matches!(c, ' ' | '\t' | '\u{3000}' | '\u{A0}') {
            let (Some(open), next) = (cell.as_ref(), at + c.len_utf8()) else { continue };
            if open.end == at {
                gap_at = at;
            }
            let gap = line.get(gap_at..next).unwrap_or_default();
            let ends = !wide || gap.chars().count() > 1 || matches!(c, '\t' | '\u{3000}');
            if ends && let Some(open) = cell.take() {
                cells.push(start + open.start..start + open.end);
            }
        } else {
            let end = at + c.len_utf8();
            match cell.as_mut() {
                Some(open) => open.end = end,
                None => cell = Some(at..end),
            }
        }
    }
    if let Some(open) = cell {
        cells.push(start + open.start..start + open.end);
    }
}

/// Joins a date, the time of day after it and the zone after that into one cell, and a bracketed word to what it follows.
fn join_times(line: &str, start: usize, cells: &mut Vec<Range<usize>>) {
    let text = |cell: &Range<usize>| line.get(cell.start - start..cell.end - start).unwrap_or_default();
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(cells.len());
    // What the cell being built ends in.
    let mut tail = Tail::Other;
    for cell in cells.iter() {
        let folded = fold(text(cell));
        let is = if looks_like_clock(&folded) {
            Tail::Clock
        } else if looks_like_date(&folded) {
            Tail::Date
        } else if matches!(&*folded, "午前" | "午後") {
            Tail::Half
        } else {
            Tail::Other
        };
        let zone = crate::civil::zone_word(&folded).is_some() || matches!(&*folded, "AM" | "PM" | "am" | "pm");
        let joins = match (tail, is) {
            (Tail::Date, Tail::Clock | Tail::Half) | (Tail::Half, Tail::Clock) => true,
            (Tail::Clock, Tail::Other) if zone => true,
            _ => folded.starts_with('('),
        };
        match joined.last_mut() {
            Some(last) if joins => last.end = cell.end,
            _ => joined.push(cell.clone()),
        }
        // A weekday in brackets after a date leaves it a date.
        if !(joins && folded.starts_with('(')) {
            tail = if joins && is == Tail::Other { Tail::Clock } else { is };
        }
    }
    *cells = joined;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tail {
    Date,
    Half,
    Clock,
    Other,
}

/// Two separators between three numbers, which no address has, or an era, or 年月日.
fn looks_like_date(cell: &str) -> bool {
    let date = cell.split_once('(').map_or(cell, |(date, _)| date).trim_start_matches(['H', 'R', 'S', '\'']);
    let parts = |by: char| date.split(by).filter(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit())).count();
    (cell.contains('年') && cell.contains('日'))
        || ['-', '/', '.'].iter().any(|by| date.split(*by).count() == 3 && parts(*by) == 3)
        || (cell.len() == 8 && cell.starts_with("20") && cell.bytes().all(|b| b.is_ascii_digit()))
}

/// One or two digits and then `:` or 時.
fn looks_like_clock(cell: &str) -> bool {
    let rest = cell.trim_start_matches("午前").trim_start_matches("午後");
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let after = rest.get(digits..).unwrap_or_default();
    matches!(digits, 1 | 2)
        && (after.starts_with('時')
            || after
                .strip_prefix(':')
                .is_some_and(|m| m.starts_with(|c: char| c.is_ascii_digit()) && !m.contains("::")))
        && rest.matches(':').count() <= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, delimiter: Delimiter, expected: Option<usize>) -> Vec<Vec<String>> {
        let mut rows = Rows::new(text, 0, delimiter, expected);
        let mut out = Vec::new();
        while let Some(row) = rows.next() {
            assert_eq!(row.raw(), &text[row.place.clone()]);
            out.push(if row.unclosed { vec!["!".to_owned()] } else { row.cells().map(str::to_owned).collect() });
        }
        out
    }

    #[test]
    fn spaces_keep_a_time_together() {
        for (line, want) in [
            ("192.0.2.1 1234 2014/06/30 09:00:00", vec!["192.0.2.1", "1234", "2014/06/30 09:00:00"]),
            ("192.0.2.1  2014/06/30 (月) 9:00  JST GOZ", vec!["192.0.2.1", "2014/06/30 (月) 9:00  JST", "GOZ"]),
            ("192.0.2.1　平成26年6月30日　9時0分　80", vec!["192.0.2.1", "平成26年6月30日　9時0分", "80"]),
            ("2014-06-30 09:00:00 +0900 192.0.2.1", vec!["2014-06-30 09:00:00 +0900", "192.0.2.1"]),
            ("2014-06-30 午後 1:05 2001:db8::1", vec!["2014-06-30 午後 1:05", "2001:db8::1"]),
            ("192.0.2.1:80 20140630 09:00", vec!["192.0.2.1:80", "20140630 09:00"]),
            ("ip time (UTC)", vec!["ip", "time (UTC)"]),
        ] {
            assert_eq!(rows(line, Delimiter::Spaces, None), [want], "{line}");
        }
        assert_eq!(
            rows("192.0.2.1  1234   2014/06/30 09:00:00", Delimiter::WideSpaces, None),
            [["192.0.2.1", "1234", "2014/06/30 09:00:00"]]
        );
    }

    #[test]
    fn quotes_are_those_of_rfc_4180() {
        let text = "a,\"b,\"\"c\"\"\",d\r\n\"x\r\ny\",2,3\r\n1,2,3\r\n\"p\",\"q\",\"r\"";
        assert_eq!(
            rows(text, Delimiter::Byte(b','), Some(3)),
            [["a", "b,\"c\"", "d"], ["x\r\ny", "2", "3"], ["1", "2", "3"], ["p", "q", "r"]]
        );
        assert_eq!(rows("\"a\";\"b\"\r\"c\";\"d\"\r", Delimiter::Byte(b';'), Some(2)), [["a", "b"], ["c", "d"]]);
    }

    #[test]
    fn a_quote_left_open_costs_its_own_line_only() {
        let many = "1,2\n".repeat(500);
        let text = format!("\"a,b\n{many}\"c\",d\n{many}x,\"y\n");
        let rows = rows(&text, Delimiter::Byte(b','), Some(2));
        assert_eq!(rows.len(), 1_003);
        assert_eq!(rows.iter().filter(|row| *row == &["!"]).count(), 2);
        assert_eq!(rows[501], ["c", "d"]);
    }

    #[test]
    fn a_stray_quote_never_swallows_the_rows_below_it() {
        for (text, want) in [
            ("1,2,\"x\n3,4,y\n", 2),
            ("1,2,\"x\n3,4,\"y\n5,6,z\n", 3),
            ("1,2,\"x\n3,4,y", 2),
            ("1,2,\"x\n3,4,\"y\"\"\n5,6,z", 3),
            ("1,2,\"x\n3,4,y\"\n5,6,z", 2),
        ] {
            assert_eq!(rows(text, Delimiter::Byte(b','), Some(3)).len(), want, "{text}");
        }
    }

    #[test]
    fn delimiters_by_name() {
        for delimiter in Delimiter::ALL {
            assert_eq!(Delimiter::named(delimiter.name()), Some(delimiter));
        }
        assert_eq!(rows("a，b、c", Delimiter::WideComma, None), [["a", "b", "c"]]);
        assert_eq!(rows("a|b|", Delimiter::Byte(b'|'), None), [["a", "b", ""]]);
    }
}
