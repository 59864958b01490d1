//! Shadowserver's report files: CSV read by the publisher's own report schema, which is data and not code.
//!
//! The schema (`intelmq.json`) is not shipped: whoever uses these reports fetches it from the publisher and says where his copy
//! is. The report type is the one in the file's name or, where the file was renamed, the one whose columns its heading is most
//! like; which of the two was used is said. Without a schema, and for a type that the schema does not know, the columns that
//! most reports share are read by a table of our own (`common.rs`), the row is flagged, and what its type does not tell stays
//! undetermined. Every column that nothing knows is kept under `extra.<column>`; every cell that its converter cannot take is
//! kept as written under `extra.<key>`; nothing is lost but «0» and «unknown» where the schema says that they mean nothing, and
//! those still stand in the kept report at the row's offset.
//!
//! Times are UTC without a mark: that is this format's rule and not an assumption, so no zone need be declared.

mod common;
mod converter;
mod schema;

use std::collections::BTreeSet;
use std::sync::Arc;

use csv::StringRecord;
use model::problem::{Code, Place, Problem};
use model::sighting::Flags;
use model::{Classification, Instant, Provenance, Sighting, SightingBatch, Text, Zone};

use self::converter::{Cells, Converted};
use self::schema::{How, Report, Schema};
use crate::civil::{self, Habit, Shown};
use crate::csv::rows::{Row, RowPlace, Rows, Shape};
use crate::extra::Extra;
use crate::fields::{self, Column, TAXONOMY};
use crate::gathered::{Fault, Gathered, RowAt, broken};
use crate::pieces::{More, TextReader};
use crate::reading::{Declared, Ending, FUTURE_TOLERANCE_SECONDS, Halt, Input, Likelihood};
use crate::stream::{Opening, Reader};
use crate::text::{Decoded, NUL_BYTE, beginning, fold};
use crate::writing::{Rendering, Written};

/// The version of what the converters do, in each reading's provenance.
const CONVERTERS: &str = "converters-1";

/// Shadowserver's report files.
#[derive(Debug, Clone, Copy)]
pub struct Shadowserver;

impl crate::Format for Shadowserver {
    fn name(&self) -> &'static str {
        "shadowserver"
    }

    fn specification(&self) -> &'static str {
        "The Shadowserver Foundation, report_schema: intelmq.json, reports.json, report-filename.md"
    }

    fn likelihood(&self, input: &Input<'_>) -> Likelihood {
        let Ok(decoded) = Decoded::leniently(input.file, beginning(input.bytes)) else { return Likelihood::No };
        let mut rows = Rows::of(&decoded, SHAPE);
        let mut heading = StringRecord::new();
        if rows.next(&mut heading).is_none() {
            return Likelihood::No;
        }
        let has = |name: &str| heading.iter().any(|known| known.trim() == name);
        if !has("timestamp") {
            return Likelihood::No;
        }
        // Reports of victims and of sandboxes name nobody by an address.
        let who = common::has_address(has) || has("http_referer_ip") || has("email");
        let telling = [
            "severity",
            "tag",
            "infection",
            "naics",
            "src_naics",
            "sector",
            "src_sector",
            "hostname_source",
            "asn",
            "src_asn",
        ];
        match (kind_in_pattern(input.file), who, telling.iter().filter(|name| has(name)).count()) {
            (Some(_), true, 1..) => Likelihood::Certain,
            (Some(_), false, 1..) | (None, true, 3..) => Likelihood::Likely,
            (None, true, 2) | (None, false, 2..) => Likelihood::Possible,
            _ => Likelihood::No,
        }
    }

    fn open<'a>(&self, opening: Opening<'a>) -> Result<Box<dyn Reader + 'a>, Halt> {
        let (file, declared) = (opening.file, opening.declared);
        opening.text(None, |first| Ok(Box::new(ReportReader::begin(file, first, declared)?)))
    }

    fn write(&self, _rows: &SightingBatch, _rendering: &Rendering<'_>) -> Option<Written> {
        None
    }
}

const SHAPE: Shape = Shape { separator: b',', comments: false };

/// How the report type was found.
enum Found {
    /// By the file's name.
    Name,
    /// By its heading, so like in percent; types that fit equally well are named.
    Heading(usize, Vec<String>),
    /// Neither name nor heading is known.
    Not,
}

/// Reads a report as its pieces come.
struct ReportReader<'a> {
    rows: RowReader<'a>,
    /// The first piece's heading is still to be passed.
    at_heading: bool,
    ending: Ending,
}

impl<'a> ReportReader<'a> {
    fn begin(file: &str, first: &Decoded<'_>, declared: &'a Declared<'a>) -> Result<Self, Problem> {
        let mut record = StringRecord::new();
        let heading_place = match Rows::of(first, SHAPE).next(&mut record) {
            Some(Row::Cells(place)) => place,
            Some(Row::Unclosed(place)) => {
                return Err(Problem::new(&UNCLOSED_QUOTE, Place::file(file).line(place.line)));
            }
            Some(Row::GoesOn(_)) | None => return Err(Problem::new(&crate::text::EMPTY_FILE, Place::file(file))),
        };
        let headings: Vec<String> = record.iter().map(|heading| heading.trim().to_owned()).collect();
        let in_heading = || Place::file(file).line(heading_place.line);
        let mut seen = BTreeSet::new();
        for heading in &headings {
            if !seen.insert(heading.as_str()) {
                return Err(Problem::new(&DOUBLED_HEADING, in_heading().field(heading.as_str())));
            }
        }
        let schema = match declared.schema {
            Some((file, text)) => Some(Schema::read(file, text)?),
            None => None,
        };
        let first_is_v6 = first_address_is_v6(first, &headings);
        let (report, found) = choose(file, &seen, schema.as_ref(), first_is_v6);
        let mut notes: Vec<(Place, &'static Code)> = Vec::new();
        match (&found, &schema) {
            (_, None) => notes.push((Place::file(file), &NO_SCHEMA)),
            (Found::Not, Some(_)) => notes.push((Place::file(file), &UNKNOWN_TYPE)),
            (Found::Heading(_, others), Some(_)) if !others.is_empty() => {
                notes.push((Place::file(file), &AMBIGUOUS_TYPE));
            }
            _ => {}
        }
        if !report.fields.iter().any(|field| field.key == "time.source" && seen.contains(field.column.as_str())) {
            return Err(Problem::new(&NO_TIMESTAMP, in_heading().field("timestamp")));
        }
        for field in &report.fields {
            if field.required && !seen.contains(field.column.as_str()) {
                notes.push((in_heading().field(field.column.as_str()), &COLUMN_MISSING));
            }
            if matches!(field.how, How::Unknown(_)) {
                notes.push((in_heading().field(field.column.as_str()), &UNKNOWN_CONVERTER));
            }
        }
        let ending = Ending {
            provenance: provenance(&report, &found, schema.as_ref(), first.encoding.name()),
            found_by: found_by(&report, &found, schema.is_some()),
            columns: columns(&headings, &report),
            notes,
        };
        let rows = RowReader::of(report, &found, headings, declared);
        let mut reader = Self { rows, at_heading: true, ending };
        for (_, name) in &reader.rows.unknown {
            reader.ending.notes.push((in_heading().field(name.as_str()), &UNKNOWN_COLUMN));
        }
        Ok(reader)
    }
}

impl TextReader for ReportReader<'_> {
    fn piece(&mut self, decoded: &Decoded<'_>, more: More, gathered: &mut Gathered) -> Result<usize, Problem> {
        let mut rows = Rows::piece(decoded, SHAPE, more);
        let mut record = StringRecord::new();
        if std::mem::take(&mut self.at_heading) {
            rows.next(&mut record);
        }
        let width = self.rows.headings.len();
        rows.expect_width(width);
        while let Some(row) = rows.next(&mut record) {
            if gathered.is_full() {
                let (Row::Cells(place) | Row::Unclosed(place) | Row::GoesOn(place)) = row;
                return Ok(place.from);
            }
            let text = |place: RowPlace| decoded.text.get(place.from..place.to).unwrap_or_default();
            let (place, outcome) = match row {
                Row::GoesOn(place) => return Ok(place.from),
                Row::Unclosed(place) => (place, Err(Fault::of(&UNCLOSED_QUOTE))),
                // Spaces on a line of their own.
                Row::Cells(_) if record.len() == 1 && width > 1 && record.iter().all(|cell| cell.trim().is_empty()) => {
                    continue;
                }
                Row::Cells(place) if memchr::memchr(0, text(place).as_bytes()).is_some() => {
                    (place, Err(Fault::of(&NUL_BYTE)))
                }
                Row::Cells(place) if record.len() != width => {
                    let value = format!("{} cells under {width} headings", record.len());
                    (place, Err(Fault { code: &ROW_WIDTH, field: None, value: Some(value) }))
                }
                Row::Cells(place) => match broken(decoded, place.from, place.to) {
                    Some(fault) => (place, Err(fault)),
                    None => (place, self.rows.read(&record)),
                },
            };
            match outcome {
                Ok(()) => {
                    let at = RowAt { line: place.line, offset: place.offset, length: place.length as u64 };
                    gathered.understood(&mut self.rows.sighting, at);
                }
                Err(fault) => gathered.rejected(place.line, fault, text(place)),
            }
        }
        Ok(decoded.text.len())
    }

    fn provenance(&self) -> Provenance {
        self.ending.provenance.clone()
    }

    fn end(&mut self, _read: u64) -> Result<Ending, Problem> {
        Ok(self.ending.clone())
    }
}

fn provenance(report: &Report, found: &Found, schema: Option<&Schema>, encoding: &str) -> Provenance {
    let kind = match found {
        Found::Not => "unknown-type",
        _ => report.kind.as_str(),
    };
    let (date, identity) =
        schema.map_or(("no-schema", "common columns"), |schema| (schema.date.as_str(), schema.identity.as_str()));
    Provenance {
        format: "shadowserver".to_owned(),
        schema: format!("shadowserver {} {kind}", if date.is_empty() { "undated" } else { date }),
        mapping: format!("{identity}, {CONVERTERS}"),
        encoding: encoding.to_owned(),
        zone: None,
    }
}

fn found_by(report: &Report, found: &Found, with_schema: bool) -> String {
    let table = if with_schema { "schema" } else { "common columns" };
    match found {
        Found::Name => format!("name: {} ({table})", report.kind),
        Found::Heading(like, others) if others.is_empty() => format!("heading: {} ({like} % alike)", report.kind),
        Found::Heading(like, others) => {
            format!("heading: {} ({like} % alike), and equally {}", report.kind, others.join(", "))
        }
        Found::Not if report.kind.is_empty() => "heading: no known type (common columns)".to_owned(),
        Found::Not => format!("name: {}, a type that is not known (common columns)", report.kind),
    }
}

/// Headings as understood: the first key that each becomes.
fn columns(headings: &[String], report: &Report) -> Vec<(String, Option<String>)> {
    let key =
        |heading: &String| report.fields.iter().find(|field| field.column == *heading).map(|field| field.key.clone());
    headings.iter().map(|heading| (heading.clone(), key(heading))).collect()
}

/// The type in a name of the published form, `2026-01-31-scan_ics-sample-asn.csv` (report-filename.md).
fn kind_in_pattern(file: &str) -> Option<&str> {
    // Of a member of an archive its own name counts.
    let file = file.rsplit('/').next().unwrap_or(file);
    let stem = file.strip_suffix(".csv").or_else(|| file.strip_suffix(".CSV"))?;
    let (date, rest) = (stem.get(..10)?, stem.get(10..)?.strip_prefix('-')?);
    let is_date = date.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let kind = rest.split('-').next().filter(|kind| !kind.is_empty())?;
    is_date.then_some(kind)
}

/// The report type and how it was found.
///
/// A name of the published form that carries a type which looks like one and is not known is an unknown type: its heading may be
/// like another's, and a guess could call a merely vulnerable system infected.
fn choose(file: &str, headings: &BTreeSet<&str>, schema: Option<&Schema>, first_is_v6: bool) -> (Report, Found) {
    let has = |name: &str| headings.contains(name);
    let in_pattern = kind_in_pattern(file);
    let parts = file.rsplit('/').next().unwrap_or(file).split(['-', '.', ' ']);
    let Some(schema) = schema else {
        let named = in_pattern.into_iter().chain(parts).find(|part| common::classification(part).is_some());
        return match named {
            Some(kind) => (common::report(kind, has), Found::Name),
            None => (common::report(in_pattern.unwrap_or(""), has), Found::Not),
        };
    };
    if let Some(report) = in_pattern.into_iter().chain(parts).find_map(|part| schema.kind(part)) {
        return (copy(report), Found::Name);
    }
    if let Some(kind) = in_pattern.filter(|kind| kind.contains('_')) {
        return (unknown(kind, has), Found::Not);
    }
    let (mut like, percent) = schema.most_like(headings);
    if like.len() > 1 {
        // The same report exists for IPv4 and IPv6, with the same columns.
        let of_this_family: Vec<&Report> =
            like.iter().copied().filter(|report| is_for_v6(&report.kind) == first_is_v6).collect();
        if !of_this_family.is_empty() {
            like = of_this_family;
        }
    }
    let Some((first, others)) = like.split_first() else { return (unknown("", has), Found::Not) };
    let mut report = copy(first);
    if !others.is_empty() {
        report.feed.clear();
    }
    // What the types that fit equally well do not agree on is not known.
    report.constants.retain(|(key, value)| others.iter().all(|other| other.constant(key) == Some(value)));
    (report, Found::Heading(percent, others.iter().map(|other| other.kind.clone()).collect()))
}

/// A report of the common columns whose type tells nothing.
fn unknown(kind: &str, has: impl Fn(&str) -> bool) -> Report {
    Report { constants: Vec::new(), ..common::report(kind, has) }
}

fn copy(report: &Report) -> Report {
    Report {
        kind: report.kind.clone(),
        feed: report.feed.clone(),
        fields: report.fields.clone(),
        constants: report.constants.clone(),
    }
}

fn is_for_v6(kind: &str) -> bool {
    kind.split('_').next().is_some_and(|first| first.ends_with('6')) || kind.ends_with('6')
}

fn first_address_is_v6(decoded: &Decoded<'_>, headings: &[String]) -> bool {
    let Some(at) = headings.iter().position(|heading| matches!(heading.as_str(), "ip" | "src_ip" | "http_referer_ip"))
    else {
        return false;
    };
    let mut rows = Rows::of(decoded, SHAPE);
    let mut record = StringRecord::new();
    rows.next(&mut record);
    rows.next(&mut record);
    record.get(at).is_some_and(|cell| cell.contains(':'))
}

/// Where a field's value goes.
enum Target {
    /// `time.source`.
    Time,
    /// A column of the sighting.
    Column(Column),
    /// A key of `extra`.
    Key(String),
    /// What is derived and not stored.
    Derived,
}

impl Target {
    fn is(&self, key: &str) -> bool {
        matches!(self, Self::Key(known) if known == key)
    }
}

/// A field of the report with its place in the file.
struct Planned {
    at: usize,
    heading: String,
    target: Target,
    how: How,
    required: bool,
    /// Whether an earlier field has the same key: the first that says something is taken.
    again: bool,
}

/// Reads rows into one sighting that is used again and again.
struct RowReader<'a> {
    plan: Vec<Planned>,
    constants: Vec<(Target, String)>,
    feed: String,
    headings: Arc<[String]>,
    /// Columns that the report does not know.
    unknown: Vec<(usize, String)>,
    flags: Flags,
    declared: &'a Declared<'a>,
    latest: Instant,
    /// Whether a row without an address is no row.
    needs_address: bool,
    sighting: Sighting,
    extra: Extra,
}

/// A row's cells under their headings.
struct Named<'r> {
    headings: &'r [String],
    record: &'r StringRecord,
}

impl Cells for Named<'_> {
    fn under(&self, heading: &str) -> Option<&str> {
        self.record.get(self.headings.iter().position(|known| known == heading)?)
    }
}

impl<'a> RowReader<'a> {
    fn of(report: Report, found: &Found, headings: Vec<String>, declared: &'a Declared<'a>) -> Self {
        let at = |column: &str| headings.iter().position(|heading| heading == column);
        let mut plan: Vec<Planned> = Vec::with_capacity(report.fields.len());
        for field in &report.fields {
            if let Some(at) = at(&field.column) {
                let again = report.fields.iter().take_while(|earlier| !std::ptr::eq(*earlier, field));
                let again = again.filter(|earlier| earlier.key == field.key).count() > 0;
                let (heading, how, required) = (field.column.clone(), field.how.clone(), field.required);
                plan.push(Planned { at, heading, target: target(&field.key), how, required, again });
            }
        }
        let known = |heading: &String| report.fields.iter().any(|field| field.column == *heading);
        let unknown: Vec<(usize, String)> =
            headings.iter().cloned().enumerate().filter(|(_, heading)| !known(heading)).collect();
        let type_is_known = match found {
            Found::Name => true,
            // Only where those that fit equally well agree on what happened.
            Found::Heading(_, others) => others.is_empty() || report.constant("classification.type").is_some(),
            Found::Not => false,
        };
        let needs_address = report.fields.iter().any(|field| field.key == "source.ip" && field.required);
        Self {
            plan,
            constants: report.constants.iter().map(|(key, value)| (target(key), value.clone())).collect(),
            feed: report.feed,
            headings: headings.into(),
            unknown,
            flags: if type_is_known { Flags::none() } else { Flags::UNKNOWN_TYPE },
            declared,
            latest: declared.received.plus_seconds(FUTURE_TOLERANCE_SECONDS),
            needs_address,
            sighting: Sighting::infected(),
            extra: Extra::default(),
        }
    }

    fn clear(&mut self) {
        self.sighting = Sighting {
            classification: Classification::Undetermined,
            tags: self.declared.tags,
            flags: self.flags,
            ..Sighting::infected()
        };
        self.extra.clear();
    }

    fn read(&mut self, record: &StringRecord) -> Result<(), Fault> {
        self.clear();
        let headings = Arc::clone(&self.headings);
        let cells = Named { headings: &headings, record };
        let mut address_fault = None;
        let mut classified = false;
        for planned in &self.plan {
            let cell = record.get(planned.at).unwrap_or("");
            let fault = |code| Fault { code, field: Some(planned.heading.clone()), value: Some(cell.to_owned()) };
            if matches!(planned.target, Target::Time) {
                time(cell, self.latest, &mut self.sighting).map_err(fault)?;
                continue;
            }
            let converted = match &planned.how {
                How::By(converter) => converter.convert(cell, &cells),
                How::Plain | How::Unknown(_) if cell.trim().is_empty() => Converted::Nothing,
                How::Plain | How::Unknown(_) => Converted::Text(cell.trim().into()),
            };
            if matches!(planned.target, Target::Column(Column::SourceIp)) {
                let says_something = planned.required || !cell.trim().is_empty();
                address_fault = fields::address(fold(cell).as_ref()).err().filter(|_| says_something).map(fault);
            }
            match (&planned.target, converted) {
                (Target::Derived | Target::Time, _) | (_, Converted::Nothing) => {}
                (Target::Column(column), Converted::Text(text)) => {
                    classified |= *column == Column::Classification;
                    put(*column, &text, cell, &mut self.sighting, &mut self.extra);
                }
                (Target::Column(column), Converted::Json(json)) => {
                    put(*column, &json, cell, &mut self.sighting, &mut self.extra);
                }
                (Target::Column(column), Converted::Kept) => {
                    keep_raw(column.key(), cell, &mut self.sighting, &mut self.extra)
                }
                (Target::Key(key), Converted::Text(text)) if !(planned.again && self.extra.has(key)) => {
                    self.extra.text(key, &text);
                }
                (Target::Key(key), Converted::Json(json)) if !(planned.again && self.extra.has(key)) => {
                    self.extra.json(key, &json);
                }
                (Target::Key(key), Converted::Kept) => keep_raw(key, cell, &mut self.sighting, &mut self.extra),
                // The schema names the key twice for one column; the first has said it.
                (Target::Key(_), _) => {}
            }
        }
        self.constants(classified);
        self.unknown_columns(record);
        // A report of networks has its networks in `source.network`.
        if self.sighting.source_ip.is_none() && !self.extra.has("source.network") {
            match address_fault {
                Some(fault) => return Err(fault),
                None if self.needs_address => return Err(Fault::of(&fields::BAD_ADDRESS)),
                None => {}
            }
        }
        self.finish();
        Ok(())
    }

    /// What holds for every row of the type, where its columns have not said otherwise.
    fn constants(&mut self, classified: bool) {
        for (target, value) in &self.constants {
            match target {
                Target::Column(Column::Classification) if classified => {}
                // Also where it said something that could not be taken.
                Target::Column(Column::Protocol)
                    if self.sighting.protocol.is_some() || self.extra.has("extra.protocol.transport") => {}
                Target::Column(column) => put(*column, value, value, &mut self.sighting, &mut self.extra),
                Target::Key(key) if !self.extra.has(key) => self.extra.text(key, value),
                Target::Key(_) | Target::Derived | Target::Time => {}
            }
        }
        if !self.feed.is_empty() {
            self.extra.text("feed.name", &self.feed);
        }
    }

    fn unknown_columns(&mut self, record: &StringRecord) {
        for (at, heading) in &self.unknown {
            let cell = record.get(*at).unwrap_or("").trim();
            if cell.is_empty() {
                continue;
            }
            self.sighting.flags = self.sighting.flags.and(Flags::UNKNOWN_FIELD);
            let key = format!("extra.{heading}");
            if is_key(&key) && !self.plan.iter().any(|planned| planned.target.is(&key)) {
                self.extra.text(&key, cell);
            } else {
                self.extra.column(heading, cell);
            }
        }
    }

    fn finish(&mut self) {
        let s = &mut self.sighting;
        // What the declared operation is about infects; it makes no device vulnerable.
        if s.malware.is_none() && s.classification.taxonomy() == "malicious-code" {
            s.malware.clone_from(&self.declared.malware);
        }
        if let Some(address) = s.source_ip {
            if s.source_port.is_none() {
                s.flags = s.flags.and(Flags::NO_PORT);
            }
            if self.declared.special.name_of(address).is_some() {
                s.flags = s.flags.and(Flags::SPECIAL_ADDRESS);
            }
        }
        s.extra = self.extra.object().map(str::to_owned);
    }
}

fn target(key: &str) -> Target {
    match Column::with_key(key) {
        Some(Column::Time) => Target::Time,
        // Tags are what is declared and the columns that only we write; a report cannot set them.
        Some(Column::Tlp | Column::ExactTlp | Column::Pap | Column::DataClass | Column::Flags) => {
            Target::Key(format!("extra.{key}"))
        }
        Some(column) => Target::Column(column),
        None if key == TAXONOMY => Target::Derived,
        None if is_key(key) => Target::Key(key.to_owned()),
        None => Target::Key(format!(
            "extra.{}",
            key.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_")
        )),
    }
}

/// Whether IntelMQ takes it as a key: `^[a-z_][a-z_0-9]+(\.[a-z_0-9]+)*$`.
fn is_key(key: &str) -> bool {
    let mut parts = key.split('.');
    let good = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    parts.next().is_some_and(|first| {
        first.len() > 1 && !first.as_bytes().first().is_some_and(u8::is_ascii_digit) && good(first)
    }) && parts.all(good)
}

/// The time, in UTC unless it carries a zone of its own.
fn time(cell: &str, latest: Instant, s: &mut Sighting) -> Result<(), &'static Code> {
    let folded = fold(cell);
    if folded.is_empty() {
        return Err(&fields::BAD_TIME);
    }
    let written = civil::read(&folded, &Habit::default())?;
    let zone: Zone = match written.zone {
        Some(zone) => zone.parse().map_err(|_| &fields::BAD_ZONE)?,
        None => Zone::utc(),
    };
    let instant = match written.shown {
        Shown::Instant(instant) => instant,
        Shown::Clock(clock) => Instant::from_civil(clock, &zone).map_err(|_| &fields::BAD_TIME)?,
    };
    if instant > latest {
        return Err(&civil::TIME_IN_FUTURE);
    }
    s.time = Some(instant);
    s.uncertainty = written.uncertainty;
    s.zone = Some(zone.as_str().to_owned());
    s.flags = s.flags.and(written.flags);
    Ok(())
}

/// Puts the value into its column; what the column cannot take is kept as written. Port 0 is no port.
fn put(column: Column, value: &str, cell: &str, s: &mut Sighting, extra: &mut Extra) {
    let port_zero = matches!(column, Column::SourcePort | Column::DestinationPort) && value == "0";
    let taken_already = match column {
        Column::SourceIp => s.source_ip.is_some(),
        Column::Malware => s.malware.is_some(),
        _ => false,
    };
    if port_zero || taken_already {
        return;
    }
    if column.take(value, s).is_err() {
        keep_raw(column.key(), cell, s, extra);
    }
}

fn keep_raw(key: &str, cell: &str, s: &mut Sighting, extra: &mut Extra) {
    let json = serde_json::Value::from(cell.trim()).to_string();
    extra.kept_raw(key, &json);
    s.flags = s.flags.and(Flags::FIELD_KEPT_RAW);
}

/// The schema is not of the published form.
pub static SCHEMA_UNREADABLE: Code = Code {
    code: "shadowserver-schema-unreadable",
    text: Text {
        ja: "レポートスキーマとして読み取れません", en: "not a report schema of the published form"
    },
    help: Text {
        ja: "Shadowserver Foundation が公開している report_schema の intelmq.json を指定してください。",
        en: "give the file intelmq.json of the report_schema that the Shadowserver Foundation publishes",
    },
    example: "reports.json in place of intelmq.json",
};

/// No schema was given.
pub static NO_SCHEMA: Code = Code {
    code: "shadowserver-no-schema",
    text: Text {
        ja: "レポートスキーマが指定されていないため、共通の列だけを読み取りました",
        en: "no report schema was given; only the columns that most reports share were read",
    },
    help: Text {
        ja: "intelmq.json の場所を設定すると、すべての列を読み取れます。その他の列は extra に残しています。",
        en: "say where your copy of intelmq.json is to have every column read; the others are kept in extra",
    },
    example: "noroshi ingest 2026-01-31-event4_sinkhole-jp-asn.csv (without a schema)",
};

/// The schema does not know the type.
pub static UNKNOWN_TYPE: Code = Code {
    code: "shadowserver-unknown-type",
    text: Text {
        ja: "スキーマにないレポート種別です。共通の列だけを読み取り、分類は未確定としました",
        en: "the schema does not know this report type; the common columns were read, and what happened is undetermined",
    },
    help: Text {
        ja: "intelmq.json を最新版に更新して、もう一度取り込んでください。元のファイルは保管されています。",
        en: "fetch the publisher's latest intelmq.json and read the report again; the file is kept",
    },
    example: "2026-01-31-scan_new_thing-jp-asn.csv",
};

/// Several types fit the heading equally well.
pub static AMBIGUOUS_TYPE: Code = Code {
    code: "shadowserver-ambiguous-type",
    text: Text {
        ja: "見出しに当てはまるレポート種別が複数あります。一致しない項目は未確定としました",
        en: "several report types have these columns; what they do not agree on is left undetermined",
    },
    help: Text {
        ja: "配布時のファイル名（日付-種別-….csv）に戻すと、種別を確定できます。",
        en: "give the file its original name (date-type-….csv) and read it again",
    },
    example: "report.csv with the columns of scan_smtp and of scan_smtp_vulnerable",
};

/// A column that the type does not have.
pub static UNKNOWN_COLUMN: Code = Code {
    code: "shadowserver-unknown-column",
    text: Text {
        ja: "このレポート種別にない列です。extra に残しました",
        en: "the report type has no such column; it is kept in extra",
    },
    help: Text {
        ja: "intelmq.json が古い可能性があります。最新版で読み直せます。",
        en: "the schema may be older than the report; it can be read again with a newer one",
    },
    example: "timestamp,ip,port,new_column",
};

/// A column that the type needs and the file lacks.
pub static COLUMN_MISSING: Code = Code {
    code: "shadowserver-column-missing",
    text: Text {
        ja: "このレポート種別に必要な列がありません", en: "a column that the report type needs is missing"
    },
    help: Text {
        ja: "列を削除していないか確認し、元のファイルを取り込んでください。",
        en: "check that nobody took the column out, and read the file as it was delivered",
    },
    example: "a sinkhole report without src_port",
};

/// No time.
pub static NO_TIMESTAMP: Code = Code {
    code: "shadowserver-no-timestamp",
    text: Text { ja: "日時の列（timestamp）がありません", en: "there is no column `timestamp`" },
    help: Text {
        ja: "1行目が見出しであることを確認してください。別の形式なら --from で形式を指定してください。",
        en: "check that the first line is the heading; name the format with --from if it is another one",
    },
    example: "ip,port",
};

/// The schema names a converter that is not known here.
pub static UNKNOWN_CONVERTER: Code = Code {
    code: "shadowserver-unknown-converter",
    text: Text {
        ja: "スキーマの変換名に未対応のものがあります。値は表記のまま取り込みました",
        en: "the schema names a converter that is not known here; the value is taken as written",
    },
    help: Text {
        ja: "プログラムを更新してください。それまでの値も元の表記で残っています。",
        en: "update the program; until then nothing is lost, since the value stays as written",
    },
    example: "[\"extra.\", \"moon\", \"convert_phase_of_moon\"]",
};

/// A heading that stands twice.
pub static DOUBLED_HEADING: Code = Code {
    code: "shadowserver-doubled-heading",
    text: Text { ja: "同じ見出しの列が2つあります", en: "a heading stands twice" },
    help: Text {
        ja: "配布時のレポートに重複はありません。加工していない元のファイルを取り込んでください。",
        en: "reports never have that; read the file as it was delivered",
    },
    example: "timestamp,ip,ip,port",
};

/// A row that is not as wide as the heading.
pub static ROW_WIDTH: Code = Code {
    code: "shadowserver-row-width",
    text: Text { ja: "列の数が見出しと一致しません", en: "the row is not as wide as the heading" },
    help: Text {
        ja: "ファイルが途中で切れていないか、区切り文字が値に含まれていないか確認してください。",
        en: "check whether the file was cut off, or a value holds a separator",
    },
    example: "2026-01-31 00:00:00,192.0.2.1",
};

/// A quote that is opened and not closed.
pub static UNCLOSED_QUOTE: Code = Code {
    code: "shadowserver-unclosed-quote",
    text: Text { ja: "引用符（\"）が閉じられていません", en: "a quote is opened and not closed" },
    help: Text {
        ja: "この行の引用符を確認してください。他の行は読み取っています。",
        en: "check the quotes on this line; the other lines were read",
    },
    example: "\"2026-01-31 00:00:00\",\"192.0.2.1",
};

/// Every code that this format can utter.
pub static CODES: &[&Code] = &[
    &SCHEMA_UNREADABLE,
    &NO_SCHEMA,
    &UNKNOWN_TYPE,
    &AMBIGUOUS_TYPE,
    &UNKNOWN_COLUMN,
    &COLUMN_MISSING,
    &NO_TIMESTAMP,
    &UNKNOWN_CONVERTER,
    &DOUBLED_HEADING,
    &ROW_WIDTH,
    &UNCLOSED_QUOTE,
];

#[cfg(test)]
mod tests;
