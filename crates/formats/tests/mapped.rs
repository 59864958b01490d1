//! JSON by a mapping file: what a path means, and that no record, however it is made, becomes more than it may or is counted twice.

#[allow(dead_code, reason = "each test crate uses its part")]
mod reading;

use std::io::Cursor;

use formats::list::Json;
use formats::{Format, Stream};
use proptest::prelude::*;
use reading::{Given, input, open, read, refused};

const MAPPING: &str = "zone = \"UTC\"\n[columns]\n\"a.ip\" = \"source.ip\"\nts = \"time.source\"\n";
const PER_ITEM: &str = "[columns]\n\"h[].ip\" = \"source.ip\"\nts = \"time.source\"\nnote = \"comment\"\n";

fn json() -> &'static dyn Format {
    &Json
}

fn codes(text: &str, mapping: &str) -> (u64, Vec<&'static str>) {
    let opened = read(json(), text.as_bytes(), &Given::mapping(mapping));
    (opened.reading.understood, opened.rejects.0.iter().map(|reject| reject.code.code).collect())
}

#[test]
fn a_path_finds_nested_members_and_members_with_dots() {
    for text in [
        "{\"a\":{\"ip\":\"192.0.2.1\"},\"ts\":\"2025-06-30 09:00:00\"}",
        "{\"a.ip\":\"192.0.2.1\",\"ts\":\"2025-06-30T09:00:00Z\"}",
        "[{\"a\":{\"ip\":\"192[.]0[.]2[.]1\"},\"ts\":1751274000}]",
    ] {
        assert_eq!(codes(text, MAPPING), (1, vec![]), "{text}");
    }
    for (text, code) in [
        ("{\"a\":{\"ip\":[\"192.0.2.1\"]},\"ts\":1751274000}", "bad-address"),
        ("{\"a\":{\"ip\":\"192.0.2.1\\u0000\"},\"ts\":1751274000}", "nul-byte"),
        ("{\"a\":{\"ip\":\"192.0.2.1\"},\"ts\":null}", "time-missing"),
        ("{\"a\":[{\"ip\":\"192.0.2.1\"}],\"ts\":1751274000}", "address-missing"),
        ("\"a\"", "record-missing"),
    ] {
        assert_eq!(codes(text, MAPPING), (0, vec![code]), "{text}");
    }
    assert_eq!(codes("{\"x\":1}\n", &format!("records = \"x.y\"\n{MAPPING}")), (0, vec!["record-missing"]));
}

#[test]
fn without_a_mapping_or_with_a_wrong_one_nothing_is_read() {
    let file = b"{\"ip\":\"192.0.2.1\",\"ts\":1751274000}";
    assert_eq!(refused(json(), file, &Given::nothing()).code.code, "mapping-needed");
    for (mapping, code) in [
        ("[columns]\nts = \"time.source\"", "no-address-column"),
        ("[columns]\nip = \"source.ip\"", "no-time-column"),
        ("[columns]\n\"a[].ip\" = \"source.ip\"\n\"b[].ts\" = \"time.source\"", "mapping-value"),
        ("[columns]\n\"a[].b[].ip\" = \"source.ip\"\nts = \"time.source\"", "mapping-value"),
        ("[columns]\n\"a[x].ip\" = \"source.ip\"\nts = \"time.source\"", "mapping-value"),
        ("records = \"a[]\"\n[columns]\nip = \"source.ip\"\nts = \"time.source\"", "mapping-value"),
    ] {
        let problem = refused(json(), file, &Given::mapping(mapping));
        assert_eq!((problem.code.code, problem.place.file.as_str()), (code, "source.toml"), "{mapping}");
    }
}

#[test]
fn a_mapping_says_by_the_first_letter_which_format_it_is() {
    let given = Given::mapping(MAPPING);
    let declared = given.declared();
    for (text, format) in [
        ("{\"a\":{\"ip\":\"192.0.2.1\"},\"ts\":\"2025-06-30 09:00:00\"}", "json"),
        ("\u{FEFF}[ {\"a.ip\":\"192.0.2.1\",\"ts\":\"2025-06-30 09:00:00\"}]", "json"),
        ("a.ip,ts\n192.0.2.1,2025-06-30 09:00:00\n", "list"),
    ] {
        let mut source = Cursor::new(text.as_bytes());
        let mut stream = Stream::open("f", &mut source, law::Subject::OwnFile, None, &declared).unwrap();
        assert_eq!(stream.format().name(), format);
        assert_eq!(stream.part().unwrap().unwrap().understood, 1, "{text}");
    }
}

#[test]
fn no_record_unfolds_into_far_more_than_it_is() {
    let items = vec!["{}"; 20_000].join(",");
    let long = "x".repeat(100_000);
    let text = format!(
        "{{\"ts\":1751274000,\"note\":\"{long}\",\"h\":[{items}]}}\n{{\"ts\":1751274000,\"h\":[{{\"ip\":\"192.0.2.1\"}}]}}\n"
    );
    assert_eq!(codes(&text, PER_ITEM), (1, vec!["record-unfolds-too-far"]));
    // What the mapping does not name stands in the first row only.
    let text = format!(
        "{{\"ts\":1751274000,\"other\":\"{long}\",\"h\":[{{\"ip\":\"192.0.2.1\"}},{{\"ip\":\"192.0.2.2\"}}]}}\n"
    );
    let opened = read(json(), text.as_bytes(), &Given::mapping(PER_ITEM));
    let lengths: Vec<usize> = opened.sightings.rows().map(|row| row.extra.map_or(0, str::len)).collect();
    assert!(lengths[0] > 100_000 && lengths[1] < 100, "{lengths:?}");
    // Deep, and with very many members.
    let deep = format!(
        "{{\"ts\":1751274000,\"h\":[{{\"ip\":\"192.0.2.1\"}}],\"d\":{}1{}}}\n",
        "{\"d\":".repeat(90),
        "}".repeat(90)
    );
    assert_eq!(codes(&deep, PER_ITEM), (1, vec![]));
    let deeper = format!("{{\"ts\":1751274000,\"h\":[{{\"ip\":\"192.0.2.1\"}}],\"d\":{}\n", "[".repeat(100_000));
    assert_eq!(codes(&deeper, PER_ITEM).0, 0);
    let many: String = (0..50_000).map(|n| format!(",\"m{n}\":{n}")).collect();
    let wide = format!("{{\"ts\":1751274000,\"h\":[{{\"ip\":\"192.0.2.1\"}}]{many}}}\n");
    let opened = read(json(), wide.as_bytes(), &Given::mapping(PER_ITEM));
    assert!(opened.sightings.row(0).extra.unwrap().contains("\"m49999\":49999"));
}

const SAMPLES: [(&[u8], &str); 2] = [
    (include_bytes!("../src/list/json-samples/nested.jsonl"), include_str!("../src/list/json-samples/nested.toml")),
    (include_bytes!("../src/list/json-samples/arrays.json"), include_str!("../src/list/json-samples/arrays.toml")),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hurt_samples(which in 0..SAMPLES.len(), hurts in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..5), cut in any::<proptest::sample::Index>(), cuts in 0..3) {
        let (sample, mapping) = SAMPLES[which];
        let mut bytes = sample.to_vec();
        for (at, byte) in hurts {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cuts == 0 {
            bytes.truncate(cut.index(bytes.len()) + 1);
        }
        // What is not refused is counted once, and points into the file.
        if let Ok(reading) = json().read(&input("f.json", &bytes), &Given::mapping(mapping).declared()) {
            for row in open(reading).sightings.rows() {
                let from = usize::try_from(row.raw_offset).unwrap();
                prop_assert!(bytes.get(from..from + row.raw_length as usize).is_some());
            }
        }
    }

    #[test]
    fn any_mapping(text in "([a-z]{1,9}|\\[columns\\]|\\[values\\.\"tlp\"\\]|\"[a-z.\\[\\]0-9]{0,6}\"|=| |\n|\\[\\]|[0-9]){0,14}") {
        let given = Given::mapping(&text);
        let _ = json().read(&input("f.json", SAMPLES[0].0), &given.declared());
    }
}
