//! The help and what is said of a mistaken command line, in Japanese and in English.

use crate::desk::{Desk, LANGUAGES};

/// Words that clap writes into its help and errors of itself.
const CLAP: [&str; 12] = [
    "Usage:",
    "Options",
    "OPTIONS",
    "Commands:",
    "COMMAND>",
    "Arguments:",
    "Print ",
    "[default",
    "[env",
    "ossible values",
    "error:",
    "For more information",
];

fn japanese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{3041}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'))
}

/// The commands below one, as its help lists them.
fn below(desk: &Desk, path: &str) -> Vec<String> {
    let help = desk.run(&format!("--lang ja {path} --help")).exits(0).out;
    let Some((_, list)) = help.split_once("コマンド:\n") else { return Vec::new() };
    let names = list.lines().map_while(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(|name| format!("{path} {name}")).collect()
}

#[test]
fn every_help_is_in_japanese() {
    let desk = Desk::empty();
    let mut paths = vec![String::new()];
    let mut at = 0;
    while let Some(path) = paths.get(at).cloned() {
        paths.extend(below(&desk, &path));
        at += 1;
        for how in ["-h", "--help"] {
            let ran = desk.run(&format!("--lang ja {path} {how}")).exits(0);
            let help = ran.out;
            assert_eq!(ran.err, "");
            for wanted in ["使い方: noroshi", "[オプション]", "どのコマンドにも共通のオプション:"]
            {
                assert!(help.contains(wanted), "{path} {how} lacks {wanted}: {help}");
            }
            for word in CLAP {
                assert!(!help.contains(word), "{path} {how} has `{word}`: {help}");
            }
            // Whatever is said is said in Japanese; a line without any has no more than names: `-o, --output <OUTPUT>`.
            for line in help.lines().map(str::trim).filter(|line| !japanese(line)) {
                let words = line.trim_start_matches("- ").split_whitespace().count();
                assert!(words <= 3, "{path} {how}: {line}");
            }
        }
        let mirrored = desk.run(&format!("--lang ja help {path}")).exits(0).out;
        assert_eq!(mirrored, desk.run(&format!("--lang ja {path} --help")).out, "{path}");
    }
    assert!(paths.len() > 35, "commands were not found: {paths:?}");
}

#[test]
fn a_command_explains_itself_to_its_reader() {
    let desk = Desk::empty();
    let help = desk.run("--lang ja round send --help").exits(0).out;
    for wanted in [
        "協力先への送付、提供元への返却、理由を付けた保留",
        "引数:",
        "オプション:",
        "［既定値: noroshi-home］",
        "- csv: ",
    ] {
        assert!(help.contains(wanted), "lacks {wanted}: {help}");
    }
    let help = desk.run("round send --help").exits(0).out;
    for wanted in
        ["Usage: noroshi round send [OPTIONS] <ROUND>", "Arguments:", "Options of every command:", "Print help"]
    {
        assert!(help.contains(wanted), "lacks {wanted}: {help}");
    }
    assert!(help.replace("日本語", "").is_ascii(), "{help}");
    // Without a command the help goes to standard error, as a mistake.
    let ran = desk.run("--lang ja round").exits(2).says(["使い方: noroshi round [オプション] <コマンド>"]);
    assert_eq!(ran.out, "");
}

#[test]
fn the_language_of_help_is_found_as_for_any_command() {
    let desk = Desk::empty();
    desk.run("--home hub init --party clearing-house --role clearing-house --exercise --lang ja").exits(0);
    let speaks = |line: &str, variables: &[(&str, &str)], lang: &str| {
        let help = desk.run_with(line, variables, b"").exits(0).out;
        assert_eq!(help.contains("使い方:"), lang == "ja", "{line} {variables:?}: {help}");
        assert_eq!(help.contains("Usage:"), lang == "en", "{line} {variables:?}: {help}");
    };
    speaks("--help", &[], "en");
    speaks("--help", &[("LANG", "ja_JP.UTF-8")], "ja");
    let text = desk.read("hub/noroshi.toml");
    let house = |lang: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("language"));
        let lines: Vec<&str> = lines.collect();
        desk.file(
            "hub/noroshi.toml",
            lines.join("\n").replacen("[house]", &format!("[house]\nlanguage = \"{lang}\""), 1),
        );
    };
    house("ja");
    speaks("--home hub round --help", &[("LANG", "C")], "ja");
    speaks("round --help", &[("NOROSHI_HOME", "hub")], "ja");
    house("en");
    speaks("round --help --home=hub", &[("LANG", "ja_JP.UTF-8")], "en");
    speaks("--home hub --help", &[("NOROSHI_LANG", "ja")], "ja");
    speaks("--home hub --help --lang=en", &[("NOROSHI_LANG", "ja")], "en");
}

#[test]
fn a_mistaken_line_is_told_in_one_japanese_sentence() {
    let desk = Desk::empty();
    for (line, wanted) in [
        ("ingest --nonsense", "`--nonsense` というオプションはありません。"),
        ("law list --to-cnfirm", "もしかして: `--to-confirm`"),
        ("law list more", "`more` は余分な引数です。"),
        ("rond", "`rond` というコマンドはありません。"),
        ("round sned", "もしかして: `send`"),
        ("ingest", "必要な指定がありません: `--round <ROUND>`、`--from <FROM>`、`<FILES>...`"),
        ("ingest x --round", "`--round <ROUND>` に値がありません。"),
        ("law check -v -v", "二度以上指定しています。"),
        ("law list -o jsn", "`--output <OUTPUT>` に `jsn` は使えません。"),
        ("law list -o jsn", "使えるもの: table, json, ndjson, csv"),
        ("law list -o jsn", "もしかして: `json`"),
        ("init --party a --role foo", "使えるもの: clearing-house, operator"),
        ("init --party X! --role node", "組織ID"),
        ("operation show X!", "作戦ID"),
        ("round send a", "回（`作戦/番号`"),
        ("node tell a", "UUID"),
        ("party whois a", "IPアドレス"),
        ("convert x --to xarf --timezone Nowhere", "タイムゾーン"),
        ("convert x --to xarf --classification x", "分類"),
        ("assignments import x --as-of 1", "時刻"),
        ("assignments import x --table A:", "[assignment-table-name]"),
        ("demo --seed x", "整数"),
    ] {
        let ran = desk.run(&format!("--lang ja {line}")).exits(2).says([wanted, "--help"]);
        assert_eq!(ran.out, "", "{line}");
        let first = ran.err.lines().next().unwrap_or_default();
        assert!(first.starts_with("noroshi: ") && japanese(first), "{line}: {first}");
        for word in CLAP {
            assert!(!ran.err.contains(word), "{line}: {}", ran.err);
        }
        let english = desk.run(&format!("--lang en {line}")).exits(2);
        assert!(english.err.starts_with("error: ") && !japanese(&english.err), "{line}: {}", english.err);
    }
    // A language that is none is told in the one that would be spoken without it.
    desk.run_with("--lang fr law list", &[("LANG", "ja_JP.UTF-8")], b"").exits(2).says(["`fr` は使えません。"]);
    // What controls a terminal does not get there.
    let mut command = desk.command("--lang ja law show", &[]);
    let ran = command.arg("--\u{1b}[31m").output().unwrap();
    assert!(!ran.stderr.contains(&0x1b), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn completions_are_in_the_language_too() {
    let desk = Desk::empty();
    for lang in LANGUAGES {
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            let script = desk.run(&format!("completions {shell} --lang {lang}")).exits(0).out;
            assert!(script.contains("noroshi"), "{shell}");
            let explains = shell != "bash";
            assert_eq!(script.contains("提供情報を回に受け取る"), lang == "ja" && explains, "{shell}");
            assert_eq!(script.contains("Receive a report into a round"), lang == "en" && explains, "{shell}");
            assert!(lang == "en" || !script.contains("One JSON document"), "{shell}");
        }
    }
}
