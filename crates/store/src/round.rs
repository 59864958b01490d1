//! The rounds of an operation.

use model::{Instant, OperationId, RoundId};

use crate::engine::{Reading, Tx};
use crate::problem::StoreError;
use crate::row::Columns;
use crate::statement::statement;

/// A round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// Its operation and number.
    pub id: RoundId,
    /// When it was opened here, or first heard of.
    pub opened_at: Instant,
    /// When its deliveries were made and put into the outbox.
    pub sent_at: Option<Instant>,
    /// When it was closed.
    pub closed_at: Option<Instant>,
}

/// Opens a round.
///
/// # Errors
/// [`StoreError::AlreadyThere`] where it is there already.
pub async fn open(tx: &mut Tx, id: &RoundId, at: Instant) -> Result<(), StoreError> {
    tx.run(
        statement("/* round::open */ insert into round (operation, number, opened_at) values ($1, $2, $3)")
            .id(&id.operation)
            .bind(i64::from(id.number))
            .at(at),
    )
    .await
    .map(|_| ())
}

/// Makes a round known that a delivery names; nothing happens where it is known.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn mention(tx: &mut Tx, id: &RoundId, at: Instant) -> Result<(), StoreError> {
    tx.run(
        statement(
            "/* round::mention */ insert into round (operation, number, opened_at) values ($1, $2, $3)
             on conflict (operation, number) do nothing",
        )
        .id(&id.operation)
        .bind(i64::from(id.number))
        .at(at),
    )
    .await
    .map(|_| ())
}

/// Notes that the round's deliveries are made; a second time (reports that came late) moves the time on.
///
/// # Errors
/// [`StoreError::NotThere`] where there is no open round.
pub async fn sent(tx: &mut Tx, id: &RoundId, at: Instant) -> Result<(), StoreError> {
    tx.change(
        statement(
            "/* round::sent */ update round set sent_at = $1 where operation = $2 and number = $3 and closed_at is null",
        )
        .at(at)
        .id(&id.operation)
        .bind(i64::from(id.number)),
        id,
    )
    .await
}

/// Closes a round.
///
/// # Errors
/// [`StoreError::NotThere`] where there is no open round.
pub async fn close(tx: &mut Tx, id: &RoundId, at: Instant) -> Result<(), StoreError> {
    tx.change(
        statement(
            "/* round::close */ update round set closed_at = $1 where operation = $2 and number = $3 and closed_at is null",
        )
        .at(at)
        .id(&id.operation)
        .bind(i64::from(id.number)),
        id,
    )
    .await
}

/// The round of that id.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn find(from: impl Into<Reading<'_>>, id: &RoundId) -> Result<Option<Round>, StoreError> {
    from.into()
        .optional(
            statement(
                "/* round::find */ select operation, number, opened_at, sent_at, closed_at from round
                 where operation = $1 and number = $2",
            )
            .id(&id.operation)
            .bind(i64::from(id.number)),
        )
        .await?
        .map(|row| round(&row))
        .transpose()
}

/// The rounds of an operation, the first first.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn of_operation(from: impl Into<Reading<'_>>, operation: &OperationId) -> Result<Vec<Round>, StoreError> {
    from.into()
        .all(
            statement(
                "/* round::of_operation */ select operation, number, opened_at, sent_at, closed_at from round
                 where operation = $1 order by number",
            )
            .id(operation),
        )
        .await?
        .iter()
        .map(round)
        .collect()
}

fn round(row: &Columns) -> Result<Round, StoreError> {
    Ok(Round {
        id: row.round("operation", "number")?,
        opened_at: row.at("opened_at")?,
        sent_at: row.maybe_at("sent_at")?,
        closed_at: row.maybe_at("closed_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{NOW, on_both};

    #[tokio::test]
    async fn rounds_open_go_out_and_close() {
        on_both(async |trial| {
            let one = trial.round().await;
            let two = RoundId { number: 2, ..one.clone() };
            let later = NOW.plus_seconds(60);
            let mut tx = trial.store.begin("rounds").await.unwrap();
            open(&mut tx, &two, later).await.unwrap();
            mention(&mut tx, &two, NOW).await.unwrap();
            sent(&mut tx, &one, NOW).await.unwrap();
            sent(&mut tx, &one, later).await.unwrap();
            close(&mut tx, &one, later).await.unwrap();
            tx.commit().await.unwrap();
            let first = Round { id: one.clone(), opened_at: NOW, sent_at: Some(later), closed_at: Some(later) };
            let second = Round { id: two.clone(), opened_at: later, sent_at: None, closed_at: None };
            assert_eq!(find(&trial.store, &one).await.unwrap(), Some(first.clone()));
            assert_eq!(of_operation(&trial.store, &one.operation).await.unwrap(), [first, second]);
            for wrong in 0..3 {
                let mut tx = trial.store.begin("wrong").await.unwrap();
                let done = match wrong {
                    0 => sent(&mut tx, &one, later).await,
                    1 => close(&mut tx, &one, later).await,
                    _ => close(&mut tx, &RoundId { number: 9, ..one.clone() }, later).await,
                };
                assert!(matches!(done, Err(StoreError::NotThere { .. })), "{wrong}");
            }
            let mut tx = trial.store.begin("again").await.unwrap();
            assert!(matches!(open(&mut tx, &two, NOW).await, Err(StoreError::AlreadyThere { .. })));
        })
        .await;
    }

    #[tokio::test]
    async fn a_round_of_an_unknown_operation_is_refused() {
        on_both(async |trial| {
            let mut tx = trial.store.begin("stray").await.unwrap();
            assert!(matches!(open(&mut tx, &"none/1".parse().unwrap(), NOW).await, Err(StoreError::Sql { .. })));
        })
        .await;
    }
}
