//! A series by half-years: gross and actual side by side, the events meanwhile as flags, relapses as arrows.

use model::tally;
use model::text::{Lang, Name};

use crate::drawn::{Drawn, Head, Size};
use crate::lettering::{fitted, width};
use crate::number;
use crate::palette::{GRID, INK, Look, QUIET};
use crate::svg::{Anchor, Letters, SMALL, Svg, coordinate, name};
use crate::table::{Cell, Table, both};

/// What the values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Yen: gross and actual.
    Yen,
    /// A count of these; it has no actual value.
    Count(Name),
}

/// The values of one half-year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Half {
    /// The calendar year.
    pub year: u16,
    /// 1 or 2.
    pub half: u8,
    /// Gross, or the count.
    pub gross: Option<u64>,
    /// Actual.
    pub actual: Option<u64>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The calendar year.
    pub year: u16,
    /// From 1 to 12.
    pub month: u8,
    /// As it is printed: `2014-06`.
    pub on: String,
    /// What: `テイクダウン: ...`.
    pub text: Name,
}

/// A fall and a rise after it, by the places (from 0) of the half-years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relapse {
    /// What it had been before.
    pub before: u64,
    /// The lowest.
    pub low: usize,
    /// The highest after that.
    pub again: usize,
}

/// A series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HalfYears {
    /// Title and notes; the notes say the source and that no cause is claimed.
    pub head: Head,
    /// What the values are.
    pub value: Value,
    /// Oldest first.
    pub halves: Vec<Half>,
    /// In the order of time; the first 26 have a letter.
    pub marks: Vec<Mark>,
    /// Drawn on gross values.
    pub relapses: Vec<Relapse>,
}

impl HalfYears {
    /// The chart in that language and size.
    #[must_use]
    pub fn draw(&self, lang: Lang, size: Size) -> Drawn {
        let mut svg = Svg::new(&self.head, lang, size);
        let (gross, actual) = self.measures(lang);
        match self.value {
            Value::Yen => svg.legend([(Look::Open, gross.as_str()), (Look::Done, &actual)]),
            Value::Count(_) => svg.legend([(Look::Done, gross.as_str())]),
        }
        let most = self.halves.iter().flat_map(|half| [half.gross, half.actual]).flatten().max().unwrap_or(0);
        let ticks = number::ticks(most, 5);
        let top_value = ticks.last().copied().unwrap_or(1).max(1) as f64;
        let tick_names: Vec<String> = ticks.iter().map(|tick| self.short(*tick, lang)).collect();
        let left = tick_names.iter().map(|name| width(name, SMALL)).fold(0.0, f64::max) + 14.0;
        let (top, high) = (svg.y + 34.0, if size == Size::Wide { 280.0 } else { 200.0 });
        let room = svg.width - left - 8.0;
        let slot = room / self.halves.len().max(1) as f64;
        let y = |value: u64| top + high * (1.0 - value as f64 / top_value);
        for (tick, name) in ticks.iter().zip(&tick_names) {
            svg.line([left, y(*tick), left + room, y(*tick)], GRID, 1.0, "none");
            svg.text(left - 6.0, y(*tick) + 4.0, Letters::small().at(Anchor::End), name);
        }
        let pair = matches!(self.value, Value::Yen);
        let bar = (slot * 0.36).min(56.0);
        for (at, half) in self.halves.iter().enumerate() {
            let middle = left + slot * (at as f64 + 0.5);
            let said = half_said(half, lang);
            let looks = if pair { [Look::Open, Look::Done] } else { [Look::Done, Look::Done] };
            let values = [
                (half.gross, &gross, looks[0], if pair { middle - bar } else { middle - bar / 2.0 }),
                (half.actual, &actual, looks[1], middle),
            ];
            for (value, measure, look, x) in values {
                let Some(value) = value else { continue };
                svg.bar(
                    [x, y(value), bar, (top + high - y(value)).max(1.0)],
                    look,
                    &format!("{said} · {measure} {}", self.long(value, lang)),
                );
                let short = self.short(value, lang);
                // A pair shares its slot: the gross one's number stands over its bar, the actual one's inside its own.
                if width(&short, SMALL) <= if pair { bar + 8.0 } else { slot } {
                    svg.text(x + bar / 2.0, y(value) - 5.0, Letters::small().filled(INK).at(Anchor::Middle), &short);
                }
            }
            half_name(&mut svg, half, middle, top + high + 16.0, slot);
        }
        svg.line([left, top + high, left + room, top + high], QUIET, 1.0, "none");
        let flags = self.flags(&mut svg, lang, (left, slot, top, high));
        self.arrows(&mut svg, (left, slot, bar), &y);
        svg.y = top + high + 42.0;
        for line in flags.into_iter().chain(self.relapses_said(lang)) {
            svg.lines(4.0, Letters::small().filled(INK), &line);
        }
        let description = self.description(lang);
        svg.finish(&description, vec![self.table(), self.marks_table()])
    }

    fn measures(&self, lang: Lang) -> (String, String) {
        match (&self.value, lang) {
            (Value::Yen, Lang::Ja) => ("被害額".to_owned(), "実被害額".to_owned()),
            (Value::Yen, Lang::En) => ("gross damage (yen)".to_owned(), "actual damage (yen)".to_owned()),
            (Value::Count(of), _) => (name(of, lang), String::new()),
        }
    }

    fn short(&self, value: u64, lang: Lang) -> String {
        match self.value {
            Value::Yen => number::yen_short(value, lang),
            Value::Count(_) => number::thousands(value),
        }
    }

    fn long(&self, value: u64, lang: Lang) -> String {
        match self.value {
            Value::Yen => number::yen(value, lang),
            Value::Count(_) => number::thousands(value),
        }
    }

    /// Flags over the bars, and the lines that say what they mean. Flags that would touch take turns in height.
    fn flags(&self, svg: &mut Svg, lang: Lang, (left, slot, top, high): (f64, f64, f64, f64)) -> Vec<String> {
        let Some(first) = self.halves.first() else { return Vec::new() };
        let (mut said, mut before, mut raised) = (Vec::new(), f64::NEG_INFINITY, false);
        for (mark, letter) in self.marks.iter().zip('A'..='Z') {
            let text = format!("{letter} {} {}", crate::lettering::clean(&mark.on, 20), name(&mark.text, lang));
            let months = (f64::from(mark.year) - f64::from(first.year)) * 12.0 + f64::from(mark.month) - 0.5;
            let halves = (months - if first.half == 2 { 6.0 } else { 0.0 }) / 6.0;
            if (0.0..=self.halves.len() as f64).contains(&halves) {
                let x = left + slot * halves;
                raised = x - before < 20.0 && !raised;
                before = x;
                let flag = top - if raised { 34.0 } else { 18.0 };
                svg.line([x, flag + 8.0, x, top + high], INK, 1.2, "5 3");
                let [cx, cy] = [x, flag].map(coordinate);
                svg.shape("circle", &[("cx", &cx), ("cy", &cy), ("r", "9"), ("fill", INK)], Some(&text));
                svg.text(
                    x,
                    flag + 4.2,
                    Letters::small().bold().filled(crate::palette::PAPER).at(Anchor::Middle),
                    &letter.to_string(),
                );
            }
            said.push(text);
        }
        said
    }

    /// An arrow from the top of the low bar to that of the high one after it.
    fn arrows(&self, svg: &mut Svg, (left, slot, bar): (f64, f64, f64), y: &dyn Fn(u64) -> f64) {
        for relapse in &self.relapses {
            let at = |place: usize| {
                Some((left + slot * (place as f64 + 0.5) - bar / 2.0, y(self.halves.get(place)?.gross?)))
            };
            let (Some((x1, y1)), Some((x2, y2))) = (at(relapse.low), at(relapse.again)) else { continue };
            let (x1, y1, x2, y2) = (x1, y1 - 24.0, x2, y2 - 30.0);
            svg.line([x1, y1, x2, y2], INK, 2.0, "none");
            let (dx, dy) = (x2 - x1, y2 - y1);
            let long = (dx * dx + dy * dy).sqrt().max(1.0);
            let (ux, uy) = (dx / long, dy / long);
            let corner = |along: f64, aside: f64| {
                format!("{},{}", coordinate(x2 - ux * along - uy * aside), coordinate(y2 - uy * along + ux * aside))
            };
            let head = format!("{} {} {}", corner(-2.0, 0.0), corner(9.0, 5.0), corner(9.0, -5.0));
            svg.shape("polygon", &[("points", &head), ("fill", INK)], None);
        }
    }

    /// The relapses in words: numbers and no reason.
    fn relapses_said(&self, lang: Lang) -> Vec<String> {
        let said = |relapse: &Relapse| {
            let (low, again) = (self.halves.get(relapse.low)?, self.halves.get(relapse.again)?);
            let (low_value, again_value) = (self.long(low.gross?, lang), self.long(again.gross?, lang));
            let percent = tally::permille(again.gross?, relapse.before).map(number::permille)?;
            let (low, again, before) = (half_said(low, lang), half_said(again, lang), self.long(relapse.before, lang));
            Some(match lang {
                Lang::Ja => format!(
                    "→ 再び増加: {low} {low_value} から {again} {again_value}（出来事の前の {before} の {percent}）"
                ),
                Lang::En => format!(
                    "→ rose again: {low_value} in {low}, {again_value} in {again} ({percent} of the {before} before the event)"
                ),
            })
        };
        self.relapses.iter().filter_map(said).collect()
    }

    fn description(&self, lang: Lang) -> String {
        let one = |half: &Half| {
            let values: Vec<String> =
                [half.gross, half.actual].into_iter().flatten().map(|value| self.long(value, lang)).collect();
            format!("{} {}", half_said(half, lang), values.join(" / "))
        };
        let halves: Vec<String> = self.halves.iter().map(one).collect();
        halves.into_iter().chain(self.relapses_said(lang)).collect::<Vec<_>>().join("; ")
    }

    fn table(&self) -> Table {
        let yen = matches!(self.value, Value::Yen);
        let cell = |value: Option<u64>| match value {
            Some(value) if yen => Cell::Yen(value),
            Some(value) => Cell::Count(value),
            None => Cell::Nothing,
        };
        let mut headings = vec![both("半期", "half-year")];
        match &self.value {
            Value::Yen => headings
                .extend([both("被害額（円）", "gross damage (yen)"), both("実被害額（円）", "actual damage (yen)")]),
            Value::Count(of) => headings.push(of.clone()),
        }
        let row = |half: &Half| {
            let said = both(&half_said(half, Lang::Ja), &half_said(half, Lang::En));
            let mut cells = vec![Cell::Text(said), cell(half.gross)];
            if yen {
                cells.push(cell(half.actual));
            }
            cells
        };
        Table { caption: self.head.title.clone(), headings, rows: self.halves.iter().map(row).collect() }
    }

    fn marks_table(&self) -> Table {
        let row = |mark: &Mark| vec![Cell::Text(both(&mark.on, &mark.on)), Cell::Text(mark.text.clone())];
        Table {
            caption: both("この間の出来事", "Events meanwhile"),
            headings: vec![both("年月", "when"), both("出来事", "event")],
            rows: self.marks.iter().map(row).collect(),
        }
    }
}

fn half_said(half: &Half, lang: Lang) -> String {
    match lang {
        Lang::Ja => format!("{}年{}半期", half.year, if half.half == 2 { "下" } else { "上" }),
        Lang::En => format!("H{} {}", half.half, half.year),
    }
}

/// The half-year under its bars: in two lines, and the year only once where it is tight.
fn half_name(svg: &mut Svg, half: &Half, middle: f64, y: f64, slot: f64) {
    let letters = Letters::small().at(Anchor::Middle);
    let (short, year) = match svg.lang {
        Lang::Ja => (if half.half == 2 { "下半期" } else { "上半期" }.to_owned(), format!("{}年", half.year)),
        Lang::En => (format!("H{}", half.half), half.year.to_string()),
    };
    let short = if width(&short, SMALL) <= slot { short } else { short.chars().take(1).collect() };
    svg.text(middle, y, letters, &fitted(&short, SMALL, slot.max(14.0)));
    if width(&year, SMALL) <= slot {
        svg.text(middle, y + 15.0, letters, &year);
    } else if half.half == 1 {
        svg.text(middle + slot / 2.0, y + 15.0, letters, &year);
    }
}
