//! directory
pub mod asn;
pub mod code;
pub mod domain;
pub mod mailbox;
mod nearest;
mod prefix;
pub mod roster;
pub use code::CODES;
