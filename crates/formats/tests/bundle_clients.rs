//! What we write as STIX and MISP, held against the libraries of those who define them (PyPI `stix2`, `pymisp`).
//!
//! `NOROSHI_TEST_PYTHON` names a Python that has them; without, `python3` is asked.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use formats::writing::Dialect;
use formats::{Contact, Rendering, by_name};
use model::port::SeededEntropy;
use model::{
    Address, Classification, DataClass, Instant, Lang, Pap, PortNumber, Protocol, Sighting, SightingBatch,
    SightingBatchBuilder, Tags, Tlp, Zone,
};

fn check(script: &str, file: &Path) -> Output {
    let python = std::env::var("NOROSHI_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    Command::new(&python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients").join(script))
        .arg(file)
        .output()
        .unwrap_or_else(|error| panic!("cannot run `{python}`, set NOROSHI_TEST_PYTHON: {error}"))
}

fn scratch(name: &str, bytes: &[u8]) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, bytes).unwrap();
    file
}

fn assert_sound(script: &str, file: &Path) {
    let output = check(script, file);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}", said.chars().take(4_000).collect::<String>());
}

/// Something out of a list, or nothing.
fn some<T: Clone>(random: &SeededEntropy, of: &[T]) -> Option<T> {
    let at = random.below(of.len() as u64 + 1);
    of.get(usize::try_from(at).unwrap()).cloned()
}

/// A row of values as awkward as rows hold them.
fn row(random: &SeededEntropy) -> Sighting {
    let texts: Vec<String> = [
        "",
        "x",
        "www.example.org",
        "http://www.example.org/a?b=c#d'\\",
        "日本語",
        "a\u{0}b\n\u{202e}c",
        "\"quoted\\\"",
        "💥",
    ]
    .iter()
    .map(|text| (*text).to_owned())
    .chain(["y".repeat(5_000)])
    .collect();
    let text = || some(random, &texts);
    let digest = Some("d41d8cd98f00b204e9800998ecf8427e".to_owned());
    let extra: serde_json::Map<String, serde_json::Value> = [
        ("protocol.application", text()),
        ("event_description.text", text()),
        ("malware.hash.md5", some(random, &[digest, Some("x".to_owned())]).flatten()),
        ("feed.accuracy", some(random, &["80", "101"]).map(str::to_owned)),
    ]
    .into_iter()
    .filter_map(|(key, text)| Some((key.to_owned(), serde_json::Value::from(text?))))
    .collect();
    let times = [0, 1_769_785_445_250_001, -1, i64::MIN, i64::MAX, 253_402_300_799_000_000];
    let addresses: Vec<Address> =
        ["192.0.2.1", "2001:db8::1", "198.51.100.7"].iter().map(|text| text.parse().unwrap()).collect();
    Sighting {
        time: some(random, &times).map(Instant::from_micros),
        source_ip: some(random, &addresses),
        source_port: some(random, &[1, 80, 65_535]).and_then(PortNumber::new),
        protocol: some(random, &Protocol::ALL),
        source_asn: some(random, &[0, 64_496, u32::MAX]),
        source_fqdn: text(),
        source_url: text(),
        source_account: text(),
        destination_ip: some(random, &addresses),
        destination_port: some(random, &[1, 443]).and_then(PortNumber::new),
        destination_fqdn: text(),
        destination_url: text(),
        classification: some(random, Classification::ALL).unwrap_or(Classification::InfectedSystem),
        malware: text(),
        tags: Tags {
            tlp: some(random, Tlp::ALL).unwrap_or(Tlp::Red),
            pap: some(random, Pap::ALL).unwrap_or(Pap::Red),
            class: some(random, DataClass::ALL).unwrap_or(DataClass::Public),
        },
        raw_offset: random.below(10),
        raw_length: u32::try_from(random.below(10)).unwrap(),
        extra: Some(serde_json::Value::Object(extra).to_string()),
        ..Sighting::infected()
    }
}

fn awkward(rows: usize) -> SightingBatch {
    let random = SeededEntropy::new(2_014);
    let mut batch = SightingBatchBuilder::with_capacity(rows);
    for _ in 0..rows {
        batch.push(&row(&random));
    }
    batch.finish()
}

fn rendering() -> Rendering<'static> {
    let contact =
        |org: &str| Contact { org: org.to_owned(), mail: "a@example.org".to_owned(), domain: "example.org".to_owned() };
    Rendering {
        delivery: None,
        reporter: contact("架空CERT"),
        sender: contact("Imaginary Hub"),
        feed: "Operation Imaginary".to_owned(),
        at: "2026-02-01T00:00:00.1234Z".parse().unwrap(),
        zone: Zone::tokyo(),
        lang: Lang::Ja,
        dialect: Dialect::Plain,
        raw: Some(b"\xff\x00raw rows, whatever they are"),
        raw_at: 0,
        provenance: None,
    }
}

#[test]
fn awkward_rows_are_a_sound_bundle() {
    let written = by_name("stix").unwrap().write(&awkward(400), &rendering()).unwrap();
    assert_sound("check_stix.py", &scratch("awkward.stix.json", &written.bytes));
}

#[test]
fn the_validator_of_bundles_finds_faults() {
    let written = by_name("stix").unwrap().write(&awkward(20), &rendering()).unwrap();
    let text = String::from_utf8(written.bytes).unwrap();
    for (from, to) in [
        ("\"value\":\"192.0.2.1\"", "\"value\":\"192.0.2.2\""),
        ("\"pattern\":\"[", "\"pattern\":\"[["),
        ("\"number_observed\":1", "\"number_observed\":0"),
        ("\"sighting_of_ref\":\"malware--", "\"sighting_of_ref\":\"malwares--"),
        ("\"type\":\"grouping\"", "\"type\":\"gathering\""),
        ("\"spec_version\":\"2.1\"", "\"spec_version\":\"2.1\",\"wrong\":1"),
    ] {
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{from}");
        let file = scratch("broken.stix.json", broken.as_bytes());
        assert_eq!(check("check_stix.py", &file).status.code(), Some(1), "{from}");
    }
}

#[test]
fn awkward_rows_are_a_sound_event() {
    let written = by_name("misp").unwrap().write(&awkward(400), &rendering()).unwrap();
    assert_sound("check_misp.py", &scratch("awkward.misp.json", &written.bytes));
}

#[test]
fn the_validator_of_events_finds_faults() {
    let written = by_name("misp").unwrap().write(&awkward(20), &rendering()).unwrap();
    let text = String::from_utf8(written.bytes).unwrap();
    for (from, to) in [
        ("\"type\":\"ip-src\"", "\"type\":\"ip-source\""),
        ("\"object_relation\":\"ip-src\"", "\"object_relation\":\"ip-from\""),
        ("\"name\":\"network-connection\"", "\"name\":\"network-thing\""),
        ("\"category\":\"Network activity\"", "\"category\":\"Payload type\""),
    ] {
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{from}");
        let file = scratch("broken.misp.json", broken.as_bytes());
        assert_eq!(check("check_misp.py", &file).status.code(), Some(1), "{from}");
    }
}
