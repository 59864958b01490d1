//! Many sightings as typed columns.
//!
//! The columns are Arrow arrays: what is read into them once is routed, filtered and written as Parquet without
//! turning back into rows. [`SCHEMA_VERSION`] stands in every file that holds such columns.

use std::sync::{Arc, OnceLock};

use arrow_array::builder::{
    FixedSizeBinaryBuilder, Int64Builder, StringBuilder, UInt8Builder, UInt16Builder, UInt32Builder, UInt64Builder,
};
use arrow_array::{
    Array, ArrayRef, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray, UInt8Array, UInt16Array, UInt32Array,
    UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use crate::address::{Address, PortNumber, Protocol};
use crate::rsit::Classification;
use crate::sighting::{Flags, Sighting, SightingRef};
use crate::tag::{DataClass, Pap, Tags, Tlp};
use crate::time::{Instant, Uncertainty};

/// The version of the columns' meaning; a file says which one it was written under.
pub const SCHEMA_VERSION: &str = "sighting-1";

/// One column: its name, its type, whether a row may lack it.
type ColumnShape = (&'static str, DataType, bool);

fn shapes() -> Vec<ColumnShape> {
    use DataType::{FixedSizeBinary, Int64, UInt8, UInt16, UInt32, UInt64, Utf8};
    vec![
        ("ordinal", UInt32, false),
        ("line", UInt32, false),
        ("raw_offset", UInt64, false),
        ("raw_length", UInt32, false),
        ("reference", Utf8, true),
        ("time_source_us", Int64, true),
        ("time_uncertainty_us", UInt64, false),
        ("time_zone", Utf8, true),
        ("source_ip", FixedSizeBinary(16), true),
        ("source_port", UInt16, true),
        ("protocol_transport", UInt8, true),
        ("source_asn", UInt32, true),
        ("source_fqdn", Utf8, true),
        ("source_url", Utf8, true),
        ("source_account", Utf8, true),
        ("destination_ip", FixedSizeBinary(16), true),
        ("destination_port", UInt16, true),
        ("destination_fqdn", Utf8, true),
        ("destination_url", Utf8, true),
        ("classification_type", Utf8, false),
        ("malware_name", Utf8, true),
        ("tlp", UInt8, false),
        ("pap", UInt8, false),
        ("data_class", UInt8, false),
        ("flags", UInt32, false),
        ("extra", Utf8, true),
    ]
}

/// The Arrow schema of the columns.
#[must_use]
pub fn schema() -> SchemaRef {
    static SCHEMA: OnceLock<SchemaRef> = OnceLock::new();
    SCHEMA
        .get_or_init(|| {
            let fields: Vec<Field> =
                shapes().into_iter().map(|(name, kind, nullable)| Field::new(name, kind, nullable)).collect();
            Arc::new(Schema::new(fields))
        })
        .clone()
}

/// Sightings as columns, all of one length.
///
/// INVARIANT: every value in a column was put there by the builder or checked by [`SightingBatch::from_columns`];
/// the row view need not check again.
#[derive(Clone)]
pub struct SightingBatch {
    columns: RecordBatch,
    ordinal: UInt32Array,
    line: UInt32Array,
    raw_offset: UInt64Array,
    raw_length: UInt32Array,
    reference: StringArray,
    time: Int64Array,
    uncertainty: UInt64Array,
    zone: StringArray,
    source_ip: FixedSizeBinaryArray,
    source_port: UInt16Array,
    protocol: UInt8Array,
    source_asn: UInt32Array,
    source_fqdn: StringArray,
    source_url: StringArray,
    source_account: StringArray,
    destination_ip: FixedSizeBinaryArray,
    destination_port: UInt16Array,
    destination_fqdn: StringArray,
    destination_url: StringArray,
    /// The classification column, parsed once.
    kinds: Arc<[Classification]>,
    malware: StringArray,
    tlp: UInt8Array,
    pap: UInt8Array,
    class: UInt8Array,
    flags: UInt32Array,
    extra: StringArray,
}

/// Columns that are not a batch of sightings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadColumns {
    /// The columns are not those of this schema version.
    #[error("the columns are not those of {SCHEMA_VERSION}: {0}")]
    Shape(String),
    /// A value in a column is out of its range.
    #[error("column `{column}`, row {row}: a value outside its range")]
    Value {
        /// The column.
        column: &'static str,
        /// The row, from 0.
        row: usize,
    },
    /// The column library failed.
    #[error("columns: {0}")]
    Arrow(#[from] ArrowError),
}

fn typed<T: Array + Clone + 'static>(columns: &RecordBatch, name: &str) -> Result<T, BadColumns> {
    columns
        .column_by_name(name)
        .and_then(|column| column.as_any().downcast_ref::<T>())
        .cloned()
        .ok_or_else(|| BadColumns::Shape(format!("`{name}` is missing or of another type")))
}

impl SightingBatch {
    /// An empty batch.
    #[must_use]
    pub fn empty() -> Self {
        SightingBatchBuilder::with_capacity(0).finish()
    }

    /// The batch over these columns, once they are checked.
    ///
    /// # Errors
    /// [`BadColumns`] where a column is missing, of another type, or holds a value out of its range.
    pub fn from_columns(columns: RecordBatch) -> Result<Self, BadColumns> {
        let classification: StringArray = typed(&columns, "classification_type")?;
        let mut kinds = Vec::with_capacity(columns.num_rows());
        let mut last: Option<(&str, Classification)> = None;
        for (row, name) in classification.iter().enumerate() {
            let name = name.unwrap_or_default();
            let kind = match last {
                Some((seen, kind)) if seen == name => kind,
                _ => name.parse().map_err(|_| BadColumns::Value { column: "classification_type", row })?,
            };
            last = Some((name, kind));
            kinds.push(kind);
        }
        let batch = Self {
            ordinal: typed(&columns, "ordinal")?,
            line: typed(&columns, "line")?,
            raw_offset: typed(&columns, "raw_offset")?,
            raw_length: typed(&columns, "raw_length")?,
            reference: typed(&columns, "reference")?,
            time: typed(&columns, "time_source_us")?,
            uncertainty: typed(&columns, "time_uncertainty_us")?,
            zone: typed(&columns, "time_zone")?,
            source_ip: typed(&columns, "source_ip")?,
            source_port: typed(&columns, "source_port")?,
            protocol: typed(&columns, "protocol_transport")?,
            source_asn: typed(&columns, "source_asn")?,
            source_fqdn: typed(&columns, "source_fqdn")?,
            source_url: typed(&columns, "source_url")?,
            source_account: typed(&columns, "source_account")?,
            destination_ip: typed(&columns, "destination_ip")?,
            destination_port: typed(&columns, "destination_port")?,
            destination_fqdn: typed(&columns, "destination_fqdn")?,
            destination_url: typed(&columns, "destination_url")?,
            kinds: kinds.into(),
            malware: typed(&columns, "malware_name")?,
            tlp: typed(&columns, "tlp")?,
            pap: typed(&columns, "pap")?,
            class: typed(&columns, "data_class")?,
            flags: typed(&columns, "flags")?,
            extra: typed(&columns, "extra")?,
            columns,
        };
        batch.check_ranges()?;
        Ok(batch)
    }

    fn check_ranges(&self) -> Result<(), BadColumns> {
        for row in 0..self.len() {
            let bad = |column| BadColumns::Value { column, row };
            Tlp::from_number(self.tlp.value(row)).ok_or(bad("tlp"))?;
            Pap::from_number(self.pap.value(row)).ok_or(bad("pap"))?;
            DataClass::from_number(self.class.value(row)).ok_or(bad("data_class"))?;
            if self.protocol.is_valid(row) {
                Protocol::from_number(self.protocol.value(row)).ok_or(bad("protocol_transport"))?;
            }
            if self.source_port.is_valid(row) {
                PortNumber::new(self.source_port.value(row)).ok_or(bad("source_port"))?;
            }
            if self.destination_port.is_valid(row) {
                PortNumber::new(self.destination_port.value(row)).ok_or(bad("destination_port"))?;
            }
        }
        Ok(())
    }

    /// The columns themselves.
    #[must_use]
    pub const fn columns(&self) -> &RecordBatch {
        &self.columns
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.num_rows()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row at `index`.
    ///
    /// # Panics
    /// If there is no such row, like a slice.
    #[must_use]
    pub fn row(&self, index: usize) -> SightingRef<'_> {
        fn text(column: &StringArray, index: usize) -> Option<&str> {
            column.is_valid(index).then(|| column.value(index))
        }
        fn address(column: &FixedSizeBinaryArray, index: usize) -> Option<Address> {
            let bytes = column.is_valid(index).then(|| column.value(index))?;
            Some(Address::from_bytes(bytes.try_into().ok()?))
        }
        fn port(column: &UInt16Array, index: usize) -> Option<PortNumber> {
            column.is_valid(index).then(|| PortNumber::new(column.value(index)))?
        }
        SightingRef {
            ordinal: self.ordinal.value(index),
            line: self.line.value(index),
            raw_offset: self.raw_offset.value(index),
            raw_length: self.raw_length.value(index),
            reference: text(&self.reference, index),
            time: self.time.is_valid(index).then(|| Instant::from_micros(self.time.value(index))),
            uncertainty: Uncertainty::from_micros(self.uncertainty.value(index)),
            zone: text(&self.zone, index),
            source_ip: address(&self.source_ip, index),
            source_port: port(&self.source_port, index),
            protocol: if self.protocol.is_valid(index) {
                Protocol::from_number(self.protocol.value(index))
            } else {
                None
            },
            source_asn: self.source_asn.is_valid(index).then(|| self.source_asn.value(index)),
            source_fqdn: text(&self.source_fqdn, index),
            source_url: text(&self.source_url, index),
            source_account: text(&self.source_account, index),
            destination_ip: address(&self.destination_ip, index),
            destination_port: port(&self.destination_port, index),
            destination_fqdn: text(&self.destination_fqdn, index),
            destination_url: text(&self.destination_url, index),
            classification: self.kinds[index],
            malware: text(&self.malware, index),
            // INVARIANT: checked by `check_ranges`; the narrowest tag stands where a value could not be read.
            tags: Tags {
                tlp: Tlp::from_number(self.tlp.value(index)).unwrap_or(Tlp::Red),
                pap: Pap::from_number(self.pap.value(index)).unwrap_or(Pap::Red),
                class: DataClass::from_number(self.class.value(index)).unwrap_or(DataClass::Content),
            },
            flags: Flags::from_bits(self.flags.value(index)),
            extra: text(&self.extra, index),
        }
    }

    /// All rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = SightingRef<'_>> {
        (0..self.len()).map(|index| self.row(index))
    }

    /// The source addresses of all rows in order, without the other columns.
    pub fn source_ips(&self) -> impl ExactSizeIterator<Item = Option<Address>> + '_ {
        self.source_ip.iter().map(|bytes| Some(Address::from_bytes(bytes?.try_into().ok()?)))
    }

    /// The rows at `indices`, in that order.
    ///
    /// # Panics
    /// If an index is out of range, like a slice.
    #[must_use]
    pub fn take(&self, indices: &[u32]) -> Self {
        let indices = UInt32Array::from(indices.to_vec());
        let columns = arrow_select::take::take_record_batch(&self.columns, &indices)
            .expect("indices are in range, as the doc comment asks");
        Self::from_columns(columns).expect("rows of a checked batch are checked")
    }

    /// All batches one after the other.
    ///
    /// # Errors
    /// [`BadColumns`] where the column library cannot join them (more than 2 GiB of text in one column).
    pub fn concat<'a>(batches: impl IntoIterator<Item = &'a Self>) -> Result<Self, BadColumns> {
        let columns: Vec<&RecordBatch> = batches.into_iter().map(Self::columns).collect();
        Self::from_columns(arrow_select::concat::concat_batches(&schema(), columns)?)
    }
}

/// Fills the columns row by row.
pub struct SightingBatchBuilder {
    ordinal: UInt32Builder,
    line: UInt32Builder,
    raw_offset: UInt64Builder,
    raw_length: UInt32Builder,
    reference: StringBuilder,
    time: Int64Builder,
    uncertainty: UInt64Builder,
    zone: StringBuilder,
    source_ip: FixedSizeBinaryBuilder,
    source_port: UInt16Builder,
    protocol: UInt8Builder,
    source_asn: UInt32Builder,
    source_fqdn: StringBuilder,
    source_url: StringBuilder,
    source_account: StringBuilder,
    destination_ip: FixedSizeBinaryBuilder,
    destination_port: UInt16Builder,
    destination_fqdn: StringBuilder,
    destination_url: StringBuilder,
    classification: StringBuilder,
    malware: StringBuilder,
    tlp: UInt8Builder,
    pap: UInt8Builder,
    class: UInt8Builder,
    flags: UInt32Builder,
    extra: StringBuilder,
    rows: usize,
}

impl SightingBatchBuilder {
    /// A builder with room for so many rows.
    #[must_use]
    pub fn with_capacity(rows: usize) -> Self {
        let text = || StringBuilder::with_capacity(rows, 0);
        Self {
            ordinal: UInt32Builder::with_capacity(rows),
            line: UInt32Builder::with_capacity(rows),
            raw_offset: UInt64Builder::with_capacity(rows),
            raw_length: UInt32Builder::with_capacity(rows),
            reference: text(),
            time: Int64Builder::with_capacity(rows),
            uncertainty: UInt64Builder::with_capacity(rows),
            zone: text(),
            source_ip: FixedSizeBinaryBuilder::with_capacity(rows, 16),
            source_port: UInt16Builder::with_capacity(rows),
            protocol: UInt8Builder::with_capacity(rows),
            source_asn: UInt32Builder::with_capacity(rows),
            source_fqdn: text(),
            source_url: text(),
            source_account: text(),
            destination_ip: FixedSizeBinaryBuilder::with_capacity(rows, 16),
            destination_port: UInt16Builder::with_capacity(rows),
            destination_fqdn: text(),
            destination_url: text(),
            classification: text(),
            malware: text(),
            tlp: UInt8Builder::with_capacity(rows),
            pap: UInt8Builder::with_capacity(rows),
            class: UInt8Builder::with_capacity(rows),
            flags: UInt32Builder::with_capacity(rows),
            extra: text(),
            rows: 0,
        }
    }

    /// How many rows it holds.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether the row's texts still fit their columns, each of which holds at most 2 GiB less one byte (Arrow's `Utf8`).
    #[must_use]
    pub fn has_room_for(&self, s: &Sighting) -> bool {
        self.has_room_within(s, i32::MAX as usize)
    }

    fn has_room_within(&self, s: &Sighting, most: usize) -> bool {
        let fits = |column: &StringBuilder, text: Option<&str>| {
            text.is_none_or(|text| column.values_slice().len().saturating_add(text.len()) <= most)
        };
        fits(&self.extra, s.extra.as_deref())
            && fits(&self.reference, s.reference.as_deref())
            && fits(&self.zone, s.zone.as_deref())
            && fits(&self.source_fqdn, s.source_fqdn.as_deref())
            && fits(&self.source_url, s.source_url.as_deref())
            && fits(&self.source_account, s.source_account.as_deref())
            && fits(&self.destination_fqdn, s.destination_fqdn.as_deref())
            && fits(&self.destination_url, s.destination_url.as_deref())
            && fits(&self.classification, Some(s.classification.name()))
            && fits(&self.malware, s.malware.as_deref())
    }

    /// Adds a row.
    ///
    /// # Panics
    /// Where [`SightingBatchBuilder::has_room_for`] says no.
    pub fn push(&mut self, s: &Sighting) {
        fn address(builder: &mut FixedSizeBinaryBuilder, address: Option<Address>) {
            match address {
                // A sixteen-byte value always fits a sixteen-byte column.
                Some(address) => builder.append_value(address.to_bytes()).unwrap_or_default(),
                None => builder.append_null(),
            }
        }
        self.rows += 1;
        self.ordinal.append_value(s.ordinal);
        self.line.append_value(s.line);
        self.raw_offset.append_value(s.raw_offset);
        self.raw_length.append_value(s.raw_length);
        self.reference.append_option(s.reference.as_deref());
        self.time.append_option(s.time.map(Instant::as_micros));
        self.uncertainty.append_value(s.uncertainty.as_micros());
        self.zone.append_option(s.zone.as_deref());
        address(&mut self.source_ip, s.source_ip);
        self.source_port.append_option(s.source_port.map(PortNumber::number));
        self.protocol.append_option(s.protocol.map(Protocol::number));
        self.source_asn.append_option(s.source_asn);
        self.source_fqdn.append_option(s.source_fqdn.as_deref());
        self.source_url.append_option(s.source_url.as_deref());
        self.source_account.append_option(s.source_account.as_deref());
        address(&mut self.destination_ip, s.destination_ip);
        self.destination_port.append_option(s.destination_port.map(PortNumber::number));
        self.destination_fqdn.append_option(s.destination_fqdn.as_deref());
        self.destination_url.append_option(s.destination_url.as_deref());
        self.classification.append_value(s.classification.name());
        self.malware.append_option(s.malware.as_deref());
        self.tlp.append_value(s.tags.tlp as u8);
        self.pap.append_value(s.tags.pap as u8);
        self.class.append_value(s.tags.class as u8);
        self.flags.append_value(s.flags.bits());
        self.extra.append_option(s.extra.as_deref());
    }

    /// The batch of all rows pushed; the builder is empty again.
    #[must_use]
    pub fn finish(&mut self) -> SightingBatch {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.ordinal.finish()),
            Arc::new(self.line.finish()),
            Arc::new(self.raw_offset.finish()),
            Arc::new(self.raw_length.finish()),
            Arc::new(self.reference.finish()),
            Arc::new(self.time.finish()),
            Arc::new(self.uncertainty.finish()),
            Arc::new(self.zone.finish()),
            Arc::new(self.source_ip.finish()),
            Arc::new(self.source_port.finish()),
            Arc::new(self.protocol.finish()),
            Arc::new(self.source_asn.finish()),
            Arc::new(self.source_fqdn.finish()),
            Arc::new(self.source_url.finish()),
            Arc::new(self.source_account.finish()),
            Arc::new(self.destination_ip.finish()),
            Arc::new(self.destination_port.finish()),
            Arc::new(self.destination_fqdn.finish()),
            Arc::new(self.destination_url.finish()),
            Arc::new(self.classification.finish()),
            Arc::new(self.malware.finish()),
            Arc::new(self.tlp.finish()),
            Arc::new(self.pap.finish()),
            Arc::new(self.class.finish()),
            Arc::new(self.flags.finish()),
            Arc::new(self.extra.finish()),
        ];
        self.rows = 0;
        // INVARIANT: the builders above are the schema's columns in the schema's order and of one length.
        let columns = RecordBatch::try_new(schema(), columns).expect("the builder's columns are the schema's");
        SightingBatch::from_columns(columns).expect("the builder takes typed values only")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sighting() -> impl Strategy<Value = Sighting> {
        (
            (any::<u32>(), any::<u32>(), any::<u64>(), any::<u32>(), proptest::option::of(".{0,8}")),
            (proptest::option::of(any::<i64>()), any::<u64>()),
            (proptest::option::of(any::<[u8; 16]>()), proptest::option::of(1_u16..), 0_usize..44),
            (proptest::option::of(".{0,12}"), 0_u8..5, any::<u32>(), proptest::option::of(".{0,12}")),
        )
            .prop_map(
                |((ordinal, line, raw_offset, raw_length, reference), (time, u), (ip, port, kind), rest)| Sighting {
                    ordinal,
                    line,
                    raw_offset,
                    raw_length,
                    reference,
                    time: time.map(Instant::from_micros),
                    uncertainty: Uncertainty::from_micros(u),
                    source_ip: ip.map(Address::from_bytes),
                    source_port: port.and_then(PortNumber::new),
                    classification: Classification::ALL[kind],
                    malware: rest.0,
                    tags: Tags { tlp: Tlp::from_number(rest.1).unwrap(), ..Tags::INFECTED_ADDRESS },
                    flags: Flags::from_bits(rest.2),
                    extra: rest.3,
                    ..Sighting::infected()
                },
            )
    }

    #[test]
    fn a_column_is_full_before_it_breaks() {
        let mut builder = SightingBatchBuilder::with_capacity(2);
        let row = |extra: &str| Sighting { extra: Some(extra.to_owned()), ..Sighting::infected() };
        assert!(builder.has_room_within(&row("1234567890"), 30) && !builder.has_room_within(&row("1234567890"), 9));
        builder.push(&row("12345678901234567890"));
        assert!(builder.has_room_within(&row("1234567890"), 30) && !builder.has_room_within(&row("12345678901"), 30));
        // `infected-system` stands there once already.
        assert!(!builder.has_room_within(&Sighting::infected(), 29));
        assert!(builder.has_room_for(&row(&"x".repeat(1_000))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_goes_in_comes_out(rows in proptest::collection::vec(sighting(), 0..20)) {
            let mut builder = SightingBatchBuilder::with_capacity(rows.len());
            for row in &rows { builder.push(row); }
            let batch = builder.finish();
            prop_assert!(batch.rows().zip(&rows).all(|(got, want)| got.to_owned() == *want));
            let again = SightingBatch::from_columns(batch.columns().clone()).unwrap();
            prop_assert_eq!(again.len(), rows.len());
            let reversed: Vec<u32> = (0..u32::try_from(rows.len()).unwrap()).rev().collect();
            let taken = batch.take(&reversed);
            prop_assert!(taken.rows().zip(rows.iter().rev()).all(|(got, want)| got.to_owned() == *want));
            let twice = SightingBatch::concat([&batch, &batch]).unwrap();
            prop_assert_eq!(twice.len(), 2 * rows.len());
        }
    }

    #[test]
    fn a_foreign_column_is_refused() {
        let other = RecordBatch::new_empty(Arc::new(Schema::new(vec![Field::new("ip", DataType::Utf8, true)])));
        assert!(SightingBatch::from_columns(other).is_err());
    }
}
