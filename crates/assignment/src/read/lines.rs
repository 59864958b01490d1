//! Lines of a text file as it comes: decoded, numbered, none so long that it fills the memory.

use std::io::{self, BufRead, Read};

use encoding_rs::SHIFT_JIS;

/// The longest line that is read, in bytes; no row of any of our files comes near it.
const LONGEST: u64 = 64 * 1024;

/// The lines of a file in UTF-8 (with or without BOM) or CP932.
///
/// The first line that is not plain ASCII shows which of the two it is; a line that is not of that encoding is unreadable by
/// itself.
pub(crate) struct Lines<R> {
    source: R,
    number: u64,
    encoding: Option<Encoding>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Encoding {
    Utf8,
    Cp932,
}

/// One line, without its end.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Line {
    /// Decoded.
    Text(String),
    /// Not of the file's encoding; as far as it can be shown.
    Garbled(String),
    /// Longer than any row; its beginning.
    TooLong(String),
    /// The first line says that the file is in UTF-16 (or begins with a NUL).
    Utf16,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn of(source: R) -> Self {
        Self { source, number: 0, encoding: None, bytes: Vec::new() }
    }

    /// The next line and its number, from 1; none at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, Line)>> {
        self.bytes.clear();
        let read = self.source.by_ref().take(LONGEST).read_until(b'\n', &mut self.bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let whole = self.bytes.last() == Some(&b'\n') || (read as u64) < LONGEST;
        if self.number == 1 {
            if matches!(self.bytes[..], [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, ..] | [_, 0, ..]) {
                return Ok(Some((1, Line::Utf16)));
            }
            if self.bytes.starts_with(b"\xEF\xBB\xBF") {
                self.bytes.drain(..3);
                self.encoding = Some(Encoding::Utf8);
            }
        }
        if !whole {
            self.skip_to_line_end()?;
            let beginning = String::from_utf8_lossy(&self.bytes).chars().take(200).collect();
            return Ok(Some((self.number, Line::TooLong(beginning))));
        }
        while matches!(self.bytes.last(), Some(b'\n' | b'\r')) {
            self.bytes.pop();
        }
        Ok(Some((self.number, self.decode())))
    }

    fn decode(&mut self) -> Line {
        let bytes = &self.bytes;
        if bytes.is_ascii() {
            return Line::Text(String::from_utf8_lossy(bytes).into_owned());
        }
        let utf8 = || std::str::from_utf8(bytes).ok().map(|text| (Encoding::Utf8, text.to_owned()));
        let cp932 = || {
            let (text, bad) = SHIFT_JIS.decode_without_bom_handling(bytes);
            (!bad).then(|| (Encoding::Cp932, text.into_owned()))
        };
        let decoded = match self.encoding {
            None => utf8().or_else(cp932),
            Some(Encoding::Utf8) => utf8(),
            Some(Encoding::Cp932) => cp932(),
        };
        match decoded {
            Some((encoding, text)) => {
                self.encoding = Some(encoding);
                Line::Text(text)
            }
            None => Line::Garbled(String::from_utf8_lossy(bytes).into_owned()),
        }
    }

    fn skip_to_line_end(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.source.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let length = end.map_or(buffer.len(), |at| at + 1);
            self.source.consume(length);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<(u64, Line)> {
        let mut lines = Lines::of(bytes);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push(line);
        }
        all
    }

    fn text(text: &str) -> Line {
        Line::Text(text.to_owned())
    }

    #[test]
    fn the_same_text_in_each_encoding() {
        let sentence = "アドレス,表示ソ\r\n192.0.2.1,能\n";
        let (cp932, ..) = SHIFT_JIS.encode(sentence);
        let bom = [b"\xEF\xBB\xBF", sentence.as_bytes()].concat();
        for bytes in [sentence.as_bytes(), &cp932, &bom] {
            assert_eq!(all(bytes), [(1, text("アドレス,表示ソ")), (2, text("192.0.2.1,能"))]);
        }
        assert_eq!(all(b"\xFF\xFEa\0")[0], (1, Line::Utf16));
        assert_eq!(all(b"a\0,\0")[0], (1, Line::Utf16));
    }

    #[test]
    fn a_bad_line_is_bad_alone() {
        let lines = all("あ\n\u{0}".as_bytes().iter().chain(b"\xFF\nb").copied().collect::<Vec<_>>().as_slice());
        assert!(matches!(lines[1], (2, Line::Garbled(_))));
        assert_eq!(lines[2], (3, text("b")));
        let long = [vec![b'x'; 200_000], b"\nshort\n".to_vec()].concat();
        let lines = all(&long);
        assert!(matches!(&lines[0], (1, Line::TooLong(beginning)) if beginning.len() == 200));
        assert_eq!(lines[1..], [(2, text("short"))]);
        // A last line of exactly the limit without a line end.
        let lines = all(&vec![b'x'; LONGEST as usize]);
        assert_eq!(lines.len(), 1);
    }
}
