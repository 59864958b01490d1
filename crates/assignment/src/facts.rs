//! What the operator's records say, before anything is concluded from it.
//!
//! INVARIANT: facts only unite. To unite is commutative, associative and idempotent, so that records that come late, twice
//! or out of order lead to the same facts, and hence to the same answers.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::resource::{Ports, Prefix};

/// Words by number: subscriber references, lines, sessions, access servers. They are protected like the facts themselves.
#[derive(Default, Clone)]
pub(crate) struct Words {
    list: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
}

impl Words {
    /// The number of this word.
    pub(crate) fn number(&mut self, word: &str) -> u32 {
        if let Some(&number) = self.numbers.get(word) {
            return number;
        }
        // 4 thousand million words are beyond one machine's memory.
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(word.into());
        self.numbers.insert(word.into(), number);
        number
    }

    /// The word of this number, which [`Words::number`] gave.
    pub(crate) fn word(&self, number: u32) -> &str {
        self.list.get(number as usize).map_or("", |word| word)
    }
}

/// One lease of a list, by what identifies it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LeaseKey {
    pub(crate) table: u8,
    pub(crate) prefix: Prefix,
    pub(crate) ports: Ports,
    pub(crate) start: i64,
    pub(crate) who: u32,
    pub(crate) line: Option<u32>,
}

/// What was said about a lease's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ends {
    /// The last «as of» at which it was said to be running.
    pub(crate) running_at: Option<i64>,
    /// The earliest and the latest end that was given.
    pub(crate) ended: Option<(i64, i64)>,
}

/// From when on a session is known to have run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Anchor {
    /// It started then: the time of its Start, or a later record's time less `Acct-Session-Time` (RFC 2866, section 5.7).
    Started(i64),
    /// A record of this time says nothing about its start.
    Unknown(i64),
}

/// Records of one session that agree on its start and on what it held.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SignKey {
    pub(crate) table: u8,
    pub(crate) session: u32,
    pub(crate) anchor: Anchor,
    pub(crate) prefix: Option<Prefix>,
    pub(crate) who: Option<u32>,
    pub(crate) line: Option<u32>,
    pub(crate) nas: Option<u32>,
}

/// When such records were written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Signs {
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// Whether one of them is a Start.
    pub(crate) start: bool,
    /// Whether one of them is an Interim-Update.
    pub(crate) interim: bool,
    /// The earliest and the latest Stop.
    pub(crate) stop: Option<(i64, i64)>,
}

/// An access server said that it begins or ceases to account (Accounting-On, Accounting-Off; RFC 2866, section 5.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Reboot {
    pub(crate) nas: u32,
    pub(crate) at: i64,
    pub(crate) kind: RebootKind,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RebootKind {
    /// It began: its earlier sessions were over some time before.
    On,
    /// It ceases: its sessions end now.
    Off,
}

/// A set of facts.
#[derive(Default, Clone)]
pub(crate) struct Facts {
    pub(crate) leases: HashMap<LeaseKey, Ends>,
    pub(crate) signs: HashMap<SignKey, Signs>,
    pub(crate) reboots: HashSet<Reboot>,
}

impl Ends {
    fn unite(self, other: Self) -> Self {
        Self { running_at: self.running_at.max(other.running_at), ended: widest(self.ended, other.ended) }
    }
}

impl Signs {
    fn unite(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            start: self.start || other.start,
            interim: self.interim || other.interim,
            stop: widest(self.stop, other.stop),
        }
    }
}

fn widest(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

impl Facts {
    /// Adds what is said of a lease; gives back what had been said of it before.
    pub(crate) fn say(&mut self, key: LeaseKey, ends: Ends) -> Option<Ends> {
        unite(&mut self.leases, key, ends, Ends::unite)
    }

    /// Adds a sign of a session.
    pub(crate) fn sign(&mut self, key: SignKey, signs: Signs) {
        unite(&mut self.signs, key, signs, Signs::unite);
    }

    /// Adds other facts.
    pub(crate) fn unite(&mut self, other: &Self) {
        for (&key, &ends) in &other.leases {
            self.say(key, ends);
        }
        for (&key, &signs) in &other.signs {
            self.sign(key, signs);
        }
        self.reboots.extend(&other.reboots);
    }

    /// What of `other` would change these facts.
    pub(crate) fn lacking(&self, other: &Self) -> Self {
        Self {
            leases: changing(&self.leases, &other.leases, Ends::unite),
            signs: changing(&self.signs, &other.signs, Signs::unite),
            reboots: other.reboots.difference(&self.reboots).copied().collect(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.leases.is_empty() && self.signs.is_empty() && self.reboots.is_empty()
    }
}

fn unite<K: Eq + Hash, V: Copy>(map: &mut HashMap<K, V>, key: K, value: V, both: fn(V, V) -> V) -> Option<V> {
    let mut before = None;
    map.entry(key)
        .and_modify(|old| {
            before = Some(*old);
            *old = both(*old, value);
        })
        .or_insert(value);
    before
}

fn changing<K: Eq + Hash + Copy, V: Copy + Eq>(
    have: &HashMap<K, V>,
    other: &HashMap<K, V>,
    both: fn(V, V) -> V,
) -> HashMap<K, V> {
    let changes = |key: &K, value: V| have.get(key).is_none_or(|&old| both(old, value) != old);
    other.iter().filter(|&(key, &value)| changes(key, value)).map(|(&key, &value)| (key, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniting_does_not_ask_in_which_order() {
        let open = Ends { running_at: Some(50), ended: None };
        let ended = Ends { running_at: None, ended: Some((40, 40)) };
        let later = Ends { running_at: None, ended: Some((45, 45)) };
        let all = open.unite(ended).unite(later);
        assert_eq!(all, later.unite(open).unite(ended.unite(open)));
        assert_eq!(all, Ends { running_at: Some(50), ended: Some((40, 45)) });
        let a = Signs { first: 5, last: 9, start: true, interim: false, stop: None };
        let b = Signs { first: 7, last: 12, start: false, interim: true, stop: Some((12, 12)) };
        assert_eq!(a.unite(b), b.unite(a).unite(a));
    }

    #[test]
    fn words_keep_their_numbers() {
        let mut words = Words::default();
        let (a, b) = (words.number("K-0001"), words.number("K-0002"));
        assert_eq!((words.number("K-0001"), words.word(b)), (a, "K-0002"));
    }
}
