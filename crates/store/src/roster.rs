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
