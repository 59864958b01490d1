//! The manifest: which files the archive holds. A file that no row names does not exist; a row's file is whole.
//!
//! A file is written first and named here in the deed's transaction. Deletion is the other way round: first the row is buried, then
//! the file goes. Whatever a crash leaves in between, the archive's sweep finds.

use model::{DecisionId, DeliveryId, Instant, ReportId, RoundId};

use crate::engine::{Reading, Tx};
use crate::problem::StoreError;
use crate::row::{Columns, FactId, names};
use crate::statement::statement;

names! {
    /// What a file holds.
    Kind {
        /// A report as received.
        Kept = "kept",
        /// The rows of a report that could not be understood, for its submitter.
        Rejects = "rejects",
        /// Normalised rows.
        Sightings = "sightings",
        /// Which outward place is which record.
        Map = "map",
        /// Outcomes per outward place.
        Answers = "answers",
        /// A sealed parcel, ready to be carried.
        Parcel = "parcel",
        /// At a node: who was told when, under pseudonyms.
        Notices = "notices",
        /// Keyed digests of rows and terminals, for comparison only.
        Keys = "keys",
        /// At a node: which letter told of which rows.
        Letters = "letters",
    }
}

/// One file of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Its id, which also names the file.
    pub id: FactId,
    /// What it holds.
    pub kind: Kind,
    /// The round it belongs to.
    pub round: RoundId,
    /// The report it comes from, if one alone.
    pub report: Option<ReportId>,
    /// The delivery it belongs to, if any.
    pub delivery: Option<DeliveryId>,
    /// Where it lies, below the archive's folder, with `/` between the parts.
    pub path: String,
    /// Which part of what is longer than one file, from 0: a report as received, its sightings.
    pub part: u32,
    /// How many bytes.
    pub bytes: u64,
    /// How many rows.
    pub rows: u64,
    /// Keyed digest of the bytes as they lie there, which are encrypted; the archive says it and checks it.
    pub digest: [u8; 32],
    /// The schema of its contents, with its version.
    pub schema: String,
    /// The retention class under whose key it is sealed, `kind/scope`.
    pub retention: String,
    /// The decision under which it was made.
    pub decision: Option<DecisionId>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was buried.
    pub deleted_at: Option<Instant>,
}

/// Names a file that has been written durably.
///
/// # Errors
/// [`StoreError::AlreadyThere`] where its id or path is named already.
pub async fn insert(tx: &mut Tx, fact: &Fact) -> Result<(), StoreError> {
    tx.run(
        statement(
            "/* fact::insert */ insert into fact (id, kind, operation, round, report, delivery, path, part, bytes, rows_held, digest,
             schema_version, retention, decision, created_at, deleted_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        )
        .id(&fact.id)
        .bind(fact.kind.name())
        .id(&fact.round.operation)
        .bind(i64::from(fact.round.number))
        .maybe_id(fact.report.as_ref())
        .maybe_id(fact.delivery.as_ref())
        .id(&fact.path)
        .bind(i64::from(fact.part))
        .count(fact.bytes)
        .count(fact.rows)
        .bind(fact.digest.to_vec())
        .id(&fact.schema)
        .id(&fact.retention)
        .maybe_id(fact.decision.as_ref())
        .at(fact.created_at)
        .maybe_at(fact.deleted_at),
    )
    .await
    .map(|_| ())
}

/// Buries a file: from the commit on it is no longer there for anybody, and then it may be removed.
///
/// # Errors
/// [`StoreError::NotThere`] where it is not there, or buried already.
pub async fn bury(tx: &mut Tx, id: FactId, at: Instant) -> Result<(), StoreError> {
    tx.change(
        statement("/* fact::bury */ update fact set deleted_at = $1 where id = $2 and deleted_at is null")
            .at(at)
            .id(&id),
        &id,
    )
    .await
}

/// Buries every file of a retention class, whose key is about to be destroyed; how many.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn bury_retention(tx: &mut Tx, retention: &str, at: Instant) -> Result<u64, StoreError> {
    tx.run(
        statement(
            "/* fact::bury_retention */ update fact set deleted_at = $1 where retention = $2 and deleted_at is null",
        )
        .at(at)
        .bind(retention.to_owned()),
    )
    .await
}

/// The file of that id, buried or not.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn find(from: impl Into<Reading<'_>>, id: FactId) -> Result<Option<Fact>, StoreError> {
    from.into()
        .optional(
            statement(
                "/* fact::find */ select id, kind, operation, round, report, delivery, path, part, bytes, rows_held, digest,
                 schema_version, retention, decision, created_at, deleted_at from fact where id = $1",
            )
            .id(&id),
        )
        .await?
        .map(|row| fact(&row))
        .transpose()
}

/// What to look for in the manifest; what is none is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Files of this kind.
    pub kind: Option<Kind>,
    /// Files of this round.
    pub round: Option<RoundId>,
    /// Files of this operation, in any round.
    pub operation: Option<model::OperationId>,
    /// Files from this report.
    pub report: Option<ReportId>,
    /// Files of this delivery.
    pub delivery: Option<DeliveryId>,
    /// Files of this retention class.
    pub retention: Option<String>,
}

/// The files that are there and fit, in the order in which they were made.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn living(from: impl Into<Reading<'_>>, wanted: &Wanted) -> Result<Vec<Fact>, StoreError> {
    let operation = wanted.round.as_ref().map(|r| &r.operation).or(wanted.operation.as_ref());
    // An empty text, or round 0, asks for nothing: neither is ever written.
    from.into()
        .all(
            statement(
                "/* fact::living */ select id, kind, operation, round, report, delivery, path, part, bytes, rows_held, digest,
                 schema_version, retention, decision, created_at, deleted_at from fact
                 where deleted_at is null and ($1 = '' or kind = $1) and ($2 = '' or operation = $2)
                 and ($3 = 0 or round = $3) and ($4 = '' or report = $4) and ($5 = '' or delivery = $5)
                 and ($6 = '' or retention = $6) order by created_at, part, id",
            )
            .bind(wanted.kind.map_or("", Kind::name))
            .bind(operation.map(ToString::to_string).unwrap_or_default())
            .bind(wanted.round.as_ref().map_or(0, |r| i64::from(r.number)))
            .bind(wanted.report.map(|id| id.to_string()).unwrap_or_default())
            .bind(wanted.delivery.map(|id| id.to_string()).unwrap_or_default())
            .bind(wanted.retention.clone().unwrap_or_default()),
        )
        .await?
        .iter()
        .map(fact)
        .collect()
}

/// The paths of all files that are there: what the archive's sweep must leave alone.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn paths(from: impl Into<Reading<'_>>) -> Result<Vec<String>, StoreError> {
    from.into()
        .all(statement("/* fact::paths */ select path from fact where deleted_at is null order by path"))
        .await?
        .iter()
        .map(|row| row.text("path"))
        .collect()
}

fn fact(row: &Columns) -> Result<Fact, StoreError> {
    Ok(Fact {
        id: row.parsed("id")?,
        kind: row.parsed("kind")?,
        round: row.round("operation", "round")?,
        report: row.maybe_parsed("report")?,
        delivery: row.maybe_parsed("delivery")?,
        path: row.text("path")?,
        part: u32::try_from(row.count("part")?).unwrap_or(u32::MAX),
        bytes: row.count("bytes")?,
        rows: row.count("rows_held")?,
        digest: row.hash("digest")?,
        schema: row.text("schema_version")?,
        retention: row.text("retention")?,
        decision: row.maybe_parsed("decision")?,
        created_at: row.at("created_at")?,
        deleted_at: row.maybe_at("deleted_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{NOW, Trial, on_both};

    fn file(trial: &Trial, round: &RoundId, kind: Kind, path: &str) -> Fact {
        Fact {
            id: FactId::fresh(&trial.clock, &trial.entropy),
            kind,
            round: round.clone(),
            report: None,
            delivery: None,
            path: path.to_owned(),
            part: 0,
            bytes: 1 << 40,
            rows: 155_521,
            digest: [0xff; 32],
            schema: "sighting-1".to_owned(),
            retention: "sighting/kagaribi-2014".to_owned(),
            decision: Some(trial.decision()),
            created_at: NOW,
            deleted_at: None,
        }
    }

    #[tokio::test]
    async fn the_manifest_knows_what_is_there() {
        on_both(async |trial| {
            let round = trial.round().await;
            let report = trial.report(&round, "d1");
            let delivery = trial.delivery(&round, crate::delivery::Kind::Sent, 3);
            let kept = Fact { report: Some(report.id), ..file(trial, &round, Kind::Kept, "kept/1") };
            let later = NOW.plus_seconds(1);
            let map =
                Fact { created_at: later, delivery: Some(delivery.id), ..file(trial, &round, Kind::Map, "map/1") };
            let other =
                Fact { created_at: later.plus_seconds(1), ..file(trial, &round, Kind::Sightings, "sightings/1") };
            let mut tx = trial.store.begin("files").await.unwrap();
            crate::report::insert(&mut tx, &report, crate::report::State::Received, None).await.unwrap();
            crate::delivery::insert(&mut tx, &delivery).await.unwrap();
            for fact in [&kept, &map, &other] {
                insert(&mut tx, fact).await.unwrap();
            }
            tx.commit().await.unwrap();
            assert_eq!(find(&trial.store, map.id).await.unwrap(), Some(map.clone()));
            let all = [kept.clone(), map.clone(), other.clone()];
            let none = Wanted::default();
            for (wanted, want) in [
                (none.clone(), &all[..]),
                (Wanted { kind: Some(Kind::Kept), ..none.clone() }, &all[..1]),
                (Wanted { round: Some(round.clone()), ..none.clone() }, &all[..]),
                (Wanted { round: Some(RoundId { number: 2, ..round.clone() }), ..none.clone() }, &[][..]),
                (Wanted { operation: Some("other".parse().unwrap()), ..none.clone() }, &[][..]),
                (Wanted { report: Some(report.id), ..none.clone() }, &all[..1]),
                (Wanted { delivery: Some(delivery.id), ..none.clone() }, &all[1..2]),
                (Wanted { retention: Some("sighting/kagaribi-2014".to_owned()), ..none.clone() }, &all[..]),
                (Wanted { retention: Some("sighting/other".to_owned()), ..none.clone() }, &[][..]),
            ] {
                assert_eq!(living(&trial.store, &wanted).await.unwrap(), want, "{wanted:?}");
            }
            assert_eq!(paths(&trial.store).await.unwrap(), ["kept/1", "map/1", "sightings/1"]);
            let mut tx = trial.store.begin("one path twice").await.unwrap();
            let twice = insert(&mut tx, &file(trial, &round, Kind::Map, "map/1")).await;
            assert!(matches!(twice, Err(StoreError::AlreadyThere { .. })));
        })
        .await;
    }

    #[tokio::test]
    async fn a_buried_file_is_there_for_nobody() {
        on_both(async |trial| {
            let round = trial.round().await;
            let facts = ["map/1", "map/2", "map/3"].map(|path| file(trial, &round, Kind::Map, path));
            let mut tx = trial.store.begin("bury").await.unwrap();
            for fact in &facts {
                insert(&mut tx, fact).await.unwrap();
            }
            bury(&mut tx, facts[0].id, NOW).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(paths(&trial.store).await.unwrap(), ["map/2", "map/3"]);
            assert_eq!(living(&trial.store, &Wanted::default()).await.unwrap(), facts[1..]);
            assert_eq!(find(&trial.store, facts[0].id).await.unwrap().unwrap().deleted_at, Some(NOW));
            let mut tx = trial.store.begin("bury again").await.unwrap();
            assert!(matches!(bury(&mut tx, facts[0].id, NOW).await, Err(StoreError::NotThere { .. })));
            drop(tx);
            let mut tx = trial.store.begin("bury all").await.unwrap();
            assert_eq!(bury_retention(&mut tx, "sighting/other", NOW).await.unwrap(), 0);
            assert_eq!(bury_retention(&mut tx, &facts[0].retention, NOW).await.unwrap(), 2);
            tx.commit().await.unwrap();
            assert!(paths(&trial.store).await.unwrap().is_empty());
        })
        .await;
    }
}
