//! What stands in a zip (APPNOTE.TXT 6.3.10): by its directory at the end, or, where that is missing, by the headers before each file.

use std::io;

use encoding_rs::SHIFT_JIS;
use model::problem::Code;

use super::Limits;
use super::codes::{
    ARCHIVE_DAMAGED, Stop, TOO_MANY_MEMBERS, ZIP_ENCRYPTED, ZIP_METHOD_UNKNOWN, ZIP_NO_DIRECTORY, ZIP_OVERLAP,
};
use super::inflate::{Inflate, Packed, Packing};
use super::layer::{Budget, Decoder};
use super::name::shown;
use crate::source::{Source, fill};

/// A file of a zip.
pub(super) struct Entry {
    /// Its name, harmless; empty where it has none.
    pub(super) name: String,
    pub(super) content: Result<Content, &'static Code>,
}

/// Where a file's bytes stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content {
    /// Its local header's first byte.
    pub(super) header: u64,
    pub(super) packing: Packing,
    pub(super) length: Option<u64>,
    pub(super) whole: Option<(u32, u64)>,
}

/// What a zip holds.
#[derive(Default)]
pub(super) struct Directory {
    pub(super) entries: Vec<Entry>,
    /// What is wrong with it as a whole.
    pub(super) faults: Vec<&'static Code>,
}

const LOCAL: u32 = 0x0403_4B50;
const CENTRAL: u32 = 0x0201_4B50;
const END: u32 = 0x0605_4B50;
const END_64: u32 = 0x0606_4B50;
const LOCATOR_64: u32 = 0x0706_4B50;
const DESCRIPTOR: u32 = 0x0807_4B50;

/// The end of the directory and the longest comment behind it.
const TAIL: u64 = 22 + 65_535;

/// Flags of an entry (4.4.4).
const ENCRYPTED: u16 = 1;
const SIZES_BEHIND: u16 = 1 << 3;
const UTF_8: u16 = 1 << 11;
const DIRECTORY_ENCRYPTED: u16 = 1 << 13;

fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    u16::try_from(number(bytes, at, 2)?).ok()
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    u32::try_from(number(bytes, at, 4)?).ok()
}

/// Reads a zip's directory.
///
/// # Errors
/// What the layers below say; a damaged zip is what could be read of it, with its faults.
pub(super) fn read(source: &mut dyn Source, path: &str, limits: &Limits, budget: &Budget) -> io::Result<Directory> {
    let length = source.length()?;
    let Some(end) = End::find(source, length)? else {
        return scan(source, path, limits, budget);
    };
    let mut directory = Directory::default();
    if end.on_several_disks {
        directory.faults.push(&ZIP_NO_DIRECTORY);
        return Ok(directory);
    }
    source.go_to(end.start)?;
    let mut left = end.length;
    let mut expected = end.entries;
    while left >= 46 {
        let mut fixed = [0; 46];
        if fill(source, &mut fixed)? < fixed.len() || word(&fixed, 0) != Some(CENTRAL) {
            break;
        }
        let lengths = [28, 30, 32].map(|at| usize::from(short(&fixed, at).unwrap_or(0)));
        let mut rest = vec![0; lengths.iter().sum()];
        let read = fill(source, &mut rest)?;
        left = left.saturating_sub((fixed.len() + rest.len()) as u64);
        expected = expected.saturating_sub(1);
        if read < rest.len() {
            expected += 1;
            break;
        }
        if directory.entries.len() as u64 >= limits.members {
            directory.faults.push(&TOO_MANY_MEMBERS);
            expected = 0;
            break;
        }
        let (name, further) = rest.split_at_checked(lengths[0]).unwrap_or_default();
        let extra = further.get(..lengths[1]).unwrap_or_default();
        directory.entries.extend(entry(&fixed, name, extra, end.shift));
    }
    if expected > 0 {
        directory.faults.push(&ARCHIVE_DAMAGED);
    }
    refuse_overlaps(&mut directory.entries, end.start);
    Ok(directory)
}

/// One entry of the directory; none for a folder.
fn entry(fixed: &[u8], name: &[u8], extra: &[u8], shift: u64) -> Option<Entry> {
    let (flags, method) = (short(fixed, 8)?, short(fixed, 10)?);
    let sum = word(fixed, 16)?;
    let mut wide = extra_field(extra, 1).unwrap_or_default();
    // In this order, and only those that do not fit (4.5.3).
    let mut widened = |value: u64| {
        if value != 0xFFFF_FFFF {
            return Some(value);
        }
        let (first, rest) = wide.split_at_checked(8)?;
        wide = rest;
        number(first, 0, 8)
    };
    let size = widened(number(fixed, 24, 4)?);
    let packed = widened(number(fixed, 20, 4)?);
    let header = widened(number(fixed, 42, 4)?);
    let name = name_of(name, flags, extra);
    if name.ends_with('/') && size == Some(0) {
        return None;
    }
    let content = match (size, packed, header) {
        _ if flags & (ENCRYPTED | DIRECTORY_ENCRYPTED) != 0 || method == 99 => Err(&ZIP_ENCRYPTED),
        (Some(size), Some(packed), Some(header)) => packing(method).map(|packing| Content {
            header: header.saturating_add(shift),
            packing,
            length: Some(packed),
            whole: Some((sum, size)),
        }),
        _ => Err(&ARCHIVE_DAMAGED),
    };
    Some(Entry { name: shown(&name, ""), content })
}

fn packing(method: u16) -> Result<Packing, &'static Code> {
    match method {
        0 => Ok(Packing::Stored),
        8 => Ok(Packing::Deflate),
        _ => Err(&ZIP_METHOD_UNKNOWN),
    }
}

/// The field of an entry's extra data with that number (4.5.1).
fn extra_field(extra: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = extra;
    loop {
        let (id, length) = (short(rest, 0)?, usize::from(short(rest, 2)?));
        let (field, further) = rest.get(4..)?.split_at_checked(length)?;
        if id == wanted {
            return Some(field);
        }
        rest = further;
    }
}

/// The name as text: UTF-8 where the zip says so or where it can be nothing else, CP932 as Japanese Windows writes it.
fn name_of(name: &[u8], flags: u16, extra: &[u8]) -> String {
    // Info-ZIP Unicode Path: version, CRC-32 of the other name, the name (4.6.9).
    let unicode = extra_field(extra, 0x7075).filter(|field| {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        field.first() == Some(&1) && word(field, 1) == Some(crc.sum())
    });
    let name = unicode.and_then(|field| field.get(5..)).unwrap_or(name);
    match std::str::from_utf8(name) {
        Ok(name) => name.to_owned(),
        Err(_) if flags & UTF_8 != 0 || unicode.is_some() => String::from_utf8_lossy(name).into_owned(),
        Err(_) => SHIFT_JIS.decode_without_bom_handling(name).0.into_owned(),
    }
}

/// Sorts the entries by where they stand, and refuses those that stand in another's bytes or in the directory's: a zip in which many
/// entries share their bytes unpacks to far more than it could hold.
fn refuse_overlaps(entries: &mut [Entry], directory: u64) {
    let start = |entry: &Entry| entry.content.as_ref().map_or(u64::MAX, |content| content.header);
    entries.sort_by_key(start);
    let mut free = 0;
    for entry in entries {
        let Ok(content) = &entry.content else { continue };
        let end = content.header.saturating_add(30).saturating_add(content.length.unwrap_or(0));
        if content.header < free || end > directory {
            entry.content = Err(&ZIP_OVERLAP);
        } else {
            free = end;
        }
    }
}

/// Where a zip's directory stands.
struct End {
    start: u64,
    length: u64,
    entries: u64,
    /// Bytes before the zip: what offsets do not count.
    shift: u64,
    on_several_disks: bool,
}

impl End {
    fn find(source: &mut dyn Source, length: u64) -> io::Result<Option<Self>> {
        let from = length.saturating_sub(TAIL);
        source.go_to(from)?;
        let mut tail = vec![0; usize::try_from(length - from).unwrap_or(0)];
        let read = fill(source, &mut tail)?;
        tail.truncate(read);
        let last = tail.len().checked_sub(22);
        // The last one whose comment is as long as it says.
        let place = last.and_then(|last| {
            (0..=last).rev().find(|at| {
                word(&tail, *at) == Some(END)
                    && short(&tail, at + 20).is_some_and(|comment| at + 22 + usize::from(comment) <= tail.len())
            })
        });
        let Some(at) = place else { return Ok(None) };
        let fixed = tail.get(at..).unwrap_or_default();
        let end_at = from + at as u64;
        let value = |at: usize, width: usize| number(fixed, at, width).unwrap_or(0);
        let mut end = Self {
            start: value(16, 4),
            length: value(12, 4),
            entries: value(10, 2),
            shift: 0,
            on_several_disks: value(4, 2) != value(6, 2),
        };
        let mut behind = end_at;
        let locator =
            at.checked_sub(20).and_then(|at| tail.get(at..at + 20)).filter(|l| word(l, 0) == Some(LOCATOR_64));
        if let Some(locator) = locator {
            let place = number(locator, 8, 8).unwrap_or(0);
            source.go_to(place)?;
            let mut wide = [0; 56];
            if fill(source, &mut wide)? == wide.len() && word(&wide, 0) == Some(END_64) {
                let value = |at: usize| number(&wide, at, 8).unwrap_or(0);
                (end.entries, end.length, end.start) = (value(32), value(40), value(48));
                end.on_several_disks = false;
                behind = place;
            }
        }
        // The directory stands right before its end, wherever its offset says that it does.
        let Some(start) = behind.checked_sub(end.length) else { return Ok(None) };
        end.shift = start.saturating_sub(end.start);
        if start < end.start {
            return Ok(None);
        }
        end.start = start;
        Ok(Some(end))
    }
}

/// A file's header before its bytes: where those begin, and what it says.
pub(super) struct Local {
    pub(super) start: u64,
    flags: u16,
    method: u16,
    sum: u32,
    packed: u64,
    size: u64,
    name: String,
}

impl Local {
    /// Reads the header at that byte; none where there is none.
    ///
    /// # Errors
    /// What the layers below say.
    pub(super) fn read(source: &mut dyn Source, at: u64) -> io::Result<Option<Self>> {
        source.go_to(at)?;
        let mut fixed = [0; 30];
        if fill(source, &mut fixed)? < fixed.len() || word(&fixed, 0) != Some(LOCAL) {
            return Ok(None);
        }
        let value = |at: usize| short(&fixed, at).unwrap_or(0);
        let lengths = [26, 28].map(|at| usize::from(value(at)));
        let mut rest = vec![0; lengths.iter().sum()];
        if fill(source, &mut rest)? < rest.len() {
            return Ok(None);
        }
        let (name, extra) = rest.split_at_checked(lengths[0]).unwrap_or_default();
        let flags = value(6);
        let (mut size, mut packed) = (number(&fixed, 22, 4).unwrap_or(0), number(&fixed, 18, 4).unwrap_or(0));
        // Here both stand there, or neither (4.5.3).
        if let Some(wide) = extra_field(extra, 1).filter(|_| size == 0xFFFF_FFFF || packed == 0xFFFF_FFFF) {
            size = number(wide, 0, 8).unwrap_or(size);
            packed = number(wide, 8, 8).unwrap_or(packed);
        }
        Ok(Some(Self {
            start: at + (fixed.len() + rest.len()) as u64,
            flags,
            method: value(8),
            sum: word(&fixed, 14).unwrap_or(0),
            packed,
            size,
            name: name_of(name, flags, extra),
        }))
    }

    /// Whether it says that the file is encrypted, whatever the directory says.
    pub(super) const fn is_encrypted(&self) -> bool {
        self.flags & ENCRYPTED != 0
    }
}

/// The files of a zip whose directory is missing, as far as their headers lead.
fn scan(source: &mut dyn Source, path: &str, limits: &Limits, budget: &Budget) -> io::Result<Directory> {
    let mut directory = Directory { entries: Vec::new(), faults: vec![&ZIP_NO_DIRECTORY] };
    let mut at = 0;
    while let Some(local) = Local::read(source, at)? {
        if directory.entries.len() as u64 >= limits.members {
            directory.faults.push(&TOO_MANY_MEMBERS);
            break;
        }
        let behind = local.flags & SIZES_BEHIND != 0;
        let content = if local.is_encrypted() { Err(&ZIP_ENCRYPTED) } else { packing(local.method) };
        let mut content = content.map(|packing| Content {
            header: at,
            packing,
            length: (!behind).then_some(local.packed),
            whole: (!behind).then_some((local.sum, local.size)),
        });
        let mut next = None;
        match (&mut content, behind) {
            (_, false) => next = local.start.checked_add(local.packed),
            // Deflate says itself where it ends; what lies behind an end that is nowhere written cannot be found.
            (Ok(content), true) if content.packing == Packing::Deflate => {
                match measure(source, &local, path, budget)? {
                    Some(Measured { length, whole, end }) => {
                        (content.length, content.whole) = (Some(length), Some(whole));
                        next = Some(end);
                    }
                    None => content.length = None,
                }
            }
            (content, true) => {
                if content.is_ok() {
                    *content = Err(&ARCHIVE_DAMAGED);
                }
            }
        }
        let is_folder = local.name.ends_with('/') && local.size == 0 && !behind;
        if !is_folder {
            directory.entries.push(Entry { name: shown(&local.name, ""), content });
        }
        match next.filter(|next| *next > at) {
            Some(next) => at = next,
            None => break,
        }
    }
    Ok(directory)
}

/// What unpacking a file shows of it.
struct Measured {
    /// Packed bytes.
    length: u64,
    /// CRC-32 and length of what comes of them.
    whole: (u32, u64),
    /// Where the next header may begin.
    end: u64,
}

/// Unpacks a file to find out where it ends; none where it does not come to its end.
fn measure(source: &mut dyn Source, local: &Local, path: &str, budget: &Budget) -> io::Result<Option<Measured>> {
    let packed = Packed { packing: Packing::Deflate, start: local.start, length: None, whole: None };
    let mut inflate = Inflate::of(packed, path, budget);
    inflate.begin(source)?;
    let mut scratch = vec![0; 64 * 1_024];
    loop {
        match inflate.decode(source, &mut scratch) {
            Ok(0) => break,
            Ok(_) => {}
            // This one is damaged, cut off or a bomb: reading it will say so.
            Err(error) => return Stop::of(error).map(|_| None),
        }
    }
    let (length, sum, size) = (inflate.used(), inflate.sum(), inflate.made());
    let behind = local.start + length;
    source.go_to(behind)?;
    let mut descriptor = [0; 24];
    let read = fill(source, &mut descriptor)?;
    let bytes = descriptor.get(..read).unwrap_or_default();
    // With a signature or without, with sizes of four bytes or of eight (4.3.9).
    let begin = if word(bytes, 0) == Some(DESCRIPTOR) { 4 } else { 0 };
    let of_width = |width: usize| {
        (word(bytes, begin) == Some(sum)
            && number(bytes, begin + 4, width) == Some(length)
            && number(bytes, begin + 4 + width, width) == Some(size))
        .then_some((begin + 4 + 2 * width) as u64)
    };
    Ok(of_width(4).or_else(|| of_width(8)).map(|width| Measured { length, whole: (sum, size), end: behind + width }))
}
