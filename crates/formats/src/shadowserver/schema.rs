//! The published report schema (`intelmq.json`), read as data: which column of which report becomes which IDF key, and how.

use std::collections::BTreeSet;

use model::problem::{Place, Problem};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::SCHEMA_UNREADABLE;
use super::converter::Converter;

/// A schema.
pub(super) struct Schema {
    /// `_meta.date_created`; empty where it says none.
    pub(super) date: String,
    /// Its file's name and the beginning of its digest.
    pub(super) identity: String,
    pub(super) reports: Vec<Report>,
}

/// One report type.
#[derive(Debug)]
pub(super) struct Report {
    /// The type as file names carry it.
    pub(super) kind: String,
    /// `feed.name`.
    pub(super) feed: String,
    pub(super) fields: Vec<Field>,
    /// Keys with values that hold for every row whose columns do not say otherwise.
    pub(super) constants: Vec<(String, String)>,
}

/// One column that becomes one key; a column may become several.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// The IDF key; where the schema says `extra.`, that and the column's name.
    pub(super) key: String,
    pub(super) column: String,
    pub(super) how: How,
    pub(super) required: bool,
}

/// How a cell is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum How {
    /// As it is.
    Plain,
    By(Converter),
    /// The schema names a converter that is not known here: as it is, and said so.
    Unknown(String),
}

impl Schema {
    /// Reads the text of a schema; `file` is its name.
    ///
    /// # Errors
    /// A [`Problem`] that names the report type that is not of the published form.
    pub(super) fn read(file: &str, text: &str) -> Result<Self, Problem> {
        let top: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
            let line = u64::try_from(error.line()).unwrap_or(1);
            Problem::new(&SCHEMA_UNREADABLE, Place::file(file).line(line)).with_value(&error.to_string())
        })?;
        let digest: String = Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let mut schema = Self {
            date: String::new(),
            identity: format!("{file} sha256:{digest}"),
            reports: Vec::with_capacity(top.len()),
        };
        for (name, value) in &top {
            if name == "_meta" {
                schema.date = value.get("date_created").and_then(Value::as_str).unwrap_or("").to_owned();
                continue;
            }
            let report = Report::read(name, value);
            schema
                .reports
                .push(report.ok_or_else(|| Problem::new(&SCHEMA_UNREADABLE, Place::file(file).field(name.as_str())))?);
        }
        if schema.reports.is_empty() {
            return Err(Problem::new(&SCHEMA_UNREADABLE, Place::file(file)));
        }
        Ok(schema)
    }

    /// The report type with that name in file names.
    pub(super) fn kind(&self, name: &str) -> Option<&Report> {
        self.reports.iter().find(|report| report.kind == name)
    }

    /// The report types whose columns are most like `headings`, and how like in percent: what both have over what either
    /// has. None below sixty, or where a column that the type needs is missing.
    pub(super) fn most_like(&self, headings: &BTreeSet<&str>) -> (Vec<&Report>, usize) {
        let mut best: (Vec<&Report>, usize) = (Vec::new(), 60);
        for report in &self.reports {
            let columns: BTreeSet<&str> = report.fields.iter().map(|field| field.column.as_str()).collect();
            if report.fields.iter().any(|field| field.required && !headings.contains(field.column.as_str())) {
                continue;
            }
            let both = columns.intersection(headings).count();
            let either = columns.union(headings).count();
            let like = (both * 100).checked_div(either).unwrap_or(0);
            if like > best.1 {
                best = (vec![report], like);
            } else if like == best.1 {
                best.0.push(report);
            }
        }
        best
    }
}

impl Report {
    fn read(name: &str, value: &Value) -> Option<Self> {
        let mut fields = Vec::new();
        for (section, required) in [("required_fields", true), ("optional_fields", false)] {
            for field in value.get(section).and_then(Value::as_array)? {
                fields.push(Field::read(field, required)?);
            }
        }
        let constants = value.get("constant_fields").and_then(Value::as_object)?;
        let constants = constants.iter().map(|(key, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (key.clone(), text)
        });
        let kind = value.get("file_name").and_then(Value::as_str).unwrap_or(name).to_owned();
        let feed = value.get("feed_name").and_then(Value::as_str).unwrap_or(name).to_owned();
        Some(Self { kind, feed, fields, constants: constants.collect() })
    }

    /// What the report's rows are unless a column says otherwise.
    pub(super) fn constant(&self, key: &str) -> Option<&str> {
        self.constants.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

impl Field {
    fn read(value: &Value, required: bool) -> Option<Self> {
        let parts = value.as_array()?;
        let part = |at: usize| parts.get(at).and_then(Value::as_str);
        let (key, column) = (part(0)?, part(1)?);
        let how = match parts.get(2) {
            None | Some(Value::Null) => How::Plain,
            Some(Value::String(name)) => Converter::named(name).map_or_else(|| How::Unknown(name.clone()), How::By),
            Some(_) => return None,
        };
        Some(Self::of(key, column, how, required))
    }

    /// A field; a key that ends in a dot gets the column's name.
    pub(super) fn of(key: &str, column: &str, how: How, required: bool) -> Self {
        let key = if key.ends_with('.') { format!("{key}{column}") } else { key.to_owned() };
        Self { key, column: column.to_owned(), how, required }
    }
}
