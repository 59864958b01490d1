//! A figure from outside by half-years, such as the damage of illegal transfers, with what happened meanwhile.
//!
//! Gross damage (被害額) is what was taken; actual damage (実被害額) is what remained lost after transfers were stopped. The
//! statistics of the police have both. A series shows that a figure fell or rose again after a take-down or arrests; that
//! one was the reason of the other is nothing that a series can show, and [`OUTSIDE`] says so wherever it is shown.

use model::problem::{Code, Place, Problem};
use model::text::{Lang, Name, Text};
use serde::Deserialize;

use crate::code::{
    SERIES_ACTUAL_OVER_GROSS, SERIES_BAD_MARK, SERIES_EMPTY, SERIES_NO_VALUE, SERIES_ORDER, SERIES_UNREADABLE,
};

/// A series to begin with: the figures of one half-year are the published ones, the others are invented.
pub const SAMPLE: &str = include_str!("../samples/damage.toml");

/// What every showing of a series carries.
pub const OUTSIDE: Text = Text {
    ja: "外部の統計に出来事の時期を重ねたものです。出来事と増減の因果関係を示すものではありません。ほかの取組み、手口の変化、届出の増減も数値を動かします。",
    en: "A statistic from outside with the dates of events laid over it. It does not show that the events caused the changes: \
         other measures, new methods of attack and changes in reporting move the figure as well.",
};

/// A half of a calendar year (not of the Japanese fiscal year).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HalfYear {
    year: u16,
    second: bool,
}

impl HalfYear {
    /// Half 1 (January to June) or 2 (July to December) of a year from 1900 to 2200.
    #[must_use]
    pub const fn new(year: u16, half: u8) -> Option<Self> {
        match (year, half) {
            (1900..=2200, 1) => Some(Self { year, second: false }),
            (1900..=2200, 2) => Some(Self { year, second: true }),
            _ => None,
        }
    }

    /// The half-year of a month from 1 to 12.
    #[must_use]
    pub const fn of_month(year: u16, month: u8) -> Option<Self> {
        match month {
            1..=6 => Self::new(year, 1),
            7..=12 => Self::new(year, 2),
            _ => None,
        }
    }

    /// The year.
    #[must_use]
    pub const fn year(self) -> u16 {
        self.year
    }

    /// 1 or 2.
    #[must_use]
    pub const fn half(self) -> u8 {
        if self.second { 2 } else { 1 }
    }

    /// How many half-years since the year 0: consecutive ones differ by 1.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.year as u32 * 2 + self.second as u32
    }

    /// `2015年上半期`, `H1 2015`.
    #[must_use]
    pub fn said(self, lang: Lang) -> String {
        match lang {
            Lang::Ja => format!("{}年{}半期", self.year, if self.second { "下" } else { "上" }),
            Lang::En => format!("H{} {}", self.half(), self.year),
        }
    }
}

/// What the values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Yen.
    Yen,
    /// A count of these.
    Count(Name),
}

/// One half-year's values; at least one is there, and the actual one is at most the gross one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Which.
    pub half: HalfYear,
    /// Gross, or the count.
    pub gross: Option<u64>,
    /// Actual; in a series of yen only.
    pub actual: Option<u64>,
}

/// Gross or actual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// 被害額, or the count.
    Gross,
    /// 実被害額.
    Actual,
}

/// What kind of event is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    /// Attack infrastructure was taken down.
    TakeDown,
    /// Suspects were arrested.
    Arrest,
    /// Notices to subscribers began.
    Notices,
    /// Something else that the text names.
    Other,
}

impl MarkKind {
    /// For people.
    #[must_use]
    pub const fn text(self) -> Text {
        match self {
            Self::TakeDown => Text { ja: "テイクダウン", en: "take-down" },
            Self::Arrest => Text { ja: "検挙", en: "arrest" },
            Self::Notices => Text { ja: "注意喚起", en: "notices" },
            Self::Other => Text { ja: "その他", en: "other" },
        }
    }
}

/// An event laid over the series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The half-year in which it falls.
    pub half: HalfYear,
    /// As written: `2014-06` or `2014-06-02`.
    pub on: String,
    /// The month, from 1 to 12.
    pub month: u8,
    /// What kind.
    pub kind: MarkKind,
    /// What happened.
    pub text: Name,
}

/// A fall after an event, and the rise after the fall. Numbers only, and no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relapse {
    /// The half-year of the event.
    pub after: HalfYear,
    /// The value before: the larger of that half-year's and the one's before.
    pub before: u64,
    /// The lowest value after the event, and when.
    pub low: (HalfYear, u64),
    /// The highest value after that, and when.
    pub again: (HalfYear, u64),
}

impl Relapse {
    /// The later height in permille of the value before the event, rounded half up.
    #[must_use]
    pub fn permille_of_before(&self) -> Option<u64> {
        model::tally::permille(self.again.1, self.before)
    }
}

/// A figure by half-years, oldest first, with its source, the events and notes.
///
/// INVARIANT: there is at least one point; half-years rise; actual is never more than gross.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    name: Name,
    source: Name,
    value: Value,
    points: Vec<Point>,
    marks: Vec<Mark>,
    notes: Vec<Name>,
}

impl Series {
    /// Reads a series written in TOML as [`SAMPLE`] is; `file` is the name that problems carry.
    ///
    /// # Errors
    /// Every problem found.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let written: Written = toml::from_str(text).map_err(|error| {
            let line =
                error.span().map(|span| text.bytes().take(span.start).filter(|b| *b == b'\n').count() as u64 + 1);
            let place = Place { line, ..Place::file(file) };
            vec![Problem::new(&SERIES_UNREADABLE, place).with_value(error.message())]
        })?;
        written.series(file)
    }

    /// What the figure is.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Where it comes from.
    #[must_use]
    pub const fn source(&self) -> &Name {
        &self.source
    }

    /// What its values are.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// The half-years, oldest first.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The events, in the order of their months.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Notes of whoever wrote the series.
    #[must_use]
    pub fn notes(&self) -> &[Name] {
        &self.notes
    }

    /// What must stand beside every showing of it.
    #[must_use]
    pub const fn caution(&self) -> Text {
        OUTSIDE
    }

    /// For each half-year with events: whether the figure fell below what it was before and rose again after that.
    #[must_use]
    pub fn relapses(&self, measure: Measure) -> Vec<Relapse> {
        let of = |point: &Point| match measure {
            Measure::Gross => point.gross,
            Measure::Actual => point.actual,
        };
        let values: Vec<(HalfYear, u64)> =
            self.points.iter().filter_map(|p| of(p).map(|value| (p.half, value))).collect();
        let mut halves: Vec<HalfYear> = self.marks.iter().map(|mark| mark.half).collect();
        halves.dedup();
        let relapse = |after: HalfYear| {
            let near = |half: HalfYear| half.number() == after.number() || half.number() + 1 == after.number();
            let before = values.iter().filter(|(half, _)| near(*half)).map(|(_, value)| *value).max()?;
            let later = values.iter().filter(|(half, _)| *half > after);
            let low = *later.min_by_key(|(_, value)| *value)?;
            let again = *values.iter().filter(|(half, _)| *half > low.0).max_by_key(|(_, value)| *value)?;
            (low.1 < before && again.1 > low.1).then_some(Relapse { after, before, low, again })
        };
        halves.into_iter().filter_map(relapse).collect()
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Name,
    source: Name,
    unit: WrittenUnit,
    of: Option<Name>,
    #[serde(default)]
    half: Vec<WrittenHalf>,
    #[serde(default)]
    mark: Vec<WrittenMark>,
    #[serde(default)]
    note: Vec<Name>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum WrittenUnit {
    Yen,
    Count,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHalf {
    year: u16,
    half: u8,
    gross: Option<u64>,
    actual: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMark {
    on: String,
    kind: MarkKind,
    text: Name,
}

impl Written {
    fn series(self, file: &str) -> Result<Series, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut wrong = |code: &'static Code, field: String, value: &str| {
            problems.push(Problem::new(code, Place::file(file).field(field)).with_value(value));
        };
        if self.half.is_empty() {
            wrong(&SERIES_EMPTY, "half".to_owned(), "");
        }
        let value = match (self.unit, self.of) {
            (WrittenUnit::Yen, None) => Value::Yen,
            (WrittenUnit::Count, Some(of)) => Value::Count(of),
            (WrittenUnit::Yen, Some(of)) => {
                wrong(&SERIES_UNREADABLE, "of".to_owned(), &of.ja);
                Value::Yen
            }
            (WrittenUnit::Count, None) => {
                wrong(&SERIES_UNREADABLE, "of".to_owned(), "");
                Value::Yen
            }
        };
        let mut points: Vec<Point> = Vec::new();
        for (at, WrittenHalf { year, half, gross, actual }) in self.half.into_iter().enumerate() {
            let field = format!("half[{at}]");
            let said = format!("{year}-H{half}");
            let Some(half) = HalfYear::new(year, half).filter(|half| points.last().is_none_or(|p| p.half < *half))
            else {
                wrong(&SERIES_ORDER, field, &said);
                continue;
            };
            match (&value, gross, actual) {
                (_, None, None) | (Value::Count(_), None, _) => wrong(&SERIES_NO_VALUE, field, &said),
                (Value::Count(_), _, Some(actual)) => wrong(&SERIES_UNREADABLE, field, &format!("actual = {actual}")),
                (_, Some(gross), Some(actual)) if actual > gross => {
                    wrong(&SERIES_ACTUAL_OVER_GROSS, field, &format!("{said}: {actual} > {gross}"));
                }
                _ => points.push(Point { half, gross, actual }),
            }
        }
        let mut marks = Vec::new();
        for (at, WrittenMark { on, kind, text }) in self.mark.into_iter().enumerate() {
            match month(&on) {
                Some((half, month)) => marks.push(Mark { half, on, month, kind, text }),
                None => wrong(&SERIES_BAD_MARK, format!("mark[{at}].on"), &on),
            }
        }
        marks.sort_by(|a, b| a.on.cmp(&b.on));
        if problems.is_empty() {
            Ok(Series { name: self.name, source: self.source, value, points, marks, notes: self.note })
        } else {
            Err(problems)
        }
    }
}

/// The half-year and the month of `2014-06` or `2014-06-02`.
fn month(on: &str) -> Option<(HalfYear, u8)> {
    let digits = |text: &str, len: usize| {
        (text.len() == len && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<u16>().ok())?
    };
    let mut parts = on.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = u8::try_from(digits(parts.next()?, 2)?).ok()?;
    if let Some(day) = parts.next() {
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let last = match month {
            2 => 28 + u16::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        digits(day, 2).filter(|day| (1..=last).contains(day))?;
    }
    if parts.next().is_some() {
        return None;
    }
    Some((HalfYear::of_month(year, month)?, month))
}
