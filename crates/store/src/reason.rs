//! Why rows were returned or withheld, counted per round, door, party and reason. Never the rows themselves.

use model::{PartyId, RoundId};

use crate::engine::{Reading, Tx};
use crate::problem::StoreError;
use crate::row::names;
use crate::statement::statement;

names! {
    /// The door by which rows left that were not sent.
    Door {
        /// Handed back to their reporter (返却).
        Returned = "returned",
        /// Kept back by law, tag or inhibition (保留).
        Withheld = "withheld",
    }
}

/// So many rows for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// By which door they left.
    pub door: Door,
    /// Whom it concerned, where it concerned one party: who would have received them.
    pub party: Option<PartyId>,
    /// The stable code of the reason, such as `no-partner` or `no-ground-known`.
    pub code: String,
    /// How many rows.
    pub rows: u64,
}

/// Adds to the count of a reason.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn add(tx: &mut Tx, round: &RoundId, reason: &Reason) -> Result<(), StoreError> {
    tx.run(
        statement(
            "/* reason::add */ insert into reason_count (operation, round, door, party, reason, rows_counted)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (operation, round, door, party, reason)
             do update set rows_counted = reason_count.rows_counted + excluded.rows_counted",
        )
        .id(&round.operation)
        .bind(i64::from(round.number))
        .bind(reason.door.name())
        .bind(reason.party.as_ref().map(ToString::to_string).unwrap_or_default())
        .id(&reason.code)
        .count(reason.rows),
    )
    .await
    .map(|_| ())
}

/// All reasons of a round.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn of_round(from: impl Into<Reading<'_>>, round: &RoundId) -> Result<Vec<Reason>, StoreError> {
    from.into()
        .all(
            statement(
                "/* reason::of_round */ select door, party, reason, rows_counted from reason_count
                 where operation = $1 and round = $2 order by door, party, reason",
            )
            .id(&round.operation)
            .bind(i64::from(round.number)),
        )
        .await?
        .iter()
        .map(|row| {
            let party = match row.text("party")?.as_str() {
                "" => None,
                _ => Some(row.parsed("party")?),
            };
            Ok(Reason { door: row.parsed("door")?, party, code: row.text("reason")?, rows: row.count("rows_counted")? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::on_both;

    #[tokio::test]
    async fn counts_add_up_by_door_party_and_reason() {
        on_both(async |trial| {
            let round = trial.round().await;
            let reason = |door, party: Option<&str>, code: &str, rows| Reason {
                door,
                party: party.map(|p| p.parse().unwrap()),
                code: code.to_owned(),
                rows,
            };
            let mut tx = trial.store.begin("reasons").await.unwrap();
            for one in [
                reason(Door::Withheld, Some("isp-hokuto"), "no-ground-known", 5),
                reason(Door::Returned, None, "no-partner", 7),
                reason(Door::Returned, None, "no-partner", 4),
                reason(Door::Withheld, None, "no-ground-known", 1),
            ] {
                add(&mut tx, &round, &one).await.unwrap();
            }
            tx.commit().await.unwrap();
            assert_eq!(
                of_round(&trial.store, &round).await.unwrap(),
                [
                    reason(Door::Returned, None, "no-partner", 11),
                    reason(Door::Withheld, None, "no-ground-known", 1),
                    reason(Door::Withheld, Some("isp-hokuto"), "no-ground-known", 5),
                ]
            );
        })
        .await;
    }
}
