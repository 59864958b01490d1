//! The ledger: an append-only log that outsiders verify without trusting anybody here.
//!
//! Bytes only: no database, no clock, no network. [`leaf`] is what is written down.

pub mod leaf;

pub use leaf::{BadLeaf, Fact, Kind, Leaf, Receipt};
