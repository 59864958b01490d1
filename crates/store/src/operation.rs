//! Operations, and every version of their plans.

use model::{Instant, LeafId, OperationId};

use crate::engine::{Reading, Tx};
use crate::problem::StoreError;
use crate::row::Columns;
use crate::statement::statement;

/// One version of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanVersion {
    /// The version, from 1.
    pub version: u32,
    /// The digest of its text, hexadecimal, as leaves name it.
    pub digest: String,
    /// When it was recorded here.
    pub recorded_at: Instant,
    /// The plan's file (TOML), as handed in.
    pub text: String,
    /// The leaf that says that it was recorded.
    pub leaf: LeafId,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// When it was opened here, or first heard of.
    pub opened_at: Instant,
    /// When it was closed.
    pub closed_at: Option<Instant>,
    /// The newest plan; none at a node that knows the operation only from deliveries.
    pub plan: Option<PlanVersion>,
}

/// A plan as it is handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanText<'a> {
    /// The file (TOML).
    pub text: &'a str,
    /// Its digest, hexadecimal.
    pub digest: &'a str,
    /// The leaf that says that it is recorded; appended before, in the same transaction.
    pub leaf: LeafId,
}

/// Opens an operation with its first plan. One that was only mentioned so far becomes one's own.
///
/// # Errors
/// [`StoreError::AlreadyThere`] where it has a plan already.
pub async fn open(tx: &mut Tx, id: &OperationId, plan: PlanText<'_>, at: Instant) -> Result<(), StoreError> {
    mention(tx, id, at).await?;
    record_plan(tx, id, 1, plan, at).await
}

/// Makes an operation known that a delivery names; nothing happens where it is known.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn mention(tx: &mut Tx, id: &OperationId, at: Instant) -> Result<(), StoreError> {
    tx.run(
        statement(
            "/* operation::mention */ insert into operation (id, opened_at) values ($1, $2) on conflict (id) do nothing",
        )
        .id(id)
        .at(at),
    )
    .await
    .map(|_| ())
}

/// Records a new version of the plan; the older ones stay. Its number.
///
/// # Errors
/// [`StoreError::NotThere`] where there is no open operation with a plan.
pub async fn amend(tx: &mut Tx, id: &OperationId, plan: PlanText<'_>, at: Instant) -> Result<u32, StoreError> {
    let current = find(&mut *tx, id).await?.filter(|o| o.closed_at.is_none()).and_then(|o| o.plan);
    let Some(current) = current else {
        tx.spoil();
        return Err(StoreError::NotThere { statement: "operation::amend", id: id.to_string() });
    };
    let version = current.version + 1;
    record_plan(tx, id, version, plan, at).await?;
    Ok(version)
}

async fn record_plan(
    tx: &mut Tx,
    id: &OperationId,
    version: u32,
    plan: PlanText<'_>,
    at: Instant,
) -> Result<(), StoreError> {
    tx.run(
        statement(
            "/* operation::record_plan */ insert into plan (operation, version, digest, recorded_at, text, leaf)
             values ($1, $2, $3, $4, $5, $6)",
        )
        .id(id)
        .bind(i64::from(version))
        .id(&plan.digest)
        .at(at)
        .id(&plan.text)
        .id(&plan.leaf),
    )
    .await
    .map(|_| ())
}

/// Closes an operation.
///
/// # Errors
/// [`StoreError::NotThere`] where it is not open.
pub async fn close(tx: &mut Tx, id: &OperationId, at: Instant) -> Result<(), StoreError> {
    tx.change(
        statement("/* operation::close */ update operation set closed_at = $1 where id = $2 and closed_at is null")
            .at(at)
            .id(id),
        id,
    )
    .await
}

/// The operation of that id, with its newest plan.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn find(from: impl Into<Reading<'_>>, id: &OperationId) -> Result<Option<Operation>, StoreError> {
    from.into()
        .optional(
            statement(
                "/* operation::find */ select operation.id, opened_at, closed_at, version, digest, recorded_at, text, leaf
                 from operation left join plan on plan.operation = operation.id
                 where operation.id = $1 order by version desc limit 1",
            )
            .id(id),
        )
        .await?
        .map(|row| operation(&row))
        .transpose()
}

/// All operations, the one opened first first, each with its newest plan.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn all(from: impl Into<Reading<'_>>) -> Result<Vec<Operation>, StoreError> {
    from.into()
        .all(statement(
            "/* operation::all */ select operation.id, opened_at, closed_at, version, digest, recorded_at, text, leaf
             from operation left join plan on plan.operation = operation.id
             and not exists (select 1 from plan later where later.operation = plan.operation and later.version > plan.version)
             order by opened_at, operation.id",
        ))
        .await?
        .iter()
        .map(operation)
        .collect()
}

/// Every version of an operation's plan, the first first.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn plans(from: impl Into<Reading<'_>>, id: &OperationId) -> Result<Vec<PlanVersion>, StoreError> {
    from.into()
        .all(
            statement(
                "/* operation::plans */ select version, digest, recorded_at, text, leaf from plan
                 where operation = $1 order by version",
            )
            .id(id),
        )
        .await?
        .iter()
        .map(plan_version)
        .collect()
}

fn operation(row: &Columns) -> Result<Operation, StoreError> {
    Ok(Operation {
        id: row.parsed("id")?,
        opened_at: row.at("opened_at")?,
        closed_at: row.maybe_at("closed_at")?,
        plan: match row.maybe_number("version")? {
            None => None,
            Some(_) => Some(plan_version(row)?),
        },
    })
}

fn plan_version(row: &Columns) -> Result<PlanVersion, StoreError> {
    Ok(PlanVersion {
        version: row.small("version")?,
        digest: row.text("digest")?,
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
    async fn an_operation_keeps_every_version_of_its_plan() {
        on_both(async |trial| {
            let id = trial.round().await.operation;
            let later = NOW.plus_seconds(60);
            let mut tx = trial.store.begin("amend").await.unwrap();
            let leaf = trial.recorded(&mut tx).await;
            let plan = PlanText { text: "題 = \"改\"", digest: "bb", leaf };
            assert_eq!(amend(&mut tx, &id, plan, later).await.unwrap(), 2);
            tx.commit().await.unwrap();
            let found = find(&trial.store, &id).await.unwrap().unwrap();
            assert_eq!(found.opened_at, NOW);
            let newest = found.plan.clone().unwrap();
            assert_eq!(
                (newest.version, newest.digest.as_str(), newest.recorded_at, newest.leaf),
                (2, "bb", later, leaf)
            );
            let plans = plans(&trial.store, &id).await.unwrap();
            assert_eq!(plans.iter().map(|p| p.digest.as_str()).collect::<Vec<_>>(), ["aa", "bb"]);
            assert_eq!(all(&trial.store).await.unwrap(), [found]);

            let mut tx = trial.store.begin("open again").await.unwrap();
            assert!(matches!(open(&mut tx, &id, plan, NOW).await, Err(StoreError::AlreadyThere { .. })));
            drop(tx);
            let mut tx = trial.store.begin("close").await.unwrap();
            close(&mut tx, &id, later).await.unwrap();
            tx.commit().await.unwrap();
            let mut tx = trial.store.begin("close again").await.unwrap();
            assert!(matches!(close(&mut tx, &id, later).await, Err(StoreError::NotThere { .. })));
            assert!(matches!(tx.commit().await, Err(StoreError::Broken { .. })), "nothing of such a deed may stand");
            let mut tx = trial.store.begin("amend a closed one").await.unwrap();
            assert!(matches!(amend(&mut tx, &id, plan, later).await, Err(StoreError::NotThere { .. })));
        })
        .await;
    }

    #[tokio::test]
    async fn a_node_knows_an_operation_by_its_name_alone() {
        on_both(async |trial| {
            let id: OperationId = "kagaribi-2014".parse().unwrap();
            let mut tx = trial.store.begin("mention").await.unwrap();
            mention(&mut tx, &id, NOW).await.unwrap();
            mention(&mut tx, &id, NOW.plus_seconds(5)).await.unwrap();
            tx.commit().await.unwrap();
            let known = Operation { id: id.clone(), opened_at: NOW, closed_at: None, plan: None };
            assert_eq!(find(&trial.store, &id).await.unwrap(), Some(known.clone()));
            assert_eq!(all(&trial.store).await.unwrap(), [known]);
            trial.round().await;
            assert!(find(&trial.store, &id).await.unwrap().unwrap().plan.is_some(), "it became its own");
        })
        .await;
    }
}
