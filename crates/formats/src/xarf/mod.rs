//! XARF: abuse reports, v4 and v3 read, v4 written.
//!
//! **Written** is one JSON object per line (`.xarf.jsonl`), each a whole report by itself: an XARF file is one report, so a receiver
//! splits at line ends and gives each line to the validator that it has; an array would be no XARF. Lines, arrays and single
//! documents are read.
//!
//! XARF has a field for little of what a sighting says. Every IDF field of the row stands under `noroshi.idf` as well (the core
//! schema allows other properties), so that nothing is lost, and a row that carries it is read back from it exactly; the raw row is the
//! evidence. What a report by somebody else says and IDF has no key for stands under `extra.xarf.*` and is written again.
//!
//! **`_internal`** (v3: `InternalProcessing`) is never transmitted between systems. It is neither written nor read; a report that has it
//! is understood without it, a note says so to whoever handed it in, and its raw row does not leave this house.
//!
//! **Who is who.** `source_identifier` is the abuse source, for every type: the infected terminal, the host of the content, the
//! vulnerable machine, the attacking one. It is the row's source; what it attacked or talked to is the destination. `reporter` is the
//! author (`feed.provider`), `sender` who passed it on; both are kept (`extra.xarf.reporter`, `extra.xarf.sender`).
//!
//! **Markings.** XARF has none of its own; tags of the namespaces `tlp`, `pap` and `class` narrow. A `tlp` or `pap` tag that cannot be
//! read costs the report. v3's `Disclosure: false` is TLP:AMBER+STRICT.
//!
//! **Confidence** 0 to 1 is `feed.accuracy` in percent.
//!
//! Infected subscribers are `infrastructure/botnet`: the type called `connection/infected_host` is about crawlers. A type whose
//! required fields the row does not have becomes `reputation/threat_intelligence`, with the taxonomy's name as its threat; so does a
//! row that says that something is over ([`Flags::ENDED`](model::sighting::Flags::ENDED)), because XARF has no word for that and whoever automates his
//! abuse desk must not take it for an infection.

mod class;
mod kind;
mod read;
mod v3;
mod write;

use model::problem::Code;
use model::{SightingBatch, Text};

use crate::json::keys;
use crate::reading::{Halt, Input, Likelihood};
use crate::stream::{Opening, Reader};
use crate::text::{Decoded, beginning};
use crate::writing::{Rendering, Written};

/// The version of the specification that is written.
const VERSION: &str = "4.0.0";

/// The largest evidence item (xarf-core.json, `evidence_item.size`), in bytes.
const LARGEST_EVIDENCE: usize = 5_242_880;

/// The most evidence items (xarf-core.json, `evidence`).
const MOST_EVIDENCE: usize = 50;

/// The most tags a report may have (xarf-core.json, `tags`).
const MOST_TAGS: usize = 20;

/// XARF.
#[derive(Debug, Clone, Copy)]
pub struct Xarf;

impl crate::Format for Xarf {
    fn name(&self) -> &'static str {
        "xarf"
    }

    fn specification(&self) -> &'static str {
        "XARF v4: xarf-spec, schemas/v4/xarf-v4-master.json; v3: schemas/v3/xarf-v3-legacy.json"
    }

    fn likelihood(&self, input: &Input<'_>) -> Likelihood {
        let Ok(decoded) = Decoded::leniently(input.file, beginning(input.bytes)) else { return Likelihood::No };
        let text = decoded.text.trim_start();
        if !text.starts_with(['{', '[']) {
            return Likelihood::No;
        }
        let keys = keys(text);
        let has = |name: &str| keys.iter().any(|key| key == name);
        if has("xarf_version") || (has("ReporterInfo") && has("Report")) { Likelihood::Certain } else { Likelihood::No }
    }

    fn open<'a>(&self, opening: Opening<'a>) -> Result<Box<dyn Reader + 'a>, Halt> {
        let (file, declared) = (opening.file, opening.declared);
        opening.text(None, |first| Ok(Box::new(read::ReportReader::begin(file, first, declared))))
    }

    fn write(&self, rows: &SightingBatch, rendering: &Rendering<'_>) -> Option<Written> {
        Some(write::write(rows, rendering))
    }
}

/// JSON, but no report.
pub static XARF_NOT_A_REPORT: Code = Code {
    code: "xarf-not-a-report",
    text: Text { ja: "XARFのレポートではありません", en: "not an XARF report" },
    help: Text {
        ja: "xarf_version、category、type、timestamp、source_identifier（v3では Version、ReporterInfo、Report）のあるオブジェクトを指定してください",
        en: "give objects with xarf_version, category, type, timestamp and source_identifier (in v3: Version, ReporterInfo, Report)",
    },
    example: "{\"xarf_version\": \"4.0.0\", \"category\": \"content\"}",
};

/// A version that is not known here.
pub static XARF_VERSION: Code = Code {
    code: "xarf-version",
    text: Text { ja: "対応していないXARFの版です", en: "a version of XARF that is not read here" },
    help: Text {
        ja: "v4（4.x.y）とv3に対応しています。送付元に、いずれかの版で出力できるか確認してください",
        en: "v4 (4.x.y) and v3 are read; ask the sender for one of them",
    },
    example: "{\"xarf_version\": \"5.0.0\", …}",
};

/// A category that v4 does not have.
pub static XARF_CATEGORY: Code = Code {
    code: "xarf-category",
    text: Text {
        ja: "XARF v4に定義のない区分（category）です", en: "a category that XARF v4 does not have"
    },
    help: Text {
        ja: "messaging、content、copyright、connection、vulnerability、infrastructure、reputation のいずれかです。type が未知の場合は受け付けます",
        en: "there are messaging, content, copyright, connection, vulnerability, infrastructure and reputation; an unknown type of one of them is accepted",
    },
    example: "{\"category\": \"weather\", \"type\": \"rain\", …}",
};

/// A report that says one thing in its fields and another in the row that it carries along.
pub static XARF_CONTRADICTS: Code = Code {
    code: "xarf-contradicts-itself",
    text: Text {
        ja: "レポートの項目と、noroshi.idf に入っている元の行とが食い違っています",
        en: "the report's fields and the row in its `noroshi.idf` contradict each other",
    },
    help: Text {
        ja: "途中で書き換えられた可能性があります。どちらが正しいか判断できないため受け付けません。元の提供者から受け取り直してください",
        en: "it may have been changed on its way; which of the two holds cannot be told, so ask whoever made it for another copy",
    },
    example: "{\"source_identifier\": \"192.0.2.1\", \"noroshi\": {\"idf\": {\"source.ip\": \"192.0.2.2\", …}}, …}",
};

/// A report that carries what is never transmitted.
pub static XARF_INTERNAL: Code = Code {
    code: "xarf-internal",
    text: Text {
        ja: "送付してはならない内部情報（_internal、InternalProcessing）が含まれています。読み取らず、転送もしません",
        en: "a report carries `_internal` (v3: `InternalProcessing`), which is never transmitted; it was not read and goes nowhere",
    },
    help: Text {
        ja: "送付元に、内部情報を除いてから送るよう伝えてください。受領した原本にはその部分も残ります",
        en: "tell the sender to leave it out; the report as received still holds it",
    },
    example: "{\"xarf_version\": \"4.0.0\", \"_internal\": {\"ticket\": \"…\"}, …}",
};

/// Every code that this format can utter.
pub static CODES: &[&Code] = &[&XARF_NOT_A_REPORT, &XARF_VERSION, &XARF_CATEGORY, &XARF_CONTRADICTS, &XARF_INTERNAL];

#[cfg(test)]
mod tests;
