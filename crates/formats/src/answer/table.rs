//! A small CSV file: its heading, its rows with their lines, and the comment that may name the delivery.

use model::problem::{Place, Problem};

use super::ANSWER_NOT_CSV;
use crate::csv::rows::{self, Rows, Shape};
use crate::text::Decoded;
use crate::writing::{Dialect, Written};

/// A file that came back, decoded.
pub(super) struct Table<'a> {
    file: &'a str,
    decoded: Decoded<'a>,
    heading: csv::StringRecord,
    heading_line: u64,
    separator: u8,
}

/// One row: its line, from 1, and its cells without spaces around them.
pub(super) struct Row {
    pub(super) line: u64,
    record: csv::StringRecord,
}

impl Row {
    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        self.record.iter().map(str::trim)
    }

    pub(super) fn is_blank(&self) -> bool {
        self.cells().all(str::is_empty)
    }
}

impl<'a> Table<'a> {
    /// # Errors
    /// A [`Problem`] where the bytes are no text, or hold no heading.
    pub(super) fn of(file: &'a str, bytes: &'a [u8]) -> Result<Self, Problem> {
        let decoded = Decoded::of(file, bytes, None)?;
        let first = decoded.text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#')).unwrap_or("");
        let separator =
            [b',', b'\t', b';'].into_iter().find(|separator| first.contains(char::from(*separator))).unwrap_or(b',');
        let mut table = Self { file, decoded, heading: csv::StringRecord::new(), heading_line: 1, separator };
        let first = match table.rows().next() {
            Some(row) => Some(row?),
            None => None,
        };
        if let Some(row) = first {
            (table.heading, table.heading_line) = (row.record, row.line);
        }
        Ok(table)
    }

    pub(super) const fn file(&self) -> &'a str {
        self.file
    }

    pub(super) fn heading(&self) -> impl Iterator<Item = &str> {
        self.heading.iter()
    }

    pub(super) const fn heading_line(&self) -> u64 {
        self.heading_line
    }

    /// The delivery that a line `# delivery: <id>` before the heading names, with its line.
    pub(super) fn delivery_in_comment(&self) -> Option<(u64, &str)> {
        let lines = self.decoded.text.lines().zip(1_u64..).take_while(|(line, _)| line.starts_with('#'));
        lines
            .filter_map(|(line, number)| {
                Some((number, line.trim_start_matches('#').trim().strip_prefix("delivery:")?.trim()))
            })
            .next()
    }

    /// The rows after the heading (and the heading too, while it is not known).
    ///
    /// # Errors
    /// [`ANSWER_NOT_CSV`] where a quote is not closed.
    pub(super) fn rows(&self) -> impl Iterator<Item = Result<Row, Problem>> {
        let mut rows = Rows::of(&self.decoded, Shape { separator: self.separator, comments: true });
        if !self.heading.is_empty() {
            rows.expect_width(self.heading.len());
        }
        let file = self.file;
        let rows = std::iter::from_fn(move || {
            let mut record = csv::StringRecord::new();
            match rows.next(&mut record)? {
                rows::Row::Cells(place) => Some(Ok(Row { line: place.line, record })),
                rows::Row::Unclosed(place) | rows::Row::GoesOn(place) => {
                    Some(Err(Problem::new(&ANSWER_NOT_CSV, Place::file(file).line(place.line))))
                }
            }
        });
        rows.skip(usize::from(!self.heading.is_empty()))
    }
}

/// Writes a small CSV file.
pub(super) struct Writer {
    csv: csv::Writer<Vec<u8>>,
}

impl Writer {
    pub(super) fn of<'h>(dialect: Dialect, headings: impl IntoIterator<Item = &'h str>) -> Self {
        let (start, end) = match dialect {
            Dialect::Plain => (Vec::new(), csv::Terminator::Any(b'\n')),
            Dialect::Spreadsheet => (b"\xEF\xBB\xBF".to_vec(), csv::Terminator::CRLF),
        };
        let mut writer = Self { csv: csv::WriterBuilder::new().terminator(end).from_writer(start) };
        writer.row(headings);
        writer
    }

    pub(super) fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) {
        // Writing into memory does not fail, and all rows have the heading's width.
        let _ = self.csv.write_record(cells);
    }

    pub(super) fn finish(self) -> Written {
        Written {
            bytes: self.csv.into_inner().unwrap_or_default(),
            media_type: "text/csv; charset=utf-8; header=present",
            extension: "csv",
            lost: Vec::new(),
        }
    }
}
