//! Whatever bytes come in: no reader panics, the rows are counted once each, and every row points at itself in the file.

#[allow(dead_code, reason = "each test crate uses its part")]
mod reading;

use formats::detect::detect;
use formats::idf::Idf;
use formats::list::List;
use formats::misp::Misp;
use formats::n6::N6;
use formats::shadowserver::Shadowserver;
use formats::stix::Stix;
use formats::xarf::Xarf;
use formats::{Format, Likelihood};
use proptest::prelude::*;
use reading::{Given, input, open};

/// A cell of the kind that lists have, or of none.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("192.0.2.1".to_owned()),
        Just("[2001:db8::1]:80".to_owned()),
        Just("2014/06/30 09:00:00".to_owned()),
        Just("平成26年6月30日 9時0分".to_owned()),
        Just("1404086400".to_owned()),
        Just("合計".to_owned()),
        Just("IPアドレス".to_owned()),
        Just("日時(JST)".to_owned()),
        Just("\"".to_owned()),
        "[0-9]{1,6}",
        "[ -~]{0,12}",
        ".{0,4}",
    ]
}

fn table() -> impl Strategy<Value = String> {
    let delimiter = prop_oneof![Just(","), Just("\t"), Just(";"), Just(" "), Just("，"), Just("\",\"")];
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    let rows = proptest::collection::vec(proptest::collection::vec(cell(), 0..6), 0..8);
    (rows, delimiter, end, any::<bool>()).prop_map(|(rows, delimiter, end, heading)| {
        let mut text =
            if heading { format!("IPアドレス{delimiter}ポート{delimiter}日時{end}") } else { String::new() };
        for row in rows {
            text.push_str(&row.join(delimiter));
            text.push_str(end);
        }
        text
    })
}

fn events() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("source.ip".to_owned()),
        Just("source".to_owned()),
        Just("time.source".to_owned()),
        Just("extra".to_owned()),
        Just("tlp".to_owned()),
        Just("__type".to_owned()),
        "[a-z.]{0,8}",
        ".{0,4}",
    ];
    let leaf = prop_oneof![
        Just("\"192.0.2.1\"".to_owned()),
        Just("\"2014-06-30T00:00:00+00:00\"".to_owned()),
        Just("null".to_owned()),
        Just("{\"ip\":\"192.0.2.1\",\"a.b\":[{}]}".to_owned()),
        Just("\"{\\\"a\\\":1}\"".to_owned()),
        "[0-9]{1,30}",
        ".{0,4}",
    ];
    let object = proptest::collection::vec((key, leaf), 0..5).prop_map(|members| {
        let members: Vec<String> =
            members.iter().map(|(key, json)| format!("{}:{json}", serde_json::Value::from(key.as_str()))).collect();
        format!("{{{}}}", members.join(","))
    });
    let end = prop_oneof![Just("\n"), Just(",\n"), Just(","), Just("")];
    (proptest::collection::vec(object, 0..5), end, any::<bool>())
        .prop_map(|(objects, end, array)| format!("{}{}", if array { "[" } else { "" }, objects.join(end)))
}

/// A value of the kind that fields of reports and events have, or of none.
fn member() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\"192.0.2.1\"".to_owned()),
        Just("\"x.x.51.198\"".to_owned()),
        Just("\"2001:db8::1\"".to_owned()),
        Just("\"www.example.org:80\"".to_owned()),
        Just("\"[2001:db8::1]:443\"".to_owned()),
        Just("\":\"".to_owned()),
        Just("\"2025-01-01T00:00:00Z\"".to_owned()),
        Just("[{\"ip\":\"192.0.2.1\"},{\"ip\":\"192.0.2.2\",\"asn\":0,\"cc\":[[]]}]".to_owned()),
        Just("[\"tlp:red\",\"a:b\",7]".to_owned()),
        Just("[{\"content_type\":\"a\",\"payload\":\"eA==\"},{}]".to_owned()),
        Just("{\"version\":1,\"idf\":{\"source.ip\":\"192.0.2.1\"}}".to_owned()),
        Just("{\"extra.noroshi.carrier\":\"n6/1\",\"source.ip\":\"192.0.2.1\"}".to_owned()),
        Just(format!("{}1{}", "[".repeat(200), "]".repeat(200))),
        Just("null".to_owned()),
        Just("-1".to_owned()),
        Just("0.57".to_owned()),
        "[0-9]{1,30}",
        "\"[ -!#-\\[\\]-~]{0,12}\"",
    ]
}

/// An event of n6 or a report of XARF with some of its members replaced or added.
fn record() -> impl Strategy<Value = String> {
    let event = [
        ("id", "\"a\""),
        ("source", "\"b.c\""),
        ("restriction", "\"public\""),
        ("confidence", "\"low\""),
        ("category", "\"bots\""),
        ("time", "\"2025-01-01T00:00:00Z\""),
        ("address", "[{\"ip\":\"192.0.2.1\"}]"),
        ("intelmq", "null"),
        ("fqdn", "null"),
        ("dip", "null"),
        ("type", "\"event\""),
    ];
    let report = [
        ("xarf_version", "\"4.2.0\""),
        ("report_id", "\"a\""),
        ("timestamp", "\"2025-01-01T00:00:00Z\""),
        ("source_identifier", "\"192.0.2.1\""),
        ("category", "\"infrastructure\""),
        ("type", "\"botnet\""),
        ("c2_server", "null"),
        ("tags", "[]"),
        ("evidence", "[]"),
        ("noroshi", "null"),
        ("confidence", "1"),
    ];
    let old = [
        ("Version", "\"3\""),
        ("ReporterInfo", "{}"),
        ("Disclosure", "true"),
        (
            "Report",
            "{\"ReportType\":\"Botnet\",\"Date\":\"2025-01-01T00:00:00Z\",\"SourceIp\":\"192.0.2.1\",\"Samples\":[{\"Payload\":\"x\"}]}",
        ),
        ("OnBehalfOf", "null"),
        ("a", "1"),
        ("b", "1"),
        ("c", "1"),
        ("d", "1"),
        ("e", "1"),
        ("f", "1"),
    ];
    let which = (0_usize..3, proptest::collection::vec((any::<proptest::sample::Index>(), member()), 0..4));
    which.prop_map(move |(kind, changes)| {
        let mut members = [event, report, old][kind].map(|(key, json)| (key, json.to_owned()));
        for (at, json) in changes {
            members[at.index(11)].1 = json;
        }
        let members: Vec<String> = members.iter().map(|(key, json)| format!("\"{key}\":{json}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

fn check(format: &dyn Format, bytes: &[u8]) {
    let given = Given::tokyo();
    let input = input("hostile", bytes);
    let likely = format.likelihood(&input);
    let reading = match format.read(&input, &given.declared()) {
        Ok(reading) => reading,
        Err(problem) => {
            assert!(!problem.code.code.is_empty());
            return;
        }
    };
    assert!(likely <= Likelihood::Certain);
    let encoding = match reading.provenance.encoding.as_str() {
        "utf-8" => encoding_rs::UTF_8,
        "utf-16le" => encoding_rs::UTF_16LE,
        "utf-16be" => encoding_rs::UTF_16BE,
        "cp932" => encoding_rs::SHIFT_JIS,
        other => panic!("{other}"),
    };
    let opened = open(reading);
    let mut ordinals = Vec::new();
    let mut last = (0, 0);
    for row in opened.sightings.rows() {
        ordinals.push(row.ordinal);
        // A record that tells of several addresses is several rows, all at its place.
        let place = (row.raw_offset, row.raw_offset + u64::from(row.raw_length));
        assert!(row.raw_offset >= last.1 || place == last, "rows follow each other");
        last = place;
        let from = usize::try_from(row.raw_offset).unwrap();
        let raw = bytes.get(from..from + row.raw_length as usize).unwrap();
        // A row by itself is text in the file's encoding, with something in it.
        assert!(!raw.is_empty() && encoding.decode_without_bom_handling_and_without_replacement(raw).is_some());
    }
    assert!(ordinals.is_sorted_by(|a, b| a < b));
    assert!(ordinals.last().is_none_or(|last| u64::from(*last) < opened.reading.rows));
    assert!(opened.rejects.0.iter().all(|reject| reject.line > 0));
}

fn utf16(text: &str) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xFE];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}

/// The samples of every format that is read, as they stand beside the code.
const SAMPLES: [&[u8]; 30] = [
    include_bytes!("../src/list/samples/police-cp932.csv"),
    include_bytes!("../src/list/samples/excel-unicode.txt"),
    include_bytes!("../src/list/samples/bom.csv"),
    include_bytes!("../src/list/samples/full-width.txt"),
    include_bytes!("../src/list/samples/hand-typed.txt"),
    include_bytes!("../src/list/samples/eras.csv"),
    include_bytes!("../src/list/samples/date-and-time.csv"),
    include_bytes!("../src/list/samples/no-heading.csv"),
    include_bytes!("../src/list/samples/american.csv"),
    include_bytes!("../src/list/samples/no-zone.csv"),
    include_bytes!("../src/idf/samples/flat.jsonl"),
    include_bytes!("../src/idf/samples/nested.json"),
    include_bytes!("../src/idf/samples/one-object.json"),
    include_bytes!("../src/idf/samples/cut-off.json"),
    include_bytes!("../src/n6/samples/rest.json"),
    include_bytes!("../src/n6/samples/stream.jsonl"),
    include_bytes!("../src/n6/samples/odd.sjson"),
    include_bytes!("../src/xarf/samples/connection.xarf.jsonl"),
    include_bytes!("../src/xarf/samples/vulnerability.xarf.json"),
    include_bytes!("../src/xarf/samples/odd.xarf.jsonl"),
    include_bytes!("../src/xarf/samples/v3.json"),
    include_bytes!("../src/stix/samples/indicators.json"),
    include_bytes!("../src/stix/samples/observed.json"),
    include_bytes!("../src/stix/samples/markings.json"),
    include_bytes!("../src/stix/samples/cut-off.json"),
    include_bytes!("../src/misp/samples/event.json"),
    include_bytes!("../src/misp/samples/attributes.json"),
    include_bytes!("../src/misp/samples/cut-off.json"),
    include_bytes!("../src/misp/samples/feed.json"),
    include_bytes!("../src/shadowserver/samples/2026-01-31-event4_imaginary_sinkhole-jp-asn.csv"),
];

/// One thing that happens to a file on its way: where, how far, and what.
type Mishap = (proptest::sample::Index, usize, u8, u8);

fn befall(bytes: &mut Vec<u8>, (at, length, kind, byte): Mishap) {
    if bytes.is_empty() {
        return;
    }
    let at = at.index(bytes.len());
    let end = (at + length).min(bytes.len());
    match kind {
        0 => bytes[at] = byte,
        1 => drop(bytes.drain(at..end)),
        2 => drop(bytes.splice(at..at, [byte; 3])),
        3 => {
            let piece = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, piece));
        }
        4 => bytes.truncate(at),
        _ => drop(bytes.splice(at..at, *b"\"\n\r\0,{}[]")),
    }
}

fn mishaps() -> impl Strategy<Value = Vec<Mishap>> {
    let one = (any::<proptest::sample::Index>(), 0_usize..200, 0_u8..6, any::<u8>());
    proptest::collection::vec(one, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tables(text in table()) {
        check(&List, text.as_bytes());
        check(&List, &utf16(&text));
        check(&List, &encoding_rs::SHIFT_JIS.encode(&text).0);
    }

    #[test]
    fn json(text in events()) {
        for reader in [&Idf as &dyn Format, &Stix, &Misp] {
            check(reader, text.as_bytes());
            check(reader, &utf16(&text));
        }
    }

    #[test]
    fn bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        check(&List, &bytes);
        check(&Idf, &bytes);
        check(&N6, &bytes);
        check(&Xarf, &bytes);
        check(&Stix, &bytes);
        check(&Misp, &bytes);
    }

    /// Records of the right form whose fields hold anything.
    #[test]
    fn feeds(records in proptest::collection::vec(record(), 1..4)) {
        let text = records.join("\n");
        check(&N6, text.as_bytes());
        check(&Xarf, text.as_bytes());
        check(&N6, &utf16(&text));
    }

    /// A file cut anywhere: what is read is what stood before the cut, or it is refused.
    #[test]
    fn cut(text in table(), at in 0_usize..200) {
        let bytes = text.as_bytes();
        check(&List, bytes.get(..at).unwrap_or(bytes));
    }

    /// What came well and was hurt on its way is read as far as it can be, by whichever reader takes it for its own.
    #[test]
    fn hurt_samples(which in 0..SAMPLES.len(), mishaps in mishaps()) {
        let mut bytes = SAMPLES[which].to_vec();
        mishaps.into_iter().for_each(|mishap| befall(&mut bytes, mishap));
        let readers: [&dyn Format; 7] = [&List, &Idf, &Shadowserver, &N6, &Xarf, &Stix, &Misp];
        readers.into_iter().for_each(|reader| check(reader, &bytes));
        if let Err(problem) = detect(&input("2026-01-31-event4_sinkhole-jp.csv", &bytes), None) {
            prop_assert!(!problem.code.code.is_empty());
        }
    }
}
