//! The database: opening it, and transactions in which writers take turns.

use std::sync::Arc;
use std::time::Duration;

use model::port::Faults;
use sqlx::any::{Any, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, Executor, Transaction};

use crate::migration;
use crate::problem::StoreError;
use crate::row::Columns;
use crate::statement::{Statement, statement};

/// Which engine keeps the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file, in this process: the default.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

impl Engine {
    /// The engine that a database address names.
    ///
    /// # Errors
    /// [`StoreError::UnknownEngine`].
    pub fn of_url(url: &str) -> Result<Self, StoreError> {
        match url.split_once(':') {
            Some(("sqlite", _)) => Ok(Self::Sqlite),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres),
            _ => Err(StoreError::UnknownEngine),
        }
    }
}

/// How long a writer waits for its turn, each time, in milliseconds.
const TURN_MILLIS: u32 = 5_000;
/// How often it asks for its turn before it says that the database is busy.
const TURNS: u32 = 3;

/// Connections of one process. More would only queue elsewhere: writers take turns, and a read is short.
const CONNECTIONS: u32 = 8;

/// The key of the lock under which PostgreSQL's writers take turns, as SQLite's do by themselves: `noroshi` in ASCII.
const TURN_KEY: i64 = 0x6e_6f72_6f73_6869;

/// The state of one deployment. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Store {
    pool: AnyPool,
    engine: Engine,
    faults: Arc<dyn Faults>,
}

impl Store {
    /// Opens the database at `url` and brings its schema up to date.
    ///
    /// `sqlite:///path/state.db?mode=rwc` (made if it is missing) or `postgres://user@host/database`. SQLite keeps a write-ahead
    /// log and syncs on each commit; PostgreSQL must have collation C and encoding UTF8.
    ///
    /// # Errors
    /// [`StoreError`]; in particular where a later version has changed the schema.
    pub async fn open(url: &str, faults: Arc<dyn Faults>) -> Result<Self, StoreError> {
        Self::open_waiting(url, faults, TURN_MILLIS).await
    }

    /// As [`Store::open`], waiting that long for a turn.
    pub(crate) async fn open_waiting(url: &str, faults: Arc<dyn Faults>, turn_millis: u32) -> Result<Self, StoreError> {
        let engine = Engine::of_url(url)?;
        if engine == Engine::Sqlite && (url.contains(":memory:") || url.contains("mode=memory")) {
            return Err(StoreError::NotDurable);
        }
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            // The pool tries again while this lasts, for instance while another process turns the write-ahead log on.
            .acquire_timeout(Duration::from_secs(30))
            .after_connect(move |connection, _| Box::pin(prepare(connection, engine, turn_millis)))
            .connect(url)
            .await
            .map_err(|e| StoreError::sql("engine::open", e))?;
        let store = Self { pool, engine, faults };
        store.check_engine().await?;
        migration::run(&store).await?;
        Ok(store)
    }

    /// Which engine it is.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// Begins a transaction, once it is this writer's turn: no other writes until it ends, in this process or another.
    ///
    /// `name` stands in errors. The transaction holds the others up: no computing, no files and no network within. It may be run
    /// twice by its caller, so nothing but rows may change within.
    ///
    /// # Errors
    /// [`StoreError::Busy`] where no turn came within a quarter of a minute.
    pub async fn begin(&self, name: &'static str) -> Result<Tx, StoreError> {
        let mut tried = 1;
        loop {
            match self.try_begin(name).await {
                Err(StoreError::Busy { .. }) if tried < TURNS => tried += 1,
                Err(StoreError::Busy { .. }) => return Err(StoreError::Busy { name }),
                other => return other,
            }
        }
    }

    async fn try_begin(&self, name: &'static str) -> Result<Tx, StoreError> {
        let mut tx = self.begin_out_of_turn(name).await?;
        if self.engine == Engine::Postgres {
            tx.run(statement("/* engine::begin */ select pg_advisory_xact_lock($1)").bind(TURN_KEY)).await?;
        }
        Ok(tx)
    }

    /// Begins a transaction of one statement that is correct beside any other writer; on SQLite it takes its turn all the same.
    #[allow(clippy::disallowed_methods, reason = "the one place where a transaction is begun")]
    pub(crate) async fn begin_out_of_turn(&self, name: &'static str) -> Result<Tx, StoreError> {
        let begun = match self.engine {
            // INVARIANT: never deferred. A deferred transaction that has read cannot wait for its turn to write.
            Engine::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await,
            Engine::Postgres => self.pool.begin_with("BEGIN").await,
        };
        let inner = begun.map_err(|e| StoreError::sql("engine::begin", e))?;
        Ok(Tx { inner, name, faults: self.faults.clone(), broken: false })
    }

    /// Closes the connections; on SQLite the write-ahead log goes back into the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn check_engine(&self) -> Result<(), StoreError> {
        match self.engine {
            Engine::Sqlite => {
                let rows = Reading::from(self).all(statement("/* engine::journal */ pragma journal_mode")).await?;
                match rows.first().map(|row| row.text("journal_mode")).transpose()?.as_deref() {
                    Some("wal") => Ok(()),
                    _ => Err(StoreError::NotDurable),
                }
            }
            Engine::Postgres => {
                // The comparison tells a database that sorts by another library's rules (ICU) whatever its catalogue says.
                let row = Reading::from(self)
                    .one(statement(
                        "/* engine::collation */
                         select cast(datcollate as text) as collation, cast(pg_encoding_to_char(encoding) as text) as encoding,
                                cast(case when 'B' < 'a' then 1 else 0 end as bigint) as by_bytes
                         from pg_database where datname = current_database()",
                    ))
                    .await?;
                let (collation, encoding) = (row.text("collation")?, row.text("encoding")?);
                if matches!(collation.as_str(), "C" | "POSIX") && encoding == "UTF8" && row.flag("by_bytes")? {
                    Ok(())
                } else {
                    Err(StoreError::Collation { collation, encoding })
                }
            }
        }
    }
}

/// What every new connection is told.
async fn prepare(connection: &mut AnyConnection, engine: Engine, turn_millis: u32) -> Result<(), sqlx::Error> {
    let settings = match engine {
        Engine::Sqlite => format!(
            "pragma busy_timeout = {turn_millis}; pragma journal_mode = wal; pragma synchronous = full; \
             pragma foreign_keys = on;"
        ),
        // A process that stalls inside a transaction must not hold all others up for ever.
        Engine::Postgres => format!(
            "set lock_timeout = {turn_millis}; set idle_in_transaction_session_timeout = 60000; \
             set synchronous_commit = on; set client_min_messages = warning;"
        ),
    };
    connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(settings))).await?;
    Ok(())
}

/// A transaction: all of it happens, or nothing. Dropped without [`Tx::commit`], it did nothing.
pub struct Tx {
    inner: Transaction<'static, Any>,
    name: &'static str,
    faults: Arc<dyn Faults>,
    broken: bool,
}

impl Tx {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Commits. After return it has reached the disk.
    ///
    /// Passes the crash points `store.commit.before` (a crash there leaves nothing) and `store.commit.after` (everything).
    ///
    /// # Errors
    /// [`StoreError::Broken`] where a statement in it had failed: PostgreSQL would then take the commit for a rollback, silently.
    /// Where the connection broke during the commit it is not known whether it happened.
    pub async fn commit(self) -> Result<(), StoreError> {
        let Self { inner, name, faults, broken } = self;
        let crash = faults.reach("store.commit.before");
        if broken || crash.is_err() {
            inner.rollback().await.map_err(|e| StoreError::sql(name, e))?;
            crash?;
            return Err(StoreError::Broken { name });
        }
        inner.commit().await.map_err(|e| StoreError::sql(name, e))?;
        faults.reach("store.commit.after")?;
        Ok(())
    }

    /// Undoes all of it.
    ///
    /// # Errors
    /// [`StoreError::Sql`] where the connection broke, which undoes it as well.
    pub async fn rollback(self) -> Result<(), StoreError> {
        self.inner.rollback().await.map_err(|e| StoreError::sql(self.name, e))
    }

    /// Runs a statement; how many rows it changed.
    pub(crate) async fn run(&mut self, statement: Statement<'_>) -> Result<u64, StoreError> {
        let name = statement.name;
        let done = statement.query.execute(&mut *self.inner).await;
        self.checked(name, done).map(|done| done.rows_affected())
    }

    /// Runs a statement that must change exactly one row.
    pub(crate) async fn change(&mut self, statement: Statement<'_>, id: &impl ToString) -> Result<(), StoreError> {
        let name = statement.name;
        match self.run(statement).await? {
            1 => Ok(()),
            _ => {
                // What the deed believed of the row was wrong; the rest of it must not stand.
                self.broken = true;
                Err(StoreError::NotThere { statement: name, id: id.to_string() })
            }
        }
    }

    /// Marks that the transaction must not be committed.
    pub(crate) const fn spoil(&mut self) {
        self.broken = true;
    }

    async fn fetch(&mut self, statement: Statement<'_>) -> Result<Vec<Columns>, StoreError> {
        let name = statement.name;
        // To the last row, always: a statement that changes and returns rows is finished only then.
        let rows = statement.query.fetch_all(&mut *self.inner).await;
        Ok(columns(name, self.checked(name, rows)?))
    }

    pub(crate) async fn script(&mut self, text: &'static str) -> Result<(), StoreError> {
        let done = (&mut *self.inner).execute(sqlx::raw_sql(text)).await;
        self.checked("migration::run", done).map(|_| ())
    }

    fn checked<T>(&mut self, name: &'static str, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        self.broken |= result.is_err();
        result.map_err(|e| StoreError::sql(name, e))
    }
}

fn columns(statement: &'static str, rows: Vec<sqlx::any::AnyRow>) -> Vec<Columns> {
    rows.into_iter().map(|row| Columns { row, statement }).collect()
}

/// Where to read: outside any transaction, or within one (and then what it has written so far).
pub enum Reading<'a> {
    /// Outside.
    Store(&'a Store),
    /// Within.
    Tx(&'a mut Tx),
}

impl<'a> From<&'a Store> for Reading<'a> {
    fn from(store: &'a Store) -> Self {
        Self::Store(store)
    }
}

impl<'a> From<&'a mut Tx> for Reading<'a> {
    fn from(tx: &'a mut Tx) -> Self {
        Self::Tx(tx)
    }
}

impl Reading<'_> {
    pub(crate) async fn all(&mut self, statement: Statement<'_>) -> Result<Vec<Columns>, StoreError> {
        match self {
            Self::Store(store) => {
                let name = statement.name;
                let rows = statement.query.fetch_all(&store.pool).await.map_err(|e| StoreError::sql(name, e))?;
                Ok(columns(name, rows))
            }
            Self::Tx(tx) => tx.fetch(statement).await,
        }
    }

    pub(crate) async fn optional(&mut self, statement: Statement<'_>) -> Result<Option<Columns>, StoreError> {
        Ok(self.all(statement).await?.into_iter().next())
    }

    /// The row of a statement that always has one.
    pub(crate) async fn one(&mut self, statement: Statement<'_>) -> Result<Columns, StoreError> {
        let name = statement.name;
        self.optional(statement).await?.ok_or(StoreError::Sql { statement: name, source: sqlx::Error::RowNotFound })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::on_both;

    #[tokio::test]
    async fn what_is_committed_stays() {
        on_both(async |trial| {
            let mut tx = trial.store.begin("test").await.unwrap();
            crate::meta::put(&mut tx, "word", "狼煙").await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(crate::meta::value(&trial.store, "word").await.unwrap().as_deref(), Some("狼煙"));
        })
        .await;
    }
}
