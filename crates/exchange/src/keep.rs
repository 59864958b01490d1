//! Keeping facts: the archive writes the file, the deed's transaction names it. Below every step that keeps something.

use archive::{BlobKind, MapRow, Notice, Written};
use keys::RetentionClass;
use law::{Clearance, Protected, Subject};
use model::{DecisionId, DeliveryId, ReportId, RoundId, SightingBatch};
use store::FactId;
use store::fact::{Fact, Kind, Wanted};

use crate::house::House;
use crate::problem::DeedError;

/// What a fact is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The round.
    pub round: &'a RoundId,
    /// The report it comes from.
    pub report: Option<ReportId>,
    /// The delivery it belongs to.
    pub delivery: Option<DeliveryId>,
    /// The decision under which it is made.
    pub decision: Option<DecisionId>,
}

/// A file that is about to be written: its id and the key it goes under.
struct Place {
    id: FactId,
    class: RetentionClass,
}

impl House {
    /// The retention class of a kind of fact: one key per kind and operation, so that each can be forgotten by itself.
    fn place(&self, kind: Kind, about: About<'_>) -> Result<Place, DeedError> {
        let id = FactId::fresh(&*self.clock, &*self.entropy);
        Ok(Place { id, class: RetentionClass::new(kind.name(), about.round.operation.as_str())? })
    }

    /// Seals bytes that are not protected data by themselves; the manifest row is for the caller's transaction.
    ///
    /// # Errors
    /// [`DeedError`] where a key or the disk fails.
    pub fn keep_blob(&self, kind: BlobKind, about: About<'_>, bytes: &[u8], rows: u64) -> Result<Fact, DeedError> {
        let of = fact_kind(kind);
        let place = self.place(of, about)?;
        let written = self.archive.write_plain_blob(kind, place.id.uuid(), &place.class, bytes)?;
        Ok(self.fact(place, of, about, Written { rows, ..written }))
    }

    /// Seals protected bytes: a report as received, the rows that could not be understood.
    ///
    /// # Errors
    /// [`DeedError`] where the clearance does not fit, a key or the disk fails.
    pub fn keep_protected(
        &self,
        kind: BlobKind,
        about: About<'_>,
        bytes: &Protected<Vec<u8>>,
        clearance: &Clearance,
        rows: u64,
    ) -> Result<Fact, DeedError> {
        let of = fact_kind(kind);
        let place = self.place(of, about)?;
        let now = self.clock.now();
        let written = self.archive.write_blob(kind, place.id.uuid(), &place.class, bytes, clearance, now)?;
        Ok(self.fact(place, of, about, Written { rows, ..written }))
    }

    /// Reads what [`House::keep_protected`] sealed about the clearance's subject; what `make` makes of it stays protected.
    ///
    /// # Errors
    /// As [`House::read_blob`], and where it was sealed about something else or the clearance does not open it.
    pub(crate) fn read_protected<T>(
        &self,
        kind: BlobKind,
        fact: &Fact,
        clearance: &Clearance,
        make: impl FnOnce(&[u8]) -> Result<T, DeedError>,
    ) -> Result<Protected<T>, DeedError> {
        let written = Written { rows: 0, ..written(fact)? };
        let sealed = self.archive.read_blob(kind, &written, clearance.subject())?;
        sealed.try_derive(clearance, self.clock.now(), |bytes| make(bytes))?
    }

    /// Reads bytes that [`House::keep_blob`] sealed.
    ///
    /// # Errors
    /// [`DeedError`] where the key is destroyed, the file is gone, or a byte of it has changed.
    pub(crate) fn read_blob(&self, kind: BlobKind, fact: &Fact) -> Result<Vec<u8>, DeedError> {
        // The manifest counts what a blob holds; the archive knows no rows in it.
        let written = Written { rows: 0, ..written(fact)? };
        Ok(self.archive.read_plain_blob(kind, &written)?.to_vec())
    }

    /// Writes sightings, encrypted; the manifest row is for the caller's transaction.
    ///
    /// # Errors
    /// [`DeedError`] where the clearance does not fit, a key or the disk fails.
    pub fn keep_sightings(
        &self,
        about: About<'_>,
        sightings: &Protected<SightingBatch>,
        clearance: &Clearance,
    ) -> Result<Fact, DeedError> {
        let place = self.place(Kind::Sightings, about)?;
        let now = self.clock.now();
        let written = self.archive.write_sightings(place.id.uuid(), &place.class, sightings, clearance, now)?;
        Ok(self.fact(place, Kind::Sightings, about, written))
    }

    /// Reads sightings; what comes back is protected and about `subject`.
    ///
    /// # Errors
    /// [`DeedError`] where the key is destroyed, the file is gone, or a byte of it has changed.
    pub fn read_sightings(&self, fact: &Fact, subject: &Subject) -> Result<Protected<SightingBatch>, DeedError> {
        Ok(self.archive.read_sightings(&written(fact)?, subject)?)
    }

    /// Writes which place of a delivery is which record.
    pub(crate) fn keep_map(&self, about: About<'_>, delivery: DeliveryId, rows: &[MapRow]) -> Result<Fact, DeedError> {
        let place = self.place(Kind::Map, about)?;
        let written = self.archive.write_map(place.id.uuid(), &place.class, delivery, rows)?;
        Ok(self.fact(place, Kind::Map, about, written))
    }

    /// Writes the outcomes of a delivery.
    pub(crate) fn keep_answers(
        &self,
        about: About<'_>,
        delivery: DeliveryId,
        rows: &[archive::Answer],
    ) -> Result<Fact, DeedError> {
        let place = self.place(Kind::Answers, about)?;
        let written = self.archive.write_answers(place.id.uuid(), &place.class, delivery, rows)?;
        Ok(self.fact(place, Kind::Answers, about, written))
    }

    /// Reads the outcomes of a delivery.
    pub(crate) fn read_answers(&self, fact: &Fact, delivery: DeliveryId) -> Result<Vec<archive::Answer>, DeedError> {
        Ok(self.archive.read_answers(&written(fact)?, delivery)?)
    }

    /// Writes who was told, under pseudonyms.
    pub(crate) fn keep_notices(
        &self,
        about: About<'_>,
        delivery: DeliveryId,
        rows: &[Notice],
    ) -> Result<Fact, DeedError> {
        let place = self.place(Kind::Notices, about)?;
        let written = self.archive.write_notices(place.id.uuid(), &place.class, delivery, rows)?;
        Ok(self.fact(place, Kind::Notices, about, written))
    }

    /// Reads who was told for a delivery.
    pub(crate) fn read_notices(&self, fact: &Fact, delivery: DeliveryId) -> Result<Vec<Notice>, DeedError> {
        Ok(self.archive.read_notices(&written(fact)?, delivery)?)
    }

    /// Removes the files of facts whose burial is committed. One that a crash leaves behind is a stray of the next recovery.
    pub(crate) fn remove_buried(&self, paths: &[String]) -> Result<(), DeedError> {
        paths.iter().try_for_each(|path| Ok(self.archive.remove(path)?))
    }

    /// The living facts of a kind in a round.
    ///
    /// # Errors
    /// [`DeedError`] where the state fails.
    pub async fn facts_of_round(&self, round: &RoundId, kind: Kind) -> Result<Vec<Fact>, DeedError> {
        let wanted = Wanted { kind: Some(kind), round: Some(round.clone()), ..Wanted::default() };
        Ok(store::fact::living(&self.store, &wanted).await?)
    }

    /// The living facts of a kind of a delivery.
    ///
    /// # Errors
    /// [`DeedError`] where the state fails.
    pub async fn facts_of_delivery(&self, delivery: DeliveryId, kind: Kind) -> Result<Vec<Fact>, DeedError> {
        let wanted = Wanted { kind: Some(kind), delivery: Some(delivery), ..Wanted::default() };
        Ok(store::fact::living(&self.store, &wanted).await?)
    }

    fn fact(&self, place: Place, kind: Kind, about: About<'_>, written: Written) -> Fact {
        Fact {
            id: place.id,
            kind,
            round: about.round.clone(),
            report: about.report,
            delivery: about.delivery,
            path: written.path,
            part: 0,
            bytes: written.bytes,
            rows: written.rows,
            digest: written.digest,
            schema: written.schema,
            retention: place.class.to_string(),
            decision: about.decision,
            created_at: self.clock.now(),
            deleted_at: None,
        }
    }
}

/// The manifest's name for a kind of blob.
const fn fact_kind(kind: BlobKind) -> Kind {
    match kind {
        BlobKind::Kept => Kind::Kept,
        BlobKind::Rejects => Kind::Rejects,
        BlobKind::Parcel => Kind::Parcel,
        BlobKind::Keys => Kind::Keys,
        BlobKind::Letters => Kind::Letters,
    }
}

/// What the manifest says about a file, as the archive checks it.
fn written(fact: &Fact) -> Result<Written, DeedError> {
    Ok(Written {
        path: fact.path.clone(),
        bytes: fact.bytes,
        rows: fact.rows,
        digest: fact.digest,
        schema: fact.schema.clone(),
        retention: archive::retention(&fact.retention)?,
    })
}
