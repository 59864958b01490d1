//! STIX 2.1 bundles (OASIS Standard, 10 June 2021), and 2.0 ones, which differ in little of what is read here.
//!
//! **What becomes a row.** Each alternative of an indicator's pattern; each network traffic of observed data, and each address, name,
//! URL or account of it that belongs to no traffic; each observable that only an infrastructure, or nobody, speaks of. Sightings,
//! relationships, identities and markings say something about rows. What is no row stays in the kept report, and a note says which types
//! those were.
//!
//! **What it says happened** stands in `kind`: an indicator never makes anybody infected. Observed traffic does where it goes to what
//! the same bundle says is a command-and-control server: its source then is `infected-system`.
//!
//! **When.** Observed data and sightings have times. An indicator's `valid_from` says from when on to look, not when anything was seen:
//! without a sighting its row has no time.
//!
//! A bundle is held whole, up to 64 MiB (`held`). What we write carries every column in a property extension of our own.

mod bundle;
mod identifier;
mod kind;
mod marking;
mod pattern;
mod read;
mod write;

use model::problem::Code;
use model::{SightingBatch, Text};

use crate::reading::{Halt, Input, Likelihood};
use crate::stream::{Opening, Reader};
use crate::text::{Decoded, beginning};
use crate::writing::{Rendering, Written};

/// STIX 2.1 and 2.0.
#[derive(Debug, Clone, Copy)]
pub struct Stix;

/// The definition of our property extension; its `idf_event` is the row as one object of the IntelMQ Data Format, as a text: STIX
/// allows neither dots nor other alphabets in the names of members (section 2.4).
const EXTENSION: &str = "extension-definition--6e1a4f6c-52f5-4a1c-9d0e-b3c1c0f7a9d4";

impl crate::Format for Stix {
    fn name(&self) -> &'static str {
        "stix"
    }

    fn specification(&self) -> &'static str {
        "STIX 2.1, OASIS Standard, 10 June 2021; STIX 2.0 is read; TLP 2.0 by the OASIS extension"
    }

    fn likelihood(&self, input: &Input<'_>) -> Likelihood {
        let Ok(decoded) = Decoded::leniently(input.file, beginning(input.bytes)) else { return Likelihood::No };
        let text = decoded.text.trim_start();
        if !text.starts_with(['{', '[']) {
            return Likelihood::No;
        }
        // `"id": "bundle--…`, `"id": "indicator--…`: no other format has ids of that form.
        let ids = text.match_indices("\"id\"").any(|(at, quoted)| {
            let behind = text.get(at + quoted.len()..).unwrap_or_default().trim_start();
            let value = behind.strip_prefix(':').map(str::trim_start).and_then(|value| value.strip_prefix('"'));
            value.and_then(|value| value.split_once('"')).is_some_and(|(id, _)| is_identifier(id))
        });
        let typed = text.contains("\"type\"");
        let said = text.contains("\"spec_version\"") || text.contains("\"bundle--");
        match (ids && typed, said) {
            (true, true) => Likelihood::Certain,
            (true, false) => Likelihood::Likely,
            _ => Likelihood::No,
        }
    }

    fn open<'a>(&self, opening: Opening<'a>) -> Result<Box<dyn Reader + 'a>, Halt> {
        Ok(Box::new(read::ObjectReader::open(opening)?))
    }

    fn write(&self, rows: &SightingBatch, rendering: &Rendering<'_>) -> Option<Written> {
        Some(write::write(rows, rendering))
    }
}

/// `<type>--<uuid>` (section 2.9).
fn is_identifier(id: &str) -> bool {
    id.split_once("--").is_some_and(|(object, uuid)| {
        object.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !object.is_empty()
            && uuid.len() == 36
            && uuid.parse::<uuid::Uuid>().is_ok()
    })
}

/// Another version than those that are read.
pub static STIX_VERSION: Code = Code {
    code: "stix-version",
    text: Text { ja: "STIXの版が2.0でも2.1でもありません", en: "neither STIX 2.0 nor 2.1" },
    help: Text {
        ja: "提供元に、STIX 2.1（またはTAXII 2.1）で出力できないか確認してください。STIX 1.xはXMLで、読み取れません",
        en: "ask the source for STIX 2.1 (TAXII 2.1); STIX 1.x is XML and is not read",
    },
    example: "{\"type\": \"bundle\", \"spec_version\": \"3.0\"}",
};

/// Something in the list that is no object.
pub static STIX_NOT_AN_OBJECT: Code = Code {
    code: "stix-not-an-object",
    text: Text {
        ja: "STIXのオブジェクトではありません（typeかidがないか、深すぎます）",
        en: "not a STIX object: no type, no id, or nested too deeply",
    },
    help: Text {
        ja: "STIX 2.1の3.2節のとおり type と id を付けるよう、提供元に依頼してください",
        en: "ask the source to give `type` and `id` (STIX 2.1, section 3.2)",
    },
    example: "{\"objects\": [17]}",
};

/// A pattern in another language.
pub static STIX_PATTERN_TYPE: Code = Code {
    code: "stix-pattern-type",
    text: Text {
        ja: "STIX以外の言語（Snort、YARA、Sigmaなど）のパターンです",
        en: "the pattern is in another language than STIX's (Snort, YARA, Sigma, …)",
    },
    help: Text {
        ja: "原文は誤り一覧と受領した報告に残っています。検知ルールとして、該当する製品で利用してください",
        en: "it stands as written in the error file and in the kept report: use it in the tool that it is written for",
    },
    example: "{\"type\": \"indicator\", \"pattern_type\": \"yara\"}",
};

/// A pattern that does not follow the grammar.
pub static STIX_PATTERN_SYNTAX: Code = Code {
    code: "stix-pattern-syntax",
    text: Text {
        ja: "パターンがSTIXパターン言語の文法に合いません",
        en: "the pattern does not follow the grammar of STIX patterns",
    },
    help: Text {
        ja: "STIX 2.1の9章に照らして直すよう、提供元に依頼してください",
        en: "ask the source to mend it (STIX 2.1, section 9)",
    },
    example: "[ipv4-addr:value = \"192.0.2.1\"]",
};

/// A pattern that says more than values.
pub static STIX_PATTERN_SAYS_MORE: Code = Code {
    code: "stix-pattern-says-more",
    text: Text {
        ja: "パターンを、アドレス・ドメイン・URL・ハッシュ・ポートの組に置き換えられません",
        en: "the pattern says more than a set of addresses, names, URLs, hashes and ports",
    },
    help: Text {
        ja: "一部だけを読むと意味が変わるため、行にしません。原文は誤り一覧と受領した報告に残っています。通知に使うには、観測データ（observed-data）か単純なパターンで受け取ってください",
        en: "half of it would mean something else, so it is no row; it stands as written in the error file and in the kept report. For notifying, ask for observed data or for plain patterns",
    },
    example: "[ipv4-addr:value = '192.0.2.1'] FOLLOWEDBY [file:name = 'x.exe']",
};

/// A pattern about both ends of a communication.
pub static STIX_TWO_ENDS: Code = Code {
    code: "stix-two-ends",
    text: Text {
        ja: "通信の両端を示すパターンで、どちらが問題の側か分かりません",
        en: "the pattern names both ends of a communication and not which of them is bad",
    },
    help: Text {
        ja: "観測データ（observed-data）として受け取るか、片方だけのパターンに分けるよう、提供元に依頼してください",
        en: "ask for observed data, or for a pattern that names one end only",
    },
    example: "[network-traffic:src_ref.value = '192.0.2.1' AND network-traffic:dst_ref.value = '198.51.100.1']",
};

/// A withdrawn object.
pub static STIX_REVOKED: Code = Code {
    code: "stix-revoked",
    text: Text { ja: "作成者が取り消したオブジェクトです", en: "its author has revoked it" },
    help: Text {
        ja: "対処は不要です。以前に受け取って通知した行があれば、取り消されたことを通知先に伝えてください",
        en: "nothing to do; if an earlier version was acted on, tell those who were told that it was revoked",
    },
    example: "{\"type\": \"indicator\", \"revoked\": true}",
};

/// An indicator that says that something is good.
pub static STIX_BENIGN: Code = Code {
    code: "stix-benign",
    text: Text { ja: "無害とされる活動の指標です", en: "an indicator of what is benign" },
    help: Text {
        ja: "被害の報告ではないため、行にしません", en: "it reports no harm, so it is no row"
    },
    example: "{\"type\": \"indicator\", \"indicator_types\": [\"benign\"]}",
};

/// A reference to what is not there.
pub static STIX_REFERENCE_MISSING: Code = Code {
    code: "stix-reference-missing",
    text: Text {
        ja: "参照先のオブジェクトがファイルにないか、長すぎます",
        en: "it refers to an object that is not in the file, or is too long",
    },
    help: Text {
        ja: "参照先も含めて出力し直すよう、提供元に依頼してください（TAXIIでは、同じコレクションから参照先も取得します）",
        en: "ask the source for the objects that it refers to as well (with TAXII, fetch them from the same collection)",
    },
    example: "{\"type\": \"observed-data\", \"object_refs\": [\"ipv4-addr--…\"]}",
};

/// Traffic without its source.
pub static STIX_NO_SOURCE: Code = Code {
    code: "stix-no-source",
    text: Text {
        ja: "通信の送信元がなく、誰が影響を受けたか分かりません",
        en: "traffic without its source: nobody knows who is affected",
    },
    help: Text {
        ja: "送信元（src_ref）も含めるよう、提供元に依頼してください",
        en: "ask the source for `src_ref` as well",
    },
    example: "{\"type\": \"network-traffic\", \"dst_ref\": \"ipv4-addr--…\"}",
};

/// Too many observables in one object.
pub static STIX_TOO_MANY: Code = Code {
    code: "stix-too-many-objects",
    text: Text {
        ja: "1つの観測データが1万を超えるオブジェクトを参照しています",
        en: "observed data that refers to more than ten thousand objects",
    },
    help: Text {
        ja: "観測ごとに分けるよう、提供元に依頼してください",
        en: "ask the source for one observed-data object per observation",
    },
    example: "{\"type\": \"observed-data\", \"object_refs\": [… 20,000 …]}",
};

/// Our own extension says something else than the object it stands in.
pub static STIX_CONTRADICTS: Code = Code {
    code: "stix-contradicts-itself",
    text: Text {
        ja: "拡張部分（noroshi）のアドレスが、オブジェクト本体のアドレスと食い違っています",
        en: "the row in the noroshi extension names another address than the object around it",
    },
    help: Text {
        ja: "途中で書き換えられた可能性があります。元の送付者に正しい方を確認してください",
        en: "somebody changed one of them on the way; ask the first sender which is right",
    },
    example: "{\"value\": \"192.0.2.1\"} / {\"source.ip\": \"192.0.2.2\"}",
};

/// A marking that is not known.
pub static STIX_UNKNOWN_MARKING: Code = Code {
    code: "stix-unknown-marking",
    text: Text {
        ja: "未知のマーキングがあるため、最も狭い取扱い（TLP:RED、PAP:RED）にしました",
        en: "a marking that is not known here: the rows count as TLP:RED and PAP:RED",
    },
    help: Text {
        ja: "marking-definitionをファイルに含めるか、TLP 2.0のマーキングを付けるよう、提供元に依頼してください",
        en: "ask the source to include the marking definition, or to mark with TLP 2.0",
    },
    example: "{\"object_marking_refs\": [\"marking-definition--…\"]}",
};

/// A statement that people must read.
pub static STIX_STATEMENT: Code = Code {
    code: "stix-statement",
    text: Text {
        ja: "文章によるマーキング（利用条件など）があります。行の extra.stix.statements に残しました",
        en: "a marking in words (terms of use, copyright); it stands in `extra.stix.statements` of its rows",
    },
    help: Text {
        ja: "共有する前に、条件を読んで確認してください。プログラムは文章の意味を判断しません",
        en: "read it before you share: no program decides what its words allow",
    },
    example: "{\"definition_type\": \"statement\", \"definition\": {\"statement\": \"Copyright …\"}}",
};

/// An indicator whose time is over.
pub static STIX_EXPIRED: Code = Code {
    code: "stix-expired",
    text: Text {
        ja: "有効期限（valid_until）を過ぎた指標です", en: "an indicator behind its `valid_until`"
    },
    help: Text {
        ja: "行として読み取りました。今も有効か、提供元に確認してください",
        en: "it was read all the same; ask the source whether it still holds",
    },
    example: "{\"type\": \"indicator\", \"valid_until\": \"2020-01-01T00:00:00Z\"}",
};

/// An earlier version of an object.
pub static STIX_OLDER_VERSION: Code = Code {
    code: "stix-older-version",
    text: Text {
        ja: "同じオブジェクトの新しい版がファイルにあるため、古い版は行にしませんでした",
        en: "an older version of an object that the file has a newer one of; the newer one was read",
    },
    help: Text { ja: "対処は不要です", en: "nothing to do" },
    example: "{\"id\": \"indicator--…\", \"modified\": \"2020-01-01T00:00:00.000Z\"}",
};

/// Objects that are no rows.
pub static STIX_FOREIGN: Code = Code {
    code: "stix-no-row",
    text: Text {
        ja: "行にならない種類のオブジェクトです。受領した報告にそのまま残っています",
        en: "objects of a type that makes no row; they stay in the kept report as they are",
    },
    help: Text {
        ja: "行から参照される短いものは、その行の extra.stix.related にも残しました",
        en: "short ones that a row refers to stand in its `extra.stix.related` as well",
    },
    example: "{\"type\": \"campaign\"}",
};

/// What this format can utter.
pub static CODES: &[&Code] = &[
    &STIX_VERSION,
    &STIX_NOT_AN_OBJECT,
    &STIX_PATTERN_TYPE,
    &STIX_PATTERN_SYNTAX,
    &STIX_PATTERN_SAYS_MORE,
    &STIX_TWO_ENDS,
    &STIX_REVOKED,
    &STIX_BENIGN,
    &STIX_REFERENCE_MISSING,
    &STIX_NO_SOURCE,
    &STIX_TOO_MANY,
    &STIX_CONTRADICTS,
    &STIX_UNKNOWN_MARKING,
    &STIX_STATEMENT,
    &STIX_EXPIRED,
    &STIX_OLDER_VERSION,
    &STIX_FOREIGN,
];
