//! Keeping facts: the archive writes the file, the deed's transaction names it. Below every step that keeps something.

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

/// The retention class of a kind of fact: one key per kind and operation, so that each can be forgotten by itself.
fn retention(kind: Kind, round: &RoundId) -> Result<RetentionClass, DeedError> {
    Ok(RetentionClass::new(kind.name(), round.operation.as_str())?)
}

impl House {
    /// Writes a file of any bytes, sealed; the manifest row is for the caller's transaction.
    ///
    /// # Errors
    /// [`DeedError`] where a key or the disk fails.
    pub fn keep_blob(&self, kind: Kind, about: About<'_>, bytes: &[u8], rows: u64) -> Result<Fact, DeedError> {
        let id = FactId::fresh(&*self.clock, &*self.entropy);
        let class = retention(kind, about.round)?;
        let written = self.archive.write_blob(&class, kind.name(), &id.to_string(), bytes)?;
        Ok(self.fact(id, kind, about, &class, written, rows))
    }

    /// Reads such a file again. The bytes may be protected data; whoever reads them seals what he makes of them.
    ///
    /// # Errors
    /// [`DeedError`] where the key is destroyed, the file is gone, or a byte of it has changed.
    pub(crate) fn read_blob(&self, fact: &Fact) -> Result<Vec<u8>, DeedError> {
        Ok(self.archive.read_blob(&retention_of(fact)?, &sealed(fact))?)
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
        let id = FactId::fresh(&*self.clock, &*self.entropy);
        let class = retention(Kind::Sightings, about.round)?;
        let now = self.clock.now();
        let written = self.archive.write_sightings(&class, &id.to_string(), sightings, clearance, now)?;
        let rows = written.rows;
        Ok(self.fact(id, Kind::Sightings, about, &class, written, rows))
    }

    /// Reads sightings; what comes back is protected and about `subject`.
    ///
    /// # Errors
    /// [`DeedError`] where the key is destroyed, the file is gone, or a byte of it has changed.
    pub fn read_sightings(&self, fact: &Fact, subject: Subject) -> Result<Protected<SightingBatch>, DeedError> {
        Ok(self.archive.read_sightings(&retention_of(fact)?, &sealed(fact), subject)?)
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

    fn fact(
        &self,
        id: FactId,
        kind: Kind,
        about: About<'_>,
        class: &RetentionClass,
        written: archive::Written,
        rows: u64,
    ) -> Fact {
        Fact {
            id,
            kind,
            round: about.round.clone(),
            report: about.report,
            delivery: about.delivery,
            path: written.path,
            bytes: written.bytes,
            rows,
            digest: written.digest,
            schema: written.schema,
            retention: class.to_string(),
            decision: about.decision,
            created_at: self.clock.now(),
            deleted_at: None,
        }
    }
}

/// What the manifest says about a file, as the archive checks it.
fn sealed(fact: &Fact) -> archive::Sealed {
    archive::Sealed { path: fact.path.clone(), bytes: fact.bytes, rows: fact.rows, digest: fact.digest }
}

/// The retention class that the manifest names.
fn retention_of(fact: &Fact) -> Result<RetentionClass, DeedError> {
    let (kind, scope) = fact.retention.split_once('/').unwrap_or((&fact.retention, ""));
    Ok(RetentionClass::new(kind, scope)?)
}
