//! Which subscriber held this address and port then: the operator's own secret.
//!
//! The operator imports its records into a [`Register`]: lists of leases (port blocks of shared addresses, static addresses) and
//! RADIUS accounting. An import shows its difference first ([`ImportPlan`]) and is published whole or not at all. What is on
//! disk is sealed; what is read of it is closed without a clearance. [`Register::index`] gives the [`Index`], and
//! [`Holders::identify`] is its one question: one subscriber, ambiguous, or none, **never a guess**. The rule stands at
//! [`Holders`], how lost, late and contradicting records are read in `settle.rs`.
//!
//! Three acts, three clearances of the gate, each of class `SUBSCRIBER-IDENTITY` and subject `assignments`: importing is
//! `keep`, finding out is `identify`, reading a contact is `tell`. Outside, a subscriber is a [`SubscriberRef`], which says
//! nothing; his reference and his mail address are seen only inside [`Index::reveal`] and [`Contacts::open`].
//!
//! Start reading with [`finding`], then [`register`]. The files that it reads are described in `read/`, with samples (invented
//! people) in `samples/`: `assignments.csv` and `assignments-cp932.csv`, `radius-detail`, `subscribers.csv`.

mod codes;
mod columns;
mod contact;
mod coverage;
mod facts;
pub mod finding;
mod index;
mod manifest;
mod plan;
mod read;
pub mod register;
mod resource;
mod segment;
mod settle;
mod subscriber;

pub use codes::CODES;
pub use contact::{BadMailAddress, Contact, Contacts, MailAddress};
pub use coverage::Coverage;
pub use finding::{Finding, Holders, NotOpened, Seen, Why};
pub use index::Index;
pub use manifest::{ImportId, SourceKind, TableName};
pub use plan::{ContactsPlan, CoversFrom, ImportPlan, Source};
pub use register::{Forgotten, Overview, Register, RegisterError, TableOverview};
pub use resource::OwnRanges;
pub use segment::BadSegment;
pub use subscriber::SubscriberRef;

use serde::Deserialize;

/// What an operator may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A RADIUS session that sent interims and then nothing for so long counts as over at its last sign. Six hours: some
    /// intervals longer than any in use.
    pub silence_seconds: u32,
    /// Whether a subscriber on two lines at once is answered as suspected stolen. Turn it off only where the access servers
    /// give one line changing port names, or where one account rightly has several lines.
    pub suspect_two_lines: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { silence_seconds: 6 * 3_600, suspect_two_lines: true }
    }
}

impl Settings {
    fn silence(self) -> i64 {
        i64::from(self.silence_seconds) * 1_000_000
    }
}
