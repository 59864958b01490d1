//! The step chart: the share without an event over time (Kaplan-Meier), with bands, medians and the numbers at risk.

use std::fmt::Write;

use model::text::{Lang, Name};

use crate::drawn::{Drawn, Head, Size};
use crate::lettering::{fitted, width};
use crate::number;
use crate::palette::{GRID, INK, LINES, QUIET};
use crate::svg::{Anchor, BODY, Letters, SMALL, Svg, coordinate, name};
use crate::table::{Cell, Table, both};

/// A time at which the share changes or somebody is watched no longer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Days since the start, rising.
    pub days: f64,
    /// At risk just before.
    pub at_risk: u64,
    /// Had the event then.
    pub events: u64,
    /// The share without the event from there on, from 0 to 1.
    pub share: f64,
    /// Its 95 % interval, where there is one.
    pub limits: Option<(f64, f64)>,
}

/// The days by which half had the event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Median {
    /// Days.
    pub days: f64,
    /// The lower end of the interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// One curve. Up to six are told apart by their dashes.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: Name,
    /// From the first time to the last; none for a group of nobody.
    pub points: Vec<Point>,
    /// The median, where the curve falls that far.
    pub median: Option<Median>,
}

impl Group {
    fn subjects(&self) -> u64 {
        self.points.first().map_or(0, |point| point.at_risk)
    }

    fn events(&self) -> u64 {
        self.points.iter().map(|point| point.events).sum()
    }

    fn end(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.days)
    }

    /// At risk when that day begins.
    fn at_risk(&self, days: f64) -> u64 {
        self.points.iter().find(|point| point.days >= days).map_or(0, |point| point.at_risk)
    }

    /// The share after that day and its limits; none beyond what is known.
    fn at(&self, days: f64) -> Option<(f64, Option<(f64, f64)>)> {
        let last = self.points.last()?;
        if days > last.days && last.share > 0.0 {
            return None;
        }
        let before = self.points.iter().rev().find(|point| point.days <= days);
        Some(before.map_or((1.0, None), |point| (point.share, point.limits)))
    }

    fn events_until(&self, days: f64) -> u64 {
        self.points.iter().filter(|point| point.days <= days).map(|point| point.events).sum()
    }
}

/// The curves.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Title and notes. A comparison's notes carry its caution.
    pub head: Head,
    /// What the share is: `再観測されていない割合`.
    pub share: Name,
    /// From when the days count: `通知からの日数`.
    pub days: Name,
    /// What is counted: subscribers, terminals.
    pub unit: Name,
    /// The curves.
    pub groups: Vec<Group>,
    /// The result of a test, in words, to stand under the curves.
    pub test: Option<Name>,
}

/// A group as it is drawn.
struct Line<'a> {
    group: &'a Group,
    name: String,
    colour: &'static str,
    dashes: &'static str,
}

/// Where the curves are drawn.
struct Plot {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    last_day: f64,
}

impl Plot {
    fn x(&self, days: f64) -> f64 {
        self.left + self.width * (days / self.last_day).clamp(0.0, 1.0)
    }

    fn y(&self, share: f64) -> f64 {
        self.top + self.height * (1.0 - share.clamp(0.0, 1.0))
    }
}

impl Step {
    /// The chart in that language and size. It has six curves at most; the tables have all groups.
    #[must_use]
    pub fn draw(&self, lang: Lang, size: Size) -> Drawn {
        let mut svg = Svg::new(&self.head, lang, size);
        let end = self.groups.iter().map(Group::end).fold(0.0, f64::max);
        // As many ticks as the numbers at risk under them leave room for.
        let most = self.groups.iter().map(Group::subjects).max().unwrap_or(0);
        let room = (svg.width - 84.0) / (width(&number::thousands(most), SMALL) + 10.0);
        let count = (room as u64).clamp(1, if size == Size::Wide { 10 } else { 5 });
        let ticks = number::day_ticks((end.min(1e9).ceil() as u64).max(1), count);
        let last_day = ticks.last().map_or(1.0, |day| *day as f64);
        let lines: Vec<Line<'_>> = self
            .groups
            .iter()
            .zip(LINES)
            .map(|(group, (colour, dashes))| Line { group, name: name(&group.name, lang), colour, dashes })
            .collect();
        for line in &lines {
            self.legend_line(&mut svg, line);
        }
        svg.y += 12.0;
        let share_name = name(&self.share, lang);
        svg.lines(4.0, Letters::small(), &share_name);
        let plot = Plot {
            left: 58.0,
            top: svg.y + 12.0,
            width: svg.width - 58.0 - 26.0,
            height: if size == Size::Wide { 300.0 } else { 220.0 },
            last_day,
        };
        axes(&mut svg, &plot, &ticks);
        svg.y = plot.top + plot.height + 22.0;
        svg.y += SMALL + 4.0;
        let days_name = fitted(&name(&self.days, lang), SMALL, plot.width);
        svg.text(plot.left + plot.width / 2.0, svg.y, Letters::small().at(Anchor::Middle), &days_name);
        for line in &lines {
            band(&mut svg, &plot, line);
        }
        for line in &lines {
            curve(&mut svg, &plot, line, &ticks);
        }
        risks(&mut svg, &plot, &lines, &ticks, &name(&self.unit, lang));
        if let Some(test) = &self.test {
            svg.y += 6.0;
            svg.lines(4.0, Letters::body(), &name(test, lang));
        }
        let description = self.description(lang);
        svg.finish(&description, vec![self.days_table(&ticks), self.groups_table()])
    }

    fn legend_line(&self, svg: &mut Svg, line: &Line<'_>) {
        let Line { group, name, colour, dashes } = line;
        svg.y += BODY + 8.0;
        svg.line([4.0, svg.y - 4.5, 40.0, svg.y - 4.5], colour, 2.4, dashes);
        let said = self.said(group, svg.lang);
        let room = svg.width - 52.0;
        let both = format!("{name}: {said}");
        if width(&both, BODY) <= room {
            svg.text(48.0, svg.y, Letters::body(), &both);
        } else {
            svg.text(48.0, svg.y, Letters::body(), &fitted(name, BODY, room));
            svg.y += 2.0;
            svg.lines(48.0, Letters::small(), &said);
        }
    }

    /// Subjects, events and median of a group in words.
    fn said(&self, group: &Group, lang: Lang) -> String {
        let (n, events) = (number::thousands(group.subjects()), number::thousands(group.events()));
        let end = |end: Option<f64>| {
            let open = if lang == Lang::Ja { "上限なし" } else { "no upper limit" };
            end.map_or(open.to_owned(), number::days)
        };
        let median = match (group.median, lang) {
            (Some(Median { days, low, high }), Lang::Ja) => {
                format!("中央値 {}日（95 %信頼区間 {}〜{}）", number::days(days), end(low), end(high))
            }
            (Some(Median { days, low, high }), Lang::En) => {
                format!("median {} days (95 % interval {} to {})", number::days(days), end(low), end(high))
            }
            (None, Lang::Ja) => "中央値に達していません".to_owned(),
            (None, Lang::En) => "median not reached".to_owned(),
        };
        match lang {
            Lang::Ja => format!("対象 {n}、発生 {events}、{median}"),
            Lang::En => format!("{n} watched, {events} events, {median}"),
        }
    }

    fn description(&self, lang: Lang) -> String {
        let mut said = format!("{} / {}. ", name(&self.share, lang), name(&self.days, lang));
        for group in &self.groups {
            let _ = write!(said, "{}: {}. ", name(&group.name, lang), self.said(group, lang));
        }
        if let Some(test) = &self.test {
            said.push_str(&name(test, lang));
        }
        said
    }

    fn days_table(&self, ticks: &[u64]) -> Table {
        let row = |group: &Group, day: u64| {
            let days = day as f64;
            let at = group.at(days);
            let limits = at.and_then(|(_, limits)| limits);
            vec![
                Cell::Text(group.name.clone()),
                Cell::Count(day),
                Cell::Count(group.at_risk(days)),
                Cell::Count(group.events_until(days)),
                at.map_or(Cell::Nothing, |(share, _)| Cell::Share(share)),
                limits.map_or(Cell::Nothing, |(low, _)| Cell::Share(low)),
                limits.map_or(Cell::Nothing, |(_, high)| Cell::Share(high)),
            ]
        };
        Table {
            caption: self.head.title.clone(),
            headings: vec![
                both("群", "group"),
                self.days.clone(),
                both("対象数", "at risk"),
                both("それまでの発生", "events so far"),
                both("割合（%）", "share (%)"),
                both("下限（%）", "lower limit (%)"),
                both("上限（%）", "upper limit (%)"),
            ],
            rows: self
                .groups
                .iter()
                .take(LINES.len())
                .flat_map(|group| ticks.iter().map(move |day| row(group, *day)))
                .collect(),
        }
    }

    fn groups_table(&self) -> Table {
        let days = |days: Option<f64>| days.map_or(Cell::Nothing, Cell::Days);
        let row = |group: &Group| {
            vec![
                Cell::Text(group.name.clone()),
                Cell::Count(group.subjects()),
                Cell::Count(group.events()),
                days(group.median.map(|median| median.days)),
                days(group.median.and_then(|median| median.low)),
                days(group.median.and_then(|median| median.high)),
            ]
        };
        Table {
            caption: both("群ごとの要約", "Summary by group"),
            headings: vec![
                both("群", "group"),
                both("対象", "watched"),
                both("発生", "events"),
                both("中央値（日）", "median (days)"),
                both("下限（日）", "lower limit (days)"),
                both("上限（日）", "upper limit (days)"),
            ],
            rows: self.groups.iter().map(row).collect(),
        }
    }
}

fn axes(svg: &mut Svg, plot: &Plot, ticks: &[u64]) {
    for percent in [0_u32, 25, 50, 75, 100] {
        let y = plot.y(f64::from(percent) / 100.0);
        svg.line([plot.left, y, plot.left + plot.width, y], GRID, 1.0, "none");
        svg.text(plot.left - 6.0, y + 4.0, Letters::small().at(Anchor::End), &format!("{percent} %"));
    }
    for day in ticks {
        let x = plot.x(*day as f64);
        svg.line([x, plot.top + plot.height, x, plot.top + plot.height + 5.0], QUIET, 1.0, "none");
        let letters = Letters::small().at(Anchor::Middle);
        svg.text(x, plot.top + plot.height + 18.0, letters, &number::thousands(*day));
    }
    svg.line([plot.left, plot.top, plot.left, plot.top + plot.height], QUIET, 1.0, "none");
    let bottom = plot.top + plot.height;
    svg.line([plot.left, bottom, plot.left + plot.width, bottom], QUIET, 1.0, "none");
}

/// The area between the limits, where there are any.
fn band(svg: &mut Svg, plot: &Plot, line: &Line<'_>) {
    let Line { group, colour, .. } = line;
    let (mut above, mut below) = (Vec::new(), Vec::new());
    for (at, point) in group.points.iter().enumerate() {
        let Some((low, high)) = point.limits else { continue };
        let until = group.points.get(at + 1).map_or(point.days, |next| next.days);
        for days in [point.days, until] {
            above.push((plot.x(days), plot.y(high)));
            below.push((plot.x(days), plot.y(low)));
        }
    }
    if above.is_empty() {
        return;
    }
    let around: Vec<String> =
        above.iter().chain(below.iter().rev()).map(|(x, y)| format!("{},{}", coordinate(*x), coordinate(*y))).collect();
    svg.shape("polygon", &[("points", &around.join(" ")), ("fill", colour), ("fill-opacity", "0.14")], None);
}

/// The steps, ticks where somebody was watched no longer, the median, and a dot to point at for each day of the table.
fn curve(svg: &mut Svg, plot: &Plot, line: &Line<'_>, ticks: &[u64]) {
    let Line { group, name, colour, dashes } = line;
    let Some(first) = group.points.first() else { return };
    let mut path =
        format!("M{} {}H{}", coordinate(plot.x(0.0)), coordinate(plot.y(1.0)), coordinate(plot.x(first.days)));
    for (at, point) in group.points.iter().enumerate() {
        let until = group.points.get(at + 1).map_or(point.days, |next| next.days);
        let _ = write!(path, "V{}H{}", coordinate(plot.y(point.share)), coordinate(plot.x(until)));
    }
    let attributes = [
        ("d", path.as_str()),
        ("fill", "none"),
        ("stroke", colour),
        ("stroke-width", "2.4"),
        ("stroke-dasharray", dashes),
        ("stroke-linejoin", "round"),
    ];
    svg.shape("path", &attributes, Some(name));
    if let Some(median) = group.median {
        let (x, y) = (plot.x(median.days), plot.y(0.5));
        svg.line([plot.left, y, x, y], QUIET, 1.0, "4 3");
        svg.line([x, y, x, plot.top + plot.height], QUIET, 1.0, "4 3");
    }
    for day in ticks {
        let days = *day as f64;
        let Some((share, limits)) = group.at(days) else { continue };
        let said = number::share(share);
        let limits =
            limits.map_or(String::new(), |(low, high)| format!(" ({} – {})", number::share(low), number::share(high)));
        let (risk, events) = (number::thousands(group.at_risk(days)), number::thousands(group.events_until(days)));
        let title = match svg.lang {
            Lang::Ja => format!(
                "{name} · {}日: {said}{limits}、対象数 {risk}、それまでの発生 {events}",
                number::thousands(*day)
            ),
            Lang::En => format!(
                "{name} · day {}: {said}{limits}, {risk} at risk, {events} events so far",
                number::thousands(*day)
            ),
        };
        let (x, y) = (coordinate(plot.x(days)), coordinate(plot.y(share)));
        svg.shape("circle", &[("cx", &x), ("cy", &y), ("r", "3.2"), ("fill", colour)], Some(&title));
    }
}

/// The numbers at risk under the axis, group by group.
fn risks(svg: &mut Svg, plot: &Plot, lines: &[Line<'_>], ticks: &[u64], unit: &str) {
    let heading = match svg.lang {
        Lang::Ja => format!("対象数（観察中の{unit}）"),
        Lang::En => format!("Number at risk ({unit})"),
    };
    svg.y += 8.0;
    svg.lines(4.0, Letters::small().bold().filled(INK), &heading);
    for Line { group, name, colour, dashes } in lines {
        svg.y += SMALL + 8.0;
        svg.line([4.0, svg.y - 4.0, 32.0, svg.y - 4.0], colour, 2.4, dashes);
        svg.text(38.0, svg.y, Letters::small(), &fitted(name, SMALL, svg.width - 44.0));
        svg.y += SMALL + 5.0;
        for day in ticks {
            let said = number::thousands(group.at_risk(*day as f64));
            svg.text(plot.x(*day as f64), svg.y, Letters::small().filled(INK).at(Anchor::Middle), &said);
        }
    }
    svg.y += 4.0;
}
