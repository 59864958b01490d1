//! What is written, and what is made of events that are not what they should be.

use law::Subject;
use model::sighting::Flags;
use model::special::SpecialRanges;
use model::{Classification, Lang, Pap, PortNumber, Protocol, Sighting, SightingBatchBuilder, Tags, Zone};
use serde_json::{Map, Value, json};

use super::write::write;
use super::*;
use crate::Declared;
use crate::stream::Whole;
use crate::writing::{Contact, Dialect};

fn rendering() -> Rendering<'static> {
    let contact = || Contact {
        org: "Imaginary CERT".to_owned(),
        mail: "a@example.org".to_owned(),
        domain: "example.org".to_owned(),
    };
    Rendering {
        delivery: None,
        reporter: contact(),
        sender: contact(),
        feed: "Operation Imaginary!".to_owned(),
        at: "2026-02-01T00:00:00Z".parse().unwrap(),
        zone: Zone::tokyo(),
        lang: Lang::Ja,
        dialect: Dialect::Plain,
        raw: None,
        raw_at: 0,
        provenance: None,
    }
}

fn row() -> Sighting {
    Sighting {
        time: Some("2026-01-30T15:04:05Z".parse().unwrap()),
        source_ip: Some("192.0.2.15".parse().unwrap()),
        source_port: PortNumber::new(51_000),
        ..Sighting::infected()
    }
}

type Events = Vec<Map<String, Value>>;

fn written(rows: &[Sighting]) -> (Events, Vec<(String, u64)>) {
    let mut builder = SightingBatchBuilder::with_capacity(rows.len());
    rows.iter().for_each(|row| builder.push(row));
    let written = write(&builder.finish(), &rendering());
    let lines = std::str::from_utf8(&written.bytes).unwrap().lines();
    let lost = written.lost.into_iter().map(|loss| (loss.field, loss.rows));
    (lines.map(|line| serde_json::from_str(line).unwrap()).collect(), lost.collect())
}

/// The rows and the codes of the rejects.
fn read(text: &str) -> (Vec<Sighting>, Vec<&'static str>) {
    let special = SpecialRanges::of(Vec::new());
    let declared = Declared {
        zone: None,
        classification: Classification::InfectedSystem,
        malware: Some("declared".to_owned()),
        tags: Tags { tlp: Tlp::Clear, pap: Pap::Clear, class: model::DataClass::Public },
        mapping: None,
        schema: None,
        special: &special,
        received: rendering().at,
    };
    let input = Input { file: "f", bytes: text.as_bytes(), subject: Subject::OwnFile };
    let whole = Whole::of(&N6, &input, &declared).unwrap_or_else(|problem| panic!("{problem}"));
    let rows = whole.sightings.rows().map(|row| row.to_owned()).collect();
    (rows, whole.rejects.0.iter().map(|reject| reject.code.code).collect())
}

fn event(change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let mut event = json!({
        "id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "source": "a.b", "restriction": "public", "confidence": "low",
        "category": "bots", "time": "2026-01-01T00:00:00Z", "address": [{"ip": "192.0.2.1"}],
    });
    change(event.as_object_mut().unwrap());
    event.to_string()
}

#[test]
fn the_list_of_attributes_is_sorted() {
    assert!(ATTRIBUTES.is_sorted());
}

#[test]
fn what_n6_cannot_hold_is_said() {
    let rows = [
        row(),
        Sighting { source_ip: Some("2001:db8::1".parse().unwrap()), ..row() },
        Sighting { destination_ip: Some("2001:db8::2".parse().unwrap()), protocol: Some(Protocol::Sctp), ..row() },
        Sighting { time: None, ..row() },
    ];
    let (events, lost) = written(&rows);
    let wanted = ["destination.ip", "protocol.transport", "source.ip", "time.source"];
    assert_eq!(lost, wanted.map(|field| (field.to_owned(), 1)));
    assert_eq!(events.len(), 4);
    assert_eq!(events[0]["address"], json!([{"ip": "192.0.2.15"}]));
    assert_eq!(
        (&events[0]["source"], &events[0]["sport"]),
        (&json!("imaginary-cert.operation-imagin"), &json!(51_000))
    );
    assert!(!events[1].contains_key("address") && !events[2].contains_key("dip") && !events[2].contains_key("proto"));
    assert_eq!(events[3]["time"], "2026-02-01T00:00:00Z");
    let ids: std::collections::BTreeSet<String> = events.iter().map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), 4);
}

#[test]
fn markings_are_never_wider_and_confidence_never_higher() {
    for tlp in Tlp::ALL {
        for pap in Pap::ALL {
            for class in model::DataClass::ALL {
                let tags = Tags { tlp: *tlp, pap: *pap, class: *class };
                assert!(write::restriction(&tags) >= *tlp);
                let public = write::restriction(&tags) == Tlp::Clear;
                assert_eq!(public, tags == Tags { tlp: Tlp::Clear, pap: Pap::Clear, class: model::DataClass::Public });
            }
        }
    }
    for (accuracy, wanted) in
        [("null", "low"), ("5", "low"), ("65.9", "low"), ("\"66\"", "medium"), ("99", "medium"), ("100", "high")]
    {
        let extra = Some(format!("{{\"feed.accuracy\":{accuracy}}}"));
        assert_eq!(written(&[Sighting { extra, ..row() }]).0[0]["confidence"], wanted);
    }
}

#[test]
fn what_is_over_is_no_sighting_and_what_might_be_is_refused() {
    let flags = |name: &str, value: &str| {
        let (rows, rejects) = read(&event(|event| drop(event.insert(name.to_owned(), value.into()))));
        rows.first().map(|row| row.flags.has(Flags::ENDED)).ok_or_else(|| rejects[0])
    };
    for (kind, _) in TYPES {
        assert_eq!(flags("type", kind), Ok(["bl-delist", "bl-expire"].contains(&kind)), "{kind}");
    }
    for (status, _) in STATUSES {
        assert_eq!(flags("status", status), Ok(status != "active"), "{status}");
    }
    for (name, value) in [("type", "bl-gone"), ("status", "unsure"), ("status", "")] {
        assert_eq!(flags(name, value), Err("n6-life-cycle"), "{name} {value}");
    }
    // A listing that is over stays over when it is written and read again.
    let over = Sighting { flags: Flags::ENDED, ..row() };
    let (events, _) = written(&[over]);
    let (rows, _) = read(&Value::Object(events[0].clone()).to_string());
    assert!(rows[0].flags.has(Flags::ENDED));
}

#[test]
fn restrictions_narrow_and_an_unknown_one_costs_the_event() {
    let tlp = |value: Option<&str>| {
        let (rows, rejects) = read(&event(|event| match value {
            Some(value) => drop(event.insert("restriction".to_owned(), value.into())),
            None => drop(event.remove("restriction")),
        }));
        rows.first().map(|row| row.tags.tlp).ok_or_else(|| rejects[0])
    };
    assert_eq!(tlp(Some("public")), Ok(Tlp::Clear));
    assert_eq!(tlp(Some("need-to-know")), Ok(Tlp::Amber));
    assert_eq!(tlp(Some("internal")), Ok(Tlp::Red));
    assert_eq!(tlp(Some("secret")), Err("bad-tag"));
    assert_eq!(tlp(None), Err("bad-tag"));
}

#[test]
fn what_was_changed_on_its_way_is_seen() {
    let (events, _) = written(&[row()]);
    let changed = |name: &str, value: Value| {
        let mut event = events[0].clone();
        event.insert(name.to_owned(), value);
        read(&Value::Object(event).to_string())
    };
    assert_eq!(changed("name", json!("other")).1, [] as [&str; 0]);
    for (name, value) in [
        ("address", json!([{"ip": "192.0.2.16"}])),
        ("address", json!([])),
        ("sport", json!(1)),
        ("time", json!("2026-01-30T15:04:06Z")),
    ] {
        assert_eq!(changed(name, value).1, ["n6-contradicts-itself"], "{name}");
    }
    // It may be narrowed, and is then as narrow as that.
    assert_eq!(changed("restriction", json!("internal")).0[0].tags.tlp, Tlp::Red);
    assert_eq!(changed("restriction", json!("public")).0[0].tags.tlp, row().tags.tlp);
    assert!(changed("type", json!("bl-delist")).0[0].flags.has(Flags::ENDED));
}

#[test]
fn a_short_event_does_not_become_a_great_many_long_rows() {
    let with = |addresses: u32, text: usize| {
        let list: Vec<Value> =
            (0..addresses).map(|n| json!({"ip": std::net::Ipv4Addr::from(0xC612_0000 + n).to_string()})).collect();
        read(&event(|event| {
            event.insert("address".to_owned(), list.into());
            event.insert("long_description".to_owned(), "x".repeat(text).into());
        }))
    };
    assert_eq!(with(500, 10).0.len(), 500);
    assert_eq!(with(5, 50_000).0.len(), 5);
    assert_eq!(with(2_000, 50_000).1, ["n6-too-many-addresses"]);
}

#[test]
fn the_declared_malware_is_that_of_the_declared_kind() {
    let of = |category: &str| {
        read(&event(|event| drop(event.insert("category".to_owned(), category.into())))).0[0].malware.clone()
    };
    assert_eq!(of("bots").as_deref(), Some("declared"));
    assert_eq!(of("scanning"), None);
}

#[test]
fn the_port_of_a_service_is_the_hosts_own() {
    let ports = |category: &str, more: &[(&str, Value)]| {
        let (rows, _) = read(&event(|event| {
            event.insert("category".to_owned(), category.into());
            event.insert("dport".to_owned(), 53.into());
            event.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        }));
        (rows[0].source_port.map(PortNumber::number), rows[0].destination_port.map(PortNumber::number))
    };
    assert_eq!(ports("amplifier", &[]), (Some(53), None));
    assert_eq!(ports("bots", &[]), (None, Some(53)));
    assert_eq!(ports("amplifier", &[("sport", json!(1))]), (Some(1), Some(53)));
    assert_eq!(ports("cnc", &[("adip", json!("x.x.1.1"))]), (None, Some(53)));
}
