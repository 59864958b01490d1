//! One row of a report, normalised: when, who, what.

use std::fmt;

use crate::address::{Address, PortNumber, Protocol};
use crate::rsit::Classification;
use crate::tag::Tags;
use crate::time::{Instant, Uncertainty};

/// What is remarkable about a row; several may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u32);

impl Flags {
    /// No source port was given: not resolvable behind a shared address.
    pub const NO_PORT: Self = Self(1);
    /// The source address lies in a special range (loopback, private, documentation, …).
    pub const SPECIAL_ADDRESS: Self = Self(1 << 1);
    /// The row had fields that the schema does not know; they are kept in `extra`.
    pub const UNKNOWN_FIELD: Self = Self(1 << 2);
    /// The report's type is unknown to the schema; the common columns were read.
    pub const UNKNOWN_TYPE: Self = Self(1 << 3);
    /// A field was given and could not be understood; it is kept as written in `extra`.
    pub const FIELD_KEPT_RAW: Self = Self(1 << 4);
    /// The year was written with two digits and read as 20xx by the mapping file's word.
    pub const TWO_DIGIT_YEAR: Self = Self(1 << 5);
    /// 24:00 was written and read as 00:00 of the next day (ISO 8601:2004, 4.2.3).
    pub const END_OF_DAY: Self = Self(1 << 6);
    /// The source says that what it once reported is over: taken off its list, expired, or superseded by another row. It is no
    /// sighting: nobody is warned of it, and no count of infections has it.
    pub const ENDED: Self = Self(1 << 7);

    /// None.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// From the column's number.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The column's number.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// These and `other`.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` hold.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// One normalised row, owned: what a format hands to the batch builder.
///
/// Field names in the comments are those of the IntelMQ Data Format. What has no field of its own goes into `extra`
/// under its IDF key, so that nothing is lost between two formats.
#[derive(Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Its place among the report's data rows, from 0.
    pub ordinal: u32,
    /// The line it began on, from 1.
    pub line: u32,
    /// Where the raw row begins in the report, in bytes.
    pub raw_offset: u64,
    /// How long the raw row is, in bytes, without its line end.
    pub raw_length: u32,
    /// The id under which the sender knows it, if it gave one.
    pub reference: Option<String>,
    /// `time.source`.
    pub time: Option<Instant>,
    /// How far that time may be off.
    pub uncertainty: Uncertainty,
    /// The zone as written in the row, or as declared for the file.
    pub zone: Option<String>,
    /// `source.ip`.
    pub source_ip: Option<Address>,
    /// `source.port`.
    pub source_port: Option<PortNumber>,
    /// `protocol.transport`.
    pub protocol: Option<Protocol>,
    /// `source.asn`.
    pub source_asn: Option<u32>,
    /// `source.fqdn`.
    pub source_fqdn: Option<String>,
    /// `source.url`.
    pub source_url: Option<String>,
    /// `source.account`.
    pub source_account: Option<String>,
    /// `destination.ip`.
    pub destination_ip: Option<Address>,
    /// `destination.port`.
    pub destination_port: Option<PortNumber>,
    /// `destination.fqdn`.
    pub destination_fqdn: Option<String>,
    /// `destination.url`.
    pub destination_url: Option<String>,
    /// `classification.type`.
    pub classification: Classification,
    /// `malware.name`.
    pub malware: Option<String>,
    /// `tlp`, PAP and data class.
    pub tags: Tags,
    /// What is remarkable about it.
    pub flags: Flags,
    /// Every other field: a JSON object of flat IDF keys, or none.
    pub extra: Option<String>,
}

impl Sighting {
    /// An empty row of an infected address, to be filled in.
    #[must_use]
    pub const fn infected() -> Self {
        Self {
            ordinal: 0,
            line: 0,
            raw_offset: 0,
            raw_length: 0,
            reference: None,
            time: None,
            uncertainty: Uncertainty::NONE,
            zone: None,
            source_ip: None,
            source_port: None,
            protocol: None,
            source_asn: None,
            source_fqdn: None,
            source_url: None,
            source_account: None,
            destination_ip: None,
            destination_port: None,
            destination_fqdn: None,
            destination_url: None,
            classification: Classification::InfectedSystem,
            malware: None,
            tags: Tags::INFECTED_ADDRESS,
            flags: Flags::none(),
            extra: None,
        }
    }
}

/// One row of a batch, borrowed. The fields are those of [`Sighting`].
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are documented at `Sighting`")]
pub struct SightingRef<'a> {
    pub ordinal: u32,
    pub line: u32,
    pub raw_offset: u64,
    pub raw_length: u32,
    pub reference: Option<&'a str>,
    pub time: Option<Instant>,
    pub uncertainty: Uncertainty,
    pub zone: Option<&'a str>,
    pub source_ip: Option<Address>,
    pub source_port: Option<PortNumber>,
    pub protocol: Option<Protocol>,
    pub source_asn: Option<u32>,
    pub source_fqdn: Option<&'a str>,
    pub source_url: Option<&'a str>,
    pub source_account: Option<&'a str>,
    pub destination_ip: Option<Address>,
    pub destination_port: Option<PortNumber>,
    pub destination_fqdn: Option<&'a str>,
    pub destination_url: Option<&'a str>,
    pub classification: Classification,
    pub malware: Option<&'a str>,
    pub tags: Tags,
    pub flags: Flags,
    pub extra: Option<&'a str>,
}

impl fmt::Debug for Sighting {
    /// Where the row stands, never what it says: a log may carry it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sighting(row {}, line {})", self.ordinal, self.line)
    }
}

impl fmt::Debug for SightingRef<'_> {
    /// Where the row stands, never what it says: a log may carry it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sighting(row {}, line {})", self.ordinal, self.line)
    }
}

impl SightingRef<'_> {
    /// The row by itself.
    #[must_use]
    pub fn to_owned(&self) -> Sighting {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Sighting {
            ordinal: self.ordinal,
            line: self.line,
            raw_offset: self.raw_offset,
            raw_length: self.raw_length,
            reference: own(self.reference),
            time: self.time,
            uncertainty: self.uncertainty,
            zone: own(self.zone),
            source_ip: self.source_ip,
            source_port: self.source_port,
            protocol: self.protocol,
            source_asn: self.source_asn,
            source_fqdn: own(self.source_fqdn),
            source_url: own(self.source_url),
            source_account: own(self.source_account),
            destination_ip: self.destination_ip,
            destination_port: self.destination_port,
            destination_fqdn: own(self.destination_fqdn),
            destination_url: own(self.destination_url),
            classification: self.classification,
            malware: own(self.malware),
            tags: self.tags,
            flags: self.flags,
            extra: own(self.extra),
        }
    }
}
