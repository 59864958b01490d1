//! Every sample of a readable format beside its expected result.
//!
//! `UPDATE_EXPECT=1 cargo test -p formats --test samples` writes the expected results anew; they are read in review.

#[allow(dead_code, reason = "each test crate uses its part")]
mod reading;

use std::fmt::Write as _;
use std::path::Path;

use model::Zone;
use reading::{Given, input, open};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// `samples.toml` of a format: what is declared about each file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    /// What the file shows.
    shows: String,
    zone: Option<Zone>,
    mapping: Option<String>,
}

fn folder(format: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    // JSON by a mapping file is a neighbour of the list.
    if format == "json" { folder.join("list/json-samples") } else { folder.join(format).join("samples") }
}

/// The result as JSON lines: the file as a whole, then its rows, then its rejects.
fn result(format: &str, name: &str, sample: &Sample) -> String {
    let folder = folder(format);
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let mut given = Given::nothing();
    given.zone.clone_from(&sample.zone);
    given.mapping =
        sample.mapping.as_ref().map(|file| (file.clone(), std::fs::read_to_string(folder.join(file)).unwrap()));
    let input = input(name, &bytes);
    let found = formats::detect::detect(&input, None).map(formats::Format::name).unwrap_or_else(|p| p.code.code);
    let format = formats::by_name(format).unwrap();
    let mut out = String::new();
    let reading = match format.read(&input, &given.declared()) {
        Ok(reading) => reading,
        Err(problem) => {
            let line = json!({
                "refused": problem.code.code, "place": problem.place, "value": problem.value_for_submitter(),
                "detected": found,
            });
            writeln!(out, "{line}").unwrap();
            return out;
        }
    };
    let opened = open(reading);
    let whole = &opened.reading;
    let notes: Vec<Value> =
        whole.notes.iter().map(|(place, code)| json!([place.line, place.field, code.code])).collect();
    let line = json!({
        "rows": whole.rows, "understood": whole.understood, "rejected": whole.rejected,
        "provenance": whole.provenance, "found_by": whole.found_by, "columns": whole.columns, "notes": notes,
        "detected": found,
    });
    writeln!(out, "{line}").unwrap();
    for row in opened.sightings.rows() {
        let mut object = Map::new();
        object.insert("row".into(), json!([row.ordinal, row.line, row.raw_offset, row.raw_length]));
        let raw = &bytes[usize::try_from(row.raw_offset).unwrap()..][..row.raw_length as usize];
        assert!(!raw.is_empty() && !raw.ends_with(b"\n"), "{name}: the raw row is the row");
        object.extend(formats::fields::idf_fields(&row).map(|(key, value)| (key.into_owned(), value)));
        // The same in every row of these samples.
        for key in ["classification.taxonomy", "extra.noroshi.data_class"] {
            object.remove(key);
        }
        if object.get("extra.noroshi.pap").is_some_and(|pap| pap == "PAP:AMBER") {
            object.remove("extra.noroshi.pap");
        }
        writeln!(out, "{}", Value::Object(object)).unwrap();
    }
    for reject in &opened.rejects.0 {
        let line = json!({
            "line": reject.line, "code": reject.code.code, "field": reject.field, "value": reject.value, "raw": reject.raw,
        });
        writeln!(out, "{line}").unwrap();
    }
    out
}

fn check(format: &str) {
    let folder = folder(format);
    let text = std::fs::read_to_string(folder.join("samples.toml")).unwrap();
    let samples: std::collections::BTreeMap<String, Sample> = toml::from_str(&text).unwrap();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let side = name.contains(".expected.") || name.ends_with(".toml");
        assert!(side || samples.contains_key(&name), "{format}: {name} is not in samples.toml");
    }
    for (name, sample) in &samples {
        assert!(!sample.shows.is_empty());
        let got = result(format, name, sample);
        let expected = folder.join(format!("{name}.expected.json"));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&expected, &got).unwrap();
        }
        let want = std::fs::read_to_string(&expected).unwrap_or_default();
        for (line, (got, want)) in got.lines().zip(want.lines()).enumerate() {
            let (got, want): (Value, Value) = (serde_json::from_str(got).unwrap(), serde_json::from_str(want).unwrap());
            assert_eq!(got, want, "{format}: {name}, line {} of the expected result", line + 1);
        }
        assert_eq!(got.lines().count(), want.lines().count(), "{format}: {name}");
    }
}

#[test]
fn hand_made_lists() {
    check("list");
}

#[test]
fn intelmq_events() {
    check("idf");
}

#[test]
fn n6_events() {
    check("n6");
}

#[test]
fn xarf_reports() {
    check("xarf");
}

/// Every sample of every format, as it stands beside the code.
fn all() -> Vec<(String, String, Vec<u8>)> {
    let mut all = Vec::new();
    for format in formats::FORMATS.iter().map(|format| format.name()) {
        let Ok(folder) = std::fs::read_dir(folder(format)) else { continue };
        for entry in folder.map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let is_sample = !name.ends_with(".toml") && !name.ends_with(".expected.json") && name != "schema.json";
            if is_sample && !(format == "shadowserver" && name.contains("expected")) {
                all.push((format.to_owned(), name, std::fs::read(entry.path()).unwrap()));
            }
        }
    }
    assert!(all.len() > 20);
    all
}

#[test]
fn no_sample_is_taken_for_another_format() {
    // The last two of a name that says nothing: what is inside must do.
    for (format, name, bytes) in all() {
        for name in [name.as_str(), "feed", "feed.json"] {
            let found = formats::detect::detect(&input(name, &bytes), None).map(formats::Format::name);
            match found {
                Ok(found) => assert_eq!(found, format, "{name}"),
                // Some lists, and JSON without its mapping, need to be told what they are; a name that says it is half of what is known of Shadowserver's files.
                Err(_) => assert!(["list", "shadowserver", "json"].contains(&format.as_str()), "{format}: {name}"),
            }
        }
    }
}

/// What a reader makes of bytes, as comparable rows.
fn rows(format: &str, bytes: &[u8]) -> (Vec<Map<String, Value>>, u64) {
    let given = Given::nothing();
    let Ok(reading) = formats::by_name(format).unwrap().read(&input("x", bytes), &given.declared()) else {
        return (Vec::new(), 0);
    };
    let opened = open(reading);
    let rows = opened.sightings.rows().map(|row| {
        formats::fields::idf_fields(&row).map(|(key, value)| (key.into_owned(), value)).collect::<Map<_, _>>()
    });
    (rows.collect(), opened.reading.rejected)
}

fn write(format: &str, from: &str, bytes: &[u8]) -> formats::Written {
    let given = Given::nothing();
    let reading = formats::by_name(from).unwrap().read(&input("x", bytes), &given.declared()).unwrap();
    let rows = open(reading).sightings;
    let contact = || formats::Contact {
        org: "Imaginary Desk".to_owned(),
        mail: "desk@example.org".to_owned(),
        domain: "example.org".to_owned(),
    };
    let rendering = formats::Rendering {
        delivery: None,
        reporter: contact(),
        sender: contact(),
        feed: String::new(),
        at: reading::received(),
        zone: Zone::utc(),
        lang: model::Lang::En,
        dialect: formats::writing::Dialect::Plain,
        raw: None,
        raw_at: 0,
        provenance: None,
    };
    formats::by_name(format).unwrap().write(&rows, &rendering).unwrap()
}

/// What only the writer knew is not what the row says.
fn said(mut row: Map<String, Value>) -> Map<String, Value> {
    // Written anew for every party that passes it on; they say who observed it only where the row did not.
    if row.get("feed.provider") == Some(&Value::from("Imaginary Desk")) {
        row.remove("feed.provider");
    }
    row
}

#[test]
fn what_is_read_is_the_same_after_it_went_through_either_format() {
    let mut read = 0;
    for (format, name, bytes) in
        all().into_iter().filter(|(format, ..)| ["n6", "xarf", "idf"].contains(&format.as_str()))
    {
        let (want, _) = rows(&format, &bytes);
        if want.is_empty() {
            continue;
        }
        for through in ["n6", "xarf", "idf"] {
            let written = write(through, &format, &bytes);
            let detected = formats::detect::detect(&input("x", &written.bytes), None).map(formats::Format::name);
            assert!(detected.is_ok_and(|detected| detected == through), "{name} through {through}");
            let (got, rejected) = rows(through, &written.bytes);
            assert_eq!(rejected, 0, "{name} through {through}");
            assert_eq!(got.len(), want.len(), "{name} through {through}");
            for (got, want) in got.into_iter().zip(&want) {
                let keys: Vec<&String> = got.keys().chain(want.keys()).collect();
                let (got, want) = (said(got.clone()), said(want.clone()));
                for key in keys {
                    assert_eq!(got.get(key), want.get(key), "{name} through {through}: {key} of {want:?}");
                }
                read += 1;
            }
        }
    }
    assert!(read > 200, "{read}");
}

/// The objects of a text of them.
fn objects(bytes: &[u8]) -> Vec<Map<String, Value>> {
    let text = std::str::from_utf8(bytes).unwrap();
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).unwrap();
    }
    let values = serde_json::Deserializer::from_str(text).into_iter::<Map<String, Value>>();
    values.map_while(Result::ok).collect()
}

#[test]
fn n6_events_are_written_as_they_were_read() {
    let bytes = std::fs::read(folder("n6").join("rest.json")).unwrap();
    let written = write("n6", "n6", &bytes);
    assert_eq!(written.lost, []);
    let (got, mut want) = (objects(&written.bytes), objects(&bytes));
    // Rows are never wider than what was declared of the file.
    want[1].insert("restriction".to_owned(), json!("need-to-know"));
    // The reader rejected the masked one of two addresses, and knows that times are in UTC.
    want[2].insert("address".to_owned(), json!([{"ip": "203.0.113.53"}]));
    want[2].insert("time".to_owned(), json!("2025-11-03T01:57:26Z"));
    assert_eq!(got.len(), want.len());
    for (mut got, want) in got.into_iter().zip(want) {
        assert!(got.remove("intelmq").is_some());
        assert_eq!(got, want);
    }
    let bytes = std::fs::read(folder("n6").join("stream.jsonl")).unwrap();
    let (got, want) = (objects(&write("n6", "n6", &bytes).bytes), objects(&bytes));
    // The last two are not understood.
    assert_eq!((got.len(), want.len()), (6, 8));
    for (mut got, want) in got.into_iter().zip(want) {
        got.remove("intelmq");
        assert_eq!(got, want);
    }
}

#[test]
fn xarf_reports_are_written_as_they_were_read() {
    for name in ["connection.xarf.jsonl", "content.xarf.json", "vulnerability.xarf.json"] {
        let bytes = std::fs::read(folder("xarf").join(name)).unwrap();
        let written = write("xarf", "xarf", &bytes);
        assert_eq!(written.lost, [], "{name}");
        let (got, want) = (objects(&written.bytes), objects(&bytes));
        assert_eq!(got.len(), want.len());
        for (got, want) in got.into_iter().zip(want) {
            let kind = format!("{}/{}", want["category"], want["type"]);
            for (key, value) in &want {
                match key.as_str() {
                    // Ours, who writes it.
                    "xarf_version" | "report_id" | "sender" => {}
                    "tags" => {
                        let (got, want) = (got[key].as_array().unwrap(), value.as_array().unwrap());
                        // The tag is a marking; the row is not wider than what was declared.
                        let is_kept = |tag: &&Value| !tag.as_str().unwrap().starts_with("tlp:");
                        assert!(want.iter().filter(is_kept).all(|tag| got.contains(tag)), "{kind}: {got:?}");
                    }
                    "timestamp" => assert_eq!(got[key], "2025-11-11T09:21:23Z"),
                    _ => assert_eq!(got.get(key), Some(value), "{kind}: {key}"),
                }
            }
        }
    }
}

#[test]
fn feedback_reports() {
    check("arf");
}

#[test]
fn json_by_a_mapping_file() {
    check("json");
}

#[test]
fn stix_bundles() {
    check("stix");
}

#[test]
fn misp_events() {
    check("misp");
}
