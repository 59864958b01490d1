//! Maps: which record stands at which place of a delivery. A partner knows places only; this is how an answer finds its record.

use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeBinaryArray, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use keys::RetentionClass;
use model::{DeliveryId, RecordId, ReportId};
use uuid::Uuid;

use crate::Archive;
use crate::file::Written;
use crate::problem::ArchiveError;
use crate::table::{Row, column};

/// One place of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapRow {
    /// The place, from 1.
    pub place: u32,
    /// The record that stands there.
    pub record: RecordId,
}

impl Row for MapRow {
    const FOLDER: &'static str = "map";
    const SCHEMA: &'static str = "map-1";

    fn place(&self) -> Option<u32> {
        Some(self.place)
    }

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("place", DataType::UInt32, false),
            Field::new("report", DataType::FixedSizeBinary(16), false),
            Field::new("ordinal", DataType::UInt32, false),
        ]))
    }

    fn columns(rows: &[Self]) -> Option<Vec<ArrayRef>> {
        let reports = rows.iter().map(|row| row.record.report.uuid().into_bytes());
        // An empty iterator does not tell the width.
        let reports = if rows.is_empty() {
            FixedSizeBinaryArray::new_null(16, 0)
        } else {
            FixedSizeBinaryArray::try_from_iter(reports).ok()?
        };
        Some(vec![
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.place))),
            Arc::new(reports),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.record.ordinal))),
        ])
    }

    fn rows(batch: &RecordBatch, rows: &mut Vec<Self>) -> Option<()> {
        let place: &UInt32Array = column(batch, "place")?;
        let report: &FixedSizeBinaryArray = column(batch, "report")?;
        let ordinal: &UInt32Array = column(batch, "ordinal")?;
        for index in 0..batch.num_rows() {
            let uuid = Uuid::from_slice(report.value(index)).ok()?;
            let record = RecordId { report: ReportId::from_uuid(uuid), ordinal: ordinal.value(index) };
            rows.push(Self { place: place.value(index), record });
        }
        Some(())
    }
}

impl Archive {
    /// Writes the map of a delivery as the file of that id. Places rise, each once.
    ///
    /// # Errors
    /// [`ArchiveError::Disorder`] where they do not, or what the keyring or the disk says.
    pub fn write_map(
        &self,
        id: Uuid,
        retention: &RetentionClass,
        delivery: DeliveryId,
        rows: &[MapRow],
    ) -> Result<Written, ArchiveError> {
        self.write_rows(id, retention, delivery, rows)
    }

    /// The map of a delivery.
    ///
    /// # Errors
    /// As [`Archive::read_sightings`].
    pub fn read_map(&self, file: &Written, delivery: DeliveryId) -> Result<Vec<MapRow>, ArchiveError> {
        self.read_rows(file, delivery)
    }
}
