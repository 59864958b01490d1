//! Leaves: what is written down about a deed, in canonical bytes.
//!
//! A leaf holds no personal data, ever: parties, times, counts, digests, names of rules. What must be provable about
//! protected rows stands in it as a keyed commitment (HMAC), never as a bare hash: address, port and minute can be
//! enumerated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The version of the leaf encoding; golden vectors in the tests hold its bytes.
pub const ENCODING: u32 = 1;

/// What a leaf says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The gate decided that a deed may be done; committed before anything opens.
    Decided,
    /// The gate refused.
    Refused,
    /// The decided deed was done; committed with its effects.
    Done,
    /// The decided deed was given up and had no effect.
    Abandoned,
    /// A parcel was carried to its recipient, bounced or failed.
    Carried,
    /// A document was recorded: a roster, a plan, an agreement, a template.
    Recorded,
}

/// One value in a leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fact {
    /// Yes or no.
    Flag(bool),
    /// A count, a length, microseconds since 1970-01-01T00:00:00Z.
    Number(i64),
    /// A name, a digest, an id.
    Text(String),
    /// Several names.
    List(Vec<String>),
}

impl From<&str> for Fact {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Fact {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Fact {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u64> for Fact {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Fact {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Vec<String>> for Fact {
    fn from(list: Vec<String>) -> Self {
        Self::List(list)
    }
}

/// One leaf.
// INVARIANT: the fields stand in the order of their names: so are they written, whatever order `serde_json` keeps in its
// maps (another crate in the same build may choose that for all).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// When, in microseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// The decision it belongs to; `done` and `abandoned` close the `decided` of the same decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Uuid>,
    /// The facts, by name.
    pub facts: BTreeMap<String, Fact>,
    /// Its id (UUID version 7).
    pub id: Uuid,
    /// What it says.
    pub kind: Kind,
    /// The encoding's version, [`ENCODING`].
    pub v: u32,
}

/// Bytes that are not a leaf, or not the canonical bytes of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadLeaf {
    /// Not a leaf at all.
    #[error("the bytes are not a leaf: {0}")]
    Json(#[from] serde_json::Error),
    /// A leaf, but written otherwise than this encoding writes it.
    #[error("the bytes are not the canonical bytes of their leaf")]
    NotCanonical,
    /// A later encoding.
    #[error("leaf encoding {0} is not known to this version")]
    Version(u32),
}

impl Leaf {
    /// A leaf without facts.
    #[must_use]
    pub const fn new(id: Uuid, kind: Kind, at: i64, decision: Option<Uuid>) -> Self {
        Self { at, decision, facts: BTreeMap::new(), id, kind, v: ENCODING }
    }

    /// The same with one more fact.
    #[must_use]
    pub fn with(mut self, name: &str, fact: impl Into<Fact>) -> Self {
        self.facts.insert(name.to_owned(), fact.into());
        self
    }

    /// The text under `name`, if there is one.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.facts.get(name) {
            Some(Fact::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The number under `name`, if there is one.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.facts.get(name) {
            Some(Fact::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The canonical bytes: JSON with sorted keys and no blanks (RFC 8785, restricted to whole numbers, strings, booleans,
    /// lists and objects with ASCII keys).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // A struct of maps, strings and whole numbers always serialises; never through `serde_json::Value`, whose maps may
        // keep another order.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The leaf of these bytes.
    ///
    /// # Errors
    /// [`BadLeaf`] where they are not the canonical bytes of a leaf of a known encoding.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadLeaf> {
        let leaf: Self = serde_json::from_slice(bytes)?;
        if leaf.v != ENCODING {
            return Err(BadLeaf::Version(leaf.v));
        }
        if leaf.to_bytes() != bytes {
            return Err(BadLeaf::NotCanonical);
        }
        Ok(leaf)
    }

    /// The leaf hash: SHA-256 of a zero byte and the canonical bytes (RFC 6962, section 2.1).
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        leaf_hash(&self.to_bytes())
    }
}

/// SHA-256 of a zero byte and `bytes` (RFC 6962, section 2.1).
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update([0]).chain_update(bytes).finalize().into()
}

/// Says that a leaf is committed: made by whoever committed it, asked for by whoever may act only afterwards.
///
/// Rust cannot prove that a row is on disk. This type stops an accident (acting first, writing later), not malice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    leaf: Uuid,
    hash: [u8; 32],
}

impl Receipt {
    /// The receipt for a leaf that **has been committed**. To be called by the store, after its commit returned.
    #[must_use]
    pub fn of_committed(leaf: &Leaf) -> Self {
        Self { leaf: leaf.id, hash: leaf.hash() }
    }

    /// The leaf's id.
    #[must_use]
    pub const fn leaf(&self) -> Uuid {
        self.leaf
    }

    /// The leaf's hash.
    #[must_use]
    pub const fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> Leaf {
        Leaf::new(
            Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001),
            Kind::Decided,
            1_400_000_000_000_000,
            Some(Uuid::nil()),
        )
        .with("action", "share")
        .with("count", 839_u64)
        .with("automatic", false)
        .with("rules", vec!["jp/telecom/a".to_owned(), "日本".to_owned()])
    }

    #[test]
    fn golden_bytes() {
        let bytes = golden().to_bytes();
        assert_eq!(
            String::from_utf8(bytes.clone()).unwrap(),
            r#"{"at":1400000000000000,"decision":"00000000-0000-0000-0000-000000000000","facts":{"action":"share","automatic":false,"count":839,"rules":["jp/telecom/a","日本"]},"id":"01900000-0000-7000-8000-000000000001","kind":"decided","v":1}"#
        );
        assert_eq!(Leaf::from_bytes(&bytes).unwrap(), golden());
    }

    #[test]
    fn other_bytes_of_the_same_leaf_are_refused() {
        let spaced = String::from_utf8(golden().to_bytes()).unwrap().replace(':', ": ");
        assert!(matches!(Leaf::from_bytes(spaced.as_bytes()), Err(BadLeaf::NotCanonical)));
        let later = String::from_utf8(golden().to_bytes()).unwrap().replace("\"v\":1", "\"v\":2");
        assert!(matches!(Leaf::from_bytes(later.as_bytes()), Err(BadLeaf::Version(2))));
    }
}
