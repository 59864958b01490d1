//! The bytes of a mail's part: base64 and quoted-printable (RFC 2045, 6), and text in a charset that no reader knows made UTF-8.

use std::io;

use encoding_rs::{DecoderResult, Encoding};
use model::problem::Code;

use super::codes::{ARCHIVE_DAMAGED, MAIL_CUT_OFF, Stop};
use super::header::hexadecimal;
use super::layer::{Budget, Decoder};
use crate::source::Source;

/// So many encoded bytes are read at a time.
const STEP: usize = 32 * 1_024;

/// How a part's bytes are written in the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    AsTheyAre,
    Base64,
    QuotedPrintable,
}

impl Transfer {
    /// The transfer encoding of that name; none for one that is not known.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "7bit" | "8bit" | "binary" => Some(Self::AsTheyAre),
            "base64" => Some(Self::Base64),
            "quoted-printable" => Some(Self::QuotedPrintable),
            _ => None,
        }
    }
}

/// Reads base64 or quoted-printable.
pub(super) struct Untransfer {
    base64: bool,
    path: String,
    budget: Budget,
    input: Vec<u8>,
    /// What was decoded and not yet given.
    ready: Vec<u8>,
    given: usize,
    /// Base64: the bits so far and how many letters they came from.
    bits: u32,
    letters: u8,
    padded: bool,
    ended: bool,
    cut: bool,
}

impl Untransfer {
    pub(super) fn of(base64: bool, path: &str, budget: &Budget) -> Self {
        Self {
            base64,
            path: path.to_owned(),
            budget: budget.clone(),
            input: Vec::new(),
            ready: Vec::new(),
            given: 0,
            bits: 0,
            letters: 0,
            padded: false,
            ended: false,
            cut: false,
        }
    }

    fn base64(&mut self, bytes: &[u8]) -> io::Result<()> {
        for byte in bytes {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'=' => {
                    self.padding();
                    continue;
                }
                b' ' | b'\t' | b'\r' | b'\n' => continue,
                // To pass over a letter that was hurt would move all that follow.
                _ => return Err(Stop::error(&ARCHIVE_DAMAGED, &self.path)),
            };
            if self.padded {
                return Err(Stop::error(&ARCHIVE_DAMAGED, &self.path));
            }
            self.bits = self.bits << 6 | u32::from(value);
            self.letters += 1;
            if self.letters == 4 {
                let [_, a, b, c] = self.bits.to_be_bytes();
                self.ready.extend([a, b, c]);
                (self.bits, self.letters) = (0, 0);
            }
        }
        Ok(())
    }

    /// The last letters, of which there are two or three.
    fn padding(&mut self) {
        let [_, a, b, _] = (self.bits << (6 * (4 - u32::from(self.letters.min(4))))).to_be_bytes();
        match self.letters {
            2 => self.ready.push(a),
            3 => self.ready.extend([a, b]),
            _ => {}
        }
        self.padded = true;
        (self.bits, self.letters) = (0, 0);
    }

    /// Decodes what stands in the input, and keeps the last bytes where more comes that may belong to them.
    fn quoted_printable(&mut self, last: bool) {
        let input = std::mem::take(&mut self.input);
        let mut at = 0;
        while let Some(byte) = input.get(at) {
            match byte {
                b'=' => {
                    let rest = input.get(at + 1..).unwrap_or_default();
                    // A soft line break may have space before the line's end.
                    let blank = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
                    match (rest.get(blank), rest.get(blank + 1)) {
                        (Some(b'\r'), Some(b'\n')) => at += blank + 3,
                        (Some(b'\n'), _) => at += blank + 2,
                        (None, _) | (Some(b'\r'), None) if !last && blank < 1_000 => break,
                        (None, _) => at = input.len(),
                        _ if rest.len() < 2 && !last => break,
                        _ => {
                            match rest.get(..2).and_then(hexadecimal) {
                                Some(byte) => {
                                    self.ready.push(byte);
                                    at += 3;
                                }
                                // As written, as RFC 2045 advises.
                                None => {
                                    self.ready.push(b'=');
                                    at += 1;
                                }
                            }
                        }
                    }
                }
                byte => {
                    self.ready.push(*byte);
                    at += 1;
                }
            }
        }
        self.input = input.get(at..).unwrap_or_default().to_vec();
    }
}

impl Decoder for Untransfer {
    fn begin(&mut self, below: &mut dyn Source) -> io::Result<()> {
        below.rewind()?;
        self.input.clear();
        self.ready.clear();
        (self.given, self.bits, self.letters) = (0, 0, 0);
        (self.padded, self.ended, self.cut) = (false, false, false);
        Ok(())
    }

    fn decode(&mut self, below: &mut dyn Source, bytes: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() && !self.ended {
            self.ready.clear();
            self.given = 0;
            let kept = self.input.len();
            self.input.resize(kept + STEP, 0);
            let read = crate::source::fill(below, self.input.get_mut(kept..).unwrap_or_default())?;
            self.input.truncate(kept + read);
            self.ended = read < STEP;
            self.budget.work(read, &self.path)?;
            if self.base64 {
                let input = std::mem::take(&mut self.input);
                self.base64(&input)?;
                if self.ended && self.letters > 0 {
                    // Some programs leave the padding away; one letter by itself is no byte.
                    self.cut = self.letters == 1;
                    self.padding();
                }
            } else {
                self.quoted_printable(self.ended);
            }
        }
        let ready = self.ready.get(self.given..).unwrap_or_default();
        let length = ready.len().min(bytes.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..length), ready.get(..length)) {
            to.copy_from_slice(from);
        }
        self.given += length;
        Ok(length)
    }

    fn cut_off(&self, below: &dyn Source) -> Option<&'static Code> {
        below.cut_off().or_else(|| self.cut.then_some(&MAIL_CUT_OFF))
    }
}

/// Makes UTF-8 of text in another charset.
///
/// What is no text in it becomes the byte 0xFF, which is no text in UTF-8 either: it costs its row, as it would in a file of its own.
pub(super) struct ToUtf8 {
    charset: &'static Encoding,
    decoder: encoding_rs::Decoder,
    input: Vec<u8>,
    from: usize,
    ready: Vec<u8>,
    given: usize,
    /// The input was read to its end; and the decoder was told.
    ended: bool,
    finished: bool,
}

impl ToUtf8 {
    pub(super) fn of(charset: &'static Encoding) -> Self {
        Self {
            charset,
            decoder: charset.new_decoder_without_bom_handling(),
            input: Vec::new(),
            from: 0,
            ready: Vec::new(),
            given: 0,
            ended: false,
            finished: false,
        }
    }
}

impl Decoder for ToUtf8 {
    fn begin(&mut self, below: &mut dyn Source) -> io::Result<()> {
        below.rewind()?;
        *self = Self::of(self.charset);
        Ok(())
    }

    fn decode(&mut self, below: &mut dyn Source, bytes: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() && !self.finished {
            if self.from == self.input.len() && !self.ended {
                self.input.resize(STEP, 0);
                self.from = 0;
                let read = crate::source::fill(below, &mut self.input)?;
                self.input.truncate(read);
                self.ended = read < STEP;
            }
            // Room for whatever this much input can become.
            self.ready.resize(STEP * 4, 0);
            self.given = 0;
            let input = self.input.get(self.from..).unwrap_or_default();
            let room = self.ready.len() - 8;
            let room = self.ready.get_mut(..room).unwrap_or_default();
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(input, room, self.ended);
            self.from += read;
            self.ready.truncate(written);
            match result {
                DecoderResult::InputEmpty => self.finished = self.ended,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.ready.push(0xFF),
            }
        }
        let ready = self.ready.get(self.given..).unwrap_or_default();
        let length = ready.len().min(bytes.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..length), ready.get(..length)) {
            to.copy_from_slice(from);
        }
        self.given += length;
        Ok(length)
    }

    fn cut_off(&self, below: &dyn Source) -> Option<&'static Code> {
        below.cut_off()
    }
}
