//! Carries parcels: bytes, a media type, a name, and an envelope that says from whom to whom.
pub mod codes;
pub mod dkim;
pub mod header;
pub mod mail;
pub mod parcel;
pub use codes::{CODES, Unfit};
pub use header::{HeaderText, MailAddress, Mailbox};
pub use parcel::{Envelope, EnvelopeId, Letter, MediaType, Parcel, ParcelName, Recipient, Ticket};
