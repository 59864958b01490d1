//! Files that survive a power cut, and a disk for simulations that loses what was not synced.
//!
//! A file is written beside its place, synced, renamed into place, and its folder synced: only then does it exist.
//! [`Disk`] is the port that the doors of this floor are given; [`RealDisk`] is the machine's own.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::port::{Crash, Faults, NoFaults};

/// A file could not be written, read or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// The operating system said no.
    #[error("cannot {deed} `{path}`: {source}")]
    Io {
        /// What was tried.
        deed: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The simulation ended the process here.
    #[error(transparent)]
    Crash(#[from] Crash),
}

impl DiskError {
    /// Whether the file is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    fn io(deed: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { deed, path: path.to_owned(), source }
    }
}

/// What the doors need of a disk. All paths are used as given.
pub trait Disk: Send + Sync {
    /// Writes a file so that after return it is there whole, or (on a crash in between) not at all; an older file of
    /// that name is replaced. Missing folders are made.
    ///
    /// # Errors
    /// [`DiskError`] where the system refuses or the simulation crashes.
    fn write_durably(&self, path: &Path, bytes: &[u8]) -> Result<(), DiskError>;

    /// As [`Disk::write_durably`], for a file that only its owner may read (mode 0600).
    ///
    /// # Errors
    /// As [`Disk::write_durably`].
    fn write_secret(&self, path: &Path, bytes: &[u8]) -> Result<(), DiskError>;

    /// The whole file.
    ///
    /// # Errors
    /// [`DiskError`]; see [`DiskError::is_not_found`].
    fn read(&self, path: &Path) -> Result<Vec<u8>, DiskError>;

    /// Removes a file; one that is not there is removed already.
    ///
    /// # Errors
    /// [`DiskError`] where the system refuses or the simulation crashes.
    fn remove(&self, path: &Path) -> Result<(), DiskError>;

    /// The names of the files in a folder, sorted; an absent folder is empty. Unfinished files are left out.
    ///
    /// # Errors
    /// [`DiskError`] where the system refuses.
    fn list(&self, folder: &Path) -> Result<Vec<String>, DiskError>;
}

/// What an unfinished file's name ends in; whoever finds one after a crash may remove it.
pub const UNFINISHED: &str = ".unfinished";

/// The machine's own disk.
#[derive(Clone)]
pub struct RealDisk {
    faults: Arc<dyn Faults>,
    care: Care,
}

/// Whether to wait until the disk has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// Wait: every deployment.
    Wait,
    /// Do not wait: an exercise whose files may be lost, such as the demo.
    Skip,
}

impl Default for RealDisk {
    fn default() -> Self {
        Self { faults: Arc::new(NoFaults), care: Care::Wait }
    }
}

impl RealDisk {
    /// The disk with these faults and this care.
    #[must_use]
    pub fn new(faults: Arc<dyn Faults>, care: Care) -> Self {
        Self { faults, care }
    }

    fn write(&self, path: &Path, bytes: &[u8], secret: bool) -> Result<(), DiskError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|e| DiskError::io("make the folder of", path, e))?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        // The process id keeps two writers of one name from sharing an unfinished file.
        name.push(format!(".{}{UNFINISHED}", std::process::id()));
        let unfinished = folder.join(name);
        self.faults.reach("disk.write")?;
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        if secret {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        #[cfg(not(unix))]
        let _ = secret;
        let mut file = options.open(&unfinished).map_err(|e| DiskError::io("open", &unfinished, e))?;
        file.write_all(bytes).map_err(|e| DiskError::io("write", &unfinished, e))?;
        self.faults.reach("disk.sync")?;
        if self.care == Care::Wait {
            file.sync_all().map_err(|e| DiskError::io("sync", &unfinished, e))?;
        }
        drop(file);
        self.faults.reach("disk.rename")?;
        fs::rename(&unfinished, path).map_err(|e| DiskError::io("rename into place", path, e))?;
        self.faults.reach("disk.sync-folder")?;
        self.sync_folder(folder)?;
        self.faults.reach("disk.written")?;
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), DiskError> {
        if self.care == Care::Skip {
            return Ok(());
        }
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder).and_then(|f| f.sync_all()).map_err(|e| DiskError::io("sync the folder", folder, e))
    }
}

impl Disk for RealDisk {
    fn write_durably(&self, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
        self.write(path, bytes, false)
    }

    fn write_secret(&self, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
        self.write(path, bytes, true)
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, DiskError> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(|e| DiskError::io("read", path, e))?;
        Ok(bytes)
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.faults.reach("disk.remove")?;
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(DiskError::io("remove", path, e)),
            _ => self.sync_folder(path.parent().unwrap_or(Path::new("."))),
        }
    }

    fn list(&self, folder: &Path) -> Result<Vec<String>, DiskError> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(DiskError::io("list", folder, e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| DiskError::io("list", folder, e))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_file() && !name.ends_with(UNFINISHED) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct CrashAt(&'static str);
    impl Faults for CrashAt {
        fn reach(&self, point: &'static str) -> Result<(), Crash> {
            if point == self.0 { Err(Crash(point)) } else { Ok(()) }
        }
    }

    #[test]
    fn a_crash_leaves_the_old_file_or_the_new_one() {
        for point in ["disk.write", "disk.sync", "disk.rename", "disk.sync-folder", "disk.written"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("deep/file");
            RealDisk::default().write_durably(&path, b"old").unwrap();
            let crashing = RealDisk::new(Arc::new(CrashAt(point)), Care::Wait);
            assert!(matches!(crashing.write_durably(&path, b"new"), Err(DiskError::Crash(_))), "{point}");
            let renamed = matches!(point, "disk.sync-folder" | "disk.written");
            let disk = RealDisk::default();
            assert_eq!(disk.read(&path).unwrap(), if renamed { b"new" } else { b"old" }, "{point}");
            assert_eq!(disk.list(path.parent().unwrap()).unwrap(), ["file"], "{point}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_is_its_owners() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        RealDisk::default().write_secret(&path, b"secret").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let disk = RealDisk::default();
        assert!(disk.read(&folder.path().join("none")).unwrap_err().is_not_found());
        assert!(disk.remove(&folder.path().join("none")).is_ok());
        assert!(disk.list(&folder.path().join("none")).unwrap().is_empty());
    }
}
