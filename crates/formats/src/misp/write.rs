//! Writing a MISP event: one object per row, from the official templates, tagged and with the distribution of its label.
//!
//! | a row | object |
//! |---|---|
//! | with both ends | `network-connection` |
//! | with an address or a name | `ip-port` |
//! | with a URL only | `url` |
//! | with an account only | `user-account` |
//! | with hashes only | `file` |
//!
//! The whole row stands in the object's comment, so nothing is lost. The event's own tag and distribution are the widest of its rows',
//! each attribute's those of its row: MISP lets an attribute go no further than both. Ids are made of the delivery and the place in it.

use model::{Classification, Instant, SightingBatch, SightingRef, Zone};
use serde_json::{Map, Value, json};
use uuid::{Uuid, uuid};

use super::{CARRIES, distribution};
use crate::idf;
use crate::outgoing;
use crate::version5::version_5;
use crate::writing::{Contact, Rendering, Written};

/// For everything that we write.
const OURS: Uuid = uuid!("8f1d1c1e-0a57-4d4b-9c0e-3c8b5a0d9b42");

/// An object template: name, meta-category, uuid, version (misp-objects).
type Template = (&'static str, &'static str, &'static str, &'static str);

const NETWORK_CONNECTION: Template = ("network-connection", "network", "af16764b-f8e5-4603-9de1-de34d272f80b", "7");
const IP_PORT: Template = ("ip-port", "network", "9f8cea74-16fe-4968-a2b4-026676949ac6", "10");
const URL: Template = ("url", "network", "60efb77b-40b5-4c46-871b-ed1ed999fce5", "10");
const USER_ACCOUNT: Template = ("user-account", "misc", "49606b06-22f0-4ac8-8eee-2f12ad46f3d3", "6");
const FILE: Template = ("file", "file", "688c46fb-5edb-40a3-8273-1af7923e2215", "25");

/// The rows as one event.
pub(super) fn write(rows: &SightingBatch, rendering: &Rendering<'_>) -> Written {
    let basis = match rendering.delivery {
        Some(delivery) => delivery.to_string(),
        None => format!("{} {}", rendering.at.as_micros(), rendering.feed),
    };
    let timestamp = rendering.at.as_micros().div_euclid(1_000_000).max(0).to_string();
    let org = |contact: &Contact| {
        let name = if contact.org.is_empty() { "unknown" } else { &contact.org };
        json!({ "name": name, "uuid": id(&["org", &contact.org, &contact.domain]) })
    };
    let widest = rows.rows().map(|row| row.tags.tlp).min();
    let mut event = json!({
        "uuid": id(&["event", &basis]),
        "info": if rendering.feed.is_empty() { "noroshi" } else { &rendering.feed },
        "date": rendering.at.in_zone(&Zone::utc()).get(..10).unwrap_or("1970-01-01"),
        "timestamp": timestamp,
        "publish_timestamp": "0",
        "published": false,
        // Completed; undefined.
        "analysis": "2",
        "threat_level_id": "4",
        "distribution": widest.map_or(0, distribution).to_string(),
        "Orgc": org(&rendering.reporter),
        "Org": org(&rendering.sender),
        "Tag": widest.map(|tlp| vec![tag(&tlp.name().to_ascii_lowercase())]).unwrap_or_default(),
        "Attribute": [],
    });
    let head = if let Value::Object(members) = &mut event { std::mem::take(members) } else { Map::new() };
    // The objects last and one per line: an event cut off on its way has its tags, and a broken line costs its row only.
    let mut bytes = b"{\"Event\":".to_vec();
    let mut members = Vec::new();
    // Writing JSON values into memory does not fail.
    let _ = serde_json::to_writer(&mut members, &head);
    members.pop();
    bytes.extend_from_slice(&members);
    bytes.extend_from_slice(b",\"Object\":[");
    for (index, row) in rows.rows().enumerate() {
        bytes.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
        let object = object(&row, index, &basis, &timestamp, rendering);
        let _ = serde_json::to_writer(&mut bytes, &object);
    }
    bytes.extend_from_slice(b"\n]}}\n");
    Written { bytes, media_type: "application/json", extension: "misp.json", lost: Vec::new() }
}

fn id(parts: &[&str]) -> String {
    let name = parts.iter().fold(String::new(), |name, part| format!("{name}{}:{part}", part.len()));
    version_5(OURS, name.as_bytes()).to_string()
}

fn tag(name: &str) -> Value {
    json!({ "name": name })
}

/// One attribute: its relation in the template, its type, its category, its value.
type Part = (&'static str, &'static str, &'static str, String);

fn object(row: &SightingRef<'_>, index: usize, basis: &str, timestamp: &str, rendering: &Rendering<'_>) -> Value {
    let fields: Map<String, Value> =
        outgoing::fields(row, index, rendering).into_iter().map(|(key, value)| (key.into_owned(), value)).collect();
    let ((name, meta_category, template, version), parts) = parts(row, &fields);
    let place = index.to_string();
    let distribution = distribution(row.tags.tlp).to_string();
    let tags: Vec<Value> = [
        row.tags.tlp.name().to_ascii_lowercase(),
        row.tags.pap.name().to_owned(),
        format!("rsit:{}=\"{}\"", row.classification.taxonomy(), row.classification.name()),
    ]
    .iter()
    .map(|name| tag(name))
    .collect();
    let seen = row.time.filter(|time| is_writable(*time)).map(|time| time.to_string());
    let dated = |mut one: Value| {
        if let (Value::Object(members), Some(seen)) = (&mut one, &seen) {
            members.insert("first_seen".to_owned(), seen.clone().into());
            members.insert("last_seen".to_owned(), seen.clone().into());
        }
        one
    };
    let attributes: Vec<Value> = parts
        .into_iter()
        .map(|(relation, kind, category, value)| {
            dated(json!({
                "uuid": id(&["attribute", basis, &place, relation]),
                "type": kind, "category": category, "object_relation": relation, "value": value,
                "to_ids": to_ids(row.classification, kind),
                "distribution": distribution, "timestamp": timestamp, "deleted": false, "disable_correlation": false,
                "comment": "", "Tag": tags,
            }))
        })
        .collect();
    dated(json!({
        "uuid": id(&["object", basis, &place]),
        "name": name, "meta-category": meta_category, "template_uuid": template, "template_version": version,
        "description": row.classification.name(),
        "distribution": distribution, "timestamp": timestamp, "deleted": false,
        "comment": format!("{CARRIES}{}", idf::event(row, index, rendering)),
        "Attribute": attributes,
    }))
}

/// The template that fits the row, and what it says in it. MISP takes no empty values and cuts spaces off.
fn parts(row: &SightingRef<'_>, fields: &Map<String, Value>) -> (Template, Vec<Part>) {
    const NETWORK: &str = "Network activity";
    let said = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let address = |address: Option<model::Address>| address.map(|address| address.to_string());
    let port = |port: Option<model::PortNumber>| port.map(|port| port.to_string());
    let keyed = |key: &str| said(fields.get(key).and_then(Value::as_str));
    let (own, name) = (address(row.source_ip), said(row.source_fqdn));
    let (other, other_name) = (address(row.destination_ip), said(row.destination_fqdn));
    let gather = |all: Vec<(&'static str, &'static str, &'static str, Option<String>)>| -> Vec<Part> {
        all.into_iter()
            .filter_map(|(relation, kind, category, value)| Some((relation, kind, category, value?)))
            .collect()
    };
    // The template wants an address or a port; two names alone it does not take.
    let numbered = own.is_some() || other.is_some() || row.source_port.is_some() || row.destination_port.is_some();
    if numbered && (own.is_some() || name.is_some()) && (other.is_some() || other_name.is_some()) {
        let parts = gather(vec![
            ("ip-src", "ip-src", NETWORK, own),
            ("src-port", "port", NETWORK, port(row.source_port)),
            ("hostname-src", "hostname", NETWORK, name),
            ("ip-dst", "ip-dst", NETWORK, other),
            ("dst-port", "port", NETWORK, port(row.destination_port)),
            ("hostname-dst", "hostname", NETWORK, other_name),
            ("layer4-protocol", "text", "Other", row.protocol.map(|one| one.name().to_ascii_uppercase())),
            ("layer7-protocol", "text", "Other", keyed("protocol.application")),
        ]);
        return (NETWORK_CONNECTION, parts);
    }
    if own.is_some() || name.is_some() {
        // A server is where traffic goes to; a terminal is where it comes from.
        let (relation, port_relation) =
            if is_server(row.classification) { ("ip-dst", "dst-port") } else { ("ip-src", "src-port") };
        let parts = gather(vec![
            (relation, relation, NETWORK, own),
            (port_relation, "port", NETWORK, port(row.source_port)),
            ("hostname", "hostname", NETWORK, name),
            ("protocol", "text", "Other", row.protocol.map(|one| one.name().to_ascii_uppercase())),
            ("AS", "AS", NETWORK, row.source_asn.map(|asn| asn.to_string())),
        ]);
        return (IP_PORT, parts);
    }
    if let Some(url) = said(row.source_url) {
        return (URL, vec![("url", "url", NETWORK, url)]);
    }
    if let Some(account) = said(row.source_account) {
        return (USER_ACCOUNT, vec![("username", "text", "Other", account)]);
    }
    let digest = |name: &'static str, digits: usize| {
        let digest = keyed(&format!("malware.hash.{name}"))?;
        let is_one = digest.len() == digits && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_one.then(|| (name, name, "Payload delivery", digest.to_ascii_lowercase()))
    };
    (FILE, [digest("md5", 32), digest("sha1", 40), digest("sha256", 64)].into_iter().flatten().collect())
}

/// Whether what the row names is served to others.
fn is_server(classification: Classification) -> bool {
    matches!(
        classification,
        Classification::C2Server
            | Classification::MalwareDistribution
            | Classification::MalwareConfiguration
            | Classification::Phishing
    )
}

/// Whether a detection system is to look for it: for servers and samples, never for a victim.
fn to_ids(classification: Classification, kind: &str) -> bool {
    let looked_for = matches!(kind, "ip-dst" | "hostname" | "url" | "md5" | "sha1" | "sha256");
    looked_for && (is_server(classification) || classification == Classification::Malware)
}

/// Whether MISP can write the instant.
fn is_writable(time: Instant) -> bool {
    time.civil(&Zone::utc()).is_some_and(|civil| (1..=9_999).contains(&civil.year()))
}
