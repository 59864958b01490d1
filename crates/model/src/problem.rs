//! What can be wrong with an input, said so that its sender can mend it: where, what, and what next.
//!
//! A machine tells problems apart by their code, which is never renamed; a person reads the text. Each crate keeps one
//! list of its codes, and a test joins the lists into a page of the manual.

use std::fmt;

use serde::Serialize;

use crate::text::{Lang, Text};

/// One error code: stable for machines, explained for people.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The code: lower-case words and hyphens, unique in the whole program, never renamed.
    pub code: &'static str,
    /// What is wrong.
    pub text: Text,
    /// What to do next.
    pub help: Text,
    /// An input that brings it about.
    pub example: &'static str,
}

/// Where something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Place {
    /// The file's name, without its folder; `-` is standard input.
    pub file: String,
    /// The line, from 1, where lines make sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The field: a column heading, an IDF key, a TOML key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Place {
    /// A place in a file, not nearer known.
    #[must_use]
    pub fn file(file: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, field: None }
    }

    /// The same file at that line.
    #[must_use]
    pub fn line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    /// The same place at that field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl fmt::Display for Place {
    /// `round-3.csv:17: source.ip`; without values, so that a log may carry it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(field) = &self.field {
            write!(f, ": {field}")?;
        }
        Ok(())
    }
}

/// Something wrong at a place.
///
/// The offending value may be shown to whoever handed the input in, and stand in the error file that goes back to him;
/// [`fmt::Debug`] and [`fmt::Display`] leave it out, so that no log ever carries it.
#[derive(Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind.
    pub code: &'static Code,
    /// Where.
    pub place: Place,
    /// The offending value, shortened to 200 characters.
    value: Option<String>,
}

impl Problem {
    /// A problem of that kind at that place.
    #[must_use]
    pub fn new(code: &'static Code, place: Place) -> Self {
        Self { code, place, value: None }
    }

    /// The same, with the value that is wrong.
    #[must_use]
    pub fn with_value(mut self, value: &str) -> Self {
        self.value = Some(value.chars().take(200).collect());
        self
    }

    /// The value, for whoever handed the input in and for nobody else.
    #[must_use]
    pub fn value_for_submitter(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// The whole message for whoever handed the input in: place, text, value.
    #[must_use]
    pub fn for_submitter(&self, lang: Lang) -> String {
        let text = self.code.text.of(lang);
        match &self.value {
            Some(value) => format!("{}: {text}: `{}` [{}]", self.place, value.escape_debug(), self.code.code),
            None => format!("{}: {text} [{}]", self.place, self.code.code),
        }
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.place, self.code.text.en, self.code.code)
    }
}

impl std::error::Error for Problem {}

/// The model itself utters no codes; its parsers' errors are wrapped by whoever knows the place.
pub const MODEL_CODES: &[Code] = &[];
