//! What we write as XARF, held against the published schemas by somebody else's validator (PyPI `jsonschema`).
//!
//! `NOROSHI_TEST_PYTHON` names a Python that has it; without, `python3` is asked.

#[allow(dead_code, reason = "each test crate uses its part")]
mod reading;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use formats::writing::Dialect;
use formats::{Contact, Rendering, by_name};
use model::port::SeededEntropy;
use model::{
    Address, Classification, DataClass, Instant, Lang, Pap, PortNumber, Protocol, Sighting, SightingBatchBuilder, Tags,
    Tlp, Zone,
};

fn check(file: &Path) -> Output {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var("NOROSHI_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    Command::new(&python)
        .arg(crate_folder.join("../../tests/clients/check_xarf.py"))
        .arg(crate_folder.join("src/xarf/schema/v4"))
        .arg(file)
        .output()
        .unwrap_or_else(|error| panic!("cannot run `{python}`, set NOROSHI_TEST_PYTHON: {error}"))
}

fn assert_sound(file: &Path) {
    let output = check(file);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
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
        "WWW.EXAMPLE.ORG.",
        "http://www.example.org/a?b=c#d",
        "http://",
        "ftp://x y",
        "no url",
        "日本語",
        "a\u{0}b\n\u{202e}c",
        "=1+1",
        "CVE-2099-0001;cve-2099-0001;CVE-99-1",
        "\"quoted\\\"",
        "-+_",
        "💥",
        "http",
    ]
    .iter()
    .map(|text| (*text).to_owned())
    .chain(["y".repeat(5_000)])
    .collect();
    let text = || some(random, &texts);
    let extra = |key: &str| some(random, &texts).map(|text| (key.to_owned(), serde_json::Value::from(text)));
    let extra: serde_json::Map<String, serde_json::Value> = [
        "protocol.application",
        "product.vulnerabilities",
        "product.name",
        "product.version",
        "feed.accuracy",
        "event_description.text",
        "malware.hash.md5",
        "source.network",
        "classification.identifier",
    ]
    .into_iter()
    .filter_map(extra)
    .collect();
    let times = [0, 1_769_785_445_250_000, -1, i64::MIN, i64::MAX, 253_402_300_799_000_000];
    let addresses: Vec<Address> =
        ["192.0.2.1", "2001:db8::1", "::", "255.255.255.255"].iter().map(|text| text.parse().unwrap()).collect();
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

#[test]
fn the_expected_file_is_sound() {
    assert_sound(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src/xarf/samples/every-classification.expected.xarf.jsonl"),
    );
}

#[test]
fn awkward_rows_are_sound_too() {
    let random = SeededEntropy::new(2_014);
    let mut rows = SightingBatchBuilder::with_capacity(2_000);
    for _ in 0..2_000 {
        rows.push(&row(&random));
    }
    let contact =
        || Contact { org: "組".repeat(300), mail: "a@example.org".to_owned(), domain: "example.org".to_owned() };
    let rendering = Rendering {
        delivery: None,
        reporter: contact(),
        sender: contact(),
        feed: "Operation Imaginary".to_owned(),
        at: "2026-02-01T00:00:00Z".parse().unwrap(),
        zone: Zone::tokyo(),
        lang: Lang::Ja,
        dialect: Dialect::Plain,
        raw: Some(b"\xff\x00raw rows, whatever they are"),
        provenance: None,
    };
    let written = by_name("xarf").unwrap().write(&rows.finish(), &rendering).unwrap();
    let file = scratch("awkward.xarf.jsonl");
    std::fs::write(&file, &written.bytes).unwrap();
    assert_sound(&file);
}

/// Reports by others, read and written again, are what their types want, too.
#[test]
fn reports_by_others_stay_sound() {
    let given = reading::Given::nothing();
    let xarf = by_name("xarf").unwrap();
    for sample in ["connection.xarf.jsonl", "content.xarf.json", "vulnerability.xarf.json", "v3.json"] {
        let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/xarf/samples").join(sample)).unwrap();
        let rows = reading::open(xarf.read(&reading::input(sample, &bytes), &given.declared()).unwrap()).sightings;
        let contact = || Contact {
            org: "Imaginary".to_owned(),
            mail: "a@example.org".to_owned(),
            domain: "example.org".to_owned(),
        };
        let rendering = Rendering {
            delivery: None,
            reporter: contact(),
            sender: contact(),
            feed: sample.to_owned(),
            at: "2026-02-01T00:00:00Z".parse().unwrap(),
            zone: Zone::tokyo(),
            lang: Lang::Ja,
            dialect: Dialect::Plain,
            raw: Some(&bytes),
            provenance: None,
        };
        let written = xarf.write(&rows, &rendering).unwrap();
        assert_eq!(written.lost, []);
        let file = scratch(&format!("again-{sample}"));
        std::fs::write(&file, &written.bytes).unwrap();
        assert_sound(&file);
    }
}

#[test]
fn the_validator_finds_faults() {
    let expected =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/xarf/samples/every-classification.expected.xarf.jsonl");
    let text = std::fs::read_to_string(expected).unwrap();
    let botnet = text.lines().find(|line| line.contains("\"botnet\"")).unwrap();
    for (at, broken) in [
        botnet.replace("compromise_evidence", "compromise_guess"),
        botnet.replace("\"tlp:amber\"", "\"TLP:AMBER\""),
        botnet.replace("\"source_port\":51000", "\"source_port\":0"),
        botnet.replace("\"timestamp\":\"2026", "\"timestamp\":\"26"),
        botnet.replace("\"type\":\"botnet\"", "\"type\":\"infected_subscriber\""),
        botnet.replacen('{', "{\"_internal\":{},", 1),
    ]
    .into_iter()
    .enumerate()
    {
        assert_ne!(broken, botnet, "{at}");
        let file = scratch("broken.xarf.jsonl");
        std::fs::write(&file, broken).unwrap();
        assert_eq!(check(&file).status.code(), Some(1), "{at}");
    }
}
