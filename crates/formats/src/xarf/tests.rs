//! What is written, for every classification; the schemas themselves are held against the expected file by
//! `tests/clients/check_xarf.py`.

use model::address::Protocol;
use model::{
    Classification, DeliveryId, Instant, Lang, PortNumber, Sighting, SightingBatchBuilder, Tags, Tlp, Uncertainty, Zone,
};
use proptest::prelude::*;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::write::write;
use super::*;
use crate::fields::RAW;
use crate::outgoing;
use crate::writing::{Contact, Dialect, Loss};

fn rendering() -> Rendering<'static> {
    let contact = |org: &str, mail: &str| Contact {
        org: org.to_owned(),
        mail: mail.to_owned(),
        domain: "example.org".to_owned(),
    };
    Rendering {
        delivery: Some(DeliveryId::from_uuid(Uuid::from_u128(0x0146_eb2c_2400_7000_8000_00c0_ffee_0001))),
        reporter: contact("Imaginary Coordination Centre", "cert@example.org"),
        sender: contact("Imaginary Clearing House", "hub@example.org"),
        feed: "Operation Imaginary".to_owned(),
        at: "2026-02-01T00:00:00Z".parse().unwrap(),
        zone: Zone::tokyo(),
        lang: Lang::Ja,
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

/// A row with everything that a type could ask for.
fn full(classification: Classification) -> Sighting {
    Sighting {
        time: Some("2026-01-30T15:04:05.25Z".parse().unwrap()),
        uncertainty: Uncertainty::from_seconds(60),
        zone: Some("Asia/Tokyo".to_owned()),
        source_ip: Some("192.0.2.15".parse().unwrap()),
        source_port: PortNumber::new(51_000),
        protocol: Some(Protocol::Tcp),
        source_asn: Some(64_496),
        source_fqdn: Some("www.example.org".to_owned()),
        source_url: Some("https://www.example.org/a?b=c".to_owned()),
        destination_ip: Some("198.51.100.7".parse().unwrap()),
        destination_port: PortNumber::new(443),
        malware: Some("Imaginary Bot/2".to_owned()),
        classification,
        raw_length: 12,
        extra: Some(
            r#"{"feed.accuracy":80,"protocol.application":"http","product.vulnerabilities":"cve-2099-0002;cve-2099-0001",
                "malware.hash.sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "event_description.text":"Invented.","extra.columns":{"備考欄":"架空"}}"#
                .to_owned(),
        ),
        ..Sighting::infected()
    }
}

/// The least that a row can be.
fn bare(classification: Classification) -> Sighting {
    Sighting { classification, ..Sighting::infected() }
}

/// Values that the types' fields do not take as they are.
fn awkward(classification: Classification) -> Sighting {
    Sighting {
        time: Some("2026-01-30T15:04:05Z".parse().unwrap()),
        source_ip: Some("2001:db8::15".parse().unwrap()),
        source_port: PortNumber::new(1),
        protocol: Some(Protocol::Icmp6),
        source_fqdn: Some("Not a Domain".to_owned()),
        source_url: Some("no url <at> all".to_owned()),
        malware: Some("日本語の名前".to_owned()),
        tags: Tags { tlp: Tlp::AmberStrict, ..Tags::INFECTED_ADDRESS },
        classification,
        extra: Some(r#"{"feed.accuracy":"101","product.vulnerabilities":"CVE-99-1;x","malware.hash.md5":"zz","event_description.text":7}"#.to_owned()),
        ..Sighting::infected()
    }
}

fn every() -> SightingBatch {
    let rows: Vec<Sighting> =
        Classification::ALL.iter().flat_map(|kind| [full(*kind), bare(*kind), awkward(*kind)]).collect();
    batch(&rows)
}

#[test]
fn every_classification_is_written_as_expected() {
    let raw = b"a raw row, x\n";
    let written = write(&every(), &Rendering { raw: Some(raw), ..rendering() });
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/xarf/samples/every-classification.expected.xarf.jsonl");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &written.bytes).unwrap();
    }
    let want = std::fs::read_to_string(path).unwrap();
    let got = lines(&written);
    assert_eq!(got.len(), want.lines().count());
    for (got, want) in got.iter().zip(want.lines()) {
        assert_eq!(*got, serde_json::from_str::<Map<String, Value>>(want).unwrap());
    }
    // The 44 bare rows have neither time nor address; both had to be filled in.
    let lost: Vec<(&str, u64)> = written.lost.iter().map(|loss| (loss.field.as_str(), loss.rows)).collect();
    assert_eq!(lost, [("source.ip", 44), ("time.source", 44)]);
}

#[test]
fn an_infected_subscriber_is_a_botnet_and_carries_its_port() {
    let report = lines(&write(&batch(&[full(Classification::InfectedSystem)]), &rendering())).remove(0);
    assert_eq!((&report["category"], &report["type"]), (&json!("infrastructure"), &json!("botnet")));
    assert_eq!(report["source_identifier"], "192.0.2.15");
    assert_eq!(report["source_port"], 51_000);
    assert_eq!(report["timestamp"], "2026-01-30T15:04:05.25Z");
    assert_eq!(report["malware_family"], "Imaginary Bot/2");
    assert_eq!(report["c2_server"], "198.51.100.7");
    assert_eq!(report["c2_protocol"], "http");
    assert_eq!(report["confidence"], 0.8);
    assert_eq!(
        report["tags"],
        json!([
            "tlp:amber",
            "pap:amber",
            "class:communication-trace",
            "rsit:infected-system",
            "malware:imaginary-bot-2"
        ])
    );
    assert_eq!(report["noroshi"]["idf"]["extra.noroshi.record"], "0146eb2c-2400-7000-8000-00c0ffee0001:1");
    assert!(!report.contains_key("_internal"));
}

#[test]
fn what_a_type_requires_and_the_row_lacks_makes_it_threat_intelligence() {
    let kinds = |row: Sighting| {
        let report = lines(&write(&batch(&[row]), &rendering())).remove(0);
        format!("{}/{}", report["category"].as_str().unwrap(), report["type"].as_str().unwrap())
    };
    for (kind, with, without) in [
        (Classification::Ddos, "connection/ddos", "reputation/threat_intelligence"),
        (Classification::BruteForce, "connection/login_attack", "reputation/threat_intelligence"),
        (Classification::Phishing, "content/phishing", "reputation/threat_intelligence"),
        (Classification::VulnerableSystem, "vulnerability/cve", "vulnerability/open_service"),
        (Classification::C2Server, "reputation/threat_intelligence", "reputation/threat_intelligence"),
        (Classification::SystemCompromise, "infrastructure/compromised_server", "infrastructure/compromised_server"),
    ] {
        assert_eq!(kinds(full(kind)), with);
        assert_eq!(kinds(bare(kind)), without);
    }
}

#[test]
fn what_is_over_and_who_is_a_victim_are_not_reported_as_abuse() {
    let report = |row: Sighting| lines(&write(&batch(&[row]), &rendering())).remove(0);
    for classification in Classification::ALL {
        let over = report(Sighting { flags: model::sighting::Flags::ENDED, ..full(*classification) });
        assert_eq!((&over["category"], &over["type"]), (&json!("reputation"), &json!("threat_intelligence")));
        assert_eq!(over["threat_type"], "ended");
        assert!(over["tags"].as_array().unwrap().contains(&json!("status:ended")) && !over.contains_key("confidence"));
        assert_eq!(over["noroshi"]["idf"]["extra.noroshi.flags"], "ended");
    }
    let victim = |extra: &str| report(Sighting { extra: Some(extra.to_owned()), ..full(Classification::Ddos) });
    assert_eq!(victim("{}")["type"], "ddos");
    for extra in
        [r#"{"extra.n6.category":"dos-victim"}"#, r#"{"classification.identifier":"amplification-ddos-victim"}"#]
    {
        assert_eq!(victim(extra)["type"], "threat_intelligence");
    }
}

#[test]
fn what_must_not_have_been_sent_goes_no_further() {
    let raw = br#"{"_internal":{"ticket":"T-1"}}"#;
    let row = Sighting {
        raw_length: u32::try_from(raw.len()).unwrap(),
        extra: Some(
            r#"{"extra.noroshi.raw_withheld":"xarf _internal","extra.xarf._internal":{"ticket":"T-1"}}"#.to_owned(),
        ),
        ..full(Classification::InfectedSystem)
    };
    let rendering = Rendering { raw: Some(raw), ..rendering() };
    let report = lines(&write(&batch(std::slice::from_ref(&row)), &rendering)).remove(0);
    assert!(!report.contains_key("evidence") && !report.contains_key("_internal"));
    assert!(report["noroshi"]["idf"].get("raw").is_none());
    let idf = crate::by_name("idf").unwrap().write(&batch(&[row]), &rendering).unwrap();
    assert!(!String::from_utf8(idf.bytes).unwrap().contains("\"raw\""));
}

#[test]
fn ids_are_the_same_for_the_same_delivery_and_no_others() {
    let rows = batch(&[full(Classification::InfectedSystem), full(Classification::InfectedSystem)]);
    let ids = |rendering: &Rendering<'_>| -> Vec<Uuid> {
        lines(&write(&rows, rendering)).iter().map(|r| r["report_id"].as_str().unwrap().parse().unwrap()).collect()
    };
    let one = ids(&rendering());
    assert_eq!(one, ids(&Rendering { at: Instant::from_micros(5), feed: "other".to_owned(), ..rendering() }));
    let other = ids(&Rendering { delivery: Some(DeliveryId::from_uuid(Uuid::from_u128(9))), ..rendering() });
    let none = ids(&Rendering { delivery: None, ..rendering() });
    let all: std::collections::BTreeSet<&Uuid> = one.iter().chain(&other).chain(&none).collect();
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|id| id.get_version_num() == 4));
}

#[test]
fn the_raw_row_is_the_evidence_unless_it_is_too_large() {
    let large = vec![b'x'; LARGEST_EVIDENCE + 2];
    let length = |raw_length: usize| Sighting {
        raw_length: u32::try_from(raw_length).unwrap(),
        ..full(Classification::InfectedSystem)
    };
    let rows = batch(&[length(3), length(LARGEST_EVIDENCE), length(LARGEST_EVIDENCE + 1)]);
    let written = write(&rows, &Rendering { raw: Some(&large), ..rendering() });
    let reports = lines(&written);
    let evidence = &reports.first().unwrap()["evidence"][0];
    assert_eq!(evidence["payload"], "eHh4");
    // SHA-256 of `xxx`, computed apart.
    assert_eq!(evidence["hash"], "sha256:cd2eb0837c9b4c962c22d2ff8b5441b7b45805887f051d39bf133b583baf6860");
    assert!(reports.get(1).unwrap().contains_key("evidence"));
    assert!(!reports.get(2).unwrap().contains_key("evidence"));
    assert_eq!(written.lost, [Loss { field: "raw".to_owned(), rows: 1 }]);
    assert!(reports.iter().all(|report| report["noroshi"]["idf"].get("raw").is_none()));
    // A row that has brought its own raw row keeps it.
    let brought = Sighting { extra: Some(r#"{"raw":"eA=="}"#.to_owned()), ..length(3) };
    let report = lines(&write(&batch(&[brought]), &Rendering { raw: Some(&large), ..rendering() })).remove(0);
    assert_eq!(report["noroshi"]["idf"]["raw"], "eA==");
}

fn is_tag(tag: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '+' | '-'))
    };
    tag.split_once(':').is_some_and(|(namespace, predicate)| part(namespace) && part(predicate))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_row_is_a_report_and_nothing_of_it_is_lost(
        kind in 0_usize..44,
        texts in proptest::collection::vec(proptest::option::of(any::<String>()), 7),
        time in proptest::option::of(any::<i64>()),
        port in proptest::option::of(any::<u16>()),
        raw in (any::<u64>(), any::<u32>()),
    ) {
        let text = |at: usize| texts.get(at).cloned().flatten();
        let row = Sighting {
            time: time.map(Instant::from_micros),
            source_port: port.and_then(PortNumber::new),
            protocol: Some(Protocol::Udp),
            source_fqdn: text(0),
            source_url: text(1),
            source_account: text(2),
            malware: text(3),
            destination_fqdn: text(4),
            zone: text(5),
            extra: text(6).map(|text| json!({ "protocol.application": text, "product.vulnerabilities": text }).to_string()),
            raw_offset: raw.0,
            raw_length: raw.1,
            ..full(Classification::ALL[kind])
        };
        let rows = batch(&[row]);
        let rendering = Rendering { raw: Some(b"abc"), ..rendering() };
        let report = lines(&write(&rows, &rendering)).remove(0);
        for required in ["xarf_version", "report_id", "timestamp", "reporter", "sender", "source_identifier", "category", "type"] {
            prop_assert!(report.contains_key(required));
        }
        for tag in report["tags"].as_array().unwrap() {
            prop_assert!(is_tag(tag.as_str().unwrap()), "{}", tag);
        }
        let want: Map<String, Value> = outgoing::fields(&rows.row(0), 0, &rendering)
            .into_iter()
            .map(|(key, value)| (key.into_owned(), value))
            .filter(|(key, _)| key != RAW)
            .collect();
        prop_assert_eq!(report["noroshi"]["idf"].as_object().unwrap(), &want);
    }
}
