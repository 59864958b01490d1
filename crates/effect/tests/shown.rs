//! What is shown: comparisons never without their caution, outside series without a cause, and every code of a bad series.

use effect::compare::{OBSERVATIONAL, chance};
use effect::series::{MarkKind, Measure, OUTSIDE, SAMPLE, Value};
use effect::{
    About, CODES, Comparison, Ending, Event, Fault, HalfYear, LifeTable, LogRank, Relapse, Series, Since, SmallCells,
    Stratum, Terminals,
};
use model::problem::Place;
use model::{Instant, Lang};

type Table = LifeTable<Terminals>;

/// A table of so many who had the event, and who were censored, on each day.
fn table(since: Since, days: &[(u32, u32, u32)]) -> Table {
    let start = Instant::from_micros(0);
    let on = |day: u32| start.plus_seconds(i64::from(day) * 86_400);
    let each = |(day, events, censored): &(u32, u32, u32)| {
        let day = *day;
        let events = (0..*events).map(move |_| (start, on(day), Ending::Event));
        events.chain((0..*censored).map(move |_| (start, on(day), Ending::Censored))).collect::<Vec<_>>()
    };
    Table::of(About { since, event: Event::SeenAgain }, days.iter().flat_map(each)).unwrap()
}

#[test]
fn a_comparison_always_carries_its_caution() {
    let told = table(Since::Sent, &[(3, 6, 0), (9, 7, 0), (30, 0, 60)]);
    let not_told = table(Since::Sent, &[(2, 20, 0), (5, 15, 0), (30, 0, 9)]);
    let found = Comparison::of(&[Stratum { told, not_told }]).unwrap();
    assert_eq!((found.told().subjects(), found.not_told().events()), (73, 35));
    assert!(found.test().is_some_and(|test| test.p < 0.0001 && test.strata == 1 && test.resolution_days == 1));
    for lang in [Lang::Ja, Lang::En] {
        let said = found.said(lang);
        assert!(said.ends_with(OBSERVATIONAL.of(lang)), "{said}");
        assert!(said.contains("73") && said.contains("44") && said.contains("p < 0.0001"), "{said}");
    }
    assert!(
        found
            .said(Lang::En)
            .starts_with("Of 73 told (distinct terminals) 13 were seen again, of 44 not told 35 were, since sent")
    );
    assert!(found.said(Lang::Ja).starts_with("協力先への送付から数えて、通知した73件"));
    assert_eq!((chance(0.0), chance(0.049_96)), ("p < 0.0001".to_owned(), "p = 0.0500".to_owned()));
}

#[test]
fn only_what_has_the_same_start_is_compared() {
    let group = |since| table(since, &[(3, 6, 6)]);
    let of = |told, not_told| Comparison::of(&[Stratum { told: group(told), not_told: group(not_told) }]);
    assert_eq!(of(Since::Told, Since::Told).unwrap_err().code.code, "effect-no-common-start");
    assert_eq!(of(Since::Sent, Since::FirstSeen).unwrap_err().code.code, "effect-not-the-same");
    assert_eq!(Comparison::of::<Terminals>(&[]).unwrap_err().code.code, "effect-not-the-same");
    let nobody = Table::empty(About { since: Since::Sent, event: Event::SeenAgain });
    let alone = Comparison::of(&[Stratum { told: group(Since::Sent), not_told: nobody }]).unwrap();
    assert!(alone.test().is_none());
    assert!(alone.said(Lang::En).contains("there is no test") && alone.said(Lang::Ja).contains("検定はできません"));
}

/// Two groups that are alike, one of them grouped into wide spans: compared as they came, the wide one would seem later.
#[test]
fn wide_cells_do_not_pass_for_an_effect() {
    let days: Vec<(u32, u32, u32)> = (0..28).map(|day| (day, 2, 0)).collect();
    let (fine, wide) =
        (table(Since::Sent, &days), table(Since::Sent, &days).published(SmallCells::new(14, 7).unwrap()));
    assert_eq!(wide.resolution_days(), 7);
    let alike = LogRank::of_tables(&[vec![fine.clone(), wide.clone()]]).unwrap().unwrap();
    assert!(alike.chi_square < 1e-9 && alike.resolution_days == 7, "{alike:?}");
    let as_they_came: Vec<Vec<(f64, Ending)>> = [&fine, &wide]
        .iter()
        .map(|t| {
            t.rows().iter().flat_map(|row| (0..row.events).map(|_| (f64::from(row.span.to()), Ending::Event))).collect()
        })
        .collect();
    let misled = LogRank::of_pairs(&[as_they_came]).unwrap().unwrap();
    assert!(misled.chi_square > 0.5, "{misled:?}");
}

/// Simpson's trap: in each partner told and not told do the same, and the partner with quick relapses tells less.
#[test]
fn a_partner_with_quicker_subscribers_does_not_pass_for_an_effect() {
    let quick = |n: u32| table(Since::Sent, &[(1, 8 * n, 0), (2, 8 * n, 0), (30, 0, 4 * n)]);
    let slow = |n: u32| table(Since::Sent, &[(10, n, 0), (20, n, 0), (30, 0, 18 * n)]);
    let strata = vec![vec![quick(1), quick(9)], vec![slow(9), slow(1)]];
    let apart = LogRank::of_tables(&strata).unwrap().unwrap();
    assert!(apart.p > 0.5 && apart.strata == 2, "{apart:?}");
    let pooled: Vec<Table> = (0..2).map(|at| LifeTable::sum(strata.iter().map(|s| &s[at])).unwrap().unwrap()).collect();
    assert!(LogRank::of_tables(&[pooled]).unwrap().unwrap().p < 1e-9, "pooled, it would");
}

#[test]
fn the_sample_reads_and_shows_its_relapse() {
    let series = Series::read("damage.toml", SAMPLE).unwrap();
    assert_eq!((series.points().len(), series.marks().len(), series.notes().len()), (4, 2, 1));
    assert_eq!(series.value(), &Value::Yen);
    let last = series.points().last().unwrap();
    assert_eq!((last.half.said(Lang::Ja).as_str(), last.half.said(Lang::En).as_str()), ("2015年上半期", "H1 2015"));
    assert_eq!((last.gross, last.actual), (Some(1_544_000_000), Some(1_375_000_000)));
    assert_eq!((series.marks()[0].kind, series.marks()[0].month), (MarkKind::TakeDown, 6));
    let half = |year, half| HalfYear::new(year, half).unwrap();
    let relapse = Relapse {
        after: half(2014, 1),
        before: 1_850_000_000,
        low: (half(2014, 2), 1_050_000_000),
        again: (half(2015, 1), 1_544_000_000),
    };
    assert_eq!(
        series.relapses(Measure::Gross),
        [relapse],
        "after the arrests there is one half-year only, and nothing to see"
    );
    assert_eq!(relapse.permille_of_before(), Some(835));
    assert_eq!(series.relapses(Measure::Actual)[0].again.1, 1_375_000_000);
    assert_eq!(series.caution(), OUTSIDE);
    assert!(OUTSIDE.ja.contains("因果関係を示すものではありません") && OUTSIDE.en.contains("does not show that"));
}

#[test]
fn a_relapse_is_measured_by_what_was_before() {
    let half =
        |at: u16, gross: u64| format!("[[half]]\nyear = {}\nhalf = {}\ngross = {gross}\n", 2010 + at / 2, at % 2 + 1);
    let relapses = |values: &[u64], on: &str| {
        let halves: String = (0..).zip(values).map(|(at, gross)| half(at, *gross)).collect();
        let mark = format!("[[mark]]\non = \"{on}\"\nkind = \"arrest\"\ntext = {{ ja = \"x\" }}\n");
        let head = "name = { ja = \"名\" }\nsource = { ja = \"源\" }\nunit = \"yen\"\n";
        let series = Series::read("s.toml", &format!("{head}{halves}{mark}")).unwrap();
        let found = series.relapses(Measure::Gross);
        found.into_iter().map(|r| (r.before, r.low.1, r.again.1, r.permille_of_before().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(
        relapses(&[900, 80, 100, 50, 70, 200], "2011-03"),
        [(100, 50, 200, 2_000)],
        "neither older nor later heights count"
    );
    assert_eq!(relapses(&[100, 60, 50, 40], "2010-03"), [], "it only fell");
    assert_eq!(relapses(&[100, 120, 150], "2010-03"), [], "it only rose");
    assert_eq!(relapses(&[100, 50, 70], "2012-03"), [], "the event comes after the series");
}

#[test]
fn every_bad_series_is_named() {
    let head = "name = { ja = \"名\" }\nsource = { ja = \"源\" }\nunit = \"yen\"\n";
    let half = |rest: &str| format!("[[half]]\nyear = 2014\nhalf = 1\n{rest}\n");
    let good = half("gross = 9\nactual = 8");
    let series = |text: &str| Series::read("s.toml", text).map_err(|problems| problems[0].code.code);
    assert!(series(&format!("{head}{good}")).is_ok());
    assert!(series(&format!("{head}{}", half("actual = 8"))).is_ok());
    for (text, code) in [
        (head.to_owned(), "series-empty"),
        (format!("{head}{good}{good}"), "series-order"),
        (format!("{head}{}", good.replace("half = 1", "half = 3")), "series-order"),
        (format!("{head}{}", half("")), "series-no-value"),
        (format!("{head}{}", half("gross = 8\nactual = 9")), "series-actual-over-gross"),
        (
            format!("{head}{good}[[mark]]\non = \"2014-13\"\nkind = \"arrest\"\ntext = {{ ja = \"x\" }}\n"),
            "series-bad-mark",
        ),
        (
            format!("{head}{good}[[mark]]\non = \"2014-02-30\"\nkind = \"arrest\"\ntext = {{ ja = \"x\" }}\n"),
            "series-bad-mark",
        ),
        (
            format!("{head}{good}[[mark]]\non = \"+014-02\"\nkind = \"arrest\"\ntext = {{ ja = \"x\" }}\n"),
            "series-bad-mark",
        ),
        (
            format!("{head}{good}[[mark]]\non = \"2014-02\"\nkind = \"revenge\"\ntext = {{ ja = \"x\" }}\n"),
            "series-unreadable",
        ),
        (format!("{}{good}", head.replace("yen", "dollar")), "series-unreadable"),
        (format!("{}{good}", head.replace("yen", "count")), "series-unreadable"),
        (format!("{}of = {{ ja = \"件\" }}\n{good}", head.replace("yen", "count")), "series-unreadable"),
        (format!("{head}{good}").replace("gross = 9", "gross = -9"), "series-unreadable"),
        (format!("{head}{good}more = 1\n"), "series-unreadable"),
    ] {
        assert_eq!(series(&text), Err(code), "{text}");
    }
    let counted = format!("{}of = {{ ja = \"件\" }}\n{}", head.replace("yen", "count"), half("gross = 9"));
    assert!(matches!(series(&counted).unwrap().value(), Value::Count(of) if of.ja == "件"));
    let problems = Series::read("s.toml", &format!("{head}{good}colour = 1\n")).unwrap_err();
    assert_eq!(problems[0].place, Place::file("s.toml").line(9), "the line is named");
}

#[test]
fn a_fault_becomes_a_problem_with_its_number() {
    let fault = Fault { code: CODES[0], at: Some(17) };
    let problem = fault.problem(Place::file("answer.json"));
    assert_eq!((problem.code, problem.value_for_submitter()), (CODES[0], Some("17")));
    assert!(fault.to_string().contains("[effect-ends-before-start] at 17"));
}
