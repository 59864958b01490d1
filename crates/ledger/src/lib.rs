//! The ledger: an append-only log that outsiders verify without trusting anybody here.
//!
//! Bytes only: no database, no clock, no network. [`leaf`] is what is written down. [`log`] turns leaves into the files that
//! any web server can serve: an RFC 6962 tree laid out as C2SP tiles, under a [`checkpoint`] that is a signed note. It takes
//! the tree from `tlog_tiles`; [`tree`] is the same arithmetic once more, written from the RFCs, and [`mod@verify`] trusts only
//! that one: whoever oversees a deployment runs it, or the standalone `overseer/verify.py`, over a copy of the files.
//! [`proof`] shows single leaves and the growth of the log to somebody who has no copy.

pub mod checkpoint;
pub mod fault;
pub mod leaf;
pub mod log;
pub mod proof;
#[cfg(test)]
mod sample;
pub mod shelf;
pub mod tile;
pub mod tree;
pub mod verify;

pub use checkpoint::{BadCheckpoint, Checkpoint};
pub use fault::{FAULTS, Fault, FaultCode};
pub use leaf::{BadLeaf, Fact, Kind, Leaf, Receipt};
pub use log::{Growth, LogError, extend};
pub use shelf::Shelf;
pub use tree::{Hash, Head};
pub use verify::{Question, Verdict, verify};
