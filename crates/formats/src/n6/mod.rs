//! n6 (CERT Polska): JSON arrays and lines of its REST API, bodies of its Stream API.
//!
//! **Several addresses.** An event has a list of addresses; each is a row of its own, with the event's id as its reference. Rows of one
//! reference that differ in nothing but the address are written as one event again.
//!
//! **The life of a listing.** `type` (`event`, `bl-new`, `bl-update`, `bl-change`, `bl-delist`, `bl-expire`), `replaces`, `expires`,
//! `until`, `count` and `modified` stand under `extra.n6.*`, `status` under `status`. A row that says that a listing is over
//! (`bl-delist`, `bl-expire`, or a status of `delisted`, `expired`, `replaced`) is understood, counted and flagged
//! [`Flags::ENDED`](model::sighting::Flags::ENDED): it is no sighting, whatever its type says. `bl-update` says an earlier event again, with the
//! same id, time and address; `bl-change` has a new id and names the one that it supersedes. A `type` or `status` that is none of
//! these might say that something is over, so its event is rejected.
//!
//! **Markings.** `restriction` narrows: `public` not at all, `need-to-know` to TLP:AMBER, `internal` to TLP:RED (n6 gives it to nobody
//! outside). One that is missing or unknown costs the event. Written: `public` only for TLP:CLEAR, PAP:CLEAR and a public class,
//! `internal` for TLP:AMBER+STRICT and TLP:RED, else `need-to-know`.
//!
//! **Confidence.** `low`, `medium`, `high` are a `feed.accuracy` of 33, 66 and 100 percent, as in n6's own bridge to IntelMQ; back, the
//! greatest of these that is not above the accuracy, and `low` where none is said.
//!
//! **What is masked** (`hidden.42`, `x.x.51.198`) is kept as written (`feed.code`, `extra.n6.adip`) and never taken for a name or an
//! address. Times without a zone are in UTC, as n6 defines them.
//!
//! **Written** is one event per line. n6 knows no IPv6 addresses and no other protocols than TCP, UDP and ICMP; every IDF field of the row
//! stands in the event's `intelmq`, n6's own place for what IntelMQ knows and it does not, and is read back from there exactly.

mod category;
mod read;
mod write;

use model::problem::Code;
use model::{SightingBatch, Text, Tlp};

use crate::json::keys;
use crate::reading::{Halt, Input, Likelihood};
use crate::stream::{Opening, Reader};
use crate::text::{Decoded, beginning};
use crate::writing::{Rendering, Written};

/// n6 events.
#[derive(Debug, Clone, Copy)]
pub struct N6;

impl crate::Format for N6 {
    fn name(&self) -> &'static str {
        "n6"
    }

    fn specification(&self) -> &'static str {
        "n6 4.40: docs/src/usage/restapi.md, streamapi.md; N6SDK and N6Lib data_spec/_data_spec.py"
    }

    fn likelihood(&self, input: &Input<'_>) -> Likelihood {
        let Ok(decoded) = Decoded::leniently(input.file, beginning(input.bytes)) else { return Likelihood::No };
        let text = decoded.text.trim_start();
        if !text.starts_with(['{', '[']) {
            return Likelihood::No;
        }
        let keys = keys(text);
        let has = |names: &[&str]| names.iter().filter(|name| keys.iter().any(|key| key == *name)).count();
        match has(&["restriction", "confidence", "category"]) {
            3 => Likelihood::Certain,
            2 if has(&["source", "time"]) == 2 => Likelihood::Likely,
            _ => Likelihood::No,
        }
    }

    fn open<'a>(&self, opening: Opening<'a>) -> Result<Box<dyn Reader + 'a>, Halt> {
        let (file, declared) = (opening.file, opening.declared);
        opening.text(None, |first| Ok(Box::new(read::EventReader::begin(file, first, declared))))
    }

    fn write(&self, rows: &SightingBatch, rendering: &Rendering<'_>) -> Option<Written> {
        Some(write::write(rows, rendering))
    }
}

/// Stands in an event's `intelmq` that we wrote: all of the row's IDF fields stand beside it.
const CARRIER: &str = "extra.noroshi.carrier";
/// What stands under it.
const CARRIED: &str = "n6/1";

/// Everything that an n6 event can have: n6's data specification, privileged attributes too, and the life cycle's `type`. Sorted.
const ATTRIBUTES: &[&str] = &[
    "action",
    "additional_data",
    "address",
    "adip",
    "alternative_fqdns",
    "artemis_uuid",
    "block",
    "botid",
    "category",
    "cert_length",
    "channel",
    "client",
    "confidence",
    "count",
    "count_actual",
    "dataset",
    "description",
    "detected_since",
    "device_id",
    "device_model",
    "device_type",
    "device_vendor",
    "device_version",
    "dip",
    "dns_version",
    "dport",
    "email",
    "expires",
    "facebook_id",
    "filename",
    "first_seen",
    "fqdn",
    "gca_specific",
    "handshake",
    "header",
    "iban",
    "id",
    "ignored",
    "injects",
    "intelmq",
    "internal_ip",
    "ip_network",
    "ipmi_version",
    "long_description",
    "mac_address",
    "md5",
    "method",
    "min_amplification",
    "misp_attr_uuid",
    "misp_event_uuid",
    "misp_eventdid",
    "modified",
    "name",
    "origin",
    "phone",
    "product",
    "product_code",
    "proto",
    "proxy_type",
    "referer",
    "registrar",
    "replaces",
    "request",
    "restriction",
    "revision",
    "rid",
    "rt",
    "score",
    "sender",
    "sha1",
    "sha256",
    "snitch_uuid",
    "source",
    "sport",
    "status",
    "subject_common_name",
    "sysdesc",
    "tags",
    "target",
    "time",
    "type",
    "until",
    "url",
    "url_pattern",
    "urls_matched",
    "user_agent",
    "username",
    "vendor",
    "version",
    "visible_databases",
    "x509fp_sha1",
    "x509issuer",
    "x509subject",
];

/// The labels of `restriction`, and how far each narrows a row.
const RESTRICTIONS: [(&str, Tlp); 3] = [("public", Tlp::Clear), ("need-to-know", Tlp::Amber), ("internal", Tlp::Red)];

/// The levels of `confidence` and their accuracy in percent, from least to greatest.
const CONFIDENCES: [(&str, u8); 3] = [("low", 33), ("medium", 66), ("high", 100)];

/// The values of `type`, and whether each says that a listing is over. `hifreq`, `suppressed` and `bl` are seen inside n6 only.
const TYPES: [(&str, bool); 9] = [
    ("event", false),
    ("hifreq", false),
    ("suppressed", false),
    ("bl", false),
    ("bl-new", false),
    ("bl-update", false),
    ("bl-change", false),
    ("bl-delist", true),
    ("bl-expire", true),
];

/// The values of `status`, likewise.
const STATUSES: [(&str, bool); 4] = [("active", false), ("delisted", true), ("expired", true), ("replaced", true)];

/// JSON, but no event of n6.
pub static N6_NOT_AN_EVENT: Code = Code {
    code: "n6-not-an-event",
    text: Text { ja: "n6のイベントではありません", en: "not an event of n6" },
    help: Text {
        ja: "n6のREST APIまたはStream APIが返すオブジェクトを、そのまま指定してください。区分（category）と日時（time）は必須です",
        en: "hand in the objects as n6's REST or Stream API gives them; `category` and `time` are mandatory",
    },
    example: "{\"id\": \"…\", \"category\": \"bots\"}",
};

/// A `type` or `status` that might say that a listing is over.
pub static N6_LIFE_CYCLE: Code = Code {
    code: "n6-life-cycle",
    text: Text {
        ja: "イベントの種別（type）または状態（status）が、n6の定義にないものです",
        en: "a `type` or `status` that n6 does not define",
    },
    help: Text {
        ja: "掲載の終了を意味する可能性があるため、観測として扱いません。定義された値か、提供元に確認してください",
        en: "it might say that a listing is over, so it is not taken for a sighting; ask the source what it means",
    },
    example: "{\"type\": \"bl-remove\", …}",
};

/// One short event with a great many addresses.
pub static N6_TOO_MANY_ADDRESSES: Code = Code {
    code: "n6-too-many-addresses",
    text: Text {
        ja: "1件のイベントに対してアドレスの数が多すぎます", en: "too many addresses for one event"
    },
    help: Text {
        ja: "アドレスごとに1行として展開すると大きくなりすぎるため、受け付けません。イベントを分けて再提出してください",
        en: "each address becomes a row with all that the event says, which would be too much; hand it in as several events",
    },
    example: "{\"address\": [{\"ip\": \"192.0.2.1\"}, …], \"long_description\": \"…\"}",
};

/// An event that says one thing in its attributes and another in the row that it carries along.
pub static N6_CONTRADICTS: Code = Code {
    code: "n6-contradicts-itself",
    text: Text {
        ja: "イベントの項目と、intelmq に入っている元の行とが食い違っています",
        en: "the event's attributes and the row in its `intelmq` contradict each other",
    },
    help: Text {
        ja: "途中で書き換えられた可能性があります。どちらが正しいか判断できないため受け付けません。元の提供者から受け取り直してください",
        en: "it may have been changed on its way; which of the two holds cannot be told, so ask whoever made it for another copy",
    },
    example: "{\"address\": [{\"ip\": \"192.0.2.1\"}], \"intelmq\": {\"source.ip\": \"192.0.2.2\", …}}",
};

/// What this format can utter.
pub static CODES: &[&Code] = &[&N6_NOT_AN_EVENT, &N6_LIFE_CYCLE, &N6_TOO_MANY_ADDRESSES, &N6_CONTRADICTS];

#[cfg(test)]
mod tests;
