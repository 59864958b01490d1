//! Which values IntelMQ takes under which key (IntelMQ 3.5.0, `etc/harmonization.conf`, `lib/harmonization.py`).
//!
//! IntelMQ refuses a whole event for one value that is not of its key's type. What it would refuse, or take for something else
//! (a time without an offset counts as UTC there), therefore travels inside [`AS_WRITTEN`] and is read back from it.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Instant;
use serde_json::Value;

use crate::fields::is_network;

/// Values as written that are not of their key's type, as one object of IDF keys.
pub(super) const AS_WRITTEN: &str = "extra.noroshi.as_written";

/// Whether IntelMQ takes `value` under `key`, as it is or in another spelling of the same (case, a dot at the end).
///
/// What stands under `extra.` is free.
pub(super) fn fits(key: &str, value: &Value) -> bool {
    if key.starts_with("extra.") {
        return true;
    }
    if let Some(text) = value.as_str() {
        return text_fits(key, text);
    }
    match key {
        "feed.accuracy" => value.as_f64().is_some_and(|share| (0.0..=100.0).contains(&share)),
        "rtir_id" => value.is_i64(),
        _ if ends(key, &["latitude", "longitude"]) => value.as_f64().is_some_and(f64::is_finite),
        _ if ends(key, &["asn"]) => value.as_u64().and_then(|asn| u32::try_from(asn).ok()).is_some_and(|asn| asn != 0),
        _ if ends(key, &["tor_node"]) => value.is_boolean(),
        _ if ends(key, &["port"]) => value.is_u64(),
        _ => false,
    }
}

/// Whether the last part of the key is one of these.
fn ends(key: &str, parts: &[&str]) -> bool {
    key.rsplit('.').next().is_some_and(|last| parts.contains(&last))
}

/// As [`fits`], for a text.
pub(super) fn text_fits(key: &str, text: &str) -> bool {
    if key.starts_with("extra.") {
        return true;
    }
    let number = || text.trim().parse::<f64>().ok();
    match key {
        "feed.accuracy" => return number().is_some_and(|share| (0.0..=100.0).contains(&share)),
        "rtir_id" => return text.trim().parse::<i64>().is_ok(),
        _ if ends(key, &["latitude", "longitude"]) => return number().is_some_and(f64::is_finite),
        _ if ends(key, &["asn"]) => {
            return text.strip_prefix("AS").unwrap_or(text).parse::<u32>().is_ok_and(|asn| asn != 0);
        }
        _ if ends(key, &["tor_node"]) => return matches!(text, "true" | "false"),
        _ if ends(key, &["port"]) => return false,
        _ => {}
    }
    // Nothing, to IntelMQ: it would take the event and lose the value.
    if matches!(text, "" | "-" | "N/A") || text.trim().len() != text.len() {
        return false;
    }
    let printable = || text.bytes().all(|b| matches!(b, b' '..=b'~'));
    match key {
        "raw" => STANDARD.decode(text).is_ok(),
        "malware.name" | "malware.version" => printable(),
        "protocol.application" => printable() && text.len() <= 100,
        "malware.hash.md5" | "malware.hash.sha1" | "malware.hash.sha256" => printable() && text.len() <= 200,
        "severity" => matches!(text, "critical" | "high" | "medium" | "low" | "info" | "undefined"),
        "feed.code" => text.chars().count() <= 100,
        "event_hash" => text.len() <= 40 && text.bytes().all(|b| matches!(b, b'A'..=b'F' | b'0'..=b'9' | b'.' | b'/')),
        "misp.attribute_uuid" | "misp.event_uuid" => text.len() == 36 && text.parse::<uuid::Uuid>().is_ok(),
        "output" => serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
        _ if ends(key, &["cc", "cymru_cc", "geoip_cc"]) => {
            text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphanumeric())
        }
        _ if ends(key, &["fqdn", "reverse_dns", "domain_suffix"]) => is_name(text),
        _ if ends(key, &["url", "screenshot_url"]) => has_host(text),
        _ if ends(key, &["ip", "local_ip"]) => text.parse::<IpAddr>().is_ok_and(|ip| ip != IpAddr::from([0, 0, 0, 0])),
        _ if ends(key, &["network"]) => is_network(text),
        _ if ends(key, &["registry"]) => {
            matches!(
                text.to_ascii_uppercase().as_str(),
                "AFRINIC" | "APNIC" | "ARIN" | "LACNIC" | "RIPE" | "RIPENCC" | "RIPE-NCC"
            )
        }
        // Before the year 1 there is none.
        "time.source" | "time.observation" => is_time(text),
        _ if ends(key, &["allocated"]) => is_time(text),
        _ => true,
    }
}

/// A time with its offset; Python's calendar has the years 1 to 9999.
fn is_time(text: &str) -> bool {
    text.parse::<Instant>().is_ok()
        && text.get(..5).is_some_and(|year| year.ends_with('-') && year != "0000-" && !year.starts_with(['-', '+']))
}

/// Letters, digits, hyphens and underscores between dots (one at the end is taken off), and no address.
fn is_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    name.len() <= 253 && name.parse::<IpAddr>().is_err() && name.split('.').all(label)
}

/// An absolute URL with a host that Python's `urlsplit` finds, too.
fn has_host(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            && !rest.starts_with(['/', '?', '#'])
            && !rest.is_empty()
            && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'[' | b']' | b'\\'))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Each line was held against IntelMQ 3.5.0 itself.
    #[test]
    fn what_intelmq_takes_and_what_it_refuses() {
        for (key, value) in [
            ("malware.name", json!("GOZ")),
            ("source.fqdn", json!("PC-01")),
            ("source.fqdn", json!("WWW.Example.ORG.")),
            ("source.url", json!("http://example.org/x?y=z#a")),
            ("source.geolocation.cc", json!("jp")),
            ("source.network", json!("192.0.2.7/24")),
            ("source.local_ip", json!("10.0.0.1")),
            ("time.observation", json!("2014-07-05T10:00:00+09:00")),
            ("time.observation", json!("2014-07-05T01:00:00Z")),
            ("destination.asn", json!(64_496)),
            ("destination.asn", json!("64496")),
            ("feed.accuracy", json!("99.5")),
            ("source.geolocation.latitude", json!(35.6)),
            ("source.tor_node", json!(true)),
            ("severity", json!("high")),
            ("raw", json!("MTkyLjAuMi4x")),
            ("comment", json!("二行\n目")),
            ("source.as_name", json!("架空通信")),
            ("extra.anything", json!({"A b": [1, null]})),
        ] {
            assert!(fits(key, &value), "{key} {value}");
        }
        for (key, value) in [
            ("malware.name", json!("ゼウス")),
            ("source.fqdn", json!("不明ホスト")),
            ("source.fqdn", json!("a..example.org")),
            ("source.fqdn", json!("192.0.2.1")),
            ("source.url", json!("example.org/x")),
            ("source.url", json!("http:///x")),
            ("source.url", json!("http://[x")),
            ("source.geolocation.cc", json!("日本")),
            ("source.geolocation.cc", json!("JPN")),
            ("source.network", json!("x")),
            ("source.network", json!("192.0.2.0/33")),
            ("source.local_ip", json!("y")),
            ("time.observation", json!("2014/7/5 10:00")),
            ("time.observation", json!("2014-07-05T10:00:00")),
            ("time.source", json!("-000001-01-01T00:00:00+00:00")),
            ("source.asn", json!(0)),
            ("feed.accuracy", json!(101)),
            ("source.geolocation.latitude", json!("north")),
            ("severity", json!("v0")),
            ("raw", json!("192.0.2.1")),
            ("comment", json!("-")),
            ("comment", json!(" x")),
            ("comment", json!({"a": 1})),
            ("malware.hash.md5", json!("あ")),
            ("event_hash", json!("xyz")),
        ] {
            assert!(!fits(key, &value), "{key} {value}");
        }
    }
}
