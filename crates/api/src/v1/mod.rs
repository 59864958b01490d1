//! Version 1 of the wire.

mod delivery;

pub use delivery::{BadMessage, Delivery, File, Kind, RuleCited, VERSION};
