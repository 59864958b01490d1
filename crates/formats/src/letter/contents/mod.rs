//! What letters are filled with: one typed structure per kind, turned into the words of a language when it is put in.

pub mod answer;
pub mod delivery;
pub mod notice;
pub mod returned;

use law::{Ground, Rule};
use model::operation::CareDesk;
use model::text::Name;
use model::{Lang, Text};
use serde_json::{Value, json};

pub use answer::AnswerLetter;
pub use delivery::DeliveryLetter;
pub use notice::{NoticeLetter, Seen};
pub use returned::{ReturnLetter, Returned};

use super::Kind;

/// What letters of one kind are filled with.
pub trait Contents: Sized {
    /// Of which kind.
    const KIND: Kind;

    /// The values under the names that [`Kind::variables`] lists, in the words of `lang`. What may be absent is null.
    fn fields(&self, lang: Lang) -> Value;

    /// Invented contents with everything there can be, for previews and lint.
    fn full() -> Self;

    /// Invented contents with as little as there can be, for lint.
    fn bare() -> Self;
}

/// A ground as a letter states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroundNote {
    /// The ground.
    pub ground: Ground,
    /// Why it holds, as the rule says.
    pub reason: Name,
    /// Document, article, page.
    pub source: String,
}

impl GroundNote {
    /// What a rule of the pack says; none for a rule that is no ground.
    #[must_use]
    pub fn of(rule: &Rule) -> Option<Self> {
        let reason = Name { ja: rule.reason_ja.clone(), en: Some(rule.reason_en.clone()) };
        Some(Self { ground: rule.ground?, reason, source: rule.source.clone() })
    }

    fn fields(&self, lang: Lang) -> Value {
        json!({
            "name": self.ground.text().of(lang),
            "plain": plain(self.ground).of(lang),
            "reason": self.reason.of(lang),
            "source": self.source,
        })
    }
}

/// The ground in words for somebody who is no lawyer; it completes «we do this …».
const fn plain(ground: Ground) -> Text {
    match ground {
        Ground::IndividualConsent => Text {
            ja: "お客様からあらかじめいただいた同意に基づいて",
            en: "with the consent you gave us beforehand",
        },
        Ground::TermsConsent => Text {
            ja: "ご契約の約款等でいただいている同意に基づいて",
            en: "with your consent under the terms of your contract",
        },
        Ground::LegitimateBusinessAct => Text {
            ja: "通信の安全を守る電気通信事業者の正当な業務として",
            en: "as part of the legitimate business of a telecommunications operator, which includes keeping \
                 communications safe",
        },
        Ground::Necessity => Text {
            ja: "差し迫った危険を避けるための、やむを得ない対応として",
            en: "out of necessity, to avert a present danger that could not be averted otherwise",
        },
        Ground::Statute => Text { ja: "法令の定めに基づいて", en: "as a statute or a warrant requires" },
        Ground::Approval => Text {
            ja: "独立した機関の承認に基づいて",
            en: "with the approval of the independent commission",
        },
        Ground::NotSecret => Text {
            ja: "通信の秘密に当たらない情報に基づいて",
            en: "with information that is not under the secrecy of communications",
        },
    }
}

fn grounds(notes: &[GroundNote], lang: Lang) -> Value {
    notes.iter().map(|note| note.fields(lang)).collect()
}

fn desk(desk: &CareDesk, lang: Lang) -> Value {
    json!({
        "name": desk.name.of(lang),
        "phone": desk.phone,
        "mail": desk.mail,
        "url": desk.url,
        "hours": desk.hours.as_ref().map(|hours| hours.of(lang)),
    })
}

/// An invented name in both languages.
fn name(ja: &str, en: &str) -> Name {
    Name { ja: ja.to_owned(), en: Some(en.to_owned()) }
}

/// An invented desk with everything a desk can have.
fn full_desk(ja: &str, en: &str) -> CareDesk {
    CareDesk {
        name: name(ja, en),
        phone: Some("0120-000-000".to_owned()),
        mail: Some("care@example.org".to_owned()),
        url: Some("https://care.example.org/".to_owned()),
        hours: Some(name("平日 9:00〜17:00", "weekdays 9:00 to 17:00")),
    }
}

/// An invented desk of which only the name is known.
fn bare_desk() -> CareDesk {
    CareDesk { name: Name::from("相談窓口"), phone: None, mail: None, url: None, hours: None }
}

fn full_ground() -> GroundNote {
    GroundNote {
        ground: Ground::LegitimateBusinessAct,
        reason: name(
            "信頼できる第三者機関から提供された情報に基づき、割当てを行った事業者が利用者へ個別に連絡する。",
            "the operator that assigned the address tells each subscriber, on information of a trusted third party",
        ),
        source: "第三次とりまとめ（2018年）第2章(1)、5頁".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn paths(value: &Value, at: &str, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                    paths(member, &path, into);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| paths(item, &format!("{at}[]"), into)),
            _ => {
                into.insert(at.to_owned());
            }
        }
    }

    fn check<C: Contents>() {
        for lang in [Lang::Ja, Lang::En] {
            let mut found = BTreeSet::new();
            paths(&C::full().fields(lang), "", &mut found);
            let listed: BTreeSet<String> = C::KIND.variables().iter().map(|v| v.path.to_owned()).collect();
            assert_eq!(found, listed, "{}", C::KIND.name());
        }
    }

    #[test]
    fn the_lists_of_variables_are_what_is_filled_in() {
        check::<DeliveryLetter>();
        check::<ReturnLetter>();
        check::<NoticeLetter>();
        check::<AnswerLetter>();
    }
}
