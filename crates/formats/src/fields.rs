//! The one table between the columns of a sighting and the keys of the IntelMQ Data Format: readers and writers use it both ways.
//!
//! Key rules, so that nothing is lost between two formats and IntelMQ accepts what we write
//! (`^[a-z_][a-z_0-9]+(\.[a-z_0-9]+)*$`, `intelmq/lib/message.py`, `HARMONIZATION_KEY_FORMAT`):
//!
//! - what has a column stands under its IDF key;
//! - what has an IDF key but no column (`feed.name`, `raw`) stands in `extra` under that key;
//! - what has neither stands in `extra` under `extra.<key>` if its name can be such a key, and else, as written, inside the
//!   one object `extra.columns` (`{"extra.columns": {"備考欄": "…"}}`);
//! - what has a column but could not be understood stands in `extra` under `extra.<IDF key>`;
//! - what only we know stands under `extra.noroshi.*`.

use std::borrow::Cow;

use model::problem::Code;
use model::sighting::Flags;
use model::{
    Address, Classification, DataClass, Instant, Pap, PortNumber, Sighting, SightingRef, Text, Tlp, Uncertainty, Zone,
};
use serde_json::{Map, Value};

/// The outward id under which the receiver answers: `<delivery>:<place>`; a reader keeps it as the row's reference.
pub const RECORD: &str = "extra.noroshi.record";
/// The schema that the row was first read under; kept in `extra` when read back.
pub const SCHEMA: &str = "extra.noroshi.schema";
/// The mapping that the row was first read under; kept in `extra` when read back.
pub const MAPPING: &str = "extra.noroshi.mapping";
/// The time as a clock near the reader shows it, beside the one in UTC: written for people in CSV, and dropped when read back.
pub const LOCAL_TIME: &str = "extra.noroshi.time_local";
/// Keys for which a CSV file had no column of their own, as one object; read back as if each had one.
pub const MORE: &str = "extra.noroshi.more";
/// Fields whose names cannot be IDF keys, as one object of names as written.
pub const COLUMNS: &str = "extra.columns";
/// The row as it was first received, base64; an `extra` that has it comes from a format that carries it along.
pub const RAW: &str = "raw";
/// Says why the row as it was received never leaves this house: it holds what its sender must not have sent.
pub const RAW_WITHHELD: &str = "extra.noroshi.raw_withheld";

/// A column of a sighting that an exchange format carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the column of `Sighting` of the same name; its key is in the table below")]
pub enum Column {
    Reference,
    Time,
    Uncertainty,
    Zone,
    SourceIp,
    SourcePort,
    Protocol,
    SourceAsn,
    SourceFqdn,
    SourceUrl,
    SourceAccount,
    DestinationIp,
    DestinationPort,
    DestinationFqdn,
    DestinationUrl,
    Classification,
    Malware,
    Tlp,
    /// The label of TLP 2.0 where IDF has no such value: IntelMQ 3.5 knows WHITE, GREEN, AMBER and RED only.
    ExactTlp,
    Pap,
    DataClass,
    Flags,
}

/// Column and key, in the order in which they are written.
const KEYS: [(Column, &str); 22] = [
    (Column::Time, "time.source"),
    (Column::SourceIp, "source.ip"),
    (Column::SourcePort, "source.port"),
    (Column::Protocol, "protocol.transport"),
    (Column::SourceAsn, "source.asn"),
    (Column::SourceFqdn, "source.fqdn"),
    (Column::SourceUrl, "source.url"),
    (Column::SourceAccount, "source.account"),
    (Column::DestinationIp, "destination.ip"),
    (Column::DestinationPort, "destination.port"),
    (Column::DestinationFqdn, "destination.fqdn"),
    (Column::DestinationUrl, "destination.url"),
    (Column::Classification, "classification.type"),
    (Column::Malware, "malware.name"),
    (Column::Tlp, "tlp"),
    (Column::Reference, RECORD),
    (Column::Uncertainty, "extra.noroshi.time_uncertainty_us"),
    (Column::Zone, "extra.noroshi.time_zone"),
    (Column::Flags, "extra.noroshi.flags"),
    (Column::ExactTlp, "extra.noroshi.tlp"),
    (Column::Pap, "extra.noroshi.pap"),
    (Column::DataClass, "extra.noroshi.data_class"),
];

/// The taxonomy above the type: written for readers who want it, never stored.
pub const TAXONOMY: &str = "classification.taxonomy";

/// Keys of IDF events that have no column here, sorted (IntelMQ 3.5.0, `etc/harmonization.conf`); `extra` is not one of them but
/// the place of all others.
const OTHER_KEYS: &[&str] = &[
    "classification.identifier",
    "comment",
    "constituency",
    "destination.abuse_contact",
    "destination.account",
    "destination.allocated",
    "destination.as_name",
    "destination.asn",
    "destination.domain_suffix",
    "destination.geolocation.cc",
    "destination.geolocation.city",
    "destination.geolocation.country",
    "destination.geolocation.latitude",
    "destination.geolocation.longitude",
    "destination.geolocation.region",
    "destination.geolocation.state",
    "destination.local_hostname",
    "destination.local_ip",
    "destination.network",
    "destination.registry",
    "destination.reverse_dns",
    "destination.tor_node",
    "destination.urlpath",
    "event_description.target",
    "event_description.text",
    "event_description.url",
    "event_hash",
    "feed.accuracy",
    "feed.code",
    "feed.documentation",
    "feed.name",
    "feed.provider",
    "feed.url",
    "malware.hash.md5",
    "malware.hash.sha1",
    "malware.hash.sha256",
    "malware.version",
    "misp.attribute_uuid",
    "misp.event_uuid",
    "output",
    "product.full_name",
    "product.name",
    "product.vendor",
    "product.version",
    "product.vulnerabilities",
    "protocol.application",
    "raw",
    "rtir_id",
    "screenshot_url",
    "severity",
    "source.abuse_contact",
    "source.allocated",
    "source.as_name",
    "source.domain_suffix",
    "source.geolocation.cc",
    "source.geolocation.city",
    "source.geolocation.country",
    "source.geolocation.cymru_cc",
    "source.geolocation.geoip_cc",
    "source.geolocation.latitude",
    "source.geolocation.longitude",
    "source.geolocation.region",
    "source.geolocation.state",
    "source.local_hostname",
    "source.local_ip",
    "source.network",
    "source.registry",
    "source.reverse_dns",
    "source.tor_node",
    "source.urlpath",
    "status",
    "time.observation",
];

/// Whether `key` is an IDF key that stands in `extra` as it is: one without a column, or one under `extra.`.
#[must_use]
pub fn is_other_idf_key(key: &str) -> bool {
    OTHER_KEYS.binary_search(&key).is_ok() || (key.starts_with("extra.") && key.len() > 6 && is_key(key))
}

/// `^[a-z_][a-z_0-9]+(\.[a-z_0-9]+)*$`
fn is_key(key: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    key.split('.').all(word) && key.len() > 1 && !key.starts_with(|c: char| c.is_ascii_digit())
}

/// The key under which a field of that name stands in `extra`: `extra.` and the name in lower case with `_` for spaces, hyphens,
/// dots and slashes. None where the name cannot be such a key; it then stands, as written, inside [`COLUMNS`].
#[must_use]
pub fn extra_key(name: &str) -> Option<String> {
    let word: String = crate::text::fold(name)
        .chars()
        .map(|c| if matches!(c, ' ' | '-' | '.' | '/') { '_' } else { c.to_ascii_lowercase() })
        .collect();
    let key = format!("extra.{word}");
    (!word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()) && is_key(&key) && key != COLUMNS)
        .then_some(key)
}

/// Flags and the names under which `extra.noroshi.flags` carries them, separated by single spaces.
const FLAG_NAMES: [(Flags, &str); 8] = [
    (Flags::NO_PORT, "no-port"),
    (Flags::SPECIAL_ADDRESS, "special-address"),
    (Flags::UNKNOWN_FIELD, "unknown-field"),
    (Flags::UNKNOWN_TYPE, "unknown-type"),
    (Flags::FIELD_KEPT_RAW, "field-kept-raw"),
    (Flags::TWO_DIGIT_YEAR, "two-digit-year"),
    (Flags::END_OF_DAY, "end-of-day"),
    (Flags::ENDED, "ended"),
];

impl Column {
    /// All, in the order in which they are written.
    pub fn all() -> impl Iterator<Item = Self> {
        KEYS.iter().map(|(column, _)| *column)
    }

    /// The column's IDF key.
    #[must_use]
    pub fn key(self) -> &'static str {
        // INVARIANT: the table names every column; a test walks it.
        KEYS.iter().find(|(column, _)| *column == self).map_or("", |(_, key)| key)
    }

    /// The column with that IDF key.
    #[must_use]
    pub fn with_key(key: &str) -> Option<Self> {
        KEYS.iter().find(|(_, known)| *known == key).map(|(column, _)| *column)
    }

    /// Whether it holds text as its sender wrote it, which is neither trimmed nor folded.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(
            self,
            Self::Reference
                | Self::SourceFqdn
                | Self::SourceUrl
                | Self::SourceAccount
                | Self::DestinationFqdn
                | Self::DestinationUrl
                | Self::Malware
        )
    }

    /// The row's value in this column, as IDF carries it; none where the row has none.
    ///
    /// A time is RFC 3339 in UTC ending in `+00:00`, the only form that IntelMQ takes without rewriting it.
    #[must_use]
    pub fn value(self, row: &SightingRef<'_>) -> Option<Value> {
        fn text(text: Option<&str>) -> Option<Value> {
            text.map(Value::from)
        }
        fn address(address: Option<Address>) -> Option<Value> {
            address.map(|address| Value::from(address.to_string()))
        }
        fn port(port: Option<PortNumber>) -> Option<Value> {
            port.map(|port| Value::from(port.number()))
        }
        match self {
            Self::Reference => text(row.reference),
            Self::Time => row.time.map(|time| Value::from(idf_time(time))),
            Self::Uncertainty => {
                (row.uncertainty != Uncertainty::NONE).then(|| Value::from(row.uncertainty.as_micros()))
            }
            Self::Zone => text(row.zone),
            Self::SourceIp => address(row.source_ip),
            Self::SourcePort => port(row.source_port),
            Self::Protocol => row.protocol.map(|protocol| Value::from(protocol.name())),
            Self::SourceAsn => row.source_asn.map(Value::from),
            Self::SourceFqdn => text(row.source_fqdn),
            Self::SourceUrl => text(row.source_url),
            Self::SourceAccount => text(row.source_account),
            Self::DestinationIp => address(row.destination_ip),
            Self::DestinationPort => port(row.destination_port),
            Self::DestinationFqdn => text(row.destination_fqdn),
            Self::DestinationUrl => text(row.destination_url),
            Self::Classification => Some(Value::from(row.classification.name())),
            Self::Malware => text(row.malware),
            Self::Tlp => Some(Value::from(idf_tlp(row.tags.tlp))),
            Self::ExactTlp => (row.tags.tlp == Tlp::AmberStrict).then(|| Value::from(row.tags.tlp.name())),
            Self::Pap => Some(Value::from(row.tags.pap.name())),
            Self::DataClass => Some(Value::from(row.tags.class.name())),
            Self::Flags => (row.flags != Flags::none()).then(|| Value::from(flag_names(row.flags))),
        }
    }

    /// Puts the value written as `text` into the row's column.
    ///
    /// A tag only narrows what the row already carries. [`Column::Time`] wants an offset here; times without one are the
    /// readers' business, who know the zone.
    ///
    /// # Errors
    /// What is wrong with it; the row is then as it was.
    pub fn take(self, text: &str, row: &mut Sighting) -> Result<(), &'static Code> {
        match self {
            Self::Reference => keep(&mut row.reference, text),
            Self::Time => row.time = Some(text.parse().map_err(|_| &BAD_TIME)?),
            Self::Uncertainty => {
                row.uncertainty = Uncertainty::from_micros(text.parse().map_err(|_| &BAD_FIELD)?);
            }
            Self::Zone => {
                let zone: Zone = text.parse().map_err(|_| &BAD_ZONE)?;
                keep(&mut row.zone, zone.as_str());
            }
            Self::SourceIp => row.source_ip = Some(address(text)?),
            Self::SourcePort => row.source_port = Some(port(text)?),
            Self::Protocol => row.protocol = Some(text.parse().map_err(|_| &BAD_FIELD)?),
            Self::SourceAsn => row.source_asn = Some(asn(text)?),
            Self::SourceFqdn => keep(&mut row.source_fqdn, text),
            Self::SourceUrl => keep(&mut row.source_url, text),
            Self::SourceAccount => keep(&mut row.source_account, text),
            Self::DestinationIp => row.destination_ip = Some(address(text)?),
            Self::DestinationPort => row.destination_port = Some(port(text)?),
            Self::DestinationFqdn => keep(&mut row.destination_fqdn, text),
            Self::DestinationUrl => keep(&mut row.destination_url, text),
            Self::Classification => {
                row.classification = text.parse::<Classification>().map_err(|_| &BAD_FIELD)?;
            }
            Self::Malware => keep(&mut row.malware, text),
            Self::Tlp | Self::ExactTlp => {
                row.tags.tlp = row.tags.tlp.max(text.parse::<Tlp>().map_err(|_| &BAD_TAG)?);
            }
            Self::Pap => row.tags.pap = row.tags.pap.max(text.parse::<Pap>().map_err(|_| &BAD_TAG)?),
            Self::DataClass => {
                row.tags.class = row.tags.class.max(text.parse::<DataClass>().map_err(|_| &BAD_TAG)?);
            }
            Self::Flags => row.flags = row.flags.and(flags_named(text)?),
        }
        Ok(())
    }
}

/// The row as IDF keys and values: first the columns in the table's order and the taxonomy, then what stands in `extra`, by key.
///
/// What the row does not know stays with the writer: the outward id in place of [`RECORD`] where there is a delivery,
/// [`SCHEMA`] and [`MAPPING`] where the row does not already carry those it was first read under, and [`RAW`] where it does not
/// already carry the row as first received.
pub fn idf_fields<'a>(row: &SightingRef<'a>) -> impl Iterator<Item = (Cow<'a, str>, Value)> + use<'a> {
    let mut fields: Vec<(Cow<'a, str>, Value)> = Vec::with_capacity(KEYS.len() + 8);
    for (column, key) in KEYS {
        if let Some(value) = column.value(row) {
            fields.push((Cow::Borrowed(key), value));
        }
        if column == Column::Classification {
            fields.push((Cow::Borrowed(TAXONOMY), Value::from(row.classification.taxonomy())));
        }
    }
    match row.extra.map(serde_json::from_str::<Map<String, Value>>) {
        // INVARIANT: no key of the table stands in `extra`; the readers see to that.
        Some(Ok(extra)) => fields.extend(extra.into_iter().map(|(key, value)| (Cow::Owned(key), value))),
        // Not ours to lose: what is no object travels as the text it is.
        Some(Err(_)) => fields.push((Cow::Borrowed("extra.text"), Value::from(row.extra.unwrap_or_default()))),
        None => {}
    }
    fields.into_iter()
}

/// Puts `text` where a text may already stand, keeping its allocation: readers reuse one row.
pub(crate) fn keep(place: &mut Option<String>, text: &str) {
    match place {
        Some(old) => {
            old.clear();
            old.push_str(text);
        }
        None => *place = Some(text.to_owned()),
    }
}

/// The instant as IDF writes it: RFC 3339, UTC, `+00:00`.
pub(crate) fn idf_time(time: Instant) -> String {
    let mut text = time.to_string();
    if text.pop() == Some('Z') {
        text.push_str("+00:00");
        text
    } else {
        time.to_string()
    }
}

/// The label as IDF knows it (TLP 1.0 names): AMBER+STRICT becomes RED, the next narrower one, and travels beside it.
const fn idf_tlp(tlp: Tlp) -> &'static str {
    match tlp {
        Tlp::Clear => "WHITE",
        Tlp::Green => "GREEN",
        Tlp::Amber => "AMBER",
        Tlp::AmberStrict | Tlp::Red => "RED",
    }
}

/// The label that two fields give together: `tlp` as IDF knows it, and the exact one beside it where `tlp` is but its nearest.
/// Where they contradict each other the narrower one holds.
///
/// # Errors
/// [`BAD_TAG`].
pub fn tlp_of(shown: Option<&str>, exact: Option<&str>) -> Result<Option<Tlp>, &'static Code> {
    let parse = |text: Option<&str>| text.map(|text| text.parse::<Tlp>().map_err(|_| &BAD_TAG)).transpose();
    Ok(match (parse(shown)?, parse(exact)?) {
        (Some(shown), Some(exact)) if idf_tlp(exact).parse() == Ok(shown) => Some(exact),
        (shown, exact) => shown.max(exact),
    })
}

/// The flags by name; one that has no name yet as `bit-<n>`.
fn flag_names(flags: Flags) -> String {
    let mut names = Vec::new();
    for bit in 0..32_u32 {
        let flag = Flags::from_bits(1 << bit);
        if flags.has(flag) {
            let name = FLAG_NAMES.iter().find(|(known, _)| *known == flag).map(|(_, name)| (*name).to_owned());
            names.push(name.unwrap_or_else(|| format!("bit-{bit}")));
        }
    }
    names.join(" ")
}

fn flags_named(text: &str) -> Result<Flags, &'static Code> {
    text.split_ascii_whitespace().try_fold(Flags::none(), |flags, name| {
        let named = FLAG_NAMES.iter().find(|(_, known)| *known == name).map(|(flag, _)| *flag);
        let flag = named.or_else(|| {
            let bit: u32 = name.strip_prefix("bit-")?.parse().ok()?;
            1_u32.checked_shl(bit).map(Flags::from_bits)
        });
        flag.map(|flag| flags.and(flag)).ok_or(&BAD_FIELD)
    })
}

/// One address; a network, a range or the unspecified address is said to be that.
///
/// # Errors
/// What is wrong with it.
pub fn address(text: &str) -> Result<Address, &'static Code> {
    match text.parse::<Address>() {
        Ok(address) if address.ip().is_unspecified() => Err(&ADDRESS_UNSPECIFIED),
        Ok(address) => Ok(address),
        Err(_) => Err(not_an_address(text)),
    }
}

fn not_an_address(text: &str) -> &'static Code {
    let is_one = |part: &str| part.trim().parse::<Address>().is_ok();
    if text.split_once('/').is_some_and(|(net, length)| is_one(net) && length.trim().parse::<u8>().is_ok()) {
        return &ADDRESS_IS_NETWORK;
    }
    let range = text.split_once(['-', '~', '〜', '～', '–']).or_else(|| text.split_once(".."));
    if range.is_some_and(|(from, to)| is_one(from) && (is_one(to) || to.trim().parse::<u8>().is_ok())) {
        return &ADDRESS_IS_RANGE;
    }
    &BAD_ADDRESS
}

/// Whether it is a network, `192.0.2.0/24`.
pub(crate) fn is_network(value: &str) -> bool {
    value.split_once('/').is_some_and(|(address, length)| {
        let most = match address.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(_)) => 32,
            Ok(std::net::IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        length.parse::<u8>().is_ok_and(|length| length <= most)
    })
}

/// One port from 1 to 65535; `80.0` is what programs make of a column of numbers with gaps.
///
/// # Errors
/// [`BAD_PORT`].
pub fn port(text: &str) -> Result<PortNumber, &'static Code> {
    text.strip_suffix(".0").unwrap_or(text).parse().map_err(|_| &BAD_PORT)
}

/// An AS number, with or without `AS` before it (RFC 5396, asplain).
fn asn(text: &str) -> Result<u32, &'static Code> {
    let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text);
    digits.trim().parse().map_err(|_| &BAD_FIELD)
}

/// A text that is no IP address.
pub static BAD_ADDRESS: Code = Code {
    code: "bad-address",
    text: Text { ja: "IPアドレスとして読み取れません", en: "not an IP address" },
    help: Text {
        ja: "1行に1つのIPv4またはIPv6アドレスを記載してください（例: 192.0.2.1）。先頭に0を付けた表記は8進数と区別できないため使えません",
        en: "give one IPv4 or IPv6 address per row, such as 192.0.2.1; leading zeros are refused because some programs read them as octal",
    },
    example: "203.0.113.999",
};

/// `0.0.0.0` or `::`.
pub static ADDRESS_UNSPECIFIED: Code = Code {
    code: "address-unspecified",
    text: Text {
        ja: "未指定アドレス（0.0.0.0 または ::）です",
        en: "the unspecified address (0.0.0.0 or ::) is nobody's",
    },
    help: Text {
        ja: "元の記録を確認し、実際のアドレスに直すか、この行を除いてください",
        en: "look the address up in the source's own records, or leave the row out",
    },
    example: "0.0.0.0",
};

/// A prefix where one address is wanted.
pub static ADDRESS_IS_NETWORK: Code = Code {
    code: "address-is-network",
    text: Text {
        ja: "アドレスではなくネットワーク（プレフィックス）です", en: "a network, not an address"
    },
    help: Text {
        ja: "観測された1つのアドレスを記載してください。プレフィックスでは利用者を特定できません",
        en: "give the one address that was seen; a prefix finds no subscriber",
    },
    example: "192.0.2.0/24",
};

/// A range where one address is wanted.
pub static ADDRESS_IS_RANGE: Code = Code {
    code: "address-is-range",
    text: Text {
        ja: "アドレスではなくアドレスの範囲です", en: "a range of addresses, not an address"
    },
    help: Text {
        ja: "観測されたアドレスを1行に1つずつ記載してください",
        en: "give each address that was seen on a row of its own",
    },
    example: "192.0.2.1-192.0.2.9",
};

/// A port that is none.
pub static BAD_PORT: Code = Code {
    code: "bad-port",
    text: Text { ja: "ポート番号が1から65535の整数ではありません", en: "not a port from 1 to 65535" },
    help: Text {
        ja: "ポートが不明なら空欄にしてください（共有アドレスでは特定できない旨を記録して受け付けます）",
        en: "leave the port empty if it is not known; the row is then accepted and marked as not resolvable behind a shared address",
    },
    example: "65536",
};

/// A time that cannot be read.
pub static BAD_TIME: Code = Code {
    code: "bad-time",
    text: Text { ja: "日時として読み取れません", en: "not a time that can be read" },
    help: Text {
        ja: "`2014-06-30 09:00:00` のように書くか、マッピングファイルの time_format で書式を指定してください",
        en: "write it as `2014-06-30 09:00:00`, or give its form as time_format in a mapping file",
    },
    example: "yesterday",
};

/// Not a zone, or an abbreviation that means several.
pub static BAD_ZONE: Code = Code {
    code: "bad-zone",
    text: Text {
        ja: "タイムゾーンとして読み取れないか、複数の意味を持つ略称です",
        en: "not a time zone, or an abbreviation that means several",
    },
    help: Text {
        ja: "`Asia/Tokyo` のような名前か `+09:00` のような時差で書いてください",
        en: "use a name such as `Asia/Tokyo` or an offset such as `+09:00`",
    },
    example: "2014-06-30 09:00:00 CST",
};

/// A tag that is none: read as nothing it might be disclosed too widely.
pub static BAD_TAG: Code = Code {
    code: "bad-tag",
    text: Text {
        ja: "取扱区分（TLP・PAP・データ区分）として読み取れません", en: "not a tag (TLP, PAP, data class)"
    },
    help: Text {
        ja: "TLP:CLEAR、TLP:GREEN、TLP:AMBER、TLP:AMBER+STRICT、TLP:RED のいずれかにしてください。誤読して広く共有することを避けるため、この行は受け付けません",
        en: "use TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT or TLP:RED; the row is refused because guessing could share it too widely",
    },
    example: "TLP:PURPLE",
};

/// Another field whose value is not of its kind; the row goes on, the value is kept as written.
pub static BAD_FIELD: Code = Code {
    code: "bad-field",
    text: Text {
        ja: "項目の値がその種類のものではありません", en: "the value is not of the field's kind"
    },
    help: Text {
        ja: "値は元の表記のまま保存しました。必要なら直して再提出してください",
        en: "the value is kept as written; mend it and hand the file in again if it matters",
    },
    example: "destination.port: abc",
};

/// Nobody is named.
pub static ADDRESS_MISSING: Code = Code {
    code: "address-missing",
    text: Text { ja: "IPアドレスがありません", en: "the row has no address" },
    help: Text {
        ja: "アドレスを記載するか、この行を除いてください", en: "give the address, or leave the row out"
    },
    example: ",1234,2014-06-30 09:00:00",
};

/// What this file can utter.
pub static CODES: &[&Code] = &[
    &BAD_ADDRESS,
    &ADDRESS_UNSPECIFIED,
    &ADDRESS_IS_NETWORK,
    &ADDRESS_IS_RANGE,
    &BAD_PORT,
    &BAD_TIME,
    &BAD_ZONE,
    &BAD_TAG,
    &BAD_FIELD,
    &ADDRESS_MISSING,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_a_key_and_the_other_way_round() {
        for (column, key) in KEYS {
            assert_eq!(column.key(), key);
            assert_eq!(Column::with_key(key), Some(column));
        }
        assert_eq!(Column::all().count(), 22);
    }

    #[test]
    fn a_name_becomes_a_key_or_stands_as_written() {
        assert!(OTHER_KEYS.is_sorted());
        assert!(Column::all().all(|column| !OTHER_KEYS.contains(&column.key())));
        assert!(is_other_idf_key("feed.name") && is_other_idf_key("extra.anything"));
        assert!(
            !is_other_idf_key("feed.nonsense") && !is_other_idf_key("source.ip") && !is_other_idf_key("extra.備考")
        );
        assert_eq!(extra_key("Server Name").as_deref(), Some("extra.server_name"));
        assert_eq!(extra_key("ＣＯＵＮＴ").as_deref(), Some("extra.count"));
        for name in ["備考欄", "columns", "", "2nd", "a&b"] {
            assert_eq!(extra_key(name), None, "{name}");
        }
    }

    #[test]
    fn faults_are_told_apart() {
        for (text, code) in [
            ("0.0.0.0", "address-unspecified"),
            ("::", "address-unspecified"),
            ("192.0.2.0/24", "address-is-network"),
            ("2001:db8::/32", "address-is-network"),
            ("192.0.2.1-192.0.2.9", "address-is-range"),
            ("192.0.2.1～9", "address-is-range"),
            ("192.0.2.01", "bad-address"),
            ("example.org", "bad-address"),
        ] {
            assert_eq!(address(text).unwrap_err().code, code, "{text}");
        }
        assert_eq!(port("1024.0"), Ok(PortNumber::new(1_024).unwrap()));
        for text in ["0", "65536", "-1", "ssh", "", "0.0", ".0", "80.5", "1,024"] {
            assert_eq!(port(text).unwrap_err().code, "bad-port", "{text}");
        }
    }

    #[test]
    fn flags_travel_by_name_even_those_that_have_none_yet() {
        let flags = Flags::NO_PORT.and(Flags::END_OF_DAY).and(Flags::from_bits(1 << 30));
        assert_eq!(flag_names(flags), "no-port end-of-day bit-30");
        assert_eq!(flags_named(&flag_names(flags)), Ok(flags));
        assert_eq!(flags_named("no-such").unwrap_err().code, "bad-field");
    }

    #[test]
    fn a_row_written_as_fields_is_read_back_from_them() {
        let mut row = Sighting::infected();
        row.time = Some("2014-06-30T00:00:00.25Z".parse().unwrap());
        row.source_ip = Some("2001:db8::1".parse().unwrap());
        row.source_port = PortNumber::new(49_152);
        row.source_asn = Some(64_496);
        row.tags.tlp = Tlp::AmberStrict;
        row.zone = Some("Asia/Tokyo".to_owned());
        row.extra = Some(r#"{"feed.name":"x"}"#.to_owned());
        let mut builder = model::SightingBatchBuilder::with_capacity(1);
        builder.push(&row);
        let batch = builder.finish();
        let fields: Vec<(String, Value)> =
            idf_fields(&batch.row(0)).map(|(key, value)| (key.into_owned(), value)).collect();
        let get = |key: &str| fields.iter().find(|(k, _)| k == key).map(|(_, value)| value.clone());
        assert_eq!(get("time.source"), Some(Value::from("2014-06-30T00:00:00.25+00:00")));
        assert_eq!(get("tlp"), Some(Value::from("RED")));
        assert_eq!(get("extra.noroshi.tlp"), Some(Value::from("TLP:AMBER+STRICT")));
        assert_eq!(get(TAXONOMY), Some(Value::from("malicious-code")));
        assert_eq!(get("feed.name"), Some(Value::from("x")));
        assert_eq!(get(RECORD), None);
        assert_eq!(tlp_of(Some("RED"), Some("TLP:AMBER+STRICT")), Ok(Some(Tlp::AmberStrict)));
        assert_eq!(tlp_of(Some("GREEN"), Some("TLP:AMBER+STRICT")), Ok(Some(Tlp::AmberStrict)));
        assert_eq!(tlp_of(Some("RED"), Some("TLP:GREEN")), Ok(Some(Tlp::Red)));
        assert_eq!(tlp_of(None, None), Ok(None));
        assert!(tlp_of(Some("PURPLE"), None).is_err());
    }
}
