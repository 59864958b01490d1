//! Contacts that others publish: what each source says of each subject, and which import brought it.
//!
//! A source's rows are replaced by that source alone. What the roster says stands in the roster and is never touched here.

use model::{Instant, LeafId};

use crate::engine::{Reading, Tx};
use crate::problem::StoreError;
use crate::row::{Columns, ContactImportId};
use crate::statement::statement;

/// One import that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its id.
    pub id: ContactImportId,
    /// The source whose rows it replaced.
    pub source: String,
    /// What kind of source that is.
    pub kind: String,
    /// When.
    pub at: Instant,
    /// The digest of the difference that was shown, hexadecimal.
    pub digest: String,
    /// How many fields were added, changed and removed.
    pub fields: [u64; 3],
    /// The leaf that says so.
    pub leaf: LeafId,
}

/// What one source says of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The source.
    pub source: String,
    /// The subject's key; rows are sorted by its bytes.
    pub subject: String,
    /// Its fields (JSON).
    pub facts: String,
}

/// Records an import; its leaf is appended before it, in the same transaction.
///
/// # Errors
/// [`StoreError::AlreadyThere`] where that id is recorded already.
pub async fn record(tx: &mut Tx, import: &Import) -> Result<(), StoreError> {
    let [added, changed, removed] = import.fields;
    tx.run(
        statement(
            "/* contact::record */ insert into contact_import (id, source, kind, at, digest, added, changed, removed, leaf)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .id(&import.id)
        .id(&import.source)
        .id(&import.kind)
        .at(import.at)
        .id(&import.digest)
        .count(added)
        .count(changed)
        .count(removed)
        .id(&import.leaf),
    )
    .await
    .map(|_| ())
}

/// What was counted while the rows were written, where the import was recorded before them.
///
/// # Errors
/// [`StoreError`] where the import is not recorded.
pub async fn settle(tx: &mut Tx, id: ContactImportId, digest: &str, fields: [u64; 3]) -> Result<(), StoreError> {
    let [added, changed, removed] = fields;
    let text = "/* contact::settle */ update contact_import set digest = $2, added = $3, changed = $4, removed = $5 where id = $1";
    tx.change(statement(text).id(&id).bind(digest.to_owned()).count(added).count(changed).count(removed), &id).await
}

/// Writes what a source says of a subject, in place of what it said before.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn put(tx: &mut Tx, row: &Row, import: ContactImportId) -> Result<(), StoreError> {
    tx.run(
        statement(
            "/* contact::put */ insert into contact (source, subject, facts, import) values ($1, $2, $3, $4)
             on conflict (source, subject) do update set facts = excluded.facts, import = excluded.import",
        )
        .id(&row.source)
        .id(&row.subject)
        .id(&row.facts)
        .id(&import),
    )
    .await
    .map(|_| ())
}

/// Takes out what a source says of a subject.
///
/// # Errors
/// [`StoreError`] where there is no such row.
pub async fn remove(tx: &mut Tx, source: &str, subject: &str) -> Result<(), StoreError> {
    let text = "/* contact::remove */ delete from contact where source = $1 and subject = $2";
    tx.change(statement(text).id(&source).id(&subject), &subject).await
}

/// A source's next rows after that subject, sorted by the bytes of the subjects' keys; begin with an empty key.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn page(from: impl Into<Reading<'_>>, source: &str, after: &str, most: u64) -> Result<Vec<Row>, StoreError> {
    from.into()
        .all(
            statement(
                "/* contact::page */ select source, subject, facts from contact where source = $1 and subject > $2
                 order by subject limit $3",
            )
            .id(&source)
            .id(&after)
            .count(most),
        )
        .await?
        .iter()
        .map(row)
        .collect()
}

/// What all sources say of one subject, sorted by source.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn of_subject(from: impl Into<Reading<'_>>, subject: &str) -> Result<Vec<Row>, StoreError> {
    from.into()
        .all(
            statement(
                "/* contact::of_subject */ select source, subject, facts from contact where subject = $1 order by source",
            )
            .id(&subject),
        )
        .await?
        .iter()
        .map(row)
        .collect()
}

/// The last import of each source, sorted by source.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn imports(from: impl Into<Reading<'_>>) -> Result<Vec<Import>, StoreError> {
    from.into()
        .all(statement(
            "/* contact::imports */ select id, source, kind, at, digest, added, changed, removed, leaf from contact_import i
             where not exists (select 1 from contact_import later where later.source = i.source
                and (later.at > i.at or (later.at = i.at and later.id > i.id)))
             order by source",
        ))
        .await?
        .iter()
        .map(import)
        .collect()
}

fn row(row: &Columns) -> Result<Row, StoreError> {
    Ok(Row { source: row.text("source")?, subject: row.text("subject")?, facts: row.text("facts")? })
}

fn import(row: &Columns) -> Result<Import, StoreError> {
    Ok(Import {
        id: row.parsed("id")?,
        source: row.text("source")?,
        kind: row.text("kind")?,
        at: row.at("at")?,
        digest: row.text("digest")?,
        fields: [row.count("added")?, row.count("changed")?, row.count("removed")?],
        leaf: row.parsed("leaf")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{NOW, Trial, on_both};

    async fn imported(trial: &Trial, tx: &mut Tx, source: &str, at: Instant) -> ContactImportId {
        let import = Import {
            id: ContactImportId::fresh(&trial.clock, &trial.entropy),
            source: source.to_owned(),
            kind: "rpsl".to_owned(),
            at,
            digest: "aa".to_owned(),
            fields: [2, 1, 0],
            leaf: trial.recorded(tx).await,
        };
        record(tx, &import).await.unwrap();
        import.id
    }

    fn row(source: &str, subject: &str, facts: &str) -> Row {
        Row { source: source.to_owned(), subject: subject.to_owned(), facts: facts.to_owned() }
    }

    #[tokio::test]
    async fn a_sources_rows_come_in_the_order_of_their_keys_and_no_other_source_is_touched() {
        on_both(async |trial| {
            let mut tx = trial.store.begin("contact").await.unwrap();
            let apnic = imported(trial, &mut tx, "rpsl/apnic", NOW).await;
            let ripe = imported(trial, &mut tx, "rpsl/ripe", NOW.plus_seconds(1)).await;
            // Bytes decide, not a language: a capital letter and a hyphen sort as ASCII does.
            let keys = ["1-as 0000064496", "2-v4 cb007100/024", "4-dn a-b.example", "4-dn a.example"];
            for key in keys.iter().rev() {
                put(&mut tx, &row("rpsl/apnic", key, "{}"), apnic).await.unwrap();
            }
            put(&mut tx, &row("rpsl/ripe", keys[1], "{\"name\":1}"), ripe).await.unwrap();
            put(&mut tx, &row("rpsl/apnic", keys[1], "{\"name\":2}"), apnic).await.unwrap();
            tx.commit().await.unwrap();

            let mut after = String::new();
            let mut found = Vec::new();
            loop {
                let part = page(&trial.store, "rpsl/apnic", &after, 3).await.unwrap();
                let Some(last) = part.last() else { break };
                after.clone_from(&last.subject);
                found.extend(part.into_iter().map(|row| row.subject));
            }
            assert_eq!(found, keys);
            let both = of_subject(&trial.store, keys[1]).await.unwrap();
            let want = [row("rpsl/apnic", keys[1], "{\"name\":2}"), row("rpsl/ripe", keys[1], "{\"name\":1}")];
            assert_eq!(both, want);

            let mut tx = trial.store.begin("contact").await.unwrap();
            remove(&mut tx, "rpsl/apnic", keys[1]).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(of_subject(&trial.store, keys[1]).await.unwrap(), want[1..]);
            let mut tx = trial.store.begin("contact").await.unwrap();
            assert!(remove(&mut tx, "rpsl/apnic", keys[1]).await.is_err(), "what is not there cannot be taken out");
            tx.rollback().await.unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn the_last_import_of_each_source_is_told_as_it_was_settled() {
        on_both(async |trial| {
            let mut tx = trial.store.begin("contact").await.unwrap();
            imported(trial, &mut tx, "rpsl/apnic", NOW).await;
            let later = imported(trial, &mut tx, "rpsl/apnic", NOW.plus_seconds(60)).await;
            imported(trial, &mut tx, "rdap", NOW).await;
            settle(&mut tx, later, "bb", [7, 8, 9]).await.unwrap();
            tx.commit().await.unwrap();
            let last = imports(&trial.store).await.unwrap();
            let told: Vec<_> = last.iter().map(|i| (i.source.as_str(), i.digest.as_str(), i.fields)).collect();
            assert_eq!(told, [("rdap", "aa", [2, 1, 0]), ("rpsl/apnic", "bb", [7, 8, 9])]);
        })
        .await;
    }
}
