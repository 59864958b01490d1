//! Archives and mails as the tests of unwrapping need them, also such as no program writes.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A file for a zip.
#[derive(Clone)]
pub struct File {
    pub name: Vec<u8>,
    pub bytes: Vec<u8>,
    pub stored: bool,
    pub flags: u16,
    pub method: Option<u16>,
    /// Sizes behind the file instead of before it.
    pub behind: bool,
    /// Sizes of eight bytes.
    pub wide: bool,
    pub wrong_crc: bool,
}

impl File {
    pub fn of(name: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            bytes: bytes.as_ref().to_vec(),
            stored: false,
            flags: 0,
            method: None,
            behind: false,
            wide: false,
            wrong_crc: false,
        }
    }
}

/// A zip and where its directory begins.
pub fn zip(files: &[File]) -> (Vec<u8>, usize) {
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for file in files {
        let packed = if file.stored { file.bytes.clone() } else { deflate(&file.bytes) };
        let sum = crc(&file.bytes) ^ u32::from(file.wrong_crc);
        let method = file.method.unwrap_or(if file.stored { 0 } else { 8 });
        let flags = file.flags | if file.behind { 8 } else { 0 };
        let at = u32::try_from(out.len()).unwrap();
        let (size, length) = (file.bytes.len() as u64, packed.len() as u64);
        let narrow = |value: u64| if file.wide { 0xFFFF_FFFF } else { u32::try_from(value).unwrap() };
        let mut extra = Vec::new();
        if file.wide {
            extra.extend([1, 0, 16, 0]);
            extra.extend(size.to_le_bytes());
            extra.extend(length.to_le_bytes());
        }
        let common = |sum: u32, length: u32, size: u32| {
            let mut bytes = Vec::new();
            bytes.extend(45_u16.to_le_bytes());
            bytes.extend(flags.to_le_bytes());
            bytes.extend(method.to_le_bytes());
            bytes.extend([0; 4]);
            bytes.extend(sum.to_le_bytes());
            bytes.extend(length.to_le_bytes());
            bytes.extend(size.to_le_bytes());
            bytes.extend(u16::try_from(file.name.len()).unwrap().to_le_bytes());
            bytes.extend(u16::try_from(extra.len()).unwrap().to_le_bytes());
            bytes
        };
        out.extend(b"PK\x03\x04");
        out.extend(if file.behind { common(0, 0, 0) } else { common(sum, narrow(length), narrow(size)) });
        out.extend(&file.name);
        out.extend(&extra);
        out.extend(&packed);
        if file.behind {
            out.extend(b"PK\x07\x08");
            out.extend(sum.to_le_bytes());
            out.extend(u32::try_from(length).unwrap().to_le_bytes());
            out.extend(u32::try_from(size).unwrap().to_le_bytes());
        }
        central.extend(b"PK\x01\x02\x2d\0");
        central.extend(common(sum, narrow(length), narrow(size)));
        central.extend([0; 10]);
        central.extend(at.to_le_bytes());
        central.extend(&file.name);
        central.extend(&extra);
    }
    let directory = out.len();
    out.extend(&central);
    out.extend(b"PK\x05\x06\0\0\0\0");
    let count = u16::try_from(files.len()).unwrap();
    out.extend([count, count].map(u16::to_le_bytes).concat());
    out.extend(u32::try_from(central.len()).unwrap().to_le_bytes());
    out.extend(u32::try_from(directory).unwrap().to_le_bytes());
    out.extend([0, 0]);
    (out, directory)
}

/// A part of a mail: its header lines and its body as written.
pub fn part(header: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = header.replace('\n', "\r\n").into_bytes();
    out.extend(b"\r\n\r\n");
    out.extend(body.as_ref());
    out
}

/// An attachment in base64.
pub fn attached(kind: &str, name: &str, bytes: &[u8]) -> Vec<u8> {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut body = String::new();
    for line in text.as_bytes().chunks(76) {
        let _ = write!(body, "{}\r\n", std::str::from_utf8(line).unwrap());
    }
    part(
        &format!("Content-Type: {kind}\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; {name}"),
        body,
    )
}

/// A mail of several parts.
pub fn mail(parts: &[Vec<u8>]) -> Vec<u8> {
    mail_of("multipart/mixed", parts)
}

pub fn mail_of(kind: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = part(
        &format!(
            "From: feed@example.org\nTo: desk@example.jp\nSubject: =?UTF-8?B?5oSf5p+T?=\n\
             Date: Sat, 31 Jan 2026 09:00:00 +0900\nMIME-Version: 1.0\nContent-Type: {kind}; boundary=\"=_b;1\""
        ),
        "This is a multipart message.\r\n",
    );
    for part in parts {
        out.extend(b"\r\n--=_b;1\r\n");
        out.extend(part);
    }
    out.extend(b"\r\n--=_b;1--\r\n");
    out
}
