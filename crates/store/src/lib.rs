//! The state: rows that change. One text of SQL for SQLite (the default) and PostgreSQL.
//!
//! A row stands for a batch, a delivery, a job, a leaf: never for a sighting. What is under secrecy lies encrypted in the
//! archive; here stand its manifest ([`fact`]), its counters ([`tally`]) and what is still to be done ([`outbox`]).
//!
//! Start with [`Store`] and [`Tx`]: writers take turns, a transaction has a name, and all that a deed changes is committed in
//! one. A file per noun below it; a function that changes something takes `&mut Tx`, one that only reads takes a [`Reading`]:
//! the store, a transaction, or a [`Look`] at one moment. [`data_model`] lists the tables.
//!
//! Times are instants in UTC (microseconds since 1970 in the columns); the store never asks a clock.

pub mod contact;
pub mod delivery;
pub mod engine;
pub mod fact;
pub mod leaf;
pub mod lease;
pub mod meta;
mod migration;
pub mod operation;
pub mod outbox;
pub mod problem;
pub mod reason;
pub mod report;
pub mod roster;
pub mod round;
mod row;
mod statement;
pub mod taken;
pub mod tally;
#[cfg(test)]
mod trial;
pub mod turn;

pub use engine::{Engine, Look, Reading, Store, Tx};
pub use problem::{CODES, StoreError};
pub use row::{ContactImportId, FactId, OutboxId, RosterId};

#[doc = include_str!("../DATA_MODEL.md")]
pub mod data_model {}
