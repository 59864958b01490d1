//! What a heading means: the table in `headings.toml`, the zone that a heading may name, and, where the table does not have it
//! whole, the words that it is made of (whose end of the connection, and what of it).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use crate::civil::zone_word;
use crate::fields::{Column, RECORD, TAXONOMY, is_other_idf_key};
use crate::text::fold;

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A column of the sighting.
    Column(Column),
    /// Address and port in one cell, of the source.
    SourceEndpoint,
    /// Address and port in one cell, of the destination.
    DestinationEndpoint,
    /// The date of a time in two columns.
    Date,
    /// The time of day of a time in two columns.
    Clock,
    /// The zone of the row's time.
    Zone,
    /// Seconds or milliseconds since 1970-01-01T00:00:00Z.
    Epoch,
    /// An IDF key without a column: kept in `extra` under it.
    Other(String),
}

impl Meaning {
    /// The meaning that a table or mapping file calls `key`.
    pub(super) fn named(key: &str) -> Option<Self> {
        Some(match key {
            "source.endpoint" => Self::SourceEndpoint,
            "destination.endpoint" => Self::DestinationEndpoint,
            "time.date" => Self::Date,
            "time.clock" => Self::Clock,
            "time.zone" => Self::Zone,
            "time.epoch" => Self::Epoch,
            "record" => Self::Column(Column::Reference),
            key => match Column::with_key(key) {
                Some(column) => Self::Column(column),
                None if is_other_idf_key(key) || key == TAXONOMY => Self::Other(key.to_owned()),
                None => return None,
            },
        })
    }

    /// What tables, mapping files and previews call it.
    pub(super) fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Column(column) if column.key() == RECORD => "record",
            Self::Column(column) => column.key(),
            Self::SourceEndpoint => "source.endpoint",
            Self::DestinationEndpoint => "destination.endpoint",
            Self::Date => "time.date",
            Self::Clock => "time.clock",
            Self::Zone => "time.zone",
            Self::Epoch => "time.epoch",
            Self::Other(key) => return Cow::Owned(key.clone()),
        })
    }

    /// All names that [`Meaning::named`] reads beside the IDF keys without a column.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        const OWN: [&str; 7] =
            ["record", "source.endpoint", "destination.endpoint", "time.date", "time.clock", "time.zone", "time.epoch"];
        OWN.into_iter().chain(Column::all().map(Column::key))
    }
}

/// A heading as understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Heading {
    /// As written, without the spaces around it.
    pub(super) written: String,
    /// What it means; none where the table does not know it.
    pub(super) meaning: Option<Meaning>,
    /// The zone that it names: 「日時(JST)」, `time_utc`.
    pub(super) zone: Option<String>,
}

/// The version of the table.
pub(super) fn version() -> &'static str {
    &table().version
}

/// What the heading means.
pub(super) fn understand(written: &str) -> Heading {
    let written = written.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\u{FEFF}');
    let table = &table().meanings;
    let found = |meaning: &Meaning, zone: Option<&str>| Heading {
        written: written.to_owned(),
        meaning: Some(meaning.clone()),
        zone: zone.map(str::to_owned),
    };
    if let Some(meaning) = Meaning::named(written) {
        return found(&meaning, None);
    }
    let unknown = || Heading { written: written.to_owned(), ..Heading::default() };
    let whole = plain(written);
    let meaning_of = |plain: &str| table.get(plain).cloned().or_else(|| composed(plain));
    if let Some(meaning) = meaning_of(&whole) {
        return found(&meaning, None);
    }
    let folded = fold(written);
    if let Some((before, inside, after)) = brackets(&folded) {
        let name = plain(&format!("{before}{after}"));
        let zone = zone_word(inside);
        let meaning = zone.is_none().then(|| meaning_of(&plain(&format!("{inside}{before}{after}")))).flatten();
        // 「接続時間(秒)」 is how long, and not when.
        let is_length =
            matches!(&*plain(inside), "秒" | "分" | "秒数" | "ミリ秒" | "s" | "sec" | "seconds" | "min" | "ms");
        return match meaning.or_else(|| meaning_of(&name)) {
            Some(meaning) if is_time(&meaning) && is_length => unknown(),
            Some(meaning) if is_time(&meaning) => found(&meaning, zone),
            // A zone beside something that is no time is a word that we do not know.
            Some(meaning) if zone.is_none() => found(&meaning, None),
            _ => unknown(),
        };
    }
    for (word, zone) in [
        ("日本標準時", "JST"),
        ("日本時間", "JST"),
        ("協定世界時", "UTC"),
        ("世界標準時", "UTC"),
        ("jst", "JST"),
        ("utc", "UTC"),
        ("gmt", "UTC"),
    ] {
        if whole == word {
            return found(&Meaning::Column(Column::Time), Some(zone));
        }
        let rest = whole.strip_prefix(word).or_else(|| whole.strip_suffix(word));
        if let Some(meaning) = rest.and_then(meaning_of).filter(is_time) {
            return found(&meaning, Some(zone));
        }
    }
    unknown()
}

/// Words for the end of the connection at which the infected terminal stands; compared as [`plain`] has them.
const THIS_END: [&str; 25] = [
    "送信元",
    "発信元",
    "接続元",
    "アクセス元",
    "通信元",
    "攻撃元",
    "ソース",
    "送信側",
    "発信側",
    "クライアント",
    "感染端末",
    "感染機器",
    "感染pc",
    "感染ホスト",
    "感染",
    "被害端末",
    "不正端末",
    "端末",
    "加入者",
    "契約者",
    "利用者",
    "source",
    "src",
    "client",
    "infected",
];

/// Words for the other end: where the terminal connected to.
const OTHER_END: [&str; 30] = [
    "接続先",
    "宛先",
    "あて先",
    "宛て先",
    "送信先",
    "通信先",
    "アクセス先",
    "攻撃先",
    "相手先",
    "接続先サーバ",
    "接続先サーバー",
    "c2サーバ",
    "c2サーバー",
    "c2server",
    "c2",
    "c&cサーバ",
    "c&cサーバー",
    "c&cserver",
    "c&c",
    "cncサーバ",
    "cnc",
    "指令サーバ",
    "指令サーバー",
    "不正サーバ",
    "不正サーバー",
    "シンクホール",
    "destination",
    "dest",
    "dst",
    "sinkhole",
];

/// What of an end: the meaning at this end, and at the other.
const OF_AN_END: [(&[&str], &str, &str); 8] = [
    (
        &[
            "ip",
            "ipアドレス",
            "アドレス",
            "ipaddress",
            "ipaddr",
            "address",
            "addr",
            "ipv4",
            "ipv6",
            "ipv4アドレス",
            "ipv6アドレス",
            "グローバルip",
            "グローバルipアドレス",
            "グローバルアドレス",
            "globalip",
            "ipv4address",
            "ipv6address",
        ],
        "source.ip",
        "destination.ip",
    ),
    (
        &["ポート", "ポート番号", "ポートno", "port", "port番号", "portno", "portnumber", "tcpポート", "udpポート"],
        "source.port",
        "destination.port",
    ),
    (
        &[
            "ipポート",
            "ipアドレスポート",
            "ipアドレスポート番号",
            "ipport",
            "ipアドレスとポート",
            "ipアドレスとポート番号",
            "addressport",
            "endpoint",
        ],
        "source.endpoint",
        "destination.endpoint",
    ),
    (
        &[
            "ホスト",
            "ホスト名",
            "ドメイン",
            "ドメイン名",
            "fqdn",
            "host",
            "hostname",
            "domain",
            "domainname",
            "サーバ名",
            "サーバー名",
        ],
        "source.fqdn",
        "destination.fqdn",
    ),
    (&["url", "uri"], "source.url", "destination.url"),
    (&["asn", "as番号", "asnumber", "as"], "source.asn", "destination.asn"),
    (
        &["国", "国名", "国コード", "country", "countrycode", "cc", "geo"],
        "source.geolocation.cc",
        "destination.geolocation.cc",
    ),
    (
        &["逆引き", "逆引きホスト名", "逆引き名", "ptr", "rdns", "reversedns"],
        "source.reverse_dns",
        "destination.reverse_dns",
    ),
];

/// What happens at a time, before the word for the time.
const EVENTS: [&str; 36] = [
    "認知",
    "把握",
    "検知",
    "検出",
    "発見",
    "発生",
    "通信",
    "接続",
    "アクセス",
    "観測",
    "観察",
    "確認",
    "感染",
    "感染検知",
    "感染確認",
    "感染通信",
    "不正通信",
    "不正アクセス",
    "攻撃",
    "攻撃検知",
    "受信",
    "送信",
    "発信",
    "記録",
    "ログ",
    "ログイン",
    "イベント",
    "事象",
    "事案",
    "最終検知",
    "最終検出",
    "最終通信",
    "最終接続",
    "最終観測",
    "最終確認",
    "最終アクセス",
];

/// Words for a time, and what each means; a time beside a date becomes the time of day by what its cells hold.
const TIMES: [(&[&str], &str); 2] = [
    (
        &[
            "日時",
            "日時分",
            "日時分秒",
            "年月日時",
            "時刻",
            "時間",
            "日付時刻",
            "タイムスタンプ",
            "timestamp",
            "datetime",
            "time",
        ],
        "time.source",
    ),
    (&["日", "日付", "年月日", "date"], "time.date"),
];

/// Words for what infects.
const MALWARE: [&str; 8] =
    ["マルウェア", "マルウエア", "ウイルス", "ウィルス", "不正プログラム", "ボットネット", "ボット", "malware"];

/// The meaning of a heading made of two words: an end and what of it (`宛先Port`), or an event and a time (「発見日時」). The longest
/// first word that leaves a known second one counts; `の` may stand between them.
fn composed(plain: &str) -> Option<Meaning> {
    let after = |word: &str| plain.strip_prefix(word).map(|rest| rest.strip_prefix('の').unwrap_or(rest));
    let end = |words: &[&str], place: fn(&(&[&str], &'static str, &'static str)) -> &'static str| {
        words.iter().filter_map(|word| after(word)).filter(|rest| !rest.is_empty()).find_map(|rest| {
            OF_AN_END.iter().find(|(of, ..)| of.contains(&rest)).and_then(|entry| Meaning::named(place(entry)))
        })
    };
    let event = || {
        EVENTS.iter().filter_map(|word| after(word)).find_map(|rest| {
            TIMES.iter().find(|(words, _)| words.contains(&rest)).and_then(|(_, key)| Meaning::named(key))
        })
    };
    let malware = || {
        let after_event = ["感染した", "感染", "検知", "検出", "当該"]
            .iter()
            .find_map(|word| plain.strip_prefix(word))
            .unwrap_or(plain);
        let rest = MALWARE.iter().find_map(|word| after_event.strip_prefix(word))?;
        let rest = rest.strip_prefix('の').unwrap_or(rest);
        matches!(
            rest,
            "" | "名"
                | "名称"
                | "種類"
                | "種別"
                | "種"
                | "ファミリ"
                | "ファミリー"
                | "ファミリ名"
                | "型"
                | "name"
                | "family"
                | "type"
        )
        .then_some(Meaning::Column(Column::Malware))
    };
    end(&THIS_END, |entry| entry.1).or_else(malware).or_else(|| end(&OTHER_END, |entry| entry.2)).or_else(event)
}

fn is_time(meaning: &Meaning) -> bool {
    matches!(meaning, Meaning::Column(Column::Time) | Meaning::Date | Meaning::Clock)
}

/// What stands before, in and after the first pair of brackets.
fn brackets(text: &str) -> Option<(&str, &str, &str)> {
    let open = text.find(['(', '[', '【', '〔'])?;
    let inside_on = text.get(open..)?.char_indices().nth(1)?.0 + open;
    let close = text.get(inside_on..)?.find([')', ']', '】', '〕'])? + inside_on;
    let after = text.get(close..)?.char_indices().nth(1).map_or("", |(next, _)| &text[close + next..]);
    Some((text.get(..open)?, text.get(inside_on..close)?, after))
}

/// The heading without what people vary: case, width of letters, spaces and punctuation.
pub(super) fn plain(heading: &str) -> String {
    full_width_kana(&fold(heading))
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-' | '.' | '/' | '・' | ':' | '"' | '\''))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Half-width katakana (JIS X 0201) as full-width ones, with their voicing marks joined.
fn full_width_kana(text: &str) -> Cow<'_, str> {
    /// U+FF66 to U+FF9F.
    const FULL: [char; 58] = [
        'ヲ', 'ァ', 'ィ', 'ゥ', 'ェ', 'ォ', 'ャ', 'ュ', 'ョ', 'ッ', 'ー', 'ア', 'イ', 'ウ', 'エ', 'オ', 'カ', 'キ',
        'ク', 'ケ', 'コ', 'サ', 'シ', 'ス', 'セ', 'ソ', 'タ', 'チ', 'ツ', 'テ', 'ト', 'ナ', 'ニ', 'ヌ', 'ネ', 'ノ',
        'ハ', 'ヒ', 'フ', 'ヘ', 'ホ', 'マ', 'ミ', 'ム', 'メ', 'モ', 'ヤ', 'ユ', 'ヨ', 'ラ', 'リ', 'ル', 'レ', 'ロ',
        'ワ', 'ン', '゛', '゜',
    ];
    if !text.contains(|c| matches!(c, '\u{FF65}'..='\u{FF9F}')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let joined = match (c, out.chars().last()) {
            ('ﾞ', Some('ウ')) => Some('ヴ'),
            ('ﾞ', Some(base @ ('カ'..='ト' | 'ハ'..='ホ'))) => char::from_u32(base as u32 + 1),
            ('ﾟ', Some(base @ 'ハ'..='ホ')) => char::from_u32(base as u32 + 2),
            _ => None,
        };
        if let Some(joined) = joined {
            out.pop();
            out.push(joined);
        } else if c == '･' {
            out.push('・');
        } else {
            let full = (c as u32).checked_sub(0xFF66).and_then(|at| FULL.get(at as usize));
            out.push(full.copied().unwrap_or(c));
        }
    }
    Cow::Owned(out)
}

struct Table {
    version: String,
    meanings: HashMap<String, Meaning>,
}

fn table() -> &'static Table {
    #[derive(serde::Deserialize)]
    struct File {
        version: String,
        meaning: HashMap<String, Vec<String>>,
    }
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        // INVARIANT: the table is compiled in, and a test reads every line of it.
        let file: File = toml::from_str(include_str!("headings.toml")).expect("the table is tested");
        let mut meanings = HashMap::new();
        for (key, headings) in file.meaning {
            let meaning = Meaning::named(&key).expect("the table is tested");
            meanings.extend(headings.iter().map(|heading| (plain(heading), meaning.clone())));
            // IDF keys with their dots as spaces or underscores: `source_ip`.
            meanings.entry(plain(&key)).or_insert(meaning);
        }
        for column in Column::all() {
            meanings.entry(plain(column.key())).or_insert(Meaning::Column(column));
        }
        Table { version: file.version, meanings }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_heading_has_two_meanings() {
        let file: toml::Table = toml::from_str(include_str!("headings.toml")).unwrap();
        let mut seen: HashMap<String, String> = HashMap::new();
        for (key, headings) in file["meaning"].as_table().unwrap() {
            assert!(Meaning::named(key).is_some(), "{key}");
            for heading in headings.as_array().unwrap() {
                let heading = heading.as_str().unwrap();
                assert_ne!(plain(heading), "", "{heading}");
                if let Some(other) = seen.insert(plain(heading), key.clone()) {
                    assert_eq!(&other, key, "`{heading}` means two things");
                }
            }
        }
        assert_eq!(version(), "headings-2");
    }

    #[test]
    fn the_words_that_headings_are_made_of_are_compared_as_they_stand() {
        let words = THIS_END.iter().chain(&OTHER_END).chain(&EVENTS).chain(&MALWARE).copied();
        let words = words.chain(OF_AN_END.iter().flat_map(|(words, ..)| words.iter().copied()));
        for word in words.chain(TIMES.iter().flat_map(|(words, _)| words.iter().copied())) {
            assert_eq!(plain(word), word);
        }
        for (_, one, other) in OF_AN_END {
            assert!(Meaning::named(one).is_some() && Meaning::named(other).is_some(), "{one} {other}");
        }
        assert!(TIMES.iter().all(|(_, key)| Meaning::named(key).is_some()));
    }

    #[test]
    fn headings_as_people_write_them() {
        for (written, name, zone) in [
            ("IPアドレス", "source.ip", None),
            ("ＩＰアドレス", "source.ip", None),
            ("IPｱﾄﾞﾚｽ", "source.ip", None),
            (" 送信元 IP アドレス ", "source.ip", None),
            ("src_ip", "source.ip", None),
            ("Source IP", "source.ip", None),
            ("source.ip", "source.ip", None),
            ("source_ip", "source.ip", None),
            ("感染端末ＩＰ", "source.ip", None),
            ("ﾎﾟｰﾄ番号", "source.port", None),
            ("ポート番号（送信元）", "source.port", None),
            ("IPアドレス(送信元)", "source.ip", None),
            ("IPアドレス(宛先)", "destination.ip", None),
            ("接続先IP", "destination.ip", None),
            ("日時", "time.source", None),
            ("日時(JST)", "time.source", Some("JST")),
            ("観測日時（ＪＳＴ）", "time.source", Some("JST")),
            ("通信日時【日本時間】", "time.source", Some("JST")),
            ("検知日時(UTC+9)", "time.source", Some("+09:00")),
            ("timestamp (UTC)", "time.source", Some("UTC")),
            ("time_utc", "time.source", Some("UTC")),
            ("JST", "time.source", Some("JST")),
            ("日本時間", "time.source", Some("JST")),
            ("日時(現地時間)", "time.source", None),
            ("日付(JST)", "time.date", Some("JST")),
            ("時刻", "time.clock", None),
            ("No.", "record", None),
            ("検体名", "malware.name", None),
            ("備考", "comment", None),
            ("extra.noroshi.record", "record", None),
            ("extra.noroshi.flags", "extra.noroshi.flags", None),
            ("feed.name", "feed.name", None),
            ("extra.columns", "extra.columns", None),
            // Made of words, in either language or both.
            ("送信元Port", "source.port", None),
            ("宛先Port番号", "destination.port", None),
            ("宛先Port", "destination.port", None),
            ("Dst ポート", "destination.port", None),
            ("発信元ポート番号(TCP)", "source.port", None),
            ("感染端末のグローバルIPアドレス", "source.ip", None),
            ("被害端末IPｱﾄﾞﾚｽ", "source.ip", None),
            ("C&Cサーバー IPアドレス", "destination.ip", None),
            ("C2サーバのドメイン名", "destination.fqdn", None),
            ("C2", "destination.endpoint", None),
            ("C2 server", "destination.endpoint", None),
            ("相手先URL", "destination.url", None),
            ("宛先国", "destination.geolocation.cc", None),
            ("発見日時", "time.source", None),
            ("感染通信日時（日本時間）", "time.source", Some("JST")),
            ("発生時間", "time.source", None),
            ("発生日付", "time.date", None),
            ("検出の年月日", "time.date", None),
            ("不正プログラム名", "malware.name", None),
            ("感染マルウェアの名称", "malware.name", None),
            ("検出ウイルス種別", "malware.name", None),
            ("認知年月日", "time.date", None),
            ("検知名", "malware.name", None),
        ] {
            let heading = understand(written);
            assert_eq!(heading.meaning.as_ref().map(Meaning::name).as_deref(), Some(name), "{written}");
            assert_eq!(heading.zone.as_deref(), zone, "{written}");
        }
        for written in ["送信元の色", "感染元IP", "通信量", "検知", "C2 color", "接続時間(秒)", "対象ポート"]
        {
            assert_eq!(understand(written).meaning, None, "{written}");
        }
        for written in ["", "好きな色", "IPアドレス一覧", "日時(CST)x", "192.0.2.1", "ポート(JST)"] {
            assert_eq!(understand(written).meaning, None, "{written}");
        }
    }
}
