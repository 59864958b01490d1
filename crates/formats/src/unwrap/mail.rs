//! What stands in a mail (RFC 5322, RFC 2045, RFC 2046): its parts, found in one pass over its lines, and where their bytes are.

use std::io;

use super::Limits;
use super::header::{Header, Parameters, field};
use super::transfer::Transfer;
use crate::source::{Source, fill};

/// A header is read up to so many bytes; what goes beyond is passed over.
const LONGEST_HEADER: usize = 256 * 1_024;

/// Of a line so much is looked at.
const LONGEST_LINE: usize = 8_192;

/// Multipart in multipart, as deep as that.
const MOST_LEVELS: usize = 32;

/// A part of a mail that holds no further parts.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its name as its sender wrote it.
    pub(crate) name: Option<String>,
    /// Its media type, in lower case: `text/csv`.
    pub(crate) media: String,
    /// How its bytes are written; the name of the way where it is not known.
    pub(crate) transfer: Result<Transfer, String>,
    pub(crate) charset: Option<String>,
    /// Whether it is text for people to read and no attachment.
    pub(crate) is_body: bool,
    /// Whether it is encrypted, or wrapped in its signature.
    pub(crate) encrypted: bool,
    /// Its first byte in the mail, and the first one behind it.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The mail ends where more of it should come.
    pub(crate) cut: bool,
}

/// What a mail holds.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    pub(crate) parts: Vec<Part>,
    /// There were more parts than are looked at.
    pub(crate) too_many: bool,
    /// Multipart stood deeper in multipart than is looked at.
    pub(crate) too_deep: bool,
}

/// Fields of which a mail has some.
const OF_MAIL: [&str; 12] = [
    "received",
    "return-path",
    "from",
    "to",
    "date",
    "subject",
    "message-id",
    "mime-version",
    "content-type",
    "reply-to",
    "dkim-signature",
    "delivered-to",
];

/// Whether a file that begins like this is a mail: its first line is a field, and two fields are a mail's.
pub(super) fn is_mail(beginning: &[u8]) -> bool {
    let bytes = after_envelope(beginning);
    let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let Some((name, _)) = field(first) else { return false };
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return false;
    }
    let header = Header::of(header_of(bytes));
    OF_MAIL.iter().filter(|known| header.names().any(|name| name == **known)).count() >= 2
}

/// Whether a mail that begins like this is a feedback report (RFC 5965): a format of its own reads it whole.
pub(crate) fn is_feedback_report(beginning: &[u8]) -> bool {
    let header = Header::of(header_of(after_envelope(beginning)));
    header.parameters("content-type").is_some_and(|kind| {
        kind.value == "multipart/report"
            && kind.get("report-type").is_some_and(|report| report.eq_ignore_ascii_case("feedback-report"))
    })
}

/// Whether it begins with the line that stands before a mail in a mailbox file.
pub(super) fn has_envelope(bytes: &[u8]) -> bool {
    bytes.starts_with(b"From ")
}

fn after_envelope(bytes: &[u8]) -> &[u8] {
    if !has_envelope(bytes) {
        return bytes;
    }
    bytes.iter().position(|b| *b == b'\n').and_then(|end| bytes.get(end + 1..)).unwrap_or_default()
}

/// The bytes up to the first empty line.
pub(crate) fn header_of(bytes: &[u8]) -> &[u8] {
    let mut at = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        if line.trim_ascii().is_empty() && line.iter().all(|b| matches!(b, b'\r' | b'\n')) {
            break;
        }
        at += line.len();
    }
    bytes.get(..at).unwrap_or(bytes)
}

/// The places of the mails in a mailbox file (RFC 4155): each begins behind a line `From ` that stands first or behind an empty line.
///
/// # Errors
/// What the layers below say.
pub(super) fn mailbox(source: &mut dyn Source, limits: &Limits) -> io::Result<(Vec<(u64, u64)>, bool)> {
    let mut lines = Lines::of(source)?;
    let mut mails: Vec<(u64, u64)> = Vec::new();
    let mut empty = true;
    while let Some(line) = lines.next()? {
        if empty && lines.line.starts_with(b"From ") {
            if let Some((_, end)) = mails.last_mut() {
                *end = line.start;
            }
            if mails.len() as u64 >= limits.members {
                return Ok((mails, true));
            }
            mails.push((line.end, line.end));
        } else if let Some((_, end)) = mails.last_mut() {
            *end = line.end;
        }
        empty = lines.line.is_empty();
    }
    Ok((mails, false))
}

/// An open multipart.
struct Level {
    boundary: Vec<u8>,
    /// Its parts are another mail each where they do not say what they are (RFC 2046, 5.1.5).
    digest: bool,
    /// Its parts are encrypted.
    encrypted: bool,
}

/// What a part's header makes of its body.
enum Kind {
    Multipart(Level),
    Leaf(Part),
}

/// Finds the parts of a mail.
///
/// # Errors
/// What the layers below say.
pub(crate) fn read(source: &mut dyn Source, limits: &Limits) -> io::Result<Mail> {
    let mut mail = Mail::default();
    let mut levels: Vec<Level> = Vec::new();
    let mut lines = Lines::of(source)?;
    let mut open = begin_part(&mut lines, None, true)?;
    let mut leaf: Option<Part> = None;
    loop {
        match open.take() {
            Some(Kind::Multipart(level)) if levels.len() < MOST_LEVELS => levels.push(level),
            Some(Kind::Multipart(_)) => mail.too_deep = true,
            Some(Kind::Leaf(part)) => leaf = Some(part),
            None => {}
        }
        let Some(line) = lines.next()? else { break };
        let found = if lines.line.starts_with(b"--") { boundary(&lines.line, &levels) } else { None };
        let Some((level, closes)) = found else {
            if let Some(part) = &mut leaf {
                // The line end before a boundary belongs to the boundary.
                part.end = line.text_end;
            }
            continue;
        };
        mail.parts.extend(leaf.take());
        levels.truncate(if closes { level } else { level + 1 });
        if closes {
            continue;
        }
        if mail.parts.len() as u64 >= limits.members {
            mail.too_many = true;
            return Ok(mail);
        }
        open = begin_part(&mut lines, levels.last(), false)?;
    }
    // A body that is no part of a multipart goes to the very end, its last line end with it.
    let at_end = lines.at;
    let cut = !levels.is_empty() || lines.source.cut_off().is_some();
    if let Some(mut part) = leaf {
        part.end = at_end.max(part.start);
        part.cut = cut;
        mail.parts.push(part);
    } else if cut && let Some(part) = mail.parts.last_mut() {
        part.cut |= !levels.is_empty();
    }
    Ok(mail)
}

/// The level whose boundary the line is, the innermost first, and whether it closes it.
fn boundary(line: &[u8], levels: &[Level]) -> Option<(usize, bool)> {
    let bare = line.strip_prefix(b"--")?.trim_ascii_end();
    levels.iter().enumerate().rev().find_map(|(index, level)| {
        let rest = bare.strip_prefix(level.boundary.as_slice())?;
        match rest {
            b"" => Some((index, false)),
            b"--" => Some((index, true)),
            _ => None,
        }
    })
}

/// Reads a header and says what follows it.
fn begin_part(lines: &mut Lines<'_>, level: Option<&Level>, outermost: bool) -> io::Result<Option<Kind>> {
    let mut header = Vec::new();
    let mut first = outermost;
    loop {
        if lines.next()?.is_none() {
            break;
        }
        let envelope = std::mem::take(&mut first) && has_envelope(&lines.line);
        if lines.line.is_empty() {
            break;
        }
        if !envelope && header.len() < LONGEST_HEADER {
            header.extend_from_slice(&lines.line);
            header.push(b'\n');
        }
    }
    let header = Header::of(&header);
    let start = lines.at;
    let default = if level.is_some_and(|level| level.digest) { "message/rfc822" } else { "text/plain" };
    let mut kind = header.parameters("content-type").unwrap_or_default();
    if !kind.value.contains('/') {
        kind.value = default.to_owned();
    }
    let disposition = header.parameters("content-disposition").unwrap_or_default();
    if kind.value.starts_with("multipart/")
        && let Some(boundary) = kind.get("boundary").filter(|boundary| !boundary.is_empty())
    {
        return Ok(Some(Kind::Multipart(Level {
            boundary: boundary.as_bytes().to_vec(),
            digest: kind.value == "multipart/digest",
            encrypted: kind.value == "multipart/encrypted" || level.is_some_and(|level| level.encrypted),
        })));
    }
    let transfer = header.text("content-transfer-encoding").unwrap_or_default();
    let transfer = without_comment(&transfer);
    let name = disposition.get("filename").or_else(|| kind.get("name")).map(str::to_owned);
    let encrypted = level.is_some_and(|level| level.encrypted)
        || matches!(&*kind.value, "application/pkcs7-mime" | "application/x-pkcs7-mime" | "application/pgp-encrypted");
    Ok(Some(Kind::Leaf(Part {
        is_body: kind.value.starts_with("text/") && name.is_none() && disposition.value != "attachment",
        charset: charset_of(&kind),
        transfer: Transfer::named(transfer).ok_or_else(|| transfer.to_owned()),
        media: kind.value,
        name,
        encrypted,
        start,
        end: start,
        cut: false,
    })))
}

fn charset_of(kind: &Parameters) -> Option<String> {
    kind.get("charset").filter(|_| kind.value.starts_with("text/")).map(str::to_owned)
}

fn without_comment(text: &str) -> &str {
    text.split(['(', ';']).next().unwrap_or_default().trim()
}

/// A line's place in the mail.
struct Line {
    start: u64,
    /// Behind its text, before its line end.
    text_end: u64,
    /// Behind its line end.
    end: u64,
}

/// The lines of a source.
struct Lines<'s> {
    source: &'s mut dyn Source,
    buffer: Vec<u8>,
    from: usize,
    /// Where the next line begins.
    at: u64,
    /// The line last read, without its end; of a long one the beginning.
    line: Vec<u8>,
}

impl<'s> Lines<'s> {
    fn of(source: &'s mut dyn Source) -> io::Result<Self> {
        source.rewind()?;
        Ok(Self { source, buffer: Vec::new(), from: 0, at: 0, line: Vec::new() })
    }

    fn next(&mut self) -> io::Result<Option<Line>> {
        const STEP: usize = 64 * 1_024;
        self.line.clear();
        let start = self.at;
        let mut last = 0;
        loop {
            if self.from == self.buffer.len() {
                self.buffer.resize(STEP, 0);
                let read = fill(&mut *self.source, &mut self.buffer)?;
                self.buffer.truncate(read);
                self.from = 0;
                if read == 0 {
                    let any = self.at > start;
                    return Ok(any.then_some(Line { start, text_end: self.at, end: self.at }));
                }
            }
            let rest = self.buffer.get(self.from..).unwrap_or_default();
            let feed = memchr::memchr(b'\n', rest);
            let text = rest.get(..feed.unwrap_or(rest.len())).unwrap_or_default();
            let room = LONGEST_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(text.get(..room.min(text.len())).unwrap_or_default());
            last = text.last().copied().unwrap_or(last);
            let taken = text.len() + usize::from(feed.is_some());
            self.from += taken;
            self.at += taken as u64;
            if feed.is_some() {
                let carriage = u64::from(last == b'\r');
                if self.line.last() == Some(&b'\r') && self.at - start <= LONGEST_LINE as u64 {
                    self.line.pop();
                }
                return Ok(Some(Line { start, text_end: self.at - 1 - carriage, end: self.at }));
            }
        }
    }
}
