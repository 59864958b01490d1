//! What a heading means: the table in `headings.toml`, and the zone that a heading may name.

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
    if let Some(meaning) = table.get(&whole) {
        return found(meaning, None);
    }
    let folded = fold(written);
    if let Some((before, inside, after)) = brackets(&folded) {
        let name = plain(&format!("{before}{after}"));
        let zone = zone_word(inside);
        let meaning = zone.is_none().then(|| table.get(&plain(&format!("{inside}{before}{after}")))).flatten();
        return match meaning.or_else(|| table.get(&name)) {
            Some(meaning) if is_time(meaning) => found(meaning, zone),
            // A zone beside something that is no time is a word that we do not know.
            Some(meaning) if zone.is_none() => found(meaning, None),
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
        if let Some(meaning) = rest.and_then(|rest| table.get(rest)).filter(|meaning| is_time(meaning)) {
            return found(meaning, Some(zone));
        }
    }
    unknown()
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
        assert_eq!(version(), "headings-1");
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
        ] {
            let heading = understand(written);
            assert_eq!(heading.meaning.as_ref().map(Meaning::name).as_deref(), Some(name), "{written}");
            assert_eq!(heading.zone.as_deref(), zone, "{written}");
        }
        for written in ["", "好きな色", "IPアドレス一覧", "日時(CST)x", "192.0.2.1", "ポート(JST)"] {
            assert_eq!(understand(written).meaning, None, "{written}");
        }
    }
}
