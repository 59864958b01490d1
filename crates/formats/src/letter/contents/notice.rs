//! Operator to subscriber: the notice (注意喚起), one per subscriber and round.

use std::net::Ipv4Addr;

use model::operation::CareDesk;
use model::text::Name;
use model::{Address, Instant, Lang, PortNumber, Uncertainty, Zone};
use serde_json::{Value, json};

use super::delivery::{may, must};
use super::{Contents, GroundNote, bare_desk, desk, full_desk, full_ground, grounds, name};
use crate::letter::value::{reported_name, time_for_people, uncertainty_for_people};
use crate::letter::{Kind, Variable};

/// How many sightings a notice lists; of the others it says how many there are.
pub const LISTED: usize = 20;

/// One sighting as its subscriber is told: all of it is about his own line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub time: Instant,
    /// How far that may be off.
    pub uncertainty: Uncertainty,
    /// The subscriber's address then.
    pub address: Address,
    /// The port, if it is known.
    pub port: Option<PortNumber>,
}

/// What a subscriber is told about an infected terminal on his line. It holds no name: whom the mail goes to knows his own.
#[derive(Debug, Clone)]
pub struct NoticeLetter {
    /// The ticket id that stands in the subject, `NR-` and twelve hexadecimal digits.
    pub ticket: String,
    /// The operator that writes, and how to reach it otherwise.
    pub isp: CareDesk,
    /// The department that writes.
    pub writer: Name,
    /// When it was seen, in any order; [`LISTED`] are listed, earliest first.
    pub seen: Vec<Seen>,
    /// The malware as the report names it, if it does.
    pub malware: Option<String>,
    /// Who handed the information over.
    pub reporter: Name,
    /// How it was collected.
    pub collected: Name,
    /// Why the operator may write; at least one.
    pub grounds: Vec<GroundNote>,
    /// What to do about this threat, beside what is always to be done.
    pub steps: Vec<Name>,
    /// The desk that helps (相談窓口).
    pub care_desk: CareDesk,
    /// How to decline such notices: a page or a mail address.
    pub opt_out: Option<String>,
    /// The zone in which times are shown.
    pub zone: Zone,
}

/// What a template may use.
pub(crate) const VARIABLES: &[Variable] = &[
    must("ticket", "整理番号（件名に入れる）", "the ticket id, for the subject"),
    must("isp.name", "事業者の名称", "the operator's name"),
    may("isp.phone", "事業者の電話番号（ない場合あり）", "its telephone, if any"),
    may("isp.mail", "事業者のメールアドレス（ない場合あり）", "its mail address, if any"),
    may("isp.url", "事業者のページ（ない場合あり）", "its page, if any"),
    may("isp.hours", "事業者の受付時間（ない場合あり）", "when it answers, if stated"),
    may("writer", "差出部署", "the department that writes"),
    must("seen[].time", "確認された日時", "when it was seen"),
    may("seen[].uncertainty", "日時の誤差（ない場合あり）", "how far the time may be off, if it may"),
    must("seen[].address", "お客様のIPアドレス", "the subscriber's address then"),
    may("seen[].port", "ポート番号（ない場合あり）", "the port, if known"),
    may("seen_count", "確認された回数", "how often it was seen"),
    may("seen_more", "一覧に載せきれなかった回数", "how many are not listed"),
    may("malware", "マルウェアの名称（ない場合あり）", "the malware's name, if known"),
    may("reporter", "情報の提供元", "who handed the information over"),
    may("collected", "情報の収集方法", "how it was collected"),
    must("grounds[].name", "根拠", "the ground"),
    may("grounds[].plain", "根拠（平易な言い方）", "the ground in plain words"),
    may("grounds[].reason", "根拠の説明", "why it holds"),
    may("grounds[].source", "根拠の出典", "its source"),
    may("steps[]", "この脅威に応じた対処（ない場合あり）", "what to do about this threat, if stated"),
    must("care_desk.name", "相談窓口の名称", "the care desk's name"),
    may("care_desk.phone", "相談窓口の電話番号（ない場合あり）", "its telephone, if any"),
    may("care_desk.mail", "相談窓口のメールアドレス（ない場合あり）", "its mail address, if any"),
    may("care_desk.url", "相談窓口のページ（ない場合あり）", "its page, if any"),
    may("care_desk.hours", "相談窓口の受付時間（ない場合あり）", "when it answers, if stated"),
    may("opt_out", "お知らせの停止の申出先（ない場合あり）", "how to decline such notices, if stated"),
];

impl Contents for NoticeLetter {
    const KIND: Kind = Kind::Notice;

    fn fields(&self, lang: Lang) -> Value {
        let mut by_time: Vec<&Seen> = self.seen.iter().collect();
        by_time.sort_by_key(|seen| (seen.time, seen.address, seen.port));
        let listed: Value = by_time
            .iter()
            .take(LISTED)
            .map(|seen| {
                json!({
                    "time": time_for_people(seen.time, &self.zone, lang),
                    "uncertainty": uncertainty_for_people(seen.uncertainty, lang),
                    "address": seen.address.to_string(),
                    "port": seen.port.map(PortNumber::number),
                })
            })
            .collect();
        json!({
            "ticket": self.ticket,
            "isp": desk(&self.isp, lang),
            "writer": self.writer.of(lang),
            "seen": listed,
            "seen_count": self.seen.len(),
            "seen_more": self.seen.len().saturating_sub(LISTED),
            "malware": self.malware.as_deref().map(reported_name),
            "reporter": self.reporter.of(lang),
            "collected": self.collected.of(lang),
            "grounds": grounds(&self.grounds, lang),
            "steps": self.steps.iter().map(|step| step.of(lang)).collect::<Vec<_>>(),
            "care_desk": desk(&self.care_desk, lang),
            "opt_out": self.opt_out,
        })
    }

    fn full() -> Self {
        let seen = |minutes: i64, uncertainty| Seen {
            time: Instant::from_micros(1_404_086_400_000_000).plus_seconds(minutes * 60),
            uncertainty,
            address: Address::from(Ipv4Addr::new(192, 0, 2, 15)),
            port: PortNumber::new(51_000),
        };
        Self {
            ticket: "NR-00C0FFEE0001".to_owned(),
            isp: full_desk("北斗ネット", "Hokuto Net"),
            writer: name("お客様セキュリティ窓口", "Customer Security Desk"),
            seen: (0..23).map(|n| seen(n * 7, Uncertainty::from_seconds(60))).collect(),
            malware: Some("imaginary-bot".to_owned()),
            reporter: name("架空コーディネーションセンター", "Imaginary Coordination Centre"),
            collected: name("停止した指令サーバーの記録", "logs of a command server that was taken down"),
            grounds: vec![full_ground()],
            steps: vec![name(
                "無料の駆除ツールで検査してください。",
                "Check the computer with a removal tool that is free of charge.",
            )],
            care_desk: full_desk("感染相談窓口", "Infection Care Desk"),
            opt_out: Some("https://optout.example.org/".to_owned()),
            zone: Zone::tokyo(),
        }
    }

    fn bare() -> Self {
        let full = Self::full();
        let seen =
            full.seen.iter().take(1).map(|seen| Seen { uncertainty: Uncertainty::NONE, port: None, ..seen.clone() });
        Self {
            seen: seen.collect(),
            isp: bare_desk(),
            malware: None,
            steps: Vec::new(),
            care_desk: bare_desk(),
            opt_out: None,
            ..full
        }
    }
}
