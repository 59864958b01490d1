//! The columns of the files that come back, as partners head them, and outcomes as they write them.

use model::problem::{Place, Problem};
use model::{Lang, Outcome};

use super::table::{Row, Table};
use super::{ANSWER_HEADING_DOUBLED, ANSWER_WITH_UNKNOWN_COLUMN, ANSWER_WITHOUT_COLUMN};
use crate::writing::Dialect;

/// A column that a file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// `record`.
    Record,
    /// `outcome`.
    Outcome,
    /// `at`.
    At,
    /// `delivery`: in an acknowledgement, or beside bare numbers.
    Delivery,
    /// `rows`: in an acknowledgement.
    Rows,
}

/// Each column with its heading in Japanese and the other headings that are understood, in lower case without spaces.
const HEADINGS: [(Column, &str, &str, &[&str]); 5] = [
    (Column::Record, "record", "記録ID", &["record_id", "recordid", "記録id", "extra.noroshi.record"]),
    (Column::Outcome, "outcome", "結果", &["outcome_code", "結果コード"]),
    (Column::At, "at", "日時", &["time", "対応日時"]),
    (Column::Delivery, "delivery", "送付ID", &["delivery_id", "送付id", "送付のid"]),
    (Column::Rows, "rows", "件数", &["受領件数"]),
];

impl Column {
    /// Its name in files for programs, and in problems.
    pub(super) fn name(self) -> &'static str {
        HEADINGS.iter().find(|(column, ..)| *column == self).map_or("", |(_, name, ..)| name)
    }

    /// Its heading in a file of that dialect.
    pub(super) fn heading(self, dialect: Dialect, lang: Lang) -> &'static str {
        match (dialect, lang) {
            (Dialect::Spreadsheet, Lang::Ja) => {
                HEADINGS.iter().find(|(column, ..)| *column == self).map_or("", |(_, _, ja, _)| ja)
            }
            _ => self.name(),
        }
    }
}

/// The column that a heading names.
pub(super) fn column_named(heading: &str) -> Option<Column> {
    let plain = plain(heading);
    HEADINGS
        .iter()
        .find(|(_, name, ja, others)| plain == *name || plain == ja.to_lowercase() || others.contains(&plain.as_str()))
        .map(|(column, ..)| *column)
}

/// Lower case, without spaces, full-width letters as ASCII.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_whitespace())
        .map(|character| match character {
            // Fullwidth forms U+FF01..U+FF5E are ASCII plus 0xFEE0.
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
            other => other,
        })
        .flat_map(char::to_lowercase)
        .collect()
}

/// Where each column of a file stands.
pub(super) struct Headings {
    places: Vec<(Column, usize)>,
}

impl Headings {
    /// The places of the columns in the file's heading; nothing else may stand there.
    pub(super) fn of(table: &Table<'_>, needed: &[Column], allowed: &[Column]) -> Result<Self, Problem> {
        let mut places: Vec<(Column, usize)> = Vec::new();
        let place = || Place::file(table.file()).line(table.heading_line());
        for (at, heading) in table.heading().enumerate() {
            if heading.trim().is_empty() {
                continue;
            }
            let known = column_named(heading).filter(|column| needed.contains(column) || allowed.contains(column));
            let Some(column) = known else {
                // A line of data in the heading's place is not shown; a heading is, so that the sender knows which to take out.
                if table.heading().all(|heading| column_named(heading).is_none()) {
                    return Err(Problem::new(&ANSWER_WITHOUT_COLUMN, place()));
                }
                return Err(Problem::new(&ANSWER_WITH_UNKNOWN_COLUMN, place()).with_value(heading));
            };
            if places.iter().any(|(seen, _)| *seen == column) {
                return Err(Problem::new(&ANSWER_HEADING_DOUBLED, place().field(column.name())));
            }
            places.push((column, at));
        }
        for column in needed {
            if !places.iter().any(|(seen, _)| seen == column) {
                return Err(Problem::new(&ANSWER_WITHOUT_COLUMN, place().field(column.name())));
            }
        }
        Ok(Self { places })
    }

    /// Refuses the file where the row has something in a cell that no heading names.
    pub(super) fn check_width(&self, table: &Table<'_>, row: &Row) -> Result<(), Problem> {
        let stray = row
            .cells()
            .enumerate()
            .any(|(at, cell)| !cell.is_empty() && !self.places.iter().any(|(_, place)| *place == at));
        if stray {
            return Err(Problem::new(&ANSWER_WITH_UNKNOWN_COLUMN, Place::file(table.file()).line(row.line)));
        }
        Ok(())
    }

    /// The row's cell in that column, without spaces around it.
    pub(super) fn cell<'r>(&self, row: &'r Row, column: Column) -> Option<&'r str> {
        let (_, at) = self.places.iter().find(|(seen, _)| *seen == column)?;
        row.cells().nth(*at)
    }
}

/// The outcome that a cell names: its code, or its text in either language, with or without what stands in brackets.
///
/// # Errors
/// The mistyped code and the nearest one, for the sender, where the cell is near enough to a code to be one mistyped; nothing
/// where it could be anything else, a name for instance.
pub(super) fn outcome(cell: &str) -> Result<Outcome, Option<String>> {
    let written = plain(cell).replace('_', "-");
    let without_brackets = |text: &str| plain(text).split('(').next().unwrap_or("").to_owned();
    let named = Outcome::ALL.iter().copied().find(|outcome| {
        let text = outcome.text();
        written == outcome.name()
            || [text.ja, text.en].into_iter().any(|text| written == plain(text) || written == without_brackets(text))
    });
    named.ok_or_else(|| {
        let (nearest, far) = Outcome::ALL
            .iter()
            .map(|outcome| (*outcome, distance(&written, outcome.name())))
            .min_by_key(|(_, far)| *far)?;
        // One slip in four letters: `tolld` is near, a name is not.
        (far > 0 && far * 4 <= nearest.name().len()).then(|| format!("{written} -> {nearest}?"))
    })
}

/// How many letters must be put in, taken out or changed to make one text the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    if one.len() > 64 {
        return usize::MAX / 8;
    }
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        for (b, above) in other.iter().zip(row.iter_mut().skip(1)) {
            let best = (corner + usize::from(a != *b)).min(left + 1).min(*above + 1);
            corner = *above;
            *above = best;
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_is_read_in_every_form() {
        for known in Outcome::ALL {
            let text = known.text();
            for form in [known.name(), text.ja, text.en, &known.name().to_uppercase(), &known.name().replace('-', "_")]
            {
                assert_eq!(outcome(form), Ok(*known), "{form}");
            }
        }
        assert_eq!(outcome("特定済み"), Ok(Outcome::Identified));
        assert_eq!(outcome("ｔｏｌｄ"), Ok(Outcome::Told));
        assert_eq!(outcome("not_fuond"), Err(Some("not-fuond -> not-found?".to_owned())));
        assert_eq!(outcome("toad"), Err(Some("toad -> told?".to_owned())));
        assert_eq!(outcome("todd b"), Err(None));
        assert_eq!(outcome(""), Err(None));
    }

    #[test]
    fn distances() {
        assert_eq!(distance("told", "told"), 0);
        assert_eq!(distance("tolld", "told"), 1);
        assert_eq!(distance("", "told"), 4);
        assert_eq!(distance("abcd", "told"), 3);
    }
}
