//! What is asked and what is answered: never a guess.

use law::question::Action;
use law::{Clearance, Closed};
use model::{Address, Instant, Outcome, PortNumber, Text, Uncertainty};

use crate::resource::OwnRanges;
use crate::subscriber::SubscriberRef;

/// An address and time at which a terminal was seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The source address.
    pub address: Address,
    /// The source port; none where the report has none, or where the law of the day does not allow using it.
    pub port: Option<PortNumber>,
    /// When.
    pub time: Instant,
    /// How far that may be off, either way. Whoever knows that the operator's own clocks are off adds that here
    /// ([`Uncertainty::plus`]): the records' times are taken as exact.
    pub uncertainty: Uncertainty,
}

/// Who held it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Exactly this subscriber.
    One(SubscriberRef),
    /// Exactly this subscriber, whose account was on two lines at once: he looks like the victim of a theft and must not be
    /// told that *his* terminal is infected.
    SuspectedStolen(SubscriberRef),
    /// Several subscribers could have held it within the window; who they are is not handed out.
    Ambiguous {
        /// How many.
        candidates: u32,
    },
    /// Nobody can be named.
    None(Why),
    /// The operator does not assign this address.
    NotOurs,
}

/// Why nobody can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The records cover the time, and nobody held it.
    Nobody,
    /// The records do not cover the whole window.
    BeyondRecords,
    /// Somebody may have held it, and the records do not prove it: a session whose end was lost.
    Unsure,
}

impl Why {
    /// For people.
    #[must_use]
    pub const fn text(self) -> Text {
        match self {
            Self::Nobody => Text { ja: "その時刻の割当てはありません", en: "nobody held it then" },
            Self::BeyondRecords => Text {
                ja: "割当記録がその時刻まで及んでいません",
                en: "the records do not reach that far",
            },
            Self::Unsure => Text {
                ja: "接続終了の記録が欠けており、割当てを確認できません",
                en: "the end of a session was lost, so that the records do not prove who held it",
            },
        }
    }
}

impl Finding {
    /// The outcome with which the record is answered.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::One(_) => Outcome::Identified,
            Self::SuspectedStolen(_) => Outcome::AccountSuspectedStolen,
            Self::Ambiguous { .. } => Outcome::Ambiguous,
            Self::None(_) => Outcome::NotFound,
            Self::NotOurs => Outcome::NotOurs,
        }
    }
}

/// Whoever can say which subscriber held an address and port at a time.
///
/// The rule, exactly: `cover` is every assignment whose addresses contain the address, whose ports contain the port (any
/// ports, where none is known) and whose time `[start, end)` meets `[time - uncertainty, time + uncertainty]`.
/// No subscriber in it: none. One: he. Several: ambiguous. Every prefix that contains an IPv6 address counts, not the
/// longest only: where a delegated prefix and a part of it are on record for two subscribers, nobody is guessed.
///
/// An assignment that is only possible (see the crate's rules on lost records) counts among the several, and never alone.
/// Unless it is ambiguous, a window that the records do not wholly cover is answered [`Why::BeyondRecords`].
pub trait Holders {
    /// One finding for each of `seen`, in order. Addresses outside `own` are [`Finding::NotOurs`].
    ///
    /// # Errors
    /// [`NotOpened`] unless the clearance is for identifying, of the operator's assignments, and still holds at `now`.
    fn identify(
        &self,
        seen: &[Seen],
        own: &OwnRanges,
        clearance: &Clearance,
        now: Instant,
    ) -> Result<Vec<Finding>, NotOpened>;
}

/// Why assignments or contacts stayed closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotOpened {
    /// The clearance is for something else.
    #[error("the clearance is for `{has}`, not for `{needs}`")]
    OtherAction {
        /// What it should be for.
        needs: Action,
        /// What it is for.
        has: Action,
    },
    /// The clearance does not open this data.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Whether the clearance is for one of these actions; the first is the one that a refusal names.
pub(crate) fn for_action(clearance: &Clearance, actions: &[Action]) -> Result<(), NotOpened> {
    match actions.first() {
        Some(&needs) if !actions.contains(&clearance.action()) => {
            Err(NotOpened::OtherAction { needs, has: clearance.action() })
        }
        _ => Ok(()),
    }
}
