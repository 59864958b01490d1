//! The parcel and its envelope.

use std::fmt;
use std::str::FromStr;

use lettre::message::header::ContentType;
use model::{DeliveryId, Instant, Lang, PartyId};
use serde::{Deserialize, Serialize};

use crate::codes::{BAD_BODY_TEXT, BAD_ENVELOPE_ID, BAD_MEDIA_TYPE, BAD_PARCEL_NAME, BAD_TICKET, Unfit};
use crate::header::{HeaderText, MailAddress, Mailbox, is_unfit};

/// What is carried from one sender to some recipients at one time.
///
/// The same envelope always becomes the same bytes, also in another process and years later; so it can be kept (it
/// serialises), sent, and sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// Names this envelope for ever: a second envelope with the same id is a repeat.
    pub id: EnvelopeId,
    /// Who sends.
    pub from: Mailbox,
    /// Whom it is for; all mail recipients stand in the `To` header and see each other.
    pub to: Vec<Recipient>,
    /// Those of `to` who have it from an earlier try: they stay in the header, so that the bytes stay the same, and
    /// are not sent to again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub already: Vec<Recipient>,
    /// Where answers go, if not to `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Mailbox>,
    /// Where bounces go (`MAIL FROM`, RFC 5321, section 4.4), if not to `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounces_to: Option<MailAddress>,
    /// The subject; a ticket in it is the caller's business.
    pub subject: HeaderText,
    /// The letter.
    pub text: Letter,
    /// The letter's language.
    pub language: Lang,
    /// The date that the letter bears.
    pub date: Instant,
    /// The ticket, for the header `X-Noroshi-Ticket`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    /// The delivery, for the header `X-Noroshi-Delivery`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryId>,
    /// What is enclosed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parcels: Vec<Parcel>,
}

impl Envelope {
    /// The Message-ID without its angle brackets: the id at the sender's domain (RFC 5322, section 3.6.4).
    #[must_use]
    pub fn message_id(&self) -> String {
        format!("{}@{}", self.id, self.from.address.domain())
    }

    /// The recipients still to be sent to, each once.
    #[must_use]
    pub fn remaining(&self) -> Vec<&Recipient> {
        let mut remaining: Vec<&Recipient> = Vec::new();
        for recipient in &self.to {
            if !self.already.contains(recipient) && !remaining.contains(&recipient) {
                remaining.push(recipient);
            }
        }
        remaining
    }
}

/// Whom an envelope is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recipient {
    /// A mailbox.
    Mail(Mailbox),
    /// The drop folder of that party.
    Folder(PartyId),
}

/// The stable id of an envelope: at most 80 of `a-z 0-9 - _ .`, full stops single and inside.
///
/// It is a file's name and the left side of a Message-ID; lower case only, so that two ids never meet on a disk that
/// knows no case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvelopeId(String);

impl EnvelopeId {
    /// The id of the `index`th envelope of a delivery.
    #[must_use]
    pub fn of_delivery(delivery: DeliveryId, index: u32) -> Self {
        Self(format!("{delivery}.{index}"))
    }

    /// The id as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvelopeId {
    type Err = Unfit;
    /// # Errors
    /// [`BAD_ENVELOPE_ID`].
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
        if text.len() <= 80 && text.bytes().all(allowed) && text.split('.').all(|word| !word.is_empty()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unfit::new(&BAD_ENVELOPE_ID, text))
        }
    }
}

impl TryFrom<String> for EnvelopeId {
    type Error = Unfit;
    fn try_from(text: String) -> Result<Self, Unfit> {
        text.parse()
    }
}

impl From<EnvelopeId> for String {
    fn from(id: EnvelopeId) -> String {
        id.0
    }
}

impl fmt::Display for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The ticket that joins an answer to its delivery, such as `NR-0123456789AB` (see [`model::id::ticket`]).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ticket(String);

impl Ticket {
    /// The ticket of a delivery.
    #[must_use]
    pub fn of_delivery(delivery: DeliveryId) -> Self {
        Self(model::id::ticket(delivery))
    }

    /// The ticket of one letter of a delivery, counted from 0: the delivery's own with the letter's number behind it, so that
    /// whoever is called about it finds that letter and no other.
    #[must_use]
    pub fn of_letter(delivery: DeliveryId, index: u32) -> Self {
        Self(format!("{}-{}", model::id::ticket(delivery), u64::from(index) + 1))
    }

    /// The ticket as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Ticket {
    type Err = Unfit;
    /// # Errors
    /// [`BAD_TICKET`].
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        if (1..=40).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unfit::new(&BAD_TICKET, text))
        }
    }
}

impl TryFrom<String> for Ticket {
    type Error = Unfit;
    fn try_from(text: String) -> Result<Self, Unfit> {
        text.parse()
    }
}

impl From<Ticket> for String {
    fn from(ticket: Ticket) -> String {
        ticket.0
    }
}

/// The text of a letter: lines ended by LF, no control character but tab.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Letter(String);

impl Letter {
    /// The text; its lines end in LF.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Letter {
    type Err = Unfit;
    /// Reads a text with LF or CRLF.
    ///
    /// # Errors
    /// [`BAD_BODY_TEXT`]; a CR alone is a control character, because servers disagree about what it ends.
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let text = text.replace("\r\n", "\n");
        if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n')) {
            return Err(Unfit::new(&BAD_BODY_TEXT, &text));
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for Letter {
    type Error = Unfit;
    fn try_from(text: String) -> Result<Self, Unfit> {
        text.parse()
    }
}

impl From<Letter> for String {
    fn from(letter: Letter) -> String {
        letter.0
    }
}

impl fmt::Debug for Letter {
    /// The length only: a letter names its reader.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({} bytes)", self.0.len())
    }
}

/// Bytes with a name and a media type; what they mean is not the courier's business.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parcel {
    /// The name that the receiver sees.
    pub name: ParcelName,
    /// The media type.
    pub media_type: MediaType,
    /// The bytes, carried unchanged.
    #[serde(with = "as_base64")]
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Parcel {
    /// Without the bytes: they are protected more often than not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel")
            .field("name", &self.name)
            .field("media_type", &self.media_type)
            .field("length", &self.bytes.len())
            .finish()
    }
}

/// The name of a parcel: a plain file name of at most 120 bytes of UTF-8.
///
/// No separator, no control character, no full stop first, no character that Windows forbids in names, so that it can
/// be saved on the receiver's disk as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ParcelName(String);

impl ParcelName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ParcelName {
    type Err = Unfit;
    /// # Errors
    /// [`BAD_PARCEL_NAME`].
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let forbidden = |c: char| is_unfit(c) || "/\\:*?\"<>|".contains(c);
        if (1..=120).contains(&text.len())
            && !text.contains(forbidden)
            && !text.starts_with(['.', ' '])
            && !text.ends_with(['.', ' '])
            && !text.ends_with(disk::UNFINISHED)
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unfit::new(&BAD_PARCEL_NAME, text))
        }
    }
}

impl TryFrom<String> for ParcelName {
    type Error = Unfit;
    fn try_from(text: String) -> Result<Self, Unfit> {
        text.parse()
    }
}

impl From<ParcelName> for String {
    fn from(name: ParcelName) -> String {
        name.0
    }
}

/// The media type of a parcel, such as `text/csv; charset=utf-8` (RFC 2045, section 5.1).
///
/// Not `multipart/…` and not `message/…`: those may not be carried in base64 (RFC 2045, section 6.4), and everything
/// here is, so that no byte changes on the way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaType(String);

impl MediaType {
    /// The media type as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn lettre(&self) -> Option<ContentType> {
        ContentType::parse(&self.0).ok()
    }
}

impl FromStr for MediaType {
    type Err = Unfit;
    /// # Errors
    /// [`BAD_MEDIA_TYPE`].
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let (kind, rest) = text.split_once('/').unwrap_or_default();
        let subtype = rest.split(';').next().unwrap_or_default().trim_end();
        let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b));
        let named = [kind, subtype].iter().all(|name| !name.is_empty() && !name.contains([' ', '*']));
        let carried = !["multipart", "message"].iter().any(|not| kind.eq_ignore_ascii_case(not));
        if printable && named && carried && text.len() <= 120 && ContentType::parse(text).is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unfit::new(&BAD_MEDIA_TYPE, text))
        }
    }
}

impl TryFrom<String> for MediaType {
    type Error = Unfit;
    fn try_from(text: String) -> Result<Self, Unfit> {
        text.parse()
    }
}

impl From<MediaType> for String {
    fn from(media_type: MediaType) -> String {
        media_type.0
    }
}

/// Bytes as base64 in JSON.
mod as_base64 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(|_| serde::de::Error::custom("bytes are not base64"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A letter to one invented subscriber with one parcel.
    pub(crate) fn envelope(id: &str) -> Envelope {
        Envelope {
            id: id.parse().unwrap(),
            from: "狼煙 注意喚起窓口 <noroshi@example.org>".parse().unwrap(),
            to: vec![Recipient::Mail("山田 花子 <hanako@example.com>".parse().unwrap())],
            already: vec![],
            reply_to: Some("desk@example.org".parse().unwrap()),
            bounces_to: Some("bounces@example.org".parse().unwrap()),
            subject: "【重要】お使いの機器のウイルス感染について [NR-0123456789AB]".parse().unwrap(),
            text: "山田 花子 様\n\nお使いの機器がウイルスに感染しているおそれがあります。\n".parse().unwrap(),
            language: Lang::Ja,
            date: "2014-07-18T09:30:00+09:00".parse().unwrap(),
            ticket: Some("NR-0123456789AB".parse().unwrap()),
            delivery: Some("0190b0c4-1111-7222-8333-0123456789ab".parse().unwrap()),
            parcels: vec![Parcel {
                name: "対象一覧.csv".parse().unwrap(),
                media_type: "text/csv; charset=utf-8".parse().unwrap(),
                bytes: b"source.ip,time.source\n192.0.2.7,2014-07-01T00:00:00Z\n.\r\nlone\rbytes\0".to_vec(),
            }],
        }
    }

    #[test]
    fn names_that_would_leave_the_folder() {
        for bad in [
            "",
            ".",
            "..",
            "../a",
            "a/b",
            "a\\b",
            ".hidden",
            "a\0b",
            "a\nb",
            "a\"b",
            "c:a",
            "a.",
            "gpj.\u{202E}exe",
            "a.unfinished",
        ] {
            assert_eq!(bad.parse::<ParcelName>().unwrap_err().code(), &BAD_PARCEL_NAME, "{bad:?}");
        }
        assert!("対象 一覧 (第3回).csv".parse::<ParcelName>().is_ok());
        assert!("あ".repeat(40).parse::<ParcelName>().is_ok());
        assert!("あ".repeat(41).parse::<ParcelName>().is_err());
    }

    #[test]
    fn ids_tickets_and_media_types() {
        for bad in ["", ".", "a..b", ".a", "a.", "A", "a b", "a/b", "a@b", "日"] {
            assert_eq!(bad.parse::<EnvelopeId>().unwrap_err().code(), &BAD_ENVELOPE_ID, "{bad}");
        }
        let delivery: DeliveryId = "0190b0c4-1111-7222-8333-0123456789ab".parse().unwrap();
        let id = EnvelopeId::of_delivery(delivery, 7);
        assert_eq!(id.as_str().parse::<EnvelopeId>().unwrap(), id);
        assert_eq!(Ticket::of_delivery(delivery).as_str().parse::<Ticket>().unwrap().as_str(), "NR-0123456789AB");
        for bad in ["", "nr-1", "NR 1", "NR-1\r\n"] {
            assert_eq!(bad.parse::<Ticket>().unwrap_err().code(), &BAD_TICKET, "{bad:?}");
        }
        for bad in [
            "",
            "csv",
            "text/",
            "multipart/mixed; boundary=a",
            "message/rfc822",
            "*/*",
            "text/csv\r\nBcc: a",
            "text/ csv",
        ] {
            assert_eq!(bad.parse::<MediaType>().unwrap_err().code(), &BAD_MEDIA_TYPE, "{bad:?}");
        }
        for good in ["text/csv", "text/csv; charset=utf-8", "application/zip", "application/stix+json;version=2.1"] {
            assert!(good.parse::<MediaType>().is_ok(), "{good}");
        }
    }

    #[test]
    fn letters_have_one_kind_of_line_end() {
        assert_eq!("a\r\nb\n".parse::<Letter>().unwrap().as_str(), "a\nb\n");
        for bad in ["a\rb", "a\0", "a\u{1b}[0m", "a\u{85}b"] {
            assert_eq!(bad.parse::<Letter>().unwrap_err().code(), &BAD_BODY_TEXT, "{bad:?}");
        }
    }

    #[test]
    fn an_envelope_can_be_kept() {
        let envelope = envelope("e.1");
        let kept = serde_json::to_vec(&envelope).unwrap();
        assert_eq!(serde_json::from_slice::<Envelope>(&kept).unwrap(), envelope);
        let tampered = String::from_utf8(kept).unwrap().replace("hanako@example.com", "x\\r\\nRCPT TO:<y@example.com>");
        assert!(serde_json::from_str::<Envelope>(&tampered).is_err());
    }

    #[test]
    fn debug_names_nobody() {
        let text = format!("{:?}", envelope("e.1"));
        for secret in ["hanako", "花子", "感染", "192.0.2.7"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }

    #[test]
    fn who_remains() {
        let mut envelope = envelope("e.1");
        let hanako = envelope.to[0].clone();
        envelope.to.push(hanako.clone());
        assert_eq!(envelope.remaining(), [&hanako]);
        envelope.already.push(hanako);
        assert!(envelope.remaining().is_empty());
    }
}
