//! Writing IDF: one flat JSON object per line, keys as IntelMQ has them.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use model::{Address, Protocol, SightingBatch, SightingRef};
use serde_json::{Map, Value};

use super::fit::{AS_WRITTEN, fits, text_fits};
use crate::extra::is_plain;
use crate::fields::{Column, LOCAL_TIME, MAPPING, RAW, RECORD, SCHEMA, TAXONOMY};
use crate::members::Members;
use crate::outgoing;
use crate::writing::{Loss, Rendering, Writer, Written};

/// The rows as JSON lines (UTF-8, LF, one object per line, no line at the end that is none). Every column and every field of
/// `extra` is carried, so nothing is lost; what IntelMQ would refuse under its key stands inside [`AS_WRITTEN`].
pub(super) fn write(rows: &SightingBatch, rendering: &Rendering<'_>) -> Written {
    let mut bytes = Vec::with_capacity(rows.len().saturating_mul(512));
    append(rows, 0, rendering, &mut bytes);
    Written { bytes, media_type: "application/x-ndjson", extension: "jsonl", lost: Vec::new() }
}

/// Writes events as they come.
#[derive(Default)]
pub(super) struct Events {
    written: usize,
}

impl Writer for Events {
    fn rows(&mut self, rows: &SightingBatch, rendering: &Rendering<'_>, file: &mut Vec<u8>) {
        append(rows, self.written, rendering, file);
        self.written += rows.len();
    }

    fn end(&mut self, _rendering: &Rendering<'_>, _file: &mut Vec<u8>) -> Vec<Loss> {
        Vec::new()
    }
}

fn append(rows: &SightingBatch, from: usize, rendering: &Rendering<'_>, bytes: &mut Vec<u8>) {
    let same = Same::of(rendering);
    let mut line = Line { out: bytes, begun: false, as_written: Map::new() };
    for (index, row) in (from..).zip(rows.rows()) {
        line.begun = false;
        line.row(&row, index, rendering, &same);
        line.end();
    }
}

/// The row as one object, for a format that carries it along.
pub(crate) fn text(row: &SightingRef<'_>, index: usize, rendering: &Rendering<'_>) -> String {
    let mut bytes = Vec::with_capacity(512);
    let mut line = Line { out: &mut bytes, begun: false, as_written: Map::new() };
    line.row(row, index, rendering, &Same::of(rendering));
    line.end();
    // JSON is UTF-8; the line's end is no part of the object.
    bytes.pop();
    String::from_utf8(bytes).unwrap_or_default()
}

/// What every row says.
struct Same {
    members: Vec<(&'static str, String)>,
}

impl Same {
    fn of(rendering: &Rendering<'_>) -> Self {
        let mut members =
            vec![("feed.name", rendering.feed.clone()), ("feed.provider", rendering.reporter.org.clone())];
        if let Some(provenance) = rendering.provenance {
            members.push((SCHEMA, outgoing::schema(provenance)));
            // Without a mapping file there is nothing to say.
            let mapping = if provenance.mapping == "-" { String::new() } else { provenance.mapping.clone() };
            members.push((MAPPING, mapping));
        }
        members.retain(|(_, text)| !text.is_empty());
        Self { members }
    }
}

/// One event being written. It says what [`outgoing::fields`] says, without a value in between: this is the way most rows leave by.
struct Line<'o> {
    out: &'o mut Vec<u8>,
    begun: bool,
    as_written: Map<String, Value>,
}

impl Line<'_> {
    fn row(&mut self, row: &SightingRef<'_>, index: usize, rendering: &Rendering<'_>, same: &Same) {
        if let Some(id) = outgoing::outward_id(index, rendering) {
            self.shown(RECORD, &id);
        }
        for column in Column::all() {
            let key = column.key();
            match column {
                Column::Reference if rendering.delivery.is_some() => {}
                Column::SourcePort => self.number(key, row.source_port.map(|port| u64::from(port.number()))),
                Column::DestinationPort => self.number(key, row.destination_port.map(|port| u64::from(port.number()))),
                Column::SourceAsn if row.source_asn != Some(0) => self.number(key, row.source_asn.map(u64::from)),
                Column::SourceFqdn => self.maybe(key, row.source_fqdn),
                Column::SourceUrl => self.maybe(key, row.source_url),
                Column::SourceAccount => self.maybe(key, row.source_account),
                Column::DestinationFqdn => self.maybe(key, row.destination_fqdn),
                Column::DestinationUrl => self.maybe(key, row.destination_url),
                Column::Malware => self.maybe(key, row.malware),
                Column::Reference => self.maybe(key, row.reference),
                Column::Zone => self.maybe(key, row.zone),
                Column::Protocol => self.maybe(key, row.protocol.map(Protocol::name)),
                Column::Pap => self.maybe(key, Some(row.tags.pap.name())),
                Column::DataClass => self.maybe(key, Some(row.tags.class.name())),
                Column::SourceIp if row.source_ip.is_some_and(is_somewhere) => self.maybe_shown(key, row.source_ip),
                Column::DestinationIp if row.destination_ip.is_some_and(is_somewhere) => {
                    self.maybe_shown(key, row.destination_ip);
                }
                Column::Classification => {
                    self.maybe(key, Some(row.classification.name()));
                    self.maybe(TAXONOMY, Some(row.classification.taxonomy()));
                }
                _ => {
                    if let Some(value) = column.value(row) {
                        self.value(key, value);
                    }
                }
            }
        }
        let said = self.extra(row);
        for (key, text) in &same.members {
            if !said.contains(key) {
                self.text(key, text);
            }
        }
        if let Some(raw) = outgoing::raw(row, rendering).filter(|_| !said.contains(&RAW)) {
            self.key(RAW);
            self.out.push(b'"');
            let mut encoded = EncoderWriter::new(&mut *self.out, &STANDARD);
            // Writing into memory does not fail.
            let _ = encoded.write_all(raw).and_then(|()| encoded.finish().map(|_| ()));
            drop(encoded);
            self.out.push(b'"');
        }
    }

    /// What has no column; says which of the keys that the writer would add stand there already.
    fn extra(&mut self, row: &SightingRef<'_>) -> Vec<&'static str> {
        const OURS: [&str; 5] = ["feed.name", "feed.provider", SCHEMA, MAPPING, RAW];
        let mut said = Vec::new();
        let Some(extra) = row.extra else { return said };
        let Ok(members) = serde_json::from_str::<Members<'_>>(extra) else {
            // Not ours to lose: what is no object travels as the text it is.
            self.text("extra.text", extra);
            return said;
        };
        for (key, json) in members.0 {
            said.extend(OURS.into_iter().find(|ours| *ours == key));
            let json = json.get();
            if key == LOCAL_TIME {
                continue;
            }
            if Column::with_key(&key).is_some() || key == TAXONOMY {
                // A reader must not take for a column what never was one.
                self.raw(&format!("extra.{key}"), json);
            } else if key.starts_with("extra.") {
                self.raw(&key, json);
            } else if let Some(text) = plain_text(json) {
                if text_fits(&key, text) {
                    self.raw(&key, json);
                } else {
                    self.as_written.insert(key.into_owned(), Value::from(text));
                }
            } else if let Ok(value) = serde_json::from_str::<Value>(json) {
                if fits(&key, &value) {
                    self.raw(&key, json);
                } else {
                    self.as_written.insert(key.into_owned(), value);
                }
            }
        }
        said
    }

    fn end(&mut self) {
        if !self.as_written.is_empty() {
            let as_written = Value::Object(std::mem::take(&mut self.as_written));
            self.key(AS_WRITTEN);
            // Writing JSON values into memory does not fail.
            let _ = serde_json::to_writer(&mut *self.out, &as_written);
        }
        self.out.extend_from_slice(if self.begun { b"}\n" } else { b"{}\n" });
    }

    fn key(&mut self, key: &str) {
        self.out.push(if self.begun { b',' } else { b'{' });
        self.begun = true;
        self.quoted(key);
        self.out.push(b':');
    }

    fn quoted(&mut self, text: &str) {
        if is_plain(text) {
            self.out.push(b'"');
            self.out.extend_from_slice(text.as_bytes());
            self.out.push(b'"');
        } else {
            let _ = serde_json::to_writer(&mut *self.out, text);
        }
    }

    fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.out.extend_from_slice(json.as_bytes());
    }

    fn number(&mut self, key: &str, number: Option<u64>) {
        if let Some(number) = number {
            self.key(key);
            let _ = write!(self.out, "{number}");
        }
    }

    fn shown(&mut self, key: &str, shown: &dyn std::fmt::Display) {
        self.key(key);
        // What is shown here are ids and addresses, which need no escape.
        let _ = write!(self.out, "\"{shown}\"");
    }

    fn maybe_shown(&mut self, key: &str, shown: Option<Address>) {
        if let Some(shown) = shown {
            self.shown(key, &shown);
        }
    }

    fn maybe(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    fn text(&mut self, key: &str, text: &str) {
        if text_fits(key, text) {
            self.key(key);
            self.quoted(text);
        } else {
            self.as_written.insert(key.to_owned(), Value::from(text));
        }
    }

    fn value(&mut self, key: &str, value: Value) {
        if fits(key, &value) {
            self.key(key);
            let _ = serde_json::to_writer(&mut *self.out, &value);
        } else {
            self.as_written.insert(key.to_owned(), value);
        }
    }
}

/// Whether it is not `0.0.0.0`, which IntelMQ refuses.
fn is_somewhere(address: Address) -> bool {
    address.ip() != IpAddr::V4(Ipv4Addr::UNSPECIFIED)
}

/// The text of a JSON string in which nothing is escaped.
fn plain_text(json: &str) -> Option<&str> {
    let text = json.strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains('\\')).then_some(text)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use model::{DeliveryId, Provenance, Sighting, SightingBatchBuilder, Zone};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::writing::{Contact, Dialect};

    fn rendering() -> Rendering<'static> {
        let contact = |org: &str| Contact {
            org: org.to_owned(),
            mail: "a@example.org".to_owned(),
            domain: "example.org".to_owned(),
        };
        Rendering {
            delivery: None,
            reporter: contact("Imaginary CERT"),
            sender: contact("Imaginary Hub"),
            feed: "operation".to_owned(),
            at: "2026-02-01T00:00:00Z".parse().unwrap(),
            zone: Zone::tokyo(),
            lang: model::Lang::Ja,
            dialect: Dialect::Plain,
            raw: None,
            raw_at: 0,
            provenance: None,
        }
    }

    fn batch(rows: &[Sighting]) -> SightingBatch {
        let mut builder = SightingBatchBuilder::with_capacity(rows.len());
        rows.iter().for_each(|row| builder.push(row));
        builder.finish()
    }

    fn lines(written: &Written) -> Vec<Map<String, Value>> {
        std::str::from_utf8(&written.bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn what_the_writer_adds() {
        let file = b"192.0.2.1,51000\n192.0.2.2,51001\n";
        let mut row = Sighting::infected();
        row.reference = Some("No. 17 of 155521".to_owned());
        row.raw_offset = 16;
        row.raw_length = 15;
        let provenance = Provenance {
            format: "list".to_owned(),
            schema: "headings-1".to_owned(),
            mapping: "-".to_owned(),
            encoding: "utf-8".to_owned(),
            zone: None,
        };
        let delivery = DeliveryId::from_uuid(Uuid::from_u128(7));
        let rows = batch(&[row.clone(), row]);
        let converted = Rendering { raw: Some(file), provenance: Some(&provenance), ..rendering() };
        let fields = lines(&write(&rows, &converted));
        assert_eq!(fields.len(), 2);
        let first = fields.first().unwrap();
        assert_eq!(first["extra.noroshi.record"], "No. 17 of 155521");
        assert_eq!(first["extra.noroshi.schema"], "list headings-1");
        assert_eq!(first["feed.name"], "operation");
        assert_eq!(first["feed.provider"], "Imaginary CERT");
        assert_eq!(STANDARD.decode(first["raw"].as_str().unwrap()).unwrap(), b"192.0.2.2,51001");
        // In a delivery, nothing tells which row of the source's list it was.
        let sent = write(&rows, &Rendering { delivery: Some(delivery), ..rendering() });
        assert_eq!(lines(&sent).get(1).unwrap()["extra.noroshi.record"], format!("{delivery}:2"));
        assert!(!String::from_utf8(sent.bytes).unwrap().contains("155521"));
    }

    #[test]
    fn what_the_row_carries_already_is_not_said_anew_and_no_key_comes_twice() {
        let mut row = Sighting::infected();
        row.source_port = model::PortNumber::new(5);
        row.extra = Some(
            r#"{"feed.name":"first","raw":"eA==","source.port":7,"classification.taxonomy":"x","extra.noroshi.time_local":"y"}"#.to_owned(),
        );
        let written = write(&batch(&[row]), &Rendering { raw: Some(b"zzz"), ..rendering() });
        let text = String::from_utf8(written.bytes.clone()).unwrap();
        for key in ["feed.name", "raw", "source.port", "classification.taxonomy"] {
            assert_eq!(text.matches(&format!("\"{key}\":")).count(), 1, "{key} in {text}");
        }
        let fields = lines(&written).remove(0);
        assert_eq!((&fields["feed.name"], &fields["raw"]), (&Value::from("first"), &Value::from("eA==")));
        assert_eq!((&fields["source.port"], &fields["extra.source.port"]), (&Value::from(5), &Value::from(7)));
        assert_eq!(fields["classification.taxonomy"], "malicious-code");
        assert!(!text.contains("time_local"));
    }

    fn sighting() -> impl Strategy<Value = Sighting> {
        let text =
            || proptest::option::of(prop_oneof![Just("pc.example.org".to_owned()), ".{0,12}".prop_map(String::from)]);
        let member = prop_oneof![
            Just(r#""feed.name":"f""#),
            Just(r#""source.ip":"x""#),
            Just(r#""extra.a":{"b":[1,null]}"#),
            Just(r#""raw":"eA==""#),
            Just(r#""source.as_name":"架空\u0041""#),
            Just(r#""severity":"v0""#),
            Just(r#""destination.asn":64496"#),
            Just(r#""extra.noroshi.time_local":"y""#),
            Just(r#""classification.taxonomy":"t""#),
            Just(r#""rtir_id":1.5"#),
        ];
        let extra = proptest::option::of(
            proptest::collection::btree_set(member, 0..6)
                .prop_map(|members| format!("{{{}}}", members.into_iter().collect::<Vec<_>>().join(","))),
        );
        let places = (0_u64..40, 0_u32..9, 0_u32..70_000, proptest::option::of(any::<u16>()));
        (text(), text(), text(), extra, any::<[u8; 4]>(), proptest::option::of(any::<i64>()), places).prop_map(
            |(malware, fqdn, url, extra, ip, time, (offset, length, asn, port))| Sighting {
                malware,
                source_fqdn: fqdn,
                source_url: url,
                extra,
                source_ip: Some(model::Address::new(std::net::IpAddr::from(ip.map(|b| b & 1)))),
                time: time.map(model::Instant::from_micros),
                raw_offset: offset,
                raw_length: length,
                source_asn: asn.checked_sub(1),
                source_port: port.and_then(model::PortNumber::new),
                ..Sighting::infected()
            },
        )
    }

    proptest! {
        /// The quick way says what the way of all other formats says.
        #[test]
        fn an_event_says_what_the_row_has_to_say(row in sighting(), sent in any::<bool>()) {
            let delivery = sent.then(|| DeliveryId::from_uuid(Uuid::from_u128(7)));
            let rendering = Rendering { delivery, raw: Some(b"0123456789 123456789"), raw_at: 5, ..rendering() };
            let rows = batch(&[row]);
            let (mut want, mut as_written) = (Map::new(), Map::new());
            for (key, value) in outgoing::fields(&rows.row(0), 0, &rendering) {
                if fits(&key, &value) { &mut want } else { &mut as_written }.insert(key.into_owned(), value);
            }
            if !as_written.is_empty() {
                want.insert(AS_WRITTEN.to_owned(), Value::Object(as_written));
            }
            prop_assert_eq!(lines(&write(&rows, &rendering)), [want]);
        }
    }

    #[test]
    fn a_place_beyond_the_file_is_no_raw_row() {
        let mut row = Sighting::infected();
        (row.raw_offset, row.raw_length) = (u64::MAX, u32::MAX);
        let written = write(&batch(&[row]), &Rendering { raw: Some(b"zzz"), ..rendering() });
        assert!(!String::from_utf8(written.bytes).unwrap().contains("\"raw\""));
    }
}
