//! Converting a file of one's own: to a file or a pipe, with what was lost and what was not understood.

use crate::desk::{Desk, LANGUAGES, sample};

#[test]
fn from_a_list_to_every_form_by_file_and_by_pipe() {
    let desk = Desk::empty();
    desk.file("list.csv", sample("list.csv"));
    for form in ["idf", "csv", "csv-excel", "xarf", "stix", "misp"] {
        let ran = desk.run(&format!("convert list.csv --timezone Asia/Tokyo --to {form}")).exits(1);
        assert!(ran.out.contains("198.18.0.10"), "{form}: {}", ran.out);
        let piped = format!("convert - --timezone Asia/Tokyo --to {form} --out out.{form}");
        let by_pipe = desk.run_with(&piped, &[], sample("list.csv").as_bytes()).exits(1);
        assert_eq!((by_pipe.out.as_str(), desk.read(&format!("out.{form}")).is_empty()), ("", false), "{form}");
    }
    assert!(desk.run("convert list.csv --timezone Asia/Tokyo --to csv-excel").out.starts_with('\u{feff}'));
    // And back.
    desk.run("convert list.csv --timezone Asia/Tokyo --to idf --out list.jsonl").exits(1);
    let back = desk.run("convert list.jsonl --to csv").exits(0);
    assert_eq!(back.out.lines().count(), 6);
}

#[test]
fn mistakes() {
    let desk = Desk::empty();
    desk.file("list.csv", sample("list.csv"));
    desk.file("empty.csv", "");
    for lang in LANGUAGES {
        let run = |line: &str| desk.run(&format!("convert {line} --lang {lang}"));
        run("list.csv --to idf").exits(1).explains("no-time-zone", lang).says(["list.csv:2: 検知日時"]);
        let ran = run("list.csv --timezone Asia/Tokyo --to idf").exits(1).explains("bad-address", lang);
        ran.says(["list.csv:6: 送信元IPアドレス", "list.csv.errors.csv"]);
        run("empty.csv --to idf").exits(1).explains("empty-file", lang);
        run("no-such.csv --to idf").exits(1).explains("cannot-open-file", lang);
        run("list.csv --from lst --to idf").exits(1).explains("unknown-format-name", lang);
        let ran = run("list.csv --timezone Asia/Tokyo --to idf --out no/such/folder.jsonl").exits(1);
        ran.explains("cannot-open-file", lang).says(["no/such/folder.jsonl"]);
    }
    desk.run("convert list.csv --to pdf").exits(2).says(["csv-excel"]);
    desk.run("convert list.csv").exits(2).says(["--to"]);
}

/// What is refused leaves the file that was there before as it was, and nothing beside it.
#[test]
fn a_conversion_is_whole_or_nothing() {
    let desk = Desk::empty();
    desk.file("list.csv", sample("list.csv"));
    desk.file("out.jsonl", "yesterday's");
    for to in ["idf", "csv", "stix"] {
        desk.run(&format!("convert list.csv --to {to} --out out.jsonl --lang en"))
            .exits(1)
            .explains("no-time-zone", "en");
        assert_eq!(desk.read("out.jsonl"), "yesterday's");
    }
    desk.run("convert list.csv --timezone Asia/Tokyo --to idf --out out.jsonl").exits(1);
    assert_eq!(desk.read("out.jsonl").lines().count(), 5);
    let files = std::fs::read_dir(desk.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(files.into_iter().all(|name| !name.contains("unfinished")));
    desk.run("convert list.csv --timezone Asia/Tokyo --to idf --out /dev/null").exits(1);
}

#[test]
fn at_a_deployment_it_stands_in_the_ledger() {
    let desk = Desk::open();
    desk.file("list.csv", sample("list.csv"));
    let leaves = || desk.hub("ledger verify -o json").exits(0).row()["leaves"].as_u64().unwrap();
    let before = leaves();
    desk.hub("convert list.csv --timezone Asia/Tokyo --to idf").exits(1);
    assert_eq!(leaves(), before + 2, "decided and done");
    let ran = desk.run_with("--home hub convert list.csv --to idf --lang en", &[], b"").exits(1);
    ran.explains("no-time-zone", "en");
    desk.hub("ledger verify").exits(0);
    assert_eq!(desk.hub("ledger verify -o json").row()["open"], 0, "what failed was given up, not left open");
}
