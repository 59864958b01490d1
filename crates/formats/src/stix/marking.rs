//! Markings: what a bundle says about who may see an object, by the fixed ids of TLP 1 and TLP 2.0, by statements, by parts of objects.
//!
//! INVARIANT: a marking that is not known, not in the bundle, or not readable counts as the narrowest there is.

use model::{Pap, Tlp};
use serde_json::Value;

use super::bundle::{Bundle, text};
use crate::label::Label;

/// TLP 2.0 as an extension of marking definitions (OASIS, cti-stix-common-objects).
pub(super) const TLP2_EXTENSION: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";

/// The markings of TLP 2.0, with their ids and the words of the extension's `tlp_2_0`.
pub(super) const TLP2: [(Tlp, &str, &str); 5] = [
    (Tlp::Clear, "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", "clear"),
    (Tlp::Green, "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "green"),
    (Tlp::Amber, "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", "amber"),
    (Tlp::AmberStrict, "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", "amber+strict"),
    (Tlp::Red, "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", "red"),
];

/// The markings of TLP 1 (STIX 2.1, section 7.2.1.4; the same in 2.0).
const TLP1: [(Tlp, &str); 4] = [
    (Tlp::Clear, "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"),
    (Tlp::Green, "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"),
    (Tlp::Amber, "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"),
    (Tlp::Red, "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"),
];

/// What the markings of an object say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) tlp: Option<Tlp>,
    pub(super) pap: Option<Pap>,
    /// Statements, for people to read.
    pub(super) statements: Vec<String>,
    /// One of them is not known here.
    pub(super) unknown: bool,
}

/// What the markings of an object and of its parts say: whoever has a row has all of it, so a part's marking is the row's.
pub(super) fn of(object: &Value, bundle: &Bundle) -> Marked {
    let mut marked = Marked::default();
    match object.get("object_marking_refs") {
        None | Some(Value::Null) => {}
        Some(Value::Array(refs)) => refs.iter().for_each(|id| add(id.as_str(), bundle, &mut marked)),
        Some(_) => add(None, bundle, &mut marked),
    }
    match object.get("granular_markings") {
        None | Some(Value::Null) => {}
        Some(Value::Array(parts)) => {
            // A part without a marking says in which language it is written.
            let named = parts.iter().filter(|part| part.get("lang").is_none() || part.get("marking_ref").is_some());
            named.for_each(|part| add(text(part, "marking_ref"), bundle, &mut marked));
        }
        Some(_) => add(None, bundle, &mut marked),
    }
    marked
}

fn add(id: Option<&str>, bundle: &Bundle, marked: &mut Marked) {
    match id.map(|id| one(id, bundle)) {
        Some(One::Tlp(tlp)) => marked.tlp = marked.tlp.max(Some(tlp)),
        Some(One::Pap(pap)) => marked.pap = marked.pap.max(Some(pap)),
        Some(One::Statement(statement)) => {
            // Whoever marks with more has not marked to be read.
            if marked.statements.len() < 8 && !marked.statements.contains(&statement) {
                marked.statements.push(statement);
            }
        }
        Some(One::Unknown) | None => {
            marked.unknown = true;
            marked.tlp = Some(Tlp::Red);
            marked.pap = Some(Pap::Red);
        }
    }
}

/// What one marking says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum One {
    Tlp(Tlp),
    Pap(Pap),
    Statement(String),
    Unknown,
}

/// The marking with that id; the fixed ones need not be in the bundle.
fn one(id: &str, bundle: &Bundle) -> One {
    let fixed = TLP2.iter().map(|(tlp, id, _)| (tlp, id)).chain(TLP1.iter().map(|(tlp, id)| (tlp, id)));
    match fixed.into_iter().find(|(_, known)| **known == id) {
        Some((tlp, _)) => One::Tlp(*tlp),
        None => bundle.marking(id).cloned().unwrap_or(One::Unknown),
    }
}

/// What a marking definition defines.
pub(super) fn defined(definition: &Value) -> One {
    let label = |text: Option<&str>| text.and_then(|text| text.parse::<Tlp>().ok()).map_or(One::Unknown, One::Tlp);
    let told = definition.get("definition");
    match text(definition, "definition_type") {
        Some("tlp") => label(told.and_then(|told| text(told, "tlp"))),
        Some("statement") => match told.and_then(|told| text(told, "statement")) {
            Some(statement) => match Label::of(statement) {
                Label::Tlp(tlp) => One::Tlp(tlp),
                Label::Pap(pap) => One::Pap(pap),
                Label::UnknownMarking => One::Unknown,
                _ => One::Statement(statement.chars().take(1_000).collect()),
            },
            None => One::Unknown,
        },
        // Only an extension says what it means: TLP 2.0 under other ids, or something that is not known.
        _ => {
            let extension = definition.get("extensions").and_then(|extensions| extensions.get(TLP2_EXTENSION));
            label(extension.and_then(|extension| text(extension, "tlp_2_0")))
        }
    }
}
