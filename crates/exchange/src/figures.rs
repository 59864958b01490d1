//! Figures: the table of rounds, the ladder and both tallies, as they stand in the state's counters.

use model::{HandlingTally, IntakeTally, Ladder, NodeTally, OperationId, RoundId};
use serde::Serialize;

use crate::house::House;
use crate::problem::DeedError;

/// The figures of one round, or of all.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// The round; none in the line of totals.
    pub round: Option<RoundId>,
    /// At the door.
    pub intake: IntakeTally,
    /// Reports that the gate refused: nothing of them is kept but a keyed digest, so their rows are not known and in no tally.
    pub refused_reports: u64,
    /// In the house. Rows received and not yet sent, returned or withheld are in none of its columns.
    pub handling: HandlingTally,
    /// Sent over received, in permille: a routing rate. It is the published 対応率 only where nothing was withheld.
    pub routing_permille: Option<u64>,
    /// The ladder.
    pub ladder: Ladder,
    /// What partners answered for the rows that were sent.
    pub outcomes: Vec<(model::Outcome, u64)>,
}

/// One line of a round: a delivery.
#[derive(Debug, Clone)]
pub struct DeliveryLine {
    /// The delivery.
    pub delivery: store::delivery::Delivery,
    /// What came back for it.
    pub outcomes: NodeTally,
}

impl House {
    /// The figures of a round.
    ///
    /// # Errors
    /// [`DeedError`] where the round is not known, or its tallies do not close (which is a fault and never shown).
    pub async fn round_figures(&self, round: &RoundId) -> Result<Figures, DeedError> {
        if store::round::find(&self.store, round).await?.is_none() {
            return Err(DeedError::NotFound { what: "round", id: round.to_string() });
        }
        let intake = store::tally::intake(&self.store, round).await?;
        let reports = store::report::of_round(&self.store, round).await?;
        let refused_reports = reports.iter().filter(|row| row.state == store::report::State::Refused).count() as u64;
        let handling = store::tally::handling(&self.store, round).await?;
        let ladder = store::tally::ladder(&self.store, round).await?;
        let outcomes = store::tally::outcomes(&self.store, round, store::delivery::Kind::Sent).await?;
        Ok(Figures {
            round: Some(round.clone()),
            intake,
            refused_reports,
            handling,
            routing_permille: handling.routing_permille(),
            ladder,
            outcomes: outcomes.iter().collect(),
        })
    }

    /// The figures of every round of an operation, and of all of them together, which come last.
    ///
    /// Terminals of the whole operation are counted once, however many rounds named them.
    ///
    /// # Errors
    /// As [`House::round_figures`].
    pub async fn operation_figures(&self, operation: &OperationId) -> Result<Vec<Figures>, DeedError> {
        let planned = self.plan(operation).await?;
        let mut lines = Vec::new();
        let mut intake = IntakeTally::default();
        let mut refused_reports = 0;
        let mut handling = HandlingTally::default();
        let mut outcomes = NodeTally::default();
        let mut ladder = Ladder { estimated: planned.plan.estimated_infected, ..Ladder::default() };
        for round in store::round::of_operation(&self.store, operation).await? {
            let figures = self.round_figures(&round.id).await?;
            intake = intake + figures.intake;
            refused_reports += figures.refused_reports;
            handling = handling + figures.handling;
            outcomes = outcomes + NodeTally::from_counts(figures.outcomes.iter().copied());
            ladder.received += figures.ladder.received;
            ladder.sent += figures.ladder.sent;
            ladder.acknowledged += figures.ladder.acknowledged;
            ladder.identified += figures.ladder.identified;
            ladder.told += figures.ladder.told;
            ladder.cleaned += figures.ladder.cleaned;
            for row in store::report::of_round(&self.store, &round.id).await? {
                ladder.terminals += row.terminals.new_in_operation;
            }
            lines.push(figures);
        }
        lines.push(Figures {
            round: None,
            intake,
            refused_reports,
            handling,
            routing_permille: handling.routing_permille(),
            ladder,
            outcomes: outcomes.iter().collect(),
        });
        Ok(lines)
    }

    /// Why rows of a round were returned or withheld, and how many.
    ///
    /// # Errors
    /// [`DeedError`] where the state fails.
    pub async fn reasons_of(&self, round: &RoundId) -> Result<Vec<store::reason::Reason>, DeedError> {
        Ok(store::reason::of_round(&self.store, round).await?)
    }

    /// The deliveries of a round, each with what came back.
    ///
    /// # Errors
    /// [`DeedError`] where the state fails.
    pub async fn deliveries_of(&self, round: &RoundId) -> Result<Vec<DeliveryLine>, DeedError> {
        let mut lines = Vec::new();
        for delivery in store::delivery::of_round(&self.store, round).await? {
            let outcomes = store::delivery::outcomes(&self.store, delivery.id).await?;
            lines.push(DeliveryLine { delivery, outcomes });
        }
        Ok(lines)
    }
}
