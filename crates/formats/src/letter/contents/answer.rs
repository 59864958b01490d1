//! Node to hub: what came of a delivery, in counts. The outcomes themselves are in the answer file; no name is anywhere.

use model::id::ticket;
use model::operation::CareDesk;
use model::text::Name;
use model::{DeliveryId, Instant, Lang, NodeTally, Outcome, RoundId, Zone};
use serde_json::{Value, json};

use super::delivery::{invented_delivery, invented_round, may, must};
use super::{Contents, bare_desk, desk, full_desk, name};
use crate::letter::value::time_for_people;
use crate::letter::{Kind, Variable};

/// What the hub is told about a delivery.
#[derive(Debug, Clone)]
pub struct AnswerLetter {
    /// The delivery that is answered.
    pub delivery: DeliveryId,
    /// The hub.
    pub to: Name,
    /// Who answers, and whom to ask.
    pub from: CareDesk,
    /// The round.
    pub round: RoundId,
    /// Rows by outcome; outcomes without a row are left out of the letter.
    pub tally: NodeTally,
    /// The names of the files that travel with the letter.
    pub files: Vec<String>,
    /// As of when.
    pub at: Instant,
    /// The zone in which times are shown.
    pub zone: Zone,
}

/// What a template may use.
pub(crate) const VARIABLES: &[Variable] = &[
    must("ticket", "整理番号（件名に入れる）", "the ticket id, for the subject"),
    must("delivery", "送付のID", "the delivery's id"),
    may("to", "回答先の名称", "the hub's name"),
    must("from.name", "差出人の名称", "the sender's name"),
    may("from.phone", "差出人の電話番号（ない場合あり）", "the sender's telephone, if any"),
    may("from.mail", "差出人のメールアドレス（ない場合あり）", "the sender's mail address, if any"),
    may("from.url", "差出人のページ（ない場合あり）", "the sender's page, if any"),
    may("from.hours", "差出人の受付時間（ない場合あり）", "when the sender answers, if stated"),
    may("round", "作戦と回", "operation and round"),
    may("round_number", "第何回か", "the round's number"),
    must("rows", "件数", "how many rows"),
    may("outcomes[].code", "結果コード", "the outcome's code"),
    may("outcomes[].text", "結果", "the outcome"),
    may("outcomes[].rows", "その件数", "how many rows"),
    may("files[]", "添付ファイル名", "the names of the files"),
    may("at", "集計日時", "as of when"),
];

impl Contents for AnswerLetter {
    const KIND: Kind = Kind::Answer;

    fn fields(&self, lang: Lang) -> Value {
        let outcomes: Value = Outcome::ALL
            .iter()
            .filter(|outcome| self.tally.count(**outcome) > 0)
            .map(|outcome| {
                json!({
                    "code": outcome.name(),
                    "text": outcome.text().of(lang),
                    "rows": self.tally.count(*outcome),
                })
            })
            .collect();
        json!({
            "ticket": ticket(self.delivery),
            "delivery": self.delivery.to_string(),
            "to": self.to.of(lang),
            "from": desk(&self.from, lang),
            "round": self.round.to_string(),
            "round_number": self.round.number,
            "rows": self.tally.received(),
            "outcomes": outcomes,
            "files": self.files,
            "at": time_for_people(self.at, &self.zone, lang),
        })
    }

    fn full() -> Self {
        Self {
            delivery: invented_delivery(),
            to: name("連絡調整センター", "Coordination Centre"),
            from: full_desk("北斗ネット 対応窓口", "Hokuto Net Abuse Desk"),
            round: invented_round(),
            tally: NodeTally::from_counts([(Outcome::Told, 800), (Outcome::NotFound, 30), (Outcome::Ambiguous, 9)]),
            files: vec!["answers.csv".to_owned()],
            at: Instant::from_micros(1_404_086_400_000_000),
            zone: Zone::tokyo(),
        }
    }

    fn bare() -> Self {
        Self { from: bare_desk(), tally: NodeTally::default(), files: Vec::new(), ..Self::full() }
    }
}
