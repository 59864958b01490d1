//! Segments: facts and contacts as Arrow columns, sealed chunk by chunk.
//!
//! A file is the mark [`MARK`], then its chunks, each behind its kind (1 byte) and its length (4 bytes, little-endian). A chunk
//! is an Arrow IPC stream of one batch, sealed under the retention key; the seal binds it to its file, its place and its kind,
//! and the manifest says how many chunks there are, so that no chunk can be altered, exchanged, moved or cut off unseen.

use std::io::Cursor;
use std::sync::Arc;

use arrow_array::builder::FixedSizeBinaryBuilder;
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray, UInt8Array, UInt16Array,
    UInt32Array,
};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use keys::{DataKey, KeyError};
use model::Lang;
use model::port::Entropy;

use crate::contact::Contact;
use crate::facts::{Anchor, Ends, Facts, LeaseKey, Reboot, RebootKind, SignKey, Signs, Words};
use crate::resource::{Ports, Prefix};

/// What a segment begins with; the number is the version of the layout and of the columns' meaning.
pub(crate) const MARK: &[u8] = b"noroshi assignment segment 1\n";
/// Rows in a chunk.
const ROWS: usize = 65_536;

/// What a chunk holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Kind {
    Words = 1,
    Leases = 2,
    Signs = 3,
    Reboots = 4,
    Contacts = 5,
}

const KINDS: [Kind; 5] = [Kind::Words, Kind::Leases, Kind::Signs, Kind::Reboots, Kind::Contacts];

/// A segment cannot be read: its bytes were altered, or are not what they should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadSegment {
    /// The file is not there.
    #[error("the file is missing")]
    Missing,
    /// Not a segment, or of another version, or cut off.
    #[error("not a whole segment of a known version")]
    Shape,
    /// A seal does not open.
    #[error(transparent)]
    Seal(#[from] KeyError),
    /// Its columns are not as they should be.
    #[error("the columns of a segment are not as they should be")]
    Columns(#[from] ArrowError),
}

/// A segment in the making.
pub(crate) struct Writer<'a> {
    id: &'a str,
    key: &'a DataKey,
    entropy: &'a dyn Entropy,
    bytes: Vec<u8>,
    chunks: u32,
}

impl<'a> Writer<'a> {
    pub(crate) fn begin(id: &'a str, key: &'a DataKey, entropy: &'a dyn Entropy) -> Self {
        Self { id, key, entropy, bytes: MARK.to_vec(), chunks: 0 }
    }

    /// The file's bytes, and how many chunks it has.
    pub(crate) fn end(self) -> (Vec<u8>, u32) {
        (self.bytes, self.chunks)
    }

    fn chunk(&mut self, kind: Kind, columns: Vec<ArrayRef>) -> Result<(), BadSegment> {
        let schema = schema(kind);
        let batch = RecordBatch::try_new(schema.clone(), columns)?;
        let mut plain = Vec::new();
        let mut writer = StreamWriter::try_new(&mut plain, &schema)?;
        writer.write(&batch)?;
        writer.finish()?;
        drop(writer);
        let sealed = self.key.seal(self.entropy, &aad(self.id, self.chunks, kind), &plain)?;
        let length = u32::try_from(sealed.len()).map_err(|_| BadSegment::Shape)?;
        self.bytes.push(kind as u8);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(&sealed);
        self.chunks += 1;
        Ok(())
    }

    /// Facts, and the words that they use.
    pub(crate) fn facts(&mut self, facts: &Facts, words: &Words) -> Result<(), BadSegment> {
        let mut used = Used::of(words);
        let mut leases: Vec<(LeaseKey, Ends)> = facts.leases.iter().map(|(&key, &ends)| (key, ends)).collect();
        leases.sort_unstable_by_key(|&(key, _)| key);
        let mut signs: Vec<(SignKey, Signs)> = facts.signs.iter().map(|(&key, &signs)| (key, signs)).collect();
        signs.sort_unstable_by_key(|&(key, _)| key);
        let mut reboots: Vec<Reboot> = facts.reboots.iter().copied().collect();
        reboots.sort_unstable();
        for (key, _) in &mut leases {
            key.who = used.number(key.who);
            key.line = key.line.map(|line| used.number(line));
        }
        for (key, _) in &mut signs {
            key.session = used.number(key.session);
            key.who = key.who.map(|who| used.number(who));
            key.line = key.line.map(|line| used.number(line));
            key.nas = key.nas.map(|nas| used.number(nas));
        }
        for reboot in &mut reboots {
            reboot.nas = used.number(reboot.nas);
        }
        for words in used.list.chunks(ROWS) {
            self.chunk(Kind::Words, vec![Arc::new(StringArray::from_iter_values(words))])?;
        }
        for rows in leases.chunks(ROWS) {
            self.chunk(Kind::Leases, lease_columns(rows)?)?;
        }
        for rows in signs.chunks(ROWS) {
            self.chunk(Kind::Signs, sign_columns(rows)?)?;
        }
        for rows in reboots.chunks(ROWS) {
            let off = rows.iter().map(|reboot| Some(reboot.kind == RebootKind::Off));
            self.chunk(
                Kind::Reboots,
                vec![
                    Arc::new(UInt32Array::from_iter_values(rows.iter().map(|reboot| reboot.nas))),
                    Arc::new(Int64Array::from_iter_values(rows.iter().map(|reboot| reboot.at))),
                    Arc::new(BooleanArray::from_iter(off)),
                ],
            )?;
        }
        Ok(())
    }

    /// Contacts, by subscriber reference.
    pub(crate) fn contacts(&mut self, contacts: &[(&str, &Contact)]) -> Result<(), BadSegment> {
        for rows in contacts.chunks(ROWS) {
            let mail = rows.iter().map(|(_, contact)| contact.mail.as_ref().map(|mail| mail.as_str()));
            let english = rows.iter().map(|(_, contact)| Some(contact.lang == Lang::En));
            self.chunk(
                Kind::Contacts,
                vec![
                    Arc::new(StringArray::from_iter_values(rows.iter().map(|(reference, _)| reference))),
                    Arc::new(StringArray::from_iter(mail)),
                    Arc::new(BooleanArray::from_iter(english)),
                    Arc::new(StringArray::from_iter(rows.iter().map(|(_, contact)| contact.name.as_deref()))),
                    Arc::new(BooleanArray::from_iter(rows.iter().map(|(_, contact)| Some(contact.opted_out)))),
                ],
            )?;
        }
        Ok(())
    }
}

/// Reads a segment's facts and adds them and their words; `table` is the number that the table has now.
pub(crate) fn read_facts(
    id: &str,
    bytes: &[u8],
    chunks: u32,
    key: &DataKey,
    table: u8,
    words: &mut Words,
    facts: &mut Facts,
) -> Result<(), BadSegment> {
    let mut numbers: Vec<u32> = Vec::new();
    each_chunk(id, bytes, chunks, key, |kind, batch| {
        let word = |number: u32| numbers.get(number as usize).copied().ok_or(BadSegment::Shape);
        match kind {
            Kind::Words => {
                let texts: &StringArray = column(batch, 0)?;
                numbers.extend(texts.iter().flatten().map(|text| words.number(text)));
            }
            Kind::Leases => read_leases(batch, table, &word, facts)?,
            Kind::Signs => read_signs(batch, table, &word, facts)?,
            Kind::Reboots => {
                let (nas, at): (&UInt32Array, &Int64Array) = (column(batch, 0)?, column(batch, 1)?);
                let off: &BooleanArray = column(batch, 2)?;
                for row in 0..batch.num_rows() {
                    let kind = if off.value(row) { RebootKind::Off } else { RebootKind::On };
                    facts.reboots.insert(Reboot { nas: word(nas.value(row))?, at: at.value(row), kind });
                }
            }
            Kind::Contacts => return Err(BadSegment::Shape),
        }
        Ok(())
    })
}

/// Reads a segment's contacts.
pub(crate) fn read_contacts(
    id: &str,
    bytes: &[u8],
    chunks: u32,
    key: &DataKey,
    mut each: impl FnMut(&str, Contact),
) -> Result<(), BadSegment> {
    each_chunk(id, bytes, chunks, key, |kind, batch| {
        if kind != Kind::Contacts {
            return Err(BadSegment::Shape);
        }
        let (who, mail, name): (&StringArray, &StringArray, &StringArray) =
            (column(batch, 0)?, column(batch, 1)?, column(batch, 3)?);
        let (english, opted_out): (&BooleanArray, &BooleanArray) = (column(batch, 2)?, column(batch, 4)?);
        for row in 0..batch.num_rows() {
            let mail =
                if mail.is_null(row) { None } else { Some(mail.value(row).parse().map_err(|_| BadSegment::Shape)?) };
            let lang = if english.value(row) { Lang::En } else { Lang::Ja };
            let name = (!name.is_null(row)).then(|| name.value(row).to_owned());
            each(who.value(row), Contact { mail, lang, name, opted_out: opted_out.value(row) });
        }
        Ok(())
    })
}

fn each_chunk(
    id: &str,
    bytes: &[u8],
    chunks: u32,
    key: &DataKey,
    mut read: impl FnMut(Kind, &RecordBatch) -> Result<(), BadSegment>,
) -> Result<(), BadSegment> {
    let mut rest = bytes.strip_prefix(MARK).ok_or(BadSegment::Shape)?;
    for ordinal in 0..chunks {
        let (&[kind, a, b, c, d], after) = rest.split_first_chunk::<5>().ok_or(BadSegment::Shape)?;
        let kind = KINDS.into_iter().find(|known| *known as u8 == kind).ok_or(BadSegment::Shape)?;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let (sealed, after) = after.split_at_checked(length).ok_or(BadSegment::Shape)?;
        let plain = key.open(&aad(id, ordinal, kind), sealed)?;
        for batch in StreamReader::try_new(Cursor::new(&plain[..]), None)? {
            let batch = batch?;
            if batch.schema().fields() != schema(kind).fields() {
                return Err(BadSegment::Shape);
            }
            read(kind, &batch)?;
        }
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err(BadSegment::Shape) }
}

fn aad(id: &str, ordinal: u32, kind: Kind) -> Vec<u8> {
    [MARK, id.as_bytes(), &[0], &ordinal.to_le_bytes(), &[kind as u8]].concat()
}

/// The words that some facts use, numbered from 0.
struct Used<'a> {
    words: &'a Words,
    list: Vec<&'a str>,
    numbers: std::collections::HashMap<u32, u32>,
}

impl<'a> Used<'a> {
    fn of(words: &'a Words) -> Self {
        Self { words, list: Vec::new(), numbers: std::collections::HashMap::new() }
    }

    fn number(&mut self, word: u32) -> u32 {
        *self.numbers.entry(word).or_insert_with(|| {
            self.list.push(self.words.word(word));
            u32::try_from(self.list.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

fn schema(kind: Kind) -> Arc<Schema> {
    use DataType::{Boolean, FixedSizeBinary, Int64, UInt8, UInt16, UInt32, Utf8};
    let fields: &[(&str, DataType, bool)] = match kind {
        Kind::Words => &[("word", Utf8, false)],
        Kind::Leases => &[
            ("base", FixedSizeBinary(16), false),
            ("length", UInt8, false),
            ("low", UInt16, false),
            ("high", UInt16, false),
            ("start_us", Int64, false),
            ("running_at_us", Int64, true),
            ("first_end_us", Int64, true),
            ("last_end_us", Int64, true),
            ("who", UInt32, false),
            ("line", UInt32, true),
        ],
        Kind::Signs => &[
            ("session", UInt32, false),
            ("anchor_us", Int64, false),
            ("anchored", Boolean, false),
            ("base", FixedSizeBinary(16), true),
            ("length", UInt8, true),
            ("who", UInt32, true),
            ("line", UInt32, true),
            ("nas", UInt32, true),
            ("first_us", Int64, false),
            ("last_us", Int64, false),
            ("start", Boolean, false),
            ("interim", Boolean, false),
            ("first_stop_us", Int64, true),
            ("last_stop_us", Int64, true),
        ],
        Kind::Reboots => &[("nas", UInt32, false), ("at_us", Int64, false), ("off", Boolean, false)],
        Kind::Contacts => &[
            ("reference", Utf8, false),
            ("mail", Utf8, true),
            ("english", Boolean, false),
            ("name", Utf8, true),
            ("opted_out", Boolean, false),
        ],
    };
    Arc::new(Schema::new(
        fields.iter().map(|(name, kind, nullable)| Field::new(*name, kind.clone(), *nullable)).collect::<Vec<_>>(),
    ))
}

fn lease_columns(rows: &[(LeaseKey, Ends)]) -> Result<Vec<ArrayRef>, BadSegment> {
    let keys = || rows.iter().map(|(key, _)| key);
    let ends = || rows.iter().map(|(_, ends)| ends);
    Ok(vec![
        bases(keys().map(|key| Some(key.prefix)))?,
        Arc::new(UInt8Array::from_iter_values(keys().map(|key| key.prefix.length()))),
        Arc::new(UInt16Array::from_iter_values(keys().map(|key| key.ports.low))),
        Arc::new(UInt16Array::from_iter_values(keys().map(|key| key.ports.high))),
        Arc::new(Int64Array::from_iter_values(keys().map(|key| key.start))),
        Arc::new(Int64Array::from_iter(ends().map(|ends| ends.running_at))),
        Arc::new(Int64Array::from_iter(ends().map(|ends| ends.ended.map(|ended| ended.0)))),
        Arc::new(Int64Array::from_iter(ends().map(|ends| ends.ended.map(|ended| ended.1)))),
        Arc::new(UInt32Array::from_iter_values(keys().map(|key| key.who))),
        Arc::new(UInt32Array::from_iter(keys().map(|key| key.line))),
    ])
}

fn read_leases(
    batch: &RecordBatch,
    table: u8,
    word: &impl Fn(u32) -> Result<u32, BadSegment>,
    facts: &mut Facts,
) -> Result<(), BadSegment> {
    let (base, length): (&FixedSizeBinaryArray, &UInt8Array) = (column(batch, 0)?, column(batch, 1)?);
    let (low, high): (&UInt16Array, &UInt16Array) = (column(batch, 2)?, column(batch, 3)?);
    let (start, running): (&Int64Array, &Int64Array) = (column(batch, 4)?, column(batch, 5)?);
    let (first, last): (&Int64Array, &Int64Array) = (column(batch, 6)?, column(batch, 7)?);
    let (who, line): (&UInt32Array, &UInt32Array) = (column(batch, 8)?, column(batch, 9)?);
    for row in 0..batch.num_rows() {
        let key = LeaseKey {
            table,
            prefix: prefix(length.value(row), base.value(row))?,
            ports: Ports { low: low.value(row), high: high.value(row) },
            start: start.value(row),
            who: word(who.value(row))?,
            line: optional(line, row).map(word).transpose()?,
        };
        let ends = Ends { running_at: time(running, row), ended: time(first, row).zip(time(last, row)) };
        facts.say(key, ends);
    }
    Ok(())
}

fn sign_columns(rows: &[(SignKey, Signs)]) -> Result<Vec<ArrayRef>, BadSegment> {
    let keys = || rows.iter().map(|(key, _)| key);
    let signs = || rows.iter().map(|(_, signs)| signs);
    let (anchors, anchored): (Vec<i64>, Vec<bool>) = keys()
        .map(|key| match key.anchor {
            Anchor::Started(at) => (at, true),
            Anchor::Unknown(at) => (at, false),
        })
        .unzip();
    Ok(vec![
        Arc::new(UInt32Array::from_iter_values(keys().map(|key| key.session))),
        Arc::new(Int64Array::from(anchors)),
        Arc::new(BooleanArray::from(anchored)),
        bases(keys().map(|key| key.prefix))?,
        Arc::new(UInt8Array::from_iter(keys().map(|key| key.prefix.map(Prefix::length)))),
        Arc::new(UInt32Array::from_iter(keys().map(|key| key.who))),
        Arc::new(UInt32Array::from_iter(keys().map(|key| key.line))),
        Arc::new(UInt32Array::from_iter(keys().map(|key| key.nas))),
        Arc::new(Int64Array::from_iter_values(signs().map(|signs| signs.first))),
        Arc::new(Int64Array::from_iter_values(signs().map(|signs| signs.last))),
        Arc::new(BooleanArray::from_iter(signs().map(|signs| Some(signs.start)))),
        Arc::new(BooleanArray::from_iter(signs().map(|signs| Some(signs.interim)))),
        Arc::new(Int64Array::from_iter(signs().map(|signs| signs.stop.map(|stop| stop.0)))),
        Arc::new(Int64Array::from_iter(signs().map(|signs| signs.stop.map(|stop| stop.1)))),
    ])
}

fn read_signs(
    batch: &RecordBatch,
    table: u8,
    word: &impl Fn(u32) -> Result<u32, BadSegment>,
    facts: &mut Facts,
) -> Result<(), BadSegment> {
    let (session, anchor): (&UInt32Array, &Int64Array) = (column(batch, 0)?, column(batch, 1)?);
    let anchored: &BooleanArray = column(batch, 2)?;
    let (base, length): (&FixedSizeBinaryArray, &UInt8Array) = (column(batch, 3)?, column(batch, 4)?);
    let (who, line, nas): (&UInt32Array, &UInt32Array, &UInt32Array) =
        (column(batch, 5)?, column(batch, 6)?, column(batch, 7)?);
    let (first, last): (&Int64Array, &Int64Array) = (column(batch, 8)?, column(batch, 9)?);
    let (start, interim): (&BooleanArray, &BooleanArray) = (column(batch, 10)?, column(batch, 11)?);
    let (first_stop, last_stop): (&Int64Array, &Int64Array) = (column(batch, 12)?, column(batch, 13)?);
    for row in 0..batch.num_rows() {
        let at = anchor.value(row);
        let known = base.is_valid(row) && length.is_valid(row);
        let key = SignKey {
            table,
            session: word(session.value(row))?,
            anchor: if anchored.value(row) { Anchor::Started(at) } else { Anchor::Unknown(at) },
            prefix: if known { Some(prefix(length.value(row), base.value(row))?) } else { None },
            who: optional(who, row).map(word).transpose()?,
            line: optional(line, row).map(word).transpose()?,
            nas: optional(nas, row).map(word).transpose()?,
        };
        let signs = Signs {
            first: first.value(row),
            last: last.value(row),
            start: start.value(row),
            interim: interim.value(row),
            stop: time(first_stop, row).zip(time(last_stop, row)),
        };
        facts.sign(key, signs);
    }
    Ok(())
}

fn bases(prefixes: impl Iterator<Item = Option<Prefix>>) -> Result<ArrayRef, BadSegment> {
    let mut builder = FixedSizeBinaryBuilder::new(16);
    for prefix in prefixes {
        match prefix {
            Some(prefix) => builder.append_value(prefix.base().to_be_bytes())?,
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn column<T: Array + 'static>(batch: &RecordBatch, at: usize) -> Result<&T, BadSegment> {
    batch.columns().get(at).and_then(|column| column.as_any().downcast_ref()).ok_or(BadSegment::Shape)
}

fn prefix(length: u8, base: &[u8]) -> Result<Prefix, BadSegment> {
    base.try_into().ok().and_then(|base| Prefix::from_parts(length, base)).ok_or(BadSegment::Shape)
}

fn optional(column: &UInt32Array, row: usize) -> Option<u32> {
    column.is_valid(row).then(|| column.value(row))
}

fn time(column: &Int64Array, row: usize) -> Option<i64> {
    column.is_valid(row).then(|| column.value(row))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use disk::RealDisk;
    use keys::{Keyring, OsEntropy, RetentionClass, WrappingKey};
    use model::port::SeededEntropy;

    use super::*;
    use crate::resource::prefix;

    fn key(folder: &std::path::Path) -> DataKey {
        let wrapping = WrappingKey::generate(&SeededEntropy::new(1));
        let ring = Keyring::create(Arc::new(RealDisk::default()), folder, wrapping, Arc::new(OsEntropy)).unwrap();
        ring.retention_key(&RetentionClass::new("assignment", "test").unwrap()).unwrap()
    }

    fn facts(words: &mut Words) -> Facts {
        let mut facts = Facts::default();
        // A word that no fact uses stands before those that are used.
        words.number("unused");
        let (who, line, nas, session) =
            (words.number("K-1"), words.number("L-1"), words.number("bras1"), words.number("\u{1}us1"));
        for (start, line, ended) in [(5, Some(line), Some((7, 9))), (6, None, None)] {
            let ports = Ports { low: 1024, high: 2047 };
            let key = LeaseKey { table: 3, prefix: prefix("192.0.2.1"), ports, start, who, line };
            facts.say(key, Ends { running_at: ended.is_none().then_some(8), ended });
        }
        for (anchor, held) in [(Anchor::Started(1), Some(prefix("2001:db8::/56"))), (Anchor::Unknown(2), None)] {
            let key =
                SignKey { table: 3, session, anchor, prefix: held, who: held.map(|_| who), line: None, nas: Some(nas) };
            let stop = held.map(|_| (4, 5));
            facts.sign(key, Signs { first: 1, last: 4, start: held.is_some(), interim: held.is_none(), stop });
        }
        facts.reboots.insert(Reboot { nas, at: 3, kind: RebootKind::Off });
        facts.reboots.insert(Reboot { nas, at: 9, kind: RebootKind::On });
        facts
    }

    #[test]
    fn facts_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let key = key(folder.path());
        let mut words = Words::default();
        let facts = facts(&mut words);
        let mut writer = Writer::begin("one", &key, &OsEntropy);
        writer.facts(&facts, &words).unwrap();
        let (bytes, chunks) = writer.end();
        assert_eq!(chunks, 4);
        let (mut again, mut same_words) = (Facts::default(), words.clone());
        read_facts("one", &bytes, chunks, &key, 3, &mut same_words, &mut again).unwrap();
        assert!(facts.lacking(&again).is_empty() && again.lacking(&facts).is_empty());
        let mut fresh = Words::default();
        read_facts("one", &bytes, chunks, &key, 0, &mut fresh, &mut Facts::default()).unwrap();
        assert_eq!(fresh.number("unused"), 4, "words that nobody uses are not written");
    }

    #[test]
    fn chunks_keep_their_places() {
        let folder = tempfile::tempdir().unwrap();
        let key = key(folder.path());
        let mut words = Words::default();
        let facts = facts(&mut words);
        let mut writer = Writer::begin("one", &key, &OsEntropy);
        // Twice the same, so that the chunks differ in their places only.
        writer.facts(&facts, &words).unwrap();
        writer.facts(&facts, &words).unwrap();
        let (bytes, chunks) = writer.end();
        let read = |id: &str, bytes: &[u8], chunks: u32| {
            read_facts(id, bytes, chunks, &key, 0, &mut Words::default(), &mut Facts::default()).is_ok()
        };
        assert!(read("one", &bytes, chunks));
        assert!(!read("other", &bytes, chunks) && !read("one", &bytes, chunks - 1) && !read("one", &bytes, chunks + 1));
        let half = MARK.len() + (bytes.len() - MARK.len()) / 2;
        let exchanged = [MARK, &bytes[half..], &bytes[MARK.len()..half]].concat();
        assert!(!read("one", &exchanged, chunks));
        let twice = [MARK, &bytes[MARK.len()..half], &bytes[MARK.len()..half]].concat();
        assert!(!read("one", &twice, chunks));
    }
}
