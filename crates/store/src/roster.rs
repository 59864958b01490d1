//! Snapshots of the roster: who the parties are, from when on, and since when that is recorded.

use model::{Instant, LeafId};

use crate::engine::{Reading, Tx};
use crate::problem::StoreError;
use crate::row::{Columns, RosterId};
use crate::statement::statement;

/// One snapshot, whole: a later one replaces it, none is ever changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its id.
    pub id: RosterId,
    /// The digest of its text, hexadecimal: the version that leaves name.
    pub digest: String,
    /// From when on the parties are as it says (valid time).
    pub valid_from: Instant,
    /// When it was recorded here (recorded time).
    pub recorded_at: Instant,
    /// The roster's file.
    pub text: String,
    /// The leaf that says that it was recorded.
    pub leaf: LeafId,
}

/// Records a snapshot; its leaf is appended before it, in the same transaction.
///
/// # Errors
/// [`StoreError::AlreadyThere`] where that id is recorded already.
pub async fn record(tx: &mut Tx, snapshot: &Snapshot) -> Result<(), StoreError> {
    tx.run(
        statement(
            "/* roster::record */ insert into roster (id, digest, valid_from, recorded_at, text, leaf)
             values ($1, $2, $3, $4, $5, $6)",
        )
        .id(&snapshot.id)
        .id(&snapshot.digest)
        .at(snapshot.valid_from)
        .at(snapshot.recorded_at)
        .id(&snapshot.text)
        .id(&snapshot.leaf),
    )
    .await
    .map(|_| ())
}

/// The roster of `valid`, as far as it was known at `known`: of the snapshots recorded by then and valid by then, the one
/// recorded last. `known` in the past asks what a deed of that time had to go by.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn in_force(
    from: impl Into<Reading<'_>>,
    valid: Instant,
    known: Instant,
) -> Result<Option<Snapshot>, StoreError> {
    from.into()
        .optional(
            statement(
                "/* roster::in_force */ select id, digest, valid_from, recorded_at, text, leaf from roster
                 where valid_from <= $1 and recorded_at <= $2 order by recorded_at desc, id desc limit 1",
            )
            .at(valid)
            .at(known),
        )
        .await?
        .map(|row| snapshot(&row))
        .transpose()
}

/// All snapshots, the one recorded first first.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn all(from: impl Into<Reading<'_>>) -> Result<Vec<Snapshot>, StoreError> {
    from.into()
        .all(statement(
            "/* roster::all */ select id, digest, valid_from, recorded_at, text, leaf from roster order by recorded_at, id",
        ))
        .await?
        .iter()
        .map(snapshot)
        .collect()
}

fn snapshot(row: &Columns) -> Result<Snapshot, StoreError> {
    Ok(Snapshot {
        id: row.parsed("id")?,
        digest: row.text("digest")?,
        valid_from: row.at("valid_from")?,
        recorded_at: row.at("recorded_at")?,
        text: row.text("text")?,
        leaf: row.parsed("leaf")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{NOW, on_both};

    #[tokio::test]
    async fn the_roster_of_a_day_as_it_was_known_on_another() {
        on_both(async |trial| {
            let day = |n: i64| NOW.plus_seconds(n * 86_400);
            let mut snapshots = Vec::new();
            let mut tx = trial.store.begin("roster").await.unwrap();
            // Recorded on day 1 for day 0 on; a change announced on day 2 for day 10 on; a correction on day 5 for day 0 on.
            for (digest, valid, recorded) in [("aa", 0, 1), ("bb", 10, 2), ("cc", 0, 5)] {
                let leaf = trial.recorded(&mut tx).await;
                let snapshot = Snapshot {
                    id: RosterId::fresh(&trial.clock, &trial.entropy),
                    digest: digest.to_owned(),
                    valid_from: day(valid),
                    recorded_at: day(recorded),
                    text: format!("# 名簿 {digest}"),
                    leaf,
                };
                record(&mut tx, &snapshot).await.unwrap();
                snapshots.push(snapshot);
            }
            tx.commit().await.unwrap();
            for (valid, known, want) in
                [(3, 0, None), (3, 1, Some(0)), (3, 3, Some(0)), (11, 3, Some(1)), (3, 6, Some(2)), (-1, 9, None)]
            {
                let found = in_force(&trial.store, day(valid), day(known)).await.unwrap();
                assert_eq!(found.as_ref(), want.map(|n: usize| &snapshots[n]), "valid on {valid}, known on {known}");
            }
            assert_eq!(all(&trial.store).await.unwrap(), snapshots);
        })
        .await;
    }
}
