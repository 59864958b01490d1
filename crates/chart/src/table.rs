//! The table under a chart: headings in both languages, cells that know how they are printed, and CSV.

use model::text::{Lang, Name};

use crate::lettering::{LONGEST_NAME, clean};
use crate::number;

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A name.
    Text(Name),
    /// A count.
    Count(u64),
    /// Yen.
    Yen(u64),
    /// Permille, printed as percent with one digit.
    Permille(u64),
    /// A share from 0 to 1, printed as percent with one digit.
    Share(f64),
    /// Days.
    Days(f64),
    /// Not there: not known, or not defined.
    Nothing,
}

impl Cell {
    /// As people read it.
    #[must_use]
    pub fn shown(&self, lang: Lang) -> String {
        match self {
            Self::Text(name) => clean(name.of(lang), LONGEST_NAME),
            Self::Count(count) => number::thousands(*count),
            Self::Yen(yen) => number::yen(*yen, lang),
            Self::Permille(permille) => number::permille(*permille),
            Self::Share(share) => number::share(*share),
            Self::Days(days) => number::days(*days),
            Self::Nothing => "–".to_owned(),
        }
    }

    /// As a program or a spreadsheet reads it: no thousands, no unit; percent as a number such as `67.0`. A name that a
    /// spreadsheet would take for a formula gets an apostrophe before it.
    #[must_use]
    pub fn plain(&self, lang: Lang) -> String {
        match self {
            Self::Text(_) => guarded(self.shown(lang)),
            Self::Count(number) | Self::Yen(number) => number.to_string(),
            Self::Permille(permille) => format!("{}.{}", permille / 10, permille % 10),
            Self::Share(share) => format!("{:.1}", share * 100.0),
            Self::Days(_) => self.shown(lang),
            Self::Nothing => String::new(),
        }
    }

    /// Whether it is a number, and so stands to the right and in the SVG too.
    #[must_use]
    pub const fn is_number(&self) -> bool {
        !matches!(self, Self::Text(_) | Self::Nothing)
    }
}

/// A table: every row has as many cells as there are headings.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What it shows.
    pub caption: Name,
    /// Headings; those of numbers name their unit.
    pub headings: Vec<Name>,
    /// Rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// CSV by RFC 4180 with a line of headings, lines ending in CR LF.
    #[must_use]
    pub fn csv(&self, lang: Lang) -> String {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        let headings: Vec<String> =
            self.headings.iter().map(|name| guarded(clean(name.of(lang), LONGEST_NAME))).collect();
        // INVARIANT: a writer into memory does not fail, and what it wrote is UTF-8 because all that went in was.
        let _ = writer.write_record(&headings);
        for row in &self.rows {
            let cells = (0..headings.len()).map(|at| row.get(at).map_or(String::new(), |cell| cell.plain(lang)));
            let _ = writer.write_record(cells);
        }
        writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// The same with a byte order mark, which a Japanese spreadsheet needs to take it for UTF-8.
    #[must_use]
    pub fn csv_with_mark(&self, lang: Lang) -> String {
        format!("\u{feff}{}", self.csv(lang))
    }
}

fn guarded(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r']) {
        format!("'{text}")
    } else {
        text
    }
}

/// A heading in both languages.
pub(crate) fn both(ja: &str, en: &str) -> Name {
    Name { ja: ja.to_owned(), en: Some(en.to_owned()) }
}

/// A heading made of somebody's name and a word in each language.
pub(crate) fn joined(name: &Name, ja: &str, en: &str) -> Name {
    both(&format!("{}{ja}", name.ja), &format!("{}{en}", name.of(Lang::En)))
}
