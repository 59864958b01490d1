//! Who can act: a table of rosters, rows and moments.

use directory::{Addressee, AsnTable, Directory, Reason, Roster};
use model::batch::SightingBatchBuilder;
use model::rsit::Classification;
use model::sighting::Sighting;
use model::text::Lang;
use model::time::Instant;

const ROSTER: &str = r#"
version = "1"
updated = 2026-04-01
zone = "Asia/Tokyo"

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
from = 2026-01-01
until = 2026-12-31
[party.delivery]
way = "folder"
path = "out/a"
format = "csv"

[[party]]
id = "isp-b"
name = { ja = "乙ケーブル" }
roles = ["operator"]
prefixes = ["198.18.8.0/24"]
[[party.agreement]]
kind = "provide"
reference = "第2号"
from = 2020-01-01
[party.delivery]
way = "folder"
path = "out/b"
format = "csv"

[[party]]
id = "isp-c"
name = { ja = "丙ネット" }
roles = ["operator"]
prefixes = ["198.18.9.0/24"]
[[party.agreement]]
kind = "receive"
reference = "第3号"
from = 2020-01-01

[[inhibition]]
party = "isp-a"
prefix = "198.18.4.0/24"
classification = "infected-system"
reason = "設備更改"
from = 2026-04-01
until = 2026-05-31

[[inhibition]]
prefix = "198.18.4.0/25"
reason = "調査中"
until = 2026-06-30

[[inhibition]]
classification = "spam"
reason = "対象外"
until = 2026-06-30

[[inhibition]]
prefix = "203.0.113.0/24"
reason = "誰のものでもない"
until = 2026-06-30
"#;

fn directory() -> Directory {
    let (roster, _) = Roster::read("roster.toml", ROSTER).unwrap_or_else(|refused| panic!("{:?}", refused.errors));
    let table = "198.19.0.0,198.19.0.255,64496,Ko\n198.19.1.0,198.19.1.255,64500,Other\n";
    Directory::new(roster, &[AsnTable::read_ranges("asn.csv", table.as_bytes()).unwrap().table])
}

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn row(ip: &str, fqdn: &str, kind: Classification) -> Sighting {
    Sighting {
        source_ip: ip.parse().ok(),
        source_fqdn: (!fqdn.is_empty()).then(|| fqdn.to_owned()),
        classification: kind,
        ..Sighting::infected()
    }
}

fn told(addressee: &Addressee<'_>) -> String {
    match addressee {
        Addressee::Party(party) => format!("to {party}"),
        Addressee::Nobody(Reason::NotPartner { asn }) => format!("not-partner {asn}"),
        Addressee::Nobody(Reason::NoAgreement { party }) => format!("no-agreement {party}"),
        Addressee::Nobody(reason) => reason.name().to_owned(),
        Addressee::Inhibited { party, reason, until } => format!("not to {party}: {reason} until {until}"),
    }
}

const SUMMER: &str = "2026-04-10T12:00:00+09:00";

#[test]
fn each_row_has_the_one_addressee_it_should() {
    use Classification::{InfectedSystem as Infected, Spam, VulnerableSystem as Vulnerable};
    let cases: &[(&str, &str, Classification, &str, &str)] = &[
        ("198.18.0.1", "", Infected, SUMMER, "to isp-a"),
        ("198.19.0.1", "", Infected, SUMMER, "to isp-a"),
        ("", "www.a.example", Infected, SUMMER, "to isp-a"),
        // The address decides, whatever name stands beside it.
        ("203.0.113.1", "www.a.example", Infected, SUMMER, "no-partner"),
        ("198.18.8.1", "www.a.example", Infected, SUMMER, "no-agreement isp-b"),
        ("", "", Infected, SUMMER, "no-address"),
        ("", "www.b.example", Infected, SUMMER, "no-partner"),
        ("198.19.1.1", "", Infected, SUMMER, "not-partner AS64500"),
        ("198.18.9.1", "", Infected, SUMMER, "no-delivery"),
        // The agreement: from the first moment of its first day to the last of its last, in Japan.
        ("198.18.0.1", "", Infected, "2025-12-31T23:59:59+09:00", "no-agreement isp-a"),
        ("198.18.0.1", "", Infected, "2026-01-01T00:00:00+09:00", "to isp-a"),
        ("198.18.0.1", "", Infected, "2026-12-31T23:59:59+09:00", "to isp-a"),
        ("198.18.0.1", "", Infected, "2027-01-01T00:00:00+09:00", "no-agreement isp-a"),
        // Inhibitions: all that one names must fit, and it must be in force.
        ("198.18.4.200", "", Infected, SUMMER, "not to isp-a: 設備更改 until 2026-05-31T15:00:00Z"),
        ("198.18.4.200", "", Vulnerable, SUMMER, "to isp-a"),
        ("198.18.4.200", "", Infected, "2026-03-31T23:59:59+09:00", "to isp-a"),
        (
            "198.18.4.200",
            "",
            Infected,
            "2026-05-31T23:59:59+09:00",
            "not to isp-a: 設備更改 until 2026-05-31T15:00:00Z",
        ),
        ("198.18.4.200", "", Infected, "2026-06-01T00:00:00+09:00", "to isp-a"),
        // Of two that fit, the one that lasts longer is told.
        ("198.18.4.1", "", Infected, SUMMER, "not to isp-a: 調査中 until 2026-06-30T15:00:00Z"),
        ("198.18.0.1", "", Spam, SUMMER, "not to isp-a: 対象外 until 2026-06-30T15:00:00Z"),
        ("", "a.example", Spam, SUMMER, "not to isp-a: 対象外 until 2026-06-30T15:00:00Z"),
        // What nobody holds is not withheld from anybody: it goes back.
        ("203.0.113.1", "", Infected, SUMMER, "no-partner"),
        ("198.18.9.1", "", Spam, SUMMER, "no-delivery"),
    ];
    let directory = directory();
    let mut builder = SightingBatchBuilder::with_capacity(cases.len());
    for (ip, fqdn, kind, _, _) in cases {
        builder.push(&row(ip, fqdn, *kind));
    }
    let batch = builder.finish();
    for (case, row) in cases.iter().zip(batch.rows()) {
        assert_eq!(told(&directory.who_can_act(&row, at(case.3))), case.4, "{case:?}");
    }
    // The batch as a whole is answered row by row, none left out.
    let whole: Vec<String> = directory.route(&batch, at(SUMMER)).map(|addressee| told(&addressee)).collect();
    let single: Vec<String> = batch.rows().map(|row| told(&directory.who_can_act(&row, at(SUMMER)))).collect();
    assert_eq!(whole, single);
    assert_eq!(whole.len(), cases.len());
}

#[test]
fn the_reporters_own_as_number_is_not_believed() {
    let mut builder = SightingBatchBuilder::with_capacity(1);
    builder.push(&Sighting { source_asn: Some(64_496), ..row("203.0.113.1", "", Classification::InfectedSystem) });
    let batch = builder.finish();
    assert_eq!(told(&directory().who_can_act(&batch.row(0), at(SUMMER))), "no-partner");
}

#[test]
fn every_reason_is_told_in_both_languages() {
    let id = "isp-a".parse().unwrap();
    let asn = directory::Asn::new(64_496);
    let reasons = [
        Reason::NoAddress,
        Reason::NoPartner,
        Reason::NotPartner { asn },
        Reason::NoAgreement { party: &id },
        Reason::NoDelivery { party: &id },
    ];
    let names: std::collections::BTreeSet<&str> = reasons.iter().map(|reason| reason.name()).collect();
    let texts: std::collections::BTreeSet<&str> =
        reasons.iter().flat_map(|reason| [reason.text().of(Lang::Ja), reason.text().of(Lang::En)]).collect();
    assert_eq!((names.len(), texts.len()), (5, 10));
}
