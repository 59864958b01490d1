//! Writing a bundle: what was observed as observed data with its observables and sightings, what is bad in itself as indicators.
//!
//! | a row | becomes |
//! |---|---|
//! | `c2-server`, `malware-distribution`, `phishing` | indicator, that indicates an infrastructure of that type, which consists of its observables |
//! | `malware-configuration`, `malware`, `dga-domain`, `blacklist`, `proxy`, `tor` | indicator |
//! | any other, an infected terminal first of all | observed data: traffic, addresses, names, URLs, accounts, files |
//! | one with nothing that STIX observes | incident |
//!
//! Observed data of one malware is joined by one sighting of it. The sender, who passes on what the reporter observed, makes a grouping of
//! all. Whatever several rows share is marked as the narrowest of them. Every column stands in our property extension, so nothing is
//! lost; ids are made of what the objects are about, so the same delivery written again is the same bundle.

use std::collections::HashMap;

use model::{Address, Classification, Instant, Pap, SightingBatch, SightingRef, Tlp, Zone};
use serde_json::{Map, Value, json};

use super::EXTENSION;
use super::identifier::{of_object, of_observable};
use super::marking::{TLP2, TLP2_EXTENSION};
use crate::idf;
use crate::outgoing;
use crate::writing::{Contact, Rendering, Written};

/// When the definitions that stand in every bundle were made.
const DEFINED: &str = "2026-01-01T00:00:00.000Z";

/// The most that a count may be (STIX 2.1, sections 4.14 and 5.2).
const MOST_COUNTED: u64 = 999_999_999;

/// The rows as a bundle, one object per line.
pub(super) fn write(rows: &SightingBatch, rendering: &Rendering<'_>) -> Written {
    let basis = match rendering.delivery {
        Some(delivery) => delivery.to_string(),
        None => format!("{} {}", rendering.at.as_micros(), rendering.feed),
    };
    let mut book = Book::begin(rendering);
    for (index, row) in rows.rows().enumerate() {
        book.row(&row, index, &basis, rendering);
    }
    let objects = book.close(&basis, rendering);
    let mut bytes = Vec::with_capacity(objects.len().saturating_mul(512));
    let id = of_object("bundle", &[&basis]);
    bytes.extend_from_slice(format!("{{\"type\":\"bundle\",\"id\":\"{id}\"").as_bytes());
    let mut before = ",\"objects\":[\n";
    for object in &objects {
        bytes.extend_from_slice(before.as_bytes());
        before = ",\n";
        // Writing JSON values into memory does not fail.
        let _ = serde_json::to_writer(&mut bytes, object);
    }
    bytes.extend_from_slice(if objects.is_empty() { b"}\n" } else { b"\n]}\n" });
    Written { bytes, media_type: "application/stix+json;version=2.1", extension: "stix.json", lost: Vec::new() }
}

/// Who may see an object.
type Marks = (Tlp, Pap);

/// The objects so far, each once.
struct Book {
    objects: Vec<(Map<String, Value>, Option<Marks>)>,
    places: HashMap<String, usize>,
    reporter: String,
    sender: String,
    now: String,
    /// Ids of what rows became.
    rows: Vec<String>,
    /// By malware: what a sighting of it is to say.
    sightings: Vec<(String, Sighted)>,
}

/// Observations of one malware.
struct Sighted {
    observed: Vec<String>,
    count: u64,
    first: Option<Instant>,
    last: Option<Instant>,
    marks: Marks,
}

impl Book {
    fn begin(rendering: &Rendering<'_>) -> Self {
        let now = millis(rendering.at);
        let mut book = Self {
            objects: Vec::new(),
            places: HashMap::new(),
            reporter: String::new(),
            sender: String::new(),
            now,
            rows: Vec::new(),
            sightings: Vec::new(),
        };
        book.reporter = book.identity(&rendering.reporter);
        book.sender = book.identity(&rendering.sender);
        book
    }

    /// Adds an object, or finds it again: then it is marked as the narrower of both.
    fn put(&mut self, id: String, members: Value, marks: Option<Marks>) -> String {
        match self.places.get(&id).and_then(|place| self.objects.get_mut(*place)) {
            Some((object, known)) => {
                *known = known.zip(marks).map(|((tlp, pap), (other, others))| (tlp.max(other), pap.max(others)));
                // An address of which another row knows the AS.
                if let Some(Value::Array(more)) = members.get("belongs_to_refs")
                    && let Value::Array(refs) = object.entry("belongs_to_refs").or_insert_with(|| json!([]))
                {
                    more.iter().for_each(|one| {
                        if !refs.contains(one) {
                            refs.push(one.clone())
                        }
                    });
                }
            }
            None => {
                let kind = id.split("--").next().unwrap_or_default().to_owned();
                let mut object = Map::new();
                object.insert("type".to_owned(), kind.into());
                object.insert("spec_version".to_owned(), "2.1".into());
                object.insert("id".to_owned(), id.clone().into());
                if let Value::Object(members) = members {
                    object.extend(members);
                }
                self.places.insert(id.clone(), self.objects.len());
                self.objects.push((object, marks));
            }
        }
        id
    }

    /// A domain object or relationship, made now.
    fn make(&mut self, id: String, mut members: Value, by: &str, marks: Marks) -> String {
        if let Value::Object(members) = &mut members {
            members.insert("created".to_owned(), self.now.clone().into());
            members.insert("modified".to_owned(), self.now.clone().into());
            members.insert("created_by_ref".to_owned(), by.into());
        }
        self.put(id, members, Some(marks))
    }

    fn identity(&mut self, contact: &Contact) -> String {
        let name = if contact.org.is_empty() { "unknown" } else { &contact.org };
        let mut members = json!({
            "created": DEFINED, "modified": DEFINED, "name": name, "identity_class": "organization",
        });
        if let (Value::Object(members), false) = (&mut members, contact.mail.is_empty()) {
            members.insert("contact_information".to_owned(), contact.mail.clone().into());
        }
        self.put(of_object("identity", &[&contact.org, &contact.mail, &contact.domain]), members, None)
    }

    /// An observable; its id is made of `properties`, and `more` does not belong to that.
    fn observable(&mut self, kind: &str, properties: Value, more: Value, marks: Marks) -> String {
        let Value::Object(mut properties) = properties else { return String::new() };
        let id = of_observable(kind, &properties);
        if let Value::Object(more) = more {
            properties.extend(more);
        }
        self.put(id, Value::Object(properties), Some(marks))
    }

    fn address(&mut self, address: Address, asn: Option<u32>, marks: Marks) -> String {
        let more = match asn {
            Some(asn) => {
                let network = self.observable("autonomous-system", json!({ "number": asn }), Value::Null, marks);
                json!({ "belongs_to_refs": [network] })
            }
            None => Value::Null,
        };
        let kind = if address.is_v4() { "ipv4-addr" } else { "ipv6-addr" };
        self.observable(kind, json!({ "value": address.to_string() }), more, marks)
    }

    fn value(&mut self, kind: &str, value: Option<&str>, marks: Marks) -> Option<String> {
        let value = value.filter(|value| !value.is_empty())?;
        Some(self.observable(kind, json!({ "value": value }), Value::Null, marks))
    }

    fn malware(&mut self, name: Option<&str>, marks: Marks) -> Option<String> {
        let name = name.filter(|name| !name.is_empty())?;
        let by = self.sender.clone();
        let members = json!({ "name": name, "is_family": true });
        Some(self.make(of_object("malware", &[&by, name, &self.now]), members, &by, marks))
    }

    fn relationship(&mut self, kind: &str, source: &str, target: &str, marks: Marks) {
        let id = of_object("relationship", &[kind, source, target, &self.now]);
        let members = json!({ "relationship_type": kind, "source_ref": source, "target_ref": target });
        let by = self.reporter.clone();
        self.make(id, members, &by, marks);
    }

    fn row(&mut self, row: &SightingRef<'_>, index: usize, basis: &str, rendering: &Rendering<'_>) {
        let marks = (row.tags.tlp, row.tags.pap);
        let event = idf::event(row, index, rendering);
        let fields: Map<String, Value> =
            outgoing::fields(row, index, rendering).into_iter().map(|(key, value)| (key.into_owned(), value)).collect();
        let time = row.time.filter(|time| is_writable(*time));
        let mut members = json!({
            "labels": [format!("rsit:{}=\"{}\"", row.classification.taxonomy(), row.classification.name())],
            "extensions": { (EXTENSION): { "extension_type": "property-extension", "idf_event": event } },
        });
        let Value::Object(more) = &mut members else { return };
        if let Some(accuracy) = accuracy(&fields) {
            more.insert("confidence".to_owned(), accuracy.into());
        }
        let place = index.to_string();
        let parts = [basis, &place, &event];
        let indicated = indicator_of(row.classification).and_then(|of| Some((of, pattern(row, &fields)?)));
        let id = if let Some((infrastructure, pattern)) = indicated {
            more.insert("name".to_owned(), row.classification.name().into());
            more.insert("indicator_types".to_owned(), json!(["malicious-activity"]));
            more.insert("pattern_type".to_owned(), "stix".into());
            more.insert("pattern_version".to_owned(), "2.1".into());
            more.insert("pattern".to_owned(), pattern.into());
            more.insert("valid_from".to_owned(), millis(time.unwrap_or(rendering.at)).into());
            let by = self.reporter.clone();
            let id = self.make(of_object("indicator", &parts), members, &by, marks);
            let malware = self.malware(row.malware, marks);
            if let Some(malware) = &malware {
                self.relationship("indicates", &id, malware, marks);
            }
            if let Some(kind) = infrastructure {
                self.infrastructure(row, kind, &id, marks);
            }
            id
        } else {
            let observables = self.observables(row, &fields, marks);
            let by = self.reporter.clone();
            if observables.is_empty() {
                more.insert("name".to_owned(), row.classification.name().into());
                self.make(of_object("incident", &parts), members, &by, marks)
            } else {
                let count = fields.get("extra.count").and_then(Value::as_u64).unwrap_or(1).clamp(1, MOST_COUNTED);
                let at = exact(time.unwrap_or(rendering.at));
                more.insert("first_observed".to_owned(), at.clone().into());
                more.insert("last_observed".to_owned(), at.into());
                more.insert("number_observed".to_owned(), count.into());
                more.insert("object_refs".to_owned(), observables.into());
                let id = self.make(of_object("observed-data", &parts), members, &by, marks);
                if let Some(malware) = self.malware(row.malware, marks) {
                    self.sighted(malware, &id, count, time, marks);
                }
                id
            }
        };
        self.rows.push(id);
    }

    fn sighted(&mut self, malware: String, observed: &str, count: u64, time: Option<Instant>, marks: Marks) {
        let place = self.sightings.iter().position(|(known, _)| *known == malware).unwrap_or_else(|| {
            let new = Sighted { observed: Vec::new(), count: 0, first: time, last: time, marks };
            self.sightings.push((malware, new));
            self.sightings.len() - 1
        });
        let Some((_, sighted)) = self.sightings.get_mut(place) else { return };
        sighted.observed.push(observed.to_owned());
        sighted.count = sighted.count.saturating_add(count).min(MOST_COUNTED);
        sighted.first = sighted.first.into_iter().chain(time).min();
        sighted.last = sighted.last.max(time);
        sighted.marks = (sighted.marks.0.max(marks.0), sighted.marks.1.max(marks.1));
    }

    /// The infrastructure of that type and malware, consisting of what the row names.
    fn infrastructure(&mut self, row: &SightingRef<'_>, kind: &str, indicator: &str, marks: Marks) {
        let malware = row.malware.unwrap_or_default();
        let name = if malware.is_empty() { kind.to_owned() } else { format!("{malware} {kind}") };
        let by = self.reporter.clone();
        let id = of_object("infrastructure", &[&by, &name, &self.now]);
        let members = json!({
            "name": name,
            "infrastructure_types": [kind],
            "extensions": { (EXTENSION): { "extension_type": "property-extension", "told_by_rows": true } },
        });
        let id = self.make(id, members, &by, marks);
        self.relationship("indicates", indicator, &id, marks);
        let address = row.source_ip.map(|address| self.address(address, row.source_asn, marks));
        let named = self.value("domain-name", row.source_fqdn, marks);
        let url = self.value("url", row.source_url, marks);
        for part in [address, named, url].into_iter().flatten() {
            self.relationship("consists-of", &id, &part, marks);
        }
    }

    /// What the row says was there: traffic where it knows of any, and all that it names.
    fn observables(&mut self, row: &SightingRef<'_>, fields: &Map<String, Value>, marks: Marks) -> Vec<String> {
        let source_name = self.value("domain-name", row.source_fqdn, marks);
        let source = row.source_ip.map(|address| self.address(address, row.source_asn, marks));
        let destination_name = self.value("domain-name", row.destination_fqdn, marks);
        let destination = row.destination_ip.map(|address| self.address(address, None, marks));
        let from = source.as_ref().or(source_name.as_ref());
        let to = destination.as_ref().or(destination_name.as_ref());
        let ports = row.source_port.is_some() || row.destination_port.is_some();
        let traffic = from.filter(|_| to.is_some() || ports || row.protocol.is_some()).map(|from| {
            let network = match row.source_ip {
                Some(address) if address.is_v4() => "ipv4",
                Some(_) => "ipv6",
                None => "ip",
            };
            let application = fields.get("protocol.application").and_then(Value::as_str);
            let is_plain =
                |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let above = application.filter(is_plain).map(str::to_ascii_lowercase);
            let protocols: Vec<String> =
                [Some(network.to_owned()), row.protocol.map(|one| one.name().to_owned()), above]
                    .into_iter()
                    .flatten()
                    .collect();
            let mut members = json!({ "src_ref": from, "protocols": protocols });
            for (member, value) in [
                ("dst_ref", to.cloned().map(Value::from)),
                ("src_port", row.source_port.map(|port| port.number().into())),
                ("dst_port", row.destination_port.map(|port| port.number().into())),
            ] {
                if let (Value::Object(members), Some(value)) = (&mut members, value) {
                    members.insert(member.to_owned(), value);
                }
            }
            members
        });
        let traffic = traffic.map(|members| self.observable("network-traffic", members, Value::Null, marks));
        let account = row
            .source_account
            .filter(|login| !login.is_empty())
            .map(|login| self.observable("user-account", json!({ "account_login": login }), Value::Null, marks));
        let urls = [row.source_url, row.destination_url].map(|url| self.value("url", url, marks));
        let file = self.file(fields, marks);
        let [source_url, destination_url] = urls;
        let all =
            [traffic, source, source_name, source_url, account, destination, destination_name, destination_url, file];
        let mut refs: Vec<String> = Vec::new();
        for id in all.into_iter().flatten() {
            if !refs.contains(&id) {
                refs.push(id);
            }
        }
        refs
    }

    fn file(&mut self, fields: &Map<String, Value>, marks: Marks) -> Option<String> {
        let hashes: Map<String, Value> =
            hashes(fields).map(|(name, digest)| (name.to_owned(), Value::from(digest))).collect();
        // One of them makes the id, in this order (STIX 2.1, section 6.7).
        let first = ["MD5", "SHA-1", "SHA-256"].iter().find_map(|name| Some((*name, hashes.get(*name)?.clone())))?;
        let id = of_observable("file", json!({ "hashes": { (first.0): first.1 } }).as_object()?);
        Some(self.put(id, json!({ "hashes": hashes }), Some(marks)))
    }

    /// The sightings, the grouping, the definitions; and all objects, marked.
    fn close(mut self, basis: &str, rendering: &Rendering<'_>) -> Vec<Map<String, Value>> {
        if self.rows.is_empty() {
            return Vec::new();
        }
        for (malware, sighted) in std::mem::take(&mut self.sightings) {
            let mut members = json!({
                "sighting_of_ref": malware,
                "observed_data_refs": sighted.observed,
                "where_sighted_refs": [self.reporter],
                "count": sighted.count,
            });
            if let (Value::Object(members), Some(first), Some(last)) = (&mut members, sighted.first, sighted.last) {
                members.insert("first_seen".to_owned(), exact(first).into());
                // STIX 2.1, section 5.2: behind the first, not the same.
                if last > first {
                    members.insert("last_seen".to_owned(), exact(last).into());
                }
            }
            let by = self.reporter.clone();
            self.make(of_object("sighting", &[basis, &malware]), members, &by, sighted.marks);
        }
        let all = self.objects.iter().filter_map(|(_, marks)| *marks);
        let narrowest = all.fold((Tlp::Clear, Pap::Clear), |most, marks| (most.0.max(marks.0), most.1.max(marks.1)));
        let mut grouping = json!({ "context": "suspicious-activity", "object_refs": std::mem::take(&mut self.rows) });
        if let (Value::Object(grouping), false) = (&mut grouping, rendering.feed.is_empty()) {
            grouping.insert("name".to_owned(), rendering.feed.clone().into());
        }
        let by = self.sender.clone();
        self.make(of_object("grouping", &[basis]), grouping, &by, narrowest);
        let mut used: Vec<Marks> = self.objects.iter().filter_map(|(_, marks)| *marks).collect();
        used.sort_unstable();
        used.dedup();
        let mut tlps: Vec<Tlp> = used.iter().map(|(tlp, _)| *tlp).collect();
        let mut paps: Vec<Pap> = used.iter().map(|(_, pap)| *pap).collect();
        tlps.dedup();
        paps.sort_unstable();
        paps.dedup();
        let mut objects: Vec<Map<String, Value>> = definitions(&tlps, &paps);
        objects.extend(self.objects.into_iter().map(|(mut object, marks)| {
            if let Some((tlp, pap)) = marks {
                object.insert("object_marking_refs".to_owned(), json!([tlp_marking(tlp), pap_marking(pap)]));
            }
            object
        }));
        objects
    }
}

fn tlp_marking(tlp: Tlp) -> &'static str {
    // INVARIANT: every label stands in the table; its test walks them.
    TLP2.iter().find(|(known, ..)| *known == tlp).map_or("", |(_, id, _)| id)
}

fn pap_marking(pap: Pap) -> String {
    of_object("marking-definition", &[pap.name()])
}

/// What a bundle must bring along to be understood by itself.
fn definitions(tlps: &[Tlp], paps: &[Pap]) -> Vec<Map<String, Value>> {
    let maker = of_object("identity", &["noroshi"]);
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "noroshi row",
        "description": "One row as one event of the IntelMQ Data Format, as JSON text; what only this program knows stands under extra.noroshi.*.",
        "type": "object",
        "properties": {
            "extension_type": { "const": "property-extension" },
            "idf_event": { "type": "string", "contentMediaType": "application/json" },
            "told_by_rows": { "const": true, "description": "Of an infrastructure: the rows tell what it consists of." },
        },
        "required": ["extension_type"],
    });
    let mut objects = vec![
        json!({
            "type": "identity", "spec_version": "2.1", "id": maker, "created": DEFINED, "modified": DEFINED,
            "name": "noroshi", "identity_class": "system",
        }),
        json!({
            "type": "extension-definition", "spec_version": "2.1", "id": EXTENSION, "created": DEFINED, "modified": DEFINED,
            "created_by_ref": maker, "name": "noroshi row", "version": "1.0.0", "schema": schema.to_string(),
            "description": "Carries every column of a row beside what STIX says of it.",
            "extension_types": ["property-extension"],
        }),
    ];
    for (tlp, id, word) in TLP2.iter().filter(|(tlp, ..)| tlps.contains(tlp)) {
        objects.push(json!({
            "type": "marking-definition", "spec_version": "2.1", "id": id, "created": "2022-10-01T00:00:00.000Z",
            "name": tlp.name(),
            "extensions": { (TLP2_EXTENSION): { "extension_type": "property-extension", "tlp_2_0": word } },
        }));
    }
    for pap in paps {
        objects.push(json!({
            "type": "marking-definition", "spec_version": "2.1", "id": pap_marking(*pap), "created": DEFINED,
            "definition_type": "statement", "definition": { "statement": pap.name() },
        }));
    }
    let object = |value| if let Value::Object(object) = value { Some(object) } else { None };
    objects.into_iter().filter_map(object).collect()
}

/// Whether what the row names is bad in itself, and as which infrastructure.
fn indicator_of(classification: Classification) -> Option<Option<&'static str>> {
    use Classification as C;
    Some(match classification {
        C::C2Server => Some("command-and-control"),
        C::MalwareDistribution => Some("hosting-malware"),
        C::Phishing => Some("phishing"),
        C::MalwareConfiguration | C::Malware | C::DgaDomain | C::Blacklist | C::Proxy | C::Tor => None,
        _ => return None,
    })
}

/// A pattern of the most telling thing that the row names: a URL, a name, an address (with its port), a file.
fn pattern(row: &SightingRef<'_>, fields: &Map<String, Value>) -> Option<String> {
    let quote = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(quote);
    if let Some(url) = given(row.source_url) {
        return Some(format!("[url:value = '{url}']"));
    }
    if let Some(name) = given(row.source_fqdn) {
        return Some(format!("[domain-name:value = '{name}']"));
    }
    if let Some(address) = row.source_ip {
        let kind = if address.is_v4() { "ipv4-addr" } else { "ipv6-addr" };
        return Some(match row.source_port {
            Some(port) => format!(
                "[network-traffic:dst_ref.type = '{kind}' AND network-traffic:dst_ref.value = '{address}' AND network-traffic:dst_port = {port}]"
            ),
            None => format!("[{kind}:value = '{address}']"),
        });
    }
    let tests: Vec<String> =
        hashes(fields).map(|(name, digest)| format!("file:hashes.'{name}' = '{digest}'")).collect();
    (!tests.is_empty()).then(|| format!("[{}]", tests.join(" AND ")))
}

/// The digests of the row that are ones.
fn hashes(fields: &Map<String, Value>) -> impl Iterator<Item = (&'static str, &str)> {
    [("MD5", "malware.hash.md5", 32), ("SHA-1", "malware.hash.sha1", 40), ("SHA-256", "malware.hash.sha256", 64)]
        .into_iter()
        .filter_map(|(name, key, digits)| {
            let digest = fields.get(key)?.as_str()?;
            let is_one = digest.len() == digits && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_one.then_some((name, digest))
        })
}

/// `feed.accuracy`, where it is a whole percentage.
fn accuracy(fields: &Map<String, Value>) -> Option<u64> {
    let told = fields.get("feed.accuracy")?;
    told.as_u64().or_else(|| told.as_str()?.parse().ok()).filter(|percent| *percent <= 100)
}

/// Whether STIX can write the instant: years 1 to 9999.
fn is_writable(time: Instant) -> bool {
    time.civil(&Zone::utc()).is_some_and(|civil| (1..=9_999).contains(&civil.year()))
}

/// The instant as it is.
fn exact(time: Instant) -> String {
    time.to_string()
}

/// The instant to the millisecond, which `created` and `modified` want with three digits (STIX 2.1, section 3.2).
fn millis(time: Instant) -> String {
    let micros = time.as_micros();
    let text = Instant::from_micros(micros - micros.rem_euclid(1_000_000)).to_string();
    let seconds = text.strip_suffix('Z').unwrap_or(&text);
    format!("{seconds}.{:03}Z", micros.rem_euclid(1_000_000) / 1_000)
}
