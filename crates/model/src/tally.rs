//! The tallies, all closed: everything that comes in leaves by exactly one named door.
//!
//! INVARIANT: rows read = rejected + duplicate + received; received = sent + returned + withheld;
//! a node's received = the sum over the outcomes. A tally that does not close cannot be made, nor read.

use std::ops::Add;

use serde::{Deserialize, Serialize};

use crate::outcome::{Outcome, Rung};

/// A tally that does not add up, which is a fault in the program and never shown as a figure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tally does not close: {whole} is not {parts}")]
pub struct OpenTally {
    whole: String,
    parts: String,
}

/// At the door: rows read = rejected + duplicate + received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "IntakeCounts")]
pub struct IntakeTally {
    read: u64,
    rejected: u64,
    duplicate: u64,
    received: u64,
}

impl IntakeTally {
    /// The tally, if it closes.
    ///
    /// # Errors
    /// [`OpenTally`] where the parts are not the whole.
    pub fn new(read: u64, rejected: u64, duplicate: u64, received: u64) -> Result<Self, OpenTally> {
        if rejected.checked_add(duplicate).and_then(|sum| sum.checked_add(received)) == Some(read) {
            Ok(Self { read, rejected, duplicate, received })
        } else {
            Err(OpenTally {
                whole: format!("read {read}"),
                parts: format!("rejected {rejected} + duplicate {duplicate} + received {received}"),
            })
        }
    }

    /// Data rows read.
    #[must_use]
    pub const fn read(&self) -> u64 {
        self.read
    }

    /// Rows that could not be understood, each in the error file with its line.
    #[must_use]
    pub const fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Rows that say again what an earlier row of the round said.
    #[must_use]
    pub const fn duplicate(&self) -> u64 {
        self.duplicate
    }

    /// Rows received (受領).
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }
}

/// The four counts as somebody wrote them, not yet known to add up.
#[derive(Deserialize)]
struct IntakeCounts {
    read: u64,
    rejected: u64,
    duplicate: u64,
    received: u64,
}

impl TryFrom<IntakeCounts> for IntakeTally {
    type Error = OpenTally;
    fn try_from(counts: IntakeCounts) -> Result<Self, OpenTally> {
        Self::new(counts.read, counts.rejected, counts.duplicate, counts.received)
    }
}

impl Add for IntakeTally {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            read: self.read + other.read,
            rejected: self.rejected + other.rejected,
            duplicate: self.duplicate + other.duplicate,
            received: self.received + other.received,
        }
    }
}

/// In the house: received = sent + returned + withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "HandlingCounts")]
pub struct HandlingTally {
    received: u64,
    sent: u64,
    returned: u64,
    withheld: u64,
}

impl HandlingTally {
    /// The tally, if it closes.
    ///
    /// # Errors
    /// [`OpenTally`] where the parts are not the whole.
    pub fn new(received: u64, sent: u64, returned: u64, withheld: u64) -> Result<Self, OpenTally> {
        if sent.checked_add(returned).and_then(|sum| sum.checked_add(withheld)) == Some(received) {
            Ok(Self { received, sent, returned, withheld })
        } else {
            Err(OpenTally {
                whole: format!("received {received}"),
                parts: format!("sent {sent} + returned {returned} + withheld {withheld}"),
            })
        }
    }

    /// Rows received (受領).
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Rows sent to a partner (送付).
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Rows handed back to their reporter (返却).
    #[must_use]
    pub const fn returned(&self) -> u64 {
        self.returned
    }

    /// Rows kept back by law, tag or inhibition (保留).
    #[must_use]
    pub const fn withheld(&self) -> u64 {
        self.withheld
    }

    /// Sent over received, in permille rounded half up: the 対応率 of the published tables, a routing rate and
    /// not a response rate. None where nothing was received.
    #[must_use]
    pub fn routing_permille(&self) -> Option<u64> {
        permille(self.sent, self.received)
    }
}

/// The four counts as somebody wrote them, not yet known to add up.
#[derive(Deserialize)]
struct HandlingCounts {
    received: u64,
    sent: u64,
    returned: u64,
    withheld: u64,
}

impl TryFrom<HandlingCounts> for HandlingTally {
    type Error = OpenTally;
    fn try_from(counts: HandlingCounts) -> Result<Self, OpenTally> {
        Self::new(counts.received, counts.sent, counts.returned, counts.withheld)
    }
}

impl Add for HandlingTally {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            sent: self.sent + other.sent,
            returned: self.returned + other.returned,
            withheld: self.withheld + other.withheld,
        }
    }
}

/// `part` of `whole` in permille, rounded half up; None where the whole is 0.
#[must_use]
pub fn permille(part: u64, whole: u64) -> Option<u64> {
    let part = u128::from(part);
    let whole_wide = u128::from(whole);
    (whole != 0).then(|| u64::try_from((part * 2_000 + whole_wide) / (whole_wide * 2)).unwrap_or(u64::MAX))
}

/// At a node: received = the sum over the outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NodeTally {
    counts: [u64; 12],
}

impl NodeTally {
    /// The tally of these outcomes: closed by construction, since it counts what it is given.
    #[must_use]
    pub fn of(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        let mut tally = Self::default();
        for outcome in outcomes {
            tally.counts[outcome as usize] += 1;
        }
        tally
    }

    /// The tally with these counts by outcome; what is not named is 0.
    #[must_use]
    pub fn from_counts(counts: impl IntoIterator<Item = (Outcome, u64)>) -> Self {
        let mut tally = Self::default();
        for (outcome, count) in counts {
            tally.counts[outcome as usize] += count;
        }
        tally
    }

    /// Rows with that outcome.
    #[must_use]
    pub const fn count(&self, outcome: Outcome) -> u64 {
        self.counts[outcome as usize]
    }

    /// All rows.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Rows that stand on the rung or above.
    #[must_use]
    pub fn on(&self, rung: Rung) -> u64 {
        Outcome::ALL.iter().filter(|o| o.reaches(rung)).map(|o| self.count(*o)).sum()
    }

    /// Outcomes and counts, in the order of the tables.
    pub fn iter(&self) -> impl Iterator<Item = (Outcome, u64)> + '_ {
        Outcome::ALL.iter().map(|o| (*o, self.count(*o)))
    }
}

impl Add for NodeTally {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn intake_closes_or_is_not_made(a in 0_u64..1 << 40, b in 0_u64..1 << 40, c in 0_u64..1 << 40, slip in 1_u64..9) {
            let tally = IntakeTally::new(a + b + c, a, b, c).unwrap();
            prop_assert_eq!(tally.read(), tally.rejected() + tally.duplicate() + tally.received());
            prop_assert!(IntakeTally::new(a + b + c + slip, a, b, c).is_err());
            let twice = tally + tally;
            prop_assert_eq!(twice.read(), twice.rejected() + twice.duplicate() + twice.received());
        }

        #[test]
        fn handling_closes_or_is_not_made(a in 0_u64..1 << 40, b in 0_u64..1 << 40, c in 0_u64..1 << 40, slip in 1_u64..9) {
            let tally = HandlingTally::new(a + b + c, a, b, c).unwrap();
            prop_assert_eq!(tally.received(), tally.sent() + tally.returned() + tally.withheld());
            prop_assert!(HandlingTally::new(a + b + c + slip, a, b, c).is_err());
            let twice = tally + tally;
            prop_assert_eq!(twice.received(), twice.sent() + twice.returned() + twice.withheld());
        }

        #[test]
        fn a_node_counts_every_row_once(codes in proptest::collection::vec(0_u8..12, 0..500)) {
            let outcomes: Vec<_> = codes.iter().map(|c| Outcome::from_number(*c).unwrap()).collect();
            let tally = NodeTally::of(outcomes.iter().copied());
            prop_assert_eq!(tally.received(), outcomes.len() as u64);
            prop_assert!(tally.on(Rung::Cleaned) <= tally.on(Rung::Told));
            prop_assert!(tally.on(Rung::Told) <= tally.on(Rung::Identified));
            prop_assert!(tally.on(Rung::Identified) <= tally.received());
        }
    }

    #[test]
    fn a_tally_that_does_not_close_cannot_be_read_either() {
        let intake = IntakeTally::new(10, 1, 2, 7).unwrap();
        let text = serde_json::to_string(&intake).unwrap();
        assert_eq!(serde_json::from_str::<IntakeTally>(&text).unwrap(), intake);
        assert!(serde_json::from_str::<IntakeTally>(&text.replace("10", "11")).is_err());
        let handling = HandlingTally::new(10, 1, 2, 7).unwrap();
        let text = serde_json::to_string(&handling).unwrap();
        assert_eq!(serde_json::from_str::<HandlingTally>(&text).unwrap(), handling);
        assert!(serde_json::from_str::<HandlingTally>(&text.replace("10", "11")).is_err());
    }

    #[test]
    fn a_tally_cannot_wrap_around() {
        assert!(IntakeTally::new(1, u64::MAX, 1, 1).is_err());
        assert_eq!(permille(2, 3), Some(667));
        assert_eq!(permille(1, 0), None);
    }
}
