//! Bytes that can be read from their beginning more than once: a file on disk, one in memory, or a member of an archive.

use std::io::{self, Read, Seek, SeekFrom};

use model::problem::Code;

/// What a file is read from.
///
/// Only reading and going back to the beginning are asked of it; where it can do more, it does the rest more cheaply.
pub trait Source: Read + Send {
    /// Back to the first byte.
    ///
    /// # Errors
    /// What the disk says.
    fn rewind(&mut self) -> io::Result<()>;

    /// To that byte, counted from 0: what is read next begins there. Behind the end nothing is read.
    ///
    /// # Errors
    /// What the disk says.
    fn go_to(&mut self, at: u64) -> io::Result<()> {
        self.rewind()?;
        pass_over(&mut *self, at).map(|_| ())
    }

    /// How many bytes there are; where the next one is read from afterwards is not said.
    ///
    /// # Errors
    /// What the disk says.
    fn length(&mut self) -> io::Result<u64> {
        self.rewind()?;
        pass_over(&mut *self, u64::MAX)
    }

    /// Why the bytes ended before they should have, once they were read to that end: a part of a mail that was cut off. What
    /// stands behind the last line end is then no whole row.
    fn cut_off(&self) -> Option<&'static Code> {
        None
    }
}

impl<T: Read + Seek + Send> Source for T {
    fn rewind(&mut self) -> io::Result<()> {
        self.seek(SeekFrom::Start(0)).map(|_| ())
    }

    fn go_to(&mut self, at: u64) -> io::Result<()> {
        self.seek(SeekFrom::Start(at)).map(|_| ())
    }

    fn length(&mut self) -> io::Result<u64> {
        self.seek(SeekFrom::End(0))
    }
}

/// Reads so many bytes and drops them, and says how many there were.
///
/// # Errors
/// What the disk says.
pub(crate) fn pass_over(source: impl Read, bytes: u64) -> io::Result<u64> {
    io::copy(&mut source.take(bytes), &mut io::sink())
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

/// As [`fill`], into a new vector of at most so many bytes.
///
/// # Errors
/// What the disk says.
pub(crate) fn beginning_of(source: &mut dyn Source, most: usize) -> io::Result<Vec<u8>> {
    source.rewind()?;
    let mut bytes = vec![0; most];
    let read = fill(source, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}
