//! What a partner did with a record, and the ladder that a round climbs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $ja:literal, $en:literal;)+) => {
        /// What a partner did with one record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[repr(u8)]
        pub enum Outcome { $($(#[$doc])* $variant),+ }

        impl Outcome {
            /// All outcomes, in the order of the tables.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code as answer files carry it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// For people.
            #[must_use]
            pub const fn text(self) -> crate::Text {
                match self { $(Self::$variant => crate::Text { ja: $ja, en: $en }),+ }
            }
        }
    };
}

outcomes! {
    /// Nothing yet.
    Pending = "pending", "未対応", "pending";
    /// The subscriber is known and not yet told.
    Identified = "identified", "特定済み（通知前）", "identified, not yet told";
    /// The subscriber was told.
    Told = "told", "通知済み", "told";
    /// Not told again: he was told within the interval.
    RepeatWithinInterval = "repeat-within-interval", "再通知間隔内", "told within the interval";
    /// The subscriber declined such notices.
    OptedOut = "opted-out", "通知停止の申出あり", "opted out";
    /// The notice came back.
    Bounced = "bounced", "不達", "bounced";
    /// The terminal was cleaned.
    Cleaned = "cleaned", "駆除確認", "cleaned";
    /// The address is not the partner's.
    NotOurs = "not-ours", "自社の割当て外", "not ours";
    /// Nobody held the address then.
    NotFound = "not-found", "該当なし", "nobody found";
    /// Several could have held it; nobody is guessed.
    Ambiguous = "ambiguous", "特定不能（複数候補）", "ambiguous";
    /// One account on two lines: its holder looks like a victim of theft.
    AccountSuspectedStolen = "account-suspected-stolen", "アカウント盗用の疑い", "account suspected stolen";
    /// The gate refused.
    RefusedByLaw = "refused-by-law", "法令上不可", "refused by law";
}

impl Outcome {
    /// The outcome with that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether a record with this outcome stands on `rung` or above.
    ///
    /// A repeat within the interval and an opt-out imply that the subscriber was identified; only a notice that
    /// went out for this very record (and did not come back) counts as told.
    #[must_use]
    pub const fn reaches(self, rung: Rung) -> bool {
        match rung {
            Rung::Identified => matches!(
                self,
                Self::Identified
                    | Self::Told
                    | Self::RepeatWithinInterval
                    | Self::OptedOut
                    | Self::Bounced
                    | Self::Cleaned
                    | Self::AccountSuspectedStolen
            ),
            Rung::Told => matches!(self, Self::Told | Self::Cleaned),
            Rung::Cleaned => matches!(self, Self::Cleaned),
        }
    }

    /// Whether an answer that says `next` may follow one that said `self`.
    ///
    /// An answer may always be repeated; it may move from pending or identified to anything, from told to cleaned or
    /// bounced, from bounced to told, and any final outcome may be corrected to cleaned only through told.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        self == next
            || match self {
                Self::Pending => true,
                Self::Identified => next != Self::Pending,
                Self::Told => matches!(next, Self::Cleaned | Self::Bounced),
                Self::Bounced => matches!(next, Self::Told | Self::Cleaned),
                Self::RepeatWithinInterval => matches!(next, Self::Told | Self::Cleaned),
                Self::AccountSuspectedStolen | Self::Ambiguous | Self::NotFound => {
                    matches!(next, Self::Identified | Self::Told)
                }
                Self::OptedOut | Self::Cleaned | Self::NotOurs | Self::RefusedByLaw => false,
            }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that is no outcome code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an outcome code")]
pub struct BadOutcome(String);

impl FromStr for Outcome {
    type Err = BadOutcome;
    fn from_str(text: &str) -> Result<Self, BadOutcome> {
        let name = text.trim().to_ascii_lowercase();
        Self::ALL.iter().copied().find(|o| o.name() == name).ok_or_else(|| BadOutcome(text.to_owned()))
    }
}

impl TryFrom<String> for Outcome {
    type Error = BadOutcome;
    fn try_from(text: String) -> Result<Self, BadOutcome> {
        text.parse()
    }
}

impl From<Outcome> for String {
    fn from(outcome: Outcome) -> String {
        outcome.name().to_owned()
    }
}

/// A rung that only a partner's answer can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    /// 契約者特定.
    Identified,
    /// 通知.
    Told,
    /// 解消.
    Cleaned,
}

/// The ladder of a round or an operation, each rung apart: never one «response rate».
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ladder {
    /// Terminals believed infected when the operation opened (推定感染), if the plan says.
    pub estimated: Option<u64>,
    /// Rows received (受領).
    pub received: u64,
    /// Distinct terminals among them: distinct addresses, with the port where one was given.
    pub terminals: u64,
    /// Rows sent to partners (送付).
    pub sent: u64,
    /// Rows whose delivery the partner acknowledged (受領確認).
    pub acknowledged: u64,
    /// Rows whose subscriber was identified (利用者特定).
    pub identified: u64,
    /// Rows whose subscriber was told (通知).
    pub told: u64,
    /// Rows whose terminal was cleaned (解消).
    pub cleaned: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_stand_on_each_other() {
        for outcome in Outcome::ALL {
            if outcome.reaches(Rung::Cleaned) {
                assert!(outcome.reaches(Rung::Told));
            }
            if outcome.reaches(Rung::Told) {
                assert!(outcome.reaches(Rung::Identified));
            }
            assert_eq!(outcome.name().parse::<Outcome>().unwrap(), *outcome);
            assert!(outcome.may_become(*outcome));
        }
        assert!(!Outcome::Cleaned.may_become(Outcome::Pending));
    }
}
