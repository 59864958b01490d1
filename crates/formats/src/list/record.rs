//! JSON by a mapping file: lines, an array, or objects one after the other, whose members the mapping names by their paths.
//!
//! - A path is names and dots, `data.src.ip`; a member whose own name has dots is found by it as well. `[0]` is an item of an array,
//!   `[]` each of them: a record then becomes as many rows, all with its place. All columns share one such array.
//! - What the mapping names is read as the cells of a list are, with the same codes; what it does not name is kept under
//!   `extra.<path>` as it is, and flagged; of a record of several rows with the first of them.
//! - Without a mapping file this format is never taken for what a file is, and cannot be read.

use model::problem::{Code, Place, Problem};
use model::report::Provenance;
use model::{SightingBatch, Text};
use serde_json::value::RawValue;

use super::headings::{self, Meaning};
use super::layout::Layout;
use super::mapping::{MAPPING_VALUE, Mapping};
use super::row::{Kept, KeptAt, Outcome, RowReader};
use super::rows::Row;
use super::{NO_TIME_ZONE, problem};
use crate::fields::{COLUMNS, extra_key, is_other_idf_key};
use crate::gathered::{Fault, Gathered, RowAt};
use crate::json::{JSON_SYNTAX, Values};
use crate::members::{Members, scalar};
use crate::pieces::{Cut, More, TextReader};
use crate::reading::{Declared, Ending, Halt, Input, Likelihood};
use crate::stream::{Opening, Reader};
use crate::text::{Decoded, NO_ROWS, NUL_BYTE};
use crate::writing::{Rendering, Written};

/// JSON by a mapping file.
#[derive(Debug, Clone, Copy)]
pub struct Json;

impl crate::Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn specification(&self) -> &'static str {
        "RFC 8259, or one value per line, with a mapping file that says what the members mean"
    }

    fn likelihood(&self, _: &Input<'_>) -> Likelihood {
        Likelihood::No
    }

    fn open<'a>(&self, opening: Opening<'a>) -> Result<Box<dyn Reader + 'a>, Halt> {
        let (file, declared) = (opening.file, opening.declared);
        if declared.mapping.is_none() {
            return Err(Problem::new(&MAPPING_NEEDED, Place::file(file)).into());
        }
        let mapping = Mapping::read(declared.mapping)?;
        let encoding = mapping.encoding;
        opening.text(encoding, |first| Ok(Box::new(RecordReader::begin(file, first, declared, mapping)?)))
    }

    fn write(&self, _rows: &SightingBatch, _rendering: &Rendering<'_>) -> Option<Written> {
        None
    }
}

/// The rows of one record may be so many times as long as it is.
const MOST_UNFOLDED: usize = 32;

/// A path as its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(usize),
    /// Every item of an array.
    Each,
}

/// What is kept of a path that is no column.
enum Keep {
    Key(String),
    Name(String),
}

/// Reads records as the pieces of their file come.
struct RecordReader<'a> {
    file: &'a str,
    values: Values,
    encoding: &'static str,
    mapping: Option<String>,
    records: Vec<Step>,
    /// The array of which each item is a row, and its path as text.
    each: Option<(Vec<Step>, String)>,
    /// The paths of columns; behind the array, where they go through it.
    columns: Vec<(bool, Vec<Step>)>,
    names: Vec<String>,
    kept: Vec<(bool, Vec<Step>, Keep)>,
    /// Paths that the mapping names.
    known: Vec<String>,
    layout: std::sync::Arc<Layout>,
    rows: RowReader<'a>,
    unzoned: Option<(u64, super::row::Fault)>,
    cells: csv::StringRecord,
}

impl<'a> RecordReader<'a> {
    fn begin(
        file: &'a str,
        first: &Decoded<'_>,
        declared: &'a Declared<'a>,
        mapping: Mapping,
    ) -> Result<Self, Problem> {
        let bad = |path: &str| {
            Problem::new(&MAPPING_VALUE, Place::file(mapping.file.as_str()).field("columns")).with_value(path)
        };
        let records = if mapping.records.is_empty() { Some(Vec::new()) } else { steps(&mapping.records) };
        let records = records.filter(|steps| !steps.contains(&Step::Each)).ok_or_else(|| bad(&mapping.records))?;
        let mut each: Option<(Vec<Step>, String)> = None;
        let (mut columns, mut meanings, mut kept, mut known) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (path, meaning) in &mapping.columns {
            let mut steps = steps(path).ok_or_else(|| bad(path))?;
            let at = steps.iter().position(|step| *step == Step::Each);
            if let Some(at) = at {
                let behind = steps.split_off(at + 1);
                steps.pop();
                let prefix = path.split("[]").next().unwrap_or_default().to_owned();
                // Of two arrays nobody says which items belong together.
                if behind.contains(&Step::Each) || each.as_ref().is_some_and(|(other, _)| *other != steps) {
                    return Err(bad(path));
                }
                each = Some((std::mem::replace(&mut steps, behind), prefix));
            }
            known.push(path.clone());
            match meaning {
                Some(Meaning::Other(key)) if key != "time.observation" => {
                    kept.push((at.is_some(), steps, Keep::Key(key.clone())));
                }
                Some(meaning) => {
                    columns.push((at.is_some(), steps));
                    meanings.push((path.clone(), meaning.clone()));
                }
                None => kept.push((at.is_some(), steps, place_of(path))),
            }
        }
        let layout = std::sync::Arc::new(Layout::of_records(&meanings, &mapping)?);
        let rows = RowReader::new(&layout, &mapping, declared);
        Ok(Self {
            file,
            values: Values::of(first),
            encoding: first.encoding.name(),
            mapping: mapping.identity,
            records,
            each,
            columns,
            names: meanings.into_iter().map(|(name, _)| name).collect(),
            kept,
            known,
            layout,
            rows,
            unzoned: None,
            cells: csv::StringRecord::new(),
        })
    }

    /// The rows of a value; the first contradiction in it refuses the file.
    fn value(&mut self, json: &str, at: RowAt, rows: &mut Gathered) -> Option<Problem> {
        let Ok(value) = serde_json::from_str::<&RawValue>(json) else {
            rows.rejected(at.line, Fault::of(&JSON_SYNTAX), json);
            return None;
        };
        let found = resolve(value, &self.records);
        let records = match found.map(|found| (found, items(found))) {
            None => {
                rows.rejected(at.line, Fault::at(&RECORD_MISSING, "records", ""), json);
                return None;
            }
            Some((_, Some(items))) if !self.records.is_empty() => items,
            Some((record, _)) => vec![record],
        };
        records.into_iter().find_map(|record| self.record(record, at, rows))
    }

    fn record(&mut self, record: &RawValue, at: RowAt, rows: &mut Gathered) -> Option<Problem> {
        if !record.get().starts_with('{') {
            rows.rejected(at.line, Fault::of(&RECORD_MISSING), record.get());
            return None;
        }
        let array = self.each.as_ref().and_then(|(steps, _)| resolve(record, steps)).and_then(items);
        let each: Vec<Option<&RawValue>> = match array {
            Some(items) if !items.is_empty() => items.into_iter().map(Some).collect(),
            _ => vec![None],
        };
        // What every row repeats, times the rows.
        let columns = self.columns.iter().map(|(of_item, steps)| (of_item, steps));
        let repeated = columns.chain(self.kept.iter().map(|(of_item, steps, _)| (of_item, steps)));
        let repeated = repeated.filter(|(of_item, _)| !**of_item).filter_map(|(_, steps)| resolve(record, steps));
        let repeated: usize = repeated.map(|value| value.get().len()).sum();
        if repeated.saturating_mul(each.len() - 1) > record.get().len().saturating_mul(MOST_UNFOLDED) {
            rows.rejected(at.line, Fault::of(&RECORD_UNFOLDS_TOO_FAR), record.get());
            return None;
        }
        let prefix = self.each.as_ref().map(|(_, prefix)| prefix.clone());
        let mut first = true;
        each.into_iter().find_map(|item| {
            let whole = std::mem::take(&mut first);
            self.row(record, (item, whole), prefix.as_deref(), at, rows)
        })
    }

    fn row(
        &mut self,
        record: &RawValue,
        (item, first): (Option<&RawValue>, bool),
        prefix: Option<&str>,
        at: RowAt,
        rows: &mut Gathered,
    ) -> Option<Problem> {
        let find = |of_item: bool, steps: &[Step]| resolve(if of_item { item? } else { record }, steps);
        self.cells.clear();
        let mut nul = false;
        for (of_item, steps) in &self.columns {
            let text = find(*of_item, steps).map(|value| match scalar(value.get()) {
                _ if value.get() == "null" => std::borrow::Cow::Borrowed(""),
                Some(text) => text,
                None => std::borrow::Cow::Borrowed(value.get()),
            });
            let text = text.unwrap_or_default();
            nul |= text.contains('\0');
            self.cells.push_field(&text);
        }
        if nul {
            rows.rejected(at.line, Fault::of(&NUL_BYTE), item.unwrap_or(record).get());
            return None;
        }
        let mut kept = Vec::new();
        for (of_item, steps, keep) in &self.kept {
            if let Some(value) = find(*of_item, steps).filter(|value| value.get() != "null") {
                let place = match keep {
                    Keep::Key(key) => KeptAt::Key(key.clone()),
                    Keep::Name(name) => KeptAt::Name(name.clone()),
                };
                kept.push(Kept { place, json: value.get().to_owned(), unknown: false });
            }
        }
        // Once per record: in every row it would only be the same again.
        if first {
            self.unnamed(record, "", prefix, 0, &mut kept);
        }
        if let (Some(item), Some(prefix)) = (item, prefix) {
            self.unnamed(item, &format!("{prefix}[]"), None, 0, &mut kept);
        }
        match self.rows.read_with(&Row::of_cells(&self.cells), &kept) {
            Outcome::Understood => rows.understood(self.rows.sighting(), at),
            Outcome::Contradiction(fault) => {
                let place = Place::file(self.file).line(at.line);
                let name = fault.column.and_then(|column| self.names.get(column)).cloned();
                return Some(problem(fault, Place { field: name, ..place }));
            }
            Outcome::Rejected(fault) => {
                let field = fault.column.and_then(|column| self.names.get(column)).cloned();
                let named = Fault { code: fault.code, field, value: fault.value.clone() };
                rows.rejected(at.line, named, item.unwrap_or(record).get());
                if fault.code.code == NO_TIME_ZONE.code && self.unzoned.is_none() {
                    self.unzoned = Some((at.line, fault));
                }
            }
        }
        None
    }

    /// Keeps the members that the mapping does not name.
    fn unnamed(&self, value: &RawValue, path: &str, each: Option<&str>, depth: u8, kept: &mut Vec<Kept>) {
        /// Deeper, and beyond so many, a value is kept whole under its name.
        const DEEPEST: u8 = 8;
        const MOST: usize = 300;
        let members = serde_json::from_str::<Members<'_>>(value.get());
        let Ok(members) = members else {
            if !path.is_empty() && !self.known.iter().any(|known| known == path) {
                kept.push(Kept { place: place_of(path).into(), json: value.get().to_owned(), unknown: true });
            }
            return;
        };
        for (name, value) in members.0 {
            let path = if path.is_empty() { name.into_owned() } else { format!("{path}.{name}") };
            let named = self.known.contains(&path);
            let json = value.get();
            if named || each == Some(path.as_str()) || json == "null" {
                continue;
            }
            if json.starts_with('{') && depth < DEEPEST && kept.len() < MOST {
                self.unnamed(value, &path, each, depth + 1, kept);
                continue;
            }
            let place = if kept.len() < MOST { place_of(&path).into() } else { KeptAt::Name(path) };
            kept.push(Kept { place, json: json.to_owned(), unknown: true });
        }
    }
}

impl From<Keep> for KeptAt {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::Key(key) => Self::Key(key),
            Keep::Name(name) => Self::Name(name),
        }
    }
}

/// Where what stands at a path is kept.
fn place_of(path: &str) -> Keep {
    if path != COLUMNS && is_other_idf_key(path) {
        return Keep::Key(path.to_owned());
    }
    extra_key(&path.replace("[]", "").replace(['[', ']'], "_")).map_or_else(|| Keep::Name(path.to_owned()), Keep::Key)
}

impl TextReader for RecordReader<'_> {
    fn cut(&self) -> Cut {
        self.values.cut()
    }

    fn piece(&mut self, decoded: &Decoded<'_>, more: More, rows: &mut Gathered) -> Result<usize, Problem> {
        let mut values = self.values.clone();
        let mut refused = None;
        let read = values.read(decoded, more, rows, &mut |json, at, rows| {
            if refused.is_none() {
                refused = self.value(json, at, rows);
            }
        });
        self.values = values;
        refused.map_or(Ok(read), Err)
    }

    fn provenance(&self) -> Provenance {
        Provenance {
            format: "json".to_owned(),
            schema: headings::version().to_owned(),
            mapping: self.mapping.clone().unwrap_or_else(|| "-".to_owned()),
            encoding: self.encoding.to_owned(),
            zone: self.rows.zone().map(|zone| zone.as_str().to_owned()),
        }
    }

    fn end(&mut self, read: u64) -> Result<Ending, Problem> {
        if let Some((line, fault)) = self.unzoned.take().filter(|_| self.rows.zoned() == 0) {
            return Err(problem(fault, Place::file(self.file).line(line)));
        }
        if read == 0 {
            return Err(Problem::new(&NO_ROWS, Place::file(self.file)));
        }
        Ok(Ending {
            provenance: self.provenance(),
            found_by: format!("mapping; {}", self.values.form()),
            columns: self.layout.columns.iter().map(|column| (column.name.clone(), Some(column.taken_for()))).collect(),
            notes: Vec::new(),
        })
    }
}

/// The steps of a path; none where it is none.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for piece in path.split('.') {
        let (name, mut rest) = piece.split_at(piece.find('[').unwrap_or(piece.len()));
        if !name.is_empty() {
            steps.push(Step::Member(name.to_owned()));
        } else if rest.is_empty() {
            return None;
        }
        while let Some(inside) = rest.strip_prefix('[') {
            let (index, further) = inside.split_once(']')?;
            steps.push(if index.is_empty() { Step::Each } else { Step::Item(index.parse().ok()?) });
            rest = further;
        }
        if !rest.is_empty() {
            return None;
        }
    }
    Some(steps)
}

/// What stands at a path. Of members whose names have dots the longest that is there counts.
fn resolve<'v>(value: &'v RawValue, steps: &[Step]) -> Option<&'v RawValue> {
    let Some(first) = steps.first() else { return Some(value) };
    match first {
        Step::Each => None,
        Step::Item(index) => resolve(items(value)?.get(*index)?, steps.get(1..)?),
        Step::Member(_) => {
            let names: Vec<&str> = steps
                .iter()
                .map_while(|step| if let Step::Member(name) = step { Some(name.as_str()) } else { None })
                .collect();
            let members = serde_json::from_str::<Members<'v>>(value.get()).ok()?;
            (1..=names.len()).rev().find_map(|length| {
                let name = names.get(..length)?.join(".");
                let (_, value) = members.0.iter().find(|(known, _)| *known == *name)?;
                resolve(value, steps.get(length..)?)
            })
        }
    }
}

/// The items of an array; none where it is none.
fn items(value: &RawValue) -> Option<Vec<&RawValue>> {
    if value.get().starts_with('[') { serde_json::from_str(value.get()).ok() } else { None }
}

/// JSON of which nobody says what it means.
pub static MAPPING_NEEDED: Code = Code {
    code: "mapping-needed",
    text: Text {
        ja: "この形式はマッピングファイルがなければ読み取れません",
        en: "this format cannot be read without a mapping file",
    },
    help: Text {
        ja: "`--mapping` で、どの項目が何を表すかを書いたファイルを指定してください",
        en: "say with `--mapping` which field means what",
    },
    example: "--from json events.json",
};

/// A value that is no record.
pub static RECORD_MISSING: Code = Code {
    code: "record-missing",
    text: Text {
        ja: "記録（JSONのオブジェクト）がありません", en: "there is no record (a JSON object) here"
    },
    help: Text {
        ja: "マッピングファイルの records が、記録の並ぶ場所を指しているか確認してください",
        en: "see whether `records` in the mapping file leads to where the records stand",
    },
    example: "records = \"data.events\"",
};

/// A record that becomes far more than it is.
pub static RECORD_UNFOLDS_TOO_FAR: Code = Code {
    code: "record-unfolds-too-far",
    text: Text {
        ja: "1件の記録から作られる行が、記録そのものに比べて多すぎます",
        en: "the rows of this one record are far longer than the record itself",
    },
    help: Text {
        ja: "配列（[]）の外にある長い項目を、マッピングファイルの [columns] から外してください",
        en: "take long fields that stand outside of the array (`[]`) out of [columns] in the mapping file",
    },
    example: "{\"note\": \"(very long)\", \"hosts\": [{}, {}, …]}",
};

/// What this file can utter.
pub(super) static CODES: [&Code; 3] = [&MAPPING_NEEDED, &RECORD_MISSING, &RECORD_UNFOLDS_TOO_FAR];
