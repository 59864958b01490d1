//! What a whole file is before any row of it is read: how long, in which encoding, and where it is no text.
//!
//! One pass over the bytes with a buffer of fixed size. A file in which only a few places are no text is read, and the rows with those
//! places are rejected one by one; a file that is mostly something else is refused.

use std::io;

use encoding_rs::DecoderResult;
use model::problem::{Code, Place, Problem};

use crate::reading::Halt;
use crate::source::{Source, fill};
use crate::text::{BINARY_FILE, EMPTY_FILE, Encoding, WRONG_ENCODING, line_ends};

/// So many bytes are looked at at a time.
const STEP: usize = 256 * 1_024;

/// What a file is.
#[derive(Debug, Clone)]
pub struct Survey {
    /// Its encoding.
    pub encoding: Encoding,
    /// Where its text begins, in bytes: after the byte order mark, if there is one.
    pub start: u64,
    /// How long it was when it was surveyed, in bytes.
    pub length: u64,
    /// Why it ended before it should have, if it did: a part of a mail that was cut off.
    pub cut_off: Option<&'static Code>,
    /// Where it is no text.
    faults: Faults,
}

/// The places of a file that are no text in an encoding.
#[derive(Debug, Clone, Default)]
struct Faults {
    tried: &'static str,
    places: u64,
    /// The first one: byte, line from 1, the bytes that stand there.
    first: Option<(u64, u64, Vec<u8>)>,
    /// Lines of the file.
    lines: u64,
    /// Characters beyond U+07FF that are sound: a file in UTF-8 with Japanese in it has many.
    wide: u64,
}

impl Survey {
    /// Surveys a source from its beginning to its end; the encoding is the one that `declared` names or, without it, the one that the
    /// bytes show: a byte order mark, the zero bytes of UTF-16, valid UTF-8, and CP932 last.
    ///
    /// # Errors
    /// [`EMPTY_FILE`], [`BINARY_FILE`], [`WRONG_ENCODING`] where most lines are no text in any encoding, or what the disk says.
    pub fn of(file: &str, source: &mut dyn Source, declared: Option<Encoding>) -> Result<Self, Halt> {
        source.rewind()?;
        let mut sample = vec![0; SAMPLE];
        let read = fill(source, &mut sample)?;
        sample.truncate(read);
        let refuse = |code, value: Option<&str>| {
            let problem = Problem::new(code, Place::file(file));
            Halt::Problem(match value {
                Some(value) => problem.with_value(value),
                None => problem,
            })
        };
        let (marked, start) = byte_order_mark(&sample);
        if let Some(kind) = well_known_binary(&sample) {
            return Err(refuse(&BINARY_FILE, Some(kind)));
        }
        // A mark says which of the two orders it is, whatever was declared.
        let declared = match (declared, marked) {
            (Some(Encoding::Utf16Le | Encoding::Utf16Be), Some(Encoding::Utf16Le | Encoding::Utf16Be)) => marked,
            (declared, _) => declared,
        };
        let body = sample.get(start..).unwrap_or_default();
        let encoding = declared.or(marked).or_else(|| utf16_by_zero_bytes(body));
        let bytewise = encoding.is_none_or(|e| matches!(e, Encoding::Utf8 | Encoding::Cp932));
        // A mark that contradicts the declaration is no mark but a fault in the text.
        let start = if marked.is_some_and(|m| Some(m) != encoding) { 0 } else { start };
        let tried = encoding.unwrap_or(Encoding::Utf8);
        let pass = Pass::over(source, start, tried)?;
        let cut_off = source.cut_off();
        if pass.is_blank {
            return Err(refuse(cut_off.unwrap_or(&EMPTY_FILE), None));
        }
        if bytewise && mostly_control(body) {
            return Err(refuse(&BINARY_FILE, Some("control bytes")));
        }
        if bytewise && let Some((at, line)) = pass.iso_2022_jp {
            let faults = Faults {
                tried: "utf-8 or cp932 but ISO-2022-JP (JIS)",
                places: 1,
                first: Some((at, line, vec![0x1B])),
                ..Faults::default()
            };
            return Err(Halt::Problem(faults.problem(file)));
        }
        let start = start as u64;
        let survey = Self { encoding: tried, start, length: pass.length, cut_off, faults: pass.faults };
        if encoding.is_some() || survey.faults.places == 0 || survey.faults.wide > survey.faults.places * 2 {
            return survey.if_mostly_text(file);
        }
        // Not UTF-8 with a few broken characters, which as CP932 would turn all its Japanese into other Japanese.
        let other = Pass::over(source, usize::try_from(start).unwrap_or(0), Encoding::Cp932)?;
        if other.faults.places == 0 {
            return Ok(Self { encoding: Encoding::Cp932, start, length: other.length, cut_off, faults: other.faults });
        }
        let mut survey = survey;
        survey.faults.tried = "utf-8 / cp932";
        let further = |faults: &Faults| faults.first.as_ref().map_or(0, |(at, _, _)| *at);
        if further(&other.faults) > further(&survey.faults) {
            survey.faults.first = other.faults.first;
        }
        survey.if_mostly_text(file)
    }

    /// Surveys bytes in memory.
    ///
    /// # Errors
    /// As [`Survey::of`].
    pub fn of_bytes(file: &str, bytes: &[u8], declared: Option<Encoding>) -> Result<Self, Problem> {
        match Self::of(file, &mut io::Cursor::new(bytes), declared) {
            Ok(survey) => Ok(survey),
            Err(Halt::Problem(problem)) => Err(problem),
            // Memory can be read.
            Err(Halt::Disk(error)) => Err(Problem::new(&EMPTY_FILE, Place::file(file)).with_value(&error.to_string())),
        }
    }

    /// The first place that is no text, if there is one.
    #[must_use]
    pub fn first_fault(&self, file: &str) -> Option<Problem> {
        (self.faults.places > 0).then(|| self.faults.problem(file))
    }

    /// Rows are rejected one by one only where most lines are text; a first line that is none may be the heading.
    fn if_mostly_text(self, file: &str) -> Result<Self, Halt> {
        let faults = &self.faults;
        let in_first_line = faults.first.as_ref().is_some_and(|(_, line, _)| *line == 1);
        if in_first_line || (faults.places > 0 && faults.places * 2 >= faults.lines) {
            return Err(Halt::Problem(faults.problem(file)));
        }
        Ok(self)
    }
}

impl Faults {
    fn problem(&self, file: &str) -> Problem {
        let Some((at, line, bytes)) = &self.first else { return Problem::new(&WRONG_ENCODING, Place::file(file)) };
        let found: Vec<String> = bytes.iter().map(|b| format!("{b:02X}")).collect();
        let value = format!("byte {at} ({}) is not {}", found.join(" "), self.tried);
        Problem::new(&WRONG_ENCODING, Place::file(file).line(*line)).with_value(&value)
    }
}

/// What one pass over a file finds.
struct Pass {
    length: u64,
    is_blank: bool,
    /// Where the text turns to Japanese as mail writes it (RFC 1468): byte and line.
    iso_2022_jp: Option<(u64, u64)>,
    faults: Faults,
}

impl Pass {
    fn over(source: &mut dyn Source, start: usize, encoding: Encoding) -> io::Result<Self> {
        source.rewind()?;
        let mut skipped = vec![0; start];
        fill(source, &mut skipped)?;
        let faults = Faults { tried: encoding.name(), ..Faults::default() };
        let mut pass = Self { length: start as u64, is_blank: true, iso_2022_jp: None, faults };
        // The last bytes of a step stand before the next one: a character may be cut in two.
        let mut bytes: Vec<u8> = Vec::with_capacity(STEP + 8);
        let mut text = String::with_capacity(STEP * 3);
        loop {
            let kept = bytes.len();
            bytes.resize(STEP + kept, 0);
            let read = fill(source, bytes.get_mut(kept..).unwrap_or_default())?;
            bytes.truncate(kept + read);
            let last = read < STEP;
            let done = pass.step(&bytes, last, encoding, &mut text);
            pass.length += done as u64;
            if last {
                pass.faults.lines += u64::from(!matches!(bytes.last(), None | Some(b'\n' | b'\r' | 0)));
                return Ok(pass);
            }
            bytes.drain(..done);
        }
    }

    /// Looks at some bytes and says how many of them are done with.
    fn step(&mut self, bytes: &[u8], last: bool, encoding: Encoding, text: &mut String) -> usize {
        // All of it but a character that is cut in two, which in each of these encodings is shorter than four bytes.
        let whole = match (last, encoding) {
            (true, _) => bytes.len(),
            (false, Encoding::Utf8) => match std::str::from_utf8(bytes) {
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                _ => bytes.len().saturating_sub(cut_character(bytes)),
            },
            // Between two characters in any case: after a line end, or else after a byte that is no part of a longer character.
            (false, Encoding::Cp932) => bytes.iter().rposition(|b| *b < 0x40).map_or(bytes.len(), |at| at + 1),
            (false, Encoding::Utf16Le | Encoding::Utf16Be) => {
                let even = bytes.len() & !1;
                let unit = |two: &[u8]| match (encoding, two) {
                    (Encoding::Utf16Be, [high, low]) | (_, [low, high]) => u16::from_be_bytes([*high, *low]),
                    _ => 0,
                };
                let ends_high = even
                    .checked_sub(2)
                    .and_then(|at| bytes.get(at..even))
                    .is_some_and(|two| (0xD800..0xDC00).contains(&unit(two)));
                if ends_high { even - 2 } else { even }
            }
        };
        let body = bytes.get(..whole).unwrap_or_default();
        if self.iso_2022_jp.is_none()
            && let Some(at) = iso_2022_jp(bytes)
        {
            let before = bytes.get(..at).unwrap_or_default();
            self.iso_2022_jp = Some((self.length + at as u64, self.faults.lines + line_ends(before, None) + 1));
        }
        if encoding == Encoding::Utf8
            && let Ok(text) = std::str::from_utf8(body)
        {
            self.is_blank &= text.trim().is_empty();
            self.faults.lines += line_ends(body, bytes.get(whole).copied());
            self.faults.wide += wide(body);
            return whole;
        }
        let mut decoder = encoding.decoder();
        let mut at = 0;
        text.clear();
        loop {
            let rest = body.get(at..).unwrap_or_default();
            let (result, read) = decoder.decode_to_string_without_replacement(rest, text, true);
            at += read;
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => text.reserve(rest.len().max(64)),
                DecoderResult::Malformed(length, after) => {
                    at = at.saturating_sub(usize::from(after));
                    decoder = encoding.decoder();
                    self.is_blank = false;
                    self.faults.places += 1;
                    if self.faults.first.is_none() {
                        let begin = at.saturating_sub(usize::from(length));
                        let found = body.get(begin..).unwrap_or_default().iter().take(4).copied().collect();
                        let line = self.faults.lines + line_ends(text.as_bytes(), body.get(begin).copied()) + 1;
                        self.faults.first = Some((self.length + begin as u64, line, found));
                    }
                }
            }
        }
        self.is_blank &= text.trim().is_empty();
        self.faults.lines += line_ends(text.as_bytes(), None);
        self.faults.wide += wide(text.as_bytes());
        whole
    }
}

/// Characters of three and more bytes in UTF-8.
fn wide(text: &[u8]) -> u64 {
    if text.is_ascii() { 0 } else { text.iter().filter(|b| **b >= 0xE0).count() as u64 }
}

/// How many bytes at the end of broken UTF-8 may begin a character that goes on behind them.
fn cut_character(bytes: &[u8]) -> usize {
    let tail = bytes.get(bytes.len().saturating_sub(3)..).unwrap_or_default();
    let lead = tail.iter().rposition(|b| *b >= 0xC0);
    lead.map_or(0, |at| tail.len() - at)
}

/// How much of a file is looked at to guess what it is.
const SAMPLE: usize = 8_192;

/// The encoding that a byte order mark names, and how long the mark is.
pub(crate) fn byte_order_mark(bytes: &[u8]) -> (Option<Encoding>, usize) {
    match bytes {
        [0xEF, 0xBB, 0xBF, ..] => (Some(Encoding::Utf8), 3),
        [0xFF, 0xFE, ..] => (Some(Encoding::Utf16Le), 2),
        [0xFE, 0xFF, ..] => (Some(Encoding::Utf16Be), 2),
        _ => (None, 0),
    }
}

/// What people attach by mistake in place of a text file, by its first bytes.
fn well_known_binary(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'P', b'K', 3, 4, ..] => Some("ZIP archive or Excel workbook (.xlsx)"),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => Some("Excel workbook (.xls) or other OLE file"),
        [0x1F, 0x8B, ..] => Some("gzip archive"),
        [b'7', b'z', 0xBC, 0xAF, ..] => Some("7z archive"),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("PDF document"),
        [0x89, b'P', b'N', b'G', ..] => Some("PNG image"),
        [b'P', b'A', b'R', b'1', ..] => Some("Parquet file"),
        _ => None,
    }
}

/// Digits and delimiters of UTF-16 have a zero byte each, always on the same side: at least three in ten there, and next to none on
/// the other side.
pub(crate) fn utf16_by_zero_bytes(body: &[u8]) -> Option<Encoding> {
    let sample = body.get(..body.len().min(SAMPLE))?;
    let pairs = sample.len() / 2;
    if pairs < 2 {
        return None;
    }
    let zeros = |side: usize| sample.iter().skip(side).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let many = |n: usize| n * 10 >= pairs * 3;
    let few = |n: usize| n * 20 <= pairs;
    if many(odd) && few(even) {
        Some(Encoding::Utf16Le)
    } else if many(even) && few(odd) {
        Some(Encoding::Utf16Be)
    } else {
        None
    }
}

/// Where the text turns to Japanese as mail writes it (RFC 1468): each byte by itself is ASCII, so that it would pass as UTF-8.
fn iso_2022_jp(body: &[u8]) -> Option<usize> {
    let turns = |two: &[u8]| matches!(two, b"$B" | b"$@" | b"(J" | b"(I");
    let mut at = 0;
    while let Some(next) = body.get(at..)?.iter().position(|b| *b == 0x1B) {
        at += next;
        if body.get(at + 1..at + 3).is_some_and(turns) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Whether more than one byte in twenty is a control that no text file has.
fn mostly_control(body: &[u8]) -> bool {
    let sample = body.get(..body.len().min(SAMPLE)).unwrap_or_default();
    let controls = sample.iter().filter(|b| matches!(b, 0..=8 | 0x0E..=0x1A | 0x1C..=0x1F | 0x7F)).count();
    controls * 20 > sample.len()
}
