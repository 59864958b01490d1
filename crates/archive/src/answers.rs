//! Answers: what a partner did with each place of a delivery, and when.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, UInt8Array, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use keys::RetentionClass;
use model::{DeliveryId, Instant, Outcome};
use uuid::Uuid;

use crate::Archive;
use crate::file::Written;
use crate::problem::ArchiveError;
use crate::table::{Row, column};

/// The answer for one place of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The place, from 1.
    pub place: u32,
    /// What was done.
    pub outcome: Outcome,
    /// When.
    pub at: Instant,
}

impl Row for Answer {
    const FOLDER: &'static str = "answers";
    /// The outcome column holds the number of [`Outcome::ALL`], which is never reordered.
    const SCHEMA: &'static str = "answer-1";

    fn place(&self) -> Option<u32> {
        Some(self.place)
    }

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("place", DataType::UInt32, false),
            Field::new("outcome", DataType::UInt8, false),
            Field::new("at_us", DataType::Int64, false),
        ]))
    }

    fn columns(rows: &[Self]) -> Option<Vec<ArrayRef>> {
        Some(vec![
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.place))),
            Arc::new(UInt8Array::from_iter_values(rows.iter().map(|row| row.outcome as u8))),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.at.as_micros()))),
        ])
    }

    fn rows(batch: &RecordBatch, rows: &mut Vec<Self>) -> Option<()> {
        let place: &UInt32Array = column(batch, "place")?;
        let outcome: &UInt8Array = column(batch, "outcome")?;
        let at: &Int64Array = column(batch, "at_us")?;
        for index in 0..batch.num_rows() {
            let outcome = Outcome::from_number(outcome.value(index))?;
            rows.push(Self { place: place.value(index), outcome, at: Instant::from_micros(at.value(index)) });
        }
        Some(())
    }
}

impl Archive {
    /// Writes answers about a delivery as the file of that id. Places rise, each once; not every place need be there.
    ///
    /// # Errors
    /// [`ArchiveError::Disorder`] where they do not rise, or what the keyring or the disk says.
    pub fn write_answers(
        &self,
        id: Uuid,
        retention: &RetentionClass,
        delivery: DeliveryId,
        rows: &[Answer],
    ) -> Result<Written, ArchiveError> {
        self.write_rows(id, retention, delivery, rows)
    }

    /// Answers about a delivery.
    ///
    /// # Errors
    /// As [`Archive::read_sightings`].
    pub fn read_answers(&self, file: &Written, delivery: DeliveryId) -> Result<Vec<Answer>, ArchiveError> {
        self.read_rows(file, delivery)
    }
}
