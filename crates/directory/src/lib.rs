//! Whose address, AS number or domain something is, and who can act on it. No file is opened here and no clock read:
//! texts and instants come in.
//!
//! [`roster`] reads the parties: what they hold, what they agreed to, how they are reached, what is not to be sent.
//! [`table`] reads which autonomous system announces which addresses. [`holder`] puts both together into a
//! [`Directory`] and answers who holds an address; [`route`] decides who can act on a sighting: a party, nobody here
//! (it goes back to its reporter), or a party from which it is kept for now.
//!
//! What is written in the roster goes before what a table says, and the specific before the general. Where two rows
//! contradict each other, nobody is guessed.

pub mod asn;
pub mod code;
pub mod domain;
pub mod holder;
pub mod mailbox;
mod nearest;
mod prefix;
pub mod roster;
pub mod route;
pub mod table;

pub use asn::Asn;
pub use code::CODES;
pub use domain::Domain;
pub use holder::{Directory, Found, Holder};
pub use mailbox::MailAddress;
pub use roster::{Roster, RosterEntry, RosterRefused};
pub use route::{Addressee, Reason};
pub use table::{AsnTable, TableRead};
