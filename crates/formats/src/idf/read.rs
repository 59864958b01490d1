//! Reading IDF: one object per line, an array of objects, or objects one after the other; flat keys or nested ones.
//!
//! - A broken object that begins a line costs itself only: reading is taken up at the next line that begins like it. Where there is
//!   none, what stands before is read, and one reject says from which line on nothing was.
//! - `source.ip`, `source.port`, `time.source` and tags that cannot be understood cost the event; any other value that is not of its
//!   field's kind is kept as written under `extra.<key>` and flagged. A key that IDF does not know likewise.
//! - An event without `time.source` is valid IDF and is accepted without a time; one with a time but no offset needs a declared zone.
//! - Under a key with a dot at the top level an object is a value; under one without it is the nested form.

use std::borrow::Cow;

use model::problem::{Code, Place, Problem};
use model::report::Provenance;
use model::sighting::Flags;
use model::{Instant, Sighting, Text, Zone};
use serde_json::value::RawValue;

use super::fit::AS_WRITTEN;
use crate::civil::{self, Habit, NO_TIME_ZONE, Shown};
use crate::extra::Extra;
use crate::fields::{self, ADDRESS_MISSING, COLUMNS, Column, LOCAL_TIME, TAXONOMY, is_other_idf_key};
use crate::gathered::{Fault, Gathered};
use crate::json::{JSON_SYNTAX, Values};
use crate::members::{Members, scalar};
use crate::pieces::{Cut, More, TextReader};
use crate::reading::{Declared, Ending, FUTURE_TOLERANCE_SECONDS};
use crate::text::{Decoded, NO_ROWS, fold};

/// Whose list of keys is known here.
const SCHEMA_READ: &str = "intelmq-3.5.0";

/// Reads events as the pieces of their file come.
pub(super) struct EventReader<'a> {
    file: &'a str,
    values: Values,
    encoding: &'static str,
    event: Event<'a>,
    /// The first event whose time has no offset: its line and its time.
    unzoned: Option<(u64, String)>,
}

impl<'a> EventReader<'a> {
    pub(super) fn begin(file: &'a str, first: &Decoded<'_>, declared: &'a Declared<'a>) -> Self {
        let (values, encoding) = (Values::of(first), first.encoding.name());
        Self { file, values, encoding, event: Event::new(declared), unzoned: None }
    }
}

impl TextReader for EventReader<'_> {
    fn cut(&self) -> Cut {
        self.values.cut()
    }

    fn piece(&mut self, decoded: &Decoded<'_>, more: More, rows: &mut Gathered) -> Result<usize, Problem> {
        let Self { values, event, unzoned, .. } = self;
        Ok(values.read(decoded, more, rows, &mut |object, at, rows| match event.read(object) {
            Ok(()) => rows.understood(&mut event.sighting, at),
            Err(fault) => {
                if fault.code.code == NO_TIME_ZONE.code && unzoned.is_none() {
                    *unzoned = Some((at.line, fault.value.clone().unwrap_or_default()));
                }
                rows.rejected(at.line, fault, object);
            }
        }))
    }

    fn provenance(&self) -> Provenance {
        Provenance {
            format: "idf".to_owned(),
            schema: SCHEMA_READ.to_owned(),
            mapping: "-".to_owned(),
            encoding: self.encoding.to_owned(),
            zone: self.event.declared.zone.as_ref().map(|zone| zone.as_str().to_owned()),
        }
    }

    fn end(&mut self, read: u64) -> Result<Ending, Problem> {
        if let Some((line, value)) = self.unzoned.take().filter(|_| self.event.zoned == 0) {
            let place = Place::file(self.file).line(line).field(Column::Time.key());
            return Err(Problem::new(&NO_TIME_ZONE, place).with_value(&value));
        }
        if read == 0 {
            return Err(Problem::new(&NO_ROWS, Place::file(self.file)));
        }
        Ok(Ending {
            provenance: self.provenance(),
            found_by: self.values.form().to_owned(),
            columns: std::mem::take(&mut self.event.keys).into_iter().map(|(key, taken)| (key, Some(taken))).collect(),
            notes: Vec::new(),
        })
    }
}

/// One event, read into a row that is used again. Formats that carry the fields of IDF along read them through it, too.
pub(crate) struct Event<'a> {
    declared: &'a Declared<'a>,
    latest: Instant,
    pub(crate) sighting: Sighting,
    extra: Extra,
    /// Columns given, to see one that is given twice.
    given: Vec<(Column, String)>,
    time: Option<String>,
    taxonomy: Option<String>,
    unknown: bool,
    kept_raw: bool,
    /// Whether the event carries any of our own keys.
    ours: bool,
    /// How many times carried their own zone.
    zoned: u64,
    /// Keys seen and what they were taken for, for the preview.
    keys: Vec<(String, String)>,
}

impl<'a> Event<'a> {
    pub(crate) fn new(declared: &'a Declared<'a>) -> Self {
        Self {
            declared,
            latest: declared.received.plus_seconds(FUTURE_TOLERANCE_SECONDS),
            sighting: Sighting::infected(),
            extra: Extra::default(),
            given: Vec::new(),
            time: None,
            taxonomy: None,
            unknown: false,
            kept_raw: false,
            ours: false,
            zoned: 0,
            keys: Vec::new(),
        }
    }

    /// The row of one event that another format carries along.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn row(&mut self, object: &str) -> Result<&mut Sighting, Fault> {
        self.read(object)?;
        Ok(&mut self.sighting)
    }

    /// The row that was read last.
    pub(crate) fn sighting(&mut self) -> &mut Sighting {
        &mut self.sighting
    }

    /// Reads an object into the row.
    pub(crate) fn read(&mut self, object: &str) -> Result<(), Fault> {
        let fault = Fault::of;
        if !object.starts_with('{') {
            return Err(fault(if serde_json::from_str::<&RawValue>(object).is_ok() {
                &IDF_NOT_AN_EVENT
            } else {
                &JSON_SYNTAX
            }));
        }
        let members: Members<'_> = serde_json::from_str(object).map_err(|_| fault(&JSON_SYNTAX))?;
        self.sighting =
            Sighting { classification: self.declared.classification, tags: self.declared.tags, ..Sighting::infected() };
        self.extra.clear();
        self.given.clear();
        (self.time, self.taxonomy) = (None, None);
        (self.unknown, self.kept_raw, self.ours) = (false, false, false);
        for (key, value) in members.0 {
            self.member(&key, value, !key.contains('.'), 0)?;
        }
        self.finish()
    }

    /// One member; `nested` says that objects are the nested form and not values.
    fn member(&mut self, key: &str, value: &RawValue, nested: bool, depth: u8) -> Result<(), Fault> {
        let json = value.get();
        if json == "null" {
            return Ok(());
        }
        if key == "__type" {
            return if json == "\"Event\"" { Ok(()) } else { Err(Fault::at(&IDF_NOT_AN_EVENT, key, json)) };
        }
        if key == "extra" && json.starts_with('"') {
            // IntelMQ carries it as a text too.
            let text: String = serde_json::from_str(json).unwrap_or_default();
            return match serde_json::from_str::<Members<'_>>(&text) {
                Ok(members) => self.members_of("extra", members, false, depth),
                Err(_) => {
                    self.keep_unknown(key, json);
                    Ok(())
                }
            };
        }
        // What another of us could not put under its key.
        if key == AS_WRITTEN
            && depth == 0
            && let Ok(members) = serde_json::from_str::<Members<'_>>(json)
        {
            self.ours = true;
            return members.0.iter().try_for_each(|(name, value)| self.leaf(name, value.get()));
        }
        if json.starts_with('{')
            && key != COLUMNS
            && key != "output"
            && depth < MOST_DEPTH
            && (nested || key == "extra")
            && let Ok(members) = serde_json::from_str::<Members<'_>>(json)
            && members.0.iter().all(|(name, _)| is_word(name) || key == "extra")
        {
            let nested = nested && !members.0.iter().any(|(name, _)| name.contains('.'));
            return self.members_of(key, members, nested, depth);
        }
        self.leaf(key, json)
    }

    fn members_of(&mut self, key: &str, members: Members<'_>, nested: bool, depth: u8) -> Result<(), Fault> {
        for (name, value) in members.0 {
            self.member(&format!("{key}.{name}"), value, nested, depth + 1)?;
        }
        Ok(())
    }

    fn leaf(&mut self, key: &str, json: &str) -> Result<(), Fault> {
        self.ours |= key.starts_with("extra.noroshi.");
        let text = scalar(json);
        if key == TAXONOMY {
            self.note(key, key);
            self.taxonomy = Some(json.to_owned());
            return Ok(());
        }
        let Some(column) = Column::with_key(key) else {
            if key == COLUMNS {
                self.note(key, key);
                match serde_json::from_str::<Members<'_>>(json) {
                    Ok(members) => members.0.iter().for_each(|(name, value)| self.extra.column_json(name, value.get())),
                    Err(_) => self.extra.column_json("columns", json),
                }
            } else if key == LOCAL_TIME {
                self.note(key, "-");
            } else if is_other_idf_key(key) {
                self.note(key, key);
                // Given twice: both are kept.
                if self.extra.has(key) { self.extra.kept_raw(key, json) } else { self.extra.json(key, json) }
            } else {
                self.keep_unknown(key, json);
            }
            return Ok(());
        };
        self.note(key, key);
        let Some(text) = text else { return self.not_taken(column, &fields::BAD_FIELD, json) };
        // IntelMQ, lib/message.py: an empty text, `-` and `N/A` say that there is no value.
        if matches!(&*text, "" | "-" | "N/A") {
            return Ok(());
        }
        if let Some((_, other)) = self.given.iter().find(|(given, _)| *given == column) {
            return if *other == *text { Ok(()) } else { Err(Fault::at(&IDF_KEY_TWICE, key, &text)) };
        }
        self.given.push((column, text.clone().into_owned()));
        match column {
            Column::Time => self.time = Some(text.into_owned()),
            Column::Tlp | Column::ExactTlp => {}
            _ => {
                let text = if column.is_text() { &text } else { text.trim() };
                if let Err(code) = column.take(text, &mut self.sighting) {
                    return self.not_taken(column, code, json);
                }
            }
        }
        Ok(())
    }

    /// What its column cannot take costs the event where reading on without it could name the wrong person or go too far.
    fn not_taken(&mut self, column: Column, code: &'static Code, json: &str) -> Result<(), Fault> {
        let code = match column {
            Column::SourceIp if code.code == fields::BAD_FIELD.code => &fields::BAD_ADDRESS,
            Column::SourcePort => &fields::BAD_PORT,
            Column::Time => &fields::BAD_TIME,
            Column::Tlp | Column::ExactTlp | Column::Pap | Column::DataClass => &fields::BAD_TAG,
            _ => code,
        };
        match column {
            Column::SourceIp
            | Column::SourcePort
            | Column::Time
            | Column::Tlp
            | Column::ExactTlp
            | Column::Pap
            | Column::DataClass => Err(Fault::at(code, column.key(), &scalar(json).unwrap_or(Cow::Borrowed(json)))),
            _ => {
                self.extra.kept_raw(column.key(), json);
                self.kept_raw = true;
                Ok(())
            }
        }
    }

    fn keep_unknown(&mut self, key: &str, json: &str) {
        self.unknown = true;
        let kept = format!("extra.{}", key.strip_prefix("extra.").unwrap_or(key));
        if is_other_idf_key(&kept) && kept != COLUMNS {
            self.note(key, &kept);
            if self.extra.has(&kept) { self.extra.kept_raw(&kept, json) } else { self.extra.json(&kept, json) }
        } else {
            let name = key.strip_prefix("extra.").unwrap_or(key);
            self.note(key, &format!("{COLUMNS}.{name}"));
            self.extra.column_json(name, json);
        }
    }

    /// Remembers the key for the preview.
    fn note(&mut self, key: &str, taken: &str) {
        const MOST: usize = 200;
        if self.keys.len() < MOST && !self.keys.iter().any(|(known, _)| known == key) {
            self.keys.push((key.to_owned(), taken.to_owned()));
        }
    }

    fn finish(&mut self) -> Result<(), Fault> {
        self.place_time()?;
        let text =
            |wanted: Column| self.given.iter().find(|(column, _)| *column == wanted).map(|(_, text)| text.as_str());
        let (shown, exact) = (text(Column::Tlp), text(Column::ExactTlp));
        let given = fields::tlp_of(shown, exact)
            .map_err(|code| Fault::at(code, Column::Tlp.key(), shown.or(exact).unwrap_or_default()))?;
        // IntelMQ before 3.0 wrote taxonomies with spaces.
        let hyphened = |json: &str| scalar(json).map(|text| text.trim().to_ascii_lowercase().replace([' ', '_'], "-"));
        if let Some(json) = self.taxonomy.take()
            && hyphened(&json).as_deref() != Some(self.sighting.classification.taxonomy())
        {
            self.extra.kept_raw(TAXONOMY, &json);
            self.kept_raw = true;
        }
        let s = &mut self.sighting;
        s.tags.tlp = s.tags.tlp.max(given.unwrap_or(s.tags.tlp));
        if s.malware.is_none() {
            s.malware.clone_from(&self.declared.malware);
        }
        // A sample of malware has no address; what is known by its hash alone is told all the same.
        let hash = ["md5", "sha1", "sha256"].iter().any(|name| self.extra.has(&format!("malware.hash.{name}")));
        if s.source_ip.is_none()
            && s.source_fqdn.is_none()
            && s.source_url.is_none()
            && s.source_account.is_none()
            && !hash
        {
            return Err(Fault { code: &ADDRESS_MISSING, field: Some(Column::SourceIp.key().to_owned()), value: None });
        }
        let mut flag = |holds: bool, flag: Flags| {
            if holds {
                s.flags = s.flags.and(flag);
            }
        };
        flag(s.source_ip.is_some() && s.source_port.is_none(), Flags::NO_PORT);
        flag(s.source_ip.is_some_and(|ip| self.declared.special.name_of(ip).is_some()), Flags::SPECIAL_ADDRESS);
        flag(self.unknown, Flags::UNKNOWN_FIELD);
        flag(self.kept_raw, Flags::FIELD_KEPT_RAW);
        s.extra = self.extra.object().map(str::to_owned);
        Ok(())
    }

    fn place_time(&mut self) -> Result<(), Fault> {
        let Some(text) = self.time.take() else { return Ok(()) };
        let fault = |code| Fault::at(code, Column::Time.key(), &text);
        let folded = fold(&text);
        let written = civil::read(&folded, &Habit::default()).map_err(fault)?;
        let beside: Option<Zone> = written.zone.and_then(|zone| zone.parse().ok());
        let zone = beside.as_ref().or(self.declared.zone.as_ref());
        if beside.is_some() || matches!(written.shown, Shown::Instant(_)) {
            self.zoned += 1;
        }
        let s = &mut self.sighting;
        s.time = Some(civil::place(written.shown, zone, self.latest).map_err(fault)?);
        s.uncertainty = s.uncertainty.max(written.uncertainty);
        s.flags = s.flags.and(written.flags);
        // Our own records say beside it how the zone was first written: always in UTC here.
        if !self.ours && matches!(written.shown, Shown::Clock(_)) {
            s.zone = zone.map(|zone| zone.as_str().to_owned());
        }
        Ok(())
    }
}

/// Deeper than this an object is kept as it is.
const MOST_DEPTH: u8 = 8;

/// A part of a key: `^[a-z_0-9]+$`, also with dots where flat keys stand inside a nested object.
fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'))
}

/// JSON, but no event.
pub(super) static IDF_NOT_AN_EVENT: Code = Code {
    code: "idf-not-an-event",
    text: Text { ja: "IntelMQのイベントではありません", en: "not an IntelMQ event" },
    help: Text {
        ja: "`__type` が Event のオブジェクトを指定してください（Report は解析前の原文です）",
        en: "give objects whose `__type` is `Event`; a `Report` is what IntelMQ has not parsed yet",
    },
    example: "{\"__type\": \"Report\", \"raw\": \"…\"}",
};

/// One key, two values.
pub(super) static IDF_KEY_TWICE: Code = Code {
    code: "idf-key-twice",
    text: Text {
        ja: "同じ項目が異なる値で2回あります", en: "a field is given twice with different values"
    },
    help: Text {
        ja: "平坦な形（source.ip）と入れ子の形（source: {ip}）が混在していないか確認してください",
        en: "see whether the flat form (source.ip) and the nested one (source: {ip}) are mixed",
    },
    example: "{\"source.ip\": \"192.0.2.1\", \"source\": {\"ip\": \"192.0.2.2\"}}",
};

pub(super) static CODES: &[&Code] = &[&IDF_NOT_AN_EVENT, &IDF_KEY_TWICE];
