//! A file that a command writes: there whole, or as it was before.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Failure;

/// Where a command writes to.
pub struct Output {
    to: Box<dyn Write>,
    /// The file in the making, and what it will be called; none where what is written cannot be taken back (a pipe, a device).
    making: Option<(PathBuf, PathBuf)>,
}

impl Output {
    /// Writes to that file, or to standard output.
    pub fn to(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self { to: Box::new(io::stdout().lock()), making: None }) };
        let create = |at: &Path| File::create(at).map_err(|error| Failure::file(path, &error));
        if path.exists() && !path.is_file() {
            return Ok(Self { to: Box::new(create(path)?), making: None });
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}{}", std::process::id(), disk::UNFINISHED));
        let unfinished = path.with_file_name(name);
        Ok(Self { to: Box::new(create(&unfinished)?), making: Some((unfinished, path.to_owned())) })
    }

    /// All is written: the file takes its name.
    pub fn whole(mut self) -> Result<(), Failure> {
        self.to.flush()?;
        match self.making.take() {
            Some((unfinished, path)) => {
                std::fs::rename(&unfinished, &path).map_err(|error| Failure::file(&path, &error))
            }
            None => Ok(()),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some((unfinished, _)) = &self.making {
            // What cannot be removed says by its name what it is.
            let _ = std::fs::remove_file(unfinished);
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
