//! Which XARF category and type a sighting is, with the fields that the type asks for.

use std::borrow::Cow;

use model::sighting::Flags;
use model::{Classification, Instant, Protocol, SightingRef};
use serde_json::{Map, Value};

use super::class::{self, CATEGORIES, Place};
use super::write::first;

/// A category and type, and what belongs to it.
pub(super) struct Kind {
    pub(super) category: Cow<'static, str>,
    pub(super) name: Cow<'static, str>,
    pub(super) fields: Map<String, Value>,
}

impl Kind {
    fn of(category: &'static str, name: &'static str) -> Self {
        Self { category: category.into(), name: name.into(), fields: Map::new() }
    }

    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    fn with_some(self, field: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }
}

/// The kind of the row, seen at `time` if that is known; what its best kind requires and the row does not have makes it threat intelligence.
///
/// What is over is no abuse, and a victim no abuser: a kind that says otherwise would have somebody disconnected for it.
pub(super) fn of(row: &SightingRef<'_>, time: Option<Instant>, idf: &Map<String, Value>) -> Kind {
    use Classification as C;
    let intelligence = |threat: &str| {
        Kind::of("reputation", "threat_intelligence")
            .with("threat_type", threat)
            .with("evidence_source", "threat_intelligence")
    };
    if row.flags.has(Flags::ENDED) {
        return intelligence(ENDED);
    }
    if let Some(kind) = as_received(row, idf) {
        return kind;
    }
    let victim = ["extra.n6.category", "classification.identifier"].into_iter().find_map(|key| text(idf, key));
    if let Some(victim) =
        victim.filter(|name| matches!(row.classification, C::Ddos | C::Dos) && name.ends_with("victim"))
    {
        return intelligence(&first(victim, 200));
    }
    let best = match row.classification {
        C::InfectedSystem => Some(botnet(row, idf)),
        C::SystemCompromise
        | C::ApplicationCompromise
        | C::PrivilegedAccountCompromise
        | C::UnprivilegedAccountCompromise => {
            // How it came about no source says; the schema requires a word.
            Some(Kind::of("infrastructure", "compromised_server").with("compromise_method", "unknown"))
        }
        C::VulnerableSystem | C::DdosAmplifier | C::WeakCrypto => {
            Some(cve(row, idf).unwrap_or_else(|| open_service(row, idf)))
        }
        C::PotentiallyUnwantedAccessible | C::InformationDisclosure => Some(open_service(row, idf)),
        C::Misconfiguration => Some(Kind::of("vulnerability", "misconfiguration").with("service", service(row, idf))),
        C::MalwareDistribution | C::MalwareConfiguration | C::Malware => content(row, idf, "malware"),
        C::Phishing => content(row, idf, "phishing"),
        C::Ddos | C::Dos => connection(row, time, "ddos"),
        C::BruteForce => connection(row, time, "login_attack"),
        C::Scanner => connection(row, time, "port_scan"),
        C::Blacklist => Some(Kind::of("reputation", "blocklist").with("threat_type", row.classification.name())),
        _ => None,
    };
    best.unwrap_or_else(|| intelligence(row.classification.name()))
}

/// The threat of a row that says that something is over.
pub(super) const ENDED: &str = "ended";

/// Fields of a report that its type does not decide, and what is kept of a report and is none of its fields.
const NOT_OF_TYPE: [&str; 22] = [
    "xarf_version",
    "report_id",
    "timestamp",
    "reporter",
    "sender",
    "source_identifier",
    "source_port",
    "category",
    "type",
    "evidence",
    "tags",
    "confidence",
    "description",
    "legacy_version",
    "_internal",
    "noroshi",
    "v3_type",
    "v3_report",
    "v3_additional_info",
    "v3_reporter_info",
    "v3_on_behalf_of",
    "internal",
];

/// The kind that the row was received as, where it still says the same; what of it is a field of the row is taken from the row.
fn as_received(row: &SightingRef<'_>, idf: &Map<String, Value>) -> Option<Kind> {
    let (category, name) = (text(idf, "extra.xarf.category")?, text(idf, "extra.xarf.type")?);
    let says = |field: &str| text(idf, &format!("extra.xarf.{field}")).map(str::to_owned);
    let classification = class::of(category, name, says).unwrap_or(Classification::Undetermined);
    if !CATEGORIES.contains(&category) || classification != row.classification {
        return None;
    }
    let kept = idf.iter().filter_map(|(key, value)| Some((key.strip_prefix("extra.xarf.")?, value)));
    let mut fields: Map<String, Value> = kept
        .filter(|(name, _)| !NOT_OF_TYPE.contains(name))
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    // What has no name that a key can have.
    if let Some(columns) = idf.get("extra.columns").and_then(Value::as_object) {
        let more = columns.iter().filter(|(name, _)| !NOT_OF_TYPE.contains(&name.as_str()));
        fields.extend(more.map(|(name, value)| (name.clone(), value.clone())));
    }
    for (field, place) in class::fields(category) {
        let value = match place {
            Place::Column(column) => column.value(row).filter(|value| match field {
                "url" | "infringing_url" | "target_url" => value.as_str().is_some_and(is_url),
                "domain" => value.as_str().is_some_and(is_domain),
                _ => true,
            }),
            Place::Extra(key) => idf.get(key).cloned(),
            Place::Peer if matches!(name, "botnet" | "bot" | "infected_host") => server(row).map(Value::from),
            Place::Protocol => text(idf, "protocol.application").map(Value::from).or_else(|| {
                row.protocol
                    .map(|protocol| Value::from(if protocol == Protocol::Icmp6 { "icmp" } else { protocol.name() }))
            }),
            Place::Listening if matches!(name, "cve" | "open_service") => {
                row.source_port.map(|port| Value::from(port.number()))
            }
            Place::Cves => {
                let ids: Vec<&str> =
                    text(idf, "product.vulnerabilities").map_or_else(Vec::new, |ids| ids.split(';').collect());
                match field {
                    "cve_ids" if ids.len() > 1 => Some(Value::from(ids)),
                    "cve_id" => ids.first().map(|id| Value::from(*id)),
                    _ => None,
                }
            }
            Place::Peer | Place::Listening | Place::Hashes => None,
        };
        if let Some(value) = value.filter(|_| !fields.contains_key(field)) {
            fields.insert(field.to_owned(), value);
        }
    }
    Some(Kind { category: category.to_owned().into(), name: name.to_owned().into(), fields })
}

/// What an infected terminal talked to.
fn server(row: &SightingRef<'_>) -> Option<String> {
    let address = row.destination_ip.map(|ip| ip.to_string());
    let host = match (row.destination_fqdn, address) {
        (Some(name), _) => name.to_owned(),
        (None, Some(address)) => address,
        (None, None) => return row.destination_url.map(str::to_owned),
    };
    Some(match row.destination_port {
        Some(port) if host.contains(':') => format!("[{host}]:{port}"),
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

/// An infected subscriber. How the source knows is the report's own business; what is known of it stands in the evidence.
fn botnet(row: &SightingRef<'_>, idf: &Map<String, Value>) -> Kind {
    let server =
        row.destination_fqdn.map(str::to_owned).or_else(|| row.destination_ip.map(|address| address.to_string()));
    let protocol = match text(idf, "protocol.application") {
        Some(name @ ("http" | "https" | "dns" | "irc" | "p2p")) => Some(name.to_owned()),
        _ => match row.protocol {
            Some(protocol @ (Protocol::Tcp | Protocol::Udp)) => Some(protocol.name().to_owned()),
            _ => None,
        },
    };
    let seen = if server.is_some() {
        "communication with a command-and-control server or sinkhole was observed"
    } else {
        "communication that only infected terminals make was observed"
    };
    Kind::of("infrastructure", "botnet")
        .with("compromise_evidence", seen)
        .with_some("malware_family", row.malware.map(|name| first(name, 200)))
        .with_some("c2_server", server)
        .with_some("c2_protocol", protocol)
        .with("evidence_source", "threat_intelligence")
}

/// A known vulnerability; none without its CVE id and the service's port.
fn cve(row: &SightingRef<'_>, idf: &Map<String, Value>) -> Option<Kind> {
    let port = row.source_port?;
    let listed = text(idf, "product.vulnerabilities")?;
    let mut ids: Vec<String> =
        listed.split(';').map(|id| id.trim().to_ascii_uppercase()).filter(|id| is_cve(id)).collect();
    ids.sort_unstable();
    ids.dedup();
    // So many the schema allows; the others stand in the IDF fields.
    ids.truncate(10);
    let id = ids.first()?.clone();
    let kind = Kind::of("vulnerability", "cve")
        .with("service", service(row, idf))
        .with("service_port", port.number())
        .with("cve_id", id)
        .with_some("service_version", text(idf, "product.version").map(|version| first(version, 100)))
        .with("evidence_source", "vulnerability_scan");
    Some(if ids.len() == 1 { kind } else { kind.with("cve_ids", ids) })
}

/// `^CVE-[0-9]{4}-[0-9]+$`.
fn is_cve(id: &str) -> bool {
    id.strip_prefix("CVE-").and_then(|rest| rest.split_once('-')).is_some_and(|(year, number)| {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        year.len() == 4 && digits(year) && !number.is_empty() && digits(number)
    })
}

fn open_service(row: &SightingRef<'_>, idf: &Map<String, Value>) -> Kind {
    Kind::of("vulnerability", "open_service")
        .with("service", service(row, idf))
        .with_some("service_port", row.source_port.map(model::PortNumber::number))
        .with("evidence_source", "vulnerability_scan")
}

/// The service as the source names it, else by its port.
fn service(row: &SightingRef<'_>, idf: &Map<String, Value>) -> String {
    let named = text(idf, "protocol.application")
        .or_else(|| text(idf, "product.name"))
        .or_else(|| text(idf, "classification.identifier"));
    match (named, row.source_port, row.protocol) {
        (Some(name), ..) => first(name, 200),
        (None, Some(port), Some(protocol)) => format!("{protocol}/{port}"),
        (None, Some(port), None) => format!("port {port}"),
        (None, None, _) => "unknown".to_owned(),
    }
}

/// Content under a URL; none without one.
fn content(row: &SightingRef<'_>, idf: &Map<String, Value>, name: &'static str) -> Option<Kind> {
    let url = row.source_url.or(row.destination_url).filter(|url| is_url(url))?;
    let kind = Kind::of("content", name).with("url", url);
    let kind = kind.with_some("domain", row.source_fqdn.filter(|domain| is_domain(domain)));
    Some(if name == "malware" {
        let hashes: Map<String, Value> = ["md5", "sha1", "sha256"]
            .into_iter()
            .filter_map(|algorithm| Some((algorithm, text(idf, &format!("malware.hash.{algorithm}"))?)))
            .filter(|(algorithm, hash)| is_hash(algorithm, hash))
            .map(|(algorithm, hash)| (algorithm.to_owned(), Value::from(hash)))
            .collect();
        let kind = kind.with_some("malware_family", row.malware);
        if hashes.is_empty() { kind } else { kind.with("file_hashes", hashes) }
    } else {
        kind
    })
}

/// An absolute URL with nothing in it that a URL may not have (RFC 3986, section 2).
fn is_url(url: &str) -> bool {
    let scheme = url.split_once("://").map(|(scheme, rest)| (scheme, !rest.is_empty()));
    let allowed = |byte: u8| {
        byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
    };
    scheme.is_some_and(|(scheme, rest)| {
        rest && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    }) && url.bytes().all(allowed)
}

/// `^([a-z0-9]+(-[a-z0-9]+)*\.)+[a-z]{2,}$`.
fn is_domain(domain: &str) -> bool {
    let Some((names, last)) = domain.rsplit_once('.') else { return false };
    let is_label = |label: &str| {
        label
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
    };
    last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_lowercase()) && names.split('.').all(is_label)
}

fn is_hash(algorithm: &str, hash: &str) -> bool {
    let length = match algorithm {
        "md5" => 32,
        "sha1" => 40,
        _ => 64,
    };
    hash.len() == length && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// An attack over a connection; none without protocol, port and time, which the type requires of an address.
fn connection(row: &SightingRef<'_>, time: Option<Instant>, name: &'static str) -> Option<Kind> {
    let protocol = match row.protocol? {
        Protocol::Icmp | Protocol::Icmp6 => Protocol::Icmp,
        other => other,
    };
    row.source_port?;
    let time = time?.to_string();
    Some(
        Kind::of("connection", name)
            .with("protocol", protocol.name())
            .with("first_seen", time)
            .with_some("destination_ip", row.destination_ip.map(|address| address.to_string()))
            .with_some("destination_port", row.destination_port.map(model::PortNumber::number)),
    )
}

fn text<'i>(idf: &'i Map<String, Value>, key: &str) -> Option<&'i str> {
    idf.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}
