//! What a hub writes and a node reads is the same in every column.

#[allow(dead_code, reason = "each test crate uses its part")]
mod reading;

use formats::idf::Idf;
use formats::n6::N6;
use formats::writing::Dialect;
use formats::xarf::Xarf;
use formats::{Contact, Format, Rendering};
use model::sighting::Flags;
use model::special::SpecialRanges;
use model::{
    Address, Classification, DataClass, DeliveryId, Instant, Lang, Pap, PortNumber, Protocol, Sighting, SightingBatch,
    SightingBatchBuilder, Tags, Tlp, Uncertainty, Zone,
};
use proptest::option::of;
use proptest::prelude::*;
use reading::{Given, Opened, input, open, received};
use serde_json::{Map, Value, json};

fn delivery() -> DeliveryId {
    "0146e9a5-0000-7000-8000-000000000001".parse().unwrap()
}

fn rendering(delivery: Option<DeliveryId>) -> Rendering<'static> {
    let contact = |org: &str| Contact {
        org: org.to_owned(),
        mail: "desk@example.org".to_owned(),
        domain: "example.org".to_owned(),
    };
    Rendering {
        delivery,
        reporter: contact("Reporter"),
        sender: contact("Hub"),
        feed: "Operation".to_owned(),
        at: received(),
        zone: Zone::tokyo(),
        lang: Lang::En,
        dialect: Dialect::Plain,
        raw: None,
        raw_at: 0,
        provenance: None,
    }
}

/// A text that a sender might write; `-` and `N/A` are IDF's words for nothing.
fn text() -> impl Strategy<Value = String> {
    "[ -~ぁ-ん\"\\\\\n]{1,12}".prop_filter("a word for nothing", |text| !matches!(text.as_str(), "-" | "N/A"))
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        proptest::collection::vec(any::<u8>(), 0..3).prop_map(Value::from),
        text().prop_map(|inner| json!({"A key": inner, "n": {"deep": null}})),
    ]
}

fn extra() -> impl Strategy<Value = Option<String>> {
    let keys = prop_oneof![
        Just("feed.name"),
        Just("raw"),
        Just("comment"),
        Just("source.geolocation.cc"),
        Just("extra.count"),
        Just("extra.inner.deep"),
        Just("extra.noroshi.schema"),
        Just("extra.destination.port"),
    ];
    let members = proptest::collection::btree_map(keys, value(), 0..4);
    let columns = proptest::collection::btree_map("[あ-ん]{1,4}", value(), 0..3);
    (members, columns).prop_map(|(members, columns)| {
        let mut object: Map<String, Value> = members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        if !columns.is_empty() {
            object.insert("extra.columns".to_owned(), columns.into_iter().collect::<Map<_, _>>().into());
        }
        (!object.is_empty()).then(|| Value::Object(object).to_string())
    })
}

prop_compose! {
    fn sighting()(
        reference in of(text()),
        // From the year 1 to the present.
        time in of(-62_135_596_800_000_000_i64..1_700_000_000_000_000),
        uncertainty in prop_oneof![Just(0), any::<u64>()],
        zone in of(prop_oneof![Just("Asia/Tokyo"), Just("UTC"), Just("+09:00"), Just("JST"), Just("Z")]),
        addresses in (of(any::<[u8; 16]>()), of(any::<[u8; 4]>())),
        ports in (of(1_u16..), of(1_u16..)),
        protocol in of(0_usize..5),
        asn in of(any::<u32>()),
        names in (text(), of(text()), of(text()), of(text()), of(text())),
        malware in of(text()),
        kind in 0_usize..44,
        tags in (0_u8..5, 0_u8..4, 0_u8..2),
        flags in 0_u32..256,
        extra in extra(),
    ) -> Sighting {
        Sighting {
            reference,
            time: time.map(Instant::from_micros),
            uncertainty: Uncertainty::from_micros(uncertainty),
            zone: zone.map(str::to_owned),
            source_ip: addresses.0.map(Address::from_bytes),
            source_port: ports.0.and_then(PortNumber::new),
            protocol: protocol.map(|p| Protocol::ALL[p]),
            source_asn: asn,
            // Something that the row is about, always.
            source_fqdn: Some(names.0),
            source_url: names.1,
            source_account: names.2,
            destination_ip: addresses.1.map(|octets| std::net::Ipv4Addr::from(octets).into()),
            destination_port: ports.1.and_then(PortNumber::new),
            destination_fqdn: names.3,
            destination_url: names.4,
            classification: Classification::ALL[kind],
            malware,
            tags: Tags {
                tlp: Tlp::from_number(tags.0).unwrap(),
                pap: Pap::from_number(tags.1).unwrap(),
                class: DataClass::from_number(tags.2).unwrap(),
            },
            flags: Flags::from_bits(flags),
            extra,
            ..Sighting::infected()
        }
    }
}

fn batch(rows: &[Sighting]) -> SightingBatch {
    let mut builder = SightingBatchBuilder::with_capacity(rows.len());
    rows.iter().for_each(|row| builder.push(row));
    builder.finish()
}

/// Reads what was written as a node does that declares nothing of its own.
fn read_back(format: &dyn Format, bytes: &[u8]) -> Opened {
    let given = Given { special: SpecialRanges::of(Vec::new()), ..Given::nothing() };
    let mut declared = given.declared();
    declared.classification = Classification::Undetermined;
    declared.tags = Tags { tlp: Tlp::Clear, pap: Pap::Clear, class: DataClass::Public };
    match format.read(&input("delivery", bytes), &declared) {
        Ok(reading) => open(reading),
        Err(problem) => panic!("{}", problem.for_submitter(Lang::En)),
    }
}

/// What a node is to have in the end: the row, under the id that it answers with, without its place in the hub's file.
fn wanted(row: &Sighting, reference: Option<String>) -> Sighting {
    let no_port = row.source_ip.is_some() && row.source_port.is_none();
    let flags = if no_port { row.flags.and(Flags::NO_PORT) } else { row.flags };
    Sighting { reference, flags, extra: None, ..row.clone() }
}

fn compare(got: &Opened, rows: &[Sighting], reference: impl Fn(usize, &Sighting) -> Option<String>) {
    let rejects: Vec<_> = got.rejects.0.iter().map(|r| (r.code.code, r.field.clone(), r.value.clone())).collect();
    assert_eq!(rejects, []);
    assert_eq!(got.sightings.len(), rows.len());
    for (at, (row, want)) in got.sightings.rows().zip(rows).enumerate() {
        let parse = |text: Option<&str>| text.map_or_else(Map::new, |text| serde_json::from_str(text).unwrap());
        let (got, want_extra): (Map<String, Value>, _) = (parse(row.extra), parse(want.extra.as_deref()));
        let (new, same): (Map<_, _>, _) = got.into_iter().partition(|(key, _)| !want_extra.contains_key(key));
        assert_eq!(same, want_extra, "row {at}: extra");
        assert!(new.keys().all(|key| key.starts_with("feed.")), "row {at}: {new:?}");
        let got = Sighting { ordinal: 0, line: 0, raw_offset: 0, raw_length: 0, extra: None, ..row.to_owned() };
        let want = wanted(want, reference(at, want));
        for column in formats::fields::Column::all() {
            let (one, other) = (batch(std::slice::from_ref(&got)), batch(std::slice::from_ref(&want)));
            assert_eq!(column.value(&one.row(0)), column.value(&other.row(0)), "row {at}: {}", column.key());
        }
        assert!(got == want, "row {at}: a column that no exchange format carries");
    }
}

/// Rows whose addresses are none cannot be written by anybody: the builder of a batch never sees them.
fn specified(rows: Vec<Sighting>) -> Vec<Sighting> {
    let real = |address: Option<Address>| address.is_none_or(|address| !address.ip().is_unspecified());
    rows.into_iter().filter(|row| real(row.source_ip) && real(row.destination_ip)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn idf_carries_every_column(rows in proptest::collection::vec(sighting(), 1..6)) {
        let rows = specified(rows);
        prop_assume!(!rows.is_empty());
        let written = Idf.write(&batch(&rows), &rendering(Some(delivery()))).unwrap();
        let got = read_back(&Idf, &written.bytes);
        compare(&got, &rows, |at, _| Some(format!("{}:{}", delivery(), at + 1)));
        let written = Idf.write(&batch(&rows), &rendering(None)).unwrap();
        compare(&read_back(&Idf, &written.bytes), &rows, |_, row| row.reference.clone());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn n6_and_xarf_carry_every_column(rows in proptest::collection::vec(sighting(), 1..6)) {
        let rows = specified(rows);
        prop_assume!(!rows.is_empty());
        let formats: [&dyn Format; 2] = [&N6, &Xarf];
        for format in formats {
            let written = format.write(&batch(&rows), &rendering(Some(delivery()))).unwrap();
            prop_assert_eq!(written.bytes.iter().filter(|byte| **byte == b'\n').count(), rows.len());
            compare(&read_back(format, &written.bytes), &rows, |at, _| Some(format!("{}:{}", delivery(), at + 1)));
            let written = format.write(&batch(&rows), &rendering(None)).unwrap();
            compare(&read_back(format, &written.bytes), &rows, |_, row| row.reference.clone());
        }
    }

    /// Rows that one event told of are one event again, and the same rows when that is read.
    #[test]
    fn an_event_of_several_addresses_comes_back_as_its_rows(
        row in sighting(),
        addresses in proptest::collection::vec((any::<[u8; 4]>(), of(1_u32..), of("[A-Z]{2}")), 1..6),
        others in proptest::collection::vec(sighting(), 0..2),
    ) {
        let extra = |cc: Option<&String>| {
            let mut members: Map<String, Value> = row.extra.as_deref().map_or_else(Map::new, |extra| serde_json::from_str(extra).unwrap());
            members.remove("source.geolocation.cc");
            members.extend(cc.map(|cc| ("source.geolocation.cc".to_owned(), Value::from(cc.as_str()))));
            (!members.is_empty()).then(|| Value::Object(members).to_string())
        };
        let mut ips: Vec<[u8; 4]> = addresses.iter().map(|(ip, ..)| *ip).filter(|ip| *ip != [0; 4]).collect();
        ips.sort_unstable();
        ips.dedup();
        let mut rows: Vec<Sighting> = ips
            .into_iter()
            .zip(&addresses)
            .map(|(ip, (_, asn, cc))| Sighting {
                reference: Some("0a1b2c3d4e5f60718293a4b5c6d7e8f9".to_owned()),
                source_ip: Some(std::net::Ipv4Addr::from(ip).into()),
                source_asn: *asn,
                extra: extra(cc.as_ref()),
                flags: Flags::from_bits(row.flags.bits() & !Flags::SPECIAL_ADDRESS.bits()),
                ..row.clone()
            })
            .collect();
        let events = usize::from(!rows.is_empty()) + others.len();
        rows.extend(others);
        let rows = specified(rows);
        prop_assume!(!rows.is_empty());
        let written = N6.write(&batch(&rows), &rendering(None)).unwrap();
        prop_assert!(written.bytes.iter().filter(|byte| **byte == b'\n').count() <= events);
        compare(&read_back(&N6, &written.bytes), &rows, |_, row| row.reference.clone());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn stix_carries_every_column(rows in proptest::collection::vec(sighting(), 1..6)) {
        carries_every_column("stix", rows)?;
    }

    #[test]
    fn misp_carries_every_column(rows in proptest::collection::vec(sighting(), 1..6)) {
        carries_every_column("misp", rows)?;
    }
}

/// In a delivery and by itself; and the same rows written again are the same bytes.
fn carries_every_column(format: &str, rows: Vec<Sighting>) -> Result<(), TestCaseError> {
    let format = formats::by_name(format).unwrap();
    let rows = specified(rows);
    prop_assume!(!rows.is_empty());
    let written = format.write(&batch(&rows), &rendering(Some(delivery()))).unwrap();
    prop_assert_eq!(&written.lost, &[]);
    let got = read_back(format, &written.bytes);
    compare(&got, &rows, |at, _| Some(format!("{}:{}", delivery(), at + 1)));
    prop_assert_eq!(&format.write(&batch(&rows), &rendering(Some(delivery()))).unwrap().bytes, &written.bytes);
    let found = formats::detect::detect(&input("delivery", &written.bytes), None).unwrap();
    prop_assert_eq!(found.name(), format.name());
    let written = format.write(&batch(&rows), &rendering(None)).unwrap();
    compare(&read_back(format, &written.bytes), &rows, |_, row| row.reference.clone());
    Ok(())
}

/// What a cell can carry of a value: its text without spaces around it; objects and arrays as they are.
fn as_cell(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(Value::from(text.trim())).filter(|text| text != ""),
        Value::Object(_) | Value::Array(_) => Some(value.clone()),
        other => Some(Value::from(other.to_string())),
    }
}

/// The row as CSV can carry it: cells are trimmed, and a number among other fields is its text.
fn as_csv(row: &Sighting) -> Sighting {
    let cell =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|t| !matches!(*t, "" | "-")).map(str::to_owned);
    let extra = row.extra.as_deref().map(|extra| {
        let members: Map<String, Value> = serde_json::from_str(extra).unwrap();
        let cells = members.into_iter().filter_map(|(key, value)| Some((key, as_cell(&value)?)));
        Value::Object(cells.collect()).to_string()
    });
    Sighting {
        reference: cell(&row.reference),
        source_fqdn: cell(&row.source_fqdn),
        source_url: cell(&row.source_url),
        source_account: cell(&row.source_account),
        destination_fqdn: cell(&row.destination_fqdn),
        destination_url: cell(&row.destination_url),
        malware: cell(&row.malware),
        extra: extra.filter(|extra| extra != "{}"),
        ..row.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn csv_carries_every_column_as_far_as_cells_can(rows in proptest::collection::vec(sighting(), 1..6)) {
        let csv = formats::by_name("csv").unwrap();
        // A list is refused where nothing says who or when; a delivery of events always does.
        let rows: Vec<Sighting> = specified(rows)
            .into_iter()
            .map(|row| as_csv(&Sighting { time: row.time.or(Some(received().plus_seconds(-60))), ..row }))
            .filter(|row| row.source_ip.is_some())
            .collect();
        prop_assume!(!rows.is_empty());
        let written = csv.write(&batch(&rows), &rendering(Some(delivery()))).unwrap();
        let got = read_back(csv, &written.bytes);
        compare(&got, &rows, |at, _| Some(format!("{}:{}", delivery(), at + 1)));
        let written = csv.write(&batch(&rows), &rendering(None)).unwrap();
        compare(&read_back(csv, &written.bytes), &rows, |_, row| row.reference.clone());
    }
}

#[test]
fn a_partner_who_opened_the_file_in_a_spreadsheet_can_still_be_read() {
    let csv = formats::by_name("csv").unwrap();
    let mut row = Sighting::infected();
    row.time = Some("2014-06-30T00:00:00Z".parse().unwrap());
    row.zone = Some("+09:00".to_owned());
    row.source_ip = Some("192.0.2.1".parse().unwrap());
    row.source_port = PortNumber::new(51_000);
    row.tags.tlp = Tlp::AmberStrict;
    row.extra = Some(
        r#"{"comment":"二行\n目","extra.columns":{"担当者":"架空 花子"},"extra.number":"007","extra.day":"2014/7/5","extra.sum":"=1+1","extra.said":"'quoted'"}"#
            .to_owned(),
    );
    row.malware = Some("-goz".to_owned());
    let rows = [row.clone(), row];
    for lang in [Lang::Ja, Lang::En] {
        let rendering = Rendering { dialect: Dialect::Spreadsheet, lang, ..rendering(Some(delivery())) };
        let written = csv.write(&batch(&rows), &rendering).unwrap();
        assert!(written.bytes.starts_with(b"\xEF\xBB\xBF"));
        let got = read_back(csv, &written.bytes);
        compare(&got, &rows, |at, _| Some(format!("{}:{}", delivery(), at + 1)));
        let found = formats::detect::detect(&input("delivery.csv", &written.bytes), None).unwrap();
        assert_eq!(found.name(), "list");
    }
}

/// What IntelMQ would refuse an event for travels beside it, and is read back under its key.
#[test]
fn what_intelmq_refuses_under_a_key_travels_as_it_was_written() {
    let mut row = Sighting::infected();
    row.time = Some("2014-06-30T00:00:00Z".parse().unwrap());
    row.source_ip = Some("192.0.2.1".parse().unwrap());
    row.source_port = PortNumber::new(51_000);
    row.source_url = Some("example.org/x".to_owned());
    row.malware = Some("ゼウス".to_owned());
    row.source_asn = Some(0);
    row.extra =
        Some(r#"{"source.geolocation.cc":"日本","source.network":"?","comment":"-","feed.name":"f"}"#.to_owned());
    let rows = [row];
    let written = Idf.write(&batch(&rows), &rendering(None)).unwrap();
    let line: Map<String, Value> = serde_json::from_slice(&written.bytes).unwrap();
    let beside = line["extra.noroshi.as_written"].as_object().unwrap();
    for key in ["source.url", "malware.name", "source.asn", "source.geolocation.cc", "source.network", "comment"] {
        assert!(beside.contains_key(key) && !line.contains_key(key), "{key}");
    }
    assert_eq!(line["source.ip"], "192.0.2.1");
    compare(&read_back(&Idf, &written.bytes), &rows, |_, row| row.reference.clone());
}

#[test]
fn what_is_longer_than_a_spreadsheets_cell_is_said_to_be() {
    let csv = formats::by_name("csv").unwrap();
    let mut row = Sighting::infected();
    row.source_ip = Some("192.0.2.1".parse().unwrap());
    row.time = Some("2014-06-30T00:00:00Z".parse().unwrap());
    let with = |text: String| Sighting { extra: Some(json!({ "comment": text }).to_string()), ..row.clone() };
    let rows = [with("あ".repeat(32_767)), with("あ".repeat(32_768)), with("𠮷".repeat(16_384)), with("x".to_owned())];
    let lost = |dialect| csv.write(&batch(&rows), &Rendering { dialect, ..rendering(None) }).unwrap().lost;
    let lost_in_excel = lost(Dialect::Spreadsheet);
    assert_eq!(lost_in_excel.iter().map(|l| (l.field.as_str(), l.rows)).collect::<Vec<_>>(), [("comment", 2)]);
    assert_eq!(lost(Dialect::Plain), []);
}
