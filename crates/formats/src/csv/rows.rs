//! The rows of a CSV text, each with its line and with the place of its bytes in the received file.
//!
//! A quote that is not closed would swallow the rest of the file; a row that spans lines is therefore a row only where it is
//! as wide as the heading and its quotes stand where RFC 4180, section 2, puts them. Else its first line is given back by
//! itself, faulty, and reading goes on behind it.

use csv::{Reader, ReaderBuilder, StringRecord};

use crate::pieces::More;
use crate::text::{Cursor, Decoded, line_ends, line_from};

/// How often the text may be read again behind unclosed quotes, in all, as a multiple of its length; behind that each
/// further line is faulty. Keeps a hostile file from costing the square of its length.
const REREADING: usize = 16;

/// The rows of a text, in order.
pub(crate) struct Rows<'t> {
    text: &'t str,
    cursor: Cursor<'t>,
    reader: Reader<&'t [u8]>,
    shape: Shape,
    /// Where in the text the reader began.
    base: usize,
    /// Bytes that may still be read again.
    budget: usize,
    /// The budget is used up: each line that is left is faulty.
    given_up: bool,
    width: Option<usize>,
    /// Whether more of the file comes behind the text.
    more: More,
}

/// How many lines a row may span that goes on behind a piece.
const MOST_LINES: u64 = 64;

/// How the text is cut into cells.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Between cells.
    pub(crate) separator: u8,
    /// Whether lines that begin with `#` are left out.
    pub(crate) comments: bool,
}

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowPlace {
    /// Its line, from 1; the first if it spans several.
    pub(crate) line: u64,
    /// Where it begins in the received file, in bytes.
    pub(crate) offset: u64,
    /// How long it is in the received file, in bytes, without its line end.
    pub(crate) length: usize,
    /// Where it stands in the text.
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// A row, or a line that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    /// The record holds its cells.
    Cells(RowPlace),
    /// A quote is opened and not closed.
    Unclosed(RowPlace),
    /// It may go on behind the end of the piece.
    GoesOn(RowPlace),
}

impl<'t> Rows<'t> {
    pub(crate) fn of(decoded: &'t Decoded<'_>, shape: Shape) -> Self {
        Self::piece(decoded, shape, More::No)
    }

    /// The rows of a piece of a file.
    pub(crate) fn piece(decoded: &'t Decoded<'_>, shape: Shape, more: More) -> Self {
        let text: &'t str = &decoded.text;
        Self {
            text,
            cursor: decoded.cursor(),
            reader: reader(text, shape),
            shape,
            base: 0,
            budget: text.len().saturating_mul(REREADING),
            given_up: false,
            width: None,
            more,
        }
    }

    /// From now on a row that spans lines has to be so wide.
    pub(crate) fn expect_width(&mut self, width: usize) {
        self.width = Some(width);
    }

    /// The next row, its cells put into `record`; none at the end.
    pub(crate) fn next(&mut self, record: &mut StringRecord) -> Option<Row> {
        if self.given_up {
            let from = self.skip(self.base);
            let (line_end, next_line) = line_from(self.text, from);
            self.base = next_line;
            return (from < self.text.len()).then(|| Row::Unclosed(self.place(from, line_end)));
        }
        let begin = self.base.saturating_add(usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX));
        // The text is UTF-8 and rows may be of any width, so that nothing is left that could fail.
        if !self.reader.read_record(record).unwrap_or(false) {
            return None;
        }
        let end = self.base.saturating_add(usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX));
        let from = self.skip(begin.min(self.text.len()));
        let whole = self.text.get(from..end.min(self.text.len())).unwrap_or("").trim_end_matches(['\r', '\n']);
        let (line_end, next_line) = line_from(self.text, from);
        let spans = from + whole.len() > line_end;
        let fits = self.width.is_none_or(|width| width == record.len());
        if spans && !(fits && is_well_quoted(whole, self.shape.separator)) {
            let to_the_end = self.more == More::Yes && end >= self.text.len();
            if to_the_end && line_ends(whole.as_bytes(), None) <= MOST_LINES {
                return Some(Row::GoesOn(self.place(from, line_end)));
            }
            self.base = next_line;
            match self.budget.checked_sub(whole.len()) {
                Some(left) => {
                    self.budget = left;
                    self.reader = reader(self.text.get(next_line..).unwrap_or(""), self.shape);
                }
                None => self.given_up = true,
            }
            return Some(Row::Unclosed(self.place(from, line_end)));
        }
        Some(Row::Cells(self.place(from, from + whole.len())))
    }

    /// Past the empty lines and comments that the reader passes over before a row.
    fn skip(&self, mut at: usize) -> usize {
        loop {
            let rest = self.text.get(at..).unwrap_or("");
            let blank = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
            if blank > 0 {
                at += blank;
            } else if self.shape.comments && rest.starts_with('#') {
                at = line_from(self.text, at).1;
            } else {
                return at;
            }
        }
    }

    fn place(&mut self, from: usize, to: usize) -> RowPlace {
        let (offset, line) = self.cursor.to(from);
        let length = self.cursor.width(self.text.get(from..to).unwrap_or(""));
        RowPlace { line, offset, length, from, to }
    }
}

/// Whether every quoted cell of the row begins with its quote and ends with one (RFC 4180, section 2, rules 5 to 7).
pub(crate) fn is_well_quoted(row: &str, separator: u8) -> bool {
    #[derive(PartialEq)]
    enum At {
        CellStart,
        Plain,
        Quoted,
        QuoteInQuoted,
    }
    let mut at = At::CellStart;
    for byte in row.bytes() {
        at = match (at, byte) {
            (At::CellStart, b'"') | (At::QuoteInQuoted, b'"') => At::Quoted,
            (At::Quoted, b'"') => At::QuoteInQuoted,
            (At::Quoted, _) => At::Quoted,
            (_, byte) if byte == separator => At::CellStart,
            (At::CellStart | At::Plain, _) => At::Plain,
            (At::QuoteInQuoted, _) => return false,
        };
    }
    at != At::Quoted
}

fn reader(text: &str, shape: Shape) -> Reader<&[u8]> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(shape.separator)
        .comment(shape.comments.then_some(b'#'))
        .from_reader(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(bytes: &[u8], width: usize) -> Vec<(u64, u64, usize, bool, Vec<String>)> {
        let decoded = Decoded::of("x.csv", bytes, None).unwrap();
        let mut rows = Rows::of(&decoded, Shape { separator: b',', comments: true });
        rows.expect_width(width);
        let mut record = StringRecord::new();
        let mut out = Vec::new();
        while let Some(row) = rows.next(&mut record) {
            let cells = record.iter().map(str::to_owned).collect();
            match row {
                Row::Cells(at) => out.push((at.line, at.offset, at.length, true, cells)),
                Row::Unclosed(at) => out.push((at.line, at.offset, at.length, false, Vec::new())),
                Row::GoesOn(_) => panic!("nothing comes behind a whole text"),
            }
        }
        out
    }

    fn cells(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn lines_and_places_are_those_of_the_file() {
        let bytes = "\u{feff}a,b\r\n\r\n# comment\r\n1,\"x\ny\"\r\n\n3,表\n".as_bytes();
        assert_eq!(
            all(bytes, 2),
            [
                (1, 3, 3, true, cells(&["a", "b"])),
                (4, 21, 7, true, cells(&["1", "x\ny"])),
                (7, 31, 5, true, cells(&["3", "表"])),
            ]
        );
        let raw = bytes.get(21..28).unwrap();
        assert_eq!(raw, b"1,\"x\ny\"");
    }

    #[test]
    fn an_unclosed_quote_costs_one_line() {
        let got = all(b"a,b\n1,\"x\n2,y\n3,z\n", 2);
        assert_eq!(got.len(), 4);
        assert_eq!(got.get(1).map(|row| (row.0, row.3)), Some((2, false)));
        assert_eq!(got.get(3).map(|row| row.4.clone()), Some(cells(&["3", "z"])));
    }

    #[test]
    fn a_file_of_unclosed_quotes_loses_no_line() {
        let file = "1,\"x\n".repeat(20_000);
        let rows = all(file.as_bytes(), 3);
        assert_eq!(rows.len(), 20_000);
        // The last one spans nothing; its width is its reader's business.
        assert_eq!(rows.iter().filter(|row| !row.3).count(), 19_999);
    }

    #[test]
    fn when_it_is_given_up_each_line_is_given_back() {
        let decoded = Decoded::of("x.csv", b"1,\"x\n2,y\n\n3,z\n", None).unwrap();
        let mut rows = Rows::of(&decoded, Shape { separator: b',', comments: false });
        rows.budget = 0;
        let mut record = StringRecord::new();
        let mut lines = Vec::new();
        while let Some(row) = rows.next(&mut record) {
            let Row::Unclosed(at) = row else { panic!("nothing is read any more") };
            lines.push(at.line);
        }
        assert_eq!(lines, [1, 2, 4]);
    }

    proptest! {
        #[test]
        fn any_text_ends_and_places_lie_in_it(text in "[ab,\"\r\n#表]{1,60}", width in 1_usize..4) {
            if Decoded::of("x", text.as_bytes(), None).is_ok() {
                let mut last = 0;
                for (line, offset, length, _, _) in all(text.as_bytes(), width) {
                    prop_assert!(line >= last);
                    prop_assert!(usize::try_from(offset).unwrap() + length <= text.len());
                    last = line;
                }
            }
        }
    }
}
