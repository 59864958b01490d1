//! The schema, numbered and forward only. All missing steps run in one transaction, so that two processes that start at once agree.

use sha2::{Digest, Sha256};

use crate::engine::{Reading, Store};
use crate::problem::StoreError;
use crate::statement::statement;

/// One step: its number, its name, its text, the same for both engines.
struct Migration {
    number: i64,
    name: &'static str,
    text: &'static str,
}

/// Every step, in order. A step that has been released is never changed.
const MIGRATIONS: &[Migration] =
    &[Migration { number: 1, name: "start", text: include_str!("../migrations/0001_start.sql") }];

/// Brings the schema up to date, or refuses one that it does not know.
pub(crate) async fn run(store: &Store) -> Result<(), StoreError> {
    run_these(store, MIGRATIONS).await
}

async fn run_these(store: &Store, migrations: &[Migration]) -> Result<(), StoreError> {
    let mut tx = store.begin("migration").await?;
    tx.run(statement(
        "/* migration::run */
         create table if not exists migration (number bigint not null primary key, name text not null, digest bytea not null)",
    ))
    .await?;
    let applied = Reading::from(&mut tx)
        .all(statement("/* migration::applied */ select number, digest from migration order by number"))
        .await?;
    let known = migrations.last().map_or(0, |m| m.number);
    let mut found = 0;
    for row in &applied {
        found = row.number("number")?;
        if found > known {
            return Err(StoreError::NewerSchema { found, known });
        }
        let same = migrations.iter().any(|m| m.number == found && row.hash("digest").ok() == Some(digest(m.text)));
        if !same {
            return Err(StoreError::OtherSchema { number: found });
        }
    }
    for migration in migrations.iter().filter(|m| m.number > found) {
        tx.script(migration.text).await?;
        tx.run(
            statement("/* migration::record */ insert into migration (number, name, digest) values ($1, $2, $3)")
                .bind(migration.number)
                .bind(migration.name)
                .bind(digest(migration.text).to_vec()),
        )
        .await?;
    }
    tx.commit().await
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
