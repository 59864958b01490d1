//! One statement with its values. It begins with a comment that bears its function's name, so that the database's own statistics
//! are readable and an error says where it comes from.

use model::Instant;
use sqlx::any::{Any, AnyArguments};
use sqlx::query::Query;
use sqlx::{Encode, Type};

/// A statement: text for both engines, values bound in order.
pub(crate) struct Statement<'q> {
    /// `noun::function`, from the comment.
    pub(crate) name: &'static str,
    pub(crate) query: Query<'q, Any, AnyArguments>,
}

/// The statement of this text, which begins `/* noun::function */`.
#[allow(clippy::disallowed_methods, reason = "the one place where a query is made")]
pub(crate) fn statement<'q>(text: &'static str) -> Statement<'q> {
    Statement { name: name_of(text).unwrap_or("unnamed"), query: sqlx::query(text) }
}

/// The name in the comment that the text begins with.
pub(crate) fn name_of(text: &str) -> Option<&str> {
    text.strip_prefix("/* ")?.split_once(" */").map(|(name, _)| name)
}

impl<'q> Statement<'q> {
    /// Binds a text, a blob or a number as it is.
    pub(crate) fn bind<T: 'q + Encode<'q, Any> + Type<Any>>(mut self, value: T) -> Self {
        self.query = self.query.bind(value);
        self
    }

    /// Binds what is kept as text: an id, a name.
    pub(crate) fn id(self, value: &impl ToString) -> Self {
        self.bind(value.to_string())
    }

    /// As [`Statement::id`], or null.
    pub(crate) fn maybe_id(self, value: Option<&impl ToString>) -> Self {
        self.bind(value.map(ToString::to_string))
    }

    /// Binds a time.
    pub(crate) fn at(self, value: Instant) -> Self {
        self.bind(value.as_micros())
    }

    /// As [`Statement::at`], or null.
    pub(crate) fn maybe_at(self, value: Option<Instant>) -> Self {
        self.bind(value.map(Instant::as_micros))
    }

    /// Binds a count. A count above 2^63 is no count of anything here; it is held at the end of the range.
    pub(crate) fn count(self, value: u64) -> Self {
        self.bind(i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// Binds 0 or 1.
    pub(crate) fn flag(self, value: bool) -> Self {
        self.bind(i64::from(value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use sqlx::{Executor as _, SqlSafeStr as _};

    use super::*;
    use crate::engine::Engine;
    use crate::trial::on_both;

    /// The statements that one engine alone is given: name and engine. Whatever else is written runs on both.
    const ONE_ENGINE: &[(&str, Engine)] = &[
        ("engine::begin", Engine::Postgres),
        ("engine::collation", Engine::Postgres),
        ("engine::journal", Engine::Sqlite),
        ("outbox::claim postgres", Engine::Postgres),
        ("outbox::claim sqlite", Engine::Sqlite),
    ];

    /// The source files of a folder, each with its noun: its own name, or that of the folder which holds the noun's parts.
    fn sources(folder: &Path, noun: Option<&str>, found: &mut Vec<(String, PathBuf)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = noun.unwrap_or_else(|| path.file_stem().unwrap().to_str().unwrap()).to_owned();
            if path.is_dir() { sources(&path, Some(&stem), found) } else { found.push((stem, path)) }
        }
    }

    /// Every statement of the crate as its source has it: noun, function that it stands in, text.
    fn all() -> Vec<(String, String, String)> {
        let (mut files, mut found) = (Vec::new(), Vec::new());
        sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), None, &mut files);
        for (stem, path) in files {
            let source = std::fs::read_to_string(&path).unwrap();
            let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
            for (at, call) in code.match_indices("statement(") {
                let Some(text) = code[at + call.len()..].trim_start().strip_prefix('"') else { continue };
                let function = code[..at].rsplit("fn ").next().unwrap().split(['(', '<']).next().unwrap();
                found.push((stem.clone(), function.to_owned(), text.split('"').next().unwrap().to_owned()));
            }
        }
        found
    }

    #[test]
    fn every_statement_bears_the_name_of_its_place() {
        let all = all();
        assert!(all.len() > 70, "only {} statements were found", all.len());
        let mut names = BTreeSet::new();
        for (file, function, text) in &all {
            let name = name_of(text).unwrap_or_else(|| panic!("{file}::{function}: a statement without a name"));
            assert!(name.starts_with(&format!("{file}::")), "{file}::{function}: the statement is called {name}");
            assert!(names.insert(name), "{name} is the name of two statements");
        }
    }

    #[tokio::test]
    async fn every_statement_is_understood_by_both_engines() {
        on_both(async |trial| {
            let mut tx = trial.store.begin("prepare").await.unwrap();
            let mut understood = 0;
            for (_, _, text) in all() {
                let name = name_of(&text).unwrap();
                if ONE_ENGINE.iter().any(|(only, engine)| *only == name && *engine != trial.engine) {
                    continue;
                }
                let sql = sqlx::AssertSqlSafe(text.clone()).into_sql_str();
                // This also says of each column that comes back whether both engines can hand it over.
                tx.connection().prepare(sql).await.unwrap_or_else(|e| panic!("{:?} on {name}: {e}", trial.engine));
                understood += 1;
            }
            assert!(understood > 70);
        })
        .await;
    }
}
