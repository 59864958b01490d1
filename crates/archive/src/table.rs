//! Tables of plain rows about one delivery: what maps, answers and notices share.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use keys::RetentionClass;
use law::Subject;
use model::DeliveryId;
use uuid::Uuid;

use crate::Archive;
use crate::columns::{Opened, SCHEMA, SUBJECT, WRITER, encode};
use crate::file::{Name, Written};
use crate::problem::ArchiveError;

/// A row of such a table.
pub(crate) trait Row: Sized {
    /// Where its files lie.
    const FOLDER: &'static str;
    /// The columns' meaning, with its version.
    const SCHEMA: &'static str;

    /// Its place in the delivery, from 1, where it has one.
    fn place(&self) -> Option<u32>;
    /// The columns' types.
    fn schema() -> SchemaRef;
    /// The columns of these rows; none only where the column library fails.
    fn columns(rows: &[Self]) -> Option<Vec<ArrayRef>>;
    /// Adds the rows of these columns; none where they hold what is never written.
    fn rows(batch: &RecordBatch, rows: &mut Vec<Self>) -> Option<()>;
}

/// The column of that name and type.
pub(crate) fn column<'a, T: 'static>(batch: &'a RecordBatch, name: &str) -> Option<&'a T> {
    batch.column_by_name(name)?.as_any().downcast_ref()
}

/// The first row whose place does not rise above the one before.
fn disorder<R: Row>(rows: &[R]) -> Option<usize> {
    let mut last = 0;
    rows.iter().position(|row| match row.place() {
        Some(place) if place <= last => true,
        Some(place) => {
            last = place;
            false
        }
        None => false,
    })
}

impl Archive {
    pub(crate) fn write_rows<R: Row>(
        &self,
        id: Uuid,
        retention: &RetentionClass,
        delivery: DeliveryId,
        rows: &[R],
    ) -> Result<Written, ArchiveError> {
        if let Some(row) = disorder(rows) {
            return Err(ArchiveError::Disorder { row });
        }
        let name = Name::new(R::FOLDER, id)?;
        let key = self.key(name, retention)?;
        let columns = R::columns(rows).ok_or(ArchiveError::Columns)?;
        let batch = RecordBatch::try_new(R::schema(), columns).map_err(|_| ArchiveError::Columns)?;
        let sayings = [
            (SCHEMA, R::SCHEMA.to_owned()),
            (WRITER, env!("CARGO_PKG_VERSION").to_owned()),
            (SUBJECT, Subject::Delivery(delivery).to_string()),
        ];
        let bytes = encode(self.row_group, name, &key, &R::schema(), &batch, &sayings)?;
        self.put(name, &bytes, rows.len() as u64, R::SCHEMA, retention)
    }

    pub(crate) fn read_rows<R: Row>(&self, file: &Written, delivery: DeliveryId) -> Result<Vec<R>, ArchiveError> {
        let damaged = |what| ArchiveError::Damaged { path: file.path.clone(), what };
        let (name, bytes) = self.fetch(file, R::FOLDER, R::SCHEMA)?;
        let opened = Opened::new(name, &self.key(name, &file.retention)?, bytes, R::SCHEMA, file.rows)?;
        let subject = Subject::Delivery(delivery).to_string();
        if opened.saying(SUBJECT)? != subject {
            return Err(ArchiveError::OtherSubject { path: file.path.clone(), subject });
        }
        let mut rows = Vec::new();
        for batch in opened.batches()? {
            // The file's own types are held against ours: a null would be read as a value.
            let ours = R::schema();
            let same = batch.schema().fields() == ours.fields();
            let batch = same.then_some(batch).ok_or_else(|| damaged("its columns are of another type"))?;
            R::rows(&batch, &mut rows).ok_or_else(|| damaged("its columns hold what is never written"))?;
        }
        if rows.len() as u64 != file.rows || disorder(&rows).is_some() {
            return Err(damaged("its rows are not those that were written"));
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, UInt8Array, UInt32Array};
    use model::{Instant, Outcome, RecordId, ReportId};
    use proptest::prelude::*;

    use super::*;
    use crate::trial::{NOW, Trial};
    use crate::{Answer, MapRow, Notice};

    /// Places that rise, with gaps, and something at each.
    fn placed<T: std::fmt::Debug>(what: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<(u32, T)>> {
        proptest::collection::vec((1_u32..50, what), 0..40).prop_map(|steps| {
            let mut place = 0;
            steps
                .into_iter()
                .map(|(step, what)| {
                    place += step;
                    (place, what)
                })
                .collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn what_goes_in_comes_out(
            records in placed((any::<u128>(), any::<u32>())),
            outcomes in placed((0_usize..12, any::<i64>())),
            told in proptest::collection::vec(("[0-9a-f]{32}", any::<i64>(), any::<u32>()), 0..40),
        ) {
            let trial = Trial::new();
            let (archive, class) = (&trial.archive, &trial.retention);
            let delivery = DeliveryId::from_uuid(trial.id());
            let map: Vec<MapRow> = records.into_iter().map(|(place, (report, ordinal))| {
                MapRow { place, record: RecordId { report: ReportId::from_uuid(Uuid::from_u128(report)), ordinal } }
            }).collect();
            let file = archive.write_map(trial.id(), class, delivery, &map).unwrap();
            prop_assert_eq!(file.rows, map.len() as u64);
            prop_assert_eq!(archive.read_map(&file, delivery).unwrap(), map);
            let answers: Vec<Answer> = outcomes.into_iter().map(|(place, (outcome, at))| {
                Answer { place, outcome: Outcome::ALL[outcome], at: Instant::from_micros(at) }
            }).collect();
            let file = archive.write_answers(trial.id(), class, delivery, &answers).unwrap();
            prop_assert_eq!(archive.read_answers(&file, delivery).unwrap(), answers);
            let notices: Vec<Notice> = told.into_iter().map(|(subscriber, at, records)| {
                Notice { subscriber, told_at: Instant::from_micros(at), records }
            }).collect();
            let file = archive.write_notices(trial.id(), class, delivery, &notices).unwrap();
            prop_assert_eq!(archive.read_notices(&file, delivery).unwrap(), notices);
        }
    }

    #[test]
    fn places_rise_each_once() {
        let trial = Trial::new();
        let delivery = DeliveryId::from_uuid(trial.id());
        let answer = |place| Answer { place, outcome: Outcome::Told, at: NOW };
        for (places, row) in [(&[0][..], 0), (&[1, 1], 1), (&[1, 2, 4, 3], 3)] {
            let answers: Vec<Answer> = places.iter().map(|place| answer(*place)).collect();
            let written = trial.archive.write_answers(trial.id(), &trial.retention, delivery, &answers);
            assert!(matches!(written, Err(ArchiveError::Disorder { row: at }) if at == row), "{places:?}");
        }
        assert!(trial.files("answers").is_empty());
    }

    #[test]
    fn a_file_is_about_one_delivery() {
        let trial = Trial::new();
        let (one, other) = (DeliveryId::from_uuid(trial.id()), DeliveryId::from_uuid(trial.id()));
        let file = trial.archive.write_answers(trial.id(), &trial.retention, one, &[]).unwrap();
        assert_eq!(trial.archive.read_answers(&file, one).unwrap(), []);
        assert!(matches!(trial.archive.read_answers(&file, other), Err(ArchiveError::OtherSubject { .. })));
    }

    #[test]
    fn an_outcome_that_nobody_writes_is_noticed() {
        let columns = |outcome: u8| {
            let columns: Vec<ArrayRef> = vec![
                Arc::new(UInt32Array::from(vec![1])),
                Arc::new(UInt8Array::from(vec![outcome])),
                Arc::new(Int64Array::from(vec![0])),
            ];
            RecordBatch::try_new(Answer::schema(), columns).unwrap()
        };
        assert!(Answer::rows(&columns(11), &mut Vec::new()).is_some());
        assert!(Answer::rows(&columns(12), &mut Vec::new()).is_none());
    }

    #[test]
    fn a_notice_shows_no_pseudonym() {
        let notice = Notice { subscriber: "0123456789abcdef".to_owned(), told_at: NOW, records: 2 };
        assert!(!format!("{notice:?}").contains("0123456789"));
    }
}
