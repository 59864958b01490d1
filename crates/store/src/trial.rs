//! Where every test of this crate runs: the same course on SQLite and on a PostgreSQL server that the tests start themselves.
//!
//! The server's folder is made by `initdb`; it listens on a socket in that folder only, and goes with the test process, however
//! that ends. It needs Debian's package `postgresql` (its server is started by nobody but us; the service may be off).

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use model::port::{Clock as _, Faults, FixedClock, NoFaults, SeededEntropy};
use model::{DecisionId, DeliveryId, Instant, LeafId, Provenance, Report, ReportId, RoundId};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use crate::delivery::Delivery;
use crate::engine::{Engine, Reading, Store, Tx};
use crate::statement::statement;

/// An empty database on one engine, and what a test needs beside it.
pub(crate) struct Trial {
    pub(crate) engine: Engine,
    pub(crate) url: String,
    pub(crate) store: Store,
    pub(crate) clock: FixedClock,
    pub(crate) entropy: SeededEntropy,
    _folder: Option<tempfile::TempDir>,
}

/// 2014-05-13T16:53:20Z, in a year of the first operations.
pub(crate) const NOW: Instant = Instant::from_micros(1_400_000_000_000_000);

/// Runs `course` on each engine, on a fresh database each.
pub(crate) async fn on_both(course: impl AsyncFn(&Trial)) {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        eprintln!("on {engine:?}");
        let trial = Trial::new(engine, Arc::new(NoFaults)).await;
        course(&trial).await;
        trial.store.close().await;
    }
}

impl Trial {
    pub(crate) async fn new(engine: Engine, faults: Arc<dyn Faults>) -> Self {
        let (url, folder) = fresh_database(engine).await;
        let store = Store::open(&url, faults).await.expect("a fresh database opens");
        Self { engine, url, store, clock: FixedClock::at(NOW), entropy: SeededEntropy::new(7), _folder: folder }
    }
}

impl Trial {
    /// Over a database that another process made; `name` seeds the ids.
    pub(crate) fn over(store: Store, name: &str) -> Self {
        let seed = name.bytes().fold(7, |seed: u64, byte| seed * 31 + u64::from(byte));
        let (engine, clock, entropy) = (store.engine(), FixedClock::at(NOW), SeededEntropy::new(seed));
        Self { engine, url: String::new(), store, clock, entropy, _folder: None }
    }
}

/// The fixtures: an invented operation, `kagaribi-2014`, with invented parties.
impl Trial {
    pub(crate) fn leaf(&self, kind: ledger::Kind, decision: Option<DecisionId>) -> ledger::Leaf {
        let id = LeafId::fresh(&self.clock, &self.entropy).uuid();
        ledger::Leaf::new(id, kind, self.clock.now().as_micros(), decision.map(|d| d.uuid())).with("count", 839_u64)
    }

    pub(crate) fn decision(&self) -> DecisionId {
        DecisionId::fresh(&self.clock, &self.entropy)
    }

    /// Appends a leaf that says that something was recorded.
    pub(crate) async fn recorded(&self, tx: &mut Tx) -> LeafId {
        let leaf = self.leaf(ledger::Kind::Recorded, None);
        crate::leaf::append(tx, &leaf).await.unwrap();
        LeafId::from_uuid(leaf.id)
    }

    /// An open operation with its first round.
    pub(crate) async fn round(&self) -> RoundId {
        let id: RoundId = "kagaribi-2014/1".parse().unwrap();
        let mut tx = self.store.begin("fixture").await.unwrap();
        let leaf = self.recorded(&mut tx).await;
        let plan = crate::operation::PlanText { text: "id = \"kagaribi-2014\"", digest: "aa", leaf };
        crate::operation::open(&mut tx, &id.operation, plan, NOW).await.unwrap();
        crate::round::open(&mut tx, &id, NOW).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    pub(crate) fn report(&self, round: &RoundId, digest: &str) -> Report {
        Report {
            id: ReportId::fresh(&self.clock, &self.entropy),
            round: round.clone(),
            author: "cert-minato".parse().unwrap(),
            relay: "police-kita".parse().unwrap(),
            received: self.clock.now(),
            file: "一覧.csv".to_owned(),
            size: 4_096,
            digest: digest.to_owned(),
            provenance: Provenance {
                format: "list".to_owned(),
                schema: "list-1".to_owned(),
                mapping: "minato-2".to_owned(),
                encoding: "Shift_JIS".to_owned(),
                zone: Some("Asia/Tokyo".to_owned()),
            },
        }
    }

    pub(crate) fn delivery(&self, round: &RoundId, kind: crate::delivery::Kind, rows: u64) -> Delivery {
        let id = DeliveryId::fresh(&self.clock, &self.entropy);
        Delivery {
            id,
            round: round.clone(),
            party: "isp-hokuto".parse().unwrap(),
            kind,
            rows,
            terminals: rows.min(2),
            made_at: self.clock.now(),
            carried_at: None,
            acknowledged_at: None,
            answered_at: None,
            failed_at: None,
            decision: Some(self.decision()),
            ticket: model::id::ticket(id),
            format: "csv".to_owned(),
            ground: "necessity".to_owned(),
            template: Some("bb".to_owned()),
        }
    }

    /// A number that a statement of the test's own returns as `n`.
    pub(crate) async fn number(&self, text: &'static str) -> i64 {
        Reading::from(&self.store).one(statement(text)).await.unwrap().number("n").unwrap()
    }
}

/// The address of a database that is empty, and the folder that it lies in.
pub(crate) async fn fresh_database(engine: Engine) -> (String, Option<tempfile::TempDir>) {
    match engine {
        Engine::Sqlite => {
            let folder = tempfile::tempdir().expect("a folder for the database");
            (format!("sqlite://{}/state.db?mode=rwc", folder.path().display()), Some(folder))
        }
        Engine::Postgres => (fresh_postgres("encoding 'UTF8' lc_collate 'C' lc_ctype 'C'").await, None),
    }
}

/// A new database of the test server with these properties.
pub(crate) async fn fresh_postgres(properties: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("trial_{}", NEXT.fetch_add(1, Ordering::SeqCst));
    sqlx::any::install_default_drivers();
    let server = Server::running();
    let mut connection =
        server.url("postgres").parse::<sqlx::any::AnyConnectOptions>().unwrap().connect().await.unwrap();
    let text = format!("create database {name} template template0 {properties}");
    connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(text))).await.expect("the test server makes a database");
    connection.close().await.unwrap();
    server.url(&name)
}

/// The PostgreSQL server of this test process.
struct Server {
    folder: PathBuf,
    /// The watcher, which stops the server when its input closes: when the test process has ended.
    _watcher: Child,
}

impl Server {
    fn running() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://noroshi@localhost/{database}?host={}", self.folder.display())
    }

    fn start() -> Self {
        let initdb = binary("initdb");
        let folder = tempfile::Builder::new().prefix("noroshi-pg-").tempdir().expect("a folder for the server").keep();
        let user = unprivileged();
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).expect("the folder is given to the server's user");
        }
        let data = folder.join("data");
        let mut init = as_user(&initdb, user, &folder);
        init.args(["--auth=trust", "--username=noroshi", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"]);
        let made = init.arg(&data).output().expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        // The shell is the watcher: it reads until the test process ends, then stops the server and removes its folder.
        let script = r#"
            "$1" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c max_connections=100 -c timezone=UTC \
                >"$2/log" 2>&1 </dev/null & server=$!
            cat >/dev/null
            kill -INT $server; wait $server; cd /; rm -rf "$2"
        "#;
        let mut watch = as_user(Path::new("/bin/sh"), user, &folder);
        let watcher = watch
            .args(["-c", script, "watch"])
            .arg(binary("postgres"))
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // An interrupt from the keyboard is for the test process; the watcher sees that it ended.
            .process_group(0)
            .spawn()
            .expect("the server starts");
        let server = Self { folder, _watcher: watcher };
        for _ in 0..1_200 {
            // The last line of this file says when the server takes connections; its socket is there earlier.
            let status = std::fs::read_to_string(server.folder.join("data/postmaster.pid")).unwrap_or_default();
            if status.lines().any(|line| line.trim() == "ready") {
                return server;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let mut log = String::new();
        let _ = std::fs::File::open(server.folder.join("log")).and_then(|mut f| f.read_to_string(&mut log));
        panic!("the PostgreSQL test server did not come up: {log}");
    }
}

/// A program of the PostgreSQL server: in PATH, or where Debian puts it.
fn binary(name: &str) -> PathBuf {
    let in_path =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|v| v.path().join("bin"));
    in_path.into_iter().chain(versions).map(|folder| folder.join(name)).find(|path| path.is_file()).unwrap_or_else(
        || panic!("`{name}` is missing: install Debian's package `postgresql` (its service may stay off)"),
    )
}

/// PostgreSQL does not run as root: then as `postgres`, or else as `nobody`.
fn unprivileged() -> Option<(u32, u32)> {
    let me = std::fs::metadata("/proc/self").map(|m| std::os::unix::fs::MetadataExt::uid(&m)).unwrap_or(1);
    if me != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("the list of users");
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut parts = line.split(':').skip(2);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("a user that is not root"))
}

fn as_user(program: &Path, user: Option<(u32, u32)>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("LC_ALL", "C");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}
