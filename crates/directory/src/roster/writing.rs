//! Writes a roster as one canonical text: a roster file again, its keys in one order and its times in UTC.

use model::party::Agreement;
use model::text::{Lang, Name};
use model::time::Instant;
use toml::{Table, Value};

use super::{Contact, Delivery, Inhibition, Roster, RosterEntry, SCHEMA, Way};

pub(super) fn write(roster: &Roster) -> String {
    let mut top = Keys::default();
    top.text("schema", SCHEMA);
    top.text("version", &roster.version);
    top.instant("updated", Some(roster.updated));
    top.option("zone", roster.zone.as_ref().map(|zone| zone.as_str()));
    top.list("party", roster.parties.iter().map(party));
    top.list("inhibition", roster.inhibitions.iter().map(inhibition));
    // The table's own order is that of the keys' letters.
    top.0.to_string()
}

fn party(entry: &RosterEntry) -> Value {
    let mut keys = Keys::default();
    keys.text("id", entry.party.id.as_str());
    keys.put("name", name(&entry.party.name));
    keys.texts("roles", entry.party.roles.iter().map(|role| role.name()));
    keys.text("jurisdiction", &entry.party.jurisdiction);
    keys.list("asns", entry.asns.iter().map(|asn| Value::Integer(asn.number().into())));
    keys.texts("prefixes", entry.prefixes.iter().map(ToString::to_string));
    keys.texts("domains", entry.domains.iter().map(ToString::to_string));
    keys.text("language", language(entry.language));
    keys.list("contact", entry.contacts.iter().map(contact));
    keys.list("agreement", entry.party.agreements.iter().map(agreement));
    if let Some(way) = &entry.delivery {
        keys.put("delivery", delivery(way));
    }
    keys.done()
}

fn name(name: &Name) -> Value {
    let mut keys = Keys::default();
    keys.text("ja", &name.ja);
    keys.option("en", name.en.as_deref());
    keys.done()
}

const fn language(lang: Lang) -> &'static str {
    match lang {
        Lang::Ja => "ja",
        Lang::En => "en",
    }
}

fn contact(contact: &Contact) -> Value {
    let mut keys = Keys::default();
    keys.text("kind", contact.kind.name());
    keys.text("mail", contact.mail.as_str());
    keys.option("name", contact.name.as_deref());
    keys.option("phone", contact.phone.as_deref());
    keys.instant("proved", contact.proved);
    keys.done()
}

fn agreement(agreement: &Agreement) -> Value {
    let mut keys = Keys::default();
    let kind = super::reading::AGREEMENTS.iter().find(|(_, kind)| *kind == agreement.kind);
    keys.option("kind", kind.map(|(word, _)| *word));
    keys.text("reference", &agreement.reference);
    keys.instant("from", Some(agreement.from));
    keys.instant("until", agreement.until);
    keys.done()
}

fn delivery(delivery: &Delivery) -> Value {
    let mut keys = Keys::default();
    match &delivery.way {
        Way::Folder(path) => {
            keys.text("way", "folder");
            // INVARIANT: the path was read from a text.
            keys.text("path", &path.to_string_lossy());
        }
        Way::Mail(to) => {
            keys.text("way", "mail");
            keys.texts("to", to.iter().map(ToString::to_string));
        }
    }
    keys.texts("format", delivery.formats.iter().map(|format| format.name()));
    keys.text("language", language(delivery.language));
    keys.done()
}

fn inhibition(inhibition: &Inhibition) -> Value {
    let mut keys = Keys::default();
    keys.option("party", inhibition.party.as_ref().map(|id| id.as_str()));
    keys.option("prefix", inhibition.prefix.map(|net| net.to_string()).as_deref());
    keys.option("classification", inhibition.classification.map(|kind| kind.name()));
    keys.text("reason", &inhibition.reason);
    keys.instant("from", inhibition.from);
    keys.instant("until", Some(inhibition.until));
    keys.done()
}

/// A table being filled; what is absent or empty is not written.
#[derive(Default)]
struct Keys(Table);

impl Keys {
    fn put(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), value);
    }

    fn text(&mut self, key: &str, text: &str) {
        self.put(key, Value::String(text.to_owned()));
    }

    fn option(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    fn instant(&mut self, key: &str, instant: Option<Instant>) {
        self.option(key, instant.map(|instant| instant.to_string()).as_deref());
    }

    fn texts(&mut self, key: &str, texts: impl Iterator<Item = impl Into<String>>) {
        self.list(key, texts.map(|text| Value::String(text.into())));
    }

    fn list(&mut self, key: &str, values: impl Iterator<Item = Value>) {
        let values: Vec<Value> = values.collect();
        if !values.is_empty() {
            self.put(key, Value::Array(values));
        }
    }

    fn done(self) -> Value {
        Value::Table(self.0)
    }
}
