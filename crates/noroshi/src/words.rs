//! Words for people in the tables that they read: what machines get as a code, people get in their language.

use law::Ground;
use model::{Lang, Text};

/// Doors, kinds and states, by column and code.
const WORDS: &[(&str, &str, Text)] = &[
    ("door", "sent", Text { ja: "送付", en: "sent" }),
    ("door", "returned", Text { ja: "返却", en: "returned" }),
    ("door", "withheld", Text { ja: "保留", en: "withheld" }),
    ("kind", "sent", Text { ja: "送付", en: "sent" }),
    ("kind", "returned", Text { ja: "返却", en: "returned" }),
    ("kind", "withheld", Text { ja: "保留", en: "withheld" }),
    ("kind", "inbound", Text { ja: "受領", en: "inbound" }),
    ("kind", "delivery", Text { ja: "送付", en: "delivery" }),
    ("kind", "return", Text { ja: "返却", en: "return" }),
    ("kind", "notice", Text { ja: "注意喚起", en: "notice" }),
    ("kind", "answer", Text { ja: "回答", en: "answer" }),
    ("kind", "ack", Text { ja: "受領確認", en: "acknowledgement" }),
    ("change", "added", Text { ja: "追加", en: "added" }),
    ("change", "changed", Text { ja: "変更", en: "changed" }),
    ("change", "removed", Text { ja: "削除", en: "removed" }),
    ("change", "roster-differs", Text { ja: "名簿と相違（名簿が優先）", en: "the roster differs and stands" }),
    ("field", "name", Text { ja: "名称", en: "name" }),
    ("field", "country", Text { ja: "国・地域", en: "country" }),
    ("field", "language", Text { ja: "言語", en: "language" }),
    ("field", "abuse", Text { ja: "不正利用の窓口", en: "abuse" }),
    ("field", "technical", Text { ja: "技術連絡先", en: "technical" }),
    ("field", "security", Text { ja: "セキュリティ窓口", en: "security" }),
    ("field", "page", Text { ja: "窓口のページ等", en: "page" }),
    ("field", "expires", Text { ja: "有効期限", en: "expires" }),
    ("source", "roster", Text { ja: "名簿（優先）", en: "roster (goes first)" }),
    ("state", "waiting", Text { ja: "待機中", en: "waiting" }),
    ("state", "claimed", Text { ja: "送付中", en: "being carried" }),
    ("state", "failed", Text { ja: "断念", en: "given up" }),
    ("state", "done", Text { ja: "完了", en: "done" }),
];

/// The phrases in which a format says how it found a file.
const FOUND_BY: &[(&str, &str)] = &[
    ("heading, content", "見出しと内容"),
    ("heading,", "見出し,"),
    ("heading:", "見出し:"),
    ("content;", "内容;"),
    ("name:", "ファイル名:"),
    ("delimiter comma", "区切りはコンマ"),
    ("delimiter tab", "区切りはタブ"),
    ("delimiter semicolon", "区切りはセミコロン"),
    ("delimiter", "区切り"),
    ("common columns", "共通の列"),
    ("no known type", "該当する種別なし"),
    ("a type that is not known", "未知の種別"),
    ("and equally", "同程度に"),
    ("% alike", "%一致"),
];

/// What a cell of that column says to a reader; none where the code is the word.
pub fn said(column: &str, value: &str, lang: Lang) -> Option<String> {
    match column {
        "ground" | "grounds" => {
            let words: Vec<&str> = value
                .split(['+', ','])
                .map(|name| {
                    let ground = Ground::ALL.iter().find(|ground| ground.name() == name.trim());
                    let refusal = exchange::reason::text(name.trim()).map(|text| text.of(lang));
                    ground.map(|ground| ground.text().of(lang)).or(refusal).unwrap_or(name)
                })
                .collect();
            Some(words.join(if lang == Lang::Ja { "、" } else { ", " }))
        }
        // The code stays beside the words: it is what one asks for.
        "reason" | "last_error" => exchange::reason::text(value).map(|text| match lang {
            Lang::Ja => format!("{}［{value}］", text.ja),
            Lang::En => format!("{} [{value}]", text.en),
        }),
        _ => WORDS
            .iter()
            .find(|(of, code, _)| *of == column && *code == value)
            .map(|(.., text)| text.of(lang).to_owned()),
    }
}

/// How a format found a file, in the reader's language.
pub fn found_by(phrase: &str, lang: Lang) -> String {
    if lang == Lang::En {
        return phrase.to_owned();
    }
    let text = FOUND_BY.iter().fold(phrase.to_owned(), |text, (en, ja)| text.replace(en, ja));
    // "line 3" stands the other way round.
    match text.split_once("line ") {
        Some((before, rest)) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = rest.split_at(digits);
            format!("{before}{number} 行目{after}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_words_and_unknown_codes_stay() {
        assert_eq!(said("door", "returned", Lang::Ja).as_deref(), Some("返却"));
        assert_eq!(
            said("ground", "necessity+not-secret", Lang::Ja).as_deref(),
            Some("緊急避難、通信の秘密に当たらない")
        );
        assert_eq!(said("reason", "no-partner", Lang::En).as_deref(), Some("nobody known here holds it [no-partner]"));
        assert_eq!(said("reason", "回線移設中", Lang::Ja), None);
        assert_eq!(said("party", "sent", Lang::Ja), None);
    }

    #[test]
    fn how_a_file_was_found_is_japanese_to_a_japanese_reader() {
        let list = found_by("heading, content, line 3; delimiter comma", Lang::Ja);
        assert_eq!(list, "見出しと内容, 3 行目; 区切りはコンマ");
        assert_eq!(found_by("heading, line 1; delimiter tab", Lang::En), "heading, line 1; delimiter tab");
    }
}
