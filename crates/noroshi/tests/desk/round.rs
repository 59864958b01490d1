//! Rounds: opened in order, sent once, refused by the gate where no ground is known, carried to folders.

use crate::desk::{Desk, LANGUAGES, ROUND, sample};

#[test]
fn rounds_are_opened_in_order() {
    let desk = Desk::open();
    for lang in LANGUAGES {
        let ran = desk.hub(&format!("round open sample-2026/3 --lang {lang}")).exits(1);
        ran.explains("round-out-of-order", lang).says(["sample-2026/3 → sample-2026/2"]);
        let ran = desk.hub(&format!("round open {ROUND} --lang {lang}")).exits(1);
        ran.explains("round-out-of-order", lang);
        desk.hub(&format!("round open other/1 --lang {lang}")).exits(6).explains("not-found", lang);
        desk.hub(&format!("round show sample-2026/2 --lang {lang}")).exits(6).explains("not-found", lang);
        desk.hub(&format!("round list other --lang {lang}")).exits(6).explains("not-found", lang);
    }
    desk.hub("round open sample-2026").exits(2);
    desk.hub("round open sample-2026/2").exits(0);
}

#[test]
fn a_round_is_sent_once_and_a_trial_sends_nothing() {
    let desk = Desk::open();
    for lang in LANGUAGES {
        desk.hub(&format!("round send {ROUND} --lang {lang}")).exits(1).explains("nothing-to-send", lang);
    }
    desk.file("list.csv", sample("list.csv"));
    desk.ingest("list.csv", "--timezone Asia/Tokyo").exits(1);
    let trial = desk.hub(&format!("round send {ROUND} --dry-run -o json")).exits(0).json();
    assert_eq!(desk.hub("carry --dry-run -o json").exits(0).json().as_array().unwrap().len(), 0);
    let sent = desk.hub(&format!("round send {ROUND} -o json")).exits(0).json();
    assert_eq!(trial, sent, "the trial says what is done");
    let rows: Vec<(&str, u64, &str)> = sent
        .as_array()
        .unwrap()
        .iter()
        .map(|l| (l["party"].as_str().unwrap_or(""), l["rows"].as_u64().unwrap(), l["ground"].as_str().unwrap_or("")))
        .collect();
    assert!(rows.contains(&("isp-hokuto", 2, "legitimate-business-act")), "{rows:?}");
    assert!(rows.contains(&("isp-minato", 1, "legitimate-business-act")), "{rows:?}");
    for lang in LANGUAGES {
        desk.hub(&format!("round send {ROUND} --lang {lang}")).exits(1).explains("nothing-to-send", lang);
    }
    // The outbox: to whom, how many, on which ground; nothing goes by looking.
    let waits = desk.hub("carry --dry-run -o json").exits(0).json();
    let hokuto = waits.as_array().unwrap().iter().find(|job| job["party"] == "isp-hokuto").unwrap();
    assert_eq!(
        (&hokuto["letters"], &hokuto["rows"], &hokuto["ground"]),
        (&1.into(), &2.into(), &"legitimate-business-act".into())
    );
    assert!(!desk.has("drop"));
    let carried = desk.hub("carry -o json").exits(0).row();
    assert_eq!((&carried["jobs"], &carried["postponed"], &carried["failed"]), (&3.into(), &0.into(), &0.into()));
    for party in ["isp-hokuto", "isp-minato", "cert-example"] {
        assert!(desk.has(&format!("drop/{party}")), "{party}");
    }
    assert_eq!(desk.hub("carry -o json").exits(0).row()["jobs"], 0, "nothing goes twice");
    desk.hub("ledger verify").exits(0);
}

#[test]
fn a_refusal_by_the_gate_names_rule_ground_and_decision() {
    let desk = Desk::open();
    let plan = desk.run("operation example").out;
    desk.file("plan.toml", plan.replace("sample-2026", "other-2026").replace("necessary = true", "necessary = false"));
    desk.hub("operation open plan.toml").exits(0);
    desk.hub("round open other-2026/1").exits(0);
    desk.file("list.csv", sample("list.csv"));
    for (lang, words) in
        [("ja", ["関門が認めませんでした", "台帳の決定"]), ("en", ["refused by the gate", "decision in the ledger"])]
    {
        for line in [
            "ingest list.csv --round other-2026/1 --from cert-example --timezone Asia/Tokyo",
            "round send other-2026/1",
        ] {
            let ran = desk.hub(&format!("{line} --lang {lang}"));
            if ran.exit == 3 {
                let ran = ran.says(words).says(["law show"]);
                assert_eq!(ran.out, "");
                return;
            }
        }
    }
    panic!("nothing was refused");
}

#[test]
fn a_table_for_people_and_data_for_machines() {
    let desk = Desk::open();
    desk.send();
    let table = desk.hub(&format!("round show {ROUND} --lang ja")).exits(0);
    assert!(table.out.contains("対応率（送付/受領）") && table.out.contains("isp-hokuto"), "{}", table.out);
    assert_eq!(desk.deliveries().len(), 3);
    let csv = desk.hub(&format!("round show {ROUND} -o csv")).exits(0).out;
    assert!(csv.starts_with("delivery,party,kind,rows,terminals,stage,ground,outcomes\n"), "{csv}");
    let figures = desk.hub("round list -o json").exits(0).json()[0].clone();
    assert_eq!((&figures["received"], &figures["sent"], &figures["returned"]), (&4.into(), &3.into(), &1.into()));
    assert_eq!((&figures["rate"], &figures["told"]), (&"75.0 %".into(), &0.into()));
}

#[test]
fn what_is_inhibited_is_withheld_with_its_reason() {
    let desk = Desk::open();
    let roster = sample("roster.toml").replace("quickstart-1", "quickstart-2");
    let inhibition =
        "\n[[inhibition]]\nparty = \"isp-minato\"\nreason = \"equipment is being replaced\"\nuntil = 2035-01-01\n";
    desk.file("roster.toml", format!("{roster}{inhibition}"));
    desk.hub("party import roster.toml").exits(0);
    desk.file("list.csv", sample("list.csv"));
    desk.ingest("list.csv", "--timezone Asia/Tokyo").exits(1);
    let lines = desk.hub(&format!("round send {ROUND} -o json")).exits(0).json();
    let held: Vec<_> = lines.as_array().unwrap().iter().filter(|l| l["door"] == "withheld").collect();
    assert_eq!(held.len(), 1, "{lines}");
    assert_eq!(
        (&held[0]["party"], &held[0]["rows"], &held[0]["reason"]),
        (&"isp-minato".into(), &1.into(), &"inhibited".into())
    );
}

#[test]
fn a_carrier_that_died_holds_its_job_for_a_while_and_nothing_goes_twice() {
    let desk = Desk::open();
    desk.send();
    let lease = ("NOROSHI_HOUSE__LEASE_SECONDS", "4");
    let died = desk.run_with("--home hub carry", &[lease, ("NOROSHI_CRASH_AT", "courier.after-send:1")], b"");
    assert_eq!((died.exit, died.out.as_str()), (-1, ""), "{}", died.err);
    let states = || -> Vec<String> {
        let jobs = desk.hub("carry --dry-run -o json").exits(0).json();
        jobs.as_array().unwrap().iter().map(|job| job["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states(), ["waiting", "waiting", "claimed"]);
    let ran = desk.hub("carry --lang en -o json").exits(1).says(["another process"]);
    assert_eq!(ran.row()["jobs"], 2, "the others go");
    desk.hub("carry --lang ja").exits(1).says(["別の処理"]);
    std::thread::sleep(std::time::Duration::from_millis(4_200));
    assert_eq!(desk.hub("carry -o json").exits(0).row()["jobs"], 1);
    assert_eq!(states(), Vec::<String>::new());
    for party in ["isp-hokuto", "isp-minato", "cert-example"] {
        let folder = std::fs::read_dir(desk.path().join("drop").join(party)).unwrap();
        let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert_eq!(names.filter(|name| name.ends_with("manifest.json")).count(), 1, "{party}");
    }
    desk.hub("ledger verify").exits(0);
}

/// What is more than a delivery holds goes in further ones, and nothing of it is told apart in the figures.
#[test]
fn a_full_delivery_is_followed_by_another() {
    let desk = Desk::open();
    desk.settings("hub", "[house]", "[house]\ndelivery_rows = 2");
    let row = |n: u32, ip: &str| format!("2026/05/12 09:15:0{n},{ip}{n},51000,samplebot\n");
    let rows: String = (1..8).map(|n| row(n, "198.18.0.1")).chain((1..4).map(|n| row(n, "203.0.113.1"))).collect();
    desk.file("list.csv", format!("検知日時,送信元IPアドレス,ポート番号,マルウェア名\n{rows}"));
    desk.ingest("list.csv", "--timezone Asia/Tokyo").exits(0);
    let trial = desk.hub(&format!("round send {ROUND} --dry-run -o json")).exits(0).json();
    let sent = desk.hub(&format!("round send {ROUND} -o json")).exits(0).json();
    assert_eq!(trial, sent, "the trial says what is done");
    let deliveries = desk.deliveries();
    let of = |party: &str| {
        let mut rows: Vec<u64> =
            deliveries.iter().filter(|d| d["party"] == party).map(|d| d["rows"].as_u64().unwrap()).collect();
        rows.sort_unstable();
        rows
    };
    assert_eq!((of("isp-hokuto"), of("cert-example")), (vec![1, 2, 2, 2], vec![1, 2]));
    desk.hub("carry").exits(0);
    desk.hub("ledger verify").exits(0);
}
