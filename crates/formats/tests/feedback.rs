//! Feedback reports: what of a complaint becomes a row, and what of the people in it does not; and whatever a hurt one is, it is counted.

#[allow(dead_code, reason = "each test crate uses its part")]
mod reading;

use std::io::Cursor;

use formats::arf::Arf;
use formats::unwrap::{Found, Limits, Members};
use formats::{Format, Likelihood, Stream};
use proptest::prelude::*;
use reading::{Given, input, open};

const ABUSE: &[u8] = include_bytes!("../src/arf/samples/abuse.eml");

fn arf() -> &'static dyn Format {
    &Arf
}

#[test]
fn nobody_in_the_reported_mail_stands_in_the_row() {
    let given = Given::nothing();
    let opened = open(arf().read(&input("a.eml", ABUSE), &given.declared()).unwrap());
    let row = opened.sightings.row(0);
    let extra = row.extra.unwrap();
    for person in ["user@", "second@", "somespammer@", "smtp.mail", "203.0.113.99", "Earn money"] {
        assert!(!extra.contains(person), "{person}: {extra}");
    }
    assert!(extra.contains("\"extra.arf_original_recipients\":2") && extra.contains("\"extra.arf_incidents\":3"));
    assert_eq!(row.source_ip.unwrap().to_string(), "192.0.2.1");
    assert_eq!(row.reference, Some("report-1@example.com"));
}

#[test]
fn a_report_inside_a_mail_stays_whole() {
    let letter = [
        &b"From: a@example.org\r\nSubject: reports\r\nContent-Type: multipart/digest; boundary=outer\r\n\r\n--outer\r\n\r\n"[..],
        ABUSE,
        b"\r\n--outer--\r\n",
    ]
    .concat();
    let mut source = Cursor::new(&letter);
    let mut members = Members::of("r.eml", &mut source, Limits::default());
    let Some(Found::Member(member)) = members.following().unwrap() else { panic!() };
    assert_eq!(member.path, "r.eml/mail-1.eml");
    let given = Given::nothing();
    let declared = given.declared();
    let mut stream =
        Stream::open(&member.path, member.source, law::Subject::OwnFile, None, &declared).unwrap().with_raw();
    assert_eq!(stream.format().name(), "arf");
    let (mut understood, mut raw) = (0, Vec::new());
    while let Some(part) = stream.part().unwrap() {
        understood += part.understood;
        let bytes = part.raw.unwrap().open(reading::clearance(), reading::received(), |raw| raw.bytes.clone()).unwrap();
        raw.extend(bytes);
    }
    assert_eq!(understood, 1);
    assert!(raw == ABUSE, "the parts are the file");
    drop(stream);
    assert!(members.following().unwrap().is_none());
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let text = String::from_utf8(ABUSE.to_vec()).unwrap();
    let given = Given::nothing();
    for (from, to, code) in [
        ("Source-IP: 192.0.2.1", "Source-IP: 192.0.2.1\r\nSource-IP: 192.0.2.2", "arf-field-twice"),
        ("Source-IP: 192.0.2.1", "Source-IP: 192.0.2.0/24", "address-is-network"),
        ("Source-Port: 49152", "Source-Port: 0", "bad-port"),
        ("Arrival-Date: Fri, 8 Jan 2025 14:00:00 EDT", "Arrival-Date: yesterday", "bad-time"),
        ("Arrival-Date: Fri, 8 Jan 2025 14:00:00 EDT", "Arrival-Date: Fri, 8 Jan 2027 14:00:00 EDT", "time-in-future"),
        ("Feedback-Type: abuse", "Feedback-Kind: abuse", "arf-not-a-report"),
        ("Feedback-Type: abuse", "Feedback-Type: not-spam", "arf-not-an-incident"),
    ] {
        assert!(text.contains(from), "{from}");
        let opened = open(arf().read(&input("a.eml", text.replace(from, to).as_bytes()), &given.declared()).unwrap());
        let codes: Vec<_> = opened.rejects.0.iter().map(|reject| reject.code.code).collect();
        assert_eq!(codes, [code], "{to}");
    }
    let unknown = text.replace("Feedback-Type: abuse", "Feedback-Type: x-new");
    let opened = open(arf().read(&input("a.eml", unknown.as_bytes()), &given.declared()).unwrap());
    assert_eq!(opened.sightings.row(0).classification.name(), "undetermined");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hurt_reports_are_counted_once(hurts in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6), cut in any::<proptest::sample::Index>(), cuts in 0..3) {
        let mut bytes = ABUSE.to_vec();
        for (at, byte) in hurts {
            let at = at.index(bytes.len());
            bytes[at] ^= byte;
        }
        if cuts == 0 {
            bytes.truncate(cut.index(bytes.len()) + 1);
        }
        let given = Given::nothing();
        let input = input("a.eml", &bytes);
        prop_assert!(Arf.likelihood(&input) <= Likelihood::Certain);
        if let Ok(reading) = arf().read(&input, &given.declared()) {
            let opened = open(reading);
            prop_assert_eq!(opened.reading.rows, 1);
            for row in opened.sightings.rows() {
                let from = usize::try_from(row.raw_offset).unwrap();
                prop_assert!(bytes.get(from..from + row.raw_length as usize).is_some());
            }
        }
    }
}
