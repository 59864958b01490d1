//! Contacts that others publish: the difference is shown, then applied as it was shown; the roster stands in any case.

use serde_json::Value;

use crate::desk::{Desk, LANGUAGES, Ran};

const DUMP: &str = "\
inetnum: 198.18.0.0 - 198.18.15.255
country: JP
org: ORG-HT1-EXAMPLE

inetnum: 198.51.100.0 - 198.51.100.255
abuse-c: AB1-EXAMPLE

organisation: ORG-HT1-EXAMPLE
org-name: Hokuto
abuse-c: AB1-EXAMPLE

role: desk
nic-hdl: AB1-EXAMPLE
abuse-mailbox: desk@registry.example
last-modified: 2026-10-02T08:00:00Z
";

const IMPORT: &str = "party contacts import --from rpsl --source example";

/// The digest that a comparison proposes.
fn digest(ran: &Ran) -> String {
    let (_, rest) = ran.err.split_once("--apply ").unwrap_or_else(|| panic!("no digest: {}", ran.err));
    rest.split_whitespace().next().unwrap().to_owned()
}

/// Shows a difference and applies it by the very command that is proposed.
fn import(desk: &Desk, line: &str) {
    let shown = desk.hub(&format!("{line} --lang en")).exits(0);
    let (_, next) = shown.err.split_once("next: noroshi ").unwrap_or_else(|| panic!("nothing next: {}", shown.err));
    desk.run(&format!("{} --lang en", next.trim())).exits(0).says(["applied"]);
}

/// `change subject field before after` of each row.
fn rows(ran: &Ran) -> Vec<String> {
    let cell = |row: &Value, name: &str| row[name].as_str().unwrap_or("-").to_owned();
    let columns = ["change", "subject", "field", "before", "after"];
    let text = |row: &Value| columns.map(|name| cell(row, name)).join(" | ");
    ran.json().as_array().unwrap().iter().map(text).collect()
}

/// `source subject field values` of what is known.
fn known(desk: &Desk, subject: &str) -> Vec<String> {
    let shown = desk.hub(&format!("party contacts show {subject} -o json")).exits(0).json();
    let text =
        |row: &Value| ["source", "subject", "field", "values"].map(|name| row[name].as_str().unwrap()).join(" | ");
    shown.as_array().unwrap().iter().map(text).collect()
}

#[test]
fn what_is_shown_is_applied_and_the_roster_stands() {
    let desk = Desk::open();
    desk.file("dump.db", DUMP);
    let parties = desk.hub("party list -o json").exits(0).out;
    let shown = desk.hub(&format!("{IMPORT} dump.db -o json")).exits(0).says(["not applied yet", "4 fields added"]);
    let want = [
        "added | 198.18.0.0/20 | name | - | Hokuto",
        "added | 198.18.0.0/20 | country | - | JP",
        "added | 198.18.0.0/20 | abuse | - | desk@registry.example",
        "roster-differs | 198.18.0.0/20 | abuse | isp-hokuto: abuse@isp-hokuto.example.org | desk@registry.example",
        "added | 198.51.100.0/24 | abuse | - | desk@registry.example",
    ];
    let mut got = rows(&shown);
    assert_eq!(got.remove(3), want[3]);
    assert_eq!(got, [want[0], want[1], want[2], want[4]]);
    let origin = &shown.json()[2];
    assert_eq!((&origin["origin"], &origin["dated"]), (&"dump.db:12 role AB1-EXAMPLE".into(), &"2026-10-02".into()));
    // Nothing has happened yet.
    assert!(known(&desk, "198.51.100.7").is_empty());
    import(&desk, &format!("{IMPORT} dump.db"));
    assert_eq!(known(&desk, "198.51.100.7"), ["rpsl/example | 198.51.100.0/24 | abuse | desk@registry.example"]);
    // The roster's own goes first, and is what it was.
    let first = known(&desk, "198.18.0.9");
    assert_eq!(first[0], "roster | isp-hokuto | abuse | abuse@isp-hokuto.example.org");
    assert_eq!(desk.hub("party list -o json").exits(0).out, parties);
    // A contact makes nobody a party.
    assert_eq!(desk.hub("party whois 198.51.100.7 -o json").exits(0).row()["party"], Value::Null);
    desk.hub("ledger verify").exits(0);
}

#[test]
fn a_later_import_replaces_its_own_source_and_no_other() {
    let desk = Desk::open();
    desk.file("dump.db", DUMP);
    import(&desk, &format!("{IMPORT} dump.db"));
    import(&desk, "party contacts import --from rpsl --source other dump.db");
    desk.hub(&format!("{IMPORT} dump.db --lang en")).exits(0).says(["nothing changes"]);
    desk.file(
        "later.db",
        DUMP.replace("desk@", "new-desk@").replace("inetnum: 198.51.100.0 - 198.51.100.255", "aut-num: AS64510"),
    );
    let line = format!("{IMPORT} later.db");
    let shown = desk.hub(&format!("{line} -o json")).exits(0);
    let want = [
        "added | AS64510 | abuse | - | new-desk@registry.example",
        "changed | 198.18.0.0/20 | abuse | desk@registry.example | new-desk@registry.example",
        "removed | 198.51.100.0/24 | abuse | desk@registry.example | -",
    ];
    let got = rows(&shown);
    assert_eq!(got.iter().filter(|row| !row.starts_with("roster-differs")).collect::<Vec<_>>(), want.each_ref());
    import(&desk, &line);
    assert_eq!(known(&desk, "198.51.100.7"), ["rpsl/other | 198.51.100.0/24 | abuse | desk@registry.example"]);
    assert_eq!(known(&desk, "AS64510"), ["rpsl/example | AS64510 | abuse | new-desk@registry.example"]);
    // Read from another file, nothing else: confirmed, and shown as no change.
    desk.file("again.db", desk.read("later.db"));
    let shown =
        desk.hub(&format!("{IMPORT} again.db -o json --lang en")).exits(0).says(["0 fields added", "4 confirmed"]);
    assert!(rows(&shown).iter().all(|row| row.starts_with("roster-differs")));
    let sources = desk.hub("party contacts sources -o json").exits(0).json();
    let told: Vec<_> = sources.as_array().unwrap().iter().map(|row| (&row["source"], &row["changed"])).collect();
    assert_eq!(told, [(&"rpsl/example".into(), &1.into()), (&"rpsl/other".into(), &0.into())]);
}

#[test]
fn another_difference_than_the_one_shown_is_not_applied() {
    let desk = Desk::open();
    desk.file("dump.db", DUMP);
    let line = format!("{IMPORT} dump.db");
    let digest = digest(&desk.hub(&line).exits(0));
    desk.file("dump.db", DUMP.replace("desk@", "else@"));
    for lang in LANGUAGES {
        let ran = desk.hub(&format!("{line} --apply {digest} --lang {lang}")).exits(1);
        ran.explains("contacts-difference-moved", lang).says([digest.as_str()]);
    }
    assert!(known(&desk, "198.51.100.7").is_empty());
    let sources = desk.hub("party contacts sources -o json").exits(0).json();
    assert_eq!(sources, Value::Array(vec![]));
    desk.hub("ledger verify").exits(0);
}

#[test]
fn bad_rows_are_named_and_the_others_go_on() {
    let desk = Desk::open();
    let stats = "2|apnic|20261101|3|19830613|20261031|+1000\napnic|JP|asn|64510|1|20110412|allocated\n\
                 apnic|JP|ipv4|203.0.113.999|256|20110412|assigned\n";
    desk.file("stats.txt", stats);
    for lang in LANGUAGES {
        let ran = desk.hub(&format!("party contacts import --from delegated stats.txt -o csv --lang {lang}")).exits(1);
        let ran = ran.explains("contacts-value", lang).explains("contacts-count", lang);
        let ran = ran.says(["stats.txt:3: start", "`203.0.113.999`", "stats.txt:1: records"]);
        assert_eq!(
            ran.out,
            "change,subject,field,before,after,origin,dated\nadded,AS64510,country,,JP,stats.txt:2 apnic asn 64510,2011-04-12\n"
        );
    }
    let table = desk.hub("party contacts import --from delegated stats.txt --lang ja").exits(1);
    assert!(table.out.contains("追加") && table.out.contains("国・地域"), "{}", table.out);
    desk.hub("party contacts import --from delegated no-such.txt").exits(1).says(["cannot-open-file"]);
    desk.hub("party contacts import --from delegated").exits(2);
    desk.hub("party contacts import --from delegated stats.txt --source A/B").exits(2);
    desk.hub("party contacts show not-a-subject").exits(2);
}

#[test]
fn security_txt_of_a_folder_is_known_by_its_names() {
    let desk = Desk::open();
    let good = "Contact: mailto:security@example.org\nExpires: 2999-01-01T00:00:00Z\nPreferred-Languages: ja\n";
    for folder in ["txt/b.example/.well-known", "txt/c.example"] {
        std::fs::create_dir_all(desk.path().join(folder)).unwrap();
    }
    desk.file("txt/a.example.txt", good);
    desk.file("txt/b.example/.well-known/security.txt", good.replace("security@", "report@"));
    desk.file("txt/c.example/security.txt", "Contact: mailto:security@example.org\nExpires: 2014-01-01T00:00:00Z\n");
    desk.file("txt/README", "passed over");
    let line = "party contacts import --from security-txt txt";
    let shown = desk.hub(&format!("{line} --lang en")).exits(1).explains("contacts-security-expired", "en");
    let digest = digest(&shown);
    desk.hub(&format!("{line} --apply {digest}")).exits(1);
    assert_eq!(
        known(&desk, "www.b.example")[1],
        "security-txt/security-txt | b.example | security | report@example.org"
    );
    assert!(known(&desk, "c.example").is_empty());
    desk.file("one.txt", good);
    desk.hub("party contacts import --from security-txt one.txt --lang en")
        .exits(1)
        .explains("contacts-no-domain", "en");
    desk.hub("party contacts import --from security-txt one.txt --domain d.example").exits(0).says(["3 fields added"]);
}
