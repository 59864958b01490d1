//! RDAP answers from file (RFC 9083): `ip network`, `autnum`, `domain` and `entity` objects, as JSON lines, as one array, or one
//! after the other.
//!
//! The mailboxes come out of the vCards (RFC 7095) of entities with the roles `abuse` and `technical` (RFC 9083, section
//! 10.2.4), at any depth; the nearer one goes first. The name is that of the `registrant`. Of an entity whose vCard says that
//! it is an individual only a mailbox for abuse is taken. Names and mailboxes in other objects of the answer (notices,
//! remarks, links) are not looked at, and nothing is fetched.

use std::io::{self, BufRead};
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use serde_json::Value;

use super::intake::{At, Intake, ReadAs};
use super::{Field, Origin, Subject, code, country, date};
use crate::asn::Asn;
use cut::{Cutter, Piece};

mod cut;

/// Entities are looked at so deep; registries nest two or three.
const DEEPEST: u8 = 8;
/// So many things that entities say of one object are kept; a hostile answer could say thousands of thousands of subjects.
const MOST_TOLD: usize = 100;

pub(super) fn read(intake: &mut Intake<'_>, how: ReadAs<'_>, source: impl BufRead) -> io::Result<()> {
    let mut cutter = Cutter::new(source);
    while let Some((line, piece)) = cutter.next_piece()? {
        intake.row();
        let refused = match piece {
            Piece::TooLong => Some(&code::TOO_LONG),
            Piece::Broken => Some(&code::SYNTAX),
            Piece::Object(bytes) if bytes.contains(&0) || std::str::from_utf8(bytes).is_err() => Some(&code::BYTES),
            // Deeper than 128 is refused by the JSON reader.
            Piece::Object(bytes) => match serde_json::from_slice::<Value>(bytes) {
                Ok(value) => {
                    take(intake, how, &value, line, &[], 0)?;
                    None
                }
                Err(_) => Some(&code::SYNTAX),
            },
        };
        if let Some(code) = refused {
            intake.refuse(code, At { file: how.file, line, field: None, value: None });
        }
    }
    Ok(())
}

/// Takes an object; `around` are the entities that it was found in.
fn take(
    intake: &mut Intake<'_>,
    how: ReadAs<'_>,
    value: &Value,
    line: u64,
    around: &[&Value],
    depth: u8,
) -> io::Result<()> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let class = text("objectClassName").unwrap_or_default();
    if class == "entity" {
        let held = ["networks", "autnums"].iter().filter_map(|key| value.get(key)?.as_array()).flatten();
        let mut any = false;
        for inner in held.filter(|_| depth < DEEPEST) {
            any = true;
            take(intake, how, inner, line, &[value], depth + 1)?;
        }
        if !any {
            intake.pass_over();
        }
        return Ok(());
    }
    let subjects = match class {
        "ip network" => networks(value),
        "autnum" => numbers(value),
        "domain" => text("ldhName").and_then(|name| name.parse().ok()).map(|domain| vec![Subject::Domain(domain)]),
        _ => {
            intake.pass_over();
            return Ok(());
        }
    };
    let Some(subjects) = subjects else {
        let at = At { file: how.file, line, field: Some(class), value: text("handle") };
        intake.refuse(&code::KEY, at);
        return Ok(());
    };
    let changed = value.get("events").and_then(Value::as_array).into_iter().flatten().find_map(|event| {
        let is_change = event.get("eventAction")?.as_str()? == "last changed";
        event.get("eventDate")?.as_str().filter(|_| is_change).and_then(date)
    });
    let origin = Origin {
        file: how.file.to_owned(),
        object: shown(class, value),
        line,
        dated: changed.or(how.dated.map(str::to_owned)),
    };
    let mut found = Vec::new();
    for entity in around {
        // Whoever was asked about holds what his answer lists, whatever roles he has elsewhere.
        entity_facts(entity, &origin, 1, Role::Holder, &mut found);
    }
    for entity in value.get("entities").and_then(Value::as_array).into_iter().flatten() {
        entity_facts(entity, &origin, 0, Role::AsWritten, &mut found);
    }
    for subject in &subjects {
        if let Some(code) = text("country").and_then(country) {
            intake.fact(subject, Field::Country, 0, &code, &origin)?;
        }
        for told in &found {
            match told.field {
                Field::Abuse | Field::Technical => {
                    intake.mail_fact(subject, (told.field, told.depth), &told.value, &told.origin)?;
                }
                field => intake.fact(subject, field, told.depth, &told.value, &told.origin)?,
            }
        }
    }
    Ok(())
}

/// The object's class and handle, for people.
fn shown(class: &str, value: &Value) -> String {
    let handle: String = value.get("handle").and_then(Value::as_str).unwrap_or("-").chars().take(80).collect();
    format!("{class} {handle}")
}

fn networks(value: &Value) -> Option<Vec<Subject>> {
    let end = |key: &str| value.get(key)?.as_str()?.parse::<IpAddr>().ok();
    let nets: Vec<IpNet> = match (end("startAddress")?, end("endAddress")?) {
        (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
            Ipv4Subnets::new(first, last, 0).map(IpNet::V4).collect()
        }
        (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
            Ipv6Subnets::new(first, last, 0).map(IpNet::V6).collect()
        }
        _ => return None,
    };
    Some(nets.into_iter().map(Subject::Network).collect())
}

fn numbers(value: &Value) -> Option<Vec<Subject>> {
    let number = |key: &str| value.get(key)?.as_u64().and_then(|number| u32::try_from(number).ok());
    let (first, last) = (number("startAutnum")?, number("endAutnum")?);
    // What is wider than a block that IANA gives a whole registry is no holder's.
    if first > last || last - first >= 1_024 {
        return None;
    }
    Some((first..=last).map(|number| Subject::Asn(Asn::new(number))).collect())
}

/// What an entity says, before it is known of which subject.
struct Told {
    field: Field,
    depth: u8,
    value: String,
    origin: Origin,
}

/// In which role an entity is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// In those that it names.
    AsWritten,
    /// As the registrant beside them.
    Holder,
}

fn entity_facts(entity: &Value, origin: &Origin, depth: u8, role: Role, found: &mut Vec<Told>) {
    let roles: Vec<&str> =
        entity.get("roles").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = entity.get("vcardArray").and_then(|card| card.get(1)).and_then(Value::as_array);
    // A property is [name, parameters, type, value, ..] (RFC 7095, section 3.3).
    let values = |name: &'static str| {
        let named = properties.into_iter().flatten().filter(move |property| {
            property.get(0).and_then(Value::as_str).is_some_and(|found| found.eq_ignore_ascii_case(name))
        });
        named.filter_map(|property| match property.get(3)? {
            Value::String(text) => Some(text.as_str()),
            // A structured value: the first part, for an organisation its name (RFC 6350, section 6.6.4).
            Value::Array(parts) => parts.first()?.as_str(),
            _ => None,
        })
    };
    let of_individual = values("kind").any(|kind| kind.eq_ignore_ascii_case("individual"));
    let origin = Origin { object: format!("{} > {}", origin.object, shown("entity", entity)), ..origin.clone() };
    let mut tell = |field: Field, value: &str| {
        if found.len() >= MOST_TOLD {
            return;
        }
        found.push(Told { field, depth, value: value.to_owned(), origin: origin.clone() });
    };
    if roles.contains(&"abuse") {
        values("email").for_each(|mail| tell(Field::Abuse, mail));
    }
    if roles.contains(&"technical") && !of_individual {
        values("email").for_each(|mail| tell(Field::Technical, mail));
    }
    if (roles.contains(&"registrant") || role == Role::Holder) && !of_individual {
        if let Some(name) = values("org").next().or(values("fn").next()) {
            tell(Field::Name, name);
        }
        values("lang").for_each(|language| tell(Field::Language, language));
    }
    if depth < DEEPEST {
        for inner in entity.get("entities").and_then(Value::as_array).into_iter().flatten() {
            entity_facts(inner, &origin, depth + 1, Role::AsWritten, found);
        }
    }
}
