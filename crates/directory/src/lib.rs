//! Whose address, AS number or domain something is, and who can act on it. No file is opened here and no clock read:
//! texts and instants come in.
//!
//! [`roster`] reads the parties: what they hold, what they agreed to, how they are reached, what is not to be sent.
//! [`table`] reads which autonomous system announces which addresses. [`holder`] puts both together into a
//! [`Directory`] and answers who holds an address; [`route`] decides who can act on a sighting: a party, nobody here
//! (it goes back to its reporter), or a party from which it is kept for now. Batches of addresses are answered by number
//! ([`Directory::holders`]), some times faster than one by one.
//!
//! What is written in the roster goes before what a table says, and the specific before the general. Where two rows
//! contradict each other, nobody is guessed.
//!
//! ```
//! use directory::{AsnTable, Directory, Found, Roster, roster};
//!
//! let (roster, _notes) = Roster::read("roster.toml", roster::SAMPLE)?;
//! let rows = "start,end,asn,name\n198.19.0.0,198.19.255.255,64500,Minato\n";
//! let read = AsnTable::read_ranges("asn.csv", rows.as_bytes())?;
//! assert_eq!(read.refused, 0);
//!
//! let directory = Directory::new(roster, &[read.table]);
//! let holder = directory.lookup("198.18.8.7".parse()?);
//! assert_eq!(holder.party_id().map(|id| id.as_str()), Some("isp-minato"));
//! assert!(matches!(holder.found, Some(Found::Manual { prefix }) if prefix.to_string() == "198.18.8.0/24"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod asn;
pub mod code;
pub mod contact;
pub mod domain;
pub mod holder;
mod lines;
pub mod mailbox;
pub mod nearest;
mod prefix;
pub mod roster;
pub mod route;
mod spans;
pub mod table;

pub use asn::Asn;
pub use code::CODES;
pub use domain::Domain;
pub use holder::{Directory, Found, Holder, HolderId, Holding};
pub use mailbox::MailAddress;
pub use roster::{Roster, RosterEntry, RosterRefused};
pub use route::{Addressee, Reason};
pub use table::{AsnTable, TableRead};
