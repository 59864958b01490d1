//! The reader against samples with an invented schema.

use law::Subject;
use model::special::SpecialRanges;
use model::{Lang, PortNumber, Tags};

use super::*;
use crate::Format;
use crate::stream::Whole;

const SCHEMA: &str = include_str!("samples/schema.json");
const SINKHOLE: &str = "2026-01-31-event4_imaginary_sinkhole-jp-asn.csv";
const SAMPLE: &[u8] = include_bytes!("samples/2026-01-31-event4_imaginary_sinkhole-jp-asn.csv");

fn with<R>(schema: Option<&str>, file: &str, bytes: &[u8], look: impl FnOnce(Result<Whole, Problem>) -> R) -> R {
    let special = SpecialRanges::iana().without(&["documentation"]);
    let declared = Declared {
        zone: None,
        classification: Classification::InfectedSystem,
        malware: Some("declared-threat".to_owned()),
        tags: Tags::INFECTED_ADDRESS,
        mapping: None,
        schema: schema.map(|text| ("schema.json", text)),
        special: &special,
        received: "2026-02-01T00:00:00Z".parse().unwrap(),
    };
    look(Whole::of(&Shadowserver, &Input { file, bytes, subject: Subject::OwnFile }, &declared))
}

fn open(schema: Option<&str>, file: &str, bytes: &[u8]) -> Whole {
    with(schema, file, bytes, |open| open.map_err(|problem| problem.for_submitter(Lang::En)).unwrap())
}

/// The rows as IDF lines.
fn lines(sightings: &SightingBatch) -> String {
    let line = |row| {
        let fields: serde_json::Map<String, serde_json::Value> =
            fields::idf_fields(&row).map(|(key, value)| (key.into_owned(), value)).collect();
        serde_json::to_string(&fields).unwrap() + "\n"
    };
    sightings.rows().map(line).collect()
}

fn notes(open: &Whole) -> Vec<(&str, Option<&str>)> {
    open.ending.notes.iter().map(|(place, code)| (code.code, place.field.as_deref())).collect()
}

#[test]
fn the_sample_is_read_as_expected() {
    let open = open(Some(SCHEMA), SINKHOLE, SAMPLE);
    let got = lines(&open.sightings);
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/src/shadowserver/samples/event4_imaginary_sinkhole.expected.jsonl");
    if std::env::var_os("NOROSHI_UPDATE_EXPECTED").is_some() {
        std::fs::write(path, &got).unwrap();
    }
    assert_eq!(got, include_str!("samples/event4_imaginary_sinkhole.expected.jsonl"));
    let rejects: Vec<_> = open.rejects.0.iter().map(|r| (r.line, r.code.code, r.field.as_deref())).collect();
    assert_eq!(
        rejects,
        [
            (7, "address-unspecified", Some("src_ip")),
            (8, "address-is-network", Some("src_ip")),
            (9, "bad-time", Some("timestamp")),
            (10, "time-in-future", Some("timestamp")),
            (11, "shadowserver-row-width", None),
            (12, "shadowserver-unclosed-quote", None),
        ]
    );
    assert_eq!(open.rejects.0.first().map(|r| r.raw.starts_with("\"2026-01-30 15:04:08\"")), Some(true));
    assert_eq!(
        notes(&open),
        [("shadowserver-unknown-converter", Some("moon")), ("shadowserver-unknown-column", Some("colour"))]
    );
    assert_eq!(open.ending.provenance.schema, "shadowserver 2026-01-15T00:00:00Z event4_imaginary_sinkhole");
    assert!(open.ending.provenance.mapping.starts_with("schema.json sha256:"), "{}", open.ending.provenance.mapping);
    assert_eq!(open.ending.provenance.zone, None);
    assert_eq!(open.ending.found_by, "name: event4_imaginary_sinkhole (schema)");
}

#[test]
fn every_row_still_shows_its_bytes() {
    let open = open(Some(SCHEMA), SINKHOLE, SAMPLE);
    let starts: Vec<String> = open
        .sightings
        .rows()
        .map(|row| {
            let from = usize::try_from(row.raw_offset).unwrap();
            let raw = SAMPLE.get(from..from + usize::try_from(row.raw_length).unwrap()).unwrap();
            String::from_utf8(raw.to_vec()).unwrap()
        })
        .collect();
    assert_eq!(starts.len(), 5);
    assert!(starts.iter().all(|raw| raw.starts_with("\"2026-01-30 ") && !raw.ends_with('\n')));
    assert!(starts.get(2).unwrap().contains("carrier-pigeon") && starts.get(2).unwrap().contains("a\nb"));
    // What «0» hid is still there.
    assert!(starts.get(1).unwrap().contains(",0,0,\"JP\",0,\"unknown\",\"0.0.0.0\""));
    assert_eq!(open.sightings.rows().map(|row| row.ordinal).collect::<Vec<_>>(), [0, 1, 2, 3, 10]);
}

#[test]
fn a_renamed_file_is_known_by_its_heading() {
    let named = open(Some(SCHEMA), SINKHOLE, SAMPLE);
    let renamed = open(Some(SCHEMA), "from-the-police.csv", SAMPLE);
    assert_eq!(renamed.ending.found_by, "heading: event4_imaginary_sinkhole (95 % alike)");
    assert_eq!(lines(&renamed.sightings), lines(&named.sightings));
    // The same columns with IPv6 addresses are the other report.
    let text = String::from_utf8(SAMPLE.to_vec()).unwrap().replacen("192.0.2.15", "2001:db8::9", 1);
    let v6 = open(Some(SCHEMA), "x.csv", text.as_bytes());
    assert_eq!(v6.ending.found_by, "heading: event6_imaginary_sinkhole (95 % alike)");
}

#[test]
fn types_that_cannot_be_told_apart_leave_it_open() {
    let file = "timestamp,ip,port,tag,asn,banner\n2026-01-30 00:00:00,192.0.2.1,25,smtp,64496,hello\n";
    let open = open(Some(SCHEMA), "x.csv", file.as_bytes());
    let row = open.sightings.row(0);
    assert_eq!(row.classification, Classification::Undetermined);
    assert!(row.flags.has(Flags::UNKNOWN_TYPE));
    assert!(row.extra.unwrap().contains("\"classification.identifier\":\"imaginary-mail\""));
    assert!(!row.extra.unwrap().contains("feed.name"));
    assert_eq!(
        open.ending.found_by,
        "heading: scan_imaginary_mail (100 % alike), and equally scan_imaginary_mail_vulnerable"
    );
    assert_eq!(notes(&open), [("shadowserver-ambiguous-type", None)]);
    // A vulnerable system is not infected by the operation's threat.
    assert_eq!(row.malware, None);
}

#[test]
fn an_unknown_type_keeps_everything_and_guesses_nothing() {
    let file = "timestamp,ip,port,tag,asn,banner,Weird Heading\n2026-01-30 00:00:00,192.0.2.1,25,smtp,64496,hello,x\n";
    let open = open(Some(SCHEMA), "2026-01-31-scan_new_thing-jp-asn.csv", file.as_bytes());
    let row = open.sightings.row(0);
    assert_eq!(row.classification, Classification::Undetermined);
    assert!(row.flags.has(Flags::UNKNOWN_TYPE.and(Flags::UNKNOWN_FIELD)));
    assert_eq!(row.source_port.map(PortNumber::number), Some(25));
    let extra = row.extra.unwrap();
    assert!(extra.contains("\"extra.banner\":\"hello\"") && extra.contains("\"Weird Heading\":\"x\""), "{extra}");
    assert_eq!(open.ending.found_by, "name: scan_new_thing, a type that is not known (common columns)");
    assert_eq!(open.ending.provenance.schema, "shadowserver 2026-01-15T00:00:00Z unknown-type");
}

#[test]
fn without_a_schema_the_common_columns_are_read() {
    let file = "timestamp,src_ip,src_port,src_asn,infection,dst_ip\n2026-01-30 00:00:00,192.0.2.1,2500,64496,imaginary-bot,0.0.0.0\n";
    let open = open(None, "2026-01-31-event4_sinkhole-jp-asn.csv", file.as_bytes());
    let row = open.sightings.row(0);
    assert_eq!(row.classification, Classification::InfectedSystem);
    assert_eq!(row.malware, Some("imaginary-bot"));
    assert_eq!(row.source_asn, Some(64_496));
    assert_eq!(row.flags, Flags::none());
    assert_eq!(row.zone, Some("UTC"));
    assert_eq!(notes(&open), [("shadowserver-no-schema", None)]);
    assert_eq!(open.ending.provenance.schema, "shadowserver no-schema event4_sinkhole");
    for (kind, want) in [
        ("event6_sinkhole_http", Some(Classification::InfectedSystem)),
        ("scan6_telnet", Some(Classification::VulnerableSystem)),
        ("scan_ssh", Some(Classification::Other)),
        ("scan_exchange", None),
        ("special", None),
        ("event4_sinkhole_dns", Some(Classification::Other)),
    ] {
        assert_eq!(common::classification(kind), want, "{kind}");
    }
}

#[test]
fn exchange_servers_and_networks() {
    let file = "timestamp,ip,port,tag,category,detail,servername\n\
        2026-01-30 00:00:00,192.0.2.1,443,exchange;webshell,,a shell,mail\n\
        2026-01-30 00:00:00,192.0.2.2,443,exchange;cve-2099-1,old,,mail\n";
    let exchange = open(Some(SCHEMA), "2026-01-31-scan_imaginary_exchange-jp.csv", file.as_bytes());
    let kinds: Vec<_> = exchange.sightings.rows().map(|row| row.classification).collect();
    assert_eq!(kinds, [Classification::SystemCompromise, Classification::VulnerableSystem]);
    assert!(lines(&exchange.sightings).contains("\"event_description.text\":\"a shell\""));
    let file = "timestamp,ip,reason\n2026-01-30 00:00:00,192.0.2.0/24,spam\n2026-01-30 00:00:00,192.0.2.7,0\n2026-01-30 00:00:00,,x\n";
    let networks = open(Some(SCHEMA), "2026-01-31-imaginary_networks-jp.csv", file.as_bytes());
    assert_eq!(networks.sightings.len(), 2);
    assert!(networks.sightings.row(0).extra.unwrap().contains("\"source.network\":\"192.0.2.0/24\""));
    assert_eq!(networks.rejects.0.len(), 1);
}

#[test]
fn a_row_with_a_nul_byte_costs_itself_only() {
    let file = "timestamp,ip,port,tag\n2026-01-30 00:00:00,192.0.2.1,25,a\0b\n2026-01-30 00:00:00,192.0.2.2,25,x\n";
    let open = open(None, "2026-01-31-scan_smtp-jp.csv", file.as_bytes());
    let rejects: Vec<_> = open.rejects.0.iter().map(|reject| (reject.line, reject.code.code)).collect();
    assert_eq!((open.sightings.len(), rejects), (1, vec![(2, "nul-byte")]));
}

#[test]
fn files_that_cannot_be_read() {
    for (schema, file, bytes, code) in [
        (Some("{"), "x.csv", "timestamp,ip\n", "shadowserver-schema-unreadable"),
        (Some("{\"a\": {}}"), "x.csv", "timestamp,ip\n", "shadowserver-schema-unreadable"),
        (Some("{}"), "x.csv", "timestamp,ip\n", "shadowserver-schema-unreadable"),
        (Some(SCHEMA), "x.csv", "timestamp,ip,ip\n", "shadowserver-doubled-heading"),
        (Some(SCHEMA), "x.csv", "ip,port\n", "shadowserver-no-timestamp"),
        (Some(SCHEMA), "x.csv", "", "empty-file"),
        (None, "x.csv", "\"timestamp,ip\n2026,1\n", "shadowserver-unclosed-quote"),
    ] {
        let got = with(schema, file, bytes.as_bytes(), |open| open.map(|_| ()).unwrap_err().code.code);
        assert_eq!(got, code, "{bytes}");
    }
}

#[test]
fn likelihood_by_name_and_heading() {
    let like = |file: &str, text: &str| {
        Shadowserver.likelihood(&Input { file, bytes: text.as_bytes(), subject: Subject::OwnFile })
    };
    assert_eq!(like(SINKHOLE, std::str::from_utf8(SAMPLE).unwrap()), Likelihood::Certain);
    assert_eq!(like("x.csv", std::str::from_utf8(SAMPLE).unwrap()), Likelihood::Likely);
    assert_eq!(like("x.csv", "timestamp,ip,asn,severity\n"), Likelihood::Possible);
    assert_eq!(like("x.csv", "timestamp,ip,port,tag\n"), Likelihood::No);
    // Victims by name, and what a sandbox looked up: no address, and a report all the same.
    assert_eq!(
        like("2026-01-31-imaginary_victim-jp.csv", "timestamp,entity_name,sector,severity\n"),
        Likelihood::Likely
    );
    assert_eq!(like("x.csv", "timestamp,entity_name,sector,severity\n"), Likelihood::Possible);
    assert_eq!(like("x.csv", "timestamp,entity_name,severity\n"), Likelihood::No);
    assert_eq!(like(SINKHOLE, "日時,IPアドレス\n"), Likelihood::No);
    assert_eq!(kind_in_pattern("2024-07-04-dns_openresolver-123-sample-asn.csv"), Some("dns_openresolver"));
    assert_eq!(kind_in_pattern("2024-07-4-x-y.csv"), None);
    assert_eq!(kind_in_pattern("日本語のファイル名.csv"), None);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            with(Some(SCHEMA), SINKHOLE, &bytes, |_| ());
            with(None, "x.csv", &bytes, |_| ());
        }

        #[test]
        fn every_row_leaves_by_one_door(
            rows in proptest::collection::vec(proptest::collection::vec("[ -~é表]{0,12}", 1..24), 0..12)
        ) {
            let heading = std::str::from_utf8(SAMPLE).unwrap().lines().next().unwrap();
            let mut writer = ::csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let body = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let file = format!("{heading}\n{body}");
            let open = open(Some(SCHEMA), SINKHOLE, file.as_bytes());
            let blank = rows.iter().filter(|row| row.len() == 1 && row.iter().all(|cell| cell.trim().is_empty())).count();
            prop_assert_eq!(open.sightings.len() + open.rejects.0.len() + blank, rows.len());
        }
    }
}
