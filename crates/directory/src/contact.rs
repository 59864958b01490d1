//! Contacts that others publish: for networks, AS numbers and domains, who holds them and which mailbox takes reports.
//!
//! Four sources are read from files, each in a folder of its own: [`delegated`] (which registry gave what to which country),
//! [`rpsl`] (registry dumps), [`rdap`] (the same as JSON) and [`securitytxt`] (what a domain says of itself). Reading streams:
//! [`Intake`] takes line after line, puts what it found aside in sorted runs, and gives [`Record`]s in the order of their
//! subjects; what was known before comes in the same order, and [`difference`] tells the two apart, one subject at a time.
//!
//! What stands here is *automatic*: it helps whoever keeps the roster, and says whom a note or a notice of public duty could
//! reach. It is never by itself a ground to send: only a party of the roster with an agreement to receive gets records.
//! What the roster says goes before it; where they differ, [`against_roster`] says so and the roster stands.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::asn::Asn;
use crate::domain::Domain;
use crate::holder::{Directory, Found};
use crate::mailbox::MailAddress;
use crate::prefix;
use crate::roster::{ContactKind, RosterEntry};

pub mod code;
pub mod delegated;
pub mod difference;
mod intake;
pub mod rdap;
pub mod rpsl;
pub mod securitytxt;
mod sort;

pub use intake::{Gathered, Intake, ReadAs, Tally};
pub use sort::{InMemory, Spill};

/// What kind of source a contact comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// A registry's delegated statistics.
    Delegated,
    /// A registry's dump in RPSL.
    Rpsl,
    /// RDAP answers.
    Rdap,
    /// A `security.txt`.
    SecurityTxt,
}

impl SourceKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Delegated, Self::Rpsl, Self::Rdap, Self::SecurityTxt];

    /// Its name, stable for machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delegated => "delegated",
            Self::Rpsl => "rpsl",
            Self::Rdap => "rdap",
            Self::SecurityTxt => "security-txt",
        }
    }
}

/// What a contact is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An autonomous system.
    Asn(Asn),
    /// A network.
    Network(IpNet),
    /// A domain, with all names below it.
    Domain(Domain),
}

impl Subject {
    /// The subject as a text that sorts by its bytes as subjects do: AS numbers, IPv4, IPv6, domains; networks by their first
    /// addresses, wide ones first.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Asn(asn) => format!("1-as {:010}", asn.number()),
            Self::Network(IpNet::V4(net)) => format!("2-v4 {:08x}/{:03}", net.network().to_bits(), net.prefix_len()),
            Self::Network(IpNet::V6(net)) => format!("3-v6 {:032x}/{:03}", net.network().to_bits(), net.prefix_len()),
            Self::Domain(domain) => format!("4-dn {domain}"),
        }
    }

    /// The subject of a key.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        let (kind, rest) = key.split_once(' ')?;
        let network = || rest.split_once('/').and_then(|(bits, length)| Some((bits, length.parse::<u8>().ok()?)));
        let subject = match kind {
            "1-as" => Self::Asn(Asn::new(rest.parse().ok()?)),
            "2-v4" => {
                let (bits, length) = network()?;
                let first = std::net::Ipv4Addr::from(u32::from_str_radix(bits, 16).ok()?);
                Self::Network(ipnet::Ipv4Net::new(first, length).ok()?.into())
            }
            "3-v6" => {
                let (bits, length) = network()?;
                let first = std::net::Ipv6Addr::from(u128::from_str_radix(bits, 16).ok()?);
                Self::Network(ipnet::Ipv6Net::new(first, length).ok()?.into())
            }
            "4-dn" => Self::Domain(rest.parse().ok()?),
            _ => return None,
        };
        (subject.key() == key).then_some(subject)
    }

    /// The keys under which something about this subject may stand, the nearest first: for an address or network the
    /// networks around it, for a domain those above it, for an AS number itself.
    #[must_use]
    pub fn ladder(&self) -> Vec<String> {
        match self {
            Self::Asn(_) => vec![self.key()],
            Self::Network(net) => {
                std::iter::successors(Some(*net), IpNet::supernet).map(|net| Self::Network(net.trunc()).key()).collect()
            }
            Self::Domain(domain) => {
                let above = domain.above().filter_map(|name| name.parse().ok()).map(|name| Self::Domain(name).key());
                std::iter::once(self.key()).chain(above).collect()
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asn(asn) => asn.fmt(f),
            Self::Network(net) => net.fmt(f),
            Self::Domain(domain) => domain.fmt(f),
        }
    }
}

/// A text that is no subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an AS number (`AS64496`) nor an address, a network or a domain")]
pub struct BadSubject(String);

impl FromStr for Subject {
    type Err = BadSubject;

    /// Reads `AS64496`, an address (as the network of itself), a network, or a domain.
    fn from_str(text: &str) -> Result<Self, BadSubject> {
        let starts_as = text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("as"));
        if let (true, Ok(asn)) = (starts_as, text.parse()) {
            return Ok(Self::Asn(asn));
        }
        if let Ok(address) = text.parse::<model::address::Address>() {
            return Ok(Self::Network(address.ip().into()));
        }
        if let Ok(net) = prefix::read(text) {
            return Ok(Self::Network(net));
        }
        text.parse().map(Self::Domain).map_err(|_| BadSubject(text.to_owned()))
    }
}

/// One thing that a source says of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// The organisation's name.
    Name,
    /// Its country or region (ISO 3166-1, two letters).
    Country,
    /// The languages its people read, the preferred one first (RFC 5646).
    Language,
    /// The mailboxes for reports of abuse.
    Abuse,
    /// The mailboxes of its technicians.
    Technical,
    /// The mailboxes for reports about security (RFC 9116).
    Security,
    /// Other ways of reporting about security: pages, telephones (URI).
    Page,
    /// Until when the source itself says that it holds (RFC 3339).
    Expires,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::Country,
        Self::Language,
        Self::Abuse,
        Self::Technical,
        Self::Security,
        Self::Page,
        Self::Expires,
    ];

    /// Its name, stable for machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Country => "country",
            Self::Language => "language",
            Self::Abuse => "abuse",
            Self::Technical => "technical",
            Self::Security => "security",
            Self::Page => "page",
            Self::Expires => "expires",
        }
    }
}

/// Where a value was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The file, without its folder.
    pub file: String,
    /// The object's class and key in it: `role AB1-EXAMPLE`.
    pub object: String,
    /// The line on which the object begins.
    pub line: u64,
    /// The date that the source gives it (`2026-11-01`), or the one stated for the whole file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated: Option<String>,
}

/// One field: what the source says, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The values, the preferred one first where the source has an order; at least one, each once.
    pub values: Vec<String>,
    /// Where the first of them was read.
    #[serde(flatten)]
    pub origin: Origin,
}

/// The fields of a subject.
pub type Facts = BTreeMap<Field, Fact>;

/// What one source says of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The subject.
    pub subject: Subject,
    /// Its fields; at least one.
    pub facts: Facts,
}

/// A value of the roster that an automatic one contradicts; the roster's stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction<'d> {
    /// The party of the roster.
    pub party: &'d RosterEntry,
    /// The field.
    pub field: Field,
    /// What the roster says.
    pub manual: Vec<String>,
}

/// Where the record says other than the roster about what a party of it holds: a mailbox that is none of the party's of that
/// kind (case of letters aside), or another country. Where the roster is silent nothing contradicts.
#[must_use]
pub fn against_roster<'d>(record: &Record, directory: &'d Directory) -> Vec<Contradiction<'d>> {
    let Some(party) = holder(&record.subject, directory) else { return Vec::new() };
    let mails = |kinds: &[ContactKind]| -> Vec<String> {
        party.contacts.iter().filter(|c| kinds.contains(&c.kind)).map(|c| c.mail.to_string()).collect()
    };
    let mut found = Vec::new();
    for (field, fact) in &record.facts {
        let manual = match field {
            Field::Abuse => mails(&[ContactKind::Abuse]),
            Field::Technical => mails(&[ContactKind::Noc]),
            Field::Security => mails(&[ContactKind::Security, ContactKind::Csirt, ContactKind::Psirt]),
            Field::Country => vec![party.party.jurisdiction.to_string()],
            Field::Name | Field::Language | Field::Page | Field::Expires => continue,
        };
        let same = |value: &String| manual.iter().any(|known| known.eq_ignore_ascii_case(value));
        if !manual.is_empty() && !fact.values.iter().all(same) {
            found.push(Contradiction { party, field: *field, manual });
        }
    }
    found
}

/// The party of the roster that holds the whole subject.
fn holder<'d>(subject: &Subject, directory: &'d Directory) -> Option<&'d RosterEntry> {
    match subject {
        Subject::Asn(asn) => directory.party_of_asn(*asn),
        Subject::Domain(domain) => directory.lookup_domain(domain.as_str()).party,
        Subject::Network(net) => {
            let holder = directory.lookup(net.network().into());
            let whole = match holder.found? {
                Found::Manual { prefix } | Found::Asn { prefix, .. } => prefix.contains(net),
                Found::Domain { .. } => false,
            };
            holder.party.filter(|_| whole)
        }
    }
}

/// The plain mailboxes of a text in which people separate them by commas, blanks or remarks; a part that has something else
/// in it is given back whole.
fn mailboxes(text: &str) -> (Vec<MailAddress>, Vec<String>) {
    let mut read = (Vec::new(), Vec::new());
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let words: Vec<Option<MailAddress>> = part.split_whitespace().map(|word| word.parse().ok()).collect();
        if words.contains(&None) {
            read.1.push(part.to_owned());
        }
        read.0.extend(words.into_iter().flatten());
    }
    read
}

/// A country or region (ISO 3166-1, two letters), or nothing: `ZZ` is nowhere, and `EU` and `AP`, which registries write as
/// well, are no country.
fn country(text: &str) -> Option<String> {
    let upper = text.trim().to_ascii_uppercase();
    let is_code = upper.len() == 2 && upper.bytes().all(|b| b.is_ascii_uppercase());
    (is_code && !["ZZ", "EU", "AP"].contains(&upper.as_str())).then_some(upper)
}

/// A date as people compare it: `20261101`, `2026-11-01T…` and `2026-11-01` become `2026-11-01`.
fn date(text: &str) -> Option<String> {
    let text = text.trim();
    let digits: String = text.split('T').next()?.chars().filter(|c| *c != '-').collect();
    if digits.len() != 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| digits.get(range);
    let shown = format!("{}-{}-{}", part(0..4)?, part(4..6)?, part(6..8)?);
    shown.parse::<jiff::civil::Date>().ok().map(|_| shown)
}
