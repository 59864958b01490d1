//! Writing XARF v4, one report per line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::sighting::Flags;
use model::{SightingBatch, SightingRef};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{LARGEST_EVIDENCE, MOST_EVIDENCE, MOST_TAGS, VERSION, kind};
use crate::fields::RAW;
use crate::outgoing;
use crate::writing::{Contact, Loss, Rendering, Written};

/// The rows as XARF reports, one per line.
///
/// What XARF requires and a row does not have is filled in and listed in [`Written::lost`]: a time (`time.source`, replaced by the
/// time of writing; `noroshi.idf` then has none) and a source (`source.ip`, replaced by `unknown`). A raw row larger than an
/// evidence item may be is left out and listed (`raw`).
pub(super) fn write(rows: &SightingBatch, rendering: &Rendering<'_>) -> Written {
    let mut bytes = Vec::with_capacity(rows.len().saturating_mul(1_024));
    let mut lost: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (index, row) in rows.rows().enumerate() {
        let report = report(&row, index, rendering, &mut |field| *lost.entry(field).or_default() += 1);
        // Writing JSON values into memory does not fail.
        let _ = serde_json::to_writer(&mut bytes, &report);
        bytes.push(b'\n');
    }
    let lost = lost.into_iter().map(|(field, rows)| Loss { field: field.to_owned(), rows }).collect();
    Written { bytes, media_type: "application/x-ndjson", extension: "xarf.jsonl", lost }
}

fn report(row: &SightingRef<'_>, index: usize, rendering: &Rendering<'_>, lose: &mut dyn FnMut(&'static str)) -> Value {
    let mut idf: Map<String, Value> =
        outgoing::fields(row, index, rendering).into_iter().map(|(key, value)| (key.into_owned(), value)).collect();
    let evidence = evidence_of(row, rendering, &mut idf, lose);
    // A time outside the years that RFC 3339 can write is none.
    let time = row.time.filter(|time| outgoing::is_writable(*time));
    let timestamp = time.unwrap_or_else(|| {
        lose("time.source");
        rendering.at
    });
    let source = source(row, &idf).unwrap_or_else(|| {
        lose("source.ip");
        "unknown".to_owned()
    });
    let kind = kind::of(row, time, &idf);
    let mut report = Map::new();
    report.insert("xarf_version".to_owned(), VERSION.into());
    report.insert("report_id".to_owned(), report_id(row, index, rendering).to_string().into());
    report.insert("timestamp".to_owned(), timestamp.to_string().into());
    // Who observed it is whoever the report that it came in named, unless we answer for it in a delivery.
    let author = idf.get("extra.xarf.reporter").filter(|author| rendering.delivery.is_none() && is_contact(author));
    report.insert("reporter".to_owned(), author.cloned().unwrap_or_else(|| contact(&rendering.reporter)));
    report.insert("sender".to_owned(), contact(&rendering.sender));
    report.insert("source_identifier".to_owned(), source.into());
    if let Some(port) = row.source_port {
        report.insert("source_port".to_owned(), port.number().into());
    }
    report.insert("category".to_owned(), kind.category.as_ref().into());
    report.insert("type".to_owned(), kind.name.as_ref().into());
    report.extend(kind.fields);
    let is_over = row.flags.has(Flags::ENDED);
    if let Some(confidence) = confidence(&idf).filter(|_| !is_over) {
        report.insert("confidence".to_owned(), confidence.into());
    }
    if is_over {
        let text = "The source says that what it once reported is over: taken off its list, expired or replaced. No new sighting.";
        report.insert("description".to_owned(), text.into());
    } else if let Some(text) = idf.get("event_description.text").and_then(Value::as_str) {
        report.insert("description".to_owned(), first(text, 1_000).into());
    }
    report.insert("tags".to_owned(), tags(row, &idf).into());
    if idf.get("extra.xarf.legacy_version").and_then(Value::as_str) == Some("3") {
        report.insert("legacy_version".to_owned(), "3".into());
    }
    if !evidence.is_empty() {
        report.insert("evidence".to_owned(), evidence.into());
    }
    report.insert("noroshi".to_owned(), json!({ "version": 1, "idf": idf }));
    Value::Object(report)
}

/// The report's id: a UUID of version 4's form, as the core schema asks, made of the delivery and the row's place in it, so that the
/// same delivery written again has the same ids. Without a delivery, of the feed, the time of writing and the place.
fn report_id(row: &SightingRef<'_>, index: usize, rendering: &Rendering<'_>) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(b"noroshi-xarf-1");
    match outgoing::outward_id(index, rendering) {
        Some(id) => {
            hash.update([1]);
            hash.update(id.delivery.uuid().as_bytes());
            hash.update(id.ordinal.to_be_bytes());
        }
        None => {
            hash.update([0]);
            hash.update(rendering.at.as_micros().to_be_bytes());
            hash.update(row.ordinal.to_be_bytes());
            hash.update((index as u64).to_be_bytes());
            hash.update(rendering.feed.as_bytes());
        }
    }
    let digest = hash.finalize();
    let mut bytes = [0_u8; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, random)| *byte = random);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// What the report is about: address, name, URL, account, network, whichever comes first.
fn source(row: &SightingRef<'_>, idf: &Map<String, Value>) -> Option<String> {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let key = |key: &str| idf.get(key).and_then(Value::as_str);
    row.source_ip
        .map(|address| address.to_string())
        .or_else(|| text(row.source_fqdn))
        .or_else(|| text(row.source_url))
        .or_else(|| text(row.source_account))
        .or_else(|| text(key("source.network")))
        .or_else(|| text(key("source.reverse_dns")))
}

/// The evidence that the row came with, else the raw row. The IDF fields do not say again what the evidence holds.
fn evidence_of(
    row: &SightingRef<'_>,
    rendering: &Rendering<'_>,
    idf: &mut Map<String, Value>,
    lose: &mut dyn FnMut(&'static str),
) -> Vec<Value> {
    if let Some(items) = idf.get("extra.xarf.evidence").and_then(Value::as_array) {
        let (mut items, mut given) = (items.clone(), false);
        let lacking = items.iter_mut().filter_map(Value::as_object_mut).find(|item| !item.contains_key("payload"));
        if let (Some(item), Some(raw)) = (lacking, idf.get(RAW)) {
            item.insert("payload".to_owned(), raw.clone());
            given = true;
        }
        if given {
            idf.remove(RAW);
        }
        items.retain(|item| ["content_type", "payload"].iter().all(|key| item.get(key).is_some_and(Value::is_string)));
        items.truncate(MOST_EVIDENCE);
        return items;
    }
    let brought = row.extra.is_some_and(|extra| extra.contains("\"raw\":"));
    match outgoing::raw(row, rendering) {
        Some(raw) if raw.len() > LARGEST_EVIDENCE => {
            lose(RAW);
            if !brought {
                idf.remove(RAW);
            }
            Vec::new()
        }
        Some(raw) => {
            let evidence = evidence(raw);
            if idf.get(RAW) == evidence.get("payload") {
                idf.remove(RAW);
            }
            vec![evidence]
        }
        None => Vec::new(),
    }
}

/// Whether it is what the core schema has for a party.
fn is_contact(value: &Value) -> bool {
    let is_text = |key: &str| value.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    ["org", "contact", "domain"].into_iter().all(is_text) && value.as_object().is_some_and(|members| members.len() == 3)
}

fn contact(contact: &Contact) -> Value {
    json!({ "org": first(&contact.org, 200), "contact": contact.mail, "domain": contact.domain })
}

/// The raw row as evidence: its bytes as received, with their hash.
fn evidence(raw: &[u8]) -> Value {
    let hash = Sha256::digest(raw).iter().fold(String::from("sha256:"), |mut hash, byte| {
        // Writing into a string does not fail.
        let _ = write!(hash, "{byte:02x}");
        hash
    });
    json!({
        "content_type": "text/plain",
        "description": "The row of the source's report, as received.",
        "payload": STANDARD.encode(raw),
        "hash": hash,
        "size": raw.len(),
    })
}

/// `feed.accuracy` is percent, the confidence a share.
fn confidence(idf: &Map<String, Value>) -> Option<f64> {
    let accuracy = idf.get("feed.accuracy")?;
    let percent = accuracy.as_f64().or_else(|| accuracy.as_str()?.parse().ok())?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

fn tags(row: &SightingRef<'_>, idf: &Map<String, Value>) -> Vec<String> {
    let mut tags = vec![
        row.tags.tlp.name().to_ascii_lowercase(),
        row.tags.pap.name().to_ascii_lowercase(),
        format!("class:{}", row.tags.class.name().to_ascii_lowercase()),
        format!("rsit:{}", row.classification.name()),
    ];
    tags.extend(row.malware.and_then(predicate).map(|name| format!("malware:{name}")));
    if row.flags.has(Flags::ENDED) {
        tags.push(format!("status:{}", kind::ENDED));
    }
    let received = idf.get("extra.xarf.tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for tag in received.iter().filter_map(Value::as_str) {
        if is_tag(tag) && !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags.truncate(MOST_TAGS);
    tags
}

/// `namespace:predicate`, as the core schema wants it.
fn is_tag(tag: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'+' | b'-'))
    };
    tag.split_once(':').is_some_and(|(namespace, predicate)| part(namespace) && part(predicate))
}

/// The name as a tag's predicate, `[a-z0-9][a-z0-9_+-]*`: lower case, anything else a hyphen; none if nothing is left of it.
fn predicate(name: &str) -> Option<String> {
    let mut out = String::with_capacity(name.len().min(64));
    for character in name.to_lowercase().chars().take(64) {
        match character {
            'a'..='z' | '0'..='9' | '_' | '+' => out.push(character),
            _ if !out.ends_with('-') => out.push('-'),
            _ => {}
        }
    }
    let name = out.trim_start_matches(['-', '_', '+']).trim_end_matches('-');
    (!name.is_empty()).then(|| name.to_owned())
}

/// The first so many characters.
pub(super) fn first(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
