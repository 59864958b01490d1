//! The ladder: how many reached each rung, each rung apart, and every percentage with what it is of.

use model::tally;
use model::text::{Lang, Name};

use crate::drawn::{Drawn, Head, Size};
use crate::lettering::{fitted, width};
use crate::number;
use crate::palette::{Look, PAPER, QUIET};
use crate::svg::{Anchor, BODY, Letters, SMALL, Svg, name};
use crate::table::{Cell, Table, both};

/// How wide the empty box of a rung is whose count is not known.
const NOT_KNOWN: f64 = 24.0;

/// One rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// What was reached: received, sent, told.
    pub name: Name,
    /// What is counted: rows, distinct terminals. Rungs of the first unit are dark, those of others grey.
    pub unit: Name,
    /// How many; none where it is not known.
    pub count: Option<u64>,
    /// The rung (by its place, from 0) that this one is a part of. Printed only where both count the same unit and the
    /// part is not more than the whole: a rate of rows to terminals would be none.
    pub of: Option<usize>,
}

/// The ladder of a round or an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    /// Title and notes.
    pub head: Head,
    /// From the top down.
    pub rungs: Vec<Rung>,
}

impl Ladder {
    /// The chart in that language and size.
    #[must_use]
    pub fn draw(&self, lang: Lang, size: Size) -> Drawn {
        let mut svg = Svg::new(&self.head, lang, size);
        let most = self.rungs.iter().filter_map(|rung| rung.count).max().unwrap_or(0).max(1);
        let wide = size == Size::Wide;
        let said: Vec<Said> = self.rungs.iter().map(|rung| self.said(rung, lang)).collect();
        let widest = |of: &dyn Fn(&Said) -> f64| said.iter().map(of).fold(0.0, f64::max);
        // Wide: names to the left of the bars, numbers to their right. Narrow: names over the bars, rates under them.
        let (left, right) = if wide {
            let left = widest(&|s| width(&s.name, BODY).max(width(&s.unit, SMALL))).clamp(60.0, 260.0) + 16.0;
            (left, widest(&|s| (width(&s.count, BODY) * 1.1).max(width(&s.rate, SMALL))).clamp(60.0, 330.0) + 16.0)
        } else {
            (4.0, 8.0)
        };
        let room = svg.width - left - right;
        for (rung, said) in self.rungs.iter().zip(&said) {
            let look = match &self.rungs.first() {
                Some(first) if first.unit == rung.unit => Look::Done,
                _ => Look::Plain,
            };
            let length = rung.count.map_or(NOT_KNOWN, |count| room * (count as f64 / most as f64));
            let title = [said.name.as_str(), &said.unit, &said.count, &said.rate].join(" · ");
            let top;
            if wide {
                top = svg.y;
                svg.text(
                    left - 12.0,
                    top + 14.0,
                    Letters::body().bold().at(Anchor::End),
                    &fitted(&said.name, BODY, left - 16.0),
                );
                svg.text(
                    left - 12.0,
                    top + 30.0,
                    Letters::small().at(Anchor::End),
                    &fitted(&said.unit, SMALL, left - 16.0),
                );
                let end = left + length + 10.0;
                svg.text(end, top + 14.0, Letters::body().bold(), &said.count);
                svg.text(end, top + 30.0, Letters::small(), &fitted(&said.rate, SMALL, svg.width - end - 4.0));
                svg.y = top + 46.0;
            } else {
                let count_wide = width(&said.count, BODY) * 1.1;
                let name_room = svg.width - count_wide - 16.0;
                svg.text(4.0, svg.y + 14.0, Letters::body().bold(), &fitted(&said.name, BODY, name_room));
                svg.text(svg.width - 4.0, svg.y + 14.0, Letters::body().bold().at(Anchor::End), &said.count);
                svg.text(4.0, svg.y + 30.0, Letters::small(), &fitted(&said.unit, SMALL, svg.width - 8.0));
                top = svg.y + 36.0;
                svg.y = top + 18.0;
                if !said.rate.is_empty() {
                    svg.y += 15.0;
                    svg.text(4.0, svg.y, Letters::small(), &fitted(&said.rate, SMALL, svg.width - 8.0));
                }
                svg.y += 16.0;
            }
            let (bar_top, bar_high) = if wide { (top + 4.0, 26.0) } else { (top, 16.0) };
            if rung.count.is_some() {
                svg.bar([left, bar_top, length.max(1.0), bar_high], look, &title);
            } else {
                let [x, y, w, h] = [left, bar_top, NOT_KNOWN, bar_high].map(crate::svg::coordinate);
                let dashed = [
                    ("x", x.as_str()),
                    ("y", &y),
                    ("width", &w),
                    ("height", &h),
                    ("fill", PAPER),
                    ("stroke", QUIET),
                    ("stroke-dasharray", "3 3"),
                ];
                svg.shape("rect", &dashed, Some(&title));
            }
        }
        let parts: Vec<String> = said
            .iter()
            .map(|said| match said.rate.as_str() {
                "" => format!("{} {}", said.name, said.count),
                rate => format!("{} {} ({rate})", said.name, said.count),
            })
            .collect();
        svg.finish(&parts.join(if lang == Lang::Ja { "、" } else { "; " }), vec![self.table()])
    }

    /// The rung that this one is a part of, if they count the same, and the permille of it.
    fn rate(&self, rung: &Rung) -> Option<(&Rung, u64)> {
        let whole = self.rungs.get(rung.of?).filter(|whole| whole.unit == rung.unit)?;
        let (part, all) = rung.count.zip(whole.count).filter(|(part, all)| part <= all)?;
        Some((whole, tally::permille(part, all)?))
    }

    fn said(&self, rung: &Rung, lang: Lang) -> Said {
        let rate = self.rate(rung).map(|(whole, permille)| {
            let (percent, of) = (number::permille(permille), name(&whole.name, lang));
            let all = number::thousands(whole.count.unwrap_or(0));
            match lang {
                Lang::Ja => format!("{of} {all} の {percent}"),
                Lang::En => format!("{percent} of {of} {all}"),
            }
        });
        let count = match (rung.count, lang) {
            (Some(count), _) => number::thousands(count),
            (None, Lang::Ja) => "不明".to_owned(),
            (None, Lang::En) => "not known".to_owned(),
        };
        Said { name: name(&rung.name, lang), unit: name(&rung.unit, lang), count, rate: rate.unwrap_or_default() }
    }

    fn table(&self) -> Table {
        let row = |rung: &Rung| {
            let rate = self.rate(rung);
            vec![
                Cell::Text(rung.name.clone()),
                Cell::Text(rung.unit.clone()),
                rung.count.map_or(Cell::Nothing, Cell::Count),
                rate.map_or(Cell::Nothing, |(_, permille)| Cell::Permille(permille)),
                rate.map_or(Cell::Nothing, |(whole, _)| Cell::Text(whole.name.clone())),
            ]
        };
        Table {
            caption: self.head.title.clone(),
            headings: vec![
                both("段階", "rung"),
                both("単位", "unit"),
                both("件数", "count"),
                both("割合（%）", "share (%)"),
                both("何に対する割合か", "of what"),
            ],
            rows: self.rungs.iter().map(row).collect(),
        }
    }
}

/// What is printed of a rung.
struct Said {
    name: String,
    unit: String,
    count: String,
    rate: String,
}
