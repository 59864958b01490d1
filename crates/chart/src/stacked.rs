//! Stacked bars: what became of each partner's records, sorted, with the percentages printed.

use std::cmp::Reverse;

use model::tally;
use model::text::{Lang, Name};

use crate::drawn::{Drawn, Head, Size};
use crate::lettering::{fitted, width};
use crate::number;
use crate::palette::{Look, PAPER};
use crate::svg::{Anchor, BODY, Letters, SMALL, Svg, name};
use crate::table::{Cell, Table, both, joined};

/// A state that a record can be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Its name.
    pub name: Name,
    /// What it means, and so how it looks. Neighbours should look different.
    pub look: Look,
}

/// One bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Whose.
    pub name: Name,
    /// How many in each state, in the order of the states; what is missing is 0.
    pub counts: Vec<u64>,
}

impl Bar {
    fn count(&self, state: usize) -> u64 {
        self.counts.get(state).copied().unwrap_or(0)
    }

    fn total(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}

/// What the length of a bar means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Every bar is its own 100 %.
    Share,
    /// Bars are as long as their counts.
    Count,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// The largest total.
    Largest,
    /// The most in that state (by its place, from 0): whom to phone.
    MostIn(usize),
}

/// Bars in the order of [`First`]; among equals by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stacked {
    /// Title and notes.
    pub head: Head,
    /// What the bars are of: partner, ground.
    pub of: Name,
    /// The states, from left to right.
    pub states: Vec<State>,
    /// The bars, in any order.
    pub bars: Vec<Bar>,
    /// What their length means.
    pub length: Length,
    /// What comes first.
    pub first: First,
}

impl Stacked {
    /// The chart in that language and size.
    #[must_use]
    pub fn draw(&self, lang: Lang, size: Size) -> Drawn {
        let mut svg = Svg::new(&self.head, lang, size);
        let states: Vec<String> = self.states.iter().map(|state| name(&state.name, lang)).collect();
        svg.legend(self.states.iter().map(|state| state.look).zip(states.iter().map(String::as_str)));
        let bars = self.sorted();
        let most = bars.iter().map(|bar| bar.total()).max().unwrap_or(0).max(1);
        let names: Vec<String> = bars.iter().map(|bar| name(&bar.name, lang)).collect();
        let wide = size == Size::Wide;
        let left =
            if wide { names.iter().map(|name| width(name, BODY)).fold(40.0, f64::max).min(240.0) + 16.0 } else { 4.0 };
        let right = width(&number::thousands(most), BODY) * 1.1 + 16.0;
        let room = svg.width - left - if wide { right } else { 8.0 };
        for (bar, name) in bars.iter().zip(&names) {
            let total = bar.total();
            let said = number::thousands(total);
            let top = if wide {
                svg.text(left - 10.0, svg.y + 19.0, Letters::body().at(Anchor::End), &fitted(name, BODY, left - 14.0));
                svg.y
            } else {
                svg.text(4.0, svg.y + 14.0, Letters::body(), &fitted(name, BODY, svg.width - right - 8.0));
                svg.text(svg.width - 4.0, svg.y + 14.0, Letters::body().bold().at(Anchor::End), &said);
                svg.y + 20.0
            };
            let long = match self.length {
                Length::Share if total > 0 => room,
                Length::Share => 0.0,
                Length::Count => room * (total as f64 / most as f64),
            };
            let mut x = left;
            for (at, state) in self.states.iter().enumerate() {
                let count = bar.count(at);
                let Some(permille) = tally::permille(count, total) else { continue };
                let part = long * (count as f64 / total as f64);
                let percent = number::permille(permille);
                let state_name = states.get(at).map_or("", String::as_str);
                svg.bar(
                    [x, top + 2.0, part, 24.0],
                    state.look,
                    &format!("{name} · {state_name} {} ({percent})", number::thousands(count)),
                );
                let printed = [percent.as_str(), &format!("{} %", (permille + 5) / 10)]
                    .into_iter()
                    .find(|text| count > 0 && width(text, SMALL) + 8.0 <= part)
                    .map(str::to_owned);
                if let Some(text) = printed {
                    let wide = width(&text, SMALL) + 4.0;
                    if state.look == Look::Bad {
                        svg.rect([x + part / 2.0 - wide / 2.0, top + 6.0, wide, 16.0], PAPER, None);
                    }
                    svg.text(
                        x + part / 2.0,
                        top + 18.5,
                        Letters::small().filled(state.look.letters()).at(Anchor::Middle),
                        &text,
                    );
                }
                x += part;
            }
            if wide {
                svg.text(left + long + 8.0, top + 19.0, Letters::body().bold(), &said);
            }
            svg.y = top + if wide { 34.0 } else { 38.0 };
        }
        let sum: u64 = bars.iter().fold(0, |sum, bar| sum.saturating_add(bar.total()));
        let description = match lang {
            Lang::Ja => format!("{}本の帯、合計 {}。状態: {}。", bars.len(), number::thousands(sum), states.join("、")),
            Lang::En => {
                format!("{} bars, {} in all. States: {}.", bars.len(), number::thousands(sum), states.join(", "))
            }
        };
        svg.finish(&description, vec![self.table(&bars)])
    }

    fn sorted(&self) -> Vec<&Bar> {
        let mut bars: Vec<&Bar> = self.bars.iter().collect();
        let key = |bar: &Bar| match self.first {
            First::Largest => bar.total(),
            First::MostIn(state) => bar.count(state),
        };
        bars.sort_by(|a, b| {
            (Reverse(key(a)), Reverse(a.total()), &a.name.ja).cmp(&(Reverse(key(b)), Reverse(b.total()), &b.name.ja))
        });
        bars
    }

    fn table(&self, bars: &[&Bar]) -> Table {
        let mut headings = vec![self.of.clone(), both("合計", "total")];
        for state in &self.states {
            headings.push(state.name.clone());
            headings.push(joined(&state.name, "（%）", " (%)"));
        }
        let row = |bar: &&Bar| {
            let total = bar.total();
            let mut cells = vec![Cell::Text(bar.name.clone()), Cell::Count(total)];
            for at in 0..self.states.len() {
                let count = bar.count(at);
                cells.push(Cell::Count(count));
                cells.push(tally::permille(count, total).map_or(Cell::Nothing, Cell::Permille));
            }
            cells
        };
        Table { caption: self.head.title.clone(), headings, rows: bars.iter().map(row).collect() }
    }
}
