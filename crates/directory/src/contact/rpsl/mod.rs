//! Registry dumps in RPSL (RFC 2622; RFC 4012 for IPv6): objects as lines `attribute: value` with a blank line between them.
//!
//! Read are `inetnum`, `inet6num`, `route`, `route6` and `aut-num` as subjects, and what they refer to: `organisation` (`org`),
//! `role` and `person` (`abuse-c`, `tech-c`) and `irt` (`mnt-irt`). A mailbox for abuse is sought as the registries say: the
//! object's own `abuse-c` (RIPE), its own `abuse-mailbox`, its organisation's `abuse-c`, its `irt` (APNIC). Of a `person` only an
//! `abuse-mailbox` is taken, never the person's own mailbox or name: contacts are mailboxes that a role reads.
//!
//! References may point forward, and into other files of the same import, and there may be millions: they are joined by
//! sorting, not by a table in memory. Dumps are UTF-8 or ISO 8859-1; a line that is not the one is read as the other.
//!
//! JPNIC does not publish its whois as RPSL: its answers have lettered lines (`a. [Network Number]`). Whether it hands out
//! dumps, and in which form, is not known to us; JPNIC's allocations stand in APNIC's statistics ([`super::delegated`]).

use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};

use super::intake::{At, Intake, LONGEST_LINE, ReadAs};
use super::sort::{Sorted, Sorter};
use super::{Field, Origin, Subject, code, country, date};
use crate::lines::Lines;
use object::{Building, Object};

mod object;

/// What waits to be joined: objects that are referred to, and the references to them.
pub(super) struct Joins {
    organisations: Sorter,
    people: Sorter,
}

impl Joins {
    pub(super) fn new() -> Self {
        Self { organisations: Sorter::new(), people: Sorter::new() }
    }
}

/// Whatever waits under a handle; what is referred to sorts before the references ([`PROVIDER`], [`REFERENCE`]).
#[derive(Serialize, Deserialize)]
enum Waiting {
    Organisation {
        name: String,
        country: String,
        language: Vec<String>,
        abuse: Option<String>,
        mail: Vec<String>,
        origin: Origin,
    },
    Person {
        abuse: Vec<String>,
        mail: Vec<String>,
        origin: Origin,
    },
    Reference {
        subject: String,
        field: Field,
        rank: u8,
        origin: Origin,
    },
}

const PROVIDER: u8 = 0;
const REFERENCE: u8 = 1;

/// How near a value is to the object itself.
mod rank {
    pub(super) const OWN: u8 = 0;
    pub(super) const OWN_MAILBOX: u8 = 1;
    pub(super) const ORGANISATION: u8 = 2;
    pub(super) const ORGANISATION_MAILBOX: u8 = 3;
    pub(super) const IRT: u8 = 4;
    pub(super) const TECHNICIAN: u8 = 5;
    pub(super) const DESCRIBED: u8 = 6;
}

pub(super) fn read(intake: &mut Intake<'_>, how: ReadAs<'_>, source: impl BufRead) -> io::Result<()> {
    let mut lines = Lines::new(source, LONGEST_LINE);
    let mut building = Building::default();
    while let Some((line, bytes)) = lines.next_line()? {
        if let Some(object) = building.take(line, bytes) {
            take(intake, how, object)?;
        }
    }
    match building.end() {
        Some(object) => take(intake, how, object),
        None => Ok(()),
    }
}

fn take(intake: &mut Intake<'_>, how: ReadAs<'_>, object: Result<Object, object::Bad>) -> io::Result<()> {
    intake.row();
    let object = match object {
        Ok(object) => object,
        Err(bad) => {
            let value = bad.text.as_deref();
            intake.refuse(bad.code, At { file: how.file, line: bad.line, field: None, value });
            return Ok(());
        }
    };
    let (class, key) = object.head();
    let origin = Origin {
        file: how.file.to_owned(),
        object: format!("{class} {key}"),
        line: object.line,
        dated: object.first("last-modified").and_then(date).or(how.dated.map(str::to_owned)),
    };
    match class {
        "inetnum" | "inet6num" | "route" | "route6" | "aut-num" => {
            let Some(subjects) = object::subjects(class, key) else {
                let at = At { file: how.file, line: object.line, field: Some(class), value: Some(key) };
                intake.refuse(&code::KEY, at);
                return Ok(());
            };
            for subject in subjects {
                resource(intake, &subject, &object, &origin)?;
            }
            Ok(())
        }
        "organisation" | "organization" => {
            let waiting = Waiting::Organisation {
                name: object.first("org-name").unwrap_or_default().to_owned(),
                country: object.first("country").unwrap_or_default().to_owned(),
                language: object.all("language").map(str::to_owned).collect(),
                abuse: object.first("abuse-c").map(str::to_owned),
                mail: object.all("abuse-mailbox").map(str::to_owned).collect(),
                origin,
            };
            let (joins, spill) = intake.spill();
            joins.organisations.push(&handle(key, PROVIDER), &serde_json::to_vec(&waiting)?, spill)
        }
        "role" | "person" | "irt" => {
            let of_person = class == "person";
            let waiting = Waiting::Person {
                abuse: object.all("abuse-mailbox").map(str::to_owned).collect(),
                mail: object.all("e-mail").filter(|_| !of_person).map(str::to_owned).collect(),
                // A person's name stands in no origin.
                origin: Origin {
                    object: format!(
                        "{class} {}",
                        if class == "irt" { key } else { object.first("nic-hdl").unwrap_or("-") }
                    ),
                    ..origin
                },
            };
            // An irt is referred to by its name, the others by their handle.
            let name = if class == "irt" { Some(key) } else { object.first("nic-hdl") };
            let Some(name) = name else {
                let at = At { file: how.file, line: object.line, field: Some("nic-hdl"), value: None };
                intake.refuse(&code::KEY, at);
                return Ok(());
            };
            let (joins, spill) = intake.spill();
            joins.people.push(&handle(name, PROVIDER), &serde_json::to_vec(&waiting)?, spill)
        }
        _ => {
            intake.pass_over();
            Ok(())
        }
    }
}

/// Handles are compared without regard to case (RFC 2622, section 2).
fn handle(name: &str, tag: u8) -> Vec<u8> {
    let mut key = name.trim().to_ascii_lowercase().into_bytes();
    key.extend([0, tag]);
    key
}

fn resource(intake: &mut Intake<'_>, subject: &Subject, object: &Object, origin: &Origin) -> io::Result<()> {
    if let Some(code) = object.first("country").and_then(country) {
        intake.fact(subject, Field::Country, rank::OWN, &code, origin)?;
    }
    for language in object.all("language") {
        intake.fact(subject, Field::Language, rank::OWN, language, origin)?;
    }
    if let Some(text) = object.first("descr") {
        intake.fact(subject, Field::Name, rank::DESCRIBED, text, origin)?;
    }
    for text in object.all("abuse-mailbox") {
        intake.mail_fact(subject, (Field::Abuse, rank::OWN_MAILBOX), text, origin)?;
    }
    let references = [
        ("org", Field::Name, rank::ORGANISATION),
        ("abuse-c", Field::Abuse, rank::OWN),
        ("mnt-irt", Field::Abuse, rank::IRT),
        ("tech-c", Field::Technical, rank::OWN),
    ];
    for (attribute, field, rank) in references {
        for name in object.all(attribute).flat_map(|names| names.split([',', ' '])).filter(|name| !name.is_empty()) {
            refer(intake, name, subject.key(), (field, rank), origin)?;
        }
    }
    Ok(())
}

fn refer(
    intake: &mut Intake<'_>,
    name: &str,
    subject: String,
    (field, rank): (Field, u8),
    origin: &Origin,
) -> io::Result<()> {
    let waiting = serde_json::to_vec(&Waiting::Reference { subject, field, rank, origin: origin.clone() })?;
    let (joins, spill) = intake.spill();
    let sorter = if field == Field::Name { &mut joins.organisations } else { &mut joins.people };
    sorter.push(&handle(name, REFERENCE), &waiting, spill)
}

/// Joins references with what they point to: organisations first, because they refer to people in their turn.
pub(super) fn join(intake: &mut Intake<'_>) -> io::Result<()> {
    let organisations = std::mem::replace(&mut intake.joins.organisations, Sorter::new());
    let sorted = organisations.finish(intake.spill().1)?;
    each(sorted, intake, |intake, provider, subject, _, _| {
        let Waiting::Organisation { name, country: code, language, abuse, mail, origin } = provider else {
            return Ok(());
        };
        intake.fact(subject, Field::Name, rank::ORGANISATION, name, origin)?;
        if let Some(code) = country(code) {
            intake.fact(subject, Field::Country, rank::ORGANISATION, &code, origin)?;
        }
        for language in language {
            intake.fact(subject, Field::Language, rank::ORGANISATION, language, origin)?;
        }
        for text in mail {
            intake.mail_fact(subject, (Field::Abuse, rank::ORGANISATION_MAILBOX), text, origin)?;
        }
        match abuse {
            Some(name) => refer(intake, name, subject.key(), (Field::Abuse, rank::ORGANISATION), origin),
            None => Ok(()),
        }
    })?;
    let people = std::mem::replace(&mut intake.joins.people, Sorter::new());
    let sorted = people.finish(intake.spill().1)?;
    each(sorted, intake, |intake, provider, subject, field, rank| {
        let Waiting::Person { abuse, mail, origin } = provider else { return Ok(()) };
        // Who is named for abuse but has no mailbox for it alone is reached by its ordinary one.
        let (own, aside) = if field == Field::Abuse && !abuse.is_empty() { (abuse, None) } else { (mail, Some(abuse)) };
        for text in own {
            intake.mail_fact(subject, (field, rank), text, origin)?;
        }
        for text in aside.into_iter().flatten() {
            intake.mail_fact(subject, (Field::Abuse, rank::TECHNICIAN), text, origin)?;
        }
        Ok(())
    })
}

/// Calls `found` for each reference whose object is there; the first object of a handle stands.
fn each<'s>(
    mut sorted: Sorted,
    intake: &mut Intake<'s>,
    found: impl Fn(&mut Intake<'s>, &Waiting, &Subject, Field, u8) -> io::Result<()>,
) -> io::Result<()> {
    let mut provider: Option<(Vec<u8>, Waiting)> = None;
    while let Some((key, value)) = sorted.next()? {
        let name = key.get(..key.len().saturating_sub(1)).unwrap_or_default().to_vec();
        match serde_json::from_slice(&value)? {
            Waiting::Reference { subject, field, rank, origin } => {
                let known = provider.as_ref().filter(|(handle, _)| *handle == name);
                match (known, Subject::of_key(&subject)) {
                    (Some((_, waiting)), Some(subject)) => found(intake, waiting, &subject, field, rank)?,
                    _ => {
                        let name =
                            String::from_utf8_lossy(name.get(..name.len().saturating_sub(1)).unwrap_or_default());
                        let at =
                            At { file: &origin.file, line: origin.line, field: Some(field.name()), value: Some(&name) };
                        intake.remark(&code::DANGLING, at);
                    }
                }
            }
            other if provider.as_ref().is_none_or(|(handle, _)| *handle != name) => provider = Some((name, other)),
            _ => {}
        }
    }
    Ok(())
}
