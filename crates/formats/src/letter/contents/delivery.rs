//! Hub to partner: the letter that a delivery travels with.

use model::id::ticket;
use model::operation::CareDesk;
use model::text::Name;
use model::{DeliveryId, Instant, Lang, RoundId, Tags, Text, Zone};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Contents, GroundNote, bare_desk, desk, full_desk, full_ground, grounds, name};
use crate::letter::value::{reported_name, time_for_people};
use crate::letter::{Kind, Variable};

/// What a partner is told about a delivery. Records are named by their place in it: none of them stands in the letter.
#[derive(Debug, Clone)]
pub struct DeliveryLetter {
    /// The delivery; the ticket id is made of it.
    pub delivery: DeliveryId,
    /// The partner.
    pub to: Name,
    /// Who sends it, and whom to ask.
    pub from: CareDesk,
    /// The operation's title.
    pub operation: Name,
    /// The round.
    pub round: RoundId,
    /// The threat's name.
    pub threat: String,
    /// How the addresses were collected.
    pub collected: Name,
    /// Rows in the delivery, at least 1; their record ids run from `<delivery>:1` to `<delivery>:<rows>`.
    pub rows: u64,
    /// The names of the files that travel with the letter.
    pub files: Vec<String>,
    /// The narrowest tags of its rows.
    pub tags: Tags,
    /// Why it may be sent; at least one.
    pub grounds: Vec<GroundNote>,
    /// From when on subscribers may be told.
    pub notify_from: Instant,
    /// By when the answer is asked for.
    pub answer_by: Instant,
    /// Where the answer goes, if it may go by mail.
    pub answer_to: Option<String>,
    /// The desk that every notice names.
    pub care_desk: CareDesk,
    /// The zone in which times are shown.
    pub zone: Zone,
}

/// What a template may use.
pub(crate) const VARIABLES: &[Variable] = &[
    must("ticket", "整理番号（件名に入れる）", "the ticket id, for the subject"),
    may("delivery", "送付のID", "the delivery's id"),
    may("to", "送付先の名称", "the partner's name"),
    must("from.name", "差出人の名称", "the sender's name"),
    may("from.phone", "差出人の電話番号（ない場合あり）", "the sender's telephone, if any"),
    may("from.mail", "差出人のメールアドレス（ない場合あり）", "the sender's mail address, if any"),
    may("from.url", "差出人のページ（ない場合あり）", "the sender's page, if any"),
    may("from.hours", "差出人の受付時間（ない場合あり）", "when the sender answers, if stated"),
    may("operation", "作戦の名称", "the operation's title"),
    may("round", "作戦と回", "operation and round"),
    may("round_number", "第何回か", "the round's number"),
    may("threat", "脅威の名称", "the threat's name"),
    may("collected", "アドレスの収集方法", "how the addresses were collected"),
    must("rows", "件数", "how many rows"),
    may("first_record", "最初の記録ID", "the first record id"),
    may("last_record", "最後の記録ID", "the last record id"),
    may("files[]", "添付ファイル名", "the names of the files"),
    must("tlp", "TLPの区分", "the TLP label"),
    may("pap", "PAPの区分", "the PAP label"),
    must("grounds[].name", "根拠", "the ground"),
    may("grounds[].plain", "根拠（平易な言い方）", "the ground in plain words"),
    may("grounds[].reason", "根拠の説明", "why it holds"),
    may("grounds[].source", "根拠の出典", "its source"),
    may("notify_from", "注意喚起を始めてよい日時", "from when on subscribers may be told"),
    must("answer_by", "回答期限", "by when to answer"),
    may("answer_to", "回答先のメールアドレス（ない場合あり）", "where the answer goes by mail, if it may"),
    may("care_desk.name", "相談窓口の名称", "the care desk's name"),
    may("care_desk.phone", "相談窓口の電話番号（ない場合あり）", "its telephone, if any"),
    may("care_desk.mail", "相談窓口のメールアドレス（ない場合あり）", "its mail address, if any"),
    may("care_desk.url", "相談窓口のページ（ない場合あり）", "its page, if any"),
    may("care_desk.hours", "相談窓口の受付時間（ない場合あり）", "when it answers, if stated"),
];

pub(super) const fn must(path: &'static str, ja: &'static str, en: &'static str) -> Variable {
    Variable { path, meaning: Text { ja, en }, must: true }
}

pub(super) const fn may(path: &'static str, ja: &'static str, en: &'static str) -> Variable {
    Variable { path, meaning: Text { ja, en }, must: false }
}

impl Contents for DeliveryLetter {
    const KIND: Kind = Kind::Delivery;

    fn fields(&self, lang: Lang) -> Value {
        json!({
            "ticket": ticket(self.delivery),
            "delivery": self.delivery.to_string(),
            "to": self.to.of(lang),
            "from": desk(&self.from, lang),
            "operation": self.operation.of(lang),
            "round": self.round.to_string(),
            "round_number": self.round.number,
            "threat": reported_name(&self.threat),
            "collected": self.collected.of(lang),
            "rows": self.rows,
            "first_record": format!("{}:1", self.delivery),
            "last_record": format!("{}:{}", self.delivery, self.rows),
            "files": self.files,
            "tlp": self.tags.tlp.name(),
            "pap": self.tags.pap.name(),
            "grounds": grounds(&self.grounds, lang),
            "notify_from": time_for_people(self.notify_from, &self.zone, lang),
            "answer_by": time_for_people(self.answer_by, &self.zone, lang),
            "answer_to": self.answer_to,
            "care_desk": desk(&self.care_desk, lang),
        })
    }

    fn full() -> Self {
        Self {
            delivery: invented_delivery(),
            to: name("北斗ネット株式会社", "Hokuto Net K.K."),
            from: full_desk("連絡調整センター", "Coordination Centre"),
            operation: name("架空ウイルス対策", "Operation Imaginary"),
            round: invented_round(),
            threat: "imaginary-bot".to_owned(),
            collected: name("停止した指令サーバーの記録", "logs of a command server that was taken down"),
            rows: 839,
            files: vec!["sightings.csv".to_owned(), "sightings.xarf.json".to_owned()],
            tags: Tags::INFECTED_ADDRESS,
            grounds: vec![full_ground()],
            notify_from: Instant::from_micros(1_404_086_400_000_000),
            answer_by: Instant::from_micros(1_405_296_000_000_000),
            answer_to: Some("answers@example.org".to_owned()),
            care_desk: full_desk("感染相談窓口", "Infection Care Desk"),
            zone: Zone::tokyo(),
        }
    }

    fn bare() -> Self {
        Self { from: bare_desk(), care_desk: bare_desk(), rows: 1, files: Vec::new(), answer_to: None, ..Self::full() }
    }
}

/// An invented delivery.
pub(super) fn invented_delivery() -> DeliveryId {
    DeliveryId::from_uuid(Uuid::from_u128(0x0146_eb2c_2400_7000_8000_00c0_ffee_0001))
}

/// An invented round.
///
/// # Panics
/// Never: the text is a round.
pub(super) fn invented_round() -> RoundId {
    "imaginary-2014/1".parse().expect("the text is a round")
}
