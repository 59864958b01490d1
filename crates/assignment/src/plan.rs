//! Plans: what a file says, held against what is known, before anything is written.

use std::collections::{HashMap, HashSet};
use std::io::BufRead;

use formats::Rejects;
use law::Protected;
use model::problem::{Code, Place, Problem};
use model::{Instant, Zone};

use crate::codes;
use crate::columns::{Columns, Span};
use crate::contact::Contact;
use crate::coverage::Coverage;
use crate::facts::{Facts, Words};
use crate::manifest::{SourceKind, TableName};
use crate::read::assignments::{About, read_leases};
use crate::read::radius::read_accounting;
use crate::read::table::Unreadable;
use crate::settle::{Owner, Settled};

/// How many contradictions are named one by one; the rest is counted.
const NAMED: usize = 1_000;

/// A file of records, and what whoever hands it in declares about it.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// Its name without its folder; `-` for standard input.
    pub file: &'a str,
    /// Which table it belongs to.
    pub table: TableName,
    /// What it is.
    pub kind: SourceKind,
    /// The zone of times that carry none. Without it, a list of leases with such times is refused whole.
    pub zone: Option<Zone>,
    /// From when on its records are complete.
    pub from: CoversFrom,
    /// Up to when (excluded) its records are complete: an observation at or after that is never answered from them.
    pub as_of: Instant,
}

/// From when on a file's records are complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoversFrom {
    /// From then on.
    At(Instant),
    /// It goes on where the table's imports up to now end; the first of a table begins with its first record.
    LastImport,
    /// From its first record on: what happened between the import before and that record is not known.
    FirstRecord,
}

/// What an import would change. Nothing is written before [`crate::Register::commit`].
///
/// Rows of a list: read = rejected + repeated + new + extended + same. Accounting records: read = rejected + beside + those
/// that make up the new, extended and same *sessions*.
pub struct ImportPlan {
    /// Rows or records read.
    pub read: u64,
    /// Those that were not understood.
    pub rejected: u64,
    /// Rows about a lease that an earlier row of the file is about.
    pub repeated: u64,
    /// Accounting records that are not about sessions.
    pub beside: u64,
    /// Leases or sessions that were not known.
    pub new: u64,
    /// Leases or sessions that were known, and of which more is known now: their end, another interim.
    pub extended: u64,
    /// Leases or sessions of which nothing new was said (but perhaps that they are still running).
    pub same: u64,
    /// Contradictions that the import brings: two subscribers at once, two ends of one lease. They can be imported; they are
    /// never resolved by luck: what they touch is answered ambiguous.
    pub contradictions: u64,
    /// The first thousand of them; without values, so that a log may carry them.
    pub problems: Vec<Problem>,
    /// The rows that were not understood, for the error file.
    pub rejects: Protected<Rejects>,
    /// What the table covers now.
    pub covered_before: Coverage,
    /// What it would cover.
    pub covered_after: Coverage,
    pub(crate) generation: u64,
    pub(crate) facts: Facts,
    pub(crate) words: Words,
    pub(crate) table: TableName,
    pub(crate) kind: SourceKind,
    pub(crate) covers: Vec<(Instant, Instant)>,
}

/// What a list of contacts would change. It replaces the whole list before it.
///
/// Read = rejected + repeated + new + changed + same.
pub struct ContactsPlan {
    /// Rows read.
    pub read: u64,
    /// Those that were not understood, or contradict each other.
    pub rejected: u64,
    /// Rows that say what an earlier row said.
    pub repeated: u64,
    /// Subscribers that had no contact.
    pub new: u64,
    /// Subscribers whose contact is another than before.
    pub changed: u64,
    /// Subscribers whose contact stays.
    pub same: u64,
    /// Subscribers that had a contact and would have none.
    pub gone: u64,
    /// Subscribers who asked not to be told.
    pub opted_out: u64,
    /// Those who had asked not to be told and would be told again, because the list says so.
    pub no_longer_opted_out: u64,
    /// Subscribers without a mail address.
    pub without_mail: u64,
    /// The rows that were not understood, for the error file.
    pub rejects: Protected<Rejects>,
    pub(crate) generation: u64,
    pub(crate) contacts: HashMap<String, Contact>,
}

/// What came of a file, whatever its kind.
pub(crate) struct Taken {
    pub(crate) facts: Facts,
    pub(crate) lines: HashMap<Owner, u64>,
    pub(crate) read: u64,
    pub(crate) repeated: u64,
    pub(crate) beside: u64,
    pub(crate) rejects: Rejects,
    pub(crate) first: Option<i64>,
}

impl Taken {
    pub(crate) fn read(
        kind: SourceKind,
        bytes: impl BufRead,
        about: &About<'_>,
        words: &mut Words,
    ) -> Result<Self, Unreadable> {
        Ok(match kind {
            SourceKind::Leases => {
                let it = read_leases(bytes, about, words)?;
                Self {
                    facts: it.facts,
                    lines: it.lines.into_iter().map(|(key, line)| (Owner::Lease(key), line)).collect(),
                    read: it.rows,
                    repeated: it.repeated,
                    beside: 0,
                    rejects: it.rejects,
                    first: it.first,
                }
            }
            SourceKind::RadiusDetail => {
                let it = read_accounting(bytes, about, words)?;
                Self {
                    facts: it.facts,
                    lines: it.lines.into_iter().map(|(session, line)| (Owner::Session(session), line)).collect(),
                    read: it.records,
                    repeated: 0,
                    beside: it.beside,
                    rejects: it.rejects,
                    first: it.first,
                }
            }
        })
    }
}

impl ImportPlan {
    /// Counts what is new, extended and the same.
    pub(crate) fn compare(&mut self, before: &Facts, file: &Facts) {
        for (key, ends) in &file.leases {
            match before.leases.get(key) {
                None => self.new += 1,
                Some(old) if ends.ended.is_some() && self.facts.leases.contains_key(key) && old.ended != ends.ended => {
                    self.extended += 1;
                }
                Some(_) => self.same += 1,
            }
        }
        let known: HashSet<u32> = before.signs.keys().map(|key| key.session).collect();
        let more: HashSet<u32> = self.facts.signs.keys().map(|key| key.session).collect();
        let sessions: HashSet<u32> = file.signs.keys().map(|key| key.session).collect();
        for session in sessions {
            if !known.contains(&session) {
                self.new += 1;
            } else if more.contains(&session) {
                self.extended += 1;
            } else {
                self.same += 1;
            }
        }
    }

    /// Finds the contradictions in which the file's leases and sessions take part.
    pub(crate) fn contradict(&mut self, file: &str, facts: &Facts, settled: Settled, lines: &HashMap<Owner, u64>) {
        let mut found: Vec<(Option<u64>, &'static Code, String)> = Vec::new();
        let Settled { spans, owners, .. } = settled;
        let own: HashSet<Owner> = self
            .facts
            .leases
            .keys()
            .map(|key| Owner::Lease(*key))
            .chain(self.facts.signs.keys().map(|key| Owner::Session(key.session)))
            .collect();
        for key in self.facts.leases.keys() {
            if facts.leases.get(key).and_then(|ends| ends.ended).is_some_and(|(first, last)| first != last) {
                found.push((lines.get(&Owner::Lease(*key)).copied(), &codes::TWO_ENDS, String::new()));
            }
        }
        // INVARIANT: a span's owner is an entry of `owners`.
        let owner = |number: u32| owners[number as usize];
        let certain: Vec<Span> = spans.into_iter().filter(|span| span.certain && span.start < span.end).collect();
        let mine: Vec<Span> = certain.iter().filter(|span| own.contains(&owner(span.owner))).copied().collect();
        let columns = Columns::of(certain);
        let mut told: HashSet<u32> = HashSet::new();
        for span in mine {
            let mut other: Option<u32> = None;
            columns.each(span.prefix, Some(span.ports), span.start, span.end - 1, |at| {
                if columns.who(at) != span.who {
                    other.get_or_insert(columns.owner(at));
                }
            });
            if let Some(other) = other
                && told.insert(span.owner)
            {
                // The other's line where it stands in the same file; who it is stays out of it.
                let with = lines.get(&owner(other)).map_or(String::new(), u64::to_string);
                found.push((lines.get(&owner(span.owner)).copied(), &codes::TWO_SUBSCRIBERS, with));
            }
        }
        found.sort_by_key(|(line, code, _)| (*line, code.code));
        self.contradictions = found.len() as u64;
        self.problems = found
            .into_iter()
            .take(NAMED)
            .map(|(line, code, with)| {
                let mut place = Place::file(file);
                place.line = line;
                let problem = Problem::new(code, place);
                if with.is_empty() { problem } else { problem.with_value(&with) }
            })
            .collect();
    }
}
