//! Turns: what a deed looked at is still so when it commits, or the deed does nothing.
//!
//! A deed loads, computes and commits, and no transaction spans the three. Between the first and the last another process may
//! have worked on the same round or delivery; then what was computed is of yesterday.

use crate::engine::{Reading, Tx};
use crate::problem::StoreError;
use crate::statement::statement;

/// How often something was worked on when the deed looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    what: &'static str,
    id: String,
    number: i64,
}

/// Looks, before anything else of it is read.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn look(from: impl Into<Reading<'_>>, what: &'static str, id: &impl ToString) -> Result<Turn, StoreError> {
    let id = id.to_string();
    let row = from
        .into()
        .optional(
            statement("/* turn::look */ select number from turn where what = $1 and id = $2")
                .bind(what)
                .bind(id.clone()),
        )
        .await?;
    let number = row.map_or(Ok(0), |row| row.number("number"))?;
    Ok(Turn { what, id, number })
}

/// Takes the turn, in the transaction that changes it.
///
/// # Errors
/// [`StoreError::Overtaken`] where somebody else took one since the look.
pub async fn take(tx: &mut Tx, turn: &Turn) -> Result<(), StoreError> {
    let text = if turn.number == 0 {
        statement(
            "/* turn::first */ insert into turn (what, id, number) values ($1, $2, $3 + 1) on conflict (what, id) do nothing",
        )
    } else {
        statement("/* turn::next */ update turn set number = number + 1 where what = $1 and id = $2 and number = $3")
    };
    match tx.run(text.bind(turn.what).bind(turn.id.clone()).bind(turn.number)).await? {
        1 => Ok(()),
        _ => {
            tx.spoil();
            Err(StoreError::Overtaken { what: turn.what, id: turn.id.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::on_both;

    #[tokio::test]
    async fn of_two_who_looked_at_the_same_one_goes_on() {
        on_both(async |trial| {
            for _ in 0..3 {
                let one = look(&trial.store, "round", &"r/1").await.unwrap();
                let other = look(&trial.store, "round", &"r/1").await.unwrap();
                let elsewhere = look(&trial.store, "round", &"r/2").await.unwrap();
                let mut tx = trial.store.begin("one").await.unwrap();
                take(&mut tx, &one).await.unwrap();
                tx.commit().await.unwrap();
                let mut tx = trial.store.begin("other").await.unwrap();
                assert!(matches!(take(&mut tx, &other).await, Err(StoreError::Overtaken { .. })));
                assert!(matches!(tx.commit().await, Err(StoreError::Broken { .. })));
                let mut tx = trial.store.begin("elsewhere").await.unwrap();
                take(&mut tx, &elsewhere).await.unwrap();
                tx.rollback().await.unwrap();
            }
        })
        .await;
    }
}
