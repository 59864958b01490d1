//! An operator with an empty register: its keys, its ranges, and clearances from the real gate.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use assignment::{
    CoversFrom, Finding, Holders, ImportPlan, Index, OwnRanges, Register, RegisterError, Seen, Settings, Source,
    SourceKind,
};
use disk::{Disk, RealDisk};
use keys::{Keyring, OsEntropy, WrappingKey};
use law::question::Action;
use law::{Clearance, Gate, Pack, Question, Subject};
use ledger::Receipt;
use model::operation::{Collection, LegitimateAct};
use model::party::Role;
use model::port::{FixedClock, SeededEntropy};
use model::{Actor, DataClass, DecisionId, Instant, LeafId, PortNumber, Purpose, Uncertainty};

/// 2026-06-08T00:00:00+09:00, when everything is imported and asked.
pub fn now() -> Instant {
    at("2026-06-08T00:00:00+09:00")
}

pub fn at(text: &str) -> Instant {
    text.parse().unwrap_or_else(|e| panic!("{e}"))
}

/// A time of 1 June 2026 in Japan.
pub fn june(clock: &str) -> Instant {
    at(&format!("2026-06-01T{clock}+09:00"))
}

pub struct Operator {
    pub folder: tempfile::TempDir,
    pub keyring: Arc<Keyring>,
    pub register: Register,
    pub own: OwnRanges,
}

impl Operator {
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::default());
        let wrapping = WrappingKey::generate(&SeededEntropy::new(1));
        let keyring =
            Keyring::create(disk.clone(), &folder.path().join("keys"), wrapping, Arc::new(OsEntropy)).unwrap();
        let keyring = Arc::new(keyring);
        let register = register(folder.path(), &keyring, disk, settings);
        Self { folder, keyring, register, own: own() }
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("assignments")
    }

    /// Another look at the same folder through another disk.
    pub fn through(&self, disk: Arc<dyn Disk>) -> Register {
        register(self.folder.path(), &self.keyring, disk, Settings::default())
    }

    pub fn plan(&self, source: &Source<'_>, bytes: &[u8]) -> Result<ImportPlan, RegisterError> {
        self.register.plan_import(source, bytes, &clearance(Action::Keep), now())
    }

    /// Imports and gives back the counts: read, rejected, repeated, new, extended, same, contradictions.
    pub fn import(&self, source: &Source<'_>, bytes: &[u8]) -> [u64; 7] {
        let plan = self.plan(source, bytes).unwrap();
        let counts = [plan.read, plan.rejected, plan.repeated, plan.new, plan.extended, plan.same, plan.contradictions];
        self.register.commit(plan, &clearance(Action::Keep), now()).unwrap();
        counts
    }

    pub fn leases(&self, rows: &str) -> [u64; 7] {
        self.import(&leases(), format!("address,ports,start,end,subscriber,line\n{rows}").as_bytes())
    }

    pub fn ask(&self, seen: &[Seen]) -> Vec<Finding> {
        let index = self.register.index().unwrap();
        index.identify(seen, &self.own, &clearance(Action::Identify), now()).unwrap()
    }

    /// Who it was: his reference, or what else was found.
    pub fn who(&self, seen: Seen) -> String {
        let index = self.register.index().unwrap();
        let finding = index.identify(&[seen], &self.own, &clearance(Action::Identify), now()).unwrap()[0];
        said(&index, finding)
    }
}

pub fn said(index: &Index, finding: Finding) -> String {
    let reference = |subscriber| {
        let reveal = |reference: Option<&str>| reference.expect("the index knows whom it named").to_owned();
        index.reveal(subscriber, &clearance(Action::Tell), now(), reveal).unwrap()
    };
    match finding {
        Finding::One(subscriber) => reference(subscriber),
        Finding::SuspectedStolen(subscriber) => format!("stolen: {}", reference(subscriber)),
        Finding::Ambiguous { candidates } => format!("ambiguous: {candidates}"),
        Finding::None(why) => format!("{why:?}"),
        Finding::NotOurs => "not ours".to_owned(),
    }
}

fn register(folder: &Path, keyring: &Arc<Keyring>, disk: Arc<dyn Disk>, settings: Settings) -> Register {
    Register::new(disk, &folder.join("assignments"), keyring.clone(), Arc::new(OsEntropy), settings)
}

pub fn own() -> OwnRanges {
    let ranges = ["198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"];
    OwnRanges::of(ranges.map(|net| net.parse().unwrap_or_else(|e| panic!("{e}"))))
}

pub fn seen(address: &str, port: u16, time: Instant, uncertainty: u64) -> Seen {
    let address = address.parse().unwrap_or_else(|e| panic!("{e}"));
    Seen { address, port: PortNumber::new(port), time, uncertainty: Uncertainty::from_seconds(uncertainty) }
}

/// A list of leases that reaches from May to the moment of the import.
pub fn leases() -> Source<'static> {
    Source {
        file: "leases.csv",
        table: "cgn".parse().unwrap(),
        kind: SourceKind::Leases,
        zone: None,
        from: CoversFrom::At(at("2026-05-01T00:00:00+09:00")),
        as_of: now(),
    }
}

/// Accounting of 1 June 2026.
pub fn accounting() -> Source<'static> {
    Source {
        file: "detail",
        table: "radius".parse().unwrap(),
        kind: SourceKind::RadiusDetail,
        zone: None,
        from: CoversFrom::At(june("00:00:00")),
        as_of: at("2026-06-02T00:00:00+09:00"),
    }
}

fn gate() -> &'static Gate {
    static GATE: OnceLock<Gate> = OnceLock::new();
    GATE.get_or_init(|| Gate::new(Pack::shipped().expect("the shipped pack loads")))
}

pub fn clearance(action: Action) -> Clearance {
    static GIVEN: Mutex<Vec<(Action, Clearance)>> = Mutex::new(Vec::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, clearance)) = given.iter().find(|(given, _)| *given == action) {
        return clearance.clone();
    }
    given.push((action, clearance_for(action, Subject::Assignments)));
    given[given.len() - 1].1.clone()
}

pub fn clearance_for(action: Action, subject: Subject) -> Clearance {
    let actor = Actor { party: "isp-hokuto".parse().unwrap(), hand: "test".to_owned() };
    let question = Question {
        roles: vec![Role::Operator],
        holds_assignment: true,
        plan_agreed_by_partner: true,
        individually: true,
        identified_lawfully: true,
        collection: Some(Collection::TrustedThirdParty),
        legitimate_act: Some(LegitimateAct { legitimate_purpose: true, necessary: true, adequate_means: true }),
        ..Question::new(actor, Purpose::Housekeeping, action, DataClass::SubscriberIdentity, subject, now())
    };
    let (clock, entropy) = (FixedClock::at(now()), SeededEntropy::new(5));
    let decision = gate().decide(question, DecisionId::fresh(&clock, &entropy), LeafId::fresh(&clock, &entropy), now());
    let receipt = Receipt::of_committed(&decision.leaf());
    Clearance::issue(decision, &receipt).unwrap_or_else(|e| panic!("{action}: {e}"))
}
