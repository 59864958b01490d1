//! The roster: imported whole or not at all, mistakes named with line, key and the nearest known one.

use crate::desk::{Desk, LANGUAGES, sample};

/// A roster that differs from the sample in one passage is refused, with line and code, and the one before stays in force.
fn refused(old: &str, new: &str, wanted: &[(&str, &str)]) {
    let desk = Desk::open();
    let roster = sample("roster.toml");
    assert!(roster.contains(old), "{old}");
    desk.file("roster.toml", roster.replacen(old, new, 1));
    for lang in LANGUAGES {
        for dry in ["--dry-run", ""] {
            let mut ran = desk.hub(&format!("party import roster.toml {dry} --lang {lang}")).exits(1);
            for (name, place) in wanted {
                ran = ran.explains(name, lang).says([*place]);
            }
        }
    }
    let parties = desk.hub("party list -o json").exits(0).json();
    assert_eq!(parties.as_array().unwrap().len(), 4);
}

#[test]
fn an_unknown_key_names_the_nearest() {
    refused(
        "prefixes = [\"198.18.0.0/20\"]",
        "prefixs = [\"198.18.0.0/20\"]",
        &[("roster-unknown-key", "`prefixs → prefixes`")],
    );
    refused("way = \"folder\"", "wey = \"folder\"", &[("roster-unknown-key", "`wey → way`")]);
}

#[test]
fn two_parties_with_the_same_prefix() {
    refused("198.18.16.0/20", "198.18.0.0/20", &[("roster-prefix-claimed-twice", "198.18.0.0/20")]);
}

#[test]
fn one_prefix_inside_another_is_said_and_taken() {
    let desk = Desk::open();
    desk.file("roster.toml", sample("roster.toml").replace("198.18.16.0/20", "198.18.8.0/24"));
    for lang in LANGUAGES {
        let ran = desk.hub(&format!("party import roster.toml --dry-run --lang {lang}")).exits(0);
        ran.says(["roster-prefix-nested", "198.18.8.0/24", "198.18.0.0/20", "isp-minato"]);
    }
    desk.hub("party import roster.toml").exits(0);
    let whois = |address: &str| desk.hub(&format!("party whois {address} -o json")).exits(0).row()["party"].clone();
    assert_eq!((whois("198.18.8.7"), whois("198.18.7.7")), ("isp-minato".into(), "isp-hokuto".into()));
    assert_eq!(whois("192.0.2.1"), serde_json::Value::Null);
    desk.hub("party whois 203.0.113.999").exits(2);
}

#[test]
fn all_mistakes_at_once() {
    let desk = Desk::open();
    let roster = sample("roster.toml")
        .replace("roles = [\"reporter\"]", "roles = [\"reportr\"]")
        .replace("198.18.16.0/20", "198.18.16.0/33")
        .replace("from = 2026-01-01", "form = 2026-01-01");
    desk.file("roster.toml", roster);
    let ran = desk.hub("party import roster.toml --lang en").exits(1);
    for (name, value) in [("roster-unknown-word", "reportr → reporter"), ("roster-unknown-key", "form → from")] {
        assert!(ran.err.contains(name) && ran.err.contains(value), "{}", ran.err);
    }
    let lines = ran.err.lines().filter(|line| line.starts_with("roster.toml:")).count();
    assert!(lines >= 6, "{}", ran.err);
}

#[test]
fn header_injection_through_a_name_or_an_address() {
    refused("北斗通信（架空）", "北斗\\r\\nBcc: all@example.org", &[("roster-control-character", "roster.toml:")]);
    refused(
        "Hokuto Communications (invented)",
        "Hokuto\\nBcc: all@example.org",
        &[("roster-control-character", "roster.toml:")],
    );
    let desk = Desk::open();
    let roster = sample("roster.toml");
    for mail in [
        "abuse@isp-hokuto.example.org\\r\\nBcc: all@example.org",
        "a@b.example.org, all@example.org",
        "A <a@b.example.org>",
    ] {
        desk.file("roster.toml", roster.replace("abuse@isp-hokuto.example.org", mail));
        let ran = desk.hub("party import roster.toml --lang en").exits(1);
        assert!(
            ran.err.contains("roster.toml:") && ran.err.contains("mail") && ran.err.contains("help: "),
            "{mail}: {}",
            ran.err
        );
        assert_eq!(ran.err.lines().filter(|line| line.starts_with("Bcc")).count(), 0);
    }
}

#[test]
fn a_roster_that_is_no_toml_or_no_text() {
    refused("[[party]]", "[[party]", &[("roster-not-toml", "roster.toml:7")]);
    let desk = Desk::open();
    desk.file("roster.toml", b"schema = \"roster-1\"\nversion = \"\x96\xbc\"\n");
    desk.hub("party import roster.toml --lang ja").exits(1).explains("file-not-utf-8", "ja").says(["roster.toml:2"]);
    desk.file("roster.toml", "");
    desk.hub("party import roster.toml --lang en").exits(1).says(["roster.toml", "help: "]);
    // A byte order mark, as some editors write it, is no mistake; the same roster changes nothing.
    desk.file("roster.toml", format!("\u{feff}{}", sample("roster.toml")));
    desk.hub("party import roster.toml --lang en").exits(0).says(["nothing changes"]);
    let ran = desk.run_with("--home hub party import - --lang en", &[], sample("roster.toml").as_bytes()).exits(0);
    ran.says(["nothing changes"]);
}

#[test]
fn before_any_roster_and_without_oneself_in_it() {
    let desk = Desk::empty();
    desk.run("--home hub init --party t-isac --role clearing-house").exits(0);
    for lang in LANGUAGES {
        desk.hub(&format!("party list --lang {lang}")).exits(1).explains("no-roster", lang);
    }
    desk.file("roster.toml", sample("roster.toml"));
    desk.hub("party import roster.toml").exits(0);
    for lang in LANGUAGES {
        desk.hub(&format!("party list --lang {lang}")).exits(1).explains("self-not-in-roster", lang).says(["t-isac"]);
    }
}

#[test]
fn the_samples_need_no_deployment_and_are_read() {
    let desk = Desk::empty();
    let ran = desk.run("party example").exits(0);
    assert_eq!((ran.out, ran.err), (sample("roster.toml"), String::new()));
    desk.run("--home hub init --party clearing-house --role clearing-house").exits(0);
    for full in ["", "--full"] {
        desk.file("roster.toml", desk.run(&format!("party example {full}")).exits(0).out);
        desk.hub("party import roster.toml --dry-run").exits(0);
    }
}
