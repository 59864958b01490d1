//! Every chart, in both languages and both sizes: as it was, sound XML, equal to its table, and unharmed by hostile text.
//!
//! `NOROSHI_UPDATE_CHARTS=1 cargo test -p chart` writes the expected pictures and tables anew; look at them afterwards.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chart::decisions::Ground;
use chart::half_years::{Half, Mark, Relapse, Value};
use chart::ladder::Rung;
use chart::stacked::{Bar, First, Length, State};
use chart::step::{Group, Median, Point};
use chart::{Decisions, Drawn, HalfYears, Head, Ladder, Look, Size, Stacked, Step};
use effect::series::Measure;
use effect::{About, Curve, Ending, Event, LogRank, Series, Since, Subscribers};
use model::text::{Lang, Name};
use proptest::prelude::*;
use roxmltree::{Document, Node};

fn both(ja: &str, en: &str) -> Name {
    Name { ja: ja.to_owned(), en: Some(en.to_owned()) }
}

fn head(id: &str, ja: &str, en: &str, notes: Vec<Name>) -> Head {
    Head { id: id.to_owned(), title: both(ja, en), notes }
}

fn text(text: model::Text) -> Name {
    both(text.ja, text.en)
}

/// The published first rungs of an operation; those above are invented.
fn ladder() -> Ladder {
    let (rows, terminals) = (both("記録（行）", "records (rows)"), both("端末（重複を除く）", "distinct terminals"));
    let rung = |ja: &str, en: &str, unit: &Name, count: Option<u64>, of: Option<usize>| Rung {
        name: both(ja, en),
        unit: unit.clone(),
        count,
        of,
    };
    Ladder {
        head: head(
            "ladder",
            "Game Over Zeus 作戦の段階（利用者特定より下は見本の値）",
            "The ladder of the operation against Game Over Zeus (identified and below: sample values)",
            vec![both(
                "対応率は「送付÷受領」で、対応できる協力先があった割合です。回答率ではありません。",
                "Sent of received is how much found somebody who can act. It is no response rate.",
            )],
        ),
        rungs: vec![
            rung("受領", "received", &rows, Some(155_521), None),
            rung("推定感染", "estimated infected", &terminals, None, None),
            rung("受領した端末", "terminals received", &terminals, Some(98_307), Some(1)),
            rung("送付", "sent", &rows, Some(104_239), Some(0)),
            rung("受領確認", "acknowledged", &rows, Some(104_239), Some(3)),
            rung("利用者特定", "identified", &rows, Some(71_882), Some(4)),
            rung("通知", "told", &rows, Some(58_417), Some(5)),
            rung("解消", "cleaned", &rows, Some(4_120), Some(6)),
        ],
    }
}

fn stacked() -> Stacked {
    let state = |ja: &str, en: &str, look| State { name: both(ja, en), look };
    let bar = |ja: &str, en: &str, counts: [u64; 4]| Bar { name: both(ja, en), counts: counts.to_vec() };
    Stacked {
        head: head("partners", "協力先別の結果（見本）", "Outcomes by partner (sample)", Vec::new()),
        of: both("協力先", "partner"),
        states: vec![
            state("通知済み", "told", Look::Done),
            state("特定済み（通知前）", "identified, not yet told", Look::Open),
            state("特定不能", "ambiguous or not found", Look::Plain),
            state("未回答", "no answer", Look::Bad),
        ],
        bars: vec![
            bar("みなと通信", "Minato Communications", [18_204, 2_310, 4_011, 0]),
            bar("北斗ネット", "Hokuto Net", [9_120, 801, 1_200, 12_400]),
            bar(
                "さくら光インターネットサービス東日本株式会社",
                "Sakura Hikari Internet Services East Japan",
                [31, 2, 7, 1],
            ),
            bar("山手ケーブル", "Yamate Cable", [0, 0, 0, 5_377]),
            bar("静か", "Quiet", [0, 0, 0, 0]),
        ],
        length: Length::Share,
        first: First::MostIn(3),
    }
}

fn decisions() -> Decisions {
    let ground =
        |ja: &str, en: &str, allowed, waiting, refused| Ground { name: both(ja, en), allowed, waiting, refused };
    Decisions {
        head: head("decisions", "関門の決定（根拠別、見本）", "Decisions of the gate by ground (sample)", Vec::new()),
        grounds: vec![
            ground("緊急避難", "necessity", 1_204, 0, 3),
            ground("契約約款等による同意", "consent by contract terms", 88_120, 12, 0),
            ground("根拠が見つからない", "no ground known", 0, 0, 5_410),
            ground("正当業務行為", "legitimate business act", 20_311, 801, 77),
        ],
    }
}

/// Freireich and others, Blood 21 (1963), page 699; + is censored. Names as if they were told and not told.
fn step() -> Step {
    const GROUPS: [(&str, &str, &str); 2] = [
        ("通知した", "told", "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"),
        ("通知していない", "not told", "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"),
    ];
    let pairs = GROUPS.map(|(_, _, data)| {
        let pair = |word: &str| {
            let ending = if word.ends_with('+') { Ending::Censored } else { Ending::Event };
            (word.trim_end_matches('+').parse::<f64>().unwrap(), ending)
        };
        data.split(' ').map(pair).collect::<Vec<_>>()
    });
    let about = About { since: Since::Sent, event: Event::SeenAgain };
    let group = |at: usize| {
        let curve = Curve::of_pairs::<Subscribers>(about, pairs[at].iter().copied()).unwrap();
        let point = |point: &effect::survival::Point| Point {
            days: point.days,
            at_risk: point.at_risk,
            events: point.events,
            share: point.at.survival,
            limits: point.at.interval.map(|limits| (limits.low, limits.high)),
        };
        let median = curve.median().map(|m| Median { days: m.days, low: m.low, high: m.high });
        Group { name: both(GROUPS[at].0, GROUPS[at].1), points: curve.points().iter().map(point).collect(), median }
    };
    let test = LogRank::of_pairs(&[pairs.to_vec()]).unwrap().unwrap();
    let (chi, p) = (test.chi_square, effect::compare::chance(test.p));
    Step {
        head: head(
            "curve",
            "再観測までの日数（見本: 1963年の白血病試験の値）",
            "Days until seen again (sample: the values of a leukaemia trial of 1963)",
            vec![text(effect::compare::OBSERVATIONAL)],
        ),
        share: text(Event::SeenAgain.survivors()),
        days: both("送付からの日数", "days since sent"),
        unit: text(effect::Unit::Subscribers.text()),
        groups: vec![group(0), group(1)],
        test: Some(both(
            &format!("ログランク検定: カイ二乗 {chi:.2}、自由度 1、{p}"),
            &format!("log-rank test: chi-square {chi:.2}, 1 degree of freedom, {p}"),
        )),
    }
}

fn half_years() -> HalfYears {
    let series = Series::read("damage.toml", effect::series::SAMPLE).unwrap();
    let at = |half: effect::HalfYear| series.points().iter().position(|point| point.half == half).unwrap();
    let mut relapses: Vec<Relapse> = Vec::new();
    for relapse in series.relapses(Measure::Gross) {
        let one = Relapse { before: relapse.before, low: at(relapse.low.0), again: at(relapse.again.0) };
        if !relapses.contains(&one) {
            relapses.push(one);
        }
    }
    let mark = |mark: &effect::series::Mark| {
        let kind = mark.kind.text();
        let text = both(&format!("{}: {}", kind.ja, mark.text.ja), &format!("{}: {}", kind.en, mark.text.of(Lang::En)));
        Mark { year: mark.half.year(), month: mark.month, on: mark.on.clone(), text }
    };
    let half = |point: &effect::series::Point| Half {
        year: point.half.year(),
        half: point.half.half(),
        gross: point.gross,
        actual: point.actual,
    };
    let source = both(&format!("出典: {}", series.source().ja), &format!("Source: {}", series.source().of(Lang::En)));
    let notes = [source].into_iter().chain(series.notes().to_vec()).chain([text(series.caution())]).collect();
    HalfYears {
        head: Head { id: "damage".to_owned(), title: series.name().clone(), notes },
        value: Value::Yen,
        halves: series.points().iter().map(half).collect(),
        marks: series.marks().iter().map(mark).collect(),
        relapses,
    }
}

/// Every chart by name, drawn every way.
fn all() -> Vec<(String, Drawn)> {
    let mut drawn = Vec::new();
    for (lang, lang_name) in [(Lang::Ja, "ja"), (Lang::En, "en")] {
        for (size, size_name) in [(Size::Wide, "wide"), (Size::Narrow, "narrow")] {
            for (name, one) in [
                ("ladder", ladder().draw(lang, size)),
                ("stacked", stacked().draw(lang, size)),
                ("decisions", decisions().draw(lang, size)),
                ("step", step().draw(lang, size)),
                ("half-years", half_years().draw(lang, size)),
            ] {
                drawn.push((format!("{name}.{lang_name}.{size_name}"), one));
            }
        }
    }
    drawn
}

fn expected(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected").join(name)
}

fn compare(name: &str, made: &str) {
    let path = expected(name);
    if std::env::var_os("NOROSHI_UPDATE_CHARTS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, made).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let line = kept.lines().zip(made.lines()).take_while(|(old, new)| old == new).count() + 1;
    assert!(kept == made, "`{name}` differs from line {line} on; NOROSHI_UPDATE_CHARTS=1 writes it anew");
}

#[test]
fn charts_are_as_they_were() {
    for (name, drawn) in all() {
        compare(&format!("{name}.svg"), &drawn.file());
        if name.ends_with("wide") {
            for (at, table) in drawn.tables.iter().enumerate() {
                compare(&format!("{}.{at}.csv", name.trim_end_matches(".wide")), &table.csv(drawn.lang));
            }
        }
    }
}

fn attribute<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    node.attribute(name).unwrap_or_else(|| panic!("no `{name}`"))
}

/// What must hold for any chart, whatever was put in.
fn sound(name: &str, drawn: &Drawn) {
    let document = Document::parse(&drawn.svg).unwrap_or_else(|error| panic!("{name}: {error}"));
    let root = document.root_element();
    assert_eq!((attribute(root, "role"), root.tag_name().name()), ("img", "svg"));
    assert_eq!(attribute(root, "lang"), if drawn.lang == Lang::Ja { "ja" } else { "en" });
    let mut view = attribute(root, "viewBox").split(' ').map(|n| n.parse::<f64>().unwrap());
    let (_, _, wide, high) = (view.next(), view.next(), view.next().unwrap(), view.next().unwrap());
    assert!(wide >= 300.0 && high > 30.0 && high < 60_000.0, "{name}: {wide} x {high}");

    let mut ids = BTreeSet::new();
    for node in document.descendants().filter(Node::is_element) {
        assert!(
            node.tag_name().name() != "script" && node.tag_name().name() != "style",
            "{name}: {:?}",
            node.tag_name()
        );
        if let Some(id) = node.attribute("id") {
            assert!(ids.insert(id.to_owned()), "{name}: `{id}` stands twice");
        }
        for attribute in node.attributes() {
            assert!(!attribute.name().starts_with("on") && attribute.name() != "style" && attribute.name() != "href");
            assert!(
                !attribute.value().contains("NaN") && !attribute.value().contains("inf"),
                "{name}: {}",
                attribute.value()
            );
        }
        // Nothing reaches over the edges, as far as letters can be measured.
        if node.tag_name().name() == "text" {
            let text: String = node.descendants().filter_map(|n| n.text().filter(|_| n.is_text())).collect();
            let size: f64 = attribute(node, "font-size").parse().unwrap();
            let x: f64 = attribute(node, "x").parse().unwrap();
            let (letters, y): (f64, f64) =
                (chart::lettering::width(&text, size), attribute(node, "y").parse().unwrap());
            let left = match attribute(node, "text-anchor") {
                "start" => x,
                "middle" => x - letters / 2.0,
                _ => x - letters,
            };
            assert!(left >= -1.0 && left + letters <= wide + 1.0, "{name}: `{text}` from {left} to {}", left + letters);
            assert!(y > 0.0 && y < high, "{name}: `{text}` at {y} of {high}");
        }
        if node.tag_name().name() == "rect" && node.parent_element() == Some(root) {
            let number = |key: &str| attribute(node, key).parse::<f64>().unwrap();
            assert!(number("x") >= 0.0 && number("x") + number("width") <= wide + 0.5, "{name}: a bar over the edge");
        }
    }
    for reference in attribute(root, "aria-labelledby").split(' ') {
        assert!(ids.contains(reference), "{name}: nothing is called `{reference}`");
    }
    let hatch = ids.iter().find(|id| id.ends_with("-hatch")).unwrap();
    for used in drawn.svg.split("url(#").skip(1) {
        assert_eq!(used.split(')').next(), Some(hatch.as_str()));
    }

    // Every number of every table stands in a text, a title or the description.
    let said: String =
        document.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect::<Vec<_>>().join("\n");
    let mut numbers = 0;
    for table in &drawn.tables {
        for row in &table.rows {
            assert_eq!(row.len(), table.headings.len(), "{name}: a row of another length");
            for cell in row.iter().filter(|cell| cell.is_number()) {
                let shown = cell.shown(drawn.lang);
                assert!(has_number(&said, &shown), "{name}: `{shown}` stands in the table and not in the picture");
                numbers += 1;
            }
        }
    }
    assert!(
        numbers > 0 || drawn.tables.first().is_some_and(|table| table.rows.is_empty()),
        "{name}: a table without numbers"
    );
    assert!(Document::parse(&drawn.file()).is_ok(), "{name}: the file is no XML");
}

/// Whether the number stands there whole, and not as a part of a longer one.
fn has_number(said: &str, number: &str) -> bool {
    let goes_on = |near: Option<char>, beyond: Option<char>| match near {
        Some(',' | '.') => beyond.is_some_and(|c| c.is_ascii_digit()),
        near => near.is_some_and(|c| c.is_ascii_digit()),
    };
    said.match_indices(number).any(|(at, _)| {
        let (mut before, mut after) = (said[..at].chars().rev(), said[at + number.len()..].chars());
        !goes_on(before.next(), before.next()) && !goes_on(after.next(), after.next())
    })
}

#[test]
fn every_chart_is_sound_and_equal_to_its_table() {
    let all = all();
    for (name, drawn) in &all {
        sound(name, drawn);
    }
    let again = self::all();
    assert!(all.iter().zip(&again).all(|(a, b)| a.1.svg == b.1.svg), "the same numbers give the same bytes");
    assert!(!has_number("1,155 and 15", "155") && has_number("(155)", "155"));
}

#[test]
fn a_rate_of_one_unit_to_another_is_never_printed() {
    let percent = |ladder: &Ladder| {
        let drawn = ladder.draw(Lang::En, Size::Wide);
        (
            drawn.svg.matches(" % of ").count(),
            drawn.tables[0].rows.iter().filter(|row| row[3] != chart::Cell::Nothing).count(),
        )
    };
    let mut ladder = ladder();
    let (said, told) = percent(&ladder);
    assert_eq!(told, 5);
    ladder.rungs[2].of = Some(0);
    assert_eq!(percent(&ladder), (said, told), "terminals of rows");
    ladder.rungs[3].count = Some(155_522);
    assert_eq!(percent(&ladder).1, told - 1, "more than everything");
    ladder.rungs[4].of = Some(99);
    assert_eq!(percent(&ladder).1, told - 2, "of no rung");
}

const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>&amp;&#x3c;",
    "\u{202e}\u{2066}gnp.exe\u{0}\u{1b}[31m\u{7}\u{ffff}\u{feff}",
    "=HYPERLINK(\"http://example.org\")",
    "]]><!-- --><![CDATA[",
    "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{300}\u{301}e\u{301}",
];

/// Every chart with that text wherever one goes in.
fn filled_with(text: &str) -> Vec<Drawn> {
    let name = || both(text, text);
    let head = || Head { id: text.to_owned(), title: name(), notes: vec![name(), name()] };
    let mut ladder = ladder();
    ladder.head = head();
    for rung in &mut ladder.rungs {
        (rung.name, rung.unit) = (name(), name());
    }
    let mut stacked = stacked();
    (stacked.head, stacked.of) = (head(), name());
    stacked.states.iter_mut().for_each(|state| state.name = name());
    stacked.bars.iter_mut().for_each(|bar| bar.name = name());
    let mut decisions = decisions();
    decisions.head = head();
    decisions.grounds.iter_mut().for_each(|ground| ground.name = name());
    let mut step = step();
    (step.head, step.share, step.days, step.unit, step.test) = (head(), name(), name(), name(), Some(name()));
    step.groups.iter_mut().for_each(|group| group.name = name());
    let mut half_years = half_years();
    half_years.head = head();
    for mark in &mut half_years.marks {
        (mark.text, mark.on) = (name(), text.to_owned());
    }
    let mut counts = half_years.clone();
    counts.value = Value::Count(name());
    counts.halves.iter_mut().for_each(|half| half.actual = None);
    let mut drawn = Vec::new();
    for lang in [Lang::Ja, Lang::En] {
        for size in [Size::Wide, Size::Narrow] {
            drawn.extend([ladder.draw(lang, size), stacked.draw(lang, size), decisions.draw(lang, size)]);
            drawn.extend([step.draw(lang, size), half_years.draw(lang, size), counts.draw(lang, size)]);
        }
    }
    drawn
}

#[test]
fn hostile_text_does_no_harm() {
    let long = ["長い名前<b>".repeat(2_000), "x".repeat(10_000), "\u{202e}".repeat(10_000), String::new()];
    for text in HOSTILE.iter().copied().chain(long.iter().map(String::as_str)) {
        for drawn in filled_with(text) {
            sound(&format!("with `{}`", text.chars().take(20).collect::<String>().escape_debug()), &drawn);
            assert!(drawn.svg.len() < 200_000, "{} bytes", drawn.svg.len());
            for bad in ['\u{202e}', '\u{2066}', '\u{feff}', '\u{0}', '\u{1b}', '\u{ffff}'] {
                assert!(!drawn.svg.contains(bad));
                assert!(drawn.tables.iter().all(|table| !table.csv(drawn.lang).contains(bad)));
            }
            for table in &drawn.tables {
                let csv = table.csv(drawn.lang);
                assert!(
                    csv.split("\r\n")
                        .flat_map(|line| line.split(','))
                        .all(|cell| !cell.trim_matches('"').starts_with('='))
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_text_gives_sound_charts(text in "\\PC{0,60}|[ -~]{0,300}|(?s).{0,40}") {
        for drawn in filled_with(&text) {
            sound("any text", &drawn);
        }
    }

    #[test]
    fn any_numbers_give_sound_charts(
        counts in proptest::collection::vec(prop_oneof![Just(0_u64), Just(1), 0_u64..100_000, Just(1 << 53)], 12),
        halves in 0_usize..12,
        bars in 0_usize..20,
    ) {
        let mut ladder = ladder();
        ladder.rungs.iter_mut().zip(&counts).for_each(|(rung, count)| rung.count = Some(*count));
        let mut stacked = stacked();
        stacked.length = Length::Count;
        stacked.first = First::Largest;
        stacked.bars = (0..bars).map(|at| Bar { name: both("名", "n"), counts: counts[at % 9..at % 9 + 3].to_vec() }).collect();
        let mut half_years = half_years();
        half_years.relapses = if halves > 4 { vec![Relapse { before: counts[0], low: 1, again: 3 }] } else { vec![Relapse { before: 0, low: 90, again: 91 }] };
        half_years.halves = (0..halves)
            .map(|at| Half { year: 2010 + (at / 2) as u16, half: (at % 2) as u8 + 1, gross: Some(counts[at]), actual: Some(counts[at] / 2) })
            .collect();
        let mut step = step();
        step.groups = (0..3).map(|g| {
            let mut at_risk = counts[g] + 20;
            let points = (0..halves).map(|at| {
                let point = Point { days: (at * 9) as f64 + 0.5, at_risk, events: 2, share: 1.0 / (at + 1) as f64, limits: None };
                at_risk -= 1;
                point
            }).collect();
            Group { name: both("群", "group"), points, median: None }
        }).collect();
        for lang in [Lang::Ja, Lang::En] {
            for size in [Size::Wide, Size::Narrow] {
                for drawn in [ladder.draw(lang, size), stacked.draw(lang, size), half_years.draw(lang, size), step.draw(lang, size)] {
                    sound("any numbers", &drawn);
                }
            }
        }
    }
}
