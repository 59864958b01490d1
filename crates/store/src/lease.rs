//! Leases: of several processes one does a thing, such as numbering the ledger, until its time runs out.
//!
//! A clock that runs ahead can take a lease too early; that is why each holder has a fence, a number that only grows, and what is
//! done under a lease is recorded only while the fence is the newest.

use model::Instant;

use crate::engine::{Reading, Store, Tx};
use crate::problem::StoreError;
use crate::statement::statement;

/// A lease that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What is leased.
    pub name: String,
    /// By whom: a name that no other process bears.
    pub owner: String,
    /// Before when.
    pub until: Instant,
    /// The holder's number.
    pub fence: i64,
}

/// Takes the lease if it is free, run out, or this owner's own (which makes an older hold of his void).
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn take(
    store: &Store,
    name: &'static str,
    owner: &str,
    now: Instant,
    seconds: u32,
) -> Result<Option<Held>, StoreError> {
    let until = now.plus_seconds(i64::from(seconds));
    let mut tx = store.begin("lease::take").await?;
    let row = Reading::from(&mut tx)
        .optional(
            statement(
                "/* lease::take */ insert into lease (name, owner, until_at, fence) values ($1, $2, $3, 1)
                 on conflict (name) do update
                 set owner = excluded.owner, until_at = excluded.until_at, fence = lease.fence + 1
                 where lease.until_at <= $4 or lease.owner = excluded.owner
                 returning fence",
            )
            .bind(name)
            .bind(owner.to_owned())
            .at(until)
            .at(now),
        )
        .await?;
    let fence = row.map(|row| row.number("fence")).transpose()?;
    tx.commit().await?;
    Ok(fence.map(|fence| Held { name: name.to_owned(), owner: owner.to_owned(), until, fence }))
}

/// Prolongs a lease that is held.
///
/// # Errors
/// [`StoreError::FenceLost`] where it has passed to another holder.
pub async fn renew(store: &Store, held: &Held, now: Instant, seconds: u32) -> Result<Held, StoreError> {
    let until = now.plus_seconds(i64::from(seconds));
    let mut tx = store.begin("lease::renew").await?;
    let changed = tx
        .run(
            statement("/* lease::renew */ update lease set until_at = $1 where name = $2 and fence = $3")
                .at(until)
                .id(&held.name)
                .bind(held.fence),
        )
        .await?;
    if changed != 1 {
        return Err(StoreError::FenceLost { statement: "lease::renew", id: held.name.clone() });
    }
    tx.commit().await?;
    Ok(Held { until, ..held.clone() })
}

/// Gives the lease back, so that the next need not wait. One that has passed on is left alone.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn release(store: &Store, held: Held) -> Result<(), StoreError> {
    let mut tx = store.begin("lease::release").await?;
    tx.run(
        statement("/* lease::release */ update lease set until_at = 0 where name = $1 and fence = $2")
            .id(&held.name)
            .bind(held.fence),
    )
    .await?;
    tx.commit().await
}

/// Makes sure, within the transaction that records what was done under it, that the lease is still this holder's.
///
/// # Errors
/// [`StoreError::FenceLost`] where it has passed on; the transaction cannot be committed any more.
pub async fn hold(tx: &mut Tx, held: &Held) -> Result<(), StoreError> {
    let row = Reading::from(&mut *tx)
        .optional(
            statement("/* lease::hold */ select fence from lease where name = $1 and fence = $2")
                .id(&held.name)
                .bind(held.fence),
        )
        .await?;
    if row.is_none() {
        tx.spoil();
        return Err(StoreError::FenceLost { statement: "lease::hold", id: held.name.clone() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{NOW, on_both};

    #[tokio::test]
    async fn one_holds_it_until_its_time_runs_out() {
        on_both(async |trial| {
            let store = &trial.store;
            let first = take(store, "sequencer", "one", NOW, 60).await.unwrap().unwrap();
            assert!(take(store, "sequencer", "two", NOW.plus_seconds(59), 60).await.unwrap().is_none());
            let other = take(store, "sweeper", "two", NOW, 60).await.unwrap();
            assert!(other.is_some(), "another thing is another lease");
            let first = renew(store, &first, NOW.plus_seconds(50), 60).await.unwrap();
            assert!(take(store, "sequencer", "two", NOW.plus_seconds(109), 60).await.unwrap().is_none());
            let second = take(store, "sequencer", "two", NOW.plus_seconds(110), 60).await.unwrap().unwrap();
            assert!(second.fence > first.fence);

            assert!(matches!(renew(store, &first, NOW, 60).await, Err(StoreError::FenceLost { .. })));
            release(store, first.clone()).await.unwrap();
            assert!(take(store, "sequencer", "three", NOW.plus_seconds(111), 60).await.unwrap().is_none());
            let mut tx = store.begin("work").await.unwrap();
            hold(&mut tx, &second).await.unwrap();
            assert!(matches!(hold(&mut tx, &first).await, Err(StoreError::FenceLost { .. })));
            assert!(matches!(tx.commit().await, Err(StoreError::Broken { .. })));

            release(store, second).await.unwrap();
            assert!(take(store, "sequencer", "three", NOW.plus_seconds(111), 60).await.unwrap().is_some());
        })
        .await;
    }

    #[tokio::test]
    async fn an_owner_that_starts_anew_takes_its_own_back() {
        on_both(async |trial| {
            let before = take(&trial.store, "sequencer", "one", NOW, 60).await.unwrap().unwrap();
            let after = take(&trial.store, "sequencer", "one", NOW, 60).await.unwrap().unwrap();
            assert!(after.fence > before.fence);
            assert!(renew(&trial.store, &before, NOW, 60).await.is_err());
        })
        .await;
    }
}
