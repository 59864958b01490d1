//! What an import would change: what was known of a source beside what its files say now, subject by subject.
//!
//! Both sides come in the order of their subjects' keys, so that neither need be in memory whole.

use std::collections::VecDeque;

use super::{Fact, Facts, Field, Record, Subject};

/// What becomes of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It was not there.
    Added,
    /// Its values are others.
    Changed,
    /// It is no longer there.
    Removed,
    /// Its values are the same; only where they were read is new.
    Confirmed,
}

impl Kind {
    /// Its name, stable for machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Confirmed => "confirmed",
        }
    }
}

/// One field that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Of which subject.
    pub subject: Subject,
    /// Which field.
    pub field: Field,
    /// What was known; none where it is new.
    pub before: Option<Fact>,
    /// What is known then; none where it is gone.
    pub after: Option<Fact>,
}

impl Change {
    /// What becomes of the field.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match (&self.before, &self.after) {
            (None, _) => Kind::Added,
            (_, None) => Kind::Removed,
            (Some(before), Some(after)) if before.values == after.values => Kind::Confirmed,
            _ => Kind::Changed,
        }
    }
}

/// What changes about one subject; empty where nothing does.
#[must_use]
pub fn of_subject(subject: &Subject, before: &Facts, after: &Facts) -> Vec<Change> {
    let change = |field: Field| {
        let (before, after) = (before.get(&field), after.get(&field));
        let change = Change { subject: subject.clone(), field, before: before.cloned(), after: after.cloned() };
        (before != after).then_some(change)
    };
    Field::ALL.into_iter().filter_map(change).collect()
}

/// Two sides being laid beside each other.
#[derive(Debug, Default)]
pub struct Pairing {
    /// What was known, as far as it was loaded.
    before: VecDeque<(String, Facts)>,
    all_loaded: bool,
    after: Option<(String, Facts)>,
    all_read: bool,
}

/// What laying two sides beside each other needs or gives next.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// More of what was known, by [`Pairing::load`].
    Load,
    /// The next record, by [`Pairing::offer`].
    Read,
    /// A subject: what was known of it, what is known then. At least one of the two is not empty.
    Subject(Box<(Subject, Facts, Facts)>),
    /// Nothing: both sides are through.
    End,
}

impl Pairing {
    /// Gives the next part of what was known, in the order of the keys; an empty one is the end.
    pub fn load(&mut self, part: Vec<Record>) {
        self.all_loaded |= part.is_empty();
        self.before.extend(part.into_iter().map(|record| (record.subject.key(), record.facts)));
    }

    /// Gives the next record of what is known now, in the order of the keys; none is the end.
    pub fn offer(&mut self, record: Option<Record>) {
        self.all_read |= record.is_none();
        self.after = record.map(|record| (record.subject.key(), record.facts));
    }

    /// The next step.
    pub fn step(&mut self) -> Step {
        if self.before.is_empty() && !self.all_loaded {
            return Step::Load;
        }
        if self.after.is_none() && !self.all_read {
            return Step::Read;
        }
        let order = match (self.before.front(), &self.after) {
            (None, None) => return Step::End,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((before, _)), Some((after, _))) => before.cmp(after),
        };
        let before = if order.is_le() { self.before.pop_front() } else { None };
        let after = if order.is_ge() { self.after.take() } else { None };
        let key = before.as_ref().or(after.as_ref()).map(|(key, _)| key.clone()).unwrap_or_default();
        let facts = |side: Option<(String, Facts)>| side.map(|(_, facts)| facts).unwrap_or_default();
        match Subject::of_key(&key) {
            Some(subject) => Step::Subject(Box::new((subject, facts(before), facts(after)))),
            // INVARIANT: the keys were made of subjects just now.
            None => Step::End,
        }
    }
}
