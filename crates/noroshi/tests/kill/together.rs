//! Two processes at once on the same state: each deed is done once, and whoever comes too late says so.

use std::process::{Child, Output, Stdio};

use crate::desk::{Desk, ROUND, sample};

/// Starts a command line `times` times at once, and waits for all of them.
fn together(desk: &Desk, lines: &[&str]) -> Vec<Output> {
    let start = |line: &&str| -> Child { desk.command(line, &[]).stdin(Stdio::null()).spawn().unwrap() };
    let children: Vec<Child> = lines.iter().map(start).collect();
    children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

fn said(output: &Output) -> String {
    format!("{:?} {}", output.status.code(), String::from_utf8_lossy(&output.stderr))
}

/// Exactly one of them did it; each of the others says with one of these codes, and that exit code, why not.
#[track_caller]
fn one_of(outputs: &[Output], done: i32, codes: &[&str], exits: &[i32]) {
    let (did, did_not): (Vec<_>, Vec<_>) = outputs.iter().partition(|o| {
        o.status.code() == Some(done) && {
            let err = String::from_utf8_lossy(&o.stderr);
            !codes.iter().any(|code| err.contains(&format!("[{code}]")))
        }
    });
    let all: Vec<String> = outputs.iter().map(said).collect();
    assert_eq!(did.len(), 1, "{all:#?}");
    for output in did_not {
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(codes.iter().any(|code| err.contains(&format!("[{code}]"))), "{all:#?}");
        assert!(exits.contains(&output.status.code().unwrap_or(-1)), "{all:#?}");
    }
}

#[test]
fn two_processes_do_everything_once() {
    let desk = Desk::open();
    desk.file("list.csv", sample("list.csv"));
    let ingest =
        |file: &str| format!("--home hub ingest {file} --round {ROUND} --from cert-example --timezone Asia/Tokyo");
    let one = ingest("list.csv");
    let outputs = together(&desk, &[&one, &one, &one]);
    // One row of the sample is none, so whoever ingests it says "in part".
    one_of(&outputs, 1, &["same-file-again", "store-overtaken", "store-already-there", "store-busy"], &[1, 75]);
    let shown = desk.hub(&format!("round show {ROUND} -o json")).exits(0).json();
    assert_eq!(
        (&shown["figures"]["intake"]["read"], &shown["figures"]["intake"]["received"]),
        (&6.into(), &4.into()),
        "{shown}"
    );

    let send = format!("--home hub round send {ROUND}");
    let outputs = together(&desk, &[&send, &send, &send]);
    one_of(&outputs, 0, &["nothing-to-send", "store-overtaken", "store-not-there", "store-busy"], &[1, 75]);
    let outputs = together(&desk, &["--home hub carry", "--home hub carry", "--home hub ledger sequence"]);
    assert!(
        outputs.iter().all(|o| matches!(o.status.code(), Some(0 | 1))),
        "{:#?}",
        outputs.iter().map(said).collect::<Vec<_>>()
    );
    for party in ["isp-hokuto", "isp-minato", "cert-example"] {
        let files = std::fs::read_dir(desk.path().join("drop").join(party)).unwrap();
        let manifests = files.filter(|f| f.as_ref().unwrap().path().to_string_lossy().ends_with(".manifest.json"));
        assert_eq!(manifests.count(), 1, "{party}");
    }
    let run = "--home isp node run";
    let outputs = together(&desk, &[run, run, run]);
    let fair = |o: &Output| matches!(o.status.code(), Some(0 | 1 | 75));
    assert!(outputs.iter().all(fair), "{:#?}", outputs.iter().map(said).collect::<Vec<_>>());
    // Whoever was overtaken goes on where things stand.
    for _ in 0..2 {
        desk.isp("node run");
    }
    let letters = std::fs::read_dir(desk.path().join("isp/mail")).unwrap().count();
    assert_eq!(letters, 1, "one subscriber is told, once");
    desk.hub("answer").exits(0);
    let ladder = desk.hub(&format!("round show {ROUND} -o json")).exits(0).json()["figures"]["ladder"].clone();
    assert_eq!((&ladder["told"], &ladder["sent"]), (&1.into(), &3.into()), "{ladder}");
    desk.hub("ledger verify").exits(0);
    desk.isp("ledger verify").exits(0);
}
