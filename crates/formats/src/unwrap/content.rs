//! What a member is by its beginning and by what its container says of it, and what it is called.

use std::collections::{HashSet, VecDeque};

use encoding_rs::{Encoding, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE};
use model::problem::Code;

use super::codes::{ARCHIVE_KIND_UNKNOWN, MAIL_PART_ENCRYPTED};
use super::header::charset;
use super::mail::{Part, has_envelope, is_feedback_report, is_mail};
use super::name::shown;
use super::zip;

/// What stands in a container.
pub(super) enum Content {
    /// The file as handed in, with its name.
    Whole(String),
    /// What a gzip holds, with its name.
    Gzip(String),
    Zipped(zip::Entry),
    Part(Part),
    /// A mail of a mailbox file.
    Mailed {
        start: u64,
        end: u64,
        number: u64,
    },
}

/// A container that is open.
pub(super) struct Container {
    pub(super) path: String,
    /// What is still to come.
    pub(super) contents: VecDeque<Content>,
    /// What is wrong with it as a whole.
    pub(super) faults: VecDeque<&'static Code>,
    /// How many layers lead to it from the container around it.
    pub(super) layers: usize,
    /// How many of its bytes are held.
    pub(super) held: usize,
    /// Names that were given, and how many.
    pub(super) names: HashSet<String>,
    pub(super) given: u64,
}

impl Container {
    /// The place of the file handed in.
    pub(super) fn whole(name: String) -> Self {
        Self {
            path: String::new(),
            contents: VecDeque::from([Content::Whole(name)]),
            faults: VecDeque::new(),
            layers: 0,
            held: 0,
            names: HashSet::new(),
            given: 0,
        }
    }

    /// The path of one of its contents; of two with one name the later has a number behind it.
    pub(super) fn path_of(&mut self, content: &Content) -> String {
        self.given += 1;
        let number = self.given;
        let name = match content {
            Content::Whole(name) => return name.clone(),
            Content::Gzip(name) => name.clone(),
            Content::Zipped(entry) if entry.name.is_empty() => format!("file-{number}"),
            Content::Zipped(entry) => entry.name.clone(),
            Content::Mailed { number, .. } => format!("mail-{number}.eml"),
            Content::Part(part) => {
                let otherwise = match &*part.media {
                    "message/rfc822" | "message/global" => format!("mail-{number}.eml"),
                    "text/plain" => format!("body-{number}.txt"),
                    "text/html" => format!("body-{number}.html"),
                    "text/csv" => format!("part-{number}.csv"),
                    _ => format!("part-{number}"),
                };
                shown(part.name.as_deref().unwrap_or_default(), &otherwise)
            }
        };
        let mut unique = name.clone();
        if !self.names.insert(unique.clone()) {
            unique = format!("{name} ({number})");
            self.names.insert(unique.clone());
        }
        format!("{}/{unique}", self.path)
    }
}

/// How a container is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Gzip,
    Zip,
    Mail,
    Mailbox,
}

/// What a member is.
pub(super) enum Kind {
    Container(Form),
    /// A file that some format may read.
    File,
    /// The text of a mail, which may hold a list.
    Body,
    /// What can be no list.
    Aside(&'static str),
    Refused(&'static Code, &'static str),
}

/// What a member is, by what is said of it and by its first bytes.
pub(super) fn kind(content: &Content, path: &str, beginning: &[u8]) -> Kind {
    if let Some(kind) = by_magic(beginning) {
        return kind;
    }
    let lower = path.to_ascii_lowercase();
    let part = if let Content::Part(part) = content { Some(part) } else { None };
    let declared_mail = part.is_some_and(|part| matches!(&*part.media, "message/rfc822" | "message/global"))
        || matches!(content, Content::Mailed { .. });
    if declared_mail || is_mail(beginning) {
        return match (is_feedback_report(beginning), has_envelope(beginning)) {
            (true, _) => Kind::File,
            (false, true) if !declared_mail => Kind::Container(Form::Mailbox),
            (false, _) => Kind::Container(Form::Mail),
        };
    }
    let is_html = || {
        let text = beginning.trim_ascii_start();
        let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|first| first.eq_ignore_ascii_case(word));
        begins(b"<!doctype html") || begins(b"<html")
    };
    if lower.ends_with(".html") || lower.ends_with(".htm") || is_html() {
        return Kind::Aside("text/html");
    }
    match part {
        Some(part) if part.is_body => Kind::Body,
        _ => Kind::File,
    }
}

fn by_magic(bytes: &[u8]) -> Option<Kind> {
    let unknown = |what| Some(Kind::Refused(&ARCHIVE_KIND_UNKNOWN, what));
    match bytes {
        [0x1F, 0x8B, 8, ..] => Some(Kind::Container(Form::Gzip)),
        // A workbook is a zip too; the formats say what to do with it.
        [b'P', b'K', 3, 4, ..] if is_office(bytes) => Some(Kind::File),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Kind::Container(Form::Zip)),
        [b'7', b'z', 0xBC, 0xAF, ..] => unknown("7z"),
        [b'R', b'a', b'r', b'!', 0x1A, ..] => unknown("rar"),
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', ..] => unknown("bzip2"),
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => unknown("xz"),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => unknown("zstd"),
        [b'L', b'Z', b'I', b'P', ..] => unknown("lzip"),
        [_, _, b'-', b'l', b'h', b'0'..=b'9', b'-', ..] => unknown("lzh"),
        [0x78, 0x9F, 0x3E, 0x22, ..] => unknown("winmail.dat"),
        _ if bytes.get(257..262) == Some(b"ustar") => unknown("tar"),
        _ if starts_with_line(bytes, b"-----BEGIN PGP MESSAGE-----") => {
            Some(Kind::Refused(&MAIL_PART_ENCRYPTED, "PGP MESSAGE"))
        }
        _ if starts_with_line(bytes, b"-----BEGIN PGP SIGNATURE-----") => Some(Kind::Aside("PGP signature")),
        [0x89, b'P', b'N', b'G', ..] => Some(Kind::Aside("image/png")),
        [0xFF, 0xD8, 0xFF, ..] => Some(Kind::Aside("image/jpeg")),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Kind::Aside("image/gif")),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some(Kind::Aside("application/pdf")),
        _ => None,
    }
}

fn starts_with_line(bytes: &[u8], line: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(line)
}

/// Whether a zip is a document: its first file says so (ISO/IEC 29500-2, ISO/IEC 26300-3).
fn is_office(bytes: &[u8]) -> bool {
    let name = bytes.get(30..).unwrap_or_default();
    ["[Content_Types].xml", "_rels/", "mimetype", "xl/", "word/", "docProps/", "META-INF/"]
        .iter()
        .any(|first| name.starts_with(first.as_bytes()))
}

/// What a part is that can be no list by its media type.
pub(super) fn is_no_list(part: &Part) -> Option<&'static str> {
    let media = part.media.as_str();
    let top = media.split('/').next().unwrap_or_default();
    Some(match (top, media) {
        ("image", _) => "image",
        ("audio", _) => "audio",
        ("video", _) => "video",
        ("font", _) => "font",
        (_, "text/html") => "text/html",
        (_, "text/calendar") => "text/calendar",
        (_, "text/vcard" | "text/x-vcard") => "text/vcard",
        (_, "text/css") => "text/css",
        (_, "text/enriched" | "text/richtext" | "text/rtf") => "text/rtf",
        (_, "application/pgp-signature") => "application/pgp-signature",
        (_, "application/pkcs7-signature" | "application/x-pkcs7-signature") => "application/pkcs7-signature",
        (_, "application/pgp-keys") => "application/pgp-keys",
        (_, "application/pdf") => "application/pdf",
        (_, "message/delivery-status") => "message/delivery-status",
        (_, "message/disposition-notification") => "message/disposition-notification",
        (_, "message/external-body") => "message/external-body",
        (_, "message/partial") => "message/partial",
        _ => return None,
    })
}

/// The charset of a text part that no reader finds out by itself; none where the bytes can be read as they are.
pub(super) fn foreign_charset(part: &Part) -> Option<&'static Encoding> {
    let charset = charset(part.charset.as_deref()?)?;
    let own = [UTF_8, SHIFT_JIS, UTF_16LE, UTF_16BE];
    // What calls itself ASCII or Latin and is none of it is seen by its bytes.
    let western = charset == encoding_rs::WINDOWS_1252;
    (!own.contains(&charset) && !western).then_some(charset)
}

/// The name of what a gzip holds: the one that it carries (RFC 1952, 2.3.1), or its own without its ending.
pub(super) fn gzip_name(beginning: &[u8], path: &str) -> String {
    let own = path.rsplit('/').next().unwrap_or(path);
    let lower = own.to_ascii_lowercase();
    let without = match () {
        () if lower.ends_with(".tgz") => format!("{}.tar", own.get(..own.len() - 4).unwrap_or(own)),
        () if lower.ends_with(".gz") => own.get(..own.len() - 3).unwrap_or(own).to_owned(),
        () => own.to_owned(),
    };
    let flags = beginning.get(3).copied().unwrap_or(0);
    let mut at = 10;
    if flags & 4 != 0 {
        let length = match beginning.get(10..12) {
            Some([low, high]) => usize::from(u16::from_le_bytes([*low, *high])),
            _ => 0,
        };
        at += 2 + length;
    }
    let named = beginning.get(at..).filter(|_| flags & 8 != 0).and_then(|rest| {
        let end = rest.iter().position(|b| *b == 0)?;
        let name = rest.get(..end)?;
        Some(match std::str::from_utf8(name) {
            Ok(name) => name.to_owned(),
            Err(_) => SHIFT_JIS.decode_without_bom_handling(name).0.into_owned(),
        })
    });
    let named = named.unwrap_or_default();
    shown(named.rsplit(['/', '\\']).next().unwrap_or_default(), &without)
}
