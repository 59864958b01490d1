//! Start: the composition root. The real clock, randomness, disk and ways are made here and nowhere else.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use courier::send::Way;
use courier::send::eml::Eml;
use courier::send::smtp::Smtp;
use disk::{Care, Disk, RealDisk};
use exchange::House;
use exchange::house::{Ports, Ways};
use keys::problem::WRAPPING_KEY_MISSING;
use keys::{Keyring, OsEntropy, WrappingKey};
use law::{Gate, Pack};
use model::port::{Clock, Entropy, Faults, NoFaults};
use model::problem::{Place, Problem};
use model::{Actor, Instant};
use store::Store;

use crate::command::Failure;
use crate::settings::Settings;

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::from_micros(jiff::Timestamp::now().as_microsecond())
    }
}

/// What differs between a deployment, an exercise and a simulation.
#[derive(Clone)]
pub struct World {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Crash points.
    pub faults: Arc<dyn Faults>,
    /// Whether to wait for the disk.
    pub care: Care,
}

impl World {
    /// The real one.
    pub fn real() -> Self {
        Self { clock: Arc::new(SystemClock), entropy: Arc::new(OsEntropy), faults: faults(), care: Care::Wait }
    }
}

/// The crash points of this process: none, unless a test asks for a real death (`NOROSHI_CRASH_AT=<point>:<n>`), which
/// is how the tests kill a process at a chosen place.
fn faults() -> Arc<dyn Faults> {
    match std::env::var("NOROSHI_CRASH_AT").ok().and_then(|at| {
        let (point, n) = at.rsplit_once(':')?;
        Some(DieAt { point: point.to_owned(), left: std::sync::atomic::AtomicI64::new(n.parse().ok()?) })
    }) {
        Some(die) => Arc::new(die),
        None => Arc::new(NoFaults),
    }
}

/// Kills the process with SIGKILL, which nothing survives, when a point is reached for the n-th time.
struct DieAt {
    point: String,
    left: std::sync::atomic::AtomicI64,
}

impl Faults for DieAt {
    fn reach(&self, point: &'static str) -> Result<(), model::port::Crash> {
        if point == self.point && self.left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) == 1 {
            // The process cannot send itself a signal without `unsafe`; the system's own tool can.
            let _ = std::process::Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
            std::process::abort();
        }
        Ok(())
    }
}

/// The ways of a deployment.
pub struct DeploymentWays {
    smtp: Option<Arc<dyn Way>>,
    eml: Arc<dyn Way>,
}

impl Ways for DeploymentWays {
    fn way(&self, name: &str) -> Option<Arc<dyn Way>> {
        match name {
            "smtp" => self.smtp.clone(),
            "eml" => Some(self.eml.clone()),
            _ => None,
        }
    }
}

/// A deployment, started.
pub struct Started {
    /// Its deeds.
    pub house: House,
    /// When mail is tried again.
    pub retry: courier::retry::Settings,
    /// How assignment records are read.
    pub assignment: assignment::Settings,
}

/// The folder of the keys below the home. It stays outside ordinary backups.
pub fn keys_folder(home: &Path) -> PathBuf {
    home.join("keys")
}

/// The database's address: a relative SQLite file is below the home.
fn database(home: &Path, url: &str) -> String {
    match url.strip_prefix("sqlite://") {
        Some(file) if !file.starts_with('/') => format!("sqlite://{}?mode=rwc", home.join(file).display()),
        Some(file) => format!("sqlite://{file}?mode=rwc"),
        None => url.to_owned(),
    }
}

/// The key that wraps the keys: a systemd credential, else the file named in the settings, else the one in the home.
pub fn wrapping_key(home: &Path, settings: &Settings) -> Result<WrappingKey, Failure> {
    let credential =
        std::env::var_os("CREDENTIALS_DIRECTORY").map(|dir| PathBuf::from(dir).join("noroshi-wrapping-key"));
    let path = credential
        .filter(|path| path.exists())
        .or_else(|| settings.wrapping_key_file.clone())
        .unwrap_or_else(|| home.join("wrapping.key"));
    if let Some(problem) = keys::wrapping::permissions(&path) {
        eprintln!("{}", problem.for_submitter(settings.house.language));
    }
    let bytes = std::fs::read(&path).map_err(|error| {
        Problem::new(&WRAPPING_KEY_MISSING, Place::file(path.display().to_string())).with_value(&error.to_string())
    })?;
    WrappingKey::from_bytes(&bytes).map_err(|error| {
        let problem = error.problem(Place::file(path.display().to_string()));
        problem.map_or_else(|| error.into(), Failure::from)
    })
}

/// Opens the deployment in `home`.
///
/// # Errors
/// [`Failure`] where settings, keys, state or roster cannot be read.
pub async fn start(home: &Path, settings: Settings, world: World) -> Result<Started, Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(world.faults.clone(), world.care));
    let wrapping = wrapping_key(home, &settings)?;
    let keyring = Keyring::open(disk.clone(), &keys_folder(home), wrapping, world.entropy.clone())?;
    let store = Store::open(&database(home, &settings.database), world.faults.clone()).await?;
    let gate = Gate::new(Pack::shipped().map_err(|error| Failure::Other(error.to_string()))?);
    let checked = settings.courier.check(disk.as_ref(), crate::settings::FILE).map_err(Failure::Problems)?;
    let smtp: Option<Arc<dyn Way>> = checked
        .smtp
        .map(|server| -> Arc<dyn Way> { Arc::new(Smtp::new(server, checked.dkim.clone(), world.faults.clone())) });
    let eml: Arc<dyn Way> =
        Arc::new(Eml::new(disk.clone(), world.faults.clone(), home.join("mail"), checked.dkim.clone()));
    let ports = Ports {
        clock: world.clock,
        entropy: world.entropy,
        faults: world.faults,
        disk,
        ways: Arc::new(DeploymentWays { smtp, eml }),
    };
    let house = House::open(settings.house, home, store, Arc::new(keyring), gate, ports).await?;
    Ok(Started { house, retry: checked.retry, assignment: settings.assignment })
}

/// Somebody at this machine's command line: declared, not authenticated.
pub fn local_actor(house: &House) -> Actor {
    // The process's own entry bears its user's id; where there is no such file system, nobody's.
    #[cfg(unix)]
    let uid = std::fs::metadata("/proc/self").map_or(65_534, |own| std::os::unix::fs::MetadataExt::uid(&own));
    #[cfg(not(unix))]
    let uid = 65_534;
    Actor::local(house.settings.party.clone(), uid)
}
