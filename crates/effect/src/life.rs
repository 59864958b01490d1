//! The life table: per day since a start, how many had the event and how many were watched no longer.
//!
//! A table is kept as cells: a span of days and a count, apart for events and for those censored. A node's own table has
//! spans of one day; a table that left its node has wider ones where counts were small (see [`crate::small`]). Adding two
//! tables adds the counts of equal spans and keeps all others: exact, and the same in every order.
//!
//! A day is 24 hours since the subject's own start: day 0 is the first 24 hours. Who is censored on a day was at risk on
//! that day (the usual convention, and R's). Whatever ends a subject's watch other than the table's event censors him: the
//! end of watching, a change of address, or the other event. That this has nothing to do with the event is assumed, and
//! the result's text must say so.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use model::Instant;
use model::text::Text;
use serde::{Deserialize, Serialize};

use crate::code::{BAD_CELL, DAY_TOO_FAR, ENDS_BEFORE_START, Fault, NOT_THE_SAME, TOO_MANY};
use crate::count::{Count, Counted, Unit};

/// The last day that a table can have: a hundred years, which no operation lasts.
pub const LAST_DAY: u32 = 36_500;

/// The most that a table can count: beyond it floating point would round.
const MOST: u64 = 1 << 53;

const DAY_MICROS: i64 = 86_400_000_000;

/// From when the days count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Since {
    /// The first sighting.
    FirstSeen,
    /// The day on which the delivery was sent to the partner: a start that told and not told have in common.
    Sent,
    /// The notice.
    Told,
}

impl Since {
    /// For people.
    #[must_use]
    pub const fn text(self) -> Text {
        match self {
            Self::FirstSeen => Text { ja: "最初の観測から", en: "since first seen" },
            Self::Sent => Text { ja: "協力先への送付から", en: "since sent to the partner" },
            Self::Told => Text { ja: "通知から", en: "since told" },
        }
    }
}

/// What a table watches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The subject was sighted again.
    SeenAgain,
    /// The subject's terminal was cleaned.
    Cleaned,
}

impl Event {
    /// For people.
    #[must_use]
    pub const fn text(self) -> Text {
        match self {
            Self::SeenAgain => Text { ja: "再観測", en: "seen again" },
            Self::Cleaned => Text { ja: "駆除確認", en: "cleaned" },
        }
    }

    /// What the curve then shows, for people.
    #[must_use]
    pub const fn survivors(self) -> Text {
        match self {
            Self::SeenAgain => Text { ja: "再観測されていない割合", en: "not seen again" },
            Self::Cleaned => Text { ja: "駆除が確認されていない割合", en: "not yet cleaned" },
        }
    }
}

/// What a table is about. Tables that differ in it are never added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct About {
    /// From when the days count.
    pub since: Since,
    /// What is watched for.
    pub event: Event,
}

/// How the watch of one subject ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// With the event.
    Event,
    /// Without it: watched no longer.
    Censored,
}

/// Days since the start, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    from: u32,
    to: u32,
}

impl Span {
    /// The days from `from` to `to`.
    ///
    /// # Errors
    /// [`BAD_CELL`] where it ends before it begins, [`DAY_TOO_FAR`] beyond [`LAST_DAY`].
    pub const fn new(from: u32, to: u32) -> Result<Self, Fault> {
        if to > LAST_DAY {
            return Err(Fault::at(&DAY_TOO_FAR, to as u64));
        }
        if from > to {
            return Err(Fault::at(&BAD_CELL, from as u64));
        }
        Ok(Self { from, to })
    }

    /// The first day.
    #[must_use]
    pub const fn from(self) -> u32 {
        self.from
    }

    /// The last day.
    #[must_use]
    pub const fn to(self) -> u32 {
        self.to
    }

    /// How many days.
    #[must_use]
    pub const fn days(self) -> u32 {
        self.to - self.from + 1
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }
}

/// Counts by span, sorted.
pub(crate) type Cells = BTreeMap<Span, u64>;

/// How many of `U` had the event or were censored, by days since the start.
///
/// INVARIANT: no count is 0; all counts and those withheld together are at most 2^53.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts", bound = "U: Counted")]
pub struct LifeTable<U> {
    about: About,
    pub(crate) events: Cells,
    pub(crate) censored: Cells,
    pub(crate) withheld: u64,
    unit: PhantomData<U>,
}

/// One line of a table as it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The days, both included.
    pub span: Span,
    /// Watched when the span's last day began.
    pub at_risk: u64,
    /// Had the event within the span.
    pub events: u64,
    /// Watched no longer after the span.
    pub censored: u64,
}

impl<U: Counted> LifeTable<U> {
    /// A table of nobody.
    #[must_use]
    pub const fn empty(about: About) -> Self {
        Self { about, events: Cells::new(), censored: Cells::new(), withheld: 0, unit: PhantomData }
    }

    /// The table of subjects, each with its start, its end and how it ended.
    ///
    /// # Errors
    /// [`ENDS_BEFORE_START`], [`DAY_TOO_FAR`], [`TOO_MANY`]; the number is that of the subject, from 1.
    pub fn of(about: About, watched: impl IntoIterator<Item = (Instant, Instant, Ending)>) -> Result<Self, Fault> {
        let mut table = Self::empty(about);
        for (at, (start, end, ending)) in (1..).zip(watched) {
            let micros = end.as_micros().checked_sub(start.as_micros()).ok_or(Fault::at(&DAY_TOO_FAR, at))?;
            if micros < 0 {
                return Err(Fault::at(&ENDS_BEFORE_START, at));
            }
            let day = u32::try_from(micros / DAY_MICROS).map_err(|_| Fault::at(&DAY_TOO_FAR, at))?;
            let span = Span::new(day, day).map_err(|_| Fault::at(&DAY_TOO_FAR, at))?;
            let cells = match ending {
                Ending::Event => &mut table.events,
                Ending::Censored => &mut table.censored,
            };
            let count = cells.entry(span).or_default();
            *count = count.saturating_add(1);
        }
        table.checked()
    }

    /// What the table is about.
    #[must_use]
    pub const fn about(&self) -> About {
        self.about
    }

    /// Both tables together.
    ///
    /// # Errors
    /// [`NOT_THE_SAME`] where they are about different things, [`TOO_MANY`] beyond 2^53.
    pub fn add(&self, other: &Self) -> Result<Self, Fault> {
        if self.about != other.about {
            return Err(Fault::new(&NOT_THE_SAME));
        }
        let mut sum = self.clone();
        sum.withheld = sum.withheld.saturating_add(other.withheld);
        for (mine, theirs) in [(&mut sum.events, &other.events), (&mut sum.censored, &other.censored)] {
            for (span, count) in theirs {
                let cell = mine.entry(*span).or_default();
                *cell = cell.saturating_add(*count);
            }
        }
        sum.checked()
    }

    /// All tables together; none of no table.
    ///
    /// # Errors
    /// As [`LifeTable::add`].
    pub fn sum<'a>(tables: impl IntoIterator<Item = &'a Self>) -> Result<Option<Self>, Fault>
    where
        U: 'a,
    {
        let mut tables = tables.into_iter();
        let Some(first) = tables.next() else { return Ok(None) };
        tables.try_fold(first.clone(), |sum, table| sum.add(table)).map(Some)
    }

    /// How many the table shows: all that entered the watch, but for those withheld.
    #[must_use]
    pub fn entered(&self) -> Count<U> {
        Count::new(self.events.values().chain(self.censored.values()).sum())
    }

    /// How many had the event.
    #[must_use]
    pub fn had_event(&self) -> Count<U> {
        Count::new(self.events.values().sum())
    }

    /// How many were watched to the end without it.
    #[must_use]
    pub fn were_censored(&self) -> Count<U> {
        Count::new(self.censored.values().sum())
    }

    /// How many stand in no cell because their tables were too small to be shown. No curve counts them.
    #[must_use]
    pub const fn withheld(&self) -> Count<U> {
        Count::new(self.withheld)
    }

    /// The days of the widest span: 1 where every day stands alone, 0 in an empty table.
    #[must_use]
    pub fn resolution_days(&self) -> u32 {
        self.events.keys().chain(self.censored.keys()).map(|span| span.days()).max().unwrap_or(0)
    }

    /// Lines to print, by the last day of their spans. Where spans of several nodes overlap, a line begins with the
    /// earliest of those that end with it.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let mut left = self.entered().number();
        let mut rows: BTreeMap<u32, Row> = BTreeMap::new();
        let kinds = [(&self.events, Ending::Event), (&self.censored, Ending::Censored)];
        for (span, count, ending) in
            kinds.iter().flat_map(|(cells, ending)| cells.iter().map(|(s, c)| (*s, *c, *ending)))
        {
            let row = rows.entry(span.to).or_insert(Row { span, at_risk: 0, events: 0, censored: 0 });
            row.span = row.span.with(span);
            match ending {
                Ending::Event => row.events += count,
                Ending::Censored => row.censored += count,
            }
        }
        let mut rows: Vec<Row> = rows.into_values().collect();
        for row in &mut rows {
            row.at_risk = left;
            left -= row.events + row.censored;
        }
        rows
    }

    /// The bare numbers, for the wire and the archive.
    #[must_use]
    pub fn parts(&self) -> Parts {
        let cells =
            |cells: &Cells| cells.iter().map(|(s, count)| Cell { from: s.from, to: s.to, count: *count }).collect();
        Parts {
            since: self.about.since,
            event: self.about.event,
            unit: U::UNIT,
            withheld: self.withheld,
            events: cells(&self.events),
            censored: cells(&self.censored),
        }
    }

    /// The table, if it is within the invariant.
    fn checked(self) -> Result<Self, Fault> {
        let counts = self.events.values().chain(self.censored.values()).copied();
        let total = counts.fold(u128::from(self.withheld), |sum, count| sum + u128::from(count));
        if total > u128::from(MOST) { Err(Fault::new(&TOO_MANY)) } else { Ok(self) }
    }

    /// The same subjects with other cells.
    pub(crate) fn with_cells(&self, events: Cells, censored: Cells) -> Self {
        Self { about: self.about, events, censored, withheld: self.withheld, unit: PhantomData }
    }
}

/// One cell as the wire and the archive carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The first day since the start.
    pub from: u32,
    /// The last day.
    pub to: u32,
    /// How many.
    pub count: u64,
}

/// A table's bare numbers as somebody wrote them, not yet known to be a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// From when the days count.
    pub since: Since,
    /// What was watched for.
    pub event: Event,
    /// What is counted.
    pub unit: Unit,
    /// Counted in no cell, because their table was too small.
    pub withheld: u64,
    /// Those who had the event, by span, sorted.
    pub events: Vec<Cell>,
    /// Those who were censored, by span, sorted.
    pub censored: Vec<Cell>,
}

impl<U: Counted> TryFrom<Parts> for LifeTable<U> {
    type Error = Fault;
    fn try_from(parts: Parts) -> Result<Self, Fault> {
        if parts.unit != U::UNIT {
            return Err(Fault::new(&NOT_THE_SAME));
        }
        let mut table = Self::empty(About { since: parts.since, event: parts.event });
        table.withheld = parts.withheld;
        for (cells, written) in [(&mut table.events, parts.events), (&mut table.censored, parts.censored)] {
            for cell in written {
                let span = Span::new(cell.from, cell.to)?;
                if cell.count == 0 || cells.last_key_value().is_some_and(|(last, _)| *last >= span) {
                    return Err(Fault::at(&BAD_CELL, u64::from(cell.from)));
                }
                cells.insert(span, cell.count);
            }
        }
        table.checked()
    }
}

impl<U: Counted> From<LifeTable<U>> for Parts {
    fn from(table: LifeTable<U>) -> Self {
        table.parts()
    }
}
