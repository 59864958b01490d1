//! Identifiers, one type each, so that a report can never be taken for a delivery.
//!
//! A record is its report and its row; outward it is its delivery and its place there, so that no
//! partner learns from an id what others received.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::port::{Clock, Entropy};
use crate::text::Text;

/// A fresh UUID version 7 (RFC 9562, section 5.7) from the given clock and randomness.
pub fn fresh(clock: &dyn Clock, entropy: &dyn Entropy) -> Uuid {
    let millis = u64::try_from(clock.now().as_micros() / 1_000).unwrap_or(0);
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, made of the moment and of randomness (UUID version 7).
            pub fn fresh(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
                Self(fresh(clock, entropy))
            }

            /// The id with exactly this UUID.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            #[must_use]
            pub const fn uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Uuid::try_parse(text.trim()).map(Self).map_err(|_| BadId { text: text.to_owned(), want: UUID })
            }
        }
    };
}

uuid_id!(
    /// One thing that one source handed over at one time.
    ReportId
);
uuid_id!(
    /// The bundle that one partner gets in one round.
    DeliveryId
);
uuid_id!(
    /// One decision of the gate.
    DecisionId
);
uuid_id!(
    /// One leaf of the ledger.
    LeafId
);

/// A text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {}", want.en)]
pub struct BadId {
    text: String,
    want: Text,
}

impl BadId {
    /// What it should have been, in words.
    #[must_use]
    pub const fn wanted(&self) -> Text {
        self.want
    }
}

const UUID: Text = Text { ja: "UUID", en: "a UUID" };
const ROUND: Text = Text {
    ja: "回（`作戦/番号`、例: `goz-2014/3`）",
    en: "a round (`operation/number`, such as `goz-2014/3`)",
};
const RECORD: Text = Text { ja: "記録ID（`送付ID:番号`）", en: "a record id (`delivery-uuid:number`)" };

/// Whether `text` can be a slug: lower-case ASCII letters, digits and single hyphens, at most 64 characters.
fn is_slug(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

macro_rules! slug_id {
    ($(#[$doc:meta])* $name:ident, $want:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                if is_slug(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(BadId { text: text.to_owned(), want: $want })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

slug_id!(
    /// A party: a short name that people type, such as `jpcert` or `isp-hokuto`.
    PartyId,
    Text {
        ja: "組織ID（英小文字、数字、連続しないハイフンで64字まで）",
        en: "a party id (lower-case letters, digits and single hyphens, at most 64)",
    }
);
slug_id!(
    /// An operation, such as `goz-2014`.
    OperationId,
    Text {
        ja: "作戦ID（英小文字、数字、連続しないハイフンで64字まで）",
        en: "an operation id (lower-case letters, digits and single hyphens, at most 64)",
    }
);

/// One round of one operation; rounds count from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoundId {
    /// The operation.
    pub operation: OperationId,
    /// The round's number, from 1.
    pub number: u32,
}

impl fmt::Display for RoundId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.operation, self.number)
    }
}

impl FromStr for RoundId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId { text: text.to_owned(), want: ROUND };
        let (operation, number) = text.rsplit_once('/').ok_or_else(bad)?;
        let number = number.parse().ok().filter(|n| *n > 0).ok_or_else(bad)?;
        Ok(Self { operation: operation.parse().map_err(|_| bad())?, number })
    }
}

/// One record inside the house: its report and its row there, deterministic and therefore idempotent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The report it came in.
    pub report: ReportId,
    /// Its row among the report's data rows, from 0.
    pub ordinal: u32,
}

/// One record as a partner sees it: the delivery and its place there, from 1. Written `<delivery>:<n>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutwardId {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its place in the delivery, from 1.
    pub ordinal: u32,
}

impl fmt::Display for OutwardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.delivery, self.ordinal)
    }
}

impl FromStr for OutwardId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId { text: text.to_owned(), want: RECORD };
        let (delivery, ordinal) = text.trim().rsplit_once(':').ok_or_else(bad)?;
        let ordinal = ordinal.parse().ok().filter(|n| *n > 0).ok_or_else(bad)?;
        Ok(Self { delivery: delivery.parse().map_err(|_| bad())?, ordinal })
    }
}

/// The ticket id that stands in the subject of a mail and joins an answer to its delivery: `NR-` and
/// the last twelve hexadecimal digits of the delivery, the random part of a UUID version 7.
#[must_use]
pub fn ticket(delivery: DeliveryId) -> String {
    let hex = delivery.uuid().simple().to_string().to_uppercase();
    format!("NR-{}", &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::{FixedClock, SeededEntropy};
    use crate::time::Instant;

    #[test]
    fn same_seed_same_id() {
        let clock = FixedClock::at(Instant::from_micros(1_400_000_000_000_000));
        let one = ReportId::fresh(&clock, &SeededEntropy::new(7));
        let two = ReportId::fresh(&clock, &SeededEntropy::new(7));
        let other = ReportId::fresh(&clock, &SeededEntropy::new(8));
        assert_eq!(one, two);
        assert_ne!(one, other);
        assert_eq!(one.uuid().get_version_num(), 7);
        assert_eq!(one.to_string().parse::<ReportId>(), Ok(one));
    }

    #[test]
    fn slugs_and_rounds() {
        assert!("isp-hokuto".parse::<PartyId>().is_ok());
        for bad in ["", "Isp", "a--b", "-a", "a-", "a b", "日本"] {
            assert!(bad.parse::<PartyId>().is_err(), "{bad}");
        }
        let round: RoundId = "goz-2014/3".parse().unwrap();
        assert_eq!(round.number, 3);
        assert_eq!(round.to_string(), "goz-2014/3");
        assert!("goz-2014/0".parse::<RoundId>().is_err());
        assert!("goz-2014".parse::<RoundId>().is_err());
    }
}
