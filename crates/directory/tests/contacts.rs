//! Contacts that others publish: samples beside what is expected of them, hostile files, and what holds of every difference.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, Read};
use std::path::Path;

use directory::contact::difference::{self, Change, Kind, Pairing, Step};
use directory::contact::{
    Fact, Facts, Field, Gathered, InMemory, Intake, Origin, ReadAs, Record, SourceKind, Spill, Subject, against_roster,
};
use directory::{Directory, Roster};
use model::problem::Problem;
use model::time::Instant;
use proptest::prelude::*;

/// 2026-11-22T00:00:00Z.
const NOW: Instant = Instant::from_micros(1_795_305_600_000_000);

fn gather(kind: SourceKind, files: &[(&str, &[u8])]) -> Gathered {
    let mut spill = InMemory;
    let mut intake = Intake::new(kind, &mut spill);
    for (file, bytes) in files {
        let domain = file.strip_suffix(".txt").and_then(|name| name.parse().ok());
        let how = ReadAs { file, dated: Some("2026-11-01"), domain: domain.as_ref(), now: NOW };
        intake.read(how, io::BufReader::with_capacity(11, *bytes)).unwrap();
    }
    intake.finish().unwrap()
}

fn records(gathered: &mut Gathered) -> Vec<Record> {
    std::iter::from_fn(|| gathered.next_record().unwrap()).collect()
}

fn told(problems: &[Problem], what: &str, text: &mut String) {
    for p in problems {
        let value = p.value_for_submitter().unwrap_or("-").escape_debug().to_string();
        let _ = writeln!(text, "{what} {} [{}] {value}", p.place, p.code.code);
    }
}

/// Everything that came of the files, as the expected results have it.
fn all(kind: SourceKind, files: &[(&str, &[u8])]) -> String {
    let mut gathered = gather(kind, files);
    let mut text = String::new();
    for record in records(&mut gathered) {
        for (field, fact) in record.facts {
            let Origin { file, object, line, dated } = fact.origin;
            let (values, dated) = (fact.values.join(" & "), dated.unwrap_or_default());
            let _ = writeln!(text, "{} {}: {values} | {file}:{line} {object} {dated}", record.subject, field.name());
        }
    }
    let tally = gathered.tally();
    told(&tally.problems, "refused", &mut text);
    told(&tally.notes, "remark", &mut text);
    let _ = writeln!(
        text,
        "{} rows, {} passed over, {} refused, {} remarks",
        tally.rows, tally.passed_over, tally.refused, tally.remarks
    );
    text
}

#[test]
fn samples_give_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/contact");
    let mut seen = 0;
    for (name, kind) in [
        ("delegated", SourceKind::Delegated),
        ("rpsl", SourceKind::Rpsl),
        ("rdap", SourceKind::Rdap),
        ("securitytxt", SourceKind::SecurityTxt),
    ] {
        for entry in std::fs::read_dir(folder.join(name).join("samples")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "expected") {
                continue;
            }
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            let got = all(kind, &[(&file, &std::fs::read(&path).unwrap())]);
            let expected = path.with_file_name(format!("{file}.expected"));
            if std::env::var_os("NOROSHI_UPDATE_SAMPLES").is_some() {
                std::fs::write(&expected, &got).unwrap();
            }
            assert_eq!(got, std::fs::read_to_string(&expected).unwrap_or_default(), "{}", path.display());
            seen += 1;
        }
    }
    assert_eq!(seen, 11);
}

#[test]
fn the_examples_bring_their_codes_about() {
    let kinds = [
        ("contacts-bytes", SourceKind::Delegated),
        ("contacts-columns", SourceKind::Delegated),
        ("contacts-value", SourceKind::Delegated),
        ("contacts-count", SourceKind::Delegated),
        ("contacts-syntax", SourceKind::Rpsl),
        ("contacts-key", SourceKind::Rpsl),
        ("contacts-dangling", SourceKind::Rpsl),
        ("contacts-no-domain", SourceKind::SecurityTxt),
        ("contacts-security-no-contact", SourceKind::SecurityTxt),
        ("contacts-security-expires", SourceKind::SecurityTxt),
        ("contacts-security-expired", SourceKind::SecurityTxt),
        ("contacts-security-signed", SourceKind::SecurityTxt),
    ];
    for (code, kind) in kinds {
        let example = directory::CODES.iter().find(|known| known.code == code).unwrap().example;
        let bytes = example.replace("(a NUL byte)", "\0");
        let file = if code == "contacts-no-domain" { "security" } else { "example.org.txt" };
        let mut gathered = gather(kind, &[(file, bytes.as_bytes())]);
        records(&mut gathered);
        let tally = gathered.tally();
        let codes: Vec<_> = tally.problems.iter().chain(&tally.notes).map(|p| p.code.code).collect();
        assert_eq!(codes, [code], "{example}");
    }
    let role = "role: Abuse\nnic-hdl: AB1-EXAMPLE\nabuse-mailbox: abuse at example.org\n\naut-num: AS64496\nabuse-c: ab1-example\n";
    let mut gathered = gather(SourceKind::Rpsl, &[("db", role.as_bytes())]);
    records(&mut gathered);
    assert!(gathered.tally().notes.iter().all(|note| note.code.code == "contacts-mail"));
    assert_eq!(gathered.tally().remarks, 1);
    let many: String = (0..21).map(|n| format!("abuse-mailbox: a{n}@example.org\n")).collect();
    let mut gathered = gather(SourceKind::Rpsl, &[("db", format!("aut-num: AS64496\n{many}").as_bytes())]);
    assert_eq!(records(&mut gathered)[0].facts[&Field::Abuse].values.len(), 20);
    assert_eq!(gathered.tally().notes[0].code.code, "contacts-many-values");
    let gathered = gather(SourceKind::Rdap, &[("a.gz", &[0x1f, 0x8b, 8, 0, 0])]);
    assert_eq!(gathered.tally().problems[0].code.code, "contacts-compressed");
}

#[test]
fn references_reach_into_other_files_and_forward() {
    let resource = "inetnum: 192.0.2.0 - 192.0.2.255\norg: ORG-A\n";
    let rest =
        "role: x\nnic-hdl: AB-A\nabuse-mailbox: abuse@a.example\n\norganisation: ORG-A\norg-name: A\nabuse-c: AB-A\n";
    let forward = all(SourceKind::Rpsl, &[("one.db", resource.as_bytes()), ("two.db", rest.as_bytes())]);
    assert!(forward.contains("192.0.2.0/24 abuse: abuse@a.example | two.db:1 role AB-A"), "{forward}");
    let backward = all(SourceKind::Rpsl, &[("two.db", rest.as_bytes()), ("one.db", resource.as_bytes())]);
    assert_eq!(forward, backward);
}

/// A file that goes on: `head`, then `filler` until `length` bytes have come, then `tail`.
struct Long {
    head: &'static [u8],
    filler: u8,
    length: u64,
    tail: &'static [u8],
}

impl Long {
    fn source(self) -> impl BufRead {
        let body = io::repeat(self.filler).take(self.length);
        io::BufReader::new(self.head.chain(body).chain(self.tail))
    }
}

/// Counts what is put aside.
#[derive(Default)]
struct Counting(usize);

impl Spill for Counting {
    fn put_aside(&mut self, bytes: &[u8]) -> io::Result<Box<dyn Read + Send>> {
        self.0 = self.0.max(bytes.len());
        InMemory.put_aside(bytes)
    }
}

#[test]
fn a_line_without_end_loses_itself_and_nothing_else() {
    let cases: [(SourceKind, Long, &str); 4] = [
        (
            SourceKind::Delegated,
            Long { head: b"", filler: b'x', length: 1 << 30, tail: b"\napnic|JP|asn|64496|1|20110412|allocated\n" },
            "AS64496",
        ),
        (
            SourceKind::Rpsl,
            Long {
                head: b"aut-num: AS64497\ndescr: ",
                filler: b'y',
                length: 1 << 27,
                tail: b"\n\naut-num: AS64496\ncountry: JP\n",
            },
            "AS64496",
        ),
        (
            SourceKind::Rdap,
            Long {
                head: b"{\"objectClassName\":\"",
                filler: b'{',
                length: 1 << 27,
                tail:
                    b"\n{\"objectClassName\":\"autnum\",\"startAutnum\":64496,\"endAutnum\":64496,\"country\":\"JP\"}\n",
            },
            "AS64496",
        ),
        (SourceKind::SecurityTxt, Long { head: b"Contact: ", filler: b'a', length: 1 << 27, tail: b"\n" }, ""),
    ];
    for (kind, long, want) in cases {
        let mut spill = Counting::default();
        let mut intake = Intake::new(kind, &mut spill);
        let domain = "example.org".parse().unwrap();
        intake.read(ReadAs { file: "long", dated: None, domain: Some(&domain), now: NOW }, long.source()).unwrap();
        let mut gathered = intake.finish().unwrap();
        let found: Vec<String> = records(&mut gathered).iter().map(|record| record.subject.to_string()).collect();
        assert_eq!(found.join(" "), want, "{}", kind.name());
        assert_eq!(gathered.tally().refused, 1, "{}", kind.name());
        assert_eq!(gathered.tally().problems[0].code.code, "contacts-too-long", "{}", kind.name());
        assert!(spill.0 < 1_000);
    }
}

#[test]
fn what_is_too_deep_too_wide_or_never_closed_is_refused() {
    let deep = "[".repeat(100_000);
    for (text, code) in [
        (format!("{{\"objectClassName\":\"autnum\",\"x\":{deep}}}\n"), "contacts-syntax"),
        ("{\"a\":".repeat(10_000), "contacts-syntax"),
        ("{\"objectClassName\":\"autnum\",\"startAutnum\":0,\"endAutnum\":4294967295}".to_owned(), "contacts-key"),
        ("{\"objectClassName\":\"autnum\",\"handle\":\"\u{0}\"}".to_owned(), "contacts-bytes"),
    ] {
        let gathered = gather(SourceKind::Rdap, &[("x", text.as_bytes())]);
        assert_eq!(gathered.tally().problems[0].code.code, code);
        assert!(gathered.tally().refused <= 2);
    }
    let wide = "2|x|1|1|1|20260101|0\napnic|JP|asn|1|4294967294|20110412|allocated\n";
    assert!(all(SourceKind::Delegated, &[("x", wide.as_bytes())]).contains("contacts-value] 4294967294"));
    let mut object = "aut-num: AS64496\n".to_owned();
    object.extend(std::iter::repeat_n("descr: more of the same\n", 20_000));
    object.push_str("\naut-num: AS64497\ncountry: JP\n");
    let text = all(SourceKind::Rpsl, &[("x", object.as_bytes())]);
    assert!(
        text.contains("contacts-too-long") && text.contains("AS64497 country: JP") && !text.contains("AS64496"),
        "{text}"
    );
}

#[test]
fn the_roster_goes_first_and_says_where_a_source_differs() {
    let roster = r#"
version = "1"
updated = 2026-04-01T00:00:00Z
[[party]]
id = "isp-a"
name = { ja = "甲" }
roles = ["operator"]
jurisdiction = "JP"
asns = [64496]
prefixes = ["198.51.100.0/24"]
domains = ["a.example"]
[[party.contact]]
kind = "abuse"
mail = "abuse@a.example"
"#;
    let (roster, _) = Roster::read("roster.toml", roster).unwrap();
    let before = roster.canonical();
    let directory = Directory::new(roster, &[]);
    let fact = |value: &str| {
        let origin = Origin { file: "f".to_owned(), object: "o".to_owned(), line: 1, dated: None };
        Fact { values: vec![value.to_owned()], origin }
    };
    let differs = |subject: &str, field: Field, value: &str| {
        let record = Record { subject: subject.parse().unwrap(), facts: BTreeMap::from([(field, fact(value))]) };
        against_roster(&record, &directory).len()
    };
    for (subject, field, value, want) in [
        ("198.51.100.0/24", Field::Abuse, "other@a.example", 1),
        ("198.51.100.0/24", Field::Abuse, "Abuse@A.example", 0),
        ("198.51.100.64/26", Field::Abuse, "other@a.example", 1),
        // Wider than what the party holds: of somebody else as well.
        ("198.51.0.0/16", Field::Abuse, "other@a.example", 0),
        ("AS64496", Field::Country, "US", 1),
        ("AS64496", Field::Country, "JP", 0),
        ("www.a.example", Field::Abuse, "other@a.example", 1),
        // The roster is silent about it, or it is a matter of spelling.
        ("AS64496", Field::Technical, "noc@a.example", 0),
        ("AS64496", Field::Name, "A, Inc.", 0),
        ("203.0.113.0/24", Field::Abuse, "other@a.example", 0),
    ] {
        assert_eq!(differs(subject, field, value), want, "{subject} {value}");
    }
    assert_eq!(directory.roster().canonical(), before);
}

#[test]
fn keys_sort_as_subjects_and_ladders_climb() {
    let subjects = [
        "AS1",
        "AS64496",
        "AS4200000000",
        "192.0.2.0/24",
        "192.0.2.0/25",
        "203.0.113.0/24",
        "2001:db8::/32",
        "a.example",
    ];
    let keys: Vec<String> = subjects.iter().map(|text| text.parse::<Subject>().unwrap().key()).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    for (key, text) in keys.iter().zip(subjects) {
        assert_eq!(Subject::of_key(key).unwrap().to_string(), text);
    }
    for bad in ["", "1-as 1", "2-v4 c0000200/24", "2-v4 c0000201/033", "4-dn A.example", "9 x"] {
        assert!(Subject::of_key(bad).is_none(), "{bad}");
    }
    let ladder = |text: &str| text.parse::<Subject>().unwrap().ladder();
    assert_eq!(ladder("192.0.2.7").len(), 33);
    assert!(ladder("192.0.2.7").contains(&keys[3]) && ladder("2001:db8::1").contains(&keys[6]));
    assert_eq!(ladder("b.a.example"), ["4-dn b.a.example", "4-dn a.example"]);
    assert!("AS".parse::<Subject>().is_err() && "192.0.2.1/24".parse::<Subject>().is_err());
}

fn facts() -> impl Strategy<Value = Facts> {
    let fact = (0_u8..3, 1_u64..3).prop_map(|(value, line)| Fact {
        values: vec![format!("v{value}")],
        origin: Origin { file: "f".to_owned(), object: "o".to_owned(), line, dated: None },
    });
    let field = prop_oneof![Just(Field::Name), Just(Field::Abuse), Just(Field::Country)];
    proptest::collection::btree_map(field, fact, 1..4)
}

/// What a source says of some subjects, by their keys.
type Side = BTreeMap<String, Facts>;

fn side() -> impl Strategy<Value = Side> {
    let key = (1_u32..12).prop_map(|n| if n < 6 { format!("AS{n}") } else { format!("192.0.2.{n}") });
    let key = key.prop_map(|text| text.parse::<Subject>().unwrap().key());
    proptest::collection::btree_map(key, facts(), 0..8)
}

fn listed(side: &Side) -> Vec<Record> {
    side.iter().map(|(key, facts)| Record { subject: Subject::of_key(key).unwrap(), facts: facts.clone() }).collect()
}

/// The whole difference, the first side loaded `page` at a time.
fn diff(before: &Side, after: &Side, page: usize) -> Vec<Change> {
    let (before, after) = (listed(before), listed(after));
    let mut pages = before.chunks(page);
    let mut records = after.into_iter();
    let mut pairing = Pairing::default();
    let mut changes = Vec::new();
    loop {
        match pairing.step() {
            Step::Load => pairing.load(pages.next().map(<[Record]>::to_vec).unwrap_or_default()),
            Step::Read => pairing.offer(records.next()),
            Step::Subject(pair) => changes.extend(difference::of_subject(&pair.0, &pair.1, &pair.2)),
            Step::End => return changes,
        }
    }
}

fn apply(before: &Side, changes: &[Change]) -> Side {
    let mut side = before.clone();
    for change in changes {
        let facts = side.entry(change.subject.key()).or_default();
        assert_eq!(facts.get(&change.field), change.before.as_ref());
        match &change.after {
            Some(fact) => facts.insert(change.field, fact.clone()),
            None => facts.remove(&change.field),
        };
    }
    side.retain(|_, facts| !facts.is_empty());
    side
}

proptest! {
    #[test]
    fn a_difference_applied_gives_the_other_side(before in side(), after in side(), page in 1_usize..4) {
        let changes = diff(&before, &after, page);
        prop_assert_eq!(apply(&before, &changes), after.clone());
        prop_assert!(diff(&after, &after, page).is_empty(), "what was applied is no difference any more");
        let back = diff(&after, &before, page);
        prop_assert_eq!(back.len(), changes.len());
        for (one, other) in changes.iter().zip(&back) {
            prop_assert_eq!((&one.before, &one.after), (&other.after, &other.before));
            let mirrored = match one.kind() { Kind::Added => Kind::Removed, Kind::Removed => Kind::Added, kind => kind };
            prop_assert_eq!(other.kind(), mirrored);
        }
    }

    #[test]
    fn no_bytes_make_a_reader_fail(bytes in proptest::collection::vec(any::<u8>(), 0..600), which in 0_usize..4) {
        let kind = SourceKind::ALL[which];
        let mut gathered = gather(kind, &[("example.org.txt", &bytes)]);
        records(&mut gathered);
        let tally = gathered.tally();
        prop_assert!(tally.refused + tally.passed_over <= tally.rows);
    }

    #[test]
    fn a_damaged_sample_never_fails_and_keeps_its_order(at in 0_usize..4_000, byte in any::<u8>(), cut in any::<bool>(), which in 0_usize..4) {
        let samples: [(SourceKind, &[u8]); 4] = [
            (SourceKind::Delegated, include_bytes!("../src/contact/delegated/samples/apnic.txt")),
            (SourceKind::Rpsl, include_bytes!("../src/contact/rpsl/samples/ripe.db")),
            (SourceKind::Rdap, include_bytes!("../src/contact/rdap/samples/answers.ndjson")),
            (SourceKind::SecurityTxt, include_bytes!("../src/contact/securitytxt/samples/signed.example.txt")),
        ];
        let (kind, sample) = samples[which];
        let mut bytes = sample.to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        let mut gathered = gather(kind, &[("example.org.txt", &bytes)]);
        let found = records(&mut gathered);
        prop_assert!(found.windows(2).all(|pair| pair[0].subject.key() < pair[1].subject.key()));
        prop_assert!(found.iter().all(|record| !record.facts.is_empty()));
    }
}
