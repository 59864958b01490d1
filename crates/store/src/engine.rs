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

    /// Looks at the state as it is at one moment, however many statements that takes: figures on one page then fit each other.
    /// Holds nobody up.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    #[allow(clippy::disallowed_methods, reason = "it only reads, so it needs no turn")]
    pub async fn look(&self) -> Result<Look, StoreError> {
        let begun = match self.engine {
            Engine::Sqlite => self.pool.begin_with("BEGIN DEFERRED").await,
            Engine::Postgres => self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await,
        };
        let mut look = Look { inner: begun.map_err(|e| StoreError::sql("engine::look", e))? };
        // The moment is that of the first statement.
        Reading::from(&mut look).all(statement("/* engine::look */ select number from migration")).await?;
        Ok(look)
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

    /// The connection itself, for tests that ask it about statements.
    #[cfg(test)]
    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.inner
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

/// The state at one moment: see [`Store::look`]. Dropped when done.
pub struct Look {
    inner: Transaction<'static, Any>,
}

fn columns(statement: &'static str, rows: Vec<sqlx::any::AnyRow>) -> Vec<Columns> {
    rows.into_iter().map(|row| Columns { row, statement }).collect()
}

/// Where to read: outside any transaction, at one moment, or within a transaction (and then what it has written so far).
pub enum Reading<'a> {
    /// Outside.
    Store(&'a Store),
    /// At one moment.
    Look(&'a mut Look),
    /// Within.
    Tx(&'a mut Tx),
}

impl<'a> From<&'a Store> for Reading<'a> {
    fn from(store: &'a Store) -> Self {
        Self::Store(store)
    }
}

impl<'a> From<&'a mut Look> for Reading<'a> {
    fn from(look: &'a mut Look) -> Self {
        Self::Look(look)
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
            Self::Look(look) => {
                let name = statement.name;
                let rows = statement.query.fetch_all(&mut *look.inner).await.map_err(|e| StoreError::sql(name, e))?;
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
    use std::process::{Child, Command};
    use std::sync::atomic::{AtomicU32, Ordering};

    use model::port::{Clock as _, Crash, NoFaults};

    use super::*;
    use crate::trial::{NOW, Trial, fresh_database, fresh_postgres, on_both};
    use crate::{leaf, lease, meta, taken};

    async fn word(store: &Store) -> Option<String> {
        meta::value(store, "word").await.unwrap()
    }

    #[tokio::test]
    async fn what_is_committed_stays_and_nothing_else() {
        on_both(async |trial| {
            let mut tx = trial.store.begin("kept").await.unwrap();
            meta::put(&mut tx, "word", "狼煙").await.unwrap();
            assert_eq!(meta::value(&mut tx, "word").await.unwrap().as_deref(), Some("狼煙"), "a writer reads its own");
            assert_eq!(word(&trial.store).await, None, "and nobody else does");
            tx.commit().await.unwrap();
            assert_eq!(word(&trial.store).await.as_deref(), Some("狼煙"));

            let mut tx = trial.store.begin("undone").await.unwrap();
            meta::put(&mut tx, "word", "undone").await.unwrap();
            tx.rollback().await.unwrap();
            let mut tx = trial.store.begin("dropped").await.unwrap();
            meta::put(&mut tx, "word", "dropped").await.unwrap();
            drop(tx);
            assert_eq!(word(&trial.store).await.as_deref(), Some("狼煙"));
            // A dropped transaction holds nobody up.
            trial.store.begin("next").await.unwrap().commit().await.unwrap();
            // What is there is there for another process, too.
            trial.store.close().await;
            let again = Store::open(&trial.url, Arc::new(NoFaults)).await.unwrap();
            assert_eq!(word(&again).await.as_deref(), Some("狼煙"));
            again.close().await;
        })
        .await;
    }

    struct CrashAt(&'static str);
    impl Faults for CrashAt {
        fn reach(&self, point: &'static str) -> Result<(), Crash> {
            if point == self.0 { Err(Crash(point)) } else { Ok(()) }
        }
    }

    #[tokio::test]
    async fn a_crash_at_the_commit_leaves_all_or_nothing() {
        for (point, left) in [("store.commit.before", None), ("store.commit.after", Some("狼煙"))] {
            on_both(async |trial| {
                let crashing = Store { faults: Arc::new(CrashAt(point)), ..trial.store.clone() };
                let mut tx = crashing.begin("crash").await.unwrap();
                meta::put(&mut tx, "word", "狼煙").await.unwrap();
                assert!(matches!(tx.commit().await, Err(StoreError::Crash(Crash(at))) if at == point));
                assert_eq!(word(&trial.store).await.as_deref(), left, "{point}");
                trial.store.begin("after the crash").await.unwrap().commit().await.unwrap();
            })
            .await;
        }
    }

    #[tokio::test]
    async fn a_transaction_in_which_a_statement_failed_is_never_half_committed() {
        on_both(async |trial| {
            let mut tx = trial.store.begin("half").await.unwrap();
            meta::put(&mut tx, "word", "狼煙").await.unwrap();
            let twice = "/* test::twice */ insert into meta (name, value) values ('word', 'again')";
            assert!(matches!(
                tx.run(statement(twice)).await,
                Err(StoreError::AlreadyThere { statement: "test::twice" })
            ));
            // PostgreSQL would answer the commit with a silent rollback, SQLite would keep the first half.
            assert!(matches!(tx.commit().await, Err(StoreError::Broken { name: "half" })));
            assert_eq!(word(&trial.store).await, None);
        })
        .await;
    }

    #[tokio::test]
    async fn who_gets_no_turn_is_told_so() {
        on_both(async |trial| {
            let hasty = Store::open_waiting(&trial.url, Arc::new(NoFaults), 20).await.unwrap();
            let mut first = trial.store.begin("long").await.unwrap();
            meta::put(&mut first, "word", "long").await.unwrap();
            assert!(matches!(hasty.begin("short").await, Err(StoreError::Busy { name: "short" })));
            // Readers never wait.
            assert_eq!(word(&hasty).await, None);
            first.commit().await.unwrap();
            hasty.begin("short").await.unwrap().commit().await.unwrap();
            hasty.close().await;
        })
        .await;
    }

    /// Reads, then writes what it read plus one: lost at once where two writers do so beside each other.
    async fn count_up(store: &Store, name: &str) {
        let mut tx = store.begin("count up").await.unwrap();
        let seen: u32 = meta::value(&mut tx, name).await.unwrap().map_or(0, |text| text.parse().unwrap());
        tokio::task::yield_now().await;
        meta::put(&mut tx, name, &(seen + 1).to_string()).await.unwrap();
        tx.commit().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn writers_of_one_process_lose_no_update() {
        on_both(async |trial| {
            let other = Store::open(&trial.url, Arc::new(NoFaults)).await.unwrap();
            let writers: Vec<_> = (0..8)
                .map(|n| {
                    let store = if n % 2 == 0 { trial.store.clone() } else { other.clone() };
                    tokio::spawn(async move {
                        for _ in 0..25 {
                            count_up(&store, "count").await;
                        }
                    })
                })
                .collect();
            for writer in writers {
                writer.await.unwrap();
            }
            assert_eq!(meta::value(&trial.store, "count").await.unwrap().as_deref(), Some("200"));
            other.close().await;
        })
        .await;
    }

    const CHILD_URL: &str = "NOROSHI_STORE_TRIAL_URL";
    const CHILD_NAME: &str = "NOROSHI_STORE_TRIAL_NAME";
    const TURNS_OF_CHILD: u32 = 60;

    /// One process's share: each transaction takes up a thing, counts it, and appends a leaf; now and then it numbers the leaves.
    async fn child(url: &str, name: &str) {
        let store = Store::open(url, Arc::new(NoFaults)).await.unwrap();
        let trial = Trial::over(store, name);
        for turn in 0..TURNS_OF_CHILD {
            let mut tx = trial.store.begin("child").await.unwrap();
            let seen: u32 = meta::value(&mut tx, name).await.unwrap().map_or(0, |text| text.parse().unwrap());
            meta::put(&mut tx, name, &(seen + 1).to_string()).await.unwrap();
            taken::take(&mut tx, "own", &format!("{name}-{turn}"), NOW).await.unwrap();
            // Every process tries to take the same things up.
            if taken::take(&mut tx, "common", &turn.to_string(), NOW).await.unwrap() == taken::Taking::First {
                leaf::append(&mut tx, &trial.leaf(ledger::Kind::Recorded, None)).await.unwrap();
            }
            tx.commit().await.unwrap();
            if turn % 7 == 0
                && let Some(held) =
                    lease::take(&trial.store, leaf::SEQUENCER, name, trial.clock.now(), 60).await.unwrap()
            {
                let mut tx = trial.store.begin("number").await.unwrap();
                leaf::sequence(&mut tx, &held, 5).await.unwrap();
                tx.commit().await.unwrap();
                lease::release(&trial.store, held).await.unwrap();
            }
        }
        trial.store.close().await;
    }

    fn start_child(url: &str, name: &str) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "engine::tests::two_processes_share_one_database_and_one_is_killed"])
            .env(CHILD_URL, url)
            .env(CHILD_NAME, name)
            .spawn()
            .unwrap()
    }

    #[tokio::test]
    async fn two_processes_share_one_database_and_one_is_killed() {
        if let (Ok(url), Ok(name)) = (std::env::var(CHILD_URL), std::env::var(CHILD_NAME)) {
            return child(&url, &name).await;
        }
        on_both(async |trial| {
            let mut children: Vec<Child> = ["ichi", "ni", "san"].map(|name| start_child(&trial.url, name)).into();
            // One of them is killed with no warning, wherever it happens to be.
            let doomed = "san";
            let mut victim = children.pop().unwrap();
            while meta::value(&trial.store, doomed).await.unwrap().is_none_or(|n| n.parse::<u32>().unwrap() < 5) {
                assert!(victim.try_wait().unwrap().is_none_or(|ended| ended.success()), "it failed by itself");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            victim.kill().unwrap();
            victim.wait().unwrap();
            for mut child in children {
                assert!(child.wait().unwrap().success());
            }
            for name in ["ichi", "ni", doomed] {
                let counted: u32 = meta::value(&trial.store, name).await.unwrap().unwrap().parse().unwrap();
                let mut took = 0;
                for turn in 0..TURNS_OF_CHILD {
                    took +=
                        u32::from(taken::when(&trial.store, "own", &format!("{name}-{turn}")).await.unwrap().is_some());
                }
                assert_eq!(counted, took, "{name}: a transaction was torn");
                assert!(name == doomed || took == TURNS_OF_CHILD, "{name}");
            }
            let common = "/* test::common */ select count(*) as n from taken where what = 'common'";
            assert_eq!(trial.number(common).await, i64::from(TURNS_OF_CHILD), "each thing was taken up once");
            assert_eq!(
                trial.number("/* test::leaves */ select count(*) as n from leaf").await,
                i64::from(TURNS_OF_CHILD)
            );
            let held = loop {
                // The killed one may have died with the lease in its hands.
                trial.clock.advance_seconds(61);
                if let Some(held) =
                    lease::take(&trial.store, leaf::SEQUENCER, "parent", trial.clock.now(), 60).await.unwrap()
                {
                    break held;
                }
            };
            let mut tx = trial.store.begin("number the rest").await.unwrap();
            leaf::sequence(&mut tx, &held, 1_000).await.unwrap();
            tx.commit().await.unwrap();
            let progress = leaf::progress(&trial.store).await.unwrap();
            assert_eq!((progress.sequenced, progress.waiting), (u64::from(TURNS_OF_CHILD), 0), "numbers without a gap");
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn two_that_open_a_new_database_at_once_agree() {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            let (url, _folder) = fresh_database(engine).await;
            let opened: Vec<_> = (0..4)
                .map(|_| {
                    let url = url.clone();
                    tokio::spawn(async move { Store::open(&url, Arc::new(NoFaults)).await })
                })
                .collect();
            for store in opened {
                store.await.unwrap().unwrap().close().await;
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_database_of_ours_is_refused() {
        let open = |url: String| async move { Store::open(&url, Arc::new(NoFaults)).await.err() };
        for bad in ["mysql://localhost/x", "", "state.db", "SQLITE:x"] {
            assert!(matches!(open(bad.to_owned()).await, Some(StoreError::UnknownEngine)), "{bad}");
        }
        for memory in ["sqlite::memory:", "sqlite://x?mode=memory"] {
            assert!(matches!(open(memory.to_owned()).await, Some(StoreError::NotDurable)), "{memory}");
        }
        for properties in [
            &["--encoding=UTF8", "--locale=C.UTF-8"][..],
            &["--encoding=SQL_ASCII", "--locale=C"],
            &["--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=ja"],
        ] {
            let url = fresh_postgres(properties);
            assert!(matches!(open(url).await, Some(StoreError::Collation { .. })), "{properties:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        let missing = open(format!("sqlite://{}/none.db", folder.path().display())).await.unwrap();
        assert!(matches!(missing, StoreError::Sql { .. }) && missing.code().is_some());
    }

    #[tokio::test]
    async fn a_look_sees_one_moment_and_holds_nobody_up() {
        on_both(async |trial| {
            let mut look = trial.store.look().await.unwrap();
            let mut tx = trial.store.begin("meanwhile").await.unwrap();
            meta::put(&mut tx, "word", "狼煙").await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(word(&trial.store).await.as_deref(), Some("狼煙"));
            assert_eq!(meta::value(&mut look, "word").await.unwrap(), None);
            drop(look);
            let mut look = trial.store.look().await.unwrap();
            assert_eq!(meta::value(&mut look, "word").await.unwrap().as_deref(), Some("狼煙"));
        })
        .await;
    }

    #[tokio::test]
    async fn every_connection_is_told_how_to_be_careful() {
        let trial = Trial::new(Engine::Sqlite, Arc::new(NoFaults)).await;
        // Two at once, so that they are two connections.
        let _first = trial.store.begin("first").await.unwrap();
        for (text, column, want) in [
            ("/* test::sync */ pragma synchronous", "synchronous", 2),
            ("/* test::keys */ pragma foreign_keys", "foreign_keys", 1),
            ("/* test::busy */ pragma busy_timeout", "timeout", i64::from(TURN_MILLIS)),
        ] {
            let row = Reading::from(&trial.store).one(statement(text)).await.unwrap();
            assert_eq!(row.number(column).unwrap(), want, "{text}");
        }
    }

    #[tokio::test]
    async fn crash_points_are_passed_once_per_commit() {
        struct Counting(AtomicU32);
        impl Faults for Counting {
            fn reach(&self, _: &'static str) -> Result<(), Crash> {
                self.0.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        }
        on_both(async |trial| {
            let counting = Arc::new(Counting(AtomicU32::new(0)));
            let store = Store { faults: counting.clone(), ..trial.store.clone() };
            store.begin("one").await.unwrap().commit().await.unwrap();
            store.begin("two").await.unwrap().rollback().await.unwrap();
            assert_eq!(counting.0.load(Ordering::SeqCst), 2);
        })
        .await;
    }
}
