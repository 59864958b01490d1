//! CSV as we write it: a list whose headings are IDF keys, for programs and for spreadsheets.
//!
//! Reading it back is reading a list ([`crate::list`]), which knows every IDF key as a heading.

pub(crate) mod rows;
pub(crate) mod write;

use model::SightingBatch;

use crate::list::List;
use crate::reading::{Halt, Input, Likelihood};
use crate::stream::{Opening, Reader};
use crate::writing::{Rendering, Writer, Written};

/// CSV under IDF keys.
#[derive(Debug, Clone, Copy)]
pub struct Csv;

impl crate::Format for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn specification(&self) -> &'static str {
        "RFC 4180; headings are keys of the IntelMQ Data Format"
    }

    /// A file is found to be a list, which reads it.
    fn likelihood(&self, _input: &Input<'_>) -> Likelihood {
        Likelihood::No
    }

    fn open<'a>(&self, opening: Opening<'a>) -> Result<Box<dyn Reader + 'a>, Halt> {
        List.open(opening)
    }

    fn write(&self, rows: &SightingBatch, rendering: &Rendering<'_>) -> Option<Written> {
        Some(write::write(rows, rendering))
    }

    fn writer(&self) -> Option<Box<dyn Writer>> {
        Some(Box::new(write::Table::default()))
    }
}
