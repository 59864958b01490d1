//! Reasons: why rows go back, are kept back, or could not be carried, in words for people.

use model::Text;

use crate::route::{ENDED, NOT_IN_PLAN};

/// Every reason that a deed of this crate gives, by its stable code. The refusals of the gate are the law's to word.
pub const REASONS: &[(&str, Text)] = &[
    NOT_IN_PLAN,
    ENDED,
    ("no-address", Text { ja: "アドレスもドメインも記載がないもの", en: "no address and no domain named" }),
    ("no-partner", Text { ja: "保有者が分からないもの", en: "nobody known here holds it" }),
    ("not-partner", Text { ja: "協力先でないASのもの", en: "its autonomous system runs under no partner" }),
    (
        "no-agreement",
        Text {
            ja: "保有者との受領の協定が有効でないもの", en: "no agreement to receive in force with its holder"
        },
    ),
    (
        "no-delivery",
        Text {
            ja: "保有者への送付方法が登録されていないもの", en: "no way of delivery registered for its holder"
        },
    ),
    (
        "no-ground-known",
        Text {
            ja: "適法とする根拠が確認できないもの", en: "no ground is known that would make it lawful"
        },
    ),
    ("forbidden", Text { ja: "規則が禁じるもの", en: "a rule forbids it" }),
    ("evidence-expired", Text { ja: "根拠となる書面の期限切れ", en: "a paper that it rests on has ended" }),
    (
        "agreement-ended-before-sending",
        Text { ja: "送付前に受領の協定が終了", en: "the agreement ended before it was sent" },
    ),
    (
        "operation-closed-before-sending",
        Text { ja: "送付前に作戦が終了", en: "the operation closed before it was sent" },
    ),
    ("delivery-missing", Text { ja: "送付の記録がない", en: "its delivery is not on record" }),
    ("party-not-in-roster", Text { ja: "相手先が名簿にない", en: "its receiver is not in the roster any more" }),
    ("parcel-missing", Text { ja: "送付物が保管庫にない", en: "its parcel is not in the archive" }),
    (
        "parcel-unreadable",
        Text { ja: "送付物が改変されたか、鍵がない", en: "its parcel was altered, or its key is gone" },
    ),
    ("recipient-refused", Text { ja: "宛先がすべて受取りを拒否", en: "every recipient was refused" }),
    ("recipient-refused-for-now", Text { ja: "一部の宛先が一時的に拒否", en: "some recipients were refused for now" }),
    (
        "perhaps-sent-twice",
        Text {
            ja: "二度送ったが到達を確認できない", en: "sent twice, and nobody knows whether it arrived"
        },
    ),
    ("setting-missing", Text { ja: "送付方法の設定がない", en: "a setting for its way is missing" }),
];

/// A reason in words; none for a code that is not of this crate.
#[must_use]
pub fn text(code: &str) -> Option<Text> {
    REASONS.iter().find(|(name, _)| *name == code).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_once_and_both_languages() {
        for (place, (code, text)) in REASONS.iter().enumerate() {
            assert!(REASONS[..place].iter().all(|(other, _)| other != code), "{code}");
            assert!(!text.ja.is_ascii() && text.en.is_ascii(), "{code}");
        }
    }
}
