//! The schema, numbered and forward only. All missing steps run in one transaction, so that two processes that start at once agree.

use sha2::{Digest, Sha256};

use crate::engine::{Reading, Store};
use crate::problem::StoreError;
use crate::row::Columns;
use crate::statement::statement;

/// One step: its number, its name, its text, the same for both engines.
#[derive(Clone, Copy)]
struct Migration {
    number: i64,
    name: &'static str,
    text: &'static str,
}

/// Every step, in order. A step that has been released is never changed.
const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "start", text: include_str!("../migrations/0001_start.sql") },
    Migration { number: 2, name: "contacts", text: include_str!("../migrations/0002_contacts.sql") },
];

/// Which migrations have run.
const APPLIED: &str = "/* migration::applied */ select number, digest from migration order by number";

/// The migrations that have not run; those that have must be this program's.
fn missing<'m>(applied: &[Columns], migrations: &'m [Migration]) -> Result<Vec<&'m Migration>, StoreError> {
    let known = migrations.last().map_or(0, |m| m.number);
    let mut found = 0;
    for row in applied {
        found = row.number("number")?;
        if found > known {
            return Err(StoreError::NewerSchema { found, known });
        }
        let same = migrations.iter().any(|m| m.number == found && row.hash("digest").ok() == Some(digest(m.text)));
        if !same {
            return Err(StoreError::OtherSchema { number: found });
        }
    }
    Ok(migrations.iter().filter(|m| m.number > found).collect())
}

/// Brings the schema up to date, or refuses one that it does not know.
pub(crate) async fn run(store: &Store) -> Result<(), StoreError> {
    run_these(store, MIGRATIONS).await
}

async fn run_these(store: &Store, migrations: &[Migration]) -> Result<(), StoreError> {
    // The usual start: nothing to do, so nobody else's turn is waited for. A database without the table says so by an error.
    if let Ok(applied) = Reading::from(store).all(statement(APPLIED)).await
        && missing(&applied, migrations)?.is_empty()
    {
        return Ok(());
    }
    let mut tx = store.begin("migration").await?;
    tx.run(statement(
        "/* migration::run */
         create table if not exists migration (number bigint not null primary key, name text not null, digest bytea not null)",
    ))
    .await?;
    let applied = Reading::from(&mut tx).all(statement(APPLIED)).await?;
    for migration in missing(&applied, migrations)? {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::engine::Engine;
    use crate::trial::on_both;

    /// The number after this program's last.
    const NEXT: i64 = MIGRATIONS.len() as i64 + 1;
    const LATER: Migration =
        Migration { number: NEXT, name: "later", text: "create table later (id text not null primary key);" };

    /// This program's steps and these.
    fn and(more: &[Migration]) -> Vec<Migration> {
        MIGRATIONS.iter().chain(more).copied().collect()
    }

    #[tokio::test]
    async fn a_later_schema_is_refused_and_a_step_runs_once() {
        on_both(async |trial| {
            run(&trial.store).await.unwrap();
            let all = and(&[LATER]);
            run_these(&trial.store, &all).await.unwrap();
            run_these(&trial.store, &all).await.unwrap();
            assert_eq!(trial.number("/* test::later */ select count(*) as n from later").await, 0);
            assert!(matches!(run(&trial.store).await, Err(StoreError::NewerSchema { found: NEXT, known }) if known == NEXT - 1));
        })
        .await;
    }

    #[tokio::test]
    async fn a_step_that_fails_leaves_nothing() {
        on_both(async |trial| {
            let text = "create table half (id text); create table half (id text);";
            let all = and(&[LATER, Migration { number: NEXT + 1, name: "bad", text }]);
            assert!(run_these(&trial.store, &all).await.is_err());
            run(&trial.store).await.unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn an_altered_step_is_refused() {
        on_both(async |trial| {
            let mut other = and(&[]);
            other[0].text = "create table other (id text);";
            assert!(matches!(run_these(&trial.store, &other).await, Err(StoreError::OtherSchema { number: 1 })));
        })
        .await;
    }

    #[test]
    fn steps_are_numbered_without_a_gap() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.number, i64::try_from(index).unwrap() + 1, "{}", migration.name);
        }
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
        let files: BTreeSet<String> = folder.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
        let listed = MIGRATIONS.iter().map(|m| format!("{:04}_{}.sql", m.number, m.name)).collect();
        assert_eq!(files, listed);
    }

    #[tokio::test]
    async fn the_data_model_names_every_table_and_column() {
        on_both(async |trial| {
            let text = match trial.engine {
                Engine::Sqlite => statement(
                    "/* test::columns */ select m.name as tab, p.name as col from sqlite_schema m, pragma_table_info(m.name) p
                     where m.type = 'table'",
                ),
                Engine::Postgres => statement(
                    "/* test::columns */ select cast(table_name as text) as tab, cast(column_name as text) as col
                     from information_schema.columns where table_schema = 'public'",
                ),
            };
            let rows = Reading::from(&trial.store).all(text).await.unwrap();
            assert!(rows.len() > 100);
            let (mut documented, mut table) = (BTreeSet::new(), String::new());
            for line in include_str!("../DATA_MODEL.md").lines().filter(|line| line.starts_with('|')) {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                if !cells[1].is_empty() {
                    table = cells[1].trim_matches('`').to_owned();
                }
                for column in cells[2].split(", ") {
                    documented.insert((table.clone(), column.trim_matches('`').to_owned()));
                }
            }
            let mut there = BTreeSet::new();
            for row in &rows {
                there.insert((row.text("tab").unwrap(), row.text("col").unwrap()));
            }
            documented.retain(|(table, _)| table != "table" && !table.starts_with("---"));
            assert_eq!(documented, there);
        })
        .await;
    }
}
