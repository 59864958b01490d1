//! The machine's own disk: each file written beside its place, synced, renamed, and its folder synced.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use model::port::{Faults, NoFaults};

use crate::layer::{Layer, Os};
use crate::{Disk, DiskError, UNFINISHED};

/// The machine's own disk.
#[derive(Clone)]
pub struct RealDisk {
    layer: Arc<dyn Layer>,
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
        Self::new(Arc::new(NoFaults), Care::Wait)
    }
}

impl RealDisk {
    /// The disk with these faults and this care.
    #[must_use]
    pub fn new(faults: Arc<dyn Faults>, care: Care) -> Self {
        Self { layer: Arc::new(Os), faults, care }
    }

    /// The disk over other system calls than the machine's, with all care: for simulations.
    #[must_use]
    pub fn over(layer: Arc<dyn Layer>, faults: Arc<dyn Faults>) -> Self {
        Self { layer, faults, care: Care::Wait }
    }

    fn write(&self, path: &Path, bytes: &[u8], secret: bool) -> Result<(), DiskError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let made = self.layer.make_folders(folder).map_err(|e| DiskError::io("make the folder of", path, e))?;
        // A new folder's name stands in the one above it, which has to be synced like any other.
        for above in made.iter().filter_map(|folder| folder.parent()) {
            self.faults.reach("disk.made-folder")?;
            self.sync_folder(above)?;
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        // The process id keeps two writers of one name from sharing an unfinished file.
        name.push(format!(".{}{UNFINISHED}", std::process::id()));
        let unfinished = folder.join(name);
        self.faults.reach("disk.write")?;
        self.layer.write(&unfinished, bytes, secret).map_err(|e| DiskError::io("write", &unfinished, e))?;
        self.faults.reach("disk.sync")?;
        if self.care == Care::Wait {
            self.layer.sync(&unfinished).map_err(|e| DiskError::io("sync", &unfinished, e))?;
        }
        self.faults.reach("disk.rename")?;
        self.layer.rename(&unfinished, path).map_err(|e| DiskError::io("rename into place", path, e))?;
        self.faults.reach("disk.sync-folder")?;
        self.sync_folder(folder)?;
        self.faults.reach("disk.written")?;
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), DiskError> {
        if self.care == Care::Skip {
            return Ok(());
        }
        self.layer.sync_folder(folder).map_err(|e| DiskError::io("sync the folder", folder, e))
    }
}

impl Disk for RealDisk {
    fn write_durably(&self, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
        self.write(path, bytes, false)
    }

    fn write_secret(&self, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
        self.write(path, bytes, true)
    }

    fn write_passing(&self, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        self.layer.make_folders(folder).map_err(|e| DiskError::io("make the folder of", path, e))?;
        self.layer.write(path, bytes, true).map_err(|e| DiskError::io("write", path, e))
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, DiskError> {
        self.layer.read(path).map_err(|e| DiskError::io("read", path, e))
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.faults.reach("disk.remove")?;
        match self.layer.remove(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(DiskError::io("remove", path, e)),
            Ok(()) => {
                self.faults.reach("disk.removed")?;
                self.sync_folder(path.parent().unwrap_or(Path::new(".")))
            }
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
    use model::port::Crash;

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
