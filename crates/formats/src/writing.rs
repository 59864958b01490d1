//! What every format's writer is given and gives back.

use std::borrow::Cow;

use model::{DeliveryId, Instant, Lang, Zone};

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
    /// The received file's bytes, where the raw row is to travel with the row (`raw`): rows point into it.
    pub raw: Option<&'a [u8]>,
    /// The schema and mapping that the rows were read under, so that they can be read again the same way.
    pub provenance: Option<&'a model::Provenance>,
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
