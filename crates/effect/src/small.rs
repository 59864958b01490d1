//! Small cells: a table that leaves its node has no count so small that it points at a person.
//!
//! **The rule.** Neighbouring days are grouped until every cell is 0 or at least `at_least` (by default 5), events and
//! censored each for themselves: from the first day on, days are gathered until their sum is large enough; what is left
//! over at the end joins the group before it. No count is rounded, removed or invented: totals stay as they were, and
//! every margin (how many are at risk, how many had the event by a day) is a sum of cells that are large enough. Nothing is
//! left out that could be computed back from a margin, and tables of many nodes still add up exactly.
//!
//! Where all events together, or all censored together, are fewer than the rule asks, no grouping helps: then the table
//! has no cells and only says how many it withholds, or says nothing where even they are too few. A node that is
//! so small waits until more of its subscribers were told, and counts them in one table.
//!
//! **Why it is safe.** Whoever knows this rule, and sees a group, knows that its first day had something and that all but
//! its last day sum to less than `at_least`. For every day in it with a small count at least two counts remain possible.
//! A test goes through *all* tables of a few days and finds for each such day another table that looks the same outside.
//! With `at_least = 2` that would fail (what is hidden would be 1), so less than 3 is refused.
//!
//! **What it does not cover.** Two tables about overlapping people can be subtracted from each other. So a subject stands
//! in one table only: strata (told, not told) are disjoint, their sum is the hub's business, and the same people are not
//! sent again a week later with a few more events. One cohort, one table, once.
//!
//! **What it costs.** Resolution: [`LifeTable::resolution_days`] says how much, and [`LifeTable::bounds`] between which
//! curves the ungrouped one lies. Small nodes with few events are withheld more often than others, so a pooled curve leans
//! towards the large ones; the number withheld is printed with it.

use crate::code::{BAD_RULE, Fault, NOT_THE_SAME, SMALL_CELL};
use crate::count::Counted;
use crate::life::{Cells, LAST_DAY, LifeTable, Span};

/// When a count is too small to leave the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmallCells {
    at_least: u64,
    grid_days: u32,
}

impl Default for SmallCells {
    fn default() -> Self {
        Self { at_least: 5, grid_days: 1 }
    }
}

impl SmallCells {
    /// Counts below `at_least` do not leave; spans begin and end on a grid of `grid_days` (1: any day; 7: weeks, so that
    /// the spans of many nodes fall together more often).
    ///
    /// # Errors
    /// [`BAD_RULE`] where `at_least` is below 3 or the grid is not 1 to 366 days.
    pub const fn new(at_least: u64, grid_days: u32) -> Result<Self, Fault> {
        if at_least < 3 || grid_days == 0 || grid_days > 366 {
            return Err(Fault::at(&BAD_RULE, at_least));
        }
        Ok(Self { at_least, grid_days })
    }

    /// The smallest count that leaves, other than 0.
    #[must_use]
    pub const fn at_least(self) -> u64 {
        self.at_least
    }

    const fn may_leave(self, count: u64) -> bool {
        count == 0 || count >= self.at_least
    }

    /// The span widened to the grid.
    fn on_grid(self, span: Span) -> Span {
        let from = span.from() / self.grid_days * self.grid_days;
        let to = (span.to() / self.grid_days + 1) * self.grid_days - 1;
        Span::new(from, to.min(LAST_DAY)).unwrap_or(span)
    }
}

impl<U: Counted> LifeTable<U> {
    /// The table as it may leave its node.
    #[must_use]
    pub fn published(&self, rule: SmallCells) -> Self {
        match self.too_small(rule) {
            Some(withheld) => withheld,
            None => {
                let grouped = |cells: &Cells| group(&[cells], rule).pop().unwrap_or_default();
                self.with_cells(grouped(&self.events), grouped(&self.censored)).without_small_rest(rule)
            }
        }
    }

    /// Tables of disjoint groups as they may leave their node together: grouped into the same spans, so that the groups
    /// can be compared without one of them seeming later only because its cells are wider.
    ///
    /// # Errors
    /// [`NOT_THE_SAME`] where they are about different things.
    pub fn published_together(tables: &[Self], rule: SmallCells) -> Result<Vec<Self>, Fault> {
        if tables.windows(2).any(|pair| pair[0].about() != pair[1].about()) {
            return Err(Fault::new(&NOT_THE_SAME));
        }
        let shown: Vec<&Self> = tables.iter().filter(|table| table.too_small(rule).is_none()).collect();
        let grouped = |cells: fn(&Self) -> &Cells| {
            group(&shown.iter().map(|table| cells(table)).collect::<Vec<_>>(), rule).into_iter()
        };
        let mut cells = grouped(|table| &table.events).zip(grouped(|table| &table.censored));
        let mut publish = |table: &Self| match table.too_small(rule) {
            Some(withheld) => withheld,
            None => {
                let (events, censored) = cells.next().unwrap_or_default();
                table.with_cells(events, censored).without_small_rest(rule)
            }
        };
        Ok(tables.iter().map(&mut publish).collect())
    }

    /// Whether every count may leave a node by `rule`: what a hub asks of each table that comes in.
    ///
    /// # Errors
    /// [`SMALL_CELL`] with the first day of the small cell.
    pub fn check_published(&self, rule: SmallCells) -> Result<(), Fault> {
        if !rule.may_leave(self.withheld) {
            return Err(Fault::new(&SMALL_CELL));
        }
        match self.events.iter().chain(&self.censored).find(|(_, count)| !rule.may_leave(**count)) {
            Some((span, _)) => Err(Fault::at(&SMALL_CELL, u64::from(span.from()))),
            None => Ok(()),
        }
    }

    /// What is said of a table that no grouping can save: how many it withholds, where they are enough.
    fn too_small(&self, rule: SmallCells) -> Option<Self> {
        let (events, censored) = (self.had_event().number(), self.were_censored().number());
        if rule.may_leave(events) && rule.may_leave(censored) {
            return None;
        }
        let mut table = Self::empty(self.about());
        table.withheld = self.withheld + events + censored;
        Some(table.without_small_rest(rule))
    }

    /// The same without a withheld number that is itself too small.
    fn without_small_rest(mut self, rule: SmallCells) -> Self {
        if !rule.may_leave(self.withheld) {
            self.withheld = 0;
        }
        self
    }
}

/// The same counts in groups of neighbouring spans, the same groups for all, in each of which every one's count may leave.
///
/// Each one's own total must be fit to leave, else there is no such grouping and all stand in one span.
fn group(all: &[&Cells], rule: SmallCells) -> Vec<Cells> {
    // Spans on the grid, those that overlap joined, so that what follows is a sequence.
    let mut spans: Vec<Span> = all.iter().flat_map(|cells| cells.keys()).map(|span| rule.on_grid(*span)).collect();
    spans.sort_unstable();
    let mut blocks: Vec<(Span, Vec<u64>)> = Vec::new();
    for span in spans {
        match blocks.last_mut() {
            Some((last, _)) if span.from() <= last.to() => *last = last.with(span),
            _ => blocks.push((span, vec![0; all.len()])),
        }
    }
    for (at, cells) in all.iter().enumerate() {
        for (span, count) in *cells {
            let found = blocks.partition_point(|(block, _)| block.to() < span.from());
            if let Some(sum) = blocks.get_mut(found).and_then(|(_, sums)| sums.get_mut(at)) {
                *sum += count;
            }
        }
    }

    let fits = |sums: &[u64]| sums.iter().all(|sum| rule.may_leave(*sum));
    let mut groups: Vec<(Span, Vec<u64>)> = Vec::new();
    let mut open: Option<(Span, Vec<u64>)> = None;
    for block in blocks {
        let gathered = match open.take() {
            Some(before) => joined(before, block),
            None => block,
        };
        if fits(&gathered.1) { groups.push(gathered) } else { open = Some(gathered) }
    }
    // What is left over joins the groups before it, until it fits or everything is one.
    while let Some(rest) = open.take() {
        match groups.pop() {
            Some(before) => {
                let both = joined(before, rest);
                if fits(&both.1) { groups.push(both) } else { open = Some(both) }
            }
            None => groups.push(rest),
        }
    }

    let mut grouped = vec![Cells::new(); all.len()];
    for (span, sums) in groups {
        for (cells, sum) in grouped.iter_mut().zip(sums).filter(|(_, sum)| *sum > 0) {
            cells.insert(span, sum);
        }
    }
    grouped
}

fn joined(mut first: (Span, Vec<u64>), second: (Span, Vec<u64>)) -> (Span, Vec<u64>) {
    first.0 = first.0.with(second.0);
    for (sum, more) in first.1.iter_mut().zip(second.1) {
        *sum += more;
    }
    first
}
