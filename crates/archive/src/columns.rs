//! Encrypted Parquet: columns to bytes and back, with what the file says about itself.
//!
//! Parquet modular encryption (parquet-format, `Encryption.md`) with an encrypted footer and one key for footer and columns
//! (AES-256-GCM). Not even column names, counts or statistics are readable without the key. Each part is bound to its place in the
//! file and to the file's name, which is not stored in it.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use keys::DataKey;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::file::Name;
use crate::problem::ArchiveError;

/// Rows per row group: what is decrypted at a time, and skipped at a time.
pub const ROW_GROUP: usize = 65_536;

/// What a file says about itself, under its encryption.
pub(crate) const SCHEMA: &str = "noroshi.schema";
pub(crate) const WRITER: &str = "noroshi.writer";
pub(crate) const SUBJECT: &str = "noroshi.subject";
pub(crate) const CLASS: &str = "noroshi.class";

const PURPOSE: &str = "parquet";

/// The bytes of a file that holds these columns.
pub(crate) fn encode(
    row_group: usize,
    name: Name,
    key: &DataKey,
    schema: &SchemaRef,
    batch: &RecordBatch,
    sayings: &[(&str, String)],
) -> Result<Vec<u8>, ArchiveError> {
    let encryption = FileEncryptionProperties::builder(key.parquet_key(PURPOSE).to_vec())
        .with_aad_prefix(name.aad())
        .with_aad_prefix_storage(false)
        .build()
        .map_err(|_| ArchiveError::Columns)?;
    let sayings = sayings.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone())).collect();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(row_group))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(format!("noroshi {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(sayings))
        .with_file_encryption_properties(encryption)
        .build();
    let mut bytes = Vec::new();
    let written = ArrowWriter::try_new(&mut bytes, schema.clone(), Some(properties)).and_then(|mut writer| {
        writer.write(batch)?;
        writer.close()
    });
    // The library's message could carry a value; that the columns are at fault is all that can be said.
    written.map_err(|_| ArchiveError::Columns)?;
    Ok(bytes)
}

/// A file that opened under its key.
pub(crate) struct Opened {
    pub(crate) reader: ParquetRecordBatchReaderBuilder<Bytes>,
    sayings: HashMap<String, String>,
    path: String,
}

impl Opened {
    /// Opens the bytes of the file of that name, and holds them against what the manifest says.
    pub(crate) fn new(
        name: Name,
        key: &DataKey,
        bytes: Vec<u8>,
        schema: &str,
        rows: u64,
    ) -> Result<Self, ArchiveError> {
        let path = name.path();
        let damaged = |what| ArchiveError::Damaged { path: name.path(), what };
        let decryption = FileDecryptionProperties::builder(key.parquet_key(PURPOSE).to_vec())
            .with_aad_prefix(name.aad())
            .build()
            .map_err(|_| damaged("its key does not fit"))?;
        let options = ArrowReaderOptions::new().with_file_decryption_properties(decryption);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(Bytes::from(bytes), options)
            .map_err(|_| damaged("it does not open under its key"))?;
        let metadata = reader.metadata().file_metadata();
        if u64::try_from(metadata.num_rows()).ok() != Some(rows) {
            return Err(damaged("it holds another number of rows"));
        }
        let sayings: HashMap<String, String> = metadata
            .key_value_metadata()
            .into_iter()
            .flatten()
            .filter_map(|saying| Some((saying.key.clone(), saying.value.clone()?)))
            .collect();
        let opened = Self { reader, sayings, path };
        if opened.saying(SCHEMA)? != schema {
            return Err(damaged("it holds another schema"));
        }
        Ok(opened)
    }

    /// What the file says of itself under `key`.
    pub(crate) fn saying(&self, key: &str) -> Result<&str, ArchiveError> {
        let silent = || ArchiveError::Damaged { path: self.path.clone(), what: "it does not say what it is" };
        self.sayings.get(key).map(String::as_str).ok_or_else(silent)
    }

    /// All rows, batch by batch.
    pub(crate) fn batches(self) -> Result<Vec<RecordBatch>, ArchiveError> {
        let damaged = || ArchiveError::Damaged { path: self.path.clone(), what: "its columns cannot be read" };
        let reader = self.reader.with_batch_size(ROW_GROUP).build().map_err(|_| damaged())?;
        reader.map(|batch| batch.map_err(|_| damaged())).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use model::{DeliveryId, Outcome, RecordId, ReportId};

    use crate::trial::{NOW, Trial, address_of, batch_of, report_subject};
    use crate::{Answer, ArchiveError, MapRow, Notice, Wanted};

    /// The first and last bytes, where lengths and marks stand, and every so manieth between.
    fn places(length: usize, step: usize) -> impl Iterator<Item = usize> {
        (0..length).filter(move |at| *at < 32 || at % step == 0 || length - at <= 32)
    }

    /// The bytes as they lie on the disk show nothing of what is in them.
    #[test]
    fn no_file_shows_what_it_holds() {
        let trial = Trial::new();
        let delivery = DeliveryId::from_uuid(trial.id());
        let record = RecordId { report: ReportId::from_uuid(trial.id()), ordinal: 0x0102_0304 };
        let subscriber = trial.keyring.pseudonym("kagaribi-2014", "hikari-taro").unwrap();
        let notice = Notice { subscriber: subscriber.clone(), told_at: NOW, records: 1 };
        let archive = &trial.archive;
        let files = [
            trial.write(batch_of(300)),
            archive.write_map(trial.id(), &trial.retention, delivery, &[MapRow { place: 1, record }; 1]).unwrap(),
            archive
                .write_answers(
                    trial.id(),
                    &trial.retention,
                    delivery,
                    &[Answer { place: 1, outcome: Outcome::Told, at: NOW }],
                )
                .unwrap(),
            archive.write_notices(trial.id(), &trial.retention, delivery, &[notice]).unwrap(),
        ];
        let secrets: Vec<Vec<u8>> = [
            "2001:db8",
            "192.0.2.77",
            "hikari-taro",
            "gameover-zeus",
            "infected-system",
            "source_ip",
            "subscriber",
            "outcome",
            "place",
            "noroshi",
            "report:",
            "delivery:",
            "COMMUNICATION",
            "sighting-1",
            "ARROW:schema",
            &subscriber,
        ]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .chain([
            address_of(7).to_bytes().to_vec(),
            address_of(0).to_bytes()[..8].to_vec(),
            NOW.as_micros().to_le_bytes().to_vec(),
            record.report.uuid().as_bytes().to_vec(),
            record.ordinal.to_le_bytes().to_vec(),
        ])
        .collect();
        for file in files {
            let bytes = std::fs::read(trial.place(&file)).unwrap();
            assert!(bytes.starts_with(b"PARE"), "an encrypted footer");
            for secret in &secrets {
                let found = bytes.windows(secret.len()).any(|window| window == secret);
                assert!(!found, "{} shows {}", file.path, String::from_utf8_lossy(secret));
            }
        }
    }

    #[test]
    fn every_altered_byte_and_every_cut_is_noticed() {
        let trial = Trial::new();
        let file = trial.write(batch_of(3));
        let place = trial.place(&file);
        let bytes = std::fs::read(&place).unwrap();
        let refused = |what: &str| {
            for error in [
                trial.archive.examine(&file).err(),
                trial.archive.read_sightings(&file, &report_subject()).err(),
                trial
                    .archive
                    .scan_sightings(vec![file.clone()], report_subject(), Wanted::default())
                    .find_map(Result::err),
            ] {
                assert!(matches!(error, Some(ArchiveError::Damaged { .. })), "{what}: {error:?}");
            }
        };
        for at in places(bytes.len(), 31) {
            let mut bent = bytes.clone();
            bent[at] ^= 1 << (at % 8);
            std::fs::write(&place, bent).unwrap();
            refused(&format!("byte {at}"));
        }
        for length in (0..bytes.len()).step_by(997) {
            std::fs::write(&place, &bytes[..length]).unwrap();
            refused(&format!("cut at {length}"));
        }
        std::fs::write(&place, [&bytes[..], b"x"].concat()).unwrap();
        refused("a byte too many");
        std::fs::write(&place, &bytes).unwrap();
        trial.archive.examine(&file).unwrap();
        trial.archive.read_sightings(&file, &report_subject()).map(|_| ()).unwrap();
        std::fs::remove_file(&place).unwrap();
        assert!(matches!(trial.archive.examine(&file), Err(ArchiveError::Missing { .. })));
    }

    /// Whoever holds the keyring itself could forge the digest; the encryption still never gives other rows.
    #[test]
    fn an_altered_byte_under_a_forged_digest_never_gives_other_rows() {
        let trial = Trial::new();
        let file = trial.write(batch_of(2));
        let bytes = std::fs::read(trial.place(&file)).unwrap();
        let clearance = trial.clearance(&report_subject());
        let (mut refused, mut panicked, mut unchanged) = (0, 0, 0);
        let tried = places(bytes.len(), 13).count();
        for at in places(bytes.len(), 13) {
            let mut bent = bytes.clone();
            bent[at] ^= 1 << (at % 8);
            std::fs::write(trial.place(&file), &bent).unwrap();
            let hex = trial.keyring.commitment("archive").unwrap().digest_file(&bent);
            let mut forged = file.clone();
            for (byte, pair) in forged.digest.iter_mut().zip(hex.as_bytes().chunks(2)) {
                *byte = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
            }
            match catch_unwind(AssertUnwindSafe(|| trial.archive.read_sightings(&forged, &report_subject()))) {
                Err(_) => panicked += 1,
                Ok(Err(_)) => refused += 1,
                Ok(Ok(batch)) => {
                    batch
                        .open(&clearance, NOW, |batch| {
                            let want = batch_of(2);
                            assert!(batch.rows().eq(want.rows()), "byte {at} gave other rows");
                        })
                        .unwrap();
                    unchanged += 1;
                }
            }
        }
        eprintln!("{refused} refused, {panicked} panicked, {unchanged} unchanged");
        assert!(refused > tried / 2);
    }

    #[test]
    fn no_file_can_be_taken_for_another() {
        let trial = Trial::new();
        let (one, two) = (trial.write(batch_of(3)), trial.write(batch_of(3)));
        std::fs::copy(trial.place(&one), trial.place(&two)).unwrap();
        // Whoever can write the manifest can copy its digest as well.
        let forged = crate::Written { path: two.path.clone(), ..one.clone() };
        trial.archive.examine(&forged).unwrap();
        let read = trial.archive.read_sightings(&forged, &report_subject());
        assert!(matches!(read, Err(ArchiveError::Damaged { what: "it does not open under its key", .. })));
        // Nor under another class's key, nor as another kind, nor with another number of rows, nor as a later schema.
        let other = crate::Written { retention: crate::retention("sighting/other").unwrap(), ..one.clone() };
        assert!(trial.archive.read_sightings(&other, &report_subject()).is_err());
        let delivery = DeliveryId::from_uuid(trial.id());
        assert!(matches!(trial.archive.read_map(&one, delivery), Err(ArchiveError::Name { .. })));
        let rows = crate::Written { rows: 4, ..one.clone() };
        let read = trial.archive.read_sightings(&rows, &report_subject());
        assert!(matches!(read, Err(ArchiveError::Damaged { what: "it holds another number of rows", .. })));
        let scan = trial.archive.scan_sightings(vec![rows], report_subject(), Wanted::default());
        assert!(matches!(scan.last(), Some(Err(ArchiveError::Damaged { .. }))));
        let later = crate::Written { schema: "sighting-2".to_owned(), ..one };
        let read = trial.archive.read_sightings(&later, &report_subject());
        assert!(matches!(read, Err(ArchiveError::UnknownSchema { .. })));
    }

    #[test]
    fn with_the_key_the_facts_are_gone() {
        let trial = Trial::new();
        let file = trial.write(batch_of(3));
        let other = crate::retention("sighting/other").unwrap();
        let delivery = DeliveryId::from_uuid(trial.id());
        let kept = trial.archive.write_notices(trial.id(), &other, delivery, &[]).unwrap();
        trial.keyring.destroy(&trial.retention).unwrap();
        let read = trial.archive.read_sightings(&file, &report_subject());
        assert!(matches!(read, Err(ArchiveError::Key(keys::KeyError::Destroyed { .. }))));
        trial.archive.examine(&file).unwrap();
        assert_eq!(trial.archive.read_notices(&kept, delivery).unwrap(), []);
    }
}
