//! The curve of Kaplan and Meier: how large a share is still without the event after so many days.
//!
//! Estimate: Kaplan and Meier, Journal of the American Statistical Association 53 (1958), page 457. Variance: Greenwood's
//! formula. Confidence interval: 95 %, by the log(-log) transform, so that it stays within 0 and 1. Where the transform
//! is not defined there is no interval rather than a false one: before the first event (the estimate is 1) and after the
//! last one at risk had the event (it is 0).

use std::collections::BTreeMap;

use crate::chance::Z95;
use crate::code::{BAD_TIME, Fault};
use crate::count::{Counted, Unit};
use crate::life::{About, Ending, LifeTable};
use crate::rate::Interval;

/// Products of many factors meet a half only so closely.
const HALF: f64 = 0.5 + 1e-12;

/// What happened at one time, in the order of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    /// Days since the start.
    pub time: f64,
    /// At risk just before.
    pub at_risk: u64,
    /// Had the event.
    pub events: u64,
    /// Were watched no longer; they were at risk at this time.
    pub censored: u64,
}

/// A time at which somebody had the event or was censored, and the estimate from there on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Days since the start.
    pub days: f64,
    /// At risk just before.
    pub at_risk: u64,
    /// Had the event.
    pub events: u64,
    /// Were watched no longer.
    pub censored: u64,
    /// The estimate.
    pub at: Estimate,
}

/// The share still without the event, with its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// From 0 to 1.
    pub survival: f64,
    /// Greenwood's variance of it; none once it is 0.
    pub variance: Option<f64>,
    /// The 95 % interval; none while it is 1 and once it is 0.
    pub interval: Option<Interval>,
}

/// The days by which half had the event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Median {
    /// The first time at which the estimate is a half or less.
    pub days: f64,
    /// The lower end of its 95 % interval (Brookmeyer and Crowley, Biometrics 38 (1982), page 29).
    pub low: Option<f64>,
    /// The upper end; none where the upper curve never falls to a half.
    pub high: Option<f64>,
}

/// The mean days without the event, of the first so many days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RestrictedMean {
    /// The area under the curve.
    pub days: f64,
    /// Its variance, in days squared; none where the curve ends in 0 before the end.
    pub variance: Option<f64>,
    /// Up to which day.
    pub until: f64,
}

/// The estimate over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    about: About,
    unit: Unit,
    withheld: u64,
    resolution_days: u32,
    points: Vec<Point>,
}

impl Curve {
    /// The curve of a life table. What happened within a span is dated to its last day, when it was known to have
    /// happened; [`LifeTable::bounds`] says how far that may be off.
    #[must_use]
    pub fn of_table<U: Counted>(table: &LifeTable<U>) -> Self {
        Self {
            about: table.about(),
            unit: U::UNIT,
            withheld: table.withheld().number(),
            resolution_days: table.resolution_days(),
            points: points(&table.steps()),
        }
    }

    /// The curve of subjects, each with its exact days since the start and how its watch ended.
    ///
    /// # Errors
    /// [`BAD_TIME`] where a duration is not a number of 0 or more; the number is that of the subject, from 1.
    pub fn of_pairs<U: Counted>(about: About, pairs: impl IntoIterator<Item = (f64, Ending)>) -> Result<Self, Fault> {
        Ok(Self { about, unit: U::UNIT, withheld: 0, resolution_days: 0, points: points(&steps(pairs)?) })
    }

    /// What the curve is about.
    #[must_use]
    pub const fn about(&self) -> About {
        self.about
    }

    /// What is counted.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// How many stand in no cell of the table, because it was too small.
    #[must_use]
    pub const fn withheld(&self) -> u64 {
        self.withheld
    }

    /// How many days the widest span of the table has; 0 for exact times.
    #[must_use]
    pub const fn resolution_days(&self) -> u32 {
        self.resolution_days
    }

    /// Every time at which something happened.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// How many entered the watch.
    #[must_use]
    pub fn subjects(&self) -> u64 {
        self.points.first().map_or(0, |point| point.at_risk)
    }

    /// How many had the event.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.points.iter().map(|point| point.events).sum()
    }

    /// How many are still watched when that day begins.
    #[must_use]
    pub fn at_risk(&self, days: f64) -> u64 {
        self.points.iter().find(|point| point.days >= days).map_or(0, |point| point.at_risk)
    }

    /// The estimate after that many days; none before the start, of nobody, and after the last one was watched, unless it
    /// is 0 by then.
    #[must_use]
    pub fn at(&self, days: f64) -> Option<Estimate> {
        let last = self.points.last()?;
        if days.is_nan() || days < 0.0 || (days > last.days && last.at.survival > 0.0) {
            return None;
        }
        let before = self.points.partition_point(|point| point.days <= days);
        let start = Estimate { survival: 1.0, variance: Some(0.0), interval: None };
        Some(before.checked_sub(1).and_then(|at| self.points.get(at)).map_or(start, |point| point.at))
    }

    /// The median; none where the curve never falls to a half.
    #[must_use]
    pub fn median(&self) -> Option<Median> {
        let first = |low_enough: &dyn Fn(&Estimate) -> bool| {
            self.points.iter().find(|point| low_enough(&point.at)).map(|point| point.days)
        };
        let days = first(&|at| at.survival <= HALF)?;
        // INVARIANT: an estimate of 0 has no interval and lies below every half. The ends of the interval are where the
        // limits cross a half: the same days as those at which the transformed difference is not significant.
        let low = first(&|at| at.survival <= 0.0 || at.interval.is_some_and(|limits| limits.low <= HALF));
        let high = first(&|at| at.interval.is_some_and(|limits| limits.high <= HALF));
        Some(Median { days, low, high })
    }

    /// The mean days without the event within the first `until` days; none where the curve is not known that far.
    ///
    /// Variance: the sum over the events of the squared area to their right times Greenwood's term (Klein and
    /// Moeschberger, Survival Analysis, formula 4.5.2, without its correction).
    #[must_use]
    pub fn restricted_mean(&self, until: f64) -> Option<RestrictedMean> {
        self.at(until)?;
        let inside: Vec<&Point> = self.points.iter().filter(|point| point.days < until && point.events > 0).collect();
        // From the right: the area beyond each event.
        let (mut area, mut variance, mut right) = (0.0, Some(0.0), until);
        for point in inside.iter().rev() {
            area += point.at.survival * (right - point.days);
            right = point.days;
            variance = variance.zip(greenwood(point.at_risk, point.events)).map(|(sum, term)| sum + area * area * term);
        }
        Some(RestrictedMean { days: area + right, variance, until })
    }
}

impl<U: Counted> LifeTable<U> {
    /// What happened, dated to the last day of each span.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let row = |row: crate::life::Row| Step {
            time: f64::from(row.span.to()),
            at_risk: row.at_risk,
            events: row.events,
            censored: row.censored,
        };
        self.rows().into_iter().map(row).collect()
    }

    /// Between which shares the estimate of the ungrouped table lies after that day, whichever day within its span each
    /// thing happened on.
    ///
    /// To move a censored subject later never lowers the curve. To move an event beyond the day never lowers it either;
    /// to move it later and still before the day never raises it, since those censored between then are no longer at
    /// risk. So the extremes are known, for each day its own.
    #[must_use]
    pub fn bounds(&self, day: u32) -> Interval {
        let at = |event: &dyn Fn(u32, u32) -> u32, censored: &dyn Fn(u32, u32) -> u32| {
            let events = self.events.iter().map(|(span, count)| (event(span.from(), span.to()), *count, true));
            let rest = self.censored.iter().map(|(span, count)| (censored(span.from(), span.to()), *count, false));
            let mut days: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
            for (on, count, is_event) in events.chain(rest) {
                let sums = days.entry(on).or_default();
                *(if is_event { &mut sums.0 } else { &mut sums.1 }) += count;
            }
            let mut left = self.entered().number();
            let mut survival = 1.0;
            for (_, (events, censored)) in days.range(..=day) {
                if *events > 0 {
                    survival *= (left - events) as f64 / left as f64;
                }
                left -= events + censored;
            }
            survival
        };
        Interval {
            low: at(&|from, to| if from <= day { to.min(day) } else { to }, &|from, _| from),
            high: at(&|from, to| if to <= day { from } else { to }, &|_, to| to),
        }
    }
}

/// What happened at each time, in the order of time.
pub(crate) fn steps(pairs: impl IntoIterator<Item = (f64, Ending)>) -> Result<Vec<Step>, Fault> {
    let mut pairs: Vec<(f64, Ending)> = pairs.into_iter().collect();
    if let Some(at) = pairs.iter().position(|(time, _)| !(time.is_finite() && *time >= 0.0)) {
        return Err(Fault::at(&BAD_TIME, at as u64 + 1));
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut left = pairs.len() as u64;
    let mut steps: Vec<Step> = Vec::new();
    for (time, ending) in pairs {
        if steps.last().is_none_or(|step| step.time < time) {
            steps.push(Step { time, at_risk: left, events: 0, censored: 0 });
        }
        if let Some(step) = steps.last_mut() {
            match ending {
                Ending::Event => step.events += 1,
                Ending::Censored => step.censored += 1,
            }
        }
        left -= 1;
    }
    Ok(steps)
}

/// Greenwood's term; none where all at risk had the event.
fn greenwood(at_risk: u64, events: u64) -> Option<f64> {
    let rest = at_risk.checked_sub(events).filter(|rest| *rest > 0)?;
    Some(events as f64 / (at_risk as f64 * rest as f64))
}

fn points(steps: &[Step]) -> Vec<Point> {
    let (mut survival, mut sum) = (1.0, Some(0.0));
    let mut point = |step: &Step| {
        if step.events > 0 {
            survival *= (step.at_risk - step.events) as f64 / step.at_risk as f64;
            sum = sum.zip(greenwood(step.at_risk, step.events)).map(|(sum, term)| sum + term);
        }
        let at = estimate(survival, sum);
        Point { days: step.time, at_risk: step.at_risk, events: step.events, censored: step.censored, at }
    };
    steps.iter().map(&mut point).collect()
}

fn estimate(survival: f64, greenwood_sum: Option<f64>) -> Estimate {
    let variance = greenwood_sum.map(|sum| survival * survival * sum);
    let interval = greenwood_sum.filter(|sum| *sum > 0.0 && survival > 0.0 && survival < 1.0).map(|sum| {
        let log = libm::log(survival);
        let wide = Z95 * libm::sqrt(sum) / -log;
        Interval { low: libm::exp(log * libm::exp(wide)), high: libm::exp(log * libm::exp(-wide)) }
    });
    Estimate { survival, variance, interval }
}
