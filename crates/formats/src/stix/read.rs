//! The rows of a bundle, in the order of its objects.

use std::collections::BTreeMap;

use model::problem::{Code, Place, Problem};
use model::report::Provenance;
use model::{Address, Classification, Instant, Uncertainty};
use serde_json::{Map, Value};

use super::bundle::{Bundle, Form, Item, MOST_NOTES, Scope, Seen, text, texts};
use super::marking::{self, Marked};
use super::pattern::{self, Alternative, Unread};
use super::*;
use crate::draft::Draft;
use crate::fields::Column;
use crate::gathered::{Fault, Gathered, RowAt};
use crate::idf::Event;
use crate::reading::Ending;
use crate::text::NO_ROWS;

/// So many rows are read at a time, give or take those of one object.
const ROWS_AT_A_TIME: u64 = 4_096;

/// More objects than this in one observation are not read: their rows would not fit into memory together.
const MOST_OBSERVED: usize = 10_000;

/// What objects that a row refers to may take of its `extra`, in bytes.
const MOST_RELATED: usize = 4_096;

/// Reads the objects of a bundle.
pub(super) struct ObjectReader<'a> {
    file: &'a str,
    bundle: Bundle,
    rows: Rows<'a>,
    /// The next object.
    next: usize,
    done: bool,
}

impl<'a> ObjectReader<'a> {
    pub(super) fn open(mut opening: Opening<'a>) -> Result<Self, Halt> {
        let bundle = Bundle::open(&mut opening)?;
        let (file, declared) = (opening.file, opening.declared);
        let rows = Rows {
            file,
            draft: Draft::new(declared),
            event: Event::new(declared),
            notes: Vec::new(),
            foreign: BTreeMap::new(),
        };
        Ok(Self { file, bundle, rows, next: 0, done: false })
    }
}

impl Reader for ObjectReader<'_> {
    fn next(&mut self, rows: &mut Gathered) -> Result<bool, Halt> {
        if self.done {
            return Ok(false);
        }
        let before = rows.read();
        while self.next < self.bundle.items.len() && rows.read() - before < ROWS_AT_A_TIME {
            self.rows.item(&self.bundle, self.next, rows);
            self.next += 1;
        }
        self.done = self.next >= self.bundle.items.len();
        let behind = self.bundle.items.get(self.next..).unwrap_or_default().iter().find_map(|item| match item {
            Item::Object(spot) | Item::Older(spot) => Some(spot.at.offset),
            Item::Broken(..) => None,
        });
        self.bundle.held.read_up_to(behind.filter(|_| !self.done), rows);
        Ok(true)
    }

    fn provenance(&self) -> Provenance {
        let old = self.bundle.versions.iter().any(|version| version == "2.0");
        Provenance {
            format: "stix".to_owned(),
            schema: if old { "stix 2.0" } else { "stix 2.1" }.to_owned(),
            mapping: "-".to_owned(),
            encoding: self.bundle.held.encoding.to_owned(),
            zone: None,
        }
    }

    fn end(&mut self, rows: u64) -> Result<Ending, Problem> {
        if rows == 0 {
            return Err(Problem::new(&NO_ROWS, Place::file(self.file)));
        }
        let mut notes = std::mem::take(&mut self.bundle.notes);
        notes.append(&mut self.rows.notes);
        for (name, line) in &self.rows.foreign {
            notes.push((Place::file(self.file).line(*line).field(name), &STIX_FOREIGN));
        }
        Ok(Ending {
            provenance: self.provenance(),
            found_by: match self.bundle.form {
                Form::Bundle => "bundle of objects",
                Form::Objects => "objects by themselves",
            }
            .to_owned(),
            columns: Vec::new(),
            notes,
        })
    }
}

/// What rows are made with.
struct Rows<'a> {
    file: &'a str,
    draft: Draft<'a>,
    event: Event<'a>,
    notes: Vec<(Place, &'static Code)>,
    /// Types that make no row, with the line of the first.
    foreign: BTreeMap<String, u64>,
}

impl Rows<'_> {
    fn item(&mut self, bundle: &Bundle, index: usize, rows: &mut Gathered) {
        let spot = match bundle.items.get(index) {
            Some(Item::Object(spot)) => spot,
            Some(Item::Broken(line, code, raw)) => return rows.rejected(*line, Fault::of(code), raw),
            // A note says so.
            Some(Item::Older(_)) | None => return,
        };
        let raw = bundle.held.at(spot);
        let object = bundle.item(index);
        let read = object.as_ref().and_then(|object| Some((object, text(object, "type")?, text(object, "id")?)));
        let Some((object, kind, id)) = read.filter(|(object, ..)| object.is_object()) else {
            return rows.rejected(spot.at.line, Fault::of(&STIX_NOT_AN_OBJECT), raw);
        };
        let mut out = Out { rows, at: spot.at, raw };
        let ours = object.get("extensions").and_then(|extensions| extensions.get(EXTENSION));
        if let Some(event) = ours.and_then(|extension| text(extension, "idf_event")) {
            let read = self.ours(object, event, bundle);
            return out.give(read.map(|()| self.event.sighting()));
        }
        match kind {
            "indicator" => self.indicator(object, id, bundle, &mut out),
            "observed-data" => self.observed(object, id, bundle, &mut out),
            "network-traffic" | "ipv4-addr" | "ipv6-addr" | "domain-name" | "url" | "user-account" | "email-addr"
            | "file" => {
                if !bundle.is_spoken_of(id, object) {
                    self.observable(object, id, kind, bundle, &mut out);
                }
            }
            // They say something about rows.
            "identity"
            | "marking-definition"
            | "relationship"
            | "sighting"
            | "extension-definition"
            | "infrastructure" => {}
            other => {
                // Names that nobody will read, of which there may be as many as objects.
                if self.foreign.len() < 100 {
                    self.foreign.entry(other.chars().take(60).collect()).or_insert(spot.at.line);
                }
            }
        }
    }

    /// A row that we wrote: our extension has every column. What the object around it says narrows it, and must not contradict it.
    fn ours(&mut self, object: &Value, event: &str, bundle: &Bundle) -> Result<(), Fault> {
        let marked = marking::of(object, bundle);
        let row = self.event.row(event)?;
        row.tags.tlp = row.tags.tlp.max(marked.tlp.unwrap_or(row.tags.tlp));
        row.tags.pap = row.tags.pap.max(marked.pap.unwrap_or(row.tags.pap));
        let Some(address) = row.source_ip else { return Ok(()) };
        // An address is told in the object or not at all: where a URL or a name stands for the row, nothing contradicts it.
        let values: Vec<String> = match text(object, "pattern") {
            Some(pattern) => {
                let tests = pattern::alternatives(pattern).into_iter().flatten().flatten();
                tests.map(|test| test.value).collect()
            }
            None => {
                let observables = texts(object, "object_refs").filter_map(|id| bundle.object(id));
                observables.filter_map(|observable| text(&observable, "value").map(str::to_owned)).collect()
            }
        };
        let mut told = values.iter().filter_map(|value| value.parse::<Address>().ok()).peekable();
        if told.peek().is_none() || told.any(|one| one == address) {
            return Ok(());
        }
        Err(Fault::at(&STIX_CONTRADICTS, Column::SourceIp.key(), &address.to_string()))
    }

    fn indicator(&mut self, object: &Value, id: &str, bundle: &Bundle, out: &mut Out<'_, '_>) {
        let refuse = |code| Err(Fault::of(code));
        if object.get("revoked") == Some(&Value::Bool(true)) {
            return out.give(refuse(&STIX_REVOKED));
        }
        if texts(object, "indicator_types").chain(texts(object, "labels")).any(|name| name == "benign") {
            return out.give(refuse(&STIX_BENIGN));
        }
        let pattern = text(object, "pattern").unwrap_or_default();
        // In STIX 2.0 there is no other language.
        if text(object, "pattern_type").is_some_and(|language| language != "stix") {
            return out.give(Err(Fault::at(
                &STIX_PATTERN_TYPE,
                "pattern_type",
                text(object, "pattern_type").unwrap_or_default(),
            )));
        }
        let alternatives = match pattern::alternatives(pattern) {
            Ok(alternatives) => alternatives,
            Err(Unread::NoPattern) => return out.give(Err(Fault::at(&STIX_PATTERN_SYNTAX, "pattern", pattern))),
            Err(Unread::SaysMore) => return out.give(Err(Fault::at(&STIX_PATTERN_SAYS_MORE, "pattern", pattern))),
        };
        // All of it or nothing: half of its alternatives would be a pattern that its author did not write.
        let tried: Result<Vec<()>, Fault> = alternatives
            .iter()
            .map(|tests| {
                self.draft.begin();
                self.pointed_at(tests)
            })
            .collect();
        if let Err(fault) = tried {
            return out.give(Err(fault));
        }
        let kind = super::kind::of_indicator(object, bundle);
        let malware = self.malware_of(id, bundle);
        let seen: Vec<&Seen> = bundle.sightings(id).map(|(_, seen)| seen).collect();
        let last = seen.iter().filter_map(|seen| seen.last.as_deref().or(seen.first.as_deref()));
        let time = last.map(|last| self.draft.instant("last_seen", last)).collect::<Result<Vec<Instant>, Fault>>();
        let time = match time {
            Ok(times) => times.into_iter().max(),
            Err(fault) => return out.give(Err(fault)),
        };
        if text(object, "valid_until")
            .and_then(|until| until.parse().ok())
            .is_some_and(|until: Instant| until < self.draft.latest())
        {
            self.note(&STIX_EXPIRED, out.at.line, "valid_until");
        }
        let related = (alternatives.len() <= 32).then(|| self.related(id, bundle)).flatten();
        for tests in &alternatives {
            self.draft.begin();
            let read = self.pointed_at(tests).and_then(|()| {
                self.about(object, id, bundle, out.at.line)?;
                self.seen(id, bundle, out.at.line);
                let draft = &mut self.draft;
                draft.row.time = time;
                draft.row.classification = kind;
                // A file that indicates malware is a sample of it.
                let file = tests.iter().any(|test| test.path.starts_with("file:hashes."));
                if file && malware.is_some() && kind == Classification::Undetermined {
                    draft.row.classification = Classification::Malware;
                }
                draft.row.malware.clone_from(&malware);
                if pattern.len() <= MOST_RELATED {
                    draft.keep("extra.stix.pattern", pattern);
                }
                for (member, key) in [
                    ("valid_from", "extra.stix.valid_from"),
                    ("valid_until", "extra.stix.valid_until"),
                    ("indicator_types", "extra.stix.indicator_types"),
                    ("kill_chain_phases", "extra.stix.kill_chain_phases"),
                ] {
                    draft.keep_value(key, object.get(member).filter(|value| short(value)).unwrap_or(&Value::Null));
                }
                if let Some(related) = &related {
                    draft.extra.json("extra.stix.related", related);
                }
                draft.finish()
            });
            out.give(read);
        }
    }

    /// What one alternative of a pattern points at: the bad thing is the row's source, as IDF has it.
    fn pointed_at(&mut self, tests: &Alternative) -> Result<(), Fault> {
        let draft = &mut self.draft;
        let names = |end: &str| tests.iter().any(|test| test.path.starts_with(&format!("network-traffic:{end}_")));
        if names("src") && names("dst") {
            return Err(Fault::of(&STIX_TWO_ENDS));
        }
        for test in tests {
            let says_more = || Fault::at(&STIX_PATTERN_SAYS_MORE, "pattern", &test.path);
            let value = test.value.as_str();
            let (object, path) = test.path.split_once(':').ok_or_else(says_more)?;
            match (object, path) {
                ("ipv4-addr" | "ipv6-addr", "value") => end(draft, value)?,
                ("domain-name", "value") => name(draft, value).then_some(()).ok_or_else(says_more)?,
                ("domain-name", path) if path.starts_with("resolves_to_refs[") && path.ends_with("].value") => {
                    end(draft, value)?;
                }
                ("domain-name", path) if path.starts_with("resolves_to_refs[") && path.ends_with("].type") => {}
                ("url", "value") => draft.put(Column::SourceUrl, value)?,
                ("email-addr", "value") | ("user-account", "account_login" | "user_id") => {
                    if draft.row.source_account.is_some() {
                        return Err(says_more());
                    }
                    draft.put(Column::SourceAccount, value)?;
                }
                ("file", "name") => draft.keep("extra.stix.file_name", value),
                ("file", path) => {
                    let algorithm = path.strip_prefix("hashes.").ok_or_else(says_more)?;
                    if !draft.hash(algorithm, value) {
                        return Err(says_more());
                    }
                }
                ("network-traffic", "src_ref.type" | "dst_ref.type") => {}
                ("network-traffic", "src_ref.value" | "dst_ref.value") => far_end(draft, value)?,
                ("network-traffic", "src_port" | "dst_port") => draft.put(Column::SourcePort, value)?,
                ("network-traffic", path) if path.starts_with("protocols[") => protocol(draft, value),
                _ => return Err(says_more()),
            }
        }
        // A port by itself, or one of some traffic beside an address of anything: whose port it is, the pattern does not say.
        let traffic = tests.iter().any(|test| test.path.ends_with("_ref.value"));
        if draft.row.source_port.is_some() && !traffic {
            return Err(Fault::at(&STIX_PATTERN_SAYS_MORE, "pattern", "network-traffic"));
        }
        // Is it about anything? The object says the rest.
        let about = tests
            .iter()
            .any(|test| !matches!(&*test.path, "file:name") && !test.path.starts_with("network-traffic:protocols"));
        if about { Ok(()) } else { Err(Fault::at(&STIX_PATTERN_SAYS_MORE, "pattern", "file:name")) }
    }

    fn observed(&mut self, object: &Value, id: &str, bundle: &Bundle, out: &mut Out<'_, '_>) {
        if object.get("revoked") == Some(&Value::Bool(true)) {
            return out.give(Err(Fault::of(&STIX_REVOKED)));
        }
        let own = object.get("objects").and_then(Value::as_object);
        let names: Vec<&str> = match own {
            Some(own) => own.keys().map(String::as_str).collect(),
            None => texts(object, "object_refs").collect(),
        };
        if names.len() > MOST_OBSERVED {
            return out.give(Err(Fault::at(&STIX_TOO_MANY, "object_refs", &names.len().to_string())));
        }
        let observation = match self.observation(object) {
            Ok(observation) => observation,
            Err(fault) => return out.give(Err(fault)),
        };
        let scope = Scope { bundle, own };
        let mut observed: Vec<(&str, Value)> = Vec::new();
        for name in &names {
            match scope.object(name) {
                Some(observable) => observed.push((name, observable)),
                None => out.give(Err(Fault::at(&STIX_REFERENCE_MISSING, "object_refs", name))),
            }
        }
        // The addresses of traffic, and those that a name resolves to, are told with it.
        let mut told: std::collections::HashSet<String> = std::collections::HashSet::new();
        for (_, observable) in &observed {
            let refs = [text(observable, "src_ref"), text(observable, "dst_ref")];
            told.extend(refs.into_iter().flatten().map(str::to_owned));
            if let Some(one) = only_address(observable) {
                told.insert(one.to_owned());
            }
        }
        let rows = |observable: &Value| {
            matches!(
                text(observable, "type").unwrap_or_default(),
                "network-traffic" | "ipv4-addr" | "ipv6-addr" | "domain-name" | "url" | "user-account" | "email-addr"
            )
        };
        let some_address = observed.iter().any(|(_, observable)| rows(observable));
        let others: Vec<&Value> =
            observed.iter().map(|(_, observable)| observable).filter(|other| !rows(other)).collect();
        let beside = (some_address && names.len() <= 32).then(|| verbatim(others.iter().copied())).flatten();
        let mut any = false;
        for (name, observable) in &observed {
            let file = text(observable, "type") == Some("file") && observable.get("hashes").is_some();
            let makes_row = rows(observable) || (file && !some_address);
            if !makes_row || told.contains(*name) {
                continue;
            }
            any = true;
            self.draft.begin();
            let read = self.look_at(observable, name, &scope).and_then(|()| {
                self.about(object, id, bundle, out.at.line)?;
                self.observation_of(&observation, observable)?;
                self.seen(id, bundle, out.at.line);
                if self.draft.row.classification == Classification::Undetermined
                    && let Some(kind) = super::kind::of_labels(object)
                {
                    self.draft.row.classification = kind;
                }
                if let Some(beside) = &beside {
                    self.draft.extra.json("extra.stix.objects", beside);
                }
                self.draft.finish()
            });
            out.give(read);
        }
        if !any && observed.len() == names.len() {
            // Nothing that anybody holds: processes, registry keys, mail.
            out.give(Err(Fault::of(&crate::fields::ADDRESS_MISSING)));
        }
    }

    /// When and how often, of observed data.
    fn observation(&self, object: &Value) -> Result<Observation, Fault> {
        let at = |member| text(object, member).map(|time| self.draft.instant(member, time)).transpose();
        let (first, last) = (at("first_observed")?, at("last_observed")?);
        Ok(Observation { first, last, number: object.get("number_observed").cloned().unwrap_or_default() })
    }

    fn observation_of(&mut self, observation: &Observation, observable: &Value) -> Result<(), Fault> {
        let started = text(observable, "start").map(|start| self.draft.instant("start", start)).transpose()?;
        let draft = &mut self.draft;
        (draft.row.time, draft.row.uncertainty) = match (started, observation.first, observation.last) {
            (Some(start), ..) => (Some(start), Uncertainty::NONE),
            (None, Some(first), Some(last)) if first < last && observation.number.as_u64() == Some(1) => {
                // Once, at some time between: the middle, and how far it may be off.
                let half = (last.as_micros() - first.as_micros()).unsigned_abs().div_ceil(2);
                let middle = Instant::from_micros(first.as_micros() + i64::try_from(half).unwrap_or(0));
                (Some(middle), Uncertainty::from_micros(half))
            }
            // Seen more than once: at both ends, then.
            (None, first, last) => (last.or(first), Uncertainty::NONE),
        };
        if let Some(first) = observation.first.filter(|first| Some(*first) != draft.row.time) {
            draft.keep("extra.stix.first_observed", &first.to_string());
        }
        if observation.number.as_u64().is_some_and(|number| number > 1) {
            draft.keep_value("extra.count", &observation.number);
        }
        Ok(())
    }

    /// An observable that no observation tells of.
    fn observable(&mut self, object: &Value, id: &str, kind: &str, bundle: &Bundle, out: &mut Out<'_, '_>) {
        if kind == "file" && object.get("hashes").is_none() {
            // A name of a file is nobody's.
            self.foreign.entry(kind.to_owned()).or_insert(out.at.line);
            return;
        }
        self.draft.begin();
        let scope = Scope { bundle, own: None };
        let read = self.look_at(object, id, &scope).and_then(|()| {
            self.about(object, id, bundle, out.at.line)?;
            let observation = Observation { first: None, last: None, number: Value::Null };
            self.observation_of(&observation, object)?;
            for infrastructure in bundle.infrastructure_of(id).iter().take(8) {
                let Some(fact) = bundle.fact(infrastructure) else { continue };
                self.mark(&fact.marked, out.at.line);
                self.draft.keep("extra.stix.infrastructure", fact.name.as_deref().unwrap_or_default());
                if self.draft.row.malware.is_none() {
                    self.draft.row.malware = self.malware_of(infrastructure, bundle);
                }
            }
            self.draft.finish()
        });
        out.give(read);
    }

    /// What an observable is: an address, a name, both ends of traffic. Says its kind where the bundle does.
    fn look_at(&mut self, observable: &Value, name_of_it: &str, scope: &Scope<'_>) -> Result<(), Fault> {
        let value = text(observable, "value").unwrap_or_default();
        let bundle = scope.bundle;
        let draft = &mut self.draft;
        let mut kind = super::kind::of_part(name_of_it, bundle);
        match text(observable, "type").unwrap_or_default() {
            "ipv4-addr" | "ipv6-addr" => end(draft, value)?,
            "domain-name" => {
                draft.put(Column::SourceFqdn, value)?;
                if let Some(address) = only_address(observable).and_then(|one| scope.object(one)) {
                    end(draft, text(&address, "value").unwrap_or_default())?;
                }
            }
            "url" => draft.put(Column::SourceUrl, value)?,
            "email-addr" => draft.put(Column::SourceAccount, value)?,
            "user-account" => {
                let login = text(observable, "account_login").or_else(|| text(observable, "user_id"));
                draft.put(Column::SourceAccount, login.unwrap_or_default())?;
            }
            "file" => {
                for (algorithm, digest) in observable.get("hashes").and_then(Value::as_object).into_iter().flatten() {
                    draft.hash(algorithm, digest.as_str().unwrap_or_default());
                }
                draft.keep("extra.stix.file_name", text(observable, "name").unwrap_or_default());
            }
            _ => {
                let to = self.traffic(observable, scope)?;
                let from = text(observable, "src_ref").and_then(|name| super::kind::of_part(name, bundle));
                // Who talks to a command-and-control server is infected; that server is told by its own row.
                kind = kind
                    .or(from)
                    .or_else(|| to.filter(|to| bundle.is_server(to)).map(|_| Classification::InfectedSystem));
            }
        }
        if let Some(kind) = kind {
            self.draft.row.classification = kind;
        }
        Ok(())
    }

    /// Both ends of traffic; gives the far one.
    fn traffic(&mut self, traffic: &Value, scope: &Scope<'_>) -> Result<Option<String>, Fault> {
        let at = |member: &str| -> Result<Option<Value>, Fault> {
            let Some(name) = text(traffic, member) else { return Ok(None) };
            let found = scope.object(name).ok_or_else(|| Fault::at(&STIX_REFERENCE_MISSING, member, name))?;
            Ok(Some(found))
        };
        let (source, destination) = (at("src_ref")?, at("dst_ref")?);
        let draft = &mut self.draft;
        let Some(source) = source else { return Err(Fault::of(&STIX_NO_SOURCE)) };
        match (text(&source, "type"), text(&source, "value").unwrap_or_default()) {
            (Some("ipv4-addr" | "ipv6-addr"), value) => end(draft, value)?,
            (Some("domain-name"), value) => draft.put(Column::SourceFqdn, value)?,
            _ => return Err(Fault::of(&STIX_NO_SOURCE)),
        }
        let to = destination
            .and_then(|object| Some((text(&object, "type")?.to_owned(), text(&object, "value")?.to_owned())));
        match &to {
            Some((kind, value)) if kind == "domain-name" => draft.put(Column::DestinationFqdn, value)?,
            Some((kind, value)) if kind.starts_with("ipv") => {
                draft.put(Column::DestinationIp, value.strip_suffix("/32").unwrap_or(value))?;
            }
            _ => {}
        }
        for (member, column) in [("src_port", Column::SourcePort), ("dst_port", Column::DestinationPort)] {
            match traffic.get(member) {
                None | Some(Value::Null) => {}
                Some(Value::String(port)) => draft.put(column, port)?,
                Some(port) => draft.put(column, &port.to_string())?,
            }
        }
        texts(traffic, "protocols").for_each(|name| protocol(draft, name));
        for (member, key) in [("end", "extra.stix.end"), ("extensions", "extra.stix.traffic")] {
            draft.keep_value(key, traffic.get(member).filter(|value| short(value)).unwrap_or(&Value::Null));
        }
        Ok(to.map(|(_, value)| value))
    }

    /// What every row says of the object that it comes from: its id, its author and relay, its markings.
    fn about(&mut self, object: &Value, id: &str, bundle: &Bundle, line: u64) -> Result<(), Fault> {
        if let Some(version) = text(object, "spec_version").filter(|version| !matches!(*version, "2.0" | "2.1")) {
            return Err(Fault::at(&STIX_VERSION, "spec_version", version));
        }
        let draft = &mut self.draft;
        draft.row.reference = Some(id.to_owned());
        draft.keep("extra.stix.name", first(text(object, "name").unwrap_or_default(), 200));
        // Longer ones stand in the report: every row of an object would have a copy.
        draft.keep("event_description.text", first(text(object, "description").unwrap_or_default(), 2_000));
        draft
            .keep_value("extra.stix.labels", object.get("labels").filter(|value| short(value)).unwrap_or(&Value::Null));
        draft.confidence(object.get("confidence").unwrap_or(&Value::Null));
        let author = text(object, "created_by_ref");
        for (fact, key) in [
            (author.and_then(|author| bundle.fact(author)), "feed.provider"),
            (bundle.relay(id, author), "extra.relay"),
        ] {
            if let Some(fact) = fact {
                self.mark(&fact.marked, line);
                self.draft.keep(key, fact.name.as_deref().unwrap_or_default());
            }
        }
        let marked = marking::of(object, bundle);
        self.mark(&marked, line);
        Ok(())
    }

    /// What sightings say of a row: how often, by whom, of which malware.
    fn seen(&mut self, id: &str, bundle: &Bundle, line: u64) {
        for (fact, seen) in bundle.sightings(id) {
            self.mark(&fact.marked, line);
            self.draft.confidence(&seen.confidence);
            let members: [(&str, Value); 6] = [
                ("count", seen.count.into()),
                ("first_seen", seen.first.clone().into()),
                ("last_seen", seen.last.clone().into()),
                ("of", if seen.of == id { Value::Null } else { seen.of.clone().into() }),
                ("author", fact.author.as_ref().and_then(|author| bundle.fact(author)?.name.clone()).into()),
                (
                    "by",
                    seen.by
                        .iter()
                        .map(|by| bundle.fact(by).and_then(|fact| fact.name.clone()).unwrap_or_else(|| by.clone()))
                        .collect(),
                ),
            ];
            for by in seen.by.iter().filter_map(|by| bundle.fact(by)) {
                self.mark(&by.marked, line);
            }
            let told: Map<String, Value> = members
                .into_iter()
                .filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()))
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            self.draft.keep_value("extra.stix.sighting", &Value::Object(told));
            if let Some(of) = bundle.fact(&seen.of) {
                self.mark(&of.marked, line);
                if of.object == "malware" && self.draft.row.malware.is_none() {
                    self.draft.row.malware.clone_from(&of.name);
                }
            }
        }
    }

    fn mark(&mut self, marked: &Marked, line: u64) {
        self.draft.narrow(marked.tlp, marked.pap);
        if marked.unknown {
            self.note(&STIX_UNKNOWN_MARKING, line, "object_marking_refs");
        }
        if !marked.statements.is_empty() {
            self.draft.keep_value("extra.stix.statements", &marked.statements.clone().into());
            self.note(&STIX_STATEMENT, line, "object_marking_refs");
        }
    }

    fn note(&mut self, code: &'static Code, line: u64, field: &str) {
        let same = self.notes.iter().filter(|(_, known)| known.code == code.code);
        let (many, again) =
            same.fold((0, false), |(many, again), (place, _)| (many + 1, again || place.line == Some(line)));
        if many < MOST_NOTES && !again {
            self.notes.push((Place::file(self.file).line(line).field(field), code));
        }
    }

    /// The one malware that an object indicates or is used by; none where there are several.
    fn malware_of(&self, id: &str, bundle: &Bundle) -> Option<String> {
        let relations = bundle.relations(id).iter().take(64).filter(|(kind, _)| {
            matches!(kind.as_str(), "indicates" | "controls" | "delivers" | "hosts" | "uses" | "communicates-with")
        });
        let facts = relations.filter_map(|(_, target)| bundle.fact(target)).filter(|fact| fact.object == "malware");
        let mut names: Vec<&String> = facts.filter_map(|fact| fact.name.as_ref()).collect();
        names.sort_unstable();
        names.dedup();
        match names.as_slice() {
            [one] => Some((*one).clone()),
            _ => None,
        }
    }

    /// What an object is related to, as it stands, where that is short.
    fn related(&self, id: &str, bundle: &Bundle) -> Option<String> {
        let targets: Vec<Value> =
            bundle.relations(id).iter().take(8).filter_map(|(_, target)| bundle.object(target)).collect();
        verbatim(targets.iter())
    }
}

/// When and how often something was observed.
struct Observation {
    first: Option<Instant>,
    last: Option<Instant>,
    number: Value,
}

/// Where the rows of one object go.
struct Out<'o, 'r> {
    rows: &'o mut Gathered,
    at: RowAt,
    raw: &'r str,
}

impl Out<'_, '_> {
    fn give(&mut self, row: Result<&mut model::Sighting, Fault>) {
        match row {
            Ok(row) => self.rows.understood(row, self.at),
            Err(fault) => self.rows.rejected(self.at.line, fault, self.raw),
        }
    }
}

/// The row's address; a second one in the same row is not its own.
fn end(draft: &mut Draft<'_>, value: &str) -> Result<(), Fault> {
    // One address as a network of one (STIX 2.1, section 6.8: CIDR is allowed).
    let value = value.strip_suffix("/32").filter(|_| value.contains('.')).unwrap_or(value);
    let value = value.strip_suffix("/128").filter(|_| value.contains(':')).unwrap_or(value);
    let before = draft.row.source_ip;
    draft.put(Column::SourceIp, value)?;
    if before.is_some_and(|before| Some(before) != draft.row.source_ip) {
        return Err(Fault::at(&STIX_PATTERN_SAYS_MORE, Column::SourceIp.key(), value));
    }
    Ok(())
}

/// The row's name; false where it has another already.
fn name(draft: &mut Draft<'_>, value: &str) -> bool {
    let other = draft.row.source_fqdn.as_deref().is_some_and(|known| known != value);
    !other && draft.put(Column::SourceFqdn, value).is_ok()
}

/// The end of traffic that a pattern points at: an address or a name.
fn far_end(draft: &mut Draft<'_>, value: &str) -> Result<(), Fault> {
    if value.contains(|c: char| c.is_ascii_alphabetic()) && !value.contains(':') {
        return draft.put(Column::SourceFqdn, value);
    }
    end(draft, value)
}

/// A protocol of a list from the lowest to the highest: the transport has a column, what lies above it is the application.
fn protocol(draft: &mut Draft<'_>, name: &str) {
    match name.to_ascii_lowercase().as_str() {
        "" | "ip" | "ipv4" | "ipv6" | "ethernet" | "eth" => {}
        // `6` would be taken for a number of the registry; names only.
        lower => match lower.parse() {
            Ok(transport) if !lower.starts_with(|c: char| c.is_ascii_digit()) => draft.row.protocol = Some(transport),
            _ => draft.keep("protocol.application", lower),
        },
    }
}

/// The one address that a name resolves to, where there is exactly one.
fn only_address(observable: &Value) -> Option<&str> {
    let mut all = texts(observable, "resolves_to_refs");
    all.next().filter(|_| all.next().is_none() && text(observable, "type") == Some("domain-name"))
}

/// The first so many characters.
fn first(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

fn short(value: &Value) -> bool {
    value.to_string().len() <= MOST_RELATED
}

/// The objects as a JSON array, as many of them as fit.
fn verbatim<'v>(objects: impl Iterator<Item = &'v Value>) -> Option<String> {
    let mut kept = Vec::new();
    let mut room = MOST_RELATED;
    for object in objects {
        let json = object.to_string();
        if json.len() <= room {
            room -= json.len();
            kept.push(json);
        }
    }
    (!kept.is_empty()).then(|| format!("[{}]", kept.join(",")))
}
