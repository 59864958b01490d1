//! The IntelMQ Data Format: one JSON object per event, keys such as `source.ip`, flat or nested.
//!
//! What we write is what IntelMQ 3.5 takes without complaint; what only we know stands under `extra.noroshi.*`, and a node that
//! reads it gets every column back.

mod fit;
mod read;
mod write;

use model::SightingBatch;
use model::problem::Code;

use crate::json::keys;
use crate::reading::{Halt, Input, Likelihood};
use crate::stream::{Opening, Reader};
use crate::text::{Decoded, beginning};
use crate::writing::{Rendering, Writer, Written};

pub(crate) use read::Event;
pub(crate) use write::text as event;

/// The IntelMQ Data Format.
#[derive(Debug, Clone, Copy)]
pub struct Idf;

impl crate::Format for Idf {
    fn name(&self) -> &'static str {
        "idf"
    }

    fn specification(&self) -> &'static str {
        "IntelMQ Data Format of IntelMQ 3.5.0: docs/dev/data-format.md, intelmq/etc/harmonization.conf"
    }

    fn likelihood(&self, input: &Input<'_>) -> Likelihood {
        let Ok(decoded) = Decoded::leniently(input.file, beginning(input.bytes)) else { return Likelihood::No };
        let text = decoded.text.trim_start();
        if !text.starts_with(['{', '[']) {
            return Likelihood::No;
        }
        // Events, and none of them.
        if text.bytes().filter(|b| !b.is_ascii_whitespace()).eq(*b"[]") {
            return Likelihood::Likely;
        }
        let has = |key: &str| text.contains(&format!("\"{key}\""));
        let keys = keys(text);
        let is_n6 = ["restriction", "confidence", "category"].iter().all(|key| keys.iter().any(|known| known == key));
        if has("xarf_version") || has("spec_version") || is_n6 {
            return Likelihood::No;
        }
        let flat = ["time.source", "source.ip", "classification.type", "feed.name", "time.observation"];
        let flat = flat.into_iter().filter(|key| has(key)).count();
        if flat >= 2 || (has("__type") && (flat > 0 || has("source"))) {
            Likelihood::Certain
        } else if flat == 1 || (has("source") && (has("time") || has("classification"))) {
            Likelihood::Likely
        } else {
            Likelihood::No
        }
    }

    fn open<'a>(&self, opening: Opening<'a>) -> Result<Box<dyn Reader + 'a>, Halt> {
        let (file, declared) = (opening.file, opening.declared);
        opening.text(None, |first| Ok(Box::new(read::EventReader::begin(file, first, declared))))
    }

    fn write(&self, rows: &SightingBatch, rendering: &Rendering<'_>) -> Option<Written> {
        Some(write::write(rows, rendering))
    }

    fn writer(&self) -> Option<Box<dyn Writer>> {
        Some(Box::new(write::Events::default()))
    }
}

/// What reading this format can utter.
pub static CODES: &[&Code] = read::CODES;
