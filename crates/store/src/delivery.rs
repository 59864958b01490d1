//! Deliveries: the bundle that one partner gets (or a node got) in one round, how far it has come, and what came of it.

use model::{DecisionId, DeliveryId, Instant, NodeTally, Outcome, PartyId, RoundId};

use crate::engine::{Reading, Tx};
use crate::problem::StoreError;
use crate::row::{Columns, names};
use crate::statement::statement;

names! {
    /// Which way a delivery goes.
    Kind {
        /// To a partner that can act.
        Sent = "sent",
        /// Back to the reporter.
        Returned = "returned",
        /// In, at a node.
        Inbound = "inbound",
        /// It was to be sent, and the law of the moment of sending kept it back: its rows count as withheld.
        Withheld = "withheld",
    }
}

/// How far a delivery has come; told by its times, so that the two cannot differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Made, on its way.
    Made,
    /// It could not be carried; somebody must look.
    Failed,
    /// Carried.
    Carried,
    /// The partner says that it has it.
    Acknowledged,
    /// The partner has answered, in part or in full.
    Answered,
}

/// One delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The round.
    pub round: RoundId,
    /// To whom it goes; at a node, from whom it came.
    pub party: PartyId,
    /// Which way it goes.
    pub kind: Kind,
    /// How many rows.
    pub rows: u64,
    /// How many distinct terminals among them.
    pub terminals: u64,
    /// When it was made; at a node, when it was received.
    pub made_at: Instant,
    /// When it was carried.
    pub carried_at: Option<Instant>,
    /// When the partner acknowledged it.
    pub acknowledged_at: Option<Instant>,
    /// When the partner last answered.
    pub answered_at: Option<Instant>,
    /// When carrying it was given up.
    pub failed_at: Option<Instant>,
    /// The decision under which it was made.
    pub decision: Option<DecisionId>,
    /// The ticket in the subject of its mail.
    pub ticket: String,
    /// The format that it is rendered in.
    pub format: String,
    /// The ground, as the letter states it.
    pub ground: String,
    /// The hash of the letter's template, hexadecimal, where there is a letter.
    pub template: Option<String>,
}

impl Delivery {
    /// How far it has come.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        if self.answered_at.is_some() {
            Stage::Answered
        } else if self.acknowledged_at.is_some() {
            Stage::Acknowledged
        } else if self.carried_at.is_some() {
            Stage::Carried
        } else if self.failed_at.is_some() {
            Stage::Failed
        } else {
            Stage::Made
        }
    }
}

/// Records a delivery. What can be answered (sent, inbound) begins with all its rows pending.
///
/// # Errors
/// [`StoreError::AlreadyThere`] where its id or ticket is there already.
pub async fn insert(tx: &mut Tx, delivery: &Delivery) -> Result<(), StoreError> {
    tx.run(
        statement(
            "/* delivery::insert */ insert into delivery (id, operation, round, party, kind, rows_carried, terminals, made_at,
             carried_at, acknowledged_at, answered_at, failed_at, decision, ticket, format, ground, template)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        )
        .id(&delivery.id)
        .id(&delivery.round.operation)
        .bind(i64::from(delivery.round.number))
        .id(&delivery.party)
        .bind(delivery.kind.name())
        .count(delivery.rows)
        .count(delivery.terminals)
        .at(delivery.made_at)
        .maybe_at(delivery.carried_at)
        .maybe_at(delivery.acknowledged_at)
        .maybe_at(delivery.answered_at)
        .maybe_at(delivery.failed_at)
        .maybe_id(delivery.decision.as_ref())
        .id(&delivery.ticket)
        .id(&delivery.format)
        .id(&delivery.ground)
        .maybe_id(delivery.template.as_ref()),
    )
    .await?;
    if delivery.kind != Kind::Returned {
        let pending = NodeTally::from_counts([(Outcome::Pending, delivery.rows)]);
        set_outcomes(tx, delivery.id, pending).await?;
    }
    Ok(())
}

/// Notes that it was carried. The first time stands; an earlier failure is over.
///
/// # Errors
/// [`StoreError::NotThere`] where there is no such delivery.
pub async fn carried(tx: &mut Tx, id: DeliveryId, at: Instant) -> Result<(), StoreError> {
    tx.change(
        statement(
            "/* delivery::carried */ update delivery set carried_at = coalesce(carried_at, $1), failed_at = null where id = $2",
        )
        .at(at)
        .id(&id),
        &id,
    )
    .await
}

/// Notes that carrying it was given up.
///
/// # Errors
/// [`StoreError::NotThere`] where there is no such delivery.
pub async fn failed(tx: &mut Tx, id: DeliveryId, at: Instant) -> Result<(), StoreError> {
    tx.change(statement("/* delivery::failed */ update delivery set failed_at = $1 where id = $2").at(at).id(&id), &id)
        .await
}

/// Notes that the law of the moment of sending kept it back.
///
/// # Errors
/// [`StoreError::NotThere`] where there is no such delivery, or it was carried before.
pub async fn withheld(tx: &mut Tx, id: DeliveryId, at: Instant) -> Result<(), StoreError> {
    tx.change(
        statement(
            "/* delivery::withheld */ update delivery set failed_at = $1, kind = 'withheld'
             where id = $2 and kind = 'sent' and carried_at is null and acknowledged_at is null",
        )
        .at(at)
        .id(&id),
        &id,
    )
    .await
}

/// Notes that the partner has it. The first time stands; what is acknowledged was carried, even where a crash came before that
/// was written down.
///
/// # Errors
/// [`StoreError::NotThere`] where there is no such delivery.
pub async fn acknowledged(tx: &mut Tx, id: DeliveryId, at: Instant) -> Result<(), StoreError> {
    tx.change(
        statement(
            "/* delivery::acknowledged */ update delivery set acknowledged_at = coalesce(acknowledged_at, $1),
             carried_at = coalesce(carried_at, $1), failed_at = null where id = $2",
        )
        .at(at)
        .id(&id),
        &id,
    )
    .await
}

/// Notes that the partner answered, with the outcomes of all rows as they stand now. The last time stands; an answer
/// acknowledges.
///
/// # Errors
/// [`StoreError::NotThere`] where there is no such delivery; [`StoreError::OpenTally`] where the outcomes are not its rows.
pub async fn answered(tx: &mut Tx, id: DeliveryId, outcomes: NodeTally, at: Instant) -> Result<(), StoreError> {
    tx.change(
        statement(
            "/* delivery::answered */ update delivery set answered_at = $1, acknowledged_at = coalesce(acknowledged_at, $1),
             carried_at = coalesce(carried_at, $1), failed_at = null where id = $2",
        )
        .at(at)
        .id(&id),
        &id,
    )
    .await?;
    set_outcomes(tx, id, outcomes).await
}

/// Sets the counters by outcome. INVARIANT: they add up to the delivery's rows.
///
/// # Errors
/// [`StoreError::NotThere`] where there is no such delivery; [`StoreError::OpenTally`] where the outcomes are not its rows.
pub async fn set_outcomes(tx: &mut Tx, id: DeliveryId, outcomes: NodeTally) -> Result<(), StoreError> {
    let Some(delivery) = find(&mut *tx, id).await? else {
        tx.spoil();
        return Err(StoreError::NotThere { statement: "delivery::set_outcomes", id: id.to_string() });
    };
    if outcomes.received() != delivery.rows {
        tx.spoil();
        return Err(StoreError::OpenTally { what: "outcomes", sum: outcomes.received(), whole: delivery.rows });
    }
    tx.run(statement("/* delivery::forget_outcomes */ delete from delivery_outcome where delivery = $1").id(&id))
        .await?;
    for (outcome, rows) in outcomes.iter().filter(|(_, rows)| *rows > 0) {
        tx.run(
            statement(
                "/* delivery::set_outcomes */ insert into delivery_outcome (delivery, outcome, rows_counted) values ($1, $2, $3)",
            )
            .id(&id)
            .bind(outcome.name())
            .count(rows),
        )
        .await?;
    }
    Ok(())
}

/// The delivery's rows by outcome.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn outcomes(from: impl Into<Reading<'_>>, id: DeliveryId) -> Result<NodeTally, StoreError> {
    let rows = from
        .into()
        .all(
            statement(
                "/* delivery::outcomes */ select outcome, rows_counted from delivery_outcome where delivery = $1",
            )
            .id(&id),
        )
        .await?;
    outcome_tally(&rows)
}

/// The tally of rows with an outcome and a count.
pub(crate) fn outcome_tally(rows: &[Columns]) -> Result<NodeTally, StoreError> {
    let mut counts = Vec::with_capacity(rows.len());
    for row in rows {
        counts.push((row.parsed::<Outcome>("outcome")?, row.count("rows_counted")?));
    }
    Ok(NodeTally::from_counts(counts))
}

/// The delivery of that id.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn find(from: impl Into<Reading<'_>>, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
    from.into()
        .optional(
            statement(
                "/* delivery::find */ select id, operation, round, party, kind, rows_carried, terminals, made_at, carried_at,
                 acknowledged_at, answered_at, failed_at, decision, ticket, format, ground, template from delivery
                 where id = $1",
            )
            .id(&id),
        )
        .await?
        .map(|row| delivery(&row))
        .transpose()
}

/// The delivery with that ticket.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn by_ticket(from: impl Into<Reading<'_>>, ticket: &str) -> Result<Option<Delivery>, StoreError> {
    from.into()
        .optional(
            statement(
                "/* delivery::by_ticket */ select id, operation, round, party, kind, rows_carried, terminals, made_at,
                 carried_at, acknowledged_at, answered_at, failed_at, decision, ticket, format, ground, template from delivery
                 where ticket = $1",
            )
            .bind(ticket.to_owned()),
        )
        .await?
        .map(|row| delivery(&row))
        .transpose()
}

/// The deliveries of a round, in the order in which they were made.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn of_round(from: impl Into<Reading<'_>>, round: &RoundId) -> Result<Vec<Delivery>, StoreError> {
    from.into()
        .all(
            statement(
                "/* delivery::of_round */ select id, operation, round, party, kind, rows_carried, terminals, made_at, carried_at,
                 acknowledged_at, answered_at, failed_at, decision, ticket, format, ground, template from delivery
                 where operation = $1 and round = $2 order by made_at, id",
            )
            .id(&round.operation)
            .bind(i64::from(round.number)),
        )
        .await?
        .iter()
        .map(delivery)
        .collect()
}

fn delivery(row: &Columns) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        id: row.parsed("id")?,
        round: row.round("operation", "round")?,
        party: row.parsed("party")?,
        kind: row.parsed("kind")?,
        rows: row.count("rows_carried")?,
        terminals: row.count("terminals")?,
        made_at: row.at("made_at")?,
        carried_at: row.maybe_at("carried_at")?,
        acknowledged_at: row.maybe_at("acknowledged_at")?,
        answered_at: row.maybe_at("answered_at")?,
        failed_at: row.maybe_at("failed_at")?,
        decision: row.maybe_parsed("decision")?,
        ticket: row.text("ticket")?,
        format: row.text("format")?,
        ground: row.text("ground")?,
        template: row.maybe_text("template")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{NOW, on_both};

    #[tokio::test]
    async fn a_delivery_is_carried_acknowledged_and_answered() {
        on_both(async |trial| {
            let round = trial.round().await;
            let new = trial.delivery(&round, Kind::Sent, 10);
            let mut tx = trial.store.begin("make").await.unwrap();
            insert(&mut tx, &new).await.unwrap();
            tx.commit().await.unwrap();
            let found = find(&trial.store, new.id).await.unwrap().unwrap();
            assert_eq!((&found, found.stage()), (&new, Stage::Made));
            assert_eq!(by_ticket(&trial.store, &new.ticket).await.unwrap(), Some(new.clone()));
            assert_eq!(by_ticket(&trial.store, "NR-000000000000").await.unwrap(), None);
            let pending = NodeTally::from_counts([(Outcome::Pending, 10)]);
            assert_eq!(outcomes(&trial.store, new.id).await.unwrap(), pending);

            let mut tx = trial.store.begin("fail, then carry").await.unwrap();
            failed(&mut tx, new.id, NOW).await.unwrap();
            assert_eq!(find(&mut tx, new.id).await.unwrap().unwrap().stage(), Stage::Failed);
            carried(&mut tx, new.id, NOW.plus_seconds(1)).await.unwrap();
            carried(&mut tx, new.id, NOW.plus_seconds(2)).await.unwrap();
            let now = find(&mut tx, new.id).await.unwrap().unwrap();
            assert_eq!((now.stage(), now.carried_at), (Stage::Carried, Some(NOW.plus_seconds(1))));
            acknowledged(&mut tx, new.id, NOW.plus_seconds(3)).await.unwrap();
            assert_eq!(find(&mut tx, new.id).await.unwrap().unwrap().stage(), Stage::Acknowledged);
            let answer = NodeTally::from_counts([(Outcome::Told, 4), (Outcome::NotFound, 6)]);
            answered(&mut tx, new.id, answer, NOW.plus_seconds(4)).await.unwrap();
            let correction =
                NodeTally::from_counts([(Outcome::Cleaned, 1), (Outcome::Told, 3), (Outcome::NotFound, 6)]);
            answered(&mut tx, new.id, correction, NOW.plus_seconds(5)).await.unwrap();
            tx.commit().await.unwrap();
            let end = find(&trial.store, new.id).await.unwrap().unwrap();
            assert_eq!((end.stage(), end.answered_at), (Stage::Answered, Some(NOW.plus_seconds(5))));
            assert_eq!(outcomes(&trial.store, new.id).await.unwrap(), correction);
            assert_eq!(of_round(&trial.store, &round).await.unwrap(), [end]);
        })
        .await;
    }

    #[tokio::test]
    async fn an_answer_that_came_first_says_that_it_was_carried() {
        on_both(async |trial| {
            let round = trial.round().await;
            let new = trial.delivery(&round, Kind::Sent, 1);
            let told = NodeTally::from_counts([(Outcome::Told, 1)]);
            let mut tx = trial.store.begin("answer").await.unwrap();
            insert(&mut tx, &new).await.unwrap();
            answered(&mut tx, new.id, told, NOW).await.unwrap();
            carried(&mut tx, new.id, NOW.plus_seconds(9)).await.unwrap();
            tx.commit().await.unwrap();
            let found = find(&trial.store, new.id).await.unwrap().unwrap();
            assert_eq!((found.carried_at, found.acknowledged_at), (Some(NOW), Some(NOW)));
        })
        .await;
    }

    #[tokio::test]
    async fn outcomes_that_are_not_the_rows_are_refused() {
        on_both(async |trial| {
            let round = trial.round().await;
            let new = trial.delivery(&round, Kind::Sent, 10);
            let mut tx = trial.store.begin("make").await.unwrap();
            insert(&mut tx, &new).await.unwrap();
            tx.commit().await.unwrap();
            for rows in [9, 11] {
                let wrong = NodeTally::from_counts([(Outcome::Told, rows)]);
                let mut tx = trial.store.begin("answer").await.unwrap();
                let answer = answered(&mut tx, new.id, wrong, NOW).await;
                assert!(matches!(answer, Err(StoreError::OpenTally { sum, whole: 10, .. }) if sum == rows));
                assert!(matches!(tx.commit().await, Err(StoreError::Broken { .. })));
            }
            let found = find(&trial.store, new.id).await.unwrap().unwrap();
            assert_eq!(found.answered_at, None, "the refused answer left nothing");
            let mut tx = trial.store.begin("nobody's").await.unwrap();
            let stray = set_outcomes(&mut tx, trial.delivery(&round, Kind::Sent, 0).id, NodeTally::default()).await;
            assert!(matches!(stray, Err(StoreError::NotThere { .. })));
        })
        .await;
    }
}
