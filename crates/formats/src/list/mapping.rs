//! The mapping file: what whoever knows the source says about its lists, as TOML.
//!
//! ```toml
//! version = "2014-06"                  # of this mapping; stands in the report's provenance
//! delimiter = "tab"                    # comma, tab, semicolon, pipe, full-width-comma, wide-spaces, spaces, none
//! encoding = "cp932"                   # utf-8, utf-16le, utf-16be, cp932
//! skip_lines = 2                       # lines before the heading
//! heading = true                       # false: there is none; name columns by number, from 1
//! zone = "Asia/Tokyo"                  # of times that carry none
//! time_format = "%d/%m/%Y %H:%M:%S"    # strptime, or "epoch", "epoch_ms", "excel"
//! two_digit_years = "20xx"
//! classification = "infected-system"
//! malware = "gameover-zeus"
//! required = ["source.port"]           # a row without it is rejected
//! records = "data.events"              # JSON: where the records stand in each value
//!
//! [columns]
//! "検知時刻" = "time.source"            # an IDF key, or a name of `headings.toml`
//! "送信元2" = "extra"                   # kept as written, whatever the heading table says
//! "src.ip" = "source.ip"               # JSON: a path; `hosts[].ip` is one row per host, `hosts[0].ip` the first one's
//!
//! [constants]
//! "protocol.transport" = "tcp"         # holds for every row
//!
//! [values."classification.type"]       # what the source's words mean; `"*"` is every other one
//! "drone" = "infected-system"
//! ```
//!
//! Lists, JSON and Parquet take the same file; what only one of them has is passed over by the others.

use std::collections::HashMap;

use model::problem::{Code, Place, Problem};
use model::{Classification, Text, Zone};
use sha2::{Digest, Sha256};
use toml::Value;

use super::headings::Meaning;
use super::rows::Delimiter;
use crate::civil::{Form, Habit};
use crate::fields::Column;
use crate::text::Encoding;

/// What a mapping file says.
#[derive(Debug, Clone, Default)]
pub(super) struct Mapping {
    /// Its name, version and digest, for the provenance.
    pub(super) identity: Option<String>,
    pub(super) file: String,
    pub(super) delimiter: Option<Delimiter>,
    pub(super) encoding: Option<Encoding>,
    pub(super) skip_lines: usize,
    pub(super) no_heading: bool,
    pub(super) zone: Option<Zone>,
    pub(super) habit: Habit,
    pub(super) classification: Option<Classification>,
    pub(super) malware: Option<String>,
    /// Headings as the mapping writes them, and what they mean; none for `extra`.
    pub(super) columns: Vec<(String, Option<Meaning>)>,
    /// What holds for every row.
    pub(super) constants: Vec<(Meaning, String)>,
    /// By meaning, what the source's words mean.
    pub(super) values: Vec<(Meaning, HashMap<String, String>)>,
    /// What a row must have.
    pub(super) required: Vec<Meaning>,
    /// The path to the records of a JSON value; empty where the value is one.
    pub(super) records: String,
}

const KEYS: [&str; 15] = [
    "version",
    "delimiter",
    "encoding",
    "skip_lines",
    "heading",
    "zone",
    "time_format",
    "two_digit_years",
    "classification",
    "malware",
    "columns",
    "constants",
    "values",
    "required",
    "records",
];

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// A [`Problem`] that names the mapping file, the line where TOML knows it, and the key.
    pub(super) fn read(declared: Option<(&str, &str)>) -> Result<Self, Problem> {
        let Some((file, text)) = declared else { return Ok(Self::default()) };
        let table: toml::Table = toml::from_str(text).map_err(|error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(at).filter(|b| *b == b'\n').count() as u64;
            Problem::new(&MAPPING_SYNTAX, Place::file(file).line(line)).with_value(error.message())
        })?;
        let mut mapping = Self { file: file.to_owned(), ..Self::default() };
        let mut version = String::new();
        for (key, value) in &table {
            let known = mapping.take(key, value, &mut version);
            known.map_err(|fault| {
                // A column's meaning stands below its table's heading, on a line of its own.
                let meaning = match &fault {
                    Fault::Unknown(name, _) if key == "columns" => {
                        let quoted = format!("\"{name}\"");
                        text.lines().position(|line| line.contains(&quoted)).and_then(|at| u64::try_from(at + 1).ok())
                    }
                    _ => None,
                };
                fault.problem(file, key, meaning.or_else(|| line_of(text, key)))
            })?;
        }
        let digest: String = Sha256::digest(text.as_bytes()).iter().take(8).map(|b| format!("{b:02x}")).collect();
        let version = if version.is_empty() { version } else { format!(" {version}") };
        mapping.identity = Some(format!("{file}{version} sha256:{digest}"));
        Ok(mapping)
    }

    fn take(&mut self, key: &str, value: &Value, version: &mut String) -> Result<(), Fault> {
        let text = || value.as_str().ok_or_else(|| Fault::Value(value.to_string()));
        let bad = |text: &str| Fault::Value(text.to_owned());
        match key {
            "version" => text()?.clone_into(version),
            "delimiter" => self.delimiter = Some(Delimiter::named(text()?).ok_or_else(|| bad(text().unwrap_or("")))?),
            "encoding" => self.encoding = Some(text()?.parse().map_err(|()| bad(text().unwrap_or("")))?),
            "skip_lines" => {
                let lines = value.as_integer().and_then(|n| usize::try_from(n).ok());
                self.skip_lines = lines.ok_or_else(|| Fault::Value(value.to_string()))?;
            }
            "heading" => self.no_heading = !value.as_bool().ok_or_else(|| Fault::Value(value.to_string()))?,
            "zone" => self.zone = Some(text()?.parse().map_err(|_| bad(text().unwrap_or("")))?),
            "time_format" => self.habit.form = Some(form(text()?).ok_or_else(|| bad(text().unwrap_or("")))?),
            "two_digit_years" => match text()? {
                "20xx" => self.habit.two_digit_years_are_20xx = true,
                other => return Err(bad(other)),
            },
            "classification" => self.classification = Some(text()?.parse().map_err(|_| bad(text().unwrap_or("")))?),
            "malware" => self.malware = Some(text()?.to_owned()),
            "columns" => {
                for (heading, meaning) in value.as_table().ok_or_else(|| Fault::Value(value.to_string()))? {
                    let name = meaning.as_str().ok_or_else(|| Fault::Value(meaning.to_string()))?;
                    let meaning = if name == "extra" { None } else { Some(meaning_of(name)?) };
                    self.columns.push((heading.clone(), meaning));
                }
            }
            "constants" => {
                for (name, text) in value.as_table().ok_or_else(|| Fault::Value(value.to_string()))? {
                    let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
                    self.constants.push((meaning_of(name)?, text));
                }
            }
            "values" => {
                for (name, table) in value.as_table().ok_or_else(|| Fault::Value(value.to_string()))? {
                    let words = table.as_table().ok_or_else(|| Fault::Value(table.to_string()))?;
                    let word = |(from, to): (&String, &Value)| {
                        let to = to.as_str().ok_or_else(|| Fault::Value(to.to_string()))?;
                        Ok((from.trim().to_owned(), to.to_owned()))
                    };
                    self.values.push((meaning_of(name)?, words.iter().map(word).collect::<Result<_, Fault>>()?));
                }
                // A type that is none is a slip of the mapping and not of each row.
                let types =
                    self.values.iter().filter(|(meaning, _)| *meaning == Meaning::Column(Column::Classification));
                for (_, words) in types {
                    let bad = words.values().find(|word| word.parse::<Classification>().is_err());
                    bad.map_or(Ok(()), |word| Err(Fault::Value(word.clone())))?;
                }
            }
            "required" => {
                for name in value.as_array().ok_or_else(|| Fault::Value(value.to_string()))? {
                    self.required.push(meaning_of(name.as_str().ok_or_else(|| Fault::Value(name.to_string()))?)?);
                }
            }
            "records" => text()?.clone_into(&mut self.records),
            other => return Err(Fault::Unknown(other.to_owned(), nearest(other, KEYS.into_iter()))),
        }
        Ok(())
    }
}

fn meaning_of(name: &str) -> Result<Meaning, Fault> {
    let unknown = || Fault::Unknown(name.to_owned(), nearest(name, Meaning::names().chain(["extra"])));
    Meaning::named(name).ok_or_else(unknown)
}

enum Fault {
    /// Not a value of that key.
    Value(String),
    /// Not a key or meaning, and the nearest that is one.
    Unknown(String, &'static str),
}

impl Fault {
    fn problem(self, file: &str, key: &str, line: Option<u64>) -> Problem {
        let mut place = Place::file(file).field(key);
        place.line = line;
        match self {
            Self::Value(value) => Problem::new(&MAPPING_VALUE, place).with_value(&value),
            Self::Unknown(name, nearest) => {
                Problem::new(&MAPPING_UNKNOWN_KEY, place).with_value(&format!("{name} -> {nearest}?"))
            }
        }
    }
}

/// The line on which a key stands, at the beginning of a line or of a table's heading.
fn line_of(text: &str, key: &str) -> Option<u64> {
    let stands = |line: &str| line.trim_start_matches(['[', '"', ' ', '\t']).starts_with(key);
    text.lines().position(stands).and_then(|at| u64::try_from(at + 1).ok())
}

fn form(text: &str) -> Option<Form> {
    match text {
        "epoch" => Some(Form::EpochSeconds),
        "epoch_ms" => Some(Form::EpochMillis),
        "excel" => Some(Form::ExcelSerial),
        format => {
            // A directive that does not exist is refused now and not row by row.
            let sample = jiff::civil::date(2014, 6, 30).at(9, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            let shown = jiff::fmt::strtime::format(format, &sample).ok()?;
            (format.contains('%') && !shown.is_empty()).then(|| Form::Strptime(format.to_owned()))
        }
    }
}

/// The known name that takes the fewest single-character changes to reach (Levenshtein).
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> &'n str {
    known.min_by_key(|candidate| distance(name, candidate)).unwrap_or_default()
}

fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (place, b) in row.iter_mut().skip(1).zip(&other) {
            let best = (*place + 1).min(left + 1).min(diagonal + usize::from(a != *b));
            diagonal = std::mem::replace(place, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// No TOML.
pub(super) static MAPPING_SYNTAX: Code = Code {
    code: "mapping-syntax",
    text: Text {
        ja: "マッピングファイルがTOMLとして読み取れません", en: "the mapping file is not TOML"
    },
    help: Text {
        ja: "示された行の引用符・等号・かっこを確認してください",
        en: "check quotes, equals signs and brackets on the line named",
    },
    example: "zone = Asia/Tokyo",
};

/// A key or a meaning that does not exist.
pub(super) static MAPPING_UNKNOWN_KEY: Code = Code {
    code: "mapping-unknown-key",
    text: Text {
        ja: "マッピングファイルに未知のキーまたは意味があります",
        en: "the mapping file has a key or a meaning that does not exist",
    },
    help: Text {
        ja: "最も近い名前を矢印の後に示しました", en: "the nearest known name stands after the arrow"
    },
    example: "zoen = \"Asia/Tokyo\"",
};

/// A value that its key does not take.
pub(super) static MAPPING_VALUE: Code = Code {
    code: "mapping-value",
    text: Text {
        ja: "マッピングファイルの値がそのキーで使えるものではありません",
        en: "the mapping file has a value that its key does not take",
    },
    help: Text {
        ja: "手引のマッピングファイルの節を参照してください",
        en: "see the manual's section on mapping files",
    },
    example: "two_digit_years = \"yes\"",
};

/// A column that the file does not have.
pub(super) static MAPPING_COLUMN_MISSING: Code = Code {
    code: "mapping-column-missing",
    text: Text {
        ja: "マッピングファイルが指定した列がファイルにありません",
        en: "the mapping file names a column that the file does not have",
    },
    help: Text {
        ja: "見出しが変わっていないか、別の送信元のマッピングを指定していないか確認してください",
        en: "see whether the headings changed, or the mapping is another source's",
    },
    example: "[columns]\n\"検知時刻\" = \"time.source\"",
};

/// What this file can utter.
pub(super) static CODES: [&Code; 4] = [&MAPPING_SYNTAX, &MAPPING_UNKNOWN_KEY, &MAPPING_VALUE, &MAPPING_COLUMN_MISSING];

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (String, Option<u64>, String) {
        let problem = Mapping::read(Some(("m.toml", text))).unwrap_err();
        assert_eq!(problem.place.file, "m.toml");
        (problem.code.code.to_owned(), problem.place.line, problem.value_for_submitter().unwrap_or("").to_owned())
    }

    #[test]
    fn every_key_is_read() {
        let text = "version = \"7\"\ndelimiter = \"tab\"\nencoding = \"cp932\"\nskip_lines = 2\nheading = false\n\
             zone = \"Asia/Tokyo\"\ntime_format = \"%d/%m/%Y %H:%M\"\ntwo_digit_years = \"20xx\"\n\
             classification = \"c2-server\"\nmalware = \"goz\"\nrequired = [\"source.port\"]\nrecords = \"a.b\"\n\
             [constants]\n\"feed.name\" = \"x\"\n[values.\"classification.type\"]\n\"bot\" = \"infected-system\"\n[columns]\n\"検知\" = \"time.source\"\n\"2\" = \"extra\"\n";
        let mapping = Mapping::read(Some(("m.toml", text))).unwrap();
        assert_eq!(mapping.delimiter, Some(Delimiter::Byte(b'\t')));
        assert_eq!(mapping.encoding, Some(Encoding::Cp932));
        assert_eq!((mapping.skip_lines, mapping.no_heading), (2, true));
        assert_eq!(mapping.columns.len(), 2);
        assert_eq!((mapping.constants.len(), mapping.values.len(), mapping.required.len()), (1, 1, 1));
        assert_eq!(mapping.records, "a.b");
        assert!(mapping.identity.unwrap().starts_with("m.toml 7 sha256:"));
        for key in KEYS {
            assert!(text.contains(key), "{key} is not tried");
        }
    }

    #[test]
    fn a_slip_is_named_with_the_nearest_name() {
        assert_eq!(fault("\nzoen = \"x\""), ("mapping-unknown-key".to_owned(), Some(2), "zoen -> zone?".to_owned()));
        assert_eq!(fault("[columns]\n\"a\" = \"source.pi\"").2, "source.pi -> source.ip?");
        assert_eq!(fault("zone = Asia/Tokyo").0, "mapping-syntax");
        assert_eq!(fault("zone = \"CST\"").0, "mapping-value");
        assert_eq!(fault("two_digit_years = \"19xx\"").0, "mapping-value");
        assert_eq!(fault("time_format = \"%!\"").0, "mapping-value");
        assert_eq!(fault("skip_lines = -1").0, "mapping-value");
        assert_eq!(fault("required = [\"source.prot\"]").2, "source.prot -> source.port?");
        assert_eq!(fault("[constants]\n\"protokol\" = \"tcp\"").0, "mapping-unknown-key");
        assert_eq!(fault("[values.\"classification.type\"]\n\"bot\" = \"infected\"").0, "mapping-value");
    }
}
