//! The columns that most reports share, and the report types by name: for whoever has no copy of the schema, and for types
//! that the copy does not know.

use model::Classification;

use super::converter::Converter;
use super::schema::{Field, How, Report};

/// Key, column, converter. Where a key has two columns, the first that the file has is taken.
const COLUMNS: &[(&str, &str, Option<Converter>)] = &[
    ("time.source", "timestamp", Some(Converter::UtcTimestamp)),
    ("source.ip", "src_ip", Some(Converter::Ip)),
    ("source.ip", "ip", Some(Converter::Ip)),
    ("source.port", "src_port", Some(Converter::Int)),
    ("source.port", "port", Some(Converter::Int)),
    ("protocol.transport", "protocol", None),
    ("source.asn", "src_asn", Some(Converter::NonZero)),
    ("source.asn", "asn", Some(Converter::NonZero)),
    ("source.geolocation.cc", "src_geo", None),
    ("source.geolocation.cc", "geo", None),
    ("source.geolocation.region", "src_region", None),
    ("source.geolocation.region", "region", None),
    ("source.geolocation.city", "src_city", None),
    ("source.geolocation.city", "city", None),
    ("source.reverse_dns", "src_hostname", None),
    ("source.reverse_dns", "hostname", None),
    ("extra.source.naics", "src_naics", Some(Converter::NonZero)),
    ("extra.source.naics", "naics", Some(Converter::NonZero)),
    ("extra.source.sector", "src_sector", Some(Converter::Text)),
    ("extra.source.sector", "sector", Some(Converter::Text)),
    ("destination.ip", "dst_ip", Some(Converter::Ip)),
    ("destination.port", "dst_port", Some(Converter::Int)),
    ("destination.asn", "dst_asn", Some(Converter::NonZero)),
    ("destination.geolocation.cc", "dst_geo", None),
    ("destination.geolocation.region", "dst_region", None),
    ("destination.geolocation.city", "dst_city", None),
    ("destination.reverse_dns", "dst_hostname", None),
    ("extra.destination.naics", "dst_naics", Some(Converter::NonZero)),
    ("extra.destination.sector", "dst_sector", Some(Converter::Text)),
    ("malware.name", "infection", Some(Converter::Text)),
    ("classification.identifier", "infection", Some(Converter::Text)),
    ("extra.", "family", Some(Converter::Text)),
    ("extra.", "tag", Some(Converter::Text)),
    ("product.vulnerabilities", "tag", Some(Converter::CveFromTag)),
    ("severity", "severity", Some(Converter::Text)),
    ("product.vendor", "device_vendor", Some(Converter::Text)),
    ("product.name", "device_model", Some(Converter::Text)),
    ("product.version", "device_version", Some(Converter::Text)),
    ("extra.", "device_type", Some(Converter::Text)),
    ("extra.", "public_source", Some(Converter::Text)),
    ("extra.", "hostname_source", Some(Converter::Text)),
    ("extra.", "event_id", Some(Converter::Text)),
    ("extra.", "application", Some(Converter::Text)),
];

/// A report of the common columns, as far as the file has them.
pub(super) fn report(kind: &str, has: impl Fn(&str) -> bool) -> Report {
    let mut fields: Vec<Field> = Vec::new();
    for (key, column, how) in COLUMNS {
        if !has(column) {
            continue;
        }
        let field = Field::of(key, column, how.map_or(How::Plain, How::By), *key == "time.source");
        let again = fields.iter().any(|taken| taken.key == field.key);
        if !again {
            fields.push(field);
        }
    }
    let constants = classification(kind).map(|kind| ("classification.type".to_owned(), kind.name().to_owned()));
    Report { kind: kind.to_owned(), feed: String::new(), fields, constants: constants.into_iter().collect() }
}

/// Whether the file has an address column that is known here.
pub(super) fn has_address(has: impl Fn(&str) -> bool) -> bool {
    has("src_ip") || has("ip")
}

/// What rows of a report type are, by the type's name as the publisher lists it (report_schema, `types.md` and
/// `reports.json`, read 2026-03); none for a type whose name does not say it, which is then undetermined rather than guessed.
pub(super) fn classification(kind: &str) -> Option<Classification> {
    use Classification as C;
    let name = kind.replace("event4_", "event_").replace("event6_", "event_").replace("scan6_", "scan_");
    Some(match name.as_str() {
        "event_sinkhole"
        | "event_sinkhole_http"
        | "event_sinkhole_http_referer"
        | "event_microsoft_sinkhole"
        | "event_microsoft_sinkhole_http" => C::InfectedSystem,
        "event_ddos_participant" | "event_honeypot_ddos" | "event_honeypot_ddos_amp" | "event_honeypot_ddos_target" => {
            C::Ddos
        }
        "event_honeypot_brute_force" => C::BruteForce,
        "event_honeypot_adb_scan"
        | "event_honeypot_http_scan"
        | "event_honeypot_ics_scan"
        | "event_honeypot_ikev2_scan"
        | "event_honeypot_rdp_scan"
        | "event_honeypot_rocketmq_scan"
        | "event_honeypot_smb_scan"
        | "event_honeypot_snmp_scan" => C::Scanner,
        "event_ip_spoofer" => C::Masquerade,
        "compromised_account" => C::DataLeak,
        "compromised_iot"
        | "compromised_iot6"
        | "compromised_website"
        | "compromised_website6"
        | "ransomware_victim" => C::SystemCompromise,
        "malware_url" | "sandbox_conn" | "sandbox_url" => C::MalwareDistribution,
        "blocklist" => C::Blacklist,
        "spam_url" => C::Spam,
        "scan_ssl_freak" | "scan_ssl_poodle" | "scan_badsecrets" => C::WeakCrypto,
        "scan_msrpc" | "scan_gtp" => C::PotentiallyUnwantedAccessible,
        "scan_post_exploitation_framework" => C::InfectedSystem,
        "scan_http"
        | "scan_imap"
        | "scan_pop3"
        | "scan_quic"
        | "scan_smtp"
        | "scan_ssh"
        | "scan_ssl"
        | "scan_stun"
        | "event_honeypot_darknet"
        | "event_sinkhole_dns"
        | "sandbox_dns" => C::Other,
        // A scan of something that can be reached and should not; both exact and tagged types exist, and the tags decide there.
        "scan_exchange" => return None,
        name if name.starts_with("scan_") => C::VulnerableSystem,
        _ => return None,
    })
}
