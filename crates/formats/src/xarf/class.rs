//! What XARF's categories and types say, in the words of the Reference Security Incident Taxonomy, and which of their fields are
//! fields of a sighting.

use model::Classification as C;

use crate::fields::Column;

/// The seven categories of v4 (xarf-core.json, `category`).
pub(super) const CATEGORIES: [&str; 7] =
    ["messaging", "content", "copyright", "connection", "vulnerability", "infrastructure", "reputation"];

/// What a report of that category and type is; none for a type that v4 does not have. `bot` is v3's word for `botnet`.
///
/// `says` gives the text of a field of the report.
pub(super) fn of(category: &str, kind: &str, says: impl Fn(&str) -> Option<String>) -> Option<C> {
    let word = |name: &str| says(name).map(|text| text.trim().to_ascii_lowercase());
    Some(match (category, kind) {
        ("messaging", "spam" | "bulk_messaging") => C::Spam,
        ("content", "phishing") => C::Phishing,
        ("content", "malware") => C::MalwareDistribution,
        // "Child sexual exploitation material, sexual content, glorification of violence" is one type there.
        ("content", "csam" | "csem") => C::Violence,
        ("content", "exposed_data") => C::DataLeak,
        ("content", "brand_infringement") => C::Masquerade,
        ("content", "remote_compromise") => C::SystemCompromise,
        ("content", "fraud" | "suspicious_registration") => C::Other,
        ("copyright", "copyright" | "cyberlocker" | "link_site" | "p2p" | "ugc_platform" | "usenet") => C::Copyright,
        ("connection", "ddos") => C::Ddos,
        ("connection", "login_attack") => C::BruteForce,
        ("connection", "port_scan" | "vulnerability_scan" | "reconnaissance") => C::Scanner,
        ("connection", "sql_injection") => C::Exploit,
        ("connection", "scraping") => C::Other,
        // A crawler, unless it is said to be malicious.
        ("connection", "infected_host") => match word("bot_type").as_deref() {
            Some("malicious") => C::InfectedSystem,
            Some("unknown") | None => C::Undetermined,
            Some(_) => C::Other,
        },
        ("vulnerability", "cve") => C::VulnerableSystem,
        ("vulnerability", "misconfiguration") => C::Misconfiguration,
        ("vulnerability", "open_service") => C::PotentiallyUnwantedAccessible,
        ("infrastructure", "botnet" | "bot") => C::InfectedSystem,
        ("infrastructure", "compromised_server") => C::SystemCompromise,
        ("reputation", "blocklist") => C::Blacklist,
        ("reputation", "threat_intelligence") => match word("threat_type").as_deref() {
            Some("command_and_control" | "c2") => C::C2Server,
            Some("phishing") => C::Phishing,
            _ => C::Other,
        },
        _ => return None,
    })
}

/// Where a field of a report stands in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Column(Column),
    /// Under that IDF key of `extra`.
    Extra(&'static str),
    /// A peer by name, address or URL, perhaps with its port.
    Peer,
    /// A transport protocol if it is one, else an application's.
    Protocol,
    /// A service's port at the source.
    Listening,
    /// Vulnerabilities.
    Cves,
    /// Hashes of a file: as they are, and as malware's.
    Hashes,
}

/// Fields of types that are fields of a sighting, by category.
const FIELDS: &[(&str, &str, Place)] = &[
    ("connection", "destination_ip", Place::Column(Column::DestinationIp)),
    ("connection", "destination_port", Place::Column(Column::DestinationPort)),
    ("connection", "protocol", Place::Protocol),
    ("connection", "malware_family", Place::Column(Column::Malware)),
    ("connection", "c2_server", Place::Peer),
    ("connection", "target_url", Place::Column(Column::DestinationUrl)),
    ("messaging", "protocol", Place::Protocol),
    ("content", "url", Place::Column(Column::SourceUrl)),
    ("content", "domain", Place::Column(Column::SourceFqdn)),
    ("content", "malware_family", Place::Column(Column::Malware)),
    ("content", "file_hashes", Place::Hashes),
    ("content", "asn", Place::Column(Column::SourceAsn)),
    ("content", "country_code", Place::Extra("source.geolocation.cc")),
    ("content", "screenshot_url", Place::Extra("screenshot_url")),
    ("copyright", "infringing_url", Place::Column(Column::SourceUrl)),
    ("vulnerability", "service_port", Place::Listening),
    ("vulnerability", "service_version", Place::Extra("product.version")),
    ("vulnerability", "cve_id", Place::Cves),
    ("vulnerability", "cve_ids", Place::Cves),
    ("infrastructure", "malware_family", Place::Column(Column::Malware)),
    ("infrastructure", "c2_server", Place::Peer),
    ("infrastructure", "c2_protocol", Place::Protocol),
    ("reputation", "asn", Place::Column(Column::SourceAsn)),
];

/// Where the field `name` of a report of that category stands in a row; none where it has no place but its own.
pub(super) fn place(category: &str, name: &str) -> Option<Place> {
    FIELDS.iter().find(|(in_category, known, _)| *in_category == category && *known == name).map(|(.., place)| *place)
}

/// The fields of a category that have a place.
pub(super) fn fields(category: &str) -> impl Iterator<Item = (&'static str, Place)> {
    FIELDS.iter().filter(move |(known, ..)| *known == category).map(|(_, name, place)| (*name, *place))
}
