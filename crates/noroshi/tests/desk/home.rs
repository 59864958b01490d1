//! A deployment's folder: founding it, its settings and what goes before them, its keys, and a state that is locked.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::desk::{Desk, LANGUAGES, ROUND, python};

#[test]
fn a_home_is_founded_once() {
    let desk = Desk::empty();
    let line = "--home hub init --party clearing-house --role clearing-house";
    let ran = desk.run(line).exits(0).says(["hub/noroshi.toml", "hub/keys", "next: noroshi --home hub party import"]);
    assert_eq!(ran.out, "");
    let settings = desk.read("hub/noroshi.toml");
    assert!(settings.contains("language = \"en\""), "{settings}");
    for lang in LANGUAGES {
        desk.run(&format!("{line} --lang {lang}")).exits(1).explains("deployment-exists", lang).says(["hub"]);
    }
    assert_eq!(desk.read("hub/noroshi.toml"), settings, "the first stays as it was");
    desk.run("--home b init --party clearing-house --role boss").exits(2).says(["clearing-house, operator"]);
    desk.run("--home b init --role operator").exits(2).says(["--party"]);
    desk.run("--home b init --party A/B --role operator").exits(2);
    assert!(!desk.has("b"));
}

#[test]
fn a_founding_that_was_cut_short_is_taken_up_again() {
    for (point, times) in [("disk.written", 3), ("disk.sync", 3), ("store.commit.before", 2), ("store.commit.after", 2)]
    {
        for n in 1..=times {
            let desk = Desk::empty();
            let line = "--home hub init --party clearing-house --role clearing-house --exercise";
            let died = desk.run_with(line, &[("NOROSHI_CRASH_AT", &format!("{point}:{n}"))], b"");
            assert_ne!(died.exit, 0, "{point}:{n} is not passed");
            if desk.has("hub/noroshi.toml") {
                desk.run(line).exits(1).explains("deployment-exists", "en");
            } else {
                desk.run(line).exits(0);
            }
            desk.file("roster.toml", crate::desk::sample("roster.toml"));
            desk.hub("party import roster.toml").exits(0);
            desk.hub("ledger verify").exits(0);
        }
    }
}

#[cfg(unix)]
#[test]
fn its_keys_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::open();
    let key = desk.path().join("hub/wrapping.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    desk.hub("operation list").exits(0).says(["wrapping-key-permissions", "0644"]);
}

#[test]
fn a_home_that_is_not_there() {
    let desk = Desk::empty();
    for lang in LANGUAGES {
        for line in ["operation list", "carry", "ledger verify", "answer", "node run", "party list"] {
            let ran = desk.run(&format!("--home nowhere {line} --lang {lang}")).exits(1);
            ran.explains("no-deployment", lang).says(["nowhere", "noroshi --home"]);
        }
    }
    assert!(!desk.has("nowhere"), "asking makes none");
}

#[test]
fn mistakes_in_the_settings() {
    for (old, new, name, place, near) in [
        ("zone =", "zoen =", "unknown-setting", "noroshi.toml:7: zoen", "`zoen → zone`"),
        ("[house]", "[hose]", "unknown-setting", "noroshi.toml:4", "`hose → house`"),
        ("zone = \"Asia/Tokyo\"", "zone = \"Asia/Tokio\"", "bad-settings", "noroshi.toml:7: zone", "Asia/Tokio"),
        ("zone = \"Asia/Tokyo\"", "zone = 9", "bad-settings", "noroshi.toml:7: zone", "string"),
        ("zone = \"Asia/Tokyo\"", "zone = \"Asia/Tokyo", "bad-settings", "noroshi.toml:7: zone", ""),
    ] {
        let desk = Desk::empty();
        desk.run("--home hub init --party clearing-house --role clearing-house").exits(0);
        desk.settings("hub", old, new);
        for lang in LANGUAGES {
            let ran = desk.hub(&format!("operation list --lang {lang}")).exits(1);
            assert_eq!(ran.explains(name, lang).says([place, near]).out, "", "{new}");
        }
    }
}

#[test]
fn mistakes_in_the_settings_of_mail() {
    let desk = Desk::open();
    let before = desk.read("hub/noroshi.toml");
    for (more, name) in [
        (
            "[courier]\nfrom = \"desk@example.org\\nBcc: all@example.org\"\n[courier.smtp]\nhost = \"mail.example.org\"\n",
            "bad-mailbox",
        ),
        ("[courier.smtp]\nhost = \"mail.example.org\"\n", "courier-no-sender"),
        (
            "[courier]\nfrom = \"desk@example.org\"\n[courier.smtp]\nhost = \"mail.example.org\"\nuser = \"desk\"\n",
            "half-a-login",
        ),
    ] {
        desk.file("hub/noroshi.toml", format!("{before}\n{more}"));
        let ran = desk.hub("operation list --lang en").exits(1);
        assert!(ran.err.contains("noroshi.toml") && ran.err.contains("help: "), "{name}: {}", ran.err);
    }
}

#[test]
fn flags_go_before_variables_before_settings_before_defaults() {
    let desk = Desk::open();
    desk.settings("hub", "language = \"en\"", "language = \"ja\"");
    let says = |line: &str, variables: &[(&str, &str)], wanted: &str| {
        desk.run_with(line, variables, b"").exits(6).says([wanted]);
    };
    // The language: the deployment's; over it the variable; over it the flag.
    let line = "--home hub operation show no-such";
    says(line, &[("LANG", "C")], "作戦 `no-such`");
    says(line, &[("NOROSHI_LANG", "en")], "operation `no-such`");
    says(&format!("{line} --lang ja"), &[("NOROSHI_LANG", "en")], "作戦 `no-such`");
    // The home.
    desk.run_with("operation list", &[("NOROSHI_HOME", "hub")], b"").exits(0);
    desk.run_with("--home hub operation list", &[("NOROSHI_HOME", "nowhere")], b"").exits(0);
    desk.run("operation list").exits(1).says(["noroshi-home"]);
    // The form.
    assert_eq!(
        desk.run_with("--home hub operation list", &[("NOROSHI_OUTPUT", "json")], b"").exits(0).row()["operation"],
        "sample-2026"
    );
    // A setting.
    let closes = |variables: &[(&str, &str)]| {
        desk.run_with("--home hub operation list -o json", variables, b"").exits(0).row()["closes"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(closes(&[]).ends_with("+09:00"));
    assert_eq!(closes(&[("NOROSHI_HOUSE__ZONE", "UTC")]), "2036-03-31T09:00:00+00:00");
    let ran = desk.run_with(line, &[("NOROSHI_HOUSE__ZOEN", "UTC")], b"").exits(1);
    ran.explains("unknown-setting", "ja").says(["NOROSHI_HOUSE__ZOEN: house.zoen", "`zoen → zone`"]);
    let ran = desk.run_with(line, &[("NOROSHI_HOUSE__ANSWER_DAYS", "many")], b"").exits(1);
    ran.explains("bad-settings", "ja").says(["NOROSHI_HOUSE__ANSWER_DAYS"]);
    desk.run_with("--home hub operation list", &[("NOROSHI_OUTPUT", "yaml")], b"").exits(2).says(["ndjson"]);
}

#[test]
fn keys_that_are_gone_or_of_another_home() {
    let desk = Desk::open();
    desk.run("--home other init --party clearing-house --role clearing-house").exits(0);
    std::fs::rename(desk.path().join("hub/wrapping.key"), desk.path().join("kept-apart")).unwrap();
    for lang in LANGUAGES {
        let ran = desk.hub(&format!("operation list --lang {lang}")).exits(1);
        ran.explains("wrapping-key-missing", lang).says(["hub/wrapping.key"]);
    }
    // The setting says where it is.
    let settings = desk.read("hub/noroshi.toml");
    desk.file("hub/noroshi.toml", format!("wrapping_key_file = {:?}\n{settings}", desk.path().join("kept-apart")));
    desk.hub("operation list").exits(0);
    desk.file("hub/noroshi.toml", settings);
    for (bytes, name) in [
        (std::fs::read(desk.path().join("other/wrapping.key")).unwrap(), "wrapping-key-wrong"),
        (b"hunter2".to_vec(), "wrapping-key-shape"),
        (b"passwordpasswordpasswordpassword".to_vec(), "wrapping-key-not-random"),
    ] {
        desk.file("hub/wrapping.key", &bytes);
        for lang in LANGUAGES {
            let ran = desk.hub(&format!("operation list --lang {lang}")).exits(1);
            let ran = ran.explains(name, lang);
            assert!(!ran.err.contains("hunter2") && !ran.err.contains("passwordpassword"), "{}", ran.err);
        }
    }
    std::fs::rename(desk.path().join("kept-apart"), desk.path().join("hub/wrapping.key")).unwrap();
    std::fs::remove_dir_all(desk.path().join("hub/keys")).unwrap();
    for lang in LANGUAGES {
        desk.hub(&format!("operation list --lang {lang}")).exits(1).explains("keyring-missing", lang);
    }
}

#[test]
fn a_state_that_another_process_holds_is_tried_again_later() {
    let desk = Desk::open();
    desk.file("list.csv", crate::desk::sample("list.csv"));
    let script = "import sqlite3, sys\n\
        c = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        c.execute('begin immediate')\n\
        print('held', flush=True)\n\
        sys.stdin.read()\n";
    let mut holder = Command::new(python())
        .args(["-c", script])
        .arg(desk.path().join("hub/state.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "held");
    // Whoever only looks waits for nobody.
    desk.hub("round list sample-2026").exits(0);
    let ran = desk.ingest("list.csv", "--timezone Asia/Tokyo --lang ja").exits(75).explains("store-busy", "ja");
    // Meanwhile it says, in plain lines where nobody sits at a terminal, that it goes on.
    assert!(ran.err.contains("読み取っています (3 s)\n"), "{}", ran.err);
    assert_eq!(ran.out, "");
    drop(holder.stdin.take());
    holder.wait().unwrap();
    // Later it is done, once.
    desk.ingest("list.csv", "--timezone Asia/Tokyo").exits(1);
    assert_eq!(desk.hub("round list sample-2026 -o json").json()[0]["round"], ROUND);
    desk.hub("ledger verify").exits(0);
}

#[test]
fn what_the_program_says_of_itself() {
    let desk = Desk::empty();
    assert!(desk.run("--version").exits(0).out.starts_with("noroshi "));
    assert!(desk.run("completions bash").exits(0).out.contains("_noroshi"));
    for line in ["", "no-such-command", "carry --no-such-flag", "completions no-such-shell"] {
        let ran = desk.run(line).exits(2);
        assert_eq!(ran.out, "", "{line}: usage goes to standard error");
    }
    // A reader that goes away is no failure.
    let mut child = desk.command("party example --full", &[]).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait().unwrap();
    assert!(ended.success(), "{ended}");
}

#[test]
fn secrets_are_no_arguments() {
    let desk = Desk::empty();
    for line in ["--help", "init --help", "carry --help", "node run --help", "convert --help", "party import --help"] {
        let help = desk.run(line).exits(0).out;
        for word in ["password", "--key ", "secret"] {
            assert!(!help.contains(word), "{line}: {help}");
        }
    }
}
