//! The deeds: everything that changes, discloses or tells, one file per step. A command, a page and an endpoint are three
//! ways to call what stands here.
//!
//! ```text
//! operation -> receive -> route -> deliver -> carry            at the hub
//!              take -> identify -> tell -> carry -> answer     at a node
//!              hear -> figures                                 at the hub again
//! ```
//!
//! [`gate`] is not a step but the door that each of them passes: it asks the law, commits the decision, and only then
//! gives a clearance. A deed computes between two moments of I/O: load, compute, commit; one transaction commits all that a
//! deed changes, together with its `done` leaf. What a crash leaves behind, [`recover`] closes.
//!
//! Start with [`house::House`], which holds the ports that all deeds need.

pub mod answer;
pub mod carry;
pub mod contacts;
pub mod deliver;
mod errand;
pub mod figures;
pub mod gate;
pub mod hear;
pub mod house;
pub mod keep;
pub mod keep_assignments;
pub mod letters;
mod normalise;
pub mod operation;
pub mod problem;
pub mod reason;
pub mod receive;
pub mod recover;
pub mod roster;
pub mod route;
pub mod same;
mod seen;
pub mod sequence;
pub mod take;
pub mod tell;

pub use house::{House, Settings};
pub use problem::{CODES, DeedError};
