//! Files that survive a power cut, and a disk for simulations that loses what was not synced.
//!
//! A file is written beside its place, synced, renamed into place, and its folder synced: only then does it exist.
//! [`Disk`] is the port that the doors of this floor are given; [`RealDisk`] keeps that promise with the system calls of a
//! [`layer::Layer`]: the machine's own, or [`losing::Losing`], which forgets in a crash what nobody synced.

pub mod layer;
pub mod losing;
mod real;

use std::io;
use std::path::{Path, PathBuf};

use model::port::Crash;

pub use real::{Care, RealDisk};

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

    /// Writes a file that nobody needs after a crash: it is not synced, and may then be there in part or not at all.
    ///
    /// # Errors
    /// [`DiskError`] where the system refuses or the simulation crashes.
    fn write_passing(&self, path: &Path, bytes: &[u8]) -> Result<(), DiskError>;

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
