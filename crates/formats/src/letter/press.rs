//! The press: a letter's templates compiled once, in a sandbox, and filled as often as needed.

use std::collections::BTreeSet;
use std::io;
use std::marker::PhantomData;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};
use model::problem::{Code, Place, Problem};

use super::contents::Contents;
use super::value::{one_line, plain_text, thousands};
use super::{
    LETTER_NOT_ALLOWED, LETTER_NOT_FILLED, LETTER_SUBJECT_NOT_ONE_LINE, LETTER_SYNTAX, LETTER_TOO_LONG,
    LETTER_TOO_MANY_STEPS, Letter, Rendered,
};

/// Steps that filling one template may take; a shipped letter takes fewer than two thousand.
const STEPS: u64 = 50_000;

/// The longest text that may come of a template, in bytes.
const LONGEST_OUTPUT: usize = 256 * 1024;

/// Statements that a template may use.
const STATEMENTS: [&str; 6] = ["if", "elif", "else", "endif", "for", "endfor"];

/// A letter ready to be filled many times.
pub struct Press<'a, C> {
    letter: &'a Letter<C>,
    templates: Environment<'a>,
    kind: PhantomData<fn(&C)>,
}

impl<'a, C: Contents> Press<'a, C> {
    /// Compiles the letter's templates.
    pub(super) fn of(letter: &'a Letter<C>) -> Result<Self, Problem> {
        // Nothing is there but what is named here: no loader, no global function, no method of another language.
        let mut templates = Environment::empty();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_fuel(Some(STEPS));
        templates.set_recursion_limit(50);
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            templates.set_syntax(syntax);
        }
        templates.add_filter("upper", |text: &str| text.to_uppercase());
        templates.add_filter("lower", |text: &str| text.to_lowercase());
        templates.add_filter("length", |value: Value| value.len().unwrap_or(0));
        templates.add_filter("join", |values: Vec<String>, between: &str| values.join(between));
        templates.add_filter("thousands", |number: u64| thousands(number));
        let mut press = Self { letter, templates, kind: PhantomData };
        press.compile("subject", &letter.subject, 1)?;
        press.compile("body", &letter.body, letter.body_line)?;
        Ok(press)
    }

    fn compile(&mut self, name: &'static str, source: &'a str, first_line: u64) -> Result<(), Problem> {
        if let Err(offset) = only_allowed(source) {
            let lines = source.get(..offset).unwrap_or("").matches('\n').count();
            let place = self.letter.place().line(first_line.saturating_add(u64::try_from(lines).unwrap_or(0)));
            let shown: String = source.get(offset..).unwrap_or("").chars().take(40).collect();
            return Err(Problem::new(&LETTER_NOT_ALLOWED, place).with_value(&shown));
        }
        self.templates.add_template(name, source).map_err(|error| self.problem(&LETTER_SYNTAX, &error, first_line))
    }

    /// The variables that the subject or the body uses, as dotted paths; what a loop declares is left out.
    pub(super) fn variables(&self, name: &str) -> BTreeSet<String> {
        let template = self.templates.get_template(name).ok();
        template.into_iter().flat_map(|template| template.undeclared_variables(true)).collect()
    }

    /// The letter filled with `contents`.
    ///
    /// # Errors
    /// A [`Problem`] where a template uses what the contents do not have, takes too many steps, comes out too long, or where
    /// its subject is not one line.
    pub fn render(&self, contents: &C) -> Result<Rendered, Problem> {
        let mut fields = contents.fields(self.letter.lang);
        make_plain(&mut fields);
        let fields = Value::from(Serde(fields));
        let subject = self.fill("subject", &fields, 1)?;
        let subject = subject.trim();
        // The values are one line each; what is left is a line end that the template itself wrote.
        if subject.is_empty() || one_line(subject) != subject {
            return Err(Problem::new(&LETTER_SUBJECT_NOT_ONE_LINE, self.letter.place().line(1)).with_value(subject));
        }
        let mut body = plain_text(&self.fill("body", &fields, self.letter.body_line)?);
        body.truncate(body.trim_end().len());
        body.push('\n');
        Ok(Rendered { subject: subject.to_owned(), body })
    }

    fn fill(&self, name: &str, fields: &Value, first_line: u64) -> Result<String, Problem> {
        let mut page = Page(Vec::new());
        let filled = self
            .templates
            .get_template(name)
            .and_then(|template| template.render_captured_to(fields.clone(), &mut page).map(drop));
        if let Err(error) = filled {
            let code = match error.kind() {
                ErrorKind::OutOfFuel => &LETTER_TOO_MANY_STEPS,
                ErrorKind::WriteFailure => &LETTER_TOO_LONG,
                ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => &LETTER_SYNTAX,
                _ => &LETTER_NOT_FILLED,
            };
            return Err(self.problem(code, &error, first_line));
        }
        // The templates are UTF-8 and so are the values.
        Ok(String::from_utf8_lossy(&page.0).into_owned())
    }

    /// The problem, at the line of the letter's file that the engine names. The engine's words name variables, filters and
    /// signs of the template, never a value of the contents.
    fn problem(&self, code: &'static Code, error: &Error, first_line: u64) -> Problem {
        let line = error.line().and_then(|line| u64::try_from(line).ok()).unwrap_or(1);
        let place: Place = self.letter.place().line(first_line.saturating_add(line.saturating_sub(1)));
        match error.detail() {
            Some(detail) => Problem::new(code, place).with_value(detail),
            None => Problem::new(code, place),
        }
    }
}

/// Makes every string in `fields` one plain line.
fn make_plain(fields: &mut serde_json::Value) {
    match fields {
        serde_json::Value::String(text) => {
            if let std::borrow::Cow::Owned(line) = one_line(text) {
                *text = line;
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(make_plain),
        serde_json::Value::Object(members) => members.values_mut().for_each(make_plain),
        _ => {}
    }
}

/// Where something stands in the template that letters may not use, as a byte offset.
///
/// The engine has no switch for single statements. Without assignment and repetition, a letter cannot grow beyond the sum of
/// its template and its contents; that is why `set` and `*` are not let through, beside all that would reach other files.
fn only_allowed(source: &str) -> Result<(), usize> {
    let mut at = 0;
    while let Some(found) = source.get(at..).and_then(|rest| rest.find('{')) {
        let open = at + found;
        let Some(tag) = source.get(open..) else { break };
        let close = match tag.as_bytes().get(1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => {
                at = tag.find("#}").map_or(source.len(), |end| open + end + 2);
                continue;
            }
            _ => {
                at = open + 1;
                continue;
            }
        };
        let inside = tag.get(2..).unwrap_or("");
        if close == "%}" {
            let word = inside.trim_start_matches(['-', '+']).trim_start();
            let word: &str = word.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or("");
            if !STATEMENTS.contains(&word) {
                return Err(open);
            }
        }
        let mut quote: Option<char> = None;
        let mut escaped = false;
        let mut end = None;
        for (place, character) in inside.char_indices() {
            match quote {
                Some(_) if escaped => escaped = false,
                Some(_) if character == '\\' => escaped = true,
                Some(mark) if character == mark => quote = None,
                Some(_) => {}
                None if matches!(character, '"' | '\'') => quote = Some(character),
                None if character == '*' => return Err(open),
                None if inside.get(place..).is_some_and(|rest| rest.starts_with(close)) => {
                    end = Some(place);
                    break;
                }
                None => {}
            }
        }
        at = end.map_or(source.len(), |end| open + 2 + end + 2);
    }
    Ok(())
}

/// A buffer that takes so much and no more.
struct Page(Vec<u8>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len().saturating_add(bytes.len()) > LONGEST_OUTPUT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
