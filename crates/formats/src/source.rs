//! Bytes that can be read from their beginning more than once: a file on disk, or one in memory.

use std::io::{self, Read, Seek, SeekFrom};

/// What a file is read from.
pub trait Source: Read + Send {
    /// Back to the first byte.
    ///
    /// # Errors
    /// What the disk says.
    fn rewind(&mut self) -> io::Result<()>;
}

impl<T: Read + Seek + Send> Source for T {
    fn rewind(&mut self) -> io::Result<()> {
        self.seek(SeekFrom::Start(0)).map(|_| ())
    }
}

/// Reads until `bytes` is full or the source ends, and says how much was read.
///
/// # Errors
/// What the disk says.
pub fn fill(source: &mut dyn Source, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
