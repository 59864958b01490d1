//! Bytes to sightings and back: one folder per format, and `letter/` for mail text.
//!
//! A format never fails whole because of one row: it gives rows *and* rejects, each with its line. It reads **into**
//! protected batches; a renderer takes the columns of a batch that somebody opened with a clearance. To add a format,
//! make a folder with code, `samples/` and expected results, and add one line to [`FORMATS`].
//!
//! No clock, no disk, no network: bytes come in as slices and go out as vectors.

pub mod answer;
pub mod arf;
pub mod civil;
pub mod csv;
pub mod detect;
mod draft;
pub mod extra;
pub mod fields;
mod gathered;
mod held;
pub mod idf;
mod json;
mod label;
pub mod letter;
pub mod list;
mod making;
mod members;
pub mod misp;
pub mod n6;
mod outgoing;
pub mod pieces;
pub mod reading;
pub mod shadowserver;
pub mod source;
pub mod stix;
mod stream;
mod survey;
pub mod text;
pub mod unwrap;
mod version5;
pub mod writing;
pub mod xarf;

use model::problem::{Code, Problem};

pub use gathered::Gathered;
pub use reading::{Declared, Ending, Halt, Input, Likelihood, Part, Reading, Reject, Rejects};
pub use source::Source;
pub use stream::{Opening, Reader, Stream};
pub use writing::{Contact, Loss, Rendering, Writer, Written};

/// One format.
pub trait Format: Send + Sync {
    /// Its name on the command line: `list`, `shadowserver`, `idf`, `csv`, `xarf`, `n6`, `arf`, `json`, `stix`, `misp`.
    fn name(&self) -> &'static str;

    /// Where it is defined.
    fn specification(&self) -> &'static str;

    /// How likely it is that `input` is of this format; looks at the name and the first few lines only.
    fn likelihood(&self, input: &Input<'_>) -> Likelihood;

    /// Opens a file to be read part by part.
    ///
    /// # Errors
    /// A [`Halt`] only where nothing of the file can be read (wrong encoding, no heading, empty): bad rows are rejects in a [`Part`].
    fn open<'a>(&self, opening: Opening<'a>) -> Result<Box<dyn Reader + 'a>, Halt>;

    /// Writes sightings that somebody opened with a clearance, or says that this format is for reading only.
    fn write(&self, rows: &model::SightingBatch, rendering: &Rendering<'_>) -> Option<Written>;

    /// Writes part by part, where the format can: see [`writer`].
    fn writer(&self) -> Option<Box<dyn Writer>> {
        None
    }
}

/// What writes a file of that format part by part; a format that cannot holds the rows until the end.
#[must_use]
pub fn writer(format: &'static dyn Format) -> Box<dyn Writer> {
    format.writer().unwrap_or_else(|| Box::new(writing::AtOnce { format, parts: Vec::new() }))
}

impl dyn Format + '_ {
    /// Reads a file that is held in memory, whole.
    ///
    /// # Errors
    /// A [`Problem`] only where nothing of the file can be read (wrong encoding, no heading, empty, no zone): bad rows are
    /// rejects in the [`Reading`].
    pub fn read(&self, input: &Input<'_>, declared: &Declared<'_>) -> Result<Reading, Problem> {
        stream::whole(self, input, declared)
    }
}

/// All formats, in the order in which detection asks them.
pub const FORMATS: &[&dyn Format] = &[
    &idf::Idf,
    &shadowserver::Shadowserver,
    &list::List,
    &csv::Csv,
    &xarf::Xarf,
    &n6::N6,
    &arf::Arf,
    &list::Json,
    &stix::Stix,
    &misp::Misp,
];

/// The format with that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.name() == name)
}

/// Every error code that this crate can utter.
pub fn codes() -> impl Iterator<Item = &'static Code> {
    [
        text::CODES,
        pieces::CODES,
        gathered::CODES,
        civil::CODES,
        fields::CODES,
        detect::CODES,
        list::CODES,
        json::CODES,
        members::CODES,
        held::CODES,
        idf::CODES,
        n6::CODES,
        shadowserver::CODES,
        xarf::CODES,
        arf::CODES,
        stix::CODES,
        misp::CODES,
        letter::CODES,
        answer::CODES,
        unwrap::CODES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_unique_and_says_everything_in_both_languages() {
        let mut seen = HashSet::new();
        for code in codes() {
            assert!(seen.insert(code.code), "{} twice", code.code);
            assert!(
                code.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                code.code
            );
            for text in [code.text.ja, code.text.en, code.help.ja, code.help.en, code.example] {
                assert!(!text.is_empty(), "{}", code.code);
            }
            for japanese in [code.text.ja, code.help.ja] {
                assert!(!japanese.is_ascii(), "{}: Japanese is in Japanese", code.code);
            }
        }
    }
}
