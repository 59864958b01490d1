//! What one source handed over at one time.

use serde::{Deserialize, Serialize};

use crate::id::{PartyId, ReportId, RoundId};
use crate::time::Instant;

/// How a report was read: enough to read it again the same way, or to see that today's reading would differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The format, such as `list`, `shadowserver`, `idf`.
    pub format: String,
    /// The format's schema, such as `shadowserver 2026-03-24T15:31:20Z event4_sinkhole`.
    pub schema: String,
    /// The mapping from the source's columns to ours, with its version.
    pub mapping: String,
    /// The character encoding it was read in.
    pub encoding: String,
    /// The time zone that was declared for times without one, if any.
    pub zone: Option<String>,
}

/// A report: what is known about the file as a whole. Its bytes are kept encrypted elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its id.
    pub id: ReportId,
    /// The round it was received into; none for a delivery that a node received.
    pub round: RoundId,
    /// Who observed what it says.
    pub author: PartyId,
    /// Who handed it over; the same party unless it was passed on.
    pub relay: PartyId,
    /// When it was received here.
    pub received: Instant,
    /// The file's name as received, without its folder.
    pub file: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its keyed digest (HMAC-SHA-256, hexadecimal), by which the same file is recognised when it comes twice.
    pub digest: String,
    /// How it was read.
    pub provenance: Provenance,
}
