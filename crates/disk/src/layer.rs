//! The system calls that a durable write is made of, one by one.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// System calls on files. None of them is durable by itself: a file's bytes are after [`Layer::sync`], its name and its folder's
/// are after [`Layer::sync_folder`] of the folder that they stand in.
pub trait Layer: Send + Sync {
    /// Makes a folder and those above it; names the ones that were not there, the outermost first.
    ///
    /// # Errors
    /// What the system says.
    fn make_folders(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;

    /// Writes a file; one of that name is overwritten. A secret one is readable by its owner alone (mode 0600).
    ///
    /// # Errors
    /// What the system says.
    fn write(&self, path: &Path, bytes: &[u8], secret: bool) -> io::Result<()>;

    /// Waits until the disk has the file's bytes.
    ///
    /// # Errors
    /// What the system says.
    fn sync(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name; one of that name is replaced.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Waits until the disk has the names in that folder.
    ///
    /// # Errors
    /// What the system says.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// The whole file.
    ///
    /// # Errors
    /// What the system says.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The machine's own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Os;

impl Layer for Os {
    fn make_folders(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut missing: Vec<PathBuf> = folder
            .ancestors()
            .take_while(|above| !above.as_os_str().is_empty() && !above.is_dir())
            .map(Path::to_owned)
            .collect();
        missing.reverse();
        fs::create_dir_all(folder)?;
        Ok(missing)
    }

    fn write(&self, path: &Path, bytes: &[u8], secret: bool) -> io::Result<()> {
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        if secret {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        #[cfg(not(unix))]
        let _ = secret;
        options.open(path)?.write_all(bytes)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        File::options().write(true).open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}
