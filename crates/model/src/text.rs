//! Text for people, always in both languages.

use serde::{Deserialize, Serialize};

/// The two languages of the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// 日本語, the language most readers of Noroshi work in.
    #[default]
    Ja,
    /// English.
    En,
}

/// A constant text in both languages; a missing one does not compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// Japanese, written for a Japanese reader.
    pub ja: &'static str,
    /// English, written for an English reader.
    pub en: &'static str,
}

impl Text {
    /// The text for `lang`.
    #[must_use]
    pub const fn of(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Ja => self.ja,
            Lang::En => self.en,
        }
    }
}

/// A text that came from outside (a roster, a plan), in one or both languages.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Name {
    /// Japanese.
    pub ja: String,
    /// English; falls back to the Japanese one where the author gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

impl Name {
    /// The name for `lang`.
    #[must_use]
    pub fn of(&self, lang: Lang) -> &str {
        match (lang, &self.en) {
            (Lang::En, Some(en)) => en,
            _ => &self.ja,
        }
    }
}

impl From<&str> for Name {
    fn from(ja: &str) -> Self {
        Self { ja: ja.to_owned(), en: None }
    }
}
