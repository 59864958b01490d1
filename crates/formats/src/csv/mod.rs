//! CSV as we write it: a list whose headings are IDF keys, for programs and for spreadsheets.
//!
//! Reading it back is reading a list ([`crate::list`]), which knows every IDF key as a heading.

pub(crate) mod rows;
pub(crate) mod write;

use model::SightingBatch;
use model::problem::Problem;

use crate::list::List;
use crate::reading::{Declared, Input, Likelihood, Reading};
use crate::writing::{Rendering, Written};

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

    fn read(&self, input: &Input<'_>, declared: &Declared<'_>) -> Result<Reading, Problem> {
        List.read(input, declared)
    }

    fn write(&self, rows: &SightingBatch, rendering: &Rendering<'_>) -> Option<Written> {
        Some(write::write(rows, rendering))
    }
}
