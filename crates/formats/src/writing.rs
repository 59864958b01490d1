//! What every format's writer is given and gives back.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{DeliveryId, Instant, Lang, SightingBatch, Zone};

use crate::Format;

/// A party as exchange formats name one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Its name.
    pub org: String,
    /// Its mail address.
    pub mail: String,
    /// Its domain.
    pub domain: String,
}

/// How a batch is to be rendered.
#[derive(Debug, Clone)]
pub struct Rendering<'a> {
    /// The delivery that the rows are sent in; their outward ids are this and their place, from 1. None for a conversion.
    pub delivery: Option<DeliveryId>,
    /// Who observed what the rows say.
    pub reporter: Contact,
    /// Who sends them.
    pub sender: Contact,
    /// The name of the feed (`feed.name`): the operation's title, the file's name.
    pub feed: String,
    /// When it is rendered.
    pub at: Instant,
    /// The zone in which a person is shown times, beside UTC.
    pub zone: Zone,
    /// For headings.
    pub lang: Lang,
    /// For CSV: what the reader will open it with.
    pub dialect: Dialect,
    /// Bytes of the received file, where the raw row is to travel with the row (`raw`): rows point into the file.
    pub raw: Option<&'a [u8]>,
    /// Where in the received file those bytes begin.
    pub raw_at: u64,
    /// The schema and mapping that the rows were read under, so that they can be read again the same way.
    pub provenance: Option<&'a model::Provenance>,
}

/// Writes rows as they come, part by part, into one file.
pub trait Writer: Send {
    /// Whether it must have looked at all rows before it writes the first: a table's columns are those that any row fills.
    fn needs_look(&self) -> bool {
        false
    }

    /// Looks at rows that it will be given again.
    fn look(&mut self, _rows: &SightingBatch, _rendering: &Rendering<'_>) {}

    /// Appends rows to the file, and before the first of them what it begins with.
    fn rows(&mut self, rows: &SightingBatch, rendering: &Rendering<'_>, file: &mut Vec<u8>);

    /// Appends what the file ends with, and says what it could not carry.
    fn end(&mut self, rendering: &Rendering<'_>, file: &mut Vec<u8>) -> Vec<Loss>;
}

/// A writer for a format that writes all rows at once: it holds them until the end.
pub(crate) struct AtOnce {
    pub(crate) format: &'static dyn Format,
    pub(crate) parts: Vec<SightingBatch>,
}

impl Writer for AtOnce {
    fn rows(&mut self, rows: &SightingBatch, _rendering: &Rendering<'_>, _file: &mut Vec<u8>) {
        self.parts.push(rows.clone());
    }

    fn end(&mut self, rendering: &Rendering<'_>, file: &mut Vec<u8>) -> Vec<Loss> {
        // Columns of more than 2 GiB do not fit one batch; such a file is a loss as a whole.
        let all = SightingBatch::concat(&self.parts);
        match all.ok().and_then(|rows| self.format.write(&rows, rendering)) {
            Some(written) => {
                file.extend_from_slice(&written.bytes);
                written.lost
            }
            None => vec![Loss { field: "*".to_owned(), rows: self.parts.iter().map(|part| part.len() as u64).sum() }],
        }
    }
}

/// Losses of several parts, added up by field.
#[derive(Debug, Default)]
pub(crate) struct Losses(BTreeMap<String, u64>);

impl Losses {
    /// The field of one more row could not be carried.
    pub(crate) fn add(&mut self, field: &str) {
        match self.0.get_mut(field) {
            Some(rows) => *rows += 1,
            None => {
                self.0.insert(field.to_owned(), 1);
            }
        }
    }

    pub(crate) fn list(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.0).into_iter().map(|(field, rows)| Loss { field, rows }).collect()
    }
}

/// What a CSV file will be opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// A program: UTF-8, no BOM, LF, cells as they are (RFC 4180 quoting).
    #[default]
    Plain,
    /// A spreadsheet: UTF-8 with BOM, CRLF, cells that begin a formula made harmless.
    Spreadsheet,
}

/// A rendered file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its media type, with parameters.
    pub media_type: &'static str,
    /// Its name's ending, without the dot.
    pub extension: &'static str,
    /// What the format could not carry, by field.
    pub lost: Vec<Loss>,
}

/// A field that a format could not carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The IDF key.
    pub field: String,
    /// In how many rows.
    pub rows: u64,
}

/// The cell with what a spreadsheet would take for a formula made harmless: a leading `=`, `+`, `-`, `@` (full-width too), tab
/// or line end gets an apostrophe before it (OWASP, CSV Injection). Line ends inside stay.
#[must_use]
pub fn spreadsheet_safe(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}
