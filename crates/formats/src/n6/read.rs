//! Reading n6 events.

use model::problem::Problem;
use model::report::Provenance;
use model::sighting::Flags;
use model::{Classification, Place, Sighting, Tlp, Zone};
use serde_json::Value;
use serde_json::value::RawValue;

use super::category::{self, Category, End};
use super::write::restriction;
use super::{
    ATTRIBUTES, CARRIED, CARRIER, CONFIDENCES, N6_CONTRADICTS, N6_LIFE_CYCLE, N6_NOT_AN_EVENT, N6_TOO_MANY_ADDRESSES,
    RESTRICTIONS, STATUSES, TYPES,
};
use crate::fields::{self, BAD_ADDRESS, BAD_TAG, Column};
use crate::gathered::{Fault, Gathered, RowAt};
use crate::idf::Event;
use crate::json::{JSON_SYNTAX, Values};
use crate::making::{Making, mark, with_member};
use crate::members::{Members, elements, scalar};
use crate::outgoing::is_writable;
use crate::pieces::{Cut, More, TextReader};
use crate::reading::{Declared, Ending};
use crate::text::{Decoded, NO_ROWS};

/// Whose attributes are known here.
const SCHEMA_READ: &str = "n6-4.40";

/// So many bytes may all rows of an event have together, whatever its length; above that not more than [`MOST_GROWTH`] times its length.
const MOST_BYTES: usize = 65_536;
const MOST_GROWTH: usize = 32;

/// Reads events as the pieces of their file come.
pub(super) struct EventReader<'a> {
    file: &'a str,
    values: Values,
    encoding: &'static str,
    events: Events<'a>,
}

impl<'a> EventReader<'a> {
    pub(super) fn begin(file: &'a str, first: &Decoded<'_>, declared: &'a Declared<'a>) -> Self {
        let events = Events { making: Making::new(declared), own: Event::new(declared), utc: Zone::utc() };
        Self { file, values: Values::long(first), encoding: first.encoding.name(), events }
    }
}

impl TextReader for EventReader<'_> {
    fn cut(&self) -> Cut {
        self.values.cut()
    }

    fn piece(&mut self, decoded: &Decoded<'_>, more: More, rows: &mut Gathered) -> Result<usize, Problem> {
        let Self { values, events, .. } = self;
        Ok(values.read(decoded, more, rows, &mut |object, at, rows| {
            if let Err(fault) = events.read(object, at, rows) {
                rows.rejected(at.line, fault, object);
            }
        }))
    }

    fn end(&mut self, read: u64) -> Result<Ending, Problem> {
        if read == 0 {
            return Err(Problem::new(&NO_ROWS, Place::file(self.file)));
        }
        Ok(Ending {
            provenance: Provenance {
                format: "n6".to_owned(),
                schema: SCHEMA_READ.to_owned(),
                mapping: "-".to_owned(),
                encoding: self.encoding.to_owned(),
                zone: None,
            },
            found_by: self.values.form().to_owned(),
            columns: self.events.making.columns(),
            notes: Vec::new(),
        })
    }
}

struct Events<'a> {
    making: Making<'a>,
    /// Reads the rows that we wrote ourselves.
    own: Event<'a>,
    utc: Zone,
}

/// One of an event's addresses.
struct Address<'a> {
    ip: &'a str,
    asn: Option<&'a str>,
    cc: Option<&'a str>,
    rest: Members<'a>,
}

impl Events<'_> {
    /// Gives the rows of an event; a fault here is the whole event's.
    fn read(&mut self, object: &str, at: RowAt, rows: &mut Gathered) -> Result<(), Fault> {
        if !object.starts_with('{') {
            let is_json = serde_json::from_str::<&RawValue>(object).is_ok();
            return Err(Fault::of(if is_json { &N6_NOT_AN_EVENT } else { &JSON_SYNTAX }));
        }
        let event = Members::once(object)?;
        match event.object("intelmq") {
            Some(carried) if carried.text(CARRIER).as_deref() == Some(CARRIED) => {
                self.own(&event, &carried, object, at, rows)
            }
            _ => self.foreign(&event, object, at, rows),
        }
    }

    /// An event as n6 has them.
    fn foreign(&mut self, event: &Members<'_>, object: &str, at: RowAt, rows: &mut Gathered) -> Result<(), Fault> {
        let missing = |name: &str| Fault { code: &N6_NOT_AN_EVENT, field: Some(name.to_owned()), value: None };
        let making = &mut self.making;
        making.begin();
        let name = event.text("category").ok_or_else(|| missing("category"))?;
        let category = category::named(&name);
        making.sighting.classification = category.map_or(Classification::Undetermined, |known| known.classification);
        if category.is_none() {
            making.flag(Flags::UNKNOWN_TYPE);
        }
        making.keep_text("category", "extra.n6.category", &name);
        making.time("time", event.get("time").ok_or_else(|| missing("time"))?, Some(&self.utc), at.line)?;
        let tlp = tlp(event)?;
        making.note("restriction", Column::Tlp.key());
        making.sighting.tags.tlp = making.sighting.tags.tlp.max(tlp);
        if is_over(event)? {
            making.flag(Flags::ENDED);
        }
        let addresses = addresses(event)?;
        let mut sources: Vec<&Address<'_>> = Vec::new();
        for address in &addresses {
            // A generic n6 says which way a communication went; what was connected to is not who is to be told.
            if address.rest.text("dir").as_deref() == Some("dst") {
                if making.sighting.destination_ip.is_none() && event.get("dip").is_none() {
                    making.column(Column::DestinationIp, "address.ip", &quoted(address.ip))?;
                } else {
                    making.keep_text("address.ip", "extra.n6.address_dst", address.ip);
                }
            } else {
                sources.push(address);
            }
        }
        self.attributes(event, category, sources.is_empty())?;
        let making = &mut self.making;
        making.close();
        let length = making.sighting.extra.as_deref().map_or(0, str::len) + 200;
        let all = length.saturating_mul(sources.len());
        if sources.len() > 1 && all > MOST_BYTES && all > object.len().saturating_mul(MOST_GROWTH) {
            return Err(Fault::of(&N6_TOO_MANY_ADDRESSES));
        }
        if sources.is_empty() {
            let mut row = making.sighting.clone();
            making.mark(&mut row, "address")?;
            rows.understood(&mut row, at);
        }
        for address in sources {
            let mut row = making.sighting.clone();
            match address.take(&mut row).and_then(|()| making.mark(&mut row, "address.ip")) {
                Ok(()) => rows.understood(&mut row, at),
                Err(fault) => rows.rejected(at.line, fault, object),
            }
        }
        Ok(())
    }

    /// Everything but category, time, markings and addresses.
    fn attributes(&mut self, event: &Members<'_>, category: Option<Category>, no_address: bool) -> Result<(), Fault> {
        let end = category.map_or(End::Unsaid, |category| category.end);
        let names_malware = category.is_some_and(|category| category.names_malware);
        let is_communication = ["sport", "dip", "adip"].iter().any(|name| event.get(name).is_some());
        let is_leak = category.is_some_and(|category| category.classification == Classification::DataLeak);
        let is_affected =
            is_leak || category.is_some_and(|category| category.classification == Classification::InfectedSystem);
        let making = &mut self.making;
        for (name, value) in &event.0 {
            let (name, json) = (&**name, value.get());
            if json == "null" {
                continue;
            }
            match name {
                "category" | "time" | "restriction" | "address" => {}
                "id" => making.column(Column::Reference, name, json)?,
                "source" => making.source(json),
                "confidence" => {
                    let level = scalar(json).and_then(|text| {
                        CONFIDENCES.into_iter().find(|(level, _)| *level == text.trim().to_ascii_lowercase())
                    });
                    match level {
                        Some((_, percent)) => making.keep(name, "feed.accuracy", &percent.to_string()),
                        None => making.keep_odd(name, "extra.n6.confidence", json),
                    }
                }
                "sport" => making.column(Column::SourcePort, name, json)?,
                "dport" if end == End::Host && !is_communication => making.column(Column::SourcePort, name, json)?,
                "dport" => making.column(Column::DestinationPort, name, json)?,
                "dip" => making.column(Column::DestinationIp, name, json)?,
                "proto" => making.column(Column::Protocol, name, json)?,
                "name" if names_malware => making.column(Column::Malware, name, json)?,
                "name" => making.keep(name, "classification.identifier", json),
                "fqdn" | "url" => {
                    let column = match (end, no_address, name) {
                        (End::Client, _, "fqdn") => Some(Column::DestinationFqdn),
                        (End::Client, _, _) => Some(Column::DestinationUrl),
                        (End::Host, _, "fqdn") | (End::Unsaid, true, "fqdn") => Some(Column::SourceFqdn),
                        (End::Host, _, _) | (End::Unsaid, true, _) => Some(Column::SourceUrl),
                        (End::Unsaid, false, _) => None,
                    };
                    match column {
                        Some(column) => making.column(column, name, json)?,
                        None => making.keep(name, &format!("extra.n6.{name}"), json),
                    }
                }
                // "Login of the affected user": of an infected terminal or a leak that is the one the row is about, else the attacked.
                "username" if is_affected => making.column(Column::SourceAccount, name, json)?,
                "username" => making.keep(name, "destination.account", json),
                // "Victim of a data leak".
                "email" if is_leak && event.get("username").is_none() => {
                    making.column(Column::SourceAccount, name, json)?;
                }
                "status" => making.keep(name, "status", json),
                "md5" | "sha1" | "sha256" => making.keep(name, &format!("malware.hash.{name}"), json),
                "target" => making.keep(name, "event_description.target", json),
                "long_description" => making.keep(name, "event_description.text", json),
                "product" if json.starts_with('"') => making.keep(name, "product.full_name", json),
                "ip_network" => making.keep(name, "source.network", json),
                "misp_attr_uuid" => making.keep(name, "misp.attribute_uuid", json),
                "misp_event_uuid" => making.keep(name, "misp.event_uuid", json),
                _ => {
                    if ATTRIBUTES.binary_search(&name).is_err() {
                        making.flag(Flags::UNKNOWN_FIELD);
                    }
                    making.keep(name, &format!("extra.n6.{name}"), json);
                }
            }
        }
        Ok(())
    }

    /// An event that carries the row along that it was made of.
    fn own(
        &mut self,
        event: &Members<'_>,
        carried: &Members<'_>,
        object: &str,
        at: RowAt,
        rows: &mut Gathered,
    ) -> Result<(), Fault> {
        let against = |name: &str| Fault { code: &N6_CONTRADICTS, field: Some(name.to_owned()), value: None };
        self.own.read(&carried.rest(|name| name != CARRIER).unwrap_or_else(|| "{}".to_owned()))?;
        let mut row = self.own.sighting.clone();
        let time = event.text("time").ok_or_else(|| against("time"))?;
        if let Some(wanted) = row.time.filter(|time| is_writable(*time))
            && time.parse() != Ok(wanted)
        {
            return Err(against("time"));
        }
        if let Some(port) = event.text("sport")
            && row.source_port.is_none_or(|wanted| *port != *wanted.to_string())
        {
            return Err(against("sport"));
        }
        // Somebody may have narrowed it on its way.
        let given = tlp(event)?;
        if restriction(&row.tags) != given {
            row.tags.tlp = row.tags.tlp.max(given);
        }
        if is_over(event)? {
            row.flags = row.flags.and(Flags::ENDED);
        }
        let addresses = addresses(event)?;
        let visible = row.source_ip.filter(|ip| ip.ip().is_ipv4());
        let Some((first, others)) = addresses.split_first() else {
            if visible.is_some() {
                return Err(against("address"));
            }
            rows.understood(&mut row, at);
            return Ok(());
        };
        if fields::address(first.ip).ok() != visible {
            return Err(against("address"));
        }
        let all = row.extra.as_deref().map_or(0, str::len).saturating_mul(others.len());
        if all > MOST_BYTES && all > object.len().saturating_mul(MOST_GROWTH) {
            return Err(Fault::of(&N6_TOO_MANY_ADDRESSES));
        }
        rows.understood(&mut row, at);
        for address in others {
            let mut row = row.clone();
            row.flags = Flags::from_bits(row.flags.bits() & !Flags::SPECIAL_ADDRESS.bits());
            row.source_asn = None;
            row.extra = with_member(row.extra.as_deref(), CC, None);
            match address.take(&mut row) {
                Ok(()) => {
                    mark(&mut row, self.making.declared);
                    rows.understood(&mut row, at);
                }
                Err(fault) => rows.rejected(at.line, fault, object),
            }
        }
        Ok(())
    }
}

/// Where an address's country stands.
const CC: &str = "source.geolocation.cc";

impl Address<'_> {
    /// Makes the row that of this address.
    fn take(&self, row: &mut Sighting) -> Result<(), Fault> {
        let ip = fields::address(self.ip).map_err(|code| Fault::at(code, "address.ip", self.ip))?;
        row.source_ip = Some(ip);
        if let Some(asn) = self.asn
            && Column::SourceAsn.take(&scalar(asn).unwrap_or_default(), row).is_err()
        {
            row.extra = with_member(row.extra.as_deref(), "extra.source.asn", serde_json::from_str(asn).ok());
            row.flags = row.flags.and(Flags::FIELD_KEPT_RAW);
        }
        if let Some(cc) = self.cc {
            row.extra = with_member(row.extra.as_deref(), CC, serde_json::from_str(cc).ok());
        }
        for (name, value) in &self.rest.0 {
            let key = match &**name {
                "ip" | "ipv6" | "asn" | "cc" => continue,
                "rdns" => "source.reverse_dns".to_owned(),
                other => {
                    fields::extra_key(&format!("n6_address_{other}")).unwrap_or_else(|| "extra.n6.address".to_owned())
                }
            };
            row.extra = with_member(row.extra.as_deref(), &key, serde_json::from_str::<Value>(value.get()).ok());
        }
        Ok(())
    }
}

impl Making<'_> {
    /// The source, `provider.channel`, as written; its parts too, where they are not masked.
    fn source(&mut self, json: &str) {
        self.keep("source", "feed.code", json);
        let text = scalar(json).unwrap_or_default();
        if let Some((provider, channel)) = text.split_once('.').filter(|(provider, _)| *provider != "hidden") {
            self.extra.text("feed.provider", provider);
            self.extra.text("feed.name", channel);
        }
    }
}

/// The event's addresses.
fn addresses<'e>(event: &Members<'e>) -> Result<Vec<Address<'e>>, Fault> {
    let Some(json) = event.get("address") else { return Ok(Vec::new()) };
    let bad = || Fault::at(&BAD_ADDRESS, "address", &json.chars().take(200).collect::<String>());
    let one = |json: &'e str| -> Result<Address<'e>, Fault> {
        let rest: Members<'e> = serde_json::from_str(json).map_err(|_| bad())?;
        let ips: Vec<&str> =
            rest.0.iter().filter(|(name, _)| matches!(&**name, "ip" | "ipv6")).map(|(_, value)| value.get()).collect();
        // An address has no escapes in it.
        let [ip] = ips.as_slice() else { return Err(bad()) };
        let ip = ip.strip_prefix('"').and_then(|ip| ip.strip_suffix('"')).ok_or_else(bad)?;
        Ok(Address { ip, asn: rest.get("asn"), cc: rest.get("cc"), rest })
    };
    match elements(json) {
        Some(list) => list.into_iter().map(|value| one(value.get())).collect(),
        None => Ok(vec![one(json)?]),
    }
}

/// How far the event's restriction narrows its rows.
fn tlp(event: &Members<'_>) -> Result<Tlp, Fault> {
    let text = event.text("restriction").unwrap_or_default();
    RESTRICTIONS
        .into_iter()
        .find(|(label, _)| *label == text.to_ascii_lowercase())
        .map(|(_, tlp)| tlp)
        .ok_or_else(|| Fault::at(&BAD_TAG, "restriction", &text))
}

/// Whether the event says that what it tells of is over.
fn is_over(event: &Members<'_>) -> Result<bool, Fault> {
    let says = |name: &str, known: &[(&str, bool)]| -> Result<bool, Fault> {
        let Some(json) = event.get(name) else { return Ok(false) };
        let text = scalar(json).unwrap_or_default();
        let found = known.iter().find(|(value, _)| *value == text.trim().to_ascii_lowercase());
        found.map(|(_, over)| *over).ok_or_else(|| Fault::at(&N6_LIFE_CYCLE, name, &text))
    };
    Ok(says("type", &TYPES)? | says("status", &STATUSES)?)
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
