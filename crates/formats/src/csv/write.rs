//! Writing CSV: one line per row under the keys that any row fills, the record id and the time first.

use std::borrow::Cow;
use std::collections::HashSet;

use csv::{Terminator, WriterBuilder};
use model::{Lang, SightingBatch};
use serde_json::{Map, Value};

use crate::fields::{Column, LOCAL_TIME, MORE, RECORD, TAXONOMY};
use crate::outgoing;
use crate::writing::{Dialect, Loss, Losses, Rendering, Writer, Written, spreadsheet_safe};

/// So many columns at most come of `extra`; the keys beyond stand together in [`MORE`]. A file of rows with a key each would
/// otherwise become a table as wide as it is long.
const MOST_KEYS: usize = 256;

/// So many UTF-16 units Excel has in a cell (its specifications and limits); the rest of a longer text it cuts off or puts elsewhere.
const LONGEST_CELL: usize = 32_767;

fn longer_than_a_cell(text: &str) -> bool {
    text.encode_utf16().count() > LONGEST_CELL
}

/// The rows as CSV. Numbers and truth values are written as text, objects and arrays as JSON, so no field is lost.
///
/// [`Dialect::Plain`] is UTF-8 without a mark, LF, cells as they are, IDF keys as headings. [`Dialect::Spreadsheet`] has the mark and
/// CRLF, cells made harmless, text that a spreadsheet would turn into a number or a date held as text by an apostrophe, and
/// Japanese headings for what people look at where the language is Japanese; read back, it is what it was. What is
/// longer than a spreadsheet's cell stands whole in the file and is listed in [`Written::lost`].
pub(super) fn write(rows: &SightingBatch, rendering: &Rendering<'_>) -> Written {
    let mut table = Table::default();
    table.look(rows, rendering);
    let mut bytes = Vec::with_capacity(rows.len().saturating_mul(256));
    table.rows(rows, rendering, &mut bytes);
    let lost = table.end(rendering, &mut bytes);
    Written { bytes, media_type: "text/csv; charset=utf-8; header=present", extension: "csv", lost }
}

/// Writes a table as rows come, once it has looked at all of them.
#[derive(Default)]
pub(super) struct Table {
    found: HashSet<String>,
    /// Keys without a column, as they first came.
    others: Vec<String>,
    /// Whether there are more of them than become columns.
    more: bool,
    /// Rows looked at.
    looked: usize,
    keys: Option<Keys>,
    written: usize,
    cut: Losses,
}

impl Writer for Table {
    fn needs_look(&self) -> bool {
        true
    }

    fn look(&mut self, rows: &SightingBatch, rendering: &Rendering<'_>) {
        for row in rows.rows() {
            for (key, _) in outgoing::fields(&row, self.looked, rendering) {
                if self.found.contains(key.as_ref()) {
                    continue;
                }
                if is_column(&key) {
                    self.found.insert(key.into_owned());
                } else if self.others.len() < MOST_KEYS {
                    self.others.push(key.to_string());
                    self.found.insert(key.into_owned());
                } else {
                    self.more = true;
                }
            }
            self.looked += 1;
        }
    }

    fn rows(&mut self, rows: &SightingBatch, rendering: &Rendering<'_>, file: &mut Vec<u8>) {
        self.begin(rendering, file);
        let Self { keys: Some(keys), written, cut, .. } = self else { return };
        let mut table = writer(rendering, file);
        for row in rows.rows() {
            let mut fields = outgoing::fields(&row, *written, rendering);
            *written += 1;
            if let Some(time) = row.time {
                fields.push((Cow::Borrowed(LOCAL_TIME), Value::from(time.in_zone(&rendering.zone))));
            }
            if keys.more {
                let more: Map<String, Value> = fields
                    .iter()
                    .filter(|(key, _)| !keys.known.contains(key.as_ref()))
                    .map(|(key, value)| (key.to_string(), value.clone()))
                    .collect();
                if !more.is_empty() {
                    fields.push((Cow::Borrowed(MORE), Value::from(Value::Object(more).to_string())));
                }
            }
            for key in &keys.all {
                let value = fields.iter().find(|(known, _)| known == key).map(|(_, value)| value);
                let text = value.map_or(Cow::Borrowed(""), |value| cell(value, rendering.dialect));
                if rendering.dialect == Dialect::Spreadsheet && text.len() > LONGEST_CELL && longer_than_a_cell(&text) {
                    cut.add(key);
                }
                // Writing into memory does not fail, and every line has as many cells as there are keys.
                let _ = table.write_field(text.as_bytes());
            }
            let _ = table.write_record(None::<&[u8]>);
        }
        let _ = table.flush();
    }

    fn end(&mut self, rendering: &Rendering<'_>, file: &mut Vec<u8>) -> Vec<Loss> {
        self.begin(rendering, file);
        self.cut.list()
    }
}

impl Table {
    /// Writes the heading, if it is not there yet.
    fn begin(&mut self, rendering: &Rendering<'_>, file: &mut Vec<u8>) {
        if self.keys.is_some() {
            return;
        }
        let keys = self.keys();
        if rendering.dialect == Dialect::Spreadsheet {
            file.extend_from_slice(b"\xEF\xBB\xBF");
        }
        let mut table = writer(rendering, file);
        let _ = table.write_record(keys.all.iter().map(|key| heading(key, rendering)).map(Cow::into_owned));
        let _ = table.flush();
        drop(table);
        self.keys = Some(keys);
    }

    /// The keys that any row fills: the record id, the time and the time in the reader's zone, then the other columns of a sighting
    /// in the table's order, then the others as they first came.
    fn keys(&mut self) -> Keys {
        let mut found = std::mem::take(&mut self.found);
        if found.contains(Column::Time.key()) {
            found.insert(LOCAL_TIME.to_owned());
            // Where the column stands, an empty cell says that the row came without a zone.
            found.insert(Column::Zone.key().to_owned());
        }
        let first = [RECORD, Column::Time.key(), LOCAL_TIME];
        let columns = Column::all().map(Column::key).filter(|key| !first.contains(key));
        let mut all: Vec<String> = first
            .into_iter()
            .chain(columns)
            .chain([TAXONOMY])
            .filter(|key| found.contains(*key))
            .map(str::to_owned)
            .collect();
        all.extend(std::mem::take(&mut self.others));
        if all.is_empty() {
            // A file without rows still says what it would hold.
            all.extend(Column::all().map(|column| column.key().to_owned()));
        }
        if self.more {
            all.push(MORE.to_owned());
            found.insert(MORE.to_owned());
        }
        Keys { all, known: found, more: self.more }
    }
}

fn writer<'f>(rendering: &Rendering<'_>, file: &'f mut Vec<u8>) -> csv::Writer<&'f mut Vec<u8>> {
    let end = match rendering.dialect {
        Dialect::Plain => Terminator::Any(b'\n'),
        Dialect::Spreadsheet => Terminator::CRLF,
    };
    WriterBuilder::new().terminator(end).from_writer(file)
}

/// The keys that become columns.
struct Keys {
    all: Vec<String>,
    known: HashSet<String>,
    /// Whether there are others.
    more: bool,
}

fn is_column(key: &str) -> bool {
    key == TAXONOMY || Column::with_key(key).is_some()
}

/// Japanese headings for what people look at; each is one that [`crate::list`] reads, with the zone of the time in it.
const JAPANESE: [(&str, &str); 16] = [
    (RECORD, "記録番号"),
    ("time.source", "日時(UTC)"),
    ("source.ip", "送信元IPアドレス"),
    ("source.port", "送信元ポート番号"),
    ("protocol.transport", "プロトコル"),
    ("source.asn", "AS番号"),
    ("source.fqdn", "ホスト名"),
    ("source.url", "URL"),
    ("source.account", "アカウント"),
    ("destination.ip", "接続先IPアドレス"),
    ("destination.port", "接続先ポート番号"),
    ("destination.fqdn", "接続先ホスト名"),
    ("destination.url", "接続先URL"),
    ("classification.type", "分類"),
    ("malware.name", "マルウェア名"),
    ("tlp", "TLP"),
];

fn heading<'k>(key: &'k str, rendering: &Rendering<'_>) -> Cow<'k, str> {
    match (rendering.dialect, rendering.lang) {
        (Dialect::Spreadsheet, Lang::Ja) => match JAPANESE.iter().find(|(known, _)| *known == key) {
            Some((_, heading)) => Cow::Borrowed(*heading),
            None => spreadsheet_safe(key),
        },
        (Dialect::Spreadsheet, Lang::En) => spreadsheet_safe(key),
        (Dialect::Plain, _) => Cow::Borrowed(key),
    }
}

fn cell(value: &Value, dialect: Dialect) -> Cow<'_, str> {
    let text = match value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::Null => Cow::Borrowed(""),
        // A number is no formula, and a spreadsheet may have it as one.
        Value::Number(number) => return Cow::Owned(number.to_string()),
        other => Cow::Owned(other.to_string()),
    };
    match dialect {
        Dialect::Plain => text,
        Dialect::Spreadsheet if would_change(&text) => Cow::Owned(format!("'{text}")),
        Dialect::Spreadsheet => match spreadsheet_safe(&text) {
            Cow::Owned(safe) => Cow::Owned(safe),
            Cow::Borrowed(_) => text,
        },
    }
}

/// Whether [`Dialect::Spreadsheet`] puts an apostrophe before the text.
pub(crate) fn gets_apostrophe(text: &str) -> bool {
    would_change(text) || matches!(spreadsheet_safe(text), Cow::Owned(_))
}

/// Whether a spreadsheet that opens the file would show something else than the text: `007` without its zeros, `2E10` and
/// more than fifteen digits as a rounded number, `1-2`, `1/2/2014` and `10:30` as a date or a time.
fn would_change(text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() || text.len() > 64 || !text.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return false;
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let only = |more: &[u8]| text.bytes().all(|byte| byte.is_ascii_digit() || more.contains(&byte));
    if only(b".") {
        let points = text.len() - digits;
        let leading_zero = text.starts_with('0') && text.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        return points <= 1
            && (leading_zero || digits > 15 || (points == 1 && text.ends_with(['0', '.'])) || text.starts_with('.'));
    }
    if only(b"eE+-.") && text.contains(['e', 'E']) {
        return true;
    }
    let parts = text.split(['-', '/', ':']).count();
    only(b"-/: ") && (2..=6).contains(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_change() {
        for text in [
            "007",
            "0123456789",
            "2E10",
            "12e5",
            "1234567890123456",
            "1-2",
            "2014/06/30",
            "10:30",
            "1.50",
            "1.",
            ".5",
            "3/4",
        ] {
            assert!(would_change(text), "{text}");
        }
        for text in [
            "51000",
            "0",
            "0.5",
            "192.0.2.1",
            "2001:db8::1",
            "a1",
            "",
            "1 apple",
            "2014-06-30T00:00:00+00:00",
            "123456789012345",
            "1.5",
        ] {
            assert!(!would_change(text), "{text}");
        }
    }

    #[test]
    fn cells_are_harmless_in_a_spreadsheet_and_as_they_are_elsewhere() {
        for text in ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\n=1", "＝1"] {
            let value = Value::from(text);
            assert_eq!(cell(&value, Dialect::Plain), text);
            assert_eq!(cell(&value, Dialect::Spreadsheet), format!("'{text}"));
        }
        assert_eq!(cell(&Value::from(-5), Dialect::Spreadsheet), "-5");
        assert_eq!(cell(&serde_json::json!({"a": 1}), Dialect::Spreadsheet), "{\"a\":1}");
    }
}
