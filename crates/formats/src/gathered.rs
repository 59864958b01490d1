//! Rows as a reader finds them, until some thousand of them make a part.

use model::problem::Code;
use model::{DataClass, Sighting, SightingBatch, SightingBatchBuilder, Text};

use crate::fields::Column;
use crate::reading::{Raw, Reject, Rejects};
use crate::text::{Cursor, Decoded, WRONG_ENCODING};

/// What is wrong with a row.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The kind.
    pub code: &'static Code,
    /// In which field: the column heading as written, or the IDF key.
    pub field: Option<String>,
    /// The offending value.
    pub value: Option<String>,
}

impl Fault {
    /// A fault of the row as a whole.
    #[must_use]
    pub const fn of(code: &'static Code) -> Self {
        Self { code, field: None, value: None }
    }

    /// A fault of one field.
    #[must_use]
    pub fn at(code: &'static Code, field: &str, value: &str) -> Self {
        Self { code, field: Some(field.to_owned()), value: Some(value.to_owned()) }
    }
}

/// Where a row stands in the received file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowAt {
    /// Its line, from 1; the first if it spans several.
    pub line: u64,
    /// Its first byte.
    pub offset: u64,
    /// How many bytes it takes, without its line end.
    pub length: u64,
}

impl RowAt {
    /// The row that stands in the text from one place to another.
    pub fn of(cursor: &mut Cursor<'_>, decoded: &Decoded<'_>, from: usize, to: usize) -> Self {
        let (offset, line) = cursor.to(from);
        let length = cursor.width(decoded.text.get(from..to).unwrap_or_default()) as u64;
        Self { line, offset, length }
    }
}

/// So many rows make a part, however short they are.
const MOST_ROWS: u64 = 1 << 16;

/// A raw row in an error file is cut off behind so many characters: whoever sent it has the rest.
const LONGEST_RAW: usize = 4_000;

/// Rows since the last part, and how many there were before.
///
/// INVARIANT: every row that a reader finds is counted once, here, understood or not.
pub struct Gathered {
    builder: SightingBatchBuilder,
    rejects: Rejects,
    class: DataClass,
    /// Rows of the file so far: the ordinal of the next one.
    read: u64,
    /// How many of them are in parts that were taken.
    taken: u64,
    /// The bytes that they were read from, where somebody asked for them.
    raw: Option<Raw>,
}

impl Gathered {
    /// Nothing yet. `class` is the least that rows are held under.
    pub(crate) fn new(class: DataClass) -> Self {
        Self {
            builder: SightingBatchBuilder::with_capacity(0),
            rejects: Rejects::default(),
            class,
            read: 0,
            taken: 0,
            raw: None,
        }
    }

    /// The first row is numbered so.
    pub(crate) fn begin_at(&mut self, rows: u64) {
        (self.read, self.taken) = (rows, rows);
    }

    /// From now on the bytes are kept that rows are read from.
    pub(crate) fn keep_raw(&mut self) {
        self.raw = Some(Raw::default());
    }

    /// Bytes that were read, from that place in the file on.
    pub(crate) fn was_read_from(&mut self, offset: u64, bytes: &[u8]) {
        if let Some(raw) = &mut self.raw {
            if raw.bytes.is_empty() {
                raw.offset = offset;
            }
            raw.bytes.extend_from_slice(bytes);
        }
    }

    /// Those bytes since the last part, if they are kept.
    pub(crate) fn take_raw(&mut self) -> Option<Raw> {
        self.raw.as_mut().map(std::mem::take)
    }

    /// Rows of the file so far, understood or not.
    #[must_use]
    pub const fn read(&self) -> u64 {
        self.read
    }

    /// Whether there are as many rows as a part may have: what comes next is left for the next piece.
    #[must_use]
    pub(crate) const fn is_full(&self) -> bool {
        self.read - self.taken >= MOST_ROWS
    }

    /// Whether nothing was gathered since the last part was taken.
    #[must_use]
    pub(crate) const fn is_empty(&self) -> bool {
        self.read == self.taken
    }

    /// A row that was understood. A record that tells of several addresses is as many rows, all with its place.
    ///
    /// A row that its source marks as more protected than a trace of communications, where nothing more was declared, is rejected by
    /// itself: whoever was let in for traces may not look at content, and one such row would close the whole part. Nothing of it stands
    /// in the reject.
    pub fn understood(&mut self, sighting: &mut Sighting, at: RowAt) {
        if sighting.tags.class > self.class.max(DataClass::CommunicationTrace) {
            let class = sighting.tags.class.name();
            self.rejected(at.line, Fault::at(&MORE_PROTECTED, Column::DataClass.key(), class), "");
            return;
        }
        // A file of more rows than that is longer than any disk here; the ordinal then stays at the last.
        sighting.ordinal = u32::try_from(self.read).unwrap_or(u32::MAX);
        sighting.line = u32::try_from(at.line).unwrap_or(u32::MAX);
        sighting.raw_offset = at.offset;
        sighting.raw_length = u32::try_from(at.length).unwrap_or(u32::MAX);
        self.class = self.class.max(sighting.tags.class);
        self.builder.push(sighting);
        self.read += 1;
    }

    /// A row that was not understood, as received.
    pub fn rejected(&mut self, line: u64, fault: Fault, raw: &str) {
        let raw = match raw.char_indices().nth(LONGEST_RAW) {
            Some((end, _)) => format!("{}…", raw.get(..end).unwrap_or_default()),
            None => raw.to_owned(),
        };
        let Fault { code, field, value } = fault;
        self.rejects.0.push(Reject { line, code, field, value, raw });
        self.read += 1;
    }

    /// What was gathered since the last time, with the class that it is held under and the number of rows.
    pub(crate) fn take(&mut self) -> (SightingBatch, Rejects, DataClass, u64) {
        let rows = self.read - self.taken;
        self.taken = self.read;
        (self.builder.finish(), std::mem::take(&mut self.rejects), self.class, rows)
    }
}

/// A row that is more protected than what may be looked at.
pub static MORE_PROTECTED: Code = Code {
    code: "row-more-protected",
    text: Text {
        ja: "提供元が、この取込みで扱える範囲を超える保護区分（通信の内容など）を付けた行です",
        en: "the source marks the row as of a more protected class (content of communications) than what is received here",
    },
    help: Text {
        ja: "行の内容はどこにも残していません。扱うには別の根拠が必要です。提供元に、内容を除いて提供できるか確認してください",
        en: "nothing of the row was kept; it would need another ground, so ask the source to leave the content out",
    },
    example: "{\"source.ip\": \"192.0.2.1\", \"extra.noroshi.data_class\": \"CONTENT\", …}",
};

/// What this file can utter.
pub static CODES: &[&Code] = &[&MORE_PROTECTED];

/// The fault of a row in whose place something is no text.
#[must_use]
pub fn broken(decoded: &Decoded<'_>, from: usize, to: usize) -> Option<Fault> {
    decoded.is_broken(from, to).then(|| Fault::of(&WRONG_ENCODING))
}
