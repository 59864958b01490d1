//! What the schema's converter names mean: how a cell becomes a value.
//!
//! The names are the schema's; what each does is known from its effect on published reports. Where a cell holds something that
//! its converter cannot take, the cell is kept as written rather than dropped, so that «0» and «unknown» are the only things
//! that a converter turns into nothing.

use std::borrow::Cow;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::fmt::rfc2822;
use model::{Address, Instant, Zone};

use crate::civil::{self, Habit, Shown};
use crate::fields::is_network;
use crate::text::fold;

macro_rules! converters {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// How a cell becomes a value.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Converter { $($(#[$doc])* $variant),+ }

        impl Converter {
            /// All that are known.
            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The converter with that name in the schema.
            pub(super) fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Its name in the schema.
            #[cfg(test)]
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

converters! {
    /// A wall clock that shows UTC without saying so: the rule of this format, not an assumption.
    UtcTimestamp = "add_UTC_to_timestamp",
    /// One address; nothing where it is empty, unspecified or a network.
    Ip = "validate_ip",
    /// One network; nothing where it is a single address.
    Network = "validate_network",
    /// Text; nothing where it is empty, «0» or «unknown».
    Text = "validate_to_none",
    /// A whole number; nothing where it is empty or 0.
    NonZero = "invalidate_zero",
    /// The CVE ids among tags separated by `;`: each once, sorted, joined by `;`.
    CveFromTag = "extract_cve_from_tag",
    /// A whole number.
    Int = "convert_int",
    /// yes or no.
    Bool = "convert_bool",
    /// A number.
    Float = "convert_float",
    /// A URL of the row's host name and this cell's path.
    HostAndUrl = "convert_http_host_and_url",
    /// A host name, lower case, without its final dot.
    Fqdn = "validate_fqdn",
    /// The row's category, or its detail where it names none.
    CategoryOrDetail = "category_or_detail",
    /// A date in any of the usual forms, UTC unless it says otherwise.
    Date = "convert_date",
    /// A date in UTC.
    DateUtc = "convert_date_utc",
    /// Base64, or text that is made base64.
    Base64 = "force_base64",
    /// The taxonomy of an Exchange server by its tags.
    ExchangeTaxonomy = "scan_exchange_taxonomy",
    /// The type of an Exchange server by its tags.
    ExchangeType = "scan_exchange_type",
    /// The identifier of an Exchange server by its tags.
    ExchangeIdentifier = "scan_exchange_identifier",
}

/// What came of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Converted<'v> {
    /// It says nothing.
    Nothing,
    /// A text.
    Text(Cow<'v, str>),
    /// A number or a truth value, as JSON.
    Json(String),
    /// It says something that the converter cannot take.
    Kept,
}

impl<'v> Converted<'v> {
    fn own(text: impl Into<String>) -> Self {
        Self::Text(Cow::Owned(text.into()))
    }
}

/// The row's other cells, by heading.
pub(super) trait Cells {
    /// The cell under that heading; none where the file has no such column.
    fn under(&self, heading: &str) -> Option<&str>;
}

impl Converter {
    /// What the cell `value` becomes, in its row.
    pub(super) fn convert<'v>(self, value: &'v str, row: &dyn Cells) -> Converted<'v> {
        let value = value.trim();
        if value.is_empty() && self != Self::CategoryOrDetail && !self.is_by_tag() {
            return Converted::Nothing;
        }
        match self {
            Self::UtcTimestamp | Self::DateUtc => {
                utc(value).map_or(Converted::Kept, |at| Converted::own(at.to_string()))
            }
            Self::Date => date(value).map_or(Converted::Kept, |at| Converted::own(at.to_string())),
            Self::Ip => address(value),
            Self::Network => network(value),
            Self::Text if matches!(value, "0" | "unknown") => Converted::Nothing,
            Self::Text => Converted::Text(Cow::Borrowed(value)),
            Self::NonZero => match whole(value) {
                Some(0) => Converted::Nothing,
                Some(number) => Converted::Json(number.to_string()),
                None => Converted::Kept,
            },
            Self::Int => whole(value).map_or(Converted::Kept, |number| Converted::Json(number.to_string())),
            Self::Float => match value.parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
                Some(number) => Converted::Json(number.to_string()),
                None => Converted::Kept,
            },
            Self::Bool => match value.to_ascii_lowercase().as_str() {
                "y" | "yes" | "true" | "enabled" | "1" => Converted::Json("true".to_owned()),
                "n" | "no" | "false" | "disabled" | "0" => Converted::Json("false".to_owned()),
                _ => Converted::Kept,
            },
            Self::CveFromTag => cves(value),
            Self::HostAndUrl => host_and_url(value, row),
            Self::Fqdn => fqdn(value),
            Self::CategoryOrDetail if !value.is_empty() => Converted::Text(Cow::Borrowed(value)),
            Self::CategoryOrDetail => match row.under("detail").map(str::trim) {
                Some(detail) if !detail.is_empty() => Converted::own(detail),
                _ => Converted::Nothing,
            },
            Self::Base64 if STANDARD.decode(value).is_ok() => Converted::Text(Cow::Borrowed(value)),
            Self::Base64 => Converted::own(STANDARD.encode(value)),
            // A server that is merely vulnerable is not infected: nobody is told that his own is because of this report.
            Self::ExchangeTaxonomy => Converted::own(if has_web_shell(value) { "intrusions" } else { "vulnerable" }),
            Self::ExchangeType => {
                Converted::own(if has_web_shell(value) { "system-compromise" } else { "vulnerable-system" })
            }
            Self::ExchangeIdentifier => Converted::own(if has_web_shell(value) {
                "exchange-server-webshell"
            } else {
                "vulnerable-exchange-server"
            }),
        }
    }

    /// Whether an empty cell says something too.
    const fn is_by_tag(self) -> bool {
        matches!(self, Self::ExchangeTaxonomy | Self::ExchangeType | Self::ExchangeIdentifier)
    }
}

fn has_web_shell(tags: &str) -> bool {
    tags.to_ascii_lowercase().contains("webshell")
}

/// A whole number as programs write one: `80`, `+80`, `-1`, `80.0`.
fn whole(value: &str) -> Option<i64> {
    let value = value.strip_suffix(".0").unwrap_or(value);
    value.parse().ok()
}

/// The instant that a wall clock in UTC shows; a zone beside it is believed.
pub(super) fn utc(value: &str) -> Option<Instant> {
    let folded = fold(value);
    let written = civil::read(&folded, &Habit::default()).ok()?;
    match (written.shown, written.zone) {
        (Shown::Instant(instant), _) => Some(instant),
        (Shown::Clock(clock), None) => Instant::from_civil(clock, &Zone::utc()).ok(),
        (Shown::Clock(clock), Some(zone)) => Instant::from_civil(clock, &zone.parse().ok()?).ok(),
    }
}

/// A date as mail and HTTP write it (RFC 2822, RFC 9110 section 5.6.7), or as a wall clock in UTC.
fn date(value: &str) -> Option<Instant> {
    // RFC 2822 allows `GMT` as an obsolete zone, which is what HTTP writes.
    if let Ok(timestamp) = rfc2822::DateTimeParser::new().parse_timestamp(value) {
        return Some(Instant::from_micros(timestamp.as_microsecond()));
    }
    utc(value)
}

fn address(value: &str) -> Converted<'_> {
    match value.parse::<Address>() {
        Ok(address) if address.ip().is_unspecified() => Converted::Nothing,
        Ok(address) => Converted::own(address.to_string()),
        Err(_) if is_network(value) => Converted::Nothing,
        Err(_) => Converted::Kept,
    }
}

fn network(value: &str) -> Converted<'_> {
    if is_network(value) {
        Converted::Text(Cow::Borrowed(value))
    } else if value.parse::<IpAddr>().is_ok() {
        Converted::Nothing
    } else {
        Converted::Kept
    }
}

fn cves(value: &str) -> Converted<'_> {
    let is_cve = |tag: &str| {
        tag.strip_prefix("cve-").and_then(|rest| rest.split_once('-')).is_some_and(|(year, number)| {
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits(year) && digits(number)
        })
    };
    let mut found: Vec<String> =
        value.split(';').map(|tag| tag.trim().to_ascii_lowercase()).filter(|tag| is_cve(tag)).collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() { Converted::Nothing } else { Converted::own(found.join(";")) }
}

/// A name with at least one dot, of labels of 1 to 63 characters and no longer than 253 (RFC 1035, section 2.3.4), that is no
/// address. Underscores occur in names and are let through.
fn fqdn(value: &str) -> Converted<'_> {
    let name = value.trim_end_matches('.').to_lowercase();
    let good = name.len() <= 253
        && name.contains('.')
        && name.parse::<IpAddr>().is_err()
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.chars().all(|character| character.is_alphanumeric() || matches!(character, '-' | '_'))
        })
        // A last label of digits only is an address that was not written well.
        && name.rsplit('.').next().is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()));
    if good { Converted::Text(Cow::Owned(name)) } else { Converted::Kept }
}

/// The cell holds a URL, or a path, or a whole request line (`GET /path HTTP/1.1`); the host stands in another column.
fn host_and_url<'v>(value: &'v str, row: &dyn Cells) -> Converted<'v> {
    let lower = value.to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return Converted::Text(Cow::Borrowed(value));
    }
    let host = ["cc_dns", "http_host"]
        .into_iter()
        .filter_map(|heading| row.under(heading))
        .map(str::trim)
        .find(|host| !host.is_empty() && !host.contains(['/', ' ', '@', '?', '#']));
    let path = value.find('/').and_then(|slash| value.get(slash..));
    let path = path.and_then(|path| path.split_ascii_whitespace().next());
    let (Some(host), Some(path)) = (host, path) else { return Converted::Kept };
    let scheme = match row.under("application").map(str::trim) {
        Some("https") => "https",
        _ => "http",
    };
    Converted::own(format!("{scheme}://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row<'a>(&'a [(&'a str, &'a str)]);

    impl Cells for Row<'_> {
        fn under(&self, heading: &str) -> Option<&str> {
            self.0.iter().find(|(name, _)| *name == heading).map(|(_, cell)| *cell)
        }
    }

    fn text(name: &str, value: &str, row: &[(&str, &str)]) -> Option<String> {
        match Converter::named(name).unwrap().convert(value, &Row(row)) {
            Converted::Text(text) => Some(text.into_owned()),
            Converted::Json(json) => Some(json),
            Converted::Nothing => None,
            Converted::Kept => Some("(kept)".to_owned()),
        }
    }

    #[test]
    fn every_converter_does_what_its_name_says() {
        // Converter, cell, what comes of it.
        let table: &[(&str, &str, Option<&str>)] = &[
            ("add_UTC_to_timestamp", "2026-01-02 03:04:05", Some("2026-01-02T03:04:05Z")),
            ("add_UTC_to_timestamp", "2026-01-02 03:04:05.25", Some("2026-01-02T03:04:05.25Z")),
            ("add_UTC_to_timestamp", "2026-01-02T03:04:05+09:00", Some("2026-01-01T18:04:05Z")),
            ("add_UTC_to_timestamp", "yesterday", Some("(kept)")),
            ("validate_ip", "192.0.2.1", Some("192.0.2.1")),
            ("validate_ip", "2001:DB8::1", Some("2001:db8::1")),
            ("validate_ip", "0.0.0.0", None),
            ("validate_ip", "192.0.2.0/24", None),
            ("validate_ip", "", None),
            ("validate_ip", "host", Some("(kept)")),
            ("validate_network", "192.0.2.0/24", Some("192.0.2.0/24")),
            ("validate_network", "192.0.2.1", None),
            ("validate_network", "192.0.2.0/33", Some("(kept)")),
            ("validate_to_none", "x", Some("x")),
            ("validate_to_none", "0", None),
            ("validate_to_none", "unknown", None),
            ("validate_to_none", "", None),
            ("validate_to_none", "00", Some("00")),
            ("invalidate_zero", "64496", Some("64496")),
            ("invalidate_zero", "0", None),
            ("invalidate_zero", "AS64496", Some("(kept)")),
            ("extract_cve_from_tag", "http;CVE-2099-2;cve-2099-10;cve-2099-2", Some("cve-2099-10;cve-2099-2")),
            ("extract_cve_from_tag", "http;cve-x-1", None),
            ("convert_int", "0", Some("0")),
            ("convert_int", "-5", Some("-5")),
            ("convert_int", "80.0", Some("80")),
            ("convert_int", "ssh", Some("(kept)")),
            ("convert_int", "99999999999999999999", Some("(kept)")),
            ("convert_bool", "Y", Some("true")),
            ("convert_bool", "enabled", Some("true")),
            ("convert_bool", "0", Some("false")),
            ("convert_bool", "Disabled", Some("false")),
            ("convert_bool", "perhaps", Some("(kept)")),
            ("convert_float", "1.5", Some("1.5")),
            ("convert_float", "nan", Some("(kept)")),
            ("convert_float", "inf", Some("(kept)")),
            ("validate_fqdn", "WWW.Example.ORG.", Some("www.example.org")),
            ("validate_fqdn", "192.0.2.1", Some("(kept)")),
            ("validate_fqdn", "192.0.2.999", Some("(kept)")),
            ("validate_fqdn", "localhost", Some("(kept)")),
            ("validate_fqdn", "a..example.org", Some("(kept)")),
            ("convert_date", "Sun, 06 Nov 1994 08:49:37 GMT", Some("1994-11-06T08:49:37Z")),
            ("convert_date", "2026-01-02 03:04:05", Some("2026-01-02T03:04:05Z")),
            ("convert_date", "soon", Some("(kept)")),
            ("convert_date_utc", "2026-01-02 03:04:05", Some("2026-01-02T03:04:05Z")),
            ("force_base64", "YWJj", Some("YWJj")),
            ("force_base64", "GET / HTTP/1.1", Some("R0VUIC8gSFRUUC8xLjE=")),
            ("scan_exchange_taxonomy", "exchange;webshell", Some("intrusions")),
            ("scan_exchange_taxonomy", "exchange;cve-2099-1", Some("vulnerable")),
            ("scan_exchange_type", "exchange;webshell", Some("system-compromise")),
            ("scan_exchange_type", "", Some("vulnerable-system")),
            ("scan_exchange_identifier", "exchange;webshell", Some("exchange-server-webshell")),
            ("scan_exchange_identifier", "exchange", Some("vulnerable-exchange-server")),
            ("category_or_detail", "defacement", Some("defacement")),
        ];
        for (name, cell, want) in table {
            assert_eq!(text(name, cell, &[]).as_deref(), *want, "{name} `{cell}`");
        }
        assert_eq!(text("category_or_detail", "", &[("detail", "x")]).as_deref(), Some("x"));
        assert_eq!(text("category_or_detail", "", &[]), None);
        for converter in Converter::ALL {
            assert_eq!(Converter::named(converter.name()), Some(*converter));
            let tried = table.iter().any(|(name, ..)| *name == converter.name());
            assert!(tried || *converter == Converter::HostAndUrl, "{}", converter.name());
        }
        assert_eq!(Converter::ALL.len(), 18);
        assert_eq!(Converter::named("convert_phase_of_moon"), None);
    }

    #[test]
    fn host_and_path_make_a_url() {
        let url = |cell: &str, row: &[(&str, &str)]| text("convert_http_host_and_url", cell, row);
        let host = ("http_host", "www.example.org");
        assert_eq!(url("/a?b", &[host]).as_deref(), Some("http://www.example.org/a?b"));
        assert_eq!(url("/a", &[host, ("application", "https")]).as_deref(), Some("https://www.example.org/a"));
        assert_eq!(url("GET /a HTTP/1.1", &[host]).as_deref(), Some("http://www.example.org/a"));
        assert_eq!(url("http://other.example/x", &[host]).as_deref(), Some("http://other.example/x"));
        assert_eq!(url("/a", &[("cc_dns", "cc.example.org"), host]).as_deref(), Some("http://cc.example.org/a"));
        assert_eq!(url("/a", &[("cc_dns", ""), host]).as_deref(), Some("http://www.example.org/a"));
        assert_eq!(url("/a", &[("http_host", "evil.example/?x@")]).as_deref(), Some("(kept)"));
        assert_eq!(url("/a", &[]).as_deref(), Some("(kept)"));
        assert_eq!(url("", &[host]), None);
    }
}
