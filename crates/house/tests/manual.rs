//! The manual is true: its examples are read by the program's own readers, and every key, outcome and command in it exists.

use std::collections::BTreeSet;

use model::operation::{Agreed, CareDesk, LegitimateAct, Necessity, Plan, Task};
use model::special::SpecialRanges;
use model::tag::Tags;
use model::{Classification, Instant, Lang, Outcome};

mod pages;

const PAGES: [(&str, Lang); 2] = [("docs/manual/operator.ja.md", Lang::Ja), ("docs/manual/operator.en.md", Lang::En)];

/// The fenced examples of a page: what they are, and their text.
fn examples(page: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(kind), false) => {
                found.push((kind.to_owned(), String::new()));
                inside = true;
            }
            (Some(_), true) => inside = false,
            (None, true) => {
                if let Some((_, text)) = found.last_mut() {
                    text.push_str(line);
                    text.push('\n');
                }
            }
            (None, false) => {}
        }
    }
    assert!(!inside, "an example is not closed");
    found
}

/// The keys of a table that the program reads, as its refusal of an unknown one names them.
macro_rules! keys {
    ($table:ty) => {{
        let refusal = toml::from_str::<$table>("no-such-key = 1").err().expect("an unknown key is refused");
        let names = pages::names(refusal.message());
        assert_eq!(names.first().map(String::as_str), Some("no-such-key"), "{refusal}");
        names.into_iter().skip(1).collect::<Vec<String>>()
    }};
}

/// The keys at the top of the settings file, where the program declares them: it has no library to ask.
fn top_keys() -> Vec<String> {
    let source = pages::read("crates/noroshi/src/settings.rs");
    let fields = source.split_once("pub struct Settings {").expect("the settings are declared").1;
    let fields = fields.split_once("\n}").expect("the declaration ends").0;
    let name = |line: &str| Some(line.trim().strip_prefix("pub ")?.split_once(':')?.0.to_owned());
    fields.lines().filter_map(name).collect()
}

#[test]
fn every_setting_is_explained_and_no_other() {
    let below = |prefix: &str, keys: Vec<String>| keys.into_iter().map(|key| format!("{prefix}.{key}")).collect();
    let mut known: BTreeSet<String> = top_keys().into_iter().collect();
    let mut add = |prefix: &str, keys: Vec<String>| {
        // A table of the file is named by its keys; one below it is explained itself, too.
        assert!(prefix.contains('.') || known.remove(prefix), "there is no `{prefix}`");
        let keys: Vec<String> = below(prefix, keys);
        known.extend(keys);
    };
    add("house", keys!(exchange::Settings));
    add("house.notice_from", keys!(exchange::house::NoticeFrom));
    add("house.terms_consent", keys!(law::Consent));
    add("house.terms_consent", vec!["reference".to_owned()]);
    add("courier", keys!(courier::Settings));
    add("courier.smtp", keys!(courier::settings::SmtpSettings));
    add("courier.dkim", keys!(courier::settings::DkimSettings));
    add("courier.retry", keys!(courier::retry::Settings));
    add("assignment", keys!(assignment::Settings));
    known.remove("courier.retry");
    for (path, lang) in PAGES {
        let heading = if lang == Lang::Ja { ["キー", "意味", "既定値"] } else { ["key", "meaning", "default"] };
        let rows = pages::table(&pages::read(path), &heading);
        let explained: BTreeSet<String> = rows.iter().filter_map(|row| pages::names(row.first()?).pop()).collect();
        assert_eq!(explained, known, "{path}");
    }
}

#[test]
fn every_key_of_a_plan_is_explained() {
    let mut known = keys!(Plan);
    known.extend(keys!(CareDesk));
    known.extend(keys!(Task));
    known.extend(keys!(Agreed));
    known.extend(keys!(LegitimateAct));
    known.extend(keys!(Necessity));
    for (path, lang) in PAGES {
        let page = pages::read(path);
        let heading = if lang == Lang::Ja { "### 作戦の計画" } else { "### The plan of an operation" };
        let section = page.split_once(heading).expect("the section is there").1;
        let table: String =
            section.lines().skip_while(|line| !line.starts_with('|')).take_while(|l| l.starts_with('|')).collect();
        let explained = pages::names(&table);
        for key in &known {
            assert!(explained.contains(key), "{path}: `{key}` is not explained");
        }
    }
}

#[test]
fn every_outcome_and_role_is_explained() {
    for (path, lang) in PAGES {
        let page = pages::read(path);
        for outcome in Outcome::ALL {
            let row = format!("| `{}` | {} |", outcome.name(), outcome.text().of(lang));
            assert!(page.contains(&row), "{path} lacks {row}");
        }
        use model::party::Role;
        for role in [Role::ClearingHouse, Role::Reporter, Role::Operator, Role::Csirt, Role::Police, Role::Overseer] {
            assert!(page.contains(&format!("| `{}` | ", role.name())), "{path} lacks the role `{}`", role.name());
        }
    }
}

#[test]
fn every_example_is_read() {
    let sample = |name: &str| pages::read(&format!("crates/assignment/samples/{name}"));
    for (path, _) in PAGES {
        let mut kinds = BTreeSet::new();
        let mut mapping: Option<String> = None;
        for (kind, text) in examples(&pages::read(path)) {
            match kind.as_str() {
                "sh" => {}
                "toml settings" => {
                    let mut file: toml::Table = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
                    for key in file.keys() {
                        assert!(top_keys().contains(key), "{path}: there is no setting `{key}`");
                    }
                    let mut part = |key: &str| file.remove(key).unwrap_or(toml::Value::Table(toml::Table::new()));
                    let _: exchange::Settings = part("house").try_into().unwrap_or_else(|e| panic!("{path}: {e}"));
                    let _: courier::Settings = part("courier").try_into().unwrap_or_else(|e| panic!("{path}: {e}"));
                    let _: assignment::Settings =
                        part("assignment").try_into().unwrap_or_else(|e| panic!("{path}: {e}"));
                }
                "toml roster" => {
                    if let Err(refused) = directory::Roster::read("roster.toml", &text) {
                        panic!("{path}: {:?}", refused.errors);
                    }
                }
                "toml plan" => {
                    let plan: Plan = toml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
                    assert!(plan.agreement_of(&plan.reporter, plan.notify_from).is_some(), "{path}: nobody agreed");
                }
                "toml mapping" => mapping = Some(text),
                "csv list" => {
                    list(path, &text, mapping.take().as_deref(), "list", text.lines().count() as u64 - 1);
                }
                "json list" => list(path, &text, mapping.take().as_deref(), "json", text.lines().count() as u64),
                "csv answer" => {
                    let received: Instant = "2026-04-11T00:00:00Z".parse().unwrap();
                    let delivery = "0146eb2c-2400-7000-8000-00c0ffee0001".parse().unwrap();
                    let expected = formats::answer::Expected { delivery, rows: 839, received, zone: None };
                    let answers = formats::answer::read("answer.csv", text.as_bytes(), &expected)
                        .unwrap_or_else(|problem| panic!("{path}: {problem}"));
                    assert_eq!((answers.rows.len(), answers.rejects.0.len()), (text.lines().count() - 1, 0), "{path}");
                }
                "csv ack" => {
                    let received: Instant = "2026-04-11T00:00:00Z".parse().unwrap();
                    let delivery = "0146eb2c-2400-7000-8000-00c0ffee0001".parse().unwrap();
                    let expected = formats::answer::Expected { delivery, rows: 839, received, zone: None };
                    let ack = formats::answer::ack::read("ack.csv", text.as_bytes(), &expected)
                        .unwrap_or_else(|problem| panic!("{path}: {problem}"));
                    assert_eq!(ack.rows, 839);
                }
                // Their own crate reads these samples whole, with clearance and keys.
                "csv assignments" => lines_of(path, &text, &sample("assignments.csv")),
                "csv subscribers" => lines_of(path, &text, &sample("subscribers.csv")),
                other => panic!("{path}: nobody reads an example called `{other}`"),
            }
            kinds.insert(kind);
        }
        assert_eq!(kinds.len(), 11, "{path} has lost a kind of example: {kinds:?}");
    }
}

fn list(path: &str, text: &str, mapping: Option<&str>, format: &str, rows: u64) {
    let special = SpecialRanges::iana().without(&["documentation"]);
    let declared = formats::Declared {
        zone: None,
        classification: Classification::InfectedSystem,
        malware: None,
        tags: Tags::INFECTED_ADDRESS,
        mapping: mapping.map(|mapping| ("mapping.toml", mapping)),
        schema: None,
        special: &special,
        received: "2026-05-01T00:00:00Z".parse().unwrap(),
    };
    let input = formats::Input { file: "list.csv", bytes: text.as_bytes(), subject: law::Subject::OwnFile };
    let reader = formats::by_name(format).expect("it is a format");
    let reading = reader.read(&input, &declared).unwrap_or_else(|problem| panic!("{path}: {problem}"));
    assert_eq!((reading.rows, reading.understood, reading.rejected), (rows, rows, 0), "{path}: {text}");
}

fn lines_of(path: &str, text: &str, sample: &str) {
    for line in text.lines() {
        assert!(
            sample.trim_start_matches('\u{feff}').lines().any(|other| other == line),
            "{path}: not in the sample: {line}"
        );
    }
}

#[test]
fn every_command_exists() {
    for (path, _) in PAGES {
        let page = pages::read(path);
        let mut seen = 0;
        let shell: String =
            examples(&page).into_iter().filter(|(kind, _)| kind == "sh").map(|(_, text)| text).collect();
        let spans = page.lines().filter(|line| !line.starts_with("```")).flat_map(pages::names);
        for command in spans.chain(shell.lines().map(str::to_owned)) {
            let mut words = command.split_whitespace();
            if words.next() != Some("noroshi") {
                continue;
            }
            let mut words = words.skip_while(|word| word.starts_with("--") || ["hub", "node"].contains(word));
            // `node` is a command too, and a home folder's name in the examples.
            let Some(word) = words.next() else { continue };
            let word = if ["run", "take"].contains(&word) { "node" } else { word };
            let file = format!("crates/noroshi/src/command/{word}.rs");
            assert!(pages::root().join(&file).is_file(), "{path}: there is no command `{command}`");
            seen += 1;
        }
        assert!(seen > 15, "{path}: the commands are not found");
    }
}
