//! System calls for simulations: a crash forgets what was not synced.
//!
//! The files stand on the real disk, and beside them a list of what the disk does not have for certain yet. A crash keeps as
//! much of that list as chance has it, in its order, and takes the rest back; a file whose bytes were not synced is cut short.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::port::SeededEntropy;

use crate::layer::{Layer, Os};

/// A disk that loses in a crash what nobody synced. The same seed loses the same.
pub struct Losing {
    chance: SeededEntropy,
    pending: Mutex<Vec<Pending>>,
}

/// What the disk does not have for certain.
enum Pending {
    /// The bytes of a file.
    Bytes(PathBuf),
    /// The name of a file that was not there.
    Name(PathBuf),
    /// The name of a folder that was not there.
    Folder(PathBuf),
    /// A name given to a file, and what bore it before.
    Renamed { from: PathBuf, to: PathBuf, before: Option<Vec<u8>> },
    /// That a file is gone.
    Removed { path: PathBuf, bytes: Vec<u8> },
}

impl Pending {
    /// The folder whose sync makes it certain; none for bytes.
    fn stands_in(&self) -> Option<&Path> {
        match self {
            Self::Bytes(_) => None,
            Self::Name(path) | Self::Folder(path) | Self::Removed { path, .. } | Self::Renamed { to: path, .. } => {
                path.parent()
            }
        }
    }

    fn take_back(&self) -> io::Result<()> {
        match self {
            Self::Bytes(_) => Ok(()),
            Self::Name(path) => fs::remove_file(path),
            Self::Folder(path) => fs::remove_dir_all(path),
            Self::Renamed { from, to, before } => {
                fs::rename(to, from)?;
                before.as_ref().map_or(Ok(()), |bytes| fs::write(to, bytes))
            }
            Self::Removed { path, bytes } => fs::write(path, bytes),
        }
    }
}

impl Losing {
    /// With that seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { chance: SeededEntropy::new(seed), pending: Mutex::new(Vec::new()) }
    }

    fn pending(&self) -> MutexGuard<'_, Vec<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The power goes: what nobody synced is lost, as chance has it. How many deeds were taken back.
    ///
    /// # Errors
    /// What the system says.
    pub fn crash(&self) -> io::Result<usize> {
        let mut pending = self.pending();
        let kept = usize::try_from(self.chance.below(pending.len() as u64 + 1)).unwrap_or(0);
        let mut lost = 0;
        for deed in pending.drain(kept..).rev() {
            match deed.take_back() {
                // What stood in a folder that is gone is gone with it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
            lost += 1;
        }
        for deed in pending.drain(..) {
            if let Pending::Bytes(path) = deed
                && let Ok(bytes) = fs::read(&path)
            {
                let length = usize::try_from(self.chance.below(bytes.len() as u64 + 1)).unwrap_or(0);
                fs::write(&path, bytes.get(..length).unwrap_or_default())?;
                lost += usize::from(length < bytes.len());
            }
        }
        Ok(lost)
    }
}

impl Layer for Losing {
    fn make_folders(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let made = Os.make_folders(folder)?;
        self.pending().extend(made.iter().cloned().map(Pending::Folder));
        Ok(made)
    }

    fn write(&self, path: &Path, bytes: &[u8], secret: bool) -> io::Result<()> {
        let mut pending = self.pending();
        let new = !path.exists();
        Os.write(path, bytes, secret)?;
        if new {
            pending.push(Pending::Name(path.to_owned()));
        }
        pending.push(Pending::Bytes(path.to_owned()));
        Ok(())
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        self.pending().retain(|deed| !matches!(deed, Pending::Bytes(of) if of == path));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut pending = self.pending();
        let before = fs::read(to).ok();
        Os.rename(from, to)?;
        for deed in pending.iter_mut() {
            if let Pending::Bytes(of) = deed
                && of == from
            {
                to.clone_into(of);
            }
        }
        pending.push(Pending::Renamed { from: from.to_owned(), to: to.to_owned(), before });
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.pending().retain(|deed| deed.stands_in() != Some(folder));
        Ok(())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Os.read(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut pending = self.pending();
        let bytes = Os.read(path)?;
        Os.remove(path)?;
        pending.push(Pending::Removed { path: path.to_owned(), bytes });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::port::NoFaults;

    use super::*;
    use crate::{Disk, RealDisk};

    /// Forgets every call of one kind, as a program would that had left it out.
    struct Without(Arc<Losing>, &'static str);

    impl Layer for Without {
        fn make_folders(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
            self.0.make_folders(folder)
        }
        fn write(&self, path: &Path, bytes: &[u8], secret: bool) -> io::Result<()> {
            self.0.write(path, bytes, secret)
        }
        fn sync(&self, path: &Path) -> io::Result<()> {
            if self.1 == "sync" { Ok(()) } else { self.0.sync(path) }
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.0.rename(from, to)
        }
        fn sync_folder(&self, folder: &Path) -> io::Result<()> {
            match self.1 {
                "folder" => Ok(()),
                "above" if !folder.ends_with("deep") => Ok(()),
                _ => self.0.sync_folder(folder),
            }
        }
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            self.0.read(path)
        }
        fn remove(&self, path: &Path) -> io::Result<()> {
            self.0.remove(path)
        }
    }

    /// How many of a hundred crashes after a completed write and removal found the disk other than promised.
    fn broken_promises(without: &'static str) -> usize {
        (0..100)
            .filter(|seed| {
                let folder = tempfile::tempdir().unwrap();
                let layer = Arc::new(Losing::new(*seed));
                let disk = RealDisk::over(Arc::new(Without(layer.clone(), without)), Arc::new(NoFaults));
                let (kept, gone) = (folder.path().join("new/deep/kept"), folder.path().join("new/deep/gone"));
                disk.write_durably(&kept, b"old").unwrap();
                disk.write_durably(&gone, b"to be removed").unwrap();
                disk.write_durably(&kept, b"the newest bytes").unwrap();
                disk.remove(&gone).unwrap();
                layer.crash().unwrap();
                !matches!(disk.read(&kept), Ok(bytes) if bytes == b"the newest bytes") || gone.exists()
            })
            .count()
    }

    #[test]
    fn what_was_written_durably_survives_and_no_call_is_superfluous() {
        assert_eq!(broken_promises("nothing"), 0);
        for left_out in ["sync", "folder", "above"] {
            assert!(broken_promises(left_out) > 20, "without `{left_out}` nothing was lost");
        }
    }
}
