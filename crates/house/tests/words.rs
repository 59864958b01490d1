//! Words: the glossary has every word of the house in both languages, and the feature matrix every feature that can be built.

use std::collections::{BTreeMap, BTreeSet};

mod pages;

/// The words that the design fixes, one per idea.
const WORDS: [&str; 20] = [
    "report",
    "sighting",
    "party",
    "partner",
    "operation",
    "round",
    "delivery",
    "returned",
    "withheld",
    "notice",
    "answer",
    "outcome",
    "identification",
    "ground",
    "infringements",
    "gate",
    "clearance",
    "tag",
    "ledger",
    "effect",
];

fn is_japanese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{3041}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'))
}

#[test]
fn every_word_has_its_row_in_both_languages() {
    let rows = pages::table(&pages::read("docs/glossary.md"), &["word", "日本語", "意味", "meaning"]);
    let mut seen = BTreeSet::new();
    let mut terms = BTreeSet::new();
    for row in &rows {
        let [word, term, japanese, english] = row.as_slice() else { panic!("a row has four cells: {row:?}") };
        assert!(seen.insert(word.as_str()), "`{word}` stands twice");
        assert!(terms.insert(term), "{term} stands for two words");
        assert!(is_japanese(term) && is_japanese(japanese), "`{word}` lacks its Japanese");
        assert!(!is_japanese(english) && english.len() > 20, "`{word}` lacks its English meaning");
    }
    let missing: Vec<&str> = WORDS.into_iter().filter(|word| !seen.contains(word)).collect();
    assert!(missing.is_empty(), "words without a row: {missing:?}");
}

/// Features that a manifest declares, also by an optional dependency.
fn features(manifest: &toml::Table) -> BTreeSet<String> {
    let table = |name: &str| manifest.get(name).and_then(toml::Value::as_table);
    let declared = table("features").into_iter().flat_map(toml::Table::keys).filter(|name| *name != "default");
    let optional = table("dependencies").into_iter().flatten();
    let optional = optional.filter(|(_, how)| how.get("optional").and_then(toml::Value::as_bool) == Some(true));
    declared.chain(optional.map(|(name, _)| name)).cloned().collect()
}

/// Features that are not as the matrix says.
fn faults(matrix: &BTreeMap<String, String>, declared: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for name in declared.iter().filter(|name| !matrix.contains_key(*name)) {
        faults.push(format!("the feature `{name}` is not in the matrix"));
    }
    for (name, state) in matrix {
        match (state.as_str(), declared.contains(name)) {
            ("reserved", false) | ("exists", true) => {}
            (state, true) => faults.push(format!("`{name}` can be built, and the matrix says `{state}`")),
            (state, false) => faults.push(format!("no crate has `{name}`, and the matrix says `{state}`")),
        }
    }
    faults
}

#[test]
fn the_feature_matrix_is_honest() {
    let page = pages::read("docs/features.md");
    assert!(page.contains("No feature changes a decision of the gate or a stored byte"));
    let mut matrix = BTreeMap::new();
    for row in pages::table(&page, &["feature", "何のためか", "what for", "state"]) {
        let [name, japanese, english, state] = row.as_slice() else { panic!("a row has four cells: {row:?}") };
        assert!(is_japanese(japanese) && !is_japanese(english), "{name}");
        matrix.insert(name.trim_matches('`').to_owned(), state.clone());
    }
    let declared = pages::manifests().iter().flat_map(|(_, manifest)| features(manifest)).collect();
    let faults = faults(&matrix, &declared);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_feature_beside_the_matrix_is_seen() {
    let manifest =
        "[features]\ndefault = [\"lake\"]\nlake = []\n[dependencies]\nextra = { version = \"1\", optional = true }\n";
    let declared = features(&manifest.parse().unwrap());
    assert_eq!(declared.iter().collect::<Vec<_>>(), ["extra", "lake"]);
    let matrix = |rows: &[(&str, &str)]| rows.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    assert_eq!(faults(&matrix(&[("lake", "exists"), ("extra", "exists"), ("otel", "reserved")]), &declared).len(), 0);
    assert_eq!(faults(&matrix(&[("lake", "exists")]), &declared).len(), 1);
    assert_eq!(faults(&matrix(&[("lake", "reserved"), ("extra", "exists"), ("otel", "exists")]), &declared).len(), 2);
}
