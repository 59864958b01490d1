//! A bundle with its index: its objects in their order, by id in their latest version, and who speaks of whom.

use std::collections::{HashMap, HashSet};

use model::problem::{Code, Place, Problem};
use model::{Address, Classification, Instant};
use serde_json::{Map, Value};

use super::kind;
use super::marking::{self, Marked, One};
use super::pattern;
use super::{EXTENSION, STIX_OLDER_VERSION, STIX_VERSION};
use crate::held::{Held, Met, Spot, has_list, walk};
use crate::json::JSON_CUT_OFF;
use crate::reading::Halt;
use crate::stream::Opening;

/// The member of that name, where it is a text with something in it.
pub(super) fn text<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The texts of a list.
pub(super) fn texts<'v>(object: &'v Value, name: &str) -> impl Iterator<Item = &'v str> {
    object.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// What stands at a place of the list of objects.
pub(super) enum Item {
    Object(Spot),
    /// A later version of it stands elsewhere.
    Older(Spot),
    /// Something that cannot be read: where, why, as much as is shown.
    Broken(u64, &'static Code, String),
}

/// How the objects were handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Bundle,
    Objects,
}

/// A bundle held whole.
pub(super) struct Bundle {
    pub(super) held: Held,
    pub(super) items: Vec<Item>,
    pub(super) form: Form,
    /// The versions that were met.
    pub(super) versions: Vec<String>,
    pub(super) notes: Vec<(Place, &'static Code)>,
    by_id: HashMap<String, usize>,
    markings: HashMap<String, One>,
    facts: HashMap<String, Fact>,
    /// From the source of a relationship: its type and target.
    relations: HashMap<String, Vec<(String, String)>>,
    /// From an observable to the infrastructure that consists of it.
    parts: HashMap<String, Vec<String>>,
    /// Ids of sightings, by what they sighted and by the observed data that shows it.
    sighted: HashMap<String, Vec<String>>,
    shown: HashMap<String, Vec<String>>,
    /// From an object to whoever put it into a report or grouping.
    relays: HashMap<String, String>,
    /// Observables that something speaks of.
    spoken_of: HashSet<String>,
    /// Addresses and names of command-and-control servers.
    servers: HashSet<String>,
    /// Values that an indicator points at.
    indicated: HashSet<String>,
}

/// What the walk through the file gives.
#[derive(Default)]
struct Found {
    items: Vec<Item>,
    wrapped: bool,
    versions: Vec<String>,
}

/// A version as an order: an object without one is older than any that has one.
type Version = Option<Instant>;

impl Bundle {
    /// Holds a file and finds its way about in it.
    ///
    /// # Errors
    /// What holding it says, and [`STIX_VERSION`].
    pub(super) fn open(opening: &mut Opening<'_>) -> Result<Self, Halt> {
        let file = opening.file;
        let (held, found) = Held::open(opening, |decoded| {
            let mut found = Found::default();
            walk(decoded, through, &mut |path, met| found.meet(path, met, &decoded.text));
            Ok(found)
        })?;
        let Found { items, wrapped, mut versions } = found;
        versions.sort_unstable();
        versions.dedup();
        if let Some(other) = versions.iter().find(|version| !matches!(version.as_str(), "2.0" | "2.1")) {
            return Err(Problem::new(&STIX_VERSION, Place::file(file)).with_value(other).into());
        }
        let form = if wrapped { Form::Bundle } else { Form::Objects };
        let mut bundle = Self {
            held,
            items,
            form,
            versions,
            notes: Vec::new(),
            by_id: HashMap::new(),
            markings: HashMap::new(),
            facts: HashMap::new(),
            relations: HashMap::new(),
            parts: HashMap::new(),
            sighted: HashMap::new(),
            shown: HashMap::new(),
            relays: HashMap::new(),
            spoken_of: HashSet::new(),
            servers: HashSet::new(),
            indicated: HashSet::new(),
        };
        bundle.choose_versions(file);
        bundle.connect();
        bundle.find_servers();
        Ok(bundle)
    }

    /// The object at a place, if it can be read. Nested deeper than 128 it cannot.
    pub(super) fn item(&self, index: usize) -> Option<Value> {
        match self.items.get(index)? {
            Item::Object(spot) | Item::Older(spot) => serde_json::from_str(self.held.at(spot)).ok(),
            Item::Broken(..) => None,
        }
    }

    /// The object with that id, in its latest version; none where it is longer than what another refers to ever is: many could refer to
    /// it, and each would read it again.
    pub(super) fn object(&self, id: &str) -> Option<Value> {
        let index = *self.by_id.get(id)?;
        let short = matches!(self.items.get(index)?, Item::Object(spot) if spot.to - spot.from <= LONGEST_REFERRED);
        short.then(|| self.item(index)).flatten()
    }

    /// What is known of the object with that id.
    pub(super) fn fact(&self, id: &str) -> Option<&Fact> {
        self.facts.get(id)
    }

    /// What the marking with that id says.
    pub(super) fn marking(&self, id: &str) -> Option<&One> {
        self.markings.get(id)
    }

    /// The sightings of an object, or those that observed data shows; the first few.
    pub(super) fn sightings(&self, id: &str) -> impl Iterator<Item = (&Fact, &Seen)> {
        let ids = self.shown.get(id).into_iter().chain(self.sighted.get(id)).flatten().take(8);
        ids.filter_map(|id| self.fact(id)).filter_map(|fact| Some((fact, fact.seen.as_ref()?)))
    }

    /// The types and targets of the relationships that begin at that object.
    pub(super) fn relations(&self, id: &str) -> &[(String, String)] {
        self.relations.get(id).map_or(&[], Vec::as_slice)
    }

    /// The infrastructure that an observable is a part of.
    pub(super) fn infrastructure_of(&self, id: &str) -> &[String] {
        self.parts.get(id).map_or(&[], Vec::as_slice)
    }

    /// Whoever put the object into a report or a grouping, where that is not its author.
    pub(super) fn relay(&self, id: &str, author: Option<&str>) -> Option<&Fact> {
        let relay = self.relays.get(id).filter(|relay| Some(relay.as_str()) != author)?;
        self.fact(relay)
    }

    /// Whether the row of another object tells what this observable is about.
    pub(super) fn is_spoken_of(&self, id: &str, observable: &Value) -> bool {
        let ours = |infrastructure: &String| self.fact(infrastructure).is_some_and(|fact| fact.ours);
        self.spoken_of.contains(id)
            || self.infrastructure_of(id).iter().any(ours)
            || text(observable, "value").is_some_and(|value| self.indicated.contains(&same(value)))
    }

    /// Whether that address or name is told to be a command-and-control server.
    pub(super) fn is_server(&self, value: &str) -> bool {
        self.servers.contains(&same(value))
    }

    /// Later versions win; two that say to be of the same moment are both kept.
    fn choose_versions(&mut self, file: &str) {
        let mut latest: HashMap<String, (Version, usize)> = HashMap::new();
        let mut older = Vec::new();
        for index in 0..self.items.len() {
            let Some(object) = self.item(index) else { continue };
            let Some(id) = text(&object, "id") else { continue };
            if text(&object, "type") == Some("marking-definition") {
                // Two that say different things under one id: nobody knows which holds.
                let defined = marking::defined(&object);
                let known = self.markings.entry(id.to_owned()).or_insert_with(|| defined.clone());
                if *known != defined {
                    *known = One::Unknown;
                }
            }
            let version = text(&object, "modified").and_then(|modified| modified.parse().ok());
            match latest.get_mut(id) {
                None => drop(latest.insert(id.to_owned(), (version, index))),
                Some((known, at)) if *known < version => {
                    older.push(*at);
                    (*known, *at) = (version, index);
                }
                Some((known, _)) if *known > version => older.push(index),
                Some(_) => {}
            }
        }
        // Of one id there may have been several of the same older moment.
        for index in 0..self.items.len() {
            let Some(object) = self.item(index).filter(|_| !older.is_empty()) else { continue };
            let version: Version = text(&object, "modified").and_then(|modified| modified.parse().ok());
            if text(&object, "id").and_then(|id| latest.get(id)).is_some_and(|(known, _)| *known > version)
                && let Some(item) = self.items.get_mut(index)
                && let Item::Object(spot) = item
            {
                let place = Place::file(file).line(spot.at.line);
                *item = Item::Older(spot.clone());
                if self.notes.len() < MOST_NOTES {
                    self.notes.push((place, &STIX_OLDER_VERSION));
                }
            }
        }
        self.by_id = latest.into_iter().map(|(id, (_, index))| (id, index)).collect();
    }

    /// Remembers who speaks of whom.
    fn connect(&mut self) {
        for index in 0..self.items.len() {
            let Some(Item::Object(_)) = self.items.get(index) else { continue };
            let Some(object) = self.item(index) else { continue };
            let id = text(&object, "id").unwrap_or_default();
            let kind = text(&object, "type").unwrap_or_default();
            if let Some(fact) = Fact::of(kind, &object, self) {
                self.facts.insert(id.to_owned(), fact);
            }
            match kind {
                "relationship" if object.get("revoked") != Some(&Value::Bool(true)) => {
                    let (Some(kind), Some(source), Some(target)) =
                        (text(&object, "relationship_type"), text(&object, "source_ref"), text(&object, "target_ref"))
                    else {
                        continue;
                    };
                    if kind == "consists-of" && source.starts_with("infrastructure--") {
                        self.parts.entry(target.to_owned()).or_default().push(source.to_owned());
                    } else {
                        self.relations.entry(source.to_owned()).or_default().push((kind.to_owned(), target.to_owned()));
                        if kind == "based-on" && source.starts_with("indicator--") {
                            self.spoken_of.insert(target.to_owned());
                        }
                    }
                }
                "sighting" if object.get("revoked") != Some(&Value::Bool(true)) => {
                    if let Some(of) = text(&object, "sighting_of_ref") {
                        self.sighted.entry(of.to_owned()).or_default().push(id.to_owned());
                    }
                    for shows in texts(&object, "observed_data_refs") {
                        self.shown.entry(shows.to_owned()).or_default().push(id.to_owned());
                    }
                }
                "grouping" | "report" => {
                    if let Some(by) = text(&object, "created_by_ref") {
                        for of in texts(&object, "object_refs") {
                            self.relays.entry(of.to_owned()).or_insert_with(|| by.to_owned());
                        }
                    }
                }
                "observed-data" | "network-traffic" | "domain-name" | "email-message" => {
                    let members = object.as_object().into_iter().flatten();
                    let told = |name: &str| name.ends_with("_ref") || name.ends_with("_refs");
                    for (_, value) in members.filter(|(name, _)| told(name)) {
                        let all = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                        self.spoken_of
                            .extend(all.iter().filter_map(Value::as_str).filter(|of| *of != id).map(str::to_owned));
                    }
                }
                _ => {}
            }
        }
    }

    /// What indicators point at, and which addresses and names they and infrastructure say are command-and-control servers.
    fn find_servers(&mut self) {
        let (mut servers, mut indicated) = (HashSet::new(), HashSet::new());
        for index in 0..self.items.len() {
            let Some(Item::Object(_)) = self.items.get(index) else { continue };
            let Some(object) = self.item(index) else { continue };
            match text(&object, "type").unwrap_or_default() {
                "indicator" if object.get("revoked") != Some(&Value::Bool(true)) => {
                    let server = kind::of_indicator(&object, self) == Classification::C2Server;
                    let read = text(&object, "pattern").map(pattern::alternatives);
                    for test in read.into_iter().flatten().flatten().flatten() {
                        let itself = matches!(&*test.path, "ipv4-addr:value" | "ipv6-addr:value" | "domain-name:value");
                        if server && (itself || test.path.ends_with("dst_ref.value")) {
                            servers.insert(same(&test.value));
                        }
                        if itself || test.path == "url:value" || test.path.ends_with("_ref.value") {
                            indicated.insert(same(&test.value));
                        }
                    }
                }
                "ipv4-addr" | "ipv6-addr" | "domain-name" => {
                    let id = text(&object, "id").unwrap_or_default();
                    if kind::of_part(id, self) == Some(Classification::C2Server) {
                        servers.extend(text(&object, "value").map(same));
                    }
                }
                _ => {}
            }
        }
        (self.servers, self.indicated) = (servers, indicated);
    }
}

/// Longer, in bytes, no address, name or URL is that an observation refers to.
const LONGEST_REFERRED: usize = 16_384;

/// What is remembered of an object that many others may speak of.
pub(super) struct Fact {
    /// Its type, and its name as far as it is shown.
    pub(super) object: String,
    pub(super) name: Option<String>,
    /// For an infrastructure: what it is for.
    pub(super) kind: Option<Classification>,
    pub(super) marked: Marked,
    pub(super) author: Option<String>,
    /// Rows that we wrote tell what it consists of.
    ours: bool,
    pub(super) seen: Option<Seen>,
}

/// What a sighting says.
pub(super) struct Seen {
    /// Of what.
    pub(super) of: String,
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
    pub(super) count: Option<u64>,
    pub(super) confidence: Value,
    /// By whom: ids.
    pub(super) by: Vec<String>,
}

impl Fact {
    fn of(object_type: &str, object: &Value, bundle: &Bundle) -> Option<Self> {
        let known = matches!(
            object_type,
            "identity"
                | "infrastructure"
                | "malware"
                | "sighting"
                | "campaign"
                | "intrusion-set"
                | "threat-actor"
                | "tool"
                | "attack-pattern"
                | "vulnerability"
                | "indicator"
        );
        let own = |name: &str| text(object, name).map(|text| text.chars().take(200).collect::<String>());
        let seen = || {
            Some(Seen {
                of: text(object, "sighting_of_ref")?.to_owned(),
                first: own("first_seen"),
                last: own("last_seen"),
                count: object.get("count").and_then(Value::as_u64),
                confidence: object.get("confidence").filter(|told| told.is_number()).cloned().unwrap_or_default(),
                by: texts(object, "where_sighted_refs").take(8).map(str::to_owned).collect(),
            })
        };
        known.then(|| Self {
            object: object_type.to_owned(),
            name: own("name"),
            kind: (object_type == "infrastructure").then(|| kind::of_infrastructure(object)).flatten(),
            marked: marking::of(object, bundle),
            author: own("created_by_ref"),
            ours: object.get("extensions").is_some_and(|extensions| extensions.get(EXTENSION).is_some()),
            seen: (object_type == "sighting").then(seen).flatten(),
        })
    }
}

/// More notes of one kind say nothing new.
pub(super) const MOST_NOTES: usize = 20;

/// An address in its one spelling, a name in lower case.
fn same(value: &str) -> String {
    let address = value.strip_suffix("/32").unwrap_or(value).parse::<Address>();
    address.map_or_else(|_| value.to_ascii_lowercase(), |address| address.to_string())
}

/// Into wrappers (bundles, the envelopes of TAXII), lists of them, and their lists of objects.
fn through(path: &[String], begins: char, text: &str) -> bool {
    match (path, begins) {
        ([], '[') => true,
        ([], _) => has_list(text, "objects"),
        ([name], '[') => name == "objects",
        _ => false,
    }
}

impl Found {
    fn meet(&mut self, path: &[String], met: Met<'_>, whole: &str) {
        match met {
            Met::Begin => self.wrapped = true,
            Met::End => {}
            Met::Value(spot) => match path {
                [] => self.items.push(Item::Object(spot)),
                [name] if name == "objects" => self.items.push(Item::Object(spot)),
                [name] if name == "spec_version" => {
                    let told = whole.get(spot.from..spot.to).and_then(|json| serde_json::from_str::<Value>(json).ok());
                    self.versions
                        .extend(told.map(|told| told.as_str().map_or_else(|| told.to_string(), str::to_owned)));
                }
                _ => {}
            },
            Met::Broken(line, code, raw) => {
                // What is broken beside the objects costs none of them, unless it ends the file.
                if path.first().is_none_or(|name| name == "objects") || code.code == JSON_CUT_OFF.code {
                    self.items.push(Item::Broken(line, code, raw.to_owned()));
                }
            }
        }
    }
}

/// What an observation can refer to: the observables it brings itself, and those of the bundle.
pub(super) struct Scope<'b> {
    pub(super) bundle: &'b Bundle,
    pub(super) own: Option<&'b Map<String, Value>>,
}

impl Scope<'_> {
    /// The observable under that name.
    pub(super) fn object(&self, name: &str) -> Option<Value> {
        match self.own {
            Some(own) => own.get(name).cloned(),
            None => self.bundle.object(name),
        }
    }
}
