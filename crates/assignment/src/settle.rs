//! From what the records say to who held what, and how surely.
//!
//! The rules, all of them functions of the *set* of facts and of the coverage, never of the order of arrival:
//!
//! - **A lease of a list** holds from its start until before its end. Without an end it holds until the «as of» of the last
//!   list that names it. Two ends given for one lease: certain until the earlier, possible until the later.
//! - **A session** holds its addresses from its Start (where that was lost: from a later record's time less
//!   `Acct-Session-Time`) until its Stop, provided that it reported one address of each kind; where it reported several, each
//!   is certain between the first and the last record that names it.
//! - **A session without a Stop** runs until the coverage ends or its access server says Accounting-Off, whichever is
//!   sooner, unless it must be over: because another session or lease begins on its address, the same subscriber begins
//!   another session on the same line, its server reports Accounting-On, or it reported interims and then fell silent for
//!   longer than [`crate::Settings::silence_seconds`]. Then it is certain until its last sign only.
//! - **In the tail** (after the last sign, until the event that shows that it was over) the subscriber *may* have held the
//!   address. A tail never names him, but it makes another's holding ambiguous.
//! - A session whose records carry no user holds its address as somebody unknown: possible only.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::columns::Span;
use crate::coverage::Coverage;
use crate::facts::{Anchor, Ends, Facts, LeaseKey, RebootKind, SignKey, Signs};
use crate::resource::{Ports, Prefix};

/// Records of one session whose starts differ by no more than this are about the same run of it: clocks and
/// `Acct-Session-Time` are off by seconds. Access servers use session ids again after a reboot.
const SAME_RUN: i64 = 300 * 1_000_000;

/// What was concluded.
pub(crate) struct Settled {
    pub(crate) spans: Vec<Span>,
    /// Whose span it is, by [`Span::owner`].
    pub(crate) owners: Vec<Owner>,
    /// Where somebody was active on a line beyond doubt.
    pub(crate) presences: Vec<Presence>,
}

/// What a span rests on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Owner {
    /// A lease of a list.
    Lease(LeaseKey),
    /// A session, by its word's number.
    Session(u32),
}

/// A subscriber was on a line from `start` until before `end`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Presence {
    pub(crate) who: u32,
    pub(crate) line: u32,
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// Concludes. `coverage` is by table; `silence` in microseconds.
pub(crate) fn settle(facts: &Facts, coverage: &[Coverage], silence: i64) -> Settled {
    let runs = runs(facts);
    let mut leases: Vec<(LeaseKey, Ends)> = facts.leases.iter().map(|(&key, &ends)| (key, ends)).collect();
    leases.sort_unstable_by_key(|&(key, _)| key);
    let mut owners: Vec<Owner> = leases.iter().map(|&(key, _)| Owner::Lease(key)).collect();
    owners.extend(runs.iter().map(|run| Owner::Session(run.session)));

    let mut starts = Starts::default();
    for (owner, (key, _)) in (0_u32..).zip(&leases) {
        starts.add_resource(key.prefix, key.ports, key.start, owner);
    }
    for (owner, run) in (count(leases.len())..).zip(&runs) {
        for held in run.held.keys() {
            starts.add_resource(*held, Ports::ALL, run.claims_from(*held), owner);
            for (&who, line) in run.whos.iter().filter_map(|who| Some((who, run.line?))) {
                starts.add_line(who, line, *held, run.start, owner);
            }
        }
    }
    starts.sort();
    for reboot in &facts.reboots {
        let times = match reboot.kind {
            RebootKind::On => &mut starts.on,
            RebootKind::Off => &mut starts.off,
        };
        times.entry(reboot.nas).or_default().insert(reboot.at);
    }

    let horizon = coverage.iter().filter_map(Coverage::end).map(model::Instant::as_micros).max().unwrap_or(i64::MIN);
    let mut settled = Settled { spans: Vec::new(), owners, presences: Vec::new() };
    for (owner, &(key, ends)) in (0_u32..).zip(&leases) {
        settled.lease(owner, key, ends, &starts, horizon);
    }
    for (owner, run) in (count(leases.len())..).zip(&runs) {
        settled.run(owner, run, &starts, coverage, horizon, silence);
    }
    settled
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Settled {
    fn lease(&mut self, owner: u32, key: LeaseKey, ends: Ends, starts: &Starts, horizon: i64) {
        let (certain, possible) = match (ends.ended, ends.running_at) {
            // An end that was given is better than an earlier «still running».
            (Some((first, last)), _) => (first, last),
            (None, Some(running)) => {
                // One that began after the «as of» held at its start at least.
                let running = running.max(key.start.saturating_add(1));
                let other = starts.next_on(key.prefix, key.ports, running, owner);
                (running, other.unwrap_or(horizon).min(horizon))
            }
            (None, None) => (key.start, key.start),
        };
        let span = |start, end, certain| Span {
            prefix: key.prefix,
            ports: key.ports,
            start,
            end,
            who: key.who,
            certain,
            tables: 1 << key.table,
            owner,
        };
        self.spans.push(span(key.start, certain, true));
        self.spans.push(span(certain, possible, false));
        if let Some(line) = key.line {
            self.presences.push(Presence { who: key.who, line, start: key.start, end: certain });
        }
    }

    fn run(&mut self, owner: u32, run: &Run, starts: &Starts, coverage: &[Coverage], horizon: i64, silence: i64) {
        // The last sign's own moment is certain too.
        let seen = run.last.saturating_add(1);
        let mut present = seen.min(run.stop.map_or(seen, |(first, _)| first));
        for (prefix, times) in &run.held {
            let alone = run.alone_of_its_kind(*prefix);
            let (certain, possible) = match run.stop {
                Some((first, last)) => (first, last.max(if run.last > first { seen } else { last })),
                None => run.without_stop(owner, *prefix, starts, coverage, horizon, silence),
            };
            let start = run.claims_from(*prefix);
            present = present.max(certain);
            let certain = if alone { certain } else { certain.min(times.1.saturating_add(1)) };
            let known = !run.whos.is_empty();
            let nobody = [run.unknown];
            for &who in if known { &run.whos[..] } else { &nobody } {
                let span = |start, end, certain| Span {
                    prefix: *prefix,
                    ports: Ports::ALL,
                    start,
                    end,
                    who,
                    certain,
                    tables: run.tables,
                    owner,
                };
                self.spans.push(span(start, certain, known));
                self.spans.push(span(certain.max(start), possible, false));
            }
        }
        if let ([who], Some(line)) = (&run.whos[..], run.line) {
            self.presences.push(Presence { who: *who, line, start: run.start, end: present });
        }
    }
}

/// One run of a session.
struct Run {
    session: u32,
    /// Who it is if no record names a user: the session itself, as a word that names nobody.
    unknown: u32,
    start: i64,
    last: i64,
    interim: bool,
    stop: Option<(i64, i64)>,
    /// When another run of the same session shows that this one was over.
    over: Option<i64>,
    /// What it held: the first and the last record that names it.
    held: BTreeMap<Prefix, (i64, i64)>,
    /// Who the records name, in the order of words, which is the order of arrival: nothing may depend on it.
    whos: Vec<u32>,
    line: Option<u32>,
    nas: BTreeSet<u32>,
    tables: u64,
}

impl Run {
    /// Addresses and delegated prefixes of one family are different kinds.
    fn alone_of_its_kind(&self, prefix: Prefix) -> bool {
        let kind = |p: Prefix| (p.is_v4(), p.length());
        self.held.keys().filter(|&&other| kind(other) == kind(prefix)).count() == 1
    }

    /// From when on it claims the prefix.
    fn claims_from(&self, prefix: Prefix) -> i64 {
        if self.alone_of_its_kind(prefix) {
            self.start
        } else {
            self.held.get(&prefix).map_or(self.last, |&(first, _)| first)
        }
    }

    /// Until when it is certain and possible that it held `prefix`.
    fn without_stop(
        &self,
        owner: u32,
        prefix: Prefix,
        starts: &Starts,
        coverage: &[Coverage],
        horizon: i64,
        silence: i64,
    ) -> (i64, i64) {
        let seen = self.last.saturating_add(1);
        let on = self.nas.iter().filter_map(|&nas| starts.on_after(nas, self.last, self.start)).min();
        let off = self.nas.iter().filter_map(|&nas| starts.off_after(nas, self.last, self.start)).min();
        let again =
            |line| self.whos.iter().filter_map(move |&who| starts.next_on_line(who, line, prefix, self.last, owner));
        let line = self.line.and_then(|line| again(line).min());
        let over =
            [starts.next_on(prefix, Ports::ALL, self.last, owner), line, on, self.over].into_iter().flatten().min();
        let covered = (0_u32..)
            .zip(coverage)
            .filter(|(table, _)| self.tables >> table & 1 == 1)
            .map(|(_, coverage)| coverage.reaches_from(self.last))
            .min()
            .unwrap_or(self.last);
        let ends = over.into_iter().chain(off).min().unwrap_or(horizon).min(horizon);
        let runs_until = off.unwrap_or(i64::MAX).min(covered);
        let silent = self.interim && runs_until.saturating_sub(self.last) > silence;
        if silent || over.is_some_and(|over| over < runs_until) {
            (seen, ends.max(seen))
        } else {
            (runs_until.max(seen), ends.max(seen))
        }
    }
}

/// The runs of all sessions, in order.
fn runs(facts: &Facts) -> Vec<Run> {
    let mut sessions: BTreeMap<u32, Vec<Record<'_>>> = BTreeMap::new();
    for (key, signs) in &facts.signs {
        sessions.entry(key.session).or_default().push((key, signs));
    }
    sessions.into_values().flat_map(runs_of_one).collect()
}

/// Records of one session that agree on their key.
type Record<'a> = (&'a SignKey, &'a Signs);

/// Records of one run, and the start of the run as far as one of them knows it.
struct Group<'a> {
    start: Option<i64>,
    records: Vec<Record<'a>>,
}

/// Splits the records of one session into its runs.
fn runs_of_one(mut records: Vec<Record<'_>>) -> Vec<Run> {
    records.sort_unstable_by_key(|(key, _)| (key.anchor, **key));
    // Those with a known start come first, by start; then those without, by time.
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut before: Option<i64> = None;
    for record in records {
        let (start, group) = match record.0.anchor {
            Anchor::Started(at) => {
                let same = before.is_some_and(|before| at.saturating_sub(before) <= SAME_RUN);
                before = Some(at);
                (Some(at), groups.last_mut().filter(|_| same))
            }
            Anchor::Unknown(at) => {
                (None, groups.iter_mut().rev().find(|group| group.start.is_none_or(|start| start <= at)))
            }
        };
        match group {
            Some(group) => group.records.push(record),
            None => groups.push(Group { start, records: vec![record] }),
        }
    }
    let mut runs: Vec<Run> = groups.iter().map(|group| one_run(&group.records)).collect();
    runs.sort_by_key(|run| (run.start, run.last));
    // A session does not outlive its next run, nor a Stop that another run carries.
    let over: Vec<Option<i64>> = runs
        .iter()
        .enumerate()
        .map(|(at, run)| {
            let others = runs.iter().enumerate().filter(|&(other, _)| other != at).map(|(_, other)| other);
            others
                .flat_map(|other| [Some(other.start), other.stop.map(|(first, _)| first)])
                .flatten()
                .filter(|&time| time > run.start && time >= run.last)
                .min()
        })
        .collect();
    for (run, over) in runs.iter_mut().zip(over) {
        run.over = over;
    }
    runs
}

/// INVARIANT: a group has at least one record.
fn one_run(group: &[Record<'_>]) -> Run {
    let first = group.iter().map(|(_, signs)| signs.first).min().unwrap_or(i64::MAX);
    let started = |wanted: bool| {
        let starts = group.iter().filter(move |(_, signs)| !wanted || signs.start);
        starts.filter_map(|(key, _)| if let Anchor::Started(at) = key.anchor { Some(at) } else { None }).max()
    };
    // The latest start is the careful one; no session starts after its own records.
    let start = started(true).or_else(|| started(false)).unwrap_or(first).min(first);
    let mut held: BTreeMap<Prefix, (i64, i64)> = BTreeMap::new();
    for (key, signs) in group {
        if let Some(prefix) = key.prefix {
            let times = held.entry(prefix).or_insert((signs.first, signs.last));
            *times = (times.0.min(signs.first), times.1.max(signs.last));
        }
    }
    let whos: BTreeSet<u32> = group.iter().filter_map(|(key, _)| key.who).collect();
    let lines: BTreeSet<u32> = group.iter().filter_map(|(key, _)| key.line).collect();
    let session = group.first().map_or(0, |(key, _)| key.session);
    Run {
        session,
        unknown: session,
        start,
        last: group.iter().map(|(_, signs)| signs.last).max().unwrap_or(start),
        interim: group.iter().any(|(_, signs)| signs.interim),
        stop: group.iter().filter_map(|(_, signs)| signs.stop).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))),
        over: None,
        held,
        whos: whos.into_iter().collect(),
        line: if lines.len() == 1 { lines.first().copied() } else { None },
        nas: group.iter().filter_map(|(key, _)| key.nas).collect(),
        tables: group.iter().fold(0, |tables, (key, _)| tables | 1 << key.table),
    }
}

/// When things began, to see that something else was over by then.
#[derive(Default)]
struct Starts {
    resources: BTreeMap<Prefix, Vec<(i64, Ports, u32)>>,
    lengths: BTreeSet<u8>,
    lines: HashMap<(u32, u32, bool), Vec<(i64, u32)>>,
    on: HashMap<u32, BTreeSet<i64>>,
    off: HashMap<u32, BTreeSet<i64>>,
}

impl Starts {
    fn add_resource(&mut self, prefix: Prefix, ports: Ports, start: i64, owner: u32) {
        self.lengths.insert(prefix.length());
        self.resources.entry(prefix).or_default().push((start, ports, owner));
    }

    fn add_line(&mut self, who: u32, line: u32, prefix: Prefix, start: i64, owner: u32) {
        self.lines.entry((who, line, prefix.is_v4())).or_default().push((start, owner));
    }

    fn sort(&mut self) {
        self.resources.values_mut().for_each(|starts| starts.sort_unstable());
        self.lines.values_mut().for_each(|starts| starts.sort_unstable());
    }

    /// When the next other owner begins on an overlapping resource, at `from` or later.
    fn next_on(&self, prefix: Prefix, ports: Ports, from: i64, owner: u32) -> Option<i64> {
        let next = |starts: &Vec<(i64, Ports, u32)>| {
            let at = starts.partition_point(|&(start, ..)| start < from);
            starts[at..].iter().find(|(_, other, by)| *by != owner && other.meets(ports)).map(|&(start, ..)| start)
        };
        let around = self.lengths.iter().take_while(|&&length| length <= prefix.length());
        let around = around.filter_map(|&length| self.resources.get(&prefix.shortened(length))).filter_map(next);
        let within = self.lengths.iter().filter(|&&length| length > prefix.length()).flat_map(|&length| {
            // Sorted by length, then address: what lies in the prefix is one stretch of its length.
            let (first, last) = prefix.ends_at_length(length);
            self.resources.range(first..=last).filter_map(|(_, starts)| next(starts))
        });
        around.chain(within).min()
    }

    fn next_on_line(&self, who: u32, line: u32, prefix: Prefix, from: i64, owner: u32) -> Option<i64> {
        let starts = self.lines.get(&(who, line, prefix.is_v4()))?;
        let at = starts.partition_point(|&(start, _)| start < from);
        starts[at..].iter().find(|(_, by)| *by != owner).map(|&(start, _)| start)
    }

    fn on_after(&self, nas: u32, from: i64, start: i64) -> Option<i64> {
        self.on.get(&nas)?.range(from..).find(|&&at| at > start).copied()
    }

    fn off_after(&self, nas: u32, from: i64, start: i64) -> Option<i64> {
        self.off.get(&nas)?.range(from..).find(|&&at| at > start).copied()
    }
}
