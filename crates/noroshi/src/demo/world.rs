//! The invented world of the demo: sixteen operators, their networks and their papers. Only the totals are history.

use super::published;

/// One invented operator.
#[derive(Debug, Clone, Copy)]
pub struct Operator {
    /// Its party id.
    pub id: &'static str,
    /// Its name in Japanese.
    pub ja: &'static str,
    /// Its name in English.
    pub en: &'static str,
    /// Its share of the rows, in parts of the sum of all.
    pub weight: u64,
}

const fn operator(id: &'static str, ja: &'static str, en: &'static str, weight: u64) -> Operator {
    Operator { id, ja, en, weight }
}

/// The operators; the first fourteen take part in both operations.
pub const OPERATORS: [Operator; 16] = [
    operator("isp-hokuto", "北斗通信", "Hokuto Communications", 210),
    operator("isp-minato", "みなとネット", "Minato Net", 160),
    operator("isp-tsubame", "つばめインターネット", "Tsubame Internet", 120),
    operator("isp-hayate", "はやて光", "Hayate Hikari", 95),
    operator("isp-akatsuki", "あかつきテレコム", "Akatsuki Telecom", 80),
    operator("isp-kaede", "かえでケーブル", "Kaede Cable", 65),
    operator("isp-sazanami", "さざなみブロードバンド", "Sazanami Broadband", 55),
    operator("isp-tokiwa", "常盤通信サービス", "Tokiwa Communication Service", 45),
    operator("isp-asagiri", "朝霧ネットワークス", "Asagiri Networks", 38),
    operator("isp-yamabiko", "やまびこ電話", "Yamabiko Telephone", 32),
    operator("isp-hinode", "日の出CATV", "Hinode CATV", 28),
    operator("isp-shiranami", "白波モバイル", "Shiranami Mobile", 24),
    operator("isp-kogane", "こがねインターネット", "Kogane Internet", 20),
    operator("isp-wakaba", "わかばネット", "Wakaba Net", 16),
    operator("isp-mizuho-no", "瑞野地域ネット", "Mizuno Regional Net", 12),
    operator("isp-suzukaze", "すずかぜ通信", "Suzukaze Communications", 10),
];

/// The hub.
pub const HUB: &str = "clearing-house";

/// How an operation looks in this world.
#[derive(Debug)]
pub struct Campaign {
    /// What was published.
    pub published: &'static published::Operation,
    /// Title in Japanese.
    pub title_ja: &'static str,
    /// Title in English.
    pub title_en: &'static str,
    /// The malware's name.
    pub threat: &'static str,
    /// The reporter's party id.
    pub reporter: &'static str,
    /// The invented days on which rounds were sent (09:00 in Japan), one per round.
    pub days: &'static [&'static str],
    /// When the plan was agreed, and when the operation closes.
    pub span: (&'static str, &'static str),
    /// How the addresses were collected.
    pub collection: &'static str,
    /// The same in words.
    pub collected: (&'static str, &'static str),
}

/// Both operations.
pub const CAMPAIGNS: [Campaign; 2] = [
    Campaign {
        published: &published::GOZ,
        title_ja: "Game Over Zeus 感染端末への注意喚起（2014年）",
        title_en: "Warning users of terminals infected with Game Over Zeus (2014)",
        threat: "gameover-zeus",
        reporter: "jpcert-cc",
        days: &["2014-06-10", "2014-06-24", "2014-07-22", "2014-08-26"],
        span: ("2014-06-02", "2014-12-26"),
        collection: "taken-down-server",
        collected: (
            "停止させた指令サーバ・中継サーバに記録された、感染端末からの通信の発信元アドレスと日時",
            "source addresses and times of connections from infected terminals, as recorded on command and relay servers that were taken down",
        ),
    },
    Campaign {
        published: &published::VAWTRAK,
        title_ja: "VAWTRAK 感染端末への注意喚起（2015年）",
        title_en: "Warning users of terminals infected with VAWTRAK (2015)",
        threat: "vawtrak",
        reporter: "metropolitan-police",
        days: &["2015-04-14"],
        span: ("2015-04-06", "2015-09-01"),
        collection: "taken-down-server",
        collected: (
            "無力化した指令サーバに記録された、感染端末からの通信の発信元アドレスと日時",
            "source addresses and times of connections from infected terminals, as recorded on command servers that were neutralised",
        ),
    },
];

/// The index of the operator's network: operator `i` holds `198.18.(16 i).0/20`, AS 64496 + i (documentation and
/// benchmarking ranges, RFC 2544, RFC 5398), and from operator 16 on nothing. What nobody holds lies in 198.19.0.0/16.
#[must_use]
pub fn network(index: usize) -> [u8; 2] {
    [18, u8::try_from(index * 16).unwrap_or(240)]
}

/// The roster's text: both reporters, the hub and the operators, with agreements in force in 2014 and 2015.
#[must_use]
pub fn roster() -> String {
    let mut text = String::from(
        "# 架空の名簿です。組織・アドレスはすべて文書用・試験用の範囲です。 / An invented roster: documentation and test ranges only.\n\
         schema = \"roster-1\"\nversion = \"demo-1\"\nzone = \"Asia/Tokyo\"\nupdated = 2014-06-01\n",
    );
    let agreement = |kind: &str, reference: &str| {
        format!("\n[[party.agreement]]\nkind = \"{kind}\"\nreference = \"{reference}\"\nfrom = 2014-04-04\n")
    };
    let contact = |id: &str| format!("\n[[party.contact]]\nkind = \"abuse\"\nmail = \"abuse@{id}.example.org\"\n");
    text += &format!(
        "\n[[party]]\nid = \"{HUB}\"\nname = {{ ja = \"取りまとめ窓口（架空）\", en = \"Clearing house (invented)\" }}\n\
         roles = [\"clearing-house\"]\n"
    );
    text += &contact(HUB);
    text += &agreement("provide", "デモ取決め 窓口");
    text += &agreement("receive", "デモ取決め 窓口（回答の受領）");
    text += &format!("\n[party.delivery]\nway = \"folder\"\npath = \"{HUB}\"\nformat = \"csv\"\n");
    for (id, ja, en) in [
        ("jpcert-cc", "提供元（JPCERT/CC役）", "Reporter (in the part of JPCERT/CC)"),
        ("metropolitan-police", "提供元（警視庁役）", "Reporter (in the part of the Metropolitan Police)"),
    ] {
        text +=
            &format!("\n[[party]]\nid = \"{id}\"\nname = {{ ja = \"{ja}\", en = \"{en}\" }}\nroles = [\"reporter\"]\n");
        text += &contact(id);
        text += &agreement("provide", "デモ取決め 提供");
        text += &format!("\n[party.delivery]\nway = \"folder\"\npath = \"{id}\"\nformat = \"csv-excel\"\n");
    }
    for (index, operator) in OPERATORS.iter().enumerate() {
        let [b, c] = network(index);
        text += &format!(
            "\n[[party]]\nid = \"{id}\"\nname = {{ ja = \"{ja}（架空）\", en = \"{en} (invented)\" }}\nroles = [\"operator\"]\n\
             asns = [{asn}]\nprefixes = [\"198.{b}.{c}.0/20\", \"2001:db8:{index:x}00::/40\"]\n",
            id = operator.id,
            ja = operator.ja,
            en = operator.en,
            asn = 64_496 + index,
        );
        text += &contact(operator.id);
        text += &agreement("receive", &format!("デモ取決め {:02}号", index + 1));
        let format = ["idf", "csv", "xarf", "csv-excel"][index % 4];
        let formats = if format == "idf" { "\"idf\"".to_owned() } else { format!("[\"idf\", \"{format}\"]") };
        text += &format!("\n[party.delivery]\nway = \"folder\"\npath = \"{}\"\nformat = {formats}\n", operator.id);
    }
    text
}

/// The plan's text for a campaign.
#[must_use]
pub fn plan(campaign: &Campaign) -> String {
    let partners: Vec<&str> = OPERATORS.iter().take(campaign.published.partners).map(|o| o.id).collect();
    let list = partners.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ");
    let (agreed, closes) = campaign.span;
    let mut text = format!(
        "# 架空の作戦計画です。史実は件数の合計だけです。 / An invented plan; only the totals are history.\n\
         id = \"{id}\"\ntitle = {{ ja = \"{ja}\", en = \"{en}\" }}\nthreat = \"{threat}\"\n\
         classification = \"infected-system\"\nreporter = \"{reporter}\"\npartners = [{list}]\n\
         notify_from = \"{agreed}T09:00:00+09:00\"\ncloses = \"{closes}T18:00:00+09:00\"\n\
         collection = \"{collection}\"\ncollected = {{ ja = \"{cja}\", en = \"{cen}\" }}\n\
         estimated_infected = {estimated}\nrepeat_interval_days = 30\n\n\
         [care_desk]\nname = {{ ja = \"感染端末相談窓口（架空）\", en = \"Care desk for infected terminals (invented)\" }}\n\
         phone = \"+81-3-0000-0000\"\nmail = \"care@{HUB}.example.org\"\nurl = \"https://care.example.org/\"\n\
         hours = {{ ja = \"平日 9:00〜18:00\", en = \"weekdays 9:00-18:00 (Japan)\" }}\n\n\
         [necessity]\npresent_danger = true\nno_alternative = true\nproportionate = true\n",
        id = campaign.published.id,
        ja = campaign.title_ja,
        en = campaign.title_en,
        threat = campaign.threat,
        reporter = campaign.reporter,
        collection = campaign.collection,
        cja = campaign.collected.0,
        cen = campaign.collected.1,
        estimated = campaign.published.estimated,
    );
    text += &format!(
        "\n[[task]]\nparty = \"{}\"\ndoes = {{ ja = \"感染端末のアドレスと日時の提供、返却分の引取り\", en = \"provides addresses and times, takes back what is returned\" }}\n",
        campaign.reporter
    );
    text += &format!(
        "\n[[task]]\nparty = \"{HUB}\"\ndoes = {{ ja = \"受領、事業者別の振分け、送付、結果の集計\", en = \"receives, splits by operator, sends, adds up\" }}\n"
    );
    for party in std::iter::once(campaign.reporter).chain(partners) {
        text += &format!(
            "\n[[agreed]]\nparty = \"{party}\"\non = \"{agreed}T09:00:00+09:00\"\nreference = \"デモ合意書 {id} {party}\"\n",
            id = campaign.published.id
        );
    }
    text
}
