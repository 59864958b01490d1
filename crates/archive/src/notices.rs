//! Notices, at a node: which subscriber was told when, under a pseudonym, so that nobody is told again within the interval.

use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use keys::RetentionClass;
use model::{DeliveryId, Instant};
use uuid::Uuid;

use crate::Archive;
use crate::file::Written;
use crate::problem::ArchiveError;
use crate::table::{Row, column};

/// One subscriber who was told.
#[derive(Clone, PartialEq, Eq)]
pub struct Notice {
    /// His pseudonym ([`keys::Keyring::pseudonym`]), never an account.
    pub subscriber: String,
    /// When he was told.
    pub told_at: Instant,
    /// About how many records of the delivery.
    pub records: u32,
}

impl fmt::Debug for Notice {
    /// Without the pseudonym: a log may carry it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notice({}, {} records)", self.told_at, self.records)
    }
}

impl Row for Notice {
    const FOLDER: &'static str = "notices";
    const SCHEMA: &'static str = "notice-1";

    fn place(&self) -> Option<u32> {
        None
    }

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("subscriber", DataType::Utf8, false),
            Field::new("told_at_us", DataType::Int64, false),
            Field::new("records", DataType::UInt32, false),
        ]))
    }

    fn columns(rows: &[Self]) -> Option<Vec<ArrayRef>> {
        Some(vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.subscriber))),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.told_at.as_micros()))),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.records))),
        ])
    }

    fn rows(batch: &RecordBatch, rows: &mut Vec<Self>) -> Option<()> {
        let subscriber: &StringArray = column(batch, "subscriber")?;
        let told_at: &Int64Array = column(batch, "told_at_us")?;
        let records: &UInt32Array = column(batch, "records")?;
        for index in 0..batch.num_rows() {
            rows.push(Self {
                subscriber: subscriber.value(index).to_owned(),
                told_at: Instant::from_micros(told_at.value(index)),
                records: records.value(index),
            });
        }
        Some(())
    }
}

impl Archive {
    /// Writes the notices that went out for a delivery as the file of that id.
    ///
    /// # Errors
    /// What the keyring or the disk says.
    pub fn write_notices(
        &self,
        id: Uuid,
        retention: &RetentionClass,
        delivery: DeliveryId,
        rows: &[Notice],
    ) -> Result<Written, ArchiveError> {
        self.write_rows(id, retention, delivery, rows)
    }

    /// The notices that went out for a delivery.
    ///
    /// # Errors
    /// As [`Archive::read_sightings`].
    pub fn read_notices(&self, file: &Written, delivery: DeliveryId) -> Result<Vec<Notice>, ArchiveError> {
        self.read_rows(file, delivery)
    }
}
