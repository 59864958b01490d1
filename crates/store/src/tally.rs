//! The figures of a round: both closed tallies, the outcomes and the ladder, summed from the counters of reports and deliveries.
//!
//! Figures that are shown together are read from one [`crate::Look`], or they need not fit each other.

use model::{HandlingTally, IntakeTally, Ladder, NodeTally, RoundId, Rung};

use crate::delivery::{Kind, outcome_tally};
use crate::engine::Reading;
use crate::problem::StoreError;
use crate::report::intake as intake_of;
use crate::statement::statement;

/// At the door: what the round's reports held.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn intake(from: impl Into<Reading<'_>>, round: &RoundId) -> Result<IntakeTally, StoreError> {
    let row = from
        .into()
        .one(
            statement(
                "/* tally::intake */ select cast(coalesce(sum(rows_read), 0) as bigint) as rows_read,
                 cast(coalesce(sum(rows_rejected), 0) as bigint) as rows_rejected,
                 cast(coalesce(sum(rows_duplicate), 0) as bigint) as rows_duplicate,
                 cast(coalesce(sum(rows_received), 0) as bigint) as rows_received
                 from report where operation = $1 and round = $2",
            )
            .id(&round.operation)
            .bind(i64::from(round.number)),
        )
        .await?;
    intake_of(&row)
}

/// In the house: received = sent + returned + withheld, over the reports that are routed. A report that is received and not yet
/// routed is in none of them.
///
/// # Errors
/// [`StoreError::OpenTally`] where it does not close, which is a fault in a deed and never shown as a figure.
pub async fn handling(from: impl Into<Reading<'_>>, round: &RoundId) -> Result<HandlingTally, StoreError> {
    let row = from
        .into()
        .one(
            statement(
                "/* tally::handling */ select
                 (select cast(coalesce(sum(rows_received), 0) as bigint) from report
                  where operation = $1 and round = $2 and state = 'routed') as received,
                 (select cast(coalesce(sum(rows_carried), 0) as bigint) from delivery
                  where operation = $1 and round = $2 and kind = 'sent') as sent,
                 (select cast(coalesce(sum(rows_counted), 0) as bigint) from reason_count
                  where operation = $1 and round = $2 and door = 'returned') as returned,
                 (select cast(coalesce(sum(rows_counted), 0) as bigint) from reason_count
                  where operation = $1 and round = $2 and door = 'withheld') as withheld",
            )
            .id(&round.operation)
            .bind(i64::from(round.number)),
        )
        .await?;
    let (received, sent) = (row.count("received")?, row.count("sent")?);
    let (returned, withheld) = (row.count("returned")?, row.count("withheld")?);
    HandlingTally::new(received, sent, returned, withheld).map_err(|_| StoreError::OpenTally {
        what: "handling",
        sum: sent.saturating_add(returned).saturating_add(withheld),
        whole: received,
    })
}

/// The outcomes of all rows of the round's deliveries of that kind: sent ones at a hub, inbound ones at a node.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn outcomes(from: impl Into<Reading<'_>>, round: &RoundId, kind: Kind) -> Result<NodeTally, StoreError> {
    let rows = from
        .into()
        .all(
            statement(
                "/* tally::outcomes */ select outcome, cast(sum(rows_counted) as bigint) as rows_counted
                 from delivery_outcome join delivery on delivery.id = delivery_outcome.delivery
                 where operation = $1 and round = $2 and kind = $3 group by outcome order by outcome",
            )
            .id(&round.operation)
            .bind(i64::from(round.number))
            .bind(kind.name()),
        )
        .await?;
    outcome_tally(&rows)
}

/// The ladder of a round at a hub. `estimated` stays none: it stands in the plan.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn ladder(from: impl Into<Reading<'_>>, round: &RoundId) -> Result<Ladder, StoreError> {
    let mut from = from.into();
    let row = from
        .one(
            statement(
                "/* tally::ladder */ select
                 (select cast(coalesce(sum(rows_received), 0) as bigint) from report
                  where operation = $1 and round = $2) as received,
                 (select cast(coalesce(sum(terminals_new_in_round), 0) as bigint) from report
                  where operation = $1 and round = $2) as terminals,
                 (select cast(coalesce(sum(rows_carried), 0) as bigint) from delivery
                  where operation = $1 and round = $2 and kind = 'sent') as sent,
                 (select cast(coalesce(sum(rows_carried), 0) as bigint) from delivery
                  where operation = $1 and round = $2 and kind = 'sent' and acknowledged_at is not null) as acknowledged",
            )
            .id(&round.operation)
            .bind(i64::from(round.number)),
        )
        .await?;
    let outcomes = outcomes(from, round, Kind::Sent).await?;
    Ok(Ladder {
        estimated: None,
        received: row.count("received")?,
        terminals: row.count("terminals")?,
        sent: row.count("sent")?,
        acknowledged: row.count("acknowledged")?,
        identified: outcomes.on(Rung::Identified),
        told: outcomes.on(Rung::Told),
        cleaned: outcomes.on(Rung::Cleaned),
    })
}

#[cfg(test)]
mod tests {
    use model::Outcome;

    use super::*;
    use crate::reason::{self, Door, Reason};
    use crate::report::{self, State, Terminals};
    use crate::trial::{NOW, on_both};
    use crate::{delivery, round};

    fn returned(rows: u64) -> Reason {
        Reason { door: Door::Returned, party: None, code: "no-partner".to_owned(), rows }
    }

    #[tokio::test]
    async fn the_figures_of_a_round_add_up() {
        on_both(async |trial| {
            let id = trial.round().await;
            let other = RoundId { number: 2, ..id.clone() };
            assert_eq!(intake(&trial.store, &id).await.unwrap(), IntakeTally::default());
            assert_eq!(handling(&trial.store, &id).await.unwrap(), HandlingTally::default());
            assert_eq!(ladder(&trial.store, &id).await.unwrap(), Ladder::default());

            let mut tx = trial.store.begin("a round").await.unwrap();
            round::open(&mut tx, &other, NOW).await.unwrap();
            for (digest, round) in [("d1", &id), ("d2", &id), ("d3", &other)] {
                let report = trial.report(round, digest);
                report::insert(&mut tx, &report, State::Received, None).await.unwrap();
                let tally = IntakeTally::new(60, 4, 6, 50).unwrap();
                let terminals = Terminals { in_report: 40, new_in_round: 25, new_in_operation: 20 };
                report::normalised(&mut tx, report.id, &report.provenance, tally, terminals).await.unwrap();
                report::routed(&mut tx, report.id).await.unwrap();
            }
            let sent = trial.delivery(&id, Kind::Sent, 70);
            let second = trial.delivery(&id, Kind::Sent, 10);
            for delivery in [&sent, &second, &trial.delivery(&id, Kind::Returned, 15)] {
                delivery::insert(&mut tx, delivery).await.unwrap();
            }
            reason::add(&mut tx, &id, &returned(15)).await.unwrap();
            let withheld = Reason { door: Door::Withheld, party: None, code: "no-ground-known".to_owned(), rows: 5 };
            reason::add(&mut tx, &id, &withheld).await.unwrap();
            let answer = NodeTally::from_counts([
                (Outcome::Told, 30),
                (Outcome::Cleaned, 10),
                (Outcome::OptedOut, 5),
                (Outcome::NotFound, 25),
            ]);
            delivery::answered(&mut tx, sent.id, answer, NOW).await.unwrap();
            tx.commit().await.unwrap();

            assert_eq!(intake(&trial.store, &id).await.unwrap(), IntakeTally::new(120, 8, 12, 100).unwrap());
            assert_eq!(handling(&trial.store, &id).await.unwrap(), HandlingTally::new(100, 80, 15, 5).unwrap());
            let all = outcomes(&trial.store, &id, Kind::Sent).await.unwrap();
            assert_eq!((all.received(), all.count(Outcome::Pending)), (80, 10));
            assert_eq!(
                ladder(&trial.store, &id).await.unwrap(),
                Ladder {
                    estimated: None,
                    received: 100,
                    terminals: 50,
                    sent: 80,
                    acknowledged: 70,
                    identified: 45,
                    told: 40,
                    cleaned: 10
                }
            );
        })
        .await;
    }

    #[tokio::test]
    async fn a_handling_that_does_not_close_is_never_shown() {
        on_both(async |trial| {
            let id = trial.round().await;
            let mut tx = trial.store.begin("a row too many").await.unwrap();
            reason::add(&mut tx, &id, &returned(1)).await.unwrap();
            tx.commit().await.unwrap();
            assert!(matches!(handling(&trial.store, &id).await, Err(StoreError::OpenTally { sum: 1, whole: 0, .. })));
        })
        .await;
    }
}
