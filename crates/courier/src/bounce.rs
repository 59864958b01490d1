//! Reads what comes back undelivered: delivery status notifications (RFC 3464).
//!
//! Only what a machine reports about our letters is read: which letter, whom it did not reach, and why. Whether the
//! letter was ours is for the caller to ask; anybody can write a bounce.

use std::fmt;
use std::str::FromStr;

use mail_parser::{HeaderName, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType};
use model::DeliveryId;

use crate::codes::{NOT_A_BOUNCE, Unfit};
use crate::header::MailAddress;
use crate::parcel::EnvelopeId;

/// A delivery status notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    /// The Message-ID of the letter, without angle brackets, where the notification returns its headers.
    pub message_id: Option<String>,
    /// The delivery named in the letter's `X-Noroshi-Delivery`.
    pub delivery: Option<DeliveryId>,
    /// What became of whom.
    pub recipients: Vec<Reported>,
}

impl Bounce {
    /// The envelope that the letter was, if its Message-ID can be one of ours at `domain`.
    #[must_use]
    pub fn envelope(&self, domain: &str) -> Option<EnvelopeId> {
        let (id, at) = self.message_id.as_deref()?.rsplit_once('@')?;
        at.eq_ignore_ascii_case(domain).then(|| id.parse().ok()).flatten()
    }
}

/// What a notification says of one recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct Reported {
    /// `Final-Recipient`: the address at the end of all forwarding; none where it is not a mail address.
    pub final_recipient: Option<MailAddress>,
    /// `Original-Recipient`: the address as the sender wrote it, where the servers passed it on.
    pub original_recipient: Option<MailAddress>,
    /// `Action`.
    pub action: Action,
    /// `Status`.
    pub status: Status,
    /// `Diagnostic-Code`, what the refusing server said; for the record, never for a log.
    pub diagnostic: Option<String>,
}

impl fmt::Debug for Reported {
    /// Without the server's own words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reported")
            .field("final_recipient", &self.final_recipient)
            .field("action", &self.action)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// What was done (RFC 3464, section 2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It could not be delivered, and nobody tries any more.
    Failed,
    /// It could not be delivered yet.
    Delayed,
    /// It was delivered.
    Delivered,
    /// It went on to a server that reports nothing back.
    Relayed,
    /// It was sent on to several addresses.
    Expanded,
}

/// An enhanced status code (RFC 3463), such as 5.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// 2 success, 4 for now, 5 for good.
    pub class: u8,
    /// What it is about: 1 address, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 security.
    pub subject: u16,
    /// What exactly.
    pub detail: u16,
}

impl Status {
    /// Whether trying again is in vain.
    #[must_use]
    pub fn is_permanent(self) -> bool {
        self.class == 5
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl FromStr for Status {
    type Err = Unfit;
    /// Reads the code at the beginning of `text`; a comment may follow.
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let bad = || Unfit::new(&NOT_A_BOUNCE, text);
        let word = text.split_whitespace().next().ok_or_else(bad)?;
        let numbers: Vec<u16> = word.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| bad())?;
        match numbers[..] {
            [class @ (2 | 4 | 5), subject @ 0..=999, detail @ 0..=999] => {
                Ok(Self { class: class as u8, subject, detail })
            }
            _ => Err(bad()),
        }
    }
}

/// Reads a notification from the bytes of a whole mail.
///
/// Recipients whose group lacks a field that the standard demands are left out; the others go on.
///
/// # Errors
/// [`NOT_A_BOUNCE`] if it is not `multipart/report` with a `message/delivery-status` that names somebody.
pub fn read(mail: &[u8]) -> Result<Bounce, Unfit> {
    // No value: a mail is somebody's letter.
    let bad = || Unfit::new(&NOT_A_BOUNCE, "");
    let message = MessageParser::default().parse(mail).ok_or_else(bad)?;
    // RFC 6522, section 3.
    let report = message.content_type().filter(|kind| is(kind.ctype(), kind.subtype(), "multipart/report"));
    if !report.and_then(|kind| kind.attribute("report-type")).is_some_and(|t| t.eq_ignore_ascii_case("delivery-status"))
    {
        return Err(bad());
    }
    let status = message
        .parts
        .iter()
        .find(|part| has_type(part, "message/delivery-status") || has_type(part, "message/global-delivery-status"))
        .ok_or_else(bad)?;
    let recipients: Vec<Reported> = groups(&text_of(status)).skip(1).filter_map(|group| reported(&group)).collect();
    if recipients.is_empty() {
        return Err(bad());
    }
    let mut bounce = Bounce { message_id: None, delivery: None, recipients };
    for part in &message.parts {
        match &part.body {
            PartType::Message(original) => bounce.take_from(original),
            _ if has_type(part, "text/rfc822-headers") || has_type(part, "message/global-headers") => {
                if let Some(original) = parse_headers(&text_of(part)) {
                    bounce.take_from(&original);
                }
            }
            _ => {}
        }
    }
    Ok(bounce)
}

impl Bounce {
    fn take_from(&mut self, original: &Message<'_>) {
        if self.message_id.is_none() {
            self.message_id = original.message_id().map(str::to_owned);
        }
        if self.delivery.is_none() {
            self.delivery = field(original, "X-Noroshi-Delivery").and_then(|text| text.parse().ok());
        }
    }
}

fn is(kind: &str, subtype: Option<&str>, want: &str) -> bool {
    format!("{kind}/{}", subtype.unwrap_or_default()).eq_ignore_ascii_case(want)
}

fn has_type(part: &MessagePart<'_>, want: &str) -> bool {
    part.content_type().is_some_and(|kind| is(kind.ctype(), kind.subtype(), want))
}

fn text_of(part: &MessagePart<'_>) -> String {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => text.to_string(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        PartType::Message(message) => String::from_utf8_lossy(message.raw_message()).into_owned(),
        PartType::Multipart(_) => String::new(),
    }
}

/// The groups of fields of a `message/delivery-status`, parted by empty lines (RFC 3464, section 2.1); the first is
/// about the message, each other about one recipient.
fn groups(text: &str) -> impl Iterator<Item = String> {
    let text = text.replace("\r\n", "\n");
    let mut groups = vec![String::new()];
    for line in text.lines() {
        match groups.last_mut() {
            Some(group) if !line.trim().is_empty() => {
                group.push_str(line);
                group.push_str("\r\n");
            }
            Some(group) if !group.is_empty() => groups.push(String::new()),
            _ => {}
        }
    }
    groups.into_iter()
}

/// A group of fields has the form of a message's headers (RFC 3464, section 2.1), and is read as such.
fn parse_headers(fields: &str) -> Option<Message<'static>> {
    MessageParser::default()
        .default_header_text()
        .parse_headers(format!("{}\r\n\r\n", fields.trim_end()).as_bytes())
        .map(Message::into_owned)
}

fn field(message: &Message<'_>, name: &'static str) -> Option<String> {
    match message.header(HeaderName::from(name))? {
        HeaderValue::Text(text) => Some(text.trim().to_owned()),
        _ => None,
    }
}

fn reported(group: &str) -> Option<Reported> {
    let fields = parse_headers(group)?;
    let action = match field(&fields, "Action")?.split_whitespace().next()?.to_ascii_lowercase().as_str() {
        "failed" => Action::Failed,
        "delayed" => Action::Delayed,
        "delivered" => Action::Delivered,
        "relayed" => Action::Relayed,
        "expanded" => Action::Expanded,
        _ => return None,
    };
    Some(Reported {
        final_recipient: address(&field(&fields, "Final-Recipient")?),
        original_recipient: field(&fields, "Original-Recipient").and_then(|text| address(&text)),
        action,
        status: field(&fields, "Status")?.parse().ok()?,
        diagnostic: field(&fields, "Diagnostic-Code"),
    })
}

/// `rfc822; hanako@example.org`; other kinds of address than mail and its UTF-8 sort (RFC 6533) are not ours.
fn address(text: &str) -> Option<MailAddress> {
    let (kind, address) = text.split_once(';')?;
    matches!(kind.trim().to_ascii_lowercase().as_str(), "rfc822" | "utf-8")
        .then(|| address.trim().trim_start_matches('<').trim_end_matches('>').parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTFIX: &[u8] = include_bytes!("../samples/bounce-postfix.eml");
    const HEADERS_ONLY: &[u8] = include_bytes!("../samples/bounce-headers-only.eml");
    const VACATION: &[u8] = include_bytes!("../samples/vacation.eml");

    #[test]
    fn a_bounce_with_the_whole_letter() {
        let bounce = read(POSTFIX).unwrap();
        assert_eq!(bounce.message_id.as_deref(), Some("0190b0c4-1111-7222-8333-0123456789ab.1@example.org"));
        assert_eq!(bounce.envelope("example.org").unwrap().as_str(), "0190b0c4-1111-7222-8333-0123456789ab.1");
        assert_eq!(bounce.envelope("example.net"), None);
        assert_eq!(bounce.delivery.unwrap().to_string(), "0190b0c4-1111-7222-8333-0123456789ab");
        let [reported] = &bounce.recipients[..] else { panic!("{bounce:?}") };
        assert_eq!(reported.final_recipient.as_ref().unwrap().as_str(), "hanako@example.com");
        assert_eq!(reported.original_recipient.as_ref().unwrap().as_str(), "hanako@example.com");
        assert_eq!(reported.action, Action::Failed);
        assert_eq!(reported.status.to_string(), "5.1.1");
        assert!(reported.status.is_permanent());
        assert!(reported.diagnostic.as_ref().unwrap().starts_with("smtp; 550 5.1.1"));
        assert!(!format!("{bounce:?}").contains("hanako"));
    }

    #[test]
    fn a_bounce_with_headers_only_and_several_recipients() {
        let bounce = read(HEADERS_ONLY).unwrap();
        assert_eq!(bounce.envelope("example.org").unwrap().as_str(), "e.7");
        let said: Vec<_> = bounce.recipients.iter().map(|r| (r.action, r.status.to_string())).collect();
        assert_eq!(said, [(Action::Delayed, "4.4.1".to_owned()), (Action::Failed, "5.2.2".to_owned())]);
        assert_eq!(bounce.recipients[1].final_recipient, None, "an X.400 address is not a mail address");
    }

    #[test]
    fn a_reply_is_not_a_bounce() {
        for other in [VACATION, b"", b"\r\n", b"\xff\xfe\0", &POSTFIX[..POSTFIX.len() / 4]] {
            assert_eq!(read(other).unwrap_err().code(), &NOT_A_BOUNCE);
        }
        let display = String::from_utf8(POSTFIX.to_vec())
            .unwrap()
            .replace("report-type=delivery-status", "report-type=disposition-notification");
        assert!(read(display.as_bytes()).is_err());
    }

    #[test]
    fn no_prefix_and_no_flipped_byte_makes_it_panic() {
        for end in 0..POSTFIX.len() {
            let _ = read(&POSTFIX[..end]);
        }
        for at in 0..HEADERS_ONLY.len() {
            let mut bytes = HEADERS_ONLY.to_vec();
            bytes[at] ^= 0x15;
            let _ = read(&bytes);
        }
    }
}
