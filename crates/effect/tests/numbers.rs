//! The numbers are those of others: worked examples of the literature, and what lifelines and statsmodels make of the same data.
//!
//! `tests/peers/survival.json` is made by `tests/clients/survival_reference.py`, which says with which versions.

use effect::survival::Estimate;
use effect::{About, Count, Curve, Ending, Event, Interval, LogRank, Rate, Records, Since, Terminals};
use model::Text;
use serde_json::Value;

const ABOUT: About = About { since: Since::Told, event: Event::SeenAgain };

/// Freireich and others, Blood 21 (1963), page 699: weeks of remission under 6-mercaptopurine; + is censored.
const SIX_MP: &str = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+";
/// And under placebo.
const PLACEBO: &str = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23";

fn pairs(text: &str) -> Vec<(f64, Ending)> {
    let pair = |word: &str| {
        let ending = if word.ends_with('+') { Ending::Censored } else { Ending::Event };
        (word.trim_end_matches('+').parse().unwrap(), ending)
    };
    text.split_whitespace().map(pair).collect()
}

fn curve(pairs: impl IntoIterator<Item = (f64, Ending)>) -> Curve {
    Curve::of_pairs::<Terminals>(ABOUT, pairs).unwrap()
}

fn near(ours: f64, theirs: f64, within: f64) -> bool {
    (ours - theirs).abs() <= within * theirs.abs().max(1e-3)
}

#[test]
fn the_leukaemia_trial_as_the_textbooks_have_it() {
    let treated = curve(pairs(SIX_MP));
    // Klein and Moeschberger, Survival Analysis, table 4.1: time, at risk, estimate, standard error.
    for (week, at_risk, survival, error) in [
        (6.0, 21, 0.857, 0.0764),
        (7.0, 17, 0.807, 0.0869),
        (10.0, 15, 0.753, 0.0963),
        (13.0, 12, 0.690, 0.1068),
        (16.0, 11, 0.627, 0.1141),
        (22.0, 7, 0.538, 0.1282),
        (23.0, 6, 0.448, 0.1346),
    ] {
        let at = treated.at(week).unwrap();
        assert_eq!(treated.at_risk(week), at_risk);
        assert!((at.survival - survival).abs() < 5.1e-4, "week {week}: {}", at.survival);
        assert!((at.variance.unwrap().sqrt() - error).abs() < 5.1e-5, "week {week}: {}", at.variance.unwrap().sqrt());
    }
    let placebo = curve(pairs(PLACEBO));
    assert_eq!((treated.median().unwrap().days, placebo.median().unwrap().days), (23.0, 8.0));
    assert_eq!((treated.subjects(), treated.events(), placebo.events()), (21, 9, 21));

    let test = LogRank::of_pairs(&[vec![pairs(SIX_MP), pairs(PLACEBO)]]).unwrap().unwrap();
    // Kleinbaum, Survival Analysis, chapter 2: 16.79; observed 9 and 21, expected 19.26 and 10.74.
    assert!((test.chi_square - 16.793).abs() < 5e-4, "{}", test.chi_square);
    assert_eq!((test.degrees, test.groups[0].observed, test.groups[1].observed), (1, 9, 21));
    assert!((test.groups[0].expected - 19.26).abs() < 0.011 && (test.groups[1].expected - 10.74).abs() < 0.011);
    assert!((4.1e-5..4.2e-5).contains(&test.p));
}

#[test]
fn the_ends_have_no_false_interval() {
    let nobody = curve([]);
    assert!(nobody.at(0.0).is_none() && nobody.median().is_none() && nobody.points().is_empty());
    assert!(nobody.restricted_mean(3.0).is_none());

    let no_event = curve(pairs("3+ 5+ 9+"));
    let certain = Estimate { survival: 1.0, variance: Some(0.0), interval: None };
    assert_eq!(no_event.at(4.0), Some(certain));
    assert_eq!(no_event.at(9.0), Some(certain));
    assert_eq!(no_event.at(9.1), None, "nobody was watched any longer");
    assert_eq!(no_event.at(-0.1), None);
    assert!(no_event.median().is_none());
    assert_eq!(no_event.restricted_mean(9.0).unwrap().days, 9.0);

    let all = curve(pairs("2 4"));
    assert_eq!(all.at(1.0), Some(certain), "before the first event");
    let end = all.at(400.0).unwrap();
    assert_eq!((end.survival, end.variance, end.interval), (0.0, None, None), "all had it, and so it stays");
    let median = all.median().unwrap();
    assert_eq!((median.days, median.high), (2.0, None));
    let mean = all.restricted_mean(10.0).unwrap();
    assert_eq!((mean.days, mean.variance), (3.0, None));

    let one = LogRank::of_pairs(&[vec![pairs("1 2 3"), vec![]]]).unwrap();
    assert!(one.is_none(), "a group of nobody cannot be compared");
    assert!(LogRank::of_pairs(&[vec![pairs("1+ 2+"), pairs("3+")]]).unwrap().is_none(), "nothing happened");
    assert!(LogRank::of_pairs(&[]).unwrap().is_none());
    let three = LogRank::of_pairs(&[vec![pairs("1 2 3 9"), vec![], pairs("4 5 6 9")]]).unwrap().unwrap();
    assert_eq!(three.degrees, 1, "an empty group takes no degree of freedom");
    assert_eq!(LogRank::of_pairs(&[vec![pairs("1")], vec![]]).unwrap_err().code.code, "effect-not-the-same");
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let fault = Curve::of_pairs::<Terminals>(ABOUT, [(1.0, Ending::Event), (bad, Ending::Event)]).unwrap_err();
        assert_eq!((fault.code.code, fault.at), ("effect-bad-time", Some(2)));
    }
}

fn peers() -> Value {
    serde_json::from_str(include_str!("peers/survival.json")).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn their_pairs(value: &Value) -> Vec<(f64, Ending)> {
    let pair = |pair: &Value| (number(&pair[0]), if pair[1] == 1 { Ending::Event } else { Ending::Censored });
    list(value).iter().map(pair).collect()
}

/// Ours is theirs, or both are not there.
fn same(ours: Option<f64>, theirs: &Value, what: &str) {
    match (ours, theirs.as_f64()) {
        (None, None) => {}
        (Some(ours), Some(theirs)) => assert!(near(ours, theirs, 1e-9), "{what}: {ours} and not {theirs}"),
        (ours, theirs) => panic!("{what}: {ours:?} and not {theirs:?}"),
    }
}

#[test]
fn curves_are_those_of_lifelines() {
    let peers = peers();
    let mut compared = 0;
    for case in list(&peers["cases"]) {
        for group in list(&case["groups"]) {
            let ours = curve(their_pairs(&group["pairs"]));
            let theirs = list(&group["curve"]);
            assert_eq!(ours.points().len(), theirs.len());
            for (point, their) in ours.points().iter().zip(theirs) {
                let what = |field: &str| format!("{}, day {}, {field}", case["name"], point.days);
                assert_eq!(point.days, number(&their["days"]));
                assert_eq!(
                    [point.at_risk, point.events, point.censored].map(Some),
                    ["at_risk", "events", "censored"].map(|field| their[field].as_u64())
                );
                same(Some(point.at.survival), &their["survival"], &what("survival"));
                same(point.at.variance, &their["variance"], &what("variance"));
                same(point.at.interval.map(|limits| limits.low), &their["low"], &what("low"));
                same(point.at.interval.map(|limits| limits.high), &their["high"], &what("high"));
                compared += 1;
            }
            let median = ours.median();
            same(median.map(|median| median.days), &group["median"], "median");
            same(median.and_then(|median| median.low), &group["median_low"], "median, low");
            same(median.and_then(|median| median.high), &group["median_high"], "median, high");
            let mean = ours.restricted_mean(number(&group["until"])).unwrap();
            same(Some(mean.days), &group["restricted_mean"], "restricted mean");
            same(mean.variance, &group["restricted_variance"], "its variance");
        }
    }
    assert!(compared > 400, "{compared} points are few");
}

#[test]
fn tests_are_those_of_lifelines_and_statsmodels() {
    let peers = peers();
    let mut stratified = 0;
    for case in list(&peers["cases"]) {
        let strata: Vec<Vec<Vec<(f64, Ending)>>> =
            list(&case["strata"]).iter().map(|groups| list(groups).iter().map(their_pairs).collect()).collect();
        let count = strata[0].len();
        let together: Vec<Vec<(f64, Ending)>> =
            (0..count).map(|at| strata.iter().flat_map(|groups| groups[at].clone()).collect()).collect();
        let hold = |ours: LogRank, theirs: &Value| {
            let name = &case["name"];
            same(Some(ours.chi_square), &theirs["chi_square"], &format!("{name}, chi-square"));
            same(Some(ours.p), &theirs["p"], &format!("{name}, p"));
            assert_eq!(Some(u64::from(ours.degrees)), theirs["degrees"].as_u64());
        };
        hold(LogRank::of_pairs(&[together]).unwrap().unwrap(), &case["log_rank"]);
        if strata.len() > 1 {
            hold(LogRank::of_pairs(&strata).unwrap().unwrap(), &case["stratified"]);
            stratified += 1;
        }
    }
    assert_eq!(stratified, 2);
}

#[test]
fn intervals_of_rates_are_those_of_statsmodels() {
    let name = Text { ja: "部分", en: "part" };
    for row in list(&peers()["wilson"]) {
        let (part, whole) = (row[0].as_u64().unwrap(), row[1].as_u64().unwrap());
        let rate = Rate::new::<Records>((name, Count::new(part)), (name, Count::new(whole))).unwrap();
        let Interval { low, high } = rate.wilson().unwrap();
        assert!((low - number(&row[2])).abs() < 1e-12 && (high - number(&row[3])).abs() < 1e-12, "{part}/{whole}");
    }
}
