//! Sightings: protected in, protected out, a whole file or batch by batch.

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};

use arrow_array::{RecordBatch, UInt8Array};
use keys::RetentionClass;
use law::{Clearance, Protected, Subject};
use model::batch::{SCHEMA_VERSION, schema};
use model::{Address, DataClass, Instant, SightingBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;
use uuid::Uuid;

use crate::Archive;
use crate::columns::{CLASS, Opened, ROW_GROUP, SCHEMA, SUBJECT, WRITER, encode};
use crate::file::{Name, Written};
use crate::problem::ArchiveError;
use crate::table::column;

const FOLDER: &str = "sightings";

impl Archive {
    /// Writes sightings as the file of that id (a UUID version 7 which no file bore before).
    ///
    /// # Errors
    /// [`ArchiveError::Closed`] where the clearance does not open them, or what the keyring or the disk says.
    pub fn write_sightings(
        &self,
        id: Uuid,
        retention: &RetentionClass,
        sightings: &Protected<SightingBatch>,
        clearance: &Clearance,
        now: Instant,
    ) -> Result<Written, ArchiveError> {
        let name = Name::new(FOLDER, id)?;
        let key = self.key(name, retention)?;
        let sayings = [
            (SCHEMA, SCHEMA_VERSION.to_owned()),
            (WRITER, env!("CARGO_PKG_VERSION").to_owned()),
            (SUBJECT, sightings.subject().to_string()),
            (CLASS, sightings.class().name().to_owned()),
        ];
        let (bytes, rows) = sightings.open(clearance, now, |batch| {
            Ok::<_, ArchiveError>((
                encode(self.row_group, name, &key, &schema(), batch.columns(), &sayings)?,
                batch.len() as u64,
            ))
        })??;
        self.put(name, &bytes, rows, SCHEMA_VERSION, retention)
    }

    /// The sightings of a file, sealed as `subject`: what the file was written of, or the round that its report belongs to.
    ///
    /// They are of the most protected class of any row, or of that under which they were written.
    ///
    /// # Errors
    /// [`ArchiveError::Missing`], [`ArchiveError::Damaged`], [`ArchiveError::OtherSubject`], [`ArchiveError::UnknownSchema`],
    /// [`ArchiveError::Key`] where the key was destroyed.
    pub fn read_sightings(&self, file: &Written, subject: &Subject) -> Result<Protected<SightingBatch>, ArchiveError> {
        let damaged = |what| ArchiveError::Damaged { path: file.path.clone(), what };
        let (opened, floor) = self.open_sightings(file, subject)?;
        let mut batches = Vec::new();
        for columns in opened.batches()? {
            batches.push(to_batch(columns).ok_or_else(|| damaged("its columns are no sightings"))?);
        }
        let batch = match batches.len() {
            1 => batches.remove(0),
            0 => SightingBatch::empty(),
            _ => SightingBatch::concat(&batches).map_err(|_| damaged("its columns are too long for one batch"))?,
        };
        if batch.len() as u64 != file.rows {
            return Err(damaged("it holds another number of rows"));
        }
        let class = class_of(&batch, floor);
        Ok(Protected::seal(batch, class, subject.clone()))
    }

    /// The sightings of many files that fit what is wanted, batch by batch, each sealed as `subject`.
    ///
    /// Holds one file's bytes and one batch at a time. Row groups that cannot hold a wanted row are not decrypted. Batches come in
    /// the order of the files, rows in the order in which they were written; an error ends the scan.
    #[must_use]
    pub fn scan_sightings(&self, files: Vec<Written>, subject: Subject, wanted: Wanted) -> Scan<'_> {
        Scan { archive: self, files: files.into(), subject, wanted, current: None }
    }

    fn open_sightings(&self, file: &Written, subject: &Subject) -> Result<(Opened, DataClass), ArchiveError> {
        let (name, bytes) = self.fetch(file, FOLDER, SCHEMA_VERSION)?;
        let opened = Opened::new(name, &self.key(name, &file.retention)?, bytes, SCHEMA_VERSION, file.rows)?;
        if !may_be_read_as(opened.saying(SUBJECT)?, subject) {
            return Err(ArchiveError::OtherSubject { path: file.path.clone(), subject: subject.to_string() });
        }
        let damaged = || ArchiveError::Damaged { path: file.path.clone(), what: "it does not say what it is" };
        let floor = opened.saying(CLASS)?.parse().map_err(|_| damaged())?;
        Ok((opened, floor))
    }
}

/// Whether what was written of one subject may be read as of another: as the same, or a report's rows as a part of a round. Which
/// reports are of a round, the manifest says.
pub(crate) fn may_be_read_as(written: &str, subject: &Subject) -> bool {
    written == subject.to_string() || (written.starts_with("report:") && matches!(subject, Subject::Round(_)))
}

/// The checked batch over columns as Parquet gives them back.
fn to_batch(columns: RecordBatch) -> Option<SightingBatch> {
    // The model's own schema takes the place of the file's, which carries the file's sayings.
    let columns = RecordBatch::try_new(schema(), columns.columns().to_vec()).ok()?;
    SightingBatch::from_columns(columns).ok()
}

/// The most protected class of any row, and at least `floor`.
fn class_of(batch: &SightingBatch, floor: DataClass) -> DataClass {
    let classes: Option<&UInt8Array> = column(batch.columns(), "data_class");
    let highest = classes.and_then(|classes| classes.values().iter().max());
    // INVARIANT: a checked batch holds known classes only; anything else would be the most protected there is.
    highest.map_or(floor, |number| DataClass::from_number(*number).unwrap_or(DataClass::Content).max(floor))
}

/// Which sightings are wanted; what is none is not asked for.
#[derive(Clone, Default)]
pub struct Wanted {
    /// Those whose time lies in this range. A row without a time lies in none.
    pub time: Option<Range<Instant>>,
    /// Those whose source address lies in this range, IPv4 being `::ffff:0:0/96`. A row without an address lies in none.
    pub source: Option<RangeInclusive<Address>>,
}

impl Wanted {
    fn is_all(&self) -> bool {
        self.time.is_none() && self.source.is_none()
    }

    fn source_bytes(&self) -> Option<([u8; 16], [u8; 16])> {
        self.source.as_ref().map(|range| (range.start().to_bytes(), range.end().to_bytes()))
    }

    /// Whether the row group may hold a wanted row.
    fn may_be_in(&self, group: &RowGroupMetaData) -> bool {
        let statistics =
            |name: &str| group.columns().iter().find(|c| c.column_path().string() == name).and_then(|c| c.statistics());
        if let (Some(range), Some(Statistics::Int64(times))) = (&self.time, statistics("time_source_us"))
            && let (Some(min), Some(max)) = (times.min_opt(), times.max_opt())
            && (*max < range.start.as_micros() || *min >= range.end.as_micros())
        {
            return false;
        }
        if let (Some((first, last)), Some(Statistics::FixedLenByteArray(addresses))) =
            (self.source_bytes(), statistics("source_ip"))
            && let (Some(min), Some(max)) = (addresses.min_opt(), addresses.max_opt())
            && (max.data() < &first[..] || min.data() > &last[..])
        {
            return false;
        }
        true
    }

    /// The wanted rows of a batch.
    fn of(&self, batch: SightingBatch) -> SightingBatch {
        if self.is_all() {
            return batch;
        }
        let source = self.source_bytes();
        let fits = |row: &model::SightingRef<'_>| {
            self.time.as_ref().is_none_or(|range| row.time.is_some_and(|time| range.contains(&time)))
                && source.is_none_or(|(first, last)| {
                    row.source_ip.is_some_and(|address| (first..=last).contains(&address.to_bytes()))
                })
        };
        // A batch is never longer than a row group.
        let wanted: Vec<u32> =
            (0_u32..).zip(batch.rows()).filter(|(_, row)| fits(row)).map(|(index, _)| index).collect();
        if wanted.len() == batch.len() { batch } else { batch.take(&wanted) }
    }
}

/// A scan under way: see [`Archive::scan_sightings`].
pub struct Scan<'a> {
    archive: &'a Archive,
    files: VecDeque<Written>,
    subject: Subject,
    wanted: Wanted,
    current: Option<Current>,
}

struct Current {
    reader: ParquetRecordBatchReader,
    path: String,
    floor: DataClass,
}

impl Scan<'_> {
    fn open(&self, file: &Written) -> Result<Current, ArchiveError> {
        let (opened, floor) = self.archive.open_sightings(file, &self.subject)?;
        let groups = opened.reader.metadata().row_groups().iter().enumerate();
        let groups = groups.filter(|(_, group)| self.wanted.may_be_in(group)).map(|(index, _)| index).collect();
        let reader = opened.reader.with_batch_size(ROW_GROUP).with_row_groups(groups).build();
        let damaged = |_| ArchiveError::Damaged { path: file.path.clone(), what: "its columns cannot be read" };
        Ok(Current { reader: reader.map_err(damaged)?, path: file.path.clone(), floor })
    }

    fn step(&mut self) -> Result<Option<Protected<SightingBatch>>, ArchiveError> {
        loop {
            let Some(current) = &mut self.current else {
                let Some(file) = self.files.pop_front() else { return Ok(None) };
                self.current = Some(self.open(&file)?);
                continue;
            };
            let Some(columns) = current.reader.next() else {
                self.current = None;
                continue;
            };
            let damaged = || ArchiveError::Damaged { path: current.path.clone(), what: "its columns are no sightings" };
            let batch = columns.ok().and_then(to_batch).ok_or_else(damaged)?;
            let batch = self.wanted.of(batch);
            if batch.is_empty() {
                continue;
            }
            let class = class_of(&batch, current.floor);
            return Ok(Some(Protected::seal(batch, class, self.subject.clone())));
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Protected<SightingBatch>, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.files.clear();
            self.current = None;
        }
        step.transpose()
    }
}

#[cfg(test)]
mod tests {
    use law::Closed;
    use model::sighting::Flags;
    use model::tag::{Pap, Tags, Tlp};
    use model::{Classification, PortNumber, Sighting, SightingBatchBuilder, Uncertainty};
    use proptest::prelude::*;

    use super::*;
    use crate::trial::{NOW, Trial, batch_of, report_subject};

    fn sighting() -> impl Strategy<Value = Sighting> {
        let text = || proptest::option::of(".{0,12}");
        (
            (any::<u32>(), any::<u32>(), any::<u64>(), any::<u32>(), text()),
            (proptest::option::of(any::<i64>()), any::<u64>(), text()),
            (proptest::option::of(any::<[u8; 16]>()), proptest::option::of(1_u16..), 0_usize..44, any::<u32>()),
            (text(), 0_u8..5, 0_u8..4, 0_u8..2, any::<u32>(), text(), text()),
        )
            .prop_map(|(place, when, who, what)| Sighting {
                ordinal: place.0,
                line: place.1,
                raw_offset: place.2,
                raw_length: place.3,
                reference: place.4,
                time: when.0.map(Instant::from_micros),
                uncertainty: Uncertainty::from_micros(when.1),
                zone: when.2,
                source_ip: who.0.map(Address::from_bytes),
                source_port: who.1.and_then(PortNumber::new),
                source_asn: Some(who.3),
                source_account: what.5.clone(),
                classification: Classification::ALL[who.2],
                malware: what.0,
                tags: Tags {
                    tlp: Tlp::from_number(what.1).unwrap(),
                    pap: Pap::from_number(what.2).unwrap(),
                    class: DataClass::from_number(what.3).unwrap(),
                },
                flags: Flags::from_bits(what.4),
                extra: what.6,
                ..Sighting::infected()
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_goes_in_comes_out(rows in proptest::collection::vec(sighting(), 0..60)) {
            let trial = Trial::new();
            let mut builder = SightingBatchBuilder::with_capacity(rows.len());
            for row in &rows { builder.push(row); }
            let file = trial.write(builder.finish());
            prop_assert_eq!(file.rows, rows.len() as u64);
            let back = trial.archive.read_sightings(&file, &report_subject()).unwrap();
            prop_assert_eq!(back.class(), DataClass::CommunicationTrace);
            back.open(&trial.clearance(&report_subject()), NOW, |batch| {
                assert!(batch.len() == rows.len() && batch.rows().zip(&rows).all(|(got, want)| got.to_owned() == *want));
            }).unwrap();
        }
    }

    #[test]
    fn nothing_is_written_without_a_clearance_for_it() {
        let trial = Trial::new();
        let write = |subject: &Subject, class, clearance: &Clearance, now| {
            let rows = Protected::seal(batch_of(3), class, subject.clone());
            trial.archive.write_sightings(trial.id(), &trial.retention, &rows, clearance, now)
        };
        let clearance = trial.clearance(&report_subject());
        let trace = DataClass::CommunicationTrace;
        let other = Subject::Round("kagaribi-2014/1".parse().unwrap());
        for (subject, class, now) in [
            (other, trace, NOW),
            (report_subject(), DataClass::Content, NOW),
            (report_subject(), trace, clearance.expires()),
        ] {
            assert!(matches!(write(&subject, class, &clearance, now), Err(ArchiveError::Closed(_))));
        }
        assert!(trial.files("sightings").is_empty(), "nothing is on the disk");
        write(&report_subject(), trace, &clearance, NOW).unwrap();
        assert_eq!(trial.files("sightings").len(), 1);
    }

    #[test]
    fn what_was_read_opens_for_its_subject_alone() {
        let trial = Trial::new();
        let file = trial.write(batch_of(3));
        let round = Subject::Round("kagaribi-2014/1".parse().unwrap());
        let as_round = trial.archive.read_sightings(&file, &round).unwrap();
        assert!(as_round.open(&trial.clearance(&round), NOW, SightingBatch::len).is_ok());
        let closed = as_round.open(&trial.clearance(&report_subject()), NOW, SightingBatch::len);
        assert!(matches!(closed, Err(Closed::OtherSubject { .. })));
        let another = Subject::Report(model::ReportId::from_uuid(trial.id()));
        for stranger in [another, Subject::Delivery(model::DeliveryId::from_uuid(trial.id())), Subject::OwnFile] {
            let read = trial.archive.read_sightings(&file, &stranger);
            assert!(matches!(read, Err(ArchiveError::OtherSubject { .. })), "{stranger}");
            let scan = trial.archive.scan_sightings(vec![file.clone()], stranger.clone(), Wanted::default()).next();
            assert!(matches!(scan, Some(Err(ArchiveError::OtherSubject { .. }))), "{stranger}");
        }
    }

    #[test]
    fn a_class_is_never_lowered() {
        let trial = Trial::new();
        let mut builder = SightingBatchBuilder::with_capacity(1);
        builder.push(&Sighting {
            tags: Tags { class: DataClass::Public, ..Tags::INFECTED_ADDRESS },
            ..Sighting::infected()
        });
        let file = trial.write(builder.finish());
        let back = trial.archive.read_sightings(&file, &report_subject()).unwrap();
        assert_eq!(back.class(), DataClass::CommunicationTrace, "under which it was written");
        assert_eq!(class_of(&batch_of(1), DataClass::Public), DataClass::CommunicationTrace, "which its row is");
    }

    #[test]
    fn many_rows_come_back_in_order_batch_by_batch() {
        let trial = Trial::new();
        let rows = u32::try_from(ROW_GROUP).unwrap() * 2 + 7;
        let file = trial.write(batch_of(rows));
        let clearance = trial.clearance(&report_subject());
        let ordinals = |batch: &SightingBatch| batch.rows().map(|row| row.ordinal).collect::<Vec<_>>();
        let whole = trial.archive.read_sightings(&file, &report_subject()).unwrap();
        assert!(whole.open(&clearance, NOW, ordinals).unwrap().into_iter().eq(0..rows));
        let small = trial.write(batch_of(5));
        let empty = trial.write(batch_of(0));
        let files = vec![small.clone(), empty, file, small];
        let scan = trial.archive.scan_sightings(files, report_subject(), Wanted::default());
        let batches: Vec<Vec<u32>> =
            scan.map(|batch| batch.unwrap().open(&clearance, NOW, ordinals).unwrap()).collect();
        let lengths: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!(lengths, [5, ROW_GROUP, ROW_GROUP, 7, 5]);
        assert!(batches.concat().into_iter().eq((0..5).chain(0..rows).chain(0..5)));
    }

    #[test]
    fn a_scan_finds_what_is_wanted_and_skips_whole_row_groups() {
        let mut trial = Trial::new();
        trial.archive.row_group = 512;
        let rows = 2 * 512 + 7;
        // `batch_of` gives row n the time NOW + n seconds and an address that rises with n.
        let file = trial.write(batch_of(rows));
        let clearance = trial.clearance(&report_subject());
        let scan = |wanted: Wanted| {
            let found = trial.archive.scan_sightings(vec![file.clone()], report_subject(), wanted);
            let ordinals = |batch: &SightingBatch| batch.rows().map(|row| row.ordinal).collect::<Vec<_>>();
            found.flat_map(|batch| batch.unwrap().open(&clearance, NOW, ordinals).unwrap()).collect::<Vec<_>>()
        };
        let address = |n: u32| crate::trial::address_of(n);
        let time =
            |range: Range<u32>| Some(NOW.plus_seconds(i64::from(range.start))..NOW.plus_seconds(i64::from(range.end)));
        // Among them the very last row of a row group and the very first.
        for (from, to) in [(0, 1), (10, 20), (506, 516), (511, 513), (512, 513), (1_024, 1_031), (512, 1_024)] {
            let want: Vec<u32> = (from..to).collect();
            assert_eq!(scan(Wanted { time: time(from..to), source: None }), want);
            assert_eq!(scan(Wanted { time: None, source: Some(address(from)..=address(to - 1)) }), want);
            let both = Wanted { time: time(from..to), source: Some(address(from + 1)..=address(to + 9)) };
            assert_eq!(scan(both), want[1..]);
            let last = Wanted { time: time(to - 1..to), source: Some(address(to - 1)..=address(to - 1)) };
            assert_eq!(scan(last), [to - 1]);
        }
        assert!(scan(Wanted { time: time(1_031..9_000), source: None }).is_empty());
        let v4: RangeInclusive<Address> = "192.0.2.0".parse().unwrap()..="192.0.2.255".parse().unwrap();
        assert!(scan(Wanted { time: None, source: Some(v4) }).is_empty());

        let (opened, _) = trial.archive.open_sightings(&file, &report_subject()).unwrap();
        let groups = opened.reader.metadata().row_groups();
        assert_eq!(groups.len(), 3);
        let kept = |wanted: &Wanted| groups.iter().map(|group| wanted.may_be_in(group)).collect::<Vec<_>>();
        assert_eq!(kept(&Wanted { time: time(10..20), source: None }), [true, false, false]);
        assert_eq!(kept(&Wanted { time: None, source: Some(address(512)..=address(513)) }), [false, true, false]);
        assert_eq!(kept(&Wanted::default()), [true, true, true]);
    }

    #[test]
    fn a_row_without_time_or_address_is_in_no_range() {
        let trial = Trial::new();
        let mut builder = SightingBatchBuilder::with_capacity(1);
        builder.push(&Sighting::infected());
        let file = trial.write(builder.finish());
        let all = Instant::from_micros(i64::MIN)..Instant::from_micros(i64::MAX);
        let every = "::".parse().unwrap()..="ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap();
        for (wanted, rows) in [
            (Wanted::default(), 1),
            (Wanted { time: Some(all), source: None }, 0),
            (Wanted { time: None, source: Some(every) }, 0),
        ] {
            assert_eq!(trial.archive.scan_sightings(vec![file.clone()], report_subject(), wanted).count(), rows);
        }
    }
}
