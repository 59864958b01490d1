//! Takes files of contacts line after line, and gives what they say subject after subject.

use std::io::{self, BufRead, Read};

use model::problem::{Code, Place, Problem};
use model::time::Instant;

use super::sort::{Sorted, Sorter, Spill};
use super::{
    Fact, Facts, Field, Origin, Record, SourceKind, Subject, code, delegated, mailboxes, rdap, rpsl, securitytxt,
};
use crate::domain::Domain;

/// So many problems and notes are described each; beyond that they are counted only.
const MOST_TOLD: usize = 1_000;
/// A field has at most so many values.
const MOST_VALUES: usize = 20;
/// A value that people read, such as an organisation's name, has at most so many characters.
const LONGEST_VALUE: usize = 200;
/// No line of a text source is longer, in bytes.
pub(super) const LONGEST_LINE: usize = 65_536;
/// The first bytes of a gzip file (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// How a file is to be read.
#[derive(Debug, Clone, Copy)]
pub struct ReadAs<'f> {
    /// What messages and origins call it.
    pub file: &'f str,
    /// The date that is stated for the whole file, for what carries none of its own.
    pub dated: Option<&'f str>,
    /// Whose `security.txt` it is.
    pub domain: Option<&'f Domain>,
    /// The time at which it is read.
    pub now: Instant,
}

/// Files of one kind being taken.
pub struct Intake<'s> {
    kind: SourceKind,
    spill: &'s mut dyn Spill,
    facts: Sorter,
    pub(super) joins: rpsl::Joins,
    tally: Tally,
}

/// What became of the rows, and what is to be said about them.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// Rows or objects that were read, whatever became of them.
    pub rows: u64,
    /// Those of them that say nothing that is wanted here: other classes, space that nobody has.
    pub passed_over: u64,
    /// Rows that were left out because they cannot be read.
    pub refused: u64,
    /// Remarks about rows that stand.
    pub remarks: u64,
    /// Why rows were left out; the first thousand.
    pub problems: Vec<Problem>,
    /// The first thousand remarks.
    pub notes: Vec<Problem>,
}

/// What is refused or remarked, and where.
pub(super) struct At<'f> {
    pub(super) file: &'f str,
    pub(super) line: u64,
    pub(super) field: Option<&'f str>,
    pub(super) value: Option<&'f str>,
}

impl At<'_> {
    fn problem(&self, code: &'static Code) -> Problem {
        let place = Place::file(self.file).line(self.line);
        let place = if let Some(field) = self.field { place.field(field) } else { place };
        let problem = Problem::new(code, place);
        if let Some(value) = self.value { problem.with_value(value) } else { problem }
    }
}

/// A value, and where it stands; what lies in the sorted runs.
type Told = (String, Origin);

impl<'s> Intake<'s> {
    /// An intake of that kind; what does not fit in memory is put aside in `spill`.
    pub fn new(kind: SourceKind, spill: &'s mut dyn Spill) -> Self {
        Self { kind, spill, facts: Sorter::new(), joins: rpsl::Joins::new(), tally: Tally::default() }
    }

    /// Takes one file. Rows that cannot be read are told with their lines, the others go on.
    ///
    /// # Errors
    /// Where the source or the spill fails.
    pub fn read(&mut self, how: ReadAs<'_>, mut source: impl BufRead) -> io::Result<()> {
        let mut start = [0_u8; 2];
        let mut length = 0;
        while length < start.len() {
            let Some(room) = start.get_mut(length..) else { break };
            match source.read(room) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if start == GZIP {
            self.tally.rows += 1;
            self.refuse(&code::COMPRESSED, At { file: how.file, line: 1, field: None, value: None });
            return Ok(());
        }
        let source = start.get(..length).unwrap_or_default().chain(source);
        match self.kind {
            SourceKind::Delegated => delegated::read(self, how, source),
            SourceKind::Rpsl => rpsl::read(self, how, source),
            SourceKind::Rdap => rdap::read(self, how, source),
            SourceKind::SecurityTxt => securitytxt::read(self, how, source),
        }
    }

    /// What all the files said, in the order of the subjects.
    ///
    /// # Errors
    /// Where the spill fails.
    pub fn finish(mut self) -> io::Result<Gathered> {
        rpsl::join(&mut self)?;
        Ok(Gathered { facts: self.facts.finish(self.spill)?, tally: self.tally })
    }

    pub(super) fn row(&mut self) {
        self.tally.rows += 1;
    }

    pub(super) fn pass_over(&mut self) {
        self.tally.passed_over += 1;
    }

    pub(super) fn refuse(&mut self, code: &'static Code, at: At<'_>) {
        self.tally.refused += 1;
        if self.tally.problems.len() < MOST_TOLD {
            self.tally.problems.push(at.problem(code));
        }
    }

    pub(super) fn remark(&mut self, code: &'static Code, at: At<'_>) {
        self.tally.remarks += 1;
        if self.tally.notes.len() < MOST_TOLD {
            self.tally.notes.push(at.problem(code));
        }
    }

    pub(super) fn spill(&mut self) -> (&mut rpsl::Joins, &mut dyn Spill) {
        (&mut self.joins, self.spill)
    }

    /// Notes that the source says so. Of several ranks of one field only the lowest stands.
    pub(super) fn fact(
        &mut self,
        subject: &Subject,
        field: Field,
        rank: u8,
        value: &str,
        origin: &Origin,
    ) -> io::Result<()> {
        let value: String = value.chars().filter(|c| !c.is_control()).take(LONGEST_VALUE).collect();
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        if value.is_empty() {
            return Ok(());
        }
        let mut key = subject.key().into_bytes();
        // INVARIANT: no subject's key has a byte below the blank, so that it never sorts behind a longer one's fields.
        key.extend([0, field as u8, rank]);
        self.facts.push(&key, &serde_json::to_vec(&(value, origin))?, self.spill)
    }

    /// Notes the mailboxes of a text; what is none is remarked.
    pub(super) fn mail_fact(
        &mut self,
        subject: &Subject,
        (field, rank): (Field, u8),
        text: &str,
        origin: &Origin,
    ) -> io::Result<()> {
        let (mails, bad) = mailboxes(text);
        for mail in mails {
            self.fact(subject, field, rank, mail.as_str(), origin)?;
        }
        for text in bad {
            let at = At { file: &origin.file, line: origin.line, field: Some(field.name()), value: Some(&text) };
            self.remark(&code::MAIL, at);
        }
        Ok(())
    }
}

/// What the files said, in the order of the subjects.
pub struct Gathered {
    facts: Sorted,
    tally: Tally,
}

impl Gathered {
    /// What became of the rows; complete when [`Gathered::next_record`] has given all records.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The next subject's record.
    ///
    /// # Errors
    /// Where what was put aside cannot be read.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        let bad = || io::Error::from(io::ErrorKind::InvalidData);
        let Some(first) = self.facts.peek() else { return Ok(None) };
        let end = first.len().checked_sub(3).ok_or_else(bad)?;
        let subject = first.get(..end).ok_or_else(bad)?.to_vec();
        let mut facts = Facts::new();
        let mut rank_of = [u8::MAX; Field::ALL.len()];
        while let Some(key) = self.facts.peek() {
            let Some(&[0, field, rank]) = key.strip_prefix(subject.as_slice()) else { break };
            let Some((_, value)) = self.facts.next()? else { break };
            let field_at = usize::from(field);
            let (Some(field), Some(known)) = (Field::ALL.get(field_at), rank_of.get_mut(field_at)) else {
                return Err(bad());
            };
            if *known < rank {
                continue;
            }
            *known = rank;
            let (value, origin): Told = serde_json::from_slice(&value)?;
            match facts.get_mut(field) {
                None => {
                    facts.insert(*field, Fact { values: vec![value], origin });
                }
                Some(fact) if fact.values.contains(&value) || is_single(*field) => {}
                Some(fact) if fact.values.len() < MOST_VALUES => fact.values.push(value),
                Some(_) => {
                    self.tally.remarks += 1;
                    if self.tally.notes.len() < MOST_TOLD {
                        let at = At { file: &origin.file, line: origin.line, field: Some(field.name()), value: None };
                        self.tally.notes.push(at.problem(&code::MANY));
                    }
                }
            }
        }
        let key = String::from_utf8(subject).map_err(|_| bad())?;
        let subject = Subject::of_key(&key).ok_or_else(bad)?;
        Ok(Some(Record { subject, facts }))
    }
}

/// Fields of which a subject has one value, the first that was told.
const fn is_single(field: Field) -> bool {
    matches!(field, Field::Name | Field::Country | Field::Expires)
}
