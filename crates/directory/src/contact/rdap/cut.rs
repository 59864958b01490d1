//! Cuts a file into JSON objects, so that one is in memory at a time and a broken one does not lose the others.
//!
//! Only braces and strings are told apart here; whether a piece is JSON its reader says. In a file whose first line is an object
//! by itself every line is one (JSON lines), and a line cannot swallow the next; otherwise objects are found by their braces,
//! and a break within a string, which JSON does not allow, ends a broken one.

use std::io::{self, BufRead};

use crate::lines::Lines;

/// No object is longer, in bytes.
const LONGEST: usize = 4 << 20;

/// A piece of the file.
pub(super) enum Piece<'p> {
    /// From an opening brace to its closing one.
    Object(&'p [u8]),
    /// Too long to be read.
    TooLong,
    /// Something that does not close, or that is no object.
    Broken,
}

/// How the file is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Unknown,
    Lines,
    Braces,
}

pub(super) struct Cutter<R> {
    lines: Lines<R>,
    layout: Layout,
    /// The rest of the current line that was not looked at, and its number.
    rest: Vec<u8>,
    line: u64,
    piece: Vec<u8>,
}

impl<R: BufRead> Cutter<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            lines: Lines::new(source, LONGEST),
            layout: Layout::Unknown,
            rest: Vec::new(),
            line: 0,
            piece: Vec::new(),
        }
    }

    /// The next piece, and the line on which it begins.
    pub(super) fn next_piece(&mut self) -> io::Result<Option<(u64, Piece<'_>)>> {
        self.piece.clear();
        let mut begun: Option<u64> = None;
        let mut scan = Scan::default();
        loop {
            if self.rest.is_empty() {
                match self.lines.next_line()? {
                    None => return Ok(begun.map(|line| (line, Piece::Broken))),
                    Some((line, None)) => return Ok(Some((begun.unwrap_or(line), Piece::TooLong))),
                    Some((line, Some(bytes))) => {
                        self.line = line;
                        self.rest.extend_from_slice(bytes);
                    }
                }
            }
            if begun.is_none() {
                // What may stand between objects: blanks, commas, the brackets of an array.
                let skipped = self.rest.iter().take_while(|b| b" \t\r\n,[]".contains(b)).count();
                self.rest.drain(..skipped);
                match self.rest.first() {
                    None => continue,
                    Some(b'{') => begun = Some(self.line),
                    Some(_) => {
                        self.rest.clear();
                        return Ok(Some((self.line, Piece::Broken)));
                    }
                }
                if self.layout == Layout::Unknown {
                    let whole = Scan::default().end(self.rest.trim_ascii()) == Some(self.rest.trim_ascii().len());
                    self.layout = if whole && skipped == 0 { Layout::Lines } else { Layout::Braces };
                }
                if self.layout == Layout::Lines {
                    std::mem::swap(&mut self.piece, &mut self.rest);
                    self.rest.clear();
                    return Ok(Some((self.line, Piece::Object(&self.piece))));
                }
            }
            let line = begun.unwrap_or(self.line);
            if let Some(end) = scan.end(&self.rest) {
                self.piece.extend(self.rest.drain(..end));
                return Ok(Some((line, Piece::Object(&self.piece))));
            }
            if scan.in_string {
                self.rest.clear();
                return Ok(Some((line, Piece::Broken)));
            }
            if self.piece.len() + self.rest.len() >= LONGEST {
                self.rest.clear();
                return Ok(Some((line, Piece::TooLong)));
            }
            self.piece.append(&mut self.rest);
            self.piece.push(b'\n');
        }
    }
}

/// How deep the braces are, and whether a string is open.
#[derive(Default)]
struct Scan {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// Goes on over the bytes; where the outermost brace closes, how many bytes belong to it.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            match (self.in_string, *byte) {
                (true, _) if self.escaped => self.escaped = false,
                (true, b'\\') => self.escaped = true,
                (_, b'"') => self.in_string = !self.in_string,
                (false, b'{') => self.depth += 1,
                (false, b'}') => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}
