//! What happened, as far as a bundle says it: the RSIT type of an indicator, of a part of an infrastructure, of an observation.
//!
//! | a bundle says | type |
//! |---|---|
//! | a label that is an RSIT type or `rsit:…="…"` | that type |
//! | kill chain phase `command-and-control` | `c2-server` |
//! | `indicates`, `based-on`, `related-to` an infrastructure, or a part of one | by `infrastructure_types` |
//! | indicator type `compromised` | `system-compromise` |
//! | indicator type `anonymization` | `proxy` |
//! | anything else | `undetermined` |
//!
//! «Malicious activity» says that something is bad, not what happened to whom. Nobody is infected because an indicator names his address.

use model::Classification;
use serde_json::Value;

use super::bundle::{Bundle, text, texts};
use crate::label::{Label, agreed};

/// What an indicator says of what it points at.
pub(super) fn of_indicator(indicator: &Value, bundle: &Bundle) -> Classification {
    if let Some(kind) = of_labels(indicator) {
        return kind;
    }
    let phases = indicator.get("kill_chain_phases").and_then(Value::as_array).into_iter().flatten();
    let mut phases = phases.filter_map(|phase| text(phase, "phase_name"));
    if phases.any(|phase| matches!(phase, "command-and-control" | "command-control")) {
        return Classification::C2Server;
    }
    let id = text(indicator, "id").unwrap_or_default();
    let infrastructure = bundle.relations(id).iter().filter(|(_, target)| target.starts_with("infrastructure--"));
    if let Some(kind) = agreed(infrastructure.filter_map(|(_, target)| bundle.fact(target)?.kind)) {
        return kind;
    }
    // In STIX 2.0 the types of an indicator are its labels.
    let types = texts(indicator, "indicator_types").chain(texts(indicator, "labels"));
    let kinds = types.filter_map(|name| match name {
        "compromised" => Some(Classification::SystemCompromise),
        "anonymization" => Some(Classification::Proxy),
        _ => None,
    });
    agreed(kinds).unwrap_or(Classification::Undetermined)
}

/// What the infrastructure says that an observable is a part of.
pub(super) fn of_part(id: &str, bundle: &Bundle) -> Option<Classification> {
    agreed(bundle.infrastructure_of(id).iter().filter_map(|id| bundle.fact(id)?.kind))
}

/// What an infrastructure is for (STIX 2.1, section 10.10). A botnet's are «the hosts that comprise the botnet»: infected ones.
pub(super) fn of_infrastructure(infrastructure: &Value) -> Option<Classification> {
    let types = texts(infrastructure, "infrastructure_types").filter_map(|name| match name {
        "amplification" => Some(Classification::DdosAmplifier),
        "anonymization" => Some(Classification::Proxy),
        "botnet" => Some(Classification::InfectedSystem),
        "command-and-control" | "exfiltration" => Some(Classification::C2Server),
        "hosting-malware" => Some(Classification::MalwareDistribution),
        "phishing" => Some(Classification::Phishing),
        _ => None,
    });
    of_labels(infrastructure).or_else(|| agreed(types))
}

/// What the labels of an object say.
pub(super) fn of_labels(object: &Value) -> Option<Classification> {
    agreed(texts(object, "labels").filter_map(|label| match Label::of(label) {
        Label::Kind(kind) => Some(kind),
        _ => None,
    }))
}
