//! A row while it is put together from several places of its file: what a bundle's objects or an event and its attributes say of it.

use model::sighting::Flags;
use model::{Classification, Instant, Pap, Sighting, Tlp};
use serde_json::Value;

use crate::civil::{self, Habit, NO_TIME_ZONE, Shown};
use crate::extra::Extra;
use crate::fields::{ADDRESS_MISSING, BAD_TIME, Column};
use crate::gathered::Fault;
use crate::reading::{Declared, FUTURE_TOLERANCE_SECONDS};

/// The algorithms whose digests have a key, with their names in lower case without hyphens, and how many hexadecimal digits they have.
const HASHES: [(&str, usize, &str); 3] =
    [("md5", 32, "malware.hash.md5"), ("sha1", 40, "malware.hash.sha1"), ("sha256", 64, "malware.hash.sha256")];

/// A row that is used again for the next.
pub(crate) struct Draft<'a> {
    declared: &'a Declared<'a>,
    latest: Instant,
    pub(crate) row: Sighting,
    pub(crate) extra: Extra,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(declared: &'a Declared<'a>) -> Self {
        let latest = declared.received.plus_seconds(FUTURE_TOLERANCE_SECONDS);
        Self { declared, latest, row: Sighting::infected(), extra: Extra::default() }
    }

    /// Empties it: what is not said is undetermined, whatever was declared. A format that can say what happened and does not must not be
    /// taken to say that somebody is infected.
    pub(crate) fn begin(&mut self) {
        self.row =
            Sighting { classification: Classification::Undetermined, tags: self.declared.tags, ..Sighting::infected() };
        self.extra.clear();
    }

    /// Puts a text into its column; what the column cannot take is kept as written and flagged, unless reading on without it could name
    /// the wrong person or go too far.
    ///
    /// # Errors
    /// What is wrong with a source address, a source port or a tag.
    pub(crate) fn put(&mut self, column: Column, text: &str) -> Result<(), Fault> {
        let text = if column.is_text() { text } else { text.trim() };
        if text.is_empty() {
            return Ok(());
        }
        match column.take(text, &mut self.row) {
            Ok(()) => Ok(()),
            Err(code) => match column {
                Column::SourceIp | Column::SourcePort | Column::Tlp | Column::Pap => {
                    Err(Fault::at(code, column.key(), text))
                }
                _ => {
                    self.keep_raw(column.key(), &Value::from(text));
                    Ok(())
                }
            },
        }
    }

    /// Keeps a value that is not of its field's kind.
    pub(crate) fn keep_raw(&mut self, key: &str, value: &Value) {
        self.extra.kept_raw(key, &value.to_string());
        self.row.flags = self.row.flags.and(Flags::FIELD_KEPT_RAW);
    }

    /// Keeps a text, once under each key.
    pub(crate) fn keep(&mut self, key: &str, text: &str) {
        if !text.is_empty() && !self.extra.has(key) {
            self.extra.text(key, text);
        }
    }

    /// Keeps a value, once under each key.
    pub(crate) fn keep_value(&mut self, key: &str, value: &Value) {
        if !value.is_null() && !self.extra.has(key) {
            self.extra.json(key, &value.to_string());
        }
    }

    /// How sure the author is, in percent (`feed.accuracy`). STIX's `confidence` has the same scale.
    pub(crate) fn confidence(&mut self, percent: &Value) {
        match percent.as_u64().filter(|percent| *percent <= 100) {
            Some(_) => self.keep_value("feed.accuracy", percent),
            None if percent.is_null() => {}
            None => self.keep_raw("feed.accuracy", percent),
        }
    }

    /// A digest under the name of its algorithm, however that is spelled; false where there is no key for it, or it is none.
    pub(crate) fn hash(&mut self, algorithm: &str, digest: &str) -> bool {
        let plain: String = algorithm.chars().filter(char::is_ascii_alphanumeric).collect();
        let known = HASHES.iter().find(|(name, digits, _)| {
            plain.eq_ignore_ascii_case(name)
                && digest.len() == *digits
                && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        if let Some((_, _, key)) = known {
            self.keep(key, &digest.to_ascii_lowercase());
        }
        known.is_some()
    }

    /// The row is shared at most so far.
    pub(crate) fn narrow(&mut self, tlp: Option<Tlp>, pap: Option<Pap>) {
        let tags = &mut self.row.tags;
        tags.tlp = tags.tlp.max(tlp.unwrap_or(tags.tlp));
        tags.pap = tags.pap.max(pap.unwrap_or(tags.pap));
    }

    /// The instant that a text with an offset names (RFC 3339).
    ///
    /// # Errors
    /// What is wrong with it: no time, no offset, in the future.
    pub(crate) fn instant(&self, field: &str, text: &str) -> Result<Instant, Fault> {
        let fault = |code| Fault::at(code, field, text);
        let Ok(instant) = text.parse::<Instant>() else {
            let unzoned = civil::read(text, &Habit::default()).is_ok_and(|written| written.zone.is_none());
            return Err(fault(if unzoned && text.contains(['T', ' ']) { &NO_TIME_ZONE } else { &BAD_TIME }));
        };
        civil::place(Shown::Instant(instant), None, self.latest).map_err(fault)
    }

    /// The latest instant that a row may tell of.
    pub(crate) const fn latest(&self) -> Instant {
        self.latest
    }

    /// The row, whole.
    ///
    /// # Errors
    /// [`ADDRESS_MISSING`] where it is about nothing.
    pub(crate) fn finish(&mut self) -> Result<&mut Sighting, Fault> {
        let hash = HASHES.iter().any(|(_, _, key)| self.extra.has(key));
        let s = &mut self.row;
        let is = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
        if !(s.source_ip.is_some() || is(&s.source_fqdn) || is(&s.source_url) || is(&s.source_account) || hash) {
            return Err(Fault { code: &ADDRESS_MISSING, field: Some(Column::SourceIp.key().to_owned()), value: None });
        }
        if s.malware.is_none() && s.classification == Classification::InfectedSystem {
            s.malware.clone_from(&self.declared.malware);
        }
        if s.source_ip.is_some() && s.source_port.is_none() {
            s.flags = s.flags.and(Flags::NO_PORT);
        }
        if s.source_ip.is_some_and(|ip| self.declared.special.name_of(ip).is_some()) {
            s.flags = s.flags.and(Flags::SPECIAL_ADDRESS);
        }
        s.extra = self.extra.object().map(str::to_owned);
        Ok(s)
    }
}
