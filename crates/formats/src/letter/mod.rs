//! Mail text: letters as templates that an operator may edit, filled with typed contents.
//!
//! A letter is a text whose first line is `subject: …`; the rest is the body. Both are minijinja templates over the
//! contents of their kind ([`NoticeLetter`], [`DeliveryLetter`], [`ReturnLetter`], [`AnswerLetter`]) and nothing else: no
//! file, no clock, no function, no statement but `if` and `for`, a bounded number of steps and a bounded length. An
//! undefined variable is an error, and an edited letter that leaves out the care desk or the ground is refused.
//!
//! INVARIANT: whatever the contents hold, the subject is one line and the body holds no control character but line feed and
//! tab, because every value is made one plain line before it is put in ([`value::one_line`]) and the result is looked at
//! again. A value can therefore neither add a header to a mail nor a paragraph to its text.

pub mod contents;
mod press;
pub mod value;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::marker::PhantomData;

use model::problem::{Code, Place, Problem};
use model::{Lang, Text};
use sha2::{Digest, Sha256};

pub use contents::{AnswerLetter, Contents, DeliveryLetter, GroundNote, NoticeLetter, ReturnLetter, Returned, Seen};
pub use press::Press;

/// The longest template that is accepted, in bytes: about thirty pages.
pub const LONGEST_TEMPLATE: usize = 64 * 1024;

/// The letters there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Hub to partner: what was sent, why lawfully, by when to answer and how.
    Delivery,
    /// Hub to reporter: which rows nobody here can act on.
    Return,
    /// Operator to subscriber (注意喚起).
    Notice,
    /// Node to hub: what came of a delivery.
    Answer,
}

impl Kind {
    /// All kinds.
    pub const ALL: &'static [Self] = &[Self::Delivery, Self::Return, Self::Notice, Self::Answer];

    /// Its name, as template files and leaves carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Return => "return",
            Self::Notice => "notice",
            Self::Answer => "answer",
        }
    }

    /// The kind with that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The template that travels with the program.
    #[must_use]
    pub const fn shipped_text(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Delivery, Lang::Ja) => include_str!("templates/delivery.ja.txt"),
            (Self::Delivery, Lang::En) => include_str!("templates/delivery.en.txt"),
            (Self::Return, Lang::Ja) => include_str!("templates/return.ja.txt"),
            (Self::Return, Lang::En) => include_str!("templates/return.en.txt"),
            (Self::Notice, Lang::Ja) => include_str!("templates/notice.ja.txt"),
            (Self::Notice, Lang::En) => include_str!("templates/notice.en.txt"),
            (Self::Answer, Lang::Ja) => include_str!("templates/answer.ja.txt"),
            (Self::Answer, Lang::En) => include_str!("templates/answer.en.txt"),
        }
    }

    /// What a template of this kind may use, for the editor's list.
    #[must_use]
    pub const fn variables(self) -> &'static [Variable] {
        match self {
            Self::Delivery => contents::delivery::VARIABLES,
            Self::Return => contents::returned::VARIABLES,
            Self::Notice => contents::notice::VARIABLES,
            Self::Answer => contents::answer::VARIABLES,
        }
    }

    /// What is wrong with an edited template; nothing if it can be used.
    #[must_use]
    pub fn lint(self, lang: Lang, text: &str) -> Vec<Problem> {
        match self {
            Self::Delivery => lint::<DeliveryLetter>(lang, text),
            Self::Return => lint::<ReturnLetter>(lang, text),
            Self::Notice => lint::<NoticeLetter>(lang, text),
            Self::Answer => lint::<AnswerLetter>(lang, text),
        }
    }

    /// The template filled with invented contents, for the editor's preview.
    ///
    /// # Errors
    /// As [`Letter::of`] and [`Letter::render`].
    pub fn preview(self, lang: Lang, text: &str) -> Result<Rendered, Problem> {
        match self {
            Self::Delivery => Letter::<DeliveryLetter>::of(lang, text)?.render(&DeliveryLetter::full()),
            Self::Return => Letter::<ReturnLetter>::of(lang, text)?.render(&ReturnLetter::full()),
            Self::Notice => Letter::<NoticeLetter>::of(lang, text)?.render(&NoticeLetter::full()),
            Self::Answer => Letter::<AnswerLetter>::of(lang, text)?.render(&AnswerLetter::full()),
        }
    }

    /// How problems name the template.
    fn file(self, lang: Lang) -> String {
        let lang = match lang {
            Lang::Ja => "ja",
            Lang::En => "en",
        };
        format!("{}.{lang}.txt", self.name())
    }
}

/// Something that a template may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// How a template writes it; `[]` follows a list, whose items `{% for %}` walks.
    pub path: &'static str,
    /// What it is.
    pub meaning: Text,
    /// Whether every letter of the kind must use it: the ground, the care desk, the ticket.
    pub must: bool,
}

/// A letter of one kind in one language, ready to be filled.
#[derive(Debug, Clone)]
pub struct Letter<C> {
    lang: Lang,
    /// As given: what the hash is of.
    text: Cow<'static, str>,
    subject: String,
    body: String,
    /// On which line the body begins, from 1.
    body_line: u64,
    kind: PhantomData<fn(&C)>,
}

/// A letter filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line, no control character; not encoded for a mail header yet.
    pub subject: String,
    /// Plain text, lines ended by line feeds.
    pub body: String,
}

impl<C: Contents> Letter<C> {
    /// The letter that travels with the program.
    ///
    /// # Panics
    /// Never: a test reads all of them.
    #[must_use]
    pub fn shipped(lang: Lang) -> Self {
        Self::read(lang, Cow::Borrowed(C::KIND.shipped_text(lang))).expect("the shipped templates are tested")
    }

    /// A letter that an operator edited.
    ///
    /// # Errors
    /// The first [`Problem`] that [`Kind::lint`] names.
    pub fn of(lang: Lang, text: &str) -> Result<Self, Problem> {
        match lint::<C>(lang, text).into_iter().next() {
            Some(problem) => Err(problem),
            None => Self::read(lang, Cow::Owned(text.to_owned())),
        }
    }

    /// Splits the text; what it says is not looked at.
    fn read(lang: Lang, text: Cow<'static, str>) -> Result<Self, Problem> {
        let place = || Place::file(C::KIND.file(lang));
        if text.len() > LONGEST_TEMPLATE {
            return Err(Problem::new(&LETTER_TOO_LONG, place()));
        }
        let unix = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let (first, body) = unix.split_once('\n').unwrap_or((&unix, ""));
        let Some(subject) = first.strip_prefix("subject:").map(str::trim).filter(|subject| !subject.is_empty()) else {
            return Err(Problem::new(&LETTER_WITHOUT_SUBJECT, place().line(1)).with_value(first));
        };
        let blank = body.bytes().take_while(|byte| *byte == b'\n').count();
        let body_line = u64::try_from(blank).unwrap_or(u64::MAX).saturating_add(2);
        let (subject, body) = (subject.to_owned(), body.trim_start_matches('\n').to_owned());
        Ok(Self { lang, text, subject, body, body_line, kind: PhantomData })
    }

    /// Its language.
    #[must_use]
    pub const fn lang(&self) -> Lang {
        self.lang
    }

    /// The template's text, as given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the template's text, hexadecimal: it stands in the leaf of the deed that sends the letter.
    #[must_use]
    pub fn hash(&self) -> String {
        let digest = Sha256::digest(self.text.as_bytes());
        digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing into a string does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// The letter with its templates compiled, to be filled many times.
    ///
    /// # Errors
    /// A [`Problem`] where a template cannot be compiled or uses more than it may.
    pub fn press(&self) -> Result<Press<'_, C>, Problem> {
        Press::of(self)
    }

    /// The letter filled with `contents`.
    ///
    /// # Errors
    /// As [`Letter::press`] and [`Press::render`].
    pub fn render(&self, contents: &C) -> Result<Rendered, Problem> {
        self.press()?.render(contents)
    }

    fn place(&self) -> Place {
        Place::file(C::KIND.file(self.lang))
    }
}

/// All that is wrong with a template, as far as it can be seen before it is used.
fn lint<C: Contents>(lang: Lang, text: &str) -> Vec<Problem> {
    let letter = match Letter::<C>::read(lang, Cow::Owned(text.to_owned())) {
        Ok(letter) => letter,
        Err(problem) => return vec![problem],
    };
    let press = match letter.press() {
        Ok(press) => press,
        Err(problem) => return vec![problem],
    };
    let in_subject = press.variables("subject");
    let mut used = press.variables("body");
    used.extend(in_subject.iter().cloned());
    let known = |path: &str| {
        C::KIND.variables().iter().any(|variable| {
            variable.path == path || variable.path.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']))
        })
    };
    let mut problems: Vec<Problem> = used
        .iter()
        .filter(|path| !known(path))
        .map(|path| Problem::new(&LETTER_UNKNOWN_VARIABLE, letter.place().field(path)).with_value(path))
        .collect();
    for variable in C::KIND.variables().iter().filter(|variable| variable.must) {
        let root = variable.path.split("[]").next().unwrap_or(variable.path);
        let place_of_it = if root == "ticket" { &in_subject } else { &used };
        if !place_of_it.contains(root) {
            problems.push(Problem::new(&LETTER_LACKS_VARIABLE, letter.place().field(root)).with_value(root));
        }
    }
    if problems.is_empty() {
        // Inside a loop only filling it shows what is undefined; once with all there can be, once with the least.
        problems.extend([C::full(), C::bare()].iter().filter_map(|example| press.render(example).err()).take(1));
    }
    problems
}

/// A letter's first line is not its subject.
pub static LETTER_WITHOUT_SUBJECT: Code = Code {
    code: "letter-without-subject",
    text: Text { ja: "1行目に件名がありません", en: "the first line is not the subject" },
    help: Text {
        ja: "1行目を「subject: 件名」の形にしてください。",
        en: "let the first line be `subject: ` and the subject",
    },
    example: "お客様各位",
};

/// A letter's template is too long, or what came of it.
pub static LETTER_TOO_LONG: Code = Code {
    code: "letter-too-long",
    text: Text { ja: "文面が長すぎます", en: "the letter is too long" },
    help: Text {
        ja: "テンプレートは64 KiB以内、差し込み後の本文は256 KiB以内にしてください。",
        en: "keep the template within 64 KiB and the filled letter within 256 KiB",
    },
    example: "subject: …  (100,000 characters)",
};

/// A letter cannot be compiled.
pub static LETTER_SYNTAX: Code = Code {
    code: "letter-syntax",
    text: Text { ja: "テンプレートの書き方に誤りがあります", en: "the template cannot be read" },
    help: Text {
        ja: "`{{ }}` と `{% %}` の対応、使えるフィルター（upper, lower, length, join, thousands）を確認してください。",
        en: "check that `{{ }}` and `{% %}` are closed, and use no filter but upper, lower, length, join and thousands",
    },
    example: "{% if rows %}",
};

/// A letter wants more than letters may.
pub static LETTER_NOT_ALLOWED: Code = Code {
    code: "letter-not-allowed",
    text: Text {
        ja: "テンプレートで使えない命令です", en: "the template uses something that letters may not use"
    },
    help: Text {
        ja: "使えるのは `if`・`elif`・`else`・`for` のみです。`*` による繰返し、他のファイルの読込み、変数の代入はできません。",
        en: "use `if`, `elif`, `else` and `for` only; no repetition by `*`, no other file, no assignment",
    },
    example: "{% include \"other.txt\" %}",
};

/// A letter names a variable that its kind does not have.
pub static LETTER_UNKNOWN_VARIABLE: Code = Code {
    code: "letter-unknown-variable",
    text: Text { ja: "この文面では使えない変数です", en: "this kind of letter has no such variable" },
    help: Text {
        ja: "変数の一覧にある名前を使ってください。",
        en: "use a name from the list of this letter's variables",
    },
    example: "{{ subscriber_name }}",
};

/// A letter leaves out what it must say.
pub static LETTER_LACKS_VARIABLE: Code = Code {
    code: "letter-lacks-variable",
    text: Text {
        ja: "必ず記載すべき項目がありません", en: "the letter leaves out something it must say"
    },
    help: Text {
        ja: "示された変数を文面に入れてください（整理番号は件名にも入れてください）。",
        en: "put the variable named here into the letter (the ticket id also into its subject)",
    },
    example: "a notice that does not name the care desk",
};

/// A letter's subject came out as more than one line, or as none.
pub static LETTER_SUBJECT_NOT_ONE_LINE: Code = Code {
    code: "letter-subject-not-one-line",
    text: Text { ja: "件名が1行になりません", en: "the subject is not one line" },
    help: Text {
        ja: "件名に改行を含めず、差し込み後も空にならないようにしてください。",
        en: "let the subject hold no line end, and not be empty once filled in",
    },
    example: "subject: {{ \"a\\nBcc: b@example.org\" }}",
};

/// A letter could not be filled in.
pub static LETTER_NOT_FILLED: Code = Code {
    code: "letter-not-filled",
    text: Text { ja: "文面に値を差し込めません", en: "the letter cannot be filled in" },
    help: Text {
        ja: "値がない場合のある項目は `{% if %}` で囲み、一覧の項目名を確認してください。",
        en: "put `{% if %}` around what may be absent, and check the names inside lists",
    },
    example: "{% for s in seen %}{{ s.tme }}{% endfor %}",
};

/// A letter takes too many steps.
pub static LETTER_TOO_MANY_STEPS: Code = Code {
    code: "letter-too-many-steps",
    text: Text {
        ja: "文面の作成に手数がかかりすぎます", en: "filling the letter in takes too many steps"
    },
    help: Text { ja: "`for` の入れ子を減らしてください。", en: "nest fewer loops" },
    example: "{% for a in seen %}{% for b in seen %}…",
};

/// Every code that letters can utter.
pub static CODES: &[&Code] = &[
    &LETTER_WITHOUT_SUBJECT,
    &LETTER_TOO_LONG,
    &LETTER_SYNTAX,
    &LETTER_NOT_ALLOWED,
    &LETTER_UNKNOWN_VARIABLE,
    &LETTER_LACKS_VARIABLE,
    &LETTER_SUBJECT_NOT_ONE_LINE,
    &LETTER_NOT_FILLED,
    &LETTER_TOO_MANY_STEPS,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// How wide a mail reader shows the line: an East Asian character takes two columns.
    fn columns(line: &str) -> usize {
        line.chars().map(|character| if u32::from(character) >= 0x1100 { 2 } else { 1 }).sum()
    }

    #[test]
    fn the_shipped_letters_are_without_fault() {
        for kind in Kind::ALL {
            for lang in [Lang::Ja, Lang::En] {
                let text = kind.shipped_text(lang);
                let problems: Vec<String> = kind.lint(lang, text).iter().map(|p| p.for_submitter(Lang::En)).collect();
                assert_eq!(problems, [""; 0], "{}", kind.name());
                let letter = kind.preview(lang, text).unwrap();
                assert!(letter.subject.starts_with("[NR-"), "{}", letter.subject);
                let limit = if lang == Lang::Ja { 70 } else { 72 };
                for line in text.lines().skip(1).filter(|line| !line.contains("{{")) {
                    assert!(columns(line) <= limit, "{}: {line}", kind.name());
                }
                assert!(!letter.body.contains("\n\n\n\n"), "{}", letter.body);
            }
        }
        assert_eq!(Kind::by_name("notice"), Some(Kind::Notice));
        assert_eq!(Kind::by_name("other"), None);
    }

    #[test]
    fn every_value_there_is_stands_in_the_shipped_letter() {
        // A letter that forgets, say, the care desk's telephone when it is known would fail here.
        let body = NoticeLetter::full();
        for lang in [Lang::Ja, Lang::En] {
            let letter = Letter::<NoticeLetter>::shipped(lang).render(&body).unwrap();
            let fields = body.fields(lang);
            for path in ["/care_desk/name", "/care_desk/phone", "/care_desk/mail", "/care_desk/url", "/care_desk/hours"]
            {
                assert!(letter.body.contains(fields.pointer(path).unwrap().as_str().unwrap()), "{path}");
            }
            for path in
                ["/malware", "/opt_out", "/reporter", "/grounds/0/source", "/grounds/0/plain", "/seen/0/address"]
            {
                assert!(letter.body.contains(fields.pointer(path).unwrap().as_str().unwrap()), "{path}");
            }
            assert!(letter.body.contains("51000") && letter.body.contains("23"));
            assert_eq!(letter.body.matches("192.0.2.15").count(), contents::notice::LISTED);
        }
    }

    #[test]
    fn the_hash_is_of_the_text_as_given() {
        let letter =
            Letter::<AnswerLetter>::of(Lang::En, "subject: [{{ ticket }}]\n{{ delivery }} {{ from.name }} {{ rows }}");
        // SHA-256 of that text, computed apart.
        assert_eq!(
            letter.unwrap().hash(),
            format!("{:x}", Sha256::digest(b"subject: [{{ ticket }}]\n{{ delivery }} {{ from.name }} {{ rows }}"))
        );
        let shipped = Letter::<AnswerLetter>::shipped(Lang::Ja);
        assert_eq!(shipped.hash(), format!("{:x}", Sha256::digest(shipped.text().as_bytes())));
    }

    const ANSWER: &str = "{{ delivery }} {{ from.name }} {{ rows }}";

    fn codes(subject: &str, body: &str) -> Vec<&'static str> {
        let text = format!("{subject}\n\n{body}");
        Kind::Answer.lint(Lang::En, &text).iter().map(|problem| problem.code.code).collect()
    }

    #[test]
    fn lint_names_what_is_wrong() {
        let good = "subject: [{{ ticket }}]";
        assert_eq!(codes(good, ANSWER), [""; 0]);
        assert_eq!(codes("Dear all", ANSWER), ["letter-without-subject"]);
        assert_eq!(codes("subject:", ANSWER), ["letter-without-subject"]);
        assert_eq!(codes("subject: answer", &format!("{ANSWER} {{{{ ticket }}}}")), ["letter-lacks-variable"]);
        assert_eq!(codes(good, "{{ delivery }} {{ rows }}"), ["letter-lacks-variable"]);
        assert_eq!(codes(good, &format!("{ANSWER} {{{{ subscriber_name }}}}")), ["letter-unknown-variable"]);
        assert_eq!(codes(good, &format!("{ANSWER} {{{{ from.nme }}}}")), ["letter-unknown-variable"]);
        assert_eq!(codes(good, &format!("{ANSWER} {{% if rows %}}")), ["letter-syntax"]);
        assert_eq!(codes(good, &format!("{ANSWER} {{{{ rows|env }}}}")), ["letter-syntax"]);
        let inside_a_loop = format!("{ANSWER} {{% for o in outcomes %}}{{{{ o.tet }}}}{{% endfor %}}");
        assert_eq!(codes(good, &inside_a_loop), ["letter-not-filled"]);
        assert_eq!(
            codes("subject: [{{ ticket }}] {{ \"a\\nBcc: b@example.org\" }}", ANSWER),
            ["letter-subject-not-one-line"]
        );
        assert_eq!(codes(good, &"x".repeat(LONGEST_TEMPLATE)), ["letter-too-long"]);
    }

    #[test]
    fn a_template_reaches_nothing_and_ends() {
        let good = "subject: [{{ ticket }}]";
        for statement in [
            "{% include '/etc/passwd' %}",
            "{%- import 'x' as x %}",
            "{% from 'x' import y %}",
            "{% extends 'x' %}",
            "{% set a = 'x' %}",
            "{% macro m() %}{% endmacro %}",
            "{% raw %}{% endraw %}",
            "{% with a = 1 %}{% endwith %}",
            "{{ 'x' * 100000000 }}",
            "{{ '}}' * 3 }}",
        ] {
            assert_eq!(codes(good, &format!("{ANSWER} {statement}")), ["letter-not-allowed"], "{statement}");
        }
        assert_eq!(codes(good, &format!("{ANSWER} {{{{ '* }}}}' }}}}")), [""; 0]);
        let mut loops = String::from("x");
        for _ in 0..12 {
            loops = format!("{{% for o in outcomes %}}{loops}{{% endfor %}}");
        }
        assert_eq!(codes(good, &format!("{ANSWER} {loops}")), ["letter-too-many-steps"]);
        let long = "x".repeat(40_000);
        let mut loops = format!("{{{{ '{long}' }}}}");
        for _ in 0..3 {
            loops = format!("{{% for o in outcomes %}}{loops}{{% endfor %}}");
        }
        assert_eq!(codes(good, &format!("{ANSWER} {loops}")), ["letter-too-long"]);
    }
}
