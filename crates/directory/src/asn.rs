//! Numbers of autonomous systems.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of an autonomous system, 32 bits wide (RFC 6793).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Asn(u32);

/// AS 0 says that a range is not routed (RFC 7607); it belongs to nobody.
const UNROUTED: u32 = 0;
/// Stands for a wide number towards old routers (RFC 6793, section 9).
const AS_TRANS: u32 = 23_456;
/// The last numbers of both widths are reserved (RFC 7300).
const LAST_16: u32 = 65_535;

impl Asn {
    /// The system with that number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Whether the number says "not routed" (RFC 7607).
    #[must_use]
    pub const fn is_unrouted(self) -> bool {
        self.0 == UNROUTED
    }

    /// Whether a party can have this number: not 0 (RFC 7607), not AS_TRANS (RFC 6793), not the last of either width
    /// (RFC 7300). Numbers for private use and documentation can be had.
    #[must_use]
    pub const fn can_be_held(self) -> bool {
        !matches!(self.0, UNROUTED | AS_TRANS | LAST_16 | u32::MAX)
    }
}

impl fmt::Display for Asn {
    /// `AS64496`, the form of RFC 5396, section 2 (asplain).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AS{}", self.0)
    }
}

/// A text that is no number of an autonomous system.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an AS number (a whole number up to 4294967295, with or without `AS` before it)")]
pub struct BadAsn(String);

impl FromStr for Asn {
    type Err = BadAsn;

    /// Reads `64496` and `AS64496` in any case (asplain of RFC 5396); no signs, no dots.
    fn from_str(text: &str) -> Result<Self, BadAsn> {
        let bad = || BadAsn(text.to_owned());
        let digits = match text.as_bytes() {
            [b'A' | b'a', b'S' | b's', ..] => text.get(2..).unwrap_or_default(),
            _ => text,
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        digits.parse().map(Self).map_err(|_| bad())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_numbers_are_read_and_signs_are_not() {
        for (text, number) in
            [("64496", 64_496), ("AS64496", 64_496), ("as4200000000", 4_200_000_000), ("4294967295", u32::MAX)]
        {
            assert_eq!(text.parse(), Ok(Asn::new(number)), "{text}");
        }
        for bad in ["", "AS", "+1", "-1", "1.10", "4294967296", "AS 1", "ASAS1", "1e3", "\u{ff16}\u{ff14}", "あ1"] {
            assert!(bad.parse::<Asn>().is_err(), "{bad}");
        }
        assert_eq!(Asn::new(4_200_000_000).to_string(), "AS4200000000");
    }

    #[test]
    fn reserved_numbers_are_nobodys() {
        for number in [0, 23_456, 65_535, u32::MAX] {
            assert!(!Asn::new(number).can_be_held(), "{number}");
        }
        assert!(Asn::new(64_496).can_be_held());
        assert!(Asn::new(4_200_000_000).can_be_held());
    }
}
