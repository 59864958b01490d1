//! Unpacking as it is read: gzip (RFC 1952) and the members of a zip, stored or deflated (RFC 1951), with their checksums.
//!
//! INVARIANT: what has not the checksum that it was packed with, or ends before it could be compared, is an error before its end is
//! reached. A hurt byte can make packed bytes look like others that were cut off, and an address that nobody reported may stand in them.

use std::io;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use model::problem::Code;

use super::codes::{ARCHIVE_CUT_OFF, ARCHIVE_DAMAGED, Stop};
use super::layer::{Budget, Decoder};
use crate::source::Source;

/// So many packed bytes are read at a time.
const STEP: usize = 32 * 1_024;

/// How something is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// Gzip members, one after the other, to the end.
    Gzip,
    /// Raw deflate.
    Deflate,
    /// As it is.
    Stored,
}

/// Where packed bytes stand, and what must come of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packed {
    pub(super) packing: Packing,
    /// Their first byte in the layer below.
    pub(super) start: u64,
    /// How many there are; none where only unpacking shows it.
    pub(super) length: Option<u64>,
    /// CRC-32 and length of what comes of them, where it is known.
    pub(super) whole: Option<(u32, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    Data,
    Trailer,
    Done,
}

/// Unpacks.
pub(super) struct Inflate {
    packed: Packed,
    path: String,
    budget: Budget,
    /// The furthest byte that was ever made.
    charged: u64,
    stage: Stage,
    state: Decompress,
    input: Vec<u8>,
    from: usize,
    /// Packed bytes read from below.
    read: u64,
    /// Bytes made since the beginning, and since the gzip member's.
    made: u64,
    made_of_member: u64,
    /// Gzip members that are done with.
    members: u64,
    crc: Crc,
}

impl Inflate {
    pub(super) fn of(packed: Packed, path: &str, budget: &Budget) -> Self {
        Self {
            packed,
            path: path.to_owned(),
            budget: budget.clone(),
            charged: 0,
            stage: Stage::Data,
            state: Decompress::new(false),
            input: Vec::new(),
            from: 0,
            read: 0,
            made: 0,
            made_of_member: 0,
            members: 0,
            crc: Crc::new(),
        }
    }

    /// How many packed bytes were used so far.
    pub(super) fn used(&self) -> u64 {
        self.read - (self.input.len() - self.from.min(self.input.len())) as u64
    }

    /// How many bytes were made so far.
    pub(super) const fn made(&self) -> u64 {
        self.made
    }

    /// The CRC-32 of what was made so far.
    pub(super) fn sum(&self) -> u32 {
        self.crc.sum()
    }

    fn damaged(&self) -> io::Error {
        Stop::error(&ARCHIVE_DAMAGED, &self.path)
    }

    /// Whether there is a packed byte, read from below where need be.
    fn has_input(&mut self, below: &mut dyn Source) -> io::Result<bool> {
        if self.from < self.input.len() {
            return Ok(true);
        }
        let left = self.packed.length.map_or(u64::MAX, |length| length.saturating_sub(self.read));
        let wanted = STEP.min(usize::try_from(left).unwrap_or(STEP));
        self.input.resize(wanted, 0);
        self.from = 0;
        let read = crate::source::fill(below, &mut self.input)?;
        self.input.truncate(read);
        self.read += read as u64;
        Ok(read > 0)
    }

    fn byte(&mut self, below: &mut dyn Source) -> io::Result<Option<u8>> {
        if !self.has_input(below)? {
            return Ok(None);
        }
        let byte = self.input.get(self.from).copied();
        self.from += 1;
        Ok(byte)
    }

    /// Up to four bytes as a number, the lowest first (RFC 1952, 2.1); none where they are not there.
    fn number(&mut self, below: &mut dyn Source, bytes: u32) -> io::Result<Option<u32>> {
        let mut number = 0;
        for place in 0..bytes {
            let Some(byte) = self.byte(below)? else { return Ok(None) };
            number |= u32::from(byte) << (8 * place);
        }
        Ok(Some(number))
    }

    /// Passes over so many bytes; false where they are not there.
    fn pass(&mut self, below: &mut dyn Source, bytes: u32) -> io::Result<bool> {
        for _ in 0..bytes {
            if self.byte(below)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn ends_early(&self) -> io::Error {
        Stop::error(&ARCHIVE_CUT_OFF, &self.path)
    }

    /// Passes a member's header (RFC 1952, 2.3); zeros behind the last member are padding.
    fn header(&mut self, below: &mut dyn Source) -> io::Result<()> {
        let mut first = self.byte(below)?;
        if self.members > 0 && first.is_none_or(|byte| byte == 0) {
            while first == Some(0) {
                first = self.byte(below)?;
            }
            self.stage = Stage::Done;
            return if first.is_none() { Ok(()) } else { Err(self.damaged()) };
        }
        self.header_of(below, first)?.ok_or_else(|| self.ends_early())
    }

    fn header_of(&mut self, below: &mut dyn Source, first: Option<u8>) -> io::Result<Option<()>> {
        const EXTRA: u8 = 4;
        const NAME: u8 = 8;
        const COMMENT: u8 = 16;
        const HEADER_CRC: u8 = 2;
        let Some(first) = first else { return Ok(None) };
        let Some(second) = self.byte(below)? else { return Ok(None) };
        let Some(method) = self.byte(below)? else { return Ok(None) };
        let Some(flags) = self.byte(below)? else { return Ok(None) };
        if (first, second, method) != (0x1F, 0x8B, 8) || flags & 0xE0 != 0 {
            return Err(self.damaged());
        }
        // When, how, on which system.
        if !self.pass(below, 6)? {
            return Ok(None);
        }
        if flags & EXTRA != 0 {
            let Some(length) = self.number(below, 2)? else { return Ok(None) };
            if !self.pass(below, length)? {
                return Ok(None);
            }
        }
        for _ in [NAME, COMMENT].into_iter().filter(|text| flags & text != 0) {
            loop {
                match self.byte(below)? {
                    None => return Ok(None),
                    Some(0) => break,
                    Some(_) => {}
                }
            }
        }
        if flags & HEADER_CRC != 0 && self.number(below, 2)?.is_none() {
            return Ok(None);
        }
        self.state.reset(false);
        self.crc.reset();
        self.made_of_member = 0;
        self.stage = Stage::Data;
        Ok(Some(()))
    }

    /// Compares what was made with what should have been.
    fn trailer(&mut self, below: &mut dyn Source) -> io::Result<()> {
        if self.packed.packing == Packing::Gzip {
            let (sum, length) = (self.number(below, 4)?, self.number(below, 4)?);
            let (Some(sum), Some(length)) = (sum, length) else { return Err(self.ends_early()) };
            // The length is counted modulo 2^32.
            if sum != self.crc.sum() || u64::from(length) != self.made_of_member & 0xFFFF_FFFF {
                return Err(self.damaged());
            }
            self.members += 1;
            self.stage = Stage::Header;
            return Ok(());
        }
        if self.packed.whole.is_some_and(|whole| whole != (self.crc.sum(), self.made)) {
            return Err(self.damaged());
        }
        self.stage = Stage::Done;
        Ok(())
    }

    /// Makes some bytes of the data; none where its end was reached, or more must be read.
    fn data(&mut self, below: &mut dyn Source, bytes: &mut [u8]) -> io::Result<usize> {
        let more = self.has_input(below)?;
        let input = self.input.get(self.from..).unwrap_or_default();
        let (used, made, ended) = match self.packed.packing {
            Packing::Stored => {
                let length = input.len().min(bytes.len());
                if let (Some(to), Some(from)) = (bytes.get_mut(..length), input.get(..length)) {
                    to.copy_from_slice(from);
                }
                let whole = self.packed.length.is_some_and(|length| self.read >= length) && length == input.len();
                (length, length, whole)
            }
            Packing::Gzip | Packing::Deflate => {
                let (used, made) = (self.state.total_in(), self.state.total_out());
                let status = self.state.decompress(input, bytes, FlushDecompress::None);
                let status = status.map_err(|_| self.damaged())?;
                let size = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
                let (used, made) = (size(self.state.total_in(), used), size(self.state.total_out(), made));
                (used, made, status == Status::StreamEnd)
            }
        };
        self.from += used;
        self.made += made as u64;
        self.made_of_member += made as u64;
        self.crc.update(bytes.get(..made).unwrap_or_default());
        if ended {
            self.stage = Stage::Trailer;
        } else if used == 0 && made == 0 {
            // With input and room it would have gone on.
            let all_read = self.packed.length.is_some_and(|length| self.read >= length);
            return Err(if more || all_read { self.damaged() } else { self.ends_early() });
        }
        if self.packed.whole.is_some_and(|(_, length)| self.made > length) {
            return Err(self.damaged());
        }
        self.budget.take(made, self.made, self.read, &mut self.charged, &self.path)?;
        Ok(made)
    }
}

impl Decoder for Inflate {
    fn begin(&mut self, below: &mut dyn Source) -> io::Result<()> {
        below.go_to(self.packed.start)?;
        self.stage = if self.packed.packing == Packing::Gzip { Stage::Header } else { Stage::Data };
        self.state.reset(false);
        self.crc.reset();
        self.input.clear();
        (self.from, self.read, self.made, self.made_of_member, self.members) = (0, 0, 0, 0, 0);
        Ok(())
    }

    fn decode(&mut self, below: &mut dyn Source, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stage {
                Stage::Header => self.header(below)?,
                Stage::Data => {
                    let made = self.data(below, bytes)?;
                    if made > 0 {
                        return Ok(made);
                    }
                }
                Stage::Trailer => self.trailer(below)?,
                Stage::Done => return Ok(0),
            }
        }
    }

    fn cut_off(&self, _: &dyn Source) -> Option<&'static Code> {
        None
    }
}
