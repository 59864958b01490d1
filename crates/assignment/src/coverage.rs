//! How far the records reach: the times about which a table can speak at all.

use model::Instant;

/// Times that do not touch, in order; from each first (included) to its last (excluded), in microseconds.
///
/// An open lease counts as running only as far as this; an observation outside is answered «the records do not reach that
/// far», because a hand-over that nobody wrote down yet would otherwise name the person before.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Coverage(Vec<(i64, i64)>);

impl Coverage {
    /// The union of these times.
    #[must_use]
    pub fn of(times: impl IntoIterator<Item = (Instant, Instant)>) -> Self {
        let mut times: Vec<(i64, i64)> = times
            .into_iter()
            .map(|(from, to)| (from.as_micros(), to.as_micros()))
            .filter(|(from, to)| from < to)
            .collect();
        times.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::with_capacity(times.len());
        for (from, to) in times {
            match merged.last_mut() {
                Some(before) if from <= before.1 => before.1 = before.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    /// The times, in order.
    pub fn times(&self) -> impl ExactSizeIterator<Item = (Instant, Instant)> + '_ {
        self.0.iter().map(|&(from, to)| (Instant::from_micros(from), Instant::from_micros(to)))
    }

    /// Where it ends for good.
    #[must_use]
    pub fn end(&self) -> Option<Instant> {
        self.0.last().map(|&(_, to)| Instant::from_micros(to))
    }

    /// Whether all of the window, both ends included, lies within one stretch.
    pub(crate) fn holds(&self, from: i64, to: i64) -> bool {
        self.0.iter().any(|&(first, after)| first <= from && to < after)
    }

    /// Where the stretch ends in which `at` lies; `at` itself where it lies in none.
    pub(crate) fn reaches_from(&self, at: i64) -> i64 {
        self.0.iter().find(|&&(first, after)| first <= at && at < after).map_or(at, |&(_, after)| after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coverage(times: &[(i64, i64)]) -> Coverage {
        Coverage::of(times.iter().map(|&(from, to)| (Instant::from_micros(from), Instant::from_micros(to))))
    }

    #[test]
    fn days_that_follow_each_other_are_one_stretch_and_a_missing_day_is_a_gap() {
        let c = coverage(&[(10, 20), (0, 10), (30, 40), (35, 38), (5, 5)]);
        assert_eq!(c, coverage(&[(0, 20), (30, 40)]));
        assert!(c.holds(0, 19) && !c.holds(0, 20) && !c.holds(-1, 5) && !c.holds(15, 35) && c.holds(39, 39));
        assert_eq!((c.reaches_from(5), c.reaches_from(20), c.reaches_from(30)), (20, 20, 40));
        assert_eq!(c.end(), Some(Instant::from_micros(40)));
    }
}
