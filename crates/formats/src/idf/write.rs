//! Writing IDF: one flat JSON object per line, keys as IntelMQ has them.

use model::{SightingBatch, SightingRef};
use serde_json::{Map, Value};

use super::fit::{AS_WRITTEN, fits};
use crate::outgoing;
use crate::writing::{Rendering, Written};

/// The rows as JSON lines (UTF-8, LF, one object per line, no line at the end that is none). Every column and every field of
/// `extra` is carried, so nothing is lost; what IntelMQ would refuse under its key stands inside [`AS_WRITTEN`].
pub(super) fn write(rows: &SightingBatch, rendering: &Rendering<'_>) -> Written {
    let mut bytes = Vec::with_capacity(rows.len().saturating_mul(512));
    for (index, row) in rows.rows().enumerate() {
        event(&row, index, rendering, &mut bytes);
        bytes.push(b'\n');
    }
    Written { bytes, media_type: "application/x-ndjson", extension: "jsonl", lost: Vec::new() }
}

/// The row as one object.
fn event(row: &SightingRef<'_>, index: usize, rendering: &Rendering<'_>, bytes: &mut Vec<u8>) {
    let mut before = b'{';
    let mut member = |key: &str, value: &Value| {
        bytes.push(before);
        before = b',';
        // Writing JSON values into memory does not fail.
        let _ = serde_json::to_writer(&mut *bytes, key);
        bytes.push(b':');
        let _ = serde_json::to_writer(&mut *bytes, value);
    };
    let mut as_written = Map::new();
    for (key, value) in outgoing::fields(row, index, rendering) {
        if fits(&key, &value) {
            member(&key, &value);
        } else {
            as_written.insert(key.into_owned(), value);
        }
    }
    if !as_written.is_empty() {
        member(AS_WRITTEN, &Value::Object(as_written));
    }
    bytes.push(b'}');
}

/// The row as one object, for a format that carries it along.
pub(crate) fn text(row: &SightingRef<'_>, index: usize, rendering: &Rendering<'_>) -> String {
    let mut bytes = Vec::with_capacity(512);
    event(row, index, rendering, &mut bytes);
    // JSON is UTF-8.
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use model::{DeliveryId, Provenance, Sighting, SightingBatchBuilder, Zone};
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

    #[test]
    fn a_place_beyond_the_file_is_no_raw_row() {
        let mut row = Sighting::infected();
        (row.raw_offset, row.raw_length) = (u64::MAX, u32::MAX);
        let written = write(&batch(&[row]), &Rendering { raw: Some(b"zzz"), ..rendering() });
        assert!(!String::from_utf8(written.bytes).unwrap().contains("\"raw\""));
    }
}
