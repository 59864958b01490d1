//! What every format's reader is given and gives back.

use law::{Protected, Subject};
use model::operation::Plan;
use model::problem::{Code, Place, Problem};
use model::report::Provenance;
use model::special::SpecialRanges;
use model::{Classification, Instant, Lang, SightingBatch, Tags, Zone};

use crate::unwrap::Stop;

/// A file as received.
#[derive(Clone)]
pub struct Input<'a> {
    /// Its name without its folder; `-` for standard input.
    pub file: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// What the protected batches that come of it are about.
    pub subject: Subject,
}

/// What whoever hands the file in declared about it, because the file does not say it.
#[derive(Clone)]
pub struct Declared<'a> {
    /// The zone of times that carry none. Without it, a file of such times is refused.
    pub zone: Option<Zone>,
    /// What a row says that does not say what happened.
    pub classification: Classification,
    /// The malware of a row that names none.
    pub malware: Option<String>,
    /// The tags that rows carry at least.
    pub tags: Tags,
    /// The text of a mapping file (TOML): which column means what.
    pub mapping: Option<(&'a str, &'a str)>,
    /// The text of the published schema that a format reads as data (Shadowserver's `intelmq.json`), with its name.
    pub schema: Option<(&'a str, &'a str)>,
    /// Special address ranges, for flags.
    pub special: &'a SpecialRanges,
    /// When the file was received: a time later than this plus [`FUTURE_TOLERANCE_SECONDS`] is refused.
    pub received: Instant,
}

/// How far a clock may be ahead of ours before a time counts as lying in the future: five minutes.
pub const FUTURE_TOLERANCE_SECONDS: i64 = 300;

impl Declared<'_> {
    /// What an operation's plan declares for its reports.
    #[must_use]
    pub fn by_plan<'a>(plan: &Plan, special: &'a SpecialRanges, received: Instant) -> Declared<'a> {
        Declared {
            zone: None,
            classification: plan.classification,
            malware: Some(plan.threat.clone()),
            tags: Tags::INFECTED_ADDRESS,
            mapping: None,
            schema: None,
            special,
            received,
        }
    }
}

/// How likely a file is of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likelihood {
    /// Certainly not.
    No,
    /// It can be read as it, for want of something better.
    Possible,
    /// Its content looks like it.
    Likely,
    /// Its name and content, or a mark in it, say so.
    Certain,
}

/// A row that could not be understood.
#[derive(Clone)]
pub struct Reject {
    /// Its line, from 1.
    pub line: u64,
    /// What is wrong, first fault first.
    pub code: &'static Code,
    /// In which field: the column heading as written, or the IDF key.
    pub field: Option<String>,
    /// The offending value.
    pub value: Option<String>,
    /// The row as received, decoded.
    pub raw: String,
}

/// Rows that could not be understood; they hold what they hold, so they are protected like the others.
#[derive(Clone, Default)]
pub struct Rejects(pub Vec<Reject>);

impl Rejects {
    /// The error file that goes back to the sender: CSV with BOM and CRLF, one line per row: line, code, what is wrong, what
    /// to do, field, value, the row as received. Cells are safe to open in a spreadsheet.
    #[must_use]
    pub fn to_csv(&self, lang: Lang) -> Vec<u8> {
        let heading: [&str; 7] = match lang {
            Lang::Ja => ["行", "コード", "内容", "対処", "項目", "値", "受領した行"],
            Lang::En => ["line", "code", "problem", "what to do", "field", "value", "row as received"],
        };
        let mut bytes = b"\xEF\xBB\xBF".to_vec();
        bytes.extend(heading.join(",").as_bytes());
        bytes.extend(b"\r\n");
        bytes.extend(self.rows_of_csv(lang));
        bytes
    }

    /// The rows of such a file without its heading: what follows an earlier part's.
    #[must_use]
    pub fn rows_of_csv(&self, lang: Lang) -> Vec<u8> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        for reject in &self.0 {
            let line = reject.line.to_string();
            let field = crate::writing::spreadsheet_safe(reject.field.as_deref().unwrap_or(""));
            let value = crate::writing::spreadsheet_safe(reject.value.as_deref().unwrap_or(""));
            let raw = crate::writing::spreadsheet_safe(&reject.raw);
            let texts = [reject.code.text.of(lang), reject.code.help.of(lang)];
            // Writing into memory does not fail.
            let _ = writer.write_record([&line, reject.code.code, texts[0], texts[1], &*field, &*value, &*raw]);
        }
        writer.into_inner().unwrap_or_default()
    }

    /// Where the rejects are and why, without their values: a log may carry it.
    pub fn places<'a>(&'a self, file: &'a str) -> impl Iterator<Item = (Place, &'static Code)> + 'a {
        self.0.iter().map(move |reject| {
            let mut place = Place::file(file).line(reject.line);
            place.field.clone_from(&reject.field);
            (place, reject.code)
        })
    }
}

/// Why reading came to an end before the file did.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Halt {
    /// What is wrong with the file.
    #[error("{0}")]
    Problem(#[from] Problem),
    /// The disk failed.
    #[error("cannot be read: {0}")]
    Disk(#[source] std::io::Error),
}

impl From<std::io::Error> for Halt {
    /// What a member's bytes say about themselves while they are unpacked is about the file and not about the disk.
    fn from(error: std::io::Error) -> Self {
        Stop::of(error).map_or_else(Self::Disk, Self::Problem)
    }
}

/// What came of a part of a file: some thousand rows.
pub struct Part {
    /// The rows that were understood.
    pub sightings: Protected<SightingBatch>,
    /// The rows that were not.
    pub rejects: Protected<Rejects>,
    /// Data rows read: understood and not.
    pub rows: u64,
    /// Rows understood.
    pub understood: u64,
    /// Rows not understood.
    pub rejected: u64,
    /// The bytes that the part was read from, where they were asked for ([`crate::Stream::with_raw`]).
    pub raw: Option<Protected<Raw>>,
}

/// A piece of a file as received.
#[derive(Clone, Default)]
pub struct Raw {
    /// Its first byte's place in the file.
    pub offset: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What is known of a file when it has been read to its end.
#[derive(Debug, Clone)]
pub struct Ending {
    /// How it was read.
    pub provenance: Provenance,
    /// How the format was found: by name, by heading, by a mark. For the preview.
    pub found_by: String,
    /// Columns as understood, for the preview: heading as written and what it was taken for (an IDF key, or none).
    pub columns: Vec<(String, Option<String>)>,
    /// What is remarkable about the file as a whole (an unknown report type, a doubled heading), with its code.
    pub notes: Vec<(Place, &'static Code)>,
}

/// The error file that goes back to the sender, as the parts of a report come.
#[derive(Default)]
pub struct SentBack {
    rows: u64,
    places: Vec<(Place, &'static Code)>,
}

impl SentBack {
    /// So many rows are told of one by one.
    const MOST_TOLD: usize = 20;

    /// The next bytes of the error file, for these rows of `file`.
    pub fn add(&mut self, file: &str, rejects: &Rejects, lang: Lang) -> Vec<u8> {
        let told = Self::MOST_TOLD.saturating_sub(self.places.len());
        self.places.extend(rejects.places(file).take(told));
        let csv = if self.rows == 0 { rejects.to_csv(lang) } else { rejects.rows_of_csv(lang) };
        self.rows += rejects.0.len() as u64;
        csv
    }

    /// How many rows went back.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Where the first of them stand and why they went back, without values.
    #[must_use]
    pub fn places(&self) -> &[(Place, &'static Code)] {
        &self.places
    }
}

/// What was read of the files in what was handed in, and what was not.
#[derive(Default)]
pub struct WhatWasRead {
    endings: Vec<(String, Ending)>,
    problems: Vec<Problem>,
    /// The first that may have had rows in it and could not be read.
    failed: Option<Problem>,
}

impl WhatWasRead {
    /// So many problems are told of one by one.
    const MOST_TOLD: usize = 1_000;

    /// A file of that path was read to its end.
    pub fn ended(&mut self, path: String, ending: Ending) {
        self.endings.push((path, ending));
    }

    /// A file was not read, and why; rows may have been in it.
    pub fn not_read(&mut self, problem: Problem) {
        self.failed.get_or_insert_with(|| problem.clone());
        self.set_aside(problem);
    }

    /// What can be no report.
    pub fn set_aside(&mut self, problem: Problem) {
        if self.problems.len() < Self::MOST_TOLD {
            self.problems.push(problem);
        }
    }

    /// What is known at the end of all of them; what was not read stands in its notes.
    ///
    /// # Errors
    /// Where nothing could be read, why.
    pub fn ending(mut self) -> Result<Ending, Halt> {
        let told = self.problems.iter().map(|problem| (problem.place.clone(), problem.code));
        let own = self.endings.iter_mut().flat_map(|(_, ending)| std::mem::take(&mut ending.notes));
        let notes: Vec<_> = own.chain(told).collect();
        if self.endings.len() <= 1 {
            return match (self.endings.pop(), self.failed.or_else(|| self.problems.pop())) {
                (Some((_, ending)), _) => Ok(Ending { notes, ..ending }),
                (None, Some(problem)) => Err(problem.into()),
                (None, None) => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
            };
        }
        let all = |of: &dyn Fn(&Ending) -> String| -> String {
            let told = self.endings.iter().map(|(path, ending)| format!("{path}: {}", of(ending)));
            told.collect::<Vec<_>>().join("; ")
        };
        let mut formats: Vec<&str> = self.endings.iter().map(|(_, ending)| &*ending.provenance.format).collect();
        formats.sort_unstable();
        formats.dedup();
        let provenance = Provenance {
            format: formats.join("+"),
            schema: all(&|ending| ending.provenance.schema.clone()),
            mapping: all(&|ending| ending.provenance.mapping.clone()),
            encoding: all(&|ending| ending.provenance.encoding.clone()),
            zone: None,
        };
        let found_by = all(&|ending| format!("{} ({})", ending.provenance.format, ending.found_by));
        let columns = self.endings.iter_mut().flat_map(|(path, ending)| {
            let (path, columns) = (path.clone(), std::mem::take(&mut ending.columns));
            columns.into_iter().map(move |(name, taken)| (format!("{path}: {name}"), taken))
        });
        Ok(Ending { columns: columns.collect(), provenance, found_by, notes })
    }
}

/// What came of a whole file that is held in memory.
pub struct Reading {
    /// The rows that were understood.
    pub sightings: Protected<SightingBatch>,
    /// The rows that were not.
    pub rejects: Protected<Rejects>,
    /// Data rows read: understood and not.
    pub rows: u64,
    /// Rows understood.
    pub understood: u64,
    /// Rows not understood.
    pub rejected: u64,
    /// How it was read.
    pub provenance: Provenance,
    /// How the format was found: by name, by heading, by a mark. For the preview.
    pub found_by: String,
    /// Columns as understood, for the preview: heading as written and what it was taken for (an IDF key, or none).
    pub columns: Vec<(String, Option<String>)>,
    /// What is remarkable about the file as a whole (an unknown report type, a doubled heading), with its code.
    pub notes: Vec<(Place, &'static Code)>,
}
