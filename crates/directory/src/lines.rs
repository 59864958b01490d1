//! The lines of a source, one at a time and none longer than a limit in memory.

use std::io::{self, BufRead};

/// The lines of a source.
pub(crate) struct Lines<R> {
    source: R,
    limit: usize,
    line: u64,
    bytes: Vec<u8>,
}

/// A line's number, from 1, and its bytes unless it is too long.
pub(crate) type NumberedLine<'l> = (u64, Option<&'l [u8]>);

enum Filled {
    Line,
    TooLong,
    End,
}

impl<R: BufRead> Lines<R> {
    /// The lines of `source`; of a line longer than `limit` bytes, its end included, only the number is told.
    pub(crate) fn new(source: R, limit: usize) -> Self {
        Self { source, limit, line: 0, bytes: Vec::new() }
    }

    /// The number of the last line that was read; 0 before the first.
    pub(crate) const fn line(&self) -> u64 {
        self.line
    }

    /// The next line with everything in it but its end and, in the first line, a byte order mark, which editors on Windows
    /// put there; no bytes where it is too long.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<NumberedLine<'_>>> {
        match self.fill()? {
            Filled::End => Ok(None),
            Filled::TooLong => Ok(Some((self.line, None))),
            Filled::Line => {
                let bytes = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
                let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
                let mark = if self.line == 1 { bytes.strip_prefix(b"\xef\xbb\xbf") } else { None };
                Ok(Some((self.line, Some(mark.unwrap_or(bytes)))))
            }
        }
    }

    fn fill(&mut self) -> io::Result<Filled> {
        self.bytes.clear();
        let mut too_long = false;
        loop {
            let chunk = match self.source.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                if self.bytes.is_empty() && !too_long {
                    return Ok(Filled::End);
                }
                break;
            }
            let line_end = chunk.iter().position(|b| *b == b'\n');
            let taken = line_end.map_or(chunk.len(), |at| at + 1);
            too_long |= self.bytes.len() + taken > self.limit;
            if too_long {
                self.bytes.clear();
            } else {
                // INVARIANT: `taken` counts bytes of `chunk`.
                self.bytes.extend_from_slice(chunk.get(..taken).unwrap_or_default());
            }
            self.source.consume(taken);
            if line_end.is_some() {
                break;
            }
        }
        self.line += 1;
        Ok(if too_long { Filled::TooLong } else { Filled::Line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_a_long_one_costs_no_room() {
        let mut bytes = b"\xef\xbb\xbfone\r\n".to_vec();
        bytes.extend(vec![b'x'; 100_000]);
        bytes.extend(b"\n\nlast");
        let mut lines = Lines::new(io::BufReader::with_capacity(7, bytes.as_slice()), 64);
        assert_eq!(lines.next_line().unwrap(), Some((1, Some(&b"one"[..]))));
        assert_eq!(lines.next_line().unwrap(), Some((2, None)));
        assert_eq!(lines.next_line().unwrap(), Some((3, Some(&b""[..]))));
        assert_eq!(lines.next_line().unwrap(), Some((4, Some(&b"last"[..]))));
        assert_eq!(lines.next_line().unwrap(), None);
        assert!(lines.bytes.capacity() < 256);
    }
}
