//! The keyring: the folder of wrapped keys, each made when it is first asked for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskError};
use model::port::Entropy;

use crate::Material;
use crate::commitment::{Committer, hex, mac};
use crate::data::DataKey;
use crate::problem::KeyError;
use crate::retention::{RetentionClass, escaped, slug};
use crate::signer::{LedgerSigner, check_origin};
use crate::wrapping::WrappingKey;

/// The key whose file says that here is a keyring; pseudonyms are made under it.
const FIRST: &str = "pseudonym";
const KEY: &str = ".key";
const DESTROYED: &str = ".destroyed";
const LOCK: &str = "lock";

/// The folder of keys of one deployment.
///
/// Nothing is held in memory between calls but the wrapping key: a key destroyed by one process is gone for all.
pub struct Keyring {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    wrapping: WrappingKey,
    entropy: Arc<dyn Entropy>,
}

impl Keyring {
    /// Makes a keyring in `folder`. Keys are made of `entropy`: [`crate::OsEntropy`] wherever anything is to be protected.
    ///
    /// # Errors
    /// [`KeyError::KeyringExists`] where there is one, or what the disk says.
    pub fn create(
        disk: Arc<dyn Disk>,
        folder: &Path,
        wrapping: WrappingKey,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, KeyError> {
        let ring = Self { disk, folder: folder.to_owned(), wrapping, entropy };
        // A folder with any key in it is somebody's keyring, even where the first file was lost.
        if ring.names()?.next().is_some() {
            return Err(KeyError::KeyringExists { folder: folder.to_owned() });
        }
        ring.key(FIRST)?;
        // The files are their owner's already; their names need not be read either. Where this is refused, or the disk is a
        // simulated one, `permissions` warns.
        #[cfg(unix)]
        let _ = std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700));
        Ok(ring)
    }

    /// Opens the keyring in `folder`, and removes what a crash left of destroyed keys.
    ///
    /// # Errors
    /// [`KeyError::KeyringMissing`] where there is none, [`KeyError::WrappingKeyWrong`] where it is wrapped under another
    /// key, or what the disk says.
    pub fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        wrapping: WrappingKey,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, KeyError> {
        let ring = Self { disk, folder: folder.to_owned(), wrapping, entropy };
        if ring.read(FIRST)?.is_none() {
            return Err(KeyError::KeyringMissing { folder: folder.to_owned() });
        }
        let files = ring.disk.list(&ring.folder)?;
        for name in files.iter().filter_map(|file| file.strip_suffix(DESTROYED)) {
            let key = format!("{name}{KEY}");
            if files.binary_search(&key).is_ok() {
                ring.disk.remove(&ring.folder.join(key))?;
            }
        }
        Ok(ring)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The data key of `class`; made when it is first asked for.
    ///
    /// # Errors
    /// [`KeyError::Destroyed`] after [`Keyring::destroy`]: a class is forgotten once and for all.
    pub fn retention_key(&self, class: &RetentionClass) -> Result<DataKey, KeyError> {
        let name = class.key_name()?;
        let material = self.key(&name)?;
        Ok(DataKey::new(name, material))
    }

    /// Destroys the key of `class`, so that nobody can read what it sealed, wherever copies of that lie. After return the
    /// destruction has reached the disk. One that is destroyed, or never was, stays destroyed.
    ///
    /// The wrapped file is removed, not overwritten: disks keep old blocks. Whoever holds such a block needs the wrapping
    /// key as well; [`Keyring::rewrap`] and destroying the old wrapping key closes that gap.
    ///
    /// # Errors
    /// What the disk says; after a crash in between, [`Keyring::open`] finishes the work.
    pub fn destroy(&self, class: &RetentionClass) -> Result<(), KeyError> {
        let name = class.key_name()?;
        let _lock = self.lock()?;
        // INVARIANT: the mark stands before the key goes, so that no second key of that name is ever made.
        self.disk.write_durably(&self.path(&name, DESTROYED), b"")?;
        self.disk.remove(&self.path(&name, KEY))?;
        Ok(())
    }

    /// Whether the key of `class` was destroyed.
    ///
    /// # Errors
    /// What the disk says.
    pub fn is_destroyed(&self, class: &RetentionClass) -> Result<bool, KeyError> {
        self.marked(&class.key_name()?)
    }

    /// Keyed digests under the key of `label`, such as `rows` or `files` (a slug of at most 32 characters).
    ///
    /// # Errors
    /// [`KeyError::Name`] for another label, or what the disk says.
    pub fn commitment(&self, label: &str) -> Result<Committer, KeyError> {
        slug(label)?;
        Ok(Committer::new(self.key(&format!("commitment.{label}"))?))
    }

    /// A pseudonym for `subject` within `scope`, in 32 hexadecimal digits: the same within the scope, unrelated outside.
    ///
    /// # Errors
    /// What the disk says.
    pub fn pseudonym(&self, scope: &str, subject: &str) -> Result<String, KeyError> {
        let key = self.key(FIRST)?;
        let mut digits = hex(&mac(&key, &[b"pseudonym", scope.as_bytes(), subject.as_bytes()]));
        digits.truncate(32);
        Ok(digits)
    }

    /// The signer of the ledger that bears this origin, such as `hub.example.org/ledger`; its key is made when it is first
    /// asked for.
    ///
    /// # Errors
    /// [`KeyError::Name`] where the origin cannot name a signed note's key, or what the disk says.
    pub fn ledger_signer(&self, origin: &str) -> Result<LedgerSigner, KeyError> {
        check_origin(origin)?;
        LedgerSigner::new(origin, &self.key(&format!("ledger.{}", escaped(origin)?))?)
    }

    /// Wraps every key anew under `new`; cut short, it is run again with the same two keys and finishes.
    ///
    /// # Errors
    /// [`KeyError::WrappingKeyWrong`] where a file opens under neither, or what the disk says.
    pub fn rewrap(self, new: WrappingKey) -> Result<Self, KeyError> {
        let lock = self.lock()?;
        // The first key is what `open` looks at; it changes last, so that a ring half done still opens under the old key
        // and can be run through again.
        let (first, others): (Vec<_>, Vec<_>) = self.names()?.partition(|name| name == FIRST);
        for name in others.into_iter().chain(first) {
            let path = self.path(&name, KEY);
            let bytes = self.disk.read(&path)?;
            let material = match new.unwrap(&name, &bytes, &path) {
                Ok(_) => continue,
                Err(_) => self.wrapping.unwrap(&name, &bytes, &path)?,
            };
            self.disk.write_secret(&path, &new.wrap(&name, &material, &*self.entropy))?;
        }
        drop(lock);
        Ok(Self { wrapping: new, ..self })
    }

    /// Reads every key and names those that do not open: for `doctor`.
    ///
    /// # Errors
    /// What the disk says about the folder.
    pub fn examine(&self) -> Result<Vec<(String, KeyError)>, KeyError> {
        Ok(self.names()?.filter_map(|name| self.read(&name).err().map(|error| (name, error))).collect())
    }

    /// The key of this name, made if there is none yet.
    fn key(&self, name: &str) -> Result<Material, KeyError> {
        if let Some(material) = self.read(name)? {
            return Ok(material);
        }
        // Two processes that ask for a new key at once must get the same one.
        let _lock = self.lock()?;
        if let Some(material) = self.read(name)? {
            return Ok(material);
        }
        let mut material = Material::default();
        self.entropy.fill(&mut *material);
        let file = self.wrapping.wrap(name, &material, &*self.entropy);
        self.disk.write_secret(&self.path(name, KEY), &file)?;
        Ok(material)
    }

    fn read(&self, name: &str) -> Result<Option<Material>, KeyError> {
        if self.marked(name)? {
            return Err(KeyError::Destroyed { name: name.to_owned() });
        }
        let path = self.path(name, KEY);
        match self.disk.read(&path) {
            Ok(bytes) => self.wrapping.unwrap(name, &bytes, &path).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn marked(&self, name: &str) -> Result<bool, KeyError> {
        match self.disk.read(&self.path(name, DESTROYED)) {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn names(&self) -> Result<impl Iterator<Item = String> + use<>, DiskError> {
        let files = self.disk.list(&self.folder)?;
        Ok(files.into_iter().filter_map(|file| file.strip_suffix(KEY).map(str::to_owned)))
    }

    fn path(&self, name: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{name}{ending}"))
    }

    /// Held while a key is made or destroyed. The system gives it back when the process dies. None where the folder is
    /// not on the machine's own disk: a simulated disk has one process only.
    fn lock(&self) -> Result<Option<File>, KeyError> {
        let path = self.folder.join(LOCK);
        let failed = |source| KeyError::Lock { path: path.clone(), source };
        match File::options().create(true).truncate(false).write(true).open(&path) {
            Ok(file) => {
                file.lock().map_err(failed)?;
                Ok(Some(file))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use disk::{Care, RealDisk};
    use model::port::{Crash, Faults, SeededEntropy};

    use super::*;
    use crate::entropy::OsEntropy;

    fn real() -> Arc<dyn Disk> {
        Arc::new(RealDisk::default())
    }

    fn wrapping(seed: u64) -> WrappingKey {
        WrappingKey::generate(&SeededEntropy::new(seed))
    }

    fn create(folder: &Path) -> Keyring {
        Keyring::create(real(), folder, wrapping(1), Arc::new(OsEntropy)).unwrap()
    }

    fn open(folder: &Path, seed: u64) -> Result<Keyring, KeyError> {
        Keyring::open(real(), folder, wrapping(seed), Arc::new(OsEntropy))
    }

    fn class(scope: &str) -> RetentionClass {
        RetentionClass::new("report", scope).unwrap()
    }

    #[test]
    fn keys_outlive_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let ring = create(folder.path());
        let sealed = ring.retention_key(&class("goz-2014")).unwrap().seal(&OsEntropy, b"r/1", b"rows").unwrap();
        let (digest, name) = (ring.commitment("files").unwrap().digest_file(b"x"), ring.pseudonym("s", "p").unwrap());
        let vkey = ring.ledger_signer("hub.example.org/ledger").unwrap().vkey();
        drop(ring);
        let ring = open(folder.path(), 1).unwrap();
        assert_eq!(&**ring.retention_key(&class("goz-2014")).unwrap().open(b"r/1", &sealed).unwrap(), b"rows");
        assert!(ring.retention_key(&class("other")).unwrap().open(b"r/1", &sealed).is_err());
        assert_eq!(ring.commitment("files").unwrap().digest_file(b"x"), digest);
        assert_ne!(ring.commitment("rows").unwrap().digest_file(b"x"), digest);
        assert_eq!(ring.pseudonym("s", "p").unwrap(), name);
        assert_ne!(ring.pseudonym("sp", "").unwrap(), name);
        assert_ne!(ring.pseudonym("t", "p").unwrap(), name);
        assert_eq!(ring.ledger_signer("hub.example.org/ledger").unwrap().vkey(), vkey);
        assert_ne!(ring.ledger_signer("node.example.org/ledger").unwrap().vkey(), vkey);
        assert!(ring.examine().unwrap().is_empty());
    }

    #[test]
    fn the_wrong_wrapping_key_is_said_so() {
        let folder = tempfile::tempdir().unwrap();
        create(folder.path());
        assert!(matches!(open(folder.path(), 2), Err(KeyError::WrappingKeyWrong { .. })));
        assert!(matches!(open(&folder.path().join("none"), 1), Err(KeyError::KeyringMissing { .. })));
        let again = Keyring::create(real(), folder.path(), wrapping(1), Arc::new(OsEntropy));
        assert!(matches!(again, Err(KeyError::KeyringExists { .. })));
    }

    #[test]
    fn what_a_destroyed_key_sealed_is_unreadable() {
        let folder = tempfile::tempdir().unwrap();
        let ring = create(folder.path());
        let sealed = ring.retention_key(&class("a")).unwrap().seal(&OsEntropy, b"", b"rows").unwrap();
        let kept = ring.retention_key(&class("b")).unwrap().seal(&OsEntropy, b"", b"rows").unwrap();
        ring.destroy(&class("a")).unwrap();
        ring.destroy(&class("a")).unwrap();
        for ring in [ring, open(folder.path(), 1).unwrap()] {
            assert!(matches!(ring.retention_key(&class("a")), Err(KeyError::Destroyed { .. })));
            assert!(ring.is_destroyed(&class("a")).unwrap() && !ring.is_destroyed(&class("b")).unwrap());
            let other = ring.retention_key(&class("b")).unwrap();
            assert!(other.open(b"", &sealed).is_err());
            assert_eq!(&**other.open(b"", &kept).unwrap(), b"rows");
        }
        // No file in the folder opens to the destroyed key.
        assert!(!folder.path().join("retention.report.a.key").exists());
    }

    struct CrashAfter(std::sync::atomic::AtomicUsize);
    impl Faults for CrashAfter {
        fn reach(&self, point: &'static str) -> Result<(), Crash> {
            match self.0.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) {
                0 => {
                    self.0.store(0, std::sync::atomic::Ordering::SeqCst);
                    Err(Crash(point))
                }
                _ => Ok(()),
            }
        }
    }

    fn crashing(after: usize) -> Arc<dyn Disk> {
        Arc::new(RealDisk::new(Arc::new(CrashAfter(after.into())), Care::Wait))
    }

    #[test]
    fn a_crash_at_any_point_leaves_a_key_whole_or_destroyed() {
        let mut finished = false;
        for after in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let sealed = create(folder.path()).retention_key(&class("a")).unwrap().seal(&OsEntropy, b"", b"x").unwrap();
            let ring = Keyring::open(crashing(after), folder.path(), wrapping(1), Arc::new(OsEntropy)).unwrap();
            let done = ring.destroy(&class("a")).is_ok();
            let ring = open(folder.path(), 1).unwrap();
            match ring.retention_key(&class("a")) {
                Ok(key) => {
                    assert!(!done, "{after}");
                    assert_eq!(&**key.open(b"", &sealed).unwrap(), b"x", "{after}");
                }
                Err(KeyError::Destroyed { .. }) => {
                    assert!(!folder.path().join("retention.report.a.key").exists(), "{after}");
                }
                Err(error) => panic!("{after}: {error}"),
            }
            finished |= done;
        }
        assert!(finished);
    }

    #[test]
    fn a_crash_while_a_key_is_made_never_leaves_two() {
        for after in 0..10 {
            let folder = tempfile::tempdir().unwrap();
            create(folder.path());
            let ring = Keyring::open(crashing(after), folder.path(), wrapping(1), Arc::new(OsEntropy)).unwrap();
            let sealed = ring.retention_key(&class("a")).and_then(|key| key.seal(&OsEntropy, b"", b"x"));
            let key = open(folder.path(), 1).unwrap().retention_key(&class("a")).unwrap();
            if let Ok(sealed) = sealed {
                assert_eq!(&**key.open(b"", &sealed).unwrap(), b"x", "{after}");
            }
        }
    }

    #[test]
    fn many_at_once_get_the_same_new_key() {
        let folder = tempfile::tempdir().unwrap();
        create(folder.path());
        let digests: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| open(folder.path(), 1).unwrap().commitment("rows").unwrap().digest_file(b"x")))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(digests.iter().all(|digest| *digest == digests[0]));
    }

    #[test]
    fn rewrapping_finishes_after_a_crash() {
        for after in 0..30 {
            let folder = tempfile::tempdir().unwrap();
            let ring = create(folder.path());
            let digest = ring.commitment("rows").unwrap().digest_file(b"x");
            let ring = Keyring::open(crashing(after), folder.path(), wrapping(1), Arc::new(OsEntropy)).unwrap();
            if ring.rewrap(wrapping(2)).is_err() {
                // The first key still opens under the old wrapping key unless it was the crash's last act.
                if let Ok(ring) = open(folder.path(), 1) {
                    ring.rewrap(wrapping(2)).unwrap();
                }
            }
            let ring = open(folder.path(), 2).unwrap();
            assert!(ring.examine().unwrap().is_empty(), "{after}");
            assert_eq!(ring.commitment("rows").unwrap().digest_file(b"x"), digest, "{after}");
            assert!(open(folder.path(), 1).is_err(), "{after}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn key_files_are_their_owners() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        create(folder.path()).retention_key(&class("a")).unwrap();
        for name in ["pseudonym.key", "retention.report.a.key"] {
            let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
            assert!(crate::wrapping::permissions(&folder.path().join(name)).is_none());
        }
        assert!(crate::wrapping::permissions(folder.path()).is_none());
    }
}
