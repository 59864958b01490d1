//! What bundles and events must not do: name the wrong person, go further than they may, hold more than there is room for.

#[allow(dead_code, reason = "each test crate uses its part")]
mod reading;

use formats::{Format, by_name};
use model::{Classification, Pap, Tlp};
use reading::{Given, Opened, read, refused};

fn format(name: &str) -> &'static dyn Format {
    by_name(name).unwrap()
}

fn stix(objects: &str) -> Opened {
    read(format("stix"), format!("{{\"type\":\"bundle\",\"objects\":[{objects}]}}").as_bytes(), &Given::nothing())
}

fn misp(event: &str) -> Opened {
    read(format("misp"), format!("{{\"Event\":{{\"info\":\"x\",{event}}}}}").as_bytes(), &Given::nothing())
}

fn codes(opened: &Opened) -> Vec<&'static str> {
    opened.rejects.0.iter().map(|reject| reject.code.code).collect()
}

const ADDRESS: &str =
    r#"{"type":"ipv4-addr","id":"ipv4-addr--00000001-2b7d-5f3e-8c6a-1d2e3f4a5b6c","value":"192.0.2.1"}"#;

/// The plan of these tests declares infected systems; no format that can say what happened is believed to mean that by silence.
#[test]
fn nobody_is_infected_because_something_names_his_address() {
    let indicator = |more: &str| {
        format!(
            r#"{{"type":"indicator","spec_version":"2.1","id":"indicator--00000001-2b7d-4f3e-8c6a-1d2e3f4a5b6c","pattern_type":"stix","pattern":"[ipv4-addr:value = '192.0.2.1']","valid_from":"2025-01-01T00:00:00Z"{more}}}"#
        )
    };
    for (more, kind) in [
        ("", Classification::Undetermined),
        (r#","indicator_types":["malicious-activity"]"#, Classification::Undetermined),
        (r#","indicator_types":["compromised"]"#, Classification::SystemCompromise),
        (r#","labels":["c2-server"]"#, Classification::C2Server),
        (r#","labels":["c2-server","phishing"]"#, Classification::Undetermined),
    ] {
        let opened = stix(&indicator(more));
        assert_eq!(opened.sightings.row(0).classification, kind, "{more}");
        // From when on to look is not when anything was seen.
        assert_eq!(opened.sightings.row(0).time, None);
    }
    assert_eq!(stix(ADDRESS).sightings.row(0).classification, Classification::Undetermined);
    for (kind, category, to_ids, said) in [
        ("ip-src", "Network activity", true, Classification::Undetermined),
        ("ip-dst", "Network activity", true, Classification::C2Server),
        ("ip-dst", "Network activity", false, Classification::Undetermined),
        ("ip-dst", "External analysis", true, Classification::Undetermined),
    ] {
        let event = format!(
            r#""Attribute":[{{"type":"{kind}","category":"{category}","to_ids":{to_ids},"value":"192.0.2.1","timestamp":"1764547200"}}]"#
        );
        let opened = misp(&event);
        assert_eq!((opened.sightings.row(0).classification, opened.sightings.row(0).time), (said, None), "{event}");
    }
    // A tag of the whole event does not make its servers terminals.
    let event = r#""Tag":[{"name":"rsit:malicious-code=\"infected-system\""}],"Attribute":[
        {"type":"ip-dst","category":"Network activity","to_ids":true,"value":"198.51.100.1"},
        {"type":"ip-dst","category":"External analysis","to_ids":true,"value":"198.51.100.2"},
        {"type":"ip-src","category":"Network activity","to_ids":false,"value":"192.0.2.1"}]"#;
    let kinds: Vec<Classification> = misp(event).sightings.rows().map(|row| row.classification).collect();
    assert_eq!(kinds, [Classification::C2Server, Classification::Undetermined, Classification::InfectedSystem]);
}

#[test]
fn a_pattern_that_says_more_is_no_row_of_any_of_its_halves() {
    for pattern in [
        "[ipv4-addr:value = '192.0.2.1'] FOLLOWEDBY [ipv4-addr:value = '192.0.2.2']",
        "[ipv4-addr:value = '192.0.2.1'] AND [ipv4-addr:value = '192.0.2.2']",
        "[ipv4-addr:value = '192.0.2.1' OR ipv4-addr:value LIKE '192.0.2.%']",
        "[ipv4-addr:value = '192.0.2.1'] REPEATS 5 TIMES",
        "[ipv4-addr:value = '192.0.2.1' AND process:name = 'x']",
        "[ipv4-addr:value = '192.0.2.1' AND network-traffic:dst_port = 443]",
        "[ipv4-addr:value = '192.0.2.1'] OR [mutex:name = 'x']",
        "[domain-name:value = 'a.example.org' AND domain-name:value = 'b.example.org']",
        "[network-traffic:src_ref.value = '192.0.2.1' AND network-traffic:dst_port = 443]",
        "[file:name = 'x.exe']",
    ] {
        let json = serde_json::json!({
            "type": "indicator", "id": "indicator--00000001-2b7d-4f3e-8c6a-1d2e3f4a5b6c", "pattern_type": "stix",
            "pattern": pattern, "valid_from": "2025-01-01T00:00:00Z",
        });
        let opened = stix(&json.to_string());
        assert_eq!((opened.sightings.len(), opened.rejects.0.len()), (0, 1), "{pattern}");
        assert!(
            ["stix-pattern-says-more", "stix-two-ends"].contains(&codes(&opened)[0]),
            "{pattern}: {:?}",
            codes(&opened)
        );
        assert!(opened.rejects.0[0].raw.contains("pattern"), "as written");
    }
}

#[test]
fn what_is_not_known_of_a_marking_counts_as_the_narrowest() {
    let tlp = |opened: &Opened| (opened.sightings.row(0).tags.tlp, opened.sightings.row(0).tags.pap);
    for marks in [
        r#""object_marking_refs":["marking-definition--ffffffff-2b7d-4f3e-8c6a-1d2e3f4a5b6c"]"#,
        r#""object_marking_refs":"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9""#,
        r#""object_marking_refs":[7]"#,
        r#""granular_markings":[{"selectors":["value"],"marking_ref":"marking-definition--ffffffff-2b7d-4f3e-8c6a-1d2e3f4a5b6c"}]"#,
        r#""granular_markings":"all""#,
    ] {
        let opened = stix(&ADDRESS.replace("\"value\"", &format!("{marks},\"value\"")));
        assert_eq!(tlp(&opened), (Tlp::Red, Pap::Red), "{marks}");
        assert_eq!(opened.reading.notes[0].1.code, "stix-unknown-marking");
    }
    for (attribute, event, wanted) in [
        ("", "", Tlp::Amber),
        ("", r#""distribution":"0","#, Tlp::AmberStrict),
        (r#","distribution":"5""#, r#""distribution":"4","#, Tlp::AmberStrict),
        (r#","distribution":"5""#, r#""distribution":"3","#, Tlp::Amber),
        (r#","distribution":"5""#, "", Tlp::Red),
        (r#","distribution":"7""#, r#""distribution":"3","#, Tlp::Red),
        (r#","distribution":{}"#, r#""distribution":"3","#, Tlp::Red),
        ("", r#""Tag":[{"name":"tlp:red"}],"#, Tlp::Red),
        ("", r#""Tag":[{"name":"tlp:mauve"}],"#, Tlp::Red),
        (r#","Tag":[{"name":"TLP:AMBER+STRICT"}]"#, r#""Tag":[{"name":"tlp:clear"}],"#, Tlp::AmberStrict),
    ] {
        let event = format!(r#"{event}"Attribute":[{{"type":"ip-dst","value":"192.0.2.1"{attribute}}}]"#);
        assert_eq!(tlp(&misp(&event)).0, wanted, "{event}");
        // The event's own members may stand behind its attributes as well.
        let (own, attributes) = event.split_once("\"Attribute\"").unwrap();
        if !own.is_empty() {
            let behind = format!("\"Attribute\"{attributes},{}", own.trim_end_matches(','));
            assert_eq!(tlp(&misp(&behind)).0, wanted, "{behind}");
        }
    }
}

#[test]
fn a_carried_row_and_what_stands_around_it_must_agree() {
    let mut rows = model::SightingBatchBuilder::with_capacity(1);
    let mut row = model::Sighting::infected();
    row.source_ip = Some("192.0.2.1".parse().unwrap());
    row.tags.tlp = Tlp::Green;
    rows.push(&row);
    let rows = rows.finish();
    let contact = || formats::Contact { org: "A".into(), mail: "a@example.org".into(), domain: "example.org".into() };
    let rendering = formats::Rendering {
        delivery: None,
        reporter: contact(),
        sender: contact(),
        feed: "f".to_owned(),
        at: reading::received(),
        zone: model::Zone::utc(),
        lang: model::Lang::En,
        dialect: formats::writing::Dialect::Plain,
        raw: None,
        raw_at: 0,
        provenance: None,
    };
    for (name, from, to, code) in [
        ("stix", "\"value\":\"192.0.2.1\"", "\"value\":\"192.0.2.2\"", "stix-contradicts-itself"),
        ("misp", "\"value\":\"192.0.2.1\"", "\"value\":\"192.0.2.2\"", "misp-contradicts-itself"),
    ] {
        let text = String::from_utf8(format(name).write(&rows, &rendering).unwrap().bytes).unwrap();
        assert_eq!(codes(&read(format(name), text.as_bytes(), &Given::nothing())), [""; 0]);
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        assert_eq!(codes(&read(format(name), changed.as_bytes(), &Given::nothing())), [code]);
    }
    // Whoever passes it on may narrow it.
    let text = String::from_utf8(format("stix").write(&rows, &rendering).unwrap().bytes).unwrap();
    let (green, red) = ("bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "e828b379-4e03-4974-9ac4-e53a884c97c1");
    let narrowed = read(format("stix"), text.replace(green, red).as_bytes(), &Given::nothing());
    assert_eq!(narrowed.sightings.row(0).tags.tlp, Tlp::Red);
    let text = String::from_utf8(format("misp").write(&rows, &rendering).unwrap().bytes).unwrap();
    for (from, to) in
        [("{\"name\":\"tlp:green\"}", "{\"name\":\"tlp:red\"}"), ("\"distribution\":\"1\"", "\"distribution\":\"9\"")]
    {
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        assert_eq!(
            read(format("misp"), changed.as_bytes(), &Given::nothing()).sightings.row(0).tags.tlp,
            Tlp::Red,
            "{to}"
        );
    }
}

#[test]
fn larger_than_is_held_is_refused_and_broken_lines_cost_no_time() {
    let mut large = br#"{"type":"bundle","id":"bundle--00000001-2b7d-4f3e-8c6a-1d2e3f4a5b6c","objects":["#.to_vec();
    large.resize((64 << 20) + 1, b' ');
    for name in ["stix", "misp"] {
        assert_eq!(refused(format(name), &large, &Given::nothing()).code.code, "too-large-to-hold");
    }
    // Each line is a value that only the end of the file shows to be broken.
    for lines in ["{\"a\":[\n", "{\"objects\":[{\n", "{\"Event\":{\n"] {
        let text = lines.repeat(300_000);
        for name in ["stix", "misp"] {
            let opened = read(format(name), text.as_bytes(), &Given::nothing());
            assert!(opened.rejects.0.iter().any(|reject| reject.code.code == "json-cut-off"), "{name}: {lines}");
        }
    }
    let deep =
        format!(r#"{{"type":"bundle","objects":[{}{ADDRESS}{},{ADDRESS}]}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let opened = read(format("stix"), deep.as_bytes(), &Given::nothing());
    assert_eq!((opened.reading.understood, opened.reading.rejected), (1, 1));
}

#[test]
fn the_later_version_wins_and_two_of_the_same_moment_are_both_kept() {
    let version = |modified: &str, address: &str| {
        format!(
            r#"{{"type":"indicator","id":"indicator--00000001-2b7d-4f3e-8c6a-1d2e3f4a5b6c","modified":"{modified}","pattern_type":"stix","pattern":"[ipv4-addr:value = '{address}']"}}"#
        )
    };
    let (old, new) = ("2025-01-01T00:00:00.000Z", "2025-01-02T00:00:00.000Z");
    let told = |versions: &[(&str, &str)]| {
        let all: Vec<String> = versions.iter().map(|(modified, address)| version(modified, address)).collect();
        let opened = stix(&all.join(","));
        let rows: Vec<String> = opened.sightings.rows().map(|row| row.source_ip.unwrap().to_string()).collect();
        (rows, opened.reading.notes.len())
    };
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
    assert_eq!(told(&[(old, "192.0.2.1"), (new, "192.0.2.2")]), (owned(&["192.0.2.2"]), 1));
    assert_eq!(told(&[(new, "192.0.2.2"), (old, "192.0.2.1"), (old, "192.0.2.3")]), (owned(&["192.0.2.2"]), 2));
    assert_eq!(told(&[(new, "192.0.2.1"), (new, "192.0.2.2")]), (owned(&["192.0.2.1", "192.0.2.2"]), 0));
}
