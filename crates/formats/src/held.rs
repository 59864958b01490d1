//! A JSON text that is held whole, because its parts refer to each other in any order: up to a stated size, and refused beyond it.
//!
//! An object of a STIX bundle may be spoken of by objects before and behind it, and the tags of a MISP event stand behind its
//! attributes. An index of what may be needed later would hold nearly all of such a file, so it is held whole and honestly bounded
//! rather than read twice with an index that is bounded in name only.

use model::Text;
use model::problem::{Code, Place, Problem};
use serde_json::value::RawValue;

use crate::gathered::{Gathered, RowAt};
use crate::json::{JSON_CUT_OFF, JSON_SYNTAX, next_beginning};
use crate::pieces::FILE_CHANGED;
use crate::reading::Halt;
use crate::source::fill;
use crate::stream::Opening;
use crate::survey::Survey;
use crate::text::{Cursor, Decoded, WRONG_ENCODING};

/// The longest file that is held, in bytes: 64 MiB. With its index and a part of its rows that stays below 256 MiB.
pub(crate) const MOST: u64 = 64 << 20;

/// A value of the text: where it stands in it, and where in the file.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) at: RowAt,
}

/// A file held whole.
pub(crate) struct Held {
    pub(crate) text: String,
    pub(crate) encoding: &'static str,
    /// The bytes behind the byte order mark, where they are not those of the text.
    original: Option<Vec<u8>>,
    /// How long the byte order mark is.
    start: u64,
    /// Up to which byte of the file it was given as read.
    given: u64,
}

impl Held {
    /// Reads a file whole and lets `look` find what is in it.
    ///
    /// # Errors
    /// [`TOO_LARGE_TO_HOLD`], and what the survey, `look` or the disk says.
    pub(crate) fn open<T>(
        opening: &mut Opening<'_>,
        look: impl FnOnce(&Decoded<'_>) -> Result<T, Problem>,
    ) -> Result<(Self, T), Halt> {
        let file = opening.file;
        let survey = Survey::of(file, opening.source, None)?;
        if survey.length > MOST {
            let megabytes = format!("{} MB", survey.length.div_ceil(1_000_000));
            return Err(Problem::new(&TOO_LARGE_TO_HOLD, Place::file(file)).with_value(&megabytes).into());
        }
        opening.source.rewind()?;
        let mut bytes = vec![0; usize::try_from(survey.length).unwrap_or(0)];
        if fill(opening.source, &mut bytes)? < bytes.len() {
            return Err(Problem::new(&FILE_CHANGED, Place::file(file)).into());
        }
        bytes.drain(..usize::try_from(survey.start).unwrap_or(0));
        let (found, decoded) = {
            let decoded = Decoded::piece(&bytes, &survey, survey.start, 1);
            let found = look(&decoded)?;
            let other = matches!(decoded.text, std::borrow::Cow::Owned(_));
            (found, other.then(|| decoded.text.into_owned()))
        };
        let (text, original) = match decoded {
            Some(text) => (text, Some(bytes)),
            // It was valid UTF-8 a moment ago.
            None => (String::from_utf8(bytes).unwrap_or_default(), None),
        };
        let held = Self { text, encoding: survey.encoding.name(), original, start: survey.start, given: survey.start };
        Ok((held, found))
    }

    /// The text of a value.
    pub(crate) fn at(&self, spot: &Spot) -> &str {
        self.text.get(spot.from..spot.to).unwrap_or_default()
    }

    /// Gives the bytes up to that byte of the file as read, or all that are left.
    pub(crate) fn read_up_to(&mut self, end: Option<u64>, rows: &mut Gathered) {
        let bytes = self.original.as_deref().unwrap_or(self.text.as_bytes());
        let place = |byte: u64| usize::try_from(byte.saturating_sub(self.start)).unwrap_or(usize::MAX).min(bytes.len());
        let to = end.map_or(bytes.len(), place);
        let from = place(self.given);
        if let Some(read) = bytes.get(from..to).filter(|read| !read.is_empty()) {
            rows.was_read_from(self.given, read);
            self.given += read.len() as u64;
        }
    }
}

/// What a walk through a text meets.
pub(crate) enum Met<'w> {
    /// An object that is walked through begins.
    Begin,
    /// It ends, or the text broke off in it.
    End,
    /// A value that is not walked through.
    Value(Spot),
    /// Something that cannot be read: its line, why, and as much of it as is shown.
    Broken(u64, &'static Code, &'w str),
}

/// Whether an object or an array is walked through, told by the names of the members that lead to it and its own text.
pub(crate) type Through = fn(&[String], char, &str) -> bool;

/// Walks through the values of a text, one after the other, into those that `through` names; arrays lend their elements their name.
/// A broken element that begins a line costs itself only.
pub(crate) fn walk<'d>(decoded: &'d Decoded<'_>, through: Through, meet: &mut dyn FnMut(&[String], Met<'d>)) {
    let mut walk =
        Walk { decoded, text: &decoded.text, cursor: decoded.cursor(), at: 0, path: Vec::new(), through, passed: 0 };
    loop {
        walk.gap(true);
        if walk.at >= walk.text.len() || walk.value(meet).is_err() {
            return;
        }
    }
}

struct Walk<'d> {
    decoded: &'d Decoded<'d>,
    text: &'d str,
    cursor: Cursor<'d>,
    at: usize,
    path: Vec<String>,
    through: Through,
    /// Lines that were passed over in vain, for values that turned out to be broken.
    passed: usize,
}

/// Broken values that reach over more lines than this together are not passed over any longer: nobody would be helped, and a file made
/// to waste time would.
const MOST_PASSED: usize = 200_000;

/// The text cannot be read on; that was said.
struct Stop;

impl<'d> Walk<'d> {
    fn rest(&self) -> &'d str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Passes over spaces, and over commas where they may stand.
    fn gap(&mut self, commas: bool) {
        let rest = self.rest();
        // A byte order mark inside a text is what comes of files put one behind the other.
        let trimmed =
            rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{FEFF}' || commas && c == ',');
        self.at += rest.len() - trimmed.len();
    }

    fn value(&mut self, meet: &mut dyn FnMut(&[String], Met<'d>)) -> Result<(), Stop> {
        self.gap(false);
        let rest = self.rest();
        match rest.chars().next() {
            Some('[') if (self.through)(&self.path, '[', rest) => self.array(meet),
            Some('{') if (self.through)(&self.path, '{', rest) => {
                meet(&self.path, Met::Begin);
                let walked = self.object(meet);
                meet(&self.path, Met::End);
                walked
            }
            _ => self.leaf(meet),
        }
    }

    fn array(&mut self, meet: &mut dyn FnMut(&[String], Met<'d>)) -> Result<(), Stop> {
        self.at += 1;
        loop {
            self.gap(true);
            if self.rest().starts_with(']') {
                self.at += 1;
                return Ok(());
            }
            // A list in a list is a value: who nests lists without end meets no end of the stack.
            if self.rest().starts_with('[') {
                self.leaf(meet)?;
            } else {
                self.value(meet)?;
            }
        }
    }

    fn object(&mut self, meet: &mut dyn FnMut(&[String], Met<'d>)) -> Result<(), Stop> {
        self.at += 1;
        loop {
            self.gap(true);
            if self.rest().starts_with('}') {
                self.at += 1;
                return Ok(());
            }
            let Some(name) = self.next::<String>() else { return self.cut_off(meet) };
            self.gap(false);
            if !self.rest().starts_with(':') {
                return self.cut_off(meet);
            }
            self.at += 1;
            self.path.push(name);
            let walked = self.value(meet);
            self.path.pop();
            walked?;
        }
    }

    fn leaf(&mut self, meet: &mut dyn FnMut(&[String], Met<'d>)) -> Result<(), Stop> {
        let from = self.at;
        let Some(value) = self.next::<&RawValue>() else { return self.recover(meet) };
        let to = from + value.get().len();
        let at = RowAt::of(&mut self.cursor, self.decoded, from, to);
        let met = if self.decoded.is_broken(from, to) {
            Met::Broken(at.line, &WRONG_ENCODING, self.text.get(from..to).unwrap_or_default())
        } else {
            Met::Value(Spot { from, to, at })
        };
        meet(&self.path, met);
        Ok(())
    }

    /// The value that stands here, if one does.
    fn next<T: serde::Deserialize<'d>>(&mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<T>();
        match values.next()? {
            Ok(value) => {
                self.at += values.byte_offset();
                Some(value)
            }
            Err(error) => {
                self.passed += error.line();
                None
            }
        }
    }

    /// Goes on behind a broken value, at the next line that begins as it did.
    fn recover(&mut self, meet: &mut dyn FnMut(&[String], Met<'d>)) -> Result<(), Stop> {
        let again = self.rest().starts_with('{') && self.passed <= MOST_PASSED;
        let Some(next) = next_beginning(self.text, self.at).filter(|_| again) else {
            return self.cut_off(meet);
        };
        let raw = self.text.get(self.at..next).unwrap_or_default().trim_end();
        let line = self.cursor.to(self.at).1;
        meet(&self.path, Met::Broken(line, &JSON_SYNTAX, raw));
        self.at = next;
        Ok(())
    }

    fn cut_off(&mut self, meet: &mut dyn FnMut(&[String], Met<'d>)) -> Result<(), Stop> {
        let line = self.cursor.to(self.at.min(self.text.len())).1;
        let rest = self.rest();
        let shown = rest.char_indices().nth(1_000).map_or(rest.len(), |(at, _)| at);
        meet(&self.path, Met::Broken(line, &JSON_CUT_OFF, rest.get(..shown).unwrap_or_default()));
        self.at = self.text.len();
        Err(Stop)
    }
}

/// Whether the object or array that the text begins with has a list under that name, near its beginning or anywhere in it.
pub(crate) fn has_list(text: &str, name: &str) -> bool {
    let whole = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>().next();
    // Of one that is broken only the beginning is looked at: each of a million broken ones would else be looked through to the end.
    let beginning = text.get(..text.floor_char_boundary(65_536)).unwrap_or_default();
    let own = whole.and_then(Result::ok).map_or(beginning, RawValue::get);
    let quoted = format!("\"{name}\"");
    own.match_indices(&quoted).any(|(at, _)| {
        let behind = own.get(at + quoted.len()..).unwrap_or_default().trim_start();
        behind.strip_prefix(':').is_some_and(|value| value.trim_start().starts_with('['))
    })
}

/// More than is held in memory.
pub(crate) static TOO_LARGE_TO_HOLD: Code = Code {
    code: "too-large-to-hold",
    text: Text {
        ja: "64 MiBを超えるバンドル・イベントは、相互参照を解決するため一度に保持できません",
        en: "a bundle or event file of more than 64 MiB is not read: its parts refer to each other and are held in memory",
    },
    help: Text {
        ja: "参照し合うもの（観測データと、その観測対象・マーキング・作成者）を同じファイルに残して分割するか、TAXIIやMISPの側で期間やページを区切って出力し直してください",
        en: "split it so that what refers to each other (observed data with its observables, markings and authors; an event with its attributes) stays in one file, or have TAXII or MISP export it by period or page",
    },
    example: "bundle.json (310 MB)",
};

/// What this file can utter.
pub(crate) static CODES: &[&Code] = &[&TOO_LARGE_TO_HOLD];
