//! The hand-made list, as police and CERTs send it: addresses, ports, times, in whatever order and under whatever headings.
//!
//! How a list is read:
//!
//! 1. The bytes become text ([`crate::text`]): UTF-8, UTF-16, CP932; the mapping file may say which.
//! 2. The delimiter is the one under which most cells of the first rows mean something; the heading is the line whose cells the
//!    table `headings.toml` knows. Without a heading, the cells themselves say which column holds addresses and which times;
//!    two candidates are a refusal, never a guess. The preview shows what each column was taken for.
//! 3. Titles above the heading, comments (`#`, `//`, `※`), a heading that comes again, end marks (`以上`) and totals (`合計 839件`) are
//!    no rows; each is noted with its line. A total is compared with the rows read, and noted as [`TOTAL_DISAGREES`] where it differs.
//!    Blank lines say nothing and are not noted. Everything else below the heading is a row, and is understood or rejected.
//! 4. The zone of a time is the one beside it, or the heading's, or the declared one, in this order, or the row is rejected with
//!    `no-time-zone`; where no time in the file has one, the file is refused.
//! 5. What no table knows is kept in `extra` ([`crate::fields`] has the rules for keys) and flagged.
//! 6. Two headings that mean the same are refused as soon as their values differ in any row; where they agree, or one is empty,
//!    it is noted.
//!
//! Our own CSV is such a list: every IDF key is a heading.

mod cell;
mod headings;
mod layout;
mod mapping;
mod row;
mod rows;

use std::sync::Arc;

use model::problem::{Code, Place, Problem};
use model::report::Provenance;
use model::{SightingBatch, Text};

use self::layout::{Layout, Role, is_comment};
use self::mapping::Mapping;
use self::row::{Fault, Outcome, RowReader};
use self::rows::{Row, Rows};
use crate::gathered::{self, Gathered, RowAt, broken};
use crate::pieces::{More, TextReader};
use crate::reading::{Declared, Ending, Halt, Input, Likelihood};
use crate::stream::{Opening, Reader};
use crate::text::{Decoded, NO_ROWS, beginning, fold};
use crate::writing::{Rendering, Written};

pub use crate::civil::{NO_TIME_ZONE, TIME_IN_FUTURE};

/// The hand-made list.
#[derive(Debug, Clone, Copy)]
pub struct List;

impl crate::Format for List {
    fn name(&self) -> &'static str {
        "list"
    }

    fn specification(&self) -> &'static str {
        "no standard: delimited text with or without a heading; quoting as in RFC 4180"
    }

    fn likelihood(&self, input: &Input<'_>) -> Likelihood {
        let Ok(decoded) = Decoded::leniently(input.file, beginning(input.bytes)) else { return Likelihood::No };
        if decoded.text.trim_start().starts_with(['{', '<'])
            || (decoded.text.trim_start().starts_with('[') && decoded.text.contains('{'))
        {
            return Likelihood::No;
        }
        match Layout::find(input.file, &decoded, &Mapping::default()) {
            Err(_) => Likelihood::No,
            // Another table of addresses knows its own headings better; Japanese ones and IDF keys are ours.
            Ok(layout) if layout.found_by == "heading" => {
                let ours = |name: &str| !name.is_ascii() || name.starts_with("source.") || name.starts_with("time.");
                let any =
                    layout.columns.iter().any(|column| matches!(column.role, Role::Means(_)) && ours(&column.name));
                if any { Likelihood::Likely } else { Likelihood::Possible }
            }
            Ok(_) => Likelihood::Possible,
        }
    }

    fn open<'a>(&self, opening: Opening<'a>) -> Result<Box<dyn Reader + 'a>, Halt> {
        let (file, declared) = (opening.file, opening.declared);
        let mapping = Mapping::read(declared.mapping)?;
        opening.text(mapping.encoding, |first| Ok(Box::new(ListReader::begin(file, first, declared, mapping)?)))
    }

    fn write(&self, _rows: &SightingBatch, _rendering: &Rendering<'_>) -> Option<Written> {
        None
    }
}

/// What a text of addresses lacks to be a list; none where it holds no column of addresses at all.
pub(crate) fn what_is_missing(file: &str, decoded: &Decoded<'_>) -> Option<Problem> {
    if decoded.text.trim_start().starts_with(['{', '[', '<']) {
        return None;
    }
    let problem = Layout::find(file, decoded, &Mapping::default()).err()?;
    (problem.code.code != layout::NO_ADDRESS_COLUMN.code).then_some(problem)
}

/// So many notes on single lines at most; a file of comments would otherwise be held whole.
const MOST_NOTES: usize = 1_000;

/// Reads a list as its pieces come.
struct ListReader<'a> {
    file: &'a str,
    layout: Arc<Layout>,
    /// The mapping's identity, for the provenance.
    mapping: Option<String>,
    encoding: &'static str,
    reader: RowReader<'a>,
    /// The first piece's heading is still to be passed.
    at_heading: bool,
    notes: Vec<(Place, &'static Code)>,
    /// The first row whose time has no zone.
    unzoned: Option<(u64, Fault)>,
    /// Totals that the file gives, with their lines.
    totals: Vec<(u64, u64)>,
}

impl<'a> ListReader<'a> {
    fn begin(
        file: &'a str,
        first: &Decoded<'_>,
        declared: &'a Declared<'a>,
        mapping: Mapping,
    ) -> Result<Self, Problem> {
        let layout = Arc::new(Layout::find(file, first, &mapping)?);
        let reader = RowReader::new(&layout, &mapping, declared);
        let mut list = Self {
            file,
            layout: Arc::clone(&layout),
            mapping: mapping.identity,
            encoding: first.encoding.name(),
            reader,
            at_heading: true,
            notes: Vec::new(),
            unzoned: None,
            totals: Vec::new(),
        };
        layout.above.iter().for_each(|line| list.note(list.place(*line), &LINE_BESIDE_ROWS));
        for planned in &layout.columns {
            if matches!(planned.role, Role::Again(_)) {
                let at = layout.heading_line.map_or_else(|| Place::file(file), |line| list.place(line));
                list.note(at.field(planned.name.clone()), &SAME_HEADING);
            }
        }
        Ok(list)
    }

    fn place(&self, line: u64) -> Place {
        Place::file(self.file).line(line)
    }

    fn note(&mut self, place: Place, code: &'static Code) {
        if self.notes.len() < MOST_NOTES {
            self.notes.push((place, code));
        }
    }

    fn name_of(&self, fault: &Fault) -> Option<String> {
        fault.column.and_then(|column| self.layout.columns.get(column)).map(|column| column.name.clone())
    }
}

impl TextReader for ListReader<'_> {
    fn piece(&mut self, decoded: &Decoded<'_>, more: More, rows: &mut Gathered) -> Result<usize, Problem> {
        let layout = Arc::clone(&self.layout);
        let from = if std::mem::take(&mut self.at_heading) { layout.body } else { 0 };
        let expected = layout.heading_line.is_some().then_some(layout.width);
        let mut cursor = decoded.cursor();
        let mut read = Rows::new(&decoded.text, from, layout.delimiter, expected);
        while let Some(row) = read.next() {
            if row.is_blank() {
                continue;
            }
            if row.unclosed && more == More::Yes && row.may_go_on() {
                return Ok(row.place.start);
            }
            let at = RowAt::of(&mut cursor, decoded, row.place.start, row.place.end);
            if let Some(fault) = broken(decoded, row.place.start, row.place.end) {
                rows.rejected(at.line, fault, row.raw());
                continue;
            }
            if layout.comments && is_comment(row.raw()) {
                self.note(self.place(at.line), &LINE_BESIDE_ROWS);
                continue;
            }
            match self.reader.read(&row) {
                Outcome::Understood => rows.understood(self.reader.sighting(), at),
                Outcome::Contradiction(fault) => {
                    let mut place = self.place(at.line);
                    place.field = self.name_of(&fault);
                    return Err(problem(fault, place));
                }
                Outcome::Rejected(fault) => match beside_rows(&row, &layout) {
                    Some(Beside::Total(Some(total))) => self.totals.push((at.line, total)),
                    Some(Beside::Total(None) | Beside::Mark) => self.note(self.place(at.line), &LINE_BESIDE_ROWS),
                    None => {
                        let field = self.name_of(&fault);
                        let named = gathered::Fault { code: fault.code, field, value: fault.value.clone() };
                        rows.rejected(at.line, named, row.raw());
                        if fault.code.code == NO_TIME_ZONE.code && self.unzoned.is_none() {
                            self.unzoned = Some((at.line, fault));
                        }
                    }
                },
            }
        }
        Ok(decoded.text.len())
    }

    fn end(&mut self, read: u64) -> Result<Ending, Problem> {
        if let Some((line, fault)) = self.unzoned.take().filter(|_| self.reader.zoned() == 0) {
            let mut at = self.place(line);
            at.field = self.name_of(&fault);
            return Err(problem(fault, at));
        }
        let layout = Arc::clone(&self.layout);
        if read == 0 {
            return Err(Problem::new(&NO_ROWS, self.place(layout.heading_line.unwrap_or(1))));
        }
        for (line, total) in std::mem::take(&mut self.totals) {
            self.note(self.place(line), if total == read { &LINE_BESIDE_ROWS } else { &TOTAL_DISAGREES });
        }
        if self.reader.defanged() {
            self.note(Place::file(self.file), &DEFANGED);
        }
        self.notes.sort_by_key(|(place, _)| place.line);
        let found_by = match layout.heading_line {
            Some(line) => format!("{}, line {line}; delimiter {}", layout.found_by, layout.delimiter.name()),
            None => format!("{}; delimiter {}", layout.found_by, layout.delimiter.name()),
        };
        Ok(Ending {
            provenance: Provenance {
                format: "list".to_owned(),
                schema: headings::version().to_owned(),
                mapping: self.mapping.clone().unwrap_or_else(|| "-".to_owned()),
                encoding: self.encoding.to_owned(),
                zone: self.reader.zone().map(|zone| zone.as_str().to_owned()),
            },
            found_by,
            columns: layout.columns.iter().map(|c| (c.name.clone(), Some(c.taken_for()))).collect(),
            notes: std::mem::take(&mut self.notes),
        })
    }
}

fn problem(fault: Fault, at: Place) -> Problem {
    let problem = Problem::new(fault.code, at);
    match fault.value {
        Some(value) => problem.with_value(&value),
        None => problem,
    }
}

/// A line among the rows that is none.
enum Beside {
    /// A total, with its number where it gives one.
    Total(Option<u64>),
    /// An end mark, a rule, the heading again.
    Mark,
}

/// What a rejected line is if it is no row: only such words as nobody would put for an address.
fn beside_rows(row: &Row<'_>, layout: &Layout) -> Option<Beside> {
    const TOTALS: [&str; 10] = ["合計", "総計", "総数", "総件数", "小計", "件数", "計", "全", "total", "sum"];
    const MARKS: [&str; 6] = ["以上", "以下余白", "おわり", "eof", "end", "-- end --"];
    let raw = row.raw().trim();
    if layout.heading_raw.as_deref().is_some_and(|heading| heading.trim() == raw) {
        return Some(Beside::Mark);
    }
    if raw.chars().all(|c| matches!(c, '-' | '=' | '+' | '|' | '*' | '_' | '─' | '━' | ',' | ' ' | '\t' | '　')) {
        return Some(Beside::Mark);
    }
    let line: String = row.cells().map(|cell| fold(cell).to_lowercase()).collect::<Vec<_>>().join(" ");
    let line = line.trim();
    // `以上、よろしくお願いいたします。`
    let closes = line.starts_with("以上") && !line.bytes().any(|b| b.is_ascii_digit());
    if MARKS.contains(&line) || closes {
        return Some(Beside::Mark);
    }
    let total = TOTALS.iter().find_map(|word| line.strip_prefix(word))?;
    // `合計 839件`, `Total: 839 records`, `全839件`: a number and words for it, and nothing else.
    let rest = total.trim_start_matches([':', '=', ' ']);
    let rest = rest.trim_start_matches("件数").trim_start_matches([':', '=', ' ']);
    let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(|c| *c != ',').collect();
    let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ',').trim();
    if !matches!(unit, "" | "件" | "行" | "台" | "ip" | "ips" | "rows" | "records" | "hosts" | "addresses") {
        return None;
    }
    match digits.parse::<u64>() {
        Ok(number) if !line.starts_with("小計") => Some(Beside::Total(Some(number))),
        Ok(_) => Some(Beside::Total(None)),
        Err(_) => unit.is_empty().then_some(Beside::Total(None)),
    }
}

/// A title, a comment, a total that agrees, an end mark.
pub static LINE_BESIDE_ROWS: Code = Code {
    code: "line-beside-rows",
    text: Text {
        ja: "データ行ではない行（表題・コメント・合計・終端）として扱いました",
        en: "taken for a title, comment, total or end mark, and not for a row",
    },
    help: Text {
        ja: "データ行であれば、行頭の記号や見出しの位置を確認してください",
        en: "if it is a row, check the mark at its beginning and where the heading stands",
    },
    example: "# 2014年6月提供分",
};

/// A total that is not the number of rows.
pub static TOTAL_DISAGREES: Code = Code {
    code: "total-disagrees",
    text: Text {
        ja: "合計行の件数が、読み取ったデータ行の数と一致しません",
        en: "the total in the file is not the number of rows read",
    },
    help: Text {
        ja: "ファイルが途中で切れていないか、送信元に確認してください",
        en: "ask the source whether the file was cut off",
    },
    example: "合計 839件",
};

/// Two headings that mean the same, and agree.
pub static SAME_HEADING: Code = Code {
    code: "same-heading",
    text: Text {
        ja: "同じ意味の見出しが2つありますが、値は食い違っていません",
        en: "two headings mean the same; their values do not contradict each other",
    },
    help: Text { ja: "対処は不要です", en: "nothing to do" },
    example: "IPアドレス,IPアドレス,日時\n192.0.2.1,192.0.2.1,2014-06-30 09:00:00",
};

/// Addresses or names written so that nobody clicks on them.
pub static DEFANGED: Code = Code {
    code: "defanged",
    text: Text {
        ja: "無害化表記（192[.]0[.]2[.]1、hxxp など）を元の表記に戻して読み取りました",
        en: "addresses written as 192[.]0[.]2[.]1 or hxxp were read as what they stand for",
    },
    help: Text { ja: "対処は不要です", en: "nothing to do" },
    example: "192[.]0[.]2[.]1",
};

/// What lists can utter.
pub static CODES: &[&Code] = &[
    &LINE_BESIDE_ROWS,
    &TOTAL_DISAGREES,
    &SAME_HEADING,
    &DEFANGED,
    layout::CODES[0],
    layout::CODES[1],
    layout::CODES[2],
    layout::CODES[3],
    mapping::CODES[0],
    mapping::CODES[1],
    mapping::CODES[2],
    mapping::CODES[3],
    row::CODES[0],
    row::CODES[1],
    row::CODES[2],
    row::CODES[3],
    row::CODES[4],
];
