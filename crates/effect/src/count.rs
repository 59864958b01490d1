//! Counts that say what they count: distinct terminals, rows and subscribers cannot be mixed.
//!
//! One terminal makes many rows of a report, and one subscriber may have many terminals behind one line. To divide rows by
//! terminals is the commonest wrong figure of such reports, so here it does not compile:
//!
//! ```
//! use effect::{Count, Records};
//! let rows = Count::<Records>::new(155_521) + Count::<Records>::new(43_565);
//! assert_eq!(rows.number(), 199_086);
//! ```
//! ```compile_fail,E0308
//! use effect::{Count, Records, Terminals};
//! let mixed = Count::<Records>::new(155_521) + Count::<Terminals>::new(43_565);
//! ```

use std::fmt;
use std::marker::PhantomData;
use std::ops::Add;

use model::text::Text;
use serde::{Deserialize, Serialize};

/// What is counted, where it must be said at run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Rows of reports.
    Records,
    /// Distinct terminals: distinct addresses, with the port where one was given.
    Terminals,
    /// Distinct subscribers, whom only their operator can count.
    Subscribers,
}

impl Unit {
    /// For people.
    #[must_use]
    pub const fn text(self) -> Text {
        match self {
            Self::Records => Text { ja: "記録（行）", en: "records (rows)" },
            Self::Terminals => Text { ja: "端末（重複を除く）", en: "distinct terminals" },
            Self::Subscribers => Text { ja: "契約者", en: "subscribers" },
        }
    }
}

mod sealed {
    pub trait Sealed {}
}

/// What a count counts, as a type.
pub trait Counted: sealed::Sealed + Copy + Ord + fmt::Debug + Default {
    /// The same as a value.
    const UNIT: Unit;
}

macro_rules! counted {
    ($($(#[$doc:meta])* $name:ident;)+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name;
        impl sealed::Sealed for $name {}
        impl Counted for $name {
            const UNIT: Unit = Unit::$name;
        }
    )+ };
}

counted! {
    /// Rows of reports.
    Records;
    /// Distinct terminals.
    Terminals;
    /// Distinct subscribers.
    Subscribers;
}

/// So many of `U`. On the wire a bare number; the field's name says of what.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Count<U>(u64, PhantomData<U>);

impl<U: Counted> Count<U> {
    /// So many.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number, PhantomData)
    }

    /// The bare number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// What is counted.
    #[must_use]
    pub const fn unit(self) -> Unit {
        U::UNIT
    }
}

impl<U: Counted> fmt::Debug for Count<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.0, U::UNIT)
    }
}

impl<U: Counted> Add for Count<U> {
    type Output = Self;
    /// Held at the end of the range, which no count of things reaches.
    fn add(self, other: Self) -> Self {
        Self::new(self.0.saturating_add(other.0))
    }
}

impl<U: Counted> std::iter::Sum for Count<U> {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

impl<U> Serialize for Count<U> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de, U> Deserialize<'de> for Count<U> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|number| Self(number, PhantomData))
    }
}
