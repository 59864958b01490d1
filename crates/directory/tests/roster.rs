//! Rosters, good and bad: what is read, and what each fault is told as.

use directory::code;
use directory::roster::{ContactKind, Format, Roster, SAMPLE, Way};
use model::party::{AgreementKind, Role};
use model::problem::Problem;
use model::text::Lang;
use proptest::prelude::*;

/// The head of a roster whose dates carry offsets.
const HEAD: &str = "version = \"1\"\nupdated = 2026-04-01T00:00:00+09:00\n";

/// A complete party.
const ISP_A: &str = r#"
[[party]]
id = "isp-a"
name = { ja = "甲通信" }
roles = ["operator"]
asns = [64496]
prefixes = ["198.18.0.0/20"]
domains = ["a.example"]
[[party.agreement]]
kind = "receive"
reference = "第1号"
from = 2020-01-01T00:00:00+09:00
[party.delivery]
way = "folder"
path = "out/isp-a"
format = "csv"
"#;

fn with(piece: &str) -> String {
    format!("{HEAD}{piece}{ISP_A}")
}

/// `line: field code value` of each problem, as its submitter sees it.
fn told(problems: &[Problem]) -> Vec<String> {
    let tell = |p: &Problem| {
        format!(
            "{}: {} {} {}",
            p.place.line.unwrap_or(0),
            p.place.field.as_deref().unwrap_or("-"),
            p.code.code,
            p.value_for_submitter().unwrap_or("-")
        )
    };
    problems.iter().map(tell).collect()
}

fn errors(text: &str) -> Vec<String> {
    told(&Roster::read("roster.toml", text).expect_err("the roster has an error").errors)
}

fn notes(text: &str) -> Vec<String> {
    let (_, notes) = Roster::read("roster.toml", text).unwrap_or_else(|refused| panic!("{:?}", refused.errors));
    told(&notes)
}

#[test]
fn the_sample_is_a_roster_and_says_what_it_means() {
    let (roster, notes) = Roster::read("roster.toml", SAMPLE).unwrap();
    assert_eq!(told(&notes).len(), 1, "{:?}", told(&notes));
    assert_eq!(notes[0].code.code, "roster-prefix-nested");
    let ids: Vec<&str> = roster.parties().map(|entry| entry.party.id.as_str()).collect();
    assert_eq!(ids, ["cert-example", "isp-hokuto", "isp-minato"]);

    let hokuto = roster.party(&"isp-hokuto".parse().unwrap()).unwrap();
    assert_eq!(hokuto.party.name.of(Lang::En), "Hokuto Communications");
    assert!(hokuto.party.is(Role::Operator));
    assert_eq!(hokuto.party.jurisdiction, "JP");
    assert_eq!(hokuto.asns.iter().map(|asn| asn.number()).collect::<Vec<_>>(), [64_496, 64_497]);
    assert_eq!(hokuto.contacts[0].kind, ContactKind::Abuse);
    assert_eq!(hokuto.contacts[0].proved.unwrap().to_string(), "2026-03-11T15:00:00Z");
    let delivery = hokuto.delivery.as_ref().unwrap();
    assert_eq!(delivery.formats, [Format::CsvExcel, Format::Xarf]);
    assert_eq!(delivery.language, Lang::Ja);
    assert!(matches!(&delivery.way, Way::Mail(to) if to.len() == 2));
    // 「2027年3月31日まで」 holds the whole 31st in Japan.
    let agreement = hokuto.party.agreement(AgreementKind::Receive, "2027-03-31T23:59:59+09:00".parse().unwrap());
    assert_eq!(agreement.unwrap().until.unwrap().to_string(), "2027-03-31T15:00:00Z");

    let minato = roster.party(&"isp-minato".parse().unwrap()).unwrap();
    assert!(matches!(&minato.delivery.as_ref().unwrap().way, Way::Folder(path) if path.ends_with("isp-minato")));
    assert_eq!(minato.party.agreements[0].from.to_string(), "2025-04-01T00:00:00Z");
    assert_eq!(roster.inhibitions().next().unwrap().until.to_string(), "2026-05-31T15:00:00Z");
    assert_eq!(roster.version(), "2026-04-01.1");
    assert_eq!(roster.updated().to_string(), "2026-03-31T15:00:00Z");
    assert!(roster.party(&"nobody".parse().unwrap()).is_none());
}

#[test]
fn the_sample_shows_every_key() {
    for key in [
        "schema",
        "version",
        "updated",
        "zone",
        "id",
        "name",
        "roles",
        "jurisdiction",
        "asns",
        "prefixes",
        "domains",
        "language",
        "kind",
        "mail",
        "phone",
        "proved",
        "reference",
        "from",
        "until",
        "way",
        "path",
        "to",
        "format",
        "party",
        "prefix",
        "classification",
        "reason",
    ] {
        assert!(SAMPLE.lines().any(|line| line.starts_with(&format!("{key} = "))), "{key}");
    }
}

#[test]
fn the_canonical_text_is_a_roster_again_and_always_the_same() {
    let (roster, _) = Roster::read("roster.toml", SAMPLE).unwrap();
    let text = roster.canonical();
    let (again, _) = Roster::read("canonical", &text).unwrap_or_else(|refused| panic!("{:?}\n{text}", refused.errors));
    assert_eq!(again, roster);
    assert_eq!(again.canonical(), text);
    // The order of the parties in the file does not matter; what they hold does.
    let (one, _) =
        Roster::read("r", &with("[[party]]\nid = \"z\"\nname = { ja = \"乙\" }\nroles = [\"csirt\"]\n")).unwrap();
    let (two, _) = Roster::read(
        "r",
        &format!("{}[[party]]\nid = \"z\"\nname = {{ ja = \"乙\" }}\nroles = [\"csirt\"]\n", with("")),
    )
    .unwrap();
    assert_eq!(one.canonical(), two.canonical());
    let (three, _) = Roster::read("r", &with("").replace("/20", "/21")).unwrap();
    assert_ne!(two.canonical(), three.canonical());
}

#[test]
fn each_example_brings_its_code_about() {
    for code in directory::CODES.iter().filter(|code| code.code.starts_with("roster-")) {
        let text = with(code.example);
        let problems = match Roster::read("roster.toml", &text) {
            Ok((_, notes)) => notes,
            Err(refused) => refused.errors.into_iter().chain(refused.notes).collect(),
        };
        assert!(problems.iter().any(|p| p.code == *code), "{}: {:?}", code.code, told(&problems));
    }
}

#[test]
fn the_codes_are_unique_and_complete() {
    let mut seen = std::collections::BTreeSet::new();
    for code in directory::CODES {
        assert!(seen.insert(code.code), "{}", code.code);
        assert!(code.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", code.code);
        for text in [code.text.ja, code.text.en, code.help.ja, code.help.en, code.example] {
            assert!(!text.is_empty(), "{}", code.code);
        }
    }
}

#[test]
fn an_empty_file_lacks_what_a_roster_needs() {
    assert_eq!(errors(""), ["1: version roster-missing-key -", "1: updated roster-missing-key -"]);
    assert_eq!(errors("\u{feff}# BOM\n").len(), 2);
}

#[test]
fn a_byte_order_mark_and_crlf_are_understood() {
    let text = format!("\u{feff}{}", with("[[party]]\nid = \"b\"\n").replace('\n', "\r\n"));
    assert_eq!(errors(&text), ["3: party.name roster-missing-key -", "3: party.roles roster-missing-key -"]);
}

#[test]
fn every_error_is_told_at_once_with_line_and_key() {
    let text = r#"version = ""
updated = 2026-04-01
verison = "2"

[[party]]
id = "ISP"
name = { ja = "甲", de = "A" }
roles = ["operator", "polic"]
asn = [64496]
prefixes = [
    "198.18.0.0/20",
    "198.18.0.1/20",
    "0.0.0.0/0",
    7,
]
domains = ["*.example.org"]

[[party.contact]]
kind = "abuse"
mail = "a@example.org\r\nBcc: b@example.org"

[party.delivery]
way = "mail"
path = "out"
format = "pdf"

[[inhibition]]
party = "isp-b"
until = "soon"
"#;
    assert_eq!(
        errors(text),
        [
            "1: version roster-empty-text ",
            "2: updated roster-date-without-zone 2026-04-01",
            "3: verison roster-unknown-key verison → version",
            "6: party.id roster-bad-party-id ISP",
            "7: party.name.de roster-unknown-key de → ja",
            "8: party.roles roster-unknown-word polic → police",
            "9: party.asn roster-unknown-key asn → asns",
            "12: party.prefixes roster-prefix-host-bits 198.18.0.1/20 → 198.18.0.0/20",
            "13: party.prefixes roster-prefix-too-wide 0.0.0.0/0",
            "14: party.prefixes roster-wrong-type integer → string",
            "16: party.domains roster-bad-domain *.example.org",
            "20: party.contact.mail roster-control-character a@example.org\r\nBcc: b@example.org",
            "22: party.delivery.to roster-missing-key -",
            "24: party.delivery.path roster-key-of-other-way -",
            "25: party.delivery.format roster-unknown-word pdf → idf",
            "27: inhibition.reason roster-missing-key -",
            "28: inhibition.party roster-unknown-party isp-b → ",
            "29: inhibition.until roster-bad-date soon",
        ]
    );
}

#[test]
fn a_message_names_file_line_key_and_next_step() {
    let refused = Roster::read("roster.toml", &with("[[party]]\nid = \"isp-b\"\nprefixs = []\n")).unwrap_err();
    assert_eq!(refused.to_string(), "the roster `roster.toml` is refused: 3 error(s)");
    let problem = refused.errors.iter().find(|p| *p.code == code::UNKNOWN_KEY).unwrap();
    assert_eq!(
        problem.for_submitter(Lang::En),
        "roster.toml:5: party.prefixs: this key is not known here (after the arrow: the nearest known key): \
         `prefixs → prefixes` [roster-unknown-key]"
    );
    assert!(problem.for_submitter(Lang::Ja).contains("`prefixs → prefixes`"));
    assert!(problem.code.help.en.contains("samples/roster.toml"));
}

#[test]
fn a_key_that_would_forge_a_log_line_stays_out_of_the_place() {
    let refused = Roster::read("roster.toml", &format!("\"a\\nERROR all is well\" = 1\n{}", with(""))).unwrap_err();
    assert_eq!(told(&refused.errors), ["1: - roster-unknown-key a\nERROR all is well → schema"]);
    assert!(!format!("{:?}", refused.errors).contains("all is well"));
    assert!(!refused.errors[0].for_submitter(Lang::En).contains('\n'));
}

#[test]
fn what_two_parties_claim_is_an_error_that_names_both_lines() {
    let piece = "[[party]]\nid = \"isp-b\"\nname = { ja = \"乙\" }\nroles = [\"operator\"]\nasns = [\"as64496\"]\n\
                 prefixes = [\"198.18.0.0/20\"]\ndomains = [\"A.Example\"]\n";
    assert_eq!(
        errors(&with(piece)),
        [
            "15: party.asns roster-asn-claimed-twice isp-a AS64496 = isp-b AS64496 (roster.toml:7)",
            "16: party.prefixes roster-prefix-claimed-twice isp-a 198.18.0.0/20 = isp-b 198.18.0.0/20 (roster.toml:8)",
            "17: party.domains roster-domain-claimed-twice isp-a a.example = isp-b a.example (roster.toml:9)",
        ]
    );
    assert_eq!(
        errors(&with("[[party]]\nid = \"isp-a\"\nname = { ja = \"乙\" }\nroles = [\"csirt\"]\n")),
        ["9: party.id roster-party-twice isp-a = isp-a (roster.toml:4)"]
    );
    // Written in two ways, it is the same prefix.
    let mapped = "[[party]]\nid = \"isp-b\"\nname = { ja = \"乙\" }\nroles = [\"operator\"]\n\
                  prefixes = [\"::ffff:198.18.0.0/116\"]\n";
    assert_eq!(errors(&with(mapped)).len(), 1);
}

#[test]
fn what_lies_inside_another_partys_is_remarked_and_allowed() {
    let party = |id: &str, keys: &str| {
        format!("[[party]]\nid = \"{id}\"\nname = {{ ja = \"乙\" }}\nroles = [\"operator\"]\n{keys}\n")
    };
    let piece = party("isp-b", "prefixes = [\"198.18.1.0/24\"]\ndomains = [\"b.a.example\"]");
    let got = notes(&with(&piece));
    assert_eq!(
        got,
        [
            "3: party roster-holder-without-agreement isp-b",
            "7: party.prefixes roster-prefix-nested isp-b 198.18.1.0/24 ⊂ isp-a 198.18.0.0/20 (roster.toml:15)",
            "8: party.domains roster-domain-nested isp-b b.a.example ⊂ isp-a a.example (roster.toml:16)",
        ]
    );
    // Inside one's own is nothing to remark, and neither is what only looks alike.
    let own = party("isp-b", "prefixes = [\"198.18.16.0/20\", \"198.18.17.0/24\"]\ndomains = [\"xa.example\"]");
    assert_eq!(notes(&with(&own)), ["3: party roster-holder-without-agreement isp-b"]);
}

#[test]
fn what_has_ended_or_leads_nowhere_is_remarked() {
    let ended =
        ISP_A.replace("from = 2020-01-01T00:00:00+09:00", "from = 2014-01-01T00:00:00Z\nuntil = 2015-01-01T00:00:00Z");
    assert_eq!(notes(&format!("{HEAD}{ended}")), ["11: party.agreement roster-agreement-expired 第1号"]);
    // What followed it keeps it from being remarked.
    let followed = ended.replace(
        "[party.delivery]",
        "[[party.agreement]]\nkind = \"receive\"\nreference = \"第2号\"\nfrom = 2015-01-01T00:00:00Z\n[party.delivery]",
    );
    assert_eq!(notes(&format!("{HEAD}{followed}")), [""; 0]);
    let inhibition =
        "[[inhibition]]\nprefix = \"198.18.0.0/24\"\nreason = \"点検\"\nuntil = 2026-03-31T23:59:59+09:00\n";
    assert_eq!(notes(&format!("{}{inhibition}", with(""))), ["19: inhibition roster-inhibition-expired 点検"]);
    let unreachable = ISP_A.split("[party.delivery]").next().unwrap();
    assert_eq!(notes(&format!("{HEAD}{unreachable}")), ["4: party roster-receiver-without-delivery isp-a"]);
}

#[test]
fn nothing_that_breaks_a_line_gets_in_through_any_text() {
    for bad in
        ["a\\r\\nb", "a\\nb", "a\\u0000b", "a\\u0085b", "a\\u2028b", "a\\u202eb", "a\\u2066b", "a\\tb", "a\\u007fb"]
    {
        for (key, good) in [
            ("version", "version = \"1\""),
            ("party.name.ja", "ja = \"甲通信\""),
            ("party.agreement.reference", "reference = \"第1号\""),
            ("party.delivery.path", "path = \"out/isp-a\""),
            ("party.contact.mail", "mail = \"a@a.example\""),
            ("party.contact.name", "name = \"窓口\""),
            ("party.contact.phone", "phone = \"000\""),
            ("inhibition.reason", "reason = \"点検\""),
            ("party.id", "id = \"isp-a\""),
            ("party.domains", "domains = [\"a.example\"]"),
            ("party.prefixes", "prefixes = [\"198.18.0.0/20\"]"),
        ] {
            let whole = format!(
                "{}[[party.contact]]\nkind = \"abuse\"\nmail = \"a@a.example\"\nname = \"窓口\"\nphone = \"000\"\n\
                 [[inhibition]]\nprefix = \"198.18.0.0/24\"\nreason = \"点検\"\nuntil = 2027-01-01T00:00:00Z\n",
                with("")
            );
            let (start, value) = good.rsplit_once('"').unwrap().0.rsplit_once('"').unwrap();
            let broken = good.replace(&format!("{start}\"{value}"), &format!("{start}\"{bad}"));
            let text = whole.replace(good, &broken);
            assert_ne!(text, whole, "{key}");
            let got = errors(&text);
            assert!(
                got.iter().any(|e| e.contains(&format!(" {key} roster-control-character"))),
                "{key} {bad}: {got:?}"
            );
        }
    }
}

#[test]
fn a_bad_zone_is_one_error_and_not_one_more_for_each_date() {
    let text =
        with("").replace("+09:00", "").replace(HEAD.lines().next().unwrap(), "version = \"1\"\nzone = \"Tokyo\"");
    assert_eq!(errors(&text), ["2: zone roster-bad-zone Tokyo"]);
}

#[test]
fn syntax_faults_are_all_told() {
    let got =
        errors("version = \nupdated = 2026-04-01T00:00:00Z\n[[party]\nid = \"a\"\n[[party]]\nid = \"a\"\nid = \"b\"\n");
    assert!(got.iter().all(|told| told.contains(" - roster-not-toml ")), "{got:?}");
    let lines: Vec<&str> = got.iter().filter_map(|told| told.split(':').next()).collect();
    assert_eq!(lines, ["1", "3", "7"], "{got:?}");
}

#[test]
fn wrong_shapes_say_which_is_wanted() {
    for (piece, want) in [
        (
            "[[party]]\nid = \"b\"\nname = \"乙\"\nroles = [\"csirt\"]\n",
            "5: party.name roster-wrong-type string → table",
        ),
        (
            "[[party]]\nid = \"b\"\nname = { ja = \"乙\" }\nroles = [\"csirt\"]\nasns = 64500\n",
            "7: party.asns roster-wrong-type integer → array",
        ),
        (
            "[[party]]\nid = \"b\"\nname = { ja = \"乙\" }\nroles = [\"csirt\"]\n[party.contact]\nkind = \"abuse\"\n",
            "7: party.contact roster-wrong-type table → array",
        ),
        ("[[party]]\nid = \"b\"\nname = { ja = \"乙\" }\nroles = []\n", "6: party.roles roster-empty-text -"),
        (
            "[[party]]\nid = \"b\"\nname = { ja = \"乙\" }\nroles = [\"csirt\"]\nasns = [-1, 4294967296, 1.5, \"x\"]\n",
            "7: party.asns roster-bad-asn -1",
        ),
    ] {
        let got = errors(&with(piece));
        assert!(got.contains(&want.to_owned()), "{want}: {got:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    // Whatever people do to a roster: an answer, never a panic; a refusal that says why; lines that the file has.
    #[test]
    fn a_spoiled_roster_is_read_or_refused_with_a_reason(
        edits in proptest::collection::vec((0_usize..400, 0_usize..60, 0_u8..5, "[ -~\\r\\n\\t\u{202e}窓]{0,6}"), 1..5)
    ) {
        let mut lines: Vec<String> = SAMPLE.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        for (line, column, how, text) in edits {
            let at = line % lines.len();
            let other = (line / 7) % lines.len();
            let (head, tail): (String, String) =
                (lines[at].chars().take(column).collect(), lines[at].chars().skip(column + 1).collect());
            match how {
                0 => lines[at] = format!("{head}{text}{tail}"),
                1 => lines[at] = head,
                2 => lines.swap(at, other),
                3 => lines.insert(at, lines[other].clone()),
                _ => { lines.remove(at); }
            }
        }
        let text = lines.join("\n");
        let last_line = text.matches('\n').count() as u64 + 1;
        let problems = match Roster::read("roster.toml", &text) {
            Ok((roster, notes)) => {
                prop_assert_eq!(&Roster::read("again", &roster.canonical()).unwrap().0, &roster);
                notes
            }
            Err(refused) => {
                prop_assert!(!refused.errors.is_empty());
                refused.errors
            }
        };
        for problem in problems {
            let line = problem.place.line.unwrap_or(0);
            prop_assert!((1..=last_line).contains(&line), "{:?}", problem);
            prop_assert!(!problem.to_string().chars().any(char::is_control));
        }
    }
}
