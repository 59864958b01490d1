//! The error catalogue: the codes of all crates joined, unique, explained in both languages, and never removed.
//!
//! `docs/manual/errors.md` is the page, `docs/manual/errors.list` the codes that were ever published.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use ledger::FaultCode;
use model::problem::Code;

mod pages;

const PAGE: &str = "docs/manual/errors.md";
const LIST: &str = "docs/manual/errors.list";

/// One code, from whichever crate.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    code: String,
    ja: String,
    en: String,
    help_ja: String,
    help_en: String,
    example: String,
}

impl From<&Code> for Said {
    fn from(code: &Code) -> Self {
        Self::of([code.code, code.text.ja, code.text.en, code.help.ja, code.help.en, code.example])
    }
}

impl From<&FaultCode> for Said {
    fn from(fault: &FaultCode) -> Self {
        Self::of([fault.code, fault.ja, fault.en, fault.help_ja, fault.help_en, fault.example])
    }
}

impl Said {
    fn of(words: [&str; 6]) -> Self {
        let [code, ja, en, help_ja, help_en, example] = words.map(str::to_owned);
        Self { code, ja, en, help_ja, help_en, example }
    }
}

/// Every crate with the codes that it can utter, from the ground up.
fn catalogue() -> Vec<(&'static str, Vec<Said>)> {
    let all = |lists: &[&[&'static Code]]| -> Vec<Said> {
        let mut seen: Vec<&'static Code> = Vec::new();
        for code in lists.iter().copied().flatten().copied() {
            // Folders of one crate may share a code; two codes with one name stay two.
            if !seen.iter().any(|other| std::ptr::eq(*other, code)) {
                seen.push(code);
            }
        }
        seen.into_iter().map(Said::from).collect()
    };
    vec![
        ("model", model::CODES.iter().map(Said::from).collect()),
        ("ledger", ledger::FAULTS.iter().copied().map(Said::from).collect()),
        ("formats", all(&[&formats::codes().collect::<Vec<_>>()])),
        ("directory", all(&[directory::CODES])),
        ("effect", all(&[effect::CODES])),
        ("keys", all(&[keys::CODES])),
        ("store", all(&[store::CODES])),
        ("archive", all(&[archive::CODES])),
        ("assignment", all(&[assignment::CODES])),
        ("courier", all(&[courier::CODES])),
        ("exchange", all(&[exchange::CODES])),
    ]
}

/// A code as it is declared in a source file.
struct Declared {
    path: String,
    name: String,
    said: Said,
}

/// Every `static NAME: Code = Code { .. };` outside of tests. Those that a macro declares it lists as well, so they need no
/// looking after.
fn declared() -> Vec<Declared> {
    let mut found = Vec::new();
    for path in pages::rust_files().into_iter().filter(|path| path.contains("/src/")) {
        let text = pages::read(&path);
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for rest in text.split("static ").skip(1) {
            let Some((name, rest)) = rest.split_once(": Code =") else { continue };
            if name.starts_with('$') || !name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            {
                continue;
            }
            let words: Vec<String> = literals(rest).into_iter().take(6).collect();
            let words: [&str; 6] = std::array::from_fn(|at| words.get(at).map_or("", String::as_str));
            found.push(Declared { path: path.clone(), name: name.to_owned(), said: Said::of(words) });
        }
    }
    found
}

/// The string literals up to the first semicolon outside of them, as the compiler would read them.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ';' => break,
            '/' if rest.peek() == Some(&'/') => {
                rest.by_ref().find(|c| *c == '\n');
            }
            '"' => {
                let mut text = String::new();
                while let Some(c) = rest.next() {
                    match c {
                        '"' => break,
                        '\\' => match rest.next() {
                            Some('n') => text.push('\n'),
                            Some('r') => text.push('\r'),
                            Some('t') => text.push('\t'),
                            Some('0') => text.push('\0'),
                            Some('u') => {
                                let hex: String =
                                    rest.by_ref().take_while(|c| *c != '}').filter(|c| *c != '{').collect();
                                text.extend(u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32));
                            }
                            Some('\n') => while rest.next_if(|c| c.is_whitespace()).is_some() {},
                            Some(c) => text.push(c),
                            None => {}
                        },
                        c => text.push(c),
                    }
                }
                found.push(text);
            }
            _ => {}
        }
    }
    found
}

fn is_japanese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{3041}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'))
}

/// What is wrong with the codes themselves.
fn faults(catalogue: &[(&str, Vec<Said>)]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for (krate, codes) in catalogue {
        for said in codes {
            let code = said.code.as_str();
            let mut fault = |what: &str| faults.push(format!("{krate}: `{code}` {what}"));
            if let Some(owner) = owners.insert(code, krate) {
                fault(&format!("is a code of `{owner}` too"));
            }
            let is_word =
                |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
            if !code.split('-').all(is_word) || !code.starts_with(|c: char| c.is_ascii_lowercase()) {
                fault("is not made of lower-case words and hyphens");
            }
            for (what, ja, en) in [("text", &said.ja, &said.en), ("help", &said.help_ja, &said.help_en)] {
                if !is_japanese(ja) {
                    fault(&format!("has no Japanese {what}"));
                }
                if en.trim().is_empty() || en == ja {
                    fault(&format!("has no English {what}"));
                }
            }
            if said.example.trim().is_empty() {
                fault("has no example");
            }
        }
    }
    faults
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// An input in a cell of a table: as code, control characters shown.
fn example(text: &str) -> String {
    let shown: String = text
        .chars()
        .map(|c| {
            if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}') {
                c.escape_default().to_string()
            } else {
                c.to_string()
            }
        })
        .collect();
    let fence = if shown.contains('`') { "``" } else { "`" };
    let space = if shown.starts_with('`') || shown.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{}{space}{fence}", shown.replace('|', "\\|"))
}

fn page(catalogue: &[(&str, Vec<Said>)]) -> String {
    let count: usize = catalogue.iter().map(|(_, codes)| codes.len()).sum();
    let mut page = format!(
        "# エラーコード一覧 / Error codes\n\n\
         このページはプログラムから作られています。コードは変わらず、廃止もされないので、機械での判別に使えます。文言は改善されることが\
         あります。\n「例」はそのエラーになる入力です。全 {count} 件。\n\n\
         This page is made by the program. A code is never renamed or removed, so machines may go by it; the texts may be\n\
         improved. An example is an input that brings the error about. {count} codes.\n"
    );
    for (krate, codes) in catalogue.iter().filter(|(_, codes)| !codes.is_empty()) {
        let mut codes = codes.clone();
        codes.sort_by(|a, b| a.code.cmp(&b.code));
        let _ = write!(
            page,
            "\n## `{krate}`\n\n| code | 日本語 | 対処 | English | help | 例 / example |\n|---|---|---|---|---|---|\n"
        );
        for said in codes {
            let [ja, help_ja, en, help_en] = [&said.ja, &said.help_ja, &said.en, &said.help_en].map(|text| cell(text));
            let example = example(&said.example);
            let _ = writeln!(page, "| `{}` | {ja} | {help_ja} | {en} | {help_en} | {example} |", said.code);
        }
    }
    page
}

/// The codes of a list, one to a line; what begins with `#` is a comment.
fn listed(text: &str) -> BTreeSet<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// Codes that were published and that the program has no more.
fn gone(published: &BTreeSet<String>, codes: &BTreeSet<String>) -> Vec<String> {
    published.difference(codes).cloned().collect()
}

#[test]
fn codes_are_unique_words_said_in_both_languages() {
    let catalogue = catalogue();
    assert!(
        catalogue.iter().all(|(krate, codes)| *krate == "model" || !codes.is_empty()),
        "a crate's codes are not found"
    );
    let faults = faults(&catalogue);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_declared_code_stands_in_a_list() {
    let known: BTreeMap<String, Said> =
        catalogue().into_iter().flat_map(|(_, codes)| codes).map(|said| (said.code.clone(), said)).collect();
    let declared = declared();
    assert!(declared.len() > 50, "the sources are not read as they are written: {} codes found", declared.len());
    for Declared { path, name, said } in declared {
        match known.get(&said.code) {
            Some(listed) => assert_eq!(listed, &said, "{path}: `{name}` is read wrongly, or another code has its name"),
            None => panic!("{path}: `{name}` (`{}`) stands in no list of codes that is joined here", said.code),
        }
    }
}

#[test]
fn no_code_is_ever_removed() {
    let codes: BTreeSet<String> = catalogue().into_iter().flat_map(|(_, codes)| codes).map(|said| said.code).collect();
    let published = listed(&std::fs::read_to_string(pages::root().join(LIST)).unwrap_or_default());
    let gone = gone(&published, &codes);
    assert!(gone.is_empty(), "published codes that the program has no more (a code is never renamed): {gone:?}");
    let mut list = "# Every code that was ever published. A test fails where one of them is gone: codes are never removed or renamed.\n"
        .to_owned();
    list.extend(codes.iter().map(|code| format!("{code}\n")));
    pages::compare(LIST, &list);
}

#[test]
fn the_page_is_what_the_program_says() {
    pages::compare(PAGE, &page(&catalogue()));
}

#[test]
fn every_kind_of_bad_code_is_seen() {
    let good = Said::of(["no-zone", "時差がありません", "no zone", "付けてください", "add one", "2014-06-30"]);
    assert_eq!(faults(&[("one", vec![good.clone()])]), Vec::<String>::new());
    for (bad, word) in [
        (Said { code: "No-zone".to_owned(), ..good.clone() }, "lower-case"),
        (Said { code: "no--zone".to_owned(), ..good.clone() }, "lower-case"),
        (Said { ja: "no zone".to_owned(), ..good.clone() }, "Japanese text"),
        (Said { en: good.ja.clone(), ..good.clone() }, "English text"),
        (Said { help_ja: String::new(), ..good.clone() }, "Japanese help"),
        (Said { help_en: String::new(), ..good.clone() }, "English help"),
        (Said { example: String::new(), ..good.clone() }, "example"),
    ] {
        let faults = faults(&[("one", vec![bad])]);
        assert!(faults.iter().any(|fault| fault.contains(word)), "{faults:?}");
    }
    assert_eq!(faults(&[("one", vec![good.clone()]), ("other", vec![good])]).len(), 1, "one code, two crates");
    let published = listed("# a comment\na\nb\n");
    assert_eq!(gone(&published, &listed("b\nc\n")), ["a"]);
}

#[test]
fn sources_are_read_as_the_compiler_reads_them() {
    let source = "Code {\n    code: \"a-b\", // \"not this\"\n    text: Text { ja: \"\\u{3042}\\\"\", en: \"a; \\\n        b\" },\n}; \"nor this\"";
    assert_eq!(literals(source), ["a-b", "あ\"", "a; b"]);
}
