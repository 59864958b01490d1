//! The rule, at every boundary, and against a scan over all leases.

mod operator;

use assignment::{CoversFrom, Finding, Settings, Source, Why};
use model::{Instant, Outcome};
use operator::{Operator, at, june, leases, now, seen};
use proptest::prelude::*;

/// Two who follow each other on one block at noon, and neighbours.
fn handed_over() -> Operator {
    let operator = Operator::new();
    operator.leases(
        "198.51.100.10,1024-2047,2026-06-01T08:00:00+09:00,2026-06-01T12:00:00+09:00,K-1,\n\
         198.51.100.10,1024-2047,2026-06-01T12:00:00+09:00,2026-06-01T20:00:00+09:00,K-2,\n\
         198.51.100.10,2048-4095,2026-06-01T08:00:00+09:00,2026-06-01T20:00:00+09:00,K-3,\n\
         198.51.100.10,4096,2026-06-01T08:00:00+09:00,2026-06-01T20:00:00+09:00,K-4,\n\
         198.51.100.11,,2026-06-01T08:00:00+09:00,2026-06-01T20:00:00+09:00,K-5,\n",
    );
    operator
}

#[test]
fn a_start_is_part_of_it_and_an_end_is_not() {
    let operator = handed_over();
    let who = |clock: &str, uncertainty| operator.who(seen("198.51.100.10", 1500, june(clock), uncertainty));
    assert_eq!(who("07:59:59.999999", 0), "Nobody");
    assert_eq!(who("08:00:00", 0), "K-1");
    assert_eq!(who("11:59:59.999999", 0), "K-1");
    assert_eq!(who("12:00:00", 0), "K-2", "the end of one is the start of the next");
    assert_eq!(who("19:59:59.999999", 0), "K-2");
    assert_eq!(who("20:00:00", 0), "Nobody");
    assert_eq!(who("20:00:10", 10), "Nobody", "the end itself is outside, however the window touches it");
    assert_eq!(who("20:00:10", 11), "K-2");
    assert_eq!(who("07:59:50", 10), "K-1", "the window's end is part of it");
    assert_eq!(who("07:59:50", 9), "Nobody");
}

#[test]
fn a_window_across_a_hand_over_is_ambiguous() {
    let operator = handed_over();
    let who = |clock: &str, uncertainty| operator.who(seen("198.51.100.10", 1500, june(clock), uncertainty));
    assert_eq!(who("11:59:30", 29), "K-1");
    assert_eq!(who("11:59:30", 30), "ambiguous: 2");
    assert_eq!(who("12:00:30", 30), "K-2", "from the very moment of the hand-over on, it is the second");
    assert_eq!(who("12:00:30", 31), "ambiguous: 2");
}

#[test]
fn ports_and_their_absence() {
    let operator = handed_over();
    let who = |address: &str, port| operator.who(seen(address, port, june("10:00:00"), 0));
    assert_eq!(who("198.51.100.10", 1023), "Nobody");
    assert_eq!(who("198.51.100.10", 1024), "K-1");
    assert_eq!(who("198.51.100.10", 2047), "K-1");
    assert_eq!(who("198.51.100.10", 2048), "K-3");
    assert_eq!(who("198.51.100.10", 4096), "K-4", "a block of one port");
    assert_eq!(who("198.51.100.10", 4097), "Nobody");
    assert_eq!(who("198.51.100.10", 0), "ambiguous: 3", "without a port nobody behind a shared address is named");
    assert_eq!(who("198.51.100.11", 0), "K-5", "a whole address needs no port");
    assert_eq!(who("198.51.100.11", 65535), "K-5");
    assert_eq!(who("198.51.100.12", 80), "Nobody");
    assert_eq!(who("192.0.2.1", 80), "not ours");
}

#[test]
fn ipv6_prefixes_that_contain_the_address() {
    let operator = Operator::new();
    let times = "2026-06-01T08:00:00+09:00,2026-06-01T20:00:00+09:00";
    operator.leases(&format!(
        "2001:db8:1:100::/56,,{times},K-1,\n2001:db8:1:200::/64,,{times},K-2,\n\
         2001:db8:1:300::/56,,{times},K-3,\n2001:db8:1:3ff::/64,,{times},K-4,\n2001:db8:1:302::/64,,{times},K-3,\n"
    ));
    let who = |address: &str| operator.who(seen(address, 443, june("10:00:00"), 0));
    assert_eq!(who("2001:db8:1:100::1"), "K-1");
    assert_eq!(who("2001:db8:1:1ff:ffff:ffff:ffff:ffff"), "K-1");
    assert_eq!(who("2001:db8:1:200:1:2:3:4"), "K-2");
    assert_eq!(who("2001:db8:1:201::1"), "Nobody");
    assert_eq!(who("2001:db8:1:302::1"), "K-3", "both prefixes are his");
    assert_eq!(who("2001:db8:1:3ff::1"), "ambiguous: 2", "a part of one's prefix is on record for another");
}

/// A window in which nobody holds the block at its begin and two begin inside: two as-of look-ups see one of them only.
#[test]
fn two_that_begin_within_the_window_are_ambiguous() {
    let operator = Operator::new();
    operator.leases(
        "198.51.100.10,1024-2047,2026-06-01T10:00:10+09:00,2026-06-01T10:00:20+09:00,K-1,\n\
         198.51.100.10,1024-2047,2026-06-01T10:00:30+09:00,2026-06-01T10:00:40+09:00,K-2,\n",
    );
    assert_eq!(operator.who(seen("198.51.100.10", 1500, june("10:00:35"), 30)), "ambiguous: 2");
}

#[test]
fn an_account_on_two_lines_at_once_is_suspected_stolen() {
    let rows = "198.51.100.20,,2026-06-01T08:00:00+09:00,2026-06-01T12:00:00+09:00,K-1,L-1\n\
                198.51.100.21,,2026-06-01T10:00:00+09:00,2026-06-01T11:00:00+09:00,K-1,L-2\n\
                198.51.100.22,,2026-06-01T12:00:00+09:00,2026-06-01T13:00:00+09:00,K-1,L-3\n\
                198.51.100.23,,2026-06-01T08:00:00+09:00,2026-06-01T12:00:00+09:00,K-2,L-4\n\
                2001:db8:1::/56,,2026-06-01T08:00:00+09:00,2026-06-01T12:00:00+09:00,K-2,L-4\n";
    let operator = Operator::new();
    operator.leases(rows);
    let who = |address: &str, clock: &str, uncertainty| operator.who(seen(address, 80, june(clock), uncertainty));
    assert_eq!(who("198.51.100.20", "09:00:00", 0), "K-1", "one line only, then");
    assert_eq!(who("198.51.100.20", "10:30:00", 0), "stolen: K-1");
    assert_eq!(who("198.51.100.21", "10:30:00", 0), "stolen: K-1");
    assert_eq!(who("198.51.100.20", "09:59:50", 10), "stolen: K-1", "the window touches the time of two lines");
    assert_eq!(who("198.51.100.20", "11:00:00", 0), "K-1");
    assert_eq!(who("198.51.100.22", "12:00:00", 1), "K-1", "a move from one line to another");
    assert_eq!(who("198.51.100.23", "10:00:00", 0), "K-2", "two addresses on one line");
    let found = operator.ask(&[seen("198.51.100.20", 80, june("10:30:00"), 0)]);
    assert_eq!(found[0].outcome(), Outcome::AccountSuspectedStolen);

    let lenient = Operator::with(Settings { suspect_two_lines: false, ..Settings::default() });
    lenient.leases(rows);
    assert_eq!(lenient.who(seen("198.51.100.20", 80, june("10:30:00"), 0)), "K-1");
}

#[test]
fn nobody_is_named_beyond_the_records() {
    let operator = Operator::new();
    let rows = "address,start,end,subscriber\n198.51.100.11,2026-06-01T08:00:00+09:00,,K-1\n198.51.100.12,2026-06-01T08:00:00+09:00,2026-06-09T00:00:00+09:00,K-2\n";
    let source = Source { from: CoversFrom::FirstRecord, as_of: june("12:00:00"), ..leases() };
    operator.import(&source, rows.as_bytes());
    let who = |address: &str, clock: &str, uncertainty| operator.who(seen(address, 80, june(clock), uncertainty));
    assert_eq!(who("198.51.100.11", "11:59:59.999999", 0), "K-1", "an open lease runs up to the «as of»");
    assert_eq!(who("198.51.100.11", "12:00:00", 0), "BeyondRecords");
    assert_eq!(who("198.51.100.11", "11:59:50", 10), "BeyondRecords", "a part of the window is beyond");
    assert_eq!(who("198.51.100.12", "13:00:00", 0), "BeyondRecords", "an end that was planned proves nothing");
    assert_eq!(who("198.51.100.99", "13:00:00", 0), "BeyondRecords");
    assert_eq!(who("198.51.100.99", "11:00:00", 0), "Nobody");
    assert_eq!(who("198.51.100.11", "07:00:00", 0), "BeyondRecords", "before the first record");
    // A later list no longer names the open lease: it may have gone on, and nobody knows.
    let source = Source { from: CoversFrom::LastImport, as_of: june("18:00:00"), ..leases() };
    operator.import(&source, b"address,start,end,subscriber\n198.51.100.12,2026-06-01T08:00:00+09:00,,K-2\n");
    let who = |address: &str, clock: &str| operator.who(seen(address, 80, june(clock), 0));
    assert_eq!(who("198.51.100.11", "11:00:00"), "K-1");
    assert_eq!(who("198.51.100.11", "15:00:00"), "Unsure");
    // The list after that says when it ended, so that all of it is certain after the fact.
    let source = Source { from: CoversFrom::LastImport, as_of: june("20:00:00"), ..leases() };
    let counts = operator.import(
        &source,
        b"address,start,end,subscriber\n198.51.100.11,2026-06-01T08:00:00+09:00,2026-06-01T17:00:00+09:00,K-1\n",
    );
    assert_eq!(counts, [1, 0, 0, 0, 1, 0, 0]);
    assert_eq!(operator.who(seen("198.51.100.11", 80, june("15:00:00"), 0)), "K-1");
    assert_eq!(operator.who(seen("198.51.100.11", 80, june("17:00:00"), 0)), "Nobody");
}

#[test]
fn a_tail_ends_where_another_begins() {
    let operator = Operator::new();
    let heading = "address,ports,start,end,subscriber\n";
    let source = Source { as_of: june("12:00:00"), ..leases() };
    operator.import(&source, format!("{heading}198.51.100.10,1024-2047,2026-06-01T08:00:00+09:00,,K-1\n").as_bytes());
    // The blocks were cut anew meanwhile, and K-1 is named no more.
    operator.import(
        &Source { as_of: june("18:00:00"), ..leases() },
        format!("{heading}198.51.100.10,1536-2559,2026-06-01T14:00:00+09:00,2026-06-01T18:00:00+09:00,K-2\n")
            .as_bytes(),
    );
    let who = |port, clock: &str, uncertainty| operator.who(seen("198.51.100.10", port, june(clock), uncertainty));
    assert_eq!(who(1600, "11:00:00", 0), "K-1");
    assert_eq!(who(1600, "13:00:00", 0), "Unsure");
    assert_eq!(who(1600, "13:59:59", 10), "ambiguous: 2", "he may still have held it when the other began");
    assert_eq!(who(1600, "15:00:00", 0), "K-2");
    assert_eq!(who(1100, "15:00:00", 0), "Nobody");
}

/// A source that fell silent is not taken as complete because another goes on.
#[test]
fn every_table_that_spoke_of_the_address_must_reach_that_far() {
    let operator = Operator::new();
    let row = |who: &str| {
        format!(
            "address,start,end,subscriber\n198.51.100.30,2026-06-01T08:00:00+09:00,2026-06-01T20:00:00+09:00,{who}\n"
        )
    };
    let old = Source { table: "old".parse().unwrap(), as_of: june("12:00:00"), ..leases() };
    operator.import(
        &old,
        b"address,start,end,subscriber\n198.51.100.30,2026-06-01T06:00:00+09:00,2026-06-01T07:00:00+09:00,K-9\n",
    );
    operator.import(&leases(), row("K-1").as_bytes());
    let who = |clock: &str| operator.who(seen("198.51.100.30", 80, june(clock), 0));
    assert_eq!(who("10:00:00"), "K-1");
    assert_eq!(who("13:00:00"), "BeyondRecords", "the old table might name another, then");
    // An empty list says: nothing more.
    operator.import(&Source { table: "old".parse().unwrap(), ..leases() }, b"address,start,end,subscriber\n");
    assert_eq!(who("13:00:00"), "K-1");
}

/// An export a little later than its «as of»: what began in between is on record, and claims no more than its start.
#[test]
fn a_lease_that_began_after_the_as_of() {
    let operator = Operator::new();
    let source = Source { as_of: june("12:00:00"), ..leases() };
    let rows = "address,start,end,subscriber\n198.51.100.40,2026-06-01T12:00:05+09:00,,K-1\n";
    operator.import(&source, rows.as_bytes());
    let rows = "address,start,end,subscriber\n198.51.100.40,2026-06-01T12:00:01+09:00,2026-06-01T13:00:00+09:00,K-2\n";
    operator.import(&leases(), rows.as_bytes());
    let who = |clock: &str| operator.who(seen("198.51.100.40", 80, june(clock), 0));
    assert_eq!(who("12:00:04"), "K-2");
    assert_eq!(who("12:00:05"), "ambiguous: 2");
    assert_eq!(who("12:30:00"), "ambiguous: 2");
    assert_eq!(who("14:00:00"), "Unsure");
}

#[derive(Debug, Clone)]
struct Lease {
    address: u8,
    low: u16,
    high: u16,
    start: i64,
    end: Option<i64>,
    who: u8,
}

const EPOCH: &str = "2026-06-01T00:00:00Z";
const AS_OF: i64 = 200;

fn second(seconds: i64) -> Instant {
    at(EPOCH).plus_seconds(seconds)
}

/// The rule, read off the leases one by one.
fn scan(leases: &[Lease], address: u8, port: Option<u16>, time: i64, uncertainty: i64) -> String {
    let (from, to) = (time - uncertainty, time + uncertainty);
    let mut who: Vec<u8> = leases
        .iter()
        .filter(|lease| lease.address == address)
        .filter(|lease| port.is_none_or(|port| lease.low <= port && port <= lease.high))
        .filter(|lease| lease.start <= to && lease.end.unwrap_or(AS_OF) > from)
        .map(|lease| lease.who)
        .collect();
    who.sort_unstable();
    who.dedup();
    match who[..] {
        [_, _, ..] => format!("ambiguous: {}", who.len()),
        _ if from < 0 || to >= AS_OF => "BeyondRecords".to_owned(),
        [one] => format!("K-{one}"),
        [] => "Nobody".to_owned(),
    }
}

prop_compose! {
    fn lease()(
        address in 10_u8..13, low in prop::sample::select(vec![0_u16, 1024, 1024, 2048, 2048, 3000, 4096]),
        width in prop::sample::select(vec![1_u16, 512, 1024, 1024, 2048, 40_000]), start in 0_i64..180,
        length in 1_i64..60, open in prop::bool::weighted(0.1), who in 0_u8..9,
    ) -> Lease {
        let high = low.saturating_add(width - 1);
        Lease { address, low, high, start, end: (!open).then_some(start + length), who }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// INVARIANT: identical to a scan over every lease, whatever the widths, the overlaps and the uncertainty.
    #[test]
    fn as_a_full_scan(
        leases in prop::collection::vec(lease(), 1..60),
        asked in prop::collection::vec((10_u8..14, prop::option::weighted(0.9, 1_u16..5000), -5_i64..220, 0_i64..20), 150),
    ) {
        let operator = Operator::new();
        let rows: String = leases.iter().map(|lease| {
            let end = lease.end.map_or(String::new(), |end| second(end).to_string());
            format!("198.51.100.{},{}-{},{},{end},K-{}\n", lease.address, lease.low, lease.high, second(lease.start), lease.who)
        }).collect();
        let source = Source { from: CoversFrom::At(second(0)), as_of: second(AS_OF), ..operator::leases() };
        let counts = operator.import(&source, format!("address,ports,start,end,subscriber\n{rows}").as_bytes());
        prop_assert_eq!(counts[0], counts[1..6].iter().sum::<u64>(), "read = rejected + repeated + new + extended + same");
        let index = operator.register.index().unwrap();
        // One lease said open and ended is ended; the scan reads the merged list.
        let merged: Vec<Lease> = leases.iter().filter(|lease| {
            let same = |other: &&Lease| (other.address, other.low, other.high, other.start, other.who)
                == (lease.address, lease.low, lease.high, lease.start, lease.who);
            lease.end.is_some() || leases.iter().filter(same).all(|other| other.end.is_none())
        }).cloned().collect();
        // Two ends of one lease are a matter of their own.
        let two_ends = merged.iter().any(|a| merged.iter().any(|b| a.end != b.end
            && (a.address, a.low, a.high, a.start, a.who) == (b.address, b.low, b.high, b.start, b.who)));
        prop_assume!(!two_ends);
        for (address, port, time, uncertainty) in asked {
            let seen = seen(&format!("198.51.100.{address}"), port.unwrap_or(0), second(time), uncertainty.unsigned_abs());
            let clearance = operator::clearance(law::question::Action::Identify);
            let found = assignment::Holders::identify(&index, &[seen], &operator.own, &clearance, now()).unwrap();
            prop_assert_eq!(
                operator::said(&index, found[0]), scan(&merged, address, port, time, uncertainty),
                "198.51.100.{} port {:?} at {} +- {}", address, port, time, uncertainty
            );
        }
    }
}

#[test]
fn two_ends_of_one_lease_are_certain_until_the_earlier() {
    let operator = Operator::new();
    let counts = operator.leases(
        "198.51.100.10,,2026-06-01T08:00:00+09:00,2026-06-01T10:00:00+09:00,K-1,\n\
         198.51.100.10,,2026-06-01T08:00:00+09:00,2026-06-01T12:00:00+09:00,K-1,\n",
    );
    assert_eq!(counts, [2, 0, 1, 1, 0, 0, 1]);
    let who = |clock: &str| operator.ask(&[seen("198.51.100.10", 80, june(clock), 0)])[0];
    assert!(matches!(who("09:00:00"), Finding::One(_)));
    assert_eq!(who("11:00:00"), Finding::None(Why::Unsure));
    assert_eq!(who("13:00:00"), Finding::None(Why::Nobody));
}
