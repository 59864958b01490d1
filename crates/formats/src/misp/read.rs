//! The rows of events, in the order of their attributes and objects.

use std::collections::BTreeMap;

use model::problem::{Code, Place, Problem};
use model::report::Provenance;
use model::{Classification, Instant, Pap, Sighting};
use serde_json::Value;

use super::event::{Event, Events, Item, Tagged, is_set, list, number, text};
use super::*;
use crate::draft::Draft;
use crate::fields::Column;
use crate::gathered::{Fault, Gathered, RowAt};
use crate::reading::Ending;
use crate::text::NO_ROWS;

/// So many rows are read at a time, give or take those of one object.
const ROWS_AT_A_TIME: u64 = 4_096;

/// More attributes than this in one object are not read: their rows would not fit into memory together.
const MOST_ATTRIBUTES: usize = 2_000;

/// More notes of one kind say nothing new.
const MOST_NOTES: usize = 20;

/// Objects that tell of one communication.
const TRAFFIC: [&str; 3] = ["network-connection", "netflow", "network-socket"];

/// Reads the attributes and objects of events.
pub(super) struct EventReader<'a> {
    file: &'a str,
    events: Events,
    rows: Rows<'a>,
    /// The next attribute or object.
    next: usize,
    done: bool,
}

impl<'a> EventReader<'a> {
    pub(super) fn open(mut opening: Opening<'a>) -> Result<Self, Halt> {
        let events = Events::open(&mut opening)?;
        let (file, declared) = (opening.file, opening.declared);
        let rows = Rows {
            file,
            draft: Draft::new(declared),
            event: crate::idf::Event::new(declared),
            notes: Vec::new(),
            foreign: BTreeMap::new(),
        };
        Ok(Self { file, events, rows, next: 0, done: false })
    }
}

impl Reader for EventReader<'_> {
    fn next(&mut self, rows: &mut Gathered) -> Result<bool, Halt> {
        if self.done {
            return Ok(false);
        }
        let before = rows.read();
        while self.next < self.events.items.len() && rows.read() - before < ROWS_AT_A_TIME {
            self.rows.item(&self.events, self.next, rows);
            self.next += 1;
        }
        self.done = self.next >= self.events.items.len();
        let behind = self.events.items.get(self.next..).unwrap_or_default().iter().find_map(|item| match item {
            Item::Attribute(spot, _) | Item::Object(spot, _) => Some(spot.at.offset),
            Item::Broken(..) => None,
        });
        self.events.held.read_up_to(behind.filter(|_| !self.done), rows);
        Ok(true)
    }

    fn provenance(&self) -> Provenance {
        Provenance {
            format: "misp".to_owned(),
            schema: "misp core".to_owned(),
            mapping: "-".to_owned(),
            encoding: self.events.held.encoding.to_owned(),
            zone: None,
        }
    }

    fn end(&mut self, rows: u64) -> Result<Ending, Problem> {
        if rows == 0 {
            return Err(Problem::new(&NO_ROWS, Place::file(self.file)));
        }
        let mut notes = std::mem::take(&mut self.rows.notes);
        for (name, line) in &self.rows.foreign {
            notes.push((Place::file(self.file).line(*line).field(name), &MISP_NO_ROW));
        }
        Ok(Ending {
            provenance: self.provenance(),
            found_by: "events with attributes".to_owned(),
            columns: Vec::new(),
            notes,
        })
    }
}

/// What rows are made with.
struct Rows<'a> {
    file: &'a str,
    draft: Draft<'a>,
    event: crate::idf::Event<'a>,
    notes: Vec<(Place, &'static Code)>,
    /// Types that make no row, with the line of the first.
    foreign: BTreeMap<String, u64>,
}

/// What an attribute stands in.
#[derive(Clone, Copy)]
struct Context<'c> {
    event: Option<&'c Event>,
    /// The object that it is a part of.
    object: Option<&'c Value>,
    line: u64,
}

impl Rows<'_> {
    fn item(&mut self, events: &Events, index: usize, rows: &mut Gathered) {
        let (spot, event, is_object) = match events.items.get(index) {
            Some(Item::Attribute(spot, event)) => (spot, *event, false),
            Some(Item::Object(spot, event)) => (spot, *event, true),
            Some(Item::Broken(line, code, raw)) => return rows.rejected(*line, Fault::of(code), raw),
            None => return,
        };
        let raw = events.held.at(spot);
        let Some(value) = events.value(spot) else {
            return rows.rejected(spot.at.line, Fault::of(&MISP_NOT_AN_ATTRIBUTE), raw);
        };
        let event = event.and_then(|event| events.events.get(event));
        let context = Context { event, object: is_object.then_some(&value), line: spot.at.line };
        let mut out = Out { rows, at: spot.at, raw };
        if is_object {
            self.object(&value, context, &mut out);
        } else {
            self.attribute(&value, context, &mut out);
        }
    }

    /// A row of an attribute, where its type makes one.
    fn attribute(&mut self, attribute: &Value, context: Context<'_>, out: &mut Out<'_, '_>) {
        let (Some(kind), Some(value)) = (text(attribute, "type"), text(attribute, "value")) else {
            return out.give(Err(Fault::of(&MISP_NOT_AN_ATTRIBUTE)));
        };
        if !makes_row(&kind) {
            return self.note_type(&kind, context.line);
        }
        if is_set(attribute, "deleted") {
            return out.give(Err(Fault::of(&MISP_DELETED)));
        }
        self.draft.begin();
        let read = self.value(&kind, &value).and_then(|()| {
            self.about(attribute, &kind, context)?;
            self.draft.finish()
        });
        out.give(read);
    }

    /// The rows of an object.
    fn object(&mut self, object: &Value, context: Context<'_>, out: &mut Out<'_, '_>) {
        let carried = text(object, "comment").and_then(|comment| Some(comment.strip_prefix(CARRIES)?.to_owned()));
        let given = list(object, "Attribute").len();
        if given > MOST_ATTRIBUTES {
            return out.give(Err(Fault::at(&MISP_TOO_MANY, "Attribute", &given.to_string())));
        }
        let attributes: Vec<&Value> = list(object, "Attribute").iter().filter(|one| !is_set(one, "deleted")).collect();
        if is_set(object, "deleted") || (attributes.is_empty() && !list(object, "Attribute").is_empty()) {
            return out.give(Err(Fault::of(&MISP_DELETED)));
        }
        if let Some(carried) = carried {
            let read = self.ours(&carried, object, &attributes, context);
            return out.give(read.map(|()| self.event.sighting()));
        }
        let name = text(object, "name").unwrap_or_default();
        let read = match name.as_str() {
            _ if TRAFFIC.contains(&&*name) => Some(self.traffic(object, &attributes, context)),
            "ip-port" | "domain-ip" if is_one_end(&attributes) => Some(self.one_end(object, &attributes, context)),
            "ip-port" if is_traffic(&attributes) => Some(self.traffic(object, &attributes, context)),
            "file" => self.file(object, &attributes, context),
            _ => None,
        };
        match read {
            Some(Ok(())) => out.give(self.draft.finish()),
            Some(Err(fault)) => out.give(Err(fault)),
            None => {
                let before = out.rows.read();
                attributes.iter().for_each(|attribute| self.attribute(attribute, context, out));
                if out.rows.read() == before {
                    self.note_type(&format!("object {name}"), context.line);
                }
            }
        }
    }

    /// A row that we wrote. What the event says around it narrows it, and must not contradict it.
    fn ours(
        &mut self,
        carried: &str,
        object: &Value,
        attributes: &[&Value],
        context: Context<'_>,
    ) -> Result<(), Fault> {
        let tlp = self.event.row(carried)?.tags.tlp;
        let mut marks = self.marks(object, context, Some(tlp));
        for attribute in attributes {
            let more = self.marks(attribute, context, Some(tlp));
            (marks.0, marks.1) = (marks.0.max(more.0), marks.1.max(more.1));
        }
        let row = self.event.sighting();
        row.tags.tlp = row.tags.tlp.max(marks.0.unwrap_or(row.tags.tlp));
        row.tags.pap = row.tags.pap.max(marks.1.unwrap_or(row.tags.pap));
        let Some(address) = row.source_ip else { return Ok(()) };
        let values = attributes.iter().filter_map(|attribute| text(attribute, "value")?.parse().ok());
        let mut told = values.peekable();
        if told.peek().is_none() || told.any(|one: model::Address| one == address) {
            return Ok(());
        }
        Err(Fault::at(&MISP_CONTRADICTS, Column::SourceIp.key(), &address.to_string()))
    }

    /// Both ends of a communication, as the object's template names them.
    fn traffic(&mut self, object: &Value, attributes: &[&Value], context: Context<'_>) -> Result<(), Fault> {
        self.draft.begin();
        for attribute in attributes {
            let Some(value) = text(attribute, "value") else { continue };
            let relation = text(attribute, "object_relation").unwrap_or_default();
            let draft = &mut self.draft;
            match relation.as_str() {
                "ip-src" => own_address(draft, &value)?,
                "ip-dst" => draft.put(Column::DestinationIp, &value)?,
                "hostname-src" => draft.put(Column::SourceFqdn, &value)?,
                "hostname-dst" | "hostname" | "domain" => draft.put(Column::DestinationFqdn, &value)?,
                "src-port" => draft.put(Column::SourcePort, &value)?,
                "dst-port" => draft.put(Column::DestinationPort, &value)?,
                "layer4-protocol" | "protocol" => draft.put(Column::Protocol, &value)?,
                "layer7-protocol" => draft.keep("protocol.application", &value.to_ascii_lowercase()),
                "first-packet-seen" | "last-packet-seen" | "first-seen" | "last-seen" => {
                    let time = draft.instant(&relation, &value)?;
                    draft.row.time = draft.row.time.max(Some(time));
                }
                other => {
                    if let Some(key) = crate::fields::extra_key(other) {
                        draft.keep(&key, &value);
                    }
                }
            }
        }
        self.whole(object, attributes, context)
    }

    /// An address, a name and a port that belong together.
    fn one_end(&mut self, object: &Value, attributes: &[&Value], context: Context<'_>) -> Result<(), Fault> {
        self.draft.begin();
        for attribute in attributes {
            let Some(value) = text(attribute, "value") else { continue };
            let relation = text(attribute, "object_relation").unwrap_or_default();
            let draft = &mut self.draft;
            match relation.as_str() {
                "ip" | "ip-dst" | "ip-src" => own_address(draft, &value)?,
                "domain" | "hostname" => draft.put(Column::SourceFqdn, &value)?,
                "dst-port" | "src-port" | "port" => draft.put(Column::SourcePort, &value)?,
                "protocol" => draft.put(Column::Protocol, &value)?,
                "AS" => draft.put(Column::SourceAsn, &value)?,
                "first-seen" | "last-seen" => {
                    let time = draft.instant(&relation, &value)?;
                    draft.row.time = draft.row.time.max(Some(time));
                }
                other => {
                    if let Some(key) = crate::fields::extra_key(other) {
                        draft.keep(&key, &value);
                    }
                }
            }
        }
        self.whole(object, attributes, context)
    }

    /// The digests of one file; none where it has none that has a key.
    fn file(&mut self, object: &Value, attributes: &[&Value], context: Context<'_>) -> Option<Result<(), Fault>> {
        self.draft.begin();
        let mut any = false;
        for attribute in attributes {
            let (Some(kind), Some(value)) = (text(attribute, "type"), text(attribute, "value")) else { continue };
            match kind.as_str() {
                "md5" | "sha1" | "sha256" => any |= self.draft.hash(&kind, &value),
                "filename" => self.draft.keep("extra.misp.file_name", &value),
                _ => {}
            }
        }
        any.then(|| self.whole(object, attributes, context))
    }

    /// What an object says of its one row: what each of its attributes does, and itself.
    fn whole(&mut self, object: &Value, attributes: &[&Value], context: Context<'_>) -> Result<(), Fault> {
        let time = self.draft.row.time;
        let mut kinds = Vec::new();
        for attribute in attributes {
            let kind = text(attribute, "type").unwrap_or_default();
            self.tags(attribute, &kind, context);
            if self.draft.row.classification != Classification::Undetermined {
                kinds.push(self.draft.row.classification);
            }
        }
        self.draft.row.classification = crate::label::agreed(kinds.into_iter()).unwrap_or(Classification::Undetermined);
        // Both ends are there: which of them the category means, it does not say. Only a tag does.
        let both = self.draft.row.destination_ip.is_some() || self.draft.row.destination_fqdn.is_some();
        if both {
            let said = attributes.iter().filter_map(|attribute| Tagged::of(attribute).kind);
            let said = crate::label::agreed(said).or_else(|| context.event.and_then(|event| event.tagged.kind));
            self.draft.row.classification = said.unwrap_or(Classification::Undetermined);
        }
        self.common(object, context)?;
        self.draft.row.time = time.or(self.draft.row.time);
        Ok(())
    }

    /// Puts an attribute's value into its columns; a composite one has two parts.
    fn value(&mut self, kind: &str, value: &str) -> Result<(), Fault> {
        let draft = &mut self.draft;
        let parts = || {
            // Before 2.4.70 ports stood behind a colon.
            let parted = value.split_once('|').or_else(|| value.rsplit_once(':').filter(|(one, _)| !one.contains(':')));
            parted.ok_or_else(|| Fault::at(&MISP_COMPOSITE, kind, value))
        };
        match kind {
            "ip-src" | "ip-dst" => own_address(draft, value),
            "ip-src|port" | "ip-dst|port" => {
                let (address, port) = parts()?;
                own_address(draft, address)?;
                draft.put(Column::SourcePort, port)
            }
            "domain" | "hostname" => draft.put(Column::SourceFqdn, value),
            "domain|ip" => {
                let (name, address) = parts()?;
                draft.put(Column::SourceFqdn, name)?;
                own_address(draft, address)
            }
            "hostname|port" => {
                let (name, port) = parts()?;
                draft.put(Column::SourceFqdn, name)?;
                draft.put(Column::SourcePort, port)
            }
            "url" => draft.put(Column::SourceUrl, value),
            "md5" | "sha1" | "sha256" => {
                if draft.hash(kind, value) {
                    Ok(())
                } else {
                    Err(Fault::at(&crate::fields::BAD_FIELD, kind, value))
                }
            }
            "filename|md5" | "filename|sha1" | "filename|sha256" | "malware-sample" => {
                let (file, digest) = value.rsplit_once('|').ok_or_else(|| Fault::at(&MISP_COMPOSITE, kind, value))?;
                draft.keep("extra.misp.file_name", file);
                let algorithm = kind.split_once('|').map_or("md5", |(_, algorithm)| algorithm);
                if draft.hash(algorithm, digest) {
                    Ok(())
                } else {
                    Err(Fault::at(&crate::fields::BAD_FIELD, kind, value))
                }
            }
            // The mail types; what they are of stands beside them.
            _ => draft.put(Column::SourceAccount, value),
        }
    }

    /// What every row says of the attribute that it is.
    fn about(&mut self, attribute: &Value, kind: &str, context: Context<'_>) -> Result<(), Fault> {
        let draft = &mut self.draft;
        draft.keep("extra.misp.type", kind);
        draft.keep("extra.misp.category", &text(attribute, "category").unwrap_or_default());
        draft.keep_value("extra.misp.to_ids", &Value::Bool(is_set(attribute, "to_ids")));
        draft.keep("extra.misp.relation", &text(attribute, "object_relation").unwrap_or_default());
        self.tags(attribute, kind, context);
        self.common(attribute, context)?;
        if let Some(object) = context.object {
            // What the object says of all of its attributes.
            let marks = self.marks(object, context, None);
            self.draft.narrow(marks.0, marks.1);
            self.draft.keep("extra.misp.object", &text(object, "name").unwrap_or_default());
            if self.draft.row.time.is_none() {
                self.times(object)?;
            }
        }
        Ok(())
    }

    /// What the tags of an attribute and its event say.
    fn tags(&mut self, attribute: &Value, kind: &str, context: Context<'_>) {
        let (tlp, pap) = self.marks(attribute, context, None);
        self.draft.narrow(tlp, pap);
        let own = Tagged::of(attribute);
        let nothing = Tagged::default();
        let events = context.event.map_or(&nothing, |event| &event.tagged);
        let draft = &mut self.draft;
        let category = by_category(attribute, kind);
        // An event of infected terminals names servers, too: what is no terminal by its type is not meant by that.
        let terminal = kind.starts_with("ip-src");
        let events_kind = events.kind.filter(|said| *said != Classification::InfectedSystem || terminal);
        draft.row.classification = own.kind.or(category).or(events_kind).unwrap_or(Classification::Undetermined);
        if draft.row.malware.is_none() {
            draft.row.malware = own.malware.clone().or_else(|| events.malware.clone());
        }
        if let Some(percent) = own.accuracy.or(events.accuracy) {
            draft.keep_value("feed.accuracy", &percent.into());
        }
        let names: Vec<String> = own.names.iter().chain(&events.names).cloned().collect();
        if !names.is_empty() {
            draft.keep_value("extra.misp.tags", &names.into());
        }
    }

    /// What attributes and objects have alike: their uuid, their comment, their event, their times, their sightings.
    fn common(&mut self, one: &Value, context: Context<'_>) -> Result<(), Fault> {
        self.times(one)?;
        let draft = &mut self.draft;
        draft.row.reference = text(one, "uuid");
        draft.keep("misp.attribute_uuid", &text(one, "uuid").unwrap_or_default());
        draft.keep("comment", &text(one, "comment").unwrap_or_default());
        draft.keep("extra.misp.timestamp", &text(one, "timestamp").unwrap_or_default());
        draft.keep("extra.misp.distribution", &text(one, "distribution").unwrap_or_default());
        draft.keep(
            "extra.misp.sharing_group_id",
            &text(one, "sharing_group_id").filter(|id| id != "0").unwrap_or_default(),
        );
        if let Some(galaxy) = one.get("Galaxy").filter(|galaxy| galaxy.as_array().is_some_and(|all| !all.is_empty())) {
            let json = galaxy.to_string();
            if json.len() <= 4_096 {
                draft.extra.json("extra.misp.galaxy", &json);
            }
        }
        if let Some(event) = context.event {
            let said = |text: &Option<String>| text.clone().unwrap_or_default();
            draft.keep("misp.event_uuid", &said(&event.uuid));
            draft.keep("event_description.text", &said(&event.info));
            draft.keep("feed.provider", &said(&event.author));
            draft.keep("extra.relay", &said(&event.relay));
            draft.keep("extra.misp.date", &said(&event.date));
            draft.keep("extra.misp.event_sharing_group_id", &said(&event.sharing_group));
            if let Some(distribution) = event.distribution {
                draft.keep("extra.misp.event_distribution", &distribution.to_string());
            }
            if let Some(galaxy) = &event.galaxy {
                draft.extra.json("extra.misp.event_galaxy", galaxy);
            }
        }
        let of_kind =
            |kind| list(one, "Sighting").iter().filter(move |seen| number(seen, "type").unwrap_or(0) == kind).count();
        let (seen, false_positives) = (of_kind(0), of_kind(1));
        if seen > 0 {
            draft.keep_value("extra.misp.sightings", &seen.into());
        }
        if false_positives > 0 {
            draft.keep_value("extra.misp.false_positives", &false_positives.into());
            self.note(&MISP_FALSE_POSITIVE, context.line);
        }
        Ok(())
    }

    /// When it was seen last, by itself or by its sightings.
    fn times(&mut self, one: &Value) -> Result<(), Fault> {
        let at = |member: &str| text(one, member).map(|time| self.draft.instant(member, &time)).transpose();
        let (first, last) = (at("first_seen")?, at("last_seen")?);
        let sighted = list(one, "Sighting").iter().filter(|seen| number(seen, "type").unwrap_or(0) == 0);
        let sighted = sighted.filter_map(|seen| number(seen, "date_sighting")).max();
        let sighted =
            sighted.and_then(|seconds| i64::try_from(seconds).ok()?.checked_mul(1_000_000)).map(Instant::from_micros);
        let draft = &mut self.draft;
        draft.row.time = last.or(first).or(sighted.filter(|time| *time <= draft.latest()));
        if let Some(first) = first.filter(|first| Some(*first) != draft.row.time) {
            draft.keep("extra.misp.first_seen", &first.to_string());
        }
        Ok(())
    }

    /// How far an attribute may go: by its tags and its event's, by its distribution and, where it inherits that, its event's. A row
    /// that we wrote says more exactly what its distribution stands for, as long as that is still the one that we wrote.
    fn marks(&mut self, one: &Value, context: Context<'_>, ours: Option<Tlp>) -> (Option<Tlp>, Option<Pap>) {
        let own = Tagged::of(one);
        let events = context.event.map(|event| &event.tagged);
        let unknown = own.unknown || events.is_some_and(|events| events.unknown);
        if unknown {
            self.note(&MISP_UNKNOWN_MARKING, context.line);
        }
        let given = one.get("distribution").filter(|value| !value.is_null());
        let distribution = match (given, number(one, "distribution")) {
            // In an object, what an attribute inherits is the object's.
            (_, Some(5)) => match context
                .object
                .filter(|object| !std::ptr::eq(*object, one))
                .and_then(|object| number(object, "distribution"))
            {
                Some(5) | None => context.event.and_then(|event| event.distribution).or(Some(u64::MAX)),
                objects => objects,
            },
            (_, Some(own)) => Some(own),
            (Some(_), None) => Some(u64::MAX),
            // Events of a feed, which anybody may fetch, say nothing.
            (None, None) => context.event.and_then(|event| event.distribution),
        };
        if context.event.is_none() && distribution.is_none_or(|distribution| distribution == u64::MAX) {
            self.note(&MISP_WITHOUT_EVENT, context.line);
            return (Some(Tlp::Red), Some(Pap::Red));
        }
        let same = |tlp: Tlp| distribution == Some(super::distribution(tlp));
        let by_distribution = distribution.filter(|_| !ours.is_some_and(same)).and_then(narrowed_by);
        let tlp = own.tlp.max(events.and_then(|events| events.tlp)).max(by_distribution);
        (tlp, own.pap.max(events.and_then(|events| events.pap)))
    }

    fn note_type(&mut self, kind: &str, line: u64) {
        if self.foreign.len() < 100 {
            self.foreign.entry(kind.chars().take(60).collect()).or_insert(line);
        }
    }

    fn note(&mut self, code: &'static Code, line: u64) {
        let same = self.notes.iter().filter(|(_, known)| known.code == code.code);
        let (many, again) =
            same.fold((0, false), |(many, again), (place, _)| (many + 1, again || place.line == Some(line)));
        if many < MOST_NOTES && !again {
            self.notes.push((Place::file(self.file).line(line), code));
        }
    }
}

/// Where the rows of one attribute or object go.
struct Out<'o, 'r> {
    rows: &'o mut Gathered,
    at: RowAt,
    raw: &'r str,
}

impl Out<'_, '_> {
    fn give(&mut self, row: Result<&mut Sighting, Fault>) {
        match row {
            Ok(row) => self.rows.understood(row, self.at),
            Err(fault) => self.rows.rejected(self.at.line, fault, self.raw),
        }
    }
}

/// The types that make a row.
fn makes_row(kind: &str) -> bool {
    matches!(
        kind,
        "ip-src"
            | "ip-dst"
            | "ip-src|port"
            | "ip-dst|port"
            | "domain"
            | "hostname"
            | "domain|ip"
            | "hostname|port"
            | "url"
            | "email"
            | "email-src"
            | "email-dst"
            | "md5"
            | "sha1"
            | "sha256"
            | "filename|md5"
            | "filename|sha1"
            | "filename|sha256"
            | "malware-sample"
    )
}

/// What the category of an attribute says that is meant for detection; the table stands at the head of the format.
fn by_category(attribute: &Value, kind: &str) -> Option<Classification> {
    let category = text(attribute, "category").filter(|_| is_set(attribute, "to_ids"))?;
    match (category.as_str(), kind) {
        ("Network activity", "ip-dst" | "ip-dst|port") => Some(Classification::C2Server),
        ("Payload delivery", "url" | "domain" | "hostname") => Some(Classification::MalwareDistribution),
        (
            "Payload delivery" | "Payload installation" | "Artifacts dropped",
            "md5" | "sha1" | "sha256" | "filename|md5" | "filename|sha1" | "filename|sha256" | "malware-sample",
        ) => Some(Classification::Malware),
        _ => None,
    }
}

/// The address that the row is about. MISP allows networks where an address stands.
fn own_address(draft: &mut Draft<'_>, value: &str) -> Result<(), Fault> {
    let value = value.strip_suffix("/32").filter(|_| value.contains('.')).unwrap_or(value);
    let value = value.strip_suffix("/128").filter(|_| value.contains(':')).unwrap_or(value);
    draft.put(Column::SourceIp, value)
}

/// How many attributes have one of those relations.
fn count(attributes: &[&Value], relations: &[&str]) -> usize {
    let relation =
        |attribute: &&&Value| text(attribute, "object_relation").is_some_and(|one| relations.contains(&&*one));
    attributes.iter().filter(relation).count()
}

/// One address, one name and one port at most: they belong together.
fn is_one_end(attributes: &[&Value]) -> bool {
    let addresses = count(attributes, &["ip", "ip-dst", "ip-src"]);
    let names = count(attributes, &["domain", "hostname"]);
    let ports = count(attributes, &["dst-port", "src-port", "port"]);
    addresses <= 1 && names <= 1 && ports <= 1 && addresses + names > 0
}

/// One address at each end.
fn is_traffic(attributes: &[&Value]) -> bool {
    let most_one = |relations: &[&str]| count(attributes, relations) <= 1;
    count(attributes, &["ip-src"]) == 1
        && count(attributes, &["ip-dst"]) == 1
        && count(attributes, &["ip"]) == 0
        && most_one(&["src-port"])
        && most_one(&["dst-port"])
        && most_one(&["domain", "hostname"])
}
