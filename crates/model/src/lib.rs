//! The nouns of Noroshi: what a report, a sighting, a party, a tag, a time, a tally is.
//!
//! Nothing here reads a clock, opens a file or waits. Start with [`sighting`], the row that everything
//! else is about, then [`batch`], the columns that hold many of them; [`tally`] holds the two
//! conservation laws that every deed above must keep.
//!
//! Names follow the IntelMQ Data Format where it has one (`source.ip`, `time.source`,
//! `classification.type`) and the Reference Security Incident Taxonomy for what happened.

pub mod actor;
pub mod address;
pub mod batch;
pub mod id;
pub mod operation;
pub mod outcome;
pub mod party;
pub mod port;
pub mod problem;
pub mod report;
pub mod rsit;
pub mod sighting;
pub mod special;
pub mod tag;
pub mod tally;
pub mod text;
pub mod time;

pub use actor::{Actor, Purpose};
pub use address::{Address, PortNumber, Protocol};
pub use batch::{SightingBatch, SightingBatchBuilder};
pub use id::{DecisionId, DeliveryId, LeafId, OperationId, PartyId, RecordId, ReportId, RoundId};
pub use outcome::{Ladder, Outcome, Rung};
pub use problem::{Code, Place, Problem};
pub use report::{Provenance, Report};
pub use rsit::Classification;
pub use sighting::{Sighting, SightingRef};
pub use tag::{DataClass, Pap, Tags, Tlp};
pub use tally::{HandlingTally, IntakeTally, NodeTally};
pub use text::{Lang, Text};
pub use time::{Instant, Uncertainty, Zone};

/// Every error code that this crate can utter.
pub const CODES: &[Code] = problem::MODEL_CODES;
