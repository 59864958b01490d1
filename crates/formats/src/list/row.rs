//! One row of a list as a sighting.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use model::problem::Code;
use model::sighting::Flags;
use model::special::SpecialRanges;
use model::{Classification, Instant, Sighting, Tags, Text, Zone};

use super::cell::{
    endpoint, is_nothing, is_url, name_and_port, port_and_protocol, refang, without_apostrophe, without_formula,
};
use super::headings::Meaning;
use super::layout::{Layout, Role};
use super::mapping::Mapping;
use super::rows::{Delimiter, Row};
use crate::civil::{self, Form, Habit, Shown, Written};
use crate::csv::write::gets_apostrophe;
use crate::extra::Extra;
use crate::fields::{self, BAD_ZONE, COLUMNS, Column, LOCAL_TIME, MORE, TAXONOMY};
use crate::reading::{Declared, FUTURE_TOLERANCE_SECONDS};
use crate::text::{NUL_BYTE, fold};

/// When the source made its report: the one key without a column that holds a time.
const OBSERVED: &str = "time.observation";

/// What is wrong with a row, and in which column.
pub(super) struct Fault {
    pub(super) code: &'static Code,
    pub(super) column: Option<usize>,
    pub(super) value: Option<String>,
}

impl Fault {
    fn of(code: &'static Code, column: usize, value: &str) -> Self {
        Self { code, column: Some(column), value: Some(value.to_owned()) }
    }
}

/// What became of a row.
pub(super) enum Outcome {
    /// It was understood.
    Understood,
    /// It was not.
    Rejected(Fault),
    /// Two columns that mean the same differ: the file is refused.
    Contradiction(Fault),
}

/// Reads rows into one sighting that is used again and again, so that a row costs no allocation of its own.
pub(super) struct RowReader<'a> {
    plan: Plan<'a>,
    work: Work,
}

/// What holds for all rows.
struct Plan<'a> {
    layout: Arc<Layout>,
    special: &'a SpecialRanges,
    habit: Habit,
    /// The latest time that is not the future.
    latest: Instant,
    /// The zone of times that carry none.
    zone: Option<Zone>,
    classification: Classification,
    malware: Option<String>,
    tags: Tags,
    places: Places,
    /// Whether any column carries what only we know.
    ours: bool,
    /// Columns whose words the mapping translates.
    values: Vec<(usize, HashMap<String, String>)>,
    /// What a row must have.
    required: Vec<Meaning>,
}

/// A field that has no column: where it is kept, as JSON, and whether nothing knew it.
pub(super) struct Kept {
    pub(super) place: KeptAt,
    pub(super) json: String,
    pub(super) unknown: bool,
}

/// Where a field is kept.
pub(super) enum KeptAt {
    /// Under this key.
    Key(String),
    /// Inside [`COLUMNS`], under its name.
    Name(String),
}

/// What changes from row to row.
struct Work {
    sighting: Sighting,
    /// The zone last read from a row.
    row_zone: Option<Zone>,
    /// Whether any cell was defanged so far.
    defanged: bool,
    /// How many times carried their own zone.
    zoned: u64,
    extra: Extra,
}

/// Where the columns stand.
#[derive(Default)]
struct Places {
    source: Option<usize>,
    source_port: Option<usize>,
    destination: Option<usize>,
    destination_port: Option<usize>,
    /// Whether the other end may stand there by its name or URL instead of its address.
    destination_by_name: bool,
    time: Option<usize>,
    epoch: Option<usize>,
    date: Option<usize>,
    clock: Option<usize>,
    zone: Option<usize>,
    tlp: Option<usize>,
    exact_tlp: Option<usize>,
    taxonomy: Option<usize>,
    /// Columns that need no other, in the file's order.
    alone: Vec<(usize, Column)>,
    /// Columns kept under a key, and whether no table knew their heading.
    keys: Vec<(usize, String, bool)>,
    /// Columns kept under their name.
    names: Vec<(usize, String)>,
    /// A column and the earlier one that it repeats.
    again: Vec<(usize, usize)>,
}

impl Places {
    fn of(layout: &Layout) -> Self {
        let mut places = Self::default();
        for (index, planned) in layout.columns.iter().enumerate() {
            match &planned.role {
                Role::Means(meaning) => places.put(index, meaning),
                Role::Key(key) if key == TAXONOMY => places.taxonomy = Some(index),
                Role::Key(key) => places.keys.push((index, key.clone(), planned.unknown)),
                Role::Named(name) => places.names.push((index, name.clone())),
                Role::Again(first) => places.again.push((index, *first)),
            }
        }
        let of_its_own = |column| places.alone.iter().any(|(_, other)| *other == column);
        places.destination_by_name &= !of_its_own(Column::DestinationFqdn) && !of_its_own(Column::DestinationUrl);
        places
    }

    fn put(&mut self, index: usize, meaning: &Meaning) {
        self.destination_by_name |= *meaning == Meaning::DestinationEndpoint;
        let slot = match meaning {
            Meaning::SourceEndpoint | Meaning::Column(Column::SourceIp) => &mut self.source,
            Meaning::Column(Column::SourcePort) => &mut self.source_port,
            Meaning::DestinationEndpoint | Meaning::Column(Column::DestinationIp) => &mut self.destination,
            Meaning::Column(Column::DestinationPort) => &mut self.destination_port,
            Meaning::Column(Column::Time) => &mut self.time,
            Meaning::Epoch => &mut self.epoch,
            Meaning::Date => &mut self.date,
            Meaning::Clock => &mut self.clock,
            Meaning::Zone => &mut self.zone,
            Meaning::Column(Column::Tlp) => &mut self.tlp,
            Meaning::Column(Column::ExactTlp) => &mut self.exact_tlp,
            Meaning::Column(column) => return self.alone.push((index, *column)),
            Meaning::Other(key) => return self.keys.push((index, key.clone(), false)),
        };
        *slot = Some(index);
    }
}

impl<'a> RowReader<'a> {
    pub(super) fn new(layout: &Arc<Layout>, mapping: &Mapping, declared: &'a Declared<'_>) -> Self {
        let heading_zone = layout.zone.as_deref().and_then(|zone| zone.parse().ok());
        let plan = Plan {
            layout: Arc::clone(layout),
            special: declared.special,
            habit: mapping.habit.clone(),
            latest: declared.received.plus_seconds(FUTURE_TOLERANCE_SECONDS),
            zone: heading_zone.or_else(|| declared.zone.clone()).or_else(|| mapping.zone.clone()),
            classification: mapping.classification.unwrap_or(declared.classification),
            malware: mapping.malware.clone().or_else(|| declared.malware.clone()),
            tags: declared.tags,
            places: Places::of(layout),
            ours: layout.columns.iter().any(|column| column.name.starts_with("extra.noroshi.")),
            values: translated(layout, mapping),
            required: mapping.required.clone(),
        };
        let work =
            Work { sighting: Sighting::infected(), row_zone: None, defanged: false, zoned: 0, extra: Extra::default() };
        Self { plan, work }
    }

    /// The zone of times that carry none.
    pub(super) const fn zone(&self) -> Option<&Zone> {
        self.plan.zone.as_ref()
    }

    /// The row last read; its place in the file is the caller's to fill in.
    pub(super) const fn sighting(&mut self) -> &mut Sighting {
        &mut self.work.sighting
    }

    /// Whether any cell was defanged so far.
    pub(super) const fn defanged(&self) -> bool {
        self.work.defanged
    }

    /// How many times carried their own zone so far.
    pub(super) const fn zoned(&self) -> u64 {
        self.work.zoned
    }

    /// Reads `row` into [`RowReader::sighting`].
    pub(super) fn read(&mut self, row: &Row<'_>) -> Outcome {
        self.read_with(row, &[])
    }

    /// As [`RowReader::read`], with fields that no cell holds.
    pub(super) fn read_with(&mut self, row: &Row<'_>, kept: &[Kept]) -> Outcome {
        if row.unclosed {
            return Outcome::Rejected(Fault { code: &UNCLOSED_QUOTE, column: None, value: None });
        }
        if row.raw().contains('\0') {
            return Outcome::Rejected(Fault { code: &NUL_BYTE, column: None, value: None });
        }
        let cells = Cells { row, plan: &self.plan };
        for (later, first) in &self.plan.places.again {
            let (one, other) = (cells.cell(*first).trim(), cells.cell(*later).trim());
            if one != other && !is_nothing(&fold(one)) && !is_nothing(&fold(other)) {
                return Outcome::Contradiction(Fault::of(&DUPLICATED_HEADING, *later, &format!("{one} / {other}")));
            }
        }
        match self.work.fill(&self.plan, &cells, kept) {
            Ok(()) => Outcome::Understood,
            Err(fault) => Outcome::Rejected(fault),
        }
    }
}

/// A row's cells by column.
struct Cells<'r> {
    row: &'r Row<'r>,
    plan: &'r Plan<'r>,
}

impl<'r> Cells<'r> {
    /// The cell as written, without the spaces around it. Of two columns that mean the same, the one that holds something; between
    /// spaces, the last column takes what is left of the row.
    fn text(&self, index: usize) -> &'r str {
        let text = self.untranslated(index);
        match self.plan.values.iter().find(|(column, _)| *column == index) {
            Some((_, words)) if !text.is_empty() => translation(words, text).unwrap_or(text),
            _ => text,
        }
    }

    /// The cell at that place, or what the mapping says that stands there in every row.
    fn cell(&self, index: usize) -> &'r str {
        match index.checked_sub(self.plan.layout.width).and_then(|behind| self.plan.layout.constants.get(behind)) {
            Some(constant) => constant,
            None => self.row.cell(index),
        }
    }

    fn untranslated(&self, index: usize) -> &'r str {
        let last = self.plan.layout.width.checked_sub(1) == Some(index) && self.spaced();
        let cell = if last { self.row.rest_of(index) } else { self.cell(index) };
        let cell = if self.plan.layout.formulas { without_formula(cell) } else { cell };
        let cell = match cell.strip_prefix('\'') {
            Some(bare) if self.plan.layout.apostrophes && gets_apostrophe(bare) => bare,
            _ => cell,
        };
        let cell = cell.trim();
        let again = &self.plan.places.again;
        if !again.is_empty() && is_nothing(&fold(cell)) {
            let others = again.iter().filter(|(_, first)| *first == index).map(|(later, _)| self.cell(*later).trim());
            return others.into_iter().find(|cell| !is_nothing(&fold(cell))).unwrap_or(cell);
        }
        cell
    }

    fn spaced(&self) -> bool {
        matches!(self.plan.layout.delimiter, Delimiter::Spaces | Delimiter::WideSpaces)
    }

    /// The cell of a column that holds addresses, numbers or times, folded to ASCII; none where it says that there is no value.
    fn folded(&self, index: Option<usize>) -> Option<(usize, Cow<'r, str>)> {
        let index = index?;
        let cell = match fold(self.text(index)) {
            Cow::Borrowed(cell) => Cow::Borrowed(without_apostrophe(cell)),
            Cow::Owned(cell) => Cow::Owned(without_apostrophe(&cell).to_owned()),
        };
        (!is_nothing(&cell)).then_some((index, cell))
    }

    /// Cells to the right of the last heading: something moved, and nobody knows what.
    fn beyond(&self) -> Option<usize> {
        let width = self.plan.layout.width;
        if self.spaced() || self.plan.layout.heading_line.is_none() {
            return None;
        }
        (width..self.row.len()).find(|index| !self.row.cell(*index).trim().is_empty())
    }
}

impl Work {
    fn fill(&mut self, plan: &Plan<'_>, cells: &Cells<'_>, kept: &[Kept]) -> Result<(), Fault> {
        self.clear(plan);
        for (index, words) in &plan.values {
            let text = cells.untranslated(*index);
            if !text.is_empty() && translation(words, text).is_none() {
                return Err(Fault::of(&VALUE_NOT_IN_TABLE, *index, text));
            }
        }
        if let Some(beyond) = cells.beyond() {
            let value = Some(cells.row.cell(beyond).to_owned());
            return Err(Fault { code: &TOO_MANY_CELLS, column: None, value });
        }
        self.source(plan, cells)?;
        self.time(plan, cells)?;
        self.destination(plan, cells);
        self.tags(plan, cells)?;
        for (index, column) in &plan.places.alone {
            self.alone(cells, *index, *column)?;
        }
        self.keep_the_rest(plan, cells);
        self.keep_fields(kept);
        if let Some(missing) = plan.required.iter().find(|meaning| !self.has(meaning)) {
            return Err(Fault { code: &FIELD_REQUIRED, column: None, value: Some(missing.name().into_owned()) });
        }
        let s = &mut self.sighting;
        if s.source_ip.is_none() && s.source_fqdn.is_none() && s.source_url.is_none() && s.source_account.is_none() {
            return Err(Fault { code: &fields::ADDRESS_MISSING, column: plan.places.source, value: None });
        }
        if s.source_ip.is_some() && s.source_port.is_none() {
            s.flags = s.flags.and(Flags::NO_PORT);
        }
        match self.extra.object() {
            Some(extra) => fields::keep(&mut s.extra, extra),
            None => s.extra = None,
        }
        Ok(())
    }

    fn clear(&mut self, plan: &Plan<'_>) {
        self.extra.clear();
        let s = &mut self.sighting;
        s.time = None;
        s.source_ip = None;
        s.source_port = None;
        s.protocol = None;
        s.source_asn = None;
        s.destination_ip = None;
        s.destination_port = None;
        s.classification = plan.classification;
        s.tags = plan.tags;
        s.flags = Flags::none();
        for text in [
            &mut s.reference,
            &mut s.source_fqdn,
            &mut s.source_url,
            &mut s.source_account,
            &mut s.destination_fqdn,
            &mut s.destination_url,
        ] {
            *text = None;
        }
        match &plan.malware {
            Some(malware) => fields::keep(&mut s.malware, malware),
            None => s.malware = None,
        }
    }

    fn source(&mut self, plan: &Plan<'_>, cells: &Cells<'_>) -> Result<(), Fault> {
        let Some((index, cell)) = cells.folded(plan.places.source) else {
            return self.source_port(plan, cells, None);
        };
        let bare = self.refang(&cell);
        let found = endpoint(&bare).map_err(|code| Fault::of(code, index, cells.text(index)))?;
        self.sighting.source_ip = Some(found.address);
        if plan.special.name_of(found.address).is_some() {
            self.sighting.flags = self.sighting.flags.and(Flags::SPECIAL_ADDRESS);
        }
        self.source_port(plan, cells, found.port.map(|port| (index, port)))
    }

    fn source_port(&mut self, plan: &Plan<'_>, cells: &Cells<'_>, beside: Option<(usize, &str)>) -> Result<(), Fault> {
        let own = cells.folded(plan.places.source_port);
        for (index, cell) in [beside.map(|(i, p)| (i, Cow::Borrowed(p))), own].into_iter().flatten() {
            let (port, protocol) = port_and_protocol(&cell);
            let port = fields::port(port).map_err(|code| Fault::of(code, index, cells.text(index)))?;
            if self.sighting.source_port.is_some_and(|other| other != port) {
                return Err(Fault::of(&PORTS_DISAGREE, index, cells.text(index)));
            }
            self.sighting.source_port = Some(port);
            if let Some(protocol) = protocol {
                let protocol = protocol.parse().map_err(|_| Fault::of(&fields::BAD_PORT, index, cells.text(index)))?;
                self.sighting.protocol = Some(protocol);
            }
        }
        Ok(())
    }

    fn time(&mut self, plan: &Plan<'_>, cells: &Cells<'_>) -> Result<(), Fault> {
        let places = &plan.places;
        let column = places.time.or(places.epoch).or(places.date);
        let missing = || Fault { code: &TIME_MISSING, column, value: None };
        let mut both = String::new();
        let (index, cell) = match (places.time, places.epoch, places.date) {
            (Some(time), ..) => cells.folded(Some(time)).ok_or_else(missing)?,
            (None, Some(epoch), _) => cells.folded(Some(epoch)).ok_or_else(missing)?,
            (None, None, Some(_)) => {
                let (index, date) = cells.folded(places.date).ok_or_else(missing)?;
                let clock = cells.folded(places.clock);
                both.push_str(&date);
                if let Some((_, clock)) = clock {
                    both.push(' ');
                    both.push_str(&clock);
                }
                (index, Cow::Borrowed(both.as_str()))
            }
            (None, None, None) => return Err(missing()),
        };
        let read = if places.time.is_none() && places.epoch.is_some() {
            let form = if cell.len() > 11 { Form::EpochMillis } else { Form::EpochSeconds };
            civil::read(&cell, &Habit { form: Some(form), two_digit_years_are_20xx: false })
        } else {
            civil::read(&cell, &plan.habit)
        };
        let fault = |code| Fault::of(code, index, if places.date.is_some() { &cell } else { cells.text(index) });
        let written = read.map_err(fault)?;
        self.place_time(plan, cells, &written, fault)
    }

    fn place_time(
        &mut self,
        plan: &Plan<'_>,
        cells: &Cells<'_>,
        written: &Written<'_>,
        fault: impl Fn(&'static Code) -> Fault,
    ) -> Result<(), Fault> {
        let beside = cells.folded(plan.places.zone);
        let beside = match &beside {
            Some((index, cell)) => {
                Some(civil::zone_word(cell).ok_or_else(|| Fault::of(&BAD_ZONE, *index, cells.text(*index)))?)
            }
            None => None,
        };
        if let (Some(one), Some(other)) = (written.zone, beside)
            && one != other
        {
            return Err(fault(&BAD_ZONE));
        }
        let in_row = written.zone.or(beside);
        if let Some(name) = in_row
            && self.row_zone.as_ref().is_none_or(|last| last.as_str() != name)
        {
            self.row_zone = Some(name.parse().map_err(|_| fault(&BAD_ZONE))?);
        }
        let zone = if in_row.is_some() { self.row_zone.as_ref() } else { plan.zone.as_ref() };
        let instant = civil::place(written.shown, zone, plan.latest);
        if matches!(written.shown, Shown::Instant(_)) || in_row.is_some() {
            self.zoned += 1;
        }
        let s = &mut self.sighting;
        s.time = Some(instant.map_err(fault)?);
        s.uncertainty = written.uncertainty;
        s.flags = s.flags.and(written.flags);
        match (zone, written.shown) {
            // Our own records are always in UTC, and say in a column of their own how the zone was first written.
            _ if plan.ours => s.zone = None,
            // A count since 1970 was written in no zone.
            (None, _) => s.zone = None,
            (Some(_), Shown::Instant(_)) if in_row.is_none() => s.zone = None,
            (Some(zone), _) => {
                if s.zone.as_deref() != Some(zone.as_str()) {
                    fields::keep(&mut s.zone, zone.as_str());
                }
            }
        }
        Ok(())
    }

    /// The other end. What is wrong with it does not cost the row: it is kept as written.
    fn destination(&mut self, plan: &Plan<'_>, cells: &Cells<'_>) {
        if let Some((index, cell)) = cells.folded(plan.places.destination) {
            let bare = self.refang(&cell);
            match endpoint(&bare) {
                Ok(found) => {
                    self.sighting.destination_ip = Some(found.address);
                    if let Some(port) = found.port {
                        match fields::port(port_and_protocol(port).0) {
                            Ok(port) => self.sighting.destination_port = Some(port),
                            Err(_) => self.keep_raw(Column::DestinationPort, cells.text(index)),
                        }
                    }
                }
                Err(_) if plan.places.destination_by_name && self.destination_name(&bare) => {}
                Err(_) => self.keep_raw(Column::DestinationIp, cells.text(index)),
            }
        }
        if let Some((index, cell)) = cells.folded(plan.places.destination_port) {
            match fields::port(port_and_protocol(&cell).0) {
                Ok(port) if self.sighting.destination_port.is_none_or(|other| other == port) => {
                    self.sighting.destination_port = Some(port);
                }
                _ => self.keep_raw(Column::DestinationPort, cells.text(index)),
            }
        }
    }

    /// Takes `c2.example.net`, `c2.example.net:443`, `http://c2.example.net/x` for the other end; says whether it was one of these.
    fn destination_name(&mut self, cell: &str) -> bool {
        if is_url(cell) {
            fields::keep(&mut self.sighting.destination_url, cell);
            return true;
        }
        let Some((name, port)) = name_and_port(cell) else { return false };
        fields::keep(&mut self.sighting.destination_fqdn, name);
        self.sighting.destination_port = port.or(self.sighting.destination_port);
        true
    }

    fn tags(&mut self, plan: &Plan<'_>, cells: &Cells<'_>) -> Result<(), Fault> {
        let shown = cells.folded(plan.places.tlp);
        let exact = cells.folded(plan.places.exact_tlp);
        let text = |cell: &Option<(usize, Cow<'_, str>)>| cell.as_ref().map(|(_, text)| text.to_string());
        if shown.is_none() && exact.is_none() {
            return Ok(());
        }
        let column = shown.as_ref().or(exact.as_ref()).map_or(0, |(index, _)| *index);
        let given = fields::tlp_of(text(&shown).as_deref(), text(&exact).as_deref())
            .map_err(|code| Fault::of(code, column, cells.text(column)))?;
        if let Some(tlp) = given {
            self.sighting.tags.tlp = self.sighting.tags.tlp.max(tlp);
        }
        Ok(())
    }

    fn alone(&mut self, cells: &Cells<'_>, index: usize, column: Column) -> Result<(), Fault> {
        if column.is_text() {
            let text = cells.text(index);
            if text.is_empty() || text == "-" {
                return Ok(());
            }
            let name = !matches!(column, Column::Reference | Column::Malware | Column::SourceAccount);
            let bare = if name { self.refang(text) } else { Cow::Borrowed(text) };
            return column.take(&bare, &mut self.sighting).map_err(|code| Fault::of(code, index, text));
        }
        let Some((_, cell)) = cells.folded(Some(index)) else { return Ok(()) };
        match column.take(&cell, &mut self.sighting) {
            Ok(()) => Ok(()),
            // A tag read as nothing might let the row go too far.
            Err(code) if matches!(column, Column::Pap | Column::DataClass) => {
                Err(Fault::of(code, index, cells.text(index)))
            }
            Err(_) => {
                self.keep_raw(column, cells.text(index));
                Ok(())
            }
        }
    }

    /// Every other cell that holds anything.
    fn keep_the_rest(&mut self, plan: &Plan<'_>, cells: &Cells<'_>) {
        let mut unknown = false;
        if let Some(index) = plan.places.taxonomy {
            let text = cells.text(index);
            if !text.is_empty() && text != self.sighting.classification.taxonomy() {
                self.extra.text("extra.classification.taxonomy", text);
                self.sighting.flags = self.sighting.flags.and(Flags::FIELD_KEPT_RAW);
            }
        }
        for (index, key, new) in &plan.places.keys {
            let text = cells.text(*index);
            if text.is_empty() {
                continue;
            }
            match (key.as_str(), object(text)) {
                (LOCAL_TIME, _) => continue,
                // Our own CSV: the columns of an earlier list, and keys that had no column, as one object each.
                (COLUMNS, Some(columns)) => {
                    columns.iter().for_each(|(name, value)| self.extra.column_json(name, &value.to_string()));
                    continue;
                }
                (COLUMNS, None) => {
                    self.extra.column("columns", text);
                    continue;
                }
                (MORE, Some(more)) => {
                    for (key, value) in more.iter().filter(|(key, _)| fields::is_other_idf_key(key)) {
                        self.extra.json(key, &value.to_string());
                    }
                    continue;
                }
                _ => {}
            }
            if key == OBSERVED && !plan.ours {
                match self.observed(plan, text) {
                    Some(time) => self.extra.text(key, &time),
                    None => self.keep_text(key, text),
                }
                continue;
            }
            // An object or array under an IDF key is what a writer of CSV made of one.
            if !new && text.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
                self.extra.json(key, text);
                continue;
            }
            self.extra.text(key, text);
            unknown |= new;
        }
        for (index, name) in &plan.places.names {
            let text = cells.text(*index);
            if !text.is_empty() {
                self.extra.column(name, text);
                unknown = true;
            }
        }
        if plan.layout.heading_line.is_none() && !cells.spaced() {
            for index in plan.layout.width..cells.row.len() {
                let text = cells.row.cell(index).trim();
                if !text.is_empty() {
                    self.extra.text(&format!("extra.column_{}", index + 1), text);
                    unknown = true;
                }
            }
        }
        if unknown {
            self.sighting.flags = self.sighting.flags.and(Flags::UNKNOWN_FIELD);
        }
    }

    fn keep_fields(&mut self, kept: &[Kept]) {
        for Kept { place, json, unknown } in kept {
            match place {
                KeptAt::Key(key) if self.extra.has(key) => self.extra.kept_raw(key, json),
                KeptAt::Key(key) => self.extra.json(key, json),
                KeptAt::Name(name) => self.extra.column_json(name, json),
            }
            if *unknown {
                self.sighting.flags = self.sighting.flags.and(Flags::UNKNOWN_FIELD);
            }
        }
    }

    /// Whether the row has what is meant.
    fn has(&self, meaning: &Meaning) -> bool {
        let s = &self.sighting;
        match meaning {
            Meaning::SourceEndpoint => s.source_ip.is_some() && s.source_port.is_some(),
            Meaning::DestinationEndpoint => s.destination_ip.is_some() && s.destination_port.is_some(),
            Meaning::Date | Meaning::Clock | Meaning::Epoch => s.time.is_some(),
            Meaning::Zone => s.zone.is_some(),
            Meaning::Other(key) => self.extra.has(key),
            Meaning::Column(column) => match column {
                Column::Reference => s.reference.is_some(),
                Column::Time => s.time.is_some(),
                Column::Zone => s.zone.is_some(),
                Column::SourceIp => s.source_ip.is_some(),
                Column::SourcePort => s.source_port.is_some(),
                Column::Protocol => s.protocol.is_some(),
                Column::SourceAsn => s.source_asn.is_some(),
                Column::SourceFqdn => s.source_fqdn.is_some(),
                Column::SourceUrl => s.source_url.is_some(),
                Column::SourceAccount => s.source_account.is_some(),
                Column::DestinationIp => s.destination_ip.is_some(),
                Column::DestinationPort => s.destination_port.is_some(),
                Column::DestinationFqdn => s.destination_fqdn.is_some(),
                Column::DestinationUrl => s.destination_url.is_some(),
                Column::Malware => s.malware.is_some(),
                // Every row has these.
                Column::Uncertainty
                | Column::Classification
                | Column::Tlp
                | Column::ExactTlp
                | Column::Pap
                | Column::DataClass
                | Column::Flags => true,
            },
        }
    }

    /// When the source's report was made, in UTC as IDF has it: without its zone a reader would take it for UTC.
    fn observed(&self, plan: &Plan<'_>, text: &str) -> Option<String> {
        let folded = fold(text);
        let written = civil::read(&folded, &plan.habit).ok()?;
        let beside: Option<Zone> = written.zone.and_then(|zone| zone.parse().ok());
        let instant = civil::place(written.shown, beside.as_ref().or(plan.zone.as_ref()), plan.latest).ok()?;
        Some(fields::idf_time(instant))
    }

    fn keep_raw(&mut self, column: Column, text: &str) {
        self.keep_text(column.key(), text);
    }

    fn keep_text(&mut self, key: &str, text: &str) {
        self.extra.kept_raw(key, &serde_json::Value::from(text).to_string());
        self.sighting.flags = self.sighting.flags.and(Flags::FIELD_KEPT_RAW);
    }

    fn refang<'t>(&mut self, cell: &'t str) -> Cow<'t, str> {
        let bare = refang(cell);
        self.defanged |= matches!(bare, Cow::Owned(_));
        bare
    }
}

/// The columns whose words the mapping translates.
fn translated(layout: &Layout, mapping: &Mapping) -> Vec<(usize, HashMap<String, String>)> {
    let words = |role: &Role| {
        mapping.values.iter().find(|(meaning, _)| match (role, meaning) {
            (Role::Means(role), meaning) => role == meaning,
            (Role::Key(key), Meaning::Other(other)) => key == other,
            _ => false,
        })
    };
    let columns = layout.columns.iter().take(layout.width).enumerate();
    columns.filter_map(|(index, column)| Some((index, words(&column.role)?.1.clone()))).collect()
}

/// What a word means; `*` stands for every one that is not in the table.
fn translation<'w>(words: &'w HashMap<String, String>, text: &str) -> Option<&'w str> {
    words.get(text).or_else(|| words.get("*")).map(String::as_str)
}

/// The object that a cell holds as JSON.
fn object(text: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
    if text.starts_with('{') { serde_json::from_str(text).ok() } else { None }
}

/// A quote that was opened and not closed.
pub(super) static UNCLOSED_QUOTE: Code = Code {
    code: "unclosed-quote",
    text: Text { ja: "引用符（\"）が閉じられていません", en: "a quote is opened and not closed" },
    help: Text {
        ja: "引用符を閉じるか、値の中の引用符を二重（\"\"）にしてください",
        en: "close the quote, or double the quotes inside the value",
    },
    example: "\"192.0.2.1,2014-06-30 09:00:00",
};

/// Two columns that mean the same and say different things.
pub(super) static DUPLICATED_HEADING: Code = Code {
    code: "duplicated-heading",
    text: Text {
        ja: "同じ意味の見出しが2つあり、値が食い違っています",
        en: "two headings mean the same, and their values differ",
    },
    help: Text {
        ja: "どちらの列を使うか、見出しを直すか、マッピングファイルの [columns] で一方を \"extra\" としてください",
        en: "rename one of them, or say in a mapping file under [columns] that one is \"extra\"",
    },
    example: "IPアドレス,IPアドレス,日時\n192.0.2.1,192.0.2.2,2014-06-30 09:00:00",
};

/// More cells than headings.
pub(super) static TOO_MANY_CELLS: Code = Code {
    code: "too-many-cells",
    text: Text { ja: "見出しより多くの項目があります", en: "the row has more cells than the heading" },
    help: Text {
        ja: "値の中の区切り文字を引用符で囲んでください。列がずれている可能性があるため、この行は受け付けません",
        en: "quote values that hold the delimiter; the row is refused because its cells may have moved",
    },
    example: "IP,日時\n192.0.2.1,2014-06-30 09:00:00,東京,大阪",
};

/// No time.
pub(crate) static TIME_MISSING: Code = Code {
    code: "time-missing",
    text: Text { ja: "日時がありません", en: "the row has no time" },
    help: Text {
        ja: "アドレスだけでは利用者を特定できません。観測した日時を記載してください",
        en: "an address alone finds no subscriber; give the time at which it was seen",
    },
    example: "192.0.2.1,1234,",
};

/// Two ports for one address.
pub(super) static PORTS_DISAGREE: Code = Code {
    code: "ports-disagree",
    text: Text {
        ja: "アドレスに付いたポートとポート列の値が食い違っています",
        en: "the port beside the address is not that of the port's own column",
    },
    help: Text {
        ja: "どちらが正しいか元の記録を確認してください",
        en: "look up in the source's own records which is right",
    },
    example: "192.0.2.1:1234,80,2014-06-30 09:00:00",
};

/// A word that the mapping does not translate.
pub(super) static VALUE_NOT_IN_TABLE: Code = Code {
    code: "value-not-in-table",
    text: Text {
        ja: "マッピングファイルの対応表（values）にない値です",
        en: "the value is not in the mapping file's table of values",
    },
    help: Text {
        ja: "対応表に加えてください。残りすべてを同じ意味とするなら \"*\" を書きます",
        en: "add it to the table; `\"*\"` stands for all that are not in it",
    },
    example: "[values.\"classification.type\"]\n\"drone\" = \"infected-system\"",
};

/// A field that the mapping requires.
pub(super) static FIELD_REQUIRED: Code = Code {
    code: "field-required",
    text: Text {
        ja: "マッピングファイルが必須とした項目がありません",
        en: "the row lacks a field that the mapping file requires",
    },
    help: Text {
        ja: "送信元に確認するか、マッピングファイルの required から外してください",
        en: "ask the source, or take the field out of `required` in the mapping file",
    },
    example: "required = [\"source.port\"]",
};

/// What this file can utter.
pub(super) static CODES: [&Code; 7] = [
    &UNCLOSED_QUOTE,
    &DUPLICATED_HEADING,
    &TOO_MANY_CELLS,
    &TIME_MISSING,
    &PORTS_DISAGREE,
    &VALUE_NOT_IN_TABLE,
    &FIELD_REQUIRED,
];
