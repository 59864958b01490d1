//! Assignment records and subscribers' contacts: bad rows are named and do not stop the others; nothing is assumed.

use crate::desk::{Desk, LANGUAGES, root, sample};

const HEADING: &str = "アドレス,開始ポート,終了ポート,開始日時,終了日時,契約者番号\n";

#[test]
fn bad_rows_do_not_stop_the_others() {
    let desk = Desk::open();
    let good = "198.18.0.50,,,2026-05-12T00:00:00+09:00,2026-05-12T12:00:00+09:00,C-2001\n";
    for (bad, field) in [
        ("198.18.0.999,,,2026-05-12T00:00:00+09:00,,C-2002", "アドレス"),
        ("198.18.0.51,60000,1024,2026-05-12T00:00:00+09:00,,C-2002", "ポート"),
        ("198.18.0.51,,,2026-05-12T12:00:00+09:00,2026-05-12T00:00:00+09:00,C-2002", "日時"),
        ("198.18.0.51,,,2026-05-12T00:00:00+09:00,,", "契約者番号"),
    ] {
        desk.file("a.csv", format!("{HEADING}{good}{bad}\n"));
        for lang in LANGUAGES {
            let line =
                format!("assignments import a.csv --as-of 2026-05-14T00:00:00+09:00 --dry-run -o json --lang {lang}");
            let ran = desk.isp(&line).exits(1);
            let help = if lang == "ja" { "対処: " } else { "help: " };
            let ran = ran.says(["a.csv:3", field, help, "a.csv.errors.csv"]);
            let row = ran.row();
            assert_eq!((&row["read"], &row["rejected"], &row["new"]), (&2.into(), &1.into(), &1.into()), "{bad}");
        }
        assert!(desk.read("a.csv.errors.csv").contains("\n3,"), "{bad}");
    }
    let before = desk.isp("assignments show -o json").exits(0).json();
    desk.isp("assignments import a.csv --as-of 2026-05-14T00:00:00+09:00").exits(1);
    assert_ne!(desk.isp("assignments show -o json").exits(0).json(), before, "the trials kept nothing, this did");
}

#[test]
fn refused_whole() {
    let desk = Desk::open();
    let local = format!("{HEADING}198.18.0.50,,,2026-05-12 00:00:00,,C-2001\n");
    for (text, more, name) in [
        (local.as_str(), "", "time-without-zone"),
        ("", "", "empty"),
        ("アドレス,契約者番号\n198.18.0.50,C-1\n", "", "column"),
    ] {
        desk.file("a.csv", text);
        for lang in LANGUAGES {
            let ran =
                desk.isp(&format!("assignments import a.csv --as-of 2026-05-14T00:00:00+09:00 {more} --lang {lang}"));
            let help = if lang == "ja" { "対処: " } else { "help: " };
            let ran = ran.exits(1).says(["a.csv", help]);
            assert!(ran.err.contains('['), "{name}: {}", ran.err);
        }
    }
    desk.file("a.csv", local);
    desk.isp("assignments import a.csv --timezone Asia/Tokyo --as-of 2026-05-14T00:00:00+09:00").exits(0);
    desk.isp("assignments import a.csv --table Lease/s").exits(2).says(["--table"]);
    desk.isp("assignments import a.csv --as-of yesterday").exits(2).says(["--as-of"]);
    desk.isp("assignments import no-such.csv --lang ja").exits(1).explains("cannot-open-file", "ja");
}

#[test]
fn radius_detail() {
    let desk = Desk::open();
    let folder = root().join("crates/assignment/samples/radius-detail");
    let path = if folder.is_dir() {
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).next().unwrap()
    } else {
        folder
    };
    desk.file("detail", std::fs::read(path).unwrap());
    let ran =
        desk.isp("assignments import detail --kind radius --table radius --timezone Asia/Tokyo --dry-run -o json");
    assert!(ran.exit <= 1, "{}", ran.err);
    assert!(ran.row()["read"].as_u64().unwrap() > 0);
}

#[test]
fn header_injection_through_a_subscribers_address() {
    let desk = Desk::open();
    let list = sample("subscribers.csv");
    for (evil, field) in [
        ("\"hanako@isp-hokuto.example.org\nBcc: all@example.org\"", ""),
        ("\"a@isp.example.org, all@example.org\"", "メールアドレス"),
        ("A <a@isp.example.org>", "メールアドレス"),
        ("a@isp.example.org\rBcc:all@example.org", ""),
    ] {
        desk.file("s.csv", list.replace("hanako@isp-hokuto.example.org", evil));
        for lang in LANGUAGES {
            let ran = desk.isp(&format!("assignments subscribers s.csv --dry-run -o json --lang {lang}")).exits(1);
            let help = if lang == "ja" { "対処: " } else { "help: " };
            let ran = ran.says(["s.csv:2", field, help]);
            assert!(ran.row()["rejected"].as_u64().unwrap() >= 1, "{evil}");
        }
    }
}

#[test]
fn only_who_holds_the_addresses_may_keep_such_records() {
    let desk = Desk::open();
    desk.file("a.csv", sample("assignments.csv"));
    let ran = desk.hub("assignments import a.csv --as-of 2026-05-14T00:00:00+09:00 --lang en").exits(3);
    ran.says(["refused by the gate", "decision in the ledger"]);
    desk.hub("assignments import a.csv --as-of 2026-05-14T00:00:00+09:00 --lang ja")
        .exits(3)
        .says(["関門が認めませんでした"]);
    desk.hub("ledger verify").exits(0);
}
