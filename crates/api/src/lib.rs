//! What crosses the wire between hub and node, versioned: types only, with frozen golden messages.
//!
//! Hub to node goes a [`v1::Delivery`] with the sightings of that node's own addresses; node to hub goes an answer
//! file of outcomes per record id. Never a name, an account or a contract number.

pub mod v1;
