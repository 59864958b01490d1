//! Tags: who may see a record (TLP), what may be done with it (PAP), and what kind of data it is.
//!
//! INVARIANT: tags only narrow. [`Tags::narrowed_by`] never gives back more than either side allowed;
//! widening is a recorded decision of its own and no function here does it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Traffic Light Protocol 2.0 (FIRST, August 2022), from widest to narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[repr(u8)]
pub enum Tlp {
    /// TLP:CLEAR, no limit.
    Clear = 0,
    /// TLP:GREEN, the community.
    Green = 1,
    /// TLP:AMBER, the recipient's organisation and its clients.
    Amber = 2,
    /// TLP:AMBER+STRICT, the recipient's organisation only.
    AmberStrict = 3,
    /// TLP:RED, the individual recipients only.
    Red = 4,
}

/// Permissible Actions Protocol (MISP taxonomy `PAP`), from widest to narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[repr(u8)]
pub enum Pap {
    /// PAP:CLEAR, no limit.
    Clear = 0,
    /// PAP:GREEN, active actions allowed.
    Green = 1,
    /// PAP:AMBER, passive cross-checks only.
    Amber = 2,
    /// PAP:RED, not detectable actions only.
    Red = 3,
}

/// What kind of data a record is, which decides what the law asks; from least to most protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[repr(u8)]
pub enum DataClass {
    /// Facts about an attacker or a device without a link to any communication.
    Public = 0,
    /// An address and time at which a terminal communicated: a component of a communication (通信の構成要素).
    CommunicationTrace = 1,
    /// Which subscriber held an address: the operator's own secret, and personal data.
    SubscriberIdentity = 2,
    /// What was communicated.
    Content = 3,
}

macro_rules! named {
    ($type:ident, $what:literal, $($variant:ident = $name:literal $(| $alias:literal)*),+ $(,)?) => {
        impl $type {
            /// All, from widest to narrowest.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As written in exchange formats.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// From the column's number.
            #[must_use]
            pub fn from_number(number: u8) -> Option<Self> {
                Self::ALL.get(usize::from(number)).copied()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $type {
            type Err = BadTag;
            /// Reads a label in any case; spaces within it are passed over (`TLP: AMBER`).
            fn from_str(text: &str) -> Result<Self, BadTag> {
                let label: String =
                    text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
                match label.as_str() {
                    $($name $(| $alias)* => Ok(Self::$variant),)+
                    _ => Err(BadTag { text: text.to_owned(), what: $what }),
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = BadTag;
            fn try_from(text: String) -> Result<Self, BadTag> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(tag: $type) -> String {
                tag.name().to_owned()
            }
        }
    };
}

named!(
    Tlp,
    "a TLP 2.0 label (TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT, TLP:RED)",
    Clear = "TLP:CLEAR" | "CLEAR" | "TLP:WHITE" | "WHITE",
    Green = "TLP:GREEN" | "GREEN",
    Amber = "TLP:AMBER" | "AMBER",
    AmberStrict = "TLP:AMBER+STRICT" | "AMBER+STRICT" | "TLP:AMBERSTRICT" | "AMBERSTRICT" | "TLP:AMBER-STRICT",
    Red = "TLP:RED" | "RED"
);
named!(
    Pap,
    "a PAP label (PAP:CLEAR, PAP:GREEN, PAP:AMBER, PAP:RED)",
    Clear = "PAP:CLEAR" | "PAP:WHITE",
    Green = "PAP:GREEN",
    Amber = "PAP:AMBER",
    Red = "PAP:RED"
);
named!(
    DataClass,
    "a data class (PUBLIC, COMMUNICATION-TRACE, SUBSCRIBER-IDENTITY, CONTENT)",
    Public = "PUBLIC",
    CommunicationTrace = "COMMUNICATION-TRACE",
    SubscriberIdentity = "SUBSCRIBER-IDENTITY",
    Content = "CONTENT"
);

/// A text that is no such tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}")]
pub struct BadTag {
    text: String,
    what: &'static str,
}

/// The tags of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tags {
    /// Who may see it.
    pub tlp: Tlp,
    /// What may be done with it.
    pub pap: Pap,
    /// What kind of data it is.
    pub class: DataClass,
}

impl Tags {
    /// What a report of infected addresses carries unless its source says otherwise.
    pub const INFECTED_ADDRESS: Self = Self { tlp: Tlp::Amber, pap: Pap::Amber, class: DataClass::CommunicationTrace };

    /// The narrower of both in every respect.
    #[must_use]
    pub fn narrowed_by(self, other: Self) -> Self {
        Self { tlp: self.tlp.max(other.tlp), pap: self.pap.max(other.pap), class: self.class.max(other.class) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tags() -> impl Strategy<Value = Tags> {
        (0_u8..5, 0_u8..4, 0_u8..4).prop_map(|(t, p, c)| Tags {
            tlp: Tlp::from_number(t).unwrap(),
            pap: Pap::from_number(p).unwrap(),
            class: DataClass::from_number(c).unwrap(),
        })
    }

    proptest! {
        #[test]
        fn tags_only_narrow(a in tags(), b in tags()) {
            let both = a.narrowed_by(b);
            prop_assert!(both.tlp >= a.tlp && both.tlp >= b.tlp);
            prop_assert!(both.pap >= a.pap && both.pap >= b.pap);
            prop_assert!(both.class >= a.class && both.class >= b.class);
            prop_assert_eq!(both.narrowed_by(a), both);
        }
    }

    #[test]
    fn names_round_trip() {
        for tlp in Tlp::ALL {
            assert_eq!(tlp.name().parse::<Tlp>().unwrap(), *tlp);
        }
        assert_eq!("tlp:amber+strict".parse::<Tlp>().unwrap(), Tlp::AmberStrict);
        for text in ["TLP: AMBER+STRICT", "TLP:AMBER STRICT", "amber strict", " tlp : amber + strict "] {
            assert_eq!(text.parse::<Tlp>().unwrap(), Tlp::AmberStrict, "{text}");
        }
        assert_eq!("TLP: AMBER".parse::<Tlp>().unwrap(), Tlp::Amber);
        assert!("AMBER AMBER".parse::<Tlp>().is_err());
        assert!("TLP:PURPLE".parse::<Tlp>().is_err());
    }
}
