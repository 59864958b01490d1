//! RADIUS accounting: sessions joined, lost records never guessed over, any order the same.

mod operator;

use assignment::{CoversFrom, Source};
use model::Instant;
use operator::{Operator, accounting, at, june, now, said, seen};
use proptest::prelude::*;

/// One accounting record; `kind` is its status, `held` its attributes beside the usual ones.
fn record(kind: &str, session: &str, user: &str, time: Instant, held: &[&str]) -> String {
    let mut text = format!("Mon Jun  1 00:00:00 2026\n\tAcct-Status-Type = {kind}\n");
    if !session.is_empty() {
        text += &format!("\tAcct-Unique-Session-Id = \"{session}\"\n");
    }
    if !user.is_empty() {
        text += &format!("\tUser-Name = \"{user}\"\n");
    }
    text += "\tNAS-IP-Address = 203.0.113.1\n";
    for attribute in held {
        text += &format!("\t{attribute}\n");
    }
    text + &format!("\tTimestamp = {}\n\n", time.as_micros() / 1_000_000)
}

const IP: &str = "Framed-IP-Address = 203.0.113.20";
const OTHER_IP: &str = "Framed-IP-Address = 203.0.113.21";

fn operator(records: &[String]) -> Operator {
    let operator = Operator::new();
    let counts = operator.import(&accounting(), records.concat().as_bytes());
    assert_eq!(counts[1], 0, "no record is rejected");
    operator
}

fn who(operator: &Operator, clock: &str) -> String {
    operator.who(seen("203.0.113.20", 40_000, june(clock), 0))
}

#[test]
fn the_sample() {
    let operator = Operator::new();
    let source = Source { file: "radius-detail", ..accounting() };
    let counts = operator.import(&source, include_bytes!("../samples/radius-detail"));
    assert_eq!(counts, [9, 0, 0, 4, 0, 0, 0]);
    let who = |address: &str, clock: &str| operator.who(seen(address, 40_000, june(clock), 0));
    assert_eq!(who("203.0.113.20", "08:00:00"), "akari@isp.example.org");
    assert_eq!(who("2001:db8:200:1ff::1", "09:29:59"), "akari@isp.example.org");
    assert_eq!(who("203.0.113.20", "09:30:00"), "Nobody");
    assert_eq!(who("203.0.113.21", "09:05:00"), "sora@isp.example.org");
    assert_eq!(who("203.0.113.21", "09:05:01"), "Unsure", "the stop was lost, and another began at eleven");
    assert_eq!(who("203.0.113.21", "11:00:00"), "nagi@isp.example.org");
    assert_eq!(who("203.0.113.21", "17:59:59"), "nagi@isp.example.org");
    assert_eq!(who("203.0.113.21", "18:00:00"), "Nobody", "the access server ceased");
    assert_eq!(who("203.0.113.22", "12:00:00"), "sora@isp.example.org", "the start was lost, the stop says since when");
    assert_eq!(who("203.0.113.22", "11:59:59"), "Nobody");
}

#[test]
fn a_session_without_a_stop_runs_as_far_as_the_records() {
    let o = operator(&[record("Start", "a", "akari", june("08:00:00"), &[IP])]);
    assert_eq!(who(&o, "23:59:59"), "akari");
    assert_eq!(o.who(seen("203.0.113.20", 1, at("2026-06-02T00:00:00+09:00"), 0)), "BeyondRecords");
}

/// A day is missing between two files: the stop may stand in it.
#[test]
fn a_gap_in_the_records_proves_nothing() {
    let o = operator(&[record("Start", "a", "akari", june("08:00:00"), &[IP])]);
    let day = |from: &str, to: &str| Source { from: CoversFrom::At(at(from)), as_of: at(to), ..accounting() };
    let elsewhere = record("Start", "b", "sora", at("2026-06-03T08:00:00+09:00"), &[OTHER_IP]);
    o.import(&day("2026-06-03T00:00:00+09:00", "2026-06-04T00:00:00+09:00"), elsewhere.as_bytes());
    let later = |time: &str| o.who(seen("203.0.113.20", 1, at(time), 0));
    assert_eq!(later("2026-06-01T23:00:00+09:00"), "akari");
    assert_eq!(later("2026-06-02T12:00:00+09:00"), "BeyondRecords");
    assert_eq!(later("2026-06-03T12:00:00+09:00"), "Unsure");
    // The missing day arrives, and has nothing about the session: it went on.
    let beside = record("Start", "c", "sora", at("2026-06-02T08:00:00+09:00"), &[OTHER_IP]);
    o.import(&day("2026-06-02T00:00:00+09:00", "2026-06-03T00:00:00+09:00"), beside.as_bytes());
    assert_eq!(o.who(seen("203.0.113.20", 1, at("2026-06-03T12:00:00+09:00"), 0)), "akari");
}

#[test]
fn a_lost_stop_is_certain_until_the_last_sign_only() {
    let interim = record("Interim-Update", "a", "akari", june("10:00:00"), &[IP, "Acct-Session-Time = 7200"]);
    let o = operator(&[
        record("Start", "a", "akari", june("08:00:00"), &[IP]),
        interim,
        record("Start", "b", "sora", june("14:00:00"), &[IP]),
    ]);
    assert_eq!(who(&o, "10:00:00"), "akari");
    assert_eq!(who(&o, "10:00:01"), "Unsure");
    assert_eq!(who(&o, "13:59:59"), "Unsure");
    assert_eq!(o.who(seen("203.0.113.20", 1, june("13:59:59"), 1)), "ambiguous: 2");
    assert_eq!(who(&o, "14:00:00"), "sora");
}

#[test]
fn who_fell_silent_may_be_gone() {
    let interim = |hour: u32| {
        let time = june(&format!("{hour:02}:00:00"));
        record("Interim-Update", "a", "akari", time, &[IP, &format!("Acct-Session-Time = {}", (hour - 8) * 3_600)])
    };
    let start = record("Start", "a", "akari", june("08:00:00"), &[IP]);
    let o = operator(&[start.clone(), interim(10), interim(17)]);
    assert_eq!(who(&o, "17:00:00"), "akari");
    assert_eq!(who(&o, "20:00:00"), "Unsure", "seven hours of silence at the end of the records");
    let o = operator(&[start, interim(10), interim(19)]);
    assert_eq!(who(&o, "23:00:00"), "akari", "five hours");
}

#[test]
fn a_reboot_closes_the_sessions_of_its_server() {
    let start = || record("Start", "a", "akari", june("08:00:00"), &[IP]);
    let o = operator(&[start(), record("Accounting-Off", "", "", june("12:00:00"), &[])]);
    assert_eq!((who(&o, "11:59:59").as_str(), who(&o, "12:00:00").as_str()), ("akari", "Nobody"));
    let o = operator(&[start(), record("Accounting-On", "", "", june("12:00:00"), &[])]);
    assert_eq!(who(&o, "08:00:00"), "akari");
    assert_eq!(who(&o, "11:00:00"), "Unsure", "it crashed at some time before it came back");
    assert_eq!(who(&o, "12:00:00"), "Nobody");
    let other = record("Accounting-Off", "", "", june("12:00:00"), &[]).replace("203.0.113.1\n", "203.0.113.2\n");
    let o = operator(&[start(), other]);
    assert_eq!(who(&o, "13:00:00"), "akari", "another server");
}

/// The server names itself by address and by name when it comes back, and its sessions by name only.
#[test]
fn a_reboot_closes_the_sessions_of_its_server_by_whatever_name() {
    let start = record("Start", "a", "akari", june("08:00:00"), &[IP, "NAS-Identifier = \"bras1\""]);
    let start = start.replace("\tNAS-IP-Address = 203.0.113.1\n", "");
    for kind in ["Accounting-On", "Accounting-Off"] {
        let o = operator(&[start.clone(), record(kind, "", "", june("12:00:00"), &["NAS-Identifier = \"bras1\""])]);
        assert_eq!(who(&o, "12:00:00"), "Nobody", "{kind}");
        let o = operator(&[start.clone(), record(kind, "", "", june("12:00:00"), &["NAS-Identifier = \"bras2\""])]);
        assert_eq!(who(&o, "12:00:00"), "akari", "{kind} of another");
    }
}

#[test]
fn who_comes_back_on_his_line_has_left_his_old_address() {
    let port = "NAS-Port-Id = \"ge-0/0/1:7\"";
    let o = operator(&[
        record("Start", "a", "akari", june("08:00:00"), &[IP, port]),
        record("Start", "b", "akari", june("12:00:00"), &[OTHER_IP, port]),
    ]);
    assert_eq!(who(&o, "09:00:00"), "Unsure");
    assert_eq!(who(&o, "13:00:00"), "Nobody");
    assert_eq!(o.who(seen("203.0.113.21", 1, june("13:00:00"), 0)), "akari");
}

#[test]
fn an_account_on_two_ports_at_once() {
    let o = operator(&[
        record("Start", "a", "akari", june("08:00:00"), &[IP, "NAS-Port-Id = \"1\""]),
        record("Start", "b", "akari", june("09:00:00"), &[OTHER_IP, "NAS-Port-Id = \"2\""]),
        record("Stop", "b", "akari", june("10:00:00"), &[OTHER_IP, "NAS-Port-Id = \"2\"", "Acct-Session-Time = 3600"]),
        record("Stop", "a", "akari", june("11:00:00"), &[IP, "NAS-Port-Id = \"1\"", "Acct-Session-Time = 10800"]),
    ]);
    assert_eq!(who(&o, "08:30:00"), "akari");
    assert_eq!(who(&o, "09:30:00"), "stolen: akari");
    assert_eq!(who(&o, "10:30:00"), "akari");
}

#[test]
fn a_session_id_used_again_is_another_session() {
    let o = operator(&[
        record("Start", "a", "akari", june("08:00:00"), &[IP]),
        record("Start", "a", "akari", june("15:00:00"), &[IP]),
        record("Stop", "a", "akari", june("16:00:00"), &[IP, "Acct-Session-Time = 3600"]),
    ]);
    assert_eq!(who(&o, "08:00:00"), "akari");
    assert_eq!(who(&o, "12:00:00"), "Unsure", "between the two runs");
    assert_eq!(who(&o, "15:30:00"), "akari");
    assert_eq!(who(&o, "16:00:00"), "Nobody");
}

#[test]
fn an_interim_of_zero_seconds_begins_no_session() {
    let o = operator(&[
        record("Start", "a", "akari", june("08:00:00"), &[IP]),
        record("Interim-Update", "a", "akari", june("10:00:00"), &[IP, "Acct-Session-Time = 0"]),
        record("Stop", "a", "akari", june("12:00:00"), &[IP, "Acct-Session-Time = 14400"]),
    ]);
    assert_eq!((who(&o, "09:00:00").as_str(), who(&o, "12:00:00").as_str()), ("akari", "Nobody"));
}

#[test]
fn an_address_changed_during_the_session() {
    let o = operator(&[
        record("Start", "a", "akari", june("08:00:00"), &[IP]),
        record("Interim-Update", "a", "akari", june("09:00:00"), &[IP, "Acct-Session-Time = 3600"]),
        record("Interim-Update", "a", "akari", june("10:00:00"), &[OTHER_IP, "Acct-Session-Time = 7200"]),
        record("Stop", "a", "akari", june("11:00:00"), &[OTHER_IP, "Acct-Session-Time = 10800"]),
    ]);
    assert_eq!((who(&o, "09:00:00").as_str(), who(&o, "10:30:00").as_str()), ("akari", "Unsure"));
    let other = |clock: &str| o.who(seen("203.0.113.21", 1, june(clock), 0));
    assert_eq!((other("09:30:00").as_str(), other("10:30:00").as_str()), ("Nobody", "akari"));
}

#[test]
fn a_session_of_nobody_named_is_nobody_and_makes_others_ambiguous() {
    let nameless = || record("Start", "a", "", june("08:00:00"), &[IP]);
    let o = operator(&[nameless(), record("Stop", "a", "", june("12:00:00"), &[IP, "Acct-Session-Time = 14400"])]);
    assert_eq!(who(&o, "09:00:00"), "Unsure");
    let o = operator(&[
        nameless(),
        record("Stop", "a", "", june("12:00:00"), &[IP, "Acct-Session-Time = 14400"]),
        record("Start", "b", "sora", june("11:00:00"), &[IP]),
    ]);
    assert_eq!(who(&o, "11:30:00"), "ambiguous: 2");
}

#[test]
fn two_who_hold_one_address_are_reported_and_ambiguous() {
    let operator = Operator::new();
    let records = [
        record("Start", "a", "akari", june("08:00:00"), &[IP]),
        record("Start", "b", "sora", june("09:00:00"), &[IP]),
        record("Stop", "a", "akari", june("10:00:00"), &[IP, "Acct-Session-Time = 7200"]),
    ];
    let plan = operator.plan(&accounting(), records.concat().as_bytes()).unwrap();
    let told: Vec<(u64, &str)> =
        plan.problems.iter().map(|problem| (problem.place.line.unwrap_or(0), problem.code.code)).collect();
    assert_eq!(told, [(1, "assignment-two-subscribers"), (9, "assignment-two-subscribers")]);
    operator.register.commit(plan, &operator::clearance(law::question::Action::Keep), now()).unwrap();
    assert_eq!(who(&operator, "09:30:00"), "ambiguous: 2");
    assert_eq!(who(&operator, "10:00:00"), "sora");
}

/// What may happen at an access server: sessions of a few users on a few addresses, with records lost.
#[derive(Debug, Clone)]
struct Session {
    id: u8,
    user: u8,
    address: u8,
    port: u8,
    start: i64,
    minutes: i64,
    lost: [bool; 4],
    on: Option<i64>,
}

prop_compose! {
    fn session()(
        id in 0_u8..6, user in 0_u8..4, address in 20_u8..23, port in 0_u8..3, start in 0_i64..600, minutes in 1_i64..400,
        lost in prop::array::uniform4(prop::bool::weighted(0.3)), on in prop::option::weighted(0.1, 0_i64..900),
    ) -> Session {
        Session { id, user, address, port, start, minutes, lost, on }
    }
}

impl Session {
    fn records(&self) -> Vec<String> {
        let minute = |minutes: i64| june("00:00:00").plus_seconds(minutes * 60);
        let (id, user) = (format!("s{}", self.id), format!("user{}", self.user));
        let held = [format!("Framed-IP-Address = 203.0.113.{}", self.address), format!("NAS-Port = {}", self.port)];
        let with = |kind: &str, minutes: i64| {
            let since = format!("Acct-Session-Time = {}", minutes * 60);
            record(kind, &id, &user, minute(self.start + minutes), &[&held[0], &held[1], &since])
        };
        let mut records = vec![
            record("Start", &id, &user, minute(self.start), &[&held[0], &held[1]]),
            with("Interim-Update", self.minutes / 3),
            with("Interim-Update", self.minutes / 2),
            with("Stop", self.minutes),
        ];
        let mut lost = self.lost.iter();
        records.retain(|_| !lost.next().copied().unwrap_or_default());
        records.extend(self.on.map(|on| record("Accounting-On", "", "", minute(on), &[])));
        records
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// INVARIANT: late, repeated and out-of-order records, in one file or several, settle to the same answers.
    #[test]
    fn any_order_any_repetition_any_files(
        sessions in prop::collection::vec(session(), 1..12),
        (shuffled, cuts) in (Just(()), any::<u64>()).prop_flat_map(|((), seed)| (Just(seed), prop::collection::vec(any::<prop::sample::Index>(), 0..3))),
    ) {
        let records: Vec<String> = sessions.iter().flat_map(Session::records).collect();
        prop_assume!(!records.is_empty());
        let mut other: Vec<String> = records.iter().cloned().chain(records.iter().step_by(3).cloned()).collect();
        let entropy = model::port::SeededEntropy::new(shuffled);
        for at in (1..other.len()).rev() {
            other.swap(at, usize::try_from(entropy.below(at as u64 + 1)).unwrap());
        }
        let one = Operator::new();
        one.import(&accounting(), records.concat().as_bytes());
        let many = Operator::new();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(other.len() + 1)).collect();
        cuts.extend([0, other.len()]);
        cuts.sort_unstable();
        for file in cuts.windows(2).filter(|file| file[0] < file[1]) {
            many.import(&accounting(), other[file[0]..file[1]].concat().as_bytes());
        }
        let asked: Vec<_> = (0..1_000_i64).step_by(7)
            .flat_map(|minute| (19_u8..24).map(move |address| (minute, address)))
            .map(|(minute, address)| {
                let time = june("00:00:00").plus_seconds(minute * 60);
                seen(&format!("203.0.113.{address}"), 0, time, 0)
            })
            .collect();
        let (first, second) = (one.register.index().unwrap(), many.register.index().unwrap());
        let clearance = operator::clearance(law::question::Action::Identify);
        let ask = |index| assignment::Holders::identify(index, &asked, &one.own, &clearance, now()).unwrap();
        for ((seen, a), b) in asked.iter().zip(ask(&first)).zip(ask(&second)) {
            prop_assert_eq!(said(&first, a), said(&second, b), "{} at {}", seen.address, seen.time);
        }
    }
}

/// A world in which one address has one holder at a time: from when to when, who, and which of Start, two interims and Stop
/// were lost on their way.
#[derive(Debug, Clone)]
struct Truth {
    address: u8,
    start: i64,
    end: i64,
    user: usize,
    lost: [bool; 4],
}

fn world() -> impl Strategy<Value = Vec<Truth>> {
    let stays = prop::collection::vec((0_i64..60, 3_i64..200, prop::array::uniform4(prop::bool::weighted(0.4))), 1..8);
    prop::collection::vec(stays, 1..4).prop_map(|addresses| {
        let mut world: Vec<Truth> = Vec::new();
        for (address, stays) in (20_u8..).zip(addresses) {
            let mut minute = 0;
            for (idle, length, lost) in stays {
                let start = minute + idle;
                minute = start + length;
                // A user of its own for each stay: whoever is confused with another is seen.
                world.push(Truth { address, start, end: minute, user: world.len(), lost });
            }
        }
        world
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// INVARIANT: however many records are lost, nobody is named for what another did of whose session any record arrived; and
    /// for a time at which nobody held the address only somebody is named whose Stop was lost.
    #[test]
    fn lost_records_never_name_another(world in world()) {
        let minute = |minutes: i64| june("00:00:00").plus_seconds(minutes * 60);
        let mut records = String::new();
        for (number, truth) in world.iter().enumerate() {
            let (id, user) = (format!("s{number}"), format!("user{}", truth.user));
            let held = format!("Framed-IP-Address = 203.0.113.{}", truth.address);
            let length = truth.end - truth.start;
            let times = [("Start", 0), ("Interim-Update", length / 3), ("Interim-Update", length / 2), ("Stop", length)];
            for ((kind, after), lost) in times.into_iter().zip(truth.lost) {
                if !lost {
                    let since = format!("Acct-Session-Time = {}", after * 60);
                    records += &record(kind, &id, &user, minute(truth.start + after), &[&held, &since]);
                }
            }
        }
        prop_assume!(!records.is_empty());
        let operator = Operator::new();
        operator.import(&accounting(), records.as_bytes());
        let index = operator.register.index().unwrap();
        let clearance = operator::clearance(law::question::Action::Identify);
        for time in 0..1_430 {
            for address in 20..23 {
                let seen = seen(&format!("203.0.113.{address}"), 0, minute(time), 0);
                let found = assignment::Holders::identify(&index, &[seen], &operator.own, &clearance, now()).unwrap();
                let said = said(&index, found[0]);
                let Some(named) = said.strip_prefix("user").map(|user| user.parse::<usize>().unwrap()) else { continue };
                let holder = world.iter().find(|truth| truth.address == address && truth.start <= time && time < truth.end);
                match holder {
                    Some(holder) if holder.lost != [true; 4] => prop_assert_eq!(named, holder.user, "{} at {}", address, time),
                    _ => prop_assert!(world[named].lost[3], "{} at {}: {}'s stop arrived", address, time, named),
                }
            }
        }
    }
}
