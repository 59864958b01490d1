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
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(format).join("samples")
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
        let side = name.ends_with(".expected.json") || name.ends_with(".toml");
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
fn stix_bundles() {
    check("stix");
}

#[test]
fn misp_events() {
    check("misp");
}
