//! Reports: what one source handed over at one time, how far it has come, and its counters. Its bytes lie in the archive.

use model::{DecisionId, Instant, IntakeTally, Report, ReportId, RoundId};

use crate::engine::{Reading, Tx};
use crate::problem::StoreError;
use crate::row::{Columns, names};
use crate::statement::statement;

names! {
    /// How far a report has come.
    State {
        /// The gate refused to receive it: only its keyed digest and the leaf are kept.
        Refused = "refused",
        /// Its file is kept.
        Received = "received",
        /// Its rows are read.
        Normalised = "normalised",
        /// For each row it is known who can act.
        Routed = "routed",
    }
}

/// Distinct terminals (an address, with the port where one was given), counted while normalising.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terminals {
    /// In this report.
    pub in_report: u64,
    /// Those of them that no earlier report of the round named.
    pub new_in_round: u64,
    /// Those of them that no earlier report of the operation named.
    pub new_in_operation: u64,
}

/// A report as it stands in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What is known about the file.
    pub report: Report,
    /// How far it has come.
    pub state: State,
    /// The decision under which it was received.
    pub decision: Option<DecisionId>,
    /// Its rows: all zero until they are read.
    pub tally: IntakeTally,
    /// Its terminals: all zero until its rows are read.
    pub terminals: Terminals,
}

/// Records a report that was received, or refused.
///
/// # Errors
/// [`StoreError::AlreadyThere`] where the same file (by its keyed digest) was received into the round before.
pub async fn insert(
    tx: &mut Tx,
    report: &Report,
    state: State,
    decision: Option<DecisionId>,
) -> Result<(), StoreError> {
    // Strings alone: always serialises.
    let provenance = serde_json::to_string(&report.provenance).unwrap_or_default();
    tx.run(
        statement(
            "/* report::insert */ insert into report (id, operation, round, author, relay, received_at, file, size, digest,
             provenance, state, decision, rows_read, rows_rejected, rows_duplicate, rows_received,
             terminals, terminals_new_in_round, terminals_new_in_operation)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, 0, 0, 0, 0, 0)",
        )
        .id(&report.id)
        .id(&report.round.operation)
        .bind(i64::from(report.round.number))
        .id(&report.author)
        .id(&report.relay)
        .at(report.received)
        .id(&report.file)
        .count(report.size)
        .id(&report.digest)
        .bind(provenance)
        .bind(state.name())
        .maybe_id(decision.as_ref()),
    )
    .await
    .map(|_| ())
}

/// Notes that the rows are read. Provenance is written anew, since only reading settles it.
///
/// # Errors
/// [`StoreError::NotThere`] where the report is not in the state `received`.
pub async fn normalised(
    tx: &mut Tx,
    id: ReportId,
    provenance: &model::Provenance,
    tally: IntakeTally,
    terminals: Terminals,
) -> Result<(), StoreError> {
    let provenance = serde_json::to_string(provenance).unwrap_or_default();
    tx.change(
        statement(
            "/* report::normalised */ update report set state = 'normalised', provenance = $1,
             rows_read = $2, rows_rejected = $3, rows_duplicate = $4, rows_received = $5,
             terminals = $6, terminals_new_in_round = $7, terminals_new_in_operation = $8
             where id = $9 and state = 'received'",
        )
        .bind(provenance)
        .count(tally.read())
        .count(tally.rejected())
        .count(tally.duplicate())
        .count(tally.received())
        .count(terminals.in_report)
        .count(terminals.new_in_round)
        .count(terminals.new_in_operation)
        .id(&id),
        &id,
    )
    .await
}

/// Notes that it is known for each row who can act.
///
/// # Errors
/// [`StoreError::NotThere`] where the report is not in the state `normalised`.
pub async fn routed(tx: &mut Tx, id: ReportId) -> Result<(), StoreError> {
    tx.change(
        statement("/* report::routed */ update report set state = 'routed' where id = $1 and state = 'normalised'")
            .id(&id),
        &id,
    )
    .await
}

/// The report of that id.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn find(from: impl Into<Reading<'_>>, id: ReportId) -> Result<Option<Row>, StoreError> {
    from.into()
        .optional(
            statement(
                "/* report::find */ select id, operation, round, author, relay, received_at, file, size, digest, provenance,
                 state, decision, rows_read, rows_rejected, rows_duplicate, rows_received,
                 terminals, terminals_new_in_round, terminals_new_in_operation from report where id = $1",
            )
            .id(&id),
        )
        .await?
        .map(|row| report(&row))
        .transpose()
}

/// Every report with that keyed digest, in whatever operation and round: the same file, handed in again.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn same_file(from: impl Into<Reading<'_>>, digest: &str) -> Result<Vec<Row>, StoreError> {
    from.into()
        .all(
            statement(
                "/* report::same_file */ select id, operation, round, author, relay, received_at, file, size, digest,
                 provenance, state, decision, rows_read, rows_rejected, rows_duplicate, rows_received,
                 terminals, terminals_new_in_round, terminals_new_in_operation from report
                 where digest = $1 order by received_at, id",
            )
            .bind(digest.to_owned()),
        )
        .await?
        .iter()
        .map(report)
        .collect()
}

/// The reports of a round, in order of receipt.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn of_round(from: impl Into<Reading<'_>>, round: &RoundId) -> Result<Vec<Row>, StoreError> {
    from.into()
        .all(
            statement(
                "/* report::of_round */ select id, operation, round, author, relay, received_at, file, size, digest,
                 provenance, state, decision, rows_read, rows_rejected, rows_duplicate, rows_received,
                 terminals, terminals_new_in_round, terminals_new_in_operation from report
                 where operation = $1 and round = $2 order by received_at, id",
            )
            .id(&round.operation)
            .bind(i64::from(round.number)),
        )
        .await?
        .iter()
        .map(report)
        .collect()
}

/// The reports that stand in that state, in order of receipt: what is still to be read, or routed.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn in_state(from: impl Into<Reading<'_>>, state: State) -> Result<Vec<Row>, StoreError> {
    from.into()
        .all(
            statement(
                "/* report::in_state */ select id, operation, round, author, relay, received_at, file, size, digest,
                 provenance, state, decision, rows_read, rows_rejected, rows_duplicate, rows_received,
                 terminals, terminals_new_in_round, terminals_new_in_operation from report
                 where state = $1 order by received_at, id",
            )
            .bind(state.name()),
        )
        .await?
        .iter()
        .map(report)
        .collect()
}

fn report(row: &Columns) -> Result<Row, StoreError> {
    Ok(Row {
        report: Report {
            id: row.parsed("id")?,
            round: row.round("operation", "round")?,
            author: row.parsed("author")?,
            relay: row.parsed("relay")?,
            received: row.at("received_at")?,
            file: row.text("file")?,
            size: row.count("size")?,
            digest: row.text("digest")?,
            provenance: row.json("provenance")?,
        },
        state: row.parsed("state")?,
        decision: row.maybe_parsed("decision")?,
        tally: intake(row)?,
        terminals: Terminals {
            in_report: row.count("terminals")?,
            new_in_round: row.count("terminals_new_in_round")?,
            new_in_operation: row.count("terminals_new_in_operation")?,
        },
    })
}

/// The tally of the four columns of these names.
pub(crate) fn intake(row: &Columns) -> Result<IntakeTally, StoreError> {
    IntakeTally::new(
        row.count("rows_read")?,
        row.count("rows_rejected")?,
        row.count("rows_duplicate")?,
        row.count("rows_received")?,
    )
    .map_err(|_| StoreError::Damaged { statement: row.statement, column: "rows_read" })
}

/// When the newest report of a round was received.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn newest(from: impl Into<Reading<'_>>, round: &RoundId) -> Result<Option<Instant>, StoreError> {
    from.into()
        .one(
            statement(
                "/* report::newest */ select max(received_at) as newest from report where operation = $1 and round = $2",
            )
            .id(&round.operation)
            .bind(i64::from(round.number)),
        )
        .await?
        .maybe_at("newest")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{NOW, on_both};

    #[tokio::test]
    async fn a_report_goes_step_by_step() {
        on_both(async |trial| {
            let round = trial.round().await;
            let report = trial.report(&round, "d1");
            let decision = Some(trial.decision());
            let mut tx = trial.store.begin("receive").await.unwrap();
            insert(&mut tx, &report, State::Received, decision).await.unwrap();
            tx.commit().await.unwrap();
            let (tally, terminals) = (IntakeTally::default(), Terminals::default());
            let received = Row { report: report.clone(), state: State::Received, decision, tally, terminals };
            assert_eq!(find(&trial.store, report.id).await.unwrap(), Some(received.clone()));
            assert_eq!(in_state(&trial.store, State::Received).await.unwrap(), [received]);

            let mut tx = trial.store.begin("skip a step").await.unwrap();
            assert!(matches!(routed(&mut tx, report.id).await, Err(StoreError::NotThere { .. })));
            drop(tx);
            let tally = IntakeTally::new(100, 3, 7, 90).unwrap();
            let terminals = Terminals { in_report: 80, new_in_round: 60, new_in_operation: 20 };
            let provenance = model::Provenance { mapping: "minato-3".to_owned(), ..report.provenance.clone() };
            let mut tx = trial.store.begin("normalise").await.unwrap();
            normalised(&mut tx, report.id, &provenance, tally, terminals).await.unwrap();
            routed(&mut tx, report.id).await.unwrap();
            tx.commit().await.unwrap();
            let read = Report { provenance: provenance.clone(), ..report.clone() };
            let row = Row { report: read, state: State::Routed, decision, tally, terminals };
            assert_eq!(of_round(&trial.store, &round).await.unwrap(), [row]);
            assert_eq!(newest(&trial.store, &round).await.unwrap(), Some(NOW));
            let mut tx = trial.store.begin("a step twice").await.unwrap();
            let again = normalised(&mut tx, report.id, &provenance, tally, terminals).await;
            assert!(matches!(again, Err(StoreError::NotThere { .. })));
        })
        .await;
    }

    #[tokio::test]
    async fn the_same_file_is_found_anywhere_and_taken_once_per_round() {
        on_both(async |trial| {
            let one = trial.round().await;
            let two = RoundId { number: 2, ..one.clone() };
            let first = trial.report(&one, "d1");
            let elsewhere = trial.report(&two, "d1");
            let mut tx = trial.store.begin("receive").await.unwrap();
            crate::round::open(&mut tx, &two, NOW).await.unwrap();
            insert(&mut tx, &first, State::Received, None).await.unwrap();
            insert(&mut tx, &elsewhere, State::Received, None).await.unwrap();
            tx.commit().await.unwrap();
            let found = same_file(&trial.store, "d1").await.unwrap();
            let rounds: Vec<_> = found.iter().map(|row| row.report.round.number).collect();
            assert_eq!(rounds.len(), 2);
            assert!(rounds.contains(&1) && rounds.contains(&2));
            assert!(same_file(&trial.store, "d2").await.unwrap().is_empty());
            let mut tx = trial.store.begin("twice").await.unwrap();
            let twice = insert(&mut tx, &trial.report(&one, "d1"), State::Received, None).await;
            assert!(matches!(twice, Err(StoreError::AlreadyThere { .. })));
        })
        .await;
    }

    #[tokio::test]
    async fn what_the_gate_refused_may_come_again() {
        on_both(async |trial| {
            let round = trial.round().await;
            let mut tx = trial.store.begin("refused twice, then received").await.unwrap();
            for state in [State::Refused, State::Refused, State::Received] {
                insert(&mut tx, &trial.report(&round, "d1"), state, Some(trial.decision())).await.unwrap();
            }
            tx.commit().await.unwrap();
            assert_eq!(same_file(&trial.store, "d1").await.unwrap().len(), 3);
        })
        .await;
    }

    #[tokio::test]
    async fn an_open_tally_is_not_kept_and_not_shown() {
        on_both(async |trial| {
            let round = trial.round().await;
            let report = trial.report(&round, "d1");
            let mut tx = trial.store.begin("receive").await.unwrap();
            insert(&mut tx, &report, State::Received, None).await.unwrap();
            tx.commit().await.unwrap();
            let mut tx = trial.store.begin("by hand").await.unwrap();
            assert!(tx.run(statement("/* test::open */ update report set rows_read = 1")).await.is_err());
        })
        .await;
    }
}
