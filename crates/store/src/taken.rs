//! What came in and was taken up once: the memory that makes inbound things idempotent.

use model::Instant;

use crate::engine::{Reading, Tx};
use crate::problem::StoreError;
use crate::statement::statement;

/// Whether something is taken up for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// It is; the caller goes on in the same transaction.
    First,
    /// It was taken up before, at that time; the caller does nothing.
    Again(Instant),
}

/// Takes up the thing of kind `what` (`answer`, `acknowledgement`, `delivery`) with that id, unless it was taken up before.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn take(tx: &mut Tx, what: &'static str, id: &str, at: Instant) -> Result<Taking, StoreError> {
    let new = tx
        .run(
            statement(
                "/* taken::take */ insert into taken (what, id, at) values ($1, $2, $3) on conflict (what, id) do nothing",
            )
            .bind(what)
            .bind(id.to_owned())
            .at(at),
        )
        .await?;
    if new == 1 {
        return Ok(Taking::First);
    }
    match when(&mut *tx, what, id).await? {
        Some(before) => Ok(Taking::Again(before)),
        // No row was written and none is there: only a fault of the engine brings that about.
        None => Err(StoreError::Damaged { statement: "taken::take", column: "at" }),
    }
}

/// When it was taken up, if it was.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn when(from: impl Into<Reading<'_>>, what: &'static str, id: &str) -> Result<Option<Instant>, StoreError> {
    from.into()
        .optional(
            statement("/* taken::when */ select at from taken where what = $1 and id = $2")
                .bind(what)
                .bind(id.to_owned()),
        )
        .await?
        .map(|row| row.at("at"))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{NOW, on_both};

    #[tokio::test]
    async fn a_second_copy_does_nothing() {
        on_both(async |trial| {
            let mut tx = trial.store.begin("take").await.unwrap();
            assert_eq!(take(&mut tx, "answer", "a-1", NOW).await.unwrap(), Taking::First);
            assert_eq!(take(&mut tx, "answer", "a-1", NOW.plus_seconds(1)).await.unwrap(), Taking::Again(NOW));
            assert_eq!(take(&mut tx, "delivery", "a-1", NOW).await.unwrap(), Taking::First);
            drop(tx);
            let mut tx = trial.store.begin("take").await.unwrap();
            assert_eq!(take(&mut tx, "answer", "a-1", NOW).await.unwrap(), Taking::First, "it was undone");
            tx.commit().await.unwrap();
            assert_eq!(when(&trial.store, "answer", "a-1").await.unwrap(), Some(NOW));
            assert_eq!(when(&trial.store, "answer", "a-2").await.unwrap(), None);
        })
        .await;
    }
}
