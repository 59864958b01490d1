//! Where a log's files stand: a folder, a copy in memory, or whatever a caller reads them from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Reads the files of a log. Paths are relative and use `/`.
pub trait Shelf {
    /// The file's bytes; none where it is not there or cannot be read, which the reader of the log then names.
    fn read(&self, path: &str) -> Option<Vec<u8>>;

    /// The paths of all files, sorted, where they can be listed. Then those are checked as well that the present checkpoint
    /// does not need.
    fn list(&self) -> Option<Vec<String>> {
        None
    }
}

impl<F: Fn(&str) -> Option<Vec<u8>>> Shelf for F {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self(path)
    }
}

impl Shelf for BTreeMap<String, Vec<u8>> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.get(path).cloned()
    }

    fn list(&self) -> Option<Vec<String>> {
        Some(self.keys().cloned().collect())
    }
}

/// A folder of the machine, only read.
#[derive(Debug, Clone)]
pub struct Folder(pub PathBuf);

impl Shelf for Folder {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.0.join(path)).ok()
    }

    fn list(&self) -> Option<Vec<String>> {
        let mut files = Vec::new();
        walk(&self.0, "", &mut files)?;
        files.sort();
        Some(files)
    }
}

/// Symbolic links are not followed: a log has none.
fn walk(folder: &Path, prefix: &str, files: &mut Vec<String>) -> Option<()> {
    for entry in fs::read_dir(folder).ok()? {
        let entry = entry.ok()?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().ok()?.is_dir() {
            walk(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.push(path);
        }
    }
    Some(())
}
