//! The index that answers who held what; made of the settled facts, closed without a clearance.

use std::collections::HashMap;

use law::question::Action;
use law::{Clearance, Protected, Subject};
use model::Instant;
use model::tag::DataClass;

use crate::Settings;
use crate::columns::Columns;
use crate::coverage::Coverage;
use crate::facts::{Facts, Words};
use crate::finding::{Finding, Holders, NotOpened, Seen, Why, for_action};
use crate::resource::{OwnRanges, Ports, Prefix};
use crate::settle::{Presence, settle};
use crate::subscriber::{Pseudonyms, SubscriberRef};

/// Who held which address and port when, as far as the operator's records say.
pub struct Index {
    held: Protected<Held>,
    spans: u64,
}

/// What the index holds behind its seal.
struct Held {
    columns: Columns,
    words: Words,
    /// The pseudonym of each word that is a subscriber's reference.
    subscribers: HashMap<u32, SubscriberRef>,
    by_pseudonym: HashMap<SubscriberRef, u32>,
    /// When somebody was on two lines at once, in order.
    two_lines: HashMap<u32, Vec<(i64, i64)>>,
    coverage: Vec<Coverage>,
}

/// Puts the operator's own knowledge under protection.
pub(crate) fn seal<T>(value: T) -> Protected<T> {
    Protected::seal(value, DataClass::SubscriberIdentity, Subject::Assignments)
}

impl Index {
    /// The index of these facts; `coverage` is by table.
    pub(crate) fn of(
        facts: &Facts,
        words: Words,
        coverage: Vec<Coverage>,
        settings: &Settings,
        pseudonyms: &Pseudonyms,
    ) -> Self {
        let settled = settle(facts, &coverage, settings.silence());
        let two_lines = if settings.suspect_two_lines { on_two_lines(settled.presences) } else { HashMap::new() };
        let mut subscribers = HashMap::new();
        for span in settled.spans.iter().filter(|span| span.certain) {
            subscribers.entry(span.who).or_insert_with(|| pseudonyms.make(words.word(span.who)));
        }
        let by_pseudonym = subscribers.iter().map(|(&word, &subscriber)| (subscriber, word)).collect();
        let columns = Columns::of(settled.spans);
        let spans = columns.len() as u64;
        Self { held: seal(Held { columns, words, subscribers, by_pseudonym, two_lines, coverage }), spans }
    }

    /// How many spans of holding it has.
    #[must_use]
    pub const fn spans(&self) -> u64 {
        self.spans
    }

    /// Shows the subscriber's reference (his contract number, his account) to `look`: none where this index never named him.
    ///
    /// # Errors
    /// [`NotOpened`] unless the clearance is for telling or identifying, of the operator's assignments, and still holds.
    pub fn reveal<R>(
        &self,
        subscriber: SubscriberRef,
        clearance: &Clearance,
        now: Instant,
        look: impl FnOnce(Option<&str>) -> R,
    ) -> Result<R, NotOpened> {
        for_action(clearance, &[Action::Tell, Action::Identify])?;
        let reveal = |held: &Held| look(held.by_pseudonym.get(&subscriber).map(|&word| held.words.word(word)));
        Ok(self.held.open(clearance, now, reveal)?)
    }
}

impl Holders for Index {
    fn identify(
        &self,
        seen: &[Seen],
        own: &OwnRanges,
        clearance: &Clearance,
        now: Instant,
    ) -> Result<Vec<Finding>, NotOpened> {
        for_action(clearance, &[Action::Identify])?;
        Ok(self.held.open(clearance, now, |held| {
            let mut candidates = Candidates::default();
            seen.iter().map(|one| held.find(one, own, &mut candidates)).collect()
        })?)
    }
}

impl Held {
    fn find(&self, seen: &Seen, own: &OwnRanges, candidates: &mut Candidates) -> Finding {
        if !own.hold(seen.address) {
            return Finding::NotOurs;
        }
        let target = Prefix::of(seen.address);
        let ports = seen.port.map(|port| Ports { low: port.number(), high: port.number() });
        let from = seen.time.as_micros().saturating_sub_unsigned(seen.uncertainty.as_micros());
        let to = seen.time.as_micros().saturating_add_unsigned(seen.uncertainty.as_micros());
        candidates.clear();
        self.columns.each(target, ports, from, to, |span| {
            candidates.add(self.columns.who(span), self.columns.certain(span));
        });
        match candidates.0[..] {
            [] if self.covers(target, from, to) => Finding::None(Why::Nobody),
            [_] | [] if !self.covers(target, from, to) => Finding::None(Why::BeyondRecords),
            [(_, false)] => Finding::None(Why::Unsure),
            [(who, true)] => self.name(who, from, to),
            _ => Finding::Ambiguous { candidates: u32::try_from(candidates.0.len()).unwrap_or(u32::MAX) },
        }
    }

    /// Whether every table that ever spoke of the address reaches over the whole window; for an address of which none ever
    /// spoke, whether one of them does.
    fn covers(&self, target: Prefix, from: i64, to: i64) -> bool {
        let about = self.columns.tables_about(target);
        let mut tables = (0_u32..).zip(&self.coverage);
        if about == 0 {
            tables.any(|(_, coverage)| coverage.holds(from, to))
        } else {
            tables.filter(|(table, _)| about >> table & 1 == 1).all(|(_, coverage)| coverage.holds(from, to))
        }
    }

    fn name(&self, who: u32, from: i64, to: i64) -> Finding {
        let Some(&subscriber) = self.subscribers.get(&who) else { return Finding::None(Why::Unsure) };
        let times = self.two_lines.get(&who).map_or(&[][..], |times| times);
        // Merged and in order: the first that ends behind the window's begin is the only one that may meet it.
        let at = times.partition_point(|&(_, end)| end <= from);
        if times.get(at).is_some_and(|&(start, _)| start <= to) {
            Finding::SuspectedStolen(subscriber)
        } else {
            Finding::One(subscriber)
        }
    }
}

/// The distinct subscribers found for one observation, and whether it is certain that they held it.
#[derive(Default)]
struct Candidates(Vec<(u32, bool)>);

impl Candidates {
    fn clear(&mut self) {
        self.0.clear();
    }

    fn add(&mut self, who: u32, certain: bool) {
        // In order, so that an observation without a port on an address of thousands stays quick.
        match self.0.binary_search_by_key(&who, |&(who, _)| who) {
            Ok(at) => self.0[at].1 |= certain,
            Err(at) => self.0.insert(at, (who, certain)),
        }
    }
}

/// For each who was on several lines at once: when, merged and in order.
fn on_two_lines(mut presences: Vec<Presence>) -> HashMap<u32, Vec<(i64, i64)>> {
    presences.retain(|presence| presence.start < presence.end);
    presences.sort_unstable();
    let mut found: HashMap<u32, Vec<(i64, i64)>> = HashMap::new();
    for one in presences.chunk_by(|a, b| a.who == b.who) {
        if one.iter().all(|presence| Some(presence.line) == one.first().map(|first| first.line)) {
            continue;
        }
        // Where something ends, one begins less; ends go first, because an end is not part of its time.
        let mut turns: Vec<(i64, bool, u32)> = Vec::with_capacity(one.len() * 2);
        for presence in one {
            turns.push((presence.start, true, presence.line));
            turns.push((presence.end, false, presence.line));
        }
        turns.sort_unstable();
        let mut active: HashMap<u32, u32> = HashMap::new();
        let mut since: Option<i64> = None;
        let mut times: Vec<(i64, i64)> = Vec::new();
        for (at, begins, line) in turns {
            if begins {
                *active.entry(line).or_insert(0) += 1;
            } else if let Some(sessions) = active.get_mut(&line) {
                *sessions -= 1;
                if *sessions == 0 {
                    active.remove(&line);
                }
            }
            match (active.len() > 1, since) {
                (true, None) => since = Some(at),
                (false, Some(start)) => {
                    if start < at {
                        times.push((start, at));
                    }
                    since = None;
                }
                _ => {}
            }
        }
        if let (Some(first), false) = (one.first(), times.is_empty()) {
            found.insert(first.who, times);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(line: u32, start: i64, end: i64) -> Presence {
        Presence { who: 1, line, start, end }
    }

    #[test]
    fn two_lines_at_once_and_one_after_the_other() {
        let moved = on_two_lines(vec![presence(1, 0, 10), presence(2, 10, 20)]);
        assert!(moved.is_empty(), "a move to another line is no theft");
        let same = on_two_lines(vec![presence(1, 0, 10), presence(1, 5, 20)]);
        assert!(same.is_empty(), "two sessions on one line");
        let both = on_two_lines(vec![
            presence(1, 0, 10),
            presence(1, 5, 12),
            presence(2, 8, 20),
            presence(3, 15, 18),
            presence(2, 30, 40),
        ]);
        assert_eq!(both[&1], [(8, 12), (15, 18)]);
    }
}
