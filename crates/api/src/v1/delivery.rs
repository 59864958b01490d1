//! The cover of a delivery: what it is, from whom, on which ground, and which files belong to it.

use model::operation::Plan;
use model::tag::Tags;
use model::{DeliveryId, Instant, PartyId, RoundId};
use serde::{Deserialize, Serialize};

/// The version of this message.
pub const VERSION: u32 = 1;

/// What a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Records for the party that holds the addresses (送付).
    Sent,
    /// Records handed back to their reporter (返却).
    Returned,
}

/// One file of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// The format's name: `idf`, `csv`, `xarf`.
    pub format: String,
}

/// A rule that the sender's gate rested on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleCited {
    /// Its id in the sender's pack.
    pub rule: String,
    /// The ground, such as `legitimate-business-act`.
    pub ground: String,
    /// Where the rule comes from.
    pub source: String,
}

/// The cover of a delivery. All files say the same; a node reads the first format it knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// [`VERSION`].
    pub version: u32,
    /// The delivery; a record's outward id is this and its place, from 1.
    pub delivery: DeliveryId,
    /// What it is.
    pub kind: Kind,
    /// Who sends it.
    pub from: PartyId,
    /// To whom.
    pub to: PartyId,
    /// The round.
    pub round: RoundId,
    /// When it was made.
    pub made: Instant,
    /// The day by whose law it was decided.
    pub decided_on: Instant,
    /// How many records.
    pub rows: u64,
    /// The tags that all records carry at least.
    pub tags: Tags,
    /// The rules it rests on.
    pub rules: Vec<RuleCited>,
    /// The pack they belong to.
    pub pack: String,
    /// The ticket that answers name.
    pub ticket: String,
    /// Until when answers are asked for.
    pub answer_by: Instant,
    /// The operation's plan, as agreed.
    pub plan: Plan,
    /// The files.
    pub files: Vec<File>,
}

/// Bytes that are not such a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadMessage {
    /// Not this message at all.
    #[error("not a delivery cover: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version.
    #[error("delivery cover of version {0}; this program reads version {VERSION}")]
    Version(u32),
}

impl Delivery {
    /// The name of the cover's file in a delivery.
    pub const FILE_NAME: &'static str = "delivery.json";

    /// As it crosses the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // A message of strings, numbers and lists always serialises.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// From the wire.
    ///
    /// # Errors
    /// [`BadMessage`] where it is none, has unknown fields, or is of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadMessage> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let Version { version } = serde_json::from_slice(bytes)?;
        if version != VERSION {
            return Err(BadMessage::Version(version));
        }
        Ok(serde_json::from_slice(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = include_str!("../../golden/delivery-v1.json");

    #[test]
    fn the_golden_message_is_read_and_written_to_the_byte() {
        let message = Delivery::from_bytes(GOLDEN.as_bytes()).expect("the frozen message is read");
        assert_eq!(message.rows, 839);
        assert_eq!(String::from_utf8(message.to_bytes()).unwrap(), GOLDEN.trim_end());
    }

    #[test]
    fn another_version_and_unknown_fields_are_refused() {
        let later = GOLDEN.replace("\"version\": 1", "\"version\": 2");
        assert!(matches!(Delivery::from_bytes(later.as_bytes()), Err(BadMessage::Version(2))));
        let more = GOLDEN.replacen('{', "{\n  \"name\": \"somebody\",", 1);
        assert!(matches!(Delivery::from_bytes(more.as_bytes()), Err(BadMessage::Json(_))));
    }
}
