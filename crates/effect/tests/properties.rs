//! What must hold for every table: sums, curves, bounds, tests; and that no small count leaves its node.

use std::collections::HashMap;

use effect::logrank::to_same_spans;
use effect::{About, Curve, Ending, Event, LifeTable, LogRank, Parts, Since, SmallCells, Subscribers, Terminals};
use model::Instant;
use proptest::collection::vec;
use proptest::prelude::*;

const ABOUT: About = About { since: Since::Sent, event: Event::SeenAgain };
const DAY: i64 = 86_400;

type Table = LifeTable<Subscribers>;

/// A subject: the seconds of its start, the days that it was watched, and how that ended.
type Subject = (i64, u32, bool);

fn subjects(most: usize) -> impl Strategy<Value = Vec<Subject>> {
    vec((0_i64..1 << 31, 0_u32..40, proptest::bool::weighted(0.4)), 0..most)
}

fn ending(event: bool) -> Ending {
    if event { Ending::Event } else { Ending::Censored }
}

fn table(subjects: &[Subject]) -> Table {
    let watched = subjects.iter().map(|(start, days, event)| {
        let start = Instant::from_micros(start * 1_000_000);
        // Some hours into the day, so that days are counted and not rounded.
        (start, start.plus_seconds(i64::from(*days) * DAY + 7 * 3_600), ending(*event))
    });
    Table::of(ABOUT, watched).unwrap()
}

fn exact(subjects: &[Subject]) -> Curve {
    Curve::of_pairs::<Subscribers>(ABOUT, subjects.iter().map(|(_, days, event)| (f64::from(*days), ending(*event))))
        .unwrap()
}

/// Events and censored by day.
fn by_day(events: &[u64], censored: &[u64]) -> Table {
    let cells = |counts: &[u64]| -> Vec<effect::life::Cell> {
        let cell = |(day, count): (u32, &u64)| effect::life::Cell { from: day, to: day, count: *count };
        (0..).zip(counts).filter(|(_, count)| **count > 0).map(cell).collect()
    };
    let parts = Parts { events: cells(events), censored: cells(censored), ..Table::empty(ABOUT).parts() };
    Table::try_from(parts).unwrap()
}

proptest! {
    #[test]
    fn the_curve_of_a_table_is_that_of_its_pairs(subjects in subjects(200)) {
        let (of_table, of_pairs) = (Curve::of_table(&table(&subjects)), exact(&subjects));
        prop_assert_eq!(of_table.points(), of_pairs.points());
        prop_assert_eq!(of_table.median(), of_pairs.median());
    }

    #[test]
    fn adding_tables_is_the_table_of_all(a in subjects(80), b in subjects(80), c in subjects(80)) {
        let all: Vec<Subject> = [a.clone(), b.clone(), c.clone()].concat();
        let (a, b, c) = (table(&a), table(&b), table(&c));
        let left = a.add(&b).unwrap().add(&c).unwrap();
        prop_assert_eq!(&left, &table(&all));
        prop_assert_eq!(&left, &a.add(&b.add(&c).unwrap()).unwrap());
        prop_assert_eq!(&left, &c.add(&b).unwrap().add(&a).unwrap());
        prop_assert_eq!(&a.add(&Table::empty(ABOUT)).unwrap(), &a);
        // Also of tables that were grouped, each in its own way.
        let rule = SmallCells::default();
        let (a, b, c) = (a.published(rule), b.published(rule), c.published(rule));
        prop_assert_eq!(a.add(&b).unwrap().add(&c).unwrap(), c.add(&a).unwrap().add(&b).unwrap());
    }

    #[test]
    fn the_curve_falls_within_its_limits(subjects in subjects(200)) {
        let curve = exact(&subjects);
        let mut before = 1.0;
        for point in curve.points() {
            let at = point.at;
            prop_assert!((0.0..=before).contains(&at.survival));
            before = at.survival;
            if let Some(limits) = at.interval {
                prop_assert!(0.0 <= limits.low && limits.low <= at.survival && at.survival <= limits.high && limits.high <= 1.0);
            }
            prop_assert_eq!(at.interval.is_some(), at.survival > 0.0 && at.survival < 1.0);
            prop_assert!(at.variance.is_none_or(|variance| (0.0..=0.25).contains(&variance)));
        }
        if let Some(median) = curve.median() {
            prop_assert!(median.low.unwrap() <= median.days && median.high.is_none_or(|high| median.days <= high));
        }
        for until in [0.0, 5.5, 30.0] {
            if let Some(mean) = curve.restricted_mean(until) {
                prop_assert!((0.0..=until).contains(&mean.days));
            }
        }
    }

    #[test]
    fn what_leaves_has_no_small_count_and_keeps_its_totals(
        subjects in subjects(150), at_least in 3_u64..12, grid in 1_u32..15,
    ) {
        let rule = SmallCells::new(at_least, grid).unwrap();
        let own = table(&subjects);
        let out = own.published(rule);
        prop_assert!(out.check_published(rule).is_ok());
        let small = |n: u64| (1..at_least).contains(&n);
        for row in out.rows() {
            prop_assert!(!small(row.at_risk) && !small(row.events) && !small(row.censored));
        }
        let (events, censored) = (own.had_event().number(), own.were_censored().number());
        if small(events) || small(censored) {
            prop_assert_eq!(out.entered().number(), 0);
            prop_assert_eq!(out.withheld().number(), if small(events + censored) { 0 } else { events + censored });
        } else {
            prop_assert_eq!((out.had_event(), out.were_censored()), (own.had_event(), own.were_censored()));
            prop_assert_eq!(out.withheld().number(), 0);
        }
        prop_assert_eq!(&out.published(rule), &out, "what may leave stays as it is");
    }

    #[test]
    fn the_ungrouped_curve_lies_within_the_bounds(nodes in vec(subjects(60), 1..5), at_least in 3_u64..9, grid in 1_u32..9) {
        let rule = SmallCells::new(at_least, grid).unwrap();
        let tables: Vec<Table> = nodes.iter().map(|subjects| table(subjects)).collect();
        let shown: Vec<Subject> = nodes
            .iter()
            .zip(&tables)
            .filter(|(_, table)| table.published(rule).entered() == table.entered())
            .flat_map(|(subjects, _)| subjects.clone())
            .collect();
        let out: Vec<Table> = tables.iter().map(|table| table.published(rule)).collect();
        let sum = LifeTable::sum(&out).unwrap().unwrap();
        let (truth, grouped) = (exact(&shown), Curve::of_table(&sum));
        prop_assert_eq!(truth.subjects(), grouped.subjects());
        for day in 0..45 {
            let bounds = sum.bounds(day);
            for curve in [&truth, &grouped] {
                if let Some(at) = curve.at(f64::from(day)) {
                    prop_assert!(
                        bounds.low - 1e-12 <= at.survival && at.survival <= bounds.high + 1e-12,
                        "day {}: {} not within {:?}", day, at.survival, bounds
                    );
                }
            }
        }
        let one = table(&shown);
        for day in [0, 3, 11, 39] {
            let bounds = one.bounds(day);
            prop_assert!((bounds.high - bounds.low).abs() < 1e-12, "nothing is open where every day stands alone");
        }
    }

    #[test]
    fn a_test_is_a_chance_and_knows_no_order(groups in vec(subjects(60), 2..5)) {
        let tables: Vec<Table> = groups.iter().map(|subjects| table(subjects)).collect();
        let pairs: Vec<Vec<(f64, Ending)>> =
            groups.iter().map(|group| group.iter().map(|(_, days, event)| (f64::from(*days), ending(*event))).collect()).collect();
        let (of_tables, of_pairs) = (LogRank::of_tables(std::slice::from_ref(&tables)).unwrap(), LogRank::of_pairs(&[pairs]).unwrap());
        prop_assert_eq!(of_tables.is_some(), of_pairs.is_some());
        let (Some(test), Some(of_pairs)) = (of_tables, of_pairs) else { return Ok(()) };
        prop_assert!((0.0..=1.0).contains(&test.p) && test.chi_square >= 0.0);
        prop_assert!((test.degrees as usize) < groups.len());
        prop_assert!((test.chi_square - of_pairs.chi_square).abs() <= 1e-9 * test.chi_square.max(1.0));
        let expected: f64 = test.groups.iter().map(|group| group.expected).sum();
        let observed: u64 = test.groups.iter().map(|group| group.observed).sum();
        prop_assert!((expected - observed as f64).abs() < 1e-6, "all that was observed was expected somewhere");
        let turned: Vec<Table> = tables.into_iter().rev().collect();
        let turned = LogRank::of_tables(&[turned]).unwrap().unwrap();
        prop_assert!((turned.chi_square - test.chi_square).abs() <= 1e-6 * test.chi_square.max(1.0));
        prop_assert_eq!(turned.degrees, test.degrees);
    }

    #[test]
    fn groups_that_leave_together_have_the_same_spans(told in subjects(120), not_told in subjects(120), grid in 1_u32..9) {
        let rule = SmallCells::new(5, grid).unwrap();
        let own = [table(&told), table(&not_told)];
        let out = Table::published_together(&own, rule).unwrap();
        for (own, out) in own.iter().zip(&out) {
            prop_assert!(out.check_published(rule).is_ok());
            prop_assert_eq!(out.entered().number() + out.withheld().number(),
                if own.published(rule).entered().number() + own.published(rule).withheld().number() == 0 { 0 } else { own.entered().number() });
        }
        let parts: Vec<Parts> = out.iter().map(Table::parts).collect();
        for kind in [|parts: &Parts| parts.events.clone(), |parts: &Parts| parts.censored.clone()] {
            let cells: Vec<_> = parts.iter().flat_map(kind).collect();
            for (one, other) in cells.iter().flat_map(|one| cells.iter().map(move |other| (one, other))) {
                let (same, apart) = ((one.from, one.to) == (other.from, other.to), one.to < other.from || other.to < one.from);
                prop_assert!(same || apart, "{:?} and {:?}", one, other);
            }
        }
        for (one, wide) in out.iter().zip(&to_same_spans(&out)) {
            prop_assert_eq!((one.entered(), one.had_event()), (wide.entered(), wide.had_event()));
        }
    }

    #[test]
    fn a_table_survives_the_wire(subjects in subjects(100)) {
        for table in [table(&subjects), table(&subjects).published(SmallCells::default())] {
            let text = serde_json::to_string(&table).unwrap();
            prop_assert_eq!(serde_json::from_str::<Table>(&text).unwrap(), table);
            prop_assert!(serde_json::from_str::<LifeTable<Terminals>>(&text).is_err(), "subscribers are no terminals");
        }
    }
}

/// Every sequence of `len` numbers below `below`.
fn sequences(len: u32, below: u64) -> impl Iterator<Item = Vec<u64>> {
    (0..below.pow(len)).map(move |number| (0..len).map(|at| number / below.pow(at) % below).collect())
}

/// Who knows the rule, and all that leaves, cannot tell any small count: for every table, and every day of it with a count
/// of 1 to `at_least - 1`, there is another table that looks the same from outside and has another count on that day.
///
/// `outside` says how a table looks, from counts that are all below `below`. Looks with a sum of `below` or more are left
/// out, since not all the tables that look so are among those gone through; of every other look, all are.
fn nothing_small_is_told(len: u32, below: u64, at_least: u64, outside: impl Fn(&[u64]) -> Vec<Table>) {
    let mut looks: HashMap<String, Vec<Vec<u64>>> = HashMap::new();
    for counts in sequences(len, below) {
        let out: Vec<Parts> = outside(&counts).iter().map(Table::parts).collect();
        let cells = out.iter().flat_map(|parts| parts.events.iter().chain(&parts.censored).map(|cell| cell.count));
        if cells.chain(out.iter().map(|parts| parts.withheld)).all(|sum| sum < below) {
            looks.entry(serde_json::to_string(&out).unwrap()).or_default().push(counts);
        }
    }
    let hiding = looks.values().filter(|all| all.len() > 1).count();
    assert!(hiding > 10, "hardly any tables look alike: {hiding}");
    for (look, all) in &looks {
        for at in 0..all[0].len() {
            let first = all[0][at];
            let known = all.iter().all(|counts| counts[at] == first);
            assert!(!known || first == 0 || first >= at_least, "{look} tells that count {at} is {first}: {all:?}");
        }
    }
}

#[test]
fn no_small_count_can_be_computed_back() {
    for (at_least, days, below) in [(3, 5, 8), (4, 4, 12), (5, 4, 14)] {
        let rule = SmallCells::new(at_least, 1).unwrap();
        nothing_small_is_told(days, below, at_least, |counts| vec![by_day(counts, &[]).published(rule)]);
    }
    // Events and censored at once, on a grid of two days too.
    for grid in [1, 2] {
        let rule = SmallCells::new(3, grid).unwrap();
        nothing_small_is_told(6, 6, 3, |counts| vec![by_day(&counts[..3], &counts[3..]).published(rule)]);
    }
}

#[test]
fn no_small_count_can_be_computed_back_from_groups_that_leave_together() {
    let rule = SmallCells::new(3, 1).unwrap();
    nothing_small_is_told(6, 7, 3, |counts| {
        Table::published_together(&[by_day(&counts[..3], &[]), by_day(&counts[3..], &[])], rule).unwrap()
    });
}

#[test]
fn a_rule_that_would_tell_is_refused() {
    for (at_least, grid) in [(0, 1), (1, 1), (2, 1), (5, 0), (5, 367)] {
        assert_eq!(SmallCells::new(at_least, grid).unwrap_err().code.code, "effect-bad-small-cell-rule");
    }
    let small = by_day(&[1, 9], &[9]);
    let fault = small.check_published(SmallCells::default()).unwrap_err();
    assert_eq!((fault.code.code, fault.at), ("effect-small-cell", Some(0)));
}

#[test]
fn what_is_no_table_cannot_be_read() {
    let good = r#"{"since":"sent","event":"seen-again","unit":"subscribers","withheld":0,"events":[{"from":3,"to":5,"count":7}],"censored":[]}"#;
    assert!(serde_json::from_str::<Table>(good).is_ok());
    for (from, to, code) in [
        (r#""from":3,"to":5"#, r#""from":9,"to":5"#, "effect-bad-cell"),
        (r#""count":7}"#, r#""count":0}"#, "effect-bad-cell"),
        (r#""count":7}"#, r#""count":7},{"from":3,"to":5,"count":1}"#, "effect-bad-cell"),
        (r#""to":5"#, r#""to":36501"#, "effect-day-too-far"),
        (r#""count":7"#, r#""count":9007199254740993"#, "effect-too-many"),
        (r#""withheld":0"#, r#""withheld":18446744073709551615"#, "effect-too-many"),
        ("subscribers", "records", "effect-not-the-same"),
        (r#""censored""#, r#""name":"x","censored""#, "unknown field"),
    ] {
        let text = good.replace(from, to);
        assert_ne!(text, good);
        let error = serde_json::from_str::<Table>(&text).unwrap_err().to_string();
        assert!(error.contains(code), "{text}: {error}");
    }
    let much: Table = serde_json::from_str(&good.replace(r#""count":7"#, r#""count":9007199254740992"#)).unwrap();
    assert_eq!(much.add(&much).unwrap_err().code.code, "effect-too-many");
    let other = Table::empty(About { since: Since::Told, ..ABOUT });
    assert_eq!(much.add(&other).unwrap_err().code.code, "effect-not-the-same");
    let start = Instant::from_micros(0);
    let before = Table::of(ABOUT, [(start, start.plus_seconds(-1), Ending::Event)]).unwrap_err();
    assert_eq!((before.code.code, before.at), ("effect-ends-before-start", Some(1)));
    let far = Table::of(ABOUT, [(Instant::from_micros(i64::MIN), Instant::from_micros(i64::MAX), Ending::Event)]);
    assert_eq!(far.unwrap_err().code.code, "effect-day-too-far");
}
