//! The house: one deployment's doors and ports, which every deed is given.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use archive::Archive;
use directory::{AsnTable, Directory, Roster, RosterEntry};
use disk::Disk;
use keys::Keyring;
use law::{Consent, Gate};
use model::port::{Clock, Entropy, Faults};
use model::special::SpecialRanges;
use model::{Lang, PartyId, Zone};
use serde::{Deserialize, Serialize};
use store::Store;

use crate::problem::{DeedError, NO_ROSTER, SELF_NOT_IN_ROSTER};

/// What a deployment decides about its deeds. Each key is documented where it is declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whose deployment this is: a party of the roster.
    pub party: PartyId,
    /// The language of messages and reports: `ja` (default) or `en`.
    #[serde(default)]
    pub language: Lang,
    /// The zone in which people are shown times. Default: `Asia/Tokyo`.
    #[serde(default = "Zone::tokyo")]
    pub zone: Zone,
    /// The folder in which deliveries by folder are dropped; a roster's relative paths begin here.
    /// Default: `deliveries` below the home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliveries: Option<PathBuf>,
    /// At a node: the folder in which its hub drops deliveries. Default: `inbox` below the home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbox: Option<PathBuf>,
    /// How long partners have to answer, in days. Default: 14.
    #[serde(default = "fourteen")]
    pub answer_days: u32,
    /// How many rows one delivery holds at most; what a round has for a partner beyond that goes in further deliveries. Default: 50000.
    #[serde(default = "fifty_thousand")]
    pub delivery_rows: u32,
    /// For how long a worker has a job of the outbox, or the numbering of the ledger, without a word; after that another may
    /// take it over. In seconds; default: 300.
    #[serde(default = "three_hundred")]
    pub lease_seconds: u32,
    /// After how many seconds without an end a decision belongs to a process that is gone, and is given up by the next command.
    /// Default: 900.
    #[serde(default = "nine_hundred")]
    pub abandon_after_seconds: u32,
    /// Named special address ranges that are ordinary here. Exercises use `benchmarking` and `documentation`.
    #[serde(default)]
    pub ordinary_ranges: Vec<String>,
    /// The user's copy of Shadowserver's report schema (`intelmq.json`), if he has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadowserver_schema: Option<PathBuf>,
    /// Tables from addresses to AS numbers: `.dat` (pyasn) or `.csv` (start, end, asn, name).
    #[serde(default)]
    pub asn_tables: Vec<PathBuf>,
    /// At an operator: what its contract terms say about consent to being warned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_consent: Option<TermsConsent>,
    /// Who writes to subscribers, at an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_from: Option<NoticeFrom>,
}

impl Settings {
    /// The defaults, for that party.
    #[must_use]
    pub fn of(party: PartyId) -> Self {
        Self {
            party,
            language: Lang::default(),
            zone: Zone::tokyo(),
            deliveries: None,
            inbox: None,
            answer_days: fourteen(),
            delivery_rows: fifty_thousand(),
            lease_seconds: three_hundred(),
            abandon_after_seconds: nine_hundred(),
            ordinary_ranges: Vec::new(),
            shadowserver_schema: None,
            asn_tables: Vec::new(),
            terms_consent: None,
            notice_from: None,
        }
    }
}

const fn fourteen() -> u32 {
    14
}

const fn fifty_thousand() -> u32 {
    50_000
}

const fn three_hundred() -> u32 {
    300
}

const fn nine_hundred() -> u32 {
    900
}

/// What an operator's contract terms say, with the paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermsConsent {
    /// The terms, as people find them: title, version, article.
    pub reference: String,
    /// The conditions, each apart.
    #[serde(flatten)]
    pub conditions: Consent,
}

/// Who writes to subscribers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeFrom {
    /// The mail address that notices come from.
    pub mail: String,
    /// The name beside it.
    pub name: String,
    /// By which way notices go: `smtp`, or `eml` (files in a folder, for exercises). Default: `smtp`.
    #[serde(default = "smtp")]
    pub way: String,
}

fn smtp() -> String {
    "smtp".to_owned()
}

/// The ports of a house: everything that a simulation replaces.
#[derive(Clone)]
pub struct Ports {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness: ids, nonces, jitter.
    pub entropy: Arc<dyn Entropy>,
    /// Crash points.
    pub faults: Arc<dyn Faults>,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The ways out.
    pub ways: Arc<dyn Ways>,
}

/// The ways of the courier by name, as the composition root built them.
pub trait Ways: Send + Sync {
    /// The way of that name, if the deployment has it.
    fn way(&self, name: &str) -> Option<Arc<dyn courier::send::Way>>;
}

/// One deployment.
pub struct House {
    /// What it decided.
    pub settings: Settings,
    /// Its folder.
    pub home: PathBuf,
    /// Its state.
    pub store: Store,
    /// Its facts.
    pub archive: Archive,
    /// Its keys.
    pub keyring: Arc<Keyring>,
    /// The law.
    pub gate: Gate,
    /// Special address ranges.
    pub special: SpecialRanges,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Crash points.
    pub faults: Arc<dyn Faults>,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The ways out.
    pub ways: Arc<dyn Ways>,
    directory: RwLock<Option<Arc<Directory>>>,
}

impl House {
    /// Opens a house over its doors. The roster in force is read from the state.
    ///
    /// # Errors
    /// [`DeedError`] where the roster or a table cannot be read.
    pub async fn open(
        settings: Settings,
        home: &Path,
        store: Store,
        keyring: Arc<Keyring>,
        gate: Gate,
        ports: Ports,
    ) -> Result<Self, DeedError> {
        let archive = Archive::new(ports.disk.clone(), home.join("archive"), keyring.clone(), ports.entropy.clone());
        let ordinary: Vec<&str> = settings.ordinary_ranges.iter().map(String::as_str).collect();
        let special = SpecialRanges::iana().without(&ordinary);
        let house = Self {
            settings,
            home: home.to_owned(),
            store,
            archive,
            keyring,
            gate,
            special,
            clock: ports.clock,
            entropy: ports.entropy,
            faults: ports.faults,
            disk: ports.disk,
            ways: ports.ways,
            directory: RwLock::new(None),
        };
        house.reload_directory().await?;
        Ok(house)
    }

    /// Reads the roster in force and the tables anew.
    ///
    /// # Errors
    /// [`DeedError`] where the roster or a table cannot be read.
    pub async fn reload_directory(&self) -> Result<(), DeedError> {
        let now = self.clock.now();
        let Some(snapshot) = store::roster::in_force(&self.store, now, now).await? else { return Ok(()) };
        let (roster, _) = Roster::read("roster", &snapshot.text).map_err(|e| DeedError::Problems(e.errors))?;
        let mut tables = Vec::new();
        for path in &self.settings.asn_tables {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = self.disk.read(path)?;
            let read = if path.extension().is_some_and(|e| e == "dat") {
                AsnTable::read_pyasn(&name, &bytes[..])
            } else {
                AsnTable::read_ranges(&name, &bytes[..])
            };
            tables.push(read.map_err(|e| DeedError::Fault(e.to_string()))?.table);
        }
        let directory = Arc::new(Directory::new(roster, &tables));
        *self.directory.write().unwrap_or_else(PoisonError::into_inner) = Some(directory);
        Ok(())
    }

    /// Who can act on what.
    ///
    /// # Errors
    /// [`DeedError::NotInForce`] where no roster is in force, or it lacks this deployment's own party.
    pub fn directory(&self) -> Result<Arc<Directory>, DeedError> {
        let about = || self.settings.party.to_string();
        let directory = self.directory.read().unwrap_or_else(PoisonError::into_inner).clone();
        let directory = directory.ok_or_else(|| DeedError::NotInForce { code: &NO_ROSTER, about: about() })?;
        if directory.roster().party(&self.settings.party).is_none() {
            return Err(DeedError::NotInForce { code: &SELF_NOT_IN_ROSTER, about: about() });
        }
        Ok(directory)
    }

    /// A party's entry in the roster.
    ///
    /// # Errors
    /// [`DeedError::NotFound`] where the roster has none of that id.
    pub fn entry(&self, party: &PartyId) -> Result<RosterEntry, DeedError> {
        let directory = self.directory()?;
        let entry = directory.roster().party(party);
        entry.cloned().ok_or_else(|| DeedError::NotFound { what: "party", id: party.to_string() })
    }

    /// This deployment's own entry in the roster.
    ///
    /// # Errors
    /// As [`House::directory`].
    pub fn me(&self) -> Result<RosterEntry, DeedError> {
        self.entry(&self.settings.party)
    }

    /// The folder in which deliveries by folder are dropped.
    #[must_use]
    pub fn deliveries(&self) -> PathBuf {
        self.settings.deliveries.clone().unwrap_or_else(|| self.home.join("deliveries"))
    }

    /// At a node: the folder in which its hub drops deliveries.
    #[must_use]
    pub fn inbox(&self) -> PathBuf {
        self.settings.inbox.clone().unwrap_or_else(|| self.home.join("inbox"))
    }

    /// The folder of the ledger's public files.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.home.join("ledger")
    }
}
