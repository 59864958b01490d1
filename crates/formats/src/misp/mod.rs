//! MISP events as JSON (MISP core format): one event, several, or the `response` of the REST interface.
//!
//! **What becomes a row.** Each attribute of an address, a name, a URL, a mail address or a hash; of objects, `network-connection` and
//! `ip-port` (with their kin) and `file` are one row each, and of any other object each such attribute is one. Attributes of other types
//! stay in the kept report, and a note names the types.
//!
//! **Which end is whose.** MISP says of `ip-dst` that it is the attacker's or his server's, of `ip-src` that it is the attacker's; it never
//! says that somebody is a victim. What a row names therefore is its source, as IDF has it: the bad thing itself. What happened follows
//! from tags first (`label`), then from the category, where it has one meaning and the attribute is meant for detection
//! (`to_ids`):
//!
//! | category | type | row |
//! |---|---|---|
//! | Network activity | `ip-dst`, `ip-dst\|port` | `c2-server` |
//! | Payload delivery | `url`, `domain`, `hostname` | `malware-distribution` |
//! | Payload delivery, Payload installation, Artifacts dropped | hashes | `malware` |
//! | anything else | | `undetermined` |
//!
//! **Who may see it.** Tags `tlp:` and `PAP:` of event and attribute narrow; so does the distribution: 0 (own organisation) and 4 (sharing
//! group) as TLP:AMBER+STRICT, 1 and 2 (communities) as TLP:GREEN, 3 (all) not; 5 inherits the event's, and anything else counts as
//! TLP:RED.
//!
//! **When.** `last_seen`, else the latest sighting. `timestamp` and `date` say when somebody wrote it down, and are no times of a row.
//!
//! A file is held whole, up to 64 MiB (`held`): the tags of an event stand behind its attributes. What we write carries every
//! column in the comment of its object.

mod event;
mod read;
mod write;

use model::problem::Code;
use model::{SightingBatch, Text, Tlp};

use crate::reading::{Halt, Input, Likelihood};
use crate::stream::{Opening, Reader};
use crate::text::{Decoded, beginning};
use crate::writing::{Rendering, Written};

/// MISP core format.
#[derive(Debug, Clone, Copy)]
pub struct Misp;

/// What the comment of an object begins with that carries a whole row, as one event of the IntelMQ Data Format.
const CARRIES: &str = "noroshi-idf-1 ";

impl crate::Format for Misp {
    fn name(&self) -> &'static str {
        "misp"
    }

    fn specification(&self) -> &'static str {
        "MISP core format: draft-dulaunoy-misp-core-format-16; object templates of misp-objects"
    }

    fn likelihood(&self, input: &Input<'_>) -> Likelihood {
        let Ok(decoded) = Decoded::leniently(input.file, beginning(input.bytes)) else { return Likelihood::No };
        let text = decoded.text.trim_start();
        if !text.starts_with(['{', '[']) {
            return Likelihood::No;
        }
        let has = |key: &str, begins: &[char]| {
            let quoted = format!("\"{key}\"");
            text.match_indices(&quoted).any(|(at, _)| {
                let value = text.get(at + quoted.len()..).unwrap_or_default().trim_start();
                value.strip_prefix(':').is_some_and(|value| value.trim_start().starts_with(begins))
            })
        };
        let event = has("Event", &['{']);
        let inside = ["info", "Orgc", "orgc_id", "Attribute", "Object", "threat_level_id"];
        let inside = inside.into_iter().filter(|key| has(key, &['"', '{', '[', '0', '1', '2', '3', '4'])).count();
        let attributes =
            has("Attribute", &['[']) && (has("to_ids", &['t', 'f', '0', '1', '"']) || has("response", &['{', '[']));
        match (event, inside) {
            (true, 1..) => Likelihood::Certain,
            (false, _) if attributes => Likelihood::Certain,
            (false, 3..) => Likelihood::Likely,
            _ => Likelihood::No,
        }
    }

    fn open<'a>(&self, opening: Opening<'a>) -> Result<Box<dyn Reader + 'a>, Halt> {
        Ok(Box::new(read::EventReader::open(opening)?))
    }

    fn write(&self, rows: &SightingBatch, rendering: &Rendering<'_>) -> Option<Written> {
        Some(write::write(rows, rendering))
    }
}

/// How far a distribution lets something go; none where it says nothing. MISP core format, section 2.4.2.7.
fn narrowed_by(distribution: u64) -> Option<Tlp> {
    match distribution {
        0 | 4 => Some(Tlp::AmberStrict),
        1 | 2 => Some(Tlp::Green),
        3 => None,
        _ => Some(Tlp::Red),
    }
}

/// The distribution under which a row is written. MISP has no word for an organisation and its clients, so AMBER stays with the
/// organisation that imports it, which then decides.
const fn distribution(tlp: Tlp) -> u64 {
    match tlp {
        Tlp::Clear => 3,
        Tlp::Green => 1,
        Tlp::Amber | Tlp::AmberStrict | Tlp::Red => 0,
    }
}

/// An attribute or object that is none.
pub static MISP_NOT_AN_ATTRIBUTE: Code = Code {
    code: "misp-not-an-attribute",
    text: Text {
        ja: "MISPの属性ではありません（typeかvalueがないか、深すぎます）",
        en: "not a MISP attribute: no type, no value, or nested too deeply",
    },
    help: Text {
        ja: "MISPから出力し直すよう、提供元に依頼してください",
        en: "ask the source to export the event again",
    },
    example: "{\"Event\": {\"Attribute\": [17]}}",
};

/// A deleted attribute.
pub static MISP_DELETED: Code = Code {
    code: "misp-deleted",
    text: Text { ja: "提供元が削除した属性です", en: "its author has deleted it" },
    help: Text {
        ja: "対処は不要です。以前に受け取って通知した行があれば、取り消されたことを通知先に伝えてください",
        en: "nothing to do; if it was acted on before, tell those who were told that it was withdrawn",
    },
    example: "{\"type\": \"ip-dst\", \"deleted\": true}",
};

/// Too many attributes in one object.
pub static MISP_TOO_MANY: Code = Code {
    code: "misp-too-many-attributes",
    text: Text {
        ja: "1つのオブジェクトに2,000を超える属性があります",
        en: "an object of more than two thousand attributes",
    },
    help: Text {
        ja: "観測ごとにオブジェクトを分けるよう、提供元に依頼してください",
        en: "ask the source for one object per observation",
    },
    example: "{\"Object\": [{\"Attribute\": [… 3,000 …]}]}",
};

/// A composite value without its second part.
pub static MISP_COMPOSITE: Code = Code {
    code: "misp-composite",
    text: Text {
        ja: "「|」で区切る型の値に、二つ目の部分がありません",
        en: "a value of a type with `|` has no second part",
    },
    help: Text {
        ja: "「アドレス|ポート」のように両方を書くよう、提供元に依頼してください",
        en: "ask the source for both parts, such as `address|port`",
    },
    example: "ip-dst|port: 198.51.100.7",
};

/// A marking that is not known.
pub static MISP_UNKNOWN_MARKING: Code = Code {
    code: "misp-unknown-marking",
    text: Text {
        ja: "未知の取扱区分のタグがあるため、最も狭い取扱い（TLP:RED、PAP:RED）にしました",
        en: "a `tlp:` or `PAP:` tag that is not known here: the rows count as TLP:RED and PAP:RED",
    },
    help: Text {
        ja: "TLP 2.0のタグ（tlp:amber など）を付けるよう、提供元に依頼してください",
        en: "ask the source for a tag of TLP 2.0, such as `tlp:amber`",
    },
    example: "{\"Tag\": [{\"name\": \"tlp:ex:chr\"}]}",
};

/// Attributes whose event is not there.
pub static MISP_WITHOUT_EVENT: Code = Code {
    code: "misp-without-event",
    text: Text {
        ja: "イベントのない属性です。配布範囲がイベントに従うため、TLP:REDとして扱います",
        en: "attributes without their event, whose distribution they inherit: the rows count as TLP:RED",
    },
    help: Text {
        ja: "属性の検索（attributes/restSearch）ではなく、イベントとして（events/restSearch）出力してください",
        en: "export events (events/restSearch) rather than attributes (attributes/restSearch)",
    },
    example: "{\"response\": {\"Attribute\": [{\"distribution\": \"5\"}]}}",
};

/// Somebody said that it is a false positive.
pub static MISP_FALSE_POSITIVE: Code = Code {
    code: "misp-false-positive",
    text: Text {
        ja: "誤検知（false positive）と報告された属性です",
        en: "somebody reported the attribute as a false positive",
    },
    help: Text {
        ja: "行として読み取り、件数を extra.misp.false_positives に残しました。通知の前に提供元に確認してください",
        en: "it was read, and how often stands in `extra.misp.false_positives`; ask the source before you notify anybody",
    },
    example: "{\"Sighting\": [{\"type\": \"1\"}]}",
};

/// A carried row says something else than the object it stands in.
pub static MISP_CONTRADICTS: Code = Code {
    code: "misp-contradicts-itself",
    text: Text {
        ja: "コメントにある行（noroshi）のアドレスが、オブジェクトのアドレスと食い違っています",
        en: "the row in the object's comment (noroshi) names another address than its attributes",
    },
    help: Text {
        ja: "途中で書き換えられた可能性があります。元の送付者に正しい方を確認してください",
        en: "somebody changed one of them on the way; ask the first sender which is right",
    },
    example: "{\"value\": \"192.0.2.1\"} / {\"source.ip\": \"192.0.2.2\"}",
};

/// Attributes that are no rows.
pub static MISP_NO_ROW: Code = Code {
    code: "misp-no-row",
    text: Text {
        ja: "行にならない型の属性です。受領した報告にそのまま残っています",
        en: "attributes of a type that makes no row; they stay in the kept report as they are",
    },
    help: Text { ja: "対処は不要です", en: "nothing to do" },
    example: "{\"type\": \"mutex\"}",
};

/// What this format can utter.
pub static CODES: &[&Code] = &[
    &MISP_NOT_AN_ATTRIBUTE,
    &MISP_DELETED,
    &MISP_TOO_MANY,
    &MISP_COMPOSITE,
    &MISP_UNKNOWN_MARKING,
    &MISP_WITHOUT_EVENT,
    &MISP_FALSE_POSITIVE,
    &MISP_CONTRADICTS,
    &MISP_NO_ROW,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_distribution_that_is_written_goes_further_than_its_label() {
        for tlp in Tlp::ALL {
            assert!(narrowed_by(distribution(*tlp)).unwrap_or(Tlp::Clear) >= (*tlp).min(Tlp::AmberStrict), "{tlp}");
        }
        assert_eq!(narrowed_by(17), Some(Tlp::Red));
    }
}
