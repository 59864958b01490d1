//! The log-rank test: whether groups differ by more than chance, also within strata.
//!
//! At each time the events expected in a group, were all groups alike, are its share of those at risk; the differences
//! to what was observed, summed over times and strata, are compared with their covariance (hypergeometric, which allows
//! for ties). Mantel, Cancer Chemotherapy Reports 50 (1966), page 163; Peto and Peto, Journal of the Royal Statistical
//! Society A 135 (1972), page 185. With strata (partners, say) each is compared within itself only, so that a partner
//! with quicker subscribers and more notices does not pass for an effect of the notices.

use std::collections::BTreeMap;

use crate::chance::chi_square_tail;
use crate::code::{Fault, NOT_THE_SAME};
use crate::count::Counted;
use crate::life::{Cells, Ending, LifeTable, Span};
use crate::survival::{Step, steps};

/// A pivot smaller than this share of the largest variance is no information but rounding.
const NO_INFORMATION: f64 = 1e-10;

/// What one group showed, over all strata.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupSums {
    /// Who entered.
    pub subjects: u64,
    /// Events observed.
    pub observed: u64,
    /// Events expected, were all groups alike.
    pub expected: f64,
}

/// The result of the test.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRank {
    /// The groups, in the order in which they came.
    pub groups: Vec<GroupSums>,
    /// The test statistic.
    pub chi_square: f64,
    /// Degrees of freedom: groups that can be compared, less one.
    pub degrees: u32,
    /// The chance of a statistic as large or larger, were all groups alike.
    pub p: f64,
    /// Strata with anything to compare.
    pub strata: u32,
    /// The widest span of days that had to be taken as one: 1 where every day stands alone, 0 for exact times.
    pub resolution_days: u32,
}

impl LogRank {
    /// The test of groups given as life tables, in one or more strata; every stratum has the same groups in the same order.
    ///
    /// Within a stratum all groups are first brought to the same spans of days, since a group whose cells are wider
    /// would otherwise seem later. None where nothing can be compared.
    ///
    /// # Errors
    /// [`NOT_THE_SAME`] where tables are about different things, or strata differ in their number of groups.
    pub fn of_tables<U: Counted>(strata: &[Vec<LifeTable<U>>]) -> Result<Option<Self>, Fault> {
        let about = strata.iter().flatten().map(LifeTable::about).next();
        if strata.iter().flatten().any(|table| Some(table.about()) != about) {
            return Err(Fault::new(&NOT_THE_SAME));
        }
        let mut resolution_days = 0;
        let mut all = Vec::with_capacity(strata.len());
        for groups in strata {
            let same = to_same_spans(groups);
            resolution_days = same.iter().map(LifeTable::resolution_days).fold(resolution_days, u32::max);
            all.push(same.iter().map(LifeTable::steps).collect());
        }
        test(&all, resolution_days)
    }

    /// The test of groups given as pairs of exact days and how the watch ended, in one or more strata.
    ///
    /// # Errors
    /// [`crate::code::BAD_TIME`] for a duration that is none, [`NOT_THE_SAME`] where strata differ in their number of groups.
    pub fn of_pairs(strata: &[Vec<Vec<(f64, Ending)>>]) -> Result<Option<Self>, Fault> {
        let all: Result<Vec<Vec<Vec<Step>>>, Fault> =
            strata.iter().map(|groups| groups.iter().map(|pairs| steps(pairs.iter().copied())).collect()).collect();
        test(&all?, 0)
    }
}

/// The tables with their spans widened so that any two are either the same or apart.
#[must_use]
pub fn to_same_spans<U: Counted>(tables: &[LifeTable<U>]) -> Vec<LifeTable<U>> {
    let mut spans: Vec<Span> =
        tables.iter().flat_map(|table| table.events.keys().chain(table.censored.keys())).copied().collect();
    spans.sort_unstable();
    let mut blocks: Vec<Span> = Vec::new();
    for span in spans {
        match blocks.last_mut() {
            Some(last) if span.from() <= last.to() => *last = last.with(span),
            _ => blocks.push(span),
        }
    }
    let widened = |cells: &Cells| {
        let mut wide = Cells::new();
        for (span, count) in cells {
            let at = blocks.partition_point(|block| block.to() < span.from());
            *wide.entry(blocks.get(at).copied().unwrap_or(*span)).or_default() += count;
        }
        wide
    };
    tables.iter().map(|table| table.with_cells(widened(&table.events), widened(&table.censored))).collect()
}

/// Observed, expected and covariance of all groups, summed over times and strata, and what follows.
fn test(strata: &[Vec<Vec<Step>>], resolution_days: u32) -> Result<Option<LogRank>, Fault> {
    let count = strata.first().map_or(0, Vec::len);
    if strata.iter().any(|groups| groups.len() != count) {
        return Err(Fault::new(&NOT_THE_SAME));
    }
    let mut sums = vec![GroupSums { subjects: 0, observed: 0, expected: 0.0 }; count];
    let mut covariance = vec![vec![0.0; count]; count];
    let mut compared = 0;
    for groups in strata {
        for (sum, steps) in sums.iter_mut().zip(groups) {
            sum.subjects += steps.first().map_or(0, |step| step.at_risk);
            sum.observed += steps.iter().map(|step| step.events).sum::<u64>();
        }
        compared += u32::from(stratum(groups, &mut sums, &mut covariance));
    }
    let differences: Vec<f64> = sums.iter().map(|sum| sum.observed as f64 - sum.expected).collect();
    let (chi_square, degrees) = quadratic_form(differences, covariance);
    if degrees == 0 {
        return Ok(None);
    }
    let p = chi_square_tail(chi_square, degrees);
    Ok(Some(LogRank { groups: sums, chi_square, degrees, p, strata: compared, resolution_days }))
}

/// Adds one stratum; whether it had a time with an event and more than one group at risk.
fn stratum(groups: &[Vec<Step>], sums: &mut [GroupSums], covariance: &mut [Vec<f64>]) -> bool {
    // Times as ordered keys: durations are finite and not negative, whose bits are in the order of their values.
    let mut times: BTreeMap<u64, u64> = BTreeMap::new();
    for step in groups.iter().flatten().filter(|step| step.events > 0) {
        *times.entry((step.time + 0.0).to_bits()).or_default() += step.events;
    }
    let mut compared = false;
    for (time, events) in times {
        let time = f64::from_bits(time);
        let at_risk = |steps: &Vec<Step>| {
            let at = steps.partition_point(|step| step.time < time);
            steps.get(at).map_or(0.0, |step| step.at_risk as f64)
        };
        let risks: Vec<f64> = groups.iter().map(at_risk).collect();
        let (all, events) = (risks.iter().sum::<f64>(), events as f64);
        compared |= risks.iter().filter(|risk| **risk > 0.0).count() > 1;
        let spread = if all > 1.0 { events * (all - events) / (all - 1.0) } else { 0.0 };
        for (at, (sum, line)) in sums.iter_mut().zip(covariance.iter_mut()).enumerate() {
            let share = risks.get(at).map_or(0.0, |risk| risk / all);
            sum.expected += events * share;
            for (other, (cell, risk)) in line.iter_mut().zip(&risks).enumerate() {
                *cell += spread * share * (f64::from(u8::from(at == other)) - risk / all);
            }
        }
    }
    compared
}

/// `d' V⁻ d` and the rank of `V`, by elimination with the largest variance first. `V` is a covariance of differences that
/// sum to 0, so it is always singular; what has no variance left says nothing and is passed over.
fn quadratic_form(mut d: Vec<f64>, mut v: Vec<Vec<f64>>) -> (f64, u32) {
    let diagonal = |v: &[Vec<f64>], at: usize| v.get(at).and_then(|line| line.get(at)).copied().unwrap_or(0.0);
    let largest = (0..d.len()).map(|at| diagonal(&v, at)).fold(0.0, f64::max);
    let mut left: Vec<usize> = (0..d.len()).collect();
    let (mut form, mut rank) = (0.0, 0);
    while let Some(place) = (0..left.len()).max_by(|a, b| diagonal(&v, left[*a]).total_cmp(&diagonal(&v, left[*b]))) {
        let at = left.swap_remove(place);
        let pivot = diagonal(&v, at);
        if pivot <= largest * NO_INFORMATION || pivot <= 0.0 {
            break;
        }
        let (line, value) = (v[at].clone(), d[at]);
        form += value * value / pivot;
        rank += 1;
        for other in &left {
            let factor = v[*other][at] / pivot;
            d[*other] -= factor * value;
            for (cell, above) in v[*other].iter_mut().zip(&line) {
                *cell -= factor * above;
            }
        }
    }
    (form, rank)
}
