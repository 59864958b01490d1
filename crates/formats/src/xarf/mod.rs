//! XARF v4: one abuse report per line, as operators that automate their abuse desk take it.
//!
//! **One JSON object per line** (`.xarf.jsonl`), each a whole report by itself: an XARF file is one report, so a receiver splits at
//! line ends and gives each line to the validator that it has; an array would be no XARF.
//!
//! XARF has a field for little of what a sighting says. Every IDF field of the row stands under `noroshi.idf` as well (the core
//! schema allows other properties), so that nothing is lost; the raw row is the evidence. `_internal` is never written: it is
//! never transmitted.
//!
//! Infected subscribers are `infrastructure/botnet`: the type called `connection/infected_host` is about crawlers. A type whose
//! required fields the row does not have becomes `reputation/threat_intelligence`, with the taxonomy's name as its threat.

mod kind;

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::problem::{Code, Place, Problem};
use model::{SightingBatch, SightingRef, Text};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::fields::RAW;
use crate::outgoing;
use crate::reading::{Halt, Input, Likelihood};
use crate::stream::{Opening, Reader};
use crate::writing::{Contact, Loss, Losses, Rendering, Writer, Written};

/// The version of the specification that is written.
const VERSION: &str = "4.0.0";

/// The largest evidence item (xarf-core.json, `evidence_item.size`), in bytes.
const LARGEST_EVIDENCE: usize = 5_242_880;

/// The most tags a report may have (xarf-core.json, `tags`).
const MOST_TAGS: usize = 20;

/// XARF v4.
#[derive(Debug, Clone, Copy)]
pub struct Xarf;

impl crate::Format for Xarf {
    fn name(&self) -> &'static str {
        "xarf"
    }

    fn specification(&self) -> &'static str {
        "XARF v4: xarf-spec, schemas/v4/xarf-v4-master.json"
    }

    /// It is written only.
    fn likelihood(&self, _input: &Input<'_>) -> Likelihood {
        Likelihood::No
    }

    fn open<'a>(&self, opening: Opening<'a>) -> Result<Box<dyn Reader + 'a>, Halt> {
        Err(Problem::new(&XARF_WRITTEN_ONLY, Place::file(opening.file)).into())
    }

    fn write(&self, rows: &SightingBatch, rendering: &Rendering<'_>) -> Option<Written> {
        Some(write(rows, rendering))
    }

    fn writer(&self) -> Option<Box<dyn Writer>> {
        Some(Box::new(Reports::default()))
    }
}

/// The rows as XARF reports, one per line.
///
/// What XARF requires and a row does not have is filled in and listed in [`Written::lost`]: a time (`time.source`, replaced by the
/// time of writing; `noroshi.idf` then has none) and a source (`source.ip`, replaced by `unknown`). A raw row larger than an
/// evidence item may be is left out and listed (`raw`).
fn write(rows: &SightingBatch, rendering: &Rendering<'_>) -> Written {
    let mut bytes = Vec::with_capacity(rows.len().saturating_mul(1_024));
    let mut reports = Reports::default();
    reports.rows(rows, rendering, &mut bytes);
    let lost = reports.end(rendering, &mut bytes);
    Written { bytes, media_type: "application/x-ndjson", extension: "xarf.jsonl", lost }
}

/// Writes reports as rows come.
#[derive(Default)]
struct Reports {
    written: usize,
    lost: Losses,
}

impl Writer for Reports {
    fn rows(&mut self, rows: &SightingBatch, rendering: &Rendering<'_>, file: &mut Vec<u8>) {
        for row in rows.rows() {
            let report = report(&row, self.written, rendering, &mut |field| self.lost.add(field));
            // Writing JSON values into memory does not fail.
            let _ = serde_json::to_writer(&mut *file, &report);
            file.push(b'\n');
            self.written += 1;
        }
    }

    fn end(&mut self, _rendering: &Rendering<'_>, _file: &mut Vec<u8>) -> Vec<Loss> {
        self.lost.list()
    }
}

fn report(row: &SightingRef<'_>, index: usize, rendering: &Rendering<'_>, lose: &mut dyn FnMut(&'static str)) -> Value {
    let evidence = match outgoing::raw(row, rendering) {
        Some(raw) if raw.len() > LARGEST_EVIDENCE => {
            lose(RAW);
            None
        }
        raw => raw.map(evidence),
    };
    // The raw row is the evidence, unless the row has brought another one with it.
    let is_evidence = |value: &Value| evidence.as_ref().is_some_and(|evidence| evidence.get("payload") == Some(value));
    let too_large = evidence.is_none() && rendering.raw.is_some();
    let idf: Map<String, Value> = outgoing::fields(row, index, rendering)
        .into_iter()
        .map(|(key, value)| (key.into_owned(), value))
        .filter(|(key, value)| key != RAW || !(too_large || is_evidence(value)))
        .collect();
    // A time outside the years that RFC 3339 can write is none.
    let time = row.time.filter(|time| time.civil(&model::Zone::utc()).is_some_and(|civil| civil.year() >= 0));
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
    report.insert("reporter".to_owned(), contact(&rendering.reporter));
    report.insert("sender".to_owned(), contact(&rendering.sender));
    report.insert("source_identifier".to_owned(), source.into());
    if let Some(port) = row.source_port {
        report.insert("source_port".to_owned(), port.number().into());
    }
    report.insert("category".to_owned(), kind.category.into());
    report.insert("type".to_owned(), kind.name.into());
    report.extend(kind.fields);
    if let Some(confidence) = confidence(&idf) {
        report.insert("confidence".to_owned(), confidence.into());
    }
    if let Some(text) = idf.get("event_description.text").and_then(Value::as_str) {
        report.insert("description".to_owned(), first(text, 1_000).into());
    }
    report.insert("tags".to_owned(), tags(row).into());
    if let Some(evidence) = evidence {
        report.insert("evidence".to_owned(), json!([evidence]));
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

fn tags(row: &SightingRef<'_>) -> Vec<String> {
    let mut tags = vec![
        row.tags.tlp.name().to_ascii_lowercase(),
        row.tags.pap.name().to_ascii_lowercase(),
        format!("class:{}", row.tags.class.name().to_ascii_lowercase()),
        format!("rsit:{}", row.classification.name()),
    ];
    tags.extend(row.malware.and_then(predicate).map(|name| format!("malware:{name}")));
    tags.truncate(MOST_TAGS);
    tags
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
fn first(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// XARF is not read.
pub static XARF_WRITTEN_ONLY: Code = Code {
    code: "xarf-written-only",
    text: Text { ja: "XARFは出力専用で、読み取れません", en: "XARF is written here, not read" },
    help: Text {
        ja: "送付元に、CSVかIDF（JSON）の形式でも受け取れないか確認してください。",
        en: "ask the sender for the same delivery as CSV or IDF JSON",
    },
    example: "noroshi convert delivery.xarf.jsonl --from xarf --to csv",
};

/// Every code that this format can utter.
pub static CODES: &[&Code] = &[&XARF_WRITTEN_ONLY];

#[cfg(test)]
mod tests;
