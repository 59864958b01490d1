//! Hub to reporter: the rows that nobody here can act on go back to whom they came from.

use model::operation::CareDesk;
use model::tally::permille;
use model::text::Name;
use model::{HandlingTally, Instant, Lang, RoundId, Zone};
use serde_json::{Value, json};

use super::delivery::{invented_round, may, must};
use super::{Contents, GroundNote, bare_desk, desk, full_desk, full_ground, grounds, name};
use crate::letter::value::{reported_name, time_for_people};
use crate::letter::{Kind, Variable};

/// Rows that are handed back for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The reason, for people.
    pub reason: Name,
    /// How many rows.
    pub rows: u64,
}

/// What a reporter is told about the rows that are handed back.
#[derive(Debug, Clone)]
pub struct ReturnLetter {
    /// The ticket id that stands in the subject, `NR-` and twelve hexadecimal digits.
    pub ticket: String,
    /// The reporter.
    pub to: Name,
    /// Who hands back, and whom to ask.
    pub from: CareDesk,
    /// The operation's title.
    pub operation: Name,
    /// The round.
    pub round: RoundId,
    /// The threat's name.
    pub threat: String,
    /// What became of the round's rows.
    pub tally: HandlingTally,
    /// Why rows are handed back, with their counts.
    pub returned: Vec<Returned>,
    /// The names of the files that travel with the letter.
    pub files: Vec<String>,
    /// Why they may be handed back; at least one.
    pub grounds: Vec<GroundNote>,
    /// When they are handed back.
    pub at: Instant,
    /// The zone in which times are shown.
    pub zone: Zone,
}

/// What a template may use.
pub(crate) const VARIABLES: &[Variable] = &[
    must("ticket", "整理番号（件名に入れる）", "the ticket id, for the subject"),
    may("to", "提供元の名称", "the reporter's name"),
    must("from.name", "差出人の名称", "the sender's name"),
    may("from.phone", "差出人の電話番号（ない場合あり）", "the sender's telephone, if any"),
    may("from.mail", "差出人のメールアドレス（ない場合あり）", "the sender's mail address, if any"),
    may("from.url", "差出人のページ（ない場合あり）", "the sender's page, if any"),
    may("from.hours", "差出人の受付時間（ない場合あり）", "when the sender answers, if stated"),
    may("operation", "作戦の名称", "the operation's title"),
    may("round", "作戦と回", "operation and round"),
    may("round_number", "第何回か", "the round's number"),
    may("threat", "脅威の名称", "the threat's name"),
    must("received", "受領数", "rows received"),
    must("sent", "送付数", "rows sent to partners"),
    must("returned_rows", "返却数", "rows handed back"),
    must("withheld", "保留数", "rows withheld"),
    may("handled_percent", "対応率（送付数÷受領数、受領0件なら空）", "sent over received, if anything was received"),
    may("returned[].reason", "返却の理由", "why rows are handed back"),
    may("returned[].rows", "その件数", "how many for that reason"),
    may("files[]", "添付ファイル名", "the names of the files"),
    may("grounds[].name", "根拠", "the ground"),
    may("grounds[].plain", "根拠（平易な言い方）", "the ground in plain words"),
    may("grounds[].reason", "根拠の説明", "why it holds"),
    may("grounds[].source", "根拠の出典", "its source"),
    may("at", "返却日時", "when they are handed back"),
];

impl Contents for ReturnLetter {
    const KIND: Kind = Kind::Return;

    fn fields(&self, lang: Lang) -> Value {
        let returned: Value =
            self.returned.iter().map(|part| json!({ "reason": part.reason.of(lang), "rows": part.rows })).collect();
        let handled = permille(self.tally.sent(), self.tally.received());
        json!({
            "ticket": self.ticket,
            "to": self.to.of(lang),
            "from": desk(&self.from, lang),
            "operation": self.operation.of(lang),
            "round": self.round.to_string(),
            "round_number": self.round.number,
            "threat": reported_name(&self.threat),
            "received": self.tally.received(),
            "sent": self.tally.sent(),
            "returned_rows": self.tally.returned(),
            "withheld": self.tally.withheld(),
            "handled_percent": handled.map(|permille| format!("{}.{}", permille / 10, permille % 10)),
            "returned": returned,
            "files": self.files,
            "grounds": grounds(&self.grounds, lang),
            "at": time_for_people(self.at, &self.zone, lang),
        })
    }

    fn full() -> Self {
        Self {
            ticket: "NR-00C0FFEE0002".to_owned(),
            to: name("架空コーディネーションセンター", "Imaginary Coordination Centre"),
            from: full_desk("連絡調整センター", "Coordination Centre"),
            operation: name("架空ウイルス対策", "Operation Imaginary"),
            round: invented_round(),
            threat: "imaginary-bot".to_owned(),
            // The counts close: a test builds this.
            tally: HandlingTally::new(1_320, 839, 481, 0).unwrap_or_default(),
            returned: vec![
                Returned {
                    reason: name("協力先の割当てではない", "no partner holds the address"), rows: 480
                },
                Returned { reason: name("アドレスがない", "the row has no address"), rows: 1 },
            ],
            files: vec!["returned.csv".to_owned()],
            grounds: vec![full_ground()],
            at: Instant::from_micros(1_404_086_400_000_000),
            zone: Zone::tokyo(),
        }
    }

    fn bare() -> Self {
        Self {
            from: bare_desk(),
            tally: HandlingTally::default(),
            returned: Vec::new(),
            files: Vec::new(),
            ..Self::full()
        }
    }
}
