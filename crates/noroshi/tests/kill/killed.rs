//! A round of 100,000 rows, its processes killed some twenty-five times on the way: at points by name, and at moments that chance
//! names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use model::port::SeededEntropy;
use serde_json::Value;

use crate::desk::{Desk, ROUND};
use crate::server::{Server, certificates};

/// Rows of the list.
const ROWS: u64 = 100_000;
/// Subscribers of the operator, each with an equal share of its addresses.
const SUBSCRIBERS: u64 = 300;

/// What is done and where; at which of its points it is killed, one after the other; and how often at a moment that chance names,
/// before it is let through.
const STEPS: [(&str, &str, &[&str], u32); 7] = [
    (
        "hub",
        "ingest list.csv --round sample-2026/1 --from cert-example --timezone Asia/Tokyo",
        &["gate.decided.after:1", "disk.rename:2", "store.commit.before:2"],
        3,
    ),
    ("hub", "round send sample-2026/1", &["deliver.routed:1", "disk.sync:3"], 3),
    ("hub", "carry", &["courier.after-send:1", "gate.decided.before:2"], 1),
    (
        "isp",
        "assignments import leases.csv --as-of 2026-05-13T00:00:00+09:00",
        &["disk.rename:1", "gate.decided.after:1"],
        0,
    ),
    ("isp", "assignments subscribers contacts.csv", &["disk.written:1"], 0),
    (
        "isp",
        "node run",
        &["take.before-tidy:1", "tell.rendered:1", "courier.after-send:40", "courier.before-send:90"],
        4,
    ),
    ("hub", "answer", &["store.commit.after:1"], 1),
];

/// A list of infected addresses as a CERT sends it: nine tenths of them the operator's, the others another's or nobody's, a
/// few said twice and a few that are none.
fn list(rows: u64) -> String {
    let chance = SeededEntropy::new(20_260_512);
    let mut text = String::from("検知日時,送信元IPアドレス,ポート番号,マルウェア名\n");
    for n in 0..rows {
        let (second, host) = (n % 86_400, chance.below(4_096));
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let network = match n % 100 {
            0..90 => "198.18",
            90..98 => "198.18.16",
            98 => "192.0.2",
            _ => "999.0.0",
        };
        let address = match network {
            "198.18" => format!("198.18.{}.{}", host / 256, host % 256),
            other => format!("{other}.{}", host % 256),
        };
        let _ =
            writeln!(text, "2026/05/12 {hour:02}:{minute:02}:{second:02},{address},{},samplebot", 1_024 + n % 60_000);
    }
    text
}

fn leases() -> String {
    let mut text = String::from("アドレス,開始ポート,終了ポート,開始日時,終了日時,契約者番号\n");
    for host in 0..4_096_u64 {
        let (high, low, who) = (host / 256, host % 256, host % SUBSCRIBERS);
        let _ = writeln!(text, "198.18.{high}.{low},,,2026-05-12T00:00:00+09:00,2026-05-13T00:00:00+09:00,S-{who}");
    }
    text
}

fn contacts() -> String {
    let mut text = String::from("契約者番号,メールアドレス,言語,通知停止\n");
    for who in 0..SUBSCRIBERS {
        let _ = writeln!(text, "S-{who},s{who}@users.example.org,ja,");
    }
    text
}

/// A hub and a node whose notices go to that server.
fn desk(server: &Server) -> Desk {
    let desk = Desk::open();
    desk.file("list.csv", list(ROWS));
    desk.file("leases.csv", leases());
    desk.file("contacts.csv", contacts());
    for home in ["hub", "isp"] {
        // Whoever comes after the dead does not wait for minutes.
        desk.settings(home, "[house]\n", "[house]\nlease_seconds = 1\nabandon_after_seconds = 1\n");
    }
    let text = desk.read("isp/noroshi.toml").replace("\nway = \"eml\"", "\nway = \"smtp\"");
    let (before, _) = text.split_once("\n[courier").unwrap_or((&text, ""));
    let (port, ca) = (server.port, certificates().join("ca.pem"));
    let mail = format!(
        "\n[courier]\nfrom = \"abuse@isp-hokuto.example.org\"\n[courier.smtp]\nhost = \"localhost\"\nport = {port}\nca_file = {ca:?}\n"
    );
    desk.file("isp/noroshi.toml", format!("{before}{mail}"));
    desk
}

/// Runs a step to its end; how long it took.
fn whole(desk: &Desk, home: &str, line: &str) -> Duration {
    let begun = Instant::now();
    let ran = desk.run(&format!("--home {home} {line}"));
    // Rows were rejected, so `ingest` says "in part".
    assert!(ran.exit == 0 || ran.exit == 1 && line.starts_with("ingest"), "{ran:?}");
    begun.elapsed()
}

/// Runs a step and kills it after `after`; whether it was still alive then.
fn killed(desk: &Desk, home: &str, line: &str, after: Duration) -> bool {
    let mut command = desk.command(&format!("--home {home} {line}"), &[]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    // SIGKILL: nothing is unwound, nothing flushed.
    let alive = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    alive
}

/// What is to be the same, killed or not.
#[derive(Debug, PartialEq)]
struct End {
    figures: Value,
    jobs: BTreeMap<String, usize>,
    told: BTreeSet<String>,
    /// Rows whose subscriber is known to have been told.
    told_rows: u64,
    dropped: BTreeMap<String, usize>,
}

/// How it ended, and how many letters nobody knows about.
fn end(desk: &Desk, server: &Server) -> (End, usize) {
    let mut figures = desk.hub(&format!("round show {ROUND} -o json")).exits(0).json();
    for delivery in figures["deliveries"].as_array_mut().unwrap() {
        // Ids, tickets and times are this run's own.
        delivery
            .as_object_mut()
            .unwrap()
            .retain(|key, _| ["party", "kind", "rows", "terminals", "stage"].contains(&key.as_str()));
    }
    // A letter that was killed twice while it went is never sent a third time, and nobody is said to have been told by it.
    let told_rows = merge_told(&mut figures["figures"]);
    let mut unknown = 0;
    let mut jobs = BTreeMap::new();
    for home in ["hub", "isp"] {
        // What the dead left open is given up by the next command, what they left unnumbered is numbered.
        std::thread::sleep(Duration::from_millis(1_100));
        desk.run(&format!("--home {home} carry")).exits(0);
        let verdict = desk.run(&format!("--home {home} ledger verify -o json")).exits(0).row();
        assert_eq!(
            (&verdict["open"], &verdict["unsequenced"], &verdict["faults"]),
            (&0.into(), &0.into(), &0.into()),
            "{verdict}"
        );
        unknown += state(desk, home, &mut jobs);
    }
    let mut told = BTreeSet::new();
    let mut copies: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for letter in server.accepted() {
        let head = String::from_utf8_lossy(&letter.bytes).into_owned();
        let id = head.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
        for recipient in letter.recipients() {
            *copies.entry(recipient.to_owned()).or_default().entry(id.clone()).or_default() += 1;
        }
    }
    for (who, ids) in copies {
        assert_eq!(ids.len(), 1, "{who} has letters under several Message-IDs");
        assert!(ids.values().all(|times| *times <= 2), "{who} has a letter {ids:?} times");
        told.insert(who);
    }
    let mut dropped = BTreeMap::new();
    for party in ["isp-hokuto", "isp-minato", "cert-example", "clearing-house"] {
        for folder in [party.to_owned(), format!("{party}/taken")] {
            let Ok(files) = std::fs::read_dir(desk.path().join("drop").join(&folder)) else { continue };
            let manifests =
                files.filter(|file| file.as_ref().unwrap().path().to_string_lossy().ends_with(".manifest.json"));
            dropped.insert(folder, manifests.count());
        }
    }
    (End { figures, jobs, told, told_rows, dropped }, unknown)
}

/// Counts `told` as `identified`; how many rows were told.
fn merge_told(figures: &mut Value) -> u64 {
    let outcomes = figures["outcomes"].as_array_mut().unwrap();
    let place = |name: &str, outcomes: &[Value]| outcomes.iter().position(|one| one[0] == name).unwrap();
    let (told, identified) = (place("told", outcomes), place("identified", outcomes));
    let rows = outcomes[told][1].as_u64().unwrap();
    outcomes[identified][1] = (outcomes[identified][1].as_u64().unwrap() + rows).into();
    outcomes[told][1] = 0.into();
    figures["ladder"]["told"] = 0.into();
    rows
}

/// Counts the outbox's jobs; every file that the state names is there, and no other of the archive's. How many letters nobody
/// knows about; each other one went.
fn state(desk: &Desk, home: &str, jobs: &mut BTreeMap<String, usize>) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut unknown = 0;
        let url = format!("sqlite://{}", desk.path().join(home).join("state.db").display());
        let store = store::Store::open(&url, std::sync::Arc::new(model::port::NoFaults)).await.unwrap();
        for state in store::outbox::State::ALL {
            for job in store::outbox::in_state(&store, *state).await.unwrap() {
                *jobs.entry(format!("{home} {} {state}", job.job.kind)).or_default() += 1;
                for letter in store::outbox::letters(&store, job.job.id).await.unwrap() {
                    assert_eq!(letter.standing, store::outbox::Standing::Unknown, "{letter:?}");
                    unknown += 1;
                }
            }
        }
        let named: BTreeSet<String> = store::fact::paths(&store).await.unwrap().into_iter().collect();
        let mut there = BTreeSet::new();
        let archive = desk.path().join(home).join("archive");
        for folder in std::fs::read_dir(&archive).unwrap().map(|entry| entry.unwrap().path()) {
            for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
                let name = file.strip_prefix(&archive).unwrap().to_string_lossy().into_owned();
                if !name.ends_with(disk::UNFINISHED) {
                    there.insert(name);
                }
            }
        }
        assert_eq!(named, there, "{home}: what the state names and what lies in the archive");
        store.close().await;
        unknown
    })
}

#[test]
fn a_round_of_a_hundred_thousand_rows_survives_twenty_kills() {
    let (undisturbed, disturbed) = (Server::start(&["--tls", "starttls"]), Server::start(&["--tls", "starttls"]));
    let reference = desk(&undisturbed);
    let took: Vec<Duration> = STEPS.iter().map(|(home, line, ..)| whole(&reference, home, line)).collect();
    let (mut expected, unknown) = end(&reference, &undisturbed);
    assert_eq!(unknown, 0);
    assert_eq!(expected.told.len() as u64, SUBSCRIBERS);
    assert_eq!(expected.figures["figures"]["intake"]["read"], ROWS, "{}", expected.figures);

    let desk = desk(&disturbed);
    let chance = SeededEntropy::new(std::process::id().into());
    let mut kills = 0;
    for ((home, line, points, times), took) in STEPS.iter().zip(&took) {
        for point in *points {
            let ran = desk.run_with(&format!("--home {home} {line}"), &[("NOROSHI_CRASH_AT", point)], b"");
            assert_eq!(ran.exit, -1, "{point} is not passed: {ran:?}");
            kills += 1;
            std::thread::sleep(Duration::from_millis(1_100));
        }
        for n in 0..*times {
            // The first die early, the later ones later, lest a step get through before most of its deaths.
            let percent = 2 + chance.below(10 + u64::from(30 * n / times));
            if !killed(&desk, home, line, took.mul_f64(percent as f64 / 100.0)) {
                break;
            }
            kills += 1;
            std::thread::sleep(Duration::from_millis(1_100));
        }
        // It may have got through before it was killed; then this run finds nothing to do and says so.
        let ran = desk.run(&format!("--home {home} {line}"));
        let again = ["same-file-again", "nothing-to-send"].iter().any(|code| ran.err.contains(&format!("[{code}]")));
        assert!(ran.exit <= 1 && (ran.exit == 0 || line.starts_with("ingest") || again), "{ran:?}");
    }
    assert!(kills >= 18, "{kills} kills came in time");
    let (ended, unknown) = end(&desk, &disturbed);
    let untold = expected.told_rows - ended.told_rows;
    assert!(unknown <= 3 && (untold > 0) == (unknown > 0), "{unknown} letters, {untold} rows");
    expected.told_rows = ended.told_rows;
    assert_eq!(ended, expected, "after {kills} kills");
    eprintln!("{kills} kills, {unknown} letters of unknown fate; undisturbed, the steps took {took:?}");
}
