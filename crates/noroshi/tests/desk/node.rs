//! At an operator: taking, identifying, telling; nobody is told by a trial, and what is wrong with a delivery is said.

use crate::desk::{Desk, LANGUAGES, ROUND, sample};

/// A desk where the hub's deliveries lie in the node's inbox.
fn delivered() -> (Desk, String) {
    let desk = Desk::open();
    desk.send();
    desk.hub("carry").exits(0);
    let id = desk.delivery_to("isp-hokuto")["delivery"].as_str().unwrap().to_owned();
    (desk, id)
}

fn mails(desk: &Desk) -> Vec<String> {
    let Ok(folder) = std::fs::read_dir(desk.path().join("isp/mail")) else { return Vec::new() };
    let files = folder.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "eml"));
    files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn from_delivery_to_told_subscriber() {
    let (desk, id) = delivered();
    desk.isp("node take --lang en").exits(0).says([format!("took delivery {id} (2 rows)").as_str()]);
    let trial = desk.isp(&format!("node tell {id} --dry-run -o json")).exits(0).json();
    assert_eq!((&trial[0]["letters"], mails(&desk).len()), (&1.into(), 0), "a trial tells nobody");
    let ran = desk.isp("node run -o json").exits(0);
    assert_eq!(ran.json(), trial, "the trial says what is done");
    let mails = mails(&desk);
    assert_eq!(mails.len(), 1, "one mail per subscriber; who declined gets none");
    assert!(
        mails[0].contains("To: <hanako@isp-hokuto.example.org>")
            || mails[0].contains("To: hanako@isp-hokuto.example.org")
    );
    // Again: nobody is told twice.
    desk.isp("node run").exits(0);
    assert_eq!(self::mails(&desk).len(), 1);
    desk.isp("ledger verify").exits(0);
    // No subscriber reference at the hub.
    for needle in ["C-1001", "hanako"] {
        assert!(!found(&desk.path().join("hub"), needle) && !found(&desk.path().join("drop"), needle), "{needle}");
    }
}

fn found(folder: &std::path::Path, needle: &str) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return found(&path, needle);
        }
        let bytes = std::fs::read(&path).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}

#[test]
fn a_trial_of_the_whole_run_takes_and_tells_nothing() {
    let (desk, _) = delivered();
    let ran = desk.isp("node run --dry-run -o json --lang en").exits(0).says(["dry run"]);
    assert_eq!(ran.json()[0]["rows"], 2);
    assert!(mails(&desk).is_empty());
    assert!(!desk.has("drop/clearing-house"), "nothing was answered");
    assert_eq!(desk.isp("carry --dry-run -o json").exits(0).json(), serde_json::json!([]));
    desk.isp("node take --lang en").exits(0).says(["took delivery"]);
}

#[test]
fn a_delivery_that_was_cut_off_or_changed_stays_where_it_is() {
    let (desk, _) = delivered();
    let folder = desk.path().join("drop/isp-hokuto");
    let part = |ends: &str| {
        let mut files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        files.find(|path| path.to_string_lossy().ends_with(ends)).unwrap()
    };
    let rows = part("idf.jsonl");
    let bytes = std::fs::read(&rows).unwrap();
    std::fs::write(&rows, &bytes[..bytes.len() - 20]).unwrap();
    for lang in LANGUAGES {
        let ran = desk.isp(&format!("node run --lang {lang}")).exits(1).explains("parcel-differs", lang);
        assert!(ran.err.contains("idf.jsonl"), "{}", ran.err);
    }
    std::fs::write(&rows, &bytes).unwrap();
    let manifest = part("manifest.json");
    let whole = std::fs::read(&manifest).unwrap();
    std::fs::write(&manifest, "{").unwrap();
    for lang in LANGUAGES {
        desk.isp(&format!("node run --lang {lang}")).exits(1).explains("bad-manifest", lang).says(["manifest.json"]);
    }
    std::fs::write(&manifest, whole).unwrap();
    desk.isp("node run").exits(0);
    assert_eq!(mails(&desk).len(), 1);
}

#[test]
fn a_delivery_for_somebody_else() {
    let (desk, _) = delivered();
    let (from, to) = (desk.path().join("drop/isp-minato"), desk.path().join("drop/isp-hokuto"));
    for entry in std::fs::read_dir(&from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    for lang in LANGUAGES {
        desk.isp(&format!("node take --lang {lang}")).exits(1).explains("delivery-not-ours", lang);
    }
}

#[test]
fn outcomes_that_people_learned_of() {
    let (desk, id) = delivered();
    desk.isp("node run").exits(0);
    desk.hub("answer").exits(0);
    desk.file("o.csv", format!("record,outcome\n{id}:1,cleaned\n{id}:9,cleaned\n"));
    for lang in LANGUAGES {
        let ran = desk.isp(&format!("node outcome {id} o.csv --dry-run --lang {lang}")).exits(1);
        ran.explains("answer-beyond-delivery", lang).says(["o.csv:3"]);
    }
    assert_eq!(desk.hub("answer -o json").exits(0).row()["files"], 0, "a trial answers nothing");
    desk.isp(&format!("node outcome {id} o.csv")).exits(1).says(["o.csv.errors.csv"]);
    assert_eq!(desk.hub("answer -o json").exits(0).row()["moved"], 1);
    let ladder = desk.hub(&format!("round show {ROUND} -o json")).json()["figures"]["ladder"].clone();
    assert_eq!((&ladder["told"], &ladder["cleaned"]), (&1.into(), &1.into()), "{ladder}");
    let nobodys = "0146eb2c-2400-7000-8000-00c0ffee0001";
    for lang in LANGUAGES {
        let ran = desk.isp(&format!("node tell {nobodys} --lang {lang}")).exits(6);
        ran.explains("not-found", lang).says([nobodys]);
        let ran = desk.isp(&format!("node outcome {nobodys} o.csv --lang {lang}")).exits(6);
        ran.explains("not-found", lang);
    }
    desk.isp("node tell 17").exits(2);
}

#[test]
fn header_injection_through_what_a_report_says() {
    let desk = Desk::open();
    let evil = "samplebot\r\nBcc: all@example.org\r\n\r\n";
    desk.file(
        "list.csv",
        format!("検知日時,IPアドレス,ポート,マルウェア名\n2026/05/12 09:15:00,198.18.0.10,51000,\"{evil}\"\n"),
    );
    let ran = desk.ingest("list.csv", "--timezone Asia/Tokyo");
    assert!(ran.exit == 0 || ran.exit == 1, "{}", ran.err);
    // Also through the name of the file.
    let name = "ok\r\nBcc: all@example.org\r\n.csv";
    desk.file(name, "検知日時,IPアドレス,ポート\n2026/05/12 09:17:00,198.18.0.10,51001\n");
    let mut command = desk.command("--home hub ingest", &[]);
    command.args([name, "--round", ROUND, "--from", "cert-example", "--timezone", "Asia/Tokyo"]);
    assert!(command.output().unwrap().status.success());
    desk.hub(&format!("round send {ROUND}")).exits(0);
    desk.hub("carry").exits(0);
    desk.isp("node run").exits(0);
    let mails = mails(&desk);
    assert_eq!(mails.len(), 1);
    let (head, _) = mails[0].split_once("\r\n\r\n").unwrap();
    assert!(!head.to_lowercase().contains("bcc"), "{head}");
}

#[test]
fn a_node_without_a_sender_of_notices_says_which_setting() {
    let (desk, _) = delivered();
    let settings = desk.read("isp/noroshi.toml");
    let (before, rest) = settings.split_once("[house.notice_from]").unwrap();
    let (_, after) = rest.split_once("way = \"eml\"\n").unwrap();
    desk.file("isp/noroshi.toml", format!("{before}{after}"));
    for lang in LANGUAGES {
        let ran = desk.isp(&format!("node run --lang {lang}")).exits(1).explains("setting-missing", lang);
        ran.says(["notice_from"]);
    }
    desk.file("isp/noroshi.toml", settings);
    desk.isp("node run").exits(0);
    assert_eq!(mails(&desk).len(), 1, "and nobody was lost by that");
}

#[test]
fn before_its_roster_knows_the_hub() {
    let (desk, _) = delivered();
    let roster = sample("roster.toml")
        .replace("quickstart-1", "quickstart-9")
        .replace("\"clearing-house\"\n", "\"other-house\"\n");
    desk.file("roster.toml", roster);
    desk.isp("party import roster.toml").exits(0);
    for lang in LANGUAGES {
        desk.isp(&format!("node run --lang {lang}")).exits(6).explains("not-found", lang).says(["clearing-house"]);
    }
}
