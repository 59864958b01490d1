//! What this deployment is: its own party, its role, when it was made, and other single facts.

use model::party::Role;
use model::{Instant, PartyId};

use crate::engine::{Reading, Tx};
use crate::problem::StoreError;
use crate::statement::statement;

/// What `init` wrote down once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founding {
    /// Whose deployment it is.
    pub party: PartyId,
    /// The role in which it runs: a clearing house is the hub, an operator a node.
    pub role: Role,
    /// When it was made.
    pub at: Instant,
}

const PARTY: &str = "self.party";
const ROLE: &str = "self.role";
const AT: &str = "self.founded-at";

/// Writes down whose deployment this is.
///
/// # Errors
/// [`StoreError::AlreadyThere`] where that is written down already.
pub async fn found(tx: &mut Tx, founding: &Founding) -> Result<(), StoreError> {
    for (name, value) in [
        (PARTY, founding.party.to_string()),
        (ROLE, founding.role.name().to_owned()),
        (AT, founding.at.as_micros().to_string()),
    ] {
        tx.run(statement("/* meta::found */ insert into meta (name, value) values ($1, $2)").bind(name).bind(value))
            .await?;
    }
    Ok(())
}

/// Whose deployment this is; none before `init`.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn founding(from: impl Into<Reading<'_>>) -> Result<Option<Founding>, StoreError> {
    let rows = from
        .into()
        .all(statement("/* meta::founding */ select name, value from meta where name like 'self.%' order by name"))
        .await?;
    let mut found = std::collections::BTreeMap::new();
    for row in rows {
        found.insert(row.text("name")?, row.text("value")?);
    }
    if found.is_empty() {
        return Ok(None);
    }
    let damaged = || StoreError::Damaged { statement: "meta::founding", column: "value" };
    let value = |name: &str| found.get(name).ok_or_else(damaged);
    let role = value(ROLE)?;
    let roles = [Role::ClearingHouse, Role::Reporter, Role::Operator, Role::Csirt, Role::Police, Role::Overseer];
    Ok(Some(Founding {
        party: value(PARTY)?.parse().map_err(|_| damaged())?,
        role: roles.into_iter().find(|r| r.name() == role).ok_or_else(damaged)?,
        at: Instant::from_micros(value(AT)?.parse().map_err(|_| damaged())?),
    }))
}

/// Writes a single fact, over an older value.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn put(tx: &mut Tx, name: &str, value: &str) -> Result<(), StoreError> {
    tx.run(
        statement(
            "/* meta::put */ insert into meta (name, value) values ($1, $2)
             on conflict (name) do update set value = excluded.value",
        )
        .bind(name.to_owned())
        .bind(value.to_owned()),
    )
    .await
    .map(|_| ())
}

/// A single fact.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn value(from: impl Into<Reading<'_>>, name: &str) -> Result<Option<String>, StoreError> {
    from.into()
        .optional(statement("/* meta::value */ select value from meta where name = $1").bind(name.to_owned()))
        .await?
        .map(|row| row.text("value"))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{NOW, on_both};

    #[tokio::test]
    async fn a_deployment_is_founded_once() {
        on_both(async |trial| {
            assert_eq!(founding(&trial.store).await.unwrap(), None);
            let hub = Founding { party: "isac-hub".parse().unwrap(), role: Role::ClearingHouse, at: NOW };
            let mut tx = trial.store.begin("init").await.unwrap();
            found(&mut tx, &hub).await.unwrap();
            put(&mut tx, "theme", "plain").await.unwrap();
            put(&mut tx, "theme", "dark").await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(founding(&trial.store).await.unwrap(), Some(hub.clone()));
            assert_eq!(value(&trial.store, "theme").await.unwrap().as_deref(), Some("dark"));
            let mut tx = trial.store.begin("init").await.unwrap();
            assert!(matches!(found(&mut tx, &hub).await, Err(StoreError::AlreadyThere { .. })));
        })
        .await;
    }

    #[tokio::test]
    async fn a_founding_edited_by_hand_is_noticed() {
        on_both(async |trial| {
            let mut tx = trial.store.begin("edit").await.unwrap();
            put(&mut tx, PARTY, "Not A Slug").await.unwrap();
            put(&mut tx, ROLE, "operator").await.unwrap();
            put(&mut tx, AT, "0").await.unwrap();
            tx.commit().await.unwrap();
            assert!(matches!(founding(&trial.store).await, Err(StoreError::Damaged { .. })));
        })
        .await;
    }
}
