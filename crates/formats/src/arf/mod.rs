//! Feedback reports (ARF, RFC 5965; RFC 6591, RFC 6692): one mail in which a mailbox provider says what was wrong with another mail.
//!
//! One report is one row; that it may stand for several alike is in `extra.arf_incidents`.
//!
//! - Who: `Source-IP`, the address that handed the mail to the reporter, with `Source-Port` where it is given. Where it is missing, the
//!   one `Reported-URI` or the one `Reported-Domain`; of several nobody says which it is, and the row is rejected. `Received` fields of
//!   the mail that is reported are never read: whoever sent it could write them.
//! - When: `Arrival-Date`, or `Received-Date` as older reporters call it; always with its zone. Without it the row is rejected: the date
//!   of the reported mail is its sender's word, and that of the report is when somebody complained.
//! - What: `abuse` is spam, `fraud` phishing, `virus` malware-distribution. `other` stays other; `auth-failure` (RFC 6591) says that a mail
//!   did not prove where it came from and not that it did harm, and stays undetermined, as does a type that is not known (flagged).
//!   `not-spam` takes a complaint back: the row is rejected with [`ARF_NOT_AN_INCIDENT`], so that nobody is told of it.
//! - The people of the reported mail are no part of the row: of `Original-Rcpt-To` only the number is kept, of `Original-Mail-From` the
//!   domain, `mailto:` URIs, `Authentication-Results` and all fields of the mail but its Message-ID stay in the kept report.
//! - The Message-ID of the report itself is the row's reference.

mod read;

use model::SightingBatch;
use model::problem::Code;

use crate::reading::{Halt, Input, Likelihood};
use crate::stream::{Opening, Reader};
use crate::unwrap::mail;
use crate::writing::{Rendering, Written};

pub use self::read::{ARF_FIELD_TWICE, ARF_NOT_A_REPORT, ARF_NOT_AN_INCIDENT};

/// Feedback reports.
#[derive(Debug, Clone, Copy)]
pub struct Arf;

impl crate::Format for Arf {
    fn name(&self) -> &'static str {
        "arf"
    }

    fn specification(&self) -> &'static str {
        "RFC 5965, An Extensible Format for Email Feedback Reports; RFC 6591 (authentication failures); RFC 6692 (Source-Port)"
    }

    fn likelihood(&self, input: &Input<'_>) -> Likelihood {
        if mail::is_feedback_report(input.bytes) { Likelihood::Certain } else { Likelihood::No }
    }

    fn open<'a>(&self, opening: Opening<'a>) -> Result<Box<dyn Reader + 'a>, Halt> {
        Ok(Box::new(read::ReportReader::begin(opening)?))
    }

    fn write(&self, _rows: &SightingBatch, _rendering: &Rendering<'_>) -> Option<Written> {
        None
    }
}

/// What reading this format can utter.
pub static CODES: &[&Code] = read::CODES;
