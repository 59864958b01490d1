//! Writing n6 events, one per line.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use model::{Address, Classification, DataClass, Pap, Protocol, SightingRef, Tags, Tlp};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::category::{self, End};
use super::{ATTRIBUTES, CARRIED, CARRIER, CONFIDENCES, RESTRICTIONS, TYPES};
use crate::outgoing::{self, is_writable};
use crate::writing::{Loss, Rendering, Written};

/// What an event says of each of its addresses, and not of itself.
const OF_ADDRESS: [&str; 3] = ["source.ip", "source.asn", "source.geolocation.cc"];

/// The rows as n6 events. Rows that one event told of become one event again, where they are not sent in a delivery: each row of a
/// delivery has an id of its own.
///
/// What n6 requires or allows and a row does not have, or has otherwise, is listed in [`Written::lost`]: a time (`time.source`, replaced
/// by the time of writing), IPv6 addresses (`source.ip`, `destination.ip`, left out) and other protocols than TCP, UDP and ICMP
/// (`protocol.transport`, left out). All of it stands in `intelmq`, which only a reader that knows of it sees.
pub(super) fn write(rows: &model::SightingBatch, rendering: &Rendering<'_>) -> Written {
    let mut lines = Lines { bytes: Vec::with_capacity(rows.len().saturating_mul(1_024)), open: None };
    let mut lost: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut ids = HashSet::new();
    for (index, row) in rows.rows().enumerate() {
        let mut idf: Map<String, Value> = outgoing::fields(&row, index, rendering)
            .into_iter()
            .map(|(key, value)| (key.into_owned(), value))
            .collect();
        idf.insert(CARRIER.to_owned(), CARRIED.into());
        for (field, rows) in lost_of(&row) {
            *lost.entry(field).or_default() += u64::from(rows);
        }
        let together = rendering.delivery.is_none() && row.reference.is_some();
        if !(together && lines.joined(&row, &idf)) {
            let event = event(&row, index, rendering, &idf, &mut ids);
            lines.begin(event, &row, &idf, together);
        }
    }
    lines.end();
    let lost =
        lost.into_iter().filter(|(_, rows)| *rows > 0).map(|(field, rows)| Loss { field: field.to_owned(), rows });
    Written { bytes: lines.bytes, media_type: "application/x-ndjson", extension: "n6.jsonl", lost: lost.collect() }
}

/// The lines so far, and the event that the next row may belong to.
struct Lines {
    bytes: Vec<u8>,
    open: Option<Open>,
}

struct Open {
    event: Map<String, Value>,
    addresses: Vec<Value>,
    ips: HashSet<Address>,
    /// What the rows of the event have in common; none where nothing can be added to it.
    shared: Option<Map<String, Value>>,
}

impl Lines {
    fn begin(&mut self, event: Map<String, Value>, row: &SightingRef<'_>, idf: &Map<String, Value>, together: bool) {
        self.end();
        let address = address(row, idf);
        let shared = (together && address.as_ref().is_some_and(|(_, whole)| *whole)).then(|| shared(idf));
        self.open = Some(Open {
            event,
            ips: row.source_ip.into_iter().collect(),
            addresses: address.into_iter().map(|(address, _)| address).collect(),
            shared,
        });
    }

    /// Adds the row's address to the open event, if it differs from its rows in nothing else.
    fn joined(&mut self, row: &SightingRef<'_>, idf: &Map<String, Value>) -> bool {
        let Some(open) = &mut self.open else { return false };
        let (Some(wanted), Some((address, true)), Some(ip)) = (&open.shared, address(row, idf), row.source_ip) else {
            return false;
        };
        if open.ips.contains(&ip) || *wanted != shared(idf) {
            return false;
        }
        open.ips.insert(ip);
        open.addresses.push(address);
        true
    }

    fn end(&mut self) {
        let Some(Open { mut event, addresses, .. }) = self.open.take() else { return };
        if !addresses.is_empty() {
            event.insert("address".to_owned(), addresses.into());
        }
        // Writing JSON values into memory does not fail.
        let _ = serde_json::to_writer(&mut self.bytes, &event);
        self.bytes.push(b'\n');
    }
}

fn shared(idf: &Map<String, Value>) -> Map<String, Value> {
    idf.iter()
        .filter(|(key, _)| !OF_ADDRESS.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The row's address as n6 has it, and whether that is all that the row says of it.
fn address(row: &SightingRef<'_>, idf: &Map<String, Value>) -> Option<(Value, bool)> {
    let ip = row.source_ip.filter(|ip| ip.ip().is_ipv4())?;
    let mut address = Map::new();
    address.insert("ip".to_owned(), ip.to_string().into());
    let cc = idf.get("source.geolocation.cc");
    let is_cc = |cc: &&Value| {
        cc.as_str().is_some_and(|cc| {
            cc.len() == 2 && cc.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
    };
    address.extend(cc.filter(is_cc).map(|cc| ("cc".to_owned(), cc.clone())));
    let asn = row.source_asn.filter(|asn| *asn != 0);
    address.extend(asn.map(|asn| ("asn".to_owned(), asn.into())));
    let whole = cc.is_none_or(|cc| is_cc(&cc)) && row.source_asn != Some(0);
    Some((address.into(), whole))
}

fn lost_of(row: &SightingRef<'_>) -> [(&'static str, bool); 4] {
    let no_ipv4 = |ip: Option<Address>| ip.is_some_and(|ip| !ip.ip().is_ipv4());
    [
        ("time.source", row.time.is_none_or(|time| !is_writable(time))),
        ("source.ip", no_ipv4(row.source_ip)),
        ("destination.ip", no_ipv4(row.destination_ip)),
        ("protocol.transport", row.protocol.is_some() && protocol(row).is_none()),
    ]
}

fn protocol(row: &SightingRef<'_>) -> Option<&'static str> {
    match row.protocol? {
        Protocol::Tcp => Some("tcp"),
        Protocol::Udp => Some("udp"),
        Protocol::Icmp => Some("icmp"),
        _ => None,
    }
}

fn event(
    row: &SightingRef<'_>,
    index: usize,
    rendering: &Rendering<'_>,
    idf: &Map<String, Value>,
    ids: &mut HashSet<String>,
) -> Map<String, Value> {
    let text = |key: &str| idf.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let category = category::of_row(row.classification, text("extra.n6.category"));
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| drop(event.insert(name.to_owned(), value));
    put("id", id(row, index, rendering, ids).into());
    put("source", source(idf).into());
    let tlp = restriction(&row.tags);
    put(
        "restriction",
        RESTRICTIONS.iter().find(|(_, known)| *known == tlp).map_or("internal", |(label, _)| label).into(),
    );
    put("confidence", confidence(idf).into());
    put("category", category.name.into());
    let kept = |name: &str| text(&format!("extra.n6.{name}"));
    // The Stream API has no `modified`, and the REST API no `type`.
    if kept("type").is_none_or(|kind| !TYPES.iter().any(|(known, _)| *known == kind)) {
        put("modified", kept("modified").map_or_else(|| rendering.at.to_string(), str::to_owned).into());
    }
    put("time", row.time.filter(|time| is_writable(*time)).unwrap_or(rendering.at).to_string().into());
    for (key, value) in idf {
        let Some(name) = key.strip_prefix("extra.n6.") else { continue };
        let is_set = ["category", "modified", "confidence"].contains(&name);
        if !is_set && ATTRIBUTES.binary_search(&name).is_ok() {
            put(name, value.clone());
        }
    }
    let port = |port: Option<model::PortNumber>| port.map(|port| Value::from(port.number()));
    let name = |name: Option<&str>, most: usize| name.filter(|name| name.chars().count() <= most).map(Value::from);
    // As the reader takes them: of a host that nobody is said to have connected to, the port is the destination's.
    let is_listening = category.end == End::Host
        && row.destination_port.is_none()
        && row.destination_ip.is_none()
        && kept("adip").is_none();
    let (sport, dport) = if is_listening { (None, row.source_port) } else { (row.source_port, row.destination_port) };
    let (fqdn, url) = match category.end {
        End::Client => (row.destination_fqdn, row.destination_url),
        End::Host => (row.source_fqdn, row.source_url),
        End::Unsaid if row.source_ip.is_none() => (row.source_fqdn, row.source_url),
        End::Unsaid => (None, None),
    };
    let is_leak = row.classification == Classification::DataLeak;
    let account = if is_leak || row.classification == Classification::InfectedSystem {
        row.source_account
    } else {
        text("destination.account")
    };
    let (username, email) = match account {
        Some(account) if is_leak && account.contains('@') => (None, Some(account)),
        account => (account, None),
    };
    let malware = if category.names_malware { row.malware } else { text("classification.identifier") };
    let destination = row.destination_ip.filter(|ip| ip.ip().is_ipv4()).map(|ip| Value::from(ip.to_string()));
    for (key, value) in [
        ("sport", port(sport)),
        ("dport", port(dport)),
        ("dip", destination),
        ("proto", protocol(row).map(Value::from)),
        ("fqdn", fqdn.filter(|name| is_name(name)).map(Value::from)),
        ("url", name(url, 2_048)),
        ("name", name(malware, 255)),
        ("username", name(username, 64)),
        ("email", name(email, 254)),
        (
            "status",
            text("status").filter(|status| super::STATUSES.iter().any(|(known, _)| known == status)).map(Value::from),
        ),
        ("target", name(text("event_description.target"), 100)),
        ("long_description", text("event_description.text").map(Value::from)),
        ("product", text("product.full_name").map(Value::from)),
        ("ip_network", text("source.network").map(Value::from)),
        ("misp_attr_uuid", text("misp.attribute_uuid").map(Value::from)),
        ("misp_event_uuid", text("misp.event_uuid").map(Value::from)),
        ("md5", hash(text("malware.hash.md5"), 32)),
        ("sha1", hash(text("malware.hash.sha1"), 40)),
        ("sha256", hash(text("malware.hash.sha256"), 64)),
    ] {
        if let Some(value) = value {
            put(key, value);
        }
    }
    put("intelmq", Value::Object(idf.clone()));
    event
}

/// How narrow the row is, as `restriction` can say it: never wider than its tags.
pub(super) fn restriction(tags: &Tags) -> Tlp {
    match tags.tlp {
        Tlp::Clear if tags.pap == Pap::Clear && tags.class == DataClass::Public => Tlp::Clear,
        Tlp::Clear | Tlp::Green | Tlp::Amber => Tlp::Amber,
        Tlp::AmberStrict | Tlp::Red => Tlp::Red,
    }
}

fn confidence(idf: &Map<String, Value>) -> &'static str {
    let accuracy = idf.get("feed.accuracy");
    let percent = accuracy.and_then(|accuracy| accuracy.as_f64().or_else(|| accuracy.as_str()?.trim().parse().ok()));
    let percent = percent.unwrap_or(0.0);
    CONFIDENCES.iter().rev().find(|(_, level)| f64::from(*level) <= percent).map_or("low", |(name, _)| name)
}

/// The id: the event's own where the row came from one, and nobody else has it in this file; else 128 bits that are the same
/// when the same is written again.
fn id(row: &SightingRef<'_>, index: usize, rendering: &Rendering<'_>, ids: &mut HashSet<String>) -> String {
    let is_own = |id: &&str| id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if rendering.delivery.is_none()
        && let Some(own) = row.reference.filter(is_own)
    {
        // The life cycle says an event again under its id; what is not that has the id once.
        let again = row.extra.is_some_and(|extra| extra.contains("\"extra.n6.type\":"));
        if ids.insert(own.to_owned()) || again {
            return own.to_owned();
        }
    }
    let mut hash = Sha256::new();
    hash.update(b"noroshi-n6-1");
    match outgoing::outward_id(index, rendering) {
        Some(id) => {
            hash.update([1]);
            hash.update(id.delivery.uuid().as_bytes());
            hash.update(id.ordinal.to_be_bytes());
        }
        None => {
            hash.update([0]);
            hash.update(rendering.at.as_micros().to_be_bytes());
            hash.update((index as u64).to_be_bytes());
            hash.update(rendering.feed.as_bytes());
        }
    }
    hash.finalize().iter().take(16).fold(String::with_capacity(32), |mut id, byte| {
        // Writing into a string does not fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// `provider.channel`, as the row came with it or of its feed's names.
fn source(idf: &Map<String, Value>) -> String {
    let text = |key: &str| idf.get(key).and_then(Value::as_str).unwrap_or_default();
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let code = text("feed.code");
    if code.len() <= 32 && code.split_once('.').is_some_and(|(one, other)| is_label(one) && is_label(other)) {
        return code.to_owned();
    }
    format!("{}.{}", label(text("feed.provider"), 15), label(text("feed.name"), 16))
}

/// The name in the characters that a label may have, so many at most.
fn label(name: &str, most: usize) -> String {
    let mut label = String::new();
    for character in name.chars().map(|c| c.to_ascii_lowercase()) {
        match character {
            'a'..='z' | '0'..='9' => label.push(character),
            _ if !label.is_empty() && !label.ends_with('-') => label.push('-'),
            _ => {}
        }
        if label.len() == most {
            break;
        }
    }
    let label = label.trim_end_matches('-');
    if label.is_empty() { "unknown".to_owned() } else { label.to_owned() }
}

/// A name as n6 takes one (`DOMAIN_ASCII_LOWERCASE`): lower case, labels of letters, digits, hyphens and underscores.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    };
    name.len() <= 255 && name.split('.').all(is_label)
}

fn hash(hash: Option<&str>, length: usize) -> Option<Value> {
    let hash = hash.filter(|hash| hash.len() == length && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some(Value::from(hash.to_ascii_lowercase()))
}
