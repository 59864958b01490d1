//! Whatever the contents hold, a letter's subject is one line and its body is plain text with no paragraph of theirs.

use formats::letter::contents::Contents;
use formats::letter::{AnswerLetter, DeliveryLetter, GroundNote, Letter, NoticeLetter, ReturnLetter, Returned};
use law::Ground;
use model::Lang;
use model::operation::CareDesk;
use model::text::Name;
use proptest::prelude::*;

/// Line ends in all their forms, header lookalikes, marks that turn writing round, template signs.
const HOSTILE: &[&str] = &[
    "x\r\nBcc: evil@example.org\r\n\r\nDear customer, call 000",
    "x\nSubject: other",
    "x\rTo: other",
    "a\u{2028}b\u{2029}c\u{85}d\u{b}e\u{c}f",
    "a\0b\u{1b}[2Jc\u{7f}d",
    "\u{202e}gpj.exe",
    "{{ ticket }}{% for x in seen %}x{% endfor %}",
    "=?UTF-8?B?QmNjOiBldmls?=",
    ".\r\n.\r\nQUIT",
];

fn name(text: &str) -> Name {
    Name { ja: text.to_owned(), en: Some(text.to_owned()) }
}

fn desk(text: &str) -> CareDesk {
    CareDesk {
        name: name(text),
        phone: Some(text.to_owned()),
        mail: Some(text.to_owned()),
        url: Some(text.to_owned()),
        hours: Some(name(text)),
    }
}

fn grounds(text: &str) -> Vec<GroundNote> {
    let note = |ground: &Ground| GroundNote { ground: *ground, reason: name(text), source: text.to_owned() };
    Ground::ALL.iter().map(note).collect()
}

fn delivery(text: &str) -> DeliveryLetter {
    DeliveryLetter {
        to: name(text),
        from: desk(text),
        operation: name(text),
        threat: text.to_owned(),
        collected: name(text),
        files: vec![text.to_owned()],
        grounds: grounds(text),
        answer_to: Some(text.to_owned()),
        care_desk: desk(text),
        ..DeliveryLetter::full()
    }
}

fn returned(text: &str) -> ReturnLetter {
    ReturnLetter {
        ticket: text.to_owned(),
        to: name(text),
        from: desk(text),
        operation: name(text),
        threat: text.to_owned(),
        returned: vec![Returned { reason: name(text), rows: 1 }],
        files: vec![text.to_owned()],
        grounds: grounds(text),
        ..ReturnLetter::full()
    }
}

fn notice(text: &str) -> NoticeLetter {
    NoticeLetter {
        ticket: text.to_owned(),
        isp: desk(text),
        writer: name(text),
        malware: Some(text.to_owned()),
        reporter: name(text),
        collected: name(text),
        grounds: grounds(text),
        steps: vec![name(text)],
        care_desk: desk(text),
        opt_out: Some(text.to_owned()),
        ..NoticeLetter::full()
    }
}

fn answer(text: &str) -> AnswerLetter {
    AnswerLetter { to: name(text), from: desk(text), files: vec![text.to_owned()], ..AnswerLetter::full() }
}

fn check<C: Contents>(hostile: &C, tame: &C) {
    for lang in [Lang::Ja, Lang::En] {
        let letter = Letter::<C>::shipped(lang).render(hostile).expect("hostile values are still values");
        assert!(!letter.subject.is_empty());
        assert!(!letter.subject.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202e}')));
        assert!(!letter.body.chars().any(|c| (c.is_control() && c != '\n') || matches!(c, '\u{2028}' | '\u{202e}')));
        // A value adds no line: the letter has as many as with a tame value in the same places.
        let quiet = Letter::<C>::shipped(lang).render(tame).expect("tame values are values");
        assert_eq!(letter.body.lines().count(), quiet.body.lines().count());
    }
}

#[test]
fn hostile_values_in_every_field_stay_values() {
    for text in HOSTILE {
        check(&delivery(text), &delivery("x"));
        check(&returned(text), &returned("x"));
        check(&notice(text), &notice("x"));
        check(&answer(text), &answer("x"));
    }
}

#[test]
fn what_a_report_calls_malware_is_no_link() {
    let letter = NoticeLetter { malware: Some("see http://evil.example/x".to_owned()), ..NoticeLetter::full() };
    for lang in [Lang::Ja, Lang::En] {
        let body = Letter::<NoticeLetter>::shipped(lang).render(&letter).expect("a notice").body;
        assert!(!body.contains("evil.example") && !body.contains("http://"), "{body}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_value_stays_a_value(text in any::<String>(), line in "[ -~\r\n\u{2028}]{1,40}") {
        // An empty value may leave out a line; a letter is given texts that say something.
        let text = format!("x{text}{line}x");
        check(&notice(&text), &notice("x"));
        check(&delivery(&text), &delivery("x"));
        check(&returned(&text), &returned("x"));
        check(&answer(&text), &answer("x"));
    }
}
