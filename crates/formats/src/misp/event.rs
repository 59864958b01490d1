//! A file of events with what is known of each: its author, its tags, how far it may go.

use std::collections::HashMap;

use model::problem::Code;
use model::{Classification, Pap, Tlp};
use serde_json::Value;

use crate::gathered::RowAt;
use crate::held::{Held, Met, Spot, walk};
use crate::json::JSON_CUT_OFF;
use crate::label::{Label, agreed};
use crate::reading::Halt;
use crate::stream::Opening;

/// The member of that name as a text; MISP writes numbers as texts and as numbers.
pub(super) fn text(object: &Value, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The member of that name as a whole number.
pub(super) fn number(object: &Value, name: &str) -> Option<u64> {
    let value = object.get(name)?;
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Whether the member of that name says yes: `true`, `1` or `"1"`.
pub(super) fn is_set(object: &Value, name: &str) -> bool {
    object.get(name) == Some(&Value::Bool(true)) || number(object, name) == Some(1)
}

/// The objects of a list.
pub(super) fn list<'v>(object: &'v Value, name: &str) -> &'v [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What stands in a file, in order.
pub(super) enum Item {
    /// An attribute of the event with that number.
    Attribute(Spot, Option<usize>),
    /// An object of it.
    Object(Spot, Option<usize>),
    Broken(u64, &'static Code, String),
}

/// What tags say together.
#[derive(Debug, Clone, Default)]
pub(super) struct Tagged {
    pub(super) tlp: Option<Tlp>,
    pub(super) pap: Option<Pap>,
    pub(super) kind: Option<Classification>,
    pub(super) accuracy: Option<u8>,
    pub(super) malware: Option<String>,
    pub(super) unknown: bool,
    pub(super) names: Vec<String>,
}

/// Galaxies whose clusters are malware.
const MALWARE_GALAXIES: [&str; 9] =
    ["backdoor", "banker", "botnet", "cryptominers", "malpedia", "mitre-malware", "ransomware", "rat", "stealer"];

/// The most tags of one thing that are kept.
const MOST_TAGS: usize = 50;

impl Tagged {
    /// What the tags of an event or attribute say.
    pub(super) fn of(tagged: &Value) -> Self {
        let mut said = Self::default();
        let (mut kinds, mut malware) = (Vec::new(), Vec::new());
        for tag in list(tagged, "Tag") {
            let Some(name) = text(tag, "name") else { continue };
            match Label::of(&name) {
                Label::Tlp(tlp) => said.tlp = said.tlp.max(Some(tlp)),
                Label::Pap(pap) => said.pap = said.pap.max(Some(pap)),
                Label::Kind(kind) => kinds.push(kind),
                // Of two the more careful one.
                Label::Accuracy(percent) => {
                    said.accuracy = Some(said.accuracy.map_or(percent, |known| known.min(percent)))
                }
                Label::UnknownMarking => said.unknown = true,
                Label::Other => {
                    // misp-galaxy:botnet="Mirai"
                    let cluster = name.strip_prefix("misp-galaxy:").and_then(|cluster| cluster.split_once('='));
                    if let Some((_, cluster)) = cluster.filter(|(galaxy, _)| MALWARE_GALAXIES.contains(galaxy)) {
                        let name = cluster.trim_matches('"').to_owned();
                        if !name.is_empty() && !malware.contains(&name) {
                            malware.push(name);
                        }
                    }
                }
            }
            if said.names.len() < MOST_TAGS {
                said.names.push(name.chars().take(200).collect());
            }
        }
        if said.unknown {
            (said.tlp, said.pap) = (Some(Tlp::Red), Some(Pap::Red));
        }
        said.kind = agreed(kinds.into_iter());
        // Several names are nobody's to choose between.
        said.malware = malware.pop().filter(|_| malware.is_empty());
        said
    }
}

/// An event without its attributes.
#[derive(Debug, Clone, Default)]
pub(super) struct Event {
    pub(super) uuid: Option<String>,
    pub(super) info: Option<String>,
    pub(super) date: Option<String>,
    pub(super) author: Option<String>,
    pub(super) relay: Option<String>,
    pub(super) distribution: Option<u64>,
    pub(super) sharing_group: Option<String>,
    pub(super) tagged: Tagged,
    /// Its galaxies as they stand, where they are short.
    pub(super) galaxy: Option<String>,
}

/// A galaxy longer than this, in bytes, is not copied into every row of its event.
const LONGEST_GALAXY: usize = 4_096;

impl Event {
    fn of(members: &HashMap<String, Spot>, whole: &str) -> Self {
        let json = |name: &str| members.get(name).and_then(|spot| whole.get(spot.from..spot.to));
        let mut object = serde_json::Map::new();
        for name in ["uuid", "info", "date", "distribution", "sharing_group_id", "Orgc", "Org", "Tag"] {
            if let Some(value) = json(name).and_then(|json| serde_json::from_str(json).ok()) {
                object.insert(name.to_owned(), value);
            }
        }
        let event = Value::Object(object);
        let org = |name: &str| event.get(name).and_then(|org| text(org, "name"));
        let (author, relay) = (org("Orgc"), org("Org"));
        let mut tagged = Tagged::of(&event);
        if members.contains_key(BROKEN) {
            // Tags stand behind attributes: what breaks off has lost them.
            (tagged.unknown, tagged.tlp, tagged.pap) = (true, Some(Tlp::Red), Some(Pap::Red));
        }
        Self {
            uuid: text(&event, "uuid"),
            info: text(&event, "info").map(|info| info.chars().take(2_000).collect()),
            date: text(&event, "date"),
            relay: relay.filter(|relay| Some(relay) != author.as_ref()),
            author,
            distribution: number(&event, "distribution"),
            sharing_group: text(&event, "sharing_group_id").filter(|id| id != "0"),
            tagged,
            galaxy: json("Galaxy").filter(|json| (3..=LONGEST_GALAXY).contains(&json.len())).map(str::to_owned),
        }
    }
}

/// A file of events held whole.
pub(super) struct Events {
    pub(super) held: Held,
    pub(super) items: Vec<Item>,
    pub(super) events: Vec<Event>,
}

impl Events {
    /// Holds a file and finds its events.
    ///
    /// # Errors
    /// What holding it says.
    pub(super) fn open(opening: &mut Opening<'_>) -> Result<Self, Halt> {
        let (held, found) = Held::open(opening, |decoded| {
            let mut found = Found::default();
            walk(decoded, through, &mut |path, met| found.meet(path, met));
            Ok(found)
        })?;
        let events = found.scopes.iter().map(|members| Event::of(members, &held.text)).collect();
        // A wrapper is a scope as well; it is an event only where it says something of one.
        let is_event: Vec<bool> =
            found.scopes.iter().map(|members| EVENTS_OWN.iter().any(|own| members.contains_key(*own))).collect();
        let own = |event: Option<usize>| event.filter(|event| is_event.get(*event) == Some(&true));
        let items = found.items.into_iter().map(|item| match item {
            Item::Attribute(spot, event) => Item::Attribute(spot, own(event)),
            Item::Object(spot, event) => Item::Object(spot, own(event)),
            broken @ Item::Broken(..) => broken,
        });
        let items = items.collect();
        Ok(Self { held, items, events })
    }

    /// The attribute or object at that place.
    pub(super) fn value(&self, spot: &Spot) -> Option<Value> {
        serde_json::from_str(self.held.at(spot)).ok().filter(Value::is_object)
    }
}

/// Stands among the members of an event that could not be read whole; no member has such a name.
const BROKEN: &str = "\0";

/// Members that only an event has.
const EVENTS_OWN: [&str; 6] = ["info", "distribution", "Orgc", "orgc_id", "Tag", BROKEN];

/// Into wrappers and events, and their lists of attributes and objects.
fn through(path: &[String], begins: char, _: &str) -> bool {
    match (path.last().map(String::as_str), begins) {
        (None | Some("response" | "Event"), _) => path.len() <= 2,
        (Some("Attribute" | "Object"), '[') => path.len() <= 3,
        _ => false,
    }
}

#[derive(Default)]
struct Found {
    items: Vec<Item>,
    /// Of each object that was walked through, its members.
    scopes: Vec<HashMap<String, Spot>>,
    /// Which of them are open.
    open: Vec<usize>,
}

impl Found {
    fn meet(&mut self, path: &[String], met: Met<'_>) {
        let scope = self.open.last().copied();
        match met {
            Met::Begin => {
                self.open.push(self.scopes.len());
                self.scopes.push(HashMap::new());
            }
            Met::End => drop(self.open.pop()),
            Met::Value(spot) => match path.last().map(String::as_str) {
                Some("Attribute") => self.items.push(Item::Attribute(spot, scope)),
                Some("Object") => self.items.push(Item::Object(spot, scope)),
                Some(name) => {
                    if let Some(members) =
                        scope.and_then(|scope| self.scopes.get_mut(scope)).filter(|all| all.len() < 100)
                    {
                        members.insert(name.to_owned(), spot);
                    }
                }
                None => self.items.push(Item::Attribute(spot, None)),
            },
            Met::Broken(line, code, raw) => {
                let row = matches!(
                    path.last().map(String::as_str),
                    None | Some("Attribute" | "Object" | "response" | "Event")
                );
                let cut_off = code.code == JSON_CUT_OFF.code;
                // Tags that cannot be read are not tags that are not there.
                for scope in self.open.iter().filter(|_| cut_off || !row) {
                    if let Some(members) = self.scopes.get_mut(*scope) {
                        members.insert(BROKEN.to_owned(), Spot { from: 0, to: 0, at: RowAt::default() });
                    }
                }
                if row || cut_off {
                    self.items.push(Item::Broken(line, code, raw.to_owned()));
                }
            }
        }
    }
}
