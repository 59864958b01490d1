//! The ledger's leaves, on their way into the log: inserted unnumbered by the deeds, numbered by one sequencer.

use ledger::{Kind, Leaf, Receipt};
use model::{DecisionId, Instant, LeafId};

use crate::engine::{Reading, Store, Tx};
use crate::lease::{self, Held};
use crate::problem::StoreError;
use crate::row::Columns;
use crate::statement::statement;

/// The name of the lease under which leaves are numbered.
pub const SEQUENCER: &str = "sequencer";

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Decided => "decided",
        Kind::Refused => "refused",
        Kind::Done => "done",
        Kind::Abandoned => "abandoned",
        Kind::Carried => "carried",
        Kind::Recorded => "recorded",
    }
}

/// A leaf as it stands in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The leaf.
    pub leaf: Leaf,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
    /// Its hash.
    pub hash: [u8; 32],
    /// Its number in the log, from 0; none until the sequencer has numbered it.
    pub seq: Option<u64>,
}

/// Appends a leaf. Its receipt is the committed row: see [`Store::commit_leaf`] for one that must stand before anything opens.
///
/// # Errors
/// [`StoreError::NotOpen`] where it says `done` or `abandoned` of a decision that was never made or is closed already;
/// [`StoreError::AlreadyThere`] where a leaf of that id, or another verdict on that decision, is there already.
pub async fn append(tx: &mut Tx, leaf: &Leaf) -> Result<(), StoreError> {
    if matches!(leaf.kind, Kind::Done | Kind::Abandoned) && !is_open(&mut *tx, leaf.decision).await? {
        tx.spoil();
        return Err(StoreError::NotOpen { leaf: leaf.id.to_string() });
    }
    tx.run(
        statement(
            "/* leaf::append */ insert into leaf (id, at, kind, decision, bytes, hash, place, seq)
             values ($1, $2, $3, $4, $5, $6, (select coalesce(max(place), 0) + 1 from leaf), null)",
        )
        .id(&leaf.id)
        .bind(leaf.at)
        .bind(kind_name(leaf.kind))
        .maybe_id(leaf.decision.as_ref())
        .bind(leaf.to_bytes())
        .bind(leaf.hash().to_vec()),
    )
    .await
    .map(|_| ())
}

async fn is_open(from: impl Into<Reading<'_>>, decision: Option<uuid::Uuid>) -> Result<bool, StoreError> {
    let Some(decision) = decision else { return Ok(false) };
    let row = from
        .into()
        .one(
            statement(
                "/* leaf::is_open */ select
                 cast(coalesce(sum(case when kind = 'decided' then 1 else 0 end), 0) as bigint) as decided,
                 cast(coalesce(sum(case when kind in ('done', 'abandoned') then 1 else 0 end), 0) as bigint) as closed
                 from leaf where decision = $1",
            )
            .id(&decision),
        )
        .await?;
    Ok(row.count("decided")? == 1 && row.count("closed")? == 0)
}

impl Store {
    /// Commits one leaf by itself and gives its receipt: a decision, before anything opens.
    ///
    /// # Errors
    /// As [`append`], or where the commit fails; then there is no receipt, and nothing may be opened.
    pub async fn commit_leaf(&self, leaf: &Leaf) -> Result<Receipt, StoreError> {
        let mut tx = self.begin("leaf::commit").await?;
        append(&mut tx, leaf).await?;
        tx.commit().await?;
        Ok(Receipt::of_committed(leaf))
    }
}

/// The leaf of that id.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn find(from: impl Into<Reading<'_>>, id: LeafId) -> Result<Option<Kept>, StoreError> {
    from.into()
        .optional(statement("/* leaf::find */ select bytes, hash, seq from leaf where id = $1").id(&id))
        .await?
        .map(|row| kept(&row))
        .transpose()
}

/// All leaves of one decision, in the order in which they were committed.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn of_decision(from: impl Into<Reading<'_>>, decision: DecisionId) -> Result<Vec<Kept>, StoreError> {
    from.into()
        .all(
            statement("/* leaf::of_decision */ select bytes, hash, seq from leaf where decision = $1 order by place")
                .id(&decision),
        )
        .await?
        .iter()
        .map(kept)
        .collect()
}

/// Decisions that were neither done nor abandoned, oldest first: what recovery resumes or gives up.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn open_decisions(from: impl Into<Reading<'_>>) -> Result<Vec<Leaf>, StoreError> {
    from.into()
        .all(statement(
            "/* leaf::open_decisions */ select bytes, hash, seq from leaf where kind = 'decided' and not exists
             (select 1 from leaf closing where closing.decision = leaf.decision and closing.kind in ('done', 'abandoned'))
             order by place",
        ))
        .await?
        .iter()
        .map(|row| Ok(kept(row)?.leaf))
        .collect()
}

/// Leaves that have no number yet, in the order in which they will get one, at most so many.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn unsequenced(from: impl Into<Reading<'_>>, limit: u32) -> Result<Vec<Kept>, StoreError> {
    from.into()
        .all(
            statement(
                "/* leaf::unsequenced */ select bytes, hash, seq from leaf where seq is null order by place limit $1",
            )
            .bind(i64::from(limit)),
        )
        .await?
        .iter()
        .map(kept)
        .collect()
}

/// How far the log is, and what waits: `verify` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Leaves that have a number: the size of the tree.
    pub sequenced: u64,
    /// Leaves that wait for one.
    pub waiting: u64,
    /// When the oldest of them was made.
    pub waiting_since: Option<Instant>,
}

/// How far the log is.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn progress(from: impl Into<Reading<'_>>) -> Result<Progress, StoreError> {
    let row = from
        .into()
        .one(statement(
            "/* leaf::progress */ select
             (select coalesce(max(seq) + 1, 0) from leaf) as sequenced,
             (select count(*) from leaf where seq is null) as waiting,
             (select min(at) from leaf where seq is null) as since",
        ))
        .await?;
    Ok(Progress {
        sequenced: row.count("sequenced")?,
        waiting: row.count("waiting")?,
        waiting_since: row.maybe_at("since")?,
    })
}

/// Numbers leaves that have none, in the order in which they were committed, at most so many; which numbers they got.
///
/// Numbers have no gap and are never given twice: writers take turns, and only the holder of the [`SEQUENCER`] lease numbers.
///
/// # Errors
/// [`StoreError::FenceLost`] where the lease has passed to another holder.
pub async fn sequence(tx: &mut Tx, held: &Held, limit: u32) -> Result<std::ops::Range<u64>, StoreError> {
    lease::hold(tx, held).await?;
    let next = progress(&mut *tx).await?.sequenced;
    let numbered = tx
        .run(
            statement(
                "/* leaf::sequence */ update leaf set seq = numbered.seq from
                 (select id, $1 + row_number() over (order by place) - 1 as seq
                  from leaf where seq is null order by place limit $2) as numbered
                 where leaf.id = numbered.id",
            )
            .count(next)
            .bind(i64::from(limit)),
        )
        .await?;
    Ok(next..next + numbered)
}

/// The canonical bytes of the numbered leaves from `first` on, at most so many: what the log is built of.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn from_seq(from: impl Into<Reading<'_>>, first: u64, limit: u32) -> Result<Vec<Vec<u8>>, StoreError> {
    from.into()
        .all(
            statement("/* leaf::from_seq */ select bytes from leaf where seq >= $1 order by seq limit $2")
                .count(first)
                .bind(i64::from(limit)),
        )
        .await?
        .iter()
        .map(|row| row.bytes("bytes"))
        .collect()
}

fn kept(row: &Columns) -> Result<Kept, StoreError> {
    let bytes = row.bytes("bytes")?;
    let leaf =
        Leaf::from_bytes(&bytes).map_err(|_| StoreError::Damaged { statement: row.statement, column: "bytes" })?;
    let seq = row
        .maybe_number("seq")?
        .map(u64::try_from)
        .transpose()
        .map_err(|_| StoreError::Damaged { statement: row.statement, column: "seq" })?;
    let hash = row.hash("hash")?;
    if hash != ledger::leaf::leaf_hash(&bytes) {
        return Err(StoreError::Damaged { statement: row.statement, column: "hash" });
    }
    Ok(Kept { leaf, bytes, hash, seq })
}

#[cfg(test)]
mod tests {
    use model::port::Clock as _;

    use super::*;
    use crate::trial::{Trial, on_both};

    async fn held(trial: &Trial, owner: &str) -> Held {
        lease::take(&trial.store, SEQUENCER, owner, trial.clock.now(), 60).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_receipt_is_that_of_the_committed_leaf() {
        on_both(async |trial| {
            let leaf = trial.leaf(Kind::Decided, Some(trial.decision()));
            let receipt = trial.store.commit_leaf(&leaf).await.unwrap();
            assert_eq!((receipt.leaf(), *receipt.hash()), (leaf.id, leaf.hash()));
            let kept = find(&trial.store, LeafId::from_uuid(leaf.id)).await.unwrap().unwrap();
            assert_eq!(kept, Kept { bytes: leaf.to_bytes(), hash: leaf.hash(), seq: None, leaf: leaf.clone() });
            assert!(matches!(trial.store.commit_leaf(&leaf).await, Err(StoreError::AlreadyThere { .. })));
        })
        .await;
    }

    #[tokio::test]
    async fn a_decision_is_made_once_and_closed_once() {
        on_both(async |trial| {
            let store = &trial.store;
            let decision = Some(trial.decision());
            let done = trial.leaf(Kind::Done, decision);
            for early in [&done, &trial.leaf(Kind::Abandoned, decision), &trial.leaf(Kind::Done, None)] {
                assert!(matches!(store.commit_leaf(early).await, Err(StoreError::NotOpen { .. })), "nobody decided it");
            }
            let decided = trial.leaf(Kind::Decided, decision);
            store.commit_leaf(&decided).await.unwrap();
            for second in [Kind::Decided, Kind::Refused] {
                let verdict = trial.leaf(second, decision);
                assert!(matches!(store.commit_leaf(&verdict).await, Err(StoreError::AlreadyThere { .. })));
            }
            assert_eq!(open_decisions(store).await.unwrap(), std::slice::from_ref(&decided));
            store.commit_leaf(&trial.leaf(Kind::Carried, decision)).await.unwrap();
            store.commit_leaf(&done).await.unwrap();
            assert!(open_decisions(store).await.unwrap().is_empty());
            let late = trial.leaf(Kind::Abandoned, decision);
            assert!(matches!(store.commit_leaf(&late).await, Err(StoreError::NotOpen { .. })), "it is closed");

            let refused = Some(trial.decision());
            store.commit_leaf(&trial.leaf(Kind::Refused, refused)).await.unwrap();
            assert!(matches!(
                store.commit_leaf(&trial.leaf(Kind::Done, refused)).await,
                Err(StoreError::NotOpen { .. })
            ));
            assert!(open_decisions(store).await.unwrap().is_empty(), "a refusal needs no closing");
            assert_eq!(of_decision(store, DecisionId::from_uuid(decided.decision.unwrap())).await.unwrap().len(), 3);
        })
        .await;
    }

    #[tokio::test]
    async fn leaves_are_numbered_in_the_order_of_their_commitment_without_a_gap() {
        on_both(async |trial| {
            let mut leaves: Vec<Leaf> = (0..20).map(|_| trial.leaf(Kind::Recorded, None)).collect();
            // Some at one moment, some out of order.
            for (index, leaf) in leaves.iter_mut().enumerate() {
                leaf.at += i64::try_from(index * 7 % 5).unwrap();
            }
            for leaf in &leaves {
                trial.store.commit_leaf(leaf).await.unwrap();
            }
            // Whatever their clocks say: a decision stands before the deed that it allows.
            let waiting = unsequenced(&trial.store, 100).await.unwrap();
            assert!(waiting.iter().map(|kept| &kept.leaf).eq(&leaves));
            let sequencer = held(trial, "one").await;
            let mut next = 0;
            while next < 20 {
                let mut tx = trial.store.begin("number").await.unwrap();
                let numbered = sequence(&mut tx, &sequencer, 6).await.unwrap();
                tx.commit().await.unwrap();
                assert_eq!(numbered, next..(next + 6).min(20));
                next = numbered.end;
            }
            let expected: Vec<Vec<u8>> = leaves.iter().map(Leaf::to_bytes).collect();
            assert_eq!(from_seq(&trial.store, 0, 100).await.unwrap(), expected);
            assert_eq!(from_seq(&trial.store, 18, 100).await.unwrap(), expected[18..]);
            assert_eq!(from_seq(&trial.store, 3, 2).await.unwrap(), expected[3..5]);

            // One that comes late with an early time gets the next number: what is numbered stays.
            let mut late = trial.leaf(Kind::Recorded, None);
            late.at = 0;
            trial.store.commit_leaf(&late).await.unwrap();
            let progress = progress(&trial.store).await.unwrap();
            let since = Some(Instant::from_micros(0));
            assert_eq!(progress, Progress { sequenced: 20, waiting: 1, waiting_since: since });
            let mut tx = trial.store.begin("number").await.unwrap();
            assert_eq!(sequence(&mut tx, &sequencer, 100).await.unwrap(), 20..21);
            assert_eq!(sequence(&mut tx, &sequencer, 100).await.unwrap(), 21..21, "nothing waits");
            tx.commit().await.unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn a_sequencer_that_lost_its_lease_numbers_nothing() {
        on_both(async |trial| {
            trial.store.commit_leaf(&trial.leaf(Kind::Recorded, None)).await.unwrap();
            let stalled = held(trial, "stalled").await;
            trial.clock.advance_seconds(61);
            let _next = held(trial, "next").await;
            let mut tx = trial.store.begin("number").await.unwrap();
            assert!(matches!(sequence(&mut tx, &stalled, 10).await, Err(StoreError::FenceLost { .. })));
            assert!(matches!(tx.commit().await, Err(StoreError::Broken { .. })));
            assert_eq!(progress(&trial.store).await.unwrap().sequenced, 0);
        })
        .await;
    }

    #[tokio::test]
    async fn an_altered_leaf_is_noticed() {
        on_both(async |trial| {
            let leaf = trial.leaf(Kind::Recorded, None);
            trial.store.commit_leaf(&leaf).await.unwrap();
            let mut other = leaf.clone();
            other.at += 1;
            let mut tx = trial.store.begin("alter").await.unwrap();
            tx.run(statement("/* test::alter */ update leaf set bytes = $1").bind(other.to_bytes())).await.unwrap();
            tx.commit().await.unwrap();
            let found = find(&trial.store, LeafId::from_uuid(leaf.id)).await;
            assert!(matches!(found, Err(StoreError::Damaged { column: "hash", .. })));
        })
        .await;
    }
}
