//! What makes two rows the same, declared per type, and what makes two rows one terminal.
//!
//! A hash over all fields would make every row new as soon as a feed adds a column; so the key names its fields. The keys are
//! keyed digests of 128 bits: what is kept of a row for comparison does not tell the row.

use keys::commitment::Committer;
use model::sighting::Flags;
use model::{Classification, SightingRef};

/// A field that a key may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `source.ip`.
    SourceIp,
    /// `source.port`.
    SourcePort,
    /// `source.fqdn`.
    SourceFqdn,
    /// `source.url`.
    SourceUrl,
    /// `source.account`.
    SourceAccount,
    /// `protocol.transport`.
    Protocol,
    /// `destination.ip`.
    DestinationIp,
    /// `destination.port`.
    DestinationPort,
    /// `time.source`, to the microsecond.
    Time,
    /// `malware.name`.
    Malware,
}

/// The key of a type: rows of one round that agree in all these fields (and in type) say the same.
#[must_use]
pub const fn key_of(kind: Classification) -> &'static [Field] {
    use Field::{
        DestinationIp, DestinationPort, Malware, Protocol, SourceAccount, SourceFqdn, SourceIp, SourcePort, SourceUrl,
        Time,
    };
    match kind {
        Classification::InfectedSystem => &[SourceIp, SourcePort, Time, Malware],
        Classification::VulnerableSystem
        | Classification::PotentiallyUnwantedAccessible
        | Classification::DdosAmplifier
        | Classification::WeakCrypto => &[SourceIp, SourcePort, Protocol, Time, Malware],
        Classification::Phishing | Classification::MalwareDistribution => &[SourceUrl, SourceIp, SourceFqdn, Time],
        Classification::DataLeak => &[SourceAccount, SourceIp, SourceUrl, Time],
        _ => {
            &[SourceIp, SourcePort, SourceFqdn, SourceUrl, SourceAccount, DestinationIp, DestinationPort, Time, Malware]
        }
    }
}

/// The version of the table above; it stands in the leaf of a deed that used it.
pub const KEY_VERSION: &str = "same-2";

fn push(bytes: &mut Vec<u8>, part: Option<&[u8]>) {
    // A presence byte and a length before each part, so that two parts never run into one another.
    match part {
        None => bytes.push(0),
        Some(part) => {
            bytes.push(1);
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part);
        }
    }
}

/// The keyed digest under which a row is the same as another.
#[must_use]
pub fn row_key(row: &SightingRef<'_>, committer: &Committer, scratch: &mut Vec<u8>) -> u128 {
    scratch.clear();
    push(scratch, Some(row.classification.name().as_bytes()));
    // That something is over is not what its beginning said.
    scratch.push(u8::from(row.flags.has(Flags::ENDED)));
    for field in key_of(row.classification) {
        match field {
            Field::SourceIp => push(scratch, row.source_ip.map(|a| a.to_bytes()).as_ref().map(|b| &b[..])),
            Field::DestinationIp => push(scratch, row.destination_ip.map(|a| a.to_bytes()).as_ref().map(|b| &b[..])),
            Field::SourcePort => {
                push(scratch, row.source_port.map(|p| p.number().to_be_bytes()).as_ref().map(|b| &b[..]))
            }
            Field::DestinationPort => {
                push(scratch, row.destination_port.map(|p| p.number().to_be_bytes()).as_ref().map(|b| &b[..]));
            }
            Field::Protocol => push(scratch, row.protocol.map(|p| [p.number()]).as_ref().map(|b| &b[..])),
            Field::Time => push(scratch, row.time.map(|t| t.as_micros().to_be_bytes()).as_ref().map(|b| &b[..])),
            Field::SourceFqdn => push(scratch, row.source_fqdn.map(str::as_bytes)),
            Field::SourceUrl => push(scratch, row.source_url.map(str::as_bytes)),
            Field::SourceAccount => push(scratch, row.source_account.map(str::as_bytes)),
            Field::Malware => push(scratch, row.malware.map(str::as_bytes)),
        }
    }
    committer.dedup_key(scratch)
}

/// The keyed digest of the terminal: the address, with the port where one was given; else the domain, else the account. 0, which no
/// digest is, for a row that says that something is over: it is no sighting of a terminal.
#[must_use]
pub fn terminal_key(row: &SightingRef<'_>, committer: &Committer, scratch: &mut Vec<u8>) -> u128 {
    if row.flags.has(Flags::ENDED) {
        return 0;
    }
    scratch.clear();
    scratch.extend(b"terminal");
    push(scratch, row.source_ip.map(|a| a.to_bytes()).as_ref().map(|b| &b[..]));
    push(scratch, row.source_port.map(|p| p.number().to_be_bytes()).as_ref().map(|b| &b[..]));
    if row.source_ip.is_none() {
        push(scratch, row.source_fqdn.or(row.source_account).or(row.source_url).map(str::as_bytes));
    }
    committer.dedup_key(scratch)
}
