//! The ledger: one altered byte is found, whoever looks; and the rules that decisions cite are shown.

use crate::desk::{Desk, LANGUAGES};

fn entries(desk: &Desk) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![desk.path().join("hub/ledger/tile/entries")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

#[test]
fn a_tampered_byte_is_found() {
    let desk = Desk::open();
    desk.send();
    let row = desk.hub("ledger verify -o json").exits(0).row();
    assert_eq!((&row["verified"], &row["faults"], &row["open"]), (&"ok".into(), &0.into(), &0.into()));
    let checkpoint = desk.read("hub/ledger/checkpoint");
    desk.file("kept", &checkpoint);
    let latest = entries(&desk).into_iter().max_by_key(|path| std::fs::metadata(path).unwrap().len()).unwrap();
    let whole = std::fs::read(&latest).unwrap();
    let mut bent = whole.clone();
    let at = bent.len() / 2;
    bent[at] ^= 1;
    std::fs::write(&latest, &bent).unwrap();
    for lang in LANGUAGES {
        let ran = desk.hub(&format!("ledger verify --lang {lang}")).exits(5);
        assert!(ran.out.contains("FAILED") && ran.err.contains("[ledger-"), "{}\n{}", ran.out, ran.err);
        let help = if lang == "ja" { "対処: " } else { "help: " };
        let ran = ran.says([help, "tile/entries"]);
        drop(ran);
    }
    let row = desk.hub("ledger verify -o json").exits(5).row();
    assert_eq!(row["verified"], "FAILED");
    assert!(row["first_fault"].as_str().unwrap().contains("ledger-"), "{row}");
    // A copy, with the key that was published.
    desk.file("vkey.txt", desk.hub("ledger vkey").exits(0).out);
    desk.run("ledger verify --folder hub/ledger --vkey vkey.txt").exits(5);
    std::fs::write(&latest, &whole).unwrap();
    desk.run("ledger verify --folder hub/ledger --vkey vkey.txt --earlier kept").exits(0);
    desk.run("ledger verify --folder hub/ledger").exits(2).says(["--vkey"]);
    desk.run("ledger verify --folder nowhere --vkey vkey.txt").exits(5).says(["ledger-checkpoint-missing"]);
    for lang in LANGUAGES {
        let ran =
            desk.run(&format!("ledger verify --folder hub/ledger --vkey vkey.txt --earlier no-such --lang {lang}"));
        ran.exits(1).explains("cannot-open-file", lang);
    }
}

#[test]
fn rules_are_shown_without_a_deployment() {
    let desk = Desk::empty();
    let rules = desk.run("law list -o json").exits(0).json();
    let rule = rules[0]["rule"].as_str().unwrap();
    let ran = desk.run(&format!("law show {rule}")).exits(0);
    assert!(ran.out.starts_with(rule), "{}", ran.out);
    for lang in LANGUAGES {
        desk.run(&format!("law show no-such-rule --lang {lang}"))
            .exits(6)
            .explains("not-found", lang)
            .says(["law list"]);
    }
    assert!(desk.run("law check").exits(0).out.contains(" ok"));
    let open = desk.run("law list --to-confirm -o json").exits(0).json().as_array().unwrap().len();
    assert!(open > 0 && open <= rules.as_array().unwrap().len());
}
