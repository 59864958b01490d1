//! A small world on one disk: its houses can be closed and opened again at any moment, its clock moves only when told.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use assignment::{CoversFrom, Source, SourceKind};
use courier::send::Way;
use disk::losing::Losing;
use disk::{Disk, RealDisk};
use exchange::house::{NoticeFrom, Ports, Settings, Ways};
use exchange::receive::{Handed, Received};
use exchange::{DeedError, House};
use keys::{Keyring, WrappingKey};
use law::{Gate, Pack};
use model::port::{Clock, Crash, Faults, FixedClock, SeededEntropy};
use model::{Actor, DeliveryId, Instant, PartyId, RoundId, Zone};
use store::Store;

use crate::post::{Post, Server};

pub const HUB: &str = "clearing-house";
pub const NODE: &str = "isp-hokuto";
pub const ROUND: &str = "kagaribi-2026/1";

/// Crash points: counts them, and lets the process die at one of them. Whoever died does nothing more.
#[derive(Default)]
pub struct Points {
    pub passed: AtomicUsize,
    /// Die at this one, counted from 0; `usize::MAX` for never.
    die_at: usize,
    dead: AtomicBool,
    died_at: Mutex<Option<&'static str>>,
    /// Die the next time that this point is passed.
    trap: Mutex<Option<&'static str>>,
    pub log: Mutex<Vec<&'static str>>,
}

impl Points {
    pub fn dying_at(die_at: usize, passed: usize) -> Arc<Self> {
        Arc::new(Self { die_at, passed: AtomicUsize::new(passed), ..Self::default() })
    }

    pub fn immortal() -> Arc<Self> {
        Self::dying_at(usize::MAX, 0)
    }

    /// Whoever passes this point next dies there.
    pub fn trap(&self, point: &'static str) {
        *self.trap.lock().unwrap() = Some(point);
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// The process starts again.
    pub fn rise(&self) {
        self.dead.store(false, Ordering::SeqCst);
    }

    /// At which point it died, if it did.
    pub fn died_at(&self) -> Option<&'static str> {
        *self.died_at.lock().unwrap()
    }
}

impl Faults for Points {
    fn reach(&self, point: &'static str) -> Result<(), Crash> {
        if self.is_dead() {
            return Err(Crash(point));
        }
        self.log.lock().unwrap().push(point);
        let trapped = self.trap.lock().unwrap().take_if(|trap| *trap == point).is_some();
        if self.passed.fetch_add(1, Ordering::SeqCst) == self.die_at || trapped {
            self.dead.store(true, Ordering::SeqCst);
            *self.died_at.lock().unwrap() = Some(point);
            return Err(Crash(point));
        }
        Ok(())
    }
}

struct OnlyPost(Arc<Post>);

impl Ways for OnlyPost {
    fn way(&self, name: &str) -> Option<Arc<dyn Way>> {
        (name == "smtp").then(|| -> Arc<dyn Way> { self.0.clone() })
    }
}

/// The world: a folder, a clock, a mail server, and whoever may die in it.
pub struct World {
    folder: tempfile::TempDir,
    pub clock: Arc<FixedClock>,
    pub server: Arc<Server>,
    pub points: Arc<Points>,
    pub losing: Arc<Losing>,
    pack: Pack,
    /// The databases of the houses on PostgreSQL; where there are none, each house has a file.
    databases: BTreeMap<&'static str, String>,
    lives: AtomicU64,
    seed: u64,
}

impl World {
    pub fn new(seed: u64, server: Arc<Server>, points: Arc<Points>, pack: Pack) -> Self {
        Self {
            folder: folder(),
            clock: Arc::new(FixedClock::at(at("2026-05-13T09:00:00+09:00"))),
            server,
            points,
            losing: Arc::new(Losing::new(seed)),
            pack,
            databases: BTreeMap::new(),
            lives: AtomicU64::new(0),
            seed,
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The world as it stands, between two steps, for others to go on from.
    pub fn snapshot(&self) -> Snapshot {
        let folder = folder();
        copy(self.path(), folder.path());
        Snapshot {
            folder,
            now: self.clock.now(),
            server: self.server.as_it_stands(),
            passed: self.points.passed.load(Ordering::SeqCst),
        }
    }

    /// A world that goes on from there, in which somebody dies at that point.
    pub fn from(snapshot: &Snapshot, seed: u64, die_at: usize, pack: Pack) -> Self {
        let points = Points::dying_at(die_at, snapshot.passed);
        let world = Self::new(seed, snapshot.server.as_it_stands(), points, pack);
        copy(snapshot.folder.path(), world.path());
        world.clock.set(snapshot.now);
        world
    }

    /// The same world with its state on PostgreSQL.
    pub fn on_postgres(mut self) -> Self {
        let server = crate::postgres::Server::running();
        self.databases = [HUB, NODE].map(|id| (id, server.database(&["--encoding=UTF8", "--locale=C"]))).into();
        self
    }

    /// Founds both houses: keys and state. A disk without losses and without deaths.
    pub fn found(&self) {
        for id in [HUB, NODE] {
            let home = self.path().join(id);
            let disk: Arc<dyn Disk> = Arc::new(RealDisk::default());
            let entropy = Arc::new(SeededEntropy::new(self.seed ^ 0xF00D));
            let wrapping = WrappingKey::generate(&*entropy);
            disk.write_secret(&home.join("wrapping.key"), wrapping.to_base64().as_bytes()).unwrap();
            Keyring::create(disk, &home.join("keys"), wrapping, entropy).unwrap();
        }
    }

    /// Runs the line up to and including that step.
    pub async fn run_until(&self, last: Step) {
        self.found();
        for step in Step::ALL.into_iter().take_while(|step| *step != last).chain([last]) {
            let house = self.open(step.house()).await.unwrap();
            step.run(self, &house).await.unwrap();
            house.store.close().await;
        }
    }

    /// Opens a house, as a process does that starts.
    pub async fn open(&self, id: &str) -> Result<House, DeedError> {
        self.open_with(id, |_| ()).await
    }

    /// Opens a house whose settings somebody changed.
    pub async fn open_with(&self, id: &str, change: impl FnOnce(&mut Settings)) -> Result<House, DeedError> {
        let home = self.path().join(id);
        let life = self.lives.fetch_add(1, Ordering::SeqCst);
        let entropy = Arc::new(SeededEntropy::new(self.seed.wrapping_mul(1_000_003).wrapping_add(life)));
        let faults: Arc<dyn Faults> = self.points.clone();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::over(self.losing.clone(), faults.clone()));
        let wrapping = WrappingKey::from_bytes(&std::fs::read(home.join("wrapping.key")).unwrap()).unwrap();
        let keyring = Keyring::open(disk.clone(), &home.join("keys"), wrapping, entropy.clone())?;
        let file = format!("sqlite://{}?mode=rwc", home.join("state.db").display());
        let url = self.databases.get(id).cloned().unwrap_or(file);
        let store = Store::open(&url, faults.clone()).await?;
        let post = Arc::new(Post { server: self.server.clone(), faults: faults.clone() });
        let clock: Arc<dyn Clock> = self.clock.clone();
        let ports = Ports { clock, entropy, faults, disk, ways: Arc::new(OnlyPost(post)) };
        let drop = |below: &str| -> PathBuf { self.path().join("drop").join(below) };
        let mut settings = Settings {
            inbox: Some(drop(id)),
            deliveries: Some(drop("")),
            ordinary_ranges: vec!["benchmarking".to_owned(), "documentation".to_owned()],
            notice_from: Some(NoticeFrom {
                mail: "abuse@isp-hokuto.example.org".to_owned(),
                name: "ネットワーク安全担当".to_owned(),
                way: "smtp".to_owned(),
            }),
            ..Settings::of(party(id))
        };
        change(&mut settings);
        House::open(settings, &home, store, Arc::new(keyring), Gate::new(self.pack.clone()), ports).await
    }
}

/// A world at rest.
pub struct Snapshot {
    folder: tempfile::TempDir,
    now: Instant,
    server: Arc<Server>,
    pub passed: usize,
}

/// A folder in memory where there is one: what the power takes is decided by [`Losing`], not by the machine.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()) } else { tempfile::tempdir() }
        .unwrap()
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), &to).unwrap();
        }
    }
}

pub fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

pub fn party(id: &str) -> PartyId {
    id.parse().unwrap()
}

pub fn actor(id: &str) -> Actor {
    Actor { party: party(id), hand: "simulation".to_owned() }
}

pub fn round() -> RoundId {
    ROUND.parse().unwrap()
}

pub fn retry() -> courier::retry::Settings {
    courier::retry::Settings::default()
}

/// Hub, reporter by mail, one operator by folder, one by mail with two mailboxes.
pub const ROSTER: &str = include_str!("roster.toml");
pub const PLAN: &str = include_str!("plan.toml");

/// Rows for the operator by folder, the operator by mail, for nobody, one said twice and one that is none.
pub const LIST: &str = "\
検知日時,送信元IPアドレス,ポート番号,マルウェア名
2026/05/12 09:15:00,198.18.0.10,51000,samplebot
2026/05/12 09:20:00,198.18.0.10,60000,samplebot
2026/05/12 09:25:00,198.18.0.11,40000,samplebot
2026/05/12 09:30:00,198.18.0.12,40001,samplebot
2026/05/12 09:35:00,198.18.0.13,40002,samplebot
2026/05/12 09:40:00,198.18.0.14,40003,samplebot
2026/05/12 10:00:00,198.18.16.20,40000,samplebot
2026/05/12 10:00:00,198.18.16.20,40000,samplebot
2026/05/12 10:05:00,192.0.2.77,40001,samplebot
2026/05/12 10:06:00,198.18.0.10,70000,samplebot
";

pub const LEASES: &str = "\
アドレス,開始ポート,終了ポート,開始日時,終了日時,契約者番号
198.18.0.10,49152,57343,2026-05-12T00:00:00+09:00,2026-05-13T00:00:00+09:00,C-1001
198.18.0.10,57344,65535,2026-05-12T00:00:00+09:00,2026-05-13T00:00:00+09:00,C-1002
198.18.0.11,,,2026-05-12T08:00:00+09:00,2026-05-12T12:00:00+09:00,C-1003
198.18.0.12,,,2026-05-12T08:00:00+09:00,2026-05-12T12:00:00+09:00,C-1004
198.18.0.13,,,2026-05-12T08:00:00+09:00,2026-05-12T12:00:00+09:00,C-1005
";

pub const SUBSCRIBERS: &str = "\
契約者番号,メールアドレス,言語,通知停止
C-1001,hanako@users.example.org,ja,
C-1002,jiro@users.example.org,en,
C-1003,saburo@users.example.org,ja,停止
C-1004,gone@users.example.org,ja,
C-1005,slow@users.example.org,ja,
";

/// One deed of the line, as somebody does it at his desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    HubRoster,
    NodeRoster,
    Operation,
    Round,
    Receive,
    Send,
    HubCarry,
    HubSequence,
    Leases,
    Contacts,
    Take,
    Tell,
    NodeCarry,
    Answer,
    NodeCarryAnswer,
    NodeSequence,
    Hear,
    HubSequenceAgain,
}

impl Step {
    pub const ALL: [Self; 18] = [
        Self::HubRoster,
        Self::NodeRoster,
        Self::Operation,
        Self::Round,
        Self::Receive,
        Self::Send,
        Self::HubCarry,
        Self::HubSequence,
        Self::Leases,
        Self::Contacts,
        Self::Take,
        Self::Tell,
        Self::NodeCarry,
        Self::Answer,
        Self::NodeCarryAnswer,
        Self::NodeSequence,
        Self::Hear,
        Self::HubSequenceAgain,
    ];

    pub fn house(self) -> &'static str {
        match self {
            Self::NodeRoster
            | Self::Leases
            | Self::Contacts
            | Self::Take
            | Self::Tell
            | Self::NodeCarry
            | Self::Answer
            | Self::NodeCarryAnswer
            | Self::NodeSequence => NODE,
            _ => HUB,
        }
    }

    /// Does it, as a command does: recovery of what is stale first. Doing again what is done already is no failure.
    pub async fn run(self, world: &World, house: &House) -> Result<(), DeedError> {
        house.recover_stale().await?;
        let who = actor(self.house());
        let done = match self {
            Self::HubRoster | Self::NodeRoster => {
                house.record_roster(&who, "roster.toml", ROSTER, false).await.map(|_| ())
            }
            Self::Operation => house.open_operation(&who, "plan.toml", PLAN, false).await.map(|_| ()),
            Self::Round => match store::round::find(&house.store, &round()).await? {
                Some(_) => Ok(()),
                None => house.open_round(&who, &round()).await,
            },
            Self::Receive => receive(house).await.map(|_| ()),
            Self::Send => house.send_round(&who, &round()).await.map(|_| ()),
            Self::HubCarry | Self::NodeCarry | Self::NodeCarryAnswer => loop {
                let carried = house.carry(&who, &retry()).await?;
                assert_eq!(carried.problems.len(), 0);
                match (carried.next_due, carried.held_until) {
                    (Some(due), _) | (None, Some(due)) => world.clock.set(due.max(world.clock.now())),
                    (None, None) => break Ok(()),
                }
            },
            Self::HubSequence | Self::NodeSequence | Self::HubSequenceAgain => house.sequence().await.map(|_| ()),
            Self::Leases => {
                let register = house.register(assignment::Settings::default());
                let source = Source {
                    file: "leases.csv",
                    table: "leases".parse().unwrap(),
                    kind: SourceKind::Leases,
                    zone: None,
                    from: CoversFrom::At(at("2026-05-01T00:00:00+09:00")),
                    as_of: at("2026-05-13T00:00:00+09:00"),
                };
                house.import_assignments(&who, &register, &source, LEASES.as_bytes(), false).await.map(|_| ())
            }
            Self::Contacts => {
                let register = house.register(assignment::Settings::default());
                let bytes = SUBSCRIBERS.as_bytes();
                house.import_contacts(&who, &register, "subscribers.csv", bytes, false).await.map(|_| ())
            }
            Self::Take => house.take(&who).await.map(|taken| {
                assert!(taken.problems.is_empty() && taken.refused.is_empty(), "{taken:?}");
            }),
            Self::Tell => {
                let records = house.records(&house.register(assignment::Settings::default()))?;
                for delivery in inbound(house).await? {
                    if house.waits_to_be_told(delivery).await? {
                        house.tell(&who, delivery, &records, false).await?;
                    }
                }
                Ok(())
            }
            Self::Answer => {
                for delivery in inbound(house).await? {
                    house.answer(&who, delivery).await?;
                }
                Ok(())
            }
            Self::Hear => house.hear_inbox(&who).await.map(|heard| {
                assert!(heard.problems.is_empty() && heard.rejected == 0, "{heard:?}");
            }),
        };
        match done {
            Err(error) if is_done_already(&error) => Ok(()),
            other => other,
        }
    }
}

fn is_done_already(error: &DeedError) -> bool {
    match error {
        DeedError::SameFile { .. } => true,
        DeedError::NotInForce { code, .. } => ["operation-exists", "nothing-to-send"].contains(&code.code),
        _ => false,
    }
}

/// The hub receives the list.
pub async fn receive(house: &House) -> Result<Received, DeedError> {
    let mut source = Cursor::new(LIST.as_bytes());
    house.receive(&actor(HUB), &handed(), &mut source, &mut std::io::sink()).await
}

pub fn handed() -> Handed<'static> {
    Handed {
        file: "list.csv",
        round: round(),
        relay: party("cert-example"),
        author: None,
        format: None,
        zone: Some(Zone::tokyo()),
        mapping: None,
    }
}

pub async fn inbound(house: &House) -> Result<Vec<DeliveryId>, DeedError> {
    Ok(store::delivery::of_round(&house.store, &round())
        .await?
        .into_iter()
        .filter(|delivery| delivery.kind == store::delivery::Kind::Inbound)
        .map(|delivery| delivery.id)
        .collect())
}
