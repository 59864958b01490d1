//! Carries parcels: bytes, a media type, a name, and an envelope that says from whom to whom.
//!
//! The courier knows no format and no store. What it is given it carries unchanged; what it is asked to write into a
//! mail header it checks by type, once ([`header`], [`parcel`]). Start with [`parcel::Envelope`]; [`mail`] turns one
//! into the bytes of a mail, the same bytes each time; [`send`] has the ways out, [`fetch`] the ways in, [`bounce`]
//! reads what comes back undelivered, and [`retry`] says when to try again.
//!
//! A sender may crash at any point and send again: folders take the same id once, and mail goes out with the same
//! bytes and Message-ID ([`send::Repeat`]). Mail addresses and servers' sentences stand in no [`Debug`] text.

pub mod bounce;
pub mod codes;
pub mod dkim;
pub mod fetch;
pub mod header;
pub mod mail;
pub mod manifest;
pub mod parcel;
pub mod retry;
pub mod send;
pub mod settings;

pub use codes::{CODES, Unfit};
pub use header::{HeaderText, MailAddress, Mailbox};
pub use parcel::{Envelope, EnvelopeId, Letter, MediaType, Parcel, ParcelName, Recipient, Ticket};
pub use send::{Refused, Repeat, SendError, Sent, Taken, Way};
pub use settings::Settings;
