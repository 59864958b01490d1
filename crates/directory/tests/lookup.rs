//! Who holds an address or a domain: the directory against the plainest search there is.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use directory::{Asn, AsnTable, Directory, Found, Roster};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use model::address::Address;
use proptest::prelude::*;

/// Parties `isp-0`, `isp-1`, … with these keys in their tables.
fn roster(parties: &[String]) -> Roster {
    let mut text = String::from("version = \"1\"\nupdated = 2026-04-01T00:00:00Z\n");
    for (number, keys) in parties.iter().enumerate() {
        let _ = write!(
            text,
            "[[party]]\nid = \"isp-{number}\"\nname = {{ ja = \"甲\" }}\nroles = [\"operator\"]\n{keys}\n"
        );
    }
    Roster::read("roster.toml", &text).unwrap_or_else(|refused| panic!("{:?}\n{text}", refused.errors)).0
}

fn table(text: &str) -> AsnTable {
    let read = AsnTable::read_ranges("asn.csv", text.as_bytes()).unwrap();
    assert!(read.problems.is_empty(), "{:?}", read.problems);
    read.table
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// `party how asn` of the holder.
fn told(directory: &Directory, text: &str) -> String {
    let holder = directory.lookup(address(text));
    let party = holder.party_id().map_or("-", |id| id.as_str());
    let found = match holder.found {
        Some(Found::Manual { prefix }) => format!("manual {prefix}"),
        Some(Found::Asn { asn, prefix }) => format!("{asn} {prefix}"),
        Some(Found::Domain { domain }) => domain.to_owned(),
        None => "-".to_owned(),
    };
    let asn = holder.asn.map_or("-".to_owned(), |asn| asn.to_string());
    format!("{party} | {found} | {asn} {}", holder.as_name().unwrap_or("-"))
}

#[test]
fn manual_beats_automatic_and_specific_beats_general() {
    let roster = roster(&[
        "asns = [64496]\nprefixes = [\"198.18.0.0/16\", \"2001:db8:1::/48\"]".to_owned(),
        "asns = [4200000000]\nprefixes = [\"198.18.5.0/24\"]".to_owned(),
    ]);
    let table = table(
        "198.18.0.0,198.18.255.255,64496,Hokuto\n198.18.5.0,198.18.5.127,64500,Other\n198.18.6.0,198.18.6.255,4200000000,Wide\n\
         198.19.0.0,198.19.255.255,64496,Hokuto\n198.19.8.0,198.19.8.255,4200000000,Wide\n198.19.9.0,198.19.9.255,64500,Other\n\
         198.19.10.0,198.19.10.255,0,Not routed\n2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,64500,Other\n",
    );
    let directory = Directory::new(roster, &[table]);
    for (ip, want) in [
        // The roster's wide prefix beats the table's narrow one…
        ("198.18.6.1", "isp-0 | manual 198.18.0.0/16 | AS4200000000 Wide"),
        ("198.18.200.1", "isp-0 | manual 198.18.0.0/16 | AS64496 Hokuto"),
        // … and the roster's narrow one its wide one; the number is the table's all the same.
        ("198.18.5.1", "isp-1 | manual 198.18.5.0/24 | AS64500 Other"),
        ("198.18.5.200", "isp-1 | manual 198.18.5.0/24 | AS64496 Hokuto"),
        // Without the roster the table's narrowest range speaks.
        ("198.19.0.1", "isp-0 | AS64496 198.19.0.0/16 | AS64496 Hokuto"),
        ("198.19.8.1", "isp-1 | AS4200000000 198.19.8.0/24 | AS4200000000 Wide"),
        ("198.19.9.1", "- | AS64500 198.19.9.0/24 | AS64500 Other"),
        // AS 0 makes a hole: nobody announces it, whatever lies around it.
        ("198.19.10.1", "- | - | - -"),
        ("203.0.113.1", "- | - | - -"),
        ("2001:db8:1::7", "isp-0 | manual 2001:db8:1::/48 | AS64500 Other"),
        ("2001:db8:2::7", "- | AS64500 2001:db8::/32 | AS64500 Other"),
        ("::ffff:198.18.5.1", "isp-1 | manual 198.18.5.0/24 | AS64500 Other"),
    ] {
        assert_eq!(told(&directory, ip), want, "{ip}");
    }
    assert_eq!(directory.party_of_asn(Asn::new(64_496)).unwrap().party.id.as_str(), "isp-0");
    assert!(directory.party_of_asn(Asn::new(64_500)).is_none());
}

#[test]
fn of_two_tables_the_first_is_believed_unless_the_second_is_more_specific() {
    let one = table("198.18.0.0,198.18.2.255,64496,One\n");
    let two = table("198.18.0.0,198.18.2.255,64497,Two\n198.18.2.0,198.18.2.255,64498,Two\n");
    let directory = Directory::new(roster(&[]), &[one.clone(), two.clone()]);
    assert_eq!(directory.lookup(address("198.18.0.1")).asn, Some(Asn::new(64_496)));
    // The wide range's own piece there is as long as the narrow range: the narrow range still goes first.
    assert_eq!(directory.lookup(address("198.18.2.1")).asn, Some(Asn::new(64_498)));
    let other_way = Directory::new(roster(&[]), &[two, one]);
    assert_eq!(other_way.lookup(address("198.18.0.1")).asn, Some(Asn::new(64_497)));
    assert_eq!(other_way.lookup(address("198.18.0.1")).as_name(), Some("Two"));
}

#[test]
fn domains_match_at_label_borders_the_longest_first() {
    let directory = Directory::new(
        roster(&[
            "domains = [\"example.org\"]".to_owned(),
            "domains = [\"b.example.org\", \"xn--eckwd4c7c.example\"]".to_owned(),
        ]),
        &[],
    );
    for (name, want) in [
        ("example.org", Some("isp-0")),
        ("EXAMPLE.org.", Some("isp-0")),
        ("a.example.org", Some("isp-0")),
        ("b.example.org", Some("isp-1")),
        ("x.y.B.example.org", Some("isp-1")),
        ("_dmarc.b.example.org", Some("isp-1")),
        ("cb.example.org", Some("isp-0")),
        ("www.xn--eckwd4c7c.example", Some("isp-1")),
        ("notexample.org", None),
        ("example.org.example", None),
        ("org", None),
        ("", None),
        (".", None),
    ] {
        assert_eq!(directory.lookup_domain(name).party_id().map(|id| id.as_str()), want, "{name}");
    }
    assert!(directory.lookup_domain(&"a.".repeat(500_000)).party.is_none());
    let found = directory.lookup_domain("a.example.org").found;
    assert_eq!(found, Some(Found::Domain { domain: "example.org" }));
}

#[test]
fn a_batch_answers_in_order_and_nobody_where_there_is_no_address() {
    let roster = roster(&["prefixes = [\"198.18.0.0/16\"]".to_owned(), "prefixes = [\"2001:db8::/48\"]".to_owned()]);
    let directory = Directory::new(roster, &[]);
    let asked: Vec<Option<Address>> = ["198.18.0.1", "198.18.0.1", "", "2001:db8::1", "", "203.0.113.1", "198.18.0.1"]
        .iter()
        .map(|text| text.parse().ok())
        .collect();
    // More than are sorted at a time, so that the pieces have to come together in order.
    let many: Vec<Option<Address>> = asked.iter().copied().cycle().take(20_000).collect();
    let got = directory.holders(many);
    assert_eq!(got.len(), 20_000);
    for (index, id) in got.iter().enumerate() {
        let party = directory.holding(*id).party.map(|entry| entry.party.id.as_str());
        assert_eq!(party, [Some("isp-0"), Some("isp-0"), None, Some("isp-1"), None, None, Some("isp-0")][index % 7]);
        assert!((id.number() as usize) < directory.holder_count());
    }
    assert!(directory.holders([]).is_empty());
}

/// Says that the batch answers what the single look-ups, which are the truth, answer.
fn batch_is_single(directory: &Directory, asked: &[Address]) {
    let got = directory.holders(asked.iter().copied().map(Some));
    assert_eq!(got.len(), asked.len());
    for (address, id) in asked.iter().zip(got) {
        let (single, batch) = (directory.lookup(*address), directory.holding(id));
        let manual = if let Some(Found::Manual { prefix }) = single.found { Some(prefix) } else { None };
        assert_eq!(
            (batch.party.map(|entry| &entry.party.id), batch.manual, batch.asn, batch.as_name),
            (single.party_id(), manual, single.asn, single.as_name()),
            "{address}"
        );
    }
}

/// Addresses of the small world in which the properties are tried: 256 of each family.
fn world(v6: bool, last: u8) -> Address {
    if v6 {
        address(
            &Ipv6Addr::from_bits(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0).to_bits() + u128::from(last))
                .to_string(),
        )
    } else {
        Address::from(Ipv4Addr::new(198, 18, 0, last))
    }
}

/// The prefix of `bits` variable bits around that address of the world.
fn prefix(v6: bool, last: u8, bits: u8) -> IpNet {
    match world(v6, last).ip() {
        std::net::IpAddr::V4(ip) => IpNet::V4(Ipv4Net::new(ip, 32 - bits).unwrap().trunc()),
        std::net::IpAddr::V6(ip) => IpNet::V6(Ipv6Net::new(ip, 128 - bits).unwrap().trunc()),
    }
}

/// A row of a table: family, first, last, number.
type Row = (bool, u8, u8, u32);

fn contradict(a: &Row, b: &Row) -> bool {
    let crosses = |a: &Row, b: &Row| a.1 < b.1 && b.1 <= a.2 && a.2 < b.2;
    a.0 == b.0 && (crosses(a, b) || crosses(b, a) || ((a.1, a.2) == (b.1, b.2) && a.3 != b.3))
}

/// Rows of the world as a table, and those of them that nothing contradicts.
fn as_table(rows: &[Row]) -> (AsnTable, Vec<Row>) {
    let mut text = String::new();
    for (v6, first, last, asn) in rows {
        let _ = writeln!(text, "{},{},{asn},name {asn}", world(*v6, *first), world(*v6, *last));
    }
    let read = AsnTable::read_ranges("asn.csv", text.as_bytes()).unwrap();
    let stand = rows.iter().filter(|a| !rows.iter().any(|b| contradict(a, b))).copied().collect();
    (read.table, stand)
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    // Numbers 0 to 3 stand for AS 0 (not routed) and AS64496 to AS64498; spans from one address to all.
    let row = (any::<bool>(), any::<u8>(), prop_oneof![Just(0_u8), 0_u8..16, any::<u8>()], 0_u32..4);
    let row = row.prop_map(|(v6, first, more, asn)| {
        (v6, first, first.saturating_add(more), if asn == 0 { 0 } else { 64_495 + asn })
    });
    proptest::collection::vec(row, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_directory_finds_what_a_plain_search_finds(
        claims in proptest::collection::vec((any::<bool>(), any::<u8>(), 0_u8..9, 0_usize..3), 0..10),
        one in rows(),
        two in rows(),
    ) {
        // Each prefix once, each party with its prefixes and one number.
        let mut manual: Vec<(IpNet, usize)> = Vec::new();
        for (v6, last, bits, party) in claims {
            let net = prefix(v6, last, bits);
            if manual.iter().all(|(known, _)| *known != net) {
                manual.push((net, party));
            }
        }
        let parties: Vec<String> = (0..3)
            .map(|party| {
                let nets: Vec<String> =
                    manual.iter().filter(|(_, owner)| *owner == party).map(|(net, _)| format!("\"{net}\"")).collect();
                format!("asns = [{}]\nprefixes = [{}]", 64_496 + party, nets.join(", "))
            })
            .collect();
        let (first, first_rows) = as_table(&one);
        let (second, second_rows) = as_table(&two);
        let directory = Directory::new(roster(&parties), &[first, second]);
        let all: Vec<Address> = (0..=u8::MAX).flat_map(|last| [world(false, last), world(true, last)]).collect();
        batch_is_single(&directory, &all);

        for v6 in [false, true] {
            for last in 0..=u8::MAX {
                let asked = world(v6, last);
                let holder = directory.lookup(asked);
                // The plain search: the longest prefix of the roster; the narrowest row, of the first table among equals.
                let by_hand = manual.iter().filter(|(net, _)| net.contains(&asked.ip())).max_by_key(|(net, _)| net.prefix_len());
                let row = first_rows
                    .iter()
                    .map(|row| (0, row))
                    .chain(second_rows.iter().map(|row| (1, row)))
                    .filter(|(_, row)| row.0 == v6 && row.1 <= last && last <= row.2)
                    .min_by_key(|(table, row)| (row.2 - row.1, *table));
                // Rows of two tables can still overlap in part; which piece is longer is then no question of width.
                let crossing_tables = first_rows.iter().any(|a| second_rows.iter().any(|b| contradict(a, b) && (a.1, a.2) != (b.1, b.2)));
                let asn = row.map(|(_, row)| row.3).filter(|asn| *asn != 0);
                if !crossing_tables {
                    prop_assert_eq!(holder.asn.map(Asn::number), asn);
                    prop_assert_eq!(holder.as_name().map(str::to_owned), asn.map(|asn| format!("name {asn}")));
                }
                let party = holder.party_id().map(|id| id.as_str().to_owned());
                match (by_hand, holder.found) {
                    (Some((net, owner)), Some(Found::Manual { prefix })) => {
                        prop_assert_eq!(prefix, *net);
                        prop_assert_eq!(party, Some(format!("isp-{owner}")));
                    }
                    (None, Some(Found::Asn { asn, prefix })) => {
                        prop_assert_eq!(Some(asn), holder.asn);
                        prop_assert!(prefix.contains(&asked.ip()));
                        prop_assert_eq!(party, Some(format!("isp-{}", asn.number() - 64_496)));
                    }
                    (None, None) => prop_assert!(party.is_none() && holder.asn.is_none()),
                    (by_hand, found) => prop_assert!(false, "{:?} {:?}", by_hand, found),
                }
            }
        }
    }

    #[test]
    fn a_batch_answers_what_the_trie_answers_at_every_edge(
        v4 in proptest::collection::vec((any::<u32>(), 0_u8..=32, 0_u32..4), 0..40),
        // Few beginnings, so that prefixes nest, on both sides of 64 bits.
        v6 in proptest::collection::vec((0_u128..4, 0_u128..4, 0_u8..=128, 0_u32..4), 0..40),
        manual in proptest::collection::vec((0_u128..4, 0_u128..4, 12_u8..=128), 0..6),
    ) {
        let long = |upper: u128, lower: u128, length: u8| {
            let bits = (0x2001_0db8 << 96) | (upper << 64) | (upper << 110) | (lower << 62) | lower;
            Ipv6Net::new(Ipv6Addr::from_bits(bits), length).unwrap().trunc()
        };
        let mut nets: Vec<IpNet> = v4.iter().map(|(bits, length, _)| IpNet::V4(Ipv4Net::new((*bits).into(), *length).unwrap().trunc())).collect();
        nets.extend(v6.iter().map(|(upper, lower, length, _)| IpNet::V6(long(*upper, *lower, *length))));
        let asns = v4.iter().map(|row| row.2).chain(v6.iter().map(|row| row.3));
        let text: String = nets.iter().zip(asns).map(|(net, asn)| format!("{net}\t{}\n", if asn == 0 { 0 } else { 64_495 + asn })).collect();
        let table = AsnTable::read_pyasn("ipasn.dat", text.as_bytes()).unwrap().table;
        let mut own: Vec<IpNet> = manual.iter().map(|(upper, lower, length)| IpNet::V6(long(*upper, *lower, *length))).collect();
        own.sort();
        own.dedup();
        let claims: Vec<String> = own.iter().map(|net| format!("\"{net}\"")).collect();
        let directory = Directory::new(roster(&[format!("asns = [64496]\nprefixes = [{}]", claims.join(","))]), &[table]);
        let edges = nets.iter().chain(&own).flat_map(|net| match net {
            IpNet::V4(net) => {
                let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
                [first, first.wrapping_sub(1), last, last.wrapping_add(1)].map(|bits| Address::new(std::net::IpAddr::V4(bits.into())))
            }
            IpNet::V6(net) => {
                let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
                [first, first.wrapping_sub(1), last, last.wrapping_add(1)].map(|bits| Address::new(std::net::IpAddr::V6(bits.into())))
            }
        });
        batch_is_single(&directory, &edges.collect::<Vec<_>>());
    }

    #[test]
    fn a_canonical_text_reads_as_the_same_roster(
        prefixes in proptest::collection::btree_set((any::<bool>(), any::<u8>(), 0_u8..9), 0..6),
        names in proptest::collection::vec("[ -~ぁ-ん一-龠\"'\\\\#=\\[\\]{}]{1,20}", 3),
        hours in proptest::collection::vec(0_u32..200_000, 4),
    ) {
        prop_assume!(names.iter().all(|name| !name.trim().is_empty()));
        let quote = |text: &str| toml_quote(text);
        let instant = |hours: u32| model::time::Instant::from_micros(i64::from(hours) * 3_600_000_000).to_string();
        let nets: std::collections::BTreeSet<String> =
            prefixes.iter().map(|(v6, last, bits)| format!("\"{}\"", prefix(*v6, *last, *bits))).collect();
        let nets: Vec<String> = nets.into_iter().collect();
        let text = format!(
            "version = {}\nupdated = {}\nzone = \"Asia/Tokyo\"\n[[party]]\nid = \"isp-z\"\nname = {{ ja = {} }}\nroles = [\"operator\"]\n\
             prefixes = [{}]\n[[party.agreement]]\nkind = \"receive\"\nreference = {}\nfrom = {}\nuntil = {}\n\
             [[party]]\nid = \"isp-a\"\nname = {{ ja = \"甲\", en = \"A\" }}\nroles = [\"csirt\", \"police\"]\nlanguage = \"en\"\n\
             [[inhibition]]\nparty = \"isp-z\"\nreason = \"点検\"\nuntil = {}\n",
            quote(&names[0]), instant(hours[0]), quote(&names[1]), nets.join(","), quote(&names[2]),
            instant(hours[1]), instant(hours[1] + hours[2] + 1), instant(hours[3]),
        );
        let (roster, _) = Roster::read("r", &text).map_err(|refused| TestCaseError::fail(format!("{:?}\n{text}", refused.errors)))?;
        let canonical = roster.canonical();
        let again = Roster::read("r", &canonical);
        let (again, _) = again.map_err(|refused| TestCaseError::fail(format!("{:?}\n{canonical}", refused.errors)))?;
        prop_assert_eq!(&again, &roster);
        prop_assert_eq!(again.canonical(), canonical);
    }
}

/// A basic string of TOML.
fn toml_quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
