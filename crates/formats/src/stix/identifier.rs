//! Deterministic ids: UUIDs of version 5, for observables as STIX prescribes, for everything else in a namespace of our own.

use serde_json::{Map, Value};
use uuid::{Uuid, uuid};

use crate::version5::version_5;

/// For observables (STIX 2.1, section 2.9).
const OBSERVABLES: Uuid = uuid!("00abedb4-aa42-466c-9c01-fed23315a9b7");

/// For all other objects that we write.
const OURS: Uuid = uuid!("c0c8e2b6-2f0e-4d3b-8a53-5a1f3f0b6c71");

/// The id of an observable by the properties that make it up. Their JSON is canonical (RFC 8785): members by name (inside `hashes` there is
/// one), no spaces, and of numbers only ports and AS numbers, which are written as they are.
pub(super) fn of_observable(kind: &str, properties: &Map<String, Value>) -> String {
    let sorted: std::collections::BTreeMap<&String, &Value> = properties.iter().collect();
    let members = sorted.into_iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())));
    let name = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
    format!("{kind}--{}", version_5(OBSERVABLES, name.as_bytes()))
}

/// The id of another object by what makes it up.
pub(super) fn of_object(kind: &str, parts: &[&str]) -> String {
    // Lengths before the parts, so that no two lists of parts are one name.
    let name: String = parts.iter().fold(format!("{kind}\n"), |name, part| format!("{name}{}:{part}", part.len()));
    format!("{kind}--{}", version_5(OURS, name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn as_others_make_them() {
        let of = |kind: &str, properties: Value| of_observable(kind, properties.as_object().unwrap());
        // What the OASIS library (PyPI `stix2`) makes of the same.
        assert_eq!(
            of("domain-name", json!({"value": "example.com"})),
            "domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7"
        );
        assert_eq!(
            of("ipv4-addr", json!({"value": "198.51.100.3"})),
            "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4"
        );
        let awkward = json!({"value": "http://例え.example/\"\\\t"});
        assert_eq!(of("url", awkward), "url--5bff2372-cd9a-589b-a7c8-e764880d001b");
        let traffic = json!({
            "src_ref": "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4", "src_port": 51_000, "protocols": ["ipv4", "tcp"],
        });
        assert_eq!(of("network-traffic", traffic), "network-traffic--da65fa6d-2adf-5a9b-b98b-5718feeabfd8");
        assert_ne!(of_object("indicator", &["a", "bc"]), of_object("indicator", &["ab", "c"]));
    }
}
