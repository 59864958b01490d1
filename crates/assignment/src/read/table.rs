//! A table with headings, row by row; the headings may be Japanese or English and stand in any order.

use std::io::{self, BufRead};

use formats::{Reject, Rejects};
use model::problem::{Code, Place, Problem};

use crate::codes;
use crate::read::lines::{Line, Lines};

/// A column that a table may have: its name in messages, whether it must be there, and every heading that means it.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) needed: bool,
    /// As [`plain`] makes them.
    pub(crate) headings: &'static [&'static str],
}

/// Reads a table of `N` known columns.
pub(crate) struct Table<R, const N: usize> {
    lines: Lines<R>,
    delimiter: char,
    width: usize,
    places: [Option<usize>; N],
    headings: [String; N],
    rows: u64,
    rejects: Rejects,
}

/// A row's cells by column, trimmed; an absent column and an empty cell are both empty.
pub(crate) struct Row<const N: usize> {
    pub(crate) line: u64,
    pub(crate) cells: [String; N],
    pub(crate) raw: String,
}

/// What is wrong with a row: the code, in which column, with which value.
pub(crate) struct Fault(pub(crate) &'static Code, pub(crate) usize, pub(crate) String);

/// A file of which nothing can be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// Its content says so.
    Problem(Problem),
    /// The system said so.
    Io(io::Error),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<R: BufRead, const N: usize> Table<R, N> {
    /// Reads the headings.
    pub(crate) fn open(file: &str, source: R, columns: &[Column; N]) -> Result<Self, Unreadable> {
        let refuse = |code, line| Unreadable::Problem(Problem::new(code, Place::file(file).line(line)));
        let mut lines = Lines::of(source);
        let (line, heading) = loop {
            match lines.next()? {
                None => return Err(Unreadable::Problem(Problem::new(&codes::EMPTY, Place::file(file)))),
                Some((_, Line::Text(text))) if text.trim().is_empty() => {}
                Some((line, Line::Text(text))) => break (line, text),
                Some((line, _)) => return Err(refuse(&codes::ENCODING, line)),
            }
        };
        let delimiter = if heading.contains('\t') && !heading.contains(',') { '\t' } else { ',' };
        let Some(written) = split(&heading, delimiter) else { return Err(refuse(&codes::QUOTE, line)) };
        let mut places = [None; N];
        let mut headings = [const { String::new() }; N];
        for (at, text) in written.iter().enumerate() {
            let plain = plain(text);
            let Some(column) = columns.iter().position(|column| column.headings.contains(&plain.as_str())) else {
                continue;
            };
            let problem = |code| Problem::new(code, Place::file(file).line(line).field(text.trim())).with_value(text);
            // INVARIANT: `column` is an entry of `columns`, which has N.
            if places[column].replace(at).is_some() {
                return Err(Unreadable::Problem(problem(&codes::HEADING_TWICE)));
            }
            headings[column] = text.trim().to_owned();
        }
        for (column, place) in columns.iter().zip(&places) {
            if column.needed && place.is_none() {
                let place = Place::file(file).line(line).field(column.name);
                return Err(Unreadable::Problem(Problem::new(&codes::HEADING_MISSING, place).with_value(&heading)));
            }
        }
        Ok(Self { lines, delimiter, width: written.len(), places, headings, rows: 0, rejects: Rejects::default() })
    }

    /// The next row whose cells could be told apart; what is between goes to the rejects.
    pub(crate) fn next(&mut self) -> io::Result<Option<Row<N>>> {
        while let Some((line, text)) = self.lines.next()? {
            let raw = match text {
                Line::Text(text) if text.trim().is_empty() => continue,
                Line::Text(text) => text,
                Line::Garbled(raw) => {
                    self.broken(&codes::TEXT, line, raw);
                    continue;
                }
                Line::TooLong(raw) => {
                    self.broken(&codes::LINE_TOO_LONG, line, raw);
                    continue;
                }
                Line::Utf16 => {
                    self.broken(&codes::TEXT, line, String::new());
                    continue;
                }
            };
            let Some(cells) = split(&raw, self.delimiter) else {
                self.broken(&codes::QUOTE, line, raw);
                continue;
            };
            if cells.len() != self.width {
                self.broken(&codes::CELLS, line, raw);
                continue;
            }
            self.rows += 1;
            let cells = self
                .places
                .map(|place| place.and_then(|at| cells.get(at)).map_or(String::new(), |c| c.trim().to_owned()));
            return Ok(Some(Row { line, cells, raw }));
        }
        Ok(None)
    }

    /// Whether the file has this column.
    pub(crate) fn has(&self, column: usize) -> bool {
        self.places.get(column).is_some_and(Option::is_some)
    }

    /// Puts a row that [`Table::next`] gave among the rejects.
    pub(crate) fn reject(&mut self, row: Row<N>, fault: Fault) {
        let Fault(code, column, value) = fault;
        let field = self.headings.get(column).filter(|heading| !heading.is_empty()).cloned();
        self.rejects.0.push(Reject { line: row.line, code, field, value: Some(value), raw: row.raw });
    }

    fn broken(&mut self, code: &'static Code, line: u64, raw: String) {
        self.rows += 1;
        self.rejects.0.push(Reject { line, code, field: None, value: None, raw });
    }

    /// How a column is headed in this file.
    pub(crate) fn heading(&self, column: usize) -> &str {
        self.headings.get(column).map_or("", |heading| heading)
    }

    /// Rows read, and those rejected.
    pub(crate) fn close(self) -> (u64, Rejects) {
        (self.rows, self.rejects)
    }
}

/// A heading without what people write differently: case, blanks, `_`, `-`, full-width forms of ASCII.
fn plain(heading: &str) -> String {
    heading
        .chars()
        .map(|c| match c {
            // Full-width ASCII stands in the same order, 0xFEE0 further on.
            '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
            c => c,
        })
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-' | '\u{feff}'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// The cells of one line (RFC 4180); none where a quote is left open. A row never goes over several lines here: one stray
/// quote must not swallow the rows behind it.
fn split(line: &str, delimiter: char) -> Option<Vec<String>> {
    if !line.contains('"') {
        return Some(line.split(delimiter).map(str::to_owned).collect());
    }
    // A quote inside a quoted cell is doubled, so that a closed line has an even number of them.
    if line.bytes().filter(|&byte| byte == b'"').count() % 2 == 1 {
        return None;
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(if delimiter == '\t' { b'\t' } else { b',' })
        .from_reader(line.as_bytes());
    let record = reader.records().next()?.ok()?;
    Some(record.iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_however_written() {
        for heading in ["ＩＰアドレス", "IPアドレス", " ip アドレス ", "\u{feff}IP_アドレス"] {
            assert_eq!(plain(heading), "ipアドレス");
        }
        assert_eq!(plain("Start-Port"), "startport");
    }

    #[test]
    fn cells() {
        let cells = |line| split(line, ',').map(|cells| cells.join("|"));
        assert_eq!(cells("a,b,,c").as_deref(), Some("a|b||c"));
        assert_eq!(cells("a,\"b,\"\"x\"\"\",c").as_deref(), Some("a|b,\"x\"|c"));
        assert_eq!(cells("a,\"b,c"), None);
        assert_eq!(split("a\t\"b\tc\"", '\t').map(|cells| cells.len()), Some(2));
    }
}
