//! The columns behind the answers: spans of holding, sorted so that every span over an address, port and window is found.
//!
//! Three steps down, each a stretch of the next: a prefix, its port blocks, their spans by start. Two looks at «the last
//! span before» are not enough: two spans may begin within one window, and blocks of mixed widths may overlap. So each step
//! keeps how far everything before it reaches, and walks back until nothing can reach the window any more.

use std::ops::Range;

use crate::resource::{Ports, Prefix};

/// One subscriber held a resource from `start` until before `end`, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Span {
    pub(crate) prefix: Prefix,
    pub(crate) ports: Ports,
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Who, as a word's number.
    pub(crate) who: u32,
    /// Whether he held it, or only may have.
    pub(crate) certain: bool,
    /// Which tables say so, one bit each.
    pub(crate) tables: u64,
    /// Which lease or session says so.
    pub(crate) owner: u32,
}

/// Spans in columns.
///
/// INVARIANT: `slots_of` and `spans_of` have one entry more than the columns that they lead from, never fall, and end with
/// the length of the columns that they lead to; `reach` columns are running maxima within one stretch.
#[derive(Default)]
pub(crate) struct Columns {
    levels: Vec<(u8, Range<usize>)>,
    bases: Vec<u128>,
    tables: Vec<u64>,
    slots_of: Vec<u32>,
    slot: Vec<Ports>,
    slot_reach: Vec<u16>,
    spans_of: Vec<u32>,
    start: Vec<i64>,
    end: Vec<i64>,
    reach: Vec<i64>,
    who: Vec<u32>,
    certain: Vec<bool>,
    owner: Vec<u32>,
}

impl Columns {
    /// The columns of these spans; equal ones become one, empty ones none.
    pub(crate) fn of(mut spans: Vec<Span>) -> Self {
        spans.retain(|span| span.start < span.end);
        spans.sort_unstable();
        spans.dedup();
        let mut it = Self::default();
        let mut last: Option<(Prefix, Ports)> = None;
        for span in spans {
            let here = it.start.len();
            let new_prefix = last.is_none_or(|(prefix, _)| prefix != span.prefix);
            if new_prefix {
                let length = span.prefix.length();
                let at = it.bases.len();
                match it.levels.last_mut() {
                    Some((same, range)) if *same == length => range.end = at + 1,
                    _ => it.levels.push((length, at..at + 1)),
                }
                it.bases.push(span.prefix.base());
                it.tables.push(0);
                it.slots_of.push(count(it.slot.len()));
            }
            let new_slot = new_prefix || last.is_none_or(|(_, ports)| ports != span.ports);
            if new_slot {
                let before = if new_prefix { 0 } else { it.slot_reach.last().copied().unwrap_or(0) };
                it.slot.push(span.ports);
                it.slot_reach.push(before.max(span.ports.high));
                it.spans_of.push(count(here));
            }
            let before = if new_slot { i64::MIN } else { it.reach.last().copied().unwrap_or(i64::MIN) };
            it.start.push(span.start);
            it.end.push(span.end);
            it.reach.push(before.max(span.end));
            it.who.push(span.who);
            it.certain.push(span.certain);
            it.owner.push(span.owner);
            if let Some(tables) = it.tables.last_mut() {
                *tables |= span.tables;
            }
            last = Some((span.prefix, span.ports));
        }
        it.slots_of.push(count(it.slot.len()));
        it.spans_of.push(count(it.start.len()));
        it
    }

    /// How many spans there are.
    pub(crate) fn len(&self) -> usize {
        self.start.len()
    }

    pub(crate) fn who(&self, span: usize) -> u32 {
        self.who[span]
    }

    pub(crate) fn certain(&self, span: usize) -> bool {
        self.certain[span]
    }

    pub(crate) fn owner(&self, span: usize) -> u32 {
        self.owner[span]
    }

    /// Which tables ever spoke of a resource that overlaps `target`, one bit each.
    pub(crate) fn tables_about(&self, target: Prefix) -> u64 {
        let mut tables = 0;
        self.each_prefix(target, |at| tables |= self.tables[at]);
        tables
    }

    /// Every span whose addresses overlap `target`, whose ports meet `ports` (any, where it is none), and that meets the
    /// window from `from` to `to`, both ends included.
    pub(crate) fn each(&self, target: Prefix, ports: Option<Ports>, from: i64, to: i64, mut found: impl FnMut(usize)) {
        let ports = ports.unwrap_or(Ports::ALL);
        self.each_prefix(target, |prefix| {
            let slots = stretch(&self.slots_of, prefix);
            // Blocks are sorted by their low port; those that begin beyond the wanted ports are out.
            let below = slots.start + self.slot[slots.clone()].partition_point(|slot| slot.low <= ports.high);
            for slot in (slots.start..below).rev() {
                if self.slot_reach[slot] < ports.low {
                    break;
                }
                if self.slot[slot].high < ports.low {
                    continue;
                }
                let spans = stretch(&self.spans_of, slot);
                let begun = spans.start + self.start[spans.clone()].partition_point(|&start| start <= to);
                for span in (spans.start..begun).rev() {
                    if self.reach[span] <= from {
                        break;
                    }
                    if self.end[span] > from {
                        found(span);
                    }
                }
            }
        });
    }

    /// Every prefix in the columns that overlaps `target`: those that contain it, itself, and those that lie in it.
    fn each_prefix(&self, target: Prefix, mut found: impl FnMut(usize)) {
        for (length, range) in &self.levels {
            let bases = &self.bases[range.clone()];
            if *length <= target.length() {
                if let Ok(at) = bases.binary_search(&target.shortened(*length).base()) {
                    found(range.start + at);
                }
            } else {
                let first = bases.partition_point(|&base| base < target.base());
                let after = bases.partition_point(|&base| base <= target.last());
                (first..after).for_each(|at| found(range.start + at));
            }
        }
    }
}

/// Where the stretch of entry `at` lies. INVARIANT: see [`Columns`]; `at` is an entry of the column that leads there.
fn stretch(leads: &[u32], at: usize) -> Range<usize> {
    leads[at] as usize..leads[at + 1] as usize
}

/// A column's length as a number in another column: 4 thousand million spans are beyond one machine's memory.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::resource::prefix;

    fn span(text: &str, ports: (u16, u16), times: (i64, i64), who: u32) -> Span {
        let ports = Ports { low: ports.0, high: ports.1 };
        Span { prefix: prefix(text), ports, start: times.0, end: times.1, who, certain: true, tables: 1, owner: 0 }
    }

    fn found(columns: &Columns, target: Prefix, ports: Option<Ports>, from: i64, to: i64) -> Vec<u32> {
        let mut who = Vec::new();
        columns.each(target, ports, from, to, |at| who.push(columns.who(at)));
        who.sort_unstable();
        who
    }

    fn port(number: u16) -> Option<Ports> {
        Some(Ports { low: number, high: number })
    }

    /// What two as-of look-ups miss: nobody holds the block when the window opens, and two begin within it.
    #[test]
    fn two_that_begin_within_the_window_are_both_found() {
        let c = Columns::of(vec![
            span("192.0.2.1", (1024, 2047), (100, 110), 1),
            span("192.0.2.1", (1024, 2047), (120, 130), 2),
            span("192.0.2.1", (1024, 2047), (10, 20), 3),
        ]);
        assert_eq!(found(&c, prefix("192.0.2.1"), port(1500), 50, 125), [1, 2]);
    }

    #[test]
    fn a_long_span_behind_short_ones_is_found() {
        let mut spans = vec![span("192.0.2.1", (0, 65535), (0, 1_000), 7)];
        spans.extend((1..50).map(|i| span("192.0.2.1", (0, 65535), (i * 10, i * 10 + 5), 100)));
        spans.push(span("192.0.2.1", (0, 65535), (990, 2_000), 8));
        let c = Columns::of(spans);
        assert_eq!(found(&c, prefix("192.0.2.1"), port(80), 899, 899), [7]);
        assert_eq!(found(&c, prefix("192.0.2.1"), port(80), 995, 995), [7, 8]);
        assert_eq!(found(&c, prefix("192.0.2.1"), port(80), 14, 14), [7, 100]);
        assert_eq!(
            found(&c, prefix("192.0.2.1"), port(80), 15, 15),
            [7],
            "the end is outside, also behind a longer one"
        );
    }

    #[test]
    fn blocks_of_mixed_widths_overlap() {
        let c = Columns::of(vec![
            span("192.0.2.1", (0, 65535), (0, 10), 1),
            span("192.0.2.1", (1024, 2047), (0, 10), 2),
            span("192.0.2.1", (2000, 2000), (0, 10), 3),
            span("192.0.2.1", (2048, 4095), (0, 10), 4),
            span("192.0.2.2", (2000, 2000), (0, 10), 5),
        ]);
        assert_eq!(found(&c, prefix("192.0.2.1"), port(2000), 5, 5), [1, 2, 3]);
        assert_eq!(found(&c, prefix("192.0.2.1"), port(2047), 5, 5), [1, 2]);
        assert_eq!(found(&c, prefix("192.0.2.1"), port(2048), 5, 5), [1, 4]);
        assert_eq!(found(&c, prefix("192.0.2.1"), None, 5, 5), [1, 2, 3, 4]);
        assert_eq!(found(&c, prefix("192.0.2.0/24"), None, 5, 5), [1, 2, 3, 4, 5]);
        assert!(found(&c, prefix("192.0.2.3"), None, 5, 5).is_empty());
    }

    prop_compose! {
        fn any_span()(
            address in 0_u8..6, length in prop::sample::select(vec![128_u8, 128, 126, 125]), low in 0_u16..64, width in 0_u16..40,
            start in 0_i64..60, length_of_time in 1_i64..40, who in 0_u32..5, certain in any::<bool>(), table in 0_u32..3,
        ) -> Span {
            let prefix = Prefix::of(format!("192.0.2.{address}").parse().unwrap()).shortened(length);
            let ports = Ports { low, high: low + width };
            Span { prefix, ports, start, end: start + length_of_time, who, certain, tables: 1_u64 << table, owner: 0 }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// INVARIANT: the columns find what a scan over every span finds.
        #[test]
        fn as_a_full_scan(
            spans in prop::collection::vec(any_span(), 0..60), address in 0_u8..8, length in prop::sample::select(vec![128_u8, 128, 125]),
            wanted in prop::option::of((0_u16..110, 0_u16..3)), from in -5_i64..110, width in 0_i64..30,
        ) {
            let target = Prefix::of(format!("192.0.2.{address}").parse().unwrap()).shortened(length);
            let ports = wanted.map(|(low, width)| Ports { low, high: low + width });
            let to = from + width;
            let columns = Columns::of(spans.clone());
            let overlap = |span: &&Span| span.prefix.base() <= target.last() && target.base() <= span.prefix.last();
            let mut scanned: Vec<Span> = spans.iter().filter(overlap)
                .filter(|s| ports.is_none_or(|p| s.ports.low <= p.high && p.low <= s.ports.high))
                .filter(|s| s.start <= to && s.end > from)
                .copied().collect();
            scanned.sort_unstable();
            scanned.dedup();
            let mut scanned: Vec<u32> = scanned.iter().map(|s| s.who).collect();
            scanned.sort_unstable();
            prop_assert_eq!(found(&columns, target, ports, from, to), scanned);
            let tables = spans.iter().filter(overlap).fold(0, |tables, s| tables | s.tables);
            prop_assert_eq!(columns.tables_about(target), tables);
        }
    }
}
