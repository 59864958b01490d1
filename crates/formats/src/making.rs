//! A row in the making, from a record of a format whose fields have their own names: columns, what goes beside them, flags.
//!
//! What its column cannot take costs the row where reading on without it could name the wrong person or go too far (the source's
//! address, port and time, a marking); any other such value is kept as written under `extra.<IDF key>` and flagged.

use std::borrow::Cow;

use model::problem::{Code, Place, Problem};
use model::sighting::Flags;
use model::{Instant, Sighting, Zone};
use serde_json::{Map, Value};

use crate::civil::{self, Habit, NO_TIME_ZONE, Shown};
use crate::extra::Extra;
use crate::fields::{self, ADDRESS_MISSING, COLUMNS, Column, is_other_idf_key};
use crate::gathered::Fault;
use crate::members::scalar;
use crate::reading::{Declared, FUTURE_TOLERANCE_SECONDS};
use crate::text::fold;

/// A row being made, used again for the next record.
pub(crate) struct Making<'a> {
    pub(crate) declared: &'a Declared<'a>,
    latest: Instant,
    pub(crate) sighting: Sighting,
    pub(crate) extra: Extra,
    flags: Flags,
    /// How many times had a zone, and the first that had none: its line and itself.
    zoned: u64,
    unzoned: Option<(u64, String)>,
    /// Names seen and what they were taken for, for the preview.
    names: Vec<(String, String)>,
}

impl<'a> Making<'a> {
    pub(crate) fn new(declared: &'a Declared<'a>) -> Self {
        Self {
            declared,
            latest: declared.received.plus_seconds(FUTURE_TOLERANCE_SECONDS),
            sighting: Sighting::infected(),
            extra: Extra::default(),
            flags: Flags::none(),
            zoned: 0,
            unzoned: None,
            names: Vec::new(),
        }
    }

    /// An empty row, with what was declared.
    pub(crate) fn begin(&mut self) {
        self.sighting =
            Sighting { classification: self.declared.classification, tags: self.declared.tags, ..Sighting::infected() };
        self.extra.clear();
        self.flags = Flags::none();
    }

    /// Flags the row.
    pub(crate) fn flag(&mut self, flag: Flags) {
        self.flags = self.flags.and(flag);
    }

    /// Puts the value of the field `name` into a column.
    ///
    /// # Errors
    /// What is wrong with it, where that costs the row.
    pub(crate) fn column(&mut self, column: Column, name: &str, json: &str) -> Result<(), Fault> {
        self.note(name, column.key());
        let Some(text) = scalar(json) else { return self.not_taken(column, name, &fields::BAD_FIELD, json) };
        let text = if column.is_text() { &text } else { text.trim() };
        if text.is_empty() {
            return Ok(());
        }
        // Port 0 is nobody's; some write it for none.
        if matches!(column, Column::SourcePort | Column::DestinationPort) && text == "0" {
            self.keep_raw(column, json);
            return Ok(());
        }
        match column.take(text, &mut self.sighting) {
            Ok(()) => Ok(()),
            Err(code) => self.not_taken(column, name, code, json),
        }
    }

    fn not_taken(&mut self, column: Column, name: &str, code: &'static Code, json: &str) -> Result<(), Fault> {
        let code = match column {
            Column::SourceIp if code.code == fields::BAD_FIELD.code => &fields::BAD_ADDRESS,
            Column::SourcePort => &fields::BAD_PORT,
            Column::Tlp | Column::ExactTlp | Column::Pap | Column::DataClass => &fields::BAD_TAG,
            Column::SourceIp => code,
            _ => {
                self.keep_raw(column, json);
                return Ok(());
            }
        };
        Err(Fault::at(code, name, &scalar(json).unwrap_or(Cow::Borrowed(json))))
    }

    fn keep_raw(&mut self, column: Column, json: &str) {
        self.extra.kept_raw(column.key(), json);
        self.flag(Flags::FIELD_KEPT_RAW);
    }

    /// Keeps a value that its place cannot take, under another key, and flags the row.
    pub(crate) fn keep_odd(&mut self, name: &str, key: &str, json: &str) {
        self.keep(name, key, json);
        self.flag(Flags::FIELD_KEPT_RAW);
    }

    /// Keeps the value of the field `name` under a key of `extra`; beside what stands there already.
    pub(crate) fn keep(&mut self, name: &str, key: &str, json: &str) {
        if key != COLUMNS && is_other_idf_key(key) {
            self.note(name, key);
            if self.extra.has(key) { self.extra.kept_raw(key, json) } else { self.extra.json(key, json) }
        } else {
            self.note(name, &format!("{COLUMNS}.{name}"));
            self.extra.column_json(name, json);
        }
    }

    /// As [`Making::keep`], for a text.
    pub(crate) fn keep_text(&mut self, name: &str, key: &str, text: &str) {
        self.keep(name, key, &Value::from(text).to_string());
    }

    /// Remembers a field for the preview.
    pub(crate) fn note(&mut self, name: &str, taken: &str) {
        const MOST: usize = 200;
        if self.names.len() < MOST && !self.names.iter().any(|(known, _)| known == name) {
            self.names.push((name.to_owned(), taken.to_owned()));
        }
    }

    /// The row's time. One without a zone is in the zone that the format defines, else in the declared one.
    ///
    /// # Errors
    /// Why it is none.
    pub(crate) fn time(&mut self, name: &str, json: &str, defined: Option<&Zone>, line: u64) -> Result<(), Fault> {
        self.note(name, Column::Time.key());
        let text = scalar(json).unwrap_or(Cow::Borrowed(json));
        let fault = |code| Fault::at(code, name, &text);
        let folded = fold(&text);
        let written = civil::read(&folded, &Habit::default()).map_err(fault)?;
        let beside: Option<Zone> = written.zone.and_then(|zone| zone.parse().ok());
        let zone = beside.as_ref().or(defined).or(self.declared.zone.as_ref());
        match civil::place(written.shown, zone, self.latest) {
            Ok(time) => self.sighting.time = Some(time),
            Err(code) => {
                if code.code == NO_TIME_ZONE.code && self.unzoned.is_none() {
                    self.unzoned = Some((line, text.clone().into_owned()));
                }
                return Err(fault(code));
            }
        }
        if beside.is_some() || matches!(written.shown, Shown::Instant(_)) {
            self.zoned += 1;
        }
        self.sighting.uncertainty = self.sighting.uncertainty.max(written.uncertainty);
        self.flag(written.flags);
        if matches!(written.shown, Shown::Clock(_)) {
            self.sighting.zone = zone.map(|zone| zone.as_str().to_owned());
        }
        Ok(())
    }

    /// Closes the row; its address flags come with [`Making::mark`].
    ///
    /// The declared malware is that of the declared classification: a row that says that something else happened does not get it.
    pub(crate) fn close(&mut self) {
        let s = &mut self.sighting;
        if s.malware.is_none() && s.classification == self.declared.classification {
            s.malware.clone_from(&self.declared.malware);
        }
        s.flags = self.flags;
        s.extra = self.extra.object().map(str::to_owned);
    }

    /// Flags what its address says about a row.
    ///
    /// # Errors
    /// [`ADDRESS_MISSING`] for a row that is about nobody.
    pub(crate) fn mark(&self, s: &mut Sighting, name: &str) -> Result<(), Fault> {
        if s.source_ip.is_none() && s.source_fqdn.is_none() && s.source_url.is_none() && s.source_account.is_none() {
            return Err(Fault { code: &ADDRESS_MISSING, field: Some(name.to_owned()), value: None });
        }
        mark(s, self.declared);
        Ok(())
    }

    /// # Errors
    /// [`NO_TIME_ZONE`] for a file in which no time has a zone.
    pub(crate) fn check_zones(&mut self, file: &str) -> Result<(), Problem> {
        match self.unzoned.take().filter(|_| self.zoned == 0) {
            Some((line, value)) => {
                let place = Place::file(file).line(line).field(Column::Time.key());
                Err(Problem::new(&NO_TIME_ZONE, place).with_value(&value))
            }
            None => Ok(()),
        }
    }

    /// Fields and what they were taken for, for the preview.
    pub(crate) fn columns(&mut self) -> Vec<(String, Option<String>)> {
        std::mem::take(&mut self.names).into_iter().map(|(name, taken)| (name, Some(taken))).collect()
    }
}

/// Flags what its address says about a row.
pub(crate) fn mark(s: &mut Sighting, declared: &Declared<'_>) {
    if s.source_ip.is_some() && s.source_port.is_none() {
        s.flags = s.flags.and(Flags::NO_PORT);
    }
    if s.source_ip.is_some_and(|ip| declared.special.name_of(ip).is_some()) {
        s.flags = s.flags.and(Flags::SPECIAL_ADDRESS);
    }
}

/// The members of `extra` with one of them put into the place of what stood there.
pub(crate) fn with_member(extra: Option<&str>, key: &str, value: Option<Value>) -> Option<String> {
    let mut members: Map<String, Value> = match extra.map(serde_json::from_str) {
        None => Map::new(),
        Some(Ok(members)) => members,
        // Too deep to be taken apart: the new member comes behind the others.
        Some(Err(_)) => {
            let open = extra.and_then(|extra| extra.strip_suffix('}'));
            let added = open.zip(value).map(|(open, value)| format!("{open},{}:{value}}}", Value::from(key)));
            return added.or_else(|| extra.map(str::to_owned));
        }
    };
    match value {
        Some(value) => drop(members.insert(key.to_owned(), value)),
        None => drop(members.remove(key)),
    }
    (!members.is_empty()).then(|| Value::Object(members).to_string())
}
