//! Data that opens only for a clearance.

use std::fmt;

use model::tag::DataClass;
use model::{DeliveryId, Instant, ReportId, RoundId};

use crate::clearance::Clearance;

/// What a piece of protected data is about; a clearance for one subject opens no other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One report.
    Report(ReportId),
    /// All that one round received.
    Round(RoundId),
    /// One delivery to a partner.
    Delivery(DeliveryId),
    /// A file that its holder converts for himself.
    OwnFile,
    /// An operator's records of who held which address.
    Assignments,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Report(id) => write!(f, "report:{id}"),
            Self::Round(id) => write!(f, "round:{id}"),
            Self::Delivery(id) => write!(f, "delivery:{id}"),
            Self::OwnFile => f.write_str("own-file"),
            Self::Assignments => f.write_str("assignments"),
        }
    }
}

/// Data under the secrecy of communications, or an operator's knowledge of its subscribers.
///
/// INVARIANT: no Debug, no Serialize, no public field, no accessor: the value is reached only inside
/// [`Protected::open`] and its kin, which ask for a clearance of the same subject that covers the class.
pub struct Protected<T> {
    value: T,
    class: DataClass,
    subject: Subject,
}

/// Why protected data stayed closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    /// The clearance is about something else.
    #[error("the clearance is for {clearance}, the data is of {data}")]
    OtherSubject {
        /// What the clearance is for.
        clearance: Subject,
        /// What the data is of.
        data: Subject,
    },
    /// The clearance covers less protected data only.
    #[error("the clearance covers {clearance}, the data is {data}")]
    OtherClass {
        /// What the clearance covers.
        clearance: DataClass,
        /// What the data is.
        data: DataClass,
    },
    /// The clearance has expired.
    #[error("the clearance expired at {0}")]
    Expired(Instant),
}

impl<T> Protected<T> {
    /// Puts a value under protection. Whoever reads protected bytes in calls this first.
    #[must_use]
    pub const fn seal(value: T, class: DataClass, subject: Subject) -> Self {
        Self { value, class, subject }
    }

    /// What kind of data it is.
    #[must_use]
    pub const fn class(&self) -> DataClass {
        self.class
    }

    /// What it is about.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Shows the value to `look`, for as long as it runs.
    ///
    /// # Errors
    /// [`Closed`] where the clearance is for another subject, covers less protected data only, or has expired.
    pub fn open<R>(&self, clearance: &Clearance, now: Instant, look: impl FnOnce(&T) -> R) -> Result<R, Closed> {
        self.admit(clearance, now)?;
        Ok(look(&self.value))
    }

    /// Turns the value into another that stays protected in the same way.
    ///
    /// # Errors
    /// As [`Protected::open`].
    pub fn derive<U>(
        &self,
        clearance: &Clearance,
        now: Instant,
        make: impl FnOnce(&T) -> U,
    ) -> Result<Protected<U>, Closed> {
        self.admit(clearance, now)?;
        Ok(Protected { value: make(&self.value), class: self.class, subject: self.subject.clone() })
    }

    /// As [`Protected::derive`], for a step that can fail by itself.
    ///
    /// # Errors
    /// [`Closed`] outside, the step's own error inside.
    pub fn try_derive<U, E>(
        &self,
        clearance: &Clearance,
        now: Instant,
        make: impl FnOnce(&T) -> Result<U, E>,
    ) -> Result<Result<Protected<U>, E>, Closed> {
        self.admit(clearance, now)?;
        Ok(make(&self.value).map(|value| Protected { value, class: self.class, subject: self.subject.clone() }))
    }

    fn admit(&self, clearance: &Clearance, now: Instant) -> Result<(), Closed> {
        if *clearance.subject() != self.subject {
            return Err(Closed::OtherSubject { clearance: clearance.subject().clone(), data: self.subject.clone() });
        }
        if clearance.class() < self.class {
            return Err(Closed::OtherClass { clearance: clearance.class(), data: self.class });
        }
        if clearance.expires() <= now {
            return Err(Closed::Expired(clearance.expires()));
        }
        Ok(())
    }
}
