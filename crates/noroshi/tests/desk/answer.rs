//! Answers at the hub: they move the ladder; those for another delivery, of the wrong party or with a name in them do not.

use crate::desk::{Desk, LANGUAGES, ROUND};

/// A hub whose round was sent and carried, with the delivery to `isp-hokuto`.
fn carried() -> (Desk, String) {
    let desk = Desk::open();
    desk.send();
    desk.hub("carry").exits(0);
    let id = desk.delivery_to("isp-hokuto")["delivery"].as_str().unwrap().to_owned();
    (desk, id)
}

#[test]
fn an_answer_moves_the_ladder_and_bad_rows_do_not_stop_the_others() {
    let (desk, id) = carried();
    desk.file("a.csv", format!("record,outcome\n{id}:1,told\n{id}:2,tolld\n{id}:3,told\nx,told\n"));
    for (pass, lang) in LANGUAGES.into_iter().enumerate() {
        let ran = desk.hub(&format!("answer a.csv --from isp-hokuto -o json --lang {lang}")).exits(1);
        let ran = ran.explains("answer-unknown-outcome", lang).explains("answer-beyond-delivery", lang);
        let ran = ran.explains("answer-bad-record", lang).says(["a.csv:3", "a.csv:4", "a.csv:5", "a.csv.errors.csv"]);
        let row = ran.row();
        assert_eq!((&row["moved"], &row["rejected"]), (&(1 - pass).into(), &3.into()), "heard once");
    }
    let errors = desk.read("a.csv.errors.csv");
    for row in ["\n3,answer-unknown-outcome", "\n4,answer-beyond-delivery", "\n5,answer-bad-record"] {
        assert!(errors.contains(row), "{errors}");
    }
    let round = desk.hub(&format!("round show {ROUND} -o json")).exits(0).json();
    assert_eq!(round["figures"]["ladder"]["told"], 1);
    assert_eq!(desk.delivery_to("isp-hokuto")["outcomes"], serde_json::json!({"told": 1, "pending": 1}));
    // The mended file.
    desk.file("b.csv", format!("record,outcome\n{id}:1,told\n{id}:2,not-found\n"));
    assert_eq!(desk.hub("answer b.csv --from isp-hokuto -o json").exits(0).row()["moved"], 1);
    let ran = desk.hub("answer b.csv --from isp-hokuto --lang en").exits(0);
    ran.says(["heard already"]);
    // What cannot follow.
    desk.file("c.csv", format!("record,outcome\n{id}:1,pending\n"));
    for lang in LANGUAGES {
        let ran = desk.hub(&format!("answer c.csv --from isp-hokuto --lang {lang}")).exits(1);
        ran.explains("outcome-cannot-follow", lang).says(["c.csv:2"]);
    }
    desk.hub("ledger verify").exits(0);
}

#[test]
fn for_another_delivery_or_from_another_party() {
    let (desk, id) = carried();
    let other = desk.delivery_to("isp-minato")["delivery"].as_str().unwrap().to_owned();
    desk.file("a.csv", format!("record,outcome\n{id}:1,told\n{other}:1,told\n"));
    for lang in LANGUAGES {
        let ran = desk.hub(&format!("answer a.csv --from isp-hokuto --lang {lang}")).exits(1);
        ran.explains("answer-for-another-delivery", lang).says(["a.csv:3"]);
    }
    desk.file("b.csv", format!("record,outcome\n{id}:1,told\n"));
    desk.file("c.csv", "record,outcome\n0146eb2c-2400-7000-8000-00c0ffee0001:1,told\n");
    for lang in LANGUAGES {
        let ran = desk.hub(&format!("answer b.csv --from isp-minato --lang {lang}")).exits(1);
        ran.explains("answer-not-theirs", lang).says(["b.csv", &id]);
        let ran = desk.hub(&format!("answer c.csv --from isp-hokuto --lang {lang}")).exits(1);
        ran.explains("answer-not-theirs", lang).says(["c.csv", "0146eb2c"]);
        let ran = desk.hub(&format!("answer b.csv --from nobody --lang {lang}")).exits(6);
        ran.explains("not-found", lang).says(["nobody"]);
    }
    desk.hub("answer b.csv").exits(2).says(["--from"]);
}

#[test]
fn a_file_with_a_name_in_it_is_not_taken_at_all() {
    let (desk, id) = carried();
    for (text, name) in [
        (format!("record,outcome,氏名\n{id}:1,told,佐藤\n"), "answer-with-unknown-column"),
        (format!("record,outcome,outcome\n{id}:1,told,told\n"), "answer-heading-doubled"),
        (format!("record\n{id}:1\n"), "answer-without-column"),
        (String::new(), "empty-file"),
    ] {
        desk.file("a.csv", &text);
        for lang in LANGUAGES {
            let ran = desk.hub(&format!("answer a.csv --from isp-hokuto --lang {lang}"));
            assert_eq!((ran.exit, ran.out.as_str()), (1, ""), "{text}: {}", ran.err);
            assert!(ran.err.contains("a.csv") && !ran.err.contains("佐藤"), "{}", ran.err);
            if name != "empty-file" {
                ran.explains(name, lang);
            }
        }
    }
    assert_eq!(desk.delivery_to("isp-hokuto")["stage"], "carried");
}

#[test]
fn what_lies_in_the_inbox() {
    let (desk, _) = carried();
    assert_eq!(desk.hub("answer -o json").exits(0).row()["files"], 0);
    desk.isp("node run").exits(0);
    let row = desk.hub("answer -o json").exits(0).row();
    assert_eq!((&row["files"], &row["rejected"]), (&2.into(), &0.into()), "the acknowledgement and the answer");
    let delivery = desk.delivery_to("isp-hokuto");
    assert_eq!(delivery["stage"], "answered");
    assert_eq!(delivery["outcomes"], serde_json::json!({"told": 1, "opted-out": 1}));
    assert_eq!(desk.hub("answer -o json").exits(0).row()["files"], 0, "taken once");
}
