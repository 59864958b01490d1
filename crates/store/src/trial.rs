//! Where every test of this crate runs: the same course on SQLite and on a PostgreSQL server that the tests start themselves.
//!
//! The server is `tests/clients/postgres.rs`.

use std::sync::Arc;

use model::port::{Clock as _, Faults, FixedClock, NoFaults, SeededEntropy};
use model::{DecisionId, DeliveryId, Instant, LeafId, Provenance, Report, ReportId, RoundId};

use crate::delivery::Delivery;
use crate::engine::{Engine, Reading, Store, Tx};
use crate::statement::statement;

#[path = "../../../tests/clients/postgres.rs"]
mod postgres;

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
        Engine::Postgres => (fresh_postgres(&["--encoding=UTF8", "--locale=C"]), None),
    }
}

/// A new database of the test server with these properties.
pub(crate) fn fresh_postgres(properties: &[&str]) -> String {
    postgres::Server::running().database(properties)
}
