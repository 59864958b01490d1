//! The shipped pack: it loads, fits its schema, and every rule's cases hold.

use std::collections::BTreeMap;

use law::Pack;
use law::pack::Effect;

#[test]
fn every_case_of_every_rule_holds() {
    let pack = Pack::shipped().expect("the shipped pack loads");
    let failures = law::case::check_all(&pack);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(pack.rules().any(|rule| rule.effect == Effect::Forbid));
}

#[test]
fn every_uncertain_rule_is_on_the_lawyers_list() {
    let pack = Pack::shipped().expect("the shipped pack loads");
    for rule in pack.rules().filter(|rule| rule.confidence == "C") {
        assert!(pack.to_confirm().any(|listed| listed.id == rule.id), "{}", rule.id);
        assert!(rule.why.contains("A lawyer must confirm"), "{}/why.md", rule.id);
    }
    for rule in pack.rules() {
        assert!(rule.text.contains(&format!("@id(\"{}\")", rule.id)), "{}: the id in the text is the folder", rule.id);
    }
}

#[test]
fn a_rule_that_does_not_fit_is_refused() {
    let mut files = BTreeMap::new();
    files.insert("schema.cedarschema".to_owned(), include_str!("../rules/schema.cedarschema").to_owned());
    let good = include_str!("../rules/jp/base/only-the-holder-identifies/rule.cedar");
    files.insert("jp/x/why.md".to_owned(), String::new());
    files.insert("jp/x/cases.json".to_owned(), "[]".to_owned());
    files.insert("jp/x/rule.cedar".to_owned(), good.to_owned());
    let pack = Pack::from_files(&files).expect("a good rule loads");
    assert_eq!(law::case::check_all(&pack).len(), 1, "a rule without a case does not count");
    files.insert("jp/x/rule.cedar".to_owned(), good.replace("context.holdsAssignment", "context.holdsAssigment"));
    assert!(Pack::from_files(&files).is_err(), "an attribute that the schema lacks");
    files.insert("jp/x/rule.cedar".to_owned(), good.replace("action == Action::\"identify\"", "action"));
    assert!(Pack::from_files(&files).is_err(), "a rule about every action");
    files.insert("jp/x/rule.cedar".to_owned(), good.replace("@source", "@sauce"));
    assert!(Pack::from_files(&files).is_err(), "a rule without a source");
}
