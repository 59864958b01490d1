//! The values of a JSON text, one by one: one per line, in an array, or one after the other, over as many lines as they like.
//!
//! A broken value that begins a line costs itself only: reading is taken up at the next line that begins like it. Where there is none,
//! what stands before is read, and one reject says from which line on nothing was.

use model::Text;
use model::problem::Code;
use serde_json::value::RawValue;

use crate::gathered::{Fault, Gathered, RowAt, broken};
use crate::pieces::{Cut, More};
use crate::text::{Decoded, line_from};

/// How the values stand in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Lines,
    /// Read as if they stood over several lines.
    LongLines,
    Array,
    OneAfterTheOther,
}

/// The values of a text, as its pieces come.
#[derive(Clone)]
pub(crate) struct Values {
    form: Form,
    /// The array's bracket was passed.
    opened: bool,
    /// Nothing more can be read.
    ended: bool,
}

impl Values {
    /// The values of a text that begins like this.
    pub(crate) fn of(beginning: &Decoded<'_>) -> Self {
        let text = beginning.text.trim_start();
        let form = if text.starts_with('[') {
            Form::Array
        } else {
            let (end, _) = line_from(text, 0);
            let first = text.get(..end).unwrap_or_default().trim_end();
            let is_whole = serde_json::from_str::<&RawValue>(first).is_ok();
            if is_whole || !first.starts_with('{') || first.len() > 2 && !could_go_on(first) {
                Form::Lines
            } else {
                Form::OneAfterTheOther
            }
        };
        Self { form, opened: false, ended: false }
    }

    /// The same, for values that may be longer than a line of a table is: evidence, descriptions.
    pub(crate) fn long(beginning: &Decoded<'_>) -> Self {
        let values = Self::of(beginning);
        let form = if values.form == Form::Lines { Form::LongLines } else { values.form };
        Self { form, ..values }
    }

    /// How they stand, for the preview.
    pub(crate) const fn form(&self) -> &'static str {
        match self.form {
            Form::Array => "array of objects",
            Form::Lines | Form::LongLines => "one object per line",
            Form::OneAfterTheOther => "objects over several lines",
        }
    }

    /// Where the text may be cut.
    pub(crate) const fn cut(&self) -> Cut {
        match self.form {
            Form::Lines => Cut::Lines,
            Form::LongLines | Form::Array | Form::OneAfterTheOther => Cut::Anywhere,
        }
    }

    /// Gives the values of a piece to `each`, with their places; what is none is rejected. Says where the piece was read up to.
    pub(crate) fn read(
        &mut self,
        decoded: &Decoded<'_>,
        more: More,
        rows: &mut Gathered,
        each: &mut dyn FnMut(&str, RowAt, &mut Gathered),
    ) -> usize {
        let mut piece = Piece { decoded, cursor: decoded.cursor(), rows, each };
        match self.form {
            Form::Lines => piece.lines(),
            Form::LongLines | Form::Array | Form::OneAfterTheOther => self.one_after_the_other(&mut piece, more),
        }
    }

    fn one_after_the_other(&mut self, piece: &mut Piece<'_, '_>, more: More) -> usize {
        let array = self.form == Form::Array;
        let text: &str = &piece.decoded.text;
        let mut at = 0;
        if self.ended {
            return text.len();
        }
        if array && !self.opened {
            at = text.find('[').map_or(0, |bracket| bracket + 1);
            self.opened = true;
        }
        let mut first = true;
        loop {
            let rest = text.get(at..).unwrap_or_default();
            let gap = |c: char| c.is_whitespace() || (array && c == ',');
            at += rest.len() - rest.trim_start_matches(gap).len();
            let rest = text.get(at..).unwrap_or_default();
            if rest.is_empty() {
                if array && more == More::No {
                    piece.cut_off(at, "");
                    self.ended = true;
                }
                return at;
            }
            if array && rest.starts_with(']') {
                self.ended = true;
                if let Some(further) = rest.get(1..).filter(|further| !further.trim().is_empty()) {
                    piece.cut_off(at + 1, further);
                }
                return text.len();
            }
            if piece.rows.is_full() {
                return at;
            }
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
            match values.next() {
                Some(Ok(value)) => {
                    piece.value(at, value.get());
                    at += values.byte_offset().max(1);
                }
                // It may go on in the next piece, unless it is too long for that.
                Some(Err(error)) if error.is_eof() && (more == More::Yes || more == More::Stuck && !first) => {
                    return at;
                }
                _ => match next_beginning(text, at) {
                    Some(next) => {
                        let raw = text.get(at..next).unwrap_or_default().trim_end();
                        let line = piece.cursor.to(at).1;
                        piece.rows.rejected(line, Fault::of(&JSON_SYNTAX), raw);
                        at = next;
                    }
                    None if more == More::Yes && !first => return at,
                    None => {
                        piece.cut_off(at, rest);
                        self.ended = true;
                        return text.len();
                    }
                },
            }
            first = false;
        }
    }
}

struct Piece<'p, 't> {
    decoded: &'p Decoded<'t>,
    cursor: crate::text::Cursor<'p>,
    rows: &'p mut Gathered,
    each: &'p mut dyn FnMut(&str, RowAt, &mut Gathered),
}

impl Piece<'_, '_> {
    fn lines(&mut self) -> usize {
        let text: &str = &self.decoded.text;
        let mut at = 0;
        while at < text.len() {
            let (end, next) = line_from(text, at);
            let line = text.get(at..end).unwrap_or_default();
            let (begin, object) = (at + line.len() - line.trim_start().len(), line.trim());
            if self.rows.is_full() {
                return at;
            }
            if !object.is_empty() {
                self.value(begin, object);
            }
            at = next;
        }
        at
    }

    fn value(&mut self, at: usize, value: &str) {
        let place = RowAt::of(&mut self.cursor, self.decoded, at, at + value.len());
        match broken(self.decoded, at, at + value.len()) {
            Some(fault) => self.rows.rejected(place.line, fault, value),
            None => (self.each)(value, place, self.rows),
        }
    }

    /// From here on nothing can be read.
    fn cut_off(&mut self, at: usize, rest: &str) {
        let line = self.cursor.to(at).1;
        let raw: String = rest.chars().take(1_000).collect();
        self.rows.rejected(line, Fault::of(&JSON_CUT_OFF), &raw);
    }
}

/// The names of the members of the values that stand in a text by themselves or in one array, each once: for detection. The text
/// may be broken or cut off.
pub(crate) fn keys(text: &str) -> Vec<String> {
    const MOST_KEYS: usize = 500;
    let (mut depth, mut keys) = (0_usize, Vec::<String>::new());
    let top = if text.trim_start().starts_with('[') { 2 } else { 1 };
    let mut rest = text;
    while let Some(at) = rest.find(['"', '{', '}', '[', ']']) {
        let (mark, behind) = rest.get(at..).and_then(|from| from.split_at_checked(1)).unwrap_or_default();
        match mark {
            "{" | "[" => depth += 1,
            "}" | "]" => depth = depth.saturating_sub(1),
            _ => {
                let mut escaped = false;
                let end = behind.find(|c: char| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                let Some(end) = end else { return keys };
                let (name, after) = behind.split_at(end);
                let after = after.get(1..).unwrap_or_default();
                if keys.len() == MOST_KEYS {
                    return keys;
                }
                if depth == top && after.trim_start().starts_with(':') && !keys.iter().any(|known| known == name) {
                    keys.push(name.to_owned());
                }
                rest = after;
                continue;
            }
        }
        rest = behind;
    }
    keys
}

/// Where reading can be taken up again after a broken value that begins a line: at the next line that begins as that one did.
pub(crate) fn next_beginning(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?;
    let indent = before.rsplit(['\n', '\r']).next().filter(|indent| indent.trim().is_empty())?;
    let beginning = format!("\n{indent}{{");
    let found = text.get(at..)?.find(&beginning)?;
    Some(at + found + beginning.len() - 1)
}

/// Whether the beginning of an object goes on in the next line: it is not a whole line that is broken.
fn could_go_on(first: &str) -> bool {
    serde_json::from_str::<&RawValue>(first).is_err_and(|error| error.is_eof())
}

/// A line that is no JSON.
pub static JSON_SYNTAX: Code = Code {
    code: "json-syntax",
    text: Text { ja: "JSONとして読み取れません", en: "not JSON" },
    help: Text {
        ja: "1行に1つのオブジェクト、またはオブジェクトの配列にしてください（RFC 8259）",
        en: "write one object per line, or an array of objects (RFC 8259)",
    },
    example: "{\"source.ip\": 192.0.2.1}",
};

/// JSON that breaks off, where it cannot be taken up again.
pub static JSON_CUT_OFF: Code = Code {
    code: "json-cut-off",
    text: Text {
        ja: "この行から先はJSONとして読み取れません。以降の件数は不明です",
        en: "from this line on it is not JSON; how many events follow is not known",
    },
    help: Text {
        ja: "ファイルが途中で切れていないか確認してください。1行に1オブジェクトの形式なら、壊れた行だけを除いて読み取れます",
        en: "see whether the file was cut off; with one object per line only the broken line would be lost",
    },
    example: "[{\"source.ip\": \"192.0.2.1\"}, {\"source.ip\":",
};

/// What JSON texts can utter.
pub static CODES: &[&Code] = &[&JSON_SYNTAX, &JSON_CUT_OFF];

#[cfg(test)]
mod tests {
    use super::keys;

    #[test]
    fn the_names_of_a_beginning_are_found_wherever_it_breaks_off() {
        assert_eq!(keys(r#"{"a": {"b": ["c": 1]}, "d": "e\"{", "f"#), ["a", "d"]);
        assert_eq!(keys("[\n{\"a\": 1},\n{\"a\": 2, \"g\": {\"h\": 3}}"), ["a", "g"]);
        assert_eq!(keys("{\"a\":1}\n{\"b\" : \"x\\\\\", \"c\":"), ["a", "b", "c"]);
        assert!(keys("}}]]\"\\").is_empty());
    }
}
